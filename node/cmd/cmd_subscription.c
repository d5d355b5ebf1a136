/* comity subscription: named, durable consumers of what arrives, each with a filter and a place of its own. */
#include "gossip/pack.h"
#include "gossip/policy_facts.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/cmd/cmd_feed.h"
#include "node/formats/json_out.h"
#include "node/process/answer.h"
#include "node/subscribe/subscriptions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEST_LIMIT 20

/* What is not UTF-8 names nothing. */
static void text_pack(struct buf *out, const char *text) {
    pack_write_str(out, bytes_of_text(text && pack_utf8_valid(bytes_of_text(text)) ? text : ""));
}

/* --- add --- */

static enum outcome exit_read(const struct invocation *invocation, enum policy_exit *out) {
    const char *name = command_value(invocation, "exit");
    *out = POLICY_LOCAL;
    if (!name || (policy_exit_parse(out, bytes_of_text(name)) && *out >= POLICY_LOCAL && *out <= POLICY_CONSOLE))
        return OUTCOME_SUCCESS;
    struct buf known = {0};
    for (int exit = POLICY_LOCAL; exit <= POLICY_CONSOLE; exit++)
        buf_put_format(&known, "%s%s", exit > POLICY_LOCAL ? ", " : "", policy_exit_name((enum policy_exit)exit));
    buf_put_u8(&known, 0);
    enum outcome outcome = command_usage(invocation, "--exit %s: unknown; it is one of %s", name,
                                         known.failed ? "those of the policy file" : (const char *)known.data);
    buf_free(&known);
    return outcome;
}

