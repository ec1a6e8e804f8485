/*
 * fptcache.h: the whole C contract of libfptcache.
 *
 * libfptcache answers questions about a studio's production data (Flow Production Tracking, "FPT",
 * formerly ShotGrid) from a plain directory that all hosts share, usually on NFS. What is not there
 * is fetched from FPT once, for everybody; writes go through a durable log and on to FPT. There is no
 * server, no daemon and no database to host: every process that links this library is a full member.
 *
 * Typical use:
 * @code
 * #include <fptcache/fptcache.h>
 * #include <stdio.h>
 *
 * int main(void)
 * {
 *     fptc_error err = FPTC_ERROR_INIT;
 *     fptc_options options = FPTC_OPTIONS_INIT;
 *     fptc_cache *cache = NULL;
 *     fptc_query *query = NULL;
 *     fptc_result *shots = NULL;
 *     options.cache_dir = "/mnt/studio/fptcache";
 *     options.script_name = "pipeline";
 *     options.script_key_file = "/etc/pipeline/fpt.key";
 *     if (fptc_cache_open(&options, &cache, &err) == FPTC_OK &&
 *         fptc_query_new("Shot", &query, &err) == FPTC_OK &&
 *         fptc_query_set_filters(query,
 *             "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]]", &err) == FPTC_OK &&
 *         fptc_query_set_fields(query, "code,sg_status_list", &err) == FPTC_OK &&
 *         fptc_cache_find(cache, query, &shots, &err) == FPTC_OK) {
 *         while (fptc_result_next(shots) == FPTC_OK)
 *             printf("%s\n", fptc_result_text(shots, "code"));
 *     } else {
 *         fprintf(stderr, "%s\n", err.message);
 *     }
 *     fptc_result_free(shots);
 *     fptc_query_free(query);
 *     fptc_cache_close(cache);
 *     return 0;
 * }
 * @endcode
 *
 * Caveats, all of them on purpose:
 *  - fork: a handle refuses work in a child process (FPTC_EFORK); open a new one there.
 *  - dlclose: the library stays loaded (-z nodelete); close every handle first all the same.
 *  - NFS: any mount with close-to-open consistency and hard links will do. `soft` mounts make every
 *    failed write an unknown one; `nocto` and long `actimeo` only make answers older. An `async`
 *    export loses acknowledged writes when the file server loses power; no client can detect it.
 *  - two copies of this library in one process are safe with each other: no file locks are used.
 *  - clocks: ages are differences of file server times and of one host's monotonic clock; a wrong
 *    clock on a host harms nothing.
 *  - main threads: calls marked "may use the network" block up to their deadline. Without one they
 *    can block as long as a hard NFS mount does.
 *
 * Conventions: strings are UTF-8 and NUL-terminated unless a length is given. Times ending in `_ms`
 * are milliseconds. Functions that can fail return fptc_status (0 done, > 0 another normal outcome,
 * < 0 failure) and fill `err` when it is not NULL. On failure every output is NULL or 0.
 * Objects are freed by the function named in their constructor; freeing NULL does nothing.
 */
#ifndef FPTCACHE_FPTCACHE_H
#define FPTCACHE_FPTCACHE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FPTC_API __attribute__((visibility("default")))
#define FPTC_MUST_CHECK __attribute__((warn_unused_result))
#else
#define FPTC_API
#define FPTC_MUST_CHECK
#endif

/** Version of this header; compare with fptc_version() at run time. */
#define FPTC_VERSION_MAJOR 0
#define FPTC_VERSION_MINOR 1
#define FPTC_VERSION_PATCH 0
#define FPTC_VERSION_STRING "0.1.0"

/** Outcome of a call. Values are pinned for ever; unknown negative values are failures. */
typedef int32_t fptc_status;

enum {
    FPTC_OK = 0,      /**< done */
    FPTC_MISS = 1,    /**< known to be absent (an id that does not exist, a name not there) */
    FPTC_END = 2,     /**< no further row */
    FPTC_PENDING = 3, /**< accepted, but FPT has not settled it yet; see fptc_result_event_id() */
    /** sent, but FPT's answer was lost: it may or may not be done; repeat it with its event id only */
    FPTC_UNKNOWN = 4,

    FPTC_EUSAGE = -1, /**< an argument, filter, field or option is wrong; the message names it */
    FPTC_EFORK = -2,  /**< the handle was made by the parent of this process */
    /** the call does not fit the object's state (closed, no row, read-only) */
    FPTC_ESTATE = -3,
    FPTC_EIO = -10,     /**< the file server or disk failed; the message names the file */
    FPTC_ENOENT = -11,  /**< the cache directory or a file that must exist does not */
    FPTC_ENOSPC = -12,  /**< disk full or quota exceeded; nothing was lost */
    FPTC_EACCESS = -13, /**< no permission on a file or directory, or it is read-only */
    FPTC_EEXIST = -14,  /**< it exists already and differs from what was asked */
    /** written by a newer version: this build only reads, or cannot read it */
    FPTC_EFORMAT = -20,
    FPTC_EDAMAGED = -21, /**< a file fails its checks; the message names it */
    FPTC_ERACE = -30,    /**< others kept winning the log for the whole bound; try again later */
    FPTC_EPINNED = -31,  /**< held by a pin or a claim of another process */
    FPTC_ENET = -40,     /**< FPT cannot be reached (name, connection, reset, half a reply) */
    FPTC_ETLS = -41,     /**< the site's certificate could not be verified */
    /** FPT answered with a server error (5xx) or with something that is not FPT's */
    FPTC_ESERVER = -50,
    FPTC_EREFUSED = -51, /**< FPT refused the request (4xx); its own text is in the message */
    FPTC_EAUTH = -52,    /**< FPT did not accept the credentials, or none were given */
    /** FPT asked us to slow down (429, 503) and the deadline left no time to wait */
    FPTC_EBUSY = -53,
    /** nothing provable to show: not in the cache and FPT not available or not allowed */
    FPTC_ENODATA = -54,
    FPTC_ECONFLICT = -55,  /**< the row was changed by somebody else since it was read */
    FPTC_ENOMEM = -60,     /**< out of memory */
    FPTC_ELIMIT = -61,     /**< a named limit was exceeded (see lib/base/limits.h) */
    FPTC_EDEADLINE = -62,  /**< the deadline passed; a write's event id tells what became of it */
    FPTC_ECANCELLED = -63, /**< the progress callback asked to stop */
    FPTC_EINTERNAL = -70   /**< a bug of this library; please report the message */
};

/**
 * What went wrong, in the caller's memory: no global, no thread-local. 512 bytes for ever.
 * The message names the file, entity, field or host and the next step, and never holds a credential.
 */
typedef struct fptc_error {
    int32_t status;      /**< the fptc_status returned, 0 if none */
    int32_t sys_errno;   /**< errno of the failed system call, 0 if none */
    int32_t http_status; /**< HTTP status of FPT's answer, 0 if none */
    int32_t curl_code;   /**< libcurl's code, 0 if none */
    int32_t line;        /**< source line, for bug reports */
    char message[492];   /**< UTF-8, NUL-terminated */
} fptc_error;

/* clang-format off */
#define FPTC_ERROR_INIT {0, 0, 0, 0, 0, {0}}
/* clang-format on */

/** A cache directory opened by this process. Opaque; see fptc_cache_open(). */
typedef struct fptc_cache fptc_cache;
/** A question. Opaque; see fptc_query_new(). */
typedef struct fptc_query fptc_query;
/** An intended change. Opaque; see fptc_write_new(). */
typedef struct fptc_write fptc_write;
/** Rows or a document that a call returned, with a cursor. Opaque; freed by fptc_result_free(). */
typedef struct fptc_result fptc_result;

/** A duration field that shall be zero (0 itself means "default"). */
#define FPTC_ZERO_MS (-1)

/** How a find may be answered. */
enum {
    FPTC_MODE_DEFAULT = 0, /**< prefer-cache */
    /** cache if fresh enough, else FPT, else the newest provable answer marked stale */
    FPTC_MODE_PREFER_CACHE = 1,
    FPTC_MODE_ONLY_CACHE = 2, /**< never a request; any age; FPTC_ENODATA if not provable */
    FPTC_MODE_REFRESH = 3     /**< ask FPT in any case, and put the answer into the cache */
};

/** Whether this process may do the upkeep (compaction, deletion), on a thread that gives way to others. */
enum {
    FPTC_HOLD_DEFAULT = 0, /**< never */
    FPTC_HOLD_NEVER = 1,
    /** of the partitions in use, while work is overdue and nobody holds them */
    FPTC_HOLD_AUTO = 2,
    /** as fptc_cache_hold() does it, from opening the handle to closing it */
    FPTC_HOLD_ALWAYS = 3
};

