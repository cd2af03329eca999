# Buckets through REST and MCP at a real Ceph: keys handed out once, guests, repetitions, quotas, revocation, and
# what is answered when there is no store. The fields are those that the platform's documents name.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Peer;
use Appinfra::Publications qw(publication);
use Appinfra::Rest;
use Appinfra::Store;
use Appinfra::Wait qw(reaches wait_for);
use HTTP::Tiny;
use JSON::PP;
use Test::More;

my $store = Appinfra::Store->start;
my $host = Appinfra->make('doors', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\n", $store->endpoint));
my $buckets = '/api/app-infra/buckets';
my ($ann, $eve) = map { "$_\@example.com" } qw(ann eve);
my %options = (APPINFRA_POLL => '200ms', APPINFRA_GUESTS => 'loopback', APPINFRA_GUEST_QUOTA => '1MiB', APPINFRA_PUBLISH_WAIT => '5s');
my $peer = Appinfra::Peer->start;
# No token for buckets: nobody delivers them, so keys are handed out.
my $rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => { $peer->sidecar_env->%*, $store->env, %options });
my @five = map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);

sub as { my ($user, @call) = @_; return $rest->call(@call[0, 1], $call[2], user => $user); }

# --- a key is handed out ------------------------------------------------------------------------------------
my $made = as($ann, POST => $buckets, { app_id => 'app-1', slug => 'photos' });
is($made->{status}, 201, 'a bucket is made') or diag $made->{content};
my $bucket = $made->{json};
is_deeply([ sort keys %$bucket ], [ sort qw(bucket_id bucket_name endpoint_url access_key region status env_keys secret_key env_payload) ], '  with the fields that are documented');
is($bucket->{status}, 'ready', '  it is ready');
is_deeply($bucket->{env_payload}, { OF_S3_ENDPOINT => $store->endpoint, OF_S3_BUCKET => $bucket->{bucket_name}, OF_S3_REGION => 'us-east-1',
		OF_S3_ACCESS_KEY => $bucket->{access_key}, OF_S3_SECRET_KEY => $bucket->{secret_key} }, '  and the five variables');
is_deeply([ $store->s3($bucket->{env_payload}, [ put => 'a', 'text' ], [ get => 'a' ]) ], [ 'ok', 'text' ], 'with which boto3 works');
my $id = $bucket->{bucket_id};
my $seen = as($ann, GET => "$buckets/$id");
is_deeply([ sort keys %{ $seen->{json} } ],
	[ sort qw(bucket_id app_id owner_user_id slug bucket_name access_key endpoint_url region shape shared_host status notes env_keys quota objects bytes created_at) ], 'its metadata');
unlike($seen->{content} . as($ann, GET => $buckets)->{content}, qr/\Q$bucket->{secret_key}\E/, '  without the secret, in a list, too');
is_deeply([ map { $_->{bucket_id} } @{ as($ann, GET => "$buckets?app_id=app-1")->{json}{buckets} } ], [$id], 'listed by app');
refused(as($eve, GET => "$buckets/$id"), 404, 'not_found', "another's");
refused(as($ann, GET => "$buckets/buk-0000000000000"), 404, 'not_found', 'one that is not there');

# --- rotate, quota, revoke, restore, remove -------------------------------------------------------------------
my $new = as($ann, POST => "$buckets/$id/rotate", { deadline => '1h' })->{json};
isnt($new->{access_key}, $bucket->{access_key}, 'rotated: another key');
is_deeply([ $store->s3($new->{env_payload}, [ get => 'a' ]), $store->s3($bucket->{env_payload}, [ get => 'a' ]) ], [ 'text', 'text' ], '  both work until the deadline');
is(as($ann, PATCH => "$buckets/$id", { quota => 65536 })->{json}{quota}, 65536, 'a quota is set');
refused(as($ann, PATCH => "$buckets/$id", {}), 400, 'invalid_field', 'a quota that lacks', qr/quota/);
my $revoked = as($ann, POST => "$buckets/$id/revoke", { reason => 'test' });
is_deeply([ $revoked->{status}, $revoked->{json} ], [ 200, { revoked => 2 } ], 'revoked: both keys, and the store has said so');
is_deeply([ map { $store->s3($_->{env_payload}, [ get => 'a' ]) } $bucket, $new ], [ ('!InvalidAccessKeyId') x 2 ], '  which refuses them');
my $back = as($ann, POST => "$buckets/$id/restore");
is($back->{status}, 200, 'restored') or diag $back->{content};
is_deeply([ $store->s3($back->{json}{env_payload}, [ get => 'a' ]) ], ['text'], '  with its objects, under another key');
my $gone = as($ann, DELETE => "$buckets/$id?retain=1h");
is_deeply([ $gone->{status}, [ sort keys %{ $gone->{json} } ] ], [ 202, [qw(bucket_id restorable_until status)] ], 'removed');
reaches { wait_for('retained', sub { as($ann, GET => "$buckets/$id")->{json}{status} eq 'retained' }) } '  and retained';

