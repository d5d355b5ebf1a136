/* agency_record: the body of one record as fields, between its bytes and the chain's rules. */
#include "crypto/agency_record.h"

#include "crypto/verify.h"

#include <sodium.h>
#include <string.h>

/* Decodes one character; 0 when it is not valid UTF-8 (or is the character 0, which is as bad here). */
static uint32_t utf8_take(struct cursor *cursor) {
    uint8_t first = cursor_u8(cursor);
    if (first < 0x80) return first;
    int more = first >= 0xc2 && first < 0xe0 ? 1 : (first & 0xf0) == 0xe0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
    if (more == 0) return 0;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint32_t character = first & (0x3fu >> more);
    for (int i = 0; i < more; i++) {
        uint8_t next = cursor_u8(cursor);
        if ((next & 0xc0) != 0x80) return 0;
        character = character << 6 | (next & 0x3fu);
    }
    bool surrogate = character >= 0xd800 && character < 0xe000;
    return character < least[more] || character > 0x10ffff || surrogate ? 0 : character;
}

/* A name is shown to people: no controls, and nothing that turns the direction of writing or breaks the line. */
static bool name_valid(struct bytes name) {
    if (name.size < 1 || name.size > AGENCY_NAME_BYTES_MAX) return false;
    struct cursor cursor = cursor_of(name);
    while (cursor.left > 0) {
        uint32_t c = utf8_take(&cursor);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
        if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
            return false;
    }
    return !cursor.failed;
}

static bool host_valid(struct bytes host) {
    bool bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    if (bracketed) host = bytes_of(host.data + 1, host.size - 2);
    if (host.size == 0) return false;
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (bracketed ? !(hex || c == ':' || c == '.') : !(hex || letter || c == '.' || c == '-' || c == '_')) return false;
    }
    return true;
}

