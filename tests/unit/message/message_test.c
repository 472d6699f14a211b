/* Declared messages: every kind and form there and back, any number of fields, evolution. */
#include <troupe/message.h>

#include <math.h>

#include "tests/support/test.h"
#include "tests/unit/message/arena.h"
#include "tests/unit/message/kinds.h"

/* ---- kinds ---- */

static bool numbers_survive(numbers value) {
    struct arena arena;
    numbers out;
    arena_init(&arena);
    arena_round_trip(&arena, &numbers_message, &value, &out);
    arena_free(&arena);
    return out.truth == value.truth && out.a == value.a && out.b == value.b && out.c == value.c &&
           out.d == value.d && out.e == value.e && out.f == value.f && out.g == value.g &&
           out.h == value.h && memcmp(&out.i, &value.i, sizeof out.i) == 0 &&
           tp_pid_equal(out.j, value.j) && out.k == value.k;
}

TP_TEST(message, numbers_survive_at_their_extremes) {
    TP_ASSERT(numbers_survive((numbers){.truth = false}));
    TP_ASSERT(numbers_survive((numbers){true,
                                        UINT8_MAX,
                                        UINT16_MAX,
                                        UINT32_MAX,
                                        UINT64_MAX,
                                        INT8_MAX,
                                        INT16_MAX,
                                        INT32_MAX,
                                        INT64_MAX,
                                        INFINITY,
                                        {UINT64_MAX, UINT32_MAX, UINT32_MAX},
                                        BLUE}));
    TP_ASSERT(numbers_survive((numbers){true,
                                        128,
                                        256,
                                        65536,
                                        UINT64_C(1) << 32,
                                        INT8_MIN,
                                        INT16_MIN,
                                        INT32_MIN,
                                        INT64_MIN,
                                        -0.0,
                                        {0, 0, 1},
                                        RED}));
    TP_ASSERT(numbers_survive((numbers){.e = -1, .f = -1, .g = -1, .h = -1, .i = NAN}));
    TP_ASSERT(numbers_survive((numbers){.e = -33, .f = -129, .g = -32769, .i = 5e-324}));
}

TP_TEST(message, fixed_kinds_have_a_bound_and_variable_ones_are_measured) {
    TP_ASSERT(numbers_message.bound > 0 && nothing_message.bound > 0 && point_message.bound > 0);
    TP_ASSERT(texts_message.bound == 0 && optionals_message.bound == 0);
    TP_ASSERT(lists_message.bound == 0 && maps_message.bound == 0);
    TP_ASSERT(everything_message.bound == 0);
}

static void check_text(const void *bytes, size_t size) {
    struct arena arena;
    texts out;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(size);
    TP_ASSERT(blob != NULL);
    if (size > 0) memcpy(tp_blob_data(blob), bytes, size);
    texts value = {{bytes, size}, {bytes, size}, blob};
    arena_round_trip(&arena, &texts_message, &value, &out);
    TP_ASSERT(tp_str_equal(out.text, value.text));
    TP_ASSERT(out.bytes.size == size && tp_blob_size(out.large) == size);
    TP_ASSERT(size == 0 || memcmp(out.bytes.data, bytes, size) == 0);
    TP_ASSERT(size == 0 || memcmp(tp_blob_data(out.large), bytes, size) == 0);
    tp_blob_unref(blob);
    arena_free(&arena);
}

TP_TEST(message, text_bytes_and_blobs_survive_at_every_length_of_head) {
    static uint8_t bytes[70000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 31);
    const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, sizeof bytes};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) check_text(bytes, sizes[i]);
    check_text(NULL, 0);
}

TP_TEST(message, text_is_borrowed_from_the_message) {
    struct arena arena;
    texts out, value = {TP_STR("hello"), {"x", 1}, NULL};
    arena_init(&arena);
    struct encoded encoded = arena_encode(&arena, &texts_message, &value);
    TP_ASSERT(arena_decode(&arena, &texts_message, encoded, 3, &out));
    TP_ASSERT((const uint8_t *)out.text.data == encoded.bytes + 1);
    TP_ASSERT((const uint8_t *)out.bytes.data == encoded.bytes + 8);
    arena_free(&arena);
}

