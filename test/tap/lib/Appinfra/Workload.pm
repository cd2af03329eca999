# Owns callers of a host whose processes are killed: child processes that do what Appinfra::Operations has,
# write as tenants and try what is closed to them, each for apps of its own, some of it rolled back, until they are
# told to stop. Each keeps a journal of what it asked for and what it was told; a call that was cut off has code 2.
#
#   my $work = Appinfra::Workload->start($host, seed => 7, callers => 3, apps => 17);
#   $work->turn_to($other);          # the calls that begin from now on go there
#   $work->stop; for my $call ($work->calls) { ... }   # {op, app, code, rows, states, kind, turn}
package Appinfra::Workload;

use strict;
use warnings;
use Carp;
use File::Temp;
use IPC::Run;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);
use Appinfra;
use Appinfra::Dsn qw(dsn_psql);
use Appinfra::Operations qw(operation provision);

# Starts the callers.
sub start
{
	my ($class, $host, %args) = @_;
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir(), turn => 0, %args }, $class;
	$self->turn_to($host);
	for my $caller (1 .. $args{callers})
	{
		my $pid = fork() // croak "fork: $!";
		if ($pid == 0)
		{
			eval { $self->_run($caller); 1 } or print STDERR "caller $caller: $@";
			POSIX::_exit(0);
		}
		push @{ $self->{pids} }, $pid;
	}
	return $self;
}

# Lets the callers go to another host from now on.
sub turn_to
{
	my ($self, $host) = @_;
	$self->{turn}++;
	my $file = "$self->{dir}/host";
	open my $out, '>', "$file.new" or croak "$file: $!";
	print $out encode_json({ turn => $self->{turn}, connstr => $host->connstr('control'), port => $host->port });
	close $out;
	rename "$file.new", $file or croak "$file: $!";
	return;
}

# Lets each caller end its call, and waits for it.
sub stop
{
	my ($self) = @_;
	open my $out, '>', "$self->{dir}/stop" or croak $!;
	close $out;
	waitpid $_, 0 for @{ $self->{pids} };
	return;
}

# What was called, in the order of the callers' journals.
sub calls
{
	my ($self) = @_;
	return map { map { decode_json($_) } slurp_file($_) =~ /^(.*)\n/mg } sort glob "$self->{dir}/journal.*";
}

# One caller.
sub _run
{
	my ($self, $caller) = @_;
	srand($self->{seed} * 1000 + $caller);
	open my $journal, '>>', "$self->{dir}/journal.$caller" or croak $!;
	$journal->autoflush(1);
	my ($number, @urls) = (0);
	until (-e "$self->{dir}/stop")
	{
		my $app = "app-$caller-" . (1 + int rand $self->{apps});
		my $host = decode_json(slurp_file("$self->{dir}/host"));
		my $dice = @urls ? rand : 1;
		my $call = $dice < 0.12 ? _write($host, $urls[ rand @urls ], ++$number)
		  : $dice < 0.16 ? _trespass($host, $urls[ rand @urls ]) : $self->_call($host, $app, ++$number);
		push @urls, map { { url => (split /\|/)[1], db_id => (split /\|/)[0] } } @{ $call->{rows} } if $call->{op} eq 'issue_credential';
		print $journal encode_json({ %$call, turn => $host->{turn}, time => time }), "\n";
		sleep 0.05 if $call->{code} == 2;
	}
	return;
}

# Calls one of the functions as superuser.
sub _call
{
	my ($self, $host, $app, $number) = @_;
	my ($op, $sql) = rand() < 0.3 ? ('provision_tenant', provision($app, $number)) : operation($app, buckets => $self->{buckets}, keys => $self->{keys});
	my $dice = rand;
	my $kind = $dice < 0.1 ? 'rolled back' : $dice < 0.2 ? 'in a savepoint' : 'plain';
	my $script = $kind eq 'plain' ? "$sql;" : $kind eq 'rolled back' ? "BEGIN; $sql; ROLLBACK;" : "BEGIN; SAVEPOINT a; $sql; ROLLBACK TO a; \\echo --\n$sql; COMMIT;";
	my ($out, $err) = ('', '');
	my $input = File::Temp->new;
	print $input $script;
	close $input;
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-f', $input->filename, $host->{connstr} ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$out =~ s/.*^--\n//ms;
	return _told($? >> 8, $out, $err, op => $op, app => $app, kind => $kind,
		key => $op eq 'provision_tenant' && $sql =~ /idempotency_key => '([^']+)'/ ? $1 : undef);
}

# Writes into a database that it has a login of, which database that is.
sub _write
{
	my ($host, $login, $number) = @_;
	my $mark = "$login->{db_id} $number $$";
	my ($code, $out, $err) = dsn_psql($login->{url},
		"SET client_min_messages = error; CREATE TABLE IF NOT EXISTS marks (mark text); INSERT INTO marks VALUES ('$mark')",
		PGPORT => $host->{port});
	return _told($code, $mark, $err, op => 'write', app => $login->{db_id}, kind => 'plain');
}

# What no tenant may do: each of these is refused, whatever goes on.
my @closed = (
	[ "COPY (SELECT 1) TO PROGRAM 'true'" ], [ "COPY (SELECT 1) TO '/dev/null'" ], [ "SELECT pg_read_file('/etc/hostname')" ],
	[ "SELECT lo_import('/etc/hostname')" ], [ 'CREATE EXTENSION dblink' ], [ "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'pg_backend_pid'" ],
	[ "SELECT pg_terminate_backend(1)" ], [ 'SELECT rolpassword FROM pg_authid' ], [ 'SET session_preload_libraries = x' ],
	[ 'SELECT 1', PGDATABASE => 'control' ], [ 'SELECT 1', PGDATABASE => 'postgres' ], [ 'SELECT 1', PGDATABASE => 'template1' ]);

sub _trespass
{
	my ($host, $login) = @_;
	my ($sql, %other) = @{ $closed[ rand @closed ] };
	my ($code, $out, $err) = dsn_psql($login->{url}, $sql, PGPORT => $host->{port}, %other);
	return _told($code, $sql, $err, op => 'trespass', app => $login->{db_id}, kind => 'plain');
}

sub _told
{
	my ($code, $out, $err, %call) = @_;
	return { %call, code => $code, rows => [ split /\n/, $out ], states => [ $err =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}):/g ],
		error => $err };
}

1;
