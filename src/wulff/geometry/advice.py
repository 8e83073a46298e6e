"""Which noise gives the largest radius at which probability, and why; from the certificates alone."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates import certified_radius
from wulff.certificates.radii import SMALLEST_ERROR
from wulff.errors import InputError, NotCoveredError
from wulff.geometry.attained import REPRESENTATIVES
from wulff.geometry.bodies import check_body_dim
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Box, Norm, Threat, parse_threat

ERRORS = (0.45, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-6)
_NEAR_HALF = 0.5 - 1e-4


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A noise at the given sigma, and what decides how it compares.

    Attributes:
        noise: The noise.
        level_sets: The shape of its level sets, in words.
        is_crystal: Whether that is the Wulff crystal of the norm's ball.
        slope: Radius per probability above ½, at ½: what the shape of the level sets decides.
        limit: The radius at the error 1e-300, which ends the tail: bounded noise has a largest radius.
        radii: The radius at each error asked for; nan where no certificate covers it.
    """

    noise: Noise
    level_sets: str
    is_crystal: bool
    slope: float
    limit: float
    radii: FloatArray


@dataclasses.dataclass(frozen=True)
class Choice:
    """The best noise at one probability.

    Attributes:
        error: One minus the probability of the label, an upper bound.
        best: The candidate with the largest radius, and that radius.
        radius: Its radius.
        method: The theorem behind it.
        second: The radius of the next best, 0 if there is none.
        reason: Why, in a sentence.
    """

    error: float
    best: Candidate
    radius: float
    method: str
    second: float
    reason: str


@dataclasses.dataclass(frozen=True)
class Advice:
    """The choice of a noise for a norm, at equal sigma.

    Attributes:
        norm: The adversary's norm.
        dim: The number of input coordinates.
        sigma: The root mean square of a coordinate, equal for all candidates.
        crystal: The Wulff crystal of the norm's unit ball, in words.
        candidates: The noises that some certificate covers, steepest first.
        choices: The best for each error.
        left_out: Noises without finite variance or certificate, and why.
    """

    norm: Threat
    dim: int
    sigma: float
    crystal: str
    candidates: list[Candidate]
    choices: list[Choice]
    left_out: dict[str, str]


def advise(
    norm: Threat | str,
    dim: int,
    sigma: float,
    errors: Sequence[float] = ERRORS,
    noises: Sequence[str | Noise] = REPRESENTATIVES,
) -> Advice:
    """Which noise gives the largest certified radius, for each error, at equal sigma.

    It says nothing of the error itself: which one a classifier reaches under a noise is a matter of training.

    Args:
        norm: The adversary's norm, perhaps in the box, as `l1-box`.
        dim: The number of input coordinates.
        sigma: The size to which all noises are brought.
        errors: Upper bounds on the error, in (0, ½).
        noises: Candidates; their own sizes are ignored.

    Raises:
        InputError: An argument is outside its range, or no candidate is left.
    """
    norm, dim = parse_threat(norm), check_body_dim(dim)
    if not 0 < sigma < math.inf:
        raise InputError(f"sigma must be positive and finite, got {sigma!r}.", "sigma")
    grid = np.array(errors, dtype=np.float64)
    if not grid.size or not ((grid > 0) & (grid < 0.5)).all():
        raise InputError(f"errors must lie in (0, 0.5), got {errors!r}; at ½ and above nothing is certified.")
    candidates: list[Candidate] = []
    methods: list[list[str]] = []
    left_out: dict[str, str] = {}
    for spec in noises:
        noise = parse_noise(spec).of_one_size()
        try:
            found, names = _candidate(noise, norm, dim, sigma, grid)
        except (InputError, NotCoveredError) as reason:
            left_out[shape_of(noise)] = str(reason)
            continue
        candidates.append(found)
        methods.append(names)
    if not candidates:
        raise InputError(f"no noise is left to choose from: {'; '.join(left_out.values())}")
    choices = []
    for i, error in enumerate(grid):
        radii = np.array([candidate.radii[i] for candidate in candidates])
        order = np.argsort(-radii, kind="stable")
        first = int(order[0])
        second = float(radii[order[1]]) if len(order) > 1 else 0.0
        reason = _reason(candidates[first], candidates, norm, i)
        choices.append(
            Choice(float(error), candidates[first], float(radii[first]), methods[first][i], second, reason)
        )
    candidates = sorted(candidates, key=lambda candidate: -candidate.slope)
    return Advice(norm, dim, sigma, crystal_in_words(norm, dim), candidates, choices, left_out)


