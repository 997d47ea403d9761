/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What both ends of the agent's protocol share (docs/protocol.md): how an E_*
 * travels, and where the socket is.
 *
 * libassuan cuts the text of an ERR line at 100 characters, so a failure is sent
 * as a status line with the whole sentence, percent-escaped, and then ERR with
 * a number that foreign clients understand:
 *
 *     S ERROR E_PIN_LOCKED token+"demo":+PIN+is+locked;...
 *     ERR 83886210 PIN blocked <User defined source 1>
 *
 * The same on the sockets between agent and token hosts. Pure functions.
 */
#ifndef SIGNET_CLIENT_WIRE_H
#define SIGNET_CLIENT_WIRE_H

#include <stdbool.h>
#include <assuan.h>

#include "base/err.h"

/* Longest data that one INQUIRE may bring, in bytes: a message to sign with
 * EdDSA, a certificate, a ciphertext. */
#define WIRE_INQUIRE_MAX (64u * 1024)
/* Longest PIN, in bytes. */
#define WIRE_PIN_MAX 255u
/* DECRYPT's words for an OAEP whose MGF1 has a digest of its own, or which has a label (in
 * hex), and the longest label in bytes. */
#define WIRE_MGF1 "mgf1="
#define WIRE_LABEL "label="
#define WIRE_LABEL_MAX 256u

/* A token host's status line before an ERROR: the CK_RV behind it, in hex. */
#define WIRE_RV "RV"
/* The agent's status lines: a sentence for the person ("use the keypad"), and what
 * happened to a token (WATCH). Both escaped. */
#define WIRE_NOTICE "NOTICE"
#define WIRE_EVENT "EVENT"

/* Server side: sends the S ERROR line for err and returns the gpg_error_t with
 * which the command handler must return. code 0 gives 0 and sends nothing. */
gpg_error_t wire_reply(assuan_context_t, int code, const struct err *err);

/* Client side: a status callback hands each "ERROR ..." line here (true when it
 * was one); wire_result then turns the end of the transaction into an E_* with
 * the sentence in err. `peer` names the other end for messages ("agent"). */
struct wire_status {
    struct err err;
};
int wire_take_status(struct wire_status *, const char *line);
/* Whether rc says that the connection is gone or out of step (as against an ERR
 * that the other end sent): the context must not be used again. EAGAIN counts: a
 * receive timeout on the socket. */
bool wire_lost(gpg_error_t);
/* A lost peer is E_AGENT when peer is "agent", else E_HOST. */
int wire_result(struct wire_status *, gpg_error_t, const char *peer, struct err *err) must_check;

#endif
