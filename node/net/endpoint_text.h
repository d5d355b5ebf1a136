/* endpoint_text: what is wrong with an endpoint that a person wrote into a configuration or an option. Pure. */
#ifndef NODE_ENDPOINT_TEXT_H
#define NODE_ENDPOINT_TEXT_H

#include "crypto/bytes.h"

/* Null when "tcp://HOST:PORT" can be listened on or dialled: HOST a name, an IPv4 address or [IPv6]; else the reason. */
const char *endpoint_text_problem(const char *text);

/* Does it name all addresses of a machine (0.0.0.0, [::]), which nobody can dial? */
bool endpoint_text_wildcard(const char *text);

#endif
