"""Install a package as pip would, as far as finding its parts goes: a folder with entry points on the path of its processes."""

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def install(site: Path, name: str, points: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Write what pip would write for a package of `tests.extension`.

    Args:
        site: Folder that plays the environment's `site-packages`.
        name: Name of the distribution.
        points: `module:attribute` by name, by group of entry points.

    Returns:
        What has to be in the environment of a process that shall find the package.
    """
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in some.items()) for group, some in points.items()
    ]
    (info / "entry_points.txt").write_text("".join(lines))
    paths = [str(site), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
