"""The benchmark of a GPU runs on a pretend one: its checks of streams pass, and it prints its figures."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os
import runpy
import sys
from tests.devices import pretend

pretend.install()
sys.path.insert(0, "benchmarks")
try:
    with pretend.Pretend():
        runpy.run_path("benchmarks/gpu.py", run_name="__main__")
except SystemExit as end:
    sys.stdout.flush()
    os._exit(end.code)  # PyTorch's threads for the pretend device do not always end by themselves
"""


def test_the_benchmark_of_a_gpu_runs() -> None:
    options = {"DEVICE": "pretend", "LIMIT": "2", "ONLY": "quickstart"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, **options, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["name"] == "gpu"
    assert found["streams"]["wrong"] == []
    assert found["streams"]["kinds"] >= 15
    assert found["nets"]["quickstart 8x8"]["samples_per_second"] > 0
