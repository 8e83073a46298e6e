"""Certificates in the box: inputs live in [0, 1]^d, and so does every input that an adversary can show.

A coordinate then moves by at most its room m_i ≤ 1, and a budget of ‖v‖_q ≤ r is worth less to the adversary.
Let m₁ ≥ m₂ ≥ … and let v* = (m₁, …, m_c, u) pour the budget into the largest rooms first. A sum of convex
functions of |v_i|^q is largest at v*, which majorises every other v; so

    ‖v‖_p ≤ ‖v*‖_p for p ≥ q,

and a plain radius R against l_p is worth, against l_q in the box, the r with ‖v*(r)‖_p = R: in the unit box,
where all m_i = 1, and for R ≥ 1 it is (⌊R^p⌋ + frac(R^p)^(q/p))^(1/q). For noise with spherical level sets
and p = 2 this is exact. For uniform noise the overlap Π(1 - m_i/2) is smallest at v* [Voráček & Hein 2023].
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from wulff._numerics import rounding
from wulff._typing import FloatArray
from wulff.certificates.box.filling import Filling
from wulff.certificates.certificate import ANY_NORM, Bounded, Case, Certificate
from wulff.certificates.registry import between, conversions, converter, table
from wulff.noises import Noise
from wulff.norms import Box, Norm, Threat


@converter(Noise)
def from_plain_norms(noise: type[Noise], threat: Threat) -> list[Certificate]:
    """The certificates against a box that rest on one against a norm in all of space."""
    if not isinstance(threat, Box):
        return []
    plain = [evaluated_once(entry) for entry in table(noise)]
    if threat.room is None:
        method, found = "unit-box", [_in_space(entry, threat.norm) for entry in _plain(plain, threat.norm)]
    else:  # what holds for every input of the box holds for this one
        everywhere = conversions(noise, Box(threat.norm))
        method, found = "box", [dataclasses.replace(entry, tight=False) for entry in everywhere]
    for entry in plain:
        against = Norm.L2 if entry.norm is ANY_NORM else entry.norm
        if not isinstance(against, Norm) or entry.comparison or against.p == 0:
            continue
        # Of a spherical law the longest perturbation is the worst.
        exact = entry.tight and against == Norm.L2 and noise.is_spherical() and threat.norm.p <= 2
        found.append(
            dataclasses.replace(
                entry,
                norm=threat,
                method=method,
                tight=exact,
                ulps=entry.ulps + 8,
                function=functools.partial(_converted, entry, against, threat),
                growth=None
                if entry.growth is None
                else Bounded(functools.partial(_grown, entry, against, threat)),
                look=None,
                source=f"the radius against {against}, by the greedy perturbation of the box",
            )
        )
    return found


def _plain(entries: Sequence[Certificate], norm: Norm) -> list[Certificate]:
    """The certificates against the norm in all of space; l0 has none."""
    if norm.p == 0:
        return []
    direct = [entry for entry in entries if entry.norm == norm or (entry.norm is ANY_NORM and norm.p >= 1)]
    return [entry for entry in direct + between(entries, norm) if not entry.comparison]


def _in_space(entry: Certificate, norm: Norm) -> Certificate:
    """A certificate for all of space, which holds in the box, too, where it need not be the largest."""
    if entry.norm is ANY_NORM:
        entry = dataclasses.replace(entry, norm=norm, function=functools.partial(_against, entry, norm))
    return dataclasses.replace(entry, tight=False)


@functools.lru_cache(maxsize=512)
def evaluated_once(entry: Certificate) -> Certificate:
    """The same certificate, which remembers its last radii: several in the box rest on the same ones."""

    @functools.lru_cache(maxsize=8)
    def found(noise: Noise, errors: bytes, dim: int, *norm: Norm) -> FloatArray:
        return entry.function(noise, np.frombuffer(errors), dim, *norm)

    def function(noise: Noise, error: FloatArray, dim: int, *norm: Norm) -> FloatArray:
        return found(noise, error.tobytes(), dim, *norm).reshape(error.shape).copy()

    return dataclasses.replace(entry, function=function)


def _against(entry: Certificate, norm: Norm, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    return entry.function(noise, error, dim, norm)


def _converted(
    entry: Certificate, against: Norm, threat: Box, noise: Noise, error: FloatArray, dim: int
) -> FloatArray:
    plain = entry.radius(noise, error, dim, against)
    filling = Filling(threat, dim)
    limit = np.nan_to_num(plain, nan=0.0)
    if against.p >= threat.norm.p:
        radius = filling.radius(limit, against.p)
    else:  # greedy is not the worst: all that can be said is whether the whole box is certified
        whole = Filling(Box(against, threat.room), dim)
        radius = np.where(limit > whole.everything, np.inf, np.nan)
    return np.where(np.isnan(plain), np.nan, at_scale_one(radius, filling, noise, entry.ulps))


def at_scale_one(radius: FloatArray, filling: Filling, noise: Noise, ulps: int) -> FloatArray:
    """What the registry asks for; for the whole box a little more than its size, so that it stays above."""
    whole = rounding.up(np.array(filling.everything), 2 * ulps + 64)
    return np.where(np.isinf(radius), whole, radius) / noise.scale


def _grown(
    entry: Certificate,
    against: Norm,
    threat: Box,
    noise: Noise,
    error: FloatArray,
    radius: FloatArray,
    dim: int,
) -> FloatArray:
    if against.p < threat.norm.p:
        return np.full(error.shape, np.nan)
    size = Filling(threat, dim).size(rounding.up(radius * noise.scale, 2), against.p)
    return Case(entry, noise, dim, against).grown(error, size)
