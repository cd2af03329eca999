-- Leases that end, answers that come late, and what replaces what. The environment ends with a DSN
-- that works, and no login is left that nobody can have received.

DO $$ BEGIN PERFORM appinfra.complete_publication(publication_id, claim)
       FROM appinfra.publication WHERE status = 'claimed'; END $$;
SELECT count(*) AS pending FROM appinfra.publications WHERE status IN ('pending', 'claimed');

CREATE TEMP VIEW state AS
    SELECT publication_id - min(publication_id) OVER () + 1 AS n, status, version, username, attempt, worker,
           ended_at IS NOT NULL AS ended
      FROM appinfra.publications WHERE app_id = 'app-late' ORDER BY publication_id;
CREATE TEMP VIEW logins AS
    SELECT username, state, successor, rolpassword IS NOT NULL AS password
      FROM appinfra.credentials LEFT JOIN pg_authid ON rolname = username
     WHERE target = 'app-late' ORDER BY username;
CREATE FUNCTION pg_temp.end_lease() RETURNS void LANGUAGE sql AS $$
    UPDATE appinfra.publication SET lease_until = clock_timestamp() - interval '1 s' WHERE status = 'claimed' $$;

-- The first sidecar is slow: its lease ends, another claims, and mints another login.
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'late');
SELECT * FROM appinfra.claim_publications('slow') \gset slow_
SELECT pg_temp.end_lease();
SELECT * FROM appinfra.claim_publications('quick') \gset quick_
SELECT :slow_publication_id = :quick_publication_id AS same, :'slow_claim' <> :'quick_claim' AS another_claim,
       :quick_version > :slow_version AS grew, t.mask(:'slow_set') AS first, t.mask(:'quick_set') AS second;
TABLE logins;
SELECT appinfra.extend_claim(:slow_publication_id, :'slow_claim') AS extended;

-- The slow one delivers last. Its answer changes nothing else, but the binding is published once more.
SELECT appinfra.complete_publication(:quick_publication_id, :'quick_claim') AS held;
SELECT appinfra.complete_publication(:slow_publication_id, :'slow_claim') AS held;
TABLE state;
TABLE logins;

-- The reply to the late answer was lost, so it comes again: false again, and nothing more happens.
SELECT t.registry() AS before \gset
SELECT appinfra.complete_publication(:slow_publication_id, :'slow_claim') AS held;
SELECT appinfra.fail_publication(:slow_publication_id, :'slow_claim', 'e', 'unknown') AS status;
SELECT t.registry() = :'before' AS unchanged;

-- The one more brings another login; now the two before it retire.
SELECT * FROM appinfra.claim_publications('quick') \gset
SELECT :version > :quick_version AS grew, t.mask(:'set') AS set;
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
TABLE logins;
SELECT t.has_password('app_late_3', substring(:'set' FROM ':([^:@/]{44})@')) AS works;

-- A lease that has ended, but that nobody else has taken, still answers.
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'late2', env => '{"L2": "owner"}');
SELECT * FROM appinfra.claim_publications('slow') \gset
SELECT pg_temp.end_lease();
SELECT appinfra.extend_claim(:publication_id, :'claim') AS extended;
SELECT count(*) AS claimable FROM appinfra.claim_publications('quick');
SELECT pg_temp.end_lease();
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT count(*) AS claimable FROM appinfra.claim_publications('quick');

-- A late failure counts as a late answer, too, while another claim is held: a newer one waits.
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'late3', env => '{"L3": "owner"}');
SELECT * FROM appinfra.claim_publications('slow') \gset slow_
SELECT pg_temp.end_lease();
SELECT * FROM appinfra.claim_publications('quick') \gset quick_
SELECT appinfra.fail_publication(:slow_publication_id, :'slow_claim', 'timed out', 'unknown', now()) AS status;
SELECT status, version, username, worker FROM state WHERE username ~ '^app_late3' OR username IS NULL;
SELECT count(*) AS claimable FROM appinfra.claim_publications('third');

