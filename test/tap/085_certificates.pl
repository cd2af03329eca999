# Certificates of authorities beside DSNs: who carries them, what they are refused for, and that they never
# go back to what they were.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates qw(self_signed);
use Appinfra::Wait qw(wait_for);
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $host = Appinfra->make('certificates', pool_size => 4);
my $authority = Appinfra::Certificates->new;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $file = "$dir/ca.pem";

sub write_file
{
	my ($text) = @_;
	open my $out, '>', $file or die $!;
	print $out $text;
	close $out;
	return;
}

# Sets a setting for all, and waits until new sessions have it.
sub configure
{
	my ($name, $value) = @_;
	$host->control("ALTER SYSTEM SET $name = '$value'");
	$host->reload;
	wait_for("$name", sub { $host->control("SELECT current_setting('$name')") eq $value });
	return;
}

# Claims what is to be delivered, as soon as there are so many, 1 by default: what a worker holds is claimed later.
sub claims
{
	my ($wanted) = @_;
	my @claims;
	wait_for('a claim', sub
	{
		push @claims, map { decode_json($_) } split /\n/, $host->control("SELECT row_to_json(c) FROM appinfra.claim_publications('w', 100, '1 hour') c ORDER BY publication_id");
		return @claims >= ($wanted // 1);
	});
	return @claims;
}

sub complete { $host->control("SELECT appinfra.complete_publication($_->{publication_id}, '$_->{claim}')") for @_; return @_; }

sub shown
{
	return join '; ', map {
		my $claim = $_;
		join(' ', map({ "+$_" } sort keys %{ $claim->{set} }), map { "-$_" } @{ $claim->{unset} })
	} @_;
}

my $pem = slurp_file($authority->file);
my $key = slurp_file(self_signed('DNS:localhost'));

# --- what the file may hold -----------------------------------------------------------------------------
my ($body) = $pem =~ /-----\n(.*)\n-----/s;
for my $case (
	[ 'a private key', $key, qr/has something else than certificates/ ],
	[ 'a comment', "my authority\n$pem", qr/has something else than certificates/ ],
	[ 'a comment behind it', "$pem# my authority\n", qr/has something else than certificates/ ],
	[ 'a certificate without an end', "-----BEGIN CERTIFICATE-----\n$body\n", qr/cannot be read/ ],
	[ 'a certificate that is none', "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", qr/cannot be read/ ],
	[ 'a trusted certificate with its uses', $pem =~ s/CERTIFICATE/TRUSTED CERTIFICATE/gr, qr/has something else than certificates/ ],
	[ 'nothing', "\n", qr/has no certificate/ ],
	[ 'a zero byte', "$pem\0", qr/has something else than certificates/ ],
	[ 'too much', $pem x 100, qr/has more than 32768 bytes/ ])
{
	my ($what, $text, $refusal) = @$case;
	write_file($text);
	my ($code, $out, $err) = $host->psql('control', "ALTER SYSTEM SET appinfra.public_ca_file = '$file'");
	like($err, $refusal, "a file with $what is refused");
	like($err, qr/HINT:  Give the server's user a file of CERTIFICATE blocks alone, without private keys/, '...with a hint');
}
for my $case ([ 'no-such.pem', qr/is no absolute path/ ], [ "$dir/none", qr/cannot be read: No such file/ ], [ $dir, qr/cannot be read/ ])
{
	my ($code, $out, $err) = $host->psql('control', "ALTER SYSTEM SET appinfra.public_ca_file = '$case->[0]'");
	like($err, $case->[1], "no file: $case->[1]");
}
for my $name (qw(lower DATABASE_URL DATABASE_SERVICE_URL PGSSLROOTCERT LD_PRELOAD), '', 'A=B')
{
	my ($code, $out, $err) = $host->psql('control', "ALTER SYSTEM SET appinfra.public_ca_variable = '$name'");
	like($err, qr/invalid value for parameter "appinfra.public_ca_variable"/, "the variable \"$name\" is refused");
}

# --- who carries them -----------------------------------------------------------------------------------
write_file("\n$pem\n$pem");
configure('appinfra.public_ca_file', $file);
my $two = { DATABASE_URL => 'owner', DATABASE_SERVICE_URL => 'service' };
my $shop = $host->provision(app_id => 'shop', slug => 'shop', env => $two);
my @first = complete(claims(2));
is(shown(@first), '+DATABASE_CA_CERT +DATABASE_URL; +DATABASE_SERVICE_URL', 'of two DSNs of an app the first carries the certificates');
is($first[0]{set}{DATABASE_CA_CERT}, "$pem$pem", 'as they are in the file, without the blank lines') if @first;

my ($code, $out, $err) = $host->psql('control', $host->provision_sql(app_id => 'taker', slug => 'taker', env => { DATABASE_CA_CERT => 'owner' }));
like($err, qr/"DATABASE_CA_CERT" may not be asked for.*HINT:  Use another name/s, 'nobody gets a DSN in that variable');

is_deeply([ keys %{ $host->provision(app_id => 'direct', slug => 'direct', publish => 0)->{env} } ], ['DATABASE_URL'], 'who asks for no publication gets the DSN alone');

# A variable that had another meaning before.
my $early = $host->provision(app_id => 'early', slug => 'early', env => { EARLY_CA => 'owner' });
is(shown(complete(claims())), '+DATABASE_CA_CERT +EARLY_CA', 'an app has a DSN in a variable');
configure('appinfra.public_ca_variable', 'EARLY_CA');
$host->control("SELECT appinfra.rotate_credential('$early->{db_id}', 'EARLY_CA')");
my ($kept) = complete(claims());
is(shown($kept), '+EARLY_CA -DATABASE_CA_CERT', 'which becomes that of the certificates: it gets none');
like($kept->{set}{EARLY_CA}, qr{^postgresql://}, 'and keeps the DSN');
configure('appinfra.public_ca_variable', 'DATABASE_CA_CERT');

# --- versions: the certificates never go back -------------------------------------------------------------
my $id = $shop->{db_id};
$host->control("SELECT appinfra.rotate_credential('$id', 'DATABASE_URL')") for 1 .. 2;
my @again = complete(claims());
is(shown(@again), '+DATABASE_CA_CERT +DATABASE_URL', 'a rotation carries them again');
cmp_ok($again[0]{version}, '>', $first[0]{version}, 'with a higher version');

# Another app's database takes over as the carrier when the first one ends.
my $second = $host->provision(app_id => 'shop', slug => 'reports', env => { REPORTS_URL => 'owner' });
is(shown(complete(claims())), '+REPORTS_URL', 'a second database of the app does not carry them');
$host->control("SELECT appinfra.deprovision_tenant('$id')");
is(join(' ', sort map { @{ $_->{unset} } } complete(claims(2))), 'DATABASE_SERVICE_URL DATABASE_URL', 'the first one ends: they stay');
$host->control("SELECT appinfra.rotate_credential('$second->{db_id}', 'REPORTS_URL')");
my @taken = complete(claims());
is(shown(@taken), '+DATABASE_CA_CERT +REPORTS_URL', 'and the second one carries them from then on');
cmp_ok($taken[0]{version}, '>', $again[0]{version}, 'with a version above the one that they had');

# --- another name, another authority, none ------------------------------------------------------------------
my $new = slurp_file(Appinfra::Certificates->new->file);
write_file($pem . $new);
$host->reload;
configure('appinfra.public_ca_variable', 'OWN_CA');
$host->control("SELECT appinfra.republish('$second->{db_id}')");
my @renamed = complete(claims());
is(shown(@renamed), '+OWN_CA +REPORTS_URL -DATABASE_CA_CERT', 'under another name, the former is unset in the same delivery');
is($renamed[0]{set}{OWN_CA}, $pem . $new, 'with the new authority beside the old one');
$host->control("SELECT appinfra.republish('$second->{db_id}')");
is(shown(complete(claims())), '+OWN_CA +REPORTS_URL', 'once: what was unset is nobody\'s any more');
write_file($key);
my $log = -s $host->logfile;
$host->reload;
wait_for('the refusal', sub { slurp_file($host->logfile, $log) =~ /has something else than certificates/ });
$host->control("SELECT appinfra.republish('$second->{db_id}')");
is((complete(claims()))[0]{set}{OWN_CA}, $pem . $new, 'a reload with a private key in the file leaves those that were there');
configure('appinfra.public_ca_file', '');
$host->control("SELECT appinfra.republish('$second->{db_id}')");
is(shown(complete(claims())), '+REPORTS_URL -OWN_CA', 'without a file they are unset');

# --- services, and the last one ------------------------------------------------------------------------------
write_file($pem);
configure('appinfra.public_ca_file', $file);
configure('appinfra.public_sslrootcert', '/etc/app/ca.pem');
configure('appinfra.public_sslmode', 'verify-full');
$host->control("SELECT appinfra.create_service_user('$second->{db_id}', 'mail', 'n1')");
my ($service) = complete(claims());
is($service->{set}{OWN_CA}, $pem, 'a service gets them, too');
is($service->{set}{PGSSLROOTCERT}, '/etc/app/ca.pem', 'and where they are');
$host->control("SELECT appinfra.rotate_credential('$second->{db_id}', 'REPORTS_URL')");
my ($verified) = complete(claims());
like($verified->{set}{REPORTS_URL}, qr{^postgresql://.*\?sslmode=verify-full&sslrootcert=%2Fetc%2Fapp%2Fca\.pem$}, 'the DSN says it itself');
$host->control("SELECT appinfra.deprovision_tenant('$second->{db_id}')");
my %unset = map { $_->{target} => join ' ', sort @{ $_->{unset} } } complete(claims(2));
is_deeply(\%unset, { 'shop' => 'OWN_CA REPORTS_URL', 'shop/svc/mail/n1' => 'OWN_CA PGDATABASE PGHOST PGPASSWORD PGPORT PGSSLMODE PGSSLROOTCERT PGUSER' },
	'with the last one they go');

# --- what exposures() says of the server's own ---------------------------------------------------------------
# Severity and detail of what is shown about certificates, dates left out.
sub exposed
{
	return join '; ', $host->control("SELECT string_agg(severity || ' ' || rule || ' ' || regexp_replace(detail, ' on [0-9].*', ''), '; ' ORDER BY rule, severity, detail)"
		  . " FROM appinfra.exposures() WHERE rule IN ('server_certificate', 'sslmode_without_ca')");
}

# Lets the server show the certificate and key in a file.
sub show_certificate
{
	my ($pem_file) = @_;
	chmod 0600, $pem_file or die $!;
	$host->control("ALTER SYSTEM SET $_ = '$pem_file'") for qw(ssl_cert_file ssl_key_file);
	configure('ssl', 'on');
	wait_for('the file', sub { $host->control("SELECT current_setting('ssl_cert_file')") eq $pem_file });
	return;
}
is(exposed(), '', 'on the loopback interface nothing is asked of a certificate');
configure('appinfra.public_host', 'pg.example');
show_certificate(self_signed('DNS:other.example'));
configure('appinfra.public_ca_file', '');
configure('appinfra.public_sslmode', 'require');
configure('appinfra.public_sslrootcert', '');
is(exposed(), join('; ', 'medium server_certificate It expires', 'medium server_certificate It is not for appinfra.public_host, "pg.example".',
		'medium server_certificate It is self-signed, and not among what apps are given to trust.',
		'high sslmode_without_ca Apps are given no authority by which they could tell this server from another one.'), 'a certificate that nobody can verify');
configure('appinfra.public_ca_file', $file);
show_certificate($authority->issue('named', 'DNS:pg.example'));
is(exposed(), 'medium server_certificate It expires; medium server_certificate It expires', 'a good one, and its authority: both end soon');
show_certificate($authority->issue('former', 'DNS:pg.example', 1));
like(exposed(), qr/^high server_certificate It has expired;/, 'one that has expired');

# Shows a good certificate that lasts for so many days, as its authority does.
sub show_lasting
{
	my ($days) = @_;
	my $lasting = Appinfra::Certificates->new(days => $days);
	configure('appinfra.public_ca_file', $lasting->file);
	return show_certificate($lasting->issue('lasting', 'DNS:pg.example'));
}
show_lasting(31);
is(exposed(), '', 'one that lasts for more than thirty days');
show_lasting(29);
is(exposed(), 'medium server_certificate It expires; medium server_certificate It expires', 'and one that does not');

# Names that are not written out, and addresses.
my $lasting = Appinfra::Certificates->new(days => 60);
configure('appinfra.public_ca_file', $lasting->file);
for my $case ([ 'pg.apps.example', 'DNS:*.apps.example' ], [ '192.0.2.1', 'IP:192.0.2.1' ], [ 'pg.apps.example', 'DNS:*.other.example', 1 ], [ '192.0.2.1', 'IP:192.0.2.2', 1 ])
{
	my ($public_host, $name, $not) = @$case;
	configure('appinfra.public_host', $public_host);
	show_certificate($lasting->issue("named-$name" =~ s/\W/-/gr, $name));
	is(exposed(), $not ? qq{medium server_certificate It is not for appinfra.public_host, "$public_host".} : '', "$name is " . ($not ? 'not ' : '') . "for $public_host");
}

# --- a start -------------------------------------------------------------------------------------------------
configure('appinfra.public_ca_file', $file);
$host->stop;
write_file($key);
is($host->start(fail_ok => 1), 0, 'the server does not start with a private key in the file');
like(slurp_file($host->logfile), qr/WARNING: .*"appinfra.public_ca_file".*has something else than certificates.*FATAL: .*"appinfra.public_ca_file" was refused.*\n.*HINT:  Mend the file/s, 'and its log says why');
write_file($pem);
$host->start;
is($host->control('SHOW appinfra.public_ca_file'), $file, 'but with certificates');
done_testing();
