"""kill -9, hundreds of times at random instants, under concurrent publishes, moves and rollbacks:
no acknowledged version is lost, `live` answers, and an idempotency key finishes its job once."""

import collections
import hashlib
import os
import random
import secrets
import signal
import threading
import time

import harness
import models
import registry_decoder
from strongroom_client import ConnectionLost, StatusError, registry
from strongroom_models import predict, publish_bundle, rollback

KILLS = int(os.environ.get("STRONGROOM_KILLS", 200))
SEED = int(os.environ.get("STRONGROOM_SEED", 0)) or secrets.randbits(32)
MODELS = ("anna", "berta", "carla")
STORM_SECONDS = 0.4  # the longest time between a ready server and its end
STARTING_SHARE = 0.2  # of the kills, how many hit a server that is still starting
DECODED_EVERY = 25  # kills
# Kills at random instants hit a load of the same version twice in a row, which is not its fault.
PATIENCE = {"STRONGROOM_LOADING_MAX_CRASHES": "1000"}
ROW = models.rows(seed=1)
LOST = (ConnectionLost, ConnectionError, TimeoutError, OSError)


class Caller(threading.Thread):
    """One caller with a model of its own: publishes, moves and rolls back, whatever happens."""

    def __init__(self, storm, model, seed):
        super().__init__(daemon=True)
        self.storm, self.model, self.random = storm, model, random.Random(seed)
        self.attempt = seed % 1000 * 10_000
        self.bundle, self.key = None, None
        self.answers = {}  # of acknowledged versions
        self.live = {0}  # the versions that `live` may be meant to answer with
        self.counts = collections.Counter()
        self.resumed = 0
        self.error = None

    def run(self):
        try:
            while self.storm.enter():
                try:
                    with self.storm.server.client() as client:
                        while True:
                            self._work(client)
                except LOST:
                    self.storm.left()
        except BaseException as error:
            self.error = error
            self.storm.left()

    def _work(self, client):
        if len(self.live) > 1 and self.bundle is None:
            self._learn(client)
        chosen = self.random.random()
        if self.bundle or not self.answers or chosen < 0.6:
            self._publish(client)
        elif chosen < 0.8:
            version = self.random.choice(list(self.answers))
            self._move("set", version, lambda: client.call(
                "Registry", "SetAlias", registry.SetAliasRequest(
                    model=self.model, alias="live", version=version, wait_ready=True)).alias)
        else:
            self._move("rollback", None, lambda: rollback(client, self.model))

    def _learn(self, client):
        """Where `live` is meant to be, when a move was cut off."""
        target = self.alias(client).target_version
        assert target in self.live, f"{self.model}: live goes to {target}, not to {self.live}"
        self.live = {target}

    def alias(self, client):
        listed = client.call("Registry", "ListModels", registry.ListModelsRequest(page_size=100))
        return next(alias for model in listed.models if model.name == self.model
                    for alias in model.aliases if alias.name == "live")

    def _publish(self, client):
        if self.bundle is None:
            self.attempt += 1
            data = models.mlp(self.attempt)
            self.answer = models.Reference(data).run(x=ROW)["y"].tobytes()
            self.bundle, self.key = {"model.onnx": data}, f"attempt-{self.attempt}"
            self.begun_live = set(self.live)
        else:
            self.resumed += 1
        expected = len(self.answers) + 1
        self.live = self.begun_live | {expected}
        made = publish_bundle(client, self.model, self.bundle, key=self.key,
                              metadata={"attempt": str(self.attempt)})
        assert made.version == expected, f"{self.model}: {made.version}, not {expected}"
        self.answers[made.version] = self.answer
        self.live, self.bundle = {made.version}, None
        self.counts["publishes"] += 1

    def _move(self, what, target, move):
        before = set(self.live)
        # A rollback goes to any version that served.
        self.live = before | ({target} if target else set(self.answers))
        try:
            self.live = {move().target_version}
        except StatusError as error:
            assert error.code == "FAILED_PRECONDITION" and what == "rollback", error
            self.live = before
        self.counts[f"{what}s"] += 1

    def check(self, client):
        """With no call under way: all acknowledged versions are there and at most the one that
        was cut off besides, some of them answer, and `live` does."""
        numbers = self._versions(client)
        acknowledged = sorted(self.answers)
        allowed = [acknowledged] + ([[*acknowledged, len(acknowledged) + 1]] if self.bundle else [])
        assert numbers in allowed, f"{self.model}: {numbers[-5:]}, not {acknowledged[-5:]}"
        for number in {*acknowledged[-1:], *self.random.sample(acknowledged, bool(acknowledged))}:
            _, outputs = predict(client, self.model, {"x": ROW}, version=number)
            assert outputs["y"].tobytes() == self.answers[number], f"{self.model} {number}"
        if acknowledged:
            # A move that was cut off is made when its version is loaded.
            harness.wait_until(lambda: self._is_settled(client), 30, f"the move of {self.model}")
            answered, outputs = predict(client, self.model, {"x": ROW}, alias="live")
            expected = self.answers.get(answered, self.bundle and self.answer)
            assert outputs["y"].tobytes() == expected
            assert answered in self.live, f"{self.model}: live is {answered}, not {self.live}"

    def _is_settled(self, client):
        alias = self.alias(client)
        return alias.version == alias.target_version

    def _versions(self, client):
        request, found = registry.ListVersionsRequest(model=self.model, page_size=1000), []
        try:
            while True:
                page = client.call("Registry", "ListVersions", request)
                found += [version.version for version in page.versions]
                if not page.next_page_token:
                    return sorted(found)
                request.page_token = page.next_page_token
        except StatusError as error:
            assert error.code == "NOT_FOUND" and not self.answers, error
            return []


