/* member: files, handshake and messages of a scripted member. */
#include "tests/e2e/hostile/member.h"

#include "crypto/secret.h"
#include "node/process/dir.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "hostile: %s\n", what);
    exit(1);
}

void must_ok(enum err err, const char *what) {
    if (err == OK) return;
    fprintf(stderr, "hostile: %s: %s\n", what, err_text(err));
    exit(1);
}

static struct keyfile *keyfile_load(const char *dir, const char *name) {
    struct keyfile *keyfile = secret_new(sizeof *keyfile);
    struct buf file = {0};
    must(keyfile != NULL, "out of memory");
    must_ok(dir_read(&file, dir, name, KEYFILE_BYTES_MAX), name);
    must_ok(keyfile_open(keyfile, bytes_of_buf(&file), bytes_of(NULL, 0)), name);
    buf_free(&file);
    return keyfile;
}

/* A card's decoded bytes stay for the life of the program: the card borrows them. */
static void card_load(struct card *card, const char *path) {
    struct buf text = {0}, binary = {0};
    must_ok(dir_read_path(&text, path, 2 * CARD_BYTES_MAX), path);
    must_ok(card_dearmour(&binary, bytes_of_buf(&text)), path);
    must_ok(card_read(card, bytes_of_buf(&binary)), path);
    buf_free(&text);
}

void member_card_add(struct member *member, const char *path) {
    must(member->card_count < MEMBER_CARDS_MAX, "too many cards");
    card_load(&member->cards[member->card_count++], path);
}

void member_load(struct member *member, const char *dir, const char *victim_card, const char *endpoint) {
    struct card *own = &member->own;
    char path[DIR_PATH_MAX];
    *member = (struct member){0};
    random_init_kernel(&member->random);
    member->root = keyfile_load(dir, DIR_ROOT_KEY);
    struct keyfile *node = keyfile_load(dir, DIR_NODE_KEY);
    memcpy(member->key.sign_seed, node->sign_seed, sizeof node->sign_seed);
    memcpy(member->key.curve_secret, node->curve_secret, sizeof node->curve_secret);
    crypto_scalarmult_base(member->key.curve_public, member->key.curve_secret);
    secret_free(node);
    must_ok(dir_path(path, dir, DIR_CARD), dir);
    card_load(own, path);
    member->agency = own->agency;
    buf_put(&member->chain, own->chain);
    memcpy(member->key.node_id, own->agency.nodes[0].id, NODE_ID_BYTES);
    must(own->prekey_count == 1 && own->prekey_entries[0].seq == 1, "our card holds no first entry");
    member_log_add(member, own->prekeys);
    must(strlen(endpoint) < sizeof member->endpoint, "the endpoint is too long");
    strcpy(member->endpoint, endpoint);
    member_card_add(member, victim_card);
}

void member_log_add(struct member *member, struct bytes bytes) {
    struct entry entry;
    must_ok(entry_parse(&entry, bytes), "our own entry");
    must(entry.seq == member->seq + 1 && entry.seq < MEMBER_ENTRIES_MAX, "our log has no room");
    member->starts[entry.seq] = member->log.size;
    buf_put(&member->log, bytes);
    must_ok(buf_result(&member->log), "our log");
    member->seq = entry.seq;
    memcpy(member->head_id, entry.id, HASH_BYTES);
}

const struct agency_node *member_victim(const struct member *member) { return &member->cards[0].agency.nodes[0]; }

void member_key_make(struct member *member, struct member_key *key) {
    uint8_t sign_public[SIGN_PUBLIC_BYTES];
    random_bytes(&member->random, key->sign_seed, sizeof key->sign_seed);
    random_bytes(&member->random, key->curve_secret, sizeof key->curve_secret);
    crypto_scalarmult_base(key->curve_public, key->curve_secret);
    sign_public_of_seed(sign_public, key->sign_seed);
    agency_node_id(key->node_id, member->agency.id, sign_public);
}

/* PROTOCOL.md 6.1: the hash that the dialler's proof signs. */
static void proof_make(struct member_link *link, uint8_t signature[static SIGN_BYTES]) {
    uint8_t text[2 * CURVE_KEY_BYTES + 2 * WIRE_NONCE_BYTES], *at = text;
    struct sign_subject subject = {.purpose = SIGN_LINK, .type = 1, .suite = AGENCY_SUITE};
    memcpy(at, link->key->curve_public, CURVE_KEY_BYTES);
    memcpy(at += CURVE_KEY_BYTES, member_victim(link->member)->curve_public, CURVE_KEY_BYTES);
    memcpy(at += CURVE_KEY_BYTES, link->nonce, WIRE_NONCE_BYTES);
    memcpy(at += WIRE_NONCE_BYTES, link->nonce_peer, WIRE_NONCE_BYTES);
    memcpy(subject.agency, link->member->agency.id, AGENCY_ID_BYTES);
    hash_of(subject.hash, "comity-link", bytes_of(text, sizeof text), bytes_of(NULL, 0));
    sign_make(signature, &subject, link->key->sign_seed);
}

static void link_key_make(struct member_link *link) {
    bool first = memcmp(link->nonce, link->nonce_peer, WIRE_NONCE_BYTES) < 0;
    hash_of(link->link_key, "comity-link-key", bytes_of(first ? link->nonce : link->nonce_peer, WIRE_NONCE_BYTES),
            bytes_of(first ? link->nonce_peer : link->nonce, WIRE_NONCE_BYTES));
}