/** When a write returns. */
enum {
    FPTC_WRITE_DEFAULT = 0, /**< through */
    FPTC_WRITE_THROUGH = 1, /**< after FPT has answered */
    FPTC_WRITE_BEHIND = 2   /**< once durable in the outbox; whoever keeps the cache up sends it */
};

/** What becomes of an update behind when somebody else has changed a field that it writes. */
enum {
    FPTC_CONFLICT_DEFAULT = 0, /**< fail */
    FPTC_CONFLICT_FAIL =
        1, /**< nothing of it is written; it waits for a person (fptc_cache_outbox()) */
    FPTC_CONFLICT_OVERWRITE = 2, /**< it is written, as every write through is */
    FPTC_CONFLICT_MERGE = 3      /**< those of its fields are written that nobody has changed */
};

/** Whether an answer shows writes behind that FPT does not have yet: fptc_query_set_pending(). */
enum { FPTC_SHOW_PENDING = 1, FPTC_HIDE_PENDING = 2 };

/** Severity of a log line. */
enum { FPTC_LOG_ERROR = 1, FPTC_LOG_WARNING = 2, FPTC_LOG_INFO = 3, FPTC_LOG_DEBUG = 4 };

/** Log callback: called on any thread, must not call back into the handle. `text` is valid during the call. */
typedef void (*fptc_log_fn)(int32_t level, const char *text, void *payload);

/**
 * Progress callback of long calls: `done` of `total` units (total 0 = not known) of the work named by
 * `what` ("Shot in project 101"). Called on the thread that does the work; returning non-zero asks
 * the call to stop, which then returns FPTC_ECANCELLED with everything done so far kept.
 */
typedef int32_t (*fptc_progress_fn)(const char *what, int64_t done, int64_t total, void *payload);

/**
 * How to open a cache. Start from FPTC_OPTIONS_INIT; zero in any field means its default. Strings are
 * copied by fptc_cache_open(). Fields are only ever appended: a smaller struct_size is accepted, a
 * larger one only when its unknown tail is zero.
 */
typedef struct fptc_options {
    uint32_t struct_size;  /**< sizeof(fptc_options), set by FPTC_OPTIONS_INIT */
    int32_t mode;          /**< FPTC_MODE_*; default prefer-cache */
    int32_t hold;          /**< FPTC_HOLD_*; default never */
    int32_t write_mode;    /**< FPTC_WRITE_*; default through */
    const char *cache_dir; /**< the shared directory; no default */
    /** e.g. https://studio.shotgrid.autodesk.com; default: the directory's own */
    const char *site_url;
    const char *script_name; /**< credentials of a script … */
    const char *script_key;  /**< … and its key */
    /** or a file that holds the key; its mode must be 0600 or stricter */
    const char *script_key_file;
    const char *user_login; /**< or of a person … */
    const char *user_password;
    const char *session_token; /**< or a session */
    const char *sudo_as_login; /**< act as this user (changes the realm) */
    const char *http_proxy;    /**< host:port, or user:password@host:port */
    const char *ca_file;       /**< PEM file of trusted certificates; default: the system's */
    int64_t max_age_ms;        /**< default 60,000; FPTC_ZERO_MS: always ask for changes first */
    int64_t stale_max_ms;      /**< oldest answer shown when FPT fails; default: unlimited */
    int64_t deadline_ms;       /**< bound of every call that may block; default: none */
    int64_t refresh_ms;        /**< how often a view looks for commits of others; default 1,000 */
    int64_t grace_ms;          /**< how long files that no base names are kept; default 6 hours */
    int32_t log_level;         /**< FPTC_LOG_*; default warning */
    int32_t reserved;          /**< 0 */
    fptc_log_fn log;           /**< default: no logging; the library never prints */
    void *log_payload;
    const char
        *pin; /**< id of a pin: the handle reads what it holds, and nothing else; default: none */
    /** after this FPT has ended a write that was sent, whatever its answer: what became of one without
        an answer is then looked up. Default 600,000; less may make a slow write twice */
    int64_t quiet_ms;
    /** a text field of FPT that creates leave their event id in, on the types that have it (sg_...): how
        a create without an answer is found again for certain; default: none, it is found by its values */
    const char *marker_field;
} fptc_options;

#define FPTC_OPTIONS_INIT                                                                          \
    {                                                                                              \
        (uint32_t)sizeof(fptc_options), 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,   \
            NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, NULL                       \
    }

/* ------------------------------------------------------------------------------ versions, status */

/**
 * Tells the version of the library that is loaded.
 * @return "MAJOR.MINOR.PATCH", a static string; compare with FPTC_VERSION_STRING.
 * @par Ownership  static; never freed.
 * @par Threads    any thread.
 * @par Blocking   memory only.
 * @since 0.1
 * @see FPTC_VERSION_STRING
 */
FPTC_API const char *fptc_version(void);

/**
 * Names a status.
 * @param status  any value.
 * @return e.g. "FPTC_EIO"; "FPTC_E?" for a value this version does not know.
 * @par Ownership  static; never freed.
 * @par Threads    any thread.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_error
 */
FPTC_API const char *fptc_status_name(fptc_status status);

/**
 * Fills the fields of `options` that are still zero from the environment: FPTCACHE_DIR, FPTCACHE_SITE,
 * FPTCACHE_SCRIPT_NAME, FPTCACHE_SCRIPT_KEY, FPTCACHE_SCRIPT_KEY_FILE, FPTCACHE_PIN. The only function that
 * reads it.
 * @param options  in and out; its struct_size must be set. The strings point into the environment.
 * @param err      may be NULL.
 * @return FPTC_OK, or FPTC_EUSAGE for a struct_size this version does not know.
 * @par Ownership  strings stay owned by the environment: do not change it before fptc_cache_open().
 * @par Threads    any thread, while nobody changes the environment.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_open
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_options_from_environment(fptc_options *options,
                                                                   fptc_error *err);

/* --------------------------------------------------------------------------------------- handles */

/**
 * Makes a cache directory: options->cache_dir for options->site_url and, when credentials are given,
 * the realm they stand for. Makes no request. Doing it again with the same values does nothing.
 * @param options  cache_dir and site_url are needed. Sites are https; http only for loopback addresses.
 * @param err      may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE for a missing or bad option; FPTC_EEXIST when the directory belongs to
 *         another site or realm; FPTC_EACCESS, FPTC_ENOSPC, FPTC_EIO naming the path.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread; hosts may race, one wins and the others agree.
 * @par Blocking   may touch the file server.
 * @since 0.1
 * @see fptc_cache_open
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_init(const fptc_options *options, fptc_error *err);

/**
 * Opens a cache directory. Makes no request; credentials are needed only by calls that reach FPT.
 * @param options    copied; options->cache_dir is needed. Its site_url, if given, must be the directory's.
 * @param out_cache  the handle; NULL on failure.
 * @param err        may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE; FPTC_ENOENT when there is no cache (make one with fptc_cache_init());
 *         FPTC_EEXIST for another site's directory; FPTC_EFORMAT for one of a newer, unreadable format;
 *         FPTC_ENODATA when options->pin has ended;
 *         FPTC_EACCESS, FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM.
 * @par Ownership  close with fptc_cache_close(); results may outlive the handle.
 * @par Threads    any thread. The handle may be used by any number of threads at once.
 * @par Blocking   may touch the file server; bounded by options->deadline_ms.
 * @since 0.1
 * @see fptc_cache_close
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_open(const fptc_options *options,
                                                     fptc_cache **out_cache, fptc_error *err);

/**
 * Closes a handle: waits for calls that still run on it, then frees it. Acknowledged writes are
 * already durable, so closing loses nothing.
 * @param cache  may be NULL.
 * @par Ownership  frees the handle. Results of it stay valid.
 * @par Threads    one thread, after every other call on the handle has returned.
 * @par Blocking   may touch the file server while a call left behind by a deadline finishes.
 * @since 0.1
 * @see fptc_cache_open
 */
FPTC_API void fptc_cache_close(fptc_cache *cache);

/* --------------------------------------------------------------------------------------- queries */

/**
 * Makes a query for one entity type: every row, field `id` only, ordered by id, no limit.
 * @param type       FPT's name, e.g. "Shot"; checked when the query runs.
 * @param out_query  the query; NULL on failure.
 * @param err        may be NULL.
 * @return FPTC_OK, FPTC_EUSAGE for an empty or impossible name, FPTC_ENOMEM.
 * @par Ownership  free with fptc_query_free().
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_new(const char *type, fptc_query **out_query,
                                                    fptc_error *err);

/**
 * Frees a query.
 * @param query  may be NULL.
 * @par Ownership  frees the query.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_query_new
 */
