#include "base/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

/* A host with thousands of automounts has some hundred bytes for each. */
#define MOUNTINFO_BYTES_MAX (16u << 20)

/* --- types ------------------------------------------------------------------------------------ */

static const struct {
    const char *type;
    int64_t magic;
    enum fptc__mount_kind kind;
} types[] = {
    {"nfs", 0x6969, FPTC__MOUNT_NFS},          {"nfs4", 0x6969, FPTC__MOUNT_NFS},
    {"cifs", 0xff534d42, FPTC__MOUNT_SMB},     {"smb3", 0xfe534d42, FPTC__MOUNT_SMB},
    {"smbfs", 0x517b, FPTC__MOUNT_SMB},        {"fuse", 0x65735546, FPTC__MOUNT_FUSE},
    {"fuseblk", 0x65735546, FPTC__MOUNT_FUSE}, {"overlay", 0x794c7630, FPTC__MOUNT_OVERLAY},
    {"tmpfs", 0x01021994, FPTC__MOUNT_MEMORY}, {"ramfs", 0x858458f6, FPTC__MOUNT_MEMORY},
    {"ext4", 0xef53, FPTC__MOUNT_LOCAL},       {"ext3", 0xef53, FPTC__MOUNT_LOCAL},
    {"ext2", 0xef53, FPTC__MOUNT_LOCAL},       {"xfs", 0x58465342, FPTC__MOUNT_LOCAL},
    {"btrfs", 0x9123683e, FPTC__MOUNT_LOCAL},  {"zfs", 0x2fc12fc1, FPTC__MOUNT_LOCAL},
    {"f2fs", 0xf2f52010, FPTC__MOUNT_LOCAL},
};

static enum fptc__mount_kind kind_of(const struct fptc__mount *m)
{
    size_t i;

    if (strncmp(m->type, "fuse.", 5) == 0)
        return FPTC__MOUNT_FUSE;
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (m->type[0] != '\0' ? strcmp(m->type, types[i].type) == 0 : m->magic == types[i].magic)
            return types[i].kind;
    }
    return FPTC__MOUNT_UNKNOWN;
}

/* --- mountinfo -------------------------------------------------------------------------------- */

/* A field of a line, ends at a blank. */
struct field {
    const char *at;
    size_t n;
};

/* The next field of the line, which ends at `end`; n 0 at the end. */
static struct field next_field(const char **at, const char *end)
{
    struct field f = {*at, 0};

    while (f.at < end && *f.at == ' ')
        f.at++;
    while (f.at + f.n < end && f.at[f.n] != ' ')
        f.n++;
    *at = f.at + f.n;
    return f;
}

static int is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Appends the field to out, "\040" and the like undone; what does not fit is left out. */
static void add_unescaped(struct field f, char *out, size_t size)
{
    size_t len = strlen(out), i;

    for (i = 0; i < f.n && len + 1 < size; i++) {
        char c = f.at[i];

        if (c == '\\' && i + 3 < f.n && is_octal(f.at[i + 1]) && is_octal(f.at[i + 2]) &&
            is_octal(f.at[i + 3])) {
            c = (char)((f.at[i + 1] - '0') * 64 + (f.at[i + 2] - '0') * 8 + (f.at[i + 3] - '0'));
            i += 3;
        }
        if (c != '\0')
            out[len++] = c;
    }
    out[len] = '\0';
}

static int64_t number_of(struct field f)
{
    int64_t number = 0;
    size_t i;

    for (i = 0; i < f.n; i++) {
        if (f.at[i] < '0' || f.at[i] > '9' || number > INT64_MAX / 16)
            return -1;
        number = number * 10 + (f.at[i] - '0');
    }
    return f.n == 0 ? -1 : number;
}

