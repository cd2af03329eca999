# A service user rotates as an app's variable does: with overlap, by hand and by schedule, without a
# query lost by a service that reconnects for each with what its environment says.
use strict;
use warnings;
use Appinfra;
use Appinfra::Crowd;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Wait qw(reaches);
use Test::More;

my $host = Appinfra->make('service_rotation', pool_size => 2);
my $sidecar = $host->start_sidecar;
my $target = 'app-serve/svc/worker/h1';    # and the folder of its environment
my $db_id = $host->provision(app_id => 'app-serve', slug => 'serve', publish => 0)->{db_id};
$host->control("SELECT appinfra.create_service_user('$db_id', 'worker', 'h1', 'writer')");

# What the service's environment says, as a DSN.
sub dsn
{
	my $env = $host->app_env($target);
	return sprintf 'postgres://%s:%s@%s:%d/%s?sslmode=%s', @$env{qw(PGUSER PGPASSWORD PGHOST PGPORT PGDATABASE PGSSLMODE)};
}

sub errors
{
	my %errors;
	$errors{ $_->{error} }++ for grep { !$_->{ok} } @_;
	return [ map { "$errors{$_} x $_" } sort keys %errors ];
}

sub rotate
{
	my ($args) = @_;
	$host->control("SELECT appinfra.rotate_service_user('$db_id', 'worker', 'h1', $args)");
	return;
}

# --- by hand, under load ----------------------------------------------------------------------------------
my $user = $host->wait_for_env($target, 'PGUSER');
is($user, 'svc_worker_h1', 'the first one has the plain name');
my $first = dsn();
my $crowd = Appinfra::Crowd->start(4, \&dsn, dir => $host->basedir, pause => 0.005);
$crowd->wait_for_logins;
# A grace within which all five are made: a name is used again once its login is gone.
for my $n (2 .. 6)
{
	rotate("grace => '10 s', deadline => '1 day'");
	$user = $host->wait_for_env($target, 'PGUSER', $user);
	is($user, "svc_worker_h1_$n", "successor $n has a number");
}
$host->wait_until("SELECT count(*) = 5 FROM appinfra.credentials WHERE db_id = '$db_id' AND username ~ '^svc' AND state = 'gone'",
	'the five former logins to be gone');

# --- by schedule, with overlap ----------------------------------------------------------------------------
wait_until_settled($host);
$host->control("UPDATE appinfra.credential SET published_at = clock_timestamp() - interval '11 days' WHERE username = '$user'");
$host->control("SELECT appinfra.set_rotation('$db_id', '10 days')");
my $scheduled = $host->wait_for_env($target, 'PGUSER', $user);
isnt($scheduled, $user, 'the schedule rotates service users, too');
wait_until_settled($host);
is($host->control("SELECT state FROM appinfra.credentials WHERE username = '$user' ORDER BY created_at DESC LIMIT 1"), 'retiring', 'the former login is there for its grace');
$crowd->wait_for_logins(time);
$crowd->stop;
my @seen = $crowd->seen;
cmp_ok(scalar @seen, '>', 50, scalar(@seen) . ' queries meanwhile');
is_deeply(errors(@seen), [], 'none of them failed');

# --- the deadline of one that nobody deploys ----------------------------------------------------------------
my $deployed = dsn();
rotate("grace => '0.1 s', deadline => '1 s'");
$host->wait_for_env($target, 'PGUSER', $scheduled);
reaches { $host->wait_until("SELECT bool_and(state IN ('revoked', 'gone')) FROM appinfra.credentials WHERE username = '$scheduled'") }
	'its deadline passes, though nobody used the successor';
my ($code, $out, $err) = $host->as_app($deployed, 'SELECT 1');
like($err, qr/authentication failed/, 'and the old login is dead');
($code, $out, $err) = $host->as_app(dsn(), 'SELECT 1');
is($out, 1, 'the new one logs in') or diag $err;

# --- without grace --------------------------------------------------------------------------------------------
my $overlapping = dsn();
my $number = $host->app_env($target)->{PGUSER};
rotate("grace => '0'");
$user = $host->wait_for_env($target, 'PGUSER', $number);
is($user, 'svc_worker_h1', 'without grace the name stays the plain one');
($code, $out, $err) = $host->as_app($overlapping, 'SELECT 1');
is($code, 2, 'what the service had is dead at once');
($code, $out, $err) = $host->as_app(dsn(), 'SELECT current_user');
is($out, 'app_serve_writer', 'its successor logs in') or diag $err;

# --- a list of services, delivered ------------------------------------------------------------------------------
my $set = sub { $host->control(qq{SELECT string_agg(s.service_id || ' ' || s.action, ', ') FROM appinfra.set_services('$db_id', '$_[0]') s}) };
is($set->('[{"service_id": "worker", "host_id": "h1", "access": "writer"}, {"service_id": "report", "host_id": "h1"}]'),
	'worker kept, report made', 'one is kept, one made');
$host->wait_for_env('app-serve/svc/report/h1', 'PGUSER');
is(dsn() =~ /svc_worker_h1:/, 1, 'the kept one has what it had');
is($set->('[]'), 'report dropped, worker dropped', 'none is wanted');
reaches { $host->wait_until("SELECT count(*) = 0 FROM appinfra.publications WHERE app_id = 'app-serve' AND status <> ALL ('{published,superseded,cancelled}')") }
	'their variables are unset';
is($host->app_env($target)->{PGUSER}, undef, 'nothing is left of them');
$sidecar->stop;

done_testing();
