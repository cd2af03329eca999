# Whose an app is, through REST and MCP: who is not its owner reaches it by no route and no tool, with
# and without databases; administrators register and transfer; a token may name apps; open mode.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Rest;
use JSON::PP;
use List::Util qw(uniq);
use Test::More;

my $host = Appinfra->make('whose', pool_size => 4, conf => "appinfra.s3_endpoint = 'http://127.0.0.1:9'\n");
$host->wait_for_pool(4);
my ($apps, $databases) = ('/api/app-infra/apps', Appinfra::Rest::databases());
my ($ann, $eve, $root) = map { "$_\@example.com" } qw(ann eve root);
my $rest = Appinfra::Rest->start($host, args => ['--rate-limit=0'], env => { APPINFRA_APPS => undef });

sub as_admin { my ($method, $path, $content) = @_; return $rest->call($method, $path, $content, user => $root, admin => 1); }

# Calls a tool over HTTP; returns whether it is refused as not found, else its text.
sub tool
{
	my ($name, $token, %arguments) = @_;
	my $answer = $rest->call(POST => '/mcp', { jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => $name, arguments => \%arguments } }, token => $token);
	my $text = $answer->{json}{result}{content}[0]{text} // $answer->{content};
	return $answer->{json}{result}{isError} && $text =~ /^not_found: / ? 'not_found' : $text;
}

# --- administrators ---------------------------------------------------------------------------------------
my $made = as_admin(PUT => "$apps/app-ann", { owner_user_id => $ann, slug => 'anns' });
is_deeply([ $made->{status}, { %{ $made->{json} }, created_at => '' } ],
	[ 200, { app_id => 'app-ann', owner_user_id => $ann, slug => 'anns', databases => 0, created_at => '' } ], 'an administrator registers an app')
  or diag $made->{content};
is_deeply(as_admin(GET => "$apps/app-ann")->{json}, $made->{json}, 'and sees it');
refused(as_admin(PUT => "$apps/app-ann", { owner_user_id => $eve }), 409, 'conflict', 'not as that of somebody else as well');
refused(as_admin(GET => "$apps/app-none"), 404, 'not_found', 'an app that is not registered');
refused(as_admin($_, "$apps/app%00x", $_ eq 'PUT' ? { owner_user_id => $ann } : undef), 404, 'not_found', "$_: an app of no possible name") for qw(GET PUT DELETE);
refused(as_admin(PUT => "$apps/app-x", {}), 400, 'invalid_field', 'an app of nobody', qr/"owner_user_id"/);
refused(as_admin(PUT => "$apps/a%20b", { owner_user_id => $ann }), 422, 'refused', 'what the extension refuses');
as_admin(PUT => "$apps/app-list-$_", { owner_user_id => $_ % 2 ? $ann : $eve }) for 1 .. 4;
my $page = as_admin(GET => "$apps?owner_user_id=$ann&limit=2")->{json};
is(join(' ', map { $_->{app_id} } @{ $page->{apps} }), 'app-ann app-list-1', 'a list, of one owner');
$page = as_admin(GET => "$apps?owner_user_id=$ann&limit=2&cursor=$page->{next_cursor}")->{json};
is_deeply([ map({ $_->{app_id} } @{ $page->{apps} }), $page->{next_cursor} ], [ 'app-list-3', undef ], 'which goes on, and ends');
is(as_admin(DELETE => "$apps/app-list-$_")->{status}, 200, 'one without a database can be forgotten') for 1 .. 4;
refused(as_admin(DELETE => "$apps/app-list-1"), 404, 'not_found', 'once');
refused($rest->call(@$_[0 .. 2], user => $ann), 403, 'forbidden', "$_->[0]: for administrators only")
  for [ GET => $apps ], [ GET => "$apps/app-ann" ], [ PUT => "$apps/app-ann", { owner_user_id => $ann } ], [ DELETE => "$apps/app-ann" ],
  [ POST => "$apps/app-ann/transfer", { owner_user_id => $ann } ];

