/* web_door: the connections of the HTTPS server. A stranger is one over which no request with a good token has come. Strangers are few
   and have little time, so that who holds connections open, or sends its handshake or its headers a byte at a time, keeps nobody else
   out; and one token has a part of the connections only. A connection is ended by shutdown() of its descriptor, which the server then
   notices as the client's own end.
   May be used by several threads at once. */
#ifndef NODE_WEB_DOOR_H
#define NODE_WEB_DOOR_H

#include "crypto/bytes.h"

#define WEB_STRANGERS_MAX         256   /* beyond, one of the address with the most of them goes, the oldest */
#define WEB_STRANGER_MS           15000 /* from its beginning to a request with a good token */
#define WEB_TOKEN_CONNECTIONS_MAX 256   /* of one token */

struct web_door;
struct web_guest; /* one connection */

/* For so many connections at once. Null: no memory. */
struct web_door *web_door_new(size_t connections_max);
void web_door_free(struct web_door *door);

/* A connection began; `address` is the same for all of one client. Null: there is no place, and it was shut down. */
struct web_guest *web_door_enter(struct web_door *door, int fd, uint64_t address, uint64_t now_ms);
/* It ended: before its descriptor is closed. The guest may be null. */
void web_door_leave(struct web_door *door, struct web_guest *guest);

/* A request with the good token `key` came over it. False: this token has too many connections; the guest is what it was. */
bool web_door_know(struct web_door *door, struct web_guest *guest, uint64_t key) MUST_USE;
/* A request without a good token: who was known is a stranger again, whose time begins now. */
void web_door_doubt(struct web_door *door, struct web_guest *guest, uint64_t now_ms);

/* Ends the strangers whose time is over. To be called every few seconds. */
void web_door_step(struct web_door *door, uint64_t now_ms);

#endif
