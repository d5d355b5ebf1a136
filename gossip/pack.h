/* pack: canonical MessagePack: every value has exactly one encoding, the shortest. msgpack-c writes; foreign bytes are read by
   the bounded reader here, because msgpack-c reserves memory for counts before it has seen the data. */
#ifndef GOSSIP_PACK_H
#define GOSSIP_PACK_H

#include "crypto/bytes.h"

/* Writers append to `out` and report through out->failed, as the buf_ writers do. */
void pack_write_nil(struct buf *out);
void pack_write_bool(struct buf *out, bool value);
void pack_write_uint(struct buf *out, uint64_t value);
void pack_write_bin(struct buf *out, struct bytes value);
void pack_write_str(struct buf *out, struct bytes value); /* the caller's text is UTF-8 */
void pack_write_array(struct buf *out, uint32_t count);   /* then `count` values */
void pack_write_map(struct buf *out, uint32_t count);     /* then `count` keys and values; keys sorted and unique */

/* The reader allocates nothing and recurses nowhere: the caller asks for what the format expects, so depth is given by the code.
   A value of another type, in a longer form than needed, or with a size or count beyond the bytes left, sets `failed`; then every
   later read fails and returns zero, false or an empty view. */
struct pack_reader {
    struct cursor cursor;
};

struct pack_reader pack_reader_of(struct bytes bytes);

void pack_read_nil(struct pack_reader *reader);
bool pack_read_bool(struct pack_reader *reader);
uint64_t pack_read_uint(struct pack_reader *reader);
struct bytes pack_read_bin(struct pack_reader *reader); /* borrowed from the input */
struct bytes pack_read_str(struct pack_reader *reader); /* borrowed; strict UTF-8 was checked */
uint32_t pack_read_array(struct pack_reader *reader);   /* the count; each element is at least a byte long */
uint32_t pack_read_map(struct pack_reader *reader);     /* the count of pairs; the caller checks the order of keys */

/* Is a nil next? Consumes it if so. For optional fields. */
bool pack_skip_nil(struct pack_reader *reader);

/* Strict UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool pack_utf8_valid(struct bytes text);

bool pack_failed(const struct pack_reader *reader);
/* OK at the exact end, without a failure; ERR_FORMAT otherwise. */
enum err pack_done(const struct pack_reader *reader) MUST_USE;

#endif
