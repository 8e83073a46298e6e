"""MACER: training for the certified radius itself [Zhai et al. 2020], under any noise with a certificate."""

import dataclasses
import functools
from typing import final

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor, nn

from wulff._domains import check_fields, within
from wulff.certificates import certified_radius
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Noise
from wulff.norms import Norm
from wulff.training.objective import draw, logits_of_copies

LOG_ODDS = np.linspace(-30.0, 0.0, 601)
"""Errors from 1e-13 to ½, at which radii are tabulated; between them they are linear in the log-odds."""

KNOTS = -30.0 * np.linspace(1.0, 0.0, 41) ** 2
"""Log-odds of the errors at which radii are computed, up to a second each; a spline gives the others."""


@final
@dataclasses.dataclass(frozen=True)
class Macer:
    """Cross-entropy of the smoothed prediction, and a hinge on the certified radius of correct inputs.

    With r(e) the certified radius at error e, extended by r(1 - e) = -r(e), and p_A, p_B the two largest
    smoothed probabilities, the radius is R = ½(r(1 - p_A) - r(1 - p_B)); for Gaussian noise against l2 that
    is the paper's σ/2 (Φ⁻¹(p_A) - Φ⁻¹(p_B)). Inputs with 0 ≤ R ≤ r(Φ(-γ/2)) add weight times the difference;
    for Gaussian noise that largest radius is the paper's γσ/2, and other noises reach theirs as well. The
    radius is a training signal here; what is certified later does not depend on it.

    Attributes:
        copies: Noisy copies of each input (k of the paper).
        weight: Of the hinge (λ of the paper; on MNIST 16, 16, 6 at sigma .25, .5, 1).
        gamma: Decides the largest radius that the hinge asks for.
        beta: The factor of the logits in the hinge, which brings their softmax closer to votes.
        norm: Against which the radius is.
        deferred: Epochs before the hinge is added.
    """

    copies: int = dataclasses.field(default=16, metadata=within(at_least=1))
    weight: float = dataclasses.field(default=16.0, metadata=within(at_least=0))
    gamma: float = dataclasses.field(default=8.0, metadata=within(above=0, at_most=14))
    beta: float = dataclasses.field(default=16.0, metadata=within(above=0))
    norm: str = "l2"
    deferred: int = dataclasses.field(default=0, metadata=within(at_least=0))

    def __post_init__(self) -> None:
        check_fields(self, "macer")
        Norm.parse(self.norm)

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        logits = logits_of_copies(model, x, draw(noise, x, self.copies, generator))
        smoothed = logits.softmax(dim=2).mean(dim=0)
        chosen = smoothed.gather(1, y[:, None])
        likelihood = -(chosen + 1e-10).log().mean()
        if epoch <= self.deferred or self.weight == 0:
            return likelihood
        if logits.shape[2] < 2:
            raise InputError("macer compares the two likeliest classes, and there is only one.")
        noise = noise.in_dim(x[0].numel())
        table = radius_table(noise, Norm.parse(self.norm))
        largest = float(_signed_radius(torch.tensor(ndtr(-self.gamma / 2)), table))
        # A GPU need not wait for the table; on a CPU nothing changes.
        table = table.to(logits, non_blocking=logits.device.type != "cpu")
        votes = (self.beta * logits).softmax(dim=2).mean(dim=0)
        top, runner_up = votes.topk(2, dim=1).indices.unbind(dim=1)
        error = votes.scatter(1, top[:, None], 0.0).sum(dim=1)  # 1 - p_A without losing its digits
        second = votes.gather(1, runner_up[:, None])[:, 0]
        radius = 0.5 * (_signed_radius(error, table) + _signed_radius(second, table))
        counts = (top == y) & (radius <= largest)
        return likelihood + self.weight * (counts * (largest - radius)).mean()


@functools.lru_cache(maxsize=64)
def radius_table(noise: Noise, norm: Norm) -> Tensor:
    """Certified radii at the errors with log-odds `LOG_ODDS`, from the smallest error to ½.

    Raises:
        InputError: No certificate against the norm grows with confidence.
    """
    try:
        radii = certified_radius(noise, 1 / (1 + np.exp(-KNOTS)), norm).radius
    except NotCoveredError as error:
        raise InputError(f"macer needs a certificate: {error}") from None
    if not (radii[0] > radii[-2] > 0):
        raise InputError(f"macer has nothing to learn from {noise} against {norm}: its radii do not grow.")
    from scipy.interpolate import CubicSpline  # imported here: it takes a fifth of a second

    return torch.from_numpy(CubicSpline(KNOTS, radii)(LOG_ODDS))


def _signed_radius(error: Tensor, table: Tensor) -> Tensor:
    """r(error) by interpolation, with its derivative; negative above ½."""
    log_odds = error.clamp(1e-13, 1 - 1e-7).logit()
    place = (log_odds.abs() / -LOG_ODDS[0]).clamp_max(1.0) * (len(table) - 1)
    # Where the loss is not a number, any row will do: the caller refuses it.
    below = place.detach().floor().clamp_max(len(table) - 2).nan_to_num()
    falling = table.flip(0)  # from error ½ outward
    low, high = falling[below.long()], falling[below.long() + 1]
    return -log_odds.detach().sign() * (low + (place - below) * (high - low))
