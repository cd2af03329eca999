-- Credentials for people and jobs, and revocation: of one credential, of all of a tenant. It takes effect
-- at the commit, is undone by a rollback, and leaves a role that can do nothing until it is dropped.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(replace(t.mask(p.set::text), current_setting('port'), 'PORT'), ' ' ORDER BY p.publication_id)
      FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE FUNCTION pg_temp.db(app text) RETURNS text LANGUAGE sql AS
    $$ SELECT db_id FROM appinfra.databases WHERE app_id = app $$;
-- Keeps the janitor away, so that what a revocation leaves can be looked at.
CREATE FUNCTION pg_temp.keep(login text) RETURNS void LANGUAGE sql AS
    $$ UPDATE appinfra.credential SET try_at = 'infinity' WHERE username = login $$;
CREATE VIEW pg_temp.roles AS
    SELECT r.rolname, r.rolcanlogin AS login, r.rolpassword IS NOT NULL AS password,
           (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) AS memberships,
           (SELECT count(*) FROM pg_database d, aclexplode(d.datacl) a WHERE a.grantee = r.oid) AS grants
      FROM pg_authid r WHERE rolname ~ '^app_rev' AND rolname !~ '_(owner|writer|reader|service)$' ORDER BY 1;
DO $$ BEGIN PERFORM appinfra.provision_tenant('app-rev', 'u', 'rev',
                env => '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}'); PERFORM pg_temp.deliver(); END $$;

-- Issued: one login for the caller, in nobody's environment.
SELECT * FROM appinfra.issue_credential(pg_temp.db('app-rev'), 'reader', '1 hour') \gset
SELECT :'status' AS status, :'database' AS database, :'username' AS username, t.mask(:'url') AS url, :'env' AS env,
       t.has_password(:'username', :'password') AS logs_in;
SELECT access, state, target, variables, published_at, minted_at IS NOT NULL AS minted,
       valid_until - minted_at BETWEEN '59 min' AND '61 min' AS an_hour,
       abs(extract(epoch FROM valid_until - rolvaliduntil)) < 1 AS server_knows
  FROM appinfra.credentials JOIN pg_roles ON rolname = username WHERE username = :'username';
SELECT count(*) AS publications FROM appinfra.publications WHERE username = :'username';
SELECT env_keys, username FROM appinfra.databases WHERE app_id = 'app-rev';
SELECT action, credential, detail FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 1;
CREATE TEMP TABLE issued AS SELECT c.username FROM unnest(ARRAY['owner', 'writer', 'service']) access,
       appinfra.issue_credential(pg_temp.db('app-rev'), access) c;
SELECT username, access, valid_until FROM issued JOIN appinfra.credentials USING (username) ORDER BY 1;
TABLE pg_temp.roles;

-- It expires by itself: revoked, its role dropped. Those without an end stay, and so do the app's.
UPDATE appinfra.credential SET valid_until = clock_timestamp() - interval '1 s' WHERE username = 'app_rev_3';
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_rev_3') $c$);
SELECT username, state, reason FROM appinfra.credentials WHERE db_id = pg_temp.db('app-rev') ORDER BY 1;

-- A rollback undoes it; also one to a savepoint.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT appinfra.revoke_credential('app_rev', 'never mind');
SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app_rev';
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT appinfra.revoke_credential('app_rev', 'never mind');
ROLLBACK TO s;
SELECT t.try($$ SELECT appinfra.wait_revoked('app_rev') $$);
COMMIT;
SELECT t.registry() = :'before' AS unchanged;
SELECT * FROM pg_temp.roles WHERE rolname = 'app_rev';

-- Whoever waits for the own revocation before its commit would wait for ever.
SELECT t.try($$ SELECT appinfra.wait_revoked('app_rev_4', '0') $$);
BEGIN;
SELECT appinfra.revoke_credential('app_rev_4', 'left the team');
SELECT t.try($$ SELECT appinfra.wait_revoked('app_rev_4', '0') $$);
SELECT pg_temp.keep('app_rev_4');
COMMIT;
SELECT appinfra.wait_revoked('app_rev_4');

-- It can do nothing any more, and nothing else has changed.
TABLE pg_temp.roles;
CALL t.wait_for($c$ (SELECT sessions_ended_at IS NOT NULL FROM appinfra.credentials WHERE username = 'app_rev_4') $c$);
SELECT username, state, reason, revoked_at <= sessions_ended_at AS in_order, sessions_ended, gone_at, last_error
  FROM appinfra.credentials WHERE username = 'app_rev_4';
SELECT action, credential, outcome, detail FROM appinfra.audit WHERE action = 'revoke_credential' ORDER BY id DESC LIMIT 1;

