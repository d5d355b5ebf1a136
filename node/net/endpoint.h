/* endpoint: the texts "tcp://HOST:PORT" that say where a node listens; a host with colons stands in brackets. */
#ifndef NODE_ENDPOINT_H
#define NODE_ENDPOINT_H

#include "crypto/bytes.h"

#define ENDPOINT_BYTES_MAX 288 /* with the terminating zero: a name of 253 characters fits */
#define ENDPOINT_HOST_MAX  256

/* Takes it apart. ERR_SYNTAX; ERR_RANGE for a port above 65,535. Port 0 is allowed here. */
enum err endpoint_split(struct bytes text, char host[static ENDPOINT_HOST_MAX], uint16_t *port) MUST_USE;

/* Is the host an IPv4 or IPv6 address, so that nobody asks a name server? Port 0 (any free one) only if `port_any`. */
bool endpoint_literal(struct bytes text, bool port_any);

/* Several literal endpoints as FRAME_RESOLVED carries them: each u8 length and text. */
#define ENDPOINT_LIST_MAX 8
/* Are these at most ENDPOINT_LIST_MAX literals, and nothing else? */
bool endpoint_list_valid(struct bytes list);
/* The next one; false at the end or when damaged. `out` is terminated. */
bool endpoint_list_next(struct cursor *list, char out[static ENDPOINT_BYTES_MAX]);

#endif
