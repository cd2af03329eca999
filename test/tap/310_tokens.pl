# Bearer tokens: what lets somebody in, and every way in which a token can be wrong; keys that are
# replaced while the sidecar runs; TLS and its certificate.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates;
use Appinfra::Rest qw(base64url jwt sign_with_openssl unsigned);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $host = Appinfra->make('tokens', pool_size => 1);
my $user = 'user@example.com';
my $secret = 'a secret for HS256 of more than 32 bytes';

sub run_quietly { system("@_ >/dev/null 2>&1") == 0 or die "@_"; return; }
run_quietly("openssl genrsa -out $dir/rsa.key 2048");
run_quietly("openssl rsa -in $dir/rsa.key -pubout -out $dir/rsa.pem");
run_quietly("openssl genrsa -out $dir/other.key 2048");
run_quietly("openssl ecparam -name prime256v1 -genkey -noout -out $dir/ec.key");
run_quietly("openssl ec -in $dir/ec.key -pubout -out $dir/ec.pem");
append_to_file("$dir/hs.key", "$secret\n");

my $rest = Appinfra::Rest->start($host, key => "$dir/hs.key,$dir/rsa.pem,$dir/ec.pem",
	args => [ '--jwt-issuer=https://id.example', '--jwt-audience=appinfra', '--rate-limit=0' ]);

# Claims that are good, changed as said; a value that is undef is left out.
sub claims
{
	my (%other) = @_;
	my %claims = (email => $user, exp => time + 600, iss => 'https://id.example', aud => 'appinfra', %other);
	delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
	return \%claims;
}

sub status_of
{
	my ($token) = @_;
	return $rest->call(GET => $rest->databases, undef, token => $token);
}

