"""The best radius of every noise against every norm, at 64 and 3,072 coordinates, is proven.

Every day one radius of each noise at 64 coordinates; with WULFF_NIGHTLY=1 all of them. `python -m
tests.verify.test_sweep 64 3072` prints verdicts and seconds.
"""

import sys
import time

import pytest

from tests.cases import SPECS_IN_DIM, noise_of
from tests.nightly import NIGHTLY, everyday
from wulff.certificates import certified_radius
from wulff.verify import radius, read_law

ERROR = 0.0069
CASES = [
    (spec, dim, norm) for spec, dim in SPECS_IN_DIM for norm in ("l1", "l2", "linf") if dim in (64, 3072)
]
DAILY = everyday([case for case in CASES if case[1] == 64], 1, noise_of)


def verdict(spec: str, dim: int, norm: str) -> tuple[str, str, float]:
    """The method of the best radius, what the checker says of it, and how many CPU seconds that takes."""
    found = certified_radius(spec, ERROR, norm, dim)
    law, start = read_law(spec, dim), time.process_time()
    said = radius(law, norm, str(found.method), ERROR, float(found.radius))
    return str(found.method), said, time.process_time() - start


def is_open(spec: str, dim: int) -> bool:
    """Whether the checker may leave a radius open: no proof of its kind, or mass over many scales of size."""
    pole = dict(read_law(spec, dim).shape).get("j", 0.0)
    return noise_of((spec,)) == "mixed-linf" or dim - pole < 3


@pytest.mark.parametrize(
    ("spec", "dim", "norm"),
    CASES if NIGHTLY else DAILY,
)
def test_the_best_radius_is_proven(spec: str, dim: int, norm: str) -> None:
    method, said, _ = verdict(spec, dim, norm)
    assert said == "proven" or (said == "not covered" and is_open(spec, dim)), method


if __name__ == "__main__":
    for case in CASES:
        if str(case[1]) in sys.argv[1:]:
            method, said, seconds = verdict(*case)
            sys.stdout.write(f"{case[1]} {case[0]} {case[2]} {method}: {said}, {seconds:.3f} s\n")
            sys.stdout.flush()
