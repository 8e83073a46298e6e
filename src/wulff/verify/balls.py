"""Verdicts from ball arithmetic: every number is an interval that is proven to hold the true one."""

from collections.abc import Callable
from typing import Final, Literal

from flint import arb, ctx

Verdict = Literal["proven", "not covered", "FALSE"]

PRECISIONS: Final = (80, 160, 320, 640, 1280)
"""Bits that are tried in turn until the sign of a margin is known."""

HALF: Final = arb(0.5)
INF: Final = float("inf")
UNKNOWN: Final = arb.nan()
"""The margin where a theorem says nothing."""


class Contradiction(Exception):
    """What a record says cannot be so; its message says why."""


def decide(margin: Callable[[], arb], precisions: tuple[int, ...] = PRECISIONS) -> Verdict:
    """Whether margin() ≥ 0: proven, proven FALSE, or neither at any of the precisions."""
    for bits in precisions:
        with ctx.workprec(bits):
            try:
                found = margin()
            except ValueError:  # a series did not converge
                continue
            if found >= 0:
                return "proven"
            if found < 0:
                return "FALSE"
    return "not covered"


def last_true(holds: Callable[[float], bool], low: float, high: float, steps: int = 60) -> float:
    """A point between low and high at which `holds` is true, close to where it ends; low if nowhere."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def normal_tail(z: arb) -> arb:
    """P[N(0,1) > z]."""
    return (z / arb(2).sqrt()).erfc() / 2


def normal_quantile(p: arb) -> arb:
    """The z with P[N(0,1) > z] = p."""
    return arb(2).sqrt() * (1 - 2 * p).erfinv()
