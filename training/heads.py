"""The attribute heads, trained on w and what the labeller says of the images they give, and their witnesses.

    python3 heads.py sample --count 16000      w of the prior at truncations 0.5 to 1, with jitter
    python3 heads.py flow --count 4000         w found by the gradient flow of the present heads for random targets
    python3 heads.py train --minutes 3         all samples so far -> heads.pt (with temperatures, sigmas, validation figures, witnesses);
                                               with margins.pt (margins.py) heads are those, and the samples calibrate and test them

`sample` and `flow` add files heads-data-*.pt under /tmp/avatar. A new synthesis network or mapping makes them stale: delete
them, or label them again with `relabel`.
"""
import argparse, glob, hashlib, json, math, os, time
import numpy as np
import torch
import torch.nn.functional as F
import model as M
from heads_model import Heads, follow
from labeller import load_labeller
from pack import load
from shipped import MODELS
from witness import fit, residuals_of, skill

parser = argparse.ArgumentParser()
parser.add_argument('stage', choices=['sample', 'flow', 'train', 'relabel'])
parser.add_argument('--count', type=int, default=16000)
parser.add_argument('--minutes', type=float, default=3)
parser.add_argument('--threads', type=int, default=1)
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--noise', type=float, default=1.3, help='in training, on w: how smooth a head is around each sample')
parser.add_argument('--decay', type=float, default=3, help='weight decay: what keeps a head of few samples from being sure and wrong')
HELD_OUT = 0.2  # the last fifth of each file: half of it calibrates, half tests, and all of it makes the witnesses
MARGINS = f'{M.DATA}/margins.pt'  # where there are such heads, they are in z, and so are the rows
# Heads in z are this much less sure than their held-out rows say they might be, at temperature 1. A saturated head gives the flow no way up (`not` under `logic lace`,
# above all), and one with a temperature below 1 has no highest energy under `logic lace`, which divides the picked logit alone.
SOFTENED = 2.0
CHOOSING = 1000  # rows that choose and calibrate witnesses, and as many that test them


@torch.no_grad()
def label(synthesis, labeller, w, batch=64):
    """Softened labels: probabilities of classes, scalars as they are."""
    rows = []
    for i in range(0, len(w), batch):
        logits = labeller(synthesis(w[i:i + batch]).clamp(-1, 1))[0]
        rows.append(torch.cat([logits[:, s] if M.KINDS[n] == 'scalar' else logits[:, s].softmax(1) for n, s in M.SLICES.items()], 1))
        if i % (batch * 50) == 0:
            print(i, time.strftime('%H:%M:%S'), flush=True)
    return torch.cat(rows)


