# Agents with a real client library, over standard input and output and over HTTP: every tool, errors,
# cancellation. Whatever an agent does, no password is in its transcript when there is a producer.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Agent;
use Appinfra::Peer;
use Appinfra::Rest;
use JSON::PP;
use Test::More;

my $missing = Appinfra::Agent::missing();
plan skip_all => "no MCP client library: $missing" if defined $missing;

my $user = 'user@example.com';
my $host = Appinfra->make('mcp_client', pool_size => 6);
my $peer = Appinfra::Peer->start;
my $rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => $peer->sidecar_env);
$host->wait_for_pool(6);
my %delivered = %{ $peer->sidecar_env };
my %ways = (
	stdio => Appinfra::Agent::stdio($host, $user, %delivered),
	http => Appinfra::Agent::http($rest, $user));
my @transcripts;

sub session
{
	my ($with, @steps) = @_;
	my $session = Appinfra::Agent::session($with, @steps);
	push @transcripts, $session->{bytes};
	diag explain $session if $session->{failed};
	return $session;
}

sub tool { my ($name, $arguments, %more) = @_; return { do => 'call', name => $name, arguments => $arguments, %more }; }

# What a tool returned; its text must be the same document.
sub document
{
	my ($result, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ok = $result->{ok} // {};
	ok($result->{ok} && !$ok->{isError}, $name) or diag explain $result;
	is_deeply(scalar eval { JSON::PP->new->decode($ok->{content}[0]{text}) }, $ok->{structuredContent}, '  as text and as structure');
	return $ok->{structuredContent} // {};
}

sub fails
{
	my ($result, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $text = $result->{error} ? "$result->{error}{code} $result->{error}{message}" : $result->{ok}{isError} ? $result->{ok}{content}[0]{text} : 'it succeeded';
	like($text, $pattern, $name);
	return;
}

# --- every tool, both ways --------------------------------------------------------------------------------
for my $way (sort keys %ways)
{
	my $app = "app-$way-1234";
	my $agent = session($ways{$way}, { do => 'list' }, { do => 'ping' }, tool(add_app_database => { app_id => $app, engine => 'postgres' }),
		tool(list_app_databases => { app_id => $app }));
	is($agent->{server}{info}{name}, 'appinfra', "$way: initialized");
	is_deeply($agent->{server}{capabilities}, { tools => { listChanged => JSON::PP::false } }, '  with tools and nothing else');
	ok(defined $agent->{server}{session}, '  and a session') if $way eq 'http';
	my %tools = map { $_->{name} => $_ } @{ $agent->{results}[0]{ok}{tools} };
	is_deeply([ sort keys %tools ], [ sort((map { "${_}_app_database" . ($_ eq 'list' ? 's' : '') } qw(add check list remove restore rotate)),
			(map { "${_}_app_bucket" . ($_ eq 'list' ? 's' : '') } qw(add check list remove restore rotate)),
		qw(add_app_key list_app_keys revoke_app_key list_app_publications retry_app_publication revoke_app_credential rotate_app_service set_app_services)) ], '  the tools of the contract');
	for my $tool (values %tools)
	{
		my $annotations = $tool->{annotations};
		is(scalar(grep { JSON::PP::is_bool($annotations->{$_}) } qw(readOnlyHint destructiveHint idempotentHint)), 3, "  $tool->{name} says what it does");
		my @silent = grep { !length($_->{description} // '') || !$_->{type} } values %{ $tool->{inputSchema}{properties} };
		ok(length $tool->{description} && !@silent, '  and what it takes');
	}
	ok($tools{$_}{annotations}{readOnlyHint}, "  $_ only reads") for qw(list_app_databases check_app_database);
	ok($tools{remove_app_database}{annotations}{destructiveHint}, '  remove_app_database is dangerous');
	is_deeply($tools{add_app_database}{inputSchema}{required}, ['app_id'], '  add_app_database needs an app_id');
	is_deeply($agent->{results}[1]{ok}, {}, '  ping');

	my $added = document($agent->{results}[2], "$way: add_app_database");
	my $id = $added->{db_id} // die explain $agent;
	is_deeply($added, {
			db_id => $id, status => 'ready', engine => 'postgres', env_keys => ['DATABASE_URL'], env_published => JSON::PP::true, session_token => $user,
			next => "deploy_app(app_id='$app', vm_name=...) \x{2014} DATABASE_URL is already in the app's env and will be injected on the next deploy." },
		'  the fields of the document, no more');
	my $dsn = $peer->store->{$app}{DATABASE_URL}{value};
	my ($code, $out, $err) = $host->as_app($dsn, 'SELECT current_database()');
	is($out, 'app_app' . $way . '1234', '  the producer has a DSN that logs in') or diag $err;
	my $listed = document($agent->{results}[3], "$way: list_app_databases");
	my ($row) = @{ $listed->{databases} };
	my %expected = (db_id => $id, app_id => $app, engine => 'postgres', shape => 'shared-tenant', shared_host => '127.0.0.1', database => $out, username => $out,
		host => '127.0.0.1', port => $host->port, status => 'ready', notes => undef);
	is_deeply({ map { $_ => $row->{$_} } keys %expected }, \%expected, '  the fields of the document');
	is_deeply([ scalar @{ $listed->{databases} }, $listed->{session_token} ], [ 1, $user ], '  one, and the session_token');

	my %one = (app_id => $app, db_id => $id);
	my $later = session($ways{$way}, map { tool("${_}_app_database" => \%one) } qw(rotate check remove restore check));
	my @steps = map { $later->{results}[$_] } 0 .. 4;
	my $rotated = document($steps[0], "$way: rotate_app_database");
	is_deeply([ @{$rotated}{qw(db_id env_published env_keys connection_url)} ], [ $id, JSON::PP::true, ['DATABASE_URL'], undef ], '  is published');
	my $checked = document($steps[1], "$way: check_app_database");
	is_deeply([ map { ref } @{$checked}{qw(exposures credentials publications)} ], [ ('ARRAY') x 3 ], '  three lists');
	is_deeply([ map { $_->{username} } @{ $checked->{credentials} } ], [ $row->{username}, "$row->{username}_2" ], '  with both logins');
	my $removed = document($steps[2], "$way: remove_app_database");
	is_deeply([ @{$removed}{qw(db_id status)} ], [ $id, 'retained' ], '  is retained');
	like($removed->{restorable_until}, qr/^\d{4}-\d\d-\d\dT/, '  until a time');
	my $restored = document($steps[3], "$way: restore_app_database");
	is_deeply([ @{$restored}{qw(db_id status env_published)} ], [ $id, 'ready', JSON::PP::true ], '  is back, and published');
	($code, $out, $err) = $host->as_app($peer->store->{$app}{DATABASE_URL}{value}, 'SELECT 1');
	is($out, 1, '  the producer has a DSN that logs in') or diag $err;

	my $access = session($ways{$way}, tool(set_app_services => { %one, services => [ { service_id => 'worker', host_id => $way } ] }),
		tool(rotate_app_service => { %one, service_id => 'worker', host_id => $way }), tool(list_app_publications => { %one, limit => 1 }),
		tool(revoke_app_credential => { %one, username => "svc_worker_$way" }), tool(retry_app_publication => { %one, publication_id => 999_999 }));
	my ($services, $renewed, $publications, $revoked) = map { document($access->{results}[$_], "$way: services, deliveries, credentials") } 0 .. 3;
	is_deeply($services->{services}, [ { service_id => 'worker', host_id => $way, username => "svc_worker_$way", action => 'made' } ], '  set_app_services');
	is_deeply([ @{$renewed}{qw(env_published connection_url)}, scalar @{ $renewed->{env_keys} } ], [ JSON::PP::true, undef, 6 ], '  rotate_app_service');
	is($publications->{publications}[0]{target}, "$app/svc/worker/$way", '  list_app_publications: the newest');
	is($revoked->{revoked}, 1, '  revoke_app_credential');
	fails($access->{results}[4], qr/^not_found: there is no such publication/, '  retry_app_publication of none');

	# Errors.
	my $foreign = $host->provision(app_id => "app-theirs-$way", owner_user_id => 'other@example.com', slug => "theirs-$way", publish => 0)->{db_id};
	my @asked = (
		map({ tool("${_}_app_database" => { app_id => "app-theirs-$way", db_id => $foreign }) } qw(check remove restore rotate)),
		tool(check_app_database => { app_id => $app, db_id => $foreign }), tool(check_app_database => { app_id => $app, db_id => 'db-000000000000' }),
		tool(check_app_database => { app_id => 'app-else', db_id => $id }));
	my $wrong = session($ways{$way}, @asked, tool(list_app_databases => { app_id => "app-theirs-$way" }), tool(add_app_database => { app_id => $app }),
		tool(add_app_database => { app_id => "app-theirs-$way", slug => 'mine' }), tool(add_app_database => { app_id => 'a b' }), tool(add_app_database => {}),
		tool(add_app_database => { app_id => $app, colour => 'red' }), tool(no_such_tool => {}), { do => 'request', method => 'resources/list' },
		tool(add_app_database => { app_id => "app-$way-my", engine => 'mysql' }), { do => 'ping' });
	my @wrong = @{ $wrong->{results} };
	fails(shift @wrong, qr/^not_found: there is no such database$/, "$way: another's database, or none: " . $_->{name}) for @asked;
	fails(shift @wrong, qr/^not_found: there is no such app$/, '  nor is it listed');
	fails(shift @wrong, qr/^conflict: .*hint: .*env/s, '  refused: message and hint');
	fails(shift @wrong, qr/^not_found/, "  another's app");
	fails(shift @wrong, qr/^refused: .*app_id/, '  an app_id that is none');
	fails(shift @wrong, qr/"app_id" is missing/, '  an argument is missing');
	fails(shift @wrong, qr/unknown field "colour"/, '  one too many');
	fails(shift @wrong, qr/^-32602 /, '  no such tool');
	fails(shift @wrong, qr/^-32601 /, '  no such method');
	fails(shift @wrong, qr/^refused: .*mysql/, '  another engine');
	is_deeply((shift @wrong)->{ok}, {}, '  and the session goes on');
	is($host->control("SELECT status FROM appinfra.databases WHERE db_id = '$foreign'"), 'ready', '  nothing has happened to what is not theirs');

	# Cancellation, while the producer takes its time.
	$host->wait_for_pool(2);
	$peer->rules({ app => "app-$way-slow", status => 503 });
	my $cancelled = session($ways{$way}, tool(add_app_database => { app_id => "app-$way-slow" }, cancel_after => 700), { do => 'ping' }, tool(list_app_databases => { app_id => "app-$way-slow" }));
	fails($cancelled->{results}[0], qr/changed my mind/, "$way: cancelled");
	is_deeply($cancelled->{results}[1]{ok}, {}, '  the session goes on');
	my ($asked) = map { $_->{sent}{id} } grep { ($_->{sent}{method} // '') eq 'tools/call' } @{ $cancelled->{transcript} };
	is(scalar(grep { defined $_->{received}{id} && $_->{received}{id} eq $asked } @{ $cancelled->{transcript} }), 0, '  and there is no answer to what was cancelled');
	is(scalar @{ $cancelled->{results}[2]{ok}{structuredContent}{databases} }, 1, '  what was done stays done');
	$peer->rules;
}

# --- without the right to enter ------------------------------------------------------------------------------
my $refused = Appinfra::Agent::session({ %{ $ways{http} }, headers => { Authorization => 'Bearer x.y.z' } });
like($refused->{failed} // 'it got in', qr/401|unauthenticated/i, 'a token that is wrong does not get in');

# --- the inspector's command line -------------------------------------------------------------------------------
for my $way (sort keys %ways)
{
	my ($exit, $tools, $err) = Appinfra::Agent::inspector($ways{$way}, '--method', 'tools/list');
	is($exit . ' ' . scalar @{ $tools->{tools} // [] }, '0 20', "the inspector over $way: tools/list") or diag $err;
	($exit, my $called, $err) = Appinfra::Agent::inspector($ways{$way}, '--method', 'tools/call', '--tool-name', 'list_app_databases', '--tool-arg', "app_id=app-$way-1234");
	is($called->{structuredContent}{databases}[0]{app_id}, "app-$way-1234", '  tools/call') or diag $err;
	push @transcripts, encode_json([ $tools, $called ]);
}

# --- no password, ever ---------------------------------------------------------------------------------------------
my @passwords = map { my $set = $_->{body}{set} // {}; $set->{PGPASSWORD} // map { parse_dsn($_)->{password} } values %$set } $peer->requests;
cmp_ok(scalar @passwords, '>=', 8, 'the producer has received passwords');
my $said = join "\n", @transcripts, $rest->process->log;
is(scalar(grep { index($said, $_) >= 0 } @passwords), 0, 'none of them is in a transcript');
unlike($said, qr{postgres(ql)?://[^"\s]*:[^"\s]*@}, 'nor any other DSN');

# Where nobody delivers, the agent is given the DSN, once.
my $alone = Appinfra::Agent::stdio($host, $user);
my $given = Appinfra::Agent::session($alone, tool(add_app_database => { app_id => 'app-alone' }), tool(list_app_databases => { app_id => 'app-alone' }));
my $document = document($given->{results}[0], 'without a producer');
is_deeply([ @{$document}{qw(env_keys env_published publish_skipped_reason)} ], [ [], JSON::PP::false, 'OPENFACTORY_DB_PRODUCER_TOKEN is not configured' ], 'it is not published');
my ($code, $out, $err) = $host->as_app($document->{connection_url}, 'SELECT 1');
is($out, 1, 'and the DSN logs in') or diag $err;
unlike(encode_json($given->{results}[1]), qr/\Q@{[parse_dsn($document->{connection_url})->{password}]}\E/, 'a list does not repeat it');
is($rest->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
