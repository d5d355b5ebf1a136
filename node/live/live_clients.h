/* live_clients: who may follow the live feed: names, CURVE keys and what each may see, as the lines of DIR/live.clients. Pure.
   A line is, with tabs between: name, public key (Z85), label, end (milliseconds, 0: none), subscriptions (names with commas between,
   or "*" for all). Lines that begin with "# " are comments. */
#ifndef NODE_LIVE_CLIENTS_H
#define NODE_LIVE_CLIENTS_H

#include "gossip/label.h"
#include "node/curve/curve_key.h"
#include "node/process/fields.h"

#define LIVE_CLIENTS_MAX            1024
#define LIVE_CLIENTS_FILE_BYTES_MAX (1024 * 1024)
#define LIVE_SUBSCRIPTIONS_MAX      64 /* that one client may be bound to */

struct live_client {
    struct bytes name; /* fields_name_valid */
    uint8_t key[CURVE_KEY_BYTES];
    enum tlp label_max;         /* CLEAR to AMBER_STRICT */
    uint64_t expires_ms;        /* 0: no end */
    struct bytes subscriptions; /* "*", or valid names with commas between */
};

/* Sorted by key, no name and no key twice. Views point into `text`, which is owned. */
struct live_clients {
    struct live_client *items;
    size_t count;
    struct buf text;
};

/* ERR_SYNTAX with the number of the bad line, ERR_EXISTS (a name or key stands twice; line 0), ERR_LIMIT, ERR_MEMORY; release with
   live_clients_free, also after an error. */
enum err live_clients_parse(struct live_clients *out, struct bytes file, size_t *line) MUST_USE;
void live_clients_free(struct live_clients *clients);
void live_client_write(struct buf *out, const struct live_client *client); /* one line */

/* Null when nobody has it. */
const struct live_client *live_clients_of_key(const struct live_clients *clients, const uint8_t key[static CURVE_KEY_BYTES]);
const struct live_client *live_clients_of_name(const struct live_clients *clients, struct bytes name);

/* Is this a list of subscriptions as a line holds it? */
bool live_subscriptions_valid(struct bytes text);
bool live_client_follows(const struct live_client *client, struct bytes subscription);
/* The labels that it may see, as bits of enum tlp. */
unsigned live_labels(enum tlp label_max);

#endif
