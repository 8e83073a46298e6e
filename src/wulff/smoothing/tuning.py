"""How a classifier is run fastest here: size of batches, memory format, compilation.

Long runs measure it on noisy copies of their own first inputs, in a small part of the time that they take.
Short ones take the best guess by kind of layer. What was found is recorded, and kept when a run is resumed.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from wulff.smoothing.batch_size import DEFAULT_BATCH, rate
from wulff.smoothing.classifier import SMALLEST_BATCH
from wulff.smoothing.fixed import evaluating
from wulff.smoothing.policy import DevicePolicy, can_compile, use_device

SHARE = 0.03
"""The part of a run's expected time that measuring may take."""
LONG = 60.0
"""Runs that are expected to take fewer seconds take the best guess."""
COMPILING = 40.0
"""Compilation is tried where so many seconds may be spent on it."""
WORTH = 1.1
"""How much faster a compiled model must be: every worker process compiles it again."""
CONVOLUTIONS_BATCH = 128
"""The batch of convolutional networks on a CPU, whose caches are small."""
SIZES = {"cpu": (32, 64, 128, 256, 512)}
"""Batches that are tried, by kind of device."""
_SIZES_ELSEWHERE = (128, 256, 512, 1024)
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
_NEAR = {"float32": 1e-3, "bfloat16": 0.1}
"""By how much outputs may differ, as a part of the largest: only near ties move then."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a model is run, as far as it is asked for or found.

    Attributes:
        batch: How many noisy copies are classified at once; None where that is to be found.
        channels_last: Whether images keep the channels of a pixel together; None where that is to be found.
        compile: Whether the model is compiled; None where that is to be found.
        rates: Samples per second by what was measured.
    """

    batch: int | None = None
    channels_last: bool | None = None
    compile: bool | None = None
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])

    @property
    def is_open(self) -> bool:
        """Whether there is something to find."""
        return None in (self.batch, self.channels_last, self.compile)

    def or_else(self, other: "Tuning") -> "Tuning":
        """This one, with what it leaves open from another one."""
        names = ("batch", "channels_last", "compile")
        found = {name: getattr(other, name) for name in names if getattr(self, name) is None}
        return dataclasses.replace(self, **found, rates=other.rates)


PLAIN = Tuning(batch=DEFAULT_BATCH, channels_last=False, compile=False)
"""How functions are run that are no modules."""


def tune(model: nn.Module, noisy: Tensor, policy: DevicePolicy, asked: Tuning, copies: float) -> Tuning:
    """How a model is run fastest, within what is asked for.

    What is found classifies the noisy copies as the plain model does, up to near ties.

    Args:
        model: The model.
        noisy: Noisy copies of inputs of the run, on any device.
        policy: Its device and dtype, which are the user's choice.
        asked: What the user asks for.
        copies: How many noisy copies the run is expected to classify.
    """
    trial = _Trial(model, noisy, policy)
    guess = asked.or_else(trial.guess(asked))
    if not asked.is_open:
        return guess
    began = time.perf_counter()
    speed = trial.rate(guess.batch or DEFAULT_BATCH, bool(guess.channels_last))
    if speed is None or copies / speed < LONG:
        return guess
    budget = SHARE * copies / speed
    return trial.measure(asked, guess, lambda: budget - (time.perf_counter() - began))


def bfloat16_speed(model: nn.Module, noisy: Tensor, policy: DevicePolicy) -> float | None:
    """How fast bfloat16 is in parts of float32, on a CPU without instructions for it; else None."""
    if policy.dtype != "bfloat16" or use_device(policy.device).type != "cpu" or has_bfloat16():
        return None
    single, half = (
        _Trial(model, noisy, dataclasses.replace(policy, dtype=dtype)).rate(len(noisy), channels_last=False)
        for dtype in ("float32", "bfloat16")
    )
    return None if single is None or half is None or half >= single else half / single


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, as far as this version of PyTorch can tell."""
    return _has("bf16")


def has_int8() -> bool:
    """The same for products of 8-bit integers."""
    return _has("vnni", "amx_int8", "dotprod", "i8mm")


def _has(*parts: str) -> bool:
    """Whether a capability with one of these in its name is there; True where nothing is known."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    found = (name for name, value in capabilities.items() if value is True)
    return not capabilities or any(part in name for name in found for part in parts)


