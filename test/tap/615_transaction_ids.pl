# Transaction ids: who keeps old ones, by a snapshot, a transaction or a temporary table, and who burns
# them, in one session or in many, is ended and audited. Nobody else is, and the host can forget old ids.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use Appinfra::Wait qw(reaches wait_for);
use Appinfra::Wire;
use Test::More;
use Time::HiRes qw(sleep time);

my $limit = 40_000;
my $host = Appinfra->make('transaction_ids', pool_size => 3, conf => <<"CONF");
appinfra.tenant_xid_age_limit = $limit
appinfra.tenant_xid_rate = 0
autovacuum = off
CONF
my %tenant = map { $_ => $host->provision(app_id => "app-$_", slug => $_, publish => 0) } qw(snapshot table writer burner loop crowd comers other);
my $guard = Appinfra::Guard->new($host);

sub login { return Appinfra::Wire->login($tenant{ $_[0] }{url}); }

# Takes transaction ids, as the host's own work does.
sub burn
{
	my ($ids) = @_;
	return $host->control("DO \$\$ BEGIN FOR i IN 1 .. $ids LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END \$\$");
}

sub alive { return eval { $_[0]->query('SELECT 1')->[0][0] eq '1' }; }

sub count_sessions { return $host->control("SELECT count(*) FROM pg_stat_activity WHERE datname = 'app_$_[0]'"); }

sub audited
{
	my ($name, $rule) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $guard->audited("action = 'end_session' AND db_id = '$tenant{$name}{db_id}'", $rule, $name);
}

sub age { return $host->control("SELECT age(datfrozenxid) FROM pg_database WHERE datname = 'app_$_[0]'"); }

# --- who keeps old ones --------------------------------------------------------------------------------
my %keeper = map { $_ => login($_) } qw(snapshot table writer);
$keeper{snapshot}->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$keeper{snapshot}->query('SELECT 1');
$keeper{table}->query('CREATE TEMP TABLE t (n int)');
$keeper{writer}->query('BEGIN');
$keeper{writer}->query('SELECT pg_current_xact_id()');
my $other = login('other');
$other->query('CREATE TEMP TABLE gone (n int)');
$other->query('DROP TABLE gone');

# A scheduler that has just started asks how old the tables are that it finds.
$host->control("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'");
wait_for('the table is seen', sub { burn(1); $host->control("SELECT count(*) FROM appinfra.xid_use() WHERE age > 0") == 3 });
burn($limit / 2 + 1000);
$host->wait_until("SELECT array_agg(DISTINCT database ORDER BY database) @> '{app_snapshot,app_table,app_writer}'"
	  . " FROM appinfra.exposures() WHERE rule = 'xid_age' AND severity = 'medium'", 'half of the limit');
is($host->control("SELECT count(*) FROM appinfra.exposures() WHERE rule = 'xid_age' AND database = 'app_other'"), 0,
	'exposures() names who keeps ids from half of the limit on');
is(join(' ', map { alive($keeper{$_}) ? 1 : 0 } qw(snapshot writer table)), '1 1 1', 'nobody is ended below the limit');

burn($limit);
for my $name (qw(snapshot writer table))
{
	wait_for("$name is ended", sub { burn(1000); count_sessions($name) == 0 });
	like(eval { $keeper{$name}->query('SELECT 1'); 'alive' } // $@, qr/^57P01 /, "$name: who keeps old ids is ended");
	audited($name, 'xid_age');
}
ok(alive($other), 'a session that has dropped its temporary table is left alone');
for my $name (qw(snapshot table writer))
{
	cmp_ok(age($name), '>', $limit, "$name: its database is old");
	$host->safe_psql("app_$name", 'VACUUM (FREEZE)');
	cmp_ok(age($name), '<', $limit, '  and young again after VACUUM');
}

# A snapshot that is made while somebody of the host is in an old transaction keeps nothing itself.
my $old = $host->background_psql('control');
$old->query_safe('BEGIN; SELECT pg_current_xact_id()');
burn(2 * $limit);
$guard->forget;
my $reader = login('other');
$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$reader->query('SELECT 1');
is($host->control('SELECT coalesce(max(age), 0) < 1000 FROM appinfra.xid_use()'), 't', 'the age is that of who keeps it');
$old->query_safe('COMMIT');
$old->quit;
burn($limit / 4);
sleep 0.1 until $host->control("SELECT age > $limit FROM appinfra.xid_use() WHERE db_id = '$tenant{other}{db_id}'") eq 't';
$guard->soon(sub { burn(100); alive($reader) }, 'and a snapshot from then is not ended at once');
ok(alive($reader), 'not for ids that somebody else has kept');
$reader->close;

# --- who burns them -------------------------------------------------------------------------------------
$host->control('ALTER SYSTEM SET appinfra.tenant_xid_age_limit = 0');
$host->control('ALTER SYSTEM SET appinfra.tenant_xid_rate = 500');
$host->reload;
$guard->forget;
$host->safe_psql('app_burner', 'CREATE TABLE t (n int); GRANT ALL ON t TO app_burner_owner');
my $calm = login('burner');
$calm->query('INSERT INTO t VALUES (1)');
my $burner = login('burner');
$burner->start_query(<<'SQL');
DO $$ BEGIN FOR i IN 1 .. 100000000 LOOP
    BEGIN INSERT INTO t VALUES (i); RAISE 'x'; EXCEPTION WHEN raise_exception THEN NULL; END;
END LOOP; END $$
SQL
wait_for('the burner is ended', sub { count_sessions('burner') == 1 });
audited('burner', 'xid_rate');
ok(alive($calm), 'another session of the same tenant is left alone');
ok(alive($other), 'and one of another tenant');
my $loop = login('loop');
$loop->start_query('DO $$ BEGIN LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
wait_for('the loop is ended', sub { count_sessions('loop') == 0 });
audited('loop', 'xid_rate');

sub some { return "DO \$\$ BEGIN FOR i IN 1 .. $_[0] LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END \$\$"; }
my @crowd = map { login('crowd') } 1 .. 10;
wait_for('some of the crowd are ended', sub { eval { $_->query(some(700)) } for @crowd; count_sessions('crowd') < 10 });
audited('crowd', 'xid_rate');
wait_for('those who come and go are ended', sub {
	eval { my $session = login('comers'); $session->query(some(400)); $session->close };
	$host->control("SELECT count(*) > 0 FROM appinfra.audit WHERE action = 'end_session' AND db_id = '$tenant{comers}{db_id}'") eq 't' });
audited('comers', 'xid_rate');
cmp_ok($host->control("SELECT max(rate_limit) FROM appinfra.xid_use()"), '==', 500, 'xid_use() tells the limit');
ok(alive($other), 'the other tenant never noticed');

unlike(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/terminated by signal|PANIC/, 'no process of the server crashed');
done_testing();
