"""Backup and restore: the drill of docs/OPERATIONS.md as it stands there, backups that are killed or
damaged, and stores that are older than what was seen."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time

import pytest

import harness
import models
from strongroom_models import predict, publish_bundle

OPERATIONS = harness.ROOT / "docs/OPERATIONS.md"
SENTIMENT = harness.ROOT / "Registry/models/sentiment"
MODEL = "kept"
ROW = models.rows(seed=1)
WIDTHS = (4, 20_000, 12)  # 1.4 MB a version
DRILL_SECONDS = 120
KILLS = 12
SEED = 20_250_102  # of the kills' moments
TEXTS = ["A wonderful film", "Two hours that I will not get back", ""]


def drill_blocks():
    """The drill's commands, block by block."""
    text = OPERATIONS.read_text()
    section = text.split("\n## Backup and restore, a drill\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


class Story:
    """A home whose folder is the drill's, and shells in which `strongroom` is the built binary."""

    def __init__(self, folder):
        self.folder = folder
        self.home = harness.Home(folder / "strongroom")
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "strongroom").symlink_to(harness.BINARY)
        self.backup = folder / "backup"

    def shell(self, *blocks):
        """Runs blocks of the document, with their folders below this one's; what they print."""
        script = "set -euo pipefail\n" + "".join(blocks)
        for there, here in (("/srv/strongroom", self.home.folder),
                            ("/mnt/vault/strongroom", self.folder / "vault"),
                            ("/mnt/backup/strongroom", self.backup)):
            script = script.replace(there, str(here))
        done = subprocess.run(
            ["bash", "-c", script], text=True, capture_output=True, timeout=DRILL_SECONDS,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "TMPDIR": str(self.folder)})
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run_backup(self, *options):
        return self.home.json("backup", self.backup, *options)


def answers(home):
    """What the sentiment model says, to the last digit."""
    return [home.json("predict", "sentiment", "--input", f"text={json.dumps([text])}")["outputs"]
            for text in TEXTS]


def audit(home):
    return home.json("audit")["events"]


def expect_chained(events):
    for before, after in zip(events, events[1:]):
        assert after["sequence"] == before["sequence"] + 1
        assert after["previous_hash"] == before["hash"]


def refused(home, *arguments):
    """A command that fails with exit 1; its error and its hint."""
    done = home.run(*arguments)
    assert done.returncode == 1 and done.stdout == "", (done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert lines[0].startswith("strongroom: error: ") and len(lines) <= 2, done.stderr
    return lines[0], lines[1].removeprefix("strongroom: hint: ") if len(lines) > 1 else ""


def publish_until(stop, server, published):
    """A publisher that does not rest while backups are made."""
    with server.client() as client:
        while not stop.is_set():
            publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=len(published))})
            published.append(len(published) + 1)


@pytest.fixture
def story(tmp_path):
    made = Story(tmp_path)
    yield made
    made.home.__exit__()


@pytest.fixture
def published(story):
    """A story with two models and one backup; the server has stopped."""
    server = story.home.serve()
    with server.client() as client:
        publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=1, widths=WIDTHS)})
        publish_bundle(client, "other", {"model.onnx": models.mlp(seed=2)})
    assert server.stop() == 0
    story.first = story.run_backup()
    return story


def test_the_drill_in_the_operations_guide(story):
    names, keep, nightly, drill, lost = drill_blocks()
    home = story.home
    server = home.serve()
    home.command("publish", "sentiment", SENTIMENT / "v1")
    story.shell(names, keep)
    stop, published = threading.Event(), []
    publisher = threading.Thread(target=publish_until, args=(stop, server, published))
    publisher.start()
    try:
        harness.wait_until(lambda: len(published) > 1, DRILL_SECONDS, "two versions")
        story.shell(names, nightly)
        during = len(published)
        out = story.shell(names, drill)
    finally:
        stop.set()
        publisher.join()
    assert len(published) > during > 1
    assert "sentiment version 1" in out and "0.9999386" in out, out
    assert not [path for path in story.folder.iterdir() if path.name.startswith("tmp.")]

    story.shell(names, nightly)
    before, events = answers(home), audit(home)
    home.command("publish", "sentiment", SENTIMENT / "v2")  # after the last backup: to be lost
    assert answers(home) != before
    server.kill()
    shutil.rmtree(home.folder / "store")
    assert "accepted: sequence" in story.shell(names, lost)

    home.serve()
    assert answers(home) == before
    after = audit(home)
    assert after[:len(events)] == events and len(after) == len(events) + 1
    assert after[-1]["action"] == "restore.accept" and "the disk was lost" in after[-1]["detail"]
    assert after[-1]["principal"] == f"uid:{os.getuid()}"
    expect_chained(after)
    versions = home.json("versions", MODEL)["versions"]
    assert len(versions) == len(published)
    again = json.loads(home.command("publish", "sentiment", SENTIMENT / "v2", "--format", "json"))
    assert again["version"] == 2  # the number that was lost is given again, as the guide says


