"""Cotype: how short random sums can be in a norm [Yang et al. 2020, section 7].

A norm has cotype q with the constant C if (Σ‖x_j‖^q)^(1/q) ≤ C (E‖Σ σ_j x_j‖^q)^(1/q) for all vectors, with
independent random signs σ_j. (Definition 7.2 of the paper has a misprint; both sides need the root.)
"""

import dataclasses
import math

import numpy as np
from scipy import special

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.bodies import check_body_dim
from wulff.norms import Norm

HAAGERUP = 1.8474163360
"""Below this p the best constant of Khinchine's inequality is that of two signs, above it the normal law's
(the p with Γ((p+1)/2) = √π/2)."""


@dataclasses.dataclass(frozen=True)
class CotypeConstant:
    """The smallest C of a norm, between two bounds that coincide where it is known.

    Attributes:
        low: A lower bound, which an example attains.
        high: An upper bound.
        q: The cotype.
    """

    low: float
    high: float
    q: float

    @property
    def exact(self) -> bool:
        return self.low == self.high


def cotype_constant(norm: Norm | str, dim: int, q: float = 2.0) -> CotypeConstant:
    """The cotype-q constant of l_p^d, q ≥ 2.

    For p ≥ q it is d^(1/q - 1/p), exactly: E‖Σσ_j x_j‖_q^q ≥ Σ‖x_j‖_q^q ≥ Σ‖x_j‖_p^q, the l_q norm is at most
    d^(1/q - 1/p) times the l_p norm, and the unit vectors e_j attain it. For 2 ≤ p ≤ q it is 1. For p < 2 it
    lies between 1 and 1/A_p with the constant of Khinchine's inequality, √2 for p = 1 [Haagerup 1981].

    Raises:
        InputError: q is below 2, where no norm has cotype q.
    """
    norm, dim = Norm.parse(norm), check_body_dim(dim)
    if not 2 <= q < math.inf:
        raise InputError(f"cotype q needs 2 ≤ q < ∞, got q = {q!r}; no norm has a cotype below 2.")
    if dim == 1:
        return CotypeConstant(1.0, 1.0, q)
    if norm.p >= q:
        value = dim ** (1 / q - 1 / norm.p)
        return CotypeConstant(value, value, q)
    if norm.p >= 2:
        return CotypeConstant(1.0, 1.0, q)
    return CotypeConstant(1.0, 1 / khinchine(norm.p), q)


def khinchine(p: float) -> float:
    """The largest A with (E|Σσ_j a_j|^p)^(1/p) ≥ A ‖a‖₂ for all a, for 0 < p ≤ 2 [Haagerup 1981]."""
    if p <= HAAGERUP:
        return 2 ** (0.5 - 1 / p)
    return math.sqrt(2) * (float(special.gamma((p + 1) / 2)) / math.sqrt(math.pi)) ** (1 / p)


def cotype_ratio(vectors: FloatArray, norm: Norm | str, q: float = 2.0) -> float:
    """(Σ‖x_j‖^q)^(1/q) / (E‖Σ σ_j x_j‖^q)^(1/q) for the rows x_j: no norm's constant is below it.

    Raises:
        InputError: There are more than 16 vectors, too many for all their signs.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or not 1 <= len(rows) <= 16:
        raise InputError(f"give 1 to 16 vectors as rows, got shape {rows.shape}.")
    p = Norm.parse(norm).p
    bits = np.asarray((np.arange(2 ** len(rows))[:, None] >> np.arange(len(rows))) & 1, dtype=np.float64)
    signs = 1.0 - 2.0 * bits
    sums = np.linalg.norm(signs @ rows, ord=p, axis=1)
    return float(((np.linalg.norm(rows, ord=p, axis=1) ** q).sum() / (sums**q).mean()) ** (1 / q))
