/* comity root: the agency's root keys: rotate them, and sign what nodes ask for where the keys are. */
#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/cmd/cmd_root.h"
#include "node/process/dir.h"
#include "node/formats/json_out.h"
#include "node/cmd/ownchain.h"
#include "node/cmd/setup.h"
#include "node/cmd/signer.h"

#include <stdio.h>
#include <string.h>

/* --- requests --- */

static enum outcome request_open_file(const struct invocation *invocation, const char *path, struct request *out) {
    struct buf text = {0};
    *out = (struct request){0};
    enum err err = dir_read_given(&text, path, 2 * REQUEST_BYTES_MAX);
    bool readable = err == OK;
    if (err == OK) err = request_read(out, bytes_of_buf(&text));
    buf_free(&text);
    if (err == OK) return OUTCOME_SUCCESS;
    if (!readable) return setup_unreadable(invocation, path, err);
    return command_fail(invocation, OUTCOME_REFUSED, "%s: this is no good request: %s", path, err_text(err));
}

static void told(const struct invocation *invocation, const char *change, const struct request *request, bool running) {
    struct buf out = {0};
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "change");
        json_out_text(&json, change);
        json_out_key(&json, "generation");
        json_out_uint(&json, request->agency.generation);
        json_out_key(&json, "records");
        json_out_uint(&json, request->agency.record_count);
        json_out_key(&json, "running");
        json_out_bool(&json, running);
        json_out_key(&json, "signatures");
        json_out_uint(&json, request->signature_count);
        json_out_key(&json, "signatures_needed");
        json_out_uint(&json, request_threshold(request));
        json_out_object_end(&json);
        json_out_line(&json);
    } else if (strcmp(change, "applied") == 0 || strcmp(change, "rotated") == 0) {
        buf_put_format(&out, "%s: the agency's chain has %u records now, its root keys are of generation %u%s.\n", change,
                       (unsigned)request->agency.record_count, (unsigned)request->agency.generation,
                       running ? "; the running node knows, and tells its peers" : "; the node will know when it starts");
    } else {
        request_text(&out, request);
    }
    command_print_buf(&out);
    buf_free(&out);
}

static enum outcome sign(const struct invocation *invocation) {
    struct request request;
    struct signer signer = {0};
    struct buf text = {0};
    if (invocation->argument_count != 2) return command_usage(invocation, "it is: comity root sign FILE");
    const char *path = invocation->arguments[1], *out = command_value(invocation, "out");
    if (!out) out = path;
    enum outcome outcome = request_open_file(invocation, path, &request);
    if (outcome == OUTCOME_SUCCESS) outcome = signer_open(&signer, invocation, &request);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = request_sign(&request, signer.seed);
        if (err == OK) err = request_write(&text, &request);
        outcome = err == OK ? ownchain_file_write(invocation, out, bytes_of_buf(&text))
                            : command_fail(invocation, OUTCOME_INTERNAL, "signing: %s", err_text(err));
    }
    if (outcome == OUTCOME_SUCCESS && strcmp(out, "-") != 0) told(invocation, "signed", &request, false);
    buf_free(&text);
    signer_close(&signer);
    request_free(&request);
    return outcome;
}

static enum outcome apply(const struct invocation *invocation) {
    struct request request = {0};
    bool running = false;
    if (invocation->argument_count < 2) return command_usage(invocation, "it is: comity root apply FILE...");
    enum outcome outcome = request_open_file(invocation, invocation->arguments[1], &request);
    for (size_t i = 2; outcome == OUTCOME_SUCCESS && i < invocation->argument_count; i++) {
        struct request other;
        outcome = request_open_file(invocation, invocation->arguments[i], &other);
        if (outcome == OUTCOME_SUCCESS && request_merge(&request, &other) != OK)
            outcome = command_fail(invocation, OUTCOME_REFUSED, "%s is another record than %s", invocation->arguments[i],
                                   invocation->arguments[1]);
        request_free(&other);
    }
    size_t needed = outcome == OUTCOME_SUCCESS ? request_threshold(&request) : 0;
    if (outcome == OUTCOME_SUCCESS && request_seal(&request) != OK)
        outcome = command_fail(invocation, OUTCOME_REFUSED,
                               "the signatures do not suffice: %zu are there, and it takes %zu of entitled keys",
                               request.signature_count, needed);
    if (outcome == OUTCOME_SUCCESS)
        outcome = ownchain_give(invocation, bytes_of_buf(&request.chain), bytes_of_buf(&request.prekeys), &running);
    if (outcome == OUTCOME_SUCCESS) told(invocation, "applied", &request, running);
    request_free(&request);
    return outcome;
}

