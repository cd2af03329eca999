-- via: the DSN of a variable has the address of the pooler, as long as the binding lives.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(t.mask(p.set::text), ' ' ORDER BY p.publication_id)
      FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE FUNCTION pg_temp.address(dsn text) RETURNS text LANGUAGE sql AS
    $$ SELECT replace(substring(dsn FROM '@([^/]+)/'), ':' || current_setting('port'), ':PORT') $$;
CREATE FUNCTION pg_temp.addresses(env jsonb) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(key || ' ' || pg_temp.address(value), ', ' ORDER BY key) FROM jsonb_each_text(env) $$;

-- Without a pooler: refused before anything is made.
SHOW appinfra.pooler_host;
SHOW appinfra.pooler_port;
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.provision_tenant(%L, %L, %L, env => %L, publish => %L)', 'app-via', 'u', 'via',
                    '{"READ_URL": "reader", "DATABASE_URL": {"access": "writer", "via": "pooler"}}', publish)) AS refused
  FROM unnest(ARRAY[true, false]) publish;
SELECT t.registry() = :'before' AS unchanged, count(*) AS apps FROM appinfra.apps WHERE app_id = 'app-via';

-- What is no address, and what is no entry.
SELECT t.try(format('SET appinfra.pooler_host = %L', host)) FROM unnest(ARRAY['a b', 'a,b', 'pool:6432', repeat('h', 256)]) host;
SELECT t.try(format('SET appinfra.pooler_port = %s', port)) FROM unnest(ARRAY[0, 65536]) port;
SET appinfra.pooler_host = 'pool.example';
SELECT entry, t.try(format('SELECT appinfra.provision_tenant(%L, %L, %L, env => %L)', 'app-via', 'u', 'via',
                           format('{"DATABASE_URL": %s}', entry))) AS refused
  FROM unnest(ARRAY['{}', '{"via": "pooler"}', '{"access": "owner"}', '{"access": "owner", "via": null}', '{"access": "owner", "via": ""}',
    '{"access": "owner", "via": "POOLER"}', '{"access": "owner", "via": "direct"}', '{"access": "owner", "via": ["pooler"]}',
    '{"access": "owner", "via": 7}', '{"access": "root", "via": "pooler"}', '{"access": null, "via": "pooler"}',
    '{"access": ["owner"], "via": "pooler"}', '{"access": "owner", "via": "pooler", "mode": "session"}',
    '["owner", "pooler"]', '"pooler"']) entry;
SELECT t.registry() = :'before' AS unchanged;

-- One variable goes through it, the other does not; none is added.
SELECT * FROM appinfra.provision_tenant('app-via', 'u', 'via', publish => false, idempotency_key => 'via',
    env => '{"READ_URL": "reader", "DATABASE_URL": {"access": "writer", "via": "pooler"}}') \gset
SELECT pg_temp.addresses(:'env') AS env, :'host' AS host, :port AS port, pg_temp.address(:'url') AS url, :'username' AS username;
SELECT variables, access, via FROM appinfra.bindings WHERE db_id = :'db_id' ORDER BY 1;
SELECT t.mask(:'url') AS url;
SELECT c.db_id = :'db_id' AS same, c.host, c.port, c.url, c.env
  FROM appinfra.provision_tenant('app-via', 'u', 'via', publish => false, idempotency_key => 'via',
    env => '{"READ_URL": "reader", "DATABASE_URL": {"access": "writer", "via": "pooler"}}') c;

-- It stays so when the credential is rotated, published again, or the tenant restored; a login of a person or a service
-- goes to the server.
SELECT pg_temp.address(url) AS rotated, host, port FROM appinfra.rotate_credential(:'db_id', publish => false);
SELECT pg_temp.address(url) = '127.0.0.1:PORT' AS rotated FROM appinfra.rotate_credential(:'db_id', 'READ_URL', publish => false);
SELECT host, port, url FROM appinfra.rotate_credential(:'db_id');
SELECT host, port, url FROM appinfra.rotate_credential(:'db_id');
SET appinfra.pooler_port = 7000;
SELECT pg_temp.addresses(substring(pg_temp.deliver() FROM '\{.*\}')::jsonb) AS published;
SELECT appinfra.republish(:'db_id') AS again;
SELECT regexp_count(pg_temp.deliver(), 'DATABASE_URL": "[^"]*@pool.example:PORT/') AS published_again;
SELECT pg_temp.address(url) = '127.0.0.1:PORT' AS issued FROM appinfra.issue_credential(:'db_id', 'owner');
SELECT env ->> 'PGHOST' AS service FROM appinfra.create_service_user(:'db_id', 'via', 'n1', publish => false);
SELECT appinfra.revoke_tenant(:'db_id') > 0 AS revoked;
SELECT pg_temp.addresses(env - 'PGHOST' - 'PGPORT' - 'PGUSER' - 'PGPASSWORD' - 'PGDATABASE' - 'PGSSLMODE') AS restored
  FROM appinfra.restore_tenant(:'db_id', publish => false);
SELECT appinfra.deprovision_tenant(:'db_id');
CALL t.wait_for(format('(SELECT status = ''retained'' FROM appinfra.databases WHERE db_id = %L)', :'db_id'));
SELECT pg_temp.addresses(env - 'PGHOST' - 'PGPORT' - 'PGUSER' - 'PGPASSWORD' - 'PGDATABASE' - 'PGSSLMODE') AS restored
  FROM appinfra.restore_tenant(:'db_id', publish => false);
SELECT variables, via FROM appinfra.bindings WHERE db_id = :'db_id' AND NOT ended AND variables <> '{PGUSER,PGPASSWORD,PGHOST,PGPORT,PGDATABASE,PGSSLMODE}' ORDER BY 1;

-- The pooler is taken away: such a variable is not rotated, and what is owed for it waits.
SET appinfra.pooler_host = '';
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.rotate_credential(%L, publish => %L)', :'db_id', publish)) AS refused FROM unnest(ARRAY[true, false]) publish;
SELECT t.registry() = :'before' AS unchanged;
SET appinfra.pooler_host = '::1';
SELECT pg_temp.address(url) AS rotated, url LIKE '%?sslmode=prefer' AS near FROM appinfra.rotate_credential(:'db_id', publish => false);
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
SELECT count(*) FROM appinfra.rotate_credential(:'db_id');
RESET appinfra.pooler_host;
SET client_min_messages = error;
SELECT count(*) AS claimed FROM appinfra.claim_publications('sidecar', 1000) WHERE app_id = 'app-via' AND set ? 'DATABASE_URL';
RESET client_min_messages;
SELECT status, error FROM appinfra.publications WHERE db_id = :'db_id' AND variables = '{DATABASE_URL}' ORDER BY publication_id DESC LIMIT 1;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
SELECT appinfra.deprovision_tenant(:'db_id', retain => '0');
CALL t.wait_for(format('(SELECT status = ''dropped'' FROM appinfra.databases WHERE db_id = %L)', :'db_id'));
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
