-- Publications: claimed by a sidecar, delivered, extended, failed, retried; versions only grow.

-- What other tests still owe is delivered first.
CREATE FUNCTION pg_temp.deliver_all() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM appinfra.claim_publications('sweeper', 1000) p
     WHERE appinfra.complete_publication(p.publication_id, p.claim) $$;
DO $$ BEGIN PERFORM pg_temp.deliver_all(); END $$;
SELECT count(*) AS pending FROM appinfra.publications WHERE status IN ('pending', 'claimed');

CREATE TEMP VIEW state AS
    SELECT status, version, username, attempt, worker, lease_until > clock_timestamp() AS leased, delivered,
           error, response, ended_at IS NOT NULL AS ended
      FROM appinfra.publications WHERE app_id = 'app-pub' ORDER BY publication_id;
CREATE TEMP VIEW logins AS
    SELECT username, state, minted_at IS NOT NULL AS minted, published_at IS NOT NULL AS published, successor,
           rolpassword IS NOT NULL AS password
      FROM appinfra.credentials LEFT JOIN pg_authid ON rolname = username
     WHERE target = 'app-pub' ORDER BY username;

-- A claim makes the password and hands it over, once.
SELECT count(*) FROM appinfra.provision_tenant('app-pub', 'u', 'pub');
TABLE logins;
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset
SELECT :'target' AS target, :'app_id' AS app_id, :'producer' AS producer, :version AS version,
       t.mask(:'set') AS set, :'unset' AS unset, :attempt AS attempt;
TABLE state;
TABLE logins;
SELECT :'set'::jsonb ->> 'DATABASE_URL' AS url \gset
SELECT t.has_password('app_pub', substring(:'url' FROM ':([^:@/]{44})@')) AS logs_in;
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar-2');

-- A lease can be extended by who holds it, and counts from now.
SELECT appinfra.extend_claim(:publication_id, :'claim', '1 hour') AS extended;
SELECT lease_until BETWEEN clock_timestamp() + '59 min' AND clock_timestamp() + '61 min' AS an_hour
  FROM appinfra.publications WHERE publication_id = :publication_id;
SELECT appinfra.extend_claim(:publication_id, gen_random_uuid(), '1 day') AS extended;

-- Done. Of the answer only env_keys that are variable names and a version number are kept.
SELECT appinfra.complete_publication(:publication_id, :'claim', jsonb_build_object('version', 7, 'env_keys',
    jsonb_build_array('DATABASE_URL', :'url', 8, 'lower'), 'echo', :'url')) AS held;
TABLE state;
TABLE logins;

-- The reply was lost, so the same answer comes again: still true, and nothing happens.
SELECT t.registry() AS before \gset
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT appinfra.fail_publication(:publication_id, :'claim', 'contradiction', 'unknown', now()) AS status;
SELECT appinfra.extend_claim(:publication_id, :'claim') AS extended;
SELECT t.registry() = :'before' AS unchanged;
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id)) ~ '^55000' AS refused;
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar-1');

-- Surely not stored, to be tried again: the login waits once more, without its password.
SELECT count(*) FROM appinfra.provision_tenant('app-pub', 'u', 'pub2', env => '{"SECOND_URL": "owner"}');
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset first_
SELECT appinfra.fail_publication(:first_publication_id, :'first_claim', 'connection refused', 'no', now()) AS status;
SELECT * FROM state WHERE username LIKE 'app_pub2%';
SELECT * FROM logins WHERE username LIKE 'app_pub2%';
SELECT appinfra.fail_publication(:first_publication_id, :'first_claim', 'connection refused', 'no', now()) AS again;

-- The next claim gives the same login another password, and a higher version.
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset second_
SELECT :second_publication_id = :first_publication_id AS same, :second_version > :first_version AS grew,
       :second_attempt AS attempt, :'second_set' <> :'first_set' AS another_password,
       t.mask(:'second_set') = t.mask(:'first_set') AS same_login;
SELECT t.has_password('app_pub2', substring(:'second_set' FROM ':([^:@/]{44})@')) AS new_one,
       t.has_password('app_pub2', substring(:'first_set' FROM ':([^:@/]{44})@')) AS old_one;

-- It may have been stored: the login lives, and the next claim brings another.
SELECT appinfra.fail_publication(:second_publication_id, :'second_claim', 'timed out', 'unknown', now()) AS status;
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset third_
SELECT t.mask(:'third_set') AS set, :third_version > :second_version AS grew, :third_attempt AS attempt;
SELECT t.has_password('app_pub2', substring(:'second_set' FROM ':([^:@/]{44})@')) AS still_valid;
SELECT appinfra.complete_publication(:third_publication_id, :'third_claim') AS held;
SELECT * FROM logins WHERE username LIKE 'app_pub2%';
SELECT retires_at - published_at BETWEEN '6 days 23:59' AND '7 days 00:01' AS a_week FROM (
    SELECT retires_at, (SELECT published_at FROM appinfra.credentials WHERE username = 'app_pub2_2') AS published_at
      FROM appinfra.credentials WHERE username = 'app_pub2') c;

