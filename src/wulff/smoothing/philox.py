"""Philox in tensors: the noise of many blocks from one launch on a GPU.

A counter-based generator computes its numbers from their places, so that no block needs a generator of its
own [Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3; ten rounds of Philox4x32]. The integers
are the same on every device.
"""

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wulff.noises.randomness import Randomness
from wulff.smoothing.policy import compiling

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_WORD, _HALF = 2**32 - 1, 2**16 - 1


class Philox(Randomness):
    """The random numbers of consecutive blocks of one input, by their numbers.

    Block b takes the numbers of its c-th call, counted from 1, from the counters (0, b, c, h), (1, b, c, h)
    and so on; h is what of b is beyond 32 bits. Gamma variables take as many numbers as it happens, and come
    from a generator for each block.

    Args:
        key: 64 bits that belong to the input.
        blocks: The numbers of the blocks.
        generator: The generator of the block with a number.
        device: Where they are drawn.
        compiled: Whether the arithmetic is compiled into one kernel, where that gives the same.
    """

    def __init__(
        self,
        key: int,
        blocks: range,
        generator: Callable[[int], torch.Generator],
        device: torch.device,
        *,
        compiled: bool = True,
    ) -> None:
        self._key = key
        self._blocks = blocks
        self._generator = generator
        self._device = device
        self._compiled = compiled
        self._calls = 0

    @property
    def device(self) -> torch.device:
        return self._device

    @functools.cached_property
    def generators(self) -> Sequence[torch.Generator]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return [self._generator(block) for block in self._blocks]

    def split(self) -> Sequence[Randomness]:
        if len(self._blocks) == 1:
            return [self]
        assert self._calls == 0, "what was drawn would be drawn again"
        ones = (range(block, block + 1) for block in self._blocks)
        return [
            Philox(self._key, one, self._generator, self._device, compiled=self._compiled) for one in ones
        ]

    def normal(self, out: Tensor) -> Tensor:
        return self._fill(out, normal)

    def uniform(self, out: Tensor) -> Tensor:
        return self._fill(out, uniform)

    def exponential(self, out: Tensor) -> Tensor:
        return self._fill(out, exponential)

    def words(self, out: Tensor) -> Tensor:
        return self._fill(out, words)

    def below(self, out: Tensor, limit: int | None) -> Tensor:
        self.words(out).bitwise_and_(2**63 - 1)
        return out if limit is None else out.remainder_(limit)

    def signs(self, out: Tensor) -> Tensor:
        return self.uniform(out).sign_()

    def _fill(self, out: Tensor, variables: "_Variables") -> Tensor:
        """The variables of the next call, as many as `out` takes."""
        self._calls += 1
        bits = torch.finfo(out.dtype).bits if out.is_floating_point() else torch.iinfo(out.dtype).bits
        count, wide = len(self._blocks), bits == 64
        each = out.numel() // count
        place = torch.tensor([self._key & _WORD, self._key >> 32, self._calls])
        # One block would be compiled anew. Places are not counted within what is compiled: PyTorch 2.13 does
        # not reduce multiples of `arange` modulo a power of two there.
        blocks = torch.arange(self._blocks[0], self._blocks[0] + max(2, count), device=out.device)
        fours = torch.arange(-(-each * bits // 128), device=out.device)
        made = (compiled(variables, out.device, wide) if self._compiled else None) or variables
        found = made(place.to(out.device, non_blocking=True), blocks[:, None], fours, wide)
        return out.copy_(found[:count, :each].reshape(out.shape))


_Variables = Callable[[Tensor, Tensor, Tensor, bool], Tensor]
"""Makes variables of 64 bits each, or of 32, for a place (lower and upper half of the key, call).

They are those of the blocks with these numbers, of shape (blocks, 1), and the fours of words with these, of
shape (fours,).
"""


def words(place: Tensor, blocks: Tensor, fours: Tensor, wide: bool) -> Tensor:
    """Fair bits in signed integers, of shape (blocks, integers)."""
    found = _philox(place, blocks, fours)
    if not wide:
        return _signed(found).flatten(1)
    return (found[..., ::2] + (_signed(found[..., 1::2]) << 32)).flatten(1)  # the lower half comes first


def uniform(place: Tensor, blocks: Tensor, fours: Tensor, wide: bool) -> Tensor:
    """Uniform variables between -1 and 1, fine-grained at 0, and never an end or 0."""
    bits = words(place, blocks, fours, wide)
    found = (bits.to(torch.float64 if wide else torch.float32) + 0.5) * (2.0**-63 if wide else 2.0**-31)
    top = 1 - (2.0**-53 if wide else 2.0**-24)
    return found.clamp(-top, top)


def exponential(place: Tensor, blocks: Tensor, fours: Tensor, wide: bool) -> Tensor:
    """Exponential variables of mean 1, up to 44 for 64 bits and 22 for 32."""
    return -torch.log(uniform(place, blocks, fours, wide).abs())


def normal(place: Tensor, blocks: Tensor, fours: Tensor, wide: bool) -> Tensor:
    """Standard normal variables, by twos from uniform ones [Box and Muller 1958]; up to 6.6 for 32 bits."""
    pairs = uniform(place, blocks, fours, wide)
    size = torch.sqrt(-2 * torch.log(pairs[:, ::2].abs()))
    angle = math.pi * pairs[:, 1::2]
    return torch.stack([size * torch.cos(angle), size * torch.sin(angle)], dim=-1).flatten(1)


def _philox(place: Tensor, blocks: Tensor, fours: Tensor) -> Tensor:
    """Words of 32 bits, of shape (blocks, fours, 4), from counters (four, block, call, block beyond 2³²).

    They are kept in 64 bits, whose sign no product or sum reaches: where signed integers overflow, a compiler
    may assume that they do not.
    """
    key0, key1, call = place.unbind()
    nothing = blocks * 0 + fours * 0
    a, b, c, d = nothing + fours, nothing + (blocks & _WORD), nothing + call, nothing + (blocks >> 32)
    for _ in range(_ROUNDS):
        high0, low0 = _product(a, _MULTIPLIERS[0])
        high1, low1 = _product(c, _MULTIPLIERS[1])
        a, b, c, d = high1 ^ b ^ key0, low1, high0 ^ d ^ key1, low0
        key0, key1 = (key0 + _STEPS[0]) & _WORD, (key1 + _STEPS[1]) & _WORD
    return torch.stack([a, b, c, d], dim=-1)


def _product(x: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """The high and the low word of a product of two words."""
    low, high = x * (factor & _HALF), x * (factor >> 16)
    upper = (low >> 16) + high
    return upper >> 16, ((upper & _HALF) << 16) | (low & _HALF)


def _signed(word: Tensor) -> Tensor:
    """The integer with the same 32 bits that has a sign."""
    return word - ((word >> 31) << 32)


@functools.cache
def compiled(variables: _Variables, device: torch.device, wide: bool) -> _Variables | None:
    """The same as one kernel; None where that does not give what it gives uncompiled on a CPU."""
    place, blocks, fours = torch.tensor([2**32 - 5, 7, 2]), torch.arange(3, 8)[:, None], torch.arange(40)
    expected = variables(place, blocks, fours, wide)
    try:
        with compiling(freezing=False):
            made = torch.compile(variables, dynamic=True)
            found = made(place.to(device), blocks.to(device), fours.to(device), wide).cpu()
    except Exception:  # a compiler may be missing
        return None
    near = found.is_floating_point() and torch.allclose(found, expected, rtol=1e-4, atol=1e-4)
    return made if near or torch.equal(found, expected) else None
