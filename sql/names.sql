-- Names: service users as in the shared vectors, database names from slugs, what is no slug.

-- The vectors, literally.
SELECT service_id, host_id, expected, appinfra.service_username(service_id, host_id) = expected AS same
  FROM (VALUES
    ('mcp-server', 'host1', 'svc_mcp_server_host1'),
    ('appmcp-1', 'host1', 'svc_appmcp_1_host1'),
    ('appmcp-2', 'host1', 'svc_appmcp_2_host1'),
    ('my-mcp-service', 'host2', 'svc_my_mcp_service_host2'),
    ('mcp', 'n1', 'svc_mcp_n1'),
    ('very-long-service-name-that-exceeds-postgres-limit-significantly', 'host1',
     'svc_very_long_service_name_that_exceeds_postgres_limit_27b9b83d'),
    ('very-long-service-name-that-exceeds-postgres-limit-AAA', 'host1',
     'svc_very_long_service_name_that_exceeds_postgres_limit_1fe3f2fe'))
       AS v (service_id, host_id, expected);

-- 63 bytes stay as they are; one more, and the name is cut and hashed over all of it.
SELECT n, octet_length(u) AS bytes, u = 'svc_' || repeat('a', n) || '_h' AS plain,
       u = 'svc_' || repeat('a', 50) || '_'
           || left(encode(sha256(convert_to('svc_' || repeat('a', n) || '_h', 'UTF8')), 'hex'), 8)
           AS hashed
  FROM unnest(ARRAY[1, 56, 57, 58, 1000, 100000]) n,
       LATERAL (SELECT appinfra.service_username(repeat('a', n), 'h') AS u) s;

-- Two that differ only beyond the cut differ in the hash.
SELECT appinfra.service_username(repeat('a', 60), 'h1') <> appinfra.service_username(repeat('a', 60), 'h2')
    AS different;

-- The cut never halves a character: 25 two-byte letters fill 50 bytes, 51 bytes would be half of one.
SELECT octet_length(u) AS bytes, char_length(u) AS characters, left(u, -9) AS kept
  FROM unnest(ARRAY[repeat('é', 40), 'x' || repeat('é', 40), repeat('€', 40), 'xx' || repeat('😀', 20)]) s,
       LATERAL (SELECT appinfra.service_username(s, 'host') AS u) n;
SELECT u, octet_length(u) AS bytes
  FROM (VALUES (repeat('é', 29), 'a'), (repeat('é', 28), 'ab'), (repeat('é', 29), 'ab')) v (s, h),
       LATERAL (SELECT appinfra.service_username(s, h) AS u) n;

-- Only hyphens are replaced; what else is in an id stays.
SELECT appinfra.service_username('A-b.c d"e''f;--', '-') AS odd;

-- Both ids are needed.
SELECT t.try($$ SELECT appinfra.service_username(NULL, 'h') $$);
SELECT t.try($$ SELECT appinfra.service_username('s', NULL) $$);
SELECT t.try($$ SELECT appinfra.service_username('', 'h') $$);
SELECT t.try($$ SELECT appinfra.service_username('s', '') $$);
SELECT provolatile, proparallel FROM pg_proc
 WHERE oid = 'appinfra.service_username(text, text)'::regprocedure;

-- A slug gives the database its name: hyphens go, at most 50 bytes remain.
CREATE FUNCTION pg_temp.named(slug text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    made appinfra.connection;
    result text;
BEGIN
    made = appinfra.provision_tenant('app-names', 'user@example.com', slug, publish => false);
    result = format('%s (%s bytes) %s', made.database, octet_length(made.database),
                    CASE WHEN made.username = made.database THEN 'same login' ELSE made.username END);
    RAISE SQLSTATE 'RB000' USING MESSAGE = result;
EXCEPTION
    WHEN SQLSTATE 'RB000' THEN RETURN result;
END $$;
SELECT pg_temp.named('my-app');
SELECT pg_temp.named('a'), pg_temp.named('a1'), pg_temp.named('a-1'), pg_temp.named('a--b');
SELECT pg_temp.named(repeat('b', 46)) = format('app_%s (50 bytes) same login', repeat('b', 46)) AS plain;
SELECT pg_temp.named(repeat('b', 47));
SELECT pg_temp.named(repeat('b', 63));
SELECT pg_temp.named('b' || repeat('-', 61) || 'b');
SELECT pg_temp.named(repeat('b', 47)) = format('app_%s_%s (50 bytes) same login', repeat('b', 37),
           left(encode(sha256(convert_to('app_' || repeat('b', 47), 'UTF8')), 'hex'), 8)) AS by_rule;

-- No DNS label, no slug.
SELECT slug, t.try(format('SELECT appinfra.provision_tenant(%L, %L, %L)', 'app-names', 'u', slug))
  FROM unnest(ARRAY['', '-', 'a-', '-a', '1a', 'A', 'aB', 'a_b', 'a.b', 'a b', ' a', 'é', 'a' || chr(10),
                    'a"; DROP DATABASE postgres; --', repeat('c', 64), repeat('é', 64)]) slug;
SELECT count(*) AS tenants FROM appinfra.databases WHERE app_id = 'app-names';
