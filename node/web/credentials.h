/* credentials: the token of an Authorization header (RFC 7617 Basic, RFC 6750 Bearer, and Token). Pure. */
#ifndef NODE_CREDENTIALS_H
#define NODE_CREDENTIALS_H

#include "crypto/bytes.h"

#define CREDENTIALS_BYTES_MAX 1024 /* of the header, and of what it says */

/* The token, and the name that stands beside it (Basic; else no data), as views into `space`. False: it is none of these, or has no token. */
bool credentials_read(const char *header, char space[static CREDENTIALS_BYTES_MAX], struct bytes *name,
                      struct bytes *token) MUST_USE;

#endif
