-- Rotation: another login for a variable, and the end of the one it replaces: when the new one is
-- published, has logged in, and grace is over since; or at the deadline after the publication.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(t.mask(p.set::text), ' ' ORDER BY p.publication_id)
      FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE TEMP VIEW logins AS
    SELECT username, access, CASE WHEN state = 'gone' THEN 'revoked' ELSE state END AS state,
           published_at IS NOT NULL AS published, successor, retires_at - clock_timestamp() < '0' AS overdue,
           reason, CASE WHEN state NOT IN ('gone', 'revoked') THEN rolpassword IS NOT NULL END AS password, target
      FROM appinfra.credentials LEFT JOIN pg_authid ON rolname = username
     WHERE target ~ '^app-rot' ORDER BY username;
CREATE TEMP VIEW owed AS
    SELECT kind, status, version, username, target FROM appinfra.publications
     WHERE target ~ '^app-rot' ORDER BY publication_id;
CREATE FUNCTION pg_temp.db(app text) RETURNS text LANGUAGE sql AS
    $$ SELECT db_id FROM appinfra.databases WHERE app_id = app $$;
-- As if the login had been used first that long ago.
CREATE FUNCTION pg_temp.used(login text, ago interval) RETURNS void LANGUAGE sql AS
    $$ UPDATE appinfra.credential SET first_login_at = clock_timestamp() - ago WHERE username = login $$;

-- publish => true: a login that waits, a publication, and no password for the caller.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-rot', 'u', 'rot'); PERFORM pg_temp.deliver(); END $$;
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.rotate_credential(pg_temp.db('app-rot')) c;
TABLE logins;
TABLE owed;
SELECT action, credential, outcome, detail FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 1;

-- Rotated again while that one is pending: nobody has the waiting login, so it stays the one; the newer
-- publication replaces the older.
SELECT username FROM appinfra.rotate_credential(pg_temp.db('app-rot'), grace => '2 hours', deadline => '3 days');
TABLE logins;
TABLE owed;

-- A password for the caller would be older than what is about to be published: refused, nothing changes.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.rotate_credential(%L, publish => false)', pg_temp.db('app-rot'))) AS refused;
SELECT t.registry() = :'before' AS unchanged;

-- Published: the old one is retiring, until the deadline of this rotation.
SELECT pg_temp.deliver();
TABLE logins;
SELECT retires_at - now() BETWEEN '2 days 23:59' AND '3 days 00:01' AS in_three_days
  FROM appinfra.credentials WHERE username = 'app_rot';

-- The new one has logged in an hour ago: the grace of two hours has one left.
SELECT pg_temp.used('app_rot_2', '1 hour');
SELECT retires_at - now() BETWEEN '59 min' AND '61 min' AS in_an_hour
  FROM appinfra.credentials WHERE username = 'app_rot';

-- Rotated twice more before the first has retired: the middle one was never used, the first has its time.
DO $$ BEGIN PERFORM appinfra.rotate_credential(pg_temp.db('app-rot')); PERFORM pg_temp.deliver();
            PERFORM appinfra.rotate_credential(pg_temp.db('app-rot'), grace => '0', deadline => '1 day');
            PERFORM pg_temp.deliver(); END $$;
TABLE logins;

-- Grace is over since the second one's first login: the first goes, and nothing else does. The fourth has
-- not logged in, so that the second and third stay, whatever their grace is.
SELECT pg_temp.used('app_rot_2', '3 hours');
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_rot') $c$);
TABLE logins;
SELECT revoked_at <= sessions_ended_at AND sessions_ended_at <= gone_at AS in_order, sessions_ended, last_error,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_rot') AS dropped
  FROM appinfra.credentials WHERE username = 'app_rot';

-- The fourth logs in: the third had no grace and goes; the second has an hour of its own.
SELECT pg_temp.used('app_rot_4', '1 min');
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_rot_3') $c$);
TABLE logins;

-- The deadline takes the second, though it is still within its grace.
UPDATE appinfra.credential SET retire_by = clock_timestamp() - interval '1 s' WHERE username = 'app_rot_2';
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_rot_2') $c$);
TABLE logins;
SELECT action, credential, detail FROM appinfra.audit WHERE db_id = pg_temp.db('app-rot')
   AND action IN ('revoke_credential', 'drop_login') ORDER BY credential, id;

-- publish => false: the answer carries the password, and the old one retires from now on, by the same rule.
SELECT * FROM appinfra.rotate_credential(pg_temp.db('app-rot'), grace => '0', deadline => '2 days', publish => false) \gset
SELECT :'username' AS username, t.mask(:'url') AS url, t.has_password(:'username', :'password') AS logs_in,
       :'env'::jsonb = jsonb_build_object('DATABASE_URL', :'url') AS env_has_url;