FPTC_API void fptc_query_free(fptc_query *query);

/**
 * Sets the filters, in any spelling that FPT or shotgun_api3 takes: an array of `[path, operator,
 * value]`, `{"logical_operator":"and"|"or","conditions":[…]}`, or
 * `{"filter_operator":"all"|"any","filters":[…]}`, nested at will.
 * @param query  the query.
 * @param json   UTF-8 JSON; NULL or "" means every row.
 * @param err    may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE when it is not JSON of such a shape (names, operators and values are
 *         checked against the schema when the query runs); FPTC_ELIMIT, FPTC_ENOMEM.
 * @par Ownership  copied.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_filters(fptc_query *query, const char *json,
                                                            fptc_error *err);

/**
 * Sets the fields to return. `id` and `type` always come.
 * @param query   the query.
 * @param fields  names separated by commas; a name may follow one link ("sg_sequence.Sequence.code").
 * @param err     may be NULL.
 * @return FPTC_OK, FPTC_EUSAGE for an empty name, FPTC_ENOMEM.
 * @par Ownership  copied.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_n_fields
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_fields(fptc_query *query, const char *fields,
                                                           fptc_error *err);

/**
 * Sets the order: keys separated by commas, each ascending or, with a leading `-`, descending. Ties are
 * broken by ascending id, as FPT does.
 * @param query  the query.
 * @param order  e.g. "sg_cut_order,-code"; NULL or "" means by id.
 * @param err    may be NULL.
 * @return FPTC_OK, FPTC_EUSAGE for an empty key, FPTC_ENOMEM.
 * @par Ownership  copied.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_query_set_limit
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_order(fptc_query *query, const char *order,
                                                          fptc_error *err);

/**
 * Bounds the number of rows, optionally to one page of that size.
 * @param query  the query.
 * @param limit  rows at most; 0 means all.
 * @param page   0: the first `limit` rows; n >= 1: the n-th page of `limit` rows (500 when limit is 0).
 * @param err    may be NULL.
 * @return FPTC_OK, FPTC_EUSAGE for a negative value.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_query_set_order
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_limit(fptc_query *query, int64_t limit,
                                                          int64_t page, fptc_error *err);

/**
 * Sets how this query may be answered, instead of the handle's options.
 * @param query        the query.
 * @param mode         FPTC_MODE_*.
 * @param max_age_ms   as fptc_options::max_age_ms; 0 keeps the handle's.
 * @param deadline_ms  as fptc_options::deadline_ms; 0 keeps the handle's.
 * @param err          may be NULL.
 * @return FPTC_OK, FPTC_EUSAGE for an unknown mode.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_freshness(fptc_query *query, int32_t mode,
                                                              int64_t max_age_ms,
                                                              int64_t deadline_ms, fptc_error *err);

/**
 * Sets which rows a query sees besides its filters.
 * @param query             the query.
 * @param retired_only      non-zero: only retired rows (FPT is asked: they are not kept).
 * @param include_archived  0: no rows of archived projects. A new query includes them, as FPT does.
 * @param err               may be NULL.
 * @return FPTC_OK.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_scope(fptc_query *query, int32_t retired_only,
                                                          int32_t include_archived,
                                                          fptc_error *err);

/**
 * Asks for rows one after the other, in memory that does not grow with their number. The result then
 * holds the state of the cache as it was when the query began, in files of its own that it keeps open:
 * free it soon. Its cursor only goes forward (fptc_result_rewind() does nothing), its count is -1, it
 * knows its fields before the first row, strings of a row are valid until the next, and
 * fptc_result_next() may block, up to the query's deadline, which bounds all of the reading. An answer
 * that comes from FPT or from several projects is held in memory all the same.
 * @param query         the query.
 * @param is_streaming  non-zero to stream; a new query does not.
 * @param err           may be NULL.
 * @return FPTC_OK.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_next
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_streaming(fptc_query *query,
                                                              int32_t is_streaming,
                                                              fptc_error *err);

/**
 * Says whether answers show writes behind that FPT does not have yet (FPTC_WRITE_BEHIND), those of this
 * process at once and others' within the refresh interval: a create as a row whose id is provisional and below
 * 0, with what it was given and nothing that FPT would compute; an update with its values; a deleted row not at
 * all. Filters, order and summaries see them so. fptc_result_is_pending() marks their rows. Where FPT itself has to
 * be asked (FPTC_SOURCE_UPSTREAM), the rows of the query's type are treated so, and what could not be told is
 * among the warnings; a summary or text search of FPT's own knows nothing of them. Streamed answers, changes,
 * SQL, pinned handles and everything that is kept never show them.
 * @param query    the query.
 * @param pending  FPTC_SHOW_PENDING (what a new query does) or FPTC_HIDE_PENDING.
 * @param err      may be NULL.
 * @return FPTC_OK or FPTC_EUSAGE.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per query.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_is_pending
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_query_set_pending(fptc_query *query, int32_t pending,
                                                            fptc_error *err);

/**
 * Answers a query: from the cache when it is provable there and fresh enough, else from FPT, which
 * also fills the cache for everybody.
 * @param cache       the handle.
 * @param query       the query; may be reused afterwards.
 * @param out_result  the rows; NULL on failure. No row found is FPTC_OK with a count of 0.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE naming the wrong type, field, operator or value; FPTC_ENODATA when the
 *         answer is not in the cache and FPT may not be or could not be asked (the message says why);
 *         FPTC_EREFUSED, FPTC_EAUTH with FPT's own text; FPTC_EDEADLINE; FPTC_EIO, FPTC_EDAMAGED,
 *         FPTC_ENOMEM. When FPT is down and an older answer is provable it is FPTC_OK, with
 *         fptc_result_source() FPTC_SOURCE_STALE: after a failure at once, for 5 to 10 s, in which this
 *         handle asks FPT only for what the cache cannot tell, with FPTC_MODE_REFRESH or an age of zero.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the deadline.
 * @since 0.1
 * @see fptc_result_next
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_find(fptc_cache *cache, const fptc_query *query,
                                                     fptc_result **out_result, fptc_error *err);

/**
 * Counts, sums and groups the rows of a query, as FPT's `_summarize` does; the query's fields, order,
 * limit and page play no part. From the cache when it is provable there, else FPT is asked.
 * @param cache      the handle.
 * @param query      the query; may be reused afterwards.
 * @param summaries  JSON: [{"field":"id","type":"count"}, ...]; types as FPT names them: record_count, count,
 *                   sum, maximum, minimum, average, earliest, latest, percentage, status_percentage,
 *                   status_percentage_as_float, status_list, checked, unchecked.
 * @param grouping   JSON: [{"field","type","direction"}, ...], the outermost first; NULL or "" for none.
 * @param out_result a document: {"summaries":{field:value},"groups":[{"group_name","group_value",
 *                   "summaries","groups"}],"source","age_s","complete","warnings"}; NULL on failure.
 * @param err        may be NULL.
 * @return as fptc_cache_find(); FPTC_EUSAGE also for an unknown summary or grouping type.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the deadline.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status
fptc_cache_summarize(fptc_cache *cache, const fptc_query *query, const char *summaries,
                     const char *grouping, fptc_result **out_result, fptc_error *err);

/**
 * Tells how a query would be answered now, without asking FPT for its rows.
 * @param cache       the handle.
 * @param query       the query.
 * @param out_result  a document: {"canonical","local","why_not","covered":[{"type","partition","age_s",
 *                    "fields_missing"}],"answer":"cache"|"stored query"|"upstream"|"none","sql","params",
 *                    "plan":[lines of SQLite's query plan],"indexes":[...],"rows_read","steps","rows",
 *                    "seconds","warnings"}; NULL on failure. From "plan" to "seconds" they tell of
 *                    running the SQL on what the cache has, and are absent when that is nothing, and for
 *                    rows of several projects;
 *                    "rows_read" counts those given and those that scans without an index went through,
 *                    "steps" what SQLite's machine did.
 * @param err         may be NULL.
 * @return FPTC_OK, covered or not; FPTC_EUSAGE naming what is wrong with the query; FPTC_ENODATA when a
 *         schema is not known and FPT may not be asked for it; FPTC_EAUTH, FPTC_EREFUSED, FPTC_ENET,
 *         FPTC_ESERVER, FPTC_EBUSY, FPTC_EDEADLINE; FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, and use the network for a schema, up to the deadline.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_explain(fptc_cache *cache, const fptc_query *query,
                                                        fptc_result **out_result, fptc_error *err);

/**
 * Runs one SELECT over the rows that the cache has of a project and of the types without one, whatever
 * their age. Tables are named as FPT's types, columns as fields; a link is two columns, `field__type` and
 * `field__id`; a multi-entity field is a table `Type__field` (id, pos, link_type, link_id). Rows are streamed.
 * @param cache        the handle.
 * @param project_id   the project, or 0 for the types without one.
 * @param sql          one SELECT (or WITH, VALUES, EXPLAIN); anything that writes is refused, and so are
 *                     parameters.
 * @param deadline_ms  bound of the whole, reading the rows included; 0: the handle's.
 * @param out_result   the rows, to be read as a streaming one's; column names are those of the statement
 *                     (a second "id" is "id:1"), kinds FPTC_KIND_INT, _FLOAT, _TEXT, _NULL; NULL on failure.
 * @param err          may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE with SQLite's text; FPTC_ENODATA when the cache has nothing of the project;
 *         FPTC_EDEADLINE; FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the deadline.
 * @since 0.1
 * @see fptc_result_next
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_sql(fptc_cache *cache, int64_t project_id,
                                                    const char *sql, int64_t deadline_ms,
                                                    fptc_result **out_result, fptc_error *err);

/**
 * Searches names, as FPT's `_text_search` does: every word must be part of a row's name or of the name
 * of what it links to. FPT is asked: how it ranks is its own.
 * @param cache         the handle.
 * @param text          the words; not empty.
 * @param entity_types  JSON: {"Shot":[filters], "Asset":[], ...}, filters as fptc_query_set_filters().
 * @param limit         rows at most, 1 to 25; 0 means 25 (FPT's own bound).
 * @param page          from 1; 0 means the first.
 * @param out_result    a document: {"matches":[{"id","type","name","links":[type,name],"status"}],
 *                      "source":"upstream"}; NULL on failure.
 * @param err           may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE; FPTC_ENODATA in only-cache mode; FPTC_EREFUSED, FPTC_EAUTH with FPT's own
 *         text; FPTC_ENET, FPTC_ESERVER, FPTC_EBUSY, FPTC_EDEADLINE, FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may use the network, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_text_search(fptc_cache *cache, const char *text,
                                                            const char *entity_types, int64_t limit,
                                                            int64_t page, fptc_result **out_result,
                                                            fptc_error *err);

/**
 * Tells the site's schema, in the shape of shotgun_api3: of all types ({Type:{"name","visible"}}), of one
 * type ({field:{"name","data_type","editable","properties",...}}), or of one field. From the cache when
 * it is there and fresh enough, else FPT is asked and the answer kept for everybody.
 * @param cache       the handle.
 * @param type        entity type; NULL for the list of types.
 * @param field       one field of it; NULL for all.
 * @param project_id  as that project shows it (visibility, hidden values); 0 for the site.
 * @param out_result  a document; NULL on failure.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE naming the unknown type or field with the nearest name; FPTC_ENODATA,
 *         FPTC_EAUTH, FPTC_EREFUSED, FPTC_ENET, FPTC_ESERVER, FPTC_EBUSY, FPTC_EDEADLINE; FPTC_EIO, FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_schema(fptc_cache *cache, const char *type,
                                                       const char *field, int64_t project_id,
                                                       fptc_result **out_result, fptc_error *err);

/**
 * Reads the changes of one type of one partition in version-key order, deletions included: the way to
 * feed another system. Start with `since` 0 and go on with the greatest fptc_result_version() seen.
 * Reads the cache only; it makes no request.
 * @param cache       the handle.
 * @param type        entity type.
 * @param project_id  the project, or 0 for the types without one.
 * @param since       exclusive version key; 0 from the beginning.
 * @param limit       rows at most, 1 to 10,000; 0 means 1,000.
 * @param out_result  rows with every stored field; NULL on failure.
 * @param err         may be NULL.
 * @return FPTC_OK (a count of 0 means: nothing newer); FPTC_ESTATE when the history up to `since` is
 *         lost (a restored backup, another directory): start again with 0; FPTC_ENODATA when the cache
 *         holds nothing of that type; FPTC_EUSAGE; FPTC_EDEADLINE; FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_result_change
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_changes(fptc_cache *cache, const char *type,
                                                        int64_t project_id, int64_t since,
                                                        int64_t limit, fptc_result **out_result,
                                                        fptc_error *err);

/* --------------------------------------------------------------------------------------- results */

