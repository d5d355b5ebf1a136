/* comity trust: which agencies this node believes, and under which names. */
#include "node/identity/card_text.h"
#include "node/cmd/client.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/process/log.h"
#include "gossip/pack.h"
#include "node/cmd/ownchain.h"
#include "node/identity/passphrase.h"
#include "node/cmd/setup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CARD_MS 10000 /* a question of the running node's memory */

/* --- add --- */

/* Did the operator compare the fingerprint? On a terminal by typing what the partner said, never what the card says. */
static enum outcome fingerprint_confirm(const struct invocation *invocation, const struct card *card) {
    char typed[256], prompt[512], name[AGENCY_NAME_BYTES_MAX * 4 + 1];
    const char *given = command_value(invocation, "fingerprint");
    if (given && !agency_fingerprint_matches(given, card->agency.id))
        return command_fail(invocation, OUTCOME_REFUSED,
                            "the fingerprint differs from the card's: somebody may have changed the card on its way.\n"
                            "Nothing was pinned");
    if (given || command_has(invocation, "yes")) return OUTCOME_SUCCESS;
    if (!isatty(STDIN_FILENO))
        return command_usage(invocation,
                             "nobody compared the fingerprint: give --fingerprint with what your partner read to you (or --yes,\n"
                             "and whoever handled the card is believed)");
    log_escape(name, sizeof name, bytes_of_text(card->agency.name));
    snprintf(prompt, sizeof prompt, "This card says that it is %s's.\nType the fingerprint that your partner read to you: ", name);
    if (terminal_ask(prompt, typed, sizeof typed) != OK)
        return command_usage(invocation, "there is no terminal to ask on: give --fingerprint");
    if (agency_fingerprint_matches(typed, card->agency.id)) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_REFUSED, "this is not the card's fingerprint; nothing was pinned");
}

static enum outcome added_print(const struct invocation *invocation, const char *name, const struct card *card,
                                enum trust_change change, bool running) {
    static const char *const words[] = {"pinned", "updated", "unchanged"};
    struct buf out = {0};
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "name");
        json_out_text(&json, name);
        json_out_key(&json, "change");
        json_out_text(&json, words[change]);
        json_out_key(&json, "running");
        json_out_bool(&json, running);
        card_json(&json, card, clock_wall_ms());
        json_out_object_end(&json);
        buf_put_text(&out, "\n");
    } else {
        buf_put_format(&out, "%s is %s%s.\n", name, words[change],
                       change == TRUST_SAME ? ""
                       : running            ? "; the running node knows"
                                            : "; the node will know when it starts");
        if (!card_usable(card, clock_wall_ms()))
            buf_put_text(&out, "Beware: nothing can be sealed to it today, see `comity card show`.\n");
    }
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

static enum outcome pin(const struct invocation *invocation, const char *name, const struct card_file *file,
                        const struct card *own) {
    char problem[TRUST_PROBLEM_MAX];
    enum trust_change change = TRUST_NEW;
    bool running = false;
    enum err err = trust_judge(&change, invocation->dir, name, &file->card, own->agency.id, problem);
    if (err == ERR_RANGE) return command_usage(invocation, "--as %s: %s", name, problem);
    if (err != OK)
        return command_fail(invocation, command_outcome(err) == OUTCOME_INTERNAL ? OUTCOME_INTERNAL : OUTCOME_REFUSED, "%s",
                            problem[0] ? problem : err_text(err));
    /* What extends a pinned chain is signed by keys whose fingerprint was compared once. A fingerprint that is given must fit all the same. */
    enum outcome outcome = change == TRUST_NEW || command_value(invocation, "fingerprint")
                               ? fingerprint_confirm(invocation, &file->card)
                               : OUTCOME_SUCCESS;
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (change != TRUST_SAME) {
        err = trust_file_write(invocation->dir, name, file);
        if (err != OK)
            return command_fail(invocation, OUTCOME_INTERNAL, "writing %s/trust/%s.card: %s", invocation->dir, name, err_text(err));
        outcome = client_trust_reload(invocation, name, &running);
        if (outcome != OUTCOME_SUCCESS) return outcome;
    }
    return added_print(invocation, name, &file->card, change, running);
}

