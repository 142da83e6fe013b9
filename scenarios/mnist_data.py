"""Where the MNIST files are: the embedded subset, unpacked once, or the whole set as the user has it.

`torchvision.datasets.MNIST(ROOT)` reads unpacked files in `ROOT/MNIST/raw/`; both functions that
return a root have verified every file there. Nothing here imports torch, but for a download.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import socket
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite.cache import cache_folder
from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Algorithm: TypeAlias = Literal["md5", "sha256"]

PUBLISHED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 of the four files of the whole set, unpacked: gzip files of one content differ by who packed them."""
FILES = tuple(PUBLISHED_MD5)
EMBEDDED = Path(__file__).parent / "data"
SUMS = "SHA256SUMS"
CONNECT_TIMEOUT_S = 15.0
"""Without it, a firewall that drops packets makes a download hang for minutes."""


def bundled_checksums() -> dict[str, str]:
    """Return the SHA-256 of each embedded file, packed (`.gz`) and unpacked.

    Raises:
        UsageError: the list of checksums is missing or damaged.
    """
    path = EMBEDDED / SUMS
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        sums = {name: checksum for checksum, name in map(str.split, lines)}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {_cause(error)}: install benchsuite again") from error
    if lacking := [name for name in (*FILES, *_packed_names()) if name not in sums]:
        raise UsageError(f"{path}: it has no checksum of {lacking[0]}: install benchsuite again")
    return sums


def bundled_root() -> Path:
    """Return the root of the embedded subset; unpacks into the cache folder what is not there yet.

    Processes may race and may be killed: a file appears under its name only when it is whole.

    Raises:
        UsageError: an embedded or cached file is corrupt, or the cache folder cannot be written.
    """
    sums = bundled_checksums()
    key = fingerprint({name: sums[name] for name in FILES})[:16]
    root = cache_folder() / f"mnist-subset-{key}"
    for name in FILES:
        target = _raw(root) / name
        if not target.is_file():
            packed = EMBEDDED / f"{name}.gz"
            verify(packed, "sha256", sums[packed.name], "install benchsuite again")
            _install(packed, target, "sha256", sums[name], "install benchsuite again")
        else:
            verify(target, "sha256", sums[name], "delete it, the next run unpacks it again")
    return root


def whole_root(data_dir: Path | None) -> Path:
    """Return the root of the whole MNIST set: what lies in `data_dir`, else a download into it.

    Unpacked files in `data_dir/MNIST/raw` are used in place. Files that are packed, or lie elsewhere in
    `data_dir`, are brought into the cache folder: `data_dir` itself may be read-only.

    Args:
        data_dir: a folder with the four files, unpacked or as `.gz`, in itself or in `MNIST/raw`
            below it; None: the cache folder.

    Raises:
        UsageError: a file is corrupt or cannot be read, or the download failed.
    """
    cached = cache_folder() / "mnist"
    given = cached if data_dir is None else data_dir.expanduser().absolute()
    if given.exists() and not given.is_dir():
        raise UsageError(f"{given}: it is a file: --data-dir takes the folder that holds the MNIST files")
    for root in (given, cached):
        if all((_raw(root) / name).is_file() for name in FILES):
            break
    else:
        root = _gather(given, cached)
    for name in FILES:
        verify(
            _raw(root) / name, "md5", PUBLISHED_MD5[name], "delete it and get the file again, or run again"
        )
    return root


def fingerprint(checksums: Mapping[str, str]) -> str:
    """Return one checksum of several, whatever their order."""
    lines = "".join(f"{checksum}  {name}\n" for name, checksum in sorted(checksums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def verify(path: Path, algorithm: Algorithm, expected: str, remedy: str) -> None:
    """Demand that a file has the expected checksum.

    Raises:
        UsageError: it has not, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: _hasher(algorithm)).hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: {_cause(error)}: {remedy}") from error
    if found != expected:
        raise UsageError(_corrupt(path, algorithm, found, expected, remedy))


def _gather(given: Path, cached: Path) -> Path:
    """Bring the four files into a root of torchvision's layout and return that root."""
    sources = {name: _find(given, name) for name in FILES}
    if all(sources.values()):
        for name, source in sources.items():
            target = _raw(cached) / name
            if source is not None and not target.is_file():
                _install(source, target, "md5", PUBLISHED_MD5[name], "get the file again")
        return cached
    _download(given)
    return given


def _find(folder: Path, name: str) -> Path | None:
    candidates = [parent / form for form in (name, f"{name}.gz") for parent in (_raw(folder), folder)]
    return next((path for path in candidates if path.is_file()), None)


def _download(root: Path) -> None:
    """Let torchvision download and unpack into a folder of its own, then move the verified files.

    torchvision unpacks in place and takes any file that exists for a whole one: killed in the
    middle it would leave a broken set behind that looks complete.
    """
    from torchvision.datasets import MNIST

    raw = _raw(root)
    with _writing(raw), tempfile.TemporaryDirectory(dir=raw, prefix=".download-") as folder:
        try:
            with _timeout(CONNECT_TIMEOUT_S):
                MNIST(folder, download=True)
        except (RuntimeError, OSError, EOFError, http.client.HTTPException, zlib.error) as error:
            raise UsageError(
                f"MNIST cannot be downloaded ({_cause(error)}): put {', '.join(f'{n}.gz' for n in FILES)} into a "
                "folder and name it with --data-dir, or use --dataset bundled, which needs no network"
            ) from error
        for name in FILES:
            fresh = _raw(Path(folder)) / name
            verify(fresh, "md5", PUBLISHED_MD5[name], "the download is not the published file: try again")
            fresh.replace(raw / name)


def _install(source: Path, target: Path, algorithm: Algorithm, expected: str, remedy: str) -> None:
    """Copy a file, unpacked if it is a `.gz`; its new name appears once the copy is whole and verified."""
    content = _read(source, remedy)
    found = _hasher(algorithm, content).hexdigest()
    if found != expected:
        raise UsageError(_corrupt(source, algorithm, found, expected, remedy))
    raw = target.parent
    with _writing(raw), tempfile.TemporaryDirectory(dir=raw, prefix=".unpack-") as folder:
        part = Path(folder) / target.name
        part.write_bytes(content)
        part.replace(target)


def _read(path: Path, remedy: str) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: it is no whole gzip file ({_cause(error)}): {remedy}") from error
    except OSError as error:
        raise UsageError(f"{path}: {_cause(error)}: {remedy}") from error


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Make a folder and turn what goes wrong while writing into it into one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written ({_cause(error)}): set BENCHSUITE_CACHE_DIR to a folder that can"
        ) from error


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _hasher(algorithm: Algorithm, content: bytes = b"") -> hashlib._Hash:
    # MD5 tells damage, not malice; without the flag it is refused on machines in FIPS mode.
    return hashlib.new(algorithm, content, usedforsecurity=algorithm != "md5")


def _raw(root: Path) -> Path:
    return root / "MNIST" / "raw"


def _packed_names() -> tuple[str, ...]:
    return tuple(f"{name}.gz" for name in FILES)


def _corrupt(path: Path, algorithm: Algorithm, found: str, expected: str, remedy: str) -> str:
    label = {"md5": "MD5", "sha256": "SHA-256"}[algorithm]
    return f"{path}: it is corrupt, its {label} is {found} and should be {expected}: {remedy}"


def _cause(error: BaseException) -> str:
    """Return the last line of what an exception says, without an error number or a path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
