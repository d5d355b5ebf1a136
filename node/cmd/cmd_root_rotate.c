/* comity root rotate, comity root offer: the next ROOT, from one holder of root keys or from several. */
#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/cmd/cmd_root.h"
#include "node/process/dir.h"
#include "node/identity/offer.h"
#include "node/cmd/ownchain.h"
#include "node/cmd/setup.h"
#include "node/cmd/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path of the root key file: --key, or the directory's. */
static void root_path(const struct invocation *invocation, char out[static DIR_PATH_MAX]) {
    const char *given = command_value(invocation, "key");
    if (given)
        snprintf(out, DIR_PATH_MAX, "%s", given);
    else
        snprintf(out, DIR_PATH_MAX, "%s/" DIR_ROOT_KEY, invocation->dir);
}

/* Opens the root key file and gets the one that follows it: its current key is the committed one, its next one is new. It is on disk,
   as FILE.next, before anybody can hear of its keys; one that waits there already is used again. */
static enum outcome step_make(const struct invocation *invocation, const struct agency *agency, struct signer *signer,
                              struct keyfile **out) {
    char path[DIR_PATH_MAX];
    struct random *random = secret_new(sizeof *random);
    *out = secret_new(sizeof **out);
    root_path(invocation, path);
    enum outcome outcome = signer_open_file(signer, invocation, path, KEYFILE_ROOT);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = random && *out ? signer_settle(signer, agency, *out) : ERR_MEMORY;
        if (err == OK && (*out)->kind != KEYFILE_ROOT) {
            random_init_kernel(random);
            offer_step(*out, signer->keys, random);
            err = signer_write(signer, path, ".next", *out);
        }
        if (err == ERR_EXISTS)
            outcome = command_fail(invocation, OUTCOME_REFUSED, "%s.next does not follow %s: put the right one there", path, path);
        else if (err != OK)
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s.next: %s", path, err_text(err));
    }
    secret_free(random);
    return outcome;
}

/* --- offer --- */

static enum outcome new_holder(const struct invocation *invocation, const uint8_t *agency_id, struct keyfile **out) {
    const char *path = command_value(invocation, "new");
    struct signer signer = {0};
    char problem[PASSPHRASE_PROBLEM_MAX] = "";
    struct random *random = secret_new(sizeof *random);
    *out = secret_new(sizeof **out);
    enum err err = random && *out ? OK : ERR_MEMORY;
    if (err == OK && !command_has(invocation, "no-passphrase"))
        err = passphrase_get(&signer.passphrase, command_value(invocation, "passphrase-file"),
                             "New passphrase for the root keys: ", true, problem);
    if (err == OK) {
        random_init_kernel(random);
        **out = (struct keyfile){.kind = KEYFILE_ROOT};
        memcpy((*out)->agency_id, agency_id, AGENCY_ID_BYTES);
        random_bytes(random, (*out)->sign_seed, SIGN_SEED_BYTES);
        random_bytes(random, (*out)->next_seed, SIGN_SEED_BYTES);
        err = signer_write(&signer, path, "", *out);
    }
    signer_close(&signer);
    secret_free(random);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, problem[0] ? OUTCOME_REFUSED : OUTCOME_INTERNAL, "%s: %s", path,
                        problem[0] ? problem : err_text(err));
}

enum outcome root_offer(const struct invocation *invocation) {
    struct card_file own;
    struct signer signer = {0};
    struct keyfile *keys = NULL;
    struct offer offer;
    struct buf text = {0};
    if (invocation->argument_count != 2) return command_usage(invocation, "it is: comity root offer FILE");
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS)
        outcome = command_value(invocation, "new") ? new_holder(invocation, own.card.agency.id, &keys)
                                                   : step_make(invocation, &own.card.agency, &signer, &keys);
    if (outcome == OUTCOME_SUCCESS) {
        offer_make(&offer, keys);
        enum err err = offer_write(&text, &offer);
        outcome = err == OK ? ownchain_file_write(invocation, invocation->arguments[1], bytes_of_buf(&text))
                            : command_fail(invocation, OUTCOME_INTERNAL, "making the offer: %s", err_text(err));
    }
    buf_free(&text);
    secret_free(keys);
    signer_close(&signer);
    card_file_free(&own);
    return outcome;
}

