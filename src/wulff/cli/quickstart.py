"""`wulff quickstart`: train, certify and report on bundled real images."""

from pathlib import Path
from typing import Annotated

import typer

from wulff import reports, runs, training
from wulff._progress import progress_bar
from wulff.cli.console import say
from wulff.errors import InputError
from wulff.models.weights import FILE_NAME
from wulff.noises import parse
from wulff.runs.progress import run_progress
from wulff.stats import Anytime

SIGMA = 0.5
NOISES = ("uniform", "laplace", "gaussian")
NORMS = ("l1", "l2")
MOST = 1_000_000
"""More copies or epochs than this are no quick start."""
RADII = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)


def quickstart(
    store: Annotated[str, typer.Option(help="The folder for models, runs and report.")] = "quickstart",
    images: Annotated[int, typer.Option(min=1, max=450, help="Held-out images to certify.")] = 100,
    n: Annotated[int, typer.Option(min=1, max=MOST, help="Most noisy copies for each image.")] = 10_000,
    epochs: Annotated[int, typer.Option(min=1, max=MOST, help="Passes over the training images.")] = 10,
) -> None:
    """Train, certify and report on handwritten digits with three noises of equal sigma."""
    folder = Path(store)
    done = [_train_and_certify(folder, name, images, n, epochs) for name in NOISES]
    page = reports.write_report(done, folder / "report", RADII)
    for norm in NORMS:
        table = reports.certified_accuracy(done, RADII, norm)
        say(f"\nCertified accuracy, {len(done[0].records)} digits, sigma = {SIGMA}\n{table.render()}")
    say(_headline(reports.certified_accuracy(done, RADII, "l1")))
    say(f"\nfigure: {page.with_name('certified_accuracy.png')}\nreport: {page}")


def _train_and_certify(folder: Path, name: str, images: int, n: int, epochs: int) -> runs.Run:
    noise = str(parse(f"{name}(sigma={SIGMA})"))
    model = folder / "models" / name
    with progress_bar() as progress:
        if (model / FILE_NAME).exists():
            trained = runs.read_training(model).spec.schedule.epochs
            if trained != epochs:
                raise InputError(
                    f"{model} was trained for {trained} epochs, not {epochs}; give another --store."
                )
        else:
            task = progress.add_task(f"training   {name:8}", total=epochs, words="")
            runs.train(
                runs.TrainingSpec(noise=noise, schedule=training.Schedule(epochs=epochs)),
                model,
                lambda epoch: progress.update(
                    task, completed=epoch.number, words=f"noisy accuracy {epoch.noisy_accuracy:.3f}"
                ),
            )
        stop = Anytime(radii=RADII[1:])  # an image is done when its place in the table is known
        spec = runs.Spec(
            model=str(model), slice=f":{images}", norms=NORMS, n0=100, n=n, alpha=1e-3, stop=stop
        )
        return runs.certify(
            spec, folder / "runs" / name, progress=run_progress(progress, f"certifying {name:8}")
        )


def _headline(table: reports.Table) -> str:
    """Whether uniform noise beats Laplace noise at l1, as the numbers say."""
    uniform, laplace = table.cells[table.names.index("uniform")], table.cells[table.names.index("laplace")]
    larger = [r for r, u, v in zip(table.radii, uniform, laplace, strict=True) if r > 0 and u > v]
    smaller = [r for r, u, v in zip(table.radii, uniform, laplace, strict=True) if r > 0 and u < v]
    text = "Against l1 at equal sigma, uniform noise certifies more images than Laplace noise at radii "
    text += ", ".join(f"{r:g}" for r in larger) or "(none)"
    text += f"; fewer at {', '.join(f'{r:g}' for r in smaller)}." if smaller else ", and fewer at none."
    return text
