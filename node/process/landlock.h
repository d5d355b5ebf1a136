/* landlock: the kernel's file and port rules, which a process puts on itself. Debian 12's header is older than its kernel, so the
   numbers stand in landlock.c; what the running kernel does not know is left out. */
#ifndef NODE_LANDLOCK_H
#define NODE_LANDLOCK_H

#include "crypto/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What may be done with a file, or with all below a folder. */
enum { LANDLOCK_READ = 1, LANDLOCK_WRITE = 2, LANDLOCK_RUN = 4 };
struct landlock_path {
    const char *path;
    unsigned may;  /* LANDLOCK_READ and others */
    bool optional; /* what is not there is passed over */
};

struct landlock_wish {
    const struct landlock_path *paths; /* no file elsewhere; links are followed once, now */
    size_t count;
    bool read_anywhere; /* reading is not restricted */
    bool tcp_denied;    /* no TCP port may be bound, none connected */
};

int landlock_abi(void); /* 0: not there */
/* OK also without landlock (the caller's seccomp rules stand alone then). ERR_IO with errno, and *failed is the path that it was for, or null.
   no_new_privs must be set. */
enum err landlock_enter(const struct landlock_wish *wish, const char **failed) MUST_USE;

#endif
