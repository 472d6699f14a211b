// The measurements of troupe-bench as CAF's event-based actors: NAME... [--workers N] [--reps N]
// [--json]. Written for CAF 0.17, the one that is packaged. An actor that starts a measurement is
// scheduled like all others; main() only waits. Actors left over are not awaited at the end.
#include <caf/all.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

using namespace caf;
using std::uint64_t;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr uint64_t messages = 1000000;
constexpr uint64_t created = 100000; // see fjcreate
constexpr uint64_t kept = 200000;
constexpr uint64_t creatures = 100, meetings = 200000;
constexpr uint64_t big_actors = 120, big_pings = 20000;
constexpr uint64_t accounts = 1000, transactions = 50000;
constexpr int64_t start_balance = 1000000;

using go_atom = atom_constant<atom("go")>;
using ping_atom = atom_constant<atom("ping")>;
using pong_atom = atom_constant<atom("pong")>;
using come_atom = atom_constant<atom("come")>;
using met_atom = atom_constant<atom("met")>;
using told_atom = atom_constant<atom("told")>;
using closed_atom = atom_constant<atom("closed")>;
using move_atom = atom_constant<atom("move")>;
using credit_atom = atom_constant<atom("credit")>;
using acked_atom = atom_constant<atom("acked")>;
using moved_atom = atom_constant<atom("moved")>;
using total_atom = atom_constant<atom("total")>;

[[noreturn]] void fail(const char *what) {
    std::fprintf(stderr, "caf: %s\n", what);
    std::_Exit(1);
}

// Opens when it was told `left` times; keeps the time of the last.
struct gate {
    explicit gate(uint64_t count) : left(count) {}
    void tell() {
        if (left.fetch_sub(1) != 1) return;
        end = clock_type::now();
        opened.set_value();
    }
    double wait_since(clock_type::time_point start) {
        opened.get_future().wait();
        return std::chrono::duration<double, std::nano>(end - start).count();
    }
    std::atomic<uint64_t> left;
    clock_type::time_point end;
    std::promise<void> opened;
};
using gate_ptr = std::shared_ptr<gate>;

uint32_t next_random(uint64_t &state) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state >> 33);
}

// Sends to an actor by its handle, without a wait.
template <class... Values> void tell(const actor &to, Values &&...values) {
    anon_send(to, std::forward<Values>(values)...);
}

// ---- actors that answer each other

behavior ponger(event_based_actor *self) {
    return {[=](ping_atom, const actor &from, uint64_t n) {
        self->send(from, pong_atom::value, n);
    }};
}
behavior pinger(event_based_actor *self, actor peer, gate_ptr done) {
    return {[=](go_atom) { self->send(peer, ping_atom::value, actor{self}, uint64_t{1}); },
            [=](pong_atom, uint64_t n) {
                if (n == messages) done->tell();
                else self->send(peer, ping_atom::value, actor{self}, n + 1);
            }};
}
double pingpong(actor_system &system) {
    auto done = std::make_shared<gate>(1);
    auto first = system.spawn(pinger, system.spawn(ponger), done);
    auto start = clock_type::now();
    tell(first, go_atom::value);
    return done->wait_since(start) / (2.0 * messages);
}

struct ring_state {
    actor next;
};
behavior ring(stateful_actor<ring_state> *self, gate_ptr done) {
    return {[=](go_atom, const actor &next) { self->state.next = next; },
            [=](uint64_t left) {
                if (left == 0) done->tell();
                else self->send(self->state.next, left - 1);
            }};
}
double threadring(actor_system &system) {
    auto done = std::make_shared<gate>(1);
    std::vector<actor> all;
    for (int i = 0; i < 100; i++) all.push_back(system.spawn(ring, done));
    for (size_t i = 0; i < 100; i++) tell(all[i], go_atom::value, all[(i + 1) % 100]);
    auto start = clock_type::now();
    tell(all[0], messages);
    return done->wait_since(start) / static_cast<double>(messages);
}

// ---- many messages to one

