# A database of Heroku, Supabase or RDS moves in by the commands of docs/moving-in.md, as written: from dumps
# in their shape, taken on another server, whose roles are not here.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use IPC::Run;
use Test::More;

my $text = PostgreSQL::Test::Utils::slurp_file(Appinfra::test_file('../docs/moving-in.md'));
my $elsewhere = Appinfra->new('elsewhere');
$elsewhere->init;
$elsewhere->start;
my $host = Appinfra->make('host', pool_size => 7, conf => "appinfra.allowed_extensions = '+moddatetime'\n");
my $guard = Appinfra::Guard->new($host);

# Returns the shell blocks of a section, in order.
sub blocks
{
	my ($title) = @_;
	my ($section) = $text =~ /^## \Q$title\E\n(.*?)(?=^## |\z)/ms or die "no section $title";
	return $section =~ /```sh\n(.*?)```/sg;
}

# Makes a database elsewhere, and a tenant; returns the tenant.
sub prepare
{
	my ($name, $sql) = @_;
	$elsewhere->safe_psql('postgres', "CREATE DATABASE $name");
	$elsewhere->safe_psql($name, $sql);
	return $host->provision(app_id => "app-$name", slug => $name, publish => 0,
		env => { DATABASE_URL => 'owner', WRITER => 'writer', READER => 'reader', SERVICE => 'service' });
}

# Runs shell commands in a folder of their own; returns the exit code and what they printed.
sub run_shell
{
	my ($name, $dsn, $shell) = @_;
	my $folder = $host->basedir . "/$name";
	mkdir $folder;
	local %ENV = (%ENV, OLD_URL => $elsewhere->connstr($name), DATABASE_URL => $dsn);
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'sh', '-ec', "cd '$folder'\n$shell" ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# Restores by these commands; tests that nothing is complained of, and nothing is open then.
sub moves_in
{
	my ($name, $tenant, @commands) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, undef, $err) = run_shell($name, $tenant->{url}, join '', @commands);
	is("$code $err", '0 ', "$name: the commands, as written");
	return is($host->control("SELECT string_agg(concat_ws(' ', severity, rule, object), ', ') FROM appinfra.exposures('$tenant->{db_id}') WHERE database = '$tenant->{database}' AND severity IN ('critical', 'high')"),
		'', "$name: nothing critical or high is open");
}

