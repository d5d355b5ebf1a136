/* What a client of the live feed says; and the file of its clients. What is read is in range, and what is written of it is read the same. */
#include "gossip/pack.h"
#include "node/live/live.h"
#include "node/live/live_clients.h"
#include "node/live/live_message.h"

#include <assert.h>

static void ask_try(struct bytes message) {
    struct live_ask ask;
    if (live_ask_read(&ask, message) != OK) return; /* refused: fine */
    assert(ask.kind >= LIVE_HELLO && ask.kind <= LIVE_BYE && ask.credit <= LIVE_CREDIT_MAX);
    assert(ask.kind != LIVE_HELLO || ask.subscription.size == 0 || fields_name_valid(ask.subscription));
    assert(!(ask.stored && ask.subscription.size == 0));
}

static void clients_try(struct bytes file) {
    struct live_clients clients, again;
    struct buf text = {0};
    size_t line;
    if (live_clients_parse(&clients, file, &line) == OK) {
        for (size_t i = 0; i < clients.count; i++) live_client_write(&text, &clients.items[i]);
        assert(text.failed || live_clients_parse(&again, bytes_of_buf(&text), &line) == OK);
        assert(text.failed || again.count == clients.count);
        if (!text.failed) live_clients_free(&again);
    }
    live_clients_free(&clients);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ask_try(bytes_of(data, size));
    clients_try(bytes_of(data, size));
    return 0;
}
