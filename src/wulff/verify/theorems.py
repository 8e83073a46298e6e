"""Which theorem a method's name stands for, and whether it certifies a radius at an error."""

import functools
from collections.abc import Callable
from typing import Final

from flint import arb

from wulff.verify import closed_forms as forms
from wulff.verify.balls import INF, Contradiction, Verdict, decide, last_true
from wulff.verify.reading import Law, length_factor, read_norm

Margin = Callable[[Law, float, arb, arb], arb]
"""Of law, p, error and radius at scale 1: ≥ 0 if and only if the theorem certifies the radius."""

IID, CUBES, ANY = ("gaussian", "laplace", "uniform", "exp-lp"), ("exp-linf", "power-linf"), None

FORMS: Final[dict[tuple[str, str, float | None], Margin]] = {
    ("gaussian", "closed-form", ANY): forms.gaussian,
    ("gaussian", "lecuyer-2019", 2.0): forms.gaussian,  # smaller than Cohen's, who proves them too
    ("gaussian", "li-2019", 2.0): forms.gaussian,
    ("laplace", "closed-form", 1.0): forms.logarithm,
    ("laplace", "convex-order", 2.0): forms.convex_order,
    ("pareto", "convex-order", 2.0): forms.convex_order,
    ("uniform", "closed-form", ANY): forms.uniform,
    ("uniform", "one-large-coordinate", ANY): forms.uniform,
    ("ball", "closed-form", ANY): forms.ball,
    ("exp-l1", "closed-form", 1.0): forms.logarithm,
    ("exp-l1", "closed-form", INF): forms.cross_polytope_linf,
    ("exp-l2", "closed-form", 2.0): forms.sphere_l2,
    ("exp-linf", "closed-form", INF): forms.logarithm,
    ("exp-linf", "closed-form", 2.0): forms.cube_l2,
    **{(name, "closed-form", 1.0): forms.cube_l1 for name in CUBES},
    **{(name, "quantile", 1.0): forms.quantile for name in IID},
    ("pareto", "differential", 1.0): forms.convex_potential,
}
RADIAL: Final = [f"{shape}-{level}" for shape in ("exp", "power") for level in ("l1", "l2", "linf")]
NOT_COVERED: Final = {
    *((name, "differential", p) for name in [*RADIAL, "mixed-linf"] for p in (1.0, 2.0, INF)),
    *((name, "level-set", p) for name in RADIAL for p in (1.0, 2.0, INF)),
    *((name, "privacy-loss", INF) for name in ("laplace", "exp-lp", "pareto", "mixed-linf")),
    ("exp-lp", "differential", 1.0),
}
OVERLAP: Final = ("uniform", "ball")
"""Uniform laws: a shift adds the same to every probability, so that two errors count by their mean."""


def _known(law: Law, method: str, p: float) -> tuple[Margin, float] | None:
    """The theorem of that name, and the p of the norm that it is about."""
    for norm in (p, ANY):
        if (law.name, method, norm) in FORMS:
            return FORMS[law.name, method, norm], p
    base, found, source = method.rpartition("-from-")
    inner = _known(law, base, read_norm(source)) if found else None
    return inner if inner and read_norm(source) != p else None


def _exists(law: Law, method: str, p: float) -> bool:
    """Whether there is such a theorem that the checker does not cover."""
    base, found, source = method.rpartition("-from-")
    return (law.name, base if found else method, read_norm(source) if found else p) in NOT_COVERED


@functools.lru_cache(maxsize=100_000)
def radius(
    law: Law, norm: str, method: str, error: float, size: float, rival: float | None = None
) -> Verdict:
    """Whether a method certifies all perturbations smaller than `size` at an error.

    Args:
        law: The noise.
        norm: The adversary's norm.
        method: The theorem; with `-from-l2` the radius is the theorem's against that norm, times the least
            norm of this one on its unit sphere.
        error: The upper bound on P[f(x+Z) ≠ label].
        size: The radius, in input units.
        rival: An upper bound on the probability of every other class, where two bounds were used.

    Raises:
        Contradiction: There is no such theorem.
    """
    if size == 0:
        return "proven"
    p = read_norm(norm)
    known = _known(law, method, p)
    if known is None:
        if _exists(law, method, p):
            return "not covered"
        raise Contradiction(f"there is no method {method!r} for {law.name} noise against {norm}")
    margin, q = known

    def holds(e: float | arb, share: float = 1.0) -> arb:
        return margin(law, q, arb(e), arb(size) * share / law.scale * length_factor(q, p, law.dim))

    if rival is None or rival == error:
        return decide(lambda: holds(error)) if error < 0.5 else "FALSE"
    if error + rival >= 1:
        return "FALSE"
    if law.name in OVERLAP:
        return decide(lambda: holds((arb(error) + arb(rival)) / 2))
    (low, high), (rival_low, rival_high) = _reach(holds, error), _reach(holds, rival)
    return "proven" if low + rival_low >= 2 else "FALSE" if high + rival_high < 2 else "not covered"


def _reach(holds: Callable[..., arb], error: float) -> tuple[arb, arb]:
    """The theorem's radius at an error, enclosed, in units of the recorded one; r(1 - p) = -r(p).

    So it is for radii ∫_e^½ dp/Φ(p), where a perturbation of size dr changes p by at most Φ(p) dr: the label
    leads up to ½ (r(error) + r(rival)).
    """
    if error >= 0.5:
        low, high = _reach(holds, 1 - error) if error > 0.5 else (arb(0), arb(0))
        return -high, -low

    def found(share: float) -> Verdict:
        return decide(lambda: holds(error, share))

    end = 1.0
    while found(end) == "proven":
        end *= 2
    low = last_true(lambda share: found(share) == "proven", 0.0, end)
    return arb(low), arb(end) - last_true(lambda rest: found(end - rest) == "FALSE", 0.0, end)
