/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line of a configuration file, taken apart for the reader and the writer.
 * Views into the line. Private to base/. */
#ifndef SIGNET_BASE_CONF_LINE_H
#define SIGNET_BASE_CONF_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct conf_span {
    const char *text;
    size_t len;
};

enum conf_line_type { CONF_LINE_BLANK, CONF_LINE_SECTION, CONF_LINE_KEY, CONF_LINE_FAULTY };

struct conf_line {
    enum conf_line_type type;
    struct conf_span kind, name; /* of a section; name.len 0 when it has none */
    struct conf_span key, value; /* of a key, trimmed, without a comment */
};

struct conf_line conf_line_parse(const char *line, size_t len);
bool conf_span_is(struct conf_span, const char *);

#endif
