"""The inputs of a run, found again: radii in the box grow by the room that each of them has."""

import contextlib
import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from wulff import datasets
from wulff._quoting import shown
from wulff.datasets import Dataset
from wulff.datasets.base import parse_slice
from wulff.errors import InputError
from wulff.norms import Box, Threat
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec


@dataclasses.dataclass(frozen=True)
class OriginalInputs:
    """The inputs of a run.

    Attributes:
        dataset: Where they are.
        places: Where each one is in it, by its index.
    """

    dataset: Dataset
    places: dict[int, int]

    @classmethod
    def of(
        cls, run: Run, dataset: str | Dataset | None, threats: Sequence[Threat]
    ) -> "OriginalInputs | None":
        """The inputs of a run in a data set; None where there is none, or no threat needs them.

        Raises:
            InputError: They are not those of the run, or not needed.
        """
        needed = any(isinstance(threat, Box) for threat in threats)
        if dataset is None:
            dataset = run.given if needed else None
        elif not needed:
            raise InputError(
                "dataset makes radii in the box larger, and there is no norm in the box such as l1-box; "
                "leave it out.",
                "dataset",
            )
        if dataset is None:
            return None
        if isinstance(dataset, str):
            found = datasets.load(dataset, table=run.spec.table)
        elif isinstance(dataset, Dataset):
            found = dataset
        else:
            raise InputError(
                f"dataset must be a name or a wulff.datasets.Dataset, got {shown(dataset)}.", "dataset"
            )
        return cls._checked(run, found)

    @classmethod
    def _checked(cls, run: Run, dataset: Dataset) -> "OriginalInputs":
        if isinstance(run.spec, ImportedSpec):
            return cls._by_labels(run, dataset)
        chosen = parse_slice(run.spec.slice)
        candidates = [dataset] if len(dataset) == run.expected else []
        with contextlib.suppress(InputError):
            candidates.append(dataset[chosen])
        for candidate in candidates:
            if candidate.sha256() == run.facts.data_hash:
                index = range(run.facts.of or len(candidate))[chosen]
                return cls(candidate, {i: place for place, i in enumerate(index)})
        raise InputError(
            f"the inputs of {run.name} are not those of {dataset.name}, slice {run.spec.slice}; give the "
            "data set that was certified.",
            "dataset",
        )

    @classmethod
    def _by_labels(cls, run: Run, dataset: Dataset) -> "OriginalInputs":
        """Of a log, which does not say of which inputs it is: the labels must agree."""
        places = {index: place for place, index in enumerate(dataset.index)}
        dim = run.facts.dim or (run.noise and run.noise.dim)
        if dim not in (None, dataset.images[0].numel()):
            raise InputError(
                f"the inputs of {run.name} have {dim} coordinates, and those of {dataset.name} "
                f"{dataset.images[0].numel()}; give the data set that was certified.",
                "dataset",
            )
        for index, label in zip(run.columns.index.tolist(), run.labels.tolist(), strict=True):
            if index not in places or int(dataset.labels[places[index]]) != label:
                raise InputError(
                    f"the labels of {run.name} are not those of {dataset.name}: input {index} is {label} "
                    "there; give the data set that was certified.",
                    "dataset",
                )
        return cls(dataset, places)

    def at(self, index: Sequence[int]) -> Tensor:
        """The inputs with these indices, of shape (inputs, ...)."""
        return torch.stack([self.dataset.images[self.places[i]] for i in index])
