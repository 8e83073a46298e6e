"""Values of the wrong kind, in every argument of the public functions, are refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import wulff
from wulff import backends, certificates, datasets, engines, models, noises, reports, runs, smoothing, stats
from wulff import views as view_families
from wulff.attacks import EOTPGD, SoftSmoothed
from wulff.errors import InputError, WulffError
from wulff.runs import execution
from wulff.runs.records import CertifiedRadius, Record

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
NET = nn.Linear(4, 3)
SMOOTHED = wulff.Smoothed(NET, "gaussian(sigma=0.5)", 3)
COUNTED = {"selection": {1: 5}, "estimation": {1: 10}}
RADIUS = {"l2": CertifiedRadius(0.5, "closed-form", True)}
RECORDS = [Record(i, 1, 1, 0.1, 10, 0.1, counts=COUNTED, radii=RADIUS) for i in range(3)]
SPEC = runs.Spec(model="m", noise="gaussian(sigma=0.5)", n0=5, n=10, alpha=0.1)
RUN = runs.Run(Path("run"), SPEC, RECORDS, runs.Facts(inputs=3, dim=4, classes=3))
CERTIFICATION = SMOOTHED.certify(X, norm="l2", n0=5, n=50, alpha=0.1, seed=0)
IMAGES = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
BANDS = view_families.Bands(2)
ENUMERATED = smoothing.Enumerated(nn.Sequential(nn.Flatten(), nn.Linear(32, 3)), BANDS, 3, batch=16)
CURVE = reports.curve(RUN, "l2")
LOG = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t1\t1\t0.5\t1\t0:00:01\n"
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
    "Counts": (smoothing.PredictionCounts, {"votes": VOTES, "n": 10, "index": (0,)}),
    "EstimationCounts": (
        smoothing.EstimationCounts,
        {"votes": VOTES, "n": 10, "index": (0,), "stop": stats.Anytime(radii=(0.1,))},
    ),
    "Terms": (
        smoothing.Terms,
        {"noise": noises.Gaussian(sigma=1.0), "n0": 5, "n": 10, "alpha": 0.1, "seed": 0, "bound": "one-sided"}
        | {"estimator": "clopper-pearson", "stop": None, "grid": None},
    ),
    "certify_counts": (
        smoothing.certify_counts,
        {"selection": CERTIFICATION.selection, "estimation": CERTIFICATION.counts, "threat": "l2"}
        | {"terms": CERTIFICATION.terms, "method": None},
    ),
    "against": (CERTIFICATION.against, {"norm": "l1"}),
    "DevicePolicy": (smoothing.DevicePolicy, {"dtype": "float32", "compile": False, "channels_last": False}),
    "Enumerated": (
        smoothing.Enumerated,
        {"model": NET, "views": "bands(width=2)", "num_classes": 3, "batch": 16},
    ),
    "views certified": (ENUMERATED.certify, {"x": IMAGES, "top": 2}),
    "views counted": (ENUMERATED.votes, {"x": IMAGES}),
    "certify_votes": (
        smoothing.certify_votes,
        {"votes": np.array([[2, 1, 1]]), "views": BANDS, "shape": (1, 4, 4), "top": 1},
    ),
    "views of a name": (view_families.parse, {"text": "bands(width=4)"}),
    "Bands": (view_families.Bands, {"width": 2}),
    "Blocks": (view_families.Blocks, {"size": 2}),
    "Splitting": (view_families.Splitting, {"sigma": 0.5, "levels": 255, "seed": 0}),
    "views": (BANDS.views, {"x": IMAGES[0], "which": torch.tensor([0])}),
    "views on a grid": (
        view_families.Splitting(0.5).views,
        {"x": torch.zeros(1, 4, 4), "which": torch.tensor([0])},
    ),
    "reach": (BANDS.reach, {"slack": 2, "shape": (1, 4, 4)}),
    "reach on a grid": (view_families.Splitting(0.5).reach, {"slack": 2, "shape": (1, 4, 4)}),
    "number of views": (BANDS.count, {"shape": (1, 4, 4)}),
    "partition": (view_families.partition, {"images": X, "parts": 3}),
    "certify_partitions": (
        view_families.certify_partitions,
        {"answers": np.array([[0, 1], [1, 1]]), "num_classes": 3},
    ),
    "label_and_slack": (view_families.label_and_slack, {"votes": VOTES}),
    "top_slack": (view_families.top_slack, {"votes": VOTES, "label": [0], "top": 1}),
    "top_k_bounds": (
        stats.top_k_bounds,
        {"votes": VOTES, "n": 10, "label": [0], "top": 1, "alpha": 0.1, "selection": VOTES},
    ),
    "top_k_radius": (
        certificates.top_k_radius,
        {**GAUSSIAN, "error": [0.1], "rivals": [[0.1, 0.05]], "method": None},
    ),
    "largest_error": (certificates.largest_error, {**GAUSSIAN, "radius": 0.5}),
    "radius_in_any_dimension": (
        certificates.radius_in_any_dimension,
        {"noise": "gaussian(sigma=1)", "error": 0.1, "norm": "l2", "method": None},
    ),
    "table of certificates": (certificates.table, {"noise": noises.Gaussian, "norm": "l2"}),
    "load": (runs.load, {"folder": Path("imported")}),
    "recertify": (runs.recertify, {"folder": Path("certified"), "store": None}),
    "on_other_terms": (
        runs.on_other_terms,
        {"source": RUN, "norms": ["l2"], "alpha": 0.1, "n": 5, "bound": "one-sided"}
        | {"estimator": "clopper-pearson"},
    ),
    "project": (runs.project, {"run": RUN, "n": 100}),
    "has_counts": (runs.has_counts, {"run": RUN}),
    "import_log": (
        runs.import_log,
        {"file": "log.tsv", "store": "imported", "norm": "l2", "noise": "gaussian(sigma=1)", "n": 10}
        | {"alpha": 0.1, "training_noise": "gaussian(sigma=1)"},
    ),
    "Spec": (
        runs.Spec,
        {"model": "m", "dataset": "digits", "noise": "gaussian(sigma=1)", "slice": ":", "n0": 10, "n": 10}
        | {"alpha": 0.1, "seed": 0, "sampling": "float", "levels": 255, "dtype": "float32", "batch": 8}
        | {"compile": False, "channels_last": False, "architecture": "cnn", "norms": ["l2"]}
        | {"bound": "one-sided", "estimator": "clopper-pearson"},
    ),
    "TrainingSpec": (
        runs.TrainingSpec,
        {"noise": "gaussian(sigma=1)", "dataset": "digits", "model": "cnn", "objective": "augment"},
    ),
    "listing": (reports.listing, {"folders": ["."]}),
    "write_page": (
        reports.write_page,
        {"runs": [RUN], "path": Path("page.html"), "radii": [0.1], "norms": ["l2"], "confidence": 0.9}
        | {"pictures": 0},
    ),
    "write_report": (reports.write_report, {"runs": [RUN], "folder": Path("report"), "radii": [0.1]}),
    "envelope": (reports.envelope, {"runs": [RUN, RUN], "norm": "l2"}),
    "valid_envelope": (reports.valid_envelope, {"runs": [RUN, RUN], "norm": "l2"}),
    "accuracy": (CURVE.accuracy, {"radius": 0.1}),
    "bound of a curve": (CURVE.bound, {"radius": 0.1, "confidence": 0.9}),
    "comparison": (reports.compare(RUN, RUN).render, {"style": "text", "most": 3}),
    "as published": (
        lambda **how: reports.certified_accuracy([RUN], **how),
        {"as_published": False, "with_average": True},
    ),
    "figure": (
        reports.plot_certified_accuracy,
        {"runs": [RUN], "path": Path("figure.svg"), "norms": ["l2"]},
    ),
    "adapt": (backends.adapt, {"model": max, "class_names": ["a", "b"], "threshold": 0.5, "identity": "me"}),
    "model of a name": (
        backends.load,
        {"source": "python:operator:neg", "class_names": ["a"], "threshold": 0.5, "identity": "me"},
    ),
    "data set": (datasets.load, {"name": "digits", "split": "test"}),
    "weights": (models.load, {"path": Path("weights.safetensors")}),
    "engine": (engines.find, {"name": "local"}),
}
WRONG = {
    "text": "x",
    "bytes": b"x",
    "nan": float("nan"),
    "negative": -1,
    "huge": 10**400,
    "endless": 10**5000,
    "ragged": [[1, 2], [3]],
    "object": object(),
    "complex": 1j,
    "of text": np.array(["a"]),
    "of nothing": {},
}
EMPTY = {"none": None, "empty": np.array([]), "empty list": [], "empty text": ""}
"""What some arguments may be."""
MAY_BE = {
    ("certify", "labels", "negative"),  # unknown
    ("adapt", "class_names", "of text"),
    ("adapt", "threshold", "negative"),
    ("adapt", "identity", "text"),
    ("model of a name", "class_names", "of text"),
    ("model of a name", "threshold", "negative"),
    ("model of a name", "identity", "text"),
    ("import_log", "store", "text"),
    ("recertify", "store", "text"),
    ("write_page", "path", "text"),
    ("write_report", "folder", "text"),
    ("Spec", "model", "text"),
    ("Spec", "dataset", "text"),
    ("Spec", "architecture", "text"),
    ("TrainingSpec", "dataset", "text"),
    ("TrainingSpec", "model", "text"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with what the calls read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.tsv").write_text(LOG)
    runs.import_log("log.tsv", "imported", noise="gaussian(sigma=1)", n=10, alpha=0.1)
    execution.store_finished("certified", SPEC, RUN.facts, RECORDS)
    model = models.build("cnn", (1, 4, 4), 3)
    models.weights.save(Path("weights.safetensors"), model, models.Description("cnn", (1, 4, 4), 3))
    return tmp_path


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_wrong_values(name: str, folder: Path) -> None:
    function, right = CALLS[name]
    if name != "import_log":  # its run is there
        function(**right)
    for argument in right:
        if (name, argument) == ("SoftSmoothed", "model"):
            continue  # anything that can be called is a model
        for kind, wrong in (WRONG | EMPTY).items():
            refused = refusal(function, {**right, argument: wrong})
            if refused is None:
                assert kind in EMPTY or (name, argument, kind) in MAY_BE, (argument, kind)
            else:
                assert len(refused) < 400
                assert "\n" not in refused


def refusal(function: Callable[..., Any], arguments: dict[str, Any]) -> str | None:
    """What a call is refused with; errors that are not raised on purpose go on."""
    try:
        function(**arguments)
    except WulffError as error:
        return str(error)
    return None


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
