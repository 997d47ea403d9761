/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stable words of verdicts, and how much each speaks against a message. What a
 * reader should do about each is in signet-verify(1).
 *
 * A word is found by the layer that knows of it: a signature's own state and
 * algorithms by cms/signed.h, the path by trust/path.h, addresses by
 * trust/verdict.h, and the mail around a signature by the command that reads it
 * (cli/check.h). Words are never renamed. One that is not in the table counts as bad.
 *
 * Pure functions.
 */
#ifndef SIGNET_TRUST_PROBLEM_H
#define SIGNET_TRUST_PROBLEM_H

#include <stddef.h>

/* In rising order of badness. */
enum verdict_status { VERDICT_GOOD, VERDICT_UNTRUSTED, VERDICT_BAD, VERDICT_MALFORMED };

/*
 * X(word, status)
 *
 * VERDICT_GOOD: a note, told and no more.
 *   subject-address        the certificate names the address in its subject alone
 *   sender-differs         Sender names somebody else; From alone is vouched for
 *   unauthenticated-encryption  encrypted so that changes do not show (CBC)
 *   nested-part            a signed or encrypted part inside the content is not opened
 *   legacy-display         the text begins with a copy of protected fields
 *   security-label         the sender's label (RFC 2634)
 *   receipt-requested      the sender asks for a signed receipt
 *   revocation-unchecked   whether a certificate was revoked could not be learnt, and
 *                          revocation is "soft"
 *
 * VERDICT_UNTRUSTED: intact, but not vouched for.
 *   untrusted-root, distrusted, expired, not-yet-valid, revoked, revocation-unknown,
 *   wrong-purpose, policy-mismatch, path-invalid   the path from the signer to an anchor
 *   address-mismatch       the certificate is not for whom the mail is from, or that
 *                          cannot be told without doubt
 *   header-mismatch        protected header fields differ from those outside
 *   weak-algorithm         MD5, SHA-1, short keys; a note with --allow-weak
 *   digest-mismatch        the digest named is not the one of the signature
 *   partial-coverage       the mail shows more than was signed
 *   partial-encryption     text stands around the encrypted part
 *   contradictory-signatures  of several signatures some hold and some do not
 *   label-refused          the local policy does not let content with that label be read
 *   authentication-required   unauthenticated encryption was refused by option
 *
 * VERDICT_BAD: not what somebody signed, or made to do harm.
 *   content-altered, bad-signature, content-type-mismatch,
 *   signing-certificate-mismatch, algorithm-protection-mismatch
 *   no-certificate         nothing to check the signature with
 *   no-signers             signed data without any signature
 *   not-signed             no signature where one is asked for
 *   receipt-mismatch       a receipt, but for something else
 *   exposed-encryption     parts stand beside the encrypted part, the shape with which
 *                          decrypted text is made to leave (EFAIL)
 *
 * VERDICT_MALFORMED: no verdict on a signature can be had.
 *   no-content, unsupported, malformed  as cms/signed.h says
 *   two-contents           a detached signature brings content of its own
 *   foreign-content        what was signed is no mail (RFC 8551 2.4.2)
 *   malformed-content      what was decrypted is not a whole MIME entity
 */
#define PROBLEM_WORDS(X) \
    X("subject-address", VERDICT_GOOD) \
    X("sender-differs", VERDICT_GOOD) \
    X("unauthenticated-encryption", VERDICT_GOOD) \
    X("nested-part", VERDICT_GOOD) \
    X("legacy-display", VERDICT_GOOD) \
    X("security-label", VERDICT_GOOD) \
    X("receipt-requested", VERDICT_GOOD) \
    X("revocation-unchecked", VERDICT_GOOD) \
    X("untrusted-root", VERDICT_UNTRUSTED) \
    X("distrusted", VERDICT_UNTRUSTED) \
    X("expired", VERDICT_UNTRUSTED) \
    X("not-yet-valid", VERDICT_UNTRUSTED) \
    X("revoked", VERDICT_UNTRUSTED) \
    X("revocation-unknown", VERDICT_UNTRUSTED) \
    X("wrong-purpose", VERDICT_UNTRUSTED) \
    X("policy-mismatch", VERDICT_UNTRUSTED) \
    X("path-invalid", VERDICT_UNTRUSTED) \
    X("address-mismatch", VERDICT_UNTRUSTED) \
    X("header-mismatch", VERDICT_UNTRUSTED) \
    X("weak-algorithm", VERDICT_UNTRUSTED) \
    X("digest-mismatch", VERDICT_UNTRUSTED) \
    X("partial-coverage", VERDICT_UNTRUSTED) \
    X("partial-encryption", VERDICT_UNTRUSTED) \
    X("contradictory-signatures", VERDICT_UNTRUSTED) \
    X("label-refused", VERDICT_UNTRUSTED) \
    X("authentication-required", VERDICT_UNTRUSTED) \
    X("content-altered", VERDICT_BAD) \
    X("bad-signature", VERDICT_BAD) \
    X("no-certificate", VERDICT_BAD) \
    X("no-signers", VERDICT_BAD) \
    X("not-signed", VERDICT_BAD) \
    X("receipt-mismatch", VERDICT_BAD) \
    X("exposed-encryption", VERDICT_BAD) \
    X("content-type-mismatch", VERDICT_BAD) \
    X("signing-certificate-mismatch", VERDICT_BAD) \
    X("algorithm-protection-mismatch", VERDICT_BAD) \
    X("no-content", VERDICT_MALFORMED) \
    X("unsupported", VERDICT_MALFORMED) \
    X("malformed", VERDICT_MALFORMED) \
    X("two-contents", VERDICT_MALFORMED) \
    X("foreign-content", VERDICT_MALFORMED) \
    X("malformed-content", VERDICT_MALFORMED)

enum verdict_status problem_weight(const char *word);
/* What to do about it, a sentence without its full stop; NULL for a note that needs nothing and
 * for words that are not in the table. */
const char *problem_advice(const char *word);
/* The ith word of the table, NULL behind the last. */
const char *problem_at(size_t i);

#endif
