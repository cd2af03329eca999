# Rotation costs an app nothing: not one that reconnects for every query with what its environment says,
# not one that reads its environment at a deploy long after grace. The old login goes when it is due.
use strict;
use warnings;
use Appinfra;
use Appinfra::Crowd;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Publications qw(publication wait_for_status wait_until_settled);
use Appinfra::Wait qw(reaches);
use Appinfra::Wire;
use JSON::PP;
use Time::HiRes qw(time);
use Test::More;

my $host = Appinfra->make('rotation', pool_size => 4);
my $sidecar = $host->start_sidecar;

sub rotate
{
	my ($tenant, %args) = @_;
	my $list = join ', ', "'$tenant->{db_id}'", map { "$_ => '$args{$_}'" } sort keys %args;
	return decode_json($host->control("SELECT row_to_json(c) FROM appinfra.rotate_credential($list) c"));
}

sub state_of
{
	my ($user) = @_;
	return $host->control("SELECT state FROM appinfra.credentials WHERE username = '$user'");
}

sub user { return parse_dsn($_[0])->{user}; }

sub errors
{
	my (@seen) = @_;
	my %errors;
	$errors{ $_->{error} }++ for grep { !$_->{ok} } @seen;
	return [ map { "$errors{$_} x $_" } sort keys %errors ];
}

# Waits until the server's clock has passed a time, given as SQL.
sub wait_for_time { return $host->wait_until("SELECT clock_timestamp() > $_[0]"); }

# --- under load -------------------------------------------------------------------------------------------
my $rotations = 20;
my $busy = $host->provision(app_id => 'app-busy', slug => 'busy');
my $first = $host->wait_for_env('app-busy', 'DATABASE_URL');
$host->as_app($first, 'CREATE TABLE hits (at timestamptz DEFAULT clock_timestamp())');
my $crowd = Appinfra::Crowd->start(6, sub { $host->app_env('app-busy')->{DATABASE_URL} }, dir => $host->basedir,
	sql => sub { 'INSERT INTO hits DEFAULT VALUES RETURNING at' });
$crowd->wait_for_logins;
my $dsn = $first;
for my $n (1 .. $rotations)
{
	rotate($busy, grace => '2 s', deadline => '1 day');
	$dsn = $host->wait_for_env('app-busy', 'DATABASE_URL', $dsn);
}
my $rotated = time;
my $old = user($first);
$host->wait_until("SELECT count(*) = $rotations FROM appinfra.credentials WHERE db_id = '$busy->{db_id}' AND state = 'gone'",
	"$rotations old logins to be gone");
$crowd->wait_for_logins($rotated);
$crowd->stop;
my @seen = $crowd->seen;
cmp_ok(scalar @seen, '>', 5 * $rotations, scalar(@seen) . " queries in $rotations rotations");
is_deeply(errors(@seen), [], 'none of them failed');
my %users = map { $_->{user} => 1 } @seen;
cmp_ok(scalar keys %users, '>', $rotations / 2, 'with ' . keys(%users) . ' different logins');
is($host->control("SELECT count(*) FROM appinfra.credentials WHERE db_id = '$busy->{db_id}' AND state <> 'gone'"), 1, 'one login is left');
is($host->control("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'app\\_busy%' AND rolname !~ '_(owner|writer|reader|service)\$'"), 1, 'and one role');
is($host->control("SELECT bool_and(revoked_at >= retires) FROM (SELECT c.revoked_at, min(s.first_login_at) + interval '2 s' AS retires"
		  . " FROM appinfra.credentials c JOIN appinfra.credentials s ON s.db_id = c.db_id AND s.created_at > c.created_at"
		  . " WHERE c.db_id = '$busy->{db_id}' AND c.state = 'gone' GROUP BY c.username, c.revoked_at) t"), 't',
	'none was revoked before grace was over since a later one had logged in');
my ($code, $out, $err) = $host->as_app($first, 'SELECT 1');
like($err, qr/password authentication failed/, 'the first login does not log in any more');
($code, $out, $err) = $host->as_app($dsn, 'SELECT count(*) > 0 FROM hits');
is($out, 't', 'the last one has the data') or diag $err;

