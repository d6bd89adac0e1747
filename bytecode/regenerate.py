"""Write the reference files anew: for each examples/*.hmp its bytecode and its assembly text.

    python bytecode/regenerate.py            # write them, and SPEC.md
    python bytecode/regenerate.py --check    # only say what differs; exit status 1 if anything does

Every release must run these files as they are. Regenerate them when the compiler improves; a change
of the format keeps the old ones under their version's name.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from hvm_vm.bytecode import disassemble, encode  # noqa: E402
from hvm_vm.bytecode.module import Module  # noqa: E402
from hvm_vm.bytecode.spec import specification  # noqa: E402
from hvm_vm.bytecode.writer import write_whole  # noqa: E402

EXAMPLES = HERE.parent / "examples"


def compiled(path: Path) -> Module:
    """The module that the compiler makes of a source. Raises `CompileError`."""
    from hvm_vm.compiling.building import compile

    return compile(path).module


def references() -> dict[Path, bytes]:
    """Every file that should be here, and what it should hold."""
    files = {HERE / "SPEC.md": specification().encode()}
    for source in sorted(EXAMPLES.glob("*.hmp")):
        module = compiled(source)
        files[HERE / f"{source.stem}.hvmb"] = encode(module)
        files[HERE / f"{source.stem}.hvma"] = disassemble(module).encode()
    return files


def main(arguments: list[str]) -> int:
    files = references()
    stale = [p for suffix in ("hvmb", "hvma") for p in HERE.glob(f"*.{suffix}") if p not in files]
    changed = [p for p, data in files.items() if not p.exists() or p.read_bytes() != data]
    for path in (*changed, *stale):
        print(f"{'differs' if path in files else 'has no source'}: {path.name}")
    if "--check" in arguments:
        return 1 if changed or stale else 0
    for path in changed:
        write_whole(files[path], path)
    for path in stale:
        path.unlink()
    print(f"{len(files)} files, {len(changed)} written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
