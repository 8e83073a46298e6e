"""What does the engine `ray` cost over worker processes?

    make bench NAME=cluster

The votes of 20 images on the 28×28 CNN, n = 10,000, by a local Ray with 1 and 2 workers and by as many
worker processes, in turns; seconds of the clock, without the start of Ray. `ratio` is the time of two
worker processes over that of two actors. The cost of a task is what counting one block of 64 copies takes
longer than in this process.
"""

import time

from _common import FULL, finish, nets, say

from wulff.engines import Engine, LocalEngine, ProcessEngine, RayEngine
from wulff.engines.ray_cluster import connected
from wulff.smoothing import FixedQuota, Phase, Smoothed

IMAGES, N = (200, 20_000) if FULL else (20, 10_000)


def seconds(engine: Engine, smoothed: Smoothed, n: int, images: int) -> float:
    quota = FixedQuota({Phase.ESTIMATION: n})
    pairs = list(enumerate(nets()[1].images(images)))
    begun = time.perf_counter()
    assert len(list(engine.map(smoothed, quota, 0, pairs))) == images
    return time.perf_counter() - begun


def main() -> None:
    net = nets()[1]
    smoothed = Smoothed(net.build(), "gaussian(sigma=0.25)", net.classes)
    connected()
    found: dict[str, list[float]] = {}
    for _ in range(2):
        for workers in (1, 2):
            for name, engine in (
                (f"ray {workers}", RayEngine(workers)),
                (f"processes {workers}", ProcessEngine(workers)),
            ):
                found.setdefault(name, []).append(seconds(engine, smoothed, N, IMAGES))
    best = {name: min(times) for name, times in found.items()}
    for name, time_taken in best.items():
        say(f"{name:<14} {time_taken:8.2f} s")
    many = 2_000
    small = seconds(RayEngine(1), smoothed, 64, many), seconds(LocalEngine(), smoothed, 64, many)
    overhead = (small[0] - small[1]) / many
    say(f"a task of one block: {1e6 * overhead:.0f} µs more than in this process")
    finish(
        "cluster",
        ratio=round(best["processes 2"] / best["ray 2"], 3),
        task_overhead=round(overhead, 6),
        **best,
    )


if __name__ == "__main__":
    main()
