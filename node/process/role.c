/* role: the processes of a node. */
#include "node/process/role.h"

#include <stddef.h>
#include <string.h>

static const char *const names[ROLE_COUNT] = {
    [ROLE_NET] = "net",   [ROLE_ENGINE] = "engine", [ROLE_KEY] = "key",        [ROLE_WEB] = "web",
    [ROLE_LIVE] = "live", [ROLE_HOOK] = "hook",     [ROLE_RESOLVE] = "resolve"};

const char *role_name(int role) { return role > 0 && role < ROLE_COUNT ? names[role] : NULL; }

int role_of(const char *name) {
    for (int role = 1; role < ROLE_COUNT; role++) {
        if (strcmp(name, names[role]) == 0) return role;
    }
    return 0;
}
