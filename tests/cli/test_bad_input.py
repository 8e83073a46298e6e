"""Bad input gets one clear line on stderr and exit status 2: no traceback, and nothing is written."""

import hashlib
import io
from pathlib import Path

import pytest
import torch
from rich.console import Console

from wulff import Smoothed
from wulff._progress import progress_bar

RADIUS = "radius uniform(sigma=0.5) --norm l1 --dim 64"
CERTIFY = "certify --model {files}/model --store {files}/new --slice :2 --n 20"
PREDICT = "predict --model {files}/model --store {files}/new --slice :2 --n 20"
PLAN = "plan --noise uniform(sigma=0.5) --norm l1 --radius 0.5"
TRAIN = "train --store {files}/new --epochs 1"
REPORT = "report {files}/run"
RECERTIFY = "recertify {files}/run"
IMPORT = "import --store {files}/new"

CASES = [
    # numbers and names
    ("radius cauchy(scale=1) --norm l1 --dim 2 --rho .9", "unknown noise 'cauchy'"),
    ("radius uniform --norm l1 --dim 2 --rho .9", "cannot read the noise"),
    ("radius uniform(sigma=0.5 --norm l1 --dim 2 --rho .9", "cannot read the noise"),
    ("radius uniform(0.5) --norm l1 --dim 2 --rho .9", "takes scale or sigma, and dim"),
    ("radius uniform(width=0.5) --norm l1 --dim 2 --rho .9", "takes scale or sigma, and dim"),
    ("radius uniform(sigma=1,sigma=2) --norm l1 --dim 2 --rho .9", "sigma twice"),
    ("radius uniform(sigma=1,scale=2) --norm l1 --dim 2 --rho .9", "got both"),
    ("radius uniform() --norm l1 --dim 2 --rho .9", "got neither"),
    ("radius uniform(sigma=0) --norm l1 --dim 2 --rho .9", "must be positive"),
    ("radius uniform(sigma=-1) --norm l1 --dim 2 --rho .9", "must be positive"),
    ("radius uniform(sigma=nan) --norm l1 --dim 2 --rho .9", "sigma must be positive and finite, got nan"),
    ("radius uniform(sigma=inf) --norm l1 --dim 2 --rho .9", "finite"),
    ("radius uniform(sigma=one) --norm l1 --dim 2 --rho .9", "must be a number"),
    ("radius uniform(sigma=__import__('os')) --norm l1 --dim 2 --rho .9", "sigma must be a number"),
    ("radius uniform(sigma=1,dim=3) --norm l1 --dim 2 --rho .9", "made for dim=3"),
    (f"{RADIUS} --rho 1.7", "--rho must lie in (0.5, 1), got 1.7"),
    (f"{RADIUS} --rho 0.5", "--rho must lie in (0.5, 1)"),
    (f"{RADIUS} --rho nan", "finite"),
    (f"{RADIUS} --rho high", "must be a number"),
    (f"{RADIUS} --error 0", "--error must lie in (0, 1]"),
    (f"{RADIUS} --error 1.5", "--error must lie in (0, 1]"),
    (f"{RADIUS} --rho .9 --error .1", "give one of"),
    (RADIUS, "give one of"),
    (f"{RADIUS} --misses 3", "belong together"),
    (f"{RADIUS} --misses 30 --n 20", "--misses must lie between 0 and --n, got 30"),
    (f"{RADIUS} --misses 3 --n 0", "n must be a positive integer"),
    (f"{RADIUS} --misses 3 --n 20 --alpha 2", "alpha must lie in (0, 1)"),
    (f"{RADIUS} --misses 3 --n 20 --alpha 0", "alpha must lie in (0, 1)"),
    (f"{RADIUS} --rho .9 --alpha 2", "alpha must lie in (0, 1)"),
    (f"{RADIUS} --rho .9 --method magic", "no method 'magic'"),
    ("radius uniform(sigma=0.5) --norm l0.5 --dim 64 --rho .9", "p ≥ 1"),
    ("radius uniform(sigma=0.5) --norm lp --dim 64 --rho .9", "unknown norm"),
    ("radius uniform(sigma=0.5) --norm lp(nan) --dim 64 --rho .9", "p ≥ 1"),
    ("radius uniform(sigma=0.5) --norm l1 --dim 0 --rho .9", "dim must be a positive integer"),
    ("radius uniform(sigma=0.5) --norm l1 --dim 2.5 --rho .9", "--dim"),
    ("radius uniform(sigma=0.5) --norm l2 --rho .9", "depends on the dimension; give --dim"),
    ("radius", "Missing argument"),
    ("fly", "No such command"),
    (f"{RADIUS} --colour red", "No such option"),
    (
        "train --noise uniform(sigma=1) --store {files}/good.npz/new --epochs 1",
        "is no folder to write to",
    ),
    # planning
    (f"{PLAN} --alpha 2", "alpha must lie in (0, 1)"),
    ("plan --noise uniform(sigma=0.5) --norm l1 --radius 0", "must be positive"),
    ("plan --noise uniform(sigma=0.5) --norm l2 --radius 0.5", "depends on the dimension"),
    (f"{PLAN} --rho 0.3", "--rho must lie in"),
    # geometry
    ("limits --norm linf --dim 0", "dim must be a positive integer"),
    (f"limits --norm linf --dim {'9' * 26}", "dim must be at most 1,000,000,000,000"),
    ("limits --norm l7x --dim 8", "unknown norm"),
    ("limits --norm linf --dim 8 --s 0.5", "s must lie in (0, 0.5)"),
    ("limits --norm linf --dim 8 --l 0", "l must lie in (0, 1]"),
    ("limits --norm linf --dim 8 --l 1", "l must be below 1"),
    ("limits --norm linf --dim 8 --noise unif(scale=1)", "unknown noise"),
    ("limits --norm linf --dim 8 --epsilon 0.1", "at least one --noise"),
    ("limits --norm linf --dim 8 --epsilon -1 --noise uniform(scale=1)", "epsilon must be positive"),
    ("limits --norm linf", "Missing option"),
    ("advise --norm l1 --dim 8 --sigma 0", "sigma must be positive"),
    ("advise --norm l1 --dim 8 --rho 0.5", "--rho must lie in (0.5, 1)"),
    ("advise --norm l1 --dim 8 --rho 0.9,high", "must be a number"),
    ("advise --norm l1 --dim 8 --noise pareto(scale=1,a=1)", "no noise is left"),
    ("advise --norm l1 --dim 0", "dim must be a positive integer"),
    ("plot crystal --norm lp(3) -o {files}/new.png", "definition 5.1 averages over vertices"),
    ("plot crystal --norm linf --dim 4 -o {files}/new.png", "'4' is not one of "),
    ("plot crystal --norm linf -o {files}/new.gif", "a figure must end in"),
    ("plot levels uniform(sigma=1) --shift 1,x -o {files}/new.png", "--shift must be numbers"),
    ("plot levels uniform(sigma=1) --shift nan,1 -o {files}/new.png", "two finite numbers"),
    ("plot images laplace --sigma -1 -o {files}/new.png", "--sigma must be at least 0 and finite"),
    ("plot levels uniform(sigma=1) --shift 1 -o {files}/new.png", "two finite numbers"),
    ("plot levels uniform(sigma=1) --p 2 -o {files}/new.png", "p must lie in (0, 1)"),
    ("plot gallery -o {files}/new", "make it first"),
    # models
    ("certify --model {files}/nothing.pt --store {files}/new", "no weights at"),
    ("certify --model {files}/not-a-run --store {files}/new", "no weights at"),
    ("certify --model {files}/garbage.safetensors --store {files}/new", "is not a readable file of weights"),
    ("certify --model {files}/cut.safetensors --store {files}/new", "is not a readable file of weights"),
    ("certify --model {files}/garbage.pt --store {files}/new", "damaged"),
    # data
    (f"{CERTIFY} --dataset nothing", "unknown data set 'nothing'"),
    (f"{CERTIFY} --dataset {{files}}/nothing.npz", "no .npz file at"),
    (f"{CERTIFY} --dataset {{files}}/garbage.npz", "not a readable .npz"),
    (f"{CERTIFY} --dataset {{files}}/pickled.npz", "not a readable .npz"),
    (f"{CERTIFY} --dataset {{files}}/nothing-in-it.npz", "not a readable .npz"),
    (f"{CERTIFY} --dataset {{files}}/channels-first.npz", "channels last"),
    (f"{TRAIN} --noise uniform(sigma=1) --dataset {{files}}/million.npz", "labels must lie below 1,000,000"),
    (f"{TRAIN} --noise uniform(sigma=1) --seed -1", "--seed must be an integer of at least 0"),
    (f"{CERTIFY} --dataset {{files}}/nan.npz", "NaN"),
    (f"{CERTIFY} --dataset {{files}}/bright.npz", "divide 8-bit pixels by 255"),
    (f"{CERTIFY} --dataset {{files}}/large.npz", "takes inputs of shape (1, 8, 8)"),
    (f"{CERTIFY} --dataset {{files}}/flat.npz", "images must be"),
    (f"{CERTIFY} --dataset {{files}}/empty.npz", "labels must be integers of shape (n,)"),
    (f"{CERTIFY} --dataset {{files}}/unlabelled.npz", "must hold the arrays images and labels"),
    (f"{CERTIFY} --dataset {{files}}/few.npz", "one label each"),
    (f"{CERTIFY} --dataset {{files}}/classes.npz", "labels up to"),
    (f"{CERTIFY} --dataset {{files}}/negative.npz", "labels must lie between"),
    (f"{CERTIFY} --slice 2", "--slice must look like"),
    (f"{CERTIFY} --slice 1000:", "takes none of"),
    (f"{CERTIFY} --slice ::0", "--slice must look like"),
    # parameters of runs
    (f"{CERTIFY} --n 0", "n must be a positive integer, got 0"),
    (f"{CERTIFY} --n0 0", "n0 must be a positive integer"),
    (f"{CERTIFY} --n -5", "n must be a positive integer"),
    (f"{CERTIFY} --alpha 2", "alpha must lie in (0, 1)"),
    (f"{CERTIFY} --norm l7x", "unknown norm"),
    (f"{CERTIFY} --noise uniform(sigma=x)", "must be a number"),
    (f"{CERTIFY} --seed -1", "seed must be an integer from 0"),
    (f"{CERTIFY} --seed x", "--seed must be an integer or `random`"),
    (f"{CERTIFY} --batch 0", "batch must be a positive integer"),
    (f"{CERTIFY} --device abacus", "cannot use the device"),
    (f"{CERTIFY} --store {{files}}/good.npz", "is a file"),
    (f"{CERTIFY} --store {{files}}/not-a-run", "is not a run"),
    (f"{CERTIFY} --store {{files}}/run", "give another folder, or the same parameters to resume"),
    (f"{CERTIFY} --store {{files}}/bad-spec", "damaged"),
    (f"{CERTIFY} --estimator wilson", "'wilson' is not one of 'clopper-pearson', "),
    (f"{CERTIFY} --estimator randomized-clopper-pearson --stop-relative 0.1", "needs a fixed n"),
    (f"{CERTIFY} --sampling precise", "'precise' is not one of 'float', 'exact'"),
    (f"{CERTIFY} --sampling exact", "give levels=16"),
    (f"{CERTIFY} --sampling exact --levels 0", "levels must be an integer"),
    (f"{CERTIFY} --sampling exact --levels 16 --noise pareto(scale=1,a=3)", "exists for gaussian, laplace"),
    (f"{CERTIFY} --sampling exact --dataset {{files}}/good.npz", "round them to the grid first"),
    (f"{PREDICT} --n 0", "n must be a positive integer"),
    (f"{PREDICT} --alpha 1", "alpha must lie in (0, 1)"),
    (f"{TRAIN} --noise unif(sigma=1)", "unknown noise"),
    (f"{TRAIN} --noise uniform(sigma=1) --epochs 0", "epochs"),
    (f"{TRAIN} --noise uniform(sigma=1) --model vgg", "unknown architecture"),
    (f"{TRAIN} --noise uniform(sigma=1) --objective magic", "unknown objective"),
    (f"{TRAIN} --noise uniform(sigma=1) --learning-rate 0", "--learning-rate must be positive"),
    (f"{TRAIN} --noise uniform(sigma=1) --learning-rate 1e30", "lower the learning rate"),
    ("train --noise uniform(sigma=1) --store {files}/model", "already holds trained weights"),
    (f"{TRAIN} --noise uniform(sigma=1) --objective stability(weight=heavy)", "weight must be a number"),
    (f"{TRAIN} --noise uniform(sigma=1) --objective stability(heft=2)", "stability takes weight ≥ 0"),
    (f"{TRAIN} --noise uniform(sigma=1) --decay linear", "'linear' is not one of 'cosine', 'step'"),
    (f"{TRAIN} --noise uniform(sigma=1) --precision fp8", "'fp8' is not one of 'fp32'"),
    (f"{TRAIN} --noise uniform(sigma=1) --augmentation rotate", "'rotate' is not one of 'usual', 'none'"),
    (f"{TRAIN} --noise uniform(sigma=1) --model lenet", "lenet needs images"),
    (f"{TRAIN} --noise uniform(sigma=1) --dataset mnist:{{files}}/nowhere", "check the path"),
    (
        f"{TRAIN} --noise uniform(sigma=1) --dataset cifar10:{{files}}/not-a-run",
        "none of the forms of CIFAR-10",
    ),
    (f"{TRAIN} --noise uniform(sigma=1) --weights {{files}}/nothing.pt", "no weights at"),
    (f"{TRAIN} --noise uniform(sigma=1) --teacher {{files}}/model", "needs both"),
    (f"{TRAIN} --noise uniform(sigma=1) --device abacus", "cannot use the device"),
    ("train --noise uniform(sigma=1) --epochs 1 --store {files}/not-a-run", "holds no training"),
    ("download digits", "cannot be downloaded"),
    (f"{TRAIN} --noise uniform(sigma=1) --dataset mnist:/data --download", "leave :PATH out of mnist:/data"),
    (f"{TRAIN} --noise uniform(sigma=1) --dataset digits-train --download", "'digits' cannot be downloaded"),
    # attacks
    ("attack {files}/run", "give --inside"),
    ("attack {files}/nothing --inside", "is not a run"),
    ("attack {files}/run --inside --norm linf", "has no radii against linf"),
    ("attack {files}/run --outside 0", "--outside must be positive"),
    ("attack {files}/run --inside --seed 0", "is the run's own"),
    ("attack {files}/run --inside --batch 8", "--batch must be at least --copies = 32, got 8"),
    ("attack {files}/run --inside --n 5", "n = 5 fresh copies cannot decide at alpha 0.001"),
    ("attack {files}/run --inside --n 0", "n must be a positive integer"),
    # runs and reports
    ("report {files}/run --as-published -o {files}/x.png", "changes nothing in a figure, only in a table"),
    ("report {files}/run --format csv -o {files}/x.html", "--format changes nothing in a page"),
    ("report {files}/run --radii 1 -o {files}/x.png", "--radii changes nothing in a figure"),
    ("report {files}/run --envelope -o {files}/x.html", "--envelope changes nothing in a page"),
    ("report {files}/run --pictures 3", "--pictures changes nothing in a table, only in a page"),
    (
        "report {files}/run --norm linf -o {files}/x.html",
        "no run has radii against linf, only against l1, l2",
    ),
    ("report {files}/run --norm l0.5 -o {files}/x.html", "p ≥ 1"),
    ("report {files}/run --as-published --confidence 0.99", "bound nothing; leave out the confidence"),
    ("report {files}/nothing", "is not a run"),
    ("report {files}/not-a-run", "is not a run"),
    ("report {files}/good.npz", "is not a run"),
    ("report {files}/torn", "torn line"),
    ("report {files}/damaged", "line 2 of"),
    ("report {files}/foreign", "line 1 of"),
    ("report {files}/twice", "two records of one input"),
    ("report {files}/bad-spec", "damaged"),
    (f"{REPORT} --norm linf", "has no radii against linf"),
    (f"{REPORT} --radii 0.1,x", "--radii must be numbers"),
    (f"{REPORT} --radii -1", "radii must be at least 0"),
    (f"{REPORT} --radii nan", "radii must be at least 0"),
    (f"{REPORT} --radii-in circles", "'--radii-in': 'circles' is not one of 'columns', 'rows'"),
    (f"{REPORT} --envelope", "an envelope needs two runs"),
    (f"{REPORT} --confidence 1", "confidence must lie in (0, 1)"),
    (f"{REPORT} --confidence 2 -o {{files}}/new.html", "confidence must lie in (0, 1)"),
    (f"{REPORT} --format word", "'word' is not one of 'text', 'md'"),
    (f"{REPORT} -o {{files}}/new.gif", "a figure must end in"),
    (f"{REPORT} -o {{files}}/nowhere/new.png", "make it first"),
    (f"{REPORT} -o {{files}}/nowhere/new.html", "make it first"),
    ("compare {files}/run {files}/not-a-run", "is not a run"),
    ("compare {files}/run {files}/run --norm linf", "has no radii against linf"),
    ("compare {files}/run {files}/run --format word", "'word' is not one of 'text', 'md'"),
    ("sweep {files}/nowhere.toml", "no sweep file at"),
    ("sweep {files}/good.tsv --store {files}/new", "is not a readable sweep file"),
    ("ls {files}/nowhere", "there is no folder"),
    ("ls {files} --format word", "'word' is not one of 'text', 'md'"),
    ("plot accuracy {files}/run -o {files}/new.gif", "a figure must end in"),
    ("plot bounds {files}/run -o {files}/new.png", "about gaussian noise"),
    ("plot mismatch {files}/run -o {files}/new.png", "there is no mismatch"),
    ("plot samples {files}/run --n 0 -o {files}/new.png", "n must"),
    ("plot alphas {files}/run --alpha 2 -o {files}/new.png", "alpha must lie in (0, 1)"),
    ("plot images laplace(sigma=1) -o {files}/new.png", "cannot give 'laplace(sigma=1)'"),
    # other certificates from the counts of a run
    (f"{RECERTIFY} --n 51", "has no more votes for each input"),
    (f"{RECERTIFY} --n 0 --store {{files}}/new", "n must be a positive integer"),
    (f"{RECERTIFY} --alpha 1 --store {{files}}/new", "alpha must lie in (0, 1)"),
    (f"{RECERTIFY} --norm l0.5 --store {{files}}/new", "p ≥ 1"),
    (f"{RECERTIFY} --bound both --store {{files}}/new", "'both' is not one of 'one-sided', 'two-sided'"),
    (f"{RECERTIFY} --estimator wilson --store {{files}}/new", "'wilson' is not one of"),
    (f"{RECERTIFY} --store {{files}}/run", "give another folder"),
    (f"{RECERTIFY} --store {{files}}/not-a-run", "is not a run"),
    ("recertify {files}/not-a-run", "is not a run"),
    ("recertify {files}/torn", "torn line"),
    # logs
    (f"{IMPORT} {{files}}/nothing.tsv", "no log at"),
    (f"{IMPORT} {{files}}/good.npz", "is not a readable published log"),
    (f"{IMPORT} {{files}}/empty.tsv", "is empty"),
    (f"{IMPORT} {{files}}/no-columns.tsv", "is not a published log"),
    (f"{IMPORT} {{files}}/bad-row.tsv", "line 2 of"),
    (f"{IMPORT} {{files}}/nan-row.tsv", "line 2 of"),
    (f"{IMPORT} {{files}}/lying-row.tsv", "line 2 of"),
    ("import {files}/good.tsv --store {files}/run", "give another folder"),
]


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize(("command", "message"), CASES, ids=[case[0] for case in CASES])
def test_one_clear_line_and_exit_2(command: str, message: str, wulff, files: Path) -> None:
    before = snapshot(files)
    result = wulff(*[part.format(files=files) for part in command.split()])
    assert result.code == 2, result
    assert message in result.err
    (line,) = result.err.splitlines()
    assert line.startswith("wulff: ")
    assert not (files / "new").exists()
    assert snapshot(files) == before


