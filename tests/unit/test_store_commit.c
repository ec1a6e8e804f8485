/* test_store_commit.c: the codec of commit files: round trips, damage of every kind, newer formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/limits.h"
#include "store/commit.h"

static fptc_error err;

static void fill_head(struct fptc__commit_header *head)
{
    *head = (struct fptc__commit_header){.number = 42, .prev = 0x1122334455667788u, .pid = 4711};
    snprintf(head->partition, sizeof(head->partition), "project-101");
    snprintf(head->writer, sizeof(head->writer),
             "01234567-89ab-cdef-0123-456789abcdef-0011223344556677");
    snprintf(head->host, sizeof(head->host), "render-17");
}

/* Three records: small, big enough to be deflated, empty. */
static void fill_records(struct fptc__records *records)
{
    char big[3000];
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)('a' + i % 7);
    *records = (struct fptc__records){.list = NULL};
    assert_int_equal(fptc__records_add(records, FPTC__CONFIG, "{\"key\":\"a\"}", 11, 0, &err),
                     FPTC_OK);
    assert_int_equal(fptc__records_add(records, FPTC__ROWS, big, sizeof(big), 3, &err), FPTC_OK);
    assert_int_equal(fptc__records_add(records, 999, "", 0, 0, &err), FPTC_OK);
}

static void make_sample(struct fptc__buf *out, uint64_t *sum)
{
    struct fptc__commit_header head;
    struct fptc__records records;
    fill_head(&head);
    fill_records(&records);
    fptc__buf_init(out, FPTC_COMMIT_BYTES_MAX);
    assert_int_equal(fptc__commit_encode(&head, records.list, records.n, out, sum, &err), FPTC_OK);
    fptc__records_done(&records);
}

static void assert_is_sample(const struct fptc__commit *c)
{
    struct fptc__commit_header head;
    struct fptc__records records;
    fill_head(&head);
    fill_records(&records);
    assert_int_equal(c->head.number, head.number);
    assert_int_equal(c->head.prev, head.prev);
    assert_int_equal(c->head.pid, head.pid);
    assert_string_equal(c->head.partition, head.partition);
    assert_string_equal(c->head.writer, head.writer);
    assert_string_equal(c->head.host, head.host);
    assert_int_equal(c->n_records, records.n);
    for (size_t i = 0; i < records.n; i++) {
        assert_int_equal(c->records[i].kind, records.list[i].kind);
        assert_int_equal(c->records[i].len, records.list[i].len);
        assert_memory_equal(c->records[i].body, records.list[i].body, records.list[i].len + 1);
    }
    fptc__records_done(&records);
}

/* Decodes a copy of exactly n bytes, so that a sanitizer sees any step outside. */
static fptc_status decode_copy(const char *data, size_t n, struct fptc__commit *out)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    fptc_status status = fptc__commit_decode(copy, n, "log/42", 42, out, &err);
    free(copy);
    return status;
}

static void round_trip(void **state)
{
    struct fptc__buf bytes;
    struct fptc__commit c;
    uint64_t sum = 0;
    (void)state;
    make_sample(&bytes, &sum);
    assert_true(bytes.len < 1000); /* the big record was deflated */
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_OK);
    assert_is_sample(&c);
    assert_true(c.checksum == sum && sum != 0);
    fptc__commit_done(&c);
    fptc__commit_done(&c);
    fptc__buf_done(&bytes);
}

static void no_records(void **state)
{
    struct fptc__commit_header head;
    struct fptc__buf bytes;
    struct fptc__commit c;
    (void)state;
    fill_head(&head);
    fptc__buf_init(&bytes, 4096);
    assert_int_equal(fptc__commit_encode(&head, NULL, 0, &bytes, NULL, &err), FPTC_OK);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_OK);
    assert_int_equal(c.n_records, 0);
    fptc__commit_done(&c);
    fptc__buf_done(&bytes);
}

static void text_that_does_not_shrink_is_kept_plain(void **state)
{
    char noise[2000];
    struct fptc__commit_header head;
    struct fptc__buf bytes;
    struct fptc__commit c;
    uint64_t x = 88172645463325252u;
    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        noise[i] = (char)(x >> 24);
    }
    const struct fptc__record record = {FPTC__ROWS, noise, sizeof(noise)};
    fill_head(&head);
    fptc__buf_init(&bytes, 4096);
    assert_int_equal(fptc__commit_encode(&head, &record, 1, &bytes, NULL, &err), FPTC_OK);
    assert_int_equal(bytes.len, 256 + 16 + sizeof(noise) + 8);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_OK);
    assert_memory_equal(c.records[0].body, noise, sizeof(noise));
    fptc__commit_done(&c);
    fptc__buf_done(&bytes);
}

