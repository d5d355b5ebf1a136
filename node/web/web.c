#include "node/web/web_state.h"

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/selftest.h"
#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/engine/control.h"
#include "node/process/sandbox.h"
#include "node/web/web_identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      128
#define HEARTBEAT_MS 15000
#define DOOR_MS      5000

void web_break(struct web *web, const char *why) {
    uint64_t one = 1;
    if (!atomic_exchange(&web->broken, true)) log_event(LOG_WEB_LOST, NULL, "the engine cannot be asked any more: %s", why);
    ssize_t ignored = write(web->wake_fd, &one, sizeof one);
    (void)ignored;
}

/* --- sockets, before the sandbox closes --- */

static int listen_open(const char *endpoint) {
    char host[ENDPOINT_HOST_MAX];
    struct sockaddr_in six_not = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    uint16_t port;
    if (endpoint_split(bytes_of_text(endpoint), host, &port) != OK) return -1;
    bool ipv4 = inet_pton(AF_INET, host, &six_not.sin_addr) == 1;
    if (!ipv4 && inet_pton(AF_INET6, host, &six.sin6_addr) != 1) return -1;
    six_not.sin_port = six.sin6_port = htons(port);
    const struct sockaddr *address = ipv4 ? (const struct sockaddr *)&six_not : (const struct sockaddr *)&six;
    socklen_t size = ipv4 ? sizeof six_not : sizeof six;
    int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static bool serves(const struct web *web) { return web->settings.listen[0] != 0; }

static bool listeners_open(struct web *web, char why[static 256]) {
    if (serves(web)) web->listener = listen_open(web->settings.listen);
    if (serves(web) && web->listener < 0) {
        snprintf(why, 256, "web.listen: cannot listen on %.200s: %s", web->settings.listen, strerror(errno));
        return false;
    }
    if (web->settings.metrics[0] == 0) return true;
    web->metrics_listener = listen_open(web->settings.metrics);
    if (web->metrics_listener >= 0) return true;
    snprintf(why, 256, "web.metrics: cannot listen on %.200s: %s", web->settings.metrics, strerror(errno));
    return false;
}

/* --- what the engine tells --- */

static void tokens_take(struct web *web, struct bytes file) {
    struct tokens fresh, old;
    size_t line;
    enum err err = tokens_parse(&fresh, file, &line);
    if (err != OK) {
        /* Fail closed: what cannot be read permits nobody. */
        log_event(LOG_TOKENS_BAD, LOG_FIELDS(LOG_NUMBER("line", line)),
                  DIR_TOKENS ":%zu: %s: no token is accepted until it is corrected", line, err_text(err));
        tokens_free(&fresh);
    }
    pthread_rwlock_wrlock(&web->tokens_lock);
    old = web->tokens;
    web->tokens = fresh;
    pthread_rwlock_unlock(&web->tokens_lock);
    tokens_free(&old);
    web_feeds_wake(web, false);
}

static enum err watch_take(struct web *web, const struct frame *frame) {
    static const uint8_t nothing = 0x90; /* an empty array */
    if (frame->type == FRAME_ANSWER_TOKENS) {
        tokens_take(web, frame->body);
        return channel_send(&web->watch, FRAME_ASK_HELD, 1, bytes_of(&nothing, 1));
    }
    struct pack_reader in = pack_reader_of(frame->body);
    if (frame->type != FRAME_ANSWER_WATCH || pack_read_array(&in) != 3) return ERR_FORMAT;
    uint64_t cursor = pack_read_uint(&in), added_us = pack_read_uint(&in), gone = pack_read_uint(&in);
    if (pack_done(&in) != OK) return ERR_FORMAT;
    atomic_store(&web->newest_cursor, cursor);
    atomic_store(&web->newest_us, added_us);
    atomic_store(&web->newest_gone, gone);
    atomic_fetch_add(&web->news, 1);
    web_feeds_wake(web, false);
    return OK;
}

static bool watch_read(struct web *web) {
    struct frame frame;
    enum err err = channel_fill(&web->watch), next;
    while ((next = channel_next(&web->watch, &frame)) == OK)
        if (watch_take(web, &frame) != OK) return false;
    return err == OK && next == ERR_NOT_FOUND;
}

/* Tokens and the newest object are known before the first request is answered. */
static bool watch_begin(struct web *web) {
    static const uint8_t tokens[] = {0x91, CONTROL_WATCH_TOKENS | CONTROL_WATCH_SAYS};
    struct frame frame;
    if (channel_send(&web->watch, FRAME_ASK_WATCH, 1, bytes_of(tokens, sizeof tokens)) != OK) return false;
    for (int i = 0; i < 2; i++)
        if (channel_wait(&web->watch, &frame, WEB_ENGINE_MS) != OK || watch_take(web, &frame) != OK) return false;
    return true;
}

/* --- start, loop, end --- */

static void collections_name(struct web *web) {
    for (unsigned i = 0; i < COLLECTION_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "taxii/collection/%s", collection_alias(i));
        uuid_v5(web->collections[i], web->settings.agency_id, bytes_of_text(name));
    }
}