/** Where an answer came from. */
enum {
    FPTC_SOURCE_CACHE = 1,    /**< snapshot and overlay, fresh enough */
    FPTC_SOURCE_UPSTREAM = 2, /**< FPT, just now */
    /** the cache, older than asked for, because FPT could not be asked */
    FPTC_SOURCE_STALE = 3
};

/** What happened to a row of fptc_cache_changes(). */
enum {
    FPTC_CHANGE_ROW = 1,  /**< created or changed: the row follows */
    FPTC_CHANGE_GONE = 2, /**< deleted (retired) in FPT: only type and id follow */
    /** now in another project: fptc_result_text(r, "moved_to") names the partition */
    FPTC_CHANGE_MOVED = 3
};

/** What a cell holds. */
enum {
    FPTC_KIND_ABSENT = 0, /**< the row has no such field (FPT dropped it) */
    FPTC_KIND_NULL = 1,
    FPTC_KIND_TEXT = 2, /**< also dates, statuses: FPT's own text */
    FPTC_KIND_INT = 3,
    FPTC_KIND_FLOAT = 4,
    FPTC_KIND_BOOL = 5,
    FPTC_KIND_LINK = 6,  /**< one entity */
    FPTC_KIND_LINKS = 7, /**< a list of entities */
    FPTC_KIND_JSON = 8   /**< anything else, as JSON text */
};

/**
 * Moves to the next row.
 * @param result  the result; a new one stands before the first row.
 * @return FPTC_OK on a row, FPTC_END after the last. Of a streaming result also FPTC_EIO, FPTC_EDAMAGED,
 *         FPTC_EDEADLINE, FPTC_EFORK, FPTC_ENOMEM, of SQL FPTC_EUSAGE; the last line of
 *         fptc_result_warnings() then says why, and it has ended.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only; of a streaming result it may touch the file server.
 * @since 0.1
 * @see fptc_result_rewind
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_result_next(fptc_result *result);

/**
 * Moves before the first row again. Of a streaming result it does nothing.
 * @param result  may be NULL.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_next
 */
FPTC_API void fptc_result_rewind(fptc_result *result);

/**
 * Frees a result and every string read from it.
 * @param result  may be NULL.
 * @par Ownership  frees the result.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_find
 */
FPTC_API void fptc_result_free(fptc_result *result);

/**
 * Counts the rows.
 * @param result  the result.
 * @return number of rows; -1 for a streaming result; 0 for NULL.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_next
 */
FPTC_API int64_t fptc_result_count(const fptc_result *result);

/**
 * Tells where the answer came from.
 * @param result  the result.
 * @return FPTC_SOURCE_*; 0 where it has no meaning (documents, NULL).
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_age_ms
 */
FPTC_API int32_t fptc_result_source(const fptc_result *result);

/**
 * Tells how old the answer is: the time since it was provably what FPT would have said.
 * @param result  the result.
 * @return milliseconds, by the file server's clock; 0 for an answer of FPT itself.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_is_complete
 */
FPTC_API int64_t fptc_result_age_ms(const fptc_result *result);

/**
 * Tells whether the answer is all that FPT would have said at that time, link names included.
 * @param result  the result.
 * @return 1 or 0.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_age_ms
 */
FPTC_API int32_t fptc_result_is_complete(const fptc_result *result);

/**
 * Tells what FPT would have dropped or done silently with this query, or why an answer is not complete.
 * @param result  the result.
 * @return sentences separated by newlines; "" if there is nothing to say.
 * @par Ownership  valid until fptc_result_free().
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_is_complete
 */
FPTC_API const char *fptc_result_warnings(const fptc_result *result);

/**
 * Tells the event id of a write: repeat a write with it and it is done at most once.
 * @param result  the result of fptc_cache_write().
 * @return text of 32 characters, or "" for other results.
 * @par Ownership  valid until fptc_result_free().
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_write_set_event_id
 */
FPTC_API const char *fptc_result_event_id(const fptc_result *result);

/**
 * Gives the id of the current row.
 * @param result  the result, on a row.
 * @return the id; 0 when not on a row.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_type
 */
