-- Taking a tenant away, keeping its data for a while, giving it back.
-- ready -> retiring -> retained -> dropped; up to retained, and from revoked, restore_tenant() leads back.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(p.target || replace(t.mask(p.set::text), current_setting('port'), 'PORT') || p.unset::text, ' ' ORDER BY p.publication_id)
      FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE FUNCTION pg_temp.db(wanted text) RETURNS text LANGUAGE sql AS
    $$ SELECT db_id FROM appinfra.tenant WHERE app_id = wanted ORDER BY created_at LIMIT 1 $$;
-- Keeps the janitor away from a tenant, and lets it come back.
CREATE FUNCTION pg_temp.keep(app text) RETURNS void LANGUAGE sql AS
    $$ UPDATE appinfra.tenant SET try_at = 'infinity' WHERE db_id = pg_temp.db(app) $$;
CREATE FUNCTION pg_temp.let_go(app text) RETURNS void LANGUAGE sql AS
    $$ UPDATE appinfra.tenant SET try_at = clock_timestamp() WHERE db_id = pg_temp.db(app) $$;
CREATE PROCEDURE pg_temp.wait_for_status(app text, wanted text) LANGUAGE plpgsql AS $$
BEGIN
    CALL t.wait_for(format('(SELECT status = %L FROM appinfra.databases WHERE db_id = %L)', wanted, pg_temp.db(app)));
    CALL t.wait_for(format('NOT EXISTS (SELECT FROM appinfra.credentials WHERE db_id = %L AND state = ''revoked'')', pg_temp.db(app)));
END $$;
CREATE FUNCTION pg_temp.owed(app text, OUT variables text[], OUT kind text, OUT status text, OUT version bigint)
    RETURNS SETOF record LANGUAGE sql AS $$
    SELECT variables, kind, status, version FROM appinfra.publications WHERE db_id = pg_temp.db(app) ORDER BY publication_id $$;
CREATE FUNCTION pg_temp.roles(base text) RETURNS SETOF name LANGUAGE sql AS
    $$ SELECT rolname FROM pg_roles WHERE rolname ~ ('^' || base || '(_|$)') ORDER BY rolname COLLATE "C" $$;

-- A tenant with two variables and the user of a service; one variable is in the middle of a delivery.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-keep', 'u', 'keep',
                env => '{"DATABASE_URL": "owner", "READ_URL": "reader"}');
            PERFORM appinfra.create_service_user(pg_temp.db('app-keep'), 'keeper', 'n1');
            PERFORM pg_temp.deliver();
            PERFORM appinfra.provision_tenant('app-keep-2', 'u', 'keep-other', publish => false); END $$;
SELECT oid AS keep_oid FROM pg_database WHERE datname = 'app_keep' \gset
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-keep'), 'READ_URL');
SELECT * FROM appinfra.claim_publications('sidecar') \gset late_
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-keep'));

-- Undone by a rollback.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep'));
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;

-- Retiring: every login revoked, what was owed is cancelled, what may have been delivered is to be unset.
BEGIN;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep')), pg_temp.keep('app-keep');
COMMIT;
SELECT database, username, status, env_keys, notes, retained_until - now() BETWEEN '6 days 23:59' AND '7 days' AS for_a_week
  FROM appinfra.databases WHERE db_id = pg_temp.db('app-keep');
SELECT DISTINCT CASE state WHEN 'gone' THEN 'revoked' ELSE state END AS state, reason FROM appinfra.credentials WHERE db_id = pg_temp.db('app-keep');
SELECT * FROM pg_temp.owed('app-keep') WHERE status NOT IN ('published', 'superseded');
SELECT target, variables[1], ended FROM appinfra.bindings WHERE db_id = pg_temp.db('app-keep') ORDER BY 1, 2;
SELECT action, credential, outcome FROM appinfra.audit WHERE action = 'deprovision_tenant' ORDER BY id DESC LIMIT 1;

