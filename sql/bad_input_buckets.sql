-- Every argument of every function of buckets: NULL, empty, too long, negative, beyond all time, unknown, in
-- the wrong state, twice. Each is refused, and nothing changes.

\pset format unaligned
SET appinfra.s3_endpoint = 'http://store.example:7480';
CREATE FUNCTION pg_temp.hide(text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace($1, 'buk-[0-9a-f]{13}', 'BUCKET', 'g'), 'AKIA[A-Z2-7]{16}', 'KEY', 'gi') $$;
CREATE FUNCTION pg_temp.refused(calls text[]) RETURNS TABLE (call text, refused text) LANGUAGE sql AS $$
    SELECT call, pg_temp.hide(t.try('SELECT appinfra.' || replace(replace(replace(replace(call,
               'LEAVING', quote_literal((SELECT bucket_id FROM appinfra.buckets WHERE slug = 'leaving'))),
               'ID', quote_literal((SELECT bucket_id FROM appinfra.buckets WHERE slug = 'bad'))),
               'KEY', quote_literal((SELECT access_key FROM appinfra.buckets WHERE slug = 'bad'))),
               'CLAIM', quote_literal(gen_random_uuid())))) FROM unnest(calls) call $$;
SELECT count(*) FROM appinfra.provision_bucket('app-wrong-b', 'u', 'bad');
SELECT count(*) FROM appinfra.provision_bucket('app-wrong-b', 'u', 'leaving', 'LEAVING');
CALL t.deliver_buckets();
SELECT appinfra.deprovision_bucket(bucket_id, '1 day') FROM appinfra.buckets WHERE slug = 'leaving';
CALL t.deliver_buckets();
SELECT slug, status FROM appinfra.buckets WHERE app_id = 'app-wrong-b' ORDER BY slug;
SELECT t.registry() AS before \gset

