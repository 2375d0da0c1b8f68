"""The tables of docs/EQUALITY.md: what became of each model of the `onnx` package."""

import collections
import datetime
import pathlib
import re
import subprocess

import harness
import node_cases

BEGIN, END = "<!-- measured -->\n", "<!-- end of what was measured -->\n"


def lines(command):
    return subprocess.run(command, cwd=harness.ROOT, text=True, capture_output=True,
                          check=True).stdout.splitlines()


def commit():
    """The commit, marked where tracked files differ from it."""
    changed = [line for line in lines(["git", "status", "--porcelain"]) if not line.startswith("??")]
    return lines(["git", "rev-parse", "--short", "HEAD"])[0] + (" and changes" if changed else "")


def processor():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    avx512 = "with" if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text() else "without"
    return f"{model[1] if model else 'unknown processor'}, {avx512} AVX-512"


def table(head, rows):
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in
                   [head, ["---"] * len(head), *rows]) + "\n"


def counted(name, outcomes):
    kinds = collections.Counter(outcome.kind for outcome in outcomes)
    return [name, len(outcomes), kinds["served"], kinds["refused"], kinds["wrong"], kinds["crash"],
            sum(outcome.merged for outcome in outcomes), sum(outcome.calls for outcome in outcomes)]


def refusals(outcomes, cases):
    """For each cause: its kind, how many models, and the operators that they are of."""
    found = collections.defaultdict(list)
    by_name = {str(case): case for case in cases}
    for outcome in outcomes:
        if outcome.kind == "refused":
            case = by_name[outcome.case]
            is_type = outcome.cause in node_cases.unserved_types(case.model)
            found["type of an input or output" if is_type else "runtime", outcome.cause].append(case)
    return [[kind, f"`{cause}`", len(cases),
             ", ".join(sorted({name for case in cases for _, name in case.operators}))]
            for (kind, cause), cases in sorted(found.items())]


def report(sets, cases):
    """The text; `sets`: {what: outcomes}."""
    text = (f"Measured on {datetime.date.today()} at commit {commit()}, on {processor()}, with the models"
            f" of `onnx` {node_cases.onnx.__version__}.\n\n")
    text += table(["set", "models", "equal", "refused, cause named", "wrong", "crashes", "merged", "calls"],
                  [counted(name, outcomes) for name, outcomes in sets.items()])
    for name, outcomes in sets.items():
        if rows := refusals(outcomes, cases):
            text += f"Refused in the set \"{name}\":\n\n"
            text += table(["because of", "cause that the reason names", "models", "operators"], rows)
    return text


def write(path, text):
    """Puts the text in the place of what was measured before."""
    before = path.read_text()
    head, rest = before.split(BEGIN)
    _, tail = rest.split(END)
    path.write_text(head + BEGIN + "\n" + text + END + tail)
