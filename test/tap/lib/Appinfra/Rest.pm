# Owns a sidecar with its doors open, and the ways to knock: a JSON client, curl, and raw sockets; and
# the making of bearer tokens, good and bad.
#
#   my $rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => {...});
#   my $answer = $rest->call(POST => '/api/app-infra/databases', { app_id => ... }, user => 'a@example.com');
#   $answer->{status}, $answer->{json}, $answer->{headers}, $answer->{content}
#   my $token = $rest->token({ email => 'a@example.com', exp => time + 60 });
#   my $text = $rest->raw("GET /healthz HTTP/1.1\r\n..."); 
package Appinfra::Rest;

use strict;
use warnings;
use Carp;
use Digest::SHA qw(hmac_sha256);
use Exporter 'import';
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;
use Appinfra;

our @EXPORT_OK = qw(base64url unsigned jwt sign_with_openssl);

my $databases = '/api/app-infra/databases';

# Starts `appinfrad serve` with a door on a free port of 127.0.0.1 and an HS256 key. Options: args,
# env (as of start_sidecar), key (a file; else one is made), listen. An app is the first one's who
# asks for it unless env has APPINFRA_APPS.
sub start
{
	my ($class, $host, %args) = @_;
	$host->control('GRANT appinfra_admin TO appinfra_sidecar');
	my $self = bless { host => $host, secret => 'k' x 20 . 'tests' x 5 }, $class;
	$self->{keys} = $args{key} // $self->_key_file;
	my @args = ('--listen=' . ($args{listen} // '127.0.0.1:0'), '--jwt-keys=' . $self->{keys}, @{ $args{args} // [] });
	$self->{process} = $host->start_sidecar(name => 'rest', args => \@args, env => { APPINFRA_APPS => 'open', %{ $args{env} // {} } });
	my $log = $self->{process}->wait_for_log(qr/listening address=\S+/);
	($self->{address}) = $log =~ /listening address=(\S+)/;
	return $self;
}

sub _key_file
{
	my ($self) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/hs256.key';
	PostgreSQL::Test::Utils::append_to_file($file, $self->{secret} . "\n");
	return $file;
}

sub process { return $_[0]{process}; }
sub address { return $_[0]{address}; }
sub url { return "http://$_[0]{address}"; }
sub databases { return $databases; }

# --- tokens --------------------------------------------------------------------------------------

sub base64url
{
	my ($bytes) = @_;
	return encode_base64($bytes, '') =~ tr{+/=}{-_}dr;
}

# The part of a token that is signed.
sub unsigned
{
	my ($header, $claims) = @_;
	return join '.', map { base64url(ref $_ ? JSON::PP->new->canonical->encode($_) : $_) } $header, $claims;
}

# A token signed with HMAC-SHA256.
sub jwt
{
	my ($secret, $claims, $header) = @_;
	my $signed = unsigned($header // { alg => 'HS256', typ => 'JWT' }, $claims);
	return "$signed." . base64url(hmac_sha256($signed, $secret));
}

# A token signed with a private key: RS256 or ES256.
sub sign_with_openssl
{
	my ($key_file, $claims, $algorithm) = @_;
	my $signed = unsigned({ alg => $algorithm, typ => 'JWT' }, $claims);
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $input = "$dir/signed";
	open my $out, '>', $input or croak $!;
	print $out $signed;
	close $out;
	system('openssl', 'dgst', '-sha256', '-sign', $key_file, '-out', "$dir/signature", $input) == 0 or croak 'openssl';
	my $signature = PostgreSQL::Test::Utils::slurp_file("$dir/signature");
	$signature = _plain_ecdsa($signature) if $algorithm eq 'ES256';
	return "$signed." . base64url($signature);
}

# r and s, 32 bytes each, of a DER signature.
sub _plain_ecdsa
{
	my ($der) = @_;
	my (undef, undef, undef, $r, undef, $s) = unpack 'C C C C/a C C/a', $der;
	return join '', map { my $n = s/^\0+//sr; "\0" x (32 - length $n) . $n } $r, $s;
}

# A good token of a user, with whatever other claims.
sub token
{
	my ($self, %claims) = @_;
	return jwt($self->{secret}, { exp => int(time) + 600, %claims });
}

# --- requests ------------------------------------------------------------------------------------

# Sends a request; content is encoded as JSON unless it is a text. Options: user, admin, token,
# headers. Without a user or token nobody is named.
sub call
{
	my ($self, $method, $path, $content, %args) = @_;
	my %headers = %{ $args{headers} // {} };
	my $token = $args{token};
	$token //= $self->token(email => $args{user}, $args{admin} ? (scope => 'other appinfra:admin') : ())
	  if defined $args{user};
	$headers{Authorization} = "Bearer $token" if defined $token;
	my %request = (headers => \%headers);
	if (defined $content)
	{
		$headers{'Content-Type'} //= 'application/json';
		$request{content} = ref $content ? encode_json($content) : $content;
	}
	my $answer = HTTP::Tiny->new(timeout => 60)->request($method, $self->url . $path, \%request);
	croak "$method $path: $answer->{content}" if $answer->{status} == 599;
	$answer->{json} = eval { decode_json($answer->{content}) };
	return $answer;
}

# Provisions a database for a user by the API; returns what it answered.
sub provision
{
	my ($self, %args) = @_;
	my $user = delete $args{user} // 'user@example.com';
	return $self->call(POST => $databases,
		{ app_id => 'app-12345678', owner_user_id => $user, slug => 'my-app', engine => 'postgres', %args },
		user => $user);
}

# Runs curl against the door; returns (exit code, status, body).
sub curl
{
	my ($self, $path, @args) = @_;
	my ($out, $err) = ('', '');
	my $url = ($self->{curl_url} // $self->url) . $path;
	IPC::Run::run([ 'curl', '-sS', '--max-time', '20', '-w', "\n%{http_code}", @args, $url ], '>', \$out, '2>', \$err);
	my $code = $? >> 8;
	my ($body, $status) = $out =~ /^(.*)\n(\d+)$/s;
	return ($code, $status, $body, $err);
}

# Opens a connection.
sub connect
{
	my ($self) = @_;
	return IO::Socket::INET->new(PeerAddr => $self->{address}, Timeout => 10) // croak "connect: $!";
}

# Sends bytes and returns all that comes until the other side closes, or undef after the seconds.
sub raw
{
	my ($self, $bytes, $seconds) = @_;
	my $socket = $self->connect;
	syswrite $socket, $bytes;
	return read_all($socket, $seconds);
}

# Reads until the end of the connection; undef when that does not come in time.
sub read_all
{
	my ($socket, $seconds) = @_;
	my ($all, $deadline) = ('', time + ($seconds // 20));
	while (1)
	{
		my $ready = '';
		vec($ready, fileno $socket, 1) = 1;
		my $left = $deadline - time;
		return undef if $left <= 0 || !select($ready, undef, undef, $left);
		my $got = sysread $socket, $all, 65536, length $all;
		return $all if !$got;
	}
}

# Resident memory of the sidecar, in KiB.
sub resident
{
	my ($self) = @_;
	my ($kib) = PostgreSQL::Test::Utils::slurp_file('/proc/' . $self->{process}->pid . '/status') =~ /^VmRSS:\s+(\d+)/m;
	return $kib;
}

1;
