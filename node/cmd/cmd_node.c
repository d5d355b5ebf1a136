/* comity node: the nodes of the own agency: list, renew, revoke; node/cmd/cmd_node_add.c adds. */
#include "node/cmd/cmd_node.h"

#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/formats/json_out.h"
#include "node/cmd/lastentry.h"
#include "node/process/log.h"
#include "node/formats/moment.h"
#include "node/identity/newnode.h"
#include "node/cmd/ownchain.h"
#include "node/cmd/setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_CHARS_MIN 4

/* --- what the parts share --- */

void node_told(const struct invocation *invocation, const char *change, const uint8_t node_id[static NODE_ID_BYTES],
               const struct agency *agency, const char *where) {
    struct buf out = {0};
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    bool request = strcmp(where, "request") == 0, running = strcmp(where, "running") == 0;
    const struct agency_node *node = agency_node_find(agency, node_id);
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "change");
        json_out_text(&json, change);
        json_out_key(&json, "node");
        json_out_text(&json, hex);
        json_out_key(&json, "records");
        json_out_uint(&json, agency->record_count);
        json_out_key(&json, "request");
        request ? json_out_text(&json, command_value(invocation, "request")) : json_out_null(&json);
        json_out_key(&json, "running");
        json_out_bool(&json, running);
        json_out_key(&json, "valid_until");
        node && !request ? json_out_time(&json, node->not_after_ms) : json_out_null(&json);
        json_out_object_end(&json);
        json_out_line(&json);
    } else if (request) {
        buf_put_format(&out,
                       "The request stands in %s; nothing is changed yet. Where a key is: `comity root sign` it;\n"
                       "then here: `comity root apply` it.\n",
                       command_value(invocation, "request"));
    } else {
        buf_put_format(&out, "Node %s is %s%s.\n", hex, change,
                       running ? "; the running node knows, and tells its peers" : "; the node will know when it starts");
    }
    command_print_buf(&out);
    buf_free(&out);
}

enum outcome node_record_finish(const struct invocation *invocation, struct request *request, const char *change,
                                const uint8_t node_id[static NODE_ID_BYTES]) {
    bool sealed = false, running = false;
    enum outcome outcome = ownchain_sign(invocation, request, &sealed);
    if (outcome == OUTCOME_SUCCESS && sealed)
        outcome = ownchain_give(invocation, bytes_of_buf(&request->chain), bytes_of_buf(&request->prekeys), &running);
    if (outcome == OUTCOME_SUCCESS)
        node_told(invocation, change, node_id, &request->agency, !sealed ? "request" : running ? "running" : "stopped");
    return outcome;
}

/* "self", or an id, or the beginning of one that fits a single node. */
static enum outcome node_named(const struct invocation *invocation, const struct agency *agency, const char *text,
                               const struct agency_node **out) {
    uint8_t self[NODE_ID_BYTES];
    char hex[2 * NODE_ID_BYTES + 1];
    size_t found = 0, size = strlen(text);
    *out = NULL;
    if (strcmp(text, "self") == 0) {
        struct lastentry own;
        if (!lastentry_self(invocation, self)) {
            enum outcome outcome = lastentry_find(invocation, NULL, false, 0, &own);
            if (outcome != OUTCOME_SUCCESS) return outcome;
            memcpy(self, own.node_id, sizeof self);
        }
        *out = agency_node_find(agency, self);
        if (*out) return OUTCOME_SUCCESS;
        return command_fail(invocation, OUTCOME_NOT_FOUND, "the agency's chain names no node with the key of this directory");
    }
    for (size_t i = 0; size >= PREFIX_CHARS_MIN && i < agency->node_count; i++) {
        hex_encode(hex, bytes_of(agency->nodes[i].id, NODE_ID_BYTES));
        if (strncmp(hex, text, size) != 0) continue;
        *out = &agency->nodes[i];
        found++;
    }
    if (found == 1) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_NOT_FOUND,
                        found == 0 ? "this agency has no node %s; `comity node list` shows its nodes (at least %d characters)"
                                   : "more than one node's id begins with %s: write more of it",
                        text, PREFIX_CHARS_MIN);
}

static enum outcome own_request(const struct invocation *invocation, struct card_file *own, struct request *request) {
    *request = (struct request){0};
    enum outcome outcome = setup_own_card(invocation, own);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = request_open(request, own->card.chain);
    return err == OK ? OUTCOME_SUCCESS : command_fail(invocation, OUTCOME_INTERNAL, "the own chain: %s", err_text(err));
}

/* --- list --- */

static const char *node_state(const struct agency_node *node, uint64_t now_ms) {
    if (node->revoked) return "revoked";
    if (now_ms >= node->not_after_ms) return "ended";
    if (now_ms < node->not_before_ms) return "not yet valid";
    return node->not_after_ms - now_ms < NEWNODE_RENEW_MS ? "to be renewed" : "valid";
}

