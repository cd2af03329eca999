# Clients that are slow, many, or at cross purposes: slow heads and bodies, answers that nobody reads, a
# thousand connections; and that what one asked never shows in what another is told.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(answers refused statuses);
use Appinfra::Rest;
use Appinfra::Wait qw(reaches wait_for);
use JSON::PP;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(time);

# A service has 1,024 descriptors unless told otherwise; a test of a thousand connections needs more.
sub descriptors
{
	my ($limit) = @_;
	return system('prlimit', '--pid', $$, "--nofile=$limit:") == 0;
}
my ($hard) = PostgreSQL::Test::Utils::slurp_file('/proc/self/limits') =~ /^Max open files\s+\d+\s+(\d+)/m;
plan skip_all => "needs 2,500 descriptors, the hard limit is $hard" if $hard < 2500;

my $host = Appinfra->make('clients', pool_size => 6);
$host->wait_for_pool(6);
my @times = qw(--head-timeout=1s --idle-timeout=30s --request-timeout=2s --rate-limit=0);
descriptors(1024) or die 'prlimit';
my $rest = Appinfra::Rest->start($host, args => [ @times, '--max-connections=1000' ]);
descriptors($hard);
my $databases = $rest->databases;
my %tokens = map { $_ => $rest->token(email => "$_\@example.com") } 'a' .. 'f';

sub get
{
	my ($path, $user, @lines) = @_;
	return join("\r\n", "GET $path HTTP/1.1", 'Host: x', defined $user ? "Authorization: Bearer $tokens{$user}" : (), @lines, '', '');
}