def _candidate(
    noise: Noise, norm: Threat, dim: int, sigma: float, errors: FloatArray
) -> tuple[Candidate, list[str]]:
    shape = {name: getattr(noise, name) for name in noise.shape_parameters()}
    sized = type(noise)(sigma=sigma, dim=dim, **shape)
    found = certified_radius(sized, [*errors, _NEAR_HALF, SMALLEST_ERROR], norm, dim)
    level_sets = sized.level_sets
    slope = float(found.radius[-2]) / (0.5 - _NEAR_HALF)
    is_crystal = dim == 1 or _is_crystal(sized, norm, dim)
    limit = float(found.radius[-1])
    candidate = Candidate(sized, level_sets, is_crystal, slope, limit, found.radius[:-2])
    return candidate, [str(name) for name in found.method[:-2]]


def crystal_in_words(norm: Threat, dim: int) -> str:
    """The Wulff crystal of the unit ball of a norm.

    For linf, √2 is Khinchine's: ‖x‖₂/√2 ≤ E|Σσ_i x_i| ≤ ‖x‖₂.
    """
    if dim == 1:
        return "the interval"
    if isinstance(norm, Box):
        return f"that of {norm.norm} for small radii; at large ones a coordinate can move by 1 only"
    if norm == Norm.L1:
        return "the cube"
    if norm == Norm.L2:
        return "the Euclidean ball"
    if norm == Norm.LINF:
        names = {2: "the rhombus", 3: "the rhombic dodecahedron"}
        return names.get(dim, "a zonotope, within a factor √2 of a Euclidean ball")
    return f"not defined for {norm}, whose ball has no finite set of vertices"


def _is_crystal(noise: Noise, norm: Threat, dim: int) -> bool:
    shape = noise.level_sets
    of_norm: dict[Threat, str] = {Norm.L1: "cubes", Norm.L2: "Euclidean balls"}
    if norm == Norm.LINF:
        return dim == 2 and shape == "cross-polytopes"
    return shape == of_norm.get(norm)


def _reason(best: Candidate, candidates: Sequence[Candidate], norm: Threat, index: int) -> str:
    """Shape where the steepest candidate wins, tail where it has been overtaken."""
    shape = f"level sets are {best.level_sets}"
    if best.is_crystal:
        shape += f", the Wulff crystal of the {norm} ball"
    steepest = max(candidates, key=lambda candidate: candidate.slope)
    if best.slope >= 0.999 * steepest.slope:
        why = "no candidate has a larger radius per probability near ½"
        if steepest.radii[index] < 0.999 * best.radii[index]:
            why += "; among such shapes the tail decides"
        return f"shape: {shape}; {why}"
    if isinstance(norm, Box):
        why = "loses where many coordinates move by 1 each: what counts is how hard such a move is to see"
        return f"box: the radius of {shape_of(steepest.noise)} is steeper near ½ but {why}; {shape}"
    ended = steepest.limit < 1.001 * steepest.radii[index] or steepest.limit < best.radii[index]
    why = f"ends at {steepest.limit:.4g}" if ended else "grows more slowly towards probability 1"
    return f"tail: the radius of {shape_of(steepest.noise)} is steeper near ½ but {why}; {shape}"


def shape_of(noise: Noise) -> str:
    """The name of a noise with its shape parameters, without its size."""
    values = {name: getattr(noise, name) for name in noise.shape_parameters()}
    parameters = ",".join(f"{name}={value:g}" for name, value in values.items() if isinstance(value, float))
    return f"{noise.name}({parameters})" if parameters else noise.name