def test_a_second_backup_copies_only_what_is_new(published):
    assert published.first["copied_blobs"] == published.first["blobs"] == 4
    blobs = published.backup / "store/blobs"
    before = {path: path.stat().st_ino for path in blobs.rglob("*") if path.is_file()}
    assert len(before) == 4
    server = published.home.serve()
    with server.client() as client:
        publish_bundle(client, "other", {"model.onnx": models.mlp(seed=3)})
    second = published.run_backup()
    assert (second["copied_blobs"], second["blobs"], second["versions"]) == (2, 6, 3)
    assert second["copied_bytes"] == second["bytes"] - published.first["bytes"]
    after = {path: path.stat().st_ino for path in blobs.rglob("*") if path.is_file()}
    assert len(after) == 6 and before.items() <= after.items()
    assert published.run_backup("--verify", "--prune")["copied_blobs"] == 0


def test_a_backup_that_is_killed_leaves_the_one_before_or_the_new_one(published):
    home, moments = published.home, random.Random(SEED)
    server = home.serve()
    command = [str(harness.BINARY), "backup", str(published.backup), "--home", str(home.folder)]
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - began
    spare = published.folder / "spare"
    killed, versions = 0, 1
    with server.client() as client:
        for attempt in range(KILLS):
            publish_bundle(client, MODEL, {
                "model.onnx": models.mlp(seed=10 + attempt, widths=WIDTHS)})
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, 1.5 * seconds))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            shutil.rmtree(spare, ignore_errors=True)
            spare.mkdir()
            shutil.copytree(home.folder / "keys", spare / "keys")
            (spare / "keys/sequence").unlink()
            done = home.run("restore", published.backup, "--home", spare, "--accept", "--reason",
                            "a spare", "--format", "json", home=False)
            assert done.returncode == 0, (attempt, done.stderr)
            found = json.loads(done.stdout)["versions"] - 1  # and one of the other model
            assert versions <= found <= attempt + 2, (versions, found, attempt)
            versions = found
    print(f"{killed} of {KILLS} backups were killed; {versions} versions in the last one")
    assert killed >= KILLS // 4
    assert published.run_backup("--verify")["versions"] == KILLS + 2


def test_a_restore_that_is_killed_leaves_a_store_that_serves(published):
    home, moments = published.home, random.Random(SEED)
    command = [str(harness.BINARY), "restore", str(published.backup), "--home", str(home.folder)]
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - began
    for _ in range(KILLS // 2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0, 1.2 * seconds))
        process.send_signal(signal.SIGKILL)
        assert process.wait() in (0, -signal.SIGKILL)
        server = home.serve()
        with server.client() as client:
            for model in (MODEL, "other"):
                assert predict(client, model, {"x": ROW})[0] == 1
        assert server.stop() == 0
    home.command("restore", published.backup)


def test_a_damaged_backup_is_found_and_the_home_is_left_as_it_was(published):
    blob = max((published.backup / "store/blobs").rglob("*"), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    before = {path: path.read_bytes() for path in published.home.files()}
    error, _ = refused(published.home, "restore", published.backup)
    assert f"model '{MODEL}', version 1, file 'model.onnx'" in error and "damaged" in error
    assert {path: path.read_bytes() for path in published.home.files()} == {
        **before, published.home.folder / "store/lease": b""}
    assert published.run_backup("--verify")["copied_blobs"] == 1
    published.home.command("restore", published.backup)


def test_keys_of_another_home_are_refused(published, tmp_path):
    with harness.Home(tmp_path / "stranger") as stranger:
        error, _ = refused(stranger, "restore", published.backup)
        assert "key" in error
        assert stranger.serve().answers()
    bare = tmp_path / "bare"
    bare.mkdir()
    done = published.home.run("restore", published.backup, "--home", bare, home=False)
    assert done.returncode == 1 and "a backup holds no keys" in done.stderr, done.stderr


def test_a_backup_holds_no_key(published):
    secrets = []
    for path in [*published.home.files("keys"), *published.home.files("tls")]:
        data = path.read_bytes()
        if path.name.startswith("kek-") and path.suffix == ".key":
            secrets += [data, data.hex().encode()]
        elif path.name == "signing.key":
            lines = dict(line.split(b" ") for line in data.splitlines()[1:])
            secrets += [lines[b"key"], bytes.fromhex(lines[b"key"].decode())]
        elif path.name.endswith("key.pem"):
            secrets += data.splitlines()[1:-1]
    assert len(secrets) > 8 and all(len(secret) >= 16 for secret in secrets)
    files = [path for path in published.backup.rglob("*") if path.is_file()]
    assert {path.name for path in files if path.parent.name not in ("store", "keys")} >= {
        "backup.json", "registry-id", "access.json", "strongroom.yaml"}
    for path in files:
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret in data], path
    assert [path.name for path in (published.backup / "keys").iterdir()] == ["signing.pub.pem"]
    assert not (published.backup / "tls").exists()


def older_home(published, newer_blobs):
    """The home with a store of before its last version: its database alone, or all of it."""
    home = published.home
    old = published.folder / "old"
    shutil.copytree(home.folder, old)
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=7)})
    assert server.stop() == 0
    if newer_blobs:
        for path in (home.folder / "store").glob("registry.sqlite*"):
            path.unlink()
        shutil.copy(old / "store/registry.sqlite", home.folder / "store")
    else:
        shutil.rmtree(home.folder / "store")
        shutil.copytree(old / "store", home.folder / "store")
    return old


