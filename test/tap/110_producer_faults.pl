# Every row of the producer's contract (shared with its authors as producer-api.md), from a real HTTP
# server: what the sidecar does, what the host records, and whether the DSN works afterwards.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Publications qw(publication wait_for_status);
use Encode qw(encode_utf8);
use List::Util qw(uniq);
use Test::More;

my $host = Appinfra->make('faults', pool_size => 4);
my $peer = Appinfra::Peer->start;
my $sidecar = $host->start_sidecar(env => $peer->sidecar_env);
my $host_id = $host->control('SELECT appinfra.host_id()');
my $count = 0;

# Provisions for a new app, to which the rules apply; waits for what becomes of its publication.
# Returns the app, the publication, and the requests the peer has read.
sub deliver
{
	my ($status, @rules) = @_;
	my $app = 'app-' . ++$count;
	$peer->rules(map { { app => $app, %$_ } } @rules);
	$host->provision(app_id => $app, slug => $app);
	my $row = wait_for_status($host, $app, $status);
	return ($app, $row, $peer->requests($app));
}

sub dsn { return $_[0]->{body}{set}{DATABASE_URL}; }

# The key of the claim that a publication has.
sub key_of
{
	my ($row) = @_;
	return "$host_id-" . $host->control("SELECT claim FROM appinfra.publication WHERE publication_id = $row->{publication_id}");
}

sub logs_in
{
	my ($request) = @_;
	return ($host->as_app(dsn($request), 'SELECT 1'))[0] == 0 ? 1 : 0;
}

# The same publication, sent again: one DSN, one Idempotency-Key.
sub repeats
{
	my ($name, $app, $row, $sends, @requests) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @requests, $sends, "$name: the producer reads $sends requests");
	is(scalar uniq(map { dsn($_) } @requests), 1, "$name: all with the same DSN");
	is(join(' ', uniq(map { $_->{headers}{'Idempotency-Key'} } @requests)),
		key_of($row), "$name: and the same Idempotency-Key");
	is($row->{attempt}, 1, "$name: no other password was minted");
	is($peer->store->{$app}{DATABASE_URL}{value}, dsn($requests[-1]), "$name: it is stored");
	is(logs_in($requests[-1]), 1, "$name: and logs in");
	return;
}

# --- the request -----------------------------------------------------------------------------------------
my ($app, $row, @requests) = deliver('published');
is(scalar @requests, 1, 'one request');
my ($headers, $body) = @{ $requests[0] }{qw(headers body)};
is($headers->{Authorization}, 'Bearer test-token', 'Authorization: Bearer');
is($headers->{'Content-Type'}, 'application/json', 'Content-Type');
is($headers->{'Idempotency-Key'}, key_of($row), 'Idempotency-Key: host and claim');
like($headers->{'X-Request-Id'}, qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'X-Request-Id: a UUID');
is_deeply(
	$body,
	{
		producer => 'postgres', target => $app, host_id => $host_id, unset => [], version => 1,
		ref => $host->control("SELECT db_id FROM appinfra.databases WHERE app_id = '$app'"),
		publication_id => $row->{publication_id}, set => { DATABASE_URL => dsn($requests[0]) }
	},
	'the body has these fields and no other');
