#include "node/formats/jsonwalk.h"

#include "gossip/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* Objects with so few properties are compared pairwise; larger ones are sorted when they close. */
#define PAIRWISE_MAX 32

struct jsonwalk {
    const struct jsonwalk_events *events;
    yajl_handle yajl; /* kept from value to value; null after a failure */
    void *context;
    struct jsonwalk_fault *fault;
    enum err error;
    uint64_t *hashes; /* of the keys of all open objects */
    size_t hash_count, hash_capacity;
    size_t bases[JSON_DEPTH_MAX + 1];  /* where the keys of the level begin */
    uint64_t seen[JSON_DEPTH_MAX + 1]; /* a bit for six bits of each hash: most keys are new at a glance */
    size_t depth;
    size_t roots;    /* complete values */
    size_t root_end; /* where the first of them ended */
};

static int stop(struct jsonwalk *walk, enum err error, const char *reason) {
    walk->error = error;
    walk->fault->malformed = false;
    walk->fault->offset = yajl_get_bytes_consumed(walk->yajl);
    if (reason != NULL) snprintf(walk->fault->reason, sizeof walk->fault->reason, "%s", reason);
    return 0;
}

static void value_ended(struct jsonwalk *walk) {
    if (walk->depth == 0 && walk->roots++ == 0) walk->root_end = yajl_get_bytes_consumed(walk->yajl);
}

static int open_level(struct jsonwalk *walk, bool object) {
    if (walk->depth == JSON_DEPTH_MAX) {
        char reason[64];
        snprintf(reason, sizeof reason, "nested deeper than %d levels", JSON_DEPTH_MAX);
        return stop(walk, ERR_LIMIT, reason);
    }
    walk->bases[++walk->depth] = walk->hash_count;
    walk->seen[walk->depth] = 0;
    walk->events->open(walk->context, object);
    return 1;
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static int close_level(struct jsonwalk *walk, bool object) {
    size_t base = walk->bases[walk->depth], count = walk->hash_count - base;
    if (count > PAIRWISE_MAX) {
        qsort(walk->hashes + base, count, sizeof *walk->hashes, compare_hashes);
        for (size_t i = 1; i < count; i++)
            if (walk->hashes[base + i] == walk->hashes[base + i - 1])
                return stop(walk, ERR_SYNTAX, "one object has a property twice; keep one");
    }
    walk->hash_count = base;
    walk->depth--;
    walk->events->close(walk->context, object);
    value_ended(walk);
    return 1;
}

static uint64_t mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 32;
}

/* Equal keys have equal hashes, so none is missed; a chance collision refuses an object once in about 2^50. The last bytes are
   read with an overlap, which costs less than a loop: this runs for every key. */
static uint64_t key_hash(const uint8_t *key, size_t size) {
    uint64_t hash = 0x9e3779b97f4a7c15u ^ size, word = 0;
    uint32_t half;
    if (size >= sizeof word) {
        for (size_t i = 0; i + sizeof word < size; i += sizeof word) {
            memcpy(&word, key + i, sizeof word);
            hash = mixed(hash, word);
        }
        memcpy(&word, key + size - sizeof word, sizeof word);
    } else if (size >= sizeof half) {
        memcpy(&half, key, sizeof half);
        word = (uint64_t)half << 32;
        memcpy(&half, key + size - sizeof half, sizeof half);
        word |= half;
    } else {
        for (size_t i = 0; i < size; i++) word = word << 8 | key[i];
    }
    return mixed(mixed(hash, word), 0);
}

static bool hashes_reserve(struct jsonwalk *walk) {
    if (walk->hash_count < walk->hash_capacity) return true;
    size_t capacity = walk->hash_capacity == 0 ? 256 : walk->hash_capacity * 2;
    uint64_t *grown = realloc(walk->hashes, capacity * sizeof *grown);
    if (grown == NULL) return false;
    walk->hashes = grown;
    walk->hash_capacity = capacity;
    return true;
}

static int on_key(void *context, const unsigned char *key, size_t size) {
    struct jsonwalk *walk = context;
    uint64_t hash = key_hash(key, size), bit = 1ull << (hash >> 58);
    size_t base = walk->bases[walk->depth];
    if ((walk->seen[walk->depth] & bit) != 0 && walk->hash_count - base < PAIRWISE_MAX)
        for (size_t i = base; i < walk->hash_count; i++)
            if (walk->hashes[i] == hash) {
                snprintf(walk->fault->reason, sizeof walk->fault->reason,
                         "the property \"%.*s\" stands twice in one object; keep one", (int)(size < 60 ? size : 60),
                         (const char *)key);
                return stop(walk, ERR_SYNTAX, NULL);
            }
    if (!hashes_reserve(walk)) return stop(walk, ERR_MEMORY, "out of memory");
    walk->hashes[walk->hash_count++] = hash;
    walk->seen[walk->depth] |= bit;
    walk->events->key(walk->context, bytes_of(key, size));
    return 1;
}

static int on_string(void *context, const unsigned char *value, size_t size) {
    struct jsonwalk *walk = context;
    walk->events->string(walk->context, bytes_of(value, size));
    value_ended(walk);
    return 1;
}

static int scalar(struct jsonwalk *walk, enum jsonwalk_scalar kind, struct bytes number) {
    walk->events->scalar(walk->context, kind, number);
    value_ended(walk);
    return 1;
}

static int on_null(void *context) { return scalar(context, JSONWALK_NULL, bytes_of(NULL, 0)); }
static int on_boolean(void *context, int value) {
    return scalar(context, value ? JSONWALK_TRUE : JSONWALK_FALSE, bytes_of(NULL, 0));
}
static int on_number(void *context, const char *value, size_t size) {
    return scalar(context, JSONWALK_NUMBER, bytes_of(value, size));
}
static int on_start_map(void *context) { return open_level(context, true); }
static int on_end_map(void *context) { return close_level(context, true); }
static int on_start_array(void *context) { return open_level(context, false); }
static int on_end_array(void *context) { return close_level(context, false); }

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

