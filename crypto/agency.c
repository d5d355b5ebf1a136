/* agency: ROOT, NODE and REVOKE records: an agency's chain, parsed and verified. PROTOCOL.md 3 */
#include "crypto/agency.h"

#include "crypto/agency_record.h"
#include "crypto/verify.h"

#include <string.h>

/* The signatures of a record, as borrowed bytes: count entries of public key and signature. */
struct signature_list {
    const uint8_t *at;
    size_t count;
};

#define SIGNATURE_ENTRY_BYTES (SIGN_PUBLIC_BYTES + SIGN_BYTES)

static const struct bytes nothing = {NULL, 0};

static bool key_listed(const uint8_t (*keys)[SIGN_PUBLIC_BYTES], size_t count, const uint8_t *key) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(keys[i], key, SIGN_PUBLIC_BYTES) == 0) return true;
    return false;
}

/* Was this key's hash committed to by the ROOT in force? */
static bool key_committed(const struct agency *agency, const uint8_t *key) {
    uint8_t hash[HASH_BYTES];
    hash_of(hash, "comity-next-root", bytes_of(key, SIGN_PUBLIC_BYTES), nothing);
    for (size_t i = 0; i < agency->next_count; i++)
        if (memcmp(agency->next_hash[i], hash, HASH_BYTES) == 0) return true;
    return false;
}

static enum err signatures_read(struct signature_list *out, struct cursor *cursor) {
    out->count = cursor_u8(cursor);
    struct bytes list = cursor_take(cursor, out->count * SIGNATURE_ENTRY_BYTES);
    if (cursor->failed) return ERR_TRUNCATED;
    if (cursor->left != 0 || out->count < 1) return ERR_FORMAT;
    if (out->count > AGENCY_KEYS_MAX) return ERR_LIMIT;
    out->at = list.data;
    /* In order of their keys, so that nobody counts twice. */
    for (size_t i = 1; i < out->count; i++)
        if (memcmp(out->at + (i - 1) * SIGNATURE_ENTRY_BYTES, out->at + i * SIGNATURE_ENTRY_BYTES, SIGN_PUBLIC_BYTES) >= 0)
            return ERR_FORMAT;
    return OK;
}

/* PROTOCOL.md 3: who may sign what. Every signature must be by an entitled key and verify; all of those keys were imported. */
static enum err signatures_verify(const struct agency *agency, const struct agency_body *body, const struct signature_list *list,
                                  const struct sign_subject *subject) {
    bool root_record = body->kind == AGENCY_ROOT, first = root_record && body->index == 0;
    size_t ops = 0, root = 0;
    for (size_t i = 0; i < list->count; i++) {
        const uint8_t *key = list->at + i * SIGNATURE_ENTRY_BYTES;
        bool is_ops = !root_record && key_listed(agency->ops_public, agency->ops_count, key);
        bool is_root = root_record ? key_listed(body->root.root_public, body->root.root_count, key)
                                   : key_listed(agency->root_public, agency->root_count, key);
        if (root_record && !first && !key_committed(agency, key)) is_root = false;
        if (!is_ops && !is_root) return ERR_SIGNATURE;
        enum err error = verify_signature(key + SIGN_PUBLIC_BYTES, subject, key);
        if (error != OK) return error;
        ops += is_ops;
        root += is_root;
    }
    size_t threshold = first ? body->root.threshold : root_record ? agency->next_threshold : agency->threshold;
    return ops > 0 || root >= threshold ? OK : ERR_SIGNATURE;
}

static struct agency_node *node_find(struct agency *agency, const uint8_t *id) {
    for (size_t i = 0; i < agency->node_count; i++)
        if (memcmp(agency->nodes[i].id, id, NODE_ID_BYTES) == 0) return &agency->nodes[i];
    return NULL;
}

const struct agency_node *agency_node_find(const struct agency *agency, const uint8_t id[static NODE_ID_BYTES]) {
    for (size_t i = 0; i < agency->node_count; i++)
        if (memcmp(agency->nodes[i].id, id, NODE_ID_BYTES) == 0) return &agency->nodes[i];
    return NULL;
}

