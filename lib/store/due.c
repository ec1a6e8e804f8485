/* due.c: when roll-ups and rewrites are due. The numbers and their reasons: base/limits.h. */
#include "base/limits.h"
#include "store/rollup.h"

int fptc__rollup_is_due(const struct fptc__partition *p)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    uint64_t base = 0;
    if (fptc__path(dir, NULL, "%s/log", p->dir) != FPTC_OK ||
        fptc__bases_newest(p, &base, NULL, 0, NULL, NULL) != FPTC_OK ||
        fptc__partition_number_path(p, "log", base + FPTC_ROLLUP_COMMITS, path, NULL) != FPTC_OK)
        return 0;
    (void)fptc__dir_touch(dir, NULL);
    return fptc__file_info(path, NULL, NULL, NULL) == FPTC_OK;
}

int fptc__rollup_is_due_of(struct fptc__log *log)
{
    uint64_t base = fptc__log_newest_base(log), head = fptc__log_head(log);
    return head >= base && head - base >= FPTC_ROLLUP_COMMITS;
}

enum fptc__due fptc__compact_is_due(const struct fptc__partition *p)
{
    struct fptc__manifest m;
    uint64_t base = 0;
    int64_t plain = 0;
    if (fptc__bases_newest(p, &base, NULL, 0, NULL, NULL) != FPTC_OK ||
        fptc__manifest_read(p, base, &m, NULL) != FPTC_OK)
        return FPTC__NOT_DUE;
    for (size_t i = 0; i < m.n_rollups; i++)
        plain += m.rollups[i].plain;
    int64_t most = m.snapshot_bytes / FPTC_REWRITE_SHARE;
    if (most < FPTC_REWRITE_BYTES_MIN)
        most = FPTC_REWRITE_BYTES_MIN;
    if (most > FPTC_REWRITE_BYTES_MAX)
        most = FPTC_REWRITE_BYTES_MAX;
    uint64_t commits = m.upto - m.snapshot_upto;
    if (plain > 2 * most || commits > 2 * (uint64_t)FPTC_REWRITE_COMMITS)
        return FPTC__OVERDUE;
    return plain > most || commits > FPTC_REWRITE_COMMITS ? FPTC__DUE : FPTC__NOT_DUE;
}

int fptc__compact_is_due_after(const struct fptc__partition *p, int64_t rows)
{
    struct fptc__manifest m;
    uint64_t base = 0;
    if (rows >= FPTC_REWRITE_ROWS_MIN &&
        fptc__bases_newest(p, &base, NULL, 0, NULL, NULL) == FPTC_OK &&
        fptc__manifest_read(p, base, &m, NULL) == FPTC_OK && rows > m.rows / FPTC_REWRITE_SHARE)
        return 1;
    return fptc__compact_is_due(p) != FPTC__NOT_DUE;
}
