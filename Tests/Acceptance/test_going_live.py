"""Going live: signatures that break callers, runs that all fail, versions that are validated again, and
a server that ends while callers wait."""

import json
import signal
import threading

import numpy
import pytest
from onnx import TensorProto, helper, numpy_helper

import models
import registry_decoder
from harness import STOP_SECONDS, wait_until
from strongroom_client import StatusError, registry
from strongroom_models import begin_publish, predict, publish_bundle, upload

STATE = registry.Version.State
ROW = models.rows(seed=1)
WIDE = {"model.onnx": models.mlp(seed=1)}
NARROW = {"model.onnx": models.mlp(seed=2, widths=(3, 8, 3))}
DIFFERENCE = "input 'x' changes from FP32 [-1, 4] to FP32 [-1, 3]"
LITTLE_MEMORY = {"STRONGROOM_LOADING_MEMORY_BYTES": str(256 << 20)}
# A golden request that takes so long that a test can look at the server meanwhile.
SLOW = models.counter(golden=1_500_000)
WAIT_SECONDS = 30


def scaled(name, factor):
    """y = factor * an input of that name."""
    return models.save([helper.make_node("Mul", [name, "k"], ["y"])],
                       {name: ("FP32", [None])}, {"y": ("FP32", [None])},
                       [numpy_helper.from_array(numpy.array(factor, "f4"), "k")])


def never_runs():
    """A model that looks outside its table, whatever its input."""
    return models.save(
        [helper.make_node("Mul", ["x", "zero"], ["nothing"]),
         helper.make_node("Add", ["nothing", "seven"], ["index"]),
         helper.make_node("Gather", ["table", "index"], ["y"])],
        {"x": ("INT64", [None])}, {"y": ("FP32", [None])},
        [numpy_helper.from_array(numpy.array(value, kind), name) for name, value, kind in (
            ("zero", 0, "i8"), ("seven", 7, "i8"), ("table", [1, 2, 3], "f4"))])


def large(megabytes):
    """A model that takes that much memory to load."""
    shape = numpy.array([megabytes << 18], "i8")
    return models.save(
        [helper.make_node("ConstantOfShape", ["shape"], ["ones"],
                          value=helper.make_tensor("one", TensorProto.FLOAT, [1], [1])),
         helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
         helper.make_node("Add", ["x", "sum"], ["y"])],
        {"x": ("FP32", [None])}, {"y": ("FP32", [None])},
        [numpy_helper.from_array(shape, "shape")])


def commit(client, model, files, **options):
    """Publishes with the options of a commit; the whole answer."""
    begun = begin_publish(client, model, files)
    upload(client, begun.upload_id, files, begun.chunk_bytes)
    return client.call("Registry", "CommitPublish", registry.CommitPublishRequest(
        upload_id=begun.upload_id, alias="live", wait_ready=True, **options), timeout=60)


def set_alias(client, model, version, alias="live", **options):
    return client.call("Registry", "SetAlias", registry.SetAliasRequest(
        model=model, alias=alias, version=version, wait_ready=True, **options), timeout=60)


def validate(client, model, version):
    return client.call("Registry", "ValidateVersion", registry.ValidateVersionRequest(
        model=model, version=version, wait_ready=True), timeout=60).version


def alias_of(client, model, name="live"):
    listed = client.call("Registry", "ListModels", registry.ListModelsRequest(page_size=1000))
    (found,) = [entry for entry in listed.models if entry.name == model]
    (alias,) = [alias for alias in found.aliases if alias.name == name]
    return alias


def refused(call):
    with pytest.raises(StatusError) as caught:
        call()
    assert caught.value.code == "FAILED_PRECONDITION", caught.value
    return caught.value.message


def expect_whole(home):
    """Both readers of the registry find nothing wrong with it."""
    assert home.json("verify")["fault_count"] == 0
    assert registry_decoder.Registry(home.folder).verify() == []


