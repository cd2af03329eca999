# What comes over the wire and is not as it should be: framing that two parties could read in two
# ways, limits, broken text. Each has its right answer, and nothing of it becomes another request.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(answers refused statuses);
use Appinfra::Rest;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('http', pool_size => 2);
$host->wait_for_pool(2);
my $rest = Appinfra::Rest->start($host, args => [qw(--rate-limit=0 --head-timeout=600s --idle-timeout=600s)]);
my $databases = $rest->databases;
my $user = 'user@example.com';
my $token = $rest->token(email => $user);
my $auth = "Authorization: Bearer $token\r\n";
my $id = $host->provision(owner_user_id => $user, publish => 0)->{db_id};
my $smuggled = "POST $databases/$id/revoke HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 0\r\n\r\n";

# The head of a POST that is let in, with further lines.
sub post
{
	my (@lines) = @_;
	return join '', "POST $databases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n", $auth,
	  map({ "$_\r\n" } @lines), "\r\n";
}

# What comes back for bytes must be these statuses and then the end; the database stays as it is.
sub says
{
	my ($bytes, $statuses, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = $rest->raw($bytes);
	is(statuses($got), $statuses, $name) or diag $got;
	return answers($got);
}

sub chunked
{
	my ($body) = @_;
	return join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,7})/gs), "0\r\n\r\n";
}

my $bad = '{"slug":7}'; # gets as far as its fields: 400 invalid_field
my $size = 'Content-Length: ' . length $bad;
my $last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

# --- well-formed: keep-alive, pipelined, chunked -------------------------------------------------------
says(post($size) . $bad . $last, '400 200', 'an answer, and the connection stays');
says($last . $smuggled, '200', 'what stands behind "Connection: close" is not answered');
my @many = says("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" x 50 . "GET $databases/$id HTTP/1.1\r\nHost: x\r\n$auth\r\n" x 50 . $last,
	join(' ', (200) x 101), '101 requests at once have 101 answers');
