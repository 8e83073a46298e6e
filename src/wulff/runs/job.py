"""A spec with everything that it names: checked, loaded and hashed."""

import dataclasses
import functools
from typing import Any, TypeVar

from torch import Tensor

from wulff import datasets, noises
from wulff.backends import Function
from wulff.certificates import methods
from wulff.errors import InputError
from wulff.runs.classifiers import denoised, load_base, on_runtime
from wulff.runs.document import Facts, Made, to_document, versions
from wulff.runs.spec import RunSpec, SampledSpec, Spec, sampled_noise
from wulff.runs.tuned import INPUTS, tuned, with_kept_runtime
from wulff.runs.view_spec import ViewSpec
from wulff.runs.vote_spec import VoteSpec
from wulff.smoothing import DEFAULT_BATCH, DevicePolicy, Enumerated, FixedQuota, Phase, Smoothed
from wulff.smoothing.checks import check_seed
from wulff.smoothing.rooms import check_in_box
from wulff.smoothing.terms import check_top
from wulff.tables import of_table
from wulff.views import Views

AnyRunSpec = TypeVar("AnyRunSpec", bound=VoteSpec)


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that can be made.

    Attributes:
        spec: What was asked for, with everything filled in that was left open.
        dataset: Its inputs, with the labels and class names of the classifier.
        smoothed: Its classifier.
        facts: What was found.
    """

    spec: RunSpec
    dataset: datasets.Dataset
    smoothed: Smoothed | Enumerated
    facts: Facts

    @property
    def sampled(self) -> Smoothed:
        """The classifier of a run whose copies are sampled."""
        assert isinstance(self.smoothed, Smoothed)
        return self.smoothed

    @property
    def noise(self) -> noises.Noise:
        """The noise, with the dimension of the inputs; there is one where copies are sampled."""
        return self.sampled.noise.in_dim(self.dataset.images[0].numel())

    @property
    def seed(self) -> int:
        """The seed of the noise; views have none but their own."""
        return self.spec.seed or 0

    @property
    def labels(self) -> dict[int, int]:
        """True labels by index."""
        return dict(zip(self.dataset.index, self.dataset.labels.tolist(), strict=True))

    @functools.cached_property
    def places(self) -> dict[int, int]:
        """Where in the slice each input is, by its index."""
        return {index: place for place, index in enumerate(self.dataset.index)}

    def file(self, index: int) -> str | None:
        """Where the input of an index is, if it has a file of its own."""
        names = self.dataset.file_names
        return None if names is None else names[self.places[index]]

    @property
    def document(self) -> dict[str, Any]:
        """The document of the run."""
        return to_document(self.spec, self.facts)


def prepare(spec: RunSpec, stored: Made | None = None) -> Job:
    """Load what a spec names, and fill in what it leaves open.

    Args:
        spec: The run to be made.
        stored: What the run to be resumed was made of, if there is one: it has the seed that was drawn.

    Raises:
        InputError: Something in the spec is missing, or does not fit together.
    """
    whole = datasets.load(spec.dataset, table=spec.table)
    chosen = whole.slice(spec.slice)
    base = load_base(spec, chosen)
    dataset = datasets.onto_model(chosen, base.num_classes, base.class_names, spec.class_map)
    if (named := spec.noise or base.noise) is None:
        raise InputError(f"{spec.model} does not say which noise it was trained with; give noise.", "noise")
    spec = with_kept_runtime(dataclasses.replace(spec, noise=of_table(named, spec.table)), stored)
    noise = noise_or_views(spec, dataset.images[0].numel())
    if isinstance(spec, SampledSpec):
        assert isinstance(noise, noises.Noise)
        base = denoised(base, spec, noise, dataset.images[:1])
    function, agreement = on_runtime(base.function, spec, noise, dataset.images[:INPUTS])
    base = dataclasses.replace(base, function=function)
    if base.module is None and spec.policy != DevicePolicy():
        raise InputError(
            f"{spec.model} is no torch module, so that it runs where and as it is; leave out device, dtype, "
            "compile and channels_last.",
            *("device", "dtype", "compile", "channels_last"),
        )
    spec = with_stop(spec, dataset)
    found = tuned(spec, base.module, dataset.images[:INPUTS], len(dataset), noise, stored)
    spec, function = found.fill(spec), found.function or base.function
    base = dataclasses.replace(base, function=function, libraries=(*base.libraries, *spec.runtimes))
    policy = spec.policy
    identity = policy.identity()
    filled = with_seed(
        dataclasses.replace(
            spec,
            architecture=base.architecture,
            normalisation=base.normalisation,
            device=identity["device"],
        ),
        stored,
    )
    facts = Facts(
        inputs=len(dataset),
        of=len(whole),
        dim=dataset.images[0].numel(),
        shape=dataset.input_shape if isinstance(spec, ViewSpec) else None,
        classes=base.num_classes,
        labelled=dataset.labelled,
        class_names=dataset.class_names,
        gpu=identity.get("gpu"),
        hashes={"weights": base.identity, "data": chosen.sha256()},
        versions=versions(base.libraries),
        engine=found.measured | agreement,
    )
    module_policy = None if base.module is None else policy
    smoothed = classifier_of(filled, base.function, base.num_classes, module_policy)
    check_fits(filled, smoothed, dataset)
    return Job(filled, dataset, smoothed, facts)


def by_torch(job: Job) -> Job:
    """The job by the module itself, for gradients, where another runtime computes it in float32."""
    if not job.spec.runtimes or job.spec.dtype == "int8":
        return job
    return prepare(dataclasses.replace(job.spec, runtime="torch"))


def noise_or_views(spec: RunSpec, dim: int) -> noises.Noise | Views:
    """What a spec names, a noise in the dimension of the inputs."""
    if isinstance(spec, ViewSpec):
        return spec.views
    return sampled_noise(spec.noise or "").in_dim(dim)


def with_seed(spec: AnyRunSpec, stored: Made | None) -> AnyRunSpec:
    """A spec with a seed: its own, that of the run to be resumed, or one from the operating system."""
    if not isinstance(spec, SampledSpec):
        return spec
    before = stored.spec if stored and isinstance(stored.spec, SampledSpec) else None
    seed = before.seed if spec.seed is None and before else check_seed(spec.seed)
    return dataclasses.replace(spec, seed=seed)


def with_stop(spec: AnyRunSpec, dataset: datasets.Dataset) -> AnyRunSpec:
    """The spec with a stop that says whether inputs are skipped whose selected label is wrong."""
    if not isinstance(spec, Spec) or spec.stop is None:
        return spec
    return dataclasses.replace(spec, stop=spec.stop.settled(dataset.labelled))


def classifier_of(
    spec: RunSpec, function: Function, classes: int, policy: DevicePolicy | None
) -> Smoothed | Enumerated:
    """The classifier of a spec that says its noise or its views."""
    assert spec.noise is not None
    batch = spec.batch if isinstance(spec.batch, int) else DEFAULT_BATCH
    if isinstance(spec, ViewSpec):
        return Enumerated(function, spec.views, classes, batch=batch, policy=policy)
    return Smoothed(
        function,
        spec.noise,
        classes,
        batch=batch,
        sampling=spec.sampling,
        levels=spec.levels,
        policy=policy,
    )


def check_fits(spec: RunSpec, smoothed: Smoothed | Enumerated, dataset: datasets.Dataset) -> None:
    """Refuse inputs and classes that a spec is not for, and a model that cannot run.

    Raises:
        InputError: Something does not fit.
    """
    images = dataset.images
    if isinstance(images, Tensor):
        smoothed.check_inputs(images)
        if isinstance(spec, Spec):  # decoded images lie in [0, 1]
            check_in_box(images, spec.threats)
    elif isinstance(smoothed, Enumerated) or smoothed.grid is not None or smoothed.noise.own_units:
        for image in images:  # decoded one by one: they need not fit into memory together
            smoothed.check_inputs(image[None])
    if isinstance(spec, Spec) and isinstance(smoothed, Smoothed):
        for threat in spec.threats:  # what no theorem covers is refused before anything is written
            methods(smoothed.noise.in_dim(images[0].numel()), threat)
    if isinstance(spec, Spec | ViewSpec):
        check_top(spec.top, smoothed.num_classes)
    phase = Phase.ENUMERATION if isinstance(spec, ViewSpec) else Phase.ESTIMATION
    list(smoothed.vote_loop(FixedQuota({phase: 1})).run([(0, images[0])]))
