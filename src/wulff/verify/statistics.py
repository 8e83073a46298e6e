"""The recorded error is what its counts prove at level alpha: no larger probability of a miss is plausible.

The bound e is right if P[Binomial(n, e) ≤ misses] ≤ alpha, since the tail falls as e rises: a true error
above e gives so few misses with probability at most alpha. It also has to be the bound of *these* counts:
at an error smaller by a millionth the inequality must fail, so that no count can be moved unnoticed.
"""

import functools
from collections.abc import Callable
from typing import Final

from flint import arb

from wulff.verify.balls import HALF, Verdict, decide, demand, last_true

NEARLY: Final = 1 - 1e-6
LARGEST_ANYTIME_ALPHA: Final = 0.3
"""Up to here the evidence is known to rise with the error wherever it exceeds 1/alpha."""

Excess = Callable[[arb], arb]
"""Of an error e: alpha minus the probability of what was seen under e; it rises with e."""
Votes = tuple[int, ...]


def _tail(misses: int, n: int, error: arb) -> arb:
    """P[Binomial(n, error) ≤ misses]."""
    inside = 0 <= misses < n
    return (1 - error).beta_lower(n - misses, misses + 1, 1) if inside else arb(0 if misses < 0 else 1)


def _fixed_size(misses: int, n: int, alpha: arb, draw: float | None) -> Excess:
    """Clopper and Pearson's inequality; with a draw, the last term counts in that share [Stevens 1950]."""
    last = 1 if draw is None else arb(draw)
    return lambda e: alpha - (1 - last) * _tail(misses - 1, n, e) - last * _tail(misses, n, e)


def _any_time(misses: int, n: int, alpha: float) -> Excess:
    """log W(error) - log(1/alpha), W the likelihood ratio against Jeffreys' prior below the error.

    W(e) = B(m+½, n-m+½) I_e(m+½, n-m+½) / [B(½,½) I_e(½,½) e^m (1-e)^(n-m)] is a supermartingale under every
    true error of at least e [Ville 1939], so that it ever reaches 1/alpha with probability at most alpha.
    """
    demand(alpha <= LARGEST_ANYTIME_ALPHA, f"alpha is {alpha:g}, but bounds for any time are known up to .3")

    def excess(e: arb) -> arb:
        evidence = (e.beta_lower(misses + HALF, n - misses + HALF) / (2 * e.sqrt().asin())).log()
        return evidence - misses * e.log() - (n - misses) * (-e).log1p() + arb(alpha).log()

    return excess


@functools.lru_cache(maxsize=100_000)
def bound(error: float, n: int, misses: int, alpha: float, shares: int, draw: float | None) -> Verdict:
    """Whether the error obeys its inequality, and none a millionth smaller does; no shares: at any time."""
    if not 0 < error < 1:
        return "proven" if error == 1 else "FALSE"
    excess = _fixed_size(misses, n, arb(alpha) / shares, draw) if shares else _any_time(misses, n, alpha)
    right = decide(lambda: excess(arb(error)))
    if right != "proven" or (draw is not None and error * NEARLY <= 1 / n):
        return right
    return decide(lambda: -excess(arb(error * NEARLY)))


@functools.lru_cache(maxsize=100_000)
def rival(
    votes: Votes, selection: Votes, label: int, n: int, unknown: int, alpha: float, draw: float | None
) -> tuple[int, float]:
    """Among how many bounds alpha is shared (Bonferroni), and a float that bounds every other class.

    The label's strongest rivals in the selection are buckets of their own, as few as leave together no more
    of its votes than the strongest has; the others are one. The bucket with most votes bounds every rival;
    `unknown` copies may be any rival's.
    """
    others = sorted((c for c in range(len(votes)) if c != label), key=lambda c: (-selection[c], c))
    left = [sum(selection[c] for c in others[i:]) for i in range(1, len(votes))]
    alone = 1 + next(i for i, rest in enumerate(left) if rest <= selection[others[0]])
    buckets = [votes[c] for c in others[:alone]] + [sum(votes[c] for c in others[alone:])] * (
        alone < len(others)
    )
    shares, most = (len(buckets) + 1, max(buckets) + unknown) if len(votes) > 2 else (1, n - votes[label])
    excess = _fixed_size(most, n, arb(alpha) / shares, draw)

    def obeys(rest: float) -> bool:
        return decide(lambda: excess(arb(1) - arb(rest))) == "proven"

    return shares, 1 - last_true(obeys, 2.0**-53, 1.0) if obeys(2.0**-53) else 1.0


def rank_test(votes: Votes, predict: int, alpha: float, unknown: int) -> Verdict:
    """2 P[Binomial(n₁ + n₂, ½) ≥ n₁] ≤ alpha for the two largest counts [Hung & Fithian 2019]."""
    if predict == -1 or votes[predict] < max(votes):
        return "proven" if predict == -1 else "FALSE"
    second = max([0, *votes[:predict], *votes[predict + 1 :]]) + unknown
    return decide(lambda: arb(alpha) - 2 * _tail(second, votes[predict] + second, HALF))