static void node_json(struct json_out *json, const struct agency_node *node, bool self, uint64_t now_ms) {
    json_out_object(json);
    json_out_key(json, "node");
    json_out_hex(json, bytes_of(node->id, NODE_ID_BYTES));
    json_out_key(json, "self");
    json_out_bool(json, self);
    json_out_key(json, "state");
    json_out_text(json, node_state(node, now_ms));
    json_out_key(json, "valid_from");
    json_out_time(json, node->not_before_ms);
    json_out_key(json, "valid_until");
    json_out_time(json, node->not_after_ms);
    json_out_key(json, "revoked_after");
    node->revoked ? json_out_uint(json, node->revoked_seq) : json_out_null(json);
    json_out_key(json, "endpoints");
    json_out_array(json);
    for (size_t i = 0; i < node->endpoint_count; i++) json_out_text(json, node->endpoints[i].text);
    json_out_array_end(json);
    json_out_object_end(json);
}

static void node_text(struct buf *out, const struct agency_node *node, bool self, uint64_t now_ms) {
    char hex[2 * NODE_ID_BYTES + 1], until[MOMENT_TEXT_BYTES], safe[AGENCY_ENDPOINT_BYTES_MAX * 4 + 1];
    hex_encode(hex, bytes_of(node->id, NODE_ID_BYTES));
    moment_text(until, node->not_after_ms);
    buf_put_format(out, "%s  %-13s until %.10s%s", hex, node_state(node, now_ms), until, self ? "  this node" : "");
    if (node->revoked) buf_put_format(out, "  entries up to %" PRIu64 " stay", node->revoked_seq);
    for (size_t i = 0; i < node->endpoint_count; i++) {
        log_escape(safe, sizeof safe, bytes_of_text(node->endpoints[i].text));
        buf_put_format(out, "  %s", safe);
    }
    buf_put_text(out, "\n");
}

static enum outcome list(const struct invocation *invocation) {
    struct card_file own;
    struct buf out = {0};
    uint8_t self[NODE_ID_BYTES];
    uint64_t now_ms = clock_wall_ms();
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) {
        const struct agency *agency = &own.card.agency;
        struct json_out json = json_out_of(&out);
        bool known = lastentry_self(invocation, self);
        if (invocation->json) json_out_array(&json);
        for (size_t i = 0; i < agency->node_count; i++) {
            const struct agency_node *node = &agency->nodes[i];
            bool is_self = known && memcmp(self, node->id, NODE_ID_BYTES) == 0;
            invocation->json ? node_json(&json, node, is_self, now_ms) : node_text(&out, node, is_self, now_ms);
        }
        if (invocation->json) {
            json_out_array_end(&json);
            json_out_line(&json);
        }
        command_print_buf(&out);
    }
    card_file_free(&own);
    buf_free(&out);
    return outcome;
}

/* --- renew --- */

/* The node of this directory is reached where its configuration says now. */
static enum outcome endpoint_now(const struct invocation *invocation, struct agency_node *node) {
    struct config config;
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    const char *text = config.advertise[0] ? config.advertise : config.listen;
    node->endpoint_count = text[0] ? 1 : 0;
    if (strlen(text) > AGENCY_ENDPOINT_BYTES_MAX)
        return command_fail(invocation, OUTCOME_REFUSED, "advertise in comity.yaml is longer than a certificate may hold");
    snprintf(node->endpoints[0].text, sizeof node->endpoints[0].text, "%s", text);
    return OUTCOME_SUCCESS;
}

static enum outcome renew(const struct invocation *invocation) {
    const char *name = invocation->argument_count > 1 ? invocation->arguments[1] : "self";
    struct card_file own;
    struct request request;
    const struct agency_node *found;
    uint8_t self[NODE_ID_BYTES];
    uint64_t now_ms = clock_wall_ms();
    enum outcome outcome = own_request(invocation, &own, &request);
    if (outcome == OUTCOME_SUCCESS) outcome = node_named(invocation, &request.agency, name, &found);
    if (outcome == OUTCOME_SUCCESS) {
        struct agency_node node = *found;
        bool is_self = strcmp(name, "self") == 0 || (lastentry_self(invocation, self) && memcmp(self, node.id, NODE_ID_BYTES) == 0);
        if (is_self) outcome = endpoint_now(invocation, &node);
        newnode_dates(&node, now_ms);
        enum err err = outcome == OUTCOME_SUCCESS ? agency_draft_node(&request.body, &request.agency, &node, now_ms) : OK;
        if (err == ERR_REVOKED)
            outcome = command_fail(invocation, OUTCOME_REFUSED,
                                   "this node was revoked, and a revoked node never comes back: `comity node add` makes a new key");
        else if (err != OK)
            outcome = command_fail(invocation, OUTCOME_REFUSED, "no certificate can be drafted: %s", err_text(err));
        if (outcome == OUTCOME_SUCCESS) outcome = node_record_finish(invocation, &request, "renewed", node.id);
    }
    request_free(&request);
    card_file_free(&own);
    return outcome;
}

