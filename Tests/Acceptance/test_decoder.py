"""An independent reader, written from docs/REGISTRY-FORMAT.md, finds a registry whole, opens every
file of it, and names what is damaged."""

import os
import re
import shutil
import subprocess
import sys

import pytest

import harness
import registries
import registry_decoder
from registries import damage

PROGRAM = harness.ROOT / "Tests/Interop/python/registry_decoder.py"
DOCUMENT = harness.ROOT / "docs/REGISTRY-FORMAT.md"


@pytest.fixture(scope="module")
def published(shared_home):
    """A stopped home with something of everything, and what was published."""
    server = shared_home.serve()
    with server.client() as client:
        contents = registries.varied(client)
        while_serving = registry_decoder.Registry(shared_home.folder)
        assert while_serving.verify() == [] and while_serving.notes == []
    assert server.stop() == 0
    return shared_home, contents


def decode(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], text=True,
                          capture_output=True)


def test_the_decoder_finds_no_fault_in_a_registry_and_opens_every_file(published):
    home, contents = published
    reader = registry_decoder.Registry(home.folder)
    assert reader.verify() == [] and reader.notes == []
    states = {row["state"] for row in reader.rows("versions")}
    assert states == {"stored", "rejected", "deleted"} and reader.rows("upload_files")
    for (model, version), files in contents.items():
        for path, data in files.items():
            assert b"".join(reader.read(model, version, path)) == data, (model, version, path)


def test_the_decoder_is_a_program(published, tmp_path):
    home, contents = published
    done = decode(home.folder)
    assert done.returncode == 0 and done.stdout.endswith("0 faults\n"), done.stdout
    out = tmp_path / "out"
    done = decode(home.folder, "--extract", "dora", 1, "extra.bin", out)
    assert done.returncode == 0 and out.read_bytes() == contents["dora", 1]["extra.bin"]
    done = decode(home.folder, "--extract", "carla", 3, "model.onnx", out)
    assert done.returncode == 1 and "carla version 3" in done.stderr


def test_the_decoder_opens_a_registry_whose_key_is_elsewhere(published, tmp_path):
    home, _ = published
    shutil.copytree(home.folder / "keys", tmp_path / "keys")
    done = decode(home.folder, "--keys", tmp_path / "keys")
    assert done.returncode == 0, done.stdout
    (key,) = (tmp_path / "keys").glob("kek-*.key")
    reader = registry_decoder.Registry(home.folder, kek=key.read_bytes().hex())
    assert reader.verify() == []


def test_the_decoder_reads_the_document_s_schema():
    statements = re.search(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1]
    assert statements.split() == registry_decoder.SCHEMA.split()


def row_damage(table, column, where, change):
    """Changes one cell of the database, past everything that guards it."""
    def plant(home):
        path = home.folder / "store/registry.sqlite"
        with registries.connected(path) as database:
            ((value,),) = database.execute(f"SELECT {column} FROM {table} WHERE {where}")
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (change(value),))
        return [path]
    return plant


def other_digit(text):
    """The text with another hex digit in its middle."""
    middle = len(text) // 2
    return text[:middle] + ("1" if text[middle] == "0" else "0") + text[middle + 1:]


def file_damage(pattern, change):
    def plant(home):
        path = max(home.folder.glob(pattern), key=lambda path: (path.stat().st_size, path))
        registries.replace(path, change(path.read_bytes()))
        return [path]
    return plant


def flip(position):
    return lambda data: data[:position] + bytes([data[position] ^ 4]) + data[position:][1:]


