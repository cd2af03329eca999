import pg from 'pg';

const dsn = new URL(process.env.DATABASE_URL);
dsn.search = '';
const client = new pg.Client({ connectionString: dsn.href, ssl: { ca: process.env.DATABASE_CA_CERT } });
await client.connect();
await client.query('CREATE TABLE by_node_postgres_variable (id int)');
await client.query('INSERT INTO by_node_postgres_variable VALUES (1)');
console.log((await client.query('SELECT count(*) = 1 AS made FROM by_node_postgres_variable')).rows[0].made);
await client.end();
