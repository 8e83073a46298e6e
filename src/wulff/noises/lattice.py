"""Noise on a grid, exactly: integers whose law is that of the noise rounded to multiples of 1/resolution.

A coordinate Z of the noise rounds to N = round(resolution · Z). Its sign is fair and its size has the tails

    P[|N| ≥ j] = P[|Z| ≥ (j - ½)/resolution],  j = 1, 2, ...

so that |N| is the number of tails that lie above one uniform number V in [0, 1). Of V the first 63 bits W are
drawn. A tail is a real number; integers below and above 2⁶³ times it are computed in exact arithmetic
(`wulff._numerics.fixed_point`). W decides whether V is below the tail unless it falls between the two. Draws
that leave this open are ambiguous. All others are what V would have given, whatever its further bits.
"""

import dataclasses
import functools
from fractions import Fraction

import torch
from torch import Tensor

from wulff._numerics import fixed_point
from wulff.errors import InputError
from wulff.noises.base import Noise
from wulff.noises.catalogue import NOISES
from wulff.noises.randomness import Random, Randomness, source

MAGNITUDE_BITS = 63
_MAGNITUDE = 2**MAGNITUDE_BITS - 1
_GUIDE_BITS = 17
_UNDECIDED = -(2**31)
_CHUNK = 2**18
"""Coordinates that are drawn at once, so that the 64-bit integers of a block need little memory."""
_GPU_CHUNK = 2**22
"""The same on a GPU, which few coordinates would leave nearly idle."""


@dataclasses.dataclass(frozen=True)
class LatticeNoise:
    """The law of round(resolution · Z) for one coordinate.

    Attributes:
        resolution: Units per 1.0 of input.
        lower: Integers at or below 2⁶³ P[|N| ≥ j], ascending: the largest j first; int64.
        upper: Integers at or above them.
    """

    resolution: int
    lower: Tensor
    upper: Tensor

    @property
    def ambiguity(self) -> float:
        """The probability that the draw of one coordinate is ambiguous."""
        return float((self.upper - self.lower).sum()) / 2**MAGNITUDE_BITS

    def draw(self, rows: int, dim: int, generator: Random) -> tuple[Tensor, Tensor]:
        """Independent draws.

        Returns:
            int32 of shape (rows, dim), and which rows hold an ambiguous draw, bool of shape (rows,).
        """
        random = source(generator)
        step = max(1, (_CHUNK if random.device.type == "cpu" else _GPU_CHUNK) // dim)
        if rows <= step:
            return self._draw_at_once(rows, dim, random)
        blocks = random.split()
        if len(blocks) > 1:
            parts = [self.draw(rows // len(blocks), dim, block) for block in blocks]
        else:
            starts = range(0, rows, step)
            parts = [self._draw_at_once(min(step, rows - start), dim, random) for start in starts]
        numbers, ambiguous = zip(*parts, strict=True)
        return torch.cat(numbers), torch.cat(ambiguous)

    def _draw_at_once(self, rows: int, dim: int, random: Randomness) -> tuple[Tensor, Tensor]:
        bits = random.words(torch.empty(rows * dim, dtype=torch.int64, device=random.device))
        if bits.device.type != "cpu":  # a list of the undecided ones would wait for the device
            numbers, ambiguous = self._search(bits)
            return numbers.view(rows, dim), ambiguous.view(rows, dim).any(dim=1)
        numbers, open_ = self._decode(bits)
        void = torch.zeros(rows, dtype=torch.bool)
        if len(open_):
            void[open_ // dim] = True
        return numbers.view(rows, dim), void

    def decode(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers that 64 uniform bits each stand for, and where they are ambiguous; a vector of each."""
        if bits.device.type != "cpu":
            return self._search(bits)
        numbers, open_ = self._decode(bits)
        ambiguous = torch.zeros_like(numbers, dtype=torch.bool)
        ambiguous[open_] = True
        return numbers, ambiguous

    def _decode(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers, and the places of the ambiguous ones, on a CPU."""
        numbers = self._guide.index_select(0, (bits >> (64 - _GUIDE_BITS)).add_(2 ** (_GUIDE_BITS - 1)))
        undecided = (numbers == _UNDECIDED).nonzero().view(-1)
        found, ambiguous = self._search(bits.index_select(0, undecided))
        numbers.index_copy_(0, undecided, found)
        return numbers, undecided[ambiguous]

    def _search(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        magnitude = bits & _MAGNITUDE
        passed = torch.searchsorted(self.lower, magnitude, right=True)  # at least 1: the first bound is 0
        size = (len(self.lower) - passed).to(torch.int32)
        return torch.where(bits < 0, -size, size), magnitude < self.upper[passed - 1]

    @functools.cached_property
    def _guide(self) -> Tensor:
        """The numbers that the first bits of a draw decide, where they do: most draws need no search."""
        first = torch.arange(-(2 ** (_GUIDE_BITS - 1)), 2 ** (_GUIDE_BITS - 1)) << (64 - _GUIDE_BITS)
        last = first + (2 ** (64 - _GUIDE_BITS) - 1)
        (small, ambiguous), (large, _) = self._search(first), self._search(last)
        return torch.where((small == large) & ~ambiguous, small, _UNDECIDED)


def can_draw(noise: Noise) -> bool:
    """Whether the noise can be drawn exactly."""
    return noise.exact_tails is not None and noise.scales is None


def lattice_noise(noise: Noise, resolution: int, device: torch.device) -> LatticeNoise:
    """The integer law of a noise, with its tables on a device.

    Raises:
        InputError: There is no exact sampler for this noise.
    """
    if not can_draw(noise):
        names = ", ".join(name for name, law in NOISES.items() if law.exact_tails is not Noise.exact_tails)
        raise InputError(
            f"exact sampling exists for {names} noise of one size, got {noise}; use sampling='float'."
        )
    return _tabulate(noise.unit(), noise.scale, resolution, device)


@functools.lru_cache(maxsize=16)
def _tabulate(unit: Noise, scale: float, resolution: int, device: torch.device) -> LatticeNoise:
    tails = unit.exact_tails
    assert tails is not None
    step = 1 / (2 * resolution * Fraction(scale))
    count = int((tails.end / step + 1) / 2)  # the tails at (2j - 1) · step ≤ end
    lower, upper = fixed_point.bounds(tails.at(step, count), MAGNITUDE_BITS)
    # All further tails are below 2⁻⁶³: only W = 0 leaves them open.
    lower, upper = [*lower, 0], [*upper, 1]
    return LatticeNoise(
        resolution, torch.tensor(lower[::-1], device=device), torch.tensor(upper[::-1], device=device)
    )