static bool settings_take(struct web *web) {
    if (web_settings_decode(bytes_of(web->child.settings, web->child.settings_bytes), &web->settings) != OK) return false;
    struct bytes certificate = web->settings.certificate, key = web->settings.key, client_ca = web->settings.client_ca;
    web->certificate_ends_s = certificate.size > 0 ? web_identity_ends_s(certificate) : 0;
    web->certificate = calloc(1, certificate.size + 1);
    web->key = secret_new(key.size + 1);
    web->clients = calloc(WEB_CLIENTS_MAX, sizeof *web->clients);
    if (client_ca.size > 0) web->client_ca = calloc(1, client_ca.size + 1);
    if (!web->certificate || !web->key || !web->clients || (client_ca.size > 0 && !web->client_ca)) return false;
    if (web->client_ca) memcpy(web->client_ca, client_ca.data, client_ca.size);
    if (certificate.size > 0) memcpy(web->certificate, certificate.data, certificate.size);
    if (key.size > 0) memcpy(web->key, key.data, key.size);
    web->key[key.size] = 0;
    /* The same after a restart, so that who pages goes on. */
    hash_of(web->next_key, "comity-taxii-next", key, bytes_of(NULL, 0));
    web->settings.certificate = web->settings.key = web->settings.client_ca = bytes_of(NULL, 0);
    proc_child_settings_free(&web->child);
    collections_name(web);
    return true;
}

static int start(struct web *web, char why[static 256]) {
    const char *what = "libsodium";
    snprintf(why, 256, "its settings are not understood");
    if (!settings_take(web)) return 5;
    log_open("web", web->settings.log_level);
    if (selftest_run(&what) != OK) return snprintf(why, 256, "the cryptographic self-test '%s' failed", what), 5;
    pthread_rwlock_init(&web->tokens_lock, NULL);
    pthread_mutex_init(&web->clients_lock, NULL);
    web->started_ms = clock_monotonic_ms();
    web->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!listeners_open(web, why)) return 3;
    snprintf(why, 256, "the engine does not answer at the control socket");
    if (web->wake_fd < 0 || web_links_open(web, serves(web)) != OK) return 5;
    if (web->metrics_listener >= 0 && web_figures_open(web) != OK) return 5;
    if (sandbox_enter(ROLE_WEB, NULL, why) != OK) return 5;
    if (!serves(web)) return web_health_start(web, why) ? 0 : 3;
    if (!watch_begin(web)) return 5;
    if (web_publisher_start(web) != OK || web_feeds_start(web) != OK) return snprintf(why, 256, "out of memory"), 5;
    return web_http_start(web, why) && web_health_start(web, why) ? 0 : 3;
}

static bool parent_read(struct web *web) {
    struct frame frame;
    if (channel_fill(&web->child.parent) != OK) return false;
    while (channel_next(&web->child.parent, &frame) == OK)
        if (frame.type == FRAME_STOP) return false;
    return true;
}

static int loop(struct web *web) {
    uint64_t told_ms = clock_monotonic_ms();
    for (;;) {
        struct pollfd fds[] = {{.fd = web->child.parent.fd, .events = POLLIN},
                               {.fd = web->watch.fd, .events = POLLIN},
                               {.fd = web->wake_fd, .events = POLLIN}};
        int ready = poll(fds, 3, web->door ? DOOR_MS : -1);
        if (ready < 0) continue;
        uint64_t now_ms = clock_monotonic_ms();
        if (ready > 0) told_ms = now_ms;
        if (web->door) web_door_step(web->door, now_ms);
        if (now_ms - told_ms >= HEARTBEAT_MS) {
            web_feeds_wake(web, true);
            told_ms = now_ms;
        }
        if (fds[0].revents != 0 && !parent_read(web)) return 0;
        if (fds[1].revents != 0 && !watch_read(web)) web_break(web, "its connection ended");
        if (atomic_load(&web->broken)) return 1;
    }
}

static void end(struct web *web) {
    web_feeds_stop(web);
    web_health_stop(web);
    web_http_stop(web);
    web_feeds_free(web);
    web_publisher_stop(web);
    web_links_close(web);
    web_figures_close(web);
    tokens_free(&web->tokens);
    free(web->clients);
    free(web->certificate);
    free(web->client_ca);
    secret_free(web->key);
    if (web->wake_fd >= 0) close(web->wake_fd);
    proc_child_end(&web->child);
}

int web_main(int parent_fd) {
    struct web *web = calloc(1, sizeof *web);
    char why[256] = "";
    if (!web) return 5;
    web->listener = web->metrics_listener = web->wake_fd = -1;
    if (proc_child_start(&web->child, ROLE_WEB, parent_fd) != OK) {
        free(web);
        return 1;
    }
    int code = start(web, why);
    if (code != 0)
        code = proc_child_fatal(&web->child, code, "the web process cannot start: %s", why);
    else if (proc_child_ready(&web->child) == OK)
        code = loop(web);
    end(web);
    free(web);
    return code;
}
