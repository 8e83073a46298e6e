"""`wulff serve` as a process: it finishes what it has begun, and is started again after it was killed."""

import re
import shlex
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.backends.servers import free_port
from tests.cli.conftest import call
from tests.processes import Program
from wulff import backends

PAGE = Path(__file__).resolve().parents[2] / "docs" / "serving.md"
MODEL = """
import torch
def brightness():
    pooled = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    with torch.no_grad():
        pooled[1].weight.copy_(torch.tensor([-1.0, 0.0, 1.0])[:, None].expand(3, 16))
        pooled[1].bias.copy_(torch.tensor([6.0, 0.0, -10.0]))
    return pooled
"""


class Served:
    """A process of `wulff serve`."""

    def __init__(self, folder: Path, *more: str) -> None:
        (folder / "model.py").write_text(MODEL)
        self.port = free_port()
        options = ["--model", f"python:{folder / 'model.py'}:brightness", "--shape", "1,4,4"]
        options += ["--noise", "gaussian(sigma=0.2)", "--port", str(self.port), *more]
        self.folder = folder
        self.command = ["serve", *options]
        self.start()

    def start(self) -> None:
        self.program = Program(self.folder, *self.command)
        self.url = self.program.first_line()


X = np.linspace(0, 1, 96).reshape(6, 1, 4, 4).astype(np.float32)


@pytest.fixture
def served(tmp_path: Path):
    server = Served(tmp_path, "--n", "2000", "--alpha", "0.01")
    yield server
    server.program.process.kill()
    server.program.process.join()


def test_what_was_begun_is_finished(served: Served) -> None:
    assert served.url == f"http://127.0.0.1:{served.port}/v2/models/smoothed"
    found: list[torch.Tensor] = []
    classifier = backends.load(served.url)
    batch = torch.from_numpy(np.tile(X, (150, 1, 1, 1)))
    asking = threading.Thread(target=lambda: found.append(classifier(batch)))
    asking.start()
    time.sleep(0.3)
    served.program.process.terminate()
    asking.join(60)
    assert served.program.ended() == (0, f"{served.url}\n", "")
    assert found[0].shape == (900, 3)


def test_clients_that_try_again_lose_nothing(served: Served) -> None:
    classifier = backends.load(served.url)
    answers = []

    def ask() -> None:
        for _ in range(10):
            answers.append(classifier(torch.from_numpy(X)).shape)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(0.2)
    served.program.process.kill()
    served.program.process.join()
    served.start()
    for client in clients:
        client.join(60)
    assert answers == [(6, 3)] * 40


def test_the_page_about_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands, as they stand there but for the port, and its client."""
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text().replace("8080", str(free_port()))
    pip, train, serve = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)[0].splitlines()
    assert pip == "pip install 'wulff[serve]'"
    assert call(*shlex.split(train)[1:], "--epochs", "2").code == 0
    server = Program(tmp_path, *shlex.split(serve)[1:])
    assert server.first_line() in page
    capsys.readouterr()
    exec(compile(re.findall(r"```py\n(.*?)```", page, flags=re.DOTALL)[0], "serving.md", "exec"), {})
    said = capsys.readouterr().out
    assert all(
        name in said
        for name in ("'label'", "'votes'", "'radius l2'", "'radius l1-box'", "at least 1 - 0.001")
    )
    server.process.terminate()
    assert server.ended()[0] == 0


@pytest.fixture
def wulff():
    return call


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--noise", "gaussian(sigma=0.2)"], "give --shape"),
        (["--noise", "gaussian(sigma=0.2)", "--shape", "1,x"], "sizes such as 3,32,32"),
        (["--noise", "gaussian(sigma=0.2)", "--shape", "0"], "sizes such as 3,32,32"),
        (["--shape", "1,4,4"], "--noise is needed"),
        (["--noise", "gaussian(sigma=0.2)", "--shape", "1,4,4", "--certificate", "x"], "go together"),
        (["--noise", "gaussian(sigma=0.2)", "--shape", "1,4,4", "--host", "no.such.host."], "cannot listen"),
        (["--noise", "gaussian(sigma=0.2)", "--shape", "1,5,5"], "fail"),
        (["--noise", "gaussian(sigma=0.2)", "--shape", "1,4,4", "--norm", "l9x"], "l9x"),
    ],
)
def test_what_is_refused(wulff, tmp_path: Path, options: list[str], message: str) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    result = wulff("serve", "--model", f"python:{tmp_path / 'model.py'}:brightness", *options)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_port_that_is_taken(wulff, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = ["--noise", "gaussian(sigma=0.2)", "--shape", "1,4,4", "--port", port]
        result = wulff("serve", "--model", f"python:{tmp_path / 'model.py'}:brightness", *options)
    assert result.code == 2
    assert f"cannot listen at 127.0.0.1, port {port}" in result.err
