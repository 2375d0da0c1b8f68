"""A live model moves forward and back under full load, and no caller can tell."""

import multiprocessing

import models
from harness import wait_until
from strongroom_models import publish_bundle, rollback
from storm import PIPELINED, storm

CONNECTIONS = 8
CALLS = 10_000
PUBLISHES = 20
ANSWERS_BETWEEN_MOVES = 20
MOVE_SECONDS = 60


def moves():
    """20 publishes and 20 rollbacks, mixed: two forward and one back, then back to the start."""
    return "PPR" * (PUBLISHES // 2) + "R" * (PUBLISHES // 2)


def test_no_call_fails_or_is_wrong_through_20_publishes_and_20_rollbacks(server, admin, name):
    model = name("storm")
    versions = {number: models.mlp(seed=number) for number in range(1, PUBLISHES + 2)}
    inputs = [models.rows(seed=i, count=1 + i % 3) for i in range(16)]
    expected = {}
    for number, data in versions.items():
        reference = models.Reference(data)
        expected[number] = [reference.run(x=rows)["y"].tobytes() for rows in inputs]
    for answers in zip(*expected.values()):
        assert len(set(answers)) == len(versions), "two versions answer one input alike"
    assert publish_bundle(admin, model, {"model.onnx": versions[1]}).version == 1

    context = multiprocessing.get_context("spawn")
    state = context.Array("Q", [0, 1], lock=True)
    answered = context.Array("Q", CONNECTIONS, lock=False)
    stop, reports = context.Event(), context.Queue()
    certificate, key = server.home.certificate("admin")
    connection = (server.host, server.port, server.home.folder / "tls/ca.pem", certificate, key)
    workers = [context.Process(target=storm, args=(
        index, connection, model, inputs, expected, state, answered, stop, reports))
        for index in range(CONNECTIONS)]
    for worker in workers:
        worker.start()
    try:
        run_moves(admin, model, versions, state, answered)
        wait_until(lambda: sum(answered) >= CALLS, MOVE_SECONDS, f"{CALLS} answers")
    finally:
        stop.set()
        seen = [reports.get(timeout=MOVE_SECONDS) for _ in workers]
        for worker in workers:
            worker.join()

    answers = sum(report.answers for report in seen)
    print(f"{answers} answers from versions "
          f"{sorted(set().union(*(report.versions for report in seen)))}")
    assert [line for report in seen for line in report.failed] == []
    assert [line for report in seen for line in report.wrong] == []
    assert answers >= CALLS
    assert set().union(*(report.versions for report in seen)) == set(versions)


def run_moves(admin, model, versions, state, answered):
    """Moves the alias; between two moves, waits for answers that were asked for after the first."""
    served, newest = [1], 1
    wait_for_answers(answered)
    for move in moves():
        with state.get_lock():
            state[0] += 1
        if move == "P":
            newest += 1
            served.append(newest)
            published = publish_bundle(admin, model, {"model.onnx": versions[newest]})
            assert (published.version, list(published.aliases)) == (newest, ["live"])
        else:
            served.pop()
            assert rollback(admin, model).version == served[-1]
        with state.get_lock():
            state[1] = served[-1]
            state[0] += 1
        wait_for_answers(answered)
    assert newest == len(versions) and served == [1]


def wait_for_answers(answered):
    """Past what was already under way, so that the answers counted were asked for after a move."""
    target = sum(answered) + CONNECTIONS * PIPELINED + ANSWERS_BETWEEN_MOVES
    wait_until(lambda: sum(answered) >= target, MOVE_SECONDS,
               f"{ANSWERS_BETWEEN_MOVES} answers between two moves")
