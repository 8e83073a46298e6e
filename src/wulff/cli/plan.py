"""`wulff plan`: which n is needed, and what n can reach."""

from typing import Annotated

import typer

from wulff import certificates
from wulff._numerics.rounding import decimal_down, exactly, figures_down
from wulff.cli.console import decimal
from wulff.cli.options import AlphaOption, DimOption, NoiseOption, NormOption
from wulff.errors import InputError


def plan(
    radius: Annotated[float, typer.Option(help="The radius to be certified.")],
    noise: NoiseOption,
    norm: NormOption = "l2",
    alpha: AlphaOption = 1e-3,
    dim: DimOption = None,
    rho: Annotated[str | None, typer.Option(help="The label's true probability, if it is known.")] = None,
) -> None:
    """Print which n is needed for a radius, and which radius n samples can reach at most."""
    plan = certificates.plan(noise, radius, norm, dim, alpha)
    miss = None if rho is None else 1 - decimal("--rho", rho)
    if miss is not None and not 0 <= miss < 0.5:
        raise InputError(f"--rho must lie in (0.5, 1], got {rho}; below it no n certifies anything.")
    asked = f"{plan.norm} radius {exactly(radius)}"
    if plan.error is None:
        typer.echo(f"No n certifies the {asked} with {noise}: no error bound reaches it.")
    else:
        typer.echo(f"The {asked} needs an error of at most {figures_down(plan.error, 6)}.")
        if plan.n is None:
            typer.echo("No practical n can show that.")
        else:
            typer.echo(f"It needs n = {plan.n:,} samples at least: all of them must agree.")
        if miss is not None:
            n = plan.samples(float(miss))
            answer = f"n = {n:,} samples certify it in 9 of 10 attempts" if n else "no n certifies it"
            typer.echo(f"At a true probability of {rho}, {answer}.")
    typer.echo("\n         n  largest radius (all votes agree)")
    for n, reach in plan.reach.items():
        typer.echo(f"{n:>10,}  {decimal_down(reach, 6)}")
