"""Random damage to a registry, one change at a time, each judged and undone: run in processes of
their own, since there are thousands."""

import collections
import contextlib
import dataclasses
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path

import harness
import registries
import registry_decoder

# Columns of uploads that stand for themselves: docs/REGISTRY-FORMAT.md, section 5.
UNPROTECTED = {("uploads", column)
               for column in ("id", "server_id", "principal", "idempotency_key", "used_unix_ms")}
CHANGES_OF_BYTES = ("flip", "flip", "flip", "set", "zero", "swap", "splice", "cut", "longer",
                    "shorter at the front", "empty", "gone", "another's")
CHANGES_OF_ROWS = ("cell", "cell", "cell", "swapped cells", "row gone", "row twice")
DATABASE = "store/registry.sqlite"
SECTOR_BYTES = 512


@dataclasses.dataclass
class Tally:
    """How the cases of one run came out."""

    cases: int = 0
    detected: int = 0
    unused: int = 0  # nothing that anybody reads was touched: free pages, a log's old frames
    unprotected: int = 0
    kinds: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    missed: list = dataclasses.field(default_factory=list)
    verified: int = 0  # how many of the detected ones `strongroom verify` was asked about, too
    unverified: list = dataclasses.field(default_factory=list)  # of these, what it did not find

    def add(self, other):
        self.cases += other.cases
        self.detected += other.detected
        self.unused += other.unused
        self.unprotected += other.unprotected
        self.kinds += other.kinds
        self.missed += other.missed
        self.verified += other.verified
        self.unverified += other.unverified
        return self


def verify_command(home):
    """`strongroom verify`: its exit status, and what it says. What keeps a registry from being
    opened at all is one line on stderr."""
    done = subprocess.run(
        [str(harness.BINARY), "verify", "--home", str(home), "--format", "json"], text=True,
        capture_output=True, timeout=harness.COMMAND_SECONDS)
    return done.returncode, done.stdout + done.stderr


def decoded(home):
    reader = registry_decoder.Registry(home)
    reader.verify()
    return reader


