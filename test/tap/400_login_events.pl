# Logins in the audit log: those that succeed, fail or are refused each have their row;
# a flood of them is counted exactly and makes few rows; a stop of the server loses none.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wire;
use JSON::PP;
use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('login_events', pool_size => 2,
	conf => "appinfra.tenant_connection_limit = 3\n");
$host->safe_psql('postgres', 'CREATE DATABASE plain');
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0);
my $dsn = parse_dsn($tenant->{url});

my $mark = 0;    # rows up to here have been looked at

# Forgets what happened so far.
sub begin { return $mark = $host->control('SELECT coalesce(max(id), 0) FROM appinfra.audit'); }

# Waits until so many logins have been counted since begin(), and returns the rows.
sub rows
{
	my ($count) = @_;
	my $new = "id > $mark AND action = 'login'";
	$host->wait_until("SELECT sum(coalesce((detail->>'count')::bigint, 1)) >= $count "
		  . "FROM appinfra.audit WHERE $new", "$count logins in the audit log");
	return map { decode_json($_) }
	  split /\n/, $host->control("SELECT row_to_json(a) FROM appinfra.audit a WHERE $new ORDER BY id");
}

sub describe
{
	my ($row) = @_;
	return join ' ', map { $_ // '-' } @$row{qw(outcome db_id credential database client_address actor)},
	  @{ $row->{detail} // {} }{qw(rule object)};
}

sub attempt
{
	my (%other) = @_;
	return eval { Appinfra::Wire->login({ %$dsn, %other })->close; 1 } ? 'in' : $@;
}

sub is_reported
{
	my ($expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @rows = rows(1);
	is_deeply([ map { describe($_) } @rows ], [$expected], $name);
	return $rows[0];
}

# --- each kind --------------------------------------------------------------------------------------
my ($id, $name, $database) = @$tenant{qw(db_id username database)};

begin();
my $started = $host->control('SELECT clock_timestamp()');
is(attempt(application_name => 'shop'), 'in', 'a tenant logs in');
my $row = is_reported("done $id $name $database 127.0.0.1 $name - -", '... and that is a row');
is($host->control("SELECT '$row->{time}' BETWEEN timestamptz '$started' AND clock_timestamp()"), 't', '... with its time');

begin();
like(attempt(password => 'wrong'), qr/^28P01/, 'a wrong password');
is_reported("failed - $name $database 127.0.0.1 - password -", '... failed, for the address');

begin();
like(attempt(user => 'hunter2'), qr/^28P01/, 'a name that no role has');
is_reported("failed - - $database 127.0.0.1 - unknown_user -",
	'... is not kept: it may be a password in the wrong field');
is($host->control("SELECT count(*) FROM appinfra.audit a WHERE a::text LIKE '%hunter2%'"), '0', '... nowhere');

begin();
like(attempt(database => 'plain'), qr/^42501/, 'another database');
is_reported("refused $id $name plain 127.0.0.1 $name login_database -", '... is refused, by a rule');

begin();
my @held = map { Appinfra::Wire->login($dsn) } 1 .. 3;
like(attempt(), qr/^53300/, 'one connection too many');
is_deeply(
	[ map { describe($_) } rows(4) ],
	[ ("done $id $name $database 127.0.0.1 $name - -") x 3,
		"refused $id $name $database 127.0.0.1 $name server 53300" ],
	'... is not done, but refused by the server');
$_->close for @held;
$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '$name'");

begin();
like(attempt(user => 'postgres', database => 'none', password => 'x'), qr/^28P01/, 'the superuser by guessing');
rows(1);

open my $hba, '<', $host->data_dir . '/pg_hba.conf' or die $!;
my @lines = <$hba>;
open $hba, '>', $host->data_dir . '/pg_hba.conf' or die $!;
print $hba "host plain all 127.0.0.1/32 reject\n", @lines;
close $hba;
$host->reload;
begin();
like(attempt(database => 'plain'), qr/^28000/, 'a connection that pg_hba.conf rejects');
is_reported('failed - - plain 127.0.0.1 - server 28000', '... failed, before it could give a password');

# --- successes can be switched off ----------------------------------------------------------------
$host->append_conf('postgresql.conf', 'appinfra.audit_logins = off');
$host->reload;
$host->wait_until("SELECT current_setting('appinfra.audit_logins') = 'off'");
begin();
is(attempt(), 'in', 'audit_logins = off: a tenant logs in');
like(attempt(password => 'wrong'), qr/^28P01/, '... and another fails');
is_reported("failed - $name $database 127.0.0.1 - password -", '... which alone is a row');

# --- a flood ----------------------------------------------------------------------------------------
my ($clients, $each) = (8, 100);
begin();
flood($clients, sub { attempt(password => 'wrong'); attempt(user => "nobody$_[0]"); });
my @rows = rows(2 * $clients * $each);
my %count;
$count{ $_->{detail}{rule} } += $_->{detail}{count} // 1 for @rows;
is_deeply(\%count, { password => $clients * $each, unknown_user => $clients * $each },
	'of 1,600 failed logins each is counted, once');
cmp_ok(scalar @rows, '<', 120, '... in few rows: ' . @rows);
my ($folded) = grep { $_->{detail}{count} && $_->{detail}{rule} eq 'unknown_user' } @rows;
is($folded->{client_address}, '127.0.0.1', 'a count says where from');
ok($folded->{detail}{since} le $folded->{time}, '... and of what time');

# --- a stop ----------------------------------------------------------------------------------------
$host->append_conf('postgresql.conf', 'appinfra.audit_logins = on');
$host->reload;
begin();
flood(4, sub { attempt(password => 'wrong') });
$host->stop('fast');
$host->start;
is($host->control("SELECT sum(coalesce((detail->>'count')::bigint, 1)) FROM appinfra.audit "
	  . "WHERE id > $mark AND action = 'login' AND outcome = 'failed'"),
	'400', 'what was counted when the server was stopped is there after the start');

done_testing();

# Runs the body 100 times in each of so many processes.
sub flood
{
	my ($processes, $body) = @_;
	my @pids;
	for my $process (1 .. $processes)
	{
		my $pid = fork() // die "fork: $!";
		if ($pid == 0)
		{
			$body->($_) for 1 .. 100;
			_exit(0);
		}
		push @pids, $pid;
	}
	waitpid $_, 0 for @pids;
	return;
}
