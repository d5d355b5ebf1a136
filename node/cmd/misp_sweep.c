#include "node/cmd/misp_sweep.h"

#include "node/process/dir.h"

#include <stdio.h>
#include <string.h>

enum err misp_sweep_begin(struct misp_manifest *before, const char *dir) {
    struct intake_place place;
    char reason[INTAKE_REASON_BYTES];
    struct buf text = {0};
    *before = (struct misp_manifest){0};
    enum err err = dir_read(&text, dir, "manifest.json", MISP_MANIFEST_BYTES_MAX);
    if (err == OK) err = misp_manifest_read(before, bytes_of_buf(&text), &place, reason);
    buf_free(&text);
    if (err != OK) misp_manifest_free(before);
    return err == ERR_MEMORY ? err : OK;
}

enum outcome misp_sweep_end(const struct misp_manifest *before, const struct invocation *invocation, const char *dir) {
    struct misp_manifest after;
    char name[UUID_CHARS + 8];
    enum outcome outcome = OUTCOME_SUCCESS;
    if (before->event_count == 0) return OUTCOME_SUCCESS;
    if (misp_sweep_begin(&after, dir) != OK) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    for (size_t i = 0, k = 0; i < before->event_count; i++) { /* both by uuid */
        while (k < after.event_count && strcmp(after.events[k].uuid, before->events[i].uuid) < 0) k++;
        if (k < after.event_count && strcmp(after.events[k].uuid, before->events[i].uuid) == 0) continue;
        snprintf(name, sizeof name, "%s.json", before->events[i].uuid);
        enum err err = dir_remove(dir, name);
        if (err != OK && err != ERR_NOT_FOUND)
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s/%s: %s; remove it: its event is not in the feed any more", dir,
                                   name, err_text(err));
    }
    misp_manifest_free(&after);
    return outcome;
}
