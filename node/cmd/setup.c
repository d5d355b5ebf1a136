#include "node/cmd/setup.h"

#include "crypto/secret.h"
#include "node/hook/hook_file.h"
#include "node/process/dir.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_FILE_BYTES_MAX (1024 * 1024)
#define SETUP_USER_BYTES      64

/* A user as sudo takes it: its name, or its number behind a #. */
static void user_name(char out[static SETUP_USER_BYTES], uid_t uid) {
    const struct passwd *user = getpwuid(uid);
    if (user)
        snprintf(out, SETUP_USER_BYTES, "%s", user->pw_name);
    else
        snprintf(out, SETUP_USER_BYTES, "#%lu", (unsigned long)uid);
}

enum outcome setup_absent(const struct invocation *invocation, enum outcome outcome) {
    struct stat facts;
    char name[SETUP_USER_BYTES];
    if (strcmp(invocation->dir, DIR_SYSTEM) != 0 && stat(DIR_SYSTEM, &facts) == 0 && facts.st_uid != geteuid()) {
        user_name(name, facts.st_uid);
        return command_fail(invocation, outcome,
                            "there is no node in %s: --dir names another, `comity init` makes one.\n"
                            "The service's node of this machine is in " DIR_SYSTEM ": sudo -u '%s' comity %s ...",
                            invocation->dir, name, invocation->command->name);
    }
    return command_fail(invocation, outcome, "there is no node in %s: `comity init` makes one, --dir names another",
                        invocation->dir);
}

/* Says what kept a file of the directory from being read. */
static enum outcome file_unread(const struct invocation *invocation, const char *name, enum err err) {
    if (err != ERR_NOT_FOUND)
        return command_fail(invocation, OUTCOME_INTERNAL, "%s/%s: %s; a node's files belong to one user: use that user",
                            invocation->dir, name, err_text(err));
    enum dir_state state = dir_state(invocation->dir);
    if (state == DIR_UNREADABLE)
        return command_fail(invocation, OUTCOME_REFUSED, "%s cannot be read: use the user that the node belongs to",
                            invocation->dir);
    if (state == DIR_NODE)
        return command_fail(invocation, OUTCOME_REFUSED, "%s/%s is missing: bring it back from a copy of the directory",
                            invocation->dir, name);
    return setup_absent(invocation, OUTCOME_REFUSED);
}

enum outcome setup_owner(const struct invocation *invocation) {
    struct stat facts;
    if (geteuid() != 0 || stat(invocation->dir, &facts) != 0 || facts.st_uid == 0) return OUTCOME_SUCCESS;
    char name[SETUP_USER_BYTES];
    user_name(name, facts.st_uid);
    return command_fail(invocation, OUTCOME_REFUSED,
                        "%s belongs to the user %s, and what root makes there the node could not read; nothing was done.\n"
                        "Give the command as that user: sudo -u '%s' comity %s ...",
                        invocation->dir, name, name, invocation->command->name);
}

enum outcome setup_unreadable(const struct invocation *invocation, const char *path, enum err err) {
    char name[SETUP_USER_BYTES];
    if (err != ERR_DENIED) return command_fail(invocation, command_outcome(err), "%s: %s", path, err_text(err));
    user_name(name, geteuid());
    return command_fail(
        invocation, command_outcome(err),
        "%s: the user %s may not read it. Say - instead of the file's name, and give the file as standard input: ... < %s", path,
        name, path);
}

enum outcome setup_config(const struct invocation *invocation, struct config *config) {
    char path[DIR_PATH_MAX], message[CONFIG_ERROR_TEXT_MAX];
    struct buf yaml = {0};
    enum outcome outcome = setup_owner(invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = dir_path(path, invocation->dir, DIR_CONFIG);
    if (err == OK) err = dir_read_path(&yaml, path, CONFIG_FILE_BYTES_MAX);
    outcome = err == OK ? OUTCOME_SUCCESS : file_unread(invocation, DIR_CONFIG, err);
    if (err == OK && (err = config_parse(config, bytes_of_buf(&yaml), path, message)) != OK)
        outcome = command_fail(invocation, OUTCOME_REFUSED, "%s", message[0] ? message : err_text(err));
    buf_free(&yaml);
    return outcome;
}

enum outcome setup_policy(const struct invocation *invocation, struct policy_settings *policy, bool *found) {
    char message[POLICY_FILE_ERROR_MAX];
    enum err err = policy_file_read_dir(policy, invocation->dir, found, message);
    return err == OK ? OUTCOME_SUCCESS : command_fail(invocation, command_outcome(err), "%s", message);
}

enum outcome setup_hooks(const struct invocation *invocation, const char *path, struct buf *text, struct hook_file *hooks,
                         bool *found) {
    char own[DIR_PATH_MAX];
    *hooks = (struct hook_file){0};
    enum err err = path ? OK : dir_path(own, invocation->dir, DIR_HOOKS);
    if (!path) path = own;
    if (err == OK) err = dir_read_path(text, path, HOOKS_FILE_BYTES_MAX);
    *found = err != ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) return OUTCOME_SUCCESS;
    if (err != OK) return command_fail(invocation, command_outcome(err), "%s: %s", path, err_text(err));
    char *dir = realpath(invocation->dir, NULL);
    err = hook_file_parse(hooks, bytes_of_buf(text), path, dir);
    free(dir);
    if (err == ERR_SYNTAX) return command_fail(invocation, OUTCOME_REFUSED, "%s", hooks->tree.message);
    return err == OK ? OUTCOME_SUCCESS : command_fail(invocation, command_outcome(err), "%s: %s", path, err_text(err));
}

