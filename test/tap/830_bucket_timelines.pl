# Buckets after a failover that loses commits, and after a restore to a point: no object is lost, no bucket is
# taken over, every app's stored key works, versions never fall, and no key goes before its successor is delivered.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Store;
use Appinfra::Timelines qw(wait_until_healed);
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

my $count = $ENV{APPINFRA_BUCKETS} // 12;
my $store = Appinfra::Store->start;
my $primary = Appinfra->make('primary', pool_size => 0, init => { allows_streaming => 1 }, conf => sprintf("appinfra.s3_endpoint = '%s'\nappinfra.republish_rate = 1000\n", $store->endpoint));
my $peer = Appinfra::Peer->start;
my %env = ($peer->sidecar_env->%*, $store->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_S3_CALL_TIMEOUT => '1s', APPINFRA_STORAGE_CHECK => '2s');
my $sidecar = $primary->start_sidecar(env => \%env);
my @five = map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);

sub order { my ($host, @apps) = @_; $host->control("SELECT appinfra.provision_bucket('$_', 'user\@example.com', 'line')") for @apps; return; }
sub variables { my ($app) = @_; my $stored = $peer->store->{$app}; return { map { $_ => $stored->{$_}{value} // '' } @five }; }
sub version { my ($app) = @_; return $peer->store->{$app}{OF_S3_BUCKET}{version}; }

# Writes an object with the stored key of each app, where there is none yet, and reads it back.
sub holds
{
	my ($name, @apps) = @_;
	my @wrong;
	for my $app (@apps)
	{
		my @seen = $store->s3(variables($app), [ put => "at-$name", $app ], [ get => 'first' ]);
		push @wrong, "$app: @seen" if "@seen" ne "ok $app";
	}
	return is_deeply(\@wrong, [], "$name: each app's stored key works, and its first object is there");
}

my @apps = map { "app-$_" } 1 .. $count;
order($primary, @apps);
wait_until_settled($primary);
$store->s3(variables($_), [ put => 'first', $_ ]) for @apps;
holds('before', @apps);
my %bucket = map { $_ => variables($_)->{OF_S3_BUCKET} } @apps;

# --- a failover that loses commits ----------------------------------------------------------------------------
$primary->backup('base');
my $standby = $primary->start_standby('standby');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->stop;
# What the new primary will not know: keys and a bucket.
$primary->control("SELECT appinfra.rotate_bucket_key(bucket_id) FROM appinfra.buckets WHERE app_id ~ '[13579]\$'");
order($primary, 'app-lost');
wait_until_settled($primary);
my %lost = map { $_ => variables($_) } @apps;
my %version = map { $_ => version($_) } @apps;
$store->s3(variables('app-lost'), [ put => 'first', 'app-lost' ]);
my $lost_bucket = variables('app-lost');
$sidecar->stop;
$primary->stop('immediate');
$standby->start;
$standby->promote;
$sidecar = $standby->start_sidecar(name => 'again', env => \%env);
wait_until_healed($standby);
wait_until_settled($standby);
holds('failover', @apps);
is_deeply({ map { $_ => variables($_)->{OF_S3_BUCKET} } @apps }, \%bucket, 'the same buckets');
is_deeply([ grep { version($_) <= $version{$_} } @apps ], [], 'under higher versions');
is_deeply([ grep { variables($_)->{OF_S3_ACCESS_KEY} eq $lost{$_}{OF_S3_ACCESS_KEY} } @apps ], [], 'and other keys');
is_deeply([ $store->s3($lost_bucket, [ get => 'first' ]) ], ['app-lost'], 'a bucket that the registry lost keeps its objects, and its key');
reaches { wait_for('exposures', sub { $standby->control("SELECT count(*) FROM appinfra.exposures() WHERE rule = 'bucket_unknown' AND object = '$lost_bucket->{OF_S3_BUCKET}'") == 1 }) } 'and is reported';
order($standby, 'app-lost');
wait_until_settled($standby);
isnt(variables('app-lost')->{OF_S3_BUCKET}, $lost_bucket->{OF_S3_BUCKET}, 'its app gets another when it is ordered again');
reaches { wait_for('comparison', sub { $standby->control("SELECT count(*) FROM appinfra.exposures() WHERE rule = 'bucket_key_unknown'") >= 1 }) } 'keys that the registry lost are reported';
is($sidecar->stop, 0, 'the sidecar ends');
done_testing();
