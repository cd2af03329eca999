#!/usr/bin/env python3
"""Writes the figures of README.md and docs/performance.md out of docs/performance.json, or checks them.

  tools/bench-docs.py write [ROOT]    puts the tables between their marks
  tools/bench-docs.py check [ROOT]    says where the documents differ from the file, and what is missing

A table stands between "<!-- bench: NAME -->" and "<!-- end of bench -->"; NAME is a benchmark, "machine",
or "headlines", the rows of HEADLINES. Nobody edits what is between. A target that was missed has its
reason in docs/performance.md, where the row is named as `benchmark/key`.
"""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test/bench"))
import plots  # noqa: E402 (the folder must be known first)
import results  # noqa: E402

ROOT = Path(sys.argv[2] if len(sys.argv) > 2 else HERE.parent)
DOCUMENTS = ("README.md", "docs/performance.md")
MARKED = re.compile(r"(<!-- bench: (\S+) -->\n).*?(<!-- end of bench -->)", re.S)
HEADLINES = {
    "claim": ["claim", "publish"],
    "pool": ["shells"],
    "publish": ["stored", "backlog", "memory"],
    "buckets": ["delivered", "rotated", "backlog"],
    "rest": ["get", "get_rate", "http", "memory"],
    "gateway": ["read-100", "read-100-rate", "write-100-rate", "memory"],
    "revoke": ["revoke", "late"],
    "guard": ["instructions-select-tenant", "instructions-tpcb-tenant", "instructions-utility-tenant"],
    "audit": ["refusals", "logins", "refused", "full"],
}


def table(rows):
    """Returns rows as a table of Markdown."""
    head = ["what", "median", "p99", "against", "wanted"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def machine_of(found):
    """Returns the sentence about machine and versions."""
    machine, versions = found["machine"], found["versions"]
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}; {machine['system']}; {names}."


def benchmark_of(found, name):
    """Returns the table of one benchmark, below what made it, and its plots."""
    if name not in found["benchmarks"]:
        return f"`BENCH={name} make bench` is not part of the accepted run."
    benchmark = found["benchmarks"][name]
    if "source" in benchmark:
        made = f"Taken over from {benchmark['source']} (commit {benchmark['commit']}, {benchmark['date']}):"
    else:
        quick = "QUICK=1 " if benchmark["quick"] else ""
        made = f"`{quick}BENCH={name} make bench`, commit {benchmark['commit']}, {benchmark['date']}, {benchmark['seconds']} s:"
    names = dict.fromkeys(point["plot"] for point in benchmark["points"])
    images = "".join(f"\n\n![{plots.PLOTS[plot][0]}](performance-{plot}.svg)" for plot in names)
    return made + "\n\n" + table(map(results.cells, benchmark["rows"])) + images


def headlines_of(found):
    """Returns the README's table: its rows, each with the benchmark that has it."""
    rows = [[cells[0], f"`test/bench/{name}`", *cells[1:4]]
            for name, keys in HEADLINES.items() if name in found["benchmarks"]
            for cells in (results.cells(results.row_of(found["benchmarks"][name], key)) for key in keys)]
    head = ["what", "command", "median", "p99", "against"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def block(found, name):
    """Returns what has to stand between the marks of a name."""
    if name == "machine":
        return machine_of(found)
    return headlines_of(found) if name == "headlines" else benchmark_of(found, name)


def filled(found, text):
    """Returns a document with its tables as they have to be."""
    return MARKED.sub(lambda mark: mark.group(1) + block(found, mark.group(2)) + "\n" + mark.group(3), text)


def complaints_of(found):
    """Yields what is wrong with the documents."""
    texts = {name: (ROOT / name).read_text() for name in DOCUMENTS}
    for name, text in texts.items():
        if filled(found, text) != text:
            yield f"{name}: is not what docs/performance.json has; run tools/bench-docs.py write"
    document = texts["docs/performance.md"]
    shown = {mark.group(2) for mark in MARKED.finditer(document)}
    yield from (f"docs/performance.md: does not show {name}" for name in found["benchmarks"] if name not in shown)
    prose = MARKED.sub("", document)
    yield from (f"docs/performance.md: does not say why `{row}` missed its target"
                for row in results.missed(found) if f"`{row}`" not in prose)


def main():
    """Does what the first argument says."""
    found = results.load(ROOT / "docs/performance.json")
    if sys.argv[1] == "write":
        for name in DOCUMENTS:
            document = ROOT / name
            document.write_text(filled(found, document.read_text()))
        return
    complaints = list(complaints_of(found))
    for complaint in complaints:
        print(f"bench-docs: {complaint}", file=sys.stderr)
    if complaints:
        sys.exit(1)
    print(f"bench-docs: {sum(len(b['rows']) for b in found['benchmarks'].values())} rows, as docs/performance.json has them")


main()
