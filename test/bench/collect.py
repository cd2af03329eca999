#!/usr/bin/env python3
"""Turns what the benchmarks emitted into one table, build/bench.json and plots. `make bench` runs it.

Reads build/bench/results, the lines of test/bench/lib.sh. Nothing that is under version control is
written: that is what `make bench-accept` does (test/bench/accept.py).
"""
import datetime
import os

import machine
import plots
import results

FOLDER = machine.ROOT / "build/bench"


def collect():
    """Returns what the lines say, with the machine and the moment."""
    benchmarks = {}
    for line in (FOLDER / "results").read_text().splitlines():
        results.add_line(benchmarks, line)
    run = {"commit": machine.revision(), "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
           "quick": bool(os.environ.get("QUICK"))}
    return {"machine": machine.machine(), "versions": machine.versions(),
            "benchmarks": {name: {**run, **benchmark} for name, benchmark in benchmarks.items()}}


def show(found):
    """Prints the table."""
    print("; ".join(str(value) for value in found["machine"].values()))
    print(", ".join(f"{name} {version}" for name, version in found["versions"].items()))
    for name, benchmark in found["benchmarks"].items():
        print(f"\n{name}, {benchmark['seconds']} s, commit {benchmark['commit']}")
        for text, median, p99, against, wanted in map(results.cells, benchmark["rows"]):
            print(f"  {text:<66.66} {median:>20} {'p99 ' + p99 if p99 else '':>18}  {against}{'  (' + wanted + ')' if wanted else ''}")


def main():
    """Collects, shows and draws."""
    found = collect()
    results.save(machine.ROOT / "build/bench.json", found)
    show(found)
    plots.draw(found, FOLDER)
    late = results.missed(found)
    print(f"\nbuild/bench.json and the plots in build/bench are written; missed targets: {', '.join(late) or 'none'}")


main()
