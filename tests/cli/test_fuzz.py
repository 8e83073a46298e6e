"""Arguments and files that went wrong at random: each ends in success, or in one line and exit status 2.

The seed is fixed, so that a failure can be repeated; WULFF_FUZZ=N tries N cases.
"""

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

COUNT = int(os.environ.get("WULFF_FUZZ", "150"))
NUMBERS = ["", "x", "-1", "0", "1.5", "nan", "inf", "1e400", "9" * 26, "9" * 5000, "1,2", "１", "½", "--"]
TEXTS = [
    "",
    "x",
    "\n",
    "<b>",
    "None",
    "l0.5",
    "lp(nan)",
    "gaussian(",
    "~nobody-here/x",
    "a/" * 3000,
    "\udcff",
    "::0",
]
JUNK = [None, True, -3, 0, 2**70, 1e30, float("nan"), float("inf"), "", "x", [], {}, [1], {"a": 1}]
BYTES = [b"", b"\0", b"\xff" * 4, b"[" * 50_000, b"NaN", b"1e999", b"null", b"\n", b"{}", b"9" * 400]

VERBS = {
    "radius gaussian(sigma=1) --norm l2 --dim 8 --rho 0.9": ["--norm", "--dim", "--rho", "--method"],
    "plan --noise gaussian(sigma=1) --norm l2 --radius 1": [
        "--noise",
        "--norm",
        "--radius",
        "--alpha",
        "--dim",
    ],
    "limits --norm linf --dim 8": ["--norm", "--dim", "--s", "--l", "--noise", "--epsilon"],
    "report {files}/run": ["--norm", "--radii", "--format", "--digits", "--confidence", "-o"],
    "compare {files}/run {files}/run": ["--norm", "--radii", "--inputs", "--format"],
    "recertify {files}/run": ["--norm", "--alpha", "--n", "--bound", "--estimator"],
    "certify --model {files}/model --store {new} --slice :2 --n 20 --n0 10": [
        *("--model", "--noise", "--dataset", "--norm", "--n0", "--n", "--alpha", "--stop-radii", "--slice"),
        *("--seed", "--sampling", "--levels", "--device", "--dtype", "--batch", "--architecture"),
    ],
    "train --noise gaussian(sigma=1) --store {new} --epochs 1 --slice :16": [
        *("--noise", "--model", "--dataset", "--objective", "--epochs", "--batch", "--learning-rate"),
        *("--momentum", "--decay-every", "--precision", "--slice", "--seed", "--weights"),
    ],
}
READERS = [
    "report {run}",
    "report {run} -o {new}.html",
    "report {run} --average --confidence 0.99",
    "recertify {run}",
    "compare {run} {files}/run",
    "ls {run}",
    "certify --model {files}/model --store {run} --norm l1 --norm l2 --slice :3 --n 50 --n0 10",
    "attack {run} --inside --steps 1 --restarts 1 --copies 2 --n 20",
]


def damaged(rng: random.Random, content: bytes) -> bytes:
    """Bytes with a bit, a part or an insertion changed."""
    i = rng.randrange(len(content))
    kind = rng.randrange(4)
    if kind == 0:
        return content[:i] + bytes([content[i] ^ 1 << rng.randrange(8)]) + content[i + 1 :]
    if kind == 1:
        return content[:i]
    if kind == 2:
        return content[:i] + content[i + rng.randrange(1, 40) :]
    return content[:i] + rng.choice(BYTES) + content[i:]


def changed_record(rng: random.Random, line: bytes) -> bytes:
    """A record in which a field is missing, or is something else."""
    record = json.loads(line)
    table = rng.choice([record, *(value for value in record.values() if isinstance(value, dict) and value)])
    key = rng.choice(list(table))
    if rng.random() < 0.3:
        del table[key]
    else:
        table[key] = rng.choice(JUNK)
    return json.dumps(record).encode()


def changed_spec(rng: random.Random, text: bytes) -> bytes:
    """A spec in which a line is missing, or says something else."""
    lines = text.splitlines()
    i = rng.choice([i for i, line in enumerate(lines) if b" = " in line])
    values = [b"'x'", b"-1", b"nan", b"[]", b"{}", b"true", b"9223372036854775807", b"'a\\u0000'"]
    lines[i : i + 1] = [] if rng.random() < 0.3 else [lines[i].split(b" = ")[0] + b" = " + rng.choice(values)]
    return b"\n".join(lines) + b"\n"


def cases(files: Path, work: Path) -> Iterator[list[str]]:
    rng = random.Random(2024)
    for number in range(COUNT):
        new, run = work / f"new{number}", work / f"run{number}"
        if rng.random() < 0.6:
            command, options = rng.choice(list(VERBS.items()))
            argv = [part.format(files=files, new=new) for part in command.split()]
            for option in rng.sample(options, rng.choice([1, 1, 2])):
                argv += [option, rng.choice(NUMBERS + TEXTS)]
            yield argv
            continue
        shutil.copytree(files / "run", run, ignore=shutil.ignore_patterns(".*"))
        spec, records = run / "spec.toml", run / "records.jsonl"
        kind = rng.randrange(4)
        if kind == 0:
            first, *others = records.read_bytes().splitlines()
            records.write_bytes(b"\n".join([changed_record(rng, first), *others]) + b"\n")
        elif kind == 1:
            spec.write_bytes(changed_spec(rng, spec.read_bytes()))
        else:
            one = rng.choice([spec, records])
            one.write_bytes(damaged(rng, one.read_bytes()))
        command = rng.choice(READERS)
        yield [part.format(files=files, run=run, new=new) for part in command.split()]


def test_every_case_succeeds_or_is_refused_in_one_line(
    wulff, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = set()
    for argv in cases(files, tmp_path):
        shown = [part[:80] for part in argv]
        before = set(tmp_path.iterdir())
        try:
            result = wulff(*argv)
        except Exception as error:
            raise AssertionError(f"wulff {shown} raised {type(error).__name__}: {error}") from error
        codes.add(result.code)
        assert result.code in (0, 2) or (result.code, argv[0]) == (1, "attack"), (shown, result)
        if result.code == 2:
            assert result.err.startswith("wulff: "), (shown, result.err)
            assert len(result.err.splitlines()) == 1, (shown, result.err)
            assert result.out == "", (shown, result.out)
            assert set(tmp_path.iterdir()) == before, shown
    assert codes >= {0, 2}