-- The held one surely did not arrive. It is superseded; its login, that nobody has, goes to the newer one.
SELECT appinfra.fail_publication(:quick_publication_id, :'quick_claim', 'refused', 'no', now()) AS status;
SELECT status, version, username, ended FROM state WHERE username ~ '^app_late3' OR username IS NULL;
SELECT * FROM logins WHERE username ~ '^app_late3';
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :quick_publication_id));
SELECT * FROM appinfra.claim_publications('third') \gset
SELECT :version > :quick_version AS grew, t.mask(:'set') AS set;
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT * FROM logins WHERE username ~ '^app_late3';

-- A claimed one whose lease ends with a newer one behind it is superseded; the newer one goes next.
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'late4', env => '{"L4": "owner"}');
SELECT * FROM appinfra.claim_publications('slow') \gset slow_
SELECT pg_temp.end_lease();
SELECT * FROM appinfra.claim_publications('quick') \gset quick_
SELECT appinfra.complete_publication(:slow_publication_id, :'slow_claim') AS held;
SELECT pg_temp.end_lease();
SELECT * FROM appinfra.claim_publications('third') \gset third_
SELECT :third_publication_id > :quick_publication_id AS newer, :third_version > :quick_version AS grew,
       t.mask(:'third_set') AS set;
SELECT appinfra.complete_publication(:quick_publication_id, :'quick_claim') AS held;
SELECT appinfra.complete_publication(:third_publication_id, :'third_claim') AS held;
SELECT status, version, username, worker FROM state WHERE username ~ '^app_late4' OR status = 'pending';

-- That late answer asked for one more. After it all is quiet, and one login of the four is the app's.
SELECT * FROM appinfra.claim_publications('third') \gset
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT count(*) AS claimable FROM appinfra.claim_publications('third');
SELECT * FROM logins WHERE username ~ '^app_late4';

-- An answer that contradicts an earlier one: done, after it was said to have failed.
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'late5', env => '{"L5": "owner"}');
SELECT * FROM appinfra.claim_publications('slow') \gset
SELECT appinfra.fail_publication(:publication_id, :'claim', 'gone', 'unknown') AS status;
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;
SELECT status, version, username FROM state WHERE username ~ '^app_late5' OR status = 'pending';
SELECT t.try(format('SELECT appinfra.retry_publication(%s)', :publication_id));
SELECT * FROM appinfra.claim_publications('slow') \gset
SELECT appinfra.complete_publication(:publication_id, :'claim') AS held;

-- Afterwards: no login waits for nothing, and every binding's version is that of its newest publication.
SELECT username AS left_over FROM appinfra.credential WHERE state = 'waiting'
   AND binding_id NOT IN (SELECT binding_id FROM appinfra.publication WHERE status IN ('pending', 'failed'));
SELECT binding_id FROM appinfra.binding b JOIN LATERAL (
    SELECT max(version) AS newest FROM appinfra.publication p WHERE p.binding_id = b.binding_id) p ON newest <> version;
SELECT action, count(*) FROM appinfra.audit WHERE application_name !~ '^appinfra ' AND db_id IN (
    SELECT db_id FROM appinfra.databases WHERE app_id = 'app-late') GROUP BY 1 ORDER BY 1;

-- Another database takes a variable whose unset is on the way: what becomes of the unset matters to nobody.
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'taken', env => '{"TAKEN_URL": "owner"}');
DO $$ BEGIN PERFORM appinfra.complete_publication(publication_id, claim) FROM appinfra.claim_publications('s', 1000); END $$;
BEGIN; -- so that the janitor does not hold the row in between
SELECT appinfra.deprovision_tenant(db_id) FROM appinfra.databases WHERE app_id = 'app-late' AND slug = 'taken';
SELECT * FROM appinfra.claim_publications('slow') \gset
COMMIT;
SELECT :'unset' AS unset;
SELECT count(*) FROM appinfra.provision_tenant('app-late', 'u', 'taker', env => '{"TAKEN_URL": "owner"}');
BEGIN;
SELECT appinfra.fail_publication(:publication_id, :'claim', '409 stale_version', 'no') AS status;
ROLLBACK;
SELECT appinfra.fail_publication(:publication_id, :'claim', '503', 'unknown', now()) AS status;
SELECT :'ref' = (SELECT db_id FROM appinfra.databases WHERE slug = 'taken') AS ref_of_the_old,
       (SELECT ref FROM appinfra.claim_publications('quick')) = (SELECT db_id FROM appinfra.databases WHERE slug = 'taker') AS and_of_the_new;