static void every_flipped_byte_is_found(void **state)
{
    struct fptc__buf bytes;
    (void)state;
    make_sample(&bytes, NULL);
    for (size_t i = 0; i < bytes.len; i++) {
        for (int flip = 1; flip < 256; flip += flip < 8 ? 1 : 53) {
            struct fptc__commit c;
            bytes.data[i] = (char)(bytes.data[i] ^ flip);
            fptc_status status = decode_copy(bytes.data, bytes.len, &c);
            assert_int_equal(status, FPTC_EDAMAGED);
            assert_non_null(strstr(err.message, "log/42"));
            fptc__commit_done(&c);
            bytes.data[i] = (char)(bytes.data[i] ^ flip);
        }
    }
    fptc__buf_done(&bytes);
}

static void every_cut_is_found(void **state)
{
    struct fptc__buf bytes;
    struct fptc__commit c;
    (void)state;
    make_sample(&bytes, NULL);
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(decode_copy(bytes.data, n, &c), FPTC_EDAMAGED);
    fptc__buf_addc(&bytes, 'x');
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EDAMAGED);
    fptc__buf_done(&bytes);
}

static void put_le(char *at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

/* Makes header CRC and trailer right again, as a forger or a newer version would. */
static void seal(struct fptc__buf *bytes)
{
    put_le(bytes->data + 252, fptc__crc32(0, bytes->data, 252), 4);
    uint64_t sum = fptc__checksum_add(fptc__checksum_start(), bytes->data, bytes->len - 8);
    put_le(bytes->data + bytes->len - 8, sum, 8);
}

/* Random damage under right checksums: the decoder may accept it, but never step outside. */
static void hostile_lengths(void **state)
{
    struct fptc__buf sample, bytes;
    uint64_t x = 2463534242u;
    int accepted = 0, refused = 0;
    (void)state;
    make_sample(&sample, NULL);
    for (int round = 0; round < 20000; round++) {
        struct fptc__commit c;
        fptc__buf_init(&bytes, 4096);
        fptc__buf_add(&bytes, sample.data, sample.len);
        for (int i = 0; i <= round % 3; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            size_t at = (size_t)(x >> 20) % (bytes.len - 8);
            /* Mostly lengths, counts and flags. */
            if (round % 2)
                at = (size_t)(x >> 20) % 2 ? 8 + at % 48 : 256 + at % 44;
            bytes.data[at] = (char)(x >> 40);
        }
        seal(&bytes);
        fptc_status status = decode_copy(bytes.data, bytes.len, &c);
        assert_true(status == FPTC_OK || status == FPTC_EDAMAGED || status == FPTC_EFORMAT);
        for (size_t i = 0; i < c.n_records; i++)
            assert_int_equal(c.records[i].body[c.records[i].len], 0);
        status == FPTC_OK ? accepted++ : refused++;
        fptc__commit_done(&c);
        fptc__buf_done(&bytes);
    }
    assert_true(accepted > 100 && refused > 1000);
    fptc__buf_done(&sample);
}

static void a_promise_of_much_memory_is_refused(void **state)
{
    struct fptc__buf bytes;
    struct fptc__commit c;
    (void)state;
    make_sample(&bytes, NULL);
    /* Second record: 256 header + 16 frame + 11 body; its plain length is at 8. */
    put_le(bytes.data + 256 + 27 + 8, FPTC_RECORD_BYTES_MAX - 11, 4);
    seal(&bytes);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EDAMAGED);
    put_le(bytes.data + 40, FPTC_COMMIT_RECORDS_MAX, 4);
    seal(&bytes);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EDAMAGED);
    fptc__buf_done(&bytes);
}

static void another_name_is_damage(void **state)
{
    struct fptc__buf bytes;
    struct fptc__commit c;
    (void)state;
    make_sample(&bytes, NULL);
    assert_int_equal(fptc__commit_decode(bytes.data, bytes.len, "log/43", 43, &c, &err),
                     FPTC_EDAMAGED);
    fptc__buf_done(&bytes);
}

