/* web_http: requests over HTTPS: who asks, what is asked, and how an answer goes out. */
#include "node/process/clock.h"
#include "node/formats/json_out.h"
#include "node/web/credentials.h"
#include "node/web/taxii_media.h"
#include "node/web/web_state.h"

#include <netinet/in.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FAILURES_A_SECOND 10          /* of one address, without a good token */
#define ACCEPTED_A_SECOND 200         /* connections of one address: a handshake costs a millisecond */
#define MEMORY_BYTES      (48 * 1024) /* of one connection, for its request line and headers */

/* --- answers --- */

const char *web_header(const struct web_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static bool headers_add(struct MHD_Response *response, const struct web_answer *answer) {
    bool good = MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES;
    good = good && MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    good = good && MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (answer->first[0]) {
        good = good && MHD_add_response_header(response, "X-TAXII-Date-Added-First", answer->first) == MHD_YES;
        good = good && MHD_add_response_header(response, "X-TAXII-Date-Added-Last", answer->last) == MHD_YES;
    }
    for (size_t i = 0; answer->headers[i]; i += 2)
        good = good && MHD_add_response_header(response, answer->headers[i], answer->headers[i + 1]) == MHD_YES;
    return good;
}

enum MHD_Result web_answer(struct web_request *request, struct web_answer *answer) {
    struct web *web = request->web;
    struct MHD_Response *response = NULL;
    size_t size = answer->body.size;
    if (buf_result(&answer->body) == OK) response = MHD_create_response_from_buffer(size, answer->body.data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        buf_free(&answer->body);
        return MHD_NO; /* without memory the connection ends */
    }
    request->answer_bytes += size;
    atomic_fetch_add(&web->answers_bytes, size);
    if (request->share) atomic_fetch_add(&request->share->bytes, size);
    atomic_fetch_add(&web->bytes_sent, size);
    enum MHD_Result result =
        headers_add(response, answer) ? MHD_queue_response(request->connection, answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static const char *status_title(unsigned status) {
    switch (status) {
    case MHD_HTTP_BAD_REQUEST: return "The request is not well formed";
    case MHD_HTTP_UNAUTHORIZED: return "A token is needed";
    case MHD_HTTP_FORBIDDEN: return "Not permitted";
    case MHD_HTTP_NOT_FOUND: return "Not found";
    case MHD_HTTP_METHOD_NOT_ALLOWED: return "This method is not for this resource";
    case MHD_HTTP_NOT_ACCEPTABLE: return "No acceptable media type";
    case MHD_HTTP_CONTENT_TOO_LARGE: return "The body is too large";
    case MHD_HTTP_UNSUPPORTED_MEDIA_TYPE: return "The media type of the body is not supported";
    case MHD_HTTP_TOO_MANY_REQUESTS: return "Too many requests";
    case MHD_HTTP_SERVICE_UNAVAILABLE: return "Not available at this moment";
    default: return "The server failed";
    }
}

enum MHD_Result web_error(struct web_request *request, unsigned status, const char *format, ...) {
    struct web_answer answer = {.status = status, .type = "application/taxii+json;version=2.1"};
    struct json_out json = json_out_of(&answer.body);
    char text[512], number[8];
    size_t at = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(number, sizeof number, "%u", status);
    json_out_object(&json);
    json_out_key(&json, "title");
    json_out_text(&json, status_title(status));
    json_out_key(&json, "description");
    json_out_text(&json, text);
    json_out_key(&json, "http_status");
    json_out_text(&json, number);
    json_out_object_end(&json);
    if (status == MHD_HTTP_UNAUTHORIZED) {
        answer.headers[at++] = "WWW-Authenticate";
        answer.headers[at++] = "Bearer realm=\"Comity\"";
        answer.headers[at++] = "WWW-Authenticate";
        answer.headers[at++] = "Basic realm=\"Comity\", charset=\"UTF-8\"";
    }
    if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        answer.headers[at++] = "Retry-After";
        answer.headers[at++] = "1";
    }
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        answer.headers[at++] = "Allow";
        answer.headers[at++] = "GET, HEAD, POST, DELETE";
    }
    return web_answer(request, &answer);
}

/* --- who asks --- */

static void user_copy(struct web_user *out, const struct token *token) {
    out->token = *token;
    memcpy(out->name, token->name.data, token->name.size);
    out->name[token->name.size] = 0;
    out->token.name = bytes_of(out->name, token->name.size);
    memcpy(out->scope, token->scope.data, token->scope.size); /* at most TOKENS_SCOPE_MAX: collections_parse */
    out->token.scope = bytes_of(out->scope, token->scope.size);
    size_t size = token->recipients.size < sizeof out->recipients ? token->recipients.size : 0;
    memcpy(out->recipients, token->recipients.data, size);
    out->recipients[size] = 0;
    out->token.recipients = bytes_of(out->recipients, size);
}

/* By the token that was sent, or else by the client's certificate; a token that is bound to a certificate needs both. */
static bool user_find(struct web_request *request) {
    struct web *web = request->web;
    const char *header = web_header(request, "Authorization");
    char space[CREDENTIALS_BYTES_MAX];
    struct bytes name = {0}, text;
    uint8_t hash[HASH_BYTES], fingerprint[TOKENS_FINGERPRINT];
    if (header && !credentials_read(header, space, &name, &text)) return false;
    if (header) {
        token_hash(hash, text);
        sodium_memzero(space + name.size, sizeof space - name.size);
    }
    bool certified = web->client_ca && web_peer(request, fingerprint);
    pthread_rwlock_rdlock(&web->tokens_lock);
    const struct token *token = header      ? tokens_of_hash(&web->tokens, hash)
                                : certified ? tokens_of_certificate(&web->tokens, fingerprint)
                                            : NULL;
    bool good = token && (!name.data || bytes_equal(token->name, name));
    good = good && (token->expires_ms == 0 || token->expires_ms > clock_wall_ms());
    good = good && (!token->bound || (certified && memcmp(token->fingerprint, fingerprint, sizeof fingerprint) == 0));
    if (good) user_copy(&request->user, token);
    pthread_rwlock_unlock(&web->tokens_lock);
    return good;
}

/* One client's, as far as that can be known. */
static uint64_t address_key(const struct sockaddr *from, const char *purpose) {
    uint8_t hash[HASH_BYTES];
    struct bytes address = bytes_of(NULL, 0);
    if (from && from->sa_family == AF_INET) address = bytes_of(&((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    if (from && from->sa_family == AF_INET6)
        address = bytes_of(&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 8); /* a network of /64 */
    hash_of(hash, purpose, address, bytes_of(NULL, 0));
    return get_be64(hash);
}

static uint64_t connection_key(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return address_key(info ? info->client_addr : NULL, "comity-web-address");
}

static struct web_guest *guest_of(const struct web_request *request) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static enum MHD_Result unknown_refuse(struct web_request *request) {
    struct web *web = request->web;
    atomic_fetch_add(&web->refused_unknown, 1);
    web_door_doubt(web->door, guest_of(request), clock_monotonic_ms());
    if (!web_client_take(web, connection_key(request->connection), FAILURES_A_SECOND))
        return web_error(request, MHD_HTTP_TOO_MANY_REQUESTS, "Too many requests without a good token");
    return web_error(request, MHD_HTTP_UNAUTHORIZED,
                     "Send the token that `comity token add NAME` printed: as the password of user NAME, or as a Bearer token; one "
                     "that is bound to a client certificate counts only with it");
}

/* True when the request may go on; else the answer was queued. */
static bool admitted(struct web_request *request, enum MHD_Result *result) {
    struct web *web = request->web;
    if (!user_find(request)) {
        *result = unknown_refuse(request);
        return false;
    }
    uint64_t key = get_be64(request->user.token.hash);
    request->share = web_share_of(web, key);
    if (!web_client_take(web, key, request->user.token.rate)) {
        atomic_fetch_add(&web->refused_rate, 1);
        *result = web_error(request, MHD_HTTP_TOO_MANY_REQUESTS, "This token may ask %u times a second", request->user.token.rate);
        return false;
    }
    if (!web_door_know(web->door, guest_of(request), key)) {
        *result = web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "This token has %d connections open: use those",
                            WEB_TOKEN_CONNECTIONS_MAX);
        return false;
    }
    if (atomic_load(&web->answers_bytes) > WEB_ANSWERS_BYTES_MAX || atomic_load(&request->share->bytes) > WEB_TOKEN_BYTES_MAX) {
        *result = web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many large answers are under way");
        return false;
    }
    return true;
}

/* --- what is asked --- */

static enum MHD_Result route(struct web_request *request) {
    const char *url = request->url;
    if (strncmp(url, "/taxii2", 7) == 0 && (url[7] == '/' || url[7] == 0)) return taxii_handle(request);
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (!get) return web_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET is for %.200s", url);
    if (strcmp(url, "/feed") == 0 || strcmp(url, "/feed.jsonl") == 0 || strncmp(url, "/lists/", 7) == 0) {
        if (!request->user.token.read) return web_error(request, MHD_HTTP_FORBIDDEN, "This token may not read");
        if (strcmp(url, "/feed") == 0) return web_feed_events(request);
        return url[1] == 'f' ? web_feed_lines(request) : web_list(request, url + 7);
    }
    return web_error(request, MHD_HTTP_NOT_FOUND, "There is no %.200s; TAXII 2.1 begins at /taxii2/", url);
}

/* Is the body wanted? One that is not is read to its end all the same, and kept nowhere: who is answered before it has sent all of it
   often sees a broken connection and no answer. 0: it is. */
static unsigned body_unwanted(const struct web_request *request) {
    const char *coding = web_header(request, "Content-Encoding");
    bool taxii = strncmp(request->url, "/taxii2/", 8) == 0;
    if (!taxii || strcmp(request->method, "POST") != 0) return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!taxii_media_accepted(web_header(request, "Accept"))) return MHD_HTTP_NOT_ACCEPTABLE;
    if (!request->user.token.write) return MHD_HTTP_FORBIDDEN;
    return coding && strcasecmp(coding, "identity") != 0 ? MHD_HTTP_UNSUPPORTED_MEDIA_TYPE : 0;
}

static enum MHD_Result body_take(struct web_request *request, const char *data, size_t *size) {
    struct web *web = request->web;
    if (request->refused == 0 && request->body.size + *size > WEB_BODY_BYTES_MAX) request->refused = MHD_HTTP_CONTENT_TOO_LARGE;
    if (request->refused == 0 && (atomic_load(&web->bodies_bytes) + *size > WEB_BODIES_BYTES_MAX ||
                                  atomic_load(&request->share->bytes) + *size > WEB_TOKEN_BYTES_MAX / 2))
        request->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (request->refused == 0) {
        buf_put_raw(&request->body, data, *size);
        request->body_bytes += *size;
        atomic_fetch_add(&web->bodies_bytes, *size);
        atomic_fetch_add(&request->share->bytes, *size);
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result body_refused(struct web_request *request) {
    unsigned status = request->refused;
    switch (status) {
    case MHD_HTTP_METHOD_NOT_ALLOWED: return web_error(request, status, "%.20s is not for %.200s", request->method, request->url);
    case MHD_HTTP_NOT_ACCEPTABLE: return web_error(request, status, "This server speaks %s", TAXII_MEDIA);
    case MHD_HTTP_FORBIDDEN: return web_error(request, status, "This token may not write");
    case MHD_HTTP_UNSUPPORTED_MEDIA_TYPE: return web_error(request, status, "Send the body as it is, without Content-Encoding");
    case MHD_HTTP_CONTENT_TOO_LARGE: return web_error(request, status, "At most %d bytes in one request", WEB_BODY_BYTES_MAX);
    default: return web_error(request, status, "Too much is being posted at this moment: come back later");
    }
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **per_request) {
    struct web_request *request = *per_request;
    enum MHD_Result result = MHD_NO;
    (void)version;
    if (!request) {
        request = calloc(1, sizeof *request);
        if (!request) return MHD_NO;
        *request = (struct web_request){.web = context, .connection = connection, .method = method, .url = url};
        *per_request = request;
        atomic_fetch_add(&request->web->requests, 1);
        /* Strangers' bodies are not even read: such an answer ends the connection, so others are given at the second call. */
        request->bodied = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
        if (request->bodied && !admitted(request, &result)) return result;
        if (request->bodied) request->refused = body_unwanted(request);
        return MHD_YES;
    }
    if (*data_size > 0) {
        if (request->bodied) return body_take(request, data, data_size);
        *data_size = 0; /* nobody asked who sends it yet, and no resource reads it */
        return MHD_YES;
    }
    if (!request->bodied && !admitted(request, &result)) return result;
    if (request->refused != 0) return body_refused(request);
    return buf_result(&request->body) == OK ? route(request) : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **per_request,
                         enum MHD_RequestTerminationCode code) {
    struct web_request *request = *per_request;
    (void)context, (void)connection, (void)code;
    if (!request) return;
    atomic_fetch_sub(&request->web->answers_bytes, request->answer_bytes);
    atomic_fetch_sub(&request->web->bodies_bytes, request->body_bytes);
    if (request->share) atomic_fetch_sub(&request->share->bytes, request->answer_bytes + request->body_bytes);
    buf_free(&request->body);
    free(request);
    *per_request = NULL;
}

/* --- connections --- */

static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t size) {
    (void)size;
    return web_client_take(context, address_key(address, "comity-web-connect"), ACCEPTED_A_SECOND) ? MHD_YES : MHD_NO;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **guest,
                          enum MHD_ConnectionNotificationCode code) {
    struct web *web = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        web_door_leave(web->door, *guest); /* its descriptor is closed after this */
        *guest = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) *guest = web_door_enter(web->door, info->connect_fd, connection_key(connection), clock_monotonic_ms());
}

/* A zero would end the text in the middle: such a path or value stays as it was sent, and is then none that is known. */
static size_t on_escaped(void *context, struct MHD_Connection *connection, char *text) {
    (void)context, (void)connection;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

/* --- start and end --- */

static void on_log(void *context, const char *format, va_list arguments) {
    char text[512];
    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = 0;
    log_debug("http: %s", text);
}

bool web_http_start(struct web *web, char why[static 256]) {
    unsigned flags = MHD_USE_TLS | MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, web},
        {MHD_OPTION_LISTEN_SOCKET, web->listener, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, WEB_THREADS, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, WEB_CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_SECONDS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, NULL},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, web->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, web->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, web},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, web},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)on_escaped, web},
        {web->client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, web->client_ca},
        {MHD_OPTION_END, 0, NULL},
    };
    static char priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";
    options[8].ptr_value = priorities;
    web->door = web_door_new(WEB_CONNECTIONS_MAX);
    if (web->door)
        web->daemon = MHD_start_daemon(flags, 0, on_accept, web, on_request, web, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!web->daemon)
        snprintf(why, 256,
                 "the HTTPS server does not start: are certificate and key a pair, and web.client_ca "
                 "certificates, in PEM?");
    return web->daemon != NULL;
}

void web_http_stop(struct web *web) {
    if (web->daemon) MHD_stop_daemon(web->daemon);
    web->daemon = NULL;
    web_door_free(web->door);
    web->door = NULL;
}
