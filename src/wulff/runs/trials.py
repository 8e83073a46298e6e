"""Models from elsewhere are tried out before a run of them begins: can they run, and are they functions?"""

import torch
from torch import Tensor

from wulff import backends
from wulff.errors import InputError
from wulff.smoothing import evaluating
from wulff.smoothing.classifier import SMALLEST_BATCH

ROWS = 32
"""So many noisy copies of one input show whether a model is a function of its input."""
MOST_MOVED = 1
"""So many of their labels may move by rounding."""


def check_function(model: str, function: backends.Function, x: Tensor, rows: Tensor | None = None) -> None:
    """Refuse a model whose answer for an input depends on what else is in the batch, or on earlier calls.

    It is asked for noisy copies of an input in two orders, and for half of them in other company. Answers may
    differ by rounding, which moves labels only where two classes are nearly alike.

    Args:
        model: What it is called in messages.
        function: The model.
        x: One input, of shape (1, ...).
        rows: Inputs to ask it for instead of noisy copies, in the shape of copies.

    Raises:
        InputError: Its answers differ by more, or it fails.
    """
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(2 * ROWS, *x.shape[1:], generator=generator)
    noisy = 0.25 * draws.to(x.device)
    alone, others, half = x + noisy[:ROWS], 1 - x + noisy[ROWS:], ROWS // 2
    if rows is not None and rows.shape[1:] == x.shape[1:]:
        places = torch.arange(2 * ROWS) % len(rows)
        alone, others = rows[places].to(x.device).chunk(2)
    with evaluating(function, model) as fixed, torch.inference_mode():
        expected = fixed(alone)
        turned = fixed(alone.flip(0)).flip(0)
        elsewhere = fixed(torch.cat([others[half:], alone[:half]]))[half:]
    for found, wanted in ((turned, expected), (elsewhere, expected[:half])):
        if _moved(found, wanted) > MOST_MOVED:
            raise InputError(
                f"{model} is no function of its input: its answers change with the rest of the batch, or "
                "from call to call; leave statistics over a batch, counters and random numbers out of it."
            )


def _moved(found: Tensor, expected: Tensor) -> int:
    """How many labels differ, leaving out those that are near ties."""
    if expected.ndim == 1:
        return int((found != expected).sum())
    differ = found.argmax(dim=1) != expected.argmax(dim=1)
    if expected.shape[1] < 2 or not expected.is_floating_point():
        return int(differ.sum())
    best = expected.double().topk(2, dim=1).values
    near = best[:, 0] - best[:, 1] <= 1e-3 * expected.double().abs().amax(dim=1)
    unknown = ~expected.isfinite().all(dim=1) | ~found.isfinite().all(dim=1)
    return int((differ & ~near & ~unknown).sum())


def first_answer(model: str, function: backends.Function, x: Tensor) -> Tensor:
    """The answer to one input, in a batch of the least size; a model that cannot run is refused here."""
    with evaluating(function, model) as fixed, torch.inference_mode():
        answer = fixed(x.expand(SMALLEST_BATCH, *x.shape[1:]))
    if not isinstance(answer, Tensor) or answer.ndim not in (1, 2) or len(answer) != SMALLEST_BATCH:
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise InputError(f"{model} must return logits (rows, classes) or labels (rows,), got {got}.")
    return answer
