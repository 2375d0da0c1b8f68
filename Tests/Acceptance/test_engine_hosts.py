"""Models that crash, hang or fill the runtime do so in an engine host, and the server goes on; hosts
hold nothing of the server, are replaced when they end, and end with the server. A server that ends
while it loads a version does not do so for ever."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import numpy
import pytest

import leaks
import models
from harness import STOP_SECONDS, wait_until
from strongroom_client import StatusError, prediction, registry
from strongroom_models import begin_publish, predict, publish_bundle, rollback, upload

STATE = registry.Version.State
GOOD = {"model.onnx": models.mlp(seed=1)}
OTHER = {"model.onnx": models.mlp(seed=2)}
ROW = models.rows(seed=1)
EXPECTED = models.Reference(GOOD["model.onnx"]).run(x=ROW)["y"]
FIRST_LOAD = "a version is loaded for the first time"
# A golden request that takes this long is found at its work by a test that looks.
SLOW = models.counter(golden=300_000)
# For versions that the server loads itself after a host has passed them.
IN_SERVER = {"STRONGROOM_ISOLATION_MINIMUM": "none"}
SLOW_IN_SERVER = {**SLOW, "model.yaml": SLOW["model.yaml"] + b"isolation: none\n"}
LOAD_SECONDS = 30
SHORT = 3

REASONS = {
    "crash while loaded": (models.crashing("load"), {}, ["SIGFPE", "while the model was loaded"]),
    "crash in a golden request": (
        models.crashing("golden"), {}, ["SIGFPE", "in golden request golden/0.json"]),
    "never end": ({"model.onnx": models.endless()}, {"STRONGROOM_LOADING_SECONDS": str(SHORT)},
                  [f"longer than {SHORT} s", "in its warm-up run"]),
    "use up the processor": (
        {"model.onnx": models.endless()}, {"STRONGROOM_LOADING_CPU_SECONDS": "1"},
        ["more than 1 s of processor time", "in its warm-up run"]),
    "want more memory than there is": (
        {"model.onnx": models.greedy(gigabytes=4_000)}, {}, ["memory"]),
    "want more memory than it may take": (
        {"model.onnx": models.greedy(gigabytes=1)},
        {"STRONGROOM_LOADING_MEMORY_BYTES": str(512 << 20)}, ["512 MiB of memory"]),
}


class Caller(threading.Thread):
    """Calls a model without a pause, and counts what was answered right."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.is_over, self.answered, self.error = server, False, 0, None

    def run(self):
        try:
            with self.server.client() as client:
                while not self.is_over:
                    _, outputs = predict(client, "steady", {"x": ROW})
                    assert numpy.array_equal(outputs["y"], EXPECTED)
                    self.answered += 1
                    time.sleep(0.001)
        except BaseException as error:
            self.error = error


HOSTED = b"format: 1\nengine: onnxruntime\nentry: model.onnx\nisolation: process\n"
# Seconds in which a model has a new process, and in which hosts end with their server. The first is
# four times the limit of an optimised build.
RESTART_SECONDS = 1.0
END_SECONDS = 1.0
NO_SPARES = {"STRONGROOM_ISOLATION_SPARE_HOSTS": "0"}


def children(server):
    return [pid for pid in leaks.family(server.pid) if pid != server.pid]


def marks(home):
    """How many loads were begun and not ended, of each version."""
    return {path.name.removesuffix(".loading"): int(path.read_text().split()[1])
            for path in (home.folder / "store/loads").glob("*.loading")}


def version(client, model, number):
    return client.call("Registry", "GetVersion", registry.GetVersionRequest(
        model=model, version=number)).version


def publish_unwaited(client, model, bundle, alias="live"):
    begun = begin_publish(client, model, bundle)
    upload(client, begun.upload_id, bundle, begun.chunk_bytes)
    client.call("Registry", "CommitPublish", registry.CommitPublishRequest(
        upload_id=begun.upload_id, alias=alias))


