"""Outputs that are not a number, or overflow, are misses of a kind of their own."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import wulff
from wulff.errors import InputError
from wulff.smoothing import FixedQuota, Phase, Votes

X = torch.stack([torch.zeros(4), torch.full((4,), 0.5), torch.ones(4)])
NAN, INF = torch.nan, torch.inf


def smoothed(output: list[float], **options: object) -> wulff.Smoothed:
    """The output is given for inputs with a bright first pixel, and (0, 0, 1) for all others."""
    dark = torch.tensor([0.0, 0.0, 1.0])

    def model(batch: Tensor) -> Tensor:
        return torch.where(batch[:, :1] > 0.5, torch.tensor(output), dark)

    return wulff.Smoothed(model, "uniform(scale=0.25)", 3, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "output",
    [[NAN, 0, 1], [0, NAN, INF], [NAN, NAN, NAN], [-INF, NAN, -INF], [INF, 0, 1], [-INF, -INF, -INF]],
)
@pytest.mark.parametrize("sampling", ["float", "exact"])
def test_logits_that_are_nan_or_overflow_vote_for_no_class(output: list[float], sampling: str) -> None:
    with pytest.warns(UserWarning, match=r"not a number for \d+ noisy copies in 2 inputs, first in input 1;"):
        proof = smoothed(output, sampling=sampling, levels=2).certify(X, "linf", n0=30, n=400)
    assert proof.label.tolist()[0] == 2
    assert proof.label.tolist()[2] == -1
    black, grey, white = proof.counts.votes.tolist()
    assert black[:2] == grey[:2] == [0, 0]
    assert black[2] > 398  # but for ambiguous draws
    assert 100 < grey[2] < 300  # half of the copies, within ten standard deviations
    assert white == [0, 0, 0]


@pytest.mark.parametrize(("output", "label"), [([-INF, -1, -2], 1), ([-INF, -INF, 0], 2)])
def test_classes_may_be_ruled_out_by_minus_infinity(output: list[float], label: int) -> None:
    votes = smoothed(output).counts(X, 50).votes
    assert votes[2, label] == 50


def votes_of(model: wulff.Smoothed, **sizes: int) -> list[Votes]:
    quota = FixedQuota({Phase[phase]: n for phase, n in sizes.items()})
    return list(model.vote_loop(quota, seed=0).run(enumerate(X)))


def test_they_are_counted_by_phase_and_apart_from_ambiguous_draws() -> None:
    black, grey, white = votes_of(smoothed([NAN, 0, 0]), SELECTION=20, ESTIMATION=700)
    assert black.not_a_number == {}
    assert white.not_a_number == {Phase.SELECTION: 20, Phase.ESTIMATION: 700}
    for phase, n in grey.sizes.items():
        assert grey.counts[phase].sum() + grey.not_a_number[phase] == n


def test_copies_whose_noise_was_ambiguous_are_not_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from wulff.smoothing.samplers import ExactSampler

    fill = ExactSampler.fill

    def ambiguous(self: ExactSampler, copies: Tensor, x: Tensor, generator: torch.Generator) -> Tensor:
        void = fill(self, copies, x, generator)
        void.view(-1, 64)[:, :10] = True
        return void

    monkeypatch.setattr(ExactSampler, "fill", ambiguous)
    white = votes_of(smoothed([NAN, 0, 0], sampling="exact", levels=2), PREDICTION=128)[2]
    assert white.counts[Phase.PREDICTION].sum() == 0
    assert white.not_a_number == {Phase.PREDICTION: 108}


@pytest.mark.parametrize("call", [lambda g: g.predict(X, 100), lambda g: g(X), lambda g: g.certify(X, n=100)])
def test_warnings_point_at_the_users_line(call: Callable[[wulff.Smoothed], object]) -> None:
    with pytest.warns(UserWarning, match="not a number") as found:
        call(smoothed([NAN, 0, 0]))
    assert [warning.filename for warning in found] == [__file__]


def test_outputs_that_are_no_votes_are_refused() -> None:
    with pytest.raises(InputError, match=r"the model must return real numbers, got torch.complex64"):
        wulff.Smoothed(lambda batch: batch[:, :3] + 1j, "uniform(scale=1)", 3).counts(X, 10)
    with pytest.raises(InputError, match="returns one score for each input"):
        wulff.Smoothed(lambda batch: batch[:, 0] * NAN, "uniform(scale=1)", 3).counts(X, 10)
    with pytest.raises(InputError, match=r"labels outside 0 ... 2;"):
        wulff.Smoothed(lambda batch: 3 * torch.ones(len(batch)).long(), "uniform(scale=1)", 3).counts(X, 10)


def test_more_misses_make_the_error_larger() -> None:
    good, bad = (smoothed(output) for output in ([0, 0, 1], [NAN, 0, 1]))
    x = torch.full((1, 4), 0.3)
    sure = good.certify(x, "linf", n=2000)
    with pytest.warns(UserWarning, match="not a number"):
        proof = bad.certify(x, "linf", n=2000)
    lost = 2000 - proof.counts.votes.sum()
    assert 0 < lost < 400  # 50 of 500 steps of the noise lead above ½: a tenth
    assert sure.counts.votes.tolist() == [[0, 0, 2000]]
    expected = wulff.stats.error_upper_bound(int(lost), 2000, 1e-3)
    np.testing.assert_allclose(proof.error, expected)
