/* comity node add: a further node of this agency in an empty directory, or a new key for the node of this directory. */
#include "crypto/secret.h"
#include "node/cmd/adding.h"
#include "node/cmd/cmd_node.h"
#include "node/process/dir.h"
#include "node/cmd/ownchain.h"
#include "node/cmd/place.h"
#include "node/cmd/setup.h"

#include <stdio.h>
#include <string.h>

/* --- a new directory --- */

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
    if (err == ERR_DENIED) return setup_unreadable(invocation, path, err);
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
    if (outcome == OUTCOME_SUCCESS) outcome = adding_draft(invocation, &adding, NULL);
    if (outcome == OUTCOME_SUCCESS) outcome = ownchain_sign(&there, &adding.request, &sealed);
    if (outcome == OUTCOME_SUCCESS) outcome = adding_write(invocation, &adding, from);
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
    if (outcome == OUTCOME_SUCCESS) outcome = adding_draft(invocation, &adding, old->store_key);
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
