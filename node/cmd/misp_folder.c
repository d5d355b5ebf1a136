#include "node/cmd/misp_folder.h"

#include "crypto/hash.h"
#include "node/cmd/command.h"
#include "node/process/dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_HEAD      "comity misp feed 1\n"
#define MEMORY_BYTES_MAX (64 * 1024 * 1024)

struct misp_folder {
    const struct invocation *invocation;
    const char *dir;
    struct misp_manifest manifest;
    bool *settled; /* by event: published, as the manifest has it */
    size_t next, current;
    uint64_t unchanged;
    char path[DIR_PATH_MAX];
    char memory[64]; /* the file's name in the node's directory */
};

/* --- what was published before --- */

/* Whoever publishes to others, or under another label, begins anew. */
static enum err memory_name(struct misp_folder *folder, const uint8_t *agency_id, struct bytes audience, enum tlp tlp,
                            const struct marks *marks) {
    struct buf key = {0};
    uint8_t hash[HASH_BYTES];
    char hex[33], *whole = realpath(folder->dir, NULL);
    struct bytes path = bytes_of_text(whole ? whole : folder->dir);
    buf_put_raw(&key, agency_id, AGENCY_ID_BYTES);
    buf_put_u32(&key, (uint32_t)path.size);
    buf_put(&key, path);
    buf_put_u8(&key, (uint8_t)tlp);
    buf_put_u32(&key, (uint32_t)audience.size);
    buf_put(&key, audience);
    free(whole);
    enum err err = marks && !marks_empty(marks) ? marks_write(&key, marks) : OK;
    if (err == OK) err = buf_result(&key);
    hash_of(hash, "comity misp feed", bytes_of_buf(&key), bytes_of(NULL, 0));
    hex_encode(hex, bytes_of(hash, 16));
    snprintf(folder->memory, sizeof folder->memory, "misp-feed-%s", hex);
    buf_free(&key);
    return err;
}

static int listed_compare(const void *a, const void *b) {
    return strcmp(((const struct misp_listed *)a)->uuid, ((const struct misp_listed *)b)->uuid);
}

/* "UUID TIMESTAMP": a line that is none is passed over, and costs a reading. */
static void memory_line(struct misp_folder *folder, struct bytes line) {
    struct misp_listed wanted;
    char number[24];
    if (line.size < UUID_CHARS + 2 || line.size - UUID_CHARS > sizeof number || folder->manifest.event_count == 0) return;
    memcpy(wanted.uuid, line.data, UUID_CHARS);
    wanted.uuid[UUID_CHARS] = 0;
    snprintf(number, sizeof number, "%.*s", (int)(line.size - UUID_CHARS - 1), (const char *)line.data + UUID_CHARS + 1);
    const struct misp_listed *event =
        bsearch(&wanted, folder->manifest.events, folder->manifest.event_count, sizeof *folder->manifest.events, listed_compare);
    if (event && event->timestamp > 0 && strtoull(number, NULL, 10) == event->timestamp)
        folder->settled[event - folder->manifest.events] = true;
}

static void memory_read(struct misp_folder *folder) {
    struct buf text = {0};
    size_t head = strlen(MEMORY_HEAD);
    if (dir_read(&text, folder->invocation->dir, folder->memory, MEMORY_BYTES_MAX) == OK && text.size >= head &&
        memcmp(text.data, MEMORY_HEAD, head) == 0) {
        for (size_t i = head, start = head; i < text.size; i++) {
            if (text.data[i] != '\n') continue;
            memory_line(folder, bytes_of(text.data + start, i - start));
            start = i + 1;
        }
    }
    buf_free(&text);
    for (size_t i = 0; i < folder->manifest.event_count; i++) folder->unchanged += folder->settled[i];
}

void misp_folder_remember(const struct misp_folder *folder) {
    struct buf text = {0};
    buf_put_text(&text, MEMORY_HEAD);
    for (size_t i = 0; i < folder->manifest.event_count; i++)
        if (folder->settled[i])
            buf_put_format(&text, "%s %" PRIu64 "\n", folder->manifest.events[i].uuid, folder->manifest.events[i].timestamp);
    enum err err = buf_result(&text);
    if (err == OK) err = dir_write(folder->invocation->dir, folder->memory, bytes_of_buf(&text), 0600);
    if (err != OK)
        command_fail(folder->invocation, OUTCOME_SUCCESS,
                     "note: %s/%s cannot be written (%s): the next run reads all events of the feed again", folder->invocation->dir,
                     folder->memory, err_text(err));
    buf_free(&text);
}