/* --- show --- */

static enum outcome show(const struct invocation *invocation) {
    struct request request;
    enum outcome outcome;
    if (invocation->argument_count > 2) return command_usage(invocation, "it is: comity root show [FILE]");
    if (invocation->argument_count == 2) {
        outcome = request_open_file(invocation, invocation->arguments[1], &request);
        if (outcome == OUTCOME_SUCCESS) told(invocation, "shown", &request, false);
        request_free(&request);
        return outcome;
    }
    struct card_file own;
    struct buf out = {0};
    outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) {
        const struct agency *agency = &own.card.agency;
        struct json_out json = json_out_of(&out);
        if (invocation->json) {
            json_out_object(&json);
            json_out_key(&json, "generation");
            json_out_uint(&json, agency->generation);
            json_out_key(&json, "keys");
            json_out_uint(&json, agency->root_count);
            json_out_key(&json, "next_keys");
            json_out_uint(&json, agency->next_count);
            json_out_key(&json, "next_threshold");
            json_out_uint(&json, agency->next_threshold);
            json_out_key(&json, "ops_keys");
            json_out_uint(&json, agency->ops_count);
            json_out_key(&json, "records");
            json_out_uint(&json, agency->record_count);
            json_out_key(&json, "threshold");
            json_out_uint(&json, agency->threshold);
            json_out_object_end(&json);
            json_out_line(&json);
        } else {
            buf_put_format(&out,
                           "Generation %u: %u of %zu root keys sign; the next root takes %u of %zu committed keys; %zu ops key%s;\n"
                           "%u of %d records.\n",
                           (unsigned)agency->generation, (unsigned)agency->threshold, agency->root_count,
                           (unsigned)agency->next_threshold, agency->next_count, agency->ops_count,
                           agency->ops_count == 1 ? "" : "s", (unsigned)agency->record_count, AGENCY_RECORDS_MAX);
        }
        command_print_buf(&out);
    }
    card_file_free(&own);
    buf_free(&out);
    return outcome;
}

void root_told(const struct invocation *invocation, const char *change, const struct request *request, bool running) {
    told(invocation, change, request, running);
}

static enum outcome run(const struct invocation *invocation) {
    const char *what = invocation->arguments[0];
    if (strcmp(what, "show") == 0) return show(invocation);
    if (strcmp(what, "rotate") == 0) return root_rotate(invocation);
    if (strcmp(what, "offer") == 0) return root_offer(invocation);
    if (strcmp(what, "sign") == 0) return sign(invocation);
    if (strcmp(what, "apply") == 0) return apply(invocation);
    return command_usage(invocation, "unexpected '%s': it is show, rotate, offer, sign or apply", what);
}

static const struct command_option options[] = {
    {"key", "FILE", "the key file that signs; without it ops.key or root.key of the directory"},
    {"new", "FILE", "offer: make a root key file for a new holder, and offer its keys"},
    {"threshold", "N", "rotate: how many of the offered keys sign from now on"},
    {"new-ops", NULL, "rotate: a new ops key; the old one counts for nothing then"},
    {"request", "FILE", "rotate: sign nothing, write what is to be signed to FILE"},
    {"out", "FILE", "sign: write there instead of over the request; - is standard output"},
    {"passphrase-file", "FILE", "take the passphrase from FILE instead of the terminal"},
    {"no-passphrase", NULL, "offer --new: leave the new keys unsealed"},
    {0},
};

const struct command cmd_root = {
    .name = "root",
    .synopsis = "show [FILE] | rotate [OFFER...] | offer FILE | sign FILE | apply FILE...",
    .summary = "the agency's root keys: rotate them, sign requests, apply what was signed",
    .details =
        "rotate  puts the committed next root keys in force and commits to new ones; all nodes that are not revoked stay. With\n"
        "        one holder in one step; with OFFERs of several holders as a request that each of them signs.\n"
        "offer   writes to FILE what this holder brings to the next root keys; the new key file waits as root.key.next.\n"
        "sign    shows a request (of `node add|renew|revoke --request` or `root rotate --request`) and adds a signature to it.\n"
        "apply   takes a request with enough signatures, or several copies of it, into the chain of this directory's node.\n"
        "A FILE may be - for standard input, of offer standard output.",
    .arguments_min = 1,
    .arguments_max = 1 + 2 * AGENCY_KEYS_MAX,
    .prints_json = true,
    .options = options,
    .run = run,
};
