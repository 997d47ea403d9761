/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside a mail's reader: read.c fills it while the mail passes, read_result.c says what was
 * found. */
#ifndef SIGNET_MAIL_READ_INT_H
#define SIGNET_MAIL_READ_INT_H

#include "cms/layers.h"
#include "cms/pem.h"
#include "mail/canonical.h"
#include "mail/coverage.h"
#include "mail/entity.h"
#include "mail/read.h"

struct mail_reader {
    struct mail_reader_options options;
    struct entity_reader *reader;
    enum mail_form form;
    bool openpgp, broken, unclosed, has_header, empty, again;
    uint64_t inside;                    /* S/MIME parts that are only counted */
    const char *word;                   /* why there is no verdict */
    char type[64];

    struct canonical canonical;
    struct cms_digests *digests;        /* of a multipart/signed */
    bool binary;                        /* its lines are not to be touched */
    struct header *inner;               /* the content's own, while it lasts */
    struct header *wrapped;             /* and that of the message which it is */
    bool inner_lost, wrapped_lost;

    struct header *head;                /* the signature part's */
    struct transfer_stream *transfer;   /* message or signature: text to bytes, */
    struct cms_dearmor *dearmor;        /* or what it is when it does not say */
    struct cms_layers *nest;            /* holds cms when CMS may be within it */
    struct cms_reader *cms;

    const struct entity *message;       /* the leaf that holds an opaque message */
    struct coverage coverage;
};

#endif
