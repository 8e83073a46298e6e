"""Mixed-norm noise, density ∝ ‖z‖∞^-j exp(-‖z‖₂²/2) [Zhang et al. 2020, equation 13]."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff._typing import FloatArray
from wulff.noises.base import Noise
from wulff.noises.catalogue import register
from wulff.noises.domains import POLE
from wulff.noises.draws import wide
from wulff.noises.numerical_law import NumericalLaw
from wulff.noises.radial import NumericalRadialLaw
from wulff.noises.randomness import Random, for_blocks, source

if TYPE_CHECKING:
    from torch import Tensor


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MixedLinf(Noise):
    """Density proportional to ‖z/scale‖∞^-j · exp(-‖z/scale‖₂²/2).

    Attributes:
        j: The order of the pole at 0; j = 0 is Gaussian noise.
    """

    name: ClassVar[str] = "mixed-linf"

    j: float = dataclasses.field(default=0.0, metadata=POLE)

    def pole_law(self, dim: int) -> PoleLaw:
        """The law of the part of the score that comes from the pole."""
        return PoleLaw(dim, self.j)

    @property
    def level_sets(self) -> str:
        return "cubes cut by Euclidean balls"

    def log_density_at(self, z: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            pole = -self.j * np.log(np.abs(z).max(axis=-1)) if self.j > 0 else 0.0
        return pole - 0.5 * (z**2).sum(axis=-1)

    def mean_square(self, dim: int) -> float:
        # Given m = ‖z‖∞ one coordinate is ±m; the others are normal, truncated to [-m, m].
        return largest_coordinate_law(dim, self.j).expectation(lambda x: _mean_square_given(np.exp(x), dim))

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        import torch

        rows, random = out.flatten(1), source(generator)
        dim = rows.shape[1]
        law = largest_coordinate_law(dim, self.j)
        largest = law.draw(rows.new_empty(len(rows), 1, dtype=wide(out)), generator).exp_().to(out.dtype)
        # Inverse CDF of the truncated normal: erf(Z/√2) is uniform between ±erf(m/√2).
        random.uniform(rows).mul_(torch.erf(largest / math.sqrt(2)))
        rows.erfinv_().mul_(math.sqrt(2))
        # erf rounds to 1 beyond m = 5.4 (in float32), where erfinv is infinite: ±m bounds every coordinate.
        rows.clamp_(-largest, largest)
        face = random.below(torch.empty_like(largest, dtype=torch.int64), dim)
        rows.scatter_(1, face, largest * random.signs(torch.empty_like(largest)))
        return out


@final
@dataclasses.dataclass(frozen=True)
class PoleLaw(NumericalRadialLaw):
    """The law of ‖Z‖∞, with the score of the pole alone: T = j/‖Z‖∞."""

    dim: int
    j: float

    @property
    def sizes(self) -> NumericalLaw:
        return largest_coordinate_law(self.dim, self.j)

    @property
    def mean_score(self) -> float:
        """j E[1/‖Z‖∞], a ratio of normalising constants."""
        if not self.j < self.dim - 1:
            return math.inf
        lifted = largest_coordinate_law(self.dim, self.j + 1)
        return self.j * math.exp(lifted.log_total - self.sizes.log_total)

    def potential(self, x: FloatArray) -> FloatArray:
        return self.j * x

    def score(self, x: FloatArray) -> FloatArray:
        return self.j * np.exp(-x)


@functools.lru_cache(maxsize=64)
def largest_coordinate_law(dim: int, j: float) -> NumericalLaw:
    """The law of x = log ‖Z‖∞ at scale 1, with density ∝ e^((1-j)x) exp(-e^(2x)/2) erf(e^x/√2)^(dim-1)."""

    def log_density(x: FloatArray) -> FloatArray:
        m = np.exp(np.minimum(x, 20.0))
        # Three forms of log erf(m/√2), each where it keeps its digits; far left, m itself may underflow.
        middle, large = np.clip(m, 1e-4, 0.7), np.maximum(m, 0.7)
        log_erf = np.select(
            [m < 1e-4, m < 0.7],
            [
                x + 0.5 * math.log(2 / math.pi) - m**2 / 6,
                np.log(special.erf(middle / math.sqrt(2))),
            ],
            np.log1p(-special.erfc(large / math.sqrt(2))),
        )
        return (1 - j) * x - m**2 / 2 + (dim - 1) * log_erf

    return NumericalLaw(log_density, -800 / (dim - j), 20.0)


def _mean_square_given(m: FloatArray, dim: int) -> FloatArray:
    """E[‖Z‖₂²]/dim given ‖Z‖∞ = m."""
    # The variance of N(0,1) truncated to [-m, m] is 1 - 2mφ(m)/erf(m/√2), and m²/3 for small m.
    small = m < 0.05
    m_large = np.where(small, 1.0, m)
    density = np.exp(-(m_large**2) / 2) * math.sqrt(2 / math.pi)
    truncated = 1 - m_large * density / special.erf(m_large / math.sqrt(2))
    series = m**2 / 3 * (1 - 2 * m**2 / 15 + 2 * m**4 / 315)
    return (m**2 + (dim - 1) * np.where(small, series, truncated)) / dim