static void newer_versions_are_told_from_damage(void **state)
{
    struct fptc__buf bytes;
    struct fptc__commit c;
    (void)state;
    make_sample(&bytes, NULL);
    put_le(bytes.data + 8, 2, 2);
    seal(&bytes);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EFORMAT);
    put_le(bytes.data + 8, 1, 2);
    put_le(bytes.data + 12, 0x80000000u, 4);
    seal(&bytes);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EFORMAT);
    put_le(bytes.data + 12, 0, 4);
    put_le(bytes.data + 256 + 2, 2, 2); /* a flag of the first record */
    seal(&bytes);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EFORMAT);
    /* The same without a right checksum is damage. */
    put_le(bytes.data + 256 + 2, 0, 2);
    seal(&bytes);
    put_le(bytes.data + 8, 2, 2);
    assert_int_equal(decode_copy(bytes.data, bytes.len, &c), FPTC_EDAMAGED);
    fptc__buf_done(&bytes);
}

static void a_longer_header_is_accepted(void **state)
{
    struct fptc__buf bytes, longer;
    struct fptc__commit c;
    (void)state;
    make_sample(&bytes, NULL);
    fptc__buf_init(&longer, 8192);
    fptc__buf_add(&longer, bytes.data, 256);
    fptc__buf_add(&longer, "a member of later", 17);
    fptc__buf_add(&longer, bytes.data + 256, bytes.len - 256);
    put_le(longer.data + 10, 256 + 17, 2);
    seal(&longer);
    assert_int_equal(decode_copy(longer.data, longer.len, &c), FPTC_OK);
    assert_is_sample(&c);
    fptc__commit_done(&c);
    fptc__buf_done(&longer);
    fptc__buf_done(&bytes);
}

static void too_much_is_refused(void **state)
{
    static char body[2];
    struct fptc__commit_header head;
    struct fptc__buf bytes;
    (void)state;
    fill_head(&head);
    fptc__buf_init(&bytes, 300);
    const struct fptc__record record = {FPTC__ROWS, body, 2};
    struct fptc__record *many = calloc(FPTC_COMMIT_RECORDS_MAX + 1, sizeof(*many));
    assert_non_null(many);
    for (size_t i = 0; i <= FPTC_COMMIT_RECORDS_MAX; i++)
        many[i] = record;
    assert_int_equal(
        fptc__commit_encode(&head, many, FPTC_COMMIT_RECORDS_MAX + 1, &bytes, NULL, &err),
        FPTC_ELIMIT);
    free(many);
    fptc__buf_clear(&bytes);
    const struct fptc__record three[3] = {record, record, record};
    assert_int_equal(fptc__commit_encode(&head, three, 3, &bytes, NULL, &err), FPTC_ELIMIT);
    fptc__buf_done(&bytes);
}

static void records_count_their_rows(void **state)
{
    static const char text[] = "{\"type\":\"Shot\",\"rows\":[{\"id\":1},{\"id\":2}]}";
    struct fptc__records records = {.list = NULL};
    fptc__json *v = NULL;
    (void)state;
    assert_int_equal(fptc__json_parse(text, sizeof(text) - 1, "text", &v, &err), FPTC_OK);
    assert_int_equal(fptc__records_add_json(&records, FPTC__ROWS, v, &err), FPTC_OK);
    assert_int_equal(records.rows, 2);
    assert_int_equal(records.bytes, sizeof(text) - 1);
    assert_string_equal(records.list[0].body, text);
    assert_int_equal(fptc__records_add(&records, FPTC__ROWS, "", 0, FPTC_COMMIT_ROWS_MAX, &err),
                     FPTC_ELIMIT);
    assert_int_equal(records.n, 1);
    fptc__json_free(v);
    fptc__records_done(&records);
    fptc__records_done(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(no_records),
        cmocka_unit_test(text_that_does_not_shrink_is_kept_plain),
        cmocka_unit_test(every_flipped_byte_is_found),
        cmocka_unit_test(every_cut_is_found),
        cmocka_unit_test(hostile_lengths),
        cmocka_unit_test(a_promise_of_much_memory_is_refused),
        cmocka_unit_test(another_name_is_damage),
        cmocka_unit_test(newer_versions_are_told_from_damage),
        cmocka_unit_test(a_longer_header_is_accepted),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(records_count_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
