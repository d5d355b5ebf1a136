/* The texts of statements about objects, from peers: whatever decodes, encodes to the same bytes. The first byte says which. */
#include "gossip/inquiry.h"
#include "gossip/share.h"
#include "gossip/sighting.h"

#include <stdlib.h>

static struct item item, scratch;

static enum err again(struct buf *out, uint8_t which, struct bytes text) {
    static struct agency nobody;
    static const uint8_t anyone[AGENCY_ID_BYTES];
    struct share_way way = {anyone, anyone};
    struct permit_ask ask;
    struct permit_grant grant;
    struct permit_denial denial;
    struct sighting sighting;
    struct sighting_told told;
    struct inquiry inquiry;
    struct inquiry_news news;
    struct share share;
    struct share_facts facts;
    const char *why;
    switch (which % 8) {
    case 0: return permit_ask_decode(&ask, text) == OK ? permit_ask_encode(out, &ask) : ERR_NOT_FOUND;
    case 1: return permit_grant_decode(&grant, text) == OK ? permit_grant_encode(out, &grant) : ERR_NOT_FOUND;
    case 2: return permit_denial_decode(&denial, text) == OK ? permit_denial_encode(out, &denial) : ERR_NOT_FOUND;
    case 3: return sighting_decode(&sighting, text) == OK ? sighting_encode(out, &sighting) : ERR_NOT_FOUND;
    case 4: return inquiry_decode(&inquiry, text) == OK ? inquiry_encode(out, &inquiry) : ERR_NOT_FOUND;
    case 5: return inquiry_news_decode(&news, text) == OK ? inquiry_news_encode(out, &news) : ERR_NOT_FOUND;
    case 7: return sighting_told_decode(&told, text) == OK ? sighting_told_encode(out, &told) : ERR_NOT_FOUND;
    default:
        if (share_verify(&facts, &item, &scratch, text, &nobody, &way, &why) == OK) abort();
        if (share_read(&facts, &item, text) == OK && facts.encoded.size == 0) abort();
        return share_decode(&share, text) == OK ? share_encode(out, &share) : ERR_NOT_FOUND;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf out = {0};
    if (size < 1) return 0;
    struct bytes text = bytes_of(data + 1, size - 1);
    enum err err = again(&out, data[0], text);
    if (err != ERR_NOT_FOUND && (err != OK || !bytes_equal(bytes_of_buf(&out), text))) abort();
    buf_free(&out);
    return 0;
}
