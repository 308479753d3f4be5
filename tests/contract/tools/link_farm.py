"""The installed shape of the Python packages as symbolic links, for tools that read by folder.

The top-level folders are installed as sub-packages of `velaria`; mypy and import-linter know
nothing of that mapping.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.contract.tools.house import PACKAGES, ROOT


def make_link_farm(name: str = "farm") -> Path:
    """Make build/<name>/velaria anew and return build/<name>, the folder to search for packages."""
    farm = ROOT / "build" / name
    shutil.rmtree(farm, ignore_errors=True)
    root_package = farm / "velaria"
    root_package.mkdir(parents=True)
    for folder, package in PACKAGES.items():
        source = ROOT / folder
        if package == "velaria":
            for child in source.iterdir():
                if child.name != "__pycache__" and child.suffix != ".so":
                    (root_package / child.name).symlink_to(child)
        else:
            (root_package / package.removeprefix("velaria.")).symlink_to(source)
    return farm


if __name__ == "__main__":
    print(make_link_farm(*sys.argv[1:]))
