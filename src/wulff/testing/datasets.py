"""What every data set must obey."""

import torch

from wulff import datasets


def check_dataset(name: str) -> None:
    """Check that both splits of a data set load by name, twice the same, and fit together.

    Raises:
        AssertionError: The data set breaks its contract.
    """
    train, test = (datasets.load(name, split) for split in datasets.SPLITS)
    assert train.input_shape == test.input_shape
    assert train.num_classes == test.num_classes
    for split, data in (("train", train), ("test", test)):
        again = datasets.load(f"{name}-{split}")
        assert again.sha256() == data.sha256(), "loading twice gives the same"
        assert data.name == name
        assert data.index == tuple(range(len(data)))
        assert data.labels.dtype == torch.int64
        some = data[: min(4, len(data))].images[:4]
        assert some.dtype == torch.float32
        assert bool(((some >= 0) & (some <= 1)).all())
