# Makes the dump of a host with a past, from which test/tap/075_upgrade.pl shows that a later version can
# go on: test/upgrade/VERSION.sql. Run by hand, once for each version that is released, in its own tree:
#
#   APPINFRA_DUMP=/tmp/0.1.0.sql SUITES=tap TAP=test/upgrade/dump.pl make check
#
# The host has a tenant in each state, publications in each, a rotation, service users, revocations,
# refusals, and an audit log with seals. Each password in the dump is "upgraded".
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use JSON::PP;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;

my $host = Appinfra->make('past', pool_size => 3);
my $long = '50 years';

sub rows { return map { decode_json($_) } split /\n/, $host->control("SELECT row_to_json(r) FROM $_[0] r"); }
sub claim { return rows("appinfra.claim_publications('past', $_[0], '1 day')"); }

sub deliver
{
	$host->control("SELECT appinfra.complete_publication($_->{publication_id}, '$_->{claim}', '{\"stored\": true}')") for claim(100);
	return;
}

# --- ready, delivered, rotated ------------------------------------------------------------------------
my $all = { OWNER_URL => 'owner', DATABASE_URL => 'writer', READER_URL => 'reader', SERVICE_URL => 'service' };
my $shop = $host->provision(app_id => 'app-shop', slug => 'shop', env => $all, idempotency_key => 'shop-1');
my $direct = $host->provision(app_id => 'app-direct', slug => 'direct', publish => 0);
is(($host->as_app($direct->{url}, 'CREATE TABLE kept AS SELECT 7 AS n'))[0], 0, 'a tenant has data');
isnt(($host->as_app($direct->{url}, "COPY kept TO '/tmp/kept'"))[0], 0, 'and is refused something');
deliver();
$host->control("SELECT appinfra.rotate_credential('$shop->{db_id}', 'DATABASE_URL', grace => '$long', deadline => '$long')");
deliver();
$host->control("SELECT appinfra.set_rotation('$shop->{db_id}', '$long')");
$host->control("SELECT appinfra.create_service_user('$shop->{db_id}', 'svc-1', 'host-$_', 'writer')") for 1 .. 2;
deliver();
$host->control("SELECT appinfra.drop_service_user('$shop->{db_id}', 'svc-1', 'host-2')");
deliver();
$host->control("SELECT appinfra.issue_credential('$direct->{db_id}', 'reader', '$long')");

# --- revoked, retained, dropped --------------------------------------------------------------------------
my $leaked = decode_json($host->control("SELECT row_to_json(c) FROM appinfra.issue_credential('$direct->{db_id}', 'owner') c"));
$host->control("SELECT appinfra.revoke_credential('$leaked->{username}', 'leaked')");
my %left = map { $_ => $host->provision(app_id => "app-$_", slug => $_) } qw(revoked retained dropped);
deliver();
$host->control("SELECT appinfra.revoke_tenant('$left{revoked}{db_id}', 'a reason')");
$host->control("SELECT appinfra.deprovision_tenant('$left{retained}{db_id}', '$long')");
$host->control("SELECT appinfra.deprovision_tenant('$left{dropped}{db_id}', '0')");
deliver();

# --- failed, held, owed -------------------------------------------------------------------------------------
$host->provision(app_id => 'app-failed', slug => 'failed');
$host->control("SELECT appinfra.fail_publication($_->{publication_id}, '$_->{claim}', 'HTTP 422', 'no')") for claim(1);
$host->provision(app_id => 'app-held', slug => 'held');
is(scalar(claim(1)), 1, 'one is held');
$host->provision(app_id => 'app-owed', slug => 'owed');
$host->wait_until("SELECT count(*) = 3 FROM appinfra.databases WHERE status IN ('revoked', 'retained', 'dropped')");
$host->wait_until("SELECT count(*) = 0 FROM appinfra.credentials WHERE state = 'revoked'");

# --- the dump ---------------------------------------------------------------------------------------------------
$host->append_conf('postgresql.conf', 'appinfra.pool_size = 0');
$host->reload;
$host->wait_until("SELECT count(*) = 0 FROM appinfra.pool");
$host->wait_until("SELECT ok AND unsealed = 0 FROM appinfra.verify_audit()");
# pg_dumpall passes over databases that admit nobody
$host->control("ALTER DATABASE $_ ALLOW_CONNECTIONS true") for $host->control("SELECT database FROM appinfra.databases WHERE status = 'retained'");
my $version = $host->control('SELECT appinfra.version()');
my $verifier = $host->control("SET password_encryption = 'scram-sha-256'; CREATE ROLE known PASSWORD 'upgraded';"
	  . " SELECT rolpassword FROM pg_authid WHERE rolname = 'known'; DROP ROLE known");
my $file = $host->basedir . '/past.sql';
system('pg_dumpall', '-f', $file, '--exclude-database=appinfra_template', '-d', $host->connstr('postgres')) == 0 or die;
my $dump = slurp_file($file);
my $user = getpwuid($>);
$dump =~ s/SCRAM-SHA-256\$[^']+/$verifier/g;
$dump =~ s/^CREATE EXTENSION IF NOT EXISTS appinfra (WITH SCHEMA public).*/CREATE EXTENSION appinfra $1 VERSION '$version';/m;
$dump =~ s/^(?:CREATE|ALTER) ROLE $user\b.*\n//mg; # who restores it is another superuser
$dump =~ s/ GRANTED BY $user;/;/g;
$dump =~ s/^ALTER .* OWNER TO $user;\n//mg;
$dump =~ s/^(?:--|\\restrict|\\unrestrict).*\n//mg;
$dump =~ s/\n{2,}/\n/g;
unlike($dump, qr/\Q$_->{password}\E/, 'no password is in it') for $direct, $leaked;
append_to_file($ENV{APPINFRA_DUMP}, "-- A host of version $version with a past, made by test/upgrade/dump.pl. Passwords are \"upgraded\".\n$dump")
  if $ENV{APPINFRA_DUMP};
done_testing();
