"""Engine hosts: what such a process has and may do, when it starts and ends, and what the server
tells of it."""

import re
import signal
import time

import numpy
import pytest

import hosts
import isolated_models
import models
from callers import call
from harness import STOP_SECONDS, Home, wait_until
from isolated_models import hosted, integers, least
from registries import delete_version, set_alias
from strongroom_models import predict, publish_bundle
from test_metrics import scrape, so_far

SMALL = models.mlp(seed=1)
ROW = models.rows(seed=1)
EXPECTED = models.Reference(SMALL).run(x=ROW)["y"]
SECRET = "a secret of the operator's"
# The only variables that a host may have.
ALLOWED = re.compile(r"STRONGROOM_ONNXRUNTIME|LOCPATH|LC_ALL|TZ|GLIBC_TUNABLES|"
                     r"(MALLOC|ORT|OMP)_.*")
PLANTED = {
    "STRONGROOM_SECRET": SECRET, "LD_LIBRARY_PATH": "/nonexistent", "PGPASSWORD": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET, "OMP_NUM_THREADS": "1", "TZ": "UTC"}
THREADS = 16
KILLS = 50
DESCRIPTORS_SLACK = 4
READY_SECONDS = 2      # generous; the measured time is printed
GOAL_SECONDS = 0.25


@pytest.fixture(scope="module")
def server(shared_home):
    return shared_home.serve(env=PLANTED)


@pytest.fixture
def host(server, admin, name):
    """A host's process id and its model."""
    model = name("hosted")
    pid, _ = hosts.added_by(server, lambda: publish_bundle(admin, model, hosted(SMALL)))
    assert numpy.array_equal(predict(admin, model, {"x": ROW})[1]["y"], EXPECTED)
    return pid, model


# Its descriptors, environment and limits.


def check_sandbox(pid, filters):
    for task in hosts.tasks(pid):
        def line(key):
            return hosts.status(pid, key, task)
        assert line("NoNewPrivs") == "1" and line("Seccomp") == "2", task
        assert int(line("Seccomp_filters") or filters) >= filters, task
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(line(capabilities), 16) == 0, (task, capabilities)


def test_a_host_is_sandboxed_and_so_is_each_of_its_threads(host):
    pid, _ = host
    check_sandbox(pid, filters=2)
    assert 1 < len(hosts.tasks(pid)) <= THREADS


def test_a_spare_is_sandboxed_before_it_has_a_model(server):
    hosts.wait_for_spares(server)
    (pid,) = hosts.spares(server)
    wait_until(lambda: hosts.status(pid, "Seccomp") == "2", hosts.START_SECONDS, "the sandbox")
    check_sandbox(pid, filters=1)
    assert len(hosts.tasks(pid)) == 1


def test_a_host_has_its_socket_its_output_and_no_more(server, host):
    pid, model = host
    found = hosts.descriptors(pid)
    # It has mapped the shared memory, which was the fourth, and closed it.
    assert sorted(found) == [0, 1, 2], found
    assert found[0].startswith("socket:"), found
    assert found[1].startswith(("pipe:", "socket:")), found
    # Large tensors come in memory of their own, which is closed again.
    with server.client() as client:
        rows = models.rows(seed=2, count=100_000)
        assert predict(client, model, {"x": rows})[1]["y"].shape == (100_000, 3)
    wait_until(lambda: sorted(hosts.descriptors(pid)) == [0, 1, 2], 5, "the areas to go")


def test_a_host_sees_no_variable_but_those_that_it_needs(server, host):
    for pid in hosts.of(server):
        found = hosts.environment(pid)
        assert [key for key in found if not ALLOWED.fullmatch(key)] == []
        assert SECRET not in found.values()
        assert (found["LC_ALL"], found["TZ"], found["OMP_NUM_THREADS"]) == ("C.UTF-8", "UTC", "1")


def test_a_host_is_limited(host):
    found = hosts.limits(host[0])
    assert found["Max core file size"] == "0"
    assert found["Max data size"] != "unlimited"
    assert int(found["Max open files"]) <= 8
    assert found["Max cpu time"] == "unlimited", "the limit of the load was not lifted"


def test_the_kernel_refuses_each_forbidden_thing_and_the_command_shows_it(server, shared_home):
    done = shared_home.run("engine-host", "--self-test", home=False)
    assert done.returncode == 0, done
    for thing in ("open", "socket", "exec", "clone", "mprotect"):
        assert thing in done.stdout, done.stdout
    assert re.search(r"sandbox", server.log), "the server did not log the result at its start"


def test_the_command_is_a_servers_alone(home):
    assert "engine-host" not in home.command("--help", home=False)
    done = home.run("engine-host", home=False)
    assert done.returncode == 1 and done.stderr.startswith("strongroom: error: "), done


# How long it lives.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_hosts_end_with_their_server(home, number):
    server = home.serve(env={"STRONGROOM_ISOLATION_SPARE_HOSTS": "2"})
    with server.client() as client:
        publish_bundle(client, "one", hosted(SMALL))
        publish_bundle(client, "two", {"model.onnx": isolated_models.counting()})
        hosts.wait_for_spares(server, 2)
        pids = hosts.of(server)
        assert len(pids) == 4
        server.send(number)
        server.process.wait(STOP_SECONDS)
        wait_until(lambda: all(hosts.is_zombie(pid) for pid in pids), 5, "the hosts' end")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_spares_wait_as_are_asked_for(home, count):
    server = home.serve(env={"STRONGROOM_ISOLATION_SPARE_HOSTS": str(count)})
    hosts.wait_for_spares(server, count)
    with server.client() as client:
        publish_bundle(client, "one", hosted(SMALL))
        assert numpy.array_equal(predict(client, "one", {"x": ROW})[1]["y"], EXPECTED)
    hosts.wait_for_spares(server, count)
    assert len(hosts.serving(server)) == 1