# --- repetitions ------------------------------------------------------------------------------------------------
my %order = (app_id => 'app-2', idempotency_key => 'order-1');
my $first = as($ann, POST => $buckets, \%order);
my $again = as($ann, POST => $buckets, \%order);
is_deeply([ $first->{status}, $again->{status} ], [ 201, 200 ], 'a repetition of the key: 200');
is($again->{json}{bucket_id}, $first->{json}{bucket_id}, '  the same bucket');
ok(!exists $again->{json}{secret_key} && !exists $again->{json}{env_payload}, '  and no secret');
refused(as($ann, POST => $buckets, { %order, env_prefix => 'OTHER' }), 409, 'conflict', 'with other arguments');
refused(as($ann, POST => $buckets, { app_id => 'app-2', env_prefix => $_ }), 422, 'refused', "a prefix that is none: $_") for 'lower', 'A' x 101, '1A';
refused(as($ann, POST => $buckets, { app_id => 'app-2', colour => 'red' }), 400, 'invalid_field', 'an unknown field', qr/colour/);

# --- guests -----------------------------------------------------------------------------------------------------
sub as_guest
{
	my ($guest, $method, $path, $content) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->request($method, $rest->url . $path,
		{ headers => { 'X-Guest-Id' => $guest, 'Content-Type' => 'application/json' }, defined $content ? (content => encode_json($content)) : () });
	$answer->{json} = eval { decode_json($answer->{content}) };
	return $answer;
}
my $guest = 'guest-of-this-test';
my $of_guest = as_guest($guest, POST => $buckets, { app_id => 'app-guest', publish => JSON::PP::true });
is($of_guest->{status}, 201, 'a guest gets a bucket') or diag $of_guest->{content};
ok($of_guest->{json}{secret_key}, '  with its secret, though it asked for publication');
is_deeply([ $store->s3($of_guest->{json}{env_payload}, [ put => 'a', 'b' ], [ fill => 'large', 2_000_000 ]) ], [ 'ok', '!QuotaExceeded' ], '  within its quota');
is($host->control("SELECT owner_user_id FROM appinfra.apps WHERE app_id = 'app-guest'"), "guest:$guest", '  its app is registered to it');
is(as_guest('another-guest-1234', GET => "$buckets/$of_guest->{json}{bucket_id}")->{status}, 404, '  another guest does not see it');
is(as_guest($guest, GET => '/api/app-infra/databases')->{status}, 401, 'a guest has no databases');
is(as_guest($guest, POST => $buckets, { app_id => 'app-1' })->{status}, 404, "nor others' apps");
is(as_guest($guest, POST => $buckets, { app_id => 'app-guest', env_prefix => "G$_" })->{status}, 201, "bucket $_") for 2, 3;
refused(as_guest($guest, POST => $buckets, { app_id => 'app-guest', env_prefix => 'G4' }), 422, 'refused', 'a fourth', qr/at most 3/);
is(as_guest('short', GET => $buckets)->{status}, 401, 'what is no identifier');

