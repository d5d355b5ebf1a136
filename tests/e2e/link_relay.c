/* link_relay: a TCP relay that misbehaves on request, for tests of links between real nodes.
   Usage: link_relay [--listen HOST:PORT] HOST:PORT
   Listens on a free port of 127.0.0.1 unless told otherwise, prints "listening PORT", and forwards each connection to HOST:PORT.
   Commands are lines on standard input; each is answered by one line, "ok ..." or "error ...". The end of the input ends the relay.
     delay MS [JITTER]   hold each piece MS milliseconds, give or take up to JITTER; the order of bytes is kept
     rate BYTES          at most so many bytes a second in each direction; 0: no limit
     stall on|to|from|off  hold bytes in both directions, only to the target, only from it; connections stay open
     reset               end all connections with a TCP reset
     cut on|off          end all connections, and every new one at once, until off
     refuse on|off       end every new connection at once, leave the others alone, until off
     bar PID on|off      end the connections that this process opened, and its new ones at once, until off
     flip N [to|from]    invert one bit of the Nth byte from now on that is relayed (in that direction); 0: none any more
     target HOST:PORT    where new connections go
     count               "ok to BYTES from BYTES open N accepted N refused N flipped N" */
#define _GNU_SOURCE
#include "tests/e2e/caller/caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define PIECE_BYTES     (16 * 1024)
#define HELD_BYTES_MAX  (1024 * 1024) /* per connection and direction: then the relay stops reading, and TCP pushes back */
#define LINE_BYTES_MAX  256
#define EVENTS_MAX      64
#define BARRED_MAX      64

enum direction { TO_TARGET = 0, FROM_TARGET = 1 };

/* Bytes on their way, and when they may leave. */
struct piece {
    struct piece *next;
    uint64_t due_us;
    size_t size, sent;
    uint8_t bytes[PIECE_BYTES];
};

/* One direction of a connection. */
struct flow {
    struct piece *first, *last;
    size_t held_bytes;
    bool ended;   /* the source closed its side */
    bool closed;  /* and that was passed on */
    bool blocked; /* the destination takes no more now */
};

struct connection;

/* What epoll hands back: which end of which connection. */
struct end {
    struct connection *connection; /* null: the listener or standard input */
    int fd;
    uint32_t interest;
};

/* ends[d] is the source of flows[d] and the destination of flows[1 - d]: the client is 0, the target 1. */
struct connection {
    struct end ends[2];
    struct flow flows[2];
    bool connecting;
    bool dead;
};

struct relay {
    int epoll_fd, listen_fd;
    struct end listener, input;
    struct sockaddr_in target;
    struct connection *connections[CONNECTIONS_MAX];
    size_t connection_count;
    uint64_t delay_us, jitter_us, rate_bytes, random;
    uint64_t credit_bytes[2], credit_at_us;
    bool stalled[2], cut, refusing, done;
    long barred[BARRED_MAX]; /* processes whose connections are ended */
    size_t barred_count;
    uint64_t flip_in[2]; /* 0: none; else bytes until the one to flip */
    uint64_t flip_any;
    uint64_t relayed_bytes[2], accepted, refused, flipped;
    char line[LINE_BYTES_MAX];
    size_t line_bytes;
};

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static uint64_t random_next(struct relay *relay) {
    relay->random ^= relay->random << 13;
    relay->random ^= relay->random >> 7;
    relay->random ^= relay->random << 17;
    return relay->random;
}

static bool address_parse(struct sockaddr_in *out, const char *text) {
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    char *end = NULL;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end != 0 || port > 65535) return false;
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static void interest_set(struct relay *relay, struct end *end, uint32_t interest) {
    if (end->interest == interest) return;
    struct epoll_event event = {.events = interest, .data.ptr = end};
    epoll_ctl(relay->epoll_fd, EPOLL_CTL_MOD, end->fd, &event);
    end->interest = interest;
}

static void interest_add(struct relay *relay, struct end *end, uint32_t interest) {
    struct epoll_event event = {.events = interest, .data.ptr = end};
    end->interest = interest;
    if (epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, end->fd, &event) != 0) perror("link_relay: epoll_ctl");
}

