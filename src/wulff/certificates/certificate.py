"""What a certificate is: one theorem as a radius function, and how it bounds errors other than at ½.

A radius function r that is an integral of growth rates, r(e) = ∫_e^½ dp/Φ(p) with Φ(p) = Φ(1 - p), says
more than when the error reaches ½: along any path of length s the error p obeys dp/ds ≤ Φ(p), hence
r(p) ≥ r(e) - s, with r extended oddly by r(1 - p) = -r(p). A probability that starts at p therefore stays
below the p' with r(p') = r(p) - s. For uniform laws, a shift v adds at most 1 - overlap(v) to any p. The
methods that evaluate hockey-stick divergences bound the error at a radius themselves.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from wulff._checks import real_number
from wulff._numerics import rounding
from wulff._numerics.bisection import bisect, last_true
from wulff._typing import FloatArray
from wulff.noises import Noise
from wulff.norms import Threat, WithChanges, is_counted

ANY_NORM: Final = None
"""Registers a function that covers every norm; it takes the norm as its fourth argument."""

RadiusFunction = Callable[..., FloatArray]

GrowthFunction = Callable[[Any, FloatArray, FloatArray, int], FloatArray]
"""Of noise, errors, radii > 0 at scale 1 and dimension: upper bounds on the errors at the radii, or nan."""

LookFunction = Callable[[Any, FloatArray, FloatArray, int], npt.NDArray[np.bool_]]
"""Of noise, errors, radii at scale 1 and dimension: whether the radius of an error may be larger."""

BISECTIONS = 58
"""Between two errors."""
MEETING, REACHING = 12, 24
"""Between two radii, where every step evaluates a divergence."""


class Growth(abc.ABC):
    """How a theorem bounds the error after a perturbation, whatever it was before.

    It is `Rate`, `Overlap` or `Bounded`. All methods are elementwise and round outward; they give nan where
    the theorem says nothing.
    """

    @abc.abstractmethod
    def grown(self, case: "Case", error: FloatArray, size: FloatArray) -> FloatArray:
        """Upper bounds on the errors after perturbations of at most these sizes."""

    @abc.abstractmethod
    def two_sided(self, case: "Case", top: FloatArray, runner_up: FloatArray) -> FloatArray:
        """The radius within which two errors, once grown, have a sum below one; runner_up is at most top."""

    @abc.abstractmethod
    def until(self, case: "Case", start: FloatArray, end: float) -> FloatArray:
        """The radius within which errors grow from `start` to at most `end`, which is larger and below ½."""

    @abc.abstractmethod
    def converted(self, convert: Callable[[GrowthFunction], GrowthFunction]) -> "Growth":
        """That of a certificate whose radii follow from the radii of this one.

        Args:
            convert: From a bound on the errors of this certificate to one for the other.
        """


@final
@dataclasses.dataclass(frozen=True)
class Certificate:
    """One theorem: the certified radius of a noise type against one norm (or against all: None).

    Attributes:
        noise: The noise type, or an abstract class whose every member the theorem covers.
        norm: The adversary's norm; None if the theorem covers every norm.
        method: The name by which a user selects it.
        tight: Whether no larger radius is valid for every classifier with the same error.
        ulps: By how many units in the last place the function may exceed its theorem's value.
        function: Radii at scale 1, for errors in (0, ½); nan where the theorem does not apply.
        source: Formula, paper and theorem, in a line.
        growth: How to bound the error after a perturbation, not only whether it stays below ½: `Rate()`,
            `Overlap()` or `Bounded(function)`. None: this theorem cannot.
        smallest_p: Do not derive lp certificates with p < smallest_p from this one when dim > 64: above 1
            where the function is slow and others give larger radii there.
        covers: Whether the theorem says anything about a subclass of `noise`.
        comparison: A bound from the literature that a better theorem has superseded. It is never chosen
            by default, only by name.
        look: Tells, sooner than `function` finds radii, where they cannot be larger than known ones.
    """

    noise: type[Noise]
    norm: Threat | None
    method: str
    tight: bool
    ulps: int
    function: RadiusFunction
    source: str
    growth: Growth | None = None
    smallest_p: float = 1.0
    covers: Callable[[type[Noise]], bool] = lambda law: True
    comparison: bool = False
    look: LookFunction | None = None

    def promises(self, noise: Noise, error: FloatArray, known: FloatArray, dim: int) -> npt.NDArray[np.bool_]:
        """Where the radius may be larger than the one that is known; nan stands for none."""
        promising = np.ones(error.shape, dtype=bool)
        if self.look is not None:
            some = ~np.isnan(known)
            promising[some] = self.look(noise, error[some], known[some] / noise.scale, dim)
        return promising

    def radius(self, noise: Noise, error: FloatArray, dim: int, norm: Threat) -> FloatArray:
        """The radius rounded outward: never above the theorem's; nan where the theorem does not apply."""
        return self.enclosure(noise, error, dim, norm)[0]

    def enclosure(
        self, noise: Noise, error: FloatArray, dim: int, norm: Threat, shortfall: float = 0.0
    ) -> tuple[FloatArray, FloatArray]:
        """The radius rounded down and rounded up as far as it may be off; nan where not covered.

        Args:
            noise: The noise.
            error: Errors in (0, ½).
            dim: The number of input coordinates.
            norm: The adversary's norm.
            shortfall: By which part of itself the function may be below its theorem's value, besides `ulps`.
        """
        extra = (norm,) if self.norm is ANY_NORM else ()
        at_scale_one = np.asarray(self.function(noise, error, dim, *extra), dtype=np.float64)
        value = np.where(np.isfinite(at_scale_one), at_scale_one * noise.scale, np.nan)
        above = rounding.up(value * (1 + shortfall), self.ulps + 2)
        below = rounding.down(value, self.ulps + 1)
        return np.floor(below) if is_counted(norm) else below, above


