"""kill -9 at any step of a publish: the version is wholly there or not at all, `live` answers, and
the same idempotency key finishes the job once."""

import random
import signal
import threading
import time

import pytest

import models
from harness import STOP_SECONDS, wait_until
from steps import ENVIRONMENT, StepLog
from strongroom_client import ConnectionLost, StatusError, registry
from strongroom_models import crc32c, predict, publish_bundle

MODEL = "steadfast"
WIDTHS = (4, 20_000, 12)  # 1.4 MB: two chunks
CHUNK_BYTES = 1 << 20
ROW = models.rows(seed=1)
STEPS = {
    "begin.row", "chunk.write", "blob.fsync", "blob.link", "folder.fsync", "file.row",
    "transaction.begin", "head", "transaction.commit", "sequence.write", "sequence.rename",
    "answer"}
STEP_SECONDS = 0.05  # far more than a step takes
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

    def serve(self, target=None):
        """A server whose steps are followed, and which stops at one of a publish if told so."""
        path = self.home.folder.parent / f"steps-{len(self.home.servers)}.log"
        self.log = StepLog(path, target)
        server = self.home.serve(env=ENVIRONMENT, log=self.log)
        self.log.arm()
        return server

    def stop(self, server):
        assert server.stop() == 0, server.log
        self.log.close()

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

    def publish_and_kill(self, bundle, wait, target=None):
        """Publishes to a server that is killed when `wait(log)` returns; the step it was at."""
        server = self.serve(target)

        def kill():
            wait(self.log)
            server.send(signal.SIGKILL)

        killer = threading.Thread(target=kill)
        with server.client() as client:
            killer.start()
            try:
                self.publish(client, bundle)
            except LOST:
                pass
        killer.join()
        assert server.process.wait(STOP_SECONDS) == -signal.SIGKILL, server.log
        self.log.close()
        return self.log.publish_steps[-1] if self.log.publish_steps else "no step yet"

    def crash_and_return(self, wait, target=None):
        """Publishes while the server is brought down, starts it again and checks everything."""
        bundle, answer = self.next_bundle()
        step = self.publish_and_kill(bundle, wait, target)
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
        self.stop(server)
        print(f"killed at {step}: version {finished.version} was "
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
        told.stop(server)
    told.undisturbed = told.log.publish_steps
    assert set(told.undisturbed) == STEPS
    return told


@pytest.mark.parametrize("step", sorted(STEPS))
def test_a_kill_at_a_step_of_a_publish_leaves_it_whole_or_undone(story, step):
    """As soon as it is reached for the first time; and when it is done for the last time, but
    nothing that comes after it."""
    def at_once(log):
        log.reached.wait(STOP_SECONDS)

    def when_done(log):
        at_once(log)
        time.sleep(STEP_SECONDS)

    for target, wait in (((step, 1), at_once), ((step, story.undisturbed.count(step)), when_done)):
        story.crash_and_return(wait, target)
        assert story.kills[-1] == step


def test_a_kill_at_a_random_moment_of_a_publish_leaves_it_whole_or_undone(story):
    moments = random.Random(SEED)
    for _ in range(max(RANDOM_KILLS, LEAST_KILLS - len(story.kills))):
        delay = moments.uniform(0, 1.1 * story.seconds)
        story.crash_and_return(lambda log, delay=delay: time.sleep(delay))
    assert len(story.kills) >= LEAST_KILLS and STEPS <= set(story.kills)
    print(f"{len(story.kills)} kills, at: {', '.join(sorted(set(story.kills)))}")


def test_after_all_the_kills_every_version_is_as_it_was_published(story):
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
        for number in story.versions(client):
            _, outputs = predict(client, MODEL, {"x": ROW}, version=number)
            assert outputs["y"].tobytes() == story.expected[number]
    story.stop(server)
