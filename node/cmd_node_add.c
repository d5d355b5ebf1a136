/* comity node add: a further node of this agency in an empty directory, or a new key for the node of this directory. */
#include "crypto/secret.h"
#include "node/clock.h"
#include "node/cmd_node.h"
#include "node/dir.h"
#include "node/newnode.h"
#include "node/ownchain.h"
#include "node/place.h"
#include "node/setup.h"

#include <stdio.h>
#include <string.h>

/* What is being made. */
struct adding {
    struct card_file card; /* of the own agency, as it is known where the chain is extended */
    struct request request;
    struct config config;
    struct passphrase passphrase; /* of the new key file */
    struct keyfile *keys;
    struct random *random;
    struct agency_node node;
};

static void adding_free(struct adding *adding) {
    card_file_free(&adding->card);
    request_free(&adding->request);
    passphrase_free(&adding->passphrase);
    secret_free(adding->keys);
    secret_free(adding->random);
}

/* Draws the keys, drafts the certificate, and prepares the first entry. `store_key`: kept from the node that this one replaces. */
static enum outcome draft(const struct invocation *invocation, struct adding *adding, const uint8_t *store_key) {
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

/* --- a new directory --- */

struct pins {
    const char *dir;
    enum err err;
};

static bool pin_copy(void *context, const char *name, enum err error, const struct card_file *file) {
    struct pins *pins = context;
    if (error == OK) pins->err = trust_file_write(pins->dir, name, file);
    return pins->err == OK;
}

/* Keys and card first, the configuration last: a directory without one holds no node. */
static enum outcome files_write(const struct invocation *invocation, struct adding *adding, const char *from) {
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

static enum outcome new_passphrase(const struct invocation *invocation, struct passphrase *passphrase) {
    char problem[PASSPHRASE_PROBLEM_MAX];
    if (command_has(invocation, "no-passphrase")) return OUTCOME_SUCCESS;
    enum err err = passphrase_get(passphrase, command_value(invocation, "passphrase-file"),
                                  "New passphrase for the node's keys: ", true, problem);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_REFUSED, "%s", problem[0] ? problem : err_text(err));
}

static enum outcome agency_card(const struct invocation *invocation, const struct invocation *there, struct card_file *out) {
    const char *path = command_value(invocation, "card");
    if (!path) return setup_own_card(there, out);
    enum err err = card_file_read(out, path);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_REFUSED, "%s: %s", path, err_text(err));
}

/* `there` is the directory that signs and whose node learns of it first; without one (--card) the record goes its way as a file. */
static enum outcome add_new(const struct invocation *invocation) {
    const char *from = command_value(invocation, "from");
    struct invocation there = *invocation;
    struct adding adding = {0};
    bool sealed = false, running = false;
    if (!from == !command_value(invocation, "card"))
        return command_usage(invocation, "for a new directory say which agency: --from DIR, or --card FILE");
    if (from) snprintf(there.dir, sizeof there.dir, "%s", from);
    if (!from && !command_value(invocation, "request") && !command_value(invocation, "key"))
        return command_usage(invocation, "with --card, say who signs: --request FILE, or --key FILE");
    enum outcome outcome = agency_card(invocation, &there, &adding.card);
    if (outcome == OUTCOME_SUCCESS) outcome = place_config(invocation, adding.card.card.agency.name, &adding.config);
    if (outcome == OUTCOME_SUCCESS) outcome = place_empty(invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = new_passphrase(invocation, &adding.passphrase);
    if (outcome == OUTCOME_SUCCESS) outcome = draft(invocation, &adding, NULL);
    if (outcome == OUTCOME_SUCCESS) outcome = ownchain_sign(&there, &adding.request, &sealed);
    if (outcome == OUTCOME_SUCCESS) outcome = files_write(invocation, &adding, from);
    if (outcome == OUTCOME_SUCCESS && sealed && from)
        outcome = ownchain_give(&there, bytes_of_buf(&adding.request.chain), bytes_of_buf(&adding.request.prekeys), &running);
    if (outcome == OUTCOME_SUCCESS)
        node_told(invocation, "added", adding.node.id, &adding.request.agency,
                  !sealed   ? "request"
                  : running ? "running"
                            : "stopped");
    adding_free(&adding);
    return outcome;
}

/* --- a new key for this directory --- */

/* The new keys wait beside the old ones; `comity run` puts them in force once the chain names them (setup_next_key). */
static enum outcome add_key(const struct invocation *invocation) {
    struct adding adding = {0};
    struct buf sealed_file = {0}, next = {0};
    struct keyfile *old = secret_new(sizeof *old);
    enum outcome outcome = old ? setup_own_card(invocation, &adding.card) : OUTCOME_INTERNAL;
    if (outcome == OUTCOME_SUCCESS) outcome = setup_config(invocation, &adding.config);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_node_key(invocation, &sealed_file, &adding.passphrase, old);
    if (outcome == OUTCOME_SUCCESS) outcome = draft(invocation, &adding, old->store_key);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = keyfile_seal(&next, adding.keys, passphrase_bytes(&adding.passphrase), adding.random);
        if (err == OK) err = dir_write(invocation->dir, DIR_NODE_NEXT, bytes_of_buf(&next), 0600);
        if (err != OK)
            outcome =
                command_fail(invocation, OUTCOME_INTERNAL, "writing %s/" DIR_NODE_NEXT ": %s", invocation->dir, err_text(err));
    }
    if (outcome == OUTCOME_SUCCESS) outcome = node_record_finish(invocation, &adding.request, "added", adding.node.id);
    secret_free(old);
    buf_free(&sealed_file);
    buf_free(&next);
    adding_free(&adding);
    return outcome;
}

enum outcome node_add(const struct invocation *invocation) {
    bool elsewhere = command_value(invocation, "from") || command_value(invocation, "card");
    if (invocation->argument_count > 1) return command_usage(invocation, "unexpected '%s'", invocation->arguments[1]);
    if (!elsewhere && dir_state(invocation->dir) == DIR_NODE) return add_key(invocation);
    return add_new(invocation);
}
