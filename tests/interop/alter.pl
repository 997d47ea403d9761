#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# A copy of a message with one bit turned, whatever it is wrapped in:
#
#   alter.pl end IN OUT [BIT]        near its end: a signature, a tag, the last block
#   alter.pl middle IN OUT           in the middle of what is encrypted
#   alter.pl signature IN OUT        in the signature (RSA-2048 or longer) at the end of
#                                    what is encrypted, in base64 or not
#   alter.pl content IN OUT FILE     where FILE's bytes can be seen in it; status 2
#                                    when they cannot
#
# PEM and the last base64 body of a mail are opened and closed again.
use strict;
use warnings;
use MIME::Base64;

sub slurp { open my $h, '<:raw', $_[0] or die "$_[0]: $!\n"; local $/; my $d = <$h>; $d }

my ($where, $in, $out, $file) = @ARGV;
my $text = slurp($in);
my ($before, $data, $after) = ('', $text, '');
my $is_text = ord($text) != 0x30;
if ($is_text && $text =~ /\A(.*?-----BEGIN [^\n]*\n)(.*?)(-----END .*)\z/s
    || $is_text && $text =~ /\A(.*\n\r?\n)([A-Za-z0-9+\/=\r\n]{64,})((?:--.*)?)\z/s) {
    ($before, $data, $after) = ($1, decode_base64($2), $3);
} elsif ($is_text && $where ne 'content') {
    die "no base64 in $in\n";
}

my $bit = $where eq 'end' ? $file // 0 : 0;
sub turn { substr($_[0], $_[1], 1) = chr(ord(substr($_[0], $_[1], 1)) ^ (1 << $bit)) }

if ($where eq 'end') {
    my $at = length($data) - 1;
    $at-- while $at > 0 && substr($data, $at, 1) eq "\0";
    turn($data, $at);
} elsif ($where eq 'middle') {
    turn($data, int(0.6 * length $data));
} elsif ($where eq 'signature') {
    turn($data, length($data) - 200);
} else {
    my $whole = slurp($file);
    exit 2 if length $whole < 100;
    my $piece = substr($whole, 0.4 * length $whole, 16);
    my $at = index($data, $piece);
    if ($at >= 0) {
        turn($data, $at);
    } else {
        $at = index($before, $piece);
        exit 2 if $at < 0;
        turn($before, $at);
    }
}
open my $h, '>:raw', $out or die "$out: $!\n";
print $h $before, ($before ne '' ? encode_base64($data, $text =~ /\r\n/ ? "\r\n" : "\n") : $data),
    $after;
close $h or die "$out: $!\n";
