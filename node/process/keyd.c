#include "node/process/keyd.h"

#include "crypto/agency_record.h"
#include "crypto/epoch.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "crypto/selftest.h"
#include "crypto/sign.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/identity/newnode.h"
#include "node/process/proc.h"
#include "node/process/sandbox.h"

#include <poll.h>
#include <string.h>

/* The secrets, and what guards them. One guarded allocation. */
struct vaulted {
    struct keyfile keys;
    struct keyfile ops; /* kind 0: there is none */
    struct keyfile_lock lock;
};

struct keyd {
    struct proc_child child;
    struct vaulted *secrets;
    uint8_t node_id[NODE_ID_BYTES];
    struct random random;
    uint64_t floor;         /* never sign an entry at or below this number again */
    uint8_t floor_hash[32]; /* what was signed at it in this life: the same may be signed again */
    uint64_t ledger_floor;  /* nor an end of the disclosure ledger below this number */
    uint64_t started_ms;
    bool stopping;
};

enum err keyd_settings_encode(struct buf *out, enum log_level log_level, const char *key_path, struct bytes passphrase) {
    if (strlen(key_path) > UINT16_MAX || passphrase.size > UINT16_MAX) return ERR_TOO_BIG;
    buf_put_u8(out, 1);
    buf_put_u8(out, (uint8_t)log_level);
    buf_put_u16(out, (uint16_t)strlen(key_path));
    buf_put_text(out, key_path);
    buf_put_u16(out, (uint16_t)passphrase.size);
    buf_put(out, passphrase);
    return buf_result(out);
}

/* --- answers --- */

static enum err answer(struct keyd *keyd, enum frame_type type, uint64_t tag, struct bytes body) {
    return channel_send(&keyd->child.peers[ROLE_ENGINE], type, tag, body);
}

static enum err refuse(struct keyd *keyd, uint64_t tag, enum err why) {
    uint8_t code[2];
    put_be16(code, (uint16_t)why);
    return answer(keyd, FRAME_KEY_REFUSED, tag, bytes_of(code, sizeof code));
}

/* An entry's number is signed once, or the same entry again: PROTOCOL.md 4.4. */
static bool entry_allowed(struct keyd *keyd, const struct sign_subject *subject) {
    if (subject->purpose != SIGN_ENTRY) return true;
    if (subject->seq < keyd->floor) return false;
    if (subject->seq == keyd->floor && memcmp(subject->hash, keyd->floor_hash, 32) != 0) return false;
    keyd->floor = subject->seq;
    memcpy(keyd->floor_hash, subject->hash, 32);
    return true;
}

/* A ledger only grows: an end in front of one that was signed would vouch for a shortened copy. */
static bool ledger_allowed(struct keyd *keyd, const struct sign_subject *subject) {
    if (subject->purpose != SIGN_LEDGER) return true;
    if (subject->type != 1 || subject->suite != AGENCY_SUITE || subject->seq == 0 || subject->seq < keyd->ledger_floor)
        return false;
    keyd->ledger_floor = subject->seq;
    return true;
}

static enum err on_sign(struct keyd *keyd, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    struct sign_subject subject = {0};
    uint8_t signature[SIGN_BYTES];
    uint8_t purpose = cursor_u8(&cursor);
    subject.type = cursor_u8(&cursor);
    subject.suite = cursor_u8(&cursor);
    cursor_u8(&cursor);
    subject.seq = cursor_u64(&cursor);
    cursor_copy(&cursor, subject.hash, sizeof subject.hash);
    if (!cursor_done(&cursor)) return refuse(keyd, frame->tag, ERR_FORMAT);
    /* Agency records are signed by root and ops keys, never by a node's. */
    if (purpose != SIGN_ENTRY && purpose != SIGN_LINK && purpose != SIGN_HEADS && purpose != SIGN_LEDGER)
        return refuse(keyd, frame->tag, ERR_DENIED);
    subject.purpose = (enum sign_purpose)purpose;
    memcpy(subject.agency, keyd->secrets->keys.agency_id, sizeof subject.agency);
    if (!entry_allowed(keyd, &subject)) return refuse(keyd, frame->tag, ERR_FORK);
    if (!ledger_allowed(keyd, &subject)) return refuse(keyd, frame->tag, ERR_RANGE);
    sign_make(signature, &subject, keyd->secrets->keys.sign_seed);
    return answer(keyd, FRAME_KEY_SIGNED, frame->tag, bytes_of(signature, sizeof signature));
}

