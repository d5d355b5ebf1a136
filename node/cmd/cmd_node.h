/* cmd_node: what the parts of `comity node` and `comity root` share. */
#ifndef NODE_CMD_NODE_H
#define NODE_CMD_NODE_H

#include "node/cmd/command.h"
#include "node/identity/request.h"

enum outcome node_add(const struct invocation *invocation); /* cmd_node_add.c */

/* Signs a drafted record, gives it to the node of this directory, and tells: `change` ("renewed"), the node, and what came of it. */
enum outcome node_record_finish(const struct invocation *invocation, struct request *request, const char *change,
                                const uint8_t node_id[static NODE_ID_BYTES]);
/* What was done, as JSON or a sentence. `where`: "running", "stopped" or "request". */
void node_told(const struct invocation *invocation, const char *change, const uint8_t node_id[static NODE_ID_BYTES],
               const struct agency *agency, const char *where);

#endif
