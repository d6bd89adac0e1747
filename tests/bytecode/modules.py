"""Representative modules, built by hand: the material of the bytecode tests."""

from __future__ import annotations

import numpy as np

from hvm_vm.bytecode.module import (
    Access,
    Affine,
    Descriptor,
    Dim,
    Family,
    Input,
    Instruction,
    Member,
    Module,
    Node,
    Output,
    Register,
    SizeSymbol,
    SourceSpan,
    TensorPattern,
)
from hvm_vm.bytecode.sizes import Size

ONE = Size.of(1)
T, D = Size.of("T"), Size.of("D")
HALT = Instruction("halt")


def size(value) -> Size:
    return Size.of(value)


def dim(name, extent, role="o", lo=1) -> Dim:
    return Dim(name, size(lo), size(extent), role)


def at(*axes) -> Access:
    """A place: each axis is None, a constant, `d` as a string "0" … or a list of (dim, coefficient)
    with an optional leading constant."""
    places = []
    for axis in axes:
        if axis is None:
            places.append(None)
        elif isinstance(axis, (int, Size)):
            places.append(Affine(size(axis)))
        elif isinstance(axis, str):
            places.append(Affine(size(0), ((int(axis), ONE),)))
        else:
            const, *terms = axis
            places.append(Affine(size(const), tuple((d, size(c)) for d, c in terms)))
    return Access(tuple(places))


def register(name, *axes, dtype="f64") -> Register:
    """Axes are extents, or (lo, extent)."""
    pairs = [a if isinstance(a, tuple) else (1, a) for a in axes]
    return Register(
        name, dtype, tuple(size(e) for _, e in pairs), tuple(size(lo) for lo, _ in pairs)
    )


def attention() -> Module:
    """The design's block: three products, an attention with causal condition and a scaled score."""
    registers = (
        register("X", T, D),
        register("Wq", D, D),
        register("Wk", D, D),
        register("Wv", D, D),
        register("Q", T, D),
        register("K", T, D),
        register("V", T, D),
        register("O", T, D),
    )
    product = Descriptor(
        (dim("t", T), dim("i", D), dim("j", D, "r")),
        (at("0", "1"), at("1", "2"), at("0", "2")),
        (),
        (-1, -1),
    )
    attend = Descriptor(
        (dim("t", T), dim("u", T, "u"), dim("i", D, "c"), dim("i", D)),
        (at("0", "3"), at("0", "2"), at("1", "2"), at("1", "3")),
        (
            Node("acc"),
            Node("size", (), 0),
            Node("float", (1,)),
            Node("sqrt", (2,)),
            Node("div", (0, 3)),
            Node("index", (), 1),
            Node("index", (), 0),
            Node("ile", (5, 6)),
        ),
        (4, -1, 7, -1),
    )
    code = tuple(Instruction("contract", (4 + k, 1 + k, 0), 0, k) for k in range(3))
    return Module(
        file="attention.hmp",
        symbols_of_size=(SizeSymbol("T", None, 3), SizeSymbol("D", 64)),
        registers=registers,
        inputs=tuple(Input(registers[k].name, k) for k in range(4)),
        outputs=(Output("O", 7, source=3),),
        sizes=(D,),
        sources=tuple(SourceSpan(5 + k, 1, f"relation {k}") for k in range(4)),
        descriptors=(product, attend),
        code=(*code, Instruction("attention", (7, 4, 5, 6), 1, 3), HALT),
    )


