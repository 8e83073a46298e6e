"""Architectures have the published sizes, normalise inside, and depend on their seed alone."""

import math
import sys
import types

import pytest
import torch
from torch import nn

from tests.nightly import taking_turns
from wulff import models
from wulff.errors import InputError
from wulff.models.normalize import CIFAR10, IMAGENET

MNIST, CIFAR, LARGE = (1, 28, 28), (3, 32, 32), (3, 224, 224)

# Of these widths there is no publication: 3×3 convolutions with batch normalisation, and a linear layer.
CONVOLUTIONS = [(3, 16), (16, 32), (32, 32), (32, 32), (32, 64), (64, 128), (128, 128), (128, 128)]
RESNET9 = sum(9 * before * after + 2 * after for before, after in CONVOLUTIONS) + 1290

# Parameters as counted by the authors of public implementations; `exact` where they print every digit.
PUBLISHED = [
    ("lenet", MNIST, 10, 431_080, 0),  # Caffe's LeNet
    ("mlp", MNIST, 10, 784 * 2048 + 2048 + 2048 * 512 + 512 + 512 * 10 + 10, 0),
    ("alexnet", CIFAR, 10, 2.47e6, 5e3),
    ("resnet9", CIFAR, 10, RESNET9, 0),
    ("resnet20", CIFAR, 10, 0.27e6, 5e3),
    ("resnet110", CIFAR, 10, 1.73e6, 5e3),
    ("resnet18", CIFAR, 10, 11_173_962, 0),
    ("wrn40-2", CIFAR, 10, 2.24e6, 5e3),
    ("resnet50", LARGE, 1000, 25_557_032, 0),
]


@pytest.mark.parametrize(("name", "shape", "classes", "count", "within"), PUBLISHED)
def test_published_number_of_parameters(name, shape, classes, count, within) -> None:
    model = models.build(name, shape, classes)
    assert abs(sum(p.numel() for p in model.parameters()) - count) <= within


def test_every_architecture_is_counted() -> None:
    assert {case[0] for case in PUBLISHED} | {"cnn"} == set(models.ARCHITECTURES)


@pytest.mark.parametrize(
    ("name", "shape"),
    taking_turns([(name,) for name in models.ARCHITECTURES], [(1, 32, 32), (3, 36, 40)], 99),
)
def test_takes_images_of_other_sizes_and_learns(name: str, shape: tuple[int, ...]) -> None:
    model = models.build(name, shape, 7)
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    out = model(x)
    assert out.shape == (3, 7)
    nn.functional.cross_entropy(out, torch.tensor([0, 3, 6])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    weights = [p for name, p in model.named_parameters() if name.endswith("weight") and p.ndim > 1]
    assert all(p.grad is not None and p.grad.any() for p in weights)


@pytest.mark.parametrize("name", models.ARCHITECTURES)
def test_seed_decides_the_weights(name: str) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (models.build(name, CIFAR, 10, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("name", "statistics"),
    [("resnet9", CIFAR10), ("resnet20", CIFAR10), ("wrn40-2", CIFAR10), ("resnet50", IMAGENET)],
)
def test_normalisation_is_the_first_layer(name: str, statistics) -> None:
    model = models.build(name, CIFAR, 10).eval()
    seen: list[torch.Tensor] = []
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    first.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    x = torch.rand(2, *CIFAR)
    model(x)
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in statistics)
    torch.testing.assert_close(seen[0], (x - mean) / std)


@pytest.mark.parametrize("shape", [MNIST, (1, 29, 31), (3, 16, 40)])
def test_lenet_is_two_convolutions_with_relu_and_pooling_on_pixels_as_they_are(shape) -> None:
    model = models.build("lenet", shape, 10).double()
    x = torch.rand(2, *shape, dtype=torch.float64)
    out = nn.functional.max_pool2d(nn.functional.conv2d(x, model.conv1.weight, model.conv1.bias).relu(), 2)
    out = nn.functional.max_pool2d(nn.functional.conv2d(out, model.conv2.weight, model.conv2.bias).relu(), 2)
    assert callable(model.fc1)
    assert callable(model.fc2)
    out = model.fc2(model.fc1(out.flatten(1)).relu())
    torch.testing.assert_close(model(x), out)
    expected = torch.autograd.grad(out.square().sum(), list(model.parameters()))
    found = torch.autograd.grad(model(x).square().sum(), list(model.parameters()))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("lenet", (1, 8, 8)),
        ("lenet", (64,)),
        ("alexnet", (3, 16, 16)),
        ("resnet9", (64,)),
        ("resnet9", (3, 7, 8)),
        ("resnet20", (64,)),
        ("wrn40-2", (64,)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="needs images"):
        models.build(name, shape, 10)


def test_timm_architectures_are_normalised_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(name: str, pretrained: bool, num_classes: int, in_chans: int) -> nn.Module:
        if name != "tiny":
            raise RuntimeError(f"Unknown model ({name})\nwith a second line")
        net = nn.Sequential(nn.Flatten(), nn.Linear(in_chans * 16, num_classes))
        net.default_cfg = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.5, 0.5)}  # type: ignore[assignment]
        return net

    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create_model))
    model = models.build("timm:tiny", (3, 4, 4), 5)
    x = torch.rand(2, 3, 4, 4)
    assert callable(model.model)
    expected = model.model((x - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / 0.5)
    torch.testing.assert_close(model(x), expected)
    with pytest.raises(InputError, match=r"timm cannot build 'vast' for .*: Unknown model"):
        models.build("timm:vast", (3, 4, 4), 5)
    with pytest.raises(InputError, match=r"timm cannot build 'tiny' for \(3, 5, 5\): mat1 and mat2"):
        models.build("timm:tiny", (3, 5, 5), 5)


def test_timm_architectures_for_one_size_are_built_for_that_of_the_inputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def create_model(
        name: str, pretrained: bool, num_classes: int, in_chans: int, img_size: tuple[int, int] = (224, 224)
    ) -> nn.Module:
        outputs = num_classes + (name == "features")
        net = nn.Sequential(nn.Flatten(), nn.Linear(in_chans * img_size[0] * img_size[1], outputs))
        net.default_cfg = {"fixed_input_size": True, "input_size": (3, 224, 224)}  # type: ignore[assignment]
        return net

    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create_model))
    model = models.build("timm:vit", (3, 8, 4), 5)
    assert model.training
    assert model(torch.rand(2, 3, 8, 4)).shape == (2, 5)
    with pytest.raises(InputError, match=r"'features' gives outputs of shape \(1, 6\), not logits"):
        models.build("timm:features", (3, 8, 4), 5)


def test_without_timm_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'wulff\[timm\]'"):
        models.build("timm:resnet18", CIFAR, 10)


def test_resnet9_begins_with_an_even_guess() -> None:
    """Large logits at the start would make the first steps of `--schedule fast` lead astray."""
    x = torch.rand(64, *CIFAR, generator=torch.Generator().manual_seed(0))
    x += torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    loss = nn.functional.cross_entropy(models.build("resnet9", CIFAR, 10)(x), torch.arange(64) % 10)
    assert abs(loss.item() - math.log(10)) < 0.1
