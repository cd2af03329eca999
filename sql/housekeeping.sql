-- Housekeeping goes on, whatever fails and however often, and touches nothing that is not the tenant's.

\pset format unaligned
CREATE FUNCTION pg_temp.db(app text) RETURNS text LANGUAGE sql AS
    $$ SELECT db_id FROM appinfra.databases WHERE app_id = app $$;
DO $$ BEGIN
    PERFORM appinfra.provision_tenant('app-tidy', 'u', 'tidy', publish => false);
    PERFORM appinfra.provision_tenant('app-tidy-2', 'u', 'tidytwo', publish => false);
END $$;

-- After 1,025 failures a login is still tried again, and so is a tenant; in the end both go.
GRANT USAGE ON SCHEMA t TO app_tidytwo;
CREATE FUNCTION t.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
CREATE EVENT TRIGGER tidy_refuse ON ddl_command_start WHEN TAG IN ('DROP OWNED') EXECUTE FUNCTION t.refuse();
BEGIN;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-tidy-2'), '0');
UPDATE appinfra.tenant SET attempts = 1024 WHERE app_id = 'app-tidy-2';
UPDATE appinfra.credential SET attempts = 1024 WHERE username = 'app_tidytwo';
COMMIT;
CALL t.wait_for($c$ (SELECT attempts > 1024 FROM appinfra.credentials WHERE username = 'app_tidytwo') $c$);
SELECT state, last_error, extract(epoch FROM try_at - clock_timestamp()) BETWEEN 200 AND 300 AS later
  FROM appinfra.credential WHERE username = 'app_tidytwo';
CALL t.wait_for($c$ (SELECT attempts > 0 FROM appinfra.tenant WHERE app_id = 'app-tidy-2' AND status = 'dropping') $c$);
UPDATE appinfra.tenant SET attempts = 1025, try_at = now() WHERE app_id = 'app-tidy-2';
CALL t.wait_for($c$ (SELECT attempts > 1025 FROM appinfra.tenant WHERE app_id = 'app-tidy-2') $c$);
SELECT status, last_error FROM appinfra.databases WHERE app_id = 'app-tidy-2';
DROP EVENT TRIGGER tidy_refuse;
UPDATE appinfra.credential SET try_at = now() WHERE username = 'app_tidytwo';
UPDATE appinfra.tenant SET try_at = now() WHERE app_id = 'app-tidy-2';
CALL t.wait_for($c$ (SELECT status = 'dropped' FROM appinfra.databases WHERE app_id = 'app-tidy-2') $c$);

-- What cannot be retired, or rotated, is put off, and says why. It does when it can.
CREATE TEMP TABLE stuck AS SELECT (appinfra.issue_credential(pg_temp.db('app-tidy'), 'reader', '1 hour')).username;
CREATE FUNCTION t.not_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
CREATE TRIGGER not_now BEFORE UPDATE OF revoked_at ON appinfra.credential FOR EACH ROW EXECUTE FUNCTION t.not_now();
UPDATE appinfra.credential SET valid_until = clock_timestamp() WHERE username IN (SELECT username FROM stuck);
CALL t.wait_for($c$ (SELECT attempts > 2 FROM appinfra.credential WHERE username = (SELECT username FROM stuck)) $c$);
SELECT state, last_error, try_at > clock_timestamp() AS later FROM appinfra.credential WHERE username IN (SELECT username FROM stuck);
DROP TRIGGER not_now ON appinfra.credential;
UPDATE appinfra.credential SET try_at = now() WHERE username IN (SELECT username FROM stuck);
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = (SELECT username FROM stuck)) $c$);
SELECT reason, attempts, last_error FROM appinfra.credentials WHERE username IN (SELECT username FROM stuck);

CREATE TRIGGER not_now BEFORE INSERT ON appinfra.credential FOR EACH ROW EXECUTE FUNCTION t.not_now();
UPDATE appinfra.credential SET published_at = now() - interval '11 days' WHERE db_id = pg_temp.db('app-tidy') AND binding_id IS NOT NULL;
SELECT appinfra.set_rotation(pg_temp.db('app-tidy'), '10 days');
CALL t.wait_for($c$ (SELECT bool_and(attempts > 0) FROM appinfra.binding WHERE app_id = 'app-tidy') $c$);
SELECT last_error FROM appinfra.binding WHERE app_id = 'app-tidy';
DROP TRIGGER not_now ON appinfra.credential;
UPDATE appinfra.binding SET try_at = now() WHERE app_id = 'app-tidy';
CALL t.wait_for($c$ EXISTS (SELECT FROM appinfra.publications WHERE app_id = 'app-tidy' AND status = 'pending') $c$);
SELECT attempts, last_error FROM appinfra.binding WHERE app_id = 'app-tidy';

-- What bears a tenant's names, but was made by somebody else, is left as it is; what is gone is told.
DO $$ BEGIN
    PERFORM appinfra.provision_tenant('app-tidy-3', 'u', 'tidythree', publish => false);
    PERFORM appinfra.provision_tenant('app-tidy-4', 'u', 'tidyfour', publish => false);
