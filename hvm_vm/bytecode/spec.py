"""The written specification, `bytecode/SPEC.md`: prose from here, tables from the tables
themselves.

    python -m hvm_vm.bytecode.spec > bytecode/SPEC.md

A test fails when the page and this module disagree.
"""

from __future__ import annotations

from hvm_vm.bytecode import container, isa, lane_ops, limits
from hvm_vm.bytecode.asm_words import SPELLING
from hvm_vm.bytecode.module import DTYPES
from hvm_vm.bytecode.regions import root_roles
from hvm_vm.bytecode.sizes import ATOM_OPS, SIZE_LIMIT
from hvm_vm.bytecode.system_layout import ROLES as PART_ROLES
from hvm_vm.bytecode.writer import DIRECT_OPERANDS, NONE, ROLES, SPILLED, WITH_PARTS

_ROLE_DOC = {
    "o": ("free", "`over`", "the result has it"),
    "r": ("reduced", "`reduce`", "summed, maximised, … away"),
    "n": ("normalised", "`along`", "the result has it, but the operation couples its points"),
    "u": ("attended", "`attend`", "the positions that an attention weighs"),
    "c": ("contracted", "`features`", "the features that a score sums over"),
    "f": ("walked", "`forward`", "the result has it; its points are computed in turn"),
    "b": ("walked", "`backward`", "as `f`, from the last point to the first"),
}

_SECTION_DOC = {
    "META": "precision (byte: 0 f32, 1 f64); source file's name (text)",
    "SYMS": "size symbols: name (text); 1 and the default (signed) or 0; source (index)",
    "REGS": "registers: name (text); element type (byte); axes: first index value (size), "
    "length (size)",
    "INPT": "inputs: name (text); register; default array (index); source (index); flags (byte: 1 "
    "symbolic, 2 pattern); pattern parts: 0 and a text, or 1, axis, scale (signed), "
    "offset (signed)",
    "OUTP": "outputs: name (text); register; source (index); flags (byte: 1 symbolic, 2 hidden)",
    "FAMS": "families: name (text); axes: first subscript (signed), length; members: name (text), "
    "subscripts (signed each), register, places (list)",
    "POOL": "constants: count, 8 bytes each; integers (signed each); sizes",
    "TEXT": "texts of messages; texts of symbol values",
    "SRCS": "sources: line, column, text",
    "DESC": "descriptors, see below",
    "SPIL": "32-bit words: operands that do not fit the words of their instruction",
    "PREC": "preconditions: instructions, judged in this order when a program is bound",
    "CODE": "instructions, in the order in which they run",
    "ARRH": "arrays: element type (byte), axes (list of lengths)",
    "ARRD": "the elements of the arrays, C order, each array at a multiple of 64",
}


def specification() -> str:
    """The page, as it stands in `bytecode/SPEC.md`."""
    version = f"{isa.VERSION[0]}.{isa.VERSION[1]}"
    sections = _table(("section", "holds"), ((f"`{t}`", _SECTION_DOC[t]) for t in container.TAGS))
    roles = _table(
        ("role", "byte", "name", "in assembly", "meaning"),
        ((f"`{r}`", ROLES.index(r), *_ROLE_DOC[r]) for r in ROLES),
    )
    bounds = _table(
        ("limit", "value"),
        (
            (name[4:].lower().replace("_", " "), f"{value:,}")
            for name, value in vars(limits).items()
            if name.startswith("MAX_")
        ),
    )
    types = ", ".join(f"{k} {name}" for k, name in enumerate(DTYPES))
    atoms = ", ".join(f"{1 + k} `{op}`" for k, op in enumerate(ATOM_OPS))
    return _PAGE.format(
        version=version,
        sections=sections,
        roles=roles,
        bounds=bounds,
        types=types,
        atoms=atoms,
        magic=" ".join(f"{b:02X}" for b in container.MAGIC),
        alignment=container.ALIGNMENT,
        count=len(container.TAGS),
        none=f"{NONE:#x}",
        spilled=f"{SPILLED:#x}",
        direct=DIRECT_OPERANDS,
        size_limit=f"{SIZE_LIMIT:,}",
        instructions=_instructions(),
        lanes=_lanes(),
        major=isa.VERSION[0],
        with_parts=WITH_PARTS,
        part_roles=", ".join(f"{k} {role}" for k, role in enumerate(PART_ROLES)),
    )


def _table(head, rows) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def _instructions() -> str:
    parts = []
    group = ""
    for row in isa.INSTRUCTIONS:
        if row.group != group:
            group = row.group
            parts.append(f"### {group.capitalize()}\n")
        expressions = []
        for root in row.roots:
            name = root.rstrip("?*")
            note = {"?": " (optional)", "*": " (one a result)", "*?": " (one a result, optional)"}
            note = note.get(root[len(name) :], "")
            expressions.append(f"`{name}`{note} over {_roles(root_roles(row, name))}")
        costs = [row.flops] * (row.flops != "0") + ["those of its expressions"] * bool(row.roots)
        parts.append(
            "\n".join(
                (
                    f"#### {row.code} `{row.name}`",
                    "",
                    f"    {row.equation}",
                    "",
                    row.doc,
                    "",
                    f"- shape of a result: {row.shape}",
                    f"- roles: {_roles(row.roles)}",
                    f"- expressions: {'; '.join(expressions) or 'none'}",
                    f"- operands: {_operands(row)}",
                    f"- FLOPs: {' + '.join(costs) or 'none'}",
                    "",
                )
            )
        )
    return "\n".join(parts)


