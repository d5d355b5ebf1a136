/* export_value: may this value go into a file that blocks or raises alarms? Pure but for the list of public suffixes, which libpsl
   carries. */
#ifndef NODE_EXPORT_VALUE_H
#define NODE_EXPORT_VALUE_H

#include "node/export/export.h"

#define EXPORT_IPV4_PREFIX_MIN 8
#define EXPORT_IPV6_PREFIX_MIN 16

/* Addresses and networks that are not in public use (RFC 6890) would block the reader's own, wide ones half the world, and a public
   suffix everybody below it. Domains have letters, digits, hyphens and underscores (RFC 1035 2.3.4 for the lengths). */
enum export_reason export_value_judge(struct observable value);

/* The host of a URL in normal form, without user, port and brackets; *path is what follows, at least "/". False: it has none. */
bool export_url_parts(struct bytes url, struct bytes *host, struct bytes *path);

#endif
