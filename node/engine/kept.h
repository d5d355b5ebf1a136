/* kept: what the web process tells its clients of their posts (post_status.h), kept among the engine's sealed records for a day, over restarts of both.
   Bounded in number and bytes; the documents are on disk only, in memory stands what is needed to find and to forget them. */
#ifndef NODE_KEPT_H
#define NODE_KEPT_H

#include "node/engine/control.h"
#include "node/engine/post_status.h"
#include "node/formats/uuid.h"

struct engine;
struct client;
struct store_batch;
struct kept_row {
    char id[UUID_CHARS + 1];
    uint64_t asked_ms; /* wall clock */
    uint32_t bytes;
    bool open;          /* its post is under way: what became of it is yet to be told; */
    bool mute;          /* then without a word of single objects */
    size_t erased_from; /* what stands in `erased` from here on was erased since it began */
};
struct kept {
    struct kept_row *rows; /* CONTROL_KEPT_MAX, in no order; null before the first */
    size_t count, open_count;
    uint64_t bytes;
    /* While posts are under way, the subjects that were erased meanwhile: u16 how many values, each u8 kind, u16 size, value; u32 size of
       the ids, ids as in post_subject. In memory only: a post does not outlive this process. */
    struct buf erased;
};

enum err kept_load(struct engine *engine) MUST_USE; /* once the store is open */
void kept_free(struct engine *engine);
void kept_forget(struct engine *engine, uint64_t now_ms); /* those whose time is over */
void kept_put(struct engine *engine, struct client *client, const struct frame *frame);
void kept_get(struct engine *engine, struct client *client, const struct frame *frame);
/* Of a subject nothing stays in any document: with the batch, which erases the old bytes from files, too; nor comes into one that tells, later,
   what became of a post that is under way now. *rows: how many rows went. */
enum err kept_erase(struct engine *engine, struct store_batch *batch, const struct post_subject *subject, uint64_t *rows) MUST_USE;
void kept_stored(struct engine *engine, uint64_t ticket); /* answers those whose documents are on disk */

#endif
