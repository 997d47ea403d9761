/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: a code, the cause beneath it, and one sentence a user can act on.
 *
 * A function that can fail returns 0 or one of the negative E_* codes and is
 * marked must_check. Leaves (buffers, encoders) return the code alone. Whatever
 * reaches a token, a socket, a file or a message takes a `struct err *err` as
 * its last argument, and fills it before it returns the code:
 *
 *     return err_set(err, E_PIN_LOCKED,
 *                    "token \"%s\": PIN is locked; unblock it with the PUK, "
 *                    "with the tools the token came with", label);
 *
 * The sentence names the subject, what went wrong and what to do. It starts in
 * lower case, ends without a full stop, and holds no secret. `err` may be NULL
 * wherever it is taken: the code alone is then reported. A struct err is plain
 * storage of the caller's, cleared with err_clear() or `= {0}`; it owns nothing.
 *
 * Each code has an exit status (DESIGN, "Command line") in the table below; the
 * numbers on the agent's protocol hang off the same codes in client/wire.h.
 */
#ifndef SIGNET_BASE_ERR_H
#define SIGNET_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/* X(code, exit status, what it says when nobody said more) */
#define ERR_CODES(X) \
    X(E_USAGE, 2, "wrong usage") \
    X(E_CONFIG, 2, "faulty configuration") \
    X(E_INPUT, 2, "input cannot be read") \
    X(E_EXISTS, 2, "already there") \
    X(E_BAD_SIGNATURE, 1, "bad signature") \
    X(E_ALTERED, 1, "content was altered") \
    X(E_UNTRUSTED, 3, "signer cannot be trusted") \
    X(E_NO_TOKEN, 4, "no such token") \
    X(E_NO_KEY, 4, "no such key") \
    X(E_NO_CERT, 4, "no certificate for the key") \
    X(E_AMBIGUOUS, 4, "several candidates") \
    X(E_PIN_WRONG, 4, "wrong PIN") \
    X(E_PIN_LOCKED, 4, "PIN is locked") \
    X(E_PIN_CANCELLED, 4, "PIN entry cancelled") \
    X(E_PIN_NEEDED, 4, "a PIN is needed and nobody can be asked") \
    X(E_PIN_INVALID, 4, "PIN has a length or characters the token refuses") \
    X(E_TOKEN_REMOVED, 4, "token was removed") \
    X(E_TOKEN, 4, "token failed") \
    X(E_MECHANISM, 4, "the token cannot do that") \
    X(E_WEAK, 4, "too weak to sign with") \
    X(E_DENIED, 4, "not allowed") \
    X(E_LOCKED, 4, "the agent is locked") \
    X(E_MALFORMED, 5, "malformed input") \
    X(E_TRUNCATED, 5, "input ends too early") \
    X(E_LIMIT, 5, "input exceeds a limit") \
    X(E_UNSUPPORTED, 5, "not supported") \
    X(E_DECRYPT, 5, "cannot be decrypted") \
    X(E_OUTPUT, 6, "output cannot be written") \
    X(E_NOMEM, 6, "out of memory") \
    X(E_SYSTEM, 6, "system failure") \
    X(E_CRYPTO, 6, "libcrypto failed") \
    X(E_AGENT, 6, "agent failure") \
    X(E_HOST, 6, "token host failure") \
    X(E_TIMEOUT, 6, "took too long") \
    X(E_OFFLINE, 6, "not fetched: offline") \
    X(E_PROTOCOL, 6, "protocol violation") \
    X(E_CANCELLED, 6, "cancelled") \
    X(E_INTERNAL, 6, "internal error")

enum err_ordinal {
    E_ORDINAL_NONE,
#define X(code, status, text) code##_ORDINAL,
    ERR_CODES(X)
#undef X
    E_ORDINAL_END
};

enum err_code {
#define X(code, status, text) code = -code##_ORDINAL,
    ERR_CODES(X)
#undef X
};

/* Longest sentence, with its NUL. Longer ones are cut at a character boundary. */
#define ERR_TEXT_MAX 1024

struct err {
    int code;                /* 0 or an E_* */
    int sys;                 /* errno, or 0 */
    unsigned long rv;        /* CK_RV, or 0 */
    unsigned long ossl;      /* libcrypto's error code, or 0 */
    char text[ERR_TEXT_MAX]; /* the sentence; empty when nobody said more */
};

/* Makes *err blank. */
void err_clear(struct err *err);

/* Sets code and sentence and returns code, so that callers can return it.
 * Forgets rv, sys and ossl of an earlier failure. */
int err_set(struct err *err, int code, const char *fmt, ...) printf_like(3, 4);
int err_setv(struct err *err, int code, const char *fmt, va_list ap) printf_like(3, 0);

/* The same with errno `sys` kept, and ": " strerror(sys) behind the sentence. */
int err_set_sys(struct err *err, int code, int sys, const char *fmt, ...) printf_like(4, 5);

/* The same with libcrypto's newest queued error kept, its reason behind the
 * sentence; empties the calling thread's libcrypto queue. (Defined in
 * base/err_ossl.c so that programs without libcrypto do not link it.) */
int err_set_ossl(struct err *err, int code, const char *fmt, ...) printf_like(3, 4);

/* Puts "text: " before the sentence that is there; code and causes stay.
 * Returns err->code (or E_INTERNAL when err is NULL). */
int err_prefix(struct err *err, const char *fmt, ...) printf_like(2, 3);

/* The sentence, or the code's own text when there is none. Never NULL. */
const char *err_text(const struct err *err);

/* "E_PIN_WRONG" for E_PIN_WRONG; "E_?" for what is no code. */
const char *err_name(int code);

/* The code's own short text. */
const char *err_default_text(int code);

/* The documented exit status of a code; 0 for 0. */
int err_exit_status(int code);

#endif
