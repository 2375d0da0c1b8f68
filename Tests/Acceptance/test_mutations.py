"""Parts of registries that lie where they do not belong, and thousands of random damages: each is
found by the independent decoder, and what is whole is served."""

import concurrent.futures
import multiprocessing
import os
import secrets
from pathlib import Path

import pytest

import harness
import models
import mutations
import registries
import registry_decoder
from strongroom_client import StatusError
from strongroom_models import predict

CASES = int(os.environ.get("STRONGROOM_MUTATIONS", 10_000))
PROCESSES = 2
SEED = int(os.environ.get("STRONGROOM_SEED", 0)) or secrets.randbits(32)
VERIFIED = int(os.environ.get("STRONGROOM_VERIFIED", 50))  # of them by the command, too
KEK = "STRONGROOM_TEST_KEK"
ROW = models.rows(seed=1)


class World:
    """Two stopped registries under one key-encryption key, alike but for their contents."""

    def __init__(self, folder):
        self.homes, self.answers = [], []
        for number, shift in enumerate((0, 100)):
            home = harness.Home(folder / f"home-{number}", "--keys", f"env:{KEK}")
            server = home.serve()
            with server.client() as client:
                published = registries.small(client, shift)
            assert server.stop() == 0
            self.homes.append(home)
            self.answers.append({
                place: models.Reference(files["model.onnx"]).run(x=ROW)["y"].tobytes()
                for place, files in published.items()})

    @property
    def home(self):
        return self.homes[0]

    def decode(self, number=0):
        reader = registry_decoder.Registry(self.homes[number].folder, kek=os.environ[KEK])
        reader.verify()
        return reader

    def database(self, number=0):
        return self.homes[number].folder / "store/registry.sqlite"

    def rows(self, number, place):
        """The rows of a version: its own, and its wrapped key's."""
        reader = self.decode(number)
        version = reader.version(*place)
        (key,) = [row for row in reader.rows("wrapped_keys")
                  if row["bundle_id"] == version["bundle_id"]]
        return {"versions": version, "wrapped_keys": key,
                "files": reader.record(version)["files"]}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEK, secrets.token_hex(32))
        yield World(tmp_path_factory.mktemp("swaps"))


# Swaps and splices.

WHERE = {
    "versions of one model": ((0, ("anna", 1)), (0, ("anna", 2))),
    "models": ((0, ("anna", 1)), (0, ("berta", 1))),
    "registries": ((0, ("anna", 1)), (1, ("anna", 1))),
}
WRAP = ("kek_id", "algorithm", "salt", "nonce", "ciphertext", "tag")
COLUMNS = {
    "wrapped key": ("wrapped_keys", WRAP),
    "record": ("versions", ("record", "signature", "record_sha256")),
    "record and all that it names": (
        "versions", ("record", "signature", "record_sha256", "metadata", "created_unix_ms",
                     "created_by", "bytes", "sealed_card")),
    "signature": ("versions", ("signature",)),
    "card": ("versions", ("sealed_card",)),
}
MODEL_FILE = "model.onnx"


def put(world, number, place, table, values):
    """Writes columns of a version's row, or of its wrapped key's."""
    row = world.rows(number, place)["versions"]
    where, keys = (("model = ? AND version = ?", place) if table == "versions"
                   else ("bundle_id = ?", (row["bundle_id"],)))
    with registries.connected(world.database(number)) as database:
        names = ", ".join(f"{name} = ?" for name in values)
        database.execute(f"UPDATE {table} SET {names} WHERE {where}", [*values.values(), *keys])


def swap_columns(world, what, one, other):
    table, columns = COLUMNS[what]
    both = [world.rows(*place)[table] for place in (one, other)]
    for place, row in ((one, both[1]), (other, both[0])):
        put(world, *place, table, {name: row[name] for name in columns})


def swap_blobs(world, what, one, other):
    paths = []
    for number, place in (one, other):
        for file in world.rows(number, place)["files"]:
            if file["path"] == MODEL_FILE:
                reader = registry_decoder.Registry(world.homes[number].folder)
                paths.append(Path(reader.blob_path(file["sealed_sha256"])))
    both = [path.read_bytes() for path in paths]
    for path, data in zip(paths, reversed(both)):
        if what == "blob":
            registries.replace(path, data)
        else:  # the other's header before its own chunks
            registries.replace(path, data[:160] + path.read_bytes()[160:])