struct count_state {
    uint64_t handled = 0;
};
behavior sink(stateful_actor<count_state> *self, uint64_t expected, gate_ptr done) {
    return {[=](uint64_t) {
        if (++self->state.handled == expected) done->tell();
    }};
}
behavior source(event_based_actor *self) {
    return {[=](go_atom, const actor &to, uint64_t count) {
        for (uint64_t i = 0; i < count; i++) self->send(to, i);
    }};
}
double fan_in(actor_system &system, uint64_t producers) {
    auto done = std::make_shared<gate>(1);
    auto to = system.spawn(sink, messages / producers * producers, done);
    auto start = clock_type::now();
    for (uint64_t i = 0; i < producers; i++)
        tell(system.spawn(source), go_atom::value, to, messages / producers);
    return messages * 1e3 / done->wait_since(start);
}
behavior dealer(event_based_actor *self, std::vector<actor> to) {
    return {[=](go_atom) {
        for (uint64_t n = 0; n < 10000; n++)
            for (auto &one : to) self->send(one, n);
    }};
}
double fjthrput(actor_system &system) {
    auto done = std::make_shared<gate>(60);
    std::vector<actor> to;
    for (int i = 0; i < 60; i++) to.push_back(system.spawn(sink, uint64_t{10000}, done));
    auto first = system.spawn(dealer, to);
    auto start = clock_type::now();
    tell(first, go_atom::value);
    return 600000 * 1e3 / done->wait_since(start);
}

// ---- actors made, kept and ended

behavior one(event_based_actor *self, gate_ptr done) {
    return {[=](uint64_t) {
        done->tell();
        self->quit();
    }};
}
behavior creator(event_based_actor *self, gate_ptr done) {
    return {[=](go_atom) {
        for (uint64_t i = 0; i < created; i++) self->send(self->spawn(one, done), i);
    }};
}
// A tenth of the others' actors: with two workers the time of each grows with their number.
double fjcreate(actor_system &system) {
    auto done = std::make_shared<gate>(created);
    auto first = system.spawn(creator, done);
    auto start = clock_type::now();
    tell(first, go_atom::value);
    return done->wait_since(start) / static_cast<double>(created);
}

behavior idle(event_based_actor *) {
    return {[](uint64_t) {}};
}
double resident() {
    double all = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> all >> pages;
    return pages * 4096;
}
behavior keeper(event_based_actor *self, std::vector<actor> *all, gate_ptr done) {
    return {[=](go_atom) {
        for (uint64_t i = 0; i < kept; i++) all->push_back(self->spawn(idle));
        done->tell();
    }};
}
double keep(actor_system &system, bool memory) {
    auto all = new std::vector<actor>;
    all->reserve(kept);
    auto done = std::make_shared<gate>(1);
    auto first = system.spawn(keeper, all, done);
    double before = resident();
    auto start = clock_type::now();
    tell(first, go_atom::value);
    double span = done->wait_since(start);
    return (memory ? resident() - before : span) / static_cast<double>(kept);
}

struct fib_state {
    actor to;
    uint64_t sum = 0;
    int left = 2;
};
behavior fib(stateful_actor<fib_state> *self) {
    return {[=](go_atom, uint64_t n, const actor &to) {
                if (n <= 2) {
                    self->send(to, uint64_t{1});
                    self->quit();
                    return;
                }
                self->state.to = to;
                for (uint64_t i = 1; i <= 2; i++)
                    self->send(self->spawn(fib), go_atom::value, n - i, actor{self});
            },
            [=](uint64_t value) {
                self->state.sum += value;
                if (--self->state.left > 0) return;
                self->send(self->state.to, self->state.sum);
                self->quit();
            }};
}
behavior fib_boss(event_based_actor *self, gate_ptr done) {
    return {[=](go_atom) {
                self->send(self->spawn(fib), go_atom::value, uint64_t{25}, actor{self});
            },
            [=](uint64_t value) {
                if (value != 75025) fail("fib(25) is wrong");
                done->tell();
            }};
}
double fib25(actor_system &system) {
    auto done = std::make_shared<gate>(1);
    auto boss = system.spawn(fib_boss, done);
    auto start = clock_type::now();
    tell(boss, go_atom::value);
    return done->wait_since(start) / 1e6;
}

// ---- many that meet at random

