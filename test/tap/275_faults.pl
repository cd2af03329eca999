# A minute of faults under a workload, and then every invariant. What is called and done, and in which order, is
# drawn from a seed; the moments are the machine's. `make soak SEED=7 SECONDS=600` runs it for longer.
# The seed decides what there is: one server, or a standby, asynchronous or synchronous, that takes over.
# All of it is in namespaces of its own, where the system lets it have some.
use strict;
use warnings;
use Appinfra::Namespace;
use Appinfra;
use Appinfra::Agents;
use Appinfra::FakeStore;
use Appinfra::Fates;
use Appinfra::Gateway;
use Appinfra::Invariants;
use Appinfra::Peer;
use Appinfra::Wait qw(wait_for);
use Appinfra::Workload;
use Carp;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{APPINFRA_SOAK_SEED} || 1;
my $seconds = $ENV{APPINFRA_SOAK_SECONDS} || 60;
my $mode = $ENV{APPINFRA_SOAK_MODE} || (qw(single asynchronous synchronous))[ $seed % 3 ];
my $own = Appinfra::Namespace::has_own;
# Is seen on the terminal where the seed was given.
sub say_it { return $ENV{APPINFRA_SOAK_SEED} ? diag(@_) : note(@_); }
say_it("seed $seed, $seconds s, $mode");
diag('SKIPPED: full disks and cut networks: this system gives no namespaces to ' . getpwuid $>) if !$own;

# A run that stands still says where.
local $SIG{ALRM} = sub { Carp::confess('the run does not end') };
alarm($seconds + 400);

# --- what there is -------------------------------------------------------------------------------------------
# Sidecars and gateway are behind two wires: one to the host, and one to the producer, the store and the callers.
my $far = $own ? Appinfra::Namespace->far_side(2) : undef;
my ($here, $there) = $own ? ($far->here(0), $far->there(1)) : ('127.0.0.1', '127.0.0.1');
my $beside = $own ? $far->here(1) : '127.0.0.1';
my @disks = $own ? (disks => { data => '1500m', wal => '768m' }) : ();
my $connections = 60;
my $store = Appinfra::FakeStore->start(address => $beside);
my $peer = Appinfra::Peer->start(args => [ '--host', $own ? '0.0.0.0' : '127.0.0.1' ]);
my $gateway_port = PostgreSQL::Test::Cluster::get_free_port();
my $primary = Appinfra->make('primary', pool_size => 3, init => { allows_streaming => 1 }, @disks, hba => "host all all $here/30 scram-sha-256",
	conf => <<"CONF");
listen_addresses = '127.0.0.1,$here'
appinfra.public_host = '$here'
appinfra.public_sslmode = 'prefer'
appinfra.republish_rate = 100
appinfra.s3_endpoint = '${\$store->endpoint}'
appinfra.gateway_url = 'http://$there:$gateway_port'
max_connections = $connections
min_wal_size = 32MB
max_wal_size = 128MB
CONF
$primary->control("ALTER ROLE appinfra_sidecar PASSWORD 'sidecar'; CREATE ROLE appinfra_gateway_login LOGIN IN ROLE appinfra_gateway PASSWORD 'gateway';"
	  . " SELECT appinfra.register_app('app-stranger', 'stranger\@example.com')");
my ($standby, @nodes) = (undef, $primary);
if ($mode ne 'single')
{
	$primary->backup('base');
	$standby = $primary->start_standby('standby', "wal_retrieve_retry_interval = '100ms'\nsynchronous_standby_names = ''", @disks);
	push @nodes, $standby;
}

# The registry, as a role reaches it from where sidecars are.
sub registry
{
	my ($user, $password) = @_;
	my @hosts = map { ($own ? $here : $_->host_encoded) . ':' . $_->port } @nodes;
	return "postgres://$user:$password\@" . join(',', @hosts) . '/control';
}

