"""How much longer does an epoch of each training method take than one of noise augmentation?

    make bench NAME=objectives

LeNet on random 28×28 images, batches with 256 noisy copies, CPU seconds of one thread. All methods take turns
in every round, so that a busy machine slows all of them alike. The last line is one JSON object; the ratios
are for the same number of inputs.
"""

import json
import statistics
import sys
import time

import torch

from wulff import models, noises, training

METHODS = {
    "augment": 256,
    "direct": 16,
    "smoothadv": 64,
    "stability": 128,
    "consistency": 128,
    "macer": 16,
    "smoothmix": 64,
}
"""Inputs per batch, such that each has 256 noisy copies."""

INPUTS = 256
ROUNDS = 5


def main() -> None:
    torch.set_num_threads(1)
    noise = noises.parse("gaussian(sigma=0.25)").in_dim(28 * 28)
    model = models.build("lenet", (1, 28, 28), 10).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(INPUTS, 1, 28, 28), torch.randint(10, (INPUTS,))
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(ROUNDS):
        for name, batch in METHODS.items():
            objective = training.parse_objective(name)
            start = time.process_time()
            for rows in torch.arange(INPUTS).split(batch):
                model.zero_grad()
                objective(model, x[rows], y[rows], noise, generator, 100).backward()
            seconds[name].append(time.process_time() - start)
    base = seconds["augment"]
    ratios = {
        name: statistics.median(t / b for t, b in zip(times, base, strict=True))
        for name, times in seconds.items()
    }
    for name, ratio in ratios.items():
        per_second = INPUTS / statistics.median(seconds[name])
        sys.stdout.write(f"{name:12} {ratio:6.1f} times, {per_second:8,.0f} inputs per CPU second\n")
    rounded = {name: round(ratio, 2) for name, ratio in ratios.items()}
    sys.stdout.write(json.dumps({"name": "objectives", "ratio": rounded}) + "\n")


if __name__ == "__main__":
    main()
