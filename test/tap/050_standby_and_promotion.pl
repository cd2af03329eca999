# A standby has no worker and refuses to provision; promoted, it takes over by itself. A directory
# that an interrupted CREATE DATABASE left on the primary goes on the standby, too.
use strict;
use warnings;
use Appinfra;
use Appinfra::Kill qw(find_process catch_process kill_and_recover directories);
use Appinfra::Wait qw(reaches);
use Time::HiRes qw(sleep time);
use Test::More;

my $primary = Appinfra->make('primary', pool_size => 2, init => { allows_streaming => 1 });
$primary->wait_for_pool(2);
my $early = $primary->provision(app_id => 'app-early', slug => 'early', publish => 0);

$primary->backup('base');
my $standby = $primary->start_standby('standby', "appinfra.republish = never\nwal_retrieve_retry_interval = '100ms'");
my $port = $standby->port;

# --- a standby -----------------------------------------------------------------------------------------
$primary->wait_for_pool(2);
my $late = $primary->provision(app_id => 'app-late', slug => 'late', publish => 0);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

sub on_port
{
	my ($dsn, $sql) = @_;
	return $standby->as_app($dsn, $sql, PGPORT => $port);
}
my ($code, $out, $err) = on_port($late->{url}, 'SELECT current_database(), pg_is_in_recovery()');
is($out, 'app_late|t', 'a DSN logs in to the standby') or diag $err;
($code, $out, $err) = $standby->as_app($late->{url}, 'SELECT 1', PGPORT => $port, PGDATABASE => 'control');
like($err, qr/permission denied for database "control"/, 'and only to its own database');
is($standby->control('SELECT count(*) FROM appinfra.databases'), 2, 'the views work there');
is($standby->control('SELECT ok, sealed + unsealed > 0 FROM appinfra.verify_audit()'), 't|t', 'the audit can be verified there');

is($standby->control("SELECT bool_and(rule <> 'not_looked_at'), count(*) > 0 FROM appinfra.exposures()"), 't|t',
	'exposures() looks into every database there');
($code, $out, $err) = $standby->try_control("SELECT appinfra.harden_tenant('$early->{db_id}')");
like($err, qr/ERROR:  25006: /, 'harden_tenant is refused on a standby');

($code, $out, $err) =
  $standby->try_control($standby->provision_sql(app_id => 'app-standby', slug => 'standby'));
is($code, 3, 'provision_tenant is refused on a standby');
like($err, qr/ERROR:  25006: a standby cannot provision databases/, 'with a clear error');
like($err, qr/HINT:  .*primary/, 'and a hint');
($code, $out, $err) = $standby->try_control("SELECT * FROM appinfra.claim_publications('w')");
is($code, 3, 'claim_publications is refused on a standby');
like($err, qr/ERROR:  25006: /, 'with a fitting SQLSTATE');
is(find_process($standby, qr/appinfra/), undef, 'no worker runs on a standby');
unlike(PostgreSQL::Test::Utils::slurp_file($standby->logfile), qr/appinfra (scheduler|builder)/,
	'none ever did');

# --- a directory without a database ------------------------------------------------------------------------
# The builder is killed when the standby has the new directory, too.
my $orphan;
for my $n (1 .. 15)
{
	my %before = map { $_ => 1 } directories($standby);
	$primary->provision(app_id => "app-kill-$n", slug => 'kill');
	my $builder = catch_process($primary, qr/appinfra builder/);
	my $deadline = time + 20;
	my $new;
	until ($new) { ($new) = grep { !$before{$_} } directories($standby); last if time > $deadline; }
	kill_and_recover($primary, $builder);
	my $pool = "SELECT count(*) >= 2 AND bool_and(status = 'ready') FROM appinfra.pool";
	$primary->wait_until($pool);
	my $log = PostgreSQL::Test::Utils::slurp_file($primary->logfile);
	next unless $new && $log =~ m{removed directory "base/$new" of a database};
	$orphan = $new;
	last;
}
ok($orphan, 'a directory that the standby had was left without a database, and removed');
is_deeply([ $primary->orphans ], [], 'no orphans on the primary');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is_deeply([ $standby->orphans ], [], 'nor on the standby');
is(scalar(grep { $_ eq ($orphan // '') } directories($standby)), 0, 'that one is gone there');

# --- promotion --------------------------------------------------------------------------------------------
# An empty pool, a publication that was claimed, and one that was not.
$primary->append_conf('postgresql.conf', 'appinfra.pool_size = 0');
$primary->reload;
$primary->provision(app_id => "app-drain-$_", slug => 'drain')
  for 1 .. $primary->control('SELECT count(*) FROM appinfra.pool');
$primary->control("SELECT count(*) FROM appinfra.claim_publications('w', 1)");
$primary->provision(app_id => 'app-owed', slug => 'owed');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->stop('immediate');
$standby->promote;
my $tenant = $standby->provision(app_id => 'app-new', slug => 'new', publish => 0);
reaches { $standby->wait_for_pool(2) } 'the new primary provisions and fills its pool';
ok(find_process($standby, qr/appinfra scheduler/), 'its worker started by itself');
like($tenant->{url}, qr/:$port\//, 'its DSNs carry its own address');
for my $dsn ($tenant->{url}, $early->{url}, $late->{url})
{
	($code, $out, $err) = on_port($dsn, 'CREATE TABLE t (); SELECT count(*) FROM t');
	is($out, '0', 'a DSN logs in there and writes') or diag $err;
}
my $pending = $standby->control("SELECT count(*) FROM appinfra.publications WHERE status = 'pending'");
cmp_ok($pending, '>', 0, 'something was owed');
is( $standby->control("SELECT count(*), bool_and(c.version > h.floor) FROM appinfra.claim_publications('w', 100) c, appinfra.recovery h"),
	"$pending|t",
	'its publications can be claimed, above all versions of the old primary');
is($standby->control("SELECT count(*) FROM appinfra.audit WHERE action = 'new_timeline'"), 1, 'its audit says so');
reaches { $standby->wait_until('SELECT ok AND unsealed = 0 FROM appinfra.verify_audit()') } '... and goes on where the primary stopped';
is_deeply([ $standby->orphans ], [], 'no orphans there');
done_testing();
