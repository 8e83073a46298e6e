"""What another package registers is a member like any: conformance, certificates, command line, workers."""

import dataclasses
import sys
import textwrap
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import special, stats
from tests.nightly import NIGHTLY
from tests.processes import Program

import wulff
from wulff import certificates, datasets, engines, geometry, models, noises, plugins, runs, testing, training
from wulff.cli import main
from wulff.errors import InputError, RunError
from wulff.noises.lattice import lattice_noise
from wulff.norms import Norm

HERE = Path(__file__).parent
SPHERICAL = ["bell(scale=1, b=2)", "exp-l2(scale=1, j=0, k=4)"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Diamond(noises.NormRadialNoise):
    """Uniform noise on |x| + |y| ≤ scale, whose two coordinates x ± y are uniform."""

    name = "diamond"
    level_norm = Norm.L1

    def radial_law(self, dim: int) -> noises.BallLaw:
        return noises.BallLaw(dim)

    def radius_mean_square(self, dim: int) -> float:
        return dim / (dim + 2)

    def draw_radius(self, out: torch.Tensor, dim: int, generator: torch.Generator) -> torch.Tensor:
        return out.uniform_(generator=generator).pow_(1 / dim)

    @classmethod
    def with_level_sets(cls, norm: Norm) -> type[noises.NormRadialNoise] | None:
        return {Norm.L1: Diamond, Norm.L2: noises.Ball}.get(norm)

    def lost_by(self, shift: np.ndarray) -> float:
        x, y = shift
        return float(1 - max(1 - abs(x + y) / 2, 0) * max(1 - abs(x - y) / 2, 0))


@pytest.fixture(scope="module", autouse=True)
def _plugin():
    """The package is known while its tests run, and its members are taken out again."""
    registries = noises.NOISES, datasets.DATASETS, engines.ENGINES, training.OBJECTIVES, models.ARCHITECTURES
    before = [dict(registry) for registry in registries]
    table = certificates.registry._TABLE
    theorems = list(table)
    sys.path.insert(0, str(HERE))
    plugins.load(["bellnoise"])
    yield
    sys.path.remove(str(HERE))
    table[:] = theorems
    plugins._loaded.remove("bellnoise")
    for registry, members in zip(registries, before, strict=True):
        registry._members = members
    for name in [name for name in sys.modules if name.partition(".")[0] == "bellnoise"]:
        del sys.modules[name]


@pytest.mark.parametrize("spec", ["logistic(scale=1)", "logistic(sigma=0.3)", "bell(scale=1, b=2)"])
@pytest.mark.parametrize("dim", [1, 5])
def test_noises_conform(spec: str, dim: int) -> None:
    testing.check_noise(noises.parse(spec), dim)


@pytest.mark.parametrize("wrong", ["radial_law", "level_profile"])
def test_a_law_that_is_not_that_of_the_draws_is_found(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """Certificates would be those of b = 2, where b = 3 is drawn."""
    noise, other = noises.parse("bell(scale=1, b=3)"), noises.parse("bell(scale=1, b=2)")
    of_another = getattr(other, wrong)
    monkeypatch.setattr(type(noise), wrong, lambda self, dim: of_another(dim))
    with pytest.raises(AssertionError):
        testing.check_noise(noise, 5)


def test_a_law_that_says_what_is_not_so_of_its_moves_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    logistic, uniform = noises.parse("logistic(scale=1)"), noises.parse("uniform(scale=1)")
    testing.check_noise(uniform, 5)
    for noise, claim, wrong in (
        (logistic, "is_spherical", classmethod(lambda law: True)),
        (logistic, "variation_along_axis", lambda law, size: 0.5),
        (uniform, "lost_by", lambda law, move: noises.Ball(scale=1.0).lost_by(move)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(type(noise), claim, wrong)
            with pytest.raises(AssertionError):
                testing.check_noise(noise, 5)


def test_a_noise_that_says_its_tails_is_drawn_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = noises.parse("logistic(sigma=0.5)")
    law = lattice_noise(noise, 255, torch.device("cpu"))
    with mp.workdps(50):
        for size in (1, 2, 100, len(law.lower) - 1):
            z = mp.mpf(2 * size - 1) / (510 * mp.mpf(noise.scale))
            row = len(law.lower) - size
            assert int(law.lower[row]) <= 2**64 / (1 + mp.exp(z)) <= int(law.upper[row])
    drawn = law.draw(500, 20, torch.Generator().manual_seed(1))[0].flatten().numpy()
    edges = np.arange(-400, 401, 25)  # all but some 10 of 10,000 draws are between
    expected = np.diff(special.expit((edges + 0.5) / (255 * noise.scale)), prepend=0.0, append=1.0)
    observed = np.bincount(np.searchsorted(edges, drawn), minlength=len(edges) + 1)
    assert stats.chisquare(observed, expected * len(drawn)).pvalue > 1e-6  # the false-alarm rate

    smoothed = wulff.Smoothed(lambda batch: (batch.sum(1) < 1).long(), noise, 2, sampling="exact")
    votes = smoothed.counts(torch.full((1, 2), 0.8), 1000).votes
    assert votes.sum() == 1000
    assert votes[0, 0] > 600
    with pytest.raises(InputError, match="exists for gaussian, laplace, uniform, logistic noise"):
        lattice_noise(noises.parse("bell(scale=1)"), 255, torch.device("cpu"))
    monkeypatch.setattr(type(noise), "exact_tails", noises.Laplace(scale=1).exact_tails)
    with pytest.raises(AssertionError):
        testing.check_noise(noise, 5)


def test_growth_of_the_noise_of_others_is_exact_where_its_law_says_so() -> None:
    """Along an axis, of all spherical level sets, and where a law tells the overlap of two bodies."""
    found = geometry.total_variation("logistic(scale=2)", [0.0, 3.0])
    assert found.low <= np.tanh(3 / 8) <= found.high
    bell = geometry.growth_function("bell(scale=1, b=1)", [0.1, 0.6], [0.3, 0.4])
    gaussian = geometry.growth_function("gaussian(sigma=0.7071067811865476)", [0.1, 0.6], [0.3, 0.4])
    assert (bell.method, gaussian.method) == ("exact", "exact")
    np.testing.assert_allclose(bell.low, gaussian.low, atol=3e-9)
    overlap = geometry.growth_function(Diamond(scale=2.0), [0.1, 0.9], [0.5, 0.0])
    assert overlap.method == "exact"
    np.testing.assert_allclose(overlap.low, [0.1 + 1 - 0.875**2, 1.0], atol=2e-9)
    disc = geometry.level_equivalent(Diamond(scale=3.0), "l2", 2)
    assert str(disc).startswith("ball")
    assert np.pi * disc.scale**2 == pytest.approx(2 * 3.0**2)


def test_spherical_noise_of_others_is_exact_in_the_box() -> None:
    """Its level-set radius against l2, by the greedy perturbation of the box."""
    tight = {spec: [e.source for e in certificates.methods(spec, "l1-box") if e.tight] for spec in SPHERICAL}
    assert tight["bell(scale=1, b=2)"] == tight["exp-l2(scale=1, j=0, k=4)"]
    assert len(tight["bell(scale=1, b=2)"]) == 1
    assert not any(e.tight for e in certificates.methods("logistic(scale=1)", "l1-box"))


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_certificates_conform(norm: str) -> None:
    testing.check_certificates(noises.parse("logistic(scale=1)"), norm, 4)


def test_other_members_conform() -> None:
    testing.check_objective(training.parse_objective("margin(width=0.5, squared=true)"))
    testing.check_dataset("stripes")
    testing.check_engine(engines.find("one-by-one"))
    assert models.build("linear", (1, 6, 6), 2) is not None


def test_logistic_noise_gets_generic_radii_and_its_own() -> None:
    errors = np.array([1e-6, 0.1, 0.4])
    found = certificates.certified_radius("logistic(scale=2)", errors, "l1", 3)
    np.testing.assert_allclose(found.radius, 2 * np.log(1 / errors - 1), rtol=1e-9)
    assert set(found.method) == {"quantile"}
    own = certificates.certified_radius("logistic(scale=2)", 0.1, "l2", 3, "convex-order")
    assert own.radius == pytest.approx(2 * 0.7978845608 * 1.2815515655, rel=1e-9)


def test_a_radial_noise_with_a_profile_gets_level_set_radii() -> None:
    """Bell noise with b = 2 is exp-l2 with k = 4, written down by somebody else; b = 1 is Gaussian."""
    errors = [1e-4, 0.1, 0.4]
    found = certificates.certified_radius("bell(scale=1, b=2)", errors, "l2", 3)
    assert set(found.method) == {"level-set"}
    other = certificates.certified_radius("exp-l2(scale=1, j=0, k=4)", errors, "l2", 3)
    np.testing.assert_allclose(found.radius, other.radius, rtol=1e-7)
    gaussian = certificates.certified_radius("bell(scale=1, b=1)", 0.1, "l2", 3, "level-set")
    assert gaussian.radius == pytest.approx(1.2815515655 / np.sqrt(2), rel=1e-7)
    assert "differential" in {entry.method for entry in certificates.methods("bell(scale=1)", "l1")}


def test_whole_number_parameters_are_read_whatever_the_annotations() -> None:
    assert noises.parse("bell(scale=1, b=2)").b == 2  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"b must be an integer, got '1\.5'"):
        noises.parse("bell(scale=1, b=1.5)")
    with pytest.raises(InputError, match=r"b must lie in \[1, 8\]"):
        noises.parse("bell(scale=1, b=9)")
    with pytest.raises(InputError, match=r"width must be positive and finite, got 0\.0 for margin"):
        training.parse_objective("margin(width=0)")
    with pytest.raises(InputError, match="squared must be true or false, got 'maybe'"):
        training.parse_objective("margin(squared=maybe)")


def test_a_second_member_of_a_name_is_refused() -> None:
    law = noises.NOISES["logistic"]
    for again in (
        lambda: noises.register(law),
        lambda: datasets.register("digits")(datasets.DATASETS["stripes"]),
        lambda: engines.register(engines.ENGINES["one-by-one"]),
        lambda: training.register("margin")(training.OBJECTIVES["margin"]),
        lambda: models.register("linear")(models.ARCHITECTURES["linear"]),
    ):
        with pytest.raises(InputError, match="there is already the"):
            again()
    with pytest.raises(InputError, match="without -train or -test"):
        datasets.register("stripes-test")
    with pytest.raises(InputError, match="names of architectures are made of"):
        models.register("Linear Net")(models.ARCHITECTURES["linear"])


def theorem(noise, error, dim):
    """Says nothing."""
    return np.full_like(error, np.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "convex-order"}, "has convex-order of Logistic against l2 already"),
        ({"ulps": -1}, "ulps of .* must be a whole number from 0, got -1"),
        ({"ulps": 1.5}, "ulps of .* must be a whole number from 0, got 1.5"),
        ({"growth": "rate"}, "growth of .* must be .*Bounded.* or None, got 'rate'"),
    ],
)
def test_entries_that_the_table_refuses(change: dict, message: str) -> None:
    asked = {"method": "new", "tight": False, "ulps": 4} | change
    size = len(certificates.table())
    with pytest.raises(InputError, match=message):
        certificates.register(noises.NOISES["logistic"], Norm.L2, **asked)(theorem)
    assert len(certificates.table()) == size


