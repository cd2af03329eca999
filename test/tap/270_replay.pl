# A host of 50 apps is restored to a point in time. What was revoked, dropped or deprovisioned after it is
# done again from the exported audit log, before anything is published; then every app's stored DSN logs in
# again, nothing revoked does, and the seals that the restore has lost are accepted by name.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Timelines qw(wait_until_healed unusable snapshot contradictions);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = Appinfra->make('primary', pool_size => 8, init => { allows_streaming => 1, has_archiving => 1 }, max_connections => 150);
my $peer = Appinfra::Peer->start;
my %sidecar = (env => $peer->sidecar_env);
my $sidecar = $primary->start_sidecar(%sidecar);
my %db_id = map { $_ => $primary->provision(app_id => "app-$_", slug => $_)->{db_id} } qw(leaked gone cut back rotated retired sold), map { "n$_" } 1 .. 43;
sub issue { return $primary->control("SELECT url FROM appinfra.issue_credential('$db_id{$_[0]}', 'owner')"); }
my %person = map { $_ => issue($_) } qw(leaked cut back rotated sold);
$primary->control("SELECT appinfra.create_service_user('$db_id{leaked}', 'a/b', 'h%1')");
$primary->control("SELECT appinfra.create_service_user('$db_id{rotated}', 'kept', 'h')");
$primary->control(qq{SELECT appinfra.bind_variables('$db_id{leaked}', '{"REPORTS_URL": "reader", "SPARE_URL": "reader"}', container => 'jobs')});
wait_until_settled($primary);
my $job = $peer->store->{'app-leaked/jobs'}{REPORTS_URL}{value};
$primary->backup('base');
my $point = $primary->control('SELECT now()');

