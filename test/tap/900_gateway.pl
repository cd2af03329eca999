# The SQL gateway against a running host: statements, values, errors, keys.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Wait qw(wait_for);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('gateway', pool_size => 2);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => [ '--gateway-rate-limit=0' ]);
my %key = map { $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser reader);

my $answer = $gateway->sql($key{reader}, 'SELECT 1 AS one, $1::text AS said', ['x']);
is($answer->{status}, 200, 'a reader selects') or diag $answer->{content}, ${ \ $gateway->process->log };
is_deeply([ @{ $answer->{json} }{qw(command columns rows rows_affected)} ], [ 'SELECT', [ 'one', 'said' ], [ [ 1, 'x' ] ], 1 ], 'one row')
  or diag $answer->{content};
$answer = $gateway->sql($key{dbadmin}, 'CREATE TABLE notes (id int PRIMARY KEY, note text, tags text[], at timestamptz)');
is($answer->{status}, 200, 'an administrator makes a table') or diag $answer->{content};
$answer = $gateway->sql($key{dbuser}, 'INSERT INTO notes VALUES ($1, $2, $3, $4) RETURNING *',
	[ 1, 'first', [ 'a', undef, 'b"c' ], '2026-01-02T03:04:05Z' ]);
is($answer->{status}, 200, 'a user writes') or diag $answer->{content};
is_deeply($answer->{json}{rows}, [ [ 1, 'first', [ 'a', undef, 'b"c' ], '2026-01-02T03:04:05Z' ] ], 'and gets it back')
  or diag $answer->{content};
$answer = $gateway->sql($key{reader}, 'INSERT INTO notes VALUES (2)');
is("$answer->{status} $answer->{json}{title}", '403 permission_denied', 'a reader does not') or diag $answer->{content};
my $once = $gateway->sql($key{dbuser}, 'INSERT INTO notes VALUES (2) RETURNING id', undef, once => 'k1');
is($once->{status}, 200, 'once') or diag $once->{content};
my $again = $gateway->sql($key{dbuser}, 'INSERT INTO notes VALUES (2) RETURNING id', undef, once => 'k1');
is($again->{content}, $once->{content}, 'twice is replayed') or diag $again->{content};
is($again->{headers}{'x-idempotent-replayed'}, 'true', 'and says so');
$answer = $gateway->sql($key{dbuser}, 'SELEC 1');
is("$answer->{status} $answer->{json}{title}", '400 parse_error', 'a syntax error') or diag $answer->{content};
$answer = $gateway->sql($key{dbadmin}, 'VACUUM notes');
is($answer->{status}, 200, 'VACUUM runs') or diag $answer->{content};
$answer = $gateway->sql($key{dbuser}, 'SELECT pg_sleep(30)');
is("$answer->{status} $answer->{json}{title}", '408 statement_timeout', 'a long statement is ended') or diag $answer->{content};
$answer = $gateway->sql($key{dbuser}, 'COMMIT');
is("$answer->{status} $answer->{json}{title}", '400 transaction_control', 'COMMIT') or diag $answer->{content};
$answer = $gateway->sql($key{dbadmin}, 'CREATE SCHEMA rpc');
$answer = $gateway->sql($key{dbadmin}, 'CREATE FUNCTION rpc.echo(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT args$$');
is($answer->{status}, 200, 'a procedure is made') or diag $answer->{content};
$answer = $gateway->rpc($key{dbadmin}, 'echo', { a => 1 });
is_deeply($answer->{json}{result}, { a => 1 }, 'and called') or diag $answer->{content};
$answer = $gateway->rpc($key{dbuser}, 'nothing');
is("$answer->{status} $answer->{json}{title}", '404 unknown_procedure', 'another is not there') or diag $answer->{content};
$answer = $gateway->call(GET => '/v1/me', undef, key => $key{reader});
is($answer->{json}{role}, 'reader', 'me') or diag $answer->{content};
$answer = $gateway->call(POST => '/v1/auth/keys', { pg_role => 'dbuser', name => 'n' }, key => $key{dbadmin});
is($answer->{status}, 201, 'a key mints a key') or diag $answer->{content};
$answer = $gateway->call(GET => '/v1/auth/keys', undef, key => $key{dbadmin});
is(scalar @{ $answer->{json}{keys} // [] }, 4, 'and lists them') or diag $answer->{content};
$answer = $gateway->call(GET => '/readyz');
is($answer->{status}, 200, 'ready') or diag $answer->{content};
$gateway->process->stop;
is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'sql_execute'") > 5 ? 1 : 0, 1, 'audited');
done_testing();
