/*
 * fuzz_texts.c: the small texts that other hosts, or the kernel, write. Whatever they say, they are read as
 * far as there is room, judged, or damage.
 *
 * An input is a letter and the text. 'c': fptcache.json. 'r': realm.json. 'k': a claim, and the link `holder`.
 * 'p': a pin as it is. 'P': a pin that gets its checksum. 'm': mountinfo; the byte after the letter is the mount's number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mount.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_seal.h"
#include "share/claim.h"
#include "share/holder.h"
#include "share/pin.h"
#include "unit/snapshot_help.h"

#define ID "0123456789abcdef0123456789abcdef"

static char dir[FPTC_PATH_MAX]; /* made for each input */

static char *path_of(const char *name)
{
    static char path[FPTC_PATH_MAX];

    snprintf(path, sizeof(path), "%.3000s/%s", dir, name);
    return path;
}

static void write_text(const char *name, const void *text, size_t n)
{
    FILE *f = fopen(path_of(name), "wb");

    if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0)
        fuzz_die("cannot write", name);
}

static void check_text(const char *text, size_t room)
{
    if (!memchr(text, '\0', room))
        fuzz_die("a text without an end", "");
}

static void check_error(fptc_status status, const fptc_error *err)
{
    if (status != FPTC_OK && !err->message[0])
        fuzz_die("an error without words", "");
}

/* --- fptcache.json, realm.json ---------------------------------------------------------------- */

static void restore(void)
{
    struct fptc__cache_info info;
    fptc_error err = FPTC_ERROR_INIT;
    char told[200];

    if (fptc__cache_restore(dir, "https://a.example", "script", told, sizeof(told), &err) !=
        FPTC_OK)
        fuzz_die("a damaged description is not restored", err.message);
    check_text(told, sizeof(told));
    if (fptc__cache_read(dir, &info, &err) != FPTC_OK)
        fuzz_die("what was restored cannot be read", err.message);
}

static void read_info(void)
{
    struct fptc__cache_info info, left;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__cache_read(dir, &info, &err);
    int needs;

    check_error(status, &err);
    check_text(info.site, sizeof(info.site));
    check_text(info.realm, sizeof(info.realm));
    if (status != FPTC_OK && status != FPTC_EDAMAGED && status != FPTC_EFORMAT)
        fuzz_die("reading fails", err.message);
    if (status == FPTC_OK ? info.format != 1 : info.site[0] || info.realm[0])
        fuzz_die("a description of a format that is none", info.site);
    needs = fptc__cache_needs_restore(dir, &left, &err);
    if (needs != (status == FPTC_EDAMAGED))
        fuzz_die("damage that is not restored, or the other way", "");
    if (needs)
        restore();
}

/* --- claims ----------------------------------------------------------------------------------- */

static void read_holder(const char *text)
{
    static const struct fptc__holder_times times = {.beat_ms = 3600000, .stale_ms = 7200000};
    struct fptc__holder *h = NULL;
    struct fptc__holder_link link;
    char own[FPTC__CLAIMANT_BYTES];
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__holder_read(dir, &link, &err);

    if (status != FPTC_OK && status != FPTC_MISS && status != FPTC_ELIMIT)
        fuzz_die("the holder cannot be read", err.message);
    check_text(link.id, sizeof(link.id));
    check_text(link.host, sizeof(link.host));
    if (fptc__holder_new(&times, &h, &err) != FPTC_OK)
        fuzz_die("no memory", err.message);
    (void)mkdir(path_of("tmp"), 0777);
    status = fptc__holder_take(h, dir, NULL, &err);
    /* libFuzzer learns whose we are from what is compared, and says that one of us is no more. */
    fptc__claimant(own);
    if (status != (fptc__claim_is_dead(text, own) ? FPTC_OK : FPTC_PENDING))
        fuzz_die("a link of somebody else's is not watched", text);
    fptc__holder_give_all(h);
    fptc__holder_free(h);
}

static void read_claim(const char *text)
{
    static const char own[] = "b:1:0123456789abcdef";
    struct fptc__claim_watch watch = {.looked_mono_ms = 0};
    char said[FPTC__CLAIM_BYTES];
    struct stat st;

    if (fptc__claim_make(path_of("holder"), text) != 1)
        return; /* too long for the file system, or empty */
    fptc__claim_read(path_of("holder"), said);
    if (strcmp(said, strlen(text) < sizeof(said) ? text : "") != 0)
        fuzz_die("a claim says something else", said);
    if (fptc__claim_is_dead(said, own) && strncmp(said, "b:", 2) != 0)
        fuzz_die("another boot's claim is dead", said);
    if (fptc__claim_watch(&watch, said, 1000) != 0 || fptc__claim_watch(&watch, said, 0) != 0 ||
        watch.has_changed)
        fuzz_die("a claim has changed", said);
    read_holder(said);
    fptc__claim_give(path_of("holder"), said);
    if (lstat(path_of("holder"), &st) == 0)
        fuzz_die("a claim stays", said);
}

