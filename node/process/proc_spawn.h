/* proc_spawn: fork and exec of ourselves as a role, with nothing inherited that it does not need. */
#ifndef NODE_PROC_SPAWN_H
#define NODE_PROC_SPAWN_H

#include "node/process/proc.h"

#include <sys/types.h>

/* Starts a role; `channel` becomes our end of its parent channel. ERR_IO, said in the log. */
enum err proc_spawn(const struct proc_options *options, enum role role, struct channel *channel, pid_t *pid) MUST_USE;

/* A connected pair of stream sockets, close-on-exec. */
enum err proc_pair(int fds[static 2]) MUST_USE;

#endif
