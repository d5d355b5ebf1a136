/* comity sighting: telling an object's author that it was seen, was wrong, or is over, and what is thought of it. */
#include "gossip/sighting.h"
#include "node/cmd/cmd.h"
#include "node/cmd/dealing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum outcome run(const struct invocation *invocation) {
    const char *count_text = command_value(invocation, "count"), *opinion_text = command_value(invocation, "opinion");
    uint64_t count = 1;
    int kind = -1, given = 0;
    struct buf body = {0};
    for (int i = 0; i < SIGHTING_KINDS; i++) {
        if (!command_has(invocation, sighting_kind_name((enum sighting_kind)i))) continue;
        kind = i;
        given++;
    }
    if (opinion_text) {
        kind = SIGHTING_OPINION;
        given++;
    }
    if (given != 1)
        return command_usage(invocation, "say what it was, once: --seen, --false-positive, --expired or --opinion WORD");
    if (opinion_text && count_text) return command_usage(invocation, "an opinion has no count");
    if (opinion_text && !opinion_parse(&count, bytes_of_text(opinion_text)))
        return command_usage(invocation,
                             "--opinion %s: unknown; valid are strongly-disagree, disagree, neutral, agree and strongly-agree",
                             opinion_text);
    if (count_text) {
        char *end;
        errno = 0;
        count = strtoull(count_text, &end, 10);
        if (errno != 0 || *end || count_text[0] < '0' || count_text[0] > '9' || count == 0 || count > SIGHTING_COUNT_MAX / 2)
            return command_usage(invocation, "--count %s: give a number from 1 to %llu", count_text, SIGHTING_COUNT_MAX / 2);
    }
    pack_write_array(&body, 4);
    pack_write_str(&body, bytes_of_text(invocation->arguments[0]));
    dealing_text(&body, command_value(invocation, "from"));
    pack_write_uint(&body, (uint64_t)kind);
    pack_write_uint(&body, count);
    enum outcome outcome = client_print_document(invocation, FRAME_ASK_SIGHTING, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

static const struct command_option options[] = {
    {"seen", NULL, "what it tells of was met"},
    {"false-positive", NULL, "what it tells of was met, and was harmless"},
    {"expired", NULL, "what it tells of is no more"},
    {"count", "N", "how often; 1 by itself"},
    {"opinion", "WORD", "what you think of it: strongly-disagree, disagree, neutral, agree, strongly-agree; the last word counts"},
    {"from", "NAME", "whose object it is, when several agencies have one of that id"},
    {0},
};

const struct command cmd_sighting = {
    .name = "sighting",
    .synopsis = "OBJECT-ID --seen|--false-positive|--expired [--count N] | --opinion WORD [--from NAME]",
    .summary = "tell an object's author how often it was seen, wrong, or over, and what you think of it",
    .details = "Counts add up to a running total of this node, which goes to the author; where the author marked the object so\n"
               "(`comity publish --sightings audience`), the author tells all whom it published it to, by agency. The answer says "
               "to whom\n"
               "(\"to\"), and `comity get` beforehand; it shows the totals, too.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = options,
    .run = run,
};
