#include "node/identity/request.h"

#include "crypto/agency_record.h"
#include "gossip/armour.h"
#include "node/process/log.h"
#include "node/identity/newnode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAGIC       "CMTYRQST"
#define MAGIC_BYTES 8
#define VERSION     1
#define ARMOUR      "REQUEST"

void request_free(struct request *request) {
    buf_free(&request->chain);
    buf_free(&request->body);
    buf_free(&request->prekeys);
    *request = (struct request){0};
}

enum err request_open(struct request *out, struct bytes chain) {
    *out = (struct request){0};
    enum err err = agency_parse(&out->agency, chain, NULL);
    buf_put(&out->chain, chain);
    return err == OK ? buf_result(&out->chain) : err;
}

/* --- the file --- */

enum err request_write(struct buf *out, const struct request *request) {
    struct buf binary = {0};
    uint8_t sum[HASH_BYTES];
    buf_put_raw(&binary, MAGIC, MAGIC_BYTES);
    buf_put_u8(&binary, VERSION);
    buf_put_u32(&binary, (uint32_t)request->chain.size);
    buf_put(&binary, bytes_of_buf(&request->chain));
    buf_put_u16(&binary, (uint16_t)request->body.size);
    buf_put(&binary, bytes_of_buf(&request->body));
    buf_put_u32(&binary, (uint32_t)request->prekeys.size);
    buf_put(&binary, bytes_of_buf(&request->prekeys));
    buf_put_u8(&binary, (uint8_t)request->signature_count);
    for (size_t i = 0; i < request->signature_count; i++) {
        buf_put_raw(&binary, request->signatures[i].public_key, SIGN_PUBLIC_BYTES);
        buf_put_raw(&binary, request->signatures[i].signature, SIGN_BYTES);
    }
    enum err err = buf_result(&binary);
    if (err == OK) {
        hash_of(sum, "comity-request", bytes_of_buf(&binary), bytes_of(NULL, 0));
        buf_put_raw(&binary, sum, sizeof sum);
        err = buf_result(&binary);
    }
    if (err == OK) err = armour_write(out, ARMOUR, bytes_of_buf(&binary));
    buf_free(&binary);
    return err;
}

static enum err body_read(struct agency_body *out, const struct request *request) {
    struct cursor cursor = cursor_of(bytes_of_buf(&request->body));
    enum err err = agency_record_read(out, &cursor);
    if (err == OK && cursor.left != 0) err = ERR_FORMAT;
    return err;
}

/* Only what a signer could be shown and the chain would take. */
static enum err body_check(const struct request *request) {
    struct agency_body body;
    enum err err = body_read(&body, request);
    if (err == OK && (body.index != request->agency.record_count || body.index == 0 ||
                      memcmp(body.agency_id, request->agency.id, AGENCY_ID_BYTES) != 0 ||
                      memcmp(body.prev, request->agency.head, HASH_BYTES) != 0))
        err = ERR_CHAIN;
    if (err == OK) err = agency_record_check(&request->agency, &body);
    return err;
}

static enum err binary_read(struct request *out, struct bytes binary) {
    struct cursor cursor = cursor_of(binary);
    uint8_t sum[HASH_BYTES];
    struct bytes magic = cursor_take(&cursor, MAGIC_BYTES);
    if (cursor.failed || memcmp(magic.data, MAGIC, MAGIC_BYTES) != 0) return ERR_FORMAT;
    if (cursor_u8(&cursor) != VERSION) return ERR_VERSION;
    struct bytes chain = cursor_take(&cursor, cursor_u32(&cursor));
    struct bytes body = cursor_take(&cursor, cursor_u16(&cursor));
    struct bytes prekeys = cursor_take(&cursor, cursor_u32(&cursor));
    size_t count = cursor_u8(&cursor);
    if (cursor.failed || count > AGENCY_KEYS_MAX) return ERR_FORMAT;
    enum err err = request_open(out, chain);
    if (err != OK) return err;
    for (size_t i = 0; i < count; i++) {
        cursor_copy(&cursor, out->signatures[i].public_key, SIGN_PUBLIC_BYTES);
        cursor_copy(&cursor, out->signatures[i].signature, SIGN_BYTES);
    }
    out->signature_count = count;
    struct bytes said = cursor_take(&cursor, HASH_BYTES);
    if (!cursor_done(&cursor)) return ERR_FORMAT;
    hash_of(sum, "comity-request", bytes_of(binary.data, binary.size - HASH_BYTES), bytes_of(NULL, 0));
    if (memcmp(sum, said.data, HASH_BYTES) != 0) return ERR_HASH;
    buf_put(&out->body, body);
    buf_put(&out->prekeys, prekeys);
    err = buf_result(&out->body);
    if (err == OK) err = buf_result(&out->prekeys);
    return err == OK ? body_check(out) : err;
}

enum err request_read(struct request *out, struct bytes text) {
    struct buf binary = {0};
    *out = (struct request){0};
    if (text.size > 2 * REQUEST_BYTES_MAX) return ERR_TOO_BIG;
    enum err err = armour_read(&binary, ARMOUR, text);
    if (err == OK) err = binary_read(out, bytes_of_buf(&binary));
    buf_free(&binary);
    return err;
}

/* --- signatures --- */

