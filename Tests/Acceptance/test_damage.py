"""A home that someone or something changed: what is damaged is said, what is whole is served."""

import os
import shutil

import pytest

import models
from strongroom_client import StatusError
from strongroom_models import predict, publish_bundle, rollback

ROW = models.rows(seed=1)
WHOLE, HURT = "whole", "hurt"


def one_line(done):
    """Checks that a command failed with exit 1 and one clear line; the line."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("strongroom: hint: ")]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1 and lines[0].startswith("strongroom: error: "), done.stderr
    assert done.stdout == ""
    return lines[0]


def refuse_to_serve(home):
    return one_line(home.run("serve", "--listen", "127.0.0.1:0"))


def blobs(home):
    return {path for path in home.files("store/blobs")}


@pytest.fixture
def published(home):
    """A stopped home with two models, and the sealed files of the second."""
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, WHOLE, {"model.onnx": models.mlp(seed=1)})
        before = blobs(home)
        publish_bundle(client, HURT, {"model.onnx": models.mlp(seed=2, widths=(4, 600, 3))})
        after = blobs(home)
    assert server.stop() == 0
    return home, max(after - before, key=lambda path: path.stat().st_size)


def flip(path, position):
    """Flips one bit; answers with what was there."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[position] ^= 1
    replace(path, bytes(changed))
    return data


def replace(path, data):
    """Writes a file that may be read-only, keeping its mode."""
    mode = path.stat().st_mode
    os.chmod(path, 0o600)
    path.write_bytes(data)
    os.chmod(path, mode)


def code_of(client, model):
    try:
        predict(client, model, {"x": ROW})
    except StatusError as error:
        return error.code
    return "OK"


@pytest.mark.parametrize("position", [9, 50, 140, 1000, -1])
def test_one_flipped_bit_of_a_sealed_file_is_data_loss_for_its_version_alone(published, position):
    home, blob = published
    data = flip(blob, position)
    server = home.serve()
    with server.client() as client:
        with pytest.raises(StatusError) as caught:
            predict(client, HURT, {"x": ROW})
        assert caught.value.code == "DATA_LOSS" and HURT in caught.value.message
        assert blob.name not in caught.value.message
        assert code_of(client, WHOLE) == "OK"
        better = publish_bundle(client, HURT, {"model.onnx": models.mlp(seed=3)})
        assert list(better.aliases) == ["live"]
        assert predict(client, HURT, {"x": ROW})[0] == 2
    assert server.stop() == 0
    replace(blob, data)
    server = home.serve()
    with server.client() as client:
        assert predict(client, HURT, {"x": ROW}, version=1)[0] == 1


@pytest.mark.parametrize("change", ["cut short", "made longer", "gone", "another model's"])
def test_a_sealed_file_is_data_loss_that_was(published, change):
    home, blob = published
    if change == "cut short":
        replace(blob, blob.read_bytes()[:-1])
    elif change == "made longer":
        replace(blob, blob.read_bytes() + b"\0")
    elif change == "gone":
        blob.unlink()
    else:
        replace(blob, min(blobs(home) - {blob}, key=lambda path: path.name).read_bytes())
    server = home.serve()
    with server.client() as client:
        assert code_of(client, HURT) == "DATA_LOSS"
        assert code_of(client, WHOLE) == "OK"
    assert server.answers()


def test_damage_done_while_serving_stops_a_rollback_and_not_the_service(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, HURT, {"model.onnx": models.mlp(seed=1)})
        first = max(blobs(home), key=lambda path: path.stat().st_size)
        publish_bundle(client, HURT, {"model.onnx": models.mlp(seed=2)})
    assert server.stop() == 0
    server = home.serve()
    flip(first, 500)
    with server.client() as client:
        with pytest.raises(StatusError) as caught:
            rollback(client, HURT)
        assert caught.value.code in ("DATA_LOSS", "FAILED_PRECONDITION")
        assert predict(client, HURT, {"x": ROW})[0] == 2


@pytest.mark.parametrize("change", ["another key", "no key", "a key open to others", "no current"])
def test_the_server_does_not_start_with(published, change):
    home, _ = published
    (key,) = (home.folder / "keys").glob("kek-*.key")
    if change == "another key":
        replace(key, bytes(32))
    elif change == "no key":
        key.unlink()
    elif change == "a key open to others":
        os.chmod(key, 0o644)
    else:
        (home.folder / "keys/kek-current").unlink()
    line = refuse_to_serve(home)
    assert "key" in line, line


def test_the_server_does_not_start_on_an_old_copy_of_the_registry(published):
    home, _ = published
    copy = home.folder.parent / "copy"
    shutil.copytree(home.folder / "store", copy)
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, WHOLE, {"model.onnx": models.mlp(seed=7)})
    assert server.stop() == 0
    shutil.rmtree(home.folder / "store")
    shutil.copytree(copy, home.folder / "store")
    refuse_to_serve(home)


def test_the_server_does_not_start_on_a_damaged_database(published):
    home, _ = published
    database = home.folder / "store/registry.sqlite"
    replace(database, database.read_bytes()[:4096] + os.urandom(8192))
    refuse_to_serve(home)


def test_a_second_server_on_a_home_is_refused_and_the_first_goes_on(home):
    server = home.serve()
    refuse_to_serve(home)
    assert server.answers()
    assert (home.folder / "address").read_text() == f"{server.host}:{server.port}\n"
