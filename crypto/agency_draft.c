/* agency: making records: drafts, what to sign, sealing. PROTOCOL.md 3 */
#include "crypto/agency.h"

#include "crypto/agency_record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int key_compare(const void *a, const void *b) { return memcmp(a, b, 32); }

static int node_id_compare(const void *a, const void *b) { return memcmp(a, b, NODE_ID_BYTES); }

static int signature_compare(const void *a, const void *b) {
    const struct agency_signature *first = a, *second = b;
    return memcmp(first->public_key, second->public_key, SIGN_PUBLIC_BYTES);
}

static void body_begin(struct agency_body *body, enum agency_record kind, const struct agency *agency, uint64_t now_ms) {
    memset(body, 0, sizeof *body);
    body->kind = kind;
    body->time_ms = now_ms;
    if (agency == NULL) return;
    body->index = agency->record_count;
    memcpy(body->agency_id, agency->id, AGENCY_ID_BYTES);
    memcpy(body->prev, agency->head, HASH_BYTES);
}

/* Writes the body, and reads it back: what is drafted here is accepted there, or it is refused now. */
static enum err body_finish(struct buf *out, const struct agency_body *body, const struct agency *agency) {
    struct agency_body again;
    size_t start = out->size;
    if (agency != NULL && agency->record_count >= AGENCY_RECORDS_MAX) return ERR_LIMIT;
    agency_record_write(out, body);
    enum err error = buf_result(out);
    if (error != OK) return error;
    struct cursor cursor = cursor_of(bytes_of(out->data + start, out->size - start));
    error = agency_record_read(&again, &cursor);
    if (error == OK && cursor.left != 0) error = ERR_FORMAT;
    if (error == OK) error = agency_record_check(agency, &again);
    if (error == OK) error = agency_record_keys(&again);
    if (error != OK) out->size = start;
    return error;
}

enum err agency_draft_root(struct buf *body, const struct agency *agency, const struct agency_root_draft *draft, uint64_t now_ms) {
    struct agency_body root;
    body_begin(&root, AGENCY_ROOT, agency, now_ms);
    root.generation = agency == NULL ? 0 : agency->generation + 1;
    root.root = *draft;
    if (draft->root_count > AGENCY_KEYS_MAX || draft->next_count > AGENCY_KEYS_MAX || draft->ops_count > AGENCY_KEYS_MAX ||
        draft->surviving_count > AGENCY_NODES_MAX)
        return ERR_LIMIT;
    size_t name_size = strlen(draft->name);
    if (name_size > AGENCY_NAME_BYTES_MAX) return ERR_UTF8;
    memcpy(root.name, draft->name, name_size);
    qsort(root.root.root_public, draft->root_count, SIGN_PUBLIC_BYTES, key_compare);
    qsort(root.root.next_hash, draft->next_count, HASH_BYTES, key_compare);
    qsort(root.root.ops_public, draft->ops_count, SIGN_PUBLIC_BYTES, key_compare);
    qsort(root.root.surviving, draft->surviving_count, NODE_ID_BYTES, node_id_compare);
    return body_finish(body, &root, agency);
}

enum err agency_draft_node(struct buf *body, const struct agency *agency, const struct agency_node *node, uint64_t now_ms) {
    struct agency_body record;
    assert(agency != NULL);
    body_begin(&record, AGENCY_NODE, agency, now_ms);
    if (node->endpoint_count > AGENCY_ENDPOINTS_MAX) return ERR_LIMIT;
    record.node = *node;
    return body_finish(body, &record, agency);
}

enum err agency_draft_revoke(struct buf *body, const struct agency *agency, const uint8_t node[static NODE_ID_BYTES], uint64_t seq,
                             const uint8_t hash[static HASH_BYTES], uint64_t now_ms) {
    struct agency_body record;
    assert(agency != NULL);
    body_begin(&record, AGENCY_REVOKE, agency, now_ms);
    memcpy(record.revoke.node, node, NODE_ID_BYTES);
    record.revoke.seq = seq;
    memcpy(record.revoke.hash, hash, HASH_BYTES);
    return body_finish(body, &record, agency);
}

void agency_subject(struct sign_subject *out, struct bytes body) {
    memset(out, 0, sizeof *out);
    /* The fixed head of every body; a shorter one gives a subject that nothing verifies. */
    struct cursor cursor = cursor_of(body);
    cursor_u8(&cursor);
    out->purpose = SIGN_AGENCY;
    out->type = cursor_u8(&cursor);
    out->suite = cursor_u8(&cursor);
    cursor_u8(&cursor);
    cursor_copy(&cursor, out->agency, AGENCY_ID_BYTES);
    out->seq = cursor_u32(&cursor);
    hash_of(out->hash, "comity-agency", body, bytes_of(NULL, 0));
}

enum err agency_seal_record(struct buf *chain, struct bytes body, const struct agency_signature *signatures, size_t count) {
    struct agency_signature sorted[AGENCY_KEYS_MAX];
    if (count < 1 || count > AGENCY_KEYS_MAX) return ERR_LIMIT;
    size_t size = body.size + 1 + count * (SIGN_PUBLIC_BYTES + SIGN_BYTES);
    if (size > AGENCY_RECORD_BYTES_MAX) return ERR_TOO_BIG;
    memcpy(sorted, signatures, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, signature_compare);
    for (size_t i = 1; i < count; i++)
        if (signature_compare(&sorted[i - 1], &sorted[i]) == 0) return ERR_EXISTS;
    if (!buf_reserve(chain, 2 + size)) return buf_result(chain);
    buf_put_u16(chain, (uint16_t)size);
    buf_put(chain, body);
    buf_put_u8(chain, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        buf_put_raw(chain, sorted[i].public_key, SIGN_PUBLIC_BYTES);
        buf_put_raw(chain, sorted[i].signature, SIGN_BYTES);
    }
    return OK;
}
