# Disasters in the middle of work on many apps (three times APPINFRA_RESTORE_APPS, which is 4; `make check-restores`: 51 in all): a restore to a point in time, a second one to the same point, and
# an asynchronous failover of what came out of it. A minute after its sidecar is back each app's variables log
# in, those that were first bound after the point included; no former login does, and no number is used twice.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Journal;
use Appinfra::Logins qw(failed_logins);
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Timelines qw(snapshot contradictions wait_until_healed unusable);
use Appinfra::Wait qw(wait_for);
use Appinfra::Workload;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my %conf = (init => { allows_streaming => 1, has_archiving => 1 }, conf => "archive_timeout = 1\n");
my $primary = Appinfra->make('primary', pool_size => 6, %conf);
my $peer = Appinfra::Peer->start;
my $sidecar = $primary->start_sidecar(env => $peer->sidecar_env);
my $per_caller = $ENV{APPINFRA_RESTORE_APPS} || 4;
my @apps = map { my $caller = $_; map { "app-$caller-$_" } 1 .. $per_caller } 1 .. 3;
$primary->provision(app_id => $_, slug => $_) for @apps;
wait_until_settled($primary);
$primary->backup('base');
my (@snapshots, @issued);
my $seed = 0;

# Lets callers work on a host, and does something once this many of their calls are through.
sub work_on
{
	my ($host, @steps) = @_;
	my $work = Appinfra::Workload->start($host, seed => ++$seed, callers => 3, apps => $per_caller);
	my $done = sub { return scalar grep { $_->{code} == 0 && @{ $_->{rows} } } $work->calls; };
	while (my ($calls, $step) = splice @steps, 0, 2)
	{
		wait_for("$calls calls", sub { $done->() >= $calls });
		$step->();
	}
	$work->stop;
	push @issued, Appinfra::Journal->new($work->calls)->urls;
	return;
}

# Runs an appinfrad command on a host as its superuser; returns its code and its output.
sub appinfrad
{
	my ($host, @command) = @_;
	local $ENV{APPINFRA_DATABASE_URL} = 'host=' . $host->host . ' port=' . $host->port . ' dbname=control';
	my ($out, $err) = ('', '');
	IPC::Run::run([ Appinfra::sidecar_binary(), @command ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out . $err);
}

# Exports the audit log of a host. Only sealed rows are exported, so all must be.
sub export
{
	my ($host) = @_;
	$host->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'all to be sealed');
	my $file = $host->basedir . '/export';
	open my $out, '>', $file or die "$file: $!";
	print $out((appinfrad($host, 'audit'))[1]);
	close $out;
	return $file;
}

# The DSNs of a host that are of no use there any more: it has revoked them.
sub revoked
{
	my ($host) = @_;
	my %revoked = map { $_ => 1 } split /\n/, $host->control("SELECT username FROM appinfra.credentials WHERE state IN ('revoked', 'gone')");
	return grep { $revoked{ parse_dsn($_)->{user} } } published(), @issued;
}

