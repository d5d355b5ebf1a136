/* web_clients: how many requests each client has made lately, and what each token holds. */
#include "node/process/clock.h"
#include "node/web/web_state.h"

#include <string.h>

#define PLACES 8 /* that one key may have: of those the longest unused is taken */

static struct web_client *client_find(struct web *web, uint64_t key, unsigned rate, uint64_t now_ms) {
    struct web_client *places = &web->clients[key % (WEB_CLIENTS_MAX / PLACES) * PLACES], *oldest = places;
    for (size_t i = 0; i < PLACES; i++) {
        if (places[i].key == key && places[i].used_ms > 0) return &places[i];
        if (places[i].used_ms < oldest->used_ms) oldest = &places[i];
    }
    *oldest = (struct web_client){.key = key, .used_ms = now_ms, .tokens = 2.0 * rate};
    return oldest;
}

bool web_client_take(struct web *web, uint64_t key, unsigned rate) {
    uint64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&web->clients_lock);
    struct web_client *client = client_find(web, key, rate, now_ms);
    client->tokens += (double)(now_ms - client->used_ms) * rate / 1000.0;
    if (client->tokens > 2.0 * rate) client->tokens = 2.0 * rate;
    client->used_ms = now_ms;
    bool taken = client->tokens >= 1.0;
    if (taken) client->tokens -= 1.0;
    pthread_mutex_unlock(&web->clients_lock);
    return taken;
}

struct web_share *web_share_of(struct web *web, uint64_t key) {
    return &web->shares[key % WEB_SHARES];
}
