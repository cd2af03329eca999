import postgres from 'postgres';

const dsn = new URL(process.env.DATABASE_URL);
dsn.searchParams.delete('sslrootcert');
const sql = postgres(dsn.href, { ssl: { ca: process.env.DATABASE_CA_CERT }, max: 1 });
await sql`CREATE TABLE by_postgres_js (id int)`;
await sql`INSERT INTO by_postgres_js VALUES (1)`;
console.log((await sql`SELECT count(*) = 1 AS made FROM by_postgres_js`)[0].made);
await sql.end();