/* A reset, not an orderly end: what a broken link looks like. */
static void close_hard(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

static void connection_free(struct connection *connection, bool hard) {
    for (int i = 0; i < 2; i++) {
        while (connection->flows[i].first != NULL) {
            struct piece *piece = connection->flows[i].first;
            connection->flows[i].first = piece->next;
            free(piece);
        }
        if (hard)
            close_hard(connection->ends[i].fd);
        else
            close(connection->ends[i].fd);
    }
    free(connection);
}

static void connections_reset(struct relay *relay) {
    for (size_t i = 0; i < relay->connection_count; i++) relay->connections[i]->dead = true;
}

static bool is_barred(const struct relay *relay, int client) {
    unsigned long inode = relay->barred_count > 0 ? caller_inode(client) : 0;
    for (size_t i = 0; inode != 0 && i < relay->barred_count; i++)
        if (caller_is(inode, relay->barred[i])) return true;
    return false;
}

static bool command_bar(struct relay *relay, long pid, const char *text) {
    bool on = false;
    if (pid <= 0 || (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)) return false;
    on = strcmp(text, "on") == 0;
    size_t kept = 0;
    for (size_t i = 0; i < relay->barred_count; i++)
        if (relay->barred[i] != pid) relay->barred[kept++] = relay->barred[i];
    relay->barred_count = kept;
    if (!on) return true;
    if (relay->barred_count == BARRED_MAX) return false;
    relay->barred[relay->barred_count++] = pid;
    for (size_t i = 0; i < relay->connection_count; i++)
        if (is_barred(relay, relay->connections[i]->ends[0].fd)) relay->connections[i]->dead = true;
    return true;
}

static void accept_one(struct relay *relay) {
    int client = accept4(relay->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    struct connection *connection = NULL;
    int target = -1;
    if (!relay->cut && !relay->refusing && relay->connection_count < CONNECTIONS_MAX && !is_barred(relay, client)) {
        target = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connection = calloc(1, sizeof *connection);
    }
    if (target < 0 || connection == NULL) goto refuse;
    if (connect(target, (struct sockaddr *)&relay->target, sizeof relay->target) != 0) {
        if (errno != EINPROGRESS) goto refuse;
        connection->connecting = true;
    }
    int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->ends[0] = (struct end){.connection = connection, .fd = client};
    connection->ends[1] = (struct end){.connection = connection, .fd = target};
    interest_add(relay, &connection->ends[0], 0);
    interest_add(relay, &connection->ends[1], connection->connecting ? EPOLLOUT : 0);
    relay->connections[relay->connection_count++] = connection;
    relay->accepted++;
    return;
refuse:
    relay->refused++;
    free(connection);
    if (target >= 0) close(target);
    close_hard(client);
}

static void flip_count(struct relay *relay, uint64_t *countdown, struct piece *piece) {
    if (*countdown == 0) return;
    if (*countdown > piece->size) {
        *countdown -= piece->size;
        return;
    }
    piece->bytes[*countdown - 1] ^= 0x10;
    *countdown = 0;
    relay->flipped++;
}

/* Takes one piece from the source of a flow and says when it may leave: never before the piece ahead of it. */
static void flow_read(struct relay *relay, struct connection *connection, enum direction direction) {
    struct flow *flow = &connection->flows[direction];
    struct piece *piece = malloc(sizeof *piece);
    if (piece == NULL) return;
    ssize_t got = recv(connection->ends[direction].fd, piece->bytes, sizeof piece->bytes, 0);
    if (got <= 0) {
        free(piece);
        if (got == 0) flow->ended = true;
        if (got < 0 && errno != EAGAIN && errno != EINTR) connection->dead = true;
        return;
    }
    piece->next = NULL;
    piece->size = (size_t)got;
    piece->sent = 0;
    uint64_t spread_us = relay->jitter_us == 0 ? 0 : random_next(relay) % (2 * relay->jitter_us + 1);
    uint64_t base_us = relay->delay_us > relay->jitter_us ? relay->delay_us - relay->jitter_us : 0;
    piece->due_us = now_us() + base_us + spread_us;
    if (flow->last != NULL && piece->due_us < flow->last->due_us) piece->due_us = flow->last->due_us;
    flip_count(relay, &relay->flip_any, piece);
    flip_count(relay, &relay->flip_in[direction], piece);
    if (flow->last != NULL)
        flow->last->next = piece;
    else
        flow->first = piece;
    flow->last = piece;
    flow->held_bytes += piece->size;
}

/* Passes on what is due. */
static void flow_write(struct relay *relay, struct connection *connection, enum direction direction, uint64_t now) {
    struct flow *flow = &connection->flows[direction];
    int fd = connection->ends[1 - direction].fd;
    while (flow->first != NULL && flow->first->due_us <= now && !relay->stalled[direction]) {
        struct piece *piece = flow->first;
        size_t size = piece->size - piece->sent;
        if (relay->rate_bytes != 0 && size > relay->credit_bytes[direction]) size = relay->credit_bytes[direction];
        if (size == 0) return;
        ssize_t put = send(fd, piece->bytes + piece->sent, size, MSG_NOSIGNAL);
        if (put < 0) {
            flow->blocked = errno == EAGAIN;
            if (!flow->blocked && errno != EINTR) connection->dead = true;
            return;
        }
        if (relay->rate_bytes != 0) relay->credit_bytes[direction] -= (uint64_t)put;
        relay->relayed_bytes[direction] += (uint64_t)put;
        flow->held_bytes -= (size_t)put;
        piece->sent += (size_t)put;
        if (piece->sent < piece->size) continue;
        flow->first = piece->next;
        if (flow->first == NULL) flow->last = NULL;
        free(piece);
    }
    if (flow->first == NULL && flow->ended && !flow->closed) {
        shutdown(fd, SHUT_WR);
        flow->closed = true;
    }
}

static void connection_interest(struct relay *relay, struct connection *connection) {
    if (connection->connecting) return;
    for (int side = 0; side < 2; side++) {
        const struct flow *out = &connection->flows[side], *in = &connection->flows[1 - side];
        uint32_t interest = 0;
        if (!out->ended && out->held_bytes + PIECE_BYTES <= HELD_BYTES_MAX) interest |= EPOLLIN;
        if (in->blocked) interest |= EPOLLOUT;
        interest_set(relay, &connection->ends[side], interest);
    }
}

static void end_event(struct relay *relay, struct end *end, uint32_t events) {
    struct connection *connection = end->connection;
    int side = end == &connection->ends[0] ? 0 : 1;
    if (connection->dead) return;
    if ((events & EPOLLERR) != 0) {
        connection->dead = true;
        return;
    }
    if (connection->connecting && side == 1 && (events & (EPOLLOUT | EPOLLHUP)) != 0) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        connection->connecting = false;
        if (error != 0) connection->dead = true;
        return;
    }
    if ((events & EPOLLIN) != 0) flow_read(relay, connection, (enum direction)side);
    /* Gone in both directions: nothing more can be delivered to this end. */
    if ((events & (EPOLLHUP | EPOLLIN)) == EPOLLHUP) connection->dead = true;
    if ((events & EPOLLOUT) != 0) connection->flows[1 - side].blocked = false;
}

/* Moves bytes on all connections and drops those that are over. Returns how long nothing will happen by itself, in ms; -1: ever. */
static int connections_pump(struct relay *relay) {
    uint64_t now = now_us(), next_us = UINT64_MAX;
    if (relay->rate_bytes != 0) {
        uint64_t earned = (now - relay->credit_at_us) * relay->rate_bytes / 1000000u;
        if (earned > 0) relay->credit_at_us = now;
        for (int i = 0; i < 2; i++) {
            relay->credit_bytes[i] += earned;
            /* A tenth of a second may be saved up, but at least a byte. */
            uint64_t most = relay->rate_bytes / 10 + 1;
            if (relay->credit_bytes[i] > most) relay->credit_bytes[i] = most;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < relay->connection_count; i++) {
        struct connection *connection = relay->connections[i];
        for (int d = 0; d < 2 && !connection->connecting && !connection->dead; d++) {
            flow_write(relay, connection, (enum direction)d, now);
            const struct flow *flow = &connection->flows[d];
            if (flow->first == NULL || relay->stalled[d] || flow->blocked) continue;
            uint64_t due_us = flow->first->due_us > now ? flow->first->due_us : now + 2000;
            if (due_us < next_us) next_us = due_us;
        }
        if (connection->dead || (connection->flows[0].closed && connection->flows[1].closed)) {
            connection_free(connection, connection->dead);
            continue;
        }
        connection_interest(relay, connection);
        relay->connections[kept++] = connection;
    }
    relay->connection_count = kept;
    return next_us == UINT64_MAX ? -1 : (int)((next_us - now + 999) / 1000);
}

static bool switch_parse(const char *text, bool *out) {
    *out = strcmp(text, "on") == 0;
    return *out || strcmp(text, "off") == 0;
}

static bool command_stall(struct relay *relay, const char *text) {
    bool on = false;
    if (strcmp(text, "to") == 0)
        relay->stalled[TO_TARGET] = true;
    else if (strcmp(text, "from") == 0)
        relay->stalled[FROM_TARGET] = true;
    else if (switch_parse(text, &on))
        relay->stalled[0] = relay->stalled[1] = on;
    else
        return false;
    return true;
}

static bool command_flip(struct relay *relay, uint64_t nth, const char *direction) {
    if (direction[0] == 0)
        relay->flip_any = nth;
    else if (strcmp(direction, "to") == 0)
        relay->flip_in[TO_TARGET] = nth;
    else if (strcmp(direction, "from") == 0)
        relay->flip_in[FROM_TARGET] = nth;
    else
        return false;
    return true;
}

static void command_run(struct relay *relay, const char *line) {
    char verb[32] = "", first[128] = "", second[32] = "";
    int words = sscanf(line, "%31s %127s %31s", verb, first, second);
    uint64_t number = strtoull(first, NULL, 10);
    bool good = words >= 1;
    if (strcmp(verb, "delay") == 0 && words >= 2) {
        relay->delay_us = number * 1000;
        relay->jitter_us = strtoull(second, NULL, 10) * 1000;
    } else if (strcmp(verb, "rate") == 0 && words == 2) {
        relay->rate_bytes = number;
        relay->credit_at_us = now_us();
    } else if (strcmp(verb, "stall") == 0 && words == 2) {
        good = command_stall(relay, first);
    } else if (strcmp(verb, "reset") == 0) {
        connections_reset(relay);
    } else if (strcmp(verb, "cut") == 0 && words == 2) {
        good = switch_parse(first, &relay->cut);
        if (relay->cut) connections_reset(relay);
    } else if (strcmp(verb, "refuse") == 0 && words == 2) {
        good = switch_parse(first, &relay->refusing);
    } else if (strcmp(verb, "bar") == 0 && words == 3) {
        good = command_bar(relay, (long)number, second);
    } else if (strcmp(verb, "flip") == 0 && words >= 2) {
        good = command_flip(relay, number, second);
    } else if (strcmp(verb, "target") == 0 && words == 2) {
        good = address_parse(&relay->target, first);
    } else if (strcmp(verb, "count") == 0) {
        printf("ok to %llu from %llu open %zu accepted %llu refused %llu flipped %llu\n",
               (unsigned long long)relay->relayed_bytes[TO_TARGET], (unsigned long long)relay->relayed_bytes[FROM_TARGET],
               relay->connection_count, (unsigned long long)relay->accepted, (unsigned long long)relay->refused,
               (unsigned long long)relay->flipped);
        return;
    } else {
        good = false;
    }
    printf(good ? "ok\n" : "error: not understood\n");
}

static void input_event(struct relay *relay) {
    char bytes[512];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) relay->done = true;
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] == '\n') {
            relay->line[relay->line_bytes] = 0;
            relay->line_bytes = 0;
            command_run(relay, relay->line);
            /* What a command changes holds before its answer is read. */
            connections_pump(relay);
        } else if (relay->line_bytes + 1 < sizeof relay->line) {
            relay->line[relay->line_bytes++] = bytes[i];
        }
    }
    fflush(stdout);
}

