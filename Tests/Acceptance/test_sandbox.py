"""The sandbox of engine hosts: its self-test, a server's start, and machines that cannot sandbox."""

import ctypes
import errno
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

import leaks
import models
from harness import BINARY, COMMAND_SECONDS, wait_until
from strongroom_models import predict, publish_bundle

# Each forbidden thing, and the kernel's answer that stops it.
STOPPED = {
    "read a file (openat)": "SIGSYS at openat", "read a file (openat2)": "SIGSYS at openat2",
    "write a file": "SIGSYS at openat", "list a folder": "SIGSYS at openat",
    "make a TCP socket": "SIGSYS at socket", "make a UDP socket": "SIGSYS at socket",
    "make a unix socket": "SIGSYS at socket", "connect a socket": "SIGSYS at connect",
    "execute a program": "SIGSYS at execve", "clone a process": "SIGSYS at clone",
    "clone a process (clone3)": "ENOSYS", "start a thread after the second stage": "SIGSYS",
    "trace the parent": "SIGSYS at ptrace", "signal the parent": "SIGSYS at kill",
    "read the parent's memory": "SIGSYS at process_vm_readv",
    "become dumpable": "SIGSYS at prctl", "become another user": "SIGSYS at setuid",
    "raise its limits": "SIGSYS at prlimit64",
    "replace the handler of SIGSYS": "SIGSYS at rt_sigaction",
    "map memory to execute": "SIGSYS at mmap",
    "make written memory executable": "SIGSYS at mprotect",
    "share memory without a file": "SIGSYS at mmap",
    "map memory that grows as a stack": "SIGSYS at mmap", "enlarge a mapping": "ENOMEM",
    "execute memory that it wrote": "SIGSEGV", "make a file in memory": "SIGSYS at memfd_create",
    "set up io_uring": "SIGSYS at io_uring_setup", "load a BPF program": "SIGSYS at bpf",
    "measure the kernel": "SIGSYS at perf_event_open",
    "leave its namespaces": "SIGSYS at unshare",
    "open a file while a model is loaded": "EACCES",
    "read a file, Landlock alone": "EACCES", "keep a capability": "EPERM",
    "be without NO_NEW_PRIVS": "EPERM", "be dumpable": "EPERM",
}
SELF_TEST_SECONDS = 5  # it takes about 0.1 s; other processes may have the cores
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def host(*arguments, **options):
    return subprocess.run([str(BINARY), "engine-host", *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS, **options)


def without(**calls):
    """What a process does before it executes: answers calls with an error, as a kernel without them
    does. `prctl` means its request for a filter."""

    class Comparison(ctypes.Structure):
        _fields_ = [("argument", ctypes.c_uint), ("kind", ctypes.c_int),
                    ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p

    def enter():
        context = ctypes.c_void_p(library.seccomp_init(ALLOW))
        for name, error in calls.items():
            number = library.seccomp_syscall_resolve_name(name.encode())
            is_filter = (Comparison * 1)((0, 4, 22, 0))  # SCMP_CMP_EQ, PR_SET_SECCOMP
            added = library.seccomp_rule_add_array(
                context, ctypes.c_uint32(ERRNO | error), number, int(name == "prctl"), is_filter)
            assert number >= 0 and added == 0, name
        assert library.seccomp_load(context) == 0

    return enter


NO_LANDLOCK = {"landlock_create_ruleset": errno.EOPNOTSUPP}
NO_FILTERS = {"seccomp": errno.EINVAL, "prctl": errno.EINVAL}


def test_the_self_test_stops_every_forbidden_thing():
    begin = time.monotonic()
    done = host("--self-test", "--format", "json")
    seconds = time.monotonic() - begin
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    answers = {attempt["thing"]: attempt["answer"] for attempt in result["attempts"]}
    assert STOPPED.items() <= answers.items()
    assert result["holds"] and result["filters_calls"] and result["landlock_version"] >= 1
    assert all(attempt["stopped"] for attempt in result["attempts"])
    assert len(result["attempts"]) == len(answers) >= 48
    assert seconds < SELF_TEST_SECONDS


def test_people_get_a_table():
    done = host("--self-test")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert re.split("  +", lines[0]) == ["FORBIDDEN", "KERNEL'S ANSWER", "VERDICT"]
    rows = [re.split("  +", line) for line in lines[1:lines.index("")]]
    assert all(len(row) == 3 and row[2] == "stopped" for row in rows)
    assert STOPPED.items() <= {row[0]: row[1] for row in rows}.items()
    assert re.fullmatch(r"Landlock version \d+, system call filters in place: (\d+) of \1 stopped",
                        lines[-1])


@pytest.mark.parametrize("missing, texts", [
    (NO_LANDLOCK, ["the kernel lacks Landlock", "read a file, Landlock alone: done"]),
    (NO_FILTERS, ["the kernel lacks seccomp filters"]),
    (NO_LANDLOCK | NO_FILTERS, ["the kernel lacks Landlock", "the kernel lacks seccomp filters"]),
    # A layer that seems to be there and stops nothing.
    ({"landlock_restrict_self": 0}, ["read a file, Landlock alone: done"]),
], ids=["no Landlock", "no filters", "neither", "a Landlock without effect"])
def test_a_machine_that_cannot_sandbox_is_told_so(home, missing, texts):
    done = host("--self-test", preexec_fn=without(**missing))
    assert done.returncode == 1, done.stdout
    assert all(text in done.stderr for text in texts), done.stderr
    assert "NOT STOPPED" in done.stdout

    def serve(**environment):
        return subprocess.Popen(
            [str(BINARY), "serve", "--home", str(home.folder), "--listen", "127.0.0.1:0",
             "--ready-file", str(home.folder.parent / "ready")],
            env={**os.environ, **environment}, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=without(**missing))

    refused = serve()
    output, _ = refused.communicate(timeout=COMMAND_SECONDS)
    assert refused.returncode == 1
    error, hint = [line for line in output.splitlines() if line.startswith("strongroom: ")]
    assert error.startswith("strongroom: error: this machine does not sandbox engine hosts: ")
    assert texts[0] in error and "isolation.require_sandbox" in hint

    serving = serve(STRONGROOM_ISOLATION_REQUIRE_SANDBOX="false")
    try:
        wait_until(lambda: serving.poll() is not None or (home.folder.parent / "ready").exists(),
                   COMMAND_SECONDS, "a server without the sandbox")
    finally:
        serving.terminate()
        output, _ = serving.communicate(timeout=COMMAND_SECONDS)
    assert serving.returncode == 0, output
    warning = [line for line in output.splitlines() if "does not hold" in line]
    assert len(warning) == 1 and " warning " in warning[0] and texts[0] in warning[0]


def test_a_server_logs_that_the_sandbox_holds(server):
    lines = [line for line in server.log.splitlines() if "sandbox" in line]
    assert len(lines) == 1 and " info " in lines[0], lines
    assert "the sandbox of engine hosts holds" in lines[0]
    assert re.search(r"landlock\.version=\d+", lines[0]) and re.search(r"stopped=\d+", lines[0])


def test_nobody_but_a_server_starts_a_host():
    done = host()
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "strongroom: error: 'engine-host' is started by a server, to run a model\n"
        "strongroom: hint: --self-test tests the sandbox of this machine\n")
    wrong = host("--no-such-option")
    assert wrong.returncode == 64 and "--no-such-option" in wrong.stderr


def test_a_host_has_one_thread_before_its_sandbox(tmp_path):
    """No thread of Dispatch or of Swift concurrency: a thread that is there before keeps its rights."""
    log = tmp_path / "calls"
    subprocess.run(["strace", "-f", "-e", "trace=clone,clone3,fork,vfork,landlock_restrict_self",
                    "-o", str(log), str(BINARY), "engine-host", "--self-test"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
                   timeout=COMMAND_SECONDS)
    lines = log.read_text().splitlines()
    first = lines[0].split()[0]
    own = [line for line in lines if line.split()[0] == first and ("clone" in line or "fork" in line)]
    assert len(own) >= 45
    assert all("CLONE_THREAD" not in line for line in own)


def test_hosts_run_models_within_the_sandbox(home):
    """Both filters hold for every thread, and what the libraries read later opens no file: locales,
    the heaps' settings, processors, the comparison of runs, tensors beyond the ring."""
    server = home.serve(env={"STRONGROOM_ISOLATION_MINIMUM": "process",
                             "STRONGROOM_ISOLATION_RING_BYTES": str(1 << 20)})
    large = {"model.onnx": models.mlp(seed=1, widths=(1024, 1024, 512)),
             "model.yaml": b"format: 1\nengine: onnxruntime\nentry: model.onnx\nthreads: 4\n"}
    lower = {"model.onnx": models.unary("BYTES", "StringNormalizer", case_change_action="LOWER",
                                        locale="en_US")}
    with server.client() as client:
        assert publish_bundle(client, "large", large).reason == ""
        assert publish_bundle(client, "lower", lower).reason == ""
        unknown = publish_bundle(client, "unknown", {"model.onnx": models.unary(
            "BYTES", "StringNormalizer", case_change_action="LOWER", locale="xx_YY")})
        assert "asks for the locale 'xx_YY'" in unknown.reason
        x = models.rows(seed=2, count=2000, width=1024)
        assert predict(client, "large", {"x": x})[1]["y"].shape == (2000, 512)
        hosts = [pid for pid in leaks.family(server.pid) if pid != server.pid]
        threads = 0
        for pid in hosts:
            for task in Path(f"/proc/{pid}/task").iterdir():
                status = (task / "status").read_text()
                held = re.search(r"^Seccomp_filters:\t(\d)$", status, re.M)
                assert re.search(r"^CapEff:\t0+$", status, re.M) and held
                assert re.search(r"^CapBnd:\t0+$", status, re.M)
                assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
                threads += held[1] == "2"
        assert threads >= 4
