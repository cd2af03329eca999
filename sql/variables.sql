-- Variables of a database that is there: bound, given another access, unbound; also of containers.

\pset format unaligned
CREATE FUNCTION pg_temp.deliver() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(p.target || ' ' || t.mask(p.set::text) || ' -' || p.unset::text, E'\n' ORDER BY p.publication_id)
      FROM appinfra.claim_publications('sidecar', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CREATE TEMP VIEW logins AS
    SELECT username, access, CASE WHEN state = 'gone' THEN 'revoked' ELSE state END AS state, target, variables, successor, reason
      FROM appinfra.credentials WHERE target ~ '^app-var' ORDER BY username;
CREATE TEMP VIEW last_action AS
    SELECT action, credential, outcome, detail FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 1;
SELECT db_id FROM appinfra.provision_tenant('app-var', 'u', 'var') \gset
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;

-- Bound: a login for each, published; nobody sees a password.
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.bind_variables(:'db_id', '{"REPORTS_URL": "reader", "DATABASE_SERVICE_URL": "service"}') c;
TABLE last_action;
SELECT pg_temp.deliver();
TABLE logins;
SELECT env_keys, username FROM appinfra.databases WHERE db_id = :'db_id';

-- Without publishing, this answer carries what they are to hold.
SELECT * FROM appinfra.bind_variables(:'db_id', '{"HAND_URL": "writer"}', publish => false) \gset given_
SELECT :'given_username' AS username, t.has_password(:'given_username', :'given_password') AS logs_in,
       :'given_env'::jsonb = jsonb_build_object('HAND_URL', :'given_url') AS env, t.mask(:'given_url') AS url;
SELECT count(*) AS publications FROM appinfra.publications WHERE db_id = :'db_id' AND variables = '{HAND_URL}';

-- Bound already with that access: nothing changes but the audit, and nothing is told of a password.
CALL t.wait_for_janitor();
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.bind_variables(:'db_id', '{"REPORTS_URL": "reader"}', publish => false) c;
SELECT pg_temp.deliver();
SELECT count(*) AS logins FROM appinfra.credentials WHERE db_id = :'db_id';

-- With another access: a new login of that access; the former one retires when it is published.
SELECT username, password FROM appinfra.bind_variables(:'db_id', '{"REPORTS_URL": "writer"}');
SELECT access FROM appinfra.bindings WHERE db_id = :'db_id' AND variables = '{REPORTS_URL}';
SELECT username, access, state, successor FROM logins WHERE variables = '{REPORTS_URL}';
-- ... to a third before the second was delivered: what waits is of no use.
SELECT username FROM appinfra.bind_variables(:'db_id', '{"REPORTS_URL": "owner"}');
SELECT pg_temp.deliver();
SELECT username, access, state, successor FROM logins WHERE variables = '{REPORTS_URL}';
SELECT kind, status, username FROM appinfra.publications WHERE db_id = :'db_id' AND variables = '{REPORTS_URL}' ORDER BY publication_id;
-- ... and handed over instead.
SELECT username, password IS NOT NULL AS password FROM appinfra.bind_variables(:'db_id', '{"REPORTS_URL": "reader"}', publish => false);
SELECT username, access, state, successor FROM logins WHERE variables = '{REPORTS_URL}';
-- A delivery that surely failed leaves the login waiting; a change of access meanwhile takes another one.
SELECT username FROM appinfra.rotate_credential(:'db_id', 'REPORTS_URL');
SELECT count(appinfra.bind_variables(:'db_id', '{"REPORTS_URL": "service"}')) FROM (
    SELECT appinfra.fail_publication(publication_id, claim, 'refused', 'no', now()) FROM appinfra.claim_publications('sidecar', 1000) OFFSET 0) f;
SELECT pg_temp.deliver();
SELECT username, access, state FROM logins WHERE variables = '{REPORTS_URL}' AND state NOT IN ('revoked', 'retiring');
SELECT t.try(format('SELECT appinfra.rotate_credential(%L, ''REPORTS_URL'')', :'db_id')) IS NOT NULL AS rotates,
       t.try(format('SELECT appinfra.bind_variables(%L, ''{"REPORTS_URL": "owner"}'', publish => false)', :'db_id')) AS refused;
SELECT pg_temp.deliver();

-- What another database of the app holds is refused, all of it.
SELECT db_id AS other FROM appinfra.provision_tenant('app-var', 'u', 'varother', env => '{"OTHER_URL": "owner"}') \gset
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.bind_variables(%L, ''{"NEW_URL": "owner", "OTHER_URL": "owner"}'')', :'db_id')) AS refused;
SELECT t.registry() = :'before' AS unchanged;

-- A container of the app has an environment of its own, where a name means something else.
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.bind_variables(:'db_id', '{"DATABASE_URL": "owner", "OTHER_URL": "reader"}', container => 'migrate') c;
TABLE last_action;
SELECT pg_temp.deliver();
SELECT target, container, variables, access FROM appinfra.bindings WHERE db_id = :'db_id' AND container IS NOT NULL ORDER BY variables;
SELECT env_keys, username FROM appinfra.databases WHERE db_id = :'db_id';
SELECT username FROM appinfra.rotate_credential(:'db_id', container => 'migrate');
TABLE last_action;
SELECT username FROM appinfra.rotate_credential(:'db_id');
SELECT pg_temp.deliver();
SELECT t.try(format('SELECT appinfra.bind_variables(%L, ''{"DATABASE_URL": "owner"}'', container => ''migrate'')', :'other')) AS refused;
SELECT t.try(format('SELECT appinfra.rotate_credential(%L, ''HAND_URL'', container => ''migrate'')', :'db_id')) AS refused;

-- Unbound: revoked at once, unset, free for another database.
SELECT appinfra.unbind_variables(:'db_id', '{REPORTS_URL,HAND_URL}');
TABLE last_action;
SELECT DISTINCT username, state, reason FROM logins WHERE variables && '{REPORTS_URL,HAND_URL}' AND reason = 'variable unbound';
SELECT pg_temp.deliver();
SELECT env_keys FROM appinfra.databases WHERE db_id = :'db_id';
SELECT (appinfra.bind_variables(:'other', '{"REPORTS_URL": "reader"}')).username;
SELECT pg_temp.deliver();
SELECT appinfra.unbind_variables(:'db_id', '{DATABASE_URL}', container => 'migrate');
SELECT pg_temp.deliver();
SELECT variables, target FROM appinfra.bindings WHERE db_id = :'db_id' AND NOT ended ORDER BY binding_id;
-- ... before it was ever delivered: nothing is to be unset.
SELECT (appinfra.bind_variables(:'db_id', '{"BRIEF_URL": "reader"}')).username;
SELECT appinfra.unbind_variables(:'db_id', '{BRIEF_URL}');
SELECT pg_temp.deliver();

-- What comes with a database goes with it, and comes back with it.
SELECT appinfra.revoke_tenant(:'db_id') AS revoked;
SELECT t.try(format('SELECT appinfra.bind_variables(%L, ''{"LATE_URL": "owner"}'')', :'db_id')) AS refused,
       t.try(format('SELECT appinfra.unbind_variables(%L, ''{DATABASE_URL}'')', :'db_id')) AS refused;
SELECT t.mask(env::text) AS env, t.mask(url) AS url FROM appinfra.restore_tenant(:'db_id', publish => false);
SELECT appinfra.deprovision_tenant(:'db_id');
CALL t.wait_for_janitor();
SELECT pg_temp.deliver();
SELECT t.try(format('SELECT appinfra.bind_variables(%L, ''{"LATE_URL": "owner"}'')', :'db_id')) ~ '^55000' AS refused;
-- ... unless another database has taken one meanwhile.
SELECT (appinfra.bind_variables(:'other', '{"DATABASE_SERVICE_URL": "owner"}')).username;
SELECT t.try(format('SELECT appinfra.restore_tenant(%L)', :'db_id')) AS refused;
SELECT appinfra.unbind_variables(:'other', '{DATABASE_SERVICE_URL}');
SELECT env FROM appinfra.restore_tenant(:'db_id');
SELECT pg_temp.deliver();
SELECT target, container, variables, access FROM appinfra.bindings WHERE db_id = :'db_id' AND NOT ended ORDER BY target, variables;
SELECT appinfra.republish(:'db_id') AS bindings;
SELECT pg_temp.deliver();

-- Another app of the same owner. One that is new is registered; somebody else's is refused.
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.bind_app(:'db_id', 'app-var/2', '{"DATABASE_URL": "reader", "MAIN_URL": "writer"}') c;
TABLE last_action;
SELECT app_id, owner_user_id, databases FROM appinfra.apps WHERE app_id = 'app-var/2';
SELECT username FROM appinfra.bind_app(:'db_id', 'app-var/2', '{"DATABASE_URL": "owner"}', container => 'migrate');
SELECT pg_temp.deliver();
SELECT env_keys, username FROM appinfra.databases WHERE db_id = :'db_id';
SELECT * FROM appinfra.bind_app(:'db_id', 'app-var/2', '{"HAND_URL": "reader"}', publish => false) \gset given_
SELECT t.has_password(:'given_username', :'given_password') AS logs_in, :'given_env'::jsonb = jsonb_build_object('HAND_URL', :'given_url') AS env;
SELECT username FROM appinfra.rotate_credential(:'db_id', app_id => 'app-var/2');
SELECT username FROM appinfra.rotate_credential(:'db_id', app_id => 'app-var/2', container => 'migrate');
SELECT pg_temp.deliver();
SELECT db_id AS theirs FROM appinfra.provision_tenant('app-var-theirs', 'v', 'vartheirs') \gset
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
SELECT t.try(format('SELECT appinfra.bind_app(%L, ''app-var-theirs'', ''{"A": "owner"}'')', :'db_id')) AS refused;
SELECT t.try(format('SELECT appinfra.bind_app(%L, ''app-var'', ''{"A": "owner"}'')', :'theirs')) AS refused;
SELECT t.try(format('SELECT appinfra.bind_app(%L, ''app-var/2'', ''{"DATABASE_URL": "owner"}'')', :'other')) AS refused;
SELECT t.try('SELECT appinfra.unregister_app(''app-var/2'')') AS refused;
SELECT t.registry() = :'before' AS unchanged;
-- It goes and comes back with the database, in both apps.
SELECT appinfra.deprovision_tenant(:'db_id');
CALL t.wait_for_janitor();
SELECT pg_temp.deliver();
SELECT t.mask(env::text) AS env, username FROM appinfra.restore_tenant(:'db_id', publish => false);
SELECT count(*) = count(appinfra.rotate_credential(db_id, variables[1], app_id => app_id, container => container)) AS all_of_them
  FROM (SELECT * FROM appinfra.bindings WHERE db_id = :'db_id' AND NOT ended ORDER BY binding_id OFFSET 0) b;
SELECT pg_temp.deliver();
SELECT appinfra.republish(:'db_id') AS bindings;
SELECT pg_temp.deliver();
-- An app that is transferred takes nothing of the former owner's along, and leaves nothing with him.
SELECT (appinfra.bind_app(:'other', 'app-var-3', '{"SHARED_URL": "reader"}')).username;
SELECT pg_temp.deliver();
SELECT appinfra.transfer_app('app-var/2', 'w');
SELECT detail FROM appinfra.audit WHERE action IN ('transfer_app', 'unbind_variables') AND db_id = :'db_id' ORDER BY id DESC LIMIT 4;
SELECT pg_temp.deliver();
SELECT t.try(format('SELECT appinfra.rotate_credential(%L, app_id => ''app-var/2'')', :'db_id')) AS refused;
SELECT t.try(format('SELECT appinfra.bind_app(%L, ''app-var/2'', ''{"A": "owner"}'')', :'db_id')) AS refused;
BEGIN;
SELECT appinfra.transfer_app('app-var', 'w');
SELECT target, variables FROM appinfra.bindings WHERE db_id IN (:'db_id', :'other') AND NOT ended ORDER BY target, variables;
SELECT (appinfra.bind_app(:'db_id', 'app-var/2', '{"A": "owner"}')).username;
ROLLBACK;
-- One that was retained does not come back into an app that is somebody else's meanwhile.
SELECT appinfra.deprovision_tenant(:'other');
CALL t.wait_for_janitor();
SELECT appinfra.transfer_app('app-var-3', 'w');
SELECT env FROM appinfra.restore_tenant(:'other');
SELECT pg_temp.deliver();
SELECT appinfra.unregister_app('app-var/2');
SELECT appinfra.unbind_variables(:'db_id', '{OTHER_URL}', 'migrate');
SELECT pg_temp.deliver();

-- Undone by a rollback; refused in a snapshot of its own.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT (appinfra.bind_variables(:'db_id', '{"DATABASE_URL": "reader", "GONE_URL": "owner"}')).username;
SELECT appinfra.unbind_variables(:'db_id', '{DATABASE_URL}');
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT t.try(format('SELECT appinfra.bind_variables(%L, ''{"A": "owner"}'')', :'db_id'));
SELECT t.try(format('SELECT appinfra.unbind_variables(%L, ''{A}'')', :'db_id'));
ROLLBACK;

-- What no argument may be.
CREATE TEMP TABLE ids AS SELECT :'db_id' AS id;
SELECT call, t.try('SELECT appinfra.' || replace(call, 'ID', quote_literal(id))) AS refused FROM ids, unnest(ARRAY[
    'bind_variables(NULL, ''{"A": "owner"}'')', 'bind_variables(ID, NULL)', 'bind_variables(ID, ''{"A": "owner"}'', NULL)',
    'bind_variables(''db-000000000000'', ''{"A": "owner"}'')', 'bind_variables(ID, ''[]'')', 'bind_variables(ID, ''{}'')',
    'bind_variables(ID, ''{"A": {"access": "owner", "via": "air"}}'')', 'bind_variables(ID, ''{"A": {"access": "owner", "via": "pooler", "x": 1}}'')',
    'bind_variables(ID, ''{"A": {"access": "owner", "via": "pooler"}}'')', 'bind_variables(ID, ''{"DATABASE_URL": {"access": "owner", "via": "pooler"}}'')',
    'bind_variables(ID, ''{"A": null}'')', 'bind_variables(ID, ''{"A": "root"}'')', 'bind_variables(ID, ''{"a": "owner"}'')',
    'bind_variables(ID, ''{"PATH": "owner"}'')', 'bind_variables(ID, jsonb_build_object(repeat(''A'', 129), ''owner''))',
    'bind_variables(ID, (SELECT jsonb_object_agg(''V'' || n, ''owner'') FROM generate_series(1, 17) n))',
    'bind_variables(ID, ''{"A": "owner"}'', container => '''')', 'bind_variables(ID, ''{"A": "owner"}'', container => ''..'')',
    'bind_variables(ID, ''{"A": "owner"}'', container => ''a/b'')', 'bind_variables(ID, ''{"A": "owner"}'', container => ''-a'')',
    'bind_variables(ID, ''{"A": "owner"}'', container => ''a b'')', 'bind_variables(ID, ''{"A": "owner"}'', container => ''é'')',
    'bind_variables(ID, ''{"A": "owner"}'', container => repeat(''c'', 64))', 'bind_variables(ID, ''{"A": "owner"}'', container => ''app'')',
    'bind_variables(ID, ''{"A": "owner"}'', container => ''svc'')', 'bind_app(NULL, ''a'', ''{"A": "owner"}'')', 'bind_app(ID, NULL, ''{"A": "owner"}'')',
    'bind_app(ID, ''a'', NULL)', 'bind_app(ID, ''a'', ''{"A": "owner"}'', NULL)', 'bind_app(ID, ''a b'', ''{"A": "owner"}'')', 'bind_app(ID, ''a'', ''{}'')',
    'bind_app(''db-000000000000'', ''a'', ''{"A": "owner"}'')', 'bind_app(ID, ''a'', ''{"A": "owner"}'', container => ''a/b'')',
    'unbind_variables(NULL, ''{A}'')', 'unbind_variables(ID, NULL)',
    'unbind_variables(ID, ''{}'')', 'unbind_variables(ID, ''{NULL}'')', 'unbind_variables(ID, ''{A,A}'')',
    'unbind_variables(ID, (SELECT array_agg(''V'' || n) FROM generate_series(1, 17) n))', 'unbind_variables(''db-000000000000'', ''{A}'')',
    'unbind_variables(ID, ''{DATABASE_URL,NONE}'')', 'unbind_variables(ID, ''{DATABASE_URL}'', container => ''none'')',
    'unbind_variables(ID, ''{DATABASE_URL}'', container => ''a/b'')', 'unbind_variables(ID, ''{DATABASE_URL}'', app_id => ''app-none'')',
    'unbind_variables(ID, ''{DATABASE_URL}'', app_id => '''')', 'unbind_variables(ID, ARRAY[repeat(''x'', 1000)])']) call;
SELECT t.registry() = :'before' AS unchanged;
DO $$ BEGIN PERFORM pg_temp.deliver(); END $$;
CALL t.wait_for_janitor();
