"""`strongroom bench`: what it counts is what the server did, and what it says of itself is true."""

import xml.etree.ElementTree

import pytest

import models
from strongroom_models import publish_bundle


@pytest.fixture(scope="module")
def model(server):
    with server.client() as client:
        publish_bundle(client, "benched", {"model.onnx": models.mlp(seed=3)})
    return "benched"


def bench(home, *arguments):
    return home.json("bench", *arguments, "--duration", "0.5", "--warm-up", "0.1")


def test_a_closed_loop_counts_its_answers_and_the_servers_time(server, shared_home, model):
    result = bench(shared_home, model, "--connections", "3", "--depth", "4")
    assert result["connections"] == 3 and result["depth"] == 4
    assert result["answers"] > 12 and result["failures"] == {} and result["unanswered"] == 0
    assert result["answers_per_second"] == pytest.approx(result["answers"] / 0.5, abs=0.1)
    latency = result["latency_us"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p99_9"] <= latency["max"]
    assert result["server_resident_bytes"] > 1 << 20
    assert result["server_cpu_us_per_answer"] == pytest.approx(
        result["server_cpu_seconds"] * 1e6 / result["answers"], abs=0.01)


def test_an_open_loop_makes_the_calls_that_were_due_of_each_kind(server, shared_home, model):
    result = bench(shared_home, model, "--connections", "4", "--rate", "400", "--rows", "1,5")
    assert result["rate"] == 400 and abs(result["answers"] - 200) <= 2, result
    names = [kind["name"] for kind in result["calls"]]
    assert names == [f"{model} x 1", f"{model} x 5"]
    assert sum(kind["answers"] for kind in result["calls"]) == result["answers"]
    assert min(kind["answers"] for kind in result["calls"]) > 50


def test_checked_answers_are_counted_by_their_version(server, shared_home, model):
    result = bench(shared_home, model, "--connections", "2", "--check")
    assert result["wrong"] == 0 and list(result["versions"]) == ["1"]
    # Those of the warm-up are checked too.
    assert result["versions"]["1"] >= result["answers"] > 0


def test_refused_calls_are_failures_by_code_and_the_command_fails(server, shared_home, model):
    done = shared_home.run("bench", model, "--input", "x=[[1, 2, 3]]", "--duration", "0.2",
                           "--warm-up", "0")
    assert done.returncode == 1
    assert "INVALID_ARGUMENT" in done.stdout and "failed: " in done.stdout


def test_a_plot_has_a_curve_for_each_kind_and_one_for_all(server, shared_home, model, tmp_path):
    plot = tmp_path / "latency.svg"
    bench(shared_home, model, "--rows", "1,2", "--plot", plot)
    root = xml.etree.ElementTree.parse(plot).getroot()
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 3


@pytest.mark.parametrize("arguments, word", [
    (["--connections", "0"], "connections"), (["--connections", "20001"], "connections"),
    (["--depth", "4097"], "under way"), (["--rate", "0.5"], "calls a second"),
    (["--rate", "10", "--depth", "2"], "exclude"), (["--duration", "0.01"], "seconds"),
    (["--threads", "65"], "threads"), (["--rows", "1,,2"], "--rows"), (["--rows", "0"], "--rows"),
    (["--input", "y=1"], "the name of no input")], ids=str)
def test_what_is_out_of_its_limits_is_wrong_usage(server, shared_home, model, arguments, word):
    done = shared_home.run("bench", model, *arguments)
    assert done.returncode == 64 and word in done.stderr, done.stderr
