"""Is cubical noise good because cubes are aligned with pixels [Yang et al. 2020, appendix C.7]?

    python examples/rotation.py

Pixels are rotated by a random orthogonal matrix Q before the noise is added, and rotated back in front of
the network: the network sees x + QᵀZ, images under rotated noise. For Gaussian noise nothing changes, since
its law is that of QᵀZ; for uniform noise the cube is turned away from the pixels' axes. A certificate then
speaks of the rotated coordinates, not of pixels.
"""

import dataclasses
import sys

import torch
from torch import Tensor, nn

from wulff import datasets, models, noises, training


class RotatedBack(nn.Module):
    """A network behind the inverse of a rotation of its flattened inputs."""

    rotation: Tensor

    def __init__(self, network: nn.Module, rotation: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("rotation", rotation)

    def forward(self, x: Tensor) -> Tensor:
        return self.network((x.flatten(1) @ self.rotation).view_as(x))


@dataclasses.dataclass(frozen=True)
class Result:
    """The shares of held-out images that are classified correctly under noise."""

    noise: str
    aligned: float
    rotated: float


def random_rotation(dim: int, seed: int = 0) -> Tensor:
    """An orthogonal matrix of shape (dim, dim), uniform in the orthogonal group."""
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))
    return (q * r.diagonal().sign()).float()


def accuracy(model: nn.Module, x: Tensor, y: Tensor, noise: noises.Noise, copies: int, seed: int) -> float:
    """The share of noisy copies that are classified correctly."""
    generator = torch.Generator().manual_seed(seed)
    model.eval()
    correct = 0
    with torch.inference_mode():
        for _ in range(copies):
            noisy = x + noise.sample(tuple(x.shape), generator=generator)
            correct += int((model(noisy).argmax(dim=1) == y).sum())
    return correct / (copies * len(x))


def compare(spec: str, schedule: training.Schedule, copies: int = 20) -> Result:
    """Train and test on digits with noise along the pixels' axes, and along rotated ones."""
    train, test = datasets.load("digits", "train"), datasets.load("digits", "test")
    assert isinstance(train.images, Tensor)
    assert isinstance(test.images, Tensor)
    noise = noises.parse(spec)
    dim = train.images[0].numel()
    shares = []
    for rotation in (torch.eye(dim), random_rotation(dim)):
        network = models.build("cnn", train.input_shape, train.num_classes, schedule.seed)
        model = RotatedBack(network, rotation)
        turned, held_out = (
            (images.flatten(1) @ rotation.T).view_as(images) for images in (train.images, test.images)
        )
        list(training.train(model, turned, train.labels, noise, schedule=schedule))
        shares.append(accuracy(model, held_out, test.labels, noise, copies, seed=1))
    return Result(spec, *shares)


def main() -> None:
    sys.stdout.write("noise                        aligned  rotated\n")
    for spec in ("gaussian(sigma=0.5)", "uniform(sigma=0.5)", "exp-linf(sigma=0.5,j=0,k=1)"):
        result = compare(spec, training.Schedule(epochs=40))
        sys.stdout.write(f"{result.noise:28} {result.aligned:.3f}    {result.rotated:.3f}\n")


if __name__ == "__main__":
    main()
