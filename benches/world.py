"""What the benches in Python share: the built programs, the server, a file of rows, one measured run, the machine."""

import os
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
SERVER_CORE, CLIENT_CORE = 0, 1


def build():
    """Builds what is measured; nothing where it is built already."""
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--bins", "--example", "server", "--example", "bare", "--example", "generate"]
    subprocess.run(command, cwd=ROOT, check=True)


def pinned(number):
    """Keeps a child, and what it starts, on one of the cores that are ours."""
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[number % len(cores)]})


class Server:
    """The answering server on a core of its own, for as long as the `with` lasts; or another one that prints its URL."""

    def __init__(self, latency=0, certificate=None, command=None):
        self.command = command or [RELEASE / "examples" / "server", str(latency), *(certificate or [])]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(SERVER_CORE))
        self.url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def certificate(folder):
    """A self-signed certificate for localhost, and its key."""
    files = [str(folder / name) for name in ("certificate.pem", "key.pem")]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-out", files[0], "-keyout", files[1], "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command + subject, check=True, stderr=subprocess.DEVNULL)
    return files


def write_rows(path, count, width=2):
    """Distinct leads and distinct, valid numbers; more columns than two are carried along."""
    with open(path, "w") as file:
        file.write(",".join(["lead_id", "phone_number", *(f"note_{n}" for n in range(width - 2))]) + "\n")
        rest = "".join(f",cell {n}" for n in range(width - 2))
        for row in range(count):
            # Steps over the numbers that end in five zeros, which are refused as rounded ones.
            number = 9_000_000_001 + row * 937 % 900_000_000
            number += number % 100_000 == 0
            file.write(f"lead_{row:012x},+91{number}{rest}\n")


@dataclass
class Run:
    """One process from its start to its end."""

    seconds: float
    cpu: float
    peak_kb: int
    output: str


class Peak:
    """The most resident memory of a process, looked at a hundred times a second until it ends. What `wait4` gives is no
    use: it counts the memory of the Python process that the child was forked from."""

    def __init__(self, process):
        self.kb, self.status = 0, Path(f"/proc/{process}/status")
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        try:
            while found := re.search(r"VmHWM:\s*(\d+) kB", self.status.read_text()):
                self.kb = int(found[1])
                time.sleep(0.01)
        except OSError:
            pass  # It has ended.


def run(command, core=CLIENT_CORE, environment=None, codes=(0,)):
    """Runs a program on one core; an exit code that is not expected ends the bench."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begun = time.monotonic()
        child = subprocess.Popen(
            [str(word) for word in command],
            stdout=output,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            preexec_fn=pinned(core) if core is not None else None,
        )
        peak = Peak(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - begun
        code = child.returncode = os.waitstatus_to_exitcode(status)
        if code not in codes:
            errors.seek(0)
            sys.exit(f"`{command[0]}` ended with {code}: {errors.read()[-2000:]}")
        output.seek(0)
        return Run(seconds, usage.ru_utime + usage.ru_stime, peak.kb, output.read())


def apply(file, url, folder, concurrency=64, certificate=None, options=(), under=(), codes=(0,)):
    """The whole of `leadfix apply`: the file surveyed, every row sent and proved, results written. `under`: the tool
    that it runs under."""
    results = folder / "results.csv"
    for old in folder.glob("results.*"):
        old.unlink()
    command = [*under, RELEASE / "leadfix", "apply", file, "--quiet", "--concurrency", concurrency, "--out", results, *options]
    if certificate:
        command += ["--ca-file", certificate]
    environment = {"DIALNEXA_API_KEY": "bench", "DIALNEXA_BASE_URL": url, "XDG_STATE_HOME": str(folder)}
    return run(command, environment=environment, codes=codes)


def bare(file, url, concurrency=64, certificate=None):
    """The bare loop. Time and processor time are those of the loop alone, without the preparation of its requests."""
    done = run([RELEASE / "examples" / "bare", file, url, concurrency, *([certificate] if certificate else [])])
    seconds, cpu = map(float, done.output.split())
    return Run(seconds, cpu, done.peak_kb, "")


def installed(program, package):
    """Whether a program is there, or could be installed."""
    if not shutil.which(program):
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", package]):
            subprocess.run([*root, "apt-get", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return shutil.which(program)


def median(values):
    return statistics.median(values)


def table(head, rows):
    """A markdown table; figures to the right."""
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def machine():
    """What the figures were made on."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    return f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, {rustc}"


def allow_many_files():
    """Sockets for a thousand connections."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
