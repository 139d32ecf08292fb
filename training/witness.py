"""Second heads beside those that samplers follow, fitted to other rows: linear, so that they err elsewhere. `accept by heads` and
forecasts ask both (docs/your-own-attributes.md).

fit(rows, choosing, tested) takes (w [n, 64], labels [n, 16]) three times: `rows` are those that the followed heads were not fitted
to; of what those were fitted to, `choosing` picks the penalty and calibrates, and `tested` says what a witness is worth.
"""
import numpy as np
import torch
import torch.nn.functional as F
import model as M

PENALTIES = [0.3, 1.0, 3.0, 10.0, 30.0, 100.0]  # of |weights|^2, beside the sum of losses over the rows
LEAST_SIGMA = 0.05
LEAST_SKILL = 0.05  # what explains less is left out
PART_ROWS, MOST_PARTS, STEPS = 50, 12, 20  # of residuals, as src/compiler/residuals.ts


def log_loss(logits, hard, temperature=1.0):
    return float(F.cross_entropy(logits / temperature, hard))


def temperature_of(logits, hard):
    """The best of a grid from 0.2 to 5."""
    grid = np.exp(np.linspace(np.log(0.2), np.log(5), 65))
    return float(grid[int(np.argmin([log_loss(logits, hard, t) for t in grid]))])


def skill(kind, out, value, temperature=1.0):
    """Part of the labels explained: R2 of a scalar; of classes 1 - log loss / that of their frequencies."""
    if kind == 'scalar':
        return 1 - float((out - value).square().mean() / value.var(unbiased=False))
    hard = value.argmax(1)
    share = torch.bincount(hard, minlength=value.shape[1]).float() / len(hard)
    entropy = -float((share * share.clamp_min(1e-12).log()).sum())
    return 0.0 if entropy == 0 else 1 - log_loss(out, hard, temperature) / entropy


def residuals_of(out, value):
    """{'at', 'quantiles'} of what a scalar's head [n] was wrong by on rows that it was not fitted to (docs/packs.md); None of too few rows."""
    parts = min(MOST_PARTS, len(out) // PART_ROWS)
    if parts == 0:
        return None
    order = np.argsort(np.asarray(out, np.float64), kind='stable')
    rounded = lambda x: float(f'{x:.4g}')
    cuts = np.floor(np.arange(parts + 1) * len(order) / parts + 0.5).astype(int)
    groups = [order[a:b] for a, b in zip(cuts, cuts[1:])]
    found = [(np.asarray(out, np.float64)[g], np.asarray(value, np.float64)[g]) for g in groups]
    return {
        'at': [rounded(o.mean()) for o, _ in found],
        'quantiles': [[rounded(q) for q in np.quantile(v - o, np.linspace(0, 1, STEPS + 1))] for o, v in found],
    }


def linear(w, value, kind, penalty):
    """weight [outputs, 64], bias [outputs] of least penalised loss: ridge regression of a scalar, soft labels of classes."""
    weight = torch.zeros(value.shape[1], w.shape[1], dtype=torch.float64, requires_grad=True)
    bias = value.double().mean(0).clone() if kind == 'scalar' else torch.zeros(value.shape[1], dtype=torch.float64)
    bias.requires_grad_(True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn='strong_wolfe')
    w, value = w.double(), value.double()
    unit = 1.0 if kind != 'scalar' else 1 / float(value.var())

    def closure():
        optimizer.zero_grad()
        out = F.linear(w, weight, bias)
        each = (out - value).square().sum() * unit if kind == 'scalar' else -(value * F.log_softmax(out, 1)).sum()
        loss = (each + penalty * weight.square().sum() * unit) / len(w)
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach().float(), bias.detach().float()


def fit(rows, choosing, tested):
    """{attribute: {'weight', 'bias', 'note': {'temperature' or 'sigma', 'skill'}}} of those that know something"""
    result = {}
    for name, columns in M.SLICES.items():
        kind = M.KINDS[name]
        best = None
        for penalty in PENALTIES:
            weight, bias = linear(rows[0], rows[1][:, columns], kind, penalty)
            out, value = F.linear(choosing[0], weight, bias), choosing[1][:, columns]
            if kind == 'scalar':
                sigma = float((out - value).square().mean().sqrt())
                error, note = sigma, {'sigma': round(max(LEAST_SIGMA, sigma), 4)}
            else:
                hard = value.argmax(1)
                t = temperature_of(out, hard)
                error, note = log_loss(out, hard, t), {'temperature': round(t, 3)}
            if best is None or error < best[0]:
                best = error, weight, bias, note
        _, weight, bias, note = best
        note['skill'] = round(skill(kind, F.linear(tested[0], weight, bias), tested[1][:, columns], note.get('temperature', 1.0)), 4)
        if note['skill'] >= LEAST_SKILL:
            result[name] = {'weight': weight, 'bias': bias, 'note': note}
    return result