class Mutator:
    """Damages a copy of a home that is its own."""

    def __init__(self, home, seed, verified_share):
        self.verified_share = verified_share
        self.home, self.random = Path(home), random.Random(seed)
        # The notes of loads are no part of the registry: all of them may be lost.
        self.files = [path for name in ("store", "keys") for path in (self.home / name).rglob("*")
                      if path.is_file() and not path.name.endswith("-shm")
                      and path.parent.name != "loads"]
        self.files.sort()
        self.database_files = [path for path in self.files
                               if path.name.startswith("registry.sqlite")]
        groups = collections.defaultdict(list)
        for path in self.files:
            groups[self._group(path)].append(path)
        self.groups = [groups[name] for name in sorted(groups)]
        self.contents = {path: path.read_bytes() for path in self.files}
        self.modes = {path: path.stat().st_mode for path in self.files}
        reader = decoded(self.home)
        assert not reader.faults and not reader.notes, [*reader.faults, *reader.notes]
        self.tables, self.owners = reader.tables, self._find_owners(reader)
        self.free = self._find_free(reader)

    def _group(self, path):
        """Files of one group are chosen as often as the one file of another."""
        place = path.relative_to(self.home).parts
        return place[1] if place[1] == "blobs" or place[0] == "keys" else path.name

    def run(self, cases):
        tally = Tally()
        for _ in range(cases):
            touched, what = self.change()
            try:
                self._judge(touched, what, tally)
            finally:
                self.restore(touched)
        last = decoded(self.home)
        assert not last.faults and not last.notes and last.tables == self.tables, "not undone"
        return tally

    def _judge(self, touched, what, tally):
        tally.cases += 1
        tally.kinds[what.split(":")[0]] += 1
        reader = decoded(self.home)
        faults, notes, tables = reader.faults, reader.notes, reader.tables
        names = ", ".join(str(path.relative_to(self.home)) for path in touched)
        if faults or notes:
            tally.detected += 1
            if faults and self.random.random() < self.verified_share:
                self._judge_command(touched, f"{what}: {names}", faults, tally)
        elif tables == self.tables:
            self._judge_unused(touched, f"{what}: {names}", tally)
        elif self._changed_columns(tables) <= UNPROTECTED:
            tally.unprotected += 1
        else:
            tally.missed.append(f"{what}: {names}: {self._changed_columns(tables)}")

    def _judge_command(self, touched, what, faults, tally):
        """The command fails too, and names the version and the file that a blob is of."""
        tally.verified += 1
        status, said = verify_command(self.home)
        unnamed = [path.name for path in touched if path.name in self.owners
                   and path.name not in said
                   and not all(part in said for part in self.owners[path.name])]
        if status != 1 or unnamed:
            tally.unverified.append(f"{what}: {faults[0]}; verify: {status} {said.strip()[:300]}")

    def _find_owners(self, reader):
        """What tells whose a blob is: {digest: texts}."""
        owners = {}
        for (model, version), record in reader.records.items():
            for file in record["files"]:
                owners[file["sealed_sha256"]] = (model, f"version {version}", file["path"])
        for row in reader.rows("upload_files"):
            owners[row["sealed_sha256"]] = (f"upload {row['upload_id']}",)
        return owners

    @staticmethod
    def _find_free(reader):
        """The blobs of deleted versions, which may be there or not."""
        deleted = {(row["model"], row["version"]) for row in reader.rows("versions")
                   if row["state"] == "deleted"}
        return {file["sealed_sha256"] for place, record in reader.records.items()
                if place in deleted for file in record["files"]}

    def _judge_unused(self, touched, what, tally):
        """Only a database has bytes that nobody reads."""
        if all(path.name.startswith("registry.sqlite") or path.name in self.free
               for path in touched):
            tally.unused += 1
        else:
            tally.missed.append(what)

    def _changed_columns(self, tables):
        changed = set()
        for table, rows in tables.items():
            before = self.tables[table]
            if len(rows) != len(before):
                changed.add((table, "rows"))
            if table == "uploads":
                rows, before = (sorted(some, key=lambda row: row["bundle_id"])
                                for some in (rows, before))
            for row, old in zip(rows, before):
                changed |= {(table, column) for column in row if row[column] != old[column]}
        return changed

    def restore(self, touched):
        # SQLite itself may have folded the log in.
        for path in {*touched, *self.database_files}:
            if not path.exists() or path.read_bytes() != self.contents[path]:
                path.parent.mkdir(exist_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    path.chmod(0o600)
                path.write_bytes(self.contents[path])
            path.chmod(self.modes[path])
        (self.home / (DATABASE + "-shm")).unlink(missing_ok=True)

    # What is changed.

    def change(self):
        """Makes one change; the files that it touched, and its name. It does change something."""
        while True:
            if self.random.random() < 0.35:
                touched, what = self._change_rows()
            else:
                touched, what = self._change_bytes()
            if any(not path.exists() or path.read_bytes() != self.contents[path]
                   for path in touched):
                return touched, what
            self.restore(touched)

    def _write(self, path, data):
        path.chmod(0o600)
        path.write_bytes(data)
        path.chmod(self.modes[path])

    def _change_bytes(self):
        pick, what = self.random, self.random.choice(CHANGES_OF_BYTES)
        path = pick.choice(pick.choice(self.groups))
        data = bytearray(self.contents[path])
        other = pick.choice(pick.choice([group for group in self.groups if path in group]
                                        + [self.files]))
        if what == "gone":
            path.unlink()
            return [path], what
        if what == "another's":
            self._write(path, self.contents[other])
            self._write(other, self.contents[path])
            return [path, other], what
        if what == "longer":
            data += pick.choice([bytes(1), pick.randbytes(pick.randrange(1, 100)), data[-16:]])
        elif what == "empty":
            data = b""
        elif data:
            self._change_inside(what, data, self.contents[other])
        self._write(path, data)
        return [path], what

    def _change_inside(self, what, data, other):
        pick, at = self.random, self.random.randrange(len(data))
        count = min(pick.choice((1, 4, 16, 32, SECTOR_BYTES)), len(data) - at)
        if what == "flip":
            data[at] ^= 1 << pick.randrange(8)
        elif what == "set":
            data[at] = pick.randrange(256)
        elif what == "zero":
            data[at:at + count] = bytes(count)
        elif what == "swap":
            to = pick.randrange(len(data) - count + 1)
            data[at:at + count], data[to:to + count] = data[to:to + count], data[at:at + count]
        elif what == "splice":
            piece = other[at:at + count]
            data[at:at + len(piece)] = piece
        elif what == "cut":
            del data[at:]
        elif what == "shorter at the front":
            del data[:count]

    def _change_rows(self):
        """Through SQLite, past the constraints that stand in the way, but not past the format."""
        pick, what = self.random, self.random.choice(CHANGES_OF_ROWS)
        table = pick.choice([name for name, rows in self.tables.items() if rows])
        row, other = pick.choice(self.tables[table]), pick.choice(self.tables[table])
        column = pick.choice(list(row))
        with contextlib.closing(sqlite3.connect(
                self.home / DATABASE, isolation_level=None)) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            database.execute("PRAGMA synchronous = OFF")
            found = {tuple(cells[1:]): cells[0] for cells in database.execute(
                f"SELECT rowid, * FROM {table}")}
            place, other_place = (found[tuple(some.values())] for some in (row, other))
            with contextlib.suppress(sqlite3.IntegrityError):
                self._change_row(database, what, table, column, row, other, place, other_place)
        return self.database_files, f"{what}: {table}.{column}"

    def _change_row(self, database, what, table, column, row, other, place, other_place):
        if what == "cell":
            value = self._other_value(row[column], other[column])
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, place))
        elif what == "swapped cells":
            # By way of a third value, where the column is unique.
            spare = "spare" if isinstance(row[column], str) else -1
            for value, at in ((spare, place), (row[column], other_place), (other[column], place)):
                database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, at))
        elif what == "row gone":
            database.execute(f"DELETE FROM {table} WHERE rowid = ?", (place,))
        elif what == "row twice":
            key = next(iter(row))
            copy = {**row, key: self._other_value(row[key], row[key])}
            if "bundle_id" in copy:
                copy["bundle_id"] = self.random.randbytes(16).hex()
            database.execute(
                f"INSERT INTO {table} VALUES ({', '.join('?' * len(copy))})", list(copy.values()))

    def _other_value(self, value, another):
        pick = self.random
        if isinstance(value, int):
            return pick.choice([another, value + 1, value - 1, 0, -value, pick.getrandbits(62)])
        if not value:
            return pick.choice(["x", another])
        at = pick.randrange(len(value))
        return pick.choice([
            another, value[:at], value + "0", value.upper(), value[:at] + value[at + 1:],
            value[:at] + pick.choice("0123456789abcdef\",}") + value[at + 1:]])


def run(home, seed, cases, verified_share):
    """Works on a copy of `home`; a Tally. `verified_share`: of the cases that the decoder finds,
    how many `strongroom verify` is asked about."""
    copy = Path(f"{home}-{seed}")
    shutil.copytree(home, copy)
    try:
        return Mutator(copy, seed, verified_share).run(cases)
    finally:
        shutil.rmtree(copy)
