/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch/address.h"
#include "fetch/proxy.h"

#define SHOWN "%.200s"
#define HTTP_OK 200

struct transfers {
    CURLM *multi;
    const struct wire_settings *settings;
    job_done done;
    void *arg;
};

static const struct {
    CURLcode curl;
    int code;
} codes[] = {
    {CURLE_OPERATION_TIMEDOUT, E_TIMEOUT},
    {CURLE_FILESIZE_EXCEEDED, E_LIMIT},
    {CURLE_UNSUPPORTED_PROTOCOL, E_DENIED},
    {CURLE_PEER_FAILED_VERIFICATION, E_DENIED},
    {CURLE_PARTIAL_FILE, E_TRUNCATED},
    {CURLE_BAD_CONTENT_ENCODING, E_MALFORMED},
    {CURLE_WEIRD_SERVER_REPLY, E_MALFORMED},
    {CURLE_URL_MALFORMAT, E_MALFORMED},
    {CURLE_OUT_OF_MEMORY, E_NOMEM},
};

int
transfers_new(struct transfers **ret, const struct wire_settings *settings, job_done done,
              void *arg, struct err *err)
{
    struct transfers *t = calloc(1, sizeof *t);
    if (t == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK
        || (t->multi = curl_multi_init()) == NULL) {
        free(t);
        return err_set(err, E_SYSTEM, "libcurl cannot be used");
    }
    curl_multi_setopt(t->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)TRANSFER_CONNECTIONS_MAX);
    t->settings = settings;
    t->done = done;
    t->arg = arg;
    *ret = t;
    return 0;
}

/* CURLOPT_OPENSOCKETFUNCTION: the address is the one that will be connected to. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct job *j = arg;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (!j->allow_private && !j->proxied && !address_is_public(&a->addr, a->addrlen)) {
        j->refused = true;
        address_text(&a->addr, a->addrlen, j->address);
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t
on_bytes(char *data, size_t size, size_t count, void *arg)
{
    struct job *j = arg;
    size_t len = size * count;
    long status = 0;
    if (j->url.ldap) {
        j->rc = ldif_update(&j->ldif, data, len);
    } else {
        curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
        /* Of another status no bytes are wanted: the transfer ends, the status tells. */
        if (status != HTTP_OK)
            return CURL_WRITEFUNC_ERROR;
        j->rc = answer_put(&j->answer, data, len);
    }
    return j->rc == 0 ? len : CURL_WRITEFUNC_ERROR;
}

/* What makes a POST; a token as RFC 9110 8.3.1 has it needs no closer look than this. */
static int
set_body(struct job *j)
{
    char type[WIRE_TYPE_MAX + 32];
    struct curl_slist *more;
    for (const char *p = j->media_type; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p >= 0x7f)
            return err_set(&j->err, E_MALFORMED, "a media type with control characters is "
                           "not sent");
    snprintf(type, sizeof type, "Content-Type: %s", j->media_type);
    more = curl_slist_append(j->headers, type);
    if (more != NULL) {
        j->headers = more;
        /* No question before a body this small. */
        more = curl_slist_append(j->headers, "Expect:");
    }
    if (more == NULL)
        return err_set(&j->err, E_NOMEM, "out of memory");
    curl_easy_setopt(j->easy, CURLOPT_HTTPHEADER, j->headers);
    curl_easy_setopt(j->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(j->easy, CURLOPT_POSTFIELDSIZE, (long)j->body_len);
    return curl_easy_setopt(j->easy, CURLOPT_POSTFIELDS, (const char *)j->body) == CURLE_OK
        ? 0 : err_set(&j->err, E_NOMEM, "out of memory");
}

/* 0 as long as every option that safety hangs on was taken. */
static CURLcode
set_limits(struct job *j, const char *proxy)
{
    CURL *e = j->easy;
    long left = (long)job_left(j);
    CURLcode rc = curl_easy_setopt(e, CURLOPT_CURLU, j->url.handle);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, j->redirects > 0
                              ? "http,https" : "http,https,ldap,ldaps");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, j);
    /* The empty text: none, whatever the environment says. */
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_PROXY, proxy != NULL ? proxy : "");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_NOPROXY, "");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, left > 0 ? left : 1L);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)TRANSFER_CONNECT_MS);
    if (rc == CURLE_OK && !j->url.ldap)
        rc = curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)j->answer.max);
    return rc;
}

static CURLcode
set_habits(struct job *j)
{
    CURL *e = j->easy;
    CURLcode rc = curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_WRITEDATA, j);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_PRIVATE, j);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_ERRORBUFFER, j->reason);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_USERAGENT, "signet");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    /* A resolver's thread that hangs is not waited for. */
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    return rc;
}

