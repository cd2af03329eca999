# Buckets while the store fails at 30 % of all requests: refused, reset or half answered, before or after it has
# done what was asked, or done late, when the caller has left. None is lost, none is doubled, and each newest
# key works. APPINFRA_BUCKETS says how many there are (24), APPINFRA_BUCKETS_SEED how the faults fall.
use strict;
use warnings;
use Appinfra;
use Appinfra::Buckets;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_for_status wait_until_settled);
use Appinfra::Store;
use Appinfra::StoreProxy;
use Appinfra::Wait qw(reaches wait_for);
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{APPINFRA_BUCKETS_SEED} // 1;
my $count = $ENV{APPINFRA_BUCKETS} // 24;
note "seed $seed, $count buckets";
my $store = Appinfra::Store->start;
my $proxy = Appinfra::StoreProxy->start($store);
my $peer = Appinfra::Peer->start;
my $host = Appinfra->make('faults', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\nappinfra.buckets_per_app = 1000\n", $store->endpoint));
my $buckets = Appinfra::Buckets->new(host => $host, store => $store, peer => $peer);
my %env = ($peer->sidecar_env->%*, $proxy->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token',
	APPINFRA_S3_CALL_TIMEOUT => '1s', APPINFRA_STORAGE_CHECK => '1s');
my @sidecars = map { $host->start_sidecar(name => "sidecar-$_", env => \%env) } 1, 2;

# --- one key that the store makes late ---------------------------------------------------------------------------
# Its caller gave it up; were it asked for again under the same name, the late one would replace the secret.
$proxy->rules({ match => '^PUT /admin/user\?access-key=', times => 1, actions => ['hold before'] });
$buckets->order('app-late');
reaches { $proxy->wait_for_held; wait_for_status($host, 'app-late', 'published') } 'a key that is not answered for is given up';
my $variables = $buckets->variables('app-late');
$proxy->release;
reaches { wait_for('the late one', sub { !grep { $_->{state} ne 'done' } $proxy->journal }) } '  it is made when another is delivered';
is_deeply([ $store->s3($variables, [ put => 'a', 'b' ]) ], ['ok'], '  which works');

# --- 30 % of all requests ----------------------------------------------------------------------------------------
my $begun = time;
$proxy->seed($seed);
$proxy->rules({ probability => 0.3, actions => [ 'refuse before', 'refuse after', 'reset before', 'reset after', 'half', 'refuse before', 'reset after', 'late' ] });
my @apps = map { "app-$_" } 1 .. $count;
$buckets->order(@apps);
$host->control("SELECT appinfra.rotate_bucket_key(bucket_id) FROM appinfra.buckets WHERE app_id ~ '[13579]\$'");
reaches { wait_until_settled($host) } 'all are delivered while it lasts';
my $took = time - $begun;
my @requests = $proxy->journal;
my $spoilt = grep { $_->{action} } @requests;
note sprintf '%d of %d requests were spoilt in %.1f s', $spoilt, scalar @requests, $took;
cmp_ok($spoilt, '>', $count, 'and many requests were spoilt');

# --- and after it ----------------------------------------------------------------------------------------------------
$proxy->rules();
wait_for('the last requests', sub { !grep { $_->{state} ne 'done' } $proxy->journal });
$host->control("UPDATE appinfra.bucket_work SET try_at = now()");
reaches { $buckets->wait_until_compared } 'all is compared';
$buckets->hold_together('app-late', @apps);
is($_->stop, 0, 'a sidecar ends') for @sidecars;
done_testing();
