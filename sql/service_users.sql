-- Users of services: their names, what happens when two have the same, what their claims carry.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE FUNCTION pg_temp.db(app text) RETURNS text LANGUAGE sql AS
    $$ SELECT db_id FROM appinfra.databases WHERE app_id = app $$;
CREATE FUNCTION pg_temp.long_form(app text, full_name text) RETURNS text LANGUAGE sql AS $$
    SELECT 'svc_' || left(substr(full_name, 5), 50) || '_'
        || left(encode(sha256(convert_to(pg_temp.db(app) || ':' || full_name, 'UTF8')), 'hex'), 8) $$;
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-svc/1%', 'u', 'svcone');
            PERFORM appinfra.provision_tenant('app-svc-2', 'u', 'svctwo'); PERFORM pg_temp.deliver(); END $$;

-- The vectors, literally; one user in the end per name.
SELECT v.expected, c.username = v.expected AS same, c.database, c.status, c.password, c.url, c.env::text
  FROM (VALUES
    ('mcp-server', 'host1', 'svc_mcp_server_host1'),
    ('appmcp-1', 'host1', 'svc_appmcp_1_host1'),
    ('appmcp-2', 'host1', 'svc_appmcp_2_host1'),
    ('my-mcp-service', 'host2', 'svc_my_mcp_service_host2'),
    ('mcp', 'n1', 'svc_mcp_n1'),
    ('very-long-service-name-that-exceeds-postgres-limit-significantly', 'host1',
     'svc_very_long_service_name_that_exceeds_postgres_limit_27b9b83d'),
    ('very-long-service-name-that-exceeds-postgres-limit-AAA', 'host1',
     'svc_very_long_service_name_that_exceeds_postgres_limit_1fe3f2fe')) AS v (service, host, expected),
       appinfra.create_service_user(pg_temp.db('app-svc/1%'), v.service, v.host) c;
SELECT username, access, state, target, variables FROM appinfra.credentials WHERE username = 'svc_mcp_n1';
SELECT env_keys AS of_the_app FROM appinfra.databases WHERE app_id = 'app-svc/1%';
SELECT action, credential, outcome, detail FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 1;

-- A claim carries the six variables, that change together, for a target of its own.
SELECT p.target, p.app_id, p.version, p.unset, p.set - 'PGPASSWORD' - 'PGPORT' AS set,
       p.set ->> 'PGPORT' = current_setting('port') AS port, jsonb_typeof(p.set -> 'PGPORT') AS type,
       t.has_password(p.set ->> 'PGUSER', p.set ->> 'PGPASSWORD') AS logs_in
  FROM appinfra.claim_publications('sidecar', 1000) p WHERE p.set ->> 'PGUSER' = 'svc_mcp_n1';
DO $$ BEGIN PERFORM appinfra.complete_publication(publication_id, claim) FROM appinfra.publication WHERE status = 'claimed'; END $$;
SELECT username, state, published_at IS NOT NULL AS published FROM appinfra.credentials WHERE username = 'svc_mcp_n1';
SELECT r.rolname, r.rolcanlogin AS login, r.rolinherit AS inherits,
       ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid) AS member_of, s.setconfig[1] AS role,
       s.setconfig[7] AS more FROM pg_roles r JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE rolname = 'svc_mcp_n1';

-- What would split a target in two is percent-encoded: no two services share one.
SELECT username FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'a/b', 'c%d', 'writer', publish => false) \gset
SELECT target, access FROM appinfra.credentials WHERE username = :'username';
SELECT count(*) FROM (VALUES ('x/y', 'z'), ('x', 'y/z'), ('x%2Fy', 'z')) v (s, h),
       appinfra.create_service_user(pg_temp.db('app-svc/1%'), v.s, v.h) c;
SELECT target, username FROM appinfra.credentials WHERE target ~ 'svc/x' ORDER BY 1;

