#include "node/live/live_clients.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 5

bool live_subscriptions_valid(struct bytes text) {
    if (bytes_equal_text(text, "*")) return true;
    if (text.size == 0 || text.data[text.size - 1] == ',') return false;
    for (size_t count = 0; text.size > 0; count++)
        if (count == LIVE_SUBSCRIPTIONS_MAX || !fields_name_valid(fields_split(&text, ','))) return false;
    return true;
}

static bool line_read(struct live_client *out, struct bytes line) {
    struct bytes fields[FIELDS];
    if (line.data[line.size - 1] == '\t') return false;
    for (size_t i = 0; i < FIELDS; i++) fields[i] = fields_split(&line, '\t');
    *out = (struct live_client){.name = fields[0], .subscriptions = fields[4]};
    return line.size == 0 && fields_name_valid(out->name) && curve_key_parse(out->key, fields[1]) &&
           tlp_parse(&out->label_max, fields[2]) && out->label_max >= TLP_CLEAR && out->label_max <= TLP_AMBER_STRICT &&
           fields_number(&out->expires_ms, fields[3], UINT64_MAX) && live_subscriptions_valid(out->subscriptions);
}

static int by_key(const void *a, const void *b) {
    const struct live_client *x = a, *y = b;
    return memcmp(x->key, y->key, CURVE_KEY_BYTES);
}

static int by_name(const void *a, const void *b) {
    const struct live_client *const *x = a, *const *y = b;
    return bytes_compare((*x)->name, (*y)->name);
}

/* Sorts them. */
static enum err doubles_find(struct live_clients *clients) {
    const struct live_client **names = calloc(clients->count + 1, sizeof *names);
    bool twice = false;
    if (!names) return ERR_MEMORY;
    qsort(clients->items, clients->count, sizeof *clients->items, by_key);
    for (size_t i = 0; i < clients->count; i++) names[i] = &clients->items[i];
    qsort(names, clients->count, sizeof *names, by_name);
    for (size_t i = 1; i < clients->count; i++)
        twice |= bytes_equal(names[i - 1]->name, names[i]->name) || by_key(&clients->items[i - 1], &clients->items[i]) == 0;
    free(names);
    return twice ? ERR_EXISTS : OK;
}

enum err live_clients_parse(struct live_clients *out, struct bytes file, size_t *line) {
    *out = (struct live_clients){0};
    *line = 0;
    if (file.size > LIVE_CLIENTS_FILE_BYTES_MAX) return ERR_LIMIT;
    buf_put(&out->text, file);
    out->items = calloc(LIVE_CLIENTS_MAX, sizeof *out->items);
    if (out->text.failed || !out->items) return ERR_MEMORY;
    struct bytes rest = bytes_of_buf(&out->text), text;
    while (fields_line(&text, &rest, line)) {
        if (out->count == LIVE_CLIENTS_MAX) return ERR_LIMIT;
        if (!line_read(&out->items[out->count], text)) return ERR_SYNTAX;
        out->count++;
    }
    *line = 0;
    return doubles_find(out);
}

void live_clients_free(struct live_clients *clients) {
    free(clients->items);
    buf_free(&clients->text);
    *clients = (struct live_clients){0};
}

void live_client_write(struct buf *out, const struct live_client *client) {
    char key[CURVE_KEY_CHARS + 1];
    curve_key_text(key, client->key);
    buf_put(out, client->name);
    buf_put_format(out, "\t%s\t%s\t%" PRIu64 "\t", key, tlp_name(client->label_max), client->expires_ms);
    buf_put(out, client->subscriptions);
    buf_put_text(out, "\n");
}

const struct live_client *live_clients_of_key(const struct live_clients *clients, const uint8_t key[static CURVE_KEY_BYTES]) {
    struct live_client wanted;
    memcpy(wanted.key, key, CURVE_KEY_BYTES);
    return clients->count > 0 ? bsearch(&wanted, clients->items, clients->count, sizeof wanted, by_key) : NULL;
}

const struct live_client *live_clients_of_name(const struct live_clients *clients, struct bytes name) {
    for (size_t i = 0; i < clients->count; i++)
        if (bytes_equal(clients->items[i].name, name)) return &clients->items[i];
    return NULL;
}

bool live_client_follows(const struct live_client *client, struct bytes subscription) {
    struct bytes names = client->subscriptions;
    if (bytes_equal_text(names, "*")) return true;
    while (names.size > 0)
        if (bytes_equal(fields_split(&names, ','), subscription)) return true;
    return false;
}

unsigned live_labels(enum tlp label_max) { return (1u << (label_max + 1)) - 2; /* from CLEAR on */ }
