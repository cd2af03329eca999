# Credentials, services and publications over REST and MCP: each with a real login by what was handed
# out, each refused to others, each argument with what it may not be.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Mcp;
use Appinfra::Peer;
use Appinfra::Rest;
use Appinfra::Wait qw(wait_for);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('access', pool_size => 3);
$host->wait_for_pool(3);
my $peer = Appinfra::Peer->start;
my $rest = Appinfra::Rest->start($host, env => $peer->sidecar_env, args => ['--rate-limit=0']);
my $user = 'user@example.com';
my $other = 'other@example.com';
my $app = 'app-12345678';
my $db_id = $rest->provision(publish => JSON::PP::true)->{json}{db_id};
my $base = $rest->databases . "/$db_id";
my $dsn = $peer->wait_for_value($app, 'DATABASE_URL');

# Sends a request as the owner; dies unless the answer has the status, so that no later line checks what is not there.
sub ok_call
{
	my ($status, $method, $path, $content) = @_;
	my $answer = $rest->call($method, $path, $content, user => $user);
	is($answer->{status}, $status, "$method $path: $status") or diag $answer->{content};
	return $answer;
}

sub logs_in
{
	my ($url) = @_;
	return ($host->as_app($url, 'SELECT session_user'))[1];
}

# --- credentials -------------------------------------------------------------------------------------------
my $issued = ok_call(201, POST => "$base/credentials", { access => 'reader', valid_for => '1h' });
my $login = $issued->{json}{connection}{username};
is($issued->{headers}{'cache-control'}, 'no-store', 'nobody may store it');
is(logs_in($issued->{json}{connection}{url}), $login, 'it logs in');
my $listed = ok_call(200, GET => "$base/credentials");
my ($row) = grep { $_->{username} eq $login } @{ $listed->{json}{credentials} };
is("$row->{access} $row->{state}", 'reader active', 'the list has it');
is($row->{target}, undef, 'in no environment');
unlike($listed->{content}, qr/\Q$issued->{json}{connection}{password}\E|"password"/, 'and without its password');
is(scalar @{ $listed->{json}{credentials} }, 2, 'beside the app\'s own');
is(ok_call(200, DELETE => "$base/credentials/$login?reason=left")->{json}{revoked}, 1, 'and it is revoked');
is($host->control("SELECT reason FROM appinfra.credentials WHERE username = '$login'"), 'left', 'for a reason');
is($host->control("SELECT appinfra.wait_revoked('$login')"), 't', 'whole');
isnt(logs_in($issued->{json}{connection}{url}), $login, 'it logs in no more');
my $foreign = $host->control("SELECT username FROM appinfra.provision_tenant('app-b', '$other', 'b', publish => false)");
refused($rest->call(DELETE => "$base/credentials/$foreign", undef, user => $user), 404, 'not_found', "another database's login is none of this one");
is($host->control("SELECT state FROM appinfra.credentials WHERE username = '$foreign'"), 'active', '  and lives');
refused($rest->call(POST => "$base/credentials", $_->[0], user => $user), $_->[1], $_->[2], 'refused: ' . encode_json($_->[0]))
  for [ {}, 400, 'invalid_field' ], [ { access => 'god' }, 422, 'refused' ], [ { access => 'reader', valid_for => '1' }, 400, 'invalid_field' ],
  [ { access => 1 }, 400, 'invalid_field' ], [ { access => 'reader', publish => JSON::PP::true }, 400, 'invalid_field' ];

# --- services ----------------------------------------------------------------------------------------------
my $made = ok_call(201, POST => "$base/services", { service_id => 'worker', host_id => 'h 1', access => 'writer' });
is(logs_in($made->{json}{connection}{url}), 'svc_worker_h 1', 'a service gets a login');
is($made->{json}{env}{PGUSER}, 'svc_worker_h 1', '... and the variables that it reads');
refused($rest->call(POST => "$base/services", { service_id => 'worker', host_id => 'h 1' }, user => $user), 409, 'conflict', 'one that it has');
refused($rest->call(POST => "$base/services", $_->[0], user => $user), $_->[1], $_->[2], 'refused: ' . encode_json($_->[0]))
  for [ { service_id => 'w' }, 400, 'invalid_field' ], [ { service_id => '', host_id => 'h' }, 422, 'refused' ], [ { service_id => 'w', host_id => 'h', access => 'x' }, 422, 'refused' ];
