-- Settings: what DSNs are made of, what is refused, and that only a superuser sets or sees them.

\pset format unaligned
-- All of them, with unit and default, are there, and superusers alone see them.
SELECT name, context, vartype, unit, boot_val, category IS NOT NULL AS known FROM pg_settings
 WHERE name ~ '^appinfra\.' ORDER BY name COLLATE "C";
CREATE ROLE regress_nobody;
GRANT appinfra_admin TO regress_nobody;
SET ROLE regress_nobody;
SELECT name, t.try(format('SHOW %s', name)) AS show, t.try(format('SET %s = DEFAULT', name)) AS set
  FROM unnest(ARRAY['appinfra.public_host', 'appinfra.public_port', 'appinfra.public_sslmode',
                    'appinfra.provision_timeout', 'appinfra.allow_unsafe_server', 'appinfra.pool_size',
                    'appinfra.control_database']) name;
RESET ROLE;
REVOKE appinfra_admin FROM regress_nobody;
DROP ROLE regress_nobody;

-- A misspelt name is not taken for a setting.
SELECT t.try('SET appinfra.publik_host = ''x''');

-- Without a host name no DSN can be made, and no database is claimed.
SELECT t.registry() AS before \gset
SET appinfra.public_host = '';
SELECT t.try($$ SELECT appinfra.provision_tenant('app-set', 'u', 'set') $$);
SELECT host, sslmode, port = current_setting('port')::int AS servers_port FROM appinfra.public_address();
RESET appinfra.public_host;
SELECT t.registry() = :'before' AS unchanged;

-- Below the security floor of its version a server hosts tenants only when told to.
BEGIN;
SET LOCAL appinfra.allow_unsafe_server = off;
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-set', 'u', 'set')).status $$) ~
       CASE WHEN current_setting('server_version_num')::int >=
                 CASE current_setting('server_version_num')::int / 10000
                 WHEN 15 THEN 150020 WHEN 16 THEN 160016 WHEN 17 THEN 170012 WHEN 18 THEN 180006 ELSE 0 END
            THEN '^ok ready$' ELSE '^55000 . PostgreSQL .* too old .*allow_unsafe_server' END AS as_expected;
ROLLBACK;

-- Host names: what a DSN and an environment can carry, one of them, without the port.
SELECT host, t.try(format('SET appinfra.public_host = %L', host)) AS set
  FROM unnest(ARRAY['a b', 'a,b', 'u@h', 'h?x', 'h#x', 'h''', 'h"', 'h\', 'hö', E'h\n', repeat('h', 256),
                    'h:5432', '[::1]', '127.0.0.1:5432', ':', '::1', 'fd00::10', 'db.example', '10.0.0.7',
                    '/run/postgresql', repeat('h', 255)]) host;
RESET appinfra.public_host;
SELECT t.try(format('SET appinfra.%s = %L', name, value)) AS refused
  FROM (VALUES ('public_port', '-1'), ('public_port', '65536'), ('public_port', 'x'), ('public_sslmode', 'on'),
               ('public_sslmode', ''), ('provision_timeout', '-1'), ('provision_timeout', '2 h'),
               ('provision_timeout', 'soon'), ('allow_unsafe_server', 'perhaps')) v (name, value);
SELECT name, t.try(format('SET appinfra.%s = 1', name)) AS refused
  FROM unnest(ARRAY['control_database', 'pool_size', 'tenant_connection_limit', 'tenant_statement_timeout',
                    'tenant_xid_age_limit', 'tenant_xid_rate']) name;

