# What exposures() finds: each exposure is made, found, and closed by the remedy that came with it. A
# fresh host shows nothing above "notice". Tenants who want to be overlooked, or to be run, are not.
use strict;
use warnings;
use Appinfra;
use Appinfra::Clients;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $host = Appinfra->make('exposed', pool_size => 2, conf => <<'CONF');
fsync = on
wal_level = logical
max_prepared_transactions = 5
CONF
$host->wait_for_pool(2);
my $one = $host->provision(app_id => 'app-1', slug => 'one', publish => 0);
my $two = $host->provision(app_id => 'app-2', slug => 'two', publish => 0,
	env => { DATABASE_URL => 'writer', READER_URL => 'reader', DATABASE_SERVICE_URL => 'service' });
my ($one_id, $two_id) = ($one->{db_id}, $two->{db_id});
$host->wait_for_pool(2);

# Returns the rows that match a hash of patterns; of one tenant, if it is given.
sub rows
{
	my ($match, $db_id) = @_;
	my $argument = defined $db_id ? "'$db_id'" : '';
	my @all = map { decode_json($_) }
	  split /\n/, $host->control("SELECT row_to_json(e) FROM appinfra.exposures($argument) e");
	return grep { my $row = $_; !grep { ($row->{$_} // '') !~ /$match->{$_}/ } keys %$match } @all;
}

# Runs a remedy where its row says: in its database, or in the control database.
sub remedy
{
	my ($row) = @_;
	my $database = $row->{remedy} =~ /^SELECT .*appinfra\./ ? 'control' : $row->{database} // 'control';
	my ($out, $err) = ('', '');
	my $code = $host->psql($database, "$row->{remedy}\n;", stdout => \$out, stderr => \$err);
	diag "$row->{remedy}: $err" if $code != 0;
	return $code == 0;
}

# Makes an exposure, sees its row and severity, runs its remedy and sees it gone.
sub exposed
{
	my ($name, $database, $sql, $severity, $match) = @_;
	$host->safe_psql($database, $sql);
	return closed($name, $severity, $match);
}

# Sees a row and its severity, runs its remedy and sees it gone.
sub closed
{
	my ($name, $severity, $match) = @_;
	my @found = rows($match);
	is(scalar(@found), 1, "$name: one row") or diag explain \@found;
	return if !@found;
	is($found[0]{severity}, $severity, "$name: is $severity");
	ok(remedy($found[0]), "$name: the remedy runs");
	my @left;
	for (1 .. 100) # a reload takes a moment
	{
		@left = rows($match);
		last if !@left || $found[0]{remedy} !~ /pg_reload_conf/;
	}
	is(scalar(@left), 0, "$name: the remedy closes it") or diag explain \@left;
	return;
}

# --- a fresh host ---------------------------------------------------------------------------------------
is_deeply([ rows({ severity => '^(?!notice$)' }) ], [], 'a fresh host with tenants shows nothing above notice');
is(scalar(rows({ rule => '^shared_catalogs$' })), 1, 'that names are visible is said once');
is(scalar(rows({ rule => '^hba_plain$' })), 1, 'and plain TCP over the loopback interface');

# --- roles ------------------------------------------------------------------------------------------------
exposed("attribute $_->[0]", 'postgres', "ALTER ROLE $_->[2] $_->[0]", $_->[1],
	{ rule => '^role_attribute$', object => "^$_->[2]\$" })
  for [ 'SUPERUSER', 'critical', 'app_one_owner' ], [ 'CREATEROLE', 'critical', 'app_one' ],
  [ 'REPLICATION', 'critical', 'app_one' ], [ 'CREATEDB', 'high', 'app_two_writer' ],
  [ 'BYPASSRLS', 'high', 'app_one_owner' ], [ 'LOGIN', 'high', 'app_one_owner' ],
  [ "PASSWORD 'x'", 'medium', 'app_one_owner' ], [ 'INHERIT', 'medium', 'app_one' ],
  [ 'NOBYPASSRLS', 'medium', 'app_one_service' ];
$host->safe_psql('postgres', 'CREATE ROLE joe LOGIN; CREATE ROLE "the "" boss"');
exposed("membership in $_->[0]", 'postgres', "GRANT $_->[0] TO $_->[1]", $_->[2],
	{ rule => '^membership$', grantee => "^$_->[1]\$" })
  for [ 'pg_read_server_files', 'app_one_owner', 'critical' ],
  [ 'app_two_writer', 'app_one_owner', 'critical' ], [ 'app_one_service', 'app_one', 'critical' ],
  [ '"the "" boss"', 'app_one', 'high' ];
exposed('the option to give one\'s group away', 'postgres', 'GRANT app_one_owner TO app_one WITH ADMIN OPTION',
	'high', { rule => '^membership$', grantee => '^app_one$' });
exposed('an outsider in a tenant\'s group', 'postgres', 'GRANT app_one_owner TO joe', 'medium',
	{ rule => '^member_of_tenant$', grantee => '^joe$' });
exposed("a label lost by $_", 'postgres', "SECURITY LABEL FOR appinfra ON ROLE $_ IS NULL", 'critical',
	{ rule => '^label$', object => "^$_\$" })
  for 'app_one', 'app_two_reader';
exposed('a parameter', 'postgres', 'GRANT SET ON PARAMETER session_replication_role TO app_one_owner', 'high',
	{ rule => '^parameter_grant$' });
exposed('a parameter of the server', 'postgres', 'GRANT ALTER SYSTEM ON PARAMETER plpgsql.variable_conflict TO PUBLIC',
	'critical', { rule => '^parameter_grant$' });
$host->safe_psql('postgres', q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE "a "" space" LOCATION ''});
exposed('a tablespace', 'postgres', 'GRANT CREATE ON TABLESPACE "a "" space" TO PUBLIC', 'medium',
	{ rule => '^tablespace_grant$' });
exposed('a tenant\'s tablespace', 'postgres', 'ALTER TABLESPACE "a "" space" OWNER TO app_two_writer', 'high',
	{ rule => '^tablespace_owner$' });
exposed('a table in another database', 'postgres', 'CREATE TABLE theirs (); ALTER TABLE theirs OWNER TO app_one_owner',
	'high', { rule => '^owner_elsewhere$' });

# --- databases ------------------------------------------------------------------------------------------------
$host->safe_psql('postgres', 'CREATE DATABASE "other "" one"');
exposed("PUBLIC in $_->[0]", 'postgres', "GRANT $_->[1] ON DATABASE $_->[0] TO PUBLIC", $_->[2],
	{ rule => '^database_public$', object => "^$_->[0]\$", detail => $_->[1] })
  for [ 'app_one', 'CONNECT', 'high' ], [ 'control', 'TEMPORARY', 'medium' ], [ 'template1', 'CONNECT', 'medium' ],
  [ '"other "" one"', 'CREATE', 'medium' ];
exposed('another tenant in a database', 'postgres', 'GRANT CONNECT ON DATABASE app_one TO app_two WITH GRANT OPTION',
	'high', { rule => '^database_grant$', detail => 'not the tenant' });
exposed('the option to open it', 'postgres', 'GRANT CONNECT ON DATABASE app_one TO app_one WITH GRANT OPTION', 'high',
	{ rule => '^database_grant$', detail => 'to others' });
exposed('more than its group\'s rights', 'postgres', 'GRANT CREATE ON DATABASE app_two TO app_two_writer', 'high',
	{ rule => '^database_grant$', detail => 'more than' });
exposed('somebody else in it', 'postgres', 'GRANT CONNECT ON DATABASE app_two TO joe', 'notice',
	{ rule => '^database_outsider$' });
exposed('a right that is missing', 'postgres', 'REVOKE CONNECT ON DATABASE app_one FROM app_one', 'medium',
	{ rule => '^database_grant_missing$' });
exposed('a database\'s label', 'postgres', 'SECURITY LABEL FOR appinfra ON DATABASE app_one IS NULL', 'medium',
	{ rule => '^database_label$' });
exposed('a database of its own', 'postgres', 'ALTER DATABASE app_one OWNER TO app_one_owner', 'critical',
	{ rule => '^database_owner$' });
exposed('another database of its own', 'postgres', 'ALTER DATABASE "other "" one" OWNER TO app_one', 'high',
	{ rule => '^database_owner$' });
exposed('no limit of connections', 'postgres', 'ALTER DATABASE app_one CONNECTION LIMIT -1', 'medium',
	{ rule => '^connection_limit$' });
exposed('a higher limit of connections', 'postgres', 'ALTER DATABASE app_one CONNECTION LIMIT 51', 'notice',
	{ rule => '^connection_limit$' });
exposed('a tenant as a template', 'postgres', 'ALTER DATABASE app_one IS_TEMPLATE true', 'high',
	{ rule => '^template_flag$' });

# --- what sessions start with --------------------------------------------------------------------------------
exposed("$_->[0]", 'postgres', $_->[0], $_->[1], { rule => '^session_setting$', object => "^$_->[2]\$" })
  for [ 'ALTER DATABASE app_one SET search_path = evil', 'high', 'search_path' ],
  [ 'ALTER DATABASE app_one SET role = app_one_owner', 'high', 'role' ],
  [ 'ALTER ROLE app_one SET local_preload_libraries = \'$libdir/plugins/x\'', 'high', 'local_preload_libraries' ],
  [ 'ALTER ROLE app_one SET role = app_one_service', 'high', 'role' ],
  [ 'ALTER ROLE app_one IN DATABASE app_one SET session_replication_role = replica', 'high', 'session_replication_role' ],
  [ 'ALTER ROLE ALL SET row_security = off', 'high', 'row_security' ],
  [ 'ALTER ROLE app_one SET max_parallel_workers = 8', 'medium', 'max_parallel_workers' ],
  [ 'ALTER ROLE app_one SET work_mem = 64', 'notice', 'work_mem' ],
  [ 'ALTER ROLE app_one SET plpgsql.extra_errors = \'all\'', 'notice', 'plpgsql.extra_errors' ];
exposed('settings that are missing', 'postgres', 'ALTER ROLE app_two_3 RESET ALL', 'medium',
	{ rule => '^session_setting_missing$', object => 'role, .*temp_file_limit' });
exposed("a secret: $_->[0]", 'postgres', $_->[0], 'high', { rule => '^secret$', detail => '^(?!.*hunter2)' })
  for ['ALTER ROLE joe SET my_app.jwt_secret = \'hunter2\''],
  ['ALTER DATABASE "other "" one" SET my_app.url = \'https://u:hunter2@example.com/\''],
  ['ALTER ROLE joe IN DATABASE app_two SET application_name = \'password=hunter2\''],
  ['COMMENT ON ROLE joe IS \'Password: hunter2\''],
  ['COMMENT ON DATABASE "other "" one" IS \'postgres://u:hunter2@example.com/\''];

# --- the server -------------------------------------------------------------------------------------------------
# Changes a setting of the server and waits until new sessions have it.
sub reloaded
{
	my ($name, $value) = @_;
	$host->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	$host->reload;
	$host->poll_query_until('postgres', "SELECT reset_val = '$value' FROM pg_settings WHERE name = '$name'");
	return;
}
for ([ 'fsync', 'off', 'high' ], [ 'full_page_writes', 'off', 'high' ], [ 'log_min_messages', 'fatal', 'medium' ],
	[ 'lo_compat_privileges', 'on', 'medium' ], [ 'appinfra.guard', 'off', 'critical' ],
	[ 'appinfra.guard', 'observe', 'high' ])
{
	my ($name, $value, $severity) = @$_;
	reloaded($name, $value);
	closed("$name = $value", $severity, { rule => '^server_setting$', object => "^$name\$" });
}
closed('opening every file after a crash', 'notice', { object => '^recovery_init_sync_method$' });
reloaded('archive_command', 'PGPASSWORD=hunter2 copy %p');
closed('a secret in a setting', 'high', { rule => '^secret$', object => '^archive_command$' });
reloaded('appinfra.tenant_connection_limit', '-1');
closed('tenants without a limit', 'medium', { rule => '^connections$', object => 'tenant_connection_limit' });
reloaded('appinfra.tenant_connection_limit', '50');
reloaded('appinfra.tenant_lock_limit', '0');
closed('tenants who may take all locks', 'medium', { rule => '^lock_table$' });
$host->append_conf('postgresql.conf', "max_locks_per_transaction = 64\nmax_worker_processes = 12\n");
$host->restart;
my @restart = map { rows({ rule => "^$_\$", remedy => 'restart' }) } qw(lock_table worker_slots connections);
is(join(' ', map { "$_->{rule}:$_->{severity}" } @restart), 'lock_table:medium worker_slots:medium connections:notice',
	'too few locks, workers and connections');
ok(remedy($_), "the remedy of $_->{rule} runs") for @restart;
$host->restart;
is(scalar(map { rows({ rule => "^$_\$" }) } qw(lock_table worker_slots connections)), 0, 'and closes it');

exposed('a slot', 'app_one', "SELECT pg_create_logical_replication_slot('kept', 'pgoutput')", 'medium',
	{ rule => '^replication_slot$' });
exposed('a subscription', 'app_one', <<'SQL', 'high', { rule => '^subscription$' });
CREATE SUBSCRIPTION "s "" 1" CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p
    WITH (connect = false, slot_name = 'x');
ALTER SUBSCRIPTION "s "" 1" ENABLE
SQL
exposed('a prepared transaction', 'app_one', q{BEGIN; CREATE TABLE held (); PREPARE TRANSACTION 'it''s'}, 'medium',
	{ rule => '^prepared_transaction$' });

# --- pg_hba.conf ----------------------------------------------------------------------------------------------------
my $hba_file = $host->data_dir . '/pg_hba.conf';
my $hba = slurp_file($hba_file);
$host->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1,127.0.0.2'");

sub write_hba
{
	my ($text) = @_;
	open my $out, '>', $hba_file or die $!;
	print $out $text;
	close $out;
	return;
}

# What a line at the end of the file is, and whether the line in its remedy ends it. In this rule's eyes the host
# listens to the world: that is asked of a session, not of the running server.
sub hba
{
	my ($line, $expected, $name) = @_;
	write_hba("$hba$line\n");
	my $number = split /\n/, slurp_file($hba_file);
	my $seen = join ' ', sort map { "$_->{rule}:$_->{severity}" } rows({ object => "pg_hba.conf:$number\$" });
	is($seen, $expected, "$name: $line");
	for my $row (rows({ object => "pg_hba.conf:$number\$", remedy => 'line \d+: (host|local)' }))
	{
		my ($new) = $row->{remedy} =~ /line \d+: (.*)/;
		write_hba("$hba$new\n");
		is(scalar(rows({ object => "pg_hba.conf:$number\$", rule => $row->{rule} })), 0, "$name: its remedy");
	}
	return;
}

hba('local all all trust', 'hba_trust:high', 'trust on the socket');
hba('local all all peer', 'hba_method:notice', 'peer');
hba('local all all scram-sha-256', '', 'passwords on the socket');
hba('host all all ::1/128 trust', 'hba_trust:high', 'trust on the loopback interface');
hba('local all "/[" trust', $host->pg_version->major >= 16 ? 'hba_error:medium' : '', 'what is no pattern here, or a wrong one');
hba('hostssl all all 10.0.0.0/8 scram-sha-256', '', 'passwords over TLS');
hba('local control all trust', '', 'a database that is no tenant\'s');
hba('local all joe trust', '', 'a role that is no tenant\'s');
hba('local app_one +app_one_owner trust', 'hba_trust:high', 'a group');
hba('local all "app_one" trust', 'hba_trust:high', 'a login');
hba('host replication all 127.0.0.1/32 scram-sha-256', 'hba_replication:notice', 'replication nearby');
hba('local replication joe trust', '', 'replication of one who is no tenant');
hba('host all all 10.0.0.0/8 nonsense', 'hba_error:medium', 'an error');
$host->append_conf('postgresql.conf', "listen_addresses = '*'");
write_hba($hba);
SKIP:
{
	$host->stop;
	skip 'no TCP on all addresses here', 8 if !$host->start(fail_ok => 1);
	hba('host all all 10.0.0.0/8 trust', 'hba_trust:critical', 'trust');
	hba('host all all 10.0.0.0/8 ident', 'hba_method:high', 'ident');
	hba('host all all 10.0.0.0/8 password', 'hba_plain:high', 'clear passwords');
	hba('host all all 0.0.0.0/0 scram-sha-256', 'hba_plain:medium', 'plain TCP');
	hba('host replication all 10.0.0.0/8 md5', 'hba_replication:medium', 'replication');
	write_hba("hostnossl all all all reject\n${hba}host all all 10.0.0.0/8 md5\n");
	is(scalar(rows({ rule => '^hba_plain$' })), 0, 'plain TCP that an earlier line rejects');
}
write_hba($hba);
$host->reload;

# --- inside tenants' databases -----------------------------------------------------------------------------------------
exposed("a function: $_->[0]", 'app_one', $_->[0], 'high', { rule => '^function_grant$', grantee => "^$_->[1]\$" })
  for [ 'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app_one_owner', 'app_one_owner' ],
  [ 'GRANT EXECUTE ON FUNCTION pg_terminate_backend(int, bigint) TO PUBLIC', 'PUBLIC' ],
  [ q{CREATE FUNCTION public."an "" alias"(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'}, 'PUBLIC' ];
exposed('a C function', 'app_one',
	q{CREATE FUNCTION public.c() RETURNS text LANGUAGE c AS '$libdir/appinfra', 'appinfra_retention'},
	'high', { rule => '^untrusted_function$' });
exposed('a tenant\'s C function', 'app_one', 'ALTER FUNCTION public.c() OWNER TO app_one_owner', 'high',
	{ rule => '^untrusted_function$', grantee => '^app_one_owner$', remedy => '^DROP' });
exposed('a superuser\'s SECURITY DEFINER', 'app_one', <<'SQL', 'high', { rule => '^definer_function$' });
CREATE FUNCTION public.anything(sql text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE sql; END'
SQL
exposed('somebody\'s SECURITY DEFINER', 'app_one', <<'SQL', 'medium', { rule => '^definer_function$' });
CREATE PROCEDURE public.something(sql text) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE sql; END';
ALTER PROCEDURE public.something(text) OWNER TO joe
SQL
exposed('C for everyone', 'app_one', q{UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'c'}, 'critical',
	{ rule => '^language$' });
exposed('a language of its own', 'app_one',
	'CREATE TRUSTED LANGUAGE mine HANDLER plpgsql_call_handler; ALTER LANGUAGE mine OWNER TO app_one_owner', 'high',
	{ rule => '^language_owner$' });
exposed('an extension', 'app_two', 'CREATE EXTENSION dblink', 'high', { rule => '^extension$' });
$host->safe_psql('app_one', 'CREATE EXTENSION postgres_fdw');
exposed('a foreign data wrapper', 'app_one',
	'GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO PUBLIC', 'high',
	{ rule => '^foreign_server$', object => 'postgres_fdw' });
exposed('a foreign server', 'app_one',
	'CREATE SERVER "s "" 1" FOREIGN DATA WRAPPER postgres_fdw; GRANT USAGE ON FOREIGN SERVER "s "" 1" TO app_one_reader',
	'high', { rule => '^foreign_server$', object => 's "" 1' });
exposed("a tenant's $_->[0]", 'app_one', "ALTER $_->[1] OWNER TO app_one_owner", 'high',
	{ rule => '^foreign_server$', detail => 'owns' })
  for [ 'server', 'SERVER "s "" 1"' ];
exposed('a user mapping', 'app_one', 'CREATE USER MAPPING FOR app_one_owner SERVER "s "" 1"', 'high',
	{ rule => '^user_mapping$' });
exposed('a foreign table', 'app_one',
	'CREATE FOREIGN TABLE public.far (a int) SERVER "s "" 1"; GRANT SELECT ON public.far TO app_one_reader', 'high',
	{ rule => '^foreign_table$' });
exposed('a secret in an option', 'app_one', q{CREATE FOREIGN DATA WRAPPER w; CREATE SERVER x FOREIGN DATA WRAPPER w OPTIONS ("api_key" 'hunter2')},
	'medium', { rule => '^secret$' });
$host->safe_psql('app_one', 'DROP EXTENSION postgres_fdw CASCADE; DROP FOREIGN DATA WRAPPER w CASCADE');
exposed("a catalog: $_->[0]", 'app_one', $_->[0], $_->[1], { rule => '^catalog_grant$' })
  for [ 'GRANT SELECT ON pg_authid TO app_one_reader', 'high' ], [ 'GRANT UPDATE ON pg_proc TO PUBLIC', 'critical' ],
  [ 'GRANT UPDATE (rolsuper) ON pg_authid TO app_one_owner', 'critical' ],
  [ 'GRANT SELECT (subconninfo) ON pg_subscription TO PUBLIC', 'high' ],
  [ 'GRANT CREATE ON SCHEMA pg_catalog TO app_one_owner', 'critical' ],
  [ 'GRANT DELETE ON information_schema.sql_features TO PUBLIC', 'critical' ];
exposed('an event trigger', 'app_one', <<'SQL', 'critical', { rule => '^event_trigger$' });
CREATE FUNCTION public.spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER "spy ""1" ON ddl_command_start EXECUTE FUNCTION public.spy();
ALTER FUNCTION public.spy() OWNER TO app_one_owner
SQL
exposed('a tenant that has lost its hardening', 'app_one', <<'SQL', 'medium', { rule => '^hardening$' });
SET allow_system_table_mods = on;
DROP FUNCTION pg_catalog.tenant_sessions();
ALTER DEFAULT PRIVILEGES FOR ROLE app_one_owner REVOKE SELECT ON TABLES FROM app_one_reader
SQL
exposed('a tenant of an older release', 'control', "UPDATE appinfra.tenant SET hardening = 1 WHERE db_id = '$two_id'",
	'medium', { rule => '^hardening$' });
exposed('a schema of somebody\'s', 'app_one', 'ALTER SCHEMA public OWNER TO joe', 'medium', { rule => '^schema_owner$' });
exposed('a schema in template1', 'template1', 'GRANT CREATE ON SCHEMA public TO PUBLIC', 'notice',
	{ rule => '^schema_create$' });

# row-level security: only where DATABASE_URL owns the table, whatever it is called
my $long = 'n' x 63;
my ($code, $out, $err) = $host->as_app($one->{url}, <<"SQL");
CREATE TABLE $long (a int);
CREATE TABLE "a "" '
b" (a int);
ALTER TABLE $long ENABLE ROW LEVEL SECURITY;
ALTER TABLE "a "" '
b" ENABLE ROW LEVEL SECURITY;
SQL
is($code, 0, 'a tenant has tables with row-level security') or diag $err;
closed('row-level security that does not bind its owner', 'medium', { rule => '^row_security$', object => 'nnn' });
closed('the same of a strange name', 'medium', { rule => '^row_security$', object => 'b"' });
$host->safe_psql('app_two',
	'CREATE TABLE public.t (); ALTER TABLE public.t OWNER TO app_two_owner; ALTER TABLE public.t ENABLE ROW LEVEL SECURITY');
is(scalar(rows({ rule => '^row_security$' })), 0, 'it binds whoever is not the owner');

# --- tenants who want to be overlooked, or to be run ------------------------------------------------------------------
($code, $out, $err) = $host->as_app($one->{url}, <<'SQL');
CREATE SCHEMA evil;
CREATE TABLE evil.ran (what text);
CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.ran VALUES ('format'); RETURN ''; END $$;
CREATE FUNCTION evil.same(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.ran VALUES ('='); RETURN false; END $$;
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.same);
CREATE TABLE evil.pg_proc (LIKE pg_catalog.pg_proc);
DO $$ BEGIN
    FOR i IN 1 .. 150 LOOP
        EXECUTE format('CREATE TABLE evil.t%s (); ALTER TABLE evil.t%1$s ENABLE ROW LEVEL SECURITY', i);
    END LOOP;
END $$
SQL
is($code, 0, 'a tenant has functions that would rather be called') or diag $err;
$host->safe_psql('postgres', <<'SQL');
ALTER DATABASE app_one SET search_path = evil, pg_catalog;
ALTER DATABASE app_one SET role = app_one_owner;
ALTER DATABASE app_one SET default_transaction_isolation = serializable;
ALTER DATABASE app_one SET statement_timeout = 1;
GRANT SELECT ON pg_authid TO joe;
SQL
$host->safe_psql('app_one', 'SET search_path = pg_catalog; SET role = none; SET statement_timeout = 0; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app_one_owner');
is(scalar(rows({ rule => '^row_security$', database => '^app_one$' })), 100, 'of very many rows some are shown');
like((rows({ rule => '^more$' }))[0]{detail}, qr/more than the 100 .* "row_security"/, 'and that there are more');
is(scalar(rows({ rule => '^function_grant$' })), 1, 'and nothing else is hidden by them');
is($host->safe_psql('app_one', 'SET statement_timeout = 0; SELECT count(*) FROM evil.ran'), 0, 'nothing of a tenant\'s was run');
is(scalar(rows({ database => '^app_two$' }, $one_id)), 0, 'one tenant\'s exposures are not another\'s');
is(scalar(rows({ rule => '^function_grant$' }, $one_id)), 1, 'but its own are');
is(scalar(rows({ rule => '^shared_catalogs$' }, $two_id)), 1, 'and the host\'s');
is(scalar(rows({ rule => '^function_grant$' }, $two_id)), 0, 'the other has none');

# --- whoever asks ---------------------------------------------------------------------------------------------------------
($code, $out, $err) = $host->try_control("SELECT * FROM appinfra.exposures('db-000000000000')");
like($err, qr/ERROR:  42704: database "db-000000000000" does not exist/, 'an unknown one');
($code, $out, $err) = $host->try_control('SET ROLE appinfra_auditor; SELECT count(*) > 0 FROM appinfra.exposures()');
is($out, 't', 'an auditor may ask') or diag $err;
($code, $out, $err) = $host->try_control('SET ROLE appinfra_publisher; SELECT * FROM appinfra.exposures()');
like($err, qr/ERROR:  42501/, 'a publisher may not');
$host->safe_psql('postgres', 'ALTER DATABASE app_one RESET ALL');
my $blocker = $host->background_psql('app_one');
$blocker->query_safe('BEGIN; LOCK TABLE pg_event_trigger IN ACCESS EXCLUSIVE MODE');
my $waiting = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'appinfra visitor' AND wait_event_type = 'Lock'";

# Asks while a visitor has to wait, does something about it, and returns the answer.
sub ask_and
{
	my ($sql) = @_;
	my $asker = $host->background_psql('control', on_error_stop => 0);
	my $pid = $asker->query_safe('SELECT pg_backend_pid()');
	$asker->query_until(qr/asked/, "\\echo asked\nCREATE TABLE public.answer AS SELECT database, detail FROM appinfra.exposures() WHERE rule = 'not_looked_at';\n");
	$host->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($waiting) w");
	$host->safe_psql('postgres', $sql =~ s/ASKER/$pid/r);
	$host->poll_query_until('postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid");
	$asker->quit;
	my $answered = $host->control("SELECT to_regclass('public.answer') IS NOT NULL");
	return $answered eq 't' ? $host->control('SELECT * FROM public.answer; DROP TABLE public.answer') : 'none';
}
is(ask_and("SELECT pg_terminate_backend(pid) FROM ($waiting) w"),
	'app_one|What is open in this database is not known: the worker ended before it was done.',
	'a visit that is ended is told of, the others are made');
is(ask_and('SELECT pg_cancel_backend(ASKER)'), 'none', 'who is cancelled');
ok($host->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'appinfra visitor'"),
	'leaves no worker behind');
like(ask_and('SELECT 1'), qr/^app_one\|.*lock timeout\.$/, 'one that waits too long is told of');
$blocker->query_safe('ROLLBACK');
$blocker->quit;
my @answers = Appinfra::Clients->start($host, 'control',
	("SELECT count(*) FROM appinfra.exposures() WHERE rule = 'not_looked_at'") x 8)->finish;
is(join(' ', map { $_->{out} } @answers), '0 0 0 0 0 0 0 0', 'many may ask at a time');

# --- what is not there, or cannot be entered --------------------------------------------------------------------------------
$host->safe_psql('postgres', 'DROP DATABASE app_two WITH (FORCE)');
closed('a database that is missing', 'medium', { rule => '^database_missing$' });
$host->wait_until("SELECT status = 'dropped' FROM appinfra.databases WHERE db_id = '$two_id'", 'the registry gives it up');
is($host->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname ~ '^app_two'"), 0, 'with its roles');
$host->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 2');
$host->restart;
my @unseen = rows({ rule => '^not_looked_at$' });
is(join(' ', sort map { $_->{database} } @unseen), 'app_one template1', 'without a free worker it says what it has not seen');
like($unseen[0]{detail}, qr/no background worker slot is free/, 'and why');

# --- another encoding ------------------------------------------------------------------------------------------------------
my $latin = Appinfra->make('latin', pool_size => 1, conf => <<'CONF');
appinfra.tenant_encoding = 'LATIN1'
appinfra.tenant_locale = 'C'
CONF
my $tenant = $latin->provision(app_id => 'app-1', slug => 'latin', publish => 0);
($code, $out, $err) = $latin->as_app($tenant->{url}, "SET client_encoding = 'UTF8'; CREATE TABLE \"t\xc3\xbcr\" (); ALTER TABLE \"t\xc3\xbcr\" ENABLE ROW LEVEL SECURITY");
is($code, 0, 'a tenant of another encoding') or diag $err;
is($latin->control("SELECT object FROM appinfra.exposures() WHERE rule = 'row_security'"), 'public."t\xFCr"',
	'is looked at, what the control database may lack is escaped');

done_testing();
