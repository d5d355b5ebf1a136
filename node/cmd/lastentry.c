#include "node/cmd/lastentry.h"

#include "crypto/secret.h"
#include "gossip/pack.h"
#include "node/cmd/client.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/cmd/setup.h"
#include "node/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS 30000

/* --- of the running node --- */

static enum err running_ask(struct client *client, const uint8_t *node_id, bool last, uint64_t seq, struct frame *frame) {
    struct buf body = {0};
    pack_write_array(&body, 3);
    pack_write_bin(&body, bytes_of(node_id, node_id ? NODE_ID_BYTES : 0));
    pack_write_bool(&body, last);
    pack_write_uint(&body, seq);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(client, FRAME_ASK_ENTRY_ID, bytes_of_buf(&body));
    if (err == OK) err = client_answer(client, frame, ASK_MS);
    buf_free(&body);
    return err;
}

static enum err answer_read(struct lastentry *out, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t fields = pack_read_array(&reader);
    struct bytes node = pack_read_bin(&reader);
    out->seq = pack_read_uint(&reader);
    struct bytes id = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || fields != 3 || node.size != NODE_ID_BYTES || id.size != HASH_BYTES) return ERR_FORMAT;
    memcpy(out->node_id, node.data, NODE_ID_BYTES);
    memcpy(out->id, id.data, HASH_BYTES);
    return OK;
}

/* --- of a stopped one --- */

struct search {
    const uint8_t *node_id;
    uint64_t last;
};

static bool log_visit(void *context, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq_first, uint64_t seq_last) {
    struct search *search = context;
    (void)seq_first;
    if (memcmp(node_id, search->node_id, NODE_ID_BYTES) == 0) search->last = seq_last;
    return true;
}

static enum err store_look(struct store *store, bool last, struct lastentry *out) {
    struct search search = {.node_id = out->node_id};
    struct buf bytes = {0};
    struct entry entry;
    bool verified;
    enum err err = last ? store_logs(store, log_visit, &search) : OK;
    if (last) out->seq = search.last;
    memset(out->id, 0, sizeof out->id);
    if (err == OK && out->seq > 0) {
        err = store_entry(store, out->node_id, out->seq, &bytes, &verified);
        if (err == OK) err = entry_parse(&entry, bytes_of_buf(&bytes));
        if (err == OK) memcpy(out->id, entry.id, HASH_BYTES);
    }
    buf_free(&bytes);
    return err;
}

static enum outcome stopped_find(const struct invocation *invocation, const uint8_t *node_id, bool last, struct lastentry *out) {
    struct keyfile *keys = secret_new(sizeof *keys);
    struct passphrase passphrase = {0};
    struct buf sealed = {0};
    struct store_options options = {.cache_bytes = 8u << 20, .sync = true, .now_ms = clock_wall_ms()};
    struct store *store = NULL;
    char path[DIR_PATH_MAX], why[256] = "";
    uint8_t sign_public[SIGN_PUBLIC_BYTES];
    int lock = -1;
    enum outcome outcome =
        keys ? setup_lock(invocation, &lock) : command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) outcome = setup_node_key(invocation, &sealed, &passphrase, keys);
    if (outcome != OUTCOME_SUCCESS) goto out;
    sign_public_of_seed(sign_public, keys->sign_seed);
    agency_node_id(out->node_id, keys->agency_id, sign_public);
    if (node_id) memcpy(out->node_id, node_id, NODE_ID_BYTES);
    memcpy(options.store_key, keys->store_key, sizeof options.store_key);
    enum err err = dir_path(path, invocation->dir, DIR_STORE);
    options.path = path;
    if (err == OK && access(path, F_OK) == 0) {
        err = store_open(&store, &options, why, sizeof why);
        if (err == OK) err = store_look(store, last, out);
    } else if (last) {
        out->seq = 0;
    }
    explicit_bzero(options.store_key, sizeof options.store_key);
    if (err == ERR_NOT_FOUND)
        outcome = command_fail(invocation, OUTCOME_NOT_FOUND, "entry %" PRIu64 " of that node's log is not held here", out->seq);
    else if (err != OK)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "the store in %s: %s", invocation->dir, why[0] ? why : err_text(err));
out:
    if (store) store_close(store);
    secret_free(keys);
    passphrase_free(&passphrase);
    buf_free(&sealed);
    if (lock >= 0) close(lock);
    return outcome;
}

enum outcome lastentry_find(const struct invocation *invocation, const uint8_t *node_id, bool last, uint64_t seq,
                            struct lastentry *out) {
    struct client client = {.invocation = invocation};
    struct frame frame;
    *out = (struct lastentry){.seq = seq};
    enum err err = control_connect(&client.channel, invocation->dir);
    if (err == ERR_CLOSED || err == ERR_TOO_BIG) return stopped_find(invocation, node_id, last, out);
    if (err == OK) err = running_ask(&client, node_id, last, seq, &frame);
    enum outcome outcome = OUTCOME_SUCCESS;
    if (err == OK && frame.type == FRAME_ANSWER_ERROR)
        outcome = client_refused(&client, frame.body);
    else if (err != OK || (err = answer_read(out, frame.body)) != OK)
        outcome = command_fail(invocation, command_outcome(err), "asking the running node: %s", err_text(err));
    client_close(&client);
    return outcome;
}

bool lastentry_self(const struct invocation *invocation, uint8_t node_id[static NODE_ID_BYTES]) {
    struct client client = {.invocation = invocation};
    struct frame frame;
    struct lastentry found;
    struct buf sealed = {0};
    enum err err = control_connect(&client.channel, invocation->dir);
    if (err == OK) {
        err = running_ask(&client, NULL, false, 0, &frame);
        if (err == OK) err = frame.type == FRAME_ANSWER_DONE ? answer_read(&found, frame.body) : ERR_FORMAT;
        client_close(&client);
        if (err == OK) memcpy(node_id, found.node_id, NODE_ID_BYTES);
        return err == OK;
    }
    struct keyfile *keys = secret_new(sizeof *keys);
    err = keys ? dir_read(&sealed, invocation->dir, DIR_NODE_KEY, KEYFILE_BYTES_MAX) : ERR_MEMORY;
    if (err == OK && keyfile_needs_passphrase(bytes_of_buf(&sealed))) err = ERR_PASSPHRASE;
    if (err == OK) err = keyfile_open(keys, bytes_of_buf(&sealed), bytes_of(NULL, 0));
    if (err == OK) {
        uint8_t sign_public[SIGN_PUBLIC_BYTES];
        sign_public_of_seed(sign_public, keys->sign_seed);
        agency_node_id(node_id, keys->agency_id, sign_public);
    }
    secret_free(keys);
    buf_free(&sealed);
    return err == OK;
}
