"""A disk that is really full, a small tmpfs: publishes and moves answer RESOURCE_EXHAUSTED, the
server serves on, nothing lasting remains, and with room again the same calls succeed."""

import contextlib
import os
import subprocess

import pytest

import harness
import models
import registries
import registry_decoder
from strongroom_client import StatusError, registry
from strongroom_models import begin_publish, predict, publish_bundle, upload

PAGE_BYTES = 4096
DISK_BYTES = 3 << 20
WIDE = (4, 12_000, 3)  # a model of about 400 kB
ROW = models.rows(seed=1)
WAIT_SECONDS = 2.0
MOST_PAGES = 40  # more than any single change writes


class Disk:
    """A tmpfs of a size of its own, with a file that takes the room away."""

    def __init__(self, folder, size):
        self.folder, self.ballast = folder, folder / "ballast"
        folder.mkdir()
        self.mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs")

    def mount(self, *options):
        subprocess.run(["mount", *options, str(self.folder)], check=True)

    def resize(self, size):
        self.mount("-o", f"remount,size={size}")

    @property
    def free(self):
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def leave(self, count):
        """Leaves room for so many bytes and no more."""
        self.make_room()
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free - count)
        assert self.free == count

    def make_room(self):
        self.ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path):
    made = Disk(tmp_path / "disk", DISK_BYTES)
    yield made
    subprocess.run(["umount", "--lazy", str(made.folder)], check=True)


@pytest.fixture
def home(disk):
    """A home that is wholly on the small disk."""
    with harness.Home(disk.folder / "home") as made:
        yield made


@contextlib.contextmanager
def refused():
    with pytest.raises(StatusError) as caught:
        yield
    assert caught.value.code == "RESOURCE_EXHAUSTED", caught.value
    assert "disk" not in caught.value.message and "/" not in caught.value.message


def whole(home):
    faults = registry_decoder.Registry(home.folder).verify()
    assert not faults, list(map(str, faults))


def check_serving(server, client, model, version):
    assert predict(client, model, {"x": ROW})[0] == version and server.answers()


def test_publishing_until_the_disk_is_full_and_with_room_again(home, disk):
    server = home.serve()
    with server.client() as client:
        number = 0
        with refused():
            while True:
                before, files = disk.free, {"model.onnx": models.mlp(number, WIDE)}
                publish_bundle(client, "filler", files, key=f"key {number}")
                number += 1
        assert number >= 3
        check_serving(server, client, "filler", number)
        for _ in range(3):
            with refused():
                publish_bundle(client, "filler", files, key=f"key {number}")
        kept = before - disk.free
        assert kept < 20 * PAGE_BYTES, f"the failed upload keeps {kept} bytes"
        check_serving(server, client, "filler", number)
        whole(home)
        disk.resize(2 * DISK_BYTES)
        made = publish_bundle(client, "filler", files, key=f"key {number}")
        assert made.version == number + 1
        check_serving(server, client, "filler", number + 1)
    assert server.stop() == 0
    whole(home)


def test_a_commit_with_no_room_for_the_database_is_refused_and_works_later(home, disk):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "model", {"model.onnx": models.mlp(1)})
        files = {"model.onnx": models.mlp(2), "model.yaml": b"format: 1\nengine: onnxruntime\n"
                                                            b"entry: model.onnx\n"}
        begun = begin_publish(client, "model", files, key="second")
        upload(client, begun.upload_id, files, begun.chunk_bytes)
        commit = registry.CommitPublishRequest(
            upload_id=begun.upload_id, alias="live", wait_ready=True)
        disk.leave(0)
        with refused():
            client.call("Registry", "CommitPublish", commit, timeout=60.0)
        check_serving(server, client, "model", 1)
        whole(home)
        disk.make_room()
        made = client.call("Registry", "CommitPublish", commit, timeout=60.0).version
        assert made.version == 2 and list(made.aliases) == ["live"]
    assert server.stop() == 0
    whole(home)


def test_a_change_that_fills_the_disk_at_any_page_is_made_or_not(home, disk):
    """Leaves room for 0, 1, 2 ... pages and moves an alias, until all that it writes fits: rows and
    the sequence beside the keys, which lie on the same disk. Where there is room for the wish and
    none for its end, the caller waits, and it comes with the room. One server does it all."""
    server, outcomes, served = home.serve(), [], 2
    with server.client() as client:
        for seed in (1, 2):
            publish_bundle(client, "model", {"model.onnx": models.mlp(seed)})
        for pages in range(MOST_PAGES):
            wanted = 3 - served
            disk.leave(pages * PAGE_BYTES)
            try:
                registries.set_alias(client, "model", "live", wanted, timeout=WAIT_SECONDS)
                outcome = "made"
            except StatusError as error:
                outcome = error.code
            answering, _ = predict(client, "model", {"x": ROW})
            # What waits for room may have found some meanwhile.
            assert answering in {"made": {wanted}, "RESOURCE_EXHAUSTED": {served}}.get(
                outcome, {served, wanted})
            disk.make_room()
            whole(home)
            harness.wait_until(lambda: settled(client), harness.STOP_SECONDS, "the move to settle")
            served, _ = predict(client, "model", {"x": ROW})
            assert not (home.folder / "keys/sequence.new").exists()
            assert (served == wanted) == (outcome != "RESOURCE_EXHAUSTED"), outcome
            outcomes.append(outcome)
            assert outcome in ("made", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"), outcome
            if outcomes[-3:] == ["made"] * 3:
                break
    assert outcomes[-1] == "made" and "RESOURCE_EXHAUSTED" in outcomes, outcomes
    assert server.stop() == 0
    whole(home)
    print(f"\nroom for 0, 1, 2 ... pages: {', '.join(outcomes)}")


def test_a_full_disk_of_the_keys_alone_refuses_changes_and_nothing_else(tmp_path, disk):
    keys = disk.folder / "keys"
    with harness.Home(tmp_path / "home", "--keys", keys) as home:
        server, files = home.serve(), {"model.onnx": models.mlp(2)}
        with server.client() as client:
            publish_bundle(client, "model", {"model.onnx": models.mlp(1)})
            publish_bundle(client, "model", files)
            disk.leave(0)
            for _ in range(3):
                with refused():
                    registries.set_alias(client, "model", "live", 1)
                with refused():
                    publish_bundle(client, "model", files, key="third")
                check_serving(server, client, "model", 2)
            assert not (keys / "sequence.new").exists()
            disk.make_room()
            assert publish_bundle(client, "model", files, key="third").version == 3
            registries.set_alias(client, "model", "live", 1)
        assert server.stop() == 0
        faults = registry_decoder.Registry(home.folder, keys=keys).verify()
        assert not faults, list(map(str, faults))


def settled(client):
    listed = client.call("Registry", "ListModels", registry.ListModelsRequest())
    (alias,) = listed.models[0].aliases
    return alias.version == alias.target_version


def test_a_home_cannot_be_made_on_a_full_disk_and_leaves_nothing(disk):
    disk.leave(10 * PAGE_BYTES)
    done = subprocess.run(
        [str(harness.BINARY), "init", "--home", str(disk.folder / "home")], text=True,
        capture_output=True, timeout=harness.COMMAND_SECONDS)
    assert done.returncode == 1 and done.stderr.startswith("strongroom: error: "), done.stderr
    assert [path.name for path in disk.folder.iterdir()] == ["ballast"]
    disk.make_room()
    with harness.Home(disk.folder / "home") as home:
        assert home.serve().answers()
