"""Verdicts from ball arithmetic: every number is an interval that is proven to hold the true one."""

from collections.abc import Callable
from typing import Final, Literal, cast

from flint import arb, ctx
from scipy import optimize

Verdict = Literal["proven", "not covered", "FALSE"]
PRECISIONS: Final = (80, 160, 320, 640, 1280)
HALF, UNKNOWN, INF = arb(0.5), arb.nan(), float("inf")


class Contradiction(Exception):
    """What a record says cannot be so; its message says why."""


def demand(holds: bool, why: str) -> None:
    """Raise Contradiction unless it holds."""
    if not holds:
        raise Contradiction(why)


def compare(least: arb, most: arb) -> Verdict:
    """Whether what lies between the two is proven to be ≥ 0, or proven not to be."""
    return "proven" if least >= 0 else "FALSE" if most < 0 else "not covered"


def decide(margin: Callable[[], arb]) -> Verdict:
    """Whether margin() ≥ 0, with as many bits as that needs."""
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            try:
                verdict = compare(found := margin(), found)
            except ValueError:  # a series did not converge
                continue
            if verdict != "not covered":
                return verdict
    return "not covered"


def last_true(holds: Callable[[float], bool], low: float, high: float) -> float:
    """A point between low and high at which `holds` is true, close to where it ends; low if nowhere."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where f changes its sign, in floats."""
    return cast(float, optimize.brentq(f, low, high, xtol=1e-300))


def normal_tail(z: arb) -> arb:
    """P[N(0,1) > z]."""
    return (z / arb(2).sqrt()).erfc() / 2
