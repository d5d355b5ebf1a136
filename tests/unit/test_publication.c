/* The client's side of a publication against an engine played by a thread: batches, refusals that find their object, broken answers. */
#include "crypto/agency.h"
#include "gossip/pack.h"
#include "node/process/answer.h"
#include "node/cmd/publication.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What the played engine does with each batch. */
enum manner { MANNER_HONEST, MANNER_ERROR, MANNER_GARBAGE, MANNER_HANG_UP, MANNER_BAD_INDEX };

struct play {
    int fd;
    enum manner manner;
    uint64_t items, bytes, batches, batch_items_most, refused, known;
};

static size_t items_count(struct bytes body) {
    struct cursor cursor = cursor_of(body);
    static struct item item;
    size_t count = 0;
    while (!cursor.failed && cursor.left > 0) {
        cursor_u8(&cursor);
        if (item_decode(&item, cursor_take(&cursor, cursor_u32(&cursor))) != OK) return 0;
        count++;
    }
    return cursor.failed ? 0 : count;
}

static void answer_done(struct channel *channel, uint64_t tag, const uint64_t *numbers, uint32_t count) {
    struct buf body = {0};
    pack_write_array(&body, count);
    for (uint32_t i = 0; i < count; i++) pack_write_uint(&body, numbers[i]);
    /* A client that has given up is no failure of the play. */
    if (channel_send(channel, FRAME_ANSWER_DONE, tag, bytes_of_buf(&body)) != OK) shutdown(channel->fd, SHUT_RDWR);
    buf_free(&body);
}

/* Refuses the third of each batch and knows the second. */
static void answer_items(struct play *play, struct channel *channel, const struct frame *frame) {
    struct buf body = {0};
    size_t count = items_count(frame->body);
    play->items += count;
    play->bytes += frame->body.size;
    play->batches++;
    if (count > play->batch_items_most) play->batch_items_most = count;
    uint64_t numbers[3] = {count, 0, 0};
    if (count >= 3) {
        numbers[0] = count - 2;
        numbers[1] = numbers[2] = 1;
        play->known++;
        play->refused++;
        pack_write_array(&body, 2);
        for (uint64_t i = 1; i <= 2; i++) {
            pack_write_array(&body, 4);
            pack_write_uint(&body, play->manner == MANNER_BAD_INDEX ? count : i);
            pack_write_uint(&body, i == 1 ? ERR_EXISTS : ERR_DENIED);
            pack_write_str(&body, bytes_of_text(i == 1 ? "" : "tlp-red"));
            pack_write_str(&body, bytes_of_text("no"));
        }
        if (channel_send(channel, FRAME_ANSWER_ITEMS, frame->tag, bytes_of_buf(&body)) != OK) shutdown(channel->fd, SHUT_RDWR);
    }
    answer_done(channel, frame->tag, numbers, 3);
    buf_free(&body);
}

static void *engine_play(void *context) {
    struct play *play = context;
    struct channel channel;
    struct frame frame;
    channel_init(&channel, play->fd);
    while (channel_wait(&channel, &frame, -1) == OK) {
        if (play->manner == MANNER_HANG_UP) break;
        if (play->manner == MANNER_GARBAGE) {
            if (channel_send(&channel, FRAME_ANSWER_DONE, frame.tag, bytes_of_text("?")) != OK) break;
        } else if (play->manner == MANNER_ERROR) {
            struct buf body = {0};
            pack_write_array(&body, 2);
            pack_write_uint(&body, ERR_FULL);
            pack_write_str(&body, bytes_of_text("the disk is full"));
            if (channel_send(&channel, FRAME_ANSWER_ERROR, frame.tag, bytes_of_buf(&body)) != OK) shutdown(channel.fd, SHUT_RDWR);
            buf_free(&body);
        } else if (frame.type == FRAME_ASK_ITEMS) {
            answer_items(play, &channel, &frame);
        } else {
            uint64_t numbers[4] = {play->items - play->known - play->refused, play->known, play->refused, 77};
            answer_done(&channel, frame.tag, numbers, 4);
        }
    }
    channel_close(&channel);
    return NULL;
}

struct stage {
    struct play play;
    pthread_t thread;
    struct client client;
    struct invocation invocation;
    struct publication *publication;
    uint64_t refusals, last_index;
    char last_id[64], last_rule[32];
};

static void on_refused(void *context, const struct intake_place *place, struct bytes id, struct bytes rule, struct bytes reason) {
    struct stage *stage = context;
    assert_true(bytes_equal_text(reason, "no"));
    stage->refusals++;
    stage->last_index = place->index;
    snprintf(stage->last_id, sizeof stage->last_id, "%.*s", (int)id.size, (const char *)id.data);
    snprintf(stage->last_rule, sizeof stage->last_rule, "%.*s", (int)rule.size, (const char *)rule.data);
}

