/* comity permission, comity share: asking an author whether its object may be passed on, answering such questions, and passing it on. */
#include "gossip/permit.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/cmd/dealing.h"
#include "node/formats/when.h"

#include <string.h>

enum verb { VERB_ASK = 1, VERB_GRANT = 2, VERB_DENY = 3, VERB_LIST = 4 };

/* "H2" or "H1,H2", as bits. */
static bool codes_parse(uint64_t *out, const char *list) {
    *out = 0;
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if ((at[0] != 'H' && at[0] != 'h') || at[1] < '0' || at[1] > '3' || (at[2] && at[2] != ',')) return false;
        *out |= 1ull << (at[1] - '0');
    }
    return true;
}

/* What stands in front of all but lists: the verb, the object, and whose it is or who is answered. */
static void begin(struct buf *body, const struct invocation *invocation, enum verb verb, uint32_t fields) {
    pack_write_array(body, fields);
    pack_write_uint(body, verb);
    pack_write_str(body, bytes_of_text(invocation->arguments[1]));
    dealing_text(body, command_value(invocation, verb == VERB_ASK ? "from" : "for"));
}

static enum outcome ask(const struct invocation *invocation, struct buf *body) {
    const char *reason = command_value(invocation, "reason"), *to = command_value(invocation, "to");
    if (!to) return command_usage(invocation, "name who is to get the object: --to NAME[,NAME...]");
    if (reason && strlen(reason) > PERMIT_REASON_BYTES_MAX)
        return command_usage(invocation, "--reason is longer than %d bytes", PERMIT_REASON_BYTES_MAX);
    begin(body, invocation, VERB_ASK, 5);
    enum outcome outcome = dealing_names(invocation, "to", to, body);
    dealing_text(body, reason ? reason : "");
    return outcome;
}

static enum outcome grant(const struct invocation *invocation, struct buf *body) {
    const char *until = command_value(invocation, "until"), *codes_text = command_value(invocation, "codes");
    uint64_t until_ms = 0, codes = 0, now_ms = clock_wall_ms();
    if (until && (!when_parse(&until_ms, bytes_of_text(until), now_ms) || until_ms <= now_ms))
        return command_usage(invocation, "--until %s: give a moment to come, as 2026-12-31T12:00:00Z or 3d", until);
    if (codes_text && !codes_parse(&codes, codes_text))
        return command_usage(invocation, "--codes %s: valid are H0, H1, H2 and H3", codes_text);
    begin(body, invocation, VERB_GRANT, 6);
    enum outcome outcome = dealing_names(invocation, "to", command_value(invocation, "to"), body);
    pack_write_uint(body, until_ms);
    pack_write_uint(body, codes);
    return outcome;
}

static enum outcome deny(const struct invocation *invocation, struct buf *body) {
    const char *reason = command_value(invocation, "reason");
    if (reason && strlen(reason) > PERMIT_REASON_BYTES_MAX)
        return command_usage(invocation, "--reason is longer than %d bytes", PERMIT_REASON_BYTES_MAX);
    begin(body, invocation, VERB_DENY, 5);
    enum outcome outcome = dealing_names(invocation, "to", command_value(invocation, "to"), body);
    dealing_text(body, reason ? reason : "");
    return outcome;
}

static enum outcome permission_run(const struct invocation *invocation) {
    const char *verb = invocation->arguments[0];
    struct buf body = {0};
    enum outcome outcome = OUTCOME_SUCCESS;
    bool listing = strcmp(verb, "list") == 0;
    if (!listing && strcmp(verb, "ask") != 0 && strcmp(verb, "grant") != 0 && strcmp(verb, "deny") != 0)
        return command_usage(invocation, "'%s' is unknown; valid are ask, grant, deny and list", verb);
    if (invocation->argument_count != (listing ? 1 : 2))
        return command_usage(invocation, listing ? "list takes no further argument" : "give the id of one object");
    if (listing) {
        pack_write_array(&body, 1);
        pack_write_uint(&body, VERB_LIST);
    } else {
        outcome = (verb[0] == 'a' ? ask : verb[0] == 'g' ? grant : deny)(invocation, &body);
    }
    if (outcome == OUTCOME_SUCCESS && body.failed) outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) outcome = client_print_document(invocation, FRAME_ASK_PERMISSION, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

static const struct command_option permission_options[] = {
    {"to", "NAME[,NAME...]", "who is to get the object: names, or the 64 digits of an agency's id"},
    {"from", "NAME", "ask: whose object it is, when several agencies have one of that id"},
    {"for", "NAME", "grant, deny: who is answered, when several asked or nobody did"},
    {"reason", "TEXT", "ask, deny: why, in words for the other side"},
    {"until", "TIME", "grant: passing on ends then (2026-12-31T12:00:00Z, or 3d from now)"},
    {"codes", "H2[,H1...]", "grant: the handling codes that this consents to"},
    {0},
};

const struct command cmd_permission = {
    .name = "permission",
    .synopsis = "ask|grant|deny OBJECT-ID [--to NAME[,NAME...]] | list",
    .summary = "ask an author whether its object may be passed on; answer such questions",
    .details =
        "A permission is signed by the author, names one version of the object, who may pass it on and to whom, and is proved to\n"
        "whoever gets it. `comity share` passes an object on.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = permission_options,
    .run = permission_run,
};

static enum outcome share_run(const struct invocation *invocation) {
    const char *to = command_value(invocation, "to");
    struct buf body = {0};
    if (!to) return command_usage(invocation, "name who is to get the object: --to NAME[,NAME...]");
    pack_write_array(&body, 3);
    pack_write_str(&body, bytes_of_text(invocation->arguments[0]));
    dealing_text(&body, command_value(invocation, "from"));
    enum outcome outcome = dealing_names(invocation, "to", to, &body);
    if (outcome == OUTCOME_SUCCESS) outcome = client_print_document(invocation, FRAME_ASK_SHARE, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

static const struct command_option share_options[] = {
    {"to", "NAME[,NAME...]", "the pinned agencies that get it"},
    {"from", "NAME", "whose object it is, when several agencies have one of that id"},
    {0},
};

const struct command cmd_share = {
    .name = "share",
    .synopsis = "OBJECT-ID --to NAME[,NAME...] [--from NAME]",
    .summary = "pass another agency's object on, with its author's proof and permission",
    .details =
        "Its author must have permitted it for each of them (`comity permission`), unless the object is TLP:CLEAR or TLP:GREEN\n"
        "and not marked H2. Who gets it sees its author as the author, verified, and this agency as the way it came.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = share_options,
    .run = share_run,
};