/* ---- forms ---- */

#define SAME_ARRAY(name)                                                                           \
    (out->name.count == in->name.count &&                                                          \
     (in->name.count == 0 ||                                                                       \
      memcmp(out->name.items, in->name.items, in->name.count * sizeof in->name.items[0]) == 0))

static bool same_texts(const lists *out, const lists *in) {
    if (out->text.count != in->text.count || out->bytes.count != in->bytes.count) return false;
    for (size_t i = 0; i < in->text.count; i++)
        if (!tp_str_equal(out->text.items[i], in->text.items[i])) return false;
    for (size_t i = 0; i < in->bytes.count; i++) {
        tp_bin a = out->bytes.items[i], b = in->bytes.items[i];
        if (a.size != b.size || (a.size > 0 && memcmp(a.data, b.data, a.size) != 0)) return false;
    }
    return true;
}

static bool same_blobs(const lists *out, const lists *in) {
    if (out->large.count != in->large.count) return false;
    for (size_t i = 0; i < in->large.count; i++) {
        const tp_blob *a = out->large.items[i], *b = in->large.items[i];
        size_t size = tp_blob_size(b);
        if (tp_blob_size(a) != size || memcmp(tp_blob_data(a), tp_blob_data(b), size) != 0)
            return false;
    }
    return true;
}

static bool same_lists(const lists *out, const lists *in) {
    return SAME_ARRAY(truth) && SAME_ARRAY(a) && SAME_ARRAY(b) && SAME_ARRAY(c) && SAME_ARRAY(d) &&
           SAME_ARRAY(e) && SAME_ARRAY(f) && SAME_ARRAY(g) && SAME_ARRAY(h) && SAME_ARRAY(i) &&
           SAME_ARRAY(j) && SAME_ARRAY(points) && same_texts(out, in) && same_blobs(out, in);
}

static void check_sample(void (*check)(const everything *out, const everything *in)) {
    struct arena arena;
    everything out;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(300);
    TP_ASSERT(blob != NULL);
    memset(tp_blob_data(blob), 0xee, 300);
    everything value = everything_sample(blob);
    arena_round_trip(&arena, &everything_message, &value, &out);
    TP_ASSERT_EQ_INT(out.last, 200);
    check(&out, &value);
    tp_blob_unref(blob);
    arena_free(&arena);
}

static void check_lists(const everything *out, const everything *in) {
    TP_ASSERT(same_lists(&out->l, &in->l));
    TP_ASSERT_EQ_INT(out->many.count, 2);
    for (size_t i = 0; i < 2; i++) TP_ASSERT(same_lists(&out->many.items[i], &in->many.items[i]));
}

TP_TEST(message, lists_of_every_kind_survive) {
    check_sample(check_lists);
}

#define SAME_OPTIONAL(name)                                                                        \
    (out->o.name.present == in->o.name.present &&                                                  \
     (!in->o.name.present || out->o.name.value == in->o.name.value))

static void check_optionals(const everything *out, const everything *in) {
    TP_ASSERT(SAME_OPTIONAL(truth) && SAME_OPTIONAL(a) && SAME_OPTIONAL(b) && SAME_OPTIONAL(c));
    TP_ASSERT(SAME_OPTIONAL(d) && SAME_OPTIONAL(e) && SAME_OPTIONAL(f) && SAME_OPTIONAL(g));
    TP_ASSERT(SAME_OPTIONAL(h) && SAME_OPTIONAL(i));
    TP_ASSERT(out->o.text.present && out->o.text.value.size == 0);
    TP_ASSERT(out->o.bytes.present && memcmp(out->o.bytes.value.data, "\x00\xff", 2) == 0);
    TP_ASSERT(out->o.large.present && tp_blob_size(out->o.large.value) == 300);
    TP_ASSERT(out->o.j.present && tp_pid_equal(out->o.j.value, in->o.j.value));
}