class _Trial:
    """The ways of running one model, tried out on the same noisy copies."""

    def __init__(self, model: nn.Module, noisy: Tensor, policy: DevicePolicy) -> None:
        self.model = model
        self.policy = policy
        self.device = use_device(policy.device)
        self.noisy = noisy.to(self.device)
        self.expected = self._outputs(policy, self.noisy[: 2 * SMALLEST_BATCH])

    def guess(self, asked: Tuning) -> Tuning:
        """The best guess by kind of layer."""
        if self.device.type != "cpu" or self.noisy.ndim != 4:
            return PLAIN
        if not any(isinstance(module, _CONVOLUTIONS) for module in self.model.modules()):
            return PLAIN
        agrees = asked.channels_last is None and self._agrees(channels_last=True)
        return dataclasses.replace(PLAIN, batch=CONVOLUTIONS_BATCH, channels_last=agrees)

    def measure(self, asked: Tuning, guess: Tuning, left: Callable[[], float]) -> Tuning:
        """The fastest way that was found in the time that is left."""
        formats = [asked.channels_last] if asked.channels_last is not None else [True, False]
        if asked.channels_last is None and not (self.noisy.ndim == 4 and self._agrees(channels_last=True)):
            formats = [False]
        sizes = [asked.batch] if asked.batch else SIZES.get(self.device.type, _SIZES_ELSEWHERE)
        rates: dict[tuple[int, bool, bool], float] = {}
        ways = [(size, bool(last), bool(asked.compile)) for last in formats for size in sizes]
        ways.sort(key=lambda way: way[1] != guess.channels_last)  # the likely ones first: time may run out
        if asked.compile is not True:
            for size, last, _ in ways:
                if left() > 0 and (found := self.rate(size, last)) is not None:
                    rates[size, last, False] = found
        best = _best(rates) if rates else (guess.batch or DEFAULT_BATCH, bool(guess.channels_last), False)
        if asked.compile is None and left() > COMPILING and can_compile(self.device):
            compiled = self.rate(best[0], best[1], compile=True)
            if compiled is not None and self._agrees(channels_last=best[1], compile=True):
                rates[best[0], best[1], True] = compiled
                if compiled > WORTH * rates.get(best, 0.0):
                    best = (*best[:2], True)
        found = Tuning(
            batch=best[0],
            channels_last=best[1],
            compile=best[2],
            rates={_name(way): round(speed, 1) for way, speed in rates.items()},
        )
        return asked.or_else(found)

    def rate(self, batch: int, channels_last: bool, *, compile: bool = False) -> float | None:
        """Samples per second; None where the model cannot be run so."""
        policy = dataclasses.replace(self.policy, channels_last=channels_last, compile=compile)
        repeats = -(-batch // len(self.noisy))
        rows = torch.cat([self.noisy] * repeats)[:batch]
        try:
            with evaluating(policy.apply(self.model)) as fixed, torch.inference_mode():
                fixed(rows)
                return rate(fixed, rows)
        except Exception:  # the model is other people's code, and memory may be short
            return None

    def _agrees(self, *, channels_last: bool, compile: bool = False) -> bool:
        """Whether outputs are those of the plain model, but for rounding."""
        policy = dataclasses.replace(self.policy, channels_last=channels_last, compile=compile)
        try:
            found = self._outputs(policy, self.noisy[: 2 * SMALLEST_BATCH])
        except Exception:  # as of `view` on an image whose channels are together
            return False
        if found.shape != self.expected.shape or not found.is_floating_point():
            return torch.equal(found, self.expected)
        near = _NEAR[self.policy.dtype] * float(self.expected.abs().nan_to_num(0.0, 0.0, 0.0).max())
        return torch.allclose(found.float(), self.expected.float(), rtol=0.0, atol=near, equal_nan=True)

    def _outputs(self, policy: DevicePolicy, rows: Tensor) -> Tensor:
        with evaluating(policy.apply(self.model)) as fixed, torch.inference_mode():
            return fixed(rows).clone()


def _best(rates: Mapping[tuple[int, bool, bool], float]) -> tuple[int, bool, bool]:
    """The way with the smallest batch among those that are within 2 % of the fastest."""
    enough = 0.98 * max(rates.values())
    return min(way for way, found in rates.items() if found >= enough)


def _name(way: tuple[int, bool, bool]) -> str:
    batch, channels_last, compile = way
    return f"{batch}{', channels-last' * channels_last}{', compiled' * compile}"
