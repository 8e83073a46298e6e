"""Why larger images can be certified at larger radii [Cohen et al. 2019, appendix G].

    python examples/noise_resolution.py

An image with each pixel repeated as 2×2 pixels can bear twice the noise: the mean of four pixels has half its
deviation, so that a network behind 2×2 average pooling sees the small image under the small noise. Its
probabilities are the same, and the certified l2 radius doubles with sigma.
"""

import sys

import numpy as np
import torch
from torch import Tensor, nn

import wulff
from wulff import datasets, models, noises, training
from wulff._typing import FloatArray

SIGMA = 0.25


def enlarge(images: Tensor) -> Tensor:
    """Each pixel as 2×2 pixels."""
    return images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def radii(network: nn.Module, images: Tensor, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Certified l2 radii of the images with noise SIGMA, and of the enlarged ones with twice as much."""
    small = wulff.Smoothed(network, f"gaussian(sigma={SIGMA})", 10)
    large = wulff.Smoothed(nn.Sequential(nn.AvgPool2d(2), network), f"gaussian(sigma={2 * SIGMA})", 10)
    first = small.certify(images, norm="l2", n=n, seed=seed)
    second = large.certify(enlarge(images), norm="l2", n=n, seed=seed + 1)
    return first.radius, second.radius


def main() -> None:
    digits = datasets.load("digits", "train")
    network = models.build("cnn", digits.input_shape, digits.num_classes)
    noise = noises.parse(f"gaussian(sigma={SIGMA})")
    list(training.train(network, digits.images, digits.labels, noise))
    images = datasets.load("digits", "test").images[:50]
    small, large = radii(network, torch.as_tensor(images), n=10_000)
    sys.stdout.write(
        f"mean certified l2 radius of 50 digits\n"
        f"  8×8,   sigma {SIGMA}:  {np.mean(small):.3f}\n"
        f"  16×16, sigma {2 * SIGMA}:   {np.mean(large):.3f}  ({np.mean(large) / np.mean(small):.2f} times)\n"
    )


if __name__ == "__main__":
    main()
