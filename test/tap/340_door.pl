# Where the door stands and who may pass it unseen: TLS and the renewal of its certificate, the unix
# socket, X-User-Email from this machine, and what a sidecar that was told wrong things says.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(answers refused statuses);
use Appinfra::Certificates;
use Appinfra::Rest;
use Appinfra::Wait qw(reaches wait_for);
use File::Copy qw(copy);
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('door', pool_size => 1);
$host->wait_for_pool(1);
my $user = 'user@example.com';
my $id = $host->provision(owner_user_id => $user, publish => 0)->{db_id};
my $one = Appinfra::Rest::databases() . "/$id";
my $dir = PostgreSQL::Test::Utils::tempdir();
my ($ours, $theirs) = map { Appinfra::Certificates->new } 1 .. 2;
my ($cert, $key) = map { "$dir/$_.pem" } qw(cert key);

# Replaces certificate and key of the door.
sub install
{
	my ($pem, $key_of) = @_;
	my $text = PostgreSQL::Test::Utils::slurp_file($pem);
	my $key_text = PostgreSQL::Test::Utils::slurp_file($key_of // $pem);
	for ([ $cert, $text =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/s ], [ $key, $key_text =~ /(-----BEGIN [A-Z ]*PRIVATE.*)/s ])
	{
		my ($file, $part) = @$_;
		open my $out, '>', "$file.new" or die $!;
		print $out $part;
		close $out;
		rename "$file.new", $file or die $!;
	}
	return;
}

# What curl gets from a TLS door: "exit code status".
sub curl
{
	my ($rest, $authority, @more) = @_;
	local $rest->{curl_url} = 'https://localhost:' . $rest->address =~ s/.*://r;
	my ($exit, $status, $body) = $rest->curl($one, '--cacert', $authority->file, '-H', 'Authorization: Bearer ' . $rest->token(email => $user), @more);
	return join ' ', $exit, $exit == 0 ? ($status, decode_json($body)->{db_id} // $body) : ();
}

# How many connections a TLS door has, the one that asks included.
sub connections
{
	my ($rest) = @_;
	local $rest->{curl_url} = 'https://localhost:' . $rest->address =~ s/.*://r;
	my ($exit, $status, $body) = $rest->curl('/metrics', '--cacert', $ours->file);
	return ($body // '') =~ /^appinfra_http_connections (\d+)$/m ? $1 : -1;
}

# Runs the program with arguments that are wrong; it has to end with 2 and say why.
sub told_off
{
	my ($pattern, $name, @args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $run = $host->start_sidecar(args => \@args);
	my $status = $run->wait_end(10);
	is(defined $status ? $status >> 8 : 'runs', 2, "$name: not started");
	like($run->log, $pattern, 'and told why');
	$run->kill9 if !defined $status;
	return;
}

# --- TLS -----------------------------------------------------------------------------------------------
my ($first, $second) = map { $ours->issue($_, 'DNS:localhost,IP:127.0.0.1') } qw(first second);
my $foreign = $theirs->issue('foreign', 'DNS:localhost');
install($first);
my @tls = ("--tls-cert=$cert", "--tls-key=$key");
my $rest = Appinfra::Rest->start($host, args => [ @tls, '--head-timeout=1s' ]);
is(curl($rest, $ours), "0 200 $id", 'https is served, with a certificate that verifies');
is(curl($rest, $ours, '--tls-max', '1.2'), "0 200 $id", 'TLS 1.2 is spoken');
like(curl($rest, $ours, '--tls-max', '1.1', '--ciphers', 'ALL:@SECLEVEL=0'), qr/^35/, 'TLS 1.1 is not');
like(curl($rest, $theirs), qr/^60/, 'another authority does not vouch for it');
is(statuses($rest->raw("GET $one HTTP/1.1\r\nHost: x\r\n\r\n")), 'closed', 'plain HTTP at this port: the end, without an answer')
  or diag 'or other bytes';
is(statuses(Appinfra::Rest::read_all($rest->connect)), 'closed', 'who does not begin with TLS');
reaches { wait_for('its place', sub { connections($rest) == 1 }) } 'is not waited for';

# A connection that stays open over the renewal.
my ($in, $out, $seen) = ('', '', '');
my $stays = IPC::Run::start([ qw(openssl s_client -quiet -no_ign_eof -verify_quiet -CAfile), $ours->file, '-connect', $rest->address ],
	'<', \$in, '>', \$out, '2>', \$seen, IPC::Run::timeout(60));
my $asked = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
$in = $asked;
$stays->pump until $out =~ /"ok"/;
install($foreign);
$rest->process->signal('HUP');
$rest->process->wait_for_log(qr/read again/);
like(curl($rest, $theirs), qr/^0 200/, 'SIGHUP: the new certificate is shown');
like(curl($rest, $ours), qr/^60/, 'and the old one no more');
$out = '';
$in = $asked;
reaches { $stays->pump until $out =~ /"ok"/ } 'who is connected stays so';
$stays->kill_kill;
install($first, $second);
$rest->process->signal('HUP');
$rest->process->wait_for_log(qr/not reloaded.*key\.pem.*mismatch/);
like(curl($rest, $theirs), qr/^0 200/, 'a key of another certificate changes nothing');
unlink $cert;
$rest->process->signal('HUP');
$rest->process->wait_for_log(qr/not reloaded.*cert\.pem/);
like(curl($rest, $theirs), qr/^0 200/, 'nor does a file that is missing');
install($second);
$rest->process->signal('HUP');
$rest->process->wait_for_log(qr/read again.*read again/s);
is(curl($rest, $ours), "0 200 $id", 'and then the right one does');
is($rest->process->stop, 0, 'SIGTERM: exit code 0');
unlike($rest->process->log, qr/PRIVATE/, 'the log has no key');

# --- told wrong --------------------------------------------------------------------------------------------
my $keys = '--jwt-keys=' . $rest->{keys};
install($first, $second);
told_off(qr/key\.pem.*mismatch/, 'a key of another certificate', '--listen=127.0.0.1:0', $keys, @tls);
install($first);
told_off(qr/none\.pem/, 'a certificate that is missing', '--listen=127.0.0.1:0', $keys, "--tls-cert=$dir/none.pem", "--tls-key=$key");
told_off(qr/--tls-cert and --tls-key go together/, 'half of it', '--listen=127.0.0.1:0', $keys, "--tls-cert=$cert");
told_off(qr/no loopback address needs --tls-cert/, 'all addresses in clear', '--listen=0.0.0.0:0', $keys);
told_off(qr/no loopback address needs --tls-cert/, 'all addresses of IPv6 in clear', '--listen=[::]:0', $keys);
told_off(qr/not for a unix socket/, 'TLS on a unix socket', "--listen=unix:$dir/s", $keys, @tls);
told_off(qr/--listen needs --jwt-keys, or --trust-loopback=1/, 'nobody could enter', '--listen=127.0.0.1:0');
told_off(qr/ADDRESS:PORT/, "the address \"$_\"", "--listen=$_", $keys, '--allow-plaintext=1')
  for '127.0.0.1', '127.0.0.1:', '127.0.0.1:99999', '127.0.0.1:x', 'example:80', ':80';
told_off(qr/did you mean --listen\?/, 'an option that is none', '--lisen=127.0.0.1:0', $keys);
told_off(qr/--rate-limit must be a whole number/, 'a number that is none', '--listen=127.0.0.1:0', $keys, '--rate-limit=many');
told_off(qr/--head-timeout must be a time/, 'a time that is none', '--listen=127.0.0.1:0', $keys, '--head-timeout=soon');
my $plain = Appinfra::Rest->start($host);
told_off(qr/cannot listen on.*\Q@{[$plain->address]}\E.*in use/, 'a port that is taken', '--listen=' . $plain->address, $keys);

# --- who says X-User-Email ----------------------------------------------------------------------------------
my $say = sub { my ($rest, %headers) = @_; return $rest->call(GET => $one, undef, headers => \%headers); };
refused($say->($plain, 'X-User-Email' => $user), 401, 'unauthenticated', 'X-User-Email counts for nothing');
my $trusting = Appinfra::Rest->start($host, env => { APPINFRA_TRUST_LOOPBACK => 1 });
is($say->($trusting, 'X-User-Email' => $user)->{status}, 200, 'unless this machine is trusted');
refused($say->($trusting), 401, 'unauthenticated', 'and a user is named');
is(statuses($trusting->raw("GET $one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-User-Email: $_\r\n\r\n")), '401', "by a name: \"" . substr($_, 0, 9) . '"')
  for '', "a\x{c3}b", "a\tb", 'x' x 1000;
refused($say->($trusting, 'X-User-Email' => $user, Authorization => 'Bearer x'), 401, 'unauthenticated', 'a token that is wrong stays wrong');
refused($say->($trusting, 'X-User-Email' => $user, Authorization => 'Bearer ' . $trusting->token(email => 'other@example.com')),
	404, 'not_found', 'a token that is right goes before it');
my $no_admin = $trusting->call(GET => '/api/app-infra/audit', undef, headers => { 'X-User-Email' => $user, 'X-Scope' => 'appinfra:admin' });
refused($no_admin, 403, 'forbidden', 'nobody is an administrator this way');
like($trusting->raw("GET $one HTTP/1.1\r\nHost: localhost\r\nX-User-Email: other\@example.com\r\nX-User-Email: $user\r\n\r\n"), qr{^HTTP/1.1 400 },
	'nor two users at once');
my @switch = answers($trusting->raw(join '', map({ "GET $one HTTP/1.1\r\nHost: localhost\r\n$_\r\n" } "X-User-Email: $user\r\n", '', "X-User-Email: a\@b\r\nConnection: close\r\n")));
is(join(' ', map { $_->{status} } @switch), '200 401 404', 'each request of a connection is of who says so in it');

# --- a page of somebody whose name resolves to this machine -------------------------------------------------
my $paths = $trusting->call(GET => '/openapi.json')->{json}{paths};
my @doors = sort map { my $path = $_; map { uc($_) . ' ' . $path =~ s/\{\w+\}/$id/r } keys %{ $paths->{$path} } } keys %$paths;
cmp_ok(scalar @doors, '>', 12, 'there are many doors');
for my $door (@doors, 'GET /nothing')
{
	my @seen;
	for my $headers ("Host: evil.example:27942\r\nOrigin: http://evil.example:27942", 'Host: evil.example',
		"Host: localhost\r\nOrigin: http://evil.example:27942")
	{
		my ($answer) = answers($trusting->raw("$door HTTP/1.1\r\n$headers\r\nX-User-Email: $user\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
		push @seen, join ' ', $answer->{status}, $answer->{json}{detail} // '';
	}
	is(join('; ', @seen), '403 the API is not reached by this name; 403 the API is not reached by this name; 403 pages of this origin may not call',
		"$door: a foreign Host or Origin");
}
my $known = Appinfra::Rest->start($host, env => { APPINFRA_TRUST_LOOPBACK => 1, APPINFRA_ALLOWED_HOSTS => 'box.example,other.example',
	APPINFRA_ALLOWED_ORIGINS => 'https://console.example' });
is(statuses($known->raw("GET $one HTTP/1.1\r\nHost: other.example:80\r\nOrigin: https://console.example\r\nX-User-Email: $user\r\nConnection: close\r\n\r\n")), '200',
	'names that are allowed are let in');
told_off(qr/--allowed-hosts takes names/, 'a name with a port', '--listen=127.0.0.1:0', '--trust-loopback=1', '--allowed-hosts=box.example:80');
told_off(qr/--allowed-origins takes origins/, 'an origin without a scheme', '--listen=127.0.0.1:0', '--trust-loopback=1', '--allowed-origins=box.example');
is($_->process->stop, 0, 'SIGTERM: exit code 0') for $plain, $trusting, $known;

# --- the unix socket ----------------------------------------------------------------------------------------
my $path = PostgreSQL::Test::Utils::tempdir_short() . '/api';
my $stale = IO::Socket::UNIX->new(Local => $path, Listen => 1) or die $!;
close $stale;
my $local = Appinfra::Rest->start($host, listen => "unix:$path");
ok(-S $path, 'a socket that nobody listens on is replaced');
is((stat $path)[2] & 0777, 0660, 'with the mode 0660');
sub through { my ($bytes) = @_; my $s = IO::Socket::UNIX->new(Peer => $path) or die $!; syswrite $s, $bytes; return Appinfra::Rest::read_all($s); }
my $token = $local->token(email => $user);
is(statuses(through("GET $one HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\nConnection: close\r\n\r\n")), '200', 'it serves');
is(statuses(through("GET $one HTTP/1.1\r\nHost: x\r\nX-User-Email: $user\r\nConnection: close\r\n\r\n")), '401', 'without trust, to who has a token');
told_off(qr/cannot listen on.*in use/, 'a socket that somebody listens on', "--listen=unix:$path", $keys);
is(statuses(through("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), '200', 'who goes on');
is($local->process->stop, 0, 'SIGTERM: exit code 0');
ok(!-e $path, 'and the socket is gone');
PostgreSQL::Test::Utils::append_to_file($path, 'precious');
told_off(qr/cannot listen on/, 'a file that is no socket', "--listen=unix:$path", $keys);
is(PostgreSQL::Test::Utils::slurp_file($path), 'precious', 'which stays');
done_testing();
