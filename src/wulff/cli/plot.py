"""`wulff plot`: figures of certificates, crystals and noises."""

from typing import Annotated

import typer

from wulff import reports
from wulff._numerics.rounding import float_at_least
from wulff.cli.console import NormOption, decimal, radii_from
from wulff.errors import InputError

app = typer.Typer(help="Draw figures of certificates, crystals and noises.", no_args_is_help=False)
OutputOption = Annotated[str, typer.Option("--output", "-o", help="A .png, .pdf or .svg file.")]


@app.command("radii")
def radii(
    noise: Annotated[list[str], typer.Argument(help="Noises, e.g. 'uniform(sigma=1)'.")],
    norm: NormOption = "l1",
    dim: Annotated[int, typer.Option(help="The number of input coordinates.")] = 3072,
    output: OutputOption = "radii.png",
) -> None:
    """Draw the radius over the probability of the label, for several noises at equal sigma."""
    typer.echo(reports.plot_radii(noise, output, norm, dim))


@app.command("methods")
def methods(
    noise: Annotated[str, typer.Argument(help="A noise, e.g. 'exp-l2(scale=1,j=0,k=1)'.")],
    norm: NormOption = "l2",
    rho: Annotated[str, typer.Option(help="A lower bound on the label's probability.")] = "0.99",
    output: OutputOption = "methods.png",
) -> None:
    """Draw the radius by each method over the dimension."""
    probability = decimal("--rho", rho)
    if not 0.5 < probability < 1:
        raise InputError(f"--rho must lie in (0.5, 1), got {rho}.")
    typer.echo(reports.plot_methods(noise, output, norm, float_at_least(1 - probability)))


@app.command("crystal")
def crystal(
    norm: NormOption = "linf",
    dim: Annotated[int, typer.Option(help="2 or 3.")] = 3,
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .png, .pdf or .svg file, or .html to turn it.")
    ] = "crystal.png",
) -> None:
    """Draw the unit ball of a norm and its Wulff crystal."""
    typer.echo(reports.plot_crystal(norm, output, dim))


@app.command("levels")
def levels(
    noise: Annotated[str, typer.Argument(help="A noise, e.g. 'laplace(sigma=0.5)'.")],
    shift: Annotated[str, typer.Option(help="Two numbers, e.g. 0.8,0.")] = "0.8,0",
    p: Annotated[float, typer.Option(help="The probability of the set.")] = 0.2,
    output: OutputOption = "levels.png",
) -> None:
    """Draw a noise in the plane, its shifted copy, and the set of probability p that gains the most."""
    typer.echo(reports.plot_levels(noise, output, radii_from("--shift", shift) or [], p))


@app.command("gallery")
def gallery(
    output: Annotated[str, typer.Option("--output", "-o", help="A folder that exists.")],
    rotatable: Annotated[bool, typer.Option(help="Also a page with a crystal to turn.")] = False,
) -> None:
    """Draw all pictures of the page on the shapes of noise."""
    for path in reports.write_gallery(output, rotatable):
        typer.echo(path)
