/* The file of tokens: whatever stands in it, a token that it gives is within its bounds, and survives writing and reading. */
#include "node/web/tokens.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void token_check(const struct token *token) {
    uint8_t id[HASH_BYTES] = {0xab, 0xcd, 0xef, 0x01};
    unsigned red = 1u << TLP_RED | 1u << TLP_NONE;
    if (!fields_name_valid(token->name) || token->rate == 0 || token->rate > TOKENS_RATE_MAX ||
        token->scope.size > TOKENS_SCOPE_MAX)
        abort();
    for (unsigned i = 0; i <= COLLECTION_COUNT; i++)
        if (token_labels(token, i) & red) abort();
    if ((token_labels_any(token) | token_labels_group(token)) & red) abort();
    bool some = token_groups_some(token), named = token_group(token, bytes_of_text("nightfall"), id);
    if ((named && !some) || (token_groups_all(token) && !named)) abort();
}

static void written_check(const struct tokens *tokens) {
    struct tokens again;
    struct buf file = {0};
    size_t line;
    for (size_t i = 0; i < tokens->count; i++) token_write(&file, &tokens->items[i]);
    if (tokens_parse(&again, bytes_of_buf(&file), &line) != OK || again.count != tokens->count) abort();
    for (size_t i = 0; i < again.count; i++) {
        const struct token *a = &tokens->items[i], *b = &again.items[i];
        if (!bytes_equal(a->name, b->name) || memcmp(a->hash, b->hash, HASH_BYTES) != 0 || a->label_max != b->label_max ||
            a->read != b->read || a->write != b->write || a->expires_ms != b->expires_ms || a->rate != b->rate ||
            a->collections != b->collections || !bytes_equal(a->scope, b->scope) || !bytes_equal(a->recipients, b->recipients) ||
            a->bound != b->bound || memcmp(a->fingerprint, b->fingerprint, TOKENS_FINGERPRINT) != 0)
            abort();
    }
    tokens_free(&again);
    buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tokens tokens;
    size_t line = 0;
    uint8_t fingerprint[TOKENS_FINGERPRINT];
    (void)fingerprint_parse(fingerprint, bytes_of(data, size));
    enum err err = tokens_parse(&tokens, bytes_of(data, size), &line);
    if (err == ERR_SYNTAX && line == 0) abort();
    for (size_t i = 0; err == OK && i < tokens.count; i++) token_check(&tokens.items[i]);
    if (err == OK) written_check(&tokens);
    tokens_free(&tokens);
    return 0;
}
