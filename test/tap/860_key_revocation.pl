# A revoked key: what was not finished when revoke_key() committed is rolled back; what was, ends within
# appinfra.gateway_commit_wait, and wait_key_revoked() tells when nothing is left.
use strict;
use warnings;
use Appinfra;
use Appinfra::Calls;
use Appinfra::Wait qw(reaches);
use Appinfra::Wire;
use Test::More;

my $host = Appinfra->make('revoked', conf => "appinfra.gateway_commit_wait = '10min'\n");
my $gateway = Appinfra::Calls->new($host);
my $workspace = $host->provision(app_id => 'app-w', slug => 'work', env => {});
my $work = $workspace->{db_id};

sub revoke { $host->control("SELECT appinfra.revoke_key('$_[0]->{key_id}', 'test')"); return }
sub waits { return $host->control("SELECT appinfra.wait_key_revoked('$_[0]->{key_id}', '$_[1]')") }

subtest 'what is not finished is rolled back' => sub {
	my $key = $gateway->mint($work, 'dbuser');
	my $session = $gateway->enter($work, 'writer', $key);
	my %open = $gateway->open_transaction($session);
	my $call = $gateway->begin($key, 'a', %open);
	revoke($key);
	is($gateway->finish($key, $call, xid => $open{xid}, body => ''), 'f', 'it does not finish');
	is($gateway->finish($key, undef, xid => $open{xid}), 'f', 'nor does one that reserved nothing');
	is(waits($key, 0), 't', 'nobody waits for it');
	is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'sql_execute' AND credential = '$key->{key_id}'"), '0', 'it has no audit row');
	is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'revoke_key' AND credential = '$key->{key_id}' AND detail->>'reason' = 'test'"), '1', 'the revocation has');
	revoke($key);
	is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'revoke_key' AND credential = '$key->{key_id}'"), '1', 'once');
};

subtest 'what is finished counts as before, and is waited for' => sub {
	for my $way ('its id', 'its backend')
	{
		my $key = $gateway->mint($work, 'dbuser');
		my $session = $gateway->enter($work, 'writer', $key);
		my %open = $gateway->open_transaction($session);
		is($gateway->finish($key, undef, $way eq 'its id' ? (xid => $open{xid}) : (detail => { pid => 0 + $open{pid} })), 't', "known by $way: finished");
		revoke($key);
		is(waits($key, '50 ms'), 'f', 'not over yet');
		$session->query('COMMIT');
		is(waits($key, '1 min'), 't', 'when it has committed, it is');
		$session->query('BEGIN; SELECT 1');
		is(waits($key, '0'), 't', 'another transaction of that session is none of its calls');
	}
};

subtest 'other keys, readers and refusals are not waited for' => sub {
	my ($key, $other, $reader) = map { $gateway->mint($work, $_) } qw(dbuser dbuser reader);
	my $session = $gateway->enter($work, 'writer', $other);
	my %open = $gateway->open_transaction($session);
	is($gateway->finish($other, undef, xid => $open{xid}), 't', 'another key\'s call');
	is($gateway->finish($key, undef, status => 400), 't', 'a refusal');
	is($gateway->finish($reader, undef), 't', 'a reader\'s');
	revoke($_) for $key, $reader;
	is(waits($_, 0), 't', 'nothing is left') for $key, $reader;
	$session->query('COMMIT');
};

subtest 'what takes longer than appinfra.gateway_commit_wait is ended' => sub {
	$host->append_conf('postgresql.conf', "appinfra.gateway_commit_wait = '100ms'");
	$host->reload;
	$host->wait_until(q{SELECT setting = '100' FROM pg_settings WHERE name = 'appinfra.gateway_commit_wait'});
	for my $who ('who waits', 'the worker')
	{
		my $key = $gateway->mint($work, 'dbadmin');
		my $session = $gateway->enter($work, 'owner', $key);
		my %open = $gateway->open_transaction($session);
		$session->query("CREATE TABLE left_by_$open{pid} ()");
		is($gateway->finish($key, undef, xid => $open{xid}), 't', 'finished, and its gateway hangs');
		revoke($key);
		is(waits($key, '1 min'), 't', 'true in the end') if $who eq 'who waits';
		like($session->wait_end, qr/^57P01 /, "$who: the session is ended");
		reaches { $host->wait_until("SELECT calls_ended_at IS NOT NULL FROM appinfra.key WHERE key_id = '$key->{key_id}'") } 'the registry knows';
		my $superuser = $host->safe_psql('app_work', "SELECT count(*) FROM pg_class WHERE relname = 'left_by_$open{pid}'");
		is($superuser, '0', 'nothing of it was committed');
	}
};

