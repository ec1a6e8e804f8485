/*
 * limits.h: every named maximum of the library, with its reason. Nothing grows without a bound that
 * stands here.
 */
#ifndef FPTC_BASE_LIMITS_H
#define FPTC_BASE_LIMITS_H

/* A path of ours: cache directory + "/partitions/project-<19 digits>/log/<16 digits>" and spare. */
#define FPTC_PATH_MAX 4096
/* One commit file. A page of 5,000 rows of 6.4 KB (A§1.12) is 32 MB before it is deflated. */
#define FPTC_COMMIT_BYTES_MAX (256u * 1024u * 1024u)
/* Records in a commit, and changed rows in it: the version key has 20 bits for the row. */
#define FPTC_COMMIT_RECORDS_MAX 65536u
#define FPTC_COMMIT_ROWS_MAX (1u << 20)
/* One record body after inflating: guards against a hostile length. */
#define FPTC_RECORD_BYTES_MAX (512u * 1024u * 1024u)
/* Record bodies longer than this are deflated; below it zlib gains nothing. */
#define FPTC_DEFLATE_BYTES_MIN 512u
/* Rows put into one `rows` record by a walk: small enough to stay O(page). */
#define FPTC_PAGE_ROWS 1000u
/* A reply of FPT: 5,000 rows of 50 kB schema-like size; anything above is not FPT. */
#define FPTC_REPLY_BYTES_MAX (512u * 1024u * 1024u)
/* A filter text, and its nesting: FPT itself fails above 265 groups (A§3.4). */
#define FPTC_FILTER_BYTES_MAX (16u * 1024u * 1024u)
#define FPTC_FILTER_DEPTH_MAX 265u
/* JSON nesting accepted from anywhere: filters need 2 levels a group. */
#define FPTC_JSON_DEPTH_MAX 1000u
/* Names of types and fields: FPT's longest seen is 61. */
#define FPTC_NAME_BYTES_MAX 255u
/* Result of a find or a document. */
#define FPTC_RESULT_BYTES_MAX (2048u * 1024u * 1024u - 1u)
/* Looks at a file while its server says ESTALE, and recoveries of one question: Dovecot's bound (N§7). */
#define FPTC_STALE_MAX 10
/* Lost races of one append before it gives up, and passes of one refresh. Each takes milliseconds. */
#define FPTC_APPEND_RACES_MAX 10000
#define FPTC_PASS_RESTARTS_MAX 1000
/* Lost races in a row after which an appender takes the lock, and the longest wait for it (§3). */
#define FPTC_LOCK_AFTER_RACES 2
#define FPTC_LOCK_WAIT_MS 100
/* How long a lock that does not change is respected: a round on a slow host takes up to a second. Who
   appended less than this before looks whether somebody has taken it. */
#define FPTC_LOCK_STALE_MS 2000
/* A wish for an index; wishes in a partition, and in one record; uses that one record may claim. */
#define FPTC_WISH_BYTES_MAX 255u
#define FPTC_WISHES_MAX 2048u
#define FPTC_USAGE_WISHES_MAX 256u
#define FPTC_USAGE_COUNT_MAX 1000000
/* Uses between two rewrites that make an index worth its bytes. */
#define FPTC_INDEX_USES_MIN 10
/* Indexes of a type that were wished for, and the part of a snapshot's other bytes, in percent, that all
   of them may take (one MiB in any case). */
#define FPTC_INDEXES_MAX 12
#define FPTC_INDEX_PERCENT 30
#define FPTC_INDEX_BYTES_MIN (1 << 20)
/* Finds after which a handle puts its counts into the log, and the least time between two times. */
#define FPTC_USAGE_FINDS 1000
#define FPTC_USAGE_EVERY_MS 60000
/* A handle closed after fewer finds than this does so by chance only, and then speaks for more. */
#define FPTC_USAGE_FINDS_MIN 20
/* The longest wait for that at close. */
#define FPTC_USAGE_CLOSE_MS 2000
/* Wishes counted of one question. */
#define FPTC_USAGE_PLAN_MAX 8
/* Different wishes that a handle counts. */
#define FPTC_USAGE_COUNTED_MAX 256
/* How long a snapshot that this host could not read twice is left for an older base: as a reader would
   rather hold some thousand commits in memory than ask a sick disk for the same page each second. */
#define FPTC_SHUN_MS 600000
/* Bases kept in `bases/`: one READDIR. Numbers up to the second newest may be deleted. */
#define FPTC_BASES_KEPT 8
/* Roll-ups that a base may name, and the bytes of one: it is read whole, as a commit is. */
#define FPTC_ROLLUPS_MAX 64
#define FPTC_ROLLUP_BYTES_MAX FPTC_COMMIT_BYTES_MAX
/* Commits above the base that make a roll-up due: reading so many files costs a new reader some 20 ms over
   NFS, and a roll-up is about ten calls there. */
#define FPTC_ROLLUP_COMMITS 32
/* Roll-ups of a like size that become one: each byte is written again once for each power of it. */
#define FPTC_ROLLUP_FANOUT 4
/* What a roll-up that has a deadline may read and write in a millisecond: a slow disk or server. */
#define FPTC_ROLLUP_BYTES_PER_MS 65536
/* A rewrite is due when the roll-ups hold more than this: a part of the snapshot (1/16: that many bytes are
   written for one that changed), but at least so many plain bytes (below, readers do not notice them) and at
   most so many (an overlay of 64 MiB is some 100,000 rows: a second to read), or so many commits. */
