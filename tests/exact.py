"""Independent evaluations at 50 digits, for forward inequalities."""

import mpmath as mp

mp.mp.dps = 50


def binomial_cdf(count: int, n: int, p: float) -> mp.mpf:
    """P[Binomial(n, p) ≤ count], summed term by term from the largest one down."""
    p = mp.mpf(p)
    term = mp.exp(
        mp.loggamma(n + 1) - mp.loggamma(count + 1) - mp.loggamma(n - count + 1)
        + count * mp.log(p) + (n - count) * mp.log1p(-p)
    )  # fmt: skip
    total, odds = mp.mpf(0), (1 - p) / p
    for i in range(count, -1, -1):
        total += term
        term *= odds * i / (n - i + 1)
        if term < total * mp.mpf(10) ** -45 and i < n * p:
            break
    return total


def normal_sf(z: float) -> mp.mpf:
    """P[N(0,1) > z]."""
    return mp.erfc(mp.mpf(z) / mp.sqrt(2)) / 2
