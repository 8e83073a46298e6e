"""Keep trained networks in `weights`, small enough to be shipped: bfloat16, each with a card.

    python examples/cifar10/keep.py OUT METHOD...

OUT is the folder that `reproduce.sh` filled, a METHOD such as uniform_0.5 one of its networks. Parameters and
statistics of batch normalisation are rounded to bfloat16, as `--dtype bf16` does it in a certification; the
normalisation of the inputs stays as it is.
"""

import argparse
import json
from pathlib import Path

import torch

from wulff import models, runs
from wulff.models.normalize import normalisations

FOLDER = Path(__file__).parent


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("methods", nargs="+", metavar="METHOD")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where weights and summaries are")
    given = parser.parse_args(arguments)
    for method in given.methods:
        source = given.out / "models" / method
        if not (source / models.weights.FILE_NAME).is_file():
            parser.error(f"{source} has no weights; examples/cifar10/reproduce.sh makes them.")
        keep(source, given.folder / "weights" / method, given.folder / "summaries" / f"{method}.json")


def keep(source: Path, target: Path, summary: Path) -> None:
    """Write the weights of a training in bfloat16, and the card."""
    loaded = models.load(source)
    inputs = set(normalisations(loaded.module))
    for name, module in loaded.module.named_modules():
        if name not in inputs:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(torch.bfloat16)
            for key, buffer in module.named_buffers(recurse=False):
                if buffer.is_floating_point():
                    module.register_buffer(key, buffer.to(torch.bfloat16))
    target.mkdir(parents=True, exist_ok=True)
    models.weights.save(target / models.weights.FILE_NAME, loaded.module, loaded.description)
    (target / "README.md").write_text(card(source, target.name, loaded.sha256, summary))


def card(source: Path, name: str, sha256: str, summary: Path) -> str:
    """What the network is, how it was made, and how well it does."""
    spec = runs.read_training(source).spec
    schedule = spec.schedule
    return f"""\
# {name}: a network for smoothing with {spec.noise}

{spec.model} for {spec.dataset.partition(":")[0]}, to be smoothed with `{spec.noise}`; of little use without.
Its weights are rounded to bfloat16 from those with the SHA-256 {sha256[:16]}….

    wulff certify --model examples/cifar10/weights/{name} --dataset cifar10 --slice ::100 --store runs/{name}

Trained by {spec.objective} for {schedule.epochs} epochs of {schedule.batch} inputs per step, {schedule.decay}
learning rate {schedule.learning_rate:g}, weight decay {schedule.weight_decay:g}, {schedule.augmentation},
{schedule.precision}, seed {schedule.seed}, on the training images alone: `examples/cifar10/reproduce.sh`.

{_results(summary)}
"""


def _results(summary: Path) -> str:
    if not summary.is_file():
        return "It has not been certified yet."
    found = json.loads(summary.read_text())
    shares = 100 * found["facts"]["noisy_accuracy"], 100 * sum(found["correct"]) / len(found["correct"])
    means = ", ".join(
        f"{sum(radii) / len(radii):.4f} against {norm}" for norm, radii in found["radii"].items()
    )
    return (
        f"On {len(found['index'])} test images: {shares[0]:.1f} % of noisy copies are classified correctly, "
        f"{shares[1]:.1f} % of the images are when it is smoothed, and the mean radius is {means}."
    )


if __name__ == "__main__":
    main()
