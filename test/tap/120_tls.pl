# Whom the sidecar trusts with a DSN: certificates that are wrong in the usual ways, and plaintext.
# Nothing reaches a producer that is not who it should be, and what is owed stays owed.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates qw(self_signed);
use Appinfra::Peer;
use Appinfra::Publications qw(publication wait_for_status);
use File::Copy qw(copy);
use Test::More;

my $host = Appinfra->make('tls', pool_size => 3);
my ($ours, $theirs) = map { Appinfra::Certificates->new } 1 .. 2;
my $ca = PostgreSQL::Test::Utils::tempdir() . '/ca.pem'; # the file a sidecar is given
my $count = 0;

# Replaces the file as one should, by rename.
sub trust
{
	my ($file) = @_;
	copy($file, "$ca.new") or die "$ca.new: $!";
	rename "$ca.new", $ca or die "$ca: $!";
	return;
}

sub serve
{
	my ($peer, $url, %more) = @_;
	return $host->start_sidecar(env => $peer->sidecar_env(
		APPINFRA_PRODUCER_URL => $url, APPINFRA_PRODUCER_CA => $ca, %more));
}

sub provision
{
	my $app = 'app-' . ++$count;
	$host->provision(app_id => $app, slug => $app);
	return $app;
}

sub logs_in
{
	my ($request) = @_;
	return ($host->as_app($request->{body}{set}{DATABASE_URL}, 'SELECT 1'))[0] == 0 ? 1 : 0;
}

# --- the right one -------------------------------------------------------------------------------------
my $good = $ours->issue('good', 'DNS:localhost,IP:127.0.0.1');
my $peer = Appinfra::Peer->start(name => 'good', tls => $good);
trust($ours->file);
for my $name (qw(localhost 127.0.0.1))
{
	my $app = provision();
	my $sidecar = serve($peer, $peer->url($name));
	wait_for_status($host, $app, 'published');
	my ($request) = $peer->requests($app);
	is(logs_in($request), 1, "a certificate of the named authority for $name is trusted, and the DSN logs in");
	is($sidecar->stop, 0, 'SIGTERM: exit code 0');
}

# --- the wrong ones --------------------------------------------------------------------------------------
# Each is asked three times, gets nothing, and is mended by another CA file or another certificate.
my %wrong = (
	'by an authority we do not know' => { tls => $theirs->issue('theirs', 'DNS:localhost'), ca => $ours, mend => 'ca' },
	'signed by itself' => { tls => self_signed('DNS:localhost'), ca => $ours },
	'of another host' => { tls => $ours->issue('other', 'DNS:other.example'), ca => $ours },
	'that has expired' => { tls => $ours->issue('expired', 'DNS:localhost', 'expired'), ca => $ours },
	'that only the system could vouch for' => { tls => $ours->issue('plain', 'DNS:localhost'), ca => undef });
for my $name (sort keys %wrong)
{
	my $case = $wrong{$name};
	my $stranger = Appinfra::Peer->start(name => 'stranger', tls => $case->{tls});
	trust($case->{ca}->file) if $case->{ca};
	my $app = provision();
	my $sidecar = serve($stranger, $stranger->url('localhost'), $case->{ca} ? () : (APPINFRA_PRODUCER_CA => undef));
	my $log = $sidecar->wait_for_log(qr/not delivered yet .*sends=3 /);
	like($log, qr/not delivered yet .*target=$app .*error="[^"]*(?i:ssl|certificate)/, "a certificate $name: refused");
	is(publication($host, $app)->{status}, 'claimed', "a certificate $name: the claim is held");
	is(scalar $stranger->journal, 0, "a certificate $name: nothing was sent");
	if ($case->{mend})
	{
		trust($theirs->file);
		$sidecar->signal('HUP');
	}
	else
	{
		is($sidecar->stop, 0, "a certificate $name: the sidecar stops");
		my $row = publication($host, $app);
		is("$row->{status} $row->{delivered}", 'pending no', "a certificate $name: it is pending, and surely not stored");
		$stranger->restart(tls => $good);
		trust($ours->file);
		$sidecar = serve($stranger, $stranger->url('localhost'));
	}
	my $row = wait_for_status($host, $app, 'published');
	is($row->{attempt}, $case->{mend} ? 1 : 2, "a certificate $name: when it is mended, it is delivered");
	is(logs_in(($stranger->requests($app))[0]), 1, "a certificate $name: and logs in");
	$sidecar->stop;
	$stranger->kill9;
}

