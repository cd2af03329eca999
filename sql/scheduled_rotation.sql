-- Rotation on a schedule: what was published longer ago than rotate_after is rotated and published by
-- the worker; never while a publication of the variable is open.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE FUNCTION pg_temp.db(app text) RETURNS text LANGUAGE sql AS
    $$ SELECT db_id FROM appinfra.databases WHERE app_id = app $$;
DO $$ BEGIN
    PERFORM appinfra.provision_tenant('app-sched-' || n, 'u', 'sched' || n, env => '{"DATABASE_URL": "owner", "READ_URL": "reader"}')
       FROM unnest(ARRAY['due', 'young', 'open', 'failed', 'never', 'issued', 'host']) n;
    PERFORM appinfra.create_service_user(pg_temp.db('app-sched-issued'), 'sched', 'h');
    PERFORM appinfra.issue_credential(pg_temp.db('app-sched-issued'), 'owner');
    PERFORM pg_temp.deliver();
END $$;
CREATE TEMP VIEW rotated AS
    SELECT app_id, count(*) AS open, string_agg(DISTINCT variables[1], ' ') AS variables, string_agg(DISTINCT status, ' ') AS status
      FROM appinfra.publications WHERE app_id ~ '^app-sched' AND status IN ('pending', 'claimed', 'failed')
     GROUP BY 1 ORDER BY 1;

-- The override is shown, audited, undone by a rollback, and taken back by NULL.
SELECT rotate_after FROM appinfra.databases WHERE app_id = 'app-sched-due';
BEGIN;
SELECT appinfra.set_rotation(pg_temp.db('app-sched-due'), '1 day');
SELECT rotate_after FROM appinfra.databases WHERE app_id = 'app-sched-due';
ROLLBACK;
SELECT rotate_after FROM appinfra.databases WHERE app_id = 'app-sched-due';
SELECT appinfra.set_rotation(pg_temp.db('app-sched-due'), '10 days');
SELECT appinfra.set_rotation(pg_temp.db('app-sched-due'), NULL);
SELECT rotate_after FROM appinfra.databases WHERE app_id = 'app-sched-due';
SELECT action, credential, detail, outcome FROM appinfra.audit WHERE db_id = pg_temp.db('app-sched-due') ORDER BY id DESC LIMIT 2;

-- Published 11 days ago, all of them, but the young ones 7 days: less than 0.8 of 10.
UPDATE appinfra.credential c SET published_at = now() - interval '11 days' FROM appinfra.tenant t
 WHERE t.db_id = c.db_id AND t.app_id ~ '^app-sched' AND t.app_id <> 'app-sched-young' AND published_at IS NOT NULL;
UPDATE appinfra.credential c SET published_at = now() - interval '7 days' FROM appinfra.tenant t
 WHERE t.db_id = c.db_id AND t.app_id = 'app-sched-young';
-- One is being published just now, one has failed for good: both stay as they are.
DO $$ BEGIN PERFORM appinfra.rotate_credential(pg_temp.db('app-sched-failed'), v)
              FROM unnest(ARRAY['DATABASE_URL', 'READ_URL']) v;
            PERFORM appinfra.fail_publication(p.publication_id, p.claim, 'foreign_owner', 'no')
               FROM appinfra.claim_publications('sidecar') p;
            PERFORM appinfra.rotate_credential(pg_temp.db('app-sched-open')); END $$;
TABLE rotated;

-- All overrides at once, so that the same turns of the worker look at all; "due" is the witness.
BEGIN;
SELECT count(appinfra.set_rotation(pg_temp.db('app-sched-' || n), '10 days'))
  FROM unnest(ARRAY['due', 'young', 'open', 'failed', 'issued']) n;
SELECT appinfra.set_rotation(pg_temp.db('app-sched-never'), '0');
COMMIT;
CALL t.wait_for($c$ (SELECT count(*) = 2 FROM appinfra.publications WHERE app_id = 'app-sched-due' AND status = 'pending') $c$);
CALL t.wait_for($c$ (SELECT count(*) = 3 FROM appinfra.publications WHERE app_id = 'app-sched-issued' AND status = 'pending') $c$);
CALL t.wait_for($c$ (SELECT count(*) = 2 FROM appinfra.publications WHERE app_id = 'app-sched-open' AND status = 'pending') $c$);
TABLE rotated;
SELECT username, state, published_at IS NOT NULL AS published FROM appinfra.credentials
 WHERE target = 'app-sched-due' ORDER BY 1;
-- A service user has a successor as well, whose name has a number; what was issued to a person has none.
SELECT c.username, state FROM appinfra.credentials c JOIN appinfra.databases d USING (db_id)
 WHERE d.app_id = 'app-sched-issued' AND target IS DISTINCT FROM 'app-sched-issued' ORDER BY 1;
SELECT credential, outcome, detail FROM appinfra.audit
 WHERE action = 'rotate_service_user' AND db_id = pg_temp.db('app-sched-issued');
SELECT credential, outcome, detail FROM appinfra.audit
 WHERE action = 'rotate_credential' AND db_id = pg_temp.db('app-sched-due') ORDER BY credential;

-- The setting of the host is for those without an override, and 0 days of one's own is never.
ALTER SYSTEM SET appinfra.rotate_after = '10d';
SELECT pg_reload_conf();
CALL t.wait_for($c$ (SELECT count(*) = 2 FROM appinfra.publications WHERE app_id = 'app-sched-host' AND status = 'pending') $c$);
ALTER SYSTEM RESET appinfra.rotate_after;
SELECT pg_reload_conf();
TABLE rotated;

-- Delivered, they are not due again; so nothing is owed for long.
SELECT pg_temp.deliver() AS delivered;
SELECT username, state, published_at IS NOT NULL AS published, successor FROM appinfra.credentials
 WHERE target = 'app-sched-due' ORDER BY 1;

-- What was made at once is not due at once: between 0.8 and 1 times the interval, another part for each.
-- 45 were published nine of ten days ago; the one that is made last, eleven, is due in any case.
DO $$ BEGIN
    PERFORM appinfra.provision_tenant('app-sched-many' || n, 'u', 'schedmany',
                env => (SELECT jsonb_object_agg('V' || i || chr(64 + n), 'reader') FROM generate_series(10, 24) i)
                       || CASE n WHEN 3 THEN '{"Z_LAST": "owner"}' ELSE '{}' END::jsonb) FROM generate_series(1, 3) n;
    PERFORM pg_temp.deliver();
    UPDATE appinfra.credential c SET published_at = now() - CASE variables WHEN '{Z_LAST}' THEN interval '11 days' ELSE '9 days' END
      FROM appinfra.binding b WHERE b.binding_id = c.binding_id AND app_id ~ '^app-sched-many';
    PERFORM appinfra.set_rotation(pg_temp.db('app-sched-many' || n), '10 days') FROM generate_series(1, 3) n;
END $$;
CALL t.wait_for($c$ EXISTS (SELECT FROM appinfra.publications WHERE variables = '{Z_LAST}' AND status = 'pending') $c$);
SELECT count(*) BETWEEN 5 AND 41 AS some_of_45 FROM appinfra.publications WHERE app_id ~ '^app-sched-many' AND status = 'pending';
SELECT count(appinfra.set_rotation(db_id, NULL)) AS tenants FROM appinfra.databases WHERE app_id ~ '^app-sched-';
SELECT pg_temp.deliver() > 5 AS delivered;
