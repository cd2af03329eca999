# Sidecars and servers that die, stop and meet: whatever happens between claim and complete, each
# app's environment ends with a DSN that logs in.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Publications qw(publication wait_for_status wait_until_settled expire);
use Fcntl qw(:flock);
use List::Util qw(uniq);
use Test::More;
use Time::HiRes qw(sleep time);

my $host = Appinfra->make('killed', pool_size => 4);
my $peer = Appinfra::Peer->start;
my $careless = Appinfra::Peer->start(name => 'careless', args => ['--ignore-versions']);

sub logs_in
{
	my ($dsn) = @_;
	return ($host->as_app($dsn, 'SELECT 1'))[0] == 0 ? 1 : 0;
}

sub dsn { return $_[0]->{body}{set}{DATABASE_URL}; }
sub stored { return $_[0]->store->{ $_[1] }{DATABASE_URL}{value}; }

# A sidecar that has connected.
sub serve
{
	my ($name, $env, @args) = @_;
	my $sidecar = $host->start_sidecar(name => $name, env => { %$env, APPINFRA_WORKER => $name }, args => \@args);
	$sidecar->wait_for_log(qr/database connected connection=claims/);
	$sidecar->wait_for_log(qr/database connected connection=reports/);
	return $sidecar;
}

# The connections of a sidecar that was killed are gone: its locks, too.
sub wait_until_gone
{
	$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'appinfrad'",
		'the sessions of the sidecar to end');
	return;
}

# --- killed between claim and complete -----------------------------------------------------------------------
# The producer holds its answer; the first sidecar dies while it waits. Nobody shortens the lease: it is 2 s.
for my $when ('before it is stored', 'after it is stored')
{
	my $app = $when =~ /before/ ? 'app-before' : 'app-after';
	$peer->rules({ app => $app, hold => \1, store_first => $when =~ /after/ ? \1 : \0 });
	my $first = serve('first', $peer->sidecar_env);
	$host->provision(app_id => $app, slug => $app);
	my ($lost) = $peer->wait_for_requests($app, 1);
	$peer->wait_for_value($app, 'DATABASE_URL') if $when =~ /after/;
	$first->kill9;
	$peer->rules;
	is(publication($host, $app)->{status}, 'claimed', "killed $when: the claim is there");
	my $until = $host->control("SELECT extract(epoch FROM lease_until) FROM appinfra.publication"
		  . " WHERE publication_id = " . publication($host, $app)->{publication_id});
	my $second = serve('second', $peer->sidecar_env);
	my $row = wait_for_status($host, $app, 'published');
	is("$row->{worker} $row->{attempt}", 'second 2', "killed $when: when the lease has ended, another sidecar delivers");
	my ($again) = grep { dsn($_) ne dsn($lost) } $peer->requests($app);
	cmp_ok($again->{time}, '>=', $until, "killed $when: not before");
	isnt(parse_dsn(dsn($again))->{user}, parse_dsn(dsn($lost))->{user}, "killed $when: with another login");
	is(stored($peer, $app), dsn($again), "killed $when: the environment has the later one");
	is(logs_in(dsn($again)), 1, "killed $when: and it logs in");
	is(logs_in(dsn($lost)), 1, "killed $when: so does the other, as long as somebody may have read it");
	is($second->stop, 0, "killed $when: the second sidecar stops");
}

# The file sink: what keeps the first one from writing is a lock, as that of a third sidecar.
sub lock_folder
{
	my ($app) = @_;
	my $folder = $host->env_dir . "/$app";
	mkdir $folder, 0700;
	open my $lock, '>>', "$folder/.app.env.lock" or die "$folder: $!";
	flock $lock, LOCK_EX or die "$folder: $!";
	return $lock;
}

