"""Noise that the user defines by a log-density, which is tabulated: the table is certified and sampled."""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.noises.base import HalfLine, IIDNoise, NormRadialNoise
from wulff.noises.draws import wide
from wulff.noises.numerical_law import NO_TOTAL_MASS, NODES, WEIGHTS, NumericalLaw, has_total_mass
from wulff.noises.profile_table import LARGEST, SMALLEST, ProfileTable
from wulff.noises.radial import NumericalRadialLaw
from wulff.noises.randomness import Random, for_blocks, source
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LogDensity = Callable[["Tensor"], "Tensor"]
"""An elementwise function of a float64 tensor of sizes > 0, made of operations that torch differentiates."""

_DIFFERENTIABLE = "elementwise operations of torch, such as torch.abs and torch.exp"

_RANGE = (-690.0, 690.0)
"""Of log ‖Z‖, within which float64 holds the sizes."""

Sampler = Callable[["Tensor", "torch.Generator"], "Tensor"]
"""Fills a tensor with independent draws of its law under the generator, and returns it."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomIID(IIDNoise):
    """Independent even coordinates with density ∝ exp(log_density(|z|/scale)).

    Attributes:
        log_density: The log-density of a coordinate at scale 1, on z > 0, up to a constant; continuous, or
            refused. It is asked at the nodes of a table, and the noise is the table's law, see
            `wulff.noises.profile_table`.
        half_line: What is known about its shape; certificates rely on it. A claim that the table's
            score contradicts is refused.
        break_points: The sizes at which the slope jumps.
        sampler: Refused: what is drawn is the law that is certified.
    """

    name: ClassVar[str] = "custom-iid"

    log_density: LogDensity
    half_line: HalfLine = HalfLine.OTHER  # pyright: ignore[reportIncompatibleMethodOverride]
    break_points: tuple[float, ...] = ()
    sampler: Sampler | None = None

    def _check_parameters(self) -> None:
        _check_arguments(self)
        # The law of |Z| is looked at first, so that a density without a total mass is refused at once.
        mean = self._law.expectation(lambda x: np.abs(self.coordinate_score(np.exp(x))))
        score = -self._profile.slopes()
        rounding = 1e-8 * np.maximum(np.abs(score[1:]), np.abs(score[:-1])) + 1e-12 * mean
        falls, rises = not (np.diff(score) >= -rounding).all(), not (np.diff(score) <= rounding).all()
        wrong = {HalfLine.LOG_CONCAVE: falls, HalfLine.LOG_CONVEX: rises, HalfLine.OTHER: False}
        negative = bool((score < -1e-12 * mean).any())
        if wrong[self.half_line] or (self.half_line is not HalfLine.OTHER and negative):
            self._refuse(f"half_line claims that {self.half_line.value}, which the log-density contradicts")

    @property
    def _law(self) -> NumericalLaw:
        return _size_law(self.log_density, self.break_points, 1)[0]

    @property
    def _profile(self) -> ProfileTable:
        return _size_law(self.log_density, self.break_points, 1)[1]

    def mean_square(self, dim: int) -> float:
        return _second_moment(self._law)

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        import torch

        sizes = self._law.draw(torch.empty_like(out, dtype=wide(out)), generator).exp_()
        return out.copy_(sizes).mul_(source(generator).signs(torch.empty_like(out)))

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            x = np.log(np.abs(z))
        return np.where(z >= 0, 0.5 * self._law.sf(x), 0.5 + 0.5 * self._law.cdf(x))

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        return np.exp(self._law.isf(2 * np.asarray(p)))

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        return np.exp(self._law.ppf(2 * np.asarray(p)))

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        # The difference of two rounded numbers, plus what the rounding may have taken away.
        at_zero, value = (self._profile(np.log(size)) for size in (np.full_like(z, 1e-300), z))
        return np.maximum(at_zero - value, 0.0) + 1e-15 * (1 + np.abs(at_zero) + np.abs(value))

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        size = np.abs(z)
        x = np.log(np.maximum(size, 1e-300))
        return self._law.log_density(x) - x - math.log(2)

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return -self._profile.slope(np.log(np.maximum(z, 1e-300)))


@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomRadial(NormRadialNoise):
    """Density ∝ exp(log_density(‖z‖/scale)) for the norm l1, l2 or linf.

    Attributes:
        norm: The norm whose spheres are the level sets, as a name.
        log_density: The log-density at scale 1 as a function of the norm, up to a constant; continuous, or
            refused. It is asked at the nodes of a table, and the noise is the table's law, see
            `wulff.noises.profile_table`.
        break_points: The norms at which the slope jumps.
        sampler: Refused: what is drawn is the law that is certified.
    """

    name: ClassVar[str] = "custom-radial"

    norm: str
    log_density: LogDensity
    break_points: tuple[float, ...] = ()
    sampler: Sampler | None = None

    def _check_parameters(self) -> None:
        _check_arguments(self)
        if self.level_norm not in (Norm.L1, Norm.L2, Norm.LINF):
            self._refuse("norm must be l1, l2 or linf")

    def _wrong_in_dim(self, dim: int) -> str | None:
        log_density, _ = _log_size_density(self.log_density, self.break_points, dim)
        return None if has_total_mass(log_density, *_RANGE) else NO_TOTAL_MASS

    @property
    def level_norm(self) -> Norm:  # pyright: ignore[reportIncompatibleVariableOverride]
        return Norm.parse(self.norm)

    def radial_law(self, dim: int) -> CustomLaw:
        return CustomLaw(dim, self.log_density, self.break_points)

    def radius_mean_square(self, dim: int) -> float:
        return _second_moment(_size_law(self.log_density, self.break_points, dim)[0])

    @for_blocks
    def draw_radius(self, out: Tensor, dim: int, generator: Random) -> Tensor:
        return _size_law(self.log_density, self.break_points, dim)[0].draw(out, generator).exp_()


@final
@dataclasses.dataclass(frozen=True)
class CustomLaw(NumericalRadialLaw):
    """The radial law of a tabulated log-density, by numerical integration."""

    dim: int
    log_profile: LogDensity
    break_points: tuple[float, ...] = ()

    @property
    def sizes(self) -> NumericalLaw:
        return _size_law(self.log_profile, self.break_points, self.dim)[0]

    @property
    def _profile(self) -> ProfileTable:
        return _size_law(self.log_profile, self.break_points, self.dim)[1]

    @property
    def turns(self) -> tuple[float, ...]:
        # Where |T| changes between rising and falling by more than rounding, and the kinks, at which T jumps.
        edges = self.sizes.edges
        x = np.unique(np.linspace(edges[:-1], edges[1:], 5))
        size = np.abs(self.score(x))
        change = np.diff(size)
        moved = np.flatnonzero(np.abs(change) > 1e-7 * np.maximum(size[1:], size[:-1]))
        turned = moved[1:][np.sign(change[moved[1:]]) != np.sign(change[moved[:-1]])]
        kinks = [math.log(size) for size in self.break_points if edges[0] < math.log(size) < edges[-1]]
        return (*(float(turn) for turn in x[turned]), *kinks)

    def potential(self, x: FloatArray) -> FloatArray:
        return -self._profile(x)

    def score(self, x: FloatArray) -> FloatArray:
        return -self._profile.slope(x)


def _check_arguments(noise: CustomIID | CustomRadial) -> None:
    if noise.sampler is not None:
        raise InputError(
            f"sampler= is not taken by {noise.name}: draws come from the table of the log-density that is "
            "certified, so that both are one law; leave it out."
        )
    points: object = noise.break_points
    if not isinstance(points, tuple) or not all(
        isinstance(size, int | float) and 0 < size < math.inf for size in points
    ):
        raise InputError(f"break_points must be a tuple of positive finite sizes, got {points!r}.")


@functools.lru_cache(maxsize=64)
def _size_law(
    log_density: LogDensity, break_points: tuple[float, ...], dim: int
) -> tuple[NumericalLaw, ProfileTable]:
    """The law of x = log ‖Z‖ on `dim` coordinates, and the table of the log-density that it rests on."""
    log_size_density, table = _log_size_density(log_density, break_points, dim)
    return NumericalLaw(log_size_density, *_RANGE, nodes=np.log(table.nodes)), table


@functools.lru_cache(maxsize=64)
def _log_size_density(
    log_density: LogDensity, break_points: tuple[float, ...], dim: int
) -> tuple[Callable[[FloatArray], FloatArray], ProfileTable]:
    """The log-density of x = log ‖Z‖, up to a constant, by a table of the user's, and that table."""
    least, most = math.log(SMALLEST), math.log(LARGEST)
    outline = NumericalLaw(lambda x: dim * x + _evaluate(log_density, np.exp(x)), least, most, whole=False)
    lo, hi = outline.reach
    _check_continuous(log_density, lo, hi)
    table = ProfileTable(
        lambda z: _evaluate(log_density, z),
        lambda z: -_score(log_density, z),
        (math.exp(lo), math.exp(hi)),
        break_points,
    )
    return lambda x: dim * x + table(x), table