void agency_node_id(uint8_t out[static NODE_ID_BYTES], const uint8_t agency_id[static AGENCY_ID_BYTES],
                    const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) {
    uint8_t hash[HASH_BYTES];
    hash_of(hash, "comity-node", bytes_of(agency_id, AGENCY_ID_BYTES), bytes_of(sign_public, SIGN_PUBLIC_BYTES));
    memcpy(out, hash, NODE_ID_BYTES);
}

static enum err root_check(const struct agency *agency, const struct agency_body *body) {
    const struct agency_root_draft *root = &body->root;
    /* A committed key that is in use already would leave nothing that a thief of today's keys lacks. */
    struct agency next = {.next_count = root->next_count};
    memcpy(next.next_hash, root->next_hash, sizeof next.next_hash);
    for (size_t i = 0; i < root->root_count; i++)
        if (key_committed(&next, root->root_public[i])) return ERR_KEY;
    for (size_t i = 0; i < root->ops_count; i++)
        if (key_committed(&next, root->ops_public[i])) return ERR_KEY;
    if (agency == NULL) return root->surviving_count == 0 && body->generation == 0 ? OK : ERR_CHAIN;
    if (agency->generation == UINT32_MAX || body->generation != agency->generation + 1) return ERR_CHAIN;
    for (size_t i = 0; i < root->surviving_count; i++) {
        const struct agency_node *node = agency_node_find(agency, root->surviving[i]);
        if (node == NULL) return ERR_NOT_FOUND;
        if (node->revoked) return ERR_REVOKED;
    }
    return OK;
}

static enum err node_check(const struct agency *agency, const struct agency_body *body) {
    uint8_t id[NODE_ID_BYTES];
    agency_node_id(id, agency->id, body->node.sign_public);
    const struct agency_node *known = agency_node_find(agency, id);
    if (known != NULL && known->revoked) return ERR_REVOKED;
    if (known == NULL && agency->node_count >= AGENCY_NODES_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < agency->node_count; i++)
        if (&agency->nodes[i] != known && memcmp(agency->nodes[i].curve_public, body->node.curve_public, CURVE_KEY_BYTES) == 0)
            return ERR_EXISTS;
    return OK;
}

enum err agency_record_check(const struct agency *agency, const struct agency_body *body) {
    switch (body->kind) {
    case AGENCY_ROOT: return root_check(agency, body);
    case AGENCY_NODE: return node_check(agency, body);
    case AGENCY_REVOKE: return agency_node_find(agency, body->revoke.node) != NULL ? OK : ERR_NOT_FOUND;
    }
    return ERR_FORMAT;
}

static enum err position_check(const struct agency *agency, const struct agency_body *body, const uint8_t *hash) {
    static const uint8_t zeros[AGENCY_ID_BYTES] = {0};
    if (agency->record_count >= AGENCY_RECORDS_MAX) return ERR_LIMIT;
    if (agency->record_count > 0 && memcmp(hash, agency->head, HASH_BYTES) == 0) return ERR_EXISTS;
    if (body->index != agency->record_count) return ERR_CHAIN;
    if (memcmp(body->agency_id, body->index == 0 ? zeros : agency->id, AGENCY_ID_BYTES) != 0) return ERR_CHAIN;
    if (memcmp(body->prev, body->index == 0 ? zeros : agency->head, HASH_BYTES) != 0) return ERR_CHAIN;
    return body->index > 0 || body->kind == AGENCY_ROOT ? OK : ERR_CHAIN;
}

static void node_cut(struct agency_node *node, uint64_t seq, const uint8_t *hash) {
    /* PROTOCOL.md 3.3: of several cuts the lowest wins. */
    if (node->revoked && node->revoked_seq <= seq) return;
    node->revoked = true;
    node->revoked_seq = seq;
    memcpy(node->revoked_hash, hash, HASH_BYTES);
}