@pytest.mark.parametrize("case", REASONS)
def test_the_server_does_not_notice_models_that(home, case):
    bundle, environment, parts = REASONS[case]
    server = home.serve(env={**NO_SPARES, **environment})
    with server.client() as client:
        publish_bundle(client, "steady", GOOD)
        publish_bundle(client, "hostile", GOOD)
        caller = Caller(server)
        caller.start()
        wait_until(lambda: caller.answered, LOAD_SECONDS, "the first answer")
        rejected = publish_bundle(client, "hostile", bundle)
        assert STATE.Name(rejected.state) == "STATE_REJECTED"
        assert all(part in rejected.reason for part in parts), rejected.reason
        assert str(home.folder) not in rejected.reason
        before = caller.answered
        wait_until(lambda: caller.answered > before or caller.error, LOAD_SECONDS, "an answer")
        caller.is_over = True
        caller.join()
        assert caller.error is None
        assert predict(client, "hostile", {"x": ROW})[0] == 1
        assert publish_bundle(client, "hostile", OTHER).version == 3
    assert server.process.poll() is None and server.answers()
    assert children(server) == [] and marks(home) == {}


def test_a_version_without_an_alias_is_tried_as_well(server, admin, name):
    model = name("unaliased")
    rejected = publish_bundle(admin, model, models.crashing("load"), alias="")
    assert STATE.Name(rejected.state) == "STATE_REJECTED" and "SIGFPE" in rejected.reason


def test_a_model_that_crashes_on_synthetic_pictures_goes_live_in_a_host(server, admin, name):
    model, bundle = name("cnn"), {"model.onnx": models.cnn()}
    assert STATE.Name(publish_bundle(admin, model, bundle).state) == "STATE_STORED"
    picture = numpy.random.default_rng(1).random((1, 3, 32, 32), "f4")
    expected = models.Reference(bundle["model.onnx"]).run(x=picture)["y"]
    for _ in range(2):
        assert numpy.array_equal(predict(admin, model, {"x": picture})[1]["y"], expected)
    assert metadata(admin, model)["strongroom.isolation"] == "process"
    # The picture that ended its first host ends the present one, and the next answers.
    with pytest.raises(StatusError) as caught:
        predict(admin, model, {"x": picture[:, :, :1, :1]})
    assert "SIGFPE" in caught.value.message
    assert numpy.array_equal(predict(admin, model, {"x": picture})[1]["y"], expected)
    assert "goes on without them" in server.log


def test_a_model_that_crashes_in_every_warm_up_run_goes_live_only_when_forced(server, admin, name):
    model, bundle = name("never"), models.crashing("warm-up")
    assert STATE.Name(publish_bundle(admin, model, bundle).state) == "STATE_STORED"
    with pytest.raises(StatusError) as caught:
        admin.call("Registry", "SetAlias", registry.SetAliasRequest(
            model=model, alias="live", version=1, wait_ready=True), timeout=60)
    assert "the move needs force" in caught.value.message
    assert "it ended the model's process (SIGFPE)" in caught.value.message
    assert publish_bundle(admin, model, bundle, force=True).version == 2
    assert metadata(admin, model)["strongroom.isolation"] == "process"
    assert predict(admin, model, {"x": numpy.int64([3])})[1]["y"].tolist() == [-2 ** 62]
    assert server.answers()


def metadata(client, model):
    return client.call("Prediction", "GetModel", prediction.GetModelRequest(
        model=prediction.ModelSpec(name=model))).metadata


def test_a_version_is_tried_once_and_never_again(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "mlp", GOOD)
        publish_bundle(client, "mlp", OTHER)
        rollback(client, "mlp")
        for number in (1, 2):
            assert predict(client, "mlp", {"x": ROW}, version=number)[0] == number
    assert server.log.count(FIRST_LOAD) == 2
    for end in ("stop", "kill"):
        getattr(server, end)()
        server = home.serve()
        with server.client() as client:
            for number in (1, 2):
                assert predict(client, "mlp", {"x": ROW}, version=number)[0] == number
        assert FIRST_LOAD not in server.log
    with server.client() as client:
        client.call("Registry", "DeleteVersion", registry.DeleteVersionRequest(
            model="mlp", version=2))
        wait_until(lambda: sorted(path.name for path in (home.folder / "store/loads").iterdir())
                   == ["mlp@1.checked"], LOAD_SECONDS, "the notes of a deleted version to go")


def first_child(server):
    return wait_until(lambda: children(server), LOAD_SECONDS, "a child")[0]


