"""Nothing mixes devices, and nothing in an inner loop waits for a GPU: checked on a pretend one.

See `tests.devices.pretend` for what it can show; that a real GPU gives sensible numbers it cannot.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch.utils import backend_registration

from wulff import training

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this PyTorch has no devices that are written in Python",
)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """The result of every check, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.devices.program"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def found(results: dict[str, Any], name: str) -> Any:
    assert "error" not in results[name], results[name]["error"]
    return results[name]["found"]


def test_samplers_draw_on_the_device_of_the_generator(results: dict[str, Any]) -> None:
    assert found(results, "sampling") == []


def test_counted_numbers_make_the_same_noise_everywhere_and_wait_for_nothing(results: dict[str, Any]) -> None:
    assert found(results, "counting places") == {"differ": [], "waits": {}}


@pytest.mark.parametrize("sampling", ["float", "exact"])
def test_how_often_counting_waits_does_not_depend_on_the_number_of_votes(
    results: dict[str, Any], sampling: str
) -> None:
    few, many = found(results, f"counting {sampling}")
    assert many == few
    assert sum(many.values()) == 4  # for the votes of each of four inputs


@pytest.mark.parametrize("objective", training.OBJECTIVES)
def test_how_often_training_waits_does_not_depend_on_the_number_of_steps(
    results: dict[str, Any], objective: str
) -> None:
    few, many = found(results, f"training {objective}")
    assert many == few


def test_all_batches_are_full(results: dict[str, Any]) -> None:
    """Kernels are chosen by the size of a batch: copies that come last must not be classified by another."""
    assert found(results, "batches") == [100]


def test_votes_are_read_when_the_next_batch_is_on_its_way(results: dict[str, Any]) -> None:
    assert found(results, "looking") == [1, 1, 1, 0]  # nothing comes after the last


def test_noise_is_drawn_where_the_classifier_runs(results: dict[str, Any]) -> None:
    assert found(results, "functions") == 40
    assert found(results, "on a cpu") == 40


def test_accuracy_is_measured_in_parts_that_fit_into_memory(results: dict[str, Any]) -> None:
    assert found(results, "measuring accuracy") == [100, 100, 52]


def test_attacks_stay_inside_their_radius(results: dict[str, Any]) -> None:
    assert 0 < found(results, "attacking") < 1


@pytest.mark.parametrize("name", ["stopping", "auditing", "augmenting"])
def test_the_rest_runs(results: dict[str, Any], name: str) -> None:
    found(results, name)


def test_the_benchmark_of_a_gpu_runs(results: dict[str, Any]) -> None:
    """Its checks of streams pass, and it prints its figures."""
    said = found(results, "the benchmark of a GPU")
    assert said["name"] == "gpu"
    assert said["streams"]["wrong"] == []
    assert said["streams"]["kinds"] >= 30
    assert said["streams"]["integers"] == {"those_of_a_cpu": True, "one_kernel": False}
    assert said["nets"]["quickstart 8x8"]["samples_per_second"] > 0
    assert said["nets"]["quickstart 8x8"]["same_votes"]
