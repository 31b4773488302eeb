"""The whole pipeline beside a bare loop and beside other programs, in one run:

    cargo bench --bench compare -- [--rows 200000] [--rounds 5] [--memory-rows 1000000]

One server for all on one core, the client on another; interleaved rounds, medians. Prints markdown. Peers that are
not there and cannot be installed (apt: golang-go, wrk; pip: aiohttp; `qsv` is taken from the PATH) are left out.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import world
from world import Server, apply, bare, median, table

PEERS = Path(__file__).resolve().parent / "peers"
CONCURRENCY = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-rows", type=int, default=1_000_000, help="and five times as many; 0 leaves it out")
    options = parser.parse_args()
    world.allow_many_files()
    world.build()
    print(f"Made on: {world.machine()}. {options.rows} rows, medians of {options.rounds} interleaved rounds.\n")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        file = folder / "rows.csv"
        world.write_rows(file, options.rows)
        without_quota(folder, file, options)
        over_tls(folder, file, options)
        at_a_distance(folder, options)
        if options.memory_rows:
            memory(folder, options.memory_rows)


def without_quota(folder, file, options):
    with Server() as server:
        contestants = {
            "leadfix apply": (options.rows, lambda: apply(file, server.url, folder, CONCURRENCY)),
            "bare reqwest loop": (options.rows, lambda: bare(file, server.url, CONCURRENCY)),
            **peers(folder, server.url, options.rows),
        }
        runs = rounds({name: go for name, (_, go) in contestants.items()}, options.rounds)
        rows = {name: count for name, (count, _) in contestants.items()}
        pace = {name: median([rows[name] / run.seconds for run in done]) for name, done in runs.items()}
        cpu = {name: median([run.cpu / rows[name] for run in done]) * 1e6 for name, done in runs.items()}
        pace["wrk"] = wrk(server.url)
    ours = "leadfix apply"
    print(f"## Without a quota, {CONCURRENCY} requests in flight\n")
    table(
        ["", "rows", "rows/s", "`leadfix` is so many times as fast", "processor time a row", "peak memory"],
        [
            (name, rows.get(name, "–"), f"{pace[name]:,.0f}", f"{pace[ours] / pace[name]:.2f}",
             f"{cpu[name]:.1f} µs" if name in cpu else "–",
             f"{median([run.peak_kb for run in runs[name]]) / 1024:.1f} MB" if name in runs else "–")
            for name in pace if pace[name]
        ],
    )
    by_round = [b.seconds / a.seconds for a, b in zip(runs[ours], runs["bare reqwest loop"])]
    print(f"Against the bare loop, round by round: pace {min(by_round):.2f} to {max(by_round):.2f}; "
          f"processor time {cpu[ours] / cpu['bare reqwest loop']:.2f} of its.\n")


def over_tls(folder, file, options):
    if not shutil.which("openssl"):
        print("Over TLS: left out, there is no `openssl` to make a certificate with.\n")
        return
    files = world.certificate(folder)
    with Server(certificate=files) as server:
        runs = rounds(
            {
                "leadfix apply": lambda: apply(file, server.url, folder, CONCURRENCY, files[0]),
                "bare reqwest loop": lambda: bare(file, server.url, CONCURRENCY, files[0]),
            },
            options.rounds,
        )
    report_pair("Over TLS", runs, options.rows)


def report_pair(title, runs, rows):
    pace = {name: median([rows / run.seconds for run in done]) for name, done in runs.items()}
    print(f"## {title}\n")
    table(["", "rows/s", "of the bare loop"],
          [(name, f"{value:,.0f}", f"{value / pace['bare reqwest loop']:.2f}") for name, value in pace.items()])


def at_a_distance(folder, options):
    """The pace that latency allows is concurrency ÷ round trip; the start and the end of a run are not it."""
    latency = 50
    print(f"## At {latency} ms\n")
    lines = []
    file = folder / "distant.csv"
    with Server(latency) as server:
        for concurrency in (16, 64, 256):
            contestants = {
                "leadfix apply": partial(apply, file, server.url, folder, concurrency),
                "bare reqwest loop": partial(bare, file, server.url, concurrency),
            }
            short, long = (concurrency * turns for turns in (20, 120))
            seconds = {}
            for count in (short, long):
                world.write_rows(file, count)
                done = rounds(contestants, options.rounds)
                seconds[count] = {name: median([run.seconds for run in runs]) for name, runs in done.items()}
            pace = {name: (long - short) / (seconds[long][name] - seconds[short][name]) for name in contestants}
            allowed = concurrency / (latency / 1000)
            lines.append((concurrency, f"{allowed:,.0f}", f"{pace['leadfix apply']:,.0f}",
                          *(f"{value / allowed:.3f}" for value in pace.values())))
    table(["in flight", "rows/s allowed", "rows/s", "of it", "the bare loop, of it"], lines)


def memory(folder, rows):
    print("## Memory\n")
    lines = []
    file = folder / "many.csv"
    with Server() as server:
        for count in (rows // 100, rows, rows * 5):
            world.write_rows(file, count)
            run = apply(file, server.url, folder, CONCURRENCY)
            lines.append((f"{count:,}", f"{count / run.seconds:,.0f}", f"{run.peak_kb / 1024:.1f} MB"))
            file.unlink()
    table(["rows", "rows/s", "peak memory"], lines)


def rounds(contestants, count):
    runs = {name: [] for name in contestants}
    for number, (name, go) in itertools.product(range(count), contestants.items()):
        print(f"round {number + 1} of {count}: {name}", file=sys.stderr)
        runs[name].append(go())
    return runs


def peers(folder, url, rows):
    """Whoever is there. The slow ones get fewer rows: their pace does not depend on it."""
    found = {}
    file, few = folder / "rows.csv", folder / "few.csv"
    few_rows = max(rows // 10, 1)
    world.write_rows(few, few_rows)
    if there("go", "golang-go"):
        client = folder / "go-client"
        environment = {**os.environ, "GOCACHE": str(folder / "go-cache"), "GO111MODULE": "off"}
        subprocess.run(["go", "build", "-o", client, PEERS / "client.go"], check=True, env=environment)
        found["Go net/http"] = (rows, partial(world.run, [client, file, url, CONCURRENCY]))
    if there("curl", "curl"):
        plan = folder / "curl.txt"
        plan.write_text("\nnext\n".join(curl_request(line, url, folder) for line in few.read_text().splitlines()[1:]))
        command = ["curl", "--parallel", "--parallel-max", CONCURRENCY, "--silent", "--config", plan]
        found["curl --parallel"] = (few_rows, partial(world.run, command))
    if can_import("aiohttp"):
        command = [sys.executable, PEERS / "asynchronous.py", few, url, CONCURRENCY]
        found["aiohttp"] = (few_rows, partial(world.run, command))
    if shutil.which("qsv"):
        table_of_urls, template = folder / "urls.csv", folder / "payload.txt"
        lines = [line.split(",") for line in few.read_text().splitlines()[1:]]
        table_of_urls.write_text("url,phone_number\n" + "".join(f"{url}/campaigns-leads/{lead},{phone}\n" for lead, phone in lines))
        template.write_text('{"phone_number": "{{phone_number}}"}')
        command = ["qsv", "fetchpost", "url", "--payload-tpl", template, "--new-column", "reply", "--no-cache",
                   "--http-header", "Authorization:Bearer bench", "--output", folder / "qsv.csv", table_of_urls]
        found["qsv fetchpost"] = (few_rows, partial(world.run, command))
    else:
        print("`qsv` is not on the PATH and is left out.\n")
    return found


def curl_request(line, url, folder):
    lead, phone = line.split(",")
    body = f'{{\\"phone_number\\":\\"{phone}\\"}}'
    return "\n".join([
        f'url = "{url}/campaigns-leads/{lead}"',
        "request = PATCH",
        'header = "Authorization: Bearer bench"',
        'header = "Content-Type: application/json"',
        f'data = "{body}"',
        f'output = "{folder}/curl.out"',
    ])


def wrk(url):
    """What the server can do: the same request for ever, answers counted and thrown away. For orientation."""
    if not there("wrk", "wrk"):
        return None
    script = 'wrk.method = "PATCH"; wrk.body = \'{"phone_number":"+919876543210"}\'; wrk.headers["Content-Type"] = "application/json"'
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        done = world.run(["wrk", "-t1", f"-c{CONCURRENCY}", "-d5", "-s", file.name, f"{url}/campaigns-leads/lead_1"])
    return next(float(line.split(":")[1]) for line in done.output.splitlines() if line.startswith("Requests/sec"))


def there(program, package):
    found = world.installed(program, package)
    if not found:
        print(f"`{program}` cannot be installed here and is left out.\n")
    return found


def can_import(module):
    try:
        __import__(module)
    except ImportError:
        command = [sys.executable, "-m", "pip", "install", "--quiet", module]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            print(f"`{module}` cannot be installed here and is left out.\n")
            return False
    return True


if __name__ == "__main__":
    main()
