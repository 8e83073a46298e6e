"""The loop: schedules, augmentation, mixed precision, and going on after an interruption."""

import signal
import time
import tomllib
from pathlib import Path

import pytest
import torch
from torch import nn

from tests import processes
from tests.processes import forked
from wulff import datasets, models, noises, runs, training
from wulff.errors import InputError, RunError
from wulff.training.augmentation import augment
from wulff.training.batches import fetch
from wulff.training.loop import noisy_accuracy
from wulff.training.processes import rank_and_world

NOISE = noises.parse("gaussian(sigma=0.25)")


def data(rows: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    digits = datasets.load("digits", "train").slice(f":{rows}")
    assert isinstance(digits.images, torch.Tensor)
    return digits.images, digits.labels


def fresh(schedule: training.Schedule) -> training.Training:
    return training.Training(models.build("cnn", (1, 8, 8), 10, schedule.seed), NOISE, schedule=schedule)


def wait_until(true) -> None:
    deadline = time.monotonic() + 100
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def rates(schedule: training.Schedule) -> list[float]:
    return [schedule.rate(epoch) for epoch in range(schedule.epochs)]


def test_learning_rates() -> None:
    assert rates(training.Schedule(epochs=4, learning_rate=1.0)) == pytest.approx(
        [1, 0.853553, 0.5, 0.146447], abs=1e-6
    )
    step = training.Schedule(epochs=90, learning_rate=0.01, decay="step")
    assert rates(step) == pytest.approx([0.01] * 30 + [0.001] * 30 + [0.0001] * 30)


def test_one_step_is_sgd_with_momentum_and_weight_decay() -> None:
    schedule = training.Schedule(epochs=2, batch=200, learning_rate=0.1)
    state = fresh(schedule)
    before = [p.detach().clone() for p in state.model.parameters()]
    images, labels = data()
    epochs = state.run(images, labels)
    next(epochs)
    step = [(old - new.detach()) / 0.1 for old, new in zip(before, state.model.parameters(), strict=True)]
    other = fresh(schedule)
    order = torch.randperm(len(images), generator=other.generator)
    noisy = images[order] + NOISE.sample(tuple(images.shape), generator=other.generator)
    nn.functional.cross_entropy(other.model(noisy), labels[order]).backward()
    for moved, parameter in zip(step, other.model.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(moved, parameter.grad + 1e-4 * parameter.detach(), rtol=1e-3, atol=1e-5)


def test_a_training_taken_up_again_ends_the_same() -> None:
    images, labels = data()
    schedule = training.Schedule(epochs=5, batch=32, decay="step", decay_every=2)
    whole = fresh(schedule)
    expected = list(whole.run(images, labels))
    first = fresh(schedule)
    epochs = first.run(images, labels)
    assert [next(epochs), next(epochs)] == expected[:2]
    second = fresh(schedule)
    second.load_state_dict(first.state_dict())
    assert list(second.run(images, labels)) == expected[2:]
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_holds_the_state_of_the_gpu_that_dropout_draws_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = {torch.device("cuda:1"): torch.tensor([1, 2, 3], dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: states[device])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: states.update({device: state}))
    training_there = fresh(training.Schedule())
    assert training_there.state_dict()["cuda"] is None
    training_there.device = torch.device("cuda:1")
    kept = training_there.state_dict()
    states[training_there.device] = torch.zeros(3, dtype=torch.uint8)
    training_there.load_state_dict(kept)
    assert states[training_there.device].tolist() == [1, 2, 3]
    del kept["cuda"]  # of an earlier version
    training_there.load_state_dict(kept)


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda:1", "nccl")])
def test_processes_talk_as_their_device_can(
    monkeypatch: pytest.MonkeyPatch, device: str, backend: str
) -> None:
    """Processes that train on the CPU of a machine with GPUs cannot talk through those."""
    started: list[str] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.distributed, "init_process_group", started.append)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    assert rank_and_world(torch.device(device)) == (1, 2)
    assert started == [backend]


def last_epoch(precision: str) -> training.Epoch:
    return list(fresh(training.Schedule(epochs=12, precision=precision)).run(*data(256)))[-1]


@pytest.fixture(scope="module")
def exact() -> training.Epoch:
    return last_epoch("fp32")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_about_the_same(precision: str, exact: training.Epoch) -> None:
    mixed = last_epoch(precision)
    assert mixed.loss != exact.loss
    assert abs(mixed.loss - exact.loss) < 0.15
    assert mixed.loss < 1.5


class Decoded:
    """Inputs that are made when they are asked for; keeps what was asked."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images
        self.asked: list[list[int]] = []

    @property
    def shape(self) -> torch.Size:
        return self.images.shape

    @property
    def ndim(self) -> int:
        return self.images.ndim

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows) -> torch.Tensor:
        if isinstance(rows, torch.Tensor):
            self.asked.append(rows.tolist())
        return self.images[rows]

    def to(self, device: torch.device) -> "Decoded":
        return self


def test_noisy_accuracy_looks_at_all_of_a_sorted_data_set() -> None:
    labels = torch.arange(10).repeat_interleave(1300)

    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.eye(10)[torch.full((len(x),), 3)]

    share = noisy_accuracy(Constant(), torch.zeros(13_000, 4), labels, NOISE, torch.Generator())
    assert share == pytest.approx(0.1, abs=0.002)


def test_inputs_that_are_decoded_are_fetched_one_batch_ahead_and_train_the_same() -> None:
    images, labels = data(40)
    late = Decoded(images)
    batches = list(torch.arange(40).split(16))
    coming = fetch(late, batches)
    for number, rows in enumerate(batches):
        assert torch.equal(next(coming), images[rows])
        wait_until(lambda number=number: len(late.asked) == min(number + 2, len(batches)))
    assert list(coming) == []
    assert late.asked == [rows.tolist() for rows in batches]
    kept, decoded = (fresh(training.Schedule(epochs=2, batch=16)).run(x, labels) for x in (images, late))
    assert list(kept) == list(decoded)
    with pytest.raises(IndexError):
        list(fetch(late, [torch.arange(16), torch.tensor([40])]))


def test_crops_and_flips() -> None:
    x = torch.arange(64.0).view(1, 1, 8, 8).expand(400, 1, 8, 8) / 64
    generator = torch.Generator().manual_seed(0)
    padded = nn.functional.pad(x[0, 0], (1, 1, 1, 1))
    crops = {padded[i : i + 8, j : j + 8].numpy().tobytes() for i in range(3) for j in range(3)}
    found = [image.contiguous().numpy().tobytes() for image in augment(x, "crop", generator)[:, 0]]
    assert set(found) == crops  # 400 draws miss one of nine with probability 9·(8/9)^400 < 1e-19
    flipped = augment(x, "crop-flip", generator)[:, 0]
    straight = {image.contiguous().numpy().tobytes() for image in flipped}
    mirrored = {image.flip(1).contiguous().numpy().tobytes() for image in flipped}
    assert crops < straight
    assert crops < mirrored
    assert len(straight) == 18
    assert augment(x, "none", generator) is x
    with pytest.raises(InputError, match="crops need images"):
        augment(torch.rand(2, 5), "crop", generator)


def test_resized_crops() -> None:
    """On a ramp of width 1 and one of height 1, a crop's place and size can be read off."""
    generator = torch.Generator().manual_seed(0)
    ramp = (torch.arange(64.0) + 0.5) / 64
    x = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64)]).expand(3000, 2, 64, 64)
    crops = augment(x, "resized-crop", generator)
    assert crops.shape == x.shape
    assert x.min() <= crops.min() <= crops.max() <= x.max()
    # Slopes at the centre, where no border is near.
    width = (crops[:, 0, 32, 33] - crops[:, 0, 32, 32]) * 64
    height = (crops[:, 1, 33, 32] - crops[:, 1, 32, 32]) * 64
    assert 0.45 < (width < 0).double().mean() < 0.55  # 5 standard deviations
    assert (height > 0).all()
    area, proportion = width.abs() * height, width.abs() / height
    assert area.min() > 0.08 - 1e-4
    assert area.max() < 1 + 1e-4
    assert proportion.min() > 0.75 - 1e-3
    assert proportion.max() < 4 / 3 + 1e-3
    assert abs(area.mean() - 0.54) < 0.03
    centre = crops[:, :, 31:33, 31:33].mean(dim=(2, 3))
    assert (centre - 0.5).abs().max() > 0.3
    assert abs(centre.mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"decay_every": 0},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"weight_decay": -1.0},
        {"seed": -1},
        {"seed": 2**63},
        {"decay": "linear"},
        {"augmentation": "rotate"},
        {"precision": "fp8"},
    ],
)
def test_schedules_that_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=str(next(iter(wrong.values())))):
        training.Schedule(**wrong)


