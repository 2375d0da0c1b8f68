"""`verify`, `gc` and `audit --verify` from outside: on a home that is served, at rest, or damaged."""

import json
import os
import re
import sqlite3
import threading

import pytest

import models
from harness import wait_until
from strongroom_client import StatusError, registry
from strongroom_models import predict, publish_bundle

ROW = models.rows(seed=1)
MODEL, OTHER = "kept", "other"


def blobs(home):
    return set(home.files("store/blobs"))


def flip(path, position=-1):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    mode = path.stat().st_mode
    os.chmod(path, 0o600)
    path.write_bytes(data)
    os.chmod(path, mode)


def delete(client, model, version):
    client.call("Registry", "DeleteVersion",
                registry.DeleteVersionRequest(model=model, version=version))


@pytest.fixture
def filled(home):
    """A served home with two models, one of them with two versions."""
    server = home.serve()
    with server.client() as client:
        for seed in (1, 2):
            publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=seed)})
        publish_bundle(client, OTHER, {"model.onnx": models.mlp(seed=3)})
    return home, server


def failed(home, *arguments):
    """Runs a command that has to exit with 1; its output as an object."""
    done = home.run(*arguments, "--format", "json")
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if "hint" not in line]
    assert len(errors) == 1 and errors[0].startswith("strongroom: error: "), done.stderr
    return json.loads(done.stdout)


def places(report):
    return {f"{fault['object']}: {fault['field']}" for fault in report["faults"]}


def test_a_whole_home_verifies_served_and_at_rest(filled):
    home, server = filled
    report = home.json("verify")
    assert report["versions"] == 3 and report["files"] == 6 and report["with_keys"]
    assert report["fault_count"] == report["faults_left"] == 0
    assert report["faults"] == report["notes"] == report["repairs"] == []
    assert server.answers() and server.stop() == 0
    text = home.command("verify")
    assert text.splitlines()[-1].startswith("3 versions, 6 files of "), text
    assert ": 0 faults, " in text


def test_a_home_verifies_while_it_is_published_to(filled):
    home, server = filled
    stop = threading.Event()
    published = []

    def publish():
        with server.client() as client:
            while not stop.is_set():
                publish_bundle(client, "busy", {"model.onnx": models.mlp(seed=len(published) + 9)})
                published.append(1)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        for _ in range(4):
            before = len(published)
            assert home.json("verify")["faults"] == []
            wait_until(lambda: len(published) > before, 30, "a publish")
    finally:
        stop.set()
        publisher.join()
    assert home.json("verify")["versions"] == 3 + len(published)


def test_a_flipped_bit_is_named_and_everything_else_is_still_checked(filled):
    home, server = filled
    path = max(blobs(home), key=lambda path: path.stat().st_size)
    flip(path)
    report = failed(home, "verify")
    assert report["fault_count"] == 1 and report["files"] == 6
    (place,) = places(report)
    assert re.fullmatch(r"model '\w+', version \d, file 'model.onnx': chunk 0", place)
    done = home.run("verify")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"{place}: its tag does not hold"
    assert server.answers()


def test_without_keys_what_needs_none_is_checked(filled, tmp_path):
    home, server = filled
    assert server.stop() == 0
    flip(max(blobs(home), key=lambda path: path.stat().st_size), 200)
    (key,) = (home.folder / "keys").glob("kek-*.key")
    key.rename(tmp_path / "key")
    report = failed(home, "verify")
    assert not report["with_keys"] and report["fault_count"] == 2
    (fault,) = (fault for fault in report["faults"] if fault["object"] == "keys")
    assert "not opened" in fault["problem"]
    (tmp_path / "key").rename(key)
    asked = failed(home, "verify", "--without-keys")
    assert len(places(asked)) == 1 and set(places(asked)) < set(places(report))


def test_a_database_that_is_no_database_is_one_line(filled):
    home, server = filled
    assert server.stop() == 0
    (home.folder / "store/registry.sqlite").write_bytes(b"\0" * 8192)
    for suffix in ("-wal", "-shm"):
        (home.folder / f"store/registry.sqlite{suffix}").unlink(missing_ok=True)
    report = failed(home, "verify")
    assert places(report) == {"database: "} and report["files"] == 6


def test_repair_moves_a_damaged_file_aside_and_says_so(filled):
    home, server = filled
    path = max(blobs(home), key=lambda path: path.stat().st_size)
    done = home.run("verify", "--repair")
    assert done.returncode == 1 and "another process has this registry open" in done.stderr
    assert server.stop() == 0
    flip(path)
    damaged = path.read_bytes()
    report = failed(home, "verify", "--repair")
    assert report["faults_left"] == 1
    assert [repair["problem"] for repair in report["repairs"]] == [
        f"moved to quarantine/{path.name}"]
    assert (home.folder / "store/quarantine" / path.name).read_bytes() == damaged
    assert not path.exists()
    (place,) = places(failed(home, "verify"))
    assert place.endswith("file 'model.onnx': sealed file")
    server = home.serve()
    actions = [event["action"] for event in home.json("audit")["events"]]
    assert "repair" in actions
    with server.client() as client:
        # The others answer.
        answers = 0
        for model, version in ((MODEL, 1), (MODEL, 2), (OTHER, 1)):
            try:
                predict(client, model, {"x": ROW}, version=version)
                answers += 1
            except StatusError as error:
                assert error.code == "DATA_LOSS"
        assert answers == 2


