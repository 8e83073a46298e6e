"""How a model is run fastest: guessed for short runs, measured for long ones, and the same classifier."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wulff
from wulff import models, runs
from wulff.smoothing import DevicePolicy, tuning
from wulff.smoothing.tuning import Tuning, bfloat16_speed, tune
from wulff.training import Schedule

NOISY = torch.rand(64, 1, 12, 12, generator=torch.Generator().manual_seed(0))
CNN = models.build("cnn", (1, 12, 12), 10).eval()
CPU = DevicePolicy()


class Viewing(nn.Module):
    """Looks at its activations as rows, which fails where the channels of a pixel are together in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.linear = nn.Linear(400, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convolution(x).view(len(x), 400))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CNN, Tuning(batch=128, channels_last=True, compile=False)),
        (models.build("mlp", (1, 12, 12), 10).eval(), Tuning(batch=256, channels_last=False, compile=False)),
        (Viewing().eval(), Tuning(batch=128, channels_last=False, compile=False)),
    ],
    ids=["convolutions", "rows", "view"],
)
def test_a_short_run_takes_the_best_guess(model: nn.Module, expected: Tuning) -> None:
    assert tune(model, NOISY, CPU, Tuning(), copies=1000) == expected


def test_what_is_asked_for_is_done() -> None:
    asked = Tuning(batch=77, channels_last=False, compile=False)
    assert tune(CNN, NOISY, CPU, asked, copies=1e12) == asked
    found = tune(CNN, NOISY, CPU, Tuning(batch=77, compile=False), copies=1000)
    assert (found.batch, found.channels_last, found.compile) == (77, True, False)


def test_a_long_run_measures_and_takes_the_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wulff.smoothing.batch_size._SECONDS", 0.02)
    found = tune(CNN, NOISY, CPU, Tuning(compile=False), copies=1e8)
    assert set(found.rates) == {
        f"{size}{last}" for size in tuning.SIZES["cpu"] for last in ("", ", channels-last")
    }
    chosen = f"{found.batch}{', channels-last' * bool(found.channels_last)}"
    assert found.rates[chosen] >= 0.97 * max(found.rates.values())


def test_measuring_takes_a_small_part_of_the_run() -> None:
    speed = tuning._Trial(CNN, NOISY, CPU).rate(128, channels_last=True)
    assert speed is not None
    began = time.perf_counter()
    tune(CNN, NOISY, CPU, Tuning(), copies=2 * tuning.LONG * speed)
    assert time.perf_counter() - began < 2 * tuning.LONG * 0.06  # twice the share: clocks of others run too


def test_what_was_found_is_recorded_and_kept(tmp_path: Path) -> None:
    """Another size of batch or memory format moves no label but near ties: here none."""
    schedule = Schedule(epochs=1)
    model = runs.train(runs.TrainingSpec(noise="laplace(sigma=0.5)", schedule=schedule), tmp_path / "model")
    arguments = {"model": str(model), "slice": ":4", "n0": 20, "n": 500}
    found = runs.certify(runs.Spec(**arguments), tmp_path / "auto")
    assert (found.spec.batch, found.spec.channels_last, found.spec.compile) == (128, True, False)
    plain = runs.Spec(**arguments, batch=256, channels_last=False, compile=False)
    for one, other in zip(found.records, runs.certify(plain, tmp_path / "plain").records, strict=True):
        for label, count in other.counts["estimation"].items():
            assert abs(one.counts["estimation"].get(label, 0) - count) <= 1
    text = (tmp_path / "auto" / "spec.toml").read_text()
    again = runs.certify(runs.Spec(**arguments), tmp_path / "auto")
    assert (tmp_path / "auto" / "spec.toml").read_text() == text
    np.testing.assert_array_equal(again.radii("l2"), found.radii("l2"))
    net = models.load(model).module
    images = wulff.datasets.load("digits").images[:4]
    here = wulff.certify(net, images, noise="laplace(sigma=0.5)", n0=20, n=500, progress=False)
    assert (here.spec.batch, here.spec.channels_last) == (128, True)
    np.testing.assert_array_equal(here.radii("l2"), found.radii("l2"))


def test_bfloat16_without_instructions_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = DevicePolicy(dtype="bfloat16")
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False}, raising=False
    )
    assert not tuning.has_bfloat16()
    slow = bfloat16_speed(CNN, NOISY, policy)
    assert slow is None or 0 < slow < 1
    assert bfloat16_speed(CNN, NOISY, CPU) is None
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": True}, raising=False
    )
    assert bfloat16_speed(CNN, NOISY, policy) is None
