/* uuid: name-based UUIDs, version 5 (RFC 4122 4.3). SHA-1 serves as a name function here, not as a safeguard. */
#ifndef NODE_UUID_H
#define NODE_UUID_H

#include "crypto/bytes.h"

#define UUID_BYTES 16
#define UUID_CHARS 36

void uuid_v5(uint8_t out[static UUID_BYTES], const uint8_t space[static UUID_BYTES], struct bytes name);

void uuid_text(char out[static UUID_CHARS + 1], const uint8_t uuid[static UUID_BYTES]);

/* 8-4-4-4-12 hexadecimal digits of a version and variant that RFC 4122 defines, in either case. */
bool uuid_valid(struct bytes text);

#endif
