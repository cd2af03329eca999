# A restore to a point in time, twice to the same one: the restored host may be a copy and hands out
# nothing until it is accepted; then it publishes everything again, above all versions there were.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Publications qw(wait_for_status wait_until_settled);
use Appinfra::Timelines qw(snapshot contradictions wait_until_healed unusable open_predecessors);
use JSON::PP;
use Test::More;

my $primary = Appinfra->make('primary', pool_size => 3, init => { allows_streaming => 1, has_archiving => 1 });
my $peer = Appinfra::Peer->start;
my %sidecar = (env => $peer->sidecar_env);
my $sidecar = $primary->start_sidecar(%sidecar);
sub db_id
{
	my ($host, $app) = @_;
	return $host->control("SELECT db_id FROM appinfra.databases WHERE app_id = '$app' ORDER BY created_at DESC LIMIT 1");
}
# Everything that is owed is delivered.
sub deliver { wait_until_settled($_[0]); return; }

$primary->provision(app_id => "app-$_", slug => $_) for qw(kept rotated gone leaked left);
$primary->provision(app_id => 'app-strict', slug => 'strict',
	env => { DATABASE_URL => 'writer', DATABASE_SERVICE_URL => 'service' });
$primary->control("SELECT appinfra.create_service_user('" . db_id($primary, 'app-kept') . "', 'svc', 'host')");
my $direct = $primary->provision(app_id => 'app-direct', slug => 'direct', publish => 0);
deliver($primary);
$primary->control("SELECT appinfra.deprovision_tenant('" . db_id($primary, 'app-left') . "')");
deliver($primary);
$primary->wait_for_pool(3);
$primary->backup('base');
my $point = $primary->control('SELECT now()');
$primary->control("SELECT pg_create_restore_point('here')");
my $former = $peer->store->{'app-leaked'}{DATABASE_URL}{value};

# --- what the restored host has not seen -------------------------------------------------------------
$primary->control("SELECT appinfra.rotate_credential('" . db_id($primary, "app-$_") . "')") for qw(rotated strict leaked);
deliver($primary);
$primary->control("SELECT appinfra.revoke_credential('" . parse_dsn($former)->{user} . "', 'leaked')");
$primary->control("SELECT appinfra.deprovision_tenant('" . db_id($primary, 'app-gone') . "')");
$primary->provision(app_id => "app-$_", slug => $_) for qw(late left lost);
deliver($primary);
for (1 .. 3)
{
	$primary->control("SELECT appinfra.rotate_credential('" . db_id($primary, 'app-late') . "')");
	deliver($primary);
}
my @snapshots = (snapshot($primary));
my $ready_then = $primary->control('SELECT count(*) FROM appinfra.databases WHERE status = $$ready$$');
$primary->control('SELECT pg_switch_wal()');
$sidecar->stop;
$primary->stop('fast');