# Signatures.


def test_a_publish_that_breaks_callers_is_refused_and_names_what_allows_it(
        server, shared_home, tmp_path, name):
    model = name("live")
    for number, (tensor, factor) in enumerate((("input.1", 2), ("input", 3)), 1):
        (tmp_path / f"{number}.onnx").write_bytes(scaled(tensor, factor))
    first = shared_home.json("publish", model, tmp_path / "1.onnx")
    assert first["signature_changes"] == [] and first["aliases"] == ["live"]
    assert first["pending"] is False and first["refusal"] == ""
    done = shared_home.run("publish", model, tmp_path / "2.onnx", "--format", "json")
    assert done.returncode == 1, done
    (error, hint) = done.stderr.splitlines()
    assert "input 'input.1', FP32 [-1], is removed" in error
    assert "input 'input', FP32 [-1], is added and is not optional" in error
    assert hint.startswith("strongroom: hint: --allow-signature-change")
    printed = json.loads(done.stdout)
    assert printed["state"] == "STORED" and len(printed["signature_changes"]) == 2
    assert printed["aliases"] == [] and "input.1" in printed["refusal"]
    with server.client() as client:
        assert alias_of(client, model).failure == printed["refusal"]
        assert predict(client, model, {"input.1": numpy.float32([1])})[0] == 1
        done = shared_home.run("publish", model, tmp_path / "2.onnx")
        assert done.returncode == 1 and "hint: --allow-signature-change" in done.stderr
        done = shared_home.command("publish", model, tmp_path / "2.onnx",
                                   "--allow-signature-change")
        assert "answers for live" in done and "breaks callers: input 'input.1'" in done
        version, outputs = predict(client, model, {"input": numpy.float32([1])})
        assert (version, outputs["y"].tolist()) == (2, [3])
    expect_whole(shared_home)


def test_moves_name_what_they_change_and_a_rollback_is_never_refused(admin, shared_home, name):
    model = name("live")
    assert list(commit(admin, model, WIDE).signature_changes) == []
    answer = commit(admin, model, NARROW)
    assert answer.version.state == STATE.STATE_STORED and not answer.version.aliases
    assert answer.signature_changes[0] == DIFFERENCE
    message = refused(lambda: set_alias(admin, model, 2))
    assert "the move needs allow_signature_change" in message and DIFFERENCE in message
    alias = alias_of(admin, model)
    assert (alias.version, alias.target_version, alias.generation) == (1, 1, 3)
    assert DIFFERENCE in alias.failure
    assert predict(admin, model, {"x": ROW})[0] == 1
    moved = set_alias(admin, model, 2, allow_signature_change=True)
    assert moved.alias.version == 2 and list(moved.signature_changes) == [DIFFERENCE]
    back = admin.call("Registry", "Rollback", registry.RollbackRequest(
        model=model, wait_ready=True), timeout=60)
    assert back.alias.version == 1 and back.previous_version == 2
    assert list(back.signature_changes) == ["input 'x' changes from FP32 [-1, 3] to FP32 [-1, 4]"]
    events = admin.call("Registry", "ListAuditEvents", registry.ListAuditEventsRequest(
        model=model)).events
    details = [event.detail for event in events if event.action == "alias.set"]
    assert details[-1] == "live from 1, generation 4, allow_signature_change"
    expect_whole(shared_home)


def test_the_command_moves_an_alias_only_when_told_that_callers_break(server, shared_home, name):
    model = name("live")
    with server.client() as client:
        publish_bundle(client, model, WIDE)
        publish_bundle(client, model, NARROW, alias="")
    done = shared_home.run("alias", "set", model, "live", 2)
    assert done.returncode == 1 and DIFFERENCE in done.stderr
    assert "strongroom: hint: --allow-signature-change moves" in done.stderr
    moved = shared_home.json("alias", "set", model, "live", 2, "--allow-signature-change")
    assert moved["version"] == 2 and moved["signature_changes"] == [DIFFERENCE]
    back = shared_home.json("rollback", model)
    assert back["version"] == 1 and len(back["signature_changes"]) == 1
    shared_home.command("alias", "set", model, "live", 2, "--allow-signature-change")
    assert "breaks callers: input 'x'" in shared_home.command("rollback", model)


