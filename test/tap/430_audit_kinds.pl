# Each function of the extension has its row in the audit log, or is known to change nothing: a new
# function that is in neither table fails here. So have the worker's actions and the guard's
# refusals, though their transactions abort; and no row holds a secret.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wait qw(reaches);
use Appinfra::Wire;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('kinds', pool_size => 2, conf => "appinfra.retention = 0\nappinfra.s3_endpoint = 'http://127.0.0.1:7480'\n");
my @secrets;    # passwords that were handed out

# Functions that change nothing that anybody else would see.
my %reads = map { $_ => 1 } qw(version host_id public_address has_sessions is_running retention
  service_username verify_audit audit_hash exposures guard_state held_because xid_use sessions statements
  server_certificate host_facts bucket_quota report_unknown_buckets extend_bucket_work
  wait_bucket_revoked wait_key_revoked gateway_key gateway_keys gateway_list_keys gateway_key_counts gateway_workspace
  gateway_begin);    # the last has its row when it finishes
# Functions that no caller reaches: of triggers, and of CREATE EXTENSION.
my %internal = map { $_ => 1 } qw(check_installation adopt_host refuse_audit_change);

# Those that change something, in an order in which each has something to do: the call, and the action
# that must have a row afterwards where it has another name.
my (%id, $claim, $dsn);
my @acts = (
	[ provision_tenant => sub { "SELECT to_jsonb(c) FROM appinfra.provision_tenant('app-1', 'u', 'one', publish => false) c" } ],
	[ set_rotation => sub { "SELECT appinfra.set_rotation('$id{one}', '30 days')" } ],
	[ issue_credential => sub { "SELECT to_jsonb(c) FROM appinfra.issue_credential('$id{one}', 'reader') c" } ],
	[ create_service_user => sub { "SELECT to_jsonb(c) FROM appinfra.create_service_user('$id{one}', 'svc', 'h1', publish => false) c" } ],
	[ rotate_service_user => sub { "SELECT to_jsonb(c) FROM appinfra.rotate_service_user('$id{one}', 'svc', 'h1', publish => false) c" } ],
	[ drop_service_user => sub { "SELECT appinfra.drop_service_user('$id{one}', 'svc', 'h1')" } ],
	[ rotate_credential => sub { "SELECT to_jsonb(c) FROM appinfra.rotate_credential('$id{one}') c" } ],
	[ alter_tenant => sub { "SELECT appinfra.alter_tenant('$id{one}', connection_limit => 7)" } ],
	[ terminate_session => sub { my $p = $host->provision(app_id => 'app-s', slug => 'seen', publish => 0); $id{seen} = Appinfra::Wire->login($p->{url});
		"SELECT appinfra.terminate_session('$p->{db_id}', pid, backend_start) FROM appinfra.sessions('$p->{db_id}')" } ],
	[ bind_variables => sub { qq{SELECT to_jsonb(c) FROM appinfra.bind_variables('$id{one}', '{"MORE_URL": "reader"}', publish => false) c} } ],
	[ bind_app => sub { qq{SELECT to_jsonb(c) FROM appinfra.bind_app('$id{one}', 'app-1b', '{"MORE_URL": "reader"}', publish => false) c} } ],
	[ unbind_variables => sub { "SELECT appinfra.unbind_variables('$id{one}', '{MORE_URL}')" } ],
	[ claim_publications => sub { "SELECT to_jsonb(c) FROM appinfra.claim_publications('w', 1) c" }, 'claim_publication' ],
	[ extend_claim => sub { "SELECT appinfra.extend_claim($claim)" } ],
	[ fail_publication => sub { "SELECT appinfra.fail_publication($claim, 'broken', 'no')" } ],
	[ retry_publication => sub { 'SELECT appinfra.retry_publication(' . ($claim =~ s/,.*//r) . ')' } ],
	[ claim_publications => sub { "SELECT to_jsonb(c) FROM appinfra.claim_publications('w', 1) c" }, 'claim_publication' ],
	[ complete_publication => sub { "SELECT appinfra.complete_publication($claim)" } ],
	[ set_services => sub { qq{SELECT count(*) FROM appinfra.set_services('$id{one}', '[{"service_id": "s", "host_id": "h"}]')} }, 'create_service_user' ],
	[ revoke_credential => sub { "SELECT appinfra.revoke_credential('$id{login}', 'test')" } ],
	[ wait_revoked => sub { "SELECT appinfra.wait_revoked('$id{login}')" }, 'end_sessions' ],
	[ revoke_tenant => sub { "SELECT appinfra.revoke_tenant('$id{one}')" } ],
	[ restore_tenant => sub { "SELECT to_jsonb(c) FROM appinfra.restore_tenant('$id{one}', publish => false) c" } ],
	[ deprovision_tenant => sub { "SELECT appinfra.deprovision_tenant('$id{one}')" } ],
	[ register_app => sub { "SELECT appinfra.register_app('app-r', 'u', 'reg')" } ],
	[ transfer_app => sub { "SELECT appinfra.transfer_app('app-r', 'v')" } ],
	[ unregister_app => sub { "SELECT appinfra.unregister_app('app-r')" } ],
	[ harden_tenant => sub { $host->provision(app_id => 'app-h', slug => 'hard', publish => 0)->{db_id} =~ /(.*)/; "SELECT appinfra.harden_tenant('$1')" } ],
	# a worker installs it, at once: what is rolled back is the row alone
	[ install_extension => sub { $host->control('CREATE SEQUENCE public.nth');
		"SELECT count(appinfra.install_extension(db_id, (ARRAY['citext', 'hstore'])[nextval('public.nth')])) FROM appinfra.databases WHERE slug = 'hard'" } ],
	[ republish => sub { "SELECT appinfra.republish(db_id) FROM appinfra.databases WHERE slug = 'hard'" } ],
	[ accept_restore => sub { "UPDATE appinfra.host SET held_since = now(), held_because = 'a copy'; SELECT appinfra.accept_restore(now())" } ],
	[ provision_bucket => sub { "SELECT count(*) FROM appinfra.provision_bucket('app-b', 'u', 'files', publish => false)" } ],
	[ begin_bucket_handout => sub { "SELECT to_jsonb(h) FROM appinfra.buckets, appinfra.begin_bucket_handout(bucket_id, 'w') h" }, 'bucket_handout' ],
	[ record_bucket_key => sub { "SELECT appinfra.record_bucket_key($claim, (SELECT access_key FROM appinfra.bucket_keys))" } ],
	[ rotate_bucket_key => sub { 'SELECT count(appinfra.rotate_bucket_key(bucket_id)) FROM appinfra.buckets' } ],
	[ set_bucket_quota => sub { "SELECT appinfra.complete_publication($claim); SELECT appinfra.set_bucket_quota(bucket_id, 1000) FROM appinfra.buckets" } ],
	[ finish_bucket_rotation => sub { 'SELECT appinfra.finish_bucket_rotation(bucket_id) FROM appinfra.buckets' } ],
	[ claim_bucket_work => sub { "SELECT to_jsonb(w) FROM (SELECT *, bucket_id AS publication_id FROM appinfra.claim_bucket_work('w')) w" } ],
	[ fail_bucket_work => sub { "SELECT appinfra.fail_bucket_work(bucket_id, claim, 'away', 'unreachable', now()) FROM appinfra.bucket_work" } ],
	[ claim_bucket_work => sub { "SELECT count(*) FROM appinfra.claim_bucket_work('w')" } ],
	[ complete_bucket_work => sub { "SELECT appinfra.complete_bucket_work(bucket_id, claim, generation, '{\"unknown_keys\": [\"STRAY\"]}') FROM appinfra.bucket_work" } ],
	[ forget_bucket_key => sub { "SELECT appinfra.forget_bucket_key('STRAY')" } ],
	[ revoke_bucket_key => sub { "SELECT appinfra.revoke_bucket_key(access_key) FROM appinfra.bucket_keys WHERE state = 'active'" } ],
	[ revoke_bucket => sub { 'SELECT appinfra.revoke_bucket(bucket_id) FROM appinfra.buckets' } ],
	[ restore_bucket => sub { 'SELECT count(appinfra.restore_bucket(bucket_id)) FROM appinfra.buckets' } ],
	[ deprovision_bucket => sub { "SELECT appinfra.deprovision_bucket(bucket_id, '1 day') FROM appinfra.buckets" } ],
	[ gateway_hello => sub { "SELECT appinfra.gateway_hello('g')" } ],
	[ gateway_login => sub { "SELECT to_jsonb(c) FROM appinfra.databases d, appinfra.gateway_login('g', d.db_id, 'writer') c WHERE d.slug = 'hard'" } ],
	[ mint_key => sub { "SELECT to_jsonb(k) FROM appinfra.databases d, appinfra.mint_key(d.db_id, 'dbadmin') k WHERE d.slug = 'hard'" } ],
	[ rotate_key => sub { "SELECT to_jsonb(k) FROM appinfra.rotate_key('$id{key}') k" } ],
	[ publish_key => sub { "SET appinfra.gateway_url = 'http://g'; SELECT appinfra.publish_key(db_id, 'reader') FROM appinfra.databases WHERE slug = 'hard'" } ],
	[ gateway_rotate_key => sub { "SELECT to_jsonb(k) FROM appinfra.gateway_rotate_key('$id{key}') k" }, 'rotate_key' ],
	[ gateway_mint_key => sub { "SELECT to_jsonb(k) FROM appinfra.gateway_mint_key('$id{key}', 'reader') k" }, 'mint_key' ],
	[ gateway_finish => sub { "SELECT appinfra.gateway_finish('g', '$id{key}', 'r', '/v1/sql/execute', NULL, NULL, NULL, 200, NULL, jsonb_build_object('pid', pg_backend_pid()))" }, 'sql_execute' ],
	[ gateway_report => sub { "SELECT appinfra.gateway_report('g', '[{\"key_id\": \"$id{key}\", \"endpoint\": \"/v1/rpc/call\"}]')" }, 'rpc_call' ],
	[ gateway_revoke_key => sub { "SELECT appinfra.gateway_revoke_key('$id{key}', key_id) FROM appinfra.keys WHERE role = 'reader' AND created_by ~ '^key:'" }, 'revoke_key' ],
	[ revoke_key => sub { "SELECT appinfra.revoke_key('$id{key}')" } ],
	[ harden_host => sub { 'SELECT count(*) FROM appinfra.harden_host(apply => true)' } ]);

sub functions
{
	return map { $_ => 1 } split /\n/, $host->control(
		"SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'appinfra'::regnamespace");
}

# Remembers what a function's answer carries.
sub learn
{
	my ($name, $out) = @_;
	my $answer = $out =~ /^\{/ ? decode_json($out) : return;
	push @secrets, $answer->{password} // ();
	($dsn) = values %{ $answer->{set} } if $answer->{set};
	$id{login} = parse_dsn($dsn)->{user} if $answer->{set};
	push @secrets, parse_dsn($dsn)->{password} if $answer->{set};
	push @secrets, substr($answer->{token}, -32) if $answer->{token};
	$id{key} //= $answer->{key_id};
	$id{one} //= $answer->{db_id};
	$claim = "$answer->{publication_id}, '$answer->{claim}'" if $answer->{claim};
	return;
}

# --- every function ----------------------------------------------------------------------------------
my %there = functions();
my %known = (%reads, %internal, map { $_->[0] => 1 } @acts);
is_deeply([ grep { !$known{$_} } sort keys %there ], [], 'every function is known here');
cmp_ok(scalar keys %there, '>', 25, 'there are some');

my $session;    # of the credential that is revoked
for my $act (grep { $there{ $_->[0] } } @acts)
{
	my ($name, $call, $action) = @$act;
	$action //= $name;
	my $sql = $call->();
	my $new = "FROM appinfra.audit WHERE action = '$action' AND outcome = 'done'";
	my $before = $host->control("SELECT coalesce(max(id), 0) $new");
	if ($name eq 'wait_revoked')
	{
		# its sessions end as soon as it is revoked: the worker's row tells how many there were
		reaches { $host->wait_until("SELECT count(*) > 0 $new AND credential = '$id{login}' AND detail->>'sessions' = '1'") }
			'wait_revoked: the sessions that were ended have a row';
		next;
	}
	my $out = $host->control("BEGIN; $sql; ROLLBACK");
	is($host->control("SELECT count(*) $new AND id > $before"), '0', "$name: nothing when it is rolled back")
	  if $name !~ /claim/;
	$out = $host->control($sql);
	is($host->control("SELECT count(*) $new AND id > $before"), '1', "$name: a row, once");
	learn($name, $out);
	$session = Appinfra::Wire->login($dsn) if $name eq 'complete_publication';
}

# --- the worker ----------------------------------------------------------------------------------------
for my $action (qw(build_template build_shell revoke_credential drop_login retain_tenant drop_tenant))
{
	reaches { $host->wait_until("SELECT count(*) > 0 FROM appinfra.audit WHERE action = '$action' AND outcome = 'done'") }
		"$action has a row";
}
$host->append_conf('postgresql.conf', 'appinfra.pool_size = 0');
$host->reload;
for my $action (qw(give_up_shell drop_leftover))
{
	reaches { $host->wait_until("SELECT count(*) > 0 FROM appinfra.audit WHERE action = '$action'") } "$action has a row";
}
$host->append_conf('postgresql.conf', 'appinfra.pool_size = 2');
$host->reload;

# --- the guard, though the transaction aborts ---------------------------------------------------------------
my $tenant = $host->provision(app_id => 'app-2', slug => 'two', publish => 0);
push @secrets, $tenant->{password};
my $refusals = "FROM appinfra.audit WHERE action = 'guard' AND outcome = 'refused' AND db_id = '$tenant->{db_id}'";
my ($code, $out, $err) = $host->as_app($tenant->{url}, "BEGIN; CREATE TABLE t (n int); COPY t FROM PROGRAM 'true'");
like($err, qr/42501/, 'a program is refused');
my $sum = "sum(coalesce((detail->>'count')::bigint, 1))";
$host->wait_until("SELECT count(*) = 1 $refusals");
is($host->control("SELECT actor, database, credential, client_address, detail ? 'rule' $refusals"),
	"$tenant->{username}|$tenant->{database}|$tenant->{username}|127.0.0.1|t", 'the refusal has its row');
is(($host->as_app($tenant->{url}, 'SELECT count(*) FROM t'))[0], 3, '... though the transaction was rolled back');
my $loop = "DO \$\$ BEGIN FOR i IN 1..2000 LOOP BEGIN EXECUTE 'COPY pg_class TO PROGRAM ''true'''; EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP; END \$\$";
($code, $out, $err) = $host->as_app($tenant->{url}, $loop);
is($code, 0, 'a tenant refuses to learn') or diag $err;
$host->wait_until("SELECT $sum >= 2001 $refusals");
is($host->control("SELECT $sum $refusals"), '2001', '... and each refusal is counted, once');
cmp_ok($host->control("SELECT count(*) $refusals"), '<', 60, '... in few rows');

# --- the guard switched, the library missing --------------------------------------------------------------------
my $switched = "FROM appinfra.audit WHERE action = 'switch_guard'";
$host->append_conf('postgresql.conf', 'appinfra.guard = observe');
$host->reload;
$host->wait_until("SELECT count(*) = 1 $switched");
is($host->control("SELECT detail->>'from', detail->>'to' $switched"), 'enforce|observe', 'a switched guard has a row');
$host->append_conf('postgresql.conf', 'appinfra.guard = enforce');
$host->restart;
reaches { $host->wait_until("SELECT count(*) = 2 $switched") } '... also when the server was restarted for it';
my $missing = "FROM appinfra.audit WHERE action = 'preload_missing'";
my $looked = "SELECT started_at = pg_postmaster_start_time() FROM appinfra.host";
$host->wait_until($looked);
$host->crash;
$host->wait_until($looked);
$host->stop('immediate');
$host->start;
$host->wait_until($looked);
is($host->control("SELECT count(*) $missing"), '0', 'restarts, crashes and stops with the library are nothing to tell');
$host->stop;
$host->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$host->start;
is($host->control('SELECT count(*) > 0 FROM appinfra.tenant'), 't', 'the server runs without the library');
$host->stop;
$host->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'appinfra'");
$host->start;
reaches { $host->wait_until("SELECT count(*) = 1 $missing") } '... which has a row afterwards';

# --- no secret --------------------------------------------------------------------------------------------------
push @secrets, split /\n/, $host->control('SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL');
cmp_ok(scalar @secrets, '>', 5, 'passwords were handed out');
my $log = $host->control('SELECT a::text FROM appinfra.audit a');
is_deeply([ grep { index($log, $_) >= 0 } @secrets ], [], '... and no row has one of them');
like($log, qr/app_two/, '... though it has other texts');

done_testing();