def test_a_host_has_nothing_of_the_server_and_ends_with_it(home):
    server = home.serve(env={
        **NO_SPARES, "STRONGROOM_SECRET": "in the environment", "STRONGROOM_KEK": "a key",
        "LD_LIBRARY_PATH": "/tmp", "MALLOC_ARENA_MAX": "7"})
    with server.client() as client:
        publish_unwaited(client, "slow", SLOW)
        child = Path(f"/proc/{first_child(server)}")
        wait_until(lambda: "engine-host" in (child / "cmdline").read_text(), LOAD_SECONDS, "exec")
        limits = wait_until(lambda: bounded(child), LOAD_SECONDS, "the limits")
        assert "unlimited" not in limits["Max data size"]
        assert limits["Max core file size"].split()[0] == "0"
        assert int(limits["Max open files"].split()[0]) <= 5
        environment = (child / "environ").read_bytes().split(b"\0")
        assert b"MALLOC_ARENA_MAX=7" in environment and b"LC_ALL=C.UTF-8" in environment
        names = {entry.split(b"=")[0] for entry in environment if entry}
        assert not names & {b"STRONGROOM_SECRET", b"STRONGROOM_KEK", b"LD_LIBRARY_PATH", b"HOME"}
        assert set(os.listdir(child / "fd")) <= {"0", "1", "2", "3"}
        assert all(link.startswith(("socket:", "/memfd:")) for link in open_files(child))
        loading = wait_until(lambda: thread(child, "load"), LOAD_SECONDS, "the thread that loads")
        assert niceness(loading) == max(10, niceness(Path(f"/proc/{server.pid}")))
        # The other threads run models, and yield to none.
        assert niceness(child) <= niceness(Path(f"/proc/{server.pid}"))
    server.kill()
    wait_until(lambda: not child.exists() or is_zombie(child), STOP_SECONDS, "the child's end")


def thread(process, name):
    """The thread of a process that has this name."""
    for task in (process / "task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if (task / "comm").read_text().strip() == name:
                return task
    return None


def hosted(seed=1):
    return {"model.onnx": models.mlp(seed=seed), "model.yaml": HOSTED}


def test_a_model_answers_from_a_host_and_from_the_next_one_when_that_ends(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "hosted", hosted())
        for _ in range(5):
            assert numpy.array_equal(predict(client, "hosted", {"x": ROW})[1]["y"], EXPECTED)
            for pid in children(server):
                os.kill(pid, signal.SIGKILL)
            begin = time.monotonic()
            assert numpy.array_equal(predict(client, "hosted", {"x": ROW})[1]["y"], EXPECTED)
            seconds = time.monotonic() - begin
            print(f"answered {seconds * 1000:.0f} ms after the end of the host")
            assert seconds < RESTART_SECONDS
        assert server.log.count("a model has a new process") == 5
    assert server.answers()


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_all_hosts_end_with_their_server(home, end):
    server = home.serve()
    with server.client() as client:
        for model in ("one", "two"):
            publish_bundle(client, model, hosted())
            predict(client, model, {"x": ROW})
    processes = wait_until(lambda: len(found := children(server)) >= 3 and found, LOAD_SECONDS,
                           "two hosts and a spare")
    server.send(getattr(signal, end))
    server.process.wait(STOP_SECONDS)
    wait_until(lambda: all(is_zombie(Path(f"/proc/{pid}")) for pid in processes), END_SECONDS,
               "the end of all hosts")


def test_a_host_ends_with_its_model_and_leaves_nothing(home):
    server = home.serve(env=NO_SPARES)
    with server.client() as client:
        before = len(os.listdir(f"/proc/{server.pid}/fd"))
        publish_bundle(client, "hosted", hosted())
        assert predict(client, "hosted", {"x": ROW})[0] == 1
        assert len(children(server)) == 1
        client.call("Registry", "DeleteAlias", registry.DeleteAliasRequest(
            model="hosted", alias="live"))
        client.call("Registry", "DeleteVersion", registry.DeleteVersionRequest(
            model="hosted", version=1))
        wait_until(lambda: children(server) == [], LOAD_SECONDS, "the end of the host")
        wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= before, LOAD_SECONDS,
                   "the descriptors of the host to be closed")


def open_files(process):
    """What its descriptors are; those that are closed while we look are none."""
    links = []
    for path in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(path))
    return links


def bounded(child):
    rows = [line.split("  ") for line in (child / "limits").read_text().splitlines()]
    limits = {row[0]: " ".join(row[1:]).strip() for row in rows}
    return limits if limits["Max cpu time"].split()[0] != "unlimited" else None


def stat(process, field):
    """A field of a process's state, counted as in proc(5)."""
    return (process / "stat").read_text().rsplit(")", 1)[1].split()[field - 3]


def niceness(process):
    return int(stat(process, 19))


