"""Options and arguments that verbs share, each written once; those of running a model are in run_options."""

from typing import Annotated, Literal

import typer

NormOption = Annotated[
    str, typer.Option(help="The adversary's norm: l1, l2, linf, lp(1.5); in the box l1-box, l0-box.")
]
NormsOption = Annotated[list[str], typer.Option("--norm", help="A norm to certify against; may be repeated.")]
FirstNormOption = Annotated[
    str | None, typer.Option(help="The norm of the radii; by default the first that the runs have.")
]
NoiseOption = Annotated[str, typer.Option(help="A noise, e.g. 'uniform(sigma=0.5)'; see `wulff noises`.")]
NoiseArgument = Annotated[str, typer.Argument(help="A noise, e.g. 'laplace(sigma=0.5)'; see `wulff noises`.")]
AlphaOption = Annotated[float, typer.Option(help="Probability with which an answer may be wrong.")]
DimOption = Annotated[
    int | None,
    typer.Option(
        help="The number of input coordinates, e.g. 3072 for CIFAR-10, where it makes a difference."
    ),
]
DimensionOption = Annotated[int, typer.Option("--dim", help="The number of input coordinates.")]
DatasetOption = Annotated[
    str,
    typer.Option(
        help="digits, mnist, ... or NAME:PATH for where it is, e.g. folder:PATH; table:FILE.csv; the path of "
        "an .npz file, or IMAGES.npy,LABELS.npy."
    ),
]
SliceOption = Annotated[str, typer.Option(help="Which inputs, as a Python slice such as ::20 or :200.")]
StoreOption = Annotated[str, typer.Option(help="The folder to write to; an unfinished run goes on.")]
RunArgument = Annotated[str, typer.Argument(help="A run folder, as `wulff certify` makes it.")]
RunsArgument = Annotated[list[str], typer.Argument(help="Run folders.")]
RadiiOption = Annotated[str | None, typer.Option(help="At which radii, e.g. 0.25,0.5,1.")]
CommonOption = Annotated[
    bool, typer.Option("--common", help="Take only the inputs that all of the runs have.")
]
FormatOption = Annotated[Literal["text", "md", "latex", "csv"], typer.Option(help="How tables are written.")]
FigureOption = Annotated[str, typer.Option("--output", "-o", help="A .png, .pdf or .svg file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
