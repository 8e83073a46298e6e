"""Public checkpoints load whatever wrappers their keys name; what does not fit is refused by name."""

import argparse
import collections
import contextlib
import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wulff import models
from wulff.errors import InputError
from wulff.models import checkpoints

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
    loaded = models.load(tmp_path / "checkpoint.pth.tar", DESCRIPTION, normalisation="cifar10")
    assert same(loaded.module, trained)


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
        description = models.Description(name, CIFAR, 10)
        loaded = models.load(tmp_path / "other.pt", description, normalisation="cifar10").module
        assert same(loaded, model.eval())


@pytest.mark.parametrize(
    ("said", "recorded", "mean", "std"),
    [
        ("none", "none", [0.0] * 3, [1.0] * 3),
        ("cifar10", "cifar10", [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]),
        ("0.5,0.4,0.3/0.2,0.25,0.3", "0.5,0.4,0.3/0.2,0.25,0.3", [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]),
        ("0/1", "none", [0.0] * 3, [1.0] * 3),
        (".485,.456,.406/.229,.224,.225", "imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ],
)
def test_normalisation_is_said_and_not_guessed(said, recorded, mean, std, trained, tmp_path: Path) -> None:
    torch.save(bare(trained), tmp_path / "bare.pt")
    with pytest.raises(InputError, match="do not say how inputs are normalised; give normalisation=none"):
        models.load(tmp_path / "bare.pt", DESCRIPTION)
    found = models.load(tmp_path / "bare.pt", DESCRIPTION, normalisation=said)
    assert found.normalisation == recorded
    assert torch.equal(found.module.get_buffer("normalize.mean").flatten(), torch.tensor(mean))
    assert torch.equal(found.module.get_buffer("normalize.std").flatten(), torch.tensor(std))
    torch.save(found.module.state_dict(), tmp_path / "whole.pt")  # now the weights say it
    assert models.load(tmp_path / "whole.pt", DESCRIPTION).normalisation == recorded
    assert models.load(tmp_path / "whole.pt", DESCRIPTION, normalisation=said).normalisation == recorded
    with pytest.raises(InputError, match=rf"normalised by {recorded}, got 0.1/0.3; leave normalisation out"):
        models.load(tmp_path / "whole.pt", DESCRIPTION, normalisation="0.1/0.3")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("cifar", "normalisation must be none, imagenet"),
        ("0.5", "normalisation must be none, imagenet"),
        ("0.5/0", "normalisation must be none, imagenet"),
        ("0.5/nan", "normalisation must be none, imagenet"),
        ("1e300/1", "normalisation must be none, imagenet"),
        ("0.5,0.4/0.2,0.2", "normalisation has 2 numbers, but inputs of shape .* have 3 channels"),
        ("0.5,0.4,0.3/0.2", "normalisation must be none, imagenet"),
        ("123.675,116.28,103.53/58.4,57.12,57.38", "divide statistics of 8-bit pixels by 255"),
    ],
)
def test_statistics_that_are_none(said: str, message: str, trained, tmp_path: Path) -> None:
    torch.save(bare(trained), tmp_path / "bare.pt")
    with pytest.raises(InputError, match=message):
        models.load(tmp_path / "bare.pt", DESCRIPTION, normalisation=said)


def test_other_buffers_called_mean_and_std_are_left_alone() -> None:
    """In somebody's own architecture they need not be those of pixels: std may be 0, or have no mean."""

    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Module()
            self.scale.register_buffer("std", torch.zeros(2))
            self.centre = torch.nn.Module()
            self.centre.register_buffer("mean", torch.zeros(3, 1))
            self.fc = torch.nn.Linear(2, 2)

    given = Own().state_dict() | {"scale.std": torch.tensor([0.0, -1.0]), "centre.mean": torch.ones(3, 1)}
    found = checkpoints.fitted(Own(), given)
    assert all(torch.equal(found[key], given[key]) for key in given)
    with pytest.raises(InputError, match=r"the key '0\.mean' belongs to no layer"):
        checkpoints.fitted(Own(), {**given, "0.mean": torch.ones(3)})
    with pytest.raises(InputError, match=r"there are no weights for 'scale\.std'"):
        checkpoints.fitted(Own(), {key: value for key, value in given.items() if key != "scale.std"})


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


def small() -> dict[str, torch.Tensor]:
    """The weights of a small net for five classes."""
    return models.build("cnn", (1, 8, 8), 5, seed=1).state_dict()


SMALL = models.Description("cnn", (1, 8, 8), 3)


