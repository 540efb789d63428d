from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.architecture.sources import ROOT


def lint(config: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with a configuration file."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(program), "--config", str(config), "--no-cache", "--no-logo"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_keep_the_layers() -> None:
    """Imports point down, and each dependency has its one door."""
    report = lint(ROOT / "pyproject.toml")
    assert report.returncode == 0, report.stdout + report.stderr


def test_contracts_have_no_exceptions() -> None:
    """No import is let off."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        linter = tomllib.load(file)["tool"]["importlinter"]
    assert not [contract["id"] for contract in linter["contracts"] if "ignore_imports" in contract]


def test_an_import_that_points_up_is_found(tmp_path: Path) -> None:
    """The check can fail: layers turned upside down break it."""
    config = tmp_path / "upside-down.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "soniq"\n[[tool.importlinter.contracts]]\n'
        'name = "Upside down"\ntype = "layers"\nlayers = ["soniq.errors", "soniq.app"]\n'
    )
    assert lint(config).returncode != 0
