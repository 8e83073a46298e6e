"""A run as reports see it: read from its folder, never recomputed."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from wulff._quoting import plain
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError, RunError
from wulff.norms import Norm
from wulff.runs.journal import RECORDS, SPEC, read_records, stored_spec
from wulff.runs.records import Record


@dataclasses.dataclass(frozen=True)
class Run:
    """The records of a run and the spec that decided them.

    Attributes:
        folder: Where it is stored.
        document: The spec, as in spec.toml.
        records: One for each input that is done.
    """

    folder: Path
    document: dict[str, Any]
    records: list[Record]

    @property
    def name(self) -> str:
        """The folder's name, in which what cannot be printed appears as an escape."""
        return plain(self.folder.resolve().name)

    @property
    def spec(self) -> dict[str, Any]:
        """The parameters that decide the numbers."""
        return self.document.get("run", {})

    @property
    def expected(self) -> int:
        """How many inputs a finished run has."""
        return self.spec.get("inputs", len(self.records))

    @property
    def alpha(self) -> float | None:
        """The probability with which the answer for an input may be wrong; None where a log does not say."""
        return self.spec.get("alpha")

    @property
    def norms(self) -> list[str]:
        """The norms with radii, in the order of the spec."""
        return list(self.records[0].radii) if self.records else list(self.spec.get("norms", []))

    @property
    def labels(self) -> IntArray:
        """True labels."""
        return np.array([record.label for record in self.records], dtype=np.int64)

    @property
    def predictions(self) -> IntArray:
        """Labels of the smoothed classifier; -1 where it abstains."""
        return np.array([record.predict for record in self.records], dtype=np.int64)

    @property
    def not_a_number(self) -> dict[int, int]:
        """For how many copies the model's output was not a number, for each input with such copies."""
        return {r.index: sum(r.not_a_number.values()) for r in self.records if r.not_a_number}

    def radii(self, norm: Norm | str, *, as_published: bool = False) -> FloatArray:
        """Certified radii against a norm.

        Args:
            norm: One of `norms`.
            as_published: Take the rounded radii of an imported log at face value.

        Raises:
            InputError: The run has no radii against this norm.
        """
        name = str(Norm.parse(norm))
        if name not in self.norms:
            has = ", ".join(self.norms) or "predictions only"
            raise InputError(f"{self.folder} has no radii against {name}; it has {has}.")
        found = [record.radii[name] for record in self.records]
        if as_published:
            return np.array([r.radius if r.published is None else r.published for r in found])
        return np.array([r.radius for r in found])


def load(folder: str | Path) -> Run:
    """The run stored in a folder, finished or not.

    Raises:
        RunError: The folder is not a run, or its journal is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir() or not (folder / SPEC).is_file():
        raise RunError(f"{folder} is not a run: there is no {SPEC} in it; `wulff certify --store` makes one.")
    document = stored_spec(folder)
    assert document is not None
    path = folder / RECORDS
    records, complete = read_records(path)
    if path.exists() and path.stat().st_size > complete:
        raise RunError(
            f"the journal of {folder} ends in a torn line; run the same command again to finish the run."
        )
    return Run(folder, document, records)