static enum outcome add(const struct invocation *invocation) {
    const char *filter = command_value(invocation, "filter"), *label = command_value(invocation, "tlp-max");
    const char *from = command_value(invocation, "from");
    enum tlp tlp = TLP_NONE;
    enum policy_exit exit;
    struct buf body = {0};
    if (!fields_name_valid(bytes_of_text(invocation->arguments[1])))
        return command_usage(invocation, "%s: no name for a subscription: letters, digits, '.', '-' and '_', at most %d of them",
                             invocation->arguments[1], SUBSCRIPTION_NAME_BYTES_MAX);
    if (!filter) return command_usage(invocation, "which objects? --filter TEXT, or --filter '' for all that it may see");
    enum outcome outcome = feed_filter(invocation, filter);
    if (outcome == OUTCOME_SUCCESS) outcome = exit_read(invocation, &exit);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (label && !tlp_parse(&tlp, bytes_of_text(label)))
        return command_usage(invocation,
                             "--tlp-max %s: unknown label; valid are TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT and TLP:RED",
                             label);
    if (from && strcmp(from, "start") != 0 && strcmp(from, "now") != 0)
        return command_usage(invocation, "--from %s: it is start or now", from);
    pack_write_array(&body, 6);
    text_pack(&body, "add");
    text_pack(&body, invocation->arguments[1]);
    text_pack(&body, filter);
    pack_write_uint(&body, tlp);
    pack_write_uint(&body, exit);
    pack_write_bool(&body, from && strcmp(from, "start") == 0);
    outcome = body.failed ? command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY))
                          : client_print_document(invocation, FRAME_ASK_SUBSCRIPTION, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

/* --- list: asked in parts, printed as one --- */

struct listing {
    struct buf rows; /* as they came */
    uint32_t count;
    char last[SUBSCRIPTION_NAME_BYTES_MAX + 1];
    bool more;
};

/* Goes over one row and notes its name. */
static bool row_skip(struct listing *listing, struct pack_reader *reader) {
    for (uint32_t keys = pack_read_map(reader); keys > 0; keys--) {
        struct bytes key = pack_read_str(reader);
        if (bytes_equal_text(key, "behind") || bytes_equal_text(key, "delivered")) {
            pack_read_uint(reader);
            continue;
        }
        struct bytes value = pack_read_str(reader);
        if (!bytes_equal_text(key, "name") || value.size >= sizeof listing->last || value.size == 0) continue;
        memcpy(listing->last, value.data, value.size);
        listing->last[value.size] = 0;
    }
    return !pack_failed(reader);
}

static bool part_read(struct listing *listing, struct bytes document) {
    struct pack_reader reader = pack_reader_of(document);
    if (pack_read_map(&reader) != 2 || !bytes_equal_text(pack_read_str(&reader), "more")) return false;
    listing->more = pack_read_bool(&reader);
    pack_read_str(&reader);
    uint32_t count = pack_read_array(&reader);
    const uint8_t *start = reader.cursor.at;
    for (uint32_t i = 0; i < count; i++)
        if (!row_skip(listing, &reader)) return false;
    if (pack_done(&reader) != OK || (listing->more && count == 0)) return false;
    if (count > 0) buf_put_raw(&listing->rows, start, (size_t)(reader.cursor.at - start));
    listing->count += count;
    return true;
}

static enum outcome part_ask(struct client *client, struct listing *listing) {
    struct buf body = {0}, document = {0};
    pack_write_array(&body, listing->last[0] ? 2 : 1);
    text_pack(&body, "list");
    if (listing->last[0]) text_pack(&body, listing->last);
    enum outcome outcome = client_document_of(client, FRAME_ASK_SUBSCRIPTION, bytes_of_buf(&body), &document);
    if (outcome == OUTCOME_SUCCESS && !part_read(listing, bytes_of_buf(&document))) outcome = client_lost(client, ERR_FORMAT);
    buf_free(&body);
    buf_free(&document);
    return outcome;
}

static enum outcome list(const struct invocation *invocation) {
    struct client client = {.channel.fd = -1};
    struct listing listing = {0};
    struct buf document = {0};
    enum outcome outcome = client_open(&client, invocation);
    do {
        if (outcome == OUTCOME_SUCCESS) outcome = part_ask(&client, &listing);
    } while (outcome == OUTCOME_SUCCESS && listing.more);
    client_close(&client);
    pack_write_map(&document, 1);
    text_pack(&document, "subscriptions");
    pack_write_array(&document, listing.count);
    buf_put(&document, bytes_of_buf(&listing.rows));
    if (outcome == OUTCOME_SUCCESS && (document.failed || listing.rows.failed))
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_print(invocation, bytes_of_buf(&document));
    buf_free(&listing.rows);
    buf_free(&document);
    return outcome;
}

/* --- test --- */

struct testing {
    struct client client;
    struct answer_reader reader;
    struct buf out;
    uint64_t figures[5]; /* shown, looked at, matched, kept back, cursor behind which it looked */
};

static enum err done_read(struct testing *testing, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    if (pack_read_array(&in) != 5) return ERR_FORMAT;
    for (size_t i = 0; i < 5; i++) testing->figures[i] = pack_read_uint(&in);
    return pack_done(&in);
}

static enum outcome answers_print(struct testing *testing) {
    const struct invocation *invocation = testing->client.invocation;
    struct frame frame;
    enum err err = OK;
    while (err == OK && (err = client_answer(&testing->client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(&testing->client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) {
            err = done_read(testing, frame.body);
            if (err == OK) return OUTCOME_SUCCESS;
        } else {
            err = frame.type == FRAME_ANSWER_OBJECT ? answer_read(&testing->reader, frame.body) : ERR_FORMAT;
            if (err == OK) (invocation->json ? answer_json : answer_line)(&testing->out, &testing->reader.answer);
            command_print_buf(&testing->out);
        }
    }
    return client_lost(&testing->client, err);
}

/* On standard error, because standard output has the objects; with --json as the last line. */
static void figures_tell(struct testing *testing) {
    static const char *const keys[] = {"shown", "looked", "matched", "refused", "behind"};
    const struct invocation *invocation = testing->client.invocation;
    const uint64_t *figures = testing->figures;
    if (!invocation->json) {
        command_fail(invocation, OUTCOME_SUCCESS,
                     "of the %" PRIu64 " newest objects %" PRIu64 " match, and %" PRIu64
                     " of those are kept back by policy or label; %" PRIu64 " are shown",
                     figures[1], figures[2], figures[3], figures[0]);
        return;
    }
    struct json_out json = json_out_of(&testing->out);
    json_out_object(&json);
    for (size_t i = 0; i < 5; i++) {
        json_out_key(&json, keys[i]);
        json_out_uint(&json, figures[i]);
    }
    json_out_object_end(&json);
    json_out_line(&json);
    command_print_buf(&testing->out);
}

static enum outcome test(const struct invocation *invocation) {
    const char *filter = command_value(invocation, "filter"), *limit_text = command_value(invocation, "limit");
    uint64_t limit = TEST_LIMIT;
    if ((filter != NULL) == (invocation->argument_count == 2))
        return command_usage(invocation, "which one? comity subscription test NAME, or test --filter TEXT");
    if (limit_text && !feed_number(limit_text, &limit)) return command_usage(invocation, "--limit %s: give a number", limit_text);
    enum outcome outcome = feed_filter(invocation, filter);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    struct testing *testing = calloc(1, sizeof *testing);
    if (!testing || answer_reader_init(&testing->reader) != OK) {
        free(testing);
        return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    struct buf body = {0};
    testing->client.channel.fd = -1;
    pack_write_array(&body, 4);
    text_pack(&body, "test");
    text_pack(&body, filter ? "" : invocation->arguments[1]);
    text_pack(&body, filter);
    pack_write_uint(&body, limit);
    outcome = client_open(&testing->client, invocation);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = body.failed ? ERR_MEMORY : client_ask(&testing->client, FRAME_ASK_SUBSCRIPTION, bytes_of_buf(&body));
        outcome = err == OK ? answers_print(testing) : client_lost(&testing->client, err);
    }
    if (outcome == OUTCOME_SUCCESS) figures_tell(testing);
    client_close(&testing->client);
    answer_reader_free(&testing->reader);
    buf_free(&testing->out);
    buf_free(&body);
    free(testing);
    return outcome;
}

/* --- show, remove, rewind --- */

static enum outcome named(const struct invocation *invocation) {
    const char *verb = invocation->arguments[0], *to = command_value(invocation, "to");
    bool back = strcmp(verb, "rewind") == 0;
    uint64_t cursor = 0;
    struct buf body = {0};
    if (back && !to) return command_usage(invocation, "where to? --to start, or --to CURSOR");
    if (back && strcmp(to, "start") != 0 && !feed_number(to, &cursor))
        return command_usage(invocation, "--to %s: it is start or a cursor", to);
    pack_write_array(&body, back ? 3 : 2);
    text_pack(&body, verb);
    text_pack(&body, invocation->arguments[1]);
    if (back) pack_write_uint(&body, cursor);
    enum outcome outcome = body.failed ? command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY))
                                       : client_print_document(invocation, FRAME_ASK_SUBSCRIPTION, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

static const struct verb {
    const char *name;
    size_t least, most; /* arguments, the verb among them */
    const char *takes;  /* options, with a blank before and behind each */
    enum outcome (*run)(const struct invocation *invocation);
} verbs[] = {
    {"add", 2, 2, " filter tlp-max exit from ", add}, {"list", 1, 1, " ", list},       {"show", 2, 2, " ", named},
    {"test", 1, 2, " filter limit ", test},           {"rewind", 2, 2, " to ", named}, {"remove", 2, 2, " ", named},
};

static enum outcome run(const struct invocation *invocation) {
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(invocation->arguments[0], verbs[i].name) == 0) verb = &verbs[i];
    if (!verb)
        return command_usage(invocation, "unexpected '%s': it is add, list, show, test, rewind or remove",
                             invocation->arguments[0]);
    if (invocation->argument_count < verb->least)
        return command_usage(invocation, "NAME is missing: comity subscription %s NAME", verb->name);
    if (invocation->argument_count > verb->most)
        return command_usage(invocation, "unexpected '%s'", invocation->arguments[verb->most]);
    for (const struct command_option *option = invocation->command->options; option->name; option++) {
        char word[32] = " ";
        strncat(word, option->name, sizeof word - 3);
        strcat(word, " ");
        if (command_has(invocation, option->name) && !strstr(verb->takes, word))
            return command_usage(invocation, "--%s does not belong to %s", option->name, verb->name);
    }
    return verb->run(invocation);
}

static const struct command_option options[] = {
    {"filter", "TEXT", "add, test: which objects: 'kind = domain and confidence >= 70 and not label = benign'; '' for all"},
    {"tlp-max", "LABEL", "add: no object above this label"},
    {"exit", "EXIT",
     "add: what it is for, so that the policy file's limits of that exit hold: live, hook, taxii ...; local by default"},
    {"from", "start|now", "add: begin with what is here already, or with what comes; now by default"},
    {"limit", "N", "test: print so many objects"},
    {"to", "start|CURSOR", "rewind: go on behind this cursor"},
    {0},
};

const struct command cmd_subscription = {
    .name = "subscription",
    .synopsis = "add NAME --filter TEXT [--tlp-max LABEL] [--exit EXIT] [--from start|now] | list | show NAME |\n"
                "       test NAME | test --filter TEXT [--limit N] | rewind NAME --to start|CURSOR | remove NAME",
    .summary = "durable consumers of what arrives, each with a filter and a place of its own",
    .details = "A subscription remembers how far its consumer came: `comity feed --subscription NAME` prints what is new since the "
               "last time, and\n"
               "what was withdrawn meanwhile. `show` tells its place: how far it is behind, how many objects it looked at, how "
               "many its filter\n"
               "took, policy or label kept back, and were delivered. `test` counts what it would be given of the newest 200,000 "
               "objects, prints\n"
               "the first of them, and moves nothing. A subscription that nobody asks costs nothing.\n"
               "\n"
               "A filter (comity-filter(7)) is made of tests, joined by and, or, not and parentheses; a blank means and:\n"
               "  kind = domain, url          ipv4 ipv6 domain url email md5 sha1 sha256 sha512 text, ip, hash\n"
               "  value = *.example.com       a value, all below a name, a network; value ~ \"*login*\" a pattern\n"
               "  type = indicator            also id, author, group, label (or tag), name; each with = != ~ !~\n"
               "  tlp <= green                also pap; with = != < <= > >=\n"
               "  confidence >= 70            0 to 100\n"
               "  grading >= B2               at least as good; europol-4x4:A1, uk-3x5x2:1A\n"
               "  age < 30d                   45s 30m 8h 3d 2w\n"
               "  modified > 2026-05-12T08:17:27Z     also arrived; after= and before= for modified\n"
               "  revoked = no",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
