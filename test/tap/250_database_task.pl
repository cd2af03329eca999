# What is done inside another database: it ends with the process that asked for it, and what went wrong
# there is told, whatever the encoding of that database.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wait qw(wait_for);
use Test::More;

my $host = Appinfra->make('task', pool_size => 1, conf => <<'CONF');
appinfra.tenant_encoding = 'LATIN1'
appinfra.tenant_locale = 'C'
CONF

sub last_error
{
	my ($username) = @_;
	return "SELECT last_error FROM appinfra.credential WHERE username = '$username'";
}

sub is_gone
{
	my ($username) = @_;
	return "SELECT state = 'gone' FROM appinfra.credential WHERE username = '$username'";
}

# --- an error that names what the control database has no character for -----------------------------------
# A group may not own an event trigger, so what the login owns cannot be given away.
$host->provision(app_id => 'app-1', slug => 'latin', publish => 0);
$host->safe_psql('app_latin', <<"SQL");
SET client_encoding = 'UTF8';
CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER "t\xc3\xbcr" ON table_rewrite EXECUTE FUNCTION public.nothing();
ALTER ROLE app_latin SUPERUSER;
ALTER EVENT TRIGGER "t\xc3\xbcr" OWNER TO app_latin;
ALTER ROLE app_latin NOSUPERUSER;
SQL
$host->control("SELECT appinfra.revoke_credential('app_latin')");
$host->wait_until('SELECT (' . last_error('app_latin') . ') IS NOT NULL', 'the janitor fails');
is($host->control(last_error('app_latin')), 'permission denied to change owner of event trigger "t\xFCr"',
	'what the control database may lack is escaped in the error');
is($host->control("SELECT count(*) FROM appinfra.credential WHERE last_error ~ 'event'"), 1, 'and can be searched');
$host->safe_psql('app_latin', "SET client_encoding = 'UTF8'; DROP EVENT TRIGGER \"t\xc3\xbcr\"");
ok($host->poll_query_until('control', is_gone('app_latin')), 'without it the login goes');

# --- the end of who asked ---------------------------------------------------------------------------------
$host->provision(app_id => 'app-2', slug => 'owner', publish => 0);
$host->safe_psql('app_owner', 'CREATE TABLE public.theirs (); ALTER TABLE public.theirs OWNER TO app_owner');
my $blocker = $host->background_psql('app_owner');
$blocker->query_safe('BEGIN; LOCK TABLE public.theirs IN ACCESS EXCLUSIVE MODE');
$host->control("SELECT appinfra.revoke_credential('app_owner')");

# Ends the janitor whenever a task of its waits for the lock, until a task has ended with it.
my $ended = qr/terminating background worker "appinfra setup" due to administrator command/;
ok( eval {
		wait_for(
			'a task to end',
			sub {
				$host->safe_psql('postgres', <<'SQL');
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'appinfra janitor'
   AND EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'appinfra setup' AND wait_event_type = 'Lock')
SQL
				return PostgreSQL::Test::Utils::slurp_file($host->logfile) =~ $ended;
			});
		1;
	},
	'a task ends with the janitor that asked for it') or diag $@;
$blocker->query_safe('ROLLBACK');
$blocker->quit;
ok($host->poll_query_until('control', is_gone('app_owner')), 'the next janitor goes on');

done_testing();
