/* A core with one trusted, linked peer that sends whatever it likes: no crash, a bounded number of questions and actions. */
#include "crypto/selftest.h"
#include "crypto/sign.h"
#include "gossip/gossip.h"
#include "gossip/limits.h"
#include "node/identity/genesis.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS 1800000000000ull
#define LINK   2

static struct genesis self, other;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct genesis_options options = {.agency_name = "self", .endpoint = "tcp://192.0.2.1:7000", .now_ms = NOW_MS};
    uint8_t seed[RANDOM_SEED_BYTES] = {7};
    struct random random;
    const char *what;
    (void)argc, (void)argv;
    if (selftest_run(&what) != OK) return 1;
    random_init_seed(&random, seed);
    if (genesis_make(&self, &options, &random) != OK) return 1;
    options.agency_name = "other";
    return genesis_make(&other, &options, &random) != OK;
}

struct run {
    struct gossip *gossip;
    struct actions actions;
    uint8_t nonce[WIRE_NONCE_BYTES];
    struct sign_subject subject;
    uint64_t ticket;
};

static void step(struct run *run, struct event *event) {
    event->now_ms = NOW_MS;
    event->monotonic_ms = 1000;
    enum err err = gossip_step(run->gossip, event, &run->actions);
    if (err == ERR_MEMORY || run->actions.count > 20000) abort();
    for (size_t i = 0; i < run->actions.count; i++) {
        const struct action *action = &run->actions.list[i];
        struct message message;
        if (action->kind == ACTION_SIGN) run->ticket = action->sign.ticket, run->subject = action->sign.subject;
        if (action->kind != ACTION_SEND) continue;
        if (wire_decode(&message, action->send.bytes) != OK) abort(); /* we say nothing that we would not accept */
        if (message.kind == MESSAGE_HELLO) memcpy(run->nonce, message.hello.nonce, WIRE_NONCE_BYTES);
    }
}

static void say(struct run *run, struct bytes bytes) {
    struct event event = {.kind = EVENT_MESSAGE, .message = {.link = LINK, .bytes = bytes}};
    step(run, &event);
}

/* The handshake of both sides, so that the fuzzer starts at an open link. */
static void link_open(struct run *run) {
    struct event event = {.kind = EVENT_TRUST, .trust = {bytes_of_buf(&other.chain), bytes_of_buf(&other.prekey)}};
    uint8_t nonce[WIRE_NONCE_BYTES] = {1}, instance[WIRE_INSTANCE_BYTES] = {2}, signature[SIGN_BYTES];
    const struct agency_node *node = &other.agency.nodes[0];
    struct buf out = {0};
    step(run, &event);
    event = (struct event){.kind = EVENT_LINK_UP, .link_up = {.link = LINK}};
    memcpy(event.link_up.curve_public, node->curve_public, CURVE_KEY_BYTES);
    step(run, &event);
    wire_hello(&out, other.agency.id, node->id, nonce, instance);
    say(run, bytes_of_buf(&out));
    sign_make(signature, &run->subject, self.node->sign_seed);
    event = (struct event){.kind = EVENT_SIGNED, .signed_ = {.ticket = run->ticket, .signature = signature}};
    step(run, &event);
    /* The other side's proof is over the same facts, seen from there. */
    struct sign_subject subject = {.purpose = SIGN_LINK, .type = 1, .suite = AGENCY_SUITE};
    uint8_t text[2 * CURVE_KEY_BYTES + 2 * WIRE_NONCE_BYTES];
    memcpy(text, node->curve_public, CURVE_KEY_BYTES);
    memcpy(text + 32, self.agency.nodes[0].curve_public, CURVE_KEY_BYTES);
    memcpy(text + 64, nonce, WIRE_NONCE_BYTES);
    memcpy(text + 96, run->nonce, WIRE_NONCE_BYTES);
    memcpy(subject.agency, other.agency.id, AGENCY_ID_BYTES);
    hash_of(subject.hash, "comity-link", bytes_of(text, sizeof text), bytes_of(NULL, 0));
    sign_make(signature, &subject, other.node->sign_seed);
    buf_clear(&out);
    wire_proof(&out, signature);
    say(run, bytes_of_buf(&out));
    buf_free(&out);
    struct gossip_link_view view;
    gossip_link_view(run->gossip, 0, &view);
    if (!view.open) abort();
}

/* The input is a row of messages, each with two bytes of length in front. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct run run = {0};
    struct gossip_options options = {.own_chain = bytes_of_buf(&self.chain), .seed = {9}};
    memcpy(options.node_id, self.agency.nodes[0].id, NODE_ID_BYTES);
    if (gossip_open(&run.gossip, &options) != OK) abort();
    link_open(&run);
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        if (length > size - 2) length = size - 2;
        say(&run, bytes_of(data + 2, length));
        data += 2 + length, size -= 2 + length;
    }
    gossip_close(run.gossip);
    actions_free(&run.actions);
    return 0;
}
