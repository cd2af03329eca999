// The way people do it today: a small HTTP service with a pool, one shared login, SET ROLE, a setting
// for the workspace, an audit row in the same transaction, and a reset of the connection.
//   node gateway_peer.js PORT_FILE CONNECTION_STRING ROLE
const fastify = require('fastify')();
const { Pool } = require('pg');
const fs = require('fs');
const crypto = require('crypto');

const [, , portFile, connectionString, role] = process.argv;
const pool = new Pool({ connectionString, max: 20 });
const keys = new Map([[crypto.createHash('sha256').update(process.env.TOKEN).digest('hex'), { id: 'bench', workspace: 'w' }]]);

fastify.post('/v1/sql/execute', async (request, reply) => {
  const token = (request.headers.authorization || '').replace(/^Bearer /, '');
  const key = keys.get(crypto.createHash('sha256').update(token).digest('hex'));
  if (!key) return reply.code(401).send({ title: 'invalid_api_key' });
  const started = Date.now();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL ROLE ${role}`);
    await client.query("SELECT set_config('app.workspace_id', $1, true)", [key.workspace]);
    const result = await client.query({ text: request.body.sql, values: request.body.params || [], rowMode: 'array' });
    await client.query('RESET ROLE');
    await client.query('INSERT INTO public.peer_audit (key_id, command, rows, at) VALUES ($1, $2, $3, now())', [key.id, result.command, result.rowCount]);
    await client.query('COMMIT');
    await client.query('DISCARD ALL');
    return { command: result.command, columns: result.fields.map((f) => f.name), rows: result.rows, rows_affected: result.rowCount, duration_ms: Date.now() - started };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    return reply.code(400).send({ title: 'database_error', detail: error.message });
  } finally {
    client.release();
  }
});

fastify.listen({ port: 0, host: '127.0.0.1' }).then((address) => fs.writeFileSync(portFile, address));
