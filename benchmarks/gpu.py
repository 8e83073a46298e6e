"""Is the noise on this GPU the one that is certified, and how fast is it? In ten minutes at most.

    DEVICE=cuda make bench NAME=gpu

- streams: blocks of every kind of noise are drawn twice, all at once and from the last to the first, and have
  to be equal bit for bit; and draws on the device are compared with those on a CPU, by Kolmogorov-Smirnov
  tests of a coordinate and of two norms: one fails with a probability of about 1e-4 where the laws are
  the same. So are those of compiled runs, which a GPU computes by their places; `integers` says whether the
  integers behind them are those of a CPU, and whether one kernel makes them.
- for each of five nets, in float32 and bfloat16, compiled or not, whichever is fastest: samples per second,
  the share of bare forward passes, minutes to a table of 500 inputs with n = 100,000, the peak of the
  device's memory, and whether votes are the same with and without CUDA graphs.

`ratio` is the smallest share of the bare forward pass. ONLY=NAME takes the nets whose name contains it. Nets
that there is no time for are named in `skipped`. It ends with status 1 if a stream or a vote is wrong.
Without DEVICE it runs on the CPU, where ResNet-50 takes most of the time.
"""

import dataclasses
import functools
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
import torch
from _common import DEVICE, NETS, Net, best_policy, finish, forward_rate, noisy, say, timed
from scipy import stats
from torch import Tensor

from wulff import Smoothed, noises
from wulff.smoothing import Grid, Phase, philox, replay
from wulff.smoothing.copies import NoisySource
from wulff.smoothing.philox import Philox
from wulff.smoothing.streams import BLOCK

LIMIT = float(os.environ.get("LIMIT", "600"))
"""Seconds for everything."""
SECONDS = LIMIT / 400
"""Of one measurement."""
ROUNDS = 3
TABLE = 500 * 100_100
"""Copies of a table: 500 inputs, n0 = 100, n = 100,000."""
WRONG = 1e-6
"""P-values below this are no accident."""
BLOCKS = max(4, min(32, int(LIMIT / 4)))
"""Of 64 copies, for a stream."""
SHAPE = (3, 4, 4)
SPECS = (
    "gaussian(sigma=0.5)",
    "laplace(sigma=0.5)",
    "uniform(sigma=0.5)",
    "ball(sigma=0.5)",
    "exp-lp(sigma=0.5,p=4)",
    "exp-lp(sigma=0.5,p=0.5)",
    "pareto(sigma=0.5,a=3)",
    "exp-l1(sigma=0.5,j=1,k=2)",
    "exp-l2(sigma=0.5,j=1,k=2)",
    "exp-linf(sigma=0.5,j=1,k=2)",
    "power-l1(sigma=0.5,a=60)",
    "power-l2(sigma=0.5,a=60)",
    "power-linf(sigma=0.5,a=60)",
    "mixed-linf(sigma=0.5,j=1)",
)
EXACT = ("gaussian(sigma=0.5)", "laplace(sigma=0.5)", "uniform(sigma=0.5)")
FIVE = (*NETS[:3], Net("ResNet-110 32x32", "resnet110", (3, 32, 32), 10, small=False), NETS[3])


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way of drawing noise."""

    spec: str
    exact: bool = False
    compiled: bool = False

    def __str__(self) -> str:
        return f"{self.spec}{', exact' * self.exact}{', compiled' * self.compiled}"

    def blocks(self, device: torch.device, seed: int, *, at_once: bool) -> Tensor:
        """Blocks of copies of a grey image, drawn at once or from the last to the first."""
        x = torch.full(SHAPE, 51 / 255, device=device)
        grid = Grid() if self.exact else None
        copies = NoisySource(noises.parse(self.spec), seed, grid, compiled=self.compiled).copies(x, device)
        drawn = copies.buffer(BLOCK * BLOCKS, x)
        if at_once:
            copies.fill(drawn, x, 7, Phase.ESTIMATION, 0)
        else:
            for block in range(BLOCKS)[::-1]:
                copies.fill(drawn[block * BLOCK :][:BLOCK], x, 7, Phase.ESTIMATION, block)
        return drawn.flatten(1).cpu()


KINDS = [
    *(Kind(spec, compiled=compiled) for spec in SPECS for compiled in (False, True)),
    *(Kind(spec, exact=True, compiled=compiled) for spec in EXACT for compiled in (False, True)),
]


def stream(kind: Kind) -> tuple[bool, float]:
    """Whether a noise depends on its block only, and the smallest p-value of its law against a CPU's."""
    there = kind.blocks(DEVICE, 1, at_once=True)
    again = kind.blocks(DEVICE, 1, at_once=False)
    here = kind.blocks(torch.device("cpu"), 2, at_once=True)
    views = [
        [z[:, 0], (z - 0.2).norm(dim=1), (z - 0.2).abs().amax(dim=1)] for z in (there.double(), here.double())
    ]
    tests: list[Any] = [stats.ks_2samp(a, b) for a, b in zip(*views, strict=True)]
    return torch.equal(there, again), min(float(test.pvalue) for test in tests)


