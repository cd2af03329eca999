# The REST API against a running sidecar: every row of its tables, the fields of the documents, who
# may do what, and what is said when something is wrong.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Rest;
use Appinfra::Wait qw(reaches wait_for);
use Encode qw(decode);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('rest', pool_size => 4);
$host->wait_for_pool(4);
my $rest = Appinfra::Rest->start($host, args => ['--rate-limit=0']);
my $databases = $rest->databases;
my $user = 'user@example.com';
my $other = 'other@example.com';

# --- provision, get, list: the documents' examples ------------------------------------------------------
my $answer = $rest->provision;
is($answer->{status}, 201, 'POST: 201') or diag $answer->{content};
my $made = $answer->{json};
my $connection = $made->{connection};
like($made->{db_id}, qr/^db-[0-9a-f]{12}$/, 'with a db_id');
is($made->{status}, 'ready', 'and the status ready');
is_deeply(
	{ %$connection, password => undef, url => undef },
	{ host => '127.0.0.1', port => $host->port, database => 'app_myapp', username => 'app_myapp', password => undef, url => undef },
	'the connection has host, port, database, username, password, url');
like($connection->{password}, qr/^[A-Za-z0-9_-]{44}$/, 'the password is there');
is(parse_dsn($connection->{url})->{password}, $connection->{password}, 'and in the url');
is($answer->{headers}{'cache-control'}, 'no-store', 'and nobody may store it');
my ($code, $out, $err) = $host->as_app($connection->{url}, 'SELECT current_database()');
is($out, 'app_myapp', 'it logs in') or diag $err;

my $get = $rest->call(GET => "$databases/$made->{db_id}", undef, user => $user);
is($get->{status}, 200, 'GET by id: 200');
my %expected = (
	db_id => $made->{db_id}, app_id => 'app-12345678', engine => 'postgres', shape => 'shared-tenant',
	shared_host => '127.0.0.1', database => 'app_myapp', username => 'app_myapp', host => '127.0.0.1',
	port => $host->port, status => 'ready', notes => undef);
