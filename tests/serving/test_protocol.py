"""The Open Inference Protocol over HTTP, with public clients, slow ones, and those who send rubbish."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http
import urllib3
from torch import Tensor

import wulff
from tests.serving.conftest import SHAPE, Brightness, Gated, served
from wulff import backends
from wulff.errors import RunError
from wulff.serving import Service, http_application
from wulff.smoothing import Smoothed

INFER = "/v2/models/smoothed/infer"


@pytest.fixture
def port(smoothed: Smoothed) -> Iterator[int]:
    with served(Service(smoothed, SHAPE, n=200, threats=("l2",))) as found:
        yield found


def asked(x: object, **more: object) -> bytes:
    tensor = {
        "name": "x",
        "datatype": "FP32",
        "shape": [len(x), *SHAPE],
        "data": np.asarray(x).ravel().tolist(),
    }
    return json.dumps({"inputs": [tensor | more]}).encode()


def post(port: int, body: bytes, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request(
        "POST", f"http://127.0.0.1:{port}{INFER}", body=body, headers=headers, retries=False
    )


@pytest.mark.parametrize("binary", [False, True])
def test_a_public_client(port: int, images: Tensor, binary: bool) -> None:
    client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("smoothed")
    assert client.get_model_metadata("smoothed")["inputs"][0]["shape"] == [-1, *SHAPE]
    given = tritonclient.http.InferInput("x", list(images.shape), "FP32")
    given.set_data_from_numpy(images.numpy(), binary_data=binary)
    wanted = [
        tritonclient.http.InferRequestedOutput(name, binary_data=binary)
        for name in ("label", "votes", "radius l2")
    ]
    answer = client.infer("smoothed", [given], outputs=wanted, request_id="7", parameters={"radii": "l2"})
    labels, votes, radii = (answer.as_numpy(name) for name in ("label", "votes", "radius l2"))
    assert votes is not None
    assert labels is not None
    assert radii is not None
    assert (votes.sum(axis=1) == 200).all()
    assert (votes.argmax(axis=1) == labels)[labels >= 0].all()
    assert ((radii > 0) == (labels >= 0)).all()
    document = answer.get_response()
    assert document["id"] == "7"
    assert "below the radius" in document["parameters"]["statement"]
    assert 0 <= int(document["parameters"]["seed"]) < 2**64
    assert answer.as_numpy("p_value") is None  # it was not asked for
    client.close()


def test_another_wulff_reads_it(port: int, images: Tensor) -> None:
    classifier = backends.load(f"http://127.0.0.1:{port}/v2/models/smoothed")
    assert (classifier.num_classes, classifier.input_shape) == (3, SHAPE)
    assert classifier(images).argmax(dim=1).tolist()[:2] == [0, 0]
    run = wulff.certify(classifier, images, noise="gaussian(sigma=0.1)", n0=8, n=32, progress=False)
    assert [record.predict for record in run.records][:2] == [0, 0]
    assert run.records[0].radii["l2"].radius > 0


def test_metrics(port: int, images: Tensor) -> None:
    assert post(port, asked(images)).status == 200
    assert post(port, b"{").status == 400
    text = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics").data.decode()
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert found['wulff_requests_total{status="200"}'] == "1.0"
    assert found['wulff_requests_total{status="400"}'] == "1.0"
    assert found["wulff_inputs_total"] == "6.0"
    assert found["wulff_noisy_copies_total"] == "1200.0"
    assert found["wulff_waiting_inputs"] == "0.0"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 10**5, "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"inputs": []}', "one tensor"),
        (b'{"inputs": [7]}', "must be a JSON object"),
        (asked([0.5], datatype="UINT8"), "divide 8-bit pixels by 255"),
        (asked([0.5], shape=[1, 1, 4, 4]), "16 numbers, got 1"),
        (asked([0.5], shape="four"), "list of sizes"),
        (asked([0.5], shape=[1, -1, 4, 4]), "list of sizes"),
        (asked(np.zeros(16), shape=[1, 16]), "must have shape"),
        (asked(np.full(16, np.nan), shape=[1, *SHAPE]), "NaN"),
        (asked(np.full(16, 1e300), shape=[1, *SHAPE]), "NaN or infinite"),
        (asked([0.5], data=[["a"]]), "must be numbers"),
        (asked([0.5], data=[[1, 2], [3]]), "must be numbers"),
        (asked([0.5], parameters={"binary_data_size": 64}), "0 bytes follow"),
        (asked(np.zeros(16), shape=[1, *SHAPE])[:-1] + b', "parameters": {"radii": 1}}', "names such as"),
        (asked(np.zeros(16), shape=[1, *SHAPE])[:-1] + b', "parameters": {"radii": "l7"}}', "not against"),
        (
            asked(np.zeros(16), shape=[1, *SHAPE])[:-1] + b', "outputs": [{"name": "x"}]}',
            "outputs are shares",
        ),
        (asked(np.zeros(16), shape=[1, *SHAPE])[:-1] + b', "id": 7}', "id must be a string"),
    ],
)
def test_rubbish_is_one_line(port: int, body: bytes, message: str) -> None:
    response = post(port, body)
    assert response.status == 400
    said = response.json()["error"]
    assert message in said
    assert "\n" not in said


def test_what_is_not_there(port: int) -> None:
    for path, status in [("/v2/models/other", 404), ("/v2/models/smoothed/versions/2", 404), ("/x", 404)]:
        assert urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=False).status == status
    assert urllib3.request("GET", f"http://127.0.0.1:{port}{INFER}", retries=False).status == 405
    assert post(port, b"{}", **{"Content-Encoding": "gzip"}).status == 415
    assert post(port, b"{}", **{"Inference-Header-Content-Length": "x"}).status == 400


def test_overload_says_when_to_ask_again(images: Tensor) -> None:
    model = Gated(Brightness())
    service = Service(Smoothed(model, "gaussian(sigma=0.2)", 3), SHAPE, n=64, most_waiting=6)
    with served(service) as port:
        begun = service.submit(images)
        refused = post(port, asked(images))
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) >= 1
        model.gate.set()
        assert begun.result(30).n == 64
        # wulff's own client, which tries again, gets its answer meanwhile.
        classifier = backends.load(f"http://127.0.0.1:{port}/v2/models/smoothed")
        assert classifier(images).shape == (6, 3)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        length = http_application.LARGEST_BODY + 1
        client.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert b" 413 " in client.recv(1000)


def test_chunks_are_counted(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_application, "LARGEST_BODY", 1000)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        client.sendall(b"800\r\n" + b"x" * 0x800 + b"\r\n")  # and more would come
        assert b" 413 " in client.recv(1000)


def test_slow_clients_block_nobody(port: int, images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_application, "PATIENCE", 0.5)
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]
    for client in slow:
        client.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    assert post(port, asked(images)).status == 200
    for client in slow:
        assert b" 408 " in client.recv(1000)
        client.close()


def test_a_client_that_hangs_up(port: int, images: Tensor) -> None:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    client.close()
    assert post(port, asked(images)).status == 200


def test_a_model_that_fails_is_a_line_and_the_service_goes_on(images: Tensor) -> None:
    model = Gated(Brightness())
    model.gate.set()
    with served(Service(Smoothed(model, "gaussian(sigma=0.2)", 3), SHAPE, n=64)) as port:
        model.failing = True
        response = post(port, asked(images))
        assert response.status == 500
        assert response.json()["error"].endswith("RuntimeError: no more.")
        model.failing = False
        assert post(port, asked(images)).status == 200


def test_a_token(smoothed: Smoothed, images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Service(smoothed, SHAPE, n=64), token="secret") as port:
        assert post(port, asked(images)).status == 401
        assert post(port, asked(images), Authorization="Bearer secret").status == 200
        assert urllib3.request("GET", f"http://127.0.0.1:{port}/metrics").status == 401
        assert urllib3.request("GET", f"http://127.0.0.1:{port}/v2/health/live").status == 200
        url = f"http://127.0.0.1:{port}/v2/models/smoothed"
        with pytest.raises(RunError, match="status 401"):
            backends.load(url)
        monkeypatch.setenv("WULFF_TOKEN", "secret")
        assert backends.load(url)(images).shape == (6, 3)


def test_tls(smoothed: Smoothed, images: Tensor, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(command, check=True, capture_output=True)
    files = {"ssl_keyfile": str(key), "ssl_certfile": str(certificate)}
    with served(Service(smoothed, SHAPE, n=64), **files) as port:
        trusting = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=str(certificate)))
        assert trusting.request("POST", f"https://127.0.0.1:{port}{INFER}", body=asked(images)).status == 200
        trusting.clear()
        with (
            socket.create_connection(("127.0.0.1", port)) as raw,
            pytest.raises(ssl.SSLError, match="certificate"),
        ):
            ssl.create_default_context().wrap_socket(raw, server_hostname="127.0.0.1")


def test_many_clients_at_once(port: int, images: Tensor) -> None:
    statuses: list[int] = []
    body = asked(images)
    threads = [threading.Thread(target=lambda: statuses.append(post(port, body).status)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 32
