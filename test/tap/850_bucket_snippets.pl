# What docs/buckets.md tells Python and curl to do, done as it stands there at a real Ceph; make check-clients does
# the rest of it.
use strict;
use warnings;
use Appinfra::Snippets qw(works);
use Test::More;

my $env = Appinfra::Snippets::bucket('app-snippets');
works('boto3', Appinfra::Snippets::find('python', 'boto3'), $env, 'photos/1.jpg');
works('curl', Appinfra::Snippets::find('sh', 'curl'), $env, 'photos/5.jpg');
done_testing();
