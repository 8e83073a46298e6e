"""Every certificate obeys the conformance suite: each spec in each dimension, against one of the norms.

The norms take turns; with WULFF_NIGHTLY=1 every spec meets all of them.
"""

import os

import pytest

from tests.cases import NORMS, SPECS_IN_DIM
from wulff.noises import parse
from wulff.testing import check_certificates

CASES = [(spec, dim, norm) for spec, dim in SPECS_IN_DIM for norm in NORMS]
CHOSEN = CASES if os.environ.get("WULFF_NIGHTLY") else CASES[::11]  # 11 and the 5 norms have no common factor


@pytest.mark.parametrize(("spec", "dim", "norm"), CHOSEN)
def test_conformance(spec: str, dim: int, norm: str) -> None:
    check_certificates(parse(spec), norm, dim)
