"""Assembly text: it round-trips, reads like the mathematics, and its errors point at the place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hvm_vm.bytecode import (
    assemble,
    canonical,
    decode,
    disassemble,
    encode,
    verify,
)
from hvm_vm.bytecode.asm_tokens import spell_float, spell_name, spell_text
from hvm_vm.bytecode.module import Descriptor, Input, Instruction, Module, Node, Output, SourceSpan
from hvm_vm.errors import BytecodeError
from tests.bytecode import modules


@pytest.mark.parametrize("name", modules.ALL)
def test_round_trip(name):
    module = modules.ALL[name]()
    text = disassemble(module)
    again = assemble(text)
    verify(again)
    assert encode(again) == encode(module)
    assert disassemble(again) == text == disassemble(decode(encode(module)))


def test_the_listing_reads_like_the_mathematics():
    lines = disassemble(modules.attention()).splitlines()
    assert (
        "  0  contract    %Q[t, i] = %Wq[i, j] * %X[t, j] over t:T, i:D reduce j:D "
        "@5:1  ; relation 0" in lines
    )
    assert (
        "  3  attention   %O[t, i'] = q %Q[t, i] k %K[u, i] v %V[u, i'] "
        "score acc / sqrt(float(size(D)))" in lines
    )
    embedding = "map         %X[t, i] = %E[{%token[t]}, i] + %P[t - 1, i] over t:T, i:D @1:1"
    assert embedding in disassemble(modules.embedding())


def test_shared_values_are_named():
    text = disassemble(modules.scalars())
    assert "%q[1, 1] = $1, %q[2, 1] = %a * %b, %q[3, 2] = $1 * 0.5" in text
    assert "with $1 = %a + %b" in text


ODD_TEXTS = [
    "",
    "plain",
    'say "x"',
    "back\\slash",
    "tab\tline\nreturn\r",
    "\0\x1f\x7f\x85",
    "é ü 𝔽 \u2028",
    "`",
    "; no comment",
    "%s {0}",
    "a" * 5000,
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_any_text(text):
    module = modules.scalars()
    check = replace(module.descriptors[2], message=0)
    module = replace(
        module,
        file=text,
        texts=(text,),
        symbols=(text, "x"),
        descriptors=(*module.descriptors[:2], check),
        registers=(replace(module.registers[0], name=text), *module.registers[1:]),
        inputs=(replace(module.inputs[0], name=text), *module.inputs[1:]),
        outputs=(replace(module.outputs[0], name=text), *module.outputs[1:]),
        families=(
            replace(
                module.families[0],
                name=text,
                members=tuple(replace(m, name=m.name + text) for m in module.families[0].members),
            ),
        ),
        sources=(SourceSpan(1, 1, text),),
        code=tuple(replace(i, source=0) for i in module.code),
    )
    data = encode(module)
    assert encode(assemble(disassemble(module))) == data
    assert decode(data).texts == (text,)


def test_any_number():
    nan = np.frombuffer(bytes.fromhex("0100000000000cfff"[:16]), "<f8")[0]
    numbers = (
        0.1,
        -0.0,
        1e300,
        5e-324,
        float("inf"),
        float("-inf"),
        float("nan"),
        float(nan),
        -1.5,
        2.0,
    )
    nodes = [Node("const", (), k) for k in range(len(numbers))]
    count = len(nodes)
    for k in range(count):
        nodes.append(Node("neg", (k,)))
    for k in range(count - 1):
        nodes.append(Node("pow", (count + k + 1, len(nodes) - 1 if k else count)))
    registers = (modules.register("x"),)
    module = Module(
        registers=registers,
        outputs=(Output("x", 0),),
        constants=numbers,
        descriptors=(Descriptor((), (modules.at(),), tuple(nodes), (len(nodes) - 1,)),),
        code=(Instruction("map", (0,), 0), modules.HALT),
    )
    again = decode(encode(assemble(disassemble(module))))
    assert encode(again) == encode(module)
    assert {np.float64(x).tobytes() for x in again.constants} == {
        np.float64(x).tobytes() for x in numbers
    }


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.0),
        np.zeros((0,)),
        np.zeros((2, 0, 3)),
        np.arange(6.0).reshape(1, 2, 3),
        np.linspace(0, 1, 65),
        np.linspace(-1, 1, 5000).reshape(50, 100),
        np.array([np.nan, np.inf, -np.inf, -0.0]),
        np.frombuffer(b"\1\0\0\0\0\0\xf8\xff" * 2, "<f8"),
    ],
)
def test_default_arrays(array):
    shape = array.shape
    for dtype in (np.float64, np.float32):
        name = "f64" if dtype is np.float64 else "f32"
        with np.errstate(invalid="ignore"):
            default = array.astype(dtype)
        module = Module(
            precision=name,
            registers=(modules.register("x", *shape, dtype=name),),
            inputs=(Input("x", 0, 0),),
            arrays=(default,),
            code=(modules.HALT,),
        )
        again = assemble(disassemble(module))
        assert encode(again) == encode(module)
        assert again.arrays[0].tobytes() == default.tobytes() and again.arrays[0].shape == shape


def test_float32_numbers_are_short():
    default = np.array([0.1, 1 / 3, 1e-45, 3.4028235e38], np.float32)
    module = Module(
        precision="f32",
        registers=(modules.register("x", 4, dtype="f32"),),
        inputs=(Input("x", 0, 0),),
        arrays=(default,),
        code=(modules.HALT,),
    )
    text = disassemble(module)
    assert "[0.1, 0.33333334, 1e-45, 3.4028235e+38]" in text
    assert assemble(text).arrays[0].tobytes() == default.tobytes()


def test_names_that_are_keywords_or_not_names():
    for name in ("acc", "over", "two words", "1st", "é", "T", "a'b", "size"):
        space = Descriptor(
            (modules.dim(name, modules.T), modules.dim(name, 3)),
            (modules.at("0", "1"), modules.at("0")),
            (Node("index", (), 1), Node("float", (0,)), Node("load", (), 1), Node("mul", (1, 2))),
            (3,),
        )
        module = Module(
            symbols_of_size=(modules.SizeSymbol("T"),),
            registers=(modules.register(name, modules.T), modules.register(name, modules.T, 3)),
            inputs=(Input("x", 0),),
            outputs=(Output("y", 1),),
            descriptors=(space,),
            code=(Instruction("map", (1, 0), 0), modules.HALT),
        )
        assert encode(assemble(disassemble(module))) == encode(module)


def test_spelling():
    assert spell_float(1.0) == "1.0" and spell_float(float("-inf")) == "-inf"
    assert spell_name("x1") == "x1" and spell_name("1x") == "`1x`" and spell_name("`") == r"`\``"
    assert spell_text('a"\n') == r'"a\"\n"'


def test_written_by_hand():
    module = assemble("""\
