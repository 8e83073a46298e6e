"""One self-contained page: curves, tables, inputs, specs and what is guaranteed."""

import html
import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from wulff import _files
from wulff._checks import file_path, whole_number
from wulff._numerics.rounding import decimal_down, exactly
from wulff.errors import InputError
from wulff.norms import Adversary, Patch, Poisoning, heading, parse_adversaries, parse_adversary
from wulff.reports.abstentions import abstentions
from wulff.reports.curves import check_runs, curve, false_certificates
from wulff.reports.fairness import comparable, warnings
from wulff.reports.feature_cards import features_section
from wulff.reports.features import features_of
from wulff.reports.page_head import reproduce, terms, with_contents
from wulff.reports.payload import all_norms, payload
from wulff.reports.tables import Table, certified_accuracy
from wulff.reports.verification import in_words
from wulff.runs import ImportedSpec, PredictSpec, Run, has_features
from wulff.runs.columns import NO_N
from wulff.stats import ABSTAIN

CONFIDENCE = 0.999
"""The probability with which the bounds of tables and pages hold by default."""
AVERAGE = (
    "Wrong and abstained inputs count as zero in the average radius, which is rounded down. It can be "
    "bought with accuracy: read it beside the accuracy at radius 0."
)
PICTURES = 120
"""For how many inputs a page embeds pictures by default."""
# Nothing may be loaded from anywhere: the browser itself enforces that the page is self-contained.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(
    runs: Sequence[Run],
    path: str | Path,
    radii: Sequence[float] | None = None,
    *,
    norms: Sequence[Adversary | str] | None = None,
    confidence: float = CONFIDENCE,
    pictures: int = PICTURES,
) -> Path:
    """Write an HTML page about runs, which opens from disk without a network.

    Args:
        runs: Certifications, predictions or imported logs.
        path: Where to write.
        radii: The columns of the tables; round ones by default.
        norms: Against which adversaries; by default all that any run has.
        confidence: The probability with which the bounds in the tables hold.
        pictures: For how many inputs to embed pictures; wrong, abstained and least certain ones first.

    Raises:
        InputError: The folder does not exist, a run has no records, or none has radii against a norm.
    """
    runs, path = check_runs(runs), file_path("path", path)
    whole_number("pictures", pictures, least=0)
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into; make it first.")
    if not runs or any(not run.records for run in runs):
        raise InputError("a page needs runs with records; run the same command again to make them.")
    known = all_norms(runs)
    shown = known if norms is None else [str(norm) for norm in parse_adversaries(norms)]
    if lacking := set(shown) - set(known):
        there = ", ".join(known) or "none"
        raise InputError(f"no run has radii against {min(lacking)}, only against {there}.")
    features = [features_of(run) if has_features(run) else None for run in runs]
    data, missing = payload(runs, features, shown, confidence, pictures)
    body = [
        f"<h1>{'Certified accuracy' if shown else 'Accuracy of predictions'}</h1>",
        _lead(runs, bool(shown)),
        terms(runs),
        *_sections(runs, shown, radii, confidence),
        _explanation(runs, confidence) if shown else _clean_table(runs),
        _overview(runs, shown),
        features_section(features),
        _browser(shown, missing, any(features)),
        "<h2>What is guaranteed</h2>",
        *(_guarantee(run) for run in runs),
        reproduce(runs),
    ]
    _files.write(path, _document(with_contents("".join(body)), json.dumps(data, separators=(",", ":"))))
    return path


def _document(body: str, data: str) -> str:
    assets = importlib.resources.files("wulff.reports") / "assets"
    style, script = (assets / "page.css").read_text(), (assets / "page.js").read_text()
    data = data.replace("<", "\\u003c")  # a "<" inside the data could end the element that holds it
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>wulff report</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{data}</script>\n'
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _lead(runs: Sequence[Run], certified: bool) -> str:
    what = (
        "Certified accuracy at a radius is the share of inputs that are labelled correctly and whose label "
        "no perturbation smaller than that radius can change."
        if certified
        else "These runs hold predictions without radii: how often the label is correct, and how often no "
        "label was certain enough to be given."
    )
    inputs = sorted({len(run.records) for run in runs})
    counted = " or ".join(f"{n:,}" for n in inputs)
    plural = "run" if len(runs) == 1 else "runs"
    lead = f"<p>{len(runs)} {plural} on {counted} inputs each. {what}</p>"
    return lead + "".join(f'<p class="warning">{html.escape(said)}</p>' for said in warnings(runs))