def is_zombie(process):
    try:
        return stat(process, 3) == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_somebody_ends_is_started_again_and_rejects_nothing(home, number):
    server = home.serve(env=NO_SPARES)
    with server.client() as client:
        publish_unwaited(client, "slow", SLOW)
        child = Path(f"/proc/{first_child(server)}")
        wait_until(lambda: bounded(child), LOAD_SECONDS, "the child to be at work")
        os.kill(int(child.name), number)
        wait_until(lambda: version(client, "slow", 1).aliases and live(client, "slow"),
                   LOAD_SECONDS, "the version to go live all the same")
        assert STATE.Name(version(client, "slow", 1).state) == "STATE_STORED"
    # A host that had not begun yet is replaced within the same load.
    assert server.log.count(FIRST_LOAD) in (1, 2)


def live(client, model):
    listed = client.call("Registry", "ListModels", registry.ListModelsRequest(page_size=100))
    return next((alias.version for entry in listed.models if entry.name == model
                 for alias in entry.aliases if alias.name == "live"), 0)


def kill_while_loading(server, mark):
    """kill -9 while the server itself loads the version."""
    wait_until(lambda: marks(server.home) == mark, LOAD_SECONDS, f"the mark {mark}")
    server.kill()


def test_a_version_that_was_loaded_at_two_crashes_is_rejected(home):
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        publish_bundle(client, "slow", models.counter())
        publish_unwaited(client, "slow", SLOW_IN_SERVER)
        kill_while_loading(server, {"slow@2": 1})
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        assert live(client, "slow") == 1  # and goes on answering, while 2 is loaded again
        assert predict(client, "slow", {"n": numpy.array([3], "i8")})[0] == 1
        kill_while_loading(server, {"slow@2": 2})
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        wait_until(lambda: STATE.Name(version(client, "slow", 2).state) == "STATE_REJECTED",
                   LOAD_SECONDS, "the rejection")
        assert "the server ended 2 times in a row" in version(client, "slow", 2).reason
        assert live(client, "slow") == 1
        assert predict(client, "slow", {"n": numpy.array([3], "i8")})[0] == 1
        assert publish_bundle(client, "slow", GOOD).version == 3


def test_a_load_that_comes_to_its_end_makes_good_for_a_crash(home):
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        publish_unwaited(client, "slow", SLOW_IN_SERVER)
        kill_while_loading(server, {"slow@1": 1})
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        wait_until(lambda: live(client, "slow") == 1, LOAD_SECONDS, "the version to go live")
        assert marks(home) == {}
    server.kill()
    server = home.serve(env=IN_SERVER, wait=False)
    kill_while_loading(server, {"slow@1": 1})


def test_a_live_version_of_two_crashes_is_kept_and_tried_again_when_asked_for(home):
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        publish_bundle(client, "steady", GOOD)
        publish_bundle(client, "slow", SLOW_IN_SERVER)
    server.stop()
    for count in (1, 2):
        server = home.serve(env=IN_SERVER, wait=False)
        kill_while_loading(server, {"slow@1": count})
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        assert predict(client, "steady", {"x": ROW})[0] == 1
        with pytest.raises(StatusError) as caught:
            predict(client, "slow", {"n": numpy.array([3], "i8")})
        assert caught.value.code == "FAILED_PRECONDITION"
        assert "the server ended 2 times in a row" in caught.value.message
        assert STATE.Name(version(client, "slow", 1).state) == "STATE_STORED"
        home.command("alias", "set", "slow", "live", "1")
        assert predict(client, "slow", {"n": numpy.array([3], "i8")})[0] == 1
    assert marks(home) == {}


@pytest.mark.parametrize("signals", [1, 2])
def test_an_orderly_end_during_a_load_counts_for_nothing(home, signals):
    server = home.serve(env=IN_SERVER)
    with server.client() as client:
        publish_unwaited(client, "slow", SLOW_IN_SERVER)
        wait_until(lambda: marks(home), LOAD_SECONDS, "the mark")
        for _ in range(signals):
            server.send(signal.SIGTERM)
            wait_until(lambda: "draining" in server.log, STOP_SECONDS, "the drain to begin")
            wait_until(lambda: not marks(home), STOP_SECONDS, "the mark to go")
    assert server.process.wait(STOP_SECONDS) in (0, 1)
    assert marks(home) == {}


def test_the_command_is_a_servers_alone(home):
    assert "engine-host" not in home.command("--help", home=False)
    done = home.run("engine-host", home=False)
    assert done.returncode == 1 and "is started by a server" in done.stderr
