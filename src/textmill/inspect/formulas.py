"""The formulas as they are shown, one a rule, and numbers as they are written into them."""

import math
from collections.abc import Sequence

SHOWN_TERMS = 3

FORMULAS = {
    "lookup": "x[t, d] = E[id(t), d]",
    "position": "x[t, d] = P[t, d]",
    "same": "y = x",
    "scale": "y = x · c",
    "add": "z[t, d] = x[t, d] + y[t, d]",
    "norm_rms": "y[d] = x[d] / √(mean(x²) + ε) · w[d]",
    "norm_offset": "y[d] = x[d] / √(mean(x²) + ε) · (1 + w[d])",
    "norm_layer": "y[d] = (x[d] − mean(x)) / √(var(x) + ε) · w[d] + b[d]",
    "linear": "y[t, i] = Σⱼ x[t, j] · W[i, j] + b[i]",
    "project": "y[h, t, k] = Σⱼ x[t, j] · W[h·K + k, j] + b[h·K + k]",
    "join": "y[t, i] = Σₕₖ x[h, t, k] · W[i, h·K + k] + b[i]",
    "rotate": "y[i] = x[i]·cos(t·θᵢ) − x[i + R/2]·sin(t·θᵢ),  y[i + R/2] = x[i + R/2]·cos(t·θᵢ) + x[i]·sin(t·θᵢ)",
    "score": "z[h, t, j] = Σₖ q[h, t, k] · k[g(h), j, k] · scale",
    "cap": "y = c · tanh(x / c)",
    "mask": "y[t, j] = x[t, j] + m[t, j]",
    "softmax": "a[t, j] = exp(x[t, j] − max) / Σᵢ exp(x[t, i] − max)",
    "softmax_sinks": "a[t, j] = exp(x[t, j] − max) / (exp(z − max) + Σᵢ exp(x[t, i] − max))",
    "mix": "y[h, t, k] = Σⱼ a[h, t, j] · v[g(h), j, k]",
    "swiglu": "y = SiLU(x) · u = x / (1 + exp(−x)) · u",
    "geglu": "y = GELU(x) · u",
    "relu2": "y = max(x, 0)²",
    "gelu": "y = GELU(x) ≈ x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))",
    "gelu_exact": "y = GELU(x) = x · Φ(x)",
    "choice": "a[e] = softmax(x)[e] / Σ of the chosen,  0 for the others",
    "experts": "y[t, i] = Σₑ a[t, e] · expertₑ(x[t])[i]",
    "probability": "p[v] = exp(z[v]) / Σⱼ exp(z[j]) = exp(z[v] − ln Σⱼ exp(z[j]))",
}


def plain_number(value: float) -> str:
    """Returns a number with four significant digits, infinities as signs, a real minus."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.4g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.3e}"
    return text.replace("-", "−")


def filled_sum(left: Sequence[float], right: Sequence[float], shift: float) -> str:
    """Returns Σ left · right + shift with its largest terms written out."""
    terms = sorted(zip(left, right, strict=True), key=lambda pair: -abs(pair[0] * pair[1]))
    shown = [f"{plain_number(a)}·{plain_number(b)}" for a, b in terms[:SHOWN_TERMS]]
    if len(terms) > SHOWN_TERMS:
        rest = math.fsum(a * b for a, b in terms[SHOWN_TERMS:])
        shown.append(f"{plain_number(rest)} ({len(terms) - SHOWN_TERMS} ×)")
    if shift:
        shown.append(plain_number(shift))
    return " + ".join(shown)
