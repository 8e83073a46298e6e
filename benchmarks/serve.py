"""What does `wulff serve` do under load, and what does it lose when it is killed?

    make bench NAME=serve

32 clients ask for one image each, again and again, for 10 seconds (60 at full size), with n = 1,000 copies on
the 28×28 CNN. `ratio` is the copies per second of the server's processor time over those of `Smoothed.counts`
without clients; for as many per second of the clock the clients need a core of their own. Then the server is
killed and started again while clients ask: `lost` counts requests that got no answer.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from _common import FULL, finish, nets, say

from wulff import backends, models
from wulff.smoothing import Phase, Smoothed

CLIENTS, SECONDS, N = 32, 60 if FULL else 10, 1_000


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "wulff",
        "serve",
        "--model",
        str(folder),
        "--port",
        str(port),
        "--n",
        str(N),
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    server.stdout.readline()
    return server


def processor_seconds(server: subprocess.Popen[str]) -> float:
    """What a process has used so far; Linux only."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(url: str, image: torch.Tensor, seconds: float) -> tuple[list[float], int]:
    """Seconds of every answer, and how many requests failed."""
    answers: list[float] = []
    failed: list[Exception] = []
    end = time.monotonic() + seconds

    def ask() -> None:
        classifier = backends.load(url)
        while (begun := time.monotonic()) < end:
            try:
                classifier(image)
                answers.append(time.monotonic() - begun)
            except Exception as error:
                failed.append(error)

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return answers, len(failed)


def main() -> None:
    net = nets()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = net.build()
        description = models.Description(net.architecture, net.shape, net.classes, "gaussian(sigma=0.25)")
        models.weights.save(folder / models.weights.FILE_NAME, model, description)
        smoothed = Smoothed(model, "gaussian(sigma=0.25)", net.classes)
        images = net.images(16)
        smoothed.counts(images[:1], N, phase=Phase.PREDICTION)
        begun = time.process_time()
        smoothed.counts(images, N, phase=Phase.PREDICTION)
        alone = len(images) * N / (time.process_time() - begun)
        say(f"copies per processor second, alone   {alone:10,.0f}")
        port = 18_080
        url = f"http://127.0.0.1:{port}/v2/models/smoothed"
        server = start(folder, port)
        load(url, images[:1], 0.5)
        before = processor_seconds(server)
        answers, failed = load(url, images[:1], SECONDS)
        rate = len(answers) * N / (processor_seconds(server) - before)
        p50, p99 = np.quantile(answers, [0.5, 0.99])
        say(f"copies per processor second, served  {rate:10,.0f}   {len(answers):,} answers, {failed} failed")
        say(f"seconds to an answer                 {p50:10.2f}   at the 99th percentile {p99:.2f}")
        killed = threading.Timer(2, server.kill)
        killed.start()
        lost: list[int] = []
        again = threading.Thread(target=lambda: lost.append(load(url, images[:1], 5)[1]))
        again.start()
        server.communicate()
        server = start(folder, port)
        again.join()
        server.terminate()
        server.communicate()
        say(f"lost while it was killed             {lost[0]:10}")
    finish(
        "serve",
        ratio=round(rate / alone, 3),
        failed=failed,
        lost=lost[0],
        p50=round(float(p50), 3),
        p99=round(float(p99), 3),
    )


if __name__ == "__main__":
    main()
