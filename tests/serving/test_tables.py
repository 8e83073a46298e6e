"""Rows of a table as requests: columns by their names, and everything that is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.serving.conftest import served
from wulff import datasets
from wulff.datasets import Layout
from wulff.serving import Service
from wulff.smoothing import Smoothed
from wulff.tables import of_table

pandas = pytest.importorskip("pandas")

NOISE = "mixed(numbers=gaussian(sigma=0.5), categories=ablation(keep_probability=0.4, null=-1))"
ROWS = {"weight": [40, 95.5], "city": ["Oslo", "Rome"], "member": [True, False]}


@pytest.fixture
def layout() -> Layout:
    train = pandas.DataFrame(
        {"weight": [80.0, 60, 95, 70], "city": ["Oslo", "Rome"] * 2, "member": [True, False, False, True]}
    )
    return datasets.layout_of(train.assign(heavy=["yes", "no"] * 2), target="heavy", immutable=["member"])


@pytest.fixture
def port(layout: Layout) -> Iterator[int]:
    smoothed = Smoothed(lambda x: (x[:, 0] > 75).long(), of_table(NOISE, layout), 2)
    service = Service(smoothed, (3,), n=200, threats=("l2-scaled+0", "l2-scaled+1"))
    with served(service, table=layout) as found:
        yield found


def post(port: int, document: object) -> tuple[int, Any]:
    url = f"http://127.0.0.1:{port}/v2/models/smoothed/infer"
    response = urllib3.request("POST", url, body=json.dumps(document).encode(), retries=False)
    return response.status, response.json()


def test_rows_are_asked_by_the_names_of_columns(port: int, layout: Layout) -> None:
    radii = {"parameters": {"radii": "l2-scaled+0,l2-scaled+1"}}
    tensors = [
        {"name": name, "datatype": "BYTES", "shape": [2], "data": cells} for name, cells in ROWS.items()
    ]
    nested = [entry | {"shape": [2, 1], "data": [[cell] for cell in entry["data"]]} for entry in tensors]
    for asked in ({"columns": ROWS}, {"inputs": tensors}, {"inputs": nested[::-1]}):
        status, answer = post(port, asked | radii)
        assert status == 200, answer
        found = {output["name"]: output["data"] for output in answer["outputs"]}
        assert found["label"] == [0, 1]
        assert min(found["radius l2-scaled+1"]) > 0
        assert found["radius l2-scaled+0"] > found["radius l2-scaled+1"]
    url = f"http://127.0.0.1:{port}/v2/models/smoothed"
    described = urllib3.request("GET", url, retries=False).json()["inputs"]
    assert [(each["name"], each["datatype"]) for each in described] == [
        ("weight", "FP64"),
        ("city", "BYTES"),
        ("member", "BOOL"),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (ROWS | {"city": ["Oslo", "Bern"]}, "the column 'city', row 1, holds 'Bern', which is none of the"),
        (ROWS | {"weight": [40, "heavy"]}, "the column 'weight', row 1, holds 'heavy', which is no finite"),
        (ROWS | {"weight": [40, 10**400]}, "the column 'weight', row 1"),
        (ROWS | {"weight": [40, None]}, "the column 'weight', row 1, holds None"),
        (ROWS | {"weight": [40, [1]]}, "the column 'weight', row 1, holds "),
        (ROWS | {"weight": [40]}, "lists of the same length"),
        (ROWS | {"weight": 40}, "must be a JSON object such as"),
        (ROWS | {"age": [1, 2]}, "has the column 'age', which the training rows lack"),
        (ROWS | {"heavy": ["yes", "no"]}, "the column 'heavy' is what is predicted"),
        ({"weight": [40, 50]}, "has no column 'city'"),
        ([ROWS], "must be a JSON object such as"),
        ({name: [] for name in ROWS}, "no rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_line(port: int, columns: object, message: str) -> None:
    status, answer = post(port, {"columns": columns})
    assert status == 400
    assert message in answer["error"]
    assert "\n" not in answer["error"]
    assert post(port, {"columns": ROWS})[0] == 200


def test_a_table_is_asked_by_names_and_other_models_by_tensors(port: int) -> None:
    assert post(port, {"inputs": []})[0] == 400
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 0, 0]}
    status, answer = post(port, {"inputs": [tensor]})
    assert (status, "has no column 'weight'" in answer["error"]) == (400, True)
    plain = Smoothed(lambda x: (x[:, 0] > 0.5).long(), "gaussian(sigma=0.5)", 2)
    with served(Service(plain, (3,), n=20)) as other:
        status, answer = post(other, {"columns": {"a": [1]}})
        assert (status, "takes a tensor" in answer["error"]) == (400, True)
