# Revocation is real: from its commit on nobody logs in, and what was logged in ends; against a crowd
# that reconnects as fast as it can, and against a login that is only half done.
use strict;
use warnings;
use Appinfra;
use Appinfra::Crowd;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wire;
use JSON::PP;
use Time::HiRes qw(time);
use Test::More;

my $crowd_size = 50;
my $host = Appinfra->make('revocation', pool_size => 3,
	conf => "appinfra.tenant_connection_limit = 70\nmax_connections = 120\n");

# Processes that are a session of the user, as the system shows them; who only tries is not one yet.
sub processes
{
	my ($user) = @_;
	open my $children, '<', "/proc/$host->{_pid}/task/$host->{_pid}/children" or die $!;
	# one may end before it is read
	my @titles = map { (eval { PostgreSQL::Test::Utils::slurp_file("/proc/$_/cmdline") } // '') =~ s/\0.*//sr }
	  split ' ', <$children> // '';
	return grep { /: \Q$user\E / && !/ (initializing|authentication|startup)\s*$/ } @titles;
}

sub nobody_is_in
{
	my ($user, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($host->control("SELECT count(*) FROM pg_stat_activity WHERE usename = '$user' AND backend_start < now() - interval '0.5 s'"),
		0, "$name: no session in pg_stat_activity");
	is( $host->control("SELECT count(*) FROM pg_locks l WHERE database = (SELECT oid FROM pg_database WHERE datname = '$user')"
			  . " AND locktype IN ('relation', 'tuple')"),
		0,
		"$name: nobody holds a lock in the database");
	is_deeply([ processes($user) ], [], "$name: no process");
	return;
}

sub credential
{
	my ($user) = @_;
	return decode_json($host->control("SELECT row_to_json(c) FROM appinfra.credentials c WHERE username = '$user'"));
}

# --- in a transaction ----------------------------------------------------------------------------------
my $calm = $host->provision(app_id => 'app-calm', slug => 'calm', publish => 0);
my $session = Appinfra::Wire->login($calm->{url});
my ($code, $out, $err) = $host->try_control("BEGIN; SELECT appinfra.revoke_credential('app_calm'); SELECT appinfra.wait_revoked('app_calm')");
like($err, qr/ERROR:  55000: the revocation is not committed yet/, 'waiting in the transaction that revokes is refused');
my $revoker = $host->background_psql('control');
$revoker->query_safe("BEGIN; SELECT appinfra.revoke_credential('app_calm', 'by mistake')");
is($session->query('SELECT 1')->[0][0], 1, 'before the commit the session works');
($code, $out, $err) = $host->as_app($calm->{url}, 'SELECT 1');
is($out, 1, 'and the login logs in') or diag $err;
($code, $out, $err) = $host->try_control("SELECT appinfra.wait_revoked('app_calm', '1 s')");
like($err, qr/ERROR:  55000: credential "app_calm" is not revoked/, 'to others it is not revoked');
$revoker->query_safe('ROLLBACK');
# the scheduler has had a turn since: it has ended what another revocation left
my $other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
$host->control("SELECT appinfra.revoke_credential('app_other')");
is($host->control("SELECT appinfra.wait_revoked('app_other')"), 't', 'another credential is revoked');
$host->wait_until("SELECT sessions_ended_at IS NOT NULL FROM appinfra.credentials WHERE username = 'app_other'");
is($session->query('SELECT 1')->[0][0], 1, 'after a rollback the session works');
($code, $out, $err) = $host->as_app($calm->{url}, 'SELECT 1');
is($out, 1, 'and the login logs in') or diag $err;
is(credential('app_calm')->{state}, 'active', 'and is active');
is($host->control("SELECT count(*) FROM appinfra.audit WHERE credential = 'app_calm' AND action = 'revoke_credential'"),
	0, 'the audit tells of no revocation');

$revoker->query_safe("BEGIN; SELECT appinfra.revoke_credential('app_calm', 'in earnest'); COMMIT");
is($session->wait_end, "57P01 terminating connection due to administrator command\n", 'after a commit the session is ended, unasked');
($code, $out, $err) = $host->as_app($calm->{url}, 'SELECT 1');
is($code, 2, 'and nobody logs in');
is($host->control("SELECT appinfra.wait_revoked('app_calm')"), 't', 'wait_revoked says so');
$host->wait_until("SELECT sessions_ended_at IS NOT NULL FROM appinfra.credentials WHERE username = 'app_calm'");
my $shown = credential('app_calm');
is("$shown->{reason} $shown->{sessions_ended}", 'in earnest 1', 'the view has the reason and how many sessions there were');
cmp_ok($shown->{sessions_ended_at}, 'ge', $shown->{revoked_at}, 'and when the last one ended');
is($host->control("SELECT appinfra.revoke_credential('app_calm', 'again')"), '', 'revoking again is nothing');
is(credential('app_calm')->{reason}, 'in earnest', 'and changes nothing');
$revoker->quit;

# --- a login that is half done ---------------------------------------------------------------------------
my $half = $host->provision(app_id => 'app-half', slug => 'half', publish => 0);
my @half = map { Appinfra::Wire->begin($half->{url}) } 1 .. 3;
$host->control("SELECT appinfra.revoke_credential('app_half')");
is($host->control("SELECT appinfra.wait_revoked('app_half')"), 't', 'who has yet to prove the password is no session');
for my $client (@half)
{
	# it was asked for the proof of the right password before the commit; the role may be gone by now
	eval { $client->finish };
	like($@, qr/^(28000 role "app_half" (is not permitted to log in|does not exist)|42501 |28P01 )/,
		'proving it afterwards is too late');
}

# --- a crowd --------------------------------------------------------------------------------------------
my $tenant = $host->provision(app_id => 'app-crowd', slug => 'crowd', publish => 0,
	env => { DATABASE_URL => 'owner', OTHER_URL => 'owner' });
my ($dsn, $sibling) = @{ $tenant->{env} }{qw(DATABASE_URL OTHER_URL)};
my $user = parse_dsn($dsn)->{user};
$host->as_app($sibling, 'CREATE TABLE mark (client int, at timestamptz DEFAULT clock_timestamp())');
# a third each: a query, a transaction that commits, one that stays open for a while
my @sql = (
	'SELECT 1',
	'BEGIN; INSERT INTO mark (client) VALUES (1); COMMIT',
	'BEGIN; INSERT INTO mark (client) VALUES (2); SELECT pg_sleep(0.2); ROLLBACK');
my $crowd = Appinfra::Crowd->start($crowd_size, sub { $dsn }, dir => $host->basedir, sql => sub { $sql[ $_[0] % 3 ] });
my @held = map { my $c = Appinfra::Wire->login($dsn); $c->query('BEGIN; INSERT INTO mark (client) VALUES (3)'); $c } 1 .. 3;
$crowd->wait_for_logins;

my $before = time;
$host->control("SELECT appinfra.revoke_credential('$user', 'crowd')");
my $committed = time;
is($host->control("SELECT appinfra.wait_revoked('$user', '20 s')"), 't', "$crowd_size clients: wait_revoked is true");
my $ended = time;
note sprintf 'wait_revoked was true %.0f ms after the commit', 1000 * ($ended - $committed);
nobody_is_in($user, 'crowd');
$crowd->wait_for_attempts($ended);
$crowd->wait_for_attempts(time);
nobody_is_in($user, 'crowd, later');
is($host->control("SELECT appinfra.wait_revoked('$user')"), 't', 'it stays true');
is($host->safe_psql('app_crowd', 'SELECT count(*) FROM mark WHERE client = 3'), 0, 'open transactions were rolled back');
$crowd->stop;
my @seen = $crowd->seen;
is(scalar(grep { $_->{ok} && $_->{began} > $committed } @seen), 0, 'no login that began after the commit succeeded');
cmp_ok(scalar(grep { !$_->{ok} && $_->{began} > $committed } @seen), '>=', 2 * $crowd_size, 'many tried');
cmp_ok(scalar(grep { $_->{ok} && $_->{began} < $before } @seen), '>=', $crowd_size, 'and before they had come in');
is( $host->safe_psql('app_crowd', "SELECT count(*) FROM mark WHERE at > to_timestamp($ended)"), 0,
	'nothing was written after the last session ended');
for (@held)
{
	like($_->wait_end, qr/^57P01 /, 'a session in a transaction was ended');
}
$shown = credential($user);
cmp_ok($shown->{sessions_ended}, '>=', 3, 'the view counts the sessions');
($code, $out, $err) = $host->as_app($sibling, 'INSERT INTO mark (client) VALUES (9) RETURNING client');
is($out, 9, 'the other login of the tenant works as before') or diag $err;

# --- all logins of a tenant -------------------------------------------------------------------------------
my @sessions = map { Appinfra::Wire->login($sibling) } 1 .. 2;
is($host->control("SELECT appinfra.revoke_tenant('$tenant->{db_id}', 'all')"), 1, 'revoke_tenant says how many it revoked');
is($host->control("SELECT appinfra.wait_revoked('" . parse_dsn($sibling)->{user} . "')"), 't', 'their sessions end');
like($_->wait_end, qr/^57P01 /, 'each') for @sessions;
is($host->control("SELECT status FROM appinfra.databases WHERE db_id = '$tenant->{db_id}'"), 'revoked', 'the database is revoked');
is($host->safe_psql('app_crowd', 'SELECT count(*) FROM mark WHERE client = 9'), 1, 'its data is there');

# --- an expired login ----------------------------------------------------------------------------------------
my $plain = $host->provision(app_id => 'app-plain', slug => 'plain', publish => 0);
my $visitor = decode_json($host->control("SELECT row_to_json(c) FROM appinfra.issue_credential('$plain->{db_id}', 'reader', '3 s') c"));
my $visit = Appinfra::Wire->login($visitor->{url});
is($visit->query('SELECT 1')->[0][0], 1, 'a credential with valid_for works');
like($visit->wait_end, qr/^57P01 /, 'its session ends when it expires');
is($host->control("SELECT clock_timestamp() >= valid_until AND reason = 'expired' FROM appinfra.credentials WHERE username = '$visitor->{username}'"),
	't', 'not before');
($code, $out, $err) = $host->as_app($visitor->{url}, 'SELECT 1');
is($code, 2, 'and nobody logs in');

$host->wait_until("SELECT count(*) = 0 FROM appinfra.credentials WHERE state = 'revoked'", 'all revoked logins to be dropped');
is($host->control("SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname IN ('app_calm', 'app_other', 'app_half', '$user', '$visitor->{username}')"),
	'', 'the roles of all of them are dropped');
is_deeply([ $host->orphans('appinfra_sidecar') ], [], 'no orphans');
done_testing();
