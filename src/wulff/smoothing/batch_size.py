"""Which batch size is the fastest: measured on the machine, the model and the noise at hand."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from wulff.errors import InputError
from wulff.smoothing.classifier import SMALLEST_BATCH
from wulff.smoothing.fixed import evaluating

DEFAULT_BATCH = 256
"""The batch of models of which nothing is known."""
BATCH_SIZES = tuple(SMALLEST_BATCH * 2**k for k in range(7))
"""16 to 1024. More is slower on a CPU, whose caches are small, and no faster on a GPU."""

_SECONDS = 0.1
"""How long each size is timed, at least."""
_PATIENCE = 2.0
"""Sizes of which one batch would take longer than so many seconds are left out."""


def measure_batch_sizes(model: Callable[[Tensor], Tensor], x: Tensor) -> dict[int, float]:
    """Samples per second of a model by batch size, on noisy copies of one input of shape (1, ...).

    On a CPU it is processor time that counts, so that other processes disturb it little. Sizes that do not
    fit into a GPU's memory are left out.

    Raises:
        InputError: Not even the smallest size fits.
    """
    rates: dict[int, float] = {}
    with evaluating(model) as fixed, torch.inference_mode():
        for size in BATCH_SIZES:
            expected = size / max(rates.values()) if rates else 0.0
            if expected > _PATIENCE:
                break
            batch = x.expand(size, *x.shape[1:]) + 0.5 * torch.randn(size, *x.shape[1:], device=x.device)
            try:
                fixed(batch)
                rates[size] = rate(fixed, batch)
            except torch.OutOfMemoryError:
                break
    if not rates:
        raise InputError(
            f"{SMALLEST_BATCH} noisy copies do not fit into the free memory of {x.device}: use another one."
        )
    return rates


def fastest(rates: dict[int, float]) -> int:
    """The smallest batch size that is within 2 % of the fastest one."""
    best = max(rates.values())
    return min(size for size, rate in rates.items() if rate >= 0.98 * best)


def rate(model: Callable[[Tensor], Tensor], batch: Tensor) -> float:
    """Rows per second that a model classifies; on a CPU by processor time."""
    clock = time.process_time if batch.device.type == "cpu" else time.perf_counter
    _wait(batch.device)
    start, calls = clock(), 0
    while True:
        model(batch)
        calls += 1
        _wait(batch.device)
        if (passed := clock() - start) >= _SECONDS:
            return calls * len(batch) / passed


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
