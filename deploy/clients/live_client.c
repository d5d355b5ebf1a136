/* Follows Comity's live feed and prints JSON lines; keeps its position in a file (node/live/LIVE.md).
   cc live_client.c -lczmq -lzmq -lmsgpackc && ./a.out tcp://HOST:PORT SERVER-KEY KEY-FILE SUBSCRIPTION POSITION-FILE */
#include <czmq.h>
#include <msgpack.h>

#define TEXT(n) (int)part[n].via.str.size, part[n].via.str.ptr
enum { CREDIT = 1000, QUIET_MS = 3000, DEAD = 5 }; /* messages at a time; a sign of life after so long; after so many: gone */

/* ["hello", 1, subscription, [cursor, gone], credit], ["ack", cursor, gone, credit] or ["still"] */
static void say(zsock_t *socket, const char *kind, const char *subscription, const uint64_t numbers[3]) {
    msgpack_sbuffer out = {0};
    msgpack_packer pack = {.data = &out, .callback = msgpack_sbuffer_write};
    msgpack_pack_array(&pack, subscription ? 5 : numbers ? 4 : 1);
    msgpack_pack_str_with_body(&pack, kind, strlen(kind));
    if (subscription) msgpack_pack_int(&pack, 1), msgpack_pack_str_with_body(&pack, subscription, strlen(subscription));
    if (subscription) msgpack_pack_array(&pack, 2);
    for (int i = 0; numbers && i < 3; i++) msgpack_pack_uint64(&pack, numbers[i]);
    zmq_send(zsock_resolve(socket), out.data, out.size, ZMQ_DONTWAIT);
    msgpack_sbuffer_destroy(&out);
}

/* at: cursor, gone, and how many messages were taken since the last acknowledgement. False: the session is over. */
static bool take(zsock_t *socket, FILE *file, const msgpack_object *part, uint64_t at[3]) {
    char kind = part[0].via.str.ptr[0]; /* object, withdrawn, still, welcome, reset, error */
    if (kind == 'e') return fprintf(stderr, "%.*s: %.*s\n", TEXT(1), TEXT(2)), false;
    bool gone = part[0].via.str.size == 9;
    at[0] = part[1].via.u64, at[1] = part[2].via.u64, at[2] += kind == 'o' || gone;
    if (kind == 'r') printf("{\"at\":[%" PRIu64 ",%" PRIu64 "],\"reset\":true}\n", at[0], at[1]); /* forget all before it */
    if (gone || kind == 'o') printf("{\"at\":[%" PRIu64 ",%" PRIu64 "],\"author\":\"%.*s\",", at[0], at[1], TEXT(5));
    if (kind == 'o') printf("\"label\":\"%.*s\",\"object\":%.*s}\n", TEXT(4), TEXT(9));
    if (gone) printf("\"label\":\"%.*s\",\"withdrawn\":\"%.*s\",\"cause\":\"%.*s\"}\n", TEXT(4), TEXT(6), TEXT(9));
    rewind(file); /* twenty characters each: what stood there before is overwritten */
    if (fflush(stdout) != 0 || fprintf(file, "%20" PRIu64 "%20" PRIu64, at[0], at[1]) < 0 || fflush(file) != 0) exit(1);
    if (at[2] >= CREDIT / 2 || kind == 's') say(socket, "ack", NULL, at), at[2] = 0;
    return true;
}

int main(int count, char **words) {
    FILE *file = count == 6 ? fopen(words[5], access(words[5], F_OK) == 0 ? "r+" : "w+") : NULL;
    zcert_t *keys = count == 6 ? zcert_load(words[3]) : NULL;
    if (!file || !keys) return fprintf(stderr, "address, server key, key file, subscription, position file: see above\n"), 2;
    for (; !zsys_interrupted; zclock_sleep(500)) { /* again when the server was silent, or ended the session */
        uint64_t at[3] = {0};                      /* from the beginning, unless the file says more */
        zsock_t *socket = zsock_new(ZMQ_DEALER);
        zcert_apply(keys, socket), zsock_set_curve_serverkey(socket, words[2]), zsock_set_rcvtimeo(socket, QUIET_MS);
        zsock_connect(socket, "%s", words[1]), rewind(file);
        if (fscanf(file, "%" SCNu64 "%" SCNu64, &at[0], &at[1]) == 1) break;
        say(socket, "hello", words[4], (uint64_t[]){at[0], at[1], CREDIT});
        for (int quiet = 0; quiet < DEAD && !zsys_interrupted;) {
            zframe_t *frame = zframe_recv(socket);
            msgpack_unpacked got = {0};
            if (!frame) say(socket, "still", NULL, NULL);
            bool good = frame && msgpack_unpack_next(&got, (char *)zframe_data(frame), zframe_size(frame), NULL) > 0;
            quiet = !frame ? quiet + 1 : good && take(socket, file, got.data.via.array.ptr, at) ? 0 : DEAD;
            msgpack_unpacked_destroy(&got), zframe_destroy(&frame);
        }
        zsock_destroy(&socket);
    }
    return 0;
}
