# A host of 0.1.0 with a past (test/upgrade/0.1.0.sql) under the library of this version: until the extension
# is updated nothing is done to its registry, and whoever asks is told why; ALTER EXTENSION UPDATE makes of it
# what a fresh installation is, keeps what it knows, and the host goes on.
use strict;
use warnings;
use Appinfra;
use Appinfra::Kill qw(find_process);
use Appinfra::Rest;
use Appinfra::Wait qw(reaches wait_for);
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $host = Appinfra->make('updated', pool_size => 2, extension => 0);
my $fresh = Appinfra->make('fresh', pool_size => 2);
my $current = $fresh->control('SELECT appinfra.version()');

# --- what is compared ----------------------------------------------------------------------------------
# The rows of the registry, {table} => [rows]; shells belong to the server.
sub registry
{
	my ($run) = @_;
	my %rows;
	for my $table (qw(host tenant binding variable credential publication audit_log audit_seal))
	{
		my $rows = $run->("SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)), '[]') FROM appinfra.$table t");
		$rows{$table} = decode_json($rows);
	}
	return \%rows;
}

# The same rows with no more columns than those of another time had.
sub with_columns_of
{
	my ($rows, $past) = @_;
	my %cut;
	for my $table (keys %$past)
	{
		my @columns = keys %{ $past->{$table}[0] // {} };
		$cut{$table} = [ map { my $row = $_; +{ map { $_ => $row->{$_} } @columns } } @{ $rows->{$table} } ];
	}
	return \%cut;
}

# Everything that an installation is in the catalogs, a line each.
sub catalog
{
	my ($host) = @_;
	my $lines = $host->control(<<'SQL');
SET search_path = pg_catalog;
CREATE TEMP TABLE member AS
    SELECT classid, objid FROM pg_depend
     WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
       AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'appinfra');
CREATE TEMP TABLE relation AS
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'appinfra';
SELECT 'extension', extversion, extrelocatable, obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'appinfra'
UNION ALL SELECT 'kept by dumps', c.oid::regclass::text, false, condition
  FROM pg_extension, unnest(extconfig, extcondition) AS k (oid, condition) JOIN pg_class c USING (oid) WHERE extname = 'appinfra'
UNION ALL SELECT 'member', pg_describe_object(classid, objid, 0), false, NULL FROM member
 ORDER BY 1, 2;
SELECT 'schema', nspname, obj_description(n.oid, 'pg_namespace'), a::text
  FROM pg_namespace n LEFT JOIN unnest(nspacl) a ON true WHERE nspname = 'appinfra' ORDER BY 4;
SELECT 'relation', oid::regclass, relkind, relpersistence, relrowsecurity, reloptions, obj_description(oid, 'pg_class') FROM relation ORDER BY 2;
SELECT 'right to a relation', oid::regclass, a::text FROM relation, unnest(relacl) a ORDER BY 2, 3;
SELECT 'column', attrelid::regclass, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname, format_type(atttypid, atttypmod),
       attnotnull, attidentity, attgenerated, attacl, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
  FROM pg_attribute JOIN relation r ON r.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attnum > 0 AND NOT attisdropped AND relkind <> 'i' ORDER BY 2, 3;
SELECT 'constraint', conrelid::regclass, conname, pg_get_constraintdef(k.oid), convalidated, obj_description(k.oid, 'pg_constraint')
  FROM pg_constraint k JOIN relation r ON r.oid = conrelid ORDER BY 2, 3;
SELECT 'index', pg_get_indexdef(indexrelid), indisvalid FROM pg_index JOIN relation r ON r.oid = indrelid ORDER BY 2;
SELECT 'trigger', pg_get_triggerdef(t.oid), tgenabled FROM pg_trigger t JOIN relation r ON r.oid = tgrelid WHERE NOT tgisinternal ORDER BY 2;
SELECT 'view', oid::regclass, pg_get_viewdef(oid) FROM relation WHERE relkind = 'v' ORDER BY 2;
SELECT 'sequence', seqrelid::regclass, seqtypid::regtype, seqincrement, seqmin, seqmax, seqcache, seqcycle,
       CASE WHEN seqrelid <> 'appinfra.audit_log_id_seq'::regclass THEN seqstart END
  FROM pg_sequence JOIN relation r ON r.oid = seqrelid ORDER BY 2;
SELECT 'function', p.oid::regprocedure, pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'appinfra' ORDER BY 2;
SELECT 'right to a function', p.oid::regprocedure, a::text
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace, unnest(proacl) a WHERE nspname = 'appinfra' ORDER BY 2, 3;
SELECT 'type', t.oid::regtype, typtype, format_type(typbasetype, typtypmod), obj_description(t.oid, 'pg_type'),
       (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
  FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = 'appinfra' ORDER BY 2;
SELECT 'right to a type', t.oid::regtype, a::text FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace, unnest(typacl) a
 WHERE nspname = 'appinfra' ORDER BY 2, 3;
SELECT 'role', rolname, rolcanlogin, rolinherit FROM pg_roles WHERE rolname ~ '^appinfra_(admin|auditor|publisher)$' ORDER BY 2;
SQL
	return [ sort split /\n/, $lines ];
}

# Whether the server's log has it.
sub logged { return slurp_file($host->logfile) =~ $_[0]; }

# What only one of two lists has.
sub differences
{
	my ($is, $wanted) = @_;
	my (%is, %wanted);
	$is{$_}++ for @$is;
	$wanted{$_}++ for @$wanted;
	return join "\n", (map { "- $_" } grep { !$is{$_} } @$wanted), (map { "+ $_" } grep { !$wanted{$_} } @$is);
}

# --- a host of 0.1.0 is there ----------------------------------------------------------------------------
$host->safe_psql('postgres', 'DROP DATABASE control WITH (FORCE)');
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', Appinfra::test_file('upgrade/0.1.0.sql'), $host->connstr('postgres') ],
	'>', \$out, '2>', \$err);
