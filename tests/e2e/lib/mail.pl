#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# Takes S/MIME mails apart and puts them together for peers that read only bare
# CMS, in a way that shares no code with Signet. Binary safe; perl-base alone.
#
#   split MAIL CONTENT SIG   multipart/signed: the signed bytes in canonical form
#                            (CRLF) and the signature's DER
#   body MAIL DER            application/pkcs7-mime: its DER
#   join CONTENT DER MICALG MAIL FROM    a multipart/signed of the two
#   opaque DER MAIL FROM [TYPE]   an application/pkcs7-mime mail (signed-data)
#   resign MAIL DER NEW      MAIL with another signature in it
#   flip FILE OFFSET [BIT]   turns one bit of the byte at OFFSET, in place
#   sample KB FROM           a text mail of about that size, LF line ends
use strict;
use warnings;
use MIME::Base64;

sub slurp { my $f = shift; open my $h, '<:raw', $f or die "$f: $!\n"; local $/; my $d = <$h>; $d }
sub spew { my ($f, $d) = @_; open my $h, '>:raw', $f or die "$f: $!\n"; print $h $d; close $h or die "$f: $!\n" }

# Header (unfolded) and body of an entity.
sub entity {
    my $m = shift;
    $m =~ /\A(.*?\n)\r?\n(.*)\z/s or die "no header\n";
    my ($head, $body) = ($1, $2);
    $head =~ s/\r?\n[ \t]+/ /g;
    return ($head, $body);
}

# The two parts of a multipart/signed: bytes of the first, text of the second,
# and where the second's body lies.
sub parts {
    my $m = shift;
    my ($head, $body) = entity($m);
    $head =~ /^content-type:\s*multipart\/signed/im or die "not multipart/signed\n";
    $head =~ /boundary="?([^";\r\n]+)"?/i or die "no boundary\n";
    my $b = quotemeta $1;
    $body =~ /(?:\A|\n)--$b[ \t]*\r?\n(.*?)\r?\n--$b[ \t]*\r?\n(.*?)\r?\n--$b--/s or die "no parts\n";
    return ($1, $2);
}

my %do = (
    split => sub {
        my ($in, $content, $sig) = @_;
        my ($c, $s) = parts(slurp($in));
        $c =~ s/(?<!\r)\n/\r\n/g;
        my ($head, $body) = entity($s);
        spew($content, $c);
        spew($sig, decode_base64($body));
    },
    body => sub {
        my ($in, $out) = @_;
        my ($head, $body) = entity(slurp($in));
        $head =~ /^content-type:\s*application\/(x-)?pkcs7-mime/im or die "not pkcs7-mime\n";
        spew($out, decode_base64($body));
    },
    join => sub {
        my ($content, $der, $micalg, $out, $from) = @_;
        my $c = slurp($content);
        my $s = encode_base64(slurp($der), "\r\n");
        spew($out, "From: $from\r\nMIME-Version: 1.0\r\nSubject: joined\r\n"
            . "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
            . "\tmicalg=\"$micalg\"; boundary=\"=_joined\"\r\n\r\n--=_joined\r\n$c\r\n--=_joined\r\n"
            . "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
            . "Content-Transfer-Encoding: base64\r\n\r\n$s\r\n--=_joined--\r\n");
    },
    opaque => sub {
        my ($der, $out, $from, $type) = @_;
        $type //= 'signed-data';
        spew($out, "From: $from\r\nMIME-Version: 1.0\r\nSubject: opaque\r\n"
            . "Content-Type: application/pkcs7-mime; smime-type=$type; name=\"smime.p7m\"\r\n"
            . "Content-Transfer-Encoding: base64\r\n\r\n" . encode_base64(slurp($der), "\r\n"));
    },
    resign => sub {
        my ($in, $der, $out) = @_;
        my $m = slurp($in);
        my (undef, $s) = parts($m);
        my ($head, $body) = $s =~ /\A(.*?\n\r?\n)(.*)\z/s;
        my $at = rindex($m, $s);
        substr($m, $at + length $head, length $body) = encode_base64(slurp($der), "\r\n");
        spew($out, $m);
    },
    flip => sub {
        my ($file, $offset, $bit) = @_;
        my $d = slurp($file);
        die "offset $offset is outside $file\n" if $offset < 0 || $offset >= length $d;
        substr($d, $offset, 1) = chr(ord(substr($d, $offset, 1)) ^ (1 << ($bit // 0)));
        spew($file, $d);
    },
    sample => sub {
        my ($kb, $from) = @_;
        print "From: $from\nTo: Bob <bob\@example.org>\n",
            "Subject: a sample mail\nMIME-Version: 1.0\n",
            "Content-Type: text/plain; charset=us-ascii\n\n";
        my $line = "The quick brown fox jumps over the lazy dog; it is line %06d.\n";
        printf $line, $_ for 1 .. $kb * 16;
    },
);
my $verb = shift // '';
$do{$verb} or die "mail.pl: split|body|join|opaque|resign|flip|sample\n";
$do{$verb}->(@ARGV);
