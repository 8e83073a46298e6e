"""The reason for each abstention, from votes worked out by hand."""

from pathlib import Path

import pytest

from wulff import runs
from wulff.reports import abstentions as why
from wulff.runs.records import Record

SPEC = {"task": "certify", "alpha": 0.001, "bound": "one-sided"}


def reason(selection: dict, estimation: dict, n: int, **spec: object) -> str | None:
    run = runs.Run(Path("r"), {"run": {**SPEC, **spec}}, [])
    counts = {"selection": selection, "estimation": estimation}
    return why.abstention(run, Record(0, 1, -1, 0.1, n, 1.0, counts=counts))


@pytest.mark.parametrize(
    ("selection", "estimation", "n", "expected"),
    [
        ({1: 10}, {1: 9}, 9, why.TOO_FEW),  # .001^(1/9) = .46: nine votes show an error of .536 at best
        ({1: 10}, {1: 55, 2: 45}, 100, why.NEARLY_TIED),
        ({1: 6, 2: 4}, {1: 40, 2: 60}, 100, why.OTHER_CLASS),
        ({1: 10}, {1: 40, 2: 35, 3: 25}, 100, why.TIE),
        ({1: 10}, {1: 50, 2: 50}, 100, why.TIE),
        ({2: 10}, {}, 0, why.NOT_SAMPLED),
    ],
)
def test_certify(selection: dict, estimation: dict, n: int, expected: str) -> None:
    assert reason(selection, estimation, n) == expected


def test_two_sided_and_predictions() -> None:
    assert reason({1: 5}, {1: 40, 2: 40, 3: 20}, 100, bound="two-sided") == why.EQUAL
    assert reason({1: 5}, {1: 41, 2: 40, 3: 19}, 100, bound="two-sided") == why.NEARLY_TIED
    run = runs.Run(Path("r"), {"run": {**SPEC, "task": "predict"}}, [])
    record = Record(0, 1, -1, 0.1, 10, counts={"prediction": {1: 10}})
    assert why.abstention(run, record) == why.TOO_FEW  # 2 · ½^10 = .00195
    assert why.abstention(run, Record(0, 1, -1, 0.1)) == why.NO_COUNTS
    assert why.abstention(run, Record(0, 1, 1, 0.1)) is None


def test_samples_to_decide() -> None:
    run = runs.Run(Path("r"), {"run": SPEC}, [])
    record = Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {1: 9}, "estimation": {1: 55, 2: 45}})
    # The .999 quantile of the normal law is 3.0902; (3.0902 / (2 · .05))² = 954.9.
    assert why.samples_to_decide(run, record) == 955
    tie = Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {1: 9}, "estimation": {1: 50, 2: 50}})
    assert why.samples_to_decide(run, tie) is None


def test_all_reasons_are_counted() -> None:
    tie = Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {1: 9}, "estimation": {1: 50, 2: 50}})
    run = runs.Run(Path("r"), {"run": SPEC}, [tie, Record(1, 1, 1, 0.1), Record(2, 1, -1, 0.1)])
    assert why.abstentions(run) == {why.TIE: 1, why.NO_COUNTS: 1}


def test_samples_that_a_prediction_needs() -> None:
    run = runs.Run(Path("r"), {"run": {**SPEC, "task": "predict"}}, [])
    record = Record(0, 1, -1, 0.1, 100, counts={"prediction": {1: 46, 2: 23, 3: 31}})
    # Of 77 votes for the two largest classes 46 are for the first: (46 - 31) / sqrt(77) deviations; the
    # .9995 quantile is 3.2905, so 100 · 3.2905² · 77 / 15² = 370.5.
    assert why.samples_to_decide(run, record) == 371
