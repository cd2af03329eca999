# Who may ask exposures(), what an answer says of databases that it could not enter, and of strange names.
use strict;
use warnings;
use Appinfra;
use Appinfra::Clients;
use Appinfra::Exposures qw(:all);
use Test::More;

have_exposed('asked');

# --- whoever asks ---------------------------------------------------------------------------------------------------------
my ($code, $out, $err) = $host->try_control("SELECT * FROM appinfra.exposures('db-000000000000')");
like($err, qr/ERROR:  42704: database "db-000000000000" does not exist/, 'an unknown one');
($code, $out, $err) = $host->try_control('SET ROLE appinfra_auditor; SELECT count(*) > 0 FROM appinfra.exposures()');
is($out, 't', 'an auditor may ask') or diag $err;
($code, $out, $err) = $host->try_control('SET ROLE appinfra_publisher; SELECT * FROM appinfra.exposures()');
like($err, qr/ERROR:  42501/, 'a publisher may not');
$host->safe_psql('postgres', 'ALTER DATABASE app_one RESET ALL');
my $blocker = $host->background_psql('app_one');
$blocker->query_safe('BEGIN; LOCK TABLE pg_event_trigger IN ACCESS EXCLUSIVE MODE');
my $waiting = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'appinfra visitor' AND wait_event_type = 'Lock'";

# Asks while a visitor has to wait, does something about it, and returns the answer.
sub ask_and
{
	my ($sql) = @_;
	my $asker = $host->background_psql('control', on_error_stop => 0);
	my $pid = $asker->query_safe('SELECT pg_backend_pid()');
	$asker->query_until(qr/asked/, "\\echo asked\nCREATE TABLE public.answer AS SELECT database, detail FROM appinfra.exposures() WHERE rule = 'not_looked_at';\n");
	$host->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($waiting) w");
	$host->safe_psql('postgres', $sql =~ s/ASKER/$pid/r);
	$host->poll_query_until('postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid");
	$asker->quit;
	my $answered = $host->control("SELECT to_regclass('public.answer') IS NOT NULL");
	return $answered eq 't' ? $host->control('SELECT * FROM public.answer; DROP TABLE public.answer') : 'none';
}
is(ask_and("SELECT pg_terminate_backend(pid) FROM ($waiting) w"),
	'app_one|What is open in this database is not known: the worker ended before it was done.',
	'a visit that is ended is told of, the others are made');
is(ask_and('SELECT pg_cancel_backend(ASKER)'), 'none', 'who is cancelled');
ok($host->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'appinfra visitor'"),
	'leaves no worker behind');
like(ask_and('SELECT 1'), qr/^app_one\|.*lock timeout\.$/, 'one that waits too long is told of');
$blocker->query_safe('ROLLBACK');
$blocker->quit;
my @answers = Appinfra::Clients->start($host, 'control',
	("SELECT count(*) FROM appinfra.exposures() WHERE rule = 'not_looked_at'") x 8)->finish;
is(join(' ', map { $_->{out} } @answers), '0 0 0 0 0 0 0 0', 'many may ask at a time');

# --- what is not there, or cannot be entered --------------------------------------------------------------------------------
$host->safe_psql('postgres', 'DROP DATABASE app_two WITH (FORCE)');
closed('a database that is missing', 'medium', { rule => '^database_missing$' });
$host->wait_until("SELECT status = 'dropped' FROM appinfra.databases WHERE db_id = '$two->{db_id}'", 'the registry gives it up');
is($host->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname ~ '^app_two'"), 0, 'with its roles');
$host->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 2');
$host->restart;
my @unseen = rows({ rule => '^not_looked_at$' });
is(join(' ', sort map { $_->{database} } @unseen), 'app_one appinfra_template template1', 'without a free worker it says what it has not seen');
like($unseen[0]{detail}, qr/no background worker slot is free/, 'and why');

# --- another encoding ------------------------------------------------------------------------------------------------------
my $latin = Appinfra->make('latin', pool_size => 1, conf => <<'CONF');
appinfra.tenant_encoding = 'LATIN1'
appinfra.tenant_locale = 'C'
CONF
my $tenant = $latin->provision(app_id => 'app-1', slug => 'latin', publish => 0);
($code, $out, $err) = $latin->as_app($tenant->{url}, "SET client_encoding = 'UTF8'; CREATE TABLE \"t\xc3\xbcr\" (); ALTER TABLE \"t\xc3\xbcr\" ENABLE ROW LEVEL SECURITY");
is($code, 0, 'a tenant of another encoding') or diag $err;
is($latin->control("SELECT object FROM appinfra.exposures() WHERE rule = 'row_security'"), 'public."t\xFCr"',
	'is looked at, what the control database may lack is escaped');

done_testing();
