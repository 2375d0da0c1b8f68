"""The built binary from outside: homes, servers and the commands run on them."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import strongroom_client

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("STRONGROOM_BINARY", ROOT / ".build/release/strongroom")).absolute()
START_SECONDS = 30
COMMAND_SECONDS = 60
STOP_SECONDS = 40  # above the server's own drain time
POLL_SECONDS = 0.005


def wait_until(condition, seconds, what):
    """The first true value of `condition`, looked at again and again for `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(POLL_SECONDS)
    return value


class Home:
    """A home made by `strongroom init`, and everything that was started on it."""

    def __init__(self, folder, *options, cwd=None, made=False):
        """`made`: it is there already."""
        self.folder = Path(folder)
        self.servers = []
        if not made:
            self.command("init", *options, cwd=cwd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.kill()

    def run(self, *arguments, env=None, stdin="", home=True, cwd=None):
        """Runs a command to its end, whatever that is."""
        command = [str(BINARY), *map(str, arguments)]
        if home:
            command += ["--home", str(self.folder)]
        return subprocess.run(
            command, env={**os.environ, **(env or {})}, cwd=cwd, input=stdin, text=True,
            capture_output=True, timeout=COMMAND_SECONDS)

    def command(self, *arguments, **options):
        """Runs a command that has to work; its standard output."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"strongroom {arguments}: {done.returncode}: {done.stderr}"
        return done.stdout

    def json(self, *arguments, **options):
        """Runs a command with `--format json`; the object that it prints."""
        return json.loads(self.command(*arguments, "--format", "json", **options))

    def add_client(self, name, role, models="*"):
        self.command("clients", "add", name, "--role", role, "--models", models)

    def serve(self, env=None, arguments=(), cwd=None, core_dumps=False, wait=True, log=None,
              under=()):
        """Starts a server on a free port and waits until it is ready. `log` takes the place of the
        log file: anything that has `path`, a descriptor `write`, and `start()` for afterwards.
        `under`: a command that the server's own is an argument of."""
        server = Server(self, len(self.servers), env, arguments, cwd, core_dumps, log, under)
        self.servers.append(server)
        if wait:
            server.wait_ready()
        return server

    def certificate(self, name):
        """Paths of a client's certificate and key."""
        clients = self.folder / "tls/clients"
        return clients / f"{name}.pem", clients / f"{name}-key.pem"

    def files(self, below="."):
        return [path for path in sorted((self.folder / below).rglob("*")) if path.is_file()]


class Server:
    """One `strongroom serve`. What it writes goes to a file beside the home."""

    def __init__(self, home, number, env, arguments, cwd, core_dumps, log, under):
        self.home = home
        self.ready_file = home.folder.parent / f"ready-{number}"
        self.log_path = log.path if log else home.folder.parent / f"server-{number}.log"
        self.host = self.port = None

        def allow_core_dumps():
            _, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

        output = log.write if log else os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.process = subprocess.Popen(
            [*under, str(BINARY), "serve", "--home", str(home.folder), "--listen", "127.0.0.1:0",
             "--ready-file", str(self.ready_file), *arguments],
            env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, preexec_fn=allow_core_dumps if core_dumps else None)
        if log:
            log.start()
        else:
            os.close(output)

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, f"the server ended at its start: {self.log}"
            return self.ready_file.exists()

        wait_until(ready, START_SECONDS, "the ready file")
        text = self.ready_file.read_text()
        assert text.endswith("\n"), f"the ready file is not whole: {text!r}"
        self.host, port = text.strip().rsplit(":", 1)
        self.port = int(port)

    def client(self, name="admin"):
        """A connection with the certificate of a client of the home; with `None`, without one."""
        certificate, key = self.home.certificate(name) if name else (None, None)
        return strongroom_client.connect(
            self.host, self.port, self.home.folder / "tls/ca.pem", certificate, key)

    def answers(self):
        """Whether Health.Check says live and ready, on a connection of its own."""
        with self.client(None) as client:
            health = client.call("Health", "Check", strongroom_client.health.CheckRequest())
        return health.live and health.ready

    def send(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Asks for an orderly end; the exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_SECONDS)
