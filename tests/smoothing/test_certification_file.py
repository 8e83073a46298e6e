"""A certification goes to a file and comes back; what was changed meanwhile is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import wulff
from wulff.errors import InputError
from wulff.smoothing import Certification
from wulff.stats import Anytime

X = torch.rand(7, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def bright(batch: torch.Tensor) -> torch.Tensor:
    return (batch.flatten(1).mean(dim=1) > 0.5).long()


def certified(noise: Any = "gaussian(sigma=0.25)", norm: str = "l2", **options: Any) -> Certification:
    grid = {"sampling": options.pop("sampling", "float"), "levels": 255}
    x = (X * 255).round() / 255
    return wulff.Smoothed(bright, noise, 3, **grid).certify(x, norm, n0=20, n=200, alpha=0.05, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"noise": "laplace(scale=0.2)", "norm": "l1-box", "bound": "two-sided", "index": range(10, 17)},
        {"estimator": "randomized-clopper-pearson", "seed": 2**64 - 1},
        {"stop": Anytime(radii=(0.05, 0.1)), "seed": None},
        {"sampling": "exact"},
    ],
)
def test_it_comes_back_whole(options: dict[str, Any], tmp_path: Path) -> None:
    proof = certified(**options)
    proof.save(tmp_path / "proof.json")
    again = Certification.load(tmp_path / "proof.json")
    for name in ("label", "radius", "error", "method", "tight", "draw"):
        np.testing.assert_array_equal(getattr(again, name), getattr(proof, name))
    for name in ("selection", "counts"):
        there, here = getattr(again, name), getattr(proof, name)
        assert type(there) is type(here)
        np.testing.assert_array_equal(there.votes, here.votes)
        np.testing.assert_array_equal(there.n, here.n)
    assert (again.norm, again.terms, again.statement) == (proof.norm, proof.terms, proof.statement)
    np.testing.assert_array_equal(again.against("l1").radius, proof.against("l1").radius)
    proof[2:5].save(tmp_path / "some.json")
    np.testing.assert_array_equal(Certification.load(tmp_path / "some.json").radius, proof[2:5].radius)


def test_what_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    certified().save(path)
    content = path.read_text()
    radius = content.partition('"radius": [')[2].partition(",")[0]
    for changed in (content.replace(radius, "9.5"), content[:-40], "{}", "[", '{"format": 2, "content": {}}'):
        assert changed != content
        path.write_text(changed)
        with pytest.raises(InputError, match="is not a readable file of a certification") as refusal:
            Certification.load(path)
        assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match="no file of a certification"):
        Certification.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="path must be a path"):
        certified().save(5)  # type: ignore[arg-type]


def test_a_noise_without_a_spec_string_cannot_be_written(tmp_path: Path) -> None:
    class Own(wulff.noises.Gaussian):  # type: ignore[misc]  (it is final: nobody should)
        name = "own"

    proof = certified()
    terms = dataclasses.replace(proof.terms, noise=Own(sigma=0.25, dim=16))
    with pytest.raises(InputError, match="no spec string stands for it"):
        dataclasses.replace(proof, terms=terms).save(tmp_path / "proof.json")
    assert not (tmp_path / "proof.json").exists()
