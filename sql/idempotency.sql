-- idempotency_key: the same request gives the same tenant, without its password; another is refused.

SELECT * FROM appinfra.provision_tenant('app-idem', 'user@example.com', 'idem', publish => false,
    env => '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}', idempotency_key => 'key-1') \gset
SELECT t.registry() AS before \gset

-- Again: same tenant, same names, no secret; nothing is made, not even an audit row.
SELECT c.db_id = :'db_id' AS same_tenant, c.status, c.host = :'host' AS same_host, c.port = :'port' AS same_port,
       c.database, c.username, c.password, c.url, c.env
  FROM appinfra.provision_tenant('app-idem', 'user@example.com', 'idem', publish => false,
    env => '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}', idempotency_key => 'key-1') c;

-- The order of env and the engine's default make no other request.
SELECT c.db_id = :'db_id' AS same_tenant FROM appinfra.provision_tenant('app-idem', 'user@example.com', 'idem',
    'postgres', '{ "DATABASE_SERVICE_URL":"service","DATABASE_URL":"writer" }', false, 'key-1') c;
SELECT t.registry() = :'before' AS unchanged;

-- Each argument counts.
SELECT t.try(format('SELECT appinfra.provision_tenant(%L, %L, %L, %L, %L, %L, %L)', app, owner, slug, 'postgres',
                    env, publish, 'key-1'))
  FROM (VALUES
    ('app-idem2', 'user@example.com', 'idem', '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}', false),
    ('app-idem', 'other@example.com', 'idem', '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}', false),
    ('app-idem', 'user@example.com', 'i-dem', '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}', false),
    ('app-idem', 'user@example.com', 'idem', '{"DATABASE_URL": "owner", "DATABASE_SERVICE_URL": "service"}', false),
    ('app-idem', 'user@example.com', 'idem', '{"DATABASE_URL": "writer"}', false),
    ('app-idem', 'user@example.com', 'idem', '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}', true))
       v (app, owner, slug, env, publish);
SELECT t.registry() = :'before' AS unchanged;

-- Keys are compared byte by byte, and arguments are checked before the key is.
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-idem3', 'u', 'idem', idempotency_key => 'KEY-1')).status $$);
SELECT t.try($$ SELECT appinfra.provision_tenant('app-idem', 'u', 'IDEM', idempotency_key => 'key-1') $$);

-- A published one: the repetition is as silent as the first answer.
SELECT t.mask(to_jsonb(c)::text) AS first FROM appinfra.provision_tenant('app-idem4', 'u', 'idem4', idempotency_key => 'key-4') c;
SELECT t.mask(to_jsonb(c)::text) AS again FROM appinfra.provision_tenant('app-idem4', 'u', 'idem4', idempotency_key => 'key-4') c;
SELECT count(*) AS publications FROM appinfra.publications WHERE app_id = 'app-idem4';

-- Within the transaction that made it, too; and a key whose transaction rolled back is free.
BEGIN;
SELECT (appinfra.provision_tenant('app-idem5', 'u', 'idem5', idempotency_key => 'key-5')).db_id AS made \gset
SELECT (appinfra.provision_tenant('app-idem5', 'u', 'idem5', idempotency_key => 'key-5')).db_id = :'made' AS same;
ROLLBACK;
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-idem6', 'u', 'idem6', idempotency_key => 'key-5')).database $$);

-- Without a key, a repetition is a second request, and the variable is taken.
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-idem7', 'u', 'idem7')).database $$);
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-idem7', 'u', 'idem7')).database $$);

-- Only the key's length and characters are limited.
SELECT t.try(format($$ SELECT (appinfra.provision_tenant('app-k' || %s, 'u', 'k', idempotency_key => %L)).status $$, n, key))
  FROM (VALUES (1, repeat('k', 255)), (2, repeat('k', 256)), (3, ''), (4, 'a b'), (5, 'ä'), (6, '''; --')) v (n, key);