def scalars() -> Module:
    """Unrolled scalars: one map with several results into a family's register, defaults, checks."""
    registers = (
        register("a"),
        register("b"),
        register("q", 3, 2),
        register("n", dtype="i64"),
        register("name", dtype="i64"),
    )
    nodes = (
        Node("load", (), 4),
        Node("load", (), 5),
        Node("add", (0, 1)),
        Node("mul", (0, 1)),
        Node("const", (), 0),
        Node("mul", (2, 4)),
        Node("load", (), 6),
        Node("float", (6,)),
        Node("pow", (7, 1)),
        Node("neg", (8,)),
    )
    many = Descriptor(
        (), (at(0, 0), at(1, 0), at(2, 1), at(2, 0), at(), at(), at()), nodes, (2, 3, 5, 9)
    )
    symbol = Descriptor(
        (),
        (at(), at()),
        (
            Node("load", (), 1),
            Node("const", (), 1),
            Node("lt", (0, 1)),
            Node("iconst", (), 0),
            Node("iconst", (), 1),
            Node("iselect", (2, 3, 4)),
        ),
        (5,),
    )
    claim = Descriptor(
        (), (at(), at()), (Node("load", (), 0), Node("load", (), 1), Node("le", (0, 1))), (2,), 0, 1
    )
    return Module(
        registers=registers,
        inputs=(Input("a", 0, 0), Input("b", 1, 1), Input("n", 3, 2)),
        outputs=(Output("q", 2), Output("class", 4, symbolic=True), Output("b", 1, hidden=True)),
        families=(
            Family(
                "q",
                (1, 1),
                (3, 2),
                (
                    Member("q1_1", (1, 1), 2, (0, 0)),
                    Member("q2_1", (2, 1), 2, (1, 0)),
                    Member("q3_1", (3, 1), 2, (2, 0)),
                    Member("q3_2", (3, 2), 2, (2, 1)),
                ),
            ),
        ),
        constants=(0.5, -0.0),
        integers=(1, 0),
        texts=('a must not pass "b"\n\\ é \x01',),
        symbols=("ODD", "EVEN"),
        arrays=(np.array(1.5), np.array(float("nan")), np.array(7, np.int64)),
        descriptors=(many, symbol, claim),
        code=(
            Instruction("map", (2, 2, 2, 2, 0, 1, 3), 0),
            Instruction("select", (4, 0), 1),
            Instruction("check", (0, 1), 2),
            HALT,
        ),
    )


def embedding() -> Module:
    """Gathered rows with a condition, layer norm with epilogue, softmax, argmax, in float32."""
    f = "f32"
    vocab, places = size("V"), size("P")
    registers = (
        register("token", T, dtype="i64"),
        register("E", (0, vocab), D, dtype=f),
        register("P", (0, places), D, dtype=f),
        register("g", D, dtype=f),
        register("X", T, D, dtype=f),
        register("Y", T, D, dtype=f),
        register("A", T, D, dtype=f),
        register("best", T, dtype="i64"),
        register("m", T, dtype=f),
    )
    rows = Descriptor(
        (dim("t", T), dim("i", D)),
        (at("0", "1"), at("0"), at(None, "1"), at("0", "1")),
        (Node("load", (), 1), Node("gather", (0,), 2), Node("load", (), 3), Node("add", (1, 2))),
        (3,),
    )
    norm = Descriptor(
        (dim("t", T), dim("i", D, "n")),
        (at("0", "1"), at("0", "1"), at("1")),
        (
            Node("load", (), 1),
            Node("const", (), 0),
            Node("acc"),
            Node("load", (), 2),
            Node("mul", (2, 3)),
        ),
        (0, 1, 4),
    )
    soft = Descriptor(
        (dim("t", T), dim("i", D, "n")),
        (at("0", "1"), at("0", "1")),
        (Node("load", (), 1), Node("index", (), 1), Node("iconst", (), 0), Node("ilt", (1, 2))),
        (0, -1, 3, -1),
    )
    largest = Descriptor(
        (dim("t", T), dim("i", D, "r")),
        (at("0"), at("0", "1")),
        (Node("load", (), 1),),
        (0, -1, -1),
    )
    mean = Descriptor(
        (dim("t", T), dim("i", D, "r")),
        (at("0"), at("0", "1")),
        (
            Node("index", (), 1),
            Node("iconst", (), 0),
            Node("ilt", (0, 1)),
            Node("load", (2,), 1),
            Node("acc"),
            Node("exp", (4,)),
        ),
        (3, 2, 5),
    )
    return Module(
        precision=f,
        file="embedding.hmp",
        registers=registers,
        symbols_of_size=(SizeSymbol("T"), SizeSymbol("D"), SizeSymbol("V"), SizeSymbol("P")),
        inputs=(
            Input("token", 0),
            Input(
                "E", 1, pattern=TensorPattern(("embeddings.", (0, 2, -1), ".weight{}", (1, 1, 0)))
            ),
            Input("P", 2, pattern=TensorPattern(("positions",))),
            Input("g", 3),
        ),
        outputs=(Output("A", 6), Output("best", 7), Output("m", 8)),
        constants=(1e-12,),
        integers=(9,),
        sources=(SourceSpan(1, 1, "X[t,i] = …"),),
        descriptors=(rows, norm, soft, largest, mean),
        code=(
            Instruction("map", (4, 0, 1, 2), 0, 0),
            Instruction("layer_norm", (5, 4, 3), 1, 0),
            Instruction("softmax", (6, 5), 2),
            Instruction("argmax", (7, 6), 3),
            Instruction("mean", (8, 5), 4),
            HALT,
        ),
    )


