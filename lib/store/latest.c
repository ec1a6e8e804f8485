/*
 * latest.c: the symlink latest.sqlite, for people and other tools. It is never read by this library.
 */
#include <string.h>

#include "base/error.h"
#include "base/symlink.h"
#include "store/compact.h"

#define TRIES_MAX 4

/* Swaps the symlink `path` for one with this content. */
static fptc_status swap(const struct fptc__partition *p, const char *path, const char *content,
                        fptc_error *err)
{
    char temp[FPTC_PATH_MAX], hex[33];
    fptc_status status;

    fptc__random_hex32(hex);
    status = fptc__path(temp, err, "%s/tmp/latest-%s", p->dir, hex);
    return status == FPTC_OK ? fptc__symlink_swap(path, temp, content, err) : status;
}

static int says(const char *path, const char *content)
{
    char now[FPTC_PATH_MAX];

    return fptc__symlink_read(path, now, sizeof(now), NULL) == FPTC_OK && strcmp(now, content) == 0;
}

/* What it should say: "files/<name>", "" when the newest base is empty. */
static fptc_status wanted(const struct fptc__partition *p, char out[FPTC_PATH_MAX], fptc_error *err)
{
    struct fptc__manifest m;
    uint64_t newest = 0;
    fptc_status status = fptc__bases_newest(p, &newest, NULL, 0, NULL, err);

    out[0] = '\0';
    if (status == FPTC_OK)
        status = fptc__manifest_read(p, newest, &m, err);
    if (status == FPTC_OK && m.snapshot[0] != '\0')
        status = fptc__path(out, err, "files/%s", m.snapshot);
    return status;
}

/*
 * Never backwards for long: after each swap the newest base is looked up again, so that of two who
 * swap at the same time the one with the older base, if it came last, corrects itself.
 */
void fptc__latest_point(const struct fptc__partition *p, const struct fptc__logger *logger)
{
    char path[FPTC_PATH_MAX], content[FPTC_PATH_MAX];
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__path(path, &err, "%s/latest.sqlite", p->dir);
    int tries;

    for (tries = 0; status == FPTC_OK && tries < TRIES_MAX; tries++) {
        status = wanted(p, content, &err);
        if (status == FPTC_MISS) {
            status = FPTC_OK; /* that base has just been retired: a newer one is there */
            continue;
        }
        if (status != FPTC_OK || (content[0] != '\0' && says(path, content)))
            break;
        if (content[0] == '\0') {
            status = fptc__file_remove(path, &err);
            break;
        }
        status = swap(p, path, content, &err);
    }
    if (status != FPTC_OK)
        fptc__log_line(logger, FPTC_LOG_WARNING, "latest.sqlite was not renewed: %s", err.message);
}