{
	my $lock = lock_folder('app-file');
	my $first = serve('first', {});
	$host->provision(app_id => 'app-file', slug => 'file');
	$first->wait_for_log(qr/not delivered yet .*target=app-file .*the file is locked/);
	$first->kill9;
	wait_until_gone();
	expire($host, 'app-file');
	close $lock;
	my $second = serve('second', {});
	is(wait_for_status($host, 'app-file', 'published')->{attempt}, 2, 'killed before it writes a file: another delivers');
	is(logs_in($host->app_env('app-file')->{DATABASE_URL}), 1, 'killed before it writes a file: the DSN there logs in');
	$second->stop;
}

# --- slow: its lease ran out, and it delivers last -------------------------------------------------------------
# The first one believes in its lease, because it was stopped when another was given it. The peer that
# keeps versions refuses what is late, the careless one stores it; the host has it delivered anew.
for my $case ([ $peer, 'versions' ], [ $careless, 'careless' ])
{
	my ($producer, $name) = @$case;
	my $app = "app-$name";
	my %env = %{ $producer->sidecar_env(APPINFRA_CALL_TIMEOUT => '30s', APPINFRA_LEASE => '60s') };
	$producer->rules({ app => $app, times => 2, status => 503, headers => { 'Retry-After' => '1' } });
	my $first = serve('first', \%env);
	$host->provision(app_id => $app, slug => $app);
	my ($early) = $producer->wait_for_requests($app, 1);
	$first->wait_for_log(qr/not delivered yet .*target=$app .*sends=1 /);
	$first->signal('STOP');
	$producer->rules;
	expire($host, $app);
	my $second = serve('second', \%env);
	my $row = wait_for_status($host, $app, 'published');
	is("$row->{worker} $row->{attempt}", 'second 2', "late, $name: another sidecar has delivered");
	my $current = stored($producer, $app);
	isnt($current, dsn($early), "late, $name: its DSN is stored");
	is($second->stop, 0, "late, $name: it stops");
	$first->signal('CONT');
	my $late = ($producer->wait_for_requests($app, 3))[2];
	is(dsn($late), dsn($early), "late, $name: the first one comes, with the old DSN");
	my $log = $first->wait_for_log(qr/publication .*target=$app .*attempt=1 .*result=(lost|stale)/);
	is($log =~ /HTTP 409 stale_version/ ? 'refused' : 'stored', $name eq 'versions' ? 'refused' : 'stored',
		"late, $name: which the producer takes, or not");
	wait_until_settled($host);
	my $end = stored($producer, $app);
	isnt($end, dsn($early), "late, $name: the old DSN does not last");
	isnt($end, $current, "late, $name: because it is published once more");
	is(logs_in($end), 1, "late, $name: the environment ends with a DSN that logs in");
	is(logs_in($_), 1, "late, $name: so does what an app may have read meanwhile") for $current, dsn($early);
	is(publication($host, $app)->{status}, 'published', "late, $name: all is published");
	$first->stop;
}

