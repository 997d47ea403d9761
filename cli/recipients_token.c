/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificates on the user's tokens, as recipients. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/recipients.h"

static const char *
string(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

/* A fingerprint as people copy it, with colons and in either case. */
static bool
is_fingerprint(const char *who, const char *hex)
{
    while (*who && *hex) {
        if (*who == ':' || *who == ' ') {
            who++;
            continue;
        }
        if (tolower((unsigned char)*who++) != tolower((unsigned char)*hex++))
            return false;
    }
    return *who == *hex && *hex == '\0';
}

static bool
answers(const json_t *cert, const char *who)
{
    const json_t *emails = json_object_get(cert, "emails"), *email;
    size_t i;

    json_array_foreach(emails, i, email)
        if (strcasecmp(json_string_value(email) ? json_string_value(email) : "", who) == 0)
            return true;
    return (*string(cert, "label") && strcmp(string(cert, "label"), who) == 0) ||
           (*string(cert, "fingerprint") && is_fingerprint(who, string(cert, "fingerprint"))) ||
           (*string(cert, "sha1") && is_fingerprint(who, string(cert, "sha1")));
}

static int
append(const json_t *item, struct choose_list *out, struct err *err)
{
    const unsigned char *at;
    uint8_t *der = NULL;
    size_t len = 0;
    X509 *cert;
    int rc = client_binary(item, "der", &der, &len, err);

    if (rc != 0)
        return rc;
    at = der;
    cert = d2i_X509(NULL, &at, (long)len);
    free(der);
    /* One that libcrypto does not understand nobody can encrypt to. */
    if (!cert)
        return 0;
    rc = choose_list_add(out, cert, CHOOSE_GIVEN, false);
    X509_free(cert);
    return rc == 0 ? 0 : err_set(err, rc, "out of memory for recipients");
}

/* As the agent last saw them, and when none fits as they are now. */
static int
find(void *arg, const char *who, struct choose_list *out, struct err *err)
{
    struct client *client = NULL;
    int rc = cli_client(arg, &client, err);

    for (int anew = 0; rc == 0 && out->count == 0 && anew < 2; anew++) {
        json_t *list = NULL, *item;
        size_t i;
        if (anew) {
            rc = client_keys(client, &list, err);
            json_decref(list);
            list = NULL;
        }
        if (rc == 0)
            rc = client_certs(client, &list, err);
        json_array_foreach(list, i, item)
            if (rc == 0 && answers(item, who))
                rc = append(item, out, err);
        json_decref(list);
    }
    return rc;
}

struct recipients_source
recipients_tokens(struct cli *cli)
{
    return (struct recipients_source){.name = "your tokens", .find = find, .arg = cli};
}