/* --- rotate --- */

/* Everything but the keys of the next ROOT is as it is now: name, ops keys, and all nodes that are not revoked. */
static void draft_begin(struct agency_root_draft *draft, const struct agency *agency) {
    *draft = (struct agency_root_draft){.name = agency->name, .ops_count = agency->ops_count};
    memcpy(draft->ops_public, agency->ops_public, sizeof draft->ops_public);
    for (size_t i = 0; i < agency->node_count; i++)
        if (!agency->nodes[i].revoked) memcpy(draft->surviving[draft->surviving_count++], agency->nodes[i].id, NODE_ID_BYTES);
}

static void draft_add(struct agency_root_draft *draft, const struct offer *offer) {
    memcpy(draft->root_public[draft->root_count++], offer->root_public, SIGN_PUBLIC_BYTES);
    memcpy(draft->next_hash[draft->next_count++], offer->next_hash, HASH_BYTES);
}

static enum outcome offers_add(const struct invocation *invocation, struct agency_root_draft *draft, const struct agency *agency) {
    for (size_t i = 1; i < invocation->argument_count; i++) {
        const char *path = invocation->arguments[i];
        struct buf text = {0};
        struct offer offer;
        enum err err = dir_read_given(&text, path, OFFER_BYTES_MAX);
        if (err == OK) err = offer_read(&offer, bytes_of_buf(&text));
        buf_free(&text);
        if (err == ERR_DENIED) return setup_unreadable(invocation, path, err);
        if (err != OK) return command_fail(invocation, OUTCOME_REFUSED, "%s: this is no good offer: %s", path, err_text(err));
        if (memcmp(offer.agency_id, agency->id, AGENCY_ID_BYTES) != 0)
            return command_fail(invocation, OUTCOME_REFUSED, "%s: this offer is for another agency", path);
        if (draft->root_count == AGENCY_KEYS_MAX)
            return command_usage(invocation, "an agency has at most %d root keys", AGENCY_KEYS_MAX);
        draft_add(draft, &offer);
    }
    return OUTCOME_SUCCESS;
}

static enum outcome threshold_set(const struct invocation *invocation, struct agency_root_draft *draft) {
    const char *text = command_value(invocation, "threshold");
    char *end = NULL;
    unsigned long value = text ? strtoul(text, &end, 10) : draft->root_count;
    if (text && (*end || value < 1 || value > draft->root_count))
        return command_usage(invocation, "--threshold %s: with %zu keys it is 1 to %zu", text, draft->root_count,
                             draft->root_count);
    if (!text && draft->root_count > 1)
        return command_usage(invocation, "--threshold N is missing: how many of the %zu keys sign", draft->root_count);
    draft->threshold = draft->next_threshold = (uint8_t)value;
    return OUTCOME_SUCCESS;
}

/* A fresh ops key takes the place of the directory's old one once the ROOT is drafted: it waits as ops.key.next. */
static enum outcome ops_new(const struct invocation *invocation, struct agency_root_draft *draft, const struct agency *agency,
                            const struct signer *signer) {
    char path[DIR_PATH_MAX];
    struct keyfile *ops = secret_new(sizeof *ops);
    struct random *random = secret_new(sizeof *random);
    enum err err = ops && random ? dir_path(path, invocation->dir, DIR_OPS_KEY) : ERR_MEMORY;
    if (err == OK) {
        random_init_kernel(random);
        *ops = (struct keyfile){.kind = KEYFILE_OPS};
        memcpy(ops->agency_id, agency->id, AGENCY_ID_BYTES);
        random_bytes(random, ops->sign_seed, SIGN_SEED_BYTES);
        sign_public_of_seed(draft->ops_public[0], ops->sign_seed);
        draft->ops_count = 1;
        err = signer_write(signer, path, ".next", ops);
    }
    secret_free(ops);
    secret_free(random);
    return err == OK ? OUTCOME_SUCCESS : command_fail(invocation, OUTCOME_INTERNAL, "a new ops key: %s", err_text(err));
}

