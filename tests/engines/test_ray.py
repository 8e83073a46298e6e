"""A Ray cluster of three nodes on this machine counts the votes of one process, whatever dies."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch

import wulff
from tests.cli.conftest import call
from tests.nightly import NIGHTLY, everyday
from tests.processes import forked
from tests.processes import wulff as quietly
from wulff import engines, runs
from wulff.attacks import EOTPGD
from wulff.engines import Engine, LocalEngine, RayEngine, ray_cluster
from wulff.engines.blocks import Task
from wulff.errors import InputError, RunError
from wulff.smoothing import FixedQuota, Phase, Smoothed
from wulff.testing import check_engine
from wulff.testing.engines import Bands

ray = pytest.importorskip("ray")
# Older versions leave the logs of their processes open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

KILLS, INPUTS = (50, 24) if NIGHTLY else (2, 12)
STORE = 80 * 2**20
"""Bytes of each node's object store."""
SMOOTHED = Smoothed(Bands(), "laplace(sigma=0.5)", 4, batch=64)
QUOTA = FixedQuota({Phase.SELECTION: 100, Phase.ESTIMATION: 60_000})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # workers give way to all others else
        # Every process of Ray takes seconds to begin: two nodes count, and the head only leads them.
        head: dict[str, Any] = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
        head["_system_config"] = {"local_fs_capacity_threshold": 0.0001}  # no room on the disk
        made = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            add_node(made)
        ray.init(made.address, log_to_driver=False, logging_level="error")
        yield made
        ray.shutdown()
        made.shutdown()


def add_node(cluster: Any) -> None:
    cluster.add_node(num_cpus=1, object_store_memory=STORE)


def workers(name: str) -> list[int]:
    """The processes of actors, or of tasks of that name, on this machine."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().startswith(name.encode()):
                found.append(int(place.parent.name))
        except OSError:
            continue  # it has just ended
    return found


def test_it_obeys_the_contract(cluster: Any) -> None:
    check_engine(RayEngine(workers=1))  # more have tests below


def test_an_input_is_spread_over_workers(cluster: Any, tmp_path: Path) -> None:
    """Nobody goes on before a second one has begun."""

    def in_company(batch: torch.Tensor) -> torch.Tensor:
        (tmp_path / str(os.getpid())).touch()
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2:
            if time.monotonic() > deadline:
                raise RuntimeError("alone")
            time.sleep(0.01)
        return (batch.flatten(1).mean(dim=1) * 4).long().clamp(0, 3)

    smoothed = Smoothed(in_company, "laplace(sigma=0.5)", 4, batch=1024)
    engine, quota, image = RayEngine(), FixedQuota({Phase.ESTIMATION: 50_000}), torch.rand(1, 3, 4)
    (votes,) = engine.map(smoothed, quota, 1, [(4, image)])
    (alone,) = LocalEngine().map(smoothed, quota, 1, [(4, image)])
    np.testing.assert_array_equal(votes.counts[Phase.ESTIMATION], alone.counts[Phase.ESTIMATION])
    assert sum(engine.account.values()) == 50_000
    assert len(engine.account) == 2


def test_workers_and_nodes_that_die(cluster: Any) -> None:
    pairs = list(enumerate(torch.rand(INPUTS, 1, 3, 4, generator=torch.Generator().manual_seed(2))))
    expected = [dict(votes.counts) for votes in LocalEngine().map(SMOOTHED, QUOTA, 3, pairs)]
    dice, killed = random.Random(0), []

    def kill(done: threading.Event, engine: RayEngine) -> None:
        counted, hasty = -1, False
        while not done.wait(dice.uniform(0, 2.0 if NIGHTLY else 0.2)) and len(killed) < KILLS:
            # Mostly after progress: of workers that count nothing, a dozen in a row end a run.
            alive = workers("ray::_Actor" if hasty else "ray::_Actor.count")
            if not alive or (counted == engine.account.total() and not hasty):
                continue
            counted, hasty = engine.account.total(), NIGHTLY and dice.random() < 0.2
            killed.append(dice.choice(alive))
            if len(killed) % 8 == 2 and cluster.worker_nodes:
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
            else:
                os.kill(killed[-1], signal.SIGKILL)

    while len(killed) < KILLS:
        while len(cluster.worker_nodes) < 2:
            add_node(cluster)
        done, engine = threading.Event(), RayEngine()
        killer = threading.Thread(target=kill, args=(done, engine))
        killer.start()
        found = [dict(votes.counts) for votes in engine.map(SMOOTHED, QUOTA, 3, pairs)]
        done.set()
        killer.join()
        for ours, theirs in zip(found, expected, strict=True):
            for phase, counts in theirs.items():
                np.testing.assert_array_equal(ours[phase], counts)


def test_a_node_that_is_gone_when_its_worker_is_to_begin(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of nodes is some seconds old."""
    listed = ray.nodes

    def with_one_that_is_gone() -> list[dict[str, Any]]:
        nodes = listed()
        able = next(node for node in nodes if node["Alive"] and node["Resources"].get("CPU"))
        return [able | {"NodeID": "ab" * 28}, *nodes]

    monkeypatch.setattr(ray, "nodes", with_one_that_is_gone)
    engine, quota, pairs = RayEngine(), FixedQuota({Phase.ESTIMATION: 5_000}), [(0, torch.rand(1, 3, 4))]
    (votes,) = engine.map(SMOOTHED, quota, 1, pairs)
    (alone,) = LocalEngine().map(SMOOTHED, quota, 1, pairs)
    np.testing.assert_array_equal(votes.counts[Phase.ESTIMATION], alone.counts[Phase.ESTIMATION])


