"""Trains the labeller on drawings with independent attributes and on blends of their variants, and exports it.

    python3 labeller.py train [--minutes 50]    goes on from $AVATAR_DATA/labeller.pt
    python3 labeller.py export                  measures it, and writes models/avatar-labeller.onnx

Input `image` [n, 3, 128, 128]; outputs `logits`, `unclear` (a logit for each part of blend.UNCLEAR: above 0 the part is neither there
nor absent, or of no one colour) and `features`. Its accuracy on drawings it has not seen goes to labeller.json.
"""
import argparse, json, os, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from blend import MAPS, UNCLEAR, Blender, soften
from shipped import read_onnx_weights

CLASSES = slice(0, 13)  # columns of the attributes that have classes
SCALARS = slice(13, 16)
# Chosen on generated pictures that were sorted by eye (none of test/fixtures/eye). Logits above which a part counts as unclear:
LIMITS = {'glasses': 0.5, 'smile': 1.5, 'beard': -0.5, 'hat': -1.0, 'hair': 2.0}
# What is added to the logits of black, brown, blond, red and gray: the eye calls a very dark brown brown and a brownish red red.
SHIFTS = {'hair': [-1.0, 0.6, 0.3, 0.7, -0.6]}


class Labeller(nn.Module):
    def __init__(self):
        super().__init__()
        def conv(a, b, stride, size=3):
            return nn.Sequential(nn.Conv2d(a, b, size, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
        self.body = nn.Sequential(conv(3, 24, 2, 4), conv(24, 48, 2), conv(48, 96, 2), conv(96, 96, 1))  # 64, 32, 16, 16 px
        self.maps = nn.Conv2d(96, MAPS, 1)
        self.deep = nn.Sequential(conv(96, 128, 2), conv(128, 128, 1), conv(128, 24, 1))
        self.fc = nn.Linear((24 + MAPS) * 64, 128)
        self.out = nn.Linear(128, M.TOTAL)
        self.doubt = nn.Linear(128, len(UNCLEAR))

    def parts(self, image):
        """(logits, features, maps [n, 9, 16, 16]: where glasses, smile, beard, hat and hair of each colour are)"""
        x = self.body(image)
        maps = self.maps(x)
        seen = torch.cat([self.deep(x), F.avg_pool2d(torch.sigmoid(maps), 2)], 1)
        features = F.relu(self.fc(seen.flatten(1)))
        return self.out(features), features, maps

    def forward(self, image):
        return self.parts(image)[:2]

    def unclear(self, features):
        """A logit for each part of blend.UNCLEAR."""
        return self.doubt(features)


class Exported(nn.Module):
    """What ships: `unclear` beside the rest, its limits moved by LIMITS, and the logits by SHIFTS."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        with torch.no_grad():
            net.doubt.bias -= torch.tensor([LIMITS[name] for name in UNCLEAR])
            for name, shift in SHIFTS.items():
                net.out.bias[M.SLICES[name]] += torch.tensor(shift)

    def forward(self, image):
        logits, features = self.net(image)
        return logits, self.net.unclear(features), features


def load_labeller():
    """As trained; without labeller.pt, as exported (batch norm is in the convolutions there)."""
    net = Labeller()
    path = f'{M.DATA}/labeller.pt'
    if os.path.exists(path):
        net.load_state_dict(torch.load(path)['net'])
    else:
        weights = read_onnx_weights()
        convolutions = [value for name, value in weights.items() if name.startswith('onnx::Conv')]
        with torch.no_grad():
            for i, (conv, norm, _) in enumerate([*net.body, *net.deep]):
                conv.weight.copy_(convolutions[2 * i])
                norm.bias.copy_(convolutions[2 * i + 1])
                norm.running_var.fill_(1 - norm.eps)
            for name, value in net.named_parameters():
                if f'net.{name}' in weights:
                    value.copy_(weights[f'net.{name}'])
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def loss_of(net, image, classes, unclear, weights, scalars, maps, known):
    """Sum over attributes of cross-entropy (less of it where the part is unclear) or absolute error of a scalar times 4; cross-entropy
    of `unclear`; and of the maps, where they are known."""
    logits, features, seen = net.parts(image)
    doubt = net.unclear(features)
    loss = 4 * F.smooth_l1_loss(logits[:, SCALARS], scalars, beta=0.05) * 3
    for k, name in enumerate(UNCLEAR):
        columns = M.SLICES[name]
        each = -(classes[:, columns] * F.log_softmax(logits[:, columns], 1)).sum(1)
        loss = loss + (each * (1 - 0.7 * unclear[:, k])).mean()
    loss = loss + 1.5 * (F.binary_cross_entropy_with_logits(doubt, unclear, reduction='none') * weights).sum(1).mean()
    each = F.binary_cross_entropy_with_logits(seen, maps, reduction='none').mean((1, 2, 3))
    return loss + 8 * (each * known).sum() / known.sum().clamp_min(1)


def scores(logits, labels):
    """{attribute: accuracy, or mean absolute error of a scalar}"""
    result = {}
    for k, name in enumerate(M.NAMES):
        out = logits[:, M.SLICES[name]]
        if M.KINDS[name] == 'scalar':
            result[name] = float((out[:, 0] - labels[:, k]).abs().mean())
        else:
            result[name] = float((out.argmax(1) == labels[:, k].long()).float().mean())
    return result


def augment(x):
    """What decoders do to drawings: blur, noise, small shifts of place and tone; for nets that learn from drawings alone."""
    n = len(x)
    dx, dy = np.random.randint(0, 3, 2)
    size = x.shape[-1]
    x = F.pad(x, (1, 1, 1, 1), mode='replicate')[:, :, dy:dy + size, dx:dx + size]
    blurred = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    a = torch.rand(n, 1, 1, 1)
    x = x.lerp(blurred, a)
    x = x * (1 + 0.03 * torch.randn(n, 1, 1, 1)) + 0.03 * torch.randn(n, 3, 1, 1)
    return x + torch.rand(n, 1, 1, 1) * 0.08 * torch.randn_like(x)


def save(state, path):
    torch.save(state, path + '.tmp')
    os.replace(path + '.tmp', path)


def train(args):
    torch.set_num_threads(args.threads)
    path = f'{M.DATA}/labeller.pt'
    net = Labeller().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.02)
    seconds, step = 0.0, 0
    if os.path.exists(path):
        state = torch.load(path)
        net.load_state_dict(state['net'])
        if args.rounds == state['rounds']:
            optimizer.load_state_dict(state['optimizer'])
            seconds, step = state['seconds'], state['step']
    torch.manual_seed(step + 1000 * args.rounds); np.random.seed(step + 1000 * args.rounds)
    blender = Blender('variants', step + 1000 * args.rounds)
    last = saved = time.time()
    running = None
    while seconds < 60 * args.minutes:
        done = seconds / (60 * args.minutes)
        for group in optimizer.param_groups:
            group['lr'] = args.rate * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * done)))
        x, *targets = blender.batch(args.batch)
        x = soften(x).contiguous(memory_format=torch.channels_last)
        loss = loss_of(net, x, *targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        step += 1
        now = time.time()
        seconds, last = seconds + now - last, now
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 50 == 0:
            print(step, f'{running:.3f} {seconds:.0f} s', flush=True)
        if now - saved > 120 or seconds >= 60 * args.minutes:
            save({'net': net.state_dict(), 'optimizer': optimizer.state_dict(), 'seconds': seconds, 'step': step, 'rounds': args.rounds}, path)
            saved = now


def measure(net):
    """{set of drawings: scores and the share of each part called unclear}; of blends it has not seen, how much of what is unclear is
    called so, and of what is not."""
    report = {}
    with torch.no_grad():
        for name in ('balanced-fresh', 'fresh'):
            images, labels = M.drawings(name)
            results = [net(M.to_tensor(images[i:i + 250])) for i in range(0, len(images), 250)]
            logits = torch.cat([r[0] for r in results])
            for part, shift in SHIFTS.items():
                logits[:, M.SLICES[part]] += torch.tensor(shift)
            report[name] = scores(logits, torch.from_numpy(labels))
            doubt = net.unclear(torch.cat([r[1] for r in results]))
            report[name]['unclear'] = {part: float((doubt[:, k] > LIMITS[part]).float().mean()) for k, part in enumerate(UNCLEAR)}
        torch.manual_seed(3); np.random.seed(3)
        blender, doubt, unclear = Blender('variants-fresh', 3), [], []
        for _ in range(40):
            x, _, target, *_ = blender.batch(50)
            doubt.append(net.unclear(net(soften(x))[1]))
            unclear.append(target)
        doubt, unclear = torch.cat(doubt), torch.cat(unclear)
        report['blends'] = {part: {name: float((doubt[rows, k] > LIMITS[part]).float().mean())
                                   for name, rows in (('unclear', unclear[:, k] > 0.95), ('clear', unclear[:, k] == 0))}
                            for k, part in enumerate(UNCLEAR)}
    return report


def export(net):
    net = net.to(memory_format=torch.contiguous_format)
    path = f'{os.path.dirname(os.path.abspath(__file__))}/../models/avatar-labeller.onnx'
    names = ['image', 'logits', 'unclear', 'features']
    torch.onnx.export(Exported(net).eval(), torch.zeros(2, 3, M.RESOLUTION, M.RESOLUTION), path + '.tmp', opset_version=13, input_names=names[:1], output_names=names[1:],
                      dynamic_axes={k: {0: 'n'} for k in names})
    os.replace(path + '.tmp', path)
    print(path, os.path.getsize(path), 'bytes')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('stage', choices=['train', 'export'])
    parser.add_argument('--minutes', type=float, default=50)
    parser.add_argument('--batch', type=int, default=48)
    parser.add_argument('--rate', type=float, default=2e-3)
    parser.add_argument('--rounds', type=int, default=1, help='a number other than that of the checkpoint begins another round from its weights')
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    if args.stage == 'train':
        train(args)
    else:
        net = load_labeller()
        report = measure(net)
        print(json.dumps(report, indent=1))
        json.dump(report, open(f'{M.DATA}/labeller.json', 'w'))
        export(net)


if __name__ == '__main__':
    main()
