"""Tail probabilities as whole numbers with proven bounds: fixed-point arithmetic on Python's integers.

Numbers are integers in units of 2⁻¹⁹². Every product and quotient is cut off, and so is off by less than one
unit; `ERROR` bounds what these errors, and those of the step and of the constants, can add up to.
"""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from math import isqrt

import numpy as np

BITS = 192
ONE = 1 << BITS
ERROR = 1 << (BITS - 90)
"""No tail returned here is off by as much."""


@dataclasses.dataclass(frozen=True)
class Tails:
    """The tails of an even law, in exact arithmetic.

    Attributes:
        at: Of a step and a count, P[|Z| ≥ (2j - 1) · step] for j = 1 ... count in units of 2⁻¹⁹², off by less
            than 2¹⁰² of them; it is asked up to `end` only.
        end: Where the tail has fallen below 2⁻⁶³.
    """

    at: Callable[[Fraction, int], list[int]]
    end: Fraction


# π to 80 digits: its own error is below 2⁻²⁶⁰.
PI = Fraction("3.1415926535897932384626433832795028841971693993751058209749445923078164062862089986")


def gaussian_tails(step: Fraction, count: int) -> list[int]:
    """P[|Z| ≥ (2j - 1) · step] for a standard normal Z and j = 1 ... count.

    By the alternating series √(2/π) Σ (-1)^k t^(2k+1) / (2^k k! (2k+1)) of its complement. For t ≤ 9.3 and
    u = t²/2 ≤ 43.3 its terms stay below t e^u < 2⁶⁶, and fewer than 2⁸ of them matter. As computed, t is off
    by less than 2j < 2²⁰ units, which moves the tail by no more, as its slope is below 1; u is off by one
    unit, which moves the sum by less than t e^u units. Each term is cut off by less than 2 units, multiplied
    by at most e^u < 2⁶³ on the way to a later one: all cuts together make less than 2 · 2⁸ · 2⁸ · 2⁶³ units.
    The terms left out are below 2⁻¹⁰⁰, or 2⁹² units. The sum of all this is below 2⁹³ units.
    """
    t = np.array([(2 * j - 1) * _floor(step) for j in range(1, count + 1)], dtype=object)
    if count and t[-1] > 10 * ONE:
        raise ValueError("tails beyond 9.3 are below 2^-63")
    u = t * t >> (BITS + 1)
    term, total = t.copy(), t.copy()
    first, k = 0, 0
    while first < count:
        k += 1
        live = slice(first, None)
        term[live] = (term[live] * u[live] >> BITS) // k
        total[live] += (-1) ** k * (term[live] // (2 * k + 1))
        # Terms rise with t; where they are below 2⁻¹⁰⁰ and fall, the rest is below that too.
        while first < count and term[first] >> (BITS - 100) == 0 and u[first] < k * ONE:
            first += 1
    constant = isqrt(2 * ONE * ONE * PI.denominator // PI.numerator)
    return [ONE - (constant * int(inner) >> BITS) for inner in total]


def laplace_tails(step: Fraction, count: int) -> list[int]:
    """exp(-(2j - 1) · step) for j = 1 ... count: products with one number, each adds less than 2¹⁷ units."""
    factor = _exp_minus(2 * step)
    tails = [_exp_minus(step)] if count else []
    while len(tails) < count:
        tails.append(tails[-1] * factor >> BITS)
    return tails


def uniform_tails(step: Fraction, count: int) -> list[int]:
    """1 - (2j - 1) · step for j = 1 ... count, as long as it is positive."""
    return [max(ONE - (2 * j - 1) * _floor(step), 0) for j in range(1, count + 1)]


GAUSSIAN = Tails(gaussian_tails, Fraction(93, 10))
"""P[|Z| ≥ 9.3] < 2⁻⁶³ for a standard normal Z."""
LAPLACE = Tails(laplace_tails, Fraction(437, 10))
"""exp(-43.7) < 2⁻⁶³."""
UNIFORM = Tails(uniform_tails, Fraction(1))


def _exp_minus(x: Fraction) -> int:
    """exp(-x) for x ≥ 0, off by less than 2¹⁶ units: a series for x / 2^h ≤ ½, squared h times."""
    halvings = max(0, (2 * x.numerator // x.denominator).bit_length())
    small = _floor(x / 2**halvings)
    term, total, k = ONE, ONE, 0
    while term:
        k += 1
        term = (term * small >> BITS) // k
        total += (-1) ** k * term
    for _ in range(halvings):
        total = total * total >> BITS
    return total


def _floor(x: Fraction) -> int:
    return (x.numerator << BITS) // x.denominator


def bounds(tails: list[int], bits: int) -> tuple[list[int], list[int]]:
    """Integers below and above 2^bits times each tail."""
    cut = BITS - bits
    lower = [max(tail - ERROR, 0) >> cut for tail in tails]
    upper = [-(-(tail + ERROR) >> cut) for tail in tails]
    return lower, upper
