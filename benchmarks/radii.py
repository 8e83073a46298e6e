"""How long do radii take in every cell of the table, noise × norm: 100,000 of them, and the first one?

    make bench NAME=radii                       a noise of each kind, in 3,072 and in 150,528 dimensions
    SIZE=full make bench NAME=radii             more shapes, and small dimensions too
    ONLY=pareto make bench NAME=radii           the noises whose spec has this word

Each cell is timed in a process of its own that has computed no radius before. The last line is one JSON
object: the slowest cells, and `ratio`, the time of adaptive quadrature inside a root search for each error
over that of the library, for exp-l2(j=0,k=2) against l2.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import FULL, finish, say
from scipy import integrate, optimize, stats

from wulff import noises
from wulff.certificates import certified_radius
from wulff.errors import InputError, NotCoveredError

COUNT = 100_000
DIMENSIONS = (3, 18, 24, 64, 3_072, 150_528) if FULL else (3_072, 150_528)
NORMS = ("l1", "l2", "linf")
FRESH = (0.01, 0.3)
"""The first radius is asked for at one of these errors: the slower of two processes counts."""
FEW = (0.1, 0.01, 0.001)
DIM = 3072


def specs(dim: int) -> list[str]:
    """Noises at scale 1 in that dimension."""
    shapes = ["j=0,k=1", "j=0,k=2", f"j={min(8, dim - 1)},k=2"]
    steep = [f"a={dim + 10},k=1"]
    if FULL:
        shapes += ["j=0,k=0.5", "j=0,k=10", f"j={dim - 1},k=1", f"j={0.9 * dim},k=2"]
        steep += [f"a={dim / 2 + 10},k=2", f"a={dim + 0.25},k=1"]
    found = ["gaussian(scale=1)", "laplace(scale=1)", "uniform(scale=1)", "ball(scale=1)"]
    found += [f"exp-lp(scale=1,p={p})" for p in (0.5, 1.5, 4, *((100,) if FULL else ()))]
    found += [f"pareto(scale=1,a={a})" for a in (3, *((0.5, 100) if FULL else ()))]
    found += [f"exp-{norm}(scale=1,{shape})" for norm in NORMS for shape in shapes]
    found += [f"power-{norm}(scale=1,{shape})" for norm in NORMS for shape in steep]
    found += [f"mixed-linf(scale=1,j={j})" for j in (0.5, min(8, dim - 1), *((0.08 * dim,) if FULL else ()))]
    return [spec for spec in found if _exists(spec, dim) and os.environ.get("ONLY", "") in spec]


def _exists(spec: str, dim: int) -> bool:
    try:
        noises.parse(spec).in_dim(dim)
    except InputError:
        return False
    return True


def errors(count: int) -> np.ndarray:
    """Half of them tiny, half of the sizes that runs have."""
    rng = np.random.default_rng(0)
    return np.concatenate([10 ** -rng.uniform(0.31, 12, count // 2), rng.uniform(0.001, 0.499, count // 2)])


def seconds(function: Callable[..., object], *arguments: object) -> float:
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def cell(question: tuple[Any, str, str, int]) -> float | None:
    """CPU-seconds of one question in a process that was asked nothing before; None where none applies."""
    try:
        return seconds(certified_radius, question[1], question[0], *question[2:])
    except NotCoveredError:
        return None


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


def main() -> None:
    many = errors(COUNT)
    slowest, slowest_fresh = ("", 0.0), ("", 0.0)
    over: list[str] = []
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        for dim in DIMENSIONS:
            for spec in specs(dim):
                for norm in NORMS:
                    questions = [(many, spec, norm, dim), *((error, spec, norm, dim) for error in FRESH)]
                    all_of_them, *first = pool.map(cell, questions, chunksize=1)
                    if all_of_them is None:
                        continue
                    fresh = max(found for found in first if found is not None)
                    name = f"{spec} {norm} d={dim}"
                    say(f"{name:60} {COUNT:,}: {all_of_them:6.2f} s, the first: {fresh:6.2f} s")
                    slowest = max(slowest, (name, all_of_them), key=lambda found: found[1])
                    slowest_fresh = max(slowest_fresh, (name, fresh), key=lambda found: found[1])
                    if all_of_them > 2 or fresh > 1:
                        over.append(name)
        library: Any = pool.apply(cell, ((many, "exp-l2(scale=1,j=0,k=2)", "l2", DIM),))
    straightforward = float(np.mean([seconds(quadrature_level_set, error) for error in FEW])) * COUNT
    finish(
        "radii",
        round(straightforward / library, 1),
        slowest={"cell": slowest[0], "seconds": round(slowest[1], 2)},
        slowest_fresh={"cell": slowest_fresh[0], "seconds": round(slowest_fresh[1], 2)},
        over_two_seconds_or_one_fresh=over,
    )


if __name__ == "__main__":
    sys.exit(main())
