"""What the program says: options by their names, and the values that were given, in one bearable line."""

import ast
import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wulff.cli import main
from wulff.cli.verb import as_options

LONG = "9" * 5000
ENDLESS = "99999999999999999999999999"


@pytest.mark.parametrize(
    ("message", "parameters", "expected"),
    [
        ("dim must be positive, got 0.", ("dim",), "--dim must be positive, got 0."),
        ("give levels=16, or round.", ("levels",), "give --levels 16, or round."),
        ("not known; give dim= (how many).", ("dim",), "not known; give --dim (how many)."),
        ("the learning rate must be positive.", ("learning_rate",), "--learning-rate must be positive."),
        ("norms must be l1 or l2.", ("norms",), "--norm must be l1 or l2."),
        ("s must lie in (0, 0.5); it is the label's probability.", ("s",), None),
        ("sigma must be positive in gaussian(sigma=0).", (), "sigma must be positive in gaussian(sigma=0)."),
        ("workers must be few.", ("workers",), "workers must be few."),
    ],
)
def test_parameters_are_written_as_options(message: str, parameters: tuple[str, ...], expected) -> None:
    names = ("dim", "levels", "learning_rate", "norm", "s", "sigma")
    options = {name: f"--{name.replace('_', '-')}" for name in names}
    found = as_options(message, parameters, options)
    assert found == (expected or f"--{message}")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("radius gaussian(sigma=1) --rho .9 --dim x", "got 'x'"),
        ("radius gaussian(sigma=1) --rho .9 --dim 0", "--dim must be a positive integer, got 0"),
        ("radius gaussian(sigma=1) --misses 1 --n 0", "--n must be a positive integer, got 0"),
        ("radius gaussian(sigma=1) --misses 9 --n 3", "--misses must lie between 0 and --n, got 9"),
        (f"radius gaussian(sigma=1) --misses 9 --n {ENDLESS}", "below 2^63"),
        ("radius gaussian(sigma=1) --misses 1 --n 9 --alpha 2", "--alpha must lie in (0, 1), got 2.0"),
        ("radius gaussian(sigma=1) --rho .9 --norm linf", "give --dim"),
        ("advise --norm l1 --dim 8 --sigma -1", "--sigma must be positive and finite, got -1.0"),
        (
            "advise --norm l1 --dim 8 --noise gaussian(sigma=-1)",
            "sigma must be positive and finite, got -1 for",
        ),
        ("limits --dim 8 --s 2", "--s must lie in (0, 0.5), got 2.0; it is the label's probability"),
        ("plan --noise gaussian(sigma=1) --radius nan", "--radius must be positive and finite, got nan"),
        ("plot levels gaussian(sigma=1) --p 2 -o {new}.png", "--p must lie in (0, 1), got 2.0"),
        ("train --noise gaussian(sigma=1) --store {new} --weight-decay -1", "--weight-decay must be"),
        ("train --noise gaussian(sigma=1) --store {new} --decay-every 0", "--decay-every must be a positive"),
        (
            "train --noise gaussian(sigma=1) --store {new} --decay fast",
            "'fast' is not one of 'cosine'",
        ),
        ("attack {files}/run --outside -1", "--outside must be positive"),
        ("report {files}/run --confidence 2", "--confidence must lie in (0, 1), got 2"),
        (
            "certify --model {files}/model --store {new} --workers 0",
            "--workers must be a positive",
        ),
        (
            "certify --model {files}/model --store {new} --dtype int4",
            "'int4' is not one of 'float32'",
        ),
    ],
)
def test_options_and_values_are_named(command: str, message: str, wulff, files: Path, tmp_path: Path) -> None:
    result = wulff(*(part.format(files=files, new=tmp_path / "new") for part in command.split()))
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


TRAIN = "train --noise gaussian(sigma=1) --store {new} --slice :8"
CERTIFY = "certify --model {files}/model --store {new} --slice :2 --n 20 --n0 10"
ATTACK = "attack {files}/run --inside --steps 1 --restarts 1 --copies 2 --n 20"


@pytest.mark.parametrize("number", [LONG, ENDLESS])
@pytest.mark.parametrize(
    "command",
    [
        *(f"{TRAIN} --{option}" for option in ("epochs", "batch", "decay-every", "seed")),
        *(f"{CERTIFY} --{option}" for option in ("n", "n0", "batch", "workers", "seed")),
        *(f"{ATTACK} --{option}" for option in ("n", "steps", "copies", "restarts", "seed")),
        f"{CERTIFY} --sampling exact --levels",
        "radius gaussian(sigma=1) --misses 1 --n",
        "audit batch-invariance --model {files}/model --copies",
        "quickstart --store {new} --n",
        "quickstart --store {new} --epochs",
        "predict --model {files}/model --store {new} --n",
    ],
)
def test_numbers_without_end(command: str, number: str, wulff, files: Path, tmp_path: Path) -> None:
    result = wulff(*(part.format(files=files, new=tmp_path / "new") for part in command.split()), number)
    assert result.code == 2, result
    assert len(result.err.splitlines()) == 1
    assert len(result.err) < 1000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [LONG, ENDLESS])
def test_slices_without_end(number: str, wulff, files: Path, tmp_path: Path) -> None:
    for text in (f"{number}:", f":{number}", f"::{number}"):
        result = wulff(*TRAIN.format(new=tmp_path / "new").split(), "--slice", text)
        assert result.code == 2
        assert "--slice must look like" in result.err
        assert len(result.err) < 1000