-- Again: nothing.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT appinfra.revoke_credential('app_rev_4', 'again');
SELECT t.registry() = :'before' AS unchanged;
SELECT appinfra.wait_revoked('app_rev_4', '0') AS still_true;
UPDATE appinfra.credential SET try_at = now() WHERE username = 'app_rev_4';
CALL t.wait_for($c$ (SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_rev_4') $c$);
SELECT appinfra.revoke_credential('app_rev_4'), appinfra.wait_revoked('app_rev_4', '0') AS gone_too;

-- Unknown ones: also one that a name's 63 bytes would cut to a known one.
SELECT t.try($$ SELECT appinfra.revoke_credential('app_rev_99') $$), t.try($$ SELECT appinfra.wait_revoked('app_rev_99') $$);
SELECT t.try($$ SELECT appinfra.revoke_credential('postgres') $$), t.try($$ SELECT appinfra.revoke_credential('app_rev_owner') $$);
SELECT username AS long FROM appinfra.create_service_user(pg_temp.db('app-rev'), repeat('l', 57), 'h') \gset
SELECT octet_length(:'long') AS bytes, left(t.try(format('SELECT appinfra.revoke_credential(%L)', :'long' || 'x')), 5) AS revoke,
       left(t.try(format('SELECT appinfra.wait_revoked(%L)', :'long' || 'x')), 5) AS wait;
SELECT state FROM appinfra.credentials WHERE username = :'long';

-- One that waits for its first password: its publication is cancelled. Rotation makes another.
SELECT appinfra.revoke_credential(:'long');
SELECT kind, status, username = :'long' AS same, ended_at IS NOT NULL AS ended FROM appinfra.publications WHERE target ~ '^app-rev/';
SELECT username FROM appinfra.rotate_credential(pg_temp.db('app-rev')) \gset next_
SELECT appinfra.revoke_credential(:'next_username');
SELECT version, status, username FROM appinfra.publications WHERE target = 'app-rev' AND variables = '{DATABASE_URL}' ORDER BY 1;
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar');
SELECT username FROM appinfra.rotate_credential(pg_temp.db('app-rev'));

-- One that a sidecar is delivering: the claim is over, its lease cannot be extended, and its answer comes
-- late. What it may have stored does not work, so that the variable is published once more.
SELECT * FROM appinfra.claim_publications('sidecar') \gset
SELECT t.mask(:'set') AS set;
SELECT appinfra.revoke_credential('app_rev_8');
SELECT status, lease_until, username FROM appinfra.publications WHERE publication_id = :publication_id;
SELECT appinfra.extend_claim(:publication_id, :'claim') AS extended;
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT status, username FROM appinfra.publications WHERE publication_id = :publication_id;
SELECT version, status, username FROM appinfra.publications WHERE target = 'app-rev' AND variables = '{DATABASE_URL}' ORDER BY 1;
SELECT appinfra.complete_publication(:publication_id, :'claim') AS again;
SELECT appinfra.fail_publication(:publication_id, :'claim', 'e', 'no') AS again;
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id)) AS refused;
SELECT pg_temp.deliver();
SELECT username, state FROM appinfra.credentials WHERE target = 'app-rev' AND state NOT IN ('revoked', 'gone') ORDER BY 1;

-- The same, when the sidecar says that it failed: no password comes back to life.
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-rev'));
SELECT * FROM appinfra.claim_publications('sidecar') \gset
BEGIN;
SELECT appinfra.revoke_credential('app_rev_10'), pg_temp.keep('app_rev_10');
COMMIT;
SELECT appinfra.fail_publication(:publication_id, :'claim', 'refused', 'no', now()) AS status;
SELECT * FROM pg_temp.roles WHERE rolname = 'app_rev_10';
SELECT state FROM appinfra.credentials WHERE username = 'app_rev_10';
SELECT pg_temp.deliver();
UPDATE appinfra.credential SET try_at = now() WHERE username = 'app_rev_10';

-- All of a tenant, with one publication pending and one claimed. The data stays.
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-rev'));
SELECT * FROM appinfra.claim_publications('sidecar') \gset
SELECT count(*) FROM appinfra.rotate_credential(pg_temp.db('app-rev'), 'DATABASE_SERVICE_URL');
SELECT count(*) AS living FROM appinfra.credentials WHERE db_id = pg_temp.db('app-rev') AND state NOT IN ('revoked', 'gone') \gset
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT appinfra.revoke_tenant(pg_temp.db('app-rev')) = :living AS all_of_them;
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
SELECT appinfra.revoke_tenant(pg_temp.db('app-rev'), 'breach') = :living AS all_of_them;
SELECT count(*) AS living FROM appinfra.credentials WHERE db_id = pg_temp.db('app-rev') AND state NOT IN ('revoked', 'gone');
SELECT reason, count(*) = :living AS all_of_them FROM appinfra.credentials WHERE db_id = pg_temp.db('app-rev') AND reason = 'breach' GROUP BY 1;
SELECT kind, status, count(*) FROM appinfra.publications WHERE target = 'app-rev' AND status NOT IN ('published', 'superseded') GROUP BY 1, 2 ORDER BY 2;
SELECT status, username, env_keys, database FROM appinfra.databases WHERE app_id = 'app-rev';
SELECT datallowconn FROM pg_database WHERE datname = 'app_rev';
SELECT action, credential, outcome, detail - 'credentials' AS detail, detail ->> 'credentials' = :'living' AS counted
  FROM appinfra.audit WHERE action = 'revoke_tenant';
