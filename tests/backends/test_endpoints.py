"""Models behind the Open Inference Protocol: a real server, and one that does everything wrong."""

import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import tritonclient.http
from torch import Tensor

from tests.backends.servers import NAME, MLServer, Scripted
from wulff import backends
from wulff.backends import endpoints
from wulff.errors import InputError, RunError

PATH = f"/v2/models/{NAME}"
METADATA = {
    "name": NAME,
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 2]}],
}
LOGITS = np.array([[0.1, 0.2], [3, -4]], dtype=np.float32)
X = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLServer]:
    started = MLServer(tmp_path_factory.mktemp("mlserver"))
    started.start()
    yield started
    started.kill()


def expected(batch: Tensor) -> np.ndarray:
    weights = np.random.default_rng(0).normal(size=(64, 10))
    return batch.reshape(len(batch), -1).double().numpy() @ weights


def test_a_server_of_another_maker(server: MLServer, noisy: Tensor) -> None:
    classifier = backends.load(server.url, identity="digits of MLServer")
    assert (classifier.num_classes, classifier.input_shape) == (10, (1, 8, 8))
    assert classifier.identity == "digits of MLServer"
    np.testing.assert_allclose(classifier(noisy).numpy(), expected(noisy), atol=1e-5)
    again = pickle.loads(pickle.dumps(classifier))  # noqa: S301 (as for a worker process)
    np.testing.assert_allclose(again(noisy).numpy(), expected(noisy), atol=1e-5)


def test_a_server_that_is_killed_and_started_again(
    server: MLServer, noisy: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "PAUSE", 0.3)
    classifier = backends.load(server.url)
    classifier(noisy)
    server.kill()
    restart = threading.Timer(0.2, server.start)
    restart.start()
    np.testing.assert_allclose(classifier(noisy).numpy(), expected(noisy), atol=1e-5)
    restart.join()


def test_a_server_that_is_down_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(endpoints, "PAUSE", 0.001)
    down = MLServer(tmp_path)
    with pytest.raises(RunError, match=r"cannot be reached after 6 tries: .*refused"):
        backends.load(down.url)


def test_a_model_that_is_not_there(server: MLServer) -> None:
    with pytest.raises(RunError, match="status 404"):
        backends.load(server.url + "x")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    monkeypatch.setattr(endpoints, "PAUSE", 0.001)
    opened = []

    def make(infer: list, metadata: object = METADATA, extensions: tuple[str, ...] = ()) -> Scripted:
        root = json.dumps({"name": "test", "extensions": list(extensions)}).encode()
        described = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
        answers = {"/v2": [(200, {}, root)], PATH: [(200, {}, described)], f"{PATH}/infer": infer}
        opened.append(Scripted(answers))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def good() -> tuple[int, dict[str, str], bytes]:
    data = {"name": "logits", "datatype": "FP32", "shape": [2, 2], "data": LOGITS.ravel().tolist()}
    return 200, {}, json.dumps({"model_name": NAME, "outputs": [data]}).encode()


def test_broken_connections_and_busy_servers_are_tried_again(scripted) -> None:
    server = scripted([(0, {}, b""), (503, {}, b""), (429, {"Retry-After": "0"}, b""), good()])
    np.testing.assert_array_equal(backends.load(server.url)(X).numpy(), LOGITS)
    assert [path for path, _, _ in server.asked].count(f"{PATH}/infer") == 4


def test_numbers_arrive_with_all_their_digits(scripted) -> None:
    server = scripted([good()])
    backends.load(server.url)(X)
    sent = json.loads(server.asked[-1][2])["inputs"][0]
    assert (sent["shape"], sent["datatype"], sent["name"]) == ([2, 3], "FP32", "x")
    np.testing.assert_array_equal(np.array(sent["data"], dtype=np.float32), X.numpy().ravel())


def test_binary_tensors_are_those_of_another_client(scripted) -> None:
    head = {"outputs": [{"name": "logits", "datatype": "FP32", "shape": [2, 2]}]}
    head["outputs"][0]["parameters"] = {"binary_data_size": LOGITS.nbytes}
    text = json.dumps(head).encode()
    answer = (200, {"Inference-Header-Content-Length": str(len(text))}, text + LOGITS.tobytes())
    server = scripted([answer], extensions=("binary_tensor_data",))
    np.testing.assert_array_equal(backends.load(server.url)(X).numpy(), LOGITS)
    _, headers, body = server.asked[-1]
    length = int(headers["Inference-Header-Content-Length"])
    tensor = tritonclient.http.InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(X.numpy(), binary_data=True)
    theirs, their_length = tritonclient.http.InferenceServerClient.generate_request_body([tensor])
    assert body[length:] == theirs[their_length:]
    assert json.loads(body[:length])["inputs"] == json.loads(theirs[:their_length])["inputs"]
    found = tritonclient.http.InferenceServerClient.parse_response_body(answer[2], header_length=len(text))
    np.testing.assert_array_equal(found.as_numpy("logits"), LOGITS)


def test_names_of_classes(scripted) -> None:
    data = {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]}
    server = scripted([(200, {}, json.dumps({"outputs": [data]}).encode())])
    classifier = backends.load(server.url, class_names=["no", "yes"])
    assert classifier(X).tolist() == [1, 0]


def test_the_token_is_sent_and_shown_nowhere(scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WULFF_TOKEN", "a-secret")
    server = scripted([(401, {}, b'{"error": "who are you"}')])
    classifier = backends.load(server.url)
    assert all(headers.get("Authorization") == "Bearer a-secret" for _, headers, _ in server.asked)
    assert "a-secret" not in repr(classifier)
    with pytest.raises(RunError, match=r"status 401: who are you; set WULFF_TOKEN to a token\.$"):
        classifier(X)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"<html>",
        b'{"outputs": []}',
        b'{"outputs": [{"datatype": "FP32", "shape": [2, 2], "data": [1]}]}',
    ],
)
def test_rubbish_is_one_line(scripted, answer: bytes) -> None:
    server = scripted([(200, {}, answer)])
    with pytest.raises(RunError, match="answers what is not in the Open Inference Protocol"):
        backends.load(server.url)(X)


def test_metadata_that_do_not_fit(scripted) -> None:
    with pytest.raises(InputError, match="must take one tensor"):
        backends.load(scripted([], METADATA | {"inputs": METADATA["inputs"] * 2}).url)
    with pytest.raises(InputError, match="answers what is not"):
        backends.load(scripted([], b"[]").url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://u:p@127.0.0.1/v2/models/x", "http:///v2/models/x"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InputError, match="write http://HOST:PORT/v2/models/NAME") as refused:
        backends.load(url)
    assert "u:p" not in str(refused.value)
