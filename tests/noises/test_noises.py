"""Every noise obeys the conformance suite, in all dimensions."""

import copy
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.cases import SPECS_IN_DIM, noise_of
from tests.nightly import everyday
from wulff import noises
from wulff.errors import InputError
from wulff.noises import Gaussian, Laplace, Uniform, parse
from wulff.testing import check_noise


@pytest.mark.parametrize(("spec", "dim"), everyday(SPECS_IN_DIM, 6, noise_of))
def test_conformance(spec: str, dim: int) -> None:
    check_noise(parse(spec), dim, samples=400 if dim > 1000 else 4000)


def test_sigma_and_scale() -> None:
    assert Uniform(sigma=0.5).scale == pytest.approx(0.5 * math.sqrt(3))
    assert Laplace(scale=1).sigma == pytest.approx(math.sqrt(2))
    assert Gaussian(sigma=0.25).scale == 0.25


def test_spec_strings() -> None:
    noise = parse(" uniform( sigma = 0.5 , dim=3072 ) ")
    assert noise == Uniform(sigma=0.5, dim=3072)
    assert str(noise) == "uniform(sigma=0.5, dim=3072)"
    assert parse(noise) is noise
    assert parse("laplace(scale=1e-3)") != parse("laplace(sigma=1e-3)")


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Uniform(sigma=0.5).sigma = 1  # type: ignore[misc]


def test_copies_are_equal_and_have_the_same_hash_also_in_other_processes() -> None:
    noise = parse("exp-l1(sigma=0.5,j=1,k=2)")
    assert len({noise, copy.deepcopy(noise), pickle.loads(pickle.dumps(noise))}) == 1  # noqa: S301
    program = (
        "import pickle, sys; from wulff.noises import parse; "
        "sent = pickle.loads(sys.stdin.buffer.read()); print(len({sent, parse(str(sent))}))"
    )
    for seed in "12":  # of the hashes of strings
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=pickle.dumps(noise),
            env=env,
            capture_output=True,
            check=True,
        )
        assert done.stdout.split() == [b"1"]


def test_copies_of_a_function_are_equal_to_noise_of_that_copy() -> None:
    class Profile:
        def __call__(self, size: torch.Tensor) -> torch.Tensor:
            return -size

    noise = noises.CustomIID(scale=1, log_density=Profile())
    assert hash(noise) == hash(noise)
    copied = copy.deepcopy(noise)
    assert {copied, noises.CustomIID(scale=1, log_density=copied.log_density)} == {copied}
    assert copied != noise


def test_sampling_needs_a_batch_dimension_and_the_right_dim() -> None:
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(InputError, match="shape"):
        Uniform(sigma=1).sample((5,), generator=generator)
    with pytest.raises(InputError, match="made for dim=4"):
        Uniform(sigma=1, dim=4).sample((2, 5), generator=generator)
    assert Uniform(scale=2).sample((1000, 2, 3), generator=generator, dtype=torch.float64).abs().max() <= 2


@pytest.mark.parametrize("size", [True, "1", None, 1j])
def test_sizes_must_be_numbers(size: object) -> None:
    with pytest.raises(InputError):
        Gaussian(sigma=size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log_density", "said"),
    [
        (lambda z: -np.abs(z), "RuntimeError"),
        (lambda z: -float(z), "ValueError"),
        (lambda z: torch.from_numpy(-(z.detach().numpy() ** 2)), "no gradient"),
        (lambda z: -(z.sum() ** 2), "same shape"),
    ],
)
def test_a_log_density_that_torch_cannot_differentiate_is_one_line(log_density, said: str) -> None:
    for make in (noises.CustomIID, lambda **given: noises.CustomRadial(norm="l2", dim=3, **given)):
        with pytest.raises(InputError, match=said) as refusal:
            make(scale=1.0, log_density=log_density)
        assert "\n" not in str(refusal.value)
