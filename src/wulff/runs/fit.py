"""Whether a record fits the document of its run; what does not was changed, or is of another run."""

import math

from wulff.datasets.base import UNKNOWN, parse_slice
from wulff.runs.document import Facts
from wulff.runs.records import Record
from wulff.runs.spec import AnySpec, ImportedSpec, PredictSpec, Spec
from wulff.runs.view_spec import ViewSpec
from wulff.stats import ABSTAIN

_PHASES = {
    Spec: ("selection", "estimation"),
    PredictSpec: ("prediction",),
    ViewSpec: ("enumeration",),
    ImportedSpec: (),
}


class Fit:
    """What every record of a run has to obey. `fault` is called for each of a million records."""

    def __init__(self, spec: AnySpec, facts: Facts) -> None:
        self.spec = spec
        self.norms = dict.fromkeys(spec.norms).keys()
        self.places = _places(spec, facts)
        self.classes = math.inf if facts.classes is None else facts.classes
        self.labelled = facts.labelled
        self.phases = _PHASES[type(spec)]
        self.all_views = isinstance(spec, ViewSpec)
        self.n = _views(spec, facts) if isinstance(spec, ViewSpec) else spec.n
        self.fixed = not isinstance(spec, ImportedSpec) and not (isinstance(spec, Spec) and spec.stop)
        self.n0 = spec.n0 if isinstance(spec, Spec) else None

    def fault(self, record: Record) -> str | None:
        """What is wrong with a record, in words; None if nothing is."""
        if record.index < 0 or (self.places is not None and record.index not in self.places):
            return f"its input {record.index} is not in the run"
        if self.labelled and not 0 <= record.label < self.classes:
            return "it has no label" if record.label == UNKNOWN else f"its label {record.label} is no class"
        if not self.labelled and record.label != UNKNOWN:
            return f"it has the label {record.label}, but the run has none"
        if not ABSTAIN <= record.predict < self.classes:
            return f"it predicts {record.predict}, which is no class"
        return self._fault_of_counts(record) or self._fault_of_radii(record)

    def _fault_of_counts(self, record: Record) -> str | None:
        n = record.n
        if self.phases:
            if type(n) is not int or n < 0 or (n != self.n if self.fixed else n > (self.n or 0)):
                return f"it has n = {n!r}, but the run {self.n}"
            for phase in self.phases:
                votes = record.counts.get(phase)
                if votes is None:
                    return f"it has no counts of its {phase}"
                if votes and not (0 <= min(votes) <= max(votes) < self.classes and min(votes.values()) >= 0):
                    return f"its counts of the {phase} are not votes for classes"
                size = self.n0 if phase == "selection" else n
                lost = record.not_a_number.get(phase, 0) if record.not_a_number else 0
                voted = sum(votes.values()) + (lost if type(lost) is int else 0)
                if type(lost) is not int or lost < 0 or voted > (size or 0):
                    return f"its counts of the {phase} are more than {size}"
                if self.all_views and voted != size:
                    return f"it has votes of {voted} views, not of all {size}"
        for name, value in (("error", record.error), ("draw", record.draw)):
            if value is not None and not (type(value) in (float, int) and 0 <= value <= 1):
                return f"its {name} is {value!r}, which is not in [0, 1]"
        if not (type(record.seconds) in (float, int) and 0 <= record.seconds < math.inf):
            return f"its seconds are {record.seconds!r}"
        return None

    def _fault_of_radii(self, record: Record) -> str | None:
        if record.radii.keys() != self.norms:
            has, wanted = ", ".join(record.radii) or "none", ", ".join(self.norms) or "none"
            return f"it has radii against {has}, but the run against {wanted}"
        for norm, found in record.radii.items():
            for radius in (found.radius, 0.0 if found.published is None else found.published):
                if type(radius) not in (float, int) or not 0 <= radius < math.inf:
                    return f"its radius against {norm} is {radius!r}, not a finite number of at least 0"
            if record.predict == ABSTAIN and found.radius > 0 and self.phases:
                return f"it abstains, but has a radius against {norm}"
        return None


def _views(spec: ViewSpec, facts: Facts) -> int:
    """How many views each input has."""
    assert facts.shape is not None
    return spec.views.count(facts.shape)


def _places(spec: AnySpec, facts: Facts) -> range | None:
    """The positions of the run's inputs in their data set; None where they are not known."""
    if isinstance(spec, ImportedSpec):
        return None
    chosen = parse_slice(spec.slice)
    if facts.of is not None:
        return range(facts.of)[chosen]
    start, step = chosen.start or 0, chosen.step or 1
    if start < 0 or facts.inputs is None:  # counted from an end that format 0 does not name
        return None
    return range(start, start + step * facts.inputs, step)
