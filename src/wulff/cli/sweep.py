"""`wulff sweep`: many trainings and certifications from one file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from wulff import reports, runs, training
from wulff._progress import progress_bar
from wulff._quoting import plain
from wulff.cli.console import say
from wulff.cli.run_options import PlaceOption
from wulff.errors import RunError
from wulff.runs.progress import run_progress


def sweep(
    file: Annotated[str, typer.Argument(help="A TOML file with [train], [certify] and [report].")],
    store: Annotated[str | None, typer.Option(help="The folder, instead of the one in the file.")] = None,
    jobs: Annotated[int, typer.Option(help="How many processes; each works on one model at a time.")] = 1,
    engine: PlaceOption = "local",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be made.")] = False,
) -> None:
    """Train and certify every combination that a file lists; finished ones are skipped; then one report."""
    asked = runs.read_sweep(file, store)
    if dry_run:
        for folder in (folder for task in asked.tasks for folder in task.parameters):
            say(f"{asked.store / folder}  {'finished' if runs.is_finished(asked, folder) else 'to do'}")
        return
    failures = _serially(asked) if jobs == 1 and engine == "local" else _collect(asked, jobs, engine=engine)
    if done := runs.sweep_runs(asked):
        say(f"report: {reports.write_report(done, asked.store / 'report', asked.radii)}")
    if failures:
        name, reason = next(iter(failures.items()))
        raise RunError(
            f"{len(failures)} of {len(asked.tasks)} failed, first {name}: {reason.rstrip('.')}. The same "
            "command tries them again."
        )


def _serially(asked: runs.Sweep) -> dict[str, str]:
    with progress_bar() as progress:
        bars = {}

        def watch(name: str, state: training.Epoch | runs.Run) -> None:
            if isinstance(state, runs.Run):
                if name not in bars:
                    bars[name] = run_progress(progress, name)
                bars[name](state)
                return
            if name not in bars:
                bars[name] = progress.add_task(plain(name), total=epochs[Path(name).name], words="")
            progress.update(
                bars[name], completed=state.number, words=f"noisy accuracy {state.noisy_accuracy:.3f}"
            )

        epochs = {task.name: task.training.schedule.epochs for task in asked.tasks if task.training}
        return _collect(asked, 1, watch)


def _collect(
    asked: runs.Sweep,
    jobs: int,
    watch: runs.Watch | None = None,
    engine: Literal["local", "ray"] = "local",
) -> dict[str, str]:
    """The failures by name; every model is reported as it ends."""
    failures: dict[str, str] = {}
    outcomes = runs.run_sweep(asked, jobs=jobs, watch=watch, engine=engine)
    for number, (name, reason) in enumerate(outcomes, start=1):
        say(f"{number} of {len(asked.tasks)}: {name} {'failed' if reason else 'is finished'}")
        if reason:
            failures[name] = reason
    return failures
