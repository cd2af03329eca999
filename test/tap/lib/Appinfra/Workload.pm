# Owns callers of a host whose processes are killed: child processes that provision, rotate, revoke, restore,
# deprovision and write, each for apps of its own, some of it rolled back, until they are told to stop. Each
# keeps a journal of what it asked for and what it was told; a call that was cut off has code 2.
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

# The databases of the caller's app that have a status: the calls choose by it themselves.
my $in = sub { return "FROM appinfra.databases d WHERE app_id = '$_[0]' AND status IN ($_[1]) ORDER BY created_at LIMIT 1"; };

# Each operation with its weight, and its SQL, which gives rows "db_id|more" of what it did.
my @operations = (
	[ 6, 'rotate_credential', sub { "SELECT db_id, count(r) FROM (SELECT db_id, appinfra.rotate_credential(db_id) r " . $in->($_[0], "'ready'") . ') s GROUP BY 1' } ],
	[ 4, 'issue_credential', sub { "SELECT db_id, (c).url FROM (SELECT db_id, appinfra.issue_credential(db_id, 'owner') c " . $in->($_[0], "'ready'") . ' OFFSET 0) s' } ],
	[ 2, 'create_service_user', sub { "SELECT db_id, count(r) FROM (SELECT db_id, appinfra.create_service_user(db_id, 'svc', 'host') r " . $in->($_[0], "'ready'") . ') s GROUP BY 1' } ],
	[ 1, 'drop_service_user', sub { "SELECT db_id, appinfra.drop_service_user(db_id, 'svc', 'host') " . $in->($_[0], "'ready'") } ],
	[ 2, 'revoke_credential', sub { "SELECT db_id, c.username, appinfra.revoke_credential(c.username, 'chaos') FROM appinfra.credentials c JOIN appinfra.databases d USING (db_id)"
			  . " WHERE d.app_id = '$_[0]' AND target IS NULL AND state = 'active' LIMIT 1" } ],
	[ 2, 'revoke_tenant', sub { 'SELECT db_id, appinfra.revoke_tenant(db_id) ' . $in->($_[0], "'ready'") } ],
	[ 3, 'restore_tenant', sub { "SELECT db_id, count(r) FROM (SELECT db_id, appinfra.restore_tenant(db_id) r " . $in->($_[0], "'revoked', 'retained'") . ') s GROUP BY 1' } ],
	[ 2, 'deprovision_tenant', sub { "SELECT db_id, appinfra.deprovision_tenant(db_id, retain => '10 min') " . $in->($_[0], "'ready', 'revoked'") } ]);

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
		my $call = rand() < 0.15 && @urls ? _write($host, $urls[ rand @urls ], ++$number) : $self->_call($host, $app, ++$number);
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
	my ($op, $sql) = rand() < 0.3 ? ('provision_tenant', _provision($app, $number)) : _choose($app);
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

# A claim, with one variable or two; half of them with a key, which another call of this app may bring again.
sub _provision
{
	my ($app, $number) = @_;
	my $env = rand() < 0.5 ? '{"DATABASE_URL":"owner"}' : '{"DATABASE_URL":"writer","REPORTS_URL":"reader"}';
	my $key = rand() < 0.5 ? ", idempotency_key => '$app-" . int($number / 40) . "-" . length($env) . "'" : '';
	return "SELECT db_id, status FROM appinfra.provision_tenant('$app', 'owner\@example.com', '$app', env => '$env'$key)";
}

sub _choose
{
	my ($app) = @_;
	my $sum = 0;
	$sum += $_->[0] for @operations;
	my $dice = rand $sum;
	for my $operation (@operations)
	{
		$dice -= $operation->[0];
		return ($operation->[1], $operation->[2]->($app)) if $dice < 0;
	}
	return;
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

sub _told
{
	my ($code, $out, $err, %call) = @_;
	return { %call, code => $code, rows => [ split /\n/, $out ], states => [ $err =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}):/g ],
		error => $err };
}

1;
