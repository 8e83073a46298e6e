"""Closed forms of the differential method for exponential noise, density ∝ ‖z‖^-j exp(-‖z‖^k)."""

import functools
import math

import numpy as np
from scipy import special

from wulff._numerics.gammas import log_gamma_ratio
from wulff._typing import FloatArray
from wulff.certificates.certificate import Rate
from wulff.certificates.registry import register
from wulff.noises import ExpL1, ExpL2, ExpLinf
from wulff.norms import Norm

_METHOD = "closed-form"


def _where(covered: bool, radius: FloatArray) -> FloatArray:
    return radius if covered else np.full_like(radius, np.nan)


@register(ExpL1, Norm.L1, method=_METHOD, tight=True, ulps=8, growth=Rate())
def exp_l1_l1(noise: ExpL1, error: FloatArray, dim: int) -> FloatArray:
    """-log(2 · error) for j = 0, k = 1, which is Laplace noise [Teng et al. 2019]; tight."""
    return _where(_is_plain(noise), -np.log(2 * error))


@register(ExpLinf, Norm.LINF, method=_METHOD, tight=True, ulps=8, growth=Rate())
def exp_linf_linf(noise: ExpLinf, error: FloatArray, dim: int) -> FloatArray:
    """-log(2 · error) for j = 0, k = 1 [Yang et al. 2020, table A.1]; tight.

    Against the direction (1, ..., 1) the score is ±1 by a fair sign, so that Φ(p) = min(p, 1 - p); half of
    the cube's faces attain it at once for all p.
    """
    return _where(_is_plain(noise), -np.log(2 * error))


@register(ExpLinf, Norm.L1, method=_METHOD, tight=False, ulps=256, growth=Rate())
def exp_linf_l1(noise: ExpLinf, error: FloatArray, dim: int) -> FloatArray:
    """2d(½ - error)/E[T] for error ≥ 1/(2d), E[T] = (d-1)Γ((d-1-j)/k)/Γ((d-j)/k) [Yang et al. 2020, N.2].

    The score against one axis is T with probability 1/d (with a fair sign) and else 0, so that Φ = E[T]/(2d)
    from there on. For j = 0, k = 1 also below, derived here: d - 1 - log(2d · error).
    """
    linear = 2 * dim * (0.5 - error) / noise.radial_law(dim).mean_score
    beyond = dim - 1 - np.log(2 * dim * error) if _is_plain(noise) else np.nan
    return np.where(error >= 0.5 / dim, linear, beyond)


@register(ExpLinf, Norm.L2, method=_METHOD, tight=False, ulps=512, growth=Rate())
def exp_linf_l2(noise: ExpLinf, error: FloatArray, dim: int) -> FloatArray:
    """∫ dm/√(⌊m⌋ + frac(m)²) from 2d·error to d, for j = 0 and k = 1; derived here.

    The score is u_I·sign for a uniform coordinate I. On a set of probability m/(2d) its mean is at most
    that over the ⌊m⌋ largest |u_i| and a share frac(m) of the next one, divided by 2d: by Cauchy–Schwarz
    √(⌊m⌋ + frac(m)²)/(2d). It is at least 2√d (1 - √(2·error)) where error ≥ 1/(2d).
    """
    above = 2 * dim * (0.5 - error)  # d - m, with all digits where m is close to d
    n = np.maximum(dim - 1 - np.floor(above), 0.0)
    complement = np.clip(above - (dim - 1 - n), 0.0, 1.0)
    fraction = 1 - complement
    # arsinh(1/√n) - arsinh(f/√n), written without cancellation.
    root = np.sqrt(n + fraction**2) + fraction * np.sqrt(n + 1)
    partial = np.arcsinh(complement * (1 + fraction) / np.maximum(root, 1.0))
    partial = np.where(n >= 1, partial, -np.log(np.minimum(2 * dim * error, 1.0)))
    return _where(_is_plain(noise), _segments(dim)[n.astype(np.int64)] + partial)


@register(ExpL2, Norm.L2, method=_METHOD, tight=False, ulps=4096, growth=Rate())
def exp_l2_l2(noise: ExpL2, error: FloatArray, dim: int) -> FloatArray:
    """(d - 1) artanh(t), P[θ₁ > t] = error, for j = 0, k = 1 and d ≥ 2 [Yang et al. 2020, table A.1].

    θ₁ is a coordinate of a uniform point of the sphere; artanh(t) = arsinh(t/√(1 - t²)), where
    t/√(1 - t²)·√(d - 1) is a quantile of Student's law with d - 1 degrees of freedom. In one dimension the
    noise is Laplace.
    """
    if dim == 1:
        return _where(_is_plain(noise), -np.log(2 * error))
    error = np.maximum(error, 1e-300)
    if dim < 30:
        far = _log_square_complement(np.minimum(error, 0.25), dim)
        far = np.log1p(np.sqrt(-np.expm1(far))) - far / 2
    else:
        far = np.arcsinh(-special.stdtrit(dim - 1, np.minimum(error, 0.25)) / math.sqrt(dim - 1))
    # Near ½ by the law of t², Beta(½, (d-1)/2), since Student's quantile would lose its digits.
    square = special.betaincinv(0.5, (dim - 1) / 2, np.minimum(1 - 2 * error, 0.5))
    artanh = np.where(error > 0.25, np.arctanh(np.sqrt(square)), far)
    return _where(_is_plain(noise), (dim - 1) * artanh)


