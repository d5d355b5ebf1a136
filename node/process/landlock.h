/* landlock: the kernel's file and port rules, which a process puts on itself. Debian 12's header is older than its kernel, so the
   numbers stand in landlock.c; what the running kernel does not know is left out. */
#ifndef NODE_LANDLOCK_H
#define NODE_LANDLOCK_H

#include "crypto/err.h"

#include <stdbool.h>

struct landlock_wish {
    const char *dir;    /* files may be read and written below it, none elsewhere; null: nowhere */
    bool read_anywhere; /* reading is not restricted */
    bool tcp_denied;    /* no TCP port may be bound, none connected */
};

int landlock_abi(void); /* 0: not there */
/* OK also without landlock (the caller's seccomp rules stand alone then). ERR_IO with errno. no_new_privs must be set. */
enum err landlock_enter(const struct landlock_wish *wish) MUST_USE;

#endif
