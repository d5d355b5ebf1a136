/* control: what the engine's local clients may ask, and the answers. Bodies are one canonical MessagePack value each (gossip/pack.h).
   A client connects to DIR/control.sock; peer credentials are checked: the engine's own user and root only. Requests on one
   connection are answered in order and may be pipelined. Every request ends in one FRAME_ANSWER_DONE or FRAME_ANSWER_ERROR.

   ASK_PUBLISH  [tlp uint (0: objects' own only), to_all bool, [recipients str...]], each an expression (gossip/setexpr.h)
       -> ANSWER_AUDIENCE [[name str, nodes uint]...] (no nodes: a group's member that is not pinned here, and gets nothing) then DONE [] | ERROR. Opens the connection's publication.
   ASK_LINT     as ASK_PUBLISH; opens a publication that only says what would be decided: ANSWER_ITEMS tells of every item (err 0: it may
       go), and nothing is published
   ASK_ITEMS    body is not MessagePack: per item u8 flags (1: generated from a value list, 2: made of another format), u32 length, encoded item (gossip/item.h)
       -> ANSWER_ITEMS [[index uint, err uint, rule str, reason str]...] for the refused or already known ones (err ERR_EXISTS:
          known, not an error), then DONE [accepted uint, known uint, refused uint]. The answer may come before the sync.
   ASK_COMMIT   [] -> after the sync of all that was accepted: DONE [accepted uint, known uint, refused uint, cursor uint]
   ASK_SEARCH   [[kind uint, value bin]...]  -> ANSWER_OBJECT... then DONE [count uint]; an address matches stored CIDRs around it
   ASK_GET      [id str, from name str or nil] -> ANSWER_OBJECT... then DONE [count]
   ASK_FEED     [after cursor uint, follow bool, type str or nil, tlp_max uint (0: any), from name str or nil, limit uint (0: none),
                 exit uint (gossip/policy_facts.h; may be left out: local), filter str, subscription str (both may be left out: both hold)]
       -> ANSWER_OBJECT... then DONE [count, cursor, kept back by the policy] (never when following)
   ANSWER_OBJECT [cursor uint, author name str, author agency bin, tlp uint, arrived_ms uint, encoded item bin, name str of who passed it
       on or nil, sightings or nil (of a feed): [seen uint, false positive uint, expired uint, agencies uint,
       [[agency str, seen uint, false positive uint, expired uint, opinion uint or 0]...]]]
   ASK_PERMISSION [1, object id str, author name str or nil, [reader name str...], reason str]: ask the author
       [2, object id, asker name str or nil (the one that asked), [reader name...] (none: those asked for), until_ms uint, codes uint]
       [3, object id, asker name str or nil, [reader name...], reason str]: deny; [4]: list -> ANSWER_DOCUMENT map then DONE []
   ASK_SHARE    [object id str, author name str or nil, [reader name str...]] -> ANSWER_DOCUMENT map then DONE []
   ASK_SIGHTING [object id str, author name str or nil, kind uint, count uint] -> ANSWER_DOCUMENT map then DONE []
   ASK_REQUEST  [1, asked name str, kind uint, urgency uint, deadline_ms uint, about uint, its text str, legal basis str, purpose str,
       text str]: send; [2]: list; [3, id str]: who asked this (of this node) -> ANSWER_DOCUMENT with "asker";
       [4, id str, state uint, reason str, [object id str...]]: tell the asker -> ANSWER_DOCUMENT map then DONE []
   ASK_WHY      [object id str, pinned agency or exit str] -> ANSWER_DOCUMENT map {id, to, decisions: [{author, label, exit, allow, rule,
       reason, inputs: [{name, value}...]}...]} then DONE [], for each author's newest version held here
   ASK_STATUS, ASK_PEERS [] -> ANSWER_DOCUMENT map (string keys; printed as JSON by the client) then DONE []
   ASK_VERIFY   [name str] -> ANSWER_DOCUMENT map then DONE [], after a pinned agency's node signed where the common logs end at it
   ASK_TRUST_RELOAD [name str] -> the engine reads this card of DIR/trust again (or forgets it when it is gone); [] -> all of them;
       DONE [agencies uint]
   ASK_CARD [name str] -> ANSWER_CARD [chain bin] then DONE []: the chain of a pinned agency as far as this node heard of it, which may be
       longer than that of the card in DIR/trust; ERR_NOT_FOUND
   ASK_CHAIN [own agency's chain bin, PREKEY entries bin] -> the engine takes a longer chain of its own agency: DONE [records uint]
   ASK_ENTRY_ID [node bin 16 (empty: this one), last bool, seq uint (0: none)] -> the entry of that number, or the last one held:
       DONE [node bin 16, seq uint, id bin 32]
   ASK_GROUP    ["list"] | ["show", group str] | ["close", group str] | ["add" or "remove", group str, agency str] |
                ["create", name str, ceiling uint, hidden bool, starts_ms uint, ends_ms uint, purpose str, history uint,
                 [admin str...], threshold uint]; a group by name or id, an agency by petname or id
       -> ANSWER_DOCUMENT map (of the group; of "list": all of them) then DONE []
   ASK_AGREEMENT ["list"] | ["propose", text bin (gossip/agreement.h)] | ["sign" or "show" or "terminate", id str]
       -> ANSWER_DOCUMENT map (of the agreement; of "list": all of them) then DONE []
   ASK_RECALL [cause uint (1 recall, 3 erasure), reason str, dry run bool, [object id str...]] -> ANSWER_DOCUMENT map then DONE [], when the
       RECALL entries are stored here. ERR_DENIED: an object of somebody else's; nothing was recalled then.
   ASK_RECALL_STATUS [object id str] -> ANSWER_DOCUMENT map then DONE []; ERR_NOT_FOUND: no such recall by this node
   ASK_LEDGER [part uint, from uint, until uint (0: the end)] -> ANSWER_LEDGER... then DONE [count uint, last uint]; of the disclosure
       ledger the rows (part 1), its signed ends (2), or the own BLOCK entries that must have rows (3); node/cmd/ledger_source.h
   ANSWER_LEDGER 1: [number uint, row bin or nil, its state uint, details' state uint, row written bin, salt bin, details bin]
                 2: [head bin] (empty: damaged)    3: [seq uint, node bin, Merkle root bin]
   ASK_LEDGER_SIGN [about str] -> a row that the ledger is exported, then its end, signed and durable: DONE [number uint, 0]
   ASK_SUBJECT [[kind uint, value bin]...] -> ANSWER_HELD... then DONE [count uint, more uint]: every version of every object held that tells of one (kind 0:
       that has this id)
   ANSWER_HELD [cursor uint, author name str, author agency bin, node bin, seq uint, arrived_ms uint, encoded item bin]
   ASK_ERASE [[[kind uint, value bin]...], [row uint...], reason str] -> every object held that tells of one of them goes (own ones are
       recalled), what waits in the outbox, what kept documents tell of them, the details of these rows too, and a row tells of it: ANSWER_LEDGER [objects of others uint,
       rows uint, objects of the outbox uint, rows of kept documents uint], then as ASK_RECALL
   ASK_PAGE [after cursor uint, after_us uint, labels uint (bit n: enum tlp n), versions uint, limit uint, exit uint, who str, [type str...],
       [id str...], only bool, [group id bin...] or nil]
       -> ANSWER_PAGE... then DONE [count uint, cursor uint, more bool]: the objects behind both, in the order of their arrival. An empty
       list of types or ids means any. Versions: of one author's objects of one id CONTROL_VERSION_LAST, _FIRST and _BETWEEN, or 0 for
       all without telling. Groups: objects of others than these are
       not shown (nil: of none are they kept back; left out: of all), nor with `only` those of no group. Who: the token's name, for the ledger. Exit: which one the policy is
       asked about (gossip/policy_facts.h). It ends at the limit, or when it has looked at so much that others wait: more tells.
   ANSWER_PAGE  body is not MessagePack: per object u64 cursor, u64 added_us, u8 tlp, u8 versions, u8 length and the author's name, u32
       length and the encoded item
   ASK_GROUPS   [] -> ANSWER_GROUPS [[id bin, name str]...] then DONE []: the groups at work that this agency is a member of
   ASK_KEEP     [who str, number str, asked_ms uint, document bin (node/engine/post_status.h)] -> DONE [] when it is on disk: what became of a POST, by its number; a
       later one with the same number takes its place. ERR_FULL: CONTROL_KEPT_MAX are kept already. Documents are kept CONTROL_KEPT_MS.
   ASK_KEPT     [who str, number str] -> ANSWER_KEPT [document bin] then DONE [] | ERROR ERR_NOT_FOUND: none by this number, or not this user's
   ASK_WATCH    [] or [files uint: CONTROL_WATCH_ bits; TOKENS when left out] -> the files asked for, then ANSWER_WATCH [cursor uint,
       added_us uint, gone uint], now and whenever newer objects can be read or more were withdrawn (gone: the last row of the
       withdrawal list). Never DONE. ANSWER_TOKENS is the file DIR/web.tokens, now and after ASK_TOKENS; ANSWER_CLIENTS is
       DIR/live.clients, now and after ASK_CLIENTS.
   ASK_SUBSCRIPTION ["add", name str, filter str, tlp_max uint (0: what the exit takes), exit uint, from_start bool] | ["remove" or "show",
       name str] | ["rewind", name str, cursor uint] -> ANSWER_DOCUMENT map (of it) then DONE [];
       ["list", after name str (may be left out)] -> ANSWER_DOCUMENT map {more bool, subscriptions [...]} then DONE [];
       ["test", name str or "", filter str, limit uint] -> ANSWER_OBJECT... at most `limit` of the newest objects that it would show, then
       DONE [count, looked at, matched, kept back by policy or label, cursor behind which it looked]. A filter: node/formats/FILTER.md
   ASK_TAKE     [subscription str ("": none), exit uint (0: the subscription's), who str, labels uint (bit n: enum tlp n), limit uint, use_stored
       bool, cursor uint, gone uint, filter str, as_objects bool, only bool, [group id bin...] or nil, fresh bool, kind uint, terms bin, keeps bool (from the filter on it may be left out; groups as in
       ASK_PAGE; fresh, kind and terms: node/subscribe/take_wire.h)]: what is new behind a consumer's position, or (use_stored) behind the
       subscription's own -> ANSWER_PAGE... then DONE [count uint, cursor uint, gone uint, more bool, reset bool], where the position then is.
       Withdrawals come first: records with versions CONTROL_VERSION_GONE, whose cursor is that of the object withdrawn, added_us the
       number of the row (0: none, a newer version of it is not for this consumer), author who published it, and item one with type, id
       and tlp of the object, the moment of the withdrawal as its time of modification, and a text {"cause": "recall" or "expiry",
       "retention", "erasure", "group", "revoked", "newer"}. Those of objects behind the position, and of objects of which another version is held,
       are not told. Objects: the newest version of each, as a feed has them. Filters that are given both hold. As_objects: objects are ANSWER_OBJECT. reset: the position
       belongs to another store, is older than the withdrawal list, or was taken when something else could be shown (node/recall/gone_terms.h,
       node/subscribe/consumers.h): nothing is told, the consumer drops what it has, and goes on at
       the position in DONE. Keeps: for a consumer that holds what it was told, and has to hold what it would be told from the start. It hears of withdrawals
       of which another version is held too, marked CONTROL_VERSION_HELD, the added_us of an object is the moment of its arrival as exports have it (not one of its own), and DONE has two numbers more: terms uint (what decides, whatever the objects are:
       when it is another than before, the consumer begins from the start) and until uint (wall time in ms from which on it has to: by the clock alone
       another decision follows; 1: at any time; 0: at none).
   ASK_TAKEN    [subscription str, cursor uint, gone uint, delivered uint] -> DONE [] when the subscription's own position stands there on disk.
       It only moves forward; after a reset it is set; between a rewind and the next ASK_TAKE with use_stored it stays. [subscription, 0, 0, delivered] only counts.
   ASK_TOKENS   [] -> DONE [] when all that watch the file and say so hold it: what it forbids is refused from then on. ERR_BUSY: one did
       not say so in time; the file counts as soon as it does.
   ASK_HELD     [], on a connection that watches: the oldest file that was sent on it and not said yet is held. No answer.
   ASK_FIGURES  [] -> ANSWER_FIGURES (node/formats/figures.h) then DONE []. Figures only: the policy's exit "metrics" lets no object
       through, and none is looked at.
   ASK_CLIENTS  [act str: "add soc"] -> a row of the ledger tells of it; then as ASK_TOKENS;
       [uint...], CONTROL_LIVE_COUNT of them: what the live process counts, for status and figures -> DONE []
   ASK_HOOK     ["attach"]: this is the hook process; it is sent ANSWER_HOOK [number uint, name str] for every "run"; never DONE.
       ["tell", document bin, hooks uint, failing uint]: what "list" answers from now on -> DONE []
       ["list"] -> ANSWER_DOCUMENT map {hooks: [{name, answered (the number of the last "run" that is done), ...}...]} then DONE []
       ["run", name str] -> DONE [number uint], when it was passed on
       ["reload"]: DIR/hooks.yaml is read again -> DONE [hooks uint, changed bool], when a hook process for the new file tells of itself; ERR_SYNTAX
       with line and column: it is as it was
   ASK_BACKUP   [] -> DONE [] when DIR/backup/store is a copy of the store as it stands, all that was acknowledged included; it is the
       client's to remove. ERR_EXISTS: one is there.
   ANSWER_ERROR [err uint, text str] */
