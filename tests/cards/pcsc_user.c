/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another program at the same card, through the same pcscd (PCSCLITE_CSOCK_NAME), and the
 * reader's view of it:
 *
 *     pcsc-user reset READER       connects shared, resets the card, leaves
 *     pcsc-user hold READER        a transaction until standard input ends; says "held"
 *     pcsc-user wait in|out READER until a card is in the reader, or none
 *     pcsc-user list
 *
 * READER is a number, counted from 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>

#define NAMES_MAX 2048
#define WAIT_MS 20000

static SCARDCONTEXT context;

static int
failed(const char *what, LONG rv)
{
    fprintf(stderr, "pcsc-user: %s: 0x%lx %s\n", what, rv, pcsc_stringify_error(rv));
    return 1;
}

/* The name of reader n; NULL after the last. */
static const char *
reader_name(int n)
{
    static char names[NAMES_MAX];
    DWORD len = sizeof names;
    const char *p = names;

    if (SCardListReaders(context, NULL, names, &len) != SCARD_S_SUCCESS)
        return NULL;
    while (*p != '\0' && n-- > 0)
        p += strlen(p) + 1;
    return *p != '\0' ? p : NULL;
}

static int
with_card(const char *reader, int (*then)(SCARDHANDLE))
{
    SCARDHANDLE card;
    DWORD protocol;
    LONG rv = SCardConnect(context, reader, SCARD_SHARE_SHARED,
                           SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);

    if (rv != SCARD_S_SUCCESS)
        return failed("connect", rv);
    int status = then(card);
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    return status;
}

static int
reset(SCARDHANDLE card)
{
    DWORD protocol;
    LONG rv = SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                             SCARD_RESET_CARD, &protocol);
    return rv == SCARD_S_SUCCESS ? 0 : failed("reset", rv);
}

static int
hold(SCARDHANDLE card)
{
    LONG rv = SCardBeginTransaction(card);

    if (rv != SCARD_S_SUCCESS)
        return failed("transaction", rv);
    puts("held");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    SCardEndTransaction(card, SCARD_LEAVE_CARD);
    return 0;
}

static int
wait_for(const char *reader, const char *what)
{
    SCARD_READERSTATE s = {.szReader = reader, .dwCurrentState = SCARD_STATE_UNAWARE};
    DWORD want = strcmp(what, "in") == 0 ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;

    for (;;) {
        LONG rv = SCardGetStatusChange(context, WAIT_MS, &s, 1);
        if (rv != SCARD_S_SUCCESS)
            return failed("wait", rv);
        /* A card that does not answer yet is present and mute. */
        if (s.dwEventState & want && !(s.dwEventState & SCARD_STATE_MUTE))
            return 0;
        s.dwCurrentState = s.dwEventState;
    }
}

static int
list(void)
{
    const char *name;

    for (int i = 0; (name = reader_name(i)) != NULL; i++)
        puts(name);
    return 0;
}

int
main(int argc, char **argv)
{
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    const char *verb = argc > 1 ? argv[1] : "", *reader;
    int status = 2;

    if (rv != SCARD_S_SUCCESS)
        return failed("no pcscd", rv);
    reader = argc > 2 ? reader_name((int)strtol(argv[argc - 1], NULL, 10)) : NULL;
    if (strcmp(verb, "list") == 0)
        status = list();
    else if (reader == NULL)
        fprintf(stderr, "usage: pcsc-user list | reset READER | hold READER | wait in|out READER\n");
    else if (strcmp(verb, "reset") == 0)
        status = with_card(reader, reset);
    else if (strcmp(verb, "hold") == 0)
        status = with_card(reader, hold);
    else if (strcmp(verb, "wait") == 0 && argc == 4)
        status = wait_for(reader, argv[2]);
    SCardReleaseContext(context);
    return status;
}