-- Without publishing, the answer carries all six.
SELECT * FROM appinfra.create_service_user(pg_temp.db('app-svc-2'), 'job', 'n1', 'owner', publish => false) \gset
SELECT :'username' AS username, t.has_password(:'username', :'password') AS logs_in, t.mask(:'url') AS url,
       :'env'::jsonb - 'PGPORT' = jsonb_build_object('PGUSER', :'username', 'PGPASSWORD', :'password', 'PGHOST', :'host',
           'PGDATABASE', :'database', 'PGSSLMODE', 'prefer') AS env, :'env'::jsonb ->> 'PGPORT' = :'port' AS port;

-- One user for each service; also when another database of the same app wants one.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.create_service_user(%L, ''mcp'', ''n1'')', pg_temp.db('app-svc/1%'))) AS refused;
SELECT t.try(format('SELECT appinfra.create_service_user(%L, ''mcp'', ''n1'', ''writer'', false)', pg_temp.db('app-svc/1%'))) AS refused;
SELECT t.registry() = :'before' AS unchanged;
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-svc-2', 'u', 'svcthree', env => '{"SECOND_URL": "owner"}'); END $$;
SELECT t.try(format('SELECT appinfra.create_service_user(%L, ''job'', ''n1'')', d.db_id)) ~ '^23505' AS refused
  FROM appinfra.databases d WHERE database = 'app_svcthree';

-- The same plain name in another tenant: the long form, hashed over tenant and name, and remembered.
SELECT appinfra.service_username('a-b', 'c') = appinfra.service_username('a', 'b-c') AS collide;
SELECT username FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'a-b', 'c');
SELECT username = pg_temp.long_form('app-svc/1%', 'svc_a_b_c') AS long_form
  FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'a', 'b-c');
CREATE TEMP TABLE other AS SELECT db_id FROM appinfra.databases WHERE database = 'app_svctwo';
SELECT username = 'svc_a_b_c_' || left(encode(sha256(convert_to(db_id || ':svc_a_b_c', 'UTF8')), 'hex'), 8) AS long_form
  FROM other, LATERAL (SELECT c.username FROM appinfra.create_service_user(other.db_id, 'a', 'b-c') c) c;

-- ... also of a name that is long already.
SELECT username = left(appinfra.service_username(repeat('long-', 20), 'h'), 54)
       || '_' || left(encode(sha256(convert_to(db_id || ':svc_' || repeat('long_', 20) || '_h', 'UTF8')), 'hex'), 8) AS other_hash
  FROM (SELECT count(*) FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), repeat('long-', 20), 'h')) first,
       other, LATERAL (SELECT c.username FROM appinfra.create_service_user(other.db_id, repeat('long-', 20), 'h') c) c;

-- A role that the registry does not own is never taken over.
CREATE ROLE svc_foreign_h LOGIN PASSWORD 'x';
SELECT rolpassword AS verifier, oid AS id FROM pg_authid WHERE rolname = 'svc_foreign_h' \gset
SELECT username = 'svc_foreign_h_' || left(encode(sha256(convert_to(db_id || ':svc_foreign_h', 'UTF8')), 'hex'), 8) AS long_form
  FROM other, LATERAL (SELECT c.username FROM appinfra.create_service_user(other.db_id, 'foreign', 'h') c) c;
SELECT rolpassword = :'verifier' AND oid = :id AS untouched FROM pg_authid WHERE rolname = 'svc_foreign_h';
SELECT appinfra.drop_service_user(db_id, 'foreign', 'h') FROM other;
SELECT rolpassword = :'verifier' AND oid = :id AND rolcanlogin AS untouched FROM pg_authid WHERE rolname = 'svc_foreign_h';
DROP ROLE svc_foreign_h;

-- A delivery that may have arrived: the next claim needs another login of the same service. It is numbered,
-- and a service that is called so takes the long form.
SELECT username FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'num', 'h') \gset
DO $$ BEGIN PERFORM appinfra.fail_publication(p.publication_id, p.claim, 'timed out', 'unknown', now())
               FROM appinfra.claim_publications('sidecar', 1000) p WHERE p.set ->> 'PGUSER' = 'svc_num_h';
            PERFORM appinfra.complete_publication(publication_id, claim) FROM appinfra.publication WHERE status = 'claimed';
            PERFORM pg_temp.deliver(); END $$;
