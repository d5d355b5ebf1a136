/* cmd_publish: publishing a file, for the commands whose answer is one. */
#ifndef NODE_CMD_PUBLISH_H
#define NODE_CMD_PUBLISH_H

#include "gossip/marks.h"
#include "node/audience.h"

#define PUBLISH_IDS_MAX 256

/* The ids of the objects that went out or were out already, in the order of the file: canonical str, one after the other. */
struct publish_ids {
    struct buf packed;
    uint32_t count;
    uint64_t left_out; /* beyond PUBLISH_IDS_MAX */
};

/* Publishes the file at `path` ("-": standard input) as `comity publish` does, and reports it. The options tlp, format, verbose and quiet
   must stand in the invocation's table. `marks` and `ids` may be null. */
enum outcome publish_file(const struct invocation *invocation, const struct audience_request *request, const struct marks *marks,
                          const char *path, struct publish_ids *ids) MUST_USE;

#endif
