/* comity feed, comity get: objects in the order of their arrival, or by their id. */
#include "gossip/label.h"
#include "gossip/pack.h"
#include "gossip/policy_facts.h"
#include "node/cmd/client_objects.h"
#include "node/cmd/cmd.h"
#include "node/cmd/cmd_feed.h"
#include "node/formats/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool feed_number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9') return false;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == 0;
}

/* What is not UTF-8 names nothing that can exist; it is asked for as an empty text, which names nothing either. */
static void pack_text_or_nil(struct buf *out, const char *text) {
    if (!text)
        pack_write_nil(out);
    else
        pack_write_str(out, bytes_of_text(pack_utf8_valid(bytes_of_text(text)) ? text : ""));
}

enum outcome feed_filter(const struct invocation *invocation, const char *text) {
    struct filter *filter = NULL;
    struct filter_problem problem;
    if (!text) return OUTCOME_SUCCESS;
    enum err err = filter_parse(&filter, bytes_of_text(text), &problem);
    filter_free(filter);
    if (err == OK) return OUTCOME_SUCCESS;
    if (err == ERR_MEMORY) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(err));
    return command_usage(invocation, "--filter, line %u, column %u: %s", problem.line, problem.column, problem.text);
}

/* [after, follow, type, tlp_max, from, limit, exit, filter, subscription] */
static enum outcome feed_pack(const struct invocation *invocation, struct buf *out) {
    const char *after_text = command_value(invocation, "after"), *limit_text = command_value(invocation, "limit");
    const char *tlp_text = command_value(invocation, "tlp-max");
    uint64_t after = 0, limit = 0;
    const char *filter = command_value(invocation, "filter");
    enum tlp tlp = TLP_NONE;
    enum outcome outcome = feed_filter(invocation, filter);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (after_text && !feed_number(after_text, &after))
        return command_usage(invocation, "--after %s: this is no cursor; give a number", after_text);
    if (limit_text && (!feed_number(limit_text, &limit) || limit == 0))
        return command_usage(invocation, "--limit %s: give a number from 1", limit_text);
    if (tlp_text && !tlp_parse(&tlp, bytes_of_text(tlp_text)))
        return command_usage(invocation,
                             "--tlp-max %s: unknown label; valid are TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT and TLP:RED",
                             tlp_text);
    pack_write_array(out, 9);
    pack_write_uint(out, after);
    pack_write_bool(out, command_has(invocation, "follow"));
    pack_text_or_nil(out, command_value(invocation, "type"));
    pack_write_uint(out, tlp);
    pack_text_or_nil(out, command_value(invocation, "from"));
    pack_write_uint(out, limit);
    pack_write_uint(out, POLICY_LOCAL);
    pack_write_str(out, bytes_of_text(filter ? filter : ""));
    pack_write_str(out, bytes_of(NULL, 0));
    return OUTCOME_SUCCESS;
}

static enum outcome feed_run(const struct invocation *invocation) {
    if (command_has(invocation, "subscription") || command_has(invocation, "withdrawn")) return feed_take(invocation);
    struct buf body = {0};
    uint64_t count = 0;
    enum outcome outcome = feed_pack(invocation, &body);
    if (outcome == OUTCOME_SUCCESS) outcome = client_objects_print(invocation, FRAME_ASK_FEED, bytes_of_buf(&body), &count);
    buf_free(&body);
    return outcome;
}

static enum outcome get_run(const struct invocation *invocation) {
    struct buf body = {0};
    uint64_t count = 0;
    pack_write_array(&body, 2);
    pack_text_or_nil(&body, invocation->arguments[0]);
    pack_text_or_nil(&body, command_value(invocation, "from"));
    enum outcome outcome = client_objects_print(invocation, FRAME_ASK_GET, bytes_of_buf(&body), &count);
    buf_free(&body);
    if (outcome != OUTCOME_SUCCESS || count > 0) return outcome;
    return command_fail(invocation, OUTCOME_NOT_FOUND, "no object with the id %s is readable here", invocation->arguments[0]);
}

static const struct command_option feed_options[] = {
    {"after", "CURSOR", "start behind this cursor instead of at the oldest object; with --withdrawn also CURSOR.GONE"},
    {"follow", NULL, "stay, and print what arrives"},
    {"type", "TYPE", "only objects of this STIX type"},
    {"tlp-max", "LABEL", "only objects with this label or a less restrictive one"},
    {"from", "NAME", "only objects of the agency pinned under this name"},
    {"filter", "TEXT", "only objects that fit, such as 'kind = domain and confidence >= 70'; see comity-filter(7)"},
    {"subscription", "NAME",
     "what this subscription has not been given yet, withdrawals too; its position moves with what is printed"},
    {"withdrawn", NULL, "tell too which of the objects before were taken back, expired or erased since"},
    {"limit", "N", "at most so many objects"},
    {0},
};

const struct command cmd_feed = {
    .name = "feed",
    .synopsis =
        "[--after CURSOR] [--follow] [--type T] [--tlp-max LABEL] [--from NAME] [--filter TEXT] [--withdrawn] [--limit N] |\n"
        "       --subscription NAME [--follow] [--limit N]",
    .summary = "print objects in the order of their arrival, one a line",
    .details =
        "A line is: cursor, author, label, object, with a tab between. It ends at the newest object unless --follow is given.\n"
        "With --subscription or --withdrawn a line may also say that an object is gone: cursor, author, label, \"withdrawn ID "
        "(cause)\";\n"
        "as JSON {\"withdrawn\": ID, \"cause\": ..., \"cursor\": ..., \"gone\": ...}, and CURSOR.GONE of the last lines is where "
        "to go on. "
        "A\n"
        "subscription keeps its place by itself: what was printed is not printed again, and nothing is left out; only where the "
        "command\n"
        "was killed in the middle of a page may its lines come twice.",
    .prints_json = true,
    .options = feed_options,
    .run = feed_run,
};

static const struct command_option get_options[] = {
    {"from", "NAME", "only the one of the agency pinned under this name"},
    {0},
};

const struct command cmd_get = {
    .name = "get",
    .synopsis = "OBJECT-ID [--from NAME]",
    .summary = "print the objects with this id, of all authors, one a line",
    .details = "An object is (author, id): another agency's object of the same id stands beside it and never replaces it.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = get_options,
    .run = get_run,
};