COMMAND = [
    "train",
    "--noise",
    "gaussian(sigma=0.25)",
    "--epochs",
    "12",
    "--objective",
    "consistency(weight=3)",
]


def test_killed_and_started_again_it_ends_with_the_same_loss_and_weights(tmp_path: Path, wulff) -> None:
    assert wulff(*COMMAND, "--store", str(tmp_path / "undisturbed")).code == 0
    killed = tmp_path / "killed"
    process = forked(processes.wulff, *COMMAND, "--store", str(killed))
    wait_until((killed / "checkpoint.pt").exists)
    time.sleep(0.05)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    assert "give another folder" in wulff(*COMMAND, "--seed", "1", "--store", str(killed)).err
    assert wulff(*COMMAND, "--store", str(killed)).code == 0
    results = [
        tomllib.loads((tmp_path / name / "training.toml").read_text())["result"]
        for name in ("undisturbed", "killed")
    ]
    for result in results:
        del result["seconds"]
    assert results[0] == results[1]
    first, second = (
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("undisturbed", "killed")
    )
    assert first == second
    assert not (killed / "checkpoint.pt").exists()


def test_two_trainings_begun_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    schedule = training.Schedule(epochs=1)
    first = runs.TrainingSpec(noise=str(NOISE), slice=":64", schedule=schedule)
    other = runs.TrainingSpec(noise="laplace(sigma=0.25)", slice=":64", schedule=schedule)
    finished: list[bytes] = []

    def meanwhile(_epochs_done: float) -> None:
        if not finished:
            finished.append(runs.train(other, tmp_path / "model").read_bytes())

    with pytest.raises(RunError, match="was begun by another process meanwhile"):
        runs.train(first, tmp_path / "model", on_step=meanwhile)
    assert (tmp_path / "model" / "weights.safetensors").read_bytes() == finished[0]
    assert runs.train(first, tmp_path / "elsewhere").exists()


