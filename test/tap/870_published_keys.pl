# A key that is published: planned, made by the claim, delivered beside the gateway's URL, rotated, unset.
use strict;
use warnings;
use Appinfra;
use Appinfra::Calls;
use Appinfra::Wait qw(reaches);
use Digest::SHA qw(sha256_hex);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('published');
my $gateway = Appinfra::Calls->new($host);
my $work = $host->provision(app_id => 'app-w', slug => 'work', owner_user_id => 'u', env => {})->{db_id};

sub set_url
{
	$host->append_conf('postgresql.conf', "appinfra.gateway_url = '$_[0]'");
	$host->reload;
	$host->wait_until("SELECT setting = '$_[0]' FROM pg_settings WHERE name = 'appinfra.gateway_url'");
	return;
}

# Claims what is owed and returns it.
sub claim { return map { decode_json($_) } split /\n/, $host->control(q{SELECT to_jsonb(p) FROM appinfra.claim_publications('w') p}) }
sub complete { return $host->control("SELECT appinfra.complete_publication($_[0]{publication_id}, '$_[0]{claim}')") }
sub publish { return $host->control("SELECT appinfra.publish_key($_[0])") }
sub error_of { return ($host->try_control($_[0]))[2] }

# What the registry says of the key whose text that is; undef: unknown, or the secret is another's.
sub known
{
	my ($token) = @_;
	my ($id, $secret) = $token =~ /^acd_live_(.{16})_(.{32})$/ or return;
	return $gateway->row("gateway_key('$id', '\\x" . sha256_hex($secret) . "')");
}

subtest 'it is planned first, and made when it is claimed' => sub {
	like(error_of("SELECT appinfra.publish_key('$work', 'dbuser')"), qr/55000.*gateway_url is not set/, 'not without the gateway\'s URL');
	like(error_of(q{SET appinfra.gateway_url = 'ftp://x'}), qr/22023/, 'nor with what is none');
	set_url('https://gateway.test:8443/base');
	like(error_of("SELECT appinfra.publish_key('$work', 'owner')"), qr/22023/, 'an access is no role');
	like(error_of(q{SELECT appinfra.publish_key('nothing', 'dbuser')}), qr/42704/, 'an unknown workspace');
	my $key = publish("'work', 'dbuser'");
	is($host->control("SELECT digest IS NULL FROM appinfra.key WHERE key_id = '$key'"), 't', 'it has no secret yet');
	is($host->control("SELECT role || ' ' || status FROM appinfra.keys WHERE key_id = '$key'"), 'dbuser active', 'it is in the view');
	like(error_of("SELECT appinfra.publish_key('$work', 'reader')"), qr/23505/, 'the app has one already');

	my ($owed, @more) = claim();
	is(scalar @more, 0, 'one publication');
	is_deeply([ @$owed{qw(target app_id producer unset)} ], [ 'app-w', 'app-w', 'postgres', [] ], 'of the workspace\'s app');
	is_deeply([ sort keys %{ $owed->{set} } ], [qw(AGENTCOOPDB_API_KEY AGENTCOOPDB_GATEWAY_URL)], 'with two variables');
	is($owed->{set}{AGENTCOOPDB_GATEWAY_URL}, 'https://gateway.test:8443/base', 'the URL');
	my $state = known($owed->{set}{AGENTCOOPDB_API_KEY});
	is("@$state{qw(db_id role status line)}", "$work dbuser active $key", 'and the key that was planned');
	is(complete($owed), 't', 'it is delivered');
	is($host->control("SELECT key_id || ' ' || status || ' ' || workspace FROM appinfra.publications"), "$key published $work", 'the view publications');
	is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'publish_key' AND credential = '$key' AND db_id = '$work'"), '1', 'an audit row');
};

subtest 'a delivery that failed for sure takes the secret back' => sub {
	$host->control("SELECT appinfra.rotate_credential('$work', 'AGENTCOOPDB_API_KEY')");
	my ($owed) = claim();
	my $lost = $owed->{set}{AGENTCOOPDB_API_KEY};
	$host->control("SELECT appinfra.fail_publication($owed->{publication_id}, '$owed->{claim}', 'away', 'no', now())");
	is(known($lost), undef, 'nobody has that one');
	my ($again) = claim();
	isnt($again->{set}{AGENTCOOPDB_API_KEY}, $lost, 'the next claim makes another secret');
	is(substr($again->{set}{AGENTCOOPDB_API_KEY}, 0, 25), substr($lost, 0, 25), 'of the same key');
	is(complete($again), 't', 'which is delivered');
};

subtest 'a claim that is lost may have been delivered: its key lives until the next one is' => sub {
	$host->control("SELECT appinfra.rotate_credential('$work', 'AGENTCOOPDB_API_KEY', deadline => '0')");
	my ($lost) = claim();
	$host->control("UPDATE appinfra.publication SET lease_until = now() - interval '1 s' WHERE status = 'claimed'");
	my ($next) = claim();
	my ($old, $new) = map { $_->{set}{AGENTCOOPDB_API_KEY} } $lost, $next;
	is(known($_)->{status}, 'active', 'both may be in use') for $old, $new;
	is(complete($next), 't', 'the next is delivered');
	is(known($new)->{status} . ' ' . known($old)->{status}, 'active expired', 'the lost one has expired');
	is(known($new)->{line}, known($old)->{line}, 'they are of one line');
};