def integers() -> dict[str, bool]:
    """Whether counted integers on the device are those of a CPU, and whether one kernel makes them there."""

    def drawn(device: torch.device, *, compiled: bool) -> Tensor:
        def generator(block: int) -> torch.Generator:
            return torch.Generator(device).manual_seed(block)

        random = Philox(2**64 - 3, range(2**31, 2**31 + 9), generator, device, compiled=compiled)
        return random.words(torch.empty(9 * BLOCK, 100, dtype=torch.int64, device=device)).cpu()

    here = drawn(torch.device("cpu"), compiled=False)
    on_gpu = DEVICE.type == "cuda"
    return {
        "those_of_a_cpu": all(
            torch.equal(here, drawn(DEVICE, compiled=compiled)) for compiled in {False, on_gpu}
        ),
        "one_kernel": on_gpu and philox.compiled(philox.words, DEVICE, wide=True) is not None,
    }


@dataclasses.dataclass(frozen=True)
class Speed:
    """What was measured of one net."""

    how: str
    samples_per_second: float
    share_of_bare_forward: float
    minutes_to_table: float
    megabytes: float | None
    same_votes: bool


def speed(net: Net) -> Speed:
    """The vote loop and bare forward passes, in turns, under the fastest policy."""
    model, x = net.build(), net.images(4)
    policy, batch = best_policy(model, x, SECONDS)
    smoothed = Smoothed(model, "gaussian(sigma=0.5)", net.classes, batch=batch, policy=policy)
    rate = forward_rate(smoothed.model, noisy(x, batch), SECONDS / 4)
    n = max(2 * batch, round(rate * SECONDS / len(x)))
    smoothed.counts(x[:1], batch)  # warm up
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    shares, rates = [], []
    for seed in range(ROUNDS):
        bare = forward_rate(smoothed.model, noisy(x, batch), SECONDS)
        rates.append(len(x) * n / timed(functools.partial(smoothed.counts, x, n, seed=seed)))
        shares.append(rates[-1] / bare)
    loop = statistics.median(rates)
    return Speed(
        how=f"{policy.dtype}{', compiled' * policy.compile}, batch {batch}",
        samples_per_second=round(loop, 1),
        share_of_bare_forward=round(statistics.median(shares), 3),
        minutes_to_table=round(TABLE / loop / 60, 2),
        megabytes=round(torch.cuda.max_memory_allocated() / 2**20, 1) if DEVICE.type == "cuda" else None,
        same_votes=same_votes(smoothed, x),
    )


def same_votes(smoothed: Smoothed, x: Tensor) -> bool:
    """Whether replayed batches get the votes of those that are classified as usual."""
    n, warm_up = (replay.WARM_UP + 4) * smoothed.batch // len(x), replay.WARM_UP
    replayed = smoothed.counts(x, n).votes
    try:
        replay.WARM_UP = 2**62
        return bool((replayed == smoothed.counts(x, n).votes).all())
    finally:
        replay.WARM_UP = warm_up


def main() -> None:
    began = time.perf_counter()
    wrong, smallest = [], 1.0
    whole = integers()
    say(f"integers by their places: {whole}")
    for kind in KINDS:
        same, p = stream(kind)
        smallest = min(smallest, p)
        if not same or p < WRONG:
            wrong.append(str(kind))
        say(f"{kind!s:44} {'the same again' if same else 'NOT the same again'}, p = {p:.2g} against a CPU's")
    speeds: dict[str, Speed] = {}
    skipped = []
    chosen = [net for net in FIVE if os.environ.get("ONLY", "") in net.name]
    for left, net in zip(range(len(chosen), 0, -1), chosen, strict=True):
        if speeds and time.perf_counter() - began > LIMIT * (1 - left / 2 / len(FIVE)):
            skipped.append(net.name)
            continue
        speeds[net.name] = found = speed(net)
        say(
            f"{net.name:18} {found.how:32} {found.samples_per_second:>10,.0f} samples/s, "
            f"{found.share_of_bare_forward:.3f} of bare forward, {found.minutes_to_table:.1f} min to a table"
        )
    finish(
        "gpu",
        min((found.share_of_bare_forward for found in speeds.values()), default=float(np.nan)),
        streams={"kinds": len(KINDS), "wrong": wrong, "smallest_p": smallest, "integers": whole},
        nets={name: dataclasses.asdict(found) for name, found in speeds.items()},
        skipped=skipped,
        seconds=round(time.perf_counter() - began, 1),
    )
    agree = all(found.same_votes for found in speeds.values())
    sys.exit(0 if agree and not wrong and whole["those_of_a_cpu"] else 1)


if __name__ == "__main__":
    main()
