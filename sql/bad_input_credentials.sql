-- Every argument of every function of a credential's later life: NULL, empty, too long, negative, beyond
-- all time, unknown, in the wrong state. Each is refused, and nothing changes.

\pset format unaligned
CALL t.wait_for_janitor();
DO $$ BEGIN PERFORM appinfra.complete_publication(p.publication_id, p.claim) FROM appinfra.claim_publications('s', 1000) p;
            PERFORM appinfra.provision_tenant('app-wrong', 'u', 'wrong');
            PERFORM appinfra.create_service_user(db_id, 'wrong', 'h') FROM appinfra.databases WHERE app_id = 'app-wrong'; END $$;
SELECT db_id AS id FROM appinfra.databases WHERE app_id = 'app-wrong' \gset
SELECT t.registry() AS before \gset
CREATE FUNCTION pg_temp.refused(id text, calls text[]) RETURNS TABLE (call text, refused text) LANGUAGE sql AS $$
    SELECT call, t.try('SELECT appinfra.' || replace(call, 'ID', quote_literal(id))) FROM unnest(calls) call $$;

-- The database: NULL, empty, unknown, of another case, SQL, very long.
SELECT f || '(' || coalesce(left(id, 20), 'NULL') || ')' AS call, t.try(format('SELECT appinfra.' || f, coalesce(quote_literal(id), 'NULL'))) AS refused
  FROM unnest(ARRAY['rotate_credential(%s)', 'issue_credential(%s, ''owner'')', 'create_service_user(%s, ''s'', ''h'')',
                    'drop_service_user(%s, ''s'', ''h'')', 'set_rotation(%s, ''1 day'')', 'revoke_tenant(%s)',
                    'deprovision_tenant(%s)', 'restore_tenant(%s)']) f
 CROSS JOIN unnest(ARRAY[NULL, '', 'db-000000000000', ''' OR true --']) id;
SELECT left(t.try('SELECT appinfra.revoke_tenant(upper(' || quote_literal(:'id') || '))'), 5) AS another_case;
SELECT t.try(format('SELECT appinfra.%s', f)) AS refused FROM unnest(ARRAY[
    format('restore_tenant(repeat(''é'', 100000))'), format('deprovision_tenant(%L)', :'id' || ' ')]) f;

-- rotate_credential. A duration is 0 to 100 years: a deadline is added to a time that nobody knows yet.
SELECT * FROM pg_temp.refused(:'id', ARRAY[
    'rotate_credential(ID, NULL)', 'rotate_credential(ID, '''')', 'rotate_credential(ID, ''database_url'')',
    'rotate_credential(ID, ''PGUSER'')', 'rotate_credential(ID, repeat(''é'', 1000))',
    'rotate_credential(ID, grace => NULL)', 'rotate_credential(ID, grace => ''-1 s'')', 'rotate_credential(ID, grace => ''1 month -31 days'')',
    'rotate_credential(ID, grace => ''101 years'')', 'rotate_credential(ID, grace => ''178000000 years'')',
    'rotate_credential(ID, deadline => NULL)', 'rotate_credential(ID, deadline => ''-1 us'')',
    'rotate_credential(ID, deadline => ''-178000000 years'')', 'rotate_credential(ID, deadline => ''100 years 1 s'')',
    'rotate_credential(ID, deadline => ''178000000 years'')', 'rotate_credential(ID, publish => NULL)']);
SELECT left(t.try('SELECT appinfra.rotate_credential(' || quote_literal(:'id') || ', grace => ''infinity'')'), 5) IN ('22007', '22023') AS refused;

-- issue_credential.
SELECT * FROM pg_temp.refused(:'id', ARRAY[
    'issue_credential(ID, NULL)', 'issue_credential(ID, '''')', 'issue_credential(ID, ''Owner'')', 'issue_credential(ID, ''superuser'')',
    'issue_credential(ID, ''owner; --'')', 'issue_credential(ID, repeat(''é'', 1000))',
    'issue_credential(ID, ''owner'', ''-1 s'')', 'issue_credential(ID, ''owner'', ''178000000 years'')']);

-- create_service_user and drop_service_user.
SELECT * FROM pg_temp.refused(:'id', ARRAY[
    'create_service_user(ID, NULL, ''h'')', 'create_service_user(ID, '''', ''h'')', 'create_service_user(ID, repeat(''s'', 129), ''h'')',
    'create_service_user(ID, repeat(''é'', 65), ''h'')', 'create_service_user(ID, E''s\n'', ''h'')', 'create_service_user(ID, E''\x7f'', ''h'')',
    'create_service_user(ID, ''s'', NULL)', 'create_service_user(ID, ''s'', '''')', 'create_service_user(ID, ''s'', repeat(''h'', 129))',
    'create_service_user(ID, ''s'', E''h\t'')', 'create_service_user(ID, ''wrong'', ''h'')',
    'create_service_user(ID, ''x'', ''h'', NULL)', 'create_service_user(ID, ''x'', ''h'', '''')', 'create_service_user(ID, ''x'', ''h'', ''admin'')',
    'create_service_user(ID, ''x'', ''h'', publish => NULL)',
    'drop_service_user(ID, NULL, ''h'')', 'drop_service_user(ID, ''s'', NULL)', 'drop_service_user(ID, '''', ''h'')',
    'drop_service_user(ID, ''s'', '''')', 'drop_service_user(ID, ''s'', ''other'')', 'drop_service_user(ID, ''s'', repeat(''é'', 1000))',
    'drop_service_user(ID, repeat(''x'', 128), ''h'')']);