# --- an app that keeps its session, and reads its environment at a deploy ------------------------------------------
my $slow = $host->provision(app_id => 'app-slow', slug => 'slow');
my $deployed = $host->wait_for_env('app-slow', 'DATABASE_URL');
my $dsn_file = $host->basedir . '/deployed';
sub deploy
{
	my ($to) = @_;
	open my $out, '>', "$dsn_file.new" or die $!;
	print $out $to;
	close $out;
	rename "$dsn_file.new", $dsn_file or die $!;
	return;
}
deploy($deployed);
$crowd = Appinfra::Crowd->start(2, sub { PostgreSQL::Test::Utils::slurp_file($dsn_file) }, dir => $host->basedir, pause => 0.01);
$crowd->wait_for_logins;
my $pooled = Appinfra::Wire->login($deployed);    # a session of a connection pool
my $next = $deployed;
for (1 .. 2)
{
	rotate($slow, grace => '0.5 s', deadline => '1 hour');
	$next = $host->wait_for_env('app-slow', 'DATABASE_URL', $next);
}
wait_until_settled($host);
my $published = $host->control("SELECT max(published_at) FROM appinfra.credentials WHERE db_id = '$slow->{db_id}'");
wait_for_time("'$published'::timestamptz + interval '2.5 s'");
is(state_of(user($deployed)), 'retiring', 'long after grace the login that the app has is there');
is($pooled->query('SELECT 1')->[0][0], 1, 'its sessions, too');
$crowd->wait_for_logins(time);
deploy($next);
$crowd->wait_for_logins(time);
$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = '" . user($deployed) . "'");
my $retired = time;
$crowd->wait_for_logins($retired);
$crowd->stop;
is_deeply(errors($crowd->seen), [], 'no query failed before or after the deploy');
is($host->control("SELECT c.revoked_at >= s.first_login_at + interval '0.5 s' FROM appinfra.credentials c, appinfra.credentials s"
		  . " WHERE c.username = '" . user($deployed) . "' AND s.username = '" . user($next) . "'"), 't', 'grace began at the first login of the new one');
like($pooled->wait_end, qr/^57P01 /, 'the session with the old login was ended when it retired');
is($host->control("SELECT count(*) FROM pg_stat_activity WHERE usename = '" . user($deployed) . "'"), 0, 'it has none');
($code, $out, $err) = $host->as_app($deployed, 'SELECT 1');
is($code, 2, 'and does not log in');
is(state_of('app_slow_2'), 'gone', 'one that nobody ever used is gone as well');

# --- an app that never deploys: until the deadline -------------------------------------------------------------------
my $never = $host->provision(app_id => 'app-never', slug => 'never');
$deployed = $host->wait_for_env('app-never', 'DATABASE_URL');
$crowd = Appinfra::Crowd->start(2, sub { $deployed }, dir => $host->basedir, pause => 0.01);
$crowd->wait_for_logins;
rotate($never, grace => '0.1 s', deadline => '3 s');
$host->wait_for_env('app-never', 'DATABASE_URL', $deployed);
wait_for_status($host, 'app-never', 'published');
my $retires_at = $host->control("SELECT extract(epoch FROM retires_at) FROM appinfra.credentials WHERE username = 'app_never'");
$host->wait_until("SELECT state IN ('revoked', 'gone') FROM appinfra.credentials WHERE username = 'app_never'");
$crowd->wait_for_attempts(time);
$crowd->stop;
@seen = $crowd->seen;
my ($failure) = grep { !$_->{ok} } @seen;
is_deeply(errors(grep { $_->{began} < $retires_at - 0.1 } @seen), [], 'no query failed before the deadline that the view shows');
cmp_ok($failure->{began}, '>=', $retires_at - 0.1, 'the first failure is after it');
cmp_ok(scalar(grep { $_->{ok} && $_->{began} < $retires_at } @seen), '>', 50, 'there were many queries before it');
is($host->control("SELECT revoked_at >= to_timestamp($retires_at) FROM appinfra.credentials WHERE username = 'app_never'"), 't', 'it was not revoked earlier');

# --- nobody delivers for longer than grace ------------------------------------------------------------------------------
my $down = $host->provision(app_id => 'app-down', slug => 'down');
$deployed = $host->wait_for_env('app-down', 'DATABASE_URL');
wait_for_status($host, 'app-down', 'published');
is($sidecar->stop, 0, 'the sidecar is stopped');
rotate($down, grace => '0.2 s', deadline => '0.5 s');
my $claimed = $host->control("SELECT publication_id FROM appinfra.claim_publications('gone', 1, '1 s')");
isnt($claimed, '', 'another one claims, and dies');
wait_for_time('(SELECT max(created_at) + interval \'2 s\' FROM appinfra.publications)');
is(state_of('app_down'), 'active', 'after grace and deadline the old login is there: no successor is published');
($code, $out, $err) = $host->as_app($host->app_env('app-down')->{DATABASE_URL}, 'SELECT current_user');
is($out, 'app_down_owner', 'and logs in') or diag $err;
$sidecar = $host->start_sidecar;
$next = $host->wait_for_env('app-down', 'DATABASE_URL', $deployed);
is($host->control("SELECT count(*) FROM appinfra.credentials WHERE db_id = '$down->{db_id}'"), 3, 'the claim that was lost cost a login');
($code, $out, $err) = $host->as_app($next, 'SELECT 1');
is($out, 1, 'the new one logs in') or diag $err;
reaches { $host->wait_until("SELECT count(*) FILTER (WHERE state = 'gone') = 2 FROM appinfra.credentials WHERE db_id = '$down->{db_id}'") }
	'and the old ones go';

