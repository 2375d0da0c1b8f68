"""Plaintext weights are in no file: not while they arrive, not at rest, not after a crash."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import hosts
import isolated_models
import leaks
import models
from harness import STOP_SECONDS, wait_until
from strongroom_models import begin_publish, predict, publish_bundle, rollback, upload

WIDTHS = (4, 40_000, 12)  # 2.7 MB of weights: several chunks, the last of them not full
MODEL = "secret"


@pytest.fixture(scope="module")
def data():
    return models.mlp(seed=42, widths=WIDTHS)


@pytest.fixture(scope="module")
def search(data):
    return leaks.Search(b"".join(models.weights(data)))


@pytest.mark.parametrize("start", [0, 1, 7, 100_003])
def test_the_search_finds_a_planted_run_of_32_bytes_wherever_it_stands(search, tmp_path, start):
    for place in (0, 5, 4093, leaks.READ_BYTES - 16):
        path = tmp_path / f"planted-{place}"
        path.write_bytes(bytes(place) + search.secret[start:start + 32] + b"tail")
        assert search.find_in_file(path) == place
    path.write_bytes(b"\1" * 999 + search.secret[start:start + 31] + b"\xa5" * 999)
    assert search.find_in_file(path) is None


def test_the_search_passes_over_holes_and_finds_what_stands_between_them(search, tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        for place in (1 << 20, 80 << 20):
            file.seek(place)
            file.write(b"data")
        file.truncate(1 << 30)
    assert search.find_in_file(path) is None
    with open(path, "r+b") as file:
        file.seek(40 << 20)
        file.write(b"head" + search.secret[1000:1040])
    assert search.find_in_file(path) == (40 << 20) + 4
    with open(path, "rb") as file:
        assert sum(end - begin for begin, end in leaks.extents(file)) < 1 << 20


def test_the_search_finds_a_run_in_a_deleted_file_that_is_still_open(search, tmp_path):
    with open(tmp_path / "gone", "w+b") as file:
        file.write(b"head" + search.secret[1000:1040])
        file.flush()
        os.unlink(tmp_path / "gone")
        assert list(search.find_in_files(leaks.open_files(os.getpid())).values()) == [4]


class Watch:
    """Searches what the server has on disk and open, over and over, while something happens."""

    def __init__(self, search, server, *folders):
        self.search, self.server, self.folders = search, server, folders
        self.rounds, self.found, self.error = 0, {}, None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def look(self):
        paths = leaks.files_below(*self.folders)
        for pid in leaks.family(self.server.pid):
            try:
                paths += leaks.open_files(pid)
            except FileNotFoundError:
                continue  # a child that has ended
        self.found |= self.search.find_in_files(paths)
        self.rounds += 1

    def _run(self):
        try:
            while not self._done.is_set():
                self.look()
        except Exception as error:
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        assert self.error is None and self.rounds > 0, self.error


def test_weights_are_in_no_file_while_a_model_arrives_loads_serves_and_goes(
        home, data, search, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = home.serve(env={"TMPDIR": str(temporary)}, cwd=temporary)
    bundle = {"model.onnx": data}
    with server.client() as client, Watch(search, server, home.folder, temporary) as watch:
        begun = begin_publish(client, MODEL, bundle)
        half = {"model.onnx": data[:2 * begun.chunk_bytes]}
        upload(client, begun.upload_id, half, begun.chunk_bytes)
        watch.look()
        version = publish_bundle(client, MODEL, bundle)
        assert list(version.aliases) == ["live"]
        predict(client, MODEL, {"x": models.rows(seed=1)})
        watch.look()
        publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=43)},
                           allow_signature_change=True)
        rollback(client, MODEL)
        predict(client, MODEL, {"x": models.rows(seed=1)})
    assert server.stop() == 0
    assert leaks.files_below(temporary) == [], "something was left among the temporary files"
    watch.found |= search.find_in_files(leaks.files_below(home.folder, temporary))
    assert watch.found == {}
    print(f"searched {watch.rounds} times, {len(leaks.files_below(home.folder))} files at the end")


CRASHER = """
import os, sys
weights = open(sys.argv[1], "rb").read()
os.kill(os.getpid(), 11)
"""


def wait_status(process):
    """The raw status that the process ended with."""
    _, status = wait_until(lambda: (ended := os.waitpid(process.pid, os.WNOHANG))[0] and ended,
                              STOP_SECONDS, "the end of the process")
    process.returncode = os.waitstatus_to_exitcode(status)
    return status


def cores_go_to_files():
    with open("/proc/sys/kernel/core_pattern") as file:
        return not file.read().startswith("|")


def test_a_crash_leaves_no_weights_behind(home, data, search, tmp_path):
    folder = tmp_path / "crash"
    folder.mkdir()
    server = home.serve(cwd=folder, env={"TMPDIR": str(folder)}, core_dumps=True)
    with server.client() as client:
        publish_bundle(client, MODEL, {"model.onnx": data})
        predict(client, MODEL, {"x": models.rows(seed=1)})
    server.send(signal.SIGSEGV)
    status = wait_status(server.process)
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), "the server dumped core"
    assert leaks.files_below(folder) == []
    assert search.find_in_files(
        [*leaks.files_below(home.folder, folder), server.log_path]) == {}


def test_a_crash_of_a_host_leaves_no_weights_behind(home, data, search, tmp_path):
    folder = tmp_path / "crash"
    folder.mkdir()
    server = home.serve(cwd=folder, env={"TMPDIR": str(folder)}, core_dumps=True)
    with server.client() as client:
        host, _ = hosts.added_by(server, lambda: publish_bundle(
            client, MODEL, isolated_models.hosted(data)))
        predict(client, MODEL, {"x": models.rows(seed=1)})
        paths = [path for pid in leaks.family(server.pid) for path in leaks.open_files(pid)]
        assert search.find_in_files(paths) == {}
        hosts.kill(host, signal.SIGSEGV)
        wait_until(lambda: host not in hosts.of(server), STOP_SECONDS, "the host's end")
        predict(client, MODEL, {"x": models.rows(seed=1)})
    assert server.stop() == 0
    assert leaks.files_below(folder) == []
    assert search.find_in_files([*leaks.files_below(home.folder), server.log_path]) == {}


def test_the_same_crash_of_another_program_is_found_out(data, search, tmp_path):
    """The control: what the test before looks for is there when nothing is done against it."""
    planted = tmp_path / "weights"
    planted.write_bytes(b"".join(models.weights(data)))
    folder = tmp_path / "crash"
    folder.mkdir()
    process = subprocess.Popen(
        ["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh", sys.executable, "-c", CRASHER,
         planted], cwd=folder)
    status = wait_status(process)
    assert os.WIFSIGNALED(status)
    if not os.WCOREDUMP(status):
        print("this machine dumps no cores at all: the crash test shows less here")
    elif cores_go_to_files() and leaks.files_below(folder):
        assert search.find_in_files(leaks.files_below(folder))
