# The HTTP server against clients that are slow, silent, many, large, or ambiguous: the right answer,
# in bounded time and memory.
use strict;
use warnings;
use Appinfra;
use Appinfra::Rest;
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $host = Appinfra->make('http', pool_size => 1);
my $rest = Appinfra::Rest->start($host, args => [ '--rate-limit=0', '--head-timeout=1s', '--idle-timeout=120s', '--request-timeout=3s' ]);
my $token = $rest->token(email => 'user@example.com');
my $auth = "Authorization: Bearer $token\r\n";
my $databases = $rest->databases;

sub status { return ($_[0] // '') =~ m{^HTTP/1\.1 (\d{3}) } ? $1 : 'none'; }

# The statuses of all the responses in a text, in order.
sub statuses { return join ' ', $_[0] =~ m{HTTP/1\.1 (\d{3}) }g; }

# --- pipelining, chunks, keep-alive ----------------------------------------------------------------------
my $get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
my $last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
is(statuses($rest->raw($get x 20 . $last)), join(' ', (200) x 21), '21 requests in one write: 21 responses');
my $order = $rest->raw("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" . "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" . "PUT /healthz HTTP/1.1\r\nHost: x\r\n\r\n" . $last);
is(statuses($order), '404 200 405 200', 'in the order of the requests');
my $chunked = "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
like($rest->raw("${chunked}5\r\n{\"a\":\r\n9;x=y\r\n\"b\",\"c\":1\r\n1\r\n}\r\n0\r\nTrailer: z\r\n\r\n$last"),
	qr/^HTTP\/1.1 400 .*unknown field \\"a\\".*HTTP\/1.1 200 /s, 'a body in chunks, and the next request behind it');
is(status($rest->raw("GET /healthz HTTP/1.0\r\n\r\n")), 200, 'HTTP/1.0 is answered, and the connection closed');

# Byte by byte, but in time.
my $socket = $rest->connect;
syswrite $socket, $_ for split //, $last;
is(status(Appinfra::Rest::read_all($socket)), 200, 'a request in single bytes');

# --- requests that two parties may understand differently ---------------------------------------------------
my $body = '{"app_id":"app-a"}';
my $smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " . 'y' x 10 . "\r\n\r\n";
my %ambiguous = (
	'Content-Length and Transfer-Encoding' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$smuggled",
	'the other way about' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n$smuggled",
	'two lengths' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 0\r\nContent-Length: 50\r\n\r\n$smuggled",
	'a list of lengths' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 0, 50\r\n\r\n$smuggled",
	'a negative length' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: -1\r\n\r\n$smuggled",
	'a length in hex' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 0x10\r\n\r\n$smuggled",
	'a length with a sign' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: +5\r\n\r\n$smuggled",
	'a length beyond 64 bits' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 99999999999999999999999\r\n\r\n$smuggled",
	'another encoding' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n$smuggled",
	'an encoding of nobody' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n$smuggled",
	'two encodings' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n$smuggled",
	'chunks in HTTP/1.0' => "POST $databases HTTP/1.0\r\nHost: x\r\n${auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n$smuggled",
	'a blank before the colon' => "POST $databases HTTP/1.1\r\nHost: x\r\n${auth}Content-Length : 5\r\n\r\n$smuggled",
	'a blank in the name' => "GET /healthz HTTP/1.1\r\nHost: x\r\nContent Length: 5\r\n\r\n$smuggled",
	'a header without a colon' => "GET /healthz HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n$smuggled",
	'lines that end in LF alone' => "GET /healthz HTTP/1.1\nHost: x\n\n$smuggled",
	'a CR in a value' => "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\rTransfer-Encoding: chunked\r\n\r\n$smuggled",
	'a NUL in a value' => "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n$smuggled",
	'two hosts' => "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n$smuggled",
	'no host' => "GET /healthz HTTP/1.1\r\n\r\n$smuggled",
	'a bad chunk size' => "${chunked}zz\r\n\r\n$smuggled",
	'a chunk size beyond 64 bits' => "${chunked}fffffffffffffffff\r\n\r\n$smuggled",
	'a chunk without its end' => "${chunked}2\r\n{}xx0\r\n\r\n$smuggled",
	'another protocol' => "GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n$smuggled",
	'no protocol' => "GET /healthz\r\n\r\n$smuggled",
	'no HTTP at all' => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . "\0" x 500,
	'a target that is no path' => "GET healthz HTTP/1.1\r\nHost: x\r\n\r\n$smuggled");
for my $name (sort keys %ambiguous)
{
	my $text = $rest->raw($ambiguous{$name});
	my $only = defined $text && (() = $text =~ m{^HTTP/1\.1 \d{3} }mg) == 1;
	ok($only && status($text) =~ /^(400|404|505)$/, "$name: refused, once, and the connection is closed") or diag $text // 'no end';
}
is(status($rest->raw("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " . 'y' x 17_000 . "\r\n\r\n")), 431, 'a header of 17 KiB: 431');
is(status($rest->raw("GET /" . 'y' x 17_000)), 431, 'a target that does not end: 431');
is(status($rest->raw("GET /healthz HTTP/1.1\r\nHost: x\r\n" . "A: b\r\n" x 4000 . "\r\n")), 431, 'too many headers: 431');

# --- large bodies -----------------------------------------------------------------------------------------
my $before = $rest->resident;
my $ten = ' ' x (10 * 1024 * 1024);
my $head = "POST $databases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
is(status($rest->raw("$head${auth}Content-Length: " . length($ten) . "\r\n\r\n$ten")), 413, '10 MiB: 413, and the client can read it');
is(status($rest->raw("$head${auth}Transfer-Encoding: chunked\r\n\r\n" . join('', map { "100000\r\n" . ' ' x 0x100000 . "\r\n" } 1 .. 10) . "0\r\n\r\n")),
	413, '10 MiB in chunks: 413');
is(status($rest->raw("${head}Content-Length: 1000000\r\n\r\n" . ' ' x 10_000)), 401, 'of nobody: 401, before it has come');
is(status($rest->raw("$head${auth}Connection: close\r\nContent-Length: 1048576\r\n\r\n" . '{"a":' . ' ' x 1048570 . '1')), 400, '1 MiB is read');
my ($exit, $status) = $rest->curl($databases, '-H', "Authorization: Bearer $token", '-H', 'Content-Type: application/json',
	'-H', 'Expect: 100-continue', '-d', '{"x":1}');
is("$exit $status", '0 400', 'a client that asks before it sends is told to');
undef $ten;

# Chunks of which nothing but their extensions come.
is(status($rest->raw("${chunked}1;" . 'x' x 40_000)), 431, 'an endless line before a chunk: 431');

# --- slow clients ---------------------------------------------------------------------------------------------
my %slow = (
	'nothing but the start' => 'GET /he',
	'a header without its end' => "GET /healthz HTTP/1.1\r\nHost: x\r\n",
	'half a body' => "$head${auth}Content-Length: 100\r\n\r\n{\"a\"",
	'half a chunk' => "${chunked}50\r\n{\"a\"");
my %sockets = map { my $s = $rest->connect; syswrite $s, $slow{$_}; ($_ => $s) } keys %slow;
# One byte now and then does not help.
my $dripping = $rest->connect;
my $started = time;
my $dripped = 0;
syswrite $dripping, "GET /healthz HTTP/1.1\r\nHost: x\r\n";
while (time - $started < 10)
{
	last if !syswrite $dripping, 'X-' . $dripped++ . ": y\r\n";
	my $ready = '';
	vec($ready, fileno $dripping, 1) = 1;
	last if select($ready, undef, undef, 0.1) && !sysread $dripping, my $got, 100;
}
cmp_ok(time - $started, '<', 5, 'a header that drips is cut off');
for my $name (sort keys %sockets)
{
	my $text = Appinfra::Rest::read_all($sockets{$name}, 10);
	is($text, '', "$name: the connection is ended");
}
is($rest->call(GET => '/healthz')->{status}, 200, 'others are served meanwhile');

# --- many connections -----------------------------------------------------------------------------------------
my @idle = map { $rest->connect } 1 .. 1000;
my $waited = 0;
my $open = 0;
while ($open < 999 && $waited++ < 200)
{
	($open) = $rest->call(GET => '/metrics')->{content} =~ /^appinfra_http_connections (\d+)$/m;
}
cmp_ok($open, '>=', 999, '1,000 connections are open');
cmp_ok($open, '<=', 1000, 'and no more');
is($rest->call(GET => $databases, undef, token => $token)->{status}, 200, 'and one more is served: the one that was idle for longest has gone');
cmp_ok($rest->resident, '<', 64 * 1024, 'with less than 64 MiB');
close $_ for @idle;
@idle = ();
$waited = 0;
do
{
	($open) = $rest->call(GET => '/metrics')->{content} =~ /^appinfra_http_connections (\d+)$/m;
} while ($open > 5 && $waited++ < 200);
cmp_ok($open, '<=', 5, 'clients that have gone are forgotten');

# Every kind of nonsense, again and again: memory does not grow.
sub nonsense
{
	$rest->raw($ambiguous{$_}) for sort keys %ambiguous;
	$rest->call(POST => $databases, '{"env":' . '[' x 5000, token => $token) for 1 .. 10;
	$rest->call(GET => "$databases/db-0123456789ab", undef, token => $token) for 1 .. 50;
	return $rest->resident;
}
nonsense() for 1 .. 3;
my $settled = nonsense();
nonsense() for 1 .. 10;
cmp_ok(nonsense() - $settled, '<', 2048, 'memory stays where it is');

# --- the end: who is inside is served, nobody else comes in ----------------------------------------------------
my $keep = $rest->connect;
syswrite $keep, $get;
sysread $keep, my $first, 4096;
is(status($first), 200, 'a connection that stays');
my $under_way = $rest->connect;
syswrite $under_way, "$head${auth}Content-Length: 2\r\n\r\n";
syswrite $under_way, '{';
$waited = 0;
$rest->process->signal('TERM');
$rest->process->wait_for_log(qr/stopping/);
is(Appinfra::Rest::read_all($keep), '', 'SIGTERM: the idle connection is ended');
syswrite $under_way, '}';
my $answer = Appinfra::Rest::read_all($under_way);
is(status($answer), 400, 'the request under way is answered');
like($answer, qr/^Connection: close\r$/m, 'and its connection closed');
is($rest->process->wait_end(20), 0, 'exit code 0');
done_testing();
