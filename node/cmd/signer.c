#include "node/cmd/signer.h"

#include "crypto/secret.h"
#include "node/process/dir.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void signer_close(struct signer *signer) {
    secret_free(signer->keys);
    passphrase_free(&signer->passphrase);
    *signer = (struct signer){0};
}

static enum err key_open(struct signer *out, const struct invocation *invocation, char problem[static PASSPHRASE_PROBLEM_MAX]) {
    struct buf sealed = {0};
    problem[0] = 0;
    if (!out->keys) out->keys = secret_new(sizeof *out->keys);
    enum err err = out->keys ? dir_read_path(&sealed, out->path, KEYFILE_BYTES_MAX) : ERR_MEMORY;
    if (err == OK && keyfile_needs_passphrase(bytes_of_buf(&sealed)) && !out->passphrase.text)
        err = passphrase_get(&out->passphrase, command_value(invocation, "passphrase-file"),
                             "Passphrase of the agency's keys: ", false, problem);
    if (err == OK) err = keyfile_open(out->keys, bytes_of_buf(&sealed), passphrase_bytes(&out->passphrase));
    buf_free(&sealed);
    return err;
}

/* --- what follows a key --- */

static bool listed(const uint8_t (*keys)[SIGN_PUBLIC_BYTES], size_t count, const uint8_t *key) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(keys[i], key, SIGN_PUBLIC_BYTES) == 0) return true;
    return false;
}

static bool in_force(const struct agency *agency, const struct keyfile *keys) {
    uint8_t key[SIGN_PUBLIC_BYTES];
    sign_public_of_seed(key, keys->sign_seed);
    return keys->kind == KEYFILE_ROOT  ? listed(agency->root_public, agency->root_count, key)
           : keys->kind == KEYFILE_OPS ? listed(agency->ops_public, agency->ops_count, key)
                                       : false;
}

static enum err file_place(const char *path, const char *suffix, struct bytes content) {
    char folder[DIR_PATH_MAX], name[DIR_PATH_MAX], file[DIR_PATH_MAX];
    if (strlen(path) + strlen(suffix) >= DIR_PATH_MAX) return ERR_TOO_BIG;
    snprintf(folder, sizeof folder, "%s", path);
    snprintf(name, sizeof name, "%s", path);
    int size = snprintf(file, sizeof file, "%s%s", basename(name), suffix);
    return size < 0 || size >= DIR_PATH_MAX ? ERR_TOO_BIG : dir_write(dirname(folder), file, content, 0600);
}

enum err signer_write(const struct signer *signer, const char *path, const char *suffix, const struct keyfile *keys) {
    struct buf sealed = {0};
    struct random *random = secret_new(sizeof *random);
    if (!random) return ERR_MEMORY;
    random_init_kernel(random);
    enum err err = keyfile_seal(&sealed, keys, passphrase_bytes(&signer->passphrase), random);
    if (err == OK) err = file_place(path, suffix, bytes_of_buf(&sealed));
    buf_free(&sealed);
    secret_free(random);
    return err;
}

enum err signer_settle(struct signer *signer, const struct agency *agency, struct keyfile *waiting) {
    char path[DIR_PATH_MAX];
    struct buf sealed = {0};
    struct keyfile *next = secret_new(sizeof *next);
    if (waiting) *waiting = (struct keyfile){0};
    int size = snprintf(path, sizeof path, "%s.next", signer->path);
    enum err err = !next ? ERR_MEMORY : size < 0 || (size_t)size >= sizeof path ? ERR_TOO_BIG : OK;
    if (err == OK) err = dir_read_path(&sealed, path, KEYFILE_BYTES_MAX);
    bool there = err == OK;
    if (err == OK) err = keyfile_open(next, bytes_of_buf(&sealed), passphrase_bytes(&signer->passphrase));
    if (err == OK && in_force(agency, next)) {
        err = file_place(signer->path, "", bytes_of_buf(&sealed));
        if (err == OK && unlink(path) != 0) err = ERR_IO;
        if (err == OK) *signer->keys = *next;
    } else if (err == OK && next->kind == KEYFILE_ROOT && memcmp(next->sign_seed, signer->keys->next_seed, SIGN_SEED_BYTES) != 0) {
        err = ERR_EXISTS;
    } else if (err == OK && waiting) {
        *waiting = *next;
    }
    secret_free(next);
    buf_free(&sealed);
    return there || err == ERR_MEMORY ? err : OK;
}

