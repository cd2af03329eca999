# What leaves the host: seals go into the sidecar's log or to a URL, and contradict a superuser who
# cuts the log off or makes its history again; rows go to a collector, each once, in order.
use strict;
use warnings;
use Appinfra;
use Appinfra::Process;
use Appinfra::Wait qw(reaches);
use IO::Socket::INET;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('outside', pool_size => 2);
$host->control('CREATE ROLE auditor LOGIN IN ROLE appinfra_auditor');
open my $hba, '>', $host->data_dir . '/pg_hba.conf' or die $!;
my $superuser = getpwuid($>);
print $hba "local all $superuser,appinfra_sidecar,auditor trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
close $hba;
$host->reload;
my $url = $host->sidecar_url =~ s/appinfra_sidecar/auditor/r;

# Runs an appinfrad command as the auditor; returns (exit code, output, errors).
sub appinfrad
{
	my (@command) = @_;
	local $ENV{APPINFRA_DATABASE_URL} = $url;
	my ($out, $err) = ('', '');
	IPC::Run::run([ Appinfra::sidecar_binary(), @command ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub settle { return $host->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'sealed'); }

sub head { return $host->control('SELECT max(number) FROM appinfra.audit_seals'); }

sub tamper
{
	my ($sql) = @_;
	$host->control("BEGIN; ALTER TABLE appinfra.audit_log DISABLE TRIGGER refuse_change;"
		  . "ALTER TABLE appinfra.audit_seal DISABLE TRIGGER refuse_change; $sql; COMMIT");
	return;
}

# --- into the log ---------------------------------------------------------------------------------------
my $made = $host->provision(app_id => 'app-1', slug => 'one', publish => 0);
$host->control("SET appinfra.end_user = 'ann\@example.com'; SELECT appinfra.set_rotation('$made->{db_id}', '7 days')");
settle();
my $sidecar = $host->start_sidecar(env => { APPINFRA_POLL => '200ms' });
my $first = head();
reaches { $sidecar->wait_for_log(qr/audit sealed host_id=\S+ seal=$first hash=[0-9a-f]{64} /) }
	'a sidecar that starts writes the newest seal into its log';
$host->provision(app_id => 'app-2', slug => 'two', publish => 0);
settle();
my $second = head();
reaches { $sidecar->wait_for_log(qr/seal=$second hash=/) } '... and each that is made';
$sidecar->stop;
my $heads = $sidecar->logfile;

my ($code, $out, $err) = appinfrad('verify-audit', '--heads', $heads);
is("$code $err", '0 ', 'verify-audit: the log is in order') or diag $out;
like($out, qr/^ok: \d+ rows in \d+ seals, 0 removed by retention, \d+ not sealed yet, [2-9]\d* heads\n$/, '... and says what it saw');
is((appinfrad('verify-audit'))[0], 0, '... also without heads');
($code, $out, $err) = appinfrad('verify-audit', '--heads', '/dev/null');
is($code, 2, 'a file without heads proves nothing');
like($err, qr/there is no head/, '... and it says so');
is((appinfrad('verify-audit', '--database', 'host=/nowhere'))[0], 2, 'nor does a server that is not there');

# --- to a URL -------------------------------------------------------------------------------------------
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5, ReuseAddr => 1) or die $!;
$sidecar = $host->start_sidecar(name => 'posting', env => { APPINFRA_POLL => '200ms',
	APPINFRA_AUDIT_URL => 'http://127.0.0.1:' . $listener->sockport . '/heads' });
# The first is refused: it comes again.
my ($refused) = receive($listener, '503 Busy');
my ($posted, $request) = receive($listener, '204 Taken');
$sidecar->stop;
is_deeply($refused, $posted, 'a seal that the URL does not take is posted again');
like($request, qr{^POST /heads HTTP/1\.1}, 'it is a POST');
is($posted->{host_id}, $host->control('SELECT appinfra.host_id()'), 'of this host');
is($posted->{hash}, $host->control("SELECT hash FROM appinfra.audit_seals WHERE number = $posted->{seal}"), 'with the hash');
my $bodies = $host->basedir . '/posted.jsonl';
append_to_file($bodies, encode_json($posted) . "\n");
is((appinfrad('verify-audit', '--heads', $bodies))[0], 0, 'what was posted verifies the log');

# --- to a collector ----------------------------------------------------------------------------------
my $last = $host->control('SELECT max(last_id) FROM appinfra.audit_seals');
($code, $out, $err) = appinfrad('audit');
my @rows = map { decode_json($_) } split /\n/, $out;
is("$code $err", '0 ', 'audit writes JSON lines');
is_deeply([ map { $_->{id} } @rows ], [ split /\n/, $host->control("SELECT id FROM appinfra.audit WHERE id <= $last ORDER BY id") ],
	'... all sealed rows, in order');
is_deeply([ sort keys %{ $rows[0] } ], [ sort split /\n/, $host->control(
		"SELECT attname FROM pg_attribute WHERE attrelid = 'appinfra.audit'::regclass AND attnum > 0") ], '... with every column');
my ($since) = map { $_->{time} } grep { ($_->{db_id} // '') ne '' && $_->{action} eq 'provision_tenant' } @rows;
($code, $out) = appinfrad('audit', '--since', $since);
is(decode_json((split /\n/, $out)[0])->{time}, $since, '--since a time begins there');
($code, $out) = appinfrad('audit', '--since', $rows[-1]{id});
is("$code $out", '0 ', '--since the last id writes nothing more');
my $follower = Appinfra::Process->start(name => 'follower', env => { APPINFRA_DATABASE_URL => $url },
	command => [ Appinfra::sidecar_binary(), 'audit', '--follow', '--since', $rows[-1]{id} ]);
$host->provision(app_id => 'app-3', slug => 'three', publish => 0);
reaches { $follower->wait_for_log(qr/"action":"provision_tenant".*"slug": "three"/) } '--follow writes what comes';
$follower->kill9;

# --- contradicted from outside ----------------------------------------------------------------------
settle();
tamper("DELETE FROM appinfra.audit_log WHERE id > (SELECT after_id FROM appinfra.audit_seal WHERE number = $second);"
	  . "DELETE FROM appinfra.audit_seal WHERE number >= $second");
is($host->control('SELECT ok FROM appinfra.verify_audit()'), 't', 'a tail cut off with its seals: the table alone does not tell');
($code, $out) = appinfrad('verify-audit', '--heads', $heads);
is($code, 1, '... the heads do');
like($out, qr/^violation: seal $second was collected outside, and is not there$/m, '... by name');

tamper("UPDATE appinfra.audit_log SET actor = 'mallory' WHERE id = (SELECT min(id) FROM appinfra.audit_log)");
is((appinfrad('verify-audit'))[0], 1, 'a changed row: found');
my $again = join ';', map { "UPDATE appinfra.audit_seal SET hash = appinfra.audit_hash(number, previous, after_id, last_id, rows, sealed_at) WHERE number = $_" }
  split /\n/, $host->control('SELECT number FROM appinfra.audit_seals ORDER BY number');
tamper($again);
is($host->control('SELECT ok FROM appinfra.verify_audit()'), 't', 'all seals made again: the table alone does not tell');
is((appinfrad('verify-audit'))[0], 0, '... nor does the command without heads');
($code, $out) = appinfrad('verify-audit', '--heads', $heads);
is($code, 1, '... the heads do');
like($out, qr/^violation: seal $first \(rows \d+ to \d+\) is not the one that was collected outside$/m, '... by name');

done_testing();

# Takes one request and answers it; returns its body, decoded, and the request.
sub receive
{
	my ($listening, $answer) = @_;
	local $SIG{ALRM} = sub { die "no request came\n" };
	alarm $PostgreSQL::Test::Utils::timeout_default;
	my $client = $listening->accept or die $!;
	my $text = '';
	until ($text =~ /\r\n\r\n(.*)/s && $text =~ /Content-Length: (\d+)/i && length(($text =~ /\r\n\r\n(.*)/s)[0]) >= $1)
	{
		sysread $client, $text, 65536, length $text or last;
	}
	print $client "HTTP/1.1 $answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	close $client;
	alarm 0;
	return (decode_json(($text =~ /\r\n\r\n(.*)/s)[0]), $text);
}
