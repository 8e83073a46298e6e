"""How many noisy copies does certification at given radii take, beside a sequential test and a fixed n?

    make bench NAME=anytime

A small net that is trained here classifies its held-out images. At each grid of radii three ways fill a
table of certified accuracy: the library with `stop=Anytime(radii=...)` and the labels, end to end; a
fixed n; and a sequential test of each radius after Voráček 2024, which samples until the confidence sequence
of the error lies on one side of the radius' threshold, or n is reached. It looks after every 64 votes, leaves
out inputs whose selected label is wrong, and draws its votes with the frequencies that the fixed n found.
The library and the sequential test take at most n samples, too, so that their tables are below that of the
fixed n; the library is run once more with a larger limit, the least of some that give no smaller table.
`ratio` is the least, over all grids, of the sequential test's samples over the library's; `fixed_ratio` is
that of the fixed n, and `fixed_ratio_at_its_table` that of the fixed n with the larger limit.
"""

import numpy as np
from _common import FULL, NETS, finish, say, trained
from scipy import special
from torch import Tensor

from wulff import Certification, Smoothed
from wulff.certificates import largest_error
from wulff.smoothing import Phase
from wulff.smoothing.streams import BLOCK
from wulff.stats import Anytime

SIGMA, N0, N, ALPHA = 0.5, 100, 100_000 if FULL else 10_000, 1e-3
INPUTS = 500 if FULL else 40
GRIDS = ((0.25,), (0.5,), (0.75,), (1.0,), (0.25, 0.5, 0.75, 1.0), tuple(np.linspace(0.1, 1.5, 8).tolist()))
LIMITS = (1, 1.25, 1.5, 2, 3, 5, 10)
"""Of the library, as parts of the fixed n."""
ROUNDS = 3
"""How often the sequential test is simulated."""


def sequential(error: float, thresholds: np.ndarray, rng: np.random.Generator) -> tuple[int, np.ndarray]:
    """How many votes decide all thresholds, and whether the error is found to be below each.

    The evidence against an error e is the mixture of likelihood ratios by Jeffreys' prior, the wealth of the
    bettor of Krichevsky and Trofimov; e leaves the confidence sequence where it reaches 2/alpha.
    """
    n = np.append(np.arange(BLOCK, N, BLOCK), N)
    misses = np.cumsum(rng.binomial(np.diff(n, prepend=0), error))
    wealth = special.betaln(misses + 0.5, n - misses + 0.5) - np.log(np.pi)
    likelihood = misses[:, None] * np.log(thresholds) + (n - misses)[:, None] * np.log1p(-thresholds)
    out = wealth[:, None] - likelihood >= np.log(2 / ALPHA)
    decided = np.where(out.any(axis=0), out.argmax(axis=0), len(n) - 1)
    below = misses[decided] < thresholds * n[decided]
    return int(n[decided].max()), out.any(axis=0) & below


def table(proof: Certification, labels: np.ndarray, grid: tuple[float, ...]) -> list[float]:
    """Certified accuracy at each radius, in percent."""
    correct = np.asarray(proof.label) == labels
    return [round(100 * float((correct & (np.asarray(proof.radius) >= radius)).mean()), 1) for radius in grid]


def at_its_table(
    smoothed: Smoothed, x: Tensor, labels: np.ndarray, grid: tuple[float, ...], aim: list[float]
) -> tuple[float, int]:
    """The library's samples for each input at the least limit that gives no smaller table; and that limit."""
    for part in LIMITS:
        limit = round(part * N)
        proof = smoothed.certify(x, "l2", N0, limit, ALPHA, stop=Anytime(radii=grid), labels=labels.tolist())
        if all(share >= least for share, least in zip(table(proof, labels, grid), aim, strict=True)):
            break
    else:
        raise RuntimeError(f"no limit gives the table of a fixed n at {grid}")
    return N0 + float(np.mean(proof.counts.n)), limit


def main() -> None:
    model, test, origin = trained(NETS[0], f"gaussian(sigma={SIGMA})", 10)
    x, labels = test.images[:INPUTS], test.labels[:INPUTS].numpy()
    smoothed = Smoothed(model, f"gaussian(sigma={SIGMA})", NETS[0].classes, batch=1024)
    fixed = smoothed.certify(x, "l2", N0, N, ALPHA)
    selected = smoothed.counts(x, N0, phase=Phase.SELECTION).votes.argmax(axis=1)
    misses = fixed.counts.misses(selected)
    rng = np.random.default_rng(0)
    ratios, fixed_ratios, equal_ratios, figures = [], [], [], []
    dim = x[0].numel()
    for grid in GRIDS:
        stop = Anytime(radii=grid)
        proof = smoothed.certify(x, "l2", N0, N, ALPHA, stop=stop, labels=labels.tolist())
        ours = N0 + float(np.mean(proof.counts.n))
        found = [largest_error(smoothed.noise, radius, "l2", dim) for radius in grid]
        thresholds = np.array([0.0 if error is None else error for error in found])
        used, certified = [], []
        for _ in range(ROUNDS):
            for right, missed in zip(selected == labels, misses.tolist(), strict=True):
                votes, below = sequential(missed / N, thresholds, rng) if right else (0, thresholds < 0)
                used.append(N0 + votes)
                certified.append(below)
        theirs = float(np.mean(used))
        equal, limit = at_its_table(smoothed, x, labels, grid, table(fixed, labels, grid))
        tables = {
            "library": table(proof, labels, grid),
            "sequential": [round(100 * share, 1) for share in np.mean(certified, axis=0).tolist()],
            "fixed n": table(fixed, labels, grid),
        }
        radii = ", ".join(f"{radius:.2g}" for radius in grid)
        say(f"radii {radii}: {ours:,.0f} samples, sequential test {theirs:,.0f}, fixed n {N0 + N:,}")
        for name, row in tables.items():
            say(f"    {name:10} certifies {' '.join(f'{share:5.1f}' for share in row)} %")
        ratios.append(theirs / ours)
        fixed_ratios.append((N0 + N) / ours)
        equal_ratios.append((N0 + N) / equal)
        say(f"    with at most {limit:,} samples no share is below the fixed n's: {equal:,.0f} on average")
        figures.append(
            {
                "radii": grid,
                "samples": round(ours),
                "sequential": round(theirs),
                "samples_at_the_table_of_fixed_n": round(equal),
                "tables": tables,
            }
        )
    finish(
        "anytime",
        round(min(ratios), 2),
        fixed_ratio=round(min(fixed_ratios), 1),
        fixed_ratio_at_its_table=round(min(equal_ratios), 1),
        data=origin,
        inputs=INPUTS,
        n=N,
        grids=figures,
    )


if __name__ == "__main__":
    main()