ANNA_1 = "model = 'anna' AND version = 1"
BERTA_LIVE = "model = 'berta' AND name = 'live'"
BERTA_OLD = "model = 'berta' AND name = 'old'"
DAMAGES = {
    "kek": (file_damage("keys/kek-*.key", flip(5)), r"keys/kek-"),
    "current": (file_damage("keys/kek-current", flip(0)), r"keys/kek-current"),
    "signing key": (file_damage("keys/signing.key", flip(150)), r"keys/signing.key"),
    "public key": (file_damage("keys/signing.pub.pem", flip(60)), r"keys/signing.pub.pem"),
    "sequence": (file_damage("keys/sequence", lambda _: b"1000\n"), r"keys/sequence: 1000"),
    "sequence form": (file_damage("keys/sequence", lambda _: b"1e3\n"), r"keys/sequence"),
    "server id": (file_damage("store/server-id", lambda data: data[1:]), r"store/server-id"),
    "blob header": (file_damage("store/blobs/*/*", flip(140)), r"dora version 1, file .*blob"),
    "blob chunk": (file_damage("store/blobs/*/*", flip(-1)), r"dora version 1, file .*blob"),
    "blob cut": (file_damage("store/blobs/*/*", lambda data: data[:-1]), r"dora version 1, file "),
    "blob longer": (file_damage("store/blobs/*/*", lambda data: data + b"\0"), r"dora version 1"),
    "database": (file_damage("store/registry.sqlite", lambda data: data[:-4096]), r"database"),
    "wrapped key": (row_damage("wrapped_keys", "ciphertext", "model = 'dora'", other_digit),
                    r"wrapped key of bundle "),
    "record": (row_damage("versions", "record", ANNA_1, lambda text: text.replace("1", "2", 1)),
               r"anna version 1, record: the signature"),
    "record signature": (row_damage("versions", "signature", ANNA_1, other_digit),
                         r"anna version 1, record: the signature"),
    "card": (row_damage("versions", "sealed_card", ANNA_1, other_digit), r"anna version 1, card"),
    "state": (row_damage("versions", "state", ANNA_1, lambda _: "rejected"),
              r"version anna 1: state"),
    "created_by": (row_damage("versions", "created_by", ANNA_1, lambda _: "cert:eve"),
                   r"anna version 1, record: the record's created_by"),
    "head": (row_damage("catalogue", "head", "id = 1", lambda text: text + " "),
             r"catalogue head: the signature"),
    "head sequence": (row_damage("catalogue", "sequence", "id = 1", lambda number: number + 1),
                      r"catalogue head: its sequence"),
    "alias": (row_damage("aliases", "version", BERTA_LIVE, lambda _: 2),
              r"catalogue head: its aliases of berta"),
    "alias principal": (row_damage("aliases", "changed_by", BERTA_LIVE, lambda _: "cert:eve"),
                        r"alias berta live: changed_by"),
    "history": (row_damage("alias_moves", "reason", BERTA_LIVE + " AND generation = 3",
                           lambda _: "better than before"), r"move of alias berta live 3: reason"),
    "override": (row_damage("alias_moves", "force", BERTA_OLD + " AND generation = 2",
                            lambda _: 0), r"move of alias berta old 2: force"),
    "audit": (row_damage("audit", "detail", "sequence = 5", lambda _: "4 files, 1 bytes"),
              r"audit event 5: its hash"),
    "newest": (row_damage("models", "newest", "name = 'anna'", lambda _: 2), r"model anna"),
    "upload": (row_damage("uploads", "files", "version IS NULL",
                          lambda text: text.replace("large", "lange")),
               r"upload .*contents_sha256"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_the_decoder_names_what_is_damaged(published, name):
    home, _ = published
    plant, named = DAMAGES[name]
    with damage(home.folder):
        plant(home)
        faults = registry_decoder.Registry(home.folder).verify()
        assert any(re.match(named, str(fault)) for fault in faults), list(map(str, faults))
    assert registry_decoder.Registry(home.folder).verify() == []


def former(home):
    """Takes a closed home to the former format of the database."""
    with registries.connected(home.folder / "store/registry.sqlite") as database:
        for column in registry_decoder.NEW_COLUMNS:
            database.execute(f"ALTER TABLE alias_moves DROP COLUMN {column}")
        database.execute("DELETE FROM grdb_migrations WHERE identifier = '2'")


def test_a_home_of_the_former_format_is_whole_before_and_after_its_first_start(home, tmp_path):
    server = home.serve()
    with server.client() as client:
        registries.small(client)
    assert server.stop() == 0
    former(home)
    assert registry_decoder.Registry(home.folder).verify() == []
    assert home.json("verify")["fault_count"] == 0
    home.command("backup", tmp_path / "backup")
    server = home.serve()
    with server.client() as client:
        registries.set_alias(client, "anna", "stable", 2, force=True)
    assert registry_decoder.Registry(home.folder).verify() == []
    assert server.stop() == 0
    assert registry_decoder.Registry(home.folder).verify() == []
    assert home.json("verify")["fault_count"] == 0
    (force,) = [row["force"] for row in registry_decoder.Registry(home.folder).load().rows(
        "alias_moves") if (row["name"], row["generation"]) == ("stable", 2)]
    assert force == 1


def test_a_database_of_another_format_is_named(published):
    home, _ = published
    with damage(home.folder):
        with registries.connected(home.folder / "store/registry.sqlite") as database:
            database.execute("INSERT INTO grdb_migrations VALUES ('3')")
        (fault, *_) = registry_decoder.Registry(home.folder).verify()
        assert "unknown format" in str(fault)
    with damage(home.folder):
        former(home)
        with registries.connected(home.folder / "store/registry.sqlite") as database:
            database.execute("INSERT INTO grdb_migrations VALUES ('2')")
        (fault, *_) = registry_decoder.Registry(home.folder).verify()
        assert "table alias_moves is not as format 2 has it" in str(fault)


def test_an_audit_log_whose_tail_was_cut_is_noticed(published):
    home, _ = published
    with damage(home.folder):
        with registries.connected(home.folder / "store/registry.sqlite") as database:
            database.execute("DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)")
        faults = map(str, registry_decoder.Registry(home.folder).verify())
        assert any("its audit event is not the newest" in fault for fault in faults)


def test_an_old_copy_of_the_database_is_noticed(home, tmp_path):
    server = home.serve()
    with server.client() as client:
        registries.small(client)
    assert server.stop() == 0
    shutil.copytree(home.folder / "store", tmp_path / "store")
    server = home.serve()
    with server.client() as client:
        registries.set_alias(client, "anna", "stable", 2)
    assert server.stop() == 0
    os.replace(home.folder / "store", tmp_path / "newer")
    os.replace(tmp_path / "store", home.folder / "store")
    faults = [str(fault) for fault in registry_decoder.Registry(home.folder).verify()]
    assert len(faults) == 1 and "the store is an old copy" in faults[0], faults
