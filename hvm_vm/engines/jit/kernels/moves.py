"""Moving lanes between memory with strides and dense buffers, and computed places.

A table of dimensions is `count, inner lanes, then (extent, stride in bytes) …`, slowest first;
the first extent is not read: it follows from the number of lanes. Moves know only sizes of 4 and
8 bytes.
"""

from __future__ import annotations

from hvm_vm.engines.jit.kernels.intrinsics import (
    get_f32,
    get_f64,
    get_i32,
    get_i64,
    put_i32,
    put_i64,
)
from hvm_vm.engines.jit.kernels.loops import inline

_GET = {"4": get_i32, "8": get_i64}
_PUT = {"4": put_i32, "8": put_i64}


def build(name: str, size: str = ""):
    """The kernel `move.<name>.<size>`."""
    return {"load": _load, "store": _store, "ramp": _ramp, "take": _take,
            "axis": _axis}[name](size)


@inline
def offset_of_row(dims, count, row):
    """The byte offset of row number `row` in all dimensions but the last."""
    offset = 0
    for d in range(count - 2, -1, -1):
        extent = get_i64(dims, 2 + 2 * d)
        stride = get_i64(dims, 3 + 2 * d)
        if d == 0:
            offset += row * stride
        else:
            offset += (row % extent) * stride
            row //= extent
    return offset


def _load(size):
    """dst[lane] = the element at the lane's place from `a`; `b` is the table."""
    get, put, width = _GET[size], _PUT[size], int(size)

    def load(dst, a, b, c, n):
        count = get_i64(b, 0)
        inner = n if count == 1 else get_i64(b, 1)
        stride = get_i64(b, 1 + 2 * count)
        rows = n // inner
        for row in range(rows):
            place = a + offset_of_row(b, count, row)
            out = dst + row * inner * width
            if stride == width:
                for i in range(inner):
                    put(out, i, get(place, i))
            elif stride == 0:
                value = get(place, 0)
                for i in range(inner):
                    put(out, i, value)
            else:
                for i in range(inner):
                    put(out, i, get(place + i * stride, 0))
        return 0
    return load


def _store(size):
    """The element at the lane's place from `dst` = a[lane]; `b` is the table."""
    get, put, width = _GET[size], _PUT[size], int(size)

    def store(dst, a, b, c, n):
        count = get_i64(b, 0)
        inner = n if count == 1 else get_i64(b, 1)
        stride = get_i64(b, 1 + 2 * count)
        rows = n // inner
        for row in range(rows):
            place = dst + offset_of_row(b, count, row)
            source = a + row * inner * width
            if stride == width:
                for i in range(inner):
                    put(place, i, get(source, i))
            else:
                for i in range(inner):
                    put(place + i * stride, 0, get(source, i))
        return 0
    return store


def _ramp(size):
    """dst[lane] = a + the lane's offset by the table `b`: affine places as int64 numbers."""
    def ramp(dst, a, b, c, n):
        count = get_i64(b, 0)
        inner = n if count == 1 else get_i64(b, 1)
        stride = get_i64(b, 1 + 2 * count)
        rows = n // inner
        for row in range(rows):
            start = a + offset_of_row(b, count, row)
            out = dst + row * inner * 8
            for i in range(inner):
                put_i64(out, i, start + i * stride)
        return 0
    return ramp


def _axis(kind):
    """Check positions against an axis, where the guard holds, and add them to addresses.

    dst: int64 addresses; a: int64 positions; b: (extent, stride in bytes, address of the lanes to
    add to); c: guard lanes, or 0. Status 1 when a guarded position is outside 0 … extent-1.
    Positions that are not wanted add 0."""
    truth = get_f32 if kind == "f32" else get_f64

    def axis(dst, a, b, c, n):
        extent = get_i64(b, 0)
        stride = get_i64(b, 1)
        source = get_i64(b, 2)
        bad = 0
        for i in range(n):
            x = get_i64(a, i)
            inside = (x >= 0) & (x < extent)
            wanted = True
            if c != 0:
                wanted = truth(c, i) != 0
            bad |= 1 if (wanted and not inside) else 0
            put_i64(dst, i, get_i64(source, i) + (x * stride if (wanted and inside) else 0))
        return bad
    return axis


def _take(size):
    """dst[lane] = the element at byte address b[lane], or 0 where the guard `c` (lanes, or 0)
    fails.

    `size` is the element's, and the guard's type: 4f32, 8f64, 8f32 …"""
    get, put = _GET[size[0]], _PUT[size[0]]
    truth = get_f32 if size[1:] == "f32" else get_f64

    def take(dst, a, b, c, n):
        if c == 0:
            for i in range(n):
                put(dst, i, get(get_i64(b, i), 0))
        else:
            for i in range(n):
                if truth(c, i) != 0:
                    put(dst, i, get(get_i64(b, i), 0))
                else:
                    put(dst, i, 0)
        return 0
    return take
