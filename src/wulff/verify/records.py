"""Every claim of every record: its bookkeeping, its statistics, and the theorem behind each radius."""

import dataclasses
import functools
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from flint import arb

from wulff.verify import statistics, theorems, view_counts
from wulff.verify.balls import HALF, Contradiction, Verdict, decide
from wulff.verify.reading import Law, read_law, read_run, real, whole
from wulff.verify.view_counts import Family, read_family

UNDECIDED: Final = ("format", "plugins", "versions", "engine")
"""Parts of the spec that no checksum covers."""
ESTIMATOR: Final = 1024
"""The counter that the draws of randomised bounds are keyed by."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found of one claim of one record.

    Attributes:
        record: Which record, from 1; 0 for what is about the whole run.
        claim: `bookkeeping`, `statistics`, or a method and the norm that its radius is against.
        verdict: Whether it is proven, proven to be false, or neither.
        why: What is wrong.
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
    times = Counter(json.dumps(record.get("index")) for _, record in lines)
    found = []
    try:
        checks = _Checks(document, len(lines), scale)
    except (Contradiction, KeyError, TypeError, ValueError) as error:
        return [Finding(0, "bookkeeping", "FALSE", f"the spec: {error}", 0.0)]
    for number, (line, record) in enumerate(lines, start=1):
        claims: dict[str, Callable[[dict[str, Any]], Verdict]] = {
            "bookkeeping": functools.partial(
                checks.bookkeeping, line=line, times=times[json.dumps(record.get("index"))]
            ),
            "statistics": checks.statistics,
        }
        radii = record.get("radii", {})
        for norm in radii if isinstance(radii, dict) else ():
            method = radii[norm].get("method") if isinstance(radii[norm], dict) else None
            claims[f"{method} against {norm}"] = functools.partial(checks.theorem, norm=norm)
        for claim, check in claims.items():
            start, why = time.perf_counter(), "its inequality does not hold"
            try:
                verdict = check(record)
            except Contradiction as error:
                verdict, why = "FALSE", str(error)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                verdict, why = "FALSE", f"a part is missing, or of another kind: {error!r}"
            why = f"input {record.get('index')}: {why}" if verdict == "FALSE" else ""
            found.append(Finding(number, claim, verdict, why, time.perf_counter() - start))
    return found


class _Checks:
    """The claims of one record, each proven, not covered, or FALSE."""

    def __init__(self, document: dict[str, Any], records: int, scale: float | None) -> None:
        self.spec = spec = document["run"]
        self.family = read_family(spec["noise"], spec["shape"]) if spec["task"] == "enumerate" else None
        sampled = "noise" in spec and self.family is None
        self.law: Law | None = read_law(spec["noise"], spec.get("dim"), scale) if sampled else None
        self.task, self.alpha = spec["task"], real(spec.get("alpha", 0.5), "alpha")
        self.exact, self.two_sided = spec.get("sampling") == "exact", spec.get("bound") == "two-sided"
        if not 0 < self.alpha < 1 or records > spec.get("inputs", records):
            raise Contradiction(f"alpha is {self.alpha}, and there are {records} records")
        deciding = {key: table for key, table in document.items() if key not in UNDECIDED}
        text = json.dumps(deciding, sort_keys=True, default=str)
        self.key = (
            hashlib.blake2b(text.encode(), digest_size=32).digest() if document.get("format", 0) else None
        )
        self.bound = functools.lru_cache(maxsize=100_000)(self._bound)

    def bookkeeping(self, record: dict[str, Any], line: bytes, times: int) -> Verdict:
        """The record is what was written, and its parts fit each other and the spec."""
        spec, classes = self.spec, self.spec.get("classes", math.inf)
        index = whole(record["index"], 0, 2**63, "index")
        if spec.get("labelled", True):
            whole(record["label"], 0, classes - 1, "label")
        elif "label" in record:
            raise Contradiction("it has a label, but the run has none")
        predict = whole(record["predict"], -1, classes - 1, "predict")
        if times > 1:
            raise Contradiction(f"it has {times} records")
        if self.key is not None:
            content, _, rest = line.rpartition(b', "checksum": "')
            right = hashlib.blake2b(content, digest_size=8, key=self.key).hexdigest().encode()
            if rest[:18] != right + b'",':
                raise Contradiction("its checksum is wrong: it or the spec was changed")
        if not _in_slice(index, spec.get("slice", ":")):
            raise Contradiction(f"it is outside the slice {spec['slice']}")
        if self.task == "import":
            return "proven"
        if self.family is not None:
            return self._all_views(record, self.family)
        phases = {"certify": {"selection", "estimation"}, "predict": {"prediction"}}[self.task]
        n = whole(record["n"], 0, spec["n"], "n")
        if set(record["counts"]) != phases or ("stop" not in spec and n != spec["n"]):
            raise Contradiction(f"n is {n}, with counts of {', '.join(record['counts'])}")
        for phase in phases:
            size = spec["n0"] if phase == "selection" else n
            voted = sum(self.votes(record, phase)) + record.get("not_a_number", {}).get(phase, 0)
            if voted > size or (voted < size and not self.exact):
                raise Contradiction(f"{voted} of {size} copies are accounted for in {phase}")
        if self.task == "predict":
            return "proven"
        radii, label = record["radii"], self.selected(record)
        if list(radii) != spec["norms"]:
            raise Contradiction(f"radii are against {', '.join(radii)}, not {', '.join(spec['norms'])}")
        abstained = {found["method"] == "abstain" for found in radii.values()}
        if predict not in (-1, label) or abstained != {predict == -1}:
            raise Contradiction(f"predict is {predict}; the selection chose {label}; abstained: {abstained}")
        randomized = spec.get("estimator") == "randomized-clopper-pearson"
        if record.get("draw") != (self._draw(index) if randomized else None):
            raise Contradiction(f"draw is {record.get('draw')}, which is not what seed and index give")
        return "proven"

    def _all_views(self, record: dict[str, Any], family: Family) -> Verdict:
        """Every view has a vote, or its output was not a number."""
        n = whole(record["n"], family.views, family.views, "n")
        if set(record["counts"]) != {"enumeration"} or list(record["radii"]) != self.spec["norms"]:
            raise Contradiction(f"it has counts of {', '.join(record['counts'])}, not of all views")
        lost = whole(record.get("not_a_number", {}).get("enumeration", 0), 0, n, "lost views")
        voted = sum(self.votes(record, "enumeration")) + lost
        if voted != n:
            raise Contradiction(f"{voted} of {n} views are accounted for")
        return "proven"

    def statistics(self, record: dict[str, Any]) -> Verdict:
        """The recorded error is the bound of the recorded counts; a predicted label passes its rank test.

        Of all views nothing is estimated: their counts are what they are.
        """
        if self.family is not None:
            return "proven" if not {"error", "draw"} & set(record) else "FALSE"
        if self.task == "import" or self.spec.get("top", 1) != 1:
            return "not covered"
        if self.task == "predict":
            return self._rank_test(self.votes(record, "prediction"), record["n"], record["predict"])
        return self._of_counts(record)[0]

    def theorem(self, record: dict[str, Any], norm: str) -> Verdict:
        """The recorded radius is certified at the recorded error."""
        claim = record["radii"][norm]
        size, method = real(claim["radius"], "radius"), claim["method"]
        if self.family is not None:
            votes, top = self.votes(record, "enumeration"), whole(self.spec.get("top", 1), 1, math.inf, "top")
            if (method == "abstain") != (record["predict"] == -1):
                raise Contradiction(f"predict is {record['predict']}, and the method {method}")
            return view_counts.radius(self.family, votes, record["predict"], norm, size, top)
        if method == "abstain":
            return "proven" if size == 0 and record["predict"] == -1 else "FALSE"
        if method == "published" or self.law is None:
            return "not covered"
        rival = self._of_counts(record)[1] if self.two_sided else None
        return theorems.radius(self.law, norm, method, real(record["error"], "error"), size, rival)

    def _of_counts(self, record: dict[str, Any]) -> tuple[Verdict, float | None]:
        error, n = real(record["error"], "error"), record["n"]
        if n == 0:
            return ("proven" if error == 1 else "FALSE"), None
        votes, label = self.votes(record, "estimation"), self.selected(record)
        parts = (tuple(votes), tuple(self.votes(record, "selection")), label) if self.two_sided else None
        return self.bound(error, n, n - votes[label], record.get("draw"), parts)

    def _bound(
        self,
        error: float,
        n: int,
        misses: int,
        draw: float | None,
        parts: tuple[tuple[int, ...], tuple[int, ...], int] | None,
    ) -> tuple[Verdict, float | None]:
        other = None
        if parts:
            unknown = n - sum(parts[0]) if self.exact else 0
            excess, other = statistics.rival(*parts, n, self.alpha, draw, unknown)
            other = min(other, error)
        elif "stop" in self.spec:
            excess = statistics.any_time(misses, n, self.alpha)
        else:
            excess = statistics.fixed_size(misses, n, arb(self.alpha), draw)
        return statistics.bound(error, excess, 0.0 if draw is None else 1 / n), other

    def _rank_test(self, votes: list[int], n: int, predict: int) -> Verdict:
        """2 P[Binomial(n₁ + n₂, ½) ≥ n₁] ≤ alpha for the two largest counts [Hung & Fithian 2019]."""
        if predict == -1 or votes[predict] < max(votes):
            return "proven" if predict == -1 else "FALSE"
        second = max([0, *(count for label, count in enumerate(votes) if label != predict)])
        second += n - sum(votes) if self.exact else 0
        return decide(lambda: arb(self.alpha) - 2 * statistics.tail(second, votes[predict] + second, HALF))

    def votes(self, record: dict[str, Any], phase: str) -> list[int]:
        """Votes by class."""
        votes = [0] * self.spec["classes"]
        for label, count in record["counts"][phase].items():
            votes[whole(int(label), 0, len(votes) - 1, "a class")] = whole(count, 0, 2**63, "a count")
        return votes

    def selected(self, record: dict[str, Any]) -> int:
        """The label that the selection votes alone choose: the smallest one of the most frequent."""
        votes = self.votes(record, "selection")
        return votes.index(max(votes))

    def _draw(self, index: int) -> float:
        """A uniform number in (0, 1], keyed by seed and index."""
        key = np.array([int(self.spec["seed"]), index], dtype=np.uint64)
        philox = np.random.Philox(key=key, counter=[0, 0, ESTIMATOR, 0])
        return (float(np.random.Generator(philox).integers(2**53)) + 1) * 2.0**-53


def _in_slice(index: int, text: str) -> bool:
    """Whether a slice whose ends are counted from the front has an index; others may have any."""
    parts = [int(part) if part.strip() else None for part in text.split(":")]
    if len(parts) not in (2, 3) or any(part is not None and part < 0 for part in parts):
        return True
    start, stop, step = [*parts, None][:3]
    return index in range(start or 0, 2**63 if stop is None else stop, step or 1)