-- provision_bucket, one argument at a time. The others are good.
CREATE TEMP TABLE argument (name text, value text, note text);
INSERT INTO argument VALUES
    ('app_id', NULL, 'NULL'), ('app_id', '', 'empty'), ('app_id', repeat('a', 129), 'too long'), ('app_id', 'äpp', 'foreign'),
    ('app_id', ''' OR 1 = 1; --', 'SQL'),
    ('owner_user_id', NULL, 'NULL'), ('owner_user_id', '', 'empty'), ('owner_user_id', repeat('u', 321), 'too long'),
    ('owner_user_id', E'a\tb', 'a control character'),
    ('slug', '', 'empty'), ('slug', repeat('s', 64), 'too long'), ('slug', 'straße', 'foreign'),
    ('env_prefix', NULL, 'NULL'), ('env_prefix', '', 'empty'), ('env_prefix', repeat('A', 101), 'too long'), ('env_prefix', 'of_s3', 'lower case'),
    ('env_prefix', '3S', 'a digit first'), ('env_prefix', 'A-B', 'a hyphen'), ('env_prefix', 'Ä', 'foreign'), ('env_prefix', E'A\n', 'a line feed'),
    ('env_prefix', 'A''; DROP TABLE x; --', 'SQL'), ('env_prefix', 'APPINFRA_S3_ADMIN', 'ours'),
    ('quota', '-1', 'negative'), ('quota', '-9223372036854775808', 'the least'),
    ('publish', NULL, 'NULL'),
    ('idempotency_key', '', 'empty'), ('idempotency_key', repeat('k', 256), 'too long'), ('idempotency_key', 'schlüssel', 'foreign');
SELECT name, note, t.try(format(
           'SELECT appinfra.provision_bucket(%L, %L, %L, %L, %L, %L, %L)',
           CASE name WHEN 'app_id' THEN value ELSE 'app-bad' END,
           CASE name WHEN 'owner_user_id' THEN value ELSE 'u' END,
           CASE name WHEN 'slug' THEN value ELSE 'bad' END,
           CASE name WHEN 'env_prefix' THEN value ELSE 'OF_S3' END,
           CASE name WHEN 'quota' THEN value END,
           CASE name WHEN 'publish' THEN value ELSE 'true' END,
           CASE name WHEN 'idempotency_key' THEN value END)) AS refused
  FROM argument ORDER BY ctid;

-- The bucket: NULL, empty, unknown, SQL.
SELECT f || '(' || coalesce(left(id, 20), 'NULL') || ')' AS call, t.try(format('SELECT appinfra.' || f, coalesce(quote_literal(id), 'NULL'))) AS refused
  FROM unnest(ARRAY['rotate_bucket_key(%s)', 'finish_bucket_rotation(%s)', 'revoke_bucket(%s)', 'deprovision_bucket(%s)', 'restore_bucket(%s)',
                    'set_bucket_quota(%s, 1)', 'begin_bucket_handout(%s, ''w'')', 'complete_bucket_work(%s, gen_random_uuid(), 1)',
                    'fail_bucket_work(%s, gen_random_uuid(), ''e'', ''other'')']) f
 CROSS JOIN unnest(ARRAY[NULL, '', 'buk-0000000000000', ''' OR true --']) id;
SELECT f, left(t.try('SELECT appinfra.' || f || '(repeat(''é'', 100000))'), 5) AS refused
  FROM unnest(ARRAY['rotate_bucket_key', 'revoke_bucket', 'deprovision_bucket', 'restore_bucket', 'revoke_bucket_key', 'forget_bucket_key',
                    'wait_bucket_revoked']) f;

-- What callers pass. A duration is 0 to 100 years.
SELECT * FROM pg_temp.refused(ARRAY[
    'rotate_bucket_key(ID, NULL)', 'rotate_bucket_key(ID, ''-1 s'')', 'rotate_bucket_key(ID, ''101 years'')', 'rotate_bucket_key(ID, publish => NULL)',
    'deprovision_bucket(ID, NULL)', 'deprovision_bucket(ID, ''-1 s'')', 'deprovision_bucket(ID, ''178000000 years'')',
    'restore_bucket(ID)', 'restore_bucket(ID, NULL)', 'set_bucket_quota(ID, -1)',
    'revoke_bucket_key(NULL)', 'revoke_bucket_key('''')', 'revoke_bucket_key(ID)', 'revoke_bucket_key(lower(KEY))',
    'forget_bucket_key(NULL)', 'forget_bucket_key('''')', 'forget_bucket_key(KEY)',
    'wait_bucket_revoked(NULL)', 'wait_bucket_revoked('''')', 'wait_bucket_revoked(KEY)', 'wait_bucket_revoked(KEY, NULL)', 'wait_bucket_revoked(KEY, ''-1 s'')']);

-- In the wrong state: retained.
SELECT * FROM pg_temp.refused(ARRAY['rotate_bucket_key(LEAVING)', 'begin_bucket_handout(LEAVING, ''w'')']);

-- What sidecars pass: claims that were never given, workers, leases, batches, answers.
SELECT * FROM pg_temp.refused(ARRAY[
    'record_bucket_key(NULL, CLAIM, ''A'')', 'record_bucket_key(-1, NULL, ''A'')', 'record_bucket_key(-1, CLAIM, NULL)', 'record_bucket_key(-1, CLAIM, '''')',
    'record_bucket_key(-1, CLAIM, repeat(''A'', 129))', 'record_bucket_key(-1, CLAIM, ''A'')',
    'claim_publications(''w'', producers => NULL)', 'claim_publications(''w'', producers => ''{}'')', 'claim_publications(''w'', producers => ''{nobody}'')',
    'claim_publications(''w'', producers => ''{storage,NULL}'')',
    'claim_bucket_work(NULL)', 'claim_bucket_work('''')', 'claim_bucket_work(repeat(''w'', 256))', 'claim_bucket_work(''w'', NULL)', 'claim_bucket_work(''w'', 0)',
    'claim_bucket_work(''w'', 1001)', 'claim_bucket_work(''w'', lease => NULL)', 'claim_bucket_work(''w'', lease => ''0'')', 'claim_bucket_work(''w'', lease => ''2 days'')',
    'claim_bucket_work(''w'', check_older_than => ''-1 s'')',
    'extend_bucket_work(NULL, CLAIM)', 'extend_bucket_work(ID, NULL)', 'extend_bucket_work(ID, CLAIM, NULL)', 'extend_bucket_work(ID, CLAIM)',
    'complete_bucket_work(ID, NULL, 1)', 'complete_bucket_work(ID, CLAIM, NULL)', 'complete_bucket_work(ID, CLAIM, 1)',
    'fail_bucket_work(ID, CLAIM, NULL, ''other'')', 'fail_bucket_work(ID, CLAIM, ''e'', NULL)', 'fail_bucket_work(ID, CLAIM, ''e'', '''')',
    'fail_bucket_work(ID, CLAIM, ''e'', repeat(''é'', 1000))', 'fail_bucket_work(ID, CLAIM, ''e'', ''other'', ''infinity'')', 'fail_bucket_work(ID, CLAIM, ''e'', ''other'')',
    'begin_bucket_handout(ID, NULL)', 'begin_bucket_handout(ID, '''')', 'begin_bucket_handout(ID, ''w'', NULL)', 'begin_bucket_handout(ID, ''w'', ''-1 s'')',
    'report_unknown_buckets(NULL)']);
SELECT observed, left(t.try(format('SELECT appinfra.complete_bucket_work(bucket_id, gen_random_uuid(), 1, %L) FROM appinfra.buckets WHERE slug = ''bad''', observed)), 47) AS refused
  FROM unnest(ARRAY['null', '[]', '1', '{"objects": "1"}', '{"objects": -1}', '{"bytes": 1.5}', '{"bytes": 1e30}', '{"public": 1}', '{"drift": {}}', '{"keys_missing": [1]}',
                    '{"bucket_missing": "no"}']) observed;
