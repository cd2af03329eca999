# The sidecar is killed at each step of making a bucket's key, deterministically: before and after each request
# to the store, while the key is recorded, while the variables are delivered, and while that is reported. What
# comes of it is one bucket whose newest published key works, and no stray key after one comparison: not even
# where a gateway does late what a dead sidecar has asked for.
use strict;
use warnings;
use Appinfra;
use Appinfra::Buckets;
use Appinfra::Peer;
use Appinfra::Publications qw(expire publication wait_for_status);
use Appinfra::Store;
use Appinfra::StoreProxy;
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

my $store = Appinfra::Store->start;
my $proxy = Appinfra::StoreProxy->start($store);
my $peer = Appinfra::Peer->start;
my $host = Appinfra->make('steps', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\nappinfra.bucket_quota = '10MB'\n", $store->endpoint));
my $buckets = Appinfra::Buckets->new(host => $host, store => $store, peer => $peer);
# Nothing may move on by itself while a step is held: leases are long, and the test ends them.
my %env = ($peer->sidecar_env->%*, $proxy->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token',
	APPINFRA_LEASE => '10m', APPINFRA_CALL_TIMEOUT => '4m', APPINFRA_S3_CALL_TIMEOUT => '2m', APPINFRA_STORAGE_CHECK => '1h');
my ($starts, @apps) = (0);
my $sidecar = sidecar();

sub sidecar { return $host->start_sidecar(name => 'sidecar-' . ++$starts, env => { %env, @_ }); }

# Starts a sidecar that need not wait for what its predecessor was at.
sub successor
{
	my (%other) = @_;
	$host->control("UPDATE appinfra.bucket_work SET lease_until = now() - interval '1 s' WHERE claim IS NOT NULL");
	return sidecar(%other);
}

# Orders a bucket, has the sidecar killed where $reach leaves it, and another one go on; $then is done between
# the two. delivered says whether the app has its variables at that moment.
sub killed
{
	my ($step, $delivered, $reach, $then) = @_;
	my $app = 'app-' . @apps;
	push @apps, $app;
	reaches { $reach->($app) } "killed $step:";
	$sidecar->kill9;
	is(exists $peer->store->{$app} ? 1 : 0, $delivered, '  its variables are ' . ($delivered ? 'there' : 'not there'));
	$then->($app) if $then;
	$proxy->rules();
	$peer->rules();
	expire($host, $app);
	$sidecar = successor();
	reaches { wait_for_status($host, $app, 'published') } '  they are published by the next';
	return;
}

# Orders a bucket, or another key of one, and returns when a request to the store is held.
sub held
{
	my ($app, $pattern, $action, $rotates) = @_;
	my $held = grep { $_->{state} eq 'held' } $proxy->journal;
	if ($rotates)
	{
		$buckets->order($app);
		wait_for_status($host, $app, 'published');
	}
	$proxy->rules({ match => $pattern, times => 1, actions => [$action] });
	$rotates ? $host->control("SELECT appinfra.rotate_bucket_key(bucket_id) FROM appinfra.buckets WHERE app_id = '$app'") : $buckets->order($app);
	$proxy->wait_for_held($held) =~ /$pattern/ or die 'another request is held';
	return;
}

# --- the steps before the store -----------------------------------------------------------------------------
killed('after the order', 0, sub { $sidecar->signal('STOP'); $buckets->order($_[0]); });

# --- the requests to the store -------------------------------------------------------------------------------
# Those that are held before they are passed on stay so: the store does them when all is over.
my @requests = (
	[ 'the bucket', '^PUT /[^/?]+$' ],
	[ 'its policy', '^PUT /[^/?]+\?policy=' ],
	[ 'its access block', '^PUT /[^/?]+\?publicAccessBlock=' ],
	[ 'its quota', '^PUT /admin/bucket\?.*quota=' ],
	[ 'its user and key', '^PUT /admin/user\?access-key=.*display-name=' ],
	[ 'another key', '^PUT /admin/user\?access-key=.*&key=&', 1 ]);
for my $request (@requests)
{
	my ($what, $pattern, $rotates) = @$request;
	killed("before $what is made", $rotates // 0, sub { held($_[0], $pattern, 'hold before', $rotates) });
	killed("after $what is made", $rotates // 0, sub { held($_[0], $pattern, 'hold after', $rotates) });
}

# --- the calls of the registry ----------------------------------------------------------------------------------
my $lock = $host->background_psql('control');

# Locks the publication of an app, lets the sidecar go on, and returns when its call waits for the lock.
sub locked
{
	my ($app, $call, $go_on) = @_;
	$lock->query_safe('BEGIN; SELECT FROM appinfra.publication WHERE publication_id = ' . publication($host, $app)->{publication_id} . ' FOR UPDATE');
	$go_on->();
	$host->wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '$call' AND wait_event_type = 'Lock'", "$call to wait");
	return;
}

# The call that waits is lost with its connection, or is done although the one that made it is dead.
sub lost
{
	$host->control("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'appinfra_sidecar' AND wait_event_type = 'Lock'");
	$lock->query_safe('ROLLBACK');
	return;
}

sub done
{
	$lock->query_safe('ROLLBACK');
	$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'appinfra_sidecar'", 'the dead sidecar to be noticed');
	return;
}

# What was held before is released as well: its buckets are finished by now.
my $recording = sub {
	my ($app) = @_;
	held($app, $requests[-2][1], 'hold after');
	locked($app, 'record_bucket_key', sub { $proxy->release });
};
killed('in record_bucket_key, which is lost', 0, $recording, \&lost);
killed('in record_bucket_key, which is done', 0, $recording, \&done);

sub delivering
{
	my ($app, $first) = @_;
	$peer->rules({ hold => JSON::PP::true, store_first => $first });
	$buckets->order($app);
	$peer->wait_for_requests($app, 1);
	wait_for('it to be stored', sub { exists $peer->store->{$app} }) if $first;
	return;
}
killed('before the variables are stored', 0, sub { delivering($_[0], JSON::PP::false) });
killed('after the variables are stored', 1, sub { delivering($_[0], JSON::PP::true) });

my $completing = sub {
	my ($app) = @_;
	delivering($app, JSON::PP::true);
	locked($app, 'complete_publication', sub { $peer->rules() });
};
killed('in complete_publication, which is lost', 1, $completing, \&lost);
killed('in complete_publication, which is done', 1, $completing, \&done);
$lock->quit;

# --- and after it -----------------------------------------------------------------------------------------------
$sidecar->stop;
$proxy->release;
wait_for('what was held', sub { !grep { $_->{state} ne 'done' } $proxy->journal });
$sidecar = successor(APPINFRA_STORAGE_CHECK => '1s', APPINFRA_S3_CALL_TIMEOUT => '5s');
reaches { $buckets->wait_until_compared } 'all is compared';
$buckets->hold_together(@apps);
is($sidecar->stop, 0, 'the last sidecar ends');
done_testing();
