"""`wulff advise`: which noise gives the largest radius at which probability, and why."""

import json
from typing import Annotated

import typer

from wulff import geometry
from wulff._numerics.rounding import figures_down
from wulff.cli.console import error_from_rho
from wulff.cli.options import DimensionOption, JsonOption, NormOption

PROBABILITIES = "0.55,0.6,0.7,0.8,0.9,0.95,0.99,0.999,0.9999,0.999999"


def advise(
    dim: DimensionOption,
    norm: NormOption = "l2",
    sigma: Annotated[
        float, typer.Option(help="The size of all noises: their root mean square per coordinate.")
    ] = 0.5,
    rho: Annotated[
        str, typer.Option(help="Lower bounds on the label's probability, comma-separated.")
    ] = PROBABILITIES,
    noise: Annotated[list[str] | None, typer.Option(help="A noise to consider; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print which noise certifies the most, at equal sigma, with the reason; radii are rounded down."""
    errors = [error_from_rho(part.strip()) for part in rho.split(",")]
    advice = geometry.advise(norm, dim, sigma, errors, noise or geometry.REPRESENTATIVES)
    if as_json:
        for choice in advice.choices:
            fields = {
                "norm": str(advice.norm),
                "dim": dim,
                "sigma": sigma,
                "error": choice.error,
                "noise": str(choice.best.noise),
                "radius": choice.radius,
                "method": choice.method,
                "second": choice.second,
                "reason": choice.reason,
            }
            typer.echo(json.dumps(fields))
        return
    typer.echo(f"Against {advice.norm} at d = {dim:,}, sigma = {sigma:g}. The crystal is {advice.crystal}.\n")
    rows = [("probability", "best noise", "radius", "next")]
    for text, choice in zip(rho.split(","), advice.choices, strict=True):
        radius, second = figures_down(choice.radius, 5), figures_down(choice.second, 5)
        rows.append((text.strip(), geometry.shape_of(choice.best.noise), radius, second))
    _print(rows)
    typer.echo("\nWhy:")
    last = ""
    for text, choice in zip(rho.split(","), advice.choices, strict=True):
        why = f"{geometry.shape_of(choice.best.noise)}, by {choice.reason} ({choice.method})"
        if why != last:
            typer.echo(f"  at {text.strip()}: {why}")
        last = why
    typer.echo("\nRadius per probability near ½ (shape), and at error 1e-300 (tail):")
    table = [("noise", "level sets", "near ½", "limit")]
    for candidate in advice.candidates:
        mark = " = crystal" if candidate.is_crystal else ""
        slope, limit = figures_down(candidate.slope, 4), figures_down(candidate.limit, 4)
        table.append((geometry.shape_of(candidate.noise), candidate.level_sets + mark, slope, limit))
    _print(table)
    for name, reason in advice.left_out.items():
        typer.echo(f"{name} is left out: {reason}")


def _print(rows: list[tuple[str, str, str, str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        left = [row[i].ljust(widths[i]) for i in range(2)]
        typer.echo("  ".join(["", *left, *(row[i].rjust(widths[i]) for i in (2, 3))]))
