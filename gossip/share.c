#include "gossip/share.h"

#include "gossip/pack.h"

#include <string.h>

#define SHARE_VERSION 1
#define SHARE_FIELDS  4

enum err share_encode(struct buf *out, const struct share *share) {
    if (share->object.size == 0 || share->object.size > PROOF_BYTES_MAX || share->permission.size > PROOF_BYTES_MAX)
        return ERR_RANGE;
    pack_write_array(out, SHARE_FIELDS);
    pack_write_uint(out, SHARE_VERSION);
    pack_write_uint(out, share->shared_ms);
    pack_write_bin(out, share->object);
    pack_write_bin(out, share->permission);
    return buf_result(out);
}

enum err share_decode(struct share *out, struct bytes text) {
    struct pack_reader reader = pack_reader_of(text);
    *out = (struct share){0};
    if (pack_read_array(&reader) != SHARE_FIELDS) return ERR_FORMAT;
    uint64_t version = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (version != SHARE_VERSION) return ERR_VERSION;
    out->shared_ms = pack_read_uint(&reader);
    out->object = pack_read_bin(&reader);
    out->permission = pack_read_bin(&reader);
    enum err err = pack_done(&reader);
    if (err != OK) return err;
    return out->object.size == 0 || out->object.size > PROOF_BYTES_MAX || out->permission.size > PROOF_BYTES_MAX ? ERR_RANGE : OK;
}

enum err share_read(struct share_facts *out, struct item *original, struct bytes text) {
    struct share share;
    struct proof proof;
    *out = (struct share_facts){0};
    enum err err = share_decode(&share, text);
    if (err == OK) err = proof_decode(&proof, share.object);
    if (err == OK) err = proof_read(&out->object, &proof);
    if (err == OK) err = item_decode(original, proof.item);
    out->encoded = proof.item;
    out->item_index = proof.item_index;
    out->shared_ms = share.shared_ms;
    out->permitted = share.permission.size > 0;
    return err;
}

/* The permission's statement, signed by a node of the author. */
static enum err grant_verify(struct permit_grant *out, struct item *scratch, struct bytes encoded, const struct agency *author) {
    struct proof proof;
    struct proof_facts facts;
    enum err err = proof_decode(&proof, encoded);
    if (err == OK) err = proof_verify(&facts, &proof, author);
    if (err == OK) err = item_decode(scratch, proof.item);
    if (err == OK && !bytes_equal_text(scratch->type, PERMIT_GRANT_TYPE)) err = ERR_FORMAT;
    return err == OK ? permit_grant_decode(out, scratch->text) : err;
}

static enum err grant_fits(const struct share_facts *facts, const struct item *original, const struct share_way *way,
                           const char **why) {
    const struct permit_grant *grant = &facts->grant;
    *why = "the permission is for another object";
    if (memcmp(grant->leaf, facts->object.leaf, HASH_BYTES) != 0 || !bytes_equal(grant->object_id, original->id)) return ERR_DENIED;
    *why = "the permission was given to another agency than the one that shared it";
    if (memcmp(grant->grantee, way->via, AGENCY_ID_BYTES) != 0) return ERR_DENIED;
    *why = "the permission names another reader";
    if (memcmp(grant->reader, way->reader, AGENCY_ID_BYTES) != 0) return ERR_DENIED;
    *why = "the permission had ended when it was shared";
    if (grant->until_ms != 0 && facts->shared_ms > grant->until_ms) return ERR_EXPIRED;
    *why = NULL;
    return OK;
}

bool share_needs_permission(enum tlp tlp, const struct marks *marks) {
    return tlp < TLP_CLEAR || tlp > TLP_GREEN || (marks->handling & MARKS_H2);
}

enum err share_verify(struct share_facts *out, struct item *original, struct item *scratch, struct bytes text,
                      const struct agency *author, const struct share_way *way, const char **why) {
    struct share share;
    struct proof proof;
    *out = (struct share_facts){0};
    *why = "the author's proof does not hold";
    enum err err = share_decode(&share, text);
    if (err == OK) err = proof_decode(&proof, share.object);
    if (err == OK) err = proof_verify(&out->object, &proof, author);
    if (err == OK) err = item_decode(original, proof.item);
    if (err != OK) return err;
    out->encoded = proof.item;
    out->item_index = proof.item_index;
    out->shared_ms = share.shared_ms;
    struct marks marks;
    *why = "its marks cannot be read";
    err = marks_decode(&marks, original->marks);
    if (err != OK) return err;
    if (share.permission.size == 0) {
        bool admitted = way->admitted && marks.group.size > 0 && !(marks.handling & MARKS_H2);
        bool needed = !admitted && share_needs_permission(original->tlp, &marks);
        *why = needed ? "its author's permission is missing" : NULL;
        return needed ? ERR_DENIED : OK;
    }
    *why = "the permission's proof does not hold";
    err = grant_verify(&out->grant, scratch, share.permission, author);
    if (err != OK) return err;
    out->permitted = true;
    *why = "it is marked H2, and the permission does not consent to that";
    if ((marks.handling & MARKS_H2) && !(out->grant.codes & MARKS_H2)) return ERR_DENIED;
    return grant_fits(out, original, way, why);
}
