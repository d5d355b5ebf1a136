#include "gossip/disclosure.h"

#include "crypto/verify.h"

#include <string.h>

#define ROW_VERSION 1
#define HEAD_TYPE   1
#define HEAD_BODY   (8 + 8 + HASH_BYTES + NODE_ID_BYTES)

static const char *const kind_names[DISCLOSURE_KIND_COUNT] = {NULL, "begin", "out", "in", "look", "act", "erase"};

const char *disclosure_kind_name(enum disclosure_kind kind) {
    return (unsigned)kind < DISCLOSURE_KIND_COUNT ? kind_names[kind] : NULL;
}

bool disclosure_kind_of(enum disclosure_kind *out, const char *name) {
    for (int i = 1; i < DISCLOSURE_KIND_COUNT; i++) {
        if (strcmp(kind_names[i], name) != 0) continue;
        *out = (enum disclosure_kind)i;
        return true;
    }
    return false;
}

void disclosure_row_write(uint8_t out[static DISCLOSURE_ROW_BYTES], const struct disclosure_row *row) {
    memset(out, 0, DISCLOSURE_ROW_BYTES);
    out[0] = ROW_VERSION;
    out[1] = (uint8_t)row->kind;
    put_be64(out + 8, row->number);
    put_be64(out + 16, row->time_ms);
    memcpy(out + 24, row->previous, HASH_BYTES);
    memcpy(out + 24 + HASH_BYTES, row->commitment, HASH_BYTES);
}

enum err disclosure_row_read(struct disclosure_row *out, struct bytes bytes) {
    struct cursor cursor = cursor_of(bytes);
    uint8_t version = cursor_u8(&cursor), kind = cursor_u8(&cursor);
    uint64_t zeros = (uint64_t)cursor_u16(&cursor) | cursor_u32(&cursor);
    out->number = cursor_u64(&cursor);
    out->time_ms = cursor_u64(&cursor);
    cursor_copy(&cursor, out->previous, HASH_BYTES);
    cursor_copy(&cursor, out->commitment, HASH_BYTES);
    if (!cursor_done(&cursor) || zeros != 0) return ERR_FORMAT;
    if (version != ROW_VERSION) return ERR_VERSION;
    if (kind == 0 || kind >= DISCLOSURE_KIND_COUNT || out->number == 0) return ERR_RANGE;
    out->kind = (enum disclosure_kind)kind;
    return OK;
}

void disclosure_row_hash(uint8_t out[static HASH_BYTES], const uint8_t row[static DISCLOSURE_ROW_BYTES]) {
    hash_of(out, "comity-ledger-row", bytes_of(row, DISCLOSURE_ROW_BYTES), bytes_of(NULL, 0));
}

void disclosure_commit(uint8_t out[static HASH_BYTES], const uint8_t salt[static DISCLOSURE_SALT_BYTES], struct bytes details) {
    hash_of(out, "comity-ledger-details", bytes_of(salt, DISCLOSURE_SALT_BYTES), details);
}

void disclosure_asked(uint8_t out[static DISCLOSURE_ASKED_BYTES], const uint8_t salt[static DISCLOSURE_SALT_BYTES], uint8_t kind,
                      struct bytes value) {
    uint8_t key[HASH_BYTES], hash[HASH_BYTES], text[1 + HASH_BYTES];
    /* hash_derive takes one part: a long value goes in as its hash. */
    hash_of(hash, "comity-ledger-value", value, bytes_of(NULL, 0));
    text[0] = kind;
    memcpy(text + 1, hash, HASH_BYTES);
    hash_derive(key, salt, "comity-ledger-asked", bytes_of(text, sizeof text));
    memcpy(out, key, DISCLOSURE_ASKED_BYTES);
}

/* --- signed heads --- */

static void head_body(uint8_t out[static HEAD_BODY], const struct disclosure_head *head) {
    put_be64(out, head->number);
    put_be64(out + 8, head->time_ms);
    memcpy(out + 16, head->row_hash, HASH_BYTES);
    memcpy(out + 16 + HASH_BYTES, head->node_id, NODE_ID_BYTES);
}

void disclosure_head_subject(struct sign_subject *out, const struct disclosure_head *head,
                             const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    uint8_t body[HEAD_BODY];
    *out = (struct sign_subject){.purpose = SIGN_LEDGER, .type = HEAD_TYPE, .suite = AGENCY_SUITE, .seq = head->number};
    memcpy(out->agency, agency_id, AGENCY_ID_BYTES);
    head_body(body, head);
    hash_of(out->hash, "comity-ledger-head", bytes_of(body, sizeof body), bytes_of(NULL, 0));
}

void disclosure_head_write(uint8_t out[static DISCLOSURE_HEAD_BYTES], const struct disclosure_head *head) {
    head_body(out, head);
    memcpy(out + HEAD_BODY, head->signature, SIGN_BYTES);
}

enum err disclosure_head_read(struct disclosure_head *out, struct bytes bytes) {
    struct cursor cursor = cursor_of(bytes);
    out->number = cursor_u64(&cursor);
    out->time_ms = cursor_u64(&cursor);
    cursor_copy(&cursor, out->row_hash, HASH_BYTES);
    cursor_copy(&cursor, out->node_id, NODE_ID_BYTES);
    cursor_copy(&cursor, out->signature, SIGN_BYTES);
    return cursor_done(&cursor) && out->number > 0 ? OK : ERR_FORMAT;
}

enum err disclosure_head_verify(const struct disclosure_head *head, const struct agency *agency) {
    struct sign_subject subject;
    const struct agency_node *node = agency_node_find(agency, head->node_id);
    if (!node) return ERR_NOT_FOUND;
    disclosure_head_subject(&subject, head, agency->id);
    return verify_signature(head->signature, &subject, node->sign_public);
}
