"""What a run can be asked for directly; each is a function of `wulff.runs` or `wulff.reports`.

Those packages are above this file and loaded when they are asked for, which the contract of imports allows
here and nowhere else.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast, overload

import numpy as np

from wulff import _display
from wulff._numerics.rounding import decimal_down
from wulff._quoting import plain
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.norms import Adversary
from wulff.runs.records import Record
from wulff.stats import ABSTAIN

if TYPE_CHECKING:
    from wulff.reports import Comparison
    from wulff.runs.features import FeatureChanges
    from wulff.runs.recertification import Changes
    from wulff.runs.run import Run


class Shortcuts:
    """The methods of a run."""

    def accuracy(self, norm: Adversary | str, radii: float | Sequence[float]) -> FloatArray:
        """The share of inputs that are correct and certified at each radius.

        Args:
            norm: One of the run's norms.
            radii: In input units; one, or several.

        Raises:
            InputError: The run has no true labels, no records, or no radii against the norm.
        """
        from wulff.reports.curves import check_radii, curve

        run = _run(self)
        if not run.facts.labelled:
            raise InputError(
                f"{run.name} has no true labels, so that it has no accuracy; give y to wulff.certify, or "
                "look at .predictions and .radii(norm)."
            )
        line = curve(run, norm)
        at = check_radii(np.atleast_1d(np.asarray(radii)).tolist())
        return np.array([float(line.accuracy(radius)) for radius in at]).reshape(np.shape(radii))

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each input: file, labels, n, error, radii and their theorems.

        Where classes have names, `label_name` and `predict_name` have them, too. Of rows of a table, and with
        noise that has scales, `change_NAME` is the largest change of that feature alone, see
        `largest_changes`, and `changed_at_once` how many may become anything together.
        """
        run, columns = _run(self), _run(self).columns
        table: dict[str, Any] = {"input": columns.index}
        if run.facts.labelled:
            table |= {"label": columns.label, "predict": columns.predict}
            table["correct"] = columns.predict == columns.label
        else:
            table["predict"] = columns.predict
        if run.facts.class_names is not None:
            named = [name for name in ("label", "predict") if name in table]
            table |= {
                f"{name}_name": [run.class_name(label) for label in table[name].tolist()] for name in named
            }
        records = list(run.records)
        if any(record.file is not None for record in records):
            table["file"] = [record.file for record in records]
        table["n"] = [record.n for record in records]
        table["error"] = [np.nan if record.error is None else record.error for record in records]
        for norm in run.norms if records else ():
            table[f"radius_{norm}"] = columns.radii[norm]
            table[f"method_{norm}"] = [record.radii[norm].method for record in records]
        from wulff.runs.features import has_features

        if records and has_features(run):
            changes = self.largest_changes()
            table |= {f"change_{name}": changes.largest[:, i] for i, name in enumerate(changes.names)}
            if changes.together is not None:
                table["changed_at_once"] = changes.together
        return _display.pandas().DataFrame(table | {"seconds": columns.seconds})

    def largest_changes(self) -> "FeatureChanges":
        """How far each feature of each input may change alone, in its own unit: `runs.FeatureChanges`.

        Raises:
            InputError: The inputs are no rows of a table, and the noise has no scales.
        """
        from wulff.runs.features import feature_changes

        return feature_changes(_run(self))

    def report(self, path: str | Path, **options: Any) -> Path:
        """Write the run as an HTML page; the options are those of `wulff.reports.write_page`."""
        from wulff import reports

        return reports.write_page([_run(self)], path, **options)

    def plot(self, path: str | Path, **options: Any) -> Path:
        """Draw its curves, as .png, .pdf or .svg; see `wulff.reports.plot_certified_accuracy`."""
        from wulff import reports

        return reports.plot_certified_accuracy([_run(self)], path, **options)

    def compare(self, other: "Run", **options: Any) -> "Comparison":
        """This run and another on the same inputs; the options are those of `wulff.reports.compare`."""
        from wulff import reports

        return reports.compare(_run(self), other, **options)

    def recertify(self, **changes: Unpack["Changes"]) -> "Run":
        """The run on other terms, from its stored counts and in memory; see `wulff.runs.recertify`."""
        from wulff.runs.recertification import on_other_terms

        return on_other_terms(_run(self), **changes)

    def save(self, folder: str | Path) -> "Run":
        """Write the run into a folder, as if it had been made there; `wulff.runs.load` reads it.

        Raises:
            RunError: The folder holds another run.
        """
        from wulff.runs.execution import store_finished

        run = _run(self)
        return store_finished(folder, run.spec, run.facts, list(run.records))

    def __len__(self) -> int:
        return len(_run(self).records)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        return _run(self).records[place]

    def __iter__(self) -> Iterator[Record]:
        return iter(_run(self).records)

    def __bool__(self) -> bool:
        return True  # a run without records is one, too

    def __repr__(self) -> str:
        run = _run(self)
        facts, spec = run.facts, run.spec
        lines = [f"Run {plain(run.name)!r}: {len(run):,} of {run.expected:,} inputs, task {spec.task}"]
        terms = {"noise": spec.noise, "n0": getattr(spec, "n0", None), "n": spec.n, "alpha": spec.alpha}
        lines.append(", ".join(f"{name} = {value}" for name, value in terms.items() if value is not None))
        if facts.classifier:
            lines.append(f"classifier {facts.classifier[:60]}")
        if run.records:
            abstained = int((run.predictions == ABSTAIN).sum())
            right = f"{int(run.scored.sum()):,} correct" if facts.labelled else "true labels not known"
            lines.append(f"{right}, {abstained:,} abstained")
        for norm in run.norms[:4] if run.records else ():
            mean = float(np.where(run.scored, run.radii(norm), 0.0).mean())
            share = f"accuracy {run.scored.mean():.3f} at radius 0" if facts.labelled else "labels not known"
            lines.append(f"{norm}: average certified radius {decimal_down(mean, 4)}, {share}")
        where = f"stored in {plain(str(run.folder))}" if run.stored else "in memory; save(folder) keeps it"
        lines.append(where)
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        from wulff.reports.notebook import run_html

        return run_html(_run(self))


def _run(self: Shortcuts) -> "Run":
    """The run whose methods these are."""
    return cast("Run", self)
