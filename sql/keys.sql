-- API keys: minted, used, rotated, revoked; calls begun, finished, replayed.

\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT db_id FROM appinfra.provision_tenant('app-keys', 'u', 'keys', env => '{}') \gset
SELECT username, env_keys, workspace_id IS NOT NULL FROM appinfra.databases WHERE db_id = :'db_id';
SELECT workspace_id FROM appinfra.databases WHERE db_id = :'db_id' \gset

-- A key by each name of its workspace; its text is taken apart by position.
SELECT key_id, token FROM appinfra.mint_key(:'db_id', 'dbadmin', 'first') \gset
SELECT token ~ '^acd_live_[A-Za-z0-9_-]{16}_[A-Za-z0-9_-]{32}$', substr(:'token', 10, 16) = :'key_id' FROM (SELECT :'token' AS token) t;
SELECT key_id AS reader FROM appinfra.mint_key(:'workspace_id', 'reader', env => 'dev', valid_for => '1 day') \gset
SELECT key_id AS writer FROM appinfra.mint_key('keys', 'dbuser') \gset
SELECT role, env, name, status, expires_at > now(), replaces, last_used_at FROM appinfra.keys WHERE db_id = :'db_id' ORDER BY created_at;
SELECT count(*) FROM appinfra.key WHERE digest = sha256(convert_to(substr(:'token', 27), 'UTF8'));

-- What is refused.
SELECT t.try(s) FROM unnest(ARRAY[
    'SELECT appinfra.mint_key(''nothing'', ''reader'')',
    'SELECT appinfra.mint_key(''keys'', ''owner'')',
    'SELECT appinfra.mint_key(''keys'', ''reader'', env => ''prod'')',
    'SELECT appinfra.mint_key(''keys'', ''reader'', repeat(''n'', 129))',
    'SELECT appinfra.mint_key(''keys'', ''reader'', valid_for => ''-1 s'')',
    'SELECT appinfra.mint_key(NULL, ''reader'')',
    'SELECT appinfra.rotate_key(''nothing'')',
    'SELECT appinfra.revoke_key(''nothing'')',
    'SELECT appinfra.wait_key_revoked(''nothing'')']) s;
SELECT t.try(format('SELECT appinfra.rotate_key(%L, ''91 days'')', :'writer')) LIKE '22023%',
       t.try(format('SELECT appinfra.wait_key_revoked(%L)', :'writer')) LIKE '55000%';

-- The gateway knows a key by its hash, and only so.
SELECT role, env, name, status, workspace_status FROM appinfra.gateway_key(:'key_id', sha256(convert_to(substr(:'token', 27), 'UTF8')));
SELECT count(*) FROM appinfra.gateway_key(:'key_id', sha256('wrong'));
SELECT last_used_at IS NOT NULL FROM appinfra.keys WHERE key_id = :'key_id';

-- A call: reserved, in progress, finished, replayed; another request of the same name is refused.
BEGIN;
SELECT pg_current_xact_id() AS xid \gset
SELECT verdict FROM appinfra.gateway_begin('g', :'writer', 'r1', '/v1/sql/execute', '::1', 'once', sha256('a'), :'xid', pg_backend_pid());
SELECT verdict FROM appinfra.gateway_begin('g', :'writer', 'r1', '/v1/sql/execute', '::1', 'once', sha256('a'), :'xid', pg_backend_pid());
SELECT appinfra.gateway_finish('g', :'writer', 'r1', '/v1/sql/execute', '::1', call_id, :'xid', 200, 'body', '{"sqlstate": "00000"}')
  FROM appinfra.calls WHERE key_id = :'writer';
COMMIT;
SELECT verdict, status, convert_from(body, 'UTF8') FROM appinfra.gateway_begin('g', :'writer', 'r2', '/v1/sql/execute', '::1', 'once', sha256('a'), '9', 1);
SELECT verdict FROM appinfra.gateway_begin('g', :'writer', 'r2', '/v1/sql/execute', '::1', 'once', sha256('b'), '9', 1);
SELECT state, outcome, status FROM appinfra.calls WHERE key_id = :'writer';
SELECT action, credential = :'writer', outcome, client_address, detail - 'xid' FROM appinfra.audit WHERE credential = :'writer' AND action = 'sql_execute';

