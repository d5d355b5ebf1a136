/* address: IPv4 and IPv6 addresses and networks, as text and in the form that observables carry. */
#ifndef NODE_ADDRESS_H
#define NODE_ADDRESS_H

#include "crypto/bytes.h"

#define ADDRESS_IPV4_BYTES 5 /* address, prefix length */
#define ADDRESS_IPV6_BYTES 17
#define ADDRESS_TEXT_BYTES 64 /* room for either as text, with "/128" and a zero */

/* "192.0.2.1" or "192.0.2.0/24": four decimal numbers without leading zeros. Bits past the prefix are cleared. */
bool address_ipv4(uint8_t out[static ADDRESS_IPV4_BYTES], struct bytes text);

/* "2001:db8::1" or "2001:db8::/32", an IPv4 tail allowed (RFC 4291 2.2), no zone. Bits past the prefix are cleared. */
bool address_ipv6(uint8_t out[static ADDRESS_IPV6_BYTES], struct bytes text);

/* The canonical text (RFC 5952 for IPv6), with "/length" only when it is no single address. `value` has either size. */
void address_text(char out[static ADDRESS_TEXT_BYTES], struct bytes value);

#endif
