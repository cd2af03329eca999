-- Buckets: planned, published, handed out, rotated, revoked, kept and dropped; the store is played here.

\pset format unaligned
CREATE FUNCTION pg_temp.hide(text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace($1, 'buk-[0-9a-f]{13}', 'BUCKET', 'g'),
                          'AKIA[A-Z2-7]{16}', 'KEY', 'g'), '-[0-9a-f]{6}(?![0-9a-z-])', '-HEX6', 'g') $$;
SELECT t.try($$ SELECT appinfra.provision_bucket('app-buk', 'u', 'files') $$);
SET appinfra.s3_endpoint = 'http://store.example:7480';

-- Planned: names, a binding and a publication; nothing has been asked of the store.
SELECT * FROM appinfra.provision_bucket('app-buk', 'u', 'files') \gset
SELECT pg_temp.hide(concat_ws(' ', :'bucket_id', :'status', :'bucket_name', :'endpoint_url', :'region', :'env_keys'));
SELECT count(*) AS for_an_old_sidecar FROM appinfra.claim_publications('old', 1000) WHERE producer <> 'postgres';
SELECT count(*) AS work FROM appinfra.claim_bucket_work('w');

-- A claim plans a key; set lacks the secret, storage says what the store is to look like.
SELECT * FROM appinfra.claim_publications('w', producers => '{storage}') \gset
SELECT :'producer' AS producer, :'ref' = :'bucket_id' AS ref, pg_temp.hide(:'set') AS set, pg_temp.hide(:'storage') AS storage;
SELECT access_key FROM appinfra.bucket_keys WHERE bucket_id = :'bucket_id' \gset
SELECT appinfra.record_bucket_key(:publication_id, :'claim', :'access_key') AS held, appinfra.complete_publication(:publication_id, :'claim') AS done;
SELECT status, access_key = :'access_key' AS key, generation, done_generation FROM appinfra.buckets WHERE bucket_id = :'bucket_id';
SELECT state, minted_at IS NOT NULL AS minted, published_at IS NOT NULL AS published FROM appinfra.bucket_keys WHERE bucket_id = :'bucket_id';

-- Rotated: the former key goes at the deadline after the publication, or when the rotation is finished.
SELECT status FROM appinfra.rotate_bucket_key(:'bucket_id', '3 days');
SELECT publication_id AS p2, claim AS c2, storage #>> '{mint,access_key}' AS k2, storage -> 'made' AS made FROM appinfra.claim_publications('w', producers => '{storage}') \gset
SELECT :'made' AS made, count(*) AS work_beside_it FROM appinfra.claim_bucket_work('w', check_older_than => '0');
SELECT appinfra.record_bucket_key(:p2, :'c2', :'k2'), state FROM appinfra.bucket_keys WHERE access_key = :'access_key';
SELECT appinfra.complete_publication(:p2, :'c2') AS done;
SELECT state, retires_at - clock_timestamp() BETWEEN '2 days 23 hours' AND '3 days' AS in_time FROM appinfra.bucket_keys WHERE access_key = :'access_key';
SELECT t.try(format('SELECT appinfra.wait_bucket_revoked(%L)', :'access_key')) ~ '^55000' AS refused;
SELECT appinfra.finish_bucket_rotation(:'bucket_id') AS finished;
SELECT appinfra.wait_bucket_revoked(:'access_key', '0') AS gone;
SELECT bucket_id AS b, claim AS c, generation AS g, storage FROM appinfra.claim_bucket_work('w') \gset work_
SELECT count(*) AS twice FROM appinfra.claim_bucket_work('w');
SELECT pg_temp.hide(:'work_storage');
SELECT appinfra.complete_bucket_work(:'work_b', :'work_c', :work_g, '{"objects": 2, "bytes": 2048}') AS held;
SELECT appinfra.wait_bucket_revoked(:'access_key') AS gone;
SELECT objects, bytes, generation = done_generation AS done FROM appinfra.buckets WHERE bucket_id = :'bucket_id';