def test_gc_frees_a_deleted_version_through_the_server_and_without_one(filled):
    home, server = filled
    assert home.json("gc") == {
        "applied": False, "blobs": 0, "blob_bytes": 0, "uploads": 0, "upload_bytes": 0, "failed": 0}
    assert home.command("gc", "--apply") == "nothing to free\n"
    with server.client() as client:
        delete(client, MODEL, 1)
    before = blobs(home)
    dry = home.json("gc")
    assert dry["blobs"] == 2 and dry["blob_bytes"] > 0 and blobs(home) == before
    assert home.json("gc", "--apply") == {**dry, "applied": True}
    assert len(blobs(home)) == len(before) - 2
    events = home.json("audit")["events"]
    (event,) = (event for event in events if event["action"] == "collect")
    assert event["principal"] == "cert:admin" and event["model"] == ""
    with server.client() as client:
        assert predict(client, MODEL, {"x": ROW})[0] == 2
        publish_bundle(client, OTHER, {"model.onnx": models.mlp(seed=8)})
        delete(client, OTHER, 1)
    assert server.stop() == 0
    assert home.json("gc", "--apply")["blobs"] == 2
    assert home.json("verify")["faults"] == home.json("verify")["notes"] == []


def test_gc_after_a_kill_finds_the_address_stale_and_opens_the_registry_itself(filled):
    home, server = filled
    with server.client() as client:
        delete(client, MODEL, 1)
    server.kill()
    assert (home.folder / "address").exists()
    assert home.json("gc", "--apply")["blobs"] == 2
    assert home.json("verify")["faults"] == []


def test_gc_is_the_admin_s_alone(filled):
    home, server = filled
    home.add_client("pat", "publisher")
    home.add_client("half", "admin", models="kept*")
    wait_until(lambda: len(json.loads((home.folder / "access.json").read_text())["grants"]) > 2,
               5, "the grants")
    for name in ("pat", "half"):
        certificate, key = home.certificate(name)
        done = home.run("gc", "--server", f"{server.host}:{server.port}", "--cert", certificate,
                        "--key", key)
        assert done.returncode == 1
        assert "PERMISSION_DENIED" in done.stderr and "on all models" in done.stderr, done.stderr


def test_the_audit_log_is_checked_offline_and_against_a_checkpoint(filled, tmp_path):
    home, server = filled
    report = home.json("audit", "--verify")
    assert report["faults"] == [] and report["events"] == report["sequence"] > 5
    kept = tmp_path / "checkpoint.json"
    home.command("audit", "--save-checkpoint", kept)
    assert set(json.loads(kept.read_text())) == {"head", "signature"}
    with server.client() as client:
        publish_bundle(client, OTHER, {"model.onnx": models.mlp(seed=5)})
    assert home.json("audit", "--verify", "--checkpoint", kept)["faults"] == []
    assert server.stop() == 0

    altered = json.loads(kept.read_text())
    altered["head"] = altered["head"].replace('"sequence":', '"sequence":1')
    (tmp_path / "altered.json").write_text(json.dumps(altered))
    report = failed(home, "audit", "--verify", "--checkpoint", tmp_path / "altered.json")
    assert places(report) == {"checkpoint: signature"}
    (tmp_path / "no.json").write_text("[]")
    assert home.run("audit", "--verify", "--checkpoint", tmp_path / "no.json").returncode == 1

    later = tmp_path / "later.json"
    home.command("audit", "--save-checkpoint", later)
    cut_tail(home.folder / "store/registry.sqlite")
    assert "audit log: tail" in places(failed(home, "audit", "--verify"))
    assert "audit log: tail" in places(
        failed(home, "audit", "--verify", "--checkpoint", later))
    assert "audit log: tail" in places(failed(home, "verify"))


def cut_tail(path):
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM audit WHERE sequence = (SELECT MAX(sequence) FROM audit)")
    database.close()


@pytest.mark.parametrize("arguments", [
    ("audit", "--checkpoint", "x"), ("audit", "--verify", "--model", "m"),
    ("audit", "--verify", "--save-checkpoint", "x"), ("gc", "--force"), ("verify", "extra")])
def test_wrong_usage_is_exit_64(home, arguments):
    assert home.run(*arguments).returncode == 64
