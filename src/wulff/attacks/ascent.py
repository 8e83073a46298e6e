"""Projected gradient ascent [Madry et al. 2018], on any loss and in any norm, within [0, 1]."""

import contextlib
import math
from collections.abc import Callable, Generator

import torch
from torch import Tensor, nn

from wulff.attacks.geometry import project, steepest
from wulff.norms import Norm


def climb(
    loss: Callable[[Tensor], Tensor],
    x: Tensor,
    norm: Norm,
    radius: Tensor | None,
    *,
    steps: int,
    step_size: Tensor,
    start: Tensor | None = None,
    keep_step: bool = False,
    narrow: bool = False,
) -> Tensor:
    """Inputs near x at which a loss is high.

    Args:
        loss: Maps inputs like x to a loss for each, of shape (rows,).
        x: Inputs in [0, 1], of shape (rows, ...).
        norm: In which steps and distances from x are measured.
        radius: The largest distance, of shape (rows,); None for no limit.
        steps: How many steps to take.
        step_size: The length of a step, of shape (rows,).
        start: Where to begin; at x by default.
        keep_step: Spend the whole step on coordinates that can move. By default the part of a step that leads
            out of [0, 1] is lost, as in the published training methods.
        narrow: Against l1, move fewer and fewer coordinates, and in the second half one at a time.
    """
    adversary = (x if start is None else start).detach()
    lengths = step_size.view(-1, *[1] * (x.ndim - 1))
    for step in range(steps):
        adversary.requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(loss(adversary).sum(), [adversary])
        with torch.no_grad():
            focus = min(1.0, 2 * step / steps) if narrow else 0.0
            if keep_step:
                leaves = ((adversary >= 1) & (gradient > 0)) | ((adversary <= 0) & (gradient < 0))
                gradient = gradient.masked_fill(leaves, 0.0)
            adversary = (adversary + lengths * steepest(gradient, norm, focus)).clamp(0, 1)
            if radius is not None:
                adversary = (x + project(adversary - x, norm, radius)).clamp(0, 1)
    return adversary.detach()


def smoothed_loss(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, noises: Tensor) -> Tensor:
    """-log of the mean over noisy copies of softmax f(x + Z)_y, for each row [Salman et al. 2019, eq. 5].

    Args:
        model: Returns logits.
        x: Inputs of shape (rows, ...).
        y: Labels of shape (rows,).
        noises: Of shape (copies, rows, ...).
    """
    logits = model((x + noises).flatten(0, 1)).to(x.dtype).view(len(noises), len(x), -1)
    chosen = logits.log_softmax(dim=2).gather(2, y.view(1, -1, 1).expand(len(noises), -1, 1))
    return -(chosen.squeeze(2).logsumexp(dim=0) - math.log(len(noises)))


@contextlib.contextmanager
def frozen(model: nn.Module) -> Generator[None]:
    """The model in evaluation mode, its weights without gradients: for attacks in the midst of training.

    The model itself is changed and changed back, which is for its trainer only.
    """
    training = [module for module in model.modules() if module.training]
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for module in training:
            module.training = True
        for parameter in learning:
            parameter.requires_grad_(True)
