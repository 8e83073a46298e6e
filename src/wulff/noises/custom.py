"""Noise that the user defines by a log-density; without a sampler, draws are made by inverse CDF."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.noises.base import HalfLine, IIDNoise, NormRadialNoise
from wulff.noises.draws import draw_signs, wide
from wulff.noises.radial import NumericalRadialLaw
from wulff.noises.tables import NODES, WEIGHTS, NumericalLaw
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LogDensity = Callable[["Tensor"], "Tensor"]
"""An elementwise function of a float64 tensor of sizes > 0, made of operations that torch differentiates."""

Sampler = Callable[["Tensor", "torch.Generator"], "Tensor"]
"""Fills a tensor with independent draws of its law under the generator, and returns it."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomIID(IIDNoise):
    """Independent even coordinates with density ∝ exp(log_density(|z|/scale)).

    Attributes:
        log_density: The log-density of a coordinate at scale 1, on z > 0, up to a constant; continuous, or
            refused.
        half_line: What is known about its shape; certificates rely on it. A claim that the score
            contradicts is refused.
        sampler: Draws coordinates of the unit law; by default the numerical inverse CDF.
    """

    name: ClassVar[str] = "custom-iid"

    log_density: LogDensity
    half_line: HalfLine = HalfLine.OTHER  # pyright: ignore[reportIncompatibleMethodOverride]
    sampler: Sampler | None = None

    def _check_parameters(self) -> None:
        # The law of |Z| is looked at first, so that a density without a total mass is refused at once.
        x = np.concatenate([np.linspace(*self._law.reach, 8193), self._law.edges])
        score = self.coordinate_score(np.exp(np.unique(x)))
        mean = self._law.expectation(lambda x: np.abs(self.coordinate_score(np.exp(x))))
        rounding = 1e-9 * np.maximum(np.abs(score[1:]), np.abs(score[:-1])) + 1e-12 * mean
        falls, rises = not (np.diff(score) >= -rounding).all(), not (np.diff(score) <= rounding).all()
        wrong = {HalfLine.LOG_CONCAVE: falls, HalfLine.LOG_CONVEX: rises, HalfLine.OTHER: False}
        if wrong[self.half_line] or (self.half_line is not HalfLine.OTHER and bool((score < 0).any())):
            self._refuse(f"half_line claims that {self.half_line.value}, which the log-density contradicts")

    @property
    def _law(self) -> NumericalLaw:
        return _size_law(self.log_density, 1)

    def mean_square(self, dim: int) -> float:
        return _second_moment(self._law)

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        if self.sampler is not None:
            return self.sampler(out, generator)
        sizes = self._law.draw(torch.empty_like(out, dtype=wide(out)), generator).exp_()
        return out.copy_(sizes).mul_(draw_signs(out, generator))

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
        at_zero = _evaluate(self.log_density, np.full_like(z, 1e-300))
        value = _evaluate(self.log_density, z)
        return np.maximum(at_zero - value, 0.0) + 1e-15 * (1 + np.abs(at_zero) + np.abs(value))

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        size = np.abs(z)
        x = np.log(np.maximum(size, 1e-300))
        return self._law.log_density(x) - x - math.log(2)

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return _score(self.log_density, z)


@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomRadial(NormRadialNoise):
    """Density ∝ exp(log_density(‖z‖/scale)) for the norm l1, l2 or linf.

    Attributes:
        norm: The norm whose spheres are the level sets, as a name.
        log_density: The log-density at scale 1 as a function of the norm, up to a constant; continuous, or
            refused.
        sampler: Draws radii R of the unit law; by default the numerical inverse CDF.
    """

    name: ClassVar[str] = "custom-radial"

    norm: str
    log_density: LogDensity
    sampler: Sampler | None = None

    def _check_parameters(self) -> None:
        if self.level_norm not in (Norm.L1, Norm.L2, Norm.LINF):
            self._refuse("norm must be l1, l2 or linf")

    def _check_dim(self, dim: int) -> None:
        _size_law(self.log_density, dim)

    @property
    def level_norm(self) -> Norm:  # pyright: ignore[reportIncompatibleVariableOverride]
        return Norm.parse(self.norm)

    def radial_law(self, dim: int) -> CustomLaw:
        return CustomLaw(dim, self.log_density)

    def radius_mean_square(self, dim: int) -> float:
        return _second_moment(_size_law(self.log_density, dim))

    def draw_radius(self, out: Tensor, dim: int, generator: torch.Generator) -> Tensor:
        if self.sampler is not None:
            return self.sampler(out, generator)
        return _size_law(self.log_density, dim).draw(out, generator).exp_()


@final
@dataclasses.dataclass(frozen=True)
class CustomLaw(NumericalRadialLaw):
    """The radial law of a log-density, by numerical integration."""

    dim: int
    log_profile: LogDensity

    @property
    def sizes(self) -> NumericalLaw:
        return _size_law(self.log_profile, self.dim)

    @property
    def turns(self) -> tuple[float, ...]:
        # Where the slope of |T| changes sign on a fine grid, narrowed down by bisection.
        edges = self.sizes.edges
        x = np.unique(np.linspace(edges[:-1], edges[1:], 9))
        rising = np.diff(np.abs(self.score(x))) > 0
        lo, hi = (x[np.flatnonzero(rising[1:] != rising[:-1]) + shift] for shift in (0, 2))
        starts = np.abs(self.score(lo + (hi - lo) * 1e-6)) > np.abs(self.score(lo))
        step = (hi - lo) * 1e-6
        for _ in range(40):
            middle = (lo + hi) / 2
            same = (np.abs(self.score(middle + step)) > np.abs(self.score(middle - step))) == starts
            lo, hi = np.where(same, middle, lo), np.where(same, hi, middle)
        return tuple(float(turn) for turn in (lo + hi) / 2)

    def potential(self, x: FloatArray) -> FloatArray:
        return -_evaluate(self.log_profile, np.exp(x))

    def score(self, x: FloatArray) -> FloatArray:
        return _score(self.log_profile, np.exp(x))


@functools.lru_cache(maxsize=64)
def _size_law(log_density: LogDensity, dim: int) -> NumericalLaw:
    """The law of x = log ‖Z‖ for the density exp(log_density(‖z‖)) on `dim` coordinates."""
    law = NumericalLaw(lambda x: dim * x + _evaluate(log_density, np.exp(x)), -700.0, 700.0)
    _check_continuous(log_density, *law.reach)
    return law


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
            climbed = (-_score(log_density, size) * size * half) @ WEIGHTS
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

    value = log_density(torch.from_numpy(np.ascontiguousarray(size)))
    if not isinstance(value, torch.Tensor) or value.shape != size.shape:
        raise InputError("log_density must map a float64 tensor of sizes to a tensor of the same shape.")
    return value.detach().numpy().astype(np.float64)


def _score(log_density: LogDensity, size: FloatArray) -> FloatArray:
    import torch

    leaf = torch.from_numpy(np.array(size, dtype=np.float64)).requires_grad_(True)
    (slope,) = torch.autograd.grad(log_density(leaf).sum(), leaf)
    return -slope.numpy()


def _second_moment(law: NumericalLaw) -> float:
    """E[exp(2x)], or infinity if it is not decided before the law is cut off."""
    last = law.edges[-1]
    tail = law.log_density(np.array([last]))[0] + 2 * last
    near = law.log_density(np.array([law.mode]))[0] + 2 * law.mode
    return law.expectation(lambda x: np.exp(2 * x)) if tail < near - 30 else math.inf
