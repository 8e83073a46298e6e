"""Callables and modules of any kind as base classifiers."""

from collections.abc import Callable
from typing import Any, final

from torch import Tensor, nn

from wulff.backends.base import first_line, rows_of
from wulff.backends.outputs import Decoder
from wulff.errors import InputError


@final
class CallableFunction:
    """A callable on tensors or on numpy arrays; which of the two is found out at the first call.

    Args:
        function: From a batch (rows, ...) to logits, probabilities, scores, labels or names of classes.
        decoder: How its outputs are read.
    """

    def __init__(self, function: Callable[[Any], Any], decoder: Decoder) -> None:
        self.function = function
        self.decoder = decoder
        self.takes_arrays: bool | None = None

    def __call__(self, batch: Tensor) -> Tensor:
        return self.decoder(self._answer(batch), len(batch), batch.device)

    def _answer(self, batch: Tensor) -> Any:
        if self.takes_arrays is None:
            return self._first_answer(batch)
        return self.function(rows_of(batch) if self.takes_arrays else batch)

    def _first_answer(self, batch: Tensor) -> Any:
        try:
            answer = self.function(batch)
            self.takes_arrays = False
        except InputError:
            raise
        except Exception as on_tensor:
            try:
                answer = self.function(rows_of(batch))
                self.takes_arrays = True
            except Exception:
                raise InputError(
                    f"the model fails on a batch of shape {tuple(batch.shape)}: {type(on_tensor).__name__}: "
                    f"{first_line(on_tensor)}."
                ) from on_tensor
        return answer


@final
class DecodedModule(nn.Module):
    """A module whose outputs are not plain logits: scores, or logits inside a container."""

    def __init__(self, module: nn.Module, decoder: Decoder) -> None:
        super().__init__()
        self.module = module
        self.decoder = decoder

    def forward(self, batch: Tensor) -> Tensor:
        return self.decoder(self.module(batch), len(batch), batch.device)
