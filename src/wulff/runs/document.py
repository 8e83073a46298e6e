"""The document of a run, spec.toml: what was asked for, and what was found when the run was made."""

import dataclasses
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wulff import noises, plugins
from wulff._checks import is_list, is_table, whole_numbers
from wulff._version import __version__
from wulff.errors import InputError, RunError
from wulff.runs.folder import FORMAT
from wulff.runs.spec import SPECS, AnySpec
from wulff.runs.view_spec import ViewSpec
from wulff.runs.vote_spec import VoteSpec
from wulff.smoothing.policy import batch_matters
from wulff.views import is_views

NOT_IDENTIFIED = "not identified"
"""Stands for the hash of a classifier that nothing tells from others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What a run found when it was made; None is what is not known of it.

    Attributes:
        inputs: How many records it has when it is finished.
        of: How many inputs the data set has before the slice.
        dim: The coordinates of an input.
        shape: The shape of an input, where its views depend on it.
        classes: The number of labels.
        labelled: Whether true labels are known.
        class_names: The names of the labels; None where they have none but their numbers.
        gpu: The model of the GPU, where there was one.
        hashes: Of the files that decide its numbers, by what they hold.
        versions: Of the programs that computed it.
        counted: Where its counts are from, if another run counted them.
        engine: What decided its speed and none of its numbers.
        format: Of its files.
        plugins: Modules that were imported as plugins when it was made; what reads it imports them too.
    """

    inputs: int | None = None
    of: int | None = None
    dim: int | None = None
    shape: tuple[int, ...] | None = None
    classes: int | None = None
    labelled: bool = True
    class_names: tuple[str, ...] | None = None
    gpu: str | None = None
    hashes: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    counted: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    engine: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    format: int = FORMAT
    plugins: tuple[str, ...] = dataclasses.field(default_factory=plugins.loaded)

    @property
    def data_hash(self) -> str | None:
        """The SHA-256 of the inputs; None where it is not known, as of a log."""
        return self.hashes.get("data")

    @property
    def classifier(self) -> str | None:
        """What tells the classifier from others: a hash of its weights, or what its user says it is."""
        return self.hashes.get("weights")

    @property
    def identified(self) -> bool:
        """Whether something tells the classifier from others."""
        return self.classifier != NOT_IDENTIFIED

    @property
    def made_by(self) -> str | None:
        """The version of wulff that made the run."""
        return self.versions.get("wulff")

    @property
    def agreement(self) -> float | None:
        """On which share of noisy copies a network in 8 bits has the label of the one in float32."""
        return self.engine.get("agreement")

    @property
    def rates(self) -> Mapping[str, float]:
        """Copies per second of the ways to run the model that were measured; none where none was."""
        return self.engine.get("samples_per_second", {})


class Made(NamedTuple):
    """What a run is made of, but for its records."""

    spec: AnySpec
    facts: Facts

    @property
    def noise(self) -> noises.Noise | None:
        """The noise, with the dimension of the inputs where it is known; None where a log does not say, and
        for views."""
        if self.spec.noise is None or is_views(self.spec.noise):
            return None
        noise = noises.parse(self.spec.noise)
        return noise if self.facts.dim is None else noise.in_dim(self.facts.dim)


_NUMBERS = ("inputs", "of", "dim", "classes")
_FOUND = (*_NUMBERS, "shape")


def to_document(spec: AnySpec, facts: Facts) -> dict[str, Any]:
    """The document of a run."""
    run = spec.to_document()
    run |= {name: value for name in (*_NUMBERS, "gpu") if (value := getattr(facts, name)) is not None}
    run |= {} if facts.shape is None else {"shape": list(facts.shape)}
    run |= {} if facts.labelled else {"labelled": False}
    run |= {} if facts.class_names is None else {"class_names": list(facts.class_names)}
    engine = dict(facts.engine)
    if isinstance(spec, VoteSpec):
        engine = {"batch": spec.batch} | engine
        if isinstance(spec, ViewSpec) or batch_matters(spec.device, compiled=bool(spec.compile)):
            run["batch"] = spec.batch
    document: dict[str, Any] = {"format": facts.format} if facts.format else {}
    document |= {"plugins": list(facts.plugins)} if facts.plugins else {}
    document |= {"run": run, "hashes": dict(facts.hashes)}
    if facts.counted:
        document["counted"] = dict(facts.counted)
    return document | {"versions": dict(facts.versions), "engine": engine}


