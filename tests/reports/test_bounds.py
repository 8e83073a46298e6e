"""Bounds that hold with a stated probability, and envelopes, against numbers worked out by hand."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.reports.test_tables import A, B, make_run
from wulff import reports, runs
from wulff.errors import InputError
from wulff.runs.records import CertifiedRadius, Record

ALPHA = 0.001


def counted_run(
    name: str, misses: list[int], n: int = 100, labels: list[int] | None = None, scale: float = 0.5
) -> runs.Run:
    """A run with Laplace noise: against l1 the radius is -scale · log(2 · error)."""
    records = []
    for index, missed in enumerate(misses):
        counts = {"selection": {1: 10}, "estimation": {1: n - missed, 0: missed}}
        label = 1 if labels is None else labels[index]
        radii = {"l1": CertifiedRadius(0, "x", True)}
        records.append(Record(index, label, 1, 0.1, n, 1.0, counts=counts, radii=radii))
    spec = runs.Spec(
        model="m", noise=f"laplace(scale={scale})", n0=10, n=n, alpha=ALPHA, norms=("l1",)
    )  # fmt: skip
    facts = runs.Facts(dim=3, classes=2, inputs=len(records))
    return runs.on_other_terms(runs.Run(Path(name), spec, records, facts))


def unanimous_radius(n: int, alpha: float, scale: float = 0.5) -> float:
    """No miss in n: the error is at most 1 - alpha^(1/n)."""
    return -scale * math.log(2 * -math.expm1(math.log(alpha) / n))


def test_false_certificates_by_hand() -> None:
    # P[Binomial(4, .001) > 0] = 1 - .999^4 = .00399; P[> 1] = 6e-6.
    assert reports.false_certificates(4, ALPHA, 0.99) == 0
    assert reports.false_certificates(4, ALPHA, 0.999) == 1
    # P[Binomial(500, .001) > k] = .3936, .0902, .0143, .0017, .00017
    assert reports.false_certificates(500, ALPHA, 0.99) == 3
    assert reports.false_certificates(500, ALPHA, 0.999) == 4
    for confidence in (0.0, 1.0, math.nan):
        with pytest.raises(InputError, match="confidence must lie in"):
            reports.false_certificates(4, ALPHA, confidence)


def test_bound_is_below_the_share_by_the_false_ones() -> None:
    run = make_run("a", [(3, 3, 0.5), (1, 1, 0.25), (2, 7, 0.9), (4, -1, 0.0)], alpha=ALPHA)
    table = reports.certified_accuracy([run], [0, 0.5, 0.75], confidence=0.999)
    assert table.rows[1].cells == [Fraction(1, 4), 0, 0]
    assert table.rows[1].name == "a, with probability 0.999"
    assert reports.curve(run, "l2").bound(0.25, 0.99) == Fraction(2, 4)
    assert reports.curve(A, "l2").bound(0.25, 0.99) is None
    assert "its alpha is not known" in reports.certified_accuracy([A], [0], confidence=0.999).notes[-1]


def test_bound_holds_as_often_as_it_says() -> None:
    # 2,000 test sets of 300 certificates, each false with probability .01. The bound may fail in 5 % of
    # them; more than 140 failures have a probability of 3e-5 under Binomial(2000, .05).
    rng = np.random.default_rng(0)
    false = rng.binomial(300, 0.01, size=2000)
    assert (false > reports.false_certificates(300, 0.01, 0.95)).sum() <= 140


def test_printed_bounds_are_rounded_down() -> None:
    run = make_run("a", [(0, 0, 1.0)] * 3, alpha=ALPHA)
    line = reports.certified_accuracy([run], [0.5], confidence=0.999).render().splitlines()[3]
    assert line.endswith(" 0.666")


def test_envelope_is_the_best_at_each_radius_and_never_marked() -> None:
    table = reports.certified_accuracy([A, B], [0, 0.5], with_envelope=True)
    row = table.rows[2]
    assert row.name == "envelope (chosen on the test set)"
    assert row.cells == [1, Fraction(1, 4)]
    assert not table.is_best(row, 0)
    assert any("There is none here: a valid envelope needs" in note for note in table.notes)


def test_valid_envelope_splits_alpha() -> None:
    # One input has no miss in 100; the other run is too small to certify beyond it.
    first, second = counted_run("first", [0, 30]), counted_run("second", [0, 60])
    alone, shared = unanimous_radius(100, ALPHA), unanimous_radius(100, ALPHA / 2)
    assert first.records[0].radii["l1"].radius == pytest.approx(alone, rel=1e-9)
    table = reports.certified_accuracy(
        [first, second], [shared - 1e-9, (alone + shared) / 2], "l1", with_envelope=True
    )
    chosen, valid = table.rows[2:4]
    assert chosen.cells == [Fraction(1, 2), Fraction(1, 2)]
    assert valid.cells == [Fraction(1, 2), 0]
    assert valid.name == "envelope (valid: alpha / 2 each)"
    # Bounds count alpha once for the valid envelope, twice for the other one.
    many = [counted_run(name, [0] * 500) for name in ("a", "b")]
    assert reports.valid_envelope(many, "l1").bound(0.1, 0.99) == Fraction(497, 500)
    assert reports.envelope(many, "l1").bound(0.1, 0.99) == Fraction(
        500 - reports.false_certificates(500, 2 * ALPHA, 0.99), 500
    )


def test_envelopes_need_the_same_inputs() -> None:
    with pytest.raises(InputError, match="two runs or more"):
        reports.envelope([A], "l2")
    with pytest.raises(InputError, match="a and c differ"):
        reports.envelope([A, make_run("c", [(1, 1, 0.3)])], "l2")


def test_envelopes_are_over_sizes_of_one_noise() -> None:
    def run(name: str, noise: str) -> runs.Run:
        rows = [(1, 1, 0.5), (2, 2, 0.2 if name.endswith("1") else 0.4)]
        return make_run(name, rows, noise=noise)

    several = [
        run("u1", "uniform(sigma=0.5)"), run("u2", "uniform(sigma=1.0)"),
        run("g1", "gaussian(sigma=0.5)"),
        run("e1", "exp-l2(sigma=0.5, j=0.0, k=1.0)"), run("e2", "exp-l2(sigma=1.0, j=0.0, k=1.0)"),
    ]  # fmt: skip
    table = reports.certified_accuracy(several, [0.3], with_envelope=True)
    assert [(row.name, row.cells) for row in table.rows[5:]] == [
        ("envelope of uniform (chosen on the test set)", [Fraction(1)]),
        ("envelope of exp-l2(j=0.0, k=1.0) (chosen on the test set)", [Fraction(1)]),
    ]
    # Where no noise has two sizes, or there is only one noise, all runs share an envelope.
    for group in (several[1:3], several[:2]):
        assert len(reports.certified_accuracy(group, [0.3], with_envelope=True).rows) == 3


def test_csv_bounds_are_not_above_the_fraction() -> None:
    run = make_run("a", [(0, 0, 1.0)] * 7, alpha=ALPHA)
    line = reports.certified_accuracy([run], [0.5], confidence=0.999).render("csv").splitlines()[2]
    assert Fraction(float(line.split(",")[-1])) <= Fraction(6, 7)