# Restores all entries, without owners and grants; tests which ones are refused, and by which rule.
sub refuses
{
	my ($name, @expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $tenant = $host->provision(app_id => "app-all-$name", slug => "all-$name", publish => 0);
	my (undef, undef, $err) = run_shell($name, $tenant->{url}, 'pg_dump -Fc -f all.dump "$OLD_URL"; pg_restore -O -x -d "$DATABASE_URL" all.dump || true');
	my @refused = map { s/ERROR: +(?:permission denied to tenants: )?//r } $err =~ /(ERROR: .*(?:\nDETAIL:  Rule "\w+")?)/g;
	return is_deeply([ map { s/\nDETAIL:  Rule "(\w+)"/ ($1)/r } @refused ], \@expected, "$name: what is refused without the list");
}

$elsewhere->safe_psql('postgres', <<'SQL');
CREATE ROLE u4f2k9qd0;
CREATE ROLE heroku_admin;
CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role BYPASSRLS; CREATE ROLE supabase_auth_admin; CREATE ROLE supabase_admin;
CREATE ROLE rdsadmin; CREATE ROLE rds_superuser; CREATE ROLE shop_admin;
SQL

# --- Heroku --------------------------------------------------------------------------------------------
my $heroku = prepare('heroku', <<'SQL');
CREATE SCHEMA heroku_ext; GRANT USAGE ON SCHEMA heroku_ext TO u4f2k9qd0;
CREATE EXTENSION pg_stat_statements SCHEMA heroku_ext;
CREATE EXTENSION pgcrypto SCHEMA heroku_ext;
CREATE EXTENSION citext SCHEMA public;
COMMENT ON EXTENSION citext IS 'names';
CREATE SCHEMA _heroku AUTHORIZATION heroku_admin;
CREATE FUNCTION _heroku.validate_extension() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN END $$;
ALTER FUNCTION _heroku.validate_extension() OWNER TO heroku_admin;
CREATE TABLE item (id bigserial PRIMARY KEY, token text DEFAULT encode(heroku_ext.gen_random_bytes(4), 'hex'), name citext UNIQUE, bought timestamptz);
CREATE FUNCTION bought() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.bought := now(); RETURN NEW; END $$;
CREATE TRIGGER bought BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION bought();
CREATE VIEW named AS SELECT id, name FROM item;
INSERT INTO item (name) SELECT 'item ' || n FROM generate_series(1, 1000) n;
ALTER TABLE item OWNER TO u4f2k9qd0; ALTER VIEW named OWNER TO u4f2k9qd0; ALTER FUNCTION bought() OWNER TO u4f2k9qd0;
CREATE EVENT TRIGGER validate_extension ON ddl_command_end EXECUTE FUNCTION _heroku.validate_extension();
SQL
moves_in('heroku', $heroku, blocks('Heroku'));
refuses('heroku', 'CREATE EXTENSION (extension)', 'extension "pg_stat_statements" does not exist', 'CREATE EVENT TRIGGER (event_trigger)');
$guard->allowed($heroku->{url}, "ALTER TABLE item ADD note text; SELECT count(*), max(id), pg_get_userbyid((SELECT relowner FROM pg_class WHERE relname = 'item')) FROM item",
	'1000|1000|app_heroku_owner', 'the rows are the owner\'s');
$guard->allowed($heroku->{env}{WRITER}, "INSERT INTO item (name) VALUES ('New') RETURNING id, length(token); UPDATE item SET note = 'x' WHERE name = 'new' RETURNING bought IS NOT NULL; SELECT count(*), length(gen_random_uuid()::text), length(gen_salt('bf')) FROM named",
	"1001|8\nt\n1001|36|29", 'a writer goes on: sequence, default, trigger, citext, search_path');
$guard->allowed($heroku->{env}{READER}, 'SELECT count(*) FROM named', '1001', 'a reader reads');

# --- Supabase ------------------------------------------------------------------------------------------
my $supabase = prepare('supabase', <<'SQL');
CREATE SCHEMA extensions; CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin; CREATE SCHEMA storage; CREATE SCHEMA realtime AUTHORIZATION supabase_admin; CREATE SCHEMA graphql;
CREATE EXTENSION pgcrypto SCHEMA extensions; CREATE EXTENSION "uuid-ossp" SCHEMA extensions; CREATE EXTENSION pg_stat_statements SCHEMA extensions;
GRANT USAGE ON SCHEMA public, auth, storage, extensions TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb->>'sub')::uuid $$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb->>'role' $$;
CREATE TABLE auth.users (id uuid PRIMARY KEY DEFAULT extensions.uuid_generate_v4(), email text UNIQUE, encrypted_password text);
ALTER TABLE auth.users OWNER TO supabase_auth_admin; ALTER FUNCTION auth.uid() OWNER TO supabase_auth_admin;
CREATE TABLE storage.objects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner uuid, name text);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
CREATE TABLE realtime.messages (id bigserial); ALTER TABLE realtime.messages OWNER TO supabase_admin;
CREATE FUNCTION extensions.pgrst_ddl_watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY pgrst, 'reload schema'; END $$;
CREATE TABLE profile (id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE, n bigint GENERATED BY DEFAULT AS IDENTITY, name text, is_public boolean DEFAULT false);
ALTER TABLE profile ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
    $$ BEGIN INSERT INTO public.profile (id, name) VALUES (NEW.id, NEW.email); RETURN NEW; END $$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION handle_new_user();
