# A failover that loses commits, in the middle of work: a promoted standby publishes everything again by
# itself, paced, the newest first; republish() does it by hand, and a setting forbids it.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Publications qw(wait_for_status wait_until_settled publication);
use Appinfra::Timelines qw(snapshot contradictions wait_until_healed unusable open_predecessors);
use Appinfra::Wait qw(wait_for);
use File::Temp;
use IPC::Run;
use Time::HiRes qw(time);
use Test::More;

my $apps = 50;
my $rate = 25;
my $primary = Appinfra->make('primary', pool_size => 6, init => { allows_streaming => 1 },
	conf => "appinfra.republish_rate = $rate");
my $peer = Appinfra::Peer->start;
$primary->backup('base');
my $standby = $primary->start_standby('standby', "wal_retrieve_retry_interval = '100ms'");
my $port = $standby->port;
my $url = sprintf('postgres://appinfra_sidecar@%s:%d,%s:%d/control',
	$standby->host_encoded, $port, $primary->host_encoded, $primary->port);
my $sidecar = $primary->start_sidecar(env => $peer->sidecar_env(APPINFRA_DATABASE_URL => $url));

$primary->provision(app_id => "app-$_", slug => "slug$_") for 1 .. $apps;
my %db_id = map { split /\|/ } split /\n/, $primary->control('SELECT app_id, db_id FROM appinfra.databases');
$primary->control("SELECT appinfra.create_service_user('$db_id{\"app-$_\"}', 'svc', 'host')") for 1 .. 5;
$primary->control("SELECT appinfra.deprovision_tenant('$db_id{\"app-$_\"}')") for 6, 7;
wait_until_settled($primary);
$primary->wait_for_pool(6);
my $in_pool = $primary->control('SELECT string_agg(db_id, $$,$$) FROM appinfra.pool');
my $shell = (split /,/, $in_pool)[0];
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->stop;

# --- what the standby does not have ----------------------------------------------------------------------
my $leaked = $peer->store->{'app-10'}{DATABASE_URL}{value};
$primary->control("SELECT appinfra.rotate_credential('$db_id{\"app-$_\"}')") for 10 .. 25;
$primary->control("SELECT appinfra.deprovision_tenant('$db_id{\"app-$_\"}')") for 26 .. 28;
$primary->provision(app_id => "app-$_", slug => "slug$_") for 6, map { "lost-$_" } 1 .. 4;
wait_until_settled($primary);
$primary->control("SELECT appinfra.revoke_credential('" . parse_dsn($leaked)->{user} . "', 'leaked')");
$primary->control("SELECT appinfra.rotate_credential('$db_id{\"app-$_\"}')") for 20 .. 25;
my @snapshots = (snapshot($primary));
# in the middle of work
my $work = File::Temp->new;
print $work map { "SELECT count(*) FROM appinfra.rotate_credential('$db_id{\"app-$_\"}');\n" } (29 .. $apps) x 100;
close $work;
my $requests = $peer->requests;
my $run = IPC::Run::start([ 'psql', '-XqAt', '-f', $work->filename, $primary->connstr('control') ], '>', \my $out, '2>', \my $err);
wait_for('some of it to be delivered', sub { $peer->requests > $requests + 20 });
$primary->stop('immediate');
$run->finish;
isnt($err, '', 'the work was not done when the primary died');
# the producer has forgotten an app meanwhile
$peer->rules({ app => 'app-7', status => 404, body => { title => 'unknown_app' } });

# --- the standby takes over ---------------------------------------------------------------------------------
# while callers are at it already: nothing they make may have been made before
$standby->start;
$standby->promote;
my $promoted = time;
$standby->provision(app_id => "app-early-$_", slug => "early$_") for 1 .. 3;
$standby->control("SELECT appinfra.rotate_credential('$db_id{\"app-30\"}')");
wait_until_healed($standby);
wait_until_settled($standby);
cmp_ok(time - $promoted, '<', 60, 'everything is published again within a minute');
my @lost = map { "app-lost-$_" } 1 .. 4;
is_deeply([ unusable($standby, $peer, @lost) ], [], 'every variable holds what logs in, and others hold nothing');
push @snapshots, snapshot($standby);
is_deeply([ contradictions($peer, @snapshots) ], [], 'versions and ids never fell, and name one thing each');
is(scalar(grep { exists $snapshots[1]{$_} } split /,/, $in_pool), 0, 'shells of the lost timeline became nobody');
is($standby->control('SELECT held_since IS NULL AND timeline = 2 FROM appinfra.recovery'), 't', 'another data directory does not hold a promoted standby');
is(($standby->as_app($leaked, 'SELECT 1', PGPORT => $port))[0], 2, 'a login whose revocation was lost is closed');
is(open_predecessors($standby), 0, 'so are all predecessors');
is($standby->control("SELECT count(*) FROM appinfra.publications WHERE status = 'failed'"), 0, 'no version was refused');