; a comment
.hvma 0.1
.register x f64[4]   ; declarations may follow what uses them
.output y %y
sum %y = %x[2*i] * (1.0 + 0.5) - -2.0 condition not (i = 2 or i = 1)
   over k:1 reduce i:2 @1:1
halt
.source 1:1 "y = …"
.register y f64
.input x %x = [1, 2, 3, 4.5]
""")
    verify(module)
    assert module.code[0].op == "sum" and module.arrays[0].tolist() == [1, 2, 3, 4.5]
    assert (
        "sum         %y = %x[2*i] * (1.0 + 0.5) - -2.0 condition not (i = 2 or i = 1)"
        in disassemble(module)
    )


GOOD = """.hvma 0.1
.size T
.register x f64[T]
.register y f64[T]
.input x %x
.output y %y
  0  map %y[t] = exp(%x[t]) over t:T
  1  halt
"""


@pytest.mark.parametrize(
    "old, new, place, words",
    [
        ("exp(", "expp(", "7:18", "there is no lane operation expp"),
        ("%x[t])", "%z[t])", "7:23", "there is no register %z"),
        ("[t])", "[u])", "7:25", "the size u is not declared"),
        ("[t])", "[t*t])", "7:25", "not affine"),
        ("[t])", "[t, 1])", "7:28", "%x has only 1 axes"),
        ("%x[t])", "%x)", "7:22", "%x has 1 axes, and 0 places are given"),
        ("exp(%x[t])", "exp(3)", "7:18", "exp takes (number), not (integer)"),
        ("exp(%x[t])", "%x[t] < 1.0 < 2.0", "7:30", "comparisons do not chain"),
        ("exp(%x[t])", "$1", "7:18", "$1 is not defined"),
        ("exp(%x[t])", "$1 with $1 = -$1", "7:31", "this definition uses itself"),
        ("  1  halt", "  2  halt", "8:3", "this is instruction 1, not 2"),
        ("  1  halt", "  1  hlat", "8:6", "there is no operation hlat; did you mean halt?"),
        (" over t:T", " over t:Q", "7:36", "the size Q is not declared"),
        (" over t:T", " over t:T epsilon 1.0", "7:38", "not expected in this map"),
        (".hvma 0.1", ".hvma 0.7", "1:7", "version 0.7, and this HVM reads"),
        (".hvma 0.1\n", "", "1:1", "begins with its version"),
        (".size T", ".sise T", "2:1", "there is no directive .sise"),
        (".input x %x", ".input x %x = [1, [2]]", "5:15", "differ in length"),
        (".output y %y", '.output y "y', "6:11", "a text has no end"),
        ("exp(%x[t])", "(" * 100 + "1.0" + ")" * 100, "7:", "brackets deep"),
        ("exp(%x[t])", "99999999999999999999999.0 + 1 ", "7:44", "+ takes"),
        ("exp(%x[t])", "float(999999999999999999999)", "7:24", "too long"),
        (".register x f64[T]", ".register x f16[T]", "3:13", "f16 is no element type"),
    ],
)
def test_errors_point_at_the_place(old, new, place, words):
    assert old in GOOD
    with pytest.raises(BytecodeError) as caught:
        assemble(GOOD.replace(old, new), "hand.hvma")
    text = str(caught.value)
    assert words in text
    assert text.startswith(f"hand.hvma:{place}")
    assert "error: " in text.splitlines()[0] and "^" in text


def test_numbers_of_operations_cover_the_tables():
    """Every lane operation can be written and comes back."""
    from hvm_vm.bytecode import lane_ops

    for row in lane_ops.LANE_OPS:
        if row.immediate or row.name == "acc":
            continue
        nodes = [Node("load", (), 1), Node("load", (), 2)]
        nodes.append(Node(row.name, tuple("fi".index(t) for t in row.arguments)))
        result = "f64" if row.result == "f" else "i64"
        module = Module(
            registers=(
                modules.register("r", dtype=result),
                modules.register("x"),
                modules.register("n", dtype="i64"),
            ),
            inputs=(Input("x", 1), Input("n", 2)),
            outputs=(Output("r", 0),),
            descriptors=(Descriptor((), (modules.at(),) * 3, tuple(nodes), (2,)),),
            code=(Instruction("map", (0, 1, 2), 0), modules.HALT),
        )
        form = canonical(assemble(disassemble(module)))
        assert form.descriptors[0].nodes[-1].op == row.name
        assert encode(form) == encode(module)