my $wanted = { services => [ { service_id => 'worker', host_id => 'h 1', access => 'writer' }, { service_id => 'cron', host_id => 'h2' } ] };
my $set = ok_call(200, PUT => "$base/services", $wanted);
is_deeply([ sort map { "$_->{service_id} $_->{action}" } @{ $set->{json}{services} } ], [ 'cron made', 'worker kept' ], 'a list of services is made so');
is_deeply([ map { $_->{action} } @{ ok_call(200, PUT => "$base/services", $wanted)->{json}{services} } ], [ 'kept', 'kept' ], '... and again, nothing changes');
my $cron = $peer->wait_for_value("$app/svc/cron/h2", 'PGUSER');
is($cron, 'svc_cron_h2', 'what was made is published');
my $services = ok_call(200, GET => "$base/services")->{json}{services};
is_deeply([ map { "$_->{service_id}/$_->{host_id} $_->{username} $_->{access} $_->{state}" } @$services ],
	[ 'cron/h2 svc_cron_h2 reader active', 'worker/h 1 svc_worker_h 1 writer active' ], 'and listed');
refused($rest->call(PUT => "$base/services", $_->[0], user => $user), $_->[1], $_->[2], 'refused: ' . encode_json($_->[0]))
  for [ {}, 400, 'invalid_field' ], [ { services => {} }, 400, 'invalid_field' ], [ { services => [1] }, 422, 'refused' ],
  [ { services => [ map { { service_id => 'a', host_id => 'b' } } 1, 2 ] }, 422, 'refused' ];
my $rotated = ok_call(200, POST => "$base/services/worker/h%201/rotate", { grace => '1s', deadline => '1d' });
is(logs_in($rotated->{json}{connection}{url}), 'svc_worker_h 1_2', 'a service is rotated, its names percent-encoded');
refused($rest->call(POST => "$base/services/worker/none/rotate", {}, user => $user), 404, 'not_found', 'one that is not there');
refused($rest->call(POST => "$base/services/worker/h%201/rotate", { deadline => 'x' }, user => $user), 400, 'invalid_field', 'a deadline that is none');
is_deeply(ok_call(200, DELETE => "$base/services/cron/h2")->{json}, { service_id => 'cron', host_id => 'h2', username => 'svc_cron_h2', action => 'dropped' }, 'a service is dropped');
refused($rest->call(DELETE => "$base/services/cron/h2", undef, user => $user), 404, 'not_found', '... once');
wait_for('its variables to be taken away', sub { !defined $peer->store->{"$app/svc/cron/h2"}{PGUSER}{value} });
is_deeply([ map { $_->{service_id} } @{ ok_call(200, GET => "$base/services")->{json}{services} } ], ['worker'], 'and is no longer listed');

# --- publications ------------------------------------------------------------------------------------------
$peer->rules({ app => $app, status => 422, body => { title => 'no' } });
ok_call(200, POST => "$base/rotate", { publish => JSON::PP::true });
my $failed;
wait_for('a failed delivery', sub {
	($failed) = grep { $_->{status} eq 'failed' } @{ $rest->call(GET => "$base/publications", undef, user => $user)->{json}{publications} };
});
is("$failed->{kind} @{ $failed->{variables} } $failed->{target}", "set DATABASE_URL $app", 'deliveries are listed, a failed one, too');
like($failed->{error}, qr/422/, '... with its error');
my @pages;
for (my $cursor = ''; defined $cursor;)
{
	my $page = ok_call(200, GET => "$base/publications?limit=2" . ($cursor && "&cursor=$cursor"))->{json};
	push @pages, map { $_->{publication_id} } @{ $page->{publications} };
	$cursor = $page->{next_cursor};
}
is_deeply(\@pages, [ split /,/, $host->control("SELECT string_agg(publication_id::text, ',' ORDER BY publication_id DESC) FROM appinfra.publications WHERE db_id = '$db_id'") ],
	'the pages have every one, the newest first');
