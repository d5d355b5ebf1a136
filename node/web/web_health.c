/* web_health: /metrics (Prometheus text), /healthz and /readyz, on a listener of its own, without TLS and tokens: figures only. */
#include "node/process/clock.h"
#include "node/web/web_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX 32

static void metric(struct buf *out, const char *name, const char *type, const char *help, uint64_t value) {
    buf_put_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, value);
}

static void metrics_write(struct buf *out, struct web *web) {
    metric(out, "comity_web_requests_total", "counter", "HTTPS requests.", atomic_load(&web->requests));
    metric(out, "comity_web_unauthorized_total", "counter", "Requests without a good token.", atomic_load(&web->refused_unknown));
    metric(out, "comity_web_limited_total", "counter", "Requests over a token's rate.", atomic_load(&web->refused_rate));
    metric(out, "comity_web_objects_total", "counter", "Objects sent over TAXII.", atomic_load(&web->objects_sent));
    metric(out, "comity_web_unsound_objects_total", "counter", "Objects left out because their text is not what was indexed.",
           atomic_load(&web->objects_unsound));
    metric(out, "comity_web_answer_bytes_total", "counter", "Bytes of answers.", atomic_load(&web->bytes_sent));
    metric(out, "comity_web_answers_open_bytes", "gauge", "Bytes of answers that are being sent.",
           atomic_load(&web->answers_bytes));
    metric(out, "comity_newest_cursor", "gauge", "The number of the newest object.", atomic_load(&web->newest_cursor));
    metric(out, "comity_newest_object_timestamp_seconds", "gauge", "When the newest object arrived.",
           atomic_load(&web->newest_us) / 1000000);
    metric(out, "comity_web_uptime_seconds", "gauge", "How long the web process has run.",
           (clock_monotonic_ms() - web->started_ms) / 1000);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **per_request) {
    struct web *web = context;
    struct buf body = {0};
    unsigned status = MHD_HTTP_OK;
    (void)version, (void)data;
    /* Asked for once the whole request is there, so that the connection can stay. */
    if (!*per_request) {
        *per_request = web;
        return MHD_YES;
    }
    *data_size = 0;
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    bool ready = !atomic_load(&web->broken);
    if (get && strcmp(url, "/metrics") == 0) {
        metrics_write(&body, web);
    } else if (get && (strcmp(url, "/healthz") == 0 || strcmp(url, "/readyz") == 0)) {
        status = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
        buf_put_text(&body, ready ? "ok\n" : "the engine does not answer\n");
    } else {
        status = get ? MHD_HTTP_NOT_FOUND : MHD_HTTP_METHOD_NOT_ALLOWED;
        buf_put_text(&body, "here are /metrics, /healthz and /readyz\n");
    }
    if (body.failed) {
        buf_free(&body);
        return MHD_NO;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(body.size, body.data, MHD_RESPMEM_MUST_FREE);
    if (!response) return MHD_NO;
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    if (result == MHD_YES) result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

bool web_health_start(struct web *web, char why[static 256]) {
    if (web->metrics_listener < 0) return true;
    web->metrics = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, web, MHD_OPTION_LISTEN_SOCKET,
                                    web->metrics_listener, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                    MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_SECONDS, MHD_OPTION_END);
    if (!web->metrics) snprintf(why, 256, "the listener for metrics does not start");
    return web->metrics != NULL;
}

void web_health_stop(struct web *web) {
    if (web->metrics) MHD_stop_daemon(web->metrics);
    web->metrics = NULL;
}
