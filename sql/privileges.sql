-- Who may what: the lanes, and nobody else. A whole provision works without superuser.

\pset format unaligned
CREATE ROLE regress_admin LOGIN IN ROLE appinfra_admin;
CREATE ROLE regress_publisher LOGIN IN ROLE appinfra_publisher;
CREATE ROLE regress_auditor LOGIN IN ROLE appinfra_auditor;
CREATE ROLE regress_gateway LOGIN IN ROLE appinfra_gateway;
CREATE ROLE regress_nobody LOGIN;

-- Every call, every view, every table, as each of them. (42501: refused; ok: it ran.)
CREATE TEMP TABLE act (n int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO act (statement) VALUES
    ('SELECT 1 FROM appinfra.provision_tenant(''app-priv'', ''u'', ''priv'')'),
    ('SELECT 1 FROM appinfra.retry_publication(-1)'),
    ('SELECT 1 FROM appinfra.rotate_credential(''db-0'')'),
    ('SELECT 1 FROM appinfra.issue_credential(''db-0'', ''owner'')'),
    ('SELECT 1 FROM appinfra.create_service_user(''db-0'', ''s'', ''h'')'),
    ('SELECT 1 FROM appinfra.drop_service_user(''db-0'', ''s'', ''h'')'),
    ('SELECT 1 FROM appinfra.set_rotation(''db-0'', NULL)'),
    ('SELECT 1 FROM appinfra.revoke_credential(''app_unknown'')'),
    ('SELECT 1 FROM appinfra.wait_revoked(''app_unknown'')'),
    ('SELECT 1 FROM appinfra.revoke_tenant(''db-0'')'),
    ('SELECT 1 FROM appinfra.retention()'),
    ('SELECT 1 FROM appinfra.deprovision_tenant(''db-0'')'),
    ('SELECT 1 FROM appinfra.restore_tenant(''db-0'')'),
    ('SELECT appinfra.is_running(''1'')'),
    ('SELECT appinfra.adopt_host()'),
    ('SELECT 1 FROM appinfra.claim_publications(''w'', 0)'),
    ('SELECT appinfra.extend_claim(-1, gen_random_uuid())'),
    ('SELECT appinfra.complete_publication(-1, gen_random_uuid())'),
    ('SELECT appinfra.fail_publication(-1, gen_random_uuid(), ''e'', ''no'')'),
    ('SELECT appinfra.service_username(''s'', ''h'')'),
    ('SELECT 1 FROM appinfra.version()'),
    ('SELECT 1 FROM appinfra.host_id()'),
    ('SELECT 1 FROM appinfra.public_address()'),
    ('SELECT 1 FROM (SELECT count(*) FROM appinfra.xid_use()) x'),
    ('SELECT 1 FROM (SELECT count(*) FROM appinfra.sessions(''db-0'')) x'),
    ('SELECT 1 FROM (SELECT count(*) FROM appinfra.statements(''db-0'')) x'),
    ('SELECT 1 FROM appinfra.terminate_session(''db-0'', 1, now())'),
    ('SELECT 1 FROM appinfra.server_certificate()'),
    ('SELECT 1 FROM appinfra.host_facts()'),
    ('SELECT 1 FROM appinfra.guard_state()'),
    ('SELECT appinfra.held_because()'),
    ('SELECT 1 FROM appinfra.mint_key(''db-0'', ''reader'')'),
    ('SELECT 1 FROM appinfra.publish_key(''db-0'', ''reader'')'),
    ('SELECT 1 FROM appinfra.rotate_key(''unknown'')'),
    ('SELECT 1 FROM appinfra.revoke_key(''unknown'')'),
    ('SELECT 1 FROM appinfra.wait_key_revoked(''unknown'')'),
    ('SELECT 1 FROM appinfra.gateway_hello(''g'')'),
    ('SELECT 1 FROM (SELECT count(*) FROM appinfra.gateway_key(''unknown'', ''x'')) x'),
    ('SELECT 1 FROM (SELECT count(*) FROM appinfra.gateway_keys(''{unknown}'')) x'),
    ('SELECT 1 FROM appinfra.gateway_login(''g'', ''db-0'', ''reader'')'),
    ('SELECT 1 FROM appinfra.gateway_begin(''g'', ''unknown'', NULL, NULL, NULL, ''k'', sha256(''''), NULL, NULL)'),
    ('SELECT 1 FROM appinfra.gateway_finish(''g'', ''unknown'', NULL, NULL, NULL, NULL, NULL, 200, NULL, NULL)'),
    ('SELECT 1 FROM appinfra.gateway_report(''g'', ''[]'')'),
    ('SELECT 1 FROM appinfra.gateway_mint_key(''unknown'', ''reader'')'),
    ('SELECT 1 FROM appinfra.gateway_rotate_key(''unknown'')'),
    ('SELECT 1 FROM appinfra.gateway_revoke_key(''unknown'', ''unknown'')'),
    ('SELECT 1 FROM appinfra.gateway_list_keys(''unknown'')'),
    ('SELECT 1 FROM (SELECT count(*) FROM appinfra.gateway_key_counts()) x'),
    ('SELECT 1 FROM appinfra.gateway_workspace(''unknown'')'),
    ('SELECT appinfra.has_sessions(1)'),
    ('SELECT appinfra.check_installation()'),
    ('SELECT 1 FROM appinfra.provision_bucket(''app-priv'', ''u'', ''priv'')'),
    ('SELECT 1 FROM appinfra.rotate_bucket_key(''buk-0'')'),
    ('SELECT 1 FROM appinfra.finish_bucket_rotation(''buk-0'')'),
    ('SELECT 1 FROM appinfra.revoke_bucket_key(''unknown'')'),
    ('SELECT 1 FROM appinfra.forget_bucket_key(''unknown'')'),
    ('SELECT 1 FROM appinfra.wait_bucket_revoked(''unknown'')'),
    ('SELECT 1 FROM appinfra.revoke_bucket(''buk-0'')'),
    ('SELECT 1 FROM appinfra.deprovision_bucket(''buk-0'')'),
    ('SELECT 1 FROM appinfra.restore_bucket(''buk-0'')'),
    ('SELECT 1 FROM appinfra.set_bucket_quota(''buk-0'', 1)'),
    ('SELECT 1 FROM appinfra.bucket_quota()'),
    ('SELECT appinfra.record_bucket_key(-1, gen_random_uuid(), ''A'')'),
    ('SELECT 1 FROM appinfra.claim_bucket_work(''w'', 0)'),
    ('SELECT appinfra.extend_bucket_work(''buk-0'', gen_random_uuid())'),
    ('SELECT appinfra.complete_bucket_work(''buk-0'', gen_random_uuid(), 1)'),
    ('SELECT appinfra.fail_bucket_work(''buk-0'', gen_random_uuid(), ''e'', ''other'')'),
    ('SELECT 1 FROM appinfra.begin_bucket_handout(''buk-0'', ''w'')'),
    ('SELECT 1 FROM appinfra.report_unknown_buckets(NULL)');
INSERT INTO act (statement)
    SELECT format('SELECT 1 FROM (SELECT count(*) FROM appinfra.%I) x', relname) FROM pg_class
     WHERE relnamespace = 'appinfra'::regnamespace AND relkind IN ('r', 'v') ORDER BY relkind, relname COLLATE "C";
INSERT INTO act (statement)
    SELECT statement FROM unnest(ARRAY[
    'UPDATE appinfra.databases SET notes = ''x''', 'DELETE FROM appinfra.audit', 'DELETE FROM appinfra.audit_log',
    'UPDATE appinfra.publication SET status = ''published''', 'INSERT INTO appinfra.host DEFAULT VALUES',
    'CREATE TABLE appinfra.mine ()', 'DROP FUNCTION appinfra.version()', 'DROP EXTENSION appinfra',
    'SELECT nextval(''appinfra.audit_log_id_seq'')', 'CREATE ROLE regress_other', 'SET ROLE postgres']) statement;
