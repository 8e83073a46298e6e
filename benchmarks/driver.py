"""How many blocks can one driver hand out and add up, if workers take no time?

    make bench NAME=driver

The crew of the engine `ray`, with a stand-in for Ray that has 1,000 workers (10,000 at full size) which
answer at once: what remains is the driver's own work, without Ray's. With a fixed n an input is cut into
tasks of 128 blocks; with early stopping every look is a task of its own. `ratio` is the blocks per
processor second over the 20,000 that 1,000 GPUs of 1,280 copies a second each would need.
"""

import itertools
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from _common import FULL, finish, say

from wulff.engines import RayEngine, ray_cluster
from wulff.engines.blocks import Ballots, Counted, Task
from wulff.norms import Norm
from wulff.smoothing import AnytimeQuota, FixedQuota, Phase, Quota, Smoothed, Terms
from wulff.smoothing.streams import BLOCK
from wulff.stats import Anytime
from wulff.testing.engines import Bands

WORKERS = 10_000 if FULL else 1_000
CLASSES = 1_000
SMOOTHED = Smoothed(Bands(), "gaussian(sigma=0.5)", CLASSES)


class FakeRay:
    """Ray as far as the crew asks: nodes with one CPU, actors, and answers that are there at once."""

    def __init__(self) -> None:
        self.util = SimpleNamespace(scheduling_strategies=self)
        self.exceptions = SimpleNamespace(
            RayActorError=KeyError, ObjectLostError=KeyError, ObjectStoreFullError=KeyError
        )
        self.answers: dict[int, Any] = {}
        self.numbers = itertools.count()
        self.tasks = self.blocks = 0

    def nodes(self) -> list[dict[str, Any]]:
        each = {"NodeManagerAddress": "127.0.0.1", "Alive": True, "Resources": {"CPU": 1}}
        return [{"NodeID": f"{number:08}"} | each for number in range(WORKERS)]

    def NodeAffinitySchedulingStrategy(self, node: str, soft: bool) -> None:
        return None

    def remote(self, **needs: Any) -> Any:
        actor = SimpleNamespace(facts=self._method(self._facts), count=self._method(self._count))
        return lambda kind: SimpleNamespace(remote=lambda *arguments: actor)

    def put(self, x: Any) -> Any:
        return x

    def kill(self, actor: Any) -> None:
        pass

    def wait(self, calls: list[int], num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        return calls[:num_returns], []

    def get(self, call: int) -> Any:
        return self.answers.pop(call)

    def _method(self, function: Any) -> Any:
        def remote(*arguments: Any) -> int:
            call = next(self.numbers)
            self.answers[call] = function(*arguments)
            return call

        return SimpleNamespace(remote=remote)

    def _facts(self) -> dict[str, str]:
        return ray_cluster.facts_of(SMOOTHED)

    def _count(self, tasks: list[Task], *inputs: Any) -> list[Counted]:
        self.tasks += len(tasks)
        self.blocks += sum(-(-task.copies // BLOCK) for task in tasks)
        found = []
        for task in tasks:  # one copy in fifty is a miss
            votes = np.zeros(CLASSES, dtype=np.int64)
            votes[0] = task.copies - task.copies // 50
            found.append(Counted(votes, 0))
        return found


def measure(name: str, quota: Quota, inputs: int) -> tuple[float, float]:
    """Blocks and tasks per processor second."""
    ray = FakeRay()
    crew = ray_cluster.Crew(ray, RayEngine(), SMOOTHED, None)
    image = torch.zeros(1, 3, 4)
    begun = time.process_time()
    done = sum(1 for _ in crew.run(Ballots(quota, CLASSES), ((i, image) for i in range(inputs))))
    seconds = time.process_time() - begun
    assert done == inputs
    say(f"{name:<16} {ray.blocks / seconds:12,.0f} blocks/s {ray.tasks / seconds:10,.0f} tasks/s")
    return ray.blocks / seconds, ray.tasks / seconds


def main() -> None:
    fixed = FixedQuota({Phase.SELECTION: 100, Phase.ESTIMATION: 100_000})
    blocks, _ = measure("fixed n", fixed, 20 * WORKERS if FULL else 2_000)
    terms = Terms(
        noise=SMOOTHED.noise.in_dim(12), n0=100, n=100_000, alpha=1e-3, seed=0, stop=Anytime(radii=(0.5, 1.0))
    )
    _, looks = measure("early stopping", AnytimeQuota(terms, [Norm.L2]), 1_000)
    finish(
        "driver", ratio=round(blocks / 20_000, 2), blocks=round(blocks), looks=round(looks), workers=WORKERS
    )


if __name__ == "__main__":
    main()
