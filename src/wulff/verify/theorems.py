"""Which theorem a method's name stands for, and whether it certifies a radius at an error."""

import functools
from collections.abc import Callable
from typing import Final

from flint import arb, ctx

from wulff.verify import growth_rates, level_sets, privacy_losses, replacements, thresholds
from wulff.verify.balls import (
    HALF,
    INF,
    PRECISIONS,
    Contradiction,
    Verdict,
    compare,
    decide,
    demand,
    last_true,
)
from wulff.verify.closed_forms import FORMS, Margin, convex_potential, logarithm
from wulff.verify.reading import Law, length_factor, of_one_size, read_norm, scaled_length_factor

Errors = tuple[arb, arb]
"""Bounds on the error and on every other class; twice the first where there is one only."""
Theorem = Callable[[Law, float, Errors, arb], Verdict]
"""Of a law, the p of the adversary's norm, bounds and a radius at scale 1."""


def _two_sided(radii: Callable[[arb], tuple[arb, arb]], errors: Errors, r: arb) -> Verdict:
    """½ (r(error) + r(rival)) ≥ r, since a perturbation of size dr changes any p by at most Φ(p) dr.

    `radii` encloses r(e) = ∫_e^½ dp/Φ(p); and r(1 - e) = -r(e).
    """
    (a, b), (c, d) = (radii(e) if e < HALF else [-x for x in radii(1 - e)][::-1] for e in errors)
    return compare(a + c - 2 * r, b + d - 2 * r)


def _formula(margin: Margin) -> Theorem:
    def theorem(law: Law, p: float, errors: Errors, r: arb) -> Verdict:
        # Uniform laws: a shift adds as much to either probability, so that their mean counts.
        mean = (errors[0] + errors[1]) / 2
        if errors[0] == errors[1] or law.name in ("uniform", "ball"):
            return decide(lambda: margin(law, p, mean, r))

        def radii(e: arb) -> tuple[arb, arb]:
            def says(size: float, verdict: Verdict) -> bool:
                return decide(lambda: margin(law, p, e, r * size)) == verdict

            end = 1.0
            while says(end, "proven"):
                end *= 2
            low = last_true(lambda size: says(size, "proven"), 0.0, end)
            return low * r, (end - last_true(lambda rest: says(end - rest, "FALSE"), 0.0, end)) * r

        return _two_sided(radii, errors, r)

    return theorem


def _integral(radii: Callable[[Law, float, arb], tuple[arb, arb]]) -> Theorem:
    return lambda law, p, errors, r: _two_sided(lambda e: radii(law, p, e), errors, r)


def _differential(law: Law, p: float, errors: Errors, r: arb) -> Verdict:
    """∫_e^½ dp/Φ(p) ≥ r. Of spheres what level sets certify, which is no less, and larger by little."""
    if law.level == 2 and law.dim > 1:
        return level_sets.verdict(law, p, errors, r)
    normal = law.level == 1 != p and law.dim > (24 if p == INF else 1)
    return _integral(growth_rates.radii if normal else thresholds.radii)(law, p, errors, r)


LEVEL_SETS: Final = {"l1": (1.0,), "l2": (1.0, 2.0, INF), "linf": (1.0, INF)}
RADIAL: Final = [(f"{shape}-{level}", level) for shape in ("exp", "power") for level in LEVEL_SETS]
PLAIN: Final = (1.0, 2.0, INF)
THEOREMS: Final[dict[tuple[str, str, float | None], Theorem | None]] = {
    **{key: _formula(margin) for key, margin in FORMS.items()},
    **{(name, "level-set", p): level_sets.verdict for name, level in RADIAL for p in LEVEL_SETS[level]},
    **{(name, "differential", p): _differential for name, _ in RADIAL for p in PLAIN},
    **{(name, "differential", 1.0): _integral(convex_potential) for name in ("pareto", "exp-lp")},
    **{(name, "privacy-loss", INF): privacy_losses.verdict for name in ("laplace", "exp-lp", "pareto")},
    **{("mixed-linf", "differential", p): None for p in PLAIN},
    ("mixed-linf", "privacy-loss", INF): None,
}
"""By noise, method and p, where None is any p; no theorem where the checker does not cover the method."""


