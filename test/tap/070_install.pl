# Installing: what CREATE EXTENSION refuses and how it says so, when the worker comes up, what DROP
# EXTENSION leaves, hosts of other encodings and locales, and what keeps shells from being built.
use strict;
use warnings;
use Appinfra;
use Appinfra::Clients;
use Appinfra::Kill qw(find_process);
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

# Waits until a process of ours runs, or until none does.
sub wait_for_worker
{
	my ($host, $type) = @_;
	return $host->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'appinfra $type'");
}

# --- without the preload ----------------------------------------------------------------------------------
my $host = Appinfra->make('install', pool_size => 2, start => 0,
	conf => "shared_preload_libraries = ''\nappinfra.provision_timeout = '60s'\n");
$host->start;
$host->safe_psql('postgres', 'CREATE DATABASE control');
my ($code, $out, $err) = $host->try_control('CREATE EXTENSION appinfra');
is($code, 3, 'without shared_preload_libraries CREATE EXTENSION is refused');
like($err, qr/ERROR:  55000: appinfra is not in shared_preload_libraries/, 'with the reason');
like($err, qr/HINT:  Add appinfra to shared_preload_libraries and restart/, 'and the remedy');
is($host->control("SELECT count(*) FROM pg_namespace WHERE nspname = 'appinfra'"), 0, 'nothing is left');

