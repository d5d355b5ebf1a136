/* cmd_publish: publishing a file, for the commands whose answer is one. */
#ifndef NODE_CMD_PUBLISH_H
#define NODE_CMD_PUBLISH_H

#include "gossip/marks.h"
#include "node/cmd/audience.h"

#define PUBLISH_IDS_MAX 256

/* The ids of the objects that went out or were out already, in the order of the file: canonical str, one after the other. */
struct publish_ids {
    struct buf packed;
    uint32_t count;
    uint64_t left_out; /* beyond PUBLISH_IDS_MAX */
};

struct publish_task {
    const struct audience_request *request;
    const struct marks *marks; /* null: none */
    const char *path;          /* of the file; "-": standard input; what `data` is called, when that is given */
    struct bytes data;         /* STIX in place of a file; empty: none */
    struct publish_ids *ids;   /* null: nobody asks for them */
};

/* Publishes as `comity publish` does, and reports it. The options format (for a file), verbose and quiet must stand in the invocation's
   table. */
enum outcome publish_run(const struct invocation *invocation, const struct publish_task *task) MUST_USE;

#endif
