"""Numbers on their way from a device to this program."""

import numpy as np
import torch
from torch import Tensor


class Readback:
    """Numbers that are asked for now and read later, so that a GPU can go on with other work meanwhile.

    Args:
        there: A tensor that nothing else writes to.
    """

    def __init__(self, there: Tensor) -> None:
        self._numbers = there
        self._arrived: torch.cuda.Event | None = None
        if there.device.type == "cuda":
            self._numbers = torch.empty(there.shape, dtype=there.dtype, pin_memory=True)
            self._numbers.copy_(there, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()

    def numpy(self) -> np.ndarray:
        """The numbers, when they are here."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._numbers.cpu().numpy()
