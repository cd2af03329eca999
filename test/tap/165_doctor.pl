# The doctor: a good host has nothing but ok, and each thing that is broken has its line, which says what to do.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates qw(self_signed);
use Appinfra::ReferenceProducer;
use Appinfra::Wait qw(wait_for);
use File::Temp ();
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('doctor', pool_size => 1);
my $producer = Appinfra::ReferenceProducer->start;
# Below /tmp: every folder above must be one that anybody may enter.
my $dir = File::Temp::tempdir('appinfra-doctor-XXXXXX', DIR => '/tmp', CLEANUP => 1);
my $binary = Appinfra::sidecar_binary();
my %good = (
	APPINFRA_DATABASE_URL => $host->sidecar_url,
	APPINFRA_PRODUCER_URL => $producer->url,
	OPENFACTORY_DB_PRODUCER_TOKEN => 'test-token',
	APPINFRA_UNIT => 'none');

# Asks the doctor, with this environment beside the good one; returns its exit code and what it prints.
sub doctor
{
	my ($env, @args) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (PATH => $ENV{PATH}, %good, %{ $env // {} });
	delete $ENV{$_} for grep { !defined $ENV{$_} } keys %ENV;
	IPC::Run::run([ $binary, 'doctor', @args ], '>', \$out, '2>', \$err);
	is($err, '', 'nothing goes to standard error');
	return ($? >> 8, $out);
}

# Checks that what is wrong is seen, with its exit code, and nothing else is.
sub finds
{
	my ($name, $code, $line, $env, @args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($got, $out) = doctor($env, @args);
	is($got, $code, "$name: exit code $code") or diag $out;
	my @bad = grep { !/^ok: / } split /\n/, $out;
	is(scalar @bad, 1, "$name: one line") or diag $out;
	like($bad[0] // '', $line, "$name: says so, and what to do");
	return;
}

# Sets a setting of the server for all, until the next call without a value.
sub setting
{
	my ($name, $value) = @_;
	$host->control(defined $value ? "ALTER SYSTEM SET $name = '$value'" : "ALTER SYSTEM RESET $name");
	$host->reload;
	wait_for($name, sub { !defined $value || $host->control("SELECT current_setting('$name')") eq $value });
	return;
}

sub write_file
{
	my ($name, $text, $mode) = @_;
	PostgreSQL::Test::Utils::append_to_file("$dir/$name", $text);
	chmod $mode // 0644, "$dir/$name" or die $!;
	return "$dir/$name";
}

$host->wait_for_pool(1);

# --- a good host ------------------------------------------------------------------------------------------
my ($code, $out) = doctor();
is($code, 0, 'a good host: exit code 0') or diag $out;
is(join(' ', grep { !/^ok: / } split /\n/, $out), '', 'nothing but ok');
for my $check ('database', 'roles', 'clock', 'preload', 'guard', 'public host', 'addresses', 'pg_hba.conf', 'certificate', 'pool', 'producer')
{
	like($out, qr/^ok: \Q$check\E: ./m, "$check is looked at");
}
unlike($out, qr/test-token/, 'no secret is printed');
($code, $out) = doctor({}, '--json');
my $document = decode_json($out);
is("$code $document->{status}", '0 ok', 'as JSON, too');
is_deeply([ sort keys %{ $document->{checks}[0] } ], [qw(check detail level remedy)], 'with a member for each part');
is($host->control('SELECT count(*) FROM appinfra.publications'), 0, 'nothing was changed');
is_deeply($producer->environment('appinfrad-doctor'), {}, 'nothing was written at the producer');

# --- the database and the login -------------------------------------------------------------------------------
$host->control('CREATE ROLE stranger LOGIN; CREATE DATABASE empty');
open my $hba, '>>', $host->data_dir . '/pg_hba.conf' or die $!;
print $hba "local control,empty stranger,appinfra_sidecar trust\n";
close $hba;
$host->reload;
$host->control('GRANT CONNECT ON DATABASE control TO stranger');
my $url = $host->sidecar_url;
finds('a database that is not there', 2, qr/^problem: database: .*"none".*; hint: .*; mend/, { APPINFRA_DATABASE_URL => $url =~ s{/control}{/none}r . '&user=postgres' });
finds('a database without the extension', 2, qr/^problem: database: "empty" has no extension.*; run CREATE EXTENSION/, { APPINFRA_DATABASE_URL => $url =~ s{/control}{/empty}r });
finds('a login without the role', 2, qr/^problem: roles: "stranger" is no member of appinfra_publisher; GRANT/, { APPINFRA_DATABASE_URL => $url =~ s/appinfra_sidecar/stranger/r });
finds('a superuser', 1, qr/^warning: roles: "postgres" is a superuser.*; make a login/, { APPINFRA_DATABASE_URL => $url =~ s/appinfra_sidecar/postgres/r });
finds('a login that is to answer, and is no administrator', 2, qr/^problem: roles: .*appinfra_admin, which --listen needs; GRANT/, { APPINFRA_LISTEN => '127.0.0.1:1' });
finds('a server that is away', 2, qr/^problem: database: .*failed/, { APPINFRA_DATABASE_URL => 'postgresql://x@127.0.0.1:1/control' });

# --- the server -----------------------------------------------------------------------------------------------
setting('appinfra.guard', 'observe');
finds('a guard that observes', 1, qr/^warning: guard: .*; set appinfra\.guard = enforce/);
setting('appinfra.guard', 'off');
finds('a guard that is off', 2, qr/^problem: guard: .*; set appinfra\.guard = enforce/);
setting('appinfra.guard');
setting('appinfra.guard', 'enforce');
my $lines = PostgreSQL::Test::Utils::slurp_file($host->data_dir . '/pg_hba.conf');
for my $case ([ 'a line that is wrong', "local all all nonsense\n", qr/^problem: pg_hba\.conf: .*line \d+: invalid authentication method.*; correct it/ ],
	[ 'a line without a password', "host all all 10.0.0.0/8 trust\n", qr/^problem: pg_hba\.conf: .*line \d+: everybody gets in without a password; use scram-sha-256/ ],
	[ 'no line for tenants', undef, qr/^problem: pg_hba\.conf: no line lets tenants in.*; add "hostssl/ ])
{
	my $new = defined $case->[1] ? $lines . $case->[1] : $lines =~ s/^host .*\n//mr;
	open my $file, '>', $host->data_dir . '/pg_hba.conf' or die $!;
	print $file $new;
	close $file;
	finds($case->[0], 2, $case->[2]);    # as the file has it, before a reload
}
open my $file, '>', $host->data_dir . '/pg_hba.conf' or die $!;
print $file $lines, "hostssl all all 10.0.0.0/8 scram-sha-256\n";
close $file;

# --- what apps see from elsewhere ------------------------------------------------------------------------------
my $authority = Appinfra::Certificates->new;
my $server = $host->data_dir . '/shown.pem';

# Gives the server a certificate; the file has its key as well.
sub show
{
	my ($from) = @_;
	unlink $server;
	PostgreSQL::Test::Utils::append_to_file($server, PostgreSQL::Test::Utils::slurp_file($from));
	chmod 0600, $server or die $!;
	return;
}

# A host with another public name than before makes its shells anew, and is held until it is accepted.
sub wait_until_held
{
	wait_for('a hold', sub { $host->control('SELECT held_since IS NOT NULL FROM appinfra.recovery') eq 't' });
	$host->wait_for_pool(1);
	return;
}

sub take_on
{
	$host->control('SELECT appinfra.accept_restore(now())');
	$host->wait_for_pool(1);
	return;
}

setting('appinfra.public_host', 'pg.example');
($code, $out) = doctor();
is($code, 2, 'a public name, and a server that is not ready for it');
like($out, qr/^problem: addresses: .*listens on 127\.0\.0\.1; set listen_addresses = '\*'/m, 'it listens on loopback only');
like($out, qr/^problem: certificate: .*ssl is off; set ssl/m, 'it has no TLS');
show($authority->issue('good', 'DNS:pg.example'));
$host->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1, 0.0.0.0'\nssl = on\nssl_cert_file = '$server'\nssl_key_file = '$server'\n"
	  . "appinfra.public_ca_file = '" . $authority->file . "'\n");
$host->restart;
wait_until_held();
take_on();
# what cannot be waited for: a certificate of two days is one that expires within thirty
finds('a certificate that ends soon', 1, qr/^warning: certificate: \S+ expires on \d{4}-.*; put the next one there/);
show($authority->issue('old', 'DNS:pg.example', 'expired'));
finds('one that has expired', 2, qr/^problem: certificate: \S+ has expired on 2020-.*; put the next one there/);
show($authority->issue('other', 'DNS:other.example'));
($code, $out) = doctor();
like($out, qr/^warning: certificate: \S+ is not for pg\.example; have one made/m, 'one for another name');
show(self_signed('DNS:pg.example'));
($code, $out) = doctor();
like($out, qr/^warning: certificate: \S+ is signed by itself.*; have one made by an authority/m, 'one that is signed by itself');
show($authority->issue('again', 'DNS:pg.example'));
$host->append_conf('postgresql.conf', "appinfra.public_ca_file = ''\n");
$host->reload;
($code, $out) = doctor();
like($out, qr/^warning: certificate: apps are not told which authority.*; set appinfra\.public_ca_file/m, 'an authority that nobody is told');
setting('appinfra.public_host', '127.0.0.1');
wait_until_held();
finds('a host that is held', 1, qr/^warning: recovery: nothing is published: .*; follow "After a restore"/);
take_on();

# --- the producer ---------------------------------------------------------------------------------------------
finds('a token that is refused', 2, qr/^problem: producer: it answered 401: it refuses the token; put the right one/, { OPENFACTORY_DB_PRODUCER_TOKEN => 'wrong-token' });
finds('no token', 2, qr/^problem: producer: no token/, { OPENFACTORY_DB_PRODUCER_TOKEN => undef });
finds('another path', 1, qr/^warning: producer: it answered 404.*; compare --producer-url and --producer-path/, { APPINFRA_PRODUCER_PATH => '/other/{app_id}' });
finds('no sink', 2, qr/^problem: producer: no sink/, { APPINFRA_PRODUCER_URL => undef });
$producer->kill9;
finds('a producer that is away', 2, qr/^problem: producer: http:.*; start it/);
$producer->restart;

# --- the unit, and what its service can read ------------------------------------------------------------------
mkdir "$dir/$_" or die $! for qw(open secrets);
chmod 0755, $dir, "$dir/open" or die $!;
chmod 0700, "$dir/secrets" or die $!;
write_file('secrets/database-url', "$url\n", 0400);
write_file('secrets/producer-token', "test-token\n", 0400);
write_file('open/appinfrad.conf', sprintf(qq{producer-url = "%s"\n}, $producer->url));
my $unit = write_file('appinfrad.service', <<"UNIT");
[Service]
ExecStart=/usr/bin/appinfrad serve --config $dir/open/appinfrad.conf
LoadCredential=secret:$dir/secrets
Environment=OPENFACTORY_DB_PRODUCER_TOKEN_FILE=%d/secret_producer-token
Environment=APPINFRA_DATABASE_URL_FILE=%d/secret_database-url
DynamicUser=yes
StateDirectory=appinfra
UNIT
my %by_unit = (map({ $_ => undef } keys %good), APPINFRA_UNIT => $unit);
($code, $out) = doctor(\%by_unit);
is($code, 0, 'all by the unit') or diag $out;
like($out, qr{^ok: files: --token-file: \Q$dir\E/secrets/producer-token is handed over}m, 'secrets are found where systemd takes them from');
like($out, qr{^ok: files: --config: \Q$dir\E/open/appinfrad.conf can be read}m, 'so is the file of options');
chmod 0700, "$dir/open" or die $!;
finds('a folder that the service cannot enter', 2, qr{^problem: files: --config: .*may not enter \Q$dir\E/open; chmod 755 \Q$dir\E/open}, \%by_unit);
chmod 0755, "$dir/open" or die $!;
chmod 0640, "$dir/open/appinfrad.conf" or die $!;
finds('a file that it cannot read', 2, qr{^problem: files: --config: .*may not read it; chmod 644 }, \%by_unit);
chmod 0644, "$dir/open/appinfrad.conf" or die $!;
chmod 0444, "$dir/secrets/producer-token" or die $!;
($code, $out) = doctor(\%by_unit);
is($code, 0, 'a folder that is closed to others keeps what is in it') or diag $out;
chmod 0755, "$dir/secrets" or die $!;
finds('a secret that others may read', 1, qr{^warning: files: --token-file: .*; chmod 400 }, \%by_unit);
chmod 0400, "$dir/secrets/producer-token" or die $!;
chmod 0700, "$dir/secrets" or die $!;
finds('a secret that the service cannot be handed', 2, qr{^problem: files: --tls-key: \Q$dir\E/secrets/tls.key: No such file.*; put the file there},
	{ %by_unit, APPINFRA_TLS_KEY => '/run/credentials/appinfrad.service/secret_tls.key' });
symlink "$dir/secrets/producer-token", "$dir/secrets/linked" or die $!;
finds('a link', 2, qr{^problem: files: --tls-key: .* is no file; systemd hands over no links}, { %by_unit, APPINFRA_TLS_KEY => '%d/secret_linked' });
finds('a secret outside', 2, qr{^problem: files: --tls-key: .*; put it into the folder of LoadCredential=}, { %by_unit, APPINFRA_TLS_KEY => write_file('open/tls.key', 'key', 0400) });
finds('a folder that the unit closes', 2, qr{^problem: folders: \Q$dir\E/env: .*ReadWritePaths=}, { %by_unit, APPINFRA_SINK => "file:$dir/env" });
($code, $out) = doctor({ %by_unit, APPINFRA_SINK => 'file:/var/lib/appinfra/env' });
is($code, 0, 'the folder of the service') or diag $out;
mkdir "$dir/appinfrad.service.d" or die $!;
write_file('appinfrad.service.d/paths.conf', "[Service]\nReadWritePaths=$dir\n");
($code, $out) = doctor({ %by_unit, APPINFRA_SINK => "file:$dir/env" });
is($code, 0, 'a drop-in opens another') or diag $out;

# --- the gateway's unit, options and login ----------------------------------------------------------------------
$host->control('CREATE ROLE gateway LOGIN IN ROLE appinfra_gateway');
open $hba, '>>', $host->data_dir . '/pg_hba.conf' or die $!;
print $hba "local control gateway trust\n";
close $hba;
$host->reload;
my $gateway_url = $url =~ s/appinfra_sidecar/gateway/r;
my %gateway = (%by_unit, APPINFRA_UNIT => undef, APPINFRA_DATABASE_URL => $gateway_url, APPINFRA_GATEWAY_LISTEN => '127.0.0.1:0', APPINFRA_UNIT => 'none');
($code, $out) = doctor(\%gateway);
is($code, 0, 'options of a gateway alone') or diag $out;
like($out, qr/^ok: roles: "gateway" has the roles/m, 'its login needs one role');
like($out, qr/^ok: guard: ./m, 'the guard is looked at');
unlike($out, qr/producer|pg_hba/, 'what it has not, or may not ask for, is not');
finds('a network address without TLS', 2, qr/^problem: options: --gateway-listen on an address that is no loopback address needs/, { %gateway, APPINFRA_GATEWAY_LISTEN => '0.0.0.0:8443' });
finds('a key of TLS that is not there', 2, qr{^problem: files: --gateway-tls-key: .*/no/such}, { %gateway, APPINFRA_GATEWAY_TLS_CERT => "$dir/open/appinfrad.conf", APPINFRA_GATEWAY_TLS_KEY => '/no/such' });
finds('a variable that is not read', 1, qr/^warning: options: AGENTCOOPDB_OWNER_PASSWORD is not read; .*; unset it/, { %gateway, AGENTCOOPDB_OWNER_PASSWORD => 'hidden' });
finds('an audit that is to be off', 2, qr/^problem: options: AGENTCOOPDB_AUDIT_DISABLED is set/, { %gateway, AGENTCOOPDB_AUDIT_DISABLED => 'true' });
finds('a limit that is none', 2, qr/^problem: options: --gateway-statement-timeout must be 60s at most/, { %gateway, AGENTCOOPDB_STATEMENT_TIMEOUT => '2m' });
finds('a login without the role', 2, qr/^problem: roles: "stranger" is no member of appinfra_gateway, which --gateway-listen needs; GRANT/, { %gateway, APPINFRA_DATABASE_URL => $url =~ s/appinfra_sidecar/stranger/r });
finds('a sidecar that is a gateway as well', 2, qr/^problem: roles: "appinfra_sidecar" is no member of appinfra_gateway/, { %by_unit, APPINFRA_GATEWAY_LISTEN => '127.0.0.1:0' });
mkdir "$dir/gateway-secrets" or die $!;
write_file('gateway-secrets/database-url', "$gateway_url\n", 0400);
write_file('open/gateway.conf', qq{gateway-listen = "127.0.0.1:0"\n});
my $gateway_unit = write_file('appinfrad-gateway.service', <<"UNIT");
[Service]
ExecStart=/usr/bin/appinfrad gateway --config $dir/open/gateway.conf
LoadCredential=secret:$dir/gateway-secrets
Environment=APPINFRA_DATABASE_URL_FILE=%d/secret_database-url
DynamicUser=yes
UNIT
($code, $out) = doctor({ map({ $_ => undef } keys %good) }, "--unit=$gateway_unit");
is($code, 0, 'all by the unit of the gateway') or diag $out;
finds('a unit that says nothing of where', 2, qr/^problem: options: gateway needs APPINFRA_GATEWAY_LISTEN/, { map({ $_ => undef } keys %good), APPINFRA_CONFIG => write_file('open/empty.conf', '') }, "--unit=$gateway_unit");

finds('options that are wrong', 2, qr/^problem: options: .*paint/, {}, '--paint=red');
finds('a unit that is not there', 2, qr{^problem: options: the unit "/no/such" cannot be read}, {}, '--unit=/no/such');
done_testing();
