"""Where noise takes its random numbers from: the generators of blocks of rows.

Noise for many blocks is computed at once, so that small inputs do not pay for every operation in every block;
its random numbers are those that each block's own generator gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Method = TypeVar("Method", bound=Callable[..., Any])
Random: TypeAlias = "torch.Generator | Randomness"
"""One generator, or those of blocks of rows."""


class Randomness:
    """The random numbers of blocks of rows, as many rows in each.

    Methods that take `out`, a contiguous tensor with the rows of the blocks in their order, fill it and
    return it. Nothing here waits for the device.

    Args:
        generators: One for each block, on the device of what is drawn.
    """

    generators: Sequence[torch.Generator]
    """One for each block, for noise that is drawn block by block."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = generators

    @property
    def device(self) -> torch.device:
        """Where it draws."""
        return self.generators[0].device

    def split(self) -> Sequence[Randomness]:
        """The random numbers of each block by itself; to be asked for before any of them are drawn."""
        return [self] if len(self.generators) == 1 else [Randomness([own]) for own in self.generators]

    def parts(self, out: Tensor) -> Iterator[tuple[Tensor, torch.Generator]]:
        """The rows of each block, with its generator."""
        if len(self.generators) == 1:
            return iter([(out, self.generators[0])])
        return zip(out.view(len(self.generators), -1, *out.shape[1:]).unbind(), self.generators, strict=True)

    def normal(self, out: Tensor) -> Tensor:
        """Standard normal variables."""
        return self._each(out, lambda part, generator: part.normal_(generator=generator))

    def uniform(self, out: Tensor) -> Tensor:
        """Uniform variables on [-1, 1]."""
        return self._each(out, lambda part, generator: part.uniform_(-1, 1, generator=generator))

    def exponential(self, out: Tensor) -> Tensor:
        """Exponential variables of mean 1."""
        return self._each(out, lambda part, generator: part.exponential_(generator=generator))

    def gamma(self, out: Tensor, shape: float) -> Tensor:
        """Gamma(shape) variables; use it for shapes of 1 and more."""
        import torch

        shapes = torch.full_like(out, shape)

        def fill(part: Tensor, generator: torch.Generator) -> None:
            like = shapes[: len(part)]
            part.copy_(torch._standard_gamma(like, generator=generator))  # pyright: ignore[reportPrivateImportUsage]

        return self._each(out, fill)

    def words(self, out: Tensor) -> Tensor:
        """Fair bits, in integers of 32 or 64 of them."""
        import torch

        least = torch.iinfo(out.dtype).min
        return self._each(out, lambda part, generator: part.random_(least, None, generator=generator))

    def below(self, out: Tensor, limit: int | None) -> Tensor:
        """Integers from 0 to limit - 1, or to the largest one of 64 bits, which has 63 random ones."""
        return self._each(out, lambda part, generator: part.random_(0, limit, generator=generator))

    def signs(self, out: Tensor) -> Tensor:
        """Fair signs ±1."""
        self._each(out, lambda part, generator: part.bernoulli_(0.5, generator=generator))
        return out.mul_(2).sub_(1)

    def _each(self, out: Tensor, fill: Callable[[Tensor, torch.Generator], object]) -> Tensor:
        for part, generator in self.parts(out):
            fill(part, generator)
        return out


def for_blocks(method: Method) -> Method:
    """Mark a method that draws: it takes the random numbers of many blocks in place of a generator, too."""
    method.for_blocks = True  # pyright: ignore[reportFunctionMemberAccess]
    return method


def draws_blocks(noise: object, *names: str) -> bool:
    """Whether the methods of these names, as far as a noise has them, are marked by `for_blocks`."""
    methods = [getattr(type(noise), name) for name in names if hasattr(type(noise), name)]
    return all(getattr(method, "for_blocks", False) for method in methods)


def source(random: Random) -> Randomness:
    """The random numbers of one generator, or of what has some already."""
    return random if isinstance(random, Randomness) else Randomness([random])
