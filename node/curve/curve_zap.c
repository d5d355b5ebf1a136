/* curve_zap: who may connect. */
#include "node/curve/curve_zap.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_FRAMES  7
#define REQUESTS_A_STEP 64
#define FRAME_BYTES_MAX 256

enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, ROUTING_ID, MECHANISM, CREDENTIAL };

enum err curve_zap_open(struct curve_zap *zap) {
    *zap = (struct curve_zap){.serial_next = 1};
    return curve_socket_zap(&zap->socket);
}

void curve_zap_close(struct curve_zap *zap) {
    curve_socket_close(&zap->socket);
    free(zap->keys);
    zap->keys = NULL;
    zap->key_count = 0;
}

static int key_compare(const void *a, const void *b) { return memcmp(a, b, CURVE_KEY_BYTES); }

enum err curve_zap_allow(struct curve_zap *zap, struct bytes keys) {
    if (keys.size % CURVE_KEY_BYTES != 0) return ERR_FORMAT;
    size_t count = keys.size / CURVE_KEY_BYTES;
    if (count > CURVE_ALLOW_MAX) return ERR_TOO_BIG;
    uint8_t *copy = malloc(keys.size + 1);
    if (copy == NULL) return ERR_MEMORY;
    if (keys.size > 0) memcpy(copy, keys.data, keys.size);
    qsort(copy, count, CURVE_KEY_BYTES, key_compare);
    free(zap->keys);
    zap->keys = copy;
    zap->key_count = count;
    return OK;
}

bool curve_zap_allowed(const struct curve_zap *zap, const uint8_t key[static CURVE_KEY_BYTES]) {
    return zap->key_count > 0 && bsearch(key, zap->keys, zap->key_count, CURVE_KEY_BYTES, key_compare) != NULL;
}

struct request {
    uint8_t frames[REQUEST_FRAMES][FRAME_BYTES_MAX];
    size_t sizes[REQUEST_FRAMES];
    bool well_formed;
};

/* False when none waits. The whole request is always taken, so that the socket can answer. */
static bool request_read(struct curve_zap *zap, struct request *request) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    size_t count = 0;
    bool more = true, fits = true;
    while (more && zmq_msg_recv(&message, zap->socket.handle, ZMQ_DONTWAIT) >= 0) {
        size_t size = zmq_msg_size(&message);
        if (count < REQUEST_FRAMES && size <= FRAME_BYTES_MAX) {
            if (size > 0) memcpy(request->frames[count], zmq_msg_data(&message), size);
            request->sizes[count] = size;
        } else {
            fits = false;
        }
        count++;
        more = zmq_msg_more(&message);
    }
    zmq_msg_close(&message);
    request->well_formed = fits && !more && count == REQUEST_FRAMES;
    return count > 0;
}

static bool frame_is(const struct request *request, int index, const char *text) {
    return bytes_equal_text(bytes_of(request->frames[index], request->sizes[index]), text);
}

static bool request_admitted(const struct curve_zap *zap, const struct request *request) {
    return request->well_formed && frame_is(request, VERSION, "1.0") && frame_is(request, DOMAIN, CURVE_ZAP_DOMAIN) &&
           frame_is(request, MECHANISM, "CURVE") && request->sizes[CREDENTIAL] == CURVE_KEY_BYTES &&
           curve_zap_allowed(zap, request->frames[CREDENTIAL]);
}

static void frame_send(struct curve_zap *zap, struct bytes frame, bool more) {
    /* Inproc and bounded by one request at a time: it fails only when the asker is gone. */
    int sent = zmq_send(zap->socket.handle, frame.data, frame.size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    (void)sent;
}

static void request_answer(struct curve_zap *zap, const struct request *request) {
    bool admitted = request_admitted(zap, request);
    char user[2 * CURVE_KEY_BYTES + 1] = "", serial[17];
    uint8_t metadata[64];
    size_t metadata_bytes = 0;
    if (admitted) {
        hex_encode(user, bytes_of(request->frames[CREDENTIAL], CURVE_KEY_BYTES));
        uint8_t raw[8];
        put_be64(raw, zap->serial_next++);
        hex_encode(serial, bytes_of(raw, sizeof raw));
        metadata[0] = sizeof CURVE_ZAP_SERIAL_PROPERTY - 1;
        memcpy(metadata + 1, CURVE_ZAP_SERIAL_PROPERTY, metadata[0]);
        put_be32(metadata + 1 + metadata[0], 16);
        memcpy(metadata + 5 + metadata[0], serial, 16);
        metadata_bytes = 5u + metadata[0] + 16u;
    } else {
        zap->refused++;
    }
    size_t id_bytes = request->well_formed ? request->sizes[REQUEST_ID] : 0;
    frame_send(zap, bytes_of_text("1.0"), true);
    frame_send(zap, bytes_of(request->frames[REQUEST_ID], id_bytes), true);
    frame_send(zap, bytes_of_text(admitted ? "200" : "400"), true);
    frame_send(zap, bytes_of_text(admitted ? "OK" : "not allowed"), true);
    frame_send(zap, bytes_of_text(user), true);
    frame_send(zap, bytes_of(metadata, metadata_bytes), false);
}

void curve_zap_step(struct curve_zap *zap, void (*before)(void *context), void *context) {
    if (zap->socket.sock == NULL) return;
    zap->socket.check = true;
    for (int i = 0; i < REQUESTS_A_STEP; i++) {
        struct request request;
        if (!request_read(zap, &request)) {
            zap->socket.check = false;
            return;
        }
        if (before != NULL) before(context);
        request_answer(zap, &request);
    }
}
