# What must go on working for a tenant under the guard: DDL and DML, its own functions, the allowed
# extensions, dump and restore of its own database, psql, and what migration tools and drivers send.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(dsn_env);
use Appinfra::Guard;
use Appinfra::Wire;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('ordinary', pool_size => 2, conf => "wal_level = logical\n");
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0,
	env => { DATABASE_URL => 'owner', W => 'writer', R => 'reader', S => 'service' });
my ($owner, $writer, $reader, $service) = @{ $tenant->{env} }{qw(DATABASE_URL W R S)};
my $guard = Appinfra::Guard->new($host);

# Runs a command with the DSN in its environment; returns its exit code and what it printed.
sub run_as
{
	my ($dsn, @command) = @_;
	local %ENV = (%ENV, dsn_env($dsn));
	my ($out, $err) = ('', '');
	IPC::Run::run(\@command, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# --- DDL and DML ------------------------------------------------------------------------------------
$guard->allowed($owner, <<'SQL', '', 'schemas, types, tables, indexes, views');
CREATE SCHEMA sales;
CREATE SCHEMA hr AUTHORIZATION CURRENT_USER;
SET search_path = sales, public;
CREATE TYPE state AS ENUM ('new', 'paid');
ALTER TYPE state ADD VALUE 'sent';
CREATE DOMAIN amount AS numeric CHECK (VALUE >= 0);
CREATE TYPE address AS (street text, town text);
CREATE TYPE span AS RANGE (subtype = int);
CREATE SEQUENCE number;
CREATE COLLATION german FROM "C";
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, home address, extra jsonb);
CREATE TABLE sale (id serial PRIMARY KEY, customer bigint REFERENCES customer ON DELETE CASCADE, state state DEFAULT 'new',
    cost amount, at timestamptz DEFAULT now(), total numeric GENERATED ALWAYS AS (cost * 1.2) STORED) ;
CREATE TABLE log (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v text);
CREATE TEMP TABLE scratch AS SELECT 1 AS x;
CREATE INDEX CONCURRENTLY sale_at ON sale (at DESC) WHERE state = 'new';
CREATE INDEX ON customer USING gin (extra jsonb_path_ops);
CREATE INDEX ON customer (lower(name));
CREATE STATISTICS s ON customer, state FROM sale;
CREATE VIEW open AS SELECT * FROM sale WHERE state = 'new' WITH CHECK OPTION;
CREATE MATERIALIZED VIEW sum AS SELECT customer, sum(total) FROM sale GROUP BY 1;
CREATE UNIQUE INDEX ON sum (customer);
CREATE RULE nothing AS ON DELETE TO customer DO ALSO NOTIFY gone;
ALTER TABLE sale ADD COLUMN note text;
ALTER TABLE sale ALTER COLUMN note SET DEFAULT '';
ALTER TABLE sale DROP COLUMN note;
ALTER TABLE sale ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;
ALTER TABLE sale VALIDATE CONSTRAINT positive;
ALTER TABLE customer RENAME COLUMN home TO place;
ALTER TABLE log SET SCHEMA hr;
ALTER TABLE log_2026 SET (autovacuum_enabled = true);
ALTER TABLE cache SET LOGGED;
ALTER TABLE cache OWNER TO CURRENT_USER;
ALTER SCHEMA hr RENAME TO people;
COMMENT ON TABLE sale IS 'what was sold';
COMMENT ON SCHEMA sales IS 'sales';
SQL
$guard->allowed($owner, <<'SQL', 'ada|paid|12.0', 'functions, triggers, DML');
SET search_path = sales, public;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON sale FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN $1 * 2;
CREATE FUNCTION paid(bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = sales, pg_temp
    AS $$ UPDATE sale SET state = 'paid' WHERE id = $1 $$;
CREATE FUNCTION everything() RETURNS SETOF sale LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT * FROM sales.sale'; END $$;
CREATE PROCEDURE batch(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. n LOOP INSERT INTO sales.cache VALUES (i, i); COMMIT; END LOOP; END $$;
CREATE AGGREGATE product(int) (SFUNC = int4mul, STYPE = int, INITCOND = '1');
CREATE OPERATOR public.@+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE CAST (sales.address AS text) WITH INOUT;
INSERT INTO customer (name, place) VALUES ('ada', ROW('a', 'b')), ('eve', NULL);
INSERT INTO sale (customer, cost) SELECT id, 10 FROM customer ON CONFLICT DO NOTHING;
UPDATE sale SET cost = cost RETURNING id \g /dev/null
MERGE INTO sale s USING customer c ON c.id = s.customer WHEN MATCHED AND c.name = 'eve' THEN DELETE;
SELECT paid(1) \g /dev/null
CALL batch(3);
REFRESH MATERIALIZED VIEW sum;
REFRESH MATERIALIZED VIEW CONCURRENTLY sum;
DO $$ BEGIN PERFORM sales.twice(2); EXCEPTION WHEN others THEN RAISE; END $$;
PREPARE p (int) AS SELECT * FROM sale WHERE id = $1;
EXECUTE p (1) \g /dev/null
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM sale; SAVEPOINT a; LOCK TABLE sale; ROLLBACK TO a; COMMIT;
VACUUM ANALYZE sale; REINDEX TABLE sale; CLUSTER sale USING sale_pkey; TRUNCATE cache;
ANALYZE;
EXPLAIN (ANALYZE, COSTS off) SELECT 1 \g /dev/null
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM sale \g /dev/null
COMMIT;
SELECT name, state, total FROM customer c JOIN everything() s ON s.customer = c.id;
SQL
$guard->allowed($owner, <<'SQL', '', 'rights within the tenant, row-level security');
GRANT USAGE ON SCHEMA sales TO app_one_reader, PUBLIC;
GRANT SELECT (id, name) ON sales.customer TO app_one_reader;
REVOKE SELECT ON sales.customer FROM app_one_reader;
GRANT SELECT ON sales.customer TO app_one_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO app_one_reader;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER TABLE sales.sale ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON sales.sale TO app_one_writer, CURRENT_USER USING (customer = current_setting('app.customer', true)::bigint);
ALTER POLICY mine ON sales.sale TO PUBLIC;
ALTER TABLE sales.sale DISABLE ROW LEVEL SECURITY;
SET ROLE NONE; RESET ROLE; SET SESSION AUTHORIZATION DEFAULT; DISCARD ALL;
SQL
$guard->allowed($owner, "SELECT lo_from_bytea(815, 'abc'); GRANT SELECT ON LARGE OBJECT 815 TO app_one_reader; SELECT convert_from(lo_get(815), 'UTF8'), lo_unlink(815)",
	"815\nabc|1", 'large objects');
$guard->allowed($owner, "CREATE PUBLICATION part FOR TABLE sales.sale (id, cost); ALTER PUBLICATION part ADD TABLE sales.customer; ALTER PUBLICATION part RENAME TO rest; DROP PUBLICATION rest",
	'', 'publications of tables');
my $listener = Appinfra::Wire->login($owner);
is($listener->query('LISTEN x; NOTIFY x; SELECT pg_try_advisory_lock(1), pg_advisory_unlock(1)')->[0][0], 't', 'LISTEN, NOTIFY, advisory locks');
$listener->close;
$guard->allowed($owner, "COPY sales.customer (name) FROM STDIN;\nbob\ncarol\n\\.\nCOPY (SELECT name FROM sales.customer WHERE name < 'c' ORDER BY 1) TO STDOUT",
	"ada\nbob", 'COPY from and to the client');
$guard->allowed($writer, "INSERT INTO sales.cache VALUES ('x', 'y'); CREATE TEMP TABLE t AS SELECT 1; SELECT v FROM sales.cache WHERE k = 'x'", 'y', 'a writer writes');
$guard->allowed($service, "DELETE FROM sales.cache WHERE k = 'x' RETURNING v", 'y', 'a service does');
$guard->allowed($reader, "SELECT count(*) FROM sales.sum", '1', 'a reader reads');

# --- extensions -------------------------------------------------------------------------------------
my @extensions = split /\n/, $host->control(<<'SQL');
SELECT name FROM unnest(string_to_array(replace(current_setting('appinfra.allowed_extensions'), ' ', ''), ',')) name
  JOIN pg_available_extensions USING (name) ORDER BY name
SQL
cmp_ok(scalar(@extensions), '>', 10, 'there are extensions to try');
for my $extension (@extensions)
{
	$guard->allowed($owner, qq{CREATE EXTENSION "$extension" SCHEMA public; ALTER EXTENSION "$extension" UPDATE; DROP EXTENSION "$extension"},
		'', "extension $extension");
}
$guard->allowed($owner, <<'SQL', '2|t|t|3|{2,3}|"a"=>"1"|t', 'what extensions bring works');
CREATE EXTENSION pgcrypto; CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm;
CREATE EXTENSION intarray; CREATE EXTENSION ltree; CREATE EXTENSION btree_gist; CREATE EXTENSION fuzzystrmatch; CREATE EXTENSION unaccent;
CREATE TABLE e (id uuid DEFAULT uuid_generate_v4(), name citext UNIQUE, tags hstore, path ltree, n int, r int4range, EXCLUDE USING gist (n WITH =, r WITH &&));
CREATE INDEX ON e USING gin (name gin_trgm_ops);
CREATE INDEX ON e USING gist (path);
INSERT INTO e (name, tags, path) VALUES ('Ada', 'a=>1', 'a.b.c');
SELECT levenshtein('ab', 'cd'), length(crypt('x', gen_salt('bf', 4))) > 10, 'ADA'::citext = name, nlevel(path), '{1,2,3}'::int[] & '{2,3,4}', tags,
       unaccent('é') = 'e' FROM e;
SQL

# --- dump and restore ----------------------------------------------------------------------------------
my $file = $host->basedir . '/one.dump';
my $shown = "SELECT (SELECT count(*) FROM sales.customer), (SELECT count(*) FROM sales.sale), (SELECT tags FROM e), (SELECT count(*) FROM pg_extension),"
  . " (SELECT md5(string_agg(concat(relname, ' ', grantee::regrole, ' ', privilege_type), ',' ORDER BY relname, grantee::regrole::text, privilege_type)) FROM pg_class, aclexplode(relacl) a"
  . "   WHERE relnamespace = 'sales'::regnamespace)";
my ($code, $before, $err) = $host->as_app($owner, $shown);
is("$code $err", '0 ', 'what the tenant has');
($code, undef, $err) = run_as($owner, 'pg_dump', '-Fc', '-f', $file);
is("$code $err", '0 ', 'the owner dumps its database');
for my $options ([qw(--clean)], [qw(--clean --if-exists)])
{
	($code, undef, $err) = run_as($owner, 'pg_restore', @$options, qw(--single-transaction --exit-on-error -d app_one), $file);
	is("$code $err", '0 ', "and restores it with @$options --single-transaction --exit-on-error");
	$guard->allowed($owner, $shown, $before, 'all of it is there again');
}
($code, undef, $err) = run_as($service, 'pg_dump', '-Fp', '-f', "$file.sql");
is("$code $err", '0 ', 'the service dumps it as well');

# --- psql -----------------------------------------------------------------------------------------------
my @commands = grep { $_ ne '\db+' } map { ($_, "$_+") } qw(\l \du \d \dt \di \dv \dm \ds \dn \df \dT \do \da \dD \dC \dc \dO \dx \dp \ddp \dy \dL \dF \dFd \dRp \drds
  \des \det \dew \deu \dX \db \dA \dAc \dAf \dconfig \dE \dRs);
for my $dsn ($owner, $reader)
{
	my $script = join "\n", @commands, '\d sales.sale', '\d+ sales.customer', '\sf sales.paid', '\sv sales.open', '\dt *.*', '\df+ sales.*', '\z sales.*', '\lo_list',
	  '\conninfo', '\encoding', '\timing on', 'SELECT 1 \gdesc', 'SELECT n FROM generate_series(1, 2) n \crosstabview n n n';
	my ($status, $text, $errors) = $host->as_app($dsn, "\\set ON_ERROR_STOP off\n$script");
	# core shows those to superusers only, with or without the guard
	my @wrong = grep { /ERROR/ } split /\n/, $errors;
	@wrong = grep { !/permission denied for table pg_subscription/ } @wrong;
	is_deeply(\@wrong, [], 'psql describes everything, as ' . ($dsn eq $owner ? 'owner' : 'reader'));
}

# --- migration tools and drivers ---------------------------------------------------------------------------
my %tools = (
	Flyway => <<'SQL',
SET application_name = 'Flyway by Redgate';
SELECT current_user \gset
SELECT pg_try_advisory_lock(77431708279161 + 1) \g /dev/null
SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'public') \g /dev/null
SELECT rolname FROM pg_roles WHERE rolname = current_user \g /dev/null
CREATE TABLE "public"."flyway_schema_history" ("installed_rank" INT NOT NULL, "version" VARCHAR(50), "checksum" INTEGER,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(), CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY ("installed_rank"));
CREATE INDEX "flyway_schema_history_s_idx" ON "public"."flyway_schema_history" ("version");
BEGIN; LOCK TABLE "public"."flyway_schema_history" IN SHARE UPDATE EXCLUSIVE MODE; COMMIT;
SET ROLE :'current_user';
SELECT set_config('search_path', 'public', false) \g /dev/null
SELECT pg_advisory_unlock(77431708279161 + 1) \g /dev/null
DROP TABLE "public"."flyway_schema_history";
SQL
	Alembic => <<'SQL',
BEGIN;
SELECT pg_catalog.version() \g /dev/null
SHOW standard_conforming_strings \g /dev/null
SHOW transaction_isolation \g /dev/null
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = pg_class.relnamespace
 WHERE pg_class.relname = 'alembic_version' AND pg_catalog.pg_table_is_visible(pg_class.oid) \g /dev/null
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version (version_num) VALUES ('ae1027a6acf');
SAVEPOINT sa_savepoint_1; ALTER TABLE alembic_version ADD COLUMN x INTEGER DEFAULT 1 NOT NULL; RELEASE SAVEPOINT sa_savepoint_1;
COMMIT;
DROP TABLE alembic_version;
SQL
	Rails => <<'SQL',
SET client_min_messages TO 'warning';
SET standard_conforming_strings = on;
SET SESSION timezone TO 'UTC';
SET SESSION intervalstyle = iso_8601;
SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type t LEFT JOIN pg_range r ON t.oid = r.rngtypid \g /dev/null
SELECT pg_try_advisory_lock(4311868462574829180) \g /dev/null
CREATE EXTENSION IF NOT EXISTS "plpgsql";
CREATE EXTENSION IF NOT EXISTS "pgcrypto" CASCADE;
CREATE TABLE "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY);
CREATE TABLE "ar_internal_metadata" ("key" character varying NOT NULL PRIMARY KEY, "value" character varying, "created_at" timestamp(6) NOT NULL);
CREATE TABLE "users" ("id" bigserial PRIMARY KEY, "email" character varying DEFAULT '' NOT NULL);
CREATE UNIQUE INDEX CONCURRENTLY "index_users_on_email" ON "users" ("email");
ALTER TABLE "users" ADD CONSTRAINT "fk" FOREIGN KEY ("id") REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED;
SELECT pg_get_serial_sequence('users', 'id'), setval('users_id_seq', 5) \g /dev/null
SELECT pg_advisory_unlock(4311868462574829180) \g /dev/null
DROP TABLE "schema_migrations", "ar_internal_metadata", "users";
SQL
	Prisma => <<'SQL',
SELECT EXISTS(SELECT 1 FROM pg_namespace WHERE nspname = 'public'), version(), current_setting('server_version_num')::integer AS numeric_version \g /dev/null
SET search_path = "public";
SELECT pg_advisory_lock(72707369) \g /dev/null
CREATE TABLE "_prisma_migrations" (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, logs TEXT);
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE TABLE "User" ("id" SERIAL NOT NULL, "role" "Role" NOT NULL DEFAULT 'USER', "data" JSONB, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
BEGIN; CREATE TYPE "Role_new" AS ENUM ('USER'); ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new"); ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role"; DROP TYPE "Role_old"; COMMIT;
SELECT tbl.relname, namespace.nspname, obj_description(tbl.oid, 'pg_class') FROM pg_class AS tbl JOIN pg_namespace AS namespace ON namespace.oid = tbl.relnamespace \g /dev/null
SELECT extname, extversion, extrelocatable FROM pg_extension \g /dev/null
SELECT name, setting FROM pg_settings \g /dev/null
DROP TABLE "User", "_prisma_migrations"; DROP TYPE "Role";
SQL
	Django => <<'SQL',
SELECT set_config('TimeZone', 'UTC', false) \g /dev/null
BEGIN;
CREATE TABLE "django_migrations" ("id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL);
CREATE TABLE "auth_user" ("id" integer NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "username" varchar(150) NOT NULL UNIQUE);
CREATE INDEX "auth_user_username_like" ON "auth_user" ("username" varchar_pattern_ops);
ALTER TABLE "auth_user" ADD CONSTRAINT "auth_user_fk" FOREIGN KEY ("id") REFERENCES "django_migrations" ("id") DEFERRABLE INITIALLY DEFERRED;
SET CONSTRAINTS "auth_user_fk" IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; SET CONSTRAINTS ALL IMMEDIATE;
CREATE EXTENSION IF NOT EXISTS hstore;
TRUNCATE "django_migrations", "auth_user" RESTART IDENTITY;
COMMIT;
DROP TABLE "auth_user", "django_migrations";
SQL
	drivers => <<'SQL',
SET extra_float_digits = 3;
SET application_name = 'PostgreSQL JDBC Driver';
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
SET statement_timeout = 1000; SET lock_timeout = 500; SET work_mem = '8MB'; SET maintenance_work_mem = '32MB'; SET jit = off;
SET datestyle = 'ISO, MDY'; SET bytea_output = 'hex'; SET row_security = on; SET synchronous_commit = off; SET default_tablespace = '';
SET app.user_id = '7'; SELECT current_setting('app.user_id') \g /dev/null
SET max_parallel_workers_per_gather = 0; SET max_parallel_workers_per_gather = 2; RESET ALL;
SELECT pg_backend_pid(), pg_is_in_recovery(), inet_server_addr(), txid_current_if_assigned(), pg_postmaster_start_time() \g /dev/null
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \g /dev/null
SELECT * FROM information_schema.tables, information_schema.role_table_grants LIMIT 1 \g /dev/null
SELECT pg_size_pretty(pg_database_size(current_database())), pg_relation_size('sales.sale') \g /dev/null
SELECT usename FROM pg_user WHERE usename = session_user \g /dev/null
SELECT * FROM pg_locks, pg_stat_user_tables, pg_stats LIMIT 1 \g /dev/null
DEALLOCATE ALL; CLOSE ALL; UNLISTEN *; DISCARD PLANS; DISCARD ALL;
SQL
);
$guard->allowed($owner, $tools{$_}, '', "what is usual: $_") for sort keys %tools;
my $packet = Appinfra::Wire->login($owner, options => '-c search_path=sales -c statement_timeout=5000', application_name => 'x', client_encoding => 'UTF8',
	datestyle => 'ISO', extra_float_digits => '2', TimeZone => 'UTC');
is($packet->query('SHOW search_path')->[0][0], 'sales', 'settings of a connection');
$packet->close;

is($host->control("SELECT count(*) FROM appinfra.audit WHERE id > $guard->{mark} AND action = 'guard' AND detail->>'rule' <> 'privileges'"),
	0, 'the guard has refused none of it');
done_testing();