@pytest.mark.parametrize("threads", ["", "0", "-1", "1.5", "x", "1025", ENDLESS, LONG, "１"])
def test_threads(threads: str, wulff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WULFF_THREADS", threads)
    result = wulff("noises")
    assert result.code == 2
    assert result.err.startswith("wulff: WULFF_THREADS must be a number from 1 to 1024, got ")
    assert len(result.err) < 200


def test_blas_starts_with_the_threads_that_were_asked_for() -> None:
    program = (
        "import threadpoolctl\nfrom wulff.cli import main\n"
        "try: main(['noises'])\nexcept SystemExit: print(threadpoolctl.threadpool_info())"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_THREADS")}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    pools = ast.literal_eval(found.stdout.splitlines()[-1])
    assert {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"} == {1}


@pytest.mark.parametrize("verb", ["report", "ls", "compare", "recertify", "sweep", "import", "download"])
def test_names_that_are_not_utf8_are_refused(verb: str, wulff, tmp_path: Path) -> None:
    result = wulff(verb, "\udcff\udcfe")
    assert result.code == 2
    assert "is not UTF-8" in result.err
    assert len(result.err.splitlines()) == 1


def test_names_that_are_not_utf8_are_printed_with_escapes(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.mkdir(folder)
    (tmp_path / os.fsdecode(folder) / "spec.toml").write_text("[run")
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="utf-8")
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
        main(["ls", str(tmp_path)])
    out.flush()
    assert ended.value.code in (0, None)
    assert b"udcff" in written.getvalue()
    assert b"damaged" in written.getvalue()


def test_a_zero_character_in_a_sweep(wulff, files: Path, tmp_path: Path) -> None:
    for text in (
        'store = "a\\u0000b"\n[certify]',
        '[certify]\nmodel = "a\\u0000b"',
        '[certify]\n"a\\u0000" = 1',
    ):
        file = tmp_path / "sweep.toml"
        file.write_text(text)
        result = wulff("sweep", str(file))
        assert result.code == 2
        assert "a zero character that no path or name can have" in result.err
        assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"]


def test_deeply_nested_files_of_sweeps(wulff, files: Path, tmp_path: Path) -> None:
    deep, plan = tmp_path / "deep.toml", tmp_path / "store" / "plan.json"
    deep.write_text("store = " + "[" * 100_000)
    result = wulff("sweep", str(deep))
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    good = tmp_path / "good.toml"
    good.write_text(f'store = "{plan.parent}"\n[certify]\nmodel = "{files}/model"\nn = 20\nslice = ":2"\n')
    plan.parent.mkdir()
    for text in ("[" * 100_000, "[]", '{"runs/model": 1}', "{"):
        plan.write_text(text)
        result = wulff("sweep", str(good))
        assert (result.code, len(result.err.splitlines())) == (2, 1)
        assert "is not a readable plan of a sweep" in result.err
        assert plan.read_text() == text


def test_a_run_that_cannot_be_read_is_a_line(wulff, files: Path, tmp_path: Path) -> None:
    for name, text in {"a": "[run", "b": "x = " + "[" * 100_000, "c": 'run = "x"', "d": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.toml").write_text(text)
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "spec.toml").mkdir()
    shutil.copytree(files / "run", tmp_path / "good")
    result = wulff("ls", str(tmp_path))
    assert result.code == 0, result
    assert "finished" in result.out.splitlines()[-1]
    assert sum("damaged: " in line for line in result.out.splitlines()) == 4


def test_links_that_lead_in_a_circle(wulff, files: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for command in (
        "recertify {files}/run --store {loop}/x",
        "recertify {files}/run --store {loop}",
        "certify --model {loop} --store {loop}/x",
        "import {loop} --store {loop}",
        "report {loop}",
        "sweep {loop}",
        "ls {loop}",
    ):
        result = wulff(*(part.format(files=files, loop=tmp_path / "loop") for part in command.split()))
        assert result.code == 2, command
        assert len(result.err.splitlines()) == 1, command


def test_a_long_sweep_is_listed_in_no_time(wulff, files: Path, tmp_path: Path) -> None:
    values = ", ".join(map(str, range(1, 301)))
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(
        f'store = "S"\n[certify]\nmodel = "m"\nn = [{values}]\nseed = [{values[: values.index(" 41")]}]\n'
    )
    result = wulff("sweep", str(sweep), "--dry-run")
    assert result.code == 0
    assert len(result.out.splitlines()) == 300 * 40


@pytest.mark.parametrize(
    ("command", "radius"),
    [
        ("gaussian(sigma=.5) --rho .9", "0.640775"),
        ("laplace(scale=1) --rho .9 --norm l1", "1.609437"),
        ("exp-l1(scale=1,j=0,k=1) --rho .9 --norm l1", "1.609437"),
    ],
)
def test_a_radius_that_is_the_same_in_all_dimensions(command: str, radius: str, wulff) -> None:
    result = wulff("radius", *command.split())
    assert result.out.startswith(f"{radius}  ")
    assert wulff("radius", *command.split(), "--dim", "784").out == result.out


@pytest.mark.parametrize(
    "command", ["gaussian(sigma=.5) --norm linf", "uniform(sigma=1) --norm l2", "exp-l2(scale=1,j=0,k=1)"]
)
def test_a_radius_that_depends_on_the_dimension(command: str, wulff) -> None:
    result = wulff("radius", *command.split(), "--rho", ".9")
    assert result.code == 2
    assert "depends on the dimension; give --dim" in result.err