@final
@dataclasses.dataclass(frozen=True)
class Case:
    """A certificate for one noise, in one dimension, against one threat.

    All methods give nan where the theorem says nothing.
    """

    certificate: Certificate
    noise: Noise
    dim: int
    norm: Threat

    def promises(self, error: FloatArray, known: FloatArray) -> npt.NDArray[np.bool_]:
        """Where the radius may be larger than the one that is known; nan stands for none."""
        return self.certificate.promises(self.noise, error, known, self.dim)

    def radius(self, error: FloatArray) -> FloatArray:
        """Radii, rounded down; nan also for errors of ½ and more."""
        radius, certain = np.full(error.shape, np.nan), error < 0.5
        radius[certain] = self.certificate.radius(self.noise, error[certain], self.dim, self.norm)
        return radius

    def grown(self, error: FloatArray, size: FloatArray) -> FloatArray:
        """Upper bounds on the errors after perturbations of at most these sizes."""
        if self.certificate.growth is None:
            return np.full(error.shape, np.nan)
        grown = self.certificate.growth.grown(self, error, size)
        # A perturbation of size 0 is none, unless categories change beside it.
        return grown if isinstance(self.norm, WithChanges) else np.where(size <= 0, error, grown)

    def two_sided(self, top: FloatArray, runner_up: FloatArray) -> FloatArray:
        """Radii within which the first class stays ahead of each other one, by bounds on two errors."""
        if self.certificate.growth is None:
            return self.radius(top)
        return self.certificate.growth.two_sided(self, top, runner_up)


