/* bench_raw: what the machine can do without Comity, measured in the same run. Prints one line "name value" per figure.
   bench_raw curve BYTES COUNT    COUNT messages of BYTES through CURVE over loopback, two processes: bytes and microseconds
   bench_raw trip BYTES COUNT     round trips of such messages, one at a time: microseconds
   bench_raw rocks DIR ITEMS      two keys of 16 random bytes an item into RocksDB, a synced write for each 4,096 items
   bench_raw puts DIR COUNT       two puts of 600 bytes, each synced, one after the other: microseconds for both */
#include <errno.h>
#include <inttypes.h>
#include <rocksdb/c.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define KEY_CHARS       41
#define SAMPLES_MAX     20000
#define ITEMS_PER_WRITE 4096
#define HWM             1000

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "bench_raw: %s: %s\n", what, zmq_strerror(errno));
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

/* --- CURVE --- */

/* One end: the receiver is the CURVE server and binds; the child that sends gets its address and key through a pipe. */
struct hello {
    char endpoint[64], server_key[KEY_CHARS];
};

static void *server_socket(void *context, int type, struct hello *hello) {
    char secret[KEY_CHARS];
    int one = 1, hwm = HWM;
    size_t size = sizeof hello->endpoint;
    void *socket = zmq_socket(context, type);
    must(socket && zmq_curve_keypair(hello->server_key, secret) == 0, "keys");
    must(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one) == 0, "server");
    must(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, KEY_CHARS) == 0, "key");
    zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    must(zmq_bind(socket, "tcp://127.0.0.1:*") == 0, "bind");
    must(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, hello->endpoint, &size) == 0, "endpoint");
    return socket;
}

static void *client_socket(void *context, int type, const struct hello *hello) {
    char public[KEY_CHARS], secret[KEY_CHARS];
    int hwm = HWM;
    void *socket = zmq_socket(context, type);
    must(socket && zmq_curve_keypair(public, secret) == 0, "keys");
    must(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, hello->server_key, KEY_CHARS) == 0, "server key");
    must(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public, KEY_CHARS) == 0, "key");
    must(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, KEY_CHARS) == 0, "key");
    zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    must(zmq_connect(socket, hello->endpoint) == 0, "connect");
    return socket;
}

/* Forks before any context exists. The child reads `hello` from the pipe. */
static pid_t partner(struct hello *hello, int *write_end) {
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        close(ends[1]);
        if (read(ends[0], hello, sizeof *hello) != (ssize_t)sizeof *hello) _exit(1);
        close(ends[0]);
        return 0;
    }
    close(ends[0]);
    *write_end = ends[1];
    return child;
}

static int curve(size_t bytes, size_t count) {
    struct hello hello = {{0}, {0}};
    int write_end = -1;
    pid_t child = partner(&hello, &write_end);
    uint8_t *message = malloc(bytes);
    must(message, "memory");
    randombytes_buf(message, bytes);
    void *context = zmq_ctx_new();
    if (child == 0) {
        void *socket = client_socket(context, ZMQ_PUSH, &hello);
        for (size_t i = 0; i <= count; i++) must(zmq_send(socket, message, bytes, 0) == (int)bytes, "send");
        zmq_close(socket);
        zmq_ctx_term(context);
        _exit(0);
    }
    void *socket = server_socket(context, ZMQ_PULL, &hello);
    must(write(write_end, &hello, sizeof hello) == (ssize_t)sizeof hello, "pipe");
    /* The first one only opens the connection. */
    must(zmq_recv(socket, message, bytes, 0) == (int)bytes, "receive");
    uint64_t began_us = now_us();
    for (size_t i = 0; i < count; i++) must(zmq_recv(socket, message, bytes, 0) == (int)bytes, "receive");
    printf("curve_us %" PRIu64 "\ncurve_bytes %zu\n", now_us() - began_us, bytes * count);
    waitpid(child, NULL, 0);
    zmq_close(socket);
    zmq_ctx_term(context);
    free(message);
    return 0;
}