struct jsonwalk *jsonwalk_new(const struct jsonwalk_events *events) {
    struct jsonwalk *walk = calloc(1, sizeof *walk);
    if (walk != NULL) walk->events = events;
    return walk;
}

void jsonwalk_free(struct jsonwalk *walk) {
    if (walk == NULL) return;
    if (walk->yajl != NULL) yajl_free(walk->yajl);
    free(walk->hashes);
    free(walk);
}

static bool yajl_ready(struct jsonwalk *walk) {
    if (walk->yajl != NULL) return true;
    walk->yajl = yajl_alloc(&callbacks, NULL, walk);
    if (walk->yajl == NULL) return false;
    yajl_config(walk->yajl, yajl_dont_validate_strings,
                1); /* its check lets surrogates and overlong forms pass: ours is stricter */
    yajl_config(walk->yajl, yajl_allow_multiple_values, 1); /* lets one handle serve value after value */
    return true;
}

/* The offset of the first byte that is no UTF-8, by halves: each prefix that is whole is skipped. */
static size_t utf8_fault(struct bytes text) {
    size_t at = 0;
    while (at < text.size) {
        size_t size = 1;
        while (size < 4 && at + size < text.size && (text.data[at + size] & 0xc0) == 0x80) size++;
        if (!pack_utf8_valid(bytes_of(text.data + at, size))) return at;
        at += size;
    }
    return at;
}

static bool hex4(const uint8_t *at, unsigned *out) {
    uint8_t two[2];
    if (!hex_decode(two, sizeof two, bytes_of(at, 4))) return false;
    *out = get_be16(two);
    return true;
}

/* A high surrogate must be followed by a low one, and a low one preceded by a high one. Bad escapes are left to yajl. */
static bool surrogates_valid(struct bytes text, size_t *offset) {
    if (text.size == 0) return true; /* it may have no place */
    const uint8_t *at = text.data, *end = text.data + text.size;
    unsigned unit, next;
    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (end - at < 6 || at[1] != 'u' || !hex4(at + 2, &unit) || unit < 0xd800 || unit > 0xdfff) {
            at += end - at < 2 ? end - at : 2;
            continue;
        }
        *offset = (size_t)(at - text.data);
        if (unit > 0xdbff || end - at < 12 || at[6] != '\\' || at[7] != 'u' || !hex4(at + 8, &next)) return false;
        if (next < 0xdc00 || next > 0xdfff) return false;
        at += 12;
    }
    return true;
}

static enum err yajl_failed(struct jsonwalk *walk, struct bytes text) {
    struct jsonwalk_fault *fault = walk->fault;
    unsigned char *message = yajl_get_error(walk->yajl, 0, text.data, text.size);
    fault->malformed = true;
    fault->offset = yajl_get_bytes_consumed(walk->yajl);
    if (fault->offset > 0) fault->offset--; /* yajl has consumed the offending byte */
    snprintf(fault->reason, sizeof fault->reason, "malformed JSON: %.*s", message == NULL ? 0 : (int)strcspn((char *)message, "\n"),
             message == NULL ? "" : (char *)message);
    if (message != NULL) yajl_free_error(walk->yajl, message);
    return ERR_SYNTAX;
}

/* yajl keeps an unfinished token for the next call, so the root must have ended exactly where the text does. */
static enum err walk_text(struct jsonwalk *walk, struct bytes text) {
    static const unsigned char blank[] = " ";
    yajl_status status = yajl_parse(walk->yajl, text.data, text.size);
    if (status == yajl_status_ok && walk->roots == 0) { /* a number is told only when something follows it */
        status = yajl_parse(walk->yajl, blank, 1);
        walk->root_end = text.size;
    }
    if (status == yajl_status_client_canceled) return walk->error;
    if (status != yajl_status_ok) return yajl_failed(walk, text);
    if (walk->roots == 1 && walk->root_end == text.size) return OK;
    walk->fault->malformed = true;
    walk->fault->offset = walk->roots == 0 ? text.size : walk->root_end;
    snprintf(walk->fault->reason, sizeof walk->fault->reason, "malformed JSON: %s",
             walk->roots > 0 ? "two values in one" : "cut short");
    return ERR_SYNTAX;
}

static bool blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static struct bytes end_trimmed(struct bytes text) {
    while (text.size > 0 && blank(text.data[text.size - 1])) text.size--;
    return text;
}

enum err jsonwalk_run(struct jsonwalk *walk, struct bytes text, void *context, struct jsonwalk_fault *fault) {
    walk->context = context;
    walk->fault = fault;
    walk->hash_count = walk->depth = walk->roots = 0;
    walk->bases[0] = 0;
    walk->error = OK;
    fault->malformed = false;
    if (!pack_utf8_valid(text)) {
        fault->offset = utf8_fault(text);
        snprintf(fault->reason, sizeof fault->reason, "invalid UTF-8 (byte 0x%02x); save it as UTF-8", text.data[fault->offset]);
        return ERR_UTF8;
    }
    if (!surrogates_valid(text, &fault->offset)) {
        snprintf(fault->reason, sizeof fault->reason, "a \\u escape is half of a surrogate pair; write the whole character");
        return ERR_UTF8;
    }
    if (!yajl_ready(walk)) return ERR_MEMORY;
    enum err error = walk_text(walk, end_trimmed(text));
    if (error != OK) {
        yajl_free(walk->yajl); /* it cannot be used again after a failure */
        walk->yajl = NULL;
    }
    return error;
}
