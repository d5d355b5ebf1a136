/* limits: every bound of the core, each with its reason. PROTOCOL.md 9 */
#ifndef GOSSIP_LIMITS_H
#define GOSSIP_LIMITS_H

#define LIMIT_MESSAGE_BYTES   (512 * 1024) /* one content frame; the transport refuses more */
#define LIMIT_LINKS           64           /* authenticated peers at once */
#define LIMIT_LINKS_OF_AGENCY 2            /* beyond a full mesh: no agency surrounds anybody */
#define LIMIT_LINKS_OF_NODE   4            /* open or in handshake */
#define LIMIT_AGENCIES        1024         /* pinned agencies */
#define LIMIT_LOGS            4096         /* logs of all their nodes */

#define LIMIT_HANDSHAKE_MS       5000         /* from link up to a verified PROOF */
#define LIMIT_ENTRIES_BYTES      (255 * 1024) /* entries in one message: what is taken on one signature fits into a fork proof */
#define LIMIT_PAIRS              4096         /* (tag, seq) pairs in one HEADS, WANT or HAVE */
#define LIMIT_WANTS_IN_FLIGHT    16           /* payloads asked of one peer */
#define LIMIT_GETS_IN_FLIGHT     8            /* ranges asked of one peer, whatever the number of logs */
#define LIMIT_RECENT_ROWS        512          /* entries kept in memory for copies and grafts */
#define LIMIT_RECENT_BYTES       (256 * 1024)
#define LIMIT_GRAFTS             256 /* announced entries that are waited for; beyond, sync brings them */
#define LIMIT_GRAFT_ROWS         32  /* entries pushed for one graft */
#define LIMIT_STREAM_LOADS       16  /* questions to the store under way for one stream */
#define LIMIT_STREAM_LOAD_BYTES  (16 * 1024)
#define LIMIT_STREAM_MS          2000  /* a stream that says nothing for so long is over: another link may have the credit */
#define LIMIT_STREAM_LAST_MS     10000 /* and nobody has it longer than that while others wait */
#define LIMIT_SERVING            32    /* requests of one peer that wait for the store; more than an honest one has in flight */
#define LIMIT_ANSWER_MS          5000  /* a promise broken after so long: ask another peer */
#define LIMIT_ANSWER_LAST_MS     60000 /* broken in any case, even on a line so slow that other answers took the time */
#define LIMIT_SILENT_MS          15000 /* a link that owes an answer and says nothing is dead: the transport may take a minute to see it */
#define LIMIT_ANSWERS_BROKEN     8                 /* in a row: the link is renewed */
#define LIMIT_PUSH_PAYLOAD_BYTES 4096              /* payloads up to here ride along with their entry */
#define LIMIT_DIRECT_BLOCKS      1024              /* own `direct` blocks whose acknowledgements are looked for */
#define LIMIT_OWN_PENDING        4096              /* own entries that wait for their sync */
#define LIMIT_TICKETS            4096              /* questions to the store and the key process under way */
#define LIMIT_MISSING_PER_LOG    1024              /* payloads known to be missing; beyond, the store is scanned again later */
#define LIMIT_DISPUTES           4                 /* searches for a fork under way; each holds one range of entries */
#define LIMIT_DISPUTE_STEPS      160               /* questions of one search: twice the halvings of any log, and some */
#define LIMIT_DISPUTE_MS         60000             /* of one search: then the log goes on */
#define LIMIT_DISPUTE_WALK       64                /* logs looked at when a digest differs and heads do too */
#define GET_TRIES                4                 /* signatures checked to find where a range may end */
#define LIMIT_LANE_BYTES         (512 * 1024)      /* answers waiting in one link's queue: what is urgent waits behind no more */
#define LIMIT_LINK_QUEUE_BYTES   (4 * 1024 * 1024) /* unsent bytes of one link: pushes are dropped, sync makes up for them */
#define LIMIT_LINK_CHARGE_BYTES  (8 * 1024 * 1024) /* all memory charged to one peer */
#define LIMIT_FUTURE_MS          (5 * 60 * 1000)   /* entries dated further ahead are stored and flagged */

#define LIMIT_RATE_BYTES_PER_S      (16u * 1024 * 1024) /* in, per peer, what was not asked for */
#define LIMIT_RATE_BYTES_BURST      (64u * 1024 * 1024)
#define LIMIT_RATE_SIGNATURES_PER_S 500
#define LIMIT_RATE_SIGNATURES_BURST 2000
#define LIMIT_COST_EPOCH            4 /* signatures: whoever may be a reader also tries to open a slot of it */
#define LIMIT_RATE_ANNOUNCE_PER_S   200
#define LIMIT_RATE_ANNOUNCE_BURST   1000
#define LIMIT_RATE_SUSPECTS_PER_S   1 /* old entries that came again and are looked up */
#define LIMIT_RATE_SUSPECTS_BURST   16
#define LIMIT_COST_TAGS             16  /* announcements: all tables are made anew */
#define LIMIT_ANNOUNCE_OUT_PER_S    100 /* half of what is taken: beyond, changed heads are told instead */
#define LIMIT_ANNOUNCE_OUT_BURST    500
#define LIMIT_COST_HEADS            8              /* announcements: a digest that is answered with all heads */
#define LIMIT_REFUSE_MS             (3600u * 1000) /* after a bad signature or a malformed message */