def _roles(roles: str) -> str:
    return ", ".join(f"`{role}`" for role in roles) or "none"


def _operands(row: isa.Instruction) -> str:
    if row.group == "control":
        return "none"
    first = (
        "the results, one for each expression"
        if row.group == "elementwise"
        else "the unknowns"
        if row.group == "system"
        else ""
        if row.group == "claim"
        else "the result"
    )
    core = {"contract": "A, B", "attention": "Q, K, V"}.get(row.name, "")
    return ", ".join(filter(None, (first, core, "what its expressions read")))


def _lanes() -> str:
    rows = []
    for row in lane_ops.LANE_OPS:
        arguments = (
            "axes×i, f?" if row.arguments == "*f?" else ", ".join(row.arguments).replace(", ?", "?")
        )
        written = SPELLING.get(row.name, row.name)
        rows.append(
            (
                row.code,
                f"`{row.name}`",
                arguments or "-",
                row.result,
                row.immediate or "-",
                row.flops,
                f"`{written}`" if row.name in SPELLING else "see below",
                row.doc,
            )
        )
    return _table(
        ("code", "name", "arguments", "result", "immediate", "FLOPs", "in assembly", "meaning"),
        rows,
    )


_PAGE = """\
# HVM bytecode {version}

<!-- Generated: python -m hvm_vm.bytecode.spec > bytecode/SPEC.md -->

A bytecode file (`.hvmb`) holds one program. One instruction is one whole mathematical operation
over an index space: a fused elementwise map, a reduction, a matrix product, a softmax, an
attention. Nothing in a file is machine code, and nothing runs before the verifier has accepted it.

Every program has exactly one file: equal programs are equal bytes, and the assembly text (`.hvma`)
of a file assembles to the same bytes.

## Container

All numbers are little-endian.

| bytes | header |
| --- | --- |
| 8 | magic `{magic}` |
| 2 + 2 | major and minor version |
| 4 | feature bits; none are defined, and unknown ones are refused |
| 8 | length of the file |
| 4 | number of sections, {count} |
| 4 | CRC32 of header and section table, with this field 0 |
| 32 | zeros |

The section table follows, 32 bytes a section: tag (4 letters), CRC32 (4), offset (8), length (8),
zeros (8). Then the sections, in the order below, all present, each beginning at the next multiple
of {alignment} with zeros between, nothing after the last. A reader accepts its own major version
with its own or an older minor version. Files may be mapped into memory: `CODE`, `PREC` and `ARRD`
are used as they lie there.

{sections}

Unless said otherwise a number is unsigned LEB128 (seven bits a byte, low bits first, the high bit
says that more follow, shortest form, at most 64 bits). *Signed* numbers are zigzag-folded first.
An *index* is a number less one, so that 0 means none (-1). A *text* is a number of bytes and
UTF-8. A *list*, and every table of entries, is preceded by its count. Element types: {types}.

A *size* is an integer expression of size symbols, a polynomial in canonical form: 0 and a signed
constant, or the number of terms and for each term its signed coefficient, the number of its
factors, and the factors: 0 and the number of a size symbol, or an operation ({atoms}) and its two
sizes. Sizes are at most {size_limit} in magnitude when evaluated.

## Instructions

An instruction is eight 32-bit words:

| word | holds |
| --- | --- |
| 0 | operation code |
| 1 | descriptor, or {none} for none |
| 2 | source: the relation that it came from, or {none} |
| 3 … 7 | operands: registers; unused words, all at the end, are {none} |

With more than {direct} operands the last word is {spilled} + the place in `SPIL` of a list: a
count, then the fifth and all further operands. These lists lie in the order of the instructions,
preconditions first.

### Descriptors

    dimensions   list: name (text), role (byte), first index value (size), extent (size)
    places       list, one an operand: axes, each 0 for a computed axis, or 1 + the number of
                 terms, the constant (size), and for each term its dimension and coefficient (size)
    nodes        list: lane operation (byte), arguments, immediate (if the operation has one)
    roots        list of indices of nodes; -1 for an expression that is absent
    message      index of a text (checks and solves only)
    status       exit status of a check, 1 or 2; 1 for a solve or system with `unsolved nan`; else
                 0; + {with_parts} when parts follow
    parts        (a system only) list: role (byte: {part_roles}), number of its relation or unknown,
                 and a descriptor without message, status and parts

Counters of dimensions run from 0 to extent - 1; the *index value* is the first index value + the
counter. The place of an operand along an axis is `constant + sum(coefficient*counter)`, counted
from 0. A computed axis takes its place from an argument of a `gather` node.

The arguments of a node are earlier nodes, each written as the distance back from the node before.
`load` and `gather` write their number of arguments first.

{roles}

Operands are, in order: the results, what the core reads, what expressions read. A result's place
names no dimension but free and normalised ones, names each of them, and never gives one element to
two points.

The parts of a `system` stand by role and number. Each has its own dimensions: the free ones of the
system, in order, then for a `row` those of its relation (role `n`), for a `term` those of its row
and any that are summed (role `r`), for `start`, `lower` and `upper` those of the unknown. Their
expressions are: row `condition?`; term `value condition? slope*`; the others `body`. The slopes of
a term are as many as the nodes under its value that read an unknown, and stand by the numbers of
those nodes: each is the derivative of the value by that node, or absent where that is 0. What a
part reads follows the operands of the parts before it. Only a term's value and slopes read
unknowns, always at the point's own place along the free dimensions.

### Canonical form

Pools (constants, integers, sizes, texts, arrays) and descriptors stand in the order of first use,
preconditions before code, nothing twice and nothing unused. The nodes of a descriptor are numbered
as its roots reach them, arguments first, and equal nodes are one node. Operands that expressions
read follow in that order, each register and place once. Sources are sorted by line, column and
text. (Arrays of more than 1 MiB are not compared.)

### Costs

FLOPs of the core are given as a sum of a number times the extents of the dimensions of some roles;
`q` stands for the free dimensions that the scores of an attention have (those of Q and K). Each
node of an expression adds its own FLOPs at every point of the dimensions that the expression
varies over, given with each instruction below. Conditions do not shrink the count. Bytes are those
of every distinct region read, once, and of every result, once.

## Operations

{instructions}
## Lane operations

An expression is evaluated at each point of the dimensions that it varies over. Types: `f` is a
number in the program's precision, `i` an integer of 64 bits; `r` is the type of the register that
is read, `a` that of the core's result. A truth value is 0.0 or 1.0. `?` marks an optional last
argument.

{lanes}

In assembly, `load` and `gather` are `%x[place, {{position}}]?(condition)`; a constant is a number
with a point or exponent (or `inf`, `nan`), an integer is one without; `size(expression)`; an index
value is the name of its dimension; and `acc` is itself. `+ - * / < <= = != and or not` and unary
`-` are infix, the rest are calls; the types of the arguments choose between the two operations of
one spelling.

## Assembly text

    .hvma {version}
    .file "name"                          .precision f64
    .size T = 8                           .symbols "ODD", "EVEN"
    .register X f64[T, 0..D - 1]          axes `n` (1..n) or `lo..hi`
    .input X %X = 1.5 from "w." {{axis 0 scale 1 offset -1}} ".bias" symbolic
    .output O %O symbolic hidden
    .family q[1..3] (q1[1] = %a, q2[2] = %b[0])
    .array 0 f64[2, 3] [numbers]          or ("base64" …)
    .source 12:1 "O[t,i] = …"             named by @12:1 at the end of what came from it
    .precondition check …
      0  map  %Y[t, i] = exp(%X[t, i]) * $1 with $1 = … over t:T, i:D @12:1

Comments begin with `;`. A statement begins at a directive, or at a line that begins with an
operation (its number before it is optional); all other line ends mean nothing. Directives may
stand anywhere. Names that do not look like names are put in backquotes; registers may be written
by number (`%3`), the second and third dimension of one name as `c'` and `c''`, sources by number
(`@#2`), a size whose name a dimension has as `~T`. Places are written in index values, as
subscripts are in HMP: `%h[n - 1]`.

    map, copy, gather, select   %D[…] = body, %E[…] = body, …
    reductions, softmax, norms  %D[…] = body  condition …  weight …  epsilon …  epilogue …
    contract                    %D[…] = %A[…] * %B[…]  epilogue …
    attention                   %D[…] = q %Q[…] k %K[…] v %V[…]  score …  weight …  condition …
                                epilogue …
    solve                       %D[…], %E[…], …  iterations 100  tolerance 1e-10  start …, …
                                lower …, …  upper …, …  residual …, …  scale …, …
                                jacobian …, …, … (row by row; none for what is absent)
                                unsolved nan  message "one line a relation"
    system                      %D[…], …  iterations 100  tolerance 1e-10  (row 0 condition …)
                                (term 0 value …  condition …  slope …, none, …)  (start 0 body …)
                                (lower 0 body …)  (upper 0 body …)  unsolved nan  message "…", each
                                part with dimensions and `with` of its own
    check                       claim  message "…"  status 1

and in each case `over`, `reduce`, `along`, `attend`, `features` with dimensions `t:T, h:0..H - 1`
in the order of the descriptor, and `with $1 = …, $2 = …` for parts of expressions that are named.

## Limits

{bounds}
"""


if __name__ == "__main__":
    print(specification(), end="")
