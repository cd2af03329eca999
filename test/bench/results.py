"""What benchmarks emit, as data: read from lines, kept as JSON, judged, and shown as rows of a table.

Words: a *benchmark* is a script of test/bench; a *row* is one thing that it measured, a *ratio* compares
a row with something measured in the same run, and a *target* is what was wanted of either: "at most N"
or "at least N". The lines are those of test/bench/lib.sh: fields between tabs.
"""
import json
import re


def met(wanted, value):
    """Tells whether a number is as wanted."""
    side, limit = re.fullmatch(r"at (most|least) ([\d.]+)", wanted).groups()
    return value <= float(limit) if side == "most" else value >= float(limit)


def target(entry, wanted, value):
    """Notes in an entry what was wanted of its value, if anything was."""
    if wanted:
        entry.update(wanted=wanted, met=met(wanted, value))
    return entry


def row_of(benchmark, key):
    """Returns the row of a key, which was emitted before what is said of it."""
    return next(row for row in benchmark["rows"] if row["key"] == key)


def add_line(benchmarks, line):
    """Adds what one line says to the benchmarks."""
    kind, name, *rest = line.rstrip("\n").split("\t")
    benchmark = benchmarks.setdefault(name, {"seconds": 0, "rows": [], "points": []})
    if kind == "row":
        key, text, unit, median, p99, wanted = (rest + ["", ""])[:6]
        row = {"key": key, "text": text, "unit": unit, "median": float(median)}
        if p99:
            row["p99"] = float(p99)
        benchmark["rows"].append(target(row, wanted, float(median)))
    elif kind == "ratio":
        key, against, ratio, wanted = (rest + [""])[:4]
        entry = {"against": against, "ratio": float(ratio)}
        row_of(benchmark, key).setdefault("ratios", []).append(target(entry, wanted, float(ratio)))
    elif kind == "note":
        row_of(benchmark, rest[0]).setdefault("notes", []).append(rest[1])
    elif kind == "point":
        plot, series, x, y = rest
        benchmark["points"].append({"plot": plot, "series": series, "x": x, "y": float(y)})
    elif kind == "run":
        benchmark.update(status=rest[0], seconds=int(rest[1]))
    else:
        raise ValueError(f"{name}: nobody knows what a {kind} is")


def load(path):
    """Returns the results of a file."""
    return json.loads(path.read_text())


def save(path, results):
    """Writes results so that two versions of the file differ in lines."""
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def number(value):
    """Returns a number as people read it: about three digits, thousands apart."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value, unit):
    """Returns a number with its unit."""
    return f"{number(value)} {unit}"


def judged(entry):
    """Returns what was wanted and whether it was met, or nothing."""
    if "wanted" not in entry:
        return ""
    return f"{entry['wanted']}: {'met' if entry['met'] else '**missed**'}"


def cells(row):
    """Returns the cells of a row: what, median, p99, against, wanted."""
    ratios = row.get("ratios", [])
    against = [f"{entry['ratio']:g} × {entry['against']}" for entry in ratios] + row.get("notes", [])
    wanted = [text for text in map(judged, [row, *ratios]) if text]
    return [row["text"], amount(row["median"], row["unit"]), amount(row["p99"], row["unit"]) if "p99" in row else "",
            "; ".join(against), "; ".join(wanted)]


def missed(results):
    """Returns "benchmark/key" of each row that missed a target of its own or of a ratio."""
    return [f"{name}/{row['key']}" for name, benchmark in results["benchmarks"].items() for row in benchmark["rows"]
            if not all(entry.get("met", True) for entry in [row, *row.get("ratios", [])])]