def check_served(world, number, damaged):
    """The server starts; the damaged versions are DATA_LOSS, all others answer as ever."""
    server = world.homes[number].serve()
    with server.client() as client:
        for place, answer in world.answers[number].items():
            model, version = place
            if place in damaged:
                with pytest.raises(StatusError) as caught:
                    predict(client, model, {"x": ROW}, version=version)
                assert caught.value.code == "DATA_LOSS", (place, caught.value)
            else:
                _, outputs = predict(client, model, {"x": ROW}, version=version)
                assert outputs["y"].tobytes() == answer, place
    assert server.stop() == 0


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("what", [*COLUMNS, "blob", "blob header"])
def test_what_is_swapped_is_data_loss_for_its_versions_alone(world, what, where):
    one, other = WHERE[where]
    with registries.damage(world.homes[0].folder), registries.damage(world.homes[1].folder):
        (swap_columns if what in COLUMNS else swap_blobs)(world, what, one, other)
        for number in {one[0], other[0]}:
            damaged = {place for at, place in (one, other) if at == number}
            faults = list(map(str, world.decode(number).faults))
            for model, version in damaged:
                assert any(f"{model} version {version}" in fault or "wrapped key" in fault
                           for fault in faults), faults
            check_served(world, number, damaged)
    assert not world.decode(0).faults and not world.decode(1).faults


@pytest.mark.parametrize("part", [
    "head", "audit log", "database", "signing key", "public key", "sequence of a later one"])
def test_a_server_does_not_start_on_another_registry_s(world, part):
    home, other = world.homes
    with registries.damage(home.folder):
        if part in ("head", "audit log"):
            table, columns = {"head": ("catalogue", ("head", "signature")),
                              "audit log": ("audit", ("detail", "previous_hash", "hash"))}[part]
            (row,) = world.decode(1).rows(table)[-1:]
            with registries.connected(world.database()) as database:
                names = ", ".join(f"{name} = ?" for name in columns)
                key = "id" if table == "catalogue" else "sequence"
                database.execute(f"UPDATE {table} SET {names} WHERE {key} = ?",
                                 [*(row[name] for name in columns), row[key]])
        elif part == "sequence of a later one":
            path = home.folder / "keys/sequence"
            registries.replace(path, b"%d\n" % (int(path.read_bytes()) + 1))
        else:
            name = {"database": "store/registry.sqlite", "signing key": "keys/signing.key",
                    "public key": "keys/signing.pub.pem"}[part]
            registries.replace(home.folder / name, (other.folder / name).read_bytes())
        assert world.decode(0).faults
        done = home.run("serve", "--listen", "127.0.0.1:0")
        assert done.returncode == 1 and done.stderr.startswith("strongroom: error: "), done.stderr
    assert not world.decode(0).faults


# Random damage.


@pytest.fixture(scope="module")
def damaged_homes(tmp_path_factory):
    """The same kind of registry, once stopped and once killed, so that there is a log of SQLite."""
    folders = []
    for end in ("stopped", "killed"):
        with harness.Home(tmp_path_factory.mktemp(end) / "home") as home:
            server = home.serve()
            with server.client() as client:
                registries.eventful(client)
                registries.begin_small(client)
            server.stop() if end == "stopped" else server.kill()
            folders.append(home)
    assert (folders[1].folder / "store/registry.sqlite-wal").stat().st_size > 0
    return folders


@pytest.fixture(scope="module")
def tally(damaged_homes):
    """All the random cases, over both homes."""
    print(f"seed {SEED}")
    share = -(-CASES // (2 * len(damaged_homes)))
    runs = [(home.folder, SEED + number, share, VERIFIED / CASES)
            for number, home in enumerate(damaged_homes * 2)]
    total = mutations.Tally()
    with concurrent.futures.ProcessPoolExecutor(
            PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for one in pool.map(mutations.run, *zip(*runs)):
            total.add(one)
    return total


def test_random_damage_anywhere_is_found_or_touches_nothing_that_is_read(tally):
    assert tally.cases >= CASES and not tally.missed, "\n".join(tally.missed)
    assert tally.detected > 0.8 * tally.cases
    kinds = ", ".join(f"{kind} {count}" for kind, count in tally.kinds.most_common())
    print(f"\nmutations tried: {tally.cases} ({kinds}); found: {tally.detected}; in bytes that "
          f"nobody reads: {tally.unused}; in columns that stand for themselves: "
          f"{tally.unprotected}; missed: {len(tally.missed)}; seed {SEED}")


def test_verify_finds_what_the_decoder_finds(damaged_homes, tally):
    """In a sample of the random cases; with STRONGROOM_VERIFIED at their number, in all."""
    for home in damaged_homes:
        status, said = mutations.verify_command(home.folder)
        assert status == 0, said
    assert tally.verified
    assert not tally.unverified, "\n".join([
        f"not found: {len(tally.unverified)} of {tally.verified}", *tally.unverified])
    print(f"\nmutations that strongroom verify was asked about and found: {tally.verified}")