def find(law: Law, method: str, p: float) -> tuple[Theorem | None, float]:
    """The theorem of a name, and the p of the norm that it is about."""
    if method == "level-set" and law.plain and (law.dim == 1 or law.level == p != 2):
        return _formula(logarithm), p
    if method == "differential" and law.plain and (law.name, "closed-form", p) in THEOREMS:
        method = "closed-form"  # the same, where the score is constant; or more
    for key in ((law.name, method, p), (law.name, method, None)):
        if key in THEOREMS:
            return THEOREMS[key], p
    base, _, source = method.rpartition("-from-")
    demand(
        base != "" and read_norm(source) != p, f"{law.name} noise has no method {method!r} against this norm"
    )
    return find(law, base, read_norm(source))


def _in_unit_box(law: Law, q: float, errors: Errors, size: arb) -> Verdict:
    """Whether a plain theorem certifies v*: ⌊size^q⌋ coordinates change by 1 and one more by the rest.

    It majorises all others of its size in the box: none has a larger l_p norm for p ≥ q, or less overlap of
    two cubes [Voráček & Hein 2023].
    """
    whole = int((size**q).mid().floor().unique_fmpz() or 0)
    rest = (size**q - whole).max(arb(0)) ** (1 / arb(q)) if whole < law.dim else arb(0)
    if law.name == "uniform" and q == 1:
        lost, error = HALF / law.scale, (errors[0] + errors[1]) / 2
        return decide(lambda: (1 - lost) ** min(whole, law.dim) * (1 - rest * lost) - HALF - error)
    for name, method, p in list(THEOREMS):
        p = 2.0 if p is None else p
        theorem = find(law, method, p)[0] if name == law.name and p >= q else None
        longest = arb(1) if p == INF else (min(whole, law.dim) + rest ** arb(p)) ** (1 / arb(p))
        if theorem and theorem(law, p, errors, longest.min(size) / law.scale) == "proven":
            return "proven"
    return "not covered"


def in_one_size(law: Law, norm: str, method: str) -> tuple[Law, str, str, Callable[[], arb]]:
    """A claim about noise with scales as one about noise of one size, and how much longer v is in its units.

    Raises:
        Contradiction: The noise has no scales, or there is no such theorem.
    """
    if norm.endswith("-scaled"):
        if law.scales is None:
            raise Contradiction(f"{law.name} noise has no scales that {norm} could be in units of")
        return of_one_size(law), norm.removesuffix("-scaled"), method, lambda: arb(1)
    if law.scales is None or (law.name, method, norm) == ("uniform", "closed-form", "linf"):
        return law, norm, method, lambda: arb(1)
    base, found, source = method.removesuffix("-scaled").rpartition("-from-")
    if not found or base + found + source == method:
        raise Contradiction(f"there is no method {method!r} for {law.name} noise with scales")
    longer = functools.partial(scaled_length_factor, read_norm(source), read_norm(norm), law.scales)
    return of_one_size(law), source, base, longer


@functools.lru_cache(maxsize=100_000)
def radius(
    law: Law, norm: str, method: str, error: float, size: float, rival: float | None = None
) -> Verdict:
    """Whether a method certifies all perturbations smaller than `size`, in input units.

    Args:
        law: The noise.
        norm: The adversary's norm.
        method: The theorem; `-from-l2` is its radius against that norm, times the least norm of this one on
            the other's unit sphere.
        error: The upper bound on P[f(x+Z) ≠ label].
        size: The radius.
        rival: An upper bound on the probability of every other class, where two bounds were used.

    Raises:
        Contradiction: There is no such theorem.
    """
    if norm == "l0":
        return replacements.verdict(law, method, error, size, error if rival is None else rival)
    name, box, _ = norm.partition("-box")
    if "-top-" in method or not name.startswith(("l1", "l2", "linf", "lp(")) or (box and method == "box"):
        return "not covered"
    law, name, method, stretch = in_one_size(law, name, method)
    p, errors = read_norm(name), (arb(error), arb(error if rival is None else rival))
    theorem, q = (None, p) if box else find(law, method, p)
    if size == 0 or errors[0] + errors[1] >= 1:
        return "proven" if size == 0 else "FALSE"
    try:
        with ctx.workprec(PRECISIONS[-1]):
            if box and p < INF and law.scales is None:
                return _in_unit_box(law, p, errors, arb(size))
            unit = arb(size) / law.scale * length_factor(q, p, law.dim) * stretch()
            return theorem(law, q, errors, unit) if theorem else "not covered"
    except Contradiction:
        raise
    except (
        ArithmeticError,
        RuntimeError,
        SystemError,
        TypeError,
        ValueError,
    ):  # who stumbles has shown nothing
        return "not covered"
