-- Every argument of every function: NULL, empty, too long, foreign, an SQL fragment, unknown. Each
-- is refused with SQLSTATE | message | detail | hint, and nothing changes.

SELECT t.registry() AS before \gset

-- provision_tenant, one argument at a time. The others are good.
CREATE TEMP TABLE argument (name text, value text, note text);
INSERT INTO argument VALUES
    ('app_id', NULL, 'NULL'),
    ('app_id', '', 'empty'),
    ('app_id', repeat('a', 129), 'too long'),
    ('app_id', 'app 1', 'a space'),
    ('app_id', 'äpp', 'foreign'),
    ('app_id', repeat('ä', 40), 'foreign, cut in the message'),
    ('app_id', E'app\n1', 'a line feed'),
    ('app_id', E'app\x7f', 'DEL'),
    ('app_id', ''' OR 1 = 1; --', 'SQL'),
    ('owner_user_id', NULL, 'NULL'),
    ('owner_user_id', '', 'empty'),
    ('owner_user_id', repeat('u', 321), 'too long'),
    ('owner_user_id', repeat('é', 161), 'too long in bytes'),
    ('owner_user_id', E'a\tb', 'a control character'),
    ('slug', NULL, 'NULL'),
    ('slug', '', 'empty'),
    ('slug', repeat('s', 64), 'too long'),
    ('slug', 'straße', 'foreign'),
    ('slug', 'x"; DROP ROLE postgres; --', 'SQL'),
    ('engine', NULL, 'NULL'),
    ('engine', '', 'empty'),
    ('engine', 'mysql', 'unknown'),
    ('engine', 'Postgres', 'another case'),
    ('engine', repeat('é', 100), 'foreign, cut in the message'),
    ('engine', 'postgres''; --', 'SQL'),
    ('env', NULL, 'NULL'),
    ('publish', NULL, 'NULL'),
    ('idempotency_key', '', 'empty'),
    ('idempotency_key', repeat('k', 256), 'too long'),
    ('idempotency_key', 'a key', 'a space'),
    ('idempotency_key', 'schlüssel', 'foreign'),
    ('idempotency_key', '''); DROP TABLE appinfra.tenant; --', 'SQL');
\pset format unaligned
SELECT name, note, t.try(format(
           'SELECT appinfra.provision_tenant(%L, %L, %L, %L, %L, %L, %L)',
           CASE name WHEN 'app_id' THEN value ELSE 'app-bad' END,
           CASE name WHEN 'owner_user_id' THEN value ELSE 'u' END,
           CASE name WHEN 'slug' THEN value ELSE 'bad' END,
           CASE name WHEN 'engine' THEN value ELSE 'postgres' END,
           CASE name WHEN 'env' THEN value ELSE '{"DATABASE_URL": "owner"}' END,
           CASE name WHEN 'publish' THEN value ELSE 'false' END,
           CASE name WHEN 'idempotency_key' THEN value END)) AS refused
  FROM argument ORDER BY ctid;

-- env is an object of 1 to 16 variables, each a name of the runtime lane, each with an access.
SELECT env, t.try(format('SELECT appinfra.provision_tenant(%L, %L, %L, env => %L)', 'app-bad', 'u', 'bad', env)) AS refused
  FROM unnest(ARRAY[
    'null', '[]', '["DATABASE_URL"]', '"DATABASE_URL"', '7', 'true',
    '{"DATABASE_URL": null}', '{"DATABASE_URL": 1}', '{"DATABASE_URL": true}', '{"DATABASE_URL": ["owner"]}',
    '{"DATABASE_URL": {"access": "owner"}}',
    '{"DATABASE_URL": ""}', '{"DATABASE_URL": "OWNER"}', '{"DATABASE_URL": "superuser"}',
    '{"DATABASE_URL": "owner; DROP DATABASE x"}',
    '{"DATABASE_URL": "x' || repeat('é', 60) || '"}',
    '{"": "owner"}', '{"database_url": "owner"}', '{"1URL": "owner"}', '{"A-B": "owner"}', '{"A B": "owner"}',
    '{"A=B": "owner"}', '{"ÄURL": "owner"}', '{"A\nB": "owner"}',
    '{"' || repeat('V', 129) || '": "owner"}',
    '{"PATH": "owner"}', '{"LD_PRELOAD": "owner"}', '{"LD_": "owner"}', '{"DATABASE_ROOT_URL": "owner"}',
    '{"POSTGRES_ROOT_PASSWORD": "owner"}', '{"APP_DB_HOST": "owner"}',
    '{"SHARED_POSTGRES_SUPERUSER_PASSWORD": "owner"}', '{"OPENFACTORY_DB_PRODUCER_TOKEN": "owner"}',
    '{"X_PRODUCER_TOKEN_FILE": "owner"}', '{"APPINFRA_DATABASE_URL": "owner"}',
    '{"APPINFRA_CHECK_DATABASE_URL_FILE": "owner"}', '{"APPINFRA_S3_ADMIN_KEY": "owner"}',
    '{"DATABASE_URL": "owner", "PATH": "owner"}',
    '{"DATABASE_URL": "owner", "DATABASE_SERVICE_URL": "root"}']) env;
