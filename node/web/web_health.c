/* web_health: /metrics (Prometheus text), /healthz and /readyz, on a listener of its own, without TLS and tokens: figures only, and
   never an object. One thread serves it. */
#include "node/formats/figures.h"
#include "node/process/clock.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX 32
#define OF_ADDRESS_MAX  16 /* of them: who holds connections open keeps no other watcher out */
#define IDLE_SECONDS    15

static void counter(struct figures *out, const char *name, const char *help, uint64_t value) {
    figures_one(out, FIGURE_COUNTER, name, help, value);
}

static void gauge(struct figures *out, const char *name, const char *help, uint64_t value) {
    figures_one(out, FIGURE_GAUGE, name, help, value);
}

/* What this process counts by itself. */
static void own_put(struct figures *out, struct web *web, bool engine) {
    gauge(out, "comity_engine_up", "1 when the engine answered; without it there are the figures of the web process only.", engine);
    gauge(out, "comity_web_uptime_seconds", "How long the web process has run.", (clock_monotonic_ms() - web->started_ms) / 1000);
    if (!web->daemon) return;
    counter(out, "comity_web_requests_total", "HTTPS requests.", atomic_load(&web->requests));
    counter(out, "comity_web_unauthorized_total", "Requests without a good token.", atomic_load(&web->refused_unknown));
    counter(out, "comity_web_limited_total", "Requests over a token's rate.", atomic_load(&web->refused_rate));
    counter(out, "comity_web_objects_total", "Objects sent over TAXII.", atomic_load(&web->objects_sent));
    counter(out, "comity_web_unsound_objects_total", "Objects left out because their text is not what was indexed.",
            atomic_load(&web->objects_unsound));
    counter(out, "comity_web_answer_bytes_total", "Bytes of answers.", atomic_load(&web->bytes_sent));
    gauge(out, "comity_web_answers_open_bytes", "Bytes of answers that are being sent.", atomic_load(&web->answers_bytes));
    figures_family(out, FIGURE_COUNTER, "comity_web_lists_total",
                   "Plain lists that were asked for, by whether they had to be sent.");
    figures_put(out, "answer", "sent", atomic_load(&web->lists_sent));
    figures_put(out, "answer", "not_modified", atomic_load(&web->lists_same));
    gauge(out, "comity_web_streams", "Streams of events that are open.", atomic_load(&web->streams));
    counter(out, "comity_web_streams_opened_total", "Streams of events that were opened.", atomic_load(&web->streams_opened));
    counter(out, "comity_web_streams_refused_total", "Streams of events beyond those that may be open.",
            atomic_load(&web->streams_refused));
    counter(out, "comity_web_feed_objects_total", "Objects in streams and lines.", atomic_load(&web->feed_objects));
    counter(out, "comity_web_feed_withdrawals_total", "Withdrawals in streams and lines.", atomic_load(&web->feed_withdrawals));
    counter(out, "comity_web_feed_resets_total", "Consumers of streams and lines that were told to begin anew.",
            atomic_load(&web->feed_resets));
    gauge(out, "comity_web_certificate_expiry_timestamp_seconds", "When the certificate of the HTTPS server ends.",
          web->certificate_ends_s);
}

static enum err metrics_write(struct buf *out, struct web *web) {
    bool engine = web_figures_ask(web) == OK;
    struct figures own = {0};
    struct buf packed = {0};
    enum err err = engine ? figures_expose(out, bytes_of_buf(&web->figures)) : OK;
    own_put(&own, web, engine);
    figures_pack(&packed, &own);
    if (err == OK) err = buf_result(&packed);
    if (err == OK) err = figures_expose(out, bytes_of_buf(&packed));
    buf_free(&own.rows);
    buf_free(&packed);
    return err;
}

/* Alive: a manager of services need not start it again. The engine may be busy. */
static unsigned health(struct buf *out, struct web *web) {
    bool broken = atomic_load(&web->broken);
    buf_put_text(out, broken ? "the engine does not answer\n" : "ok\n");
    return broken ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
}

/* Ready: the engine answers now, and shows objects. That it cannot publish is for an alert: whoever reads is served. */
static unsigned readiness(struct buf *out, struct web *web) {
    uint64_t showing, publishing;
    if (atomic_load(&web->broken) || web_figures_ask(web) != OK) {
        buf_put_text(out, "the engine does not answer\n");
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    bool shows = figures_sum(bytes_of_buf(&web->figures), "comity_showing", NULL, NULL, &showing) && showing == 1;
    bool publishes = figures_sum(bytes_of_buf(&web->figures), "comity_publishing", NULL, NULL, &publishing) && publishing == 1;
    buf_put_text(out, !shows      ? "restored from a backup: waits for the recalls since then\n"
                      : publishes ? "ok\n"
                                  : "ok, but publications are not accepted\n");
    return shows ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
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
    if (get && strcmp(url, "/metrics") == 0) {
        if (metrics_write(&body, web) != OK) status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    } else if (get && strcmp(url, "/healthz") == 0) {
        status = health(&body, web);
    } else if (get && strcmp(url, "/readyz") == 0) {
        status = readiness(&body, web);
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
    web->metrics =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, web, MHD_OPTION_LISTEN_SOCKET,
                         web->metrics_listener, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                         IDLE_SECONDS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, OF_ADDRESS_MAX, MHD_OPTION_END);
    if (!web->metrics) snprintf(why, 256, "the listener for metrics does not start");
    return web->metrics != NULL;
}

void web_health_stop(struct web *web) {
    if (web->metrics) MHD_stop_daemon(web->metrics);
    web->metrics = NULL;
}