-- Another bucket of the app takes the variables over; the first keeps its key.
SELECT * FROM appinfra.provision_bucket('app-buk', 'u', 'files', publish => false, quota => 1000, idempotency_key => 'buk-1') \gset second_
SELECT :'second_replaced_bucket_id' = :'bucket_id' AS replaced;
SELECT status, env_keys, access_key = :'k2' AS key FROM appinfra.buckets WHERE bucket_id = :'bucket_id';
SELECT bucket_id = :'second_bucket_id' AS same FROM appinfra.provision_bucket('app-buk', 'u', 'files', publish => false, quota => 1000, idempotency_key => 'buk-1');
SELECT split_part(t.try($$ SELECT appinfra.provision_bucket('app-buk', 'u', 'files', idempotency_key => 'buk-1') $$), ' | ', 1) AS other_arguments;
SELECT t.try($$ SELECT appinfra.provision_bucket('app-buk', 'v', 'files') $$) ~ '^42501' AS another_owner;
SELECT t.try(format('SELECT appinfra.rotate_bucket_key(%L)', :'bucket_id')) ~ '^55000' AS no_variables;
SELECT count((appinfra.provision_tenant('app-buk', 'u', 'buk', env => '{"T_BUCKET": "owner"}')).db_id) AS tenants;
SELECT pg_temp.hide(t.try($$ SELECT appinfra.provision_bucket('app-buk', 'u', 'files', 'T') $$)) ~ '^23505.*env_prefix' AS taken;

-- Handed out: a publication that is claimed from its birth.
SELECT * FROM appinfra.begin_bucket_handout(:'second_bucket_id', 'rest') \gset hand_
SELECT t.try(format('SELECT appinfra.begin_bucket_handout(%L, ''rest'')', :'second_bucket_id')) ~ '^55P03' AS busy;
SELECT :'hand_storage'::jsonb #>> '{mint,access_key}' AS k3 \gset
SELECT :'hand_storage'::jsonb -> 'quota' AS quota, :'hand_storage'::jsonb -> 'made' AS made, appinfra.record_bucket_key(:hand_publication_id, :'hand_claim', :'k3') AS held;
SELECT appinfra.complete_publication(:hand_publication_id, :'hand_claim') AS done;
SELECT kind, status, bucket_id = :'second_bucket_id' AS bucket, access_key = :'k3' AS key FROM appinfra.publications WHERE publication_id = :hand_publication_id;
SELECT status, done_generation = generation AS done, quota FROM appinfra.buckets WHERE bucket_id = :'second_bucket_id';

-- Revoked while it is being delivered: cancelled, and the key is unwanted.
SELECT status FROM appinfra.rotate_bucket_key(:'second_bucket_id');
SELECT publication_id AS p4, claim AS c4, storage #>> '{mint,access_key}' AS k4 FROM appinfra.claim_publications('w', producers => '{storage}') \gset
SELECT appinfra.revoke_bucket(:'second_bucket_id', 'leaked') AS revoked;
SELECT appinfra.record_bucket_key(:p4, :'c4', :'k4') AS held, appinfra.complete_publication(:p4, :'c4') AS done;
SELECT bucket_id AS b, claim AS c, generation AS g, storage -> 'suspended' AS suspended, jsonb_path_query_array(storage, '$.principals[*].keys[*].state') AS keys FROM appinfra.claim_bucket_work('w') \gset work_
SELECT :'work_suspended' AS suspended, :'work_keys' AS keys;
SELECT appinfra.complete_bucket_work(:'work_b', gen_random_uuid(), :work_g) WHERE false;
SELECT appinfra.complete_bucket_work(:'work_b', :'work_c', :work_g) AS held;
SELECT count(*) AS not_gone FROM appinfra.bucket_keys WHERE bucket_id = :'second_bucket_id' AND state <> 'gone';

-- Restored, then compared: what differs is told.
SELECT status FROM appinfra.restore_bucket(:'second_bucket_id');
SELECT publication_id AS p5, claim AS c5, storage #>> '{mint,access_key}' AS k5 FROM appinfra.claim_publications('w', producers => '{storage}') \gset
SELECT appinfra.record_bucket_key(:p5, :'c5', :'k5') AS held, appinfra.complete_publication(:p5, :'c5') AS done;
SELECT bucket_id AS b, claim AS c, generation AS g FROM appinfra.claim_bucket_work('w') \gset work_
SELECT appinfra.complete_bucket_work(:'work_b', :'work_c', :work_g, jsonb_build_object('keys_missing', ARRAY[:'k5'], 'unknown_keys', ARRAY['STRANGER'], 'public', true)) AS held;
SELECT last_error FROM appinfra.buckets WHERE bucket_id = :'second_bucket_id';
SELECT outcome, pg_temp.hide(detail::text) FROM appinfra.audit WHERE action = 'bucket_drift' ORDER BY id DESC LIMIT 1;
SELECT severity, rule, grantee, remedy ~ 'appinfra' AS remedy FROM appinfra.exposures() WHERE rule ~ '^bucket' ORDER BY rule, grantee;
SELECT appinfra.forget_bucket_key('STRANGER');
SELECT state, reason FROM appinfra.bucket_keys WHERE access_key = 'STRANGER';
SELECT t.try($$ SELECT appinfra.forget_bucket_key('NOBODYS') $$) ~ '^42704' AS unknown;
SELECT appinfra.report_unknown_buckets(ARRAY['stray', (SELECT bucket_name FROM appinfra.buckets LIMIT 1)]) AS strays;
SELECT appinfra.report_unknown_buckets('{}') AS strays;

