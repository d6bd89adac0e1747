"""Layer and RMS norm in the usual spellings of the variance."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lowering.listing import agrees, close, operations, run

HEAD = "index t : T\nindex i, j, k : D\ngiven X[t,i]\nfind H[t,i]\neps = 1e-5\n"

LAYER = {
    "inline": "H[t,i] = (X[t,i] - mean[j](X[t,j]))/sqrt(mean[j]((X[t,j]-mean[k](X[t,k]))^2) + eps)",
    "named": "m[t] = mean[j](X[t,j]); v[t] = mean[j]((X[t,j]-m[t])^2)\n"
             "H[t,i] = (X[t,i] - m[t])/sqrt(v[t]+eps)",
    "sums": "m[t] = sum[j](X[t,j])/D; c[t,i] = X[t,i]-m[t]; v[t] = sum[j](c[t,j]*c[t,j])/D\n"
            "r[t] = (v[t]+eps)^(-1/2); H[t,i] = c[t,i]*r[t]",
    "moments": "m[t] = mean[j](X[t,j]); v[t] = mean[j](X[t,j]^2) - m[t]^2\n"
               "H[t,i] = (X[t,i] - m[t])/(v[t]+eps)^0.5",
    "moments cut off at 0": "m[t] = mean[j](X[t,j]); v[t] = max(0, mean[j](X[t,j]^2) - m[t]*m[t])\n"
                            "H[t,i] = (X[t,i] - m[t])*(1/sqrt(eps + v[t]))",
    "reversed": "m[t] = mean[j](X[t,j]); v[t] = mean[j]((m[t]-X[t,j])^2)\n"
                "H[t,i] = 1/sqrt(v[t]+eps)*(X[t,i] - m[t])",
}

RMS = {
    "inline": "H[t,i] = X[t,i]/sqrt(mean[j](X[t,j]^2) + eps)",
    "named": "r[t] = 1/sqrt(sum[j](X[t,j]*X[t,j])/D + eps); H[t,i] = X[t,i]*r[t]",
    "power": "H[t,i] = X[t,i]*(eps + mean[j](X[t,j]**2))^(-0.5)",
}


def layer_norm(x, eps=1e-5):
    c = x - x.mean(1, keepdims=True)
    return c / np.sqrt((c**2).mean(1, keepdims=True) + eps)


def rms_norm(x, eps=1e-5):
    return x / np.sqrt((x**2).mean(1, keepdims=True) + eps)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(4, 6)) + 2


@pytest.mark.parametrize("name", LAYER)
def test_layer_norm(name, x):
    assert operations(HEAD + LAYER[name]) == ["layer_norm"]
    np.testing.assert_allclose(run(HEAD + LAYER[name], X=x)["H"], layer_norm(x), rtol=1e-9)


@pytest.mark.parametrize("name", RMS)
def test_rms_norm(name, x):
    assert operations(HEAD + RMS[name]) == ["rms_norm"]
    close(run(HEAD + RMS[name], X=x)["H"], rms_norm(x))


def test_residual_gain_and_bias_are_part_of_it(x):
    text = ("given R[t,i], g[i], b[i]\nY[t,i] = X[t,i] + R[t,i]\n"
            "m[t] = mean[j](Y[t,j]); v[t] = mean[j]((Y[t,j] - m[t])^2)\n"
            "n[t,i] = (Y[t,i] - m[t])/sqrt(v[t] + eps)\nH[t,i] = g[i]*n[t,i] + b[i]")
    r, g, b = x[::-1] ** 2, np.arange(6.0), np.ones(6)
    assert operations(HEAD + text) == ["layer_norm"]
    close(run(HEAD + text, X=x, R=r, g=g, b=b)["H"], g * layer_norm(x + r) + b)


def test_length_is_an_rms_norm(x):
    text = "H[t,i] = X[t,i]/sqrt(sum[j](X[t,j]^2))"
    assert operations(HEAD + text) == ["rms_norm"]
    close(run(HEAD + text, X=x)["H"], x / np.linalg.norm(x, axis=1, keepdims=True))


def test_one_norm_serves_two_readers(x):
    text = ("find G[t,i]\nn[t,i] = X[t,i]/sqrt(mean[j](X[t,j]^2) + eps)\n"
            "H[t,i] = 2*n[t,i]; G[t,i] = n[t,i] + 1")
    assert operations(HEAD + text) == ["rms_norm", "map", "map"]


def test_other_variances_are_not_norms(x):
    unbiased = ("m[t] = mean[j](X[t,j]); v[t] = sum[j]((X[t,j]-m[t])^2)/(D-1)\n"
                "H[t,i] = (X[t,i] - m[t])/sqrt(v[t]+eps)")
    close(run(HEAD + unbiased, X=x)["H"],
          (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, ddof=1, keepdims=True) + 1e-5))
    wrong = ("m[t] = mean[j](X[t,j]); v[t] = mean[j]((X[t,j]-m[t])^2)\n"
             "H[t,i] = (X[t,i] + m[t])/sqrt(v[t]+eps)")
    assert "layer_norm" not in operations(HEAD + wrong)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_unbiased_variance(count):
    text = ("index t : T\nindex i : D\ngiven X[t,i], g[i]\nfind Y[t,i]\nmu[t] = mean[i](X[t,i])\n"
            "v[t] = sum[i]((X[t,i] - mu[t])^2)/(D - 1)\n"
            "Y[t,i] = g[i]*(X[t,i] - mu[t])/sqrt(v[t] + 1e-5)")
    assert operations(text) == ["layer_norm"]
    rng = np.random.default_rng(0)
    sizes = {"T": 3, "D": count}
    agrees(text, sizes, X=rng.normal(size=(3, count)), g=rng.normal(size=count))
