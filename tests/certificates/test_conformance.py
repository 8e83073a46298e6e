"""Every certificate obeys the conformance suite: each spec in each dimension, against one of the norms.

The norms take turns; with WULFF_NIGHTLY=1 every spec meets all of them.
"""

import os

import pytest

from tests.cases import NORMS, SPECS_IN_DIM
from wulff.certificates import table
from wulff.noises import parse
from wulff.testing import check_certificates

CERTIFIED = [(spec, dim) for spec, dim in SPECS_IN_DIM if table(type(parse(spec)))]
CASES = [(spec, dim, norm) for spec, dim in CERTIFIED for norm in NORMS]
CHOSEN = CASES if os.environ.get("WULFF_NIGHTLY") else CASES[::11]  # 11 and the 5 norms have no common factor


@pytest.mark.parametrize(("spec", "dim", "norm"), CHOSEN)
def test_conformance(spec: str, dim: int, norm: str) -> None:
    check_certificates(parse(spec), norm, dim)


def test_every_noise_is_certified_against_every_norm() -> None:
    assert {spec for spec, _ in SPECS_IN_DIM} == {spec for spec, _ in CERTIFIED}