# --- without publication -----------------------------------------------------------------------------------------------------
my $manual = $host->provision(app_id => 'app-manual', slug => 'manual', publish => 0);
my $handed = rotate($manual, grace => '0.1 s', publish => 'false');
($code, $out, $err) = $host->as_app($manual->{url}, 'SELECT 1');
is($out, 1, 'handed over: the old login logs in') or diag $err;
# one login, at once, that stays, as that of a connection pool
my $stays = Appinfra::Wire->login($handed->{url});
$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_manual'");
is($stays->query('SELECT 1')->[0][0], 1, 'the session with the new one stays');
($code, $out, $err) = $host->as_app($manual->{url}, 'SELECT 1');
is($code, 2, 'after grace the old one is gone');

# --- on schedule -----------------------------------------------------------------------------------------------------------------
# Ages are counted in ten days, so that only what this test has made older is due.
my @apps = map { "app-due-$_" } 1 .. 10;
my %due = map { $_ => $host->provision(app_id => $_, slug => $_) } @apps, 'app-canary', 'app-open', 'app-exempt';
$host->wait_for_env($_, 'DATABASE_URL') for keys %due;
wait_until_settled($host);
sub age
{
	my ($share, @of) = @_;
	my $list = join ', ', map { "'$due{$_}{db_id}'" } @of;
	$host->control("UPDATE appinfra.credential SET published_at = clock_timestamp() - interval '10 days' * $share WHERE state = 'active' AND db_id IN ($list)");
	return;
}
sub logins
{
	my (@of) = @_;
	my $list = join ', ', map { "'$due{$_}{db_id}'" } @of;
	return $host->control("SELECT count(*) FROM appinfra.credentials WHERE db_id IN ($list)");
}
# What is due by this round has been looked at when the canary has been rotated.
my $canary = 1;
sub a_round
{
	age(1.01, 'app-canary');
	$canary++;
	$host->wait_until("SELECT count(*) = $canary FROM appinfra.credentials WHERE db_id = '$due{'app-canary'}{db_id}'");
	wait_until_settled($host);
	return;
}
age(5, 'app-exempt');
$host->control("SELECT appinfra.set_rotation('$due{'app-exempt'}{db_id}', '0')");
age(0.79, @apps);
$host->append_conf('postgresql.conf', "appinfra.rotate_after = '10d'");
$host->reload;
a_round();
is(logins(@apps), 10, 'a fifth before its time nothing is rotated');
age(0.9, @apps);
a_round();
my $some = logins(@apps);
ok($some > 10 && $some < 20, 'a tenth before its time some of them are (' . ($some - 10) . ' of 10): not all at once');
is(logins('app-exempt'), 1, 'a tenant with an interval of its own (0: never) is not');

$sidecar->stop;
$host->control("SELECT appinfra.rotate_credential('$due{'app-open'}{db_id}')");
age(2, 'app-open');
age(1.01, @apps);
$host->control("SELECT appinfra.set_rotation('$due{'app-canary'}{db_id}', '1 day')");
age(0.11, 'app-canary');
$canary++;
$host->wait_until("SELECT count(*) = $canary FROM appinfra.credentials WHERE db_id = '$due{'app-canary'}{db_id}'");
is(logins('app-open'), 2, 'nothing is rotated while a publication of the variable is open');
$sidecar = $host->start_sidecar;
$host->wait_until("SELECT count(*) = 0 FROM appinfra.credentials c WHERE state IN ('active', 'waiting') AND published_at < now() - interval '8 days'"
	  . " AND db_id <> '$due{'app-exempt'}{db_id}'", 'all that is due to be rotated');
wait_until_settled($host);
my @stale = grep { ($host->as_app($host->app_env($_)->{DATABASE_URL}, 'SELECT 1'))[1] ne '1' } @apps;
is_deeply(\@stale, [], 'what was rotated was published: every environment logs in');
is_deeply([ grep { user($host->app_env($_)->{DATABASE_URL}) eq $due{$_}{username} } @apps ], [], 'with a new login');

is($host->control("SELECT string_agg(username || ': ' || last_error, ',') FROM appinfra.credentials WHERE last_error IS NOT NULL"), '', 'no housekeeping failed');
is_deeply([ $host->orphans('appinfra_sidecar') ], [], 'no orphans');
$sidecar->stop;
done_testing();
