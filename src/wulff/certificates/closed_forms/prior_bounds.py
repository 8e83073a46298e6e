"""Earlier bounds for Gaussian noise against l2, for comparison only: the tight radius is never smaller.

Both hold for bounds p_A ≥ 1 - error on the top class and p_B ≤ error on the others, as here. A supremum
over a parameter is taken over a grid of its values, each of which gives a valid radius.
"""

import numpy as np

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.registry import register
from wulff.noises import Gaussian
from wulff.norms import Norm

GRID = 400


@register(Gaussian, Norm.L2, method="lecuyer-2019", tight=False, ulps=64, comparison=True)
def lecuyer(noise: Gaussian, error: FloatArray, dim: int) -> FloatArray:
    """sup over β ≤ 1 of β / √(2 log(1.25 (1 + e^β) / (p_A - e^(2β) p_B))) [Lecuyer et al. 2019, theorem 2].

    From differential privacy; β is the privacy budget, and p_A > e^(2β) p_B is needed.
    """
    largest = np.minimum(1.0, 0.5 * (np.log1p(-error) - np.log(error)))
    budget = largest[..., None] * np.linspace(0, 1, GRID + 1)[1:-1]
    margin = (1 - error[..., None]) - np.exp(2 * budget) * error[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = budget / np.sqrt(2 * np.log(1.25 * (1 + np.exp(budget)) / margin))
    return np.minimum(np.where(margin > 0, radius, 0.0).max(axis=-1), normal_quantile(error))


@register(Gaussian, Norm.L2, method="li-2019", tight=False, ulps=64, comparison=True)
def li(noise: Gaussian, error: FloatArray, dim: int) -> FloatArray:
    """sup over α > 0 of √(-(2/α) log(2 (½ p_A^(1-α) + ½ p_B^(1-α))^(1/(1-α)))) [Li et al. 2019, theorem 2].

    From the Rényi divergence of order α between the shifted and the unshifted noise; p_A + p_B = 1.
    """
    order = np.geomspace(1e-2, 1e4, GRID) + 1e-9  # 1 itself is not on the grid
    power = 1 - order
    terms = np.logaddexp(power * np.log1p(-error[..., None]), power * np.log(error[..., None]))
    log_mean = np.log(2) + (terms - np.log(2)) / power
    radius = np.sqrt(np.maximum(-2 / order * log_mean, 0.0)).max(axis=-1)
    # Cancellation near ½ must not lift a weaker bound above the tight one.
    return np.minimum(radius, normal_quantile(error))
