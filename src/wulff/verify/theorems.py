"""Which theorem a method's name stands for, and whether it certifies a radius at an error."""

import functools
from collections.abc import Callable
from typing import Final

from flint import arb, ctx

from wulff.verify import growth_rates, level_sets, privacy_losses, replacements
from wulff.verify.balls import INF, PRECISIONS, Contradiction, Verdict, decide, last_true
from wulff.verify.closed_forms import FORMS
from wulff.verify.reading import Law, length_factor, of_one_size, read_norm, scaled_length_factor

Theorem = Callable[[Law, float, arb, arb], Verdict]
"""Of law, p, error and radius at scale 1."""
RADIAL: Final = [f"{shape}-{level}" for shape in ("exp", "power") for level in ("l1", "l2", "linf")]
LEVEL_SETS: Final = {"l1": (1.0,), "l2": (1.0, 2.0, INF), "linf": (1.0, INF)}
THEOREMS: Final[dict[tuple[str, str, float], Theorem | None]] = {
    **{(name, "level-set", p): level_sets.verdict for name in RADIAL for p in LEVEL_SETS[name.split("-")[1]]},
    **{(name, "differential", p): growth_rates.verdict for name in RADIAL for p in (1.0, 2.0, INF)},
    **{(name, "privacy-loss", INF): privacy_losses.verdict for name in ("laplace", "exp-lp", "pareto")},
    **{("mixed-linf", "differential", p): None for p in (1.0, 2.0, INF)},
    ("mixed-linf", "privacy-loss", INF): None,
}
"""What is no formula; None where there is such a theorem but the checker does not cover it."""


def _find(law: Law, method: str, p: float) -> tuple[Theorem | None, float, bool]:
    """The theorem of a name, the p of the norm that it is about, and whether it is a formula."""
    margin = FORMS.get((law.name, method, p)) or FORMS.get((law.name, method, None))
    if margin is not None:
        return (lambda law, p, e, r: decide(lambda: margin(law, p, e, r))), p, True
    if (law.name, method, p) in THEOREMS:
        return THEOREMS[law.name, method, p], p, False
    base, found, source = method.rpartition("-from-")
    if not found or read_norm(source) == p:
        raise Contradiction(f"there is no method {method!r} for {law.name} noise against this norm")
    return _find(law, base, read_norm(source))


def _in_one_size(law: Law, norm: str, method: str) -> tuple[Law, str, str, Callable[[], arb]]:
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
    """Whether a method certifies all perturbations smaller than `size` at an error.

    Args:
        law: The noise.
        norm: The adversary's norm.
        method: The theorem; `-from-l2` is its radius against that norm, times the least norm of this one on
            the other's unit sphere.
        error: The upper bound on P[f(x+Z) ≠ label].
        size: The radius, in input units.
        rival: An upper bound on the probability of every other class, where two bounds were used.

    Raises:
        Contradiction: There is no such theorem.
    """
    if norm == "l0":
        return replacements.verdict(law, method, error, size, error if rival is None else rival)
    if "-top-" in method or norm.endswith("-box") or not norm.startswith(("l1", "l2", "linf", "lp(")):
        return "not covered"
    law, norm, method, stretch = _in_one_size(law, norm, method)
    p, other = read_norm(norm), error if rival is None else rival
    theorem, q, formula = _find(law, method, p)
    if size == 0 or error + other >= 1:
        return "proven" if size == 0 else "FALSE"
    if theorem is None or not (formula or other == error):
        return "not covered"
    try:
        with ctx.workprec(PRECISIONS[-1]):
            unit = arb(size) / law.scale * length_factor(q, p, law.dim) * stretch()
            # Uniform laws: a shift adds as much to either probability, so that their mean counts.
            if other == error or law.name in ("uniform", "ball"):
                return theorem(law, q, (arb(error) + arb(other)) / 2, unit)
            (low, high), (other_low, other_high) = (_reach(theorem, law, q, e, unit) for e in (error, other))
    except (ArithmeticError, SystemError, TypeError, ValueError):  # who stumbles has shown nothing
        return "not covered"
    return "proven" if low + other_low >= 2 else "FALSE" if high + other_high < 2 else "not covered"


def _reach(theorem: Theorem, law: Law, p: float, error: float, unit: arb) -> tuple[arb, arb]:
    """The radius at an error in units of `unit`, enclosed, for radii r(e) = ∫_e^½ dp/Φ(p) = -r(1 - e).

    A perturbation of size dr changes any probability p by at most Φ(p) dr, so that the label leads up to
    ½ (r(error) + r(rival)).
    """
    if error >= 0.5:
        low, high = _reach(theorem, law, p, 1 - error, unit) if error > 0.5 else (arb(0), arb(0))
        return -high, -low

    def found(share: float) -> Verdict:
        return theorem(law, p, arb(error), unit * share)

    end = 1.0
    while found(end) == "proven":
        end *= 2
    low = last_true(lambda share: found(share) == "proven", 0.0, end)
    return arb(low), arb(end) - last_true(lambda rest: found(end - rest) == "FALSE", 0.0, end)
