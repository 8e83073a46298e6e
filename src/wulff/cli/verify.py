"""`wulff verify`: an independent checker proves what a run claims, or finds what is false."""

import json
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from wulff.cli.console import warn
from wulff.cli.options import RunArgument
from wulff.reports import verification
from wulff.reports.verification import Claims

SHOWN = 10
"""False claims that are named one by one."""


def verify(
    run: RunArgument,
    recount: Annotated[
        int, typer.Option(min=0, help="Count fresh votes for so many inputs; needs the model and the data.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what verification.json holds.")] = False,
) -> None:
    """Prove every claim of a run again, in ball arithmetic and with none of the code that made it.

    Exits with status 1 if anything is false. What was found is written to verification.json in the run.
    """
    from wulff import verify as checker  # needs python-flint

    folder = Path(run)
    found = checker.verify_run(folder, drawn_scale(folder))
    sha256 = verification.hashes(folder)
    claims = {}
    for name in dict.fromkeys(finding.claim for finding in found):
        of_kind = [finding for finding in found if finding.claim == name]
        verdicts = [finding.verdict for finding in of_kind]
        counts = (verdicts.count(verdict) for verdict in ("proven", "not covered", "FALSE"))
        claims[name] = Claims(*counts, slowest=max(finding.seconds for finding in of_kind))
    false = [f"record {f.record}: {f.claim}: {f.why}" for f in found if f.verdict == "FALSE"]
    if recount:
        found_again, seconds = _recounted(folder, recount)
        differing = [
            f"recount: input {r.index}: {r.recorded:,} of {r.n:,} votes, {r.fresh:,} of fresh ones "
            f"(p = {r.p_value:.1g})"
            for r in found_again
            if r.differs
        ]
        claims["recount"] = Claims(len(found_again) - len(differing), 0, len(differing), slowest=seconds)
        false += differing
    try:
        document = verification.store(folder, sha256, claims, false)
    except OSError as error:  # a disk that cannot be written hides no verdict
        document = verification.document(sha256, claims, false)
        warn(f"{verification.FILE} is not written: {error.strerror}.")
    if as_json:
        typer.echo(json.dumps(document))
    else:
        _print(claims, false)
    raise typer.Exit(1 if false else 0)


def _recounted(folder: Path, inputs: int) -> tuple[list[Any], float]:
    """Fresh votes against recorded ones, and the seconds for each input."""
    from wulff import runs
    from wulff.runs.recounting import recount

    start = time.perf_counter()
    found = recount(runs.load(folder), inputs)
    return found, (time.perf_counter() - start) / len(found)


def drawn_scale(folder: Path) -> float | None:
    """The float that scales the noise of a run as it is drawn, where the spec may only have its sigma."""
    from wulff import noises

    try:  # read as the checker reads it, whatever else is wrong with the file
        spec = tomllib.loads((folder / "spec.toml").read_text(encoding="utf-8"))["run"]
        noise = noises.parse(spec["noise"])
        noise = noise.in_dim(spec.get("dim", noise.dim))
        return (noise.of_numbers() if isinstance(noise, noises.Mixed) else noise).scale
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # the checker says what is wrong


def _print(claims: dict[str, Claims], false: list[str]) -> None:
    table = Table(
        "claim", *(f"[right]{name}" for name in ("proven", "not covered", "FALSE", "slowest")), box=None
    )
    for name, row in claims.items():
        slowest = f"{1000 * row.slowest:.1f} ms"
        table.add_row(name, *map(str, (row.proven, row.not_covered, row.false)), slowest)
    Console(width=110, highlight=False).print(table)
    for line in false[:SHOWN]:
        typer.echo(f"FALSE  {line}")
    if len(false) > SHOWN:
        typer.echo(f"and {len(false) - SHOWN} more in {verification.FILE}")
    proven, total = (
        sum(row.proven for row in claims.values()),
        sum(row.proven + row.not_covered + row.false for row in claims.values()),
    )
    typer.echo(f"{proven:,} of {total:,} claims are proven, {len(false):,} are false.")