struct mall_state {
    actor waiting;
    uint64_t colour = 0, meetings = 0, told = 0, sum = 0;
};
behavior mall(stateful_actor<mall_state> *self, gate_ptr done) {
    return {[=](come_atom, const actor &from, uint64_t colour) {
                auto &state = self->state;
                if (state.meetings == meetings) {
                    self->send(from, closed_atom::value);
                } else if (!state.waiting) {
                    state.waiting = from;
                    state.colour = colour;
                } else {
                    self->send(state.waiting, met_atom::value, colour);
                    self->send(from, met_atom::value, state.colour);
                    state.waiting = nullptr;
                    state.meetings++;
                }
            },
            [=](told_atom, uint64_t count) {
                self->state.sum += count;
                if (++self->state.told < creatures) return;
                if (self->state.sum != 2 * meetings) fail("meetings are missing");
                done->tell();
            }};
}
struct creature_state {
    uint64_t colour = 0, meetings = 0;
};
behavior creature(stateful_actor<creature_state> *self, actor at, uint64_t colour) {
    self->state.colour = colour;
    self->send(at, come_atom::value, actor{self}, colour);
    return {[=](met_atom, uint64_t other) {
                auto &state = self->state;
                if (state.colour != other) state.colour = 3 - state.colour - other;
                state.meetings++;
                self->send(at, come_atom::value, actor{self}, state.colour);
            },
            [=](closed_atom) { self->send(at, told_atom::value, self->state.meetings); }};
}
double chameneos(actor_system &system) {
    auto done = std::make_shared<gate>(1);
    auto at = system.spawn(mall, done);
    auto start = clock_type::now();
    for (uint64_t i = 0; i < creatures; i++) system.spawn(creature, at, i % 3);
    return done->wait_since(start) / static_cast<double>(meetings);
}

struct big_state {
    std::vector<actor> all;
    uint64_t random = 0, pings = 0;
};
behavior big_actor(stateful_actor<big_state> *self, gate_ptr done) {
    auto next = [=] {
        auto &state = self->state;
        self->send(state.all[next_random(state.random) % big_actors], ping_atom::value, actor{self},
                   state.pings);
    };
    return {[=](go_atom, uint64_t index, const std::vector<actor> &all) {
                self->state.all = all;
                self->state.random = index + 1;
                next();
            },
            [=](ping_atom, const actor &from, uint64_t n) {
                self->send(from, pong_atom::value, n);
            },
            [=](pong_atom, uint64_t n) {
                if (n != self->state.pings) fail("a pong of another ping");
                if (++self->state.pings == big_pings) done->tell();
                else next();
            }};
}
double big(actor_system &system) {
    auto done = std::make_shared<gate>(big_actors);
    std::vector<actor> all;
    for (uint64_t i = 0; i < big_actors; i++) all.push_back(system.spawn(big_actor, done));
    auto start = clock_type::now();
    for (uint64_t i = 0; i < big_actors; i++) tell(all[i], go_atom::value, i, all);
    return done->wait_since(start) / static_cast<double>(big_actors * big_pings);
}

struct account_state {
    int64_t balance = start_balance;
    actor teller;
};
behavior account(stateful_actor<account_state> *self) {
    return {[=](move_atom, const actor &from, const actor &to, int64_t amount) {
                self->state.teller = from;
                self->state.balance -= amount;
                self->send(to, credit_atom::value, actor{self}, amount);
            },
            [=](credit_atom, const actor &from, int64_t amount) {
                self->state.balance += amount;
                self->send(from, acked_atom::value, amount);
            },
            [=](acked_atom, int64_t amount) {
                self->send(self->state.teller, moved_atom::value, amount);
            },
            [=](total_atom) { return self->state.balance; }};
}
behavior teller(stateful_actor<count_state> *self, std::vector<actor> all, gate_ptr done) {
    return {[=](go_atom) {
                uint64_t random = 7;
                for (uint64_t i = 0; i < transactions; i++) {
                    uint64_t from = next_random(random) % accounts;
                    uint64_t to = next_random(random) % (accounts - 1);
                    if (to >= from) to++;
                    int64_t amount = next_random(random) % 1000;
                    self->send(all[from], move_atom::value, actor{self}, all[to], amount);
                }
            },
            [=](moved_atom, int64_t) {
                if (++self->state.handled == transactions) done->tell();
            }};
}
double banking(actor_system &system) {
    auto done = std::make_shared<gate>(1);
    std::vector<actor> all;
    for (uint64_t i = 0; i < accounts; i++) all.push_back(system.spawn(account));
    auto first = system.spawn(teller, all, done);
    auto start = clock_type::now();
    tell(first, go_atom::value);
    double span = done->wait_since(start);
    scoped_actor self{system};
    int64_t sum = 0;
    for (auto &one : all)
        self->request(one, infinite, total_atom::value)
            .receive([&](int64_t balance) { sum += balance; },
                     [](const error &) { fail("no answer from an account"); });
    if (sum != static_cast<int64_t>(accounts) * start_balance) fail("money was lost or made");
    return span / static_cast<double>(transactions);
}