@final
@dataclasses.dataclass(frozen=True)
class Rate(Growth):
    """The radius is ∫_e^½ dp/Φ(p), where a perturbation of size dr adds at most Φ(p) dr to an error p.

    Φ(p) = Φ(1 - p). So it is for the differential method and what it contains. The radius must be accurate
    on both sides: to the `ulps` of its certificate, and from below to `shortfall` besides.

    Attributes:
        shortfall: By which part of itself a radius may be below the integral, besides `ulps`.
    """

    shortfall: float = 0.0

    def __post_init__(self) -> None:
        real_number("shortfall", self.shortfall, "lie in [0, 1)", lambda part: 0 <= part < 1)

    def signed(self, case: Case, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """r(p) for p in (0, 1], rounded down and up; r(1 - p) = -r(p), r(1) = -∞."""
        smaller = np.minimum(p, 1 - p)  # 1 - p is exact for p ≥ ½
        inner = (smaller > 0) & (smaller < 0.5)
        low = np.where(smaller == 0.5, 0.0, np.inf)
        high = low.copy()
        if inner.any():
            low[inner], high[inner] = case.certificate.enclosure(
                case.noise, smaller[inner], case.dim, case.norm, self.shortfall
            )
        return np.where(p <= 0.5, low, -high), np.where(p <= 0.5, high, -low)

    def grown(self, case: Case, error: FloatArray, size: FloatArray) -> FloatArray:
        """The solution p of r(p) = r(error) - size [Zhang et al. 2020, equation 8, for level sets]."""
        start, _ = self.signed(case, error)
        with np.errstate(invalid="ignore"):  # -∞ - ∞
            target = np.nextafter(start - size, -np.inf)
        # Bisection on the log-odds keeps r(high) ≤ target as it goes, and the error 1 always obeys it.
        low = np.log(error) - np.log1p(-np.minimum(error, 1 - 2.0**-53))
        high = np.full(error.shape, 800.0)

        def above(log_odds: FloatArray) -> npt.NDArray[np.bool_]:
            return ~(self.signed(case, _probability(log_odds))[1] <= target)

        return np.where(np.isnan(start), np.nan, _probability(bisect(above, low, high, BISECTIONS)[1]))

    def two_sided(self, case: Case, top: FloatArray, runner_up: FloatArray) -> FloatArray:
        """½ (r(top) + r(runner_up)): along a path one loses and the other gains at most Φ(p) per length."""
        total = np.nextafter(self.signed(case, top)[0] + self.signed(case, runner_up)[0], -np.inf)
        return np.where(np.isnan(total), np.nan, np.maximum(0.5 * total, 0.0))

    def until(self, case: Case, start: FloatArray, end: float) -> FloatArray:
        """r(start) - r(end)."""
        before, after = self.signed(case, start)[0], self.signed(case, np.array([end]))[1]
        return np.maximum(np.nextafter(before - after, -np.inf), 0.0)

    def converted(self, convert: Callable[[GrowthFunction], GrowthFunction]) -> Growth:
        return self  # the other certificate's radii say it


@final
@dataclasses.dataclass(frozen=True)
class Overlap(Growth):
    """A perturbation within the radius of the error ½ - δ adds at most δ to every error: uniform laws."""

    def grown(self, case: Case, error: FloatArray, size: FloatArray) -> FloatArray:
        """error + δ, with the smallest δ < ½ whose radius at error ½ - δ is large enough; 1 if none."""
        largest = np.nextafter(0.5, 0)

        def obeys(other: FloatArray) -> npt.NDArray[np.bool_]:
            return case.radius(np.minimum(other, largest)) >= size

        least = np.full(error.shape, 1e-300)
        found = np.minimum(last_true(obeys, least, np.full(error.shape, 0.5), BISECTIONS), largest)
        return np.where(obeys(least), np.minimum(rounding.up(error + (0.5 - found), 1), 1.0), 1.0)

    def two_sided(self, case: Case, top: FloatArray, runner_up: FloatArray) -> FloatArray:
        """The radius at the mean of the errors: both change by at most δ."""
        return case.radius(rounding.up((top + runner_up) / 2, 1))

    def until(self, case: Case, start: FloatArray, end: float) -> FloatArray:
        """The radius at error ½ - δ for δ = end - start."""
        return case.radius(rounding.up(0.5 - rounding.down(end - start, 1), 1))

    def converted(self, convert: Callable[[GrowthFunction], GrowthFunction]) -> Growth:
        return self  # the other certificate's radii say it


@final
@dataclasses.dataclass(frozen=True)
class Bounded(Growth):
    """A function bounds the errors at radii itself, as from divergences.

    Attributes:
        function: Of noise, errors, radii > 0 at scale 1 and dimension: upper bounds on the errors after
            perturbations of at most these radii; nan where it says nothing.
    """

    function: GrowthFunction

    def grown(self, case: Case, error: FloatArray, size: FloatArray) -> FloatArray:
        known = ~np.isnan(size)
        at_scale_one = rounding.up(np.maximum(np.where(known, size, 0.0), 1e-300) / case.noise.scale, 1)
        grown = np.maximum(self.function(case.noise, error, at_scale_one, case.dim), error)
        return np.where(known, grown, np.nan)

    def two_sided(self, case: Case, top: FloatArray, runner_up: FloatArray) -> FloatArray:
        """By bisection between the radii of the two: at the first both are below ½, at the second neither."""
        low, high = (np.where(error < 0.5, case.radius(error), 0.0) for error in (top, runner_up))

        def apart(radius: FloatArray) -> npt.NDArray[np.bool_]:
            sizes = np.concatenate([radius, radius])
            grown = case.grown(np.concatenate([top, runner_up]), sizes)
            return rounding.up(grown[: len(top)] + grown[len(top) :], 1) < 1

        low, high = bisect(apart, low, high, MEETING)
        return np.where(np.isnan(high), np.nan, low)

    def until(self, case: Case, start: FloatArray, end: float) -> FloatArray:
        """By bisection below the radius of the error, at which it may be ½."""
        most = case.radius(start)

        def holds(radius: FloatArray) -> npt.NDArray[np.bool_]:
            return case.grown(start, radius) <= end

        return np.where(np.isnan(most), np.nan, last_true(holds, np.zeros(len(start)), most, REACHING))

    def converted(self, convert: Callable[[GrowthFunction], GrowthFunction]) -> Growth:
        return Bounded(convert(self.function))


def _probability(log_odds: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-np.maximum(log_odds, -700.0)))
