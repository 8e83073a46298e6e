"""The table of theorems: noise × norm × method → radius, and the one place where radii are rounded.

A certificate is one function `f(noise, error, dim)` with `@register(...)`. It returns the radius at
scale 1 for each error in (0, ½), and `nan` where its theorem says nothing. Scale and rounding are done
here, abstention and the choice of the largest radius in `radii`, so that no author can forget them.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from wulff._checks import instance, refuse
from wulff._numerics import rounding
from wulff._quoting import shown
from wulff._typing import FloatArray
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Mixed, Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Box, Norm, Threat, is_counted, parse_threat

ANY_NORM: Final = None
"""Registers a function that covers every norm; it takes the norm as its fourth argument."""

SMALL_DIM: Final = 64
"""Up to here conversions that can seldom be the best are tried all the same."""

RadiusFunction = Callable[..., FloatArray]

GrowthFunction = Callable[[Any, FloatArray, FloatArray, int], FloatArray]
"""Of noise, errors, radii > 0 at scale 1 and dimension: upper bounds on the errors at the radii, or nan."""

LookFunction = Callable[[Any, FloatArray, FloatArray, int], npt.NDArray[np.bool_]]
"""Of noise, errors, radii at scale 1 and dimension: whether the radius of an error may be larger."""

Growth = Literal["rate", "overlap"] | GrowthFunction
"""What a certificate says about errors other than ½, see `Certificate.growth`."""


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
        growth: Whether the function also bounds the growth of an error p to another than ½ (None: no).
            "rate": it is ∫_e^½ dp/Φ(p), where a perturbation of size dr adds at most Φ(p) dr to p, and
            Φ(p) = Φ(1 - p): the differential method and what it contains.
            "overlap": a perturbation smaller than r(½ - δ) adds at most δ to every p: uniform laws.
            A function: it bounds the error at a radius itself.
            For a "rate" the radius must be accurate on both sides: to `ulps`, and `shortfall` from below.
        shortfall: By which part of itself a radius may be below the "rate" integral, besides `ulps`.
        smallest_p: In more than 64 dimensions, the smallest p for which a certificate against lp may rest
            on this one by conversion; above 1 where the function is slow and others give more there.
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
    shortfall: float = 0.0
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
        self, noise: Noise, error: FloatArray, dim: int, norm: Threat
    ) -> tuple[FloatArray, FloatArray]:
        """The radius rounded down and rounded up as far as it may be off; nan where not covered."""
        extra = (norm,) if self.norm is ANY_NORM else ()
        at_scale_one = np.asarray(self.function(noise, error, dim, *extra), dtype=np.float64)
        value = np.where(np.isfinite(at_scale_one), at_scale_one * noise.scale, np.nan)
        above = rounding.up(value * (1 + self.shortfall), self.ulps + 2)
        below = rounding.down(value, self.ulps + 1)
        return np.floor(below) if is_counted(norm) else below, above


_TABLE: list[Certificate] = []


def register(
    noise: type[Noise],
    norm: Threat | None,
    *,
    method: str,
    tight: bool,
    ulps: int,
    growth: Growth | None = None,
    shortfall: float = 0.0,
    smallest_p: float = 1.0,
    covers: Callable[[type[Noise]], bool] = lambda law: True,
    comparison: bool = False,
    look: LookFunction | None = None,
) -> Callable[[RadiusFunction], RadiusFunction]:
    """Enter a radius function into the table; see `Certificate` for the arguments.

    Raises:
        InputError: The table has this noise, norm and method, a rounding is negative, or the function has no
            docstring, which states the theorem.
    """

    def enter(function: RadiusFunction) -> RadiusFunction:
        first_paragraph = (function.__doc__ or "").strip().partition("\n\n")[0]
        source = " ".join(first_paragraph.split())
        _check_entry(function, noise, norm, method, ulps, shortfall, source)
        _TABLE.append(
            Certificate(
                noise,
                norm,
                method,
                tight,
                ulps,
                function,
                source,
                growth=growth,
                shortfall=shortfall,
                smallest_p=smallest_p,
                covers=covers,
                comparison=comparison,
                look=look,
            )
        )
        return function

    return enter


def _check_entry(
    function: RadiusFunction,
    noise: type[Noise],
    norm: Threat | None,
    method: str,
    ulps: int,
    shortfall: float,
    source: str,
) -> None:
    what = f"{function.__module__}.{getattr(function, '__name__', function)}"
    if not (inspect.isclass(noise) and issubclass(noise, Noise)):
        raise InputError(f"{what} must be registered for a class of noises, got {shown(noise)}.")
    if norm is not ANY_NORM and not isinstance(norm, Norm | Box):
        raise InputError(f"{what} must be registered against a Norm, a Box or ANY_NORM, got {shown(norm)}.")
    if isinstance(ulps, bool) or not isinstance(ulps, int) or ulps < 0:
        raise InputError(f"ulps of {what} must be a whole number from 0, got {shown(ulps)}.")
    if not 0 <= shortfall < 1:
        raise InputError(f"shortfall of {what} must lie in [0, 1), got {shown(shortfall)}.")
    if not source:
        raise InputError(f"{what} needs a docstring whose first paragraph states the theorem and its source.")
    if any((entry.noise, entry.norm, entry.method) == (noise, norm, method) for entry in _TABLE):
        raise InputError(
            f"the table has {method} of {noise.__name__} against {norm or 'any norm'} already; register "
            f"{what} under another method."
        )


def table(noise: type[Noise] | None = None, norm: Threat | None = None) -> list[Certificate]:
    """The entries for a noise type (or all) and a norm (or all), sorted by method, noise and norm."""
    if noise is not None and not (isinstance(noise, type) and issubclass(noise, Noise)):
        refuse("noise", "be a class of noises", noise)
    norm = None if norm is None else parse_threat(norm)
    return [
        entry
        for entry in sorted(_TABLE, key=_place)
        if (noise is None or (issubclass(noise, entry.noise) and entry.covers(noise)))
        and (norm is None or entry.norm == norm or (entry.norm is ANY_NORM and is_norm(norm)))
    ]


def _place(entry: Certificate) -> tuple[str, str, str]:
    """Its place among others: the same in whatever order their files are imported."""
    return entry.method, entry.noise.__name__, "" if entry.norm is ANY_NORM else str(entry.norm)


def is_norm(threat: Threat) -> bool:
    """Whether a threat is one of the norms that `ANY_NORM` means: lp with p ≥ 1, in all of space."""
    return isinstance(threat, Norm) and threat.p >= 1


Converter = Callable[[type[Any], Threat], list[Certificate]]

_CONVERTERS: list[tuple[type[Noise], Converter]] = []


def converter(noise: type[Noise]) -> Callable[[Converter], Converter]:
    """Enter a function that derives certificates of such noise against a threat from those against others."""

    def enter(function: Converter) -> Converter:
        _CONVERTERS.append((noise, function))
        return function

    return enter


Finder = Callable[[Any, Threat], list[Certificate]]

_FINDERS: list[tuple[type[Noise], Finder]] = []


def finder(noise: type[Noise]) -> Callable[[Finder], Finder]:
    """Enter a function that derives certificates of such noise, made of others: with scales, or mixed."""

    def enter(function: Finder) -> Finder:
        _FINDERS.append((noise, function))
        return function

    return enter


def conversions(noise: type[Noise], threat: Threat) -> list[Certificate]:
    """Certificates against a threat that only rest on one against another."""
    converters = [convert for law, convert in _CONVERTERS if issubclass(noise, law)]
    converters.sort(key=lambda convert: (convert.__module__, convert.__qualname__))
    return [entry for convert in converters for entry in convert(noise, threat)]


@converter(Noise)
def between_norms(noise: type[Noise], norm: Threat) -> list[Certificate]:
    """By ‖v‖_q ≤ ‖v‖_p / f; the last resort."""
    return between(table(noise), norm) if isinstance(norm, Norm) and is_norm(norm) else []


def between(entries: Iterable[Certificate], norm: Norm) -> list[Certificate]:
    """What those of these certificates that are against other norms say about this one."""
    sources = [
        entry
        for entry in entries
        if isinstance(entry.norm, Norm) and is_norm(entry.norm) and entry.norm != norm
    ]
    return [
        dataclasses.replace(
            entry,
            norm=norm,
            method=f"{entry.method}-from-{entry.norm}",
            tight=False,
            ulps=entry.ulps + 32,
            function=functools.partial(_converted, entry, norm),
            growth=entry.growth
            if not callable(entry.growth)
            else functools.partial(_grown_converted, entry, norm),
            source=f"the radius against {entry.norm}, times the least {norm} norm on its unit sphere",
            look=None if entry.look is None else functools.partial(_look_converted, entry, norm),
        )
        for entry in sources
    ]


def _converted(entry: Certificate, norm: Norm, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    # The power of dim is off by at most 32 ulps: |log dim| · ½ ulp of the exponent, and one of pow itself.
    assert isinstance(entry.norm, Norm)
    if norm.p < entry.smallest_p and dim > SMALL_DIM:
        return np.full_like(error, np.nan)
    return entry.function(noise, error, dim) * norm.equivalence(entry.norm, dim)


def _look_converted(
    entry: Certificate, norm: Norm, noise: Noise, error: FloatArray, radius: FloatArray, dim: int
) -> npt.NDArray[np.bool_]:
    assert isinstance(entry.norm, Norm)
    assert entry.look is not None
    if norm.p < entry.smallest_p and dim > SMALL_DIM:
        return np.zeros(error.shape, dtype=bool)
    return entry.look(noise, error, radius / norm.equivalence(entry.norm, dim), dim)


def _grown_converted(
    entry: Certificate, norm: Norm, noise: Noise, error: FloatArray, radius: FloatArray, dim: int
) -> FloatArray:
    assert isinstance(entry.norm, Norm)
    assert callable(entry.growth)
    return entry.growth(noise, error, rounding.up(radius / norm.equivalence(entry.norm, dim), 32), dim)


def methods(noise: Noise | str, norm: Threat | str) -> list[Certificate]:
    """Every certificate that may apply by default, tight ones first and conversions between norms last."""
    return candidates(parse_noise(noise), parse_threat(norm), None)


def candidates(noise: Noise, norm: Threat, method: str | None) -> list[Certificate]:
    """The entries to try for one question, best first: all but the comparisons, or those with one name."""
    if noise.scales is None and not isinstance(noise, Mixed):
        entries = entries_of_one_size(noise, norm)
    else:
        finders = [find for law, find in _FINDERS if isinstance(noise, law)]
        entries = [entry for find in finders for entry in find(noise, norm)]
    if method is None:
        entries = [entry for entry in entries if not entry.comparison]
        if not entries:
            covered = sorted({str(entry.norm or "any norm") for entry in table(type(noise))})
            raise NotCoveredError(
                f"no certificate for {noise.name} noise against {norm}; there is one against "
                f"{', '.join(covered) or 'no norm'}."
            )
        return entries
    chosen = [entry for entry in entries if entry.method == instance("method", method, str, "a name or None")]
    if not chosen:
        raise NotCoveredError(
            f"no method {shown(method)} for {noise.name} noise against {norm}; "
            f"the methods are {', '.join(entry.method for entry in entries) or 'none'}."
        )
    return chosen


def entries_of_one_size(noise: Noise, norm: Threat) -> list[Certificate]:
    """The entries for noise of one size in all coordinates, tight ones first and conversions last."""
    direct = table(type(noise), norm)
    direct.sort(key=lambda entry: (not entry.tight, entry.noise is not type(noise)))
    return direct + conversions(type(noise), norm)
