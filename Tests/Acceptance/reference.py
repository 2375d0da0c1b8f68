"""The right answers: what ONNX Runtime's Python gives, asked in a process of its own."""

import os
import pickle
import select
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("reference_process.py")
LOCALES = Path(__file__).resolve().parents[2] / ".deps/locales"  # of `make install`
RUN_SECONDS = 10


class Crash(Exception):
    """The runtime ended the process, or did not answer in time."""


def environment():
    """The environment, with the locales that the server has."""
    return {"LOCPATH": str(LOCALES), **os.environ} if LOCALES.is_dir() else None


class ReferenceProcess:
    """Starts the process when it is first asked, and again after a crash."""

    def __init__(self):
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def ask(self, model, feeds):
        """The error of loading `model` or None, and (error, outputs) of each feed."""
        if not self._process:
            self._process = subprocess.Popen(
                [sys.executable, PROGRAM], env=environment(), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            pickle.dump((model, feeds), self._process.stdin)
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], RUN_SECONDS)
            if not ready:
                self.close()
                raise Crash(f"no answer in {RUN_SECONDS} s")
            return pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as error:
            code = self._process.wait(RUN_SECONDS)
            self.close()
            raise Crash(f"the process ended with {code}") from error

    def ask_each(self, model, feeds):
        """As `ask`, a feed at a time where some of them crash: None in place of their results."""
        try:
            return self.ask(model, feeds)
        except Crash:
            load_error, _ = self.ask(model, [])
        results = []
        for feed in feeds:
            try:
                results += self.ask(model, [feed])[1]
            except Crash:
                results.append(None)
        return load_error, results

