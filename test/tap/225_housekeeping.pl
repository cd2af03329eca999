# Housekeeping does not stop where somebody holds a lock, and the audit knows clients by their addresses.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wire;
use Test::More;

my $host = Appinfra->make('housekeeping', pool_size => 3, conf => "log_hostname = on\n");

# --- a credential that is locked -------------------------------------------------------------------------
my $locked = $host->provision(app_id => 'app-locked', slug => 'locked', publish => 0);
my $other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
my $session = Appinfra::Wire->login($other->{url});
$host->wait_until("SELECT first_login_at IS NOT NULL FROM appinfra.credentials WHERE username = 'app_other'");
my $holder = $host->background_psql('control');
$holder->query_safe("BEGIN; SELECT FROM appinfra.credential WHERE username = 'app_locked' FOR UPDATE");
my ($code, $out, $err) = $host->as_app($locked->{url}, 'SELECT 1');
is($out, 1, 'a login whose credential is locked logs in for the first time') or diag $err;
$host->control("SELECT appinfra.revoke_credential('app_other')");
is($session->wait_end, "57P01 terminating connection due to administrator command\n",
	'meanwhile sessions of another credential that is revoked are ended');
$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_other'");
is($host->control("SELECT first_login_at FROM appinfra.credentials WHERE username = 'app_locked'"),
	'', 'nobody has waited for the lock');
$holder->query_safe('COMMIT');
$host->wait_until("SELECT first_login_at IS NOT NULL FROM appinfra.credentials WHERE username = 'app_locked'");
pass('the login is recorded when the lock is gone');
$holder->quit;

# --- another's session -----------------------------------------------------------------------------------
# When the worker comes to end the sessions, a role that is somebody else's has the name of the login.
$host->provision(app_id => 'app-replaced', slug => 'replaced', publish => 0);
$host->control("CREATE ROLE visitor LOGIN PASSWORD 'visitor'; GRANT CONNECT ON DATABASE control TO visitor");
my $visitor = Appinfra::Wire->login("postgres://visitor:visitor\@127.0.0.1:" . $host->port . '/control');
$host->control("BEGIN; SELECT appinfra.revoke_credential('app_replaced'); DROP OWNED BY app_replaced; DROP ROLE app_replaced;"
	  . ' ALTER ROLE visitor RENAME TO app_replaced; COMMIT');
$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = 'app_replaced'");
is(eval { $visitor->query('SELECT 1')->[0][0] } // $@, 1, 'the session of a role that took over the name goes on');
is($host->control("SELECT count(*) FROM pg_roles WHERE rolname = 'app_replaced'"), 1, 'and the role is still there');

# --- addresses -------------------------------------------------------------------------------------------
$host->control("CREATE ROLE operator LOGIN PASSWORD 'operator' IN ROLE appinfra_admin");
my $port = $host->port;
my $operator = Appinfra::Wire->login("postgres://operator:operator\@127.0.0.1:$port/control");
$operator->query("SELECT appinfra.revoke_credential('app_locked')");
is($host->control("SELECT client_address FROM appinfra.audit WHERE credential = 'app_locked' AND action = 'revoke_credential'"),
	'127.0.0.1', 'the audit has the address, though the log has names');

# --- labels ----------------------------------------------------------------------------------------------
my $open = $host->provision(app_id => 'app-open', slug => 'open', publish => 0);
$host->control('SECURITY LABEL FOR appinfra ON ROLE app_open IS NULL');
my $unguarded = Appinfra::Wire->login($open->{url});
$unguarded->query('SET ROLE none');
my $change = 'SET max_parallel_workers_per_gather = 1000';
ok(eval { $unguarded->query($change); 1 }, 'who logs in without a label is not guarded') or diag $@;
$host->control("SELECT appinfra.harden_tenant('$open->{db_id}')");
ok(!eval { $unguarded->query($change); 1 }, 'harden_tenant, which writes the label, reaches the open session');
like($@, qr/42501.*permission denied to tenants/s, 'it is refused what tenants are refused');

done_testing();
