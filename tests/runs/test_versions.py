"""What a later version makes of the runs of an earlier one."""

import importlib.metadata
import re
import shutil
import tomllib
from pathlib import Path

import pytest

import wulff
from tests.runs.forge import to_format_0
from wulff import _version, runs
from wulff.errors import RunError
from wulff.runs.folder import RECORDS, SPEC
from wulff.training import Schedule


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return runs.train(runs.TrainingSpec(noise="laplace(sigma=0.5)", schedule=Schedule(epochs=1)), folder)


def spec(model: Path) -> runs.Spec:
    return runs.Spec(model=str(model), slice=":3", n0=10, n=100)


@pytest.fixture(scope="module")
def half(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed after its first record."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    runs.certify(spec(model), folder)
    lines = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    (folder / RECORDS).write_bytes(lines[0])
    return folder


def made_by(version: str, half: Path, folder: Path) -> Path:
    shutil.copytree(half, folder)
    text, times = re.subn(r'wulff = ".*"', f'wulff = "{version}"', (folder / SPEC).read_text())
    assert times == 1
    (folder / SPEC).write_text(text)
    return folder


def test_there_is_one_version() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "wulff._version.__version__"}
    assert wulff.__version__ == _version.__version__
    assert f"## {wulff.__version__}\n" in (root / "CHANGELOG.md").read_text()
    sources = (path.read_text() for path in (root / "src").rglob("*.py"))
    assert not any('metadata.version("wulff")' in text for text in sources)


def test_a_run_knows_which_version_made_it(half: Path) -> None:
    run = runs.load(half)
    assert run.facts.versions["wulff"] == wulff.__version__
    assert run.facts.versions["torch"] == importlib.metadata.version("torch")
    assert run.facts.format == 1
    assert tomllib.loads((half / SPEC).read_text())["format"] == 1


@pytest.mark.parametrize("version", ["0.0.9", "9.9.9", "unknown"])
def test_a_version_with_other_numbers_is_refused_and_nothing_changes(
    model: Path, half: Path, tmp_path: Path, version: str
) -> None:
    folder = made_by(version, half, tmp_path / "run")
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(
        RunError, match=f"begun by wulff {version}, and this is wulff {wulff.__version__}"
    ) as e:
        runs.certify(spec(model), folder)
    assert "\n" not in str(e.value)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    assert len(runs.load(folder).records) == 1  # it is still read


def test_the_version_moves_with_every_change_to_a_certified_number() -> None:
    changes = (Path(__file__).parents[2] / "CHANGELOG.md").read_text().split("\n## ")[1:]
    releases = {text.partition("\n")[0]: "### Changes to certified numbers" in text for text in changes}
    assert next(iter(releases)) == wulff.__version__
    changed = next(release for release, is_so in releases.items() if is_so)
    assert changed in (_version.VOTES, _version.RADII)


def test_the_last_change_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_version, "VOTES", "0.3.0")
    monkeypatch.setattr(_version, "RADII", "0.4.1")
    assert _version.what_changed("0.2.0", "0.5.0") == "votes changed in 0.3.0"
    assert _version.what_changed("0.3.0", "0.5.0") == "radii changed in 0.4.1"
    assert _version.what_changed("0.4.1", "0.5.0") is None
    assert _version.what_changed("0.10.0", "0.10.0.dev3") is None
    assert _version.what_changed("0.6.0", "0.5.0") is not None


def test_a_version_with_the_same_numbers_is_gone_on_with(
    model: Path, half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_version, "VOTES", "0.1.0")
    monkeypatch.setattr(_version, "RADII", "0.1.0")
    folder = made_by("0.1.0", half, tmp_path / "run")
    to_format_0(folder)
    assert len(runs.certify(spec(model), folder).records) == 3
    monkeypatch.setattr(_version, "RADII", "0.2.0")
    with pytest.raises(RunError, match=r"radii changed in 0\.2\.0"):
        runs.certify(spec(model), folder)


# As wulff 0.1.0 wrote it.
OLD_SPEC = """
[run]
task = "certify"
model = "model"
architecture = "cnn"
dataset = "digits"
slice = ":3"
inputs = 3
dim = 64
classes = 10
noise = "laplace(sigma=0.5)"
n = 1000
alpha = 0.001
seed = "18446744073709551615"
sampling = "exact"
device = "cpu"
dtype = "float32"
compile = false
channels_last = false
levels = 16
n0 = 10
norms = [
    "l1",
]
bound = "one-sided"
estimator = "clopper-pearson"

[run.stop]
radii = [
    0.1,
]
beta = 0.001
skip_incorrect = false

[hashes]
weights = "7f66ffa90ebc84cafc9104eaa43e1d9da82b85bfddb29df7a5fa76ef2614778d"
data = "d5ed5d789aba8e4f5a716d7d9d124d3eb48515cb837ae26a4da2ddc2f0337298"

[versions]
wulff = "0.1.0"
torch = "2.13.0+cpu"
numpy = "2.4.6"
scipy = "1.17.1"

[engine]
batch = 256
name = "local"
"""
OLD_RECORD = """\
{"index": 1, "label": 4, "predict": 2, "n": 320, "error": 0.3476174142024221, "counts": {"selection": \
{"2": 9, "4": 1}, "estimation": {"2": 244, "4": 61, "5": 15}}, "radii": {"l1": {"radius": \
0.12851864016914893, "method": "closed-form", "tight": true}}, "seconds": 0.030384}
"""


def test_a_run_of_an_earlier_release_opens(tmp_path: Path) -> None:
    (tmp_path / SPEC).write_text(OLD_SPEC)
    (tmp_path / RECORDS).write_text(OLD_RECORD)
    run = runs.load(tmp_path)
    assert isinstance(run.spec, runs.Spec)
    assert run.terms.seed == 2**64 - 1
    assert run.terms.stop == wulff.stats.Anytime(radii=[0.1], skip_incorrect=False)
    assert run.terms.grid is not None
    assert str(run.terms.noise) == "laplace(sigma=0.5, dim=64)"
    assert run.radii("l1") == 0.12851864016914893
    # 76 misses in 320 votes: the bound that is valid whenever sampling stops.
    again = runs.recertify(tmp_path, norms=["l1", "linf"])
    assert again.records[0].error == run.records[0].error
    assert again.records[0].radii["l1"] == run.records[0].radii["l1"]
    assert run.document["run"] == tomllib.loads(OLD_SPEC)["run"]
