"""`wulff certify`: certified labels and radii over a data set."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import radii_from, say, warn_of_not_a_number
from wulff.cli.options import NormsOption
from wulff.cli.run_options import BoundOption, EstimatorOption
from wulff.cli.run_verbs import Asked, asks, is_given
from wulff.errors import InputError
from wulff.stats import Anytime


@asks
def certify(
    asked: Asked,
    norm: NormsOption = ["l2"],  # noqa: B006 (never changed)
    n0: Annotated[int, typer.Option(help="Noisy copies that choose the label.")] = 100,
    n: Annotated[int, typer.Option(help="Noisy copies that bound the label's error.")] = 100_000,
    bound: BoundOption = "one-sided",
    estimator: EstimatorOption = "clopper-pearson",
    top: Annotated[
        int, typer.Option(help="Among how many of the most likely classes the label has to stay.")
    ] = 1,
    stop_radii: Annotated[
        str | None, typer.Option(help="Stop when each of these radii is decided, e.g. 0.25,0.5.")
    ] = None,
    stop_relative: Annotated[
        float | None, typer.Option(help="Stop when the radius is known to this precision, e.g. 0.02.")
    ] = None,
    all_inputs: Annotated[
        bool | None,
        typer.Option(
            "--all-inputs/--skip-incorrect",
            help="With a stop: whether to go on where the selected label is wrong; by default not with "
            "--stop-radii, since only correct ones can count.",
        ),
    ] = None,
) -> None:
    """Certify every input; killed at any moment, the same command goes on where it stopped."""
    stop = None
    if stop_radii is not None or stop_relative is not None:
        radii = tuple(radii_from("--stop-radii", stop_radii) or ())
        skip = None if all_inputs is None else not all_inputs
        stop = Anytime(radii=radii, relative=stop_relative, skip_incorrect=skip)
    elif all_inputs is not None:
        option = "--all-inputs" if all_inputs else "--skip-incorrect"
        raise InputError(f"{option} needs --stop-radii or --stop-relative.")
    if asked.table is not None and not is_given(asked.context, "norm"):
        noise = asked.named_noise
        norm = [runs.usual_norm(noise and runs.of_table(noise, asked.table))]
    terms = {"n0": n0, "n": n, "bound": bound, "estimator": estimator, "top": top, "stop": stop}
    run = asked.run("certifying", runs.Spec, norms=tuple(norm), **terms)
    for name in run.norms:
        say(reports.certified_accuracy([run], norm=name).render())
    if (agreement := run.facts.agreement) is not None:
        say(f"The network in int8 is certified; its label is float32's on {agreement:.1%} of noisy copies.")
    warn_of_not_a_number(run)
    say(run.folder)