static enum outcome key_unopened(const struct signer *signer, const struct invocation *invocation, enum err err,
                                 const char *problem) {
    enum outcome outcome = err == ERR_MEMORY || err == ERR_IO ? OUTCOME_INTERNAL : OUTCOME_REFUSED;
    return command_fail(invocation, outcome, "%s: %s", signer->path, problem[0] ? problem : err_text(err));
}

enum outcome signer_open_file(struct signer *out, const struct invocation *invocation, const char *path, enum keyfile_kind kind) {
    char problem[PASSPHRASE_PROBLEM_MAX];
    snprintf(out->path, sizeof out->path, "%s", path);
    enum err err = key_open(out, invocation, problem);
    if (err != OK) return key_unopened(out, invocation, err, problem);
    if (out->keys->kind != kind) return command_fail(invocation, OUTCOME_REFUSED, "%s: this key file is of another kind", path);
    out->seed = out->keys->sign_seed;
    return OUTCOME_SUCCESS;
}

/* May this seed sign the request? */
static bool entitled(const struct request *request, const uint8_t *seed) {
    const struct agency *agency = &request->agency;
    uint8_t key[SIGN_PUBLIC_BYTES], hash[HASH_BYTES];
    sign_public_of_seed(key, seed);
    if (!request_is_root(request))
        return listed(agency->ops_public, agency->ops_count, key) || listed(agency->root_public, agency->root_count, key);
    hash_of(hash, "comity-next-root", bytes_of(key, sizeof key), bytes_of(NULL, 0));
    return listed(agency->next_hash, agency->next_count, hash);
}

/* A root key file's next seed signs only a ROOT: the one that puts it in force. */
static bool seed_choose(struct signer *signer, const struct request *request) {
    const struct keyfile *keys = signer->keys;
    signer->seed = NULL;
    if (keys->kind == KEYFILE_NODE || memcmp(keys->agency_id, request->agency.id, AGENCY_ID_BYTES) != 0) return false;
    if (entitled(request, keys->sign_seed)) signer->seed = keys->sign_seed;
    if (!signer->seed && keys->kind == KEYFILE_ROOT && request_is_root(request) && entitled(request, keys->next_seed))
        signer->seed = keys->next_seed;
    return signer->seed != NULL;
}

static bool path_near(char out[static DIR_PATH_MAX], const struct invocation *invocation, const char *name) {
    return dir_path(out, invocation->dir, name) == OK && access(out, F_OK) == 0;
}

bool signer_near(const struct invocation *invocation, bool root_record) {
    char path[DIR_PATH_MAX];
    if (command_value(invocation, "key")) return true;
    return (!root_record && path_near(path, invocation, DIR_OPS_KEY)) || path_near(path, invocation, DIR_ROOT_KEY);
}

enum outcome signer_open(struct signer *out, const struct invocation *invocation, const struct request *request) {
    static const char *const names[] = {DIR_OPS_KEY, DIR_ROOT_KEY};
    const char *given = command_value(invocation, "key");
    char problem[PASSPHRASE_PROBLEM_MAX];
    *out = (struct signer){0};
    for (size_t i = request_is_root(request) ? 1 : 0; i < sizeof names / sizeof *names; i++) {
        if (given)
            snprintf(out->path, sizeof out->path, "%s", given);
        else if (!path_near(out->path, invocation, names[i]))
            continue;
        enum err err = key_open(out, invocation, problem);
        if (err == OK) err = signer_settle(out, &request->agency, NULL);
        if (err != OK && err != ERR_EXISTS) return key_unopened(out, invocation, err, problem);
        if (seed_choose(out, request)) return OUTCOME_SUCCESS;
        if (given)
            return command_fail(
                invocation, OUTCOME_REFUSED,
                "%s: this key may not sign this record; is the chain here the newest one? (`comity trust update CARD`)", given);
    }
    return command_fail(invocation, OUTCOME_REFUSED,
                        "no key that may sign this is in %s: give --key FILE, or --request FILE and have it signed elsewhere with\n"
                        "`comity root sign FILE`",
                        invocation->dir);
}
