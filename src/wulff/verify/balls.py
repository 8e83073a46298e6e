"""Verdicts from ball arithmetic: every number is an interval that is proven to hold the true one."""

from collections.abc import Callable
from typing import Final, Literal

from flint import arb, ctx

Verdict = Literal["proven", "not covered", "FALSE"]
PRECISIONS: Final = (80, 160, 320, 640, 1280)
HALF, UNKNOWN, INF = arb(0.5), arb.nan(), float("inf")


class Contradiction(Exception):
    """What a record says cannot be so; its message says why."""


def decide(margin: Callable[[], arb]) -> Verdict:
    """Whether margin() ≥ 0: proven, proven FALSE, or neither with any number of bits that is tried."""
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            try:
                found = margin()
            except ValueError:  # a series did not converge
                continue
            if found >= 0 or found < 0:
                return "proven" if found >= 0 else "FALSE"
    return "not covered"


def last_true(holds: Callable[[float], bool], low: float, high: float) -> float:
    """A point between low and high at which `holds` is true, close to where it ends; low if nowhere."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def ceiling(x: arb) -> int:
    """A whole number that is certainly not below x."""
    found = x.upper().ceil().unique_fmpz()
    if found is None:
        raise ArithmeticError("no finite bound")
    return int(found)


def normal_tail(z: arb) -> arb:
    """P[N(0,1) > z]."""
    return (z / arb(2).sqrt()).erfc() / 2
