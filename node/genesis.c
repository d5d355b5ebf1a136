#include "node/genesis.h"

#include "crypto/secret.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define GENESIS_DAY_MS (24ull * 3600 * 1000)
/* The first moments of a certificate lie in the past, so that a partner whose clock is behind accepts it. */
#define GENESIS_EARLY_MS (3600ull * 1000)

static enum err record_sign_and_seal(struct buf *chain, const struct buf *body, const uint8_t seed[static SIGN_SEED_BYTES]) {
    struct sign_subject subject;
    struct agency_signature signature;
    agency_subject(&subject, bytes_of_buf(body));
    sign_public_of_seed(signature.public_key, seed);
    sign_make(signature.signature, &subject, seed);
    return agency_seal_record(chain, bytes_of_buf(body), &signature, 1);
}

static enum err root_record_make(struct genesis *out, const struct genesis_options *options) {
    struct agency_root_draft draft = {
        .name = options->agency_name, .threshold = 1, .root_count = 1, .next_threshold = 1, .next_count = 1};
    uint8_t next_public[SIGN_PUBLIC_BYTES];
    struct buf body = {0};
    sign_public_of_seed(draft.root_public[0], out->root->sign_seed);
    sign_public_of_seed(next_public, out->root->next_seed);
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(next_public, sizeof next_public), bytes_of(NULL, 0));
    enum err err = agency_draft_root(&body, NULL, &draft, options->now_ms);
    if (err == OK) err = record_sign_and_seal(&out->chain, &body, out->root->sign_seed);
    buf_free(&body);
    return err == OK ? agency_parse(&out->agency, bytes_of_buf(&out->chain), NULL) : err;
}

static enum err node_record_make(struct genesis *out, const struct genesis_options *options) {
    struct agency_node node = {.not_before_ms = options->now_ms > GENESIS_EARLY_MS ? options->now_ms - GENESIS_EARLY_MS : 0,
                               .not_after_ms = options->now_ms + AGENCY_NODE_DAYS * GENESIS_DAY_MS};
    struct buf body = {0};
    sign_public_of_seed(node.sign_public, out->node->sign_seed);
    agency_node_id(node.id, out->agency.id, node.sign_public);
    if (crypto_scalarmult_base(node.curve_public, out->node->curve_secret) != 0) return ERR_KEY;
    if (options->endpoint && *options->endpoint) {
        if (strlen(options->endpoint) > AGENCY_ENDPOINT_BYTES_MAX) return ERR_TOO_BIG;
        snprintf(node.endpoints[0].text, sizeof node.endpoints[0].text, "%s", options->endpoint);
        node.endpoint_count = 1;
    }
    enum err err = agency_draft_node(&body, &out->agency, &node, options->now_ms);
    if (err == OK) err = record_sign_and_seal(&out->chain, &body, out->root->sign_seed);
    buf_free(&body);
    return err == OK ? agency_parse(&out->agency, bytes_of_buf(&out->chain), NULL) : err;
}

/* Entry 1 of the node's log, so that others can seal to this node before they ever met it. */
static enum err prekey_entry_make(struct genesis *out, uint64_t now_ms) {
    uint8_t body[PREKEY_BODY_BYTES] = {0}, signature[SIGN_BYTES];
    struct entry_draft draft = {.type = ENTRY_PREKEY, .seq = 1, .time_ms = now_ms, .body = bytes_of(body, sizeof body)};
    struct sign_subject subject;
    struct entry entry;
    prekey_write(body, &out->node->prekeys[0].public_half);
    memcpy(draft.agency_id, out->agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, out->agency.nodes[0].id, NODE_ID_BYTES);
    enum err err = entry_write(&out->prekey, &draft);
    if (err == OK) err = entry_parse_draft(&entry, bytes_of_buf(&out->prekey));
    if (err != OK) return err;
    entry_subject(&subject, &entry);
    sign_make(signature, &subject, out->node->sign_seed);
    buf_put_raw(&out->prekey, signature, sizeof signature);
    return buf_result(&out->prekey);
}

static void secrets_draw(struct genesis *out, uint64_t now_ms, struct random *random) {
    struct keyfile_prekey *prekey = &out->node->prekeys[0];
    *out->root = (struct keyfile){.kind = KEYFILE_ROOT};
    *out->node = (struct keyfile){.kind = KEYFILE_NODE, .prekey_count = 1, .prekey_next_id = 2};
    random_bytes(random, out->root->sign_seed, sizeof out->root->sign_seed);
    random_bytes(random, out->root->next_seed, sizeof out->root->next_seed);
    random_bytes(random, out->node->sign_seed, sizeof out->node->sign_seed);
    random_bytes(random, out->node->curve_secret, sizeof out->node->curve_secret);
    random_bytes(random, out->node->store_key, sizeof out->node->store_key);
    random_bytes(random, prekey->secret, sizeof prekey->secret);
    prekey_public_of_secret(prekey->public_half.public_key, prekey->secret);
    prekey->public_half.id = 1;
    prekey->public_half.created_ms = now_ms;
}

enum err genesis_make(struct genesis *out, const struct genesis_options *options, struct random *random) {
    *out = (struct genesis){0};
    out->root = secret_new(sizeof *out->root);
    out->node = secret_new(sizeof *out->node);
    if (!out->root || !out->node) return ERR_MEMORY;
    secrets_draw(out, options->now_ms, random);
    enum err err = root_record_make(out, options);
    if (err != OK) return err;
    memcpy(out->root->agency_id, out->agency.id, AGENCY_ID_BYTES);
    memcpy(out->node->agency_id, out->agency.id, AGENCY_ID_BYTES);
    err = node_record_make(out, options);
    if (err == OK) err = prekey_entry_make(out, options->now_ms);
    if (err == OK) err = card_write(&out->card, bytes_of_buf(&out->chain), bytes_of_buf(&out->prekey));
    return err;
}

void genesis_free(struct genesis *genesis) {
    secret_free(genesis->root);
    secret_free(genesis->node);
    buf_free(&genesis->chain);
    buf_free(&genesis->prekey);
    buf_free(&genesis->card);
    *genesis = (struct genesis){0};
}