static enum err on_open(struct keyd *keyd, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    struct epoch_author author;
    struct epoch_reader reader = {0};
    uint8_t secret[EPOCH_SECRET_BYTES];
    cursor_copy(&cursor, author.agency_id, sizeof author.agency_id);
    cursor_copy(&cursor, author.node_id, sizeof author.node_id);
    if (cursor.failed) return refuse(keyd, frame->tag, ERR_FORMAT);
    struct bytes body = bytes_of(cursor.at, cursor.left);
    memcpy(reader.agency_id, keyd->secrets->keys.agency_id, sizeof reader.agency_id);
    memcpy(reader.node_id, keyd->node_id, sizeof reader.node_id);
    enum err result = ERR_NOT_READER;
    /* Newest first: most epochs are sealed to it. */
    for (size_t i = keyd->secrets->keys.prekey_count; i-- > 0 && result == ERR_NOT_READER;) {
        const struct keyfile_prekey *prekey = &keyd->secrets->keys.prekeys[i];
        reader.prekey_id = prekey->public_half.id;
        memcpy(reader.prekey_public, prekey->public_half.public_key, sizeof reader.prekey_public);
        result = epoch_open(secret, body, &author, &reader, prekey->secret);
    }
    if (result != OK) return refuse(keyd, frame->tag, result);
    enum err err = answer(keyd, FRAME_KEY_OPENED, frame->tag, bytes_of(secret, sizeof secret));
    secret_wipe(secret, sizeof secret);
    channel_wipe(&keyd->child.peers[ROLE_ENGINE]);
    return err;
}

static void prekey_drop(struct keyfile *keys, size_t index) {
    for (size_t i = index; i + 1 < keys->prekey_count; i++) keys->prekeys[i] = keys->prekeys[i + 1];
    keys->prekey_count--;
    secret_wipe(&keys->prekeys[keys->prekey_count], sizeof keys->prekeys[0]);
}

static enum err on_prekey(struct keyd *keyd, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    struct keyfile *keys = &keyd->secrets->keys;
    struct buf out = {0};
    uint64_t now_ms = cursor_u64(&cursor);
    if (!cursor_done(&cursor)) return refuse(keyd, frame->tag, ERR_FORMAT);
    if (keys->prekey_count == KEYFILE_PREKEYS_MAX) prekey_drop(keys, 0);
    struct keyfile_prekey *prekey = &keys->prekeys[keys->prekey_count++];
    random_bytes(&keyd->random, prekey->secret, sizeof prekey->secret);
    prekey->public_half.id = keys->prekey_next_id++;
    prekey->public_half.created_ms = now_ms;
    prekey_public_of_secret(prekey->public_half.public_key, prekey->secret);
    uint8_t *body = buf_grow(&out, PREKEY_BODY_BYTES);
    if (body) prekey_write(body, &prekey->public_half);
    enum err err = keyfile_reseal(&out, keys, &keyd->secrets->lock, &keyd->random);
    if (err == OK)
        err = answer(keyd, FRAME_KEY_NEW_PREKEY, frame->tag, bytes_of_buf(&out));
    else
        err = refuse(keyd, frame->tag, err);
    buf_free(&out);
    return err;
}

static enum err on_forget(struct keyd *keyd, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    struct keyfile *keys = &keyd->secrets->keys;
    struct buf out = {0};
    uint64_t now_ms = cursor_u64(&cursor);
    bool caught_up = cursor_u8(&cursor) != 0;
    size_t before = keys->prekey_count;
    if (!cursor_done(&cursor)) return refuse(keyd, frame->tag, ERR_FORMAT);
    for (size_t i = keys->prekey_count; i-- > 0;) {
        /* The newest stays in any case: without one, nobody could write to this node. */
        if (i + 1 < keys->prekey_count && !prekey_kept(&keys->prekeys[i].public_half, now_ms, keyd->started_ms, caught_up))
            prekey_drop(keys, i);
    }
    if (keys->prekey_count == before) return OK;
    enum err err = keyfile_reseal(&out, keys, &keyd->secrets->lock, &keyd->random);
    if (err == OK) err = answer(keyd, FRAME_KEY_FILE, frame->tag, bytes_of_buf(&out));
    buf_free(&out);
    return err;
}

/* With the ops key nothing is signed but a new certificate of a node that the agency has and did not revoke. */
static bool renewal_allowed(const struct keyd *keyd, struct bytes draft, struct bytes chain) {
    static struct agency agency; /* 40 KiB; one thread */
    struct agency_body body;
    struct cursor cursor = cursor_of(draft);
    uint8_t id[NODE_ID_BYTES];
    if (keyd->secrets->ops.kind != KEYFILE_OPS || agency_parse(&agency, chain, NULL) != OK) return false;
    if (memcmp(agency.id, keyd->secrets->keys.agency_id, AGENCY_ID_BYTES) != 0) return false;
    if (agency_record_read(&body, &cursor) != OK || cursor.left != 0 || body.kind != AGENCY_NODE) return false;
    if (body.index != agency.record_count || memcmp(body.prev, agency.head, HASH_BYTES) != 0) return false;
    agency_node_id(id, agency.id, body.node.sign_public);
    const struct agency_node *node = agency_node_find(&agency, id);
    return node && !node->revoked;
}