def _check_continuous(log_density: LogDensity, lo: float, hi: float) -> None:
    """Refuse a log-density that its slope does not account for: no theorem holds where it jumps.

    On every cell of x = log(size) the integral of the slope must be the difference of the values at the ends;
    cells where it is not are halved. A kink is found to be one before float64 ends, a jump never.
    """
    edges = np.linspace(lo, hi, 1025)
    a, b = edges[:-1], edges[1:]
    for _ in range(44):
        half = (b - a)[:, None] / 2
        size = np.exp((a + b)[:, None] / 2 + half * NODES)
        with np.errstate(invalid="ignore", over="ignore"):
            climbed = weighted_sum(-_score(log_density, size) * size * half, WEIGHTS)
            ends = [_evaluate(log_density, np.exp(end)) for end in (a, b)]
            same = np.abs(ends[1] - ends[0] - climbed) <= 1e-9 * (1 + np.abs(climbed) + np.abs(ends[0]))
        if same.all():
            return
        a, b = a[~same], b[~same]
        middle = (a + b) / 2
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
        if len(a) > 100_000:
            break
    raise InputError(
        f"the log-density jumps, or has no slope, at the size {math.exp(a[0]):.6g}; it must be continuous, "
        "without -inf."
    )


def _evaluate(log_density: LogDensity, size: FloatArray) -> FloatArray:
    import torch

    value = _asked(log_density, torch.from_numpy(np.ascontiguousarray(size)))
    return value.detach().numpy().astype(np.float64)


