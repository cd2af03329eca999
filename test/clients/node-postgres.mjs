import pg from 'pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query('CREATE TABLE by_node_postgres (id int)');
await client.query('INSERT INTO by_node_postgres VALUES (1)');
console.log((await client.query('SELECT count(*) = 1 AS made FROM by_node_postgres')).rows[0].made);
await client.end();
