"""Run the library on the pretend GPU; prints one JSON object: by check, its error or what it found."""

import contextlib
import io
import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tests.devices import pretend

pretend.install()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import wulff  # noqa: E402
from tests.cases import NOISES, SPECS_IN_DIM  # noqa: E402
from wulff import attacks, models, noises, smoothing, stats, training  # noqa: E402
from wulff.norms import Norm  # noqa: E402
from wulff.smoothing import voting  # noqa: E402
from wulff.smoothing.philox import Philox  # noqa: E402
from wulff.smoothing.streams import BLOCK  # noqa: E402
from wulff.training.augmentation import augment  # noqa: E402
from wulff.training.loop import noisy_accuracy  # noqa: E402

GPU = torch.device(pretend.NAME, 0)
POLICY = smoothing.DevicePolicy(device=pretend.NAME)
NOISE = noises.parse("gaussian(sigma=0.25)")
SEEDED = torch.Generator().manual_seed(0)
X = (torch.rand(4, 1, 16, 16, generator=SEEDED) * 255).round() / 255
Y = torch.arange(4)


def sampling() -> list[str]:
    """The noises whose draws differ from those of the same random numbers on a CPU."""
    specs = [next(spec for spec in specs if (spec, 3) in SPECS_IN_DIM) for specs in NOISES.values()]
    chosen = [
        *map(noises.parse, specs),
        noises.CustomIID(scale=1, log_density=lambda z: -z),
        noises.CustomRadial(scale=1, norm="l2", log_density=lambda r: -r),
    ]
    return [
        noise.name
        for noise in chosen
        if not torch.equal(
            noise.sample((5, 3), generator=torch.Generator(GPU).manual_seed(0)).cpu(),
            noise.sample((5, 3), generator=torch.Generator().manual_seed(0)),
        )
    ]


def counting_places() -> dict[str, Any]:
    """The noises whose draws from counted numbers differ from those on a CPU, and what they wait for."""
    specs = [next(spec for spec in specs if (spec, 3) in SPECS_IN_DIM) for specs in NOISES.values()]
    chosen = [noise.in_dim(3) for noise in map(noises.parse, specs)]

    def drawn(noise: noises.Noise, device: torch.device) -> Tensor:
        def generator(block: int) -> torch.Generator:
            return torch.Generator(device).manual_seed(block)

        random = Philox(2**63 + 1, range(5, 8), generator, device, compiled=False)
        return noise.draw_blocks(torch.empty(3 * BLOCK, 3, device=device), random)

    for noise in chosen:
        drawn(noise, GPU)  # tables are made and moved once
    there: list[Tensor] = []
    waited = waits_of(lambda: there.extend(drawn(noise, GPU) for noise in chosen))
    here = [drawn(noise, torch.device("cpu")) for noise in chosen]
    differ = [
        noise.name for noise, a, b in zip(chosen, there, here, strict=True) if not torch.equal(a.cpu(), b)
    ]
    return {"differ": differ, "waits": waited}


def waits_of(action: Callable[[], Any]) -> dict[str, int]:
    pretend.waits.clear()
    action()
    return dict(pretend.waits)


def counting(sampling: str) -> list[dict[str, int]]:
    """What counting few and many votes waits for."""
    net = models.build("cnn", (1, 16, 16), 10)
    smoothed = wulff.Smoothed(net, NOISE, 10, batch=32, policy=POLICY, sampling=sampling)  # type: ignore[arg-type]
    smoothed.counts(X, 1)  # tables are made and moved once
    return [waits_of(lambda n=n: smoothed.counts(X, n)) for n in (100, 500)]


def stopping() -> dict[str, int]:
    net = models.build("cnn", (1, 16, 16), 10)
    smoothed = wulff.Smoothed(net, NOISE, 10, batch=32, policy=POLICY)
    proof = smoothed.certify(X, n=1000, stop=stats.Anytime(radii=(0.1,)))
    return {"labels": len(proof.label)}


