-- What the other tests share. Everything that differs from run to run is masked by it.
CREATE SCHEMA t;
GRANT USAGE ON SCHEMA t TO PUBLIC;

-- mask() replaces ids, suffixes, passwords and ports by words.
CREATE FUNCTION t.mask(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
           regexp_replace(regexp_replace($1,
           'publication \d+', 'publication N', 'g'),
           'db-[0-9a-f]{12}', 'db-ID', 'g'),
           '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'UUID', 'g'),
           '(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{44}(?![A-Za-z0-9_-])', 'PASSWORD', 'g'),
           '(app_[a-z0-9]+(_[0-9a-f]{1,8})??)_[0-9a-f]{6}(?![0-9a-z])', '\1_HEX6', 'g'),
           '"port": \d+', '"port": PORT', 'g'),
           '@(\[[0-9a-f:]+\]|[^@:/]+):\d+/', '@\1:PORT/', 'g') $$;

-- older_words() puts what core says since version 16 about privileges and ranges into the words of 15.
CREATE FUNCTION t.older_words(said text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    change text[];
BEGIN
    FOREACH change SLICE 1 IN ARRAY ARRAY[
        ['permission denied to examine ("[^"]+") \| Only roles with privileges .*',
         'must be superuser or have privileges of pg_read_all_settings to examine \1'],
        ['permission denied to drop role \| Only roles with the CREATEROLE .*', 'permission denied to drop role'],
        ['permission denied to alter role \| To change another role''s password, .*', 'permission denied'],
        ['permission denied to grant role ("[^"]+") \| Only roles with the ADMIN .*', 'must have admin option on role \1'],
        ['\((-?\d+) ms \.\. (\d+) ms\)', '(\1 .. \2)']]
    LOOP
        said := regexp_replace(said, change[1], change[2]);
    END LOOP;
    RETURN said;
END $$;

-- try() runs a statement and returns what it gives, or SQLSTATE, message, detail and hint.
CREATE FUNCTION t.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    code text; message text; detail text; hint text;
BEGIN
    IF statement !~* '^\s*SELECT' THEN
        EXECUTE statement;
        RETURN 'done';
    END IF;
    EXECUTE statement INTO answer;
    RETURN 'ok ' || coalesce(t.mask(answer), 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                            detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN t.older_words(t.mask(concat_ws(' | ', code, message, nullif(detail, ''), nullif(hint, ''))));
END $$;

-- registry() is a fingerprint of all that a call could change: the whole registry and what the
-- host knows of tenants. Shells come and go by themselves and are left out.
CREATE FUNCTION t.registry() RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT md5(concat_ws('/',
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.tenant x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.binding x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.variable x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.credential x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.publication x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.bucket x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.bucket_key x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.bucket_work x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.bucket_unknown x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM appinfra.audit_log x
             WHERE application_name !~ '^appinfra '),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM pg_authid x WHERE rolcanlogin),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM pg_authid x
             WHERE rolname ~ '^(app|svc)_'),
           (SELECT string_agg(datname || datallowconn || datacl::text, ',' ORDER BY datname)
              FROM pg_database WHERE datname !~ '^appinfra_'),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM pg_db_role_setting x),
           (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM pg_shseclabel x
             WHERE label ~ '^\S+ (login|tenant)'))) $$;

-- wait_for() returns when the condition is true, and fails when it is not in time.
CREATE PROCEDURE t.wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz = clock_timestamp() + '60 s';
    holds boolean;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        EXECUTE 'SELECT ' || condition INTO holds;
        EXIT WHEN holds;
        IF clock_timestamp() > deadline THEN
            RAISE 'did not come true in 60 s: %', condition;
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;

-- wait_for_pool() returns when the pool is full and nothing is being built.
CREATE PROCEDURE t.wait_for_pool() LANGUAGE plpgsql AS $$
BEGIN
    CALL t.wait_for($c$ (SELECT count(*) FILTER (WHERE status = 'ready') >= current_setting('appinfra.pool_size')::int
                            AND count(*) FILTER (WHERE status <> 'ready') = 0 FROM appinfra.pool) $c$);
END $$;

-- wait_for_janitor() returns when what is revoked has lost its sessions and its roles, and what leaves has
-- left; but for what a test keeps the janitor from (try_at = infinity).
CREATE PROCEDURE t.wait_for_janitor() LANGUAGE plpgsql AS $$
BEGIN
    CALL t.wait_for($c$ NOT EXISTS (SELECT FROM appinfra.credential
                                     WHERE state = 'revoked' AND (try_at < 'infinity' OR sessions_ended_at IS NULL))
                    AND NOT EXISTS (SELECT FROM appinfra.tenant WHERE try_at < 'infinity' AND (status IN ('retiring', 'dropping')
                                        OR (status = 'retained' AND retained_until <= clock_timestamp()))) $c$);
