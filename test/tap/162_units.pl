# The units that are installed: each starts its command as it says, with the secrets that it loads, is ready, and
# stops. All are closed in the same way.
use strict;
use warnings;
use Appinfra;
use Appinfra::Supervisor;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('units', pool_size => 1);
my $folder = Appinfra::test_file('../sidecar/systemd');
my $secrets = PostgreSQL::Test::Utils::tempdir();
$host->control('CREATE ROLE gateway LOGIN IN ROLE appinfra_gateway');

# Returns the settings of a unit's [Service]: all values of each.
sub service_of
{
	my ($unit) = @_;
	my ($section) = PostgreSQL::Test::Utils::slurp_file("$folder/$unit") =~ /^\[Service\]\n(.*?)(?=^\[|\z)/ms;
	my %settings;
	push @{ $settings{$1} }, $2 while $section =~ /^(\w+)=(.*)$/mg;
	return \%settings;
}

sub write_file
{
	my ($name, $text) = @_;
	open my $out, '>', "$secrets/$name" or die "$name: $!";
	print $out $text;
	close $out;
	return "$secrets/$name";
}

# What is handed over as secret_NAME, and the file of options, of each unit.
my %of = (
	'appinfrad.service' => {
		command => 'serve', url => $host->sidecar_url, handed => '/etc/appinfra/secrets', config => '/etc/appinfra/appinfrad.conf',
		options => 'sink = "file:' . $host->env_dir . '"' },
	'appinfrad-gateway.service' => {
		command => 'gateway', url => $host->sidecar_url =~ s/user=\S+/user=gateway/r, handed => '/etc/appinfra/gateway-secrets',
		config => '/etc/appinfra/gateway.conf', options => 'gateway-listen = "127.0.0.1:0"' });
my @units = map { s{.*/}{}r } glob "$folder/*.service";
is_deeply([ sort @units ], [ sort keys %of ], 'these units are installed');

my %closed;
for my $unit (sort keys %of)
{
	my %expected = %{ $of{$unit} };
	my $settings = service_of($unit);
	my ($binary, $command, @args) = split / /, $settings->{ExecStart}[0];
	is("$command @args", "$expected{command} --config $expected{config}", "$unit: the command");
	is_deeply($settings->{LoadCredential}, ["secret:$expected{handed}"], "$unit: its own secrets, and no others");
	write_file('secret_database-url', "$expected{url}\n");
	write_file('secret_producer-token', "unused\n");
	my %env = map { my ($name, $value) = split /=/, $_, 2; ($name => $value =~ s/%d/$secrets/r) } @{ $settings->{Environment} };
	my $manager = Appinfra::Supervisor->new;
	my $service = $host->start_sidecar(command => $command, args => [ '--config', write_file("$unit.conf", "$expected{options}\n") ],
		env => { APPINFRA_DATABASE_URL => undef, APPINFRA_SINK => undef, NOTIFY_SOCKET => $manager->address, %env });
	ok($manager->wait_for(qr/^READY=1$/m), "$unit: it is ready");
	$service->wait_for_log($command eq 'gateway' ? qr/"listening/ : qr/"connected|"started/);
	is($service->stop, 0, "$unit: and stops");
	unlike($service->log, qr/"level": ?"error"/, "$unit: without an error");
	delete @$settings{qw(ExecStart LoadCredential Environment StateDirectory StateDirectoryMode RuntimeDirectory LimitNOFILE MemoryMax)};
	$closed{$unit} = $settings;
}
is_deeply($closed{'appinfrad-gateway.service'}, $closed{'appinfrad.service'}, 'both are closed in the same way');
cmp_ok(scalar keys %{ $closed{'appinfrad.service'} }, '>', 35, 'by many settings');
done_testing();
