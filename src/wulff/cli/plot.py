"""`wulff plot`: figures of certificates, crystals, noises and runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from wulff import datasets, geometry, reports, runs
from wulff._numerics.rounding import float_at_least
from wulff.cli.console import decimal, radii_from, say, warn
from wulff.cli.figures import with_paper_options
from wulff.cli.options import (
    DimensionOption,
    FigureOption,
    FirstNormOption,
    NoiseArgument,
    NormOption,
    RunArgument,
    RunsArgument,
)
from wulff.cli.verb import Group, Verb
from wulff.errors import InputError

app = typer.Typer(
    cls=Group,
    help="Draw figures of certificates, crystals, noises and runs.",
    no_args_is_help=False,
    rich_markup_mode=None,
)


@app.command("radii", cls=Verb)
@with_paper_options
def radii(
    noise: Annotated[list[str], typer.Argument(help="Noises, e.g. 'uniform(sigma=1)'.")],
    norm: NormOption = "l1",
    dim: DimensionOption = 3072,
    output: FigureOption = "radii.png",
) -> None:
    """Draw the radius over the probability of the label, for several noises at equal sigma."""
    say(reports.plot_radii(noise, output, norm, dim))


@app.command("methods", cls=Verb)
@with_paper_options
def methods(
    noise: Annotated[str, typer.Argument(help="A noise, e.g. 'exp-l2(scale=1,j=0,k=1)'.")],
    norm: NormOption = "l2",
    rho: Annotated[str, typer.Option(help="A lower bound on the label's probability.")] = "0.99",
    output: FigureOption = "methods.png",
) -> None:
    """Draw the radius by each method over the dimension."""
    probability = decimal("--rho", rho)
    if not 0.5 < probability < 1:
        raise InputError(f"--rho must lie in (0.5, 1), got {rho}.")
    say(reports.plot_methods(noise, output, norm, float_at_least(1 - probability)))


@app.command("crystal", cls=Verb)
def crystal(
    norm: NormOption = "linf",
    dim: Annotated[Literal[2, 3], typer.Option(help="2 or 3.")] = 3,
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .png, .pdf or .svg file, or .html to turn it.")
    ] = "crystal.png",
) -> None:
    """Draw the unit ball of a norm and its Wulff crystal."""
    say(reports.plot_crystal(norm, output, dim))


@app.command("levels", cls=Verb)
def levels(
    noise: NoiseArgument,
    shift: Annotated[str, typer.Option(help="The second copy's position, e.g. 0.8,0.")] = "0.8,0",
    p: Annotated[float, typer.Option(help="The probability of the set.")] = 0.2,
    output: FigureOption = "levels.png",
) -> None:
    """Draw a noise in the plane, its shifted copy, and the set of probability p that gains the most."""
    say(reports.plot_levels(noise, output, radii_from("--shift", shift) or [], p))


@app.command("gallery", cls=Verb)
def gallery(
    output: Annotated[str, typer.Option("--output", "-o", help="A folder that exists.")],
    rotatable: Annotated[bool, typer.Option(help="Also a page with a crystal to turn.")] = False,
) -> None:
    """Draw all pictures of the page on the shapes of noise."""
    for path in reports.write_gallery(output, rotatable):
        say(path)


@app.command("accuracy", cls=Verb)
@with_paper_options
def accuracy(
    run: RunsArgument,
    norm: FirstNormOption = None,
    envelope: Annotated[bool, typer.Option("--envelope", help="Add the best run at each radius.")] = False,
    output: FigureOption = "accuracy.png",
) -> None:
    """Draw the certified accuracy of runs over the radius."""
    norms = None if norm is None else [norm]
    say(reports.plot_certified_accuracy(_load(run), output, norms, with_envelope=envelope))


@app.command("confidence", cls=Verb)
@with_paper_options
def confidence(
    run: RunsArgument,
    norm: FirstNormOption = None,
    confidence: Annotated[float, typer.Option(help="The probability with which the bound is true.")] = 0.999,
    output: FigureOption = "confidence.png",
) -> None:
    """Draw the share of certificates and the accuracy that is true with a stated probability."""
    say(reports.plot_confidence(_load(run), output, norm, confidence))


@app.command("training", cls=Verb)
@with_paper_options
def training(
    run: RunsArgument,
    radii: Annotated[str, typer.Option(help="Radii with a panel each, e.g. 0,0.5.")] = "0",
    norm: FirstNormOption = None,
    output: FigureOption = "training.png",
) -> None:
    """Draw the certified accuracy over the accuracy in training."""
    at = radii_from("--radii", radii) or []
    say(reports.plot_training_accuracy(_load(run), output, at, norm))


@app.command("mismatch", cls=Verb)
@with_paper_options
def mismatch(run: RunsArgument, norm: FirstNormOption = None, output: FigureOption = "mismatch.png") -> None:
    """Draw the certified accuracy of models smoothed with another noise than they were trained with."""
    say(reports.plot_mismatch(_load(run), output, norm))


@app.command("samples", cls=Verb)
@with_paper_options
def samples(
    run: RunArgument,
    n: Annotated[list[int] | None, typer.Option(help="A sample size; may be repeated.")] = None,
    norm: FirstNormOption = None,
    output: FigureOption = "samples.png",
) -> None:
    """Draw the effect of n, from the stored votes."""
    say(reports.plot_samples(runs.load(run), output, n, norm))


@app.command("alphas", cls=Verb)
@with_paper_options
def alphas(
    run: RunArgument,
    alpha: Annotated[list[float] | None, typer.Option(help="An alpha; may be repeated.")] = None,
    norm: FirstNormOption = None,
    output: FigureOption = "alphas.png",
) -> None:
    """Draw the effect of alpha, from the stored votes."""
    say(reports.plot_alphas(runs.load(run), output, alpha or reports.ALPHAS, norm))


@app.command("bounds", cls=Verb)
@with_paper_options
def bounds(run: RunArgument, output: FigureOption = "bounds.png") -> None:
    """Draw the certified accuracy by the tight Gaussian radius and by the bounds before it."""
    say(reports.plot_bounds(runs.load(run), output))


@app.command("images", cls=Verb)
def images(
    noise: Annotated[
        list[str],
        typer.Argument(help="Noises without a size, e.g. laplace 'exp-l2(j=0, k=1)', or run folders."),
    ],
    dataset: Annotated[
        str | None, typer.Option(help="The data set; by default the first run's, or else digits.")
    ] = None,
    sigma: Annotated[
        str | None,
        typer.Option(help="The sigmas, one column each; by default the runs', or else 0,0.25,0.5,1."),
    ] = None,
    input: Annotated[
        list[int] | None, typer.Option(help="Position in the data set; may be repeated.")
    ] = None,
    output: FigureOption = "images.png",
) -> None:
    """Draw inputs under noise, by kind and size; of a run, its own inputs under its own noise."""
    shapes, sizes = list(noise), [0.0, 0.25, 0.5, 1.0]
    done = [runs.load(name) for name in noise if Path(name).is_dir()]
    for run in done:
        if run.views is not None:
            raise InputError(
                f"{run.folder} has views, not noise; its page shows them: `wulff report -o page.html`."
            )
    if done:
        of_run = [made for run in done if (made := run.noise) is not None]
        shapes = [name for name in noise if not Path(name).is_dir()]
        shapes += dict.fromkeys(map(geometry.shape_of, of_run))
        sizes = sorted({0.0, *(made.sigma for made in of_run)})
    data = runs.inputs(done[0]) if done and dataset is None else datasets.load(dataset or "digits")
    say(reports.plot_images(data, output, shapes, radii_from("--sigma", sigma) or sizes, input or [0]))


@app.command("all", cls=Verb)
def all_figures(
    run: RunsArgument,
    norm: FirstNormOption = None,
    suffix: Annotated[
        Literal[".png", ".pdf", ".svg"], typer.Option(help="The format of the figures.")
    ] = ".png",
    output: Annotated[str, typer.Option("--output", "-o", help="A folder.")] = "figures",
) -> None:
    """Draw every figure that the runs allow into one folder, with captions."""
    done, missing = reports.write_figures(_load(run), output, norm, suffix)
    for path in done:
        say(path)
    for reason in missing:
        warn(reason)


def _load(folders: list[str]) -> list[runs.Run]:
    return [runs.load(folder) for folder in folders]
