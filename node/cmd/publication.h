/* publication: items out to the engine in batches, several on the way at once; answers back, each refusal with the place of its
   object in the input. */
#ifndef NODE_PUBLICATION_H
#define NODE_PUBLICATION_H

#include "node/cmd/client.h"
#include "node/formats/intake.h"

#define PUBLICATION_BATCHES         8 /* on the way at once: what may stand in the engine's buffers */
#define PUBLICATION_BATCH_BYTES     (512 * 1024)
#define PUBLICATION_BATCH_ITEMS_MAX 4096

struct publication;

/* One object that the engine refused. `id` is empty when it has none. */
typedef void publication_refused(void *context, const struct intake_place *place, struct bytes id, struct bytes rule,
                                 struct bytes reason);

/* Borrows the client. Null without memory. */
struct publication *publication_new(struct client *client, publication_refused *refused, void *context);
void publication_free(struct publication *publication);
/* Of a dry run (FRAME_ASK_LINT): also tell of those that may go. */
void publication_tell_allowed(struct publication *publication, publication_refused *allowed);

/* Queues one item; sends when a batch is full; waits when PUBLICATION_BATCHES are on the way. ERR_CLOSED: the publication has failed,
   publication_outcome has said why. ERR_TOO_BIG and what item_encode returns concern this item only. */
enum err publication_add(struct publication *publication, const struct item *item, const struct intake_place *place) MUST_USE;

struct publication_counts {
    uint64_t accepted, known, refused; /* of the engine */
    uint64_t cursor;
};

/* Sends the rest, waits for all answers and for the engine's sync. On anything but success it was said why, and the counts tell only
   what was answered. */
enum outcome publication_commit(struct publication *publication, struct publication_counts *counts) MUST_USE;

/* What was answered so far. */
uint64_t publication_answered(const struct publication *publication);

#endif