static enum err signature_add(struct request *request, const struct agency_signature *signature) {
    size_t at = 0;
    while (at < request->signature_count &&
           memcmp(request->signatures[at].public_key, signature->public_key, SIGN_PUBLIC_BYTES) != 0)
        at++;
    if (at == AGENCY_KEYS_MAX) return ERR_LIMIT;
    request->signatures[at] = *signature;
    if (at == request->signature_count) request->signature_count++;
    return OK;
}

enum err request_sign(struct request *request, const uint8_t seed[static SIGN_SEED_BYTES]) {
    struct agency_signature signature;
    newnode_sign(&signature, bytes_of_buf(&request->body), seed);
    return signature_add(request, &signature);
}

enum err request_merge(struct request *request, const struct request *other) {
    enum err err = OK;
    if (!bytes_equal(bytes_of_buf(&request->body), bytes_of_buf(&other->body))) return ERR_CHAIN;
    for (size_t i = 0; err == OK && i < other->signature_count; i++) err = signature_add(request, &other->signatures[i]);
    return err;
}

enum err request_seal(struct request *request) {
    struct agency after;
    enum err err = agency_seal_record(&request->chain, bytes_of_buf(&request->body), request->signatures, request->signature_count);
    if (err == ERR_LIMIT && request->signature_count == 0) err = ERR_SIGNATURE;
    if (err == OK) err = agency_parse(&after, bytes_of_buf(&request->chain), NULL);
    if (err == OK) request->agency = after;
    return err;
}

bool request_is_root(const struct request *request) { return request->body.size > 1 && request->body.data[1] == AGENCY_ROOT; }

size_t request_threshold(const struct request *request) {
    return request_is_root(request) ? request->agency.next_threshold : request->agency.threshold;
}

/* --- for people --- */

static void root_text(struct buf *out, const struct request *request, const struct agency_body *body) {
    const struct agency_root_draft *root = &body->root;
    char hex[2 * NODE_ID_BYTES + 1];
    buf_put_format(out, "New root keys, generation %u: %u of %zu root keys sign, next time %u of %zu; %zu ops key%s.\n",
                   (unsigned)body->generation, (unsigned)root->threshold, root->root_count, (unsigned)root->next_threshold,
                   root->next_count, root->ops_count, root->ops_count == 1 ? "" : "s");
    for (size_t i = 0; i < request->agency.node_count; i++) {
        const struct agency_node *node = &request->agency.nodes[i];
        bool survives = false;
        for (size_t k = 0; k < root->surviving_count; k++) survives |= memcmp(root->surviving[k], node->id, NODE_ID_BYTES) == 0;
        if (node->revoked) continue;
        hex_encode(hex, bytes_of(node->id, NODE_ID_BYTES));
        buf_put_format(out, "  node %s %s\n", hex, survives ? "stays" : "ENDS, with all that it ever wrote");
    }
}

static void node_text(struct buf *out, const struct request *request, const struct agency_body *body) {
    uint8_t id[NODE_ID_BYTES];
    char hex[2 * NODE_ID_BYTES + 1], safe[AGENCY_ENDPOINT_BYTES_MAX * 4 + 1];
    agency_node_id(id, request->agency.id, body->node.sign_public);
    hex_encode(hex, bytes_of(id, NODE_ID_BYTES));
    buf_put_format(out, "%s node %s until %" PRIu64 " days after this record's date.\n",
                   agency_node_find(&request->agency, id) ? "Renews" : "Adds the NEW", hex,
                   (body->node.not_after_ms - body->time_ms) / NEWNODE_DAY_MS);
    for (size_t i = 0; i < body->node.endpoint_count; i++) {
        log_escape(safe, sizeof safe, bytes_of_text(body->node.endpoints[i].text));
        buf_put_format(out, "  reached at %s\n", safe);
    }
}

void request_text(struct buf *out, const struct request *request) {
    struct agency_body body;
    char safe[AGENCY_NAME_BYTES_MAX * 4 + 1], hex[2 * NODE_ID_BYTES + 1], fingerprint[AGENCY_FINGERPRINT_CHARS + 1];
    if (body_read(&body, request) != OK) return;
    log_escape(safe, sizeof safe, bytes_of_text(request->agency.name));
    agency_fingerprint(fingerprint, request->agency.id);
    buf_put_format(out, "Agency %s, %s, record %u.\n", safe, fingerprint, (unsigned)body.index);
    if (body.kind == AGENCY_ROOT) root_text(out, request, &body);
    if (body.kind == AGENCY_NODE) node_text(out, request, &body);
    if (body.kind == AGENCY_REVOKE) {
        hex_encode(hex, bytes_of(body.revoke.node, NODE_ID_BYTES));
        buf_put_format(out, "Revokes node %s: its entries up to number %" PRIu64 " stay, nothing after it counts.\n", hex,
                       body.revoke.seq);
    }
    buf_put_format(out, "%zu signature%s so far; it takes %zu of the %s keys%s.\n", request->signature_count,
                   request->signature_count == 1 ? "" : "s", request_threshold(request),
                   body.kind == AGENCY_ROOT ? "committed next root" : "root",
                   body.kind != AGENCY_ROOT && request->agency.ops_count > 0 ? ", or one ops key" : "");
}