/* Reads the card that the command line names. */
static enum outcome card_given(const struct invocation *invocation, struct card_file *file) {
    const char *path = invocation->arguments[1];
    enum err err = card_file_read(file, path);
    if (err == OK) return OUTCOME_SUCCESS;
    if (err == ERR_NOT_FOUND || err == ERR_DENIED || err == ERR_IO) return setup_unreadable(invocation, path, err);
    return command_fail(invocation, OUTCOME_REFUSED, "%s: this is no good card: %s. Ask your partner to send it again", path,
                        err_text(err));
}

static enum outcome add(const struct invocation *invocation) {
    const char *name = command_value(invocation, "as");
    struct card_file own, file = {0};
    if (invocation->argument_count < 2) return command_usage(invocation, "FILE is missing: comity trust add FILE --as NAME");
    if (!name) return command_usage(invocation, "--as NAME is missing: the name under which you will know this agency");
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) outcome = card_given(invocation, &file);
    if (outcome == OUTCOME_SUCCESS) outcome = pin(invocation, name, &file, &own.card);
    card_file_free(&file);
    card_file_free(&own);
    return outcome;
}

/* --- update --- */

/* The own agency's chain needs no pin: a sister's card tells the node of this directory. */
static enum outcome update_own(const struct invocation *invocation, const struct card_file *file, const struct card *own) {
    bool running = false;
    enum trust_change change = file->card.chain.size > own->chain.size ? TRUST_UPDATE : TRUST_SAME;
    enum outcome outcome = ownchain_give(invocation, file->card.chain, file->card.prekeys, &running);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    return added_print(invocation, own->agency.name, &file->card, change, running);
}

/* A card of an agency that is pinned already: what extends its chain is signed by keys whose fingerprint was compared once. */
static enum outcome update(const struct invocation *invocation) {
    struct card_file own, file = {0};
    char name[TRUST_NAME_BYTES_MAX + 1];
    if (invocation->argument_count < 2) return command_usage(invocation, "FILE is missing: comity trust update FILE");
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) outcome = card_given(invocation, &file);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = trust_name_of(invocation->dir, file.card.agency.id, name);
        if (memcmp(file.card.agency.id, own.card.agency.id, AGENCY_ID_BYTES) == 0)
            outcome = update_own(invocation, &file, &own.card);
        else if (err == ERR_NOT_FOUND)
            outcome = command_fail(invocation, OUTCOME_NOT_FOUND,
                                   "this agency is not pinned: compare its fingerprint, then `comity trust add %s --as NAME`",
                                   invocation->arguments[1]);
        else if (err != OK)
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s/trust: %s", invocation->dir, err_text(err));
        else
            outcome = pin(invocation, name, &file, &own.card);
    }
    card_file_free(&file);
    card_file_free(&own);
    return outcome;
}

/* --- card --- */

/* The running node's chain of a pinned agency. Owned by the caller, also after a failure. */
static enum outcome chain_heard(const struct invocation *invocation, const char *name, struct buf *chain) {
    struct client client = {.channel.fd = -1};
    struct buf body = {0};
    struct frame frame;
    enum outcome outcome = client_open(&client, invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text(name));
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(&client, FRAME_ASK_CARD, bytes_of_buf(&body));
    while (err == OK && (err = client_answer(&client, &frame, CARD_MS)) == OK && frame.type == FRAME_ANSWER_CARD) {
        struct pack_reader reader = pack_reader_of(frame.body);
        uint32_t fields = pack_read_array(&reader);
        buf_put(chain, pack_read_bin(&reader));
        err = fields == 1 ? pack_done(&reader) : ERR_FORMAT;
    }
    if (err != OK)
        outcome = client_lost(&client, err);
    else if (frame.type == FRAME_ANSWER_ERROR)
        outcome = client_refused(&client, frame.body);
    client_close(&client);
    buf_free(&body);
    return outcome;
}