is_deeply([ map { $_->{json}{db_id} // $_->{json}{status} } @many ], [ ('ok') x 50, ($id) x 50, 'ok' ], 'in their order');
my @chunked = says(post('Transfer-Encoding: chunked') . chunked($bad) . $last, '400 200', 'a body in chunks');
is($chunked[0]{json}{title}, 'invalid_field', 'is read');
says(post('Transfer-Encoding: CHUNKED') . "A;name=value\r\n$bad\r\n0\r\nTrailer: x\r\n\r\n$last", '400 200', 'with extensions and trailers');
my $slow = $rest->connect;
for my $byte (split //, post($size) . $bad . $last) { syswrite $slow, $byte; }
is(statuses(Appinfra::Rest::read_all($slow)), '400 200', 'byte by byte is the same');
my $asking = $rest->connect;
syswrite $asking, post($size, 'Expect: 100-continue');
sysread $asking, my $go_on, 1000;
is(statuses($go_on), '100', 'who asks whether to go on is told');
syswrite $asking, $bad . $last;
is(statuses(Appinfra::Rest::read_all($asking)), '400 200', 'and the answer comes when it has');
my $waiting = $rest->connect;
syswrite $waiting, "POST $databases HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n";
is(statuses(Appinfra::Rest::read_all($waiting)), '401', 'who is not let in is told before the body');
says("GET /healthz HTTP/1.0\r\n\r\n", '200', 'HTTP/1.0');
my ($head) = says("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", '405', 'HEAD is not among the methods');

# --- framing in two ways --------------------------------------------------------------------------------
# Each is sent with a whole request in what another reader could take for the rest.
my $inner = length $smuggled;
my %framing = (
	'CL and TE' => post("Content-Length: 5", 'Transfer-Encoding: chunked') . "0\r\n\r\n",
	'TE and CL' => post('Transfer-Encoding: chunked', "Content-Length: $inner") . "0\r\n\r\n",
	'two lengths' => post('Content-Length: 0', "Content-Length: $inner"),
	'two equal lengths' => post('Content-Length: 0', 'Content-Length: 0'),
	'two lengths in a line' => post("Content-Length: 0, $inner"),
	'two equal lengths in a line' => post('Content-Length: 0, 0'),
	'a length with a sign' => post('Content-Length: +0'),
	'a negative length' => post('Content-Length: -1'),
	'a length in hex' => post('Content-Length: 0x0'),
	'a length with a blank' => post('Content-Length: 0 0'),
	'a length of no digits' => post('Content-Length:'),
	'a length beyond 64 bits' => post('Content-Length: 18446744073709551616'),
	'a blank before the colon' => post("Content-Length : $inner"),
	'a blank before the colon of TE' => post('Transfer-Encoding : chunked', 'Content-Length: 0'),
	'a blank before the name' => post(" Content-Length: $inner"),
	'a tab before the name' => post("\tContent-Length: $inner"),
	'a folded line' => post('X-A: b', " Content-Length: $inner"),
	'a folded encoding' => post("Transfer-Encoding:\r\n chunked"),
	'no colon' => post('Content-Length'),
	'a zero byte in a name' => post("Content\0-Length: $inner"),
	'a zero byte in a value' => post("X-A: a\0b"),
	'a return in a value' => post("X-A: a\rContent-Length: $inner"),
	'a bare line feed in the head' => post("X-A: a\nContent-Length: $inner"),
	'bare line feeds only' => post() =~ s/\r\n/\n/gr,
	'two encodings' => post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
	'chunked, not last' => post('Transfer-Encoding: chunked, identity'),
	'chunked, after another' => post('Transfer-Encoding: gzip, chunked'),
	'identity' => post('Transfer-Encoding: identity'),
	'an unknown encoding' => post('Transfer-Encoding: xchunked'),
	'an encoding with a sign' => post("Transfer-Encoding: chunked\x0b"),
	'an encoding in quotes' => post('Transfer-Encoding: "chunked"'),
	'an encoding in HTTP/1.0' => post('Transfer-Encoding: chunked') =~ s{1\.1\r}{1.0\r}r,
	'a size that is no number' => post('Transfer-Encoding: chunked') . "z\r\n",
	'a size with a sign' => post('Transfer-Encoding: chunked') . "-1\r\n",
	'a size with 0x' => post('Transfer-Encoding: chunked') . "0x0\r\n\r\n",
	'a size beyond 64 bits' => post('Transfer-Encoding: chunked') . "10000000000000000\r\n",
	'a size with a bare line feed' => post('Transfer-Encoding: chunked') . "0\n\n",
	'a chunk longer than its size' => post('Transfer-Encoding: chunked') . "1\r\n{}\r\n0\r\n\r\n",
	'no Host' => "GET /healthz HTTP/1.1\r\n\r\n",
	'two Hosts' => "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
	'HTTP/0.9' => "GET /healthz\r\n\r\n",
	'HTTP/1.2' => "GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n",
	'HTTP/2.0' => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	'a blank too many' => "GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	'a blank at the end' => "GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n",
	'a tab for a blank' => "GET\t/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	'a method that is none' => "G@\xff /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	'a zero byte in the target' => "GET /heal\0thz HTTP/1.1\r\nHost: x\r\n\r\n",
	'a TLS hello' => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . "\x80" x 512);
for my $name (sort keys %framing)
{
	my ($answer) = says($framing{$name} . $smuggled, '400', "$name: refused, and the end");
	is($answer->{headers}{connection} // 'closed', 'close', '  of the connection, as it says') if $answer;
}
says("GET $_ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", '400', "a target that is no path: $_")
  for 'healthz', '*', 'http://other.example/healthz', 'other.example:80', '?x';
refused($rest->call(GET => $_), 404, 'not_found', "no path: $_")
  for '/api/../healthz', '//healthz', '/healthz/', '/./healthz', '/%2e/healthz', '/healthz%00', '/healthz%2F', '/HEALTHZ';
is($host->control("SELECT status FROM appinfra.databases WHERE db_id = '$id'"), 'ready', 'no second reading has become a request');

# All of it again and again, with an abyss and what is not there: memory stays where it is.
sub nonsense
{
	$rest->raw($framing{$_} . $smuggled) for sort keys %framing;
	$rest->call(POST => $databases, '{"env":' . '[' x 5000, user => $user) for 1 .. 10;
	$rest->call(GET => "$databases/db-0123456789ab", undef, user => $user) for 1 .. 50;
	return $rest->resident;
}
nonsense() for 1 .. 2;
my $settled = nonsense();
nonsense() for 1 .. 5;
cmp_ok(nonsense() - $settled, '<', 2048, 'and it takes no memory that is not given back');

# --- limits --------------------------------------------------------------------------------------------------
my $big = ' ' x (1024 * 1024 - length $bad) . $bad;
my %answer = map { $_->{status} => $_ } says(post('Content-Length: ' . length $big) . $big . $last, '400 200', 'a body of 1 MiB is read');
is($answer{400}{json}{title}, 'invalid_field', 'to its end');
my ($too_big) = says(post('Content-Length: ' . (1 + length $big)) . "$big " . $last, '413', 'one byte more is not');
refused($too_big, 413, 'body_too_large', 'and told so');
says(post('Transfer-Encoding: chunked') . sprintf("%x\r\n%s \r\n0\r\n\r\n", 1 + length $big, $big) . $last, '413', 'nor in a chunk');
says(post('Transfer-Encoding: chunked') . ("1000\r\n" . ' ' x 4096 . "\r\n") x 257 . "0\r\n\r\n" . $last, '413', 'nor in many');
# Beast calls this a bad request from Boost 1.92 on, and a header too large before.
my $endless = $rest->raw(post('Transfer-Encoding: chunked') . '0;' . 'x' x 40000 . "\r\n\r\n$last");
like(statuses($endless), qr/\A4(?:00|31)\z/, 'nor a line before a chunk that never ends') or diag $endless;
says(post('Transfer-Encoding: chunked') . "0\r\n" . "X-A: b\r\n" x 10000 . "\r\n$last", '431', 'nor trailers');
my $before = $rest->resident;
my $ten = PostgreSQL::Test::Utils::tempdir() . '/ten';
PostgreSQL::Test::Utils::append_to_file($ten, ' ' x (10 * 1024 * 1024));
for my $round (1 .. 5)
{
	my @curl = $rest->curl($databases, '-H', "Authorization: Bearer $token", '-H', 'Content-Type: application/json', '-H', 'Expect:',
		'--data-binary', "\@$ten");
	is("$curl[0] $curl[1]", '0 413', "10 MiB, round $round: the answer arrives") or diag $curl[3];
}
cmp_ok($rest->resident - $before, '<', 12 * 1024, 'and is not kept in memory');

my $line = 'X-A: ' . 'a' x 1000 . "\r\n";
my $get = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
says($get . $line x 15 . "\r\n", '200', 'a header of 15 KiB');
my ($long) = says($get . $line x 17 . "\r\n", '431', 'one of 17 KiB is too large');
refused($long, 431, 'header_too_large', 'and told so');
says($get . 'X-A: ' . 'a' x 100_000, '431', 'a header that does not end');
says('GET /' . 'a' x 100_000 . " HTTP/1.1\r\n", '431', 'nor a target that does not');
says($get . "X: b\r\n" x 3000 . "\r\n", '431', 'nor are many small ones');

# --- bodies ------------------------------------------------------------------------------------------------------
my $try = sub { return $rest->call(POST => $databases, $_[0], user => $user); };
for my $case (
	[ "{\"slug\":\"\xc3\"}", 'UTF-8 that is cut off' ], [ "{\"slug\":\"\xc0\xaf\"}", 'an overlong form' ],
	[ "{\"slug\":\"\xed\xa0\x80\"}", 'half a surrogate in UTF-8' ], [ '{"slug":"\\ud800"}', 'half a surrogate in an escape' ],
	[ '{"slug":"\\u0000"}', 'a zero byte in an escape' ], [ "{\"slug\":\"a\0b\"}", 'a zero byte' ], [ "\xef\xbb\xbf{}", 'a mark of byte order' ],
	[ "{\"slug\":\"a\nb\"}", 'a line feed in a string' ], [ '{"a":1,"a":1}', 'a key twice' ], [ '{"env":{"A":"owner","A":"writer"}}', 'a key twice, further in' ],
	[ '[' x 100_000, 'an abyss of lists' ], [ '{"a":' x 100_000, 'an abyss of objects' ], [ '{} {}', 'two documents' ], [ '{}x', 'something behind' ],
	[ "{'slug':'a'}", 'other quotes' ], [ '{"a":NaN}', 'no number' ], [ '{"a":1e999}', 'a number beyond all' ], [ '', 'nothing at all', 'invalid_field' ],
	[ 'null', 'null' ], [ '"text"', 'a text' ], [ '{"slug":null}', 'null for a field', 'invalid_field' ], [ '{"":1}', 'a name of no letters', 'invalid_field' ],
	[ '{"env":[]}', 'a list for an object', 'invalid_field' ], [ '{"publish":"true"}', 'a text for a boolean', 'invalid_field' ],
	[ '{"__proto__":{}}', 'a name another language minds', 'invalid_field' ])
{
	my ($text, $name, $title) = @$case;
	refused($try->($text), 400, $title // 'invalid_json', $name);
}
my $unknown = $try->(encode_json({ "a\x{1}b<script>" . 'x' x 1000 => 1 }));
refused($unknown, 400, 'invalid_field', 'an unknown field of a long name');
cmp_ok(length $unknown->{content}, '<', 600, '  is repeated in part only');
unlike($unknown->{json}{detail}, qr/[[:cntrl:]]/, '  without what controls a terminal');
my $query = "$databases?app_id=";
refused($rest->call(GET => $query . $_->[0], undef, user => $user), 400, 'invalid_field', "in a query: $_->[1]")
  for [ '%ff', 'invalid UTF-8' ], [ '%00', 'a zero byte' ], [ 'a&app_id=b', 'a parameter twice' ], [ 'a&limit=1e3', 'a limit in words' ],
  [ 'a&limit=-1', 'a negative limit' ], [ 'a&limit=99999999999999999999', 'a limit beyond all' ];
is($rest->call(GET => $query . '%27%3BDROP%20TABLE%20x--', undef, user => $user)->{status}, 200, 'SQL in a parameter is text');
is($rest->process->stop, 0, 'SIGTERM: exit code 0');
unlike($rest->process->log, qr/\Q$token\E|slug|script/, 'the log has nothing of the requests');
done_testing();
