"""Trains encoder and synthesis network together, as an autoencoder of the drawings (no labels are read).

    python3 autoencoder.py 32:6 64:25                      6 minutes at 32 px, 25 at 64 px
    python3 autoencoder.py --decoder 64:5 128:30           the encoder fixed (written to encoder.pt), the decoder goes on

The blocks above the present resolution wait. The schedule is by the clock; the state is saved every two minutes in ae.pt,
and a run that finds it goes on from its weights. w has mean 0 and variance 1 in each dimension (batch norm without
affine), and gaussian noise is added to it in training, so that what lies between two drawings is decoded to something
as well. Several processes of one thread each update shared weights without locks, which is faster than threads on cores
that other work uses too.
"""
import argparse, copy, os, time
import numpy as np
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
import model as M
from labeller import load_labeller

parser = argparse.ArgumentParser()
parser.add_argument('phases', nargs='+', help='RESOLUTION:MINUTES')
parser.add_argument('--decoder', action='store_true')
parser.add_argument('--workers', type=int, default=2)
parser.add_argument('--batch', type=int, default=16)
parser.add_argument('--lr', type=float, default=2e-3)
parser.add_argument('--final', type=float, default=0.05, help='learning rate at the end, relative')
parser.add_argument('--noise', type=float, default=0.2)
parser.add_argument('--perceptual', type=float, default=0, help='weight of the error in early features of the labeller')
PATH = f'{M.DATA}/ae.pt'

def bump(x, y, rx, ry):
    """A gaussian hill at (x, y), in pixels of 128."""
    axis = torch.arange(128.0)
    return torch.exp(-((axis[None, :] - x) / rx) ** 2 / 2 - ((axis[:, None] - y) / ry) ** 2 / 2)[None, None]


# Mouths and frames of glasses are small and matter most to the eye; the place of the face hardly changes.
WEIGHTS = 1 + 2 * bump(64, 76, 22, 22) + 6 * bump(64, 68, 18, 7) + 16 * bump(64, 89, 9, 7)
WEIGHTS = WEIGHTS / 2


def charbonnier(d):
    return torch.sqrt(d * d + 1e-4)


def loss_of(output, target, weights):
    """Error of the pixels, of their differences (sharp edges), and of two coarser scales."""
    d = output - target
    loss = (charbonnier(d) * weights).mean()
    edges = (charbonnier(d[:, :, 1:] - d[:, :, :-1]) * weights[:, :, 1:]).mean() + (charbonnier(d[..., 1:] - d[..., :-1]) * weights[..., 1:]).mean()
    loss = loss + 0.5 * edges
    for _ in range(2):
        d = F.avg_pool2d(d, 2)
        loss = loss + 0.5 * charbonnier(d).mean()
    return loss


def perceptual(layers, output, target):
    """Error in the first three layers of the labeller, which see thin lines: frames of glasses, mouths."""
    loss, weight = 0, 0.25
    if output.shape[-1] == 128:
        output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
    for layer in layers:
        output = layer(output)
        with torch.no_grad():
            target = layer(target)
        hill = F.interpolate(WEIGHTS, size=output.shape[2:], mode='area')
        loss, weight = loss + weight * ((output - target).abs() * hill).mean(), 2 * weight
    return loss


def build():
    net = torch.nn.ModuleDict({'encoder': M.Encoder(), 'synthesis': M.Synthesis().to(memory_format=torch.channels_last)})
    average, seen = copy.deepcopy(net).requires_grad_(False), 0
    if os.path.exists(PATH):
        state = torch.load(PATH)
        net.load_state_dict(state['net']); average.load_state_dict(state['average'])
        seen = state['seen']
    return net, average, seen


def work(rank, args, net, average, seen0):
    torch.manual_seed(seen0 + rank)
    rng = np.random.default_rng(seen0 + rank)
    torch.set_num_threads(1)
    images64, _ = M.drawings('train', 64)
    images, _ = M.drawings('train')
    phases = [(int(r), 60 * float(m)) for r, m in (p.split(':') for p in args.phases)]
    total = sum(m for _, m in phases)
    groups = {}
    for name, p in net['synthesis'].named_parameters():  # styles and colours carry the content: they may move faster
        groups.setdefault(4 if 'affine' in name else 2 if 'torgb' in name or 'const' in name else 1, []).append(p)
    if args.decoder:
        net['encoder'].eval().requires_grad_(False)
    else:
        groups[1] += net['encoder'].parameters()
    optimizer = torch.optim.Adam([{'params': p, 'gain': gain} for gain, p in groups.items()], lr=args.lr, betas=(0.9, 0.99), foreach=True)
    layers = list(load_labeller().body[:3]) if args.perceptual else []
    start = saved = time.time()
    step, running, felt, count, shown = 0, 0.0, 0.0, 0, start
    while time.time() - start < total:
        spent, resolution = time.time() - start, phases[-1][0]
        at = spent
        for r, m in phases:
            if at < m:
                resolution = r
                break
            at -= m
        progress = spent / total
        rate = args.lr * min(1, (step + 1) / 100) * (1 if progress < 0.5 else max(args.final, (1 - progress) / 0.5))
        for group in optimizer.param_groups:
            group['lr'] = rate * group['gain']
        index = np.sort(rng.integers(0, len(images), args.batch))
        small = M.to_tensor(images64[index])
        w = net['encoder'](small)
        w = w + args.noise * torch.randn_like(w)
        output = net['synthesis'](w, resolution)
        target = M.to_tensor(images[index]) if resolution == 128 else F.avg_pool2d(small, 64 // resolution)
        weights = F.avg_pool2d(WEIGHTS, 128 // resolution)
        loss = loss_of(output, target, weights)
        if layers and resolution >= 64:
            feature_loss = perceptual(layers, output, target)
            loss, felt = loss + args.perceptual * feature_loss, felt + float(feature_loss)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        running, count = running + float((output.detach() - target).abs().mean()), count + 1
        if rank:
            continue
        if step % 4 == 0:
            decay = 0.99 if args.decoder or seen0 else min(0.99, (step + 1) / (step + 10))
            with torch.no_grad():
                for a, b in zip(average.state_dict().values(), net.state_dict().values()):
                    a.lerp_(b, 1 - decay) if a.dtype.is_floating_point else a.copy_(b)
        now = time.time()
        if now - shown > 30:
            print(f'{spent / 60:.1f} min {resolution}px about {seen0 + step * args.batch * args.workers} images L1 {running / count:.4f} features {felt / count:.4f} lr {rate:.5f} {count * args.batch / (now - shown):.0f} img/s and worker', flush=True)
            running, felt, count, shown = 0.0, 0.0, 0, now
        if now - saved > 120:
            save(net, average, seen0 + step * args.batch * args.workers)
            saved = now
    if rank == 0:
        save(net, average, seen0 + step * args.batch * args.workers)


def save(net, average, seen):
    torch.save(dict(net=net.state_dict(), average=average.state_dict(), seen=seen), PATH + '.tmp')
    os.replace(PATH + '.tmp', PATH)


if __name__ == '__main__':
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    M.drawings('train', 64)  # made once, before there are several processes
    net, average, seen = build()
    if args.decoder:  # the smoothed encoder is the one that stays
        net['encoder'].load_state_dict(average['encoder'].state_dict())
        torch.save(average['encoder'].state_dict(), f'{M.DATA}/encoder.pt')
    net.share_memory()
    processes = [multiprocessing.Process(target=work, args=(rank, args, net, average, seen)) for rank in range(1, args.workers)]
    for p in processes:
        p.start()
    work(0, args, net, average, seen)
    for p in processes:
        p.join()
