/* hooks: between the hook process and who asks about it. */
#ifndef NODE_ENGINE_HOOKS_H
#define NODE_ENGINE_HOOKS_H

#include "node/process/frame.h"

struct client;
struct engine;

/* What the hook process told of itself. */
struct hook_desk {
    struct buf document; /* what `comity hook list` shows; empty: there is no such process */
    uint64_t count, failing;
    uint64_t number; /* of the last question that was passed on */
    /* "reload": the one that is under way. */
    struct client *reloader; /* who asked; null: it is gone, or nobody did */
    uint64_t reload_tag, reload_number;
    uint32_t reload_count;           /* hooks of the new file */
    bool reload_waits, reload_fresh; /* for a hook process that was started since; it is attached */
};

void hooks_ask(struct engine *engine, struct client *client, const struct frame *frame);
void hooks_leave(struct engine *engine, struct client *client);        /* the client goes */
void hooks_reloaded(struct engine *engine, const struct frame *frame); /* FRAME_RELOADED of the parent */

#endif