/* --- pins ------------------------------------------------------------------------------------- */

static int count(const struct fptc__pin *pin, void *payload)
{
    (void)pin;
    ++*(int *)payload;
    return 0;
}

static void check_pin(const struct fptc__pin *pin)
{
    size_t i;

    check_text(pin->host, sizeof(pin->host));
    if (pin->n_bases > FPTC__PIN_BASES_MAX || pin->ttl_ms <= 0 || pin->ttl_ms > FPTC_PIN_TTL_MS_MAX)
        fuzz_die("a pin that nobody makes", pin->host);
    for (i = 0; i < pin->n_bases; i++)
        check_text(pin->bases[i].partition, sizeof(pin->bases[i].partition));
}

static void read_pin(const char *text)
{
    struct fptc__pin pin;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;
    int shown = 0, living = 0;

    if (mkdir(path_of("pins"), 0777) != 0 || symlink(text, path_of("pins/" ID)) != 0)
        return;
    status = fptc__pin_read(dir, ID, &pin, &err);
    check_error(status, &err);
    if (status != FPTC_OK && status != FPTC_EDAMAGED)
        fuzz_die("reading fails", err.message);
    if (status == FPTC_OK)
        check_pin(&pin);
    if (fptc__pin_list(dir, 0, count, &shown, &err) != FPTC_OK || shown != 1)
        fuzz_die("a pin is not shown", err.message);
    if (fptc__pin_list(dir, 1, count, &living, &err) != status || living != (status == FPTC_OK))
        fuzz_die("a pin that is not understood is passed over", err.message);
    if (fptc__pin_touch(dir, ID, &err) != status && pin.ttl_ms > 60000)
        fuzz_die("touching ends in another way", err.message);
}

static void read_sealed_pin(const char *text)
{
    struct fptc__buf content;

    fptc__buf_init(&content, 1 << 20);
    fptc__buf_adds(&content, text);
    fptc__pin_seal(&content);
    if (fptc__buf_check(&content, "a pin", NULL) == FPTC_OK)
        read_pin(fptc__buf_text(&content));
    fptc__buf_done(&content);
}

/* --- mounts ----------------------------------------------------------------------------------- */

static void read_mount(const uint8_t *data, size_t size)
{
    struct fptc__finding findings[FPTC__FINDINGS_MAX];
    struct fptc__mount m;
    char line[300];
    size_t n, i;
    int is_there;

    if (size == 0)
        return;
    is_there = fptc__mount_parse((const char *)data + 1, size - 1, data[0], &m);
    check_text(m.type, sizeof(m.type));
    check_text(m.source, sizeof(m.source));
    check_text(m.point, sizeof(m.point));
    check_text(m.options, sizeof(m.options));
    n = strlen(m.options);
    if (is_there ? n < 2 || m.options[0] != ',' || m.options[n - 1] != ',' : n > 0)
        fuzz_die("options without their commas", m.options);
    n = fptc__mount_judge(&m, findings);
    if (n == 0 || n > FPTC__FINDINGS_MAX)
        fuzz_die("a mount that is not judged", m.type);
    for (i = 1; i < n; i++)
        if (findings[i].verdict > findings[i - 1].verdict)
            fuzz_die("the worst is not first", findings[i].what);
    if (fptc__mount_number(&m, "acregmax", 0) < 0)
        fuzz_die("a number below nothing", m.options);
    fptc__mount_text(&m, line, sizeof(line));
    check_text(line, sizeof(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char info[] = "{\"format\":1,\"site\":\"https://a.example\",\"realm\":\"\"}";
    char *text;

    if (size == 0)
        return 0;
    if (data[0] == 'm') {
        read_mount(data + 1, size - 1);
        return 0;
    }
    (void)fuzz_partition();
    snprintf(dir, sizeof(dir), "%.3000s/texts", sh_dir);
    text = strndup((const char *)data + 1, size - 1);
    if (!text || mkdir(dir, 0777) != 0 || mkdir(path_of("partitions"), 0777) != 0)
        fuzz_die("no place for files", dir);
    write_text("fptcache.json", info, sizeof(info) - 1);
    if (data[0] == 'c' || data[0] == 'r') {
        write_text(data[0] == 'c' ? "fptcache.json" : "realm.json", data + 1, size - 1);
        read_info();
    } else if (data[0] == 'k') {
        read_claim(text);
    } else if (data[0] == 'p') {
        read_pin(text);
    } else if (data[0] == 'P') {
        read_sealed_pin(text);
    }
    free(text);
    sh_remove_tree(dir);
    return 0;
}