# --- twice to the same point -----------------------------------------------------------------------------
my $floor = 0;
for my $name (qw(first second))
{
	my $host = Appinfra->new($name);
	$host->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
	my $port = $host->port;
	$host->append_conf('postgresql.conf', "appinfra.public_port = $port\nrecovery_target_name = 'here'\n"
		  . "recovery_target_action = 'promote'\n");
	$host->start;
	$host->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	$host->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');
	like($host->control('SELECT held_because FROM appinfra.recovery'), qr/recovered to a target \(at restore point "here"\)/,
		"$name: it may be a copy");
	is(join(' ', $host->control("SELECT severity || ' ' || remedy FROM appinfra.exposures() WHERE rule = 'restore_not_accepted'")),
		"critical -- where it takes the place of the original: SELECT appinfra.accept_restore('the time to which it was restored')",
		'exposures() says so, and what to do');
	like(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/hands out no publication.*HINT:.*accept_restore/s, 'and the log');

	# with the configuration of the original
	my $requests = $peer->requests;
	$sidecar = $host->start_sidecar(%sidecar, name => $name);
	$sidecar->wait_for_log(qr/database connected/);
	$host->provision(app_id => "app-new-$name", slug => 'new');
	$host->control("SELECT appinfra.rotate_credential('" . db_id($host, 'app-kept') . "')");
	is($host->control("SELECT count(*) FROM appinfra.claim_publications('w', 100)"), 0, 'it hands out nothing');
	my ($code, $out, $err) = $host->try_control('SELECT appinfra.accept_restore(NULL)');
	like($err, qr/ERROR:  22004/, 'nor when no time is given');
	($code, $out, $err) = $host->try_control("SELECT appinfra.accept_restore(now() + interval '1 hour')");
	like($err, qr/ERROR:  22023/, 'or one that is to come');
	$host->restart;
	$host->wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'");
	is($host->control("SELECT count(*) FROM appinfra.claim_publications('w', 100)"), 0, 'nor after a restart');
	is($peer->requests, $requests, 'nothing has reached the producer');

	my $stale = $host->control("SELECT appinfra.accept_restore('$point')");
	is($stale, 9, 'accepted: what has been published, a service, and one that nobody holds are owed');
	is($host->control("SELECT restored_to = '$point' AND held_since IS NULL FROM appinfra.recovery"), 't', 'the point is kept');
	wait_until_healed($host);
	deliver($host);
	is_deeply([ unusable($host, $peer, 'app-late', 'app-lost', 'app-new-first') ], [], 'every variable holds what logs in, and others hold nothing');
	isnt($peer->store->{'app-kept/svc/svc/host'}{PGPASSWORD}{value}, undef, 'a service, too');
	ok(!defined $peer->store->{'app-left'}{DATABASE_URL}{value}, 'what nobody holds is unset');
	is(($host->as_app($former, 'SELECT 1', PGPORT => $port))[0], 2, 'what was revoked after the point does not log in');
	is(open_predecessors($host), 0, 'no predecessor does');
	is(($host->as_app($direct->{url}, 'SELECT 1', PGPORT => $port))[1], '1', 'what was only handed over still does');
	cmp_ok($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'close_login'"), '>', 0, 'the audit has them');
	is(join(' ', $host->control("SELECT action FROM appinfra.audit WHERE action IN ('hold_publications', 'accept_restore') ORDER BY id")),
		"hold_publications\naccept_restore", 'and who accepted');

	# the lost app is provisioned again, as an operator does
	$host->provision(app_id => 'app-late', slug => 'late');
	is(wait_for_status($host, 'app-late', 'published')->{status}, 'published', 'a variable that was first bound after the point');
	# another is provided and given up again, before anything of it was delivered here
	$host->control('BEGIN; ' . $host->provision_sql(app_id => 'app-lost', slug => 'lost')
		  . "; SELECT appinfra.deprovision_tenant(db_id) FROM appinfra.databases WHERE app_id = 'app-lost' AND status = 'ready'; COMMIT");
	deliver($host);
	ok(!defined $peer->store->{'app-lost'}{DATABASE_URL}{value}, 'what the lost timeline has delivered into it is unset');
	cmp_ok($host->control('SELECT floor FROM appinfra.recovery'), '>', $floor, 'the floor is above that of the other branch');
	$floor = $host->control('SELECT floor FROM appinfra.recovery');
	is($host->control("SELECT count(*) FROM appinfra.publications WHERE status = 'failed'"), 0, 'no version was refused');
	$host->control("SELECT appinfra.rotate_credential('" . db_id($host, 'app-rotated') . "')");
	deliver($host);
	$host->wait_for_pool(3);
	push @snapshots, snapshot($host);
	is_deeply([ contradictions($peer, @snapshots) ], [], 'versions and ids never fell, and name one thing each');
	is(($host->try_control("SELECT appinfra.accept_restore('$point')"))[1], 0, 'accepting again does nothing');
	is_deeply([ $host->orphans ], [], 'no orphans: shells of the lost timeline are gone');
	is($sidecar->stop, 0, 'the sidecar ends');
	$host->control('SELECT pg_switch_wal()');
	$host->stop('fast');
}
done_testing();
