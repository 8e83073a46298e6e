"""examples/published: the page is what its command prints, and the paper's numbers are in it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "published"


@pytest.fixture(scope="module")
def cohen() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cohen", FOLDER / "cohen.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date(cohen: ModuleType, published_data: Path, tmp_path: Path) -> None:
    page = cohen.tables(published_data / "cohen_logs", tmp_path)
    assert page == (FOLDER / "README.md").read_text(), "run python examples/published/cohen.py LOGS"
    assert page.count("every number of the paper is reproduced") == 2
    assert "As in the paper, at face value" in page
    assert len(list(tmp_path.iterdir())) == 16


def test_a_wrong_folder_is_one_line(
    cohen: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cohen.main([str(tmp_path)])
    assert exit_.value.code == 2
    assert "lacks certification logs of imagenet" in capsys.readouterr().err