GRANT SELECT ON act TO PUBLIC;
CREATE TEMP TABLE seen (n int, who text, result text);
GRANT INSERT ON seen TO PUBLIC;
SET client_min_messages = warning;
SET appinfra.s3_endpoint = 'http://store.example:7480';
SELECT t.registry() AS before \gset
\set as_each 'INSERT INTO seen SELECT n, session_user, left(t.try(statement), 5) FROM act ORDER BY n;'
SET SESSION AUTHORIZATION regress_publisher;
:as_each
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_auditor;
:as_each
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_nobody;
:as_each
RESET SESSION AUTHORIZATION;
SELECT t.registry() = :'before' AS unchanged;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_admin;
:as_each
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION regress_gateway;
:as_each
RESET SESSION AUTHORIZATION;
SELECT a.statement,
       max(result) FILTER (WHERE who = 'regress_admin') AS admin,
       max(result) FILTER (WHERE who = 'regress_publisher') AS publisher,
       max(result) FILTER (WHERE who = 'regress_auditor') AS auditor,
       max(result) FILTER (WHERE who = 'regress_gateway') AS gateway,
       max(result) FILTER (WHERE who = 'regress_nobody') AS nobody
  FROM act a JOIN seen USING (n) GROUP BY a.n, a.statement ORDER BY a.n;