TP_TEST(message, optionals_of_every_kind_survive_present_or_absent) {
    check_sample(check_optionals);
    struct arena arena;
    optionals out, none;
    memset(&none, 0, sizeof none);
    arena_init(&arena);
    arena_round_trip(&arena, &optionals_message, &none, &out);
    TP_ASSERT(!out.truth.present && !out.a.present && !out.d.present && !out.i.present);
    TP_ASSERT(!out.text.present && !out.bytes.present && !out.large.present && !out.j.present);
    arena_free(&arena);
}

static void check_maps(const everything *out, const everything *in) {
    TP_ASSERT_EQ_INT(out->m.truth.count, 2); /* equal keys, in the order given */
    TP_ASSERT(out->m.truth.items[0].value && !out->m.truth.items[1].value);
    TP_ASSERT(tp_str_equal(out->m.truth.items[1].key, TP_STR("yes")));
    TP_ASSERT(out->m.a.count == 1 && out->m.a.items[0].value == 255);
    TP_ASSERT(out->m.h.count == 2 && out->m.h.items[0].key.size == 0);
    TP_ASSERT(out->m.h.items[0].value == INT64_MIN && out->m.h.items[1].value == 0);
    TP_ASSERT(tp_str_equal(out->m.text.items[0].value, TP_STR("v")));
    TP_ASSERT(tp_blob_size(out->m.large.items[0].value) == 300);
    TP_ASSERT(tp_pid_equal(out->m.j.items[0].value, in->m.j.items[0].value));
    TP_ASSERT(out->m.b.count == 0 && out->m.i.count == 0);
}

TP_TEST(message, maps_survive) {
    check_sample(check_maps);
}

static void check_nested(const everything *out, const everything *in) {
    TP_ASSERT(out->n.d == in->n.d && out->n.h == in->n.h && out->n.k == RED);
    TP_ASSERT(tp_str_equal(out->t.text, in->t.text));
    TP_ASSERT(tp_blob_size(out->t.large) == 300);
}

TP_TEST(message, nested_messages_survive) {
    check_sample(check_nested);
}

TP_TEST(message, long_lists_and_maps_survive) {
    static uint32_t numbers_of[70000];
    static tp_entry_u8 entries[70000];
    struct arena arena;
    lists out_lists, in_lists;
    maps out_maps, in_maps;
    arena_init(&arena);
    memset(&in_lists, 0, sizeof in_lists);
    memset(&in_maps, 0, sizeof in_maps);
    const size_t counts[] = {15, 16, 65535, 65536, 70000};
    for (uint32_t i = 0; i < 70000; i++) numbers_of[i] = i * 7919;
    for (uint32_t i = 0; i < 70000; i++) entries[i] = (tp_entry_u8){TP_STR("k"), (uint8_t)i};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        in_lists.c = (tp_list_u32){numbers_of, counts[i]};
        arena_round_trip(&arena, &lists_message, &in_lists, &out_lists);
        TP_ASSERT(same_lists(&out_lists, &in_lists));
        in_maps.a = (tp_map_u8){entries, counts[i]};
        arena_round_trip(&arena, &maps_message, &in_maps, &out_maps);
        TP_ASSERT_EQ_INT(out_maps.a.count, counts[i]);
        TP_ASSERT_EQ_INT(out_maps.a.items[counts[i] - 1].value, (counts[i] - 1) & 0xff);
    }
    arena_free(&arena);
}

enum wide { WIDE_ONE = 1 }; /* which compilers give an unsigned type */
TP_MESSAGE(with_wide_enum, TP_ENUM(enum wide, e))

TP_TEST(message, an_unsigned_enum_survives_as_its_32_bits) {
    struct arena arena;
    with_wide_enum out, value = {(enum wide)UINT32_MAX};
    arena_init(&arena);
    arena_round_trip(&arena, &with_wide_enum_message, &value, &out);
    TP_ASSERT((uint32_t)out.e == UINT32_MAX);
    arena_free(&arena);
}

/* ---- any number of fields, and any number of them present ---- */

