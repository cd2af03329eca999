# What exposures() finds among what all databases share: roles, databases, and what sessions start with.
# Each exposure is made, found, and closed by the remedy that came with it. A fresh host shows nothing
# above "notice".
use strict;
use warnings;
use Appinfra::Exposures qw(:all);
use Test::More;

have_exposed('shared');

# --- a fresh host ---------------------------------------------------------------------------------------
is_deeply([ rows({ severity => '^(?!notice$)' }) ], [], 'a fresh host with tenants shows nothing above notice');
is(scalar(rows({ rule => '^shared_catalogs$' })), 1, 'that names are visible is said once');
is(scalar(rows({ rule => '^hba_plain$' })), 1, 'and plain TCP over the loopback interface');

# --- roles ------------------------------------------------------------------------------------------------
exposed("attribute $_->[0]", 'postgres', "ALTER ROLE $_->[2] $_->[0]", $_->[1],
	{ rule => '^role_attribute$', object => "^$_->[2]\$" })
  for [ 'SUPERUSER', 'critical', 'app_one_owner' ], [ 'CREATEROLE', 'critical', 'app_one' ],
  [ 'REPLICATION', 'critical', 'app_one' ], [ 'CREATEDB', 'high', 'app_two_writer' ],
  [ 'BYPASSRLS', 'high', 'app_one_owner' ], [ 'LOGIN', 'high', 'app_one_owner' ],
  [ "PASSWORD 'x'", 'medium', 'app_one_owner' ], [ 'INHERIT', 'medium', 'app_one' ],
  [ 'NOBYPASSRLS', 'medium', 'app_one_service' ];
exposed("membership in $_->[0]", 'postgres', "GRANT $_->[0] TO $_->[1]", $_->[2],
	{ rule => '^membership$', grantee => "^$_->[1]\$" })
  for [ 'pg_read_server_files', 'app_one_owner', 'critical' ],
  [ 'app_two_writer', 'app_one_owner', 'critical' ], [ 'app_one_service', 'app_one', 'critical' ],
  [ '"the "" boss"', 'app_one', 'high' ];
exposed('the option to give one\'s group away', 'postgres', 'GRANT app_one_owner TO app_one WITH ADMIN OPTION',
	'high', { rule => '^membership$', grantee => '^app_one$' });
exposed('an outsider in a tenant\'s group', 'postgres', 'GRANT app_one_owner TO joe', 'medium',
	{ rule => '^member_of_tenant$', grantee => '^joe$' });
exposed("the pooler's login: $_", 'postgres', $_, 'high', { rule => '^pooler_role$' })
  for 'ALTER ROLE appinfra_pooler SUPERUSER', 'ALTER ROLE appinfra_pooler CREATEDB', 'GRANT pg_monitor TO appinfra_pooler',
  'GRANT joe TO appinfra_pooler';
exposed('the pooler\'s login kept out', 'postgres', 'REVOKE CONNECT ON DATABASE app_one FROM appinfra_pooler', 'medium',
	{ rule => '^database_grant_missing$', grantee => '^appinfra_pooler$' });
exposed("a label lost by $_", 'postgres', "SECURITY LABEL FOR appinfra ON ROLE $_ IS NULL", 'critical',
	{ rule => '^label$', object => "^$_\$" })
  for 'app_one', 'app_two_reader';
exposed('a parameter', 'postgres', 'GRANT SET ON PARAMETER session_replication_role TO app_one_owner', 'high',
	{ rule => '^parameter_grant$' });
exposed('a parameter of the server', 'postgres', 'GRANT ALTER SYSTEM ON PARAMETER plpgsql.variable_conflict TO PUBLIC',
	'critical', { rule => '^parameter_grant$' });
$host->safe_psql('postgres', q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE "a "" space" LOCATION ''});
exposed('a tablespace', 'postgres', 'GRANT CREATE ON TABLESPACE "a "" space" TO PUBLIC', 'medium',
	{ rule => '^tablespace_grant$' });
exposed('a tenant\'s tablespace', 'postgres', 'ALTER TABLESPACE "a "" space" OWNER TO app_two_writer', 'high',
	{ rule => '^tablespace_owner$' });
exposed('a table in another database', 'postgres', 'CREATE TABLE theirs (); ALTER TABLE theirs OWNER TO app_one_owner',
	'high', { rule => '^owner_elsewhere$' });

