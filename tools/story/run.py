#!/usr/bin/env python3
"""Runs the programs of the story and makes one page of what they show.

Writes OUT/results.json (the verdict of each) and OUT/index.html, which needs nothing else: pictures
and figures are from the run just made. A program of the list that is not built is named on the page
as such. Exit status: 0 when every program that ran says ok.
"""
import argparse
import html
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 3rem; border-top: 1px solid var(--line);
padding-top: 1rem; }
figure { margin: 1rem 0; overflow-x: auto; } /* on a phone: readable, and scrolls */
svg { width: 100%; min-width: 36rem; height: auto; }
table { border-collapse: collapse; font-size: .9rem; }
td, th { padding: .1rem .8rem .1rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; font-size: .75rem; line-height: 1.25; }
ul.checks { font-size: .9rem; columns: 20rem; }
.ok { color: #3f8f5b; } .wrong { color: #c0392b; font-weight: 600; } .absent { opacity: .6; }
"""

# STORY's last section: what is named in passing, and where it is or will be.
IN_PASSING = (
    ("Jobs and scheduled jobs", "timers that survive a restart: later work, on the journal"),
    ("A distributed lock", "not built here: leases of etcd"),
    ("Message queues", "an actor's mailbox within a program; between programs a broker's work"),
    ("Event stores", "the journal: later work; the bank's ledger shows the idea"),
)

# The bank has no pictures: these counts of its demo are drawn.
COUNTED = ("transfers", "rejected", "repeated", "conflicts", "audits")


def listed():
    for line in (HERE / "programs.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, title, shows, *rest = [part.strip() for part in line.split("|")]
        yield name, title, shows, rest[0].split() if rest else []


def verdict_of(output):
    """The last line, if it is a verdict; a plain object (the bank's) is turned into one."""
    lines = output.rstrip().splitlines()
    try:
        verdict = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}, lines
    if not isinstance(verdict, dict):
        return {}, lines
    if "figures" not in verdict:
        booleans = {key: value for key, value in verdict.items() if isinstance(value, bool)}
        numbers = {key: value for key, value in verdict.items()
                   if isinstance(value, (int, float)) and key not in booleans}
        verdict = {
            "ok": all(booleans.values()),
            "checks": [{"name": key, "ok": value} for key, value in booleans.items()],
            "figures": [{"name": key, "value": numbers[key], "unit": ""} for key in numbers]}
    return verdict, lines[:-1]


def run(name, arguments, options):
    program = options.bin / name
    if not program.exists():
        return {"program": name, "ran": False}
    pictures = options.out / "pictures" / name
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    command = [str(program), "--json", "--svg", str(pictures), *arguments]
    if arguments[:1] == ["="]:
        command = [str(program), *arguments[1:]]
    elif options.judge:
        command.append("--judge")
    start = time.monotonic()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace",
                              timeout=options.limit, check=False)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, output = -1, (late.stdout or b"").decode(errors="replace")
    verdict, text = verdict_of(output)
    return {"program": name, "ran": True, "ok": status == 0 and verdict.get("ok") is True,
            "status": status, "seconds": round(time.monotonic() - start, 2),
            "checks": verdict.get("checks", []), "figures": verdict.get("figures", []),
            "text": "\n".join(text)}


def number(value):
    if not isinstance(value, (int, float)):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def counted(things, word):
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def bars(title, values):
    """A picture of named numbers, for a program that draws none itself."""
    most = max([value for _, value in values] + [1])
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {40 + 26 * len(values)}" '
           f'role="img"><style>.plain{{font:12px system-ui,sans-serif;fill:currentColor}}</style>'
           f'<title>{html.escape(title)}</title>'
           f'<text class="plain" style="font-weight:600;font-size:14px" x="8" y="20">'
           f'{html.escape(title)}</text>']
    for at, (name, value) in enumerate(values):
        y = 40 + 26 * at
        out.append(f'<text class="plain" x="150" y="{y + 14}" text-anchor="end">'
                   f'{html.escape(name)}</text><rect x="160" y="{y}" height="20" '
                   f'width="{value / most * 500:.1f}" style="fill:#3b6ea8"/><text class="plain" '
                   f'x="{166 + value / most * 500:.1f}" y="{y + 14}">{number(value)}</text>')
    return "".join(out) + "</svg>"


def pictures_of(name, result, options):
    """What it drew (what comes out of virtual time before what comes out of real time), or else
    bars of its counts."""
    drawn = sorted((options.out / "pictures" / name).glob("*.svg"), key=lambda path: path.stem)
    drawn.sort(key=lambda path: path.stem.endswith("-real"))
    if drawn:
        return [path.read_text() for path in drawn]
    values = {figure["name"]: figure["value"] for figure in result["figures"]}
    counts = [(count, values[count]) for count in COUNTED if count in values]
    return [bars("What came of the requests", counts)] if counts else []


