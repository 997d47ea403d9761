/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* id-alg-zlibCompress (RFC 3274, 2). Inside of the library. */
#ifndef SIGNET_CMS_COMPRESSED_H
#define SIGNET_CMS_COMPRESSED_H

#define COMPRESSED_ZLIB "1.2.840.113549.1.9.16.3.8"

#endif
