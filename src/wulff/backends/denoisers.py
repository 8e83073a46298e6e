"""A denoiser in front of a classifier: f∘denoise is a base classifier like any other [Salman et al. 2020]."""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from wulff._checks import FINITE, flag, real_number, real_numbers
from wulff._quoting import shown
from wulff.backends.base import Function, identity_of_module
from wulff.backends.functions import TensorsOrArrays
from wulff.backends.outputs import writable
from wulff.errors import InputError

ROWS = 16
"""So many copies of one image show whether a denoiser is a function, and what it draws for each row."""


@final
@dataclasses.dataclass(frozen=True)
class Denoised:
    """A classifier behind a denoiser; `wulff.certify`, `Smoothed` and `adapt` take it as any other model.

    Attributes:
        denoiser: A module or function from noisy images to clean ones of the same shape: `denoise(x)`, or
            `denoise(x, sigma)` where it wants to know how strong the noise is.
        classifier: What `wulff.backends.adapt` takes.
        pixels: The denoiser's numbers for 0 and 1: `(-1, 1)` for one that was trained on images in [-1, 1].
        sigma: The noise's sigma in the units of the inputs, for `denoise(x, sigma)`. The denoiser is given it
            in its own units: on [-1, 1] it is twice as large.
        random: Whether the denoiser draws random numbers, afresh for each row of each call. Probabilities
            are then over these too, and another run with the same seed gets other votes.

    Raises:
        InputError: A value is not allowed.
    """

    denoiser: Any
    classifier: Any
    pixels: Sequence[float] = (0.0, 1.0)
    sigma: float | None = None
    random: bool = False

    def __post_init__(self) -> None:
        if not callable(self.denoiser):
            raise InputError(f"a denoiser must be a module or function, got {type(self.denoiser).__name__}.")
        object.__setattr__(self, "pixels", check_pixels(self.pixels))
        flag("random", self.random)
        if self.sigma is not None:
            real_number("sigma", self.sigma, *FINITE)
        if (self.sigma is None) == wants_sigma(self.denoiser):
            raise InputError(
                "the denoiser takes (x, sigma); say the noise's sigma=..., in the units of the inputs."
                if self.sigma is None
                else "the denoiser takes x alone, so that sigma means nothing to it; leave sigma out."
            )

    def joined(self, function: Function) -> Function:
        """The denoiser before a function from clean images to logits or labels."""
        low, high = self.pixels
        sigma = None if self.sigma is None else self.sigma * (high - low)
        step = Step(low, high, sigma, self.random)
        if isinstance(self.denoiser, nn.Module) and isinstance(function, nn.Module):
            return DenoisedModule(self.denoiser, function, step)
        return DenoisedFunction(_evaluating(self.denoiser), _evaluating(function), step)

    def identity(self, classifier: str | None) -> str | None:
        """What tells it from others, given what tells the classifier; None where that is not known."""
        if classifier is None or not isinstance(self.denoiser, nn.Module):
            return None
        return f"{classifier} behind {identity_of_module(self.denoiser)}"