def prior_samples(mapping, count):
    z = torch.randn(count, M.W_DIM)
    with torch.no_grad():
        w = mapping(z)
    truncation = 0.5 + 0.5 * torch.rand(count, 1)
    truncation[: count // 4] = 0.7
    w = mapping.w_avg + truncation * (w - mapping.w_avg)
    return w + 0.4 * torch.rand(count, 1).square() * torch.randn(count, M.W_DIM)


def random_targets(count):
    """One to five attributes asked for at random; a quarter ask for glasses, beard, hat, and a colour of hair together."""
    targets = torch.full((count, len(M.NAMES)), float('nan'))
    for i in range(count):
        names = np.random.permutation(len(M.NAMES))[: np.random.randint(1, 6)]
        for k in names:
            name = M.NAMES[k]
            targets[i, k] = {'binary': float(np.random.randint(2)), 'category': float(np.random.randint(5)), 'scalar': np.random.rand()}[M.KINDS[name]]
        if i % 4 == 0:
            targets[i, [0, 2, 3]] = 1.0
            targets[i, 4] = float(np.random.randint(5))
    return targets


def flow_samples(mapping, heads, count):
    out = []
    for i in range(0, count, 500):
        targets = random_targets(min(500, count - i))
        z = torch.randn(len(targets), M.W_DIM)
        tau = float(np.random.choice([1.0, 2.0, 5.0, 5.0]))
        truncation = float(np.random.choice([0.7, 0.7, 0.85, 1.0]))
        out.append(follow(mapping, heads, z, targets, truncation=truncation, tau=tau, steps=int(12 * tau))[1])
    w = torch.cat(out)
    return w + 0.1 * torch.rand(len(w), 1) * torch.randn_like(w)


def margin_samples(count, flow):
    """z of the prior, or where the flow of heads in z ends for random targets."""
    z = torch.randn(count, M.W_DIM)
    if not flow:
        return z
    from margins import climb
    heads = Heads().requires_grad_(False)
    heads.load_state_dict(torch.load(MARGINS))
    return climb(heads, z, random_targets(count))


def loss_of(logits, labels):
    loss = 0
    for name, s in M.SLICES.items():
        out, value = logits[:, s], labels[:, s]
        if M.KINDS[name] == 'scalar':
            loss = loss + 10 * F.smooth_l1_loss(out, value, beta=0.05)
        else:
            loss = loss - (value * F.log_softmax(out, 1)).sum(1).mean()
    return loss


def fit_heads(heads, w, y, hw, hy, args):
    """Trains the heads on rows (w, y); `hw` and `hy` are watched."""
    optimizer = torch.optim.AdamW(heads.parameters(), lr=1e-3, weight_decay=args.decay)
    start, total, step, batch = time.time(), 60 * args.minutes, 0, 256
    while time.time() - start < total:
        progress = (time.time() - start) / total
        for group in optimizer.param_groups:
            group['lr'] = 2e-3 * (0.5 * (1 + math.cos(math.pi * progress)) + 1e-3)
        index = torch.randint(len(w), (batch,))
        x = w[index]
        x = x + args.noise * torch.rand(batch, 1) * torch.randn_like(x)  # smooth around each sample
        loss = loss_of(heads(x), y[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        if step % 2000 == 0:
            with torch.no_grad():
                print(f'{step} {time.time() - start:.0f} s, loss {loss.item():.3f}, held out {loss_of(heads(hw), hy).item():.3f}', flush=True)


@torch.no_grad()
def level(heads, z, y):
    """Scalars of heads that learned what was drawn, by a gain and a shift what the labeller reads of the pictures (least squares)."""
    out = heads(z)
    for name, s in M.SLICES.items():
        if M.KINDS[name] == 'scalar':
            x = torch.cat((out[:, s], torch.ones(len(z), 1)), 1)
            gain, shift = torch.linalg.lstsq(x, y[:, s]).solution[:, 0]
            heads[name].out.weight.mul_(gain)
            heads[name].out.bias.mul_(gain).add_(shift)
            print(f'{name}: gain {gain:.3f}, shift {shift:.3f}')


def train(args):
    train_w, train_y, held_w, held_y = [], [], [], []
    files = sorted(glob.glob(f'{M.DATA}/heads-data-*.pt'))
    for f in files:
        data = torch.load(f)
        rows = data['z'] if 'z' in data else data['w']
        n = int(len(rows) * (1 - HELD_OUT))
        train_w.append(rows[:n]); train_y.append(data['labels'][:n]); held_w.append(rows[n:]); held_y.append(data['labels'][n:])
    w, y, hw, hy = (torch.cat(x) for x in (train_w, train_y, held_w, held_y))
    print(len(files), 'files', len(w), 'samples', len(hw), 'held out')
    heads = Heads()
    if os.path.exists(MARGINS):
        heads.load_state_dict(torch.load(MARGINS))
    else:
        fit_heads(heads, w, y, hw, hy, args)
    if os.path.exists(MARGINS):
        level(heads, w, y)
    notes = {}
    calibrating, testing = torch.arange(0, len(hw), 2), torch.arange(1, len(hw), 2)
    with torch.no_grad():
        logits = heads(hw)
        for name, s in M.SLICES.items():
            out, value = logits[:, s], hy[:, s]
            if M.KINDS[name] == 'scalar':
                error = (out - value)[:, 0]
                sigma = round(max(0.05, float(error[calibrating].square().mean().sqrt())), 3)
                notes[name] = {'sigma': sigma, 'validation': {'mae': round(float(error[testing].abs().mean()), 4)}}
                residuals = residuals_of(out[:, 0], value[:, 0])
                if residuals is not None:
                    notes[name]['residuals'] = residuals
            else:
                hard = value.argmax(1)
                choices = [float(F.cross_entropy(out[calibrating] / t, hard[calibrating])) for t in np.arange(0.1, 3.01, 0.05)]
                right = float((out.argmax(1) == hard)[testing].float().mean())
                temperature = round(0.1 + 0.05 * int(np.argmin(choices)), 2)
                if os.path.exists(MARGINS):
                    for part in heads[name].out.parameters():
                        part /= SOFTENED * temperature
                    out, temperature = out / (SOFTENED * temperature), 1.0
                    print(f'{name}: log loss {float(F.cross_entropy(out[testing], hard[testing])):.3f}, sharper {float(F.cross_entropy(SOFTENED * out[testing], hard[testing])):.3f}')
                notes[name] = {'temperature': temperature, 'validation': {'accuracy': round(right, 4)}}
            notes[name]['validation']['samples'] = len(testing)
            notes[name]['skill'] = round(skill(M.KINDS[name], out[testing], value[testing], notes[name].get('temperature', 1.0)), 4)
    picked = torch.randperm(len(w))[:2 * CHOOSING]
    choosing, tested = picked[:len(picked) // 2], picked[len(picked) // 2:]
    witnesses = fit((hw, hy), (w[choosing], y[choosing]), (w[tested], y[tested]))
    for name, found in witnesses.items():
        notes[name]['witness'] = found['note']
    labeller = f'{MODELS}/avatar-labeller.onnx'
    by = {'name': 'avatar-labeller.onnx', 'sha256': hashlib.sha256(open(labeller, 'rb').read()).hexdigest()}
    for note in notes.values():
        note['calibratedBy' if os.path.exists(MARGINS) else 'labelledBy'] = by
        note['space'] = 'z' if os.path.exists(MARGINS) else 'w'
    print(json.dumps(notes, indent=1))
    second = {f'{name}.out.{part}': found[part] for name, found in witnesses.items() for part in ('weight', 'bias')}
    torch.save({'heads': heads.state_dict(), 'witnesses': second, 'notes': notes, 'samples': len(w) + len(hw)}, os.environ.get('HEADS_OUT', f'{M.DATA}/heads.pt'))


if __name__ == '__main__':
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.stage == 'train':
        torch.manual_seed(11)
        train(args)
    else:
        files = sorted(glob.glob(f'{M.DATA}/heads-data-*.pt'))
        torch.manual_seed(100 + len(files) + args.seed); np.random.seed(100 + len(files) + args.seed)
        synthesis, mapping, heads, _ = load()
        synthesis = synthesis.to(memory_format=torch.channels_last)
        labeller = load_labeller()
        if args.stage == 'relabel':
            for f in files:
                data = torch.load(f)
                w = data['w'] if 'w' in data else mapping(data['z'], 0.7)
                torch.save({**data, 'labels': label(synthesis, labeller, w)}, f)
        else:
            path = f'{M.DATA}/heads-data-{len(files):02d}-{args.stage}.pt'
            if os.path.exists(MARGINS):
                z = margin_samples(args.count, args.stage == 'flow')
                torch.save({'z': z, 'labels': label(synthesis, labeller, mapping(z, 0.7))}, path)
            else:
                w = prior_samples(mapping, args.count) if args.stage == 'sample' else flow_samples(mapping, heads, args.count)
                torch.save({'w': w, 'labels': label(synthesis, labeller, w)}, path)
