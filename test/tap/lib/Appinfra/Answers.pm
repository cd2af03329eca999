# Owns what is said of answers of the door: whether a refusal is one, and the reading of several
# answers out of the bytes of one connection.
#
#   refused($answer, 404, 'not_found', 'what was asked', qr/detail/);
#   my @answers = answers($bytes);  $answers[0]{status}, {headers}, {content}, {json}
#   is(statuses($bytes), '200 400', '...');
package Appinfra::Answers;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use Test::More;

our @EXPORT_OK = qw(refused answers statuses);

# Checks a refusal: its status, its code, that it is a problem document, and what it says.
sub refused
{
	my ($answer, $status, $title, $name, $detail) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $json = ref $answer->{json} eq 'HASH' ? $answer->{json} : {};
	my $got = join ' ', $answer->{status}, $json->{title} // '', $answer->{headers}{'content-type'} // '', $json->{status} // '';
	my $ok = is($got, "$status $title application/problem+json $status", $name);
	$ok &&= like($json->{detail}, $detail, '  and why') if defined $detail;
	diag $answer->{content} // '' unless $ok;
	return $ok;
}

# Reads responses, one behind the other, by their Content-Length. What does not look like one, or is
# cut off, becomes an answer of the status 0 with the rest as its content.
sub answers
{
	my ($bytes) = @_;
	my @answers;
	while (length($bytes // ''))
	{
		my ($head) = $bytes =~ /\A(HTTP\/1\.1 [0-9]{3} [^\r\n]*\r\n(?:[^\r\n]+\r\n)*)\r\n/;
		return (@answers, { status => 0, headers => {}, content => $bytes }) unless defined $head;
		my %headers = map { lc($1) => $2 if /^([^:]+): (.*)$/ } split /\r\n/, $head =~ s/\A.*\r\n//r;
		my ($status) = $head =~ /\A\S+ (\d+)/;
		my $length = $status == 100 ? 0 : $headers{'content-length'} // 0;
		my $content = substr $bytes, length($head) + 2, $length;
		return (@answers, { status => 0, headers => {}, content => $bytes }) if length $content < $length;
		$bytes = substr $bytes, length($head) + 2 + $length;
		push @answers, { status => $status, headers => \%headers, content => $content,
			json => eval { decode_json($content) } };
	}
	return @answers;
}

# The statuses of the responses in bytes, "closed" when there is none, "open" when the end never came.
sub statuses
{
	my ($bytes) = @_;
	return 'open' unless defined $bytes;
	return join(' ', map { $_->{status} } answers($bytes)) || 'closed';
}

1;
