"""Independent coordinates against l1: the score of one coordinate decides."""

import functools

import numpy as np
from numpy.polynomial import legendre

from wulff._typing import FloatArray, IntArray
from wulff.certificates.certificate import Rate
from wulff.certificates.registry import register
from wulff.noises import Gaussian, HalfLine, IIDNoise, Laplace, Uniform
from wulff.norms import Norm

_SMALLEST = 1e-300
_DEGREE = 19
_NODES, _ = legendre.leggauss(_DEGREE + 1)
_FIT = np.linalg.inv(legendre.legvander(_NODES, _DEGREE))


@register(
    IIDNoise,
    Norm.L1,
    method="differential",
    tight=False,
    ulps=2**14,
    growth=Rate(shortfall=1e-9),
    covers=lambda law: law not in (Gaussian, Laplace, Uniform),
)
def log_convex_l1(noise: IIDNoise, error: FloatArray, dim: int) -> FloatArray:
    """∫_c^∞ dz/(exp(φ(z) - φ(0)) - 1), P[0 < Z₁ < c] = error, where φ is concave [Yang et al. 2020, M.2].

    The score is largest on {0 < Z₁ < c}, where its mean is the difference of the densities at 0 and c. The
    integral is cut off where P[Z₁ > z] is 1e-40, which makes it smaller, and taken over log z on panels of
    Legendre polynomials. The largest radius for which the theorem holds; perturbations of several
    coordinates can be worse than those of one, so no larger one is known.
    """
    if noise.half_line is not HalfLine.LOG_CONVEX:
        return np.full_like(error, np.nan)
    inner = noise.coordinate_inner_quantile(np.maximum(error, _SMALLEST))
    start = np.where(error > 0.25, noise.coordinate_isf(0.5 - error), inner)
    edges, coefficients, beyond, margin = _tail_integral(noise)
    x = np.log(start)
    panel = np.clip(np.searchsorted(edges, x) - 1, 0, len(beyond) - 1)
    lo, hi = edges[panel], edges[panel + 1]
    t = np.clip((2 * x - lo - hi) / (hi - lo), -1.0, 1.0)
    return np.maximum(
        beyond[panel] + legendre.legval(t, coefficients[panel].T, tensor=False) - margin[panel], 0.0
    )


@functools.lru_cache(maxsize=64)
def _tail_integral(noise: IIDNoise) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """∫_z^∞ dz/(exp(φ(z) - φ(0)) - 1): panels in log z, Legendre coefficients down from their upper ends.

    Also the radii at these ends, and four times the last coefficients from there on, as a margin.
    """
    ends = [
        noise.coordinate_inner_quantile(np.array([_SMALLEST]))[0],
        noise.coordinate_isf(np.array([1e-40]))[0],
    ]
    x = np.asarray(np.log(np.clip(ends, 1e-305, 1e300)), dtype=np.float64)
    coarse = np.linspace(float(x[0]), float(x[1]), 2 + int((x[1] - x[0]) / 0.5))
    potential = noise.coordinate_potential(np.exp(coarse))
    with np.errstate(divide="ignore"):
        depth = np.where(potential > 50, potential, np.log(np.expm1(np.minimum(potential, 50))))
    pieces: IntArray = np.clip(np.ceil(np.diff(depth) / 3), 1, 1000).astype(np.int64)
    spans = np.repeat(np.arange(len(pieces)), pieces)
    place = np.arange(len(spans)) - (np.cumsum(pieces) - pieces)[spans]  # of a piece in its span
    starts = coarse[spans] + place * (np.diff(coarse) / pieces)[spans]
    edges: FloatArray = np.append(starts, coarse[-1])
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    z = np.exp(middle + half * _NODES)
    with np.errstate(over="ignore"):
        integrand = z / np.expm1(noise.coordinate_potential(z))
    fits = integrand @ _FIT.T
    coefficients = -legendre.legint(fits, lbnd=1, axis=1) * half
    whole = np.asarray(legendre.legval(-1.0, coefficients.T))
    beyond = np.append(np.cumsum(whole[::-1])[::-1][1:], 0.0)
    uncertain = 2 * half[:, 0] * np.abs(fits[:, -3:]).max(axis=1)
    margin = 4 * np.cumsum(uncertain[::-1])[::-1]
    return edges, coefficients, beyond, margin
