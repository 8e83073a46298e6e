"""Counted random numbers: the published generator, the same in any company, of the laws that noise needs."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from tests import cases
from tests.nightly import everyday
from wulff import noises
from wulff.noises.lattice import lattice_noise
from wulff.noises.randomness import Random
from wulff.smoothing import Phase, philox, policy
from wulff.smoothing.philox import Philox
from wulff.smoothing.streams import BLOCK, Streams

CPU = torch.device("cpu")
FALSE_ALARM = 1e-6
ROWS = 5 * BLOCK


def random(first: int = 0, count: int = 5, key: int = 2**64 - 3, *, compiled: bool = False) -> Philox:
    def generator(block: int) -> torch.Generator:
        return torch.Generator().manual_seed(1000 + block)

    return Philox(key, range(first, first + count), generator, CPU, compiled=compiled)


def published(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 in Python's integers, as Salmon et al. 2011 define it."""
    for _ in range(10):
        first, second = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            (second >> 32) ^ counter[1] ^ key[0],
            second % 2**32,
            (first >> 32) ^ counter[3] ^ key[1],
            first % 2**32,
        ]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return counter


@pytest.mark.parametrize(
    ("counter", "key", "known"),
    [  # the known answers that the authors distribute
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([2**32 - 1] * 4, [2**32 - 1] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_the_reference_of_these_tests_is_the_published_generator(
    counter: list[int], key: list[int], known: list[int]
) -> None:
    assert published(counter, key) == known


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_words_are_those_of_their_places(dtype: torch.dtype) -> None:
    key, first = 0xA409382213198A2E, 3 * 2**32 - 1
    drawn = random(first, 3, key)
    drawn.normal(torch.empty(3 * BLOCK, 2))
    words = drawn.words(torch.empty(3, 20, dtype=dtype)).numpy().view(np.uint32).reshape(3, -1)
    for block, row in enumerate(words, first):
        counters = [[four, block % 2**32, 2, block >> 32] for four in range(len(row) // 4)]
        fours = [published(counter, [key % 2**32, key >> 32]) for counter in counters]
        assert list(itertools.chain(*fours)) == row.tolist()


SMALL = [case for case in cases.SPECS_IN_DIM if case[1] in (1, 3, 64)]


@pytest.mark.parametrize(("spec", "dim"), everyday(SMALL, 2, cases.noise_of))
def test_blocks_are_the_same_in_any_company(spec: str, dim: int) -> None:
    noise = noises.parse(spec).in_dim(dim)
    streams = Streams(CPU, 3)
    for make in (random, lambda first, count: streams.blocks(9, Phase.ESTIMATION, first, count)):
        together = noise.draw_blocks(torch.empty(ROWS, dim), make(7, 5))
        alone = [noise.draw_blocks(torch.empty(BLOCK, dim), make(block, 1)) for block in range(7, 12)]
        assert torch.equal(together, torch.cat(alone))
        assert len(together.unique(dim=0)) == ROWS


@pytest.mark.parametrize("chunk", [2**18, 200])
def test_exact_blocks_are_the_same_in_any_company(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(noises.lattice, "_CHUNK", chunk)
    law = lattice_noise(noises.parse("laplace(scale=1)"), 255, CPU)
    streams = Streams(CPU, 3)
    for make in (random, lambda first, count: streams.blocks(9, Phase.ESTIMATION, first, count)):
        together, void = law.draw(ROWS, 6, make(7, 5))
        alone = [law.draw(BLOCK, 6, make(block, 1)) for block in range(7, 12)]
        assert torch.equal(together, torch.cat([numbers for numbers, _ in alone]))
        assert torch.equal(void, torch.cat([some for _, some in alone]))


def sevens(self: noises.Noise, out: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    assert isinstance(generator, torch.Generator)
    assert len(out) == BLOCK
    return out.normal_(generator=generator).abs_().add_(7)


class Mixin:
    draw = sevens


class MixedIn(Mixin, noises.Gaussian):  # type: ignore[misc]  (its parent is final)
    name = "mixed-in"


class Late(noises.Gaussian):  # type: ignore[misc]
    name = "late"


Late.draw = sevens  # type: ignore[method-assign, assignment]


class Doubled(noises.Exponential):
    name = "doubled"
    level_norm = noises.ExpL2.level_norm

    def draw_radius(self, out: torch.Tensor, dim: int, generator: Random) -> torch.Tensor:
        assert isinstance(generator, torch.Generator)
        return super().draw_radius(out, dim, generator).mul_(2)


@pytest.mark.parametrize("law", [MixedIn, Late])
def test_noise_of_others_is_drawn_by_its_own_method_block_by_block(law: type[noises.Gaussian]) -> None:
    """However the method came to be that of a class whose parent draws many blocks at once."""
    drawn = law(scale=1).draw_blocks(torch.empty(ROWS, 4), random())
    assert (drawn >= 7).all()
    assert len(drawn.unique(dim=0)) == ROWS


def test_a_radius_of_others_is_drawn_by_its_own_method_block_by_block() -> None:
    streams = Streams(CPU, 3)
    parent, doubled = (law(scale=1, k=2) for law in (noises.ExpL2, Doubled))
    single, twice = (
        noise.in_dim(4).draw_blocks(torch.empty(ROWS, 4), streams.blocks(0, Phase.ESTIMATION, 0, 5))
        for noise in (parent, doubled)
    )
    torch.testing.assert_close(twice, 2 * single)


class Erased(noises.Ablation):  # type: ignore[misc]
    name = "erased"

    def replace(self, x: torch.Tensor, rows: int, generator: Random) -> torch.Tensor:
        assert isinstance(generator, torch.Generator)
        kept = torch.rand(rows, *x.shape[1:], generator=generator) < 0.5
        return torch.where(kept, x, torch.zeros(()))


@pytest.mark.parametrize("one", [True, False])
def test_replacements_of_others_are_made_block_by_block(one: bool) -> None:
    noise, x = Erased(keep=1, null=-1.0), torch.rand(1 if one else ROWS, 30) + 1
    together = noise.replace_blocks(x, ROWS, random())
    alone = [
        noise.replace_blocks(x if one else x[block * BLOCK :][:BLOCK], BLOCK, random(block, 1))
        for block in range(5)
    ]
    assert torch.equal(together, torch.cat(alone))
    assert len(together.unique(dim=0)) == ROWS


def test_no_variable_is_at_an_end_where_bits_are_extreme(monkeypatch: pytest.MonkeyPatch) -> None:
    for bits in (0, 2**31 - 1, 2**31, 2**32 - 1):
        monkeypatch.setattr(
            philox, "_philox", lambda place, blocks, fours, bits=bits: torch.full((2, 8, 4), bits)
        )
        for dtype in (torch.float32, torch.float64):
            for draw in (Philox.normal, Philox.exponential, Philox.uniform):
                drawn = draw(random(0, 2), torch.empty(2, 4, dtype=dtype))
                assert drawn.isfinite().all()
                assert (drawn != 0).all()
                assert draw is not Philox.uniform or (drawn.abs() < 1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("draw", "law"),
    [
        (Philox.normal, stats.norm),
        (Philox.uniform, stats.uniform(-1, 2)),
        (Philox.exponential, stats.expon),
    ],
)
def test_variables_follow_their_laws_and_are_independent(
    draw: Callable[[Philox, torch.Tensor], torch.Tensor], law: stats.rv_continuous, dtype: torch.dtype
) -> None:
    source = random()
    drawn = np.stack([draw(source, torch.empty(ROWS, 600, dtype=dtype)).numpy() for _ in range(2)])
    assert stats.kstest(drawn[0].ravel(), law.cdf).pvalue > FALSE_ALARM
    ranks = stats.rankdata(drawn).reshape(drawn.shape) / drawn.size - 0.5
    for one, other in [
        (ranks[0], ranks[1]),  # calls
        (ranks[:, :BLOCK], ranks[:, BLOCK : 2 * BLOCK]),  # blocks
        (ranks[..., :-1], ranks[..., 1:]),  # neighbours, of which pairs share a logarithm
    ]:
        for a, b in [(one, other), (abs(one), abs(other))]:
            correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
            assert abs(correlation) * np.sqrt(a.size) < 5  # false alarm 6e-7


def test_integers_and_signs_are_uniform() -> None:
    below = random().below(torch.empty(ROWS, 100, dtype=torch.int64), 7)
    assert stats.chisquare(below.flatten().bincount(minlength=7).numpy()).pvalue > FALSE_ALARM
    assert len(below.unique()) == 7
    large = random().below(torch.empty(ROWS, 100, dtype=torch.int64), None).double() / 2**63
    assert stats.kstest(large.flatten().numpy(), "uniform").pvalue > FALSE_ALARM
    signs = random().signs(torch.empty(ROWS, 100))
    assert signs.unique().tolist() == [-1, 1]
    assert stats.binomtest(int((signs > 0).sum()), signs.numel()).pvalue > FALSE_ALARM


@pytest.mark.skipif(not policy.can_compile(CPU), reason="there is no C++ compiler")
def test_one_kernel_gives_the_same() -> None:
    for count, width in ((5, 40), (1, 3), (2, 9)):
        rows = count * BLOCK
        plain, fused = (random(2**31, count, compiled=compiled) for compiled in (False, True))
        bits, fused_bits = (
            made.words(torch.empty(rows, width, dtype=torch.int32)) for made in (plain, fused)
        )
        assert torch.equal(bits, fused_bits)
        z, fused_z = (made.normal(torch.empty(rows, width)) for made in (plain, fused))
        torch.testing.assert_close(z, fused_z, rtol=1e-5, atol=1e-6)
    assert philox.compiled(philox.words, CPU, wide=False) is not None


def test_a_kernel_that_gives_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch, "compile", lambda made, **_: lambda *places: made(*places) + (places[2].shape[0] > 1)
    )
    philox.compiled.cache_clear()
    assert philox.compiled(philox.words, CPU, wide=False) is None
    monkeypatch.setattr(torch, "compile", lambda made, **_: lambda *places: 1 / 0)
    philox.compiled.cache_clear()
    assert philox.compiled(philox.normal, CPU, wide=False) is None
    spoilt = random(compiled=True).normal(torch.empty(ROWS, 2))
    assert torch.equal(spoilt, random().normal(torch.empty(ROWS, 2)))
    philox.compiled.cache_clear()
