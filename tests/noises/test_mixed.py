"""Mixed noise: spec strings, what is refused, and how numbers and categories are drawn together."""

import numpy as np
import pytest
import torch
from scipy import stats

from wulff.errors import InputError
from wulff.noises import Mixed, Replacement, parse

FALSE_ALARM = 1e-6
ABLATED = (
    "mixed(numbers=gaussian(sigma=0.5), categories=ablation(keep_probability=0.2, null=-1.0), columns=[2, 3])"
)
RESAMPLED = (
    "mixed(numbers=laplace(sigma=2.0, scales=[1.0, 0.0]), "
    "categories=resampling(keep=0.8, values=[2, 3], dim=2), columns=[3, 0], dim=4)"
)


@pytest.mark.parametrize("text", [ABLATED, RESAMPLED])
def test_spec_strings(text: str) -> None:
    noise = parse(text)
    assert isinstance(noise, Mixed)
    assert isinstance(noise, Replacement)
    assert str(noise) == text
    assert parse(str(noise)) == noise
    assert parse(str(noise.in_dim(4))) == noise.in_dim(4)


def test_parts() -> None:
    noise = parse(RESAMPLED)
    assert isinstance(noise, Mixed)
    assert noise.of_numbers().dim == noise.of_categories().dim == 2
    assert noise.numeric(4) == [1, 2]
    assert noise.in_words == (
        "Z ~ laplace(sigma=2.0, scales=[1.0, 0.0]) is added to the numbers and, in columns 3, 0, each "
        "feature has its own value with probability 0.8, else another at random"
    )
    assert parse(ABLATED).in_words.endswith(  # type: ignore[attr-defined]
        "in columns 2, 3, all categories are replaced by -1, but for each with probability 0.2"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixed(numbers=gaussian(sigma=1), columns=[0])", "mixed also needs categories"),
        (
            "mixed(numbers=gaussian(sigma=1), categories=laplace(sigma=1), columns=[0])",
            "categories must be an abl",
        ),
        (
            "mixed(numbers=ablation(keep=1), categories=ablation(keep=1), columns=[0])",
            "numbers must be noise that",
        ),
        ("mixed(numbers=1, categories=ablation(keep=1), columns=[0])", "cannot read the noise"),
        ("mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1), columns=[])", "columns"),
        (
            "mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1), columns=[1, 1])",
            "columns must be different",
        ),
        ("mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1), columns=[-1])", "each columns must"),
        (
            "mixed(numbers=gaussian(sigma=1), categories=ablation(keep=3), columns=[0, 1])",
            "keep must be at most",
        ),
        (
            "mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1), columns=[0, 1], dim=2)",
            "leave one for numb",
        ),
        (
            "mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1), columns=[4], dim=3)",
            "must lie below 3",
        ),
        (
            "mixed(numbers=gaussian(sigma=1, dim=2), categories=ablation(keep=1), columns=[0], dim=4)",
            "make dim=3",
        ),
        (
            "mixed(numbers=gaussian(sigma=1), categories=resampling(keep=0.8, values=[2]), columns=[0, 1])",
            "dim=1",
        ),
        (
            "mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1, channels=2), columns=[0, 1])",
            "no channels",
        ),
        ("mixed(numbers=gaussian(sigma=1), sigma=2, columns=[0])", "cannot use 'sigma=2'"),
        ("mixed(numbers=mixed(numbers=gaussian(sigma=1)), columns=[0])", "cannot read the noise"),
        ("mixed(numbers=gaussian(sigma=1))(", "cannot read the noise"),
        ("gaussian(sigma=laplace(sigma=1))", "sigma must be a number"),
    ],
)
def test_wrong_ones_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def test_inputs_are_checked() -> None:
    noise = parse(RESAMPLED)
    assert isinstance(noise, Mixed)
    noise.check_inputs(torch.tensor([[2.0, 10.5, -3.0, 1.0]]))
    with pytest.raises(InputError, match="of the categories in columns 3, 0, input 0 has 3 as feature 1"):
        noise.check_inputs(torch.tensor([[3.0, 10.5, -3.0, 1.0]]))
    with pytest.raises(InputError, match="rows of numbers and categories"):
        noise.copy_shape((1, 2, 2))
    hidden = parse("mixed(numbers=gaussian(sigma=0.5), categories=ablation(keep=1), columns=[2, 3])")
    with pytest.raises(InputError, match="give null="):
        hidden.copy_shape((4,))


def test_numbers_and_categories_have_their_laws_and_are_independent() -> None:
    noise, x = parse(RESAMPLED), torch.tensor([[2.0, 10.5, -3.0, 1.0]])
    assert isinstance(noise, Mixed)
    copies = noise.replace(x, 40_000, torch.Generator().manual_seed(0)).double().numpy()
    assert (copies[:, 2] == -3).all()  # immutable
    z = copies[:, 1] - 10.5
    assert stats.kstest(z / 2**0.5, "laplace").pvalue > FALSE_ALARM  # scale = sigma / √2
    codes = copies[:, 3] * 3 + copies[:, 0]
    expected = np.outer([0.2, 0.8], [0.1, 0.1, 0.8]).ravel() * len(codes)
    assert stats.chisquare(np.bincount(codes.astype(int), minlength=6), expected).pvalue > FALSE_ALARM
    table = np.histogram2d(codes, z > 1, bins=(np.arange(7) - 0.5, [-0.5, 0.5, 1.5]))[0]
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_one_input_for_each_row() -> None:
    noise = parse(ABLATED).in_dim(4)
    assert isinstance(noise, Mixed)
    x = torch.arange(12.0).view(3, 4)
    copies = noise.replace(x, 3, torch.Generator().manual_seed(1))
    assert copies.shape == x.shape
    assert ((copies[:, 2:] == x[:, 2:]) | (copies[:, 2:] == -1)).all()
    assert (copies[:, :2] != x[:, :2]).all()