-- Again: nothing. And nothing can be made for it.
SELECT t.try(format('SELECT appinfra.wait_revoked(%L)', username)) FROM appinfra.credentials WHERE username = 'app_keep';
CALL t.wait_for($c$ (SELECT bool_and(state = 'gone') FROM appinfra.credentials WHERE db_id = pg_temp.db('app-keep')) $c$);
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep'), '0');
SELECT t.registry() = :'before' AS unchanged;
SELECT t.try(format(call, pg_temp.db('app-keep'))) AS refused FROM unnest(ARRAY[
    'SELECT appinfra.rotate_credential(%L)', 'SELECT appinfra.issue_credential(%L, ''owner'')',
    'SELECT appinfra.create_service_user(%L, ''s'', ''h'')', 'SELECT appinfra.drop_service_user(%L, ''keeper'', ''n1'')']) call;

-- The name is not free yet, but the variable is: a new tenant takes a suffix, and its first delivery takes
-- the place of the unset one.
SELECT t.mask(database) AS database, status FROM appinfra.provision_tenant('app-keep', 'u', 'keep');
SELECT * FROM pg_temp.owed('app-keep') WHERE variables = '{DATABASE_URL}' AND kind = 'unset';
SELECT variables, version > (SELECT max(version) FROM pg_temp.owed('app-keep') WHERE variables = '{DATABASE_URL}') AS grew, kind, status
  FROM appinfra.publications WHERE app_id = 'app-keep' AND db_id <> pg_temp.db('app-keep');

-- The delivery of before answers late. Its variable is nobody's: it is unset once more.
SELECT appinfra.extend_claim(:late_publication_id, :'late_claim') AS extended;
SELECT appinfra.complete_publication(:late_publication_id, :'late_claim') AS held;
SELECT * FROM pg_temp.owed('app-keep') WHERE variables = '{READ_URL}' AND status NOT IN ('published');
SELECT t.mask(pg_temp.deliver()) AS delivered;
SELECT appinfra.complete_publication(:late_publication_id, :'late_claim') AS again;
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar');

-- Retained: closed, and out of the way with all its roles.
SELECT pg_temp.let_go('app-keep');
CALL pg_temp.wait_for_status('app-keep', 'retained');
SELECT database = 'appinfra_' || substr(db_id, 4) AS out_of_the_way, last_error, username FROM appinfra.databases WHERE db_id = pg_temp.db('app-keep');
SELECT datname = 'appinfra_' || substr(pg_temp.db('app-keep'), 4) AS named, datallowconn FROM pg_database WHERE oid = :keep_oid;
SELECT t.mask(r) AS of_the_new_one FROM pg_temp.roles('app_keep') r;
SELECT replace(r, substr(pg_temp.db('app-keep'), 4), 'HEX12') AS kept FROM pg_temp.roles('appinfra_' || substr(pg_temp.db('app-keep'), 4)) r;
SELECT action, outcome FROM appinfra.audit WHERE db_id = pg_temp.db('app-keep') AND action ~ '_tenant$' ORDER BY id DESC LIMIT 1;

-- Its variable is taken: it cannot be restored, and the refusal changes nothing.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.restore_tenant(%L)', pg_temp.db('app-keep'))) AS refused;
SELECT t.registry() = :'before' AS unchanged;

-- The new one leaves, at once and for good. Now the name is free, and another app has it.
SELECT db_id AS second FROM appinfra.tenant WHERE app_id = 'app-keep' AND db_id <> pg_temp.db('app-keep') \gset
SELECT appinfra.deprovision_tenant(:'second', retain => '0');
CALL t.wait_for(format('(SELECT status = ''dropped'' FROM appinfra.databases WHERE db_id = %L)', :'second'));
SELECT status, username, retained_until <= now() AS over, last_error FROM appinfra.databases WHERE db_id = :'second';
SELECT count(*) AS databases FROM pg_database WHERE datname IN (SELECT database FROM appinfra.databases WHERE db_id = :'second');
SELECT count(*) AS roles FROM pg_roles WHERE rolname ~ substr(:'second', 4) OR rolname ~ '^app_keep(_|$)';
SELECT count(*) AS labels FROM pg_shseclabel WHERE label ~ :'second';
SELECT action, outcome FROM appinfra.audit WHERE db_id = :'second' AND action ~ '_tenant' ORDER BY id;
SELECT t.try(format('SELECT appinfra.restore_tenant(%L)', :'second')) AS refused;
SELECT t.try(format('SELECT appinfra.deprovision_tenant(%L)', :'second')) AS again;
SELECT database, username FROM appinfra.provision_tenant('app-taker', 'u', 'keep');

