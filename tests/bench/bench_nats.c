/* bench_nats: the same indicators through NATS JetStream, TLS and file store, for comparison. Built only where libnats is.
   bench_nats PORT CA-FILE JSON-LINES-FILE COUNT   one process publishes asynchronously (an acknowledgement for each message),
                                                          another consumes by pull and acknowledges; prints "name value" lines
   The stream is made anew; the server must know no stream of that name. */
#include <nats/nats.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STREAM        "BENCH"
#define SUBJECT       "bench.indicators"
#define FETCH         500 /* libnats 3.4.1 ruins its heap with 2,000 */
#define PENDING_MAX   8000
#define WAIT_MS       60000
#define LINE_BYTES    4096
#define CONSUMER_NAME "subscriber"

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static void must(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "bench_nats: %s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static void connect_to(natsConnection **connection, jsCtx **stream, const char *port, const char *ca) {
    natsOptions *options = NULL;
    jsOptions js;
    char url[64];
    snprintf(url, sizeof url, "tls://127.0.0.1:%s", port);
    must(natsOptions_Create(&options), "options");
    must(natsOptions_SetURL(options, url), "address");
    must(natsOptions_SetSecure(options, true), "TLS");
    must(natsOptions_LoadCATrustedCertificates(options, ca), ca);
    must(natsConnection_Connect(connection, options), url);
    natsOptions_Destroy(options);
    must(jsOptions_Init(&js), "options");
    js.PublishAsync.MaxPending = PENDING_MAX;
    must(natsConnection_JetStream(stream, *connection, &js), "JetStream");
}

/* The consumer, in a process of its own: tells through the pipe when it is ready, and exits when it has acknowledged all. */
static int consume(const char *port, const char *ca, size_t count, int ready) {
    natsConnection *connection = NULL;
    natsSubscription *subscription = NULL;
    jsCtx *stream = NULL;
    jsSubOptions options;
    size_t got = 0;
    connect_to(&connection, &stream, port, ca);
    must(jsSubOptions_Init(&options), "options");
    /* One acknowledgement for each batch: the kinder way to NATS. */
    options.Config.AckPolicy = js_AckAll;
    options.Config.MaxAckPending = 4 * FETCH;
    must(js_PullSubscribe(&subscription, stream, SUBJECT, CONSUMER_NAME, NULL, &options, NULL), "subscribing");
    if (write(ready, "r", 1) != 1) return 1;
    while (got < count) {
        natsMsgList list = {0};
        natsStatus status = natsSubscription_Fetch(&list, subscription, FETCH, 100, NULL);
        if (status == NATS_TIMEOUT) continue;
        must(status, "fetching");
        if (list.Count > 0) must(natsMsg_Ack(list.Msgs[list.Count - 1], NULL), "acknowledging");
        got += (size_t)list.Count;
        natsMsgList_Destroy(&list);
    }
    must(natsConnection_FlushTimeout(connection, WAIT_MS), "flushing");
    natsSubscription_Destroy(subscription);
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
    nats_Close();
    return 0;
}

static void stream_make(jsCtx *stream) {
    jsStreamConfig config;
    const char *subjects[] = {SUBJECT};
    must(jsStreamConfig_Init(&config), "stream");
    config.Name = STREAM;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    must(js_AddStream(NULL, stream, &config, NULL, NULL), "making the stream");
}

static void publish(jsCtx *stream, const char *path, size_t count) {
    static char line[LINE_BYTES];
    jsPubOptions wait;
    FILE *file = fopen(path, "r");
    if (!file) must(NATS_ERR, path);
    for (size_t i = 0; i < count;) {
        if (!fgets(line, sizeof line, file)) must(NATS_ERR, "the file ends early");
        size_t size = strlen(line);
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == ',')) size--;
        if (size < 2 || strncmp(line, "{\"type\":\"indicator\"", 19) != 0) continue;
        must(js_PublishAsync(stream, SUBJECT, line, (int)size, NULL), "publishing");
        i++;
    }
    fclose(file);
    must(jsPubOptions_Init(&wait), "options");
    wait.MaxWait = WAIT_MS;
    must(js_PublishAsyncComplete(stream, &wait), "waiting for acknowledgements");
}

int main(int argc, char **argv) {
    natsConnection *connection = NULL;
    jsCtx *stream = NULL;
    int made[2], ready[2], status = 1;
    char byte;
    if (argc != 5) {
        fprintf(stderr, "usage: bench_nats PORT CA-FILE JSON-LINES-FILE COUNT\n");
        return 2;
    }
    size_t count = strtoul(argv[4], NULL, 10);
    if (pipe(made) != 0 || pipe(ready) != 0) return 1;
    pid_t consumer = fork(); /* before the library has threads */
    if (consumer == 0) return read(made[0], &byte, 1) == 1 ? consume(argv[1], argv[2], count, ready[1]) : 1;
    close(ready[1]);
    connect_to(&connection, &stream, argv[1], argv[2]);
    stream_make(stream);
    if (write(made[1], "m", 1) != 1 || read(ready[0], &byte, 1) != 1) must(NATS_ERR, "the consumer");
    uint64_t began_us = now_us();
    publish(stream, argv[3], count);
    uint64_t published_us = now_us() - began_us;
    waitpid(consumer, &status, 0);
    printf("published_us %" PRIu64 "\nconsumed_us %" PRIu64 "\n", published_us, now_us() - began_us);
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
    nats_Close();
    return status == 0 ? 0 : 1;
}