-- set_rotation, deprovision_tenant, restore_tenant.
SELECT * FROM pg_temp.refused(:'id', ARRAY[
    'set_rotation(ID, ''-1 s'')', 'set_rotation(ID, ''178000000 years'')',
    'deprovision_tenant(ID, NULL)', 'deprovision_tenant(ID, ''-1 s'')', 'deprovision_tenant(ID, ''178000000 years'')',
    'restore_tenant(ID)', 'restore_tenant(ID, NULL)', 'restore_tenant(ID, false)']);

-- revoke_credential and wait_revoked.
SELECT * FROM pg_temp.refused(:'id', ARRAY[
    'revoke_credential(NULL)', 'revoke_credential('''')', 'revoke_credential(ID)', 'revoke_credential(''APP_WRONG'')',
    'revoke_credential(''app_wrong_owner'')', 'revoke_credential(repeat(''é'', 1000))', 'revoke_credential(''" OR true; --'')',
    'wait_revoked(NULL)', 'wait_revoked('''')', 'wait_revoked(repeat(''é'', 1000))', 'wait_revoked(''app_wrong_owner'')',
    'wait_revoked(''app_wrong'')', 'wait_revoked(''svc_wrong_h'', ''0'')', 'wait_revoked(''app_wrong'', NULL)', 'wait_revoked(''app_wrong'', ''-1 s'')',
    'wait_revoked(''app_wrong'', ''178000000 years'')']);
SELECT t.registry() = :'before' AS unchanged;

-- Neither in a transaction whose snapshot is older than the locks, nor in one that may not write.
CREATE TEMP TABLE call AS SELECT replace(call, 'ID', quote_literal(:'id')) AS call FROM unnest(ARRAY[
    'rotate_credential(ID)', 'issue_credential(ID, ''owner'')', 'create_service_user(ID, ''x'', ''h'')', 'drop_service_user(ID, ''wrong'', ''h'')',
    'set_rotation(ID, ''1 day'')', 'revoke_credential(''app_wrong'')', 'revoke_tenant(ID)', 'deprovision_tenant(ID)', 'restore_tenant(ID)']) call;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT left(call, strpos(call, '(') - 1) AS call, t.try('SELECT appinfra.' || call) AS refused FROM call;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT left(call, strpos(call, '(') - 1) AS call, left(t.try('SELECT appinfra.' || call), 5) AS refused FROM call;
COMMIT;
BEGIN READ ONLY;
SELECT left(call, strpos(call, '(') - 1) AS call, t.try('SELECT appinfra.' || call) AS refused FROM call;
COMMIT;
SELECT t.registry() = :'before' AS unchanged;

-- A host that cannot tell its address makes no credentials, but it revokes, drops and takes away.
BEGIN;
SET LOCAL appinfra.public_host = '';
SELECT left(call, strpos(call, '(') - 1) AS call, left(t.try('SELECT appinfra.' || call), 5) AS answer FROM call;
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;

-- At the limits they are good: 0 and 100 years, ids of 128 bytes. Nothing that is stored breaks what is
-- computed from it later: deliveries, views, the worker.
BEGIN;
SELECT t.try(format('SELECT (appinfra.rotate_credential(%L, grace => ''100 years'', deadline => ''100 years'')).status', :'id'));
SELECT t.try(format('SELECT (appinfra.issue_credential(%L, ''reader'', ''0'')).status', :'id'));
SELECT t.try(format('SELECT (appinfra.issue_credential(%L, ''reader'', ''100 years'')).status', :'id'));
SELECT t.try(format('SELECT octet_length((appinfra.create_service_user(%L, repeat(''s'', 128), repeat(''h'', 128))).username)', :'id'));
SELECT t.try(format('SELECT appinfra.set_rotation(%L, ''100 years'')', :'id'));
SELECT bool_and(appinfra.complete_publication(p.publication_id, p.claim)) AS delivered FROM appinfra.claim_publications('s', 1000) p;
SELECT t.try(format('SELECT (appinfra.rotate_credential(%L, grace => ''100 years'', deadline => ''100 years'')).status', :'id'));
SELECT bool_and(appinfra.complete_publication(p.publication_id, p.claim)) AS delivered FROM appinfra.claim_publications('s', 1000) p;
UPDATE appinfra.credential SET first_login_at = now() WHERE db_id = :'id';
SELECT count(*) FILTER (WHERE retires_at > now() + interval '99 years') AS retiring FROM appinfra.credentials WHERE db_id = :'id';
SELECT t.try(format('SELECT appinfra.deprovision_tenant(%L, ''100 years'')', :'id'));
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
DO $$ BEGIN PERFORM appinfra.complete_publication(p.publication_id, p.claim) FROM appinfra.claim_publications('s', 1000) p; END $$;
