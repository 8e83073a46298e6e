"""A run as reports see it: read from its folder, never recomputed."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wulff import noises
from wulff._checks import file_path, instance
from wulff._quoting import plain, shown
from wulff._typing import FloatArray, IntArray
from wulff.datasets import Dataset
from wulff.errors import InputError, RunError
from wulff.norms import Adversary, parse_adversary
from wulff.runs.columns import Columns
from wulff.runs.document import Facts, Made, from_document, to_document, versions
from wulff.runs.fit import Fit
from wulff.runs.folder import FORMAT, RECORDS, SPEC, checksum_key, stored_document
from wulff.runs.journal import read_records
from wulff.runs.records import Record
from wulff.runs.shortcuts import Shortcuts
from wulff.runs.spec import AnySpec, Spec
from wulff.runs.stored import Records
from wulff.runs.view_spec import ViewSpec
from wulff.smoothing import Terms, enumerated_statement
from wulff.stats import ABSTAIN
from wulff.views import Views, is_views
from wulff.views import parse as parse_views


@dataclasses.dataclass(frozen=True, repr=False)
class Run(Shortcuts):
    """The records of a run and the spec that decided them.

    Attributes:
        folder: Where it is stored.
        spec: What was asked for.
        records: One for each input that is done.
        facts: What was found when it was made, such as the version that made it.
        checked: Whether every record has a checksum, and it is right. Runs of wulff 0.1 have none.
        stored: Whether there is a folder; else the run lives in memory, and `folder` is only its name.
        given: The inputs, where they were given in Python.
        is_part: Whether only some of its inputs were chosen, so that it is never unfinished.
    """

    folder: Path
    spec: AnySpec
    records: Sequence[Record]
    facts: Facts = dataclasses.field(default_factory=Facts)
    checked: bool = True
    stored: bool = True
    given: Dataset | None = dataclasses.field(default=None, repr=False, compare=False)
    is_part: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.records, Records):
            object.__setattr__(self, "records", Records(self.records))

    @property
    def name(self) -> str:
        """The folder's name, in which what cannot be printed appears as an escape."""
        return plain(self.folder.resolve().name)

    @property
    def document(self) -> dict[str, Any]:
        """Spec and facts as they are written to spec.toml."""
        return to_document(self.spec, self.facts)

    @property
    def noise(self) -> noises.Noise | None:
        """The noise, with the dimension of the inputs where it is known; None where a log does not say."""
        return Made(self.spec, self.facts).noise

    @property
    def views(self) -> Views | None:
        """The views, all of which were classified; None where noise was sampled."""
        return parse_views(self.spec.noise) if self.spec.noise and is_views(self.spec.noise) else None

    @property
    def terms(self) -> Terms:
        """On which terms the run certifies by samples.

        Raises:
            InputError: It is no certification.
        """
        noise = self.noise
        if not isinstance(self.spec, Spec) or noise is None:
            raise InputError(f"{self.folder} is no certification; give a run of `wulff certify`.")
        return self.spec.terms(noise)

    @property
    def statement(self) -> str:
        """What a certification guarantees, in words."""
        if isinstance(self.spec, ViewSpec):
            return enumerated_statement(self.spec.views, self.spec.top)
        random = isinstance(self.spec, Spec) and self.spec.random_denoiser
        over = (
            " The denoiser draws anew for each copy, so that the base classifier is random: its label is the "
            "most frequent one over noise and draws together."
        )
        said = self.terms.statement(self.spec.norms) + over * random
        if (table := self.spec.table) is not None:
            named = ", ".join(map(shown, table.names))
            said += f" The coordinates are the columns of the table, counted from 0: {named}."
        return said

    @property
    def expected(self) -> int:
        """How many inputs a finished run has."""
        known = None if self.is_part else self.facts.inputs
        return len(self.records) if known is None else known

    @property
    def alpha(self) -> float | None:
        """The probability with which the answer for an input may be wrong; None where a log does not say, and
        where nothing is left to chance."""
        return self.spec.alpha

    @property
    def is_exact(self) -> bool:
        """Whether all views were counted, so that no answer may be wrong by chance."""
        return self.views is not None

    @property
    def norms(self) -> list[str]:
        """The norms with radii, in the order of the spec."""
        return list(self.columns.radii) if self.records else list(self.spec.norms)

    @property
    def columns(self) -> Columns:
        """The records, column by column."""
        assert isinstance(self.records, Records)
        return self.records.columns

    def chosen(self, wanted: npt.NDArray[np.bool_]) -> Iterator[Record]:
        """The records in the places that are wanted; the others are not read."""
        assert isinstance(self.records, Records)
        return self.records.where(wanted)

    def part(self, index: IntArray) -> "Run":
        """The run on those of its inputs that have these positions in the data set."""
        records = list(self.chosen(np.isin(self.columns.index, index)))
        return dataclasses.replace(self, records=records, is_part=True)

    @property
    def labels(self) -> IntArray:
        """True labels; `UNKNOWN` where nobody has told them."""
        return self.columns.label

    @property
    def predictions(self) -> IntArray:
        """Labels of the smoothed classifier; -1 where it abstains."""
        return self.columns.predict

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Which inputs count in curves: those with the right label; with any label, where none is known."""
        return self.predictions == self.labels if self.facts.labelled else self.predictions != ABSTAIN

    @property
    def not_a_number(self) -> dict[int, int]:
        """For how many copies the model's output was not a number, for each input with such copies."""
        some = self.columns.lost > 0
        return dict(zip(self.columns.index[some].tolist(), self.columns.lost[some].tolist(), strict=True))

    def class_name(self, label: int) -> str:
        """What a label is called: its name where it has one, `abstains` for -1, else its number."""
        if label == ABSTAIN:
            return "abstains"
        names = self.facts.class_names
        return str(label) if names is None else names[label]

    def radii(self, norm: Adversary | str, *, as_published: bool = False) -> FloatArray:
        """Certified radii against a norm.

        Args:
            norm: One of `norms`.
            as_published: Take the rounded radii of an imported log at face value.

        Raises:
            InputError: The run has no radii against this norm.
        """
        name = str(parse_adversary(norm))
        if name not in self.norms:
            has = ", ".join(self.norms) or "predictions only"
            raise InputError(f"{self.folder} has no radii against {name}; it has {has}.")
        return (self.columns.published if as_published else self.columns.radii)[name]