def test_a_theorem_needs_words_and_a_noise_all_its_parts() -> None:
    with pytest.raises(InputError, match="needs a docstring"):
        certificates.register(noises.Laplace, Norm.L2, method="new", tight=False, ulps=4)(lambda n, e, d: e)

    class Undecorated(noises.Gaussian):  # type: ignore[misc]
        name = "undecorated"

    with pytest.raises(InputError, match="must be a frozen dataclass"):
        noises.register(Undecorated)

    for kept in ({"eq": True, "repr": False}, {"eq": False, "repr": True}):  # it would print no spec string
        made = dataclasses.dataclass(frozen=True, kw_only=True, **kept)
        with pytest.raises(InputError, match="printed and compared as every noise"):
            noises.register(made(type("Plain", (noises.Gaussian,), {"name": "plain", "__annotations__": {}})))

    @dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
    class Half(noises.IIDNoise):
        name = "half"

    with pytest.raises(InputError, match=r"Half lacks coordinate_inner_quantile, .*mean_square"):
        noises.register(Half)


def test_the_command_line_uses_a_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def verb(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["--plugin", "bellnoise", *arguments])
        return int(str(ended.value.code))

    asked = ("radius", "bell(scale=1, b=1)", "--norm", "l2", "--dim", "3", "--rho", ".9")
    assert verb(*asked, "--method", "level-set") == 0
    assert capsys.readouterr().out.startswith("0.9061")
    weights = str(tmp_path / "model")
    asked = ("--noise", "logistic(sigma=0.2)", "--dataset", "stripes", "--store", weights, "--epochs", "2")
    assert verb("train", *asked, "--model", "linear", "--objective", "margin(width=0.5)") == 0
    certify = ("certify", "--model", weights, "--dataset", "stripes", "--n", "200", "--norm", "l1")
    engine, workers = tmp_path / "engine", tmp_path / "workers"
    assert verb(*certify, "--slice", ":4", "--engine", "one-by-one", "--store", str(engine)) == 0
    assert verb(*certify, "--slice", ":4", "--workers", "2", "--store", str(workers)) == 0
    first, second = runs.load(engine), runs.load(workers)
    assert len(first.records) == 4
    np.testing.assert_array_equal(first.radii("l1"), second.radii("l1"))
    np.testing.assert_array_equal(first.predictions, second.predictions)
    _check_that_plugins_are_loaded_for_a_run(engine, weights)
    capsys.readouterr()
    assert verb(*certify, "--store", weights, "--engine", "one-by-one", "--workers", "2") == 2
    assert "--workers are for the engines processes and ray" in capsys.readouterr().err

    class Cheat:
        copies = 1

        def __call__(self, model, noise, x, y, norm, radius, *, generator):
            return (x + 0.5).clamp(0, 1)

    with pytest.raises(InputError, match="the attack Cheat proposed inputs outside"):
        runs.attack(engine, [0.01], method=Cheat(), judge=runs.Judge(n=100))


