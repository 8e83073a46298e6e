"""Plant faults that make radii too large, one at a time, and see that the suite catches each.

    python tests/fault_drill.py [COUNT]

Each fault, or COUNT of them spread over the list, is written into a copy of the package; the tests named with
it run against the copy, and must fail. Exit status 0 means that every fault was caught.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Fault:
    """A replacement of text in one file of the package, and tests that must notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: str


FAULTS = [
    Fault(
        "ambiguous copies keep their votes",
        "smoothing/voting.py",
        "if void is not None:",
        "if False:",
        "tests/smoothing/test_exact.py",
    ),
    Fault(
        "blocks that are drawn at once share their noise",
        "smoothing/streams.py",
        "return self._set(self._generators[block - first], index, phase, block)",
        "return self._set(self._generators[block - first], index, phase, first)",
        "tests/smoothing/test_philox.py",
    ),
    Fault(
        "mixed-norm radii between two shifts are larger by 2 %",
        "certificates/privacy_loss/mixed.py",
        "radius[here] = np.where(reached, found, 0.0)",
        "radius[here] = found * 1.02",
        "tests/certificates/test_mixed_linf.py",
    ),
    Fault(
        "uniform draw used without its inequality",
        "stats/randomized.py",
        "bound = np.where(excess(bound) <= 0, np.minimum(bound, plain), plain)",
        "bound = np.minimum(bound, plain) * (1 - 1e-9)",
        "tests/stats/test_randomized.py",
    ),
    Fault(
        "a smaller n takes the first votes",
        "runs/recertification.py",
        "drawn = generator.choice(n, fewer, replace=False, shuffle=False)",
        "drawn = np.arange(fewer)",
        "tests/runs/test_recertify.py",
    ),
    Fault(
        "radii computed in float32",
        "certificates/certificate.py",
        "at_scale_one = np.asarray(self.function(noise, error, dim, *extra), dtype=np.float64)",
        "at_scale_one = np.asarray(self.function(noise, error.astype(np.float32), dim, *extra), np.float64)",
        "tests/certificates/test_closed_forms.py",
    ),
    Fault(
        "rounding forgotten",
        "_numerics/rounding.py",
        "lowered = np.nextafter(value - value * (ulps * EPSILON), -np.inf)",
        "lowered = value",
        "tests/certificates/test_closed_forms.py tests/certificates/test_registry.py",
    ),
    Fault(
        "sigma taken for scale",
        "certificates/certificate.py",
        "at_scale_one * noise.scale",
        "at_scale_one * noise.sigma",
        "tests/certificates/test_closed_forms.py",
    ),
    Fault(
        "k for k + 1 in the binomial bound",
        "stats/clopper_pearson.py",
        "a, b = m + 1.0, np.maximum(trials - m, 1).astype(np.float64)",
        "a, b = np.maximum(m, 1.0), np.maximum(trials - m + 1, 1).astype(np.float64)",
        "tests/stats/test_clopper_pearson.py",
    ),
    Fault(
        "a growth rate used outside its range",
        "certificates/differential/directions.py",
        "(Norm.LINF, Norm.L1): Signs(0.5 / dim),",
        "(Norm.LINF, Norm.L1): Signs(0.5),",
        "tests/certificates/test_differential.py",
    ),
    Fault(
        "equal shares of a uniform perturbation beyond their range",
        "certificates/closed_forms/uniform.py",
        "return np.where(certainly_below & (equal <= math.log(norm.p)), radius, np.nan)",
        "return radius",
        "tests/certificates/test_uniform.py",
    ),
]


def caught(fault: Fault) -> bool:
    """Whether the tests fail with the fault planted."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("src", "tests", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        file = copy / "src" / "wulff" / fault.file
        text = file.read_text()
        if text.count(fault.old) != 1:
            raise SystemExit(
                f"{fault.name}: {fault.file} no longer holds the line to be changed; mend the drill."
            )
        file.write_text(text.replace(fault.old, fault.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *fault.tests.split()]
        environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{fault.name}: the tests did not run.\n{done.stdout}{done.stderr}")
        return done.returncode == 1


def main(count: int) -> int:
    """Plant so many faults; the number of those that were missed."""
    missed = 0
    for fault in FAULTS[:: -(-len(FAULTS) // count)]:
        found = caught(fault)
        missed += not found
        sys.stdout.write(f"{'caught' if found else 'MISSED'}  {fault.name}\n")
        sys.stdout.flush()
    return missed


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else len(FAULTS)))
