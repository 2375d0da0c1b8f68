"""The models of the `onnx` package, one for each operator: equal to ONNX Runtime's Python, bit for
bit, or refused with a reason that names the cause. `make test-large` tries all of them."""

import collections

import pytest

import node_cases
from node_checks import Checker
from reference import ReferenceProcess

# Of onnx 1.22.0; another release of the package makes another sample.
MODELS = {"node": 1765, "pytorch-converted": 82, "pytorch-operator": 35, "simple": 23}
OPERATORS = 204
WITH_ROWS = 757
SAMPLED_WITH_ROWS = 60


@pytest.fixture(scope="module")
def every_case():
    return node_cases.cases()


@pytest.fixture(scope="module")
def reference():
    with ReferenceProcess() as process:
        yield process


@pytest.fixture
def checker(tmp_path):
    with Checker(tmp_path) as made:
        yield made


def check(outcomes):
    """Prints the counts; fails with what is wrong."""
    counts = collections.Counter(outcome.kind for outcome in outcomes)
    counts["merged"] = sum(outcome.merged for outcome in outcomes)
    print(dict(counts), f"{sum(outcome.calls for outcome in outcomes)} calls")
    wrong = [f"{outcome.kind}: {outcome.case}: {outcome.cause}" for outcome in outcomes
             if outcome.kind in ("wrong", "crash")]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(outcomes)} models:", *wrong])


def test_the_package_has_the_models_that_the_sample_is_chosen_from(every_case):
    assert collections.Counter(case.group for case in every_case) == MODELS


def test_a_model_for_each_operator_answers_as_onnx_runtime_does(checker, every_case, reference):
    sample = node_cases.one_for_each_operator(every_case, reference)
    assert len(sample) == OPERATORS
    check([checker.bare(case) for case in dict.fromkeys(sample.values())])


def test_requests_in_company_answer_as_they_do_alone(checker, every_case, reference):
    rows, _ = node_cases.free_cases(every_case, reference)
    assert len(rows) == WITH_ROWS
    check([checker.rows(case) for case in node_cases.spread(rows, SAMPLED_WITH_ROWS)])