def _check_that_plugins_are_loaded_for_a_run(store: Path, weights: str) -> None:
    """Another process, without --plugin, finishes a run after a kill; at night one more recertifies it."""
    run = runs.load(store)
    assert run.facts.plugins == ("bellnoise",)
    if NIGHTLY:
        again = Program(store.parent, "recertify", str(store), "--alpha", "0.01").ended()
        assert again[0] == 0, again
    journal = store / "records.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    asked = ("certify", "--model", weights, "--noise", "logistic(sigma=0.2)", "--dataset", "stripes")
    asked = (*asked, "--n", "200", "--norm", "l1", "--slice", ":4", "--store", str(store))
    resumed = Program(store.parent, *asked).ended()
    assert resumed[0] == 0, resumed
    np.testing.assert_array_equal(runs.load(store).radii("l1"), run.radii("l1"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            '["absent_plugin"]',
            "needs a plugin: the plugin absent_plugin is not installed; .*--plugin absent_plugin",
        ),
        ('["lying_here"]', "needs a plugin: the plugin lying_here is not installed"),
        ('["this"]', "'this' is not the name of a plugin"),
        ('["bellnoise", "../x"]', "'../x' is not the name of a plugin"),
        ("3", "plugins must be a list of modules, got 3"),
    ],
)
def test_a_run_that_needs_a_plugin_that_cannot_be_loaded_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str, message: str
) -> None:
    """What lies in the working directory came with the run, perhaps, and is not executed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    (tmp_path / "lying_here.py").write_text("open('executed', 'w')")
    store = tmp_path / "run"
    store.mkdir()
    (store / "spec.toml").write_text(f"format = 1\nplugins = {names}\n[run]\ntask = 'certify'\n")
    with pytest.raises(RunError, match=message):
        runs.load(store)
    assert not (tmp_path / "executed").exists()


def test_an_installed_plugin_is_found_and_one_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two installed packages one brings `bellnoise`; the other's module fails, which is one line."""
    for package, module in (("good", "bellnoise"), ("bad", "broken_plugin")):
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[wulff.plugins]\n{package} = {module}\n")
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('no\\nluck')")
    asked = ("radius", "logistic(scale=1)", "--norm", "l1", "--dim", "3", "--rho", ".9")
    monkeypatch.syspath_prepend(tmp_path)
    _, out, err = Program(tmp_path, *asked).ended()
    assert out.startswith("2.197")
    (warning,) = err.splitlines()
    assert "broken_plugin cannot be loaded: RuntimeError: no luck" in warning


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("absent", None, "ModuleNotFoundError: No module named 'absent'"),
        ("twice", "from wulff import noises; noises.register(noises.Laplace)", "already the noise 'laplace'"),
        ("../twice.py", None, "a plugin is the name of a module"),
    ],
)
def test_plugins_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str | None, message: str
) -> None:
    if code:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
    monkeypatch.syspath_prepend(tmp_path)
    ended, out, err = Program(tmp_path, "--plugin", name, "noises").ended()
    assert (ended, out) == (2, "")
    (line,) = err.splitlines()
    assert message in line
