"""Every claim of every record: its bookkeeping, its statistics, and the theorem behind each radius."""

import dataclasses
import functools
import hashlib
import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from wulff.verify import rows, statistics, view_counts
from wulff.verify.balls import Contradiction, Verdict, demand
from wulff.verify.reading import read_law, read_run, real, whole
from wulff.verify.view_counts import Family, read_family

UNDECIDED: Final = ("format", "plugins", "versions", "engine")
"""Parts of the spec that no checksum covers."""
ESTIMATOR: Final = 1024
"""The counter that the draws of randomised bounds are keyed by."""
PHASES: Final = {
    "certify": ("selection", "estimation"),
    "predict": ("prediction",),
    "import": (),
    "enumerate": (),
}
DAMAGED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found of one claim of one record.

    Attributes:
        record: Which record, from 1; 0 for what is about the whole run.
        claim: `bookkeeping`, `statistics`, or a method and the norm that its radius is against.
        why: What is wrong, if something is.
        seconds: How long the check took.
    """

    record: int
    claim: str
    verdict: Verdict
    why: str
    seconds: float


def verify_run(folder: str | Path, scale: float | None = None) -> list[Finding]:
    """Check all that a run claims.

    Args:
        folder: The run.
        scale: The float that the generator takes for a noise that is sized by sigma: this is the law that was
            drawn. By default the real number that sigma stands for.

    Raises:
        RunError: The folder is no run that can be read.
    """
    document, lines = read_run(Path(folder))
    try:
        checks = _Checks(document, [record for _, record in lines], scale)
    except (Contradiction, *DAMAGED) as error:
        return [Finding(0, "bookkeeping", "FALSE", f"the spec: {error}", 0.0)]
    found: list[Finding] = []
    for number, (line, record) in enumerate(lines, start=1):
        claims = {
            "bookkeeping": functools.partial(checks.bookkeeping, record, line),
            "statistics": functools.partial(checks.statistics, record),
        }
        for norm, radius in _table(record.get("radii")).items():
            method = _table(radius).get("method")
            claims[f"{method} against {norm}"] = functools.partial(checks.theorem, record, norm)
        for claim, check in claims.items():
            start, verdict, why = time.perf_counter(), "FALSE", "its inequality does not hold"
            try:
                verdict = check()
            except Contradiction as error:
                why = str(error)
            except DAMAGED as error:
                why = f"a part is missing, or of another kind: {error!r}"
            why = f"input {record.get('index')}: {why}" if verdict == "FALSE" else ""
            found.append(Finding(number, claim, verdict, why, time.perf_counter() - start))
    return found


def _table(value: object) -> dict[str, Any]:
    """A table of a record; an empty one where it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