-- A retry that is not due yet is not handed out.
SELECT count(*) FROM appinfra.provision_tenant('app-pub', 'u', 'pub3', env => '{"THIRD_URL": "owner"}');
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset
SELECT appinfra.fail_publication(:publication_id, :'claim', 'later', 'no', now() + '1 hour') AS status;
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar-1');
SELECT not_before BETWEEN now() + '59 min' AND now() + '61 min' AS in_an_hour FROM appinfra.publications
 WHERE publication_id = :publication_id;
UPDATE appinfra.publication SET not_before = now() WHERE publication_id = :publication_id;

-- Failed for good: handed out no more, until somebody retries it.
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset
SELECT appinfra.fail_publication(:publication_id, :'claim', 'foreign_owner', 'no') AS status;
SELECT * FROM state WHERE username LIKE 'app_pub3%';
SELECT count(*) AS claimable FROM appinfra.claim_publications('sidecar-1');
SELECT appinfra.fail_publication(:publication_id, :'claim', 'foreign_owner', 'no') AS again;
SELECT appinfra.retry_publication(:publication_id);
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id)) ~ '^55000.*"pending"' AS refused;
SELECT * FROM state WHERE username LIKE 'app_pub3%';
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset
SELECT :version AS version, t.mask(:'set') AS set;
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT * FROM logins WHERE username LIKE 'app_pub3%';

-- A batch is at most what was asked for; at most one publication of a binding is claimed.
SELECT count(*) FROM generate_series(1, 3) i,
       appinfra.provision_tenant('app-pub', 'u', 'batch', env => jsonb_build_object('B' || i, 'owner', 'C' || i, 'reader'));
SELECT count(*) AS claimed FROM appinfra.claim_publications('sidecar-1', 4);
SELECT count(*) AS claimed FROM appinfra.claim_publications('sidecar-2', 4);
SELECT count(*) AS claimed FROM appinfra.claim_publications('sidecar-3', 4);
SELECT worker, count(*), count(DISTINCT binding_id) AS bindings FROM appinfra.publications
 WHERE status = 'claimed' GROUP BY 1 ORDER BY 1;

-- What a producer may have echoed is blotted out before anything is cut off.
CREATE TEMP TABLE held AS SELECT publication_id, claim FROM appinfra.publication WHERE status = 'claimed';
CREATE FUNCTION pg_temp.kept(said text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p held;
    result text;
BEGIN
    SELECT * INTO p FROM held ORDER BY publication_id LIMIT 1;
    PERFORM appinfra.fail_publication(p.publication_id, p.claim, said, 'unknown');
    SELECT error INTO result FROM appinfra.publications WHERE publication_id = p.publication_id;
    RAISE SQLSTATE 'RB000';
EXCEPTION WHEN SQLSTATE 'RB000' THEN RETURN result;
END $$;
SELECT repeat('aB3-', 10) || '_Xy9' AS password \gset
SELECT pg_temp.kept('refused postgresql://app_x:' || :'password' || '@h:5/d, and "' || :'password' || '"') AS kept;
SELECT pg_temp.kept(:'password'), pg_temp.kept(:'password' || 'more'), pg_temp.kept(left(:'password', 39)) AS shorter;
SELECT pg_temp.kept('OF_S3_SECRET_KEY=' || repeat('aB3+/x_Y', 5) || '; '
                    || repeat('a+B/3', 8) || ' ' || repeat('0123456789abcdef', 4)) AS of_stores,
       pg_temp.kept('open /var/lib/appinfra/environments/app-12345678/app.env: denied') AS path;
SELECT pg_temp.kept('') AS empty, pg_temp.kept('naïve 😀') AS foreign;
SELECT octet_length(pg_temp.kept(repeat('x ', 1000))) AS bytes, octet_length(pg_temp.kept('x' || repeat('é ', 1000))) AS less;
SELECT n, pg_temp.kept(repeat('.', n) || :'password' || ' tail') ~ 'aB3-' AS leaks
  FROM generate_series(460, 515, 5) n;
SELECT count(*) AS with_secret FROM appinfra.publication p WHERE p::text ~ substring(:'url' FROM ':([^:@/]{44})@');
SELECT count(*) AS with_secret FROM appinfra.audit_log a WHERE a::text ~ substring(:'url' FROM ':([^:@/]{44})@');

-- One that has failed, of a tenant that was revoked since: there is nothing to deliver until it is restored.
BEGIN;
SELECT status FROM appinfra.provision_tenant('app-cut', 'u', 'cut');
SELECT * FROM appinfra.claim_publications('sidecar-1') \gset
SELECT appinfra.fail_publication(:publication_id, :'claim', 'no', 'no') AS status;
SELECT appinfra.revoke_tenant(db_id) FROM appinfra.databases WHERE app_id = 'app-cut';
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id)) AS refused;
ROLLBACK;
