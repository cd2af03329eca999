"""Draws the points of benchmarks as SVG files, with gnuplot.

A plot is named by its points (emit_point in test/bench/lib.sh); without points, or without gnuplot, it
is left out. Each line of PLOTS is: title, label of x, label of y, and gnuplot's style.
"""
import shutil
import subprocess
import sys

PLOTS = {
    "guard": ("The guard: further instructions of a backend", "", "percent", "histogram"),
    "publications": ("Publications that were owed at once, over time", "seconds", "published", "lines"),
    "scale": ("A claim, by tenants on the host", "tenants", "milliseconds", "linespoints"),
    "anatomy": ("A claim on a processor, and as many rows by prepared statements", "", "milliseconds", "stacked"),
    "callers": ("Provisions per second by callers at once, on a full pool", "callers", "per second", "linespoints"),
}
COLOURS = ["#2f6db3", "#d9822b", "#3a8a5b", "#a64b76", "#7a7a7a", "#6b4fa0", "#b0a030"]


def points_of(found):
    """Returns {plot: {series: [(x, y)]}} of all benchmarks, in the order in which they were emitted."""
    drawn = {}
    for benchmark in found["benchmarks"].values():
        for point in benchmark["points"]:
            drawn.setdefault(point["plot"], {}).setdefault(point["series"], []).append((point["x"], point["y"]))
    return drawn


def quoted(text):
    """Returns a text as a string of gnuplot."""
    return "'" + text.replace("'", "''") + "'"


def block(name, columns, rows):
    """Returns rows as a data block of gnuplot, below the names of the columns."""
    lines = [" ".join(f'"{cell}"' if isinstance(cell, str) else f"{cell:g}" for cell in row) for row in [columns, *rows]]
    return [f"${name} << END", *lines, "END"]


def bars(series, stacked):
    """Returns gnuplot's lines for bars: one group for each x, one bar of a group for each series."""
    places = list(dict.fromkeys(x for values in series.values() for x, _ in values))
    rows = [[x, *(dict(values).get(x, 0.0) for values in series.values())] for x in places]
    style = "rowstacked" if stacked else "clustered gap 1"
    return block("data", ["x", *series], rows) + [
        f"set style histogram {style}", "set style data histograms", "set style fill solid 0.85 noborder",
        "set boxwidth 0.8 relative", "set yrange [0:*]" if stacked else "",
        "plot for [i=2:%d] $data using i:xtic(1) title columnheader(i) linestyle i-1" % (len(series) + 1)]


def lines(series, style):
    """Returns gnuplot's lines for curves."""
    script, parts = [], []
    for number, (name, values) in enumerate(series.items(), 1):
        script += block(f"data{number}", ["x", "y"], [(float(x), y) for x, y in values])
        parts.append(f"$data{number} using 1:2 with {style} linestyle {number} title {quoted(name)}")
    return script + ["set yrange [0:*]", "set key bottom right", "plot " + ", ".join(parts)]


def script_of(plot, series, path):
    """Returns gnuplot's script for one plot."""
    title, x, y, style = PLOTS[plot]
    head = [f"set terminal svg size 760,380 font 'sans-serif,13' background '#ffffff' name {quoted(plot)}",
            f"set output {quoted(str(path))}", f"set title {quoted(title)}", f"set ylabel {quoted(y)}", "set grid ytics lc '#dddddd'",
            "set border 3", "set tics nomirror", "set key top left", f"set xlabel {quoted(x)}" if x else ""]
    head += [f"set style line {number} lc rgb '{colour}' lw 2 pt 7 ps 0.6" for number, colour in enumerate(COLOURS, 1)]
    if plot == "scale":
        head.append("set logscale x")
    return head + (bars(series, style == "stacked") if style in ("histogram", "stacked") else lines(series, style))


def draw(found, folder):
    """Writes a file for each plot that has points; returns the names of the plots."""
    drawn = points_of(found)
    if not shutil.which("gnuplot"):
        print("gnuplot is missing: no plots", file=sys.stderr)
        return []
    for plot, series in drawn.items():
        script = "\n".join(script_of(plot, series, folder / f"{plot}.svg"))
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return list(drawn)
