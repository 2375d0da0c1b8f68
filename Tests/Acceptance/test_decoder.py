"""An independent reader, written from docs/REGISTRY-FORMAT.md, finds a registry whole, opens every
file of it, and names what is damaged."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

import harness
import registries
import registry_decoder
from registries import damage
from strongroom_client import registry
from strongroom_models import crc32c

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
    "format": (file_damage("keys/format", lambda _: b"3\n"), r"keys/format: 3 was seen"),
    "format form": (file_damage("keys/format", lambda _: b"two\n"), r"keys/format"),
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
    "upload file": (row_damage("upload_files", "sha256", "file_index = 0", lambda _: "0" * 64),
                    r"upload .*its mac does not hold"),
    "upload": (row_damage("uploads", "files", "version IS NULL",
                          lambda text: text.replace("large", "lange")),
               r"upload .*its mac does not hold"),
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


FORMER_HOME = harness.ROOT / "Tests/Fixtures/homes/format-1.tar.gz"


@pytest.fixture
def former(tmp_path):
    """A home that a release of registry format 1 made, and what it holds."""
    with tarfile.open(FORMER_HOME) as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    for path in (tmp_path / "home").rglob("*"):
        os.chown(path, os.getuid(), os.getgid())
    with harness.Home(tmp_path / "home", made=True) as home:
        yield home, json.loads((tmp_path / "expected.json").read_text())


def check_contents(reader, expected):
    assert reader.verify() == []
    for version in expected["versions"]:
        if version["model"] == "carla" and version["version"] == 3:
            continue
        for path, digest in version["files"].items():
            data = b"".join(reader.read(version["model"], version["version"], path))
            assert hashlib.sha256(data).hexdigest() == digest


def test_a_home_of_the_former_format_is_migrated_and_its_uploads_go_on(former, tmp_path):
    home, expected = former
    check_contents(registry_decoder.Registry(home.folder), expected)
    before = home.json("verify")
    assert before["fault_count"] == 0
    home.command("backup", tmp_path / "backup")
    server = home.serve()
    lines = [line for line in server.log.splitlines() if "migrated from format 1 to format 2" in line]
    assert len(lines) == 1 and "refused" not in lines[0], server.log
    with server.client() as client:
        status = client.call("Registry", "GetUpload", registry.GetUploadRequest(
            upload_id=expected["unfinished"]))
        assert list(status.next_offsets)[1:] == [0] and status.next_offsets[0] > 0
        client.call("Registry", "UploadChunk", registry.UploadChunkRequest(
            upload_id=expected["unfinished"], file_index=1, offset=0, crc32c=crc32c(b"x"),
            data=b"x"))
        for upload, model in ((expected["unfinished"], "emil"), (expected["ready"], "fritz")):
            made = client.call("Registry", "CommitPublish", registry.CommitPublishRequest(
                upload_id=upload)).version
            assert (made.model, made.version) == (model, 1)
        registries.set_alias(client, "anna", "stable", 2, force=True)
    check_contents(registry_decoder.Registry(home.folder), expected)
    assert server.stop() == 0
    check_contents(registry_decoder.Registry(home.folder), expected)
    assert home.json("verify")["fault_count"] == 0
    # The second start has nothing to migrate.
    server = home.serve()
    assert "migrated" not in server.log
    assert server.stop() == 0

    done = home.run("restore", tmp_path / "backup", "--accept", "--reason", "test")
    assert done.returncode == 1
    assert "the backup is of registry format 1, and this release writes format 2" in done.stderr
    assert "hint: " in done.stderr and "--migrate" in done.stderr
    home.command("restore", tmp_path / "backup", "--accept", "--reason", "test", "--migrate")
    check_contents(registry_decoder.Registry(home.folder), expected)
    assert home.json("verify")["fault_count"] == 0


def test_a_former_home_whose_log_tells_more_than_its_layout_can_hold_is_refused(former):
    home, _ = former
    with registries.connected(home.folder / "store/registry.sqlite") as database:
        for column in registry_decoder.NEW_COLUMNS:
            database.execute(f"ALTER TABLE alias_moves DROP COLUMN {column}")
        database.execute("DELETE FROM grdb_migrations WHERE identifier = '2'")

    def faults():
        return list(map(str, registry_decoder.Registry(home.folder).verify()))

    # The later layout alone could state the checks that one move of this home passes over.
    lost = ["move of alias berta old 2: allow_signature_change is 0, and the audit log says 1"]
    assert faults() == lost
    done = home.run("serve", "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "the registry was changed by others: alias_moves, berta/old" in done.stderr
    assert faults() == lost


def test_a_home_that_was_turned_back_into_the_former_format_is_refused(former):
    home, _ = former
    (home.folder / "keys/format").write_text("2\n")
    done = home.run("serve", "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "the registry's database is of format 1, and format 2 was seen before" in done.stderr
    with registries.connected(home.folder / "store/registry.sqlite") as database:
        assert database.execute("SELECT count(*) FROM grdb_migrations").fetchone() == (2,)
    assert "file format" in home.run("verify").stdout
    (fault,) = registry_decoder.Registry(home.folder).verify()
    assert str(fault) == "keys/format: 2 was seen, and the database is of format 1"
    # An operator who knows why takes the mark away.
    (home.folder / "keys/format").unlink()
    server = home.serve()
    assert "migrated from format 1 to format 2" in server.log and server.stop() == 0
    assert (home.folder / "keys/format").read_text() == "2\n"


PLANTED = {
    "trigger": "CREATE TRIGGER planted AFTER INSERT ON audit BEGIN DELETE FROM models; END",
    "view": "CREATE VIEW planted AS SELECT 1",
    "table": "CREATE TABLE planted (x)",
    "index": "CREATE INDEX planted ON audit (principal)",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_foreign_object_is_named_by_each_command_and_the_former_home_is_not_migrated(
        former, tmp_path, kind):
    home, _ = former
    with registries.connected(home.folder / "store/registry.sqlite") as database:
        database.execute(PLANTED[kind])
    for command in (("verify",), ("verify", "--without-keys"), ("audit", "--verify"),
                    ("backup", tmp_path / "backup"), ("serve", "--listen", "127.0.0.1:0")):
        done = home.run(*command)
        assert done.returncode == 1, command
        (line, *_) = [line for line in (done.stdout + done.stderr).splitlines() if "planted" in line]
        assert f"{kind} 'planted' is not in the schema of format 1" in line
    (fault, *_) = registry_decoder.Registry(home.folder).verify()
    assert f"{kind} planted" in str(fault)
    with registries.connected(home.folder / "store/registry.sqlite") as database:
        assert database.execute("SELECT count(*) FROM grdb_migrations").fetchone() == (2,)


def test_a_database_of_another_format_is_named(published):
    home, _ = published
    with damage(home.folder):
        with registries.connected(home.folder / "store/registry.sqlite") as database:
            database.execute("INSERT INTO grdb_migrations VALUES ('format-3')")
        (fault, *_) = registry_decoder.Registry(home.folder).verify()
        assert "unknown format" in str(fault)
    with damage(home.folder):
        with registries.connected(home.folder / "store/registry.sqlite") as database:
            database.execute("ALTER TABLE alias_moves ADD COLUMN extra TEXT")
        (fault, *_) = registry_decoder.Registry(home.folder).verify()
        assert "table alias_moves is not as the format 'format-2' has it" in str(fault)


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