# Runs that all fail.


def test_a_version_that_never_runs_goes_live_only_when_forced(server, shared_home, tmp_path, name):
    model, path = name("live"), tmp_path / "model.onnx"
    path.write_bytes(never_runs())
    done = shared_home.run("publish", model, path, "--format", "json")
    assert done.returncode == 1, done
    (error, hint) = done.stderr.splitlines()
    assert "every run on synthetic inputs failed" in error
    assert hint.startswith("strongroom: hint: --force ")
    printed = json.loads(done.stdout)
    assert printed["state"] == "STORED" and printed["aliases"] == []
    assert printed["refusal"].startswith("the move needs force")
    with server.client() as client:
        assert "every run on synthetic inputs failed" in refused(
            lambda: predict(client, model, {"x": numpy.int64([1])}))
        assert "the move needs force" in refused(lambda: set_alias(client, model, 1))
    assert shared_home.json("publish", model, path, "--force")["aliases"] == ["live"]
    with server.client() as client:
        assert alias_of(client, model).version == 1
    expect_whole(shared_home)


# Verdicts.


def as_publisher(home):
    """Options of a client who may publish and no more. Publications are told apart by principal."""
    certificate, key = home.certificate("ci")
    return "--cert", certificate, "--key", key


@pytest.fixture
def rejected(home, tmp_path):
    """A stopped home with two versions that were rejected for want of memory, and their file."""
    path = tmp_path / "model.onnx"
    path.write_bytes(large(megabytes=300))
    home.add_client("ci", "publisher")
    server = home.serve(env=LITTLE_MEMORY)
    for model in ("again", "tried"):
        done = home.run("publish", model, path, *as_publisher(home))
        assert done.returncode == 1 and "256 MiB of memory" in done.stderr, done.stderr
        assert f"strongroom validate {model} 1" in done.stderr
    done = home.run("validate", "tried", 1)
    assert done.returncode == 1 and "256 MiB of memory" in done.stderr
    assert server.stop() == 0
    return home, path


def test_a_rejected_version_is_tried_again_by_validate_and_by_publish(rejected):
    home, path = rejected
    server = home.serve()
    validated = home.json("validate", "tried", 1, *as_publisher(home))
    assert validated["state"] == "STORED" and validated["reason"] == ""
    done = home.run("publish", "again", path, *as_publisher(home))
    assert done.returncode == 0, done.stderr
    assert "version 1 was rejected before: " in done.stderr
    assert "256 MiB of memory" in done.stderr and done.stderr.endswith("; trying it again\n")
    assert "answers for live" in done.stdout
    with server.client() as client:
        assert predict(client, "again", {"x": numpy.float32([1])})[0] == 1
        set_alias(client, "tried", 1)
        events = client.call("Registry", "ListAuditEvents", registry.ListAuditEventsRequest(
            model="tried")).events
    assert [(event.action, event.principal) for event in events if event.version == 1][-3:] == [
        ("version.validate", "cert:ci"), ("alias.set", "cert:admin"), ("alias.served", "server")]
    expect_whole(home)
    assert server.stop() == 0
    expect_whole(home)


