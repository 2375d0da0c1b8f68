"""The steps of the registry as the server logs them at level `trace`, and a server that is stopped
between two of them by nothing but its log: stderr is a pipe that holds one line, so the server
waits in its next line until this one is read."""

import ctypes
import fcntl
import os
import re
import threading

ENVIRONMENT = {"STRONGROOM_LOG_LEVEL": "trace", "STRONGROOM_LOG_FORMAT": "text"}
STEP = re.compile(rb"\bstep=([a-z.]+).*registry step")
F_SETPIPE_SZ = 1031
PAGE_BYTES = 4096
LIBC = ctypes.CDLL(None, use_errno=True)


class StepLog:
    """Reads a server's log. With `target`, (step, n), it stops reading at the n-th such line that
    comes after `arm()`: what the server does then until its next line is all that it does."""

    def __init__(self, path, target=None):
        self.path, self.target = path, target
        self.steps = []
        self.reached = threading.Event()
        self._armed_at = None
        self._log = open(path, "wb", buffering=0)
        # Packets: a page for each line, whatever its length, so one line at a time.
        self._read, self.write = os.pipe2(os.O_DIRECT)
        fcntl.fcntl(self.write, F_SETPIPE_SZ, PAGE_BYTES)
        self._thread = threading.Thread(target=self._follow)

    def start(self):
        """Begins to read; the writing end is the server's alone from now on."""
        os.close(self.write)
        self._thread.start()

    def arm(self):
        """To be called when the server is ready: what it does from now on is its callers' doing."""
        self._armed_at = len(self.steps)

    @property
    def publish_steps(self):
        return self.steps[self._armed_at:]

    def close(self):
        """To be called when the server has ended: what it wrote at last is read."""
        self._thread.join()
        if self.reached.is_set():
            os.read(self._read, PAGE_BYTES)
            assert not os.read(self._read, PAGE_BYTES), "the server went on past the line"
        os.close(self._read)

    def _follow(self):
        copied, copy = os.pipe()
        with self._log:
            while line := self._peek(copied, copy):
                self._log.write(line)
                if found := STEP.search(line):
                    self.steps.append(found[1].decode())
                    if self._is_target():
                        self.reached.set()
                        break
                os.read(self._read, PAGE_BYTES)
        os.close(copied)
        os.close(copy)

    def _is_target(self):
        if self._armed_at is None or self.target is None or self.steps[-1] != self.target[0]:
            return False
        return self.steps[self._armed_at:].count(self.target[0]) == self.target[1]

    def _peek(self, copied, copy):
        """The line that is in the pipe, which stays there; nothing when the server has ended."""
        count = LIBC.tee(self._read, copy, ctypes.c_size_t(PAGE_BYTES), 0)
        if count < 0:
            raise OSError(ctypes.get_errno(), "tee")
        return os.read(copied, PAGE_BYTES) if count else b""
