# Owns many clients at once, each a process that logs in, runs one query (or a transaction), and
# comes again as fast as it can, also when it is refused. What each saw is written to a file.
#
#   my $crowd = Appinfra::Crowd->start(50, sub { $dsn }, dir => $dir);    # the DSN is asked for each time
#   $crowd->wait_for_logins;            # every client has been in
#   $crowd->stop;
#   my @seen = $crowd->seen;            # {client, began, ok, user, error}, times as of time()
# An entry is ok when login and query succeeded; began is when its login did.
package Appinfra::Crowd;

use strict;
use warnings;
use Carp;
use POSIX qw(_exit);
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wire;

my %running;

# Starts n clients. dsn returns the DSN to use; sql, given a client's number, the query.
sub start
{
	my ($class, $n, $dsn, %args) = @_;
	my $self = bless { dir => $args{dir} . '/crowd.' . int(rand 1e9), pids => [] }, $class;
	mkdir $self->{dir} or croak "$self->{dir}: $!";
	for my $client (1 .. $n)
	{
		my $pid = fork() // croak "fork: $!";
		_client($self->{dir}, $client, $dsn, $args{sql} // sub { 'SELECT 1' }, $args{pause} // 0)
		  if $pid == 0;
		push @{ $self->{pids} }, $pid;
		$running{$pid} = 1;
	}
	return $self;
}

# In the child: until the file "stop" is there, or the test has gone.
sub _client
{
	my ($dir, $client, $dsn, $sql, $pause) = @_;
	my $parent = getppid;
	local $SIG{TERM} = sub { _exit(0) };
	eval {
		open my $out, '>', "$dir/$client" or die;
		$out->autoflush(1);
		srand($client);
		while (!-e "$dir/stop" && getppid == $parent)
		{
			my $began = time;
			my $user = '?';
			my $ok = eval {
				my $part = parse_dsn($dsn->());
				$user = $part->{user};
				my $session = Appinfra::Wire->login($part);
				$session->query($sql->($client));
				$session->close;
				1;
			};
			my $error = $ok ? '' : $@ =~ s/\s+/ /gr;
			printf $out "%.6f %d %s %s\n", $began, $ok ? 1 : 0, $user, $error;
			sleep $pause if $pause;
		}
	};
	_exit(0);
}

# Waits until every client has an entry that is ok and began after a time.
sub wait_for_logins
{
	my ($self, $since) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		my %in = map { $_->{client} => 1 } grep { $_->{ok} && $_->{began} > ($since // 0) } $self->seen;
		return if keys %in == @{ $self->{pids} };
		sleep 0.05;
	}
	croak 'not every client logged in';
}

# Waits until every client has an entry that began after a time.
sub wait_for_attempts
{
	my ($self, $since) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		my %tried = map { $_->{client} => 1 } grep { $_->{began} > $since } $self->seen;
		return if keys %tried == @{ $self->{pids} };
		sleep 0.05;
	}
	croak 'not every client has tried';
}

# Stops all of them, and waits for them.
sub stop
{
	my ($self) = @_;
	open my $stop, '>', "$self->{dir}/stop" or croak $!;
	close $stop;
	my $deadline = time + 20;
	for my $pid (@{ $self->{pids} })
	{
		until (waitpid $pid, POSIX::WNOHANG())
		{
			kill 'KILL', $pid if time > $deadline;
			sleep 0.01;
		}
		delete $running{$pid};
	}
	$self->{pids} = [];
	return;
}

# Returns what all clients have seen so far, in the order of time.
sub seen
{
	my ($self) = @_;
	my @seen;
	for my $file (glob "$self->{dir}/[0-9]*")
	{
		my ($client) = $file =~ m{(\d+)$};
		for (split /\n/, PostgreSQL::Test::Utils::slurp_file($file))
		{
			/^(\S+) ([01]) (\S+) ?(.*)$/ or next;
			push @seen, { client => $client, began => $1, ok => $2, user => $3, error => $4 };
		}
	}
	return sort { $a->{began} <=> $b->{began} } @seen;
}

END
{
	my $status = $?;
	kill 'KILL', keys %running;
	waitpid($_, 0) for keys %running;
	$? = $status;
}

1;
