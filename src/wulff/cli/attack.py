"""`wulff attack`: try to break the certificates of a run."""

import dataclasses
import json
from typing import Annotated

import typer

from wulff import runs
from wulff._progress import progress_bar
from wulff.attacks import EOTPGD, FeatureSearch, ViewAscent
from wulff.cli.options import AlphaOption, FirstNormOption, JsonOption, RunArgument
from wulff.cli.run_options import ArchitectureOption, PlaceOption
from wulff.cli.run_verbs import refuse_terms
from wulff.errors import InputError
from wulff.runs.attacking_features import is_of_features

_OF_SAMPLES = ("n", "alpha", "batch")
"""Options that a run of views has no use for."""


def attack(
    context: typer.Context,
    run: RunArgument,
    inside: Annotated[bool, typer.Option("--inside", help="Attack within the certified radii.")] = False,
    factors: Annotated[
        list[float] | None,
        typer.Option("--outside", help="Attack within this multiple of the radii; may be repeated."),
    ] = None,
    norm: FirstNormOption = None,
    steps: Annotated[int, typer.Option(help="Steps of gradient ascent, or moves of numbers.")] = 20,
    copies: Annotated[int, typer.Option(help="Noisy copies of each input in a step.")] = 32,
    restarts: Annotated[
        int, typer.Option(help="Attempts for each input, all but one from random points.")
    ] = 2,
    n: Annotated[int, typer.Option(help="Fresh copies that judge a perturbed input.")] = 1_000,
    alpha: AlphaOption = 1e-3,
    seed: Annotated[
        int, typer.Option(help="The seed of attack and judgement; another one than the run's.")
    ] = 1,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="How many of the run's inputs to attack, the first ones; by default all."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Noisy copies at once; by default as the run had it.")
    ] = None,
    architecture: ArchitectureOption = None,
    engine: PlaceOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Attack every certified input; the exit status is 1 if more certificates broke than alpha allows."""
    radii = [1.0] * inside + (factors or [])
    if not radii:
        raise InputError("give --inside, --outside 1.5, or both.")
    loaded = runs.load(run)
    method = EOTPGD(steps, copies, restarts)
    if loaded.noise is not None and is_of_features(loaded.noise):
        method = FeatureSearch(steps, copies, restarts)
    if isinstance(loaded.spec, runs.ViewSpec):
        method = ViewAscent(steps, copies, restarts)
        refuse_terms(context, loaded.spec.views, _OF_SAMPLES)
    with progress_bar() as progress:
        task = progress.add_task(f"attacking {run}", total=None, words="")
        outcomes = runs.attack(
            loaded,
            radii,
            norm=norm,
            method=method,
            judge=runs.Judge(n=n, alpha=alpha, seed=seed),
            limit=limit,
            batch=batch,
            architecture=architecture,
            engine=engine,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    for outcome in outcomes:
        typer.echo(json.dumps(dataclasses.asdict(outcome)) if as_json else _sentence(outcome))
    if any(outcome.contradicts for outcome in outcomes):
        raise typer.Exit(1)


def _sentence(outcome: runs.Outcome) -> str:
    where = "inside" if outcome.factor == 1 else f"at {outcome.factor:g} times"
    share = f" ({100 * outcome.broken / outcome.attacked:.1f} %)" if outcome.attacked else ""
    text = (
        f"{where} the {outcome.norm} radius: {outcome.broken} of {outcome.attacked} broken{share}, "
        f"{outcome.abstained} abstained"
    )
    if outcome.allowed is None:
        return text
    verdict = "CONTRADICTED: alpha allows" if outcome.contradicts else "as promised: alpha allows up to"
    return f"{text}; {verdict} {outcome.allowed}"
