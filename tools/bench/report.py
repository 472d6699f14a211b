#!/usr/bin/env python3
"""Writes docs/benchmarks.md and its charts from a result of run.py: report.py RESULTS.json."""
import argparse
import json
import math
import os
import statistics
import sys
from xml.sax.saxutils import escape

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TITLES = {"troupe": "troupe", "erlang": "Erlang", "go": "Go", "caf": "CAF"}
STYLE = """<style>
svg{font:13px sans-serif;--ink:#1f2328;--soft:#656d76;--line:#d0d7de;--paper:#ffffff;
--troupe:#0969da;--erlang:#bf3989;--go:#1b7c83;--caf:#9a6700}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--soft:#8d96a0;--line:#30363d;--paper:#0d1117;
--troupe:#4493f8;--erlang:#f778ba;--go:#39c5cf;--caf:#d29922}}
text{fill:var(--ink)}.soft{fill:var(--soft);font-size:11px}.line{stroke:var(--line)}
.paper{fill:var(--paper)}.b{font-weight:bold}.curve{fill:none;stroke-width:2}
.troupe{fill:var(--troupe)}.erlang{fill:var(--erlang)}.go{fill:var(--go)}.caf{fill:var(--caf)}
.s-troupe{stroke:var(--troupe)}.s-erlang{stroke:var(--erlang)}.s-go{stroke:var(--go)}
.s-caf{stroke:var(--caf)}
</style>"""


class Run:
    """The results of a run, by (runtime, name, workers)."""

    def __init__(self, data):
        self.data = data
        self.by = {(r["runtime"], r["name"], r["workers"]): r for r in data["results"]}
        self.names = list(dict.fromkeys(r["name"] for r in data["results"]))
        self.runtimes = [name for name in TITLES if any(r["runtime"] == name
                                                        for r in data["results"])]
        self.units = {r["name"]: r["unit"] for r in data["results"]}

    def median(self, runtime, name, workers):
        one = self.by.get((runtime, name, workers))
        return statistics.median(one["values"]) if one else None

    def cost(self, runtime, name, workers):
        value = self.median(runtime, name, workers)
        if value is None:
            return None
        return 1 / value if self.units[name].endswith("/s") else value


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def svg(width, height, title, body):
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                      f'width="{width}" height="{height}" role="img">',
                      f"<title>{escape(title)}</title>", STYLE,
                      f'<rect class="paper" width="{width}" height="{height}" rx="6"/>',
                      text(16, 26, title, "b"), *body, "</svg>", ""])


def legend(runtimes, y):
    parts, x = [], 16
    for name in runtimes:
        parts.append(f'<rect class="{name}" x="{x}" y="{y - 10}" width="12" height="12"/>')
        parts.append(text(x + 18, y, TITLES[name]))
        x += 90
    return parts


