# What a call's transaction is: one statement, no transaction control, no COPY, constraints before the
# answer, an end in time, and nothing left of a client that goes away.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Wait qw(reaches wait_for);
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('transactions', pool_size => 2);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => [qw(--gateway-rate-limit=0 --gateway-statement-timeout=2s)]);
my %key = map { $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser reader);
my $database = $tenant->{database};

sub said
{
	my ($answer) = @_;
	my $title = ref $answer->{json} eq 'HASH' ? $answer->{json}{title} // '' : '';
	return $title eq '' ? $answer->{status} : "$answer->{status} $title";
}

sub runs
{
	my ($role, $sql, $expected, %args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = $gateway->sql($key{$role}, $sql, undef, %args);
	is(said($answer), $expected // 200, "$role: " . substr $sql, 0, 100) or diag $answer->{content};
	return $answer;
}

# One value, as the superuser sees it in the workspace.
sub seen
{
	my ($sql) = @_;
	return $host->safe_psql($database, $sql);
}
runs(dbadmin => $_) for 'CREATE TABLE notes (id int PRIMARY KEY)', 'CREATE TABLE parents (id int PRIMARY KEY)',
  'CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)',
  'CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$BEGIN INSERT INTO notes VALUES (900); COMMIT; END$$',
  'CREATE PROCEDURE rolls_back() LANGUAGE plpgsql AS $$BEGIN INSERT INTO notes VALUES (901); ROLLBACK; INSERT INTO notes VALUES (902); END$$';

# --- transaction control -------------------------------------------------------------------------------------
my @control = ('BEGIN', 'begin read write', 'START TRANSACTION', 'START TRANSACTION ISOLATION LEVEL SERIALIZABLE', '-- c
	/* BEGIN /* COMMIT */ */ begin isolation level repeatable read', 'BEGIN READ ONLY, DEFERRABLE', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'COMMIT AND CHAIN',
	'ROLLBACK AND CHAIN', 'COMMIT WORK', '/* c */ COMMIT -- d', 'SAVEPOINT s', 'RELEASE s', 'ROLLBACK TO s', 'CALL commits()', 'CALL rolls_back()',
	'DO $$BEGIN INSERT INTO notes VALUES (903); COMMIT; END$$', 'DO $$BEGIN INSERT INTO notes VALUES (904); ROLLBACK; END$$');
my $n = 0;
for my $sql (@control)
{
	for my $case ([ 'dbuser' ], [ 'dbuser', once => 'control-' . $n++ ], [ 'reader' ])
	{
		my ($role, %args) = @$case;
		my $writes = $sql =~ /CALL|DO/ && $role eq 'reader';
		runs($role, $sql, $writes ? '403 permission_denied' : '400 transaction_control', %args);
		is($gateway->sql($key{$role}, 'SELECT 1')->{json}{rows}[0][0], 1, 'and the next call runs');
	}
}
is(seen('SELECT count(*) FROM notes'), 0, 'none of them has written');
is($host->control("SELECT count(*) FROM appinfra.calls WHERE outcome = 'committed' AND status < 400"), 0, 'nor counts as committed');
runs(dbuser => 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', '400 not_in_transaction', once => 'level');
runs(reader => 'SET TRANSACTION READ WRITE');
runs(reader => "SELECT set_config('transaction_read_only', 'off', true)", '400 not_in_transaction');
runs(reader => 'WITH x AS (INSERT INTO notes VALUES (1) RETURNING 1) SELECT * FROM x', '403 permission_denied');
runs(reader => 'DO $$BEGIN SET TRANSACTION READ WRITE; INSERT INTO notes VALUES (1); END$$', $_) for '400 not_in_transaction';
is(seen('SELECT count(*) FROM notes'), 0, 'a reader writes by no way');

# --- COPY ------------------------------------------------------------------------------------------------------
for my $case ([ 'dbuser' ], [ 'dbuser', once => 'copy' ], [ 'reader' ])
{
	my ($role, %args) = @$case;
	runs($role, 'COPY notes TO STDOUT', '400 copy_not_supported', map { $args{$_} ? ($_ => 'out') : () } keys %args);
	runs($role, 'COPY (SELECT generate_series(1, 100000000)) TO STDOUT', '400 copy_not_supported', map { $args{$_} ? ($_ => 'endless') : () } keys %args);
	runs($role, 'COPY notes FROM STDIN', $role eq 'reader' ? '403 permission_denied' : '400 copy_not_supported', map { $args{$_} ? ($_ => 'in') : () } keys %args);
	is($gateway->sql($key{$role}, 'SELECT 1')->{json}{rows}[0][0], 1, 'and the next call runs');
}
runs(dbuser => 'COPY (INSERT INTO notes VALUES (910) RETURNING id) TO STDOUT', '400 copy_not_supported');
runs(dbuser => 'COPY (INSERT INTO notes VALUES (910) RETURNING id) TO STDOUT', '400 copy_not_supported', once => 'copy-insert');
is(seen('SELECT count(*) FROM notes'), 0, 'what stands inside COPY has not written');
runs(dbadmin => "COPY notes TO PROGRAM 'id'", '403 permission_denied');
runs(dbadmin => "COPY notes TO '/tmp/notes'", '403 permission_denied');

# --- statements that need no transaction --------------------------------------------------------------------------
runs(dbadmin => 'VACUUM notes');
is($gateway->sql($key{dbadmin}, 'VACUUM (ANALYZE) notes')->{json}{command}, 'VACUUM', 'its command');
runs(dbadmin => 'CREATE INDEX CONCURRENTLY notes_id ON notes (id)');
is(seen("SELECT indisvalid FROM pg_index WHERE indexrelid = 'notes_id'::regclass"), 't', 'the index is valid');
runs(dbadmin => 'REINDEX INDEX CONCURRENTLY notes_id');
runs(dbadmin => 'DROP INDEX CONCURRENTLY notes_id');
runs(dbadmin => 'VACUUM notes', '400 not_in_transaction', once => 'vacuum');
runs(dbuser => 'VACUUM notes', '400 not_in_transaction');
runs(dbadmin => 'CREATE UNIQUE INDEX CONCURRENTLY nowhere_id ON nowhere (id)', '400 undefined_object');
wait_for('the audit rows', sub { $host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'sql_execute' AND detail->>'status' = '200'") > 0 });
my $holder = $host->background_psql($database);
$holder->query_safe('BEGIN; LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE');
my $cut = runs(dbadmin => 'CREATE INDEX CONCURRENTLY cut_off ON notes (id)', '408 statement_timeout');
like($cut->{json}{hint} // '', qr/invalid/, 'an index that the timeout cuts off may stay behind, says the hint');
$holder->quit;

# --- constraints, synchronous commit ---------------------------------------------------------------------------------
runs(dbuser => 'INSERT INTO children VALUES (1)', '409 integrity_violation');
runs(dbuser => 'INSERT INTO children VALUES (1)', '409 integrity_violation', once => 'deferred');
is(seen('SELECT count(*) FROM children'), 0, 'a deferred constraint speaks before the answer');
runs(dbuser => 'WITH c AS (INSERT INTO children VALUES (2)) INSERT INTO parents VALUES (2)');
runs(dbadmin => $_) for 'CREATE TABLE settings (name text, value text)',
  'CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO settings VALUES ($x$synchronous_commit$x$, current_setting($x$synchronous_commit$x$)); RETURN NULL; END$$',
  'CREATE CONSTRAINT TRIGGER told AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell()';
runs(dbuser => "INSERT INTO notes SELECT 1 WHERE set_config('synchronous_commit', 'off', false) = 'off'");
is(seen('SELECT value FROM settings'), 'off', 'a statement may turn synchronous_commit off, and its triggers see that');
is($gateway->sql($key{dbuser}, 'SHOW synchronous_commit')->{json}{rows}[0][0], 'on', 'the next call does not');
runs(dbadmin => 'DROP TRIGGER told ON notes');
for my $round (1 .. 5)
{
	my $answer = runs(dbuser => "INSERT INTO notes SELECT 10 + $round WHERE set_config('synchronous_commit', 'off', false) = 'off' RETURNING pg_current_wal_insert_lsn()");
	is($host->control("SELECT pg_current_wal_flush_lsn() > '$answer->{json}{rows}[0][0]'"), 't', 'the commit was flushed all the same');
}

# --- time ---------------------------------------------------------------------------------------------------------------
my $began = time;
runs($_ => 'SELECT pg_sleep(60)', '408 statement_timeout') for qw(dbuser reader);
runs(dbuser => 'SELECT pg_sleep(60)', '408 statement_timeout', once => 'sleeps');
cmp_ok(time - $began, '<', 3 * 5, 'a statement ends when its time is over');
runs(dbuser => "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)", '408 statement_timeout');
my $stubborn = "DO \$\$BEGIN INSERT INTO notes VALUES (950); LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END\$\$";
for my $args ([], [ once => 'stubborn' ])
{
	$began = time;
	runs(dbuser => $stubborn, '408 statement_timeout', @$args);
	cmp_ok(time - $began, '<', 10, 'one that catches query_canceled is ended as well');
	reaches { wait_for('its backend', sub { seen("SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND state = 'active' AND query LIKE 'DO %'") == 0 }) }
	  'its backend is terminated';
}
runs(reader => $stubborn =~ s/INSERT INTO notes VALUES \(950\);//r, '408 statement_timeout');
is(seen('SELECT count(*) FROM notes WHERE id = 950'), 0, 'and nothing of it commits');
runs(dbadmin => $_) for 'CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(60); RETURN NULL; END$$',
  'CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON parents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()';
runs(dbuser => 'INSERT INTO parents VALUES (50)', '408 statement_timeout');
runs(dbuser => "INSERT INTO parents SELECT 51 WHERE set_config('statement_timeout', '0', false) = '0'", '408 statement_timeout');
is(seen('SELECT count(*) FROM parents WHERE id >= 50'), 0, 'triggers that run at the end count as well');
is(runs(dbuser => 'INSERT INTO notes VALUES (951)', undef, once => 'sleeps-2')->{json}{rows_affected}, 1, 'the workspace serves on');
runs(dbuser => 'SELECT 2', undef, once => 'stubborn-2');

# --- locks: who waits is told in time ------------------------------------------------------------------------------------
$holder = $host->background_psql($database);
$holder->query_safe('BEGIN; UPDATE notes SET id = id WHERE id = 1');
runs(dbuser => 'UPDATE notes SET id = id WHERE id = 1', '408 statement_timeout');
runs(dbuser => 'SELECT * FROM notes WHERE id = 1 FOR UPDATE NOWAIT', '409 conflict');
$holder->quit;

# --- a client that goes away ----------------------------------------------------------------------------------------------
sub leave
{
	my ($role, $sql, $marker, @headers) = @_;
	my $content = encode_json({ sql => "/* $marker */ $sql" });
	my $socket = IO::Socket::INET->new(PeerAddr => $gateway->address) or die $!;
	print $socket join("\r\n", 'POST /v1/sql/execute HTTP/1.1', 'Host: x', "Authorization: Bearer $key{$role}{token}", 'Content-Type: application/json', @headers,
		'Content-Length: ' . length $content, '', $content);
	$socket->flush;
	my $running = "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND state = 'active' AND query LIKE '/* $marker */%'";
	wait_for("$marker to run", sub { seen($running) == 1 });
	my $left = time;
	close $socket;
	wait_for("the end of $marker", sub { seen($running) == 0 });
	return time - $left;
}
my $patient = Appinfra::Gateway->start($host, name => 'patient', worker => 'patient', args => [qw(--gateway-rate-limit=0 --gateway-statement-timeout=60s)]);
{
	my $first = $gateway;
	$gateway = $patient;
	cmp_ok(leave('dbuser', 'WITH w AS (INSERT INTO notes VALUES (960) RETURNING 1) SELECT pg_sleep(50) FROM w', 'left-1'), '<', 20, 'a client that goes away: its statement is cancelled');
	cmp_ok(leave('dbuser', 'WITH w AS (INSERT INTO notes VALUES (961) RETURNING 1) SELECT pg_sleep(50) FROM w', 'left-2', 'Idempotency-Key: left'), '<', 20, 'with an Idempotency-Key as well');
	cmp_ok(leave('reader', 'SELECT pg_sleep(50)', 'left-3'), '<', 20, "a reader's, too");
	is(seen('SELECT count(*) FROM notes WHERE id IN (960, 961)'), 0, 'and rolled back');
	is(said($gateway->sql($key{dbuser}, 'SELECT 1')), 200, 'others are served');
	$gateway = $first;
}
is($_->process->stop, 0, 'SIGTERM: exit code 0') for $patient, $gateway;
done_testing();
