/* proc_role: from the name on the command line to the role: what `--role NAME` runs. */
#include "node/process/proc.h"

int proc_role_main(const char *name) {
    switch (role_of(name)) {
    case ROLE_NET: return net_main(PROC_PARENT_FD);
    case ROLE_ENGINE: return engine_main(PROC_PARENT_FD);
    case ROLE_KEY: return key_main(PROC_PARENT_FD);
    case ROLE_WEB: return web_main(PROC_PARENT_FD);
    case ROLE_LIVE: return live_main(PROC_PARENT_FD);
    case ROLE_HOOK: return hook_main(PROC_PARENT_FD);
    case ROLE_RESOLVE: return resolve_main(PROC_PARENT_FD);
    default: return -1;
    }
}