{
	my $lock = lock_folder('app-late-file');
	my %env = (APPINFRA_LEASE => '60s', APPINFRA_RETRY_FIRST => '2s', APPINFRA_RETRY_LONGEST => '2s');
	my $first = serve('first', \%env);
	$host->provision(app_id => 'app-late-file', slug => 'late-file');
	$first->wait_for_log(qr/not delivered yet .*target=app-late-file/);
	$first->signal('STOP');
	expire($host, 'app-late-file');
	close $lock;
	my $second = serve('second', {});
	wait_for_status($host, 'app-late-file', 'published');
	my $current = $host->app_env('app-late-file')->{DATABASE_URL};
	$second->stop;
	$first->signal('CONT');
	$first->wait_for_log(qr/publication .*target=app-late-file .*error="stale_version/);
	wait_until_settled($host);
	my $end = $host->app_env('app-late-file')->{DATABASE_URL};
	is(logs_in($end), 1, 'late, file: the environment ends with a DSN that logs in');
	$first->stop;
}

# --- two at once ------------------------------------------------------------------------------------------------
{
	my %env = %{ $peer->sidecar_env(APPINFRA_BATCH => 8, APPINFRA_CONCURRENCY => 4,
			APPINFRA_CALL_TIMEOUT => '30s', APPINFRA_LEASE => '120s') };
	$peer->rules({ hold => \1 });
	my @sidecars = map { serve($_, \%env) } qw(left right);
	$host->provision(app_id => "app-both-$_", slug => "both-$_",
		env => { map { ("URL_$_" => 'owner') } 1 .. 16 }) for 1 .. 4;
	$host->wait_until("SELECT count(*) = 2 FROM (SELECT FROM appinfra.publications WHERE status = 'claimed' GROUP BY worker HAVING count(*) = 8) w",
		'both to hold a batch');
	$peer->rules;
	wait_until_settled($host);
	my @requests = grep { $_->{app} =~ /^app-both/ } $peer->requests;
	is(scalar @requests, 64, 'two sidecars: each publication is sent once');
	is(scalar uniq(map { $_->{body}{publication_id} } @requests), 64, 'two sidecars: all of them');
	my $shares = $host->control("SELECT string_agg(worker || ' ' || (n >= 8), ' ' ORDER BY worker) FROM "
		  . "(SELECT worker, count(*) AS n FROM appinfra.publications WHERE app_id ~ 'both' GROUP BY 1) s");
	is($shares, 'left true right true', 'two sidecars: they share the work');
	is($host->control("SELECT count(*) FROM appinfra.publications WHERE app_id ~ 'both' AND (status <> 'published' OR attempt <> 1)"),
		0, 'two sidecars: all is published at the first attempt');
	is($_->stop, 0, 'two sidecars: one stops') for @sidecars;
}

# --- SIGTERM ------------------------------------------------------------------------------------------------------
{
	# One is under way, one waits for its time.
	my $refuses = { app => 'app-waiting', status => 503, headers => { 'Retry-After' => '600' } };
	$peer->rules({ app => 'app-under-way', hold => \1 }, $refuses);
	# It does not poll: a claim under way at the signal may take once more what was given back.
	my $sidecar = serve('first', $peer->sidecar_env(APPINFRA_LEASE => '60s', APPINFRA_CALL_TIMEOUT => '20s', APPINFRA_POLL => '1h'));
	$host->provision(app_id => 'app-waiting', slug => 'waiting');
	$sidecar->wait_for_log(qr/not delivered yet .*target=app-waiting/);
	$host->provision(app_id => 'app-under-way', slug => 'under-way');
	$peer->wait_for_requests('app-under-way', 1);
	$sidecar->signal('TERM');
	$sidecar->wait_for_log(qr/stopping/);
	$peer->rules($refuses);
	is($sidecar->wait_end, 0, 'SIGTERM: exit code 0'); # a second signal would cut it short
	my $row = publication($host, 'app-under-way');
	is("$row->{status} $row->{attempt}", 'published 1', 'SIGTERM: what is under way is finished');
	is(logs_in(stored($peer, 'app-under-way')), 1, 'SIGTERM: and logs in');
	$row = publication($host, 'app-waiting');
	is("$row->{status} $row->{delivered}", 'pending no', 'SIGTERM: what waits is given back at once');
	$peer->rules;
	$sidecar = serve('second', $peer->sidecar_env(APPINFRA_LEASE => '60s', APPINFRA_CALL_TIMEOUT => '20s'));
	is(wait_for_status($host, 'app-waiting', 'published')->{attempt}, 2, 'SIGTERM: the next sidecar delivers it');
	is(logs_in(stored($peer, 'app-waiting')), 1, 'SIGTERM: and it logs in');
	$sidecar->stop;

	# A producer that does not answer does not keep it longer than drain-timeout.
	$peer->rules({ app => 'app-drain', half => 'hang' });
	$sidecar = serve('first', $peer->sidecar_env(APPINFRA_LEASE => '240s', APPINFRA_CALL_TIMEOUT => '120s'), '--drain-timeout=500ms');
	$host->provision(app_id => 'app-drain', slug => 'drain');
	$peer->wait_for_requests('app-drain', 1);
	my $asked = time;
	is($sidecar->stop, 0, 'SIGTERM, the producer hangs: exit code 0');
	cmp_ok(time - $asked, '>=', 0.5, 'SIGTERM, the producer hangs: it waits for drain-timeout');
	is(scalar $peer->requests('app-drain'), 1, 'SIGTERM, the producer hangs: and not for the answer, which never comes');
	$row = publication($host, 'app-drain');
	is("$row->{status} $row->{delivered}", 'pending unknown', 'SIGTERM, the producer hangs: it may have been stored');
	is(logs_in(stored($peer, 'app-drain')), 1, 'SIGTERM, the producer hangs: so the DSN lives');
	$peer->rules;
	$sidecar = serve('second', $peer->sidecar_env);
	wait_for_status($host, 'app-drain', 'published');
	is(logs_in(stored($peer, 'app-drain')), 1, 'SIGTERM, the producer hangs: the next sidecar delivers a DSN that logs in');
	$sidecar->stop;
}

# --- the database crashes in the middle -----------------------------------------------------------------------------
{
	my $sidecar = serve('first', $peer->sidecar_env(APPINFRA_LEASE => '60s', APPINFRA_CALL_TIMEOUT => '20s'));
	$peer->rules({ app => 'app-crash', hold => \1 });
	$host->provision(app_id => 'app-crash', slug => 'crash');
	my ($request) = $peer->wait_for_requests('app-crash', 1);
	$host->stop('immediate');
	$sidecar->wait_for_log(qr/database connection lost/);
	$peer->rules;
	$peer->wait_for_value('app-crash', 'DATABASE_URL'); # stored while there is nobody to tell
	$host->start;
	my $row = wait_for_status($host, 'app-crash', 'published');
	is("$row->{attempt} $row->{worker}", '1 first', 'database crash: completed when it is there again');
	is(scalar $peer->requests('app-crash'), 1, 'database crash: without sending it again');
	is(logs_in(dsn($request)), 1, 'database crash: the DSN logs in');
	$host->provision(app_id => 'app-after-crash', slug => 'after-crash');
	wait_for_status($host, 'app-after-crash', 'published');
	is(logs_in(stored($peer, 'app-after-crash')), 1, 'database crash: it goes on');
	is($sidecar->stop, 0, 'database crash: it stops');
}
# --- its session ends while it reports ---------------------------------------------------------------------------------
{
	my $sidecar = serve('first', $peer->sidecar_env(APPINFRA_LEASE => '60s', APPINFRA_CALL_TIMEOUT => '20s'));
	$peer->rules({ app => 'app-report', hold => \1 });
	$host->provision(app_id => 'app-report', slug => 'report');
	$peer->wait_for_requests('app-report', 1);
	my $lock = $host->background_psql('control');
	my $id = publication($host, 'app-report')->{publication_id};
	$lock->query_safe("BEGIN; SELECT FROM appinfra.publication WHERE publication_id = $id FOR UPDATE");
	$peer->rules;
	my $waiting = "FROM pg_stat_activity WHERE application_name = 'appinfrad' AND wait_event_type = 'Lock'";
	$host->wait_until("SELECT count(*) = 1 $waiting", 'the report to wait for the row');
	$host->control("SELECT pg_terminate_backend(pid) $waiting");
	$sidecar->wait_for_log(qr/database connection lost connection=reports/);
	$lock->query_safe('ROLLBACK');
	$lock->quit;
	my $row = wait_for_status($host, 'app-report', 'published');
	is("$row->{attempt} " . $peer->requests('app-report'), '1 1', 'a report that is cut off is repeated, the delivery is not');
	is(logs_in(stored($peer, 'app-report')), 1, 'a report that is cut off: the DSN logs in');
	$sidecar->stop;
}
is($host->control("SELECT count(*) FROM appinfra.publications WHERE status NOT IN ('published', 'superseded')"), 0, 'nothing is left over');
$host->wait_for_pool(4);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
