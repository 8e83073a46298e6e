"""Ablation against l0: what a changed coordinate can do is decided by whether it is seen.

A classifier that sees no changed coordinate answers the same. With Δ_c the probability that one of c changed
coordinates is kept, an error e grows to at most Δ_c + min(e, 1 - Δ_c), exactly [Levine & Feizi 2020a; derived
in full here].
"""

import functools
from fractions import Fraction

import numpy as np

from wulff._numerics.rounding import float_at_most
from wulff._typing import FloatArray
from wulff.certificates.certificate import Overlap
from wulff.certificates.registry import register
from wulff.noises import Ablation
from wulff.norms import Norm

BITS = 256
"""Binary digits of probabilities, which are integers over 2**BITS, rounded down."""


@register(Ablation, Norm.L0, method="closed-form", tight=True, ulps=1, growth=Overlap())
def ablation(noise: Ablation, error: FloatArray, dim: int) -> FloatArray:
    """The largest c with error + Δ_c < ½; Δ_c = 1 - C(d-c,k)/C(d,k), or 1 - (1-β)^c [Levine & Feizi 2020a].

    Computed in integers of 256 bits, rounded down. The half more stands between two counts.
    """
    largest = thresholds(noise.keep, noise.keep_probability, dim // noise.channels)
    return np.searchsorted(-largest, -error, side="right").astype(np.float64) + 0.5


@functools.lru_cache(maxsize=64)
def thresholds(keep: int, probability: float, places: int) -> FloatArray:
    """The largest float below ½ - Δ_c, for c = 1, 2, ... while that is positive; falling in c."""
    found: list[float] = []
    unseen, half = 1 << BITS, 1 << (BITS - 1)
    hidden = 1 - Fraction(probability)
    while len(found) < places:
        c = len(found)
        top, bottom = (places - keep - c, places - c) if keep else hidden.as_integer_ratio()
        unseen = unseen * top // bottom
        if unseen <= half:
            break
        found.append(float(np.nextafter(float_at_most(Fraction(unseen - half, 1 << BITS)), -np.inf)))
    return np.array([error for error in found if error > 0])


def seen(noise: Ablation, changed: int, dim: int) -> Fraction:
    """Δ_c: the probability that one of so many changed coordinates is kept, exactly."""
    places, unseen = dim // noise.channels, Fraction(1)
    hidden = 1 - Fraction(noise.keep_probability)
    for i in range(min(changed, places)):
        unseen *= Fraction(max(places - noise.keep - i, 0), places - i) if noise.keep else hidden
    return 1 - unseen
