/* comity backup, restore: names that scripts may not take for something else. */
#include "node/cmd.h"

static enum outcome run(const struct invocation *invocation) {
    return command_fail(
        invocation, OUTCOME_USAGE,
        "this command's name is reserved for a coming release; nothing was done\n"
        "Until then: stop the node and copy its whole directory; a copy must never run beside, or after, its original");
}

#define RESERVED(called, told)                                                                                                     \
    { .name = called, .synopsis = "", .summary = told, .arguments_max = 64, .run = run }

const struct command cmd_backup = RESERVED("backup", "reserved for a coming release");
const struct command cmd_restore = RESERVED("restore", "reserved for a coming release");
