/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * zlib, loaded when the first CompressedData is read or written: few messages are, and a
 * shared library that is not needed costs each command 0.07 ms. Inside of the library.
 * Thread-safe; what was loaded stays for the life of the process.
 */
#ifndef SIGNET_CMS_ZLIB_DEMAND_H
#define SIGNET_CMS_ZLIB_DEMAND_H

#include <zlib.h>

#include "base/err.h"

struct zlib {
    __typeof__(&inflateInit_) inflate_init;
    __typeof__(&inflate) inflate;
    __typeof__(&inflateEnd) inflate_end;
    __typeof__(&deflateInit_) deflate_init;
    __typeof__(&deflate) deflate;
    __typeof__(&deflateEnd) deflate_end;
};

/* E_SYSTEM: it is not installed. */
int zlib_demand(const struct zlib **ret, struct err *err) must_check;

#endif
