"""Models on a server of the Open Inference Protocol, version 2; the only file that imports urllib3.

The binary tensor extension is used where the server says that it has it, else JSON. Requests are tried again
with growing pauses after broken connections and the statuses 429, 500, 502, 503 and 504.
"""

import json
import os
import urllib.parse
from typing import Any, final

import numpy as np
from torch import Tensor

from wulff._checks import is_table
from wulff.backends.base import Classifier, first_line, rows_of
from wulff.backends.outputs import Decoder
from wulff.errors import InputError, RunError

TOKEN = "WULFF_TOKEN"
"""The environment variable with a bearer token; it is never written anywhere."""
TRIES = 6
PAUSE = 0.5
"""Seconds before the second try; each further pause is twice as long."""
TIMEOUT = 60.0
_HEADER = "Inference-Header-Content-Length"
_AGAIN = (429, 500, 502, 503, 504)
_DATATYPES: dict[str, type[np.generic]] = {
    **{"FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "INT8": np.int8, "INT16": np.int16},
    **{"INT32": np.int32, "INT64": np.int64, "UINT8": np.uint8, "BOOL": np.bool_},
}


@final
class EndpointFunction:
    """A model on a server: one request for each batch, over a pool of connections.

    Args:
        url: `http(s)://HOST:PORT/v2/models/NAME`, with `/versions/VERSION` where one is meant.
        decoder: How its outputs are read.
    """

    def __init__(self, url: str, decoder: Decoder) -> None:
        self.url = url
        self.decoder = decoder
        self.pool = _pool()
        self.metadata = self._json("GET", url)
        self.binary = "binary_tensor_data" in self._extensions()
        inputs: list[dict[str, Any]] = self.metadata.get("inputs") or []
        self.input: dict[str, Any] = {"name": "input", "datatype": "FP32", "shape": [-1]}
        if inputs:
            self.input = inputs[0]
        if len(inputs) > 1 or self.input.get("datatype") not in ("FP16", "FP32", "FP64"):
            found = ", ".join(f"{entry.get('name')}: {entry.get('datatype')}" for entry in inputs)
            raise InputError(f"{url} must take one tensor of floating point numbers, but takes {found}.")
        self.outputs: list[dict[str, Any]] = self.metadata.get("outputs") or []

    def __call__(self, batch: Tensor) -> Tensor:
        x = rows_of(batch).astype(_DATATYPES[self.input["datatype"]], copy=False)
        if len(self.input.get("shape") or []) == 2 and x.ndim > 2:
            x = x.reshape(len(x), -1)
        answer = self._infer(np.ascontiguousarray(x))
        return self.decoder(answer, len(x), batch.device)

    def _infer(self, x: np.ndarray) -> np.ndarray:
        tensor = {"name": self.input["name"], "shape": list(x.shape), "datatype": self.input["datatype"]}
        headers = {"Content-Type": "application/json"}
        if self.binary:
            raw = x.tobytes()
            request = {
                "inputs": [tensor | {"parameters": {"binary_data_size": len(raw)}}],
                "parameters": {"binary_data_output": True},
            }
            head = json.dumps(request).encode()
            headers = {"Content-Type": "application/octet-stream", _HEADER: str(len(head))}
            body = head + raw
        else:
            # float32 numbers are given all their digits, so that the server reads the same ones.
            body = json.dumps({"inputs": [tensor | {"data": x.ravel().astype(np.float64).tolist()}]}).encode()
        response = self._request("POST", f"{self.url}/infer", body, headers)
        try:
            length = int(response.headers.get(_HEADER, len(response.data)))
            head, raw = response.data[:length], response.data[length:]
            return _best_output(json.loads(head)["outputs"], raw)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise RunError(f"{self.url} answers what is not in the Open Inference Protocol.") from None

    def _extensions(self) -> list[str]:
        root = self.url.partition("/v2/")[0] + "/v2"
        return list(self._json("GET", root).get("extensions") or [])

    def _json(self, method: str, url: str) -> dict[str, Any]:
        try:
            found: Any = json.loads(self._request(method, url).data)
        except ValueError:
            found = None
        if not is_table(found):
            raise InputError(f"{url} answers what is not in the Open Inference Protocol.")
        return found

    def _request(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        import urllib3

        token = os.environ.get(TOKEN)
        everything = (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            response = self.pool.request(method, url, body=body, headers=everything)
        except urllib3.exceptions.HTTPError as error:
            raise RunError(f"{url} cannot be reached after {TRIES} tries: {_cause(error)}.") from None
        if response.status != 200:
            raise RunError(
                f"{url} answers with the status {response.status}: {_said(response.data)}"
                + (f"; set {TOKEN} to a token." if response.status in (401, 403) else ".")
            )
        return response

    def __reduce__(self) -> tuple[Any, ...]:
        return EndpointFunction, (self.url, self.decoder)


def load_endpoint(
    url: str,
    class_names: tuple[str, ...] | None = None,
    threshold: float | None = None,
    identity: str | None = None,
) -> Classifier:
    """The model at an address of the Open Inference Protocol.

    Raises:
        InputError: The address is none, or the model takes something else.
        RunError: The server cannot be reached, or refuses.
    """
    parts = urllib.parse.urlsplit(url)
    if "/v2/models/" not in parts.path or not parts.hostname or parts.username or parts.query:
        raise InputError(
            f"{parts.scheme}://{parts.hostname or ''}{parts.path} is no model of the Open Inference "
            "Protocol; write http://HOST:PORT/v2/models/NAME."
        )
    function = EndpointFunction(url.rstrip("/"), Decoder(class_names, threshold))
    shape = list[Any](function.input.get("shape") or [])[1:]
    logits = [entry for entry in function.outputs if str(entry.get("datatype")).startswith("FP")]
    classes = list[Any](logits[0].get("shape") or [])[1:] if logits else list[Any]()
    known = len(classes) == 1 and isinstance(classes[0], int) and classes[0] > 1
    return Classifier(
        function=function,
        num_classes=classes[0] if known else None,
        class_names=class_names,
        input_shape=tuple(shape) if shape and all(isinstance(n, int) and n > 0 for n in shape) else None,
        identity=identity,  # a server may change its model at any time: only the user can say what it is
    )


def _pool() -> Any:
    try:
        import urllib3
    except ImportError:
        raise InputError("http: needs the package urllib3; pip install 'wulff[http]'.") from None
    retry = urllib3.Retry(
        total=TRIES - 1,
        backoff_factor=PAUSE,
        backoff_max=30,
        status_forcelist=_AGAIN,
        allowed_methods=None,  # an inference may be asked for twice
        raise_on_status=False,
        redirect=False,
    )
    return urllib3.PoolManager(maxsize=8, retries=retry, timeout=urllib3.Timeout(TIMEOUT))


def _best_output(outputs: list[dict[str, Any]], raw: bytes) -> np.ndarray:
    """Logits or probabilities where there are any, else labels or names."""
    found: list[tuple[str, np.ndarray]] = []
    start = 0
    for entry in outputs:
        kind: str = entry["datatype"]
        size = dict[str, Any](entry.get("parameters") or {}).get("binary_data_size")
        if size is not None:
            part, start = raw[start : start + size], start + size
            values = _strings(part) if kind == "BYTES" else np.frombuffer(part, _DATATYPES[kind])
        else:
            values = np.array(entry["data"], dtype=object if kind == "BYTES" else _DATATYPES[kind])
        found.append((kind, values.reshape(entry["shape"])))
    scores = [values for kind, values in found if kind.startswith("FP")]
    return (scores or [values for _, values in found])[0].copy()


def _strings(raw: bytes) -> np.ndarray:
    """Strings in the binary extension: each behind its length of four bytes."""
    found, place = [], 0
    while place < len(raw):
        length = int.from_bytes(raw[place : place + 4], "little")
        found.append(raw[place + 4 : place + 4 + length].decode())
        place += 4 + length
    return np.array(found, dtype=object)


def _said(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"]).splitlines()[0][:200]
    except (ValueError, LookupError, TypeError):
        return first_line(ValueError(data[:200].decode(errors="replace")))


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return first_line(reason if isinstance(reason, BaseException) else ValueError(str(reason)))
