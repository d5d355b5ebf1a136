/* committer: a thread that writes the batches which wait as one group and syncs once for all of them. */
#ifndef NODE_COMMITTER_H
#define NODE_COMMITTER_H

#include "node/process/histogram.h"
#include "node/store/rocks.h"

/* First member of what is handed over, and comes back, through the queue. */
struct commit {
    struct commit *next;
    rocksdb_writebatch_t *batch;
    enum err result; /* before: an error already known, nothing is written then */
};

struct committer;

/* Starts the thread. `event_fd` (an eventfd, the caller's) is signalled for every group. Null: no thread could be made. */
struct committer *committer_new(struct rocks *rocks, bool sync, int event_fd);
/* Finishes what was queued, then ends the thread. Completed commits that were not taken must be taken before. */
void committer_free(struct committer *committer);

void committer_add(struct committer *committer, struct commit *commit);
/* While it is on, no new group begins: what is added becomes one group, with one sync, when it goes off. committer_wait ends it. */
void committer_gather(struct committer *committer, bool gather);
/* The next completed one, in the order of adding; null: none. After a refusal by the disk every further result is that error:
   what a failed sync left behind is unknown, so nothing is ever tried again. */
struct commit *committer_take(struct committer *committer);
size_t committer_pending(struct committer *committer); /* added and not completed */
void committer_wait(struct committer *committer);      /* until nothing is pending */
/* How long the groups took so far, from their first write to the end of the sync. */
void committer_times(struct committer *committer, struct histogram *out);
/* OK, or the error that ended writing, with what RocksDB said. */
enum err committer_error(struct committer *committer, char *why);

#endif
