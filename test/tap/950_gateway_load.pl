# The gateway's memory is bounded: idle connections, clients that do not read their answers, many keys.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Wait qw(wait_for);
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $idle = $ENV{APPINFRA_GATEWAY_IDLE} // 300;
my $keys = $ENV{APPINFRA_GATEWAY_KEYS} // 200;
my $host = Appinfra->make('load', pool_size => 1);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => [ '--gateway-rate-limit=0' ]);
my $key = $gateway->mint($tenant->{db_id}, 'reader');
my ($address, $port) = split /:/, $gateway->address;
sub resident { my ($kib) = PostgreSQL::Test::Utils::slurp_file('/proc/' . $gateway->process->pid . '/status') =~ /^VmRSS:\s+(\d+)/m; return $kib; }
sub connection { return IO::Socket::INET->new(PeerAddr => $gateway->address, Timeout => 10) // die "connect: $!"; }
sub request_of
{
	my ($sql) = @_;
	my $body = encode_json({ sql => $sql });
	return "POST /v1/sql/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $key->{token}\r\n"
	  . 'Content-Type: application/json' . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

# --- connections that wait ------------------------------------------------------------------------------------
is($gateway->sql($key, 'SELECT 1')->{status}, 200, 'it answers');
my $before = resident();
my @waiting;
for (1 .. $idle)
{
	my $socket = connection();
	syswrite $socket, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	sysread $socket, my $answer, 4096;
	push @waiting, $socket;
}
my $each = (resident() - $before) / $idle;
cmp_ok($each, '<', 64, "an idle connection takes less than 64 KiB ($each)");
is($gateway->sql($key, 'SELECT 1')->{status}, 200, 'it answers beside them');
@waiting = ();

# --- clients that do not read ----------------------------------------------------------------------------------
my $large = "SELECT repeat('x', 7000000)";
my $whole = $gateway->sql($key, $large);
is($whole->{status}, 200, 'an answer of 7 MB') or diag substr $whole->{content}, 0, 300;
my @slow = map { my $socket = connection(); syswrite $socket, request_of($large); $socket } 1 .. 30;
wait_for('answers are held back', sub { $gateway->sql($key, 'SELECT 1')->{status} == 503 });
my $refused = $gateway->sql($key, 'SELECT 1');
is("$refused->{status} $refused->{json}{title}", '503 overloaded', 'further calls are told to come again');
is($refused->{headers}{'retry-after'}, 1, 'soon');
# What the workspace's 20 calls hold, of libpq's buffer to the answer's text, and what waits to be read.
cmp_ok(resident(), '<', (20 * 40 + 64) * 1024, 'while memory is bounded');
@slow = ();
wait_for('it goes on', sub { $gateway->sql($key, 'SELECT 1')->{status} == 200 });

# --- many keys ---------------------------------------------------------------------------------------------------
my @tokens = split /\n/, $host->control("SELECT (appinfra.mint_key('$tenant->{db_id}', 'reader')).token FROM generate_series(1, $keys)");
is(scalar(grep { $gateway->sql({ token => $_ }, 'SELECT 1')->{status} != 200 } @tokens), 0, "$keys keys are served");
cmp_ok($gateway->metric('appinfra_gateway_connections{state="idle"}'), '<=', 20, 'by no more connections than a workspace has');
cmp_ok(resident(), '<', 400 * 1024, 'and memory is bounded');
done_testing();
