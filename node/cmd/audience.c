#include "node/cmd/audience.h"

#include "gossip/pack.h"
#include "gossip/setexpr.h"
#include "node/process/log.h"
#include "node/identity/trust_files.h"

#include <inttypes.h>
#include <string.h>

enum outcome audience_options(const struct invocation *invocation, struct audience_request *request) {
    const char *tlp = command_value(invocation, "tlp");
    *request = (struct audience_request){.to = command_value(invocation, "to"), .to_all = command_has(invocation, "to-all")};
    if (tlp && !tlp_parse(&request->tlp, bytes_of_text(tlp)))
        return command_usage(
            invocation, "--tlp %s: unknown label; valid are TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT and TLP:RED", tlp);
    if (request->to && request->to_all) return command_usage(invocation, "--to and --to-all contradict each other");
    if (!request->to && !request->to_all)
        return command_usage(
            invocation,
            "nobody is named: give --to NAME[,NAME...] or --to group:NAME, or --to-all for all agencies that are pinned now");
    return OUTCOME_SUCCESS;
}

static enum outcome unknown_name(const struct invocation *invocation, struct bytes name) {
    struct buf known = {0};
    trust_names(invocation->dir, &known);
    enum outcome outcome =
        command_fail(invocation, OUTCOME_REFUSED, "--to: no agency is pinned as '%.*s'; pinned are: %.*s\nNothing was published",
                     (int)name.size, (const char *)name.data, (int)known.size, known.data ? (const char *)known.data : "");
    buf_free(&known);
    return outcome;
}

/* --to as the engine takes it: one expression. What is unknown or malformed here is refused before anything is sent. */
static enum outcome names_pack(const struct invocation *invocation, const char *text, struct buf *out) {
    static struct setexpr expression; /* large; one thread */
    const char *what;
    size_t at;
    if (setexpr_parse(&expression, bytes_of_text(text), &at, &what) != OK)
        return command_fail(invocation, OUTCOME_REFUSED, "--to: character %zu of '%s': %s; nothing was published", at + 1, text,
                            what);
    for (size_t i = 0; i < expression.step_count; i++) {
        char name[TRUST_NAME_BYTES_MAX + 1];
        const struct setexpr_step *step = &expression.steps[i];
        if (step->kind != SETEXPR_NAME) continue;
        memcpy(name, step->name.data, step->name.size);
        name[step->name.size] = 0;
        if (!trust_name_known(invocation->dir, name)) return unknown_name(invocation, step->name);
    }
    pack_write_array(out, 1);
    pack_write_str(out, bytes_of_text(text));
    return OUTCOME_SUCCESS;
}

enum outcome audience_open(struct client *client, const struct audience_request *request, struct buf *audience) {
    struct buf body = {0};
    struct frame frame;
    pack_write_array(&body, 3);
    pack_write_uint(&body, request->tlp);
    pack_write_bool(&body, request->to_all);
    enum outcome outcome = OUTCOME_SUCCESS;
    if (request->to)
        outcome = names_pack(client->invocation, request->to, &body);
    else
        pack_write_array(&body, 0);
    enum err err = OK;
    if (outcome == OUTCOME_SUCCESS && (err = buf_result(&body)) == OK)
        err = client_ask(client, request->lint ? FRAME_ASK_LINT : FRAME_ASK_PUBLISH, bytes_of_buf(&body));
    buf_free(&body);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    while (err == OK && (err = client_answer(client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) {
            outcome = client_refused(client, frame.body);
            /* An unknown recipient is a refusal, not a search that found nothing. */
            return outcome == OUTCOME_NOT_FOUND ? OUTCOME_REFUSED : outcome;
        }
        if (frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
        if (frame.type != FRAME_ANSWER_AUDIENCE) break;
        buf_clear(audience);
        buf_put(audience, frame.body);
        err = buf_result(audience);
    }
    return client_lost(client, err == OK ? ERR_FORMAT : err);
}

/* The next pair; false at the end or when damaged. */
static bool audience_next(struct pack_reader *reader, struct bytes *name, uint64_t *nodes) {
    if (pack_read_array(reader) != 2) return false;
    *name = pack_read_str(reader);
    *nodes = pack_read_uint(reader);
    return !pack_failed(reader);
}

void audience_json(struct json_out *json, struct bytes audience) {
    struct pack_reader reader = pack_reader_of(audience);
    struct bytes name;
    uint64_t nodes;
    json_out_array(json);
    for (uint32_t count = audience.size > 0 ? pack_read_array(&reader) : 0; count > 0 && audience_next(&reader, &name, &nodes);
         count--) {
        json_out_object(json);
        json_out_key(json, "name");
        json_out_string(json, name);
        json_out_key(json, "nodes");
        json_out_uint(json, nodes);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

void audience_text(struct buf *out, struct bytes audience, const struct audience_request *request) {
    struct pack_reader reader = pack_reader_of(audience);
    char safe[256];
    struct bytes name;
    uint64_t nodes;
    buf_put_text(out, request->to_all ? "To all agencies that are pinned now:" : "To:");
    for (uint32_t count = audience.size > 0 ? pack_read_array(&reader) : 0; count > 0 && audience_next(&reader, &name, &nodes);
         count--) {
        log_escape(safe, sizeof safe, name);
        buf_put_format(out, " %s (%" PRIu64 " node%s)%s", safe, nodes, nodes == 1 ? "" : "s", count > 1 ? "," : "");
    }
    buf_put_text(out, "\n");
}
