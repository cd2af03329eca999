# Buckets while sidecars are killed, the gateway hangs and goes, and the producer is away: each order comes to one
# bucket whose newest published key works, nothing at the store is without its row, and nothing is doubled.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Store;
use Appinfra::Wait qw(reaches wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $seed = $ENV{APPINFRA_BUCKETS_SEED} // 1;
my $count = $ENV{APPINFRA_BUCKETS} // 24;
srand $seed;
note "seed $seed, $count buckets";
my $store = Appinfra::Store->start;
my $host = Appinfra->make('kills', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\n", $store->endpoint));
my $peer = Appinfra::Peer->start;
my %env = ($peer->sidecar_env->%*, $store->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_S3_CALL_TIMEOUT => '1s', APPINFRA_STORAGE_CHECK => '2s');
my $starts = 0;
sub sidecar { return $host->start_sidecar(name => 'sidecar-' . ++$starts, env => \%env); }
my @sidecars = (sidecar(), sidecar());
my @five = map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);

# Kills one of the sidecars, and starts another in its place.
sub kill_one
{
	my $which = int rand @sidecars;
	$sidecars[$which]->kill9;
	$sidecars[$which] = sidecar();
	return;
}

# --- faults, while buckets are ordered -----------------------------------------------------------------------
$peer->rules({ probability => 0.3, status => 503 });
for my $number (1 .. $count)
{
	$host->control("SELECT appinfra.provision_bucket('app-$number', 'user\@example.com', 'kills')");
	kill_one() if rand() < 0.3;
	if ($number == int $count / 2)
	{
		kill STOP => $store->pid('rgw');
		sleep 1.5;
		kill CONT => $store->pid('rgw');
	}
}
$host->control("SELECT appinfra.rotate_bucket_key(bucket_id) FROM appinfra.buckets WHERE status IN ('planned', 'ready') AND app_id ~ '[02468]\$'");
for (1 .. 6) { sleep rand 0.3; kill_one(); }
$store->stop;
$host->control("SELECT appinfra.provision_bucket('app-away', 'user\@example.com', 'kills')");
sleep 1;
$store->up;
$peer->rules();

# --- and after it ----------------------------------------------------------------------------------------------
reaches { wait_until_settled($host) } 'everything is delivered';
my $stored = $peer->store;
my (%buckets, @wrong);
for my $app ((map { "app-$_" } 1 .. $count), 'app-away')
{
	my %variables = map { $_ => $stored->{$app}{$_}{value} // '' } @five;
	my @seen = $variables{OF_S3_SECRET_KEY} eq '' ? 'no variables' : $store->s3(\%variables, [ put => 'a', $app ], [ get => 'a' ]);
	push @wrong, "$app: @seen" if "@seen" ne "ok $app";
	$buckets{ $variables{OF_S3_BUCKET} }++;
	my %versions = map { ($stored->{$app}{$_}{version} // 0) => 1 } @five;
	push @wrong, "$app: variables of several versions" if keys %versions != 1;
}
is_deeply(\@wrong, [], "each app's newest key works, and its variables are of one version");
is(scalar keys %buckets, $count + 1, 'each has a bucket of its own');
is($host->control("SELECT string_agg(DISTINCT status, ' ') FROM appinfra.buckets"), 'ready', 'all are ready');
is($host->control('SELECT count(*) FROM appinfra.buckets'), $count + 1, 'and there is one for each order');

# Nothing at the store is without its row: not after the next comparison.
sub at_store { my ($id) = @_; my $user = $store->admin('user', 'info', "--uid=$id-w"); return join ' ', sort map { $_->{access_key} } @{ $user->{keys} // [] }; }
my %known = map { split /\|/ } split /\n/, $host->control("SELECT bucket_id, string_agg(access_key, ' ' ORDER BY access_key COLLATE \"C\") FROM appinfra.bucket_keys WHERE state IN ('active', 'retiring') GROUP BY 1");
reaches { wait_for('the work', sub { $host->control('SELECT count(*) FROM appinfra.buckets WHERE generation > done_generation') == 0 }) } 'no work is left';
%known = map { split /\|/ } split /\n/, $host->control("SELECT bucket_id, string_agg(access_key, ' ' ORDER BY access_key COLLATE \"C\") FROM appinfra.bucket_keys WHERE state IN ('active', 'retiring') GROUP BY 1");
is_deeply({ map { $_ => at_store($_) } keys %known }, \%known, 'the store has the keys that the registry knows, and no others');
my @names = map { ref $_ ? $_->{bucket} : $_ } @{ $store->admin('bucket', 'list') // [] };
is_deeply([ sort @names ], [ sort split /\n/, $host->control('SELECT bucket_name FROM appinfra.buckets') ], 'and its buckets');
is($host->control("SELECT count(*) FROM appinfra.exposures() WHERE rule IN ('bucket_unknown', 'bucket_key_unknown', 'bucket_public', 'bucket_drift')"), 0, 'nothing is exposed');
is($_->stop, 0, 'a sidecar ends') for @sidecars;
done_testing();
