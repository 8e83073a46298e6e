"""How long do 100,000 radii take, and how much longer would a quadrature per error?

    make bench NAME=radii

For each kind of certificate: the first call (warm-up), the next one, and the time of a straightforward
evaluation for a few errors, scaled to all of them. The last line is one JSON object; `ratio` is the time of
the straightforward way over that of the library, for the level-set engine.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate, optimize, stats

from wulff.certificates import certified_radius

COUNT = 100_000
FEW = (0.1, 0.01, 0.001)
DIM = 3072


def quadrature_differential(error: float) -> float:
    """r(e) = ∫ dp/Φ(p) for exp-l2(0,1) against l2, with adaptive quadrature."""
    direction: Any = stats.beta((DIM - 1) / 2, (DIM - 1) / 2)
    spread = direction.pdf(0.5) / (2 * (DIM - 1))  # the top-½ mean of a coordinate on the sphere, times ½

    def growth(p: float) -> float:
        t = 2 * direction.isf(p) - 1
        return 2 * spread * (1 - t * t) ** ((DIM - 1) / 2) * 2

    return integrate.quad(lambda p: 1 / growth(p), error, 0.5)[0]


def quadrature_level_set(error: float) -> float:
    """The level-set radius of exp-l2(0,2) against l2, with adaptive quadrature inside a root search."""
    radius: Any = stats.gamma(DIM / 2)

    def cap(r: float, level: float, shift: float) -> float:
        x = ((r + shift) ** 2 - level**2) / (4 * shift * r)
        return float(stats.beta((DIM - 1) / 2, (DIM - 1) / 2).cdf(min(max(x, 0.0), 1.0)))

    def share(log_ratio: float, shift: float) -> float:
        low, high = radius.ppf([1e-9, 1 - 1e-9])

        def integrand(s: float) -> float:
            return radius.pdf(s) * cap(np.sqrt(s), np.sqrt(max(s + log_ratio, 0.0)), shift)

        return integrate.quad(integrand, low, high, points=[DIM / 2], limit=50)[0]

    def gap(shift: float) -> float:
        log_ratio: Any = optimize.brentq(lambda c: share(c, shift) - 0.5, -200, 200, xtol=1e-6)
        return (1 - share(-log_ratio, shift)) - error

    z = stats.norm.isf(error) / np.sqrt(2)
    root: Any = optimize.brentq(gap, 0.9 * z, 1.1 * z, xtol=1e-6)
    return root


def timed(function: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    rng = np.random.default_rng(0)
    errors = np.concatenate([10 ** -rng.uniform(0.31, 12, COUNT // 2), rng.uniform(0.001, 0.499, COUNT // 2)])
    results: dict[str, float] = {}
    cases = [
        ("closed form, uniform l1", "uniform(scale=1)", "l1", "closed-form", None),
        ("closed form, gaussian l2", "gaussian(scale=1)", "l2", "closed-form", None),
        ("closed form, laplace l1", "laplace(scale=1)", "l1", "closed-form", None),
        ("differential, exp-l2 l2", "exp-l2(scale=1,j=0,k=1)", "l2", "differential", quadrature_differential),
        ("differential, exp-linf l1", "exp-linf(scale=1,j=0,k=2)", "l1", "differential", None),
        ("differential, power-l2 linf", f"power-l2(scale=1,a={DIM + 10},k=1)", "linf", "differential", None),
        ("level set, exp-l2 l2", "exp-l2(scale=1,j=0,k=2)", "l2", "level-set", quadrature_level_set),
        ("level set, exp-l1 l1", "exp-l1(scale=1,j=8,k=2)", "l1", "level-set", None),
        ("level set, exp-linf l1", "exp-linf(scale=1,j=8,k=2)", "l1", "level-set", None),
        ("level set, power-linf linf", f"power-linf(scale=1,a={DIM + 10},k=1)", "linf", "level-set", None),
    ]
    ratio = float("nan")
    sys.stdout.write(f"{COUNT:,} errors, d = {DIM}\n")
    for name, noise, norm, method, straightforward in cases:
        warm_up = timed(certified_radius, noise, errors[:2], norm, DIM, method)
        seconds = timed(certified_radius, noise, errors, norm, DIM, method)
        line = f"{name:28} warm-up {warm_up * 1e3:8.1f} ms, then {seconds * 1e3:8.1f} ms"
        results[name] = seconds
        if straightforward is not None:
            few = [timed(straightforward, error) for error in FEW]
            ratio = float(np.mean(few)) * COUNT / seconds
            line += f", {ratio:,.0f} times faster than a quadrature per error"
        sys.stdout.write(line + "\n")
    figures = {name: round(seconds, 6) for name, seconds in results.items()}
    sys.stdout.write(json.dumps({"name": "radii", "ratio": round(ratio, 1), "seconds": figures}) + "\n")


if __name__ == "__main__":
    main()