SELECT t.registry() = :'before' AS unchanged;

-- Neither in a transaction whose snapshot is older than the locks, nor in one that may not write.
CREATE TEMP TABLE call AS SELECT call FROM unnest(ARRAY[
    'provision_bucket(''app-wrong-b'', ''u'', ''more'', ''MORE'')', 'rotate_bucket_key(ID)', 'finish_bucket_rotation(ID)', 'revoke_bucket_key(KEY)', 'forget_bucket_key(KEY)', 'revoke_bucket(ID)',
    'deprovision_bucket(ID)', 'restore_bucket(LEAVING)', 'set_bucket_quota(ID, 1)', 'begin_bucket_handout(ID, ''w'')']) call;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT left(call, strpos(call, '(') - 1) AS call, (pg_temp.refused(ARRAY[call])).refused FROM call;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT left(call, strpos(call, '(') - 1) AS call, left((pg_temp.refused(ARRAY[call])).refused, 5) AS refused FROM call;
COMMIT;
BEGIN READ ONLY;
SELECT left(call, strpos(call, '(') - 1) AS call, (pg_temp.refused(ARRAY[call])).refused FROM call;
SELECT left(call, strpos(call, '(') - 1) AS call, left((pg_temp.refused(ARRAY[call])).refused, 5) AS refused FROM unnest(ARRAY[
    'record_bucket_key(-1, CLAIM, ''A'')', 'claim_bucket_work(''w'')', 'claim_publications(''w'', producers => ''{storage}'')', 'extend_bucket_work(ID, CLAIM)', 'complete_bucket_work(ID, CLAIM, 1)',
    'fail_bucket_work(ID, CLAIM, ''e'', ''other'')', 'report_unknown_buckets(''{stray}'')']) call;
