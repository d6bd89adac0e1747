"""Check a built wheel: it holds every module of the package, the licence, and nothing else.

usage: check_wheel.py FILE.whl
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path


def main(wheel: str) -> int:
    root = Path(__file__).resolve().parent.parent
    wanted = {
        path.relative_to(root).as_posix()
        for path in (root / "hvm_vm").rglob("*")
        if path.is_file() and path.suffix in (".py", ".typed", ".css", ".js", ".json")
    }
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {name for name in held if ".dist-info/" not in name}
    missing, extra = sorted(wanted - package), sorted(package - wanted)
    for label, names in (("missing", missing), ("should not be there", extra)):
        for name in names:
            print(f"{wheel}: {label}: {name}", file=sys.stderr)
    if not any("LICENSE" in name for name in held):
        print(f"{wheel}: the licence is missing", file=sys.stderr)
        return 1
    if missing or extra:
        return 1
    print(f"{Path(wheel).name}: {len(package)} files, complete")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
