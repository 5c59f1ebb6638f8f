"""What hatchling runs before it makes a wheel or an editable install: the compiled kernel and the dashboard.

An editable install leaves the dashboard to `make dashboard`, since it is not needed to work on the rest.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

import build_dashboard
import build_kernel


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Both parts; each is left out with a line that says why, unless it is required."""

    def dependencies(self) -> list[str]:
        """Node, where the dashboard is to be built and the system has none."""
        wanted = self.target_name == "wheel" and os.environ.get("DELTAWIRE_DASHBOARD") != "skip"
        has_npm = shutil.which("npm") is not None and build_dashboard.has_node()
        return [build_dashboard.FROM_PYPI] if wanted and not has_npm else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what the wheel is to contain."""
        if self.target_name != "wheel":
            return
        self._kernel(version, build_data)
        if version != "editable":
            self._dashboard(build_data)

    def _kernel(self, version: str, build_data: dict[str, Any]) -> None:
        asked = os.environ.get("DELTAWIRE_KERNEL", "")
        folder = build_kernel.ROOT / "src" if version == "editable" else Path(self.directory) / "kernel"
        build_kernel.remove(folder)
        if asked == "skip":
            return
        try:
            built = build_kernel.build(folder)
        except build_kernel.UnbuiltError as reason:
            if asked == "require":
                raise
            self.app.display_warning(f"deltawire: the compiled kernel is left out: {reason}")
            return
        build_data["infer_tag"], build_data["pure_python"] = True, False
        if version != "editable":
            build_data["force_include"].update({str(file): place for file, place in built.items()})

    def _dashboard(self, build_data: dict[str, Any]) -> None:
        asked = os.environ.get("DELTAWIRE_DASHBOARD", "")
        if asked == "skip":
            return
        folder = (Path(self.directory) / "dashboard").resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            build_dashboard.build(folder)
        except build_dashboard.UnbuiltError as reason:
            if asked == "require":
                raise
            self.app.display_warning(f"deltawire: the dashboard is left out: {reason}")
            return
        build_data["force_include"][str(folder)] = build_dashboard.PLACE
