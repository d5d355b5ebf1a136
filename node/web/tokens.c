#include "node/web/tokens.h"

#include "node/process/fields.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS    8 /* and one more where it is bound to a certificate */
#define GROUP     "group:"
#define ID_DIGITS 8 /* at least, of a group's id */

static const char *const aliases[COLLECTION_COUNT] = {"all", "clear", "green", "amber", "amber-strict"};

const char *collection_alias(unsigned collection) { return collection < COLLECTION_COUNT ? aliases[collection] : NULL; }

/* --- parts of a line --- */

/* The name in "group:NAME"; empty: it is none. */
static struct bytes group_named(struct bytes text) {
    size_t size = sizeof GROUP - 1;
    if (text.size <= size || memcmp(text.data, GROUP, size) != 0) return bytes_of(NULL, 0);
    return bytes_of(text.data + size, text.size - size);
}

enum err collections_parse(struct token *token, struct bytes text) {
    size_t groups = 0;
    token->collections = 0;
    token->scope = text;
    if (text.size > TOKENS_SCOPE_MAX) return ERR_LIMIT;
    if (token_groups_all(token)) {
        token->collections = (1u << COLLECTION_COUNT) - 1;
        return OK;
    }
    do {
        struct bytes name = fields_split(&text, ','), group = group_named(name);
        unsigned at = 0;
        if (group.size > 0) {
            if (!fields_name_valid(group)) return ERR_NOT_FOUND;
            if (++groups > TOKENS_GROUPS_MAX) return ERR_LIMIT;
            continue;
        }
        while (at < COLLECTION_COUNT && !bytes_equal_text(name, aliases[at])) at++;
        if (at == COLLECTION_COUNT) return ERR_NOT_FOUND;
        token->collections |= 1u << at;
    } while (text.size > 0);
    return OK;
}

bool fingerprint_parse(uint8_t out[static TOKENS_FINGERPRINT], struct bytes text) {
    char digits[2 * TOKENS_FINGERPRINT];
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == ':' && i % 3 == 2) continue;
        if (count == sizeof digits) return false;
        digits[count++] = (char)(text.data[i] >= 'A' && text.data[i] <= 'F' ? text.data[i] - 'A' + 'a' : text.data[i]);
    }
    return count == sizeof digits && hex_decode(out, TOKENS_FINGERPRINT, bytes_of(digits, count));
}

static bool line_read(struct token *out, struct bytes line) {
    struct bytes fields[FIELDS];
    uint64_t rate;
    for (size_t i = 0; i < FIELDS; i++) fields[i] = fields_split(&line, '\t');
    if (fields[FIELDS - 1].size == 0) return false;
    *out = (struct token){.name = fields[0], .recipients = fields[7]};
    out->read = fields[3].size > 0 && memchr(fields[3].data, 'r', fields[3].size);
    out->write = fields[3].size > 0 && memchr(fields[3].data, 'w', fields[3].size);
    if (!fields_name_valid(out->name) || !hex_decode(out->hash, sizeof out->hash, fields[1])) return false;
    if (!tlp_parse(&out->label_max, fields[2]) || out->label_max < TLP_CLEAR || out->label_max > TLP_AMBER_STRICT) return false;
    if (!fields_number(&out->expires_ms, fields[4], UINT64_MAX) || !fields_number(&rate, fields[5], TOKENS_RATE_MAX) || rate == 0)
        return false;
    out->rate = (unsigned)rate;
    out->bound = line.size > 0;
    if (out->bound && !hex_decode(out->fingerprint, sizeof out->fingerprint, line)) return false;
    return collections_parse(out, fields[6]) == OK;
}

/* --- the file --- */

static int by_name(const void *a, const void *b) {
    const struct token *x = a, *y = b;
    return bytes_compare(x->name, y->name);
}

enum err tokens_parse(struct tokens *out, struct bytes file, size_t *line) {
    *out = (struct tokens){0};
    *line = 0;
    if (file.size > TOKENS_FILE_BYTES_MAX) return ERR_LIMIT;
    buf_put(&out->text, file);
    out->items = calloc(TOKENS_MAX, sizeof *out->items);
    if (out->text.failed || !out->items) return ERR_MEMORY;
    struct bytes rest = bytes_of_buf(&out->text), text;
    while (fields_line(&text, &rest, line)) {
        if (out->count == TOKENS_MAX) return ERR_LIMIT;
        if (!line_read(&out->items[out->count], text)) return ERR_SYNTAX;
        out->count++;
    }
    qsort(out->items, out->count, sizeof *out->items, by_name);
    return OK;
}

