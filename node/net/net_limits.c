/* net_limits: the bounds of the mesh's sockets: reliability.md, sections 1 and 2. */
#include "node/net/net_state.h"

const struct curve_limits net_limits = {
    .message_bytes_max = NET_MESSAGE_BYTES_MAX,
    .receive_hwm = NET_RECEIVE_HWM,
    .send_hwm = NET_SEND_HWM,
    .receive_buffer_bytes = NET_RECEIVE_BUFFER_BYTES,
    .handshake_ms = NET_HANDSHAKE_MS,
    .heartbeat_ms = NET_HEARTBEAT_MS,
    .heartbeat_timeout_ms = NET_HEARTBEAT_TIMEOUT_MS,
    .heartbeat_ttl_ms = NET_HEARTBEAT_TTL_MS,
};
