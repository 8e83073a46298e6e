"""The pictures of crystals and noises: drawn, complete, and all of them on the page that they are for."""

import contextlib
import re
import sys
from pathlib import Path

import matplotlib.image
import pytest

from tests.cli.conftest import call
from wulff import geometry, reports
from wulff.errors import InputError
from wulff.reports.figures.crystals import solid

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "shapes_of_noise.md").read_text()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the page's own command fills; its other commands are those of the README."""
    root = tmp_path_factory.mktemp("gallery")
    folder = root / "docs" / "images" / "shapes"
    folder.mkdir(parents=True)
    with contextlib.chdir(root):
        (command,) = re.findall(r"^wulff (plot .*)$", PAGE, flags=re.MULTILINE)
        result = call(*command.split())
        assert result.code == 0, result
    return folder


@pytest.mark.parametrize("name", reports.GALLERY)
def test_picture_is_drawn(name: str, gallery: Path) -> None:
    pixels = matplotlib.image.imread(gallery / name)
    assert min(pixels.shape[:2]) > 250
    dark = (pixels[..., :3].mean(axis=2) < 0.9).mean()
    assert 0.005 < dark < 0.9  # neither empty nor filled


def test_the_page_shows_the_gallery_and_nothing_else() -> None:
    shown = re.findall(r"!\[[^]]+\]\(images/shapes/([^)]+)\)", PAGE)
    assert sorted(shown) == sorted(reports.GALLERY)
    assert sorted(path.name for path in (DOCS / "images" / "shapes").iterdir()) == sorted(reports.GALLERY)


def test_crystal_that_turns(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    path = reports.plot_crystal("linf", tmp_path / "crystal.html")
    text = path.read_text()
    assert "mesh3d" in text
    assert not re.search(r'<script[^>]+src="http', text)  # opens without a network


def test_without_plotly_the_hint_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(InputError, match=r"pip install 'wulff\[rotatable\]'"):
        reports.plot_crystal("linf", tmp_path / "crystal.html")
    assert not list(tmp_path.iterdir())


def test_solids_have_the_volume_of_their_bodies() -> None:
    ball = geometry.LpBall("l2", 3)
    assert solid(ball).volume == pytest.approx(ball.volume, rel=0.01)
    crystal = geometry.wulff_crystal(geometry.LpBall("linf", 3))
    assert solid(crystal).volume == pytest.approx(crystal.volume)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 or 3 dimensions"):
        reports.plot_crystal("linf", tmp_path / "x.png", 4)
    with pytest.raises(InputError, match="--dim 3"):
        reports.plot_crystal("linf", tmp_path / "x.html", 2)
    with pytest.raises(InputError, match="make it first"):
        reports.write_gallery(tmp_path / "nowhere")
    with pytest.raises(InputError, match="radius"):
        reports.plot_frontier(tmp_path / "x.png", radius=0.0)
    assert not list(tmp_path.iterdir())
