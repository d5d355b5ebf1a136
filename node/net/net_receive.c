/* net_receive: messages from ZeroMQ to the engine; a link begins with the first message of an inbound connection. */
#include "node/net/net_state.h"

#include "node/process/log_event.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MESSAGES  512
#define BATCH_BYTES     (2 * 1024 * 1024)
#define LINKS_A_KEY_MAX 2 /* inbound: one that is being renewed, and its successor */

static void inbound_up(struct net *net, struct net_link *link, const struct curve_connection *connection) {
    char address[64];
    curve_guard_address(connection, address);
    uint8_t body[1 + CURVE_KEY_BYTES + sizeof address] = {0};
    memcpy(body + 1, link->key, CURVE_KEY_BYTES);
    memcpy(body + 1 + CURVE_KEY_BYTES, address, strlen(address));
    link->up = true;
    curve_guard_linked(&net->door.guard, link->connection);
    net_send_start(net, link);
    net_tell(net, FRAME_NET_UP, link->number, bytes_of(body, 1 + CURVE_KEY_BYTES + strlen(address)));
}

/* One key may not take every place: its oldest inbound link yields. */
static void key_limit(struct net *net, const uint8_t key[static CURVE_KEY_BYTES]) {
    struct net_link *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < net->link_count; i++) {
        struct net_link *link = net->links[i];
        if (link->number % 2 == 1 || memcmp(link->key, key, CURVE_KEY_BYTES) != 0) continue;
        count++;
        if (oldest == NULL || link->number < oldest->number) oldest = link;
    }
    if (count >= LINKS_A_KEY_MAX) net_link_down(net, oldest, "replaced by a newer connection of the same key");
}

/* Null: not a connection that may become a link, whose message is dropped. */
static struct net_link *inbound_new(struct net *net, zmq_msg_t *routing_id, zmq_msg_t *content) {
    struct curve_origin origin;
    if (!curve_door_origin(&net->door, content, &origin)) return NULL;
    struct curve_connection *connection = curve_guard_at(&net->door.guard, origin.fd);
    size_t id_bytes = zmq_msg_size(routing_id);
    bool room = net_link_count(net, false) < net->settings.links_max;
    if (connection->linked || !curve_zap_allowed(&net->door.zap, origin.key) || id_bytes == 0 ||
        id_bytes > CURVE_DOOR_ROUTING_ID_BYTES_MAX || !room) {
        if (!room)
            log_event(LOG_NET_FULL, LOG_FIELDS(LOG_NUMBER("links", net->settings.links_max)),
                      "%u inbound links: one more is refused", (unsigned)net->settings.links_max);
        curve_guard_cut(&net->door.guard, origin.fd);
        return NULL;
    }
    key_limit(net, origin.key);
    struct net_link *link = net_link_new(net, net->number_next);
    if (link == NULL) return NULL;
    net->number_next += 2;
    link->connection = origin.fd;
    link->routing_id_bytes = id_bytes;
    memcpy(link->routing_id, zmq_msg_data(routing_id), id_bytes);
    memcpy(link->key, origin.key, sizeof link->key);
    link->origin = origin;
    inbound_up(net, link, connection);
    return link;
}

/* Takes what follows of a message that should have ended. */
static void rest_drop(struct curve_socket *socket, zmq_msg_t *message) {
    while (zmq_msg_more(message) && zmq_msg_recv(message, socket->handle, ZMQ_DONTWAIT) >= 0) {
    }
}

static void message_deliver(struct net *net, struct net_link *link, struct curve_socket *socket, zmq_msg_t *content) {
    size_t size = zmq_msg_size(content);
    struct curve_connection *connection = curve_guard_at(&net->door.guard, link->connection);
    if (connection != NULL) connection->delivered_bytes += curve_guard_wire_bytes(size);
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
        curve_door_events(&net->door, now_ms);
        link = inbound_new(net, routing_id, content);
    }
    net->link_inbound_recent = link;
    if (link == NULL) {
        rest_drop(&net->door.router, content);
    } else if (!curve_origin_same(&link->origin, content)) {
        rest_drop(&net->door.router, content);
        net_link_cut(net, link, "a message under another identity than the link's");
    } else {
        message_deliver(net, link, &net->door.router, content);
    }
}

void net_receive_router(struct net *net, uint64_t now_ms) {
    zmq_msg_t routing_id, content;
    zmq_msg_init(&routing_id);
    zmq_msg_init(&content);
    size_t bytes = 0;
    for (int i = 0; i < BATCH_MESSAGES && bytes < BATCH_BYTES && !net_engine_behind(net); i++) {
        if (zmq_msg_recv(&routing_id, net->door.router.handle, ZMQ_DONTWAIT) < 0) {
            net->door.router.check = false;
            break;
        }
        if (!zmq_msg_more(&routing_id) || zmq_msg_recv(&content, net->door.router.handle, ZMQ_DONTWAIT) < 0) continue;
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