CREATE POLICY "Public profiles, to all" ON profile FOR SELECT TO anon, authenticated USING (is_public);
CREATE POLICY "Own profile TO authenticated" ON profile TO authenticated USING (auth.uid() = id) WITH CHECK (auth.uid() = id AND auth.role() = 'authenticated');
CREATE POLICY "Everything" ON profile TO service_role USING (true);
CREATE POLICY "Own objects" ON storage.objects FOR SELECT USING (auth.uid() = owner);
INSERT INTO auth.users (id, email, encrypted_password) SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'user' || n, extensions.crypt('x', extensions.gen_salt('bf', 4)) FROM generate_series(1, 20) n;
UPDATE profile SET is_public = true WHERE name ~ '5$';
INSERT INTO storage.objects (owner, name) SELECT id, 'TO authenticated' FROM auth.users;
GRANT ALL ON ALL TABLES IN SCHEMA public, auth, storage TO anon, authenticated, service_role;
CREATE PUBLICATION supabase_realtime FOR TABLE profile;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE EVENT TRIGGER pgrst_ddl_watch ON ddl_command_end EXECUTE FUNCTION extensions.pgrst_ddl_watch();
SQL
moves_in('supabase', $supabase, blocks('Supabase'));
refuses('supabase', 'CREATE EXTENSION (extension)', 'extension "pg_stat_statements" does not exist',
	(map { qq{role "$_" does not exist} } qw(service_role authenticated anon)), 'CREATE PUBLICATION (publication)', 'CREATE EVENT TRIGGER (event_trigger)');