refused($rest->call(GET => "$base/publications?$_", undef, user => $user), 400, 'invalid_field', "refused: $_") for 'limit=0', 'limit=501', 'limit=x', 'cursor=x', 'colour=red';
my $retry = "/api/app-infra/publications/$failed->{publication_id}/retry";
refused($rest->call(POST => $retry, {}, user => $other), 404, 'not_found', "another's delivery is not there");
refused($rest->call(POST => '/api/app-infra/publications/999999999/retry', {}, user => $user), 404, 'not_found', '... nor one that is none');
refused($rest->call(POST => '/api/app-infra/publications/x/retry', {}, user => $user), 404, 'not_found', '... nor what is no number');
$peer->rules;
is(ok_call(200, POST => $retry, {})->{json}{status}, 'pending', 'a failed delivery is sent once more');
my $after = $peer->wait_for_value($app, 'DATABASE_URL', $dsn);
isnt(logs_in($after), '', '... and its DSN logs in');
$host->wait_until("SELECT status = 'published' FROM appinfra.publications WHERE publication_id = $failed->{publication_id}", 'the retried delivery to be published');
refused($rest->call(POST => $retry, {}, user => $user), 422, 'refused', 'one that has not failed is not');

# --- API keys ----------------------------------------------------------------------------------------------
my $minted = ok_call(201, POST => "$base/keys", { role => 'dbuser', name => 'agent', env => 'dev', valid_for => '30d' });
is_deeply([ sort keys %{ $minted->{json} } ], [qw(db_id env expires_at key_id role token)], 'a key is minted');
my $key_id = $minted->{json}{key_id};
like($minted->{json}{token}, qr/\Aacd_dev_\Q$key_id\E_[A-Za-z0-9_-]{32}\z/, 'with its token');
is($minted->{headers}{'cache-control'}, 'no-store', 'which nobody may store');
my $key_list = ok_call(200, GET => "$base/keys");
is_deeply([ map { [ @{$_}{qw(key_id role env name status last_used_at)} ] } @{ $key_list->{json}{keys} } ], [ [ $key_id, 'dbuser', 'dev', 'agent', 'active', undef ] ], 'the list has it');
unlike($key_list->{content}, qr/acd_dev/, 'without its token');
is(ok_call(200, DELETE => "$base/keys/$key_id?reason=left")->{json}{revoked}, 1, 'and it is revoked');
is($host->control("SELECT status || ' ' || reason FROM appinfra.keys WHERE key_id = '$key_id'"), 'revoked left', 'for a reason');
is($host->control("SELECT end_user FROM appinfra.audit WHERE action = 'revoke_key'"), $user, 'by its owner, as the audit says');
my $foreign_key = $host->control("SELECT key_id FROM appinfra.databases d, appinfra.mint_key(d.db_id, 'reader') WHERE d.app_id = 'app-b'");
refused($rest->call(DELETE => "$base/keys/$foreign_key", undef, user => $user), 404, 'not_found', "another database's key is none of this one");
is($host->control("SELECT status FROM appinfra.keys WHERE key_id = '$foreign_key'"), 'active', '  and lives');
refused($rest->call(POST => "$base/keys", $_->[0], user => $user), $_->[1], $_->[2], 'refused: ' . encode_json($_->[0]))
  for [ {}, 400, 'invalid_field' ], [ { role => 'god' }, 422, 'refused' ], [ { role => 'reader', env => 'prod' }, 422, 'refused' ], [ { role => 1 }, 400, 'invalid_field' ],
  [ { role => 'reader', publish => JSON::PP::true, name => 'n' }, 400, 'invalid_field' ];

# --- others see nothing ------------------------------------------------------------------------------------
for my $route ("GET $base/credentials", "POST $base/credentials", "DELETE $base/credentials/$login", "GET $base/services", "POST $base/services",
	"PUT $base/services", "POST $base/services/worker/h%201/rotate", "DELETE $base/services/worker/h%201", "GET $base/publications", "GET $base/keys", "POST $base/keys", "DELETE $base/keys/$key_id")
{
	my ($method, $path) = split / /, $route;
	my %body = (access => { access => 'reader' }, services => { service_id => 'a', host_id => 'b' }, keys => { role => 'reader' });
	my $content = $method eq 'PUT' ? { services => [] } : $method ne 'POST' ? undef : $path =~ /rotate/ ? {} : $path =~ /credentials/ ? $body{access} : $path =~ /keys/ ? $body{keys} : $body{services};
	refused($rest->call($method, $path, $content, user => $other), 404, 'not_found', "another's: $route");
	is($rest->call($method, $path, $content)->{status}, 401, '  and nobody\'s');
}

