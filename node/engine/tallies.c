#include "node/engine/tallies.h"

#include <stdio.h>
#include <string.h>

void tallies_refused(struct tallies *tallies, const char *rule) {
    tallies->refused++;
    for (unsigned i = 0; i < TALLIES_RULES_MAX; i++) {
        struct tallies_rule *row = &tallies->rules[i];
        if (row->count == 0) snprintf(row->name, sizeof row->name, "%s", rule && *rule ? rule : "form");
        if (row->count > 0 && strcmp(row->name, rule && *rule ? rule : "form") != 0) continue;
        row->count++;
        return;
    }
    tallies->rules_other++;
}