my $as_user = q(SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000001", "role": "authenticated"}'; );
$guard->allowed($supabase->{url}, 'SELECT count(*), (SELECT count(*) FROM auth.users), (SELECT count(*) FROM storage.objects), max(n) FROM profile', '20|20|20|20', 'the rows are there');
$guard->allowed($supabase->{url}, q(SELECT polname, array_to_string(polroles::regrole[], ' ') FROM pg_policy ORDER BY 1),
	"Everything|app_supabase_service\nOwn objects|-\nOwn profile TO authenticated|app_supabase_writer\nPublic profiles, to all|app_supabase_reader app_supabase_writer", 'policies name the tenant\'s roles');
$guard->allowed($supabase->{env}{WRITER}, "$as_user SELECT count(*), (SELECT count(*) FROM storage.objects) FROM profile; UPDATE profile SET name = 'me' WHERE id = auth.uid() RETURNING n",
	"3|1\n1", 'a writer sees what a user sees');
$guard->allowed($supabase->{env}{WRITER}, "INSERT INTO auth.users (email, encrypted_password) VALUES ('new', crypt('x', gen_salt('bf', 4))) RETURNING length(encrypted_password)", '60', 'a writer adds a user');
$guard->allowed($supabase->{env}{SERVICE}, "SELECT n, name FROM profile WHERE name = 'new'", '21|new', 'whose profile the trigger has made');
$guard->allowed($supabase->{env}{READER}, 'SELECT count(*) FROM profile', '2', 'a reader sees what everybody sees');

# --- the same, with an extension that the platform installs ------------------------------------------------
$elsewhere->safe_psql('supabase', <<'SQL');
CREATE EXTENSION moddatetime SCHEMA extensions;
ALTER TABLE profile ADD changed timestamptz;
CREATE TRIGGER changed BEFORE UPDATE ON profile FOR EACH ROW EXECUTE FUNCTION extensions.moddatetime(changed);
SQL
my $lane = $host->provision(app_id => 'app-lane', slug => 'lane', publish => 0, env => { DATABASE_URL => 'owner', SERVICE => 'service' });
my ($install) = $text =~ /^## Extensions .*?```sql\n(.*?)```/ms;
$host->control($install =~ s/my-app/app-lane/r);
my ($list, $restore) = blocks('Supabase');
moves_in('supabase', $lane, $list, blocks('Extensions that need a superuser'), $restore);
$guard->allowed($lane->{url}, q(SELECT string_agg(extname || ' ' || extnamespace::regnamespace, ', ' ORDER BY 1) FROM pg_extension WHERE extname <> 'plpgsql'),
	'moddatetime extensions, pgcrypto extensions, uuid-ossp extensions', 'the platform\'s extension and the tenant\'s are in one schema');
$guard->allowed($lane->{env}{SERVICE}, 'UPDATE profile SET name = name WHERE n = 1 RETURNING changed IS NOT NULL; SELECT count(*) FROM profile', "t\n20", 'its trigger works');

# --- RDS -----------------------------------------------------------------------------------------------
my $rds = prepare('rds', <<'SQL');
CREATE EXTENSION pg_stat_statements; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm;
COMMENT ON EXTENSION hstore IS 'data type for storing sets of (key, value) pairs';
COMMENT ON EXTENSION plpgsql IS 'language';
CREATE SCHEMA sales AUTHORIZATION shop_admin;
CREATE TABLE sales.customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, tags hstore);
CREATE TABLE sales.visit (at date, customer int REFERENCES sales.customer) PARTITION BY RANGE (at);
CREATE TABLE sales.visit_2026 PARTITION OF sales.visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON sales.customer USING gin (name gin_trgm_ops);
CREATE MATERIALIZED VIEW sales.per_day AS SELECT at, count(*) FROM sales.visit GROUP BY 1;
CREATE FUNCTION sales.visits(int) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT count(*) FROM sales.visit WHERE customer = $1 $$;
INSERT INTO sales.customer (name, tags) SELECT 'customer ' || n, hstore('n', n::text) FROM generate_series(1, 100) n;
INSERT INTO sales.visit SELECT '2026-01-01'::date + n, n FROM generate_series(1, 100) n;
REFRESH MATERIALIZED VIEW sales.per_day;
ALTER TABLE sales.customer OWNER TO shop_admin; ALTER TABLE sales.visit OWNER TO shop_admin; ALTER FUNCTION sales.visits(int) OWNER TO rdsadmin;
GRANT ALL ON SCHEMA sales TO rds_superuser WITH GRANT OPTION; GRANT SELECT ON ALL TABLES IN SCHEMA sales TO rds_superuser, rdsadmin;
REVOKE ALL ON FUNCTION sales.visits(int) FROM PUBLIC; GRANT EXECUTE ON FUNCTION sales.visits(int) TO rds_superuser;
ALTER DEFAULT PRIVILEGES FOR ROLE shop_admin GRANT SELECT ON TABLES TO rds_superuser;
CREATE TABLE awsdms_ddl_audit (c_key bigserial PRIMARY KEY, c_ddlqry text);
CREATE FUNCTION awsdms_intercept_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ DECLARE q text; BEGIN SELECT current_query() INTO q; INSERT INTO public.awsdms_ddl_audit (c_ddlqry) VALUES (q); END $$;
SELECT lo_from_bytea(815, 'abc'); ALTER LARGE OBJECT 815 OWNER TO shop_admin; GRANT SELECT ON LARGE OBJECT 815 TO rds_superuser;
CREATE PUBLICATION dms FOR ALL TABLES;
CREATE EVENT TRIGGER awsdms_intercept_ddl ON ddl_command_end EXECUTE FUNCTION awsdms_intercept_ddl();
SQL
moves_in('rds', $rds, blocks('RDS'));
refuses('rds', 'CREATE EXTENSION (extension)', 'extension "pg_stat_statements" does not exist', 'CREATE PUBLICATION (publication)', 'CREATE EVENT TRIGGER (event_trigger)');
$guard->allowed($rds->{url}, "SELECT count(*), max(id), (SELECT count(*) FROM sales.visit), (SELECT count(*) FROM sales.per_day), convert_from(lo_get(815), 'UTF8') FROM sales.customer", '100|100|100|100|abc', 'the rows are there');
$guard->allowed($rds->{env}{WRITER}, "INSERT INTO sales.customer (name, tags) VALUES ('new', 'n=>1') RETURNING id; SELECT sales.visits(7), (SELECT count(*) FROM sales.customer WHERE name LIKE '%omer 7%')", "101\n1|11", 'a writer goes on');
done_testing();
