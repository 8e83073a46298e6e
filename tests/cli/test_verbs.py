"""The verbs do what they say, on small real jobs."""

import json
import re
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wulff as package
from wulff import certified_radius, runs
from wulff._numerics.rounding import decimal_down, decimal_up, figures_down, figures_up, float_at_least
from wulff.noises import NOISES


def test_radius_prints_a_number_rounded_down(wulff) -> None:
    result = wulff("radius", "uniform(sigma=0.5)", "--norm", "l1", "--dim", "3072", "--rho", "0.99")
    assert result.code == 0
    exact = float(certified_radius("uniform(sigma=0.5)", 0.01, "l1", 3072).radius)
    printed = float(result.out.split()[0])
    assert printed <= exact < printed + 1e-6
    assert "closed-form, tight" in result.out


def test_radius_json_has_the_contracts_fields(wulff) -> None:
    arguments = ["radius", "laplace(scale=1)", "--norm", "l2", "--dim", "16", "--error", "0.1"]
    line = json.loads(wulff(*arguments, "--json").out)
    assert list(line) == ["noise", "norm", "dim", "error", "radius", "method", "tight"]
    assert line["radius"] == float(certified_radius("laplace(scale=1)", 0.1, "l2", 16).radius)
    lines = wulff(*arguments, "--json", "--method", "all").out.splitlines()
    radii = [json.loads(text)["radius"] for text in lines]
    assert len(radii) >= 2
    assert radii == sorted(radii, reverse=True)
    assert radii[0] == line["radius"]


def test_probabilities_are_read_exactly_and_rounded_up(wulff) -> None:
    result = wulff(
        "radius", "laplace(scale=1)", "--norm", "l1", "--dim", "1", "--json", "--rho", "0." + "9" * 30
    )
    error = json.loads(result.out)["error"]
    assert error == float_at_least(Decimal("1e-30"))


@pytest.mark.parametrize(
    ("option", "text", "truth"),
    [
        ("--rho", "0.74" + "9" * 40, Fraction(1, 4) + Fraction(1, 10**42)),
        ("--error", "1e-999999999999", Fraction(1, 10**400)),
    ],
)
def test_numbers_with_many_digits_or_places_round_up(wulff, option: str, text: str, truth: Fraction) -> None:
    result = wulff("radius", "laplace(scale=1)", "--norm", "l1", "--dim", "1", "--json", option, text)
    assert Fraction(json.loads(result.out)["error"]) >= truth


def test_radius_from_counts_and_abstention(wulff) -> None:
    counted = wulff(
        "radius", "uniform(sigma=0.5)", "--norm", "l1", "--dim", "4", "--misses", "12", "--n", "100000"
    )
    assert counted.code == 0
    nothing = wulff("radius", "uniform(sigma=0.5)", "--norm", "l1", "--dim", "4", "--error", "0.5")
    assert nothing.out.startswith("0.000000")
    assert "nothing is certified" in nothing.out


def test_noises_lists_every_noise(wulff) -> None:
    result = wulff("noises")
    assert result.code == 0
    for name in NOISES:
        assert any(line.startswith(name) for line in result.out.splitlines())
    assert "exact" in result.out
    assert "lower bound" in result.out


def test_noises_names_the_file_of_each_theorem(wulff) -> None:
    lines = wulff("noises", "--files").out.partition("\n\n")[0].splitlines()
    assert len(lines) == len(wulff("noises").out.partition("\n\n")[0].splitlines())
    at = lines[0].index("file ")
    for line in lines[1:]:
        file = Path(package.__file__).parents[1] / line[at:].split()[0]
        assert re.search("^@_?register|^@converter", file.read_text(), flags=re.MULTILINE), line


def test_plan(wulff) -> None:
    result = wulff(
        "plan", "--radius", "0.5", "--noise", "uniform(sigma=0.5)", "--norm", "l1", "--rho", "0.95"
    )
    assert result.code == 0
    assert "n = 30 samples at least" in result.out
    assert "100,000" in result.out
    exact = wulff("plan", "--radius", "0.1234567", "--noise", "uniform(sigma=0.5)", "--norm", "l1")
    assert "The l1 radius 0.1234567 needs" in exact.out
    impossible = wulff("plan", "--radius", "5", "--noise", "uniform(sigma=0.5)", "--norm", "l1")
    assert impossible.code == 0
    assert "No n certifies" in impossible.out