static int trip(size_t bytes, size_t count) {
    static uint64_t samples[SAMPLES_MAX];
    struct hello hello = {{0}, {0}};
    int write_end = -1;
    if (count > SAMPLES_MAX) count = SAMPLES_MAX;
    pid_t child = partner(&hello, &write_end);
    uint8_t *message = calloc(1, bytes);
    must(message, "memory");
    void *context = zmq_ctx_new();
    if (child == 0) {
        void *socket = client_socket(context, ZMQ_REQ, &hello);
        for (size_t i = 0; i <= count; i++) {
            uint64_t began_us = now_us();
            must(zmq_send(socket, message, bytes, 0) == (int)bytes && zmq_recv(socket, message, bytes, 0) == (int)bytes, "trip");
            if (i > 0) samples[i - 1] = now_us() - began_us;
        }
        say("trip_us", samples, count);
        fflush(stdout);
        zmq_close(socket);
        zmq_ctx_term(context);
        _exit(0);
    }
    void *socket = server_socket(context, ZMQ_REP, &hello);
    must(write(write_end, &hello, sizeof hello) == (ssize_t)sizeof hello, "pipe");
    for (size_t i = 0; i <= count; i++)
        must(zmq_recv(socket, message, bytes, 0) == (int)bytes && zmq_send(socket, message, bytes, 0) == (int)bytes, "echo");
    waitpid(child, NULL, 0);
    zmq_close(socket);
    zmq_ctx_term(context);
    free(message);
    return 0;
}

/* --- RocksDB --- */

static rocksdb_t *rocks_open(const char *dir, rocksdb_writeoptions_t **synced) {
    char *error = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_t *db = rocksdb_open(options, dir, &error);
    must(error == NULL, dir);
    *synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(*synced, 1);
    rocksdb_options_destroy(options);
    return db;
}

static int rocks(const char *dir, size_t items) {
    rocksdb_writeoptions_t *synced;
    rocksdb_t *db = rocks_open(dir, &synced);
    char *error = NULL, keys[32];
    uint64_t began_us = now_us();
    for (size_t i = 0; i < items;) {
        rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
        for (size_t k = 0; k < ITEMS_PER_WRITE && i < items; k++, i++) {
            randombytes_buf(keys, sizeof keys);
            rocksdb_writebatch_put(batch, keys, 16, "", 0);
            rocksdb_writebatch_put(batch, keys + 16, 16, "", 0);
        }
        rocksdb_write(db, synced, batch, &error);
        must(error == NULL, "write");
        rocksdb_writebatch_destroy(batch);
    }
    printf("rocks_us %" PRIu64 "\nrocks_items %zu\n", now_us() - began_us, items);
    rocksdb_writeoptions_destroy(synced);
    rocksdb_close(db);
    return 0;
}

static int puts_synced(const char *dir, size_t count) {
    static uint64_t samples[SAMPLES_MAX];
    rocksdb_writeoptions_t *synced;
    rocksdb_t *db = rocks_open(dir, &synced);
    char *error = NULL, key[16], value[600];
    if (count > SAMPLES_MAX) count = SAMPLES_MAX;
    randombytes_buf(value, sizeof value);
    for (size_t i = 0; i < count; i++) {
        uint64_t began_us = now_us();
        for (int k = 0; k < 2; k++) {
            randombytes_buf(key, sizeof key);
            rocksdb_put(db, synced, key, sizeof key, value, sizeof value, &error);
            must(error == NULL, "put");
        }
        samples[i] = now_us() - began_us;
    }
    say("puts_us", samples, count);
    rocksdb_writeoptions_destroy(synced);
    rocksdb_close(db);
    return 0;
}

int main(int argc, char **argv) {
    if (sodium_init() < 0) return 1;
    if (argc == 4) {
        size_t count = strtoul(argv[3], NULL, 10), bytes = strtoul(argv[2], NULL, 10);
        if (strcmp(argv[1], "curve") == 0 && bytes > 0) return curve(bytes, count);
        if (strcmp(argv[1], "trip") == 0 && bytes > 0) return trip(bytes, count);
        if (strcmp(argv[1], "rocks") == 0) return rocks(argv[2], count);
        if (strcmp(argv[1], "puts") == 0) return puts_synced(argv[2], count);
    }
    fprintf(stderr, "usage: bench_raw curve|trip BYTES COUNT | rocks|puts DIR COUNT\n");
    return 2;
}
