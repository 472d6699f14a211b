#!/usr/bin/env python3
"""Holds a run against a stored one: compare.py OLD.json NEW.json [--json].

A measurement has become worse when every value of the new run is worse than every value of the old
one (so the change is larger than the noise that both runs measured) and its median is worse by more
than --floor percent. A measurement that the new run lacks is a failure too. Status 1 says so.
"""
import argparse
import json
import statistics
import sys


def load(path, runtime):
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    if run.get("format") != 1:
        sys.exit(f"compare: {path} is no result of tools/bench/run.py")
    return run, {(one["name"], one["workers"]): one for one in run["results"]
                 if one["runtime"] == runtime}


def higher_is_better(unit):
    return unit.endswith("/s")


def cost(one):
    """The values as costs: a lower one is better."""
    if higher_is_better(one["unit"]):
        return [1 / value for value in one["values"]]
    return one["values"]


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def judge(old, new, floor):
    before, after = cost(old), cost(new)
    change = statistics.median(after) / statistics.median(before) - 1
    verdict = "same"
    if min(after) > max(before) and change > floor:
        verdict = "WORSE"
    elif max(after) < min(before) and change < -floor / (1 + floor):
        verdict = "better"
    return {"old": statistics.median(old["values"]), "new": statistics.median(new["values"]),
            "unit": old["unit"], "cost": change, "noise": max(spread(before), spread(after)),
            "verdict": verdict}


def compare(old, new, floor):
    rows = []
    for key in sorted(old):
        row = {"name": key[0], "workers": key[1]}
        if key in new:
            row.update(judge(old[key], new[key], floor))
        else:
            row.update(verdict="MISSING")
        rows.append(row)
    return rows


def table(rows):
    print(f"{'name':16}{'workers':>8}{'old':>12}{'new':>12} {'unit':16}{'cost':>8}{'noise':>8}")
    for row in rows:
        head = f"{row['name']:16}{row['workers']:>8}"
        if row["verdict"] == "MISSING":
            print(f"{head}  MISSING in the new run")
            continue
        print(f"{head}{row['old']:12.2f}{row['new']:12.2f} {row['unit']:16}"
              f"{100 * row['cost']:+7.1f}%{100 * row['noise']:7.1f}%  {row['verdict']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--runtime", default="troupe")
    parser.add_argument("--floor", type=float, default=5, help="percent, default 5")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    old_run, old = load(args.old, args.runtime)
    new_run, new = load(args.new, args.runtime)
    for key in ("cpu", "cpus"):
        if old_run["machine"][key] != new_run["machine"][key]:
            print(f"compare: the machines differ in {key}", file=sys.stderr)
    rows = compare(old, new, args.floor / 100)
    bad = sum(row["verdict"].isupper() for row in rows)
    if args.json:
        print(json.dumps({"failed": bad, "rows": rows}, indent=1))
    else:
        table(rows)
        print(f"{len(rows)} compared, {bad} worse or missing")
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
