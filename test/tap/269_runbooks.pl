# The runbooks of docs/operations.md, as written: after a failover, after a restore, a test copy. Each of
# their commands runs, in the place that they describe, and has the result that they promise.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Rest;
use Appinfra::Timelines qw(wait_until_healed unusable);
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

my $text = PostgreSQL::Test::Utils::slurp_file(Appinfra::test_file('../docs/operations.md'));

# Returns the blocks of a section in one language, in order.
sub blocks
{
	my ($title, $language) = @_;
	my ($section) = $text =~ /^## \Q$title\E\n(.*?)(?=^## )/ms or die "no section $title";
	return map { s/^ +//mgr } $section =~ /```$language\n(.*?)```/sg;
}

my $primary = Appinfra->make('primary', pool_size => 2, init => { allows_streaming => 1, has_archiving => 1 });
my $peer = Appinfra::Peer->start;
my $sidecar = $primary->start_sidecar(env => $peer->sidecar_env);
$primary->provision(app_id => "app-$_", slug => $_) for qw(one two);
my $person = $primary->control("SELECT username FROM appinfra.issue_credential((SELECT min(db_id) FROM appinfra.databases), 'reader')");
wait_until_settled($primary);
$primary->backup('base');
my $point = $primary->control('SELECT now()');
$primary->control("SELECT appinfra.revoke_credential('$person', 'gone')");
$primary->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'all to be sealed');
my $export = $primary->basedir . '/export';
{
	local $ENV{APPINFRA_DATABASE_URL} = 'host=' . $primary->host . ' port=' . $primary->port . ' dbname=control';
	is(system(Appinfra::sidecar_binary() . " audit --seals >$export") >> 8, 0, 'the audit is exported');
}
my $newest = $primary->control('SELECT max(number) FROM appinfra.audit_seals');
$sidecar->wait_for_log(qr/seal=$newest hash=/);
my $heads = $sidecar->logfile;
$primary->control('SELECT pg_switch_wal()');

# --- a test copy -----------------------------------------------------------------------------------------
my $copy = Appinfra->new('copy');
$copy->init_from_backup($primary, 'base');
{
	local $ENV{PGDATA} = $copy->data_dir;
	my @shell = blocks('A test copy of production', 'sh');
	is(scalar @shell, 1, 'the copy is given an address');
	is(system('sh', '-c', $shell[0]), 0, 'as written');
}
$copy->start;
my ($is_held, $accept) = blocks('A test copy of production', 'sql');
$copy->wait_until($is_held, 'the copy to be held');
like($copy->control('SELECT held_because FROM appinfra.recovery'), qr/data directory|public_host/, 'and why');
my $copied = $copy->start_sidecar(name => 'copied', env => $peer->sidecar_env);
$copied->wait_for_log(qr/database connected/);
$copy->control("SELECT appinfra.rotate_credential(db_id) FROM appinfra.databases");
is($copy->control("SELECT count(*) FROM appinfra.claim_publications('w')"), 0, 'it delivers nothing');
$copied->stop;
is($copy->control($accept), 2, 'with a producer of its own it is accepted');
$copy->stop;

# --- after a failover ---------------------------------------------------------------------------------------
my $standby = $primary->start_standby('standby', 'archive_mode = off');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$sidecar->stop;
$primary->stop('immediate');
$peer->rules({ app => 'app-one', status => 422, body => { title => 'no' }, times => 1 });
$standby->promote;
my $rest = Appinfra::Rest->start($standby, env => { $peer->sidecar_env->%* });
$sidecar = $rest->process;
$standby->wait_until("SELECT count(*) = 1 AND bool_and(status = 'failed') FROM appinfra.unhealed");
my ($look, $again) = blocks('After a failover', 'sql');
is($standby->control($look), "2|||1\napp-one|app-one|{DATABASE_URL}|failed|HTTP 422 no", 'one is not healed, and why');
reaches { wait_for('the metric', sub { $rest->call(GET => '/metrics')->{content} =~ /^appinfra_unhealed_bindings 1$/m }) } 'the metric counts it, and only it';
is(scalar(split /\n/, $standby->control($again)), 3, 'it is retried, and all are published again by hand');
wait_until_healed($standby);
reaches { wait_for('the metric', sub { $rest->call(GET => '/metrics')->{content} =~ /^appinfra_unhealed_bindings 0$/m }) } 'then the metric counts none';
wait_until_settled($standby);
is_deeply([ unusable($standby, $peer) ], [], 'every variable holds what logs in');
$sidecar->stop;
$standby->stop;

# --- after a restore ------------------------------------------------------------------------------------------
my $restored = Appinfra->new('restored');
$restored->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
$restored->append_conf('postgresql.conf', 'appinfra.public_port = ' . $restored->port
	  . "\nrecovery_target_time = '$point'\nrecovery_target_action = 'promote'\nrecovery_target_timeline = 'current'");
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
my ($held, $take, $healed) = blocks('After a restore', 'sql');
$restored->wait_until($held =~ s/SELECT .*? FROM/SELECT held_since IS NOT NULL FROM/r);
like($restored->control($held), qr/recovered to a target \(/, 'it is held, and why');
my $work = $restored->basedir;
my ($replay) = blocks('After a restore', 'sh');
{
	local $ENV{APPINFRA_DATABASE_URL} = 'host=' . $restored->host . ' port=' . $restored->port . ' dbname=control';
	local $ENV{PATH} = "$work:$ENV{PATH}";
	symlink Appinfra::sidecar_binary(), "$work/appinfrad" or die $!;
	is(system('sh', '-c', "cd $work && cp $export audit.jsonl && cp $heads heads.log && " . ($replay =~ s/'[^']*'/'$point'/gr =~ s/\n(?=.)/; /r)) >> 8, 0,
		'what was revoked after the point is done again');
}
is($restored->control("SELECT count(*) FROM appinfra.credentials WHERE reason ~ 'replayed'"), 1, 'as the export says');
$sidecar = $restored->start_sidecar(name => 'restored', env => $peer->sidecar_env);
is($restored->control($take =~ s/'[^']*'/'$point'/r), 2, 'it is accepted');
$restored->wait_until($healed);
is_deeply([ unusable($restored, $peer) ], [], 'every variable holds what logs in');
$sidecar->stop;
done_testing();