@pytest.mark.parametrize("newer_blobs", [True, False])
def test_an_older_store_is_refused_until_it_is_accepted_on_record(published, newer_blobs):
    home = published.home
    older_home(published, newer_blobs)
    error, hint = refused(home, "serve", "--listen", "127.0.0.1:0")
    assert "older copy" in error
    command = shlex.split(hint[hint.index("strongroom restore"):].replace("TEXT", "'on purpose'"))
    done = home.run(*command[1:], home=False)
    assert done.returncode == 0 and "accepted" in done.stdout, done.stderr
    assert home.json("restore", "--accept", "--reason", "again") == {"accepted": False}
    server = home.serve()
    events = audit(home)
    expect_chained(events)
    assert [event["action"] for event in events].count("restore.accept") == 1
    assert "on purpose" in events[-1]["detail"]
    with server.client() as client:
        assert predict(client, MODEL, {"x": ROW})[0] == 1
        assert publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=8)}).version == 2


def test_a_missing_sequence_is_refused_until_it_is_accepted(published):
    (published.home.folder / "keys/sequence").unlink()
    error, hint = refused(published.home, "serve", "--listen", "127.0.0.1:0")
    assert "missing" in error and "restore --accept" in hint
    accepted = published.home.json("restore", "--accept", "--reason", "the file was lost")
    assert accepted["accepted"] and accepted["seen"] == 0
    assert published.home.serve().answers()


def test_a_damaged_head_is_not_accepted(published):
    older_home(published, newer_blobs=False)
    database = published.home.folder / "store/registry.sqlite"
    data = database.read_bytes()
    at = data.index(b"strongroom/head/v1")
    database.write_bytes(data[:at] + b"strongroom/head/v2" + data[at + 18:])
    error, hint = refused(published.home, "restore", "--accept", "--reason", "please")
    assert "head is damaged" in error and not hint


def test_a_whole_home_of_last_week_starts_and_does_not_replace_its_newer_backup(published):
    """Nothing in such a home shows it; the backup, which is another place, does."""
    home = published.home
    old = older_home(published, newer_blobs=False)
    shutil.rmtree(home.folder)
    shutil.copytree(old, home.folder)
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, MODEL, {"model.onnx": models.mlp(seed=7)})
    newer = published.run_backup()
    assert server.stop() == 0
    shutil.rmtree(home.folder)
    shutil.copytree(old, home.folder)
    server = home.serve()
    assert server.answers()
    error, _ = refused(home, "backup", published.backup)
    assert "the backup is newer than the registry" in error and str(newer["sequence"]) in error


@pytest.mark.parametrize("arguments", [
    ["restore"], ["restore", "--accept"], ["restore", "--reason", "x"], ["restore", ""],
    ["restore", "x", "--accept"], ["backup"], ["backup", ""], ["backup", "x", "y"]])
def test_wrong_usage_is_exit_64(shared_home, arguments):
    assert shared_home.run(*arguments).returncode == 64


def test_a_restore_over_a_running_server_is_refused(published):
    server = published.home.serve()
    error, _ = refused(published.home, "restore", published.backup)
    assert "another process" in error
    error, _ = refused(published.home, "restore", "--accept", "--reason", "x")
    assert "another process" in error
    assert server.answers()