// ---- timers: CAF 0.17 has no call that cancels one message, so there is no timer_cancel

behavior armer(event_based_actor *self, gate_ptr done) {
    return {[=](go_atom) {
                for (uint64_t i = 0; i < messages; i++)
                    self->delayed_send(self, std::chrono::hours(1) + std::chrono::microseconds(i),
                                       i);
                done->tell();
            },
            [=](uint64_t) {}};
}
double timer_arm(actor_system &system) {
    auto done = std::make_shared<gate>(1);
    auto first = system.spawn(armer, done);
    auto start = clock_type::now();
    tell(first, go_atom::value);
    return done->wait_since(start) / static_cast<double>(messages);
}

struct measurement {
    const char *name, *unit;
    std::function<double(actor_system &)> run;
};

const measurement measurements[] = {
    {"pingpong", "ns/hop", pingpong},
    {"threadring", "ns/hop", threadring},
    {"count", "Mmsg/s", [](actor_system &system) { return fan_in(system, 1); }},
    {"fanin2", "Mmsg/s", [](actor_system &system) { return fan_in(system, 2); }},
    {"fanin4", "Mmsg/s", [](actor_system &system) { return fan_in(system, 4); }},
    {"fanin8", "Mmsg/s", [](actor_system &system) { return fan_in(system, 8); }},
    {"fjthrput", "Mmsg/s", fjthrput},
    {"fjcreate", "ns/actor", fjcreate},
    {"fib25", "ms", fib25},
    {"chameneos", "ns/meeting", chameneos},
    {"big", "ns/ping", big},
    {"banking", "ns/transaction", banking},
    {"idlemem", "bytes/actor", [](actor_system &system) { return keep(system, true); }},
    {"spawn", "ns/actor", [](actor_system &system) { return keep(system, false); }},
    {"timer_arm", "ns", timer_arm},
};

const measurement &find(const std::string &name) {
    for (auto &one : measurements)
        if (name == one.name) return one;
    std::fprintf(stderr, "caf: no measurement of the name %s\n", name.c_str());
    std::exit(2);
}

void measure(const measurement &what, size_t workers, size_t reps, bool json) {
    std::vector<double> values;
    for (size_t i = 0; i < reps; i++) {
        actor_system_config config;
        config.set("scheduler.max-threads", workers);
        auto system = new actor_system{config}; // never ended: that would wait for idle actors
        values.push_back(what.run(*system));
    }
    std::sort(values.begin(), values.end());
    double median = values[reps / 2];
    if (json)
        std::printf("{\"name\":\"%s\",\"workers\":%zu,\"value\":%.3f,\"unit\":\"%s\",\"reps\":%zu,"
                    "\"min\":%.3f,\"max\":%.3f}\n",
                    what.name, workers, median, what.unit, reps, values.front(), values.back());
    else std::printf("%-14s %10.2f %s\n", what.name, median, what.unit);
    std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
    size_t workers = 1, reps = 5;
    bool json = false;
    std::vector<std::string> names;
    for (int i = 1; i < argc; i++) {
        std::string arg = argv[i];
        bool more = i + 1 < argc;
        if (arg == "--workers" && more) workers = std::strtoul(argv[++i], nullptr, 10);
        else if (arg == "--reps" && more) reps = std::strtoul(argv[++i], nullptr, 10);
        else if (arg == "--json") json = true;
        else if (arg == "--version") {
            std::printf("CAF %d.%d.%d\n", CAF_MAJOR_VERSION, CAF_MINOR_VERSION, CAF_PATCH_VERSION);
            return 0;
        } else if (arg == "--list") {
            for (auto &one : measurements) std::printf("%-14s %s\n", one.name, one.unit);
            return 0;
        } else names.push_back(arg);
    }
    if (workers < 1 || reps < 1) return 2;
    for (auto &name : names) measure(find(name), workers, reps, json);
    std::_Exit(0);
}
