/* Frames between processes: what goes in comes out, in any portions; what is malformed or too long is refused. */
#include "node/process/clock.h"
#include "node/process/frame.h"
#include "node/process/log.h"

#include <setjmp.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void ends_open(struct channel *a, struct channel *b) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    channel_init(a, fds[0]);
    channel_init(b, fds[1]);
}

static void ends_close(struct channel *a, struct channel *b) {
    channel_close(a);
    channel_close(b);
}

/* The fixed layout of the header, byte for byte. */
static void test_layout(void **state) {
    (void)state;
    struct channel a, b;
    ends_open(&a, &b);
    assert_int_equal(channel_send(&a, FRAME_NET_SEND, 0x0102030405060708, bytes_of_text("hi")), OK);
    static const uint8_t expected[] = {0, 0, 0, 2, 0, 22, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 'h', 'i'};
    uint8_t raw[64];
    assert_int_equal(read(b.fd, raw, sizeof raw), sizeof expected);
    assert_memory_equal(raw, expected, sizeof expected);
    ends_close(&a, &b);
}

/* Headers that may not be: each is refused, at once and without waiting for its body. */
static void test_malformed(void **state) {
    (void)state;
    static const struct {
        uint32_t body_bytes;
        uint16_t type, zero;
        enum err result;
    } rows[] = {
        {0, FRAME_STOP, 0, OK},
        {1, FRAME_STOP, 0, ERR_NOT_FOUND},
        {FRAME_BODY_BYTES_MAX, FRAME_NET_SEND, 0, ERR_NOT_FOUND},
        {FRAME_BODY_BYTES_MAX + 1, FRAME_NET_SEND, 0, ERR_FORMAT},
        {UINT32_MAX, FRAME_NET_SEND, 0, ERR_FORMAT},
        {0, 0, 0, ERR_FORMAT},
        {0, 9, 0, ERR_FORMAT},
        {0, 37, 0, ERR_FORMAT},
        {0, UINT16_MAX, 0, ERR_FORMAT},
        {0, FRAME_STOP, 1, ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t header[FRAME_HEADER_BYTES] = {0};
        struct frame frame;
        size_t used = 0;
        put_be32(header, rows[i].body_bytes);
        put_be16(header + 4, rows[i].type);
        put_be16(header + 6, rows[i].zero);
        assert_int_equal(frame_parse(bytes_of(header, sizeof header), &frame, &used), rows[i].result);
        for (size_t size = 0; size < sizeof header; size++) {
            assert_int_equal(frame_parse(bytes_of(header, size), &frame, &used), ERR_NOT_FOUND);
        }
    }
}

/* Bytes that arrive one at a time make the same frames. */
static void test_portions(void **state) {
    (void)state;
    struct channel a, b, c, d;
    struct frame frame;
    ends_open(&a, &b);
    ends_open(&c, &d);
    for (uint64_t i = 0; i < 5; i++) assert_int_equal(channel_queue(&a, FRAME_ANSWER_OBJECT, i, bytes_of_text("some body")), OK);
    assert_int_equal(channel_backlog(&a), 5 * (FRAME_HEADER_BYTES + 9));
    assert_int_equal(channel_flush(&a), OK);
    assert_int_equal(channel_backlog(&a), 0);
    uint8_t raw[1024];
    ssize_t size = read(b.fd, raw, sizeof raw);
    uint64_t next = 0;
    for (ssize_t i = 0; i < size; i++) {
        assert_int_equal(write(c.fd, raw + i, 1), 1);
        assert_int_equal(channel_fill(&d), OK);
        while (channel_next(&d, &frame) == OK) {
            assert_int_equal(frame.tag, next++);
            assert_true(bytes_equal_text(frame.body, "some body"));
        }
    }
    assert_int_equal(next, 5);
    ends_close(&a, &b);
    ends_close(&c, &d);
}

/* Frames of all sizes up to the largest, through a socket that holds little, with both ends taking turns; buffers stay bounded. */
static void test_sizes(void **state) {
    (void)state;
    struct channel a, b;
    struct frame frame;
    ends_open(&a, &b);
    static uint8_t body[FRAME_BODY_BYTES_MAX];
    for (size_t i = 0; i < sizeof body; i++) body[i] = (uint8_t)(i * 7 + i / 251);
    static const size_t sizes[] = {0, 1, 15, 16, 4096, 16384, 16385, 65536, 262144, 1000000, FRAME_BODY_BYTES_MAX};
    size_t sent = 0, received = 0, count = 40 * sizeof sizes / sizeof sizes[0];
    while (received < count) {
        if (sent < count && channel_backlog(&a) < 3000000) {
            size_t size = sizes[sent % (sizeof sizes / sizeof sizes[0])];
            assert_int_equal(channel_send(&a, FRAME_NET_MESSAGE, sent++, bytes_of(body, size)), OK);
        }
        assert_int_equal(channel_flush(&a), OK);
        assert_int_equal(channel_fill(&b), OK);
        assert_true(b.in.capacity <= FRAME_HEADER_BYTES + FRAME_BODY_BYTES_MAX + 1024 * 1024);
        while (channel_next(&b, &frame) == OK) {
            assert_int_equal(frame.tag, received);
            assert_int_equal(frame.body.size, sizes[received % (sizeof sizes / sizeof sizes[0])]);
            if (frame.body.size > 0) assert_memory_equal(frame.body.data, body, frame.body.size);
            received++;
        }
    }
    ends_close(&a, &b);
}

/* A descriptor rides along to an end that takes descriptors, and to no other. */
static void test_descriptors(void **state) {
    (void)state;
    struct channel a, b;
    struct frame frame;
    int passed[2];
    uint8_t role = 2;
    ends_open(&a, &b);
    channel_take_fds(&b);
    assert_int_equal(pipe(passed), 0);
    assert_int_equal(channel_send(&a, FRAME_STOP, 0, bytes_of(NULL, 0)), OK);
    assert_int_equal(channel_send_fd(&a, FRAME_PEER, 0, bytes_of(&role, 1), passed[1]), OK);
    assert_int_equal(channel_wait(&b, &frame, 1000), OK);
    assert_int_equal(frame.type, FRAME_STOP);
    assert_int_equal(frame.fd, -1);
    assert_int_equal(channel_wait(&b, &frame, 1000), OK);
    assert_int_equal(frame.type, FRAME_PEER);
    assert_true(frame.fd >= 0 && (fcntl(frame.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(frame.fd, "x", 1), 1);
    char got;
    assert_int_equal(read(passed[0], &got, 1), 1);
    close(frame.fd);
    /* A frame that promises one and brings none. */
    assert_int_equal(channel_send(&a, FRAME_PEER, 0, bytes_of(&role, 1)), OK);
    assert_int_equal(channel_wait(&b, &frame, 1000), ERR_FORMAT);
    ends_close(&a, &b);

    ends_open(&a, &b);
    assert_int_equal(channel_send_fd(&a, FRAME_PEER, 0, bytes_of(&role, 1), passed[1]), OK);
    assert_int_equal(channel_wait(&b, &frame, 1000), ERR_FORMAT);
    ends_close(&a, &b);
    close(passed[0]);
    close(passed[1]);
}

/* The other side goes away: what it had sent is still read, then the end is told; sending is refused without a signal. */
static void test_closed(void **state) {
    (void)state;
    struct channel a, b;
    struct frame frame;
    ends_open(&a, &b);
    assert_int_equal(channel_send(&a, FRAME_READY, 1, bytes_of(NULL, 0)), OK);
    channel_close(&a);
    assert_int_equal(channel_wait(&b, &frame, 1000), OK);
    assert_int_equal(channel_wait(&b, &frame, 1000), ERR_CLOSED);
    assert_int_equal(channel_send(&b, FRAME_READY, 1, bytes_of(NULL, 0)), ERR_CLOSED);
    channel_close(&b);
    assert_int_equal(channel_send(&b, FRAME_READY, 1, bytes_of(NULL, 0)), ERR_CLOSED);
    assert_int_equal(channel_fill(&b), ERR_CLOSED);
}

static void test_wait_times_out(void **state) {
    (void)state;
    struct channel a, b;
    struct frame frame;
    ends_open(&a, &b);
    uint64_t start_ms = clock_monotonic_ms();
    assert_int_equal(channel_wait(&b, &frame, 30), ERR_TIMEOUT);
    assert_in_range(clock_monotonic_ms() - start_ms, 29, 5000);
    ends_close(&a, &b);
}

/* Foreign text cannot forge a line of the log or move the cursor; good text stays readable. */
static void test_log_escape(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain text", "plain text"},
        {"two\nlines\r\t", "two\\x0alines\\x0d\\x09"},
        {"\x1b[2J", "\\x1b[2J"},
        {"Z\xc3\xbcrich", "Z\xc3\xbcrich"},
        {"\xc3", "\\xc3"},
        {"\xc0\x80", "\\xc0\\x80"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xc2\x9b", "\\xc2\\x9b"},
        {"a\xe2\x80\xae"
         "b",
         "a\\xe2\\x80\\xae"
         "b"},
        {"\x7f", "\\x7f"},
    };
    char out[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        log_escape(out, sizeof out, bytes_of_text(rows[i].in));
        assert_string_equal(out, rows[i].out);
    }
    assert_int_equal(log_escape(out, 4, bytes_of_text("\n\n")), 0);
    assert_int_equal(log_escape(out, 5, bytes_of_text("\n\n")), 4);
}

/* Dates against `date -u`. */
static void test_log_time(void **state) {
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1709251200001, "2024-03-01T00:00:00.001Z"},
        {1795489445678, "2026-11-24T03:04:05.678Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
    };
    char out[LOG_TIME_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        log_time(out, rows[i].ms);
        assert_string_equal(out, rows[i].text);
    }
}

/* The test offset shifts wall time and nothing else. It is read once, so this process has it from its start. */
static void test_clock(void **state) {
    (void)state;
    assert_int_equal(clock_offset_ms(), -86400000);
    uint64_t before = clock_monotonic_ns(), wall_ms = clock_wall_ms();
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    assert_in_range(wall_ms, (uint64_t)now.tv_sec * 1000 - 86400000 - 5000, (uint64_t)now.tv_sec * 1000 - 86400000 + 5000);
    assert_true(clock_monotonic_ns() >= before);
}

int main(void) {
    setenv(CLOCK_OFFSET_VARIABLE, "-86400000", 1);
    log_open("test", LOG_LEVEL_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),         cmocka_unit_test(test_malformed),   cmocka_unit_test(test_portions),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_descriptors), cmocka_unit_test(test_closed),
        cmocka_unit_test(test_wait_times_out), cmocka_unit_test(test_log_escape),  cmocka_unit_test(test_log_time),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