def check_run(run: object) -> Run:
    """A run; refuses what is none, such as the path of one."""
    return instance("run", run, Run, "a run, as wulff.runs.load reads one from its folder")


def recomputed(source: Run, spec: AnySpec, records: Sequence[Record], **counted: Any) -> Run:
    """The run of another spec on the votes of a run, in memory; its folder is that of the votes.

    Args:
        source: The run whose inputs were counted.
        spec: The other spec.
        records: What follows from the votes under it.
        **counted: What is known of the counting beside the versions that did it.
    """
    facts = dataclasses.replace(
        source.facts,
        counted=counted | {"versions": dict(source.facts.versions)},
        versions=versions(),
        engine={"from": str(source.folder)},
        format=FORMAT,
    )
    return dataclasses.replace(source, spec=spec, records=records, facts=facts, stored=False)


def load(folder: str | Path) -> Run:
    """The run stored in a folder, finished or not.

    Raises:
        RunError: The folder is not a run, its journal is damaged, or its records do not fit its spec.
    """
    folder = file_path("folder", folder)
    if not folder.is_dir() or not (folder / SPEC).is_file():
        raise RunError(f"{folder} is not a run: there is no {SPEC} in it; `wulff certify --store` makes one.")
    document = stored_document(folder)
    assert document is not None
    spec, facts = from_document(document, folder / SPEC)
    path = folder / RECORDS
    found = read_records(path, Fit(spec, facts), checksum_key(document), needs_checksums=facts.format > 0)
    if path.exists() and path.stat().st_size > found.complete_bytes:
        raise RunError(
            f"the journal of {folder} ends in a torn line; run the same command again to finish the run."
        )
    return Run(folder, spec, found.records, facts, found.checked)