ROLLBACK;
RESET client_min_messages;
SELECT t.registry() = :'before' AS unchanged;

-- As admin a whole provision works: silently, and the audit says who it was.
SET SESSION AUTHORIZATION regress_admin;
SET client_min_messages = log;
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.provision_tenant('app-lane', 'u', 'lane',
    env => '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service", "READ_URL": "reader"}', publish => false) c;
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.provision_tenant('app-lane2', 'u', 'lane2') c;
RESET client_min_messages;
SELECT database, status FROM appinfra.databases WHERE app_id ~ '^app-lane' ORDER BY 1;
SELECT actor, effective_role, action, credential, outcome FROM appinfra.audit WHERE application_name !~ '^appinfra ' AND action <> 'register_app' ORDER BY id DESC LIMIT 2;
SELECT t.try('DROP ROLE app_lane'), t.try('ALTER ROLE app_lane PASSWORD ''x''') AS password,
       t.try('ALTER DATABASE app_lane CONNECTION LIMIT 1') AS database, t.try('GRANT app_lane_owner TO regress_admin') AS membership;
RESET SESSION AUTHORIZATION;

-- What he made is not his: neither the database nor the roles, nor a membership in them.
SELECT datname, datdba::regrole FROM pg_database WHERE datname ~ '^app_lane' ORDER BY 1;
SELECT roleid::regrole, member::regrole FROM pg_auth_members
 WHERE roleid::regrole::text ~ '^app_lane' ORDER BY 1, 2;
SELECT count(*) AS depends_on_admin FROM pg_shdepend
 WHERE refclassid = 'pg_authid'::regclass AND refobjid = 'regress_admin'::regrole;

-- The actor is who logged in, whatever the role has become.
GRANT appinfra_admin TO regress_publisher;
SET SESSION AUTHORIZATION regress_publisher;
SET ROLE appinfra_admin;
SELECT count(*) FROM appinfra.provision_tenant('app-lane3', 'u', 'lane3');
SELECT effective_role FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 1;
RESET SESSION AUTHORIZATION;
REVOKE appinfra_admin FROM regress_publisher;

-- As publisher a whole delivery works, with nothing else in reach.
SET SESSION AUTHORIZATION regress_publisher;
SET client_min_messages = log;
SELECT count(*) AS delivered FROM appinfra.claim_publications('p', 1000) p
 WHERE appinfra.complete_publication(p.publication_id, p.claim, '{"env_keys": []}');
RESET client_min_messages;
SELECT count(*) AS claimable FROM appinfra.claim_publications('p');
RESET SESSION AUTHORIZATION;
SELECT username, state FROM appinfra.credentials WHERE target IN ('app-lane2', 'app-lane3') ORDER BY 1;

-- A credential's whole life works without superuser, too, and stays out of reach otherwise.
SET SESSION AUTHORIZATION regress_admin;
SET client_min_messages = log;
SELECT db_id FROM appinfra.provision_tenant('app-lane4', 'u', 'lane4', publish => false) \gset
SELECT t.mask(url) AS url FROM appinfra.rotate_credential(:'db_id', publish => false);
SELECT t.mask(url) AS url FROM appinfra.issue_credential(:'db_id', 'reader', '1 day');
SELECT t.mask(url) AS url FROM appinfra.create_service_user(:'db_id', 'lane', 'n1', publish => false);
SELECT appinfra.set_rotation(:'db_id', '90 days');
SELECT appinfra.revoke_credential('app_lane4_2', 'test');
SELECT appinfra.wait_revoked('app_lane4_2');
SELECT appinfra.drop_service_user(:'db_id', 'lane', 'n1');
SELECT appinfra.revoke_tenant(:'db_id');
SELECT status FROM appinfra.restore_tenant(:'db_id');
SELECT appinfra.deprovision_tenant(:'db_id', '1 h');
CALL t.wait_for(format('(SELECT status = ''retained'' FROM appinfra.databases WHERE db_id = %L)', :'db_id'));
SELECT database FROM appinfra.restore_tenant(:'db_id');
SELECT appinfra.deprovision_tenant(:'db_id', '0');
RESET client_min_messages;
RESET SESSION AUTHORIZATION;
SELECT action, credential, outcome FROM appinfra.audit
 WHERE db_id = :'db_id' AND effective_role = 'regress_admin' ORDER BY id;
