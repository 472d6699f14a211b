#!/usr/bin/env python3
"""Runs troupe-bench and the peers in alternation and writes all values to one JSON file.

Every value comes from a process of its own. A round runs every name with every number of workers on
every runtime, the runtimes next to each other and in turning order, so that noise hits all alike.
Rounds are repeated until there are --reps of them or until the next would not end in the --budget.
A peer that fails is reported and left out from there on; a failure of troupe is fatal. A round ends
with the rooms of troupe, each beside a limit of the machine that the same process measured.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time

NAMES = ["pingpong", "count", "fanin8", "threadring", "fjcreate", "fjthrput", "chameneos", "big",
         "fib25", "banking", "spawn", "idlemem", "timer_arm", "timer_cancel"]
PEERS = ["erlang", "go", "caf"]
MEMORY = {"idlemem"}  # says the same with any number of workers, so it is run with one
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", default="build/bench/results.json")
    parser.add_argument("--names", default="", help="words; default: all that the peers have")
    parser.add_argument("--workers", default="", help="words; default: 1 2 4 ... to the CPUs")
    parser.add_argument("--runtimes", default="", help="words; default: troupe and all peers")
    parser.add_argument("--reps", type=int, default=0, help="rounds; default 7, quick 3")
    parser.add_argument("--budget", type=float, default=0, help="seconds; default 1800, quick 210")
    parser.add_argument("--timeout", type=float, default=60, help="seconds a process may take; "
                        "a peer in a quick run gets a quarter")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-micro", action="store_true", help="without the single rooms")
    parser.add_argument("--ours", default="build/release/bin/troupe-bench")
    parser.add_argument("--peers", default="build/bench/peers")
    args = parser.parse_args()
    args.reps = args.reps or (3 if args.quick else 7)
    args.budget = args.budget or (210 if args.quick else 1800)
    return args


def output(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip().split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return ""


def field(path, key):
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(key):
                    return line.split(":" if ":" in line else "=", 1)[1].strip().strip('"')
    except OSError:
        pass
    return "unknown"


def machine(cpus):
    return {"cpu": field("/proc/cpuinfo", "model name"), "cpus": cpus,
            "architecture": platform.machine(),
            "memory": field("/proc/meminfo", "MemTotal"),
            "kernel": ".".join(platform.release().split(".")[:2]),
            "system": field("/etc/os-release", "PRETTY_NAME"),
            "load_before": round(os.getloadavg()[0], 2)}


def versions(programs):
    found = {"troupe": output(["git", "-C", ROOT, "describe", "--always", "--dirty"]),
             "compiler": output(["cc", "--version"])}
    for name, program in programs.items():
        if name != "troupe":
            found[name] = output([program, "--version"])
    return found


def counts(args, cpus):
    """The numbers of workers to run, and those that the machine has too few CPUs for."""
    if args.workers:
        asked = sorted({int(word) for word in args.workers.split()})
    else:
        asked = [1 << i for i in range(cpus.bit_length()) if 1 << i <= cpus]
        asked += [cpus] if cpus not in asked else []
    fit = [count for count in asked if count <= cpus]
    over = [count for count in asked if count > cpus]
    if over:
        print(f"bench: {cpus} CPUs: not run with {over} workers", file=sys.stderr)
    return fit, over


def programs_of(args):
    wanted = args.runtimes.split() or ["troupe"] + PEERS
    found = {}
    for name in wanted:
        path = args.ours if name == "troupe" else f"{args.peers}/{name}/run"
        if os.access(path, os.X_OK):
            found[name] = os.path.abspath(path)
        elif name == "troupe":
            sys.exit(f"bench: {path} is missing")
        else:
            print(f"bench: {name} is left out: {path} is missing", file=sys.stderr)
    return found


def listed(program):
    """The names that a peer has."""
    try:
        done = subprocess.run([program, "--list"], capture_output=True, text=True, timeout=20,
                              check=True)
        return {line.split()[0] for line in done.stdout.split("\n") if line.strip()}
    except (OSError, subprocess.SubprocessError):
        return set()


class Bench:
    """The values of a run, the time each process took, and what failed."""

    def __init__(self, args, programs, workers):
        self.args, self.programs = args, programs
        self.names = args.names.split() or NAMES
        self.values, self.units, self.took, self.failures = {}, {}, {}, []
        self.keys = [(name, count) for name in self.names for count in workers
                     if name not in MEMORY or count == workers[0]]
        self.started = time.monotonic()
        self.rounds = 0
        self.rooms = {}
        self.micro = "troupe" in programs and not args.names and not args.no_micro
        self.lacks = {(runtime, name) for runtime in programs for name in self.names
                      if runtime != "troupe" and name not in listed(programs[runtime])}

    def elapsed(self):
        return time.monotonic() - self.started

    def round_needs(self):
        """Seconds that a round takes; what was not run yet is taken to need the mean."""
        if not self.took:
            return 2.0 * len(self.keys) * len(self.programs)
        mean = sum(self.took.values()) / len(self.took)  # the rooms' time among them
        broken = {(f["runtime"], f["name"], f["workers"]) for f in self.failures}
        return sum(self.took.get((runtime, *key), mean) for key in self.keys
                   for runtime in self.programs
                   if (runtime, *key) not in broken and (runtime, key[0]) not in self.lacks
                   ) + self.took.get(("troupe", "micro", 1), 0)

    def run_one(self, runtime, name, count):
        command = [self.programs[runtime], name, "--workers", str(count), "--reps", "1", "--json"]
        limit = self.args.timeout
        if self.args.quick and runtime != "troupe":
            limit /= 4
        before = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=limit)
            why = None if done.returncode == 0 else (
                f"exit status {done.returncode}: {done.stderr.strip()[-200:]}")
            line = json.loads(done.stdout.strip().split("\n")[-1]) if why is None else {}
            value, unit = (float(line["value"]), line["unit"]) if line else (0, "")
        except subprocess.TimeoutExpired:
            why = f"not done in {limit:.0f} s"
        except (ValueError, KeyError, OSError) as error:
            why = f"no result: {error}"
        self.took[runtime, name, count] = time.monotonic() - before
        if why is not None:
            return why
        self.values.setdefault((runtime, name, count), []).append(value)
        self.units[name] = unit
        return None

    def progress(self, done, total, what):
        left = self.round_needs() * (1 - done / total)
        left += self.round_needs() * (self.args.reps - self.rounds - 1)
        left = max(0.0, min(left, self.args.budget - self.elapsed()))
        text = (f"bench: round {self.rounds + 1}/{self.args.reps}, {done}/{total}, {what}, "
                f"about {left / 60:.1f} min left")
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif done % 20 == 0:
            print(text, file=sys.stderr, flush=True)

    def round(self):
        names = list(self.programs)
        turn = self.rounds % len(names)
        order = names[turn:] + names[:turn]
        broken = {(f["runtime"], f["name"], f["workers"]) for f in self.failures}
        total = len(self.keys) * len(order)
        for i, (name, count) in enumerate(self.keys):
            for j, runtime in enumerate(order):
                if (runtime, name, count) in broken or (runtime, name) in self.lacks:
                    continue
                self.progress(i * len(order) + j, total, f"{runtime} {name} {count}")
                why = self.run_one(runtime, name, count)
                if why is None:
                    continue
                print(f"\nbench: {runtime} {name} --workers {count}: {why}", file=sys.stderr)
                self.failures.append({"runtime": runtime, "name": name, "workers": count,
                                      "why": why})
                if runtime == "troupe":
                    return False
        self.rounds += 1
        if self.micro:
            self.round_of_rooms()
        return True

    def round_of_rooms(self):
        """The rooms are measured on one worker; a failure is said, and costs only this table."""
        command = [self.programs["troupe"], "micro", "--workers", "1", "--reps", "1", "--json",
                   "--scale", "0.1" if self.args.quick else "1"]
        before = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True,
                                  timeout=4 * self.args.timeout)
            lines = [json.loads(line) for line in done.stdout.split("\n") if line]
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"\nbench: the single rooms: {error}", file=sys.stderr)
            self.micro = False
            return
        self.took["troupe", "micro", 1] = time.monotonic() - before
        for line in lines:
            room = self.rooms.setdefault(line["name"], {
                "name": line["name"], "unit": line["unit"], "limit_of": line["limit_of"],
                "values": [], "limits": []})
            room["values"].append(line["value"])
            room["limits"].append(line["limit"])

    def all_rounds(self):
        while self.rounds < self.args.reps:
            if self.rounds and self.elapsed() + self.round_needs() > self.args.budget:
                print(f"\nbench: the time is up after {self.rounds} rounds", file=sys.stderr)
                break
            if not self.round():
                return False
        return True


def main():
    args = arguments()
    cpus = len(os.sched_getaffinity(0))
    workers, over = counts(args, cpus)
    programs = programs_of(args)
    about = {"format": 1, "date": time.strftime("%Y-%m-%d", time.gmtime()),
             "machine": machine(cpus), "versions": versions(programs), "quick": args.quick,
             "workers": workers, "workers_not_run": over}
    bench = Bench(args, programs, workers)
    good = bench.all_rounds()
    about["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    about.update(rounds=bench.rounds, seconds=round(bench.elapsed()), failures=bench.failures)
    about["results"] = [{"name": name, "runtime": runtime, "workers": count,
                         "unit": bench.units[name], "values": values}
                        for (runtime, name, count), values in bench.values.items()]
    about["rooms"] = list(bench.rooms.values())
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    with open(args.out, "w", encoding="utf-8") as file:
        json.dump(about, file, indent=1)
        file.write("\n")
    print(f"\nbench: {bench.rounds} rounds in {bench.elapsed():.0f} s: {args.out}", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