# --- a CA file that is not there, or is none --------------------------------------------------------------------
unlink $ca;
{
	my $app = provision();
	my $sidecar = serve($peer, $peer->url('localhost'));
	is($sidecar->wait_end(30) >> 8, 2, 'a CA file that is missing: exit code 2');
	like($sidecar->log, qr/the CA file "\Q$ca\E" cannot be read/, 'with its name');
	PostgreSQL::Test::Utils::append_to_file($ca, "no certificate\n");
	$sidecar = serve($peer, $peer->url('localhost'));
	$sidecar->wait_for_log(qr/not delivered yet .*target=$app .*sends=2 /);
	is(scalar $peer->requests($app), 0, 'a CA file that is none: nobody is trusted');
	unlink $ca;
	$sidecar->signal('HUP');
	$sidecar->wait_for_log(qr/not reloaded, the old values stay.*the CA file.*not delivered yet .*target=$app /s);
	is(publication($host, $app)->{status}, 'claimed', 'missing at SIGHUP: it goes on');
	trust($ours->file);
	$sidecar->signal('HUP');
	my $row = wait_for_status($host, $app, 'published');
	is($row->{attempt}, 1, 'SIGHUP with the right one: the same DSN is delivered');
	is(logs_in(($peer->requests($app))[0]), 1, 'and logs in');

	# A connection that was trusted is not kept when its authority no longer is.
	trust($theirs->file);
	$sidecar->signal('HUP');
	$sidecar->wait_for_log(qr/(token and CA read again.*){2}/s);
	$app = provision();
	$sidecar->wait_for_log(qr/not delivered yet .*target=$app /);
	is(scalar $peer->requests($app), 0, 'SIGHUP with another authority: the open connection is used no more');
	$sidecar->stop;
}

# --- plaintext --------------------------------------------------------------------------------------------------
my $plain = Appinfra::Peer->start(name => 'plain');
my $app = provision();
for my $name ('producer.example', 'localhost.example', '127.0.0.1.example', '0.0.0.0', '192.0.2.1', '[2001:db8::1]')
{
	my $sidecar = serve($plain, $plain->url($name));
	is($sidecar->wait_end(30) >> 8, 2, "plain http to $name: exit code 2");
	like($sidecar->log, qr/is plaintext to another machine; use https/, 'with the reason');
}
my $sidecar = serve($plain, 'https://localhost:' . $plain->port);
$sidecar->wait_for_log(qr/not delivered yet .*target=$app .*sends=3 /);
is(scalar $plain->journal, 0, 'https to a server that speaks plain http: nothing is sent');
$sidecar->stop;
is(publication($host, $app)->{status} . ' ' . publication($host, $app)->{delivered}, 'pending no', 'it is pending');
$sidecar = serve($plain, $plain->url('localhost'));
wait_for_status($host, $app, 'published');
is(logs_in(($plain->requests($app))[0]), 1, 'plain http to localhost is taken');
$sidecar->stop;

# 0.0.0.0 is this machine, too, but not by its name.
$app = provision();
$sidecar = serve($plain, $plain->url('0.0.0.0'), APPINFRA_ALLOW_PLAINTEXT => 1);
wait_for_status($host, $app, 'published');
is(logs_in(($plain->requests($app))[0]), 1, 'APPINFRA_ALLOW_PLAINTEXT=1 allows it to any host');
$sidecar->stop;
$host->wait_for_pool(3);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