CALL t.wait_for_janitor();

-- A bucket's whole life, too: its keys are made by the sidecar, and handed out by who is in both lanes.
SET SESSION AUTHORIZATION regress_admin;
SELECT bucket_id FROM appinfra.provision_bucket('app-lane', 'u', 'files') \gset
SELECT status FROM appinfra.rotate_bucket_key(:'bucket_id');
SELECT appinfra.set_bucket_quota(:'bucket_id', 1000);
SELECT left(t.try(format('SELECT 1 FROM appinfra.begin_bucket_handout(%L, ''w'')', :'bucket_id')), 5) AS admin_alone;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_publisher;
SELECT publication_id, claim, storage #>> '{mint,access_key}' AS access_key FROM appinfra.claim_publications('p', producers => '{storage}') \gset
SELECT appinfra.record_bucket_key(:publication_id, :'claim', :'access_key') AS made, appinfra.complete_publication(:publication_id, :'claim') AS told;
SELECT left(t.try(format('SELECT 1 FROM appinfra.begin_bucket_handout(%L, ''w'')', :'bucket_id')), 5) AS publisher_alone;
SELECT t.try('SELECT * FROM appinfra.buckets') ~ '^42501' AS sees_none;
RESET SESSION AUTHORIZATION;
GRANT appinfra_admin TO regress_publisher;
SET SESSION AUTHORIZATION regress_publisher;
SELECT publication_id, claim, storage #>> '{mint,access_key}' AS access_key FROM appinfra.begin_bucket_handout(:'bucket_id', 'w') \gset
SELECT appinfra.record_bucket_key(:publication_id, :'claim', :'access_key') AS made, appinfra.complete_publication(:publication_id, :'claim') AS told;
RESET SESSION AUTHORIZATION;
REVOKE appinfra_admin FROM regress_publisher;
SET SESSION AUTHORIZATION regress_admin;
SELECT appinfra.finish_bucket_rotation(:'bucket_id') AS finished;
SELECT appinfra.revoke_bucket_key(:'access_key');
SELECT appinfra.revoke_bucket(:'bucket_id');
SELECT status FROM appinfra.restore_bucket(:'bucket_id');
SELECT appinfra.deprovision_bucket(:'bucket_id');
RESET SESSION AUTHORIZATION;
SELECT action, outcome FROM appinfra.audit WHERE db_id = :'bucket_id' AND effective_role ~ '^regress' ORDER BY id;
DO $$ BEGIN PERFORM appinfra.complete_publication(publication_id, claim) FROM appinfra.claim_publications('p', producers => '{storage}');
            PERFORM appinfra.complete_bucket_work(bucket_id, claim, generation) FROM appinfra.claim_bucket_work('p'); END $$;

-- A tenant's login has nothing of all this.
TRUNCATE seen;
SET SESSION AUTHORIZATION app_lane;
:as_each
RESET SESSION AUTHORIZATION;
SELECT result, count(*) FROM seen GROUP BY 1;

-- A caller's search_path and functions do not reach what runs as the owner.
CREATE SCHEMA regress_trap AUTHORIZATION regress_admin;
SET SESSION AUTHORIZATION regress_admin;
CREATE FUNCTION regress_trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION regress_trap.jsonb_each(jsonb, OUT key text, OUT value jsonb) RETURNS SETOF record LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION regress_trap.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE OPERATOR regress_trap.= (FUNCTION = regress_trap.eq, LEFTARG = text, RIGHTARG = text);
SET search_path = regress_trap, pg_catalog;
SELECT status, database FROM appinfra.provision_tenant('app-trap', 'u', 'trap', idempotency_key => 'trap');
RESET search_path;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
RESET client_min_messages;

DROP ROLE regress_admin, regress_publisher, regress_auditor, regress_gateway, regress_nobody;