/* "36 35 98:0 /root /mnt rw,noatime shared:1 - ext4 /dev/x rw,errors=continue" */
static int parse_line(const char *at, const char *end, int64_t id, struct fptc__mount *out)
{
    const struct field comma = {",", 1};
    struct field point, options, f;
    int i;

    if (number_of(next_field(&at, end)) != id)
        return 0;
    for (i = 0; i < 3; i++)
        (void)next_field(&at, end); /* parent, device, root */
    point = next_field(&at, end);
    options = next_field(&at, end);
    do
        f = next_field(&at, end);
    while (f.n > 0 && !(f.n == 1 && f.at[0] == '-'));
    if (f.n == 0)
        return 0;
    add_unescaped(point, out->point, sizeof(out->point));
    add_unescaped(next_field(&at, end), out->type, sizeof(out->type));
    add_unescaped(next_field(&at, end), out->source, sizeof(out->source));
    add_unescaped(comma, out->options, sizeof(out->options));
    add_unescaped(options, out->options, sizeof(out->options) - 2);
    add_unescaped(comma, out->options, sizeof(out->options));
    add_unescaped(next_field(&at, end), out->options, sizeof(out->options) - 1);
    add_unescaped(comma, out->options, sizeof(out->options));
    return 1;
}

int fptc__mount_parse(const char *text, size_t n, int64_t id, struct fptc__mount *out)
{
    const char *at = text, *end = text + n;

    memset(out, 0, sizeof(*out));
    out->bytes = out->bytes_free = -1;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;

        if (parse_line(at, stop, id, out)) {
            out->kind = kind_of(out);
            return 1;
        }
        at = stop + 1;
    }
    return 0;
}

/* Where the option's name ends in the options; NULL when it is not among them. */
static const char *find_option(const struct fptc__mount *m, const char *name)
{
    size_t n = strlen(name);
    const char *at;

    for (at = strchr(m->options, ','); at != NULL && at[1] != '\0'; at = strchr(at + 1, ',')) {
        if (strncmp(at + 1, name, n) == 0 && (at[1 + n] == ',' || at[1 + n] == '='))
            return at + 1 + n;
    }
    return NULL;
}

int fptc__mount_has(const struct fptc__mount *m, const char *option)
{
    const char *equals = strchr(option, '=');
    char name[64];
    const char *at;

    if (equals == NULL)
        return find_option(m, option) != NULL;
    if ((size_t)(equals - option) >= sizeof(name))
        return 0;
    memcpy(name, option, (size_t)(equals - option));
    name[equals - option] = '\0';
    at = find_option(m, name);
    return at != NULL && strncmp(at, equals, strlen(equals)) == 0 &&
           (at[strlen(equals)] == ',' || at[strlen(equals)] == '.');
}

int64_t fptc__mount_number(const struct fptc__mount *m, const char *name, int64_t missing)
{
    const char *at = find_option(m, name);
    struct field value;
    int64_t number;

    if (at == NULL || *at != '=')
        return missing;
    value.at = at + 1;
    value.n = strcspn(value.at, ",");
    number = number_of(value);
    return number < 0 ? missing : number;
}

/* --- what it means ---------------------------------------------------------------------------- */

#define HARD "mount it hard; until then no time-out is taken for \"not done\""
#define DEFAULTS "mount it with the default attribute cache"
#define UNTESTED                                                                                   \
    "keep the cache on NFS or a local disk; run doctor with --peer on two hosts before trusting it"

/* The one table of what types and options mean to us, worst first. `least` > 0: the option's number is at
   least so much. */