# --- MCP --------------------------------------------------------------------------------------------------------
sub tool
{
	my ($name, %arguments) = @_;
	my $answer = $rest->call(POST => '/mcp', { jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => $name, arguments => \%arguments } }, user => $ann);
	return $answer->{json}{result}{structuredContent} // $answer->{json}{result}{content}[0]{text};
}
my $skipped = tool(add_app_bucket => app_id => 'app-3');
is_deeply([ @$skipped{qw(env_published env_keys session_token)} ], [ JSON::PP::false, [], $ann ], 'add_app_bucket without a producer: nothing is published');
is_deeply([ sort keys %{ $skipped->{env_payload} } ], [ sort @five ], '  the variables are in the answer');
like($skipped->{publish_skipped_reason}, qr/^OPENFACTORY_STORAGE_PRODUCER_TOKEN is not configured; call set_app_env\(app_id, set=<env_payload from this response>\)/, '  and why');
like($skipped->{next}, qr/^set_app_env\(app_id='app-3', set=<env_payload from this response>\) then deploy_app\(/, '  and what next');
is(tool(list_app_buckets => app_id => 'app-3')->{buckets}[0]{bucket_id}, $skipped->{bucket_id}, 'list_app_buckets');
my $checked = tool(check_app_bucket => app_id => 'app-3', bucket_id => $skipped->{bucket_id});
is_deeply([ sort keys %$checked ], [qw(bucket keys publications session_token)], 'check_app_bucket');
unlike(encode_json($checked), qr/\Q$skipped->{secret_key}\E/, '  without the secret');
like(tool(rotate_app_bucket => app_id => 'app-2', bucket_id => $skipped->{bucket_id}), qr/^not_found/, "another app's bucket");
is(tool(remove_app_bucket => app_id => 'app-3', bucket_id => $skipped->{bucket_id})->{bucket_id}, $skipped->{bucket_id}, 'remove_app_bucket');
$rest->process->stop;

# --- with a producer for buckets ----------------------------------------------------------------------------------
$rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => { $peer->sidecar_env->%*, $store->env, %options, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token' });
my $published = tool(add_app_bucket => app_id => 'app-4');
is_deeply([ $published->{env_published}, [ sort @{ $published->{env_keys} } ] ], [ JSON::PP::true, [ sort @five ] ], 'add_app_bucket with a producer: published');
ok(!grep({ exists $published->{$_} } qw(secret_key env_payload)), '  and no secret in the answer');
like($published->{next}, qr/^deploy_app\(app_id='app-4', vm_name=\.\.\.\)/, '  and what next');
my %stored = map { $_ => $peer->store->{'app-4'}{$_}{value} } @five;
is_deeply([ $store->s3(\%stored, [ put => 'a', 'b' ], [ get => 'a' ]) ], [ 'ok', 'b' ], '  the producer has what works');
is(scalar(keys %{ { map { $peer->store->{'app-4'}{$_}{version} => 1 } @five } }), 1, '  under one version');
my $by_rest = as($ann, POST => $buckets, { app_id => 'app-5', publish => JSON::PP::true });
is_deeply([ $by_rest->{status}, $by_rest->{json}{status}, exists $by_rest->{json}{secret_key} ? 1 : 0 ], [ 201, 'ready', 0 ], 'published by REST: made, and no secret');
my $metrics = $rest->call(GET => '/metrics')->{content};
like($metrics, qr/^appinfra_store_calls_total\{[^}]*call="[^"]+"[^}]*\} \d/m, 'calls of the store are counted');
like($metrics, qr/^appinfra_buckets\{status="ready"\} [1-9]/m, 'buckets by status');

# A token that the producer refuses stops buckets, and nothing else.
$rest->process->stop;
$rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => { $peer->sidecar_env->%*, $store->env, %options, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'wrong' });
as($ann, POST => $buckets, { app_id => 'app-6', publish => JSON::PP::true });
reaches { wait_for('readyz', sub { $rest->call(GET => '/readyz')->{content} =~ /the storage producer refuses our token/ }) } '/readyz: the storage producer refuses our token';
unlike($rest->call(GET => '/readyz')->{content}, qr/the producer refuses/, '  and not that of databases');
$rest->process->stop;

# Our own key refused: nothing is handed out, and /readyz says so.
$rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'],
	env => { $peer->sidecar_env->%*, $store->env, %options, APPINFRA_S3_ADMIN_SECRET_KEY => 'wrong', OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token', APPINFRA_PUBLISH_WAIT => '500ms' });
reaches { wait_for('readyz', sub { $rest->call(GET => '/readyz')->{content} =~ /the store refuses our key/ }) } '/readyz: the store refuses our key';
my $refused = as($ann, POST => $buckets, { app_id => 'app-7' });
refused($refused, 503, 'storage_unavailable', 'nothing is handed out');
like($refused->{json}{bucket_id}, qr/^buk-/, '  and the answer names the bucket');
ok($refused->{headers}{'retry-after'}, '  and when to come again');
$rest->process->stop;

# No store at all.
$rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => { $peer->sidecar_env->%*, %options });
refused(as($ann, POST => $buckets, { app_id => 'app-8' }), 503, 'storage_unavailable', 'without a store');
is($host->control("SELECT count(*) FROM appinfra.buckets WHERE app_id = 'app-8'"), 0, '  nothing is made');
done_testing();
