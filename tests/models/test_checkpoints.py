"""Public checkpoints load whatever wrappers their keys name; what does not fit is refused by name."""

import collections
import contextlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from wulff import models
from wulff.errors import InputError

CIFAR = (3, 32, 32)
DESCRIPTION = models.Description("resnet20", CIFAR, 10)


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    """A model whose every parameter and buffer differs from a fresh one."""
    model = models.build("resnet20", CIFAR, 10, seed=3)
    model(torch.rand(4, *CIFAR))  # moves the running statistics
    return model.eval()


def bare(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value for key, value in model.state_dict().items() if not key.startswith("normalize")}


def same(model: torch.nn.Module, other: torch.nn.Module) -> bool:
    x = torch.rand(2, *CIFAR)
    return torch.equal(model(x), other(x))


@pytest.mark.parametrize(
    "prefix", ["", "module.", "1.", "1.module.", "module.1.", "model.", "_orig_mod.module.1."]
)
def test_wrappers_are_taken_off(prefix: str, trained, tmp_path: Path) -> None:
    state = {prefix + key: value for key, value in bare(trained).items()}
    content = {
        "epoch": 90,
        "arch": "cifar_resnet20",
        "state_dict": collections.OrderedDict(state),
        "best": 0.5,
    }
    torch.save(content, tmp_path / "checkpoint.pth.tar")
    assert same(models.load(tmp_path / "checkpoint.pth.tar", DESCRIPTION).module, trained)


@pytest.mark.parametrize(
    "names", [("0.means", "0.sds"), ("0.module.mean", "0.module.std"), ("normalize.mu", "normalize.sigma")]
)
def test_statistics_of_a_normalisation_layer_are_used(names, trained, tmp_path: Path) -> None:
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    state = {f"1.{key}": value for key, value in bare(trained).items()} | dict(
        zip(names, (mean, std), strict=True)
    )
    torch.save(state, tmp_path / "plain.pt")
    loaded = models.load(tmp_path / "plain.pt", DESCRIPTION).module
    assert torch.equal(loaded.get_buffer("normalize.mean").flatten(), mean)
    assert torch.equal(loaded.get_buffer("normalize.std").flatten(), std)


def test_a_normalisation_may_keep_the_logarithm_of_its_deviation(trained, tmp_path: Path) -> None:
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    state = {f"model.module.{key}": value for key, value in bare(trained).items()}
    state |= {"norm.module.mu": mean, "norm.module.log_sig": std.log()}
    torch.save(state, tmp_path / "plain.pt")
    loaded = models.load(tmp_path / "plain.pt", DESCRIPTION).module
    assert torch.equal(loaded.get_buffer("normalize.mean").flatten(), mean)
    assert torch.allclose(loaded.get_buffer("normalize.std").flatten(), std, rtol=1e-6)


def test_other_authors_names(tmp_path: Path) -> None:
    for name, renaming in {
        "resnet18": [(".downsample.", ".shortcut."), ("fc.", "linear.")],
        "wrn40-2": [("block1.", "block1.layer."), (".downsample.", ".convShortcut.")],
    }.items():
        model = models.build(name, CIFAR, 10, seed=3)
        state = bare(model)
        for old, new in renaming:
            state = {key.replace(old, new): value for key, value in state.items()}
        torch.save(state, tmp_path / "other.pt")
        loaded = models.load(tmp_path / "other.pt", models.Description(name, CIFAR, 10)).module
        assert same(loaded, model.eval())


def test_own_weights_keep_their_description(trained, tmp_path: Path) -> None:
    described = models.Description("resnet20", CIFAR, 10, "gaussian(sigma=0.5)")
    models.weights.save(tmp_path / "own.safetensors", trained, described)
    loaded = models.load(tmp_path / "own.safetensors")
    assert loaded.description == described
    assert same(loaded.module, trained)


def refusal(state: object, folder: Path, description: models.Description = DESCRIPTION) -> str:
    torch.save(state, folder / "bad.pt")
    with pytest.raises(InputError) as caught:
        models.load(folder / "bad.pt", description)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_does_not_fit_is_refused_by_name(trained, tmp_path: Path) -> None:
    state = bare(trained)
    assert "no weights for 'fc.bias'" in refusal({k: v for k, v in state.items() if k != "fc.bias"}, tmp_path)
    assert "'head.weight' belongs to no layer" in refusal(state | {"head.weight": torch.ones(1)}, tmp_path)
    assert "'fc.bias' has shape (7,), not (10,)" in refusal(state | {"fc.bias": torch.ones(7)}, tmp_path)
    assert "NaN" in refusal(state | {"fc.bias": torch.full((10,), torch.nan)}, tmp_path)
    assert "belongs to no layer" in refusal(state | {"module.fc.bias": torch.ones(10)}, tmp_path)  # twice
    assert "must hold a state dict" in refusal({"epoch": 3}, tmp_path)
    assert "must hold a state dict" in refusal([torch.ones(1)], tmp_path)
    assert "do not fit resnet110" in refusal(state, tmp_path, models.Description("resnet110", CIFAR, 10))


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        ({"0.means": torch.full((3,), 0.5)}, "a mean but no std"),
        ({"0.sds": torch.full((3,), 0.5)}, "a std but no mean"),
        ({"0.means": torch.zeros(3), "0.sds": torch.tensor([0.5, 0.5, 0.0])}, "a deviation of 0"),
        ({"0.means": torch.zeros(3), "0.sds": torch.full((3,), -0.5)}, "a deviation of -0.5"),
    ],
)
def test_a_normalisation_is_whole_or_refused(statistics: dict, message: str, trained, tmp_path: Path) -> None:
    state = {f"1.{key}": value for key, value in bare(trained).items()}
    assert message in refusal(state | statistics, tmp_path)


def test_damage_anywhere_is_one_clear_line(trained, tmp_path: Path) -> None:
    for name, old_format in (("new.pt", False), ("old.pt", True)):
        path = tmp_path / name
        torch.save(trained.state_dict(), path, _use_new_zipfile_serialization=not old_format)
        content = path.read_bytes()
        rng = np.random.default_rng(0)
        for _ in range(40):
            damaged = bytearray(content)
            for place in rng.integers(0, 400, size=3):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged)
            with contextlib.suppress(InputError):  # harmless, or refused: nothing else is raised
                models.weights.read(path)


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    message = refusal({"state_dict": {}, "extra": Trap()}, tmp_path)
    assert "more than tensors" in message
    (tmp_path / "bare.pt").write_bytes(pickle.dumps({"extra": Trap()}))
    with pytest.raises(InputError, match="more than tensors"):  # and no warning beside it
        models.load(tmp_path / "bare.pt", DESCRIPTION)
    assert not (tmp_path / "ran").exists()
