"""A denoiser in front of a classifier: units, random draws, and what a run of both records."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wulff
from tests.cli.conftest import call
from wulff import runs
from wulff.errors import InputError, RunError

X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = (X.mean(dim=(1, 2, 3)) > 0.5).long()
TERMS: dict[str, Any] = {
    "noise": "gaussian(sigma=0.25)",
    "n0": 20,
    "n": 200,
    "alpha": 0.05,
    "progress": False,
}


class Bright(nn.Module):
    """Which of two halves of [0, 1] the mean of an image lies in; the buffer gives it a hash."""

    def __init__(self, middle: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("middle", torch.tensor(middle))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([self.middle - mean, mean - self.middle], dim=1)


class Blur(nn.Module):
    """Takes images in [-1, 1], and shrinks every row to its mean."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=3, keepdim=True).expand_as(x)


class Dither(nn.Module):
    """Adds what it draws afresh for each row of each call."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * torch.randn_like(x)


def counts(run: runs.Run) -> list[Any]:
    return [record.counts for record in run.records]


def test_a_denoiser_on_other_pixels_sees_their_noise() -> None:
    """On [-1, 1] the standard deviation of Gaussian noise is twice what it is on [0, 1]."""
    seen: list[tuple[float, float, float]] = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        seen.append((float(x.mean()), float(x.std()), sigma))
        return x

    grey = torch.full((1, 1, 64, 64), 0.75)
    for pixels, mean, deviation in (((-1, 1), 0.5, 0.5), ((0, 1), 0.75, 0.25), ((0, 255), 191.25, 63.75)):
        seen.clear()
        both = wulff.Denoised(denoise, Bright(), pixels, sigma=0.25)
        run = wulff.certify(both, grey, **TERMS)
        assert run.predictions.tolist() == [1]
        copies = seen[-1]  # before, the classifier and its denoiser were tried out
        assert copies[0] == pytest.approx(mean, rel=0.02)
        assert copies[1] == pytest.approx(deviation, rel=0.02)
        assert {sigma for *_, sigma in seen} == {deviation}
        assert run.spec.denoiser_pixels == tuple(map(float, pixels))


@pytest.mark.parametrize("kind", ["modules", "functions", "arrays"])
def test_the_same_votes_as_by_hand(kind: str) -> None:
    classifier = Bright().eval()

    def by_hand(x: Tensor) -> Tensor:
        return classifier((Blur()(2 * x - 1) + 1) / 2)

    def blur(x: np.ndarray) -> np.ndarray:
        assert isinstance(x, np.ndarray)
        return np.broadcast_to(x.mean(axis=3, keepdims=True), x.shape)

    denoiser = {"modules": Blur(), "functions": lambda x: Blur()(x), "arrays": blur}[kind]
    run = wulff.certify(wulff.Denoised(denoiser, classifier, (-1, 1)), X, Y, **TERMS)
    assert counts(run) == counts(wulff.certify(by_hand, X, Y, **TERMS, num_classes=2))
    assert run.facts.identified == (kind == "modules")
    if kind == "modules":
        assert run.facts.hashes["weights"].startswith("Bright sha256:")
        assert " behind Blur sha256:" in run.facts.hashes["weights"]
        assert wulff.Smoothed(wulff.Denoised(Blur(), classifier, (-1, 1)), "gaussian(sigma=0.25)", 2).predict(
            X, n=200, alpha=0.05
        ).shape == (6,)


def once_for_a_batch(x: Tensor) -> Tensor:
    return x + torch.randn(1)


def reseeded(x: Tensor) -> Tensor:
    return x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("denoiser", "options", "message"),
    [
        (Dither(), {}, "say so: random_denoiser=True"),
        (reseeded, {}, "it is no function"),
        (once_for_a_batch, {"random": True}, "draws once for several rows"),
        (reseeded, {"random": True}, "the same images at every call"),
        (Blur(), {"random": True}, "if it draws nothing, leave random out"),
        (lambda x: x[:, :, ::2], {}, "must return images of the shape"),
        (lambda x: (x > 0).long(), {}, "must return images of the shape"),
        (lambda x, sigma: x, {}, "say the noise's sigma"),
        (lambda x: x, {"sigma": 0.5}, "leave sigma out"),
        (5, {}, "must be a module or function"),
        (Blur(), {"pixels": (1, 0)}, "numbers for 0 and 1"),
        (Blur(), {"pixels": (0, 1, 2)}, "numbers for 0 and 1"),
    ],
)
def test_refuses(denoiser: Any, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        wulff.certify(wulff.Denoised(denoiser, Bright(), **options), X, store=tmp_path / "run", **TERMS)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_a_random_denoiser(tmp_path: Path) -> None:
    """Votes differ from run to run, and yet a run goes on: as likely ones suffice, far ones are refused."""

    def go(store: Path, middle: float = 0.5, inputs: int = 6) -> runs.Run:
        model = wulff.Denoised(Dither(), Bright(middle).eval(), random=True)
        said = {**TERMS, "n": 1000, "identity": "the same"}
        return wulff.certify(model, X[:inputs], Y[:inputs], store=store, **said)

    first, second = go(tmp_path / "one"), go(tmp_path / "two")
    assert counts(first) != counts(second)
    assert "is random: its label is the most frequent one over noise and draws" in first.statement
    lines = (tmp_path / "one" / "records.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "one" / "records.jsonl").write_bytes(b"".join(lines[:3]))
    (tmp_path / "one" / "summary.json").unlink()
    again = go(tmp_path / "one")
    assert len(again.records) == 6
    assert counts(again)[:3] == counts(first)[:3]
    (tmp_path / "one" / "records.jsonl").write_bytes(b"".join(lines[:3]))
    text = (tmp_path / "one" / "spec.toml").read_text()
    assert "random_denoiser = true" in text


FILE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    def forward(self, x):
        return self.layers(x)

def blur(x, sigma):
    assert sigma == 0.5
    return x.mean(dim=3, keepdim=True).expand_as(x)

def dither(x):
    return x + 0.5 * torch.randn_like(x)

def broken(x):
    raise ValueError("needs CUDA")
"""


