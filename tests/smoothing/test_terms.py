"""Terms: what goes with what is decided once, and counts are bounded only as they were counted."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wulff
from wulff import InputError, runs, smoothing
from wulff.noises import Uniform
from wulff.smoothing import EstimationCounts, SelectionCounts, Terms, certify_counts
from wulff.stats import Anytime

NOISE = Uniform(scale=1, dim=1)
TERMS = Terms(noise=NOISE, n0=100, n=3000, alpha=1e-3, seed=0)
STOP = Anytime(radii=[0.1, 0.3], skip_incorrect=False)
X = torch.linspace(0.5, 1, 11)[1:].view(10, 1)


def half_space(batch: Tensor) -> Tensor:
    return (batch.flatten(1)[:, 0] > 0.5).long()


@pytest.fixture(scope="module")
def stopped() -> wulff.Certification:
    return wulff.Smoothed(half_space, "uniform(scale=1)", 2).certify(X, norm="l1", n=3000, stop=STOP)


def test_stopped_counts_refuse_a_bound_for_a_fixed_n(stopped: wulff.Certification) -> None:
    # The bound for a fixed n would give larger radii, which are not valid for counts that chose when to stop.
    assert stopped.counts.stop == STOP
    assert len(np.unique(stopped.counts.n)) > 1
    for other in (None, Anytime(radii=[0.1]), Anytime(relative=0.1)):
        terms = dataclasses.replace(stopped.terms, stop=other)
        with pytest.raises(InputError, match="the counts were stopped by Anytime"):
            certify_counts(stopped.selection, stopped.counts, terms, "l1")
    # Nor do they pass as counts of a fixed n once they have forgotten the policy.
    forgetful = dataclasses.replace(stopped.counts, stop=None)
    with pytest.raises(InputError, match=r"counts are of n = .* the terms say n = 3000"):
        certify_counts(stopped.selection, forgetful, dataclasses.replace(stopped.terms, stop=None), "l1")


def test_another_norm_keeps_the_terms(stopped: wulff.Certification) -> None:
    again = stopped.against("linf").against("l1")
    np.testing.assert_array_equal(again.radius, stopped.radius)
    assert again.terms == stopped.terms
    assert again.stop == STOP
    assert "whenever sampling stops" in again.statement


def test_counts_of_a_fixed_n_refuse_terms_with_a_stop() -> None:
    proof = wulff.Smoothed(half_space, "uniform(scale=1)", 2).certify(X, norm="l1", n=300)
    with pytest.raises(InputError, match="the counts were stopped by None"):
        certify_counts(proof.selection, proof.counts, dataclasses.replace(proof.terms, stop=STOP), "l1")


@pytest.mark.parametrize("change", [{"n": 301}, {"n": 299}, {"n0": 99}], ids=str)
def test_sizes_that_the_terms_do_not_say_are_refused(change: dict[str, int]) -> None:
    votes = np.array([[90, 10]])
    selection, estimation = SelectionCounts(votes, 100), EstimationCounts(3 * votes, 300)
    terms = dataclasses.replace(TERMS, n=300)
    certify_counts(selection, estimation, terms, "l1")
    with pytest.raises(InputError, match="the terms say"):
        certify_counts(selection, estimation, dataclasses.replace(terms, **change), "l1")


def test_random_numbers_of_an_estimator_are_keyed_by_the_index_in_the_counts() -> None:
    votes = np.array([[290, 10]] * 3)
    selection = SelectionCounts(np.array([[100, 0]] * 3), 100)
    terms = dataclasses.replace(TERMS, n=300, estimator="randomized-clopper-pearson")
    here, there = (
        certify_counts(selection, EstimationCounts(votes, 300, index), terms, "l1").draw
        for index in (None, (2, 1, 0))
    )
    assert here is not None
    assert there is not None
    assert here.tolist() == there.tolist()[::-1]


def test_what_a_certification_says_is_in_its_terms(stopped: wulff.Certification) -> None:
    names = ("noise", "alpha", "seed", "stop", "bound", "estimator", "grid")
    assert all(getattr(stopped, name) == getattr(stopped.terms, name) for name in names)
    assert stopped.noise.dim == 1


# Values that travel together are one object: no function takes more than two of them one by one.
LOOSE = {"n0", "n", "alpha", "seed", "bound", "estimator", "stop", "draw", "grid"}
PUBLIC = {
    "wulff.smoothing.smoothed.Smoothed.certify": "users write these terms, and get them back as one object",
    "wulff.smoothing.smoothed.Smoothed.predict": "a prediction has three terms only, and users write them",
    "wulff.runs.in_python.certify": "`wulff.certify`: users write these terms, and get a run with a spec",
}
"""Functions at which users say each term by its name, and why; they hand on one object."""


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for package in (smoothing, runs):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for name, thing in vars(module).items():
                if getattr(thing, "__module__", None) != found.name:
                    continue
                if inspect.isfunction(thing):
                    yield f"{found.name}.{name}", thing
                elif inspect.isclass(thing):
                    generated = dataclasses.is_dataclass(thing)
                    for method, function in vars(thing).items():
                        if inspect.isfunction(function) and not (generated and method == "__init__"):
                            yield f"{found.name}.{name}.{method}", function


def test_terms_travel_as_one_object() -> None:
    looked_at = dict(functions())
    assert len(looked_at) > 150
    assert looked_at.keys() > PUBLIC.keys()
    for name, function in looked_at.items():
        loose = LOOSE & inspect.signature(function).parameters.keys()
        assert len(loose) <= 2 or name in PUBLIC, (name, loose)
    assert len(inspect.signature(certify_counts).parameters) <= 5


def test_rules_of_what_goes_with_what_stand_in_one_file() -> None:
    source = Path(smoothing.__file__).parents[1]
    files = [path for path in source.rglob("*.py") if "randomized-clopper-pearson" in path.read_text()]
    code = {path.relative_to(source).as_posix() for path in files}
    # Elsewhere it is named in help and documentation only.
    assert {name for name in code if 'estimator == "' in (source / name).read_text()} <= {
        "smoothing/terms.py"
    }
