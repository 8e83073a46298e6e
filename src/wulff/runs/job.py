"""A spec with everything that it names: checked, loaded and hashed."""

import dataclasses
import functools
from typing import Any

from torch import Tensor

from wulff import datasets, noises
from wulff.errors import InputError
from wulff.runs.classifiers import denoised, load_base
from wulff.runs.document import Facts, Made, to_document, versions
from wulff.runs.spec import PredictSpec, Spec, sampled_noise
from wulff.runs.tuned import INPUTS, tuned
from wulff.smoothing import (
    DEFAULT_BATCH,
    DevicePolicy,
    Smoothed,
    check_seed,
)
from wulff.smoothing.rooms import check_in_box
from wulff.smoothing.terms import check_top


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that can be made.

    Attributes:
        spec: What was asked for, with everything filled in that was left open.
        dataset: Its inputs.
        smoothed: Its classifier.
        facts: What was found.
    """

    spec: Spec | PredictSpec
    dataset: datasets.Dataset
    smoothed: Smoothed
    facts: Facts

    @property
    def noise(self) -> noises.Noise:
        """The noise, with the dimension of the inputs."""
        return self.smoothed.noise.in_dim(self.dataset.images[0].numel())

    @property
    def seed(self) -> int:
        """The seed of the noise."""
        assert self.spec.seed is not None
        return self.spec.seed

    @property
    def labels(self) -> dict[int, int]:
        """True labels by index."""
        return dict(zip(self.dataset.index, self.dataset.labels.tolist(), strict=True))

    @functools.cached_property
    def places(self) -> dict[int, int]:
        """Where in the slice each input is, by its index."""
        return {index: place for place, index in enumerate(self.dataset.index)}

    @property
    def document(self) -> dict[str, Any]:
        """The document of the run."""
        return to_document(self.spec, self.facts)


def prepare(spec: Spec | PredictSpec, stored: Made | None = None) -> Job:
    """Load what a spec names, and fill in what it leaves open.

    Args:
        spec: The run to be made.
        stored: What the run to be resumed was made of, if there is one: it has the seed that was drawn.

    Raises:
        InputError: Something in the spec is missing, or does not fit together.
    """
    whole = datasets.load(spec.dataset)
    dataset = whole.slice(spec.slice)
    base = load_base(spec, dataset)
    named = spec.noise or base.noise
    if named is None:
        raise InputError(f"{spec.model} does not say which noise it was trained with; give noise.", "noise")
    noise = sampled_noise(named)
    dim = dataset.images[0].numel()
    base = denoised(base, spec, noise.in_dim(dim), dataset.images[:1])
    before = stored.spec if stored and isinstance(stored.spec, Spec | PredictSpec) else None
    if base.module is None and spec.policy != DevicePolicy():
        raise InputError(
            f"{spec.model} is no torch module, so that it runs where and as it is; leave out device, dtype, "
            "compile and channels_last.",
            *("device", "dtype", "compile", "channels_last"),
        )
    first = dataset.images[:INPUTS]
    spec, engine = tuned(spec, base.module, first, len(dataset), noise.in_dim(dim), stored)
    policy = spec.policy
    identity = policy.identity()
    filled = dataclasses.replace(
        spec,
        noise=str(noise),
        seed=before.seed if spec.seed is None and before else check_seed(spec.seed),
        architecture=base.architecture,
        normalisation=base.normalisation,
        device=identity["device"],
    )
    facts = Facts(
        inputs=len(dataset),
        of=len(whole),
        dim=dim,
        classes=base.num_classes,
        labelled=dataset.labelled,
        gpu=identity.get("gpu"),
        hashes={"weights": base.identity, "data": dataset.sha256()},
        versions=versions(base.libraries),
        engine=engine,
    )
    smoothed = Smoothed(
        base.function,
        noise,
        base.num_classes,
        batch=filled.batch if isinstance(filled.batch, int) else DEFAULT_BATCH,
        sampling=spec.sampling,
        levels=spec.levels,
        policy=None if base.module is None else policy,
    )
    if isinstance(dataset.images, Tensor):
        smoothed.check_inputs(dataset.images)
    elif spec.sampling == "exact":
        for image in dataset.images:  # decoded one by one: they need not fit into memory together
            smoothed.check_inputs(image[None])
    if isinstance(spec, Spec) and isinstance(dataset.images, Tensor):  # decoded images lie in [0, 1]
        check_in_box(dataset.images, spec.threats)
    if isinstance(spec, Spec):
        check_top(spec.top, base.num_classes)
    smoothed.counts(dataset.images[:1], 1)  # a model that cannot run is refused before anything is written
    return Job(filled, dataset, smoothed, facts)
