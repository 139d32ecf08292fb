"""Trains the attribute heads on how far z lies from each decision (assign.py): the heads of the third round, in space z.

    python3 margins.py --minutes 1.5        -> margins.pt, which `heads.py train` then calibrates, validates and gives witnesses

w steps where the picture changes. A head of w that learns classes has a ledge at each step, also at those between two classes that nobody asked
for, and a flow that climbs its probability stops there. What decides is linear in the w of the second round, which has no steps:
heads that learn its margins from z have a smooth way up everywhere. Decisions do not depend on the truncation; numbers (skin, tilt, light) are
those drawn at TRUNCATION, by settled.pt where there is one. `--on` goes on from margins.pt.
"""
import argparse, time
import numpy as np
import torch
import torch.nn.functional as F
import model as M
from assign import NUMBERS, Decider, column
from heads_model import Heads, ask, log_probability

PATH = f'{M.DATA}/margins.pt'
TRUNCATION = 0.7
SCALE = 3.0  # standard deviation of the logits of each attribute
REQUESTS = [dict(hair='gray', hat=0), dict(hair='blond', smile=1), dict(hair='red', beard=0), dict(hat=1, hair='red'), dict(hat=0, smile=0), dict(smile=1, hair='brown', hat=0),
            dict(glasses=1, beard=1, hair='gray'), dict(hair='blond', hat=0, smile=0), dict(glasses=1, hat=0, smile=1, hair='brown'), dict(beard=1, smile=0)]


def centred(decider, w, name):
    logits = decider.net(w)[:, column(name)] + decider.bias[name]
    return logits - logits.mean(1, keepdim=True)


@torch.no_grad()
def wanted(decider, drawn, z, scales):
    """Columns that the heads learn: margins of classes by `decider` (of w without steps), numbers by `drawn`."""
    w, columns = decider.mapping(z), []
    numbers = drawn.numbers(drawn.mapping(z), TRUNCATION)
    for name in M.NAMES:
        if name in NUMBERS:
            value = np.interp(numbers[:, column(name)][:, 0].numpy(), *(q.numpy() for q in drawn.quantiles[name]))
            columns.append(torch.from_numpy(value.astype(np.float32))[:, None])
        else:
            columns.append(centred(decider, w, name) * scales[name])
    return torch.cat(columns, 1)


def loss_of(out, target):
    total = 0
    for name, s in M.SLICES.items():
        a, b = out[:, s], target[:, s]
        if M.KINDS[name] == 'scalar':
            total = total + 10 * F.smooth_l1_loss(a, b, beta=0.05)
        else:
            total = total + F.smooth_l1_loss(a - a.mean(1, keepdim=True), b, beta=0.3)
    return total


def climb(heads, z, targets, tau=5.0, steps=60):
    """dz / dtau = grad_z log p(c | z) by the midpoint rule."""
    one, wide = {name: 1.0 for name in M.NAMES}, {name: 0.1 for name in M.NAMES}

    def velocity(z):
        z = z.detach().requires_grad_(True)
        return torch.autograd.grad(log_probability(heads(z), targets, one, wide).sum(), z)[0]
    for _ in range(steps):
        z = z + tau / steps * velocity(z + 0.5 * tau / steps * velocity(z))
    return z.detach()


def arrivals(decider, heads, count=64):
    """Share of z that satisfy REQUESTS, by what is drawn for them, after the flow."""
    shares = []
    for request in REQUESTS:
        z = climb(heads, torch.randn(count, M.W_DIM), ask(count, **request))
        chosen, _ = decider.classes(decider.mapping(z))
        right = [chosen[name] == (M.HAIR.index(value) if isinstance(value, str) else value) for name, value in request.items()]
        shares.append(float(torch.stack(right).all(0).float().mean()))
    return shares


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=1.5)
    parser.add_argument('--on', action='store_true', help='from margins.pt')
    parser.add_argument('--lr', type=float, default=3e-3)
    args = parser.parse_args()
    torch.manual_seed(11); np.random.seed(11); torch.set_num_threads(1)
    decider, drawn, heads = Decider(settled=False), Decider(), Heads()
    if args.on:
        heads.load_state_dict(torch.load(PATH))
    scales = {name: SCALE / centred(decider, decider.mapping(torch.randn(20000, M.W_DIM)), name).std() for name in M.NAMES if M.KINDS[name] != 'scalar'}
    optimizer = torch.optim.AdamW(heads.parameters(), lr=args.lr, weight_decay=0.01)
    start, step, shown, total = time.time(), 0, 0, 60 * args.minutes
    while time.time() - start < total:
        progress = (time.time() - start) / total
        for group in optimizer.param_groups:
            group['lr'] = args.lr * (0.5 * (1 + np.cos(np.pi * progress)) + 1e-3)
        if step % 8 == 0:  # lengths of z mean nothing to the mapping, and flows change them
            z = torch.randn(2048, M.W_DIM)
            target = wanted(decider, drawn, z, scales)
            z = z * (0.8 + 0.6 * torch.rand(len(z), 1))
        index = torch.randint(len(z), (256,))
        loss = loss_of(heads(z[index]), target[index])
        optimizer.zero_grad(set_to_none=True); loss.backward(); optimizer.step()
        step += 1
        if time.time() - shown > 20:
            shown = time.time()
            print(f'{shown - start:.0f} s, step {step}, loss {loss.item():.3f}', flush=True)
    heads.eval().requires_grad_(False)
    shares = arrivals(drawn, heads)
    with torch.no_grad():
        z = torch.randn(4000, M.W_DIM)
        error = (heads(z) - wanted(decider, drawn, z, scales)).abs().mean(0)
    print('mean error of numbers:', {name: round(float(error[M.SLICES[name]]), 4) for name in NUMBERS})
    print('arrive:', round(float(np.mean(shares)), 3), [round(x, 2) for x in shares])
    torch.save(heads.state_dict(), PATH)


if __name__ == '__main__':
    main()
