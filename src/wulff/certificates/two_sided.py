"""Certificates from two bounds: one for the top class, and one for every other class."""

import numpy as np
import numpy.typing as npt

from wulff._numerics import rounding
from wulff._numerics.bisection import bisect
from wulff._typing import FloatArray
from wulff.certificates.growth import grown_error, signed_enclosure
from wulff.certificates.radii import Radii, check_errors, dimension
from wulff.certificates.registry import Certificate, candidates
from wulff.errors import NotCoveredError
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Threat, is_counted, parse_threat

STEPS = 12
"""Bisections between two radii, where every step evaluates a divergence."""


def two_sided_radius(
    noise: Noise | str,
    error_top: npt.ArrayLike,
    p_runner_up: npt.ArrayLike,
    norm: Threat | str,
    dim: int | None = None,
    method: str | None = None,
) -> Radii:
    """The radius within which the top class stays more probable than every other one.

    For growth rates Φ it is ½ (r(error_top) + r(p_runner_up)) with the primitive r(e) = ∫_e^½ dp/Φ(p),
    extended oddly: along a path the top class loses and a rival gains at most Φ(p) per unit of length.
    For Gaussian noise this is Cohen et al. 2019, theorem 1; in general derived here. For uniform laws
    both classes change by at most 1 - overlap, so it is the one-sided radius at the mean of the two
    errors. Methods that bound the error at a radius are searched for the radius at which the two bounds
    meet. The top class may have a probability below ½.

    Args:
        noise: The noise of the smoothed classifier, or its spec string.
        error_top: Upper bounds on P[f(x+Z) ≠ label], in (0, 1].
        p_runner_up: Upper bounds on P[f(x+Z) = c] that hold for all other classes c at once and together
            with error_top (`wulff.stats.two_sided_bounds`), in (0, 1]; broadcast against error_top.
        norm: The norm of the adversary.
        dim: The number of input coordinates; may be left out if the noise has it.
        method: The name of one theorem; by default the one with the largest radius.

    Returns:
        Radii for `error_top`; 0, with the method "abstain", where error_top + p_runner_up ≥ 1.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: No theorem covers one of the errors.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    assert noise.dim is not None
    top, runner_up = np.broadcast_arrays(check_errors(error_top), check_errors(p_runner_up))
    shape = top.shape
    top, runner_up = top.ravel(), np.minimum(top, runner_up).ravel()
    leads = rounding.up(top + runner_up, 1) < 1

    radius = np.full(top.size, np.nan)
    names, tight = np.full(top.size, "abstain", dtype=object), np.zeros(top.size, dtype=bool)
    for entry in candidates(noise, norm, method):
        found = _two_sided(entry, noise, top, runner_up, noise.dim, norm)
        better = leads & (found > np.nan_to_num(radius, nan=-1.0))
        radius[better] = found[better]
        names[better], tight[better] = entry.method, entry.tight and entry.growth is not None
    if (missing := leads & np.isnan(radius)).any():
        able = [entry.method for entry in candidates(noise, norm, None) if entry.growth is not None]
        raise NotCoveredError(
            f"no certificate covers {noise} against {norm} at error_top {top[missing][0]:g} and p_runner_up "
            f"{runner_up[missing][0]:g}; two-sided methods are {', '.join(able) or 'none'}."
        )
    radius[~leads] = 0.0
    if is_counted(norm):
        radius = np.floor(radius)
    return Radii(
        radius.reshape(shape)[()],
        names.astype(str).reshape(shape)[()],
        tight.reshape(shape)[()],
        top.reshape(shape)[()],
        noise,
        norm,
    )


def _two_sided(
    entry: Certificate, noise: Noise, top: FloatArray, runner_up: FloatArray, dim: int, norm: Threat
) -> FloatArray:
    """The radius by one theorem, rounded down; nan where it says nothing."""
    if entry.growth == "rate":
        top_low, _ = signed_enclosure(entry, noise, top, dim, norm)
        runner_up_low, _ = signed_enclosure(entry, noise, runner_up, dim, norm)
        total = np.nextafter(top_low + runner_up_low, -np.inf)
        return np.where(np.isnan(total), np.nan, np.maximum(0.5 * total, 0.0))
    if callable(entry.growth):
        return _where_they_meet(entry, noise, top, runner_up, dim, norm)
    error = rounding.up((top + runner_up) / 2, 1) if entry.growth == "overlap" else top
    radius = np.full(top.shape, np.nan)
    certain = error < 0.5
    radius[certain] = entry.radius(noise, error[certain], dim, norm)
    return radius


def _where_they_meet(
    entry: Certificate, noise: Noise, top: FloatArray, runner_up: FloatArray, dim: int, norm: Threat
) -> FloatArray:
    """The largest radius found at which the bounds on the two errors have a sum below one, by bisection.

    It lies between the one-sided radii of the two errors: at the first both errors are below ½, at the
    second both may be above.
    """
    low, high = np.zeros(top.shape), np.zeros(top.shape)
    for bound, error in ((low, top), (high, runner_up)):
        certain = error < 0.5
        bound[certain] = entry.radius(noise, error[certain], dim, norm)

    def apart(radius: FloatArray) -> npt.NDArray[np.bool_]:
        sizes = np.concatenate([radius, radius])
        grown = grown_error(entry, noise, np.concatenate([top, runner_up]), sizes, dim, norm)
        return rounding.up(grown[: len(top)] + grown[len(top) :], 1) < 1

    low, high = bisect(apart, low, high, STEPS)
    return np.where(np.isnan(high), np.nan, low)