def _sections(
    runs: Sequence[Run], norms: Sequence[str], radii: Sequence[float] | None, confidence: float
) -> list[str]:
    parts, said = ["<h2>Certified accuracy by radius</h2>" if norms else ""], set[str]()
    for norm in norms:
        having = [run for run in runs if norm in run.norms]
        table = _certified_table(having, radii, norm, confidence)
        best = any(row.kind == "envelope" for row in table.rows)
        notes = [note for note in table.notes if note not in said]
        said.update(notes)
        parts.append(
            f'<section class="threat" data-norm="{norm}"><h3>Against {norm}</h3>'
            f'<figure data-norm="{norm}" data-envelope="{str(best).lower()}">'
            f"<figcaption>{_caption(norm, best)}"
            "</figcaption></figure><noscript><p>The chart needs JavaScript; the table has its numbers.</p>"
            f"</noscript>{_table(table)}{_notes(notes)}</section>"
        )
    return parts


def _certified_table(
    runs: Sequence[Run], radii: Sequence[float] | None, norm: str, confidence: float
) -> Table:
    best = len(runs) > 1 and comparable(runs)  # others have no envelope
    return certified_accuracy(runs, radii, norm, confidence=confidence, with_envelope=best)


def _caption(norm: str, with_envelope: bool) -> str:
    against = parse_adversary(norm)
    what: dict[type, str] = {
        Patch: "whatever is shown within one square of that side",
        Poisoning: "so many poisoned examples",
    }
    under = what.get(type(against), f"every perturbation with a smaller {norm} norm")
    caption = (
        f"At each {heading(against)}, the curve shows the share of inputs that are certified to keep their "
        f"correct label under {under}. Steps are exact, nothing is smoothed. "
        "Hover, touch, or use the arrow keys for values; a name hides its curve."
    )
    if with_envelope:
        caption += " The dotted line is the best run at each radius, chosen on the test set."
    return caption


def _notes(notes: Sequence[str]) -> str:
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def _table(table: Table) -> str:
    head = "".join(f"<th>{exactly(radius)}</th>" for radius in table.radii)
    rows = []
    for row in table.rows:
        texts = table.cell_texts(row)
        marked = [f"<b>{text}</b>" if table.is_best(row, i) else text for i, text in enumerate(texts)]
        cells = "".join(f"<td>{text}</td>" for text in marked)
        rows.append(f'<tr class="{row.kind}"><td>{html.escape(row.name)}</td>{cells}</tr>')
    first = heading(table.norm) if table.norm else "run"
    return (
        f'<div class="wide"><table><thead><tr><th>{first}</th>{head if table.norm else "<th>accuracy</th>"}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _clean_table(runs: Sequence[Run]) -> str:
    table = certified_accuracy(runs)
    return _table(table) + _notes(table.notes)


def _explanation(runs: Sequence[Run], confidence: float) -> str:
    known = [run for run in runs if run.norms and run.alpha is not None]
    if not known and all(run.is_exact for run in runs if run.norms):
        return (
            "<h2>Nothing is left to chance</h2><p>All views of every input were classified, so that each "
            "certificate is certain, and the certified accuracy too: there is no alpha. It is about these "
            "inputs, not about others like them.</p>"
        )
    if not known:
        return '<p class="note">The alpha of these runs is not known, so there are no bounds.</p>'
    run = known[0]
    inputs, alpha = len(run.records), run.alpha
    assert alpha is not None
    false = false_certificates(inputs, alpha, confidence)
    return (
        "<h2>Two numbers for one curve</h2><p>The first row of a run is the share of inputs that are correct "
        "and have a certificate. Every certificate is a statistical statement, which is false with "
        f"probability at most alpha ({alpha:g} for {html.escape(run.name)}), so a few of the certificates "
        f"that were counted may be false. The row “with probability {confidence:g}” subtracts as many as "
        f"that can be: of {inputs:,} certificates, more than {false} are false with probability at most "
        f"{1 - confidence:.3g}, by the binomial distribution, if the noise of different inputs is "
        "independent. So the first number is what was seen, and the second is what is certain at that level, "
        "at all radii at once. Both are about these inputs, not about others like them.</p>"
    )


def _overview(runs: Sequence[Run], norms: Sequence[str]) -> str:
    heads = ["run", "inputs", "correct", "wrong", "abstained"]
    heads += [
        "accuracy at radius 0" if norms else "accuracy",
        *(f"average {heading(parse_adversary(norm))}" for norm in norms),
    ]
    heads += ["copies per input", "seconds per input"]
    rows = [[html.escape(text) for text in _summary(run, norms)] for run in runs]
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in rows)
    reasons = [
        f"<li>{html.escape(run.name)}: {html.escape(reason)} ({count:,} of {len(run.records):,})</li>"
        for run in runs
        for reason, count in abstentions(run).most_common()
    ]
    why = f"<h3>Why they abstained</h3><ul>{''.join(reasons)}</ul>" if reasons else ""
    return (
        f'<h2>The runs</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{_notes([AVERAGE] if norms else [])}{why}"
    )


