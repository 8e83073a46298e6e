"""Level-set radii are proven by quadrature with error bounds, and larger ones are proven false."""

import pytest

from tests.cases import noise_of
from tests.nightly import NIGHTLY, everyday
from wulff.certificates import certified_radius
from wulff.verify import radius, read_law

CASES = [
    ("exp-l1(scale=1, j=0, k=2)", "l1", 64),
    ("exp-l1(scale=1, j=63.5, k=2)", "l1", 64),
    ("exp-l2(scale=1, j=0, k=1)", "l2", 3072),
    ("exp-l2(scale=1, j=250, k=1)", "linf", 3072),
    ("exp-l2(scale=1, j=0, k=10)", "l1", 3),
    ("exp-linf(scale=1, j=0, k=0.5)", "l1", 64),
    ("exp-linf(scale=1, j=0, k=2)", "linf", 3072),
    ("exp-linf(scale=1, j=1.9, k=2)", "l1", 2),
    ("power-l1(scale=1, a=3082, k=1)", "l1", 3072),
    ("power-l2(scale=1, a=74, k=1)", "l2", 64),
    ("power-l2(scale=1, a=1.6, k=2)", "l2", 2),
    ("power-linf(scale=1, a=700, k=0.1)", "l1", 64),
]


def kind(case: tuple[str, str, int]) -> tuple[str, str]:
    """The family, and how its level sets lie to the ball of the norm: each is a proof of its own."""
    family, _, level = noise_of(case).partition("-")
    return family, "own" if level == case[1] else level


@pytest.mark.parametrize(("noise", "norm", "dim"), everyday(CASES, 1, kind))
def test_radii_are_proven_and_larger_ones_are_false(noise: str, norm: str, dim: int) -> None:
    law, error = read_law(noise, dim), 0.0069
    size = float(certified_radius(noise, error, norm, dim, "level-set").radius)
    assert radius(law, norm, "level-set", error, size) == "proven"
    assert radius(law, norm, "level-set", error, size * (1 + 1e-9)) == "FALSE"


@pytest.mark.parametrize("error", [1e-12, 1e-4, 0.3, 0.4999])
def test_every_error_is_proven(error: float) -> None:
    for noise, norm, dim in (CASES[0], CASES[2]) if NIGHTLY else CASES[:1]:
        size = float(certified_radius(noise, error, norm, dim, "level-set").radius)
        assert radius(read_law(noise, dim), norm, "level-set", error, size) == "proven"