/* One hop: j->url is where to. */
static int
begin(struct transfers *t, struct job *j)
{
    const char *proxy = proxy_for(&j->url, t->settings->proxy);
    if (j->kind == WIRE_POST && j->url.ldap)
        return err_set(&j->err, E_UNSUPPORTED, SHOWN ": nothing can be posted there", j->url.text);
    if (j->easy == NULL)
        j->easy = curl_easy_init();
    if (j->easy == NULL)
        return err_set(&j->err, E_NOMEM, "out of memory");
    curl_easy_reset(j->easy);
    j->allow_private = t->settings->allow_private;
    j->proxied = proxy != NULL;
    j->refused = false;
    j->rc = 0;
    j->reason[0] = '\0';
    int rc = answer_restart(&j->answer);
    if (rc == 0 && j->url.ldap)
        ldif_init(&j->ldif, &j->url, &j->answer);
    else if (rc == 0)
        rc = answer_value(&j->answer);
    if (rc != 0)
        return err_set(&j->err, rc, "out of memory");
    if (set_limits(j, proxy) != CURLE_OK || set_habits(j) != CURLE_OK)
        return err_set(&j->err, E_SYSTEM, SHOWN ": libcurl does not take it", j->url.text);
    if (j->kind == WIRE_POST && j->headers == NULL)
        rc = set_body(j);
    else if (j->kind == WIRE_POST) {
        curl_slist_free_all(j->headers);
        j->headers = NULL;
        rc = set_body(j);
    }
    if (rc == 0 && curl_multi_add_handle(t->multi, j->easy) != CURLM_OK)
        rc = err_set(&j->err, E_NOMEM, "out of memory");
    return rc;
}

int
transfers_add(struct transfers *t, struct job *j)
{
    int rc = url_read(&j->url, j->where, false, &j->err);
    return rc == 0 ? begin(t, j) : rc;
}

/* Has the answer a place to go on at, and may it? 1: gone on. 0: there is none. */
static int
redirected(struct transfers *t, struct job *j, long status)
{
    char *to = NULL;
    struct url next;
    if (status < 300 || status > 399
        || curl_easy_getinfo(j->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || to == NULL)
        return 0;
    if (j->redirects == TRANSFER_REDIRECTS_MAX)
        return err_set(&j->err, E_LIMIT, SHOWN ": redirected more than %d times", j->where,
                       TRANSFER_REDIRECTS_MAX);
    /* RFC 9110 15.4.4: the answer to a POST would be got elsewhere; OCSP knows no such. */
    if (j->kind == WIRE_POST && status == 303)
        return err_set(&j->err, E_UNSUPPORTED, SHOWN ": redirects what was posted to a page "
                       "(status 303)", j->url.text);
    int rc = url_read(&next, to, true, &j->err);
    if (rc != 0)
        return err_prefix(&j->err, SHOWN, j->where);
    url_clear(&j->url);
    j->url = next;
    j->redirects++;
    rc = begin(t, j);
    return rc == 0 ? 1 : rc;
}

static int
told(struct job *j, long status)
{
    if (status == 404 || status == 410)
        return err_set(&j->err, E_INPUT, SHOWN ": the server has no such thing (status %ld)",
                       j->url.text, status);
    return err_set(&j->err, E_SYSTEM, SHOWN ": the server answered with status %ld",
                   j->url.text, status);
}

static int
too_large(struct job *j)
{
    return err_set(&j->err, E_LIMIT, SHOWN ": the answer is larger than the %llu bytes that are "
                   "taken", j->url.text, (unsigned long long)j->answer.max);
}

/* What libcurl, or the address, or the limit made of it. */
static int
failed(struct job *j, CURLcode code)
{
    int rc = E_SYSTEM;
    if (j->rc == E_LIMIT || code == CURLE_FILESIZE_EXCEEDED)
        return too_large(j);
    if (j->rc != 0)
        return err_set(&j->err, j->rc, SHOWN ": the answer cannot be used: %s", j->url.text,
                       err_default_text(j->rc));
    if (j->refused && code != CURLE_OPERATION_TIMEDOUT)
        return err_set(&j->err, E_DENIED, SHOWN ": its server's address %s is of a private "
                       "network; not asked (private = yes in [fetch] allows it)", j->url.text,
                       j->address);
    /* libldap's words for noSuchObject (RFC 4511, A.2), which libcurl has no code for. */
    if (code == CURLE_LDAP_SEARCH_FAILED && strstr(j->reason, "No such object") != NULL)
        return err_set(&j->err, E_INPUT, SHOWN ": the directory has no such entry", j->url.text);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].curl == code)
            rc = codes[i].code;
    return err_set(&j->err, rc, SHOWN ": %s", j->url.text,
                   rc != E_TIMEOUT && j->reason[0] != '\0' ? j->reason : curl_easy_strerror(code));
}

static int
judge_ldap(struct job *j, CURLcode code)
{
    if (code != CURLE_OK)
        return failed(j, code);
    if (ldif_finish(&j->ldif) != 0)
        return err_set(&j->err, E_TRUNCATED, SHOWN ": the answer ends too early", j->url.text);
    if (j->answer.count == 0)
        return err_set(&j->err, E_INPUT, SHOWN ": the directory has no such value", j->url.text);
    return 0;
}

/* 1: the job goes on. */
static int
judge(struct transfers *t, struct job *j, CURLcode code)
{
    long status = 0;
    if (j->url.ldap)
        return judge_ldap(j, code);
    curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 0 && status != HTTP_OK) {
        int rc = redirected(t, j, status);
        return rc == 0 ? told(j, status) : rc;
    }
    return code == CURLE_OK ? 0 : failed(j, code);
}

void
transfers_wait(struct transfers *t, struct curl_waitfd *fds, unsigned count, int ms)
{
    curl_multi_poll(t->multi, fds, count, ms, NULL);
}

void
transfers_work(struct transfers *t)
{
    int running = 0, left = 0;
    CURLMsg *m;
    curl_multi_perform(t->multi, &running);
    while ((m = curl_multi_info_read(t->multi, &left)) != NULL) {
        struct job *j = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
        curl_multi_remove_handle(t->multi, m->easy_handle);
        int rc = judge(t, j, code);
        if (rc == 0)
            err_clear(&j->err);
        if (rc != 1)
            t->done(t->arg, j);
    }
}
