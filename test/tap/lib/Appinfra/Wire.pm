# Owns a client that speaks PostgreSQL's protocol itself: thousands of logins without a psql for
# each, and logins that stop half-way. TCP, SCRAM-SHA-256, no TLS.
#
#   my $c = Appinfra::Wire->login($dsn, options => '-c work_mem=1MB');  # dies with the server's error
#   my $rows = $c->query('SELECT 1');       # an array of rows; dies on an error, or if the session ended
#   $c->close;
#   my $c = Appinfra::Wire->begin($dsn);    # up to the password's proof ...
#   $c->finish;                             # ... and the rest
# What dies, dies with "SQLSTATE message", or with "connection lost".
package Appinfra::Wire;

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use IO::Socket::INET;
use MIME::Base64;
use Appinfra::Dsn qw(parse_dsn);

my %salted;    # what a password becomes takes 4096 rounds, and is the same at every login

# Logs in and returns the session.
sub login
{
	my ($class, $dsn, %options) = @_;
	my $self = $class->begin($dsn, %options);
	$self->finish;
	return $self;
}

# Begins to log in: the server has asked for the proof of the password and waits for it.
sub begin
{
	my ($class, $dsn, %options) = @_;
	my $part = ref $dsn ? $dsn : parse_dsn($dsn);
	my $socket = IO::Socket::INET->new(
		PeerAddr => $part->{host}, PeerPort => $part->{port}, Proto => 'tcp')
	  or die "connection lost\n";
	my $self = bless { socket => $socket, buffer => '', password => $part->{password} }, $class;
	my $body = pack('N', 196608)
	  . join('', map { "$_\0" } user => $part->{user}, database => $part->{database}, %options) . "\0";
	$self->_write(pack('N', 4 + length $body) . $body);
	$self->_expect_authentication(10);
	$self->{nonce} = encode_base64(join('', map { chr int rand 256 } 1 .. 18), '');
	my $first = "n,,n=,r=$self->{nonce}";
	$self->_send('p', "SCRAM-SHA-256\0" . pack('N', length $first) . $first);
	$self->{server_first} = $self->_expect_authentication(11);
	return $self;
}

# Proves the password and waits until the session is ready.
sub finish
{
	my ($self) = @_;
	$self->prove;
	$self->wait_ready;
	return;
}

# Sends the proof of the password without waiting for what the server says.
sub prove
{
	my ($self) = @_;
	my ($nonce, $salt, $rounds) = $self->{server_first} =~ /^r=([^,]+),s=([^,]+),i=(\d+)/
	  or die "not SCRAM\n";
	my $key = $salted{"$self->{password} $salt $rounds"} //=
	  _salted($self->{password}, decode_base64($salt), $rounds);
	my $client = hmac_sha256('Client Key', $key);
	my $final = "c=biws,r=$nonce";
	my $signature =
	  hmac_sha256("n=,r=$self->{nonce},$self->{server_first},$final", sha256($client));
	$self->_send('p', "$final,p=" . encode_base64($client ^ $signature, ''));
	return;
}

# Waits until the session takes queries; dies with the error that keeps it from that.
sub wait_ready
{
	my ($self) = @_;
	while (1)
	{
		my ($type, $body) = $self->_read;
		return if $type eq 'Z';
		die _error($body) if $type eq 'E';
	}
}

# Runs SQL and returns the rows of all its results, each an array.
sub query
{
	my ($self, $sql) = @_;
	my (@rows, $error);
	$self->_send('Q', "$sql\0");
	while (1)
	{
		my ($type, $body) = $self->_read;
		push @rows, _row($body) if $type eq 'D';
		$error //= _error($body) if $type eq 'E';
		last if $type eq 'Z' || ($type eq 'E' && $error =~ /^57P0/);
	}
	die $error if defined $error;
	return \@rows;
}

# Sends SQL without waiting for its answer.
sub start_query
{
	my ($self, $sql) = @_;
	$self->_send('Q', "$sql\0");
	return;
}

# Waits until the server has ended the session, and returns the last error it gave.
sub wait_end
{
	my ($self) = @_;
	my $error = '';
	while (1)
	{
		my ($type, $body) = eval { $self->_read } or return $error;
		$error = _error($body) if $type eq 'E';
		die "the session answers\n" if $type eq 'D';
	}
}

sub close
{
	my ($self) = @_;
	eval { $self->_send('X', '') };
	close $self->{socket};
	return;
}

sub _salted
{
	my ($password, $salt, $rounds) = @_;
	my $last = my $sum = hmac_sha256($salt . pack('N', 1), $password);
	for (2 .. $rounds)
	{
		$last = hmac_sha256($last, $password);
		$sum ^= $last;
	}
	return $sum;
}

# Reads the authentication request of that kind and returns what it carries.
sub _expect_authentication
{
	my ($self, $kind) = @_;
	my ($type, $body) = $self->_read;
	die _error($body) if $type eq 'E';
	die "unexpected message $type\n" if $type ne 'R' || unpack('N', $body) != $kind;
	return substr $body, 4;
}

sub _row
{
	my ($body) = @_;
	my ($count, @row) = (unpack 'n', $body);
	my $at = 2;
	for (1 .. $count)
	{
		my $length = unpack 'l>', substr $body, $at, 4;
		$at += 4;
		push @row, $length < 0 ? undef : substr $body, $at, $length;
		$at += $length if $length > 0;
	}
	return \@row;
}

sub _error
{
	my ($body) = @_;
	my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { $_ ne '' } split /\0/, $body;
	return "$field{C} $field{M}\n";
}

sub _send
{
	my ($self, $type, $body) = @_;
	$self->_write($type . pack('N', 4 + length $body) . $body);
	return;
}

sub _write
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	# A server that ended the session has written why: that is to be read.
	syswrite $self->{socket}, $bytes;
	return;
}

# Returns the next message: its type and body.
sub _read
{
	my ($self) = @_;
	my ($type, $length) = unpack 'a N', $self->_bytes(5);
	return ($type, $self->_bytes($length - 4));
}

sub _bytes
{
	my ($self, $count) = @_;
	while (length $self->{buffer} < $count)
	{
		my $got = sysread $self->{socket}, $self->{buffer}, 8192, length $self->{buffer};
		die "connection lost\n" unless $got;
	}
	return substr $self->{buffer}, 0, $count, '';
}

1;