@final
@dataclasses.dataclass(frozen=True)
class Step:
    """How images go through a denoiser: into its units, and back.

    Attributes:
        low: Its number for 0.
        high: Its number for 1.
        sigma: What it is told of the noise, in its units; None where it does not ask.
        random: Whether it draws afresh for each row and call.
    """

    low: float
    high: float
    sigma: float | None
    random: bool

    def __call__(self, denoise: Callable[..., Any], batch: Tensor) -> Tensor:
        """Clean images of a noisy batch, in the units of the inputs."""
        theirs = self.low + (self.high - self.low) * batch
        found = denoise(theirs) if self.sigma is None else denoise(theirs, self.sigma)
        clean = found if isinstance(found, Tensor) else writable(found).to(batch.device)
        if clean.shape != batch.shape or not clean.is_floating_point():
            raise InputError(
                f"the denoiser must return images of the shape {tuple(batch.shape)} that it is given, got "
                f"{clean.dtype} of shape {tuple(clean.shape)}."
            )
        return ((clean - self.low) / (self.high - self.low)).to(batch.dtype)

    def check(self, denoise: Callable[..., Any], batch: Tensor) -> None:
        """Refuse a denoiser whose random numbers, or whose lack of them, would make votes depend on others.

        Args:
            denoise: The denoiser.
            batch: Noisy images, of which the first one is denoised `ROWS` times in each of two calls.
        """
        same = batch[:1].expand(ROWS, *batch.shape[1:]).clone()
        first, second = self(denoise, same).flatten(1), self(denoise, same).flatten(1)
        near = 1e-4 if batch.dtype in (torch.float32, torch.float64) else 1e-2
        again = float((first - second).abs().max()) <= near
        others = torch.tril_indices(ROWS, ROWS, -1, device=first.device)
        apart = (first[others[0]] - first[others[1]]).abs().amax(dim=1)
        if not self.random and not (again and float(apart.max()) <= near):
            raise InputError(
                "the denoiser returns different images for one and the same: it is no function; if it draws "
                "afresh for each row of each call, say so: random_denoiser=True, or Denoised(random=True).",
                "random_denoiser",
            )
        if self.random and bool((first == second).all()):
            raise InputError(
                "the denoiser returns the same images at every call, so that its draws are not independent; "
                "leave out the seed that it sets, or, if it draws nothing, leave random out."
            )
        if self.random and float(apart.min()) == 0:
            raise InputError(
                "the denoiser draws once for several rows, so that their votes are not independent; have it "
                "draw for each row, as torch.randn_like(x) does."
            )


@final
class DenoisedModule(nn.Module):
    """A module behind a module, which can be moved, cast, compiled and attacked."""

    def __init__(self, denoiser: nn.Module, classifier: nn.Module, step: Step) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.classifier = classifier
        self.step = step
        self.checked = False

    def forward(self, batch: Tensor) -> Tensor:
        """The outputs of the classifier for the clean images of a noisy batch."""
        if not self.checked and not torch.compiler.is_compiling():
            with torch.no_grad():
                self.step.check(self.denoiser, batch)
            self.checked = True
        return self.classifier(self.step(self.denoiser, batch))


@final
class DenoisedFunction:
    """Any function behind any denoiser."""

    def __init__(self, denoiser: Callable[..., Any], function: Function, step: Step) -> None:
        self.denoise = denoiser if isinstance(denoiser, nn.Module) else TensorsOrArrays(denoiser)
        self.function = function
        self.step = step
        self.checked = False

    def __call__(self, batch: Tensor) -> Tensor:
        if not self.checked:
            self.step.check(self.denoise, batch)
            self.checked = True
        return self.function(self.step(self.denoise, batch))


def _evaluating(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function; of a module, a copy in evaluation mode, into which nobody else puts parts of a function."""
    return copy.deepcopy(function).eval() if isinstance(function, nn.Module) else function


def is_random(function: object) -> bool:
    """Whether a base classifier draws random numbers of its own."""
    return isinstance(function, DenoisedModule | DenoisedFunction) and function.step.random


def wants_sigma(denoiser: Callable[..., Any]) -> bool:
    """Whether a denoiser needs a second argument."""
    try:
        called = denoiser.forward if isinstance(denoiser, nn.Module) else denoiser
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):  # some functions written in C
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters) > 1


def check_pixels(pixels: Any) -> tuple[float, float]:
    """A denoiser's numbers for 0 and 1."""
    numbers = real_numbers("denoiser_pixels", pixels, *FINITE)
    if len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise InputError(
            f"denoiser_pixels must be the denoiser's numbers for 0 and 1, such as -1,1, got {shown(pixels)}.",
            "denoiser_pixels",
        )
    return numbers[0], numbers[1]
