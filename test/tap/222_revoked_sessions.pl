# Whatever a login's sessions do to stay, and whatever name and settings it has: when it is revoked they
# are ended at once, and its role is dropped in the end. The guard, which refuses some of this, is off.
use strict;
use warnings;
use Appinfra::Crowd;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Kill qw(catch_process);
use Appinfra::Victim qw(:all);
use Appinfra::Wire;
use Test::More;
use Time::HiRes qw(time);

have_victim('sessions');

subtest 'a loop of reconnects' => sub {
	my $victim = issue('owner');
	my $crowd = Appinfra::Crowd->start(4, sub { $victim->{url} }, dir => $host->basedir);
	$crowd->wait_for_logins;
	is_revoked($victim);
	my $now = time;
	$crowd->wait_for_attempts($now);
	$crowd->stop;
	is(scalar(grep { $_->{ok} && $_->{began} > $now } $crowd->seen), 0, 'it still tries, in vain');
};

subtest 'sessions under other names' => sub {
	my $victim = issue('owner');
	my %sessions = map { $_ => Appinfra::Wire->login($victim->{url}) }
	  'SET ROLE app_victim_owner', 'SET ROLE NONE', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE',
	  "SET application_name = 'appinfra janitor'", 'BEGIN; SAVEPOINT a';
	$sessions{$_}->query($_) for keys %sessions;
	is_revoked($victim);
	like($sessions{$_}->wait_end, qr/^57P01 /, "ended: $_") for sort keys %sessions;
};

subtest 'a session that delays itself after its login' => sub {
	my $victim = issue('owner');
	my $marker = 'CREATE TABLE it_ran ()';
	my $session = Appinfra::Wire->begin($victim->{url}, options => '-c post_auth_delay=10');
	my $began = time;
	$session->prove;
	$session->start_query($marker);
	# it is past its login checks, and no view shows it
	my $pid = catch_process($host, qr/: $victim->{username} app_victim \S+ startup/);
	is($host->control("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND usename IS NOT NULL"), 0, 'no view shows it');
	is_revoked($victim);
	note sprintf 'all of that took %.1f s', time - $began;
	like($session->wait_end, qr/^(57P01 |42501 |28000 |$)/, 'it was ended');
	is(superuser("SELECT count(*) FROM pg_class WHERE relname = 'it_ran'"), 0, 'its query never ran');
};

subtest 'idle in a transaction, and in long queries' => sub {
	my $victim = issue('owner');
	my $idle = Appinfra::Wire->login($victim->{url});
	$idle->query('BEGIN; LOCK TABLE safe IN SHARE MODE');
	my %busy = (
		'SELECT pg_sleep(600)' => 0,
		'DO $$ BEGIN LOOP END LOOP; END $$' => 0,
		'DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$' => 0,
		q{SELECT count(*) FROM generate_series(1, 100000000000)} => 0,
		'SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(2)' => 0);
	my $holder = Appinfra::Wire->login($tenant->{url});
	$holder->query('SELECT pg_advisory_lock(2)');
	for (keys %busy)
	{
		$busy{$_} = Appinfra::Wire->login($victim->{url});
		$busy{$_}->start_query($_);
	}
	$host->wait_until("SELECT count(*) = 5 FROM pg_stat_activity WHERE usename = '$victim->{username}' AND state = 'active'");
	$host->control("SELECT appinfra.revoke_credential('$victim->{username}')");
	is($host->control("SELECT appinfra.wait_revoked('$victim->{username}')"), 't', 'no session is left');
	is($host->control("SELECT count(*) FROM pg_stat_activity WHERE usename = '$victim->{username}'"), 0, 'nor are their queries, which never end');
	is_revoked($victim);
	like($idle->wait_end, qr/^57P01 /, 'ended: idle in a transaction');
	for (sort keys %busy)
	{
		# a first result may have come
		like(eval { $busy{$_}->wait_end } // eval { $busy{$_}->wait_end }, qr/^57P01 /, "ended: $_");
	}
	$holder->close;
};

subtest 'settings of its own role and database' => sub {
	my $victim = empowered();
	my $user = $victim->{username};
	allowed($victim->{url}, <<"SQL", '', 'the login sets what it can');
SET ROLE NONE;
ALTER ROLE $user SET role = 'none';
ALTER ROLE $user SET search_path = 'evil';
ALTER ROLE $user SET default_transaction_read_only = on;
ALTER ROLE $user SET statement_timeout = 1;
ALTER ROLE $user SET lock_timeout = 1;
ALTER ROLE $user SET default_tablespace = 'nowhere';
CREATE TABLE public.owned ();
SQL
	superuser(<<"SQL");
CREATE SCHEMA evil;
CREATE FUNCTION evil.format(text, name, regclass) RETURNS text LANGUAGE sql AS \$\$SELECT 'nonsense'\$\$;
ALTER ROLE ALL IN DATABASE app_victim SET search_path = 'evil, pg_catalog';
ALTER DATABASE app_victim SET default_transaction_read_only = on;
ALTER DATABASE app_victim SET statement_timeout = 1;
ALTER DATABASE app_victim SET role = 'app_victim_reader';
ALTER DATABASE app_victim SET default_transaction_isolation = 'serializable';
ALTER DATABASE app_victim SET idle_in_transaction_session_timeout = 1;
SQL
	$host->control("SELECT appinfra.revoke_credential('$user')");
	is($host->control("SELECT appinfra.wait_revoked('$user')"), 't', 'no session is left');
	$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = '$user'");
	is($host->control("SELECT attempts FROM appinfra.credentials WHERE username = '$user'"), 0, 'it took one attempt');
	$host->control('ALTER DATABASE app_victim RESET ALL; ALTER ROLE ALL IN DATABASE app_victim RESET ALL');
	superuser('DROP SCHEMA evil CASCADE');
	is_gone($user);
	allowed($tenant->{url}, 'DROP TABLE owned', '', 'what it owned is the tenant\'s');
};

subtest 'a role that a DBA renamed' => sub {
	my $victim = issue('owner');
	my $user = $victim->{username};
	my $session = Appinfra::Wire->login($victim->{url});
	$host->control("ALTER ROLE $user RENAME TO renamed");
	# a rename keeps a SCRAM verifier
	my $renamed = { %{ parse_dsn($victim->{url}) }, user => 'renamed' };
	allowed($renamed, 'SELECT 1', 1, 'it logs in under its new name');
	my ($code, $out, $err) = $host->try_control("SELECT appinfra.revoke_credential('$user')");
	is($code, 0, 'it is revoked by the name that the registry knows') or diag $err;
	is($host->control("SELECT appinfra.wait_revoked('$user')"), 't', 'no session is left') if $code == 0;
	($code, $out, $err) = $host->as_app($renamed, 'SELECT 1');
	is($code, 2, 'nobody logs in');
	$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = '$user'");
	is($host->control("SELECT count(*) FROM pg_roles WHERE rolname IN ('renamed', '$user')"), 0, 'the role is dropped');
	like($session->wait_end, qr/^57P01 /, 'its session was ended');
	is_gone($user);
};

no_error_is_left();
done_testing();