def test_certify_writes_a_run_folder_as_promised(wulff, files: Path) -> None:
    folder = files / "run"
    spec = tomllib.loads((folder / "spec.toml").read_text())
    assert spec["run"]["noise"] == "uniform(sigma=0.5)"
    assert spec["run"]["norms"] == ["l1", "l2"]
    assert set(spec["hashes"]) == {"weights", "data"}
    assert spec["run"]["architecture"] == "cnn"
    assert "torch" in spec["versions"]
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    for line in lines:
        assert set(line) == {
            "index", "label", "predict", "n", "error", "counts", "radii", "checksum", "seconds",
        }  # fmt: skip
        assert sum(line["counts"]["selection"].values()) == 10
        assert sum(line["counts"]["estimation"].values()) == 50
        assert set(line["radii"]) == {"l1", "l2"}
    assert json.loads((folder / "summary.json").read_text())["inputs"] == 3


def test_every_radius_in_a_run_follows_from_its_counts(files: Path) -> None:
    from wulff.stats import error_upper_bound

    run = runs.load(files / "run")
    for record in run.records:
        selected = max(sorted(record.counts["selection"]), key=record.counts["selection"].__getitem__)
        error = float(error_upper_bound(50 - record.counts["estimation"].get(selected, 0), 50, 0.001))
        assert record.error == error
        for norm, found in record.radii.items():
            assert found.radius == float(certified_radius("uniform(sigma=0.5)", error, norm, 64).radius)


def test_predict_and_report(wulff, files: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "prediction")
    arguments = ["predict", "--model", str(files / "model"), "--slice", ":4", "--n", "100", "--store", store]
    assert wulff(*arguments).code == 0
    assert wulff(*arguments).code == 0  # already finished
    assert "accuracy" in wulff("report", store).out


@pytest.mark.parametrize("style", ["text", "md", "latex", "csv"])
def test_report_formats(wulff, files: Path, style: str) -> None:
    result = wulff("report", str(files / "run"), "--norm", "l2", "--radii", "0,0.05", "--format", style)
    assert result.code == 0
    assert "0.05" in result.out
    assert result.err == ""


def test_report_with_every_row(wulff, files: Path) -> None:
    run = str(files / "run")
    options = ["--envelope", "--confidence", "0.999", "--average", "--radii-in", "rows", "--radii", "0,0.1"]
    result = wulff("report", run, run, *options)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("l1 radius")
    assert "envelope (valid: alpha / 2 each), with probability 0.999" in lines[0]
    assert [line.split()[0] for line in lines[2:5]] == ["0", "0.1", "average"]


def test_report_files(wulff, files: Path, tmp_path: Path) -> None:
    for name in ("figure.png", "figure.pdf", "page.html"):
        assert wulff("report", str(files / "run"), "-o", str(tmp_path / name)).code == 0
        assert (tmp_path / name).stat().st_size > 1000


def test_import_and_report(wulff, files: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "log")
    result = wulff("import", str(files / "good.tsv"), "--store", store)
    assert result.code == 0
    assert "1 inputs" in result.out
    assert "1.000" in wulff("report", store, "--radii", "0.3775").out
    assert "1.000" not in wulff("report", store, "--radii", "0.378").out.splitlines()[2]


