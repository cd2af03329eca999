# The audit log is sealed, and a superuser who changes it is found: a row changed, deleted, inserted
# or reordered, seals removed or made again. Rows that commit out of order are sealed once each.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wait qw(wait_for);
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('seals', pool_size => 2, conf => "log_min_messages = warning\n");
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0);

# Waits until every row has been sealed, and returns what verify_audit() says.
sub settle
{
	my $seen;
	wait_for('sealed', sub { $seen = verdict(); return $seen !~ /^t\|[1-9]/; });
	return $seen;
}

sub verdict
{
	return $host->control("SELECT ok, unsealed, coalesce(detail, '-') FROM appinfra.verify_audit()");
}

# Runs SQL with the triggers out of the way, as a superuser can.
sub tamper
{
	my ($sql) = @_;
	$host->control("BEGIN; ALTER TABLE appinfra.audit_log DISABLE TRIGGER refuse_change;"
		  . "ALTER TABLE appinfra.audit_seal DISABLE TRIGGER refuse_change; $sql;"
		  . "ALTER TABLE appinfra.audit_log ENABLE ALWAYS TRIGGER refuse_change;"
		  . "ALTER TABLE appinfra.audit_seal ENABLE ALWAYS TRIGGER refuse_change; COMMIT");
	return;
}

