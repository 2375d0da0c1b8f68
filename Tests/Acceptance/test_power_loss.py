"""A loss of power at any point: what was acknowledged is there, nothing is half there, and the
server starts. The files are replayed with what was not synced dropped at random; under eatmydata,
which makes every sync a lie, the same check has to fail, or it is blind."""

import copy
import dataclasses
import os
import random
import secrets
import subprocess
import threading
import time

import harness
import models
import powerloss
import registries
import registry_decoder
from strongroom_client import StatusError
from strongroom_models import predict, publish_bundle, rollback

POINTS = int(os.environ.get("STRONGROOM_CRASH_POINTS", 300))
STARTS = 12  # of the points, how many a real server is started at
INIT_POINTS = 60
SEED = int(os.environ.get("STRONGROOM_SEED", 0)) or secrets.randbits(32)
EATMYDATA = "libeatmydata.so"
ROW = models.rows(seed=1)


@dataclasses.dataclass
class State:
    """What is known of a model: {version: its files}, deleted versions, {alias: version}."""

    versions: dict = dataclasses.field(default_factory=dict)
    deleted: set = dataclasses.field(default_factory=set)
    aliases: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Step:
    """An operation: what is known after it, and when it was asked for and acknowledged."""

    name: str
    begun: float
    acknowledged: float
    after: State


class Story(threading.Thread):
    """One caller with a model of its own, one operation after the other."""

    def __init__(self, server, model, seed):
        super().__init__()
        self.server, self.model, self.seed = server, model, seed
        self.steps = [Step("nothing", 0, 0, State())]
        self.error = None

    def run(self):
        try:
            with self.server.client() as client:
                self._tell(client)
        except BaseException as error:
            self.error = error

    def _tell(self, client):
        for number in (1, 2):
            self._publish(client, number)
        self._do("set stable", lambda state: state.aliases.update(stable=1),
                 lambda: registries.set_alias(client, self.model, "stable", 1))
        self._publish(client, 3)
        self._do("roll back", lambda state: state.aliases.update(live=2),
                 lambda: rollback(client, self.model))
        self._do("delete 3", lambda state: state.deleted.add(3),
                 lambda: registries.delete_version(client, self.model, 3))
        self._publish(client, 4)

    def _publish(self, client, number):
        files = registries.bundle(self.seed + number)

        def change(state):
            state.versions[number] = files
            state.aliases["live"] = number

        self._do(f"publish {number}", change, lambda: publish_bundle(client, self.model, files))

    def _do(self, name, change, operation):
        after = copy.deepcopy(self.steps[-1].after)
        change(after)
        begun = time.time()
        operation()
        self.steps.append(Step(name, begun, time.time(), after))

    def states_at(self, moment):
        """The last acknowledged state, and the one that was asked for meanwhile, if any."""
        known = max(i for i, step in enumerate(self.steps) if step.acknowledged <= moment)
        states = [self.steps[known].after]
        if known + 1 < len(self.steps) and self.steps[known + 1].begun <= moment:
            states.append(self.steps[known + 1].after)
        return states

    def check(self, reader, moment):
        """What is wrong in a registry that was left at that moment."""
        states, wrong = self.states_at(moment), []
        rows = {row["version"]: row for row in reader.rows("versions")
                if row["model"] == self.model}
        if set(rows) not in [set(state.versions) for state in states]:
            wrong.append(f"versions {sorted(rows)}")
        for number, row in rows.items():
            is_deleted = [number in state.deleted for state in states
                          if number in state.versions]
            if (row["state"] == "deleted") not in is_deleted:
                wrong.append(f"version {number} is {row['state']}")
        aliases = {row["name"]: row for row in reader.rows("aliases")
                   if row["model"] == self.model}
        for name in {name for state in states for name in state.aliases}:
            wanted = {state.aliases.get(name, 0) for state in states}
            row = aliases.get(name, {"version": 0, "target_version": 0})
            for key in ("version", "target_version"):
                if row[key] not in wanted:
                    wrong.append(f"{key} of {name} is {row[key]}, not one of {wanted}")
        return [f"{self.model}: {fault}" for fault in wrong]


