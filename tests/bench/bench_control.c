/* bench_control: clients of running nodes' control sockets, for measuring. Prints one line "name value" per figure.
   bench_control latency DIR-A DIR-B COUNT CURSOR   one indicator at a time, published at A on an open connection, until B's feed
                                                    (followed from CURSOR on) shows it: microseconds
   bench_control search DIR COUNT FILE              look-ups, 64 on the way: values of FILE ("KIND VALUE" lines, KIND as in
                                                    gossip/item.h), or values that nobody has when FILE is - */
#include "gossip/item.h"
#include "gossip/pack.h"
#include "node/process/answer.h"
#include "node/process/clock.h"
#include "node/engine/control.h"
#include "node/formats/observable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEPTH       64
#define ANSWER_MS   20000
#define VALUES_MAX  100000
#define LATENCY_MAX 20000
#define PAUSE_US    2000 /* between indicators, so that each is alone */
#define ID_CHARS    47

static struct item item;

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static void must(enum err err, const char *what) {
    if (err == OK) return;
    fprintf(stderr, "bench_control: %s: %s\n", what, err_text(err));
    exit(1);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void say(const char *name, uint64_t *samples, size_t count) {
    qsort(samples, count, sizeof *samples, by_size);
    printf("%s_p50 %" PRIu64 "\n%s_p99 %" PRIu64 "\n", name, samples[count / 2], name, samples[count * 99 / 100]);
}

/* The next frame, which must be of this type; else shows what the engine said instead. */
static struct frame expect(struct channel *channel, enum frame_type type) {
    struct frame frame;
    must(channel_wait(channel, &frame, ANSWER_MS), "waiting for an answer");
    if (frame.type == type) return frame;
    fprintf(stderr, "bench_control: frame %d in place of %d: ", (int)frame.type, (int)type);
    for (size_t i = 0; i < frame.body.size && i < 400; i++) {
        uint8_t byte = frame.body.data[i];
        fputc(byte >= 0x20 && byte < 0x7f ? byte : '.', stderr);
    }
    fputc('\n', stderr);
    exit(1);
}

/* --- one at a time --- */

static void publication_open(struct channel *channel) {
    struct buf body = {0};
    pack_write_array(&body, 3);
    pack_write_uint(&body, TLP_GREEN);
    pack_write_bool(&body, true);
    pack_write_array(&body, 0);
    must(channel_send(channel, FRAME_ASK_PUBLISH, 1, bytes_of_buf(&body)), "asking to publish");
    buf_free(&body);
    (void)expect(channel, FRAME_ANSWER_AUDIENCE);
    (void)expect(channel, FRAME_ANSWER_DONE);
}

static void feed_open(struct channel *channel, uint64_t after) {
    struct buf body = {0};
    pack_write_array(&body, 6);
    pack_write_uint(&body, after);
    pack_write_bool(&body, true);
    pack_write_nil(&body);
    pack_write_uint(&body, TLP_NONE);
    pack_write_nil(&body);
    pack_write_uint(&body, 0);
    must(channel_send(channel, FRAME_ASK_FEED, 1, bytes_of_buf(&body)), "asking for the feed");
    buf_free(&body);
}

/* An indicator of the usual size that no run made before. */
static void item_put(struct buf *out, uint64_t run, uint64_t number) {
    static char id[ID_CHARS + 1], domain[64], text[800];
    uint64_t mixed = (run + number) * 0x9e3779b97f4a7c15u;
    snprintf(id, sizeof id, "indicator--%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64, mixed >> 32,
             mixed & 0xffff, mixed >> 16 & 0xfff, number & 0xfff, run & 0xffffffffffff);
    snprintf(domain, sizeof domain, "%013" PRIx64 ".example.net", mixed & 0xfffffffffffff);
    int size =
        snprintf(text, sizeof text,
                 "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created_by_ref\":\"identity--f431f809-377b-"
                 "45e0-aa1c-6a4751cae5ff\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\","
                 "\"name\":\"latency: %s\",\"indicator_types\":[\"malicious-activity\"],\"pattern\":\"[domain-name:value = "
                 "'%s']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00.000Z\",\"object_marking_refs\":"
                 "[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"]}",
                 id, domain, domain);
    item = (struct item){.type = bytes_of_text("indicator"),
                         .id = bytes_of_text(id),
                         .modified_ms = 1767225600000,
                         .tlp = TLP_GREEN,
                         .observable_count = 1,
                         .text = bytes_of(text, (size_t)size)};
    item.observables[0] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text(domain)};
    buf_put_u8(out, 0);
    size_t at = out->size;
    buf_put_u32(out, 0);
    must(item_encode(out, &item), "encoding");
    put_be32(out->data + at, (uint32_t)(out->size - at - 4));
}