COMMIT;
SELECT t.registry() = :'before' AS unchanged;

-- Twice: what has been done already is no error, and does nothing.
BEGIN;
CREATE TEMP TABLE key AS SELECT bucket_id, access_key FROM appinfra.buckets WHERE slug = 'bad';
SELECT appinfra.revoke_bucket_key(access_key, repeat('é', 1000)) FROM key;
SELECT octet_length(reason) AS reason FROM appinfra.bucket_keys JOIN key USING (access_key);
SELECT t.registry() AS revoked \gset
SELECT appinfra.revoke_bucket_key(access_key) FROM key;
SELECT t.registry() = :'revoked' AS unchanged;
SELECT pg_temp.hide(t.try(format('SELECT appinfra.wait_bucket_revoked(%L)', access_key))) AS uncommitted FROM key;
SELECT appinfra.revoke_bucket(bucket_id) AS keys FROM key;
SELECT t.registry() AS revoked \gset
SELECT appinfra.revoke_bucket(bucket_id) AS keys FROM key;
SELECT t.registry() = :'revoked' AS unchanged;
SELECT appinfra.deprovision_bucket(bucket_id) FROM key;
SELECT t.registry() AS leaving \gset
SELECT appinfra.deprovision_bucket(bucket_id) FROM key;
SELECT t.registry() = :'leaving' AS unchanged;
SELECT (appinfra.restore_bucket(bucket_id)).status FROM key;
SELECT pg_temp.hide(t.try(format('SELECT appinfra.restore_bucket(%L)', bucket_id))) AS again FROM key;
ROLLBACK;

-- At the limits they are good: 0 and 100 years, the longest prefix, quota, worker and key.
BEGIN;
SELECT status FROM appinfra.provision_bucket('app-wrong-b', repeat('u', 0) || 'u', repeat('s', 63), repeat('A', 100), 9223372036854775807, idempotency_key => repeat('k', 255));
SELECT length(bucket_name) AS name, quota, length(env_keys[1]) AS variable FROM appinfra.buckets WHERE slug = repeat('s', 63);
SELECT t.try(format('SELECT (appinfra.rotate_bucket_key(%L, ''100 years'')).status', bucket_id)) FROM appinfra.buckets WHERE slug = 'bad';
CALL t.deliver_buckets();
SELECT max(retires_at) > now() + interval '99 years' AS retiring FROM appinfra.bucket_keys JOIN appinfra.buckets USING (bucket_id) WHERE slug = 'bad';
SELECT storage -> 'quota' AS quota FROM appinfra.buckets b CROSS JOIN appinfra.begin_bucket_handout(b.bucket_id, repeat('w', 255)) WHERE slug = repeat('s', 63);
SELECT t.try(format('SELECT appinfra.deprovision_bucket(%L, ''100 years'')', bucket_id)) FROM appinfra.buckets WHERE slug = 'bad';
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
SELECT count(appinfra.deprovision_bucket(bucket_id, '0')) FROM appinfra.buckets WHERE app_id = 'app-wrong-b';
CALL t.deliver_buckets();
CALL t.wait_for('(SELECT bool_and(status = ''dropping'') FROM appinfra.buckets WHERE app_id = ''app-wrong-b'')');
CALL t.deliver_buckets();
SELECT DISTINCT status FROM appinfra.buckets WHERE app_id = 'app-wrong-b';
SELECT id, pg_temp.hide(t.try(format('SELECT appinfra.' || call, bucket_id))) AS dropped
  FROM appinfra.buckets, unnest(ARRAY['rotate_bucket_key(%L)', 'restore_bucket(%L)', 'set_bucket_quota(%L, 1)', 'revoke_bucket(%L)', 'deprovision_bucket(%L)', 'finish_bucket_rotation(%L)',
                                      'begin_bucket_handout(%L, ''w'')']) WITH ORDINALITY c (call, id)
 WHERE slug = 'bad' ORDER BY id;
