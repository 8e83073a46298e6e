"""The table of theorems: noise × norm × method → radius, and the one place where radii are rounded.

A certificate is one function `f(noise, error, dim)` with `@register(...)`. It returns the radius at
scale 1 for each error in (0, ½), and `nan` where its theorem says nothing. Scale and rounding are done
here, abstention and the choice of the largest radius in `radii`, so that no author can forget them.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wulff._checks import instance, refuse
from wulff._numerics import rounding
from wulff._quoting import shown
from wulff._typing import FloatArray
from wulff.certificates.certificate import (
    ANY_NORM,
    Certificate,
    Growth,
    GrowthFunction,
    LookFunction,
    RadiusFunction,
)
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Mixed, Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Box, Norm, Threat, parse_threat

SMALL_DIM: Final = 64
"""Up to here conversions that can seldom be the best are tried all the same."""


_TABLE: list[Certificate] = []


def register(
    noise: type[Noise],
    norm: Threat | None,
    *,
    method: str,
    tight: bool,
    ulps: int,
    growth: Growth | None = None,
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
        _check_entry(function, noise, norm, method, ulps, growth, source)
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
    growth: Growth | None,
    source: str,
) -> None:
    what = f"{function.__module__}.{getattr(function, '__name__', function)}"
    if not (inspect.isclass(noise) and issubclass(noise, Noise)):
        raise InputError(f"{what} must be registered for a class of noises, got {shown(noise)}.")
    if norm is not ANY_NORM and not isinstance(norm, Norm | Box):
        raise InputError(f"{what} must be registered against a Norm, a Box or ANY_NORM, got {shown(norm)}.")
    if isinstance(ulps, bool) or not isinstance(ulps, int) or ulps < 0:
        raise InputError(f"ulps of {what} must be a whole number from 0, got {shown(ulps)}.")
    if growth is not None and not isinstance(growth, Growth):
        raise InputError(
            f"growth of {what} must be Rate(), Overlap(), Bounded(function) or None, got {shown(growth)}."
        )
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
            growth=None
            if entry.growth is None
            else entry.growth.converted(functools.partial(_grown_converted, entry, norm)),
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


def _grown_converted(entry: Certificate, norm: Norm, grown: GrowthFunction) -> GrowthFunction:
    def converted(noise: Noise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
        assert isinstance(entry.norm, Norm)
        return grown(noise, error, rounding.up(radius / norm.equivalence(entry.norm, dim), 32), dim)

    return converted


def methods(noise: Noise | str, norm: Threat | str) -> list[Certificate]:
    """Every certificate that may apply by default, tight ones first and conversions between norms last."""
    return candidates(parse_noise(noise), parse_threat(norm), None)


def candidates(noise: Noise, norm: Threat, method: str | None, *, growing: bool = False) -> list[Certificate]:
    """The entries to try for one question, best first: all but the comparisons, or those with one name.

    Where errors other than ½ are asked about, `growing`, they are those that bound them.
    """
    entries = _candidates(noise, norm, method)
    return [entry for entry in entries if entry.growth is not None] if growing else entries


def _candidates(noise: Noise, norm: Threat, method: str | None) -> list[Certificate]:
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
