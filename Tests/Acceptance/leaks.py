"""The search for plaintext: does any run of 32 bytes of a secret stand in a file?

Every window of 32 bytes contains a whole block of 8 bytes that begins at a multiple of 24 in the
secret, since 24 + 8 - 1 <= 32. So those blocks are looked for at every offset of the file, and each
that is found is extended to both sides: a run of 32 equal bytes or more is a find. Windows of fewer
than five different bytes (zeros, say) are no secret and are left out.
"""

import collections
import contextlib
import errno
import os
import stat
from pathlib import Path

import numpy

WINDOW = 32
BLOCK = 8
STEP = WINDOW - BLOCK
DISTINCT = 5
READ_BYTES = 16 << 20
TABLE_BITS = 22
MULTIPLIER = numpy.uint64(0x9E3779B97F4A7C15)


class Search:
    """Looks for runs of one secret."""

    def __init__(self, secret):
        self.secret = bytes(secret)
        self.blocks = {}
        for offset in range(0, len(self.secret) - BLOCK + 1, STEP):
            block = self.secret[offset:offset + BLOCK]
            self.blocks.setdefault(int.from_bytes(block, "little"), []).append(offset)
        if len(self.secret) < WINDOW:
            raise ValueError(f"a secret of {len(self.secret)} bytes has no run of {WINDOW}")
        self.values = numpy.array(sorted(self.blocks), "<u8")
        self.table = numpy.zeros(1 << TABLE_BITS, bool)
        self.table[self._slots(self.values)] = True

    @staticmethod
    def _slots(values):
        return (values * MULTIPLIER) >> numpy.uint64(64 - TABLE_BITS)

    def find(self, data):
        """The offset of the first run in `data`, or None."""
        for shift in range(min(BLOCK, max(len(data) - BLOCK + 1, 0))):
            count = (len(data) - shift) // BLOCK
            values = numpy.frombuffer(data, "<u8", count, shift)
            likely = numpy.flatnonzero(self.table[self._slots(values)])
            for index in likely[numpy.isin(values[likely], self.values)]:
                found = self._run_at(data, shift + int(index) * BLOCK, int(values[index]))
                if found is not None:
                    return found
        return None

    def _run_at(self, data, position, value):
        for offset in self.blocks[value]:
            begin, end = position, position + BLOCK
            low, high = offset, offset + BLOCK
            while begin and low and data[begin - 1] == self.secret[low - 1] \
                    and end - begin < 4 * WINDOW:
                begin, low = begin - 1, low - 1
            while end < len(data) and high < len(self.secret) \
                    and data[end] == self.secret[high] and end - begin < 8 * WINDOW:
                end, high = end + 1, high + 1
            if end - begin >= WINDOW and len(set(data[begin:end])) >= DISTINCT:
                return begin
        return None

    def find_in_file(self, path):
        """The offset of the first run in a file, read a part at a time; parts overlap by a run.
        Holes are passed over: the memory that a server shares with its hosts is mostly holes."""
        with open(path, "rb", buffering=0) as file:
            for begin, end in extents(file):
                base, kept = begin, b""
                file.seek(begin)
                while base + len(kept) < end and (
                        part := file.read(min(READ_BYTES, end - base - len(kept)))):
                    data = kept + part
                    found = self.find(data)
                    if found is not None:
                        return base + found
                    kept = data[-(WINDOW - 1):]
                    base += len(data) - len(kept)
        return None

    def find_in_files(self, paths):
        """Names of the files that have a run, each with its offset. Files that went away meanwhile
        are passed over; one that cannot be read is an error."""
        found = {}
        for path in paths:
            try:
                offset = self.find_in_file(path)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if offset is not None:
                found[str(path)] = offset
        return found


def extents(file):
    """The parts of a file that hold data, as (begin, end)."""
    size, begin = os.fstat(file.fileno()).st_size, 0
    while begin < size:
        try:
            begin = os.lseek(file.fileno(), begin, os.SEEK_DATA)
            end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return  # There is no data from here on.
        yield begin, end
        begin = end


def files_below(*folders):
    return [Path(parent) / name for folder in folders
            for parent, _, names in os.walk(folder) for name in names]


def open_files(pid):
    """The regular files, deleted ones and memory files too, behind a process's descriptors."""
    folder, found = Path(f"/proc/{pid}/fd"), []
    for entry in sorted(folder.iterdir()):
        try:
            if stat.S_ISREG(entry.stat().st_mode):
                found.append(entry)
        except FileNotFoundError:
            continue
    return found


def children():
    """{process: its direct children}, ended ones that were not waited for included.

    From the parent that each process names: /proc/PID/task/*/children leaves processes out while
    others end (proc(5)).
    """
    found = collections.defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name before it, in brackets, may contain anything.
            state_and_parent = path.read_text(errors="replace").rpartition(")")[2].split()
            found[int(state_and_parent[1])].append(int(path.parent.name))
    return found


def family(pid):
    """A process and all that descend from it."""
    by_parent, found = children(), [pid]
    for process in found:
        found += by_parent.get(process, [])
    return found
