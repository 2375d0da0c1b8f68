"""A bundle of 4 GiB: memory while it is published, verified, loaded and freed; an upload that goes
on where it stopped."""

import os
import shutil
import subprocess
import tempfile
import time

import numpy
import pytest

import cutting
import harness
import models
import resident
import weights
from strongroom_client import registry
from strongroom_models import predict

MIB = 1 << 20
FILES = 4
FILE_MIB = int(os.environ.get("STRONGROOM_LARGE_MIB", "1024"))
TOTAL_MIB = FILES * FILE_MIB
ABOVE_IDLE_MIB = 64  # of whoever publishes, receives or verifies
RESIDUE = 0.02       # of a model's size that may stay after it is freed
SENT_TWICE_MIB = 16  # chunks under way when a connection is cut
WIRE_SHARE = 0.005   # what TLS and frames add to the bytes
LOOK_SECONDS = 0.002


class Process:
    """The memory of a process and of all that descend from it, resident, in MiB. Pages that they
    share count for each."""

    def __init__(self, pid):
        self.pid = pid

    def _status(self, key):
        return resident.total(self.pid, "status", key) / MIB

    @property
    def now(self):
        return self._status("VmRSS:")

    @property
    def peak(self):
        return self._status("VmHWM:")

    def forget_peak(self):
        resident.forget_peak(self.pid)


def run(home, *arguments):
    """Runs a command to its end: exit code, output, seconds, and its peak memory in MiB."""
    command = [str(harness.BINARY), *map(str, arguments), "--home", str(home.folder)]
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        # Not from wait4, which counts the memory of this process before the command took its place.
        memory, peak = Process(process.pid), 0.0
        while process.poll() is None:
            try:
                peak = max(peak, memory.peak)
            except (RuntimeError, OSError):
                pass  # it has just ended
            time.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - began
        output.seek(0)
        return process.returncode, output.read(), seconds, peak


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large") / "bundle"
    folder.mkdir()
    weights.write(folder, FILES, FILE_MIB * MIB)
    (folder / "small.onnx").write_bytes(models.mlp(seed=1))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with harness.Home(folder / "home") as made:
        yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(home):
    return home.serve()


def set_entry(bundle, entry):
    (bundle / "model.yaml").write_text(weights.CARD.format(entry=entry))


def test_publishing_and_verifying_take_little_memory(home, server, bundle):
    set_entry(bundle, "small.onnx")
    process = Process(server.pid)
    idle = process.now
    process.forget_peak()
    code, output, seconds, client = run(home, "publish", "bulky", bundle)
    assert code == 0, output
    _, _, _, alone = run(home, "models")
    print(f"\npublish of {TOTAL_MIB} MiB: {seconds:.0f} s, {TOTAL_MIB / seconds:.0f} MiB/s; peak above "
          f"idle: server {process.peak - idle:.0f} MiB, command {client - alone:.0f} MiB")
    assert process.peak - idle < ABOVE_IDLE_MIB
    assert client - alone < ABOVE_IDLE_MIB

    code, output, seconds, verifier = run(home, "verify")
    assert code == 0, output
    print(f"verify of {TOTAL_MIB} MiB: {seconds:.0f} s, peak above idle {verifier - alone:.0f} MiB")
    assert verifier - alone < ABOVE_IDLE_MIB


def test_an_upload_goes_on_where_its_connection_was_cut(home, server, bundle):
    set_entry(bundle, "small.onnx")
    half = TOTAL_MIB * MIB // 2
    address = (server.host, server.port)
    with cutting.Forwarder(address, cut_after=half) as first:
        code, output, *_ = run(
            home, "publish", "cut", bundle, "--idempotency-key", "cut", "--server", first.address)
    assert code == 1, output
    with cutting.Forwarder(address) as second:
        code, output, *_ = run(
            home, "publish", "cut", bundle, "--idempotency-key", "cut", "--server", second.address)
    assert code == 0, output
    extra = (first.sent + second.sent) / MIB - TOTAL_MIB
    print(f"\ncut after {first.sent / MIB:.0f} MiB, {second.sent / MIB:.0f} MiB sent afterwards: "
          f"{extra:.0f} MiB more than the {TOTAL_MIB} MiB of the bundle")
    assert extra < SENT_TWICE_MIB + TOTAL_MIB * WIRE_SHARE


def test_a_large_model_loads_answers_and_is_freed(home, server, bundle):
    set_entry(bundle, "large.onnx")
    process = Process(server.pid)
    before = process.now
    process.forget_peak()
    code, output, seconds, _ = run(home, "publish", "large", bundle)
    assert code == 0, output
    loaded = process.now
    print(f"\npublish and load of {TOTAL_MIB} MiB in {FILES} files: {seconds:.0f} s; above idle: "
          f"{process.peak - before:.0f} MiB at most, {loaded - before:.0f} MiB once loaded")
    assert process.peak - before < TOTAL_MIB + FILE_MIB + ABOVE_IDLE_MIB
    assert loaded - before < TOTAL_MIB + ABOVE_IDLE_MIB
    indexes = numpy.array([0, 1, 77, FILE_MIB * MIB // weights.ROW_BYTES - 1])
    with server.client() as client:
        _, outputs = predict(client, "large", {"x": indexes})
        assert outputs["y"].tobytes() == weights.expected(bundle, FILES, indexes).tobytes()
        client.call("Registry", "DeleteAlias", registry.DeleteAliasRequest(
            model="large", alias="live"))
    harness.wait_until(
        lambda: process.now - before < TOTAL_MIB * RESIDUE, 60, "the memory to come back")
    print(f"freed: {process.now - before:.0f} MiB above idle")
