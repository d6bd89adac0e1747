"""The compiled pass of `large`: bytes to statements, hashes and numbers."""

from __future__ import annotations

import numba
import numpy as np

_PRIME = np.uint64(0x100000001B3)
_OTHER = np.uint64(0x9E3779B97F4A7C15)
_BASIS = np.uint64(0xCBF29CE484222325)

# Kinds of bytes.
_SPACE, _LETTER, _DIGIT, _OPEN, _CLOSE, _OPERATOR, _LINE, _HASH, _SEMICOLON, _DOT, _ODD = range(11)


def _kinds() -> np.ndarray:
    kinds = np.full(256, _ODD, np.uint8)
    for c in range(256):
        ch = chr(c)
        if ch in " \t\f\v":
            kinds[c] = _SPACE
        elif c < 128 and (ch.isalpha() or ch == "_"):
            kinds[c] = _LETTER
        elif "0" <= ch <= "9":
            kinds[c] = _DIGIT
        elif ch in "([":
            kinds[c] = _OPEN
        elif ch in ")]":
            kinds[c] = _CLOSE
        elif ch in "+-*/^=<>,|:":
            kinds[c] = _OPERATOR
    kinds[ord("\n")] = _LINE
    kinds[ord("#")] = _HASH
    kinds[ord(";")] = _SEMICOLON
    kinds[ord(".")] = _DOT
    return kinds


KINDS = _kinds()
JOINING = ("where", "and", "or", "not", "otherwise", "outside", "until", "within", "in", "from")


def statements(data: np.ndarray):
    """(starts, ends, first hash, second hash, offsets, numbers) of the statements in `data`, or
    None when it holds something that this pass does not know. The numbers of statement k are
    `numbers[offsets[k]:offsets[k+1]]`. A first hash of 0: the statement cannot be lifted."""
    words = np.array([_word(w.encode()) for w in JOINING], np.uint64)
    most = int((data == ord("\n")).sum() + (data == ord(";")).sum()) + 2
    digits = int(((data >= 48) & (data <= 57)).sum())
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    first, second = np.empty(most, np.uint64), np.empty(most, np.uint64)
    offsets = np.zeros(most + 1, np.int64)
    numbers = np.empty(digits + 1, np.int64)
    count = _pass(data, KINDS, words, starts, ends, first, second, offsets, numbers)
    if count < 0:
        return None
    return (starts[:count], ends[:count], first[:count], second[:count], offsets[: count + 1],
            numbers)


def _word(word: bytes) -> int:
    code = 0
    for c in word:
        code = (code * 131 + c) & 0xFFFFFFFFFFFFFFFF
    return code


