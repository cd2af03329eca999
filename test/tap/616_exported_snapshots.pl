# Exported snapshots: a parallel pg_dump by owners and services goes on working; readers and writers
# export none, and no session and no tenant so many that they fill the disk.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(dsn_env);
use Appinfra::Guard;
use Appinfra::Wait qw(wait_for);
use Appinfra::Wire;
use Test::More;

my $host = Appinfra->make('exported', pool_size => 2);
my %env = (OWNER => 'owner', WRITER => 'writer', READER => 'reader', SERVICE => 'service');
my $tenant = $host->provision(app_id => 'app-files', slug => 'files', publish => 0, env => \%env);
my $other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
my $guard = Appinfra::Guard->new($host);
my $export = 'SELECT pg_export_snapshot()';

sub files { opendir my $dir, $host->data_dir . '/pg_snapshots' or die $!; return scalar grep { !/^\./ } readdir $dir; }

sub in_transaction
{
	my ($session) = @_;
	$session->query('BEGIN');
	return $session;
}
sub login { return in_transaction(Appinfra::Wire->login($_[0] // $tenant->{env}{OWNER})); }
sub refused { return eval { $_[0]->query($_[1]); 'done' } // $@; }

for my $access (qw(WRITER READER))
{
	$guard->refused($tenant->{env}{$access}, $export, 'snapshot_export', lc $access);
	is(files(), 0, '  and no file is left');
}
for my $access (qw(OWNER SERVICE))
{
	$guard->allowed($tenant->{env}{$access}, "$export IS NOT NULL", 't', lc $access);
}

my $session = login();
$session->query($export) for 1 .. 16;
is(files(), 16, 'a session exports 16');
like(refused($session, $export), qr/^53400 too many exported snapshots of this session/, 'and no more');
$session->query('ROLLBACK');
is(files(), 0, 'they end with the transaction');
for my $calls ('SELECT count(pg_export_snapshot()) FROM generate_series(1, 17)',
	'DO $$ DECLARE x text; BEGIN FOR i IN 1 .. 17 LOOP x := pg_export_snapshot(); END LOOP; END $$',
	'SELECT count(*) FROM generate_series(1, 17) i, LATERAL (SELECT pg_export_snapshot() || i OFFSET 0) x')
{
	# The session's own check comes at the end of the statement; the watchdog may look while it runs.
	my $one = login();
	like(refused($one, $calls), qr/^(?:53400|57P01) /, "nor by one statement: $calls");
	$one->close;
	wait_for('  and its files are gone', sub { files() == 0 });
}
in_transaction($session);
like(refused($session, 'SELECT count(pg_export_snapshot()), pg_sleep(600) FROM generate_series(1, 17) i'), qr/^57P01 /,
	'a statement that stays is ended');
$guard->audited("action = 'end_session' AND credential = '$tenant->{username}'", 'snapshot_export', 'that');
wait_for('the files are gone', sub { files() == 0 });

my @sessions = map { login() } 1 .. 5;
for my $i (0 .. 4)
{
	$sessions[$i]->query($export) for 1 .. ($i < 4 ? 15 : 4);
}
is(files(), 64, 'a tenant exports 64');
like(refused($sessions[4], $export), qr/^53400 too many exported snapshots of this tenant/, 'and no more');
my $others = login($other->{url});
is(refused($others, $export), 'done', 'which is nothing to another tenant');
$_->close for @sessions, $others;
wait_for('the files are gone', sub { files() == 0 });

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
{
	my $owner = Appinfra::Wire->login($tenant->{env}{OWNER});
	$owner->query("CREATE TABLE t$_ AS SELECT $_ AS n") for 1 .. 4;
	$owner->close;
	local %ENV = (%ENV, dsn_env($tenant->{env}{OWNER}));
	ok(PostgreSQL::Test::Utils::run_log([ 'pg_dump', '-Fd', '-j', '4', '-f', $dump ]), 'a parallel pg_dump by the owner');
}
done_testing();