like(dsn($requests[0]), qr{^postgresql://app_app1:[\w-]{44}\@127\.0\.0\.1:\d+/app_app1\?sslmode=prefer$}, 'a DSN in it');

my $odd = 'a/b%2F?c=d#e&f+"<>\\^`{|}~;:@!$,.';
$peer->rules;
$host->provision(app_id => $odd, slug => 'odd');
wait_for_status($host, $odd, 'published');
my ($request) = $peer->requests($odd);
ok($request, 'an app_id of odd characters is percent-encoded in the path');
is($request->{body}{target}, $odd =~ s/%/%25/gr =~ s{/}{%2F}gr, 'in the target its slashes are, because those separate');
is(logs_in($request), 1, 'its DSN logs in');

# --- 2xx: stored -------------------------------------------------------------------------------------------
my $answer = { env_keys => ['DATABASE_URL'], version => 7, other => 'x' };
for my $case (
	[ '200, with a body', { status => 200, body => $answer }, { env_keys => ['DATABASE_URL'], version => 7 } ],
	[ '201, with a body', { status => 201, body => $answer }, { env_keys => ['DATABASE_URL'], version => 7 } ],
	[ '202, without a body', { status => 202, text => '' }, undef ],
	[ '204', { status => 204 }, undef ],
	[ 'an answer that is no JSON', { invalid_json => 1 }, undef ],
	[ 'JSON of another kind', { status => 200, text => '[1, "2"]' }, undef ],
	[ 'a body of 60 kB', { huge => 60_000 }, { env_keys => ['DATABASE_URL'], version => 1 } ],
	[ 'a body beyond 64 KiB', { huge => 70_000 }, undef ],
	[ 'a body of 20 MB', { huge => 20_000_000 }, undef ])
{
	my ($name, $rule, $response) = @$case;
	my $store = $rule->{status} ? { store => 1 } : {};
	($app, $row, @requests) = deliver('published', { %$rule, %$store });
	is(scalar @requests, 1, "$name: stored, and not sent again");
	is_deeply($row->{response}, $response, "$name: what is kept of the answer");
	is(logs_in($requests[0]), 1, "$name: the DSN logs in");
}

# --- this publication will not be taken ----------------------------------------------------------------------
my $problem = { title => 'unprocessable', detail => 'the app "x" is archived' };
for my $status (400, 404, 410, 413, 422, 418)
{
	($app, $row, @requests) = deliver('failed', { status => $status, body => $problem });
	is(scalar @requests, 1, "$status: not sent again");
	is("$row->{error} $row->{delivered}", "HTTP $status unprocessable: the app \"x\" is archived no", "$status: the reason is kept");
	is(logs_in($requests[0]), 0, "$status: the password is gone");
}
($app, $row) = deliver('failed', { status => 422, body => { title => 'too much ' x 60, detail => "\x{e9} " x 600 } });
cmp_ok(length(encode_utf8($row->{error})), '<=', 512, 'a long reason is cut to 512 bytes');
like($row->{error}, qr/^HTTP 422 too much too/, 'at its end');
($app, $row, @requests) = deliver('failed', { status => 409, body => { title => 'foreign_owner', detail => 'set by a person' } });
is("$row->{error} $row->{delivered} " . @requests, 'HTTP 409 foreign_owner: set by a person no 1', '409 foreign_owner: failed');
($app, $row, @requests) = deliver('failed', { status => 409, body => { title => 'stale_version' } });
is("$row->{delivered} " . @requests, 'no 1', '409 stale_version: not sent again, surely not stored');
is(logs_in($requests[0]), 0, '409 stale_version: the password is gone');
like($sidecar->log, qr/publication .*target=$app .*result=stale/, '409 stale_version: the log calls it stale');

$peer->rules;
$host->control("SELECT appinfra.retry_publication($row->{publication_id})");
$row = wait_for_status($host, $app, 'published');
is(logs_in(($peer->requests($app))[-1]), 1, 'retry_publication sends a failed one again, and it logs in');

($app, $row, @requests) = deliver('failed',
	{ times => 1, slow => 3, store_first => 1 }, { status => 422, body => $problem });
is("$row->{delivered} " . @requests, 'unknown 2', '422 after a time-out: it may have been stored');
is(logs_in($requests[0]), 1, '422 after a time-out: the DSN lives');
($app, $row, @requests) = deliver('failed', { times => 1, status => 503 }, { status => 422, body => $problem });
is("$row->{delivered} " . @requests, 'no 2', '422 after 503: surely not stored');
is(logs_in($requests[0]), 0, '422 after 503: the password is gone');

# --- not now: again ----------------------------------------------------------------------------------------------
for my $status (408, 425, 429, 500, 501, 502, 503, 504, 599)
{
	($app, $row, @requests) = deliver('published', { status => $status, times => 2 });
	repeats($status, $app, $row, 3, @requests);
	is(scalar uniq(map { $_->{headers}{'X-Request-Id'} } @requests), 3, "$status: each with its own X-Request-Id");
}
($app, $row, @requests) = deliver('published', { status => 500, times => 1, store => 1 });
repeats('500 after it was stored', $app, $row, 2, @requests);

for my $status (429, 503)
{
	($app, $row, @requests) = deliver('published', { status => $status, times => 1, headers => { 'Retry-After' => '2' } });
	repeats("$status with Retry-After", $app, $row, 2, @requests);
	cmp_ok($requests[1]{time} - $requests[0]{time}, '>=', 2, "$status: Retry-After is honoured");
}

# An outage of more than two leases, with the longest pause 0.2 s.
$peer->rules({ app => 'app-outage', status => 503 });
$host->provision(app_id => 'app-outage', slug => 'outage');
my ($first) = $peer->wait_for_requests('app-outage', 1);
my $sends = 5;
$sends = @requests + 1 while (@requests = $peer->wait_for_requests('app-outage', $sends))[-1]{time} < $first->{time} + 4.5;
$peer->rules;
$row = wait_for_status($host, 'app-outage', 'published');
@requests = $peer->requests('app-outage');
repeats('an outage of two leases', 'app-outage', $row, scalar @requests, @requests);
is(logs_in($first), 1, 'an outage: the lease was extended, so what was sent first is what logs in');

# --- no connection, and connections that break --------------------------------------------------------------------
$peer->kill9;
$host->provision(app_id => 'app-refused', slug => 'refused');
$sidecar->wait_for_log(qr/not delivered yet .*target=app-refused .*sends=2 .*[Cc]onnect/);
is(publication($host, 'app-refused')->{status}, 'claimed', 'nobody listens: the claim is held');
$peer->restart;
$row = wait_for_status($host, 'app-refused', 'published');
repeats('a producer that comes later', 'app-refused', $row, 1, $peer->requests('app-refused'));

my %breaks = (
	'reset before it is read' => [ 1, { reset => 'before_read' } ],
	'reset after it is read' => [ 2, { reset => 'after_read' } ],
	'reset after it is stored' => [ 2, { reset => 'after_store' } ],
	'an answer slower than the time-out' => [ 2, { slow => 3 } ],
	'a slow answer after it is stored' => [ 2, { slow => 3, store_first => 1 } ],
	'half an answer, then nothing' => [ 2, { half => 'hang' } ],
	'half an answer, then closed' => [ 2, { half => 'close' } ]);
for my $name (sort keys %breaks)
{
	my ($read, $rule) = @{ $breaks{$name} };
	$sidecar->stop; # a new one has no connection yet
	$sidecar = $host->start_sidecar(env => $peer->sidecar_env);
	($app, $row, @requests) = deliver('published', { times => 1, %$rule });
	repeats($name, $app, $row, $read, @requests);
	is(scalar uniq(map { $_->{headers}{'X-Request-Id'} } @requests), $read, "$name: each with its own X-Request-Id");
	like($sidecar->log, qr/not delivered yet .*target=$app .*sends=1 /, "$name: the log says so");
	($app, $row, @requests) = deliver('published', { times => 1, %$rule });
	repeats("$name, on a connection that was used before", $app, $row, $read, @requests);
}
# When a connection that was used before breaks, libcurl itself starts over on another one.
($app, $row, @requests) = deliver('failed', { times => 1, reset => 'after_store' }, { status => 422 });
is(scalar(@requests) . " $row->{delivered}", '2 unknown', '422 after a reset: it may have been stored');
is(logs_in($requests[0]), 1, '422 after a reset: the DSN that the producer may hold lives');

# --- redirects --------------------------------------------------------------------------------------------------------
my $elsewhere = Appinfra::Peer->start(name => 'elsewhere');
($app, $row, @requests) = deliver('published', { times => 2, redirect => $elsewhere->url . '/api/apps/x/env' });
repeats('a redirect', $app, $row, 3, @requests);
is(scalar $elsewhere->journal, 0, 'a redirect is not followed');
is($elsewhere->stats->{connections}, 1, 'nobody even asked there, but for this');
$sidecar->stop;
$host->provision(app_id => 'app-proxy', slug => 'proxy');
my $proxied = $host->start_sidecar(name => 'proxied', command => 'publish', args => ['--once'],
	env => $peer->sidecar_env(map { $_ => $elsewhere->url } qw(http_proxy HTTP_PROXY all_proxy ALL_PROXY)));
is($proxied->wait_end(60), 0, 'with proxy variables in its environment it delivers');
is(scalar $peer->requests('app-proxy'), 1, 'to the producer');
is(scalar $elsewhere->journal, 0, 'not to the proxy');

# --- 401 and 403: our configuration is wrong ---------------------------------------------------------------------------
my $tokens = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::append_to_file("$tokens/token", "test-token\n");
my %with_file = (OPENFACTORY_DB_PRODUCER_TOKEN => undef, OPENFACTORY_DB_PRODUCER_TOKEN_FILE => "$tokens/token");

sub write_token
{
	my ($token) = @_;
	open my $out, '>', "$tokens/token.new" or die $!;
	print $out "$token\n";
	close $out;
	rename "$tokens/token.new", "$tokens/token" or die $!;
	return;
}

# With a short probe: what is held is tried, one at a time, and nothing else is claimed.
$peer->expect_token('second-token');
$sidecar = $host->start_sidecar(env => $peer->sidecar_env(%with_file, APPINFRA_PROBE => '700ms'));
$sidecar->wait_for_log(qr/database connected connection=claims/);
$host->provision(app_id => 'app-held', slug => 'held');
$peer->wait_for_requests('app-held', 1);
$sidecar->wait_for_log(qr/error the producer refuses our token; claiming nothing .*error="HTTP 401/);
$host->provision(app_id => 'app-waits', slug => 'waits');
@requests = $peer->wait_for_requests('app-held', 4);
is(publication($host, 'app-held')->{status}, 'claimed', '401: the claim is kept');
is(publication($host, 'app-waits')->{status}, 'pending', '401: no other is claimed, for seven polls and three probes');
cmp_ok($requests[2]{time} - $requests[1]{time}, '>=', 0.65, '401: it is tried once every probe');
is(scalar uniq(map { dsn($_) } @requests), 1, '401: with the same DSN');
$peer->expect_token('test-token');
wait_for_status($host, $_, 'published') for qw(app-held app-waits);
like($sidecar->log, qr/the producer takes our token again/, '401: a probe that is taken releases all');
is(publication($host, 'app-held')->{attempt}, 1, '401: with the same DSN');
$sidecar->stop;

# With an hour to the next probe: only SIGHUP has it tried. The peer forbids until its rules are cleared.
for my $status (401, 403)
{
	my ($held, $waits) = ("app-held-$status", "app-waits-$status");
	write_token('old-token');
	$peer->expect_token($status == 401 ? 'new-token' : 'old-token');
	$peer->rules({ status => 403, body => { title => 'forbidden' } }) if $status == 403;
	$sidecar = $host->start_sidecar(env => $peer->sidecar_env(%with_file, APPINFRA_PROBE => '1h'));
	$sidecar->wait_for_log(qr/database connected connection=claims/);
	$host->provision(app_id => $held, slug => $held);
	$sidecar->wait_for_log(qr/the producer refuses our token; .*error="HTTP $status/);
	$host->provision(app_id => $waits, slug => $waits);
	$sidecar->signal('HUP');
	$peer->wait_for_requests($held, 2);
	is(publication($host, $held)->{status}, 'claimed', "$status: SIGHUP, and it is still refused: the claim is kept");
	is(publication($host, $waits)->{status}, 'pending', "$status: and no other is claimed");
	write_token('new-token');
	$peer->rules if $status == 403;
	$peer->expect_token('new-token');
	$sidecar->signal('HUP');
	$row = wait_for_status($host, $held, 'published');
	wait_for_status($host, $waits, 'published');
	repeats($status, $held, $row, 3, $peer->requests($held));
	is(($peer->requests($held))[-1]{headers}{Authorization}, 'Bearer new-token', "$status: SIGHUP reads the new token");
	$sidecar->stop;
}
$host->wait_for_pool(4);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
