# PostGIS and pgvector, from Debian's own packages, are installed by the lane and used under the guard. `make check-major` has them; elsewhere an extension whose
# package is missing is refused as one that is not available.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use Test::More;

my $host = Appinfra->make('large_extensions', pool_size => 2, conf => "appinfra.allowed_extensions = '+postgis'\n");
my $tenant = $host->provision(app_id => 'app-map', slug => 'map', publish => 0, env => { DATABASE_URL => 'owner', W => 'writer' });
my ($db_id, $owner, $writer) = ($tenant->{db_id}, $tenant->{url}, $tenant->{env}{W});
my $guard = Appinfra::Guard->new($host);
my $major = $host->control("SELECT current_setting('server_version_num')::int / 10000");

# Whether the server has the files of an extension. Where check-major runs it must.
sub is_there
{
	my ($name) = @_;
	my $there = $host->control("SELECT count(*) FROM pg_available_extensions WHERE name = '$name'");
	is($there, 1, "$name is installed beside PostgreSQL $major") if $major >= 17;
	return $there;
}

if (is_there('postgis'))
{
	$host->control("SELECT appinfra.install_extension('$db_id', 'postgis')");
	$guard->allowed($owner, <<'SQL', "t\n1", 'PostGIS: geometries, an index on them, a distance');
SET search_path = public, extensions;
CREATE TABLE place (name text, at geometry(Point, 4326));
CREATE INDEX ON place USING gist (at);
INSERT INTO place VALUES ('a', ST_SetSRID(ST_MakePoint(0, 0), 4326)), ('b', ST_SetSRID(ST_MakePoint(10, 10), 4326));
SELECT ST_Distance(a.at::geography, b.at::geography) > 1000000 FROM place a, place b WHERE a.name = 'a' AND b.name = 'b';
SELECT count(*) FROM place WHERE at && ST_MakeEnvelope(-1, -1, 1, 1, 4326);
SQL
	$guard->allowed($writer, q(SELECT extensions.ST_AsText(extensions.ST_MakePoint(1, 2))), 'POINT(1 2)', '  for a writer, too');
	my ($code, undef, $err) = $host->as_app($owner, q(ALTER TABLE extensions.spatial_ref_sys ADD COLUMN x int));
	isnt($code, 0, '  whose tables are not the tenant\'s') or diag $err;
}
else
{
	my (undef, undef, $err) = $host->try_control("SELECT appinfra.install_extension('$db_id', 'postgis')");
	like($err, qr/42704.*"postgis" is not available/, 'PostGIS is not available here, and the refusal says so');
}

if (is_there('vector'))
{
	$host->control("SELECT appinfra.install_extension('$db_id', 'vector')");
	$guard->allowed($owner, <<'SQL', "2", 'pgvector: the nearest is found by an index');
SET search_path = public, extensions;
CREATE TABLE item (id int PRIMARY KEY, embedding vector(3));
INSERT INTO item VALUES (1, '[1,0,0]'), (2, '[0,1,0]'), (3, '[0,0,1]');
CREATE INDEX ON item USING hnsw (embedding vector_l2_ops);
SELECT id FROM item ORDER BY embedding <-> '[0,0.9,0.1]' LIMIT 1;
SQL
	$guard->allowed($writer, q(SET search_path = extensions; SELECT round(('[3,4]'::vector <-> '[0,0]')::numeric)), '5', '  for a writer, too');
}
else
{
	my (undef, undef, $err) = $host->try_control("SELECT appinfra.install_extension('$db_id', 'vector')");
	like($err, qr/42704.*"vector" is not available/, 'pgvector is not available here, and the refusal says so');
}
is($host->control("SELECT string_agg(rule, ' ') FROM appinfra.exposures('$db_id') WHERE database = 'app_map' AND severity IN ('critical', 'high')"), '', 'what they bring exposes nothing');
done_testing();