is($err, '', 'the dump of a host of 0.1.0 is restored');
is($host->control('SELECT appinfra.version()'), '0.1.0', 'with the extension of 0.1.0');
is($host->control("SELECT string_agg(DISTINCT status, ' ' ORDER BY status) FROM appinfra.databases"), 'dropped ready retained revoked',
	'with tenants in each state');
my $asked = sub { return $host->control($_[0]) };
my $past = registry($asked);
my $dsn = sub { my ($user, $database) = @_; return sprintf 'postgres://%s:upgraded@127.0.0.1:%d/%s', $user, $host->port, $database };

# --- until it is updated -----------------------------------------------------------------------------------
reaches { wait_for('the scheduler', sub { logged(qr/WARNING:  appinfra does nothing: the extension in database "control"/) }) }
	'the scheduler says that it does nothing';
my $hint = qr/ERROR:  55000: .*\n(?:.*\n)*DETAIL:  .*version 0\.1\.0.*version \Q$current\E\.\n(?:.*\n)*HINT:  .*ALTER EXTENSION appinfra UPDATE/;
my @calls = split /\n/, $host->control(<<'SQL');
SELECT format('SELECT * FROM appinfra.%I(%s)', proname, (SELECT string_agg('NULL::' || t::regtype, ', ') FROM unnest(proargtypes) t))
  FROM pg_proc WHERE pronamespace = 'appinfra'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
   AND prorettype <> 'trigger'::regtype AND proname <> 'check_installation'
SQL
my @answered;
for my $call (@calls)
{
	my ($code, undef, $errors) = $host->try_control($call);
	push @answered, $call =~ /appinfra\.(\w+)/ if $errors !~ $hint;
}
is(join(' ', sort @answered), 'has_sessions is_running public_address retention service_username',
	'every function that needs the registry refuses, with the way out');