def section(name, title, shows, result, options):
    readme = f"../../examples/{name}/README.md"
    out = [f'<h2 id="{name}">{html.escape(title)}</h2>', f"<p>{html.escape(shows)}</p>"]
    if not result["ran"]:
        present = (ROOT / "examples" / name / "README.md").exists()
        out.append(f'<p class="absent">Not part of this run. <a href="{readme}">README</a></p>'
                   if present else '<p class="absent">Not built yet.</p>')
        return out
    wrong = [check["name"] for check in result["checks"] if not check["ok"]]
    ok = f'<span class="ok">ok</span>, {counted(result["checks"], "check")}'
    state = (ok if result["ok"] else
             f'<span class="wrong">failed</span> (status {result["status"]}): '
             + html.escape(", ".join(wrong) or "no verdict"))
    out.append(f'<p><code>{name}</code>: {state}, {result["seconds"]} s. '
               f'<a href="{readme}">README</a></p>')
    out += [f"<figure>{picture}</figure>" for picture in pictures_of(name, result, options)]
    rows = "".join(f'<tr><td>{html.escape(f["name"])}</td><td class="number">{number(f["value"])}'
                   f'</td><td>{html.escape(f["unit"])}</td></tr>' for f in result["figures"])
    out.append(f"<details><summary>{counted(result['figures'], 'figure')}</summary>"
               f"<table>{rows}</table></details>")
    checks = "".join(f'<li class="{"ok" if check["ok"] else "wrong"}">'
                     f'{html.escape(check["name"])}</li>' for check in result["checks"])
    out.append(f"<details><summary>{counted(result['checks'], 'check')}</summary>"
               f'<ul class="checks">{checks}</ul></details>')
    out.append("<details><summary>What it printed</summary><pre>"
               f"{html.escape(result['text'])}</pre></details>")
    return out


def page(programs, results, seconds, options):
    out = ["<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
           '<meta name="viewport" content="width=device-width">',
           f"<title>troupe: the story, running</title><style>{STYLE}</style></head><body>",
           "<h1>The story, running</h1>",
           "<p>Small systems about concurrency, each built on troupe, each showing, measuring and "
           f"checking itself. Everything below is from one run of {seconds:.0f} seconds, "
           f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC.</p><ul>"]
    for name, title, _, _ in programs:
        result = results[name]
        state = ("absent", "not in this run") if not result["ran"] else (
            ("ok", "ok") if result["ok"] else ("wrong", "failed"))
        out.append(f'<li><a href="#{name}">{html.escape(title)}</a> '
                   f'<span class="{state[0]}">{state[1]}</span></li>')
    out.append("</ul>")
    for name, title, shows, _ in programs:
        out += section(name, title, shows, results[name], options)
    out.append("<h2>Named in passing</h2><table>")
    out += [f"<tr><td>{what}</td><td>{where}</td></tr>" for what, where in IN_PASSING]
    out.append("</table></body></html>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/story")
    parser.add_argument("--limit", type=float, default=120, help="seconds a program may take")
    parser.add_argument("--judge", action="store_true", help="the figures must be good, too")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    programs, results, start = list(listed()), {}, time.monotonic()
    for at, (name, _, _, arguments) in enumerate(programs, 1):
        if sys.stderr.isatty():
            print(f"\r\033[K[{at}/{len(programs)}] {name}", end="", file=sys.stderr, flush=True)
        results[name] = run(name, arguments, options)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    seconds = time.monotonic() - start
    ran = [result for result in results.values() if result["ran"]]
    good = sum(result["ok"] for result in ran)
    (options.out / "results.json").write_text(json.dumps(
        {"seconds": round(seconds, 1), "ok": good == len(ran), "programs": ran}, indent=1) + "\n")
    (options.out / "index.html").write_text(page(programs, results, seconds, options))
    for result in ran:
        print(f"{'ok  ' if result['ok'] else 'FAIL'} {result['program']:12} "
              f"{result['seconds']:6.1f} s  {len(result['checks'])} checks, "
              f"{len(result['figures'])} figures")
    absent = [name for name, result in results.items() if not result["ran"]]
    print(f"story: {good} of {len(ran)} programs ok, {seconds:.0f} s"
          + (f"; not run: {', '.join(absent)}" if absent else "")
          + f"; see {options.out / 'index.html'}")
    return 0 if good == len(ran) and ran else 1


if __name__ == "__main__":
    sys.exit(main())
