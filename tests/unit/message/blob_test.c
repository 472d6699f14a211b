/* Blobs: counted buffers, and views of a message's bytes. */
#include <troupe/message.h>

#include "tests/support/test.h"
#include "tests/unit/message/arena.h"
#include "tests/unit/message/kinds.h"

TP_TEST(blob, is_zeroed_and_has_its_size) {
    tp_blob *blob = tp_blob_new(1000);
    TP_ASSERT(blob != NULL && tp_blob_size(blob) == 1000);
    const uint8_t *bytes = tp_blob_data(blob);
    for (size_t i = 0; i < 1000; i++) TP_ASSERT(bytes[i] == 0);
    tp_blob_unref(blob);
}

TP_TEST(blob, lives_until_the_last_reference) {
    tp_blob *blob = tp_blob_new(1);
    tp_blob *again = tp_blob_ref(blob);
    TP_ASSERT(again == blob);
    tp_blob_unref(blob);
    *(uint8_t *)tp_blob_data(again) = 7; /* AddressSanitizer would object */
    tp_blob_unref(again);
}

TP_TEST(blob, of_no_bytes_and_none_at_all) {
    tp_blob *empty = tp_blob_new(0);
    TP_ASSERT(empty != NULL && tp_blob_size(empty) == 0);
    tp_blob_unref(empty);
    TP_ASSERT(tp_blob_size(NULL) == 0 && tp_blob_data(NULL) == NULL && tp_blob_ref(NULL) == NULL);
    tp_blob_unref(NULL);
    TP_ASSERT(tp_blob_new(SIZE_MAX) == NULL);
}

TP_TEST(blob, in_a_received_message_is_a_view) {
    struct arena arena;
    arena_init(&arena);
    tp_blob *sent = tp_blob_new(3);
    memcpy(tp_blob_data(sent), "abc", 3);
    texts out, value = {TP_STR(""), {NULL, 0}, sent};
    struct encoded encoded = arena_encode(&arena, &texts_message, &value);
    tp_blob_unref(sent);
    TP_ASSERT(arena_decode(&arena, &texts_message, encoded, 3, &out));
    TP_ASSERT((const uint8_t *)tp_blob_data(out.large) == encoded.bytes + encoded.size - 3);
    tp_blob_unref(out.large); /* of a view: nothing */
    tp_blob *own = tp_blob_ref(out.large);
    arena_free(&arena);
    TP_ASSERT(tp_blob_size(own) == 3 && memcmp(tp_blob_data(own), "abc", 3) == 0);
    tp_blob_unref(own);
}

TP_TEST(blob, that_is_null_arrives_as_an_empty_one) {
    struct arena arena;
    texts out, value = {TP_STR(""), {NULL, 0}, NULL};
    arena_init(&arena);
    arena_round_trip(&arena, &texts_message, &value, &out);
    TP_ASSERT(out.large != NULL && tp_blob_size(out.large) == 0);
    arena_free(&arena);
}
