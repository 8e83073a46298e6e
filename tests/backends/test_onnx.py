"""ONNX files and sessions: the labels of the exported module, for free and fixed sizes of batches."""

import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tests.nightly import everyday
from wulff import backends
from wulff.errors import InputError


def export(net: nn.Module, path: Path, rows: int | None) -> None:
    """Write a module; the number of rows is free where it is None."""
    free = {0: torch.export.Dim("rows", min=1)} if rows is None else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        torch.onnx.export(
            net.eval(),
            (torch.zeros(rows or 2, 1, 8, 8),),
            path,
            dynamic_shapes=(free,),
            dynamo=True,
            verbose=False,
        )


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


@pytest.fixture(scope="module")
def free(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It as a file, for any number of rows."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(net, path, None)
    return path


@pytest.mark.parametrize("rows", everyday([None, 1, 16], 2))
def test_labels_are_those_of_the_exported_module(
    rows: int | None, net: nn.Module, free: Path, noisy: Tensor, tmp_path: Path
) -> None:
    path = free if rows is None else tmp_path / "model.onnx"
    if rows is not None:
        export(net, path, rows)
    classifier = backends.load(f"onnx:{path}")
    assert (classifier.num_classes, classifier.input_shape) == (10, (1, 8, 8))
    with torch.inference_mode():
        expected = net(noisy)
    np.testing.assert_allclose(classifier(noisy).numpy(), expected.numpy(), atol=1e-5)
    again = pickle.loads(pickle.dumps(classifier))  # noqa: S301 (as for a worker process)
    assert torch.equal(again(noisy), classifier(noisy))
    session = backends.adapt(onnxruntime.InferenceSession(str(path)))
    np.testing.assert_allclose(session(noisy).numpy(), expected.numpy(), atol=1e-5)
    assert classifier.identity == session.identity


def test_weights_beside_the_file_belong_to_its_identity(free: Path, tmp_path: Path) -> None:
    path = shutil.copytree(free.parent, tmp_path / "copy") / free.name
    before = backends.load(f"onnx:{path}").identity
    beside = path.with_name("model.onnx.data")
    beside.write_bytes(b"other weights")
    assert _identity_or_none(path) != before


def _identity_or_none(path: Path) -> str | None:
    try:
        return backends.load(f"onnx:{path}").identity
    except InputError:  # the runtime itself may notice
        return None


def labels_and_probabilities(path: Path) -> None:
    """A model as converters of scikit-learn write it: names of classes, and probabilities beside them."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    weights = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "pipeline",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 64])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3]),
        ],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def test_probabilities_are_taken_where_there_are_labels_too(noisy: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.onnx"
    labels_and_probabilities(path)
    classifier = backends.load(f"onnx:{path}")
    assert (classifier.num_classes, classifier.input_shape) == (3, (64,))
    probabilities = classifier(noisy)  # images are flattened for it
    np.testing.assert_allclose(probabilities.sum(dim=1).numpy(), 1, rtol=1e-5)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 50])
def test_files_that_are_no_models(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no model that ONNX Runtime can run"):
        backends.load(f"onnx:{path}")
    with pytest.raises(InputError, match="there is no file"):
        backends.load(f"onnx:{tmp_path / 'nothing.onnx'}")
