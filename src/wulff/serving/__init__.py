"""A smoothed classifier as a service: labels, votes and radii over HTTP, for requests that share batches.

`Service` counts votes, whoever asks; `application` speaks the Open Inference Protocol in front of it.
"""

from wulff.serving.service import Answer, Overloaded, Service
from wulff.tables import Layout

__all__ = ["Answer", "Overloaded", "Service", "application"]


def application(
    service: Service, *, name: str = "smoothed", token: str | None = None, table: Layout | None = None
) -> object:
    """The ASGI application in front of a service.

    Args:
        service: What answers.
        name: What clients call the model.
        token: What requests must bear; None for nothing.
        table: The columns of rows of a table, which are asked by their names.

    Raises:
        InputError: The packages that it needs are not installed.
    """
    from wulff.serving.http_application import build

    return build(service, name=name, token=token, table=table)
