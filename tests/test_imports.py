"""What importing wulff gives, and what it leaves alone: PyTorch is loaded by those who need it."""

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import wulff

PACKAGES = [name for name in wulff.__all__ if isinstance(getattr(wulff, name), ModuleType)]
HEAVY = ["torch", "scipy.stats", "matplotlib", "sklearn"]
LIBRARIES = [
    "onnxruntime",
    "skops",
    "xgboost",
    "lightgbm",
    "timm",
    "transformers",
    "urllib3",
    "pandas",
    "datasets",
]
"""Those of other people's models and data."""
LIGHT = [
    "--version",
    "--help",
    "noises",
    "radius gaussian(sigma=.5) --rho .9 --dim 12",
    "plan --radius .5 --noise laplace(sigma=.5) --norm l1",
    "advise --norm l1 --dim 12 --noise gaussian(scale=1)",
    "limits --norm linf --dim 12 --noise gaussian(scale=1)",
]


def loaded_after(program: str) -> list[str]:
    """The heavy modules that a fresh Python has loaded after a program."""
    asked = f"print(json.dumps([m for m in {HEAVY + LIBRARIES} if m in sys.modules]))"
    code = f"{program}\nimport json, sys; {asked}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_every_public_name_is_there() -> None:
    assert dir(wulff) == sorted(wulff.__all__)
    for name in wulff.__all__:
        assert hasattr(wulff, name)
    with pytest.raises(AttributeError, match="no attribute 'smoothed'"):
        wulff.smoothed  # type: ignore[attr-defined] # noqa: B018


def test_every_package_and_module_is_public_but_for_the_program() -> None:
    """Each is there after `import wulff` alone, with a list of its names; others begin with an underscore."""
    found = {module.name for module in pkgutil.iter_modules(wulff.__path__)}
    assert {name for name in found if not name.startswith("_")} == {"cli", *PACKAGES}
    for name in PACKAGES:  # what `wulff.name` asks for before anybody has imported it
        module = wulff.__getattr__(name)
        assert module is importlib.import_module(f"wulff.{name}")
        assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_of_packages(package: str) -> None:
    module = getattr(wulff, package)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name), name


def test_no_file_is_hidden_by_a_name() -> None:
    """`import wulff.X.Y` gives a module for every file, and `wulff.X.Y` is that module."""
    names = [m.name for m in pkgutil.walk_packages(wulff.__path__, "wulff.") if "__main__" not in m.name]
    modules = {name: importlib.import_module(name) for name in names}
    for name, module in modules.items():
        package, _, leaf = name.rpartition(".")
        assert getattr(sys.modules[package], leaf) is module, name


def test_private_names_stay_in_their_file() -> None:
    """No file imports a name with an underscore from another one; `ruff` (SLF) sees to attributes."""
    root = Path(wulff.__file__).parent
    imports = [
        (file, node.module, name.name)
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wulff.")
        for name in node.names
    ]
    assert len(imports) > 1000
    assert [found for found in imports if found[2].startswith("_") and found[2] != "__version__"] == []


def test_certificates_are_found_at_a_glance() -> None:
    """Theorems of one kind have a package of their own, beside at most thirteen files and packages."""
    assert len(list(pkgutil.iter_modules(wulff.certificates.__path__))) <= 13


def test_import_is_light() -> None:
    light = "wulff.certified_radius, wulff.geometry.advise, wulff.stats.predict, wulff.noises.Laplace"
    assert loaded_after(f"import wulff; {light}") == []


def test_a_run_of_a_module_needs_torch_alone() -> None:
    """PyTorch looks at every loaded module while it is loaded: none may then be loaded by that look."""
    program = """
import wulff.cli.train as verb
assert verb.runs.TrainingSpec and verb.datasets.Dataset
import torch, wulff
x, terms = torch.rand(2, 1, 4, 4), {"noise": "gaussian(sigma=0.25)", "n0": 10, "n": 50, "progress": False}
wulff.certify(lambda x: x.flatten(1), x, **terms)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
wulff.certify(wulff.Denoised(lambda x: x, net), x, **terms)
"""
    assert loaded_after(program) == ["torch"]


def test_verbs_about_numbers_need_no_torch() -> None:
    program = f"""
import contextlib, io, wulff.cli
for command in {LIGHT}:
    out = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out):
        wulff.cli.main(command.split())
    assert out.getvalue(), command
"""
    assert loaded_after(program) == []


def test_finished_runs_are_listed_without_torch(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((3, 1, 2, 2), dtype=np.float32)
    given = {"noise": "gaussian(sigma=.5)", "norms": ["l2"], "n": 20, "num_classes": 2}
    wulff.certify(
        lambda x: (x.flatten(1).sum(1) > 2).long(), images, [0, 1, 0], store=tmp_path / "run", **given
    )
    program = f"""
import contextlib, io, wulff.cli
out = io.StringIO()
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out):
    wulff.cli.main(["ls", {str(tmp_path)!r}])
assert "gaussian(sigma=0.5)" in out.getvalue() and "3 of 3" in out.getvalue(), out.getvalue()
"""
    assert loaded_after(program) == []


@pytest.mark.parametrize("package", ["geometry", "reports", "runs", "verify"])
def test_names_that_are_loaded_when_used_are_those_that_are_typed(package: str) -> None:
    module = getattr(wulff, package)
    tree = ast.parse(Path(module.__file__).read_text())
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    assert sorted(name.name for node in imports for name in node.names) == sorted(module.__all__)
    assert dir(module) == sorted(module.__all__)
    for node in imports:
        for name in node.names:
            assert getattr(module, name.name) is getattr(importlib.import_module(node.module), name.name)


def test_python_m_wulff() -> None:
    command = [sys.executable, "-m", "wulff", "--version"]
    assert subprocess.check_output(command, text=True).strip() == wulff.__version__