enum outcome setup_own_card(const struct invocation *invocation, struct card_file *own) {
    char path[DIR_PATH_MAX];
    *own = (struct card_file){0};
    enum outcome outcome = setup_owner(invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = dir_path(path, invocation->dir, DIR_CARD);
    if (err == OK) err = card_file_read(own, path);
    if (err == OK) return OUTCOME_SUCCESS;
    if (err == ERR_NOT_FOUND || err == ERR_DENIED || err == ERR_IO) return file_unread(invocation, DIR_CARD, err);
    return command_fail(invocation, OUTCOME_INTERNAL, "%s: this is no good card of this agency (%s): bring it back from a copy",
                        path, err_text(err));
}

static enum outcome key_open(const struct invocation *invocation, const struct buf *sealed, const struct passphrase *passphrase,
                             struct keyfile *keyfile) {
    struct keyfile *opened = keyfile ? keyfile : secret_new(sizeof *opened);
    enum err err = opened ? keyfile_open(opened, bytes_of_buf(sealed), passphrase_bytes(passphrase)) : ERR_MEMORY;
    if (err == OK && opened->kind != KEYFILE_NODE) err = ERR_FORMAT;
    if (!keyfile) secret_free(opened);
    if (err == ERR_PASSPHRASE)
        return command_fail(invocation, OUTCOME_REFUSED, "%s/" DIR_NODE_KEY ": wrong passphrase, or the file was altered",
                            invocation->dir);
    if (err != OK) return command_fail(invocation, OUTCOME_INTERNAL, "%s/" DIR_NODE_KEY ": %s", invocation->dir, err_text(err));
    return OUTCOME_SUCCESS;
}

enum outcome setup_node_key(const struct invocation *invocation, struct buf *sealed, struct passphrase *passphrase,
                            struct keyfile *keyfile) {
    char problem[PASSPHRASE_PROBLEM_MAX];
    *passphrase = (struct passphrase){0};
    enum err err = dir_read(sealed, invocation->dir, DIR_NODE_KEY, KEYFILE_BYTES_MAX);
    if (err != OK) return file_unread(invocation, DIR_NODE_KEY, err);
    if (keyfile_needs_passphrase(bytes_of_buf(sealed))) {
        err = passphrase_get(passphrase, command_value(invocation, "passphrase-file"), "Passphrase of the node's keys: ", false,
                             problem);
        if (err != OK) return command_fail(invocation, OUTCOME_REFUSED, "%s", problem[0] ? problem : err_text(err));
    }
    return key_open(invocation, sealed, passphrase, keyfile);
}

enum outcome setup_next_key(const struct invocation *invocation, const struct agency *own, const struct passphrase *passphrase) {
    struct keyfile *keys = secret_new(sizeof *keys);
    struct buf sealed = {0};
    uint8_t sign_public[SIGN_PUBLIC_BYTES], id[NODE_ID_BYTES];
    enum err err = keys ? dir_read(&sealed, invocation->dir, DIR_NODE_NEXT, KEYFILE_BYTES_MAX) : ERR_MEMORY;
    bool there = err == OK;
    if (err == OK) err = keyfile_open(keys, bytes_of_buf(&sealed), passphrase_bytes(passphrase));
    if (err == OK) {
        sign_public_of_seed(sign_public, keys->sign_seed);
        agency_node_id(id, keys->agency_id, sign_public);
        const struct agency_node *node = agency_node_find(own, id);
        if (node && !node->revoked) err = dir_write(invocation->dir, DIR_NODE_KEY, bytes_of_buf(&sealed), 0600);
        if (node && err == OK) err = dir_remove(invocation->dir, DIR_NODE_NEXT);
    }
    secret_free(keys);
    buf_free(&sealed);
    if (!there || err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_REFUSED, "%s/" DIR_NODE_NEXT ": %s", invocation->dir, err_text(err));
}

enum outcome setup_lock(const struct invocation *invocation, int *fd) {
    long holder;
    enum outcome outcome = setup_owner(invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    /* A lock file in an empty directory would keep `comity init` out of it. */
    if (dir_state(invocation->dir) == DIR_EMPTY) return file_unread(invocation, DIR_LOCK, ERR_NOT_FOUND);
    enum err err = dir_lock(fd, invocation->dir, &holder);
    if (err == ERR_BUSY)
        return command_fail(invocation, OUTCOME_REFUSED,
                            "a node runs in %s already, as process %ld: stop it first, or name another --dir", invocation->dir,
                            holder);
    if (err != OK) return file_unread(invocation, DIR_LOCK, err);
    return OUTCOME_SUCCESS;
}