def test_a_gpu_without_enough_memory(monkeypatch: pytest.MonkeyPatch, wulff, files: Path) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total ...")

    monkeypatch.setattr(Smoothed, "vote_loop", too_much)
    result = wulff(*CERTIFY.format(files=files).split())
    assert result.code == 2
    assert result.err == "wulff: CUDA out of memory; use a smaller batch, or another device.\n"
    assert not (files / "new").exists()


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[...] DefaultCPUAllocator: can't allocate memory: you tried ...")]
)
def test_not_enough_memory(error: Exception, monkeypatch: pytest.MonkeyPatch, wulff, files: Path) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Smoothed, "vote_loop", too_much)
    result = wulff(*CERTIFY.format(files=files).split())
    assert result.code == 2
    assert result.err == "wulff: there is not enough memory; use a smaller batch, or fewer copies.\n"
    assert not (files / "new").exists()


def test_a_notebook_that_asks_for_colours_is_not_taken_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its kernel sets FORCE_COLOR, and shows codes that move a cursor as they are."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar() as progress:
        progress.update(progress.add_task("certifying", total=2, words=""), completed=2)
    printed = capsys.readouterr().err
    assert "2/2" in printed
    assert "\x1b" not in printed


def test_numbers_of_a_progress_bar_stay_whole_on_a_narrow_terminal() -> None:
    with progress_bar() as progress:
        name, words = "training exp-linf(sigma=0.5,j=0,k=10)", "loss 1.856, noisy accuracy 0.372"
        progress.add_task(name, total=90, words=words)
        narrow = Console(width=80, file=io.StringIO())
        narrow.print(progress.get_renderable())
    text = narrow.file.getvalue()  # type: ignore[attr-defined]
    assert all(part in text for part in ("0/90", "0:00:00", "-:--:--", "1.856"))
