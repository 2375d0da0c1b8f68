"""Every model of the `onnx` package that has test data: equal to ONNX Runtime's Python, bit for bit,
alone and in company, or refused with a reason that names the cause. Prints the tables of
docs/EQUALITY.md, and writes them to the file that STRONGROOM_EQUALITY names."""

import os
import time

import pytest

import equality
import harness
import node_cases
from node_checks import Checker
from reference import ReferenceProcess

MODELS, WITH_ROWS = 1905, 757
BARE = "as they are"
ROWS = "first dimension free, as many rows in each input and output"
OTHERS = "first dimension free, all others"
ALARMING = ("wrong", "crash")


@pytest.fixture(scope="module")
def every_case():
    return node_cases.cases()


@pytest.fixture(scope="module")
def sets(every_case, tmp_path_factory):
    """The outcome of each model, in three sets."""
    with ReferenceProcess() as reference:
        rows, others = node_cases.free_cases(every_case, reference)
    made = {}
    with Checker(tmp_path_factory.mktemp("nodes")) as checker:
        for name, check, cases in ((BARE, checker.bare, every_case), (ROWS, checker.rows, rows),
                                   (OTHERS, checker.rows, others)):
            began = time.monotonic()
            made[name] = [check(case) for case in cases]
            print(f"\n{len(cases)} models {name}: {time.monotonic() - began:.0f} s")
    text = equality.report(made, every_case)
    print(text)
    for name, outcomes in made.items():
        for outcome in outcomes:
            if outcome.kind in ALARMING:
                print(f"{name}: {outcome.kind}: {outcome.case}: {outcome.cause}")
    if path := os.environ.get("STRONGROOM_EQUALITY"):
        equality.write(harness.ROOT / path, text)
    return made


@pytest.mark.parametrize("name", [BARE, ROWS, OTHERS])
def test_no_model_is_answered_wrong_or_crashes(sets, name):
    alarming = [outcome.case for outcome in sets[name] if outcome.kind in ALARMING]
    assert not alarming, f"{len(alarming)} of {len(sets[name])} models: {' '.join(alarming)}"


def test_every_model_of_the_package_was_tried(sets):
    assert (len(sets[BARE]), len(sets[ROWS])) == (MODELS, WITH_ROWS)


def test_most_models_with_rows_are_merged(sets):
    """Otherwise the answers in company would show little."""
    served = [outcome for outcome in sets[ROWS] if outcome.kind == "served"]
    assert sum(outcome.merged for outcome in served) > len(served) / 2
