"""Every certificate obeys the conformance suite: each spec in each dimension, against one of the norms.

The norms take turns, and specs of one noise; with WULFF_NIGHTLY=1 every spec meets every norm.
"""

import numpy as np
import pytest

from tests.cases import NORMS, SPECS_IN_DIM, noise_of
from tests.nightly import NIGHTLY, everyday
from wulff.certificates import certified_radius, table
from wulff.noises import parse
from wulff.testing import check_certificates
from wulff.testing.certificates import ERRORS

CERTIFIED = [(spec, dim) for spec, dim in SPECS_IN_DIM if table(type(parse(spec)))]

# Mixed-norm noise takes half a minute in many dimensions, where `test_mixed_linf` looks at single errors.
FAST = [(spec, dim) for spec, dim in CERTIFIED if dim <= 3 or not spec.startswith("mixed")]
CHOSEN = [(*case, NORMS[i % len(NORMS)]) for i, case in enumerate(everyday(FAST, 1, noise_of))]
CASES = [(*case, norm) for case in CERTIFIED for norm in NORMS] if NIGHTLY else CHOSEN


@pytest.mark.parametrize(("spec", "dim", "norm"), CASES)
def test_conformance(spec: str, dim: int, norm: str) -> None:
    check_certificates(parse(spec), norm, dim, everyday(ERRORS.tolist(), 4))


def test_every_noise_is_certified_against_every_norm() -> None:
    assert {spec for spec, _ in SPECS_IN_DIM} == {spec for spec, _ in CERTIFIED}


@pytest.mark.parametrize(
    ("spec", "dim"),
    [
        *everyday([(s, d) for s, d in SPECS_IN_DIM if d < 64 and not s.startswith("mixed")], 1, noise_of),
        ("mixed-linf(j=6.5)", 8) if NIGHTLY else ("mixed-linf(j=1.5)", 3),
    ],
)
def test_no_norm_has_less_than_by_conversion(spec: str, dim: int) -> None:
    """‖v‖₁ ≥ ‖v‖₂ ≥ ‖v‖∞ ≥ ‖v‖₂/√d: radii fall in p, and by no more than the norms do."""
    noise = parse(spec if "scale" in spec else spec.replace("(", "(scale=1,"))
    errors = everyday([1e-30, 1e-6, 0.01, 0.1, 0.45], 2)
    l1, l2, linf = (certified_radius(noise, errors, norm, dim).radius for norm in ("l1", "l2", "linf"))
    allowed = 1 - 1e-9
    assert (l1 >= l2 * allowed).all()
    assert (l2 >= linf * allowed).all()
    assert (l2 >= l1 / np.sqrt(dim) * allowed).all()
    assert (linf >= l2 / np.sqrt(dim) * allowed).all()
