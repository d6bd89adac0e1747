"""`hvm explain` of relations that are not written for what they determine."""

from __future__ import annotations

PROGRAM = """\
index t : 1..4
given P, R
P = R*I^2
y^3 = P
guess z = 2
z^2 + z = y
a + b = y
a - 2*b = z
exp(c[t]) = t*P
sqrt(d) = a where a > 0
d = 1 otherwise
P = 2*e - 3/R
"""
WANTED = """\
e1.hmp:3: P = R*I^2
    for I, not turned round, as an even power has two roots
e1.hmp:4: y^3 = P
    as y = sign(P) * abs(P)^(1/3) (the real root)
e1.hmp:6: z^2 + z = y
    for z from 2, not turned round, as z stands there 2 times
e1.hmp:7: a + b = y
    for a, solved together with others
e1.hmp:8: a - 2*b = z
    for b, solved together with others
    in 2 (solve)
e1.hmp:9: exp(c[t]) = t*P
    as c[t] = log(t*P), where 0 < t*P
e1.hmp:10: sqrt(d) = a where a > 0
    for d, beside what is written for d
e1.hmp:11: d = 1 otherwise
    in 3 (solve)
e1.hmp:12: P = 2*e - 3/R
    as e = (P + 3/R) / 2
"""


def explained(hvm, tmp_path, text: str, *options: str) -> list[str]:
    path = tmp_path / "e1.hmp"
    path.write_text(text)
    done = hvm("explain", path, *options)
    assert (done.status, done.err) == (0, "")
    return done.out.splitlines()


def test_every_relation_tells_how_it_determines_its_name(hvm, tmp_path):
    lines = explained(hvm, tmp_path, PROGRAM)
    told = ("e1.hmp:", "    as ", "    for ", "    in ")
    words = [line for line in lines if line.startswith(told)]
    assert words == WANTED.splitlines()


def test_the_same_relation_for_another_name(hvm, tmp_path):
    text = "V = R*I\n"
    assert "    as R = V/I, where I != 0" in explained(
        hvm, tmp_path, text, "--known", "V", "--known", "I")
    assert "    as I = V/R, where R != 0" in explained(
        hvm, tmp_path, text, "--known", "V", "--known", "R")
    assert not any(line.startswith("    as") for line in explained(hvm, tmp_path, text))


def test_all_relations_of_a_system_over_arrays(hvm, tmp_path):
    text = "index i : 1..5\n2*u[i] = u[i-1] + u[i+1]\nu[1] = 3\nu[5] = 7\n"
    lines = explained(hvm, tmp_path, text)
    assert [line for line in lines if line.startswith("e1.hmp:")] == [
        "e1.hmp:2: 2*u[i] = u[i-1] + u[i+1]", "e1.hmp:3: u[1] = 3", "e1.hmp:4: u[5] = 7"]