subtest 'gateways are told' => sub {
	my $key = $gateway->mint($work, 'dbuser');
	my $psql = $host->background_psql('control', extra_params => [ '-U', 'appinfra_gateway_login' ]);
	$psql->query('LISTEN appinfra_gateway');
	revoke($key);
	my $heard = '';
	reaches { $host->poll_query_until('control', "SELECT announced_at IS NOT NULL FROM appinfra.key WHERE key_id = '$key->{key_id}'") } 'the worker has seen it';
	for (1 .. 1000)
	{
		$heard .= $psql->query('SELECT pg_sleep(0.01)');
		last if $heard =~ /notification/;
	}
	like($heard, qr/notification "appinfra_gateway" with payload "\Q$key->{key_id}\E"/, 'by NOTIFY');
	$psql->quit;
};

subtest 'wait_key_revoked refuses what is not revoked, or not committed' => sub {
	my $key = $gateway->mint($work, 'dbuser');
	like(($host->try_control("SELECT appinfra.wait_key_revoked('$key->{key_id}')"))[2], qr/55000.*is not revoked/, 'not revoked');
	like(($host->try_control("BEGIN; SELECT appinfra.revoke_key('$key->{key_id}'); SELECT appinfra.wait_key_revoked('$key->{key_id}')"))[2],
		qr/55000.*not committed/, 'not committed');
	is($gateway->row("gateway_keys('{$key->{key_id}}')")->{status}, 'active', 'it is active again');
};

