/* comity restore: a node from a backup: the store and all settings, under a new key and with a new log, so that the old log is never
   continued from a place where others know more of it. */
#include "crypto/secret.h"
#include "node/cmd/adding.h"
#include "node/engine/backup.h"
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/cmd/cmd_node.h"
#include "node/process/folder.h"
#include "node/cmd/ownchain.h"
#include "node/cmd/place.h"
#include "node/cmd/setup.h"

#include <stdio.h>
#include <string.h>

static enum outcome whole(const struct invocation *invocation, const char *path) {
    enum err err = backup_check(path);
    if (err == OK) return OUTCOME_SUCCESS;
    if (err == ERR_NOT_FOUND)
        return command_fail(invocation, dir_state(path) == DIR_MISSING ? OUTCOME_NOT_FOUND : OUTCOME_REFUSED,
                            "%s holds no whole backup: `comity backup PATH` makes one", path);
    if (err == ERR_VERSION)
        return command_fail(invocation, OUTCOME_REFUSED,
                            "%s/" BACKUP_MARK " names a kind of backup that this program does not know", path);
    return command_fail(invocation, command_outcome(err), "%s/" BACKUP_MARK ": %s", path, err_text(err));
}

/* The card of the backup, or a newer one of the same agency: records that were made since must not be contradicted. */
static enum outcome card_find(const struct invocation *invocation, const struct invocation *there, struct adding *adding) {
    const char *path = command_value(invocation, "card");
    struct card_file old;
    enum outcome outcome = setup_own_card(there, path ? &old : &adding->card);
    if (!path) return outcome;
    enum err err = outcome == OUTCOME_SUCCESS ? card_file_read(&adding->card, path) : OK;
    if (err == ERR_DENIED)
        outcome = setup_unreadable(invocation, path, err);
    else if (err != OK)
        outcome = command_fail(invocation, OUTCOME_REFUSED, "%s: %s", path, err_text(err));
    if (outcome == OUTCOME_SUCCESS) {
        struct bytes before = old.card.chain, now = adding->card.card.chain;
        if (now.size < before.size || memcmp(now.data, before.data, before.size) != 0)
            outcome = command_fail(
                invocation, OUTCOME_REFUSED,
                "%s: this card does not continue the chain of the backup's card: give the newest card of this agency", path);
    }
    card_file_free(&old);
    return outcome;
}

/* --listen and --advertise, where the new machine has another address. */
static enum outcome config_find(const struct invocation *invocation, const struct invocation *there, struct config *config) {
    struct config given;
    enum outcome outcome = setup_config(there, config);
    if (outcome == OUTCOME_SUCCESS) outcome = place_config(invocation, config->agency_name, &given);
    if (outcome != OUTCOME_SUCCESS || (!command_value(invocation, "listen") && !command_value(invocation, "advertise")))
        return outcome;
    if (given.listen[0]) memcpy(config->listen, given.listen, sizeof config->listen);
    memcpy(config->advertise, given.advertise, sizeof config->advertise);
    return outcome;
}

/* The configuration comes last (adding_write): before, the directory holds no node. */
static enum outcome files_bring(const struct invocation *invocation, struct adding *adding, const char *path) {
    char from[DIR_PATH_MAX], to[DIR_PATH_MAX];
    const char *name = DIR_STORE;
    enum err err = dir_path(from, path, DIR_STORE);
    if (err == OK) err = dir_path(to, invocation->dir, DIR_STORE);
    if (err == OK) err = folder_copy(from, to);
    if (err == ERR_NOT_FOUND) err = OK; /* the node had never run */
    if (err == OK) err = backup_files_copy(path, invocation->dir, true, &name);
    if (err == OK && !command_has(invocation, "offline"))
        name = DIR_RESTORED, err = dir_create(invocation->dir, DIR_RESTORED, bytes_of_text(BACKUP_TEXT), 0600);
    if (err != OK)
        return command_fail(invocation, command_outcome(err), "copying %s/%s to %s: %s", path, name, invocation->dir,
                            err_text(err));
    return adding_write(invocation, adding, path);
}

static enum outcome run(const struct invocation *invocation) {
    const char *path = invocation->arguments[0];
    struct invocation there = *invocation; /* whose keys sign, and whose store key is kept */
    struct adding adding = {0};
    struct buf sealed_file = {0};
    bool sealed = false;
    struct keyfile *old = secret_new(sizeof *old);
    if (!old) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    enum outcome outcome = whole(invocation, path);
    if (outcome == OUTCOME_SUCCESS && strlen(path) >= sizeof there.dir)
        outcome =
            command_fail(invocation, OUTCOME_REFUSED, "the path of the backup is longer than %zu bytes", sizeof there.dir - 1);
    snprintf(there.dir, sizeof there.dir, "%s", path);
    if (outcome == OUTCOME_SUCCESS) outcome = config_find(invocation, &there, &adding.config);
    if (outcome == OUTCOME_SUCCESS) outcome = card_find(invocation, &there, &adding);
    if (outcome == OUTCOME_SUCCESS) outcome = place_empty(invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_node_key(&there, &sealed_file, &adding.passphrase, old);
    if (outcome == OUTCOME_SUCCESS) outcome = adding_draft(invocation, &adding, old->store_key);
    if (outcome == OUTCOME_SUCCESS) outcome = ownchain_sign(&there, &adding.request, &sealed);
    if (outcome == OUTCOME_SUCCESS) outcome = files_bring(invocation, &adding, path);
    if (outcome == OUTCOME_SUCCESS)
        node_told(invocation, "restored", adding.node.id, &adding.request.agency, sealed ? "stopped" : "request");
    secret_free(old);
    buf_free(&sealed_file);
    adding_free(&adding);
    return outcome;
}

static const struct command_option options[] = {
    {"card", "FILE", "the newest card of this agency, when its chain grew since the backup"},
    {"listen", "tcp://HOST:PORT", "where partners' nodes connect to, when that changed"},
    {"advertise", "tcp://HOST:PORT", "what partners dial, when that changed"},
    {"key", "FILE", "the ops or root key file that signs; without it ops.key or root.key of the backup"},
    {"request", "FILE", "sign nothing, write what is to be signed to FILE: see `comity root sign`"},
    {"offline", NULL, "show objects before any peer was heard: what was recalled since the backup shows again"},
    {"passphrase-file", "FILE", "take the passphrase from FILE instead of the terminal"},
    {0},
};

const struct command cmd_restore = {
    .name = "restore",
    .synopsis = "PATH [--card FILE] [--key FILE | --request FILE] [--listen ...] [--offline]",
    .summary = "make a node of the backup in PATH, in an empty directory, under a new key",
    .details =
        "The old log is never continued: the node gets a new key and log, certified by this agency's ops or root key. Until a peer "
        "has\n"
        "told what was recalled since the backup, no object is shown. Then revoke the lost node (`comity node revoke`), and hand\n"
        "partners the new card when none of your nodes runs (`comity card`; there: `comity trust update`).",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = options,
    .run = run,
};
