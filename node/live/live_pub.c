/* live_pub: the lossy publisher: what arrives, once, to whoever listens on the loopback at that moment. */
#include "gossip/pack.h"
#include "node/engine/page_record.h"
#include "node/live/live_state.h"
#include "node/live/live_topic.h"
#include "node/process/log_event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEND_HWM     10000 /* messages for one listener; beyond it some are lost */
#define RECEIVED_MAX 256   /* bytes of what a listener sends: the topics that it wants */
#define SELF_MS      10000
#define SELF         "misp_json_self "

static bool option_int(void *handle, int option, int value) { return zmq_setsockopt(handle, option, &value, sizeof value) == 0; }

enum err live_pub_open(struct live *live, char why[static 256]) {
    struct curve_socket *socket = &live->pub.socket;
    int64_t received_max = RECEIVED_MAX;
    if (live->settings.pub[0] == 0) return OK;
    socket->sock = zsock_new(ZMQ_PUB);
    socket->handle = socket->sock ? zsock_resolve(socket->sock) : NULL;
    bool good = socket->handle && option_int(socket->handle, ZMQ_LINGER, 0) && option_int(socket->handle, ZMQ_SNDHWM, SEND_HWM) &&
                option_int(socket->handle, ZMQ_XPUB_NODROP, 1) &&
                zmq_setsockopt(socket->handle, ZMQ_MAXMSGSIZE, &received_max, sizeof received_max) == 0;
    if (!good || zmq_bind(socket->handle, live->settings.pub) != 0) {
        snprintf(why, 256, "live.pub: cannot listen on %.100s: %.100s", live->settings.pub, zmq_strerror(errno));
        return ERR_IO;
    }
    live->pub.position = live->newest.cursor;
    log_event(
        LOG_LIVE_LOSSY, NULL,
        "live.pub: publishing up to %s on %s as MISP does: LOSSY and not encrypted; who does not listen misses it, and nobody "
        "hears of recalls",
        tlp_name(live->settings.pub_label_max), live->settings.pub);
    return OK;
}

void live_pub_close(struct live *live) { curve_socket_close(&live->pub.socket); }

/* ZeroMQ drops silently what a slow listener has no room for. Asked not to drop, it tells that one is full, and gives the message to nobody: then
   it goes to those that have room. */
static void publish(void *context, struct bytes message) {
    struct live *live = context;
    void *handle = live->pub.socket.handle;
    if (zmq_send(handle, message.data, message.size, ZMQ_DONTWAIT) < 0) {
        if (errno != EAGAIN || !option_int(handle, ZMQ_XPUB_NODROP, 0)) return;
        live->counts[CONTROL_LIVE_LOST]++;
        int sent = zmq_send(handle, message.data, message.size, ZMQ_DONTWAIT);
        if (!option_int(handle, ZMQ_XPUB_NODROP, 1) || sent < 0) return;
    }
    live->counts[CONTROL_LIVE_PUBLISHED]++;
}

bool live_pub_wants(const struct live *live, uint64_t now_ms) {
    const struct live_pub *pub = &live->pub;
    if (!pub->socket.handle || pub->asking || now_ms < pub->retry_ms) return false;
    return pub->ahead || pub->position < live->newest.cursor;
}

/* MISP says so that it is alive, and tools wait for it. */
void live_pub_step(struct live *live, uint64_t now_ms) {
    char text[96];
    if (!live->pub.socket.handle || now_ms - live->pub.said_ms < SELF_MS) return;
    live->pub.said_ms = now_ms;
    snprintf(text, sizeof text, SELF "{\"status\":\"lossy\",\"published\":%llu}",
             (unsigned long long)live->counts[CONTROL_LIVE_PUBLISHED]);
    publish(live, bytes_of_text(text));
}

static enum err record_add(struct live_link *link, struct live_topics *topics, struct cursor *in) {
    static struct answer answer; /* an item is large */
    struct web_facts facts;
    struct page_record record;
    if (!page_record_read(&record, in)) return ERR_FORMAT;
    answer =
        (struct answer){.cursor = record.cursor, .author = record.author, .arrived_ms = record.added_us / 1000, .tlp = record.tlp};
    if (item_decode(&answer.item, record.encoded) != OK) return ERR_FORMAT;
    if (web_facts_read(link->facts, &answer.item, &facts) != OK || !pack_utf8_valid(answer.author)) return OK;
    answer.conjunction = facts.conjunction;
    return live_topics_add(topics, &answer);
}

enum err live_pub_page(struct live *live, struct live_link *link, uint64_t cursor, bool more) {
    struct live_topics *topics = live_topics_new(publish, live);
    struct cursor in = cursor_of(bytes_of_buf(&link->page));
    enum err err = topics && !link->page.failed ? OK : ERR_MEMORY;
    while (err == OK && in.left > 0) err = record_add(link, topics, &in);
    if (err == OK) err = live_topics_finish(topics);
    live_topics_free(topics);
    live->pub.position = cursor;
    live->pub.ahead = more;
    if (cursor > live->newest.cursor) live->newest.cursor = cursor;
    return err;
}
