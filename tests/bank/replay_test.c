/*
 * Replaying history through the actors: counts, refusals by the accounts, limits, strictness.
 */
#include "actors/bank/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/bank/text.h"
#include "tests/bank/scene.h"
#include "tests/support/test.h"

#define HEAD "account,date,amount,id,balance\n"
#define HUGE "92233720368547758.07"

/* What is replayed, and what came of it. */
struct play {
    const char *text;
    uint64_t limit;
    bool strict;
    unsigned workers;
    uint64_t transactions;
    uint64_t accounts;
    uint64_t rejected;
    int64_t total_minor;
    int64_t difference_minor;
    bool conserved;
    char refusals[256];
};

/* A replay in an actor; all that it holds is freed by the test. */
struct job {
    struct play *play;
    struct bank_source source;
    struct bank_refusals refusals;
    struct bank_replay replay;
    tp_err err;
};

static void job_body(tp_actor *self, void *arg) {
    struct job *job = arg;
    struct bank bank;
    job->err = bank_start(self, &bank);
    if (job->err == TP_OK) job->err = bank_replay_run(self, &bank, &job->replay);
}

static void source_make(struct job *job, FILE *out) {
    char path[] = "/tmp/bank-test-XXXXXX";
    char fault[256];
    FILE *file = fdopen(mkstemp(path), "wb");
    TP_ASSERT(file != NULL);
    fputs(job->play->text, file);
    fclose(file);
    job->refusals = (struct bank_refusals){.out = out, .strict = job->play->strict};
    bool opened =
        bank_source_open(&job->source, BANK_FORMAT_CSV, path, &job->refusals, NULL, fault);
    remove(path);
    TP_ASSERT(opened);
}

/* Refusals without their file's name. */
static void refusals_take(struct play *play, const char *text) {
    size_t used = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *place = strchr(line, ':') + 1;
        const char *end = strchr(strchr(place, ':') + 1, ':');
        used += (size_t)snprintf(play->refusals + used, sizeof play->refusals - used, "%.*s ",
                                 (int)(end - place), place);
    }
}

static void play_run(struct play *play) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct job job = {.play = play};
    tp_options options = {.workers = play->workers};
    size_t accounts;
    source_make(&job, out);
    job.replay = (struct bank_replay){
        .source = &job.source, .refusals = &job.refusals, .limit = play->limit};
    int status = tp_run_with(&options, job_body, &job);
    play->transactions = job.replay.transactions;
    play->rejected = job.refusals.count;
    play->total_minor = (int64_t)job.replay.total_minor;
    play->difference_minor = (int64_t)job.replay.max_difference_minor;
    play->conserved = job.replay.conserved;
    bank_journal_clients(&job.replay.journal, &accounts);
    play->accounts = accounts;
    fclose(out);
    refusals_take(play, text);
    free(text);
    bank_replay_free(&job.replay);
    bank_source_close(&job.source);
    TP_ASSERT(status == 0 && job.err == TP_OK);
}

TP_TEST(bank_replay, history_goes_through_the_accounts) {
    struct play play = {.text = HEAD "1,2024-01-01,10.00,1,10.00\n2,2024-01-01,5.00,2,5.01\n"
                                     "1,2024-01-02,-12.50,3,-2.50\n"};
    play_run(&play);
    TP_ASSERT_EQ_INT(play.transactions, 3);
    TP_ASSERT_EQ_INT(play.accounts, 2);
    TP_ASSERT_EQ_INT(play.rejected, 0);
    TP_ASSERT_EQ_INT(play.total_minor, 250);
    TP_ASSERT_EQ_INT(play.difference_minor, 1);
    TP_ASSERT(play.conserved);
}

TP_TEST(bank_replay, bad_lines_are_refused_and_the_rest_is_applied) {
    struct play play = {.text = HEAD "1,2024-01-01,10.00,1,\n1,2024-01-01,x,2,\n"
                                     "1,2024-01-02,2.50,3,\n1,2024-01-02"};
    play_run(&play);
    TP_ASSERT_EQ_INT(play.transactions, 2);
    TP_ASSERT_EQ_INT(play.total_minor, 1250);
    TP_ASSERT_EQ_STR(play.refusals, "3:14 5:13 ");
    TP_ASSERT(play.conserved);
}

TP_TEST(bank_replay, what_an_account_cannot_hold_is_refused_at_its_amount) {
    struct play play = {.text = HEAD "1,2024-01-01," HUGE ",1,\n1,2024-01-01,0.01,2,\n"
                                     "2,2024-01-01," HUGE ",3,\n1,2024-01-02,-0.01,4,\n"
                                     "2,2024-01-03,0.02,5,\n"};
    play_run(&play);
    TP_ASSERT_EQ_INT(play.transactions, 3);
    TP_ASSERT_EQ_STR(play.refusals, "3:14 6:14 ");
    TP_ASSERT(play.conserved);
}

TP_TEST(bank_replay, strict_stops_at_the_first_refusal) {
    struct play play = {.strict = true,
                        .text = HEAD "1,2024-01-01,10.00,1,\n1,2024-01-01," HUGE ",2,\n"
                                     "1,2024-01-02,x,3,\n1,2024-01-02,1.00,4,\n"};
    play_run(&play);
    TP_ASSERT_EQ_INT(play.transactions, 1);
    TP_ASSERT_EQ_STR(play.refusals, "3:14 ");
}

TP_TEST(bank_replay, a_limit_counts_lines) {
    struct play play = {.limit = 2,
                        .text = HEAD "1,2024-01-01,10.00,1,\n1,2024-01-01,x,2,\n"
                                     "1,2024-01-02,2.50,3,\n"};
    play_run(&play);
    TP_ASSERT_EQ_INT(play.transactions, 1);
    TP_ASSERT_EQ_INT(play.rejected, 1);
}

/* Longer than all the mailboxes on its way together; the same on any number of workers. */
TP_TEST(bank_replay, the_result_does_not_depend_on_the_workers) {
    struct bank_text text = {0};
    struct play first = {.workers = 1};
    bank_text_put(&text, HEAD);
    for (unsigned i = 1; i <= 20000; i++) {
        bank_text_print(&text, "%u,2024-01-01,%s%u.%02u,%u,\n", i % 7, i % 3 == 0 ? "-" : "",
                        i % 911, i % 100, i);
    }
    first.text = text.data;
    play_run(&first);
    TP_ASSERT_EQ_INT(first.transactions, 20000);
    TP_ASSERT_EQ_INT(first.accounts, 7);
    for (unsigned workers = 2; workers <= 8; workers *= 2) {
        struct play play = {.workers = workers, .text = text.data};
        play_run(&play);
        TP_ASSERT_EQ_INT(play.total_minor, first.total_minor);
        TP_ASSERT(play.transactions == 20000 && play.conserved);
    }
    bank_text_free(&text);
}

TP_TEST(bank_replay, totals_may_be_wider_than_64_bits) {
    struct play play = {.text = HEAD "1,2024-01-01," HUGE ",1,\n2,2024-01-01," HUGE ",2,\n"
                                     "3,2024-01-01," HUGE ",3,\n"};
    play_run(&play);
    TP_ASSERT_EQ_INT(play.transactions, 3);
    TP_ASSERT(play.conserved);
}