# --- MCP ---------------------------------------------------------------------------------------------------
my $token = $rest->token(email => $user);

# Calls a tool over HTTP; its structured content, or the text of its error.
sub tool
{
	my ($name, %arguments) = @_;
	my $result = $rest->call(POST => '/mcp', { jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => $name, arguments => \%arguments } },
		token => $token)->{json}{result};
	return $result->{isError} ? $result->{content}[0]{text} : $result->{structuredContent};
}
my %mine = (app_id => $app, db_id => $db_id);
is(tool('list_app_publications', %mine, limit => 1)->{publications}[0]{publication_id}, $pages[0] > $failed->{publication_id} ? $pages[0] : $failed->{publication_id}, 'MCP: deliveries');
like(tool('retry_app_publication', %mine, publication_id => $failed->{publication_id}), qr/^refused: /, 'MCP: one that has not failed is not retried');
like(tool('retry_app_publication', %mine, publication_id => '7'), qr/publication_id.*integer/, 'MCP: a number is a number');
like(tool('retry_app_publication', %mine, publication_id => 999999), qr/^not_found: /, 'MCP: one that is none');
is(tool('set_app_services', %mine, services => [ { service_id => 'api', host_id => 'h3' }, { service_id => 'worker', host_id => 'h 1', access => 'writer' } ])->{services}[0]{action}, 'made', 'MCP: services');
is($peer->wait_for_value("$app/svc/api/h3", 'PGUSER'), 'svc_api_h3', '  are published');
my $renewed = tool('rotate_app_service', %mine, service_id => 'api', host_id => 'h3');
is_deeply({ map { $_ => $renewed->{$_} } qw(env_published env_keys session_token) },
	{ env_published => JSON::PP::true, env_keys => [qw(PGDATABASE PGHOST PGPASSWORD PGPORT PGSSLMODE PGUSER)], session_token => $user }, 'MCP: a service is rotated and published')
  or diag explain $renewed;
