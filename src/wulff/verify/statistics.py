"""The recorded error is what its counts prove at level alpha: no larger probability of a miss is plausible.

The bound e is right if P[Binomial(n, e) ≤ misses] ≤ alpha, since the tail falls as e rises: a true error
above e gives so few misses with probability at most alpha. It also has to be the bound of *these* counts:
at an error smaller by a millionth the inequality must fail, so that no count can be moved unnoticed.
"""

from collections.abc import Callable
from typing import Final

from flint import arb

from wulff.verify.balls import HALF, Contradiction, Verdict, decide, last_true

NEARLY: Final = 1 - 1e-6
LARGEST_ANYTIME_ALPHA: Final = 0.3
"""Up to here the evidence is known to rise with the error wherever it exceeds 1/alpha."""

Excess = Callable[[arb], arb]
"""Of an error e: alpha minus the probability of what was seen under e; it rises with e."""


def tail(misses: int, n: int, error: arb) -> arb:
    """P[Binomial(n, error) ≤ misses]."""
    if misses < 0:
        return arb(0)
    return arb(1) if misses >= n else (1 - error).beta_lower(n - misses, misses + 1, 1)


def fixed_size(misses: int, n: int, alpha: arb, draw: float | None) -> Excess:
    """Clopper and Pearson's inequality; with a draw, the last term counts in that share [Stevens 1950]."""
    if draw is None:
        return lambda error: alpha - tail(misses, n, error)
    return lambda error: (
        alpha - (1 - arb(draw)) * tail(misses - 1, n, error) - arb(draw) * tail(misses, n, error)
    )


def any_time(misses: int, n: int, alpha: float) -> Excess:
    """log W(error) - log(1/alpha), W the likelihood ratio against Jeffreys' prior below the error.

    W(e) = B(m+½, n-m+½) I_e(m+½, n-m+½) / [B(½,½) I_e(½,½) e^m (1-e)^(n-m)] is a supermartingale under every
    true error of at least e [Ville 1939], so that it ever reaches 1/alpha with probability at most alpha.
    """
    if alpha > LARGEST_ANYTIME_ALPHA:
        raise Contradiction(f"alpha is {alpha:g}, but bounds for any time are known up to .3 only")
    a, b = misses + HALF, n - misses + HALF

    def excess(error: arb) -> arb:
        prior = 2 * error.sqrt().asin()  # B(½, ½) I_e(½, ½)
        return (
            (error.beta_lower(a, b) / prior).log()
            - misses * error.log()
            - (n - misses) * (-error).log1p()
            + arb(alpha).log()
        )

    return excess


def bound(error: float, excess: Excess, floor: float = 0.0) -> Verdict:
    """Whether the error obeys its inequality, and none that is a millionth smaller does."""
    if error == 1:
        return "proven"
    if not 0 < error < 1:
        return "FALSE"
    right = decide(lambda: excess(arb(error)))
    if right != "proven" or error * NEARLY <= floor:
        return right
    smaller = decide(lambda: excess(arb(error * NEARLY)))
    return {"proven": "FALSE", "FALSE": "proven"}.get(smaller, "not covered")  # type: ignore[return-value]


def smallest_bound(excess: Excess) -> float:
    """A float that obeys the inequality, hardly larger than needed; 1 if there is none below."""
    if decide(lambda: excess(arb(1 - 2.0**-53))) != "proven":
        return 1.0
    return 1 - last_true(lambda rest: decide(lambda: excess(arb(1) - arb(rest))) == "proven", 2.0**-53, 1.0)


def rival(
    votes: tuple[int, ...],
    selection: tuple[int, ...],
    label: int,
    n: int,
    alpha: float,
    draw: float | None,
    unknown: int,
) -> tuple[Excess, float]:
    """The inequality of the label's error and a bound on every other class; both hold at once.

    Classes are put into buckets by the selection votes: the label, its strongest rivals one by one, as few as
    leave together no more votes than the strongest has, and the rest. Each gets an equal share of alpha
    (Bonferroni), and the largest count of votes for a rival bucket bounds the probability of each.
    """
    misses = n - votes[label]
    if len(votes) == 2:
        excess = fixed_size(misses, n, arb(alpha), draw)
        return excess, smallest_bound(excess)
    others = sorted((c for c in range(len(votes)) if c != label), key=lambda c: (-selection[c], c))
    alone, left = 0, sum(selection[c] for c in others)
    for c in others:
        left -= selection[c]
        alone += 1
        if left <= selection[others[0]]:
            break
    buckets = [votes[c] for c in others[:alone]] + [sum(votes[c] for c in others[alone:])]
    buckets = buckets[: alone + (alone < len(others))]
    share = arb(alpha) / (len(buckets) + 1)
    top = fixed_size(misses, n, share, draw)
    return top, smallest_bound(fixed_size(max(buckets) + unknown, n, share, draw))