/* "tcp://HOST:PORT" */
static bool endpoint_valid(struct bytes text) {
    static const char scheme[] = "tcp://";
    size_t skip = sizeof scheme - 1, colon = text.size;
    if (text.size <= skip || memcmp(text.data, scheme, skip) != 0) return false;
    while (colon > skip && text.data[colon - 1] != ':') colon--;
    size_t digits = text.size - colon;
    if (colon <= skip + 1 || digits < 1 || digits > 5 || text.data[colon] == '0') return false;
    uint32_t port = 0;
    for (size_t i = colon; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    return port <= 65535 && host_valid(bytes_of(text.data + skip, colon - 1 - skip));
}

/* Reads `count` entries of `size` bytes that must rise strictly: one order for one set, and nothing twice. */
static enum err list_read(struct cursor *cursor, uint8_t *out, size_t count, size_t size) {
    cursor_copy(cursor, out, count * size);
    if (cursor->failed) return ERR_TRUNCATED;
    for (size_t i = 1; i < count; i++)
        if (memcmp(out + (i - 1) * size, out + i * size, size) >= 0) return ERR_FORMAT;
    return OK;
}

static enum err root_read(struct agency_body *out, struct cursor *cursor) {
    struct agency_root_draft *root = &out->root;
    out->generation = cursor_u32(cursor);
    root->threshold = cursor_u8(cursor);
    root->root_count = cursor_u8(cursor);
    root->next_threshold = cursor_u8(cursor);
    root->next_count = cursor_u8(cursor);
    root->ops_count = cursor_u8(cursor);
    root->surviving_count = cursor_u8(cursor);
    uint8_t name_size = cursor_u8(cursor), zero = cursor_u8(cursor);
    if (cursor->failed) return ERR_TRUNCATED;
    if (root->root_count > AGENCY_KEYS_MAX || root->next_count > AGENCY_KEYS_MAX || root->ops_count > AGENCY_KEYS_MAX ||
        root->surviving_count > AGENCY_NODES_MAX)
        return ERR_LIMIT;
    if (zero != 0 || root->threshold < 1 || root->threshold > root->root_count || root->next_threshold < 1 ||
        root->next_threshold > root->next_count)
        return ERR_FORMAT;
    enum err error = list_read(cursor, root->root_public[0], root->root_count, SIGN_PUBLIC_BYTES);
    if (error == OK) error = list_read(cursor, root->next_hash[0], root->next_count, HASH_BYTES);
    if (error == OK) error = list_read(cursor, root->ops_public[0], root->ops_count, SIGN_PUBLIC_BYTES);
    if (error == OK) error = list_read(cursor, root->surviving[0], root->surviving_count, NODE_ID_BYTES);
    if (error != OK) return error;
    struct bytes name = cursor_take(cursor, name_size);
    if (cursor->failed) return ERR_TRUNCATED;
    if (!name_valid(name)) return ERR_UTF8;
    memcpy(out->name, name.data, name.size);
    root->name = out->name;
    return OK;
}

static enum err node_read(struct agency_node *node, struct cursor *cursor) {
    cursor_copy(cursor, node->sign_public, SIGN_PUBLIC_BYTES);
    cursor_copy(cursor, node->curve_public, CURVE_KEY_BYTES);
    node->not_before_ms = cursor_u64(cursor);
    node->not_after_ms = cursor_u64(cursor);
    node->endpoint_count = cursor_u8(cursor);
    uint8_t zeros = cursor_u8(cursor) | cursor_u8(cursor);
    zeros |= cursor_u8(cursor);
    if (cursor->failed) return ERR_TRUNCATED;
    if (zeros != 0) return ERR_FORMAT;
    if (node->endpoint_count > AGENCY_ENDPOINTS_MAX) return ERR_LIMIT;
    if (node->not_after_ms <= node->not_before_ms || node->not_after_ms - node->not_before_ms > AGENCY_NODE_MS_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < node->endpoint_count; i++) {
        struct bytes text = cursor_take(cursor, cursor_u8(cursor));
        if (cursor->failed) return ERR_TRUNCATED;
        if (text.size > AGENCY_ENDPOINT_BYTES_MAX || !endpoint_valid(text)) return ERR_FORMAT;
        memcpy(node->endpoints[i].text, text.data, text.size);
    }
    return OK;
}

static enum err revoke_read(struct agency_revoke *revoke, struct cursor *cursor) {
    cursor_copy(cursor, revoke->node, NODE_ID_BYTES);
    revoke->seq = cursor_u64(cursor);
    cursor_copy(cursor, revoke->hash, HASH_BYTES);
    return cursor->failed ? ERR_TRUNCATED : OK;
}

enum err agency_record_read(struct agency_body *out, struct cursor *cursor) {
    memset(out, 0, sizeof *out);
    uint8_t version = cursor_u8(cursor), kind = cursor_u8(cursor), suite = cursor_u8(cursor), zero = cursor_u8(cursor);
    cursor_copy(cursor, out->agency_id, AGENCY_ID_BYTES);
    out->index = cursor_u32(cursor);
    cursor_copy(cursor, out->prev, HASH_BYTES);
    out->time_ms = cursor_u64(cursor);
    if (cursor->failed) return ERR_TRUNCATED;
    if (version != AGENCY_BODY_VERSION) return ERR_VERSION;
    if (suite != AGENCY_SUITE) return ERR_SUITE;
    if (zero != 0) return ERR_FORMAT;
    out->kind = kind;
    switch (kind) {
    case AGENCY_ROOT: return root_read(out, cursor);
    case AGENCY_NODE: return node_read(&out->node, cursor);
    case AGENCY_REVOKE: return revoke_read(&out->revoke, cursor);
    default: return ERR_FORMAT;
    }
}

enum err agency_record_keys(const struct agency_body *body) {
    static const uint8_t probe[32] = {1};
    uint8_t shared[32];
    enum err error = OK;
    for (size_t i = 0; error == OK && i < body->root.root_count; i++) error = verify_key_import(body->root.root_public[i]);
    for (size_t i = 0; error == OK && i < body->root.ops_count; i++) error = verify_key_import(body->root.ops_public[i]);
    if (error != OK || body->kind != AGENCY_NODE) return error;
    error = verify_key_import(body->node.sign_public);
    if (error == OK && crypto_scalarmult(shared, probe, body->node.curve_public) != 0) error = ERR_KEY;
    return error;
}

static void root_write(struct buf *out, const struct agency_body *body) {
    const struct agency_root_draft *root = &body->root;
    size_t name_size = strlen(body->name);
    buf_put_u32(out, body->generation);
    buf_put_u8(out, root->threshold);
    buf_put_u8(out, (uint8_t)root->root_count);
    buf_put_u8(out, root->next_threshold);
    buf_put_u8(out, (uint8_t)root->next_count);
    buf_put_u8(out, (uint8_t)root->ops_count);
    buf_put_u8(out, (uint8_t)root->surviving_count);
    buf_put_u8(out, (uint8_t)name_size);
    buf_put_u8(out, 0);
    buf_put_raw(out, root->root_public, root->root_count * SIGN_PUBLIC_BYTES);
    buf_put_raw(out, root->next_hash, root->next_count * HASH_BYTES);
    buf_put_raw(out, root->ops_public, root->ops_count * SIGN_PUBLIC_BYTES);
    buf_put_raw(out, root->surviving, root->surviving_count * NODE_ID_BYTES);
    buf_put_raw(out, body->name, name_size);
}

static void node_write(struct buf *out, const struct agency_node *node) {
    static const uint8_t zeros[3] = {0};
    buf_put_raw(out, node->sign_public, SIGN_PUBLIC_BYTES);
    buf_put_raw(out, node->curve_public, CURVE_KEY_BYTES);
    buf_put_u64(out, node->not_before_ms);
    buf_put_u64(out, node->not_after_ms);
    buf_put_u8(out, (uint8_t)node->endpoint_count);
    buf_put_raw(out, zeros, sizeof zeros);
    for (size_t i = 0; i < node->endpoint_count; i++) {
        size_t size = strnlen(node->endpoints[i].text, AGENCY_ENDPOINT_BYTES_MAX);
        buf_put_u8(out, (uint8_t)size);
        buf_put_raw(out, node->endpoints[i].text, size);
    }
}

void agency_record_write(struct buf *out, const struct agency_body *body) {
    buf_put_u8(out, AGENCY_BODY_VERSION);
    buf_put_u8(out, (uint8_t)body->kind);
    buf_put_u8(out, AGENCY_SUITE);
    buf_put_u8(out, 0);
    buf_put_raw(out, body->agency_id, AGENCY_ID_BYTES);
    buf_put_u32(out, body->index);
    buf_put_raw(out, body->prev, HASH_BYTES);
    buf_put_u64(out, body->time_ms);
    if (body->kind == AGENCY_ROOT) root_write(out, body);
    if (body->kind == AGENCY_NODE) node_write(out, &body->node);
    if (body->kind == AGENCY_REVOKE) {
        buf_put_raw(out, body->revoke.node, NODE_ID_BYTES);
        buf_put_u64(out, body->revoke.seq);
        buf_put_raw(out, body->revoke.hash, HASH_BYTES);
    }
}