@numba.njit(cache=True, nogil=True)
def _pass(data, kinds, words, starts, ends, first, second, offsets, numbers):
    size = len(data)
    count = 0      # of statements
    filled = 0     # of numbers
    at = 0
    depth = 0
    open_ = False  # whether a statement is being read
    pending = False  # whether its last token asks for more
    fit = True
    h1, h2 = _BASIS, _OTHER
    last_end = 0
    word_before = False  # whether the last token could run together with a name
    while at < size:
        c = data[at]
        kind = kinds[c]
        if kind == _SPACE:
            at += 1
            continue
        if kind == _HASH:
            while at < size and data[at] != 10:
                at += 1
            continue
        if kind in (_LINE, _SEMICOLON):
            at += 1
            if not open_:
                continue
            if kind == _SEMICOLON:
                if depth > 0 or pending:
                    return -1
            else:
                if depth > 0 or pending:
                    continue
                # What does the next line begin with?
                ahead = at
                while ahead < size:
                    k = kinds[data[ahead]]
                    if k in (_SPACE, _LINE):
                        ahead += 1
                    elif k == _HASH:
                        while ahead < size and data[ahead] != 10:
                            ahead += 1
                    else:
                        break
                if ahead < size:
                    k = kinds[data[ahead]]
                    if k == _OPERATOR:
                        blank = False
                        for p in range(at, ahead):
                            if data[p] == 10:
                                blank = True
                        if blank:
                            return -1
                        continue
                    if k == _LETTER:
                        code = np.uint64(0)
                        p = ahead
                        while p < size and (kinds[data[p]] == _LETTER or kinds[data[p]] == _DIGIT):
                            code = code * np.uint64(131) + np.uint64(data[p])
                            p += 1
                        for w in words:
                            if w == code:
                                return -1
            ends[count] = last_end
            first[count] = h1 if fit else np.uint64(0)
            second[count] = h2
            count += 1
            offsets[count] = filled
            open_ = False
            continue
        if not open_:
            open_ = True
            starts[count] = at
            h1, h2 = _BASIS, _OTHER
            fit = True
            depth = 0
            word_before = False
        pending = False
        if kind == _LETTER:
            if word_before:  # two names in a row: no relation, or a word of the language
                h1 = (h1 ^ np.uint64(32)) * _PRIME
                h2 = (h2 + np.uint64(32)) * _OTHER
            code = np.uint64(0)
            while at < size:
                c = data[at]
                k = kinds[c]
                if k == _LETTER:
                    h1 = (h1 ^ np.uint64(c)) * _PRIME
                    h2 = (h2 + np.uint64(c)) * _OTHER
                    h2 ^= h2 >> np.uint64(29)
                    code = code * np.uint64(131) + np.uint64(c)
                    at += 1
                elif k == _DIGIT:
                    value = np.int64(0)
                    length = 0
                    while at < size and data[at] == 48 and at + 1 < size and (
                            kinds[data[at + 1]] == _DIGIT):
                        h1 = (h1 ^ np.uint64(48)) * _PRIME
                        h2 = (h2 + np.uint64(48)) * _OTHER
                        at += 1
                        length += 1
                        if length > 2:
                            fit = False
                    length = 0
                    while at < size and kinds[data[at]] == _DIGIT:
                        value = value * 10 + np.int64(data[at] - 48)
                        length += 1
                        if length > 8:
                            fit = False
                            value = 0
                        at += 1
                    numbers[filled] = value
                    filled += 1
                    h1 = (h1 ^ np.uint64(1)) * _PRIME
                    h2 = (h2 + np.uint64(1)) * _OTHER
                    code = np.uint64(0)
                else:
                    break
            for w in words:
                if w == code:
                    return -1
            word_before = True
        elif kind in (_DIGIT, _DOT):
            if word_before:
                h1 = (h1 ^ np.uint64(32)) * _PRIME
                h2 = (h2 + np.uint64(32)) * _OTHER
            while at < size:
                c = data[at]
                k = kinds[c]
                if k in (_DIGIT, _DOT):
                    h1 = (h1 ^ np.uint64(c)) * _PRIME
                    h2 = (h2 + np.uint64(c)) * _OTHER
                    at += 1
                elif (c == 101 or c == 69) and at + 1 < size and kinds[data[at - 1]] <= _DOT and (
                    kinds[data[at + 1]] == _DIGIT or (
                        (data[at + 1] == 43 or data[at + 1] == 45) and at + 2 < size
                        and kinds[data[at + 2]] == _DIGIT)):
                    h1 = (h1 ^ np.uint64(101)) * _PRIME
                    h2 = (h2 + np.uint64(101)) * _OTHER
                    h1 = (h1 ^ np.uint64(data[at + 1])) * _PRIME
                    h2 = (h2 + np.uint64(data[at + 1])) * _OTHER
                    at += 2
                else:
                    break
            word_before = kind == _DIGIT
        else:
            if kind == _ODD:
                return -1
            h1 = (h1 ^ np.uint64(c)) * _PRIME
            h2 = (h2 + np.uint64(c)) * _OTHER
            h2 ^= h2 >> np.uint64(31)
            word_before = False
            if kind == _OPEN:
                depth += 1
                if c == 91:
                    fit = False
            elif kind == _CLOSE:
                depth -= 1
                if depth < 0:
                    return -1
            else:
                pending = True
            at += 1
        last_end = at
    if open_:
        if depth > 0 or pending:
            return -1
        ends[count] = last_end
        first[count] = h1 if fit else np.uint64(0)
        second[count] = h2
        count += 1
        offsets[count] = filled
    return count
