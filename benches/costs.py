"""What a row costs, counted and not timed, so that no neighbour can disturb it:

    cargo bench --bench costs

Instructions and allocations by callgrind, system calls by strace; each is the difference of two runs of `leadfix apply`
divided by the difference of their rows, so that what happens once does not count. Ends with 1 above a bound.
"""

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import world
from world import Server, table

FEW, MANY = 1_000, 5_000
# System calls are counted over so many times the rows: how many of the connections the shorter run has opened is a
# matter of time, and each costs a dozen calls.
TIMES = 10
# What the project wants of itself (75,000 instructions and 60 allocations: these are nearer to what is counted); noise
# cannot touch it.
BOUNDS = {"instructions": 70_000, "allocations": 54, "network system calls": 2.1, "futex calls": 0.1}

ALLOCATOR = re.compile(r"(malloc|calloc|realloc|mi_malloc_aligned|mi_zalloc_aligned|mi_realloc_aligned)$")
NETWORK = set("socket connect setsockopt getsockopt getsockname getpeername shutdown sendto recvfrom sendmsg recvmsg writev readv".split())

# Where the compiler leaves what goes through a row.
PIPELINE = "leadfix::pipeline::run|FuturesOrdered|leadfix::executor::Executor::settle"
# A stage is what these functions cost, with all they call; each by its caller, where two passes share it.
STAGES = {
    "the survey: the whole first pass": [("", "leadfix::preflight::Preflight::survey")],
    "reading a row again": [(PIPELINE, "leadfix::reader::rows::Rows::read")],
    "judging it again": [(PIPELINE + "|leadfix::preflight::Preflight::judge", "leadfix::correction::read")],
    "admission": [(PIPELINE, "leadfix::executor::.*Executor>?::(begin|admitted)"), (PIPELINE, "leadfix::limiter::.*Permit::report")],
    "planning, and the body": [(PIPELINE, "leadfix::executor::Executor::prepare")],
    "HTTP: the request": [(PIPELINE, "leadfix::client::Client::send")],
    "HTTP: the connection": [("tokio::runtime::task", "futures_util::future::future::Map")],
    "the reply: lead, proof, quota": [("", "leadfix::api::lead::Lead::from_reply"), ("Executor.*::see", "leadfix::plan::Plan::evidence"),
                                      ("", "leadfix::executor::reply::signal")],
    "the result row": [("", "leadfix::pipeline::Writer.*::write_waiting")],
}


def main():
    for tool in ("valgrind", "strace"):
        world.installed(tool, tool) or sys.exit(f"costs: `{tool}` is needed")
    world.build()
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        folder = Path(folder)
        few, many = (Counted(folder, server.url, rows) for rows in (FEW, MANY))
    costs = {what: (many.counts[what] - few.counts[what]) / (MANY - FEW) for what in BOUNDS}
    table(["a row of id and phone costs", "counted", "at most"],
          [(what, f"{cost:,.2f}" if cost < 1_000 else f"{cost:,.0f}", f"{BOUNDS[what]:,}") for what, cost in costs.items()])
    stages = {stage: (many.inclusive(functions) - few.inclusive(functions)) / (MANY - FEW) for stage, functions in STAGES.items()}
    missing = [stage for stage, cost in stages.items() if cost <= 0]
    missing += [what for what, count in many.counts.items() if count == 0 and what != "futex calls"]
    stages["everything else: the window, tokio, start of each row"] = costs["instructions"] - sum(stages.values())
    table(["stage", "instructions", "share"],
          [(stage, f"{cost:,.0f}", f"{cost / costs['instructions']:.0%}") for stage, cost in stages.items()])
    too_much = [what for what, cost in costs.items() if cost > BOUNDS[what]]
    if missing or too_much:
        sys.exit(f"costs: above the bound: {too_much}; not found: {missing}")


class Counted:
    """Two runs, one under each tool; the counts are those of so many rows."""

    def __init__(self, folder, url, rows):
        file, longer = folder / f"{rows}.csv", folder / f"{rows}.longer.csv"
        world.write_rows(file, rows)
        world.write_rows(longer, rows * TIMES)
        profile, calls = folder / f"callgrind.{rows}", folder / f"strace.{rows}"
        world.apply(file, url, folder, under=["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"])
        world.apply(longer, url, folder, under=["strace", "-f", "-c", "-o", calls])
        self.calls, self.costs = Counter(), Counter()
        instructions = self.read_profile(profile)
        made = self.read_calls(calls)
        self.counts = {
            "instructions": instructions,
            # Calls of the allocator from outside of it.
            "allocations": sum(count for (caller, called), count in self.calls.items()
                               if ALLOCATOR.match(called) and not re.match("_?mi_", caller)),
            "network system calls": sum(made[name] for name in NETWORK) / TIMES,
            "futex calls": made["futex"] / TIMES,
        }

    def read_profile(self, path):
        """Calls and their inclusive costs by caller and called; the sum of all instructions."""
        names, caller, called, total = {}, "", "", 0
        lines = iter(path.read_text().splitlines())
        for line in lines:
            if match := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line):
                if match[3]:
                    names[match[2]] = match[3]
                name = names[match[2]]
                caller, called = (caller, name) if match[1] else (name, called)
            elif line.startswith("calls="):
                self.calls[caller, called] += int(line[6:].split()[0])
                self.costs[caller, called] += int(next(lines).split()[1])
            elif match := re.match(r"(?:summary|totals): (\d+)", line):
                total = int(match[1])
        return total

    @staticmethod
    def read_calls(path):
        """System calls by name."""
        rows = (line.split() for line in path.read_text().splitlines())
        return Counter({row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()})

    def inclusive(self, functions):
        return sum(cost for (caller, called), cost in self.costs.items()
                   if any(re.search(by, caller) and re.search(function, called) for by, function in functions))


if __name__ == "__main__":
    main()
