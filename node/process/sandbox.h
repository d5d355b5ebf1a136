/* sandbox: one table, process x rights. Entered by each role after its settings were read and before its first socket or foreign
   byte. What is denied: see the table in sandbox.c. */
#ifndef NODE_SANDBOX_H
#define NODE_SANDBOX_H

#include "crypto/err.h"
#include "node/process/role.h"

#include <stddef.h>

/* For ever and for all threads started later; call it with one thread only. `dir` (engine only, else null) is where the engine may
   read and write; it must exist. sodium_init must have run. `why` (256 bytes) gets a text on an error: ERR_IO when the kernel refuses
   seccomp, so nothing runs without it. Landlock is used as far as the kernel knows it. */
enum err sandbox_enter(enum role role, const char *dir, char why[static 256]) MUST_USE;
/* The same for a role with several folders (the hook process: those of its files; what is missing stays out of its reach). ERR_TOO_BIG: too many. */
enum err sandbox_enter_folders(enum role role, const char *const *folders, size_t count, char why[static 256]) MUST_USE;

/* What the kernel offers, for status: landlock's ABI version, 0 without. */
int sandbox_landlock_abi(void);

#endif
