"""Every certificate obeys the conformance suite, in all dimensions and norms."""

import pytest

from tests.cases import DIMENSIONS, NORMS, SPECS
from wulff.noises import parse
from wulff.testing import check_certificates


@pytest.mark.parametrize("dim", [*DIMENSIONS, 150_528])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("spec", SPECS)
def test_conformance(spec: str, norm: str, dim: int) -> None:
    check_certificates(parse(spec), norm, dim)
