from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from torchvision.datasets import MNIST

from benchsuite.errors import UsageError
from scenarios import mnist_data
from scenarios.mnist_data import FILES, bundled_root, whole_root

REPOSITORY = Path(__file__).parents[2]
IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(content)


def one_line(raised):
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.fixture
def stand_in(monkeypatch, embedded):
    """Let the embedded files pass for the whole set, so that its paths are tested everywhere."""
    sums = {name: md5(gzip.decompress((embedded / f"{name}.gz").read_bytes())) for name in FILES}
    monkeypatch.setattr(mnist_data, "PUBLISHED_MD5", sums)


@pytest.fixture
def damaged(monkeypatch, tmp_path, embedded):
    """Return a copy of the embedded data, in use instead of the original, for a test to damage."""
    copy = tmp_path / "embedded"
    shutil.copytree(embedded, copy)
    monkeypatch.setattr(mnist_data, "EMBEDDED", copy)
    return copy


@pytest.fixture
def no_network(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{port}/"])


@pytest.fixture
def mirror(monkeypatch, embedded):
    """Serve the embedded files over HTTP on the loopback as torchvision's only mirror."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(embedded))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        resources = [(f"{name}.gz", md5((embedded / f"{name}.gz").read_bytes())) for name in FILES]
        monkeypatch.setattr(MNIST, "resources", resources)
        yield
        server.shutdown()


def sizes(root):
    return len(MNIST(root, train=True)), len(MNIST(root, train=False))


def unpack_into(folder, embedded):
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_bytes(gzip.decompress((embedded / f"{name}.gz").read_bytes()))


# The embedded subset


def test_torchvision_reads_the_unpacked_files(cache):
    root = bundled_root()
    assert root.is_relative_to(cache)
    assert sizes(root) == (10_000, 2_000)


def test_files_are_unpacked_once(cache):
    files = [bundled_root() / "MNIST" / "raw" / name for name in FILES]
    before = [file.stat() for file in files]
    bundled_root()
    assert [file.stat() for file in files] == before
    assert {file.name for file in files[0].parent.iterdir()} == set(FILES)
    assert cache.is_dir()


@pytest.mark.usefixtures("cache")
def test_a_corrupt_embedded_file_is_named_with_both_checksums(damaged):
    packed = damaged / f"{IMAGES}.gz"
    expected = hashlib.sha256(packed.read_bytes()).hexdigest()
    flip_a_byte(packed)
    found = hashlib.sha256(packed.read_bytes()).hexdigest()
    with pytest.raises(UsageError) as raised:
        bundled_root()
    message = one_line(raised)
    for part in (str(packed), found, expected, "install benchsuite again"):
        assert part in message


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("content", ["", "one two three\n", "0123  train-images-idx3-ubyte.gz\n"])
def test_a_damaged_list_of_checksums_is_named(damaged, content):
    (damaged / "SHA256SUMS").write_text(content)
    with pytest.raises(UsageError, match=r"SHA256SUMS: .*install benchsuite again"):
        bundled_root()


@pytest.mark.usefixtures("cache")
def test_a_missing_embedded_file_is_named(damaged):
    (damaged / f"{LABELS}.gz").unlink()
    with pytest.raises(UsageError, match=rf"{LABELS}\.gz: No such file or directory: install benchsuite"):
        bundled_root()


@pytest.mark.usefixtures("cache")
def test_a_corrupt_cached_file_is_named_and_the_remedy_works():
    cached = bundled_root() / "MNIST" / "raw" / IMAGES
    expected = hashlib.sha256(cached.read_bytes()).hexdigest()
    flip_a_byte(cached)
    with pytest.raises(UsageError) as raised:
        bundled_root()
    message = one_line(raised)
    found = hashlib.sha256(cached.read_bytes()).hexdigest()
    for part in (str(cached), found, expected, "delete it"):
        assert part in message
    cached.unlink()
    assert sizes(bundled_root()) == (10_000, 2_000)


def test_a_cache_that_cannot_be_written_is_one_clear_line(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCHSUITE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(UsageError) as raised:
        bundled_root()
    message = one_line(raised)
    assert message.startswith(str(tmp_path / "file" / "cache"))
    assert "Not a directory" in message
    assert "BENCHSUITE_CACHE_DIR" in message


KILLED_AT_THE_SECOND_FILE = """
import os, signal
from pathlib import Path
from scenarios import mnist_data

replace, names = Path.replace, []
def replace_once(self, target):
    names.append(target)
    if len(names) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = replace_once
mnist_data.bundled_root()
"""
AT_THE_STARTING_SIGNAL = """
import sys, time
from pathlib import Path
from scenarios import mnist_data

while not Path(sys.argv[1]).exists():
    time.sleep(0.001)
mnist_data.bundled_root()
"""


def start(script, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env=environment)


def test_a_killed_unpacking_leaves_nothing_half_done(cache):
    assert start(KILLED_AT_THE_SECOND_FILE).wait(60) == -signal.SIGKILL
    there = [path for path in cache.glob("*/MNIST/raw/*") if path.is_file()]
    assert len(there) == 1
    assert sizes(bundled_root()) == (10_000, 2_000)


@pytest.mark.usefixtures("cache")
def test_two_processes_may_unpack_at_once(tmp_path):
    signal_file = tmp_path / "go"
    racers = [start(AT_THE_STARTING_SIGNAL, str(signal_file)) for _ in range(2)]
    signal_file.touch()
    assert [racer.wait(60) for racer in racers] == [0, 0]
    assert sizes(bundled_root()) == (10_000, 2_000)


# The whole set, the embedded files standing in for it


@pytest.mark.usefixtures("stand_in", "no_network", "cache")
def test_unpacked_files_in_torchvisions_layout_are_used_in_place(tmp_path, embedded):
    unpack_into(tmp_path / "data" / "MNIST" / "raw", embedded)
    assert whole_root(tmp_path / "data") == tmp_path / "data"


@pytest.mark.usefixtures("stand_in", "no_network")
@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_packed_files_are_unpacked_into_the_cache(cache, tmp_path, embedded, below):
    data = tmp_path / "data"
    shutil.copytree(embedded, data / below)
    before = sorted(data.rglob("*"))
    root = whole_root(data)
    assert root.is_relative_to(cache)
    assert sizes(root) == (10_000, 2_000)
    assert sorted(data.rglob("*")) == before, "the user's folder is only read"


@pytest.mark.usefixtures("stand_in", "no_network")
def test_unpacked_files_in_the_folder_itself_are_found(cache, tmp_path, embedded):
    unpack_into(tmp_path / "data", embedded)
    root = whole_root(tmp_path / "data")
    assert root.is_relative_to(cache)
    assert sizes(root) == (10_000, 2_000)
    assert whole_root(None) == root, "found in the cache the next time"


@pytest.mark.usefixtures("stand_in", "no_network", "cache")
@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_a_corrupt_file_is_named_with_both_checksums(tmp_path, embedded, below):
    unpack_into(tmp_path / "data" / below, embedded)
    damaged = tmp_path / "data" / below / IMAGES
    expected = md5(damaged.read_bytes())
    flip_a_byte(damaged)
    with pytest.raises(UsageError) as raised:
        whole_root(tmp_path / "data")
    message = one_line(raised)
    for part in (str(damaged), md5(damaged.read_bytes()), expected, "get the file again"):
        assert part in message


@pytest.mark.usefixtures("stand_in", "no_network")
@pytest.mark.parametrize("damage", ["truncated", "flipped", "no gzip"])
def test_a_damaged_gzip_file_is_named(cache, tmp_path, embedded, damage):
    shutil.copytree(embedded, tmp_path / "data")
    packed = tmp_path / "data" / f"{IMAGES}.gz"
    if damage == "truncated":
        packed.write_bytes(packed.read_bytes()[:-1000])
    elif damage == "flipped":
        flip_a_byte(packed)
    else:
        packed.write_bytes(b"<html>not found</html>")
    with pytest.raises(UsageError) as raised:
        whole_root(tmp_path / "data")
    message = one_line(raised)
    assert message.startswith(str(packed))
    assert "get the file again" in message
    assert not list(cache.rglob(IMAGES))


@pytest.mark.usefixtures("stand_in", "cache")
def test_without_a_network_one_line_says_what_to_do(no_network, tmp_path):
    with pytest.raises(UsageError) as raised:
        whole_root(tmp_path / "empty")
    message = one_line(raised)
    assert "Connection refused" in message
    assert all(f"{name}.gz" in message for name in FILES)
    assert "--data-dir" in message
    assert "--dataset bundled" in message


@pytest.mark.usefixtures("stand_in", "mirror", "cache")
def test_what_is_missing_is_downloaded(tmp_path, capsys):
    assert whole_root(tmp_path / "data") == tmp_path / "data"
    assert sizes(tmp_path / "data") == (10_000, 2_000)
    raw = tmp_path / "data" / "MNIST" / "raw"
    assert {path.name for path in raw.iterdir()} == set(FILES)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "100" in captured.err, "torchvision's progress bar"


@pytest.mark.usefixtures("mirror", "cache")
def test_a_download_of_something_else_is_refused(tmp_path):
    with pytest.raises(UsageError, match="the download is not the published file"):
        whole_root(tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*ubyte"))


@pytest.mark.usefixtures("no_network", "cache")
def test_a_file_for_a_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="it is a file: --data-dir"):
        whole_root(tmp_path / "file")


@pytest.mark.usefixtures("no_network", "cache")
def test_the_whole_set_is_read(whole_mnist):
    root = whole_root(whole_mnist)
    assert sizes(root) == (60_000, 10_000)
    assert whole_root(whole_mnist) == root