class _Checks:
    """The claims of one record, each proven, not covered, or FALSE."""

    def __init__(self, document: dict[str, Any], records: list[dict[str, Any]], scale: float | None) -> None:
        self.spec = spec = document["run"]
        self.family = read_family(spec["noise"], spec["shape"]) if spec["task"] == "enumerate" else None
        self.alpha, self.phases = real(spec.get("alpha", 0.5), "alpha"), PHASES[spec["task"]]
        radii = (_table(radius) for one in records for radius in _table(one.get("radii")).values())
        methods = {radius.get("method") for radius in radii}
        # The noise of a published log says what it was about; no claim rests on it.
        sampled = (
            "noise" in spec and self.family is None and (self.phases or methods - {"published", "abstain"})
        )
        self.law = read_law(spec["noise"], spec.get("dim"), scale) if sampled else None
        demand(0 < self.alpha < 1, f"alpha is {self.alpha}")
        demand(len(records) <= spec.get("inputs", math.inf), f"there are {len(records)} records")
        self.exact, self.two_sided = spec.get("sampling") == "exact", spec.get("bound") == "two-sided"
        self.times = Counter(json.dumps(record.get("index")) for record in records)
        deciding = {key: table for key, table in document.items() if key not in UNDECIDED}
        text = json.dumps(deciding, sort_keys=True, default=str).encode()
        self.key = hashlib.blake2b(text, digest_size=32).digest() if document.get("format") else None

    def bookkeeping(self, record: dict[str, Any], line: bytes) -> Verdict:
        """The record is what was written, and its parts fit each other and the spec."""
        spec, classes = self.spec, self.spec.get("classes", math.inf)
        index, predict = whole(record["index"], 0, 2**63, "index"), record["predict"]
        whole(predict, -1, classes - 1, "predict")
        labelled = spec.get("labelled", True)
        demand(labelled or "label" not in record, "it has a label, but the run has none")
        whole(record["label"] if labelled else 0, 0, classes - 1, "label")
        demand(self.times[json.dumps(index)] == 1, "it has several records")
        if self.key is not None:
            content, _, rest = line.rpartition(b', "checksum": "')
            right = hashlib.blake2b(content, digest_size=8, key=self.key).hexdigest().encode()
            demand(rest[:18] == right + b'",', "its checksum is wrong: it or the spec was changed")
        demand(_in_slice(index, spec.get("slice", ":")), f"it is outside the slice {spec.get('slice')}")
        if self.family is not None:
            return self._all_views(record, self.family)
        if not self.phases:
            return "proven"
        n, counts = whole(record["n"], 0, spec["n"], "n"), record["counts"]
        fits = set(counts) == set(self.phases) and ("stop" in spec or n == spec["n"])
        demand(fits, f"n is {n}, with counts of {', '.join(counts)}")
        for phase in self.phases:
            size = spec["n0"] if phase == "selection" else n
            voted = sum(self.votes(record, phase)) + record.get("not_a_number", {}).get(phase, 0)
            fits = voted == size or (self.exact and voted < size)
            demand(fits, f"{voted} of {size} copies are accounted for in {phase}")
        if spec["task"] == "predict":
            return "proven"
        radii, label = record["radii"], self.selected(record)
        demand(list(radii) == spec["norms"], f"radii are against {', '.join(radii)}, not {spec['norms']}")
        abstained = {found["method"] == "abstain" for found in radii.values()}
        fits = predict in (-1, label) and abstained == {predict == -1}
        demand(fits, f"predict is {predict}; the selection chose {label}; abstained: {abstained}")
        draw = self.draw(index) if spec.get("estimator") == "randomized-clopper-pearson" else None
        found = record.get("draw")
        demand(found == draw, f"draw is {found}, which is not what seed and index give")
        return "proven"

    def _all_views(self, record: dict[str, Any], family: Family) -> Verdict:
        """Every view has a vote, or its output was not a number."""
        n = whole(record["n"], family.views, family.views, "n")
        fits = set(record["counts"]) == {"enumeration"} and list(record["radii"]) == self.spec["norms"]
        demand(fits, f"it has counts of {', '.join(record['counts'])}, not of all views")
        lost = whole(record.get("not_a_number", {}).get("enumeration", 0), 0, n, "lost views")
        voted = sum(self.votes(record, "enumeration")) + lost
        demand(voted == n, f"{voted} of {n} views are accounted for")
        return "proven"

    def statistics(self, record: dict[str, Any]) -> Verdict:
        """The recorded error is the bound of the recorded counts; a predicted label passes its rank test.

        Of all views nothing is estimated: their counts are what they are.
        """
        if self.family is not None:
            return "proven" if not {"error", "draw"} & set(record) else "FALSE"
        if not self.phases or self.spec.get("top", 1) != 1:
            return "not covered"
        if self.spec["task"] == "predict":
            votes = self.votes(record, "prediction")
            unknown = record["n"] - sum(votes) if self.exact else 0
            return statistics.rank_test(votes, record["predict"], self.alpha, unknown)
        return self._bound(record)[0]

    def theorem(self, record: dict[str, Any], norm: str) -> Verdict:
        """The recorded radius is certified at the recorded error."""
        claim = record["radii"][norm]
        size, method = real(claim["radius"], "radius"), claim["method"]
        if self.family is not None:
            votes, top = self.votes(record, "enumeration"), whole(self.spec.get("top", 1), 1, math.inf, "top")
            fits = (method == "abstain") == (record["predict"] == -1)
            demand(fits, f"predict is {record['predict']}, and the method {method}")
            return view_counts.radius(self.family, votes, record["predict"], norm, size, top)
        if method == "abstain":
            return "proven" if size == 0 and record["predict"] == -1 else "FALSE"
        if method == "published" or self.law is None or self.spec.get("top", 1) != 1:
            return "not covered"
        rival = self._bound(record)[1] if self.two_sided else None
        return rows.radius(self.law, norm, method, real(record["error"], "error"), size, rival)

    def _bound(self, record: dict[str, Any]) -> tuple[Verdict, float | None]:
        """Whether the error is right, and the bound on every other class, where there are two."""
        error, n, draw = real(record["error"], "error"), record["n"], record.get("draw")
        if n == 0:
            return ("proven" if error == 1 else "FALSE"), None
        votes, label, other = self.votes(record, "estimation"), self.selected(record), None
        shares = 0 if "stop" in self.spec else 1
        if self.two_sided:
            unknown = n - sum(votes) if self.exact else 0
            selection = self.votes(record, "selection")
            shares, other = statistics.rival(votes, selection, label, n, unknown, self.alpha, draw)
            other = min(other, error)
        return statistics.bound(error, n, n - votes[label], self.alpha, shares, draw), other

    def votes(self, record: dict[str, Any], phase: str) -> tuple[int, ...]:
        """Votes by class."""
        votes = [0] * self.spec["classes"]
        for label, count in record["counts"][phase].items():
            votes[whole(int(label), 0, len(votes) - 1, "a class")] = whole(count, 0, 2**63, "a count")
        return tuple(votes)

    def selected(self, record: dict[str, Any]) -> int:
        """The label that the selection votes alone choose: the smallest one of the most frequent."""
        votes = self.votes(record, "selection")
        return votes.index(max(votes))

    def draw(self, index: int) -> float:
        """A uniform number in (0, 1], keyed by seed and index."""
        key = np.array([int(self.spec["seed"]), index], dtype=np.uint64)
        philox = np.random.Philox(key=key, counter=[0, 0, ESTIMATOR, 0])
        return (float(np.random.Generator(philox).integers(2**53)) + 1) * 2.0**-53


def _in_slice(index: int, text: str) -> bool:
    """Whether a slice whose ends are counted from the front has an index; others may have any."""
    parts = [int(part) if part.strip() else None for part in text.split(":")]
    return any(part is not None and part < 0 for part in parts) or index in range(2**63)[slice(*parts)]
