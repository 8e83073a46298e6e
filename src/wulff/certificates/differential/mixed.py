"""The differential method for mixed-norm noise, density ∝ ‖z‖∞^-j exp(-‖z‖₂²/2); derived here.

The score of a perturbation u has two parts: u_I · sign(z_I) · j/‖z‖∞ from the pole, where I is the largest
coordinate, and ⟨u, z⟩. The largest mean of a sum over sets of probability p is at most the sum of the
largest means. The first is that of cubical noise (I is uniform, its sign fair, both independent of ‖Z‖∞).
The second is at most that of Gaussian noise: the density is the normal one times a function whose
superlevel sets are cubes, and a slab |⟨u, z⟩| ≤ s and a symmetric convex set are never negatively
correlated under the normal law [Šidák 1967], so that |⟨u, Z⟩| is stochastically smaller.

Against linf the growth functions of single shifts give larger radii, see `privacy_loss.mixed`.
"""

import functools
import math

import numpy as np

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.certificate import Rate
from wulff.certificates.differential.directions import direction
from wulff.certificates.differential.profile import LARGEST_SHORTFALL, Profile, build_profile
from wulff.certificates.differential.quadrature import RadialQuadrature
from wulff.certificates.registry import register
from wulff.noises import MixedLinf
from wulff.noises.mixed_linf import PoleLaw
from wulff.norms import Norm

ULPS = 2**17
"""As for the differential method of norm-radial noise."""


_register = functools.partial(
    register,
    MixedLinf,
    method="differential",
    tight=False,
    ulps=ULPS,
    growth=Rate(shortfall=LARGEST_SHORTFALL),
)


@_register(Norm.L1)
def mixed_l1(noise: MixedLinf, error: FloatArray, dim: int) -> FloatArray:
    """∫_error^½ dp/(Φ_pole(p) + φ(Φ⁻¹(p))); derived here."""
    return mixed_radii(noise, error, dim, Norm.L1)


@_register(Norm.L2)
def mixed_l2(noise: MixedLinf, error: FloatArray, dim: int) -> FloatArray:
    """∫_error^½ dp/(Φ_pole(p) + φ(Φ⁻¹(p))); derived here."""
    return mixed_radii(noise, error, dim, Norm.L2)


@_register(Norm.LINF)
def mixed_linf(noise: MixedLinf, error: FloatArray, dim: int) -> FloatArray:
    """∫_error^½ dp/(Φ_pole(p) + √d φ(Φ⁻¹(p))), Φ_pole(p) = ½ E[j/‖Z‖∞; largest 2p]; derived here."""
    return mixed_radii(noise, error, dim, Norm.LINF)


def mixed_radii(noise: MixedLinf, error: FloatArray, dim: int, adversary: Norm) -> FloatArray:
    """The differential radius at scale 1 against any of the three norms."""
    length = math.sqrt(dim) if adversary == Norm.LINF else 1.0  # of the longest u, in l2
    if noise.j == 0:
        return normal_quantile(error) / length
    law = noise.pole_law(dim)
    if math.isinf(law.mean_score):
        return np.zeros_like(error)  # Φ is infinite
    profile = _profile(law, adversary, length)
    # Where the quadrature refuses, E[1/‖Z‖∞] is all but infinite.
    return np.zeros_like(error) if profile is None else profile.radius(error) / law.mean_score


@functools.lru_cache(maxsize=64)
def _profile(law: PoleLaw, adversary: Norm, length: float) -> Profile | None:
    """The radii in units of the mean score of the pole."""
    cell = direction(Norm.LINF, adversary, law.dim)
    assert cell is not None
    try:
        return build_profile(RadialQuadrature(law), cell[0], normal=length / law.mean_score)
    except ArithmeticError:
        return None
