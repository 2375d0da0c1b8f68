"""Engine hosts seen from outside: the processes in which a server runs models."""

import contextlib
import os
import signal
from pathlib import Path

import leaks
from harness import wait_until

START_SECONDS = 20
GONE = (FileNotFoundError, ProcessLookupError)


def command_line(pid):
    with contextlib.suppress(*GONE):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def status(pid, key, task=""):
    """The value of a line of /proc/PID/status, or of one of its threads; None if it ended."""
    with contextlib.suppress(*GONE):
        for line in Path(f"/proc/{pid}/{task}status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return line.split(":", 1)[1].strip()
    return None


def is_zombie(pid):
    return (status(pid, "State") or "Z").startswith("Z")


def of(server):
    """The process ids of all hosts of a server, spares included."""
    return {pid for pid in leaks.family(server.pid)
            if b"engine-host" in command_line(pid) and not is_zombie(pid)}


def serving(server):
    """The hosts that have a model: they have a thread for each lane, and a spare has none."""
    return {pid for pid in of(server) if any(name.startswith("lane-") for name in threads(pid))}


def threads(pid):
    """The names of a process's threads; those that end meanwhile are left out."""
    names = []
    for path in Path(f"/proc/{pid}/task").glob("*/comm"):
        with contextlib.suppress(OSError):
            names.append(path.read_text().strip())
    return names


def spares(server):
    return of(server) - serving(server)


def wait_for_spares(server, count=1):
    wait_until(lambda: len(spares(server)) == count, START_SECONDS, f"{count} spare hosts")


def added_by(server, action):
    """The one host that serves after `action` and did not before, and the action's result."""
    before = serving(server)
    result = action()
    (host,) = wait_until(lambda: serving(server) - before, START_SECONDS, "a host of the model")
    return host, result


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def descriptors(pid):
    """{number: target} of the open descriptors."""
    found = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(*GONE):
            found[int(path.name)] = os.readlink(path)
    return found


def environment(pid):
    data = Path(f"/proc/{pid}/environ").read_bytes()
    return dict(entry.decode().split("=", 1) for entry in data.split(b"\0") if b"=" in entry)


def limits(pid):
    """{name: soft limit} of /proc/PID/limits; nothing if it ended."""
    with contextlib.suppress(*GONE):
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
        return {line[:26].strip(): line[26:].split()[0] for line in lines}
    return {}


def tasks(pid):
    return [f"task/{task.name}/" for task in Path(f"/proc/{pid}/task").iterdir()]


def children(pid):
    """The direct children of a process, ended ones that were not waited for included."""
    return leaks.children()[pid]
