# Three containers of an app with three environments, as the file sink writes them: each DSN has the rights of
# its container and no other, check-env agrees container by container and with a compose file, and a second app
# of the owner has a login of its own. What is unbound is gone from the file, and its login is dead.
use strict;
use warnings;
use Appinfra;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Wait qw(wait_for);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $host = Appinfra->make('containers', pool_size => 1);
my $sidecar = $host->start_sidecar;

sub file_of
{
	my ($container, $app_id) = @_;
	return $host->env_dir . '/' . ($app_id // 'app-1') . "/$container.env";
}

# The variables in a file, by name.
sub env_in
{
	my ($file) = @_;
	my %env = slurp_file($file) =~ /^(\w+)="(.*)"$/mg;
	return \%env;
}

# Runs SQL with a DSN; returns its output, or the SQLSTATE or "no login" of its failure.
sub as
{
	my ($dsn, $sql) = @_;
	my ($code, $out, $err) = $host->as_app($dsn, $sql);
	return $code == 0 ? $out : $code == 2 ? 'no login' : $err =~ /ERROR:\s+(\w{5}):/ ? $1 : $err;
}

# The login that check-env asks the server with has no rights.
$host->control("CREATE ROLE looker LOGIN PASSWORD 'lookerpw99'; GRANT CONNECT ON DATABASE control TO looker");
my $binary = Appinfra::sidecar_binary();
my $looker = sprintf '--database=host=127.0.0.1 port=%d user=looker dbname=control', $host->port;

# Returns the exit code of check-env, and "service: rule" of each violation.
sub checked
{
	my (@arguments) = @_;
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', PGPASSWORD => 'lookerpw99');
	my ($out, $err) = ('', '');
	IPC::Run::run([ $binary, 'check-env', '--json', $looker, @arguments ], '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $code = $? >> 8;
	my $document = eval { decode_json($out) } or return "$code $err";
	my @found;
	for my $one (@{ $document->{services} // [$document] })
	{
		push @found, map { join ':', $one->{service} // (), $_->{rule} } @{ $one->{violations} };
	}
	return join ' ', $code, sort @found;
}

# Checks a compose file whose services have these files, as paths beside it, or blocks of variables.
sub compose
{
	my (%service) = @_;
	my $text = "services:\n";
	for my $name (sort keys %service)
	{
		my $has = $service{$name};
		$text .= "  $name:\n";
		$text .= ref $has eq 'HASH'
		  ? "    environment:\n" . join '', map { "      $_: '$has->{$_}'\n" } sort keys %$has
		  : "    env_file: [" . join(', ', map { "env/app-1/$_.env" } @$has) . "]\n";
	}
	my $file = $host->basedir . '/compose.yml';
	open my $out, '>', $file or die "$file: $!";
	print $out $text;
	close $out;
	return checked('--compose', $file);
}

# --- three files ----------------------------------------------------------------------------------------------
$host->provision(app_id => 'app-1', slug => 'shop', env => { DATABASE_URL => 'writer' });
my $db_id = $host->control("SELECT db_id FROM appinfra.databases WHERE app_id = 'app-1'");
$host->control("SELECT appinfra.bind_variables('$db_id', '{\"DATABASE_URL\": \"owner\"}', container => 'migrate')");
$host->control("SELECT appinfra.bind_variables('$db_id', '{\"DATABASE_SERVICE_URL\": \"service\"}', container => 'scheduler-worker')");
wait_until_settled($host);
my %env = map { $_ => env_in(file_of($_)) } qw(app migrate scheduler-worker);
is(join(' ', sort keys %{ $env{app} }), 'DATABASE_URL', 'the app has its variable');
is(join(' ', sort keys %{ $env{migrate} }), 'DATABASE_URL', 'migrations have one of the same name');
is(join(' ', sort keys %{ $env{'scheduler-worker'} }), 'DATABASE_SERVICE_URL', 'the worker has another');
is((stat file_of($_))[2] & 07777, 0600, "$_.env is private") for sort keys %env;
my ($app, $migrate, $worker) =
  ($env{app}{DATABASE_URL}, $env{migrate}{DATABASE_URL}, $env{'scheduler-worker'}{DATABASE_SERVICE_URL});

# --- each with its rights -------------------------------------------------------------------------------------
my $schema = 'CREATE TABLE orders (id int); ALTER TABLE orders ENABLE ROW LEVEL SECURITY; INSERT INTO orders VALUES (1)';
is(as($app, $schema), '42501', 'the app makes no tables');
is(as($worker, $schema), '42501', 'nor does the worker');
is(as($migrate, $schema), '', 'migrations do');
is(as($app, 'SELECT count(*) FROM orders'), 0, 'row-level security holds for the app');
is(as($worker, 'SELECT count(*) FROM orders'), 1, 'the worker bypasses it');
is(as($migrate, 'CREATE POLICY all_of_it ON orders USING (true)'), '', 'migrations make a policy');
is(as($app, 'INSERT INTO orders VALUES (2); SELECT count(*) FROM orders'), 2, 'with which the app writes');

# --- check-env ------------------------------------------------------------------------------------------------
is(checked('--container', $_, file_of($_)), 0, "$_: its file is in order") for sort keys %env;
is(checked('--container', 'migrate', file_of('scheduler-worker')),
	'1 forbidden_variable required', "migrate: the worker's file is not");
is(checked('--container', 'scheduler-worker', file_of('migrate')),
	'1 bypasses_rls', "scheduler-worker: that of migrations is not");
is(checked('--container', 'app', file_of('scheduler-worker')), '1 required', "app: the worker's file is not");
my %file = (app => ['app'], migrate => ['migrate'], 'scheduler-worker' => ['scheduler-worker']);
is(compose(%file), 0, 'a compose file with the three files');
is(compose(%env), 0, 'or with their variables');
is(compose(%file, migrate => ['scheduler-worker'], 'scheduler-worker' => ['migrate']),
	'1 migrate:forbidden_variable migrate:required scheduler-worker:bypasses_rls', 'not with two of them exchanged');
is(compose(%file, 'scheduler-worker' => [ 'scheduler-worker', 'app' ]),
	'1 scheduler-worker:bypasses_rls scheduler-worker:forbidden_variable', 'nor with two of them in one container');
is(compose(%env, app => { DATABASE_URL => $worker }), '1 app:bypasses_rls', "nor with the worker's DSN in the app");
is(compose(%env, migrate => { DATABASE_URL => $migrate, DATABASE_SERVICE_URL => $worker }),
	'1 migrate:forbidden_variable', 'nor with it beside that of migrations');

# --- another app of the owner -----------------------------------------------------------------------------------
$host->control("SELECT appinfra.bind_app('$db_id', 'app-2', '{\"DATABASE_URL\": \"reader\"}')");
wait_until_settled($host);
my $reader = env_in(file_of('app', 'app-2'))->{DATABASE_URL};
is(as($reader, 'SELECT count(*) FROM orders'), 2, 'a second app reads the database');
is(as($reader, 'BEGIN READ WRITE; INSERT INTO orders VALUES (3)'), '42501', 'and writes nothing');
is(env_in(file_of('app'))->{DATABASE_URL}, $app, 'the first keeps its login');

# --- unbound ----------------------------------------------------------------------------------------------------
$host->control("SELECT appinfra.unbind_variables('$db_id', '{DATABASE_URL}', container => 'migrate')");
is(as($migrate, 'SELECT 1'), 'no login', 'what is unbound of a container logs in no more');
wait_for('the unset', sub { slurp_file(file_of('migrate')) eq '' });
$host->control("SELECT appinfra.unbind_variables('$db_id', '{DATABASE_URL}', app_id => 'app-2')");
is(as($reader, 'SELECT 1'), 'no login', 'nor does what is unbound of the other app');
wait_for('the unset', sub { slurp_file(file_of('app', 'app-2')) eq '' });
is(as($_, 'SELECT count(*) FROM orders'), 2, 'the others do') for $app, $worker;
is_deeply(env_in(file_of('app')), $env{app}, 'and their files are as they were');
is($sidecar->stop, 0, 'exit code 0');
done_testing;
