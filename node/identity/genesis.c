#include "node/identity/genesis.h"

#include "crypto/secret.h"
#include "node/identity/newnode.h"

#include <string.h>

static enum err record_sign_and_seal(struct buf *chain, const struct buf *body, const uint8_t seed[static SIGN_SEED_BYTES]) {
    struct agency_signature signature;
    newnode_sign(&signature, bytes_of_buf(body), seed);
    return agency_seal_record(chain, bytes_of_buf(body), &signature, 1);
}

static enum err root_record_make(struct genesis *out, const struct genesis_options *options) {
    struct agency_root_draft draft = {
        .name = options->agency_name, .threshold = 1, .root_count = 1, .next_threshold = 1, .next_count = 1, .ops_count = 1};
    uint8_t next_public[SIGN_PUBLIC_BYTES];
    struct buf body = {0};
    sign_public_of_seed(draft.root_public[0], out->root->sign_seed);
    sign_public_of_seed(draft.ops_public[0], out->ops->sign_seed);
    sign_public_of_seed(next_public, out->root->next_seed);
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(next_public, sizeof next_public), bytes_of(NULL, 0));
    enum err err = agency_draft_root(&body, NULL, &draft, options->now_ms);
    if (err == OK) err = record_sign_and_seal(&out->chain, &body, out->root->sign_seed);
    buf_free(&body);
    return err == OK ? agency_parse(&out->agency, bytes_of_buf(&out->chain), NULL) : err;
}

static enum err node_record_make(struct genesis *out, const struct genesis_options *options) {
    struct agency_node node;
    struct buf body = {0};
    enum err err = newnode_certificate(&node, out->node, options->endpoint, options->now_ms);
    if (err == OK) err = agency_draft_node(&body, &out->agency, &node, options->now_ms);
    if (err == OK) err = record_sign_and_seal(&out->chain, &body, out->ops->sign_seed);
    buf_free(&body);
    return err == OK ? agency_parse(&out->agency, bytes_of_buf(&out->chain), NULL) : err;
}

enum err genesis_make(struct genesis *out, const struct genesis_options *options, struct random *random) {
    *out = (struct genesis){0};
    out->root = secret_new(sizeof *out->root);
    out->ops = secret_new(sizeof *out->ops);
    out->node = secret_new(sizeof *out->node);
    if (!out->root || !out->ops || !out->node) return ERR_MEMORY;
    *out->root = (struct keyfile){.kind = KEYFILE_ROOT};
    *out->ops = (struct keyfile){.kind = KEYFILE_OPS};
    random_bytes(random, out->root->sign_seed, sizeof out->root->sign_seed);
    random_bytes(random, out->root->next_seed, sizeof out->root->next_seed);
    random_bytes(random, out->ops->sign_seed, sizeof out->ops->sign_seed);
    enum err err = root_record_make(out, options);
    if (err != OK) return err;
    memcpy(out->root->agency_id, out->agency.id, AGENCY_ID_BYTES);
    memcpy(out->ops->agency_id, out->agency.id, AGENCY_ID_BYTES);
    newnode_draw(out->node, out->agency.id, options->now_ms, random);
    err = node_record_make(out, options);
    if (err == OK) err = newnode_prekey_entry(&out->prekey, out->node, options->now_ms);
    if (err == OK) err = card_write(&out->card, bytes_of_buf(&out->chain), bytes_of_buf(&out->prekey));
    return err;
}

void genesis_free(struct genesis *genesis) {
    secret_free(genesis->root);
    secret_free(genesis->ops);
    secret_free(genesis->node);
    buf_free(&genesis->chain);
    buf_free(&genesis->prekey);
    buf_free(&genesis->card);
    *genesis = (struct genesis){0};
}
