"""Memory: what a model took comes back, swaps do not add up, and a load for which there is no room
is refused. Figures of resident memory; no time is measured."""

import re

import numpy
import pytest

import harness
import models
import resident
from harness import wait_until
from registries import set_alias
from strongroom_client import StatusError, registry
from strongroom_models import predict, publish_bundle, rollback
from test_metrics import scrape, value

MIB = resident.MIB
LARGE_MIB = 128
RUN_IN_MIB = 16      # of a model that brings in what the process keeps for good
RESIDUE = 0.1        # of a model's size that may stay
SWAPS = 100
RUN_IN_SWAPS = 20
SLACK_BYTES = 3 * MIB
SECONDS = 20
SENTIMENT = harness.ROOT / "Registry/models/sentiment"
TEXT = "a slow start, and then one of the finest endings that I have seen in years"


@pytest.fixture
def frugal(tmp_path):
    """A server that keeps nothing for a rollback."""
    with harness.Home(tmp_path / "home") as home:
        with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
            file.write("keep_previous: false\n")
        yield home.serve()


def publish(server, model, bundle, folder):
    """With the command, which is faster than Python for large files; the version."""
    source = folder / f"{model}-source"
    source.mkdir()
    for path, data in bundle.items():
        (source / path).write_bytes(data)
    version = server.home.json("publish", model, source)["version"]
    for path in bundle:
        (source / path).unlink()
    source.rmdir()
    return version


def loads(server):
    return value(scrape(server), "strongroom_load_seconds_count")


def loaded_bytes(server, model):
    return {labels: count for (series, labels), count in scrape(server).items()
            if series == "strongroom_loaded_bytes" and ("model", model) in labels}


def load_and_free(server, kind, mib, seed, folder):
    """Publishes, calls and deletes a model; resident bytes before, with and after it."""
    model = f"{kind}-{seed}"
    made = resident.layers(mib, seed) if kind == "layers" else resident.table(mib, seed)
    size = len(made["model.onnx"])
    before = resident.settled(server.pid)
    version = publish(server, model, made, folder)
    with server.client() as client:
        predict(client, model, resident.row("matmul" if kind == "layers" else "gather"))
    held = resident.settled(server.pid)
    server.home.command("alias", "delete", model, "live")
    server.home.command("delete", model, version)
    wait_until(lambda: not loaded_bytes(server, model), SECONDS, "the unload")
    return size, before, held, resident.settled(server.pid)


@pytest.mark.parametrize("kind", ["layers", "table"])
def test_what_a_large_model_took_comes_back(frugal, kind, tmp_path):
    load_and_free(frugal, kind, RUN_IN_MIB, 1, tmp_path)
    size, before, held, after = load_and_free(frugal, kind, LARGE_MIB, 2, tmp_path)
    assert held - before > 0.9 * size, "the model was not in memory"
    assert after - before < RESIDUE * size, f"{(after - before) / MIB:.1f} MiB stayed"


def test_swaps_do_not_add_up_and_each_one_is_a_load(frugal):
    with frugal.client() as client:
        versions = [publish_bundle(client, "sentiment", SENTIMENT / name).version
                    for name in ("v1", "v2")]

        def swap(times):
            for turn in range(times):
                version = versions[turn % 2]
                set_alias(client, "sentiment", "live", version)
                assert predict(client, "sentiment", {"text": [TEXT]})[0] == version

        swap(RUN_IN_SWAPS)
        counted, before = loads(frugal), resident.settled(frugal.pid)
        swap(SWAPS)
        assert loads(frugal) - counted == SWAPS
        size = sum(file.stat().st_size for file in (SENTIMENT / "v2").rglob("*") if file.is_file())
        drift = resident.settled(frugal.pid) - before
        assert drift < size + SLACK_BYTES, f"{drift / MIB:.1f} MiB more"


def test_a_rollback_to_what_is_kept_loads_nothing(server, admin, name):
    model = name("kept")
    for seed in (1, 2):
        publish_bundle(admin, model, {"model.onnx": models.mlp(seed=seed)})
    counted = loads(server)
    for expected in (1, 2, 1):
        if expected == 2:
            set_alias(admin, model, "live", 2)
        else:
            assert rollback(admin, model).version == expected
        assert predict(admin, model, {"x": models.rows(seed=1)})[0] == expected
    assert loads(server) == counted
    assert len(loaded_bytes(server, model)) == 2


def test_a_load_without_room_is_refused_and_says_what_it_needs(home, tmp_path):
    budget = 160 * MIB  # an idle server holds about 55, and a table of 64 is expected to take 208
    with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        file.write(f"loading: {{memory_budget_bytes: {budget}}}\n")
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "large", {"model.onnx": models.mlp(seed=1)})
        source = tmp_path / "table"
        source.mkdir()
        (source / "model.onnx").write_bytes(resident.table(64, 1)["model.onnx"])
        home.command("publish", "large", source, "--alias", "NONE", "--no-wait")
        with pytest.raises(StatusError) as refused:
            predict(client, "large", {"x": numpy.zeros(1, "i8")}, version=2, timeout=SECONDS)
        assert refused.value.code == "RESOURCE_EXHAUSTED"
        needed = re.search(r"loading version 2 of model 'large' needs about (\d+) bytes of memory, "
                           r"and (\d+) are free", refused.value.message)
        assert needed and int(needed[1]) > 3 * 64 * MIB and int(needed[2]) < budget
        assert predict(client, "large", {"x": models.rows(seed=1)})[0] == 1
        stored = client.call("Registry", "GetVersion", registry.GetVersionRequest(
            model="large", version=2)).version
        assert stored.state == registry.Version.STATE_STORED, stored.reason
