/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/expiry.h"

#include <time.h>
#include <openssl/x509.h>

#include "cli/certs_int.h"

#define DAY (24L * 60 * 60)

static void
note_one(const struct cli *cli, const struct client_cert *source)
{
    const unsigned char *at = source->der;
    X509 *cert = d2i_X509(NULL, &at, (long)source->len);
    time_t soon = time(NULL) + EXPIRY_DAYS * DAY;
    char date[CERTS_DATE];

    if (cert && X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0) {
        certs_date(X509_get0_notAfter(cert), date);
        cli_note(cli, "the certificate of \"%s\" %s on %s; get its successor (signet csr makes a "
                 "request for one) and store it with signet cert import", source->subject,
                 X509_cmp_current_time(X509_get0_notAfter(cert)) < 0 ? "ended" : "ends", date);
    }
    X509_free(cert);
}

void
expiry_note(const struct cli *cli, const struct signers *s)
{
    for (size_t i = 0; !cli->quiet && i < s->count; i++) {
        bool told = false;
        for (size_t k = 0; k < i; k++)
            told |= s->list[k].source == s->list[i].source;
        if (!told && s->list[i].source)
            note_one(cli, s->list[i].source);
    }
}
