# What exposures() keeps of tenants' databases: how old an answer may be, who renews it, and what is never kept.
use strict;
use warnings;
use Appinfra;
use Test::More;

my $host = Appinfra->make('kept', pool_size => 2, conf => "appinfra.exposures_interval = '2s'\nappinfra.provision_timeout = '60s'\n");
$host->wait_for_pool(2);
my ($one, $two) = map { $host->provision(app_id => "app-$_", slug => $_, publish => 0) } qw(one two);

# Opens and closes something that only a look inside the database can see.
sub open_file { return $host->safe_psql("app_$_[0]", 'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC') }
sub close_file { return $host->safe_psql("app_$_[0]", 'REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM PUBLIC') }

# What the whole host's answer, or that of one database, says of it.
sub listed
{
	my ($argument) = @_;
	return $host->control("SELECT coalesce(string_agg(database, ' ' ORDER BY database), '') FROM appinfra.exposures($argument) WHERE rule = 'function_grant'");
}

# What the inspector has kept, and whether it is newer than what was kept at a time.
sub kept { return $host->control("SELECT coalesce(string_agg(db_id, ' '), '') FROM appinfra.look WHERE 'function_grant' = ANY (found)") }
sub kept_since { my ($time) = @_; return "SELECT count(*) = 2 FROM appinfra.look WHERE checked_at > '$time'" }
sub now { return $host->control('SELECT clock_timestamp()') }

sub interval
{
	my ($value) = @_;
	$host->safe_psql('postgres', "ALTER SYSTEM SET appinfra.exposures_interval = '$value'");
	$host->reload;
	return $host->poll_query_until('postgres', "SELECT reset_val::int = extract(epoch FROM interval '$value') FROM pg_settings WHERE name = 'appinfra.exposures_interval'");
}

# --- within the interval, with and without somebody who asks ---------------------------------------------------------------
$host->wait_until(kept_since(now()), 'the inspector looks into every database, and again');
open_file('one');
$host->wait_until("SELECT count(*) > 0 FROM appinfra.look WHERE db_id = '$one->{db_id}' AND 'function_grant' = ANY (found)", 'it finds what was opened, though nobody asks');
is(listed(''), 'app_one', 'the answer says so');
my $asked = now();
is($host->control("SELECT bool_and(checked_at BETWEEN timestamptz '$asked' - interval '2 s' AND clock_timestamp()), count(*) > 0 FROM appinfra.exposures()"), 't|t',
	'each row says of when it is');
close_file('one');
my $closed = now();
$host->poll_query_until('control', "SELECT clock_timestamp() > timestamptz '$closed' + interval '2 s'");
is(listed(''), '', 'what was closed is not told after the interval, whether the inspector has come or not');

# --- what is kept ----------------------------------------------------------------------------------------------------------
interval('1h');
$host->wait_until(kept_since($closed), 'all is looked at once more');
$host->wait_until("SELECT count(*) = 0 FROM appinfra.look_wanted", 'and nothing is due');
open_file('one');
is(listed(''), '', 'within the interval the answer is that of the last look');
is(listed("'$one->{db_id}'"), 'app_one', 'that of one database is of now');
$host->control("SELECT appinfra.bind_variables('$one->{db_id}', '{\"OTHER_URL\": \"reader\"}', publish => false)");
$host->wait_until("SELECT count(*) > 0 FROM appinfra.look WHERE db_id = '$one->{db_id}' AND 'function_grant' = ANY (found)", 'an action on the tenant has it looked at at once');
is(listed(''), 'app_one', 'and the answer says so');
$host->control("SELECT appinfra.harden_tenant('$one->{db_id}')");
is(listed(''), '', 'what is hardened is not told, before the inspector has come');
$host->wait_until("SELECT count(*) = 0 FROM appinfra.look_wanted", 'it comes');
is(kept(), '', 'and keeps that nothing is open');

# --- what has not changed is not looked at again ------------------------------------------------------------------------------
# Statistics of the sessions above come in within a minute; the age of what is kept is set by hand instead of waited for.
sub old_by { my ($age) = @_; return $host->control("UPDATE appinfra.look SET checked_at = clock_timestamp() - interval '$age', found = '{{notice,marked,NULL,NULL,NULL,NULL,NULL}}'") }
my $marked = "SELECT count(*) FROM appinfra.exposures() WHERE rule = 'marked'";
$host->wait_until('SELECT count(*) = 2 FROM appinfra.look WHERE basis IS NOT NULL', 'what an answer depends on is known');
# What the sessions above still had to report makes for another look; then nothing is left that has changed.
for (1 .. 20)
{
	old_by('55 min');
	$host->wait_until("SELECT count(*) = 2 FROM appinfra.look WHERE checked_at > clock_timestamp() - interval '5 min'", 'looks come near their end, and are renewed');
	last if $host->control($marked) == 2;
}
is($host->control($marked), 2, 'without a new look: nothing has changed');
open_file('two');
$host->safe_psql('app_two', 'SELECT pg_stat_force_next_flush()');
old_by('55 min');
$host->wait_until("SELECT count(*) = 1 FROM appinfra.look WHERE db_id = '$two->{db_id}' AND 'function_grant' = ANY (found)", 'the one that was changed is looked at');
$host->control('UPDATE appinfra.look SET basis = NULL'); # or the inspector confirms what was marked
old_by('2 h');
is($host->control($marked), 0, 'nobody is told what is older than the interval');
is(listed(''), 'app_two', 'but what is there now');

# --- a look that has to wait holds up nobody ------------------------------------------------------------------------------------
my $blocker = $host->background_psql('app_two');
$blocker->query_safe('BEGIN; LOCK TABLE pg_event_trigger IN ACCESS EXCLUSIVE MODE');
my $asker = $host->background_psql('control');
$asker->query_until(qr/asked/, "\\echo asked\nSELECT count(*) FROM appinfra.exposures('$two->{db_id}');\n");
$host->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'appinfra visitor' AND wait_event_type = 'Lock'");
is($host->provision(app_id => 'app-three', slug => 'three', publish => 0)->{status}, 'ready', 'a claim does not wait for it');
is($host->control("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appinfra visitor' AND wait_event_type = 'Lock'") > 0, 1, 'which still waits');
$blocker->query_safe('ROLLBACK');
$blocker->quit;
$asker->quit;

# --- what is gone ------------------------------------------------------------------------------------------------------------
$host->control("SELECT appinfra.deprovision_tenant('$two->{db_id}', '0')");
$host->wait_until("SELECT count(*) = 0 FROM appinfra.look WHERE db_id = '$two->{db_id}'", 'nothing is kept of a database that was dropped');
is(listed(''), '', 'nor told');

done_testing();
