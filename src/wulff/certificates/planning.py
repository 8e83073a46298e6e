"""What a target radius asks of the samples, and what samples can reach."""

import dataclasses
import math

from wulff._checks import NOT_NEGATIVE, POSITIVE, real_number
from wulff._numerics.bisection import last_true
from wulff.certificates.radii import certified_radius
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Norm, Threat, parse_threat
from wulff.stats import check_alpha, error_upper_bound, samples_needed

SAMPLE_SIZES: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many samples certify a radius.

    Attributes:
        error: The largest error bound that certifies the radius; None if no error does.
        n: The smallest number of estimation samples that can certify it: all must agree.
        reach: For several sample sizes, the radius that a unanimous vote certifies.
    """

    noise: Noise
    norm: Threat
    radius: float
    alpha: float
    error: float | None
    n: int | None
    reach: dict[int, float]

    def samples(self, true_error: float, power: float = 0.9) -> int | None:
        """The n that certifies the radius with probability `power` if one sample in 1/true_error misses."""
        return None if self.error is None else samples_needed(self.error, self.alpha, true_error, power)


def plan(
    noise: Noise | str,
    radius: float,
    norm: Threat | str = Norm.L2,
    dim: int | None = None,
    alpha: float = 1e-3,
) -> Plan:
    """Which n is needed for a radius, and which radius n samples can reach at most.

    Args:
        noise: The noise of the smoothed classifier, or its spec string.
        radius: The radius to be certified, in input units.
        norm: The adversary's norm.
        dim: The number of input coordinates; may be left out where the radius does not depend on it.
        alpha: The one-sided level of the bound.

    Raises:
        InputError: The radius is not positive, or another argument is outside its range.
    """
    noise, norm, alpha = parse_noise(noise), parse_threat(norm), check_alpha(alpha)
    radius = real_number("radius", radius, *POSITIVE)
    if dim is None and noise.dim is None:
        dim = _any_dimension(noise, radius, norm)
    error = largest_error(noise, radius, norm, dim)
    n = None if error is None else samples_needed(error, alpha)
    errors = [float(error_upper_bound(0, size, alpha)) for size in SAMPLE_SIZES]
    radii = certified_radius(noise, errors, norm, dim)
    reach: dict[int, float] = dict(zip(SAMPLE_SIZES, radii.radius.tolist(), strict=True))
    return Plan(radii.noise, norm, radius, alpha, error, n, reach)


def _any_dimension(noise: Noise, radius: float, norm: Threat) -> int:
    """A stand-in for the dimension where small and large ones give the same answer."""
    small, large = 2, 150_528
    if largest_error(noise, radius, norm, small) != largest_error(noise, radius, norm, large):
        raise InputError(f"the radius of {noise} against {norm} depends on the dimension; give dim.", "dim")
    return small


def largest_error(
    noise: Noise | str, radius: float, norm: Threat | str, dim: int | None, smallest: float = 1e-300
) -> float | None:
    """The largest error whose certified radius is at least `radius`, by bisection; None below `smallest`."""
    noise, norm, radius = parse_noise(noise), parse_threat(norm), real_number("radius", radius, *NOT_NEGATIVE)

    def reaches(error: float) -> bool:
        return bool(certified_radius(noise, error, norm, dim).radius >= radius)

    if not reaches(smallest):
        return None
    # Halved so often, the interval of the logarithms is below a part in 10¹² of the error.
    first = math.log(smallest)
    last = float(last_true(lambda log: reaches(math.exp(log)), first, math.log(0.5), 50))
    return math.exp(last) if last > first else smallest