SELECT username, state, successor FROM appinfra.credentials WHERE username ~ '^svc_num_h' ORDER BY 1;
SELECT username = pg_temp.long_form('app-svc/1%', 'svc_num_h_2') AS long_form
  FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'num', 'h-2');

-- Dropped: the login is revoked, its variables are unset, and its name is free at once.
BEGIN;
SELECT appinfra.drop_service_user(pg_temp.db('app-svc/1%'), 'mcp', 'n1');
SELECT username FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'mcp', 'n1', 'writer');
COMMIT;
SELECT access, CASE state WHEN 'gone' THEN 'revoked' ELSE state END AS state, reason, target FROM appinfra.credentials
 WHERE username = 'svc_mcp_n1' ORDER BY created_at;
SELECT kind, status, version, username FROM appinfra.publications WHERE target = 'app-svc%2F1%25/svc/mcp/n1' ORDER BY publication_id;
SELECT action, credential, detail FROM appinfra.audit WHERE action IN ('drop_service_user', 'create_service_user') ORDER BY id DESC LIMIT 2;
SELECT appinfra.drop_service_user(pg_temp.db('app-svc/1%'), 'mcp', 'n1');
SELECT t.try(format('SELECT appinfra.drop_service_user(%L, ''mcp'', ''n1'')', pg_temp.db('app-svc/1%'))) AS refused;

-- Dropped before anything was delivered: its predecessor's variables are still to be unset.
SELECT p.target, p.set, p.unset FROM appinfra.claim_publications('sidecar', 1000) p
 WHERE p.target ~ '/mcp/' AND appinfra.complete_publication(p.publication_id, p.claim);
SELECT version = max(version) OVER () AS newest, kind, status FROM appinfra.publications
 WHERE target = 'app-svc%2F1%25/svc/mcp/n1' ORDER BY version DESC LIMIT 1;

-- Undone by a rollback.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT username FROM appinfra.create_service_user(pg_temp.db('app-svc/1%'), 'mcp', 'n3');
SELECT appinfra.drop_service_user(pg_temp.db('app-svc/1%'), 'appmcp-1', 'host1');
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
DO $$ BEGIN PERFORM appinfra.complete_publication(publication_id, claim) FROM appinfra.publication WHERE status = 'claimed'; END $$;
CALL t.wait_for_janitor();

-- Rotated: the successor has a number, and what it replaces retires as with rotate_credential().
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
SELECT username, password, env::text FROM appinfra.rotate_service_user(pg_temp.db('app-svc/1%'), 'appmcp-1', 'host1');
SELECT username FROM appinfra.rotate_service_user(pg_temp.db('app-svc/1%'), 'appmcp-1', 'host1');
SELECT username, state, successor FROM appinfra.credentials WHERE username ~ '^svc_appmcp_1' ORDER BY 1;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
SELECT username, state, retires_at - now() > interval '6 days' AS later, successor FROM appinfra.credentials
 WHERE username ~ '^svc_appmcp_1' ORDER BY 1;
SELECT action, credential, detail FROM appinfra.audit WHERE action = 'rotate_service_user' ORDER BY id DESC LIMIT 1;
-- Handed over instead of published.
SELECT * FROM appinfra.rotate_service_user(pg_temp.db('app-svc/1%'), 'appmcp-2', 'host1', grace => '1 day', publish => false) \gset
SELECT :'username' AS username, t.has_password(:'username', :'password') AS logs_in;
-- Without grace it keeps its name: what was there is revoked at once, a successor that nobody received included.
SELECT username FROM appinfra.rotate_service_user(pg_temp.db('app-svc/1%'), 'appmcp-2', 'host1');
SELECT username FROM appinfra.rotate_service_user(pg_temp.db('app-svc/1%'), 'appmcp-2', 'host1', grace => '0');
SELECT username, CASE state WHEN 'gone' THEN 'revoked' ELSE state END AS state, reason FROM appinfra.credentials
 WHERE target ~ '/appmcp-2/' ORDER BY created_at;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