@register(ExpL1, Norm.LINF, method=_METHOD, tight=False, ulps=2**14, growth=Rate())
def exp_l1_linf(noise: ExpL1, error: FloatArray, dim: int) -> FloatArray:
    """The exact integral of 1/Φ for j = 0, k = 1, where the score is a sum of d signs; derived here.

    Φ is piecewise linear between the tails p_m of the binomial law; a segment of slope c gives
    log(Φ(p)/Φ(p_m))/c. (The normal quantile over √d, printed by Yang et al. 2020, P.2, is too large for
    odd d.)
    """
    if not _is_plain(noise):
        return np.full_like(error, np.nan)
    sizes, shares, slopes, radii = _sign_segments(dim)
    error = np.maximum(error, 1e-300)  # above every tail that is left out
    segment = np.clip(np.searchsorted(-sizes, -error) - 1, 0, len(slopes) - 1)
    slope = slopes[segment]
    growth = shares[segment + 1] + slope * (error - sizes[segment + 1])  # Φ(error)
    gained = (sizes[segment] - error) / growth
    safe = np.maximum(slope, 1.0)
    within = np.where(slope > 0, np.log1p(safe * gained) / safe, gained)
    return np.asarray(radii[segment] + within, dtype=np.float64)


def _log_square_complement(error: FloatArray, dim: int) -> FloatArray:
    """log(1 - t²) for P[θ₁ > t] = error: 1 - θ₁² has the law Beta((d-1)/2, ½)."""
    half = (dim - 1) / 2
    value = special.betaincinv(half, 0.5, 2 * error)
    # Where it underflows, the distribution function is value^half / (half · B(half, ½)) to all digits.
    leading = (np.log(2 * error) + math.log(half) + special.betaln(half, 0.5)) / half
    return np.asarray(np.where(value > 1e-250, np.log(np.maximum(value, 1e-250)), leading), dtype=np.float64)


def _is_plain(noise: ExpL1 | ExpL2 | ExpLinf) -> bool:
    return noise.j == 0 and noise.k == 1


@functools.lru_cache(maxsize=16)
def _segments(dim: int) -> FloatArray:
    """∫ dm/√(⌊m⌋ + frac(m)²) from n + 1 to d, for n = 0, ..., d - 1."""
    whole = np.arcsinh(1 / np.sqrt(np.arange(1, dim)))
    return np.append(np.cumsum(whole[::-1])[::-1], 0.0)


@functools.lru_cache(maxsize=16)
def _sign_segments(dim: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sizes P[S > m], shares E[S; S > m], slopes m and radii at the upper ends of the segments, from ½ down.

    The last segment reaches to a tail of at most 1e-305.
    """
    atoms = np.arange(dim % 2, dim + 1, 2)
    positive = (dim + atoms) // 2
    # From the first one by ratios: logarithms of factorials would lose a digit for each in their size.
    first = math.exp(log_gamma_ratio(positive[0] + 1.0, -0.5)) / math.sqrt(math.pi)
    mass = first * np.cumprod(np.append(1.0, (dim - atoms[:-1]) / (dim + atoms[:-1] + 2.0)))
    above = special.betainc(positive + 1.0, np.maximum(dim - positive, 0.5), 0.5) * (atoms < dim)
    atoms, above, mass = (x[: 1 + int((above > 1e-305).sum())] for x in (atoms, above, mass))
    # By absorption E[S; S > m] telescopes to P[S = m]·(d - m)/2.
    below = mass * (dim - atoms) / 2
    sizes = np.concatenate([[0.5], above])
    shares = np.concatenate([below[:1] + atoms[0] * (0.5 - above[0]), below])
    slopes = atoms.astype(np.float64)
    gained = (sizes[:-2] - sizes[1:-1]) / shares[1:-1]
    safe = np.maximum(slopes[:-1], 1.0)
    lengths = np.where(slopes[:-1] > 0, np.log1p(safe * gained) / safe, gained)
    return sizes, shares, slopes, np.concatenate([[0.0], np.cumsum(lengths)])