#define F(n) TP_FIELD(u32, f##n)
#define L1 F(1)
#define L2 L1, F(2)
#define L3 L2, F(3)
#define L4 L3, F(4)
#define L5 L4, F(5)
#define L6 L5, F(6)
#define L7 L6, F(7)
#define L8 L7, F(8)
#define L9 L8, F(9)
#define L10 L9, F(10)
#define L11 L10, F(11)
#define L12 L11, F(12)
#define L13 L12, F(13)
#define L14 L13, F(14)
#define L15 L14, F(15)
#define L16 L15, F(16)
#define L17 L16, F(17)
#define L18 L17, F(18)
#define L19 L18, F(19)
#define L20 L19, F(20)
#define L21 L20, F(21)
#define L22 L21, F(22)
#define L23 L22, F(23)
#define L24 L23, F(24)
#define L25 L24, F(25)
#define L26 L25, F(26)
#define L27 L26, F(27)
#define L28 L27, F(28)
#define L29 L28, F(29)
#define L30 L29, F(30)
#define L31 L30, F(31)
#define L32 L31, F(32)
TP_MESSAGE(fields0)
#define EACH_COUNT(X)                                                                              \
    X(1)                                                                                           \
    X(2)                                                                                           \
    X(3)                                                                                           \
    X(4)                                                                                           \
    X(5)                                                                                           \
    X(6)                                                                                           \
    X(7)                                                                                           \
    X(8)                                                                                           \
    X(9)                                                                                           \
    X(10)                                                                                          \
    X(11)                                                                                          \
    X(12)                                                                                          \
    X(13)                                                                                          \
    X(14)                                                                                          \
    X(15)                                                                                          \
    X(16)                                                                                          \
    X(17)                                                                                          \
    X(18)                                                                                          \
    X(19)                                                                                          \
    X(20)                                                                                          \
    X(21)                                                                                          \
    X(22)                                                                                          \
    X(23)                                                                                          \
    X(24)                                                                                          \
    X(25)                                                                                          \
    X(26)                                                                                          \
    X(27)                                                                                          \
    X(28)                                                                                          \
    X(29)                                                                                          \
    X(30)                                                                                          \
    X(31)                                                                                          \
    X(32)
#define DECLARE(n) TP_MESSAGE(fields##n, L##n)
EACH_COUNT(DECLARE)

#define TYPE_OF(n) &fields##n##_message,
static const tp_message_type *const with_fields[] = {&fields0_message, EACH_COUNT(TYPE_OF)};

TP_TEST(message, may_have_0_to_32_fields) {
    TP_ASSERT_EQ_INT(sizeof with_fields / sizeof with_fields[0], TP_FIELDS_MAX + 1);
    for (uint32_t n = 0; n <= TP_FIELDS_MAX; n++) {
        TP_ASSERT_EQ_INT(with_fields[n]->field_count, n);
        TP_ASSERT_EQ_INT(with_fields[n]->struct_size, n == 0 ? 1 : 4 * n);
        if (n > 0) TP_ASSERT_EQ_STR(with_fields[n]->fields[0].name, "f1");
        TP_ASSERT(with_fields[n]->fields[n].name == NULL);
    }
}

/* Sent with n fields, received with m: the common ones arrive, what is missing is zero. */
TP_TEST(message, is_read_by_every_older_and_newer_version) {
    uint32_t value[TP_FIELDS_MAX], out[TP_FIELDS_MAX];
    for (uint32_t i = 0; i < TP_FIELDS_MAX; i++) value[i] = UINT32_MAX - i;
    for (uint32_t n = 0; n <= TP_FIELDS_MAX; n++) {
        struct arena arena;
        arena_init(&arena);
        struct encoded encoded = arena_encode(&arena, with_fields[n], value);
        for (uint32_t m = 0; m <= TP_FIELDS_MAX; m++) {
            bool whole = arena_decode(&arena, with_fields[m], encoded, n, out);
            TP_ASSERT_EQ_INT(whole, m >= n); /* else unknown fields are left unread */
            for (uint32_t i = 0; i < m; i++) TP_ASSERT_EQ_INT(out[i], i < n ? value[i] : 0);
        }
        arena_free(&arena);
    }
}