TABLE logins;
SELECT retires_at - now() BETWEEN '1 day 23:59' AND '2 days 00:01' AS in_two_days
  FROM appinfra.credentials WHERE username = 'app_rot_4';
SELECT count(*) AS owed FROM owed WHERE status IN ('pending', 'claimed');

-- While the producer is down nothing goes: a claimed, a failed and a pending publication replace nobody.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-rot-down', 'u', 'rotdown'); PERFORM pg_temp.deliver();
            PERFORM appinfra.rotate_credential(pg_temp.db('app-rot-down'), grace => '0', deadline => '0'); END $$;
SELECT * FROM appinfra.claim_publications('sidecar') \gset
SELECT * FROM logins WHERE target = 'app-rot-down';

-- Rotated while it is claimed: another login, whose publication waits behind the claimed one.
SELECT username FROM appinfra.rotate_credential(pg_temp.db('app-rot-down'), grace => '0', deadline => '1 day');
SELECT * FROM logins WHERE target = 'app-rot-down';
SELECT * FROM owed WHERE target = 'app-rot-down';
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar');

-- The claimed one surely fails. What waits behind it goes next, with its own login.
SELECT appinfra.fail_publication(:publication_id, :'claim', 'refused', 'no', now()) AS status;
SELECT * FROM owed WHERE target = 'app-rot-down';
SELECT pg_temp.deliver();
SELECT * FROM logins WHERE target = 'app-rot-down';

-- The login that nobody got is used no more: the next one must be newer than what it replaces, or that
-- would never go.
SELECT username FROM appinfra.rotate_credential(pg_temp.db('app-rot-down'), grace => '0', deadline => '0');
SELECT pg_temp.deliver();
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_rotdown_3') $c$);
SELECT * FROM logins WHERE target = 'app-rot-down';
SELECT pg_temp.used('app_rotdown_4', '1 s');
CALL t.wait_for($c$ (SELECT bool_and(state = 'gone') FROM appinfra.credentials
                      WHERE target = 'app-rot-down' AND username <> 'app_rotdown_4') $c$);
SELECT * FROM logins WHERE target = 'app-rot-down';

-- A delivery that may have arrived, then a claim whose login waits: the same holds for claims.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-rot-lost', 'u', 'rotlost'); PERFORM pg_temp.deliver();
            PERFORM appinfra.rotate_credential(pg_temp.db('app-rot-lost')); END $$;
SELECT * FROM appinfra.claim_publications('sidecar') \gset
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-rot-lost'));
SELECT appinfra.fail_publication(:publication_id, :'claim', 'refused', 'no', now()) AS status;
SELECT * FROM appinfra.claim_publications('sidecar') \gset
SELECT appinfra.fail_publication(:publication_id, :'claim', 'timed out', 'unknown', now()) AS status;
SELECT pg_temp.deliver();
SELECT * FROM logins WHERE target = 'app-rot-lost' AND state NOT IN ('revoked', 'retiring');

-- A successor that is revoked counts no more: its predecessor stays until another one is used.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-rot-back', 'u', 'rotback'); PERFORM pg_temp.deliver();
            PERFORM appinfra.rotate_credential(pg_temp.db('app-rot-back'), grace => '1 hour'); PERFORM pg_temp.deliver(); END $$;
SELECT pg_temp.used('app_rotback_2', '59 min');
SELECT appinfra.revoke_credential('app_rotback_2', 'leaked');
SELECT username, state, retires_at - now() > '6 days' AS at_deadline FROM appinfra.credentials WHERE username = 'app_rotback';

-- Each variable of a tenant on its own, with the access it had.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-rot-two', 'u', 'rottwo',
                env => '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}'); PERFORM pg_temp.deliver(); END $$;
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.rotate_credential(pg_temp.db('app-rot-two'), 'DATABASE_SERVICE_URL') c;
SELECT pg_temp.deliver();
SELECT * FROM logins WHERE target = 'app-rot-two';
SELECT r.rolname, ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid) AS member_of,
       s.setconfig[1] AS role, has_database_privilege(r.oid, 'app_rottwo', 'CONNECT') AS enters
  FROM pg_roles r JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE r.rolname = 'app_rottwo_3';

-- Undone by a rollback, password and all.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-rot-two'));
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-rot-back'), publish => false);
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CALL t.wait_for_janitor();
