/* fields: what files of one record a line are made of: parts between separators, whole numbers, names. Pure. */
#ifndef NODE_FIELDS_H
#define NODE_FIELDS_H

#include "crypto/bytes.h"

#define FIELDS_NAME_BYTES_MAX 64

/* What stands before the next `end`, or all; the rest is left in `text`. */
struct bytes fields_split(struct bytes *text, char end);
/* The next line of a file that is not empty and does not begin with '#'; *number is counted up by all lines passed. False: no more. */
bool fields_line(struct bytes *line, struct bytes *text, size_t *number);
/* Decimal digits only, at most `most`. */
bool fields_number(uint64_t *out, struct bytes text, uint64_t most);
/* 1 to 64 of [A-Za-z0-9._-]. */
bool fields_name_valid(struct bytes name);
/* "30d", "12h", or a coming date (RFC 3339); false: none of them. */
bool fields_until(uint64_t *out_ms, const char *text, uint64_t now_ms);

#endif
