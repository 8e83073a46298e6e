"""Specs check and normalise themselves; what is written is read as the same."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from wulff import runs
from wulff.errors import InputError, RunError
from wulff.runs.document import from_document, to_document
from wulff.stats import Anytime

CERTIFY = runs.Spec(model="m", noise="gaussian(sigma=.5)", norms=("l1", "L2", "l1"), dtype="fp32")
FACTS = runs.Facts(inputs=2, of=5, dim=4, classes=3, hashes={"data": "ab"}, versions={"wulff": "0.2.0"})
SPECS = [
    CERTIFY,
    runs.Spec(model="m", noise="laplace(scale=1)", seed=2**64 - 1, stop=Anytime(relative=0.1), dtype="bf16"),
    runs.Spec(model="m", noise="laplace(scale=1)", sampling="exact", levels=16, bound="two-sided",
              estimator="randomized-clopper-pearson", compile=True, batch=32, architecture="cnn"),
    runs.PredictSpec(model="m", noise="uniform(sigma=1)", n=7, alpha=0.25, slice="3:-1:2"),
    runs.ImportedSpec(),
    runs.ImportedSpec(norms=("l2",), noise="gaussian(sigma=1)", n=5, alpha=0.1, training_accuracy=0.5),
]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.task}-{SPECS.index(spec)}")
def test_what_is_written_is_read_as_the_same(spec: Any) -> None:
    text = tomli_w.dumps(to_document(spec, FACTS))
    found = from_document(tomllib.loads(text), Path("spec.toml"))
    assert found.spec == spec
    assert found.facts == FACTS
    assert tomli_w.dumps(to_document(*found)) == text


def test_specs_are_normalised() -> None:
    assert CERTIFY.dtype == "float32"
    assert CERTIFY.noise == "gaussian(sigma=0.5)"
    assert CERTIFY.norms == ("l1", "l2")


def test_what_means_nothing_for_a_task_is_no_field_of_it() -> None:
    for name in ("n0", "norms", "bound", "estimator", "stop"):
        with pytest.raises(TypeError):
            runs.PredictSpec(model="m", **{name: None})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        runs.Spec(model="m", task="predict")  # type: ignore[call-arg]


def test_certify_does_not_predict(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"certify needs a runs\.Spec or a runs\.ViewSpec, got PredictSpec"):
        runs.certify(runs.PredictSpec(model="m"), tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 0}, "n must be a positive integer, got 0"),
        ({"n0": 1.5}, "n0 must be a positive integer"),
        ({"alpha": 1}, "alpha must lie in"),
        ({"seed": -1}, "seed must be an integer from 0"),
        ({"seed": 2**64}, "seed must be an integer from 0"),
        ({"dtype": "fp64"}, r"dtype must be float32 \(fp32\)"),
        ({"sampling": "both"}, "sampling must be float or exact"),
        ({"sampling": "exact", "levels": 0}, "levels must be an integer"),
        ({"noise": "gauss(sigma=1)"}, "unknown noise"),
        ({"norms": ()}, "norms must be a sequence"),
        ({"norms": "l2"}, "norms must be a sequence"),
        ({"slice": "::0"}, "a slice must look like"),
        ({"batch": 0}, "batch must be a positive integer"),
        ({"bound": "both"}, "bound must be one-sided or two-sided, got 'both'"),
        ({"estimator": "wilson"}, "estimator must be clopper-pearson or"),
        ({"stop": 0.1}, "stop must be a wulff.stats.Anytime"),
        ({"stop": Anytime(relative=0.1), "bound": "two-sided"}, "two-sided bounds need a fixed n"),
        ({"stop": Anytime(relative=0.1), "estimator": "randomized-clopper-pearson"}, "needs a fixed n"),
        ({"stop": Anytime(relative=0.1), "alpha": 0.4}, r"at most 0\.3"),
        ({"compile": 1}, "compile must be True or False"),
        ({"model": 3}, "model must be text"),
    ],
    ids=str,
)
def test_specs_refuse_when_they_are_made(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        runs.Spec(**({"model": "m"} | fields))
    document = to_document(CERTIFY, FACTS)
    if not isinstance(fields.get("stop"), Anytime) and "compile" not in fields:
        with pytest.raises(RunError, match=r"spec\.toml is damaged: "):
            from_document(document | {"run": document["run"] | fields}, Path("spec.toml"))


@pytest.mark.parametrize(
    "change",
    [
        {"run": "x"}, {"run": {}}, {"run": {"task": "guess"}}, {"format": 2}, {"format": "1"},
        {"hashes": {"data": 3}}, {"versions": [1]}, {"engine": 4}, {"counted": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_damaged_documents_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"spec\.toml is damaged: "):
        from_document(to_document(CERTIFY, FACTS) | change, Path("spec.toml"))


@pytest.mark.parametrize("name", ["model", "dataset", "slice", "noise", "n", "alpha", "seed", "norms", "n0",
                                  "bound", "inputs"])  # fmt: skip
def test_no_default_stands_for_what_a_document_lacks(name: str) -> None:
    document = to_document(CERTIFY, FACTS)
    del document["run"][name]
    with pytest.raises(RunError, match=f"the table run has no {name}"):
        from_document(document, Path("spec.toml"))


def test_documents_are_looked_into_in_one_place() -> None:
    source = Path(runs.__file__).parents[1]
    # These read documents of their own: of a run, a training, a sweep, a verification, a request.
    allowed = {"document.py", "spec.py", "journal.py", "training_run.py", "checkpoints.py", "file.py",
               "verification.py", "verify.py"}  # fmt: skip
    for path in source.rglob("*.py"):
        if path.name not in allowed and path.parent.name not in ("verify", "serving"):
            found = re.findall(r"\b(?:spec|document)(?:\[[\"']|\.get\()", path.read_text())
            assert not found, (path, found)
