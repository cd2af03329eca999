# Variables of a database over REST: bound in its app, in a container of it and in another app, each
# with a login that is as it was asked for; unbound; and limits that hold.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Rest;
use Appinfra::Wait qw(wait_for);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('variables', pool_size => 2);
$host->wait_for_pool(2);
my $peer = Appinfra::Peer->start;
my $rest = Appinfra::Rest->start($host, env => $peer->sidecar_env, args => ['--rate-limit=0']);
my $user = 'user@example.com';
my $other = 'other@example.com';
my $app = 'app-12345678';
my $db_id = $rest->provision(publish => JSON::PP::true)->{json}{db_id};
my $base = $rest->databases . "/$db_id";

sub ok_call
{
	my ($status, $method, $path, $content) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = $rest->call($method, $path, $content, user => $user);
	is($answer->{status}, $status, "$method $path: $status") or diag $answer->{content};
	return $answer->{json};
}

# Asks, as the user unless another is named, for what is refused.
sub refuses
{
	my ($method, $path, $content, $status, $title, %args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	refused($rest->call($method, $path, $content, user => $user, %args), $status, $title,
		"$method $path " . ($content ? encode_json($content) : '') . ": $status");
	return;
}

# Who one is by a DSN: the login and whether it may make tables.
sub who
{
	my ($dsn) = @_;
	my ($code, $out, $err) = $host->as_app($dsn, q{SELECT session_user || ' ' || has_schema_privilege('public', 'create')});
	return $code == 0 ? $out : $err;
}

# --- the app, a container, another app --------------------------------------------------------------------
my $reports = ok_call(200, PUT => "$base/variables", { env => { REPORTS_URL => 'reader' } });
like(who($reports->{connection}{url}), qr/ false$/, 'one variable: the answer has its DSN');
is($peer->store->{$app}{REPORTS_URL}{value}, undef, '  which is delivered to nobody');
is_deeply(ok_call(200, PUT => "$base/variables", { env => { DATABASE_URL => 'owner' }, container => 'migrate', publish => JSON::PP::true })->{env_keys},
	['DATABASE_URL'], 'a container may have its own DATABASE_URL');
like(who($peer->wait_for_value("$app/migrate", 'DATABASE_URL')), qr/ true$/, '  which is delivered to its environment');
ok_call(200, PUT => "$base/variables", { env => { DATABASE_URL => 'writer' }, app_id => 'app-second', publish => JSON::PP::true });
my $second = $peer->wait_for_value('app-second', 'DATABASE_URL');
like(who($second), qr/ false$/, 'another app of the owner has one as a writer');
my @listed = map { join ' ', $_->{target}, $_->{variable}, $_->{access} } @{ ok_call(200, GET => "$base/variables")->{variables} };
is_deeply([ sort @listed ], [ sort "$app DATABASE_URL owner", "$app REPORTS_URL reader", "$app/migrate DATABASE_URL owner", 'app-second DATABASE_URL writer' ], 'all are listed');

# --- rotated there ------------------------------------------------------------------------------------------
my $rotated = ok_call(200, POST => "$base/rotate", { container => 'migrate' });
is((split / /, who($rotated->{connection}{url}))[1], 'true', 'a variable of a container is rotated');
ok_call(200, POST => "$base/rotate", { app_id => 'app-second', publish => JSON::PP::true, grace => '1s', deadline => '1h' });
isnt(who($peer->wait_for_value('app-second', 'DATABASE_URL', $second)), who($second), 'and of another app');
refuses(POST => "$base/rotate", { container => 'none' }, 404, 'not_found');

# --- unbound ------------------------------------------------------------------------------------------------
my $login = parse_dsn($reports->{connection}{url})->{user};
is_deeply(ok_call(200, DELETE => "$base/variables?variables=REPORTS_URL"), { unbound => ['REPORTS_URL'] }, 'a variable is taken away');
is($host->control("SELECT appinfra.wait_revoked('$login')"), 't', '  and its login is dead');
ok_call(200, DELETE => "$base/variables?variables=DATABASE_URL&app_id=app-second");
wait_for('the other app to lose it', sub { !defined $peer->store->{'app-second'}{DATABASE_URL}{value} });
ok_call(200, DELETE => "$base/variables?variables=DATABASE_URL&container=migrate");
wait_for('the container to lose it', sub { !defined $peer->store->{"$app/migrate"}{DATABASE_URL}{value} });
is(scalar @{ ok_call(200, GET => "$base/variables")->{variables} }, 1, 'the first one is left');

# --- limits -------------------------------------------------------------------------------------------------
is(ok_call(200, PATCH => $base, { connection_limit => 3, statement_timeout => '7s', idle_in_transaction_timeout => '2m' })->{db_id}, $db_id, 'limits are changed');
my $dsn = $peer->store->{$app}{DATABASE_URL}{value};
is(($host->as_app($dsn, q{SELECT current_setting('statement_timeout') || ' ' || current_setting('idle_in_transaction_session_timeout')}))[1], '7s 2min', '  and hold');
is($host->control("SELECT datconnlimit FROM pg_database WHERE datname = 'app_myapp'"), 3, '  the number of connections, too');

# --- what may not be ----------------------------------------------------------------------------------------
refuses(PUT => "$base/variables", $_, 400, 'invalid_field') for {}, { env => [] }, { env => { A => 'owner' }, publish => 'yes' }, { env => { A => 'owner' }, container => 1 }, { env => { A => 'owner' }, colour => 'red' };
refuses(PUT => "$base/variables", $_, 422, 'refused')
  for { env => {} }, { env => { A => 'god' } }, { env => { PATH => 'owner' } }, { env => { A => 'owner' }, container => 'svc' }, { env => { A => 'owner' }, container => 'a/b' }, { env => { A => { access => 'owner', via => 'pooler' } } };
refuses(DELETE => "$base/variables", undef, 400, 'invalid_field');
refuses(DELETE => "$base/variables?variables=$_", undef, 404, 'not_found') for 'NONE_URL', 'DATABASE_URL,NONE_URL';
refuses(DELETE => "$base/variables?variables=$_", undef, 422, 'refused') for '', 'DATABASE_URL,DATABASE_URL';
refuses(PATCH => $base, $_, 400, 'invalid_field') for { connection_limit => 0 }, { connection_limit => '3' }, { statement_timeout => '7' }, { owner_user_id => $other };
refuses(PATCH => $base, {}, 422, 'refused');
is(scalar @{ ok_call(200, GET => "$base/variables")->{variables} }, 1, 'nothing of it is left behind');

# --- whose ---------------------------------------------------------------------------------------------------
$host->control("SELECT appinfra.register_app('app-theirs', '$other')");
refuses(PUT => "$base/variables", { env => { THEIR_URL => 'owner' }, app_id => 'app-theirs' }, 404, 'not_found');
refuses(PUT => "$base/variables", { env => { THEIR_URL => 'owner' }, app_id => 'app-theirs' }, 409, 'conflict', user => 'root@example.com', admin => 1);
refuses(GET => "$base/variables", undef, 404, 'not_found', user => $other);
refuses(PUT => "$base/variables", { env => { A => 'owner' } }, 404, 'not_found', user => $other);
refuses(DELETE => "$base/variables?variables=DATABASE_URL", undef, 404, 'not_found', user => $other);
refuses(PATCH => $base, { connection_limit => 1 }, 404, 'not_found', user => $other);
is($rest->process->stop, 0, 'it ends well');
done_testing();
