# A copy of production, started from a base backup or from a copied folder beside the original and with
# its sidecar's configuration, delivers nothing; the original goes on.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_for_status);
use Test::More;

my $original = Appinfra->make('original', pool_size => 2, init => { allows_streaming => 1 });
my $peer = Appinfra::Peer->start;
my $sidecar = $original->start_sidecar(env => $peer->sidecar_env);
$original->provision(app_id => 'app-1', slug => 'one');
wait_for_status($original, 'app-1', 'published');
is($original->control('SELECT held_since IS NULL FROM appinfra.recovery'), 't', 'the original is not held');
$original->backup('base');

my $copy = Appinfra->new('copy');
$copy->init_from_backup($original, 'base');
$copy->append_conf('postgresql.conf', 'appinfra.public_port = ' . $copy->port);
$copy->start;
my $copied = $copy->start_sidecar(name => 'copied', env => $peer->sidecar_env);
$copied->wait_for_log(qr/database connected/);
$copy->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');
like($copy->control('SELECT held_because FROM appinfra.recovery'), qr/^its data directory was /, 'it is where the registry is not');
my $tenant = $copy->provision(app_id => 'app-2', slug => 'two');
$copy->control("SELECT appinfra.rotate_credential(db_id) FROM appinfra.databases WHERE app_id = 'app-1'");
is($copy->control("SELECT count(*) FROM appinfra.claim_publications('w', 100)"), 0, 'it hands out nothing');
$original->control("SELECT appinfra.rotate_credential(db_id) FROM appinfra.databases WHERE app_id = 'app-1'");
wait_for_status($original, 'app-1', 'published');
is(scalar(grep { $_->{body}{host_id} && $_->{app} eq 'app-2' } $peer->requests), 0, 'nothing of it reaches the producer');
is(($original->as_app($peer->store->{'app-1'}{DATABASE_URL}{value}, 'SELECT 1'))[1], '1', 'the original goes on');
$copy->wait_for_pool(2); # a shell that is being built has a directory before it has a row
is_deeply([ $copy->orphans ], [], 'no orphans');
$copied->stop;
$copy->stop;

# --- moved on purpose: another address -------------------------------------------------------------------
$original->append_conf('postgresql.conf', "appinfra.public_host = 'localhost'");
$original->reload;
$original->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');
is($original->control('SELECT held_because FROM appinfra.recovery'),
	'appinfra.public_host was "127.0.0.1" and is "localhost"', 'another address holds it');
is($original->control("SELECT count(*) FROM appinfra.claim_publications('w', 100)"), 0, 'until it is accepted');
my $old = $peer->store->{'app-1'}{DATABASE_URL}{value};
is($original->control('SELECT appinfra.accept_restore(now())'), 1, 'then what was published');
like($peer->wait_for_value('app-1', 'DATABASE_URL', $old), qr/\@localhost:/, 'is published with the new one');
$original->wait_until('SELECT unhealed = 0 FROM appinfra.recovery');

# --- who may ---------------------------------------------------------------------------------------------
$original->control('CREATE ROLE admin LOGIN IN ROLE appinfra_admin');
for my $call ('accept_restore(now())', 'republish(db_id) FROM appinfra.databases')
{
	is(($original->try_control("SET ROLE admin; SELECT appinfra.$call"))[0], 0, "an administrator may call $call");
	like(($original->try_control("SET ROLE appinfra_publisher; SELECT appinfra." . ($call =~ s/ FROM.*//r =~ s/db_id/'x'/r)))[2],
		qr/ERROR:  42501/, 'the sidecar not');
}
is($original->control('SET ROLE appinfra_publisher; SELECT unhealed >= 0 FROM appinfra.recovery'), 't', 'it reads whether it is held');
$sidecar->stop;
done_testing();
