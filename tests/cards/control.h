/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a test speaks to a card: a line on a Unix socket, answered with lines and the
 * end of the connection. The first line of an answer is OK or "ERR why".
 *
 *     in | out [MS]              put in; pull out (and back in after MS)
 *     swap FOLDER [MS]           pull out; the card of that folder comes in after MS
 *     slow MS                    every answer that much late
 *     on INS|any N FAULT         at the N-th command from now with that instruction (hex):
 *         out [MS] | swap FOLDER [MS] | slow MS | hang | garbage | truncate | short |
 *         sw XXXX | lose
 *     go                         gives the answer that `hang` holds back
 *     calm                       no more faults
 *     count                      counters, "name=value" words; zero: sets them to 0
 *     log FILE                   writes commands and answers there, in hex
 *     quit
 *
 * and the card's own words (piv.h).
 */
#ifndef TESTS_CARDS_CONTROL_H
#define TESTS_CARDS_CONTROL_H

#include "machine.h"

/* A listening socket, or -1 with errno. */
int control_listen(const char *path);
/* Takes one connection and does what its line says. */
void control_serve(struct machine *);
/* The other side, for the program's own --tell: sends the line, prints the answer;
 * an exit status. */
int control_tell(const char *path, int words, char **line);

#endif
