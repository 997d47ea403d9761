/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/problem.h"

#include <string.h>

static const struct {
    const char *word;
    enum verdict_status status;
} problems[] = {
#define X(word, status) {word, status},
    PROBLEM_WORDS(X)
#undef X
};

#define COUNT (sizeof problems / sizeof *problems)

static const struct {
    const char *word, *advice;
} advices[] = {
    {"subject-address", NULL},
    {"sender-differs", "take it to be from the address in From alone"},
    {"unauthenticated-encryption", "without a good signature, do not act on it nor follow its links"},
    {"nested-part", "write the content to a file with -o and take the part out"},
    {"legacy-display", NULL},
    {"security-label", "heed it as your organisation says"},
    {"receipt-requested", "signet receipt make answers it"},
    {"revocation-unchecked", "try again later, or give the issuer's list with --crl"},
    {"untrusted-root", "if you know the issuer, get its root from itself, never from the mail, and name "
     "it with --anchor"},
    {"distrusted", "do not rely on it; ask the sender for a signature with another certificate"},
    {"expired", "ask the sender for a new signature, or judge as of a time you know of from elsewhere "
     "with --time"},
    {"not-yet-valid", "look at this machine's clock"},
    {"revoked", "do not rely on it; ask the sender in another way"},
    {"revocation-unknown", "try again later, give the issuer's list with --crl, or be content "
     "without with --revocation soft"},
    {"wrong-purpose", "ask the sender to sign with a certificate for mail"},
    {"policy-mismatch", "ask the issuer which policy its certificates are under"},
    {"path-invalid", "tell the issuer; nobody else can mend it"},
    {"address-mismatch", "take the sender to be whom the certificate names"},
    {"header-mismatch", "believe what is shown here, not what a list of mails shows"},
    {"weak-algorithm", "ask the sender for a stronger one; --allow-weak makes it a note"},
    {"digest-mismatch", "ask the sender to sign it again"},
    {"partial-coverage", "rely only on the content that is written here"},
    {"partial-encryption", "take the text around it for anybody's"},
    {"contradictory-signatures", "ask each signer whether the message is theirs"},
    {"label-refused", "ask whoever keeps the label policy"},
    {"authentication-required", "have it encrypted with AES-GCM, or leave out "
     "--require-authenticated"},
    {"content-altered", "have it sent again"},
    {"bad-signature", "have it sent again"},
    {"no-certificate", "get the certificate from the sender"},
    {"no-signers", "ask the sender for a signed one"},
    {"not-signed", "ask the sender for a signed one"},
    {"receipt-mismatch", "look for the receipt of this mail, or name the mail it is for"},
    {"exposed-encryption", "do not open it in a program that shows HTML; have it sent again"},
    {"content-type-mismatch", "have it sent again"},
    {"signing-certificate-mismatch", "ask the sender which certificate they signed with"},
    {"algorithm-protection-mismatch", "have it sent again"},
    {"no-content", "give what it signs with --content"},
    {"unsupported", "another program may know it"},
    {"malformed", "have it sent again"},
    {"two-contents", "do not rely on it; have it sent again"},
    {"foreign-content", "take the signature out and verify it with --cms, if that is what you "
     "expect"},
    {"malformed-content", "have it sent again"},
};

const char *
problem_advice(const char *word)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].word, word) == 0)
            return advices[i].advice;
    return NULL;
}

enum verdict_status
problem_weight(const char *word)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(problems[i].word, word) == 0)
            return problems[i].status;
    return VERDICT_BAD;
}

const char *
problem_at(size_t i)
{
    return i < COUNT ? problems[i].word : NULL;
}
