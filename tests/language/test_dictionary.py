"""The dictionary form says the same as the text, with errors placed inside its strings."""

from __future__ import annotations

import json

import pytest

from hvm_vm.language import Diagnostics, Source, format_source, parse


def read(text: str):
    source = Source("d.json", text)
    diagnostics = Diagnostics(source)
    return parse(source, diagnostics), diagnostics


@pytest.mark.parametrize(
    "dictionary, text",
    [
        ("{}", ""),
        ('{"a": "b*c"}', "a = b*c"),
        (" \n{'a': 'b',\n 'c': '1',}\n", "a = b\nc = 1"),
        ('{"q1_1": "Wq11*x1_1", "s": "exp(s11) + ..."}', "q1_1 = Wq11*x1_1\ns = exp(s11) + ..."),
        ('{"x[t]": "0 where t > 1", "a": 2.5, "b": -3}', "x[t] = 0 where t > 1; a = 2.5; b = -3"),
        ('{"a[i]": [0, 0.5, "1/3"], "m": [[1], [2]]}', "a[i] = [0, .5, 1/3]; m = [[1],[2]]"),
        (
            '{"index t, u": "1..T", "given": "X[t], integer c", "find": ["y", "z[t]"]}',
            "index t, u : T; given X[t], integer c; find y, z[t]",
        ),
        (
            '{"guess x": "1 in 0..2", "check": "x > 1", "precision": "float32"}',
            "guess x = 1 in 0..2; check x > 1; precision float32",
        ),
        ('{"a": "b # why", "c": "d"} # end', "a = b; c = d"),
        ('{"finder": "1", "checks[i]": "2"}', "finder = 1; checks[i] = 2"),
        ('{"a":\n"b"}', "a = b"),
        (r'{"\u03c71_2": "a \u00b7 b", "c": "if(a, \"X\", 1)"}', "χ1_2 = a*b; c = if(a, 'X', 1)"),
        (r'{"\ud835\udc65": "1\/2"}', "\U0001d465 = 1/2"),
    ],
)  # fmt: skip
def test_reads_as_text(dictionary, text):
    file, diagnostics = read(dictionary)
    assert not len(diagnostics), diagnostics.render()
    assert file.dictionary
    assert file == read(text)[0]


def test_what_json_writes():
    relations = {f"χ{k}_1": f"a{k}·√2 + exp(χ{k + 1}_1)" for k in range(50)}
    text = "\n".join(f"{left} = {right}" for left, right in relations.items())
    for indent in (None, 2):
        for ascii in (True, False):
            written = json.dumps(relations, indent=indent, ensure_ascii=ascii)
            assert read(written)[0] == read(text)[0]


def test_format_writes_the_text_form():
    assert format_source(Source("d", '{"a": "b * 2", "index t": "T"}')) == "a = b*2; index t : T\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"a": "b*^"}', "the line ends where a value is expected"),
        ('{"a": "b ^c"}', "expected the end of the statement before 'c'"),
        ('{"^a": ""}', None),
        ('{"a": ^true}', "expected the right side of the relation in quotes"),
        ('{"a": ^{"b": 1}}', "expected the right side of the relation in quotes"),
        ('{"a" ^"b"}', "expected ':' after the left side"),
        ('{^a: "b"}', "expected the left side of a relation in quotes"),
        ('{"a": "b" ^"c": "d"}', "expected ',' or '}'"),
        ('{"a": "b"^', "the dictionary is never closed"),
        ('{"a": ^"b', 'this " is never closed'),
        ('{"a": "b"} ^x = 3', "something follows the end of the dictionary"),
        ('{"a": [1, 2^', "expected ',' or ']', and the file ends"),
        ('{"a": ' + "[" * 51 + "^[" + "[" * 10_000, "nested too deeply"),
    ],
)
def test_errors_are_inside_the_strings(text, message):
    place = text.index("^")
    _, diagnostics = read(text.replace("^", ""))
    (found,) = diagnostics
    if message:
        assert message in found.message
        assert found.span.start == place, found.render()


def test_relations_around_an_error_are_kept():
    file, diagnostics = read('{"a": "b", "c": "d +", "e": "f", "g" 1}')
    assert [s.lhs.name for s in file.statements] == ["a", "e"]
    assert len(diagnostics) == 2
