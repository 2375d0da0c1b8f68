"""An independent reader of a registry on disk, written from docs/REGISTRY-FORMAT.md.

    registry_decoder.py HOME [--keys DIR] [--kek-env VAR]           prints every fault; exit 1 if any
    registry_decoder.py HOME --extract MODEL VERSION PATH OUT       opens one file into OUT

It shares no code with Strongroom: `cryptography` for the primitives, `sqlite3` for the tables. It
changes nothing, and may run while the server does.
"""

import argparse
import contextlib
import dataclasses
import functools
import hashlib
import hmac
import json
import os
import re
import sqlite3
import stat
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEADER_BYTES, TAG_BYTES, ZEROS = 160, 16, "0" * 64
ALGORITHM = "AES-256-GCM/HKDF-SHA-256"
CARD = "model.yaml"
HEX = re.compile(r"[0-9a-f]*")

# The statements that made the database, in the document's words.
SCHEMA = """
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
CREATE TABLE catalogue (
    id INTEGER PRIMARY KEY CHECK (id = 1), registry_id TEXT NOT NULL,
    sequence INTEGER NOT NULL, record_sha256 TEXT NOT NULL, head TEXT NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE TABLE wrapped_keys (
    bundle_id TEXT NOT NULL PRIMARY KEY, model TEXT NOT NULL, kek_id TEXT NOT NULL,
    algorithm TEXT NOT NULL, salt TEXT NOT NULL, nonce TEXT NOT NULL,
    ciphertext TEXT NOT NULL, tag TEXT NOT NULL
) STRICT;
CREATE INDEX wrapped_keys_by_kek ON wrapped_keys (kek_id);
CREATE TABLE models (name TEXT NOT NULL PRIMARY KEY, newest INTEGER NOT NULL) STRICT;
CREATE TABLE versions (
    model TEXT NOT NULL REFERENCES models (name), version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('stored', 'rejected', 'deleted')),
    reason TEXT NOT NULL, created_unix_ms INTEGER NOT NULL, created_by TEXT NOT NULL,
    bytes INTEGER NOT NULL, bundle_id TEXT NOT NULL UNIQUE, record_sha256 TEXT NOT NULL,
    metadata TEXT NOT NULL, signature TEXT NOT NULL, sealed_card TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (model, version)
) STRICT;
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY, server_id TEXT NOT NULL, principal TEXT NOT NULL,
    model TEXT NOT NULL, idempotency_key TEXT NOT NULL, mac TEXT NOT NULL,
    bundle_id TEXT NOT NULL UNIQUE, used_unix_ms INTEGER NOT NULL, version INTEGER,
    alias TEXT, alias_generation INTEGER, metadata TEXT NOT NULL, files TEXT NOT NULL,
    FOREIGN KEY (model, version) REFERENCES versions (model, version)
) STRICT;
CREATE UNIQUE INDEX uploads_by_key ON uploads (principal, model, idempotency_key)
WHERE idempotency_key <> '';
CREATE INDEX uploads_by_version ON uploads (model, version);
CREATE TABLE upload_files (
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    file_index INTEGER NOT NULL, sha256 TEXT NOT NULL, sealed_bytes INTEGER NOT NULL,
    sealed_sha256 TEXT NOT NULL, commitment TEXT NOT NULL, mac TEXT NOT NULL,
    PRIMARY KEY (upload_id, file_index)
) STRICT;
CREATE TABLE aliases (
    model TEXT NOT NULL REFERENCES models (name), name TEXT NOT NULL,
    version INTEGER NOT NULL, generation INTEGER NOT NULL,
    target_version INTEGER NOT NULL, failure TEXT NOT NULL,
    changed_unix_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
    PRIMARY KEY (model, name)
) STRICT;
CREATE TABLE alias_counters (
    model TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
    deleted_generation INTEGER NOT NULL,
    PRIMARY KEY (model, name)
) STRICT;
CREATE TABLE alias_moves (
    model TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
    is_rollback INTEGER NOT NULL, from_version INTEGER NOT NULL,
    to_version INTEGER NOT NULL, principal TEXT NOT NULL, reason TEXT NOT NULL,
    asked_unix_ms INTEGER NOT NULL, served_unix_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL
        CHECK (outcome IN ('served', 'pending', 'superseded', 'rejected')),
    allow_signature_change INTEGER NOT NULL DEFAULT 0, force INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (model, name, generation)
) STRICT;
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, unix_ms INTEGER NOT NULL, principal TEXT NOT NULL,
    action TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL,
    detail TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_model ON audit (model, sequence);
"""
# The rows of grdb_migrations that name a format, and the changes to the statements that each of the
# two layouts of the former format has. The first start of a newer server migrates those.
FORMAT, NEWEST_FORMAT = ("format-2",), 2
FORMER = ((" mac TEXT NOT NULL,\n    bundle_id", " contents_sha256 TEXT NOT NULL,\n    bundle_id"),
          ("commitment TEXT NOT NULL, mac TEXT NOT NULL,", "commitment TEXT NOT NULL,"))
MOVE_COLUMNS = ("    allow_signature_change INTEGER NOT NULL DEFAULT 0, "
                "force INTEGER NOT NULL DEFAULT 0,\n")
FORMATS = {FORMAT: (), ("1", "2"): FORMER, ("1",): FORMER + ((MOVE_COLUMNS, ""),)}
NEW_COLUMNS = ("allow_signature_change", "force")  # of alias_moves; 0 where a layout lacks them
RECORD_KEYS = {"bundle", "card_sha256", "created_by", "created_unix_ms", "files", "metadata",
               "model", "previous_sha256", "registry", "sequence", "type", "version"}
