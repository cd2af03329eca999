# Calls with an Idempotency-Key take effect once: what gateway_begin() says of a repetition goes by what
# became of the transaction, whenever the gateway, its backend or the server died.
use strict;
use warnings;
use Appinfra;
use Appinfra::Calls;
use Appinfra::Wait qw(reaches);
use Appinfra::Wire;
use MIME::Base64;
use Test::More;

my $host = Appinfra->make('calls');
my $gateway = Appinfra::Calls->new($host);
my $workspace = $host->provision(app_id => 'app-w', slug => 'work', env => {});
my $key = $gateway->mint($workspace->{db_id}, 'dbadmin');
my $reader = $gateway->mint($workspace->{db_id}, 'reader');
my $session = $gateway->enter($workspace->{db_id}, 'owner', $key);
$session->query('CREATE TABLE done (what text)');
my $binary = join '', map { chr } 0 .. 255;

sub verdict { return $gateway->begin(@_)->{verdict} }

# Runs a call in the session up to its COMMIT, which is left out.
sub run_call
{
	my ($name, %end) = @_;
	my %open = $gateway->open_transaction($session);
	my $call = $gateway->begin($key, $name, %open);
	$session->query("INSERT INTO done VALUES ('$name')");
	is($gateway->finish($key, $call, xid => $open{xid}, body => "body of $name", %end), 't', "$name is finished");
	return ($call, %open);
}

# How often the call has taken effect.
sub effects
{
	my ($name) = @_;
	return $session->query("SELECT count(*) FROM done WHERE what = '$name'")->[0][0];
}

subtest 'a finished call is replayed byte by byte, for its request alone' => sub {
	my ($call) = run_call('whole', status => 201, body => $binary);
	$session->query('COMMIT');
	my $again = $gateway->begin($key, 'whole', xid => 3, pid => 1);
	is("$again->{verdict} $again->{status} $again->{call_id}", "replay 201 $call->{call_id}", 'a replay');
	is($again->{body}, '\\x' . unpack('H*', $binary), 'of the same bytes');
	is(verdict($key, 'whole', request => 'another'), 'conflict', 'another request under that name');
	is(verdict($reader, 'whole', pid => $$), 'run', 'the name is the key\'s own');
	is($host->control(q{SELECT state || ' ' || outcome || ' ' || status FROM appinfra.calls WHERE status = 201}), 'finished committed 201', 'the view calls');
	is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'sql_execute' AND credential = '$key->{key_id}' AND outcome = 'done' AND detail->>'xid' <> ''"), '1', 'an audit row');
};

subtest 'a call is in progress until its transaction has ended' => sub {
	my %open = $gateway->open_transaction($session);
	my $call = $gateway->begin($key, 'slow', %open);
	is($call->{verdict}, 'run', 'it runs');
	is(verdict($key, 'slow', xid => 3, pid => 1), 'in_progress', 'while it runs');
	is(verdict($key, 'slow', request => 'another'), 'conflict', 'another request, meanwhile');
	is($gateway->finish($key, $call, xid => $open{xid}, body => ''), 't', 'finished');
	is(verdict($key, 'slow', xid => 3, pid => 1), 'in_progress', 'until it commits');
	is($host->control("SELECT state || coalesce(outcome, '') FROM appinfra.calls WHERE call_id = $call->{call_id}"), 'finished', 'the view has no outcome yet');
	$session->query('COMMIT');
	my $again = $gateway->begin($key, 'slow', xid => 3, pid => 1);
	is("$again->{verdict} $again->{body}", 'replay \\x', 'then a replay, of an empty body');
};

subtest 'a call that was lost runs again, and its first attempt changes nothing any more' => sub {
	my ($first, %open) = run_call('lost');
	$session->query('ROLLBACK');
	my %next = $gateway->open_transaction($session);
	my $second = $gateway->begin($key, 'lost', %next);
	is("$second->{verdict} $second->{call_id}", "run $first->{call_id}", 'it runs again');
	is($gateway->finish($key, $first, xid => $open{xid}, body => 'of the first'), 'f', 'the first attempt cannot finish');
	is($gateway->finish($key, $first, status => 400, body => 'of the first'), 'f', 'nor with a refusal');
	$session->query("INSERT INTO done VALUES ('lost')");
	is($gateway->finish($key, $second, xid => $next{xid}, body => 'of the second'), 't', 'the second finishes');
	$session->query('COMMIT');
	is($gateway->begin($key, 'lost')->{body}, '\\x' . unpack('H*', 'of the second'), 'and is replayed');
	is(effects('lost'), 1, 'once');
};