cmp_ok(scalar @calls, '>', 20, 'and there are many');
my ($code, $seen, $errors) = $host->as_app($dsn->('app_direct', 'app_direct'), 'SELECT n FROM kept');
is($seen, 7, 'tenants notice nothing') or diag $errors;
my $rest = Appinfra::Rest->start($host);
my $unready = $rest->call(GET => '/readyz');
is($unready->{status}, 503, 'the sidecar is not ready');
is_deeply($unready->{json}{reasons}, ["the extension is of version 0.1.0, the sidecar of $current"], 'and says why');
reaches { wait_for('a claim', sub { logged(qr/ appinfrad ERROR:  the extension "appinfra" is not of the version of its library/) }) }
	'it is refused what it would deliver';
is($host->control('SELECT count(*) FROM appinfra.pool'), 0, 'no shell is built');
is(find_process($host, qr/appinfra (?:builder|janitor)/), undef, 'by nobody');
is_deeply(registry($asked), $past, 'nothing is changed in the registry');

# --- the update ------------------------------------------------------------------------------------------------
my $session = $host->background_psql('control');
$session->query_safe('BEGIN; ALTER EXTENSION appinfra UPDATE');
my $kept = registry(sub { return $session->query_safe($_[0]) });
$session->query_safe('COMMIT');
$session->quit;
is($host->control('SELECT appinfra.version()'), $current, 'ALTER EXTENSION UPDATE makes it one of this version');
is_deeply(with_columns_of($kept, $past), $past, 'all that 0.1.0 knew is kept');
is(differences(catalog($host), catalog($fresh)), '', 'and the catalogs have what a fresh installation has');

# --- it goes on ----------------------------------------------------------------------------------------------------
reaches { $host->wait_for_pool(2) } 'the pool fills up';
reaches { $host->wait_until('SELECT ok AND unsealed = 0 FROM appinfra.verify_audit()') } 'the audit log is whole, and sealed anew';
is($host->control("SELECT number, hash FROM appinfra.audit_seals ORDER BY number LIMIT 1"),
	"$past->{audit_seal}[0]{number}|" . substr($past->{audit_seal}[0]{hash}, 2), 'with the seal of old');
my %id = map { split /\|/ } split /\n/, $host->control('SELECT slug, db_id FROM appinfra.databases');
($code, $seen, $errors) = $host->as_app($host->provision(app_id => 'app-new', slug => 'shop', publish => 0)->{url}, 'SELECT current_database()');
like($seen, qr/^app_shop_[0-9a-f]{6}$/, 'a tenant is provisioned, beside the one that has the name') or diag $errors;
my $next = decode_json($host->control("SELECT row_to_json(c) FROM appinfra.rotate_credential('$id{direct}', publish => false) c"));
is(($host->as_app($next->{url}, 'SELECT n FROM kept'))[1], 7, 'a tenant of old is rotated: the new login finds its data');
$host->control("SELECT appinfra.revoke_credential('app_direct')");
is($host->control("SELECT appinfra.wait_revoked('app_direct')"), 't', 'a login of old is revoked');
is(($host->as_app($dsn->('app_direct', 'app_direct'), 'SELECT 1'))[0], 2, 'and lets nobody in');
reaches { $host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_direct'") } 'and its role goes';
my $restored = decode_json($host->control("SELECT row_to_json(c) FROM appinfra.restore_tenant('$id{retained}', publish => false) c"));
is(($host->as_app($restored->{url}, 'SELECT current_database()'))[1], 'app_retained', 'a retained tenant is restored');
is($rest->call(GET => '/readyz')->{status}, 200, 'the sidecar, which was not started anew, is ready');
is(($host->as_app($host->wait_for_env('app-owed', 'DATABASE_URL'), 'SELECT current_database()'))[1], 'app_owed',
	'what was owed is delivered, and logs in');
$host->control("SELECT appinfra.retry_publication(publication_id) FROM appinfra.publications WHERE status = 'failed'");
is(($host->as_app($host->wait_for_env('app-failed', 'DATABASE_URL'), 'SELECT current_database()'))[1], 'app_failed',
	'and what had failed');
is($rest->process->stop, 0, 'the sidecar stops');
$host->wait_for_pool(2);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