#define LIMIT_GROUPS            256         /* known to one node, closed ones included */
#define LIMIT_GROUP_MEMBERS     256         /* rows of a roster, removed members included: rows are never taken out */
#define LIMIT_GROUP_ADMINS      8           /* as many as root keys of an agency */
#define LIMIT_GROUP_VERSIONS    64          /* versions of one roster held at once, settled or not */
#define LIMIT_GROUP_SETTLED     16          /* of them kept behind the one in force: how late a contradiction is still seen */
#define LIMIT_GROUP_SIGNERS     16          /* agencies that published one version; who is no admin does not count */
#define LIMIT_GROUP_OF_AUTHOR   8           /* versions not in force that one agency has published */
#define LIMIT_GROUP_TOLD        4           /* standings of a hidden group that one admin has told and that wait for other admins */
#define LIMIT_GROUP_NAME_BYTES  64          /* a petname's size */
#define LIMIT_GROUP_TEXT_BYTES  256         /* purpose of a group, title of an agreement */
#define LIMIT_SETEXPR_TERMS     1024        /* names in one expression: every agency that may be pinned */
#define LIMIT_SETEXPR_DEPTH     32          /* parentheses and operands that wait */
#define LIMIT_SETEXPR_BYTES     (80 * 1024) /* so many terms of the longest names */
#define LIMIT_AGREEMENTS        256         /* known to one node, ended ones included */
#define LIMIT_AGREEMENT_PARTIES 16
#define LIMIT_AGREEMENT_CLAUSES 16 /* what the policy looks at */
#define LIMIT_AGREEMENT_WORDS   16 /* kinds, or purposes, of one clause */
#define LIMIT_AGREEMENT_LEVELS  16 /* equivalences */
#define LIMIT_AGREEMENT_BYTES   (48 * 1024)

#define HEADS_DELAY_MS        50                    /* changed heads go out together */
#define SYNC_INTERVAL_MS      15000                 /* a digest to one random link */
#define SYNC_LOGS_PLAIN       20                    /* up to so many common logs, heads are told at once; beyond, sums come first */
#define TRUST_DELAY_MS        250                   /* changes of trust that follow each other are told together */
#define LOSSY_DELAY_MS        500                   /* after messages were lost trust is told again, once in so long */
#define SYNC_OUTDATED_MS      20000                 /* generations that disagree for so long do so because a message was lost */
#define SYNC_DIGEST_AGAIN_MS  1000                  /* the same digest is not sent again to one link before */
#define OVERLAY_FULL          13                    /* up to so many other nodes are all dialled */
#define OVERLAY_LINKS         12                    /* beyond: so many links are aimed at, */
#define OVERLAY_LINKS_HIGH    16                    /* more than these are closed again, */
#define OVERLAY_OUTBOUND      4                     /* and so many are our own choice: nobody fills all places from outside */
#define OVERLAY_CARRIERS      2                     /* links that lead to holders of a log */
#define OVERLAY_PROBE_MS      5000                  /* a probe that found nothing new by then is closed */
#define OVERLAY_SETTLE_MS     10000                 /* a link younger than this is not closed for being one too many */
#define OVERLAY_RENEW_MS      (24ull * 3600 * 1000) /* new keys for every connection */
#define DIAL_DIRECT_BLOCKS    64                    /* own direct blocks whose readers are looked for, the oldest first */
#define DIRECT_TELL_ROWS      32                    /* of them, named to a reader whose link has opened, the oldest first */
#define DIAL_DIRECT_MS        3000                  /* a reader is given so long to come by itself */
#define PEERS_AGE_MS          5000                  /* between looks at certificates and refusals */
#define PUSH_COPIES           3                     /* eager links kept: the one that brings the next copy is pruned */
#define GRAFT_DELAY_MS        50    /* at least, and a round trip: an announced entry is given time to come by itself */
#define DIAL_INTERVAL_MS      30000 /* one random unconnected node is dialled, believed up or down */
#define DIAL_BACKOFF_FIRST_MS 500   /* doubled per failure, with jitter */
#define DIAL_BACKOFF_LAST_MS  30000
#define DIAL_TIMEOUT_MS       10000
#define DIAL_STABLE_MS        10000       /* a link that lasted so long starts the back-off anew */
#define OWN_ASK_PEERS         3           /* so many peers said where our own log ends, or all: it is known */
#define OWN_ASK_LAST_MS       45000       /* but no longer than so long after the first answer */
#define SYNC_OWN_BYTES        (32 * 1024) /* asked at once of the own log: a slow line makes it in time */
#define OWN_CLAIM_MS          20000  /* an agency's claims of our own log hold up publishing for so long in all, until it grows */
#define OWN_CLAIM_GONE        4      /* and so many times as long while none of its claimants has a link */
#define OWN_CLAIM_LOOK_MS     2000   /* charged at one look at most: two of the ticks */
#define OWN_ASK_MS            3000   /* or fewer, and for so long no other one spoke */
#define OWN_ASK_LINK_MS       30000  /* but who has a link is waited for so long: two digests */
#define DISPUTE_RETRY_MS      15000  /* after a search that found nothing */
#define DISPUTE_PROBE_BYTES   32768  /* of entries asked for while the place is not known */
#define DISPUTE_WALK_MS       600000 /* of one link: digests that differ though heads are equal are looked into so often */
#define DISPUTE_WALK_ROW      8      /* whole lists of heads in a row; one with equal heads counts for four */
#define MISSING_RETRY_MS      15000  /* a payload that no link had is asked for again, */
#define MISSING_TRIES_MAX     5      /* each time after twice as long, up to 8 minutes; an offer is taken at once */
#define MISSING_TRIES_DIRECT  2      /* up to a minute: nobody but its author will ever offer it */
#define MISSING_SILENT_MS     1000 /* who did not answer is asked again so soon: silence is no refusal, a message may have been lost; */
#define MISSING_SILENT_MAX    3 /* so often, and then it counts as one */

#endif
