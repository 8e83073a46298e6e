"""How much faster are two worker processes than one?

    make bench NAME=workers

Wall time of the same certification by one worker process and by two, each on one thread, less the time that
they need to start; the votes are checked to be the same. Repetitions take turns. `ratio` is the time of one
worker over that of two: 2 on a machine with two idle processors.
"""

import os
import statistics
import time

from _common import FULL, NETS, finish, say

from wulff import Smoothed
from wulff.engines import ProcessEngine
from wulff.smoothing import FixedQuota, Phase, Votes

SECONDS = 20.0 if FULL else 6.0
INPUTS = 32


def run(smoothed: Smoothed, workers: int, n: int) -> tuple[float, list[Votes]]:
    """Seconds from the first result to the last, per result, and the results."""
    quota = FixedQuota({Phase.SELECTION: 100, Phase.ESTIMATION: n})
    x = NETS[1].images(INPUTS)
    votes, times = [], []
    for vote in ProcessEngine(workers).map(smoothed, quota, 0, enumerate(x)):
        votes.append(vote)
        times.append(time.perf_counter())
    # All but the first of each worker: processes that start are not what is asked about.
    return (times[-1] - times[workers - 1]) / (INPUTS - workers), votes


def main() -> None:
    net = NETS[1]
    smoothed = Smoothed(net.build(), "gaussian(sigma=0.5)", net.classes, batch=128)
    start = time.perf_counter()
    smoothed.counts(net.images(1), 2_000)
    n = round(2_000 * SECONDS / (time.perf_counter() - start) / INPUTS)
    ratios = []
    for turn in range(3):
        one, votes = run(smoothed, 1, n)
        two, same = run(smoothed, 2, n)
        agree = all(
            (a.counts[phase] == b.counts[phase]).all()
            for a, b in zip(votes, same, strict=True)
            for phase in a.counts
        )
        if not agree:
            raise SystemExit("two workers counted other votes than one")
        ratios.append(one / two)
        say(f"round {turn}: one {one * 1e3:8.1f} ms per input, two {two * 1e3:8.1f} ms")
    finish("workers", round(statistics.median(ratios), 3), processors=os.cpu_count(), n=n, same_votes=True)


if __name__ == "__main__":
    main()
