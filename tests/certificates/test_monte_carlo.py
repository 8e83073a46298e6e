"""The Monte Carlo dual: below the closed form where there is one, and close to it."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.nightly import NIGHTLY
from wulff.certificates import certified_radius, mixed_linf_loss, monte_carlo_radius
from wulff.errors import InputError
from wulff.noises import Laplace, MixedLinf


@pytest.mark.parametrize("error", [7e-5, 0.01, 0.3])
def test_without_a_pole_it_is_gaussian_noise(error: float) -> None:
    noise = MixedLinf(scale=2.0, j=0.0)
    exact = float(certified_radius("gaussian(scale=2)", error, "linf", 16).radius)
    generator = torch.Generator().manual_seed(1)
    found = monte_carlo_radius(
        noise, mixed_linf_loss(noise), error, dim=16, alpha=1e-3, generator=generator, n=20_000
    )
    assert 0.9 * exact < found.radius < exact
    assert found.grown_error < 0.5


def test_it_fails_as_rarely_as_stated() -> None:
    # Certificates at alpha = .05: more than so many failures have a probability below 2e-5.
    certificates, failures = (100, 17) if NIGHTLY else (25, 7)
    noise = Laplace(scale=1.0)

    def loss(z: Tensor, r: float) -> Tensor:
        return (z[:, 0] + r).abs() - z[:, 0].abs()

    exact = -np.log(2 * 0.1)
    generator = torch.Generator().manual_seed(2)
    found = [
        monte_carlo_radius(noise, loss, 0.1, dim=1, alpha=0.05, generator=generator, n0=300, n=600).radius
        for _ in range(certificates)
    ]
    assert sum(radius > exact for radius in found) <= failures
    assert np.median(found) > 0.7 * exact


def test_a_pole_costs_radius_at_the_same_size() -> None:
    generator = torch.Generator().manual_seed(3)
    noise = MixedLinf(sigma=1.0, j=20.0).in_dim(64)
    found = monte_carlo_radius(
        noise, mixed_linf_loss(noise), 0.01, dim=64, alpha=1e-3, generator=generator, n=10_000
    )
    assert 0 < found.radius < float(certified_radius("gaussian(sigma=1)", 0.01, "linf", 64).radius)


def test_refusals() -> None:
    noise = MixedLinf(scale=1.0)
    with pytest.raises(InputError, match="error"):
        monte_carlo_radius(noise, mixed_linf_loss(noise), 0.5, dim=2, alpha=0.1, generator=torch.Generator())
