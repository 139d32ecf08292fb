"""An attribute head: dense layers with leaky ReLU 0.2, widths spaced evenly from the size of w to 128."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M


class Head(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        widths = [M.W_DIM, 85, 107, 128]
        for i in range(3):
            setattr(self, f'fc{i}', nn.Linear(widths[i], widths[i + 1]))
        self.out = nn.Linear(widths[-1], outputs)

    def forward(self, w):
        for i in range(3):
            w = F.leaky_relu(getattr(self, f'fc{i}')(w), 0.2)
        return self.out(w)


class Heads(nn.ModuleDict):
    """All heads; the outputs side by side in the order of the attributes."""

    def __init__(self):
        super().__init__({name: Head(M.WIDTH[name]) for name in M.NAMES})

    def forward(self, w):
        return torch.cat([self[name](w) for name in M.NAMES], 1)


def log_probability(logits, targets, temperature, sigma):
    """log p(c | w) summed over the attributes asked for. `targets` [n, 8] holds class numbers or scalars, NaN where free."""
    total = 0
    for k, name in enumerate(M.NAMES):
        asked = ~torch.isnan(targets[:, k])
        if not asked.any():
            continue
        out, value = logits[:, M.SLICES[name]], torch.nan_to_num(targets[:, k])
        if M.KINDS[name] == 'scalar':
            term = -((out[:, 0] - value) / sigma[name]).square() / 2
        else:
            term = F.log_softmax(out / temperature[name], 1).gather(1, value.long()[:, None])[:, 0]
        total = total + term * asked
    return total


def follow(mapping, heads, z, targets, truncation=0.7, tau=5.0, steps=200, temperature=None, sigma=None):
    """dz / dtau = grad_z log p(c | w(z)) by the midpoint rule; returns (z, w)."""
    temperature = temperature or {name: 1.0 for name in M.NAMES}
    sigma = sigma or {name: 0.1 for name in M.NAMES}

    def velocity(z):
        z = z.detach().requires_grad_(True)
        total = log_probability(heads(mapping(z, truncation)), targets, temperature, sigma).sum()
        return torch.autograd.grad(total, z)[0]

    h = tau / steps
    for _ in range(steps):
        z = z + h * velocity(z + 0.5 * h * velocity(z))
    z = z.detach()
    with torch.no_grad():
        return z, mapping(z, truncation)


def ask(n=1, **wanted):
    """Targets [n, 8] of the attributes named, e.g. ask(16, glasses=1, hair='red', tilt=0.3)."""
    targets = torch.full((n, len(M.NAMES)), float('nan'))
    for name, value in wanted.items():
        targets[:, M.NAMES.index(name)] = M.HAIR.index(value) if isinstance(value, str) else float(value)
    return targets
