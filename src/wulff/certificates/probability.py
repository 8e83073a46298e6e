"""What is left of the top class at a radius: the guaranteed probability under the worst perturbation."""

import dataclasses

import numpy as np
import numpy.typing as npt

from wulff._checks import numbers, together
from wulff._numerics import rounding
from wulff._typing import FloatArray
from wulff.certificates.growth import grown_error
from wulff.certificates.radii import check_errors, dimension
from wulff.certificates.registry import candidates
from wulff.errors import InputError, NotCoveredError
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
    entries = [entry for entry in candidates(noise, norm, method) if entry.growth is not None]
    shape = errors.shape
    errors, radii = errors.ravel(), radii.ravel()
    best = np.full(errors.size, np.nan)
    names, tight = np.full(errors.size, "", dtype=object), np.zeros(errors.size, dtype=bool)
    for entry in entries:
        found = grown_error(entry, noise, errors, radii, noise.dim, norm)
        better = found < np.where(np.isnan(best), np.inf, best)
        best = np.where(better, found, best)
        names[better], tight[better] = entry.method, entry.tight
    if np.isnan(best).any():
        named = f"method {method!r}" if method else "no certificate"
        able = [entry.method for entry in candidates(noise, norm, None) if entry.growth is not None]
        raise NotCoveredError(
            f"{named} for {noise} against {norm} tells the probability at a radius at error "
            f"{errors[np.isnan(best)][0]:g}; those that can are {', '.join(able) or 'none'}."
        )
    return Guarantee(
        best.reshape(shape)[()],
        names.astype(str).reshape(shape)[()],
        tight.reshape(shape)[()],
        radii.reshape(shape)[()],
        noise,
        norm,
    )