void tokens_free(struct tokens *tokens) {
    free(tokens->items);
    buf_free(&tokens->text);
    *tokens = (struct tokens){0};
}

void token_write(struct buf *out, const struct token *token) {
    char hex[2 * HASH_BYTES + 1];
    hex_encode(hex, bytes_of(token->hash, sizeof token->hash));
    buf_put(out, token->name);
    buf_put_format(out, "\t%s\t%s\t%s%s\t%" PRIu64 "\t%u\t", hex, tlp_name(token->label_max), token->read ? "r" : "",
                   token->write ? "w" : "", token->expires_ms, token->rate);
    buf_put(out, token->scope);
    buf_put_text(out, "\t");
    buf_put(out, token->recipients);
    if (token->bound) {
        hex_encode(hex, bytes_of(token->fingerprint, sizeof token->fingerprint));
        buf_put_format(out, "\t%s", hex);
    }
    buf_put_text(out, "\n");
}

/* --- looking up --- */

const struct token *tokens_of_name(const struct tokens *tokens, struct bytes name) {
    struct token wanted = {.name = name};
    return tokens->count > 0 ? bsearch(&wanted, tokens->items, tokens->count, sizeof wanted, by_name) : NULL;
}

/* All are compared, each in the same time: how long it takes tells nothing. */
const struct token *tokens_of_hash(const struct tokens *tokens, const uint8_t hash[static HASH_BYTES]) {
    const struct token *found = NULL;
    for (size_t i = 0; i < tokens->count; i++)
        if (sodium_memcmp(tokens->items[i].hash, hash, HASH_BYTES) == 0) found = &tokens->items[i];
    return found;
}

const struct token *tokens_of_certificate(const struct tokens *tokens, const uint8_t fingerprint[static TOKENS_FINGERPRINT]) {
    const struct token *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        if (!tokens->items[i].bound || memcmp(tokens->items[i].fingerprint, fingerprint, TOKENS_FINGERPRINT) != 0) continue;
        found = &tokens->items[i];
        count++;
    }
    return count == 1 ? found : NULL;
}

void token_hash(uint8_t out[static HASH_BYTES], struct bytes text) { hash_of(out, "comity-web-token", text, bytes_of(NULL, 0)); }

void token_text(char out[static TOKENS_TEXT_BYTES], const uint8_t random[static 32]) {
    memcpy(out, "cty_", 4);
    sodium_bin2base64(out + 4, TOKENS_TEXT_BYTES - 4, random, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

unsigned token_labels_group(const struct token *token) { return (1u << (token->label_max + 1)) - 2; /* from CLEAR on */ }

unsigned token_labels(const struct token *token, unsigned collection) {
    if (collection >= COLLECTION_COUNT || (token->collections >> collection & 1) == 0) return 0;
    unsigned allowed = token_labels_group(token);
    return collection == COLLECTION_ALL ? allowed : allowed & 1u << collection;
}

unsigned token_labels_any(const struct token *token) {
    unsigned labels = 0;
    if (token->collections == 0) return token_groups_some(token) ? token_labels_group(token) : 0;
    for (unsigned i = 0; i < COLLECTION_COUNT; i++) labels |= token_labels(token, i);
    return labels;
}

/* --- groups --- */

bool token_groups_all(const struct token *token) { return bytes_equal_text(token->scope, "*"); }

bool token_groups_some(const struct token *token) {
    for (struct bytes rest = token->scope; rest.size > 0;)
        if (group_named(fields_split(&rest, ',')).size > 0) return true;
    return token_groups_all(token);
}

bool token_group(const struct token *token, struct bytes name, const uint8_t id[static HASH_BYTES]) {
    char digits[2 * HASH_BYTES + 1];
    hex_encode(digits, bytes_of(id, HASH_BYTES));
    for (struct bytes rest = token->scope; rest.size > 0;) {
        struct bytes group = group_named(fields_split(&rest, ','));
        if (group.size == 0) continue;
        if (bytes_equal(group, name)) return true;
        if (group.size >= ID_DIGITS && group.size <= 2 * HASH_BYTES && memcmp(digits, group.data, group.size) == 0) return true;
    }
    return token_groups_all(token);
}
