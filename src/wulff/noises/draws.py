"""Random numbers that torch does not offer under a generator: gamma variables and tabulated laws.

Nothing here waits for the device: parameters are Python numbers or tensors that live on it already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wulff._typing import FloatArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_PER_UNIT, _LARGEST = 2_880, 45
"""Places of a table of quantiles for each unit of an exponential variable, and up to which unit."""


def wide(like: Tensor) -> torch.dtype:
    """float64, or what comes closest to it on the device of `like`."""
    import torch

    return torch.float32 if like.device.type == "mps" else torch.float64


def draw_gamma(shape: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma(shape) variables with the size, type and device of `like`; use it for shapes of 1 and more."""
    import torch

    shapes = torch.full_like(like, shape)
    return torch._standard_gamma(shapes, generator=generator)  # pyright: ignore[reportPrivateImportUsage]


def draw_log_gamma(shape: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """The logarithms of Gamma(shape) variables, for every shape > 0.

    Gamma(shape) = Gamma(shape + 1) · U^(1/shape) with U uniform: the variable itself would underflow for
    small shapes, its logarithm cannot.
    """
    import torch

    log_uniform = torch.empty_like(like).exponential_(generator=generator).neg_()
    return draw_gamma(shape + 1, like, generator).log_().add_(log_uniform, alpha=1 / shape)


def draw_signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """Independent fair signs ±1 in the size, type and device of `like`."""
    import torch

    return torch.empty_like(like).bernoulli_(0.5, generator=generator).mul_(2).sub_(1)


def draw_laplace(out: Tensor, generator: torch.Generator) -> Tensor:
    """Fill `out`, float32 or float64, with unit Laplace variables, and return it.

    The logarithm of a uniform variable, seven times faster than PyTorch's exponential variables on a CPU.
    The uniform one comes from 32 or 64 random bits rather than from the 24 or 53 of `uniform_`, so that the
    tails are fine-grained; half a step keeps it away from zero.
    """
    import torch

    integers = torch.int32 if out.dtype == torch.float32 else torch.int64
    limit = -torch.iinfo(integers).min
    bits = out.view(integers).random_(-limit, None, generator=generator)
    uniform = bits.to(out.dtype).add_(0.5).mul_(1 / limit)
    return torch.abs(uniform, out=out).log_().copysign_(uniform)


def quantile_table(sizes: Callable[[FloatArray], FloatArray], out: Tensor) -> Tensor:
    """A table for `draw_by_table`, on the device and in the type of `out`.

    Its 2,880 places for each unit of E reach as far as a Laplace variable does.

    Args:
        sizes: |Z| = F⁻¹(1 - tail) for the tails e^(-E) of a size.
        out: Where the draws will go.
    """
    import torch

    at = torch.from_numpy(sizes(np.exp(-np.arange(_PER_UNIT * _LARGEST + 2) / _PER_UNIT)))
    # As complex numbers a place and the rise to the next one are fetched together, five times as fast.
    return torch.complex(at[:-1], at.diff()).to(out.device, out.dtype.to_complex())


def draw_by_table(table: Tensor, out: Tensor, generator: torch.Generator) -> Tensor:
    """Fill `out`, float32 or float64, with even variables by their inverse distribution function.

    The size of a unit Laplace variable is exponential, E; the table has |Z| = F⁻¹(1 - e^(-E)). Between its
    places |Z| is taken to be linear, which is off by at most (1/2880)²/8 = 1.5e-8 times the second derivative
    of |Z| by E. For exp-lp noise with p ≥ ½ that is below 2e-6 scales, and a part of 1e-7 where |Z| is large.
    """
    import torch

    laplace = draw_laplace(out, generator)
    place = laplace.abs().mul_(_PER_UNIT)
    cell = place.to(torch.int32)
    found = torch.view_as_real(table.index_select(0, cell.view(-1))).view(*out.shape, 2)
    size = torch.addcmul(found[..., 0], place.sub_(cell), found[..., 1])
    return torch.copysign(size, laplace, out=out)
