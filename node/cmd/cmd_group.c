/* comity group: groups of agencies and joint operations: made, changed, shown and closed. PROTOCOL.md 5.7 */
#include "gossip/pack.h"
#include "gossip/roster.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/formats/moment.h"

#include <stdlib.h>
#include <string.h>

static enum outcome time_option(const struct invocation *invocation, const char *name, uint64_t *out) {
    const char *text = command_value(invocation, name);
    *out = 0;
    if (!text || moment_parse(out, bytes_of_text(text))) return OUTCOME_SUCCESS;
    return command_usage(invocation, "--%s %s: this is no time: write it in UTC, such as 2026-01-31T12:00:00Z", name, text);
}

static enum outcome admins_pack(const struct invocation *invocation, struct buf *body) {
    const char *list = command_value(invocation, "admins");
    uint32_t count = 0;
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL) count++;
    if (count > LIMIT_GROUP_ADMINS) return command_usage(invocation, "--admins: at most %d of them", LIMIT_GROUP_ADMINS);
    pack_write_array(body, count);
    for (const char *at = list, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        if (end == at) return command_usage(invocation, "--admins: an empty name stands in '%s'", list);
        pack_write_str(body, bytes_of(at, (size_t)(end - at)));
    }
    return OUTCOME_SUCCESS;
}

static enum outcome create_pack(const struct invocation *invocation, struct buf *body) {
    const char *label = command_value(invocation, "tlp-max"), *history = command_value(invocation, "history");
    const char *purpose = command_value(invocation, "purpose"), *threshold = command_value(invocation, "threshold");
    const char *name = invocation->arguments[1];
    enum tlp ceiling = TLP_RED;
    uint64_t starts, ends;
    if (!roster_name_valid(bytes_of_text(name)))
        return command_usage(
            invocation, "%s: a group's name has 1 to 64 letters, digits, '.', '_' and '-', and starts with one of the first two",
            name);
    if (label && !tlp_parse(&ceiling, bytes_of_text(label)))
        return command_usage(invocation,
                             "--tlp-max %s: unknown label; valid are TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT and TLP:RED",
                             label);
    if (history && strcmp(history, "none") != 0 && strcmp(history, "all") != 0)
        return command_usage(invocation, "--history %s: it is none or all", history);
    if (purpose && strlen(purpose) > LIMIT_GROUP_TEXT_BYTES)
        return command_usage(invocation, "--purpose: longer than %d bytes", LIMIT_GROUP_TEXT_BYTES);
    if (threshold && (strlen(threshold) != 1 || *threshold < '1' || *threshold > '0' + LIMIT_GROUP_ADMINS))
        return command_usage(invocation, "--threshold %s: a number from 1 to %d", threshold, LIMIT_GROUP_ADMINS);
    enum outcome outcome = time_option(invocation, "starts", &starts);
    if (outcome == OUTCOME_SUCCESS) outcome = time_option(invocation, "ends", &ends);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    pack_write_array(body, 10);
    pack_write_str(body, bytes_of_text("create"));
    pack_write_str(body, bytes_of_text(name));
    pack_write_uint(body, ceiling);
    pack_write_bool(body, command_has(invocation, "hidden"));
    pack_write_uint(body, starts);
    pack_write_uint(body, ends);
    pack_write_str(body, bytes_of_text(purpose ? purpose : ""));
    pack_write_uint(body, history && strcmp(history, "all") == 0 ? ROSTER_HISTORY_ALL : ROSTER_HISTORY_NONE);
    outcome = admins_pack(invocation, body);
    pack_write_uint(body, threshold ? (uint64_t)(*threshold - '0') : 1);
    return outcome;
}

static const struct verb {
    const char *name, *missing;
    size_t arguments;
} verbs[] = {
    {"list", "", 1},
    {"create", "NAME is missing: comity group create NAME", 2},
    {"show", "NAME is missing: comity group show NAME", 2},
    {"close", "NAME is missing: comity group close NAME", 2},
    {"add", "NAME and AGENCY are needed: comity group add NAME AGENCY", 3},
    {"remove", "NAME and AGENCY are needed: comity group remove NAME AGENCY", 3},
};

static enum outcome run(const struct invocation *invocation) {
    const struct verb *verb = NULL;
    struct buf body = {0};
    enum outcome outcome = OUTCOME_SUCCESS;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(invocation->arguments[0], verbs[i].name) == 0) verb = &verbs[i];
    if (!verb)
        return command_usage(invocation, "unexpected '%s': it is create, add, remove, show, list or close",
                             invocation->arguments[0]);
    if (invocation->argument_count < verb->arguments) return command_usage(invocation, "%s", verb->missing);
    if (invocation->argument_count > verb->arguments)
        return command_usage(invocation, "unexpected '%s'", invocation->arguments[verb->arguments]);
    if (strcmp(verb->name, "create") == 0) {
        outcome = create_pack(invocation, &body);
    } else {
        for (const struct command_option *option = invocation->command->options; option->name; option++)
            if (command_has(invocation, option->name)) return command_usage(invocation, "--%s belongs to create", option->name);
        pack_write_array(&body, (uint32_t)verb->arguments);
        for (size_t i = 0; i < verb->arguments; i++) pack_write_str(&body, bytes_of_text(invocation->arguments[i]));
    }
    if (outcome == OUTCOME_SUCCESS && body.failed) outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) outcome = client_print_document(invocation, FRAME_ASK_GROUP, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

static const struct command_option options[] = {
    {"tlp-max", "LABEL", "create: objects above this label do not go to the group; TLP:RED by default"},
    {"hidden", NULL, "create: only the admins know who belongs to it; members contribute through them"},
    {"starts", "TIME", "create: before, nothing goes to it: 2026-01-31T12:00:00Z; now by default"},
    {"ends", "TIME", "create: then it is over, and what went to it is taken back"},
    {"purpose", "TEXT", "create: what it is for"},
    {"history", "none|all", "create: do newcomers get what went to it before them? none by default"},
    {"admins", "NAME[,NAME...]", "create: admins beside this agency; the order settles their contradictions"},
    {"threshold", "M", "create: so many admins must sign a change; 1 by default"},
    {0},
};

const struct command cmd_group = {
    .name = "group",
    .synopsis = "create NAME [--tlp-max LABEL] [--hidden] [--starts T] [--ends T] [--purpose P] [--history none|all] |\n"
                "       add|remove NAME AGENCY | show NAME | close NAME | list",
    .summary = "groups of agencies and joint operations: publish --to group:NAME",
    .details =
        "Its admins alone change a group. A removed member gets nothing more from any member that has heard of it, whatever\n"
        "they think of it themselves; what it has already it keeps until it is recalled or the group is over. Closing is for\n"
        "good: what went to the group is taken back everywhere.\n"
        "Two admins who contradict each other are settled by their order in --admins, the maker first: with a threshold of 1\n"
        "the admin listed first can undo its own removal by another. Where that matters take --threshold 2 or more, and fewer\n"
        "than there are admins: removing admins lowers it, and newcomers of a hidden group then believe too few.",
    .arguments_min = 1,
    .arguments_max = 3,
    .prints_json = true,
    .options = options,
    .run = run,
};
