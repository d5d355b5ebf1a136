#include "node/web/web_door.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct web_guest {
    int fd; /* the server's own; -1: a free place */
    uint64_t address, token;
    uint64_t since_ms, order; /* many come in one millisecond */
    bool known, cut;
};

struct web_door {
    pthread_mutex_t lock;
    uint64_t order_next;
    size_t strangers, capacity;
    struct web_guest guests[];
};

struct web_door *web_door_new(size_t connections_max) {
    struct web_door *door = calloc(1, sizeof *door + connections_max * sizeof door->guests[0]);
    if (!door) return NULL;
    pthread_mutex_init(&door->lock, NULL);
    door->capacity = connections_max;
    for (size_t i = 0; i < connections_max; i++) door->guests[i].fd = -1;
    return door;
}

void web_door_free(struct web_door *door) {
    if (!door) return;
    pthread_mutex_destroy(&door->lock);
    free(door);
}

static bool is_stranger(const struct web_guest *guest) { return guest->fd >= 0 && !guest->known && !guest->cut; }

static void cut(struct web_door *door, struct web_guest *guest) {
    if (is_stranger(guest)) door->strangers--;
    guest->cut = true;
    shutdown(guest->fd, SHUT_RDWR);
}

static size_t strangers_of(const struct web_door *door, uint64_t address) {
    size_t count = 0;
    for (size_t i = 0; i < door->capacity; i++) count += is_stranger(&door->guests[i]) && door->guests[i].address == address;
    return count;
}

/* Who floods pays: an honest client's handshake goes on beside it. Asked seldom: above the limit only. */
static void crowd_cut(struct web_door *door) {
    struct web_guest *worst = NULL;
    size_t most = 0;
    for (size_t i = 0; i < door->capacity; i++) {
        struct web_guest *guest = &door->guests[i];
        if (!is_stranger(guest)) continue;
        bool same = worst && worst->address == guest->address;
        size_t count = same ? most : strangers_of(door, guest->address);
        if (count < most || (count == most && worst && guest->order > worst->order)) continue;
        worst = guest;
        most = count;
    }
    if (worst) cut(door, worst);
}

struct web_guest *web_door_enter(struct web_door *door, int fd, uint64_t address, uint64_t now_ms) {
    struct web_guest *found = NULL;
    pthread_mutex_lock(&door->lock);
    for (size_t i = 0; i < door->capacity && !found; i++)
        if (door->guests[i].fd < 0) found = &door->guests[i];
    if (found) {
        *found = (struct web_guest){.fd = fd, .address = address, .since_ms = now_ms, .order = door->order_next++};
        if (++door->strangers > WEB_STRANGERS_MAX) crowd_cut(door);
    } else {
        shutdown(fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&door->lock);
    return found;
}

void web_door_leave(struct web_door *door, struct web_guest *guest) {
    if (!guest) return;
    pthread_mutex_lock(&door->lock);
    if (is_stranger(guest)) door->strangers--;
    guest->fd = -1;
    pthread_mutex_unlock(&door->lock);
}

bool web_door_know(struct web_door *door, struct web_guest *guest, uint64_t key) {
    if (!guest) return false;
    pthread_mutex_lock(&door->lock);
    size_t count = 0;
    bool same = guest->known && guest->token == key;
    for (size_t i = 0; i < door->capacity && !same; i++)
        count += door->guests[i].fd >= 0 && door->guests[i].known && door->guests[i].token == key;
    bool room = same || count < WEB_TOKEN_CONNECTIONS_MAX;
    if (room && !same) {
        if (is_stranger(guest)) door->strangers--;
        guest->known = true;
        guest->token = key;
    }
    pthread_mutex_unlock(&door->lock);
    return room;
}

void web_door_doubt(struct web_door *door, struct web_guest *guest, uint64_t now_ms) {
    if (!guest) return;
    pthread_mutex_lock(&door->lock);
    if (guest->known) {
        guest->known = false;
        guest->since_ms = now_ms;
        door->strangers += is_stranger(guest);
    }
    pthread_mutex_unlock(&door->lock);
}

void web_door_step(struct web_door *door, uint64_t now_ms) {
    pthread_mutex_lock(&door->lock);
    for (size_t i = 0; door->strangers > 0 && i < door->capacity; i++)
        if (is_stranger(&door->guests[i]) && now_ms - door->guests[i].since_ms > WEB_STRANGER_MS) cut(door, &door->guests[i]);
    pthread_mutex_unlock(&door->lock);
}