-- Restored under another name, and said so. The data is the same; everything else that bears a name is new.
CREATE TEMP TABLE former AS SELECT * FROM appinfra.variable;
SET client_min_messages = warning;
SELECT * FROM appinfra.restore_tenant(pg_temp.db('app-keep')) \gset
RESET client_min_messages;
SELECT :'status' AS status, t.mask(:'database') AS database, :'username' = :'database' AS same_login, :'env' AS env;
SELECT oid = :keep_oid AS same_data, datallowconn FROM pg_database WHERE datname = :'database';
SELECT status, env_keys, notes, retained_until, username = database AS same_login FROM appinfra.databases WHERE db_id = pg_temp.db('app-keep');
SELECT replace(r, :'database', 'DATABASE') AS role FROM pg_temp.roles(:'database') r;
SELECT replace(setconfig[1], :'database', 'DATABASE') AS role FROM pg_db_role_setting WHERE setrole = :'username'::regrole;
SELECT target, access, state, CASE WHEN username ~ '^svc' THEN username END AS service FROM appinfra.credentials
 WHERE db_id = pg_temp.db('app-keep') AND state <> 'gone' ORDER BY target, access;
SELECT target, variables, kind, status, version > (SELECT max(f.version) FROM former f
           WHERE f.target = p.target AND f.variable = ANY (p.variables)) AS grew
  FROM appinfra.publications p WHERE status = 'pending' AND db_id = pg_temp.db('app-keep') ORDER BY 1, 2;
SELECT action, credential = :'username' AS login, replace(detail::text, :'database', 'DATABASE') AS detail FROM appinfra.audit
 WHERE action = 'restore_tenant' ORDER BY id DESC LIMIT 1;
SELECT t.mask(pg_temp.deliver()) AS delivered;

-- That it says so.
CREATE PROCEDURE pg_temp.leave_and_come_back(app text, slug text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM appinfra.deprovision_tenant(pg_temp.db(app));
    COMMIT;
    CALL pg_temp.wait_for_status(app, 'retained');
    PERFORM appinfra.provision_tenant(app || slug, 'u', slug);
    COMMIT;
END $$;
CALL pg_temp.leave_and_come_back('app-keep-2', 'keep-other');
BEGIN;
\set VERBOSITY sqlstate
SELECT t.mask(url) AS url FROM appinfra.restore_tenant(pg_temp.db('app-keep-2'), publish => false);
\set VERBOSITY default
SELECT t.mask(notes) AS notes FROM appinfra.databases WHERE db_id = pg_temp.db('app-keep-2');
ROLLBACK;

-- Restored and, before anything was delivered, deprovisioned again: what the environment still has from
-- before is unset, though nothing of the second life was ever delivered.
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep'));
CALL pg_temp.wait_for_status('app-keep', 'retained');
SET client_min_messages = warning;
SELECT count(*) FROM appinfra.restore_tenant(pg_temp.db('app-keep'));
RESET client_min_messages;
SELECT count(*) AS to_be_unset FROM pg_temp.owed('app-keep') WHERE kind = 'unset' AND status = 'pending';
BEGIN; -- so that the janitor does not hold the row in between
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep'));
SELECT t.mask(pg_temp.deliver()) AS delivered;
COMMIT;

-- The same across two tenants: the second takes the variable and leaves before its first delivery.
BEGIN;
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-chain', 'u', 'chain'); PERFORM pg_temp.deliver();
            PERFORM appinfra.deprovision_tenant(pg_temp.db('app-chain'), '0');
            PERFORM appinfra.deprovision_tenant(db_id, '0') FROM appinfra.provision_tenant('app-chain', 'u', 'chain2'); END $$;
SELECT t.mask(pg_temp.deliver()) AS delivered;
COMMIT;

-- What was never delivered need not be unset.
DO $$ BEGIN PERFORM appinfra.deprovision_tenant(db_id, '0') FROM appinfra.provision_tenant('app-never', 'u', 'never');
            PERFORM appinfra.deprovision_tenant(db_id, '0') FROM appinfra.provision_tenant('app-direct-2', 'u', 'never', publish => false); END $$;
SELECT app_id, kind, status FROM appinfra.publications WHERE app_id IN ('app-never', 'app-direct-2');

-- An unset that failed can be retried, like any other; not when somebody else has the variable by then.
BEGIN;
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-unset', 'u', 'unset'); PERFORM pg_temp.deliver();
            PERFORM appinfra.deprovision_tenant(pg_temp.db('app-unset'), '0'); END $$;
SELECT * FROM appinfra.claim_publications('sidecar') \gset
SELECT :'set' AS set, :'unset' AS unset;
SELECT appinfra.fail_publication(:publication_id, :'claim', 'gone', 'no') AS status;
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id)) AS retried;
SELECT * FROM appinfra.claim_publications('sidecar') \gset
COMMIT;
SELECT :'unset' AS unset, appinfra.fail_publication(:publication_id, :'claim', 'gone', 'no') AS status;
SELECT status FROM appinfra.provision_tenant('app-unset', 'u', 'unset');
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id)) AS refused;

