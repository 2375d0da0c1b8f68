"""The servers that are measured: each is started for one model, by `with`, and ended after it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / ".build-peers"
STRONGROOM = ROOT / ".build/release/strongroom"
START_SECONDS = 30


class Home:
    """A home with the measured models published; the keys and certificates of all servers."""

    def __init__(self, folder, models):
        self.folder, self.models = Path(folder) / "home", models
        self.tls = self.folder / "tls"
        self.command("init")
        with Strongroom(self, None):
            for model in sorted(models.glob("*.onnx")):
                self.command("publish", model.stem, model)

    def command(self, *arguments):
        subprocess.run([STRONGROOM, *map(str, arguments), "--home", self.folder], check=True,
                       stdout=subprocess.DEVNULL)


class Server:
    """A process that prints its port when it serves."""

    protocol = None

    def __init__(self, home, model):
        self.home, self.model = home, model
        self.identity = [home.tls / "server.pem", home.tls / "server-key.pem"]

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def wait_for_port(self):
        return int(self.process.stdout.readline())

    def __enter__(self):
        self.process = subprocess.Popen(
            [str(part) for part in self.command()], env={**os.environ, **self.environment()},
            stdout=subprocess.PIPE, text=True)
        self.port, self.pid = self.wait_for_port(), self.process.pid
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS)

    def wait_until(self, condition):
        end = time.monotonic() + START_SECONDS
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self.command()[0]} did not start")
            time.sleep(0.05)


class Strongroom(Server):
    name, protocol = "Strongroom", "ttrpc"

    def command(self):
        self.ready = Path(tempfile.mkdtemp(dir=self.home.folder.parent)) / "ready"
        return [STRONGROOM, "serve", "--home", self.home.folder, "--listen", "127.0.0.1:0",
                "--ready-file", self.ready]

    def environment(self):
        return {"STRONGROOM_LOG_LEVEL": "error"}

    def wait_for_port(self):
        self.wait_until(self.ready.exists)
        return int(self.ready.read_text().rsplit(":", 1)[1])


class Echo(Server):
    """`sizes`: bytes of a request and of a reply."""

    name, protocol = "raw TLS echo, C", "echo"

    def __init__(self, home, model, sizes=(200, 200)):
        super().__init__(home, model)
        self.sizes = sizes

    def command(self):
        return [BUILT / "echo", *self.identity, *self.sizes]


class Grpc(Server):
    name, protocol = "gRPC C++", "grpc"

    def command(self):
        return [BUILT / "grpc", *self.identity, runtime(), self.home.models / f"{self.model}.onnx"]


class Go(Server):
    name, protocol = "Go ttrpc (model in plain Go)", "ttrpc"

    def command(self):
        return [BUILT / "go", *self.identity, self.home.models / f"{self.model}.weights"]


class Python(Server):
    name, protocol = "FastAPI", "http"

    def __init__(self, home, model):
        super().__init__(home, model)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.chosen = free.getsockname()[1]

    def command(self):
        certificate, key = self.identity
        return [sys.executable, "-m", "uvicorn", "server:app", "--app-dir",
                ROOT / "Benchmarks/peers/python", "--port", self.chosen, "--loop", "uvloop",
                "--http", "httptools", "--workers", os.cpu_count(), "--no-access-log",
                "--log-level", "critical", "--ssl-certfile", certificate, "--ssl-keyfile", key]

    def environment(self):
        return {"PEER_MODEL": str(self.home.models / f"{self.model}.onnx"),
                "PEER_MESSAGES": str(BUILT / "generated"), "PYTHONDONTWRITEBYTECODE": "1"}

    def wait_for_port(self):
        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.chosen)) == 0
        self.wait_until(answers)
        time.sleep(2)  # the parent listens before its workers have loaded the model
        return self.chosen


def runtime():
    """ONNX Runtime's library, the one that Strongroom loads."""
    return next((ROOT / ".deps/onnxruntime/lib").glob("libonnxruntime.so.*"))
