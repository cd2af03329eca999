# Two gateways of one store: a key that was made at the one works at the other, and when wait_bucket_revoked()
# has said that it is gone, the other refuses it with the next request, and its presigned URLs too.
use strict;
use warnings;
use Appinfra;
use Appinfra::Buckets;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_for_status);
use Appinfra::Store;
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

my $store = Appinfra::Store->start;
my $second = $store->another;
my $peer = Appinfra::Peer->start;
my $host = Appinfra->make('gateways', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\n", $store->endpoint));
my $buckets = Appinfra::Buckets->new(host => $host, store => $store, peer => $peer);
my $sidecar = $host->start_sidecar(env => { $peer->sidecar_env->%*, $store->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token' });

# The app's variables, as one of its parts has them that reaches the store by the second gateway.
sub elsewhere { my ($env) = @_; return { %$env, OF_S3_ENDPOINT => $second }; }

$buckets->order('app-1');
reaches { wait_for_status($host, 'app-1', 'published') } 'a bucket is made at the first gateway';
my $id = $host->control('SELECT bucket_id FROM appinfra.buckets');
my $old = $buckets->variables('app-1');
my ($put, $presigned) = $store->s3(elsewhere($old), [ put => 'a', 'text' ], [ presign => 'a' ]);
is($put, 'ok', '  its key works at the second');
is_deeply([ $store->s3($old, [ get => 'a' ], [ fetch => $presigned ]) ], [ 'text', 200 ], '  what it writes is read at the first');

$host->control("SELECT appinfra.rotate_bucket_key('$id')");
$peer->wait_for_value('app-1', 'OF_S3_SECRET_KEY', $old->{OF_S3_SECRET_KEY});
my $new = $buckets->variables('app-1');
is_deeply([ $store->s3(elsewhere($new), [ get => 'a' ]) ], ['text'], 'rotated: the new key works at the second');
wait_for_status($host, 'app-1', 'published');
is($host->control("SELECT appinfra.finish_bucket_rotation('$id')"), 1, '  the old one goes');
is($host->control("SELECT appinfra.wait_bucket_revoked('$old->{OF_S3_ACCESS_KEY}')"), 't', '  the store has said so');
is_deeply([ $store->s3(elsewhere($old), [ get => 'a' ], [ fetch => $presigned ]) ], [ '!InvalidAccessKeyId', 403 ], '  the second refuses it and its presigned URL');

my ($url) = $store->s3(elsewhere($new), [ presign => 'a' ]);
is($host->control("SELECT appinfra.revoke_bucket('$id')"), 1, 'revoked: every key');
is($host->control("SELECT appinfra.wait_bucket_revoked('$new->{OF_S3_ACCESS_KEY}')"), 't', '  the store has said so');
is_deeply([ $store->s3(elsewhere($new), [ get => 'a' ], [ put => 'b', 'c' ], [ fetch => $url ]) ], [ '!InvalidAccessKeyId', '!InvalidAccessKeyId', 403 ], '  the second refuses it');
is($sidecar->stop, 0, 'the sidecar ends');
done_testing();