def _score(log_density: LogDensity, size: FloatArray) -> FloatArray:
    import torch

    leaf = torch.from_numpy(np.array(size, dtype=np.float64)).requires_grad_(True)
    value = _asked(log_density, leaf)
    if not value.requires_grad:
        raise InputError(f"log_density must be made of {_DIFFERENTIABLE}; its result has no gradient.")
    (slope,) = torch.autograd.grad(value.sum(), leaf)
    return -slope.numpy()


def _asked(log_density: LogDensity, size: Tensor) -> Tensor:
    """What the user's function says; whatever it raises is told in one line."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy, which is about to fail
            value = log_density(size)
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise InputError(
            f"log_density fails on a float64 tensor of sizes ({type(error).__name__}: {said}); make it of "
            f"{_DIFFERENTIABLE}."
        ) from error
    if not isinstance(value, torch.Tensor) or value.shape != size.shape:
        raise InputError("log_density must map a float64 tensor of sizes to a tensor of the same shape.")
    return value


def _second_moment(law: NumericalLaw) -> float:
    """E[exp(2x)], or infinity if it is not decided before the law is cut off."""
    last = law.edges[-1]
    tail = law.log_density(np.array([last]))[0] + 2 * last
    near = law.log_density(np.array([law.mode]))[0] + 2 * law.mode
    return law.expectation(lambda x: np.exp(2 * x)) if tail < near - 30 else math.inf
