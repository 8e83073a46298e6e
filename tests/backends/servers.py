"""Servers of the Open Inference Protocol for tests, on the loopback address: MLServer, and a scripted one."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

NAME = "digits"
RUNTIME = '''
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse, MetadataTensor

class Model(MLModel):
    """A linear classifier of 8×8 images, with weights that numpy's first seed decides."""

    async def load(self):
        self.weights = np.random.default_rng(0).normal(size=(64, 10))
        return True

    async def predict(self, payload):
        x = NumpyCodec.decode_input(payload.inputs[0]).reshape(len(payload.inputs[0].data) // 64, 64)
        logits = (x.astype(np.float64) @ self.weights).astype(np.float32)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("logits", logits)])
'''


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class MLServer:
    """A real MLServer in a process of its own, which can be killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "runtime.py").write_text(RUNTIME)
        settings = {
            "host": "127.0.0.1",
            "http_port": self.port,
            "grpc_port": free_port(),
            "parallel_workers": 0,
        }
        settings |= {"metrics_port": free_port(), "debug": False}
        (folder / "settings.json").write_text(json.dumps(settings))
        tensors = {
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 1, 8, 8]}],
            "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}],
        }
        model = {"name": NAME, "implementation": "runtime.Model"} | tensors
        (folder / "model-settings.json").write_text(json.dumps(model))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2/models/{NAME}"

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("mlserver")), "start", "."]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        self.process = subprocess.Popen(command, cwd=self.folder, env=environment, **quiet)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=1) as response:
                    if response.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("MLServer does not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Scripted:
    """A server that answers as it is told, in a thread: a list of (status, headers, body) for its requests.

    The last answer is repeated. What was asked is kept.
    """

    def __init__(self, answers: dict[str, list[tuple[int, dict[str, str], bytes]]]) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.path, dict(self.headers), body))
                waiting = answers[self.path]
                status, headers, content = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                if status == 0:  # hang up
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = respond

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v2/models/{NAME}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
