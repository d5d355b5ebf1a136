/* DNS response policy zone (draft-vixie-dnsop-dns-rpz, as BIND, Unbound and Knot load it): names with all below them, and addresses in
   answers, get NXDOMAIN. */
#include "node/export/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 253

static void rpz_head(struct export *work) {
    /* Seconds since 1970 as the serial number: it grows from export to export. */
    uint64_t serial = export_options_of(work)->now_ms / 1000;
    buf_put_format(export_out(work),
                   "$ORIGIN %s.\n$TTL 300\n@ IN SOA localhost. root.localhost. %" PRIu64
                   " 3600 900 2592000 300\n@ IN NS localhost.\n",
                   export_options_of(work)->zone, serial & 0xffffffff);
}

static void rpz_ipv4(struct buf *out, const uint8_t *value) {
    buf_put_format(out, "%u.%u.%u.%u.%u.rpz-ip CNAME .\n", value[4], value[3], value[2], value[1], value[0]);
}

/* prefix.w8.w7...w1.rpz-ip, the longest run of zero words written once as "zz". */
static void rpz_ipv6(struct buf *out, const uint8_t *value) {
    unsigned words[8], best = 8, best_length = 1;
    for (unsigned i = 0; i < 8; i++) words[i] = (unsigned)value[2 * i] << 8 | value[2 * i + 1];
    for (unsigned i = 0; i < 8; i++) {
        unsigned length = 0;
        while (i + length < 8 && words[i + length] == 0) length++;
        if (length > best_length) best = i, best_length = length;
    }
    buf_put_format(out, "%u", value[16]);
    for (unsigned i = 8; i-- > 0;) {
        if (best < 8 && i == best + best_length - 1) {
            buf_put_text(out, ".zz");
            i = best;
        } else {
            buf_put_format(out, ".%x", words[i]);
        }
    }
    buf_put_text(out, ".rpz-ip CNAME .\n");
}

static void rpz_row(struct export *work, const struct export_row *row) {
    struct buf *out = export_out(work);
    struct bytes name = row->value.value;
    if (row->value.kind == OBSERVABLE_IPV4) {
        rpz_ipv4(out, name.data);
    } else if (row->value.kind == OBSERVABLE_IPV6) {
        rpz_ipv6(out, name.data);
    } else if (2 + name.size + 1 + strlen(export_options_of(work)->zone) > NAME_BYTES_MAX) {
        export_leave_out(work, EXPORT_NAME, row->id); /* no room for the zone's own name behind it */
    } else {
        buf_put(out, name);
        buf_put_text(out, " CNAME .\n*.");
        buf_put(out, name);
        buf_put_text(out, " CNAME .\n");
    }
}

const struct export_format export_rpz = {
    .name = "rpz",
    .dated = true,
    .summary = "DNS response policy zone for BIND, Unbound and Knot Resolver",
    .kinds = EXPORT_ADDRESSES | EXPORT_KIND(OBSERVABLE_DOMAIN),
    .blocking = true,
    .unique = true,
    .head = rpz_head,
    .row = rpz_row,
};
