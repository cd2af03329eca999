# What goes on in a database, over REST: its sessions, of which one can be ended, its statements, and
# what it uses; each of its owner's only, and a session only while it is the one that was meant.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Rest;
use Appinfra::Wait qw(wait_for);
use Appinfra::Wire;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('insight', pool_size => 2,
	conf => "shared_preload_libraries = 'pg_stat_statements, appinfra'\nappinfra.usage_interval = 1\ncompute_query_id = on\n");
$host->wait_for_pool(2);
my $rest = Appinfra::Rest->start($host, args => [ '--rate-limit=0', '--tenant-metrics=1' ]);
my ($user, $other) = ('user@example.com', 'other@example.com');
my $made = $rest->provision->{json};
my $base = $rest->databases . "/$made->{db_id}";
my $foreign = $host->provision(app_id => 'app-f', owner_user_id => $other, slug => 'foreign', publish => 0);

sub get { my ($what) = @_; return $rest->call(GET => "$base/$what", undef, user => $user)->{json}; }

# --- sessions ------------------------------------------------------------------------------------------------
my $session = Appinfra::Wire->login($made->{connection}{url}, application_name => 'seen');
$session->query('SELECT 4711');
my ($row) = grep { $_->{application_name} eq 'seen' } @{ get('sessions')->{sessions} };
is_deeply([ @$row{qw(username access state query client_addr)} ], [ $made->{connection}{username}, 'owner', 'idle', 'SELECT 4711', '127.0.0.1' ], 'a session, and what it has run');
like($row->{started}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'with the moment when it began');
my $stranger = Appinfra::Wire->login($foreign->{url});
my $theirs = $host->control("SELECT pid || '?started=' || to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM appinfra.sessions('$foreign->{db_id}')");
is(scalar @{ get('sessions')->{sessions} }, 1, "another tenant's is not among them");

sub kill_session { my ($which, $who) = @_; return $rest->call(DELETE => "$base/sessions/$which", undef, user => $who // $user); }
my $mine = "$row->{pid}?started=$row->{started}";
refused(kill_session($mine, $other), 404, 'not_found', 'ended by its owner only');
refused(kill_session($theirs), 404, 'not_found', "not a session of another database");
refused(kill_session($mine =~ s/\d{6}Z$/000000Z/r), 404, 'not_found', 'not one that began at another time');
refused(kill_session("x?started=$row->{started}"), 404, 'not_found', 'not one that is no number');
refused(kill_session($row->{pid}), 400, 'invalid_field', 'not without saying when it began');
my $superuser = $host->background_psql($made->{connection}{database});
my $its = $superuser->query("SELECT pid || '?started=' || to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM pg_stat_activity WHERE pid = pg_backend_pid()");
refused(kill_session($its), 404, 'not_found', "not a superuser's in the database");
is($session->query('SELECT 1')->[0][0], 1, 'it lives until then');
is(kill_session($mine)->{json}{ended}, 1, 'ended');
wait_for('the session to end', sub { !eval { $session->query('SELECT 1'); 1 } });
is($stranger->query('SELECT 1')->[0][0], 1, 'others live');
is($host->control("SELECT end_user, credential, detail->>'pid' FROM appinfra.audit WHERE action = 'terminate_session'"),
	"$user|$made->{connection}{username}|$row->{pid}", 'the audit has who asked');
$superuser->quit;

# --- statements ----------------------------------------------------------------------------------------------
$host->as_app($made->{connection}{url}, "SELECT 'mine', pg_sleep(0.01)");
$host->as_app($foreign->{url}, "SELECT 'theirs', pg_sleep(0.01)");
my $statements = get('statements')->{statements};
my ($slept) = grep { $_->{query} =~ /pg_sleep/ } @$statements;
is($slept->{calls}, 1, 'its statements, with counts');
cmp_ok($slept->{total_ms}, '>=', 10, '  and times');
is(scalar @{ get('statements?limit=1')->{statements} }, 1, 'as many as were asked for');

# --- what it uses --------------------------------------------------------------------------------------------
$host->as_app($made->{connection}{url}, 'CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 100000) g');
$session = Appinfra::Wire->login($made->{connection}{url});
$session->query('BEGIN');
$session->query('LOCK TABLE t');
my $usage;
wait_for('the use', sub { $usage = get('usage'); ($usage->{size} // 0) > 12e6 && $usage->{connections} && $usage->{locks} && $usage->{last_login} });
cmp_ok(abs($usage->{size} - $host->safe_psql('postgres', "SELECT pg_database_size('$made->{connection}{database}')")), '<', 4e6, 'the size is that of its files');
is_deeply([ @$usage{qw(connections disk_limit disk_state)} ], [ 1, undef, 'ok' ], 'with its connections, and no limit');
ok($usage->{oldest_transaction} && $usage->{transactions} > 1 && $usage->{blocks_hit} > 100, 'transactions and blocks');
wait_for('the day', sub { $usage = get('usage'); ($usage->{history}[-1]{size} // 0) > 12e6 });
is_deeply([ scalar @{ $usage->{history} }, $usage->{history}[-1]{connections} ], [ 1, 1 ], 'and a row of the day');
$session->query('COMMIT');
$session->close;
my $size = sub { return $rest->call(GET => '/metrics')->{content} =~ /^appinfra_tenant_disk_bytes\{db_id="$made->{db_id}"\} (\S+)/m ? $1 : 0 };
wait_for('the metric', sub { $size->() > 12e6 });
is($rest->call(POST => '/mcp', { jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => 'check_app_database',
	arguments => { app_id => 'app-12345678', db_id => $made->{db_id} } } }, token => $rest->token(email => $user))->{json}{result}{structuredContent}{size} > 12e6, 1, 'an agent is told the size');
$host->control("SELECT appinfra.deprovision_tenant('$made->{db_id}', '0')");
wait_for('the metric to go', sub { !$size->() });
done_testing();
