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
