"""What the page's script draws from: every input of every run, column by column."""

from collections.abc import Sequence
from typing import Any

from wulff.norms import heading, parse_adversary
from wulff.reports.abstentions import abstention, samples_to_decide
from wulff.reports.curves import false_certificates
from wulff.reports.feature_cards import features_payload
from wulff.reports.features import RunFeatures
from wulff.reports.thumbnails import pictures
from wulff.runs import Record, Run
from wulff.runs.columns import NO_N

COUNTED = ("estimation", "prediction", "enumeration")
"""The phases whose votes are shown."""
BARS = 4
"""How many classes of an input get a bar; the others share one."""


def payload(
    runs: Sequence[Run],
    features: Sequence[RunFeatures | None],
    norms: Sequence[str],
    confidence: float,
    most_pictures: int,
) -> tuple[dict[str, Any], list[str]]:
    """The page's data, ready for JSON; and sentences on what it lacks.

    Args:
        runs: The runs.
        features: What is known of the features of each.
        norms: Those that the page shows.
        confidence: The probability with which the bounds hold.
        most_pictures: For how many inputs to embed pictures.
    """
    clean, noisy, notes = pictures(runs, most_pictures)
    shared: list[dict[int, str]] = []  # runs on the same inputs share their pictures
    columns = []
    cards = features_payload(runs, features, most_pictures)
    for run, images, copies, own in zip(runs, clean, noisy, cards, strict=True):
        if images and images not in shared:
            shared.append(images)
        number = shared.index(images) if images else None
        columns.append(_columns(run, confidence) | {"pictures": number, "noisy": copies, "features": own})
    headings = {norm: heading(parse_adversary(norm)) for norm in norms}
    return {"norms": list(norms), "headings": headings, "runs": columns, "pictures": shared}, notes


def all_norms(runs: Sequence[Run]) -> list[str]:
    """The norms that any run has, in the order of their appearance."""
    return list(dict.fromkeys(norm for run in runs for norm in run.norms))


def _columns(run: Run, confidence: float) -> dict[str, Any]:
    columns = run.columns
    votes: list[Any] = []
    found: list[str | None] = []
    needed: dict[int, int] = {}
    files: list[str | None] = []
    for place, record in enumerate(run.records):
        files.append(record.file)
        votes.append(_votes(record))
        found.append(abstention(run, record))
        if n := samples_to_decide(run, record):
            needed[place] = n
    reasons = sorted({reason for reason in found if reason})
    return {
        "name": run.name,
        "classes": run.facts.class_names,
        "files": files if any(file is not None for file in files) else None,
        "index": columns.index.tolist(),
        "label": columns.label.tolist() if run.facts.labelled else None,
        "predict": columns.predict.tolist(),
        "radii": {norm: run.radii(norm).tolist() for norm in run.norms},
        "n": [None if n == NO_N else n for n in columns.n.tolist()],
        "votes": votes,
        "reasons": reasons,
        "reason": [reasons.index(reason) if reason else None for reason in found],
        "needed": needed,
        "false": _false(run, confidence),
    }


def _false(run: Run, confidence: float) -> int | None:
    """How many certificates may be false, but for this probability; None where nobody says."""
    alpha = 0.0 if run.is_exact else run.alpha
    return None if alpha is None else false_certificates(len(run.records), alpha, confidence)


def _votes(record: Record) -> list[int] | None:
    """n, then class and votes of the largest counts; None where none are stored."""
    votes = next((record.counts[phase] for phase in COUNTED if phase in record.counts), None)
    if not votes or not record.n:
        return None
    largest = sorted(votes.items(), key=lambda item: (-item[1], item[0]))[:BARS]
    return [record.n, *(number for item in largest for number in item)]
