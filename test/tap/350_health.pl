# What a sidecar says of itself: whether it lives and is ready, its metrics after things that were done,
# the OpenAPI document against the routes that answer; and how it goes: a database that hangs, SIGTERM.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(answers refused statuses);
use Appinfra::Certificates qw(self_signed);
use Appinfra::Peer;
use Appinfra::Publications qw(wait_for_status);
use Appinfra::Rest;
use Appinfra::Wait qw(reaches wait_for);
use Appinfra::Wire;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('health', pool_size => 3);
$host->wait_for_pool(3);
my $peer = Appinfra::Peer->start;
my $rest = Appinfra::Rest->start($host, env => $peer->sidecar_env, args => [qw(--rate-limit=0 --statement-timeout=1s --request-timeout=3s)]);
my ($databases, $user, $other) = ($rest->databases, 'user@example.com', 'other@example.com');

# Waits until /readyz says these reasons ("" for ready), and checks what else it says.
sub ready
{
	my ($reason, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer;
	wait_for($name, sub { $answer = $rest->call(GET => '/readyz'); join('|', @{ $answer->{json}{reasons} // ['?'] }) =~ /^(?:$reason)$/ });
	is($answer->{status}, $reason eq '' ? 200 : 503, $name);
	ok((!$answer->{json}{ready}) == ($reason ne ''), '  in the document, too');
	is($rest->call(GET => '/healthz')->{status}, 200, '  and it lives') if $reason ne '';
	return;
}

# All samples as {name{labels}}, checked for their form; read until one has the value wanted, since the
# registry is read every few seconds only.
sub metrics
{
	my ($name, $value) = @_;
	my %samples;
	wait_for($name // 'metrics', sub {
		my $text = $rest->call(GET => '/metrics')->{content};
		%samples = map { /^(appinfra_[a-z_]+(?:\{.*\})?) ([0-9.e+-]+|\+Inf)$/ ? ($1 => $2) : () } split /\n/, $text;
		return !defined $name || ($samples{$name} // 'none') eq $value;
	});
	return \%samples;
}

# Whether there is something to read, or the end.
sub readable
{
	my ($socket) = @_;
	my $ready = '';
	vec($ready, fileno $socket, 1) = 1;
	return select($ready, undef, undef, 0);
}

# --- ready, or why not -----------------------------------------------------------------------------------
ready('', 'ready');
for my $address ('localhost', '127.0.0.1')
{
	$host->append_conf('postgresql.conf', "appinfra.public_host = '$address'");
	$host->reload;
	ready('the host hands out no publication until appinfra.accept_restore\(\): .*', "what may be a copy, at $address: not ready");
	is(metrics('appinfra_publications_held', 1)->{appinfra_unhealed_bindings}, 0, '  nor by its metrics');
	$host->control('SELECT appinfra.accept_restore(now())');
	ready('', '  accepted: ready');
}
metrics('appinfra_publications_held', 0);
$host->wait_for_pool(3);
$peer->expect_token('another');
my $made = $rest->call(POST => $databases, { app_id => 'app-1', owner_user_id => $user, slug => 'one', publish => JSON::PP::true }, user => $user)->{json};
ready('the producer refuses our token', 'the producer refuses our token: not ready');
my $owed = metrics('appinfra_publications{status="claimed"}', 1);
cmp_ok($owed->{appinfra_publication_oldest_pending_seconds}, '>', 0, 'the publication that is owed has an age');
is($rest->call(GET => "$databases/$made->{db_id}", undef, user => $user)->{status}, 200, 'requests are answered all the same');
$peer->expect_token('test-token');
$rest->process->signal('HUP');
ready('', 'the token is right again, and SIGHUP: ready');
wait_for_status($host, 'app-1', 'published');
$host->control('REVOKE appinfra_admin FROM appinfra_sidecar');
ready('.*appinfra_admin.*', 'no member of appinfra_admin: not ready');
my $answer = $rest->call(GET => "$databases/$made->{db_id}", undef, user => $user);
refused($answer, 503, 'database_unavailable', 'and requests say so');
like($answer->{json}{hint}, qr/Grant appinfra_admin/, '  with what to do');
$host->control('GRANT appinfra_admin TO appinfra_sidecar');
ready('', 'ready again');
$host->control('ALTER SYSTEM SET appinfra.guard = observe');
$host->control('SELECT pg_reload_conf()');
ready('appinfra.guard is observe', 'the guard only observes: not ready');
$host->control('ALTER SYSTEM RESET appinfra.guard');
$host->control('SELECT pg_reload_conf()');
ready('', 'it guards again: ready');

# --- metrics after known actions -----------------------------------------------------------------------------
my $text = $rest->call(GET => '/metrics');
is($text->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'metrics are Prometheus text');
my @odd = grep { !/^# (HELP|TYPE) appinfra_[a-z_]+ .+$|^appinfra_[a-z_]+(\{([a-z_]+="[^"\\]*",?)+\})? ([0-9.e+-]+|\+Inf)$/ } split /\n/, $text->{content};
is_deeply(\@odd, [], 'every line of them');
my %described = map { $_ => 1 } $text->{content} =~ /^# TYPE (\S+)/mg;
my %families = map { s/_(bucket|sum|count)$//r => 1 } $text->{content} =~ /^(appinfra_[a-z_]+)/mg;
is_deeply([ sort keys %families ], [ sort keys %described ], 'each family is described');
my $asked = 'appinfra_http_requests_total{code="%s",method="GET",route="/api/app-infra/databases/{db_id}"}';
my $before = metrics();
$rest->call(GET => "$databases/$made->{db_id}", undef, user => $user) for 1 .. 7;
$rest->call(GET => "$databases/$made->{db_id}", undef, user => $other) for 1 .. 5;
$rest->call(GET => "$databases/$made->{db_id}") for 1 .. 3;
$rest->call(GET => "/nothing/$_") for 1 .. 4;
my $after = metrics();
my $grown = sub { return ($after->{ $_[0] } // 0) - ($before->{ $_[0] } // 0); };
is($grown->(sprintf $asked, $_->[0]), $_->[1], "$_->[1] answers of $_->[0] are counted by route and code") for [ 200, 7 ], [ 404, 5 ];
is($grown->('appinfra_http_request_seconds_count{method="GET",route="/api/app-infra/databases/{db_id}"}'), 12, 'and timed, those that were let in');
cmp_ok($after->{'appinfra_http_request_seconds_sum{method="GET",route="/api/app-infra/databases/{db_id}"}'}, '<', 60, 'in seconds');
is_deeply([ grep { /nothing|db-|example/ } keys %$after ], [], 'no path, id or user of a request becomes a label');

my $second = $rest->provision(user => $user, app_id => 'app-2', slug => 'two')->{json};
$rest->call(DELETE => "$databases/$made->{db_id}", undef, user => $user);
my ($code, $out, $err) = $host->as_app($second->{connection}{url}, "COPY pg_class TO '/tmp/appinfra-never'; ");
like($err, qr/42501/, 'a tenant is refused');
my $counted = metrics('appinfra_tenants{status="retained"}', 1);
is($counted->{'appinfra_tenants{status="ready"}'}, 1, 'one of two tenants is left');
is($counted->{appinfra_claims}, 2, 'two were claimed');
$host->control("SELECT appinfra.revoke_key(key_id) FROM appinfra.mint_key('two', 'reader'); SELECT appinfra.mint_key('two', 'reader') FROM generate_series(1, 3)");
my $keys = metrics('appinfra_keys{status="active"}', 3);
is(join(' ', map { $keys->{qq(appinfra_keys{status="$_"})} // 'none' } qw(expired revoked)), '0 1', 'so are API keys, by status');
$host->wait_for_pool(3);
reaches { metrics('appinfra_pool_shells{status="ready"}', 3) } 'three shells are ready';
reaches { wait_for('a refusal by rule', sub { grep { /^appinfra_refusals_total\{rule="[^"]*copy[^"]*"\}$/i } keys %{ metrics() } }) }
	'the refusal is counted by its rule';
is($counted->{appinfra_xid_age_ratio} + $counted->{appinfra_xid_rate_ratio}, 0, 'nobody keeps a transaction id or takes many');
my $keeper = Appinfra::Wire->login($second->{connection}{url});
$keeper->query('BEGIN');
$keeper->query('SELECT pg_current_xact_id()');
reaches { wait_for('an age', sub { metrics()->{appinfra_xid_age_ratio} > 0 }) } 'somebody keeps one: it has an age';
$keeper->close;
is($counted->{appinfra_server_certificate_not_after_seconds}, undef, 'a server without TLS has no certificate that expires');
my $certificate = PostgreSQL::Test::Utils::slurp_file(self_signed('DNS:localhost'));
for my $part ([ 'server.crt', qr/(-----BEGIN CERTIFICATE.*END CERTIFICATE-----\n)/s ], [ 'server.key', qr/(-----BEGIN (?:EC )?PRIVATE KEY.*PRIVATE KEY-----\n)/s ])
{
	my $file = $host->data_dir . "/$part->[0]";
	$certificate =~ $part->[1] or die $part->[0];
	PostgreSQL::Test::Utils::append_to_file($file, $1);
	chmod 0600, $file or die $!;
}
$host->append_conf('postgresql.conf', 'ssl = on');
$host->reload;
reaches { wait_for('a certificate', sub { metrics()->{appinfra_server_certificate_not_after_seconds} }) } 'one with TLS tells when its expires';
cmp_ok(abs(metrics()->{appinfra_server_certificate_not_after_seconds} - time - 2 * 86400), '<', 600, 'in seconds since 1970');
is($counted->{appinfra_database_up}, 1, 'the database is up');
like((grep { /^appinfra_build_info/ } keys %$counted)[0], qr/version="\d+\.\d+\.\d+"/, 'and the build has a version');
$host->control("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'appinfra_sidecar'");
is($rest->call(GET => "$databases?app_id=app-2", undef, user => $user)->{status}, 200, 'a reader need not notice that its connection broke') for 1 .. 8;
cmp_ok(metrics()->{appinfra_database_reconnects_total}, '>=', 1, 'which is counted');

# --- what everyone may ask costs those nothing who have a token ---------------------------------------------------------
sub executed { return scalar(() = PostgreSQL::Test::Utils::slurp_file($host->logfile) =~ /execute $_[0]:/g); }
my $single = Appinfra::Rest->start($host, args => [qw(--database-connections=2 --rate-limit=0)]);
$host->control("ALTER ROLE appinfra_sidecar SET log_statement = 'all'");
$host->control("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'appinfra_sidecar'");
my $begun = time;
my %answers;
for my $path (map { ('/readyz', '/metrics') } 1 .. 150) { $answers{ $path . ' ' . $single->call(GET => $path)->{status} }++; }
my $seconds = time - $begun;
is_deeply(\%answers, { '/readyz 200' => 150, '/metrics 200' => 150 }, 'many ask whether it is ready, and for metrics');
for my $query (qw(readiness metrics_registry))
{
	my $times = executed($query);
	ok($times >= 1 && $times <= $seconds + 2, "in $seconds s the database is asked for $query $times times");
}
$host->control('ALTER ROLE appinfra_sidecar RESET log_statement');
my $held = $host->background_psql('control');
$held->query_safe('BEGIN; LOCK TABLE appinfra.publication IN ACCESS EXCLUSIVE MODE');
wait_for('metrics to be old', sub { $single->call(GET => '/metrics')->{content} =~ /^appinfra_database_up 0$/m });
my @scraping = map { my $s = $single->connect; syswrite $s, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"; $s } 1 .. 30;
is($single->call(GET => '/api/app-infra/audit?limit=1', undef, user => 'root@example.com', admin => 1)->{status}, 200,
	'while scrapes hang in the database the connections for requests are free');
is($single->call(GET => '/readyz')->{status}, 200, 'and it is known to be ready');
is_deeply([ grep { !/^HTTP\/1\.1 200 .*^appinfra_database_up 0$/ms } map { Appinfra::Rest::read_all($_) } @scraping ], [],
	'each scrape is told in time that the registry does not answer');
$held->query_safe('COMMIT');
$held->quit;
reaches { wait_for('the registry', sub { $single->call(GET => '/metrics')->{content} =~ /^appinfra_database_up 1$/m }) } 'which it then does';
is($single->process->stop, 0, 'SIGTERM: exit code 0');

# --- OpenAPI: what it names is what answers ------------------------------------------------------------------------
my $openapi = $rest->call(GET => '/openapi.json')->{json};
my (@wrong, %operations);
for my $path (sort keys %{ $openapi->{paths} })
{
	for my $method (qw(GET POST PUT DELETE PATCH OPTIONS))
	{
		my $operation = $openapi->{paths}{$path}{ lc $method };
		my $got = $rest->call($method => $path =~ s/\{db_id\}/$second->{db_id}/r, $method =~ /^P/ ? {} : undef)->{status};
		my $open = $operation && $operation->{security} && !@{ $operation->{security} };
		my $expected = !$operation ? 405 : $open ? 200 : 401;
		push @wrong, "$method $path: $got" if $got != $expected;
		push @wrong, "$method $path does not say $got" if $operation && !$operation->{responses}{$got};
		$operations{ $operation->{operationId} }++ if $operation;
	}
}
is_deeply(\@wrong, [], 'each operation of the document answers, and no other method does');
is(scalar(grep { $_ > 1 } values %operations), 0, 'operations have names of their own');
my $whole = encode_json($openapi);
my @missing = grep { !$openapi->{components}{schemas}{$_} } $whole =~ m{"#/components/schemas/(\w+)"}g;
is_deeply(\@missing, [], 'every schema it refers to is there');
my $fields = $openapi->{paths}{$databases}{post}{requestBody}{content}{'application/json'}{schema};
is_deeply([ sort keys %{ $fields->{properties} } ], [qw(app_id engine env expires idempotency_key owner_user_id publish slug)], 'a request has the fields of the contract');
my $seen = $rest->call(GET => "$databases/$second->{db_id}", undef, user => $user)->{json};
my $schema = $openapi->{components}{schemas}{Database};
is_deeply([ sort keys %$seen ], [ sort keys %{ $schema->{properties} } ], 'and an answer those of its schema');

# --- a database that hangs -----------------------------------------------------------------------------------------------
my $lock = $host->background_psql('control');
my $table = $host->control("SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	. " WHERE n.nspname LIKE 'appinfra%' AND c.relkind = 'r' AND c.relname ~ '^tenants?\$'");
$lock->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE");
my @hanging = map { my $s = $rest->connect; syswrite $s, "GET $databases/$second->{db_id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
	  . $rest->token(email => $user) . "\r\n\r\n"; $s } 1 .. 12;
is($rest->call(GET => '/healthz')->{status}, 200, 'a dozen requests hang in the database: it lives');
cmp_ok(scalar(grep { !readable($_) } @hanging), '>', 0, 'as one can see while they do');
my @told = map { answers(Appinfra::Rest::read_all($_)) } @hanging;
is_deeply([ map { $_->{status} } @told ], [ (503) x 12 ], 'each is told 503 when its time is over');
is_deeply([ map { $_->{json}{title} } @told ], [ ('database_unavailable') x 12 ], 'because of the database');
$lock->query_safe('COMMIT');
$lock->quit;
reaches { wait_for('the end of what hung', sub { $rest->call(GET => "$databases/$second->{db_id}", undef, user => $user)->{status} == 200 }) }
	'and then all is well';

# --- SIGTERM: who asked is answered -----------------------------------------------------------------------------------------
$lock = $host->background_psql('control');
$lock->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE");
my $last = Appinfra::Rest->start($host, env => $peer->sidecar_env);
my $content = encode_json({ app_id => 'app-last', owner_user_id => $user, slug => 'last' });
my $asking = $last->connect;
syswrite $asking, "POST $databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " . $last->token(email => $user)
  . "\r\nContent-Type: application/json\r\nContent-Length: " . length($content) . "\r\n\r\n$content";
my $idle = $last->connect;
$host->wait_until("SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'appinfra_sidecar' AND wait_event_type = 'Lock' AND query !~ 'claim_publications'", 'the request');
$last->process->signal('TERM');
$last->process->wait_for_log(qr/stopping/);
is(statuses(Appinfra::Rest::read_all($idle)), 'closed', 'SIGTERM: who does nothing is sent away');
reaches { wait_for('the door to close', sub { !IO::Socket::INET->new(PeerAddr => $last->address, Timeout => 1) }) }
	'nobody else is let in';
ok($last->process->alive, 'and it waits for the request under way');
$lock->query_safe('COMMIT');
$lock->quit;
my ($done) = answers(Appinfra::Rest::read_all($asking, 20));
is($done->{status}, 201, 'which is answered');
is($done->{headers}{connection}, 'close', 'as the last of its connection');
($code, $out, $err) = $host->as_app($done->{json}{connection}{url}, 'SELECT 1');
is($out, 1, 'with a password that works') or diag $err;
is($last->process->wait_end, 0, 'exit code 0');
is($rest->process->stop, 0, 'and of the other');
done_testing();
