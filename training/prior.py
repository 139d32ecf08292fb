"""The mapping network: a flow-matching prior on the w of the drawings, distilled by regression.

    python3 prior.py encode        w of all training drawings                       -> w.npy
    python3 prior.py flow          velocity field from normalised gaussians to w     -> flow.pt
    python3 prior.py pairs         integrates it for many z                          -> pairs.npy
    python3 prior.py distil        mapping network on the pairs                      -> mapping.pt

Lengths of the stages by --minutes. All files under /tmp/avatar.
"""
import argparse, copy, math, os, time
import numpy as np
from scipy.optimize import linear_sum_assignment
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M

parser = argparse.ArgumentParser()
parser.add_argument('stage', choices=['encode', 'flow', 'pairs', 'distil'])
parser.add_argument('--minutes', type=float, default=5)
parser.add_argument('--count', type=int, default=250000)
parser.add_argument('--threads', type=int, default=1)
parser.add_argument('--hidden', type=int, default=384)
parser.add_argument('--coupling', action='store_true')
parser.add_argument('--noise', type=float, default=0.3, help='added to w: what keeps the mapping smooth between the modes of the drawings')


def normalise(z):
    return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)


class Velocity(nn.Module):
    """Residual MLP v(x, t)."""

    def __init__(self, hidden=512, blocks=3):
        super().__init__()
        self.enter = nn.Linear(M.W_DIM, hidden)
        self.time = nn.Sequential(nn.Linear(32, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden)) for _ in range(blocks))
        self.leave = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, M.W_DIM))
        self.register_buffer('frequencies', 2 * math.pi * torch.exp(torch.linspace(0, math.log(16), 16)) / 4)

    def forward(self, x, t):
        angle = t[:, None] * self.frequencies
        time = self.time(torch.cat([angle.sin(), angle.cos()], 1))
        h = self.enter(x) + time
        for block in self.blocks:
            h = h + block(h + time)
        return self.leave(h)


def encode():
    net = M.Encoder()
    state = torch.load(f'{M.DATA}/encoder.pt')
    net.load_state_dict(state)
    net.eval()
    images, _ = M.drawings('train', 64)
    with torch.no_grad():
        w = torch.cat([net(M.to_tensor(images[i:i + 500])) for i in range(0, len(images), 500)]).numpy()
    np.save(f'{M.DATA}/w.npy', w)
    print('w', w.shape, 'mean', np.abs(w.mean(0)).max(), 'std', w.std(0).min(), w.std(0).max(), 'eigenvalues', np.linalg.eigvalsh(np.cov(w.T))[[0, 8, 16, 32, 48, 63]])


def schedule(optimizer, spent, total, rate):
    progress = spent / total
    lr = rate * min(1, 0.02 + 50 * progress) * (1 if progress < 0.4 else 0.5 * (1 + math.cos(math.pi * (progress - 0.4) / 0.6)) + 1e-3)
    for group in optimizer.param_groups:
        group['lr'] = lr


def flow(args, batch=512):
    w = torch.from_numpy(np.load(f'{M.DATA}/w.npy'))
    net = Velocity(args.hidden)
    if os.path.exists(f'{M.DATA}/flow.pt'):
        net.load_state_dict(torch.load(f'{M.DATA}/flow.pt'))
    average = copy.deepcopy(net).requires_grad_(False)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
    start, running, step = time.time(), 0.0, 0
    while time.time() - start < 60 * args.minutes:
        schedule(optimizer, time.time() - start, 60 * args.minutes, 2e-3)
        x1 = w[torch.randint(len(w), (batch,))]
        x1 = x1 + args.noise * torch.randn_like(x1)
        x0 = normalise(torch.randn(batch, M.W_DIM))
        if args.coupling:  # z and w are paired by optimal transport within the batch: straighter paths, a mapping that folds less
            x0 = x0[linear_sum_assignment(-(x1 @ x0.T).numpy())[1]]
        t = torch.sigmoid(torch.randn(batch)) if step % 2 else torch.rand(batch)
        x = x0.lerp(x1, t[:, None])
        loss = (net(x, t) - (x1 - x0)).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(average.parameters(), net.parameters()):
                a.lerp_(b, 1 - min(0.999, (step + 1) / (step + 10)))
        running, step = running + loss.item(), step + 1
        if step % 500 == 0:
            print(f'{step} {time.time() - start:.0f} s, loss {running / 500:.4f}', flush=True)
            running = 0.0
            torch.save(average.state_dict(), f'{M.DATA}/flow.pt')
    torch.save(average.state_dict(), f'{M.DATA}/flow.pt')