def test_damaged_checkpoints_and_foreign_folders_are_refused(
    tmp_path: Path, wulff, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = runs.TrainingSpec(noise=str(NOISE), schedule=training.Schedule(epochs=3))

    class Stop(Exception):
        pass

    def stop(epoch: training.Epoch) -> None:
        raise Stop

    store = tmp_path / "stopped"
    with pytest.raises(Stop):
        runs.train(spec, store, stop)
    checkpoint = store / "checkpoint.pt"
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match="delete it to start again"):
        runs.train(spec, store)
    checkpoint.write_bytes(content)

    def too_much(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(training.Training, "load_state_dict", too_much)
        with pytest.raises(torch.OutOfMemoryError):  # nobody is told to delete a good checkpoint
            runs.train(spec, store)
    runs.train(spec, store)
    with pytest.raises(InputError, match="already holds trained weights"):
        runs.train(spec, store)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no training"):
        runs.train(spec, tmp_path / "foreign")
    assert [file.name for file in (tmp_path / "foreign").iterdir() if file.name != ".lock"] == ["thesis.txt"]


def test_a_last_batch_of_one_input_joins_the_one_before() -> None:
    images, labels = data(65)
    model = models.build("resnet18", (1, 8, 8), 10)  # ends in batch normalisation of 1×1 feature maps
    schedule = training.Schedule(epochs=1, batch=64)
    (epoch,) = training.Training(model, NOISE, schedule=schedule).run(images, labels)
    assert epoch.number == 1


def test_macer_reports_a_loss_that_is_not_a_number() -> None:
    images, labels = data(64)
    schedule = training.Schedule(epochs=2, learning_rate=1e20)
    state = training.Training(models.build("cnn", (1, 8, 8), 10), NOISE, training.Macer(), schedule)
    with pytest.raises(InputError, match="lower the learning rate"):
        list(state.run(images, labels))