# --- what the restored host has not seen --------------------------------------------------------------------
sub user { my ($url) = @_; $url =~ m{//([^:]+):} or die; return $1; }
$primary->control("SELECT appinfra.rotate_credential('$db_id{$_}')") for 'rotated', map { "n$_" } 1 .. 20;
$primary->provision(app_id => 'app-n1', slug => 'second', env => { REPORTS_URL => 'reader' });
$primary->control("SELECT appinfra.revoke_credential('" . user($person{leaked}) . "', 'leaked')");
$primary->control("SELECT appinfra.drop_service_user('$db_id{leaked}', 'a/b', 'h%1')");
$primary->control("SELECT appinfra.unbind_variables('$db_id{leaked}', '{REPORTS_URL,SPARE_URL}', container => 'jobs')");
$primary->control("SELECT appinfra.deprovision_tenant('$db_id{gone}')");
$primary->control("SELECT appinfra.revoke_tenant('$db_id{cut}', 'abuse')");
$primary->control("SELECT appinfra.revoke_tenant('$db_id{back}')");
# its predecessor goes, as its successor is used
my $predecessor = user($peer->store->{'app-retired'}{DATABASE_URL}{value});
$primary->control("SELECT appinfra.rotate_credential('$db_id{retired}', grace => '0')");
$primary->control("SELECT appinfra.transfer_app('app-sold', $_)") for "'first\@example.com'", "'last\@example.com'";
wait_until_settled($primary);
is(($primary->as_app($peer->store->{'app-retired'}{DATABASE_URL}{value}, 'SELECT 1'))[1], '1', 'a successor is used');
$primary->wait_until("SELECT state IN ('revoked', 'gone') FROM appinfra.credentials WHERE username = '$predecessor'");
$primary->control("SELECT appinfra.restore_tenant('$db_id{back}')");
wait_until_settled($primary);
my @snapshots = (snapshot($primary));
$primary->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'all to be sealed');
my $newest = $primary->control('SELECT max(number) FROM appinfra.audit_seals');
$sidecar->wait_for_log(qr/seal=$newest hash=/);
$sidecar->stop;
my $heads = $sidecar->logfile;
my $url;

# Runs an appinfrad command on a host as its superuser; returns (exit code, output, errors).
sub appinfrad
{
	my (@command) = @_;
	local $ENV{APPINFRA_DATABASE_URL} = $url;
	my ($out, $err) = ('', '');
	IPC::Run::run([ Appinfra::sidecar_binary(), @command ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}
sub url_of { return 'host=' . $_[0]->host . ' port=' . $_[0]->port . ' dbname=control'; }
$url = url_of($primary);
my ($code, $export, $err) = appinfrad('audit');
is($code, 0, 'the log is exported') or diag $err;
my $file = $primary->basedir . '/export';
sub write_export { my ($text) = @_; open my $out, '>', $file or die $!; print $out $text; close $out; return; }
write_export($export);
$primary->control('SELECT pg_switch_wal()');
$primary->stop('fast');

# --- restored ---------------------------------------------------------------------------------------------------
my $host = Appinfra->new('restored');
$host->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
$host->append_conf('postgresql.conf', 'appinfra.public_port = ' . $host->port
	  . "\nrecovery_target_time = '$point'\nrecovery_target_action = 'promote'\n");
$host->start;
$host->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$host->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');
$url = url_of($host);
is(($host->as_app($person{leaked}, 'SELECT 1', PGPORT => $host->port))[1], '1', 'what was revoked logs in again');

# Bad input says what is wrong, and does nothing.
my @replay = ('audit', '--replay', '--since', $point, '--file', $file);
for my $bad ([ 'no file', qr/cannot be opened/, sub { unlink $file } ], [ 'an empty one', qr/is empty/, sub { write_export('') } ],
	[ 'one that is cut off', qr/line \d+ of the export is cut off/, sub { write_export(substr $export, 0, -10) } ],
	[ 'something else', qr/line 1 of the export is no row/, sub { write_export("x\n") } ],
	[ 'rows in another order', qr/its id does not grow/, sub { write_export(join '', reverse split /^/, $export) } ])
{
	my ($name, $expected, $make) = @$bad;
	$make->();
	($code, my $out, $err) = appinfrad(@replay, '--apply');
	is($code, 2, "$name: code 2");
	like($err, $expected, "$name: and why");
}
write_export($export);
for my $bad ([ '--since', 'yesterday evening' ], [ '--since', '' ], ['--follow'], [ '--file', '' ])
{
	is((appinfrad('audit', '--replay', '--since', $point, '--file', $file, @$bad))[0], 2, "refused: @$bad");
}
is((appinfrad('audit', '--apply'))[0], 2, 'refused: --apply alone');

# Listed, then done; what is done already is told.
($code, my $out, $err) = appinfrad(@replay);
is($code, 1, 'something is to be done') or diag $err;
my $leaked = user($person{leaked});
for my $line ("revoke_credential $db_id{leaked} $leaked", "drop_service_user $db_id{leaked} a/b h%1", "unbind_variables $db_id{leaked} app-leaked jobs REPORTS_URL, SPARE_URL",
	"deprovision_tenant $db_id{gone}",
	"revoke_credential $db_id{retired} $predecessor", 'transfer_app app-sold last@example.com', "revoke_tenant $db_id{cut}", "revoke_tenant, restore_tenant $db_id{back}")
{
	like($out, qr/^\Q$line\E \(row \d+, [^)]+\): to do$/m, "listed: $line");
}
like($out, qr/^8 left to do$/m, 'and nothing else');
is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'revoke_tenant'"), 0, 'nothing was done yet');
($code, $out, $err) = appinfrad(@replay, '--apply');
is("$code $err", '0 ', 'all is done') or diag $out;
is(() = $out =~ /: done$/mg, 8, 'each');
($code, $out) = appinfrad(@replay, '--apply');
is("$code " . (() = $out =~ /: done already$/mg), '0 8', 'the second time nothing is left to do');
is($host->control('SELECT count(*) FROM appinfra.claim_publications($$w$$, 100)'), 0, 'and nothing was published');

# --- and accepted ---------------------------------------------------------------------------------------------------
my $again = $host->start_sidecar(%sidecar, name => 'again');
$host->control("SELECT appinfra.accept_restore('$point')");
wait_until_healed($host);
# a variable that was first bound after the point: its database is made again, as the runbook has it
$host->provision(app_id => 'app-n1', slug => 'second', env => { REPORTS_URL => 'reader' });
wait_until_settled($host);
is_deeply([ unusable($host, $peer, 'app-cut', 'app-gone') ], [], "every app's stored DSN logs in");
for my $who (qw(leaked cut back sold))
{
	is(($host->as_app($person{$who}, 'SELECT 1', PGPORT => $host->port))[0], 2, "what was revoked does not log in: $who");
}
is(($host->as_app($job, 'SELECT 1', PGPORT => $host->port))[0], 2, 'nor what was in unbound variables');
is(($host->as_app($person{rotated}, 'SELECT 1', PGPORT => $host->port))[1], '1', 'what was not does');
is($host->control("SELECT status IN ('retiring', 'retained') FROM appinfra.databases WHERE db_id = '$db_id{gone}'"), 't', 'what was deprovisioned is');
is($host->control("SELECT DISTINCT owner_user_id FROM appinfra.databases WHERE app_id = 'app-sold'"), 'last@example.com', 'what was transferred is the last one\'s');
is_deeply([ contradictions($peer, @snapshots, snapshot($host)) ], [], 'versions and ids never fell, and name one thing each');

# --- seals that the restore has lost -----------------------------------------------------------------------------------
$host->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'all to be sealed');
($code, $out) = appinfrad('verify-audit', '--heads', $heads);
is($code, 1, 'lost seals are violations, new timeline or not');
like($out, qr/^violation: seal $newest was collected outside, and is not there$/m, 'by number');
my @accept = ('verify-audit', '--heads', $heads, '--accept', $newest);
for my $bad ([@accept], [ @accept, '--reason', '' ], [ 'verify-audit', '--accept', $newest, '--reason', 'x' ], [ 'verify-audit', '--reason', 'x' ],
	[ 'verify-audit', '--heads', $heads, '--accept', '-1', '--reason', 'x' ], [ 'verify-audit', '--heads', $heads, '--accept', '1', '--reason', 'x' ])
{
	is((appinfrad(@$bad))[0], 2, 'refused: ' . join ' ', map { s/.*\///r } @$bad);
}
($code, $out, $err) = appinfrad(@accept, '--reason', 'restored after the disk died', '--by', 'ann');
is("$code $err", '0 ', 'accepted by name') or diag $out;
like($out, qr/^accepted: \d+ seals up to $newest\nok: .* lost, which was accepted\)/m, 'and said');
like(slurp_file($heads), qr/"accepted_seal":$newest,.*"by":"ann","reason":"restored after the disk died"/, 'in the file of heads');
is((appinfrad('verify-audit', '--heads', $heads))[0], 0, 'which is in order from then on');
$host->control('BEGIN; ALTER TABLE appinfra.audit_log DISABLE TRIGGER refuse_change; DELETE FROM appinfra.audit_log WHERE id = (SELECT min(id) FROM appinfra.audit_log); COMMIT');
is((appinfrad('verify-audit', '--heads', $heads))[0], 1, 'what else is changed is found as ever');
$again->stop;
done_testing();
