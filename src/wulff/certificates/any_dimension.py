"""Radii that are the same whatever the dimension, so that nobody needs to say it."""

import numpy.typing as npt

from wulff.certificates.registry import Radii, certified_radius
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Mixed, Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Norm, Threat, parse_threat

DIMENSIONS = (150_528, 2, 3072)
"""A radius that is the same in all of these depends on none."""


def radius_in_any_dimension(
    noise: Noise | str, error: npt.ArrayLike, norm: Threat | str = Norm.L2, method: str | None = None
) -> Radii:
    """The certified radius where it does not depend on the dimension; its noise has none.

    Raises:
        InputError: It depends on the dimension, or an argument is outside its range.
        NotCoveredError: As by `certified_radius`.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    if noise.dim is not None or isinstance(noise, Mixed):  # which has columns, and needs to know how many
        return certified_radius(noise, error, norm, None, method)
    first, *others = (_radii(noise, error, norm, dim, method) for dim in DIMENSIONS)
    if first is None or any(found is None or (found.radius != first.radius).any() for found in others):
        raise InputError(f"the radius of {noise} against {norm} depends on the dimension; give dim.", "dim")
    return Radii(first.radius, first.method, first.tight, first.error, noise, norm)


def _radii(noise: Noise, error: npt.ArrayLike, norm: Threat, dim: int, method: str | None) -> Radii | None:
    """The radii in one dimension; None where no theorem covers it."""
    try:
        return certified_radius(noise, error, norm, dim, method)
    except NotCoveredError:
        if dim == DIMENSIONS[0]:
            raise
        return None
