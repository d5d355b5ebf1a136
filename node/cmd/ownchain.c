#include "node/cmd/ownchain.h"

#include "node/cmd/client.h"
#include "node/process/dir.h"
#include "node/cmd/setup.h"
#include "node/cmd/signer.h"

#include "gossip/pack.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAKE_MS 30000

/* --- the card --- */

/* The newest valid PREKEY entry of this node in either list; false when there is none. */
static bool prekey_newest(const struct agency_node *node, const struct bytes *lists, size_t count, struct bytes *out) {
    uint64_t seq = 0;
    for (size_t i = 0; i < count; i++) {
        struct entry entry;
        for (struct bytes rest = lists[i]; rest.size > 0 && entry_parse(&entry, rest) == OK;
             rest = bytes_of(rest.data + entry.size, rest.size - entry.size)) {
            if (memcmp(entry.node_id, node->id, NODE_ID_BYTES) != 0 || entry.type != ENTRY_PREKEY || entry.seq <= seq) continue;
            if (entry_verify(&entry, node->sign_public) != OK) continue;
            seq = entry.seq;
            *out = bytes_of(rest.data, entry.size);
        }
    }
    return seq > 0;
}

enum err ownchain_card(struct buf *binary, struct bytes chain, struct bytes prekeys, struct bytes more) {
    struct agency agency;
    struct bytes lists[] = {prekeys, more}, newest;
    struct buf chosen = {0};
    enum err err = agency_parse(&agency, chain, NULL);
    for (size_t i = 0; err == OK && i < agency.node_count; i++)
        if (!agency.nodes[i].revoked && prekey_newest(&agency.nodes[i], lists, 2, &newest)) buf_put(&chosen, newest);
    if (err == OK) err = buf_result(&chosen);
    if (err == OK) err = card_write(binary, chain, bytes_of_buf(&chosen));
    buf_free(&chosen);
    return err;
}

/* --- giving it --- */

static enum outcome running_take(const struct invocation *invocation, struct client *client, struct bytes chain,
                                 struct bytes prekeys) {
    struct buf body = {0};
    struct frame frame;
    pack_write_array(&body, 2);
    pack_write_bin(&body, chain);
    pack_write_bin(&body, prekeys);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(client, FRAME_ASK_CHAIN, bytes_of_buf(&body));
    if (err == OK) err = client_answer(client, &frame, TAKE_MS);
    buf_free(&body);
    if (err != OK)
        return command_fail(invocation, OUTCOME_INTERNAL, "the running node did not take the new record: %s; nothing was changed",
                            err_text(err));
    return frame.type == FRAME_ANSWER_ERROR ? client_refused(client, frame.body) : OUTCOME_SUCCESS;
}

static enum outcome stopped_take(const struct invocation *invocation, struct bytes chain, struct bytes prekeys) {
    struct card_file own = {0};
    struct buf binary = {0}, text = {0};
    int lock = -1;
    enum outcome outcome = setup_lock(invocation, &lock);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_own_card(invocation, &own);
    if (outcome != OUTCOME_SUCCESS) goto out;
    if (chain.size < own.card.chain.size || memcmp(chain.data, own.card.chain.data, own.card.chain.size) != 0) {
        outcome = command_fail(invocation, OUTCOME_REFUSED,
                               "%s/" DIR_CARD " holds another continuation of the agency's chain, or a longer one: make the record "
                               "again from there",
                               invocation->dir);
        goto out;
    }
    enum err err = ownchain_card(&binary, chain, own.card.prekeys, prekeys);
    if (err == OK) err = card_armour(&text, bytes_of_buf(&binary));
    if (err == OK) err = dir_write(invocation->dir, DIR_CARD, bytes_of_buf(&text), 0644);
    if (err != OK)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "writing %s/" DIR_CARD ": %s", invocation->dir, err_text(err));
out:
    card_file_free(&own);
    buf_free(&binary);
    buf_free(&text);
    if (lock >= 0) close(lock);
    return outcome;
}

enum outcome ownchain_give(const struct invocation *invocation, struct bytes chain, struct bytes prekeys, bool *running) {
    struct client client = {.invocation = invocation};
    enum err err = control_connect(&client.channel, invocation->dir);
    *running = err == OK;
    if (err == ERR_CLOSED || err == ERR_TOO_BIG) return stopped_take(invocation, chain, prekeys);
    if (err != OK)
        return command_fail(invocation, command_outcome(err), "cannot connect to the node in %s: %s", invocation->dir,
                            err_text(err));
    enum outcome outcome = running_take(invocation, &client, chain, prekeys);
    client_close(&client);
    return outcome;
}

/* --- signing it --- */

enum outcome ownchain_file_write(const struct invocation *invocation, const char *path, struct bytes content) {
    char folder[DIR_PATH_MAX], name[DIR_PATH_MAX];
    if (strcmp(path, "-") == 0) {
        command_print(content);
        return OUTCOME_SUCCESS;
    }
    snprintf(folder, sizeof folder, "%s", path);
    snprintf(name, sizeof name, "%s", path);
    enum err err = strlen(path) >= sizeof folder ? ERR_TOO_BIG : dir_write(dirname(folder), basename(name), content, 0600);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, err == ERR_DENIED || err == ERR_NOT_FOUND ? OUTCOME_REFUSED : OUTCOME_INTERNAL,
                        "writing %s: %s", path, err_text(err));
}

static enum outcome request_put(const struct invocation *invocation, const struct request *request, const char *path) {
    struct buf text = {0};
    enum err err = request_write(&text, request);
    enum outcome outcome = err == OK ? ownchain_file_write(invocation, path, bytes_of_buf(&text))
                                     : command_fail(invocation, OUTCOME_INTERNAL, "making the request: %s", err_text(err));
    buf_free(&text);
    return outcome;
}

enum outcome ownchain_sign(const struct invocation *invocation, struct request *request, bool *sealed) {
    const char *path = command_value(invocation, "request");
    struct signer signer = {0};
    *sealed = false;
    if (path) return request_put(invocation, request, path);
    enum outcome outcome = signer_open(&signer, invocation, request);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = request_sign(request, signer.seed);
        if (err == OK) err = request_seal(request);
        if (err == ERR_SIGNATURE)
            outcome = command_fail(invocation, OUTCOME_REFUSED,
                                   "one signature is not enough, it takes %zu: give --request FILE, and have it signed with "
                                   "`comity root sign FILE`",
                                   request_threshold(request));
        else if (err != OK)
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "signing the record: %s", err_text(err));
        *sealed = err == OK;
    }
    signer_close(&signer);
    return outcome;
}
