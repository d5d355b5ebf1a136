/* sandbox_program: what a program may do that the node starts for its operator, a hook's command (node/hook/launcher.c). Nobody here knows what it
   needs, so its row of the sandbox is the other way round than those of the roles: files and programs by a list of paths, and of the kernel's
   calls all but those that no such program has any business with. It holds for all that the program starts, for ever. */
#ifndef NODE_SANDBOX_PROGRAM_H
#define NODE_SANDBOX_PROGRAM_H

#include "crypto/err.h"
#include "node/process/landlock.h"

#include <stdint.h>

struct sandbox_program {
    const struct landlock_path *paths; /* what it reaches */
    size_t count;
    bool network;         /* sockets of the internet and local ones; without, only those to ask the kernel (netlink) */
    uint64_t cpu_seconds; /* of processor time */
};

/* Between fork and exec, with one thread. ERR_IO with a text in `why`: nothing may be started then. */
enum err sandbox_program_enter(const struct sandbox_program *wish, char why[static 256]) MUST_USE;

#endif