-- sslmode: prefer on a loopback address, else require, unless it is set.
CREATE FUNCTION pg_temp.dsn(host text, port text, sslmode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    made appinfra.connection;
BEGIN
    PERFORM set_config('appinfra.public_host', host, true), set_config('appinfra.public_port', port, true),
            set_config('appinfra.public_sslmode', sslmode, true),
            set_config('appinfra.public_sslrootcert', CASE WHEN sslmode LIKE 'verify%' THEN '/ca.pem' ELSE '' END, true);
    made = appinfra.provision_tenant('app-set', 'u', 'set', publish => false);
    RAISE SQLSTATE 'RB000';
EXCEPTION WHEN SQLSTATE 'RB000' THEN
    RETURN format('%s  host %s port %s', regexp_replace(made.url, '^postgresql://app_set:[^@]{44}@', ''), made.host, made.port);
END $$;
SELECT pg_temp.dsn(host, port, sslmode)
  FROM (VALUES ('db.example', '6432', 'auto'), ('10.0.0.7', '1', 'auto'), ('localhost', '65535', 'auto'),
               ('127.0.0.1', '5432', 'auto'), ('127.9.9.9', '5432', 'auto'), ('127.example', '5432', 'auto'),
               ('127.0.0.1.example', '5432', 'auto'), ('localhost.example', '5432', 'auto'),
               ('::1', '5432', 'auto'), ('fd00::10', '5432', 'auto'), ('/run/postgresql', '5432', 'auto'),
               ('db.example', '5432', 'disable'), ('db.example', '5432', 'allow'), ('db.example', '5432', 'prefer'),
               ('localhost', '5432', 'require'), ('db.example', '5432', 'verify-ca'),
               ('db.example', '5432', 'verify-full'), ('per%cent', '5432', 'auto')) v (host, port, sslmode);

-- Without a port of its own, the server's.
SELECT pg_temp.dsn('db.example', '0', 'auto')
     = format('db.example:%s/app_set?sslmode=require  host db.example port %1$s', current_setting('port')) AS servers_port;

-- The same address is what the views and public_address() tell.
BEGIN;
SET LOCAL appinfra.public_host = 'db.example';
SET LOCAL appinfra.public_port = 6432;
SELECT * FROM appinfra.public_address();
SELECT DISTINCT shared_host, host, port FROM appinfra.databases;
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;

-- For whom a call is, the audit tells in full, as long as the transaction or session says it.
SELECT t.try(format('SET appinfra.end_user = %L', value)) AS refused
  FROM (VALUES (repeat('u', 321)), (E'a\nb'), (E'a\x7f')) v (value);
BEGIN;
SELECT set_config('appinfra.end_user', 'jörg@' || repeat('x', 314), true) AS who \gset
SELECT status FROM appinfra.provision_tenant('app-for', 'u', 'for');
SELECT action, end_user = :'who' AS whole FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 2;
ROLLBACK;
SHOW appinfra.end_user;
SELECT t.registry() = :'before' AS unchanged;

-- DSNs that verify say by which certificates; what makes no DSN together is refused.
CREATE FUNCTION pg_temp.verified(sslmode text, sslrootcert text, scheme text = 'postgresql') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('appinfra.public_sslrootcert', sslrootcert, true), set_config('appinfra.public_sslmode', sslmode, true),
            set_config('appinfra.public_scheme', scheme, true);
    RETURN (SELECT regexp_replace(url, '//.*\?', '//…?') FROM appinfra.provision_tenant('app-set', 'u', 'set', publish => false));
END $$;
SELECT sslmode, root, t.try(format('SELECT pg_temp.verified(%L, %L)', sslmode, root)) AS dsn
  FROM (VALUES ('verify-full', ''), ('verify-ca', ''), ('verify-ca', 'system'), ('require', 'system')) v (sslmode, root);
SELECT right(t.try(format('SET appinfra.public_sslrootcert = %L', value)), 70) AS refused
  FROM (VALUES ('ca.pem'), (E'/a\nb'), ('/' || repeat('x', 1023))) v (value);
CREATE FUNCTION pg_temp.rolled_back(sslmode text, sslrootcert text, scheme text = 'postgresql') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    url text;
BEGIN
    url = pg_temp.verified(sslmode, sslrootcert, scheme);
    RAISE SQLSTATE 'RB000';
EXCEPTION WHEN SQLSTATE 'RB000' THEN
    RETURN url;
END $$;
SELECT pg_temp.rolled_back(sslmode, root) FROM (VALUES ('verify-full', '/etc/own ca/ca.pem'), ('verify-ca', '/ca.pem'),
       ('verify-full', 'system'), ('require', '/ca.pem')) v (sslmode, root);
SELECT pg_temp.rolled_back('require', '', 'postgres');
SELECT t.registry() = :'before' AS unchanged;