def strided() -> Module:
    """Rich places and sizes: heads in a row, a half-length copy, reversed, diagonal,
    preconditions."""
    heads, width = size("H"), size("C")
    half = (T - 1).floordiv(2) + 1
    registers = (
        register("x", (0, T)),
        register("y", (0, half)),
        register("w", heads * width, (-1, T)),
        register("z", (1, heads * width)),
        register("s", T, T),
        register("d", T),
        register("r", T.min(D) * T.mod(3), T.exactdiv(D).max(2)),
    )
    every_other = Descriptor(
        (dim("k", half, lo=0),), (at("0"), at((0, (0, 2)))), (Node("load", (), 1),), (0,)
    )
    row = Descriptor(
        (dim("h", heads, lo=0), dim("c", width, lo=0)),
        (at((0, (0, width), (1, 1))), at((0, (0, width), (1, 1)), T - 1)),
        (Node("load", (), 1), Node("size", (), 0), Node("float", (1,)), Node("mul", (0, 2))),
        (3,),
    )
    diagonal = Descriptor(
        (dim("i", T),), (at((T - 1, (0, -1))), at("0", "0")), (Node("load", (), 1),), (0,)
    )
    outer = Descriptor((dim("i", T), dim("j", T)), (at("0", "1"), at("0"), at("1")), (), (-1, -1))
    whole = Descriptor(
        (dim("i", T),),
        (),
        (
            Node("size", (), 1),
            Node("index", (), 0),
            Node("iconst", (), 0),
            Node("imul", (1, 2)),
            Node("ile", (0, 3)),
        ),
        (4,),
        0,
        2,
    )
    return Module(
        registers=registers,
        symbols_of_size=(SizeSymbol("T", 8), SizeSymbol("H"), SizeSymbol("C"), SizeSymbol("D", -3)),
        inputs=(Input("x", 0), Input("w", 2), Input("r", 6)),
        outputs=tuple(Output(registers[k].name, k) for k in (1, 3, 5)),
        sizes=(width.exactdiv(heads) * 2, half * T * T - 4),
        integers=(-3,),
        texts=("H must divide C",),
        descriptors=(whole, every_other, row, outer, diagonal),
        preconditions=(Instruction("check", (), 0),),
        code=(
            Instruction("copy", (1, 0), 1),
            Instruction("map", (3, 2), 2),
            Instruction("contract", (4, 0, 0), 3),
            Instruction("copy", (5, 4), 4),
            HALT,
        ),
    )


def empty() -> Module:
    return Module(code=(HALT,))


ALL = {build.__name__: build for build in (attention, scalars, embedding, strided, empty)}
