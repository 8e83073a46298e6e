"""The smoothed classifier as a differentiable module, for attacks of other libraries."""

import torch
from torch import Tensor, nn

from wulff._checks import whole_number
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.smoothing import evaluating


class SoftSmoothed(nn.Module):
    """x ↦ log E softmax f(x + Z), estimated from fresh noise at every call: logits that have gradients.

    foolbox and the Adversarial Robustness Toolbox attack it like any other classifier. An input that fools
    it is a proposal: the label of the smoothed classifier is `wulff.Smoothed.predict`'s.

    Args:
        model: The base classifier; maps inputs in [0, 1] to logits. It is run as by `wulff.Smoothed`.
        noise: The noise, or its spec string.
        copies: Noisy copies of each input in a call.
        seed: Of the noise; calls draw from one stream.

    Raises:
        InputError: copies is not positive.
    """

    def __init__(self, model: nn.Module, noise: Noise | str, copies: int = 64, seed: int = 0) -> None:
        super().__init__()
        whole_number("copies", copies)
        whole_number("seed", seed, least=0, most=2**63 - 1)
        self.model = model
        self.noise = parse_noise(noise)
        self.copies = copies
        self.seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of shape (rows, classes)."""
        if x.device not in self._generators:
            self._generators[x.device] = torch.Generator(x.device).manual_seed(self.seed)
        shape = (self.copies * len(x), *x.shape[1:])
        noise = self.noise.sample(shape, generator=self._generators[x.device], dtype=x.dtype)
        with evaluating(self.model) as model:
            logits = model((x + noise.view(self.copies, *x.shape)).flatten(0, 1)).to(x.dtype)
        return logits.view(self.copies, len(x), -1).softmax(dim=2).mean(dim=0).clamp_min(1e-20).log()