def _summary(run: Run, norms: Sequence[str]) -> list[str]:
    abstained, inputs = run.predictions == ABSTAIN, len(run.records)
    right, wrong = int(run.scored.sum()), int((~run.scored & ~abstained).sum())
    judged = [f"{right:,}", f"{wrong:,}"] if run.facts.labelled else ["not known", "not known"]
    shown = [f"{inputs:,}", *judged, f"{int(abstained.sum()):,}"]
    averages = [
        decimal_down(curve(run, norm).average_certified_radius, 4) if norm in run.norms else ""
        for norm in norms
    ]
    sizes = run.columns.n[run.columns.n != NO_N]
    samples = "not recorded"
    if len(sizes) or run.spec.n is not None:
        samples = f"{sizes.sum() / inputs if len(sizes) else run.spec.n:,.0f}"
    if len(sizes) and sizes.min() != sizes.max():
        samples += f" ({sizes.min():,} to {sizes.max():,})"
    seconds = f"{run.columns.seconds.sum() / inputs:.3g}"
    at_zero = f"{right / inputs:.3f}" if run.facts.labelled else "not known"
    return [run.name, *shown, at_zero, *averages, samples, seconds]


def _browser(norms: Sequence[str], missing: Sequence[str], features: bool) -> str:
    filters = {"all": "All", "wrong": "Wrong", "abstained": "Abstained"}
    if norms:
        filters |= {"smallest": "Smallest radius", "largest": "Largest radius"}
    buttons = "".join(
        f'<button type="button" data-filter="{key}" aria-pressed="{"true" if key == "all" else "false"}">'
        f"{name}</button>"
        for key, name in filters.items()
    )
    more = "A noisy copy is the first one that voted, clipped to [0, 1] for display."
    if features:
        more = (
            "After ± stands the largest change of that feature alone, for the chosen norm: no smaller one "
            "changes the label. Its bar is what part of the range of the feature's values that is."
        )
    return (
        "<h2>The inputs</h2><p>The bars are the votes of the base classifier on noisy copies; the true class "
        f"has a tick. {'Radii are rounded down. ' if norms else ''}{more}</p>{_notes(missing)}"
        '<div class="controls"><label>run <select id="run"></select></label>'
        '<label>norm <select id="norm"></select></label>'
        '<label>input # or file <input id="index" size="12"></label></div>'
        f'<div class="controls">{buttons}</div>'
        '<div class="controls"><button type="button" id="previous">Previous</button>'
        '<button type="button" id="next">Next</button><span id="count" role="status"></span></div>'
        '<div id="cards"></div>'
    )


def _guarantee(run: Run) -> str:
    said = in_words(run.folder)
    verified = f" <b>{said}</b> (<code>wulff verify</code>)." if said else ""
    return (
        f"<h3>{html.escape(run.name)}</h3><p>{html.escape(guarantee(run))}"
        f"{verified}</p>"
        f"<details><summary>The full spec</summary><pre>{html.escape(tomli_w.dumps(run.document))}</pre>"
        "</details>"
    )


def guarantee(run: Run) -> str:
    """What a run guarantees, in words."""
    spec = run.spec
    if isinstance(spec, PredictSpec):
        return (
            "For each input with a label other than -1, the label is the class that the base classifier "
            f"returns most often under {spec.noise}, with probability at least 1 - {spec.alpha:g} over "
            f"{spec.n:,} noise samples, for each input separately."
        )
    return _imported(run) if isinstance(spec, ImportedSpec) else run.statement


def _imported(run: Run) -> str:
    if run.is_exact:
        what = (
            f"Imported from published results of all views {run.views}, so that there is no alpha. The radii "
            f"{run.views.in_tables() if run.views else ''}. That the views were counted"
        )
    elif run.columns.has_error:
        what = (
            "Imported from published probabilities. The radii are computed anew from them; that they bound "
            "the probability of the label"
        )
    elif run.norms:
        what = (
            "Imported from a published log. Its radii are rounded, and are lowered here to what is certain; "
            "that they were computed"
        )
    else:
        what = "Imported from a published log of predictions; that they were made"
    return f"{what} as the authors say is taken on trust."