/* --- revoke --- */

/* --after SEQ; without it the last entry that is held here. */
static enum outcome cut_find(const struct invocation *invocation, const struct agency_node *node, struct lastentry *out) {
    const char *after = command_value(invocation, "after");
    char *end = NULL;
    errno = 0;
    unsigned long long seq = after ? strtoull(after, &end, 10) : 0;
    if (after && (after[0] < '0' || after[0] > '9' || *end || errno != 0 || seq > INT64_MAX))
        return command_usage(invocation, "--after %s: it is the number of the node's last good entry", after);
    *out = (struct lastentry){0};
    if (after && seq == 0) return OUTCOME_SUCCESS; /* nothing it ever wrote is good */
    return lastentry_find(invocation, node->id, !after, seq, out);
}

static enum outcome revoke(const struct invocation *invocation) {
    struct card_file own;
    struct request request;
    struct lastentry cut;
    const struct agency_node *node;
    if (invocation->argument_count < 2) return command_usage(invocation, "NODE is missing: comity node revoke NODE|self");
    enum outcome outcome = own_request(invocation, &own, &request);
    if (outcome == OUTCOME_SUCCESS) outcome = node_named(invocation, &request.agency, invocation->arguments[1], &node);
    if (outcome == OUTCOME_SUCCESS) outcome = cut_find(invocation, node, &cut);
    if (outcome == OUTCOME_SUCCESS && node->revoked && node->revoked_seq <= cut.seq)
        outcome = command_fail(invocation, OUTCOME_REFUSED,
                               "it was revoked before, after entry %" PRIu64 "; only a lower cut counts", node->revoked_seq);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = agency_draft_revoke(&request.body, &request.agency, node->id, cut.seq, cut.id, clock_wall_ms());
        uint8_t id[NODE_ID_BYTES];
        memcpy(id, node->id, sizeof id);
        outcome = err == OK ? node_record_finish(invocation, &request, "revoked", id)
                            : command_fail(invocation, OUTCOME_REFUSED, "no revocation can be drafted: %s", err_text(err));
    }
    request_free(&request);
    card_file_free(&own);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    const char *what = invocation->arguments[0];
    if (strcmp(what, "list") == 0) return list(invocation);
    if (strcmp(what, "renew") == 0) return renew(invocation);
    if (strcmp(what, "revoke") == 0) return revoke(invocation);
    if (strcmp(what, "add") == 0) return node_add(invocation);
    return command_usage(invocation, "unexpected '%s': it is list, add, renew or revoke", what);
}

static const struct command_option options[] = {
    {"after", "SEQ", "revoke: its last good entry; without it the last one that is held here; 0: nothing of it is good"},
    {"from", "DIR", "add: another node of this agency on this machine: its chain, keys and pins are used"},
    {"card", "FILE", "add: this agency's card, where no other node is at hand"},
    {"listen", "tcp://HOST:PORT", "add: where partners' nodes connect to"},
    {"advertise", "tcp://HOST:PORT", "add: what partners dial, when that differs from --listen"},
    {"key", "FILE", "the ops or root key file that signs; without it ops.key or root.key of the directory"},
    {"request", "FILE", "sign nothing, write what is to be signed to FILE: see `comity root sign`"},
    {"passphrase-file", "FILE", "take the passphrase from FILE instead of the terminal"},
    {"no-passphrase", NULL, "add: leave the new keys unsealed"},
    {0},
};

const struct command cmd_node = {
    .name = "node",
    .synopsis = "list | renew [NODE] | revoke NODE|self [--after SEQ] | add [--from DIR | --card FILE]",
    .summary = "the nodes of this agency: list, certify anew, revoke, add",
    .details =
        "renew   a new certificate for 90 days, with the endpoint that comity.yaml says. A running node with ops.key does so by\n"
        "        itself, 30 days before the end.\n"
        "revoke  ends a node for ever: its entries up to the named one stay good, later ones count nowhere, its links are closed.\n"
        "add     into an empty directory: a further node of this agency. In a node's own directory: a new key and log for it, in\n"
        "        force at its next start; then revoke the old one.\n"
        "A change reaches a running node at once and its partners through the mesh. Make changes at one node of the agency at a\n"
        "time: of two different continuations of a chain, others keep the one that they saw first. NODE is an id or its beginning.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
