"""What every certificate must obey."""

from typing import Any

import numpy as np
import numpy.typing as npt

from wulff.certificates import certified_radius, methods
from wulff.errors import NotCoveredError
from wulff.noises import Noise
from wulff.norms import Norm

ERRORS = np.concatenate(
    [np.geomspace(1e-300, 1e-12, 6), np.geomspace(1e-9, 0.4, 24), 0.5 - np.geomspace(0.1, 1e-9, 12)]
)


def check_certificates(noise: Noise, norm: Norm | str, dim: int, errors: npt.ArrayLike = ERRORS) -> None:
    """Check all certificates of one noise against one norm.

    Radii are finite and not negative, fall as the error grows, vanish at ½, and scale with the noise;
    no method exceeds a tight one; the default is the largest.

    Args:
        noise: The noise.
        norm: The adversary's norm.
        dim: The number of input coordinates.
        errors: At which errors; they increase, and lie below ½.

    Raises:
        AssertionError: A certificate breaks its contract.
    """
    errors = np.asarray(errors, dtype=np.float64)
    best = certified_radius(noise, errors, norm, dim)
    _check_radii(best.radius)
    zero = certified_radius(noise, [0.5, 0.7, 1.0], norm, dim)
    assert (zero.radius == 0).all()
    assert set(zero.method) == {"abstain"}

    shape: dict[str, Any] = {name: getattr(noise, name) for name in noise.shape_parameters()}
    doubled = type(noise)(scale=2 * noise.in_dim(dim).scale, **shape)
    np.testing.assert_array_equal(certified_radius(doubled, errors, norm, dim).radius, 2 * best.radius)

    for entry in methods(noise, norm):
        try:
            radii = certified_radius(noise, errors, norm, dim, entry.method).radius
        except NotCoveredError:
            continue  # a theorem with a smaller range
        _check_radii(radii)
        exact = best.tight & ~np.full(best.tight.shape, entry.tight)
        # A tight radius is the truth, less its declared rounding.
        assert (radii[exact] <= best.radius[exact] * (1 + 1e-9)).all(), entry.method
        assert (radii <= best.radius).all() or best.tight.any(), entry.method


def _check_radii(radius: np.ndarray) -> None:
    assert radius.dtype == np.float64
    assert np.isfinite(radius).all()
    assert (radius >= 0).all()
    assert (np.diff(radius) <= 0).all()