TP_TEST(message, missing_fields_of_every_form_are_zero_empty_or_absent) {
    struct arena arena;
    everything out;
    arena_init(&arena);
    TP_ASSERT(arena_decode(&arena, &everything_message, (struct encoded){NULL, 0}, 0, &out));
    static const everything zero;
    TP_ASSERT(memcmp(&out, &zero, sizeof out) == 0);
    arena_free(&arena);
}

/* ---- evolution inside nested messages ---- */

TP_MESSAGE(place_old, TP_FIELD(i32, x))
TP_MESSAGE(place_new, TP_FIELD(i32, x), TP_FIELD(str, name), TP_LIST(u8, tags))
TP_MESSAGE(map_old, TP_NESTED(place_old, home), TP_LIST_OF(place_old, places), TP_FIELD(u8, end))
TP_MESSAGE(map_new, TP_NESTED(place_new, home), TP_LIST_OF(place_new, places), TP_FIELD(u8, end))

TP_TEST(message, unknown_fields_of_nested_messages_are_skipped) {
    static const uint8_t tags[] = {1, 200};
    struct arena arena;
    arena_init(&arena);
    place_new places[2] = {{1, TP_STR("a"), {tags, 2}}, {2, TP_STR("b"), {NULL, 0}}};
    map_new sent = {{7, TP_STR("home"), {tags, 1}}, {places, 2}, 9};
    map_old got;
    TP_ASSERT(arena_decode(&arena, &map_old_message, arena_encode(&arena, &map_new_message, &sent),
                           3, &got));
    TP_ASSERT(got.home.x == 7 && got.places.count == 2 && got.end == 9);
    TP_ASSERT(got.places.items[0].x == 1 && got.places.items[1].x == 2);
    arena_free(&arena);
}

TP_TEST(message, missing_fields_of_nested_messages_are_zero) {
    struct arena arena;
    arena_init(&arena);
    place_old places[2] = {{1}, {2}};
    map_old sent = {{7}, {places, 2}, 9};
    map_new got;
    TP_ASSERT(arena_decode(&arena, &map_new_message, arena_encode(&arena, &map_old_message, &sent),
                           3, &got));
    TP_ASSERT(got.home.x == 7 && got.places.count == 2 && got.end == 9);
    TP_ASSERT(got.home.name.size == 0 && got.home.tags.count == 0 && got.home.tags.items == NULL);
    TP_ASSERT(got.places.items[1].x == 2 && got.places.items[1].name.size == 0);
    arena_free(&arena);
}

TP_TEST(message, a_nested_message_may_hold_no_field_at_all) {
    struct arena arena;
    map_new got;
    arena_init(&arena);
    /* home [], places [[], []], end */
    struct encoded encoded = {arena_copy(&arena, "\x90\x92\x90\x90\x05", 5), 5};
    TP_ASSERT(arena_decode(&arena, &map_new_message, encoded, 3, &got));
    TP_ASSERT(got.home.x == 0 && got.places.count == 2 && got.places.items[1].x == 0);
    TP_ASSERT_EQ_INT(got.end, 5);
    arena_free(&arena);
}

/* ---- failure ---- */

TP_TEST(message, after_a_bad_field_the_rest_is_zero) {
    struct arena arena;
    numbers out;
    arena_init(&arena);
    /* true, 300 in a u8, then what would be good */
    static const uint8_t bytes[] = {0xc3, 0xcd, 0x01, 0x2c, 1, 2, 3};
    struct encoded encoded = {arena_copy(&arena, bytes, sizeof bytes), sizeof bytes};
    TP_ASSERT(!arena_decode(&arena, &numbers_message, encoded, 5, &out));
    TP_ASSERT(out.truth && out.a == 0 && out.b == 0 && out.c == 0 && out.d == 0 && out.h == 0);
    arena_free(&arena);
}