def from_document(document: dict[str, Any], where: Path) -> Made:
    """The spec and the facts in a document; `where` it is stored is for messages.

    Raises:
        RunError: Something in it is missing or not allowed, or it needs a plugin that cannot be loaded.
    """
    needed = _plugins(document, where)
    try:
        form = document.get("format", 0)
        if type(form) is not int or not 0 <= form <= FORMAT:
            raise InputError(f"its format is {form!r}, and this version reads up to {FORMAT}.")
        run, engine = _table(document, "run"), _table(document, "engine")
        task = run.get("task")
        if not isinstance(task, str) or task not in SPECS:
            raise InputError(f"task must be {', '.join(SPECS)}, got {task!r}.")
        batch = {"batch": engine["batch"]} if "batch" in engine else {}
        asked = {key: value for key, value in run.items() if key not in _FOUND}
        spec = SPECS[task].from_document(batch | asked)
        facts = Facts(
            **{name: _count(run, name) for name in _NUMBERS},
            shape=_shape(run, spec),
            labelled=_yes_or_no(run, "labelled", otherwise=True),
            class_names=_names(run),
            gpu=run.get("gpu"),
            hashes=_texts(document, "hashes"),
            versions=_texts(document, "versions"),
            counted=_table(document, "counted"),
            engine={key: value for key, value in engine.items() if key != "batch"},
            format=form,
            plugins=needed,
        )
        if form and facts.inputs is None:
            raise InputError("the table run has no inputs.")
    except InputError as error:
        raise RunError(f"{where} is damaged: {error}") from None
    return Made(spec, facts)


def deciding(spec: AnySpec, facts: Facts) -> dict[str, Any]:
    """What decides the numbers of a run, by name, but for which inputs it has and what they hold."""
    document = to_document(spec, facts)
    asked = {name: value for name, value in document["run"].items() if name not in ("slice", "inputs")}
    hashes = {f"hash of {name}": value for name, value in facts.hashes.items() if name != "data"}
    return asked | hashes | {"versions": facts.made_by}


def versions(libraries: Sequence[str] = ()) -> dict[str, str]:
    """The versions of what computes the numbers.

    Args:
        libraries: Packages that compute the outputs of the classifier, by the names that import them.
    """
    known = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy")}
    imported = {name: getattr(sys.modules.get(name), "__version__", None) for name in libraries}
    known |= {name: str(version) for name, version in imported.items() if version is not None}
    return {"wulff": __version__} | known


def load_plugins(document: dict[str, Any] | None, where: Path) -> None:
    """Import the plugins that a run needs, if there is a run.

    Raises:
        RunError: One cannot be loaded.
    """
    if document is not None:
        _plugins(document, where)


def _plugins(document: dict[str, Any], where: Path) -> tuple[str, ...]:
    """The plugins that a document names, which are loaded then."""
    names: Any = document.get("plugins", [])
    if not is_list(names) or not all(isinstance(name, str) for name in names):
        raise RunError(f"{where} is damaged: plugins must be a list of modules, got {names!r}.")
    try:
        plugins.require(names)
    except InputError as error:
        raise RunError(f"{where.parent} needs a plugin: {error}") from None
    return tuple(names)


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    table: Any = document.get(name, {})
    if not is_table(table):
        raise InputError(f"{name} must be a table, got {table!r}.")
    return table


def _texts(document: dict[str, Any], name: str) -> dict[str, str]:
    table = _table(document, name)
    for key, value in table.items():
        if not isinstance(value, str):
            raise InputError(f"{key} in the table {name} must be text, got {value!r}.")
    return table


def _names(run: dict[str, Any]) -> tuple[str, ...] | None:
    names = run.get("class_names")
    if names is None:
        return None
    if not is_list(names) or not all(isinstance(name, str) for name in names):
        raise InputError(f"class_names must be a list of names, got {names!r}.")
    if len(names) != run.get("classes"):
        raise InputError(f"class_names has {len(names)} names for {run.get('classes')} classes.")
    return tuple(names)


def _yes_or_no(run: dict[str, Any], name: str, *, otherwise: bool) -> bool:
    value = run.get(name, otherwise)
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false, got {value!r}.")
    return value


def _shape(run: dict[str, Any], spec: AnySpec) -> tuple[int, ...] | None:
    """The shape of an input in a document, which runs of views have."""
    if not isinstance(spec, ViewSpec):
        return None
    shape = tuple(whole_numbers("shape", run.get("shape"), least=1))
    spec.views.check(shape)
    return shape


def _count(run: dict[str, Any], name: str) -> int | None:
    value = run.get(name)
    if value is not None and (type(value) is not int or value < 1):
        raise InputError(f"{name} must be a positive integer, got {value!r}.")
    return value