FILE_KEYS = {"commitment", "path", "sealed_bytes", "sealed_sha256", "sha256", "size"}
HEAD_KEYS = {"aliases", "audit_sequence", "audit_sha256", "previous_sha256", "record_sha256",
             "registry", "sequence", "type", "unix_ms"}


class Damage(Exception):
    """Something of a registry is not what the format says."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong: with what, and how."""

    thing: str
    what: str

    def __str__(self):
        return f"{self.thing}: {self.what}"


def check(condition, what):
    if not condition:
        raise Damage(what)


# Primitives.


def lp(data):
    data = data.encode() if isinstance(data, str) else data
    return len(data).to_bytes(4, "big") + data


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=4096)
def hkdf(key, salt, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


@functools.lru_cache(maxsize=4096)
def verifies(public, signature, text):
    """Whether an Ed25519 signature over a text holds."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    except InvalidSignature:
        return False
    return True


def unhex(text, length, what):
    check(isinstance(text, str) and HEX.fullmatch(text) and len(text) == 2 * length,
          f"{what} is not {2 * length} lower-case hex digits")
    return bytes.fromhex(text)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@functools.lru_cache(maxsize=4096)
def parse_canonical(text, what):
    """The value of canonical JSON, not to be changed; bytes that canonical JSON does not have are
    refused."""
    def pairs(items):
        check(len({key for key, _ in items}) == len(items), f"{what} has a key twice")
        return dict(items)

    def refuse(_):
        raise Damage(f"{what} has a number that is no integer")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse)
        check(_plain(value), f"{what} has a value of a kind that is not allowed")
        check(canonical(value).encode() == text.encode(), f"{what} is not canonical JSON")
    except (ValueError, RecursionError) as error:
        raise Damage(f"{what} is no JSON: {error}") from error
    return value


def _plain(value):
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    if isinstance(value, list):
        return all(map(_plain, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return -2**63 <= value < 2**63
    return isinstance(value, str)


# Keys.


def kek_id(key):
    return sha256(b"strongroom/kek/v1" + key)[:16]


@dataclasses.dataclass(frozen=True)
class Wrapped:
    """A key wrapped under a key-encryption key: the id of the latter, the rest in hex."""

    kek: str
    algorithm: str
    salt: str
    nonce: str
    ciphertext: str
    tag: str

    def unwrap(self, keks, registry, model, bundle):
        """`keks`: {id: key}. The bundle's id as bytes, empty for the signing seed."""
        unhex(self.kek, 8, "kek id")
        check(self.algorithm == ALGORITHM, f"unknown algorithm {self.algorithm!r}")
        check(self.kek in keks, f"no key-encryption key {self.kek}")
        parts = [unhex(text, length, what) for text, length, what in (
            (self.salt, 32, "salt"), (self.nonce, 12, "nonce"), (self.ciphertext, 32, "key"),
            (self.tag, 16, "tag"))]
        key = hkdf(keks[self.kek], parts[0], b"strongroom/wrap/v1", 32)
        bound = lp(registry) + lp(model) + lp(bundle) + lp(self.kek)
        try:
            return AESGCM(key).decrypt(parts[1], parts[2] + parts[3], bound)
        except InvalidTag:
            raise Damage("the wrapped key does not open here") from None


def parse_signing_key(text):
    names = ("kek", "algorithm", "salt", "nonce", "key", "tag")
    lines = text.split("\n")
    check(len(lines) == 8 and lines[0] == "strongroom/wrapped-key/v1" and lines[7] == "",
          "not the seven lines of a wrapped key")
    values = []
    for name, line in zip(names, lines[1:7]):
        check(line.startswith(name + " "), f"line {line!r} where {name} was expected")
        values.append(line[len(name) + 1:])
    return Wrapped(*values)


# Sealed blobs.


class SealedBlob:
    """One sealed blob, from a file or from memory: opened with its data key, chunk by chunk."""

    def __init__(self, stream, size):
        self.stream, self.size = stream, size
        header = self.header = stream.read(HEADER_BYTES)
        check(len(header) == HEADER_BYTES, f"{len(header)} bytes are no header")
        check(header[:8] == b"STRGROOM", "no magic")
        check(header[8:10] == b"\0\1", "unknown format version")
        check(header[10:12] == b"\0\1", "unknown suite")
        check(16 <= header[12] <= 22, f"log2 of the chunk size is {header[12]}")
        check(header[13:16] == b"\0\0\0" and header[55] == 0, "reserved bytes are not zero")
        self.chunk_bytes = 1 << header[12]
        self.length = int.from_bytes(header[56:64], "big")
        self.chunks = max(1, -(-self.length // self.chunk_bytes))
        check(self.length < 2**63 and self.chunks <= 2**32, f"length {self.length} is too large")

    @property
    def commitment(self):
        return self.header[96:128].hex()

    def open(self, data_key, registry, model, bundle, path):
        """The plaintext's chunks, each given out after its tag was checked."""
        header = self.header
        context = hashlib.sha256(b"".join(map(
            lp, ("strongroom/blob/v1", registry, model, bundle, path)))).digest()
        check(hmac.compare_digest(header[64:96], context), "the context hash is another's")
        keys = hkdf(data_key, header[16:48], b"strongroom/blob/v1" + header[:96], 96)
        check(hmac.compare_digest(header[96:128], keys[32:64]), "the commitment is another key's")
        mac = hmac.digest(keys[64:], header[:128], "sha256")
        check(hmac.compare_digest(header[128:], mac), "the header's MAC does not hold")
        right = HEADER_BYTES + self.length + TAG_BYTES * self.chunks
        check(self.size == right, f"{self.size} bytes where {right} were expected")
        cipher, bound = AESGCM(keys[:32]), hashlib.sha256(header).digest()
        for index in range(self.chunks):
            last = index == self.chunks - 1
            count = self.length - index * self.chunk_bytes if last else self.chunk_bytes
            sealed = self.stream.read(count + TAG_BYTES)
            nonce = header[48:55] + index.to_bytes(4, "big") + bytes([last])
            try:
                yield cipher.decrypt(nonce, sealed, bound)
            except (InvalidTag, ValueError):
                raise Damage(f"the tag of chunk {index} does not hold") from None


# The registry.


@functools.cache
def _wanted_schema(steps):
    text = SCHEMA
    for new, old in FORMATS[steps]:
        assert new in text
        text = text.replace(new, old)
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(text)
        database.text_factory = bytes
        return _schema(database)


def _schema(database):
    """[(kind, name, table, statement)] of all objects, white space aside; SQLite's own indexes of
    constraints have no statement."""
    text = lambda value: " ".join(value.decode().split()) if isinstance(value, bytes) else value
    return [tuple(map(text, row)) for row in database.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema")]


class Registry:
    """A home's registry. `verify()` reads all of it; `read()` opens one file of a version.

    `faults` and `notes` gather what was found: a note is what a crash may leave and a start mends,
    or what nothing refers to."""

    def __init__(self, home, keys=None, kek=None):
        """`keys`: the keys' folder, where it is not HOME/keys. `kek`: the key-encryption key in
        hex, where it comes from the environment."""
        self.home, self.store = Path(home), Path(home) / "store"
        self.keys_folder = Path(keys) if keys else self.home / "keys"
        self.faults, self.notes, self.kek_text = [], [], kek
        self.keks, self.public, self.tables, self.head = {}, None, {}, None
        self.records, self.data_keys, self.sequence, self.told = {}, {}, None, None

    @contextlib.contextmanager
    def about(self, thing):
        """What is damaged inside is a fault of `thing`."""
        try:
            yield
        except (Damage, OSError, sqlite3.Error, ValueError) as error:
            text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            self.faults.append(Fault(thing, text))

    def note(self, thing, what):
        self.notes.append(Fault(thing, what))

    def load(self):
        """Keys, then tables: enough to open files."""
        with self.about("keys/sequence"):
            self.sequence = self._number_file(self.keys_folder / "sequence")
        with self.about("keys/format"):
            # A home that a former release made, or that was never served, has none.
            path = self.keys_folder / "format"
            self.format_seen = self._number_file(path) if path.exists() else 0
        self._load_keks()
        with self.about("database"):
            self._load_tables()
        with self.about("keys/format"):
            seen, present = getattr(self, "format_seen", 0), getattr(self, "format", NEWEST_FORMAT)
            check(seen <= present, f"{seen} was seen, and the database is of format {present}")
            if seen < present == NEWEST_FORMAT:
                self.note("keys/format", f"{seen} was seen, and the database is of format {present}")
        if not self.tables:
            return self
        with self.about("catalogue"):
            check(len(self.rows("catalogue")) == 1, "not one row")
            self.catalogue = self.rows("catalogue")[0]
            check(self.catalogue["id"] == 1, "the row's id is not 1")
            self.registry = unhex(self.catalogue["registry_id"], 16, "registry id")
        if hasattr(self, "registry"):
            self._load_signing_key()
            self._load_wrapped_keys()
        return self

    def verify(self):
        """Reads everything and returns the faults."""
        self.load()
        self._check_folders()
        if hasattr(self, "registry"):
            self._check_versions()
            self._check_record_chain()
            self._check_audit()
            self._check_head()
            self._check_history()
            self._check_uploads()
            self._check_wrapped_keys_are_used()
            self._check_strays()
        return self.faults

    def rows(self, table):
        return self.tables.get(table, [])

    # Keys.

    def _key_file(self, name):
        """The bytes of a file of the keys that only its owner may read."""
        path = self.keys_folder / name
        status = path.lstat()
        check(stat.S_ISREG(status.st_mode), "not a regular file")
        check(status.st_mode & 0o077 == 0, f"mode {status.st_mode & 0o777:o} lets others in")
        return path.read_bytes()

    @staticmethod
    def _number_file(path):
        text = path.read_bytes().decode("latin-1")
        check(re.fullmatch(r"(0|[1-9][0-9]*)\n", text), f"{text!r} is not a number and \\n")
        return int(text)

    def _load_keks(self):
        if self.kek_text is not None:
            with self.about("key-encryption key"):
                key = unhex(self.kek_text, 32, "the key")
                self.keks[kek_id(key)] = key
            return
        for path in sorted(self.keys_folder.glob("kek-*.key")):
            with self.about(f"keys/{path.name}"):
                key = self._key_file(path.name)
                check(len(key) == 32, f"{len(key)} bytes, not 32")
                check(path.name == f"kek-{kek_id(key)}.key", "the key has another id")
                self.keks[kek_id(key)] = key
        with self.about("keys/kek-current"):
            text = (self.keys_folder / "kek-current").read_bytes().decode("latin-1")
            check(text.endswith("\n") and text[:-1] in self.keks, f"{text!r} names no key here")

    def _load_signing_key(self):
        """The public key of the wrapped seed, which nobody without a key could have put there;
        where that does not open, the one of the PEM file."""
        sealed = None
        with self.about("keys/signing.key"):
            wrapped = parse_signing_key(self._key_file("signing.key").decode("latin-1"))
            seed = wrapped.unwrap(self.keks, self.registry, "", b"")
            sealed = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        self.public = sealed
        with self.about("keys/signing.pub.pem"):
            pem = (self.keys_folder / "signing.pub.pem").read_bytes()
            try:
                public = serialization.load_pem_public_key(pem)
            except (ValueError, UnsupportedAlgorithm) as error:
                raise Damage(f"no public key: {error}") from error
            check(isinstance(public, Ed25519PublicKey), "not an Ed25519 key")
            check(sealed is None or self._pem(public) == self._pem(sealed),
                  "not the key of signing.key")
            if pem != self._pem(public):
                self.note("keys/signing.pub.pem", "holds more than the PEM of its key")
            self.public = public

    @staticmethod
    def _pem(public):
        return public.public_bytes(serialization.Encoding.PEM,
                                   serialization.PublicFormat.SubjectPublicKeyInfo)

    def _load_wrapped_keys(self):
        for row in self.rows("wrapped_keys"):
            with self.about(f"wrapped key of bundle {row['bundle_id']}"):
                bundle = unhex(row["bundle_id"], 16, "bundle id")
                wrapped = Wrapped(row["kek_id"], row["algorithm"], row["salt"], row["nonce"],
                                  row["ciphertext"], row["tag"])
                self.data_keys[row["bundle_id"]] = wrapped.unwrap(
                    self.keks, self.registry, row["model"], bundle)
        with self.about("registry's own key"):
            check(self.registry.hex() in self.data_keys, "no wrapped key that opens")

    def data_key(self, bundle):
        check(bundle in self.data_keys, "no wrapped key that opens")
        return self.data_keys[bundle]

    def _check_signature(self, text, signature, what):
        check(self.public is not None, "no public key to check the signature with")
        check(verifies(self.public.public_bytes_raw(), unhex(signature, 64, "signature"), text),
              f"the signature of the {what} does not hold")

    # Tables.

    def _load_tables(self):
        path = self.store / "registry.sqlite"
        with path.open("rb") as file:
            # SQLite takes an empty file for a new database, and removes the log beside it.
            check(file.read(16) == b"SQLite format 3\0", "no SQLite database")
        with contextlib.closing(sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as database:
            database.text_factory = bytes
            for setting in ("trusted_schema=OFF", "cell_size_check=ON"):
                database.execute(f"PRAGMA {setting}")
            database.execute("BEGIN")
            steps = tuple(
                identifier.decode(errors="replace") if isinstance(identifier, bytes) else identifier
                for (identifier,) in database.execute(
                    "SELECT identifier FROM grdb_migrations ORDER BY identifier"))
            check(steps in FORMATS, f"it is of an unknown format {steps}")
            self.format = NEWEST_FORMAT if steps == FORMAT else NEWEST_FORMAT - 1
            wanted, found = _wanted_schema(steps), _schema(database)
            for thing in sorted(set(wanted) ^ set(found), key=repr):
                raise Damage(f"schema: {thing[0]} {thing[1]} is not as the format {steps[-1]!r} has it")
            check(len(found) == len(wanted), "schema: an object is there twice")
            report = database.execute("PRAGMA integrity_check(3)").fetchall()
            check(report == [(b"ok",)], f"integrity check: {report}")
            for table, row, parent, _ in database.execute("PRAGMA foreign_key_check"):
                raise Damage(f"row {row} of {table} refers to nothing in {parent}")
            tables = {name: self._read(database, name)
                      for kind, name, _, _ in wanted if kind == "table"}
            for row in tables["alias_moves"]:
                for column in NEW_COLUMNS:
                    row.setdefault(column, 0)
            self.tables = tables

    @staticmethod
    def _read(database, table):
        cursor = database.execute(f"SELECT * FROM {table} ORDER BY 1")
        names = [column[0] for column in cursor.description]
        try:
            return [{name: cell.decode() if isinstance(cell, bytes) else cell
                     for name, cell in zip(names, cells)} for cells in cursor]
        except UnicodeDecodeError:
            raise Damage(f"a text of table {table} is not UTF-8") from None

    # Versions.

    def version(self, model, number):
        """The row of a version."""
        for row in self.rows("versions"):
            if (row["model"], row["version"]) == (model, number):
                return row
        raise Damage("no such version")

    def record(self, row):
        """The signed record of a row, checked against it."""
        text = row["record"]
        self._check_signature(text, row["signature"], "record")
        record = parse_canonical(text, "record")
        check(isinstance(record, dict) and set(record) == RECORD_KEYS, "the record has other keys")
        check(record["type"] == "strongroom/version/v1", "the record is of another type")
        check(sha256(text.encode()) == row["record_sha256"], "record_sha256 is another record's")
        for key, value in (
                ("registry", self.registry.hex()), ("model", row["model"]),
                ("version", row["version"]), ("bundle", row["bundle_id"]),
                ("created_by", row["created_by"]), ("created_unix_ms", row["created_unix_ms"]),
                ("metadata", parse_canonical(row["metadata"], "metadata"))):
            check(record[key] == value, f"the record's {key} is not the row's")
        unhex(record["card_sha256"], 32, "card_sha256")
        unhex(record["previous_sha256"], 32, "previous_sha256")
        paths = [file["path"] for file in record["files"]]
        check(paths == sorted(set(paths)), "the record's files are not sorted by path")
        for file in record["files"]:
            check(set(file) == FILE_KEYS, "a file of the record has other keys")
            for key in ("commitment", "sealed_sha256", "sha256"):
                unhex(file[key], 32, key)
        check(sum(file["size"] for file in record["files"]) == row["bytes"],
              "bytes is not the sum of the files' sizes")
        return record

    def _check_versions(self):
        numbers = {row["name"]: [] for row in self.rows("models")}
        for row in self.rows("versions"):
            name = f"{row['model']} version {row['version']}"
            numbers.setdefault(row["model"], []).append(row["version"])
            with self.about(name):
                check(row["state"] in ("stored", "rejected", "deleted"),
                      f"unknown state {row['state']!r}")
                check((row["bundle_id"] in self._wrapped()) == (row["state"] != "deleted"),
                      f"{row['state']}, and a wrapped key is or is not there")
                for other in self.rows("wrapped_keys"):
                    check(other["bundle_id"] != row["bundle_id"]
                          or other["model"] == row["model"], "its wrapped key is another model's")
            with self.about(f"{name}, record"):
                record = self.records[row["model"], row["version"]] = self.record(row)
                with self.about(f"{name}, card"):
                    self._check_card(row, record)
                for file in record["files"]:
                    with self.about(f"{name}, file {file['path']}, blob {file['sealed_sha256']}"):
                        self._check_file(row, file)
        for row in self.rows("models"):
            with self.about(f"model {row['name']}"):
                found = sorted(numbers[row["name"]])
                check(len(found) == row["newest"] and found == list(range(1, len(found) + 1)),
                      f"versions {found} where 1 to {row['newest']} were expected")

    def _wrapped(self):
        return {row["bundle_id"] for row in self.rows("wrapped_keys")}

    def _check_card(self, row, record):
        sealed = bytes.fromhex(row["sealed_card"]) if HEX.fullmatch(row["sealed_card"]) else b""
        blob = SealedBlob(_Memory(sealed), len(sealed))
        card = b"".join(blob.open(self.data_key(self.registry.hex()), self.registry, row["model"],
                                  unhex(row["bundle_id"], 16, "bundle id"), CARD))
        check(sha256(card) == record["card_sha256"], "not the card of the record")
        in_bundle = [file["sha256"] for file in record["files"] if file["path"] == CARD]
        check(in_bundle == [record["card_sha256"]], "not the model.yaml of the record's files")

    def blob_path(self, digest):
        return f"{self.store}/blobs/{digest[:2]}/{digest}"

    @contextlib.contextmanager
    def _blob(self, digest):
        descriptor = os.open(self.blob_path(digest), os.O_RDONLY | os.O_NOFOLLOW)
        with open(descriptor, "rb") as stream:
            yield stream, os.fstat(descriptor).st_size

    def _check_file(self, row, file):
        if row["state"] == "deleted":
            return self._check_deleted_file(file)
        with self._blob(file["sealed_sha256"]) as (stream, size):
            check(size == file["sealed_bytes"],
                  f"{size} bytes where {file['sealed_bytes']} were expected")
            check(hashlib.file_digest(stream, "sha256").hexdigest() == file["sealed_sha256"],
                  "its bytes have another SHA-256")
            stream.seek(0)
            for _ in self._open(stream, size, row, file):
                pass

    def _check_deleted_file(self, file):
        """What is left of it is nothing that anybody can open."""
        path = self.blob_path(file["sealed_sha256"])
        if os.path.lexists(path) and (not os.path.isfile(path) or hashlib.sha256(
                Path(path).read_bytes()).hexdigest() != file["sealed_sha256"]):
            self.note(f"blob {file['sealed_sha256']}", "of a deleted version, has another SHA-256")

    def _open(self, stream, size, row, file):
        blob = SealedBlob(stream, size)
        check(blob.commitment == file["commitment"], "the commitment is not the record's")
        check(blob.length == file["size"], "the length is not the record's")
        digest = hashlib.sha256()
        for chunk in blob.open(self.data_key(row["bundle_id"]), self.registry, row["model"],
                               bytes.fromhex(row["bundle_id"]), file["path"]):
            digest.update(chunk)
            yield chunk
        check(digest.hexdigest() == file["sha256"], "the plaintext has another SHA-256")

    def read(self, model, number, path):
        """The chunks of a published file. The last check is after the last chunk: use nothing
        before the end."""
        row = self.version(model, number)
        file = next((file for file in self.record(row)["files"] if file["path"] == path), None)
        check(file is not None, f"no file {path}")
        with self._blob(file["sealed_sha256"]) as (stream, size):
            yield from self._open(stream, size, row, file)

    def _check_record_chain(self):
        previous, before = ZEROS, 1
        for record in sorted(self.records.values(), key=lambda record: record["sequence"]):
            with self.about(f"{record['model']} version {record['version']}, record chain"):
                check(record["previous_sha256"] == previous, "not chained to the record before it")
                check(record["sequence"] > before, "its sequence was taken")
            previous, before = sha256(canonical(record).encode()), record["sequence"] + 1
        with self.about("catalogue"):
            check(len(self.records) < len(self.rows("versions"))
                  or previous == self.catalogue["record_sha256"],
                  "record_sha256 is not that of the newest record")

    # Audit, head, aliases.

    def _check_audit(self):
        previous = ZEROS
        for count, row in enumerate(self.rows("audit"), 1):
            with self.about(f"audit event {row['sequence']}"):
                check(row["sequence"] == count, f"sequence {count} is missing")
                check(row["previous_hash"] == previous, "not chained to the event before it")
                hashed = hashlib.sha256(b"".join(map(lp, (
                    "strongroom/audit/v1", row["sequence"].to_bytes(8, "big", signed=True),
                    row["unix_ms"].to_bytes(8, "big", signed=True), row["principal"],
                    row["action"], row["model"], row["version"].to_bytes(8, "big", signed=True),
                    row["detail"], bytes.fromhex(previous))))).hexdigest()
                check(row["hash"] == hashed, "its hash is not that of its fields")
            previous = unhex_or_zeros(row["hash"])

    def _check_head(self):
        with self.about("catalogue head"):
            row = self.catalogue
            self._check_signature(row["head"], row["signature"], "head")
            head = parse_canonical(row["head"], "head")
            check(isinstance(head, dict) and set(head) == HEAD_KEYS, "it has other keys")
            check(head["type"] == "strongroom/head/v1", "it is of another type")
            for key, column in (("registry", "registry_id"), ("sequence", "sequence"),
                                ("record_sha256", "record_sha256")):
                check(head[key] == row[column], f"its {key} is not the row's")
            aliases = {}
            for alias in self.rows("aliases"):
                aliases.setdefault(alias["model"], {})[alias["name"]] = {
                    key: alias[key] for key in ("generation", "target_version", "version")}
            for model in sorted(set(aliases) | set(head["aliases"])):
                check(aliases.get(model) == head["aliases"].get(model),
                      f"its aliases of {model} are not those of the table")
            newest = self.rows("audit")[-1] if self.rows("audit") else None
            check(newest and (head["audit_sequence"], head["audit_sha256"])
                  == (newest["sequence"], newest["hash"]), "its audit event is not the newest")
            self.head = head
        with self.about("keys/sequence"):
            if self.head and self.sequence is not None:
                check(self.sequence <= self.head["sequence"],
                      f"{self.sequence} was seen, and the head is {self.head['sequence']}: "
                      "the store is an old copy")
                if self.sequence < self.head["sequence"]:
                    self.note("keys/sequence", f"{self.sequence} is behind the head's "
                                               f"{self.head['sequence']}")

    def _check_history(self):
        """States, aliases and their history are in no signature: they are what the chained audit
        log says happened."""
        told = History()
        for row in self.rows("audit"):
            with self.about(f"audit event {row['sequence']}, {row['action']}"):
                told.follow(row)
        for what, table, key, wanted in (
                ("version", "versions", ("model", "version"), told.versions),
                ("alias", "aliases", ("model", "name"), told.aliases),
                ("counter of alias", "alias_counters", ("model", "name"), told.counters),
                ("move of alias", "alias_moves", ("model", "name", "generation"), told.moves)):
            found = {tuple(row[name] for name in key): row for row in self.rows(table)}
            for place in sorted(set(found) | set(wanted)):
                with self.about(f"{what} {' '.join(map(str, place))}"):
                    check(place in wanted, "no audit event tells of it")
                    check(place in found, "the audit log tells of it, and it is not there")
                    for column, value in wanted[place].items():
                        check(found[place][column] == value,
                              f"{column} is {found[place][column]!r}, and the audit log says "
                              f"{value!r}")
        self.told = told

    # Uploads, and what nothing refers to.

    def _check_uploads(self):
        bundles = {row["bundle_id"] for row in self.rows("uploads")}
        for row in self.rows("versions"):
            with self.about(f"{row['model']} version {row['version']}"):
                check((row["bundle_id"] in bundles) == (row["state"] != "deleted"),
                      f"{row['state']}, and its upload is or is not there")
        for row in self.rows("uploads"):
            with self.about(f"upload {row['id']}"):
                files = parse_canonical(row["files"], "files")
                metadata = parse_canonical(row["metadata"], "metadata")
                self._check_contents(row, files, metadata)
                if row["version"] is None:
                    self._check_open_upload(row, files)
                else:
                    version = self.version(row["model"], row["version"])
                    check(version["bundle_id"] == row["bundle_id"],
                          "its bundle is not its version's")
                    check(parse_canonical(version["metadata"], "metadata") == metadata,
                          "its metadata is not its version's")
                    check(version["created_by"] == row["principal"],
                          "its principal is not its version's")
                    record = self.records.get((row["model"], row["version"]), {"files": files})
                    stored = {(file["path"], file["sha256"], file["size"])
                              for file in record["files"]}
                    check(stored >= {(file["path"], file["sha256"], file["size"])
                                     for file in files}, "its files are not its version's")
                    self._check_asked_alias(row)

    def _check_contents(self, row, files, metadata):
        if "contents_sha256" in row:
            contents = canonical({"files": files, "metadata": metadata})
            check(sha256(contents.encode()) == row["contents_sha256"],
                  "contents_sha256 is not that of files and metadata")
            return
        stated = {"bundle": row["bundle_id"], "files": files, "metadata": metadata,
                  **{name: row[name] for name in (
                      "idempotency_key", "model", "principal", "server_id")}}
        if row["id"] != row["bundle_id"]:
            stated["id"] = row["id"]  # a server of the former format began it
        self._check_code(row, row["bundle_id"], b"strongroom/upload/v1", stated)

    def _check_code(self, row, bundle, info, stated):
        key = hkdf(self.data_key(bundle), bytes.fromhex(bundle), info, 32)
        code = hmac.digest(key, canonical(stated).encode(), "sha256").hex()
        check(hmac.compare_digest(code.encode(), row["mac"].encode()), "its mac does not hold")

    def _check_asked_alias(self, row):
        if row["alias"] is None:
            check(row["alias_generation"] is None, "a generation without an alias")
            return
        move = self.told.moves.get((row["model"], row["alias"], row["alias_generation"]))
        version = self.version(row["model"], row["version"])
        check(move and (move["to_version"], move["asked_unix_ms"], move["principal"])
              == (row["version"], version["created_unix_ms"], version["created_by"]),
              f"it asked for no move of alias {row['alias']}")

    def _check_open_upload(self, row, files):
        check(row["alias"] is None and row["alias_generation"] is None, "an alias, and open")
        check(all(version["bundle_id"] != row["bundle_id"] for version in self.rows("versions")),
              "open, and a version has its bundle")
        if f"{row['server_id']}\n" != getattr(self, "server", None):
            self.note(f"upload {row['id']}", "another server began it")
        key = self.data_key(row["bundle_id"])
        bundle, paths = bytes.fromhex(row["bundle_id"]), [file["path"] for file in files]
        paths += [CARD] * (CARD not in paths)
        for done in self.rows("upload_files"):
            if done["upload_id"] != row["id"]:
                continue
            check(done["file_index"] < len(paths), f"file {done['file_index']} is not one of it")
            path = paths[done["file_index"]]
            with self.about(f"upload {row['id']}, file {path}, blob {done['sealed_sha256']}"):
                unhex(done["sealed_sha256"], 32, "sealed_sha256")
                if "mac" in done:
                    self._check_code(done, row["bundle_id"], b"strongroom/upload-file/v1", {
                        "upload": done["upload_id"], **{name: done[name] for name in (
                            "commitment", "file_index", "sealed_bytes", "sealed_sha256",
                            "sha256")}})
                with self._blob(done["sealed_sha256"]) as (stream, size):
                    check(size == done["sealed_bytes"], f"{size} bytes where "
                                                        f"{done['sealed_bytes']} were expected")
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
                    check(found == done["sealed_sha256"], "its bytes have another SHA-256")
                    stream.seek(0)
                    blob, digest = SealedBlob(stream, size), hashlib.sha256()
                    check(blob.commitment == done["commitment"], "the commitment is not the row's")
                    for chunk in blob.open(key, self.registry, row["model"], bundle, path):
                        digest.update(chunk)
                    check(digest.hexdigest() == done["sha256"], "the plaintext has another SHA-256")

    def _check_wrapped_keys_are_used(self):
        used = {row["bundle_id"]: row["model"] for row in self.rows("versions")}
        used |= {row["bundle_id"]: row["model"] for row in self.rows("uploads")}
        used[self.registry.hex()] = ""
        for row in self.rows("wrapped_keys"):
            with self.about(f"wrapped key of bundle {row['bundle_id']}"):
                check(used.get(row["bundle_id"]) == row["model"], "of nothing that is there")

    def _check_folders(self):
        with self.about("store/server-id"):
            self.server = (self.store / "server-id").read_bytes().decode("latin-1")
            check(self.server.endswith("\n"), "does not end in \\n")
            unhex(self.server[:-1], 16, "the id")
        lock = self.store / "lock"
        if not lock.is_file() or lock.stat().st_size:
            self.note("store/lock", "is no empty file")

    def _check_strays(self):
        known = {file["sealed_sha256"] for record in self.records.values()
                 for file in record["files"]}
        known |= {row["sealed_sha256"] for row in self.rows("upload_files")}
        for path in sorted((self.store / "blobs").glob("*/*")):
            if path.name not in known:
                self.note(f"blob {path.name}", "nothing refers to it")
            elif path.parent.name != path.name[:2]:
                self.note(f"blob {path.name}", "lies in another folder than its own")
        open_uploads = {row["id"] for row in self.rows("uploads") if row["version"] is None}
        for path in sorted((self.store / "uploads").glob("*")):
            if path.name not in open_uploads:
                self.note(f"folder of upload {path.name}", "nothing refers to it")


class History:
    """The catalogue as the audit log tells it: {key: {column: value}} of four tables."""

    NAME, REASON = r"(?P<alias>[a-z0-9._-]+)", r"(: (?P<reason>.*))?"
    OVERRIDES = r"(?P<signature>, allow_signature_change)?(?P<force>, force)?"
    MOVE = re.compile(
        NAME + r" from (?P<version>\d+), generation (?P<generation>\d+)" + REASON, re.DOTALL)
    SET = re.compile(
        NAME + r" from (?P<version>\d+), generation (?P<generation>\d+)" + OVERRIDES + REASON,
        re.DOTALL)
    STAYS = re.compile(
        NAME + r" stays at (?P<version>\d+), generation (?P<generation>\d+)" + REASON, re.DOTALL)
    GONE = re.compile(NAME + r", generation (?P<generation>\d+)")
    PUBLISHED = re.compile(
        r"(\d+) files, (?P<bytes>\d+) bytes(, signed by [0-9a-f]{64})?")

    def __init__(self):
        self.versions, self.aliases, self.counters, self.moves = {}, {}, {}, {}

    def follow(self, event):
        """Takes the next event; actions that change none of the four tables are passed over."""
        action = {
            "publish": self._publish, "version.reject": self._reject,
            "version.validate": self._validate, "version.delete": self._delete,
            "alias.set": self._set, "rollback": self._move,
            "alias.served": self._served, "alias.rejected": self._rejected,
            "alias.delete": self._gone}.get(event["action"])
        if action:
            action(event)

    @staticmethod
    def _match(pattern, event):
        found = pattern.fullmatch(event["detail"])
        check(found, f"detail {event['detail']!r} is not of this action's form")
        return found

    @staticmethod
    def _get(where, *key):
        check(key in where, f"it is about {' '.join(map(str, key))}, which is not there")
        return where[key]

    def _publish(self, event):
        self.versions[event["model"], event["version"]] = {
            "state": "stored", "reason": "", "created_by": event["principal"],
            "created_unix_ms": event["unix_ms"],
            "bytes": int(self._match(self.PUBLISHED, event)["bytes"])}

    def _reject(self, event):
        self._get(self.versions, event["model"], event["version"]).update(
            state="rejected", reason=event["detail"])

    def _validate(self, event):
        check(event["detail"] == "", f"detail {event['detail']!r} is not of this action's form")
        self._get(self.versions, event["model"], event["version"]).update(
            state="stored", reason="")

    def _delete(self, event):
        self._get(self.versions, event["model"], event["version"])["state"] = "deleted"

    def _supersede(self, *key):
        if key in self.aliases:
            move = self.moves[*key, self.aliases[key]["generation"]]
            if move["outcome"] == "pending":
                move["outcome"] = "superseded"

    def _set(self, event):
        detail = self._match(self.SET, event)
        self._move(event, self.SET)
        self.moves[event["model"], detail["alias"], int(detail["generation"])].update(
            allow_signature_change=int(detail["signature"] is not None),
            force=int(detail["force"] is not None))

    def _move(self, event, pattern=MOVE):
        detail = self._match(pattern, event)
        key, at, by = (event["model"], detail["alias"]), event["unix_ms"], event["principal"]
        answering, generation = int(detail["version"]), int(detail["generation"])
        there = answering == event["version"]
        self._supersede(*key)
        counter = self.counters.setdefault(key, {"generation": 0, "deleted_generation": 0})
        counter["generation"] += 1
        check(counter["generation"] == generation, f"generation {generation} is not the next")
        self.moves[*key, generation] = {
            "is_rollback": int(event["action"] == "rollback"), "from_version": answering,
            "to_version": event["version"], "principal": by, "reason": detail["reason"] or "",
            "asked_unix_ms": at, "served_unix_ms": at if there else 0,
            "outcome": "served" if there else "pending", "allow_signature_change": 0, "force": 0}
        self.aliases[key] = {
            "version": answering, "generation": generation, "target_version": event["version"],
            "failure": "", "changed_unix_ms": at, "changed_by": by}

    def _served(self, event):
        detail = self._match(self.MOVE, event)
        key = event["model"], detail["alias"]
        self._get(self.moves, *key, int(detail["generation"])).update(
            outcome="served", served_unix_ms=event["unix_ms"])
        self._get(self.aliases, *key).update(
            version=event["version"], target_version=event["version"])

    def _rejected(self, event):
        detail = self._match(self.STAYS, event)
        key, stays = (event["model"], detail["alias"]), int(detail["version"])
        self._get(self.moves, *key, int(detail["generation"])).update(outcome="rejected")
        self._get(self.aliases, *key).update(
            version=stays, target_version=stays, failure=detail["reason"] or "")

    def _gone(self, event):
        detail = self._match(self.GONE, event)
        key = event["model"], detail["alias"]
        self._supersede(*key)
        self.aliases.pop(key, None)
        self._get(self.counters, *key)["deleted_generation"] = int(detail["generation"])


class _Memory:
    """A stream over bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, count):
        self.at += count
        return self.data[self.at - count:self.at]


def unhex_or_zeros(text):
    """A hash to go on with; that it is none was said where it stands."""
    return text if HEX.fullmatch(text) and len(text) == 64 else ZEROS


def main():
    parser = argparse.ArgumentParser(description="Verifies and opens a Strongroom registry.")
    parser.add_argument("home", type=Path)
    parser.add_argument("--keys", type=Path, help="the keys' folder; default HOME/keys")
    parser.add_argument("--kek-env", help="the variable with the key-encryption key in hex")
    parser.add_argument("--extract", nargs=4, metavar=("MODEL", "VERSION", "PATH", "OUT"))
    options = parser.parse_args()
    kek = os.environ[options.kek_env] if options.kek_env else None
    registry = Registry(options.home, options.keys, kek)
    if options.extract:
        model, version, path, out = options.extract
        try:
            chunks = registry.load().read(model, int(version), path)
            data = b"".join(chunks)
        except (Damage, OSError) as error:
            sys.exit(f"{model} version {version}, {path}: {error}")
        Path(out).write_bytes(data)
        return 0
    faults = registry.verify()
    for note in registry.notes:
        print(f"note: {note}")
    for fault in faults:
        print(fault)
    print(f"{len(registry.records)} versions, {len(registry.rows('audit'))} audit events, "
          f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
