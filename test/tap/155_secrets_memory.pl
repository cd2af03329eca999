# A password that REST or MCP has handed out leaves no copy in the sidecar's memory once the answer is sent.
# The sidecar lets nobody read its memory; here a library put before libc keeps it from forbidding that.
use strict;
use warnings;
use Appinfra;
use Appinfra::Rest;
use Appinfra::Wait qw(reaches wait_for);
use IO::Handle;
use IPC::Open2;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($source, $library) = map { PostgreSQL::Test::Utils::tempdir() . "/readable.$_" } qw(c so);
append_to_file($source, "int prctl(int option, ...) { (void) option; return 0; }\n");
system('cc', '-shared', '-fPIC', '-o', $library, $source) == 0 or plan skip_all => 'there is no C compiler';

my $host = Appinfra->make('memory', pool_size => 4);
$host->wait_for_pool(4);
my $user = 'user@example.com';
my ($rest, $databases, $pid);

# The writable memory of the sidecar, a region after the other.
sub regions
{
	my @ranges = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/maps") =~ /^([0-9a-f]+-[0-9a-f]+) rw/mg;
	open my $memory, '<:raw', "/proc/$pid/mem" or return;
	my @regions;
	for my $range (@ranges)
	{
		my ($from, $to) = map { unpack 'Q>', pack 'H16', sprintf '%016s', $_ } split /-/, $range;
		my $bytes = '';
		sysseek $memory, $from, 0;
		sysread $memory, $bytes, $to - $from;
		push @regions, { range => $range, bytes => $bytes };
	}
	return @regions;
}

# How often the text is in it.
sub copies
{
	my ($text) = @_;
	my $count = 0;
	for my $region (regions()) { $count++ while $region->{bytes} =~ /\Q$text\E/g; }
	return $count;
}

# Checks that a password that was answered is gone; says which.
sub forgotten
{
	my ($password, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(length($password // ''), 44, "$name: a password is handed out");
	return reaches { wait_for("$name: no copy of the password, but there are " . copies($password), sub { copies($password) == 0 }) } '  and forgotten';
}

for my $way ('in clear', 'TLS')
{
	my @tls = $way eq 'TLS' ? @{ certificate() } : ();
	$rest = Appinfra::Rest->start($host, args => [ '--rate-limit=0', '--database-connections=2', @tls ], env => { LD_PRELOAD => $library });
	$rest->{curl_url} = 'https://localhost:' . $rest->address =~ s/.*://r if @tls;
	($databases, $pid) = ($rest->databases, $rest->process->pid);
	plan skip_all => "another process's memory cannot be read here" unless regions();
	cmp_ok(copies('k' x 20 . 'tests'), '>', 0, "$way: the search finds what is there: the key of tokens");
	my $app = $way eq 'TLS' ? 'app-tls' : 'app-clear';
	my $made = answer(POST => $databases, { app_id => $app, slug => $app, env => { DATABASE_URL => 'owner', READ_URL => 'reader' } });
	forgotten($made->{connection}{password}, "$way: provisioning");
	forgotten($_, "$way: a variable of several") for map { m{:([^:@/]{44})@} } values %{ $made->{env} };
	my $rotated = answer(POST => "$databases/$made->{db_id}/rotate", {});
	forgotten($rotated->{connection}{password}, "$way: rotation");
	is($rest->process->stop, 0, "$way: exit code 0");
}

# MCP on standard input and output, which hands a password out where nobody delivers it.
{
	local %ENV = (%ENV, LD_PRELOAD => $library, APPINFRA_DATABASE_URL => $host->sidecar_url, APPINFRA_USER => $user, APPINFRA_APPS => 'open');
	$pid = open2(my $out, my $in, Appinfra::sidecar_binary(), 'mcp');
	print $in encode_json({ jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => 'add_app_database', arguments => { app_id => 'app-mcp' } } }), "\n";
	$in->flush;
	my $called = decode_json(scalar readline $out);
	forgotten(($called->{result}{structuredContent}{connection_url} // '') =~ m{:([^:@/]{44})@} ? $1 : undef, 'MCP');
	close $in;
	waitpid $pid, 0;
	is($?, 0, 'MCP: exit code 0');
}
done_testing();

# Asks as the user, by curl where it is TLS; returns the document.
sub answer
{
	my ($method, $path, $content) = @_;
	return $rest->call($method, $path, $content, user => $user)->{json} if !$rest->{curl_url};
	my (undef, undef, $body) = $rest->curl($path, '-k', '-X', $method, '-H', 'Authorization: Bearer ' . $rest->token(email => $user),
		'-H', 'Content-Type: application/json', '-d', encode_json($content));
	return decode_json($body);
}

# Arguments of a sidecar with a certificate of its own.
sub certificate
{
	my ($key, $certificate) = map { PostgreSQL::Test::Utils::tempdir() . "/door.$_" } qw(key crt);
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 -keyout $key -out $certificate 2>/dev/null") == 0
	  or die 'openssl';
	return [ "--tls-cert=$certificate", "--tls-key=$key" ];
}
