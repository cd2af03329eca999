#!/usr/bin/env python3
"""Makes the last run of `make bench` the accepted one: `make bench-accept`.

Its benchmarks take their places in docs/performance.json, each with its commit and date; those that
were not run stay. Then the plots in docs/ are drawn anew, and the tables of README.md and
docs/performance.md written. A run on another machine is accepted only whole, because figures of two
machines in one table would be compared.
"""
import subprocess
import sys

import machine
import plots
import results

ACCEPTED = machine.ROOT / "docs/performance.json"


def merged(accepted, found):
    """Returns the accepted results with those of the run in their places."""
    benchmarks = {**accepted["benchmarks"], **found["benchmarks"]}
    if accepted["machine"] != found["machine"] and set(benchmarks) != set(found["benchmarks"]):
        sys.exit("the accepted run was on another machine: accept all benchmarks or none")
    return {**found, "versions": {**accepted["versions"], **found["versions"]}, "benchmarks": benchmarks}


def main():
    """Accepts."""
    found = results.load(machine.ROOT / "build/bench.json")
    bad = [name for name, benchmark in found["benchmarks"].items() if benchmark.get("status") != "done"]
    if bad:
        sys.exit(f"failed: {', '.join(bad)}: nothing is accepted")
    if ACCEPTED.exists():
        found = merged(results.load(ACCEPTED), found)
    results.save(ACCEPTED, found)
    plots.draw(found, machine.ROOT / "docs")
    for plot in plots.points_of(found):
        (machine.ROOT / f"docs/{plot}.svg").rename(machine.ROOT / f"docs/performance-{plot}.svg")
    subprocess.run([machine.ROOT / "tools/bench-docs.py", "write"], check=True)


main()