# --- databases ------------------------------------------------------------------------------------------------
$host->safe_psql('postgres', 'CREATE DATABASE "other "" one"');
exposed("PUBLIC in $_->[0]", 'postgres', "GRANT $_->[1] ON DATABASE $_->[0] TO PUBLIC", $_->[2],
	{ rule => '^database_public$', object => "^$_->[0]\$", detail => $_->[1] })
  for [ 'app_one', 'CONNECT', 'high' ], [ 'control', 'TEMPORARY', 'medium' ], [ 'template1', 'CONNECT', 'medium' ],
  [ '"other "" one"', 'CREATE', 'medium' ];
exposed('another tenant in a database', 'postgres', 'GRANT CONNECT ON DATABASE app_one TO app_two WITH GRANT OPTION',
	'high', { rule => '^database_grant$', detail => 'not the tenant' });
exposed('the option to open it', 'postgres', 'GRANT CONNECT ON DATABASE app_one TO app_one WITH GRANT OPTION', 'high',
	{ rule => '^database_grant$', detail => 'to others' });
exposed('more than its group\'s rights', 'postgres', 'GRANT CREATE ON DATABASE app_two TO app_two_writer', 'high',
	{ rule => '^database_grant$', detail => 'more than' });
exposed('somebody else in it', 'postgres', 'GRANT CONNECT ON DATABASE app_two TO joe', 'notice',
	{ rule => '^database_outsider$' });
exposed('a right that is missing', 'postgres', 'REVOKE CONNECT ON DATABASE app_one FROM app_one', 'medium',
	{ rule => '^database_grant_missing$' });
exposed('a database\'s label', 'postgres', 'SECURITY LABEL FOR appinfra ON DATABASE app_one IS NULL', 'medium',
	{ rule => '^database_label$' });
exposed('a database of its own', 'postgres', 'ALTER DATABASE app_one OWNER TO app_one_owner', 'critical',
	{ rule => '^database_owner$' });
exposed('another database of its own', 'postgres', 'ALTER DATABASE "other "" one" OWNER TO app_one', 'high',
	{ rule => '^database_owner$' });
exposed('no limit of connections', 'postgres', 'ALTER DATABASE app_one CONNECTION LIMIT -1', 'medium',
	{ rule => '^connection_limit$' });
exposed('a higher limit of connections', 'postgres', 'ALTER DATABASE app_one CONNECTION LIMIT 51', 'notice',
	{ rule => '^connection_limit$' });
exposed('a tenant as a template', 'postgres', 'ALTER DATABASE app_one IS_TEMPLATE true', 'high',
	{ rule => '^template_flag$' });

# --- what sessions start with --------------------------------------------------------------------------------
exposed("$_->[0]", 'postgres', $_->[0], $_->[1], { rule => '^session_setting$', object => "^$_->[2]\$" })
  for [ 'ALTER DATABASE app_one SET search_path = evil', 'high', 'search_path' ],
  [ 'ALTER DATABASE app_one SET role = app_one_owner', 'high', 'role' ],
  [ 'ALTER ROLE app_one SET local_preload_libraries = \'$libdir/plugins/x\'', 'high', 'local_preload_libraries' ],
  [ 'ALTER ROLE app_one SET role = app_one_service', 'high', 'role' ],
  [ 'ALTER ROLE app_one IN DATABASE app_one SET session_replication_role = replica', 'high', 'session_replication_role' ],
  [ 'ALTER ROLE ALL SET row_security = off', 'high', 'row_security' ],
  [ 'ALTER ROLE app_one SET max_parallel_workers = 8', 'medium', 'max_parallel_workers' ],
  [ 'ALTER ROLE app_one SET work_mem = 64', 'notice', 'work_mem' ],
  [ 'ALTER ROLE app_one SET plpgsql.extra_errors = \'all\'', 'notice', 'plpgsql.extra_errors' ];
exposed('settings that are missing', 'postgres', 'ALTER ROLE app_two_3 RESET ALL', 'medium',
	{ rule => '^session_setting_missing$', object => 'role, .*temp_file_limit' });
exposed("a secret: $_->[0]", 'postgres', $_->[0], 'high', { rule => '^secret$', detail => '^(?!.*hunter2)' })
  for ['ALTER ROLE joe SET my_app.jwt_secret = \'hunter2\''],
  ['ALTER DATABASE "other "" one" SET my_app.url = \'https://u:hunter2@example.com/\''],
  ['ALTER ROLE joe IN DATABASE app_two SET application_name = \'password=hunter2\''],
  ['COMMENT ON ROLE joe IS \'Password: hunter2\''],
  ['COMMENT ON DATABASE "other "" one" IS \'postgres://u:hunter2@example.com/\''];

done_testing();
