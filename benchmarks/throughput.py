"""How much of the bare model's speed does the vote loop keep, and how does it compare with the papers' loop?

    make bench NAME=throughput

For each net: samples per second of the vote loop over those of bare forward passes of the same model, batch
and dtype, on noisy images, in float32 and under the fastest policy; and samples per second under the fastest
policy over those of the papers' loop (batches of 1,000, float32) at equal n. Repetitions take turns; a ratio
is the median of theirs. `ratio` is the smallest share of the bare model's speed. `most_over_papers_loop` is
what the vote loop would reach over the papers' loop if every operation of the model ran as fast as this
machine multiplies large matrices in the policy's dtype: no engine can do better with this arithmetic.
"""

import functools
import statistics

import torch
from _common import DEVICE, FULL, Net, best_policy, finish, forward_rate, nets, noisy, say, timed
from _papers_loop import BATCH, sample_under_noise
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from wulff import Smoothed
from wulff.smoothing import DevicePolicy, fastest, measure_batch_sizes
from wulff.smoothing.policy import DTYPES

SIGMA = 0.5
SECONDS = 3.0 if FULL else 0.8
ROUNDS = 7 if FULL else 5


def compare(net: Net, model: nn.Module, policy: DevicePolicy, batch: int) -> tuple[float, float]:
    """The share of the bare model's speed that is kept, and samples per second."""
    x = net.images(4)
    smoothed = Smoothed(model, f"gaussian(sigma={SIGMA})", net.classes, batch=batch, policy=policy)
    rate = forward_rate(smoothed.model, noisy(x, batch), SECONDS / 4)
    n = max(4 * batch, round(rate * SECONDS / len(x)))
    smoothed.counts(x[:1], batch)  # warm up
    rounds = []
    for seed in range(ROUNDS):
        bare = forward_rate(smoothed.model, noisy(x, batch), SECONDS)
        loop = len(x) * n / timed(functools.partial(smoothed.counts, x, n, seed=seed))
        rounds.append((loop / bare, loop))
    share, rate = (statistics.median(column) for column in zip(*rounds, strict=True))
    how = f"{policy.dtype}{', compiled' if policy.compile else ''}, batch {batch}"
    say(f"{net.name:18} {how:32} {rate:>10,.0f} samples/s, {share:.3f} of the bare model")
    return round(share, 3), rate


def papers_rate(net: Net, model: nn.Module) -> float:
    """Samples per second of the papers' loop."""
    x, n = net.images(1)[0].to(DEVICE), BATCH * (8 if net.small else 1)
    call = functools.partial(sample_under_noise, model, x, n, SIGMA, net.classes)
    return statistics.median(n / timed(call) for _ in range(3))


def peak_rate(net: Net, model: nn.Module, dtype: str) -> float:
    """Samples per second of the model's multiplications at the speed of those of large matrices."""
    with FlopCounterMode(display=False) as counter:
        model(net.images(1).to(DEVICE))
    a, b = torch.randn(2, 2048, 2048, device=DEVICE).to(DTYPES[dtype])
    matrices = forward_rate(a.matmul, b, SECONDS) / len(b)
    return matrices * 2 * len(b) ** 3 / counter.get_total_flops()


def main() -> None:
    shares: dict[str, float] = {}
    gains: dict[str, float] = {}
    most: dict[str, float] = {}
    for net in nets():
        model, x = net.build(), net.images(1)
        plain = DevicePolicy(device=str(DEVICE))
        batch = fastest(measure_batch_sizes(plain.apply(model), x.to(DEVICE)))
        shares[f"{net.name} plain"], _ = compare(net, model, plain, batch)
        papers = papers_rate(net, model)
        policy, batch = best_policy(model, x)
        shares[f"{net.name} best"], rate = compare(net, model, policy, batch)
        peak = peak_rate(net, model, policy.dtype)
        papers = statistics.mean([papers, papers_rate(net, model)])
        gains[net.name] = round(rate / papers, 2)
        most[net.name] = round(peak / papers, 2)
        say(
            f"{net.name:18} {gains[net.name]:.1f} times the papers' loop ({papers:,.0f} samples/s), "
            f"at most {most[net.name]:.1f} times"
        )
    finish(
        "throughput",
        min(shares.values()),
        share_of_bare_model=shares,
        over_papers_loop=gains,
        most_over_papers_loop=most,
    )


if __name__ == "__main__":
    main()
