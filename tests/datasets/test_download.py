"""Downloads from a little server of our own: whole, resumed, damaged, and missing."""

import contextlib
import dataclasses
import hashlib
import http.server
import io
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wulff import datasets
from wulff.datasets.sources import SOURCES, Source
from wulff.errors import InputError

CONTENT = bytes(range(256)) * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; knows ranges unless it is told not to; may break off, lie, or send elsewhere."""

    ranges = True
    headers_sent: dict[str, str] = {}  # noqa: RUF012 (set anew by every test)
    redirect: str | None = None
    extra = b""
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
        if self.redirect is not None:
            self.send_response(302)
            if self.redirect:
                self.send_header("Location", self.redirect)
            self.end_headers()
            return
        said = {"Content-Length": str(len(CONTENT) + len(self.extra) - start)}
        if wanted and self.ranges and "Content-Range" in self.headers_sent:
            start = 0  # whatever was asked for
        self.send_response(206 if wanted and self.ranges else 200)
        for name, value in (said | self.headers_sent).items():
            self.send_header(name, value)
        self.end_headers()
        end = len(CONTENT) if self.break_after is None else start + self.break_after
        with contextlib.suppress(ConnectionError):  # who gets too much may hang up
            self.wfile.write(CONTENT[start:end] + self.extra)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("WULFF_DATA", str(tmp_path))
    Handler.ranges, Handler.break_after, Handler.asked = True, None, []
    Handler.headers_sent, Handler.redirect, Handler.extra = {}, None, b""
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


def test_no_more_is_taken_than_was_published(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(server, hashlib.md5(CONTENT).hexdigest(), len(CONTENT))
    monkeypatch.setitem(SOURCES, "toy", (source,))
    Handler.extra = bytes(10 * datasets.download.__globals__["CHUNK"])
    with pytest.raises(InputError, match=r"sends more than the 10,240 bytes that were published"):
        datasets.download("toy")
    assert (tmp_path / "toy" / "data.bin.part").stat().st_size == 0
    Handler.extra = b""
    (tmp_path / "toy" / "data.bin.part").write_bytes(CONTENT + b"more")
    datasets.download("toy")
    assert (tmp_path / "toy" / "data.bin").read_bytes() == CONTENT
    assert all(source.size for name, sources in SOURCES.items() if name != "toy" for source in sources)


@pytest.mark.parametrize("said", ["abc", "-5", "1e3", "99999999999999999999"])
def test_a_length_that_is_none(server: str, tmp_path: Path, said: str) -> None:
    Handler.headers_sent = {"Content-Length": said}
    datasets.download("toy")
    assert (tmp_path / "toy" / "data.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("said", ["bytes 0-10239/10240", "bytes 7-9/10", "nonsense"])
def test_another_part_than_was_asked_for(server: str, tmp_path: Path, said: str) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "data.bin.part").write_bytes(CONTENT[:100])
    Handler.headers_sent = {"Content-Range": said, "Content-Length": str(len(CONTENT))}
    datasets.download("toy")
    assert (tmp_path / "toy" / "data.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "to", ["", "http://[", "file:///etc/passwd", "http://a..b/", "/data.bin", "nothing://"]
)
def test_redirects_that_lead_nowhere(server: str, tmp_path: Path, to: str, wulff) -> None:
    Handler.redirect = to
    result = wulff("download", "toy")
    assert result.code == 2
    assert result.err.rstrip().count("\n") == 0
    assert "cannot be read" in result.err or "answers 302" in result.err
    assert not (tmp_path / "toy" / "data.bin").exists()


def test_two_at_once(server: str, tmp_path: Path) -> None:
    """The second waits for the first, and then has nothing to get."""
    errors: list[BaseException] = []

    def get() -> None:
        try:
            datasets.download("toy", lambda _name, _size: time.sleep(0.1))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=get) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Handler.asked == [None]
    assert (tmp_path / "toy" / "data.bin").read_bytes() == CONTENT


def test_parts_that_are_links_are_refused(server: str, tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "other").write_bytes(b"precious")
    (tmp_path / "toy" / "data.bin.part").symlink_to(tmp_path / "other")
    with pytest.raises(InputError, match="is a link, which is never written through"):
        datasets.download("toy")
    assert (tmp_path / "other").read_bytes() == b"precious"


def test_a_full_disk_is_not_the_sites_fault(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy").mkdir()
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        monkeypatch.setattr("wulff._files.appending", lambda path: _Full(full, path))
        with pytest.raises(OSError, match="No space left on device") as raised:
            datasets.download("toy")
    finally:
        os.close(full)
    assert raised.value.filename == str(tmp_path / "toy" / "data.bin.part")


class _Full(io.FileIO):
    """A file on a disk without room."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.name = str(path)

    def truncate(self, size: int | None = None) -> int:
        return 0


@pytest.mark.parametrize("kind", ["cut", "no gzip", "link"])
def test_archives_that_cannot_be_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("WULFF_DATA", str(tmp_path))
    (tmp_path / "toy").mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("inside")
        info.size = 100_000
        archive.addfile(info, io.BytesIO(os.urandom(info.size)))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "inside"
        archive.addfile(link)
    content = {"cut": buffer.getvalue()[:5000], "no gzip": b"no archive", "link": buffer.getvalue()}[kind]
    (tmp_path / "toy" / "data.tar.gz").write_bytes(content)
    source = Source("http://127.0.0.1:9/data.tar.gz", hashlib.md5(content).hexdigest())
    monkeypatch.setitem(SOURCES, "toy", (source,))
    with pytest.raises(InputError, match="holds the link 'link'" if kind == "link" else "cannot be unpacked"):
        datasets.download("toy")
    left = {file.name for file in (tmp_path / "toy").iterdir()}
    assert left == {"data.tar.gz"} | ({"inside"} if kind == "link" else set())


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
    with pytest.raises(InputError, match=r"must stay in its folder, but: '../outside' would be extracted"):
        datasets.download("cifar10")
    assert not (tmp_path / "outside").exists()
    assert len(datasets.load("cifar10")) == 1
