# appinfrad check-producer as a program: the reference producer passes every check, one with a broken rule
# fails exactly the check of that rule, nothing is left afterwards, and no secret is printed.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates;
use Appinfra::Process;
use Appinfra::ReferenceProducer;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $binary = Appinfra::sidecar_binary();
my $token = 'a-token-that-is-long-enough';
my @checks = qw(transport no_token wrong_token store answer repetition equal_version lower_version refused_unchanged
  names_apart targets_apart whole_request unset unset_version unknown_field large_body bad_body unknown_app no_reading
  no_echo latency clean_up);

sub start
{
	my (%args) = @_;
	my $producer = Appinfra::ReferenceProducer->start(%args);
	$producer->tokens($token);
	return $producer;
}

# Runs the command against a producer; returns (exit code, output, errors).
sub run_check
{
	my ($producer, $args, %world) = @_;
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', %{ $world{env} // {} });
	my ($out, $err) = ('', '');
	IPC::Run::run([ $binary, 'check-producer', '--producer-url', $world{url} // $producer->url, '--token-file', $producer->token_file, @$args ],
		'<', \($world{input} // ''), '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, $out, $err);
}

# What a producer has: how many variables were ever sent to it, and which are set.
sub stored
{
	my ($producer, $what) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'python3', '-c', 'import sqlite3, sys; print("\n".join(str(r[0]) for r in sqlite3.connect(sys.argv[1]).execute(sys.argv[2])))',
			$producer->database, $what ], '>', \$out, '2>', \$err) or die $err;
	return split /\n/, $out;
}
sub left { return [ stored($_[0], 'SELECT target || name FROM variable WHERE value IS NOT NULL') ]; }

# The checks that have a result, in the order of the output.
sub having { my ($result, $out) = @_; return join ' ', $out =~ /^\Q$result\E (\w+)/mg; }

# --- a producer that keeps the rules ------------------------------------------------------------------------
my $reference = start();
my ($code, $out, $err) = run_check($reference, ['--yes']);
is("$code $err", '0 ', 'the reference producer: exit code 0') or diag $out;
is(having('ok', $out), "@checks", 'all checks are ok, each in a line');
like($out, qr/^22 checks: 22 ok, 0 failed, 0 skipped\n\z/m, 'and counted');
is_deeply(left($reference), [], 'nothing is left');
is((stored($reference, 'SELECT count(*) > 40 FROM variable'))[0], 1, 'though there was a lot');
is_deeply([ stored($reference, "SELECT name FROM variable WHERE name NOT LIKE 'APPINFRA\\_CHECK\\_%' ESCAPE '\\'"
			. " OR app_id NOT LIKE 'appinfra-check-%' OR target NOT LIKE app_id || '%'") ], [], 'no other variable or app was touched');

# --- asking ----------------------------------------------------------------------------------------------------
my $before = (stored($reference, 'SELECT count(*) FROM variable'))[0];
for my $answer ('', "n\n")
{
	($code, $out, $err) = run_check($reference, [], input => $answer);
	is("$code $out", '2 ', 'nobody says yes: exit code 2');
	like($err, qr/variables APPINFRA_CHECK_\.\.\. of the app appinfra-check-\w+,.*nobody said yes; --yes goes without asking/s, 'what it would do, and how it goes on');
}
is((stored($reference, 'SELECT count(*) FROM variable'))[0], $before, 'and nothing was sent');
is((run_check($reference, [], input => "y\n"))[0], 0, 'somebody says yes');

# --- options -----------------------------------------------------------------------------------------------------
my $config = "$dir/appinfrad.conf";
PostgreSQL::Test::Utils::append_to_file($config, qq(producer-url = "@{[ $reference->url ]}"\nsink = "http"\nlisten = "127.0.0.1:0"\n)
	  . qq(token-file = "@{[ $reference->token_file ]}"\nlease = "60s"\n));
{
	my ($text, $errors) = ('', '');
	IPC::Run::run([ $binary, 'check-producer', '--config', $config, '--yes' ], '<', \undef, '>', \$text, '2>', \$errors);
	is($? >> 8, 0, "serve's file of options does as it is") or diag $text, $errors;
}
($code, $out, $err) = run_check($reference, [ '--yes', '--app', 'appinfra-check-named' ]);
is($code, 0, 'an app that is named');
is((run_check($reference, [ '--yes', '--app', 'appinfra-check-named' ]))[0], 0, 'and once more: its versions are above the former ones');
for my $bad ([ qr/--app must begin with appinfra-check-/, '--app', 'app-1' ], [ qr/is plaintext to another machine/, '--producer-url', 'http://192.0.2.1' ],
	[ qr/no option --poll|--poll is an option of/, '--poll', '1s' ], [ qr/No such file/, '--token-file', "$dir/none" ], [ qr/contain "\{app_id\}"/, '--producer-path', '/x' ])
{
	my ($message, @args) = @$bad;
	($code, $out, $err) = run_check($reference, [ '--yes', @args ]);
	is($code, 2, "refused: @args");
	like($err, $message, 'with a reason');
}
is_deeply(left($reference), [], 'nothing is left of all these');

# --- a producer that breaks a rule ----------------------------------------------------------------------------------
# rule => [check that fails, checks that say nothing then]
my @by_version = qw(refused_unchanged names_apart targets_apart whole_request unset_version);
my %broken = ((map { $_ => [$_] } @checks), lower_version => [ 'lower_version', @by_version ],
	names_apart => [ 'names_apart', 'whole_request' ], unset => [ 'unset', 'unset_version' ],
	store => [ 'store', grep { !/^(transport|no_token|wrong_token|store|no_echo|latency|clean_up)$/ } @checks ],
	stored_without_token => ['no_token'], stored_with_wrong_token => ['wrong_token'], bad_body_taken => ['bad_body'],
	reading_without_token => ['no_reading'], echo_in_header => ['no_echo']);
delete $broken{transport};
for my $rule (sort keys %broken)
{
	my ($fails, @skipped) = @{ $broken{$rule} };
	my $producer = start(program => 'broken_producer.py', args => [ '--break', $rule ]);
	($code, $out, $err) = run_check($producer, [ '--yes', $rule eq 'latency' ? '--call-timeout=3s' : () ]);
	is(having('FAILED', $out), $fails, "$rule is broken: $fails fails and nothing else") or diag $out, $err;
	is(having('skipped', $out), join(' ', grep { my $check = $_; grep { $_ eq $check } @skipped } @checks), "$rule: what says nothing then is skipped");
	like($out, qr/^FAILED $fails: expected: .+; seen: .+; what to do: .+$/m, "$rule: in words");
	is($code, $rule eq 'clean_up' ? 3 : 1, "$rule: exit code");
	unlike($out . $err, qr/\Q$token\E|appinfra_check:[0-9a-f]/, "$rule: no secret is printed");
	unlike($producer->log, qr/Error|Traceback/, "$rule: the producer has no other fault");
	my $count = @{ left($producer) };
	$rule eq 'clean_up' ? cmp_ok($count, '>', 40, "$rule: what is left") : is($count, 0, "$rule: nothing is left");
}

# --- the connection ------------------------------------------------------------------------------------------------
my $authority = Appinfra::Certificates->new;
my $tls = start(tls => $authority->issue('good', 'DNS:localhost'));
my @ca = ('--producer-ca', $authority->file);
is((run_check($tls, [ '--yes', @ca ], url => $tls->url('localhost')))[0], 0, 'https');
for my $wrong ([ 'another name', '127.0.0.1', @ca ], [ 'an unknown authority', 'localhost' ])
{
	my ($name, $host, @args) = @$wrong;
	($code, $out) = run_check($tls, [ '--yes', @args ], url => $tls->url($host));
	is("$code " . having('FAILED', $out), '1 transport', "$name: transport fails");
	is(having('skipped', $out), join(' ', @checks[ 1 .. $#checks ]), "$name: nothing else is tried");
}
is_deeply([ stored($tls, 'SELECT DISTINCT app_id FROM variable WHERE value IS NOT NULL') ], [], 'nothing is left');
$tls->kill9;
($code, $out) = run_check($tls, [ '--yes', @ca ], url => $tls->url('localhost'));
is("$code " . having('FAILED', $out), '2 transport', 'nobody is there: exit code 2');

# --- interrupted -------------------------------------------------------------------------------------------------------
for my $signal (qw(INT TERM))
{
	my $slow = start(program => 'broken_producer.py', args => [ '--break', 'hang' ]);
	my $run = Appinfra::Process->start(name => 'check_producer',
		command => [ $binary, 'check-producer', '--yes', '--producer-url', $slow->url, '--token-file', $slow->token_file ]);
	$slow->{process}->wait_for_log(qr/^hanging$/m);
	is(@{ left($slow) } > 0, 1, "SIG$signal: something is set");
	$run->signal($signal);
	is($run->wait_end >> 8, 2, "SIG$signal: exit code 2") or diag $run->log;
	like($run->log, qr/interrupted; unsetting what was set\nok clean_up: /, "SIG$signal: and it says what it does");
	is_deeply(left($slow), [], "SIG$signal: nothing is left");
}
done_testing();
