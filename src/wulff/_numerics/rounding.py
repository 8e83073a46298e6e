"""Outward rounding of float64 values, and exact conversion of decimal text."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

import numpy as np

from wulff._typing import FloatArray

EPSILON = 2.0**-52
"""The largest relative distance from a float64 to its neighbour: one ulp of x is at most EPSILON·|x|."""


def down(value: FloatArray, ulps: int) -> FloatArray:
    """The non-negative `value` less `ulps` units in the last place, and never below zero.

    If `value` exceeds the truth by at most `ulps` ulps, the result does not exceed it.
    """
    value = np.asarray(value, dtype=np.float64)
    lowered = np.nextafter(value - value * (ulps * EPSILON), -np.inf)
    return np.maximum(lowered, 0.0)


def up(value: FloatArray, ulps: int) -> FloatArray:
    """The non-negative `value` plus `ulps` units in the last place."""
    value = np.asarray(value, dtype=np.float64)
    return np.nextafter(value + value * (ulps * EPSILON), np.inf)


def float_at_least(exact: Decimal | Fraction) -> float:
    """The smallest float64 that is not below the exact number."""
    nearest = float(exact)
    return nearest if Fraction(nearest) >= Fraction(exact) else float(np.nextafter(nearest, np.inf))


def float_at_most(exact: Decimal | Fraction) -> float:
    """The largest float64 that is not above the exact number."""
    nearest = float(exact)
    return nearest if Fraction(nearest) <= Fraction(exact) else float(np.nextafter(nearest, -np.inf))


def decimal_down(value: float, digits: int) -> str:
    """The number with `digits` decimals, rounded towards minus infinity: print radii with it."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR))


def decimal_up(value: float, digits: int) -> str:
    """The number with `digits` decimals, rounded towards plus infinity: print errors with it."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_CEILING))
