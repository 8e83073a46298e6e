"""`wulff limits`: what no smoothing can certify, next to what each noise attains."""

import json
import math
from typing import Annotated

import typer

from wulff import geometry
from wulff._numerics.rounding import figures_down, figures_up
from wulff.cli.options import DimensionOption, JsonOption, NormOption
from wulff.errors import InputError
from wulff.noises import parse
from wulff.norms import Box, parse_threat


def limits(
    dim: DimensionOption,
    norm: NormOption = "linf",
    s: Annotated[
        float, typer.Option(help="How far the label's probability lies above one half, e.g. 0.25 for 0.75.")
    ] = 0.25,
    l: Annotated[  # noqa: E741
        float,
        typer.Option(
            help="The total variation between the noise around inputs that differ by 1 in one coordinate."
        ),
    ] = 0.9,
    noise: Annotated[list[str] | None, typer.Option(help="A noise to compare; may be repeated.")] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(help="Instead, print which s and l each --noise has at this radius, in its own size."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the best radius any smoothing can certify as the dimension grows, and what noises attain."""
    if epsilon is not None:
        _print_usefulness(noise, epsilon, norm, dim, as_json)
        return
    rows = geometry.limits_table(
        norm, geometry.growing_dimensions(dim), s, l, tuple(noise) if noise else geometry.REPRESENTATIVES
    )
    if as_json:
        for row in rows:
            attained = {name: None if math.isnan(r) else r for name, r in row.attained.items()}
            bound = row.bound if math.isfinite(row.bound) else None
            order = row.order if math.isfinite(row.order) else None
            fields = {"norm": norm, "dim": row.dim, "s": s, "l": l, "order": order, "bound": bound}
            typer.echo(json.dumps({**fields, "attained": attained}))
        return
    typer.echo(f"Radii against {norm} of labels with probability {0.5 + s:g}, by smoothing that tells inputs")
    typer.echo(f"1 apart in one coordinate with a total variation of {l:g}.\n")
    lines = [
        ("d", [f"{row.dim:,}" for row in rows]),
        ("published order", ["-" if math.isinf(row.order) else f"{row.order:.4g}" for row in rows]),
        ("none can exceed", [_up(row.bound) for row in rows]),
        *(
            (geometry.shape_of(parse(spec)), [_down(row.attained[spec]) for row in rows])
            for spec in rows[0].attained
        ),
    ]
    first = max(len(name) for name, _ in lines)
    for name, cells in lines:
        typer.echo("  ".join([name.ljust(first), *(cell.rjust(9) for cell in cells)]))
    if isinstance(parse_threat(norm), Box):
        typer.echo("\nIn the box no limit is known: a dash stands for it. Radii are those for every input.")
    else:
        _print_published(norm, dim)
    typer.echo(
        "noises: certified radii, each as large as l allows; a dash where there is no certificate or noise."
    )


def _print_published(norm: str, dim: int) -> None:
    general, power = geometry.published_limits(norm, dim)
    cotype = geometry.cotype_constant(norm, dim)
    known = f"{cotype.low:.4g}" if cotype.exact else f"between {cotype.low:.4g} and {cotype.high:.4g}"
    typer.echo(f"\npublished order: {general.source}, {general.statement}, here {known};")
    typer.echo(f"  {power.source}, {power.statement}.")
    typer.echo(f"  The factor in front, c(s, l), is {general.constant}.")
    typer.echo("none can exceed: a bound for every smoothing; see wulff.geometry.explicit_bound.")


def _print_usefulness(noises: list[str] | None, epsilon: float, norm: str, dim: int, as_json: bool) -> None:
    if not noises:
        raise InputError("--epsilon needs at least one --noise with a size, e.g. 'gaussian(sigma=0.5)'.")
    for spec in noises:
        found = geometry.usefulness(spec, epsilon, norm, dim)
        if as_json:
            fields = {"noise": spec, "norm": norm, "dim": dim, "epsilon": epsilon, "s": found.s, "l": found.l}
            typer.echo(json.dumps(fields))
        else:
            certified = f"s = {_up(found.s)}" if found.s < 0.5 else "no s is enough"
            typer.echo(f"{spec}: at epsilon = {epsilon:g}, {certified}; l = {_down(found.l)}")


def _up(value: float) -> str:
    return "-" if math.isinf(value) else figures_up(value, 4)


def _down(value: float) -> str:
    return "-" if math.isnan(value) else figures_down(value, 4)
