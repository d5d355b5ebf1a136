/* cmd_root: what the parts of `comity root` share. */
#ifndef NODE_CMD_ROOT_H
#define NODE_CMD_ROOT_H

#include "node/cmd/command.h"
#include "node/identity/request.h"

enum outcome root_rotate(const struct invocation *invocation); /* cmd_root_rotate.c */
enum outcome root_offer(const struct invocation *invocation);
/* What was done, as JSON or a sentence. */
void root_told(const struct invocation *invocation, const char *change, const struct request *request, bool running);

#endif