static void stage_open(struct stage *stage, enum manner manner) {
    static const struct command command = {.name = "publish"};
    int fds[2];
    *stage = (struct stage){.invocation = {.command = &command, .dir = "DIR"}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    stage->play = (struct play){.fd = fds[1], .manner = manner};
    stage->client.invocation = &stage->invocation;
    channel_init(&stage->client.channel, fds[0]);
    assert_int_equal(pthread_create(&stage->thread, NULL, engine_play, &stage->play), 0);
    stage->publication = publication_new(&stage->client, on_refused, stage);
    assert_non_null(stage->publication);
}

static void stage_close(struct stage *stage) {
    client_close(&stage->client);
    assert_int_equal(pthread_join(stage->thread, NULL), 0);
    publication_free(stage->publication);
}

/* Adds objects 1 to `count`, each with a text of `text_bytes`; stops at the first error. */
static enum err objects_add(struct stage *stage, uint64_t count, size_t text_bytes) {
    static struct item item;
    enum err err = OK;
    char id[64], *text = malloc(text_bytes);
    assert_non_null(text);
    memset(text, 'x', text_bytes);
    for (uint64_t i = 1; i <= count && err == OK; i++) {
        struct intake_place place = {.index = i, .line = i};
        int size = snprintf(id, sizeof id, "indicator--%llu", (unsigned long long)i);
        item = (struct item){.type = bytes_of_text("indicator"),
                             .id = bytes_of(id, (size_t)size),
                             .tlp = TLP_GREEN,
                             .text = bytes_of(text, text_bytes)};
        err = publication_add(stage->publication, &item, &place);
    }
    free(text);
    return err;
}

static void test_batches_and_refusals(void **state) {
    (void)state;
    struct stage stage;
    struct publication_counts counts;
    stage_open(&stage, MANNER_HONEST);
    assert_int_equal(objects_add(&stage, 100000, 100), OK);
    assert_int_equal(publication_commit(stage.publication, &counts), OUTCOME_SUCCESS);
    stage_close(&stage);
    assert_int_equal(stage.play.items, 100000);
    assert_true(stage.play.batches >= 100000 / PUBLICATION_BATCH_ITEMS_MAX);
    assert_true(stage.play.batch_items_most <= PUBLICATION_BATCH_ITEMS_MAX);
    assert_true(stage.play.bytes / stage.play.batches > PUBLICATION_BATCH_BYTES / 2);
    assert_int_equal(counts.refused, stage.play.refused);
    assert_int_equal(counts.known, stage.play.known);
    assert_int_equal(counts.accepted + counts.refused + counts.known, 100000);
    assert_int_equal(counts.cursor, 77);
    /* A refusal carries place and id of the very object, whichever batch it was in. */
    assert_int_equal(stage.refusals, stage.play.refused);
    char expected[64];
    snprintf(expected, sizeof expected, "indicator--%llu", (unsigned long long)stage.last_index);
    assert_string_equal(stage.last_id, expected);
    assert_string_equal(stage.last_rule, "tlp-red");
}

/* Large objects go one or few a batch; none is lost, no frame is too long. */
static void test_large_objects(void **state) {
    (void)state;
    struct stage stage;
    struct publication_counts counts;
    stage_open(&stage, MANNER_HONEST);
    assert_int_equal(objects_add(&stage, 20, 400 * 1024), OK);
    assert_int_equal(objects_add(&stage, 20, 990 * 1024), OK);
    assert_int_equal(publication_commit(stage.publication, &counts), OUTCOME_SUCCESS);
    stage_close(&stage);
    assert_int_equal(stage.play.items, 40);
    assert_int_equal(counts.accepted, 40 - stage.play.refused - stage.play.known);
}

static void test_nothing_at_all(void **state) {
    (void)state;
    struct stage stage;
    struct publication_counts counts;
    stage_open(&stage, MANNER_HONEST);
    assert_int_equal(publication_commit(stage.publication, &counts), OUTCOME_SUCCESS);
    stage_close(&stage);
    assert_int_equal(stage.play.batches, 0);
    assert_int_equal(counts.accepted, 0);
}

/* An engine that refuses, talks nonsense or goes away ends the publication with the right exit code, at once or at the commit. */
static void test_failures(void **state) {
    (void)state;
    static const struct {
        enum manner manner;
        enum outcome outcome;
    } cases[] = {{MANNER_ERROR, OUTCOME_REFUSED},
                 {MANNER_GARBAGE, OUTCOME_INTERNAL},
                 {MANNER_HANG_UP, OUTCOME_NOT_RUNNING},
                 {MANNER_BAD_INDEX, OUTCOME_INTERNAL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint64_t count = 3; count <= 100000; count *= 30) {
            struct stage stage;
            struct publication_counts counts;
            stage_open(&stage, cases[i].manner);
            enum err err = objects_add(&stage, count, 100);
            assert_true(err == OK || err == ERR_CLOSED);
            assert_int_equal(publication_commit(stage.publication, &counts), cases[i].outcome);
            stage_close(&stage);
        }
    }
}

/* --- objects that come back --- */

static void object_make(struct buf *body, const char *text, const char *via) {
    static struct item item;
    struct buf encoded = {0};
    uint8_t agency_id[AGENCY_ID_BYTES] = {0xaa};
    item = (struct item){
        .type = bytes_of_text("indicator"), .id = bytes_of_text("indicator--1"), .tlp = TLP_AMBER, .text = bytes_of_text(text)};
    assert_int_equal(item_encode(&encoded, &item), OK);
    buf_clear(body);
    pack_write_array(body, 8);
    pack_write_uint(body, 9);
    pack_write_str(body, bytes_of_text("B"));
    pack_write_bin(body, bytes_of(agency_id, sizeof agency_id));
    pack_write_uint(body, TLP_AMBER);
    pack_write_uint(body, 1790000000123);
    pack_write_bin(body, bytes_of_buf(&encoded));
    buf_free(&encoded);
    if (!via) {
        pack_write_nil(body);
        pack_write_nil(body);
        return;
    }
    pack_write_str(body, bytes_of_text(via));
    pack_write_array(body, SIGHTING_KINDS + 2);
    for (uint64_t i = 1; i <= SIGHTING_KINDS + 1; i++) pack_write_uint(body, i);
    pack_write_array(body, 1);
    pack_write_array(body, SIGHTING_KINDS + 2);
    pack_write_str(body, bytes_of_text("D"));
    for (uint64_t i = 1; i <= SIGHTING_KINDS; i++) pack_write_uint(body, i);
    pack_write_uint(body, OPINION_AGREE);
}

/* One object is one line, whatever its author wrote; what disagrees with its index is flagged. */
static void test_answers(void **state) {
    (void)state;
    static const struct {
        const char *text, *line;
        bool problem;
    } cases[] = {
        {"{\"type\":\"indicator\",\"id\":\"indicator--1\"}", "9\tB\tTLP:AMBER\t{\"type\":\"indicator\",\"id\":\"indicator--1\"}\n",
         false},
        {"{\"type\":\"indicator\",\n\"id\":\"indicator--1\"}",
         "9\tB\tTLP:AMBER\t{\"type\":\"indicator\", \"id\":\"indicator--1\"}\n", false},
        {"{\"type\":\"indicator\",\"id\":\"indicator--2\"}", "9\tB\tTLP:AMBER\t{\"type\":\"indicator\",\"id\":\"indicator--2\"}\n",
         true},
        {"{\"type\":\"malware\",\"id\":\"indicator--1\"}", "9\tB\tTLP:AMBER\t{\"type\":\"malware\",\"id\":\"indicator--1\"}\n",
         true},
        {"{\"x\":{\"type\":\"indicator\",\"id\":\"indicator--1\"}}",
         "9\tB\tTLP:AMBER\t{\"x\":{\"type\":\"indicator\",\"id\":\"indicator--1\"}}\n", true},
        {"}\n10\tA\tTLP:RED\t{}", "9\tB\tTLP:AMBER\t\"}\\n10\\u0009A\\u0009TLP:RED\\u0009{}\"\n", true},
    };
    struct answer_reader *reader = calloc(1, sizeof *reader);
    struct buf body = {0}, out = {0};
    assert_non_null(reader);
    assert_int_equal(answer_reader_init(reader), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        object_make(&body, cases[i].text, NULL);
        assert_int_equal(answer_read(reader, bytes_of_buf(&body)), OK);
        assert_int_equal(reader->answer.problem != NULL, cases[i].problem);
        answer_line(&out, &reader->answer);
        if (!bytes_equal_text(bytes_of_buf(&out), cases[i].line)) fail_msg("%.*s", (int)out.size, (const char *)out.data);
        buf_clear(&out);
    }
    object_make(&body, cases[0].text, NULL);
    assert_int_equal(answer_read(reader, bytes_of_buf(&body)), OK);
    answer_json(&out, &reader->answer);
    assert_true(bytes_equal_text(
        bytes_of_buf(&out),
        "{\"author\":\"B\",\"agency\":\"aa00000000000000000000000000000000000000000000000000000000000000\",\"tlp\":\"TLP:AMBER\","
        "\"cursor\":9,\"arrived\":\"2026-09-21T14:13:20.123Z\",\"object\":{\"type\":\"indicator\",\"id\":\"indicator--1\"}}\n"));
    for (size_t size = 0; size < body.size; size++) assert_int_equal(answer_read(reader, bytes_of(body.data, size)), ERR_FORMAT);
    /* One that another agency passed on says so, and how often it was seen. */
    object_make(&body, cases[0].text, "C");
    assert_int_equal(answer_read(reader, bytes_of_buf(&body)), OK);
    buf_clear(&out);
    answer_json(&out, &reader->answer);
    buf_put_u8(&out, 0);
    assert_non_null(
        strstr((const char *)out.data,
               "\"via\":\"C\",\"sightings\":{\"seen\":1,\"false-positive\":2,\"expired\":3,\"agencies\":4,\"to\":\"author\","
               "\"by\":[{\"agency\":\"D\",\"seen\":1,\"false-positive\":2,\"expired\":3,\"opinion\":\"agree\"}]},"));
    for (size_t size = 0; size < body.size; size++) assert_int_equal(answer_read(reader, bytes_of(body.data, size)), ERR_FORMAT);
    buf_free(&body);
    buf_free(&out);
    answer_reader_free(reader);
    free(reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_and_refusals),
        cmocka_unit_test(test_large_objects),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
