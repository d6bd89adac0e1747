"""Which kernel computes a lane operation: the engine's side of `bytecode/lane_ops.py`."""

from __future__ import annotations

# Each row: the family that computes these operations, by their own names.
_ROWS = {
    "lane": "add sub mul div neg abs sign floor ceil min max sqrt lt le eq ne and or not select",
    "math": "exp log tanh erf sigmoid",
    "libm": "mod pow sin cos tan asin acos atan atan2 sinh cosh",
    "ilane": "iadd isub imul ifloordiv imod imin imax ineg iabs isign ilt ile ieq ine iselect",
}
# What `kernels/lanes_trig.py` has, beside the C library's.
_TRIG = {"f32": ["sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh"],
         "f64": ["sin", "cos", "atan"]}
_TRUTH = ("ilt", "ile", "ieq", "ine", "iselect")  # of integers, with truth values
_TABLE = {op: f"{family}.{op}" for family, row in _ROWS.items() for op in row.split()}
_TABLE |= {"round": "lane.rint", "float": "lane.from_integer", "int": "lane.to_integer"}


def kernel_of(op: str, precision: str) -> str:
    """The kernel's name for a lane operation in a program of this precision (f32 or f64)."""
    found = _TABLE[op]
    if found == "math.erf" and precision == "f64":
        found = "libm.erf"
    if op in _TRIG[precision]:
        found = f"trig.{op}"
    plain = found.startswith("ilane.") and op not in _TRUTH
    return f"{found}.{'i64' if plain else precision}"


def wide_kind(op: str, kind: str) -> str:
    """The lane type in which a reduction over outer dimensions collects its results."""
    return "f64" if kind == "f32" and op in ("sum", "mean", "prod") else kind