subtest 'a workspace has no more keys than appinfra.key_limit' => sub {
	my $small = $host->provision(app_id => 'app-s', slug => 'small', env => {})->{db_id};
	$host->append_conf('postgresql.conf', 'appinfra.key_limit = 2');
	$host->reload;
	$host->wait_until(q{SELECT setting = '2' FROM pg_settings WHERE name = 'appinfra.key_limit'});
	my ($one, $two) = map { $gateway->mint($small, 'dbadmin') } 1, 2;
	for my $call ("mint_key('$small', 'reader')", "rotate_key('$one->{key_id}')", "gateway_mint_key('$one->{key_id}', 'reader')")
	{
		like(($host->try_control("SELECT appinfra.$call"))[2], qr/53400.*too many keys/, $call =~ s/\(.*//r);
	}
	is($gateway->row("gateway_keys('{$one->{key_id}}')")->{status}, 'active', 'a rotation that is refused changes nothing');
	revoke($two);
	is(ref $gateway->mint($small, 'reader'), 'HASH', 'a revoked one does not count');
	$host->append_conf('postgresql.conf', 'appinfra.key_limit = 1000');
	$host->reload;
	$host->wait_until(q{SELECT setting = '1000' FROM pg_settings WHERE name = 'appinfra.key_limit'});
};

subtest 'a key has one successor, which the key itself may replace until it is used' => sub {
	my $key = $gateway->mint($work, 'dbuser', "name => 'n', env => 'dev', valid_for => '30 days'");
	my $first = $gateway->row("gateway_rotate_key('$key->{key_id}', '1 hour')");
	is($host->control("SELECT role || ' ' || env || ' ' || name || ' ' || replaces || ' ' || (expires_at > now() + interval '29 days') FROM appinfra.keys WHERE key_id = '$first->{key_id}'"),
		"dbuser dev n $key->{key_id} true", 'like its predecessor');
	is($host->control("SELECT expires_at BETWEEN now() + interval '59 min' AND now() + interval '1 hour' FROM appinfra.keys WHERE key_id = '$key->{key_id}'"), 't', 'which ends after the overlap');
	like(($host->try_control("SELECT appinfra.rotate_key('$key->{key_id}')"))[2], qr/42710.*rotated already/, 'rotate_key: once');
	my $second = $gateway->row("gateway_rotate_key('$key->{key_id}', '10 days')");
	is($gateway->row("gateway_keys('{$first->{key_id}}')")->{status}, 'revoked', 'the key itself: again');
	is($host->control("SELECT expires_at < now() + interval '1 hour' FROM appinfra.keys WHERE key_id = '$key->{key_id}'"), 't', 'which makes it live no longer');
	$gateway->row("gateway_key('$second->{key_id}', sha256(convert_to('" . substr($second->{token}, -32) . "', 'UTF8')))");
	like(eval { $gateway->row("gateway_rotate_key('$key->{key_id}')"); 1 } ? '' : $@, qr/42710/, 'not once the successor is used');
	my $third = $gateway->row("gateway_rotate_key('$second->{key_id}', '0')");
	is($gateway->row("gateway_keys('{$second->{key_id}}')")->{status}, 'expired', 'an overlap of 0 ends it at once');
	like(($host->try_control("SELECT appinfra.rotate_key('$second->{key_id}')"))[2], qr/55000.*not active/, 'and it has no further successor');
	is($gateway->row("gateway_keys('{$third->{key_id}}')")->{status}, 'active', 'the line goes on');
};

subtest 'keys handle keys of their own workspace alone' => sub {
	my $elsewhere = $host->provision(app_id => 'app-e', slug => 'else', env => {})->{db_id};
	my ($admin, $user, $foreign) = ($gateway->mint($work, 'dbadmin'), $gateway->mint($work, 'dbuser'), $gateway->mint($elsewhere, 'dbuser'));
	my $says = sub { my ($call) = @_; return eval { $gateway->ask("SELECT appinfra.$call"); 1 } ? 'done' : $@ =~ /(?:ERROR: +)(\w+)/ ? $1 : $@ };
	is($says->("gateway_revoke_key('$admin->{key_id}', '$foreign->{key_id}')"), '42704', 'not another\'s');
	is($says->("gateway_revoke_key('$user->{key_id}', '$admin->{key_id}')"), '42501', 'a dbuser: not others');
	is($says->("gateway_mint_key('$user->{key_id}', 'reader')"), '42501', 'nor makes it keys');
	is($says->("gateway_list_keys('$user->{key_id}')"), '42501', 'nor sees it them');
	is($gateway->ask("SELECT count(*) FROM appinfra.gateway_list_keys('$admin->{key_id}') WHERE db_id <> '$work'"), '0', 'a list has those of the workspace');
	is($says->("gateway_revoke_key('$user->{key_id}', '$user->{key_id}', 'mine')"), 'done', 'itself');
	is($says->("gateway_revoke_key('$user->{key_id}', '$user->{key_id}')"), '28000', 'which it does once');
	my $made = $gateway->row("gateway_mint_key('$admin->{key_id}', 'dbuser', idempotency_key => 'k')");
	my $again = $gateway->row("gateway_mint_key('$admin->{key_id}', 'dbuser', idempotency_key => 'k')");
	is($gateway->row("gateway_keys('{$made->{key_id}}')")->{status}, 'revoked', 'made again: the first, unused, is revoked');
	$gateway->row("gateway_key('$again->{key_id}', sha256(convert_to('" . substr($again->{token}, -32) . "', 'UTF8')))");
	is($says->("gateway_mint_key('$admin->{key_id}', 'dbuser', idempotency_key => 'k')"), '42710', 'not when it is used');
	is($host->control("SELECT created_by FROM appinfra.keys WHERE key_id = '$again->{key_id}'"), "key:$admin->{key_id}", 'created_by says who');
};

done_testing();
