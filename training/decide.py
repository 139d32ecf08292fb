"""Moves what the mapping gives a little away from where the parts of the picture are undecided.

    python3 decide.py --minutes 5        mapping of adversarial.pt -> decided.pt

A small net learns from the pairs what the reader makes of w (reader.py). The mapping then learns to give the w it gave,
moved so that this net is surer of some class, as far as `--pull` lets it, and with each class of a part as often
as it was the likeliest before. No synthesis takes part. What is between two classes in z stays there, so that the
gradient flow still has a slope; it is a narrower place.
"""
import argparse, copy, glob, json, os, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from pack import load
from reader import COLUMNS, DETAILS, SEEN_WITH

PARTS = {'hat': 1.5, 'beard': 1.0, 'glasses': 1.0, 'smile': 0.4, 'hair': 1.0, 'hatKind': 0.8, 'hatColour': 0.3, 'glassesKind': 0.7, 'cut': 0.3}


def column(name):
    return COLUMNS[name] if name in COLUMNS else M.SLICES[name]


def net_of(width):
    return nn.Sequential(nn.Linear(M.W_DIM, 256), nn.LeakyReLU(0.1), nn.Linear(256, 256), nn.LeakyReLU(0.1), nn.Linear(256, width))


def logits_of(out):
    """{part: log-probabilities} of the net's columns"""
    result, at = {}, 0
    for name in PARTS:
        n = column(name).stop - column(name).start
        result[name] = F.log_softmax(out[:, at:at + n], 1)
        at += n
    return result


def learn(minutes):
    """The net from w to what the reader made of it."""
    files = sorted(glob.glob(f'{M.DATA}/pairs-*.read.npy'))
    w = torch.cat([torch.from_numpy(np.load(f[:-len('read.npy')] + 'w.npy')) for f in files])
    read = torch.cat([torch.from_numpy(np.load(f).astype(np.float32)) for f in files])
    wanted = {name: read[:, column(name)].softmax(1) for name in PARTS}
    seen = {name: wanted[SEEN_WITH[name]][:, 1] if name in SEEN_WITH else torch.ones(len(w)) for name in PARTS}
    held = len(w) - len(w) // 20
    net = net_of(sum(p.shape[1] for p in wanted.values()))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)

    def loss_of(index, noise):
        x = w[index]
        logits = logits_of(net(x + noise * torch.randn_like(x)))
        return sum(-(wanted[name][index] * logits[name]).sum(1).mul(seen[name][index]).mean() for name in PARTS)
    start, step = time.time(), 0
    while time.time() - start < 60 * minutes:
        for group in optimizer.param_groups:
            group['lr'] = 2e-3 * (1.01 - (time.time() - start) / (60 * minutes))
        loss = loss_of(torch.randint(held, (256,)), 0.15)
        optimizer.zero_grad(set_to_none=True); loss.backward(); optimizer.step()
        step += 1
    with torch.no_grad():
        index = torch.arange(held, len(w))
        logits = logits_of(net(w[index]))
        print(f'{len(w)} pairs, {step} steps, loss {loss_of(torch.arange(4000), 0):.3f}, held out {loss_of(index, 0):.3f};',
              {name: round(float((logits[name].argmax(1) == wanted[name][index].argmax(1)).float().mean()), 3) for name in PARTS}, flush=True)
    return net.requires_grad_(False)


def doubt(logits):
    """Entropies of the parts, weighted: {part: [n]}; a kind counts as far as its part is there."""
    entropy = {name: -(x.exp() * x).sum(1) for name, x in logits.items()}
    return {name: weight * entropy[name] * (logits[SEEN_WITH[name]][:, 1].exp().detach() if name in SEEN_WITH else 1) for name, weight in PARTS.items()}


def shift_of(logits, shares):
    """How far the mean probabilities of a batch are from the shares of the classes, summed over the parts (Kullback-Leibler)."""
    total = 0
    for name, share in shares.items():
        mean = logits[name].exp().mean(0)
        total = total + (share * (share / mean).log()).sum()
    return total


@torch.no_grad()
def shares_of(net, mapping):
    """{part: how often each of its classes is the likeliest, of 20,000 samples}"""
    logits = logits_of(net(mapping.w_avg.lerp(mapping(torch.randn(20000, M.W_DIM)), 0.8)))
    return {name: torch.bincount(logits[name].argmax(1), minlength=logits[name].shape[1]).clamp_min(1) / 20000 for name in PARTS}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=5)
    parser.add_argument('--pull', type=float, default=0.02, help='weight of the squared distance from the w there was, per dimension')
    parser.add_argument('--keep', type=float, default=8, help='weight of the shares of the classes, which stay')
    parser.add_argument('--rate', type=float, default=3e-4)
    args = parser.parse_args()
    torch.manual_seed(5); torch.set_num_threads(1)
    _, mapping, _, _ = load(decided=False)
    net = learn(args.minutes * 0.35)
    shares = shares_of(net, mapping)
    print({name: share.numpy().round(3).tolist() for name, share in shares.items()}, flush=True)
    new = copy.deepcopy(mapping).train().requires_grad_(True)
    mapping.requires_grad_(False)
    optimizer = torch.optim.Adam(new.parameters(), lr=args.rate, betas=(0.9, 0.99))
    average = copy.deepcopy(new).requires_grad_(False)
    start, shown, step, total = time.time(), 0, 0, 39 * args.minutes
    while time.time() - start < total:
        for group in optimizer.param_groups:  # weights are stored 100 times as large as they count
            group['lr'] = 100 * args.rate * min(1, 2 * (1.02 - (time.time() - start) / total)) * min(1, (step + 1) / 100)
        z = torch.randn(512, M.W_DIM)
        psi = torch.where(torch.rand(512, 1) < 0.5, torch.tensor(0.7), 0.6 + 0.4 * torch.rand(512, 1))
        before, after = mapping(z), new(z)
        away = (after - before).square().sum(1)
        logits = logits_of(net(mapping.w_avg.lerp(after, psi)))
        doubts = doubt(logits)
        loss = (sum(doubts.values()) + args.pull * away).mean() + args.keep * shift_of(logits, shares)
        optimizer.zero_grad(set_to_none=True); loss.backward(); optimizer.step()
        step += 1
        with torch.no_grad():
            for a, b in zip(average.parameters(), new.parameters()):
                a.lerp_(b, 0.01)
        if time.time() - shown > 15:
            shown = time.time()
            print(f'{shown - start:.0f} s, step {step}, moved {away.mean().sqrt():.3f}', {k: round(float(v.mean() / PARTS[k]), 3) for k, v in doubts.items()},
                  {k: logits[k].exp().mean(0).detach().numpy().round(2).tolist() for k in ('hat', 'hair')}, flush=True)
    torch.save(average.state_dict(), f'{M.DATA}/decided.pt.tmp')
    os.replace(f'{M.DATA}/decided.pt.tmp', f'{M.DATA}/decided.pt')


if __name__ == '__main__':
    main()