class Recording:
    """A server's life under strace, from its start to its end, and what its callers know."""

    def __init__(self, folder, *options, unsynced=()):
        """`unsynced`: folders below the store's `blobs` that are there, and not durable."""
        self.home = harness.Home(folder / "home")
        trace = folder / "trace"
        self.disk = powerloss.Disk(self.home.folder)
        if unsynced:
            server = self.home.serve()
            assert server.stop() == 0
            self.disk = powerloss.Disk(self.home.folder)
            for name in unsynced:
                (self.home.folder / "store/blobs" / name).mkdir(mode=0o700)
                self.disk.make_folder("store/blobs/" + name)
        server = self.home.serve(under=powerloss.command(trace, *options))
        self.stories = [Story(server, model, seed) for model, seed in (("one", 0), ("two", 50))]
        for story in self.stories:
            story.start()
        for story in self.stories:
            story.join()
            assert story.error is None, story.error
        assert server.stop() == 0, server.log
        wait_for_end(trace, server.pid)
        self.calls = powerloss.read(trace)
        self.changing = powerloss.changing(self.disk, self.calls)

    def faults(self, points, start_at=lambda number: False):
        """Loses the power before each of these calls; what was wrong then."""
        faults = []
        chance = random.Random(SEED)
        for number, moment, folder in powerloss.losses(self.disk, self.calls, points, chance):
            reader = registry_decoder.Registry(folder)
            wrong = list(map(str, reader.verify()))
            for story in self.stories:
                wrong += story.check(reader, moment)
            if not wrong and start_at(number):
                wrong += self._start(folder, reader)
            if wrong:
                faults.append(f"before call {number}, {self.calls[number].name}: {wrong}")
        return faults

    def _start(self, folder, reader):
        """A real server on what is left: it starts, and every alias answers with its version."""
        with harness.Home(folder, made=True) as home:
            server = home.serve()
            with server.client() as client:
                for story in self.stories:
                    aliases = {row["name"]: row["target_version"] for row in reader.rows("aliases")
                               if row["model"] == story.model}
                    for alias, number in aliases.items():
                        answered, outputs = harness.wait_until(
                            lambda: self._answer(client, story.model, alias, number),
                            harness.STOP_SECONDS, f"{alias} of {story.model} to answer")
                        files = story.steps[-1].after.versions[number]
                        expected = models.Reference(files["model.onnx"]).run(x=ROW)["y"]
                        if (outputs["y"] != expected).any():
                            return [f"{story.model}: {alias} answers wrongly with {answered}"]
            if server.stop() != 0:
                return [server.log]
        return list(map(str, registry_decoder.Registry(folder).verify()))

    @staticmethod
    def _answer(client, model, alias, target):
        """The answer of the alias's target; nothing as long as it is loading."""
        try:
            answered, outputs = predict(client, model, {"x": ROW}, alias=alias)
        except StatusError as error:
            assert error.code == "UNAVAILABLE", error
            return None
        return (answered, outputs) if answered == target else None


def report(faults):
    return "\n".join([f"{len(faults)} crash points lose something; seed {SEED}", *faults[:5]])


def wait_for_end(trace, pid):
    """The recorder ends after the recorded."""
    harness.wait_until(
        lambda: any(line.startswith(f"{pid} ") and "+++ exited with" in line
                    for line in trace.read_text().splitlines()[-20:]),
        harness.STOP_SECONDS, "the end of the recording")


def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(tmp_path):
    recording = Recording(tmp_path)
    chosen = random.Random(SEED).sample(recording.changing, min(POINTS, len(recording.changing)))
    starts = set(chosen[:STARTS])
    faults = recording.faults(chosen, starts.__contains__)
    assert not faults, report(faults)
    steps = sum(len(story.steps) - 1 for story in recording.stories)
    print(f"\ncrash points tried: {len(chosen)} of {len(recording.changing)} calls that change "
          f"something, in {steps} operations with {recording.disk.syncs} syncs; servers started "
          f"on what was left: {len(starts)}; versions lost: 0; seed {SEED}")


def test_a_folder_that_a_killed_server_made_and_did_not_sync_loses_nothing(tmp_path):
    recording = Recording(tmp_path, unsynced=[f"{number:02x}" for number in range(256)])
    chosen = random.Random(SEED).sample(recording.changing, min(60, len(recording.changing)))
    faults = recording.faults(chosen)
    assert not faults, report(faults)


def test_the_check_fails_where_syncs_are_lies(tmp_path):
    recording = Recording(tmp_path, "-E", f"LD_PRELOAD={EATMYDATA}")
    assert not any("sync" in call.name for call in recording.calls)
    chosen = random.Random(SEED).sample(recording.changing, min(60, len(recording.changing)))
    faults = recording.faults(chosen)
    assert faults, "the check sees nothing"
    print(f"\nunder eatmydata: {len(faults)} of {len(chosen)} crash points lose something")


def test_a_home_is_made_whole_or_not_at_all(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    disk = powerloss.Disk(root)
    trace = tmp_path / "trace"
    process = subprocess.Popen(
        [*powerloss.command(trace), str(harness.BINARY), "init", "--home", str(root / "home")],
        stdout=subprocess.DEVNULL)
    assert process.wait(harness.COMMAND_SECONDS) == 0
    wait_for_end(trace, process.pid)
    calls = powerloss.read(trace)
    calls.append(dataclasses.replace(calls[-1], name="end", time=time.time()))
    changing = powerloss.changing(disk, calls)
    chance = random.Random(SEED)
    chosen = chance.sample(changing, min(INIT_POINTS, len(changing)))
    whole = {path.relative_to(root / "home") for path in (root / "home").rglob("*")}
    starts = 0
    for number, _, folder in powerloss.losses(disk, calls, [*chosen, len(calls) - 1], chance):
        home, is_done = folder / "home", number == len(calls) - 1
        assert home.exists() or not is_done, "init had ended, and there is no home"
        if not home.exists():
            continue
        # What the database was built aside as may still have a name: nobody looks at it.
        there = {path.relative_to(home) for path in home.rglob("*")
                 if not path.name.startswith("registry.sqlite.new")}
        assert there == whole, f"before call {number}: {whole ^ there}"
        assert registry_decoder.Registry(home).verify() == []
        if is_done:
            with harness.Home(home, made=True) as made:
                assert made.serve().answers()
                starts += 1
    assert starts == 1
    print(f"\ncrash points of init tried: {len(chosen) + 1} of {len(changing)}; seed {SEED}")
