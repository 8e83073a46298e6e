"""Files stay whole: full disks, links, rights, folders that go away, and disks that are read-only."""

import contextlib
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wulff import _files, datasets, runs
from wulff.errors import InputError, RunError
from wulff.runs.folder import RECORDS, SPEC, SUMMARY
from wulff.training import Schedule

CERTIFY = ("--slice", ":3", "--n", "50", "--n0", "10", "--norm", "l1", "--norm", "l2")


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as if the disk were full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of this size at a folder."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def run(files: Path, tmp_path: Path) -> Path:
    """A finished run, whose model is beside it."""
    shutil.copytree(files / "run", tmp_path / "run")
    return tmp_path / "run"


def test_a_file_is_the_old_one_or_the_whole_new_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(TypeError), _files.replacing(path) as file:
        file.writelines([b"half of the new one", "text"])  # type: ignore[list-item]
    with full_after(1000), pytest.raises(OSError, match="File too large") as raised:
        _files.write(path, "x" * 5000)
    assert raised.value.filename == str(path)
    assert path.read_text() == "old"
    _files.write(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_new_files_have_the_rights_of_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        _files.write(tmp_path / "table.csv", "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "table.csv").stat().st_mode) == 0o640


def test_links_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    for name in ("link", "dangling"):
        (tmp_path / name).symlink_to(other if name == "link" else tmp_path / "nothing")
        for write in (lambda path: _files.write(path, "x"), _files.appending, _files.locked):
            with pytest.raises(InputError, match="is a link"):
                write(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    for write in (lambda path: _files.write(path, "x"), _files.appending):
        with pytest.raises(InputError, match="is not a file"):
            write(tmp_path / "pipe")
    assert other.read_text() == "precious"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("what", ["page.html", "figure.png", "figure.svg", "figure.pdf"])
def test_a_full_disk_leaves_the_old_report(run: Path, tmp_path: Path, wulff, what: str) -> None:
    path = tmp_path / what
    assert wulff("report", str(run), "-o", str(path)).code == 0
    old = path.read_bytes()
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", f"{-(-len(old) // 4096) * 4 + 4}k"):
        shutil.copy(path, tmp_path / "disk" / what)
        result = wulff("report", str(run), "-o", str(tmp_path / "disk" / what))
        assert result.code == 2
        assert result.err.count("\n") == 1
        assert f"disk/{what}: No space left on device" in result.err
        assert [file.name for file in (tmp_path / "disk").iterdir()] == [what]
        assert (tmp_path / "disk" / what).read_bytes() == old


def test_a_training_goes_on_when_the_disk_has_room_again(tmp_path: Path, wulff) -> None:
    disk = tmp_path / "disk"
    arguments = ("--noise", "uniform(sigma=0.5)", "--epochs", "2", "--slice", ":128")
    with small_disk(disk, "1m"):
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(1_036_000))
        for _ in range(2):
            result = wulff("train", *arguments, "--store", str(disk / "model"))
            assert result.code == 2
            assert "no space left on device; mend that, and the same command goes on" in result.err
            assert result.err.rstrip("\n").count("\n") == 0
            assert not list((disk / "model").glob(".*.new"))
        ballast.unlink()
        assert wulff("train", *arguments, "--store", str(disk / "model")).code == 0
        weights = (disk / "model" / "weights.safetensors").read_bytes()
        assert (disk / "model" / "weights.safetensors").stat().st_mode & 0o777 == 0o666 & ~_umask()
        assert sorted(f.name for f in (disk / "model").iterdir() if f.name != ".lock") == [
            "training.toml",
            "weights.safetensors",
        ]
    assert wulff("train", *arguments, "--store", str(tmp_path / "whole")).code == 0
    assert (tmp_path / "whole" / "weights.safetensors").read_bytes() == weights


def test_a_run_that_finds_a_full_disk_leaves_nothing(files: Path, tmp_path: Path, wulff) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "64k"):
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:  # to the last byte
                file.write(bytes(4096))
        for store in (disk / "run", disk / "deep" / "er" / "run"):
            result = wulff("certify", "--model", str(files / "model"), *CERTIFY, "--store", str(store))
            assert result.code == 2
            assert result.err.count("\n") == 1
            assert "space left on device" in result.err
            assert [path.name for path in disk.iterdir()] == ["ballast"]
        ballast.unlink()
        assert wulff("certify", "--model", str(files / "model"), *CERTIFY, "--store", str(store)).code == 0


def test_a_run_goes_on_when_the_disk_has_room_again(files: Path, run: Path, tmp_path: Path, wulff) -> None:
    begun = tmp_path / "begun"
    shutil.copytree(run, begun)
    (begun / SUMMARY).unlink()
    lines = (run / RECORDS).read_bytes().splitlines(keepends=True)
    (begun / RECORDS).write_bytes(lines[0])
    with full_after(len(lines[0]) + 20):
        result = wulff("certify", "--model", str(files / "model"), *CERTIFY, "--store", str(begun))
    assert result.code == 2
    assert "file too large; mend that, and the same command goes on where it stopped" in result.err
    assert (begun / RECORDS).read_bytes() == lines[0]  # no torn line
    assert len(runs.load(begun).records) == 1
    assert wulff("certify", "--model", str(files / "model"), *CERTIFY, "--store", str(begun)).code == 0
    assert _numbers(begun) == _numbers(run)


def test_a_run_whose_folder_is_deleted_stops(files: Path, tmp_path: Path) -> None:
    spec = runs.Spec(model=str(files / "model"), slice=":5", n0=10, n=50)
    seen: list[int] = []

    def delete_after_two(run: runs.Run) -> None:
        seen.append(len(run.records))
        if len(run.records) == 2:
            shutil.rmtree(tmp_path / "run")

    with pytest.raises(RunError, match="was deleted or moved while the run was at work"):
        runs.certify(spec, tmp_path / "run", progress=delete_after_two)
    assert seen[-1] == 2
    assert not (tmp_path / "run").exists()


def test_a_training_whose_folder_is_deleted_stops(tmp_path: Path) -> None:
    spec = runs.TrainingSpec(noise="uniform(sigma=0.5)", slice=":64", schedule=Schedule(epochs=3))
    with pytest.raises(RunError, match="was deleted or moved during the training"):
        runs.train(spec, tmp_path / "model", progress=lambda _: shutil.rmtree(tmp_path / "model"))


@pytest.mark.parametrize("name", [SPEC, RECORDS, SUMMARY, ".lock", ".spec.toml.new"])
def test_links_in_a_run_are_never_written_through(
    files: Path, run: Path, tmp_path: Path, wulff, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if (run / name).exists():
        (run / name).rename(elsewhere)
    else:
        elsewhere.write_text("precious")
    before = elsewhere.read_bytes()
    (run / name).symlink_to(elsewhere)
    if name != SUMMARY:
        (run / SUMMARY).unlink()  # it is to be written on
    else:
        (run / RECORDS).write_bytes(b"".join((run / RECORDS).read_bytes().splitlines(keepends=True)[:2]))
    result = wulff("certify", "--model", str(files / "model"), *CERTIFY, "--store", str(run))
    assert result.code == 2
    assert f"{name} is a link" in result.err
    assert elsewhere.read_bytes() == before


def test_what_a_killed_process_left_is_removed(files: Path, run: Path, wulff) -> None:
    (run / SUMMARY).unlink()
    (run / ".wulff-0123.new").write_text("half")
    assert wulff("certify", "--model", str(files / "model"), *CERTIFY, "--store", str(run)).code == 0
    assert sorted(f.name for f in run.iterdir() if f.name != ".lock") == sorted([SPEC, RECORDS, SUMMARY])


def test_a_finished_run_on_a_read_only_disk_is_reported_as_finished(
    files: Path, run: Path, tmp_path: Path, wulff
) -> None:
    with small_disk(tmp_path / "disk", "1m"):
        shutil.copytree(run, tmp_path / "disk" / "run")
        shutil.copytree(run, tmp_path / "disk" / "unfinished")
        (tmp_path / "disk" / "unfinished" / RECORDS).write_text("")
        shutil.copy(files / "good.tsv", tmp_path / "log.tsv")
        imported = ("import", str(tmp_path / "log.tsv"), "--store", str(tmp_path / "disk" / "imported"))
        assert wulff(*imported).code == 0
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        certify = ("certify", "--model", str(files / "model"), *CERTIFY, "--store")
        result = wulff(*certify, str(tmp_path / "disk" / "run"))
        assert (result.code, result.out.splitlines()[-1]) == (0, str(tmp_path / "disk" / "run"))
        assert wulff(*imported).code == 0
        result = wulff(*certify, str(tmp_path / "disk" / "unfinished"))
        assert result.code == 2
        assert "Read-only file system" in result.err
        result = wulff("verify", str(tmp_path / "disk" / "run"))
        assert (result.code, "verification.json is not written" in result.err) == (0, True)
        assert "claims are proven" in result.out


def test_a_spec_that_was_changed_is_no_finished_run(run: Path, wulff) -> None:
    assert "finished" in wulff("ls", str(run)).out
    spec = (run / SPEC).read_text()
    (run / SPEC).write_text(spec.replace("alpha = 0.001", "alpha = 0.5"))
    assert (run / SPEC).read_text() != spec
    shown = wulff("ls", str(run))
    assert "finished" not in shown.out
    assert "checksum is wrong" in shown.out + shown.err


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_forbidden_is_not_missing(files: Path, wulff) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(files / "model", folder / "model")
        secret = (folder / "model" / "weights.safetensors", folder / "data.npz", folder / "log.tsv")
        shutil.copy(files / "good.npz", secret[1])
        shutil.copy(files / "good.tsv", secret[2])
        for file in secret:
            file.chmod(0o600)
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionError):
                datasets.load(str(secret[1]))
            result = wulff(
                "certify", "--model", str(folder / "model"), "--store", str(folder / "new"), "--n", "50"
            )
            log = wulff("import", str(secret[2]), "--store", str(folder / "new"))
        finally:
            os.seteuid(0)
    assert (result.code, log.code) == (2, 2)
    assert "weights.safetensors: Permission denied; check the path, its rights" in result.err
    assert "Permission denied" in log.err


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    script = (
        "import os, signal, sys\nfrom wulff import _files\n"
        "with _files.replacing(sys.argv[1]) as file:\n"
        "    file.write(b'x' * 100_000); file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_text() == "old"


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def _numbers(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / RECORDS).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("seconds", "sum")} for line in lines]
