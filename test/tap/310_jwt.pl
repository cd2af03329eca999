# Bearer tokens: which let in, as whom, and the many that must not: another's signature, none, one
# algorithm's key used for another's, out of its time, of another audience, naming nobody, malformed.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Rest qw(base64url unsigned jwt sign_with_openssl);
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $user = 'user@example.com';
my $secret = 's' x 20 . 'ecrets' x 3;

sub openssl
{
	my (@arguments) = @_;
	my ($out, $err);
	IPC::Run::run([ 'openssl', @arguments ], '>', \$out, '2>', \$err) or die "openssl @arguments: $err";
	return;
}

sub key_pair
{
	my ($name, @how) = @_;
	openssl('genpkey', @how, '-out', "$dir/$name.key");
	openssl('pkey', '-in', "$dir/$name.key", '-pubout', '-out', "$dir/$name.pub");
	return;
}

sub write_file
{
	my ($name, $text) = @_;
	open my $out, '>', "$dir/$name.new" or die $!;
	print $out $text;
	close $out;
	rename "$dir/$name.new", "$dir/$name" or die $!;
	return "$dir/$name";
}

key_pair('rsa', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048));
key_pair('other_rsa', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048));
key_pair('ec', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256));
key_pair('weak', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:1024));
key_pair('p384', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384));
write_file('hs', "$secret\n");
my %pem = map { $_ => PostgreSQL::Test::Utils::slurp_file("$dir/$_.pub") } qw(rsa ec);

my $host = Appinfra->make('jwt', pool_size => 1);
$host->wait_for_pool(1);
my $all = Appinfra::Rest->start($host, key => "$dir/hs,$dir/rsa.pub,$dir/ec.pub", args => ['--rate-limit=0']);
my $rsa = Appinfra::Rest->start($host, key => "$dir/rsa.pub",
	args => [ '--rate-limit=0', '--jwt-audience=appinfra', '--jwt-issuer=https://issuer.example' ]);
my $databases = $all->databases;
my $mine = $host->provision(owner_user_id => $user, publish => 0)->{db_id};
my @tokens; # every token that was tried

sub claims
{
	my (%more) = @_;
	my %claims = (email => $user, exp => time + 600, %more);
	delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
	return \%claims;
}

# What a door says to a token that wants to see a database.
sub ask
{
	my ($rest, $token) = @_;
	push @tokens, $token;
	return $rest->call(GET => "$databases/$mine", undef, headers => { Authorization => "Bearer $token" });
}