my %running;
my $start_gateway = sub {
	my ($host, $prefix) = @_;
	return $running{gateway} = Appinfra::Gateway->start($host, again => 1, unready => 1, prefix => $prefix, worker => 'gateway',
		args => [ "--gateway-listen=$there:$gateway_port", '--gateway-insecure-http=true', '--gateway-rate-limit=0', '--drain-timeout=2s' ],
		env => { APPINFRA_DATABASE_URL => registry('appinfra_gateway_login', 'gateway') });
};
$primary->wait_for_pool(1);
my $agents = Appinfra::Agents->make($primary, sub { $running{gateway} });
if ($mode eq 'synchronous')
{
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
	$primary->reload;
	$primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
}
my %sidecar = ($store->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_S3_CALL_TIMEOUT => '1s', APPINFRA_STORAGE_CHECK => '2s',
	APPINFRA_ALLOW_PLAINTEXT => 1, APPINFRA_PRODUCER_URL => $peer->url($beside), APPINFRA_DRAIN_TIMEOUT => '2s',
	APPINFRA_DATABASE_URL => registry('appinfra_sidecar', 'sidecar'));
my $work = Appinfra::Workload->start($primary, seed => $seed, callers => 3, apps => 9, buckets => 1, keys => 1);
my $fates = Appinfra::Fates->new(host => $primary, standby => $standby, seed => $seed, seconds => $seconds, peer => $peer, store => $store,
	work => $work, sidecar_env => $peer->sidecar_env(%sidecar), gateway => $start_gateway, agents => $agents, far => $far, disks => $own,
	max_connections => $connections, agents => $agents);

# --- the run -------------------------------------------------------------------------------------------------
my $began = time;
$fates->run;
$agents->stop;
my $host = $fates->host;
my $ended = time;

# --- until all is quiet --------------------------------------------------------------------------------------
# What a vexed producer has refused is tried again, as the runbooks have it.
my $found = Appinfra::Invariants->new(fates => $fates, peer => $peer, lossless => $mode ne 'asynchronous', logins => 200);
# Tells how long each of them took: that is what the product needed to converge.
sub settles
{
	my ($what, $condition) = @_;
	wait_for($what, sub { ref $condition ? $condition->() : $host->control("SELECT $condition") eq 't' });
	note sprintf '%.1f s after the last fault: %s', time - $ended, $what;
	return;
}
settles('everything is published', sub {
	$host->try_control("SELECT appinfra.retry_publication($_->[0])") for $found->failed;
	return $host->control("SELECT unhealed = 0 AND NOT EXISTS (SELECT FROM appinfra.publications WHERE status IN ('pending', 'claimed')) FROM appinfra.recovery") eq 't'
	  && !$found->failed;
});
settles('the pool is full', "count(*) >= 3 FROM appinfra.pool WHERE status = 'ready'");
settles('what was to go is gone', "count(*) = 0 FROM appinfra.databases WHERE status IN ('retiring', 'retained', 'dropping')");
settles('revoked logins are dropped', "count(*) = 0 FROM appinfra.credentials WHERE state = 'revoked'");
settles('the store has what is wanted', "count(*) = 0 FROM appinfra.buckets WHERE generation > done_generation OR status IN ('retained', 'dropping')");
settles('former keys are gone', "count(*) = 0 FROM appinfra.bucket_keys WHERE state = 'retiring' AND retires_at < now()");
settles('all is sealed', 'unsealed = 0 FROM appinfra.verify_audit()');
my $quiet = -s $host->logfile;
my @calls = $work->calls;
say_it(sprintf 'quiet after %.1f s; %d acts, %d calls, %d cut off, %d calls of agents', time - $ended, $fates->count, scalar @calls,
	scalar(grep { $_->{code} == 2 } @calls), scalar $agents->told);
say_it(join ', ', $fates->tally);
cmp_ok(scalar(grep { $_->{code} == 0 && @{ $_->{rows} } } @calls), '>', 10, 'the callers got something done');
cmp_ok(scalar($agents->told), '>', 10, 'so did the agents');

# --- and true ------------------------------------------------------------------------------------------------
$found->quiet($quiet, @calls);
for my $name (Appinfra::Invariants->names)
{
	my @violations = $found->violations($name);
	is(scalar @violations, 0, $name) or diag join "\n", "seed $seed:", @violations[ 0 .. ($#violations < 9 ? $#violations : 9) ];
}
$fates->end;
is_deeply([ $fates->complaints ], [], 'the sidecars end');
done_testing();