def test_weights_without_description_need_an_architecture(wulff, files: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    state = load_file(files / "model" / "weights.safetensors")
    torch.save(state, tmp_path / "plain.pt")
    arguments = ["certify", "--model", str(tmp_path / "plain.pt"), "--slice", ":2", "--n", "20"]
    arguments += ["--store", str(tmp_path / "run")]
    assert "--architecture" in wulff(*arguments).err
    assert "give --noise" in wulff(*arguments, "--architecture", "cnn").err
    assert wulff(*arguments, "--architecture", "cnn", "--noise", "gaussian(sigma=0.5)").code == 0
    torch.save({"model": {"weight": object}}, tmp_path / "pickled.pt")
    pickled = wulff("certify", "--model", str(tmp_path / "pickled.pt"), "--store", str(tmp_path / "new"))
    assert pickled.code == 2
    assert "more than tensors" in pickled.err


def test_quickstart_in_small(wulff, tmp_path: Path) -> None:
    store = tmp_path / "quickstart"
    arguments = ["quickstart", "--store", str(store), "--images", "8", "--n", "100", "--epochs", "2"]
    result = wulff(*arguments)
    assert result.code == 0
    for norm in ("l1", "l2"):
        assert f"{norm} radius" in result.out
        assert (store / "report" / f"{norm}.md").exists()
    assert (store / "report" / "certified_accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert (store / "report" / "report.html").exists()
    assert "Against l1 at equal sigma" in result.out
    assert wulff(*arguments).out == result.out  # again: nothing is trained or certified twice
    assert "was trained for 2 epochs, not 3" in wulff(*arguments[:-1], "3").err


def test_version_and_help(wulff) -> None:
    assert wulff("--version").code == 0
    assert "certify" in wulff().out
    for verb in (
        "radius",
        "noises",
        "train",
        "certify",
        "predict",
        "report",
        "plan",
        "limits",
        "advise",
        "import",
        "recertify",
        "quickstart",
    ):
        assert wulff(verb, "--help").code == 0


def test_recertify_prints_a_table_or_stores_a_run(wulff, files: Path, tmp_path: Path) -> None:
    before = (files / "run" / "records.jsonl").read_bytes()
    printed = wulff("recertify", str(files / "run"), "--norm", "linf", "--alpha", "0.05", "--n", "40")
    assert printed.code == 0
    assert "linf radius" in printed.out
    assert "1 - 0.05" in printed.out
    assert "from 40 others" in printed.out
    assert (files / "run" / "records.jsonl").read_bytes() == before
    store = tmp_path / "again"
    arguments = ["recertify", str(files / "run"), "--bound", "two-sided", "--store", str(store)]
    for _ in range(2):  # the second time nothing is left to do
        assert wulff(*arguments).code == 0
    assert runs.load(store).terms.bound == "two-sided"
    assert json.loads((store / "summary.json").read_text())["inputs"] == 3
    assert wulff("report", str(store), "-o", str(tmp_path / "page.html")).code == 0
    assert "simultaneous Clopper-Pearson" in (tmp_path / "page.html").read_text()


def test_exact_sampling_and_the_randomised_estimator(wulff, files: Path, tmp_path: Path) -> None:
    arguments = ["--model", str(files / "model"), "--slice", ":3", "--n", "100"]
    exact = [*arguments, "--sampling", "exact", "--levels", "16"]
    store = tmp_path / "run"
    randomized = ["--norm", "l1", "--estimator", "randomized-clopper-pearson", "--store", str(store)]
    assert wulff("certify", *exact, *randomized).code == 0
    run = runs.load(store)
    assert (run.spec.sampling, run.spec.levels) == ("exact", 16)
    assert all(0 < (record.draw or 0) <= 1 for record in run.records)
    assert len({record.draw for record in run.records}) == 3
    statement = run.statement
    assert "one uniform number for each input" in statement
    assert "multiples of 1/" in statement
    assert wulff("predict", *exact, "--store", str(tmp_path / "prediction")).code == 0


def test_plots(wulff, tmp_path: Path) -> None:
    radii = ["plot", "radii", "uniform(sigma=1)", "laplace(sigma=1)", "--dim", "64"]
    assert wulff(*radii, "-o", str(tmp_path / "radii.png")).code == 0
    methods = ["plot", "methods", "laplace(scale=1)", "--norm", "l2"]
    assert wulff(*methods, "-o", str(tmp_path / "methods.svg")).code == 0
    assert wulff(*radii, "-o", str(tmp_path / "radii.gif")).code == 2
    assert wulff("plot", "crystal", "--norm", "l1", "-o", str(tmp_path / "crystal.png")).code == 0
    assert wulff("plot", "crystal", "--dim", "2", "-o", str(tmp_path / "crystal.svg")).code == 0
    levels = ["plot", "levels", "laplace(sigma=0.5)", "--shift", "0.4,0.2"]
    assert wulff(*levels, "-o", str(tmp_path / "levels.png")).code == 0
    assert len(list(tmp_path.iterdir())) == 5


@given(value=st.floats(1e-300, 1e300), digits=st.integers(1, 12))
def test_figures_are_rounded_outwards(value: float, digits: int) -> None:
    low, high = figures_down(value, digits), figures_up(value, digits)
    assert Decimal(low) <= Decimal(value) <= Decimal(high)
    assert Decimal(high) - Decimal(low) <= Decimal(10) ** (1 - digits) * Decimal(value)
    assert Decimal(decimal_down(value, 4)) <= Decimal(value) <= Decimal(decimal_up(value, 4))
    assert figures_down(0.0, digits) == "0"
    assert figures_down(0.00369999, 4) == "0.003699"


def test_limits(wulff) -> None:
    result = wulff("limits", "--norm", "linf", "--dim", "20")
    assert result.code == 0
    bound, gaussian = (
        [float(cell) for cell in line.split()[-3:]]
        for name in ("none can exceed", "gaussian")
        for line in result.out.splitlines()
        if line.startswith(name) and ":" not in line
    )
    assert all(low < high for low, high in zip(gaussian, bound, strict=True))
    assert "left open by the theory" in result.out
    lines = [json.loads(line) for line in wulff("limits", "--dim", "20", "--json").out.splitlines()]
    assert [line["dim"] for line in lines] == [1, 10, 20]
    assert lines[-1]["attained"]["gaussian(scale=1)"] < lines[-1]["bound"]
    used = wulff("limits", "--dim", "20", "--noise", "gaussian(sigma=0.5)", "--epsilon", "0.05")
    assert used.out.startswith("gaussian(sigma=0.5): at epsilon = 0.05, s = 0.1727")
    assert "l = 0.6826" in used.out
    unused = wulff("limits", "--dim", "20", "--noise", "uniform(sigma=0.5)", "--epsilon", "5", "--json")
    assert json.loads(unused.out)["s"] == 0.5


def test_advise(wulff) -> None:
    arguments = ["advise", "--norm", "l1", "--dim", "64", "--sigma", "0.5", "--rho", "0.8,0.999"]
    result = wulff(*arguments)
    assert result.code == 0
    assert "The crystal is the cube" in result.out
    lines = [json.loads(line) for line in wulff(*arguments, "--json").out.splitlines()]
    assert [line["noise"].split("(")[0] for line in lines] == ["uniform", "laplace"]
    for line in lines:
        found = certified_radius(line["noise"], line["error"], "l1")
        assert line["radius"] == pytest.approx(float(found.radius), rel=1e-12)
        assert line["second"] < line["radius"]
    assert lines[0]["reason"].startswith("shape")
    assert lines[1]["reason"].startswith("tail")
    few = wulff(*arguments, "--noise", "gaussian(scale=1)", "--noise", "pareto(scale=1,a=1)")
    assert "pareto(a=1) is left out" in few.out
    tail = wulff("advise", "--norm", "l2", "--dim", "64", "--rho", "0.6,0.9999")
    assert "at 0.9999: exp-l2" in tail.out  # every change of the winner has its reason
    huge = wulff("advise", "--norm", "l1", "--dim", "64", "--sigma", "1e250", "--rho", "0.9")
    assert huge.code == 0
    assert "e+250" in huge.out


def test_plots_of_runs(wulff, files: Path, tmp_path: Path) -> None:
    run = str(files / "run")
    for number, arguments in enumerate(
        [
            ["accuracy", run, run, "--envelope"],
            ["confidence", run, "--norm", "l2"],
            ["training", run, "--radii", "0,0.1"],
            ["samples", run, "--n", "20", "--n", "100"],
            ["alphas", run, "--alpha", "0.1"],
            ["images", "laplace", "uniform", "--sigma", "0,0.5", "--input", "3"],
            ["images", run],
        ]
    ):
        file = tmp_path / f"{number}.png"
        assert wulff("plot", *arguments, "-o", str(file)).code == 0, arguments
        assert file.read_bytes().startswith(b"\x89PNG")
    assert "there is no mismatch" in wulff("plot", "mismatch", run).err
    assert "about gaussian noise" in wulff("plot", "bounds", run).err
    every = wulff("plot", "all", run, "-o", str(tmp_path / "figures"))
    assert every.code == 0
    assert len(every.out.splitlines()) == 7
    assert "mismatch is not drawn" in every.err


def test_certify_with_early_stopping(wulff, files: Path, tmp_path: Path) -> None:
    arguments = ["certify", "--model", str(files / "model"), "--slice", ":4", "--n", "5000", "--norm", "l1"]
    store = str(tmp_path / "run")
    assert wulff(*arguments, "--store", store, "--stop-radii", "0.1,0.2").code == 0
    run = runs.load(store)
    assert isinstance(run.spec, runs.Spec)
    assert run.spec.stop is not None
    assert run.spec.stop.skip_incorrect is True
    for record in run.records:
        votes = record.counts["selection"]
        assert 0 <= (record.n or 0) <= 5000
        assert record.n == 0 or max(votes, key=votes.__getitem__) == record.label
    every = str(tmp_path / "every")
    assert wulff(*arguments, "--store", every, "--stop-radii", "0.1,0.2", "--all-inputs").code == 0
    for record in runs.load(every).records:  # all but those of which no label will have a majority
        assert (record.n or 0) > 0 or max(record.counts["selection"].values()) < 50
    assert wulff("report", store, "-o", str(tmp_path / "page.html")).code == 0
    page = (tmp_path / "page.html").read_text()
    assert "whenever sampling stops, none where the selected label is wrong" in page
    two = str(tmp_path / "two")
    assert wulff(*arguments, "--store", two, "--bound", "two-sided").code == 0
    assert wulff(*arguments, "--store", two, "--bound", "three-sided").code == 2
    assert wulff(*arguments, "--store", two, "--skip-incorrect").code == 2


def test_compare_and_ls(wulff, files: Path, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    certify = ["certify", "--model", str(files / "model"), "--slice", ":3", "--n", "80", "--n0", "10"]
    assert wulff(*certify, "--norm", "l2", "--store", other).code == 0
    result = wulff("compare", str(files / "run"), other, "--radii", "0.05")
    assert result.code == 0
    assert result.out.startswith("l2 radius")
    assert "On 3 inputs, other certifies" in result.out
    assert "label by run" in wulff("compare", str(files / "run"), other, "--format", "csv").out
    listed = wulff("ls", str(files), "--format", "csv")
    assert listed.code == 0
    lines = {Path(line.split(",")[0]).name: line for line in listed.out.splitlines()[1:]}
    assert "certify" in lines["run"]
    assert "3 of 3" in lines["run"]
    assert lines["run"].endswith("finished")
    assert "damaged" in lines["torn"]
    assert "not-a-run" not in lines


def test_sweep(wulff, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        "[train]\nnoise = 'laplace'\nsigma = [0.3, 0.5]\nepochs = 1\n"
        "[certify]\nslice = ':3'\nn = 20\nn0 = 5\nnorms = ['l1']\n"
    )
    store = str(tmp_path / "store")
    listed = wulff("sweep", str(file), "--store", store, "--dry-run")
    assert listed.out.count("to do") == 4
    assert not (tmp_path / "store").exists()
    made = wulff("sweep", str(file), "--store", store)
    assert made.code == 0
    assert "2 of 2: sigma0.5 is finished" in made.out
    assert made.out.strip().endswith("report.html")
    assert wulff("sweep", str(file), "--store", store, "--dry-run").out.count("finished") == 4
    file.write_text(file.read_text().replace("[certify]", "model = ['cnn', 'none']\n[certify]"))
    failed = wulff("sweep", str(file), "--store", str(tmp_path / "other"))
    assert failed.code == 2
    assert "unknown architecture 'none'" in failed.err
    assert not (tmp_path / "other").exists()