def test_a_driver_that_is_killed_and_started_again(cluster: Any, tmp_path: Path) -> None:
    store = tmp_path / "run"
    options = ["--noise", "gaussian(sigma=0.5)", "--slice", ":24", "--n", "5000", "--batch", "256"]
    model = tmp_path / "model.py"
    model.write_text(
        "import torch\ndef f():\n torch.manual_seed(0)\n"
        " return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
    )
    command = ["certify", "--model", f"python:{model}:f", *options]
    driver = forked(drive, cluster.address, *command, "--engine", "ray", "--store", str(store))
    while driver.is_alive() and not _lines(store / "records.jsonl"):
        time.sleep(0.05)
    driver.kill()
    driver.join()
    killed_at = len(_lines(store / "records.jsonl"))
    again = call(*command, "--engine", "ray", "--store", str(store))
    assert again.code == 0, again.err
    alone = tmp_path / "alone"
    assert call(*command, "--store", str(alone)).code == 0
    ours, theirs = _lines(store / "records.jsonl"), _lines(alone / "records.jsonl")
    assert 0 < killed_at <= len(ours) == 24
    for one, other in zip(ours, theirs, strict=True):
        assert _without_times(one) == _without_times(other)
    assert len(runs.load(store)) == 24


def drive(address: str, *command: str) -> None:
    os.environ["RAY_ADDRESS"] = address
    quietly(*command)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _without_times(line: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(line).items() if key not in ("seconds", "checksum")}


@pytest.mark.parametrize("noise", everyday(["splitting(sigma=0.3, levels=8)", "bands(width=1)"], 1))
def test_views_are_counted_as_in_one_process(cluster: Any, noise: str) -> None:
    def by_sum(views: torch.Tensor) -> torch.Tensor:
        return (views[:, :1].flatten(1) @ torch.arange(12.0)).long() % 4

    x = torch.randint(0, 9, (6, 1, 3, 4), generator=torch.Generator().manual_seed(0)) / 8
    asked: dict[str, Any] = {"noise": noise, "num_classes": 4, "progress": False}
    there = wulff.certify(by_sum, x, **asked, engine="ray", workers=2)
    alone = wulff.certify(by_sum, x, **asked)
    assert [record.counts for record in there.records] == [record.counts for record in alone.records]
    assert len({str(record.counts) for record in there.records}) > 1
    np.testing.assert_array_equal(there.radii(there.norms[0]), alone.radii(alone.norms[0]))


