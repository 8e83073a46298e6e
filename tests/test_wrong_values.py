"""Values of the wrong kind, in every argument of the public functions, are refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import wulff
from wulff import certificates, noises, reports, runs, stats
from wulff.attacks import EOTPGD, SoftSmoothed
from wulff.errors import InputError, NotCoveredError
from wulff.runs.records import CertifiedRadius, Record

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
NET = nn.Linear(4, 3)
SMOOTHED = wulff.Smoothed(NET, "gaussian(sigma=0.5)", 3)
RECORDS = [
    Record(i, 1, 1, 0.1, 10, 0.1, radii={"l2": CertifiedRadius(0.5, "closed-form", True)}) for i in range(3)
]
RUN = runs.Run(Path("run"), runs.Spec(model="m"), RECORDS)
VOTES = np.array([[5, 3, 1]])
GAUSSIAN = {"noise": "gaussian(sigma=0.5)", "norm": "l2", "dim": 4}

CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Smoothed": (
        wulff.Smoothed,
        {"model": NET, "noise": "gaussian(sigma=1)", "num_classes": 3, "batch": 8, "sampling": "float"},
    ),
    "exact": (
        lambda levels: wulff.Smoothed(NET, "gaussian(sigma=1)", 3, sampling="exact", levels=levels),
        {"levels": 255},
    ),
    "policy": (lambda policy: wulff.Smoothed(NET, "gaussian(sigma=1)", 3, policy=policy), {"policy": None}),
    "counts": (
        SMOOTHED.counts,
        {"x": X, "n": 10, "phase": wulff.smoothing.Phase.ESTIMATION, "seed": 0, "index": [0, 1, 2]},
    ),
    "predict": (SMOOTHED.predict, {"x": X, "n": 10, "alpha": 0.1, "seed": 0, "index": [0, 1, 2]}),
    "certify": (
        SMOOTHED.certify,
        {"x": X, "norm": "l2", "n0": 5, "n": 10, "alpha": 0.1, "seed": 0, "index": [0, 1, 2], "method": None}
        | {"stop": stats.Anytime(radii=[0.1], skip_incorrect=True), "labels": [0, 1, 2]},  # type: ignore[arg-type]
    ),
    "certified_radius": (certificates.certified_radius, {**GAUSSIAN, "error": 0.1, "method": None}),
    "certified_probability": (
        certificates.certified_probability,
        {**GAUSSIAN, "error": 0.1, "radius": 0.1, "method": None},
    ),
    "two_sided_radius": (
        certificates.two_sided_radius,
        {**GAUSSIAN, "error_top": 0.6, "p_runner_up": 0.1, "method": None},
    ),
    "plan": (certificates.plan, {**GAUSSIAN, "radius": 0.5, "alpha": 0.001}),
    "Gaussian": (noises.Gaussian, {"sigma": 0.5, "dim": 3}),
    "exp-l2": (noises.NOISES["exp-l2"], {"sigma": 0.5, "j": 0.0, "k": 1.0}),
    "Norm": (wulff.norms.Norm, {"p": 2.0}),
    "error_upper_bound": (stats.error_upper_bound, {"misses": 1, "n": 10, "alpha": 0.1}),
    "anytime_error_bound": (stats.anytime_error_bound, {"misses": 1, "n": 10, "alpha": 0.1}),
    "randomized_error_bound": (
        stats.randomized_error_bound,
        {"misses": 1, "n": 10, "alpha": 0.1, "draw": 0.5},
    ),
    "two_sided_bounds": (
        stats.two_sided_bounds,
        {"votes": VOTES, "n": 10, "label": np.array([0]), "alpha": 0.1, "selection": VOTES, "draw": 0.5},
    ),
    "rank test": (stats.predict, {"counts": VOTES, "alpha": 0.1, "unknown": np.array([1])}),
    "samples_needed": (stats.samples_needed, {"error": 0.1, "alpha": 0.01, "true_error": 0.05, "power": 0.5}),
    "mean_upper_bound": (stats.mean_upper_bound, {"values": [0.1, 0.2], "alpha": 0.1}),
    "Anytime": (stats.Anytime, {"radii": [0.5], "beta": 1e-3, "skip_incorrect": False}),
    "precision": (lambda relative: stats.Anytime(relative=relative), {"relative": 0.1}),
    "certified_accuracy": (
        reports.certified_accuracy,
        {"runs": [RUN], "radii": [0.1], "norm": "l2", "confidence": 0.9},
    ),
    "render": (
        reports.certified_accuracy([RUN], [0.1]).render,
        {"style": "text", "digits": 3, "radii_in": "columns"},
    ),
    "curve": (reports.curve, {"run": RUN, "norm": "l2"}),
    "false_certificates": (reports.false_certificates, {"inputs": 10, "alpha": 0.01, "confidence": 0.9}),
    "compare": (reports.compare, {"first": RUN, "second": RUN, "radii": [0.1], "norm": "l2"}),
    "SoftSmoothed": (SoftSmoothed, {"model": NET, "noise": "gaussian(sigma=1)", "copies": 4, "seed": 0}),
    "EOTPGD": (EOTPGD, {"steps": 2, "copies": 2, "restarts": 1}),
}
WRONG = {
    "text": "x",
    "bytes": b"x",
    "nan": float("nan"),
    "negative": -1,
    "huge": 10**400,
    "ragged": [[1, 2], [3]],
    "object": object(),
    "complex": 1j,
    "of text": np.array(["a"]),
    "of nothing": {},
}
MAY_BE = {("SoftSmoothed", "model"), ("certify", "labels", "negative")}


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, (_, right) in CALLS.items() for argument in right]
)
def test_wrong_values(name: str, argument: str) -> None:
    function, right = CALLS[name]
    if (name, argument) in MAY_BE:
        pytest.skip("anything that can be called is a model")
    function(**right)
    for wrong in WRONG.values():
        with pytest.raises((InputError, NotCoveredError)) as found:
            function(**{**right, argument: wrong})
        assert len(str(found.value)) < 400
        assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        ([2**64, 1, 2], f"at most {2**63 - 1:,}, got 18446744073709551616"),
        ([1.9, 1, 2], "each index must be an integer of at least 0, got 1.9"),
        ([True, 1, 2], "got True"),
        ([-1, 1, 2], "got -1"),
        ([0, 1], "a number for each of 3 inputs, got 2"),
        (torch.tensor([0.0, 1, 2]), "got 0.0"),
    ],
)
def test_indices(index: Any, reason: str) -> None:
    with pytest.raises(InputError) as found:
        SMOOTHED.counts(X, 10, index=index)
    assert reason in str(found.value)


def test_indices_that_are_right() -> None:
    few = SMOOTHED.counts(X[1:], 50, index=[7, 2**63 - 1]).votes
    for index in (np.array([7, 2**63 - 1]), torch.tensor([7, 2**63 - 1]), (7, 2**63 - 1)):
        np.testing.assert_array_equal(SMOOTHED.counts(X[1:], 50, index=index).votes, few)


def test_a_norm_given_as_radii() -> None:
    with pytest.raises(
        InputError, match=r"numbers such as \[0.25, 0.5\], got 'l2'; a norm is given as norm='l2'"
    ):
        reports.certified_accuracy([RUN], "l2")  # type: ignore[arg-type]


def test_images_from_0_to_255_are_refused_and_other_data_only_warned_of() -> None:
    model = wulff.Smoothed(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), "gaussian(sigma=0.5)", 3)
    images = X.view(3, 1, 2, 2)
    with pytest.raises(InputError, match="divide 8-bit pixels by 255"):
        model.predict(images * 255)
    with pytest.warns(UserWarning, match=r"do not look like pixels in \[0, 1\]") as found:
        model.counts(images * 3, 10)
    assert [warning.filename for warning in found] == [__file__]
    with pytest.warns(UserWarning, match="do not look like pixels"):
        SMOOTHED.counts(X * 255, 10)  # rows of a table


@pytest.mark.parametrize("inputs", [torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [torch.float32, torch.float64, torch.bfloat16])
def test_inputs_are_cast_to_the_type_of_the_weights(inputs: torch.dtype, weights: torch.dtype) -> None:
    net = nn.Linear(4, 3).to(weights).eval()
    votes = wulff.Smoothed(net, "gaussian(sigma=0.5)", 3).counts(X.to(inputs), 200).votes
    own = wulff.Smoothed(lambda batch: net(batch.to(weights)), "gaussian(sigma=0.5)", 3)
    np.testing.assert_array_equal(votes, own.counts(X.to(inputs), 200).votes)
    SoftSmoothed(net, "gaussian(sigma=0.5)")(X.to(inputs).clone().requires_grad_()).sum().backward()