def test_the_weights_say_how_many_classes_there_are(tmp_path: Path) -> None:
    """The data may lack some: with three classes in the data, the net has five outputs still."""
    torch.save({f"module.{key}": value for key, value in small().items()}, tmp_path / "few.pt")
    loaded = models.load(tmp_path / "few.pt", SMALL)
    assert loaded.description.num_classes == 5
    assert loaded.module(torch.rand(1, 1, 8, 8)).shape == (1, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.to_sparse(), "'8.weight' is a sparse_coo tensor; save its to_dense"),
        (lambda w: w.to_sparse_csr(), "'8.weight' is a sparse_csr tensor"),
        (lambda w: w.to(torch.int8), "'8.weight' has numbers of type int8"),
        (lambda w: w.bool(), "'8.weight' has numbers of type bool"),
        (lambda w: w.long(), "'8.weight' has numbers of type int64"),
        (lambda w: w.to(torch.complex64), "float64; give weights without an imaginary part"),
        (lambda w: w.to(torch.float8_e4m3fn), "'8.weight' has numbers of type float8_e4m3fn"),
        (lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8), "'8.weight' has numbers of type qint8"),
        (lambda w: torch.nested.nested_tensor([w[0], w[1]]), "is a nested tensor"),
        (lambda w: w.to("meta"), "'8.weight' is a tensor without values"),
        (lambda w: w.double() + 1e300, "NaN or infinite"),
    ],
    ids=range(11),
)
@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:.*quantiz", "ignore:The PyTorch API of nested")
def test_other_kinds_of_numbers_are_never_cast_in_silence(change, message: str, tmp_path: Path) -> None:
    state = small()
    assert message in refusal(state | {"8.weight": change(state["8.weight"])}, tmp_path, SMALL)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.save({key: value.to(dtype) for key, value in small().items()}, tmp_path / "half.pt")
    module = models.load(tmp_path / "half.pt", SMALL).module
    assert torch.equal(module.state_dict()["8.bias"], small()["8.bias"].to(dtype).float())


def test_plain_values_beside_the_weights_are_left_alone(tmp_path: Path) -> None:
    beside = {
        "best_acc": np.float64(91.25),
        "epoch": np.int64(3),
        "losses": np.linspace(0, 1, 5),
        "name": np.str_("x"),
        "args": argparse.Namespace(lr=0.1, arch="cnn"),
    }
    content = {"state_dict": small(), **beside}
    for zipped in (False, True):
        torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
        assert models.load(tmp_path / "a.pt", SMALL).description.num_classes == 5
    assert "got none" in refusal({}, tmp_path, SMALL)
    assert "but 'best_acc' is float" in refusal({**small(), "best_acc": 91.25}, tmp_path, SMALL)
    assert "PosixPath' at 'path')" in refusal({"state_dict": small(), "path": Path("a")}, tmp_path, SMALL)


def test_content_that_holds_itself_ends(tmp_path: Path) -> None:
    loop: dict[str, object] = {}
    loop["model"] = loop
    assert "must hold a state dict" in refusal(loop, tmp_path, SMALL)
    deep: object = small()
    for _ in range(5000):
        deep = {"model": deep}
    assert checkpoints.inner_state(deep) is not None


def test_programs_of_torchscript_are_refused_without_advice_to_run_them(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "script.pt"))
    with pytest.raises(InputError, match="is a program of TorchScript, which wulff does not run") as caught:
        models.load(tmp_path / "script.pt", SMALL)
    assert "weights_only" not in str(caught.value)


DESCRIBED = {"architecture": "cnn", "input_shape": [1, 8, 8], "num_classes": 5, "noise": None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": 1}, "architecture must be a name, got 1"),
        ({"architecture": "x"}, "unknown architecture 'x'"),
        ({"num_classes": 10**30}, "num_classes must be a whole number from 1 to"),
        ({"num_classes": 10**6}, "num_classes must be a whole number from 1 to"),
        ({"num_classes": 2.5}, "num_classes must be a whole number"),
        ({"num_classes": True}, "num_classes must be a whole number"),
        ({"num_classes": 10}, "do not fit cnn"),
        ({"input_shape": [1, -8, 8]}, "input_shape must be positive whole numbers"),
        ({"input_shape": "1,8,8"}, "input_shape must be positive whole numbers"),
        ({"input_shape": []}, "input_shape must be positive whole numbers"),
        ({"input_shape": [1, 10**9, 10**9]}, "would take 6.4e.10 GB of memory"),
        ({"input_shape": [10**30, 8, 8]}, "input_shape must be positive whole numbers"),
        ({"input_shape": [1, 8, 4_000_000]}, "'8.weight' has shape"),
        ({"architecture": "mlp", "input_shape": [60_000_000]}, "do not fit mlp"),
        ({"noise": 5}, "noise must be a noise, got 5"),
        ({"more": 1}, "its description must have architecture"),
    ],
    ids=range(16),
)
def test_descriptions_are_checked_before_a_model_is_built(change, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(small(), path, metadata={"wulff": json.dumps(DESCRIBED | change)})
    with pytest.raises(InputError, match=message) as caught:
        models.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "null", "5", "{", "[" * 100_000], ids=range(5))
def test_descriptions_that_are_none(text: str, tmp_path: Path) -> None:
    save_file(small(), tmp_path / "a.safetensors", metadata={"wulff": text})
    with pytest.raises(InputError, match="is not a readable file of weights"):
        models.load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("architecture", models.ARCHITECTURES)
def test_a_model_can_be_built_without_memory(architecture: str) -> None:
    """Its shapes are those of the model, so that what does not fit is refused before memory is taken."""
    with torch.device("meta"):
        skeleton = models.build(architecture, CIFAR, 7).state_dict()
    model = models.build(architecture, CIFAR, 7).state_dict()
    assert {key: value.shape for key, value in skeleton.items()} == {k: v.shape for k, v in model.items()}
    assert all(value.is_meta for value in skeleton.values())


def test_weights_of_more_memory_than_allowed_are_not_read(tmp_path: Path, monkeypatch) -> None:
    torch.save(small(), tmp_path / "a.pt")
    monkeypatch.setenv("WULFF_READ_LIMIT", "0.00001")
    with pytest.raises(InputError, match=r"more than the limit of 1e-05 GB; .* set WULFF_READ_LIMIT"):
        models.load(tmp_path / "a.pt", SMALL)
