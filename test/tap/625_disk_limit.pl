# A tenant that reaches its disk limit, by whatever grows: refused with 53100 and stopped in the middle
# of it, within what it writes in a second; others go on, and so does it when it has made room.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wait qw(reaches wait_for);
use Appinfra::Wire;
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('full', pool_size => 2);
$host->wait_for_pool(2);
my %tenant = map { $_ => $host->provision(app_id => "app-$_", slug => $_, publish => 0) } qw(one two);
my ($one, $two) = @tenant{qw(one two)};
my $mb = 1024 * 1024;
my $started = $host->safe_psql('postgres', "SELECT pg_database_size('$one->{database}')");
my $limit = $started + 20 * $mb;

sub state { return $host->control("SELECT disk_state FROM appinfra.usage WHERE db_id = '$one->{db_id}'"); }
sub is_state { my ($state, $name) = @_; return reaches { $host->wait_until("SELECT disk_state = '$state' FROM appinfra.usage WHERE db_id = '$one->{db_id}'") } $name; }
sub limit { my ($bytes) = @_; return $host->control("SELECT appinfra.alter_tenant('$one->{db_id}', disk_limit => $bytes)"); }
sub size { return $host->safe_psql('postgres', "SELECT pg_database_size('$one->{database}')"); }

# Runs SQL as the tenant; a list of what it says.
sub run { my ($sql) = @_; return $host->as_app($one->{url}, $sql); }
sub goes_on { my ($sql, $name) = @_; my ($code, $out, $err) = run($sql); return is($code, 0, $name // $sql) || diag $err; }
sub refused
{
	my ($sql, $name) = @_;
	my ($code, $out, $err) = run($sql);
	return like($err, qr/ERROR:  53100: the database has reached its disk limit.*Rule "disk_limit".*HINT:  TRUNCATE and DROP/s, $name // $sql);
}

# --- each way to grow without end is stopped, and gives its space back --------------------------------------------
goes_on(<<'SQL', 'there is room at first');
CREATE TABLE t (n int, body text);
CREATE UNLOGGED TABLE u (n int, body text);
CREATE TABLE r (n int PRIMARY KEY);
CREATE TABLE c (n int REFERENCES r ON DELETE CASCADE);
INSERT INTO r SELECT generate_series(1, 100);
INSERT INTO c SELECT n FROM r;
CREATE MATERIALIZED VIEW m AS SELECT * FROM r;
INSERT INTO t SELECT g, 'x' FROM generate_series(1, 100000) g;
SQL
limit($limit);
my $filler = "SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 100000000) g";
my %ways = (
	'INSERT' => "INSERT INTO t $filler",
	'an unlogged table' => "INSERT INTO u $filler",
	'a temporary table' => "CREATE TEMP TABLE p (n int, body text); INSERT INTO p $filler",
	'CREATE TABLE AS' => "CREATE TABLE s AS $filler",
	'CREATE INDEX' => 'CREATE INDEX i ON t ((' . join(' || ', map { "md5(($_ * n)::text)" } 1 .. 40) . '))',
	'large objects' => q{DO $$ BEGIN FOR i IN 1..1000000 LOOP PERFORM lo_from_bytea(0, (SELECT decode(string_agg(md5((i * g)::text), ''), 'hex') FROM generate_series(1, 5000) g)); END LOOP; END $$},
	'a loop that catches what it can' => 'DO $$ BEGIN LOOP BEGIN INSERT INTO t SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 1000) g; EXCEPTION WHEN no_data_found THEN NULL; END; END LOOP; END $$',
);
for my $way (sort keys %ways)
{
	refused($ways{$way}, "$way: stopped");
	my $over = $host->control("SELECT (detail->>'used')::bigint - $limit FROM appinfra.audit WHERE action = 'reach_disk_limit' ORDER BY id DESC LIMIT 1");
	cmp_ok($over, '<', 400 * $mb, "  within two seconds of writing: " . int($over / $mb) . ' MB');
	goes_on('VACUUM t, u; SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata; VACUUM', '  it vacuums');
	$host->wait_until("SELECT disk_state <> 'over' FROM appinfra.usage WHERE db_id = '$one->{db_id}'");
}

# COPY of a client that sends 200 MB, slowly; psql hears of the error when it has sent all
refused(q{\copy t FROM PROGRAM 'perl -e "for (1 .. 200) { print qq(1\t) . q(x) x 1000 . qq(\n) for 1 .. 1000; select undef, undef, undef, 0.025 }"'}, 'COPY: stopped');
goes_on('VACUUM t', '  it vacuums');
$host->wait_until("SELECT disk_state <> 'over' FROM appinfra.usage WHERE db_id = '$one->{db_id}'");

# --- above the limit -----------------------------------------------------------------------------------------------
my $session = Appinfra::Wire->login($one->{url});    # there before
my $began = $host->control('SELECT clock_timestamp()');
limit(size() - $mb);
is_state('over', 'a lower limit is reached at once');
like(eval { $session->query('INSERT INTO t VALUES (1)'); 1 } // $@, qr/^53100/, 'a session that was there is refused');
refused($_) for 'INSERT INTO t VALUES (1)', "UPDATE t SET body = 'y' WHERE n = 1", 'CREATE TABLE x ()', 'CREATE INDEX ON t (n)', 'CREATE TABLE x AS SELECT 1',
  'SELECT 1 INTO x', 'CREATE TEMP TABLE x (n int)', 'REFRESH MATERIALIZED VIEW m', 'ALTER TABLE t ALTER n TYPE bigint', 'ALTER TABLE t ADD x int DEFAULT random()',
  'ALTER TABLE t ADD x serial', 'ALTER TABLE t SET UNLOGGED', 'ALTER TABLE t ADD UNIQUE (n)', 'CLUSTER r USING r_pkey', 'VACUUM FULL t', 'VACUUM (FULL on) t', 'REINDEX TABLE r',
  "SELECT lo_from_bytea(0, 'x')", 'SELECT lo_create(0)', 'EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1', 'EXPLAIN ANALYZE INSERT INTO t VALUES (1)',
  "COMMENT ON TABLE t IS 'text'", 'WITH w AS (INSERT INTO t VALUES (1) RETURNING n) SELECT * FROM w', 'MERGE INTO t USING r ON t.n = r.n WHEN MATCHED THEN UPDATE SET body = NULL',
  'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', "DO 'BEGIN INSERT INTO t VALUES (1); END'", 'PREPARE i AS INSERT INTO t VALUES (1); EXECUTE i';
refused("COPY t FROM STDIN;\n\\.\n", 'COPY FROM');
goes_on($_) for 'SELECT count(*) FROM t', 'SELECT * FROM t ORDER BY body, n LIMIT 1', 'BEGIN; SELECT * FROM t WHERE n = 1 FOR UPDATE; COMMIT', 'DELETE FROM t WHERE n = 1', 'DELETE FROM r WHERE n = 1',
  'ALTER TABLE t ADD x int DEFAULT 1', 'ALTER TABLE t DROP x', 'ALTER TABLE t RENAME body TO text', "SET work_mem = '1MB'; SHOW work_mem", 'BEGIN; LOCK TABLE t; COMMIT',
  'BEGIN; DECLARE k CURSOR FOR TABLE r; FETCH k; CLOSE k; COMMIT', "COPY r TO STDOUT", 'GRANT SELECT ON t TO app_one_reader', 'ANALYZE t', 'VACUUM t', 'TRUNCATE u', 'DROP MATERIALIZED VIEW m',
  'NOTIFY news; LISTEN news';
is(($host->as_app($two->{url}, 'CREATE TABLE t AS SELECT generate_series(1, 10000) n; INSERT INTO t SELECT n FROM t'))[0], 0, 'others are not concerned');
is($host->safe_psql($one->{database}, 'CREATE TABLE admins AS SELECT 1; DROP TABLE admins; SELECT 1'), 1, 'nor is a superuser');
is($host->control("SELECT string_agg(action, ' ' ORDER BY id) FROM appinfra.audit WHERE db_id = '$one->{db_id}' AND time > '$began' AND action ~ 'disk_limit'"), 'reach_disk_limit', 'the audit has it, once');
reaches { $host->wait_until("SELECT count(*) > 20 FROM appinfra.audit WHERE db_id = '$one->{db_id}' AND detail->>'rule' = 'disk_limit' AND outcome = 'refused'") } 'and the refusals';

# --- room again ----------------------------------------------------------------------------------------------------
my $asked = time;
goes_on('DELETE FROM t; VACUUM t', 'it deletes and vacuums');
wait_for('room', sub { (run('INSERT INTO t VALUES (1)'))[0] == 0 });
cmp_ok(time - $asked, '<', 15, 'and goes on, soon');
limit(int(size() / 0.85));
is_state('near', 'from 80 % on it is near');
reaches { $host->wait_until("SELECT count(*) > 0 FROM appinfra.audit WHERE db_id = '$one->{db_id}' AND action IN ('near_disk_limit', 'leave_disk_limit') AND time > '$began'") } 'as the audit says';
limit(0);
is_state('ok', 'without a limit all is well');

# --- the host's limit, and the guard that observes ------------------------------------------------------------------
limit(-1);
$host->append_conf('postgresql.conf', "appinfra.tenant_disk_limit = '1MB'\nappinfra.guard = observe");
$host->reload;
is_state('over', "the host's setting");
reaches { wait_for('a record', sub { run('INSERT INTO t VALUES (1)'); $host->control("SELECT count(*) > 0 FROM appinfra.audit WHERE db_id = '$one->{db_id}' AND detail->>'rule' = 'disk_limit' AND (detail->>'observed')::boolean") eq 't' }) } 'observed: it is recorded';
goes_on('INSERT INTO t VALUES (1)', '  and not refused');
done_testing();