@torch.no_grad()
def integrate(net, z, steps=12):
    """Heun from t = 0 to 1, with steps that get shorter towards the end."""
    x = normalise(z)
    times = torch.linspace(0, 1, steps + 1)
    for a, b in zip(times[:-1], times[1:]):
        h = b - a
        k1 = net(x, a.expand(len(x)))
        k2 = net(x + h * k1, b.expand(len(x)))
        x = x + h * (k1 + k2) / 2
    return x


def pairs(args):
    net = Velocity(args.hidden)
    net.load_state_dict(torch.load(f'{M.DATA}/flow.pt'))
    generator = torch.Generator().manual_seed(5)
    out, start = [], time.time()
    for i in range(0, args.count, 4096):
        z = torch.randn(4096, M.W_DIM, generator=generator)
        out.append(torch.stack([z, integrate(net, z)], 1).numpy())
        if (i // 4096) % 10 == 0:
            print(i, f'{time.time() - start:.0f} s', flush=True)
    out = np.concatenate(out)
    np.save(f'{M.DATA}/pairs.npy', out)
    print('w of samples: mean', np.abs(out[:, 1].mean(0)).max(), 'std', out[:, 1].std(0).min(), out[:, 1].std(0).max())


def distil(args, batch=512):
    data = torch.from_numpy(np.load(f'{M.DATA}/pairs.npy'))
    held, data = data[:8192], data[8192:]
    net = M.Mapping(multiplier=1.0)  # trained at learning-rate multiplier 1, stored at 0.01
    path = f'{M.DATA}/mapping1.pt'
    if os.path.exists(path):
        net.load_state_dict(torch.load(path))
    else:
        for i in range(8):  # so that the signal neither grows nor fades
            getattr(net, f'fc{i}').weight.data.normal_()
    average = copy.deepcopy(net).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99))
    start, running, step = time.time(), 0.0, 0
    while time.time() - start < 60 * args.minutes:
        schedule(optimizer, time.time() - start, 60 * args.minutes, 3e-3)
        z, w = data[torch.randint(len(data), (batch,))].unbind(1)
        loss = (net(z) - w).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(average.parameters(), net.parameters()):
                a.lerp_(b, 1 - min(0.999, (step + 1) / (step + 10)))
        running, step = running + loss.item(), step + 1
        if step % 1000 == 0:
            with torch.no_grad():
                error = (average(held[:, 0]) - held[:, 1]).square().mean().item()
            print(f'{step} {time.time() - start:.0f} s, loss {running / 1000:.4f}, held out {error:.4f}', flush=True)
            running = 0.0
            save_mapping(average, path)
    save_mapping(average, path)


def save_mapping(net, path):
    """As trained (multiplier 1), and as stored (0.01) with w_avg."""
    net = copy.deepcopy(net)
    with torch.no_grad():
        z = torch.randn(50000, M.W_DIM, generator=torch.Generator().manual_seed(9))
        net.w_avg.copy_(net(z).mean(0))
    torch.save(net.state_dict(), path)
    torch.save({k: v if k == 'w_avg' else v / 0.01 for k, v in net.state_dict().items()}, f'{M.DATA}/mapping.pt')


if __name__ == '__main__':
    args = parser.parse_args()
    torch.manual_seed(3)
    torch.set_num_threads(args.threads)
    {'encode': lambda a: encode(), 'flow': flow, 'pairs': pairs, 'distil': distil}[args.stage](args)
