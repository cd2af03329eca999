# The tools that agents have at the SQL gateway: /v1/mcp, over HTTP.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Vectors;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('gateway_mcp', pool_size => 2);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => ['--gateway-rate-limit=0']);
my %key = map { $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser reader);

# Sends what is JSON-RPC, as $key; returns the answer of HTTP.
sub post
{
	my ($key, $content, %headers) = @_;
	return $gateway->call(POST => '/v1/mcp', $content, key => $key, headers => { Accept => 'application/json, text/event-stream', %headers });
}

my $id = 0;

sub message
{
	my ($method, $params) = @_;
	return { jsonrpc => '2.0', id => ++$id, method => $method, defined $params ? (params => $params) : () };
}

# Calls a tool; returns its result.
sub tool
{
	my ($key, $name, $arguments) = @_;
	my $answer = post($key, message('tools/call', { name => $name, defined $arguments ? (arguments => $arguments) : () }));
	is($answer->{status}, 200, "$name answers") or diag $answer->{content};
	is($answer->{json}{id}, $id, 'the message that was asked') or diag $answer->{content};
	return $answer->{json}{result};
}

# The text of a result that is an error.
sub refusal
{
	my ($result) = @_;
	ok($result->{isError}, 'it is refused') or diag explain $result;
	ok(!exists $result->{structuredContent}, 'with a text only');
	return $result->{content}[0]{text};
}

subtest 'the protocol' => sub {
	my $answer = post($key{reader}, message('initialize', { protocolVersion => '2025-03-26', capabilities => {}, clientInfo => { name => 't', version => '1' } }));
	is($answer->{json}{result}{protocolVersion}, '2025-03-26', 'an older version is spoken where it is asked for') or diag $answer->{content};
	is($answer->{headers}{'cache-control'}, 'no-store', 'nothing is kept by the way');
	$answer = post($key{reader}, message('initialize', { protocolVersion => '1999-01-01' }));
	is($answer->{json}{result}{protocolVersion}, '2025-06-18', 'else the newest');
	is_deeply($answer->{json}{result}{capabilities}, { tools => { listChanged => JSON::PP::false } }, 'it has tools');
	is_deeply(post($key{reader}, message('ping'))->{json}{result}, {}, 'it answers a ping');
	$answer = post($key{reader}, { jsonrpc => '2.0', method => 'notifications/initialized' });
	is("$answer->{status} $answer->{content}", '202 ', 'a notification is not answered');
	is(post($key{reader}, message('ping'), 'MCP-Protocol-Version' => '1999-01-01')->{status}, 400, 'another version is refused');
	$answer = post($key{reader}, '{"jsonrpc":"2.0","id":"x\u0041","method":"ping"}');
	is($answer->{json}{id}, 'xA', 'an id may be a string');
	for my $case (['{', 400, -32700], ['{"id":1}', 200, -32600], ['{"jsonrpc":"2.0","id":[],"method":"ping"}', 200, -32600],
		[message('nothing'), 200, -32601], [message('tools/call', { name => 'nothing' }), 200, -32602],
		[message('tools/call', { name => 'whoami', arguments => [] }), 200, -32602])
	{
		$answer = post($key{reader}, $case->[0]);
		is("$answer->{status} $answer->{json}{error}{code}", "$case->[1] $case->[2]", 'what is no request is an error') or diag $answer->{content};
	}
	is_deeply([ sort map { $_->{name} } @{ post($key{reader}, message('tools/list'))->{json}{result}{tools} } ],
		[ qw(describe_table health list_tables rpc_call sql_execute vector_search vector_upsert whoami) ], 'the tools are those of the contract');
};

subtest 'batches' => sub {
	my $answer = post($key{reader}, [ message('ping'), { jsonrpc => '2.0', method => 'notifications/x' }, message('tools/call', { name => 'whoami' }) ]);
	is($answer->{status}, 200, 'a batch is answered') or diag $answer->{content};
	is_deeply([ map { $_->{id} } @{ $answer->{json} } ], [ $id - 1, $id ], 'its requests are, in order');
	is(post($key{reader}, [])->{json}{error}{code}, -32600, 'an empty one is none');
	is(post($key{reader}, [ map { message('ping') } 1 .. 51 ])->{json}{error}{code}, -32600, 'nor is a large one');
	is(post($key{reader}, [ message('ping') ], 'MCP-Protocol-Version' => '2025-06-18')->{json}{error}{code}, -32600, 'the newest version has none');
	is(post($key{reader}, [ { jsonrpc => '2.0', method => 'notifications/x' } ])->{status}, 202, 'one of notifications is not answered');
};