# paced: of what was published again, never more in a second than the setting says
my $rates = "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
  . " WHERE p.publication_id > (SELECT floor FROM appinfra.host) AND b.app_id !~ 'early' GROUP BY p.created_at) g";
is($standby->control($rates), $rate, "they became due by $rate, in one transaction a second");
my $order = "SELECT app_id FROM appinfra.publications WHERE publication_id > (SELECT floor FROM appinfra.host) AND app_id !~ 'early'"
  . " AND kind = 'set' AND target !~ 'svc' ORDER BY publication_id";
my @order = grep { $_ ne 'app-30' } split /\n/, $standby->control($order);
is(join(' ', @order[ 0 .. 2 ]), "app-$apps app-" . ($apps - 1) . ' app-' . ($apps - 2), 'the newest first');

# --- by hand -------------------------------------------------------------------------------------------------
my $old = $peer->store->{'app-1'}{DATABASE_URL}{value};
$peer->rules({ app => 'app-1', status => 422, body => { title => 'no' }, times => 1 });
is($standby->control("SELECT appinfra.republish('$db_id{\"app-1\"}')"), 2, 'republish() takes the app and its service');
$standby->wait_until("SELECT count(*) = 1 AND bool_and(status = 'failed') FROM appinfra.unhealed");
is($standby->control("SELECT severity || ' ' || (remedy ~ 'retry_publication') FROM appinfra.exposures() WHERE rule = 'not_healed'"),
	'medium true', 'what fails is in a view, and exposed');
$standby->control("SELECT appinfra.retry_publication(publication_id) FROM appinfra.unhealed");
wait_until_healed($standby);
is_deeply([ unusable($standby, $peer, @lost) ], [], 'a retry heals it');
is(($standby->as_app($old, 'SELECT 1', PGPORT => $port))[0], 2, 'and closes the former login');
like(($standby->try_control("SELECT appinfra.republish('db-000000000000')"))[2], qr/ERROR:  42704/, 'an unknown one is refused');
like(($standby->try_control("SELECT appinfra.republish('$db_id{\"app-7\"}')"))[2], qr/ERROR:  55000/, 'one that is gone, too');

# --- a start that may have lost something; and a setting against it -----------------------------------------------
my $floor = $standby->control('SELECT floor FROM appinfra.recovery');
my $settled = "SELECT floor > $floor FROM appinfra.recovery";
$standby->restart;
$standby->wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'");
is($standby->control("SELECT floor FROM appinfra.recovery"), $floor, 'a restart raises nothing');
$standby->append_conf('postgresql.conf', "appinfra.republish = always");
$standby->restart;
$standby->wait_until($settled, 'the floor to be raised');
wait_until_healed($standby);
is_deeply([ unusable($standby, $peer, @lost) ], [], 'but where each start counts it publishes again');
is_deeply([ contradictions($peer, @snapshots) ], [], 'versions still never fall');
# what the producer did not let us unset, and an app that has the variable again
$standby->control("SELECT appinfra.deprovision_tenant('$db_id{\"app-40\"}')");
wait_until_settled($standby);
$peer->rules({ app => 'app-40', status => 422, body => { title => 'no' } });
$floor = $standby->control('SELECT floor FROM appinfra.recovery');
$standby->restart;
$standby->wait_until($settled =~ s/> \d+/> $floor/r, 'the floor to be raised');
$standby->wait_until("SELECT bool_or(status = 'failed' AND target = 'app-40') FROM appinfra.unhealed");
$peer->rules;
my $refused = $standby->control("SELECT publication_id FROM appinfra.unhealed WHERE target = 'app-40'");
$standby->provision(app_id => 'app-40', slug => 'slug40');
wait_until_healed($standby);
is($standby->control("SELECT status FROM appinfra.publications WHERE publication_id = $refused"), 'superseded', 'a variable that was provided again has nothing left to unset');
is_deeply([ unusable($standby, $peer, @lost) ], [], 'and is healed');
$sidecar->stop;

# the clock was set back by far: the floor rises all the same
$standby->control('UPDATE appinfra.host SET floor = floor + 100000000000');
$floor = $standby->control('SELECT floor FROM appinfra.recovery');
$standby->append_conf('postgresql.conf', "appinfra.republish = never");
$standby->control('UPDATE appinfra.host SET timeline = timeline - 1');
$standby->restart;
$standby->wait_until("SELECT floor >= $floor + 1000000 FROM appinfra.recovery");
is($standby->control('SELECT unhealed FROM appinfra.recovery'), 0, 'with republish = never nothing is published again');
is($standby->control("SELECT appinfra.republish('$db_id{\"app-2\"}')"), 2, 'but by hand');
cmp_ok(publication($standby, 'app-2')->{version}, '>', $floor, 'above the floor');
$standby->wait_for_pool(6);
is_deeply([ $standby->orphans ], [], 'no orphans');
done_testing();
