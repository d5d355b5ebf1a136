/* armour: bytes as a text that people can mail: base64 (RFC 4648) in lines of 64 between "-----BEGIN COMITY X-----" and "-----END
   COMITY X-----". Text around it is ignored. */
#ifndef GOSSIP_ARMOUR_H
#define GOSSIP_ARMOUR_H

#include "crypto/bytes.h"

#define ARMOUR_WHAT_BYTES_MAX 32

/* Appends the text form. `what` says what it is ("CARD"). */
enum err armour_write(struct buf *out, const char *what, struct bytes binary) MUST_USE;
/* Appends the bytes of the first such block in `text`. ERR_FORMAT: there is none, or it is no base64; ERR_TRUNCATED: it does not end. */
enum err armour_read(struct buf *binary, const char *what, struct bytes text) MUST_USE;

#endif
