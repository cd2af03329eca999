# What docs/buckets.md tells users of s3cmd, rclone and the AWS SDK for JavaScript to do, done as it stands there
# at a real Ceph. A client that is missing fails.
use strict;
use warnings;
use Appinfra::Npm;
use Appinfra::Snippets qw(works);
use Test::More;

my $env = Appinfra::Snippets::bucket('app-clients');
works('AWS SDK for JavaScript', Appinfra::Snippets::find('js', '@aws-sdk/client-s3'), $env, 'photos/2.jpg', Appinfra::Npm::install('clients/s3'));
works('s3cmd', Appinfra::Snippets::find('sh', 's3cmd'), $env, 'photos/3.jpg');
works('rclone', Appinfra::Snippets::find('sh', 'rclone'), $env, 'photos/4.jpg');
done_testing();
