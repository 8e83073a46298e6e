"""Noise whose coordinates have scales of their own: Z = s ⊙ Z₀, derived here.

f(s ⊙ ·) turns Z into Z₀, so that a radius r of Z₀ holds for all v with ‖v/s‖ < r: in the norm of the units.
In the plain norm it holds for ‖v‖_p < R where ‖v/s‖_q < r follows: by Hölder's inequality R = r / ‖1/s‖_m
with 1/m = 1/q - 1/p, and m = ∞ for p ≤ q. Where s_i = 0, v_i has to be 0.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wulff._numerics import rounding
from wulff._numerics.bisection import last_true
from wulff._typing import FloatArray
from wulff.certificates.certificate import ANY_NORM, Certificate, GrowthFunction, Overlap
from wulff.certificates.registry import entries_of_one_size, finder, table
from wulff.noises import Gaussian, Noise, Uniform
from wulff.norms import Norm, Scaled, Threat

FACTOR_ULPS = 32
"""By how much a factor may be off: a power of each scale, a sum of positive terms, and a root."""
SLACK = 4e-15
"""More than the rounding error of a sum of logarithms that is at most log 2."""


@finder(Uniform)
def uniform_linf(noise: Uniform, threat: Threat) -> list[Certificate]:
    """The exact radius of uniform noise with scales against plain linf."""
    if noise.scales is None or threat != Norm.LINF:
        return []
    values, times = np.unique([scale for scale in noise.scales if scale > 0], return_counts=True)
    function = functools.partial(_overlap_of_boxes, values, times)
    source = "the root R of Π(1 - R/(2 s_i)) = ½ + error, the overlap of two boxes; derived here; exact"
    return [Certificate(Uniform, Norm.LINF, "closed-form", True, 8, function, source, growth=Overlap())]


@finder(Noise)
def entries_of_scales(noise: Noise, threat: Threat) -> list[Certificate]:
    """The certificates of a noise with scales, in units of the scales or against a plain norm."""
    if noise.scales is None:
        return []
    one_size = noise.without_scales()
    if isinstance(threat, Scaled):
        # Where immutable coordinates are drawn with the others, the law of those alone may certify more.
        whole = one_size.dim == sum(scale > 0 for scale in noise.scales)
        entries = entries_of_one_size(one_size, threat.norm)
        return [_rescaled(entry, one_size, threat.norm, threat, 1.0, whole) for entry in entries]
    if not isinstance(threat, Norm) or threat.p < 1:
        return []
    scales, found = sorted(scale for scale in noise.scales if scale > 0), list[Certificate]()
    for entry in table(type(noise)):
        against = threat if entry.norm is ANY_NORM else entry.norm
        if isinstance(noise, Gaussian) and entry.norm is ANY_NORM:
            against = Norm.L2
        if isinstance(against, Norm) and against.p >= 1:
            factor = 1 / _norm_of_inverses(scales, against, threat)
            # The longest v of a plain norm decides for Gaussian noise, and Hölder's inequality is attained.
            attained = isinstance(noise, Gaussian) and against == Norm.L2
            found.append(_rescaled(entry, one_size, against, threat, factor, attained))
    return found


def _rescaled(
    entry: Certificate, unit: Noise, against: Norm, threat: Threat, factor: float, attained: bool
) -> Certificate:
    """A certificate of the noise of one size, times a factor; tight like it if that is attained."""
    assert unit.dim is not None
    dim = unit.dim
    extra = (against,) if entry.norm is ANY_NORM else ()
    in_units = isinstance(threat, Scaled)

    def radius(_: Noise, error: FloatArray, __: int) -> FloatArray:
        return entry.function(unit, error, dim, *extra) * factor

    def converted(grown: GrowthFunction) -> GrowthFunction:
        return lambda _, error, size, __: grown(unit, error, rounding.up(size / factor, FACTOR_ULPS + 1), dim)

    def look(_: Noise, error: FloatArray, known: FloatArray, __: int) -> npt.NDArray[np.bool_]:
        assert entry.look is not None
        return entry.look(unit, error, known / factor, dim)

    return Certificate(
        noise=entry.noise,
        norm=threat,
        method=entry.method if in_units else f"{entry.method}-from-{against}-scaled",
        tight=entry.tight and attained,
        ulps=entry.ulps + (0 if in_units else FACTOR_ULPS + 2),
        function=radius,
        source=entry.source,
        growth=None if entry.growth is None else entry.growth.converted(converted),
        comparison=entry.comparison,
        look=None if entry.look is None else look,
    )


def _norm_of_inverses(scales: Sequence[float], inner: Norm, outer: Norm) -> float:
    """The largest ‖v/s‖_inner in the unit ball of ‖v‖_outer."""
    least = min(scales)
    if outer.p <= inner.p:
        return 1 / least
    power = inner.p if outer.p == math.inf else inner.p * outer.p / (outer.p - inner.p)
    return math.fsum((least / scale) ** power for scale in scales) ** (1 / power) / least


def _overlap_of_boxes(
    values: FloatArray, times: npt.NDArray[np.int64], noise: Uniform, error: FloatArray, dim: int
) -> FloatArray:
    """The largest R found for which Σ log(1 - R/(2 s_i)) ≥ log(½ + error); every change of R is the worst."""
    least = float(values[0])
    weight = least / values  # R is in units of 2 min s: at most ½, since each factor is at least ½
    enough = np.log1p(error - 0.5) + SLACK

    def overlaps(share: FloatArray) -> npt.NDArray[np.bool_]:
        return (np.log1p(-share[..., None] * weight) * times).sum(axis=-1) >= enough

    return 2 * least * last_true(overlaps, np.zeros(error.shape), np.full(error.shape, 0.5), 64)