static enum err on_renew(struct keyd *keyd, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    struct agency_signature signature;
    uint8_t body[SIGN_PUBLIC_BYTES + SIGN_BYTES];
    struct bytes draft = cursor_take(&cursor, cursor_u16(&cursor));
    if (cursor.failed) return refuse(keyd, frame->tag, ERR_FORMAT);
    if (!renewal_allowed(keyd, draft, bytes_of(cursor.at, cursor.left))) return refuse(keyd, frame->tag, ERR_DENIED);
    newnode_sign(&signature, draft, keyd->secrets->ops.sign_seed);
    memcpy(body, signature.public_key, SIGN_PUBLIC_BYTES);
    memcpy(body + SIGN_PUBLIC_BYTES, signature.signature, SIGN_BYTES);
    return answer(keyd, FRAME_KEY_RENEWED, frame->tag, bytes_of(body, sizeof body));
}

static enum err on_store_key(struct keyd *keyd, const struct frame *frame) {
    uint8_t body[32 + SIGN_PUBLIC_BYTES];
    memcpy(body, keyd->secrets->keys.store_key, 32);
    sign_public_of_seed(body + 32, keyd->secrets->keys.sign_seed);
    enum err err = answer(keyd, FRAME_KEY_STORE, frame->tag, bytes_of(body, sizeof body));
    secret_wipe(body, sizeof body);
    channel_wipe(&keyd->child.peers[ROLE_ENGINE]);
    return err;
}

static enum err on_engine(struct keyd *keyd, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    uint64_t floor;
    switch (frame->type) {
    case FRAME_KEY_SIGN: return on_sign(keyd, frame);
    case FRAME_KEY_OPEN: return on_open(keyd, frame);
    case FRAME_KEY_PREKEY: return on_prekey(keyd, frame);
    case FRAME_KEY_FORGET: return on_forget(keyd, frame);
    case FRAME_KEY_STORE_KEY: return on_store_key(keyd, frame);
    case FRAME_KEY_RENEW: return on_renew(keyd, frame);
    case FRAME_KEY_FLOOR:
        floor = cursor_u64(&cursor);
        if (cursor_done(&cursor) && floor > keyd->floor) {
            keyd->floor = floor;
            memset(keyd->floor_hash, 0, sizeof keyd->floor_hash);
        }
        return OK;
    default: return refuse(keyd, frame->tag, ERR_FORMAT);
    }
}

/* --- start and loop --- */

/* The ops key stands beside the node's, if it is on line, under the same passphrase. Without it certificates are renewed by command. */
static void ops_load(struct keyd *keyd, char path[static DIR_PATH_MAX], struct bytes passphrase) {
    struct buf file = {0};
    char *name = strrchr(path, '/');
    if (!name || (size_t)(name + 1 - path) + sizeof DIR_OPS_KEY > DIR_PATH_MAX) return;
    memcpy(name + 1, DIR_OPS_KEY, sizeof DIR_OPS_KEY);
    enum err err = dir_read_path(&file, path, KEYFILE_BYTES_MAX);
    if (err == OK) err = keyfile_open(&keyd->secrets->ops, bytes_of_buf(&file), passphrase);
    if (err != OK && err != ERR_NOT_FOUND) log_warn(DIR_OPS_KEY " is not used: %s", err_text(err));
    buf_free(&file);
}

static enum err secrets_load(struct keyd *keyd, struct buf *file) {
    struct cursor cursor = cursor_of(bytes_of(keyd->child.settings, keyd->child.settings_bytes));
    char path[DIR_PATH_MAX];
    if (cursor_u8(&cursor) != 1) return ERR_VERSION;
    log_open("key", (enum log_level)cursor_u8(&cursor));
    struct bytes path_bytes = cursor_take(&cursor, cursor_u16(&cursor));
    struct bytes passphrase = cursor_take(&cursor, cursor_u16(&cursor));
    if (!cursor_done(&cursor) || path_bytes.size >= sizeof path) return ERR_FORMAT;
    memcpy(path, path_bytes.data, path_bytes.size);
    path[path_bytes.size] = '\0';
    enum err err = dir_read_path(file, path, KEYFILE_BYTES_MAX);
    if (err != OK) return err;
    keyd->secrets = secret_new(sizeof *keyd->secrets);
    if (!keyd->secrets) return ERR_MEMORY;
    err = keyfile_open_keep(&keyd->secrets->keys, &keyd->secrets->lock, bytes_of_buf(file), passphrase);
    if (err == OK) ops_load(keyd, path, passphrase);
    return err;
}

