"""Volumes and points by simulation: bounds that hold with a stated probability, and hit-and-run."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from wulff._numerics.bisection import last_true
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.bodies import Body
from wulff.geometry.crystals import Zonotope
from wulff.stats import check_alpha, check_sample_size, error_upper_bound, mean_upper_bound


@dataclasses.dataclass(frozen=True)
class VolumeBounds:
    """A volume between two bounds.

    Attributes:
        low: Lower bound; 0 if no point fell into the body.
        high: Upper bound.
        estimate: The unbiased estimate between them.
        alpha: The probability with which the volume is not between the bounds.
        n: The number of draws.
    """

    low: float
    high: float
    estimate: float
    alpha: float
    n: int


def volume_bounds(
    body: Body, generator: np.random.Generator, n: int = 20_000, alpha: float = 1e-3
) -> VolumeBounds:
    """The volume of a body by hits and misses in the smallest box with axes parallel to the coordinates'.

    The hits are binomial, so that the Clopper–Pearson bounds, each at alpha/2, hold for every body and n.
    The share of hits falls quickly with the dimension: `determinant_bounds` is for zonotopes there.

    Raises:
        InputError: alpha or n is outside its range.
    """
    alpha, n = check_alpha(alpha), check_sample_size(n)
    half = body.support(np.eye(body.dim))
    hits = 0
    for start in range(0, n, 2**14):
        points = generator.uniform(-half, half, (min(2**14, n - start), body.dim))
        hits += int((body.gauge(points) <= 1).sum())
    box = float(np.prod(2 * half))
    high = float(error_upper_bound(hits, n, alpha / 2))
    low = 1 - float(error_upper_bound(n - hits, n, alpha / 2))
    return VolumeBounds(low * box, high * box, hits / n * box, alpha, n)


def determinant_bounds(
    zonotope: Zonotope, generator: np.random.Generator, n: int = 20_000, alpha: float = 1e-3
) -> VolumeBounds:
    """The volume of a zonotope from determinants of random sets of generators [Yang et al. 2020, prop. J.5].

    The volume is 2^d C(m, d) times the mean of |det| over sets of d out of m generators. By Hadamard's
    inequality no |det| exceeds the product of the d longest generators, so that betting bounds on the mean of
    a bounded variable apply, each at alpha/2.

    Raises:
        InputError: alpha or n is outside its range, or there are more than 2^20 generators.
    """
    alpha, n = check_alpha(alpha), check_sample_size(n)
    generators, dim = zonotope.generators, zonotope.dim
    if len(generators) > 2**20:
        raise InputError(f"at most {2**20:,} generators can be sampled from, got {len(generators):,}.")
    lengths = np.sort(np.linalg.norm(generators, axis=1))[::-1][:dim]
    largest = float(np.prod(lengths)) * (1 + 1e-9)
    values = np.empty(n)
    for i in range(n):
        chosen = generator.choice(len(generators), size=dim, replace=False)
        values[i] = abs(np.linalg.det(generators[chosen])) / largest
    values = np.clip(values, 0.0, 1.0)
    unit = math.exp(dim * math.log(2) + math.log(math.comb(len(generators), dim)) + math.log(largest))
    high = mean_upper_bound(values, alpha / 2) * unit
    low = (1 - mean_upper_bound(1 - values, alpha / 2)) * unit
    return VolumeBounds(low, high, float(values.mean()) * unit, alpha, n)


def hit_and_run(
    body: Body, n: int, generator: np.random.Generator, *, steps: int | None = None
) -> FloatArray:
    """n points of nearly the uniform law on a body of any dimension, from n independent chains at 0.

    Each step draws a direction and then a uniform point of the chord through the current point. The chains
    converge to the uniform law, but how fast is known only in order: d³ steps, times logarithms, after the
    body is brought into round position [Lovász & Vempala 2006]. For a fixed number of steps nothing is
    guaranteed here: compare moments of two lengths before relying on the points. `Body.sample` is exact
    where it works.

    Args:
        body: Needs `gauge` only.
        n: The number of chains; one point is returned of each, so that they are independent.
        generator: The source of randomness.
        steps: The length of the chains; by default 10·dim + 20.

    Raises:
        InputError: n or steps is not a positive whole number.
    """
    n = check_sample_size(n)
    steps = check_sample_size(10 * body.dim + 20 if steps is None else steps, "steps")
    points = np.zeros((n, body.dim))
    for _ in range(steps):
        direction = generator.normal(size=points.shape)
        direction /= body.gauge(direction)[:, None]
        forward, backward = _exit(body, points, direction), _exit(body, points, -direction)
        place = generator.random(n) * (forward + backward) - backward
        points = points + place[:, None] * direction
    return points


def _exit(body: Body, points: FloatArray, direction: FloatArray) -> FloatArray:
    """How far each point can go in its direction, a boundary point, before it leaves; by bisection.

    The gauge along a line is convex and at most 1 at the start, and the way out is at most 2 long.
    """

    def inside(length: FloatArray) -> npt.NDArray[np.bool_]:
        return body.gauge(points + length[:, None] * direction) <= 1

    return last_true(inside, np.zeros(len(points)), np.full(len(points), 2.0), 36)
