"""Comparisons and listings against numbers worked out by hand."""

import math
from pathlib import Path

import pytest

from tests.reports.test_tables import make_run
from wulff import reports
from wulff.errors import InputError
from wulff.reports import listings
from wulff.reports.comparison import sign_test

A = make_run("a", [(0, 0, 0.5), (1, 1, 0.5), (2, 2, 0.1), (3, 4, 0.9), (4, -1, 0.0), (5, 5, 0.3)])
B = make_run("b", [(0, 0, 0.6), (1, 1, 0.1), (2, 2, 0.5), (3, 3, 0.5), (4, 4, 0.5), (5, 5, 0.3)])


def test_sign_test_by_hand() -> None:
    # 0 of 5: 2 / 32; 1 of 6: 2 · (1 + 6) / 64; equal numbers: 1.
    assert sign_test(0, 5) == pytest.approx(2 / 32)
    assert sign_test(5, 1) == pytest.approx(14 / 64)
    assert sign_test(3, 3) == 1
    assert sign_test(0, 0) == 1


def test_differences_by_hand() -> None:
    found = reports.compare(A, B, [0.25, 0.5])
    quarter, half = found.rows
    assert (quarter.first, quarter.second, quarter.only_first, quarter.only_second) == (3, 5, 1, 3)
    assert (half.first, half.second, half.only_first, half.only_second) == (2, 4, 1, 3)
    assert quarter.p_value == pytest.approx(2 * 5 / 16)
    assert found.radii.tolist() == [[0.5, 0.5, 0.1, 0, 0, 0.3], [0.6, 0.1, 0.5, 0.5, 0.5, 0.3]]
    assert found.largest(3).tolist() == [3, 4, 1]
    assert found.summary().startswith("On 6 inputs, b certifies 0.1833 more on average than a")
    assert "a certifies 0.1833 less on average than b" in reports.compare(B, A, [0.5]).summary()
    assert "larger radius on 4 and a smaller one on 1" in found.summary()
    lines = found.render("csv", 2).splitlines()
    assert lines[2] == "0.5,0.333,0.667,+0.333,1,3,0.625"
    assert lines[-2:] == ["3,4,3,0.0000,0.5000", "4,abstains,4,0.0000,0.5000"]


def test_only_common_inputs_are_compared() -> None:
    assert reports.compare(A, make_run("c", [(0, 0, 0.7)]), [0.5]).inputs == 1


def test_runs_that_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="disagree on the true label of input 0"):
        reports.compare(A, make_run("c", [(9, 9, 0.7)]))
    with pytest.raises(InputError, match="radii must be at least 0"):
        reports.compare(A, B, [math.nan])
    with pytest.raises(InputError, match="no radii against l1"):
        reports.compare(A, B, norm="l1")
    digits, other = (make_run(n, [(0, 0, 0.7)], dataset=d) for n, d in (("a", "digits"), ("c", "mnist")))
    with pytest.raises(InputError, match="a is on digits, but c on mnist"):
        reports.compare(digits, other)


def test_p_values_are_uniform_at_most_under_no_difference() -> None:
    # Exact tests never reject more often than their level, whatever the number of discordant inputs.
    for n in range(1, 30):
        for level in (0.01, 0.05, 0.2):
            rejected = sum(math.comb(n, k) for k in range(n + 1) if sign_test(k, n - k) <= level)
            assert rejected / 2**n <= level


@pytest.mark.parametrize(
    ("noise", "short"),
    [
        (
            "gaussian(sigma=0.5, scales=[1.5, 2.25, 3.0, 4.0, 0.0])",
            "gaussian(sigma=0.5, scales=[1.5, 2.25, ...])",
        ),
        ("gaussian(sigma=0.5, scales=[1.5, 2.25, 3.0])", "gaussian(sigma=0.5, scales=[1.5, 2.25, 3.0])"),
        (None, ""),
    ],
)
def test_a_listing_shows_the_first_of_many_scales(noise: str | None, short: str) -> None:
    assert listings._noise(noise) == short


def test_listing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        reports.listing([tmp_path / "none"])
    assert reports.listing([tmp_path]) == [reports.listing.__globals__["HEADS"]]