/* What the mesh brought since the agency was pinned is in the running node, not in DIR/trust: who lost all nodes gets it back here. */
static enum outcome card_newest(const struct invocation *invocation) {
    const char *name = invocation->arguments[1];
    struct buf chain = {0}, binary = {0}, out = {0};
    struct card_file file = {0};
    struct card card;
    if (invocation->argument_count < 2) return command_usage(invocation, "NAME is missing: comity trust card NAME");
    enum err err = trust_file_read(&file, invocation->dir, name);
    if (err == ERR_NOT_FOUND) return command_fail(invocation, OUTCOME_NOT_FOUND, "%s is not pinned in %s", name, invocation->dir);
    enum outcome outcome = err == OK ? chain_heard(invocation, name, &chain) : OUTCOME_SUCCESS;
    if (outcome == OUTCOME_SUCCESS) {
        if (err == OK) err = ownchain_card(&binary, bytes_of_buf(&chain), file.card.prekeys, bytes_of(NULL, 0));
        if (err == OK) err = card_read(&card, bytes_of_buf(&binary));
        if (err == OK && !invocation->json) err = card_armour(&out, bytes_of_buf(&binary));
        if (err != OK)
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s/trust/%s.card: %s", invocation->dir, name, err_text(err));
    }
    if (outcome == OUTCOME_SUCCESS && invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        card_json(&json, &card, clock_wall_ms());
        json_out_object_end(&json);
        buf_put_text(&out, "\n");
    }
    if (outcome == OUTCOME_SUCCESS) command_print_buf(&out);
    card_file_free(&file);
    buf_free(&chain), buf_free(&binary), buf_free(&out);
    return outcome;
}

/* --- list --- */

struct listing {
    struct buf out;
    struct json_out json;
    bool as_json;
    uint64_t now_ms;
    size_t count;
};

static void list_json(struct listing *listing, const char *name, enum err error, const struct card_file *file) {
    struct json_out *json = &listing->json;
    json_out_object(json);
    json_out_key(json, "name");
    json_out_text(json, name);
    json_out_key(json, "error");
    error == OK ? json_out_null(json) : json_out_text(json, err_text(error));
    if (error == OK) card_json(json, &file->card, listing->now_ms);
    json_out_object_end(json);
}

static void list_text(struct listing *listing, const char *name, enum err error, const struct card_file *file) {
    char fingerprint[AGENCY_FINGERPRINT_CHARS + 1], safe[AGENCY_ENDPOINT_BYTES_MAX * 4 + 1];
    struct buf *out = &listing->out;
    if (error != OK) {
        buf_put_format(out, "%-20s the pinned card cannot be used: %s\n", name, err_text(error));
        return;
    }
    const struct agency *agency = &file->card.agency;
    agency_fingerprint(fingerprint, agency->id);
    log_escape(safe, sizeof safe, bytes_of_text(agency->name));
    buf_put_format(out, "%-20s %s  %s\n", name, fingerprint, safe);
    for (size_t i = 0; i < agency->node_count; i++) {
        const struct agency_node *node = &agency->nodes[i];
        const char *problem = card_node_problem(&file->card, node, listing->now_ms);
        buf_put_format(out, "%-20s node %02x%02x%02x%02x", "", node->id[0], node->id[1], node->id[2], node->id[3]);
        for (size_t j = 0; j < node->endpoint_count; j++) {
            log_escape(safe, sizeof safe, bytes_of_text(node->endpoints[j].text));
            buf_put_format(out, " %s", safe);
        }
        buf_put_format(out, "%s%s%s\n", node->endpoint_count ? "" : " (dials out only)", problem ? ", not usable: " : "",
                       problem ? problem : "");
    }
}

static bool list_visit(void *context, const char *name, enum err error, const struct card_file *file) {
    struct listing *listing = context;
    listing->count++;
    (listing->as_json ? list_json : list_text)(listing, name, error, file);
    return true;
}