static enum outcome body_draft(const struct invocation *invocation, struct request *request,
                               const struct agency_root_draft *draft) {
    enum err err = agency_draft_root(&request->body, &request->agency, draft, clock_wall_ms());
    return err == OK ? OUTCOME_SUCCESS : command_fail(invocation, OUTCOME_REFUSED, "no ROOT can be drafted: %s", err_text(err));
}

/* The ROOT is in force: the new key files take their places. A crash before this is made up for when they are next used. */
static enum outcome files_settle(const struct invocation *invocation, struct signer *signer, const struct agency *agency) {
    enum err err = signer_settle(signer, agency, NULL);
    if (err == OK && command_has(invocation, "new-ops")) {
        snprintf(signer->path, sizeof signer->path, "%s/" DIR_OPS_KEY, invocation->dir);
        err = signer_settle(signer, agency, NULL);
    }
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_INTERNAL, "the new root is in force, but its key file waits as %s.next: %s",
                        signer->path, err_text(err));
}

/* One holder: the committed key signs at once, and its file takes the old one's place when the chain holds the ROOT. */
static enum outcome rotate_alone(const struct invocation *invocation, struct request *request, struct agency_root_draft *draft) {
    struct signer signer = {0};
    struct keyfile *next = NULL;
    struct offer offer;
    bool sealed = false, running = false;
    if (request->agency.next_threshold > 1)
        return command_fail(
            invocation, OUTCOME_REFUSED,
            "it takes %u of %zu holders to rotate: each makes a `comity root offer`, then give the offers here with\n"
            "--threshold and --request",
            (unsigned)request->agency.next_threshold, request->agency.next_count);
    enum outcome outcome = step_make(invocation, &request->agency, &signer, &next);
    if (outcome == OUTCOME_SUCCESS) {
        offer_make(&offer, next);
        draft_add(draft, &offer);
        outcome = threshold_set(invocation, draft);
    }
    if (outcome == OUTCOME_SUCCESS && command_has(invocation, "new-ops"))
        outcome = ops_new(invocation, draft, &request->agency, &signer);
    if (outcome == OUTCOME_SUCCESS) outcome = body_draft(invocation, request, draft);
    if (outcome == OUTCOME_SUCCESS) outcome = ownchain_sign(invocation, request, &sealed);
    if (outcome == OUTCOME_SUCCESS && sealed)
        outcome = ownchain_give(invocation, bytes_of_buf(&request->chain), bytes_of(NULL, 0), &running);
    if (outcome == OUTCOME_SUCCESS && sealed) outcome = files_settle(invocation, &signer, &request->agency);
    if (outcome == OUTCOME_SUCCESS) root_told(invocation, sealed ? "rotated" : "requested", request, running);
    secret_free(next);
    signer_close(&signer);
    return outcome;
}

static enum outcome rotate_together(const struct invocation *invocation, struct request *request, struct agency_root_draft *draft) {
    bool sealed = false;
    if (!command_value(invocation, "request"))
        return command_usage(invocation, "--request FILE is missing: what the holders are to sign");
    if (command_has(invocation, "new-ops")) return command_usage(invocation, "--new-ops is for a single holder");
    enum outcome outcome = offers_add(invocation, draft, &request->agency);
    if (outcome == OUTCOME_SUCCESS) outcome = threshold_set(invocation, draft);
    if (outcome == OUTCOME_SUCCESS) outcome = body_draft(invocation, request, draft);
    if (outcome == OUTCOME_SUCCESS) outcome = ownchain_sign(invocation, request, &sealed);
    if (outcome == OUTCOME_SUCCESS) root_told(invocation, "requested", request, false);
    return outcome;
}

enum outcome root_rotate(const struct invocation *invocation) {
    struct card_file own;
    struct request request = {0};
    struct agency_root_draft draft;
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS && request_open(&request, own.card.chain) != OK)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "the own chain cannot be read");
    if (outcome == OUTCOME_SUCCESS) {
        draft_begin(&draft, &own.card.agency);
        outcome = invocation->argument_count > 1 ? rotate_together(invocation, &request, &draft)
                                                 : rotate_alone(invocation, &request, &draft);
    }
    request_free(&request);
    card_file_free(&own);
    return outcome;
}