sub is_found
{
	my ($sql, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	tamper($sql);
	like(verdict(), $pattern, "$name: found");
	tamper('TRUNCATE appinfra.audit_log, appinfra.audit_seal;'
		  . 'INSERT INTO appinfra.audit_log OVERRIDING SYSTEM VALUE SELECT * FROM kept_log;'
		  . 'INSERT INTO appinfra.audit_seal SELECT * FROM kept_seal');
	like(verdict(), qr/^t\|\d+\|-$/, '... and all is well again when it is undone');
	return;
}

# --- sealed, and refused to change ------------------------------------------------------------------
is(settle(), 't|0|-', 'all rows are sealed');
cmp_ok($host->control('SELECT sealed FROM appinfra.verify_audit()'), '>', 3, 'there are some');
for my $statement ('UPDATE appinfra.audit_log SET actor = actor', 'DELETE FROM appinfra.audit_log',
	'TRUNCATE appinfra.audit_log', 'UPDATE appinfra.audit_seal SET rows = 0',
	'DELETE FROM appinfra.audit_seal WHERE false', 'TRUNCATE appinfra.audit_seal',
	"SET session_replication_role = replica; DELETE FROM appinfra.audit_log")
{
	like(($host->try_control($statement))[2], qr/ERROR:  42501: rows of "audit_(log|seal)" are neither changed nor removed/,
		"$statement: refused to a superuser");
}

# --- out of order -----------------------------------------------------------------------------------
my $open = $host->background_psql('control');
$open->query_safe('BEGIN');
$open->query_safe("SELECT appinfra.set_rotation('$tenant->{db_id}', '30 days')");
my $low = $host->control('SELECT last_value FROM appinfra.audit_log_id_seq');
my $other = $host->provision(app_id => 'app-2', slug => 'two', publish => 0);
my $sealed = 'SELECT max(last_id) FROM appinfra.audit_seal';
# whoever would make a seal looks for the newest
my $looks = "SELECT seq_scan + idx_scan FROM pg_stat_all_tables WHERE relname = 'audit_seal'";
my $enough = $host->control($looks) + 6;
$host->wait_until("SELECT ($looks) >= $enough", 'two more times to seal');
cmp_ok($host->control($sealed), '<', $low, 'what is above an uncommitted row is not sealed yet');
like(verdict(), qr/^t\|[1-9]\d*\|-$/, '... and all is well');
$open->query_safe('COMMIT');
$open->quit;
is(settle(), 't|0|-', 'once it is committed all are sealed');
is($host->control("SELECT count(*) FROM appinfra.audit WHERE id = $low AND action = 'set_rotation'"), '1',
	'... the late one among them');

# --- tampering ---------------------------------------------------------------------------------------
# more than one seal, so that there is a middle
$host->control("BEGIN; SELECT appinfra.set_rotation('$tenant->{db_id}', '3 days'); ROLLBACK");
my $gap = $host->control('SELECT last_value FROM appinfra.audit_log_id_seq');
$host->provision(app_id => 'app-3', slug => 'three', publish => 0);
$host->control("SET appinfra.end_user = 'ann\@example.com'; SELECT appinfra.set_rotation('$tenant->{db_id}', '7 days')");
settle();
$host->control('ALTER SYSTEM SET appinfra.audit_logins = off');
$host->control('CREATE TABLE kept_log AS SELECT * FROM appinfra.audit_log;'
	  . 'CREATE TABLE kept_seal AS SELECT * FROM appinfra.audit_seal');
my $for_user = $host->control("SELECT id FROM appinfra.audit WHERE end_user = 'ann\@example.com'");
my $victim = $host->control("SELECT id FROM appinfra.audit WHERE action = 'provision_tenant' ORDER BY id LIMIT 1");
my $bad = qr/^f\|\d+\|Seal \d+ /;

is_found("UPDATE appinfra.audit_log SET actor = 'mallory' WHERE id = $victim", qr/${bad}does not fit its rows/, 'a changed row');
is_found("UPDATE appinfra.audit_log SET detail = detail || '{\"slug\": \"other\"}' WHERE id = $victim",
	qr/${bad}does not fit its rows/, 'a changed detail');
is_found("UPDATE appinfra.audit_log SET end_user = $_->[0] WHERE id = $_->[1]", qr/${bad}does not fit its rows/, "$_->[2]")
  for [ "'mallory'", $victim, 'a user put in' ], [ 'NULL', $for_user, 'a user taken out' ], [ "'ann\@example.co'", $for_user, 'another user' ];
is_found("DELETE FROM appinfra.audit_log WHERE id = $victim", qr/${bad}does not fit its rows/, 'a deleted row');
is_found("INSERT INTO appinfra.audit_log (id, actor, effective_role, action, outcome) OVERRIDING SYSTEM VALUE VALUES ($gap, 'x', 'x', 'x', 'done')",
	qr/${bad}does not fit its rows/, 'an inserted row');
is_found("INSERT INTO appinfra.audit_log (id, actor, effective_role, action, outcome) OVERRIDING SYSTEM VALUE VALUES (5, 'x', 'x', 'x', 'done')",
	qr/^f\|\d+\|Row 5 is older than the newest seal, and in none/, 'a row before the first');
my $columns = 'time, actor, effective_role, application_name, client_address, database, action, db_id, credential, outcome, detail, transaction_id, end_user';
is_found("UPDATE appinfra.audit_log l SET ($columns) = (SELECT $columns FROM kept_log o WHERE o.id = "
	  . "CASE l.id WHEN $victim THEN $low ELSE $victim END) WHERE id IN ($victim, $low)",
	qr/${bad}does not fit its rows/, 'two rows in another order');
is_found("DELETE FROM appinfra.audit_log a USING appinfra.audit_seal s WHERE s.number = (SELECT min(number) FROM appinfra.audit_seal) "
	  . "AND a.id > s.after_id AND a.id <= s.last_id", qr/${bad}does not fit its rows/, 'a batch without its rows');
is_found("DELETE FROM appinfra.audit_seal WHERE number = (SELECT number FROM appinfra.audit_seal ORDER BY number LIMIT 1 OFFSET 1)",
	qr/${bad}(follows a seal that is gone|is followed by none)/, 'a removed seal');
is_found("UPDATE appinfra.audit_log SET actor = 'mallory' WHERE id = $victim;"
	  . "UPDATE appinfra.audit_seal SET hash = appinfra.audit_hash(number, previous, after_id, last_id, rows, sealed_at) "
	  . "WHERE $victim > after_id AND $victim <= last_id",
	qr/${bad}does not fit its rows/, 'a changed row whose own seal was made again');
is_found("UPDATE appinfra.audit_seal SET sealed_at = sealed_at - interval '1 day' WHERE number = (SELECT min(number) FROM appinfra.audit_seal)",
	qr/${bad}does not fit its rows/, 'a seal of another time');

# --- retention ---------------------------------------------------------------------------------------
$host->control("DROP TABLE kept_log, kept_seal");
settle();
my ($rows, $seals) = split /\|/, $host->control('SELECT (SELECT count(*) FROM appinfra.audit), (SELECT count(*) FROM appinfra.audit_seals)');
$host->append_conf('postgresql.conf', "appinfra.audit_retention = '1s'");
$host->restart;
$host->wait_until("SELECT count(*) > 0 FROM appinfra.audit WHERE action = 'remove_audit'");
is($host->control("SELECT count(*) FROM appinfra.audit WHERE id <= $victim"), '0', 'retention removes old rows');
cmp_ok($host->control('SELECT count(*) FROM appinfra.audit_seals'), '>=', $seals, '... and leaves the seals');
like(settle(), qr/^t\|/, '... and all is well');
cmp_ok($host->control('SELECT sealed FROM appinfra.verify_audit()'), '>=', $rows, '... which still tell how many there were');
$host->append_conf('postgresql.conf', "appinfra.audit_retention = 0");
$host->reload;
$host->wait_until("SELECT current_setting('appinfra.audit_retention') = '0'");
$host->provision(app_id => 'app-4', slug => 'four', publish => 0);
settle();
tamper("DELETE FROM appinfra.audit_log a USING appinfra.audit_seal s WHERE s.number = (SELECT max(number) FROM appinfra.audit_seal) "
	  . "AND a.id > s.after_id AND a.id <= s.last_id");
like(verdict(), $bad, 'what somebody else removes is found all the same');

# --- a dump restored late -----------------------------------------------------------------------------
# The other host has sealed rows of its own before the restored ones, and their seals, arrive.
my $source = Appinfra->make('source', pool_size => 1);
$source->provision(app_id => 'app-1', slug => 'one', publish => 0);
$source->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()');
$source->control("SELECT appinfra.set_rotation(db_id, '1 day') FROM appinfra.databases");
my %data = map { $_ => $source->control("COPY (SELECT * FROM appinfra.$_ ORDER BY 1) TO STDOUT") } qw(audit_log audit_seal);
$source->stop('immediate');
my $other_host = Appinfra->make('late', pool_size => 1);
$other_host->wait_until('SELECT sealed > 1 AND unsealed = 0 FROM appinfra.verify_audit()');
for my $table (qw(audit_log audit_seal))
{
	$other_host->control("COPY appinfra.$table FROM STDIN;\n$data{$table}\n\\.\n");
}
like($other_host->control('SELECT ok, detail FROM appinfra.verify_audit()'), qr/^f\|Seal \d+ is followed by none/,
	'two chains are not one');
$other_host->restart;
$other_host->wait_until('SELECT ok AND unsealed = 0 FROM appinfra.verify_audit()', 'joined');
is($other_host->control('SELECT count(*) FROM appinfra.audit_seals WHERE cardinality(previous) = 2'), '1', '... until the worker joins them');
is($other_host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'set_rotation' AND id <= "
	  . '(SELECT last_id FROM appinfra.audit_seals WHERE cardinality(previous) = 2)'), '1', '... and takes in what had not been sealed');

done_testing();