SELECT n, t.try(format('SELECT appinfra.provision_tenant(%L, %L, %L, env => %L)', 'app-bad', 'u', 'bad',
           (SELECT jsonb_object_agg('V' || i, 'reader') FROM generate_series(1, n) i))) AS refused
  FROM unnest(ARRAY[17, 1000]) n;

-- Names at the very limit are good, also ones that only look forbidden.
BEGIN;
SELECT t.try(format('SELECT (appinfra.provision_tenant(%L, %L, %L, env => %L)).status', 'app-good', 'u', 'good',
           jsonb_build_object(repeat('V', 128), 'reader', '_', 'reader', 'PATHS', 'reader', 'MY_LD_X', 'reader',
                              'LDAP', 'reader', 'PRODUCER_TOKEN', 'reader', 'APPINFRA_URL', 'reader')));
ROLLBACK;

-- claim_publications.
SELECT call, t.try('SELECT count(*) FROM appinfra.claim_publications(' || call || ')') AS refused
  FROM unnest(ARRAY['NULL', '''''', 'repeat(''w'', 256)', '''w'', NULL', '''w'', 0', '''w'', -1', '''w'', 1001',
    '''w'', 2147483647', '''w'', 1, NULL', '''w'', 1, ''0''', '''w'', 1, ''-1 min''', '''w'', 1, ''999 ms''',
    '''w'', 1, ''86400.1 s''', '''w'', 1, ''1 month''', '''w'', 1, ''178000000 years''']) call;
SELECT t.try($$ SELECT appinfra.claim_publications('w', 1, 'soon') $$);

SELECT t.registry() = :'before' AS unchanged;

-- Answers to claims: unknown ids, and claims that were never given.
CREATE TEMP TABLE owed AS SELECT * FROM appinfra.provision_tenant('app-owed', 'u', 'owed');
SELECT publication_id AS id FROM appinfra.publications WHERE app_id = 'app-owed' \gset
SELECT t.registry() AS owed \gset
SELECT call, t.try('SELECT appinfra.' || replace(call, 'ID', :'id')) AS refused
  FROM unnest(ARRAY[
    'extend_claim(NULL, gen_random_uuid())', 'extend_claim(ID, NULL)', 'extend_claim(ID, gen_random_uuid(), NULL)',
    'extend_claim(ID, gen_random_uuid(), ''0'')', 'extend_claim(ID, gen_random_uuid(), ''25 h'')',
    'extend_claim(-1, gen_random_uuid())', 'extend_claim(ID, gen_random_uuid())',
    'complete_publication(NULL, gen_random_uuid())', 'complete_publication(ID, NULL)',
    'complete_publication(-1, gen_random_uuid())', 'complete_publication(9223372036854775807, gen_random_uuid())',
    'complete_publication(ID, ''00000000-0000-0000-0000-000000000000'')',
    'complete_publication(ID, gen_random_uuid(), ''[]'')', 'complete_publication(ID, gen_random_uuid(), ''"x"'')',
    'complete_publication(ID, gen_random_uuid(), ''null'')',
    'fail_publication(NULL, gen_random_uuid(), ''e'', ''no'')', 'fail_publication(ID, NULL, ''e'', ''no'')',
    'fail_publication(ID, gen_random_uuid(), NULL, ''no'')', 'fail_publication(ID, gen_random_uuid(), ''e'', NULL)',
    'fail_publication(ID, gen_random_uuid(), ''e'', '''')', 'fail_publication(ID, gen_random_uuid(), ''e'', ''No'')',
    'fail_publication(ID, gen_random_uuid(), ''e'', ''x' || repeat('é', 60) || ''')',
    'fail_publication(ID, gen_random_uuid(), ''e'', ''no'', ''infinity'')',
    'fail_publication(ID, gen_random_uuid(), ''e'', ''no'', ''-infinity'')',
    'fail_publication(-1, gen_random_uuid(), ''e'', ''no'')', 'fail_publication(ID, gen_random_uuid(), ''e'', ''no'')',
    'retry_publication(NULL)', 'retry_publication(-1)', 'retry_publication(9223372036854775807)',
    'retry_publication(ID)']) call;
SELECT t.registry() = :'owed' AS unchanged;

-- host_id() and version() take nothing; has_sessions() of an unknown database is false.
SELECT appinfra.has_sessions(4294967295) AS somebody, appinfra.has_sessions(NULL) AS unknown;

SELECT t.registry() <> :'before' AS changed_on_purpose;

-- Of all this, one tenant came to be: the one that was made on purpose.
SELECT count(*) AS tenants FROM appinfra.databases WHERE app_id ~ '^app-(bad|good|owed)';
SELECT rolname FROM pg_roles WHERE rolname ~ '^app_(bad|good)';
