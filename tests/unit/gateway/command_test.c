/*
 * Commands, the visit of pids, and the table of the pids that were handed out.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "transport/gateway/command.h"
#include "transport/gateway/handed.h"

static bool reads(const char *bytes, size_t size, struct tpi_command *out) {
    return tpi_command_read(bytes, size, out);
}
#define READS(bytes, out) reads((bytes), sizeof(bytes) - 1, (out))
#define PID "\xd8\x01\0\0\0\0\0\0\0\x07\0\0\0\x02\0\0\0\x03"

TP_TEST(gateway_command, each_kind_of_argument) {
    struct tpi_command c;
    TP_ASSERT(READS("\x93\x01\x01\xa3"
                    "abc",
                    &c));
    TP_ASSERT(c.op == TPI_COMMAND_HELLO && c.id == 1 && c.bytes.size == 3);
    TP_ASSERT(READS("\x93\x02\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1x", &c));
    TP_ASSERT(c.op == TPI_COMMAND_FIND && c.id == UINT64_MAX && c.name.size == 1);
    TP_ASSERT(READS("\x93\x03" PID "\x92\xa1m\x01", &c));
    TP_ASSERT(c.op == TPI_COMMAND_SEND && c.to.node == 7 && c.to.slot == 2 && c.to.generation == 3);
    TP_ASSERT_EQ_INT(c.message.size, 4);
    TP_ASSERT(READS("\x95\x04\x05\xa1n\x91\xa1m\xcd\x03\xe8", &c));
    TP_ASSERT(c.op == TPI_COMMAND_CALL && c.id == 5 && c.name.size == 1 && c.number == 1000);
    TP_ASSERT(READS("\x92\x0b\xc3", &c) && c.op == TPI_COMMAND_TRAP && c.flag);
    TP_ASSERT(READS("\x93\x0c\x00\xc4\x00", &c) && c.op == TPI_COMMAND_EXIT && c.number == 0);
    TP_ASSERT(READS("\x94\x02\x01\xa1x\xc0", &c)); /* one more, of a later version */
}

TP_TEST(gateway_command, what_is_no_command) {
    struct tpi_command c;
    TP_ASSERT(!READS("", &c));
    TP_ASSERT(!READS("\xc0", &c));
    TP_ASSERT(!READS("\x90", &c));
    TP_ASSERT(!READS("\x91\x00", &c));
    TP_ASSERT(!READS("\x91\x0d", &c));
    TP_ASSERT(!READS("\x91\xa1x", &c));
    TP_ASSERT(!READS("\x92\x02\x01", &c));                /* too few */
    TP_ASSERT(!READS("\x93\x02\x01\xa0", &c));            /* an empty name */
    TP_ASSERT(!READS("\x93\x02\xff\xa1x", &c));           /* a negative id */
    TP_ASSERT(!READS("\x93\x03" PID "\x01", &c));         /* no message */
    TP_ASSERT(!READS("\x93\x02\x01\xa1x\x00", &c));       /* bytes behind */
    TP_ASSERT(!READS("\x93\x02\x01\xa1\xff", &c));        /* no UTF-8 */
    TP_ASSERT(!READS("\x93\x03" PID "\x91\xa1\xff", &c)); /* nor further inside */
    TP_ASSERT(!READS("\xdd\xff\xff\xff\xff", &c));
    TP_ASSERT(!READS("\xdf\x00\xff\xff\xff", &c));
}

TP_TEST(gateway_command, nesting_has_an_end) {
    uint8_t deep[100000];
    struct tpi_command c;
    memset(deep, 0x91, sizeof deep);
    TP_ASSERT(!tpi_command_read(deep, sizeof deep, &c));
}

struct seen {
    unsigned count, allowed;
};
static bool see(void *context, tp_pid pid) {
    struct seen *seen = context;
    TP_ASSERT(pid.node == 7 && pid.slot == 2);
    return ++seen->count <= seen->allowed;
}

TP_TEST(gateway_command, pids_are_found_wherever_they_stand) {
    static const char bytes[] = PID "\x92\x01" PID "\x81\xa1k" PID "\xc4\x12" PID
                                    "\xd8\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xca\0\0\0\0";
    struct seen seen = {0, 10}, stops = {0, 1};
    TP_ASSERT(tpi_values_scan(bytes, sizeof bytes - 1, see, &seen));
    TP_ASSERT_EQ_INT(seen.count, 3); /* bytes that look like one are none */
    TP_ASSERT(!tpi_values_scan(bytes, sizeof bytes - 1, see, &stops));
    for (size_t size = 1; size < 18; size++) TP_ASSERT(!tpi_values_scan(bytes, size, NULL, NULL));
}

static void *map_alloc(void *context, size_t size) {
    (void)context;
    return malloc(size);
}
static void map_free(void *context, void *pointer, size_t size) {
    (void)context;
    (void)size;
    free(pointer);
}

TP_TEST(gateway_handed, the_longest_unused_makes_place) {
    struct tpi_handed handed;
    tpi_handed_init(&handed, (struct tpi_map_memory){map_alloc, map_free, NULL}, 20);
    for (uint32_t i = 0; i < 20; i++)
        TP_ASSERT_EQ_INT(tpi_handed_add(&handed, (tp_pid){1, i, 1}), TP_OK);
    TP_ASSERT_EQ_INT(tpi_handed_add(&handed, (tp_pid){1, 20, 1}), TP_OK); /* 0 goes */
    TP_ASSERT(!tpi_handed_has(&handed, (tp_pid){1, 0, 1}));
    for (uint32_t i = 21; i < 1000; i++) {
        TP_ASSERT(tpi_handed_has(&handed, (tp_pid){1, 5, 1})); /* is used all the time */
        TP_ASSERT_EQ_INT(tpi_handed_add(&handed, (tp_pid){1, i, 1}), TP_OK);
        TP_ASSERT(tpi_handed_has(&handed, (tp_pid){1, i, 1}));
        TP_ASSERT_EQ_INT(handed.count, 20);
    }
    TP_ASSERT_EQ_INT(tpi_map_count(&handed.places), 20);
    TP_ASSERT(!tpi_handed_has(&handed, (tp_pid){1, 5, 2}));
    TP_ASSERT(!tpi_handed_has(&handed, (tp_pid){2, 5, 1}));
    TP_ASSERT_EQ_INT(tpi_handed_add(&handed, tp_pid_null()), TP_OK);
    TP_ASSERT(!tpi_handed_has(&handed, tp_pid_null()));
    tpi_handed_fini(&handed);
}
