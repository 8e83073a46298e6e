"""Outward rounding of float64 values, and exact conversion of decimal text."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

import numpy as np

from wulff._typing import FloatArray

EPSILON = 2.0**-52
"""The largest relative distance from a float64 to its neighbour: one ulp of x is at most EPSILON·|x|."""

_MOST_PLACES = Context(prec=400)
"""Float64 numbers have up to 309 places before the point."""


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
    return nearest if type(exact)(nearest) >= exact else float(np.nextafter(nearest, np.inf))


def float_at_most(exact: Decimal | Fraction) -> float:
    """The largest float64 that is not above the exact number."""
    nearest = float(exact)
    return nearest if type(exact)(nearest) <= exact else float(np.nextafter(nearest, -np.inf))


def decimal_down(value: float, digits: int) -> str:
    """The number with `digits` decimals, rounded towards minus infinity: print radii with it."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_FLOOR, _MOST_PLACES))


def decimal_up(value: float, digits: int) -> str:
    """The number with `digits` decimals, rounded towards plus infinity: print errors with it."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_CEILING, _MOST_PLACES))


def exactly(value: float) -> str:
    """The number with every digit: print radii with it that were asked for, not certified."""
    return repr(float(value)).removesuffix(".0")


def figures_down(value: float, digits: int) -> str:
    """The number with `digits` significant digits, rounded down: for tables of radii of all sizes."""
    return _figures(value, Context(prec=digits, rounding=ROUND_FLOOR))


def figures_up(value: float, digits: int) -> str:
    """The number with `digits` significant digits, rounded up."""
    return _figures(value, Context(prec=digits, rounding=ROUND_CEILING))


def _figures(value: float, context: Context) -> str:
    rounded = context.create_decimal(Decimal(value))
    return f"{rounded:f}" if rounded == 0 or 1e-6 <= abs(rounded) < 1e7 else f"{rounded:e}"