static bool relay_open(struct relay *relay, struct sockaddr_in address) {
    relay->random = now_us() | 1;
    relay->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    relay->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(relay->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof address;
    if (relay->epoll_fd < 0 || bind(relay->listen_fd, (struct sockaddr *)&address, size) != 0 ||
        listen(relay->listen_fd, 64) != 0 || getsockname(relay->listen_fd, (struct sockaddr *)&address, &size) != 0) {
        perror("link_relay");
        return false;
    }
    relay->listener.fd = relay->listen_fd;
    relay->input.fd = STDIN_FILENO;
    interest_add(relay, &relay->listener, EPOLLIN);
    interest_add(relay, &relay->input, EPOLLIN);
    printf("listening %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

static void relay_run(struct relay *relay) {
    int wait_ms = -1;
    while (!relay->done) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(relay->epoll_fd, events, EVENTS_MAX, wait_ms);
        bool commands = false;
        for (int i = 0; i < count; i++) {
            struct end *end = events[i].data.ptr;
            if (end == &relay->listener)
                accept_one(relay);
            else if (end == &relay->input)
                commands = true;
            else
                end_event(relay, end, events[i].events);
        }
        /* Last, because a command may free connections that other events of this round point to. */
        if (commands) input_event(relay);
        wait_ms = connections_pump(relay);
    }
}

int main(int argc, char **argv) {
    static struct relay relay;
    struct sockaddr_in address;
    const char *listen_text = "127.0.0.1:0";
    if (argc == 4 && strcmp(argv[1], "--listen") == 0) listen_text = argv[2];
    if ((argc != 2 && argc != 4) || !address_parse(&relay.target, argv[argc - 1]) || !address_parse(&address, listen_text)) {
        fprintf(stderr, "usage: link_relay [--listen HOST:PORT] HOST:PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!relay_open(&relay, address)) return 1;
    relay_run(&relay);
    connections_reset(&relay);
    connections_pump(&relay);
    return 0;
}
