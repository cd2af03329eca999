# What values are on the way through the SQL gateway: of every type, both ways, digit by digit.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('values', pool_size => 2);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => ['--gateway-rate-limit=0']);
my %key = map { $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser reader);
for my $sql ("CREATE TYPE mood AS ENUM ('glad', 'so so')", 'CREATE TYPE pair AS (a int, b text)', 'CREATE DOMAIN small AS int CHECK (VALUE < 100)',
	'CREATE DOMAIN smaller AS small', 'CREATE DOMAIN document AS jsonb', 'CREATE DOMAIN numbers AS int[]', 'CREATE TYPE span AS RANGE (subtype = int4)')
{
	my $made = $gateway->sql($key{dbadmin}, $sql);
	is($made->{status}, 200, $sql) or diag $made->{content};
}

# The rows of an answer as they stand there.
sub rows_text
{
	my ($answer) = @_;
	my ($rows) = $answer->{content} =~ /"rows":\[(.*)\],"rows_affected":/s;
	return $rows // "$answer->{status} " . ($answer->{json}{title} // '') . ' ' . ($answer->{json}{sqlstate} // '');
}

# Checks what a value is in an answer, for a reader and for a writer, with and without an Idempotency-Key.
my $calls = 0;
sub gives
{
	my ($sql, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$calls++;
	my @told = (rows_text($gateway->sql($key{reader}, "SELECT $sql")), rows_text($gateway->sql($key{dbuser}, "SELECT $sql")),
		rows_text($gateway->sql($key{dbuser}, "SELECT $sql", undef, once => "value-$calls")));
	is(join("\n", @told), join("\n", ("[$expected]") x 3), $sql);
	return;
}

# --- answers -----------------------------------------------------------------------------------------------
gives(@$_) for
  [ 'NULL', 'null' ], [ 'NULL::int[]', 'null' ], [ 'true, false', 'true,false' ],
  [ '(-32768)::int2, 2147483647, 9223372036854775807, 4294967295::oid', '-32768,2147483647,9223372036854775807,4294967295' ],
  [ '1.10::numeric, 12345678901234567890.123456789012345678901', '1.10,12345678901234567890.123456789012345678901' ],
  [ '0.1::float8, 1e300::float8, 1e-5::float8, 1.5::float4, -0::float8', '0.1,1e+300,1e-05,1.5,-0' ],
  [ "'-0'::float8", '-0' ], [ "0.1::float4, 0.30000000000000004::float8", '0.1,0.30000000000000004' ],
  [ "'NaN'::float8, 'Infinity'::float4, '-Infinity'::float8, 'NaN'::numeric, 'Infinity'::numeric", '"NaN","Infinity","-Infinity","NaN","Infinity"' ],
  [ q('{"a": 1, "a": [1,  2]}'::json), '{"a": 1, "a": [1,  2]}' ], [ q('{"b":1.10,"a":null}'::jsonb), '{"a": null, "b": 1.10}' ],
  [ q('"s"'::jsonb, '5'::json, 'null'::jsonb), '"s",5,null' ], [ q('{"n":123456789012345678901234567890}'::jsonb), '{"n": 123456789012345678901234567890}' ],
  [ q('\xdeadbeef00'::bytea, ''::bytea), '"3q2+7wA=",""' ],
  [ q('2024-05-06 07:08:09+02'::timestamptz, '2024-05-06 07:08:09.120+00'::timestamptz), '"2024-05-06T05:08:09Z","2024-05-06T07:08:09.12Z"' ],
  [ q('infinity'::timestamptz, '0044-03-15 00:00:00+00 BC'::timestamptz, '12024-01-01 00:00+00'::timestamptz), '"infinity","0044-03-15 00:00:00+00 BC","12024-01-01 00:00:00+00"' ],
  [ q('2024-05-06 07:08:09.5'::timestamp, '2024-05-06'::date, '07:08:09'::time, '07:08:09+02'::timetz), '"2024-05-06 07:08:09.5","2024-05-06","07:08:09","07:08:09+02"' ],
  [ q('1 year 2 mons 3 days 04:05:06'::interval), '"1 year 2 mons 3 days 04:05:06"' ],
  [ q('6f1c1f0a-1111-4222-8333-444455556666'::uuid, '10.0.0.1/8'::inet, '10.0.0.0/8'::cidr, '08:00:2b:01:02:03'::macaddr),
	'"6f1c1f0a-1111-4222-8333-444455556666","10.0.0.1/8","10.0.0.0/8","08:00:2b:01:02:03"' ],
  [ q('so so'::mood, (1, 'x y')::pair, ROW(1, NULL)), q("so so","(1,\"x y\")","(1,)") ], [ '5::small, 7::smaller', '5,7' ], [ q('[1,2]'::document), '[1, 2]' ],
  [ q('{1,2}'::numbers), '[1,2]' ], [ q{'[1,5)'::int4range, '[1,5)'::span, '{[1,2),[5,7)}'::int4multirange}, '"[1,5)","[1,5)","{[1,2),[5,7)}"' ],
  [ q('a'::"char", 'ab'::bpchar(4), 'n'::name, 'v'::varchar), '"a","ab  ","n","v"' ], [ q('(1,2)'::point, '<a/>'::xml), '"(1,2)","<a/>"' ],
  [ q(B'101', 'a b'::tsvector, 'a & b'::tsquery), q("101","'a' 'b'","'a' & 'b'") ], [ q('pg_class'::regclass), '"pg_class"' ],
  [ q(E'tab\t "quoted" back\\\\slash \u20ac line\n' || chr(1)), q("tab\t \"quoted\" back\\\\slash ) . "\xe2\x82\xac" . q( line\n\u0001") ],
  [ q(ARRAY[1,NULL,3], '{}'::int[], ARRAY[[1,2],[3,4]]), '[1,null,3],[],[[1,2],[3,4]]' ], [ q('[0:1]={1,2}'::int[], '[2:2][5:6]={{1,2}}'::int[]), '[1,2],[[1,2]]' ],
  [ q(ARRAY['a,b', 'c"d', 'e\f', '', 'NULL', NULL, '{}', ' x ']), q(["a,b","c\"d","e\\\\f","","NULL",null,"{}"," x "]) ],
  [ q(ARRAY['{"a": [1, 2]}', 'null']::jsonb[]), '[{"a": [1, 2]},null]' ], [ q(ARRAY['\x00ff']::bytea[], ARRAY['2024-01-02T03:04:05Z'::timestamptz]), '["AP8="],["2024-01-02T03:04:05Z"]' ],
  [ q(ARRAY[true, false], ARRAY['NaN', '1.5']::float8[], ARRAY['glad', 'so so']::mood[], ARRAY[(1, 'x,y')::pair]), q([true,false],["NaN",1.5],["glad","so so"],["(1,\"x,y\")"]) ],
  [ q(ARRAY[1, 2]::small[]), '[1,2]' ], [ q('((0,0),(1,1));((2,2),(3,3))'), '"((0,0),(1,1));((2,2),(3,3))"' ], [ q('{(1,1),(0,0);(3,3),(2,2)}'::box[]), '["(1,1),(0,0)","(3,3),(2,2)"]' ],
  [ q(ARRAY['1 day', '2 days 03:00']::interval[]), '["1 day","2 days 03:00:00"]' ], [ q('1 2 3'::int2vector, '12.50'::money::text), '"1 2 3","$12.50"' ];
my $answer = $gateway->sql($key{dbuser}, 'SELECT 1 AS "a ""b""", 2 AS "' . chr(233) . '", 3, 4');
is_deeply($answer->{json}{columns}, [ 'a "b"', "\x{e9}", '?column?', '?column?' ], 'columns have their names, twice if need be');
is(rows_text($gateway->sql($key{reader}, 'SELECT FROM generate_series(1, 2)')), '[],[]', 'rows without columns');

# --- a statement that changes the formats of its own answer --------------------------------------------------
my %formats = (
	"TimeZone" => [ 'Asia/Tokyo', "'2024-05-06 07:08:09+00'::timestamptz", '"2024-05-06 16:08:09+09"' ],
	"DateStyle" => [ 'German', "'2024-05-06 07:08:09+00'::timestamptz", '"06.05.2024 07:08:09 UTC"' ],
	"bytea_output" => [ 'escape', q('\x5c00ff41'::bytea), '"XAD/QQ=="' ],
	"IntervalStyle" => [ 'iso_8601', "'1 day'::interval", '"P1D"' ],
	"extra_float_digits" => [ '-15', '0.12::float8', '0.1' ],
	"client_encoding" => [ 'LATIN1', "chr(233)", '400 invalid_input ' ]);
for my $name (sort keys %formats)
{
	my ($value, $sql, $expected) = @{ $formats{$name} };
	for my $role (qw(reader dbuser))
	{
		# The setting is evaluated before the rows are sent.
		my $told = rows_text($gateway->sql($key{$role}, "SELECT x FROM (SELECT set_config('$name', '$value', false) AS s, $sql AS x OFFSET 0) AS q WHERE s <> ''"));
		is($told, $expected =~ /^400/ ? $expected : "[$expected]", "$role: $name changed by the statement");
	}
}
gives(q('2024-05-06 07:08:09+00'::timestamptz, '\x5c00ff41'::bytea, '1 day'::interval, 0.12::float8, chr(233)),
	"\"2024-05-06T07:08:09Z\",\"XAD/QQ==\",\"1 day\",0.12,\"\xc3\xa9\"");
is(rows_text($gateway->sql($key{dbuser}, "SET client_encoding = 'SQL_ASCII'")), '', 'SET client_encoding');
is(rows_text($gateway->sql($key{dbuser}, 'SELECT chr(233)')), "[\"\xc3\xa9\"]", 'is not met by the next call');

# --- parameters -------------------------------------------------------------------------------------------------
# Sends a parameter as it stands, and checks what comes back.
sub takes
{
	my ($parameter, $sql, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $role (qw(reader dbuser))
	{
		my $body = '{"sql":' . JSON::PP->new->allow_nonref->encode("SELECT $sql") . ",\"params\":[$parameter]}";
		my $told = rows_text($gateway->call(POST => '/v1/sql/execute', $body, key => $key{$role}));
		is($told, $expected =~ /^400|^409/ ? $expected : "[$expected]", "$role: $parameter to $sql");
	}
	return;
}
takes(@$_) for
  [ 'null', '$1::int', 'null' ], [ 'null', '$1::int[]', 'null' ], [ '"x"', '$1', '"x"' ], [ '"x"', '$1::text', '"x"' ],
  [ '9007199254740993', '$1::int8', '9007199254740993' ], [ '1234567890123456789012345678901', '$1::numeric', '1234567890123456789012345678901' ],
  [ '0.10000000000000000000000000001', '$1::numeric', '0.10000000000000000000000000001' ], [ '1e3', '$1::numeric', '1000' ], [ '5.0', '$1::numeric', '5.0' ],
  [ '5.0', '$1::int', '5' ], [ '5e0', '$1::int', '5' ], [ '-1.20e1', '$1::int2', '-12' ], [ '1e3', '$1::int8', '1000' ], [ '0.0', '$1::int', '0' ], [ '-0', '$1::int', '0' ],
  [ '5.5', '$1::int', '400 invalid_input 22P02' ], [ '70000', '$1::int2', '400 invalid_input 22003' ], [ '1e400', '$1::float8', '400 invalid_input 22003' ],
  [ '1e999999999999', '$1::int', '400 invalid_input 22P02' ], [ '5', '$1::text', '"5"' ], [ '5.50', '$1::text', '"5.50"' ], [ '5', '$1', '"5"' ], [ '5.0', '$1::oid', '5' ],
  [ 'true', '$1::boolean', 'true' ], [ 'false', '$1::text', '"false"' ], [ '1', '$1::boolean', 'true' ], [ 'true', '$1::int', '400 invalid_input 22P02' ],
  [ '"\\\\xdead"', '$1::bytea', '"3q0="' ], [ '"3q0="', q(decode($1, 'base64')), '"3q0="' ], [ '"2024-05-06T07:08:09+02:00"', '$1::timestamptz', '"2024-05-06T05:08:09Z"' ],
  [ '"2024-05-06T05:08:09.12Z"', '$1::timestamptz', '"2024-05-06T05:08:09.12Z"' ], [ '"NaN"', '$1::float8', '"NaN"' ],
  [ '[1,2]', '$1::jsonb', '[1, 2]' ], [ '{"b":1,"a":[]}', '$1::jsonb', '{"a": [], "b": 1}' ], [ '{"b":1.10,  "a":1}', '$1::json', '{"b":1.10,  "a":1}' ], [ '5', '$1::jsonb', '5' ],
  [ '"s"', '$1::jsonb', '400 invalid_input 22P02' ], [ '"\\"s\\""', '$1::jsonb', '"s"' ], [ 'true', '$1::jsonb', 'true' ], [ 'null', '$1::jsonb', 'null' ],
  [ '[1,2,null]', '$1::int[]', '[1,2,null]' ], [ '[5.0,1e1]', '$1::int[]', '[5,10]' ], [ '[]', '$1::int[]', '[]' ], [ '[[1,2],[3,4]]', '$1::int[]', '[[1,2],[3,4]]' ],
  [ '[[1,2],[3]]', '$1::int[]', '400 invalid_input 22P02' ], [ '[[[[[[[1]]]]]]]', '$1::int[]', '400 invalid_input ' ],
  [ '["a,b","c\\"d","e\\\\f","","NULL",null,"{}"," x "]', '$1::text[]', q(["a,b","c\"d","e\\\\f","","NULL",null,"{}"," x "]) ],
  [ '[{"a":[1]},[2],"{}",null]', '$1::jsonb[]', '[{"a": [1]},[2],{},null]' ], [ '["\\\\x00ff"]', '$1::bytea[]', '["AP8="]' ], [ '[true,false]', '$1::boolean[]', '[true,false]' ],
  [ '["(1,1),(0,0)","(3,3),(2,2)"]', '$1::box[]', '["(1,1),(0,0)","(3,3),(2,2)"]' ], [ '["glad","so so"]', '$1::mood[]', '["glad","so so"]' ], [ '"glad"', '$1::mood', '"glad"' ],
  [ '"sad"', '$1::mood', '400 invalid_input 22P02' ], [ '"(1,\\"x y\\")"', '$1::pair', q("(1,\"x y\")") ], [ '{"a":1}', '$1::pair', '400 invalid_input 22P02' ],
  [ '5.0', '$1::smaller', '5' ], [ '500', '$1::small', '409 integrity_violation 23514' ], [ '[1]', '$1::document', '[1]' ], [ '[1,2]', '$1::numbers', '[1,2]' ],
  [ '[1,2]', '7 = any($1::int[])', 'false' ], [ '[1,2]', '$1::int', '400 invalid_input ' ], [ '{"a":1}', '$1::text', q("{\"a\":1}") ],
  [ '2.0', 'count(*) FROM (SELECT 1 FROM generate_series(1, 5) LIMIT $1) q', '2' ], [ '"\\ud83d\\ude00"', '$1::text', "\"\xf0\x9f\x98\x80\"" ], [ '"\\ud83d"', '$1::text', '400 invalid_input ' ];
$answer = $gateway->call(POST => '/v1/sql/execute', '{"sql":"SELECT $1::int8, $2::jsonb, $3::text[]","params":[12345678901,{"x":[0.10]},["a"]]}', key => $key{dbuser}, headers => { 'Idempotency-Key' => 'p' });
is(rows_text($answer), '[12345678901,{"x": [0.10]},["a"]]', 'parameters of a call that is to run once');
$gateway->sql($key{dbadmin}, 'ALTER TYPE mood ADD VALUE $$sad$$' =~ s/\$\$/'/gr);
is(rows_text($gateway->sql($key{dbuser}, 'SELECT $1::mood, $2::int[]', [ 'sad', [1] ])), '["sad",[1]]', 'a type that has changed');
$gateway->sql($key{dbadmin}, $_) for 'DROP TYPE pair', 'CREATE DOMAIN pair AS int';
is(rows_text($gateway->sql($key{dbuser}, 'SELECT $1::pair, 4::pair', ['3'])), '[3,4]', 'a type that was dropped and is another now');

# --- shadows: nothing of a workspace stands in for the catalogs that are asked ----------------------------------------
$gateway->sql($key{dbadmin}, $_) for 'CREATE TABLE public.pg_type (oid oid, typname name)', 'CREATE TYPE fruit AS ENUM ($$fig$$)' =~ s/\$\$/'/gr;
is(rows_text($gateway->sql($key{dbuser}, "SELECT \$1::fruit, ARRAY['fig']::fruit[]", ['fig'])), '["fig",["fig"]]', 'a table called pg_type');

# --- sizes ---------------------------------------------------------------------------------------------------------------
$answer = $gateway->sql($key{$_}, "SELECT repeat('x', 1000000) FROM generate_series(1, 8)"), is($answer->{status}, 200, "$_: an answer of almost 8 MiB") for qw(reader dbuser);
for my $role (qw(reader dbuser))
{
	for my $sql ("SELECT repeat('x', 1000000) FROM generate_series(1, 9)", "SELECT repeat('x', 1000000) FROM generate_series(1, 1000)", "SELECT repeat('x', 30000000)",
		'SELECT generate_series(1, 100000000)')
	{
		$answer = $gateway->sql($key{$role}, $sql);
		is("$answer->{status} $answer->{json}{title}", '413 response_too_large', "$role: $sql") or diag substr $answer->{content}, 0, 300;
	}
}
$gateway->sql($key{dbadmin}, 'CREATE TABLE written (id int)');
$gateway->sql($key{dbuser}, "INSERT INTO written SELECT n FROM generate_series(1, 10) n RETURNING repeat('x', 1000000)");
is(rows_text($gateway->sql($key{dbuser}, 'SELECT count(*) FROM written')), '[0]', 'a write whose answer is too large is rolled back');
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