FPTC_API int64_t fptc_result_id(const fptc_result *result);

/**
 * Gives the entity type of the current row.
 * @param result  the result, on a row.
 * @return the type; "" when not on a row.
 * @par Ownership  valid until fptc_result_free().
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_id
 */
FPTC_API const char *fptc_result_type(const fptc_result *result);

/**
 * Gives the version key of the current row of fptc_cache_changes(): commit number << 20 | index.
 * @param result  the result, on a row.
 * @return the key; 0 when unknown.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_changes
 */
FPTC_API int64_t fptc_result_version(const fptc_result *result);

/**
 * Tells what happened to the current row of fptc_cache_changes().
 * @param result  the result, on a row.
 * @return FPTC_CHANGE_*; FPTC_CHANGE_ROW for rows of other calls; 0 when not on a row.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_changes
 */
FPTC_API int32_t fptc_result_change(const fptc_result *result);

/**
 * Tells whether the current row is pending: provisional, or with changes that FPT does not have yet. Its
 * fptc_result_version() is 0.
 * @param result  the result, on a row.
 * @return 1 or 0; 0 when not on a row.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_query_set_pending
 */
FPTC_API int32_t fptc_result_is_pending(const fptc_result *result);

/**
 * Counts the fields of the current row, id and type not included.
 * @param result  the result, on a row.
 * @return number of fields.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_field
 */
FPTC_API size_t fptc_result_n_fields(const fptc_result *result);

/**
 * Names a field of the current row.
 * @param result  the result, on a row.
 * @param index   0 to fptc_result_n_fields() - 1.
 * @return the name as asked for; "" when out of range.
 * @par Ownership  valid until fptc_result_free().
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_kind
 */
FPTC_API const char *fptc_result_field(const fptc_result *result, size_t index);

/**
 * Tells what a field of the current row holds.
 * @param result  the result, on a row.
 * @param field   its name.
 * @return FPTC_KIND_*.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_text
 */
FPTC_API int32_t fptc_result_kind(const fptc_result *result, const char *field);

/**
 * Reads a field as text.
 * @param result  the result, on a row.
 * @param field   its name.
 * @return UTF-8 text of FPTC_KIND_TEXT and FPTC_KIND_JSON, the display name of FPTC_KIND_LINK;
 *         NULL for null, absent and every other kind.
 * @par Ownership  valid until fptc_result_free().
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_kind
 */
FPTC_API const char *fptc_result_text(const fptc_result *result, const char *field);

/**
 * Reads a field as an integer.
 * @param result  the result, on a row.
 * @param field   its name.
 * @return the value of FPTC_KIND_INT and FPTC_KIND_BOOL; 0 for every other kind (ask fptc_result_kind()).
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_double
 */
FPTC_API int64_t fptc_result_int64(const fptc_result *result, const char *field);

/**
 * Reads a field as a floating point number.
 * @param result  the result, on a row.
 * @param field   its name.
 * @return the value of FPTC_KIND_FLOAT and FPTC_KIND_INT; 0 for every other kind.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_int64
 */
FPTC_API double fptc_result_double(const fptc_result *result, const char *field);

/**
 * Counts the links of a field.
 * @param result  the result, on a row.
 * @param field   its name.
 * @return number of links: 1 for FPTC_KIND_LINK, 0 or more for FPTC_KIND_LINKS, else 0.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_link
 */
FPTC_API size_t fptc_result_n_links(const fptc_result *result, const char *field);

/**
 * Reads one link of a field.
 * @param result    the result, on a row.
 * @param field     its name.
 * @param index     0 to fptc_result_n_links() - 1.
 * @param out_type  entity type of the target; may be NULL.
 * @param out_id    its id; may be NULL.
 * @param out_name  its display name, NULL if not known; may be NULL.
 * @return FPTC_OK, or FPTC_MISS when there is no such link (outputs are NULL and 0).
 * @par Ownership  strings are valid until fptc_result_free().
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_n_links
 */
FPTC_API fptc_status fptc_result_link(const fptc_result *result, const char *field, size_t index,
                                      const char **out_type, int64_t *out_id,
                                      const char **out_name);

/**
 * Gives the current row as a JSON object in the shape that shotgun_api3 returns: fields by name, links
 * as {"type","id","name"}, date-times as ISO text in UTC.
 * @param result      the result, on a row.
 * @param out_length  bytes without the NUL; may be NULL.
 * @return JSON text; NULL when not on a row or out of memory.
 * @par Ownership  valid until the next call on this result or its free.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_json
 */
FPTC_API const char *fptc_result_row_json(fptc_result *result, size_t *out_length);

/**
 * Gives the whole result as JSON: for rows `{"rows":[…],"source":"cache"|"upstream"|"stale",
 * "age_s":…,"complete":…,"warnings":[…]}` (a write's result also has "event_id"); for documents the
 * document itself.
 * @param result      the result.
 * @param out_length  bytes without the NUL; may be NULL.
 * @return JSON text; NULL when out of memory, and of a streaming result.
 * @par Ownership  valid until the next call on this result or its free.
 * @par Threads    one thread at a time per result.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_row_json
 */
FPTC_API const char *fptc_result_json(fptc_result *result, size_t *out_length);

/* ---------------------------------------------------------------------------------------- writes */

/** What a write does. */
enum {
    FPTC_VERB_CREATE = 1,
    FPTC_VERB_UPDATE = 2,
    FPTC_VERB_DELETE = 3, /**< retires the row */
    FPTC_VERB_REVIVE = 4, /**< takes back that it was retired */
    FPTC_VERB_BATCH = 5   /**< creates, updates and deletes in one, done all or none */
};

/**
 * Makes a write.
 * @param verb       FPTC_VERB_*.
 * @param type       entity type; NULL of a batch.
 * @param id         the row of an update, delete or revive, maybe the provisional id of one that was created
 *                   behind; 0 of a create or batch.
 * @param out_write  the write; NULL on failure. It has a new event id.
 * @param err        may be NULL.
 * @return FPTC_OK, FPTC_EUSAGE, FPTC_ENOMEM.
 * @par Ownership  free with fptc_write_free().
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_write
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_write_new(int32_t verb, const char *type, int64_t id,
                                                    fptc_write **out_write, fptc_error *err);

/**
 * Frees a write. What was sent or accepted is not undone.
 * @param write  may be NULL.
 * @par Ownership  frees the write.
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_write_new
 */
FPTC_API void fptc_write_free(fptc_write *write);

/**
 * Sets the field values of a create or update, or the requests of a batch.
 * @param write  the write.
 * @param json   a JSON object: field name to value, links as {"type","id"}, dates as FPT writes them; of a list
 *               of links, the list that it shall be, or {"multi_entity_update_mode":"add"|"remove"|"set",
 *               "value":[…]}. Of a batch an array of 1 to 1,000 requests as shotgun_api3 spells them:
 *               {"request_type":"create","entity_type":"Shot","data":{…}}, {"request_type":"update",
 *               "entity_type","entity_id","data","multi_entity_update_modes":{"assets":"add"}},
 *               {"request_type":"delete","entity_type","entity_id"}. None of them can name a row that
 *               another one creates, and their rows are of a dozen projects at most (FPTC_ELIMIT when it is
 *               carried out, nothing recorded or sent: make several batches).
 * @param err    may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE when it is of another shape (naming the request) or the write is a delete or
 *         revive; FPTC_ENOMEM.
 * @par Ownership  copied.
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_write
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_write_set_data(fptc_write *write, const char *json,
                                                         fptc_error *err);

/**
 * Gives the write the event id of an earlier attempt, so that it is done at most once in all.
 * @param write     the write.
 * @param event_id  32 hexadecimal characters, as fptc_result_event_id() gave them.
 * @param err       may be NULL.
 * @return FPTC_OK, or FPTC_EUSAGE for another shape.
 * @par Ownership  copied.
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_write_event_id
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_write_set_event_id(fptc_write *write,
                                                             const char *event_id, fptc_error *err);

/**
 * Tells the event id of a write, known before it runs: keep it to repeat the write safely.
 * @param write  the write.
 * @return 32 hexadecimal characters.
 * @par Ownership  valid until fptc_write_free() or fptc_write_set_event_id().
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_result_event_id
 */
FPTC_API const char *fptc_write_event_id(const fptc_write *write);

