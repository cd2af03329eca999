# Deprovisioned is not lost: within retain a tenant comes back with its data, its variables and new
# credentials; afterwards it is gone for good. And whenever the host is killed, one of the two holds.
use strict;
use warnings;
use Appinfra;
use Appinfra::Crowd;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Kill qw(catch_process find_process kill_and_recover wait_for_server directories);
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Wait qw(wait_for);
use Appinfra::Wire;
use JSON::PP;
use Time::HiRes qw(sleep time);
use Test::More;

my $host = Appinfra->make('retention', pool_size => 3, conf => "appinfra.retention = '1d'\n");
my $sidecar = $host->start_sidecar;

my $checksum = "SELECT count(*) || ' ' || md5(string_agg(id || body, '' ORDER BY id)) FROM data";

sub fill
{
	my ($dsn) = @_;
	my ($code, $out, $err) = $host->as_app($dsn, <<"SQL");
CREATE TABLE data (id serial PRIMARY KEY, body text);
INSERT INTO data (body) SELECT md5(n::text) FROM generate_series(1, 1000) n;
CREATE VIEW view AS SELECT body FROM data;
SELECT lo_from_bytea(4711, 'large');
$checksum;
SQL
	is($code, 0, 'there is data') or diag $err;
	return (split /\n/, $out)[-1];
}

sub status { return $host->control("SELECT status FROM appinfra.databases WHERE db_id = '$_[0]{db_id}'"); }

sub wait_for_status
{
	my ($tenant, $status) = @_;
	$host->wait_until("SELECT status = '$status' FROM appinfra.databases WHERE db_id = '$tenant->{db_id}'", "$tenant->{db_id} to be $status");
	return;
}

sub deprovision
{
	my ($tenant, $retain) = @_;
	my $more = defined $retain ? ", '$retain'" : '';
	$host->control("SELECT appinfra.deprovision_tenant('$tenant->{db_id}'$more)");
	return;
}

sub restore
{
	my ($tenant, %args) = @_;
	my $publish = $args{publish} // 'false';
	my ($code, $out, $err) = $host->try_control("SELECT row_to_json(c) FROM appinfra.restore_tenant('$tenant->{db_id}', $publish) c");
	return ($code == 0 ? decode_json($out) : undef, $err);
}