static int latency(const char *dir_a, const char *dir_b, size_t count, uint64_t after) {
    static uint64_t seen_us[LATENCY_MAX], durable_us[LATENCY_MAX];
    static const uint8_t nothing = 0x90;
    struct channel a, b;
    struct answer_reader reader;
    struct buf body = {0};
    char id[ID_CHARS + 1];
    uint64_t run = clock_wall_ms() * 1000;
    if (count > LATENCY_MAX) count = LATENCY_MAX;
    must(control_connect(&a, dir_a), dir_a);
    must(control_connect(&b, dir_b), dir_b);
    must(answer_reader_init(&reader), "memory");
    publication_open(&a);
    feed_open(&b, after);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&body);
        item_put(&body, run, i);
        memcpy(id, item.id.data, ID_CHARS);
        usleep(PAUSE_US);
        uint64_t began_us = now_us();
        must(channel_queue(&a, FRAME_ASK_ITEMS, 2, bytes_of_buf(&body)), "items");
        must(channel_send(&a, FRAME_ASK_COMMIT, 3, bytes_of(&nothing, 1)), "commit");
        do {
            struct frame frame = expect(&b, FRAME_ANSWER_OBJECT);
            must(answer_read(&reader, frame.body), "reading the feed");
        } while (!bytes_equal(reader.answer.item.id, bytes_of(id, ID_CHARS)));
        seen_us[i] = now_us() - began_us;
        (void)expect(&a, FRAME_ANSWER_ITEMS);
        (void)expect(&a, FRAME_ANSWER_DONE);
        (void)expect(&a, FRAME_ANSWER_DONE);
        durable_us[i] = now_us() - began_us;
    }
    say("seen_us", seen_us, count);
    say("acknowledged_us", durable_us, count);
    answer_reader_free(&reader);
    buf_free(&body);
    channel_close(&a);
    channel_close(&b);
    return 0;
}

/* --- look-ups --- */

/* Questions packed beforehand, so that the client costs little. */
struct questions {
    struct buf bodies[VALUES_MAX];
    size_t count;
};

static void question_add(struct questions *questions, enum observable_kind kind, struct bytes value) {
    struct buf *body = &questions->bodies[questions->count++];
    pack_write_array(body, 1);
    pack_write_array(body, 2);
    pack_write_uint(body, kind);
    pack_write_bin(body, value);
}

static void question_parse(struct questions *questions, char *line) {
    char *space = strchr(line, ' ');
    uint8_t address[5] = {0};
    if (!space) return;
    line[strcspn(line, "\n")] = 0;
    unsigned kind = (unsigned)strtoul(line, NULL, 10), parts[4];
    if (kind == OBSERVABLE_IPV4) {
        if (sscanf(space + 1, "%3u.%3u.%3u.%3u", &parts[0], &parts[1], &parts[2], &parts[3]) != 4) return;
        for (size_t i = 0; i < 4; i++) address[i] = (uint8_t)parts[i];
        address[4] = 32;
        question_add(questions, OBSERVABLE_IPV4, bytes_of(address, sizeof address));
    } else if (kind > 0 && kind < OBSERVABLE_KIND_COUNT) {
        question_add(questions, (enum observable_kind)kind, bytes_of_text(space + 1));
    }
}

static struct questions *questions_load(const char *path) {
    struct questions *questions = calloc(1, sizeof *questions);
    char line[4096];
    bool none = strcmp(path, "-") == 0;
    FILE *file = none ? NULL : fopen(path, "r");
    if (!questions || (!none && !file)) must(ERR_IO, path);
    while (!none && questions->count < VALUES_MAX && fgets(line, sizeof line, file)) question_parse(questions, line);
    if (file) fclose(file);
    while (none && questions->count < VALUES_MAX) {
        int size = snprintf(line, sizeof line, "absent-%zu.example.org", questions->count * 7919);
        question_add(questions, OBSERVABLE_DOMAIN, bytes_of(line, (size_t)size));
    }
    if (questions->count == 0) must(ERR_NOT_FOUND, path);
    return questions;
}

static int search(const char *dir, uint64_t count, const char *path) {
    struct questions *questions = questions_load(path);
    struct channel channel;
    struct frame frame;
    uint64_t asked = 0, answered = 0, objects = 0;
    must(control_connect(&channel, dir), dir);
    uint64_t began_us = now_us();
    while (answered < count) {
        bool queued = false;
        for (; asked < count && asked - answered < DEPTH; asked++, queued = true)
            must(channel_queue(&channel, FRAME_ASK_SEARCH, asked, bytes_of_buf(&questions->bodies[asked % questions->count])),
                 "search");
        if (queued) must(channel_flush(&channel), "search");
        must(channel_wait(&channel, &frame, ANSWER_MS), "waiting for an answer");
        if (frame.type == FRAME_ANSWER_OBJECT)
            objects++;
        else if (frame.type == FRAME_ANSWER_DONE)
            answered++;
        else
            must(ERR_FORMAT, "the answer");
    }
    uint64_t took_us = now_us() - began_us;
    printf("searches_per_s %" PRIu64 "\nobjects %" PRIu64 "\nsearches %" PRIu64 "\n", count * 1000000 / took_us, objects, count);
    channel_close(&channel);
    for (size_t i = 0; i < questions->count; i++) buf_free(&questions->bodies[i]);
    free(questions);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "latency") == 0)
        return latency(argv[2], argv[3], strtoul(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "search") == 0) return search(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    fprintf(stderr, "usage: bench_control latency DIR-A DIR-B COUNT CURSOR | search DIR COUNT FILE|-\n");
    return 2;
}