CALL t.wait_for($c$ (SELECT bool_and(state = 'gone') FROM appinfra.credentials WHERE db_id = pg_temp.db('app-rev')) $c$);
TABLE pg_temp.roles;

-- A late answer changes nothing that a sidecar would be handed: there is nothing to publish.
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar');

-- Nothing can be made for it until it is restored; revoking once more finds nothing.
SELECT t.try(format(call, pg_temp.db('app-rev'))) AS refused FROM unnest(ARRAY[
    'SELECT appinfra.rotate_credential(%L)', 'SELECT appinfra.issue_credential(%L, ''owner'')',
    'SELECT appinfra.create_service_user(%L, ''s'', ''h'')']) call;
SELECT appinfra.revoke_tenant(pg_temp.db('app-rev')) AS none;
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.restore_tenant(pg_temp.db('app-rev')) c;
SELECT pg_temp.deliver();
SELECT status, username, env_keys FROM appinfra.databases WHERE app_id = 'app-rev';
TABLE pg_temp.roles;
SELECT username, access, state, published_at IS NOT NULL AS published, target, variables[1] FROM appinfra.credentials
 WHERE db_id = pg_temp.db('app-rev') AND state NOT IN ('revoked', 'gone') ORDER BY target, variables;

-- A login that was renamed is revoked all the same, and the audit tells; somebody else's role that has its
-- name by now is let alone.
SELECT username AS mine FROM appinfra.issue_credential(pg_temp.db('app-rev'), 'reader') \gset
ALTER ROLE :"mine" RENAME TO app_rev_renamed;
CREATE ROLE :"mine" LOGIN;
BEGIN;
SELECT appinfra.revoke_credential(:'mine'), pg_temp.keep(:'mine');
COMMIT;
SELECT rolname = :'mine' AS other, login, memberships, grants FROM pg_temp.roles WHERE rolname IN (:'mine', 'app_rev_renamed') ORDER BY 1;
SELECT detail ->> 'from' = :'mine' AS from, detail ->> 'to' AS to, outcome FROM appinfra.audit WHERE action = 'rename_login' AND credential = :'mine';
SELECT appinfra.wait_revoked(:'mine');
UPDATE appinfra.credential SET try_at = now() WHERE username = :'mine';
CALL t.wait_for(format('(SELECT state = ''gone'' FROM appinfra.credentials WHERE username = %L)', :'mine'));
SELECT rolname = :'mine' AS other, rolcanlogin AS login FROM pg_roles WHERE rolname IN (:'mine', 'app_rev_renamed');
DROP ROLE :"mine";

-- One that is in use goes on under its new name.
SELECT username AS mine FROM appinfra.rotate_credential(pg_temp.db('app-rev'), publish => true) \gset
ALTER ROLE :"mine" RENAME TO app_rev_renamed;
CALL t.wait_for(format('EXISTS (SELECT FROM appinfra.audit WHERE action = ''rename_login'' AND credential = %L)', :'mine'));
SELECT p.set ->> 'DATABASE_URL' ~ '//app_rev_renamed:' AS published FROM appinfra.claim_publications('sidecar') p
 WHERE appinfra.complete_publication(p.publication_id, p.claim);
SELECT state FROM appinfra.credentials WHERE username = :'mine';

-- One that was dropped can be revoked; its row ends, and the audit tells. Whose name it has now is let alone.
SELECT username AS mine FROM appinfra.issue_credential(pg_temp.db('app-rev'), 'reader') \gset
DROP OWNED BY :"mine";
DROP ROLE :"mine";
CREATE ROLE :"mine" LOGIN;
SELECT appinfra.harden_tenant(pg_temp.db('app-rev'));
SELECT count(*) AS labels FROM pg_seclabels WHERE objoid = to_regrole(:'mine');
SELECT appinfra.revoke_credential(:'mine');
SELECT appinfra.wait_revoked(:'mine');
CALL t.wait_for(format('(SELECT state = ''gone'' FROM appinfra.credentials WHERE username = %L)', :'mine'));
SELECT action, detail ->> 'role' = :'mine' AS role FROM appinfra.audit WHERE credential = :'mine' AND action ~ 'login' ORDER BY id;
SELECT rolcanlogin FROM pg_roles WHERE rolname = :'mine';
DROP ROLE :"mine";

-- One that may be its own though its label was lost still logs in: it is not given up, and the call says so.
SELECT username AS mine FROM appinfra.issue_credential(pg_temp.db('app-rev'), 'reader') \gset
SECURITY LABEL FOR appinfra ON ROLE :"mine" IS NULL;
SELECT replace(t.try(format('SELECT appinfra.revoke_credential(%L)', :'mine')), :'mine', 'MINE') AS refused;
SELECT appinfra.harden_tenant(pg_temp.db('app-rev'));
SELECT appinfra.revoke_credential(:'mine');

-- A reason is kept, 512 bytes of it.
SELECT appinfra.revoke_credential(username, repeat('é', 1000)) FROM appinfra.issue_credential(pg_temp.db('app-rev'), 'owner');
SELECT octet_length(reason) AS bytes FROM appinfra.credentials WHERE reason ~ '^é';
CALL t.wait_for_janitor();
