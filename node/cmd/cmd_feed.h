/* cmd_feed: what the files of `comity feed` share. */
#ifndef NODE_CMD_FEED_H
#define NODE_CMD_FEED_H

#include "node/cmd/command.h"

/* feed --subscription NAME, feed --withdrawn: objects and withdrawals behind a position. */
enum outcome feed_take(const struct invocation *invocation);

/* A number from 0, and nothing else. */
bool feed_number(const char *text, uint64_t *out);
/* --filter: good, or said what is wrong with it, and where. Null is good. */
enum outcome feed_filter(const struct invocation *invocation, const char *text);

#endif
