/*
 * doctor.c: measures a directory before anybody trusts a cache to it. What can be measured is measured with
 * the calls that the store makes; what cannot (soft mounts, an export that forgets) is said from the mount's
 * options, or said to be unknown. All that is made is in one directory of its own, removed at the end.
 */
#include "api/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/result.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#define PEER_NAME_MAX 64
#define PEER_WAIT_MS 120000

static const char *const verdicts[] = {"ok", "warn", "bad"};

/* Thousandths. */
static double rounded(double value)
{
    return value > 1e12 || value < -1e12
               ? value
               : (double)(int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)) / 1000;
}

void fptc__doctor_add(struct fptc__doctor *d, const struct fptc__check *check)
{
    fptc__json *entry = fptc__json_new_object();
    int ok = fptc__json_set(entry, "name", fptc__json_new_text(check->name));

    ok = fptc__json_set(entry, "value",
                        check->unit == NULL ? fptc__json_new_null()
                                            : fptc__json_new_double(rounded(check->value))) &&
         ok;
    ok = fptc__json_set(entry, "unit", fptc__json_new_text(check->unit ? check->unit : "")) && ok;
    ok = fptc__json_set(entry, "verdict", fptc__json_new_text(verdicts[check->verdict])) && ok;
    ok = fptc__json_set(entry, "meaning", fptc__json_new_text(check->meaning)) && ok;
    ok = fptc__json_set(entry, "next", fptc__json_new_text(check->next ? check->next : "")) && ok;
    ok = fptc__json_append(d->checks, entry) && ok;
    d->is_out_of_memory |= !ok;
    d->is_unsafe |= check->verdict == FPTC__UNSAFE;
}

/* --- files of its own ------------------------------------------------------------------------- */

fptc_status fptc__doctor_path(const struct fptc__doctor *d, char out[FPTC_PATH_MAX],
                              const char *name)
{
    return fptc__path(out, NULL, "%s/%s", d->work, name);
}

static int errno_of(fptc_status status, const fptc_error *err)
{
    if (status == FPTC_OK)
        return 0;
    return err->sys_errno != 0 ? err->sys_errno : EIO;
}

int fptc__doctor_put(const struct fptc__doctor *d, const char *name, const char *text)
{
    char path[FPTC_PATH_MAX];
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__doctor_path(d, path, name);

    if (status == FPTC_OK)
        status = fptc__file_create(path, text, strlen(text), 0666, &err);
    return errno_of(status, &err);
}

int fptc__doctor_get(const struct fptc__doctor *d, const char *name, char out[128])
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf text;
    int found;

    out[0] = '\0';
    fptc__buf_init(&text, 4096);
    (void)fptc__dir_touch(d->work, NULL);
    found = fptc__doctor_path(d, path, name) == FPTC_OK &&
            fptc__file_read(path, 127, &text, NULL) == FPTC_OK;
    if (found)
        (void)snprintf(out, 128, "%s", fptc__buf_text(&text));
    fptc__buf_done(&text);
    return found;
}

int fptc__doctor_link(const struct fptc__doctor *d, const char *name, const char *text,
                      char out[128])
{
    char temp[64], from[FPTC_PATH_MAX], to[FPTC_PATH_MAX], random[33];
    int failed;

    out[0] = '\0';
    fptc__random_hex32(random);
    (void)snprintf(temp, sizeof(temp), "tmp-%s", random);
    failed = fptc__doctor_put(d, temp, text);
    if (failed || fptc__doctor_path(d, from, temp) != FPTC_OK ||
        fptc__doctor_path(d, to, name) != FPTC_OK)
        return failed ? failed : ENAMETOOLONG;
    failed = fptc__sys.link(from, to) == 0 ? 0 : errno;
    (void)fptc__dir_sync(d->work, NULL);
    (void)fptc__doctor_get(d, name, out);
    (void)fptc__file_remove(from, NULL);
    return failed;
}

static int remove_one(const char *name, void *payload)
{
    char path[FPTC_PATH_MAX];

    if (fptc__doctor_path(payload, path, name) == FPTC_OK)
        (void)fptc__file_remove(path, NULL);
    return 0;
}

static void clean_up(struct fptc__doctor *d)
{
    if (d->work[0] == '\0')
        return; /* left to the other host */
    (void)fptc__dir_list(d->work, remove_one, d, NULL);
    (void)fptc__sys.rmdir(d->work);
}

/* --- the order -------------------------------------------------------------------------------- */