def test_a_stored_version_that_fails_is_rejected_unless_an_alias_points_to_it(rejected):
    home, path = rejected
    server = home.serve()
    home.command("publish", "again", path, *as_publisher(home))
    assert "passed and is STORED" in home.command("validate", "tried", 1)
    assert server.stop() == 0
    server = home.serve(env=LITTLE_MEMORY)
    with server.client() as client:
        message = refused(lambda: validate(client, "again", 1))
        assert "was left as it is, since aliases point to it: live" in message
        assert "256 MiB of memory" in message
        assert predict(client, "again", {"x": numpy.float32([1])})[0] == 1
        failed = validate(client, "tried", 1)
        assert failed.state == STATE.STATE_REJECTED and "256 MiB of memory" in failed.reason
        with pytest.raises(StatusError) as caught:
            validate(client, "tried", 2)
        assert caught.value.code == "NOT_FOUND"
    done = home.run("validate", "again", 1)
    assert done.returncode == 1 and "was left as it is" in done.stderr
    expect_whole(home)


def test_a_validation_that_is_not_waited_for_goes_on(rejected):
    home, _ = rejected
    home.serve()
    begun = home.json("validate", "tried", 1, "--no-wait")
    assert begun["state"] == "REJECTED"
    assert [replica["load"] for replica in begun["replicas"]] == ["LOADING"]
    wait_until(lambda: home.json("versions", "tried")["versions"][0]["state"] == "STORED",
               WAIT_SECONDS, "the verdict")


# An end while callers wait.


class Waiter(threading.Thread):
    """A call that waits, on a connection of its own; its answer, or what it raised."""

    def __init__(self, server, call):
        super().__init__(daemon=True)
        self.server, self.call, self.answer, self.error = server, call, None, None

    def run(self):
        try:
            with self.server.client() as client:
                self.answer = self.call(client)
        except Exception as error:
            self.error = error

    def finish(self):
        self.join(STOP_SECONDS)
        assert self.error is None, self.error
        return self.answer


def is_there(server, model):
    with server.client() as client:
        listed = client.call("Registry", "ListModels", registry.ListModelsRequest(page_size=1000))
    return model in {entry.name for entry in listed.models}


def is_asked_for(server, model, version):
    with server.client() as client:
        try:
            return alias_of(client, model).target_version == version
        except ValueError:
            return False


def test_an_end_answers_those_who_wait_with_the_pending_move(home, tmp_path):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "set", models.counter())
        publish_bundle(client, "set", SLOW, alias="")
    assert server.stop() == 0
    slow = tmp_path / "slow"
    for path, data in SLOW.items():
        (slow / path).parent.mkdir(parents=True, exist_ok=True)
        (slow / path).write_bytes(data)
    server = home.serve()
    waiters = {
        "new": Waiter(server, lambda client: commit(client, "new", SLOW)),
        "set": Waiter(server, lambda client: set_alias(client, "set", 2)),
        "command": Waiter(server, lambda _: home.run("publish", "command", slow)),
        "none": Waiter(server, lambda client: publish_bundle(client, "none", SLOW, alias="")),
    }
    for waiter in waiters.values():
        waiter.start()
    for model, version in (("new", 1), ("set", 2), ("command", 1)):
        wait_until(lambda: is_asked_for(server, model, version), WAIT_SECONDS, f"{model}'s move")
    wait_until(lambda: is_there(server, "none"), WAIT_SECONDS, "the version without an alias")
    server.send(signal.SIGTERM)
    assert server.process.wait(STOP_SECONDS) == 0
    new, moved, done, none = (waiters[name].finish() for name in waiters)
    assert new.version.state == STATE.STATE_STORED and new.version.aliases == ["live"]
    assert (moved.alias.version, moved.alias.target_version) == (1, 2)
    assert none.state == STATE.STATE_STORED
    for version in (new.version, none):
        assert [replica.load for replica in version.replicas] == [registry.Replica.LOAD_LOADING]
    assert done.returncode == 0, done.stderr
    assert "the move of alias live to it is pending" in done.stdout
    # All of it was durable, and goes on.
    server = home.serve()
    with server.client() as client:
        for model, version in (("new", 1), ("set", 2), ("command", 1)):
            wait_until(lambda: alias_of(client, model).version == version, WAIT_SECONDS, model)
    expect_whole(home)
