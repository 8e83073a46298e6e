"""What is left of the top class at a radius: the guaranteed probability under the worst perturbation."""

import dataclasses

import numpy as np
import numpy.typing as npt

from wulff._checks import numbers, together
from wulff._numerics import rounding
from wulff._typing import FloatArray
from wulff.certificates.radii import check_errors, choose, dimension
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Threat, parse_threat


@dataclasses.dataclass(frozen=True)
class Guarantee:
    """How probable the label stays under every perturbation of at most a given size.

    Attributes:
        error: An upper bound on P[f(x + v + Z) ≠ label] over all v with norm at most `radius`.
        method: The registry's name of the theorem behind each bound.
        tight: Whether no smaller bound is valid for every classifier with the same error at x.
        radius: The sizes of the perturbations, in input units.
        noise: The noise, with its dimension.
        norm: The adversary's norm.
    """

    error: FloatArray
    method: npt.NDArray[np.str_]
    tight: npt.NDArray[np.bool_]
    radius: FloatArray
    noise: Noise
    norm: Threat

    @property
    def probability(self) -> FloatArray:
        """A lower bound on P[f(x + v + Z) = label]; it has no digits left near one, where `error` has."""
        return rounding.down(1 - self.error, 1)


def certified_probability(
    noise: Noise | str,
    error: npt.ArrayLike,
    norm: Threat | str,
    radius: npt.ArrayLike,
    dim: int | None = None,
    method: str | None = None,
) -> Guarantee:
    """The probability that the label is guaranteed to keep at a radius [Zhang et al. 2020, equations 7, 8].

    Where the certified radius is exceeded the bound on the error is ½ or more, and still a bound.

    Args:
        noise: The noise of the smoothed classifier, or its spec string.
        error: Upper bounds on P[f(x+Z) ≠ label], in (0, 1].
        norm: The norm of the adversary.
        radius: Non-negative sizes of the perturbation, broadcast against `error`.
        dim: The number of input coordinates; may be left out if the noise has it.
        method: The name of one theorem; by default the one with the smallest bound, for each error.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: No certificate for this noise and norm bounds more than when the error reaches ½.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    assert noise.dim is not None
    radii = numbers("radius", radius).astype(np.float64)
    errors, radii = together("error and radius", check_errors(error), radii)
    if not (radii >= 0).all():
        raise InputError(f"radius must not be negative, got {radii[~(radii >= 0)].flat[0]:g}.")
    found = choose(
        noise,
        norm,
        method,
        np.ones(errors.shape, dtype=bool),
        lambda case, here, _: -case.grown(errors.flat[here], radii.flat[here]),
        lambda i: f"error {errors.flat[i]:g} after a perturbation of {radii.flat[i]:g}",
    )
    return Guarantee(-found.value[()], found.method, found.tight, radii[()], noise, norm)
