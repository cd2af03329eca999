# Owns the programs beside the server that a test starts: the sidecar, the producer peer. Each has
# its standard output and error in one log file under the test's log directory, gets exactly the
# environment it is given, and is ended with the test, whatever happens.
#
#   my $p = Appinfra::Process->start(name => 'sidecar', env => {...}, command => [...]);
#   $p->wait_for_log(qr/ready/); $p->stop; $p->kill9; $p->alive; $p->log;
package Appinfra::Process;

use strict;
use warnings;
use Carp;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;

my %running;
my $count = 0;

# Starts a program and returns at once.
sub start
{
	my ($class, %args) = @_;
	my $test = $0 =~ s{.*/}{}r =~ s{\.pl$}{}r;
	my $log = sprintf('%s/%s_%s_%d.log', $PostgreSQL::Test::Utils::log_path,
		$test, $args{name}, ++$count);
	open my $out, '>', $log or croak "$log: $!";
	my $pid = fork() // croak "fork: $!";
	_exec($out, %args) if $pid == 0;
	my $self = bless { name => $args{name}, pid => $pid, logfile => $log }, $class;
	$running{$pid} = $self;
	return $self;
}

# In the child: nothing of the test's environment but PATH, and no END block of the test's.
sub _exec
{
	my ($out, %args) = @_;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>&', $out;
	open STDERR, '>&', \*STDOUT;
	%ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', %{ $args{env} // {} });
	{ no warnings 'exec'; exec { $args{command}[0] } @{ $args{command} }; }
	print STDERR "cannot run $args{command}[0]: $!\n";
	POSIX::_exit(127);
}

sub pid { return $_[0]{pid}; }
sub logfile { return $_[0]{logfile}; }
sub log { return PostgreSQL::Test::Utils::slurp_file($_[0]{logfile}); }

# Tells whether the program still runs; remembers its exit status when it does not.
sub alive
{
	my ($self) = @_;
	return 0 if defined $self->{status};
	my $got = waitpid($self->{pid}, WNOHANG);
	return 1 if $got == 0;
	$self->{status} = $?;
	delete $running{ $self->{pid} };
	return 0;
}

# Waits for the program's end and returns its wait status, or undef after the time-out (seconds).
sub wait_end
{
	my ($self, $timeout) = @_;
	my $deadline = time + ($timeout // $PostgreSQL::Test::Utils::timeout_default);
	while ($self->alive)
	{
		return undef if time > $deadline;
		sleep 0.02;
	}
	return $self->{status};
}

sub signal
{
	my ($self, $name) = @_;
	kill $name, $self->{pid} if $self->alive;
	return;
}

# Asks the program to end, and returns its wait status; kills it when it does not.
sub stop
{
	my ($self, $timeout) = @_;
	$self->signal('TERM');
	my $status = $self->wait_end($timeout // 30);
	return $status if defined $status;
	$self->kill9;
	croak "$self->{name} did not end when asked; its log is $self->{logfile}";
}

sub kill9
{
	my ($self) = @_;
	$self->signal('KILL');
	return $self->wait_end(10);
}

# Waits until the log matches; dies with the log's end when the program ends first or time is up.
sub wait_for_log
{
	my ($self, $pattern, $timeout) = @_;
	my $deadline = time + ($timeout // $PostgreSQL::Test::Utils::timeout_default);
	while (1)
	{
		my $ended = !$self->alive;
		my $log = $self->log;
		return $log if $log =~ $pattern;
		croak "$self->{name} never logged $pattern; its log:\n" . substr($log, -4000)
		  if $ended || time > $deadline;
		sleep 0.02;
	}
}

# Runs whatever way the test ends.
END
{
	my $status = $?;
	kill 'KILL', keys %running;
	waitpid($_, 0) for keys %running;
	$? = $status;
}

1;
