#include "node/cmd/adding.h"

#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/identity/newnode.h"
#include "node/cmd/ownchain.h"
#include "node/cmd/place.h"

#include <string.h>

void adding_free(struct adding *adding) {
    card_file_free(&adding->card);
    request_free(&adding->request);
    passphrase_free(&adding->passphrase);
    secret_free(adding->keys);
    secret_free(adding->random);
}

enum outcome adding_draft(const struct invocation *invocation, struct adding *adding, const uint8_t *store_key) {
    uint64_t now_ms = clock_wall_ms();
    const char *endpoint = adding->config.advertise[0] ? adding->config.advertise : adding->config.listen;
    adding->keys = secret_new(sizeof *adding->keys);
    adding->random = secret_new(sizeof *adding->random);
    enum err err = adding->keys && adding->random ? request_open(&adding->request, adding->card.card.chain) : ERR_MEMORY;
    if (err == OK) {
        random_init_kernel(adding->random);
        newnode_draw(adding->keys, adding->request.agency.id, now_ms, adding->random);
        if (store_key) memcpy(adding->keys->store_key, store_key, sizeof adding->keys->store_key);
        err = newnode_certificate(&adding->node, adding->keys, endpoint, now_ms);
    }
    if (err == OK) err = agency_draft_node(&adding->request.body, &adding->request.agency, &adding->node, now_ms);
    if (err == ERR_LIMIT)
        return command_fail(invocation, OUTCOME_REFUSED, "an agency has at most %d nodes, revoked ones included", AGENCY_NODES_MAX);
    if (err == OK) err = newnode_prekey_entry(&adding->request.prekeys, adding->keys, now_ms);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_INTERNAL, "drafting the certificate: %s", err_text(err));
}

struct pins {
    const char *dir;
    enum err err;
};

static bool pin_copy(void *context, const char *name, enum err error, const struct card_file *file) {
    struct pins *pins = context;
    if (error == OK) pins->err = trust_file_write(pins->dir, name, file);
    return pins->err == OK;
}

enum outcome adding_write(const struct invocation *invocation, struct adding *adding, const char *from) {
    struct buf binary = {0}, card = {0}, yaml = {0};
    struct pins pins = {.dir = invocation->dir};
    char folder[DIR_PATH_MAX];
    enum err err = ownchain_card(&binary, bytes_of_buf(&adding->request.chain), adding->card.card.prekeys,
                                 bytes_of_buf(&adding->request.prekeys));
    if (err == OK) err = card_armour(&card, bytes_of_buf(&binary));
    if (err == OK) err = config_write(&yaml, &adding->config);
    if (err == OK) err = dir_path(folder, invocation->dir, DIR_TRUST);
    if (err == OK)
        err = place_key_write(invocation->dir, DIR_NODE_KEY, adding->keys, passphrase_bytes(&adding->passphrase), adding->random);
    if (err == OK) err = dir_make(folder);
    if (err == OK && from) err = trust_files_each(from, pin_copy, &pins);
    if (err == OK) err = pins.err;
    if (err == OK) err = dir_write(invocation->dir, DIR_CARD, bytes_of_buf(&card), 0644);
    if (err == OK) err = dir_create(invocation->dir, DIR_CONFIG, bytes_of_buf(&yaml), 0600);
    buf_free(&binary);
    buf_free(&card);
    buf_free(&yaml);
    return err == OK ? OUTCOME_SUCCESS
                     : command_fail(invocation, OUTCOME_INTERNAL, "making the node in %s: %s", invocation->dir, err_text(err));
}
