"""The reason for each abstention, from votes worked out by hand."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from wulff import runs
from wulff.reports import abstentions as why
from wulff.runs.records import Record

CERTIFY = runs.Spec(model="m", alpha=0.001)
PREDICT = runs.PredictSpec(model="m", alpha=0.001)


def reason(selection: dict, estimation: dict, n: int, **spec: Any) -> str | None:
    run = runs.Run(Path("r"), dataclasses.replace(CERTIFY, **spec), [])
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


@pytest.mark.parametrize(
    ("selection", "estimation", "lost", "n", "expected"),
    [
        ({}, {}, {"selection": 10, "estimation": 100}, 100, why.NOT_A_NUMBER),
        ({}, {}, {"selection": 10}, 0, why.NOT_A_NUMBER),  # not sampled, since no label was selected
        ({}, {1: 100}, {"selection": 10}, 100, why.NOT_A_NUMBER),
        ({1: 10}, {1: 40, 2: 20}, {"estimation": 40}, 100, why.NOT_A_NUMBER),
        ({1: 10}, {1: 55, 2: 44}, {"estimation": 1}, 100, why.NEARLY_TIED),  # 56 would not do either
        ({1: 10}, {1: 40, 2: 50}, {"estimation": 10}, 100, why.TIE),
        ({1: 10}, {}, {"estimation": 9}, 9, why.TOO_FEW),
    ],
)
def test_not_a_number(selection: dict, estimation: dict, lost: dict, n: int, expected: str) -> None:
    run = runs.Run(Path("r"), CERTIFY, [])
    counts = {"selection": selection, "estimation": estimation}
    record = Record(0, 1, -1, 0.1, n, 1.0, counts=counts, not_a_number=lost)
    assert why.abstention(run, record) == expected
    assert why.samples_to_decide(run, record) == (None if expected != why.NEARLY_TIED else 955)
    assert why.abstention(run, Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {}, "estimation": {}}))


def test_predictions_that_are_not_a_number() -> None:
    run = runs.Run(Path("r"), PREDICT, [])
    lost = Record(0, 1, -1, 0.1, 100, counts={"prediction": {1: 30, 2: 30}}, not_a_number={"prediction": 40})
    assert why.abstention(run, lost) == why.NOT_A_NUMBER  # 70 against 30 would be an answer
    few = Record(0, 1, -1, 0.1, 100, counts={"prediction": {1: 49, 2: 49}}, not_a_number={"prediction": 2})
    assert why.abstention(run, few) == why.EQUAL


def test_two_sided_and_predictions() -> None:
    assert reason({1: 5}, {1: 40, 2: 40, 3: 20}, 100, bound="two-sided") == why.EQUAL
    assert reason({1: 5}, {1: 41, 2: 40, 3: 19}, 100, bound="two-sided") == why.NEARLY_TIED
    run = runs.Run(Path("r"), PREDICT, [])
    record = Record(0, 1, -1, 0.1, 10, counts={"prediction": {1: 10}})
    assert why.abstention(run, record) == why.TOO_FEW  # 2 · ½^10 = .00195
    assert why.abstention(run, Record(0, 1, -1, 0.1)) == why.NO_COUNTS
    assert why.abstention(run, Record(0, 1, 1, 0.1)) is None


def test_samples_to_decide() -> None:
    run = runs.Run(Path("r"), CERTIFY, [])
    record = Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {1: 9}, "estimation": {1: 55, 2: 45}})
    # The .999 quantile of the normal law is 3.0902; (3.0902 / (2 · .05))² = 954.9.
    assert why.samples_to_decide(run, record) == 955
    tie = Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {1: 9}, "estimation": {1: 50, 2: 50}})
    assert why.samples_to_decide(run, tie) is None


def test_all_reasons_are_counted() -> None:
    tie = Record(0, 1, -1, 0.1, 100, 1.0, counts={"selection": {1: 9}, "estimation": {1: 50, 2: 50}})
    run = runs.Run(Path("r"), CERTIFY, [tie, Record(1, 1, 1, 0.1), Record(2, 1, -1, 0.1)])
    assert why.abstentions(run) == {why.TIE: 1, why.NO_COUNTS: 1}


def test_samples_that_a_prediction_needs() -> None:
    run = runs.Run(Path("r"), PREDICT, [])
    record = Record(0, 1, -1, 0.1, 100, counts={"prediction": {1: 46, 2: 23, 3: 31}})
    # Of 77 votes for the two largest classes 46 are for the first: (46 - 31) / sqrt(77) deviations; the
    # .9995 quantile is 3.2905, so 100 · 3.2905² · 77 / 15² = 370.5.
    assert why.samples_to_decide(run, record) == 371
