# A restore to a point in the middle of work on buckets (APPINFRA_BUCKETS, which is 12; a platform has 50 at once
# perhaps): no object is lost, no bucket is taken over by another app, and no key that an app has goes before its successor
# is delivered and the deadline is over. What was made after the point is reported and left alone.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Store;
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

my $count = $ENV{APPINFRA_BUCKETS} // 12;
my $store = Appinfra::Store->start;
my $conf = sprintf "archive_timeout = 1\nappinfra.s3_endpoint = '%s'\nappinfra.republish_rate = 1000\n", $store->endpoint;
my $primary = Appinfra->make('primary', pool_size => 0, init => { allows_streaming => 1, has_archiving => 1 }, conf => $conf);
my $peer = Appinfra::Peer->start;
# Calls may take long: the gateway is stopped for a while, and its work is to go on then.
my %env = ($peer->sidecar_env->%*, $store->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_S3_CALL_TIMEOUT => '60s', APPINFRA_LEASE => '2m', APPINFRA_STORAGE_CHECK => '2s');
my $sidecar = $primary->start_sidecar(env => \%env);
my @five = map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);

sub order { my ($host, @apps) = @_; $host->control("SELECT appinfra.provision_bucket('$_', 'user\@example.com', 'back')") for @apps; return; }
sub variables { my ($app) = @_; my $stored = $peer->store->{$app}; return { map { $_ => $stored->{$_}{value} // '' } @five }; }
sub on { my ($host, $app, $call) = @_; return $host->control("SELECT appinfra." . sprintf($call, "(SELECT bucket_id FROM appinfra.buckets WHERE app_id = '$app' ORDER BY created_at LIMIT 1)")); }
sub bucket { my ($host, $app) = @_; return split /\|/, $host->control("SELECT status, bucket_name FROM appinfra.buckets WHERE app_id = '$app' ORDER BY created_at LIMIT 1"); }

# Reads the first object of each app with the key that it has.
sub holds
{
	my ($name, @apps) = @_;
	my @wrong = grep { $_ } map { my @seen = $store->s3(variables($_), [ get => 'first' ]); "@seen" eq $_ ? undef : "$_: @seen" } @apps;
	return is_deeply(\@wrong, [], "$name: each app's stored key reads its first object");
}

# --- before the point --------------------------------------------------------------------------------------------
my ($rotated, $kept, $waiting, $replaced, $dropped, $revoked, @others) = map { "app-$_" } 1 .. $count;
my @apps = ($rotated, $kept, $waiting, $replaced, $dropped, $revoked, @others);
order($primary, @apps);
wait_until_settled($primary);
$store->s3(variables($_), [ put => 'first', $_ ]) for @apps;
my %before = map { $_ => variables($_) } @apps;
$primary->backup('base');
on($primary, $_, "rotate_bucket_key(%s, '1 hour')") for $rotated, grep { /[02468]$/ } @others;
on($primary, $kept, "deprovision_bucket(%s, '1 hour')");
wait_until_settled($primary);
reaches { wait_for('retained', sub { (bucket($primary, $kept))[0] eq 'retained' }) } 'one is retained';

# --- the point: the gateway hangs in the middle of keys ------------------------------------------------------------
kill STOP => $store->pid('rgw');
order($primary, 'app-planned');
on($primary, $_, "rotate_bucket_key(%s, '1 hour')") for $waiting, grep { /[13579]$/ } @others;
reaches { $primary->wait_until("SELECT count(*) >= 2 FROM appinfra.bucket_keys WHERE state = 'waiting'", 'keys to be planned') } 'keys are planned, and not made';
my $planned = $primary->control("SELECT string_agg(DISTINCT app_id, ' ') FROM appinfra.bucket_keys JOIN appinfra.buckets USING (bucket_id) WHERE state = 'waiting'");
my $point = $primary->control('SELECT clock_timestamp()');
kill CONT => $store->pid('rgw');

# --- after the point: nobody will know -----------------------------------------------------------------------------
wait_until_settled($primary);
my @hung = split / /, $planned;
note "planned at the point: @hung";
$store->s3(variables('app-planned'), [ put => 'first', 'app-planned' ]);
on($primary, $kept, 'restore_bucket(%s)');
order($primary, $replaced, 'app-lost');
on($primary, $dropped, "deprovision_bucket(%s, '0')");
on($primary, $revoked, 'revoke_bucket(%s)');
on($primary, $_, "rotate_bucket_key(%s, '1 hour')") for @others;
reaches { wait_for('dropped', sub { (bucket($primary, $dropped))[0] eq 'dropped' }) } 'one is dropped for good';
wait_until_settled($primary);
$store->s3(variables($_), [ put => 'first', $_ ]) for $replaced, 'app-lost';
$store->s3(variables($kept), [ put => 'second', 'after the point' ]);
my %after = map { $_ => variables($_) } @apps, 'app-planned', 'app-lost';
my @alive = ($rotated, $kept, $waiting, $replaced, @others, 'app-planned', 'app-lost');
holds('the original', @alive);
$sidecar->stop;
$primary->control('SELECT pg_switch_wal()');
$primary->stop('fast');

# --- restored: held, then accepted, while the producer is away ------------------------------------------------------
my $host = Appinfra->new('restored');
$host->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
$host->append_conf('postgresql.conf', 'appinfra.public_port = ' . $host->port . "\nrecovery_target_time = '$point'\nrecovery_target_action = 'promote'\n");
$host->start;
$host->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$host->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');
$peer->rules({ status => 503 });
$sidecar = $host->start_sidecar(name => 'held', env => { %env, APPINFRA_S3_CALL_TIMEOUT => '1s', APPINFRA_LEASE => '2s' });
$host->control("SELECT appinfra.accept_restore('$point')");
# Each claim plans a key, cannot deliver it, and is lost: what the lost host delivered is all that apps have.
my $refused = scalar $peer->requests;
reaches { wait_for('deliveries', sub { scalar($peer->requests) > $refused + 2 * @apps }) } 'the producer refuses what is published again';
$sidecar->kill9;
$host->control("UPDATE appinfra.publication SET lease_until = now() - interval '1 s' WHERE status = 'claimed'; UPDATE appinfra.bucket_work SET lease_until = now() - interval '1 s' WHERE claim IS NOT NULL");
# A sidecar that has the store and no producer does nothing but work on buckets.
delete $env{OPENFACTORY_STORAGE_PRODUCER_TOKEN};
my $worker = $host->start_sidecar(name => 'worker', env => { %env, APPINFRA_S3_CALL_TIMEOUT => '1s' });
reaches { $host->wait_until("SELECT count(*) = 0 FROM appinfra.buckets WHERE generation > done_generation AND status <> 'failed'", 'work to be done') } 'the store is as the restored registry wants it';
# One that was retained at the point stays so until it is restored once more.
holds('not published again yet', grep { $_ ne $kept } @alive);
is($worker->stop, 0, 'that sidecar ends');

# --- published again -------------------------------------------------------------------------------------------------
$peer->rules();
$sidecar = $host->start_sidecar(name => 'again', env => { %env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_S3_CALL_TIMEOUT => '1s' });
wait_until_settled($host);
my @known = grep { $_ ne $dropped && $_ ne $kept } @apps, 'app-planned';
holds('healed', grep { $_ ne $revoked } @known, 'app-lost');
holds('healed', $revoked);
is_deeply([ map { variables($_)->{OF_S3_BUCKET} } grep { $_ ne 'app-planned' } @known ], [ map { $before{$_}{OF_S3_BUCKET} } grep { $_ ne 'app-planned' } @known ], 'each has the bucket that it had at the point');
is(variables('app-planned')->{OF_S3_BUCKET}, $after{'app-planned'}{OF_S3_BUCKET}, '  also the one that was only planned then');
is_deeply([ grep { variables($_)->{OF_S3_ACCESS_KEY} eq $after{$_}{OF_S3_ACCESS_KEY} } @known ], [], 'under another key');
my @still = grep { $_ ne $revoked } @known;
is_deeply([ map { my ($seen) = $store->s3($after{$_}, [ get => 'first' ]); $seen eq $_ ? () : "$_: $seen" } @still ], [], 'the keys that apps had go on working until the deadline');
is($host->control("SELECT count(*) FROM appinfra.bucket_keys k WHERE state IN ('revoked', 'gone') AND minted_at IS NOT NULL AND reason = 'replaced' AND NOT EXISTS (SELECT FROM appinfra.bucket_keys s WHERE s.bucket_id = k.bucket_id AND s.published_at + interval '1 hour' <= k.revoked_at)"),
	0, 'none went before its successor was delivered and the deadline was over');
ok(!$host->control("SELECT string_agg(access_key, ' ') FROM appinfra.bucket_keys WHERE state IN ('revoked', 'gone') AND access_key IN ('" . join("', '", map { $after{$_}{OF_S3_ACCESS_KEY} } @still) . "')"), 'nor any that an app had');

# --- what left, and what nobody knows ----------------------------------------------------------------------------------
is((bucket($host, $kept))[0], 'retained', 'what was kept at the point is kept');
is($host->control("SELECT retained_until > now() + interval '55 minutes' FROM appinfra.buckets WHERE app_id = '$kept'"), 't', '  for its full time once more, since a restore may be among what is lost');
on($host, $kept, 'restore_bucket(%s)');
wait_until_settled($host);
is_deeply([ $store->s3(variables($kept), [ get => 'first' ], [ get => 'second' ]) ], [ $kept, 'after the point' ], '  and comes back with all its objects');
reaches { wait_for('failed', sub { (bucket($host, $dropped))[0] eq 'failed' }) } 'what was dropped after the point has failed';
my $of_dropped = $store->platform($before{$dropped}{OF_S3_BUCKET});
is_deeply([ $store->s3($of_dropped, ['head_bucket']) ], ['!404'], '  and is not made again');
my $lost = $after{'app-lost'}{OF_S3_BUCKET};
my @unknown = sort $lost, $after{$replaced}{OF_S3_BUCKET};
reaches { wait_for('exposures', sub { $host->control("SELECT string_agg(object, ' ' ORDER BY object COLLATE \"C\") FROM appinfra.exposures() WHERE rule = 'bucket_unknown'") eq "@unknown" }) } 'buckets that were made after the point are reported';
is_deeply([ map { my ($seen) = $store->s3($after{$_}, [ get => 'first' ]); $seen } 'app-lost', $replaced ], [ 'app-lost', $replaced ], '  and keep their objects and their keys');

# --- no bucket is taken over ---------------------------------------------------------------------------------------------
# Even one that gets the very name of a bucket that the registry has lost.
$sidecar->stop;
order($host, 'app-thief');
$host->control("UPDATE appinfra.bucket SET bucket_name = '$lost' WHERE app_id = 'app-thief'");
$sidecar = $host->start_sidecar(name => 'thief', env => { %env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_S3_CALL_TIMEOUT => '1s' });
wait_until_settled($host);
is((bucket($host, 'app-thief'))[0], 'ready', 'a bucket that was given the name of one that is not known');
isnt(variables('app-thief')->{OF_S3_BUCKET}, $lost, '  gets another name');
is_deeply([ $store->s3(variables('app-thief'), [ get => "/$lost/first" ]), $store->s3($after{'app-lost'}, [ get => 'first' ]) ], [ '!AccessDenied', 'app-lost' ], '  and reads nothing of it');
is($host->control("SELECT count(*) FROM appinfra.exposures() WHERE rule = 'bucket_public'"), 0, 'nothing is public');
is($sidecar->stop, 0, 'the sidecar ends');
done_testing();