static enum err curve_send(struct keyd *keyd) {
    uint8_t body[2 * CURVE_KEY_BYTES];
    prekey_public_of_secret(body, keyd->secrets->keys.curve_secret);
    memcpy(body + CURVE_KEY_BYTES, keyd->secrets->keys.curve_secret, CURVE_KEY_BYTES);
    enum err err = channel_send(&keyd->child.peers[ROLE_NET], FRAME_KEY_CURVE, 0, bytes_of(body, sizeof body));
    secret_wipe(body, sizeof body);
    channel_wipe(&keyd->child.peers[ROLE_NET]);
    return err;
}

/* All frames of one channel. A channel that broke is closed: its other end is restarted and comes back as FRAME_PEER. */
static void serve(struct keyd *keyd, struct channel *channel, bool parent, bool fresh) {
    struct frame frame;
    enum err err = fresh ? channel_fill(channel) : OK;
    while (channel->fd >= 0 && channel_next(channel, &frame) == OK) {
        if (!parent) {
            if (channel == &keyd->child.peers[ROLE_ENGINE] && on_engine(keyd, &frame) != OK) err = ERR_CLOSED;
            continue;
        }
        if (frame.type == FRAME_STOP)
            keyd->stopping = true;
        else if (frame.type == FRAME_PEER && proc_child_peer(&keyd->child, &frame) == ROLE_NET && curve_send(keyd) != OK)
            log_warn("the network process went away before it got its key");
    }
    if (err == OK || channel->fd < 0) return;
    if (parent)
        keyd->stopping = true;
    else
        channel_close(channel);
}

static void loop(struct keyd *keyd) {
    struct channel *channels[] = {&keyd->child.parent, &keyd->child.peers[ROLE_ENGINE], &keyd->child.peers[ROLE_NET]};
    /* What start-up left in the buffers, and no poll would tell of. */
    for (int i = 0; i < 3; i++) serve(keyd, channels[i], i == 0, false);
    while (!keyd->stopping) {
        struct pollfd fds[3];
        for (int i = 0; i < 3; i++) {
            fds[i] = (struct pollfd){.fd = channels[i]->fd, .events = POLLIN};
            if (channel_backlog(channels[i]) > 0) fds[i].events |= POLLOUT;
        }
        if (poll(fds, 3, -1) < 0) continue;
        for (int i = 0; i < 3 && !keyd->stopping; i++) {
            if (fds[i].fd < 0 || fds[i].fd != channels[i]->fd) continue;
            if (fds[i].revents & POLLOUT && channel_flush(channels[i]) != OK) fds[i].revents |= POLLHUP;
            if (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) serve(keyd, channels[i], i == 0, true);
        }
    }
}

int key_main(int parent_fd) {
    struct keyd keyd = {0};
    struct buf file = {0};
    const char *what = "libsodium";
    char why[256] = "";
    uint8_t sign_public[SIGN_PUBLIC_BYTES];
    int code = 0;
    if (proc_child_start(&keyd.child, ROLE_KEY, parent_fd) != OK) return 1;
    if (selftest_run(&what) != OK) {
        code = proc_child_fatal(&keyd.child, 5, "the cryptographic self-test '%s' failed", what);
        goto out;
    }
    enum err err = secrets_load(&keyd, &file);
    proc_child_settings_free(&keyd.child);
    if (err != OK) {
        code = proc_child_fatal(&keyd.child, err == ERR_PASSPHRASE ? 3 : 5, "the key file node.key: %s", err_text(err));
        goto out;
    }
    random_init_kernel(&keyd.random);
    keyd.started_ms = clock_wall_ms();
    sign_public_of_seed(sign_public, keyd.secrets->keys.sign_seed);
    agency_node_id(keyd.node_id, keyd.secrets->keys.agency_id, sign_public);
    if (sandbox_enter(ROLE_KEY, NULL, why) != OK) {
        code = proc_child_fatal(&keyd.child, 5, "the key process cannot enter its sandbox: %s", why);
        goto out;
    }
    if (curve_send(&keyd) != OK || proc_child_ready(&keyd.child) != OK) goto out;
    loop(&keyd);
out:
    secret_free(keyd.secrets);
    random_wipe(&keyd.random);
    buf_free(&file);
    proc_child_end(&keyd.child);
    return code;
}