def certify(folder: Path, store: Path, *options: str) -> Any:
    terms = [
        "--noise",
        "gaussian(sigma=0.25)",
        "--slice",
        ":3",
        "--n0",
        "20",
        "--n",
        "100",
        "--alpha",
        "0.05",
    ]
    return call("certify", "--model", f"python:{folder}/own.py:Net", *terms, *options, "--store", str(store))


def test_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(FILE)
    said = ["--denoiser", f"python:{tmp_path}/own.py:blur", "--denoiser-pixels", "-1,1", "--identity", "1"]
    result = certify(tmp_path, tmp_path / "run", *said)
    assert result.code == 0, result
    run = runs.load(tmp_path / "run")
    plain = certify(tmp_path, tmp_path / "plain")
    assert plain.code == 0
    assert counts(run) != counts(runs.load(tmp_path / "plain"))
    assert "denoiser" not in (tmp_path / "plain" / "spec.toml").read_text()
    again = certify(tmp_path, tmp_path / "run", *said)
    assert again.code == 0, again
    other = certify(tmp_path, tmp_path / "run", *said[:2], *said[4:])
    assert (other.code, len(other.err.splitlines())) == (2, 1)
    assert call("report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")).code == 0
    assert "own.py:blur" in (tmp_path / "page.html").read_text()
    random = ["--denoiser", f"python:{tmp_path}/own.py:dither", "--random-denoiser"]
    assert certify(tmp_path, tmp_path / "random", *random).code == 0
    for options, message in (
        (random[:2], "say so: --random-denoiser"),
        (
            [
                "--denoiser",
                f"python:{tmp_path}/own.py:blur",
                "--noise",
                "pareto(scale=1,a=1.5)",
                "--norm",
                "l1",
            ],
            "has no finite sigma",
        ),
        (["--denoiser", "own.py"], "--denoiser must be python:FILE.py:NAME, got 'own.py'"),
        (["--denoiser-pixels", "0,1"], "are for --denoiser; give --denoiser python:FILE.py:NAME"),
        (["--denoiser", f"python:{tmp_path}/own.py:broken"], "ValueError: needs CUDA"),
        (["--denoiser", f"python:{tmp_path}/own.py:none"], "defines no 'none'"),
    ):
        refused = certify(tmp_path, tmp_path / "no", *options)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused
        assert message in refused.err
        assert not (tmp_path / "no").exists()


def test_votes_of_another_model_are_further_away_than_draws_explain() -> None:
    from wulff.runs.continuing import check_votes
    from wulff.runs.records import Record
    from wulff.smoothing import Phase, Votes

    known = Record(0, 0, 0, 0.0, 1000, counts={"estimation": {0: 900, 1: 100}})
    near = Votes(0, {Phase.ESTIMATION: np.array([880, 120])}, {Phase.ESTIMATION: 1000})
    far = Votes(0, {Phase.ESTIMATION: np.array([700, 300])}, {Phase.ESTIMATION: 1000})
    check_votes(known, near, random=True)
    with pytest.raises(RunError, match="further from those of the stored run"):
        check_votes(known, far, random=True)
    with pytest.raises(RunError, match="not those of the stored run"):
        check_votes(known, near)