END $$;
BEGIN;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-tidy-3'), '0');
UPDATE appinfra.tenant SET try_at = 'infinity' WHERE app_id = 'app-tidy-3';
UPDATE appinfra.credential SET try_at = 'infinity' WHERE db_id = pg_temp.db('app-tidy-3');
COMMIT;
CALL t.wait_for($c$ (SELECT sessions_ended_at IS NOT NULL FROM appinfra.credentials WHERE username = 'app_tidythree') $c$);
DROP DATABASE app_tidythree;
DROP OWNED BY app_tidythree;
DROP ROLE app_tidythree;
DROP ROLE app_tidythree_reader;
CREATE ROLE app_tidythree LOGIN;
CREATE ROLE app_tidythree_reader;
CREATE DATABASE app_tidythree OWNER app_tidythree;
UPDATE appinfra.credential SET try_at = now() WHERE db_id = pg_temp.db('app-tidy-3');
UPDATE appinfra.tenant SET try_at = now() WHERE app_id = 'app-tidy-3';
CALL t.wait_for($c$ (SELECT status = 'dropped' FROM appinfra.databases WHERE app_id = 'app-tidy-3') $c$);
SELECT datname, datallowconn, datdba::regrole FROM pg_database WHERE datname = 'app_tidythree';
SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname ~ '^app_tidythree' ORDER BY 1;
SELECT action, credential, detail - 'env_keys' AS detail FROM appinfra.audit
 WHERE db_id = pg_temp.db('app-tidy-3') AND action ~ '^(lose|drop)_' ORDER BY action, id;
SELECT state FROM appinfra.credentials WHERE db_id = pg_temp.db('app-tidy-3');
SELECT count(*) AS left_over FROM pg_shseclabel WHERE label ~ pg_temp.db('app-tidy-3');
DROP DATABASE app_tidythree;
DROP ROLE app_tidythree, app_tidythree_reader;

-- A database that somebody renamed goes on under its new name, and goes when it is to go.
ALTER DATABASE app_tidyfour RENAME TO app_tidyrenamed;
CALL t.wait_for($c$ (SELECT database = 'app_tidyrenamed' FROM appinfra.databases WHERE app_id = 'app-tidy-4') $c$);
SELECT detail FROM appinfra.audit WHERE db_id = pg_temp.db('app-tidy-4') AND action = 'rename_database';
SELECT database, username, t.has_password(username, password) AS logs_in FROM appinfra.rotate_credential(pg_temp.db('app-tidy-4'), publish => false);
SELECT appinfra.revoke_tenant(pg_temp.db('app-tidy-4'));
SELECT database FROM appinfra.restore_tenant(pg_temp.db('app-tidy-4'), publish => false);
BEGIN;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-tidy-4'), '0');
ALTER DATABASE app_tidyrenamed RENAME TO app_tidyagain;
COMMIT;
CALL t.wait_for($c$ (SELECT status = 'dropped' FROM appinfra.databases WHERE app_id = 'app-tidy-4') $c$);
SELECT count(*) AS databases FROM pg_database WHERE datname ~ '^app_tidy(four|renamed|again)';
SELECT count(*) AS roles FROM pg_roles WHERE rolname ~ '^app_tidy(four|renamed|again)';

-- A tenant whose database, login and group somebody dropped can be revoked and deprovisioned.
SELECT appinfra.provision_tenant('app-tidy-5', 'u', 'tidyfive', publish => false) IS NOT NULL AS provisioned;
DROP DATABASE app_tidyfive;
DROP OWNED BY app_tidyfive, app_tidyfive_owner;
DROP ROLE app_tidyfive, app_tidyfive_owner;
SELECT appinfra.revoke_tenant(pg_temp.db('app-tidy-5')) AS revoked;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-tidy-5'), '0');
CALL t.wait_for($c$ (SELECT status = 'dropped' FROM appinfra.databases WHERE app_id = 'app-tidy-5') $c$);
SELECT action, detail FROM appinfra.audit WHERE db_id = pg_temp.db('app-tidy-5') AND action ~ '^lose_' ORDER BY action;
SELECT count(*) AS left_over FROM pg_shseclabel WHERE label ~ pg_temp.db('app-tidy-5');

-- A shell that somebody renamed is his; nobody who wants a database gets it, or fails for it.
CALL t.wait_for_pool();
SELECT database AS shell FROM appinfra.pool WHERE status = 'ready' ORDER BY ready_at LIMIT 1 \gset
ALTER DATABASE :"shell" RENAME TO tidy_renamed;
SELECT database FROM appinfra.provision_tenant('app-tidy-6', 'u', 'tidysix', publish => false);
CALL t.wait_for(format('EXISTS (SELECT FROM pg_database WHERE datname = %L)', :'shell'));
SELECT count(*) AS still_there FROM pg_database WHERE datname = 'tidy_renamed';
DROP DATABASE tidy_renamed;

-- A database that has the OID which was planned for a shell is not taken for it.
CREATE DATABASE tidy_stranger;
BEGIN;
DO $$ DECLARE a text; BEGIN
    FOREACH a IN ARRAY ARRAY['owner', 'writer', 'reader', 'service'] LOOP
        EXECUTE format('CREATE ROLE %I', 'appinfra_00000000feed_' || a);
        EXECUTE format('SECURITY LABEL FOR appinfra ON ROLE %I IS %L', 'appinfra_00000000feed_' || a, 'db-00000000feed group ' || a);
    END LOOP;
END $$;
INSERT INTO appinfra.shell (db_id, database, database_oid, hardening)
SELECT 'db-00000000feed', 'appinfra_00000000feed', d.oid, t.hardening FROM pg_database d, appinfra.template t WHERE datname = 'tidy_stranger';
COMMIT;
CALL t.wait_for($c$ EXISTS (SELECT FROM appinfra.audit WHERE db_id = 'db-00000000feed' AND action = 'build_shell') $c$);
SELECT datallowconn, datacl, (SELECT count(*) FROM pg_shseclabel WHERE objoid = oid) AS labels FROM pg_database WHERE datname = 'tidy_stranger';
DROP DATABASE tidy_stranger;
CALL t.wait_for_pool();
