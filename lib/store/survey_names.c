/* survey_names.c: names beside the numbers: latest.sqlite, and files that nobody names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/survey.h"

/* A file that no base names may be that of a compactor at work; after a day it is a leftover. */
#define UNNAMED_MS (INT64_C(24) * 3600 * 1000)
/* Who publishes a base points the link at it next: that much later it is called wrong. */
#define LOOKS 20
#define BETWEEN_LOOKS_MS 50

/* --- latest.sqlite ---------------------------------------------------------------------------- */

/* What the link says, "" when there is none; it may be anything, and is put into a message. */
static fptc_status read_link(const char *path, char out[FPTC_PATH_MAX], fptc_error *err)
{
    ssize_t n = fptc__sys.readlink(path, out, FPTC_PATH_MAX - 1), i;

    for (i = 0; i < n; i++) {
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    }
    out[n > 0 ? n : 0] = '\0';
    if (n >= 0 || errno == ENOENT || errno == EINVAL)
        return FPTC_OK; /* EINVAL: something else than a link stands there */
    return fptc__fail_errno(err, errno, "cannot read the symlink %s", path);
}

/* "files/<name>" of the newest base now, "" for an empty one; FPTC_EDAMAGED, FPTC_MISS: not known. */
static fptc_status wanted(const struct fptc__survey *s, char out[FPTC_PATH_MAX])
{
    struct fptc__manifest m;
    uint64_t newest = 0;
    fptc_status status = fptc__bases_newest(s->p, &newest, NULL, 0, NULL, NULL);

    out[0] = '\0';
    if (status == FPTC_OK)
        status = fptc__manifest_read(s->p, newest, &m, NULL);
    if (status == FPTC_OK && m.snapshot[0])
        status = fptc__path(out, NULL, "files/%s", m.snapshot);
    return status;
}

static fptc_status check_latest(struct fptc__survey *s, fptc_error *err)
{
    char path[FPTC_PATH_MAX], is[FPTC_PATH_MAX], should[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/latest.sqlite", s->p->dir);
    int i;

    for (i = 0; status == FPTC_OK && i < LOOKS; i++) {
        if (i > 0)
            fptc__sleep_ms(BETWEEN_LOOKS_MS);
        status = read_link(path, is, err);
        if (status == FPTC_OK && (wanted(s, should) != FPTC_OK || strcmp(is, should) == 0))
            return FPTC_OK;
    }
    if (status == FPTC_OK)
        fptc__survey_tell(s, path, "link", FPTC__NEXT_REPAIR,
                          "it leads to \"%.200s\", not to \"%s\"", is, should);
    return status;
}

/* --- files that nobody names ------------------------------------------------------------------ */

static int is_it(const char *name, int64_t bytes, void *ctx)
{
    (void)bytes;
    return strcmp(name, *(const char **)ctx) == 0;
}

/* Whether a base that is listed now names the file. A manifest that cannot be read may. */
static int is_named(const struct fptc__survey *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->n_bases; i++) {
        if (!s->bases[i].is_manifest_sound ||
            fptc__manifest_files(&s->bases[i].manifest, is_it, &name))
            return 1;
    }
    return 0;
}

static int check_named(const char *name, void *payload)
{
    struct fptc__survey *s = payload;
    char path[FPTC_PATH_MAX];
    int64_t mtime_ms = 0;

    if (is_named(s, name) || fptc__path(path, NULL, "%s/files/%s", s->p->dir, name) != FPTC_OK ||
        fptc__file_info(path, NULL, &mtime_ms, NULL) != FPTC_OK ||
        s->now_ms - mtime_ms < UNNAMED_MS)
        return 0;
    fptc__survey_tell(s, path, "unnamed", FPTC__NEXT_COMPACT, "no base names it");
    return 0;
}

fptc_status fptc__survey_names(struct fptc__survey *s, fptc_error *err)
{
    char dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(dir, err, "%s/files", s->p->dir);

    if (status == FPTC_OK)
        status = fptc__dir_list(dir, check_named, s, err);
    if (status == FPTC_OK || status == FPTC_MISS)
        status = check_latest(s, err);
    return status;
}

/* --- how much there is ------------------------------------------------------------------------ */

struct size {
    const char *dir;
    int64_t bytes;
};

static int add_size(const char *name, void *payload)
{
    struct size *size = payload;
    char path[FPTC_PATH_MAX];
    int64_t bytes = 0;

    if (fptc__path(path, NULL, "%s/%s", size->dir, name) == FPTC_OK &&
        fptc__file_info(path, &bytes, NULL, NULL) == FPTC_OK)
        size->bytes += bytes;
    return 0;
}

int64_t fptc__survey_size(const struct fptc__partition *p)
{
    static const char *const subs[] = {"log", "bases", "files"};
    char dir[FPTC_PATH_MAX];
    struct size size = {dir, 0};
    size_t i;

    for (i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
        if (fptc__path(dir, NULL, "%s/%s", p->dir, subs[i]) == FPTC_OK)
            (void)fptc__dir_list(dir, add_size, &size, NULL);
    }
    return size.bytes;
}
