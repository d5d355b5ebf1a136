/* trickle: publishes small indicators one by one, so that each is an entry of its own.
   Usage: trickle DIR PREFIX COUNT [PER-SECOND]   to all pinned agencies, TLP:GREEN; prints "accepted N" when all are durable.
   The value of indicator I is "PREFIX-I.example". */
#include "gossip/item.h"
#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/engine/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH     16 /* commits on the way */
#define ANSWER_MS 60000

static void must(enum err err, const char *what) {
    if (err == OK) return;
    fprintf(stderr, "trickle: %s: %s\n", what, err_text(err));
    exit(1);
}

static void expect(struct channel *channel, enum frame_type type) {
    struct frame frame;
    must(channel_wait(channel, &frame, ANSWER_MS), "waiting for an answer");
    if (frame.type == type) return;
    fprintf(stderr, "trickle: frame %d in place of %d\n", (int)frame.type, (int)type);
    exit(1);
}

static void publication_open(struct channel *channel) {
    struct buf body = {0};
    pack_write_array(&body, 3);
    pack_write_uint(&body, TLP_GREEN);
    pack_write_bool(&body, true);
    pack_write_array(&body, 0);
    must(channel_send(channel, FRAME_ASK_PUBLISH, 1, bytes_of_buf(&body)), "asking to publish");
    buf_free(&body);
    expect(channel, FRAME_ANSWER_AUDIENCE);
    expect(channel, FRAME_ANSWER_DONE);
}

static void item_put(struct buf *out, const char *prefix, uint64_t run, uint64_t number) {
    static struct item item;
    static char id[64], domain[128], text[600];
    snprintf(id, sizeof id, "indicator--%08x-0000-4000-8000-%012" PRIx64, (unsigned)number, run & 0xffffffffffff);
    snprintf(domain, sizeof domain, "%s-%" PRIu64 ".example", prefix, number);
    int size = snprintf(text, sizeof text,
                        "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"2026-01-01T00:00:00.000Z\","
                        "\"modified\":\"2026-01-01T00:00:00.000Z\",\"pattern\":\"[domain-name:value = '%s']\",\"pattern_type\":"
                        "\"stix\",\"valid_from\":\"2026-01-01T00:00:00.000Z\"}",
                        id, domain);
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

static void answer_take(struct channel *channel) {
    expect(channel, FRAME_ANSWER_ITEMS);
    expect(channel, FRAME_ANSWER_DONE);
    expect(channel, FRAME_ANSWER_DONE);
}

static void pause_ms(uint64_t ms) {
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

int main(int argc, char **argv) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct channel channel;
    struct buf body = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: trickle DIR PREFIX COUNT [PER-SECOND]\n");
        return 2;
    }
    uint64_t count = strtoull(argv[3], NULL, 10), rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    uint64_t run = clock_monotonic_ns(), began_ms = clock_monotonic_ms(), answered = 0;
    must(control_connect(&channel, argv[1]), argv[1]);
    publication_open(&channel);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t due_ms = rate > 0 ? began_ms + i * 1000 / rate : 0, now_ms = clock_monotonic_ms();
        if (due_ms > now_ms) pause_ms(due_ms - now_ms);
        buf_clear(&body);
        item_put(&body, argv[2], run, i);
        must(channel_queue(&channel, FRAME_ASK_ITEMS, 2, bytes_of_buf(&body)), "items");
        must(channel_send(&channel, FRAME_ASK_COMMIT, 3, bytes_of(&nothing, 1)), "commit");
        for (; i + 1 - answered >= DEPTH; answered++) answer_take(&channel);
    }
    for (; answered < count; answered++) answer_take(&channel);
    printf("accepted %" PRIu64 "\n", count);
    buf_free(&body);
    channel_close(&channel);
    return 0;
}
