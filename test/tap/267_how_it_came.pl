# How a server came to its timeline is known also when it crashed before anybody of ours looked; a
# promoted standby heals by itself, what was restored from an archive elsewhere is held, and in its own
# place it is not. A claim of a lost sidecar holds nothing up.
use strict;
use warnings;
use Appinfra;
use Appinfra::Publications qw(publication);
use File::Path qw(remove_tree);
use JSON::PP;
use PostgreSQL::Test::RecursiveCopy;
use Test::More;

my $claim = "SELECT row_to_json(c) FROM appinfra.claim_publications('w', 100, '1 day') c";
my $primary = Appinfra->make('primary', pool_size => 2, init => { allows_streaming => 1, has_archiving => 1 });
$primary->wait_for_pool(2);
$primary->provision(app_id => 'app-1', slug => 'one');
my $claimed = decode_json($primary->control($claim));
$primary->backup('base');
$primary->control('SELECT pg_switch_wal()');
my $because = 'SELECT held_because FROM appinfra.recovery WHERE timeline > 1';

# --- a standby that is killed before the scheduler has looked --------------------------------------------
my $elsewhere = "appinfra.control_database = 'postgres'";
my $standby = $primary->start_standby('standby', "$elsewhere\narchive_mode = off");
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->promote;
my $db_id = $standby->control('SELECT db_id FROM appinfra.databases');
for my $call ("rotate_credential('$db_id')", "republish('$db_id')", "complete_publication($claimed->{publication_id}, '$claimed->{claim}')")
{
	like(($standby->try_control("SET appinfra.provision_timeout = '50ms'; SELECT appinfra.$call"))[2],
		qr/ERROR:  57P03: the registry is not ready for timeline 2 yet/, "until then $call waits, and gives up");
}
is($standby->control("SELECT count(*) FROM appinfra.claim_publications('w')"), 0, 'nothing is handed out');
$standby->crash;
$standby->append_conf('postgresql.conf', "appinfra.control_database = 'control'");
$standby->restart;
$standby->wait_until('SELECT timeline = 2 FROM appinfra.recovery');
is($standby->control('SELECT held_because IS NULL FROM appinfra.recovery'), 't', 'a promoted standby is not held');
$standby->wait_until("SELECT count(*) = 1 FROM appinfra.unhealed WHERE status = 'pending'");
my $next = decode_json($standby->control($claim));
cmp_ok($next->{version}, '>', 1_000_000, 'a claim of the old primary, with a lease of a day, holds nothing up');
isnt($next->{set}{DATABASE_URL}, $claimed->{set}{DATABASE_URL}, 'another credential is published');
is($standby->control("SELECT appinfra.complete_publication($next->{publication_id}, '$next->{claim}')"), 't', 'and taken');
$standby->wait_until('SELECT unhealed = 0 FROM appinfra.recovery');
ok(!-e $standby->data_dir . '/appinfra.recovery', 'what was written down for that is gone');
is($standby->control("SELECT appinfra.complete_publication($claimed->{publication_id}, '$claimed->{claim}')"), 'f', 'a late answer to the old claim');
is(publication($standby, 'app-1')->{status}, 'pending', 'has it published once more');
$standby->stop;

# --- restored to the end of the archive, elsewhere ---------------------------------------------------------
my $elsewhere_restored = Appinfra->new('elsewhere');
$elsewhere_restored->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
$elsewhere_restored->append_conf('postgresql.conf', "archive_mode = off");
$elsewhere_restored->start;
$elsewhere_restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$elsewhere_restored->wait_until($because =~ s/held_because/held_because ~ '^its data directory was '/r, 'it to be held');
is($elsewhere_restored->control("SELECT count(*) FROM appinfra.claim_publications('w')"), 0, 'a backup that was restored elsewhere hands out nothing');
my $hidden = $elsewhere_restored->control('SELECT floor FROM appinfra.recovery');
cmp_ok($hidden, '>', 1_000_000_000_000, 'but its ids start above the floor');
$elsewhere_restored->stop;

# --- and in its own place ------------------------------------------------------------------------------------
$primary->stop;
my $data = $primary->data_dir;
remove_tree($data);
PostgreSQL::Test::RecursiveCopy::copypath($primary->backup_dir . '/base', $data);
chmod 0700, $data;
$primary->append_conf('postgresql.conf', "port = " . $primary->port . "\narchive_mode = off\n"
	  . "unix_socket_directories = '" . $primary->host . "'\n");
$primary->enable_restoring($primary, 0);
$primary->start;
$primary->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$primary->wait_until('SELECT timeline > 1 AND held_because IS NULL FROM appinfra.recovery');
$primary->wait_until("SELECT count(*) = 1 FROM appinfra.unhealed WHERE status = 'pending'");
cmp_ok(decode_json($primary->control($claim))->{version}, '>', 1_000_000, 'what was restored in its own place goes on by itself');
done_testing();
