"""Device policies: another precision is another classifier; the noise is the same under all of them."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wulff
from wulff import models, runs
from wulff.errors import InputError, RunError
from wulff.smoothing import BATCH_SIZES, DevicePolicy, fastest, measure_batch_sizes
from wulff.training import Schedule

NOISE = "laplace(sigma=0.5)"
X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return models.build("cnn", (1, 8, 8), 10)


def votes(model: nn.Module, policy: DevicePolicy | None, **arguments: int) -> np.ndarray:
    return wulff.Smoothed(model, NOISE, 10, policy=policy, **arguments).counts(X, 500).votes


def test_the_default_policy_is_the_model_itself(model: nn.Module) -> None:
    np.testing.assert_array_equal(votes(model, DevicePolicy()), votes(model, None))


class Record(nn.Module):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[Tensor] = []

    def forward(self, batch: Tensor) -> Tensor:
        self.seen.append(batch.clone())
        return batch.flatten(1)[:, :2]


def test_noise_is_drawn_and_added_in_float32_and_the_sum_is_cast() -> None:
    batches = {}
    for dtype in ("float32", "bfloat16"):
        smoothed = wulff.Smoothed(Record(), NOISE, 2, policy=DevicePolicy(dtype=dtype, channels_last=True))
        smoothed.counts(X, 64)
        batches[dtype] = torch.cat(smoothed.model.module.seen)  # type: ignore[union-attr]
    assert torch.equal(batches["float32"].to(torch.bfloat16), batches["bfloat16"])


def test_a_policy_leaves_the_model_as_it_is(model: nn.Module) -> None:
    before = pickle.dumps(model)
    votes(model, DevicePolicy(dtype="bfloat16", channels_last=True))
    assert pickle.dumps(model) == before
    assert next(model.parameters()).dtype == torch.float32


def test_bfloat16_and_channels_last_nearly_agree_with_float32(model: nn.Module) -> None:
    reference = votes(model, None)
    for policy in (DevicePolicy(channels_last=True), DevicePolicy(dtype="bfloat16")):
        moved = np.abs(votes(model, policy) - reference).sum() / 2
        assert moved <= 0.05 * reference.sum()


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_compiled_models_get_full_batches_and_vote_alike() -> None:
    # A network that is compiled quickly.
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    policy = DevicePolicy(compile=True)
    smoothed = wulff.Smoothed(model, NOISE, 10, policy=policy, batch=64)
    compiled = smoothed.counts(X, 500).votes  # 1,500 = 23 · 64 + 28: the last batch is padded
    np.testing.assert_array_equal(compiled.sum(axis=1), 500)
    assert np.abs(compiled - votes(model, None)).sum() / 2 <= 2  # near ties may fall otherwise
    again = pickle.loads(pickle.dumps(smoothed))  # noqa: S301 (as workers do)
    np.testing.assert_array_equal(again.counts(X[:1], 100).votes, smoothed.counts(X[:1], 100).votes)


def test_bad_policies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"float32 \(fp32\) or bfloat16 \(bf16\), got 'float16'"):
        DevicePolicy(dtype="float16")
    with pytest.raises(InputError, match="cannot use the device 'abacus'"):
        DevicePolicy(device="abacus").identity()
    with pytest.raises(InputError, match="cannot use the device 'meta'"):  # it computes no numbers
        DevicePolicy(device="meta").identity()
    with pytest.raises(InputError, match=r"needs an nn\.Module"):
        wulff.Smoothed(lambda batch: batch, NOISE, 2, policy=DevicePolicy())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(InputError, match=r"needs a C\+\+ compiler, but none was found; install g\+\+"):
        DevicePolicy(compile=True)


@pytest.mark.parametrize(("short", "full"), [("fp32", "float32"), ("bf16", "bfloat16")])
def test_short_names_of_dtypes_are_the_same_classifier(short: str, full: str) -> None:
    assert DevicePolicy(dtype=short) == DevicePolicy(dtype=full)
    assert DevicePolicy(dtype=short).identity()["dtype"] == full


def test_batch_sizes_are_measured(model: nn.Module) -> None:
    rates = measure_batch_sizes(model, X[:1])
    assert set(rates) == set(BATCH_SIZES)
    assert all(rate > 0 for rate in rates.values())
    assert fastest({16: 50.0, 32: 99.0, 64: 100.0, 128: 80.0}) == 32


def test_batch_sizes_that_do_not_fit_into_memory() -> None:
    def up_to_32(batch: Tensor) -> Tensor:
        if len(batch) > 32:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return batch.flatten(1)[:, :2]

    def never(batch: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    assert set(measure_batch_sizes(up_to_32, X[:1])) == {16, 32}
    with pytest.raises(InputError, match="16 noisy copies do not fit into the free memory of cpu"):
        measure_batch_sizes(never, X[:1])


def test_the_model_of_a_gpu_belongs_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grid in which a GPU draws random numbers depends on its model."""
    monkeypatch.setattr("wulff.smoothing.policy.use_device", torch.device)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"model of {device}")
    identity = DevicePolicy(device="cuda:1").identity()
    assert identity["device"] == "cuda"
    assert identity["gpu"] == "model of cuda:1"
    assert "gpu" not in DevicePolicy().identity()


def test_a_policy_belongs_to_the_run_and_a_measured_batch_does_not(tmp_path: Path) -> None:
    weights = runs.train(runs.TrainingSpec(noise=NOISE, schedule=Schedule(epochs=1)), tmp_path / "model")
    arguments = {"model": str(weights), "slice": ":3", "n0": 10, "n": 100}
    folder = tmp_path / "run"
    run = runs.certify(runs.Spec(**arguments, dtype="bfloat16", channels_last=True, batch="auto"), folder)
    assert run.spec.dtype == "bfloat16"
    assert run.spec.channels_last is True
    assert run.spec.compile is False
    chosen = run.document["engine"]["batch"]
    assert chosen in BATCH_SIZES
    assert "samples_per_second" not in run.document["engine"]  # a short run takes the best guess
    spec = (folder / "spec.toml").read_bytes()
    runs.certify(runs.Spec(**arguments, dtype="bf16", channels_last=True, batch="auto"), folder)
    assert (folder / "spec.toml").read_bytes() == spec
    half = {"dtype": "bfloat16"}
    for other in ({}, {**half, "channels_last": False}, {**half, "channels_last": True, "compile": True}):
        with pytest.raises(RunError, match="give another folder, or the same parameters"):
            runs.certify(runs.Spec(**arguments, **other), folder)


def test_the_batch_of_a_compiled_model_belongs_to_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels are made for one batch size; with another, near ties could fall otherwise in half of a run."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)  # this is about the record
    monkeypatch.setattr("wulff.smoothing.policy._compiler", lambda: "g++")
    weights = runs.train(runs.TrainingSpec(noise=NOISE, schedule=Schedule(epochs=1)), tmp_path / "model")
    arguments = {"model": str(weights), "slice": ":3", "n0": 10, "n": 100, "compile": True}
    folder = tmp_path / "run"
    run = runs.certify(runs.Spec(**arguments, batch=64), folder)
    assert run.document["run"]["batch"] == 64
    runs.certify(runs.Spec(**arguments, batch="auto"), folder)  # keeps what the run has
    with pytest.raises(RunError, match="batch = 64, but this one has 128"):
        runs.certify(runs.Spec(**arguments, batch=128), folder)
