"""What the benchmarks share: nets, policies, timing, and how figures are printed.

    make bench NAME=...             a reduced size, minutes
    make bench NAME=... SIZE=full   all nets
    DEVICE=cuda make bench NAME=... on a GPU, with the same files

Times are processor time on a CPU, so that other processes disturb them little, and wall time on a GPU.
"""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from wulff import datasets, models, noises, training
from wulff.smoothing import DevicePolicy, evaluating, fastest, measure_batch_sizes
from wulff.smoothing.policy import can_compile

FULL = os.environ.get("SIZE") == "full"
DEVICE = torch.device(os.environ.get("DEVICE", "cpu"))
SHARED = Path(os.environ.get("WULFF_SHARED", Path(__file__).resolve().parents[2] / "shared"))
torch.set_num_threads(1)


@dataclasses.dataclass(frozen=True)
class Net:
    """A network of the benchmarks, by its architecture in `wulff.models`."""

    name: str
    architecture: str
    shape: tuple[int, ...]
    classes: int
    small: bool

    def build(self) -> nn.Module:
        """The net with random weights, on the device."""
        return models.build(self.architecture, self.shape, self.classes).eval().to(DEVICE)

    def images(self, count: int) -> Tensor:
        return torch.rand(count, *self.shape, generator=torch.Generator().manual_seed(0))


NETS = (
    Net("quickstart 8x8", "cnn", (1, 8, 8), 10, small=True),
    Net("CNN 28x28", "cnn", (1, 28, 28), 10, small=True),
    Net("ResNet-20 32x32", "resnet20", (3, 32, 32), 10, small=False),
    Net("ResNet-50 224x224", "resnet50", (3, 224, 224), 1000, small=False),
)


def nets() -> tuple[Net, ...]:
    """All nets, or at reduced size all but the largest."""
    return NETS if FULL else NETS[:3]


def best_policy(model: nn.Module, x: Tensor, seconds: float = 0.5) -> tuple[DevicePolicy, int]:
    """The fastest policy and its batch size, measured: bfloat16 or not, compiled, where it can be, or not."""
    best: tuple[float, DevicePolicy, int] | None = None
    for dtype in ("float32", "bfloat16"):
        plain = DevicePolicy(device=str(DEVICE), dtype=dtype, channels_last=True)
        rates = measure_batch_sizes(plain.apply(model), x[:1].to(DEVICE))
        batch = fastest(rates)
        for compiled in (False, True) if can_compile(DEVICE) else (False,):
            policy = dataclasses.replace(plain, compile=compiled)
            rate = forward_rate(policy.apply(model), noisy(x, batch), seconds)
            if best is None or rate > best[0]:
                best = (rate, policy, batch)
    assert best is not None
    return best[1], best[2]


def noisy(x: Tensor, batch: int, sigma: float = 0.5) -> Tensor:
    """A batch of noisy copies of the first input, float32 on the device."""
    copies = x[:1].to(DEVICE).expand(batch, *x.shape[1:])
    return copies + sigma * torch.randn(copies.shape, device=DEVICE)


def clock() -> float:
    """Seconds: of the processor on a CPU, of the wall on a GPU once it is idle."""
    if DEVICE.type == "cpu":
        return time.process_time()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def timed(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = clock()
    function()
    return clock() - start


def forward_rate(model: Callable[[Tensor], Tensor], batch: Tensor, seconds: float) -> float:
    """Bare forward passes of one batch: samples per second."""
    with evaluating(model) as fixed, torch.inference_mode():
        fixed(batch)
        once = timed(lambda: fixed(batch))
        calls = max(1, round(seconds / once))

        def repeat() -> None:
            for _ in range(calls):
                fixed(batch)

        return calls * len(batch) / timed(repeat)


def trained(net: Net, noise: str, epochs: int) -> tuple[nn.Module, datasets.Dataset, str]:
    """A small net trained under noise, its held-out images, and where they are from.

    The 28×28 net learns MNIST where that is at hand, else the bundled digits in 28×28 pixels.
    """
    if net.shape == (1, 8, 8):
        train, test, origin = datasets.load("digits", "train"), datasets.load("digits"), "digits"
    elif (SHARED / "data" / "mnist").is_dir():
        name = f"mnist:{SHARED / 'data' / 'mnist'}"
        train, test, origin = datasets.load(name, "train").slice(":10000"), datasets.load(name), "MNIST"
    else:
        train, test = (_enlarged(datasets.load("digits", split)) for split in ("train", "test"))
        origin = "digits, enlarged"
    model = models.build(net.architecture, net.shape, net.classes).to(DEVICE)
    schedule = training.Schedule(epochs=epochs)
    list(training.train(model, train.images, train.labels, noises.parse(noise), schedule=schedule))
    return model.eval(), test, origin


def _enlarged(data: datasets.Dataset) -> datasets.Dataset:
    assert isinstance(data.images, Tensor)
    images = nn.functional.interpolate(data.images, size=(28, 28), mode="bilinear").clamp(0, 1)
    return datasets.Dataset(f"{data.name} 28x28", images, data.labels, data.num_classes)


def say(line: str) -> None:
    """One line of the table."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def finish(name: str, ratio: float, **figures: object) -> None:
    """The last line: one JSON object."""
    device = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
    size = "full" if FULL else "reduced"
    say(json.dumps({"name": name, "ratio": ratio, "device": device, "size": size, **figures}))
