#include "node/recall/recall_filter.h"

#include "node/formats/moment.h"

#include <stdio.h>
#include <string.h>

#define WHY_BYTES 256

static enum err word_wrong(struct bytes word, const char *what, char *why) {
    int shown = (int)(word.size < 80 ? word.size : 80);
    snprintf(why, WHY_BYTES, "'%.*s': %s", shown, (const char *)word.data, what);
    return ERR_FORMAT;
}

static bool key_is(struct bytes word, const char *key, struct bytes *value) {
    size_t size = strlen(key);
    if (word.size <= size || memcmp(word.data, key, size) != 0) return false;
    *value = bytes_of(word.data + size, word.size - size);
    return true;
}

static enum err word_parse(struct recall_filter *out, struct bytes word, struct arena *arena, char *why) {
    struct bytes value;
    if (key_is(word, "type=", &out->type) || key_is(word, "id=", &out->id)) return OK;
    if (key_is(word, "tlp=", &value))
        return tlp_parse(&out->tlp, value) ? OK : word_wrong(word, "this is no label; one is TLP:AMBER", why);
    if (key_is(word, "after=", &value))
        return moment_parse(&out->after_ms, value) ? OK : word_wrong(word, "this is no time; one is 2026-05-12T08:17:27Z", why);
    if (key_is(word, "before=", &value))
        return moment_parse(&out->before_ms, value) ? OK : word_wrong(word, "this is no time; one is 2026-05-12T08:17:27Z", why);
    if (key_is(word, "value=", &out->value_text)) {
        out->value_count = observable_guess(out->values, out->value_text, arena);
        return out->value_count > 0 ? OK : word_wrong(word, "this is nothing to search for", why);
    }
    return word_wrong(word, "unknown; a filter is made of " RECALL_FILTER_GRAMMAR, why);
}

enum err recall_filter_parse(struct recall_filter *out, struct bytes text, struct arena *arena, char *why) {
    size_t words = 0;
    *out = (struct recall_filter){0};
    for (size_t at = 0; at < text.size;) {
        size_t end = at;
        while (end < text.size && text.data[end] != ' ') end++;
        enum err err = end > at ? word_parse(out, bytes_of(text.data + at, end - at), arena, why) : OK;
        if (err != OK) return err;
        words += end > at;
        at = end + 1;
    }
    if (words > 0) return OK;
    snprintf(why, WHY_BYTES, "an empty filter would mean everything; it is made of " RECALL_FILTER_GRAMMAR);
    return ERR_FORMAT;
}

bool recall_filter_takes(const struct recall_filter *filter, const struct answer *answer) {
    const struct item *item = &answer->item;
    uint64_t time_ms = item->modified_ms ? item->modified_ms : answer->arrived_ms;
    if (filter->type.size > 0 && !bytes_equal(item->type, filter->type)) return false;
    if (filter->id.size > 0 && !bytes_equal(item->id, filter->id)) return false;
    if (filter->tlp != TLP_NONE && item->tlp != filter->tlp) return false;
    if (filter->after_ms != 0 && time_ms <= filter->after_ms) return false;
    return filter->before_ms == 0 || time_ms < filter->before_ms;
}