is($peer->wait_for_value("$app/svc/api/h3", 'PGUSER', 'svc_api_h3'), 'svc_api_h3_2', '  under a name with a number');
unlike(encode_json($renewed), qr/postgres(?:ql)?:|password"/, '  and its answer has no secret');
my $person = $rest->call(POST => "$base/credentials", { access => 'reader' }, user => $user)->{json}{connection}{username};
is(tool('revoke_app_credential', %mine, username => $person)->{revoked}, 1, 'MCP: a credential is revoked');
like(tool('revoke_app_credential', %mine, username => $foreign), qr/^not_found: /, "  but not another database's");
like(tool($_, app_id => 'app-x', db_id => $db_id, publication_id => 1, username => 'u', services => [], service_id => 's', host_id => 'h'), qr/^invalid_field: unknown field/, "MCP: $_ names what it does not know")
  for qw(retry_app_publication revoke_app_credential set_app_services rotate_app_service);
like(tool('set_app_services', app_id => 'app-x', db_id => $db_id, services => []), qr/^not_found: /, 'MCP: a database of another app is not there');


# --- API keys in the app ---------------------------------------------------------------------------------------
refused($rest->call(POST => "$base/keys", { role => 'dbuser', publish => JSON::PP::true }, user => $user), 422, 'refused', 'where no gateway is known, none is published', qr/gateway_url/);
$host->control("ALTER SYSTEM SET appinfra.gateway_url = 'https://gateway.example'");
$host->control('SELECT pg_reload_conf()');
$host->wait_until("SELECT current_setting('appinfra.gateway_url') <> ''", 'the gateway to be known');
my $published;
wait_for('the sidecar to know it', sub { ($published = $rest->call(POST => "$base/keys", { role => 'dbuser', publish => JSON::PP::true }, user => $user))->{status} == 201 });
is_deeply([ sort keys %{ $published->{json} } ], [qw(db_id env env_keys key_id role)], 'a key is published, and nobody sees it');
like($peer->wait_for_value($app, 'AGENTCOOPDB_API_KEY'), qr/\Aacd_live_\Q$published->{json}{key_id}\E_/, 'but the app');
refused($rest->call(POST => "$base/keys", { role => 'reader', publish => JSON::PP::true }, user => $user), 409, 'conflict', 'an app has one such variable');
is($rest->call(GET => "$base/publications?limit=1", undef, user => $user)->{json}{publications}[0]{variables}[1], 'AGENTCOOPDB_API_KEY', 'the delivery is in the list');
is($rest->call(GET => "$base/publications?limit=1", undef, user => $user)->{json}{publications}[0]{key_id}, $published->{json}{key_id}, '  with the key that it delivers');
is_deeply([ map { join ' ', @$_{qw(variable target access key_id)} } grep { $_->{key_id} } @{ ok_call(200, GET => "$base/variables")->{json}{variables} } ],
	[ map { "$_ $app writer $published->{json}{key_id}" } qw(AGENTCOOPDB_API_KEY AGENTCOOPDB_GATEWAY_URL) ], 'so are its variables, with the key that they have');
my ($shown) = grep { $_->{key_id} eq $published->{json}{key_id} } @{ ok_call(200, GET => "$base/keys")->{json}{keys} };
is("$shown->{target} $shown->{publication}", "$app published", 'the key is listed with where it is');
like(tool('add_app_key', %mine, role => 'reader'), qr/^conflict: /, 'MCP: an API key is published, once');
ok_call(200, DELETE => "$base/variables?variables=AGENTCOOPDB_API_KEY");
my $agents = tool('add_app_key', %mine, role => 'reader');
is_deeply({ map { $_ => $agents->{$_} } qw(env_published env_keys session_token token role) },
	{ env_published => JSON::PP::true, env_keys => [qw(AGENTCOOPDB_API_KEY AGENTCOOPDB_GATEWAY_URL)], session_token => $user, token => undef, role => 'reader' }, '  and is in the app, not in the answer')
  or diag explain $agents;
my $own_key = $host->control("SELECT key_id FROM appinfra.mint_key('$db_id', 'reader')");
my ($told) = grep { $_->{key_id} eq $own_key } @{ tool('list_app_keys', %mine)->{keys} };
ok($told && !defined $told->{target}, 'MCP: API keys, one that its maker was told');
is(scalar(grep { ($_->{target} // '') eq $app && $_->{key_id} eq $agents->{key_id} } @{ tool('list_app_keys', %mine)->{keys} }), 1, '  and one that is published');
is(tool('revoke_app_key', %mine, key_id => $own_key)->{revoked}, 1, 'MCP: one is revoked');
like(tool('revoke_app_key', %mine, key_id => $foreign_key), qr/^not_found: /, "  but not another database's");

# --- MCP: several variables, several apps, pages -------------------------------------------------------------
is_deeply(tool('add_app_database', app_id => $app, slug => 'second', env_key => 'SECOND_URL')->{env_keys}, ['SECOND_URL'], 'MCP: a second database by env_key');
is_deeply(tool('add_app_database', app_id => 'app-env', env => { A_URL => 'owner', B_URL => 'writer' })->{env_keys}, [qw(A_URL B_URL)], 'MCP: several variables by env');
like(tool('add_app_database', app_id => 'app-both', env_key => 'A', env => { B => 'owner' }), qr/^invalid_field: .*exclude/, 'MCP: not both');
like(tool('add_app_database', app_id => 'app-bad', env_key => 'PATH'), qr/^refused: /, 'MCP: nor a name that no variable may have');
my $all = tool('list_app_databases');
is_deeply([ sort map { $_->{app_id} } @{ $all->{databases} } ], [ $app, $app, 'app-env' ], 'MCP: all databases of the user');
my (@seen, $next);
do
{
	my $page = tool('list_app_databases', limit => 2, $next ? (cursor => $next) : ());
	push @seen, map { $_->{db_id} } @{ $page->{databases} };
	$next = $page->{next_cursor};
} while ($next);
is_deeply(\@seen, [ map { $_->{db_id} } @{ $all->{databases} } ], '  in pages');
like(tool('list_app_databases', cursor => 'x'), qr/^invalid_field: .*cursor/, '  whose cursor is one that was given out');
is($rest->process->stop, 0, 'it ends well');
done_testing();