def bars(run, workers):
    """The cost of every runtime as a multiple of troupe's, on a log scale."""
    names = [n for n in run.names if run.cost("troupe", n, workers)]
    ratios = {(r, n): run.cost(r, n, workers) / run.cost("troupe", n, workers)
              for n in names for r in run.runtimes if run.cost(r, n, workers)}
    low = 10 ** math.floor(math.log10(min([0.99, *ratios.values()])))
    high = max([10, *ratios.values()])
    left, wide, bar = 110, 560, 13

    def at(ratio):
        return left + wide * math.log10(ratio / low) / math.log10(high / low)
    body, y = legend(run.runtimes, 48), 82
    for name in names:
        body.append(text(left - 8, y + bar * len(run.runtimes) / 2 + 4, name, "", "end"))
        for runtime in run.runtimes:
            ratio = ratios.get((runtime, name))
            if ratio is None:
                body.append(text(left + 4, y + 10, f"{TITLES[runtime]}: not measured", "soft"))
            else:
                value = f"{number(run.median(runtime, name, workers))} {run.units[name]}"
                body.append(f'<rect class="{runtime}" x="{left}" y="{y}" '
                            f'width="{at(ratio) - left:.1f}" height="{bar - 2}"/>')
                body.append(text(at(ratio) + 5, y + 10, f"{ratio:.2g}x  {value}"
                                 if runtime != "troupe" else value, "soft"))
            y += bar
        y += 12
    lines = []
    for power in range(round(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = at(10.0 ** power)
        lines.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="76" y2="{y}"/>')
        lines.append(text(x, 72, f"{10.0 ** power:g}x", "soft", "middle"))
    title = f"Cost against troupe's, workers: {workers} (log scale, short is good)"
    return svg(840, y + 10, title, lines + body)


def scaling(run):
    """A small chart for each name: the speed over the workers, 1 = own speed with the fewest."""
    workers = run.data["workers"]
    names = [n for n in run.names if run.cost("troupe", n, workers[-1])]
    body, across, w, h = legend(run.runtimes, 48), 4, 200, 150
    for i, name in enumerate(names):
        x0, y0 = 16 + i % across * w + 24, 80 + i // across * h
        ups = {}
        for r in run.runtimes:
            base = run.cost(r, name, workers[0])
            ups[r] = [(n, base / run.cost(r, name, n)) for n in workers
                      if base and run.cost(r, name, n)]
        top = max([workers[-1] / workers[0]] + [u for up in ups.values() for _, u in up])
        body.append(text(x0, y0 - 6, name))

        def at(n, up, x0=x0, y0=y0, top=top):
            span = max(1, math.log2(workers[-1] / workers[0]))
            return (x0 + math.log2(n / workers[0]) / span * 140,
                    y0 + 100 - up / top * 96)
        for up in (0, 1, workers[-1] / workers[0]):
            y = at(workers[0], up)[1]
            body.append(f'<line class="line" x1="{x0}" x2="{x0 + 140}" y1="{y:.1f}" y2="{y:.1f}"/>')
            body.append(text(x0 - 4, y + 4, f"{up:g}", "soft", "end"))
        for n in workers:
            body.append(text(at(n, 0)[0], y0 + 114, str(n), "soft", "middle"))
        for r, up in ups.items():
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in up))
            body.append(f'<polyline class="curve s-{r}" points="{points}"/>')
    rows = -(-len(names) // across)
    return svg(840, 80 + rows * h, "Speed over workers, as a multiple of the same runtime's "
               f"speed with {workers[0]}", body)


def cell(run, runtime, name, workers):
    one = run.by.get((runtime, name, workers))
    if one is None:
        return "–"
    return (f"{number(statistics.median(one['values']))} "
            f"({number(min(one['values']))}–{number(max(one['values']))})")


def table(run, workers, quoted):
    peers = [r for r in run.runtimes if r != "troupe"]
    others = sorted({q["runtime"] for q in quoted if str(workers) in q})
    head = ["name", "unit", "troupe"] + [TITLES[r] for r in peers] + ["best peer / troupe"]
    head += [f"*{name} (quoted)*" for name in others]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in run.names:
        ours = run.cost("troupe", name, workers)
        if ours is None:
            continue
        best = min((run.cost(r, name, workers), r) for r in peers
                   if run.cost(r, name, workers)) if any(run.cost(r, name, workers)
                                                         for r in peers) else None
        row = [f"`{name}`", run.units[name]]
        row += [cell(run, r, name, workers) for r in ["troupe"] + peers]
        row.append(f"{best[0] / ours:.2g} ({TITLES[best[1]]})" if best else "–")
        for other in others:
            row += [next((f"*{number(q[str(workers)])}*" for q in quoted if q["name"] == name and
                          q["runtime"] == other and str(workers) in q), "–")]
        lines.append(f"| {' | '.join(row)} |")
    return lines


def spreads(run):
    lines = ["| runtime | workers | median spread | worst |", "|---|---|---|---|"]
    for runtime in run.runtimes:
        for count in run.data["workers"]:
            some = [((max(r["values"]) - min(r["values"])) / statistics.median(r["values"]),
                     r["name"]) for (who, _, n), r in run.by.items()
                    if who == runtime and n == count]
            if some:
                worst = max(some)
                lines.append(f"| {TITLES[runtime]} | {count} | "
                             f"{100 * statistics.median(s for s, _ in some):.0f} % | "
                             f"{100 * worst[0]:.0f} % ({worst[1]}) |")
    return lines


def rooms(run):
    """What a room costs beside what the machine needs for its one unavoidable step."""
    measured = run.data.get("rooms", [])
    if not measured:
        return []
    lines = ["", "## Single rooms beside the machine's limits", "",
             "One worker; each beside its limit, measured by the same process. What a room costs "
             "in a message: [performance.md](performance.md).", "",
             "| room | unit | troupe | limit | of | troupe / limit |", "|---|---|---|---|---|---|"]
    for room in measured:
        ours, limit = statistics.median(room["values"]), statistics.median(room["limits"])
        lines.append(f"| `{room['name']}` | {room['unit']} | {number(ours)} "
                     f"({number(min(room['values']))}–{number(max(room['values']))}) | "
                     f"{number(limit)} | {room['limit_of']} | "
                     f"{number(ours / limit) if limit > 0 else '–'} |")
    return lines


def method(run):
    data = run.data
    many = [len(r["values"]) for r in data["results"]]
    lines = ["## Method", "",
             "Every value comes from a process of its own; the runtimes take turns, name by "
             "name, so "
             f"that noise hits all alike. {data['rounds']} rounds ({data['seconds']} s); a "
             f"figure is "
             f"the median of {min(many)} to {max(many)} values, with the least and the greatest in "
             "brackets. The charts show only what was run. Only the work is timed, not the "
             "start of "
             "the process. `troupe` sends msgpack messages with all defaults on (bounded "
             "mailboxes, "
             "counters, assertions); no peer serializes its messages.", "",
             "- Erlang: processes and tuples; random numbers are drawn before the clock starts, "
             "since "
             "its integers of 64 bits are big numbers.",
             "- Go: a goroutine with one buffered channel of 1 to 4,096 messages.",
             "- CAF: event-based actors, atoms and values. `fjcreate` makes 100,000 actors, "
             "`spawn` "
             "and `idlemem` 200,000 (the others 1,000,000): the time of each grew with their "
             "number. "
             "It has no call to cancel one delayed message, so no `timer_cancel`. Its clock is a "
             "thread of its own.", ""]
    if data["quick"] or min(many) < 5:
        lines += ["**A quick run: fewer than 5 values a figure; not for conclusions.**", ""]
    busy = data["machine"]["load_before"]
    if busy > 0.5:
        lines += [f"**The machine was not idle when the run began (load {busy}).**", ""]
    if data["workers_not_run"]:
        lines += [f"Not run for want of CPUs: {data['workers_not_run']} workers.", ""]
    if data["failures"]:
        lines += ["Failed and left out:", ""]
        lines += [f"- {TITLES[f['runtime']]} `{f['name']}`, {f['workers']} workers: "
                  f"{' '.join(f['why'].split())}" for f in data["failures"]] + [""]
    return lines


def document(run, quoted):
    data, host = run.data, run.data["machine"]
    lines = ["# Benchmarks", "", "Written by `make bench`; not edited by hand. `make bench "
             "QUICK=1` "
             "takes less than 5 minutes, `make bench NAMES=\"pingpong count\"` runs some "
             "names.", "",
             f"{data['date']}, {host['cpu']}, {host['cpus']} CPUs, {host['memory']}, "
             f"{host['system']}, Linux {host['kernel']}.", ""]
    lines += [f"- {TITLES.get(name, name)}: {version or 'unknown'}"
              for name, version in data["versions"].items()]
    for count in data["workers"]:
        lines += ["", f"## {count} worker{'s' if count > 1 else ''}", "",
                  f"![Cost against troupe's](images/bench-{count}.svg)", "",
                  "\"best peer / troupe\" is the ratio of costs: above 1, troupe is faster.", ""]
        lines += table(run, count, quoted["quoted"])
    if len(data["workers"]) > 1:
        lines += ["", "## Scaling", "", "![Speed over workers](images/bench-scaling.svg)"]
    lines += rooms(run)
    lines += [""] + method(run) + ["## Spread", "", "(greatest - least) / median.", ""]
    lines += spreads(run) + ["", "## Quoted", "", quoted["source"]]
    return "\n".join(lines) + "\n"


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    print(f"bench: wrote {os.path.relpath(path)}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--docs", default=os.path.join(ROOT, "docs"))
    parser.add_argument("--quoted", default=os.path.join(ROOT, "bench/peers/quoted.json"))
    args = parser.parse_args()
    with open(args.results, encoding="utf-8") as file:
        run = Run(json.load(file))
    with open(args.quoted, encoding="utf-8") as file:
        quoted = json.load(file)
    if not any(r["runtime"] == "troupe" for r in run.data["results"]):
        sys.exit("report: no result of troupe")
    for count in run.data["workers"]:
        write(f"{args.docs}/images/bench-{count}.svg", bars(run, count))
    if len(run.data["workers"]) > 1:
        write(f"{args.docs}/images/bench-scaling.svg", scaling(run))
    write(f"{args.docs}/benchmarks.md", document(run, quoted))
    # what the page was made from: `bench/compare` holds a later run against it
    write(f"{args.docs}/benchmarks.json", json.dumps(run.data, indent=1) + "\n")


if __name__ == "__main__":
    main()