is_deeply({ map { $_ => $get->{json}{$_} } keys %expected }, \%expected, 'with the fields of the document');
like($get->{json}{created_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'and when it was made');
unlike($get->{content}, qr/password|\Q$connection->{password}\E/, 'and no password');
my $list = $rest->call(GET => "$databases?app_id=app-12345678", undef, user => $user);
is_deeply($list->{json}, { databases => [ $get->{json} ] }, 'GET of the app: a list with the same');

# The same by curl.
my $token = $rest->token(email => $user);
my ($exit, $status, $body) = $rest->curl("$databases/$made->{db_id}", '-H', "Authorization: Bearer $token");
is_deeply([ $exit, $status, decode_json($body) ], [ 0, 200, $get->{json} ], 'curl gets the same');
($exit, $status, $body) = $rest->curl($databases, '-H', "Authorization: Bearer $token", '--json',
	encode_json({ app_id => 'app-curl', owner_user_id => $user, slug => 'curl', engine => 'postgres' }));
is($status, 201, 'curl provisions') or diag $body;

# --- two users --------------------------------------------------------------------------------------------
my $theirs = $rest->provision(user => $other, app_id => 'app-other', slug => 'other')->{json}{db_id};
my %routes = (
	"GET $databases/{}" => undef, "POST $databases/{}/rotate" => {}, "POST $databases/{}/revoke" => {},
	"POST $databases/{}/restore" => {}, "DELETE $databases/{}" => undef, "GET $databases/{}/exposures" => undef);
for my $route (sort keys %routes)
{
	my ($method, $path) = split / /, $route =~ s/\{\}/$theirs/r;
	my $not_mine = $rest->call($method, $path, $routes{$route}, user => $user);
	refused($not_mine, 404, 'not_found', "another's database: $route");
	my $none = $rest->call($method, $path =~ s/$theirs/db-000000000000/r, $routes{$route}, user => $user);
	is($none->{content}, $not_mine->{content}, '  the same is said of one that does not exist');
	refused($rest->call($method, $path =~ s/$theirs/db-..%2Fx/r, $routes{$route}, user => $user),
		404, 'not_found', '  and of what is no id');
}
is($host->control("SELECT status FROM appinfra.databases WHERE db_id = '$theirs'"), 'ready', 'nothing has happened to it');
refused($rest->call(GET => "$databases?app_id=app-other", undef, user => $user), 404, 'not_found', 'nor does a list show it');
refused($rest->call(POST => $databases, { app_id => 'app-x', owner_user_id => $other, slug => 'x' }, user => $user),
	403, 'forbidden', 'nobody provisions in the name of another');
refused($rest->provision(app_id => 'app-other', slug => 'mine', env => { MINE_URL => 'owner' }, publish => JSON::PP::true),
	404, 'not_found', "nor for another's app");
refused($rest->call(GET => '/api/app-infra/audit', undef, user => $user), 403, 'forbidden', 'the audit is for administrators');

# --- an administrator ---------------------------------------------------------------------------------------
is($rest->call(GET => "$databases/$theirs", undef, user => 'root@example.com', admin => 1)->{json}{owner_user_id}, $other,
	'an administrator sees everything');
my $for_other = $rest->call(POST => $databases, { app_id => 'app-made', owner_user_id => $other, slug => 'made' },
	user => 'root@example.com', admin => 1);
is($for_other->{status}, 201, 'and provisions for others');
is($rest->call(GET => "$databases/$for_other->{json}{db_id}", undef, user => $other)->{status}, 200, 'who then own it');
my $audit = $rest->call(GET => "/api/app-infra/audit?db_id=$for_other->{json}{db_id}&after=0", undef,
	user => 'root@example.com', admin => 1)->{json};
my ($row) = grep { $_->{action} =~ /provision/ } @{ $audit->{audit} };
is($row->{end_user}, 'root@example.com', 'the audit says who asked') or diag explain $audit;
# Users whose names differ in one byte, and the longest.
for my $name ("j\xc3\xb6rg\@example.com", "j\xc3\xbcrg\@example.com", 'u' x 308 . '@example.com')
{
	my $text = decode('UTF-8', $name);
	my $its = $rest->call(POST => $databases, { app_id => 'app-' . substr(unpack('H*', $name), 0, 8), owner_user_id => $text, slug => 'made' }, user => $name);
	is($its->{status}, 201, 'a user provisions') or diag $its->{content};
	my $rows = $rest->call(GET => "/api/app-infra/audit?db_id=$its->{json}{db_id}&after=0", undef, user => 'root@example.com', admin => 1)->{json}{audit};
	is_deeply([ map { $_->{end_user} } grep { $_->{action} =~ /provision/ } @$rows ], [$text], 'and the audit has the whole name');
}
is($rest->call(GET => "/api/app-infra/audit?after=$audit->{next_after}&db_id=$for_other->{json}{db_id}", undef,
		user => 'root@example.com', admin => 1)->{json}{audit}[0], undef, 'and goes on where one was');

# --- idempotency --------------------------------------------------------------------------------------------
my %request = (app_id => 'app-idem', owner_user_id => $user, slug => 'idem');
my $first = $rest->call(POST => $databases, \%request, user => $user, headers => { 'Idempotency-Key' => 'k1' });
is($first->{status}, 201, 'a request with a key') or diag $first->{content};
my $again = $rest->call(POST => $databases, { %request, idempotency_key => 'k1' }, user => $user);
is("$again->{status} $again->{json}{db_id}", "200 $first->{json}{db_id}", 'repeated: 200 and the same database');
is_deeply([ grep { exists $again->{json}{connection}{$_} } qw(password url) ], [], 'without the password');
refused($rest->call(POST => $databases, { %request, slug => 'idem-b', idempotency_key => 'k1' }, user => $user),
	409, 'conflict', 'the key with another request', qr/used with other arguments/);
my $foreign = $rest->call(POST => $databases, { %request, app_id => 'app-idem-b', owner_user_id => $other, idempotency_key => 'k1' },
	user => $other);
is($foreign->{status}, 201, "another's key of the same name is another key") or diag $foreign->{content};
isnt($foreign->{json}{db_id}, $first->{json}{db_id}, 'and another database');
refused($rest->call(POST => $databases, { %request, idempotency_key => 'a' }, user => $user, headers => { 'Idempotency-Key' => 'b' }),
	400, 'invalid_field', 'two keys');
my $published = $rest->call(POST => $databases, { %request, app_id => 'app-pub', slug => 'pub', publish => JSON::PP::true, idempotency_key => 'p' }, user => $user);
is($published->{status}, 201, 'published: 201');
is_deeply([ grep { exists $published->{json}{connection}{$_} } qw(password url) ], [], 'without a password');
is($rest->call(POST => $databases, { %request, app_id => 'app-pub', slug => 'pub', publish => JSON::PP::true, idempotency_key => 'p' }, user => $user)->{status},
	200, 'repeated: 200');
($code, $out, $err) = $host->as_app($host->wait_for_env('app-pub', 'DATABASE_URL'), 'SELECT current_user');
is($out, 'app_pub_owner', 'the sidecar has delivered it') or diag $err;

# --- rotate, revoke, restore, remove --------------------------------------------------------------------------
my $one = "$databases/$made->{db_id}";
my $rotated = $rest->call(POST => "$one/rotate", { grace => '30m' }, user => $user);
is($rotated->{status}, 200, 'rotate: 200') or diag $rotated->{content};
is($rotated->{json}{connection}{username}, 'app_myapp_2', 'another login');
($code, $out, $err) = $host->as_app($rotated->{json}{connection}{url}, 'SELECT 1');
is($out, 1, 'that works') or diag $err;
refused($rest->call(POST => "$one/rotate", { grace => 'soon' }, user => $user), 400, 'invalid_field', 'a grace that is none', qr/"grace"/);
refused($rest->call(POST => "$one/rotate", { env_key => 'NO_URL' }, user => $user), 404, 'not_found', 'a variable it has not');
my $revoked = $rest->call(POST => "$one/revoke", { reason => 'test' }, user => $user);
is("$revoked->{status} $revoked->{json}{revoked}", '200 2', 'revoke: 200 and how many');
($code, $out, $err) = $host->as_app($rotated->{json}{connection}{url}, 'SELECT 1');
is($code, 2, 'nobody logs in any more');
refused($rest->call(POST => "$one/rotate", {}, user => $user), 422, 'refused', 'no rotation of a revoked one');
my $restored = $rest->call(POST => "$one/restore", undef, user => $user);
is($restored->{status}, 200, 'restore, without a body: 200') or diag $restored->{content};
($code, $out, $err) = $host->as_app($restored->{json}{connection}{url}, 'SELECT 1');
is($out, 1, 'and the new login works') or diag $err;
my $removed = $rest->call(DELETE => "$one?retain=2d", undef, user => $user);
is($removed->{status}, 202, 'DELETE: 202') or diag $removed->{content};
like($removed->{json}{restorable_until}, qr/^\d{4}-/, 'with the time until it can be restored');
is($rest->call(POST => "$one/restore", {}, user => $user)->{status}, 200, 'and it can');
refused($rest->call(DELETE => "$one?retain=-1d", undef, user => $user), 400, 'invalid_field', 'no negative time');

my $exposures = $rest->call(GET => "$one/exposures", undef, user => $user);
is("$exposures->{status} " . ref $exposures->{json}{exposures}, '200 ARRAY', 'exposures: 200 and a list') or diag $exposures->{content};

# --- pages ----------------------------------------------------------------------------------------------------
$host->wait_for_pool(4);
$rest->provision(app_id => 'app-page', slug => "page-$_", env => { "PAGE_${_}_URL" => 'owner' }) for 1 .. 3;
my ($cursor, @seen) = ('');
for my $page (1 .. 3)
{
	my $part = $rest->call(GET => "$databases?app_id=app-page&limit=1" . ($cursor && "&cursor=$cursor"), undef, user => $user)->{json};
	push @seen, map { $_->{slug} } @{ $part->{databases} };
	$cursor = $part->{next_cursor} // '';
}
is_deeply([ \@seen, $cursor ], [ [ 'page-1', 'page-2', 'page-3' ], '' ], 'a list comes in pages, each once, and ends');
refused($rest->call(GET => "$databases?cursor=nonsense", undef, user => $user), 400, 'invalid_field', 'a cursor of nobody');

# --- what is refused, and how -----------------------------------------------------------------------------------
my %good = (app_id => 'app-bad', owner_user_id => $user, slug => 'bad');
my $post = sub { my ($content, %args) = @_; return $rest->call(POST => $databases, $content, user => $user, %args); };
refused($post->('{"app_id":'), 400, 'invalid_json', 'half a document');
refused($post->('[]'), 400, 'invalid_json', 'no object');
refused($post->('{"slug":"a","slug":"b"}'), 400, 'invalid_json', 'a key twice', qr/twice/);
refused($post->("{\"slug\":\"\xff\"}"), 400, 'invalid_json', 'invalid UTF-8');
refused($post->('{"env":' . '{"a":' x 100 . '1' . '}' x 101), 400, 'invalid_json', 'deep nesting', qr/deep/);
refused($post->({ %good, colour => 'red' }), 400, 'invalid_field', 'an unknown field', qr/"colour"/);
refused($post->({ %good, slug => 7 }), 400, 'invalid_field', 'a field of another type', qr/"slug"/);
refused($post->({ app_id => 'app-bad', owner_user_id => $user }), 400, 'invalid_field', 'a field is missing', qr/"slug"/);
refused($post->({%good}, headers => { 'Content-Type' => 'text/plain' }), 415, 'unsupported_media_type', 'another media type');
refused($post->({ %good, slug => 'Bad Slug' }), 422, 'refused', 'what the extension refuses', qr/slug/);
refused($post->({ %good, engine => 'mysql' }), 422, 'refused', 'another engine');
refused($post->({ %good, env => { DATABASE_URL => { access => 'owner', via => 'proxy' } } }), 422, 'refused', 'another way to the database', qr/"proxy"/);
my $unset = $post->({ %good, env => { DATABASE_URL => { access => 'owner', via => 'pooler' } } });
refused($unset, 422, 'refused', 'a pooler where there is none');
like($unset->{json}{hint}, qr/appinfra\.pooler_host/, '  and what to do');
$host->append_conf('postgresql.conf', "appinfra.pooler_host = 'pool.example'");
$host->reload;
$host->wait_until("SELECT current_setting('appinfra.pooler_host') = 'pool.example'");
my $pooled = $post->({ app_id => 'app-pooled', slug => 'pooled', env => { READ_URL => 'reader', DATABASE_URL => { access => 'writer', via => 'pooler' } } });
is($pooled->{status}, 201, 'a variable through the pooler: 201') or diag $pooled->{content};
is_deeply([ map { @$_{qw(host port)} } $pooled->{json}{connection}, parse_dsn($pooled->{json}{env}{DATABASE_URL}), parse_dsn($pooled->{json}{env}{READ_URL}) ],
	[ 'pool.example', 6432, 'pool.example', 6432, '127.0.0.1', $host->port ], '  has its address, and the other one the server\'s');
my $taken = $post->({ app_id => 'app-12345678', slug => 'second' });
refused($taken, 409, 'conflict', 'a variable that is taken');
is($taken->{json}{sqlstate}, '23505', '  with the SQLSTATE');
like($taken->{json}{hint}, qr/env/, '  and the hint');
my $wrong = $rest->call(PUT => $databases, {}, user => $user);
refused($wrong, 405, 'method_not_allowed', 'another method');
is($wrong->{headers}{allow}, 'POST, GET', '  with those that are allowed');
refused($rest->call(GET => '/api/nothing', undef, user => $user), 404, 'not_found', 'another path');
refused($rest->call(GET => "$databases?colour=red", undef, user => $user), 400, 'invalid_field', 'an unknown parameter', qr/"colour"/);
my $nobody = $rest->call(GET => $databases);
refused($nobody, 401, 'unauthenticated', 'nobody');
is($nobody->{headers}{'www-authenticate'}, 'Bearer', '  is asked for a token');
refused($rest->call(GET => $databases, undef, headers => { 'X-User-Email' => $user }), 401, 'unauthenticated',
	'a header alone names nobody');

# --- the open paths ----------------------------------------------------------------------------------------------
is($rest->call(GET => '/healthz')->{status}, 200, 'healthz: 200');
my $ready = $rest->call(GET => '/readyz');
is_deeply([ $ready->{status}, $ready->{json} ], [ 200, { ready => JSON::PP::true, reasons => [] } ], 'readyz: 200');
my $openapi = $rest->call(GET => '/openapi.json')->{json};
is($openapi->{openapi}, '3.1.0', 'openapi.json is of version 3.1');
is_deeply([ sort map { my $path = $_; map { uc($_) . " $path" } keys %{ $openapi->{paths}{$path} } } keys %{ $openapi->{paths} } ],
	[ sort "POST $databases", "GET $databases", map({ $_ =~ s/\{\}/{db_id}/r } keys %routes),
		map({ my ($way, @methods) = @$_; map { "$_ $databases/{db_id}/$way" } @methods } [qw(variables GET PUT DELETE)], [qw(credentials GET POST)], ['credentials/{username}', 'DELETE'],
			[qw(usage GET)], [qw(sessions GET)], ['sessions/{pid}', 'DELETE'], [qw(statements GET)],
			[qw(keys GET POST)], ['keys/{key_id}', 'DELETE'],
			[qw(services GET POST PUT)], ['services/{service_id}/{host_id}', 'DELETE'], ['services/{service_id}/{host_id}/rotate', 'POST'], [qw(publications GET)]),
		map({ ("GET $_", "POST $_", map({ "$_->[0] /api/app-infra/buckets/{bucket_id}$_->[1]" } [ GET => '' ], [ PATCH => '' ], [ DELETE => '' ], map { [ POST => "/$_" ] } qw(rotate revoke restore))) } '/api/app-infra/buckets'),
		'POST /api/app-infra/publications/{publication_id}/retry', "PATCH $databases/{db_id}",
		'GET /api/app-infra/apps', map({ "$_ /api/app-infra/apps/{app_id}" } qw(GET PUT DELETE)), 'POST /api/app-infra/apps/{app_id}/transfer',
		map({ "GET /api/app-infra/$_" } qw(pool exposures publications)), 'GET /api/app-infra/audit', 'GET /healthz', 'GET /readyz', 'GET /metrics', 'GET /openapi.json', 'POST /mcp' ],
	'and has every route');

# Returns where a schema leaves open what is in a list or an object.
sub untyped
{
	my ($at, $node) = @_;
	return map { untyped("$at/$_", $node->[$_]) } 0 .. $#$node if ref $node eq 'ARRAY';
	return () if ref $node ne 'HASH';
	my $type = ref $node->{type} ? '' : $node->{type} // '';
	my $open = $type eq 'array' && !%{ $node->{items} // {} } || $type eq 'object' && !$node->{properties} && !$node->{additionalProperties};
	return ($open ? $at : (), map { untyped("$at/$_", $node->{$_}) } sort keys %$node);
}
is_deeply([ grep { !/mcp/i } untyped('', $openapi) ], ['/components/schemas/OpenApi'], 'bodies, answers and items are typed, but for JSON-RPC and itself');
is_deeply([ grep { !$_->{requestBody} } map { @$_{ grep { /^(post|put|patch)$/ } keys %$_ } } values %{ $openapi->{paths} } ], [], 'each body is described');
my $metrics = $rest->call(GET => '/metrics')->{content};
like($metrics, qr{^appinfra_http_requests_total\{code="201",method="POST",route="/api/app-infra/databases"\} \d+$}m, 'metrics: requests by route and code');
for my $name (qw(http_request_seconds_bucket http_connections publications publication_oldest_pending_seconds pool_shells claims
	tenants audit_lag_seconds
	database_reconnects_total build_info database_up))
{
	like($metrics, qr/^appinfra_$name[ {]/m, "metrics: $name");
}
like($metrics, qr/^appinfra_tenants\{status="ready"\} [1-9]/m, 'the registry is counted');

# --- rate, loopback, drain -----------------------------------------------------------------------------------------
my $strict = Appinfra::Rest->start($host, env => { APPINFRA_TRUST_LOOPBACK => 1, APPINFRA_RATE_LIMIT => 2 });
is($strict->call(GET => $one, undef, headers => { 'X-User-Email' => $user })->{status}, 200, 'APPINFRA_TRUST_LOOPBACK=1: the header names the user');
is($strict->call(GET => $one, undef, headers => { 'X-User-Email' => $other })->{status}, 404, 'and no other');
my @answers = map { $strict->call(GET => $one, undef, headers => { 'X-User-Email' => $user }) } 1 .. 12;
my ($limited) = grep { $_->{status} == 429 } @answers;
refused($limited, 429, 'rate_limited', 'too many requests of one user');
like($limited->{headers}{'retry-after'}, qr/^[1-9]\d*$/, '  with Retry-After');
is($strict->call(GET => "$databases/$theirs", undef, headers => { 'X-User-Email' => $other })->{status}, 200, 'another user is not concerned');
is($strict->process->stop, 0, 'SIGTERM: exit code 0');

# Over a unix socket.
my $socket = PostgreSQL::Test::Utils::tempdir_short() . '/api';
my $local = Appinfra::Rest->start($host, listen => "unix:$socket", env => { APPINFRA_TRUST_LOOPBACK => 1 });
$local->{curl_url} = 'http://localhost';
($exit, $status, $body) = $local->curl($one, '--unix-socket', $socket, '-H', "X-User-Email: $user");
is("$exit $status", '0 200', 'a unix socket serves as well') or diag $body;
is($local->process->stop, 0, 'and ends');
ok(!-e $socket, 'and is removed');

# --- the pool is empty; the database is away ----------------------------------------------------------------------
$host->control("ALTER SYSTEM SET appinfra.pool_size = 0");
$host->control("ALTER ROLE appinfra_sidecar SET appinfra.provision_timeout = 0");
$host->control("SELECT pg_reload_conf()");
$host->wait_until("SELECT count(*) = 0 FROM appinfra.pool", 'an empty pool');
my $fresh = Appinfra::Rest->start($host);
my $empty = $fresh->provision(app_id => 'app-empty', slug => 'empty');
refused($empty, 503, 'pool_exhausted', 'an empty pool') or diag $empty->{content};
like($empty->{headers}{'retry-after'} // '', qr/^\d+$/, '  with Retry-After');
$host->stop;
my $away = $fresh->call(GET => $one, undef, user => $user);
refused($away, 503, 'database_unavailable', 'no database');
like($away->{headers}{'retry-after'}, qr/^\d+$/, '  with Retry-After');
unlike($away->{content}, qr/\Q@{[$host->host]}\E|appinfra_sidecar/, '  and no word about hosts and logins');
like($fresh->process->log, qr/no connection for requests .*hint: at host \S+, port \d+: check that PostgreSQL runs there/,
	'  which the log has, and what to check');
is($fresh->call(GET => '/healthz')->{status}, 200, 'healthz is well');
my $unready = $fresh->call(GET => '/readyz');
is($unready->{status}, 503, 'readyz is not');
is($fresh->call(GET => '/metrics')->{content} =~ /^appinfra_database_up 0$/m, 1, 'and metrics say so');
$host->start;
reaches { wait_for('an answer', sub { $fresh->call(GET => $one, undef, user => $user)->{status} == 200 }) }
	'when it is back, so is the API';
# the thread that answered may be one that had no connection before
my $reconnected = sub {
	$fresh->call(GET => $one, undef, user => $user);
	return $fresh->call(GET => '/metrics')->{content} =~ /^appinfra_database_reconnects_total [1-9]/m;
};
reaches { wait_for('a reconnect', $reconnected) } 'which has reconnected';

for my $each ($rest, $strict, $fresh)
{
	my @secrets = ($connection->{password}, $rotated->{json}{connection}{password}, $token);
	is_deeply([ grep { index($each->process->log, $_) >= 0 } @secrets ], [], 'no secret is in the log');
}
done_testing();