#define FPTC_REWRITE_SHARE 16
#define FPTC_REWRITE_BYTES_MIN (1 << 20)
#define FPTC_REWRITE_BYTES_MAX (64 << 20)
#define FPTC_REWRITE_COMMITS 8192
/* So many rows loaded at once are worth one, if they are that part of the snapshot's. */
#define FPTC_REWRITE_ROWS_MIN 5000
/* What a process that appends spends on a roll-up afterwards, on a thread of the library; and how long it
   waits after one that came to nothing. */
#define FPTC_ROLLUP_MS 50
#define FPTC_ROLLUP_AGAIN_MS 2000
/* A pin that nobody touches ends after this, unless it says otherwise; and the longest it may say. */
#define FPTC_PIN_TTL_MS 86400000
#define FPTC_PIN_TTL_MS_MAX (INT64_C(30) * 86400000)
/* Attempts of pinning the newest base while others publish newer ones. */
#define FPTC_PIN_ATTEMPTS_MAX 16
/* Attempts of one read request against 429, 502, 503, 504 and resets. */
#define FPTC_READ_ATTEMPTS_MAX 4
/* Default bounds of a single HTTP exchange when the call has no deadline. */
#define FPTC_CONNECT_MS 10000
#define FPTC_EXCHANGE_MS 120000
/* A file that is sent without a deadline, and how long it may stand still on its way. */
#define FPTC_FILE_EXCHANGE_MS (6 * 3600 * 1000)
#define FPTC_STALL_MS 60000
/* Larger files go in parts of this; storage takes 10,000 of at least 5 MiB (A§1.11). */
#define FPTC_PART_BYTES (INT64_C(20) * 1024 * 1024)
#define FPTC_PARTS_MAX 10000
/* HTTP requests of one process under way at once; A§9.14. */
#define FPTC_REQUESTS_AT_ONCE 4
/* Requests in one batch: some 60 ms each, so 200 take 12 s, and above a time-out hides what became of all (A§1.8). */
#define FPTC_BATCH_REQUESTS_MAX 200
/* Requests in a batch that one caller wants done all or none: a minute's work for FPT, half of FPTC_EXCHANGE_MS. */
#define FPTC_BATCH_OWN_MAX 1000
/* A create that names a row that is not made yet, which names one ...: so deep at most. */
#define FPTC_MAKERS_DEPTH_MAX 16
/* The longest Retry-After that is believed. */
#define FPTC_RETRY_AFTER_MS_MAX 600000
/* A sender sends within this of its attempt record or never (§7). */
#define FPTC_SEND_WINDOW_MS 30000
/* Writes that one list of the outbox tells. */
#define FPTC_OUTBOX_LIST_MAX 10000
/* After this an unanswered attempt can no longer reach FPT unseen (§7). */
#define FPTC_QUIET_MS 600000
/* The sweep by `updated_at` goes back this far behind its mark: events commit late (A§5.1: 5 minutes). */
#define FPTC_SWEEP_MARGIN_MS 300000
/* A schema is believed this long before FPT is asked for it again: types and fields change by the day. */
#define FPTC_SCHEMA_BELIEVED_MS 600000
/* A schema older than this is fetched again before an unknown name is called wrong. */
#define FPTC_SCHEMA_RECHECK_MS 60000
/* Longest wait for somebody else who asks FPT the same thing; then one asks oneself. */
#define FPTC_FLIGHT_WAIT_MS 10000
/* A holder's heartbeat, and how long others must have watched it unchanged before one takes its place: above
   the worst pause of a busy host (A process stopped for longer is deposed, which harms nothing). */
#define FPTC_HOLDER_BEAT_MS 5000
#define FPTC_HOLDER_STALE_MS 30000
/* The longest wait at close for a claim to be taken down, and for a deletion to stop: an unlink may hang for
   as long as a dead reader's delegation, 103 s (N§3); the thread is left behind then. */
#define FPTC_HOLDER_LEAVE_MS 2000
/* How long files are kept that no base names, and how old an answer may be, by default. */
#define FPTC_GRACE_MS (6 * 3600 * 1000)
#define FPTC_MAX_AGE_MS 60000
/* How long FPT, that did not answer, is not asked again for what the cache can tell: at random above the half. */
#define FPTC_SILENCE_MS 10000
/* Upkeep by a handle: its first look (a short command has ended by then), the next ones, and the time between
   two deletions of one who holds. */
#define FPTC_HOLD_FIRST_MS 2000
#define FPTC_HOLD_LOOK_MS 10000
#define FPTC_HOLD_RETIRE_MS 600000
/* Between two looks of one who sends what waits in the outbox; and after a failure, which doubles it up to the
   longest (A§9.14), at random above the half. */
#define FPTC_OUTBOX_LOOK_MS 1000
/* Creates that were sent more than once are looked at so often, for so long, in case that two of them came through. */
#define FPTC_DOUBLED_LOOK_MS 3600000
#define FPTC_DOUBLED_FOR_MS (7 * 24 * INT64_C(3600000))
#define FPTC_OUTBOX_BACKOFF_MS_MAX 60000
/* The longest that fptc_cache_maintain() waits for deletions at its end: above a dead reader's delegation. */
#define FPTC_MAINTAIN_DELETE_MS 120000
/* Idle worker threads kept by a handle for calls with a deadline. */
#define FPTC_IDLE_THREADS_MAX 4
/* Partitions that one answer is merged from: each is opened, most of them anew. Above, FPT is asked. */
#define FPTC_PARTITIONS_MERGED_MAX 64

#endif