sub admitted
{
	my ($token, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = status_of($token);
	is($answer->{status}, 200, $name) or diag $answer->{content};
	return;
}

sub rejected
{
	my ($token, $detail, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = status_of($token);
	is("$answer->{status} $answer->{json}{title}", '401 unauthenticated', $name) or diag $answer->{content};
	like($answer->{json}{detail}, $detail, "  $detail");
	return;
}

# --- good ones ------------------------------------------------------------------------------------------
admitted(jwt($secret, claims()), 'HS256');
admitted(sign_with_openssl("$dir/rsa.key", claims(), 'RS256'), 'RS256');
admitted(sign_with_openssl("$dir/ec.key", claims(), 'ES256'), 'ES256');
admitted(jwt($secret, claims(exp => time - 50)), 'expired within the leeway');
admitted(jwt($secret, claims(nbf => time + 50)), 'not yet valid within the leeway');
admitted(jwt($secret, claims(aud => [ 'other', 'appinfra' ])), 'one of several audiences');
admitted(jwt($secret, claims(email => undef, sub => 'someone')), 'the user is "sub" where there is no "email"');

# --- wrong ones -----------------------------------------------------------------------------------------
rejected(jwt('another secret that has 32 bytes, too', claims()), qr/signature/, 'a wrong signature');
rejected(sign_with_openssl("$dir/other.key", claims(), 'RS256'), qr/signature/, "another's RSA key");
my ($header, $body, $signature) = split /\./, jwt($secret, claims());
rejected("$header." . base64url(encode_json(claims(email => 'root@example.com'))) . ".$signature", qr/signature/, 'changed claims');
rejected(unsigned({ alg => 'none' }, claims()) . '.', qr/signature/, 'alg "none"');
rejected(unsigned({ alg => 'none' }, claims()) . ".$signature", qr/signature/, 'alg "none" with a signature');
rejected(unsigned({ alg => 'NonE' }, claims()) . '.', qr/signature/, 'alg "NonE"');
my $pem = slurp_file("$dir/rsa.pem");
rejected(jwt($pem, claims()), qr/signature/, 'the RSA public key as HS256 secret');
rejected(jwt($pem =~ s/\n\z//r, claims()), qr/signature/, 'and without its last newline');
rejected(jwt(slurp_file("$dir/ec.pem"), claims()), qr/signature/, 'the EC public key as HS256 secret');
rejected(jwt($secret, claims(), { alg => 'RS256' }), qr/signature/, 'an HMAC called RS256');
rejected(jwt($secret, claims(), { alg => 'HS512' }), qr/signature/, 'an algorithm that no key is for');
rejected(jwt($secret, claims(), { alg => 'HS256', crit => ['x'] }), qr/malformed/, 'a header it must understand and does not');
rejected(jwt($secret, claims(exp => time - 100)), qr/expired/, 'expired');
rejected(jwt($secret, claims(exp => undef)), qr/"exp"/, 'without an end');
rejected(jwt($secret, claims(exp => 'tomorrow')), qr/"exp"/, 'with an end that is no number');
rejected(jwt($secret, claims(nbf => time + 100)), qr/not valid yet/, 'not yet valid');
rejected(jwt($secret, claims(aud => 'other')), qr/audience/, 'another audience');
rejected(jwt($secret, claims(aud => undef)), qr/audience/, 'no audience');
rejected(jwt($secret, claims(iss => 'https://evil.example')), qr/issuer/, 'another issuer');
rejected(jwt($secret, claims(email => undef)), qr/no user/, 'no user');
rejected(jwt($secret, claims(email => '')), qr/no user/, 'an empty user');
rejected(jwt($secret, claims(email => "a\nb")), qr/no user/, 'a user with a line break');
rejected(jwt($secret, claims(email => 'x' x 4000)), qr/no user/, 'a user that is too long');
rejected(jwt($secret, claims(x => 'y' x 9000)), qr/too long/, 'a long token');
is(status_of(jwt($secret, claims(x => 'y' x 20_000)))->{status}, 431, 'a huge one: 431');
rejected($_, qr/malformed|signature/, 'no token: ' . substr($_, 0, 12)) for 'x', '..', 'a.b.c', "$header.$body", "$header.$body.", base64url('{}') . '..';
my $basic = $rest->call(GET => $rest->databases, undef, headers => { Authorization => 'Basic dTpw' });
is($basic->{status}, 401, 'another scheme');
my $token = jwt($secret, claims());
is($rest->raw("GET $_ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\nAuthorization: Bearer $token\r\nConnection: close\r\n\r\n") =~ /^HTTP\/1.1 400 /,
	1, 'two Authorization headers: 400') for $rest->databases;
is($rest->call(GET => '/api/app-infra/audit', undef, token => jwt($secret, claims(scope => 'appinfra:administrator')))->{status}, 403,
	'a scope that only begins like the administrator\'s');
is($rest->call(GET => '/api/app-infra/audit', undef, token => jwt($secret, claims(scope => [ 'x', 'appinfra:admin' ])))->{status}, 200,
	'scopes in a list');

# --- other keys, while it runs -----------------------------------------------------------------------------
unlink "$dir/hs.key";
append_to_file("$dir/hs.key", "another secret for HS256, of 32 bytes and more\n");
$rest->process->signal('HUP');
$rest->process->wait_for_log(qr/read again/);
my $waited = 0;
until (status_of(jwt($secret, claims()))->{status} == 401)
{
	die 'the old key is still good' if $waited++ > 200;
	Time::HiRes::sleep(0.02);
}
admitted(jwt('another secret for HS256, of 32 bytes and more', claims()), 'SIGHUP: the new key counts, the old one no more');
unlink "$dir/hs.key";
append_to_file("$dir/hs.key", "short\n");
$rest->process->signal('HUP');
$rest->process->wait_for_log(qr/not reloaded.*32 bytes/);
admitted(jwt('another secret for HS256, of 32 bytes and more', claims()), 'a key that is none leaves all as it was');
is($rest->process->stop, 0, 'it ends well');

# --- TLS ---------------------------------------------------------------------------------------------------
my $authority = Appinfra::Certificates->new;
my $certificate = $authority->issue('door', 'IP:127.0.0.1');
my $next = $authority->issue('next', 'IP:127.0.0.1');
my $secure = Appinfra::Rest->start($host, key => "$dir/rsa.pem",
	args => [ "--tls-cert=$certificate", "--tls-key=$certificate" ]);
$secure->{curl_url} = 'https://' . $secure->address;
my $signed = sign_with_openssl("$dir/rsa.key", claims(), 'RS256');
my @curl = ($secure->databases, '--cacert', $authority->file, '-H', "Authorization: Bearer $signed");
my ($exit, $status, $content) = $secure->curl(@curl);
is("$exit $status", '0 200', 'TLS: served') or diag $content;
($exit) = $secure->curl(@curl, '--tls-max', '1.1');
isnt($exit, 0, 'TLS 1.1: not served');
is($secure->raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") =~ /200/ ? 'served' : 'not served', 'not served', 'in clear: not served');

# Which certificate a new connection gets.
sub fingerprint
{
	my $out = `openssl s_client -connect @{[$secure->address]} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256`;
	return $out;
}
my $first = fingerprint();
like($first, qr/Fingerprint=/, 'it has a certificate');
unlink $certificate;
append_to_file($certificate, slurp_file($next));
$secure->process->signal('HUP');
$secure->process->wait_for_log(qr/read again/);
$waited = 0;
while (fingerprint() eq $first)
{
	die 'the old certificate is still shown' if $waited++ > 100;
}
isnt(fingerprint(), $first, 'SIGHUP: another certificate');
unlink $certificate;
append_to_file($certificate, "nonsense\n");
$secure->process->signal('HUP');
$secure->process->wait_for_log(qr/not reloaded/);
($exit, $status) = $secure->curl(@curl);
is("$exit $status", '0 200', 'a certificate that is none leaves all as it was');
is($secure->process->stop, 0, 'it ends well');

# --- doors that do not open ---------------------------------------------------------------------------------
append_to_file("$dir/small.key", "0123456789\n");
run_quietly("openssl genrsa -out $dir/weak.key 1024");
run_quietly("openssl rsa -in $dir/weak.key -pubout -out $dir/weak.pem");
my @closed = (
	[ ['--listen=127.0.0.1:0'], qr/--listen needs --jwt-keys/, 'without keys' ],
	[ [ '--listen=127.0.0.1:0', "--jwt-keys=$dir/small.key" ], qr/32 bytes/, 'a secret that is too short' ],
	[ [ '--listen=127.0.0.1:0', "--jwt-keys=$dir/weak.pem" ], qr/2048 bits/, 'an RSA key that is too short' ],
	[ [ '--listen=127.0.0.1:0', "--jwt-keys=$dir/rsa.key" ], qr/not a PEM public key/, 'a private key' ],
	[ [ '--listen=0.0.0.0:0', "--jwt-keys=$dir/rsa.pem" ], qr/needs --tls-cert/, 'an address of the network without TLS' ],
	[ [ '--listen=127.0.0.1:http', "--jwt-keys=$dir/rsa.pem" ], qr/must be ADDRESS:PORT/, 'an address that is none' ],
	[ [ '--listen=127.0.0.1:0', "--jwt-keys=$dir/rsa.pem", "--tls-cert=$certificate" ], qr/go together/, 'a certificate without a key' ],
	[ [ '--listn=127.0.0.1:0' ], qr/did you mean --listen\?/, 'a slip of the pen' ]);
for my $each (@closed)
{
	my ($args, $message, $name) = @$each;
	my $process = $host->start_sidecar(name => 'closed', args => $args);
	is($process->wait_end(20) >> 8, 2, "$name: exit code 2");
	like($process->log, $message, '  and why');
}
done_testing();
