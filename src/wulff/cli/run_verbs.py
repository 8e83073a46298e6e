"""What `wulff certify` and `wulff predict` have in common: options, and how a run is made of them."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any

import typer

from wulff import backends, datasets, engines, models, runs
from wulff._checks import file_path
from wulff._progress import progress_bar
from wulff.cli.console import batch_from, radii_from, seed_from
from wulff.cli.options import AlphaOption, DatasetOption, SliceOption, StoreOption
from wulff.cli.run_options import (
    ArchitectureOption,
    BatchOption,
    ClassesOption,
    ClassMapOption,
    DenoiserOption,
    DenoiserPixelsOption,
    DeviceOption,
    DtypeOption,
    EngineOption,
    GpuShareOption,
    IdentityOption,
    LevelsOption,
    ModelOption,
    NormalisationOption,
    OpenChannelsLastOption,
    OpenCompileOption,
    RandomDenoiserOption,
    RuntimeOption,
    SamplingOption,
    SeedOption,
    ThresholdOption,
    TrainedNoiseOption,
    WeightsOption,
    WorkersOption,
)
from wulff.cli.table_options import (
    CategoricalOption,
    Columns,
    ImmutableOption,
    ScalesOption,
    TargetOption,
    TrainingRowsOption,
)
from wulff.errors import InputError
from wulff.runs.document import load_plugins
from wulff.runs.folder import SPEC, stored_document
from wulff.runs.progress import run_progress
from wulff.runs.view_spec import refused_terms
from wulff.views import Views, is_views

_OF_TABLES = {"target", "training_rows", "scales", "categorical", "immutable"}
"""Options that say what the columns of a table are."""
_OF_NO_SPEC = {"context", "store", "workers", "engine", "gpu_share", "norm", *_OF_TABLES}
"""Options that no field of a spec has the name of."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """The options that both verbs have, in the order in which `--help` shows them."""

    context: typer.Context
    model: ModelOption
    store: StoreOption
    noise: TrainedNoiseOption = None
    dataset: DatasetOption = "digits"
    target: TargetOption = None
    training_rows: TrainingRowsOption = None
    scales: ScalesOption = None
    categorical: CategoricalOption = None
    immutable: ImmutableOption = None
    alpha: AlphaOption = 1e-3
    slice: SliceOption = ":"
    seed: SeedOption = "0"
    sampling: SamplingOption = "float"
    levels: LevelsOption = 255
    device: DeviceOption = "cpu"
    dtype: DtypeOption = "float32"
    compile: OpenCompileOption = None
    channels_last: OpenChannelsLastOption = None
    batch: BatchOption = "auto"
    runtime: RuntimeOption = "auto"
    workers: WorkersOption = 1
    engine: EngineOption = None
    gpu_share: GpuShareOption = 1.0
    architecture: ArchitectureOption = None
    weights: WeightsOption = None
    classes: ClassesOption = None
    class_map: ClassMapOption = None
    threshold: ThresholdOption = None
    identity: IdentityOption = None
    normalisation: NormalisationOption = None
    denoiser: DenoiserOption = None
    denoiser_pixels: DenoiserPixelsOption = None
    random_denoiser: RandomDenoiserOption = False

    def run(self, doing: str, of: type[runs.Spec] | type[runs.PredictSpec], **own: Any) -> runs.Run:
        """The run that is asked for, made or finished, with a progress bar.

        With views nothing is sampled, and one kind of run certifies and predicts.

        Args:
            doing: What the bar says is being done.
            of: The spec.
            own: What only this spec has.
        """
        folder = file_path("store", self.store)
        if (folder / SPEC).is_file():
            load_plugins(stored_document(folder), folder / SPEC)  # the noise may be one of theirs
        named = self.named_noise
        spec = self._of_views(named, own) if is_views(named) else of(**self._fields(), **own)
        counter = engines.choose(self.engine, self.workers, self.gpu_share)
        with progress_bar() as progress:
            shown = run_progress(progress, f"{doing} {self.noise or self.model}", counter)
            return runs.execute(spec, self.store, counter, progress=shown)

    @property
    def named_noise(self) -> str | None:
        """The noise or the views that are asked for, or of the training; None where neither is known."""
        return self.noise or (None if backends.is_spec(self.model) else models.trained_noise(self.model))

    @functools.cached_property
    def table(self) -> datasets.Layout | None:
        """The columns of the data set, where it is a table."""
        columns = Columns(self.target, self.scales, self.categorical, self.immutable)
        return runs.table_to_certify(
            self.dataset, self.model, training_rows=self.training_rows, **columns.read()
        )

    def _of_views(self, named: str | None, own: dict[str, Any]) -> runs.ViewSpec:
        """The spec of views; options that are about samples are refused."""
        known = {field.name for field in dataclasses.fields(runs.ViewSpec)}
        fields: dict[str, Any] = {
            name: value for name, value in (self._fields() | own).items() if name in known
        }
        fields["noise"] = named
        spec = runs.ViewSpec(**fields)
        if is_given(self.context, "norm"):
            spec.check_norms(own["norms"])
        names = [option.name or "" for option in self.context.command.params]
        refuse_terms(self.context, spec.views, [name for name in names if name not in known | _OF_NO_SPEC])
        return spec

    def _fields(self) -> dict[str, Any]:
        """The options that are fields of a spec, read."""
        values = {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in _OF_NO_SPEC
        }
        return values | {
            "table": self.table,
            "seed": seed_from(self.seed),
            "batch": batch_from(self.batch),
            "class_map": None if self.class_map is None else datasets.read_class_map(self.class_map),
            "denoiser_pixels": radii_from("--denoiser-pixels", self.denoiser_pixels),
        }


def is_given(context: typer.Context, option: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def refuse_terms(context: typer.Context, views: Views, of_samples: Collection[str]) -> None:
    """Refuse options that are about samples, where views are enumerated.

    Raises:
        InputError: One of them was given.
    """
    options = [option for option in context.command.params if option.name in of_samples]
    if strange := [option.opts[0] for option in options if is_given(context, option.name or "")]:
        raise InputError(f"{refused_terms(views, strange)}.")


def asks(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb whose first parameter is `Asked`, as Typer sees it: with the fields as options of their own.

    The verb's own options stand after `--dataset`.
    """
    fields = dataclasses.fields(Asked)

    @functools.wraps(verb)
    def with_options(**values: Any) -> None:
        asked = Asked(**{field.name: values.pop(field.name) for field in fields})
        verb(asked, **values)

    parameters = [_parameter(field) for field in fields]
    place = 1 + [field.name for field in fields].index("dataset")
    _, *own = inspect.signature(verb).parameters.values()
    parameters[place:place] = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    with_options.__dict__["__signature__"] = inspect.Signature(parameters)
    return with_options


def _parameter(field: "dataclasses.Field[Any]") -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, kind, default=default, annotation=field.type)
