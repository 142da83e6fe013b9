from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINUX = {"sys_platform": "linux", "platform_system": "Linux"}
MACOS = {"sys_platform": "darwin", "platform_system": "Darwin"}


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def dependencies():
    named = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    return [Requirement(text) for text in named]


def test_constraints_hold_versions_alone():
    for pin in pins():
        assert pin.url is None, pin
        assert not pin.extras, f"{pin}: pip refuses extras in constraints"
        assert re.fullmatch(r"==[0-9][0-9A-Za-z.]*", str(pin.specifier)), (
            f"{pin}: one version, no local build"
        )


def test_each_package_is_pinned_once():
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("dependency", dependencies(), ids=lambda dependency: dependency.name)
def test_every_dependency_is_pinned_within_its_range(dependency):
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins()}
    assert dependency.specifier.contains(versions[canonicalize_name(dependency.name)])


def test_what_exists_on_linux_alone_is_pinned_there_alone():
    for pin in pins():
        if pin.name.startswith(("nvidia-", "cuda-")) or pin.name == "triton":
            assert pin.marker is not None, pin
            assert pin.marker.evaluate(LINUX), pin
            assert not pin.marker.evaluate(MACOS), pin


def test_the_licence_is_there():
    assert PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    for path in PROJECT["license-files"]:
        assert (ROOT / path).is_file(), path


@pytest.mark.slow
def test_the_wheel_holds_all_three_packages_with_their_files(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", PROJECT["readme"], "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in ("benchsuite", "scenarios", "reports", "tests"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", tmp_path, source], check=True, stdin=subprocess.DEVNULL)
    (wheel,) = tmp_path.glob("benchsuite-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    kept = {
        path.relative_to(source).as_posix()
        for package in ("benchsuite", "scenarios", "reports")
        for path in (source / package).rglob("*")
        if path.is_file()
    }
    assert packed == kept