SELECT username, state FROM appinfra.credentials WHERE target ~ '/appmcp-2/' AND state = 'active';
SELECT arguments, t.try('SELECT appinfra.rotate_service_user(' || format(arguments, pg_temp.db('app-svc/1%')) || ')') AS refused
  FROM unnest(ARRAY['NULL, ''a'', ''b''', '''db-000000000000'', ''a'', ''b''', '%L, ''none'', ''host1''', '%L, NULL, ''host1''',
    '%L, ''appmcp-1'', NULL', '%L, '''', ''host1''', '%L, repeat(''x'', 129), ''h''', '%L, ''appmcp-1'', ''host1'', NULL',
    '%L, ''appmcp-1'', ''host1'', ''-1 s''', '%L, ''appmcp-1'', ''host1'', ''1 s'', NULL', '%L, ''appmcp-1'', ''host1'', publish => NULL']) arguments;

-- A list of the services that are wanted: made, kept, dropped; the second time it changes nothing.
SELECT db_id FROM appinfra.provision_tenant('app-svc-list', 'u', 'svclist') \gset
SELECT username FROM appinfra.create_service_user(:'db_id', 'extra', 'n1');
SELECT username FROM appinfra.create_service_user(:'db_id', 'jobs', 'n1', 'owner');
CREATE FUNCTION pg_temp.set(services jsonb) RETURNS TABLE (service_id text, host_id text, username text, action text) LANGUAGE sql AS
    $$ SELECT s.* FROM appinfra.set_services(pg_temp.db('app-svc-list'), services) s $$;
SELECT * FROM pg_temp.set('[{"service_id": "jobs", "host_id": "n1", "access": "owner"}, {"service_id": "web", "host_id": "n1"},
    {"service_id": "web", "host_id": "n2", "access": "writer"}]');
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT * FROM pg_temp.set('[{"service_id": "jobs", "host_id": "n1", "access": "owner"}, {"service_id": "web", "host_id": "n1"},
    {"service_id": "web", "host_id": "n2", "access": "writer"}]');
SELECT t.registry() = :'before' AS unchanged;
-- Another access is another user, under the same name.
SELECT * FROM pg_temp.set('[{"service_id": "web", "host_id": "n2", "access": "reader"}]');
SELECT username, access FROM appinfra.credentials WHERE db_id = :'db_id' AND target ~ '/svc/' AND state = 'waiting';
-- One whose credential was revoked stays so, and is kept.
SELECT appinfra.revoke_credential('svc_web_n2');
SELECT * FROM pg_temp.set('[{"service_id": "web", "host_id": "n2"}]');
SELECT * FROM pg_temp.set('[]');
SELECT * FROM pg_temp.set('[]');
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT services, t.try(format('SELECT * FROM appinfra.set_services(%L, %L)', :'db_id', services)) AS refused
  FROM unnest(ARRAY[NULL, 'null', '1', '"x"', '{}', '[1]', '[[]]', '[{}]', '[{"service_id": "a"}]', '[{"service_id": 1, "host_id": "b"}]',
    '[{"service_id": "a", "host_id": ""}]', '[{"service_id": "a", "host_id": "b", "access": "root"}]',
    '[{"service_id": "a", "host_id": "b", "access": null}]', '[{"service_id": "a", "host_id": "b", "more": 1}]',
    '[{"service_id": "a", "host_id": "b"}, {"service_id": "a", "host_id": "b", "access": "owner"}]']) services;
SELECT t.try(format('SELECT * FROM appinfra.set_services(%L, (SELECT jsonb_agg(''{"service_id": "a", "host_id": "b"}''::jsonb) FROM generate_series(1, 257)))', :'db_id')) AS refused;
SELECT t.try('SELECT * FROM appinfra.set_services(NULL, ''[]'')') AS refused;
SELECT t.try('SELECT * FROM appinfra.set_services(''db-000000000000'', ''[]'')') AS refused;
SELECT t.registry() = :'before' AS unchanged;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CALL t.wait_for_janitor();