class Storm:
    """The gate that callers wait at while there is no server."""

    def __init__(self, home):
        self.home, self.server = home, None
        self.state = threading.Condition()
        self.is_open = self.is_over = False
        self.inside = 0

    def enter(self):
        """Waits for a server; whether there will be one."""
        with self.state:
            self.state.wait_for(lambda: self.is_open or self.is_over)
            self.inside += not self.is_over
            return not self.is_over

    def left(self):
        """A caller lost its server. It does not come back to the same one."""
        with self.state:
            self.inside -= 1
            self.state.notify_all()
            self.state.wait_for(lambda: not self.is_open)

    def let_in(self, seconds):
        """Lets the callers in, and after some time kills the server and waits until all left."""
        with self.state:
            self.is_open = True
            self.state.notify_all()
        time.sleep(seconds)
        self.server.send(signal.SIGKILL)
        self.server.process.wait(harness.STOP_SECONDS)
        with self.state:
            self.is_open = False
            self.state.notify_all()
            assert self.state.wait_for(lambda: self.inside == 0, harness.COMMAND_SECONDS)

    def end(self):
        with self.state:
            self.is_over = True
            self.state.notify_all()


def test_no_kill_loses_an_acknowledged_version(home):
    print(f"seed {SEED}")
    moments, storm = random.Random(SEED), Storm(home)
    callers = [Caller(storm, model, SEED + number) for number, model in enumerate(MODELS)]
    for caller in callers:
        caller.start()
    kills = collections.Counter()
    start_seconds = 0.2
    while kills.total() < KILLS:
        began = time.monotonic()
        storm.server = home.serve(env=PATIENCE, wait=False)
        if moments.random() < STARTING_SHARE:
            time.sleep(moments.uniform(0, start_seconds))
            storm.server.kill()
            kills["while it started"] += 1
            continue
        storm.server.wait_ready()
        start_seconds = time.monotonic() - began
        with storm.server.client() as client:
            for caller in callers:
                caller.check(client)
        storm.let_in(moments.uniform(0, STORM_SECONDS))
        kills["while it served"] += 1
        assert all(caller.error is None for caller in callers), [c.error for c in callers]
        if kills.total() % DECODED_EVERY == 0:
            assert registry_decoder.Registry(home.folder).verify() == []
    storm.end()
    server = home.serve(env=PATIENCE)
    with server.client() as client:
        for caller in callers:
            caller.join()
            caller.check(client)
            if caller.bundle:
                caller._publish(client)
    assert server.stop() == 0
    check_contents(home, callers)
    counts = sum((caller.counts for caller in callers), collections.Counter())
    print(f"\nkills tried: {kills.total()} ({', '.join(f'{n} {k}' for k, n in kills.items())}); "
          f"versions committed: {counts['publishes']}, taken up again after a kill "
          f"{sum(caller.resumed for caller in callers)} times; moves: {counts['sets']}, "
          f"rollbacks: {counts['rollbacks']}; "
          f"versions lost: 0; seed {SEED}")


def check_contents(home, callers):
    """Each key became one version, and each holds what was published with it."""
    reader = registry_decoder.Registry(home.folder)
    assert reader.verify() == []
    for caller in callers:
        attempts = {row["version"]: reader.record(row)["metadata"]["attempt"]
                    for row in reader.rows("versions") if row["model"] == caller.model}
        assert set(attempts) == set(caller.answers)
        assert len(set(attempts.values())) == len(attempts)
        for number, attempt in attempts.items():
            read = b"".join(reader.read(caller.model, number, "model.onnx"))
            assert hashlib.sha256(read).digest() == hashlib.sha256(
                models.mlp(int(attempt))).digest()
