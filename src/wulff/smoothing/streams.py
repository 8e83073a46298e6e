"""Counter-based randomness: the noise of every block of samples has its own key.

A sample belongs to a run seed, an input, a phase and a block, and to nothing else. So the same input gets
the same noise whatever the batch size, the order of the inputs, or the number of restarts.
"""

import enum
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from wulff._typing import FloatArray
from wulff.noises.randomness import Randomness
from wulff.smoothing.philox import Philox

BLOCK = 64
"""Samples that share one key. A block is always drawn whole, even where only some of it is needed."""

Seed = int | Mapping[int, tuple[int, int]]
"""The seed of all inputs, or for each index the seed and the index whose noise that input gets."""

_COUNTED = 1
"""The kind of counter that gives the key of counted numbers."""
_STATE_WORDS = 624
_STATE_START = 3  # 64-bit words before the Mersenne Twister's state: seed, (left, seeded), next


class Phase(enum.IntEnum):
    """What copies are for. Samples of different phases are independent; views are enumerated, not sampled."""

    SELECTION = 0
    ESTIMATION = 1
    PREDICTION = 2
    ENUMERATION = 3


class Purpose(enum.IntEnum):
    """What random numbers other than noise are for; they share no counter with any phase."""

    ESTIMATOR = 1024
    SUBSAMPLE = 1025


class Streams:
    """The keys of one run: generators are set to the states of whichever blocks are asked for.

    A block's key is expanded by Philox, a counter-based generator: (seed, index) is its key, (block, phase)
    its counter, so that distinct blocks can never share a state. PyTorch's own CPU seeding would keep only
    32 bits of the key, which collide within one ImageNet run. Counted numbers have a key for each (seed,
    index, phase).

    Args:
        device: Where the noise is drawn.
        seed: The run's seed, from 0 to 2⁶⁴ - 1; or where each input has its own.
        counted: Whether the numbers of many blocks are computed at once, from their places: see `Philox`. It
            makes other noise of the seed.
    """

    def __init__(self, device: torch.device, seed: Seed, *, counted: bool = False) -> None:
        self._device = device
        self._counted = counted
        self._generators: list[torch.Generator] = []
        self._seed = seed
        self._key = np.zeros(2, dtype=np.uint64)
        self._counter = np.zeros(4, dtype=np.uint64)
        self._philox = np.random.Philox(key=self._key)
        # Setting the state costs a tenth of making a generator: small networks take no longer than that.
        self._philox_state: Any = {
            **self._philox.state,
            "state": {"key": self._key, "counter": self._counter},
        }
        self._on_cpu = device.type == "cpu"
        if self._on_cpu:
            state_words = _blank_state().copy()
            self._words = state_words[_STATE_START : _STATE_START + _STATE_WORDS]
            self._state = torch.from_numpy(state_words.view(np.uint8))

    def blocks(self, index: int, phase: Phase, first: int, count: int = 1) -> Randomness:
        """The random numbers of consecutive blocks of samples; valid until the next call."""
        while len(self._generators) < count:
            self._generators.append(torch.Generator(self._device))

        def generator(block: int) -> torch.Generator:
            return self._set(self._generators[block - first], index, phase, block)

        blocks = range(first, first + count)
        if not self._counted:
            return Randomness([generator(block) for block in blocks])
        self._place(index, phase, 0, _COUNTED)
        return Philox(int(self._philox.random_raw()), blocks, generator, self._device)

    def _set(self, generator: torch.Generator, index: int, phase: Phase, block: int) -> torch.Generator:
        """Set a generator to the start of one block."""
        self._place(index, phase, block)
        if not self._on_cpu:
            return generator.manual_seed(int(self._philox.random_raw()) >> 1)
        self._words[:] = self._philox.random_raw(_STATE_WORDS // 2).view(np.uint32)
        return generator.set_state(self._state)

    def _place(self, index: int, phase: Phase, block: int, kind: int = 0) -> None:
        """Set the host's Philox to the key and the counter of a block."""
        self._key[:] = (self._seed, index) if isinstance(self._seed, int) else self._seed[index]
        self._counter[1:] = block, phase, kind
        self._philox.state = self._philox_state


def stream(device: torch.device, seed: int, index: int, phase: Phase, block: int) -> torch.Generator:
    """The generator of one block of samples."""
    return Streams(device, seed).blocks(index, phase, block).generators[0]


def host_stream(seed: int, index: int, purpose: Purpose, block: int = 0) -> np.random.Generator:
    """Random numbers of one input that are independent of its noise, and of those for other purposes."""
    key = np.array([seed, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, block, int(purpose), 0]))


def estimator_draws(seed: int, index: Iterable[int]) -> FloatArray:
    """One number in (0, 1] for each input, for randomised bounds.

    It is a uniform one rounded up to a multiple of 2⁻⁵³: bounds rise with it, so that they stay valid.
    """
    raw = [host_stream(seed, i, Purpose.ESTIMATOR).integers(2**53) for i in index]
    return (np.array(raw, dtype=np.float64) + 1) * 2.0**-53


@functools.cache
def _blank_state() -> np.ndarray:
    """The state of a freshly seeded CPU generator, after a check that its layout is the one written above."""
    state = torch.Generator().manual_seed(1).get_state().numpy().view(np.uint64)
    words = np.empty(_STATE_WORDS, dtype=np.uint64)
    words[0] = 1
    for i in range(1, _STATE_WORDS):  # the published initialisation of the Mersenne Twister
        previous = int(words[i - 1])
        words[i] = (1812433253 * (previous ^ (previous >> 30)) + i) & 0xFFFFFFFF
    if not np.array_equal(state[_STATE_START : _STATE_START + _STATE_WORDS], words):
        raise RuntimeError(
            f"PyTorch {torch.__version__} keeps its CPU generator's state in an unknown layout."
        )
    return state
