"""Random numbers that torch does not offer under a generator: gamma variables and tabulated laws.

Nothing here waits for the device: parameters are Python numbers or tensors that live on it already.
"""

import torch
from torch import Tensor


def wide(like: Tensor) -> torch.dtype:
    """float64, or what comes closest to it on the device of `like`."""
    return torch.float32 if like.device.type == "mps" else torch.float64


def draw_gamma(shape: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma(shape) variables with the size, type and device of `like`; use it for shapes of 1 and more."""
    shapes = torch.full_like(like, shape)
    return torch._standard_gamma(shapes, generator=generator)  # pyright: ignore[reportPrivateImportUsage]


def draw_log_gamma(shape: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """The logarithms of Gamma(shape) variables, for every shape > 0.

    Gamma(shape) = Gamma(shape + 1) · U^(1/shape) with U uniform: the variable itself would underflow for
    small shapes, its logarithm cannot.
    """
    log_uniform = torch.empty_like(like).exponential_(generator=generator).neg_()
    return draw_gamma(shape + 1, like, generator).log_().add_(log_uniform, alpha=1 / shape)


def draw_signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """Independent fair signs ±1 in the size, type and device of `like`."""
    return torch.empty_like(like).bernoulli_(0.5, generator=generator).mul_(2).sub_(1)
