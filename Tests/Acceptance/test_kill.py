"""kill -9 at any step of a publish: the version is wholly there or not at all, `live` answers, and
the same idempotency key finishes the job once."""

import random
import signal
import threading
import time

import pytest

import models
from harness import STOP_SECONDS, wait_until
from strongroom_client import ConnectionLost, StatusError, registry
from strongroom_models import crc32c, predict, predict_request, publish_bundle

MODEL = "steadfast"
WIDTHS = (4, 20_000, 12)  # 1.4 MB: two chunks
CHUNK_BYTES = 1 << 20
ROW = models.rows(seed=1)
RANDOM_KILLS = 12
SEED = 20_250_101  # of the random kills' moments
LEAST_KILLS = 20
LOST = (ConnectionLost, OSError)


class Story:
    """One home over many crashes: what was published, and what each version has to answer."""

    def __init__(self, home):
        self.home, self.attempt = home, 0
        self.expected = {}
        self.kills = []

    def serve(self, **variables):
        self.trace = self.home.folder.parent / f"steps-{len(self.home.servers)}"
        return self.home.serve(env={"STRONGROOM_TRACE_STEPS": str(self.trace), **variables})

    def steps(self):
        """The steps that the newest server took, by name, in order."""
        if not self.trace.exists():
            return []
        return [line.split()[0] for line in self.trace.read_text().splitlines() if line.strip()]

    def next_bundle(self):
        self.attempt += 1
        data = models.mlp(seed=self.attempt, widths=WIDTHS)
        answer = models.Reference(data).run(x=ROW)["y"].tobytes()
        for offset in range(0, len(data), CHUNK_BYTES):
            crc32c(data[offset:offset + CHUNK_BYTES])  # now: publishing is then the server's time
        return {"model.onnx": data, "notes.txt": b"attempt %d" % self.attempt}, answer

    def publish(self, client, bundle):
        return publish_bundle(client, MODEL, bundle, key=f"attempt-{self.attempt}")

    def versions(self, client):
        request, found = registry.ListVersionsRequest(model=MODEL), []
        while True:
            page = client.call("Registry", "ListVersions", request)
            found += [version.version for version in page.versions]
            if not page.next_page_token:
                return sorted(found)
            request.page_token = page.next_page_token

    def check_all(self, client, pending=None):
        """Every version answers with its own bytes, the one of a killed publish too, if it is
        there; nothing else is there; `live` answers with one of them."""
        numbers, newest = self.versions(client), max(self.expected) + 1
        assert numbers in (sorted(self.expected), sorted([*self.expected, newest])), numbers
        answers = dict(self.expected)
        if newest in numbers:
            answers[newest] = pending
        for number in (numbers[0], numbers[-1]):
            version, outputs = predict(client, MODEL, {"x": ROW}, version=number)
            assert version == number and outputs["y"].tobytes() == answers[number]
        live, outputs = predict(client, MODEL, {"x": ROW}, alias="live")
        assert live in numbers[-2:] and outputs["y"].tobytes() == answers[live]
        return newest in numbers

    def crash_and_return(self, kill):
        """Publishes while `kill` brings the server down, starts it again and checks everything."""
        bundle, answer = self.next_bundle()
        server = kill(bundle)
        assert server.process.wait(STOP_SECONDS) == -signal.SIGKILL, server.log
        step = self.steps()[-1] if self.steps() else "before the first step"
        self.kills.append(step)
        server = self.serve()
        with server.client() as client:
            there = self.check_all(client, pending=answer)
            finished = self.publish(client, bundle)
            assert finished.version == max(self.expected) + 1
            self.expected[finished.version] = answer
            again = self.publish(client, bundle)
            assert again.version == finished.version
            wait_until(lambda: predict(client, MODEL, {"x": ROW})[0] == finished.version,
                       STOP_SECONDS, "live to move")
            self.check_all(client)
        assert server.stop() == 0
        print(f"killed after {step}: version {finished.version} was "
              f"{'wholly there' if there else 'not there'} and was finished once")


@pytest.fixture(scope="module")
def story(shared_home):
    """Two versions; the steps and the time that an undisturbed publish takes as the second."""
    told = Story(shared_home)
    for number in (1, 2):
        bundle, answer = told.next_bundle()
        server = told.serve()
        with server.client() as client:
            began = time.monotonic()
            assert told.publish(client, bundle).version == number
            told.seconds = time.monotonic() - began
        told.expected[number] = answer
        assert server.stop() == 0
    told.undisturbed = told.steps()
    assert told.undisturbed, "the server traced no steps"
    return told


def test_a_kill_at_every_step_of_a_publish_leaves_it_whole_or_undone(story):
    names = dict.fromkeys(story.undisturbed)
    points = [(name, 1) for name in names]
    points += [(name, story.undisturbed.count(name)) for name in names
               if story.undisturbed.count(name) > 1]
    for name, count in points:
        def kill(bundle, name=name, count=count):
            server = story.serve(STRONGROOM_KILL_AT_STEP=f"{name}:{count}")
            with server.client() as client, pytest.raises(LOST):
                story.publish(client, bundle)
                # Steps that come after the answer: the server goes on without being asked.
                server.process.wait(STOP_SECONDS)
                client.call("Prediction", "Predict", predict_request(MODEL, {"x": ROW}))
            return server

        story.crash_and_return(kill)
        assert story.kills[-1] == name
    assert set(story.kills) == set(names)


def test_a_kill_at_a_random_moment_of_a_publish_leaves_it_whole_or_undone(story):
    moments = random.Random(SEED)
    for _ in range(max(RANDOM_KILLS, LEAST_KILLS - len(story.kills))):
        delay = moments.uniform(0, 1.1 * story.seconds)

        def kill(bundle, delay=delay):
            server = story.serve()
            timer = threading.Timer(delay, server.send, [signal.SIGKILL])
            with server.client() as client:
                timer.start()
                try:
                    story.publish(client, bundle)
                except LOST:
                    pass
            timer.join()
            return server

        story.crash_and_return(kill)
    assert len(story.kills) >= LEAST_KILLS
    print(f"{len(story.kills)} kills, after: {', '.join(sorted(set(story.kills)))}")


def test_after_all_the_kills_every_byte_of_the_registry_is_as_it_was_signed(story):
    story.home.command("gc")
    story.home.command("verify")
    server = story.serve()
    with server.client() as client:
        story.check_all(client)
        for number in story.versions(client):
            with_files = client.call("Registry", "GetVersion", registry.GetVersionRequest(
                model=MODEL, version=number))
            paths = {file.path for file in with_files.files}
            assert {"model.onnx", "notes.txt"} <= paths and with_files.record
        with pytest.raises(StatusError) as caught:
            predict(client, MODEL, {"x": ROW}, version=max(story.expected) + 1)
        assert caught.value.code == "NOT_FOUND"
    assert server.stop() == 0
