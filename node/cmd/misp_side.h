/* misp_side: what a publication of MISP events does beside publishing objects: it counts what was left out, and takes back what the events
   say is gone. */
#ifndef NODE_CMD_MISP_SIDE_H
#define NODE_CMD_MISP_SIDE_H

#include "node/cmd/client.h"
#include "node/formats/json_out.h"

#define MISP_SIDE_REASONS_MAX 256
#define MISP_SIDE_IDS_MAX     65536 /* then they are settled before more is read; one event may go beyond */

struct misp_side {
    struct {
        char reason[256];
        uint64_t count;
    } left[MISP_SIDE_REASONS_MAX];
    size_t left_count;
    struct buf ids; /* packed str: what may have been published under them is to go */
    uint32_t id_count;
    uint64_t withdrawn; /* objects that were there, and are recalled now */
};

void misp_side_free(struct misp_side *side);
void misp_side_leave_out(struct misp_side *side, const char *reason, uint64_t count);
void misp_side_withdraw(struct misp_side *side, const char *id);

/* Recalls those of the ids that this node published, and forgets them. Nothing to do: success. */
enum outcome misp_side_settle(struct misp_side *side, const struct invocation *invocation) MUST_USE;

/* "withdrawn": N, "left_out": [{"reason", "count"}...]; lines for people. */
void misp_side_json(const struct misp_side *side, struct json_out *json);
void misp_side_text(const struct misp_side *side, struct buf *out);

#endif