def test_the_page_about_clusters(
    cluster: Any, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command, as it stands there."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    pip, command = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)[0].splitlines()
    assert pip == "pip install 'wulff[ray]'"
    shutil.copytree(run.parent / "model", "model")
    assert call(*shlex.split(command)[1:]).code == 0
    assert len(runs.load("run")) == 5
    assert sum(json.loads(Path("run", "summary.json").read_text())["nodes"].values()) == 5 * 10_100


def test_attacks_have_the_same_outcome(cluster: Any, run: Path) -> None:
    asked: dict[str, Any] = {"factors": [1.0, 3.0], "judge": runs.Judge(n=100), "batch": 64}
    asked |= {"method": EOTPGD(steps=3, copies=8, restarts=1)}
    seen: list[tuple[int, int]] = []
    there = runs.attack(run, **asked, engine="ray", progress=lambda *said: seen.append(said))
    assert there == runs.attack(run, **asked)
    assert seen[-1][0] == seen[-1][1] > 0
    assert call("attack", str(run), "--inside", "--steps", "2", "--n", "100", "--engine", "ray").code == 0


def test_what_no_node_can_run_is_not_waited_for(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "LOOK", 0.2)
    monkeypatch.setattr(ray_cluster, "PATIENCE", 0.5)
    with pytest.raises(RunError, match=r"within 0\.5 seconds: the cluster has 0 GPUs"):
        list(ray_cluster.spread(abs, [-1], gpu_share=1.0))
    assert list(ray_cluster.spread(abs, [-1])) == [(0, 1)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    model, store = str(folder / "model"), folder / "run"
    assert call("train", "--noise", "gaussian(sigma=0.25)", "--epochs", "2", "--store", model).code == 0
    options = ["--model", model, "--slice", "::100", "--n", "1000", "--store", str(store)]
    assert call("certify", *options).code == 0
    return store


def test_a_sweep_whose_workers_die(cluster: Any, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        'store = "out"\n[train]\nnoise = "laplace"\nsigma = [0.25, 0.5]\nepochs = 2\n'
        '[certify]\nn = 100\nslice = "::100"\nnorms = ["l1"]\n'
    )
    done = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not done.wait(0.2) and len(killed) < (2 if NIGHTLY else 1):
            if alive := workers("ray::_on_one_thread"):
                killed.append(alive[0])
                os.kill(alive[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = call("sweep", str(file), "--engine", "ray", "--store", str(tmp_path / "out"))
    done.set()
    killer.join()
    assert result.code == 0, result.err
    assert killed
    made = runs.sweep_runs(runs.read_sweep(str(file), str(tmp_path / "out")))
    assert [len(run) for run in made] == [5, 5]


def test_nodes_with_other_versions_are_left_out(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ray_cluster.facts_of(SMOOTHED)
    monkeypatch.setattr(ray_cluster, "facts_of", lambda smoothed: here | {"torch": "1.0"})
    pairs = list(enumerate(torch.rand(2, 1, 3, 4)))
    with (
        pytest.warns(UserWarning, match=r"left out, as its votes could differ: torch 2\..*, here 1\.0"),
        pytest.raises(RunError, match="no node of the cluster has the versions"),
    ):
        list(RayEngine().map(SMOOTHED, QUOTA, 0, pairs))


def test_a_model_that_fails_is_one_line() -> None:
    """That a worker's errors are raised is part of the contract."""

    def broken(batch: torch.Tensor) -> torch.Tensor:
        raise ValueError("not\ntoday")

    cargo = cloudpickle.dumps((Smoothed(broken, "laplace(sigma=0.5)", 4), 0))
    worker = ray_cluster._Actor(cargo, ())
    said = worker.count([Task(0, 0, Phase.ESTIMATION, 0, 64)], [0], np.zeros((1, 3, 4), np.float32))
    assert isinstance(said, InputError)
    assert str(said).endswith("ValueError: not.")


def test_a_full_object_store(cluster: Any) -> None:
    """Every night twice its size passes through it; a model that is larger than the store cannot."""

    class First(torch.nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(torch.ones(size))

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch.flatten(1)[:, :4] * self.weights[:4]

    def votes(engine: Engine, size: int, inputs: int) -> list[list[int]]:
        pairs = ((i, torch.full((1, 1024, 1024), i / 100)) for i in range(inputs))
        smoothed = Smoothed(First(size), "uniform(scale=1)", 4, batch=8)
        found = engine.map(smoothed, FixedQuota({Phase.ESTIMATION: 8}), 1, pairs)
        return [votes.counts[Phase.ESTIMATION].tolist() for votes in found]

    with pytest.raises(RunError, match=r"store is full, and so is the disk.* --object-store-memory"):
        votes(RayEngine(), 30 * 2**20, 1)
    if NIGHTLY:
        assert votes(RayEngine(), 4, 2 * STORE // 2**22) == votes(LocalEngine(), 4, 2 * STORE // 2**22)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'wulff\[ray\]'"):
        list(RayEngine().map(SMOOTHED, QUOTA, 0, []))


def test_options() -> None:
    chosen = engines.choose("ray", 3)
    assert isinstance(chosen, RayEngine)
    assert chosen.workers == 3
    assert isinstance(half := engines.choose("ray", gpu_share=0.5), RayEngine)
    assert (half.workers, half.gpu_share) == (None, 0.5)
    with pytest.raises(InputError, match="gpu_share is for the engine ray"):
        engines.choose("local", gpu_share=0.5)
    with pytest.raises(InputError, match="gpu_share"):
        RayEngine(gpu_share=0)
    with pytest.raises(InputError, match="workers"):
        RayEngine(workers=0)
