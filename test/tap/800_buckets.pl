# A bucket from its order to its end, at a real Ceph: the five variables arrive, boto3 uploads and downloads with
# nothing else, the key is rotated and revoked, the bucket is removed, restored, and gone with its objects when
# retain is over. The secret is where it has to be, and nowhere else.
use strict;
use warnings;
use Appinfra;
use Appinfra::Publications qw(publication);
use Appinfra::Store;
use Appinfra::Wait qw(reaches wait_for);
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $store = Appinfra::Store->start;
my $host = Appinfra->make('buckets', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\nlog_statement = all\n", $store->endpoint));
my $sidecar = $host->start_sidecar(env => { $store->env, APPINFRA_LOG_LEVEL => 'debug', APPINFRA_POLL => '200ms', APPINFRA_STORAGE_CHECK => '1s' });
my @five = map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);

sub row { my ($sql) = @_; return decode_json($host->control("SELECT row_to_json(r) FROM ($sql) r")); }
sub bucket { my ($id) = @_; return row("SELECT * FROM appinfra.buckets WHERE bucket_id = '$id'"); }
sub key { my ($access_key) = @_; return row("SELECT * FROM appinfra.bucket_keys WHERE access_key = '$access_key'"); }

# Waits until the app has a key other than the one given; returns its five variables.
sub variables
{
	my ($app, $old) = @_;
	$host->wait_for_env($app, 'OF_S3_SECRET_KEY', $old && $old->{OF_S3_SECRET_KEY});
	my %env = %{ $host->app_env($app) };
	return { map { $_ => $env{$_} } @five };
}

# --- provision ------------------------------------------------------------------------------------
my $made = row("SELECT * FROM appinfra.provision_bucket('app-1', 'user\@example.com', 'my-photos')");
like($made->{bucket_id}, qr/^buk-[0-9a-f]{13}$/, 'a bucket is ordered');
is($made->{status}, 'planned', '  and planned: nothing has happened at the store');
like($made->{bucket_name}, qr/^my-photos-[0-9a-f]{6}$/, '  under its slug and a suffix');
is_deeply([ sort @{ $made->{env_keys} } ], [ sort @five ], '  with five variables');
my $env = variables('app-1');
is_deeply([ @$env{qw(OF_S3_ENDPOINT OF_S3_BUCKET OF_S3_REGION)} ], [ $store->endpoint, $made->{bucket_name}, 'us-east-1' ], 'they arrive');
like($env->{OF_S3_ACCESS_KEY}, qr/^AKIA[A-Z2-7]{16}$/, '  with an access key');
like($env->{OF_S3_SECRET_KEY}, qr/^[A-Za-z0-9]{40}$/, '  and its secret');
reaches { wait_for('the delivery', sub { publication($host, 'app-1')->{status} eq 'published' }) } 'and the publication is published';
my $now = bucket($made->{bucket_id});
is_deeply([ @$now{qw(status access_key shape shared_host)} ], [ 'ready', $env->{OF_S3_ACCESS_KEY}, 'shared-rgw', '127.0.0.1' ], 'the bucket is ready, under that key');
is(key($env->{OF_S3_ACCESS_KEY})->{state}, 'active', '  which is active');

is_deeply([ $store->s3($env, [ put => 'photos/1.jpg', 'a photo' ], [ download => 'photos/1.jpg' ], ['list'], [ anonymous => 'photos/1.jpg' ]) ],
	[ 'ok', 'a photo', ['photos/1.jpg'], 403 ], 'boto3 uploads and downloads; nobody without a key does');

# --- rotate ---------------------------------------------------------------------------------------
my ($presigned) = $store->s3($env, [ presign => 'photos/1.jpg' ]);
is_deeply([ $store->s3($env, [ fetch => $presigned ]) ], [200], 'a presigned URL works');
$host->control("SELECT appinfra.rotate_bucket_key('$made->{bucket_id}')");
my $new = variables('app-1', $env);
isnt($new->{OF_S3_ACCESS_KEY}, $env->{OF_S3_ACCESS_KEY}, 'rotated: a new key arrives');
is_deeply([ $store->s3($new, [ get => 'photos/1.jpg' ]) ], ['a photo'], '  which downloads what the old one uploaded');
is_deeply([ $store->s3($env, [ get => 'photos/1.jpg' ]) ], ['a photo'], '  while the old one goes on, until its deadline');
reaches { wait_for('the predecessor', sub { key($env->{OF_S3_ACCESS_KEY})->{state} eq 'retiring' }) } '  and is retiring';
is($host->control("SELECT appinfra.finish_bucket_rotation('$made->{bucket_id}')"), 1, 'finished by hand: one key goes');
is($host->control("SELECT appinfra.wait_bucket_revoked('$env->{OF_S3_ACCESS_KEY}')"), 't', '  the store has said so');
is_deeply([ $store->s3($env, [ get => 'photos/1.jpg' ], [ fetch => $presigned ]) ], [ '!InvalidAccessKeyId', 403 ], '  and refuses it and its presigned URL from then on');
is_deeply([ $store->s3($new, [ get => 'photos/1.jpg' ]) ], ['a photo'], '  the new one works');

