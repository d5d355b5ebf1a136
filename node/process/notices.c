#include "node/process/notices.h"

#include <stddef.h>
#include <string.h>

/* FNV-1a: nobody gains by making two texts collide but silence about a second misdeed of his own. */
static uint64_t kind_hash(const char *text) {
    static const char *const numbered[] = {"entry ", "block ", "epoch "};
    uint64_t hash = 0xcbf29ce484222325u;
    while (*text != 0) {
        size_t skip = 0;
        for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
            if (strncmp(text, numbered[i], strlen(numbered[i])) == 0) skip = strlen(numbered[i]);
        if (skip > 0) {
            text += skip;
            text += strspn(text, "0123456789");
        } else {
            hash = (hash ^ (uint8_t)*text++) * 0x100000001b3u;
        }
    }
    return hash;
}

static struct notices_kind *kind_find(struct notices *notices, uint64_t hash) {
    struct notices_kind *oldest = &notices->kinds[0];
    for (size_t i = 0; i < NOTICES_KINDS; i++) {
        struct notices_kind *kind = &notices->kinds[i];
        if (kind->count > 0 && kind->hash == hash) return kind;
        if (kind->count == 0 || (oldest->count > 0 && kind->since_ms < oldest->since_ms)) oldest = kind;
    }
    *oldest = (struct notices_kind){.hash = hash};
    return oldest;
}

enum notices_verdict notices_judge(struct notices *notices, const char *text, uint64_t monotonic_ms) {
    struct notices_kind *kind = kind_find(notices, kind_hash(text));
    if (kind->count == 0 || monotonic_ms - kind->since_ms >= NOTICES_SPAN_MS) {
        kind->since_ms = monotonic_ms;
        kind->count = 0;
    }
    if (kind->count >= NOTICES_BURST) return NOTICES_SILENT;
    return ++kind->count == NOTICES_BURST ? NOTICES_SAY_LAST : NOTICES_SAY;
}
