"""The ASGI application in front of a service; the only file that imports Starlette and prometheus_client."""

import asyncio
import contextlib
import hmac
import time
from collections.abc import AsyncGenerator
from typing import Any

from wulff._version import __version__
from wulff.errors import InputError, RunError
from wulff.serving.protocol import LENGTH, Request, encode, metadata
from wulff.serving.service import Overloaded, Service
from wulff.tables import Layout

try:
    import prometheus_client as prometheus
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.requests import Request as HttpRequest
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as missing:
    raise InputError(f"serving needs the package {missing.name}; pip install 'wulff[serve]'.") from None

LARGEST_BODY = 2**26
"""Bytes of one request; more are refused before they are read."""
MOST_BYTES = 4 * LARGEST_BODY
"""Bytes of all requests that are being read at the same time."""
PATIENCE = 60.0
"""Seconds in which a request must have arrived whole."""


class Refused(Exception):
    """A request that is answered with a status other than 200."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.response = JSONResponse({"error": message}, status, headers)


class _Metrics:
    """What is counted about the service, in the text format of Prometheus."""

    def __init__(self, service: Service) -> None:
        self.registry = prometheus.CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}
        self.requests = prometheus.Counter("wulff_requests", "Requests by status.", ["status"], **made)
        self.inputs = prometheus.Counter("wulff_inputs", "Inputs that were answered.", **made)
        self.abstained = prometheus.Counter("wulff_abstained", "Inputs without a label.", **made)
        self.copies = prometheus.Counter("wulff_noisy_copies", "Noisy copies behind the answers.", **made)
        self.nan = prometheus.Counter("wulff_not_a_number", "Copies whose output was not a number.", **made)
        self.seconds = prometheus.Histogram("wulff_seconds", "From a request to its answer.", **made)
        waiting = prometheus.Gauge("wulff_waiting_inputs", "Inputs that wait or are worked on.", **made)
        waiting.set_function(lambda: service.waiting)


class _Endpoint:
    """The handlers of one service."""

    def __init__(self, service: Service, name: str, token: str | None, table: Layout | None) -> None:
        self.service = service
        self.name = name
        self.table = table
        self.token = token
        self.metrics = _Metrics(service)
        self.reading = 0  # bytes of bodies that are not answered yet

    async def health(self, request: HttpRequest) -> Response:
        return JSONResponse({})

    async def server(self, request: HttpRequest) -> Response:
        self._check_token(request)
        found = {"name": "wulff", "version": __version__, "extensions": ["binary_tensor_data"]}
        return JSONResponse(found)

    async def model(self, request: HttpRequest) -> Response:
        self._check(request)
        service = self.service
        return JSONResponse(
            metadata(self.name, service.input_shape, service.smoothed.num_classes, self.table)
        )

    async def model_ready(self, request: HttpRequest) -> Response:
        self._check(request)
        return JSONResponse({"name": self.name, "ready": True})

    async def prometheus(self, request: HttpRequest) -> Response:
        self._check_token(request)
        text = prometheus.generate_latest(self.metrics.registry)
        return Response(text, media_type=prometheus.CONTENT_TYPE_LATEST)

    async def infer(self, request: HttpRequest) -> Response:
        start = time.monotonic()
        try:
            response = await self._infer(request)
        except Refused as refused:
            response = refused.response
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it
        self.metrics.requests.labels(response.status_code).inc()
        self.metrics.seconds.observe(time.monotonic() - start)
        return response

    async def _infer(self, request: HttpRequest) -> Response:
        self._check(request)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refused(415, "compressed requests are not read; send them as they are.")
        length = _whole(request.headers.get(LENGTH), LENGTH)
        async with self._body(request) as body:
            try:
                asked = await run_in_threadpool(Request, body, length, self.table)
                answer = await asyncio.wrap_future(self.service.submit(asked.x, asked.threats))
                content, head = await run_in_threadpool(encode, asked, answer, self.name)
            except InputError as error:
                raise Refused(400, str(error)) from None
            except Overloaded as error:
                raise Refused(503, str(error), {"Retry-After": str(error.seconds)}) from None
            except RunError as error:
                raise Refused(500, str(error)) from None
        self.metrics.inputs.inc(len(answer.label))
        self.metrics.abstained.inc(int((answer.label < 0).sum()))
        self.metrics.copies.inc(answer.n * len(answer.label))
        self.metrics.nan.inc(int(answer.not_a_number.sum()))
        if head is None:
            return Response(content, media_type="application/json")
        return Response(content, headers={LENGTH: str(head)}, media_type="application/octet-stream")

    @contextlib.asynccontextmanager
    async def _body(self, request: HttpRequest) -> AsyncGenerator[bytes]:
        """The body of a request, if it is neither too large nor too slow."""
        declared = _whole(request.headers.get("content-length"), "content-length") or 0
        found, taken = bytearray(), 0
        try:
            self._take(declared, declared)
            taken = declared
            async with asyncio.timeout(PATIENCE):
                async for part in request.stream():
                    found += part
                    more = len(found) - taken
                    if more > 0:
                        self._take(more, len(found))
                        taken += more
            yield bytes(found)
        except TimeoutError:
            raise Refused(408, f"the request did not arrive within {PATIENCE:g} seconds.") from None
        finally:
            self.reading -= taken

    def _take(self, more: int, size: int) -> None:
        if size > LARGEST_BODY:
            raise Refused(
                413,
                f"a request may have {LARGEST_BODY:,} bytes; send fewer inputs at once.",
                {"Connection": "close"},
            )
        if self.reading + more > MOST_BYTES:
            raise Refused(503, "too many requests are being read; ask again.", {"Retry-After": "1"})
        self.reading += more

    def _check(self, request: HttpRequest) -> None:
        self._check_token(request)
        if request.path_params["model"] != self.name:
            raise Refused(404, f"the model here is {self.name}.")
        if request.path_params.get("version", "1") != "1":
            raise Refused(404, f"the only version of {self.name} is 1.")

    def _check_token(self, request: HttpRequest) -> None:
        if self.token is None:
            return
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise Refused(401, "a bearer token is needed.", {"WWW-Authenticate": "Bearer"})


def build(service: Service, name: str, token: str | None, table: Layout | None) -> Starlette:
    """The application: `/v2` of the Open Inference Protocol, and `/metrics`."""
    endpoint = _Endpoint(service, name, token, table)
    routes = [
        Route("/v2/health/live", endpoint.health),
        Route("/v2/health/ready", endpoint.health),
        Route("/v2", endpoint.server),
        Route("/metrics", endpoint.prometheus),
    ]
    for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        routes += [
            Route(model, endpoint.model),
            Route(f"{model}/ready", endpoint.model_ready),
            Route(f"{model}/infer", endpoint.infer, methods=["POST"]),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(service.close)

    async def refused(request: HttpRequest, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return error.response

    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Refused: refused})


def _whole(text: str | None, header: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused(400, f"{header} must be a whole number.")
    return int(text)