subtest 'a backend that is gone before its COMMIT has lost the call' => sub {
	my $own = $gateway->enter($workspace->{db_id}, 'owner', $key);
	my %open = $gateway->open_transaction($own);
	my $call = $gateway->begin($key, 'gone', %open);
	$host->control("SELECT pg_terminate_backend($open{pid}, 60000)");
	is($gateway->finish($key, $call, xid => $open{xid}, body => 'late'), 'f', 'it cannot be finished');
	is(verdict($key, 'gone', $gateway->open_transaction($session)), 'run', 'and runs again');
	$session->query('ROLLBACK');
};

subtest 'a statement that was a COMMIT wrote nothing, and runs again' => sub {
	my %open = $gateway->open_transaction($session);
	is(verdict($key, 'commit', %open), 'run', 'it runs');
	$session->query('COMMIT');
	is(verdict($key, 'commit', xid => 3, pid => 1), 'run', 'it had no answer');
};

subtest 'a call that outlives twice the time-out is ended by its repetition' => sub {
	my $own = $gateway->enter($workspace->{db_id}, 'owner', $key);
	my %open = $gateway->open_transaction($own);
	my %short = (settings => { 'appinfra.gateway_statement_timeout' => '1ms' });
	is(verdict($key, 'overdue', %open), 'run', 'it runs');
	is(verdict($key, 'overdue', pid => 1), 'in_progress', 'within the time it is let be');
	is($own->query('SELECT 1')->[0][0], 1, 'its session goes on');
	is(verdict($key, 'overdue', pid => 1, %short), 'in_progress', 'beyond it, it is told to end');
	like($own->wait_end, qr/^57P01 /, 'its session ends');
	reaches { $host->poll_query_until('control', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $open{pid}") } 'its backend is gone';
	is(verdict($key, 'overdue', $gateway->open_transaction($session), %short), 'run', 'then the repetition runs');
	$session->query('ROLLBACK');
};

subtest 'refusals are kept after the rollback, transient ones are not' => sub {
	for my $status (400, 408)
	{
		my %open = $gateway->open_transaction($session);
		my $call = $gateway->begin($key, "refused $status" =~ tr/ /-/r, %open);
		is($gateway->finish($key, $call, status => $status, body => 'early'), 'f', "$status: not before the rollback");
		$session->query('ROLLBACK');
		is($gateway->finish($key, $call, status => $status, body => $status == 400 ? 'no' : undef), 't', "$status: finished");
	}
	is($gateway->begin($key, 'refused-400')->{verdict}, 'replay', 'a refusal is replayed');
	is(verdict($key, 'refused-408', pid => 1), 'run', 'a time-out runs again');
	my $late = $gateway->begin($key, 'refused-late', $gateway->open_transaction($session));
	$session->query('ROLLBACK');
	# as the worker does after a minute
	$host->control(q{UPDATE appinfra.call SET outcome = 'rolled back' WHERE idempotency_key = 'refused-late'});
	is($gateway->finish($key, $late, status => 403, body => 'late'), 't', 'a refusal that comes late is finished');
	is(verdict($key, 'refused-late'), 'replay', 'and replayed');
	is($host->control("SELECT string_agg(detail->>'status', ' ' ORDER BY id) FROM appinfra.audit WHERE action = 'sql_execute' AND outcome = 'failed'"), '400 408 403', 'all have audit rows');
};

subtest 'a reader\'s calls have no transaction id' => sub {
	my $own = $gateway->enter($workspace->{db_id}, 'reader', $reader);
	my $pid = $own->query('SELECT pg_backend_pid()')->[0][0];
	my $call = $gateway->begin($reader, 'read', pid => $pid);
	is($call->{verdict}, 'run', 'it runs');
	is(verdict($reader, 'read', pid => $pid), 'in_progress', 'while its backend lives');
	is($gateway->finish($reader, $call, body => 'rows'), 't', 'finished');
	is(verdict($reader, 'read', pid => $pid), 'replay', 'and replayed');
	is(verdict($reader, 'unread', pid => $pid), 'run', 'another one');
	$host->control("SELECT pg_terminate_backend($pid, 60000)");
	is(verdict($reader, 'unread', pid => $$), 'run', 'runs again when its backend is gone');
};

subtest 'a successor of the key goes on under the same names' => sub {
	my $next = $gateway->row("gateway_rotate_key('$key->{key_id}')");
	is(verdict($next, 'whole'), 'replay', 'a replay for the successor');
	is($gateway->row("gateway_key('$next->{key_id}', sha256(convert_to('" . substr($next->{token}, -32) . "', 'UTF8')))")->{line}, $key->{key_id}, 'which has the line of the first');
};

subtest 'keys and workspaces that may not' => sub {
	my $brief = $gateway->mint($workspace->{db_id}, 'dbuser', "valid_for => '1 us'");
	my $gone = $gateway->mint($workspace->{db_id}, 'dbuser');
	$host->control("SELECT appinfra.revoke_key('$gone->{key_id}')");
	for ([ 'expired', $brief ], [ 'revoked', $gone ], [ 'unknown', { key_id => 'nothing' } ])
	{
		my ($what, $mine) = @$_;
		is(verdict($mine, 'a'), 'key_inactive', "$what: does not begin");
		is($gateway->finish($mine, undef, status => 400), 'f', "$what: does not finish");
	}
	my $busy = $host->provision(app_id => 'app-b', slug => 'busy', env => {});
	my $its = $gateway->mint($busy->{db_id}, 'dbuser');
	$host->control("SELECT appinfra.revoke_tenant('$busy->{db_id}')");
	is(verdict($its, 'a'), 'workspace_inactive', 'a revoked workspace: does not begin');
	is($gateway->finish($its, undef, status => 400), 'f', 'a revoked workspace: does not finish');
	is($gateway->row("gateway_keys('{$its->{key_id}}')")->{workspace_status}, 'revoked', 'and says so');
};

subtest 'mistakes of a gateway are refused' => sub {
	is(verdict($key, 'a b', pid => $$), 'run', 'a blank in an Idempotency-Key is none');
	my %wrong = (
		"gateway_begin('g', '$key->{key_id}', 'r', 'e', NULL, E'a\\nb', sha256(''), NULL, 1)" => 22023,
		"gateway_begin('g', '$key->{key_id}', 'r', 'e', NULL, '', sha256(''), NULL, 1)" => 22023,
		"gateway_begin('g', '$key->{key_id}', 'r', 'e', NULL, NULL, sha256(''), NULL, 1)" => 22004,
		"gateway_begin('g', '$key->{key_id}', 'r', 'e', NULL, 'a', 'short', NULL, 1)" => 22023,
		"gateway_begin('', '$key->{key_id}', 'r', 'e', NULL, 'a', sha256(''), NULL, 1)" => 22023,
		"gateway_finish('g', '$key->{key_id}', 'r', 'e', NULL, NULL, NULL, 200, NULL, NULL)" => 22023,
		"gateway_finish('g', '$key->{key_id}', 'r', 'e', NULL, NULL, NULL, 200, convert_to(repeat('x', 1048577), 'UTF8'), '{\"pid\": 1}')" => 54000,
		"gateway_finish('g', '$key->{key_id}', 'r', 'e', NULL, NULL, NULL, NULL, NULL, NULL)" => 22004,
		q{gateway_report('g', '{}')} => 22023,
		"gateway_login('g', '$workspace->{db_id}', 'service')" => 22023,
		q{gateway_login('g', 'nothing', 'owner')} => 42704);
	for my $call (sort keys %wrong)
	{
		like(eval { $gateway->ask("SELECT appinfra.$call"); 1 } ? '' : $@, qr/$wrong{$call}/, "$wrong{$call}: " . substr $call, 0, 100);
	}
};

subtest 'a gateway has no other backend ended' => sub {
	my $busy = $host->provision(app_id => 'app-n', slug => 'next', env => {})->{db_id};
	my $theirs = $gateway->enter($busy, 'owner', $gateway->mint($busy, 'dbadmin'));
	my %open = $gateway->open_transaction($theirs);
	my $server = $host->background_psql('control');
	my $pid = $server->query('SELECT pg_backend_pid()');
	for ([ %open, 'another workspace\'s' ], [ xid => undef, pid => $pid, 'a superuser\'s' ])
	{
		my $whose = pop @$_;
		my %other = @$_;
		like(eval { $gateway->begin($key, 'other', %other); 1 } ? '' : $@, qr/42501/, "$whose: it does not begin");
		like(eval { $gateway->finish($key, undef, detail => { pid => 0 + $other{pid} }); 1 } ? '' : $@, qr/42501/, "$whose: nor finish by its process");
	}
	like(eval { $gateway->finish($key, undef, xid => $open{xid}); 1 } ? '' : $@, qr/42501/, 'nor by its transaction');
	$server->quit;
	$theirs->query('COMMIT');
};

subtest 'a crash right after the COMMIT loses nothing, one before it leaves nothing' => sub {
	run_call('durable');
	$session->query('COMMIT');
	my $own = $gateway->enter($workspace->{db_id}, 'owner', $key);
	my %open = $gateway->open_transaction($own);
	my $call = $gateway->begin($key, 'undone', %open);
	$own->query("INSERT INTO done VALUES ('undone')");
	is($gateway->finish($key, $call, xid => $open{xid}, body => 'x'), 't', 'another one is finished');
	$host->crash;
	$session = $gateway->enter($workspace->{db_id}, 'owner', $key);
	is(verdict($key, 'durable'), 'replay', 'the first is replayed');
	is(effects('durable'), 1, 'and was done once');
	is($host->control(q{SELECT count(*) FROM appinfra.audit WHERE action = 'sql_execute' AND detail->>'xid' = (SELECT xid::text FROM appinfra.call WHERE idempotency_key = 'durable')}), '1', 'with its audit row');
	is(verdict($key, 'undone', $gateway->open_transaction($session)), 'run', 'the other one runs again');
	$session->query('ROLLBACK');
	is(effects('undone'), 0, 'it had left nothing');
};

subtest 'the worker writes outcomes down, and removes what is kept no longer' => sub {
	run_call('kept');
	$session->query('COMMIT');
	run_call('not-kept');
	$session->query('ROLLBACK');
	run_call('open');
	$host->control(q{UPDATE appinfra.call SET started_at = now() - interval '2 min';
		UPDATE appinfra.call SET expires_at = now() WHERE idempotency_key = 'whole'});
	# its tasks of a minute are due when it starts
	$host->control(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'});
	reaches { $host->wait_until(q{SELECT outcome = 'committed' FROM appinfra.call WHERE idempotency_key = 'kept'}) } 'committed';
	is($host->control(q{SELECT outcome FROM appinfra.call WHERE idempotency_key = 'not-kept'}), 'rolled back', 'rolled back');
	is($host->control(q{SELECT outcome IS NULL FROM appinfra.call WHERE idempotency_key = 'open'}), 't', 'not of one that is open');
	reaches { $host->wait_until(q{SELECT count(*) = 0 FROM appinfra.call WHERE idempotency_key = 'whole'}) } 'what has expired is removed';
	$session->query('ROLLBACK');
	# as if the ids were too old to be asked for
	$host->control(q{UPDATE appinfra.call SET xid = '3' WHERE idempotency_key IN ('kept', 'not-kept', 'durable')});
	is(verdict($key, 'kept'), 'replay', 'by the outcome alone: a replay');
	is(verdict($key, 'durable'), 'replay', 'and of others');
	is(verdict($key, 'not-kept', pid => 1), 'run', 'and a new run');
};

subtest 'a call whose time is over counts as never been' => sub {
	$host->control(q{UPDATE appinfra.call SET expires_at = now() WHERE idempotency_key = 'kept'});
	my $again = verdict($key, 'kept', request => 'another', $gateway->open_transaction($session));
	is($again, 'run', 'another request may have its name');
	$session->query('ROLLBACK');
};

subtest 'ids of another server mean nothing here' => sub {
	$host->control('UPDATE appinfra.call SET host_id = gen_random_uuid(), outcome = NULL');
	is(verdict($key, 'durable'), 'conflict', 'its calls are not replayed');
	is($host->control(q{SELECT DISTINCT outcome FROM appinfra.calls WHERE call_id = (SELECT call_id FROM appinfra.call WHERE idempotency_key = 'durable')}), 'unknown', 'the view calls them unknown');
};

done_testing();