subtest 'rotated by hand, the former key lives until the deadline' => sub {
	my $count = 'SELECT count(*) FROM appinfra.keys WHERE status = \'active\' AND expires_at IS NULL';
	is($host->control($count), '1', 'one without an end');
	like(error_of("SELECT appinfra.rotate_credential('$work', 'AGENTCOOPDB_API_KEY', publish => false)"), qr/0A000/, 'it is not handed out');
	$host->control("SELECT appinfra.rotate_credential('$work', 'AGENTCOOPDB_API_KEY', deadline => '1 day')");
	my ($owed) = claim();
	is(complete($owed), 't', 'delivered');
	is($host->control($count), '1', 'again');
	is($host->control(q{SELECT count(*) FROM appinfra.keys WHERE expires_at BETWEEN now() + interval '23 h' AND now() + interval '1 day'}), '1', 'the former has a day');
	my $version = $owed->{version};
	is($host->control("SELECT appinfra.republish('$work')"), '1', 'republish() counts it');
	($owed) = claim();
	cmp_ok($owed->{version}, '>', $version, 'with a higher version');
	is(complete($owed), 't', 'delivered');
};

subtest 'rotated by schedule' => sub {
	$host->control("UPDATE appinfra.key SET published_at = now() - interval '2 days'; SELECT appinfra.set_rotation('$work', '1 day')");
	reaches { $host->wait_until(q{SELECT count(*) = 1 FROM appinfra.publications WHERE status = 'pending'}) } 'it is owed';
	my ($owed) = claim();
	is(known($owed->{set}{AGENTCOOPDB_API_KEY})->{status}, 'active', 'and made');
	is(complete($owed), 't', 'delivered');
	$host->control("SELECT appinfra.set_rotation('$work', NULL)");
};

subtest 'revoked before it is delivered, it is not' => sub {
	my $other = $host->provision(app_id => 'app-o', slug => 'other', owner_user_id => 'u', env => {})->{db_id};
	my $key = publish("'$other', 'reader'");
	$host->control("SELECT appinfra.revoke_key('$key')");
	is(scalar claim(), 0, 'there is nothing to claim');
	$host->control("SELECT appinfra.rotate_credential('$other', 'AGENTCOOPDB_API_KEY')");
	my ($owed) = claim();
	is(known($owed->{set}{AGENTCOOPDB_API_KEY})->{role}, 'reader', 'a rotation makes one again');
	$host->control("SELECT appinfra.revoke_key('" . substr($owed->{set}{AGENTCOOPDB_API_KEY}, 9, 16) . "')");
	is(complete($owed), 'f', 'a claim whose key is revoked is lost');
	# it may stand there: something newer has to come over it
	my ($newer) = claim();
	is(known($newer->{set}{AGENTCOOPDB_API_KEY})->{status}, 'active', 'and what it may have left is overwritten');
	is(complete($newer), 't', 'by a new key');
};

subtest 'for another app of the owner, and nobody else\'s' => sub {
	$host->control(q{SELECT appinfra.register_app('app-same', 'u', 'same'); SELECT appinfra.register_app('app-else', 'v', 'else')});
	like(error_of("SELECT appinfra.publish_key('$work', 'reader', 'app-else')"), qr/42501/, 'not somebody else\'s');
	publish("'$work', 'reader', 'app-same'");
	my ($owed) = claim();
	is("@$owed{qw(target app_id)}", 'app-same app-same', 'it goes there');
	is(complete($owed), 't', 'delivered');
	like(error_of(q{SELECT appinfra.unregister_app('app-same')}), qr/55000/, 'an app that has one is not forgotten');
	$host->control(q{SELECT appinfra.transfer_app('app-same', 'v')});
	is(known($owed->{set}{AGENTCOOPDB_API_KEY})->{status}, 'revoked', 'given away, the app has it no longer');
	my ($unset) = claim();
	is("$unset->{target} @{ $unset->{unset} }", 'app-same AGENTCOOPDB_GATEWAY_URL AGENTCOOPDB_API_KEY', 'its variables are unset');
	is(complete($unset), 't', 'there');
};

subtest 'unbound, and of a database that is dropped, it is unset' => sub {
	my @living = split /\n/, $host->control("SELECT key_id FROM appinfra.keys WHERE db_id = '$work' AND status = 'active'");
	cmp_ok(scalar @living, '>', 0, 'there are keys');
	$host->control("SELECT appinfra.unbind_variables('$work', '{AGENTCOOPDB_API_KEY}')");
	is($host->control("SELECT count(*) FROM appinfra.keys WHERE db_id = '$work' AND status <> 'revoked'"), '0', 'unbind_variables revokes them');
	my ($unset) = claim();
	is("@{ $unset->{unset} }", 'AGENTCOOPDB_GATEWAY_URL AGENTCOOPDB_API_KEY', 'and unsets');
	is(complete($unset), 't', 'the variables');
	publish("'$work', 'dbadmin'");
	my ($owed) = claim();
	is(complete($owed), 't', 'published once more');
	$host->control("SELECT appinfra.deprovision_tenant('$work', '0')");
	reaches { $host->wait_until("SELECT status = 'dropped' FROM appinfra.databases WHERE db_id = '$work'") } 'the database is dropped';
	is(known($owed->{set}{AGENTCOOPDB_API_KEY})->{status}, 'revoked', 'its key is revoked');
	($unset) = claim();
	is("@{ $unset->{unset} }", 'AGENTCOOPDB_GATEWAY_URL AGENTCOOPDB_API_KEY', 'and unset');
};

subtest 'a sidecar delivers it' => sub {
	my $last = $host->provision(app_id => 'app-l', slug => 'last', owner_user_id => 'u', env => {})->{db_id};
	publish("'$last', 'dbuser'");
	my $sidecar = $host->start_sidecar;
	is(known($host->wait_for_env('app-l', 'AGENTCOOPDB_API_KEY'))->{status}, 'active', 'the key');
	is($host->app_env('app-l')->{AGENTCOOPDB_GATEWAY_URL}, 'https://gateway.test:8443/base', 'and the URL stand in the app\'s environment');
	$sidecar->stop;
};

done_testing();
