#include "node/audience.h"

#include "gossip/pack.h"
#include "node/log.h"
#include "node/trust_files.h"

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
        return command_usage(invocation,
                             "nobody is named: give --to NAME[,NAME...], or --to-all for all agencies that are pinned now");
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

/* The names of --to, each once, as an array; what is unknown here is refused before anything is sent. */
static enum outcome names_pack(const struct invocation *invocation, const char *list, struct buf *out) {
    struct bytes names[AUDIENCE_NAMES_MAX];
    size_t count = 0;
    for (const char *at = list, *end; at; at = *end ? end + 1 : NULL) {
        char name[TRUST_NAME_BYTES_MAX + 1];
        end = at + strcspn(at, ",");
        struct bytes text = bytes_of(at, (size_t)(end - at));
        bool doubled = false;
        if (text.size == 0)
            return command_fail(invocation, OUTCOME_REFUSED, "--to: an empty name stands in '%s'; nothing was published", list);
        if (text.size > TRUST_NAME_BYTES_MAX) return unknown_name(invocation, text);
        memcpy(name, text.data, text.size);
        name[text.size] = 0;
        if (!trust_name_known(invocation->dir, name)) return unknown_name(invocation, text);
        for (size_t i = 0; i < count; i++) doubled = doubled || bytes_equal(names[i], text);
        if (doubled) continue;
        if (count == AUDIENCE_NAMES_MAX)
            return command_fail(invocation, OUTCOME_REFUSED, "--to: more than %d names; nothing was published", AUDIENCE_NAMES_MAX);
        names[count++] = text;
    }
    pack_write_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) pack_write_str(out, names[i]);
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