/**
 * Bounds the time of a write, instead of the handle's option.
 * @param write        the write.
 * @param deadline_ms  milliseconds; 0 keeps the handle's.
 * @param err          may be NULL.
 * @return FPTC_OK, or FPTC_EUSAGE for a negative value.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_write
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_write_set_deadline(fptc_write *write, int64_t deadline_ms,
                                                             fptc_error *err);

/**
 * Says when a write returns, instead of the handle's option.
 * @param write  the write.
 * @param mode   FPTC_WRITE_*; FPTC_WRITE_DEFAULT: options->write_mode.
 * @param err    may be NULL.
 * @return FPTC_OK, or FPTC_EUSAGE for another value.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_cache_write
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_write_set_mode(fptc_write *write, int32_t mode,
                                                         fptc_error *err);

/**
 * Says what becomes of an update behind, also one in a batch, when somebody else has changed a field that it
 * writes between the write and its sending.
 * @param write   the write; other verbs have no conflicts.
 * @param policy  FPTC_CONFLICT_*.
 * @param err     may be NULL.
 * @return FPTC_OK, or FPTC_EUSAGE for another value.
 * @par Ownership  nothing is kept.
 * @par Threads    one thread at a time per write.
 * @par Blocking   memory only.
 * @since 0.1
 * @see fptc_write_set_mode
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_write_set_on_conflict(fptc_write *write, int32_t policy,
                                                                fptc_error *err);

/**
 * Carries out a write: makes it durable in the outbox, sends it to FPT, puts FPT's row into the cache,
 * settles it. Afterwards every find of this process sees it, others within their refresh interval. A write behind
 * (fptc_write_set_mode()) returns once it is durable: FPT is asked nothing, finds show it at once, and
 * fptc_cache_maintain(), whoever holds the outbox, or this call again with its event id sends it.
 * @param cache       the handle.
 * @param write       the write; may be carried out again, which does nothing twice.
 * @param out_result  one row, FPT's own, of a create, update or revive; no row of a delete; also given for
 *                    FPTC_PENDING and FPTC_UNKNOWN, then with the event id only. NULL on failure.
 *                    Of a write behind that is pending the row has what was written as it
 *                    shall be (but no list that is added to and not known here), and a create has a
 *                    provisional id, below 0, that other writes may name and fptc_cache_resolve() knows
 *                    for ever. Of a batch a document instead, with an element for each request: [{"event",
 *                    "state":"settled"|"pending"|"refused"|"unknown","verb","type","id","row":{…} or null}].
 * @param err         may be NULL; also filled for FPTC_PENDING and FPTC_UNKNOWN.
 * @return FPTC_OK: FPT has it and so has the cache. FPTC_UNKNOWN: it was sent and the answer was lost;
 *         do not make a new write, ask again with this event id: after options.quiet_ms FPT is asked what
 *         became of it, and it is sent again if nothing did. So does whoever keeps the cache up
 *         (fptc_cache_maintain(), fptc_cache_hold()) with these credentials. FPTC_ECONFLICT: it is unknown
 *         whether it was done, and the row was changed by somebody else since: nothing is sent. FPTC_UNKNOWN also
 *         when several rows may be it; the message names them. FPTC_PENDING: an earlier write to the
 *         same row is not settled yet; nothing was sent; repeat later. FPTC_EREFUSED, FPTC_EAUTH: FPT's
 *         own text, nothing changed there. FPTC_EUSAGE before any request. FPTC_ENET, FPTC_EBUSY,
 *         FPTC_EDEADLINE: provably not sent, nothing pending. FPTC_MISS: FPT has no such row to
 *         delete (any more), or the row to revive was not retired. FPTC_EIO, FPTC_ENOSPC,
 *         FPTC_EACCESS: the outbox could not be written, nothing was sent. Of a write behind FPTC_PENDING means
 *         that it is durable and will be sent; FPTC_EUSAGE also when FPT's schema of the type never was fetched
 *         and cannot be now. Of a batch the status is that of all of its requests.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the deadline.
 * @since 0.1
 * @see fptc_write_event_id
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_write(fptc_cache *cache, fptc_write *write,
                                                      fptc_result **out_result, fptc_error *err);

/**
 * Tells FPT's id of a row that was created behind. The answer can be had for ever, by every process.
 * @param cache   the handle.
 * @param id      the provisional id; an id of FPT is its own answer, and nothing is read.
 * @param out_id  FPT's id; 0 unless FPTC_OK.
 * @param err     may be NULL; also filled for FPTC_PENDING, FPTC_UNKNOWN and FPTC_MISS.
 * @return FPTC_OK; FPTC_PENDING: it is not sent yet; FPTC_UNKNOWN: it was sent, and what became of it is not
 *         known yet; FPTC_EREFUSED: FPT refused it, or a person dropped it (fptc_cache_outbox() tells);
 *         FPTC_MISS: there is no such provisional id; FPTC_EUSAGE for 0; FPTC_EEXIST when the directory
 *         belongs to another identity; FPTC_EIO, FPTC_EDEADLINE, FPTC_ENOMEM.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the deadline.
 * @since 0.1
 * @see fptc_cache_write
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_resolve(fptc_cache *cache, int64_t id,
                                                        int64_t *out_id, fptc_error *err);

/** What a person decides about a write in the outbox. */
enum {
    FPTC_VERDICT_RETRY = 1, /**< it is sent again */
    FPTC_VERDICT_DROP = 2   /**< it is never sent (again) */
};

/**
 * Tells which writes wait in the outbox, are refused, or were done: the newest first. Asks FPT nothing, so it
 * answers while FPT is down.
 * @param cache       the handle.
 * @param filter      a JSON object, or NULL: {"state": "open" (no end yet, or refused; the default), "refused"
 *                    or "all", "event": an event id (then of any state), "limit": at most so many (10,000)}.
 * @param out_result  a document: {"writes":[{"event","state","verb","type","id","behind","batch","data","who","mine",
 *                    "host","pid","when","attempts","last_attempt","said":{"http_status","text"},"decided":{"verdict",
 *                    "who","when"},"next"}],"more"}; NULL on failure. state: "pending" (not sent),
 *                    "unknown" (sent, no answer known), "settled", "refused", "conflict" (others wrote to the
 *                    row since), "uncertain" (several rows may be it), "dropped". batch: the event id of the
 *                    batch that it is one of; what is decided about one of them is about all. What was
 *                    written is not kept once it is settled. last_attempt: or when it was retried since. next: what to do.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE for a bad filter; FPTC_EEXIST when the directory belongs to another identity;
 *         FPTC_EIO, FPTC_ENOMEM.
 * @par Ownership  free with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the deadline.
 * @since 0.1
 * @see fptc_cache_outbox_decide
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_outbox(fptc_cache *cache, const char *filter,
                                                       fptc_result **out_result, fptc_error *err);

/**
 * Decides about a write that was refused (also "conflict" and "uncertain"), or drops one that waits. A retry
 * makes it pending again: fptc_cache_maintain(), whoever holds the outbox, or fptc_cache_write() with its
 * event id sends it. Only the identity whose write it is decides.
 * @param cache     the handle.
 * @param event_id  of the write.
 * @param verdict   FPTC_VERDICT_*.
 * @param data      of a retry of a create or update: a JSON object of fields that is written instead; NULL: what
 *                  the write said.
 * @param err       may be NULL.
 * @return FPTC_OK: it is durable. FPTC_MISS: there is no such write. FPTC_ESTATE: its state does not allow it (it
 *         is settled, dropped, under way, or pending already). FPTC_EAUTH: another's write. FPTC_EUSAGE;
 *         FPTC_EEXIST when the directory belongs to another identity; FPTC_EIO, FPTC_ENOSPC, FPTC_EACCESS,
 *         FPTC_ENOMEM.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the deadline.
 * @since 0.1
 * @see fptc_cache_outbox
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_outbox_decide(fptc_cache *cache,
                                                              const char *event_id, int32_t verdict,
                                                              const char *data, fptc_error *err);

/**
 * Sends a file to FPT: as a row's picture, into one of its file fields, or as an Attachment of the row.
 * Nothing of it goes into the cache or the outbox. It is sent in parts when it is large, and again where that
 * can do no harm; being attached is the write, which is done once.
 * @param cache       the handle.
 * @param path        of the file, UTF-8; FPT gets its name without the folders. It must not change meanwhile.
 * @param target      a JSON object: {"type":"Version","id":12,"field":"sg_uploaded_movie","display_name":"v12",
 *                    "deadline_ms":60000}. Without `field` the row gets an Attachment; `image` is its
 *                    thumbnail, for which FPT ignores a display name. Without `deadline_ms` it may take
 *                    as long as it gets on: options->deadline_ms does not bound it.
 * @param progress    called on this thread, several times a second while bytes are sent: `done` of `total`
 *                    bytes of `what`, the path; may be NULL.
 * @param payload     given to `progress`.
 * @param out_result  a document: {"attachment":{"type","id"},"type","id","field","bytes","parts"};
 *                    `attachment` is null when FPT does not tell which it is, as of pictures. NULL unless
 *                    FPTC_OK; may be NULL.
 * @param err         may be NULL; also filled for FPTC_UNKNOWN.
 * @return FPTC_OK: FPT has it. FPTC_UNKNOWN: all of it was sent, and the answer to attaching it was lost:
 *         look at the row before you upload again, for a second upload is a second Attachment. After any other
 *         nothing is attached: FPTC_PENDING when the row was created behind (its id is below 0) and FPT does
 *         not have it yet; FPTC_EUSAGE (an empty file, too); FPTC_ENOENT, FPTC_EACCESS, FPTC_EIO of the
 *         file, or that it changed meanwhile; FPTC_EREFUSED, FPTC_EAUTH: FPT's own text; FPTC_ENET,
 *         FPTC_ETLS, FPTC_EBUSY, FPTC_ESERVER after several attempts; FPTC_EDEADLINE; FPTC_ECANCELLED when
 *         `progress` asked for it; FPTC_ENODATA of a handle that asks the cache only; FPTC_ESTATE of a
 *         pinned one; FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   reads the file on this thread and uses the network, up to the deadline.
 * @since 0.1
 * @see fptc_cache_write
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_upload(fptc_cache *cache, const char *path,
                                                       const char *target,
                                                       fptc_progress_fn progress, void *payload,
                                                       fptc_result **out_result, fptc_error *err);

/* ---------------------------------------------------------------------------- mirrors and upkeep */

