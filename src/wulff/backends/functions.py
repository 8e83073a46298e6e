"""Callables and modules of any kind as base classifiers."""

from collections.abc import Callable
from typing import Any, final

from torch import Tensor, nn

from wulff.backends.base import first_line, rows_of
from wulff.backends.outputs import Decoder
from wulff.errors import InputError


@final
class TensorsOrArrays:
    """A callable on tensors or on numpy arrays; which of the two is found out at the first call.

    Args:
        function: From a batch (rows, ...), and what else it is called with, to anything.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.takes_arrays: bool | None = None

    def __call__(self, batch: Tensor, *others: Any) -> Any:
        if self.takes_arrays is None:
            return self._first_answer(batch, *others)
        return self.function(rows_of(batch) if self.takes_arrays else batch, *others)

    def _first_answer(self, batch: Tensor, *others: Any) -> Any:
        try:
            answer = self.function(batch, *others)
            self.takes_arrays = False
        except InputError:
            raise
        except Exception as on_tensor:
            try:
                answer = self.function(rows_of(batch), *others)
                self.takes_arrays = True
            except Exception:
                raise InputError(
                    f"the model fails on a batch of shape {tuple(batch.shape)}: {type(on_tensor).__name__}: "
                    f"{first_line(on_tensor)}."
                ) from on_tensor
        return answer


@final
class CallableFunction:
    """A callable on tensors or on numpy arrays as a base classifier.

    Args:
        function: From a batch (rows, ...) to logits, probabilities, scores, labels or names of classes.
        decoder: How its outputs are read.
    """

    def __init__(self, function: Callable[[Any], Any], decoder: Decoder) -> None:
        self.function = TensorsOrArrays(function)
        self.decoder = decoder

    def __call__(self, batch: Tensor) -> Tensor:
        return self.decoder(self.function(batch), len(batch), batch.device)


@final
class DecodedModule(nn.Module):
    """A module whose outputs are not plain logits: scores, or logits inside a container."""

    def __init__(self, module: nn.Module, decoder: Decoder) -> None:
        super().__init__()
        self.module = module
        self.decoder = decoder

    def forward(self, batch: Tensor) -> Tensor:
        return self.decoder(self.module(batch), len(batch), batch.device)