static enum outcome list(const struct invocation *invocation) {
    struct card_file own;
    struct listing listing = {.as_json = invocation->json, .now_ms = clock_wall_ms()};
    enum outcome outcome = setup_own_card(invocation, &own);
    card_file_free(&own);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    listing.json = json_out_of(&listing.out);
    if (listing.as_json) json_out_array(&listing.json);
    enum err err = trust_files_each(invocation->dir, list_visit, &listing);
    if (listing.as_json) {
        json_out_array_end(&listing.json);
        json_out_line(&listing.json);
    } else if (err == OK && listing.count == 0) {
        buf_put_text(&listing.out, "No agency is pinned: comity trust add FILE --as NAME\n");
    }
    if (err == OK)
        command_print_buf(&listing.out);
    else
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s/trust: %s", invocation->dir, err_text(err));
    buf_free(&listing.out);
    return outcome;
}

/* --- remove --- */

static enum outcome unpin(const struct invocation *invocation) {
    bool running = false;
    struct buf out = {0};
    if (invocation->argument_count < 2) return command_usage(invocation, "NAME is missing: comity trust remove NAME");
    const char *name = invocation->arguments[1];
    enum err err = trust_file_remove(invocation->dir, name);
    if (err == ERR_NOT_FOUND) {
        trust_names(invocation->dir, &out);
        enum outcome missing = command_fail(invocation, OUTCOME_NOT_FOUND, "no agency is pinned as %s; pinned are: %.*s", name,
                                            (int)out.size, out.data ? (const char *)out.data : "");
        buf_free(&out);
        return missing;
    }
    if (err != OK)
        return command_fail(invocation, OUTCOME_INTERNAL, "removing %s/trust/%s.card: %s", invocation->dir, name, err_text(err));
    enum outcome outcome = client_trust_reload(invocation, name, &running);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "name");
        json_out_text(&json, name);
        json_out_key(&json, "change");
        json_out_text(&json, "removed");
        json_out_key(&json, "running");
        json_out_bool(&json, running);
        json_out_object_end(&json);
        buf_put_text(&out, "\n");
    } else {
        buf_put_format(&out, "%s is no longer pinned%s. What it could read before, it keeps.\n", name,
                       running ? "; the running node closed its links" : "");
    }
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

static enum outcome run(const struct invocation *invocation) {
    const char *what = invocation->arguments[0];
    if (strcmp(what, "add") == 0) return add(invocation);
    if (strcmp(what, "update") == 0) return update(invocation);
    if (strcmp(what, "remove") == 0) return unpin(invocation);
    if (strcmp(what, "card") == 0) return card_newest(invocation);
    if (strcmp(what, "list") != 0)
        return command_usage(invocation, "unexpected '%s': it is add, update, list, card or remove", what);
    if (invocation->argument_count > 1) return command_usage(invocation, "unexpected '%s'", invocation->arguments[1]);
    return list(invocation);
}

static const struct command_option options[] = {
    {"as", "NAME", "add: your name for the agency: letters, digits, '.', '_', '-'"},
    {"fingerprint", "FP", "add: what your partner read to you; it must be the card's"},
    {"yes", NULL, "add: pin without any comparison"},
    {0},
};

const struct command cmd_trust = {
    .name = "trust",
    .synopsis = "add FILE --as NAME [--fingerprint FP | --yes] | update FILE | list | card NAME | remove NAME",
    .summary = "pin an agency's card, update it, list what is pinned, or remove one",
    .details =
        "Pinning is the only way into the trust list: a node connects to, accepts, stores and relays only what comes from pinned\n"
        "agencies. `update` takes a newer card of a pinned agency, or of this one: a revocation or a new node that the mesh "
        "cannot\n"
        "bring. FILE may be - for standard input. A change takes effect in the running node at once; `remove` closes its links.\n"
        "`card` prints the newest card of a pinned agency that the running node knows of: for a partner that lost all its nodes.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
