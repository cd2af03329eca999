# A dump of the control database keeps the registry and its sequences; pg_dumpall keeps the host.
# What a restored registry names, and the host does not have, stands in nobody's way.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wait qw(reaches);
use IPC::Run;
use JSON::PP;
use Test::More;

my $source = Appinfra->make('source', pool_size => 2);
my $both = { DATABASE_URL => 'writer', DATABASE_SERVICE_URL => 'service', OWNER_URL => 'owner' };
my $direct = $source->provision(app_id => 'app-direct', slug => 'shop', env => $both, publish => 0,
	idempotency_key => 'key-1');
$source->provision(app_id => 'app-sent', slug => 'sent');
$source->provision(app_id => 'app-held', slug => 'held');
my ($claimed) = map { decode_json($_) } $source->control(
	"SELECT row_to_json(c) FROM appinfra.claim_publications('w', 1) c");
$source->control("SELECT appinfra.complete_publication($claimed->{publication_id}, '$claimed->{claim}')");
my $held = decode_json($source->control(
	"SELECT row_to_json(c) FROM appinfra.claim_publications('w', 1, '1 hour') c"));
$source->provision(app_id => 'app-owed', slug => 'owed');
my ($code, $out, $err) = $source->as_app($direct->{env}{OWNER_URL},
	"CREATE TABLE item (n int); INSERT INTO item VALUES (7)");
is($code, 0, 'a tenant has data') or diag $err;

# Everything a dump keeps, as text.
sub registry
{
	my ($host) = @_;
	my @tables = qw(host tenant binding variable credential publication audit_log);
	return join "\n",
	  map { $host->control("SELECT '$_', to_jsonb(t) - '{database_oid,role_oid,guard,started_at,floor,system_identifier,data_directory,public_host,held_since,held_because}'::text[] FROM appinfra.$_ t "
			  . "WHERE coalesce(to_jsonb(t)->>'application_name' !~ '^appinfra ', true) ORDER BY 2") } @tables;
}

sub run_command
{
	my ($name, @command) = @_;
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run(\@command, '>', \$stdout, '2>', \$stderr);
	return ($ok ? 0 : 1, $stdout, $stderr);
}

# so that the dump has both: rows that are sealed, and some that are not yet
$source->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()');
$source->control("SELECT appinfra.set_rotation('$direct->{db_id}', NULL)");

