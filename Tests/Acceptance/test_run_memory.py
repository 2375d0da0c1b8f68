"""Calls whose memory a caller's number decides: such a call fails, and all others go on."""

import contextlib
import os
import time
from pathlib import Path

import numpy
import pytest

import isolated_models
import models
from callers import Caller, call
from harness import wait_until
from strongroom_models import publish_bundle

MIB = 1 << 20
GROUP_MIB, HOST_MIB = 600, 400
FINE, TOO_MANY = 1_000, 500_000_000  # elements of four bytes
SECONDS = 20
AGAIN_SECONDS = 3
STEADY = models.mlp(seed=1)
ROW = models.rows(seed=1)
EXPECTED = models.Reference(STEADY).run(x=ROW)["y"]
OPERATORS = ("Expand", "Tile", "ConstantOfShape")


def number(value):
    return {"n": numpy.array([value], "i8")}


def check_that_others_go_on(server, operator, *codes):
    """The call that wants too much fails with one of the codes."""
    with server.client() as admin, server.client("eve") as eve:
        publish_bundle(admin, "growing", {"model.onnx": isolated_models.GROWING[operator]})
        publish_bundle(admin, "steady", {"model.onnx": STEADY})
        assert call(eve, "growing", number(FINE)).error is None
        with Caller(server, "steady", {"x": ROW}, EXPECTED) as steady:
            failed = call(eve, "growing", number(TOO_MANY), timeout=SECONDS)
            began = time.monotonic()
            wait_until(lambda: call(eve, "growing", number(FINE)).error is None, AGAIN_SECONDS,
                       "the model to answer again")
            print(f"{operator}: {failed.error}; it answered again after "
                  f"{time.monotonic() - began:.2f} s")
        assert failed.error and failed.error.code in codes, failed
        assert steady.error is None, steady.error
    assert server.process.poll() is None and server.answers()


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_call_that_wants_more_than_a_host_may_take_is_refused(home, operator):
    home.add_client("eve", "predictor")
    server = home.serve(env={"STRONGROOM_LOADING_MEMORY_BYTES": str(HOST_MIB * MIB)})
    check_that_others_go_on(server, operator, "RESOURCE_EXHAUSTED")


@pytest.fixture
def group():
    """The path of a memory cgroup of a fixed size, or None on a machine that makes none."""
    root = Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").exists()
    made = (root if unified else root / "memory") / f"strongroom-test-{os.getpid()}"
    limits = {"memory.max": GROUP_MIB * MIB, "memory.swap.max": 0} if unified else {
        "memory.limit_in_bytes": GROUP_MIB * MIB, "memory.memsw.limit_in_bytes": GROUP_MIB * MIB}
    try:
        if unified:
            (root / "cgroup.subtree_control").write_text("+memory")
        made.mkdir()
        for name, value in limits.items():
            if (made / name).exists():
                (made / name).write_text(str(value))
    except OSError as error:
        with contextlib.suppress(OSError):
            made.rmdir()
        print(f"no cgroup of memory can be made here: {error}")
        yield None
        return
    yield made

    def is_removed():
        with contextlib.suppress(OSError):
            made.rmdir()
        return not made.exists()

    wait_until(is_removed, SECONDS, "the kernel to let go of the group")


@pytest.mark.parametrize("operator", OPERATORS[:1])
def test_a_call_that_wants_more_than_the_container_has_ends_no_other(home, group, operator):
    if group is None:
        return  # The test before shows the same without a container.
    home.add_client("eve", "predictor")
    enter = f"echo $$ > {group / 'cgroup.procs'} && exec \"$@\""
    server = home.serve(under=("sh", "-c", enter, "sh"))
    try:
        check_that_others_go_on(server, operator, "RESOURCE_EXHAUSTED", "INTERNAL")
    finally:
        server.kill()  # before its group is removed
