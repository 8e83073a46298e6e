"""Small real files for the command line: a trained model, a finished run, and damaged ones of each kind."""

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from wulff.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


def call(*arguments: str) -> Result:
    """Run the program in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    code = exit_.value.code
    return Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def wulff() -> Callable[..., Result]:
    return call


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of inputs, good and bad."""
    root = tmp_path_factory.mktemp("files")
    noise = "uniform(sigma=0.5)"
    assert call("train", "--noise", noise, "--store", str(root / "model"), "--epochs", "2").code == 0
    certify = ["certify", "--model", str(root / "model"), "--slice", ":3", "--n", "50", "--n0", "10"]
    assert call(*certify, "--norm", "l1", "--norm", "l2", "--store", str(root / "run")).code == 0
    rng = np.random.default_rng(0)
    images, labels = rng.random((4, 1, 8, 8)), np.arange(4)
    np.savez(root / "good.npz", images=images, labels=labels)
    np.savez(root / "nan.npz", images=np.where(images > 0.9, np.nan, images), labels=labels)
    np.savez(root / "bright.npz", images=images * 255, labels=labels)
    np.savez(root / "large.npz", images=rng.random((4, 1, 9, 9)), labels=labels)
    np.savez(root / "flat.npz", images=np.zeros(4), labels=labels)
    np.savez(root / "empty.npz", images=np.zeros((0, 1, 8, 8)), labels=np.zeros(0, dtype=int))
    np.savez(root / "unlabelled.npz", images=images)
    np.savez(root / "few.npz", images=images, labels=labels[:2])
    np.savez(root / "classes.npz", images=images, labels=labels + 10)
    np.savez(root / "negative.npz", images=images, labels=labels - 1)
    np.savez(root / "pickled.npz", images=np.array([{}] * 4), labels=labels)
    np.savez(root / "channels-first.npz", images=np.zeros((4, 3, 8, 8), dtype=np.uint8), labels=labels)
    np.savez(root / "million.npz", images=images, labels=labels + 10**12)
    (root / "nothing-in-it.npz").write_bytes(b"")
    (root / "garbage.npz").write_bytes(b"PK no archive")
    (root / "garbage.safetensors").write_bytes(b"no weights")
    (root / "garbage.pt").write_bytes(b"no weights")
    (root / "cut.safetensors").write_bytes((root / "model" / "weights.safetensors").read_bytes()[:500])
    (root / "not-a-run").mkdir()
    (root / "not-a-run" / "notes.txt").write_text("hello")
    for name, damage in {
        "torn": lambda text: text[:-20],
        "damaged": lambda text: text.replace('"index": 1', '"index": one'),
        "twice": lambda text: text + text,
        "foreign": lambda text: "[1, 2]\n" + text,
    }.items():
        shutil.copytree(root / "run", root / name)
        journal = root / name / "records.jsonl"
        journal.write_text(damage(journal.read_text()))
    shutil.copytree(root / "run", root / "bad-spec")
    (root / "bad-spec" / "spec.toml").write_text("[run\n")
    (root / "good.tsv").write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t0.378\t1\t15.4\n")
    (root / "no-columns.tsv").write_text("a\tb\n1\t2\n")
    (root / "bad-row.tsv").write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\tlarge\t1\t15.4\n")
    (root / "nan-row.tsv").write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\tnan\t1\t15.4\n")
    (root / "lying-row.tsv").write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t4\t0.3\t1\t15.4\n")
    (root / "empty.tsv").write_text("")
    return root
