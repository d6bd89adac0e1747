"""Systems of relations over arrays: the instruction `system`, for every engine.

An engine evaluates the parts of a system (`values.Values`); the rest is the same for all: which
scalar equations there are (`counting`), where the slopes fall (`pattern`), how the matrix is kept
and eliminated (`methods`), Newton's method (`newton`), many systems at once (`many`), and what is
said when there is no answer, or many (`singular`, `words`).
"""
