"""Level-equivalent noises: densities whose level sets differ in shape but not in volume.

At ½ the differential method's Φ is a mean of growths of level sets, by the coarea formula: Φ(½) =
sup_v ∫ lim Vol((U_t + rv) \\ U_t)/r dt. Among distributions with the same volume of {q > t} for each t, the
one whose level sets are Wulff crystals therefore has the smallest Φ(½), which is the largest radius per
probability near ½ [Yang et al. 2020, theorem 5.4].
"""

import math

from wulff.errors import InputError
from wulff.geometry.balls import LpBall
from wulff.geometry.expansion import worst_growth
from wulff.noises import Noise, NormRadialNoise
from wulff.noises import parse as parse_noise
from wulff.norms import Norm


def level_equivalent(noise: Noise | str, level: Norm | str, dim: int) -> NormRadialNoise:
    """The exponential or power-law noise with other level sets of the same volumes.

    Args:
        noise: One of exp-l1, exp-l2, exp-linf, power-l1, power-l2, power-linf, or a noise that has
            `with_level_sets`.
        level: The norm whose balls are the new level sets: l1, l2 or linf.
        dim: The number of input coordinates.

    Raises:
        InputError: The noise is of another family, or the norm is another.
    """
    noise, level = parse_noise(noise).in_dim(dim).of_one_size(), Norm.parse(level)
    if not isinstance(noise, NormRadialNoise) or (law := noise.with_level_sets(level)) is None:
        raise InputError(
            f"level-equivalent noises are known for exp-* and power-* with level sets of l1, l2 and linf, "
            f"not for {noise.name} and {level}."
        )
    volumes = LpBall(noise.level_norm, dim).log_volume - LpBall(level, dim).log_volume
    shape = {name: getattr(noise, name) for name in noise.shape_parameters()}
    return law(scale=noise.scale * math.exp(volumes / dim), dim=dim, **shape)


def phi_at_half(noise: NormRadialNoise, norm: Norm | str, dim: int) -> float:
    """Φ(½) of a norm-radial noise, which is 1/slope of its radius at probability ½; from its level sets.

    The level sets R·B of volume V(R) = V R^d have the density d V R^(d-1) q(R) in R; with T = -q'/q the
    integral over levels is E[T]/(d V^(1/d)), times the growth of B at volume 1.

    Raises:
        InputError: The growth of the level sets under the ball of the norm is not known.
    """
    law = noise.in_dim(dim).radial_law(dim)
    body = LpBall(noise.level_norm, dim)
    rate = law.mean_score / (dim * math.exp(body.log_volume / dim))
    return rate * worst_growth(body, LpBall(Norm.parse(norm), dim)) / noise.in_dim(dim).scale
