"""Sweeps: a TOML file whose lists multiply to trainings and certifications, each with a folder of its own."""

import dataclasses
import itertools
import re
import tomllib
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wulff import backends, datasets, models, noises, training
from wulff._checks import file_path, is_list, is_table
from wulff._quoting import shown
from wulff._reading import reading
from wulff.errors import InputError
from wulff.runs.spec import Spec
from wulff.runs.sweeps import columns
from wulff.runs.training_spec import TrainingSpec
from wulff.runs.view_spec import ViewSpec, refused_terms
from wulff.stats import Anytime
from wulff.tables import Layout
from wulff.views import is_views
from wulff.views import parse as parse_views

Table = dict[str, Any]
ALIASES = {"seeds": "seed", "norm": "norms"}
_SCHEDULE = {field.name: field for field in dataclasses.fields(training.Schedule)}
_TRAIN = {field.name: field for field in dataclasses.fields(TrainingSpec) if field.name != "table"}
"""As in the spec, but that `schedule` is the name of one, whose fields the file may change."""
_CERTIFY = {field.name: field for field in dataclasses.fields(Spec) if field.name != "table"}
_WHOLE = ("norms", "stop", "categorical", "immutable")
"""Keys whose lists belong to one run."""
_PLAIN = ("noise", "objective", "model", "dataset", "architecture")
"""Keys whose values name a folder without the key."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One training, or a model that exists, and the certifications of it; done by one process.

    Attributes:
        name: The folder of the model.
        training: What to train; None where the model exists.
        runs: Certifications by the names of their folders.
        parameters: What decides each folder's content, by its path within the sweep.
    """

    name: str
    training: TrainingSpec | None
    runs: dict[str, Spec | ViewSpec]
    parameters: dict[str, Table]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Everything that a sweep file asks for.

    Attributes:
        store: Where it says that models, runs and report go.
        tasks: What to do, in the order of the file.
        radii: The columns of the report's tables; None for round ones.
    """

    store: Path
    tasks: list[Task]
    radii: list[float] | None


def read_sweep(file: str | Path, store: str | Path | None = None) -> Sweep:
    """Read a sweep file.

    Its tables `[train]` and `[certify]` (or several of each, as `[[train]]`) hold the parameters of
    `TrainingSpec` with its `Schedule`, and of `Spec`. A list stands for one run for each of its values;
    several lists multiply. `sigma` gives a noise its size. Every model is certified by every `[certify]`.
    `norms` and `stop` are passed on as they are. `[defaults]` is added to every `[[train]]`, and `[report]`
    may have `radii`. Where the data set is a table, `target`, `scales` (a file), `categorical`, `immutable`
    and, for models that exist, `training_rows` say what its columns are.

    Args:
        file: A TOML file.
        store: Where models, runs and report go, instead of where the file says.

    Raises:
        InputError: The file cannot be read, or a key or value is not allowed; nothing is written.
    """
    file = file_path("file", file)
    document = _document(file)
    trainings, certifications = (_tables(file, document, key) for key in ("train", "certify"))
    defaults, *more = _tables(file, document, "defaults") or [{}]
    if more:
        raise InputError(f"{file} has several [[defaults]]; give one table [defaults].")
    trainings = [defaults | table for table in trainings]
    if not certifications:
        raise InputError(f"{file} needs a table [certify], which may be empty.")
    train_names = _naming_keys(trainings)
    certify_names = _naming_keys(certifications)
    certify = [
        row
        for table in certifications
        for row in _multiply(file, "certify", table, _CERTIFY | dict.fromkeys(columns.CERTIFY))
    ]
    target = Path(store or document.get("store") or file.stem)
    if trainings:
        allowed = _TRAIN | _SCHEDULE | dict.fromkeys(columns.TRAIN)
        rows = [row for table in trainings for row in _multiply(file, "train", table, allowed)]
        if any("model" in row for row in certify):
            raise InputError(f"{file}: [certify] takes its model from [train]; leave one of them out.")
        tasks = [_trained(file, target, row, train_names, certify, certify_names) for row in rows]
    else:
        tasks = [_existing(file, row, certify_names) for row in certify]
    folders = Counter(folder for task in tasks for folder in task.parameters)
    for folder, times in folders.items():
        if times > 1:
            raise InputError(
                f"{file} asks for {folder} twice; vary its parameters by lists, so that they name it."
            )
    return Sweep(target, tasks, _radii(file, document))


def _document(file: Path) -> Table:
    with reading(file, "sweep file", "mend it"):
        document = tomllib.loads(file.read_text("utf-8"))
    _refuse_zero_characters(file, document)
    unknown = set(document) - {"store", "defaults", "train", "certify", "report"}
    if unknown:
        raise InputError(
            f"{file} has {', '.join(sorted(unknown))}; a sweep has store, [defaults], [train], [certify] and "
            "[report]."
        )
    if not isinstance(document.get("store", ""), str):
        raise InputError(f"{file}: store must be the path of a folder, got {document['store']!r}.")
    return document


def _refuse_zero_characters(file: Path, value: object) -> None:
    """No path, and no name of anything, has a character of number zero."""
    if isinstance(value, str) and "\0" in value:
        raise InputError(f"{file} has {shown(value)}, with a zero character that no path or name can have.")
    parts: Iterable[object] = ()
    if is_table(value):
        parts = [*value, *value.values()]
    elif is_list(value):
        parts = value
    for part in parts:
        _refuse_zero_characters(file, part)


def _tables(file: Path, document: Table, key: str) -> list[Table]:
    found: Any = document.get(key, [])
    tables: list[Any] = found if is_list(found) else [found]
    if not all(map(is_table, tables)):
        raise InputError(f"{file}: {key} must be a table [{key}] or several [[{key}]].")
    return [{ALIASES.get(str(name), str(name)): value for name, value in table.items()} for table in tables]


def _radii(file: Path, document: Table) -> list[float] | None:
    report: Any = document.get("report", {})
    radii: Any = report.get("radii") if is_table(report) and set(report) <= {"radii"} else ()
    if radii is None:
        return None
    if not is_list(radii) or not radii or not all(type(r) in (int, float) and r >= 0 for r in radii):
        raise InputError(f"{file}: [report] may have radii, a list of numbers of at least 0.")
    return [float(radius) for radius in radii]


def _naming_keys(tables: list[Table]) -> list[str]:
    """The keys that tell folders apart: those with a list, and those in which tables differ."""
    found = {key: [table.get(key) for table in tables] for table in tables for key in table}
    return [
        key
        for key, values in found.items()
        if key not in _WHOLE and any(isinstance(value, list) or value != values[0] for value in values)
    ]


def _multiply(
    file: Path, name: str, table: Table, allowed: Mapping[str, "dataclasses.Field[Any] | None"]
) -> Iterator[Table]:
    """The rows that a table stands for, one value for each key."""
    for key, value in table.items():
        if key not in allowed and key != "sigma":
            raise InputError(f"{file}: [{name}] has no {key!r}; there is {', '.join([*allowed, 'sigma'])}.")
        if value == []:
            raise InputError(f"{file}: the list {key} in [{name}] is empty.")
    lists: list[list[Any]] = [
        value if is_list(value) and key not in _WHOLE else [value] for key, value in table.items()
    ]
    for values in itertools.product(*lists):
        row = dict(zip(table, values, strict=True))
        for key, value in row.items():
            _check_type(file, name, key, value, allowed.get(key))
        yield row


def _check_type(
    file: Path, table: str, key: str, value: object, field: "dataclasses.Field[Any] | None"
) -> None:
    default = 0.0 if field is None else field.default
    allowed = () if field is None else typing.get_args(field.type)
    kinds: tuple[type, ...] = (str,)
    if key == "stop":
        kinds = (dict,)
    elif key == "norms":
        kinds = (list,)
    elif key in columns.CERTIFY:
        kinds = (columns.CERTIFY[key],)
    elif key == "seed":
        kinds = (int, str) if value == "random" else (int,)
    elif key == "batch" and table == "certify":
        kinds = (int, str) if value == "auto" else (int,)
    elif isinstance(default, bool) or bool in allowed:
        kinds = (bool,)
    elif isinstance(default, float) or float in allowed:
        kinds = (int, float)
    elif isinstance(default, int) or int in allowed:
        kinds = (int,)
    if isinstance(value, bool) != (kinds == (bool,)) or not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise InputError(f"{file}: {key} in [{table}] must be {wanted}, got {value!r}.")


def _noise(file: Path, table: str, row: Table, dataset: str) -> Table:
    """The row with sigma put into its noise."""
    row = dict(row)
    if "sigma" in row and "noise" not in row:
        raise InputError(f"{file}: [{table}] has a sigma but no noise for it.")
    if "noise" in row:
        if is_views(row["noise"]):
            if "sigma" in row:
                raise InputError(f"{file}: [{table}] has a sigma beside views; write it into them.")
            return row | {"noise": str(parse_views(row["noise"]))}
        sigma = row.pop("sigma", None)
        if dataset.startswith(datasets.TABLE):
            return row | {"noise": columns.named(row["noise"], sigma)}
        noise = noises.parse(row["noise"]) if sigma is None else noises.with_sigma(row["noise"], sigma)
        row["noise"] = str(noise)
    return row


def _trained(
    file: Path, store: Path, row: Table, names: list[str], certify: list[Table], certify_names: list[str]
) -> Task:
    if "noise" not in row:
        raise InputError(f"{file}: [train] needs a noise.")
    name = _folder(row, names) or _slug(str(row["noise"]))
    dataset = row.get("dataset", _TRAIN["dataset"].default)
    fields = _noise(file, "train", row, dataset)
    changes = {key: value for key, value in fields.items() if key in _SCHEDULE}
    schedule = training.preset(fields.get("schedule", "usual"), fields.get("device", "cpu"), **changes)
    given: Table = {key: value for key, value in fields.items() if key in _TRAIN}
    given["schedule"] = schedule
    table = columns.to_train_on({"dataset": dataset} | row, given.get("slice", _TRAIN["slice"].default))
    if table is not None:
        given = {"model": "mlp"} | given
    spec = TrainingSpec(**given, table=table)
    models.check_architecture(spec.model)
    runs, parameters = {}, {f"models/{name}": fields}
    for given in certify:
        tail = _folder(given, certify_names)
        run = f"{name}--{tail}" if tail else name
        wanted = {"dataset": spec.dataset} | _noise(file, "certify", given, given.get("dataset", dataset))
        noise = wanted.get("noise", spec.noise)
        layout = columns.of_trained(wanted, table)
        runs[run] = _spec(file, {**wanted, "model": str(store / "models" / name)}, noise, layout)
        parameters[f"runs/{run}"] = wanted | {"trained": fields}
    return Task(name, spec, runs, parameters)


def _existing(file: Path, row: Table, names: list[str]) -> Task:
    if "model" not in row:
        raise InputError(f"{file} needs a [train], or a model in [certify].")
    name = _folder(row, names) or _slug(str(row["model"]))
    dataset = row.get("dataset", _CERTIFY["dataset"].default)
    fields = _noise(file, "certify", row, dataset)
    layout = columns.to_certify({"dataset": dataset} | row, row["model"])
    run = _spec(file, columns.without(fields), _noise_of(fields), layout)
    return Task(name, None, {name: run}, {f"runs/{name}": fields})


def _noise_of(fields: Table) -> str | None:
    """What a run of an existing model is with: as the file says, or the training."""
    if "noise" in fields or backends.is_spec(fields["model"]):
        return fields.get("noise")
    return models.trained_noise(fields["model"])


def _spec(file: Path, fields: Table, noise: str | None, table: Layout | None) -> Spec | ViewSpec:
    given: Table = dict(fields)
    if table is not None:
        usual: Table = {"norms": columns.norms(noise, table), "table": table}
        given = usual | given
    if is_views(noise):
        norms = given.pop("norms", None)
        if strange := sorted(given.keys() - {field.name for field in dataclasses.fields(ViewSpec)}):
            raise InputError(f"{file}: {refused_terms(parse_views(noise or ''), strange)}.")
        given["noise"] = noise
        spec = ViewSpec(**given)
        spec.check_norms(spec.norms if norms is None else norms)
        return spec
    if "norms" in given:
        given["norms"] = tuple(given["norms"])
    if given.get("seed") == "random":
        given["seed"] = None
    if "stop" in given:
        try:
            stop: dict[str, Any] = {**given["stop"], "radii": tuple(given["stop"].get("radii", ()))}
            given["stop"] = Anytime(**stop)
        except InputError:
            raise
        except (TypeError, ValueError):
            raise InputError(
                f"{file}: stop may have radii, relative and skip_incorrect, got {given['stop']}."
            ) from None
    return Spec(**given)


def _folder(row: Table, keys: list[str]) -> str:
    """The part of a folder's name that the keys decide."""
    return "-".join(
        _slug(str(row[key]) if key in _PLAIN else f"{key}{row[key]}") for key in keys if key in row
    )


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.=+]+", "_", text).strip("_.") or "run"