sub enters
{
	my ($rest, $token, $name, $status) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = ask($rest, $token);
	is($answer->{status}, $status // 200, $name) or diag $answer->{content};
	return;
}

sub stays_out
{
	my ($rest, $token, $name, $detail) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = ask($rest, $token);
	refused($answer, 401, 'unauthenticated', $name, $detail);
	is($answer->{headers}{'www-authenticate'}, 'Bearer', '  and is asked for a token') if $answer->{status} == 401;
	ok($answer->{status} != 401 || length $token < 4 || index($answer->{content}, $token) < 0, '  which is not repeated');
	return;
}

sub hs { return jwt($secret, @_); }
sub header { return { alg => $_[0], typ => 'JWT' }; }

# --- who gets in ------------------------------------------------------------------------------------
enters($all, hs(claims()), 'HS256');
enters($all, sign_with_openssl("$dir/rsa.key", claims(), 'RS256'), 'RS256');
enters($all, sign_with_openssl("$dir/ec.key", claims(), 'ES256'), "ES256, $_") for 1 .. 4; # r and s vary in length
enters($all, hs(claims(email => undef, sub => $user)), 'the user is "sub" when there is no "email"');
enters($all, hs(claims(sub => 'someone-else')), '"email" goes before "sub"');
enters($all, hs(claims(email => 'other@example.com', sub => $user)), 'also when "sub" would be let in', 404);
enters($all, hs(claims(email => uc $user)), 'a user in other letters is another user', 404);
enters($all, hs(claims(exp => time - 30)), 'half a minute after its end');
enters($all, hs(claims(nbf => time + 30)), 'half a minute before its beginning');
enters($all, hs(claims(aud => 'anyone', iss => 'anyone')), 'any audience and issuer where none is configured');
enters($all, hs(claims(), { alg => 'HS256' }), 'a header without "typ"');
enters($all, hs(claims(), { alg => 'HS256', kid => '../../etc/passwd' }), 'a "kid" is not looked up');
my $lower = $all->call(GET => "$databases/$mine", undef, headers => { Authorization => 'bearer ' . hs(claims()) });
is($lower->{status}, 200, 'the scheme in other letters');
enters($all, hs(claims(email => 'root@example.com', scope => $_)), "admin by scope \"$_\"")
  for 'appinfra:admin', 'openid appinfra:admin email';
enters($all, hs(claims(email => 'root@example.com', scope => [ 'x', 'appinfra:admin' ])), 'admin by one scope of a list');
enters($all, hs(claims(email => 'root@example.com', scope => $_)), "no admin by scope \"$_\"", 404)
  for 'appinfra:administrator', 'xappinfra:admin', 'appinfra', 'APPINFRA:ADMIN', '';

# --- a member twice: two readers may take different ones --------------------------------------------------
for my $twice (
	"\"email\":\"nobody\@example.com\",\"email\":\"$user\"", "\"email\":\"$user\",\"scope\":\"x\",\"scope\":\"appinfra:admin\"",
	"\"email\":\"$user\",\"more\":{\"a\":1,\"a\":2}")
{
	stays_out($all, hs(sprintf '{"exp":%d,%s}', time + 600, $twice), 'a claim twice', qr/malformed/);
}
stays_out($all, jwt($secret, claims(), '{"alg":"HS256","typ":"JWT","alg":"HS256"}'), 'a member of the header twice', qr/malformed/);

# --- signatures ---------------------------------------------------------------------------------------
my $good = hs(claims());
my ($head, $body, $signature) = split /\./, $good;
stays_out($all, jwt('another' x 6, claims()), 'a wrong secret', qr/signature/);
stays_out($all, jwt("$secret\n", claims()), 'the secret with its newline', qr/signature/);
stays_out($all, "$head.$body.", 'no signature');
stays_out($all, "$head.$body", 'not even a dot');
stays_out($all, "$head." . base64url('{"email":"' . $user . '","exp":9999999999,"scope":"appinfra:admin"}') . ".$signature",
	"another token's signature", qr/signature/);
stays_out($all, "$head.$body." . substr($signature, 0, 20), 'half a signature', qr/signature/);
stays_out($all, sign_with_openssl("$dir/other_rsa.key", claims(), 'RS256'), 'another RSA key', qr/signature/);
for my $none (qw(none None NONE nOnE), '')
{
	my $unsigned = unsigned(header($none), claims());
	stays_out($all, "$unsigned$_", "algorithm \"$none\" with signature \"$_\"") for '.', '.' . $signature;
}
stays_out($all, unsigned({ typ => 'JWT' }, claims()) . ".$signature", 'no algorithm', qr/malformed/);

# --- algorithm confusion --------------------------------------------------------------------------------
for my $key (sort keys %pem)
{
	for my $text ($pem{$key}, $pem{$key} =~ s/\n\z//r)
	{
		for my $rest ($all, $rsa)
		{
			stays_out($rest, jwt($text, claims(aud => 'appinfra', iss => 'https://issuer.example')),
				"the public $key key as the secret of HS256");
		}
	}
}
my $as_rs = unsigned(header('RS256'), claims());
stays_out($all, "$as_rs." . base64url(hmac_sha256($as_rs, $secret)), 'RS256, signed with the secret');
my $as_hs = unsigned(header('HS256'), claims());
my $rs_signature = sign_with_openssl("$dir/rsa.key", claims(), 'RS256') =~ s/.*\.//r;
stays_out($all, "$as_hs.$rs_signature", 'HS256, signed with the RSA key');
stays_out($all, sign_with_openssl("$dir/rsa.key", claims(), 'PS256'), 'PS256 is not spoken');
stays_out($all, jwt($secret, claims(), header('RS256')), 'RS256 by name only');
my %longer = (HS384 => \&hmac_sha384, HS512 => \&hmac_sha512);
for my $algorithm (sort keys %longer)
{
	my $text = unsigned(header($algorithm), claims());
	stays_out($all, "$text." . base64url($longer{$algorithm}->($text, $secret)), "$algorithm with our secret is not our key's algorithm");
}
stays_out($rsa, hs(claims(aud => 'appinfra', iss => 'https://issuer.example')), 'HS256 where there is an RSA key only', qr/signature/);
stays_out($all, hs(claims(), { alg => 'HS256', crit => ['b64'], b64 => JSON::PP::false }), 'critical extensions', qr/malformed/);
my $jwk = { kty => 'oct', k => base64url('mine' x 10) };
stays_out($all, jwt('mine' x 10, claims(), { alg => 'HS256', jwk => $jwk }), 'a key that comes with the token', qr/signature/);

# --- times -------------------------------------------------------------------------------------------------
stays_out($all, hs(claims(exp => time - 120)), 'expired', qr/has expired/);
stays_out($all, hs(claims(exp => undef)), 'never expires', qr/no "exp"/);
stays_out($all, hs(claims(exp => 'tomorrow')), 'expires in words', qr/"exp" is not a number/);
stays_out($all, hs(claims(exp => -1)), 'expired before 1970', qr/has expired/);
stays_out($all, hs(claims(nbf => time + 120)), 'not valid yet', qr/not valid yet/);
stays_out($all, hs(claims(nbf => [])), 'valid from a list on', qr/"nbf" is not a number/);

# --- audience, issuer, user -----------------------------------------------------------------------------------
my %ours = (aud => 'appinfra', iss => 'https://issuer.example');
my $rs = sub { return sign_with_openssl("$dir/rsa.key", claims(%ours, @_), 'RS256'); };
enters($rsa, $rs->(), 'the audience and the issuer');
enters($rsa, $rs->(aud => [ 'a', 'appinfra' ]), 'one audience of two');
stays_out($rsa, $rs->(aud => $_), 'another audience', qr/another audience/) for 'other', 'appinfra2', '', [ 'a', 'b' ], [];
stays_out($rsa, $rs->(aud => undef), 'no audience', qr/another audience/);
stays_out($rsa, $rs->(iss => $_), 'another issuer', qr/another issuer/) for 'https://issuer.example/', undef;
stays_out($all, hs(claims(email => $_)), 'no user', qr/names no user/) for undef, '', "a\nb", 'x' x 1000;
stays_out($all, hs(claims(email => "$user\0")), 'a user and a zero byte');
stays_out($all, hs(claims(email => 7)), 'a number for a user', qr/names no user/);

# --- malformed ------------------------------------------------------------------------------------------------
my @malformed = (
	'', ' ', 'a', '.', '..', '...', 'a.b', 'a.b.c', "$good.$signature", "$head..$signature", ".$body.$signature",
	'!' x 40 . ".$body.$signature", base64url('[]') . ".$body.$signature", base64url('"HS256"') . ".$body.$signature",
	base64url('{"alg":"HS256"') . ".$body.$signature", base64url('{"alg":["HS256"]}') . ".$body.$signature");
stays_out($all, $_, "malformed: \"" . substr($_, 0, 12) . '"') for @malformed;
stays_out($all, hs($_), 'claims that are no object: ' . substr($_, 0, 20)) for '[]', '"text"', '7', '{', '', "\xff\xfe",
  '{"a":' x 500 . '1' . '}' x 500;
stays_out($all, hs(claims(padding => 'x' x 6500)), 'a huge token', qr/too long/);
refused(ask($all, hs(claims(padding => 'x' x 16000))), 431, 'header_too_large', 'one that is larger than a header may be');
my $asked = "GET $databases/$mine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
like($all->raw("${asked}Authorization: Bearer $good\r\nAuthorization: Bearer $good\r\n\r\n"), qr{^HTTP/1.1 400 }, 'two tokens');
for my $scheme ("Basic $good", $good, "Bearer$good", "Token $good", "Bearer, $good")
{
	refused($all->call(GET => "$databases/$mine", undef, headers => { Authorization => $scheme }), 401, 'unauthenticated',
		'as ' . substr $scheme, 0, 12);
}
refused($all->call(GET => "$databases/$mine?access_token=$good"), 401, 'unauthenticated', 'no token in the address');

# --- keys are read again; wrong ones are said to be ------------------------------------------------------------
my $next = 'n' x 20 . 'extkey' x 3;
write_file('hs', 'short');
$all->process->signal('HUP');
$all->process->wait_for_log(qr/not reloaded.*hs.*32 bytes/);
enters($all, $good, 'a key file that is no good any more changes nothing');
write_file('hs', $next);
$all->process->signal('HUP');
$all->process->wait_for_log(qr/token and CA read again/);
stays_out($all, $good, 'SIGHUP: the old key is gone', qr/signature/);
enters($all, jwt($next, claims()), 'and the new one is there');
push @tokens, $good, $secret, $next;

my %wrong = (
	"$dir/weak.pub" => qr/RSA key needs 2048 bits/, "$dir/p384.pub" => qr/P-256/, "$dir/rsa.key" => qr/not a PEM public key/,
	"$dir/none" => qr/none/, write_file('short', 'x' x 31) => qr/32 bytes at least/);
for my $file (sort keys %wrong)
{
	my $run = $host->start_sidecar(args => [ '--listen=127.0.0.1:0', "--jwt-keys=$file" ]);
	is($run->wait_end >> 8, 2, "$file: not started");
	like($run->log, $wrong{$file}, 'and told why');
	unlike($run->log, qr/PRIVATE|x{31}/, 'but not what is in it');
}

for my $each ($all, $rsa)
{
	my $log = $each->process->log;
	is_deeply([ grep { length > 20 && index($log, $_) >= 0 } @tokens ], [], 'no token and no key is in the log');
	is($each->process->stop, 0, 'SIGTERM: exit code 0');
}
done_testing();