# --- a dump of the control database into a fresh cluster ---------------------------------------------
my $file = $source->basedir . '/control.sql';
($code, $out, $err) = run_command('dump', 'pg_dump', '-f', $file, $source->connstr('control'));
is("$code $err", '0 ', 'pg_dump of the control database');
my $alone = 'appinfra.republish = never';
my $fresh = Appinfra->make('fresh', pool_size => 2, extension => 0, conf => $alone);
($code, $out, $err) =
  run_command('restore', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', $file, $fresh->connstr('control'));
is("$code $err", '0 ', 'is restored without an error');
is(registry($fresh), registry($source), 'tenants, bindings, credentials, publications, audit and host id are there');
reaches { $fresh->wait_for_pool(2) } 'the pool of the new host fills up';
$fresh->wait_until('SELECT ok AND unsealed = 0 FROM appinfra.verify_audit()', 'the audit log is whole and sealed');
my ($head) = $source->control('SELECT number, hash FROM appinfra.audit_seals ORDER BY number LIMIT 1');
is($fresh->control('SELECT number, hash FROM appinfra.audit_seals ORDER BY number LIMIT 1'), $head,
	'the seals came along, and all fit');
is( $fresh->control("SELECT count(*) FROM appinfra.databases d WHERE EXISTS (SELECT FROM appinfra.pool p WHERE p.db_id = d.db_id)"),
	0, 'shells were not dumped');

my $new = $fresh->provision(app_id => 'app-new', slug => 'fresh', publish => 0);
is(($fresh->as_app($new->{url}, 'SELECT current_database()'))[1], 'app_fresh', 'provisioning works there');
$new = $fresh->provision(app_id => 'app-newer', slug => 'newer');
cmp_ok(
	$fresh->control("SELECT publication_id FROM appinfra.publications WHERE app_id = 'app-newer'"), '>',
	$source->control('SELECT max(publication_id) FROM appinfra.publications'),
	'publication ids go on');

# the registry names app_shop and its logins, and this host does not have them
$new = eval { $fresh->provision(app_id => 'app-other', slug => 'shop', publish => 0) } // {};
like($new->{database}, qr/^app_shop_[0-9a-f]{6}$/, 'a name that only the registry has is taken');
is(($fresh->as_app($new->{url}, 'SELECT 1'))[1], '1', 'its DSN logs in') if $new->{url};
($code, $out, $err) = $fresh->try_control($fresh->provision_sql(app_id => 'app-direct', slug => 'again'));
like($err, qr/ERROR:  23505: app "app-direct" already has a database in "DATABASE_URL"/,
	'a variable that the registry has is taken');
my $again = $fresh->provision(app_id => 'app-direct', slug => 'shop', env => $both, publish => 0,
	idempotency_key => 'key-1');
is($again->{db_id}, $direct->{db_id}, 'an idempotency key is remembered');

# One publication is owed for a tenant that is not here: it must not keep the others from being
# claimed, or a lost host would stop the sidecar of the new one.
$fresh->control('SELECT appinfra.accept_restore(now())');
my @claims = map { decode_json($_) } split /\n/,
  ($fresh->try_control("SELECT row_to_json(c) FROM appinfra.claim_publications('w', 100) c"))[1];
ok((grep { $_->{app_id} eq 'app-newer' } @claims),
	'a publication for a login that is not here does not stop the others');
is( $fresh->control("SELECT status, error, not_before > now() FROM appinfra.publications WHERE app_id = 'app-owed'"),
	'pending|role "app_owed_owner" does not exist|t',
	'and says why it has to wait');

# --- pg_dumpall of the host, restored elsewhere ----------------------------------------------------------
my $all = $source->basedir . '/all.sql';
($code, $out, $err) = run_command('dumpall', 'pg_dumpall', '-f', $all, '-d', $source->connstr('postgres'));
is("$code $err", '0 ', 'pg_dumpall');
my $copy = Appinfra->make('copy', pool_size => 2, extension => 0, conf => $alone);
$copy->safe_psql('postgres', 'DROP DATABASE control WITH (FORCE)');
($code, $out, $err) = run_command('restore', 'psql', '-XqAt', '-f', $all, $copy->connstr('postgres'));
my @errors = grep { /ERROR|FATAL/ && !/role "\w+" already exists/ } split /\n/, $err;
is_deeply(\@errors, [], 'is restored without an error but that of the superuser, who exists');
is(registry($copy), registry($source), 'the registry is there');
reaches { $copy->wait_for_pool(2) } 'the pool fills up';
$copy->wait_until("SELECT count(*) > 1 AND bool_and(r.oid = c.role_oid AND d.oid = t.database_oid) FROM appinfra.credential c"
	  . ' JOIN pg_roles r ON r.rolname = c.role_name JOIN appinfra.tenant t USING (db_id) JOIN pg_database d ON d.datname = t.database',
	'roles and databases to be known by their OIDs here');
for my $variable (sort keys %$both)
{
	($code, $out, $err) = $copy->as_app($direct->{env}{$variable},
		"SET row_security = on; SELECT (SELECT n FROM item), current_user", PGPORT => $copy->port);
	my $access = $both->{$variable};
	is($out, "7|app_shop_$access", "a DSN of the lost host logs in, as its $access");
}
($code, $out, $err) = $copy->as_app($direct->{url}, 'SELECT 1', PGPORT => $copy->port, PGDATABASE => 'control');
is($code, 2, 'and not to another database');
$new = $copy->provision(app_id => 'app-new', slug => 'shop', publish => 0);
is(($copy->as_app($new->{url}, 'SELECT 1'))[1], '1', 'provisioning works there');
my $claim = "SELECT row_to_json(c) FROM appinfra.claim_publications('w', 100) c";
is($copy->control($claim), '', 'a copy hands out nothing');
$copy->control('SELECT appinfra.accept_restore(now())');
@claims = map { decode_json($_) } split /\n/,
  $copy->control("SELECT row_to_json(c) FROM appinfra.claim_publications('w', 100) c");
is(join(' ', map { $_->{app_id} } @claims), 'app-owed', 'what was owed is still owed there');
is(($copy->as_app($claims[0]{set}{DATABASE_URL}, 'SELECT 1', PGPORT => $copy->port))[1], '1', 'and logs in');
$copy->wait_for_pool(2);
is_deeply([ $copy->orphans ], [], 'no orphans there');

done_testing();
