/* net_receive: messages from ZeroMQ to the engine; a link begins with the first message of an inbound connection. */
#include "node/net/net_state.h"

#include "node/process/log_event.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MESSAGES  512
#define BATCH_BYTES     (2 * 1024 * 1024)
#define LINKS_A_KEY_MAX 2 /* inbound: one that is being renewed, and its successor */
#define USER_PROPERTY   "User-Id"

static void inbound_up(struct net *net, struct net_link *link, const struct net_connection *connection) {
    char address[64];
    net_guard_address(connection, address);
    uint8_t body[1 + NET_CURVE_KEY_BYTES + sizeof address] = {0};
    memcpy(body + 1, link->key, NET_CURVE_KEY_BYTES);
    memcpy(body + 1 + NET_CURVE_KEY_BYTES, address, strlen(address));
    link->up = true;
    net_guard_linked(&net->guard, link->connection);
    net_send_start(net, link);
    net_tell(net, FRAME_NET_UP, link->number, bytes_of(body, 1 + NET_CURVE_KEY_BYTES + strlen(address)));
}

/* One key may not take every place: its oldest inbound link yields. */
static void key_limit(struct net *net, const uint8_t key[static NET_CURVE_KEY_BYTES]) {
    struct net_link *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < net->link_count; i++) {
        struct net_link *link = net->links[i];
        if (link->number % 2 == 1 || memcmp(link->key, key, NET_CURVE_KEY_BYTES) != 0) continue;
        count++;
        if (oldest == NULL || link->number < oldest->number) oldest = link;
    }
    if (count >= LINKS_A_KEY_MAX) net_link_down(net, oldest, "replaced by a newer connection of the same key");
}

/* Null: not a connection that may become a link, whose message is dropped. */
static struct net_link *inbound_new(struct net *net, zmq_msg_t *routing_id, zmq_msg_t *content) {
    const char *user = zmq_msg_gets(content, USER_PROPERTY), *serial = zmq_msg_gets(content, NET_ZAP_SERIAL_PROPERTY);
    int fd = zmq_msg_get(content, ZMQ_SRCFD);
    struct net_connection *connection = net_guard_at(&net->guard, fd);
    uint8_t key[NET_CURVE_KEY_BYTES], serial_raw[8];
    if (connection == NULL || connection->cut) return NULL;
    if (user == NULL || serial == NULL || !hex_decode(key, sizeof key, bytes_of_text(user)) ||
        !hex_decode(serial_raw, sizeof serial_raw, bytes_of_text(serial))) {
        log_warn("a message without an authenticated key: its connection is cut");
        net_guard_cut(&net->guard, fd);
        return NULL;
    }
    /* The message came late, after its connection ended and the number was given to another. */
    if (get_be64(serial_raw) < connection->serial_first) return NULL;
    size_t id_bytes = zmq_msg_size(routing_id);
    bool room = net_link_count(net, false) < net->settings.links_max;
    if (connection->linked || !net_zap_allowed(&net->zap, key) || id_bytes == 0 || id_bytes > NET_ROUTING_ID_BYTES_MAX || !room) {
        if (!room)
            log_event(LOG_NET_FULL, LOG_FIELDS(LOG_NUMBER("links", net->settings.links_max)),
                      "%u inbound links: one more is refused", (unsigned)net->settings.links_max);
        net_guard_cut(&net->guard, fd);
        return NULL;
    }
    key_limit(net, key);
    struct net_link *link = net_link_new(net, net->number_next);
    if (link == NULL) return NULL;
    net->number_next += 2;
    link->connection = fd;
    link->routing_id_bytes = id_bytes;
    memcpy(link->routing_id, zmq_msg_data(routing_id), id_bytes);
    memcpy(link->key, key, sizeof key);
    hex_encode(link->user, bytes_of(key, sizeof key));
    hex_encode(link->serial, bytes_of(serial_raw, sizeof serial_raw));
    inbound_up(net, link, connection);
    return link;
}

