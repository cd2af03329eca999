# The producer to start from, test/peer/reference_producer.py, with a real sidecar: what it stores logs in,
# versions hold across its own restart, and what it refuses or cannot do has the code that fits.
use strict;
use warnings;
use Appinfra;
use Appinfra::Publications qw(publication wait_for_status);
use Appinfra::ReferenceProducer;
use Appinfra::Wait qw(wait_for);
use HTTP::Tiny;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('reference', pool_size => 3);
my $producer = Appinfra::ReferenceProducer->start;
my $sidecar = $host->start_sidecar(env => $producer->sidecar_env);

sub logs_in { return ($host->as_app($_[0], 'SELECT 1'))[0] == 0 ? 1 : 0; }

# Sends a request as a sidecar would, changed by the arguments; returns the code and the title.
sub post
{
	my (%change) = @_;
	my %body = (producer => 'postgres', target => 'app-x', ref => 'db-1', host_id => 'host', publication_id => 1,
		version => 5, set => { A => 'a' }, unset => [], %{ $change{body} // {} });
	my $answer = HTTP::Tiny->new(timeout => 30)->post($producer->url . ($change{path} // '/api/apps/app-x/env'), {
		headers => { 'Authorization' => 'Bearer test-token', 'Content-Type' => 'application/json',
			'Idempotency-Key' => 'key', %{ $change{headers} // {} } },
		content => $change{text} // encode_json(\%body) });
	return join ' ', $answer->{status}, (eval { decode_json($answer->{content}) } // {})->{title} // ();
}

# --- what a sidecar delivers ------------------------------------------------------------------------------
$host->provision(app_id => 'app-1', slug => 'one', env => { DATABASE_URL => 'writer', MIGRATION_URL => 'owner' });
wait_for_status($host, 'app-1', 'published');
wait_for('both variables', sub { keys %{ $producer->environment('app-1') } == 2 });
my $env = $producer->environment('app-1');
is(logs_in($env->{$_}), 1, "$_: stored, and logs in") for sort keys %$env;
my $db_id = $host->control("SELECT db_id FROM appinfra.databases WHERE app_id = 'app-1'");
$host->control("SELECT appinfra.create_service_user('$db_id', 'worker', 'vm1')");
wait_for('the service', sub { $producer->environment('app-1/svc/worker/vm1')->{PGUSER} });
is(keys %{ $producer->environment('app-1') }, 2, 'a service has a target of its own');

my $migrate = qq{'$db_id', '{"DATABASE_URL": "owner"}', container => 'migrate'};
$host->control("SELECT appinfra.bind_variables($migrate)");
wait_for('the container', sub { $producer->environment('app-1/migrate')->{DATABASE_URL} });
is(logs_in($producer->environment('app-1/migrate')->{DATABASE_URL}), 1, 'so has a container, where a name has another login');
is($producer->environment('app-1')->{DATABASE_URL}, $env->{DATABASE_URL}, 'and the app keeps its own');

# --- across a restart of the producer ---------------------------------------------------------------------
$producer->kill9;
$host->control("SELECT appinfra.rotate_credential('$db_id', variable => 'MIGRATION_URL')");
$producer->restart;
wait_for('the rotation', sub { $producer->environment('app-1')->{MIGRATION_URL} ne $env->{MIGRATION_URL} });
is($producer->environment('app-1')->{DATABASE_URL}, $env->{DATABASE_URL}, 'what it has stored outlives a kill');
is(logs_in($producer->environment('app-1')->{MIGRATION_URL}), 1, 'what was sent while it was away is there');
$host->control("SELECT appinfra.deprovision_tenant('$db_id')");
wait_for('the unset', sub { !%{ $producer->environment('app-1') } && !%{ $producer->environment('app-1/migrate') } });
pass('what is deprovisioned is unset');

# --- its rules --------------------------------------------------------------------------------------------
is(post(), '200', 'a request is stored');
is(post(), '200', 'and once more');
is(post(body => { set => { A => 'b' } }, headers => { 'Idempotency-Key' => 'other' }), '200', 'an equal version');
is(post(body => { version => 4 }), '409 stale_version', 'a lower version');
is(post(body => { version => 4, set => { B => 'b', A => 'a' } }), '409 stale_version', 'one of two is lower');
is(post(body => { version => 6, host_id => 'another' }), '409 foreign_owner', 'another host');
is_deeply($producer->environment('app-x'), { A => 'b' }, 'nothing of what was refused is stored');
is(post(body => { version => 7, set => {}, unset => [ 'A', 'NEVER' ] }), '200', 'an unset, also of what is not there');
is(post(body => { version => 6 }), '409 stale_version', 'a lower version than that of an unset');
is(post(body => { version => 8, later => 1 }), '200', 'a field that it does not know');
is(post(body => { version => 8, set => { CA => "one\ntwo\n" } }), '200', 'a value of several lines, as certificates have');
is($producer->environment('app-x')->{CA}, "one\ntwo\n", 'which a deploy reads as it was sent');
for my $bad ([ version => '8' ], [ version => 0 ], [ set => { A => 1 } ], [ set => { a => 'x' } ], [ set => { A => "x\r" } ],
	[ unset => 'A' ], [ unset => [ 'A' ] ], [ set => {} ], [ ref => undef ], [ target => '' ], [ version => 1e300 ])
{
	is(post(body => { $bad->[0] => $bad->[1] }), '422 invalid_request', "$bad->[0] is " . encode_json([ $bad->[1] ]));
}
is(post(text => $_), '400 invalid_json', 'no JSON: ' . substr($_, 0, 20)) for '{', '', "\xff", '[' x 100_000;
is(post(text => '"\ud800"'), '422 invalid_request', 'no object');
is(post(text => '{"producer": "\ud800"}'), '422 invalid_request', 'half a character');
is(post(headers => { 'Content-Type' => 'text/plain' }), '415 unsupported_media_type', 'another type');
is(post(text => 'x' x 1_048_577), '413 too_large', 'larger than 1 MiB');
is(post(path => $_), '404 not_found', "no such path: $_") for '/', '/api/apps//env', '/api/apps/x/env/';
is(post(path => '/api/apps/a%20b/env'), '404 unknown_app', 'no id of an app');
is(post(headers => { Authorization => $_ }), '401 unauthorized', "no right token: $_") for 'Bearer wrong', 'Basic test-token', 'Bearer', 'Bearer ';

# --- tokens and apps, without a restart --------------------------------------------------------------------
$producer->tokens('next-token', 'test-token');
is(post(headers => { Authorization => "Bearer $_" }, body => { version => 9 }), '200', "$_: two are right while one replaces the other")
	for qw(test-token next-token);
$producer->tokens('next-token');
is(post(), '401 unauthorized', 'the former token is not right any more');
$host->provision(app_id => 'app-2', slug => 'two');
wait_for('the refused token', sub { $sidecar->log =~ /refuses our token/ });
$producer->tokens('test-token');
$sidecar->signal('HUP');
wait_for_status($host, 'app-2', 'published');
is(logs_in($producer->environment('app-2')->{DATABASE_URL}), 1, 'the sidecar goes on when its token is right again');
is($sidecar->stop, 0, 'SIGTERM: exit code 0');
unlike($producer->log, qr/postgres/, 'no value is in its log');
is((stat $producer->database)[2] & 0777, 0600, 'its file is for its user only');
done_testing();
