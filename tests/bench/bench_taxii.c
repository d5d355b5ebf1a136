/* bench_taxii: what TAXII clients ask, over TLS, as fast as they can.
   pull PORT USER TOKEN COLLECTION LIMIT: all pages, one after the other; prints objects, seconds, and the time of the first page.
   poll PORT USER TOKEN COLLECTION AFTER CLIENTS SECONDS: connections that all ask for what is newer, again and again; prints requests. */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX (64 * 1024 * 1024)
#define CLIENTS_MAX      1024

struct session {
    int fd;
    gnutls_session_t tls;
    char *answer; /* headers and body of the last answer, with a zero */
    size_t size, body;
};

static char authorization[512];

static double now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (double)moment.tv_sec + (double)moment.tv_nsec / 1e9;
}

static void die(const char *why) {
    fprintf(stderr, "bench_taxii: %s\n", why);
    exit(1);
}

static void session_open(struct session *session, const char *port, size_t room) {
    static gnutls_certificate_credentials_t credentials;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!credentials && gnutls_certificate_allocate_credentials(&credentials) != 0) die("no credentials");
    session->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (session->fd < 0 || connect(session->fd, (struct sockaddr *)&address, sizeof address) != 0) die("cannot connect");
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    session->answer = malloc(room);
    if (!session->answer || gnutls_init(&session->tls, GNUTLS_CLIENT) != 0) die("no memory");
    gnutls_set_default_priority(session->tls);
    gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session->tls, session->fd);
    int result;
    do {
        result = gnutls_handshake(session->tls);
    } while (result < 0 && !gnutls_error_is_fatal(result));
    if (result < 0) die(gnutls_strerror(result));
}

static void session_ask(struct session *session, const char *path) {
    char text[16384];
    int size =
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/taxii+json;version=2.1\r\nAuthorization: %s\r\n\r\n",
                 path, authorization);
    for (int sent = 0; sent < size;) {
        ssize_t result = gnutls_record_send(session->tls, text + sent, (size_t)(size - sent));
        if (result < 0 && gnutls_error_is_fatal((int)result)) die("the server went away");
        if (result > 0) sent += (int)result;
    }
}

static void session_read(struct session *session, size_t room) {
    size_t wanted = SIZE_MAX;
    session->size = session->body = 0;
    while (session->size < wanted) {
        if (session->size + 1 >= room) die("an answer is too large");
        ssize_t result = gnutls_record_recv(session->tls, session->answer + session->size, room - session->size - 1);
        if (result == 0 || (result < 0 && gnutls_error_is_fatal((int)result))) die("the server ended the connection");
        if (result < 0) continue;
        session->size += (size_t)result;
        session->answer[session->size] = 0;
        if (session->body) continue;
        char *end = strstr(session->answer, "\r\n\r\n"), *length = end ? strstr(session->answer, "Content-Length: ") : NULL;
        if (!length) continue;
        session->body = (size_t)(end + 4 - session->answer);
        wanted = session->body + strtoull(length + 16, NULL, 10);
    }
    if (strncmp(session->answer, "HTTP/1.1 200", 12) != 0) die(session->answer);
}

static size_t objects_count(const struct session *session) {
    static const char mark[] = "\"spec_version\"";
    const char *at = session->answer + session->body, *end = session->answer + session->size;
    size_t count = 0;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        count++;
        at += sizeof mark;
    }
    return count;
}

static void pull(char **arguments) {
    struct session session = {0};
    char path[16384];
    size_t objects = 0, pages = 0;
    session_open(&session, arguments[0], ANSWER_BYTES_MAX);
    snprintf(path, sizeof path, "/taxii2/api/collections/%s/objects/?limit=%s", arguments[3], arguments[4]);
    double begun = now(), first = 0;
    for (;;) {
        session_ask(&session, path);
        session_read(&session, ANSWER_BYTES_MAX);
        if (pages++ == 0) first = now() - begun;
        objects += objects_count(&session);
        const char *tail =
            session.answer + session.size - (session.size - session.body < 12000 ? session.size - session.body : 12000);
        const char *next = strstr(tail, "\"next\":\"");
        if (!next) break;
        snprintf(path, sizeof path, "/taxii2/api/collections/%s/objects/?limit=%s&next=%.*s", arguments[3], arguments[4],
                 (int)strcspn(next + 8, "\""), next + 8);
    }
    double seconds = now() - begun;
    printf("objects %zu\npages %zu\nseconds %.3f\nper_second %.0f\nfirst_page_ms %.2f\n", objects, pages, seconds,
           (double)objects / seconds, first * 1000);
}

static void poll_all(char **arguments) {
    static struct session sessions[CLIENTS_MAX];
    char path[1024];
    int clients = atoi(arguments[5]);
    double limit = atof(arguments[6]);
    size_t requests = 0, room = 8192;
    if (clients < 1 || clients > CLIENTS_MAX) die("1 to 1024 clients");
    snprintf(path, sizeof path, "/taxii2/api/collections/%s/objects/?added_after=%s", arguments[3], arguments[4]);
    for (int i = 0; i < clients; i++) session_open(&sessions[i], arguments[0], room);
    double begun = now(), seconds = 0;
    while (seconds < limit) {
        for (int i = 0; i < clients; i++) session_ask(&sessions[i], path);
        for (int i = 0; i < clients; i++) session_read(&sessions[i], room);
        requests += (size_t)clients;
        seconds = now() - begun;
    }
    printf("requests %zu\nseconds %.3f\nper_second %.0f\n", requests, seconds, (double)requests / seconds);
}

int main(int argc, char **argv) {
    char pair[256], encoded[400];
    if (argc < 7 || sodium_init() < 0)
        die("pull PORT USER TOKEN COLLECTION LIMIT | poll PORT USER TOKEN COLLECTION AFTER CLIENTS SECONDS");
    int size = snprintf(pair, sizeof pair, "%s:%s", argv[3], argv[4]);
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)pair, (size_t)size, sodium_base64_VARIANT_ORIGINAL);
    snprintf(authorization, sizeof authorization, "Basic %s", encoded);
    if (strcmp(argv[1], "pull") == 0 && argc == 7)
        pull(argv + 2);
    else if (strcmp(argv[1], "poll") == 0 && argc == 9)
        poll_all(argv + 2);
    else
        die("what is asked is not known");
    return 0;
}