TP_TEST(message, an_optional_that_does_not_parse_is_absent) {
    struct arena arena;
    optionals out;
    arena_init(&arena);
    struct encoded encoded = {arena_copy(&arena, "\xa1x\x05", 3), 3};
    TP_ASSERT(!arena_decode(&arena, &optionals_message, encoded, 2, &out));
    TP_ASSERT(!out.truth.present && !out.a.present);
    arena_free(&arena);
}

TP_TEST(message, an_enum_beyond_32_bits_is_refused) {
    struct arena arena;
    with_wide_enum out;
    arena_init(&arena);
    struct encoded encoded = {arena_copy(&arena, "\xce\x80\x00\x00\x00", 5), 5};
    TP_ASSERT(!arena_decode(&arena, &with_wide_enum_message, encoded, 1, &out));
    arena_free(&arena);
}

TP_TEST(message, fields_are_described) {
    const tp_field *fields = everything_message.fields;
    TP_ASSERT_EQ_STR(fields[0].name, "n");
    TP_ASSERT_EQ_STR(fields[0].kind, "numbers");
    TP_ASSERT(fields[0].form == TP_FORM_NESTED && fields[6].form == TP_FORM_LIST_OF);
    TP_ASSERT_EQ_STR(numbers_message.fields[0].kind, "bool");
    TP_ASSERT_EQ_STR(numbers_message.fields[11].kind, "enum colour");
    TP_ASSERT(numbers_message.fields[11].form == TP_FORM_ENUM);
    TP_ASSERT(numbers_message.fields[0].form == TP_FORM_PLAIN);
    TP_ASSERT(optionals_message.fields[0].form == TP_FORM_OPTIONAL);
    TP_ASSERT(lists_message.fields[0].form == TP_FORM_LIST);
    TP_ASSERT(maps_message.fields[0].form == TP_FORM_MAP);
}

TP_TEST(message, fields_say_where_they_are_and_what_they_hold) {
    const tp_field *fields = everything_message.fields;
    TP_ASSERT(fields[0].type == &numbers_message && fields[6].type == &lists_message);
    TP_ASSERT(fields[7].type == NULL && numbers_message.fields[11].type == NULL);
    TP_ASSERT_EQ_INT(fields[0].offset, 0);
    TP_ASSERT_EQ_INT(fields[6].offset, offsetof(everything, many));
    TP_ASSERT_EQ_INT(fields[7].offset, offsetof(everything, last));
    TP_ASSERT_EQ_INT(numbers_message.fields[11].offset, offsetof(numbers, k));
}

/* ---- names ---- */

/* What a program may well call its own, beside `account`. */
TP_MESSAGE(account, TP_FIELD(i64, cents))
TP_MESSAGE(account_list, TP_LIST_OF(account, items))
TP_MESSAGE(account_fields, TP_NESTED(account_list, count))

TP_TEST(message, names_beside_a_type_stay_free) {
    static const account accounts[] = {{1}, {-2}};
    struct arena arena;
    account_fields out, value = {{{accounts, 2}}};
    arena_init(&arena);
    arena_round_trip(&arena, &account_fields_message, &value, &out);
    TP_ASSERT(out.count.items.count == 2 && out.count.items.items[1].cents == -2);
    arena_free(&arena);
}

/* ---- sizes that cannot be ---- */

/* A length of -1 is no small message: the sum does not wrap, and whoever sends refuses it. */
TP_TEST(message, measure_does_not_wrap) {
    texts text = {{"x", SIZE_MAX}, {NULL, 0}, NULL},
          bytes = {{"x", SIZE_MAX - 4}, {"x", SIZE_MAX}, NULL};
    TP_ASSERT(texts_message.measure(&text) > TP_MESSAGE_SIZE_MAX);
    TP_ASSERT(texts_message.measure(&bytes) > TP_MESSAGE_SIZE_MAX);
    tp_entry_str entry = {{"k", SIZE_MAX}, {"v", SIZE_MAX}};
    maps map;
    memset(&map, 0, sizeof map);
    map.text = (tp_map_str){&entry, 1};
    TP_ASSERT(maps_message.measure(&map) > TP_MESSAGE_SIZE_MAX);
}