class Centre(nn.Module):
    """Has a buffer and no parameters; keeps the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 1, 1), 0.5))
        self.seen: list[int] = []

    def forward(self, batch: Tensor) -> Tensor:
        self.seen.append(len(batch))
        return (batch - self.mean).flatten(1)[:, :4]  # type: ignore[operator]


def batches() -> list[int]:
    """The sizes of the batches of a module without parameters."""
    smoothed = wulff.Smoothed(Centre(), NOISE, 4, batch=100, policy=POLICY)
    assert int(smoothed.counts(X, 77).votes.sum()) == 4 * 77
    return sorted(set(smoothed.model.module.seen))  # type: ignore[union-attr]


def looking() -> list[int]:
    """How many batches are classified between asking for votes and reading them."""
    late: list[int] = []

    class Watched(voting.Readback):
        def __init__(self, there: Tensor) -> None:
            super().__init__(there)
            self.at = len(smoothed.model.module.seen)  # type: ignore[union-attr]

        def numpy(self) -> Any:
            late.append(len(smoothed.model.module.seen) - self.at)  # type: ignore[union-attr]
            return super().numpy()

    smoothed = wulff.Smoothed(Centre(), NOISE, 4, batch=64, policy=POLICY)
    voting.Readback, unwatched = Watched, voting.Readback  # type: ignore[misc]
    assert int(smoothed.counts(X, 128).votes.sum()) == 4 * 128
    voting.Readback = unwatched  # type: ignore[misc]
    return late


def functions() -> int:
    """The votes of a function with weights on the GPU, for inputs that are there."""
    weights = torch.ones(256, 3, device=GPU)
    smoothed = wulff.Smoothed(lambda batch: batch.flatten(1) @ weights, NOISE, 3)
    return int(smoothed.counts(X.to(GPU), 10).votes.sum())


def on_a_cpu() -> int:
    """The votes of a model on the CPU, for inputs on the GPU."""
    smoothed = wulff.Smoothed(models.build("cnn", (1, 16, 16), 10), NOISE, 10)
    return int(smoothed.counts(X.to(GPU), 10).votes.sum())


def auditing() -> int:
    net = models.build("cnn", (1, 16, 16), 10)
    return smoothing.audit_batch_invariance(
        net, X, NOISE, policy=POLICY, copies=64, batches=(16,), reference=32
    ).moved


def augmenting() -> list[int]:
    generator = torch.Generator(GPU).manual_seed(0)
    return [len(augment(X.to(GPU), kind, generator)) for kind in ("crop", "crop-flip", "resized-crop")]


def training_with(objective: str) -> list[dict[str, int]]:
    """What an epoch of few and of many steps waits for."""
    found = []
    for batch in (4, 1):
        net = models.build("lenet", (1, 16, 16), 10).to(GPU)
        schedule = training.Schedule(epochs=1, batch=batch, augmentation="crop")
        state = training.Training(net, NOISE, training.parse_objective(objective), schedule)
        found.append(waits_of(lambda state=state: list(state.run(X, Y))))
        state.load_state_dict(state.state_dict())
    return found


def measuring_accuracy() -> list[int]:
    """The sizes of the batches in which accuracy is measured."""
    model = Centre().to(GPU)
    generator = torch.Generator(GPU).manual_seed(0)
    many, labels = X.repeat(63, 1, 1, 1).to(GPU), Y.repeat(63).to(GPU)
    noisy_accuracy(model, many, labels, NOISE, generator)
    return model.seen


def attacking() -> float:
    """The largest distance of a perturbed input, as a share of its radius."""
    net, generator = models.build("cnn", (1, 16, 16), 10).to(GPU), torch.Generator(GPU).manual_seed(0)
    radius, attack, largest = torch.full((4,), 0.5, dtype=torch.float64), attacks.EOTPGD(2, 2), 0.0
    x, y = X.to(GPU), Y.to(GPU)
    for norm in map(Norm.parse, ("l1", "l2", "linf", "lp(1.5)")):
        adversary = attack(net, NOISE, x, y, norm, radius, generator=generator)
        adversary = attacks.to_grid(adversary, x, norm, radius, 255)
        distance = attacks.size(adversary.double() - x.double(), norm).cpu()
        largest = max(largest, float((distance / radius).max()))
    attacks.SoftSmoothed(net, NOISE, copies=2)(x.clone().requires_grad_()).sum().backward()
    return largest


def benchmark() -> dict[str, Any]:
    """What `benchmarks/gpu.py` prints at its end."""
    os.environ |= {"DEVICE": pretend.NAME, "LIMIT": "0.5", "ONLY": "quickstart"}
    sys.path.insert(0, "benchmarks")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_path("benchmarks/gpu.py", run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise RuntimeError(printed.getvalue()) from None
    return json.loads(printed.getvalue().splitlines()[-1])


CHECKS: dict[str, Callable[[], Any]] = {
    "sampling": sampling,
    "counting places": counting_places,
    "counting float": lambda: counting("float"),
    "counting exact": lambda: counting("exact"),
    "stopping": stopping,
    "batches": batches,
    "looking": looking,
    "functions": functions,
    "on a cpu": on_a_cpu,
    "auditing": auditing,
    "augmenting": augmenting,
    **{f"training {name}": (lambda name=name: training_with(name)) for name in training.OBJECTIVES},
    "measuring accuracy": measuring_accuracy,
    "attacking": attacking,
    "the benchmark of a GPU": benchmark,
}


def main() -> None:
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    with pretend.Pretend():
        for name, check in CHECKS.items():
            try:
                results[name] = {"found": check()}
            except Exception:
                results[name] = {"error": traceback.format_exc(limit=-8)}
    sys.stdout.write(json.dumps(results))
    sys.stdout.flush()
    os._exit(0)  # PyTorch's threads for the pretend device do not always end by themselves


if __name__ == "__main__":
    main()
