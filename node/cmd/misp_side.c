#include "node/cmd/misp_side.h"

#include "gossip/pack.h"
#include "node/recall/recall_text.h"
#include "node/recall/recalls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REASON "taken out of its MISP event"

void misp_side_free(struct misp_side *side) { buf_free(&side->ids); }

void misp_side_leave_out(struct misp_side *side, const char *reason, uint64_t count) {
    size_t at = 0;
    while (at < side->left_count && strcmp(side->left[at].reason, reason) != 0) at++;
    if (at == MISP_SIDE_REASONS_MAX) {
        at = MISP_SIDE_REASONS_MAX - 1;
        snprintf(side->left[at].reason, sizeof side->left[at].reason, "several other reasons");
    } else if (at == side->left_count) {
        snprintf(side->left[at].reason, sizeof side->left[at].reason, "%s", reason);
        side->left[side->left_count++].count = 0;
    }
    side->left[at].count += count;
}

void misp_side_withdraw(struct misp_side *side, const char *id) {
    pack_write_str(&side->ids, bytes_of_text(id));
    side->id_count++;
}

/* It is not here, or another's. */
static bool not_ours(struct bytes error) {
    struct pack_reader reader = pack_reader_of(error);
    (void)pack_read_array(&reader);
    uint64_t code = pack_read_uint(&reader);
    return !pack_failed(&reader) && (code == ERR_NOT_FOUND || code == ERR_DENIED);
}

/* Asks for the recall of some ids; *refused when the node has none of them, or none that is its own. */
static enum outcome ask(struct client *client, struct bytes ids, uint32_t count, bool dry, bool *refused) {
    struct buf body = {0};
    struct frame frame;
    pack_write_array(&body, 4);
    pack_write_uint(&body, RECALL_BY_AUTHOR);
    pack_write_str(&body, bytes_of_text(REASON));
    pack_write_bool(&body, dry);
    pack_write_array(&body, count);
    buf_put(&body, ids);
    enum err err = body.failed ? ERR_MEMORY : client_ask(client, FRAME_ASK_RECALL, bytes_of_buf(&body));
    buf_free(&body);
    *refused = false;
    while (err == OK && (err = client_answer(client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
        if (frame.type == FRAME_ANSWER_ERROR && dry && not_ours(frame.body)) {
            *refused = true;
            return OUTCOME_SUCCESS;
        }
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
        if (frame.type != FRAME_ANSWER_DOCUMENT) err = ERR_FORMAT;
    }
    return client_lost(client, err);
}

/* Which of the ids are there is asked one by one, because one that is not there refuses a whole request; what is there goes together, so
   that no block is sealed again more often than it must be. */
enum outcome misp_side_settle(struct misp_side *side, const struct invocation *invocation) {
    struct client client = {.channel.fd = -1};
    struct pack_reader ids = pack_reader_of(bytes_of_buf(&side->ids));
    struct buf one = {0}, held = {0};
    uint32_t count = 0;
    bool refused;
    if (side->id_count == 0) return OUTCOME_SUCCESS;
    enum outcome outcome = side->ids.failed ? OUTCOME_INTERNAL : client_open(&client, invocation);
    for (uint32_t i = 0; i < side->id_count && outcome == OUTCOME_SUCCESS; i++) {
        buf_clear(&one);
        pack_write_str(&one, pack_read_str(&ids));
        outcome = ask(&client, bytes_of_buf(&one), 1, true, &refused);
        if (outcome == OUTCOME_SUCCESS && !refused) {
            buf_put(&held, bytes_of_buf(&one));
            count++;
        }
        if (outcome == OUTCOME_SUCCESS && count > 0 && (count == RECALL_IDS_MAX || i + 1 == side->id_count)) {
            outcome = ask(&client, bytes_of_buf(&held), count, false, &refused);
            side->withdrawn += outcome == OUTCOME_SUCCESS ? count : 0;
            buf_clear(&held);
            count = 0;
        }
    }
    buf_free(&one);
    buf_free(&held);
    buf_clear(&side->ids);
    side->id_count = 0;
    client_close(&client);
    return outcome;
}

void misp_side_json(const struct misp_side *side, struct json_out *json) {
    json_out_key(json, "withdrawn");
    json_out_uint(json, side->withdrawn);
    json_out_key(json, "left_out");
    json_out_array(json);
    for (size_t i = 0; i < side->left_count; i++) {
        json_out_object(json);
        json_out_key(json, "reason");
        json_out_text(json, side->left[i].reason);
        json_out_key(json, "count");
        json_out_uint(json, side->left[i].count);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

void misp_side_text(const struct misp_side *side, struct buf *out) {
    for (size_t i = 0; i < side->left_count; i++)
        buf_put_format(out, "left out %" PRIu64 ": %s\n", side->left[i].count, side->left[i].reason);
    if (side->withdrawn > 0)
        buf_put_format(out, "%" PRIu64 " objects withdrawn that their events do not hold any more.\n", side->withdrawn);
}
