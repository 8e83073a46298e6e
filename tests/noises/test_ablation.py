"""Ablation: what is hidden, how often, and what a classifier then sees."""

import numpy as np
import pytest
import torch
from scipy import stats

from wulff.errors import InputError
from wulff.noises import Ablation, Replacement, parse

FALSE_ALARM = 1e-6


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_subset_is_equally_likely() -> None:
    copies = Ablation(keep=2, null=0.0).replace(torch.ones(1, 5), 20_000, generator())
    assert (copies.sum(dim=1) == 2).all()
    codes = (copies @ torch.tensor([1.0, 2, 4, 8, 16])).long().bincount(minlength=32)
    found = codes[codes > 0].numpy()
    assert len(found) == 10
    assert stats.chisquare(found).pvalue > FALSE_ALARM


def test_coordinates_are_kept_independently() -> None:
    copies = Ablation(keep_probability=0.3, null=0.0).replace(torch.ones(1, 3), 30_000, generator())
    codes = (copies @ torch.tensor([1.0, 2, 4])).long().bincount(minlength=8).numpy()
    kept = np.array([bin(code).count("1") for code in range(8)])
    assert stats.chisquare(codes, 30_000 * 0.3**kept * 0.7 ** (3 - kept)).pvalue > FALSE_ALARM


def test_channels_are_doubled_and_hidden_together() -> None:
    x = torch.rand(3, 4, 5, generator=generator(1))
    copies = Ablation(keep=6, channels=3).replace(x[None], 50, generator())
    assert copies.shape == (50, 6, 4, 5)
    seen = copies.abs().sum(dim=1) > 0
    assert (seen.sum(dim=(1, 2)) == 6).all()
    whole = torch.cat([x, 1 - x])
    assert torch.equal(copies, whole[None] * seen[:, None])


def test_rows_of_a_batch_have_their_own_copies() -> None:
    x = torch.arange(12.0).view(3, 4)
    copies = Ablation(keep=4, null=-1.0).replace(x, 3, generator())
    assert torch.equal(copies, x)
    assert Ablation(keep=1, null=-1.0).replace(x, 3, generator()).eq(-1).sum() == 9
    doubled = Ablation(keep=4).replace(torch.zeros(1, 4), 1, generator())
    assert doubled.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize(
    "text",
    [
        "ablation(keep=45)",
        "ablation(keep_probability=0.1, null=-1.0)",
        "ablation(keep=3, channels=3, dim=12)",
    ],
)
def test_spec_strings(text: str) -> None:
    noise = parse(text)
    assert isinstance(noise, Replacement)
    assert str(noise) == text
    assert parse(str(noise)) == noise
    assert noise != parse("ablation(keep=44)")
    assert str(noise.in_dim(48 if noise.dim is None else noise.dim)).startswith(
        text[:-1].partition(", dim")[0]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ablation()", "exactly one of keep= and keep_probability="),
        ("ablation(keep=3, keep_probability=0.1)", "exactly one of keep= and keep_probability="),
        ("ablation(keep=2.5)", "keep must be an integer"),
        ("ablation(keep=-1)", "keep must be at least 0"),
        ("ablation(keep_probability=1)", r"keep_probability must lie in \[0, 1\)"),
        ("ablation(keep=3, sigma=1)", "cannot use 'sigma=1'"),
        ("ablation(keep=3, null=inf)", "null must be a finite number"),
        ("ablation(keep=9, dim=8)", "keep must be at most the 8 coordinates"),
        ("ablation(keep=1, channels=3, dim=8)", "channels must divide the number of input coordinates, 8"),
    ],
)
def test_wrong_ablations_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def test_what_ablation_is_not_for_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be added to an input"):
        Ablation(keep=2).sample((3, 8), generator=generator())
    with pytest.raises(InputError, match="give channels=3 for inputs of shape"):
        Ablation(keep=2).copy_shape((3, 4, 4))
    with pytest.raises(InputError, match="rows of numbers have no channels"):
        Ablation(keep=2, channels=3).copy_shape((12,))
    with pytest.raises(InputError, match="ablation has no size; leave out scale"):
        Ablation(keep=2, scale=3.0)
    with pytest.raises(InputError, match="ablation has no size; leave out scales"):
        Ablation(keep=2, scales=(1.0, 2.0))
