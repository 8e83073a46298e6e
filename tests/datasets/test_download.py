"""Downloads from a little server of our own: whole, resumed, damaged, and missing."""

import dataclasses
import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wulff import datasets
from wulff.datasets.sources import SOURCES, Source
from wulff.errors import InputError

CONTENT = bytes(range(256)) * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; knows ranges unless it is told not to; may break off."""

    ranges = True
    break_after: int | None = None
    asked: list[str | None] = []  # noqa: RUF012 (set anew by every test)

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path != "/data.bin":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if wanted and self.ranges else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT) if self.break_after is None else start + self.break_after
        self.wfile.write(CONTENT[start:end])

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("WULFF_DATA", str(tmp_path))
    Handler.ranges, Handler.break_after, Handler.asked = True, None, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{running.server_port}/data.bin"
        monkeypatch.setitem(SOURCES, "toy", (Source(url, hashlib.md5(CONTENT).hexdigest()),))
        yield url
        running.shutdown()
        thread.join()


def test_whole(server: str, tmp_path: Path) -> None:
    seen: list[int] = []
    folder = datasets.download("toy", lambda name, size: seen.append(size))
    assert folder == tmp_path / "toy"
    assert (folder / "data.bin").read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)
    datasets.download("toy")
    assert Handler.asked == [None]  # the second call asks for nothing
    assert [file.name for file in folder.iterdir()] == ["data.bin"]
    (folder / "data.bin").write_bytes(CONTENT[:100])
    with pytest.raises(InputError, match="is not the published file"):
        datasets.download("toy")
    assert (folder / "data.bin").read_bytes() == CONTENT[:100]  # nobody's file is overwritten


@pytest.mark.parametrize("ranges", [True, False])
def test_broken_off_and_gone_on_with(server: str, tmp_path: Path, ranges: bool) -> None:
    Handler.break_after, Handler.ranges = 1000, ranges
    with pytest.raises(InputError, match=r"after 1,000 of 10,240 bytes; run the same command again"):
        datasets.download("toy")
    assert [file.name for file in (tmp_path / "toy").iterdir()] == ["data.bin.part"]
    Handler.break_after = None
    datasets.download("toy")
    assert (tmp_path / "toy" / "data.bin").read_bytes() == CONTENT
    assert Handler.asked[-1] == "bytes=1000-"


def test_a_finished_part_is_only_checked(server: str, tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "data.bin.part").write_bytes(CONTENT)
    datasets.download("toy")
    assert (tmp_path / "toy" / "data.bin").read_bytes() == CONTENT


def test_wrong_checksums_are_not_kept(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "toy", (Source(server, "0" * 32),))
    with pytest.raises(InputError, match="not the published 0000"):
        datasets.download("toy")
    assert list((tmp_path / "toy").iterdir()) == []


def test_what_cannot_be_had(server: str, monkeypatch: pytest.MonkeyPatch, wulff) -> None:
    monkeypatch.setitem(SOURCES, "toy", (Source(server + ".gone", "0" * 32),))
    with pytest.raises(InputError, match="answers 404"):
        datasets.download("toy")
    monkeypatch.setitem(SOURCES, "toy", (Source("http://127.0.0.1:9/data.bin", "0" * 32),))
    with pytest.raises(InputError, match="cannot be read"):
        datasets.download("toy")
    result = wulff("download", "imagenet")
    assert result.code == 2
    assert "cannot be downloaded; there is mnist, fashion-mnist, cifar10, svhn" in result.err


def test_archives_are_unpacked_without_leaving_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WULFF_DATA", str(tmp_path))
    (tmp_path / "cifar10").mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("cifar-10-batches-bin/test_batch.bin", "../outside"):
            info = tarfile.TarInfo(name)
            info.size = 3073
            archive.addfile(info, io.BytesIO(bytes(3073)))
    (tmp_path / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(buffer.getvalue())
    (source,) = SOURCES["cifar10"]
    md5 = hashlib.md5(buffer.getvalue()).hexdigest()
    monkeypatch.setitem(SOURCES, "cifar10", (dataclasses.replace(source, md5=md5),))
    with pytest.raises(tarfile.OutsideDestinationError):
        datasets.download("cifar10")
    assert not (tmp_path / "outside").exists()
    assert len(datasets.load("cifar10")) == 1