static bool property_is(zmq_msg_t *content, const char *name, const char *expected) {
    const char *value = zmq_msg_gets(content, name);
    return value != NULL && strcmp(value, expected) == 0;
}

/* Takes what follows of a message that should have ended. */
static void rest_drop(struct net_socket *socket, zmq_msg_t *message) {
    while (zmq_msg_more(message) && zmq_msg_recv(message, socket->handle, ZMQ_DONTWAIT) >= 0) {
    }
}

static void message_deliver(struct net *net, struct net_link *link, struct net_socket *socket, zmq_msg_t *content) {
    size_t size = zmq_msg_size(content);
    struct net_connection *connection = net_guard_at(&net->guard, link->connection);
    if (connection != NULL) connection->delivered_bytes += net_guard_wire_bytes(size);
    if (zmq_msg_more(content)) {
        rest_drop(socket, content);
        net_link_cut(net, link, "a message of more than one frame");
    } else if (size > NET_MESSAGE_BYTES_MAX) {
        net_link_cut(net, link, "a message larger than 512 KiB");
    } else {
        net->bytes_in += size;
        net_tell(net, FRAME_NET_MESSAGE, link->number, bytes_of(zmq_msg_data(content), size));
    }
}

static void router_message(struct net *net, zmq_msg_t *routing_id, zmq_msg_t *content, uint64_t now_ms) {
    struct bytes id = bytes_of(zmq_msg_data(routing_id), zmq_msg_size(routing_id));
    struct net_link *link = net->link_inbound_recent;
    if (link == NULL || !bytes_equal(bytes_of(link->routing_id, link->routing_id_bytes), id))
        link = net_link_by_routing_id(net, id);
    if (link == NULL) {
        /* The first message may be here before we heard of its connection. */
        net_router_events(net, now_ms);
        link = inbound_new(net, routing_id, content);
    }
    net->link_inbound_recent = link;
    if (link == NULL) {
        rest_drop(&net->router, content);
    } else if (!property_is(content, USER_PROPERTY, link->user) || !property_is(content, NET_ZAP_SERIAL_PROPERTY, link->serial)) {
        rest_drop(&net->router, content);
        net_link_cut(net, link, "a message under another identity than the link's");
    } else {
        message_deliver(net, link, &net->router, content);
    }
}

void net_receive_router(struct net *net, uint64_t now_ms) {
    zmq_msg_t routing_id, content;
    zmq_msg_init(&routing_id);
    zmq_msg_init(&content);
    size_t bytes = 0;
    for (int i = 0; i < BATCH_MESSAGES && bytes < BATCH_BYTES && !net_engine_behind(net); i++) {
        if (zmq_msg_recv(&routing_id, net->router.handle, ZMQ_DONTWAIT) < 0) {
            net->router.check = false;
            break;
        }
        if (!zmq_msg_more(&routing_id) || zmq_msg_recv(&content, net->router.handle, ZMQ_DONTWAIT) < 0) continue;
        bytes += zmq_msg_size(&content);
        router_message(net, &routing_id, &content, now_ms);
    }
    zmq_msg_close(&routing_id);
    zmq_msg_close(&content);
}

void net_receive_dealer(struct net *net, struct net_link *link) {
    zmq_msg_t content;
    zmq_msg_init(&content);
    size_t bytes = 0;
    uint64_t number = link->number;
    for (int i = 0; i < BATCH_MESSAGES && bytes < BATCH_BYTES && !net_engine_behind(net); i++) {
        if (zmq_msg_recv(&content, link->socket.handle, ZMQ_DONTWAIT) < 0) {
            link->socket.check = false;
            break;
        }
        bytes += zmq_msg_size(&content);
        message_deliver(net, link, &link->socket, &content);
        /* It may have been cut by what it sent. */
        if (net_link_by_number(net, number) != link) break;
    }
    zmq_msg_close(&content);
}