# --- who reaches it ------------------------------------------------------------------------------------------
my %tokens = (ann => $rest->token(email => $ann), eve => $rest->token(email => $eve),
	claims => $rest->token(email => $eve, apps => [ 'app-ann', 'app-new' ]), others => $rest->token(email => $eve, apps => ['app-x']));

# Checks that somebody gets nothing of an app and its database, whatever there is to ask: every route of
# the OpenAPI document and every tool of tools/list. A route for all that is not for owners has to be named here.
my $paths = $rest->call(GET => '/openapi.json')->{json}{paths};
my @tools = @{ $rest->call(POST => '/mcp', { jsonrpc => '2.0', id => 1, method => 'tools/list' }, token => $tokens{eve})->{json}{result}{tools} };
sub reaches_nothing
{
	my ($who, $app, $id, $name) = @_;
	my %values = (app_id => $app, db_id => $id, owner_user_id => $eve, slug => 'steal', env => { STEAL_URL => 'owner' }, access => 'owner',
		service_id => 'steal', host_id => 'h', services => [], username => 'app_ann', publication_id => 1, key_id => '0123456789abcdef', pid => 1, started => '2026-01-01T00:00:00Z', role => 'dbadmin', variables => 'DATABASE_URL');
	my ($bucket) = $host->control("SELECT coalesce(min(bucket_id), 'buk-0123456789abc') FROM appinfra.buckets WHERE app_id = '$app'");
	%values = (%values, bucket_id => $bucket, quota => 5);
	my ($asked, @wrong) = (0);
	for my $path (grep { $_ ne '/mcp' } sort keys %$paths)
	{
		for my $method (sort keys %{ $paths->{$path} })
		{
			my $operation = $paths->{$path}{$method};
			my $target = $path =~ s/\{(\w+)\}/$values{$1}/gr;
			my @query = map { "$_->{name}=$values{ $_->{name} }" } grep { $_->{in} eq 'query' && ($_->{required} || $_->{name} =~ /^(?:app|db)_id$/) } @{ $operation->{parameters} // [] };
			my $body = $operation->{requestBody} && $operation->{requestBody}{content}{'application/json'}{schema};
			my $content = $body ? { map { $_ => $values{$_} } uniq(@{ $body->{required} // [] }, grep { $body->{properties}{$_} && ($_ ne 'env' || $body->{properties}{$_}{type} eq 'object') } qw(app_id slug env)) } : undef;
			my $answer = $rest->call(uc $method, join('?', $target, join('&', @query) || ()), $content, token => $tokens{$who});
			my $open = $operation->{security} && !@{ $operation->{security} };
			my $wanted = $open ? 200 : $path =~ m{^/api/app-infra/(?:(?:apps|audit|pool|exposures)\b|publications$)} ? 403 : 404;
			push @wrong, "$method $target: $answer->{content}" if $answer->{status} != $wanted || $path ne '/openapi.json' && $answer->{content} =~ /\Q$app\E|\Q$id\E/;
			$asked++;
		}
	}
	for my $tool (@tools)
	{
		my $said = tool($tool->{name}, $tokens{$who}, map { $_ => $values{$_} } uniq(@{ $tool->{inputSchema}{required} // [] }, grep { $tool->{inputSchema}{properties}{$_} } qw(app_id db_id)));
		push @wrong, "$tool->{name}: $said" if $said ne 'not_found';
		$asked++;
	}
	cmp_ok($asked, '>', 20, "$name: many routes and tools");
	return is_deeply(\@wrong, [], '  and none reaches it');
}

sub without_databases
{
	my ($who, $app, $name) = @_;
	refused($rest->call(POST => $databases, { app_id => $app, slug => 'steal', env => { STEAL_URL => 'owner' } }, token => $tokens{$who}), 404, 'not_found', "$name: POST");
	refused($rest->call(GET => "$databases?app_id=$app", undef, token => $tokens{$who}), 404, 'not_found', "$name: list");
	is(tool('add_app_database', $tokens{$who}, app_id => $app), 'not_found', "$name: add_app_database");
	is(tool('list_app_databases', $tokens{$who}, app_id => $app), 'not_found', "$name: list_app_databases");
	return;
}
reaches_nothing($_ => 'app-ann', 'db-0123456789ab', "$_: another's app without databases") for qw(eve others);
without_databases(eve => 'app-ann', "another's app without databases");
without_databases(others => 'app-ann', "also when the token names another app");
without_databases(ann => 'app-nobody', "nobody's app");
my $mine = $rest->call(POST => $databases, { app_id => 'app-ann' }, token => $tokens{ann});
is("$mine->{status} " . ($mine->{json}{connection}{database} // ''), '201 app_anns', 'its owner makes a database, of the default slug') or diag $mine->{content};
my $id = $mine->{json}{db_id};
$host->control("SELECT appinfra.provision_bucket('app-ann', '$ann', 'files', publish => false)");
is($rest->call(GET => "$databases/$id", undef, token => $tokens{$_})->{status}, 200, "$_ sees it") for qw(ann claims);
sub with_databases
{
	my ($who, $name) = @_;
	for ([ GET => '' ], [ POST => '/rotate', {} ], [ POST => '/revoke', {} ], [ POST => '/restore', {} ], [ DELETE => '' ], [ GET => '/exposures' ])
	{
		my ($method, $path, $content) = @$_;
		refused($rest->call($method, "$databases/$id$path", $content, token => $tokens{$who}), 404, 'not_found', "$name: $method $path");
	}
	is(tool($_, $tokens{$who}, app_id => 'app-ann', db_id => $id), 'not_found', "$name: $_")
	  for map { "${_}_app_database" } qw(rotate remove restore check);
	return;
}
for my $who (qw(eve others))
{
	without_databases($who => 'app-ann', "$who: another's app with a database");
	with_databases($who => $who);
	reaches_nothing($who => 'app-ann', $id, "$who: another's app with a database");
}
is($host->control("SELECT count(*) FROM appinfra.bindings WHERE db_id = '$id'"), 1, 'nothing has happened to it');
is_deeply($rest->call(GET => $databases, undef, token => $tokens{eve})->{json}{databases}, [], 'a list of everything does not show it');
is(scalar @{ $rest->call(GET => $databases, undef, token => $tokens{claims})->{json}{databases} }, 1, 'to whose token names the app it does');

# --- the claim -------------------------------------------------------------------------------------------------
my $named = $rest->call(POST => $databases, { app_id => 'app-ann', slug => 'second', env => { SECOND_URL => 'reader' } }, token => $tokens{claims});
is($named->{status}, 201, 'the token names the app: it gets a database') or diag $named->{content};
is(as_admin(GET => "$databases/$named->{json}{db_id}")->{json}{owner_user_id}, $ann, 'which is that of the owner of the app');
refused($rest->call(POST => $databases, { app_id => 'app-ann', slug => 'third', owner_user_id => $eve, env => { THIRD_URL => 'reader' } }, token => $tokens{claims}),
	403, 'forbidden', 'and nobody else\'s');
my $new = $rest->call(POST => $databases, { app_id => 'app-new', slug => 'new' }, token => $tokens{claims});
is($new->{status}, 201, 'a new app that the token names') or diag $new->{content};
is(as_admin(GET => "$apps/app-new")->{json}{owner_user_id}, $eve, 'is registered to the user');
refused($rest->call(GET => $databases, undef, token => $rest->token(email => $eve, apps => $_)), 401, 'unauthenticated', 'a claim of another form', qr/"apps"/)
  for 'app-ann', [ 'app-ann', 1 ], { 'app-ann' => 1 };

# --- transfer -----------------------------------------------------------------------------------------------------
refused(as_admin(DELETE => "$apps/app-ann"), 422, 'refused', 'an app with databases is not forgotten', qr/database/);
refused(as_admin(POST => $databases, { app_id => 'app-ann', slug => 'other', owner_user_id => $eve, env => { OTHER_URL => 'reader' } }),
	409, 'conflict', 'nor does an administrator put the database of another into it');
my $given = as_admin(POST => "$apps/app-ann/transfer", { owner_user_id => $eve });
is("$given->{status} $given->{json}{owner_user_id} $given->{json}{databases}", "200 $eve 2", 'an app is given away') or diag $given->{content};
with_databases(ann => 'its former owner');
without_databases(ann => 'app-ann', 'its former owner');
is($rest->call(GET => "$databases/$id", undef, token => $tokens{eve})->{status}, 200, 'the new one has it');
refused(as_admin(POST => "$apps/app-none/transfer", { owner_user_id => $eve }), 404, 'not_found', 'one that there is not');

reaches_nothing(ann => 'app-ann', $id, 'its former owner');

# While a publication of it is claimed: the claim goes on, and what it delivers is the new owner's app's.
my ($publication, $claim) = split /\|/, $host->control("BEGIN; SELECT FROM appinfra.provision_tenant('app-busy', '$ann', 'busy');"
	. "SELECT publication_id, claim FROM appinfra.claim_publications('test', 1, '1 hour') WHERE app_id = 'app-busy'; COMMIT") =~ s/\A\s+//r;
is(as_admin(POST => "$apps/app-busy/transfer", { owner_user_id => $eve })->{status}, 200, 'an app is given away while a publication is claimed');
is($host->control("SELECT appinfra.complete_publication($publication, '$claim', '{}')"), 't', 'the claim is answered');
my ($busy) = @{ $rest->call(GET => "$databases?app_id=app-busy", undef, token => $tokens{eve})->{json}{databases} };
is(join(' ', map { $busy->{$_} // '' } qw(owner_user_id status)), "$eve ready", 'the new owner has the database');
is($host->control("SELECT status FROM appinfra.publications WHERE publication_id = $publication"), 'published', 'and it is published');
reaches_nothing(ann => 'app-busy', $busy->{db_id}, 'the former owner');

# --- exposures: what is open on the host is for administrators ------------------------------------------------------
my $database = $rest->call(GET => "$databases/$id", undef, token => $tokens{eve})->{json}{database};
$host->safe_psql('postgres', "CREATE ROLE everybody SUPERUSER LOGIN; GRANT CONNECT ON DATABASE $database TO PUBLIC");
my @seen = @{ $rest->call(GET => "$databases/$id/exposures", undef, token => $tokens{eve})->{json}{exposures} };
is_deeply([ grep { ($_->{database} // '') ne $database } @seen ], [], 'a user sees rows of the database only');
cmp_ok(scalar @seen, '>', 0, 'and there are such');
cmp_ok(scalar(grep { !defined $_->{database} } @{ as_admin(GET => "$databases/$id/exposures")->{json}{exposures} }), '>', 0, 'an administrator sees those of the host');
my $checked = decode_json(tool('check_app_database', $tokens{eve}, app_id => 'app-ann', db_id => $id));
is(scalar @{ $checked->{exposures} }, scalar @seen, 'check_app_database shows the same as the route');

# --- open mode ------------------------------------------------------------------------------------------------------
my $open = Appinfra::Rest->start($host);
is($open->call(POST => $databases, { app_id => 'app-first', slug => 'first' }, user => $ann)->{status}, 201, 'open: the first who asks gets the app');
refused($open->call(POST => $databases, { app_id => 'app-first', slug => 'second', env => { B_URL => 'owner' } }, user => $eve), 404, 'not_found', 'and the next does not');
for my $address ('0.0.0.0:0', '[::]:0', '192.0.2.1:0')
{
	my $run = $host->start_sidecar(args => [ "--listen=$address", '--apps=open', '--allow-plaintext=1', "--jwt-keys=$open->{keys}" ]);
	is($run->wait_end(20) >> 8, 2, "open on $address: not started");
	like($run->log, qr/--apps=open is for loopback/, 'and told why');
}
is($_->process->stop, 0, 'SIGTERM: exit code 0') for $rest, $open;
done_testing();
