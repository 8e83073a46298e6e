"""Schedules by name: what they hold, what options change in them, and what the record says."""

import dataclasses
import shutil
import tomllib
from pathlib import Path

import pytest
import torch

from tests.nightly import NIGHTLY
from wulff import datasets, models, noises, training
from wulff.errors import InputError
from wulff.training import schedule as schedules

NOISE = noises.parse("uniform(sigma=0.5)")
FAST = {
    "epochs": 10,
    "batch": 128,
    "learning_rate": 0.2,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "seed": 0,
    "decay": "one-cycle",
    "decay_every": 30,
    "augmentation": "none",
    "compile": False,
}


def test_the_usual_schedule_is_the_default_one() -> None:
    assert training.preset() == training.preset("usual", epochs=40) == training.Schedule()


def test_the_fast_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_bf16, precision in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(schedules, "has_bfloat16", lambda has=has_bf16: has)
        assert dataclasses.asdict(training.preset("fast")) == FAST | {"precision": precision}
    assert training.preset("fast", epochs=3, precision="bf16").epochs == 3
    with pytest.raises(InputError, match="schedule must be one of usual, fast, thorough, got 'slow'"):
        training.preset("slow")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="epochs"):
        training.preset("fast", epochs=0)


def test_the_thorough_schedule_is_compiled_where_that_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    for compiler in ("g++", None):
        monkeypatch.setattr("wulff.smoothing.policy._compiler", lambda found=compiler: found)
        found = training.preset("thorough", precision="fp32")
        assert found == training.Schedule(
            epochs=60, batch=128, learning_rate=0.1, weight_decay=5e-4, compile=compiler is not None
        )


def test_one_cycle_rises_and_falls_in_every_step() -> None:
    """The rate of each step is that of its middle: a triangle whose top is at a fifth of the training."""
    schedule = training.Schedule(epochs=5, batch=24, learning_rate=2.0, decay="one-cycle")
    digits = datasets.load("digits", "train").slice(":96")
    assert isinstance(digits.images, torch.Tensor)
    state = training.Training(models.build("cnn", (1, 8, 8), 10), NOISE, schedule=schedule)
    seen: list[float] = []
    state.optimizer.register_step_pre_hook(lambda optimizer, *_: seen.append(optimizer.param_groups[0]["lr"]))
    assert len(list(state.run(digits.images, digits.labels))) == 5
    middles = [(step + 0.5) / 20 for step in range(20)]
    assert seen == pytest.approx([2 * min(t / 0.2, (1 - t) / 0.8) for t in middles])
    assert max(seen) < 2
    assert min(seen) > 0


def test_a_one_cycle_training_taken_up_again_ends_the_same() -> None:
    schedule = training.Schedule(epochs=4, batch=32, decay="one-cycle", learning_rate=0.2)
    digits = datasets.load("digits", "train").slice(":96")
    images, labels = digits.images, digits.labels

    def fresh() -> training.Training:
        return training.Training(models.build("cnn", (1, 8, 8), 10), NOISE, schedule=schedule)

    whole, first, second = fresh(), fresh(), fresh()
    expected = list(whole.run(images, labels))
    assert next(first.run(images, labels)) == expected[0]
    second.load_state_dict(first.state_dict())
    assert list(second.run(images, labels)) == expected[1:]
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("given", [(), ("--batch", "64"), ("--decay", "cosine", "--precision", "fp32")])
def test_the_verb_records_the_schedule_in_full(wulff, tmp_path: Path, given: tuple[str, ...]) -> None:
    """Options that stand on the command line override the preset, also where they are the usual ones."""
    command = ("train", "--noise", str(NOISE), "--schedule", "fast", "--epochs", "1", "--slice", ":128")
    assert wulff(*command, *given, "--store", str(tmp_path / "model")).code == 0
    document = tomllib.loads((tmp_path / "model" / "training.toml").read_text())
    changed = dict(zip((name[2:] for name in given[::2]), given[1::2], strict=True))
    changed = {name: int(value) if value.isdigit() else value for name, value in changed.items()}
    precision = training.preset("fast").precision
    assert document["training"]["schedule"] == FAST | {"precision": precision, "epochs": 1} | changed


def test_noise_is_added_to_pixels_and_not_cut_off() -> None:
    """What resnet9 normalises in training is the image plus noise, as when it is certified."""
    model = models.build("resnet9", (3, 32, 32), 10)
    seen: list[torch.Tensor] = []
    model.get_submodule("normalize").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images, labels = torch.full((128, 3, 32, 32), 0.5), torch.zeros(128, dtype=torch.int64)
    next(training.train(model, images, labels, NOISE, schedule=training.preset("fast", precision="fp32")))
    noise = seen[0] - 0.5
    scale = 3**0.5 * 0.5
    assert noise.abs().max() <= scale + 1e-6
    assert seen[0].min() < 0.5 - 0.99 * scale
    assert seen[0].max() > 0.5 + 0.99 * scale
    assert noise.std() == pytest.approx(0.5, rel=0.01)


@pytest.mark.skipif(not NIGHTLY or not shutil.which("g++"), reason="compiles for a minute; needs g++")
def test_a_compiled_training_is_the_same_but_for_rounding() -> None:
    digits = datasets.load("digits", "train").slice(":96")
    ends: list[list[torch.Tensor]] = []
    for compiled in (False, True):
        schedule = training.Schedule(epochs=2, batch=32, decay="one-cycle", compile=compiled)
        model = models.build("mlp", (1, 8, 8), 10)
        last = list(training.train(model, digits.images, digits.labels, NOISE, schedule=schedule))[-1]
        assert last.number == 2
        ends.append([parameter.detach() for parameter in model.parameters()])
    start = models.build("mlp", (1, 8, 8), 10)
    for plain, compiled, before in zip(*ends, start.parameters(), strict=True):
        torch.testing.assert_close(compiled, plain, rtol=1e-3, atol=1e-5)
        assert not torch.allclose(plain, before, rtol=1e-3, atol=1e-5)


def test_what_is_compiled_is_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are those of the training; accuracy is measured uncompiled, on batches of another shape."""
    asked: list[torch.nn.Module] = []
    monkeypatch.setattr(torch, "compile", lambda model, dynamic: asked.append(model) or model)
    monkeypatch.setattr("wulff.smoothing.policy._compiler", lambda: "g++")
    model = models.build("mlp", (1, 8, 8), 10)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    images, labels = torch.rand(64, 1, 8, 8), torch.arange(64) % 10
    for precision in ("fp32", "bf16"):
        schedule = training.Schedule(epochs=1, precision=precision, compile=True)
        list(training.train(model, images, labels, NOISE, schedule=schedule))
    assert asked == [model, model]
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wulff.smoothing.policy._compiler", lambda: None)
    with pytest.raises(InputError, match="leave --compile out"):
        training.Training(models.build("mlp", (1, 8, 8), 10), NOISE, schedule=training.Schedule(compile=True))
