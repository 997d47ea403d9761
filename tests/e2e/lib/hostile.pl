# SPDX-License-Identifier: LGPL-2.1-or-later
# Hostile CMS on standard output: perl hostile.pl WHAT [NUMBER].
use strict;
use warnings;
binmode STDOUT;

sub element {    # identifier, contents
    my ($id, $body) = @_;
    my $n = length $body;
    my $len = $n < 128 ? chr $n : do {
        my $octets = pack 'N', $n;
        $octets =~ s/^\0+//;
        chr(0x80 | length $octets) . $octets;
    };
    return chr($id) . $len . $body;
}

sub oid { element(6, pack 'H*', shift) }
my %type = (signed => '2a864886f70d010702', enveloped => '2a864886f70d010703',
    digested => '2a864886f70d010705', compressed => '2a864886f70d0109100109');
my $data = oid '2a864886f70d010701';

sub message {    # type, contents of its structure
    my ($type, $fields) = @_;
    return element 0x30, oid($type{$type}) . element 0xa0, element 0x30, $fields;
}

my $version = "\x02\x01\x01";
my $sha256 = element 0x30, oid '608648016503040201';
my $content = element 0x30, $data . element 0xa0, element 4, "content\n";
my $signer = element 0x30, $version . element(0x30, "\x30\x00\x02\x01\x01") . $sha256
    . element(0x30, oid '2a8648ce3d040302') . element(4, 'x' x 70);
my $open = "\x30\x80" . oid($type{signed}) . "\xa0\x80\x30\x80$version" . element(0x31, $sha256)
    . "\x30\x80$data\xa0\x80";

my %make = (
    # Most of what CMS can count, too often.
    signers => sub { message 'signed', $version . element(0x31, $sha256) . $content
        . element 0x31, $signer x shift },
    certificates => sub { message 'signed', $version . element(0x31, $sha256) . $content
        . element(0xa0, "\xa1\x00" x shift) . element 0x31, $signer },
    recipients => sub { message 'enveloped', "\x02\x01\x02"
        . element(0x31, "\xa4\x09\x06\x03\x2a\x03\x04\x04\x02ab" x shift)
        . element 0x30, $data . element(0x30, oid('608648016503040102') . element 4, 'i' x 16)
        . element 0x80, 'c' x 32 },
    # Nested without an end; lengths that cannot be.
    nested => sub { $open . "\x24\x80" x shift },
    tags => sub { "\x30\x80" x shift },
    terabyte => sub { $open . "\x04\x86\x01\x00\x00\x00\x00\x00content" },
    beyond => sub { "\x30\x84\x7f\xff\xff\xff" . oid $type{signed} },
    outside => sub { message 'signed', $version . element(0x31, $sha256) . "\x30\x7f$data" },
    huge => sub { "\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff" . oid $type{signed} },
    # The wrong thing in its place.
    tag => sub { (my $m = message 'signed', $version . element(0x31, $sha256) . $content
        . element 0x31, $signer) =~ s/^0/1/; $m },
    set => sub { message 'signed', $version . $sha256 . $content . element 0x31, $signer },
    version => sub { message 'signed', "\x02\x01\x09" . element(0x31, $sha256) . $content
        . element 0x31, $signer },
    digest => sub { message 'digested', "\x02\x01\x00$sha256$content" . element 4, 'd' x 32 },
    inflate => sub { message 'compressed', "\x02\x01\x00"
        . element(0x30, oid '2a864886f70d0109100308')
        . element 0x30, $data . element 0xa0, element 4, "\x78\x9cnot deflated" },
);

my ($what, $number) = @ARGV;
die "hostile.pl: what?\n" unless defined $what && $make{$what};
print $make{$what}->($number // 1);
