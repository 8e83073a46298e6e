"""Models that a user's own file makes, and what can go wrong in it."""

import os
import pickle
from pathlib import Path

import cloudpickle
import pytest
import torch
from torch import nn

from tests.processes import forked
from wulff import backends
from wulff.errors import InputError

FILE = """
import torch
from torch import nn
from neighbour import CLASSES

class Net(nn.Module):
    def __init__(self, classes=CLASSES):
        super().__init__()
        self.layer = nn.Linear(3, classes)
    def forward(self, x):
        return self.layer(x)

def make():
    torch.manual_seed(1)
    return Net(5)

ready = make()

def predict(x):
    return ready(x).argmax(dim=1)

def broken():
    raise FileNotFoundError("weights.pt is missing\\nsecond line")

number = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("CLASSES = 4\n")
    path = tmp_path / "own.py"
    path.write_text(FILE)
    return path


def test_classes_factories_modules_and_functions(file: Path) -> None:
    x = torch.rand(6, 3)
    assert backends.load(f"python:{file}:Net")(x).shape == (6, 4)
    made, ready = backends.load(f"python:{file}:make"), backends.load(f"python:{file}:ready")
    assert isinstance(made.function, nn.Module)
    assert torch.equal(made(x), ready(x))
    assert made.identity == ready.identity
    predict = backends.load(f"python:{file}:predict")
    assert torch.equal(predict(x), ready(x).argmax(dim=1))
    assert predict.identity is None


def test_they_go_to_processes_that_do_not_know_the_file(file: Path, tmp_path: Path) -> None:
    cargo = tmp_path / "cargo"
    classifier = backends.load(f"python:{file}:predict")
    cargo.write_bytes(cloudpickle.dumps((classifier, classifier(torch.ones(4, 3)))))
    elsewhere = forked(unpacked, cargo)
    elsewhere.join()
    assert elsewhere.exitcode == 0


def unpacked(cargo: Path) -> None:
    os.chdir("/")
    classifier, expected = pickle.loads(cargo.read_bytes())  # noqa: S301 (as for a worker process)
    assert torch.equal(classifier(torch.ones(4, 3)), expected)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "defines no 'nothing'; it has "),
        ("broken", r"broken\(\) in .*own.py fails: FileNotFoundError: weights.pt is missing\.$"),
        ("number", "a model must be a module"),
        ("", "does not name an object; write python:FILE.py:NAME"),
    ],
)
def test_what_goes_wrong_is_one_line(name: str, message: str, file: Path) -> None:
    with pytest.raises(InputError, match=message):
        backends.load(f"python:{file}:{name}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 / 0", "fails: ZeroDivisionError"),
        ("import nonsense_xyz", "fails: ModuleNotFoundError"),
        ("a b", "SyntaxError"),
    ],
)
def test_files_that_fail(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        backends.load(f"python:{path}:net")
    with pytest.raises(InputError, match="there is no file"):
        backends.load(f"python:{tmp_path / 'other.py'}:net")


def test_named_modules() -> None:
    relu = backends.load("python:torch.nn.functional:relu")
    assert relu(torch.ones(2, 3)).shape == (2, 3)
    with pytest.raises(InputError, match="cannot import nonsense_xyz"):
        backends.load("python:nonsense_xyz:net")
