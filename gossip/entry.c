#include "gossip/entry.h"

#include "crypto/hash.h"
#include "crypto/prekey.h"
#include "crypto/verify.h"
#include "gossip/recall.h"

#include <string.h>

static enum err body_check(enum entry_type type, uint64_t seq, struct bytes body) {
    struct block_body block;
    struct recall recall;
    struct prekey prekey;
    switch (type) {
    case ENTRY_PREKEY: return prekey_read(&prekey, body);
    case ENTRY_EPOCH: return epoch_check(body);
    case ENTRY_BLOCK: return block_body_read(&block, body);
    case ENTRY_RECALL: return recall_read(&recall, seq, body);
    default: return OK;
    }
}

/* Header and body; *size is their length together. */
static enum err unsigned_parse(struct entry *out, struct bytes bytes, size_t *size) {
    struct cursor cursor = cursor_of(bytes);
    if (bytes.size < ENTRY_HEADER_BYTES) return ERR_TRUNCATED;
    uint8_t version = cursor_u8(&cursor), type = cursor_u8(&cursor);
    out->suite = cursor_u8(&cursor);
    uint8_t zero = cursor_u8(&cursor);
    cursor_copy(&cursor, out->agency_id, sizeof out->agency_id);
    cursor_copy(&cursor, out->node_id, sizeof out->node_id);
    out->seq = cursor_u64(&cursor);
    cursor_copy(&cursor, out->previous, sizeof out->previous);
    out->time_ms = cursor_u64(&cursor);
    uint32_t body_bytes = cursor_u32(&cursor);

    if (version != ENTRY_VERSION) return ERR_VERSION;
    if (out->suite != AGENCY_SUITE) return ERR_SUITE;
    if (zero != 0 || type == 0 || type > ENTRY_TYPE_LAST) return ERR_FORMAT;
    if (out->seq == 0 || out->seq > INT64_MAX) return ERR_RANGE;
    if (body_bytes > ENTRY_BODY_BYTES_MAX) return ERR_TOO_BIG;
    if (body_bytes > cursor.left) return ERR_TRUNCATED;
    out->type = (enum entry_type)type;
    out->body = cursor_take(&cursor, body_bytes);
    *size = ENTRY_HEADER_BYTES + body_bytes;
    out->unsigned_bytes = bytes_of(bytes.data, *size);
    return body_check(out->type, out->seq, out->body);
}

enum err entry_parse_draft(struct entry *out, struct bytes bytes) {
    size_t size = 0;
    enum err err = unsigned_parse(out, bytes, &size);
    if (err != OK) return err;
    if (size != bytes.size) return ERR_FORMAT;
    out->signature = NULL;
    out->size = size;
    hash_of(out->id, "comity-entry", out->unsigned_bytes, bytes_of(NULL, 0));
    return OK;
}

enum err entry_parse(struct entry *out, struct bytes bytes) {
    size_t size = 0;
    enum err err = unsigned_parse(out, bytes, &size);
    if (err != OK) return err;
    if (bytes.size - size < SIGN_BYTES) return ERR_TRUNCATED;
    out->signature = bytes.data + size;
    out->size = size + SIGN_BYTES;
    hash_of(out->id, "comity-entry", out->unsigned_bytes, bytes_of(NULL, 0));
    return OK;
}

void entry_subject(struct sign_subject *out, const struct entry *entry) {
    *out = (struct sign_subject){.purpose = SIGN_ENTRY, .type = (uint8_t)entry->type, .suite = entry->suite, .seq = entry->seq};
    memcpy(out->agency, entry->agency_id, sizeof out->agency);
    memcpy(out->hash, entry->id, sizeof out->hash);
}

enum err entry_verify(const struct entry *entry, const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) {
    struct sign_subject subject;
    if (!entry->signature) return ERR_SIGNATURE;
    entry_subject(&subject, entry);
    return verify_signature(entry->signature, &subject, sign_public);
}

enum err entry_write(struct buf *out, const struct entry_draft *draft) {
    if (draft->seq == 0 || draft->seq > INT64_MAX || draft->body.size > ENTRY_BODY_BYTES_MAX) return ERR_RANGE;
    buf_put_u8(out, ENTRY_VERSION);
    buf_put_u8(out, (uint8_t)draft->type);
    buf_put_u8(out, AGENCY_SUITE);
    buf_put_u8(out, 0);
    buf_put_raw(out, draft->agency_id, sizeof draft->agency_id);
    buf_put_raw(out, draft->node_id, sizeof draft->node_id);
    buf_put_u64(out, draft->seq);
    buf_put_raw(out, draft->previous, sizeof draft->previous);
    buf_put_u64(out, draft->time_ms);
    buf_put_u32(out, (uint32_t)draft->body.size);
    buf_put(out, draft->body);
    return buf_result(out);
}

void block_body_write(uint8_t out[static BLOCK_BODY_BYTES], const struct block_body *body) {
    uint8_t *at = out;
    memset(out, 0, BLOCK_BODY_BYTES);
    put_be64(at, body->epoch_seq), at += 8;
    put_be32(at, body->index), at += 4;
    memcpy(at, body->seal.payload_hash, HASH_BYTES), at += HASH_BYTES;
    put_be32(at, body->seal.payload_bytes), at += 4;
    *at++ = body->seal.plain_class;
    *at++ = (uint8_t)body->carriage;
    memcpy(at, body->seal.root, HASH_BYTES), at += HASH_BYTES;
    put_be64(at, body->expires_ms);
}

enum err block_body_read(struct block_body *out, struct bytes body) {
    static const uint8_t zeros[12];
    if (body.size != BLOCK_BODY_BYTES) return ERR_FORMAT;
    struct cursor cursor = cursor_of(body);
    out->epoch_seq = cursor_u64(&cursor);
    out->index = cursor_u32(&cursor);
    cursor_copy(&cursor, out->seal.payload_hash, HASH_BYTES);
    out->seal.payload_bytes = cursor_u32(&cursor);
    out->seal.plain_class = cursor_u8(&cursor);
    uint8_t carriage = cursor_u8(&cursor);
    cursor_copy(&cursor, out->seal.root, HASH_BYTES);
    out->expires_ms = cursor_u64(&cursor);
    struct bytes rest = cursor_take(&cursor, sizeof zeros);
    if (carriage != CARRIAGE_RELAY && carriage != CARRIAGE_DIRECT) return ERR_FORMAT;
    if (out->epoch_seq == 0 || out->expires_ms == 0 || memcmp(rest.data, zeros, sizeof zeros) != 0) return ERR_FORMAT;
    if (out->seal.payload_bytes <= BLOCK_OVERHEAD_BYTES || out->seal.payload_bytes > BLOCK_PAYLOAD_BYTES_MAX) return ERR_TOO_BIG;
    if (out->seal.plain_class > 22) return ERR_TOO_BIG; /* 4 MiB, BLOCK_PLAIN_BYTES_MAX */
    out->carriage = (enum carriage)carriage;
    return OK;
}