subtest 'the door' => sub {
	for my $method (qw(GET DELETE))
	{
		my $answer = $gateway->call($method => '/v1/mcp', undef, key => $key{reader});
		is("$answer->{status} $answer->{headers}{allow}", '405 POST', "$method is refused");
	}
	my $answer = post({ token => 'acd_live_nonsense' }, message('ping'));
	is("$answer->{status} $answer->{json}{title}", '401 missing_or_invalid_api_key', 'a key is needed');
	my $gone = $gateway->mint($tenant->{db_id}, 'reader');
	is(post($gone, message('ping'))->{status}, 200, 'a key is good');
	$host->control("SELECT appinfra.revoke_key('$gone->{id}')");
	$answer = post($gone, message('ping'));
	is("$answer->{status} $answer->{json}{title}", '401 key_inactive', 'until it is revoked');
};

subtest 'statements' => sub {
	my $result = tool($key{dbadmin}, sql_execute => { sql => 'CREATE TABLE notes (id int PRIMARY KEY, note text DEFAULT $$x$$, price numeric)' });
	ok(!$result->{isError}, 'a table is made') or diag explain $result;
	$result = tool($key{dbuser}, sql_execute => { sql => 'INSERT INTO notes VALUES ($1, $2, $3) RETURNING *', params => [ 1, "a\nb", '1.50' ] });
	is_deeply($result->{structuredContent}{rows}[0][1], "a\nb", 'a row is written');
	is_deeply(decode_json($result->{content}[0]{text})->{rows}[0][0], 1, 'the text says the same');
	my $answer = post($key{dbuser}, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sql_execute","arguments":{"sql":"SELECT $1::numeric AS n","params":[12345678901234567890.10]}}}');
	like($answer->{content}, qr/"rows":\[\[12345678901234567890\.10\]\]/, 'numbers keep their digits') or diag $answer->{content};
	like(refusal(tool($key{reader}, sql_execute => { sql => 'INSERT INTO notes VALUES (9)' })), qr/^permission_denied: /, 'a reader does not write');
	like(refusal(tool($key{reader}, sql_execute => { sql => 'SELEC 1' })), qr/^parse_error: syntax error/, 'an error is told');
	like(refusal(tool($key{reader}, sql_execute => {})), qr/^empty_statement: /, 'a statement is needed');
};

subtest 'a call with an idempotency_key takes effect once' => sub {
	my $insert = { sql => 'INSERT INTO notes VALUES (2) RETURNING txid_current()::text', idempotency_key => 'k1' };
	my $raw = encode_json($insert);
	my @again = map { post($key{dbuser}, qq({"jsonrpc":"2.0","id":$_,"method":"tools/call","params":{"name":"sql_execute","arguments":$raw}})) } 1, 2;
	is_deeply($again[1]{json}{result}, $again[0]{json}{result}, 'a repetition gets the same answer') or diag $again[1]{content};
	like(refusal(tool($key{dbuser}, sql_execute => { sql => 'SELECT 1', idempotency_key => 'k1' })), qr/^idempotency_conflict: /, 'another statement does not');
	like(refusal(tool($key{dbuser}, sql_execute => { sql => 'SELECT 1', idempotency_key => 7 })), qr/^invalid_field: /, 'a key is a string');
};

subtest 'procedures' => sub {
	tool($key{dbadmin}, sql_execute => { sql => 'CREATE SCHEMA rpc' });
	tool($key{dbadmin}, sql_execute => { sql => 'CREATE FUNCTION rpc.echo(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT args$$' });
	is_deeply(tool($key{dbadmin}, rpc_call => { procedure => 'echo', args => { a => 1 } })->{structuredContent}{result}, { a => 1 }, 'one is called');
	like(refusal(tool($key{dbadmin}, rpc_call => { procedure => 'nothing' })), qr/^unknown_procedure: /, 'another is not there');
};

subtest 'what is there' => sub {
	my $tables = tool($key{reader}, 'list_tables')->{structuredContent};
	is_deeply($tables->{columns}, [ qw(table_name approx_rows) ], 'tables are listed');
	is_deeply([ map { $_->[0] } @{ $tables->{rows} } ], ['notes'], 'those of public') or diag explain $tables;
	my $columns = tool($key{reader}, describe_table => { table => 'notes' })->{structuredContent};
	is_deeply($columns->{columns}, [ qw(column_name data_type is_nullable column_default) ], 'a table is described');
	is_deeply($columns->{rows}, [ [ 'id', 'integer', 'NO', undef ], [ 'note', 'text', 'YES', "'x'::text" ], [ 'price', 'numeric', 'YES', undef ] ],
		'by its columns') or diag explain $columns;
	like(refusal(tool($key{reader}, describe_table => { table => 'nothing' })), qr/^undefined_object: /, 'one that is not there is not');
	like(refusal(tool($key{reader}, describe_table => { table => 'no"tes' })), qr/^invalid_field: the argument table/, 'a name is a plain one');
	my $me = tool($key{reader}, 'whoami')->{structuredContent};
	is_deeply([ sort keys %$me ], [ qw(env key_id role workspace_id) ], 'a key learns who it is');
	is("$me->{key_id} $me->{role} $me->{env}", "$key{reader}{id} reader live", 'and what it may');
	is_deeply(tool($key{reader}, 'health')->{structuredContent}, { healthy => JSON::PP::true, ready => JSON::PP::true, detail => 'ready' }, 'and how the gateway is');
};

subtest 'vectors' => sub {
	my %search = (table => 'documents', vector_column => 'embedding', query_embedding => [ 1, 0.5 ]);
	my %row = (id => 'a', metadata => { n => 1 }, vector => [ 1, 0 ]);
	my %upsert = (table => 'documents', id_column => 'id', vector_column => 'embedding', rows => [ \%row, { %row, id => 'b', vector => [ 0, 1 ] } ]);
	for my $case ([ vector_search => \%search ], [ vector_upsert => \%upsert ])
	{
		like(refusal(tool($key{dbadmin}, @$case)), qr/\nhint: CREATE EXTENSION vector$/, "$case->[0] says what it needs");
	}
	like(refusal(tool($key{dbadmin}, vector_search => { %search, k => 0 })), qr/^invalid_field: the argument k/, 'k is a number from 1 on');
	like(refusal(tool($key{dbadmin}, vector_upsert => { %upsert, rows => [] })), qr/^invalid_field: the argument rows/, 'rows are needed');
	my $real = Appinfra::Vectors::prepare(sub { !tool($key{dbadmin}, sql_execute => { sql => $_[0] })->{isError} });
	tool($key{dbadmin}, sql_execute => { sql => 'CREATE TABLE documents (id text PRIMARY KEY, metadata jsonb, embedding vector' . ($real ? '(2))' : ')') });
	is_deeply(tool($key{dbuser}, vector_upsert => \%upsert)->{structuredContent}, { rows_affected => 2, command => 'INSERT' }, 'rows are stored');
	is_deeply(tool($key{dbuser}, vector_upsert => { %upsert, rows => [ { %row, metadata => { n => 2 } } ] })->{structuredContent},
		{ rows_affected => 1, command => 'INSERT' }, 'and overwritten');
	my $found = tool($key{reader}, vector_search => \%search)->{structuredContent};
	is_deeply($found->{columns}, [ qw(id metadata embedding distance) ], 'they are found');
	is_deeply([ map { [ @$_[ 0, 1 ] ] } @{ $found->{rows} } ], [ [ 'a', { n => 2 } ], [ 'b', { n => 1 } ] ], 'the nearest first');
	is(scalar @{ tool($key{reader}, vector_search => { %search, k => 1 })->{structuredContent}{rows} }, 1, 'as many as are wanted');
	like(refusal(tool($key{reader}, vector_search => { %search, query_embedding => [1] })), qr/^invalid_input: /, 'vectors have the same size') if $real;
	like(refusal(tool($key{reader}, vector_upsert => \%upsert)), qr/^permission_denied: /, 'a reader stores none');
};

$gateway->process->stop;

subtest 'limits and switches' => sub {
	my $limited = Appinfra::Gateway->start($host, name => 'limited', worker => 'limited', args => [ '--gateway-rate-limit=1', '--gateway-rate-burst=4' ]);
	my $answer = $limited->call(POST => '/v1/mcp', [ map { message('tools/call', { name => 'whoami' }) } 1 .. 20 ], key => $key{reader});
	my @errors = map { $_->{result}{isError} ? $_->{result}{content}[0]{text} : () } @{ $answer->{json} };
	cmp_ok(scalar @errors, '>=', 14, 'each call of a batch counts') or diag $answer->{content};
	like($errors[-1], qr/^rate_limited: /, 'and is refused beyond the rate');
	$limited->process->stop;
	my $off = Appinfra::Gateway->start($host, name => 'off', worker => 'off', env => { AGENTCOOPDB_MCP_ENABLED => 'false' });
	is($off->call($_ => '/v1/mcp', undef, key => $key{reader})->{status}, 404, "$_ finds nothing where it is off") for qw(POST GET);
	$off->process->stop;
};
done_testing();