static void root_apply(struct agency *agency, const struct agency_body *body) {
    static const uint8_t zeros[HASH_BYTES] = {0};
    const struct agency_root_draft *root = &body->root;
    memcpy(agency->name, body->name, sizeof agency->name);
    agency->generation = body->generation;
    agency->threshold = root->threshold;
    memcpy(agency->root_public, root->root_public, sizeof agency->root_public);
    agency->root_count = root->root_count;
    agency->next_threshold = root->next_threshold;
    memcpy(agency->next_hash, root->next_hash, sizeof agency->next_hash);
    agency->next_count = root->next_count;
    memcpy(agency->ops_public, root->ops_public, sizeof agency->ops_public);
    agency->ops_count = root->ops_count;
    for (size_t i = 0; i < agency->node_count; i++) {
        bool survives = false;
        for (size_t k = 0; k < root->surviving_count; k++)
            survives |= memcmp(root->surviving[k], agency->nodes[i].id, NODE_ID_BYTES) == 0;
        /* Nobody vouches for anything of a node that is dropped without a cut. */
        if (!survives && !agency->nodes[i].revoked) node_cut(&agency->nodes[i], 0, zeros);
    }
}

static void node_apply(struct agency *agency, const struct agency_body *body) {
    uint8_t id[NODE_ID_BYTES];
    agency_node_id(id, agency->id, body->node.sign_public);
    struct agency_node *node = node_find(agency, id);
    if (node == NULL) node = &agency->nodes[agency->node_count++];
    *node = body->node;
    memcpy(node->id, id, NODE_ID_BYTES);
}

enum err agency_apply(struct agency *agency, struct bytes record) {
    struct agency_body body;
    struct signature_list list;
    struct sign_subject subject;
    if (record.size > AGENCY_RECORD_BYTES_MAX) return ERR_TOO_BIG;
    struct cursor cursor = cursor_of(record);
    enum err error = agency_record_read(&body, &cursor);
    if (error != OK) return error;
    agency_subject(&subject, bytes_of(record.data, record.size - cursor.left));
    error = signatures_read(&list, &cursor);
    if (error == OK) error = position_check(agency, &body, subject.hash);
    if (error == OK) error = agency_record_check(body.index == 0 ? NULL : agency, &body);
    /* Keys that a first or later ROOT brings sign that ROOT, so they are imported before; those of a NODE sign nothing yet. */
    if (error == OK && body.kind == AGENCY_ROOT) error = agency_record_keys(&body);
    if (error == OK) error = signatures_verify(agency, &body, &list, &subject);
    if (error == OK && body.kind != AGENCY_ROOT) error = agency_record_keys(&body);
    if (error != OK) return error;
    if (body.index == 0) memcpy(agency->id, subject.hash, AGENCY_ID_BYTES);
    if (body.kind == AGENCY_ROOT) root_apply(agency, &body);
    if (body.kind == AGENCY_NODE) node_apply(agency, &body);
    if (body.kind == AGENCY_REVOKE) node_cut(node_find(agency, body.revoke.node), body.revoke.seq, body.revoke.hash);
    agency->record_count++;
    memcpy(agency->head, subject.hash, HASH_BYTES);
    return OK;
}

enum err agency_parse(struct agency *out, struct bytes chain, uint32_t *record_bad) {
    memset(out, 0, sizeof *out);
    if (record_bad != NULL) *record_bad = 0;
    if (chain.size > AGENCY_CHAIN_BYTES_MAX) return ERR_TOO_BIG;
    if (chain.size == 0) return ERR_TRUNCATED;
    struct cursor cursor = cursor_of(chain);
    enum err error = OK;
    while (error == OK && cursor.left > 0) {
        struct bytes record = cursor_take(&cursor, cursor_u16(&cursor));
        error = cursor.failed ? ERR_TRUNCATED : agency_apply(out, record);
    }
    if (error == OK) return OK;
    if (record_bad != NULL) *record_bad = out->record_count;
    memset(out, 0, sizeof *out);
    return error;
}