@pytest.mark.parametrize("count", [-1, 17, "many"])
def test_a_number_of_spares_out_of_range_is_refused(home, count):
    (home.folder / "strongroom.yaml").write_text(f"isolation: {{spare_hosts: {count}}}\n")
    done = home.run("serve", "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "isolation.spare_hosts" in done.stderr, done


@pytest.mark.parametrize("keeps", [True, False])
def test_a_host_ends_with_its_version(tmp_path, keeps):
    with Home(tmp_path / "home") as home:
        with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
            file.write(f"keep_previous: {'true' if keeps else 'false'}\n")
        server = home.serve()
        with server.client() as client:
            for seed in (1, 2, 3):
                publish_bundle(client, "swapped", hosted(models.mlp(seed=seed)))
            expected = 2 if keeps else 1
            wait_until(lambda: len(hosts.serving(server)) == expected, 10, f"{expected} hosts")
            set_alias(client, "swapped", "live", 1)
            assert numpy.array_equal(predict(client, "swapped", {"x": ROW})[1]["y"], EXPECTED)
            wait_until(lambda: len(hosts.serving(server)) == expected, 10, f"{expected} hosts")
            home.command("alias", "delete", "swapped", "live")
            for number in (1, 2, 3):
                delete_version(client, "swapped", number)
            wait_until(lambda: not hosts.serving(server), 10, "the hosts' end")
        assert zombies(server) == []


def zombies(server):
    return [pid for pid in hosts.children(server.pid) if hosts.is_zombie(pid)]


def answers(client, model):
    answer = call(client, model, {"x": ROW}, timeout=10)
    return answer.error is None and numpy.array_equal(answer.outputs["y"], EXPECTED)


def test_a_new_host_takes_over_from_a_spare(server, admin, host):
    pid, model = host
    hosts.wait_for_spares(server)
    (spare,) = hosts.spares(server)
    began = time.monotonic()
    hosts.kill(pid)
    wait_until(lambda: answers(admin, model), READY_SECONDS, "an answer of the new host")
    took = time.monotonic() - began
    print(f"a new host answered {1e3 * took:.0f} ms after the end of the last one; "
          f"the goal is {1e3 * GOAL_SECONDS:.0f} ms")
    assert took < READY_SECONDS
    assert spare in hosts.serving(server), "the spare did not take over"


def test_fifty_ends_leave_no_process_and_no_descriptor_behind(server, admin, name):
    model = name("killed")
    pid, _ = hosts.added_by(server, lambda: publish_bundle(admin, model, hosted(SMALL)))
    hosts.wait_for_spares(server)
    before, took = hosts.descriptors(server.pid), []
    threads = int(hosts.status(server.pid, "Threads"))
    for _ in range(KILLS):
        others = hosts.serving(server)
        began = time.monotonic()
        hosts.kill(pid)
        wait_until(lambda: answers(admin, model), 10, "an answer of the new host")
        took.append(time.monotonic() - began)
        (pid,) = wait_until(lambda: hosts.serving(server) - others, 10, "the new host")
        hosts.wait_for_spares(server)
    print(f"ready again: median {1e3 * sorted(took)[KILLS // 2]:.0f} ms, "
          f"most {1e3 * max(took):.0f} ms, of {KILLS} ends")
    assert zombies(server) == []
    after = hosts.descriptors(server.pid)
    assert len(after) <= len(before) + DESCRIPTORS_SLACK, sorted(after.values())
    assert int(hosts.status(server.pid, "Threads")) <= threads + DESCRIPTORS_SLACK


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_host_that_somebody_ends_is_replaced_and_its_version_stays(server, admin, host, number):
    pid, model = host
    hosts.kill(pid, number)
    wait_until(lambda: answers(admin, model), 10, "an answer of the new host")
    wait_until(lambda: pid not in hosts.of(server), 5, "the end")
    assert server.answers()


# Metrics and log lines.


def test_hosts_their_starts_and_their_ends_are_counted(server, admin, name):
    model, others = name("counted"), hosts.serving(server)
    publish_bundle(admin, model, {"model.onnx": integers("Div", "INT32")})
    own = {"model": model, "version": "1"}

    def ends():
        return {dict(labels)["reason"]: count for (series, labels), count in scrape(server).items()
                if series == "strongroom_engine_host_ends_total" and ("model", model) in labels}

    def running():
        return so_far(scrape(server), "strongroom_engine_hosts", **own)

    assert running() == 1 and sum(ends().values()) == 0
    starts = so_far(scrape(server), "strongroom_engine_host_start_seconds_count")
    assert starts > 0
    answer = call(admin, model, {"a": numpy.array([least("INT32")], "i4"),
                                 "b": numpy.array([-1], "i4")})
    assert answer.error and answer.error.code == "INTERNAL", answer
    (pid,) = wait_until(lambda: hosts.serving(server) - others, 10, "the new host")
    wait_until(lambda: running() == 1, 10, "the new host to be counted")
    crashed = {reason: count for reason, count in ends().items() if count}
    assert len(crashed) == 1 and set(crashed.values()) <= {1, 2}, crashed
    hosts.kill(pid)
    wait_until(lambda: sum(ends().values()) == sum(crashed.values()) + 1, 10, "the second end")
    killed = {reason for reason, count in ends().items() if count} - set(crashed)
    assert len(killed) == 1, "a crash and a kill from outside have one reason"
    assert so_far(scrape(server), "strongroom_engine_host_start_seconds_count") > starts