sub published { return grep { /^postgres/ } map { values %{ $_->{body}{set} // {} } } $peer->requests; }

# What is stored at the producer, and the host has never heard of: "target variable".
sub unknown
{
	my ($host) = @_;
	my %known = map { $_ => 1 } split /\n/, $host->control('SELECT target || $$ $$ || variable FROM appinfra.variable');
	my $store = $peer->store;
	return grep { !$known{$_} } map { my $target = $_; map { "$target $_" } grep { defined $store->{$target}{$_}{value} } keys %{ $store->{$target} } } sort keys %$store;
}

# Makes again, as the runbook has it, what was first bound after the point.
sub make_again
{
	my ($host) = @_;
	for my $name (unknown($host))
	{
		my ($target, $variable) = split / /, $name;
		my ($app) = split /\//, $target;
		$host->provision(app_id => $app, slug => $app, env => { $variable => 'reader' }) if $target eq $app;
	}
	for my $app (grep { defined } map { m{^([^/ ]+)/svc/svc/host PGUSER$} } unknown($host))
	{
		my $db_id = $host->control("SELECT db_id FROM appinfra.databases WHERE app_id = '$app' AND status = 'ready' ORDER BY created_at LIMIT 1")
		  || $host->provision(app_id => $app, slug => $app, env => { SVC_URL => 'owner' })->{db_id};
		$host->control("SELECT appinfra.create_service_user('$db_id', 'svc', 'host')");
	}
	return;
}

# A minute after the sidecar is back all is well. What is dead is tried, and what the producer does not hold any more.
sub is_well
{
	my ($host, $since, @dead) = @_;
	wait_until_healed($host);
	make_again($host);
	wait_until_settled($host);
	my @revoked = split /\n/, $host->control("SELECT target FROM appinfra.bindings JOIN appinfra.databases USING (db_id) WHERE status = 'revoked' AND NOT ended");
	is_deeply([ unusable($host, $peer, @revoked) ], [], "every app's stored DSN logs in, and others hold nothing");
	is_deeply([ grep { !/_PORT|PG(?!USER)/ } unknown($host) ], [], 'and the host knows all that is stored');
	cmp_ok(time - $since, '<', 60, 'within a minute');
	my $store = $peer->store;
	my %held = map { $_ => 1 } grep { defined } map { my $target = $_; map { $store->{$target}{$_}{value} } keys %{ $store->{$target} } } keys %$store;
	my $port = $host->port;
	my %dsns = map { $_ => s/:\d+\//:$port\//r } grep { !$held{$_} } published(), @dead;
	cmp_ok(scalar keys %dsns, '>', $per_caller, 'many have been replaced');
	my %failed = map { $_ => 1 } failed_logins($host, \%dsns);
	is_deeply([ map { parse_dsn($_)->{user} } grep { !$failed{$_} } sort keys %dsns ], [], 'of which none logs in');
	push @snapshots, snapshot($host);
	is_deeply([ contradictions($peer, @snapshots) ], [], 'versions and ids never fell, and name one thing each');
	return;
}

# --- a point in the middle of work --------------------------------------------------------------------------------
my ($point, @exports, @dead);
work_on($primary, $per_caller * 4 => sub { $point = $primary->control('SELECT clock_timestamp()') }, $per_caller * 9 => sub { });
wait_until_settled($primary);
push @snapshots, snapshot($primary);
push @exports, export($primary);
@dead = revoked($primary);
$sidecar->stop;
$primary->control('SELECT pg_switch_wal()');
$primary->stop('fast');

# --- restored, twice to the same point ---------------------------------------------------------------------------
my $host;
for my $name (qw(first second))
{
	$host = Appinfra->new($name);
	$host->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
	$host->append_conf('postgresql.conf', 'appinfra.public_port = ' . $host->port . "\nrecovery_target_time = '$point'\nrecovery_target_action = 'promote'\n");
	$host->start;
	$host->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	$host->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');
	for my $file (@exports)
	{
		my ($code, $out) = appinfrad($host, 'audit', '--replay', '--since', $point, '--file', $file, '--apply');
		is($code, 0, "$name: what was revoked since is revoked again") or diag $out;
	}
	my $since = time;
	$sidecar = $host->start_sidecar(name => $name, env => $peer->sidecar_env);
	$host->control("SELECT appinfra.accept_restore('$point')");
	is_well($host, $since, @dead);
	next if $name eq 'second';
	work_on($host, $per_caller * 3 => sub { });
	wait_until_settled($host);
	push @snapshots, snapshot($host);
	push @exports, export($host);
	push @dead, revoked($host);
	$sidecar->stop;
	$host->stop('fast');
}

# --- a failover that loses commits, in the middle of work ----------------------------------------------------------
$sidecar->stop;
$host->backup('base');
my $standby = $host->start_standby('standby', "primary_slot_name = ''\nrestore_command = ''\nrecovery_target_time = ''\narchive_mode = off");
$host->wait_for_catchup($standby, 'replay', $host->lsn('insert'));
$sidecar = $host->start_sidecar(name => 'both', env => $peer->sidecar_env(APPINFRA_DATABASE_URL =>
		'postgres://appinfra_sidecar@' . join(',', map { $_->host_encoded . ':' . $_->port } $host, $standby) . '/control'));
my $promoted;
work_on($host,
	$per_caller => sub { $standby->append_conf('postgresql.conf', "primary_conninfo = ''"); $standby->reload; },
	$per_caller * 4 => sub { push @snapshots, snapshot($host); $host->stop('immediate'); $standby->promote; $promoted = time; });
is_well($standby, $promoted);
$standby->wait_for_pool(6);
is_deeply([ $standby->orphans ], [], 'no orphans');
is($sidecar->stop, 0, 'the sidecar ends');
done_testing();
