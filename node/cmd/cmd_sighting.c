/* comity sighting: telling an object's author that it was seen, was wrong, or is over. */
#include "gossip/sighting.h"
#include "node/cmd/cmd.h"
#include "node/cmd/dealing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum outcome run(const struct invocation *invocation) {
    const char *count_text = command_value(invocation, "count");
    uint64_t count = 1;
    int kind = -1, given = 0;
    struct buf body = {0};
    for (int i = 0; i < SIGHTING_KINDS; i++) {
        if (!command_has(invocation, sighting_kind_name((enum sighting_kind)i))) continue;
        kind = i;
        given++;
    }
    if (given != 1) return command_usage(invocation, "say what it was, once: --seen, --false-positive or --expired");
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
    enum outcome outcome = dealing_run(invocation, FRAME_ASK_SIGHTING, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

static const struct command_option options[] = {
    {"seen", NULL, "what it tells of was met"},
    {"false-positive", NULL, "what it tells of was met, and was harmless"},
    {"expired", NULL, "what it tells of is no more"},
    {"count", "N", "how often; 1 by itself"},
    {"from", "NAME", "whose object it is, when several agencies have one of that id"},
    {0},
};

const struct command cmd_sighting = {
    .name = "sighting",
    .synopsis = "OBJECT-ID --seen|--false-positive|--expired [--count N] [--from NAME]",
    .summary = "tell an object's author how often it was seen, wrong, or over",
    .details = "Counts add up to a running total of this node, which goes to the author alone; `comity get` shows the totals.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = options,
    .run = run,
};