#ifndef NODE_CONTROL_H
#define NODE_CONTROL_H

#include "node/process/frame.h"

#define CONTROL_SOCKET_NAME    "control.sock"
#define CONTROL_CLIENTS_MAX    64
#define CONTROL_ITEM_GENERATED 1 /* known by its id, whatever its times say */
#define CONTROL_ITEM_CONVERTED 2 /* known by what it says, whatever its times say */

#define CONTROL_KEPT_MAX       4096
#define CONTROL_KEPT_BYTES_MAX (1024 * 1024)          /* of one document; */
#define CONTROL_KEPT_ALL_MAX   (256ull * 1024 * 1024) /* of all */
#define CONTROL_KEPT_MS        (25ull * 3600 * 1000)  /* a client that comes after exactly a day finds it */

#define CONTROL_PAGE_BYTES_MAX (16 * 1024 * 1024) /* an ASK_PAGE answers no more, however large its limit */
#define CONTROL_WATCH_TOKENS   1
#define CONTROL_WATCH_CLIENTS  2
#define CONTROL_WATCH_SAYS     4 /* it says ASK_HELD once it holds a file that it was sent */

/* What the live process counts. From its start on; sessions and those that starve: now. */
enum control_live {
    CONTROL_LIVE_SESSIONS,
    CONTROL_LIVE_OBJECTS,
    CONTROL_LIVE_WITHDRAWALS,
    CONTROL_LIVE_RESETS,
    CONTROL_LIVE_REFUSED,      /* connections without a place, and messages that are none of LIVE.md */
    CONTROL_LIVE_KEYS_REFUSED, /* handshakes with a key that is not let in */
    CONTROL_LIVE_MESSAGES,     /* handed to ZeroMQ, those that tell of no object included; */
    CONTROL_LIVE_BYTES,        /* their bytes */
    CONTROL_LIVE_STARVING,     /* sessions for which something is new, and that have granted nothing for a while */
    CONTROL_LIVE_STARVED,      /* how often one came to that */
    CONTROL_LIVE_PUBLISHED,    /* messages of the lossy publisher */
    CONTROL_LIVE_LOST,         /* those of them that some listener did not get, because it was too slow */
    CONTROL_LIVE_COUNT
};

#define CONTROL_VERSION_LAST    1
#define CONTROL_VERSION_FIRST   2
#define CONTROL_VERSION_BETWEEN 4
#define CONTROL_NAMELESS        "(no longer pinned)" /* instead of an agency's name: of every one that has none any more */
#define CONTROL_VERSION_GONE    8                    /* of an ASK_TAKE: a withdrawal; */
#define CONTROL_VERSION_HELD    16 /* and another version of the object, or another copy, is held: of a consumer that keeps */

/* Client side. Connects to DIR's engine; ERR_CLOSED when no node runs there, ERR_DENIED without the right, ERR_TOO_BIG when the
   socket's path does not fit a socket address. */
enum err control_connect(struct channel *out, const char *dir) MUST_USE;

#endif
