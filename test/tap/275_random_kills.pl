# Random kills and a failover under a workload, then 26 invariants. What is killed, when, and what is called
# is drawn from a seed; the moments are the machine's. `make chaos SEED=7 SECONDS=120` runs it for longer.
# The seed decides what there is: one server, or a standby, asynchronous or synchronous, that takes over.
use strict;
use warnings;
use Appinfra;
use Appinfra::Fates;
use Appinfra::Invariants;
use Appinfra::Peer;
use Appinfra::Wait qw(wait_for);
use Appinfra::Workload;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{APPINFRA_CHAOS_SEED} || 1;
my $seconds = $ENV{APPINFRA_CHAOS_SECONDS} || 8;
my $mode = $ENV{APPINFRA_CHAOS_MODE} || (qw(single asynchronous synchronous))[ $seed % 3 ];
# Is seen on the terminal where the seed was given.
sub say_it { return $ENV{APPINFRA_CHAOS_SEED} ? diag(@_) : note(@_); }
say_it("seed $seed, $seconds s, $mode");
srand($seed);

my $primary = Appinfra->make('primary', pool_size => 3, init => { allows_streaming => 1 }, conf => 'appinfra.republish_rate = 100');
my $peer = Appinfra::Peer->start;
my ($standby, @nodes) = (undef, $primary);
if ($mode ne 'single')
{
	$primary->backup('base');
	$standby = $primary->start_standby('standby', "wal_retrieve_retry_interval = '100ms'\nsynchronous_standby_names = ''");
	push @nodes, $standby;
}
if ($mode eq 'synchronous')
{
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
	$primary->reload;
	$primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
}
my $url = 'postgres://appinfra_sidecar@' . join(',', map { $_->host_encoded . ':' . $_->port } @nodes) . '/control';
my $work = Appinfra::Workload->start($primary, seed => $seed, callers => 3, apps => 17);
my $fates = Appinfra::Fates->new(host => $primary, standby => $standby, peer => $peer, work => $work,
	sidecar_env => $peer->sidecar_env(APPINFRA_DATABASE_URL => $url));

# --- the run ---------------------------------------------------------------------------------------------
my $began = time;
my $failover = $began + $seconds * (0.4 + rand 0.3);
while (time < $began + $seconds)
{
	time > $failover ? do { $fates->fail_over; $failover = 'inf' } : $fates->act;
	sleep rand 0.8;
}
$work->stop;
$fates->calm;
my $host = $fates->host;

# --- until all is quiet --------------------------------------------------------------------------------------
# What a vexed producer has refused is tried again, as the runbooks have it.
my $found = Appinfra::Invariants->new(fates => $fates, peer => $peer, lossless => $mode ne 'asynchronous', logins => 60 + 10 * $seconds);
wait_for('everything to be published', sub {
	$host->try_control("SELECT appinfra.retry_publication($_->[0])") for $found->failed;
	return $host->control("SELECT unhealed = 0 AND NOT EXISTS (SELECT FROM appinfra.publications WHERE status IN ('pending', 'claimed')) FROM appinfra.recovery") eq 't'
	  && !$found->failed;
});
$host->wait_for_pool(3);
$host->wait_until("SELECT count(*) = 0 FROM appinfra.databases WHERE status IN ('retiring', 'dropping')", 'what is going to be gone');
$host->wait_until("SELECT count(*) = 0 FROM appinfra.credentials WHERE state = 'revoked'", 'revoked logins to be dropped');
$host->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'all to be sealed');
my $quiet = -s $host->logfile;
my @calls = $work->calls;
say_it(sprintf 'quiet after %.1f s; %d acts, %d calls, %d cut off', time - $began - $seconds, $fates->count, scalar @calls, scalar grep { $_->{code} == 2 } @calls);
cmp_ok(scalar(grep { $_->{code} == 0 && @{ $_->{rows} } } @calls), '>', 10, 'the callers got something done');

# --- and true --------------------------------------------------------------------------------------------------
$found->quiet($quiet, @calls);
for my $name (Appinfra::Invariants->names)
{
	my @violations = $found->violations($name);
	is(scalar @violations, 0, $name) or diag join "\n", "seed $seed:", @violations[ 0 .. ($#violations < 9 ? $#violations : 9) ];
}
is(scalar(Appinfra::Invariants->names), 26, 'that is 26');
$fates->end;
is_deeply([ $fates->complaints ], [], 'the sidecars end');
done_testing();
