"""Callables on tensors or arrays, and everything that they may return."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wulff import backends
from wulff.errors import InputError

X = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
EXPECTED = (X[:, 0] > 0.5).long()
NAMES = ("low", "high")


def logits(x: Tensor) -> Tensor:
    return torch.stack([0.5 - x[:, 0], x[:, 0] - 0.5], dim=1)


def only_arrays(x: np.ndarray) -> np.ndarray:
    assert isinstance(x, np.ndarray)
    return np.stack([1 - x[:, 0], x[:, 0]], axis=1)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (logits, {}),
        (only_arrays, {}),
        (lambda x: logits(x).numpy(), {}),
        (lambda x: logits(x).argmax(dim=1), {}),
        (lambda x: x[:, 0] > 0.5, {}),
        (lambda x: (x[:, 0] > 0.5).tolist(), {}),
        (lambda x: (x[:, :1] > 0.5).int(), {}),
        (lambda x: x[:, 0], {"threshold": 0.5}),
        (lambda x: x[:, :1] - 0.5, {"threshold": 0}),
        (lambda x: np.where(np.asarray(x)[:, 0] > 0.5, "high", "low"), {"class_names": NAMES}),
        (lambda x: ["high" if value > 0.5 else "low" for value in x[:, 0]], {"class_names": NAMES}),
        (lambda x: {"logits": logits(x)}, {}),
        (lambda x: (logits(x),), {}),
    ],
)
def test_every_kind_of_output(function, options: dict) -> None:
    output = backends.adapt(function, **options)(X)
    labels = output if output.ndim == 1 else output.argmax(dim=1)
    assert torch.equal(labels.long(), EXPECTED)


def test_a_score_that_is_not_a_number_is_no_label() -> None:
    output = backends.adapt(lambda x: torch.full((len(x),), torch.nan), threshold=0)(X)
    assert output.isnan().all()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:, 0], "threshold=0 for a logit, threshold=0.5 for a probability"),
        (lambda x: ["high"] * len(x), r"give class_names=\[...\]"),
        (lambda x: logits(x)[:5], r"for 20 rows, got \(5, 2\)"),
        (lambda x: None, "got NoneType"),
        (lambda x: 3, "got int"),
        (lambda x: np.zeros((len(x), 2), dtype=complex), "numbers, got complex128"),
        (lambda x: 1 / 0, r"fails on a batch of shape \(20, 3\): ZeroDivisionError: division by zero"),
    ],
)
def test_outputs_that_say_nothing(function, message: str) -> None:
    with pytest.raises(InputError, match=message):
        backends.adapt(function)(X)


class Wrapped(nn.Module):
    """A module that returns its logits in a container, as transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": self.linear(x)}


def test_identity_of_modules_is_that_of_their_weights() -> None:
    first, second = nn.Linear(3, 4), nn.Linear(3, 4)
    assert backends.adapt(first).identity == backends.adapt(first).identity
    assert backends.adapt(first).identity != backends.adapt(second).identity
    second.load_state_dict(first.state_dict())
    assert backends.adapt(first).identity == backends.adapt(second).identity
    assert backends.adapt(Wrapped()).identity != backends.adapt(first).identity
    assert backends.adapt(logits).identity is None
    assert backends.adapt(logits, identity="fraud model 7").identity == "fraud model 7"


@pytest.mark.parametrize("model", [None, 3, "resnet", torch.zeros(3)])
def test_what_is_no_model(model: object) -> None:
    with pytest.raises(InputError, match="a model must be a module, an estimator"):
        backends.adapt(model)


@pytest.mark.parametrize("spec", ["nothing:x", "onnx:", "model.pt"])
def test_unknown_specs(spec: str) -> None:
    with pytest.raises(InputError, match="it begins with python, onnx"):
        backends.load(spec)
