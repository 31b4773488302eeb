"""How cost grows with rows, requests in flight, latency, width and variables: a table each, and plots in docs/.

    cargo bench --bench growth -- [--most-rows 10000000] [--rounds 3]
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import world
from world import ROOT, Server, apply, median, table

ROWS = 20_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most-rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    world.allow_many_files()
    world.build()
    print(f"Made on: {world.machine()}. Medians of {options.rounds} rounds.\n")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        with_rows(folder, options)
        with_concurrency(folder, options)
        with_latency(folder)
        with_width(folder, options)
        with_variables(folder, options)


def measured(folder, options, rows, width=2, latency=0, concurrency=64):
    """Rows a second, processor time a row in µs, peak memory in MB: medians."""
    file = folder / "rows.csv"
    world.write_rows(file, rows, width)
    with Server(latency) as server:
        runs = [apply(file, server.url, folder, concurrency) for _ in range(options.rounds)]
    return (
        rows / median([run.seconds for run in runs]),
        median([run.cpu for run in runs]) / rows * 1e6,
        median([run.peak_kb for run in runs]) / 1024,
    )


def with_rows(folder, options):
    """`check` is the first pass alone; `apply` makes both."""
    print("## Rows\n")
    lines, points, memory = [], {"check": [], "apply": []}, []
    file = folder / "rows.csv"
    counts = [count for count in (10_000, 100_000, 1_000_000, 10_000_000) if count <= options.most_rows]
    for count in counts:
        once = argparse.Namespace(rounds=options.rounds if count <= 100_000 else 1)
        pace, cpu, peak = measured(folder, once, count)
        checked = [world.run([world.RELEASE / "leadfix", "check", file]) for _ in range(once.rounds)]
        check_pace = count / median([run.seconds for run in checked])
        check_peak = median([run.peak_kb for run in checked]) / 1024
        lines.append((f"{count:,}", f"{check_pace:,.0f}", f"{check_peak:.1f} MB", f"{pace:,.0f}", f"{cpu:.1f} µs", f"{peak:.1f} MB"))
        points["check"].append((count, check_pace))
        points["apply"].append((count, pace))
        memory.append((count, peak))
    table(["rows", "`check` rows/s", "its memory", "`apply` rows/s", "processor time a row", "its memory"], lines)
    plot("rows", "rows", "rows a second", points)
    plot("memory", "rows", "peak memory of apply, MB", {"apply": memory}, log_y=False)


def with_concurrency(folder, options):
    print("## Requests in flight\n")
    lines, points = [], {"at 0 ms": [], "at 50 ms": []}
    for concurrency in (1, 4, 16, 64, 256, 1024):
        cells = [f"{concurrency:,}"]
        for latency, name in ((0, "at 0 ms"), (50, "at 50 ms")):
            rows = ROWS if latency == 0 else min(ROWS, concurrency * 60)
            pace, _, peak = measured(folder, options, rows, latency=latency, concurrency=concurrency)
            points[name].append((concurrency, pace))
            cells += [f"{pace:,.0f}", f"{peak:.1f} MB"]
        lines.append(cells)
    table(["in flight", "rows/s at 0 ms", "memory", "rows/s at 50 ms", "memory"], lines)
    plot("concurrency", "requests in flight", "rows a second", points)


def with_latency(folder):
    print("## Latency, 64 requests in flight\n")
    lines, points, allowed = [], [], []
    for latency in (0, 1, 5, 20, 100, 500, 1000, 5000):
        # As many rows as take some seconds, and no fewer than three round trips.
        rows = ROWS if latency == 0 else max(64 * 3, min(ROWS, 64 * 10_000 // latency))
        once = argparse.Namespace(rounds=1)
        pace, cpu, peak = measured(folder, once, rows, latency=latency)
        lines.append((f"{latency:,} ms", f"{rows:,}", f"{pace:,.1f}", f"{64_000 / latency:,.1f}" if latency else "–", f"{peak:.1f} MB"))
        points.append((max(latency, 0.1), pace))
        allowed += [(latency, 64_000 / latency)] if latency else []
    table(["latency", "rows", "rows/s, start and end included", "64 ÷ latency", "memory"], lines)
    plot("latency", "latency, ms (0 is drawn at 0.1)", "rows a second", {"apply": points, "64 ÷ latency": allowed})


def with_width(folder, options):
    print("## Columns\n")
    lines, points = [], []
    for width in (3, 10, 50, 200):
        pace, cpu, peak = measured(folder, options, ROWS, width=width)
        lines.append((width, f"{pace:,.0f}", f"{cpu:.1f} µs", f"{peak:.1f} MB"))
        points.append((width, cpu))
    table(["columns", "rows/s", "processor time a row", "memory"], lines)
    plot("width", "columns", "processor time a row, µs", {"apply": points}, log_y=False)


def with_variables(folder, options):
    """Against the sandbox, since variables are merged into those that a lead has, and only a server with a memory has any."""
    print(f"## Variables, {ROWS:,} rows with a name and two of them\n")
    lines = []
    file = folder / "variables.csv"
    with open(file, "w") as out:
        subprocess.run([world.RELEASE / "examples" / "generate", str(ROWS)], stdout=out, check=True)
    for mode in ("replace", "merge"):
        runs = []
        for _ in range(options.rounds):
            # A new one each time: a lead that has its values already is not sent again.
            with Server(command=[world.RELEASE / "leadfix", "sandbox", "--port", "0"]) as sandbox:
                # Exit code 1: some of many generated numbers are not sent.
                runs.append(apply(file, sandbox.url, folder, options=["--region", "IN", "--metadata", mode], codes=(0, 1)))
        traffic = json.loads((folder / "results.summary.json").read_text())["traffic"]
        pace, cpu = ROWS / median([run.seconds for run in runs]), median([run.cpu for run in runs]) / ROWS * 1e6
        lines.append((f"`{mode}`", f"{traffic['requests'] / ROWS:.2f}", f"{pace:,.0f}", f"{cpu:.1f} µs"))
    table(["`--metadata`", "requests a row", "rows/s", "processor time a row"], lines)


COLOURS = ["#0b6e99", "#b3541e", "#4a7a3b"]


def plot(name, x_label, y_label, lines, log_y=True):
    """A small SVG: the x axis is logarithmic, the y axis too unless told otherwise. Grey on either background."""
    from math import ceil, floor, log10

    width, height, left, right, top, bottom = 640, 320, 70, 20, 20, 50
    points = [point for line in lines.values() for point in line]
    low_x, high_x = (bound(log10(edge(x for x, _ in points))) for bound, edge in ((floor, min), (ceil, max)))
    values = [y for _, y in points]
    low_y = floor(log10(min(values))) if log_y else 0
    high_y = ceil(log10(max(values))) if log_y else max(values) * 1.1
    high_x, high_y = max(high_x, low_x + 1), max(high_y, low_y + 1)

    def across(x):
        return left + (log10(x) - low_x) / (high_x - low_x) * (width - left - right)

    def up(y):
        y = log10(y) if log_y else y
        return height - bottom - (y - low_y) / (high_y - low_y) * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="#777">',
        f"<title>{y_label} over {x_label}</title>",
    ]
    for power in range(low_x, high_x + 1):
        x = across(10**power)
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{height - bottom}" stroke="#777" stroke-opacity="0.25"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 16}" text-anchor="middle">{figure(10**power)}</text>')
    ticks = [10**power for power in range(low_y, high_y + 1)] if log_y else [high_y * part / 4 for part in range(5)]
    for value in ticks:
        y = up(value)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#777" stroke-opacity="0.25"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{figure(value)}</text>')
    for number, (label, line) in enumerate(lines.items()):
        colour = COLOURS[number]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        parts.append(f'<text x="{left + 10 + 130 * number}" y="{top + 4}" fill="{colour}">{label}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">{x_label}</text>')
    parts.append(f'<text transform="translate(16 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">{y_label}</text>')
    (ROOT / "docs" / f"growth-{name}.svg").write_text("\n".join([*parts, "</svg>", ""]))
    print(f"![{y_label} over {x_label}](growth-{name}.svg)\n", flush=True)


def figure(value):
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.3g}"


if __name__ == "__main__":
    main()