void fptc__doctor_mount(struct fptc__doctor *d)
{
    struct fptc__finding list[FPTC__FINDINGS_MAX];
    char name[80], told[700], meaning[1200];
    size_t n, i;

    if (fptc__mount_of(d->dir, &d->mount, NULL) != FPTC_OK)
        return;
    n = fptc__mount_judge(&d->mount, list);
    fptc__mount_text(&d->mount, told, sizeof(told));
    for (i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "mount: %s", list[i].what);
        (void)snprintf(meaning, sizeof(meaning), "%s%s%s", list[i].meaning, i == 0 ? "; " : "",
                       i == 0 ? told : "");
        fptc__doctor_add(d, &(struct fptc__check){.name = name,
                                                  .verdict = list[i].verdict,
                                                  .meaning = meaning,
                                                  .next = list[i].next});
    }
}

/* A directory of that name; with a peer it may be there already. */
static fptc_status make_work(struct fptc__doctor *d, const char *peer, fptc_error *err)
{
    char model[FPTC_PATH_MAX];
    fptc_status status;

    fptc__random_hex32(d->id);
    status = fptc__path(d->work, err, "%s/doctor-%s", d->dir, peer ? peer : d->id);
    if (status == FPTC_OK)
        status = fptc__path(model, err, "%s", d->dir);
    return status == FPTC_OK ? fptc__dir_make_like(d->work, model, err) : status;
}

static fptc_status measure(struct fptc__doctor *d, const char *peer, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__dir_touch(d->dir, err);

    if (status == FPTC_MISS)
        return fptc__fail(err, FPTC_ENOENT, "%s does not exist: make it first (mkdir)", d->dir);
    if (status != FPTC_OK)
        return status;
    fptc__doctor_mount(d);
    status = make_work(d, peer, &why);
    if (status != FPTC_OK) {
        fptc__doctor_add(d,
                         &(struct fptc__check){.name = "writing",
                                               .verdict = FPTC__UNSAFE,
                                               .meaning = why.message,
                                               .next = "give this user the right to write there"});
        return FPTC_OK;
    }
    if (peer != NULL)
        status = fptc__doctor_peer(d, err);
    else
        fptc__doctor_alone(d);
    if (status == FPTC_OK && peer == NULL)
        fptc__doctor_store(d);
    clean_up(d);
    return status;
}

static int is_peer_name(const char *name)
{
    size_t i, n = strlen(name);

    for (i = 0; i < n; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return 0;
    }
    return n > 0 && n <= PEER_NAME_MAX;
}

static fptc_status finish(struct fptc__doctor *d, const char *peer, fptc_result **out,
                          fptc_error *err)
{
    fptc__json *document = fptc__json_new_object();
    int ok = fptc__json_set(document, "dir", fptc__json_new_text(d->dir));
    fptc_status status = fptc__result_new(out, err);

    ok = fptc__json_set(document, "peer",
                        peer ? fptc__json_new_text(peer) : fptc__json_new_null()) &&
         ok;
    ok = fptc__json_set(document, "safe", fptc__json_new_bool(!d->is_unsafe)) && ok;
    ok = fptc__json_set(document, "checks", d->checks) && ok && !d->is_out_of_memory;
    d->checks = NULL;
    if (status == FPTC_OK)
        status = ok ? fptc__result_document(*out, document, err) : fptc__fail_nomem(err);
    fptc__json_free(document);
    if (status != FPTC_OK) {
        fptc_result_free(*out);
        *out = NULL;
    }
    return status;
}

fptc_status fptc_doctor(const char *dir, const char *peer, int64_t deadline_ms,
                        fptc_result **out_result, fptc_error *err)
{
    struct fptc__doctor d = {.dir = dir};
    fptc_status status;

    fptc__error_clear(err);
    if (out_result == NULL || dir == NULL || dir[0] == '\0')
        return fptc__fail(err, FPTC_EUSAGE, "dir or out_result is NULL");
    *out_result = NULL;
    if (peer != NULL && !is_peer_name(peer))
        return fptc__fail(err, FPTC_EUSAGE,
                          "\"%.80s\" is no name to meet by: letters, digits, '-' and '_'", peer);
    if (deadline_ms < 0)
        return fptc__fail(err, FPTC_EUSAGE, "deadline_ms must not be negative");
    d.until_mono_ms = fptc__mono_ms() + (deadline_ms > 0 ? deadline_ms : PEER_WAIT_MS);
    d.checks = fptc__json_new_array();
    status = measure(&d, peer, err);
    if (status == FPTC_OK)
        status = finish(&d, peer, out_result, err);
    fptc__json_free(d.checks);
    return status;
}