# --- quota, size ------------------------------------------------------------------------------------
$host->control("SELECT appinfra.set_bucket_quota('$made->{bucket_id}', 65536)");
reaches { wait_for('the quota', sub { my $b = bucket($made->{bucket_id}); $b->{generation} == $b->{done_generation} }) } 'a quota reaches the store';
is_deeply([ $store->s3($new, [ fill => 'large', 200_000 ], [ fill => 'small', 1000 ]) ], [ '!QuotaExceeded', 'ok' ], '  which enforces it');
reaches { wait_for('the size', sub { (bucket($made->{bucket_id})->{objects} // 0) == 2 }) } 'the comparison says how many objects there are';
is(bucket($made->{bucket_id})->{bytes}, 1007, '  and how many bytes');

# --- revoke, restore --------------------------------------------------------------------------------
is($host->control("SELECT appinfra.revoke_bucket('$made->{bucket_id}', 'lost')"), 1, 'revoked: every key');
is($host->control("SELECT appinfra.wait_bucket_revoked('$new->{OF_S3_ACCESS_KEY}')"), 't', '  the store has said so');
is_deeply([ $store->s3($new, [ get => 'photos/1.jpg' ]) ], ['!InvalidAccessKeyId'], '  and refuses it');
is(bucket($made->{bucket_id})->{status}, 'revoked', '  the bucket is revoked');
$host->control("SELECT appinfra.restore_bucket('$made->{bucket_id}')");
my $again = variables('app-1', $new);
is_deeply([ $store->s3($again, [ get => 'photos/1.jpg' ]) ], ['a photo'], 'restored: the same objects, another key');

# --- deprovision, restore, and the end --------------------------------------------------------------
$host->control("SELECT appinfra.deprovision_bucket('$made->{bucket_id}', '1 day')");
reaches { wait_for('unset', sub { !exists $host->app_env('app-1')->{OF_S3_BUCKET} }) } 'removed: the variables are unset';
reaches { wait_for('retained', sub { bucket($made->{bucket_id})->{status} eq 'retained' }) } '  the bucket is retained';
is_deeply([ $store->s3($again, [ get => 'photos/1.jpg' ]) ], ['!InvalidAccessKeyId'], '  its key is refused');
my %platform = %{ $store->platform($made->{bucket_name}) };
is_deeply([ $store->s3(\%platform, ['lifecycle']) ], ['!NoSuchLifecycleConfiguration'], '  and no rule that deletes is set');
$host->control("SELECT appinfra.restore_bucket('$made->{bucket_id}')");
my $back = variables('app-1', $again);
is_deeply([ $store->s3($back, [ get => 'photos/1.jpg' ]) ], ['a photo'], 'restored within retain: the same objects');
$host->control("SELECT appinfra.deprovision_bucket('$made->{bucket_id}', '0')");
reaches { wait_for('dropped', sub { bucket($made->{bucket_id})->{status} eq 'dropped' }) } 'removed for good: dropped';
is_deeply([ $store->s3(\%platform, ['head_bucket']) ], ['!404'], '  the bucket is gone from the store');
is($store->admin('user', 'info', "--uid=$made->{bucket_id}-$_"), undef, "  and its user -$_") for qw(w r);

# --- take over --------------------------------------------------------------------------------------
my $first = row("SELECT * FROM appinfra.provision_bucket('app-2', 'user\@example.com', 'two')");
my $of_first = variables('app-2');
my $second = row("SELECT * FROM appinfra.provision_bucket('app-2', 'user\@example.com', 'two')");
is($second->{replaced_bucket_id}, $first->{bucket_id}, 'a second bucket takes the variables over');
my $of_second = variables('app-2', $of_first);
is($of_second->{OF_S3_BUCKET}, $second->{bucket_name}, '  and they name it');
is_deeply(bucket($first->{bucket_id})->{env_keys}, [], '  the first has none any more');
is_deeply([ $store->s3($of_first, [ put => 'a', 'b' ]) ], ['ok'], '  and its key works on');
is_deeply([ $store->s3($of_second, [ get => "/$first->{bucket_name}/a" ]) ], ['!AccessDenied'], '  for nobody else');

# --- the secret -------------------------------------------------------------------------------------
my @secrets = map { $_->{OF_S3_SECRET_KEY} } $env, $new, $again, $back, $of_first, $of_second;
is(scalar(keys %{ { map { $_ => 1 } @secrets } }), 6, 'six secrets were made');
my $found = join '|', @secrets;
$host->stop;
my @files = split /\n/, `grep -rlE '$found' @{[ $host->data_dir ]} @{[ $host->logfile ]} 2>/dev/null`;
is_deeply(\@files, [], 'none of them is in the registry, the WAL or the server log');
unlike($sidecar->log, qr/$found/, '  nor in the log of the sidecar, which says all');
unlike($store->logs, qr/$found/, '  nor in the logs of the store');
my @lines = grep { /$found/ } map { eval { slurp_file($_) } // () } glob '/proc/[0-9]*/cmdline';
is_deeply(\@lines, [], '  nor on a command line');
done_testing();
