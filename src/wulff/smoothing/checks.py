"""Checks of the inputs, once, at the border."""

import secrets
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from wulff._quoting import shown
from wulff._warnings import warn
from wulff.errors import InputError

ROUNDING = 1e-2
"""By which part of the size of its noise a coordinate in a unit of its own may be rounded."""
FAR = 10.0
"""Images with larger values are surely not in [0, 1]; those of a usual normalisation are below 3."""


def check_images(x: Tensor, *, quiet: bool = False, pixels: bool = True) -> Tensor:
    """Inputs of shape (inputs, ...) as float32, where they can be smoothed at all; `quiet` warns of nothing.

    Args:
        x: The inputs.
        quiet: Whether to warn of nothing.
        pixels: Whether they are expected in [0, 1]; else they are in units of their own.

    Raises:
        InputError: x is no floating point tensor of that shape, is empty, holds NaN or infinities, or
            holds images that are far outside [0, 1].

    Warns:
        UserWarning: The values do not look like pixels in [0, 1], so that radii may not mean what they say.
    """
    if not isinstance(x, Tensor):
        raise InputError(f"inputs must be a torch.Tensor, got {type(x).__name__}; use torch.as_tensor(x).")
    if x.ndim < 2 or x.numel() == 0:
        raise InputError(f"inputs must have shape (inputs, ...) and not be empty, got {tuple(x.shape)}.")
    if not x.is_floating_point():
        raise InputError(
            f"inputs must be floating point in [0, 1], got {x.dtype}; divide 8-bit pixels by 255."
        )
    x = x.detach()
    if not bool(x.isfinite().all()):
        bad = int((~x.flatten(1).isfinite().all(dim=1)).nonzero()[0])
        raise InputError(f"input {bad} holds NaN or infinite values; remove or repair it.")
    low, high = float(x.min()), float(x.max())
    if not pixels:
        return x.to(torch.float32) if x.dtype != torch.float64 else x
    if x.ndim > 2 and max(high, -low) > FAR:
        raise InputError(
            f"inputs must be images in [0, 1], got values from {low:.3g} to {high:.3g}; divide 8-bit pixels "
            "by 255, and scale other signals to [0, 1]: noise and radii are in these units."
        )
    if (low < -0.01 or high > 1.01) and not quiet:
        warn(
            f"inputs range from {low:.3g} to {high:.3g} and do not look like pixels in [0, 1]; noise and "
            "radii are in the units of these inputs. Normalisation belongs inside the model."
        )
    return x.to(torch.float32) if x.dtype != torch.float64 else x


def check_precision(x: Tensor, scales: Sequence[float]) -> None:
    """Refuse inputs whose numbers are so far from 0 that noise in units of these scales is lost in rounding.

    Args:
        x: The inputs.
        scales: The size of each coordinate's noise; 0 for immutable ones.

    Raises:
        InputError: Neighbours of a number are further apart than a fraction of its noise.
    """
    rows, sizes = x.flatten(1), x.new_tensor(scales)
    coarse = (rows.abs() * torch.finfo(x.dtype).eps / 2 > ROUNDING * sizes) & (sizes > 0)
    if bool(coarse.any()):
        row, place = map(int, coarse.nonzero()[0])
        raise InputError(
            f"input {row} has {float(rows[row, place]):.9g} as coordinate {place}, which {x.dtype} rounds by "
            f"more than a hundredth of its noise, {scales[place]:.3g}; subtract a typical value."
        )


def check_seed(seed: int | None) -> int:
    """A seed from 0 to 2⁶⁴ - 1; None draws one from the operating system."""
    if seed is None:
        return secrets.randbits(64)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed must be an integer from 0 to 2^64 - 1, got {shown(seed)}.", "seed")
    return int(seed)