-- Of a retained one the end can be moved, also to now: dropped by itself, and no sooner.
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep-2'), '1 hour') AS again;
SELECT status, retained_until - now() BETWEEN '59 min' AND '61 min' AS moved FROM appinfra.databases WHERE db_id = pg_temp.db('app-keep-2');
SELECT action, outcome, (detail ->> 'retained_until')::timestamptz = retained_until AS told
  FROM appinfra.audit JOIN appinfra.databases USING (db_id) WHERE db_id = pg_temp.db('app-keep-2') ORDER BY id DESC LIMIT 1;
SELECT appinfra.deprovision_tenant(pg_temp.db('app-keep-2'), '0') AS now;
CALL pg_temp.wait_for_status('app-keep-2', 'dropped');
SELECT t.try(format('SELECT appinfra.restore_tenant(%L)', pg_temp.db('app-keep-2'))) AS refused;

-- From retiring there is a way back as well, under the same name; and from revoked.
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-back', 'u', 'back'); PERFORM pg_temp.deliver(); END $$;
SELECT t.try(format('SELECT appinfra.restore_tenant(%L)', pg_temp.db('app-back'))) AS refused;
BEGIN;
SELECT appinfra.revoke_tenant(pg_temp.db('app-back'));
SELECT appinfra.deprovision_tenant(pg_temp.db('app-back')), pg_temp.keep('app-back');
COMMIT;
SELECT * FROM pg_temp.owed('app-back');
SELECT * FROM appinfra.restore_tenant(pg_temp.db('app-back'), publish => false) \gset
SELECT :'database' AS database, t.mask(:'url') AS url, t.has_password(:'username', :'password') AS logs_in;
SELECT status, env_keys, retained_until FROM appinfra.databases WHERE db_id = pg_temp.db('app-back');
SELECT * FROM pg_temp.owed('app-back');
SELECT pg_temp.let_go('app-back');

-- One that was revoked, then deprovisioned, then restored again, twice.
DO $$ BEGIN
    FOR i IN 1 .. 2 LOOP
        PERFORM appinfra.deprovision_tenant(pg_temp.db('app-back')), pg_temp.keep('app-back');
        PERFORM appinfra.restore_tenant(pg_temp.db('app-back'));
    END LOOP;
    PERFORM pg_temp.let_go('app-back');
END $$;
SELECT count(*) AS living FROM appinfra.credentials WHERE db_id = pg_temp.db('app-back') AND state IN ('waiting', 'active', 'retiring');
SELECT count(*) AS open FROM pg_temp.owed('app-back') WHERE status = 'pending';
SELECT t.mask(pg_temp.deliver()) AS delivered;

-- Versions of a variable have only grown, through all of this; each in its own target.
SELECT target, variables, version FROM (
    SELECT target, variables, version, version - lag(version) OVER (PARTITION BY target, variables ORDER BY publication_id) AS step
      FROM appinfra.publications) p WHERE step <= 0 AND target ~ '^app-(keep|back|chain|unset)';
SELECT username AS left_over FROM appinfra.credential WHERE state = 'waiting'
   AND binding_id NOT IN (SELECT binding_id FROM appinfra.publication WHERE status IN ('pending', 'claimed', 'failed'));

-- Nothing is left of those whose time is over.
UPDATE appinfra.tenant SET retained_until = clock_timestamp() WHERE status = 'retained';
CALL t.wait_for_janitor();
SELECT count(*) AS retained FROM pg_database WHERE datname ~ '^appinfra_[0-9a-f]{12}$'
   AND oid NOT IN (SELECT database_oid FROM appinfra.shell);