# --- the control database comes later ------------------------------------------------------------------------
$host->safe_psql('postgres', 'DROP DATABASE control');
$host->append_conf('postgresql.conf', "shared_preload_libraries = 'appinfra'");
$host->restart;
my ($stdout, $stderr) = ('', '');
$code = $host->psql('postgres', 'CREATE EXTENSION appinfra', stdout => \$stdout, stderr => \$stderr,
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
is($code, 3, 'in another database than the control database it is refused');
like($stderr, qr/ERROR:  55000: database "postgres" is not the control database/, 'with the reason');
like($stderr, qr/DETAIL:  appinfra.control_database is "control"\./, 'the name');
like($stderr, qr/HINT:  Connect to that database, or set appinfra.control_database/, 'and the remedy');
is( $host->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname ~ '^appinfra'"),
	0, 'nothing is left');
my $log = sub { PostgreSQL::Test::Utils::slurp_file($host->logfile) };
reaches { wait_for('the hint', sub {
	$log->() =~ /FATAL: .*database "control" does not exist\n.*HINT: .*Create it, or correct "appinfra\.control_database"/ }) }
	'without the control database the log says which setting names it';
my $attempts = sub { scalar(() = $log->() =~ /FATAL: .*database "control" does not exist/g) };
ok(wait_for_worker($host, 'scheduler'), 'the worker waits for it');
is($attempts->(), 1, 'having tried to enter it once');
$host->safe_psql('postgres', 'CREATE DATABASE control');
ok($host->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler' AND datname = 'control'"),
	'and enters it when it is there');
$host->create_extension;
reaches { $host->wait_for_pool(2) } 'and fills the pool when the extension is';

is( $host->control("SELECT count(*) FROM pg_proc WHERE pronamespace = 'appinfra'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')"),
	0, 'PUBLIC may execute none of its functions');
is( $host->control("SELECT count(*) FROM pg_class WHERE relnamespace = 'appinfra'::regnamespace AND relkind IN ('r', 'v', 'S') AND has_table_privilege('public', oid, 'SELECT')"),
	0, 'PUBLIC may read none of its tables and views');
is( $host->control("SELECT count(*) FROM pg_class CROSS JOIN unnest(ARRAY['appinfra_admin', 'appinfra_publisher', 'appinfra_auditor']) r WHERE relnamespace = 'appinfra'::regnamespace AND relkind = 'r' AND has_table_privilege(r, oid, 'SELECT, INSERT, UPDATE, DELETE')"),
	0, 'the lanes may touch no table');
is( $host->control("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE has_database_privilege('public', oid, 'CONNECT')"),
	'postgres template0', 'PUBLIC may not connect to the control database, template1, the template, the shells');

# --- DROP EXTENSION ----------------------------------------------------------------------------------------------
my $tenant = $host->provision(app_id => 'app-1', slug => 'kept', publish => 0);
$host->as_app($tenant->{url}, "CREATE TABLE item AS SELECT 'data' AS t");
$host->wait_for_pool(2);
($code, $out, $err) = $host->try_control('DROP EXTENSION appinfra');
is($code, 3, 'DROP EXTENSION is refused while there are tenants');
like($err, qr/ERROR:  2BP01: /, 'with a fitting SQLSTATE');
like($err, qr/HINT:  .*CASCADE/, 'and a hint');
is(($host->try_control('DROP SCHEMA appinfra CASCADE'))[0], 3, 'DROP SCHEMA CASCADE is refused');
($code, $out, $err) = $host->try_control('BEGIN; DROP EXTENSION appinfra CASCADE; ROLLBACK');
is($code, 0, 'DROP EXTENSION CASCADE and a rollback');
$host->wait_for_pool(2);
$host->control('DROP EXTENSION appinfra CASCADE');
($code, $out, $err) = $host->as_app($tenant->{url}, 'SELECT t FROM item');
is($out, 'data', 'after DROP EXTENSION CASCADE a tenant has its data and its login') or diag $err;
ok( $host->poll_query_until('control', "SELECT count(*) = 0 FROM pg_database WHERE datname ~ '^appinfra_'"),
	'shells and the template go by themselves');
ok( $host->poll_query_until('control', "SELECT string_agg(rolname, ' ' ORDER BY rolname) = 'app_kept app_kept_owner app_kept_reader app_kept_service app_kept_writer' FROM pg_roles WHERE rolname ~ '^app_|^appinfra_[0-9a-f]{12}'"),
	'so do their roles, and nobody else\'s');
($code) = $host->as_app($tenant->{url}, 'SELECT 1', PGDATABASE => 'postgres');
is($code, 2, 'the login still enters its own database only');

# again: the lanes' roles and the old tenant are there already
$host->control('CREATE EXTENSION appinfra');
$host->wait_for_pool(2);
my $second = $host->provision(app_id => 'app-1', slug => 'kept', publish => 0);
like($second->{database}, qr/^app_kept_[0-9a-f]{6}$/, 'CREATE EXTENSION again: provisioning works, and takes over nothing');
is(($host->as_app($second->{url}, 'SELECT 1'))[1], '1', 'the DSN logs in');
is(($host->as_app($tenant->{url}, 'SELECT t FROM item'))[1], 'data', 'the old one still does');

# dropped and created in one transaction: what the first one had is nobody's
($code, $out, $err) = $host->try_control('BEGIN; DROP EXTENSION appinfra CASCADE; CREATE EXTENSION appinfra; COMMIT');
is($code, 0, 'dropped and created in one transaction') or diag $err;
$host->wait_for_pool(2);
ok( $host->poll_query_until('control', "SELECT count(*) = 2 FROM pg_database WHERE datname ~ '^appinfra_[0-9a-f]'"),
	'the old shells are gone, the new ones are there');
my @tenants = grep { defined } map { @$_{qw(database username)} } $tenant, $second;
push @tenants, map { my $d = $_->{database}; map { "${d}_$_" } qw(owner writer reader service) } $tenant, $second;
ok($host->poll_query_until('control', "SELECT count(*) = 8 FROM pg_roles WHERE rolname ~ '^appinfra_[0-9a-f]{12}'"),
	'so are their roles');
is_deeply([ $host->orphans(@tenants) ], [], 'no orphans');

# --- a leftover that cannot be dropped does not keep the pool from filling -----------------------------------------
$host->control(<<'SQL');
CREATE ROLE stuck;
SECURITY LABEL FOR appinfra ON ROLE stuck IS 'db-00000000dead group owner';
CREATE TABLE public.theirs ();
ALTER TABLE public.theirs OWNER TO stuck;
SQL
$host->restart;
$host->provision(app_id => "app-stuck-$_", slug => 'stuck') for 1 .. 3;
reaches { $host->wait_for_pool(2) } 'a leftover that cannot be dropped does not keep the pool from filling';
$host->control('DROP TABLE public.theirs');
$host->restart;
ok( $host->poll_query_until('control', "SELECT count(*) = 0 FROM pg_roles WHERE rolname = 'stuck'"),
	'it goes when it can');

# --- roles of a host that is being restored are no leftovers ---------------------------------------------------------
# pg_dumpall restores all roles with their labels first, then one database after the other.
$host->control(<<'SQL');
CREATE ROLE app_restored_owner;
CREATE ROLE app_restored LOGIN NOINHERIT IN ROLE app_restored_owner;
SECURITY LABEL FOR appinfra ON ROLE app_restored_owner IS 'db-0000000beef0 group owner';
SECURITY LABEL FOR appinfra ON ROLE app_restored IS 'db-0000000beef0 login owner';
CREATE ROLE appinfra_0000000beef1_owner;
SECURITY LABEL FOR appinfra ON ROLE appinfra_0000000beef1_owner IS 'db-0000000beef1 group owner';
SQL
$host->restart;
ok( $host->poll_query_until('control', "SELECT count(*) = 0 FROM pg_roles WHERE rolname ~ 'beef1'"),
	'a group of a shell that is gone is dropped');
is( $host->control("SELECT count(*) FROM pg_roles r JOIN pg_auth_members m ON m.roleid = r.oid WHERE rolname = 'app_restored_owner'"),
	1, 'a group that a login is in is kept');
$host->control('DROP ROLE app_restored; DROP ROLE app_restored_owner');

# --- a database of that name that is somebody else's ------------------------------------------------------------------
$host->control('DROP EXTENSION appinfra CASCADE');
$host->poll_query_until('control', "SELECT count(*) = 0 FROM pg_database WHERE datname ~ '^appinfra_'");
$host->safe_psql('postgres', 'CREATE DATABASE appinfra_template');
$host->safe_psql('appinfra_template', 'CREATE TABLE theirs ()');
$host->control('CREATE EXTENSION appinfra');
my $provision = $host->provision_sql(app_id => 'app-x', slug => 'x', publish => 0);
my $fails = 'SELECT count(*) > 0 FROM appinfra.pool WHERE last_error ~ ';
ok($host->poll_query_until('control', $fails . "'database \"appinfra_template\" already exists'"),
	'a foreign database named appinfra_template: appinfra.pool says what is wrong');
($code, $out, $err) = $host->try_control("SET appinfra.provision_timeout = '1s'; $provision");
like($err, qr/ERROR:  53000: no database is ready after 1000 ms/, 'a caller is refused in time');
like($err, qr/DETAIL:  .*database "appinfra_template" already exists/, 'and told the same');
is($host->safe_psql('appinfra_template', 'SELECT count(*) FROM theirs'), 0, 'nobody touched it');
$host->safe_psql('postgres', 'ALTER DATABASE appinfra_template RENAME TO theirs');
$host->wait_for_pool(2);
is(($host->try_control($provision))[0], 0, 'when it is renamed all is well');
is($host->control('SELECT count(*) FROM appinfra.pool WHERE last_error IS NOT NULL'), 0, 'and the error is gone');

# --- a shell whose database somebody dropped ---------------------------------------------------------------------------
$host->wait_for_pool(2);
$host->safe_psql('postgres', "DROP DATABASE $_")
  for split /\n/, $host->control('SELECT database FROM appinfra.pool');
$tenant = $host->provision(app_id => 'app-dropped', slug => 'dropped', publish => 0);
is(($host->as_app($tenant->{url}, 'SELECT 1'))[1], '1', 'shells whose databases were dropped: a caller is served');
$host->wait_for_pool(2);
is( $host->control('SELECT count(*) FROM appinfra.pool WHERE database NOT IN (SELECT datname FROM pg_database)'),
	0, 'and the databases are made anew');

# --- building fails: no room on the disk, in effect ------------------------------------------------------------------
my $base = $host->data_dir . '/base';
chmod 0500, $base or die $!;
$host->provision(app_id => "app-full-$_", slug => 'full') for 1 .. 2;
ok($host->poll_query_until('control', $fails . "'could not create directory'"),
	'a disk that takes no more: appinfra.pool says so');
($code, $out, $err) = $host->try_control("SET appinfra.provision_timeout = '1s';"
	  . $host->provision_sql(app_id => 'app-wait', slug => 'wait'));
like($err, qr/DETAIL:  .*could not create directory/, 'so does the error of a caller');
chmod 0700, $base or die $!;
$host->wait_for_pool(2);
is($host->control('SELECT count(*) FROM appinfra.pool WHERE last_error IS NOT NULL'), 0, 'it recovers by itself');

# --- an encoding that does not fit, and one that does -------------------------------------------------------------------
$host->append_conf('postgresql.conf', "appinfra.tenant_encoding = 'LATIN1'\nappinfra.tenant_locale = 'en_US.no-such-locale'");
$host->reload;
$host->provision(app_id => "app-locale-$_", slug => 'locale') for 1 .. 2;
ok($host->poll_query_until('control', $fails . "'invalid (LC_COLLATE )?locale name'"), 'a locale that does not exist: appinfra.pool says so');
$host->append_conf('postgresql.conf', "appinfra.tenant_locale = 'C'");
$host->reload;
$host->wait_for_pool(2);
$tenant = $host->provision(app_id => 'app-latin', slug => 'latin', publish => 0);
($code, $out, $err) = $host->as_app($tenant->{url}, 'SHOW server_encoding; SELECT datcollate FROM pg_database WHERE datname = current_database()');
is($out, "LATIN1\nC", 'tenant_encoding and tenant_locale make the tenants of later shells');
$host->stop;

# --- worker slots ------------------------------------------------------------------------------------------------------------
# One for the scheduler, one for the watchdog, none for the builder.
$host->append_conf('postgresql.conf', <<'CONF');
appinfra.provision_timeout = '3s'
max_logical_replication_workers = 0
max_worker_processes = 2
CONF
$host->start;
my $took = 0;
do { ($code, $out, $err) = $host->try_control($host->provision_sql(app_id => 'app-slot-' . ++$took, slug => 'slot')) }
  while ($code == 0 && $took < 10);
like($err, qr/ERROR:  53000: /, 'no slot for the builder: a caller is refused in time');
like($err, qr/DETAIL:  .*background worker slot/, 'and told why');
like(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/no background worker slot is free for the appinfra builder/,
	'so is the server log');

# One for the meter and one for the builder, none for a setup worker.
$host->append_conf('postgresql.conf', 'max_worker_processes = 4');
$host->restart;
ok($host->poll_query_until('control', $fails . "'no background worker slot is free'"), 'no slot for a setup worker: appinfra.pool says so');
$host->append_conf('postgresql.conf', <<'CONF');
appinfra.tenant_encoding = ''
appinfra.tenant_locale = ''
appinfra.pool_size = 0
appinfra.provision_timeout = '30s'
max_worker_processes = 6
CONF
$host->restart;

# Slots that others hold for a while: parallel queries, as a tenant may run them.
$host->wait_until("SELECT count(*) = 0 FROM appinfra.pool WHERE status = 'building'");
my $parallel = $host->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
my $hold = "SET $parallel = on; SET max_parallel_workers = 8; SELECT pg_sleep(3000);";
my @sleepers = map { $host->background_psql('postgres') } 1 .. 3;
$_->query_until(qr/go/, "\\echo go\n$hold\n") for @sleepers;
my $waiting = Appinfra::Clients->start($host, 'control', map { $host->provision_sql(app_id => "app-par-$_", slug => 'par') } 1 .. 6);
$host->wait_until("SELECT count(*) >= 1 FROM pg_stat_activity WHERE backend_type = 'parallel worker'");
$host->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep\\(3000' AND pid <> pg_backend_pid()");
my @results = $waiting->finish;
is(join('', map { $_->{err} } @results), '', 'slots that others held: the callers are served when they are free');
eval { $_->quit } for @sleepers;
$host->stop;

# --- hosts of other encodings and locales ---------------------------------------------------------------------------------------
for my $case (
	[ 'sql_ascii', [ '--no-locale', '--encoding=SQL_ASCII' ], 'SQL_ASCII|C|c' ],
	[ 'icu', [ '--locale=C.UTF-8', '--encoding=UTF8', '--locale-provider=icu', '--icu-locale=de' ], 'UTF8|C.UTF-8|i' ])
{
	my ($name, $options, $expected) = @$case;
	my $other = Appinfra->make($name, pool_size => 1, init => { extra => $options });
	my $made = $other->provision(app_id => 'app-1', slug => 'one', publish => 0);
	($code, $out, $err) = $other->as_app($made->{url},
		'SELECT pg_encoding_to_char(encoding), datcollate, datlocprovider FROM pg_database WHERE datname = current_database()');
	is($out, $expected, "a host of $name: its tenants are of it") or diag $err;
	($code, $out, $err) = $other->as_app($made->{url}, "CREATE TABLE t AS SELECT 'grün' AS t; SELECT * FROM t WHERE t = 'grün'");
	is($out, 'grün', "a host of $name: text comes back") or diag $err;
	$other->stop;
}
done_testing();
