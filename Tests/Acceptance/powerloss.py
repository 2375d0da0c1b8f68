"""What is on a disk after a loss of power at any point of a recorded run.

A run is recorded by strace: every call that changes a file below one folder. The recording is
played into a model of a disk that promises no more than POSIX does: what was written and not
synced may be there, or not, or in part by sectors; a name that was made, moved or removed in a
folder that was not synced since may be there or not.
"""

import collections
import copy
import dataclasses
import os
import re
import tempfile
from pathlib import Path

SECTOR_BYTES = 512
CALLS = ("open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,"
         "fallocate,copy_file_range,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,"
         "linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,symlinkat,mknod,mknodat")
UNKNOWN = {"openat2", "fallocate", "copy_file_range", "pwritev2", "symlink", "symlinkat", "mknod",
           "mknodat"}  # of no use to the model: a run that makes one of them below the folder fails
LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)", re.DOTALL)
CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(.*)", re.DOTALL)
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
DESCRIPTOR = re.compile(r"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
UNFINISHED = " <unfinished ...>"


def command(trace, *options):
    """What stands before a command that is to be recorded into the file `trace`. The recorded
    process is the one that was started; the recorder is a process beside it."""
    return ["strace", "-D", "-f", "-y", "-xx", "-ttt", "--seccomp-bpf", "-s", str(1 << 26),
            "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace), *options]


@dataclasses.dataclass
class Call:
    """One call that worked. `started`: how many calls had ended when it began."""

    time: float
    started: int
    name: str
    arguments: str
    result: int
    result_text: str


def read(trace):
    """The calls of a recording in the order in which they ended."""
    calls, under_way = [], {}
    with open(trace) as lines:
        for line in lines:
            found = LINE.match(line.rstrip("\n"))
            pid, time, text = found[1], float(found[2]), found[3]
            if text.endswith(UNFINISHED):
                under_way[pid] = (time, len(calls), text.removesuffix(UNFINISHED))
                continue
            started = len(calls)
            if resumed := RESUMED.match(text):
                time, started, begun = under_way.pop(pid)
                text = begun + resumed[2]
            if (call := CALL.match(text)) and int(call[3]) >= 0:
                calls.append(Call(time, started, call[1], call[2], int(call[3]), call[4]))
    return calls


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


class File:
    """An inode: what surely is on the disk, and what was done since."""

    def __init__(self, data=b""):
        self.durable, self.now = bytearray(data), bytearray(data)
        self.pending = []  # (index of the call, offset, data), or (index, size, None)

    def write(self, index, offset, data):
        put(self.now, offset, data)
        self.pending.append((index, offset, data))

    def resize(self, index, size):
        resize(self.now, size)
        self.pending.append((index, size, None))

    def sync(self, before):
        for _, offset, data in [one for one in self.pending if one[0] < before]:
            put(self.durable, offset, data) if data is not None else resize(self.durable, offset)
        self.pending = [one for one in self.pending if one[0] >= before]

    def after_loss(self, chance):
        data = bytearray(self.durable)
        for _, offset, written in self.pending:
            if written is None:
                if chance.keeps():
                    resize(data, offset)
            elif not chance.tears():
                if chance.keeps():
                    put(data, offset, written)
            else:
                at = 0
                while at < len(written):
                    end = min(len(written), at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES)
                    if chance.keeps():
                        put(data, offset + at, written[at:end])
                    at = end
        return bytes(data)


def put(data, offset, written):
    if offset > len(data):
        data.extend(bytes(offset - len(data)))
    data[offset:offset + len(written)] = written


def resize(data, size):
    del data[size:]
    data.extend(bytes(size - len(data)))


class Folder:
    """Names: those that surely are there, those that are seen now, and the changes since."""

    def __init__(self):
        self.durable, self.now, self.pending = {}, {}, []


@dataclasses.dataclass(eq=False)
class Change:
    """Names that come and go together: [(folder, name, inode or nothing)]."""

    index: int
    names: list
    is_durable: bool = False


class Chance:
    """What a loss of power keeps: decided anew for each change that was not synced."""

    def __init__(self, random):
        self.random = random
        self.share = random.choice((0, 0, 0.5, 0.5, 0.1, 0.9, 1))
        self.torn_share = random.choice((0, 0.3, 1))
        self.changes = {}

    def keeps(self):
        return self.random.random() < self.share

    def tears(self):
        return self.random.random() < self.torn_share

    def keeps_change(self, change):
        if change not in self.changes:
            self.changes[change] = self.keeps()
        return self.changes[change]


class Disk:
    """The folder `root`, which all paths of the recording lie in, or are of no interest. What is
    there when the model is made is durable."""

    def __init__(self, root):
        self.root = Path(root)
        self.tree = self._load(self.root) if self.root.is_dir() else Folder()
        self.positions = collections.defaultdict(int)
        self.index = 0
        self.syncs = 0

    def _load(self, path):
        folder = Folder()
        for entry in path.iterdir():
            if not self._is_left_out(entry.name):
                folder.now[entry.name] = (
                    self._load(entry) if entry.is_dir() else File(entry.read_bytes()))
        folder.durable = dict(folder.now)
        return folder

    @staticmethod
    def _is_left_out(name):
        """SQLite's index of its log is shared memory, and made anew from the log."""
        return name.endswith("-shm")

    def play(self, call):
        """Plays the next call; whether it changed anything."""
        self.index += 1
        handler = getattr(self, "_" + call.name, None)
        if call.name in UNKNOWN:
            assert not any(self._parts(path) for path in self._paths(call)), call
        return bool(handler and handler(call))

    def make_folder(self, path):
        """A folder that is there, and would not outlive a loss of power."""
        folder, name = self._place(self.root / path)
        self._change((folder, name, Folder()))

    # Finding things.

    def _paths(self, call):
        """The paths among the arguments, relative ones made whole."""
        folders = [unhex(found[2]) for found in DESCRIPTOR.finditer(call.arguments)]
        texts = [unhex(found[1]) for found in TEXT.finditer(call.arguments)]
        base = folders[0] if folders else os.fsencode(os.getcwd())
        return [os.fsdecode(os.path.join(base, text)) for text in texts]

    def _parts(self, path):
        """The names that lead to a path; nothing for a path that lies elsewhere."""
        path = Path(os.path.normpath(path))
        if path == self.root or not path.is_relative_to(self.root):
            return ()
        parts = path.relative_to(self.root).parts
        return () if self._is_left_out(parts[-1]) else parts

    def _place(self, path):
        """The folder that a path lies in, and its name there."""
        parts = self._parts(path)
        if not parts:
            return None, None
        folder = self.tree
        for part in parts[:-1]:
            folder = folder.now[part]
        return folder, parts[-1]

    def _opened(self, call):
        """The inode of the descriptor that a call is about, and what tells the descriptor."""
        found = DESCRIPTOR.match(call.arguments)
        if not found or found[3]:
            return None, None
        path = os.fsdecode(unhex(found[2]))
        if os.path.normpath(path) == str(self.root):
            return self.tree, None
        folder, name = self._place(path)
        return (folder.now[name] if folder else None), (found[1], path)

    def _change(self, *names):
        change = Change(self.index, list(names))
        for folder, name, inode in names:
            if inode is None:
                folder.now.pop(name, None)
            else:
                folder.now[name] = inode
            if change not in folder.pending:
                folder.pending.append(change)
        return True

    # The calls.

    def _open(self, call):
        path, = self._paths(call)[:1]
        folder, name = self._place(path)
        if folder is None:
            return False
        changed = False
        if name not in folder.now and "O_CREAT" in call.arguments:
            changed = self._change((folder, name, File()))
        if "O_TRUNC" in call.arguments and folder.now[name].now:
            folder.now[name].resize(self.index, 0)
            changed = True
        self.positions[str(call.result), path] = (
            -1 if "O_APPEND" in call.arguments else 0)  # -1: always at the end
        return changed

    _openat = _open

    def _creat(self, call):
        return self._open(dataclasses.replace(call, arguments=call.arguments + "|O_CREAT|O_TRUNC"))

    def _data(self, call):
        texts = list(TEXT.finditer(call.arguments))
        assert not any(found[2] for found in texts), "the recording cut a text short"
        return b"".join(unhex(found[1]) for found in texts)[:call.result]

    def _write(self, call):
        inode, key = self._opened(call)
        if inode is None:
            return False
        at = self.positions[key]
        inode.write(self.index, len(inode.now) if at < 0 else at, self._data(call))
        if at >= 0:
            self.positions[key] = at + call.result
        return True

    _writev = _write

    def _pwrite64(self, call):
        inode, _ = self._opened(call)
        if inode is None:
            return False
        inode.write(self.index, int(call.arguments.rsplit(", ", 1)[1]), self._data(call))
        return True

    _pwritev = _pwrite64

    def _ftruncate(self, call):
        inode, _ = self._opened(call)
        if inode is None:
            return False
        inode.resize(self.index, int(call.arguments.rsplit(", ", 1)[1]))
        return True

    def _truncate(self, call):
        path, = self._paths(call)
        folder, name = self._place(path)
        if folder is None:
            return False
        folder.now[name].resize(self.index, int(call.arguments.rsplit(", ", 1)[1]))
        return True

    def _fsync(self, call):
        inode, _ = self._opened(call)
        if inode is None:
            return False
        self.syncs += 1
        # What had ended when the sync began is on the disk when it ends.
        if isinstance(inode, File):
            inode.sync(call.started + 1)
            return True
        for change in inode.pending:
            if change.index <= call.started and not change.is_durable:
                change.is_durable = True
                for folder, name, file in change.names:
                    if file is None:
                        folder.durable.pop(name, None)
                    else:
                        folder.durable[name] = file
        inode.pending = [change for change in inode.pending if not change.is_durable]
        return True

    _fdatasync = _fsync

    def _mkdir(self, call):
        folder, name = self._place(self._paths(call)[0])
        return folder is not None and self._change((folder, name, Folder()))

    _mkdirat = _mkdir

    def _unlink(self, call):
        folder, name = self._place(self._paths(call)[0])
        return folder is not None and self._change((folder, name, None))

    _unlinkat = _rmdir = _unlink

    def _rename(self, call):
        (source, name), (target, new) = map(self._place, self._paths(call))
        if source is None or target is None:
            assert source is target is None, f"moved in or out: {self._paths(call)}"
            return False
        return self._change((source, name, None), (target, new, source.now[name]))

    _renameat = _renameat2 = _rename

    def _link(self, call):
        (source, name), (target, new) = map(self._place, self._paths(call))
        if target is None:
            return False
        return self._change((target, new, source.now[name]))

    _linkat = _link

    # The loss.

    def lose_power(self, random, target):
        """Writes what is left of the folder to the new folder `target`."""
        self._write_out(self.tree, Path(target), Chance(random))

    def _write_out(self, folder, path, chance):
        path.mkdir(mode=0o700)
        names = dict(folder.durable)
        for change in folder.pending:
            if change.is_durable or not chance.keeps_change(change):
                continue
            for where, name, inode in change.names:
                if where is not folder:
                    continue
                if inode is None:
                    names.pop(name, None)
                else:
                    names[name] = inode
        for name, inode in names.items():
            if isinstance(inode, Folder):
                self._write_out(inode, path / name, chance)
            else:
                descriptor = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "wb") as file:
                    file.write(inode.after_loss(chance))


def changing(disk, calls):
    """The numbers of the calls that change something in the folder."""
    probe = copy.deepcopy(disk)
    return [number for number, call in enumerate(calls) if probe.play(call)]


def losses(disk, calls, points, random):
    """Plays the calls, and loses the power before each of the calls whose numbers are `points`:
    gives out that number, the time until when nothing more had happened, and the folder as it is
    then, which is removed when the next is asked for."""
    points = set(points)
    for number, call in enumerate(calls):
        if number in points:
            with tempfile.TemporaryDirectory(prefix="power-") as folder:
                disk.lose_power(random, Path(folder) / disk.root.name)
                yield number, call.time, Path(folder) / disk.root.name
        disk.play(call)