-- A call whose transaction was lost runs again, and its first attempt finishes nothing.
SELECT xid8 '3' AS old \gset
SELECT call_id, verdict FROM appinfra.gateway_begin('g', :'writer', 'r3', 'rpc', '::1', 'twice', sha256('a'), NULL, NULL) \gset
SELECT :'verdict';
SELECT verdict FROM appinfra.gateway_begin('g', :'writer', 'r4', 'rpc', '::1', 'twice', sha256('a'), :'xid', 0);
SELECT appinfra.gateway_finish('g', :'writer', 'r3', 'rpc', '::1', :call_id, :'old', 200, 'other', NULL);
-- A refusal has no id; without a body its name is free again.
SELECT appinfra.gateway_finish('g', :'writer', 'r4', 'rpc', '::1', :call_id, NULL, 408, NULL, NULL);
SELECT count(*) FROM appinfra.calls WHERE call_id = :call_id;

-- Rotation: the line stays, a second one is refused, the key itself may replace what nobody used.
SELECT key_id AS next FROM appinfra.rotate_key(:'key_id') \gset
SELECT k.replaces = :'key_id', k.line = :'key_id' FROM appinfra.key k WHERE key_id = :'next';
SELECT t.try(format('SELECT appinfra.rotate_key(%L)', :'key_id')) LIKE '42710%';
SELECT key_id <> :'next' FROM appinfra.gateway_rotate_key(:'key_id');
SELECT status FROM appinfra.keys WHERE key_id = :'next';

-- A key handles keys of its own workspace, if it is a dbadmin.
SELECT key_id AS made FROM appinfra.gateway_mint_key(:'key_id', 'reader', idempotency_key => 'k1') \gset
SELECT key_id AS made2, key_id <> :'made' AS differs FROM appinfra.gateway_mint_key(:'key_id', 'reader', idempotency_key => 'k1') \gset
SELECT status FROM appinfra.keys WHERE key_id = :'made';
SELECT count(*) FROM appinfra.gateway_list_keys(:'key_id');
-- They are counted by status.
SELECT count(*) AS differ FROM (SELECT status, count(*) AS keys FROM appinfra.keys GROUP BY 1) k
  FULL JOIN appinfra.gateway_key_counts() c USING (status, keys) WHERE k.status IS NULL OR c.status IS NULL;
SELECT t.try(format('SELECT appinfra.gateway_mint_key(%L, ''reader'')', :'writer')) LIKE '42501%',
       t.try(format('SELECT appinfra.gateway_list_keys(%L)', :'reader')) LIKE '42501%';
SELECT appinfra.gateway_revoke_key(:'reader', :'reader');

-- Revoked: nothing begins, nothing finishes.
SELECT appinfra.revoke_key(:'writer', 'test');
SELECT appinfra.revoke_key(:'writer', 'again');
SELECT appinfra.wait_key_revoked(:'writer');
SELECT verdict FROM appinfra.gateway_begin('g', :'writer', 'r', 'sql', '::1', 'n', sha256('a'), '3', 1);
SELECT appinfra.gateway_finish('g', :'writer', 'r', 'sql', '::1', NULL, NULL, 200, NULL, '{"pid": 1}');
SELECT status, workspace_status FROM appinfra.gateway_keys(ARRAY[:'writer', :'key_id', 'unknown']) ORDER BY status;
SELECT t.try(format('SELECT appinfra.gateway_rotate_key(%L)', :'writer')) LIKE '28000%';

-- What gateways report in batches.
SELECT appinfra.gateway_report('g', '[{"refused": "unknown_key", "client_address": "::1", "count": 7}]');
SELECT t.try('SELECT appinfra.gateway_report(''g'', ''[{"refused": "other"}]'')');
SELECT client_address, detail FROM appinfra.audit WHERE action = 'gateway';

-- Logins of gateways: an hour, the former one retires, and a start ends them all.
SELECT username AS login FROM appinfra.gateway_login('g', :'db_id', 'writer') \gset
SELECT split_part(rolpassword, ':', 1), rolvaliduntil - now() < '1 hour 1 s', l.label = :'db_id' || ' gateway writer'
  FROM pg_authid a JOIN pg_shseclabel l ON l.objoid = a.oid AND l.classoid = 'pg_authid'::regclass WHERE rolname = :'login';
SELECT count(*) FROM appinfra.gateway_login('g', :'db_id', 'writer');
SELECT state FROM appinfra.credentials WHERE username = :'login';
SELECT appinfra.gateway_hello('g');
SELECT DISTINCT state IN ('revoked', 'gone') FROM appinfra.credentials WHERE db_id = :'db_id';

-- A workspace that is not ready has no calls.
SELECT count(*) FROM appinfra.revoke_tenant(:'db_id');
SELECT verdict FROM appinfra.gateway_begin('g', :'key_id', 'r', 'sql', '::1', 'm', sha256('a'), '3', 1);
SELECT t.try(format('SELECT appinfra.mint_key(%L, ''reader'')', :'db_id')) LIKE '55000%';
SELECT t.try(format('SELECT appinfra.gateway_login(''g'', %L, ''owner'')', :'db_id')) LIKE '55000%';
