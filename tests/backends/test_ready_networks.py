"""Networks of transformers and timm: their own normalisation and class names."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from wulff import backends
from wulff.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vision transformer of a few thousand parameters, as `save_pretrained` leaves it."""
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    names = ["cat", "dog", "fish"]
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = ViTConfig(**size, image_size=16, patch_size=8, num_channels=3, id2label=dict(enumerate(names)))
    path = tmp_path_factory.mktemp("hub") / "tiny"
    ViTForImageClassification(config).save_pretrained(path)
    statistics = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "do_normalize": True}
    (path / "preprocessor_config.json").write_text(json.dumps(statistics))
    return path


def test_transformers_take_pixels_and_know_their_classes(folder: Path) -> None:
    from transformers import ViTForImageClassification

    classifier = backends.load(f"hf:{folder}")
    assert classifier.class_names == ("cat", "dog", "fish")
    assert (classifier.num_classes, classifier.input_shape) == (3, (3, 16, 16))
    assert isinstance(classifier.function, nn.Module)
    x = torch.rand(5, 3, 16, 16)
    mean = torch.tensor([0.5, 0.4, 0.3]).view(-1, 1, 1)
    std = torch.tensor([0.2, 0.3, 0.4]).view(-1, 1, 1)
    plain = ViTForImageClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        torch.testing.assert_close(classifier(x), plain((x - mean) / std).logits)
    assert classifier.identity == backends.load(f"hf:{folder}").identity


def test_normalisation_that_nobody_knows_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    with pytest.raises(InputError, match="no preprocessor_config"):
        backends.load(f"hf:{tmp_path}")
    x, said = torch.rand(5, 3, 16, 16), "0.5,0.4,0.3/0.2,0.3,0.4"
    found = backends.load(f"hf:{tmp_path}", normalisation=said)
    torch.testing.assert_close(found(x), backends.load(f"hf:{folder}", normalisation=said)(x))
    with pytest.raises(InputError, match=f"by itself, by {said}, got none; leave normalisation out"):
        backends.load(f"hf:{folder}", normalisation="none")


def test_folders_that_hold_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="transformers cannot load"):
        backends.load(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="transformers cannot load"):
        backends.load(f"hf:{tmp_path}")


def test_timm_or_what_it_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="timm"):
        backends.load("timm:no_such_network")


def test_timm_networks_take_pixels_and_know_their_classes(tmp_path: Path) -> None:
    """Where timm works, which needs the torchvision of the installed torch."""
    try:
        import timm  # pyright: ignore[reportMissingImports]
        from timm.models import save_for_hf  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError, OSError) as error:
        pytest.skip(f"timm does not work here: {error}")
    torch.manual_seed(0)
    statistics = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    net = timm.create_model("test_vit", pretrained=False, num_classes=3, pretrained_cfg_overlay=statistics)
    save_for_hf(net, str(tmp_path / "net"), model_config={"label_names": ["cat", "dog", "fish"]})
    classifier = backends.load(f"timm:local-dir:{tmp_path / 'net'}")
    assert classifier.class_names == ("cat", "dog", "fish")
    assert classifier.num_classes == 3
    assert classifier.normalisation == "0.5,0.4,0.3/0.2,0.3,0.4"
    x = torch.rand(2, 3, 160, 160)
    mean, std = (torch.tensor(statistics[name]).view(-1, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        torch.testing.assert_close(classifier(x), net.eval()((x - mean) / std))
    with pytest.raises(InputError, match="normalises its inputs by itself"):
        backends.load(f"timm:local-dir:{tmp_path / 'net'}", normalisation="none")