-- Deprovisioned: kept, and dropped when its time is over.
SELECT appinfra.deprovision_bucket(:'second_bucket_id', '0');
SELECT status, env_keys FROM appinfra.buckets WHERE bucket_id = :'second_bucket_id';
SELECT bucket_id AS b, claim AS c, generation AS g FROM appinfra.claim_bucket_work('w') \gset work_
SELECT appinfra.complete_bucket_work(:'work_b', :'work_c', :work_g) AS held;
SELECT bucket_id AS second FROM appinfra.buckets WHERE bucket_id = :'second_bucket_id' \gset
CALL t.wait_for(format('(SELECT status = ''dropping'' FROM appinfra.buckets WHERE bucket_id = %L)', :'second'));
SELECT t.try(format('SELECT appinfra.restore_bucket(%L)', :'second')) ~ '^55000' AS refused;
SELECT bucket_id AS b, claim AS c, generation AS g, storage -> 'present' AS present FROM appinfra.claim_bucket_work('w') \gset work_
SELECT :'work_present' AS present, appinfra.complete_bucket_work(:'work_b', :'work_c', :work_g) AS held;
SELECT status FROM appinfra.buckets WHERE bucket_id = :'second_bucket_id';
SELECT kind, status FROM appinfra.publications WHERE bucket_id = :'second_bucket_id' ORDER BY publication_id DESC LIMIT 1;
SELECT appinfra.complete_publication(publication_id, claim) AS unset FROM appinfra.claim_publications('w', producers => '{storage}');

-- A name that somebody else has is changed; the store's refusal fails the bucket, and it can be tried again.
SELECT bucket_id AS b3, bucket_name AS n3 FROM appinfra.provision_bucket('app-buk2', 'u', 'xn--files') \gset
SELECT :'n3' ~ '^b-xn--files-[0-9a-f]{6}$' AS prefixed;
SELECT appinfra.fail_publication(publication_id, claim, 'name_taken: 409', 'no', NULL) AS status FROM appinfra.claim_publications('w', producers => '{storage}');
SELECT status, bucket_name <> :'n3' AS renamed FROM appinfra.buckets WHERE bucket_id = :'b3';
SELECT publication_id AS p6, appinfra.fail_publication(publication_id, claim, 'refused', 'no', NULL) AS s6 FROM appinfra.claim_publications('w', producers => '{storage}') \gset
SELECT :'s6' AS publication, status, last_error FROM appinfra.buckets WHERE bucket_id = :'b3';
SELECT appinfra.retry_publication(:p6);
SELECT status FROM appinfra.buckets WHERE bucket_id = :'b3';

-- Limits and arguments.
SET appinfra.buckets_per_app = 1;
SELECT t.try($$ SELECT appinfra.provision_bucket('app-buk2', 'u', 'more', 'MORE') $$);
RESET appinfra.buckets_per_app;
SELECT call, t.try('SELECT appinfra.' || call) AS refused FROM unnest(ARRAY[
    $$provision_bucket('app-buk2', 'u', 'f', 'lower')$$, $$provision_bucket('app-buk2', 'u', 'f', 'APP_DB')$$,
    $$provision_bucket('app-buk2', 'u', 'f', repeat('A', 101))$$, $$provision_bucket('app-buk2', 'u', 'f', 'A', -1)$$,
    $$provision_bucket(NULL, 'u', 'f')$$, $$rotate_bucket_key('buk-0000000000000')$$, $$revoke_bucket_key('NONE')$$,
    $$set_bucket_quota('buk-0000000000000', 1)$$, $$record_bucket_key(0, gen_random_uuid(), 'A')$$,
    $$claim_bucket_work('', 1)$$, $$claim_bucket_work('w', 0)$$]) call;
SELECT t.try($$ SELECT appinfra.unregister_app('app-buk2') $$) ~ '^55000.*bucket' AS refused;

-- Nothing stays of what is rolled back.
BEGIN;
SELECT count(*) FROM appinfra.provision_bucket('app-buk3', 'u', 'gone');
ROLLBACK;
SELECT count(*) AS buckets FROM appinfra.buckets WHERE app_id = 'app-buk3';
DO $$ BEGIN PERFORM appinfra.deprovision_bucket(bucket_id) FROM appinfra.buckets WHERE status NOT IN ('dropped', 'dropping'); END $$;
DO $$ BEGIN PERFORM appinfra.complete_publication(publication_id, claim) FROM appinfra.claim_publications('w', 1000, producers => '{storage,postgres}'); END $$;
