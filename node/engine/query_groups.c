/* Groups as collections: the web process shows the objects of each group that this agency is a member of to the tokens that name it. */
#include "node/process/clock.h"
#include "node/engine/engine_core.h"

void query_groups(struct engine *engine, struct client *client, const struct frame *frame) {
    static const uint8_t done = 0x90; /* an empty array */
    struct buf body = {0}, rows = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < engine->groups.count; i++) {
        const struct group_known *known = engine->groups.list[i];
        bool member = group_standing(engine, known, engine->agency_id) == ROSTER_MEMBER;
        if (!member || group_phase(known, clock_wall_ms()) == ROSTER_OVER) continue;
        pack_write_array(&rows, 2);
        pack_write_bin(&rows, bytes_of(known->id, HASH_BYTES));
        pack_write_str(&rows, bytes_of_text(group_name(known)));
        count++;
    }
    pack_write_array(&body, count);
    buf_put(&body, bytes_of_buf(&rows));
    server_answer(client, FRAME_ANSWER_GROUPS, frame->tag, bytes_of_buf(&body));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&done, 1));
    buf_free(&rows);
    buf_free(&body);
}
