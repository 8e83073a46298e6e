"""Pictures inside the page: right pixels, and the noise of the run itself."""

import base64
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wulff import runs
from wulff.errors import InputError
from wulff.reports.thumbnails import LARGEST_SIDE, data_uri, pictures
from wulff.smoothing import Smoothed
from wulff.training import Schedule


def decoded(uri: str | None) -> np.ndarray:
    assert uri is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_survive(channels: int) -> None:
    pixels = torch.randint(0, 256, (channels, 5, 7), generator=torch.Generator().manual_seed(0))
    found = decoded(data_uri(pixels / 255))
    assert np.array_equal(found.reshape(5, 7, channels), pixels.permute(1, 2, 0).numpy())


def test_values_are_clipped_and_large_images_shrunk() -> None:
    assert decoded(data_uri(torch.tensor([[[-1.0, 2.0]]]))).tolist() == [[0, 255]]
    assert decoded(data_uri(torch.full((3, 300, 150), 0.5))).shape == (LARGEST_SIDE, LARGEST_SIDE // 2, 3)
    assert data_uri(torch.zeros(12)) is None
    assert data_uri(torch.zeros(2, 8, 8)) is None


def test_noisy_copy_is_the_first_that_voted(tmp_path: Path) -> None:
    training = runs.TrainingSpec(noise="uniform(sigma=0.5)", schedule=Schedule(epochs=1))
    model = str(runs.train(training, tmp_path / "model"))
    run = runs.certify(runs.Spec(model=model, slice="3:5", n0=10, n=20, seed=7), tmp_path / "run")
    dataset = runs.inputs(run)
    seen: list[torch.Tensor] = []

    def spy(batch: torch.Tensor) -> torch.Tensor:
        seen.append(batch.clone())
        return torch.zeros(len(batch), dtype=torch.int64)

    Smoothed(spy, str(run.spec.noise), 10).counts(dataset.images[:1], 20, seed=7, index=[3])
    assert torch.equal(runs.noisy_copy(run, 3, dataset.images[0]), seen[0][0])
    clean, noisy, notes = pictures([run], 1)
    assert list(clean[0]) == list(noisy[0])
    assert len(clean[0]) == 1
    assert notes == []
    changed = dataclasses.replace(run, facts=dataclasses.replace(run.facts, hashes={"data": "0"}))
    with pytest.raises(InputError, match="have changed"):
        runs.inputs(changed)
    assert "have changed" in pictures([changed], 1)[2][0]
