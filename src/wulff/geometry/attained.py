"""What the noises of the library attain, next to what none can exceed (see `limits`)."""

import dataclasses
import functools
import math

import numpy as np

from wulff._numerics.roots import bracketed_root
from wulff._typing import FloatArray
from wulff.certificates import certified_radius, largest_error
from wulff.errors import InputError, NotCoveredError
from wulff.geometry.bodies import check_body_dim
from wulff.geometry.growth_functions import known_variation
from wulff.geometry.limits import check_margin, check_variation, explicit_bound, published_limits
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Norm, Threat, parse_threat

REPRESENTATIVES = (
    "gaussian(scale=1)",
    "laplace(scale=1)",
    "uniform(scale=1)",
    "ball(scale=1)",
    "exp-lp(scale=1,p=4)",
    "pareto(scale=1,a=3)",
    "exp-l2(scale=1,j=0,k=1)",
    "exp-linf(scale=1,j=0,k=1)",
    "exp-linf(scale=1,j=0,k=10)",
)
"""One noise of each character, in any dimension; sizes are set by whoever uses them."""


@dataclasses.dataclass(frozen=True)
class Usefulness:
    """For which (ε, s, l) a noise is useful.

    Attributes:
        noise: The noise, with its dimension.
        norm: The adversary's norm.
        epsilon: The distance.
        s: The margin above ½ that a label's probability needs to be certified at ε, rounded up; ½ if no
            probability is enough.
        l: The total variation between the noise around two inputs that differ by 1 in one coordinate. For
            linf that is the least over all inputs that differ by 1 or more; for other norms those that
            differ in many coordinates may be told apart less well.
    """

    noise: Noise
    norm: Threat
    epsilon: float
    s: float
    l: float  # noqa: E741


def usefulness(noise: Noise | str, epsilon: float, norm: Threat | str, dim: int) -> Usefulness:
    """What a given noise attains: its s for an ε, by its certificates, and its l by total variation.

    Densities here are even and unimodal in each coordinate, so that moving any further coordinate only
    makes two inputs easier to tell apart: against linf, one coordinate is the worst case of l.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: No certificate covers the noise and the norm, or its l is not known.
    """
    noise, norm = parse_noise(noise).in_dim(dim).of_one_size(), parse_threat(norm)
    if not 0 < epsilon < math.inf:
        raise InputError(f"epsilon must be positive and finite, got {epsilon!r}.", "epsilon")
    error = largest_error(noise, epsilon, norm, dim)
    margin = 0.5 if error is None else 0.5 - error
    return Usefulness(noise, norm, epsilon, margin, recognisability(noise))


def recognisability(noise: Noise) -> float:
    """The total variation when one coordinate moves by 1: l, rounded down.

    Raises:
        NotCoveredError: It is not known for this noise.
    """
    assert noise.dim is not None
    known = known_variation(noise, np.eye(1, noise.dim)[0])
    if known is None:
        raise NotCoveredError(
            f"the total variation of {noise.name} noise along one coordinate is not known in closed form."
        )
    return float(known.low)


def sized_by(noise: Noise | str, dim: int, l: float) -> Noise:  # noqa: E741
    """The noise of this shape in the largest size that leaves a coordinate recognisable: total variation l.

    Raises:
        InputError: l is not in (0, 1), where 1 would allow bounded noise only.
        NotCoveredError: The total variation is not known for this noise.
    """
    if not check_variation(l) < 1:
        raise InputError(f"l must be below 1 for noise to be sized by it, got {l!r}.", "l")
    unit = resized(noise, 1.0)
    sized = unit.in_dim(dim)
    # One coordinate of noise whose size does not depend on the dimension is that of its law in one dimension.
    alone = unit.dim is None and not unit.size_depends_on_dim
    return resized(sized, _largest_scale(unit.in_dim(1) if alone else sized, l))


@functools.lru_cache(maxsize=64)
def _largest_scale(unit: Noise, l: float) -> float:  # noqa: E741
    """The scale at which the total variation of a noise along one coordinate is l."""

    def missing(log_scale: FloatArray) -> FloatArray:
        return np.array([l - recognisability(resized(unit, math.exp(scale))) for scale in log_scale])

    about = -math.log(unit.sigma) if 0 < unit.sigma < math.inf else 0.0
    low, high = np.array([about - 1]), np.array([about + 1])
    at_low, at_high = missing(low), missing(high)
    while at_low > 0 and low > -60:
        low, high, at_high = 2 * low - about, low, at_low
        at_low = missing(low)
    while at_high <= 0 and high < 60:
        low, high, at_low = high, 2 * high - about, at_high
        at_high = missing(high)
    found, _ = bracketed_root(missing, low, high, tolerance=1e-12, values=(at_low, at_high))
    return math.exp(float(found[0]))


def resized(noise: Noise | str, scale: float) -> Noise:
    """The noise of the same shape at another scale."""
    noise = parse_noise(noise).of_one_size()
    shape = {name: getattr(noise, name) for name in noise.shape_parameters()}
    return type(noise)(scale=scale, dim=noise.dim, **shape)


@dataclasses.dataclass(frozen=True)
class LimitRow:
    """One dimension of the table of limits.

    Attributes:
        dim: The number of input coordinates.
        order: The published limit up to its constant, which is open: ε = O(order).
        bound: The explicit bound, which no smoothing exceeds.
        attained: The certified radius of each noise at its largest size for l; nan where no certificate
            covers it or, below the largest dimension of the table, where there is no such noise.
    """

    dim: int
    order: float
    bound: float
    attained: dict[str, float]


def limits_table(
    norm: Threat | str,
    dims: list[int],
    s: float = 0.25,
    l: float = 0.9,  # noqa: E741
    noises: tuple[str, ...] = REPRESENTATIVES,
) -> list[LimitRow]:
    """The best radius that label probabilities can certify as the dimension grows, and what noises attain.

    In the box no limit is known, and order and bound are infinite.

    All noises are sized alike, by l. The radius of each is that of its best certificate at the error ½ - s;
    where that one is no exact theorem, the noise may be better than the number says.

    Raises:
        InputError: An argument is outside its range.
    """
    norm, s = parse_threat(norm), check_margin(s)
    rows: list[LimitRow] = []
    for dim in dims:
        attained = {spec: _attained(spec, norm, dim, s, l, dim < max(dims)) for spec in noises}
        if not isinstance(norm, Norm):  # where no limit is known
            rows.append(LimitRow(dim, math.inf, math.inf, attained))
            continue
        order = published_limits(norm, dim)[1].order
        rows.append(LimitRow(dim, order, explicit_bound(norm, dim, s, l), attained))
    return rows


def _attained(spec: str, norm: Threat, dim: int, s: float, l: float, lenient: bool) -> float:  # noqa: E741
    """The radius, or nan; lenient where a noise of the largest dimension need not exist, as with poles."""
    if lenient and not resized(spec, 1.0).exists_in(dim):
        return math.nan
    try:
        return float(certified_radius(sized_by(spec, dim, l), 0.5 - s, norm, dim).radius)
    except NotCoveredError:
        return math.nan


def growing_dimensions(dim: int) -> list[int]:
    """1, 10, 100, ... and the dimension itself.

    Raises:
        InputError: The dimension is outside its range.
    """
    dim = check_body_dim(dim)
    powers = [10**k for k in range(len(str(dim)))]
    return [*(power for power in powers if power < dim), dim]
