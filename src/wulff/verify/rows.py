"""Numbers that move while categories change: steps of a staircase, from what is proven of each part alone."""

import functools
from fractions import Fraction
from typing import Final

from flint import arb, ctx

from wulff.verify import replacements, theorems
from wulff.verify.balls import (
    HALF,
    PRECISIONS,
    Contradiction,
    Verdict,
    decide,
    demand,
    last_true,
    normal_tail,
)
from wulff.verify.reading import Law, MixedLaw, length_factor, read_norm, scaled_length_factor

DRAWN_AGAIN: Final = ("likelihood-ratios", "raised-values")
OVERLAPS: Final = ("uniform", "ball")
BY_GROWTH: Final = ("level-set", "privacy-loss")
"""Methods that bound the growth of an error over the whole move: two by halves are more than it."""


def radius(
    law: Law | MixedLaw, norm: str, method: str, error: float, size: float, rival: float | None = None
) -> Verdict:
    """Whether a method certifies all perturbations smaller than `size`, in input units.

    Args:
        law: The noise.
        norm: The adversary's norm; of mixed noise with the number of changed categories, as in `l2+1`.
        method: The theorem; of mixed noise that of its numbers.
        error: The upper bound on P[f(x+Z) ≠ label].
        size: The radius.
        rival: An upper bound on the probability of every other class, where two bounds were used.

    Raises:
        Contradiction: There is no such theorem.
    """
    if not isinstance(law, MixedLaw):
        return theorems.radius(law, norm, method, error, size, rival)
    measured, plus, count = norm.rpartition("+")
    demand(plus == "+" and count.isdecimal(), f"mixed noise has no radius against {norm}")
    if "-top-" in method:
        return "not covered"
    if size == 0:
        return "proven"  # nothing is smaller
    if law.categories.name == "ablation":
        return _hidden(law, measured, int(count), method, error, size, rival)
    demand(law.categories.name == "resampling", f"{law.categories.name} does not change categories")
    if method.endswith("-filled"):
        return "not covered"
    if int(count) == 0 and method not in DRAWN_AGAIN:
        return theorems.radius(law.numbers, measured, method, error, size, rival)
    demand(method in DRAWN_AGAIN, f"there is no method {method!r} for resampling")
    if law.numbers.name != "gaussian" or "-box" in measured:
        return "not covered"
    return _drawn_again(law, measured, int(count), error, size, error if rival is None else rival)


def _hidden(
    law: MixedLaw, norm: str, changed: int, method: str, error: float, size: float, rival: float | None
) -> Verdict:
    """Whether the numbers take e/(1-Δ) to (½-Δ)/(1-Δ) at most; Δ the chance that a change is seen.

    A move by v is two by v/2, and what one takes from start to g, the other takes from 1 - end to 1 - g.
    """
    unseen = replacements.all_hidden(law.categories, changed)
    if rival is None and not Fraction(error) + 1 - unseen < Fraction(1, 2):
        return "FALSE"
    if rival is not None or "-box" in norm:
        return "not covered"
    if unseen == 1:
        return theorems.radius(law.numbers, norm, method, error, size)
    numbers, name, base, stretch = theorems.in_one_size(law.numbers, norm, method)
    theorem, q = theorems.find(numbers, base, read_norm(name))
    if theorem is None or base in BY_GROWTH:
        return "not covered"
    try:
        with ctx.workprec(PRECISIONS[-1]):
            chance = arb(unseen.numerator) / unseen.denominator
            start, end = arb(error) / chance, 1 - HALF / chance
            unit = arb(size) / numbers.scale * length_factor(q, read_norm(name), numbers.dim) * stretch()
            if numbers.name in OVERLAPS:  # any probability grows by as much
                mean = HALF - (end - start)
                return theorem(numbers, q, (mean, mean), unit)
            return theorem(numbers, q, (start, 1 - end), unit / 2)
    except Contradiction:
        raise
    except (ArithmeticError, SystemError, TypeError, ValueError):  # who stumbles has shown nothing
        return "not covered"


@functools.lru_cache(maxsize=100_000)
def _drawn_again(law: MixedLaw, norm: str, changed: int, error: float, size: float, rival: float) -> Verdict:
    """Whether error and rival grow to 1 at most by a Gaussian shift of μ and the worst so many changes.

    For every τ, an error e grows to e^τ e + Σ (Q_j P[L > τ] - e^τ P_j P[L > τ]) at most, L the log-ratio.
    """
    masses = replacements.likelihood_ratios(law.categories, changed)
    numbers, p = law.numbers, read_norm(norm.removesuffix("-scaled"))
    if norm.endswith("-scaled") or numbers.scales is None:
        demand(
            numbers.scales is not None or not norm.endswith("-scaled"), f"no scales that {norm} could be in"
        )
        noisy = numbers.dim if numbers.scales is None else sum(scale > 0 for scale in numbers.scales)
        longest = functools.partial(length_factor, 2.0, p, noisy)
    else:
        longest = functools.partial(scaled_length_factor, 2.0, p, numbers.scales)

    def grown(e: float, tau: float) -> arb:
        mu = arb(size) / numbers.scale * longest()
        total = arb(tau).exp() * e
        for ratio, (before, after) in masses.items():
            log = (arb(ratio.numerator) / ratio.denominator).log()
            p_j, q_j = (arb(mass.numerator) / mass.denominator for mass in (before, after))
            z = (tau - log) / mu
            total += q_j * normal_tail(z - mu / 2) - arb(tau).exp() * p_j * normal_tail(z + mu / 2)
        return total

    def best(e: float) -> float:
        """τ at which the slope by e^τ is 0: what is beyond it has the mass e."""
        with ctx.workprec(80):
            mu = float(arb(size) / numbers.scale * longest())

            def enough(tau: float) -> bool:
                beyond = arb(0)
                for ratio, (before, _) in masses.items():
                    log = (arb(ratio.numerator) / ratio.denominator).log()
                    share = arb(before.numerator) / before.denominator
                    beyond += share * normal_tail((tau - log) / mu + arb(mu) / 2)
                return bool(beyond >= e)

            return last_true(enough, -700.0, 700.0)

    taus = [best(e) for e in (error, rival)]
    return decide(lambda: 1 - grown(error, taus[0]) - grown(rival, taus[1]))
