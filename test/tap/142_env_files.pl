# The environment of one app at a path of its own, /etc/openfactory/app.env as it were: what is written where,
# who may not lead it astray, and which paths are refused.
use strict;
use warnings;
use Appinfra;
use Appinfra::Publications qw(publication wait_for_status);
use Appinfra::Wait qw(wait_for);
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More;

my $host = Appinfra->make('env_files', pool_size => 4);
my $etc = $host->basedir . '/etc';
mkdir $etc, 0700 or die $!;
my $file = "$etc/vm.env";
append_to_file("$etc/ca.pem", "of others\n");
append_to_file($file, "# of the VM\nKEPT=1\n");
my $sidecar = $host->start_sidecar(env => { APPINFRA_RETRY_LONGEST => '200ms' },
	args => ["--env-files=app-vm=$file,app-vm/migrate=$etc/migrate.env,app-away=$etc/no/such/app.env"]);

sub logs_in { return ($host->as_app($_[0], 'SELECT 1'))[0] == 0 ? 1 : 0; }
sub value_in { return slurp_file($_[0]) =~ /^$_[1]="(.*)"$/m ? $1 : ''; }

# --- what is written where --------------------------------------------------------------------------------
$host->provision(app_id => $_, slug => $_) for qw(app-vm app-other);
wait_for_status($host, $_, 'published') for qw(app-vm app-other);
is(logs_in(value_in($file, 'DATABASE_URL')), 1, 'the app is written to its path, and logs in');
like(slurp_file($file), qr/^# of the VM\nKEPT=1\n/, 'what others wrote there is kept');
is((stat $file)[2] & 07777, 0600, 'the file is private');
is((stat "$etc/.vm.env.versions")[2] & 07777, 0600, 'its versions stand beside it, under its name');
ok(!-e $host->env_dir . '/app-vm', 'and nothing of it below DIR');
is(logs_in($host->app_env('app-other')->{DATABASE_URL}), 1, 'another app stays below DIR');
my $db_id = $host->control("SELECT db_id FROM appinfra.databases WHERE app_id = 'app-vm'");
$host->control("SELECT appinfra.create_service_user('$db_id', 'worker', 'vm1')");
wait_for('the service', sub { -e $host->env_dir . '/app-vm/svc/worker/vm1/app.env' });
unlike(slurp_file($file), qr/PGUSER/, 'so does a service of the app');
$host->control("SELECT appinfra.bind_variables('$db_id', '{\"DATABASE_URL\": \"owner\"}', container => '$_')") for qw(migrate worker);
wait_for('the containers', sub { -e "$etc/migrate.env" && -e $host->env_dir . '/app-vm/worker.env' });
is(logs_in(value_in("$etc/migrate.env", 'DATABASE_URL')), 1, 'a container that has a path is written there');
isnt(value_in("$etc/migrate.env", 'DATABASE_URL'), value_in($file, 'DATABASE_URL'), 'with a login of its own');
ok(!-e $host->env_dir . '/app-vm/migrate.env', 'and another container stays below DIR');

# --- a link is not followed, nothing is made --------------------------------------------------------------
$host->provision(app_id => 'app-away', slug => 'away');
$sidecar->wait_for_log(qr/the folder \\?"no\\?" cannot be opened: No such file/);
mkdir "$etc/elsewhere", 0700;
symlink "$etc/elsewhere", "$etc/no" or die $!;
mkdir "$etc/elsewhere/such", 0700;
wait_for_status($host, 'app-away', 'failed');
ok(!-e "$etc/elsewhere/such/app.env", 'a link in the path is not followed');
unlink "$etc/no";
mkdir $_, 0700 for "$etc/no", "$etc/no/such";
my $id = publication($host, 'app-away')->{publication_id};
$host->control("SELECT appinfra.retry_publication($id)");
wait_for_status($host, 'app-away', 'published');
is(logs_in(value_in("$etc/no/such/app.env", 'DATABASE_URL')), 1, 'with folders of its own it is written');

# --- unset ------------------------------------------------------------------------------------------------
$host->control("SELECT appinfra.deprovision_tenant('$db_id')");
wait_for('the unset', sub { slurp_file($file) eq "# of the VM\nKEPT=1\n" });
pass('what is unset is gone, what others wrote is not');
is($sidecar->stop, 0, 'exit code 0');

is(slurp_file("$etc/ca.pem"), "of others\n", 'nor are certificates of others');

# --- paths that are refused -------------------------------------------------------------------------------
my $dir = $host->env_dir;
symlink $dir, "$etc/link" or die $!;
my $absolute = qr/--env-files must be APP=PATH,..., with absolute paths/;
my $no_container = qr{is neither APP nor APP/CONTAINER};
my $within = qr/a path lies in the folder of --sink=file:DIR/;
for my $case (
	[ 'a relative path', 'a=etc/app.env', $absolute ],
	[ 'no path', 'a=', $absolute ],
	[ 'no app', "=$file", $absolute ],
	[ 'a path alone', $file, $absolute ],
	[ '..', "a=$etc/../app.env", qr/may begin with a dot/ ],
	[ '.', "a=$etc/./app.env", qr/may begin with a dot/ ],
	[ '. at the end', "a=$etc/.", qr/may begin with a dot/ ],
	[ 'a hidden file', "a=$etc/.env", qr/may begin with a dot/ ],
	[ 'a folder', "a=$etc/", qr/must name a file/ ],
	[ 'the root', 'a=/', qr/must name a file/ ],
	[ 'an empty part', "a=$etc//app.env", qr/must name a file/ ],
	[ 'a name without room for its helpers', "a=$etc/" . 'x' x 201, qr/longer than 200 bytes/ ],
	[ 'a name of certificates', "a=$etc/app.env.ca.pem", qr/may not end in \.ca\.pem/ ],
	[ 'the same app twice', "a=$etc/one,a=$etc/two", qr/names an app twice/ ],
	[ 'the same path twice', "a=$etc/one,b=$etc/one", qr/names a path twice/ ],
	[ 'a path below DIR', "a=$dir/a/app.env", $within ],
	[ 'DIR itself', "a=$dir", $within ],
	[ 'a path that leads below DIR', "a=$etc/link/app.env", $within ],
	[ 'a service', "a/svc/worker/vm1=$etc/one", $no_container ],
	[ 'a container without a name', "a/=$etc/one", $no_container ],
	[ 'a container without an app', "/migrate=$etc/one", $no_container ],
	[ 'the app as a container', "a/app=$etc/one", $no_container ],
	[ 'services as a container', "a/svc=$etc/one", $no_container ],
	[ 'the same container twice', "a/migrate=$etc/one,a/migrate=$etc/two", qr/names an app twice/ ],
	[ 'another sink', "a=$file", qr/goes with --sink=file:DIR only/, { APPINFRA_SINK => undef, APPINFRA_PRODUCER_URL => 'http://127.0.0.1:1' } ])
{
	my ($name, $value, $message, $env) = @$case;
	my $run = $host->start_sidecar(env => { APPINFRA_ENV_FILES => $value, %{ $env // {} } });
	is($run->wait_end >> 8, 2, "$name: exit code 2");
	like($run->log, $message, "$name: with a message");
}
done_testing;
