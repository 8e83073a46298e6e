"""Where data sets can be downloaded from, and the checksums that their authors published."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Source:
    """One file of a data set on the web.

    Attributes:
        url: Where it is.
        md5: The checksum that its authors published.
        size: Its published size in bytes, of which no more is ever taken; None where it is not known.
    """

    url: str
    md5: str
    size: int | None = None

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


def _sources(base: str, files: dict[str, tuple[str, int]]) -> tuple[Source, ...]:
    return tuple(Source(base + name, md5, size) for name, (md5, size) in files.items())


SOURCES: dict[str, tuple[Source, ...]] = {
    "mnist": _sources(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
            "train-labels-idx1-ubyte.gz": ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
            "t10k-images-idx3-ubyte.gz": ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
            "t10k-labels-idx1-ubyte.gz": ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
        },
    ),
    "fashion-mnist": _sources(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            "train-labels-idx1-ubyte.gz": ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
            "t10k-images-idx3-ubyte.gz": ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            "t10k-labels-idx1-ubyte.gz": ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        },
    ),
    "cifar10": _sources(
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": ("c32a1d4ab5d03f1284b67883e8d87530", 170_052_171)},
    ),
    "svhn": _sources(
        "http://ufldl.stanford.edu/housenumbers/",
        {
            "train_32x32.mat": ("e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794),
            "test_32x32.mat": ("eb5a983be6a315427106f1b164d9cef3", 64_275_384),
        },
    ),
}
"""What can be downloaded."""
