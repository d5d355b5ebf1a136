/* fuzz_agency: a chain from anyone; and records whose content is the input but whose place and signatures are right, so that the
   rules behind the signatures are reached. What is accepted must describe itself consistently and parse again to the same. */
#include "crypto/agency.h"

#include "crypto/agency_record.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t root_seed[32] = {1}, next_seed[32] = {2}, ops_seed[32] = {3};

static void state_check(const struct agency *agency) {
    char fingerprint[AGENCY_FINGERPRINT_CHARS + 1];
    assert(agency->record_count >= 1 && agency->record_count <= AGENCY_RECORDS_MAX && agency->node_count <= AGENCY_NODES_MAX);
    assert(agency->threshold >= 1 && agency->threshold <= agency->root_count && agency->root_count <= AGENCY_KEYS_MAX);
    for (size_t i = 0; i < agency->node_count; i++) assert(agency_node_find(agency, agency->nodes[i].id) == &agency->nodes[i]);
    agency_fingerprint(fingerprint, agency->id);
    assert(agency_fingerprint_matches(fingerprint, agency->id));
}

/* Signs with one key and applies; the record stays in the chain when it was taken. */
static enum err record_apply(struct agency *agency, struct buf *chain, struct bytes body, const uint8_t *seed) {
    struct agency_signature signature;
    struct sign_subject subject;
    size_t start = chain->size;
    agency_subject(&subject, body);
    sign_public_of_seed(signature.public_key, seed);
    sign_make(signature.signature, &subject, seed);
    if (agency_seal_record(chain, body, &signature, 1) != OK) return ERR_TOO_BIG;
    enum err error = agency_apply(agency, bytes_of(chain->data + start + 2, chain->size - start - 2));
    if (error != OK) chain->size = start;
    return error;
}

static void first_root(struct agency *agency, struct buf *chain) {
    struct agency_root_draft draft = {
        .name = "Fuzz", .threshold = 1, .root_count = 1, .next_threshold = 1, .next_count = 1, .ops_count = 1};
    struct buf body = {0};
    uint8_t next[SIGN_PUBLIC_BYTES];
    sign_public_of_seed(draft.root_public[0], root_seed);
    sign_public_of_seed(draft.ops_public[0], ops_seed);
    sign_public_of_seed(next, next_seed);
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(next, sizeof next), bytes_of(NULL, 0));
    memset(agency, 0, sizeof *agency);
    enum err error = agency_draft_root(&body, NULL, &draft, 0);
    assert(error == OK);
    error = record_apply(agency, chain, bytes_of_buf(&body), root_seed);
    assert(error == OK);
    buf_free(&body);
}

/* Each record of the input: kind, size, content. Keys that are numbers (first byte, then zeros) become real ones. */
static void records_apply(struct cursor cursor) {
    static struct agency agency, again;
    struct buf chain = {0}, body = {0};
    first_root(&agency, &chain);
    while (cursor.left > 0) {
        uint8_t kind = cursor_u8(&cursor) % 4;
        size_t wanted = cursor_u8(&cursor) * (size_t)4;
        struct bytes content = cursor_take(&cursor, wanted < cursor.left ? wanted : cursor.left);
        buf_clear(&body);
        buf_put_raw(&body, (const uint8_t[]){AGENCY_BODY_VERSION, kind, AGENCY_SUITE, 0}, 4);
        buf_put_raw(&body, agency.id, AGENCY_ID_BYTES);
        buf_put_u32(&body, agency.record_count);
        buf_put_raw(&body, agency.head, HASH_BYTES);
        buf_put_u64(&body, 0);
        buf_put(&body, content);
        if (kind == AGENCY_NODE && content.size >= 64 && sodium_is_zero(content.data + 1, 31))
            sign_public_of_seed(body.data + 80, content.data);
        if (kind == AGENCY_REVOKE && content.size >= 16 && agency.node_count > 0)
            memcpy(body.data + 80, agency.nodes[content.data[0] % agency.node_count].id, NODE_ID_BYTES);
        enum err result = record_apply(&agency, &chain, bytes_of_buf(&body), kind == AGENCY_ROOT ? next_seed : ops_seed);
        assert((unsigned)result < ERR_COUNT);
        state_check(&agency);
    }
    enum err error = agency_parse(&again, bytes_of_buf(&chain), NULL);
    assert(error == OK && memcmp(&again, &agency, sizeof again) == 0);
    buf_free(&chain);
    buf_free(&body);
}

/* A body that reads writes back to the same bytes. */
static void body_round(struct bytes input) {
    struct agency_body body;
    struct buf out = {0};
    struct cursor cursor = cursor_of(input);
    if (agency_record_read(&body, &cursor) != OK) return;
    agency_record_write(&out, &body);
    assert(bytes_equal(bytes_of_buf(&out), bytes_of(input.data, input.size - cursor.left)));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct agency agency;
    uint32_t bad = 0;
    if (sodium_init() < 0) return 0;
    if (agency_parse(&agency, bytes_of(data, size), &bad) == OK) state_check(&agency);
    body_round(bytes_of(data, size));
    records_apply(cursor_of(bytes_of(data, size)));
    return 0;
}