/**
 * Declares that a type of a project is to be kept whole, for everybody. Fetches nothing: see
 * fptc_cache_sync(). Needs the type's schema, which is fetched when the cache has none yet.
 * @param cache       the handle.
 * @param project_id  the project, or 0 for the types without one.
 * @param type        entity type.
 * @param fields      names separated by commas; NULL for every storable field.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE naming an unknown type or field; FPTC_ENODATA, FPTC_EAUTH, FPTC_ENET when
 *         the schema is not there; FPTC_EIO, FPTC_ENOSPC, FPTC_EACCESS; FPTC_EDEADLINE.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_sync
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_mirror_add(fptc_cache *cache, int64_t project_id,
                                                           const char *type, const char *fields,
                                                           fptc_error *err);

/**
 * Takes a declaration back. Rows that are there stay usable until they are too old.
 * @param cache       the handle.
 * @param project_id  as declared.
 * @param type        as declared.
 * @param err         may be NULL.
 * @return FPTC_OK, FPTC_MISS when it was not declared, FPTC_EIO, FPTC_ENOSPC, FPTC_EACCESS, FPTC_EDEADLINE.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_mirror_add
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_mirror_rm(fptc_cache *cache, int64_t project_id,
                                                          const char *type, fptc_error *err);

/**
 * Lists the declarations with their state.
 * @param cache       the handle.
 * @param out_result  a document: [{"project","type","fields","as_of_age_s","rows"}]; NULL on failure.
 * @param err         may be NULL.
 * @return FPTC_OK, FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM, FPTC_EDEADLINE.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_result_json
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_mirror_list(fptc_cache *cache,
                                                            fptc_result **out_result,
                                                            fptc_error *err);

/**
 * Brings every declared type up to date: the first time all rows, later what changed. Of a call that
 * was stopped the rows are kept, and its walk begins again.
 * @param cache       the handle.
 * @param project_id  one project (and the types without a project that are declared), or 0 for all.
 * @param progress    may be NULL.
 * @param payload     given to `progress`.
 * @param out_result  a document: {"types":[{"project","type","rows","changed","gone","requests"}],
 *                    "requests","rows","seconds"}; NULL on failure; may be NULL.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_ECANCELLED when `progress` asked for it; FPTC_ENODATA when nothing is declared;
 *         FPTC_EAUTH, FPTC_EREFUSED, FPTC_ENET, FPTC_ESERVER, FPTC_EBUSY; FPTC_EIO, FPTC_ENOSPC,
 *         FPTC_EACCESS; FPTC_EDEADLINE.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_mirror_add
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_sync(fptc_cache *cache, int64_t project_id,
                                                     fptc_progress_fn progress, void *payload,
                                                     fptc_result **out_result, fptc_error *err);

/**
 * Folds the commits of one partition, or of all, into new snapshots and deletes files that no base has
 * named for longer than the grace. Any number of processes may do it at once.
 * @param cache       the handle.
 * @param partition   "site", "outbox", "project-101", or NULL for all.
 * @param out_result  a document: [{"partition","base","rows","bytes","deleted","seconds"}]; may be NULL.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_MISS when there is no such partition; FPTC_EIO, FPTC_ENOSPC, FPTC_EACCESS,
 *         FPTC_EDAMAGED (the old base stays in use); FPTC_EDEADLINE.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_status
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_compact(fptc_cache *cache, const char *partition,
                                                        fptc_result **out_result, fptc_error *err);

/**
 * Measures a directory before a cache is trusted to it: its mount and options, what a durable write and a commit
 * cost, exclusive links, swapped symbolic links, the clock, free space, permissions, and of a cache in it overdue
 * upkeep and what was left behind; with a second host also how soon each sees what the other makes. Makes
 * its files in `dir`/doctor-<name>/ and removes them.
 * @param dir          the directory; it need not be a cache yet.
 * @param peer         NULL: alone. Else a name (letters, digits, '-', '_'), the same in two calls on two hosts (or two
 *                     processes of one), which meet there and measure together; each gets its own document.
 * @param deadline_ms  longest wait for the peer and its steps; 0: two minutes.
 * @param out_result   a document: {"dir","peer","safe","checks":[{"name","value","unit","verdict","meaning",
 *                     "next"}]}; verdict: "ok", "warn" or "bad"; value: null where there is no number; next: what to do, or "";
 *                     safe: false when a check is bad: no cache may live there. NULL on failure.
 * @param err          may be NULL.
 * @return FPTC_OK, also when it is not safe; FPTC_ENOENT when there is no such directory; FPTC_EUSAGE; FPTC_EDEADLINE
 *         when the peer did not come; FPTC_EEXIST when two have met under that name; FPTC_EIO, FPTC_EACCESS, FPTC_ENOSPC;
 *         FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   touches the file server; on a hard mount whose server is silent as long as that is.
 * @since 0.1
 * @see fptc_cache_status
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_doctor(const char *dir, const char *peer,
                                                 int64_t deadline_ms, fptc_result **out_result,
                                                 fptc_error *err);

/**
 * Does one round of upkeep, for cron or a farm job: of each partition that nobody else holds, fetches what
 * changed of the mirrored types (when there are credentials), finishes the writes of these credentials that
 * somebody left in the outbox (fptc_cache_write()), folds commits when enough have come together,
 * and deletes files that no base has named for longer than the grace. Whether somebody else's claim
 * is that of a living process is judged by watching it, for half a minute at most. A failure in one partition
 * keeps no other from being done.
 * @param cache       the handle.
 * @param out_result  a document: {"partitions":[{"partition","held","fetched","finished","doubled" (of the outbox, where
 *                    options.marker_field tells it: [{"type","event","ids"}], creates that FPT has done twice),
 *                    "rolled_up","rewritten","seconds"}], "deleted",
 *                    "deleting","seconds"}; held: "by us" or "by another"; finished: writes; rolled_up, rewritten: commits; deleting: deletion still goes on
 *                    (an unlink hangs), and ends with this process. NULL on failure; may be NULL.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_EACCESS when nothing can be written here; FPTC_EIO, FPTC_ENOSPC, FPTC_EDAMAGED;
 *         FPTC_EAUTH, FPTC_EEXIST, FPTC_EREFUSED, FPTC_ENET, FPTC_ESERVER, FPTC_EBUSY of fetching;
 *         FPTC_EDEADLINE.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server and use the network, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_hold
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_maintain(fptc_cache *cache,
                                                         fptc_result **out_result, fptc_error *err);

/**
 * Holds the cache until `progress` asks to stop: becomes the one that does the upkeep of every partition
 * that nobody else holds, round after round as fptc_cache_maintain() does them, and the next one for those
 * that another holds. A heartbeat tells others that it lives; when that stops, another takes its place
 * within a minute, and when this call returns, at once. Two holders at once waste work and harm nothing.
 * @param cache     the handle.
 * @param progress  called on this thread, at least every second: `done` partitions held of `total`, `what` is
 *                  being done. Returning non-zero ends the call; must not be NULL.
 * @param payload   given to `progress`.
 * @param err       may be NULL.
 * @return FPTC_OK once `progress` has ended it and the claims are given back; FPTC_EACCESS when no claim can
 *         be made here (a read-only mount); FPTC_EUSAGE, FPTC_EFORK, FPTC_ENOMEM. Failures of the work itself
 *         are logged, and the work is tried again.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread; the work is done by threads of the library, which handle no signals.
 * @par Blocking   until `progress` ends it; options->deadline_ms does not bound it.
 * @since 0.1
 * @see fptc_cache_maintain
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_hold(fptc_cache *cache, fptc_progress_fn progress,
                                                     void *payload, fptc_error *err);

/**
 * Pins the present of a project: what the cache holds of it, and of the types without one, stays readable as it
 * is now, for handles that are opened with fptc_options::pin, on any host. Commits are folded first. A pin
 * ends by itself when nobody has touched it for `ttl_ms` by the file server's clock, or by fptc_cache_unpin().
 * @param cache       the handle; not a pinned one.
 * @param project_id  the project, or 0 for the types without one alone.
 * @param ttl_ms      0 means 24 hours; at most 30 days.
 * @param out_id      gets the id, 32 characters and a NUL; "" on failure.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_ERACE when others published newer states all the time; FPTC_EUSAGE; FPTC_ESTATE for a
 *         pinned handle; FPTC_EEXIST for another realm's directory; FPTC_EDEADLINE; FPTC_EACCESS,
 *         FPTC_ENOSPC, FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_pin_touch
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_pin(fptc_cache *cache, int64_t project_id,
                                                    int64_t ttl_ms, char out_id[33],
                                                    fptc_error *err);

/**
 * Keeps a pin for another ttl from now on. Do it well within the ttl.
 * @param cache  a handle on the same directory; may be pinned.
 * @param id     the pin's id.
 * @param err    may be NULL.
 * @return FPTC_OK; FPTC_MISS when the pin has ended (its files may go at any moment: pin again);
 *         FPTC_EUSAGE; FPTC_EDEADLINE; FPTC_EACCESS, FPTC_EIO, FPTC_EDAMAGED.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_pin
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_pin_touch(fptc_cache *cache, const char *id,
                                                          fptc_error *err);

/**
 * Ends a pin. Handles that read by it may find its files gone afterwards.
 * @param cache  a handle on the same directory; may be pinned.
 * @param id     the pin's id.
 * @param err    may be NULL.
 * @return FPTC_OK; FPTC_MISS when there is no such pin; FPTC_EUSAGE; FPTC_EDEADLINE; FPTC_EACCESS, FPTC_EIO.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_pin
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_unpin(fptc_cache *cache, const char *id,
                                                      fptc_error *err);

/**
 * Lists the pins of the cache directory, whoever made them.
 * @param cache       the handle.
 * @param out_result  a document: [{"id","bases":{partition:base},"host","pid","touched_s","ends_in_s"}];
 *                    NULL on failure.
 * @param err         may be NULL.
 * @return FPTC_OK; FPTC_EUSAGE; FPTC_EDEADLINE; FPTC_EACCESS, FPTC_EIO, FPTC_ENOMEM.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_pin
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_pins(fptc_cache *cache, fptc_result **out_result,
                                                     fptc_error *err);

/**
 * Drops what the cache holds of a project: rows, coverage, declarations of what is mirrored. Its numbers go on
 * from there, and it may be mirrored again. Who has it open sees it empty. The files go when fptc_cache_compact()
 * or the holder deletes, after the grace; what a pin holds stays until the pin ends. FPT is not touched.
 * @param cache       the handle; not a pinned one.
 * @param project_id  the project.
 * @param err         may be NULL.
 * @return FPTC_OK, also when nothing came since it was dropped before; FPTC_MISS when the cache never had the
 *         project; FPTC_ESTATE while writes to it have no known end (the message names their event ids), and for a
 *         pinned handle; FPTC_EUSAGE; FPTC_EEXIST for another realm's directory; FPTC_ERACE, FPTC_EDEADLINE
 *         (it may be dropped all the same); FPTC_EACCESS, FPTC_ENOSPC, FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM.
 * @par Ownership  nothing is kept.
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_cache_mirror_rm
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_drop(fptc_cache *cache, int64_t project_id,
                                                     fptc_error *err);

/**
 * Describes the cache: partitions, commits, bases, coverage and ages, pending and unknown writes, and
 * this handle's counters (answers by source, requests by kind, bytes).
 * @param cache       the handle.
 * @param out_result  a document; its keys are listed in lib/README.md; NULL on failure.
 * @param err         may be NULL.
 * @return FPTC_OK, FPTC_EIO, FPTC_EDAMAGED, FPTC_ENOMEM, FPTC_EDEADLINE.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline.
 * @since 0.1
 * @see fptc_result_json
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_status(fptc_cache *cache, fptc_result **out_result,
                                                       fptc_error *err);

/**
 * Checks everything the directory holds: every commit (its checksums, that it follows from the one before,
 * that its records can be read), every base with its files (size, checksum of the whole and of every page,
 * SQLite's integrity check, that it holds ordinary tables only, that it says what the base before it and the
 * commits between say), and every cross-reference (files that are named and not there, files that nobody
 * names, missing numbers, latest.sqlite, fptcache.json and realm.json). It changes nothing, and others
 * may write, compact and delete meanwhile: a name that goes away because newer files stand for it is no
 * problem.
 * @param cache       the handle.
 * @param progress    may be NULL; `what` is the partition, `done` and `total` are bytes.
 * @param payload     given to `progress`.
 * @param out_result  a document: {"files","bytes","problems":[{"file","partition","kind","what","next"}]};
 *                    there with FPTC_OK and FPTC_EDAMAGED, NULL on other failures. kind: "damaged",
 *                    "missing", "newer", "chain", "differs", "link", "unnamed".
 * @param err         may be NULL.
 * @return FPTC_OK when all is sound; FPTC_EDAMAGED when there are problems: see fptc_cache_repair();
 *         FPTC_ECANCELLED when `progress` asked for it; FPTC_EIO, FPTC_EACCESS, FPTC_ENOSPC (of the local
 *         disk), FPTC_ENOMEM; FPTC_EDEADLINE.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to the handle's deadline: it reads every file.
 * @since 0.1
 * @see fptc_cache_repair
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_verify(fptc_cache *cache, fptc_progress_fn progress,
                                                       void *payload, fptc_result **out_result,
                                                       fptc_error *err);

/**
 * Repairs what fptc_cache_verify() finds. What can be rebuilt from older bases and the commits that are
 * left is; where commits are lost, what was known completely is so no more and is fetched from FPT again,
 * fptc_cache_changes() tells followers to start again, and the document says what could not be restored.
 * Nothing that has a name is written to: new files come, and what they replace goes afterwards, so that
 * a crash at any step leaves nothing worse than before, and others read and write meanwhile. A sound
 * cache is left as it is. It takes options and no handle, for a directory whose fptcache.json is damaged
 * cannot be opened: then site_url and the credentials of whoever filled it are needed.
 * @param options     as for fptc_cache_open().
 * @param progress    may be NULL; as for fptc_cache_verify().
 * @param payload     given to `progress`.
 * @param out_result  a document: what fptc_cache_verify() would have told, with "rebuilt":[{"partition",
 *                    "what"}] and "lost":[{"partition","kind","what"}]. kind: "commits" (their numbers),
 *                    "coverage" (a type), "mutation" (an event id), "history". NULL on failure.
 * @param err         may be NULL.
 * @return FPTC_OK when the cache is sound now, whatever was lost; FPTC_EFORMAT when files of a newer version
 *         are in the way; FPTC_ERACE when others changed what was being repaired: call again; FPTC_EUSAGE,
 *         FPTC_EAUTH when site or credentials are needed and not there; FPTC_ECANCELLED; FPTC_EIO,
 *         FPTC_EACCESS, FPTC_ENOSPC, FPTC_EDAMAGED, FPTC_ENOMEM; FPTC_EDEADLINE; what fptc_cache_open() returns.
 * @par Ownership  free the result with fptc_result_free().
 * @par Threads    any thread.
 * @par Blocking   may touch the file server, up to options.deadline_ms: it reads every file.
 * @since 0.1
 * @see fptc_cache_verify
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_cache_repair(const fptc_options *options,
                                                       fptc_progress_fn progress, void *payload,
                                                       fptc_result **out_result, fptc_error *err);

#ifdef __cplusplus
}
#endif

#endif