sub has_data
{
	my ($dsn, $sum, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($dsn, "$checksum; SELECT convert_from(lo_get(4711), 'UTF8')");
	return is($out, "$sum\nlarge", $name) || diag $err;
}

# Roles and databases that are there for a tenant, by its label.
sub traces
{
	my ($tenant) = @_;
	return $host->control("SELECT count(*) FROM pg_shseclabel WHERE provider = 'appinfra' AND label LIKE '$tenant->{db_id} %'");
}

sub wait_no_env
{
	my ($app) = @_;
	return eval { wait_for("DATABASE_URL of $app to go", sub { !exists $host->app_env($app)->{DATABASE_URL} }); 1 };
}

# --- twice, in the middle of connections -----------------------------------------------------------------------
my $shop = $host->provision(app_id => 'app-shop', slug => 'shop');
my $dsn = $host->wait_for_env('app-shop', 'DATABASE_URL');
my $sum = fill($dsn);
$host->control("SELECT appinfra.create_service_user('$shop->{db_id}', 'report', 'h1')");
for my $round (1, 2)
{
	my $crowd = Appinfra::Crowd->start(8, sub { $dsn }, dir => $host->basedir, sql => sub { 'BEGIN; SELECT count(*) FROM data; COMMIT' });
	$crowd->wait_for_logins;
	my $session = Appinfra::Wire->login($dsn);
	$session->query("BEGIN; INSERT INTO data (body) VALUES ('lost')");
	deprovision($shop);
	my $committed = time;
	like(status($shop), qr/^(retiring|retained)$/, "round $round: it is on its way");
	wait_for_status($shop, 'retained');
	my $retained = time;
	like($session->wait_end, qr/^57P01 /, 'sessions were ended');
	$crowd->wait_for_attempts(time);
	$crowd->stop;
	is(scalar(grep { $_->{ok} && $_->{began} > $committed } $crowd->seen), 0, 'nobody logged in after the commit');
	ok(wait_no_env('app-shop'), 'the variable is taken out of the environment');
	is($host->control("SELECT count(*) FROM pg_database WHERE datname = 'app_shop'") . $host->control("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'app\\_shop%'"),
		'00', 'database and roles are out of the way');
	my $away = $host->control("SELECT database FROM appinfra.databases WHERE db_id = '$shop->{db_id}'");
	my ($code, $out, $err) = $host->as_app($dsn, 'SELECT 1', PGDATABASE => $away);
	is($code, 2, 'the old login does not enter it under its other name');
	is($host->control("SELECT datallowconn FROM pg_database WHERE datname = '$away'"), 'f', 'it is closed');
	is($host->control("SELECT retained_until > now() + interval '23 hours' FROM appinfra.databases WHERE db_id = '$shop->{db_id}'"), 't',
		'kept for as long as appinfra.retention says');
	deprovision($shop, '2d');
	is($host->control("SELECT status, retained_until > now() + interval '47 hours' FROM appinfra.databases WHERE db_id = '$shop->{db_id}'"), 'retained|t',
		'deprovisioning it once more moves the end, and it stays');

	my ($back) = restore($shop, publish => 'true');
	is("$back->{db_id} $back->{database}", "$shop->{db_id} app_shop", 'it comes back under its name');
	is($back->{password}, undef, 'by publication');
	my $new = $host->wait_for_env('app-shop', 'DATABASE_URL', $dsn);
	has_data($new, $sum, 'the new DSN logs in and finds the data');
	($code, $out, $err) = $host->as_app($dsn, 'SELECT 1');
	is($code, 2, 'the old one does not');
	($code, $out, $err) = $host->as_app($new, "INSERT INTO data (body) VALUES ('more'); DELETE FROM data WHERE body = 'more'; CREATE TABLE t (); DROP TABLE t");
	is($code, 0, 'it can be worked with') or diag $err;
	is($host->control("SELECT count(*) FROM appinfra.bindings WHERE db_id = '$shop->{db_id}' AND NOT ended"), 2, 'the service user came back, too');
	$dsn = $new;
	wait_until_settled($host);
}
my ($none, $error) = restore($shop);
like($error, qr/ERROR:  55000: .*needs no restoring/, 'one that is ready is not restored');

# --- after the name was given away --------------------------------------------------------------------------------
deprovision($shop);
wait_for_status($shop, 'retained');
my $heir = $host->provision(app_id => 'app-heir', slug => 'shop', publish => 0);
is($heir->{database}, 'app_shop', 'a new tenant gets the free name');
($none, $error) = restore($shop);
isnt($none->{database}, 'app_shop', 'the old one is restored');
like($error, qr/NOTICE:  00000: database "app_shop" is restored as "$none->{database}"/, 'under another name, and says so');
has_data($none->{url}, $sum, 'with its data');
my ($code, $out, $err) = $host->as_app($heir->{url}, "SELECT to_regclass('data') IS NULL");
is($out, 't', 'the new tenant has none of it') or diag $err;
like($host->control("SELECT notes FROM appinfra.databases WHERE db_id = '$shop->{db_id}'"), qr/app_shop/, 'the notes keep the former name');
deprovision($shop);
wait_for_status($shop, 'retained');
my $thief = $host->provision(app_id => 'app-shop', slug => 'other-shop', publish => 0);
($none, $error) = restore($shop);
like($error, qr/ERROR:  23505: /, 'a variable that another database holds meanwhile is not taken from it');
is(status($shop), 'retained', 'and it stays');

# --- after retain ---------------------------------------------------------------------------------------------------
my $brief = $host->provision(app_id => 'app-brief', slug => 'brief', publish => 0);
my $oid = $host->control("SELECT oid FROM pg_database WHERE datname = 'app_brief'");
deprovision($brief, '2 s');
wait_for_status($brief, 'retained');
ok(scalar(grep { $_ eq $oid } directories($host)), 'while retain lasts its directory is there');
wait_for_status($brief, 'dropped');
is($host->control("SELECT clock_timestamp() >= retained_until FROM appinfra.databases WHERE db_id = '$brief->{db_id}'"), 't', 'it is dropped, not before');
is(traces($brief), 0, 'no database, no role is left');
is(scalar(grep { $_ eq $oid } directories($host)), 0, 'no directory');
($none, $error) = restore($brief);
like($error, qr/ERROR:  55000: database "$brief->{db_id}" is dropped/, 'and nothing is to be restored');
my $now = $host->provision(app_id => 'app-now', slug => 'now', publish => 0);
deprovision($now, '0');
wait_for_status($now, 'dropped');
is(traces($now), 0, 'retain 0: at once');

# --- somebody in the way ---------------------------------------------------------------------------------------------
my $parked = $host->provision(app_id => 'app-parked', slug => 'parked', publish => 0);
$sum = fill($parked->{url});
my $dba = $host->background_psql('app_parked');
$dba->query_safe('SELECT 1');
deprovision($parked);
$host->wait_until("SELECT last_error IS NOT NULL FROM appinfra.databases WHERE db_id = '$parked->{db_id}'");
like($host->control("SELECT last_error FROM appinfra.databases WHERE db_id = '$parked->{db_id}'"), qr/"app_parked" is being accessed by other users/,
	'a superuser in the database: the view says what is in the way');
is(status($parked), 'retiring', 'its name is not free yet');
my $second = $host->provision(app_id => 'app-parked-2', slug => 'parked', publish => 0);
like($second->{database}, qr/^app_parked_[0-9a-f]{6}$/, 'so a new tenant takes a suffix');
($code, $out, $err) = $host->as_app($parked->{url}, 'SELECT 1');
is($code, 2, 'but its login is revoked');
is($dba->query_safe('SELECT 1'), 1, 'the superuser is not thrown out');
$dba->quit;
wait_for_status($parked, 'retained');
is($host->control("SELECT last_error IS NULL FROM appinfra.databases WHERE db_id = '$parked->{db_id}'"), 't', 'when they left it goes on, and no error is left');
($none) = restore($parked);
has_data($none->{url}, $sum, 'and it comes back');

# --- killed at every step -------------------------------------------------------------------------------------------------
# Each of these steps is one commit of the janitor; the host dies before, within or after it.
sub crash_immediately
{
	$host->stop('immediate');
	$host->start;
	wait_for_server($host);
	return;
}

my $n = 0;
sub tenant
{
	my $tenant = $host->provision(app_id => 'app-kill-' . ++$n, slug => "kill$n", publish => 0);
	return ($tenant, fill($tenant->{url}));
}

my ($victim, $kept) = tenant();
deprovision($victim);
$host->crash;
wait_for_status($victim, 'retained');
my $again = (restore($victim))[0];
has_data($again->{url}, $kept, 'killed after the commit of deprovision_tenant: retained, restored');

deprovision($again);
wait_for_status($again, 'retained');
crash_immediately();
is(status($again), 'retained', 'killed after the renaming: it is retained');
$again = (restore($again))[0];
has_data($again->{url}, $kept, 'and restored');

for my $moment (0, 0.005, 0.02)
{
	deprovision($again);
	my $janitor = catch_process($host, qr/appinfra janitor/, 5);
	sleep $moment;
	kill_and_recover($host, $janitor) if defined $janitor;
	wait_for_status($again, 'retained');
	$again = (restore($again))[0];
	has_data($again->{url}, $kept, "janitor killed $moment s after the commit: restored");
}

# in the middle of a restoration: it is there as a whole or not at all
my $session = $host->background_psql('control');
deprovision($again);
wait_for_status($again, 'retained');
$session->query_safe("BEGIN; SELECT count(*) FROM appinfra.restore_tenant('$again->{db_id}', false)");
$host->crash;
eval { $session->quit };
is(status($again), 'retained', 'killed in restore_tenant: nothing of it happened');
$again = (restore($again))[0];
has_data($again->{url}, $kept, 'and it can be done again');

# between DROP DATABASE and the roles, and around it
for my $round (1 .. 4)
{
	my ($gone) = tenant();
	my $directory = $host->control("SELECT oid FROM pg_database WHERE datname = '$gone->{database}'");
	deprovision($gone, '0');
	if ($round < 4)
	{
		my $deadline = time + 20;
		# as soon as its directory is gone, the roles are still there; or a little earlier or later
		while (time < $deadline) { last unless grep { $_ eq $directory } directories($host); }
		sleep 0.004 * ($round - 1);
	}
	else
	{
		catch_process($host, qr/appinfra (setup|janitor)/, 5);
	}
	$round % 2 ? $host->crash : crash_immediately();
	wait_for_status($gone, 'dropped');
	is(traces($gone), 0, "killed while it was dropped ($round): database and roles are gone in the end");
	is(scalar(grep { $_ eq $directory } directories($host)), 0, 'and the directory');
}
has_data($again->{url}, $kept, 'another tenant lost nothing');

$host->wait_until("SELECT count(*) = 0 FROM appinfra.credentials WHERE state = 'revoked'", 'all revoked logins to be dropped');
$host->wait_for_pool(3);
is_deeply([ $host->orphans('appinfra_sidecar') ], [], 'no orphans');
is($host->control("SELECT string_agg(db_id || ': ' || last_error, ',') FROM appinfra.databases WHERE last_error IS NOT NULL"), '', 'no error is left');
unlike(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/PANIC|TRAP/, 'no PANIC');
done_testing();
