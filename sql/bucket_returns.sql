-- Buckets that come back: with the variables that they held when they left, as databases do, and no others. And
-- keys that a comparison does not find at the store: those that are to be there are told of, and no others.

\pset format unaligned
SET appinfra.s3_endpoint = 'http://store.example:7480';
CREATE FUNCTION pg_temp.bucket(slug text) RETURNS text LANGUAGE sql AS $$ SELECT bucket_id FROM appinfra.buckets b WHERE app_id = 'app-back' AND b.slug = bucket.slug $$;
CREATE FUNCTION pg_temp.try(slug text, call text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(t.try('SELECT (' || format('appinfra.' || call, pg_temp.bucket(slug)) || ').status'), 'buk-[0-9a-f]{13}', 'BUCKET') $$;
CREATE VIEW pg_temp.mine AS
    SELECT slug, status, cardinality(env_keys) AS variables,
           (SELECT count(*) FROM appinfra.publications p WHERE p.bucket_id = b.bucket_id AND p.status = 'pending') AS owed
      FROM appinfra.buckets b WHERE app_id = 'app-back' ORDER BY created_at;

-- The first loses its variables to the second, and both leave.
SELECT count(appinfra.provision_bucket('app-back', 'u', slug)) FROM unnest(ARRAY['first', 'second']) slug;
CALL t.deliver_buckets();
TABLE pg_temp.mine;
SELECT count(appinfra.deprovision_bucket(pg_temp.bucket(slug))) FROM unnest(ARRAY['first', 'second']) slug;
CALL t.deliver_buckets();
TABLE pg_temp.mine;

-- The first had none when it left: it comes back without, though they are free, and owes nobody a key.
SELECT pg_temp.try('first', 'restore_bucket(%L)') AS restored;
TABLE pg_temp.mine;
SELECT pg_temp.try('first', 'rotate_bucket_key(%L)') AS no_variables;
SELECT pg_temp.try('first', 'rotate_bucket_key(%L, publish => false)') AS handed_out;
-- The second comes back with them, and once.
SELECT pg_temp.try('second', 'restore_bucket(%L)') AS restored;
TABLE pg_temp.mine;
CALL t.deliver_buckets();
-- It leaves again, another takes them meanwhile: it is told so, and can come back when they are free.
SELECT appinfra.deprovision_bucket(pg_temp.bucket('second'));
CALL t.deliver_buckets();
SELECT count((appinfra.provision_bucket('app-back', 'u', 'third')).replaced_bucket_id) AS replaced;
SELECT pg_temp.try('second', 'restore_bucket(%L)') AS taken;
CALL t.deliver_buckets();
SELECT appinfra.deprovision_bucket(pg_temp.bucket('third'));
CALL t.deliver_buckets();
SELECT pg_temp.try('second', 'restore_bucket(%L, publish => false)') AS restored;
TABLE pg_temp.mine;
SELECT count(*) AS restorable FROM appinfra.binding WHERE bucket_id = pg_temp.bucket('second') AND restorable;
SELECT pg_temp.try('third', 'restore_bucket(%L)') AS taken;

-- A key that is planned and not yet made is at no store; a comparison that says so is no alarm. One that was made is.
SELECT (appinfra.rotate_bucket_key(pg_temp.bucket('second'))).status;
CALL t.deliver_buckets();
SELECT (appinfra.rotate_bucket_key(pg_temp.bucket('second'))).status;
SELECT publication_id, storage #>> '{mint,access_key}' AS waiting FROM appinfra.claim_publications('s', producers => '{storage}') \gset
UPDATE appinfra.publication SET lease_until = clock_timestamp() WHERE publication_id = :publication_id;
SELECT bucket_id, claim, generation, storage::text ~ :'waiting' AS named FROM appinfra.claim_bucket_work('s', 1000, check_older_than => '0') WHERE bucket_id = pg_temp.bucket('second') \gset
SELECT :'named' AS named, appinfra.complete_bucket_work(:'bucket_id', :'claim', :generation, jsonb_build_object('keys_missing', ARRAY[:'waiting'])) AS held;
SELECT last_error FROM appinfra.buckets WHERE bucket_id = :'bucket_id';
SELECT count(*) AS exposed FROM appinfra.exposures() WHERE rule = 'bucket_drift' AND object = (SELECT bucket_name FROM appinfra.buckets WHERE bucket_id = :'bucket_id');
SELECT claim, generation, access_key AS active FROM appinfra.claim_bucket_work('s', 1000, check_older_than => '0') JOIN appinfra.buckets USING (bucket_id, generation) WHERE bucket_id = :'bucket_id' \gset
SELECT appinfra.complete_bucket_work(:'bucket_id', :'claim', :generation, jsonb_build_object('keys_missing', ARRAY[:'active'])) AS held;
SELECT last_error FROM appinfra.buckets WHERE bucket_id = :'bucket_id';
SELECT severity, remedy ~ '^SELECT appinfra.rotate_bucket_key' AS remedy FROM appinfra.exposures() WHERE rule = 'bucket_drift' AND object = (SELECT bucket_name FROM appinfra.buckets WHERE bucket_id = :'bucket_id');

-- A bucket that is gone from the store has failed: it is told of, owes nobody a key, and is not made again.
SELECT claim, generation FROM appinfra.claim_bucket_work('s', 1000, check_older_than => '0') WHERE bucket_id = :'bucket_id' \gset
SELECT appinfra.complete_bucket_work(:'bucket_id', :'claim', :generation, '{"bucket_missing": true}') AS held;
TABLE pg_temp.mine;
SELECT last_error FROM appinfra.buckets WHERE bucket_id = :'bucket_id';
SELECT p.status, count(*) FROM appinfra.publications p WHERE bucket_id = :'bucket_id' AND status IN ('pending', 'claimed', 'cancelled') GROUP BY 1;
SELECT severity, detail ~ 'gone|missing' AS detail FROM appinfra.exposures() WHERE rule = 'bucket_drift' AND object = (SELECT bucket_name FROM appinfra.buckets WHERE bucket_id = :'bucket_id');
SELECT claim, generation, storage -> 'made' AS made FROM appinfra.claim_bucket_work('s', 1000, check_older_than => '0') WHERE bucket_id = :'bucket_id' \gset
SELECT :'made' AS made, appinfra.complete_bucket_work(:'bucket_id', :'claim', :generation, '{"bucket_missing": true}') AS held;
SELECT status FROM appinfra.buckets WHERE bucket_id = :'bucket_id';

UPDATE appinfra.bucket_work SET lease_until = clock_timestamp() WHERE claim IS NOT NULL;
SELECT count(appinfra.deprovision_bucket(bucket_id)) FROM appinfra.buckets WHERE app_id = 'app-back';
CALL t.deliver_buckets();
SELECT DISTINCT status FROM appinfra.buckets WHERE app_id = 'app-back';