static bool handshake(struct member_link *link) {
    struct member *member = link->member;
    struct buf out = {0};
    struct message message;
    uint8_t instance[WIRE_INSTANCE_BYTES], signature[SIGN_BYTES];
    random_bytes(&member->random, link->nonce, sizeof link->nonce);
    random_bytes(&member->random, instance, sizeof instance);
    wire_hello(&out, member->agency.id, link->key->node_id, link->nonce, instance);
    if (!member_send(link, &out)) return false;
    if (member_next(link, &message, 5000) != MEMBER_MESSAGE || message.kind != MESSAGE_HELLO) return false;
    memcpy(link->nonce_peer, message.hello.nonce, WIRE_NONCE_BYTES);
    link_key_make(link);
    proof_make(link, signature);
    wire_proof(&out, signature);
    if (!member_send(link, &out)) return false;
    return member_next(link, &message, 5000) == MEMBER_MESSAGE && message.kind == MESSAGE_PROOF;
}

bool member_open(struct member_link *link, struct member *member, const struct member_key *key) {
    struct buf in = link->in;
    *link = (struct member_link){.member = member, .key = key, .in = in, .client.fd = -1};
    link->open = curve_client_open(&link->client, member->endpoint, member_victim(member)->curve_public, key->curve_public,
                                   key->curve_secret) &&
                 handshake(link);
    if (!link->open) member_close(link);
    return link->open;
}

void member_close(struct member_link *link) {
    curve_client_close(&link->client);
    link->open = false;
}

/* What an honest author would give; nothing of other logs. */
static bool range_answer(struct member_link *link, const struct message *message) {
    const struct member *member = link->member;
    uint8_t own[WIRE_TAG_BYTES];
    struct buf out = {0};
    struct bytes entries = bytes_of(NULL, 0);
    uint64_t seq = message->get.seq, end = seq;
    member_tag(link, own, member->key.node_id, NODE_ID_BYTES);
    if (memcmp(own, message->get.tag, sizeof own) != 0) return true;
    size_t bytes_max = message->get.bytes_max < LIMIT_ENTRIES_BYTES ? (size_t)message->get.bytes_max : LIMIT_ENTRIES_BYTES;
    for (; end <= member->seq; end++) {
        size_t stop = end < member->seq ? member->starts[end + 1] : member->log.size;
        if (stop - member->starts[seq] > bytes_max) break;
        entries = bytes_of(member->log.data + member->starts[seq], stop - member->starts[seq]);
    }
    wire_entries(&out, own, seq, entries);
    return member_send(link, &out);
}

enum member_event member_next(struct member_link *link, struct message *out, int wait_ms) {
    for (;;) {
        struct pollfd poll_fd = {.fd = link->client.fd, .events = POLLIN};
        if (link->client.fd < 0) return MEMBER_CUT;
        if (poll(&poll_fd, 1, wait_ms) == 0) return MEMBER_QUIET;
        if (!curve_client_receive(&link->client, &link->in)) return MEMBER_CUT;
        if (link->in.size == 0) continue;
        must_ok(wire_decode(out, bytes_of_buf(&link->in)), "the victim's message");
        if (out->kind == MESSAGE_TRUST) link->generation_heard = out->trust.generation;
        if (out->kind == MESSAGE_GET && !link->mute && !range_answer(link, out)) return MEMBER_CUT;
        return MEMBER_MESSAGE;
    }
}

bool member_drain(struct member_link *link) {
    struct message message;
    enum member_event event;
    while ((event = member_next(link, &message, 0)) == MEMBER_MESSAGE) continue;
    return event != MEMBER_CUT;
}

bool member_send(struct member_link *link, struct buf *message) {
    must_ok(buf_result(message), "encoding");
    bool sent = member_send_raw(link, message->data, message->size);
    buf_clear(message);
    buf_free(message);
    return sent;
}

bool member_send_raw(struct member_link *link, const void *data, size_t size) {
    link->sent++;
    return link->client.fd >= 0 && curve_client_send(&link->client, bytes_of(data, size), false);
}

void member_tag(const struct member_link *link, uint8_t out[static WIRE_TAG_BYTES], const uint8_t *id, size_t id_bytes) {
    uint8_t tag[HASH_BYTES];
    hash_derive(tag, link->link_key, "comity-tag", bytes_of(id, id_bytes));
    memcpy(out, tag, WIRE_TAG_BYTES);
}

/* As the side that dialled says it. */
static void agency_tag(const struct member_link *link, uint8_t out[static WIRE_TAG_BYTES], const uint8_t *agency_id) {
    uint8_t text[AGENCY_ID_BYTES + 1];
    memcpy(text, agency_id, AGENCY_ID_BYTES);
    text[AGENCY_ID_BYTES] = 1;
    member_tag(link, out, text, sizeof text);
}

bool member_tags(struct member_link *link, uint64_t generation) {
    const struct member *member = link->member;
    struct wire_pair pairs[1 + MEMBER_CARDS_MAX];
    struct message message;
    struct buf out = {0};
    uint32_t count = 0;
    agency_tag(link, pairs[count].tag, member->agency.id);
    pairs[count++].number = member->agency.record_count;
    for (size_t i = 0; i < member->card_count; i++) {
        agency_tag(link, pairs[count].tag, member->cards[i].agency.id);
        pairs[count++].number = member->cards[i].agency.record_count;
    }
    while (link->generation_heard == 0)
        if (member_next(link, &message, 5000) != MEMBER_MESSAGE) return false;
    wire_tags(&out, generation, pairs, count);
    return member_send(link, &out);
}
