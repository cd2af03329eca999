# Owns the command `appinfra` as a person has it: run in a shell at a host's socket, in a terminal or
# not, and what it printed with all replaced that differs from run to run.
#
#   my $console = Appinfra::Console->start($host);        # a sidecar with the administrators' socket
#   my ($code, $out, $err) = $console->run('db', 'ls');
#   my $text = $console->shell('appinfra db ls | head -1'); # both outputs, made comparable
package Appinfra::Console;

use strict;
use warnings;
use Carp;
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Appinfra;
use Appinfra::Rest;

my $placeholder = '0123456789abcdef'; # of the id of a key

# Starts a sidecar whose socket's administrators are the group of the test. Options as of Appinfra::Rest.
sub start
{
	my ($class, $host, %args) = @_;
	my $socket = PostgreSQL::Test::Utils::tempdir_short() . '/socket';
	my $group = getgrgid((split / /, $))[0]);
	my $rest = Appinfra::Rest->start($host, %args, args => [ "--socket=$socket", "--socket-admin-group=$group", @{ $args{args} // [] } ],
		env => { APPINFRA_APPS => 'registered', %{ $args{env} // {} } });
	$rest->process->wait_for_log(qr/listening address=unix:/);
	my $home = PostgreSQL::Test::Utils::tempdir();
	return bless { host => $host, rest => $rest, socket => $socket, home => $home, ids => {} }, $class;
}

sub rest { return $_[0]{rest}; }
sub socket { return $_[0]{socket}; }
sub home { return $_[0]{home}; }

# Where the command is.
my $folder = dirname(Appinfra::sidecar_binary());
sub folder { return $folder; }

# The environment of a person at the host.
sub environment
{
	my ($self) = @_;
	return (PATH => folder() . ":$ENV{PATH}", HOME => $self->{home}, LC_ALL => 'C.UTF-8', TERM => 'xterm',
		APPINFRA_URL => "unix:$self->{socket}", PGCONNECT_TIMEOUT => 20);
}

# Runs the command; returns its exit code and what it wrote. A hash in front adds to the environment.
sub run
{
	my ($self, @arguments) = @_;
	my $env = ref $arguments[0] ? shift @arguments : {};
	my ($out, $err) = ('', '');
	local %ENV = ($self->environment, %$env);
	delete $ENV{$_} for grep { !defined $ENV{$_} } keys %ENV;
	IPC::Run::run([ folder() . '/appinfra', @arguments ], '<', \'', '>', \$out, '2>', \$err, IPC::Run::timeout(120));
	return ($? & 127 ? 'signal' : $? >> 8, $out, $err);
}

# What a line of shell prints, comparable, and its exit code.
sub shell
{
	my ($self, $line) = @_;
	my $out = '';
	$line =~ s/\b$placeholder\b/$self->{key} \/\/ $placeholder/ge;
	local %ENV = $self->environment;
	IPC::Run::run([ 'bash', '-c', $line ], '<', \'', '>&', \$out, IPC::Run::timeout(120));
	return ($self->comparable($out), $? >> 8);
}

# A number for each id, in the order in which they appear, as long as the id.
sub _numbered
{
	my ($self, $prefix, $id) = @_;
	my $ids = $self->{ids}{$prefix} //= {};
	$ids->{$id} //= 1 + keys %$ids;
	return $prefix . sprintf '%0*d', length($id), $ids->{$id};
}

# A text with ids, times, numbers of processes and secrets replaced by what is the same in each run.
sub comparable
{
	my ($self, $text) = @_;
	$text =~ s/\b(db-|buk-)([0-9a-f]{12,13})\b/$self->_numbered($1, $2)/ge;
	$text =~ s/:[A-Za-z0-9_-]{44}@/:********@/g;
	$self->{key} = $1 if $text =~ /\bacd_[a-z]+_([\w-]{16})_/;
	$text =~ s/\b(acd_[a-z]+_[\w-]{16}_)[\w-]{32}/$1********/g;
	$text =~ s/\Q$self->{key}\E/$placeholder/g if defined $self->{key};
	$text =~ s/^\d{16}\b/1234567890123456/mg;
	$text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/2026-01-02 03:04:05Z/g;
	$text =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)/2026-01-02T03:04:05Z/g;
	$text =~ s/\bin \d+\.\d s\b/in 0.1 s/g;
	my $port = $self->{host}->port;
	$text =~ s/\b$port\b/5432/g;
	$text =~ s/\Q$self->{socket}\E/\/run\/appinfra\/socket/g;
	my $account = getpwuid($>);
	$text =~ s/unix:$account\b/unix:root/g;
	return $text;
}

1;
