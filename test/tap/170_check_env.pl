# appinfrad check-env as a program: exit codes, JSON, standard input, files, its own environment, and
# --database against roles of all kinds on a real server, those of a tenant included.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use IPC::Run;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('check_env', pool_size => 1);

# Runs check-env with exactly this environment; returns (exit code, output, errors).
sub check_env
{
	my ($args, %world) = @_;
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', %{ $world{env} // {} });
	my ($out, $err) = ('', '');
	IPC::Run::run([ $world{binary}, 'check-env', @$args ],
		'<', \($world{input} // ''), '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $code = $? >> 8;
	return ($code, $out, $err);
}

my $binary = Appinfra::sidecar_binary();

# Checks with --json; returns (exit code, document).
sub report
{
	my ($args, %world) = @_;
	my ($code, $out, $err) = check_env([ '--json', @$args ], binary => $binary, %world);
	my $document = eval { decode_json($out) } or diag "no JSON: $out$err";
	return ($code, $document);
}

sub rules
{
	my ($list) = @_;
	return join ' ', sort map { $_->{rule} } @$list;
}

# The outcome in a line: exit code, rules violated, rules warned about.
sub outcome
{
	my ($code, $document) = report(@_);
	return join '|', $code, rules($document->{violations}), rules($document->{warnings});
}

sub write_file
{
	my ($name, $text) = @_;
	my $path = $host->basedir . "/$name";
	open my $out, '>', $path or die "$path: $!";
	print $out $text;
	close $out;
	return $path;
}

# --- what it reads, and how it ends -----------------------------------------------------------------------
my $good = "DATABASE_URL=postgres://app:geheim123\@localhost/shop\n";
my ($code, $out, $err) = check_env(['-'], binary => $binary, input => $good);
is("$code $err", '0 ', 'a good environment: code 0');
like($out, qr/\ADATABASE_URL user=app host=localhost port=\d+ database=shop\n\z/, 'and a line for its variable');

($code, $out, $err) = check_env([], binary => $binary,
	env => { DATABASE_URL => 'postgres://root:geheim123@db.example/shop', APP_DB_HOST => 'x' });
is("$code $err", '1 ', 'violations: code 1');
is(scalar(() = $out =~ /^violation: \S+: [a-z_]+: .+; .+$/mg), 3, 'each with variable, rule and remedy, from its own environment');
unlike($out, qr/geheim123/, 'without the password');

is(outcome([], env => { DATABASE_URL => 'postgres://a@localhost/d', X_PRODUCER_TOKEN => 't' }), '1|forbidden_variable|',
	'a producer token in the environment is seen');
is(outcome([], env => { DATABASE_URL => 'postgres://a@localhost/d', OPENFACTORY_DB_PRODUCER_TOKEN => 't' }), '1|forbidden_variable|',
	'so is the one the sidecar itself takes');

my $first = write_file('first.env', $good);
my $second = write_file('second.env', "DATABASE_SERVICE_URL='postgres://app2\@localhost/shop'\n");
my $third = write_file('third.env', "DATABASE_URL=postgres://other\@localhost/shop\n");
is(outcome([ $first, $second ], env => { APP_DB_HOST => 'not looked at' }), '0||', 'several files are one environment');
is(outcome([ $first, $third ]), '1|multiple_values|', 'in which no file overrides another');
is(outcome([ $first, '-' ], input => "APP_DB_HOST=x\n"), '1|forbidden_variable|', 'standard input is one of them');
is(outcome([ '--lane', 'provisioning', $first ]), '1|required required|', 'the other lane');

for my $case (
	[ 'no such file', "$first.none" ],
	[ 'a folder', $host->basedir ],
	[ 'an open quote', write_file('open.env', "A='geheim123\n") ],
	[ 'an unknown option', '--frobnicate' ],
	[ 'an unknown lane', '--lane=other' ],
	[ 'a DSN for a file', 'postgres://u:geheim123@h/d' ],
	[ 'a password in --database', '--database=postgres://u:geheim123@localhost/d', $first ],
	[ 'a server that is not there', '--database=host=' . $host->basedir . ' user=x', $first ])
{
	my ($name, @args) = @$case;
	($code, $out, $err) = check_env(\@args, binary => $binary);
	is($code, 2, "$name: code 2");
	like($err, qr/\Aappinfrad check-env: .+\n\z/, "$name: says why");
	unlike($out . $err, qr/geheim123/, "$name: shows no password");
}
my ($status, $document) = report([ '--database=host=' . $host->basedir . ' user=x', $third ]);
is("$status $document->{asked_server} $document->{ok}", '2 0 0', 'JSON says so, too');
ok($document->{error}, 'and why');
is($document->{variables}[0]{user}, 'other', 'with what it could check');
is((check_env(['--help'], binary => $binary))[0], 0, '--help');

# --- roles of all kinds --------------------------------------------------------------------------------------
$host->control(<<'SQL');
CREATE ROLE looker LOGIN PASSWORD 'lookerpw99';
GRANT CONNECT ON DATABASE control TO looker;
CREATE ROLE plain LOGIN;
CREATE ROLE boss LOGIN SUPERUSER;
CREATE ROLE "Maker" LOGIN CREATEROLE;
CREATE ROLE dbmaker LOGIN CREATEDB;
CREATE ROLE copier LOGIN REPLICATION;
CREATE ROLE free LOGIN BYPASSRLS;
CREATE ROLE retired;
CREATE ROLE makers CREATEDB;
CREATE ROLE middle IN ROLE makers;
CREATE ROLE member LOGIN NOINHERIT IN ROLE middle;
CREATE ROLE filer LOGIN IN ROLE pg_read_server_files;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE ROLE bypass BYPASSRLS;
CREATE ROLE may_set LOGIN NOINHERIT IN ROLE bypass;
CREATE ROLE sets LOGIN NOINHERIT IN ROLE bypass;
ALTER ROLE sets SET role = 'bypass';
CREATE ROLE sets_here LOGIN NOINHERIT IN ROLE bypass;
ALTER ROLE sets_here IN DATABASE control SET role = 'bypass';
CREATE ROLE sets_in_vain LOGIN;
CREATE ROLE leaves LOGIN BYPASSRLS IN ROLE pg_monitor;
ALTER ROLE leaves SET role = 'pg_monitor';
SQL
# A member is needed for this setting to be made, but not for it to be kept.
$host->control('GRANT bypass TO sets_in_vain; ALTER ROLE sets_in_vain SET role = bypass; REVOKE bypass FROM sets_in_vain');

# The login that asks has no rights, and comes over TCP with a password that is no argument.
my $looker = sprintf 'host=127.0.0.1 port=%d user=looker dbname=control', $host->port;
my %pw = (env => { PGPASSWORD => 'lookerpw99' });

sub on_server
{
	my ($variable, $user, $database) = @_;
	$database //= 'control';
	return outcome([ "--database=$looker", '-' ], %pw, input => "$variable=postgres://$user\@localhost/$database\n");
}

my %expected = (
	plain => [ '0||', '0||bypasses_rls' ],
	boss => [ '1|bypasses_rls superuser_role|', '1|superuser_role|' ],
	Maker => [ '1|superuser_role|', '1|superuser_role|bypasses_rls' ],
	dbmaker => [ '1|superuser_role|', '1|superuser_role|bypasses_rls' ],
	copier => [ '1|superuser_role|', '1|superuser_role|bypasses_rls' ],
	member => [ '1|superuser_role|', '1|superuser_role|bypasses_rls' ],
	filer => [ '1|superuser_role|', '1|superuser_role|bypasses_rls' ],
	monitor => [ '0||', '0||bypasses_rls' ],
	free => [ '1|bypasses_rls|', '0||' ],
	may_set => [ '1|bypasses_rls|', '0||bypasses_rls' ],
	sets => [ '1|bypasses_rls|', '0||' ],
	sets_here => [ '1|bypasses_rls|', '0||' ],
	sets_in_vain => [ '0||', '0||bypasses_rls' ],
	leaves => [ '1|bypasses_rls|', '0||bypasses_rls' ],
	retired => [ '1|unknown_user|', '1|unknown_user|bypasses_rls' ],
	maker => [ '1|unknown_user|', '1|unknown_user|' ],
);
for my $user (sort keys %expected)
{
	is(on_server('DATABASE_URL', $user), $expected{$user}[0], "$user as the app's user");
	is(on_server('DATABASE_SERVICE_URL', $user), $expected{$user}[1], "$user as the service user");
}
is(on_server('DATABASE_SERVICE_URL', 'sets_here', 'postgres'), '0||bypasses_rls',
	'a role set for one database does not count in another');
is( outcome([ '--lane=provisioning', "--database=$looker", '-' ], %pw, input => "DATABASE_ROOT_URL=user=boss\nDATABASE_URL=user=plain\nDATABASE_SERVICE_URL=user=free\n"),
	'0||', 'the provisioning lane may have a superuser');
is( outcome([ '--lane=provisioning', "--database=$looker", '-' ], %pw, input => "DATABASE_ROOT_URL=user=nobody\nDATABASE_URL=user=plain\nDATABASE_SERVICE_URL=user=free\n"),
	'1|unknown_user|', 'who has to exist');

# --- where the password comes from ------------------------------------------------------------------------------
my $url = sprintf 'postgres://looker:lookerpw99@127.0.0.1:%d/control', $host->port;
my $url_file = write_file('url', "$url\n");
my %boss = (input => "DATABASE_URL=user=boss\n");
is(outcome(['-'], %boss, env => { APPINFRA_CHECK_DATABASE_URL => $url }), '1|bypasses_rls superuser_role|', 'a variable');
is(outcome(['-'], %boss, env => { APPINFRA_CHECK_DATABASE_URL_FILE => $url_file }), '1|bypasses_rls superuser_role|', 'a file');
is(outcome(['-'], %boss, env => { APPINFRA_CHECK_DATABASE_URL => $url, APPINFRA_CHECK_DATABASE_URL_FILE => $url_file }),
	'2||', 'not both');
is( outcome([ '--database', '', '-' ], %boss, env => {
			PGHOST => '127.0.0.1', PGPORT => $host->port, PGUSER => 'looker', PGDATABASE => 'control', PGPASSWORD => 'lookerpw99' }),
	'1|bypasses_rls superuser_role|', "libpq's variables alone");
($code, $out, $err) = check_env([ "--database=$looker", '-' ], binary => $binary, %boss, env => { PGPASSWORD => 'wrongpw99' });
is($code, 2, 'a wrong password: code 2');
unlike($out . $err, qr/wrongpw99/, 'not repeated');

# --- a tenant -----------------------------------------------------------------------------------------------------
my $tenant = $host->provision(
	app_id => 'app-1',
	slug => 'shop',
	env => {
		DATABASE_URL => 'writer',
		DATABASE_SERVICE_URL => 'service',
		OWNER_URL => 'owner',
		READER_URL => 'reader'
	},
	publish => 0);
my %dsn = %{ $tenant->{env} };

sub tenant_env
{
	my ($app, $service) = @_;
	return "DATABASE_URL=\"$dsn{$app}\"\n" . ($service ? "DATABASE_SERVICE_URL=\"$dsn{$service}\"\n" : '');
}

sub on_tenant
{
	return outcome([ "--database=$looker", '-' ], %pw, input => tenant_env(@_));
}

is(on_tenant('DATABASE_URL', 'DATABASE_SERVICE_URL'), '0||', 'writer and service are what the contract wants');
is(on_tenant('OWNER_URL', 'DATABASE_SERVICE_URL'), '0||', 'so are owner and service');
is(on_tenant('READER_URL'), '0||', 'a reader may be the app');
is(on_tenant('DATABASE_SERVICE_URL'), '1|bypasses_rls|', 'a service login may not');
is(on_tenant('OWNER_URL', 'READER_URL'), '0||bypasses_rls', 'a reader for a service user: a warning');
is(on_tenant('OWNER_URL', 'OWNER_URL'), '1|same_user|bypasses_rls', 'one login for both');

# The tenant's own login is as good for asking as any.
is( outcome(['-'], input => tenant_env('DATABASE_URL', 'DATABASE_SERVICE_URL'), env => { APPINFRA_CHECK_DATABASE_URL => $dsn{READER_URL} }),
	'0||', "asked with the tenant's own reader");
($code, $out, $err) = check_env(['-'], binary => $binary, input => tenant_env('DATABASE_URL', 'DATABASE_SERVICE_URL'),
	env => { APPINFRA_CHECK_DATABASE_URL => $dsn{READER_URL} });
for my $variable (sort keys %dsn)
{
	my $password = parse_dsn($dsn{$variable})->{password};
	ok(index($out . $err, $password) < 0, "the password of $variable is not shown");
}
my $writer = parse_dsn($dsn{DATABASE_URL});
like($out, qr/^DATABASE_URL user=\Q$writer->{user}\E host=127\.0\.0\.1 port=\Q$writer->{port}\E database=app_shop$/m,
	'where it leads is');

# --- the containers of an app, from a compose file ---------------------------------------------------------------
# A compose file whose services have these variables of the tenant, by reference or literally.
sub compose_file
{
	my (%service) = @_;
	my $text = "services:\n";
	for my $name (sort keys %service)
	{
		$text .= "  $name:\n    environment:\n";
		$text .= "      $_: '$service{$name}{$_}'\n" for sort keys %{ $service{$name} };
	}
	return write_file('compose.yml', $text);
}

# Exit code, and "service: rule" of each violation in a compose file.
sub compose_outcome
{
	my ($file, @more) = @_;
	my ($exit, $found) = report([ "--database=$looker", '--compose', $file, @more ], env => { PGPASSWORD => 'lookerpw99', WRITER_DSN => $dsn{DATABASE_URL} });
	return join ' ', $exit, map { my $service = $_; map { "$service->{service}:$_->{rule}" } @{ $service->{violations} } } @{ $found->{services} };
}

my %containers = (
	app => { DATABASE_URL => '${WRITER_DSN}', DATABASE_SERVICE_URL => $dsn{DATABASE_SERVICE_URL} },
	'scheduler-worker' => { DATABASE_URL => $dsn{DATABASE_SERVICE_URL} },
	migrate => { DATABASE_URL => $dsn{OWNER_URL} });
is(compose_outcome(compose_file(%containers)), 0, 'three containers, three environments, one compose file');
is(compose_outcome(compose_file(%containers, migrate => { DATABASE_URL => $dsn{DATABASE_SERVICE_URL} })),
	'1 migrate:bypasses_rls', 'migrations that bypass row-level security');
is(compose_outcome(compose_file(%containers, 'scheduler-worker' => { DATABASE_URL => $dsn{OWNER_URL} })),
	'1 scheduler-worker:bypasses_rls', 'a worker that does not');
is(compose_outcome(compose_file(%containers, web => { APPINFRA_DATABASE_URL => 'x' })),
	'1 web:forbidden_variable', 'a container that holds what it must not');

# What the file sink publishes is what the checker reads.
$host->provision(app_id => 'app-2', slug => 'other', env => { DATABASE_URL => 'owner', DATABASE_SERVICE_URL => 'service' });
my $sidecar = $host->start_sidecar;
$host->wait_for_env('app-2', $_) for 'DATABASE_URL', 'DATABASE_SERVICE_URL';
is(outcome([ "--database=$looker", $host->env_dir . '/app-2/app.env' ], %pw), '0||', 'a published environment is in order');
$sidecar->stop;

done_testing();
