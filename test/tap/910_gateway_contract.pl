# The SQL gateway's routes, headers, keys and refusals, each against a running one.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Wait qw(wait_for);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('contract', pool_size => 3);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => [qw(--gateway-rate-limit=0 --gateway-statement-timeout=1s)],
	env => { AGENTCOOPDB_DATABASE_MAX_CONNS => 4 });
my %key = map { $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser reader);
my $id_form = qr/^[A-Za-z0-9_-]{16}$/;
my $workspace_id = $host->control("SELECT DISTINCT workspace_id FROM appinfra.keys");

# What an answer is, in a word: its status and, where it is a problem, its title.
sub said
{
	my ($answer) = @_;
	my $title = ref $answer->{json} eq 'HASH' ? $answer->{json}{title} // '' : '';
	return $title eq '' ? $answer->{status} : "$answer->{status} $title";
}

# Checks that an answer is a problem in the form every problem has.
sub refuses
{
	my ($answer, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $json = $answer->{json};
	my $form = join ' ', said($answer), $answer->{headers}{'content-type'} // '', ref $json eq 'HASH' ? $json->{type} // '' : '',
	  ref $json eq 'HASH' ? $json->{status} // '' : '';
	my ($status) = $expected =~ /^(\d+)/;
	is($form, "$expected application/problem+json about:blank $status", $name) or diag $answer->{content};
	return $answer;
}

# Checks that a statement is refused; returns the answer.
sub statement_refused
{
	my ($role, $sql, $params, $expected, $sqlstate) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = refuses($gateway->sql($key{$role}, $sql, $params), $expected, "$role: " . substr $sql, 0, 90);
	is($answer->{json}{sqlstate}, $sqlstate, "with SQLSTATE " . ($sqlstate // 'none')) or diag $answer->{content};
	return $answer;
}

# --- statements -----------------------------------------------------------------------------------------
my $answer = $gateway->sql($key{dbadmin}, 'CREATE TABLE IF NOT EXISTS notes (id uuid PRIMARY KEY, body text)');
is(said($answer), 200, 'a dbadmin makes a table') or diag $answer->{content};
is_deeply([ sort keys %{ $answer->{json} } ], [qw(columns command duration_ms rows rows_affected)], 'the answer has these fields');
is_deeply([ @{ $answer->{json} }{qw(command columns rows rows_affected)} ], [ 'CREATE TABLE', [], [], 0 ], 'with these values');
like($answer->{content}, qr/"duration_ms":\d+[,}]/, 'the duration is in whole milliseconds');
is($answer->{headers}{'content-type'}, 'application/json', 'it is JSON');
is($answer->{headers}{'cache-control'}, 'no-store', 'and not to be stored');
$answer = $gateway->sql($key{dbadmin}, 'CREATE TABLE IF NOT EXISTS notes (id int)');
like($answer->{json}{notice}, qr/already exists, skipping/, 'what is raised below ERROR is the notice');
$answer = $gateway->sql($key{dbuser}, 'INSERT INTO notes VALUES ($1, $2), ($3, $4) RETURNING body',
	[ '6f1c1f0a-1111-4222-8333-444455556666', 'hi', '6f1c1f0a-1111-4222-8333-444455556667', undef ]);
is_deeply([ @{ $answer->{json} }{qw(command columns rows rows_affected)} ], [ 'INSERT', ['body'], [ ['hi'], [undef] ], 2 ], 'INSERT … RETURNING');
$answer = $gateway->sql($key{dbuser}, 'UPDATE notes SET body = body');
is_deeply([ @{ $answer->{json} }{qw(command columns rows rows_affected)} ], [ 'UPDATE', [], [], 2 ], 'UPDATE');
my %tags = (
	'SELECT 1 WHERE false' => 'SELECT 0', 'VALUES (1), (2)' => 'SELECT 2', 'SHOW TimeZone' => 'SHOW 1', 'EXPLAIN SELECT 1' => 'EXPLAIN 1',
	'CREATE TABLE made AS SELECT 1 AS one' => 'CREATE TABLE AS 1', 'SELECT 1 AS one INTO also_made' => 'CREATE TABLE AS 1',
	'CREATE MATERIALIZED VIEW seen AS SELECT 1 AS one' => 'CREATE TABLE AS 1', 'DO $$BEGIN END$$' => 'DO 0',
	'DELETE FROM notes WHERE false' => 'DELETE 0', 'SELECT' => 'SELECT 1', 'TABLE notes' => 'SELECT 2',
	"PREPARE p AS SELECT 1" => 'PREPARE 0', 'SET work_mem = 1000' => 'SET 0', 'ALTER TABLE made RENAME TO made_2' => 'ALTER TABLE 0',
	'MERGE INTO also_made m USING (SELECT 1 AS one) s ON m.one = s.one WHEN MATCHED THEN UPDATE SET one = 2' => 'MERGE 1');
# A table is renamed after it was made.
for my $sql (sort { ($a =~ /^ALTER|^MERGE/) <=> ($b =~ /^ALTER|^MERGE/) || $a cmp $b } keys %tags)
{
	$answer = $gateway->sql($key{dbadmin}, $sql);
	is(join(' ', map { $_ // '' } @{ $answer->{json} }{qw(command rows_affected)}), $tags{$sql}, $sql) or diag $answer->{content};
}
$answer = $gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1', params => undef, workspace => 'x', trace => 1 }, key => $key{dbuser});
is(said($answer), 200, 'fields that are not known are ignored; params may be null');

# --- codes of statements ---------------------------------------------------------------------------------
$gateway->sql($key{dbadmin}, $_) for
  'CREATE TABLE parents (id int PRIMARY KEY, n int CHECK (n > 0))',
  'CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)',
  'INSERT INTO parents VALUES (1, 1)', 'CREATE TYPE pair AS (a int, b text)', 'CREATE SCHEMA rpc',
  'CREATE FUNCTION own_code() RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION $x$no$x$ USING ERRCODE = $x$MY001$x$, DETAIL = $x$because$x$, HINT = $x$try$x$; END$$',
  'CREATE FUNCTION state(code text) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION $x$raised %$x$, code USING ERRCODE = code; END$$',
  'CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$BEGIN COMMIT; END$$';
statement_refused(@$_) for
  [ 'dbuser', 'SELEC 1', undef, '400 parse_error', '42601' ],
  [ 'dbuser', 'SELECT 1; SELECT 2', undef, '400 multiple_statements', '42601' ],
  [ 'reader', 'SELECT 1; SELECT 2', undef, '400 multiple_statements', '42601' ],
  [ 'dbuser', 'SELECT 1 /* a */; /* b */ SELECT $$;$$', undef, '400 multiple_statements', '42601' ],
  [ 'dbuser', '-- nothing but this', undef, '400 empty_statement', undef ],
  [ 'dbuser', ';', undef, '400 empty_statement', undef ],
  [ 'reader', '/* nothing */', undef, '400 empty_statement', undef ],
  [ 'dbuser', 'SELECT $1::int', [], '400 params_mismatch', '08P01' ],
  [ 'dbuser', 'SELECT 1', [ 1 ], '400 params_mismatch', '08P01' ],
  [ 'dbuser', 'SELECT $1::int', [ [1], 2 ], '400 params_mismatch', undef ],
  [ 'dbuser', 'SELECT $2::int', [ 1, 2 ], '400 params_mismatch', '42P18' ],
  [ 'dbuser', 'SELECT 1 FROM nowhere', undef, '400 undefined_object', '42P01' ],
  [ 'dbuser', 'SELECT nothing FROM notes', undef, '400 undefined_object', '42703' ],
  [ 'dbuser', 'SELECT nothing()', undef, '400 undefined_object', '42883' ],
  [ 'dbuser', 'SELECT 1::nothing', undef, '400 undefined_object', '42704' ],
  [ 'dbadmin', 'CREATE TABLE nothing.x ()', undef, '400 undefined_object', '3F000' ],
  [ 'dbuser', 'SELECT 1 / 0', undef, '400 invalid_input', '22012' ],
  [ 'dbuser', 'SELECT $1::int', ['x'], '400 invalid_input', '22P02' ],
  [ 'dbuser', 'SELECT $1::int', [ [1] ], '400 invalid_input', undef ],
  [ 'dbuser', 'CREATE TABLE x ()', undef, '403 permission_denied', '42501' ],
  [ 'reader', 'INSERT INTO notes (id) VALUES (gen_random_uuid())', undef, '403 permission_denied', '25006' ],
  [ 'dbadmin', 'CREATE ROLE other', undef, '403 permission_denied', '42501' ],
  [ 'dbadmin', "PREPARE TRANSACTION 'x'", undef, '403 permission_denied', '42501' ],
  [ 'dbadmin', "COMMIT PREPARED 'x'", undef, '403 permission_denied', '42501' ],
  [ 'dbadmin', "ROLLBACK PREPARED 'x'", undef, '403 permission_denied', '42501' ],
  [ 'dbuser', 'SELECT own_code()', undef, '400 raised_exception', 'MY001' ],
  [ 'dbuser', "DO 'BEGIN RAISE EXCEPTION ''no''; END'", undef, '400 raised_exception', 'P0001' ],
  [ 'dbuser', 'SELECT pg_sleep(30)', undef, '408 statement_timeout', '57014' ],
  [ 'reader', 'SELECT pg_sleep(30)', undef, '408 statement_timeout', '57014' ],
  [ 'dbuser', 'INSERT INTO parents VALUES (1, 1)', undef, '409 unique_violation', '23505' ],
  [ 'dbuser', 'INSERT INTO parents VALUES (2, 0)', undef, '409 integrity_violation', '23514' ],
  [ 'dbuser', 'INSERT INTO children VALUES (1, 77)', undef, '409 integrity_violation', '23503' ],
  [ 'dbadmin', 'DROP TABLE parents', undef, '409 conflict', '2BP01' ],
  [ 'dbuser', 'SELECT (SELECT id FROM notes)', undef, '400 database_error', '21000' ],
  [ 'dbuser', 'EXECUTE nothing', undef, '400 database_error', '26000' ],
  [ 'dbuser', 'FETCH nothing', undef, '400 database_error', '34000' ],
  [ 'dbadmin', 'CREATE TABLE notes (id int)', undef, '400 database_error', '42P07' ],
  [ 'dbuser', 'SELECT id FROM notes GROUP BY body', undef, '400 database_error', '42803' ],
  [ 'dbadmin', 'CREATE VIEW v AS SELECT $1::int', [], '400 params_mismatch', '42P02' ];
statement_refused('dbuser', "SELECT state('$_->[0]')", undef, $_->[1], $_->[0]) for
  [ '0A000', '400 not_supported' ], [ '40001', '409 serialization_failure' ], [ '40P01', '409 deadlock_detected' ], [ '55P03', '409 conflict' ],
  [ '53300', '503 too_many_connections' ], [ '53100', '503 database_unavailable' ], [ '08006', '503 database_unavailable' ],
  [ '57P01', '503 database_unavailable' ], [ '25P03', '503 database_unavailable' ], [ 'XX000', '500 database_error' ], [ '58030', '500 database_error' ],
  [ 'F0000', '500 database_error' ], [ '3B001', '400 transaction_control' ], [ '2D000', '400 transaction_control' ], [ '25001', '400 not_in_transaction' ],
  [ '25006', '403 permission_denied' ], [ '54000', '400 database_error' ], [ '39000', '400 database_error' ], [ '38000', '400 database_error' ],
  [ '44000', '400 database_error' ], [ '24000', '400 database_error' ], [ 'P0002', '400 raised_exception' ], [ '23001', '409 integrity_violation' ],
  [ '42601', '400 parse_error' ];
is($gateway->sql($key{dbuser}, "SELECT state('53100')")->{headers}{'retry-after'}, 1, '503 says to come again in a second');
$answer = $gateway->sql($key{dbuser}, 'SELECT own_code()');
is_deeply([ @{ $answer->{json} }{qw(detail hint)} ], [ "no\nbecause", 'try' ], 'the detail is message and DETAIL, the hint the HINT');
$answer = $gateway->sql($key{dbuser}, "DO \$\$BEGIN RAISE EXCEPTION '%', repeat('x', 9000); END\$\$");
cmp_ok(length $answer->{json}{detail}, '<=', 4096, 'at most 4 KiB of it');
$answer = $gateway->sql($key{dbuser}, "DO \$\$BEGIN FOR i IN 1 .. 2000 LOOP RAISE NOTICE 'note %', i; END LOOP; END\$\$");
like($answer->{json}{notice}, qr/^note 1\nnote 2\n/, 'notices come one a line');
cmp_ok(length $answer->{json}{notice}, '<=', 4096, 'at most 4 KiB of them');

# --- requests that are refused before any statement -------------------------------------------------------
sub body_refused
{
	my ($body, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return refuses($gateway->call(POST => '/v1/sql/execute', $body, key => $key{dbuser}), $expected, $name);
}
body_refused('{"sql": "SELECT 1"', '400 invalid_json', 'JSON that ends too early');
body_refused('', '400 invalid_json', 'no body');
body_refused('[]', '400 invalid_json', 'an array');
body_refused("{\"sql\": \"SELECT '\xff'\"}", '400 invalid_json', 'bytes that are no UTF-8');
body_refused('{}', '400 empty_statement', 'no sql');
body_refused('{"sql": " \t\n"}', '400 empty_statement', 'a blank one');
body_refused('{"sql": 1}', '400 invalid_field', 'sql that is a number');
body_refused('{"sql": "SELECT 1\u0000"}', '400 invalid_field', 'NUL in the statement');
body_refused('{"sql": "SELECT 1", "params": {}}', '400 invalid_field', 'params that are an object');
body_refused('{"sql": "SELECT $1", "params": ["\u0000"]}', '400 invalid_input', 'NUL in a parameter');
body_refused('{"sql": "", "params": {}}', '400 empty_statement', 'what is empty is refused before what is wrong with params');
body_refused({ sql => 'SELECT ' . ' ' x 262137 . '1' }, '400 statement_too_large', 'a statement of 262,145 bytes');
is(said($gateway->sql($key{dbuser}, 'SELECT ' . ' ' x 262136 . '1')), 200, 'one of 262,144 runs');
body_refused({ sql => 'SELECT 1', params => [ (1) x 1001 ] }, '400 too_many_params', '1,001 parameters');
is(said($gateway->sql($key{dbuser}, 'SELECT ' . join('+', map { "\$$_" . '::int' } 1 .. 1000), [ (1) x 1000 ])), 200, '1,000 run');
body_refused({ sql => 'SELECT ' . ' ' x 262138 . '1', params => [ (1) x 1001 ] }, '400 statement_too_large', 'bytes are counted before parameters');
body_refused({ sql => 'SELECT $1', params => [ 'x' x (1024 * 1024) ] }, '413 body_too_large', 'a body of more than 1 MiB');
is(said($gateway->sql($key{dbuser}, 'SELECT length($1)', [ 'x' x (1000 * 1024) ])), 200, 'one of less runs');
refuses($gateway->call(POST => '/v1/sql/execute', 'sql=1', key => $key{dbuser}, headers => { 'Content-Type' => 'text/plain' }),
	'415 unsupported_media_type', 'a body that is no JSON');
is(said($gateway->call(POST => '/v1/sql/execute', '{"sql":"SELECT 1"}', key => $key{dbuser}, headers => { 'Content-Type' => 'Application/JSON; charset=utf-8' })),
	200, 'the type may have parameters and any case');
refuses($gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1' }, key => $key{dbuser}, headers => { 'Idempotency-Key' => 'x' x 256 }),
	'400 invalid_field', 'an Idempotency-Key of 256 characters');
refuses($gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1' }, key => $key{dbuser}, headers => { 'Idempotency-Key' => "tab\tkey" }),
	'400 invalid_field', 'one with a tab');
is(said($gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1' }, key => $key{$_}, headers => { 'Idempotency-Key' => "order 17: ~$_" })),
	200, "$_: one of printable characters with blanks") for qw(dbuser reader);
is(said($gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1' }, key => $key{dbuser}, headers => { 'Idempotency-Key' => 'y' x 255 })), 200, 'one of 255');

# --- paths and methods --------------------------------------------------------------------------------------
refuses($gateway->call(GET => '/v1/nothing', undef, key => $key{dbuser}), '404 not_found', 'a path that is not there');
my %methods = ('/v1/sql/execute' => 'POST', '/v1/rpc/call' => 'POST', '/v1/auth/keys' => 'GET, POST', '/v1/auth/keys/rotate' => 'POST',
	'/v1/auth/keys/abcdefghijklmnop' => 'DELETE', '/v1/me' => 'GET', '/healthz' => 'GET', '/readyz' => 'GET', '/metrics' => 'GET');
for my $path (sort keys %methods)
{
	$answer = refuses($gateway->call(PUT => $path, undef, key => $key{dbuser}), '405 method_not_allowed', "PUT $path");
	is(join(', ', sort split /, /, $answer->{headers}{allow} // ''), $methods{$path}, "may be $methods{$path}");
}

# --- keys in the head ----------------------------------------------------------------------------------------
my ($prefix, $secret) = $key{dbuser}{token} =~ /^(acd_live_.{16}_)(.{32})$/;
ok(defined $secret, 'a key is acd_, env, 16 and 32 characters');
my $broken = $prefix . reverse $secret;
sub authorized
{
	my ($header, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = $gateway->call(GET => '/v1/me', undef, headers => defined $header ? { Authorization => $header } : {});
	is(said($answer), $expected, $name) or diag $answer->{content};
	is($answer->{headers}{'www-authenticate'}, 'Bearer realm="agentcoopdb"', 'and it says what is wanted') if $expected =~ /^401/;
	return;
}
authorized("Bearer $key{dbuser}{token}", 200, 'Bearer and a key');
authorized("bEARER \t $key{dbuser}{token}  ", 200, 'in any case, with blanks');
authorized($key{dbuser}{token}, 200, 'the key alone');
authorized(undef, '401 missing_or_invalid_api_key', 'none');
authorized("Basic $key{dbuser}{token}", '401 missing_or_invalid_api_key', 'another scheme');
authorized("Bearer $key{dbuser}{token}x", '401 missing_or_invalid_api_key', 'a character too many');
authorized('Bearer ' . substr($key{dbuser}{token}, 0, -1), '401 missing_or_invalid_api_key', 'one too few');
authorized('Bearer ' . $key{dbuser}{token} =~ s/.$/*/r, '401 missing_or_invalid_api_key', 'one of no alphabet');
authorized('Bearer ' . $key{dbuser}{token} =~ s/^acd_live/acd_prod/r, '401 missing_or_invalid_api_key', 'an env that there is none');
authorized('Bearer ' . $key{dbuser}{token} =~ s/^acd_live/acd_test/r, '401 invalid_api_key', 'another env');
authorized("Bearer $broken", '401 invalid_api_key', 'a wrong secret');
authorized('Bearer acd_live_AAAAAAAAAAAAAAAA_' . $secret, '401 invalid_api_key', 'a key that nobody made');
my @unknown = map { $gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1' }, key => { token => $_ }) } $broken, "acd_live_AAAAAAAAAAAAAAAA_$secret";
is($unknown[0]{content}, $unknown[1]{content}, 'an unknown key and a wrong secret are told the same');
my $own = $gateway->sql($key{dbuser}, 'SELECT 1', undef, headers => { 'X-Request-Id' => 'run-7.A_b' });
is($own->{headers}{'x-request-id'}, 'run-7.A_b', "the request's own id comes back");
for my $id ('', 'a b', 'x' x 65, 'a/b')
{
	$answer = $gateway->sql($key{dbuser}, 'SELECT 1', undef, headers => { 'X-Request-Id' => $id });
	like($answer->{headers}{'x-request-id'}, qr/^[0-9a-f]{32}$/, 'one that is none gets 32 hexadecimal digits');
}
for my $case ([ GET => '/healthz' ], [ GET => '/v1/nothing' ], [ GET => '/v1/me' ], [ PUT => '/v1/me' ])
{
	$answer = $gateway->call(@$case);
	is(join(' ', map { defined $answer->{headers}{$_} ? 'yes' : $_ } qw(x-request-id x-ratelimit-limit x-ratelimit-remaining)), 'yes yes yes',
		"@$case: the answer has the headers that every answer has");
}
like($host->control("SELECT string_agg(detail->>'request_id', ' ') FROM appinfra.audit WHERE action = 'sql_execute'"), qr/run-7\.A_b/,
	'and it stands in the audit log');

# --- keys ------------------------------------------------------------------------------------------------------
$answer = $gateway->call(GET => '/v1/me', undef, key => $key{dbuser});
is_deeply([ @{ $answer->{json} }{qw(workspace_id key_id role env db_id name expires_at)} ],
	[ $workspace_id, $key{dbuser}{id}, 'dbuser', 'live', $tenant->{db_id}, undef, undef ], 'me') or diag $answer->{content};
is_deeply([ sort keys %{ $answer->{json}{server} } ], [qw(build_date commit version)], 'with the server');
$answer = $gateway->call(POST => '/v1/auth/keys', { pg_role => 'reader', name => 'rake', valid_for => '1 hour' }, key => $key{dbadmin});
is(said($answer), 201, 'a dbadmin mints a key') or diag $answer->{content};
is_deeply([ sort keys %{ $answer->{json} } ], [qw(new_key_id notice token)], 'the answer has these fields');
like($answer->{json}{token}, qr/^acd_live_\Q$answer->{json}{new_key_id}\E_.{32}$/, "with the caller's env");
is($answer->{headers}{'cache-control'}, 'no-store', 'not to be stored');
my $rake = { id => $answer->{json}{new_key_id}, token => $answer->{json}{token} };
$answer = $gateway->call(GET => '/v1/me', undef, key => $rake);
is("$answer->{json}{role} $answer->{json}{name}", 'reader rake', 'it is one');
like($answer->{json}{expires_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, 'and says when it ends');
$answer = $gateway->call(POST => '/v1/auth/keys', { pg_role => 'dbuser', env => 'test', workspace_id => $workspace_id }, key => $key{dbadmin});
like($answer->{json}{token}, qr/^acd_test_/, 'or with another env; its own workspace may be named');
refuses($gateway->call(POST => '/v1/auth/keys', $_->[0], key => $key{ $_->[1] // 'dbadmin' }), $_->[2], "minting: $_->[3]") for
  [ { pg_role => 'dbuser' }, 'dbuser', '403 permission_denied', 'a dbuser' ], [ { pg_role => 'reader' }, 'reader', '403 permission_denied', 'a reader' ],
  [ {}, undef, '400 invalid_field', 'no role' ], [ { pg_role => 'postgres' }, undef, '400 invalid_field', 'a role that there is none' ],
  [ { pg_role => 1 }, undef, '400 invalid_field', 'a role that is a number' ], [ { pg_role => 'dbuser', env => 'prod' }, undef, '400 invalid_field', 'an env that there is none' ],
  [ { pg_role => 'dbuser', name => 'x' x 129 }, undef, '400 invalid_field', 'a name of 129 bytes' ],
  [ { pg_role => 'dbuser', valid_for => 'soon' }, undef, '400 invalid_field', 'an interval that is none' ],
  [ { pg_role => 'dbuser', valid_for => '-1 h' }, undef, '400 invalid_field', 'a negative one' ],
  [ { pg_role => 'dbuser', workspace_id => '00000000-0000-0000-0000-000000000000' }, undef, '403 permission_denied', 'another workspace' ];
$answer = $gateway->call(GET => '/v1/auth/keys', undef, key => $key{dbadmin});
my ($listed) = grep { $_->{key_id} eq $rake->{id} } @{ $answer->{json}{keys} };
is_deeply([ sort keys %$listed ], [qw(created_at env expires_at key_id last_used_at name replaces role status)], 'keys are listed with these fields');
is(join(' ', @{$listed}{qw(role env name status)}), 'reader live rake active', 'and values');
like($listed->{created_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, 'times as everywhere');
unlike($answer->{content}, qr/token|secret|hash/, 'and no secret');
refuses($gateway->call(GET => '/v1/auth/keys', undef, key => $key{dbuser}), '403 permission_denied', 'a dbuser lists none');
is(said($gateway->call(POST => '/v1/auth/keys', { pg_role => 'reader', workspace_id => $_ }, key => $key{dbadmin})), 201, 'the workspace in another spelling')
  for uc $workspace_id, $tenant->{db_id};
is($gateway->call(POST => '/v1/sql/execute', { sql => 'SELECT 1' }, key => $_)->{headers}{'cache-control'}, 'no-store', 'nor is a refusal of the key to be stored')
  for { token => 'none' }, { token => $broken };
$answer = $gateway->call(POST => '/v1/auth/keys/rotate', { overlap => '1 hour' }, key => $rake);
is(said($answer), 200, 'a key rotates itself') or diag $answer->{content};
is_deeply([ sort keys %{ $answer->{json} } ], [qw(new_key_id notice token)], 'with these fields');
my $next = { id => $answer->{json}{new_key_id}, token => $answer->{json}{token} };
is(said($gateway->call(GET => '/v1/me', undef, key => $_)), 200, 'both are good') for $rake, $next;
is($gateway->sql($next, "SELECT current_setting('appinfra.key_id')")->{json}{rows}[0][0], $rake->{id}, 'rows keep their owner');
is(said($gateway->call(POST => '/v1/auth/keys/rotate', undef, key => $next)), 200, 'rotating needs no body');
is(said($gateway->call(POST => '/v1/auth/keys/rotate', {}, key => $gateway->mint($tenant->{db_id}, 'dbuser'))), 200, 'or an empty object');
refuses($gateway->call(POST => '/v1/auth/keys/rotate', { overlap => '91 days' }, key => $key{dbuser}), '400 invalid_field', 'an overlap of 91 days');
refuses($gateway->call(DELETE => "/v1/auth/keys/$key{reader}{id}", undef, key => $key{dbuser}), '403 permission_denied', "another's key is not revoked by a dbuser");
refuses($gateway->call(DELETE => '/v1/auth/keys/AAAAAAAAAAAAAAAA', undef, key => $key{dbadmin}), '404 not_found', 'nor one that there is none');
$answer = $gateway->call(DELETE => "/v1/auth/keys/$rake->{id}", undef, key => $key{dbadmin});
is_deeply($answer->{json}, { key_id => $rake->{id}, status => 'revoked' }, 'a dbadmin revokes') or diag $answer->{content};
is(said($gateway->call(DELETE => "/v1/auth/keys/$next->{id}", undef, key => $next)), 200, 'a key revokes itself');
for my $revoked ($rake, $next)
{
	$answer = refuses($gateway->sql($revoked, 'SELECT 1'), '401 key_inactive', 'a revoked one runs nothing');
	is($answer->{headers}{'www-authenticate'}, 'Bearer realm="agentcoopdb"', 'and is told what is wanted');
}
refuses($gateway->call(GET => '/v1/me', undef, key => $rake), '401 key_inactive', 'nor is it told of itself');
for my $case ([ permission => $key{dbuser}{id} ], [ permission => $key{dbadmin}{id} ], [ key_inactive => $rake->{id} ], [ unknown_key => '' ])
{
	my ($rule, $id) = @$case;
	$host->wait_until("SELECT count(*) > 0 FROM appinfra.audit WHERE action = 'gateway' AND outcome = 'refused' AND detail->>'rule' = '$rule'"
		  . " AND coalesce(credential, '') = '$id'", "the audit row of $rule $id");
	pass("$rule stands in the audit log");
}
my $brief = $gateway->mint($tenant->{db_id}, 'dbuser', valid_for => '1 s');
wait_for('the end of a key', sub { said($gateway->sql($brief, 'SELECT 1')) eq '401 key_inactive' });
my $once = $gateway->call(POST => '/v1/auth/keys', { pg_role => 'dbuser' }, key => $key{dbadmin}, headers => { 'Idempotency-Key' => 'mint-1' });
my $twice = $gateway->call(POST => '/v1/auth/keys', { pg_role => 'dbuser' }, key => $key{dbadmin}, headers => { 'Idempotency-Key' => 'mint-1' });
isnt($twice->{json}{token}, $once->{json}{token}, 'the same Idempotency-Key mints another key');
authorized("Bearer $once->{json}{token}", '401 key_inactive', 'and revokes the one it made');
authorized("Bearer $twice->{json}{token}", 200, 'the new one is good');
$gateway->sql({ token => $twice->{json}{token} }, 'SELECT 1');
wait_for('the use of it', sub { $host->control("SELECT last_used_at IS NOT NULL FROM appinfra.keys WHERE key_id = '$twice->{json}{new_key_id}'") eq 't' });
refuses($gateway->call(POST => '/v1/auth/keys', { pg_role => 'dbuser' }, key => $key{dbadmin}, headers => { 'Idempotency-Key' => 'mint-1' }),
	'409 conflict', 'once it was used the key stays');

# --- procedures ----------------------------------------------------------------------------------------------
$gateway->sql($key{dbadmin}, $_) for
  'CREATE FUNCTION rpc.echo(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT args$$',
  'CREATE FUNCTION rpc.count_to(args jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$SELECT to_jsonb(n) FROM generate_series(1, (args->>$x$n$x$)::int) n$$',
  'CREATE FUNCTION rpc.picky(args jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION $x$bad$x$ USING ERRCODE = $x$22023$x$, DETAIL = $x$n is missing$x$; END$$',
  'CREATE FUNCTION rpc.private(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT args$$', 'REVOKE EXECUTE ON FUNCTION rpc.private FROM public',
  'CREATE FUNCTION rpc.of_text(args text) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(args)$$',
  'CREATE FUNCTION rpc.nothing_at_all(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT NULL::jsonb$$',
  'CREATE FUNCTION rpc.adds(args jsonb) RETURNS jsonb LANGUAGE sql AS $$INSERT INTO parents VALUES ((args->>$x$id$x$)::int, 1) RETURNING to_jsonb(id)$$';
$answer = $gateway->rpc($key{dbuser}, 'echo', { a => [ 1, JSON::PP::true, undef ] });
is_deeply([ sort keys %{ $answer->{json} } ], [qw(duration_ms procedure result)], 'a call has these fields') or diag $answer->{content};
is_deeply([ @{ $answer->{json} }{qw(procedure result)} ], [ 'echo', { a => [ 1, JSON::PP::true, undef ] } ], 'and these values');
is($answer->{headers}{'cache-control'}, 'no-store', 'not to be stored');
is_deeply($gateway->rpc($key{reader}, 'echo')->{json}{result}, {}, 'without args: {}');
is_deeply($gateway->rpc($key{reader}, 'count_to', { n => 3 })->{json}{result}, [ 1, 2, 3 ], 'a set is an array');
is_deeply($gateway->rpc($key{dbuser}, 'count_to', { n => 0 })->{json}{result}, [], 'an empty one, too');
$answer = $gateway->rpc($key{dbuser}, 'nothing_at_all');
is(said($answer) . ' ' . (defined $answer->{json}{result} ? 'something' : 'null'), '200 null', 'NULL is null');
refuses($gateway->rpc($key{dbuser}, 'nothing'), '404 unknown_procedure', 'one that is not there');
refuses($gateway->rpc($key{dbuser}, 'of_text'), '404 unknown_procedure', 'or takes no jsonb');
refuses($gateway->rpc($key{dbuser}, 'private'), '403 permission_denied', 'EXECUTE says who may');
refuses($gateway->rpc($key{dbuser}, $_), '400 invalid_field', "the name $_") for 'Echo', 'a-b', 'rpc.echo', '', 'x' x 64;
refuses($gateway->call(POST => '/v1/rpc/call', { procedure => 'echo', args => [] }, key => $key{dbuser}), '400 invalid_field', 'args that are an array');
$answer = refuses($gateway->rpc($key{dbuser}, 'picky'), '400 invalid_input', 'what it refuses by 22xxx');
is($answer->{json}{detail}, "bad\nn is missing", 'with its DETAIL');
refuses($gateway->rpc($key{reader}, 'adds', { id => 50 }), '403 permission_denied', 'a reader writes by no procedure');
my @calls = map { $gateway->rpc($key{dbuser}, 'adds', { id => 51 }, once => 'rpc-1') } 1, 2;
is($calls[1]{content}, $calls[0]{content}, 'a call is replayed');
is("$calls[0]{status} $calls[1]{headers}{'x-idempotent-replayed'}", '200 true', 'and says so');

# --- once ---------------------------------------------------------------------------------------------------
my @same = map { $gateway->sql($key{dbuser}, 'INSERT INTO parents VALUES (60, 1) RETURNING id', undef, once => 'w-1') } 1, 2;
is($same[1]{content}, $same[0]{content}, 'a write is replayed byte by byte');
is(join(' ', map { $_->{headers}{'x-idempotent-replayed'} // '-' } @same), '- true', 'the second says so');
is($same[1]{headers}{'content-type'}, 'application/json', 'with its type');
refuses($gateway->sql($key{dbuser}, 'INSERT INTO parents VALUES (61, 1)', undef, once => 'w-1'), '409 idempotency_conflict', 'another statement with the same key');
for my $case ([ 'INSERT INTO parents VALUES (60, 1)', '409 unique_violation', 'true' ], [ 'SELEC', '400 parse_error', 'true' ], [ 'SELECT pg_sleep(30)', '408 statement_timeout', '-' ],
	[ "SELECT state('40001')", '409 serialization_failure', '-' ], [ "SELECT state('53100')", '503 database_unavailable', '-' ], [ 'COMMIT', '400 transaction_control', 'true' ],
	[ 'VACUUM', '400 not_in_transaction', 'true' ], [ 'CREATE ROLE x', '403 permission_denied', 'true' ])
{
	my @told = map { $gateway->sql($key{dbadmin}, $case->[0], undef, once => "r-$case->[0]" =~ s/\W/_/gr) } 1, 2;
	is(join(' / ', map { said($_) . ' ' . ($_->{headers}{'x-idempotent-replayed'} // '-') } @told), "$case->[1] - / $case->[1] $case->[2]",
		"$case->[0] is " . ($case->[2] eq 'true' ? 'kept' : 'run again'));
	is($told[1]{headers}{'content-type'}, 'application/problem+json', 'as a problem');
}
refuses($gateway->sql($key{dbuser}, "SELECT repeat('x', 1100000)", undef, once => 'large'), '413 response_too_large', 'a write that is to be kept answers 1 MiB at most');
is(said($gateway->sql($key{dbuser}, "SELECT repeat('x', 1100000)")), 200, 'without the key it may answer more');
is(said($gateway->sql($key{reader}, "SELECT repeat('x', 1100000)", undef, once => 'large')), 200, 'a reader as well: it is not kept');

# --- what is told to everyone ------------------------------------------------------------------------------
$answer = $gateway->call(GET => '/healthz');
is_deeply([ said($answer), sort keys %{ $answer->{json} } ], [ 200, qw(status version) ], 'healthz');
is_deeply([ $answer->{json}{status}, sort keys %{ $answer->{json}{version} } ], [ 'ok', qw(build_date commit version) ], 'is ok');
$answer = $gateway->call(GET => '/readyz');
is_deeply($answer->{json}, { status => 'ready', ready => JSON::PP::true, reasons => [] }, 'readyz') or diag $answer->{content};
my $metrics = $gateway->call(GET => '/metrics')->{content};
like($metrics, qr/^\Q$_\E[ {]/m, "metrics: $_") for
  qw(agentcoopdb_request_duration_seconds_bucket agentcoopdb_requests_total agentcoopdb_sql_statements_total agentcoopdb_rpc_invocations_total
  agentcoopdb_idempotency_hits_total agentcoopdb_idempotency_misses_total agentcoopdb_build_info appinfra_gateway_connections appinfra_gateway_logins
  appinfra_gateway_wait_seconds_count appinfra_gateway_calls_running appinfra_keys);
like($metrics, qr/agentcoopdb_sql_statements_total\{command="INSERT",sqlstate="00000"\}/, 'statements by command and SQLSTATE');
like($metrics, qr/^appinfra_gateway_wait_seconds_count [1-9]/m, 'waits for connections are counted');
unlike($metrics, qr/name="nothing"/, 'procedures that exist');
is(join(' ', map { $metrics =~ /^appinfra_keys\{status="$_"\} (\d+)$/m ? $1 : 'none' } qw(active expired revoked)),
	$host->control("SELECT string_agg(count::text, ' ' ORDER BY status) FROM (SELECT status, (SELECT count(*) FROM appinfra.keys k WHERE k.status = s.status) FROM unnest('{active,expired,revoked}'::text[]) s (status)) c"),
	'and keys by status');

# --- what the registry tells of keys ---------------------------------------------------------------------------
my $told = $gateway->mint($tenant->{db_id}, 'dbuser');
my $pid = $gateway->sql($told, 'SELECT pg_backend_pid()')->{json}{rows}[0][0];
my $since = time;
wait_for('the end of the idle session', sub
{
	$host->control("NOTIFY appinfra_gateway, '$told->{id}'"); # once more where the gateway does not listen yet
	return $host->control("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") == 0;
});
cmp_ok(time - $since, '<', 30, 'a key that is told of has no idle session any more, long before its time is over');
is(said($gateway->sql($told, 'SELECT 1')), 200, 'and gets another one while it is active');

# --- a workspace and a server that are gone ------------------------------------------------------------------
my $leaving = $host->provision(app_id => 'app-leaving', slug => 'leaving', publish => 0, env => {});
my $left = $gateway->mint($leaving->{db_id}, 'dbuser');
is(said($gateway->sql($left, 'SELECT 1')), 200, 'a workspace');
$host->control("SELECT appinfra.revoke_tenant('$leaving->{db_id}')");
refuses($gateway->sql($left, 'SELECT 1'), '403 workspace_inactive', 'that was revoked');
refuses($gateway->call(GET => '/v1/me', undef, key => $left), '403 workspace_inactive', 'says so everywhere');
$host->control("SELECT appinfra.restore_tenant('$leaving->{db_id}')");
is(said($gateway->sql($left, 'SELECT 1')), 200, 'it is served as soon as it is restored');
$host->stop('fast');
$answer = refuses($gateway->sql($key{dbuser}, 'SELECT 1'), '503 database_unavailable', 'no server');
is($answer->{headers}{'retry-after'}, 1, 'says to come again in a second');
$answer = $gateway->call(GET => '/readyz');
is(said($answer), 503, 'not ready');
is_deeply([ sort keys %{ $answer->{json} } ], [qw(ready reason reasons status)], 'says why');
is("$answer->{json}{status} $answer->{json}{ready} $answer->{json}{reason}", "degraded 0 $answer->{json}{reasons}[0]", 'with these values');
$host->start;
wait_for('the gateway', sub { said($gateway->call(GET => '/readyz')) eq '200' });
wait_for('a call that is served again', sub { said($gateway->sql($key{dbuser}, 'SELECT 1')) eq '200' });
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');

# --- rates ---------------------------------------------------------------------------------------------------
my $limited = Appinfra::Gateway->start($host, name => 'limited', worker => 'limited', args => [qw(--gateway-rate-limit=1 --gateway-rate-burst=5)],
	env => { APPINFRA_GATEWAY_ORIGINS => 'https://page.example,https://other.example' });
my $begun = time;
my @answers = map { $limited->call(GET => '/v1/me', undef, key => $key{dbuser}) } 1 .. 30;
my $held_back = 0.05 * grep { $_->{status} == 429 } @answers;
cmp_ok(time - $begun, '>=', $held_back, 'who does not wait is made to');
cmp_ok($held_back, '>', 0, 'being refused');
is(join(' ', map { said($_) } @answers[ 0 .. 4 ]), '200 200 200 200 200', 'a key has so many requests');
is(join(' ', map { $_->{headers}{'x-ratelimit-limit'} } @answers[ 0 .. 4 ]), '5 5 5 5 5', 'the answers say how many');
is($answers[0]{headers}{'x-ratelimit-remaining'}, 4, 'and how many are left');
my ($refused) = grep { $_->{status} == 429 } @answers;
refuses($refused, '429 rate_limited', 'what is beyond them is refused');
like($refused->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'and told when to come again');
is(said($limited->call(GET => '/v1/me', undef, key => $key{reader})), 200, 'another key has its own');
@answers = map { $limited->call(GET => '/v1/me', undef, key => { token => $broken }) } 1 .. 30;
is(scalar(grep { said($_) !~ /^401 invalid_api_key$|^429 rate_limited$/ } @answers), 0, 'wrong keys are refused');
ok(scalar(grep { $_->{status} == 429 } @answers), 'and an address has so many of them');
is(said($limited->call(GET => '/healthz')), 200, 'what is told to everyone is not counted');

# --- pages -----------------------------------------------------------------------------------------------------
sub from_page
{
	my ($method, $path, $origin) = @_;
	return $limited->call($method => $path, undef, headers => { Origin => $origin, 'Access-Control-Request-Method' => 'POST' });
}
$answer = from_page('OPTIONS', '/v1/sql/execute', 'https://page.example');
is(said($answer), 204, 'a browser may ask before it calls') or diag $answer->{content};
is($answer->{headers}{'access-control-allow-origin'}, 'https://page.example', 'the origin may');
like($answer->{headers}{'access-control-allow-headers'}, qr/\b$_\b/, "with $_") for qw(Authorization Content-Type Idempotency-Key);
is(from_page('GET', '/healthz', 'https://other.example')->{headers}{'access-control-allow-origin'}, 'https://other.example', 'another one as well');
$answer = from_page('OPTIONS', '/v1/sql/execute', 'https://elsewhere.example');
refuses($answer, '405 method_not_allowed', 'one that is not named does not');
ok(!exists $answer->{headers}{'access-control-allow-origin'}, 'it is told nothing');
is($limited->process->stop, 0, 'it stops');
done_testing();
