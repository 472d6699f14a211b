/*
 * Arbitrary bytes as what a client of the gateway sends (the first byte says in which pieces they
 * come, and as what they are taken):
 *   - as an HTTP request: parsed or refused, slices stay inside;
 *   - as WebSocket frames: the pieces do not matter, memory follows the bytes that came, and every
 *     message is read as a command;
 *   - as one command: what is taken encodes no deeper than the limit, and pids are where the reader
 *     finds them.
 * The corpus is made by make_gateway_corpus.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/gateway/command.h"
#include "transport/websocket/request.h"
#include "transport/websocket/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MESSAGE_MAX 3000u

struct counting {
    size_t in_use, most;
};
static void *counting_alloc(void *context, size_t size) {
    struct counting *counting = context;
    size_t *block = malloc(sizeof(max_align_t) + size);
    REQUIRE(block != NULL);
    *block = size;
    counting->in_use += size;
    if (counting->in_use > counting->most) counting->most = counting->in_use;
    return (uint8_t *)block + sizeof(max_align_t);
}
static void counting_free(void *context, void *pointer) {
    struct counting *counting = context;
    size_t *block = (size_t *)(void *)((uint8_t *)pointer - sizeof(max_align_t));
    REQUIRE(counting->in_use >= *block);
    counting->in_use -= *block;
    free(block);
}

static void check_slice(const uint8_t *data, size_t size, tp_str slice) {
    const uint8_t *at = (const uint8_t *)slice.data;
    REQUIRE(slice.size == 0 || (at >= data && at + slice.size <= data + size));
}

static void check_request(const uint8_t *data, size_t size) {
    struct tpi_request request;
    size_t end = tpi_request_end((const char *)data, size);
    REQUIRE(end <= size);
    if (end == 0 || tpi_request_parse((const char *)data, end, &request) != 0) return;
    check_slice(data, end, request.path);
    check_slice(data, end, request.host);
    check_slice(data, end, request.origin);
    check_slice(data, end, request.key);
    REQUIRE(request.path.size > 0 && request.host.data != NULL);
    if (request.upgrade) {
        char accept[TPI_WS_ACCEPT_SIZE];
        REQUIRE(request.version && request.key.size == 24);
        tpi_ws_accept(request.key.data, request.key.size, accept);
    }
    (void)tpi_request_same_origin(&request);
}

static bool count_pid(void *context, tp_pid pid) {
    (void)pid;
    ++*(size_t *)context;
    return true;
}

/* What was taken points into the bytes, and the message can be opened by the reader or is
 * refused. */
static void check_command(const uint8_t *data, size_t size) {
    struct tpi_command command;
    if (!tpi_command_read(data, size, &command)) return;
    size_t pids = 0;
    REQUIRE(command.op > TPI_COMMAND_NONE && command.op < TPI_COMMAND_COUNT);
    check_slice(data, size, command.name);
    check_slice(data, size, (tp_str){command.bytes.data, command.bytes.size});
    check_slice(data, size, (tp_str){command.message.data, command.message.size});
    REQUIRE(tpi_values_scan(data, size, count_pid, &pids));
    REQUIRE(pids <= size / 18);
    if (command.message.size == 0) return;
    tp_reader in = tp_reader_over(command.message.data, command.message.size);
    tp_read_skip(&in);
    REQUIRE(!in.failed && in.at == in.end);
}

struct outcome {
    uint64_t events, digest;
    unsigned code;
};

static struct outcome run_frames(const uint8_t *data, size_t size, size_t step, bool commands) {
    struct counting counting = {0, 0};
    struct outcome outcome = {0, 0, 0};
    struct tpi_ws ws;
    tpi_ws_init(&ws, (struct tpi_ws_memory){counting_alloc, counting_free, &counting}, MESSAGE_MAX);
    enum tpi_ws_event event = TPI_WS_MORE;
    for (size_t begin = 0; begin < size && event != TPI_WS_BAD; begin += step) {
        const uint8_t *at = data + begin;
        size_t left = size - begin < step ? size - begin : step;
        while ((event = tpi_ws_next(&ws, &at, &left)) != TPI_WS_MORE && event != TPI_WS_BAD) {
            outcome.events++;
            outcome.digest = outcome.digest * 31 + (unsigned)event;
            if (event != TPI_WS_MESSAGE) continue;
            REQUIRE(ws.size <= MESSAGE_MAX);
            for (size_t i = 0; i < ws.size; i++) outcome.digest = outcome.digest * 31 + ws.bytes[i];
            if (commands) check_command(ws.bytes, ws.size);
        }
    }
    if (event == TPI_WS_BAD) outcome.code = ws.code;
    REQUIRE(counting.most <= 4 * size + 1024);
    tpi_ws_fini(&ws);
    REQUIRE(counting.in_use == 0);
    return outcome;
}

/* As a stream: each cut gives the same bytes, in parts of a bounded size. */
static struct outcome run_stream(const uint8_t *data, size_t size, size_t step, bool of_server) {
    struct counting counting = {0, 0};
    struct outcome outcome = {0, 0, 0};
    struct tpi_ws ws;
    tpi_ws_init_stream(&ws, (struct tpi_ws_memory){counting_alloc, counting_free, &counting},
                       MESSAGE_MAX, of_server);
    enum tpi_ws_event event = TPI_WS_MORE;
    for (size_t begin = 0; begin < size && event != TPI_WS_BAD; begin += step) {
        const uint8_t *at = data + begin;
        size_t left = size - begin < step ? size - begin : step;
        while ((event = tpi_ws_next(&ws, &at, &left)) != TPI_WS_MORE && event != TPI_WS_BAD) {
            if (event != TPI_WS_MESSAGE) continue;
            REQUIRE(ws.size > 0 && ws.size <= MESSAGE_MAX);
            outcome.events += ws.size;
            for (size_t i = 0; i < ws.size; i++) outcome.digest = outcome.digest * 31 + ws.bytes[i];
        }
    }
    if (event == TPI_WS_BAD) outcome.code = ws.code;
    tpi_ws_fini(&ws);
    REQUIRE(counting.in_use == 0);
    return outcome;
}

static void check_stream(const uint8_t *data, size_t size, size_t step) {
    for (unsigned of_server = 0; of_server < 2; of_server++) {
        struct outcome whole = run_stream(data, size, size == 0 ? 1 : size, of_server);
        struct outcome pieces = run_stream(data, size, step, of_server);
        REQUIRE(whole.events == pieces.events && whole.digest == pieces.digest);
        REQUIRE(whole.code == pieces.code);
    }
    (void)tpi_request_agreed((const char *)data, size, TP_STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    size_t step = 1 + (data[0] >> 2);
    unsigned as = data[0] & 3;
    data++;
    size--;
    if (as == 0) check_request(data, size);
    if (as == 1) check_command(data, size);
    check_stream(data, size, step);
    if (as >= 2) {
        struct outcome whole = run_frames(data, size, size == 0 ? 1 : size, true);
        struct outcome pieces = run_frames(data, size, step, false);
        REQUIRE(whole.events == pieces.events && whole.digest == pieces.digest);
        REQUIRE(whole.code == pieces.code);
    }
    return 0;
}