static const struct {
    enum fptc__mount_kind kind; /* FPTC__MOUNT_UNKNOWN with an option: any */
    const char *option;         /* NULL: the kind alone */
    int64_t least;
    struct fptc__finding finding;
} meanings[] = {
    {FPTC__MOUNT_SMB,
     NULL,
     0,
     {FPTC__UNSAFE, "SMB",
      "unsupported until tested: links, symbolic links and renames may be missing "
      "or refused while a file is open",
      UNTESTED}},
    {FPTC__MOUNT_UNKNOWN,
     NULL,
     0,
     {FPTC__DOUBTFUL, "unknown file system",
      "untested: nothing is known of its links, renames and "
      "caches",
      UNTESTED}},
    {FPTC__MOUNT_FUSE,
     NULL,
     0,
     {FPTC__DOUBTFUL, "FUSE", "what it promises depends on the program behind it", UNTESTED}},
    {FPTC__MOUNT_OVERLAY,
     NULL,
     0,
     {FPTC__DOUBTFUL, "overlay",
      "a layer of this host or container: no other host sees it, and it goes "
      "with its container",
      "put the cache on a volume of its own"}},
    {FPTC__MOUNT_MEMORY,
     NULL,
     0,
     {FPTC__DOUBTFUL, "memory", "gone when this host restarts; no other host sees it",
      "put the cache on a disk or a file server"}},
    {FPTC__MOUNT_NFS,
     "vers=2",
     0,
     {FPTC__UNSAFE, "vers=2", "NFS version 2 has no safe exclusive names",
      "mount with vers=4.2 or 3"}},
    {FPTC__MOUNT_NFS,
     "soft",
     0,
     {FPTC__DOUBTFUL, "soft",
      "a call that fails after the time limit may have been carried out all the "
      "same: outcomes are looked up, some stay unknown",
      HARD}},
    {FPTC__MOUNT_NFS,
     "softerr",
     0,
     {FPTC__DOUBTFUL, "softerr",
      "a call that fails after the time limit may have been carried out all "
      "the same: outcomes are looked up, some stay unknown",
      HARD}},
    {FPTC__MOUNT_UNKNOWN,
     "ro",
     0,
     {FPTC__DOUBTFUL, "ro", "read only: questions are answered, nothing new is kept",
      "mount it read and write where rows should be kept"}},
    {FPTC__MOUNT_NFS,
     "nocto",
     0,
     {FPTC__DOUBTFUL, "nocto",
      "an opened file may be an old one: commits of others show later, by up "
      "to the attribute cache's time",
      "mount it without nocto"}},
    {FPTC__MOUNT_NFS,
     "acregmin",
     30,
     {FPTC__DOUBTFUL, "acregmin",
      "attributes are believed for half a minute or more: what others "
      "wrote may show that late",
      DEFAULTS}},
    {FPTC__MOUNT_NFS,
     "acregmax",
     61,
     {FPTC__DOUBTFUL, "acregmax",
      "attributes are believed for over a minute: what others wrote may "
      "show that late",
      DEFAULTS}},
    {FPTC__MOUNT_NFS,
     "acdirmin",
     31,
     {FPTC__DOUBTFUL, "acdirmin",
      "directories are believed for over half a minute where they are not "
      "opened anew",
      DEFAULTS}},
    {FPTC__MOUNT_NFS,
     "acdirmax",
     61,
     {FPTC__DOUBTFUL, "acdirmax",
      "directories are believed for over a minute where they are not "
      "opened anew",
      DEFAULTS}},
    {FPTC__MOUNT_NFS,
     "local_lock=all",
     0,
     {FPTC__FINE, "local_lock=all", "locks reach no other host; harmless: this library takes none",
      ""}},
    {FPTC__MOUNT_NFS,
     "local_lock=posix",
     0,
     {FPTC__FINE, "local_lock=posix",
      "locks reach no other host; harmless: this library takes none", ""}},
    {FPTC__MOUNT_NFS,
     "nolock",
     0,
     {FPTC__FINE, "nolock", "locks reach no other host; harmless: this library takes none", ""}},
    {FPTC__MOUNT_NFS,
     "recover_lost_locks=1",
     0,
     {FPTC__FINE, "recover_lost_locks",
      "lost locks come back silently; harmless: this library takes "
      "none",
      ""}},
    {FPTC__MOUNT_NFS,
     "noac",
     0,
     {FPTC__FINE, "noac", "nothing is believed without asking: right, and slow",
      "the default attribute cache is enough"}},
    {FPTC__MOUNT_NFS,
     "lookupcache=none",
     0,
     {FPTC__FINE, "lookupcache=none", "every name is looked up at the server: right, and slower",
      ""}},
    {FPTC__MOUNT_NFS,
     "lookupcache=pos",
     0,
     {FPTC__FINE, "lookupcache=pos", "absent names are looked up at the server: right", ""}},
    {FPTC__MOUNT_NFS,
     "vers=3",
     0,
     {FPTC__FINE, "vers=3",
      "supported; a file that another host removed is gone at once for who reads it "
      "(ESTALE), and is read again from what is left; two commits in one tick of the server's "
      "clock may look like one until the next",
      "mount with vers=4.2, or with lookupcache=pos, where the newest commit matters"}},
    {FPTC__MOUNT_NFS, NULL, 0, {FPTC__FINE, "NFS", "supported", ""}},
    {FPTC__MOUNT_LOCAL,
     NULL,
     0,
     {FPTC__FINE, "local disk", "supported, for the processes of this host", ""}},
};