# A metric, asked anew.
sub metric
{
	my ($name, $door) = @_;
	my ($value) = ($door // $rest)->call(GET => '/metrics')->{content} =~ /^\Qappinfra_$name\E ([0-9.e+-]+)$/m;
	return $value // 'unknown';
}

sub wait_until_few
{
	my ($what) = @_;
	wait_for($what, sub { metric('http_connections') =~ /^[12]$/ });
	return;
}

# Sends a byte every tenth of a second until the other side ends the connection; returns how many it took,
# undef when it took all of them.
sub drip
{
	my ($socket, $bytes) = @_;
	my $sent = 0;
	for my $byte (split //, $bytes)
	{
		local $SIG{PIPE} = 'IGNORE';
		return $sent if !syswrite $socket, $byte;
		$sent++;
		my $ready = '';
		vec($ready, fileno $socket, 1) = 1;
		return $sent if select($ready, undef, undef, 0.1) && !sysread $socket, my $rest_of_it, 65536;
	}
	return undef;
}

# --- slow ones ------------------------------------------------------------------------------------------
my $before = $rest->resident;
my $head = drip($rest->connect, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: " . 'x' x 40);
ok(defined $head, 'a head that comes byte by byte is waited for a second (of head-timeout), not longer') or diag 'all was taken';
my $post = "POST $databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $tokens{a}\r\nContent-Type: application/json\r\n";
my $socket = $rest->connect;
syswrite $socket, "${post}Content-Length: 1000\r\n\r\n";
my $body = drip($socket, ' ' x 90);
ok(defined $body, 'a body for two (of request-timeout)');
$socket = $rest->connect;
syswrite $socket, "${post}Transfer-Encoding: chunked\r\n\r\n";
$body = drip($socket, "1\r\n \r\n" x 15);
ok(defined $body, 'in chunks as well');

# Connections that have sent half a head.
sub slow_ones
{
	my ($door, $n) = @_;
	return map { my $s = $door->connect; syswrite $s, "GET /healthz HTTP/1.1\r\nX-Slow: "; $s } 1 .. $n;
}

# What a thousand slow ones hold, others are not kept from. This door gives them the time to be a thousand.
descriptors(1024) or die 'prlimit';
my $patient = Appinfra::Rest->start($host, args => [qw(--head-timeout=600s --rate-limit=0 --max-connections=1000)]);
descriptors($hard);
my @slow = slow_ones($patient, 900);
is($patient->call(GET => '/healthz')->{status}, 200, '900 that have sent half a head: another is answered');
like(metric('http_connections', $patient), qr/^90[12]$/, 'while they are there');
push @slow, slow_ones($patient, 100);
my ($answer) = answers(Appinfra::Rest::read_all($patient->connect, 20));
refused($answer, 503, 'overloaded', 'the one beyond 1,000 is turned away');
@slow = ();
is($patient->process->stop, 0, 'it stops');
@slow = slow_ones($rest, 900);
reaches { wait_until_few('the end of the slow ones') } 'where they have a second, all of them are ended';
@slow = ();

# --- nobody reads the answers ------------------------------------------------------------------------------
my @deaf = map { $rest->connect } 1 .. 20;
setsockopt($_, SOL_SOCKET, SO_RCVBUF, 4096) for @deaf;
for my $deaf (@deaf)
{
	$deaf->blocking(0);
	syswrite $deaf, get('/openapi.json') x 2000; # as much as is taken
}
reaches { wait_until_few('the end of those who do not read') } 'who does not read the answers is ended';
cmp_ok($rest->resident - $before, '<', 16 * 1024, 'and they are not piled up in memory');

# --- a thousand that do nothing -------------------------------------------------------------------------------
$before = $rest->resident;
my @idle;
for my $n (1 .. 1000)
{
	my $one = $rest->connect;
	syswrite $one, get('/healthz');
	push @idle, $one;
}
my $answered = 0;
for my $one (@idle) { sysread $one, my $got, 4096; $answered++ if ($got // '') =~ m{^HTTP/1.1 200 }; }
is($answered, 1000, '1,000 connections, each was answered and stays, with 1,024 descriptors at the start');
my $held = $rest->resident - $before;
cmp_ok($held, '<', 32 * 1024, 'they are held in less than 32 MiB') or diag "$held KiB";
note "$held KiB";
is($rest->call(GET => "$databases?app_id=x", undef, user => 'a@example.com')->{status}, 200, 'one more has the place of the one that was idle for longest');
like(metric('http_connections'), qr{^(999|1000)$}, 'there are never more');
is(sysread($idle[0], my $end, 1), 0, 'whose connection has ended');
syswrite $idle[999], get('/healthz');
sysread $idle[999], my $still, 4096;
like($still, qr{^HTTP/1.1 200 }, 'the others go on');
@idle = ();
wait_until_few('the end of the idle ones');
for my $round (1 .. 3)
{
	my @again = map { $rest->connect } 1 .. 1000;
	@again = ();
}
wait_until_few('the end of the last');
cmp_ok($rest->resident - $before, '<', 32 * 1024, 'thousands later, too');

# --- broken off -------------------------------------------------------------------------------------------------
my $half = $rest->connect;
syswrite $half, get('/healthz');
shutdown $half, 1;
is(statuses(Appinfra::Rest::read_all($half)), '200', 'who has sent all and says so is answered');
for my $part ("G", "GET /healthz HTTP/1.1\r\n", "${post}Content-Length: 100\r\n\r\n{", "${post}Transfer-Encoding: chunked\r\n\r\n5\r\n{", get('/openapi.json') x 100)
{
	my $broken = $rest->connect;
	syswrite $broken, $part;
	setsockopt $broken, SOL_SOCKET, Socket::SO_LINGER(), pack('ii', 1, 0);
	close $broken; # RST
}
wait_until_few('the end of the broken ones');
is($rest->call(GET => '/healthz')->{status}, 200, 'connections that break do no harm');

# --- one user's is not another's -------------------------------------------------------------------------------------
my %ids;
for my $user (sort keys %tokens)
{
	my $made = $rest->provision(user => "$user\@example.com", app_id => "app-$user", slug => "cross-$user");
	$ids{$user} = $made->{json}{db_id} // die $made->{content};
}
my @users = map { (sort keys %ids)[ $_ % 6 ] } 0 .. 299;
my @one = answers($rest->raw(join '', map({ get("$databases/$ids{$_}", $_) . get("$databases/$ids{$_}") } @users), get('/healthz', undef, 'Connection: close')));
is(scalar(@one), 601, '600 requests of 6 users and of nobody in one connection');
is_deeply([ map { $_->{json}{owner_user_id} // $_->{status} } @one[ 0 .. 599 ] ], [ map { ("$_\@example.com", 401) } @users ],
	'each is told its own; nobody is told nothing');
my @sockets = map { $rest->connect } 1 .. 30;
for my $round (0 .. 19)
{
	syswrite $sockets[$_], get("$databases?app_id=app-$users[ $_ + $round ]", $users[ $_ + $round ]) for 0 .. 29;
}
my @wrong;
for my $n (0 .. 29)
{
	shutdown $sockets[$n], 1;
	my @told = answers(Appinfra::Rest::read_all($sockets[$n], 20));
	my $told = join ' ', map { $_->{json}{databases}[0]{db_id} // $_->{content} } @told;
	push @wrong, "$n: $told" if $told ne join ' ', map { $ids{ $users[ $n + $_ ] } } 0 .. 19;
}
is_deeply(\@wrong, [], '30 connections at a time: each gets its own answers, in order');
my @writers = map { $rest->connect } 1 .. 24;
for my $n (0 .. 23)
{
	my $content = encode_json({ env_key => 'DATABASE_URL' });
	syswrite $writers[$n], "POST $databases/$ids{ $users[$n] }/rotate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer $tokens{ $users[$n] }\r\n"
	  . "Content-Type: application/json\r\nContent-Length: " . length($content) . "\r\n\r\n$content";
}
my @mixed;
for my $n (0 .. 23)
{
	my ($rotated) = answers(Appinfra::Rest::read_all($writers[$n], 30));
	my ($status, $database) = ($rotated->{status}, $rotated->{json}{connection}{database} // '');
	push @mixed, "$n: $rotated->{content}" if $status != 409 && "$status $database" ne "200 app_cross$users[$n]";
}
is_deeply(\@mixed, [], '24 rotations at a time: each gets its own credential, or is told of a conflict');
is($host->control("SELECT count(*) FROM appinfra.audit a JOIN appinfra.databases d USING (db_id) WHERE a.end_user <> d.owner_user_id"), 0, 'and the audit names who asked');
cmp_ok($host->control("SELECT count(*) FROM appinfra.audit WHERE action LIKE '%rotate%' AND end_user <> ''"), '>=', 6,
	'in rows of rotations');
is($rest->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
