"""What a page says first and last: what was run on which terms, and how to make it again and cite it."""

import dataclasses
import datetime
import html
import re
import shlex
from collections.abc import Sequence
from typing import Any

from wulff._version import __version__
from wulff.backends import is_spec
from wulff.runs import ImportedSpec, Run
from wulff.runs.folder import RECORDS
from wulff.runs.spec import IN_PYTHON
from wulff.stats import Anytime

_UNKNOWN = "not known"
_ALWAYS = ("model", "dataset", "norms", "n0", "n", "alpha")
"""Options that a command names even where they are the defaults."""


def terms(runs: Sequence[Run]) -> str:
    """A table of what was run: a row for each question, a column for each run."""
    known = [_terms(run) for run in runs]
    names = "".join(f"<th>{html.escape(run.name)}</th>" for run in runs)
    rows = "".join(
        f"<tr><th>{word}</th>{''.join(f'<td>{html.escape(answers[word])}</td>' for answers in known)}</tr>"
        for word in known[0]
        if any(answers[word] for answers in known)
    )
    return (
        f'<div class="wide"><table class="terms"><thead><tr><th>run</th>{names}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _terms(run: Run) -> dict[str, str]:
    facts = run.facts

    def said(name: str) -> Any:
        return getattr(run.spec, name, None)

    n0 = said("n0")
    n = f"{said('n'):,}" if said("n") else "all views" if run.is_exact else _UNKNOWN
    n = f"up to {n}" if said("stop") else n
    alpha = f"{run.alpha:g}" if run.alpha is not None else "none" if run.is_exact else _UNKNOWN
    return {
        "data": " ".join(filter(None, [said("dataset") or _UNKNOWN, _part(said("slice") or ":")])),
        "model": said("model") or _UNKNOWN,
        "noise": said("noise") or _UNKNOWN,
        "copies": f"{n} (and {n0:,} to choose the label)" if n0 else n,
        "alpha": alpha,
        "against": ", ".join(run.norms) or "nothing: predictions",
        "made on": _date(run),
        "by": f"wulff {facts.made_by}" if facts.made_by else _UNKNOWN,
    }


def _part(taken: str) -> str:
    return "" if taken == ":" else f"[{taken}]"


def _date(run: Run) -> str:
    """The day of the last record, by the clock of the disk; empty for a run that has no folder."""
    records = run.folder / RECORDS
    if not (run.stored and records.exists()):
        return ""
    written = datetime.datetime.fromtimestamp(records.stat().st_mtime, datetime.UTC)
    return written.date().isoformat()


def with_contents(body: str) -> str:
    """The page with an address for each of its headings, and links to them below the first one."""
    titles = re.findall("<h2>(.*?)</h2>", body)
    addresses = {title: re.sub(r"\W+", "-", title.lower()).strip("-") for title in titles}
    for title, address in addresses.items():
        body = body.replace(f"<h2>{title}</h2>", f'<h2 id="{address}">{title}</h2>', 1)
    links = "".join(f'<a href="#{address}">{title}</a>' for title, address in addresses.items())
    return body.replace("</h1>", f'</h1><nav aria-label="Contents">{links}</nav>', 1)


def reproduce(runs: Sequence[Run]) -> str:
    """How to make the runs again, and how to cite them."""
    parts = ["<h2>Cite and reproduce</h2>"]
    for run in runs:
        name = html.escape(run.name)
        if words := command(run):
            parts.append(f"<p>{name}:</p><pre>{html.escape(words)}</pre>")
        else:
            parts.append(f"<p>{name}: {_elsewhere(run)}</p>")
        if run.facts.hashes:
            hashes = "\n".join(f"{what:<8} {value}" for what, value in run.facts.hashes.items())
            parts.append(
                f"<details><summary>Hashes of {name}</summary><pre>{html.escape(hashes)}</pre></details>"
            )
    cited = (
        f"@software{{wulff,\n  title = {{wulff: certified robustness by randomized smoothing}},\n"
        f"  version = {{{__version__}}},\n  license = {{Apache-2.0}}\n}}"
    )
    return "".join([*parts, f"<p>To cite the program:</p><pre>{cited}</pre>"])


def _elsewhere(run: Run) -> str:
    if isinstance(run.spec, ImportedSpec):
        return "imported with <code>wulff import</code>; the log is its own source."
    if run.facts.counted:
        return "recomputed from the counts of another run with <code>wulff recertify</code>."
    return "made in Python with <code>wulff.certify</code>; no command says the same."


def command(run: Run) -> str | None:
    """The command that makes the run; None where there is none.

    What is recorded of how it was run, such as the memory format, is part of it: it was decided then.
    """
    spec = run.spec
    if isinstance(spec, ImportedSpec) or IN_PYTHON in (spec.model, spec.dataset):
        return None
    stop = getattr(spec, "stop", None)
    if run.facts.counted or (stop and stop.beta != Anytime.beta):
        return None
    verb = "predict" if spec.task == "predict" else "certify"
    words = ["wulff", *(word for module in run.facts.plugins for word in ("--plugin", module)), verb]
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.name == "table" and value is not None:
            # A training of wulff has its columns; for other models, they are those of this run.
            words += ["--training-rows", run.name] if is_spec(spec.model) else []
        elif value is not None and (field.name in _ALWAYS or value != field.default):
            words += _option(field.name, value)
    return shlex.join([*words, "--store", run.name])


def _option(name: str, value: Any) -> list[str]:
    """A parameter of a spec as the command line has it."""
    option = "--" + name.replace("_", "-")
    if name == "norms":
        return [word for norm in value for word in ("--norm", str(norm))]
    if isinstance(value, Anytime):
        radii = ["--stop-radii", ",".join(map(repr, value.radii))] if value.radii else []
        relative = ["--stop-relative", repr(value.relative)] if value.relative is not None else []
        which = ["--skip-incorrect"] if value.skip_incorrect else ["--all-inputs"] if value.radii else []
        return [*radii, *relative, *which]
    if isinstance(value, bool):
        return [option if value else f"--no-{name.replace('_', '-')}"]
    if isinstance(value, tuple):
        return [option, ",".join(map(repr, value))]
    return [option, str(value)]