/* --- the folder --- */

static enum outcome table_fail(const struct misp_folder *folder, const char *name, const struct intake_place *place,
                               const char *reason) {
    return command_fail(folder->invocation, OUTCOME_REFUSED, "%s/%s:%" PRIu64 ":%" PRIu64 ": %s", folder->dir, name, place->line,
                        place->column, reason);
}

static enum outcome tables_read(struct misp_folder *folder) {
    struct intake_place place = {.line = 1, .column = 1};
    char reason[INTAKE_REASON_BYTES] = "";
    struct buf text = {0};
    enum err err = dir_read(&text, folder->dir, "manifest.json", MISP_MANIFEST_BYTES_MAX);
    if (err != OK)
        return command_fail(folder->invocation, command_outcome(err), "%s/manifest.json: %s; a MISP feed's folder has one",
                            folder->dir, err_text(err));
    err = misp_manifest_read(&folder->manifest, bytes_of_buf(&text), &place, reason);
    buf_clear(&text);
    enum outcome outcome = err == OK           ? OUTCOME_SUCCESS
                           : err == ERR_MEMORY ? command_fail(folder->invocation, OUTCOME_INTERNAL, "%s", err_text(err))
                                               : table_fail(folder, "manifest.json", &place, reason);
    if (outcome == OUTCOME_SUCCESS) {
        err = dir_read(&text, folder->dir, "hashes.csv", MISP_HASHES_BYTES_MAX);
        if (err == ERR_NOT_FOUND)
            command_fail(folder->invocation, OUTCOME_SUCCESS, "note: %s has no hashes.csv: its events' values are not checked",
                         folder->dir);
        else if (err != OK)
            outcome = command_fail(folder->invocation, command_outcome(err), "%s/hashes.csv: %s", folder->dir, err_text(err));
        else if ((err = misp_manifest_hashes(&folder->manifest, bytes_of_buf(&text), &place, reason)) != OK)
            outcome = err == ERR_MEMORY ? command_fail(folder->invocation, OUTCOME_INTERNAL, "%s", err_text(err))
                                        : table_fail(folder, "hashes.csv", &place, reason);
    }
    buf_free(&text);
    return outcome;
}

enum outcome misp_folder_open(struct misp_folder **out, const struct invocation *invocation, const char *dir) {
    struct misp_folder *folder = calloc(1, sizeof *folder);
    *out = folder;
    if (!folder) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    folder->invocation = invocation;
    folder->dir = dir;
    enum outcome outcome = tables_read(folder);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    folder->settled = calloc(folder->manifest.event_count + 1, sizeof *folder->settled);
    return folder->settled ? OUTCOME_SUCCESS : command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
}

enum err misp_folder_begin(struct misp_folder *folder, const uint8_t agency_id[static AGENCY_ID_BYTES], struct bytes audience,
                           enum tlp tlp, const struct marks *marks) {
    enum err err = memory_name(folder, agency_id, audience, tlp, marks);
    if (err == OK) memory_read(folder);
    return err;
}

void misp_folder_close(struct misp_folder *folder) {
    if (!folder) return;
    misp_manifest_free(&folder->manifest);
    free(folder->settled);
    free(folder);
}

const char *misp_folder_path(struct misp_folder *folder, uint32_t index) {
    snprintf(folder->path, sizeof folder->path, "%s/%s.json", folder->dir, folder->manifest.events[index].uuid);
    return folder->path;
}

const char *misp_folder_next(struct misp_folder *folder) {
    while (folder->next < folder->manifest.event_count && folder->settled[folder->next]) folder->next++;
    if (folder->next == folder->manifest.event_count) return NULL;
    folder->current = folder->next++;
    return misp_folder_path(folder, (uint32_t)folder->current);
}

uint32_t misp_folder_index(const struct misp_folder *folder) { return (uint32_t)folder->current; }

bool misp_folder_judge(const struct misp_folder *folder, const struct misp_event *event, char reason[static INTAKE_REASON_BYTES]) {
    return misp_manifest_judge(&folder->manifest, folder->current, event, reason);
}

void misp_folder_done(struct misp_folder *folder, bool whole) { folder->settled[folder->current] = whole; }

uint64_t misp_folder_unchanged(const struct misp_folder *folder) { return folder->unchanged; }