static int applies(const struct fptc__mount *m, size_t i)
{
    if (meanings[i].option == NULL)
        return m->kind == meanings[i].kind;
    if (meanings[i].kind != FPTC__MOUNT_UNKNOWN && meanings[i].kind != m->kind)
        return 0;
    return meanings[i].least > 0 ? fptc__mount_number(m, meanings[i].option, 0) >= meanings[i].least
                                 : fptc__mount_has(m, meanings[i].option);
}

size_t fptc__mount_judge(const struct fptc__mount *m, struct fptc__finding out[FPTC__FINDINGS_MAX])
{
    int verdict;
    size_t i, n = 0;

    for (verdict = FPTC__UNSAFE; verdict >= FPTC__FINE; verdict--) {
        for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]) && n < FPTC__FINDINGS_MAX; i++) {
            if ((int)meanings[i].finding.verdict == verdict && applies(m, i))
                out[n++] = meanings[i].finding;
        }
    }
    return n;
}

/* --- asking the kernel ------------------------------------------------------------------------ */

/* The id of the mount that an open file is on, which says more than the device: bind mounts. -1: unknown. */
static int64_t mount_id_of(const char *dir)
{
    char path[64];
    struct fptc__buf text;
    const char *at;
    int64_t id = -1;
    int fd = -1;

    if (fptc__file_open(dir, &fd, NULL) != FPTC_OK)
        return -1;
    fptc__buf_init(&text, 64 * 1024);
    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    if (fptc__file_read(path, 60 * 1024, &text, NULL) == FPTC_OK) {
        at = strstr(fptc__buf_text(&text), "mnt_id:");
        if (at != NULL)
            id = strtoll(at + strlen("mnt_id:"), NULL, 10);
    }
    fptc__buf_done(&text);
    fptc__file_close(fd);
    return id;
}

static void add_lost_locks(struct fptc__mount *m)
{
    struct fptc__buf text;

    if (m->kind != FPTC__MOUNT_NFS)
        return;
    fptc__buf_init(&text, 64);
    if (fptc__file_read("/sys/module/nfs/parameters/recover_lost_locks", 60, &text, NULL) ==
            FPTC_OK &&
        fptc__buf_text(&text)[0] == 'Y' && strlen(m->options) + 32 < sizeof(m->options))
        memcpy(m->options + strlen(m->options), "recover_lost_locks=1,", 22);
    fptc__buf_done(&text);
}

fptc_status fptc__mount_of(const char *dir, struct fptc__mount *out, fptc_error *err)
{
    struct statfs fs;
    struct fptc__buf text;
    int64_t id = mount_id_of(dir);
    fptc_status status = FPTC_OK;

    memset(out, 0, sizeof(*out));
    fptc__buf_init(&text, MOUNTINFO_BYTES_MAX);
    if (id >= 0)
        status = fptc__file_read("/proc/self/mountinfo", MOUNTINFO_BYTES_MAX - 1, &text, err);
    if (status == FPTC_OK)
        (void)fptc__mount_parse(fptc__buf_text(&text), text.len, id, out);
    fptc__buf_done(&text);
    out->bytes = out->bytes_free = -1;
    if (fptc__sys.statfs(dir, &fs) == 0) {
        out->magic = (int64_t)fs.f_type & 0xffffffff;
        out->bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_bsize;
        out->bytes_free = (int64_t)fs.f_bavail * (int64_t)fs.f_bsize;
    } else if (out->type[0] == '\0') {
        return fptc__fail_errno(err, errno, "cannot tell what %s is on", dir);
    }
    out->kind = kind_of(out);
    add_lost_locks(out);
    fptc__error_clear(err);
    return FPTC_OK;
}

void fptc__mount_text(const struct fptc__mount *m, char *out, size_t n)
{
    size_t len = strlen(m->options);

    if (m->type[0] == '\0')
        (void)snprintf(out, n, "file system 0x%" PRIx64, m->magic);
    else
        (void)snprintf(out, n, "%s %.200s on %.200s (%.*s)", m->type, m->source, m->point,
                       len > 2 ? (int)len - 2 : 0, m->options + (len > 2));
}
