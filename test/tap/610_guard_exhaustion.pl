# What no hook can count: locks, connections, the NOTIFY queue, parallel workers, transactions left
# idle. Who takes too much is ended and audited; the others log in again, and the
# platform goes on. What is ordinary for a migration tool is left alone.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Guard;
use Appinfra::Wait qw(reaches);
use Appinfra::Wire;
use Test::More;
use Time::HiRes qw(sleep time);

my $host = Appinfra->make('exhaustion', pool_size => 2, conf => <<'CONF');
appinfra.tenant_connection_limit = -1
max_connections = 70
max_parallel_workers = 8
CONF
my $greedy = $host->provision(app_id => 'app-greedy', slug => 'greedy', publish => 0);
my $other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
my $guard = Appinfra::Guard->new($host);

sub login { return Appinfra::Wire->login($_[0] // $greedy->{url}); }

# Waits until the server has ended a session, whatever it says before, and returns the last error.
sub ended
{
	my ($session) = @_;
	my $deadline = time + 20;
	while (time < $deadline)
	{
		my $error = eval { $session->wait_end };
		return $error if defined $error;
	}
	return 'still there';
}

sub sidecar
{
	return $host->psql('control', 'SELECT 1', stdout => \my $out, stderr => \my $err, extra_params => [ '-U', 'appinfra_sidecar' ]) == 0;
}

# Until what was started has ended, others log in all the time; what they miss is over when it has.
# By itself it would never end: that others log in again is the doing of what ended it.
sub others_log_in
{
	my ($until, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($lost, $longest, $over) = (undef, 0, 0);
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my $good;
	until ($over && !defined $lost)
	{
		return fail("$name: " . (defined $lost ? "nobody logs in any more: $@" : 'what was to be ended goes on')) if time > $deadline;
		$over = $until->() unless defined $lost;
		$good = eval { login($other->{url})->close; 1 } && sidecar();
		$lost //= time unless $good;
		next unless $good;
		$longest = time - $lost if defined $lost && time - $lost > $longest;
		$lost = undef;
	}
	note sprintf '%s: nobody logged in for %.2f s', $name, $longest;
	return ok($good, "$name: others and the sidecar log in again");
}

sub audited
{
	my ($rule, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $guard->audited("action = 'end_session' AND db_id = '$greedy->{db_id}' AND credential = '$greedy->{username}'",
		$rule, $name);
}

# While the lock table is full, nobody can be asked.
sub sessions_of_greedy
{
	return eval { $host->control("SELECT count(*) FROM pg_stat_activity WHERE datname = 'app_greedy'") } // 'many';
}

# --- what is ordinary stays -------------------------------------------------------------------------
my $migration = login($other->{url});
$migration->query('SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 1000) n');
$migration->query('BEGIN');
$migration->query("CREATE TABLE migrated_$_ (id serial PRIMARY KEY)") for 1 .. 50;

# --- locks -------------------------------------------------------------------------------------------
my $flood = login();
$flood->start_query('SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 40000) n; SELECT pg_sleep(600)');
others_log_in(sub { sessions_of_greedy() eq '0' }, '40,000 locks in one statement');
like(ended($flood), qr/^(57P01|53200) /, 'the session was ended');
audited('lock_limit', '40,000 locks in one statement');

# Locks of a transaction go with the error by themselves, if they are more than there is room for.
$flood = login();
$flood->query('BEGIN');
like(eval { $flood->query('SELECT count(pg_advisory_xact_lock(n)), pg_sleep(600) FROM generate_series(1, 40000) n'); 'done' } // $@,
	qr/^(57P01|53200) /, '40,000 locks of a transaction');
others_log_in(sub { 1 }, '40,000 locks of a transaction');
$flood->close;

$guard->forget;
my @crowd = map { login() } 1 .. 40;
$_->start_query('SELECT count(pg_advisory_lock(pg_backend_pid()::bigint * 100000 + n)) FROM generate_series(1, 1000) n') for @crowd;
# Some of them find the lock table full and keep the few that they have: what counts is the sum.
my $within = <<'SQL';
SELECT count(*) FILTER (WHERE locktype = 'advisory') <= 4000
   AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = 'app_greedy' AND state = 'active')
  FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = 'app_greedy')
SQL
others_log_in(sub { (eval { $host->control($within) } // 'f') eq 't' }, '40 sessions of 1,000 locks');
cmp_ok(sessions_of_greedy(), '<', 40, 'some of the sessions were ended');
audited('lock_limit', '40 sessions of 1,000 locks');
$_->close for @crowd;
$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'app_greedy'");

$guard->forget;
my $tables = login();
$tables->start_query(q{DO $$ BEGIN FOR i IN 1 .. 10000 LOOP EXECUTE format('CREATE TABLE t%s ()', i); END LOOP; END $$});
others_log_in(sub { sessions_of_greedy() eq '0' }, '10,000 tables in a DO block');
like(ended($tables), qr/^57P01 /, 'the session was ended');
audited('lock_limit', '10,000 tables');
is($host->safe_psql('app_greedy', "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+\$'"), 0, 'no table is left of them');

# The scheduler may take long over a task of its own: here it stands still.
$guard->forget;
my $scheduler = $host->control("SELECT pid FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'");
kill STOP => $scheduler;
$flood = login();
$flood->start_query('SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 5000) n; SELECT pg_sleep(600)');
like(ended($flood), qr/^57P01 /, 'a scheduler that takes long does not delay the end of a session');
kill CONT => $scheduler;
audited('lock_limit', 'it');

is($migration->query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")->[0][0],
	1000, '1,000 locks of a migration tool were left alone');
$migration->query('COMMIT');
is($migration->query("SELECT count(*) FROM pg_class WHERE relname ~ '^migrated_[0-9]+\$'")->[0][0], 50, 'and its 50 tables');
$migration->close;

# --- connections -----------------------------------------------------------------------------------
$guard->forget;
my (@held, $refused);
until (defined $refused)
{
	eval { push @held, login(); 1 } or $refused = $@;
}
like($refused, qr/^53300 remaining connection slots are not for tenants/, 'the last connections are not for tenants');
$guard->audited("action = 'login' AND outcome = 'refused' AND credential = '$greedy->{username}'", 'login_reserve', 'the login');
cmp_ok(scalar(@held), '>', 40, 'the others are');
like(eval { login($other->{url}); 'in' } // $@, qr/^53300 /, 'nor for another tenant');
ok(sidecar(), 'the sidecar logs in');
is(eval { $host->provision(app_id => 'app-new', slug => 'new', publish => 0)->{status} }, 'ready', 'provisioning goes on');
$_->close for @held;
$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'app_greedy'");

# --- parallel workers ---------------------------------------------------------------------------------
$host->safe_psql('app_greedy', <<'SQL');
CREATE TABLE wide AS SELECT n FROM generate_series(1, 200000) n;
ALTER TABLE wide SET (parallel_workers = 8);
CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE
    AS $$ BEGIN IF n % 20000 = 0 THEN PERFORM pg_sleep(600); END IF; RETURN n; END $$;
GRANT SELECT ON wide TO app_greedy_owner;
VACUUM ANALYZE wide;
SQL
my @parallel = map { login() } 1 .. 10;
for (@parallel)
{
	$_->query('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; RESET max_parallel_workers');
	$_->start_query('SELECT sum(slow(n)) FROM wide');
}
$host->wait_until("SELECT count(*) = 10 FROM pg_stat_activity WHERE datname = 'app_greedy' AND wait_event = 'PgSleep' AND backend_type = 'client backend'");
is($host->control("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"), 2, 'ten parallel queries of a tenant share two workers');
my $shells = $host->control("SELECT string_agg(db_id, ',') FROM appinfra.pool WHERE status = 'ready'");
is(scalar(map { $host->provision(app_id => "app-parallel-$_", slug => "parallel$_", publish => 0) } 1 .. 4),
	4, 'provisioning goes on, past the pool');
reaches { $host->wait_for_pool(2) } 'which is filled again meanwhile';
$_->close for @parallel;
$host->control("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app_greedy'");

# --- idle in a transaction ----------------------------------------------------------------------------
$host->control("ALTER SYSTEM SET appinfra.tenant_idle_in_transaction_timeout = '1s'");
$host->reload;
$guard->forget;
my $idle = login();
$idle->query('SET idle_in_transaction_session_timeout = 0');
$idle->query('BEGIN');
like(ended($idle), qr/^57P01 /, 'a session that stays idle in a transaction was ended');
audited('idle_in_transaction', 'that');
$host->control('ALTER SYSTEM RESET appinfra.tenant_idle_in_transaction_timeout');
$host->reload;

# --- the NOTIFY queue -----------------------------------------------------------------------------------
$guard->forget;
my $listener = login();
$listener->query('LISTEN x');
$listener->query('BEGIN');
$listener->query('SELECT 1');
my $talker = login($other->{url});
$talker->start_query(<<'SQL');
DO $$ BEGIN
    WHILE pg_notification_queue_usage() < 0.11 LOOP
        FOR i IN 1 .. 1000 LOOP PERFORM pg_notify('y', rpad(i::text, 7990)); END LOOP;
        COMMIT;
    END LOOP;
END $$
SQL
like(ended($listener), qr/^57P01 /, 'a listener that pins a tenth of the queue was ended');
audited('notify_queue', 'that');
$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'app_greedy'");
$talker->close;
$host->control("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app_other'");
is(eval { $host->provision(app_id => 'app-last', slug => 'last', publish => 0)->{status} }, 'ready', 'provisioning goes on');

unlike(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/terminated by signal|PANIC/, 'no process of the server crashed');
done_testing();
