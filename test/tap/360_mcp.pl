# MCP as an agent uses it: messages on standard input and over HTTP, every tool, with a producer and
# without one. With a producer, nothing that an agent gets to see has a password.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Mcp;
use Appinfra::Peer;
use Appinfra::Rest;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('mcp', pool_size => 4);
$host->control('GRANT appinfra_admin TO appinfra_sidecar');
$host->wait_for_pool(4);
my $user = 'user@example.com';
my %plain = (APPINFRA_DATABASE_URL => $host->sidecar_url, APPINFRA_USER => $user, APPINFRA_APPS => 'open');
my @stdio = (Appinfra::sidecar_binary(), 'mcp');

sub request
{
	my ($id, $method, %params) = @_;
	return { jsonrpc => '2.0', id => $id, method => $method, params => \%params };
}

sub call
{
	my ($id, $tool, %arguments) = @_;
	return request($id, 'tools/call', name => $tool, arguments => \%arguments);
}

# The answers by their ids.
sub by_id { return map { ($_->{id} // 'none') => $_ } @_; }

# --- messages --------------------------------------------------------------------------------------------
my %answers = by_id(Appinfra::Mcp::lines(\@stdio, \%plain,
	request(1, 'initialize', protocolVersion => '2025-03-26', capabilities => {}, clientInfo => { name => 't', version => '1' }),
	{ jsonrpc => '2.0', method => 'notifications/initialized' },
	request(2, 'ping'), request('three', 'tools/list'), request(4, 'resources/list'),
	request(5, 'tools/call', name => 'drop_everything', arguments => {}),
	request(6, 'tools/call', name => 'list_app_databases', arguments => [1]),
	call(7, 'list_app_databases', app_id => 'app-none', colour => 'red'),
	call(8, 'add_app_database'),
	'', { jsonrpc => '2.0', method => 'notifications/unknown' }, { jsonrpc => '2.0', id => 9, result => {} }));
is($answers{1}{result}{protocolVersion}, '2025-03-26', 'initialize: the version that the client asked for');
is_deeply($answers{1}{result}{capabilities}, { tools => { listChanged => JSON::PP::false } }, 'and tools');
is($answers{1}{result}{serverInfo}{name}, 'appinfra', 'by name');
is_deeply($answers{2}{result}, {}, 'ping');
my %tools = map { $_->{name} => $_ } @{ $answers{three}{result}{tools} };
is_deeply([ sort keys %tools ],
	[ sort((map { "${_}_app_database" . ($_ eq 'list' ? 's' : '') } qw(add check list remove restore rotate)),
		(map { "${_}_app_bucket" . ($_ eq 'list' ? 's' : '') } qw(add check list remove restore rotate)),
		qw(add_app_key list_app_keys revoke_app_key list_app_publications retry_app_publication revoke_app_credential rotate_app_service set_app_services)) ],
	'tools/list: all of them');
is_deeply([ grep { !($_->{description} && $_->{inputSchema}{properties}{app_id}{description} && exists $_->{annotations}{readOnlyHint}) } values %tools ],
	[], 'each described, with a schema and annotations');
is(join(' ', grep { $tools{$_}{annotations}{destructiveHint} } sort keys %tools), 'remove_app_bucket remove_app_database revoke_app_credential revoke_app_key set_app_services', 'five are destructive');
is($answers{4}{error}{code}, -32601, 'an unknown method');
is($answers{5}{error}{code}, -32602, 'an unknown tool');
is($answers{6}{error}{code}, -32602, 'arguments that are none');
like($answers{7}{result}{content}[0]{text}, qr/"colour"/, 'an unknown argument is named, to the agent');
ok($answers{7}{result}{isError}, 'as an error of the tool');
like($answers{8}{result}{content}[0]{text}, qr/"app_id" is missing/, 'and so is one that is missing');
is(scalar keys %answers, 8, 'notifications and responses are not answered');
for my $asked (qw(2025-06-18 2024-11-05 1999-01-01))
{
	my ($answer) = Appinfra::Mcp::lines(\@stdio, \%plain, request(1, 'initialize', protocolVersion => $asked));
	is($answer->{result}{protocolVersion}, $asked =~ /^2/ ? $asked : '2025-06-18', "initialize of $asked");
}
my @broken = Appinfra::Mcp::lines(\@stdio, \%plain, '{"jsonrpc":', '[1]', '{"jsonrpc":"2.0","id":{},"method":"ping"}',
	'{"jsonrpc":"1.0","id":1,"method":"ping"}', 'x' x 2_000_000, request(2, 'ping'));
is_deeply([ map { $_->{error}{code} // 'fine' } @broken ], [ -32700, -32700, -32600, -32600, -32600, 'fine' ], 'what is no message is said to be none');
is(system("echo | APPINFRA_SINK=file:/nowhere @stdio >/dev/null 2>&1") >> 8, 2, 'without APPINFRA_USER: exit code 2');

# --- without a producer: the caller gets the DSN, once ---------------------------------------------------------
my ($added) = map { $_->{result} } Appinfra::Mcp::lines(\@stdio, \%plain, call(1, 'add_app_database', app_id => 'app-12345678', engine => 'postgres'));
my $document = $added->{structuredContent};
is_deeply(decode_json($added->{content}[0]{text}), $document, 'the text says what the structured content says');
my $dsn = $document->{connection_url};
is_deeply(
	{ %$document, db_id => undef, connection_url => undef },
	{
		db_id => undef, status => 'ready', engine => 'postgres', env_keys => [], env_published => JSON::PP::false,
		connection_url => undef, publish_skipped_reason => 'OPENFACTORY_DB_PRODUCER_TOKEN is not configured', session_token => $user,
		next => q{set_app_env(app_id='app-12345678', set={'DATABASE_URL': <connection_url>}) then deploy_app(...)}
	},
	'not published: the fields of the document');
my ($code, $out, $err) = $host->as_app($dsn, 'SELECT current_database()');
is($out, 'app_app12345678', 'the DSN logs in') or diag $err;
my $id = $document->{db_id};
my ($key) = map { $_->{result}{structuredContent} } Appinfra::Mcp::lines(\@stdio, \%plain, call(1, 'add_app_key', app_id => 'app-12345678', db_id => $id, role => 'dbuser', name => 'agent'));
like($key->{token}, qr/\Aacd_live_\Q$key->{key_id}\E_/, 'nor is an API key: its holder is told the token, once') or diag explain $key;
is_deeply({ %$key, key_id => undef, token => undef },
	{ db_id => $id, key_id => undef, token => undef, role => 'dbuser', env => 'live', env_keys => [], env_published => JSON::PP::false,
		publish_skipped_reason => 'OPENFACTORY_DB_PRODUCER_TOKEN is not configured', session_token => $user,
		next => q{set_app_env(app_id='app-12345678', set={'AGENTCOOPDB_API_KEY': <token>}) then deploy_app(...)} }, '  with the same fields') or diag explain $key;
%answers = by_id(Appinfra::Mcp::lines(\@stdio, \%plain,
	call(1, 'list_app_databases', app_id => 'app-12345678'), call(2, 'add_app_database', app_id => 'app-12345678')));
my $listed = $answers{1}{result}{structuredContent};
is("$listed->{session_token} $listed->{databases}[0]{db_id} $listed->{databases}[0]{status}", "$user $id ready", 'list_app_databases');
unlike(encode_json($listed), qr/password/, 'without a password');
ok($answers{2}{result}{isError}, 'a second one in the same variable is refused');
like($answers{2}{result}{content}[0]{text}, qr/DATABASE_URL.*hint: .*env/s, 'with the reason and the hint');

# Another user.
my %other = (%plain, APPINFRA_USER => 'other@example.com');
my @stolen = Appinfra::Mcp::lines(\@stdio, \%other, map { call($_, "${_}_app_database", app_id => 'app-12345678', db_id => $id) } qw(rotate remove restore check));
is_deeply([ map { $_->{result}{content}[0]{text} } @stolen ], [ ('not_found: there is no such database') x 4 ], "another's database is not there");
my ($nothing) = Appinfra::Mcp::lines(\@stdio, \%other, call(1, 'list_app_databases', app_id => 'app-12345678'));
is($nothing->{result}{content}[0]{text}, 'not_found: there is no such app', 'nor in a list');
my ($mixed) = Appinfra::Mcp::lines(\@stdio, \%plain, call(1, 'check_app_database', app_id => 'app-x', db_id => $id));
ok($mixed->{result}{isError}, 'nor is it where it belongs to another app');

# --- with a producer: no password anywhere -----------------------------------------------------------------------
my $peer = Appinfra::Peer->start;
my $delivering = $peer->sidecar_env(%plain, APPINFRA_PUBLISH_WAIT => '2s');
delete $delivering->{APPINFRA_SINK};
my $rest = Appinfra::Rest->start($host, env => { %{ $peer->sidecar_env }, APPINFRA_PUBLISH_WAIT => '2s' }, args => ['--rate-limit=0']);
my $token = $rest->token(email => $user);

# One message over HTTP, by hand.
sub http
{
	my ($message, %headers) = @_;
	return $rest->call(POST => '/mcp', $message, token => $token, headers => \%headers);
}
is(http({ jsonrpc => '2.0', method => 'notifications/initialized' })->{status}, 202, 'HTTP: a notification is accepted');
is(http(request(1, 'ping'))->{json}{result} ? 'pong' : '', 'pong', 'HTTP: a request is answered');
ok(http(request(1, 'initialize', protocolVersion => '2025-06-18'))->{headers}{'mcp-session-id'}, 'initialize names the session');
is(http(request(1, 'ping'), 'MCP-Protocol-Version' => '1999-01-01')->{status}, 400, 'another version in the header: 400');
is(http(request(1, 'ping'), 'Origin' => 'https://evil.example')->{status}, 403, 'a page of somewhere: 403');
is(http(request(1, 'ping'), 'Origin' => 'http://localhost:6274')->{status}, 200, 'a page of this machine: 200');
is($rest->call(POST => '/mcp', request(1, 'ping'))->{status}, 401, 'nobody: 401');
is($rest->call(GET => '/mcp', undef, token => $token)->{status}, 405, 'GET: 405, there is no stream');

# Adds a database to an app and checks the answer; returns its db_id.
sub adds
{
	my ($result, $app, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = $result->{structuredContent};
	is_deeply(
		{ %$got, db_id => undef },
		{
			db_id => undef, status => 'ready', engine => 'postgres', env_keys => ['DATABASE_URL'], env_published => JSON::PP::true, session_token => $user,
			next => "deploy_app(app_id='$app', vm_name=...) \x{2014} DATABASE_URL is already in the app's env and will be injected on the next deploy."
		},
		"$name: published: the fields of the document") or diag explain $result;
	my ($exit, $output, $error) = $host->as_app($peer->wait_for_value($app, 'DATABASE_URL'), 'SELECT 1');
	is($output, 1, '  and the producer has a DSN that works') or diag $error;
	return $got->{db_id};
}
my $by_hand = http(call(1, 'add_app_database', app_id => 'app-hand'))->{json}{result};
adds($by_hand, 'app-hand', 'HTTP by hand');
adds((Appinfra::Mcp::lines(\@stdio, $delivering, call(1, 'add_app_database', app_id => 'app-lines')))[0]{result}, 'app-lines', 'stdio, which delivers itself');

# The producer is away: pending, and no secret.
$peer->rules({ status => 503 });
my $pending = http(call(1, 'add_app_database', app_id => 'app-later'))->{json}{result}{structuredContent};
is_deeply({ %$pending, db_id => undef, next => undef },
	{ db_id => undef, next => undef, status => 'ready', engine => 'postgres', env_keys => [], env_published => JSON::PP::false,
		publish_pending => JSON::PP::true, session_token => $user },
	'the producer is away: pending');
$peer->rules({ status => 422, body => { title => 'no' } });
my $failed = http(call(1, 'add_app_database', app_id => 'app-never'))->{json}{result}{structuredContent};
is($failed->{publish_pending}, JSON::PP::false, 'the producer will not have it: failed');
$peer->rules;

# Cancelled while it waits.
$peer->rules({ status => 503 });
my @cancelled = Appinfra::Mcp::lines(\@stdio, { %$delivering, APPINFRA_PUBLISH_WAIT => '10s' }, call(1, 'add_app_database', app_id => 'app-cancel'),
	{ jsonrpc => '2.0', method => 'notifications/cancelled', params => { requestId => 1, reason => 'enough' } }, request(2, 'ping'));
is_deeply([ map { $_->{id} } @cancelled ], [2], 'a cancelled call is not answered');
$peer->rules;

is($rest->process->stop, 0, 'it ends well');
done_testing();