END $$;

-- drain() claims every ready shell, one transaction each, until the pool is empty and stays so.
CREATE PROCEDURE t.drain(app text) LANGUAGE plpgsql AS $$
DECLARE
    n int = 0;
BEGIN
    LOOP
        CALL t.wait_for('(SELECT count(*) FROM appinfra.pool WHERE status <> ''ready'') = 0');
        EXIT WHEN NOT EXISTS (SELECT FROM appinfra.pool) OR n = 100;
        n = n + 1;
        PERFORM appinfra.provision_tenant(app || n, 'u', 'drain');
        COMMIT;
    END LOOP;
END $$;

-- deliver_buckets() does what a sidecar and an object store do: delivers each key that is owed, does all work.
CREATE PROCEDURE t.deliver_buckets() LANGUAGE plpgsql AS $$
DECLARE
    owed record;
BEGIN
    FOR owed IN SELECT * FROM appinfra.claim_publications('s', 1000, producers => '{storage}') LOOP
        IF owed.storage IS NOT NULL THEN
            PERFORM appinfra.record_bucket_key(owed.publication_id, owed.claim, owed.storage #>> '{mint,access_key}');
        END IF;
        PERFORM appinfra.complete_publication(owed.publication_id, owed.claim);
    END LOOP;
    PERFORM appinfra.complete_bucket_work(bucket_id, claim, generation) FROM appinfra.claim_bucket_work('s', 1000);
END $$;

-- has_password() tells whether the role's verifier is that of the password, by RFC 5802.
CREATE FUNCTION t.hmac(key bytea, data bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    inner_pad bytea = decode(repeat('36', 64), 'hex');
    outer_pad bytea = decode(repeat('5c', 64), 'hex');
BEGIN
    IF length(key) > 64 THEN
        key = sha256(key);
    END IF;
    FOR i IN 0 .. length(key) - 1 LOOP
        inner_pad = set_byte(inner_pad, i, get_byte(inner_pad, i) # get_byte(key, i));
        outer_pad = set_byte(outer_pad, i, get_byte(outer_pad, i) # get_byte(key, i));
    END LOOP;
    RETURN sha256(outer_pad || sha256(inner_pad || data));
END $$;
CREATE FUNCTION t.has_password(role text, password text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part text[];
    block bytea;
    salted bytea;
BEGIN
    SELECT regexp_match(rolpassword, '^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$') INTO part
      FROM pg_authid WHERE rolname = role;
    block = t.hmac(convert_to(password, 'UTF8'), decode(part[2], 'base64') || '\x00000001');
    salted = block;
    FOR i IN 2 .. part[1]::int LOOP
        block = t.hmac(convert_to(password, 'UTF8'), block);
        FOR j IN 0 .. 31 LOOP
            salted = set_byte(salted, j, get_byte(salted, j) # get_byte(block, j));
        END LOOP;
    END LOOP;
    RETURN part[3] = encode(sha256(t.hmac(salted, 'Client Key')), 'base64');
END $$;

-- They tell apart what they are to tell apart.
SELECT t.mask('db-0123456789ab app_x_12ab34 app_x_2 postgres://u:' || repeat('aB3_', 11) || '@h:99/d');
SELECT t.try('SELECT 1/0'), t.try('SELECT NULL'), t.try('SELECT 7'), t.try('ANALYZE pg_class');
CALL t.wait_for('true');
SELECT encode(t.hmac('Jefe', 'what do ya want for nothing?'), 'hex') AS rfc4231;
CREATE ROLE regress_scram PASSWORD 'pencil';
SELECT t.has_password('regress_scram', 'pencil') AS right_one,
       t.has_password('regress_scram', 'Pencil') AS wrong_one;
SELECT t.registry() AS before \gset
CREATE ROLE app_regress_scram;
SELECT t.registry() = :'before' AS unchanged;
DROP ROLE app_regress_scram;
SELECT t.registry() = :'before' AS unchanged;
DROP ROLE regress_scram;

-- The pool fills up to pool_size by itself, from a template that admits nobody.
CALL t.wait_for_pool();
SELECT status, database ~ '^appinfra_[0-9a-f]{12}$' AS named,
       'appinfra_' || substr(db_id, 4) = database AS by_id, attempts, last_error,
       ready_at >= created_at AS in_order
  FROM appinfra.pool;
SELECT ready, last_error FROM appinfra.template;
SELECT count(*) AS open_shells FROM pg_database
 WHERE datname ~ '^appinfra_' AND (datallowconn OR has_database_privilege('appinfra_auditor', oid, 'CONNECT'));
