"""Reads a whole drawing off its pixels, and finds the drawing that a sample of the generator is nearest to.

    python3 reader.py train --minutes 6          a net from pixels to everything draw.mjs draws at random -> reader.pt
    python3 reader.py pair --count 8000 --seed 0 w of the generator and the rows of the drawings nearest to their images
                                                 -> pairs-00.w.npy, pairs-00.rows.f32, pairs-00.made.npy, pairs-00.read.npy

`node draw.mjs $AVATAR_DATA/pairs-00 rows $AVATAR_DATA/pairs-00.rows.f32` then draws them. A quarter of w is what the gradient
flow of the present heads finds for random targets (heads.py), the rest the mapping's; what is read is the mean over the image
of the present generator and that of the autoencoder's decoder, which has kept more of the colours. The net is trained on `balanced`
drawings, half of them mixed with a second one (by transparency, by a cut, by blobs): it reads the one that prevails, so a
picture between two drawings gets one of them. No attribute is asked for, and none is told to the generator: a row only
names the drawing whose pixels are compared. Portraits that are never drawn (glasses, beard, hat and red hair) are left out.
"""
import argparse, json, os, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from heads import flow_samples
from pack import load
from shipped import part

# name: number of classes, or 0 for a number; the order of DETAILS in draw.mjs
DETAILS = {'clothesColour': 8, 'accessoriesColour': 5, 'cut': 12, 'hatColour': 6, 'hatKind': 4, 'hue': 0, 'clothing': 5, 'mouth': 4, 'eyes': 4,
           'brows': 3, 'beardKind': 3, 'glassesKind': 4, 'hairR': 0, 'hairG': 0, 'hairB': 0, 'beardR': 0, 'beardG': 0, 'beardB': 0}
SEEN_WITH = {'accessoriesColour': 'glasses', 'glassesKind': 'glasses', 'hatColour': 'hat', 'hatKind': 'hat', 'beardKind': 'beard',
             'beardR': 'beard', 'beardG': 'beard', 'beardB': 'beard'}
SMILES = 2  # mouths below this one smile
LONG = 6  # cuts below this one are long
UNDER_HAT = (9, 10)  # of the short ones, those that are drawn under a hat where there is no beard
# Colours of which an unsure net reads the average one too often: a bias for each class (found with the first pairs -> reader-bias.json)
EVEN = ('clothesColour', 'accessoriesColour', 'hatColour')
HAIR_COLOUR = np.array([[0x22, 0x1e, 0x22], [0x6d, 0x41, 0x22], [0xe6, 0xc1, 0x5c], [0xcc, 0x44, 0x20], [0xb9, 0xbb, 0xc0]]) / 255  # of draw.mjs
COLUMNS, _at = {}, M.TOTAL
for _name, _classes in DETAILS.items():
    _width = 2 if _name == 'hue' else max(_classes, 1)
    COLUMNS[_name] = slice(_at, _at + _width)
    _at += _width
WIDTH = _at


class Reader(nn.Module):
    """Images of 128 px to the logits and numbers of all columns; `features` are those of each layer."""

    def __init__(self):
        super().__init__()
        def conv(a, b, stride):
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.1))
        self.body = nn.Sequential(conv(12, 32, 1), conv(32, 64, 2), conv(64, 96, 2), conv(96, 128, 2), conv(128, 160, 2))
        self.fc = nn.Linear(160 * 16, 192)
        self.out = nn.Linear(192, WIDTH)

    def features(self, image):
        x, layers = F.pixel_unshuffle(image, 2), []
        for layer in self.body:
            x = layer(x)
            layers.append(x)
        return layers

    def forward(self, image):
        return self.out(F.leaky_relu(self.fc(self.features(image)[-1].flatten(1)), 0.1))


def load_reader():
    net = Reader()
    net.load_state_dict(torch.load(f'{M.DATA}/reader.pt')['average'])
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def details(name):
    return np.fromfile(f'{M.DATA}/{name}.details.f32', np.float32).reshape(-1, len(DETAILS))


def loss_of(out, labels, rest):
    loss = 0
    for k, name in enumerate(M.NAMES):
        columns = out[:, M.SLICES[name]]
        loss = loss + (4 * F.smooth_l1_loss(columns[:, 0], labels[:, k], beta=0.05) if M.KINDS[name] == 'scalar' else F.cross_entropy(columns, labels[:, k].long()))
    for k, (name, classes) in enumerate(DETAILS.items()):
        columns, value = out[:, COLUMNS[name]], rest[:, k]
        if name == 'hue':
            angle = value * (np.pi / 3)
            each = F.smooth_l1_loss(columns, torch.stack((angle.cos(), angle.sin()), 1), beta=0.1, reduction='none').mean(1)
        elif classes:
            each = F.cross_entropy(columns, value.clamp(min=0).long(), reduction='none')
        else:
            each = 4 * F.smooth_l1_loss(columns[:, 0], value, beta=0.05, reduction='none')
        if name in SEEN_WITH:
            each = each * labels[:, M.NAMES.index(SEEN_WITH[name])]
        loss = loss + 0.5 * each.mean()
    return loss


def augment(x):
    """What decoders do to drawings: blur, noise, small shifts of place and tone."""
    n, size = len(x), x.shape[-1]
    dx, dy = np.random.randint(0, 3, 2)
    x = F.pad(x, (1, 1, 1, 1), mode='replicate')[:, :, dy:dy + size, dx:dx + size]
    x = x.lerp(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), torch.rand(n, 1, 1, 1))
    x = x * (1 + 0.03 * torch.randn(n, 1, 1, 1)) + 0.03 * torch.randn(n, 3, 1, 1)
    return x + torch.rand(n, 1, 1, 1) * 0.08 * torch.randn_like(x)


def blobs(n, size=M.RESOLUTION):
    """Smooth random masks [n, 1, size, size] of 0 and 1 (a little soft at the rim), about half of them 1."""
    cells = int(np.random.choice([2, 3, 5]))
    hills = F.interpolate(torch.randn(n, 1, cells, cells), size=size, mode='bicubic', align_corners=True)
    return torch.sigmoid(hills * float(np.random.choice([4, 20])))


def mixed(x, most=0.45, share=0.5):
    """A share of the batch mixed with a second drawing, whose part is at most `most` everywhere."""
    n = len(x)
    other = x.roll(1, 0)
    plain = (torch.rand(n, 1, 1, 1) < 0.5).float()
    alpha = most * torch.rand(n, 1, 1, 1) * plain.lerp(torch.ones(1), blobs(n)) * (torch.rand(n, 1, 1, 1) < share)
    return x.lerp(other, alpha)


def rate(step):
    return min(1, (step + 1) / 100)


def train(args):
    torch.manual_seed(21); np.random.seed(21)
    images, labels = M.drawings('balanced')
    rest = torch.from_numpy(details('balanced'))
    labels = torch.from_numpy(labels)
    net = Reader().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    start, step, batch, total = time.time(), 0, 32, 60 * args.minutes
    average = {k: v.clone() for k, v in net.state_dict().items()}
    while time.time() - start < total:
        progress = (time.time() - start) / total
        for group in optimizer.param_groups:
            group['lr'] = 2e-3 * rate(step) * min(1, 0.02 + 1.6 * (1 - progress))
        index = np.sort(np.random.randint(0, len(images), batch))
        x = augment(mixed(M.to_tensor(images[index]))).contiguous(memory_format=torch.channels_last)
        loss = loss_of(net(x), labels[index], rest[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        for a, b in zip(average.values(), net.state_dict().values()):
            a.lerp_(b, 0.02) if a.dtype.is_floating_point else a.copy_(b)
        if step % 100 == 0:
            print(step, f'{time.time() - start:.0f} s, loss {loss.item():.3f}', flush=True)
            torch.save({'average': average}, f'{M.DATA}/reader.pt.tmp')
            os.replace(f'{M.DATA}/reader.pt.tmp', f'{M.DATA}/reader.pt')
    net = load_reader()
    images, labels = M.drawings('fresh')
    rest = details('fresh')
    with torch.no_grad():
        out = torch.cat([net(M.to_tensor(images[i:i + 100])) for i in range(0, 2000, 100)])
    rows, report = rows_of(out), {}
    truth = np.concatenate([labels[:2000], rest[:2000]], 1)
    for k, name in enumerate([*M.NAMES, *DETAILS]):
        seen = truth[:, M.NAMES.index(SEEN_WITH[name])] == 1 if name in SEEN_WITH else np.ones(2000, bool)
        number = M.KINDS.get(name) == 'scalar' or DETAILS.get(name) == 0
        report[name] = float(np.abs(rows[seen, k] - truth[seen, k]).mean() if number else (rows[seen, k] == truth[seen, k]).mean())
    print(json.dumps(report))


def tinted(read, base, amount):
    """The colour nearest to `read` of those that draw.mjs makes of `base` [n, 3] by `jitter`: a gain and a shift, both bounded."""
    centred = base - base.mean(1, keepdims=True)
    gain = ((read - read.mean(1, keepdims=True)) * centred).sum(1, keepdims=True) / np.maximum((centred * centred).sum(1, keepdims=True), 1e-3)
    gain = gain.clip(1 - amount, 1 + amount)
    return (base * gain + (read - base * gain).mean(1, keepdims=True).clip(-0.25 * amount, 0.25 * amount)).clip(0, 1)


def rows_of(out, bias={}):
    """[n, WIDTH] of the net to rows of draw.mjs [n, 8 + 18]: the likeliest of each, made consistent as draw.mjs has them."""
    columns = {}
    for name in M.NAMES:
        o = out[:, M.SLICES[name]]
        columns[name] = o[:, 0].clamp(0, 1) if M.KINDS[name] == 'scalar' else o.argmax(1).float()
    smile, hat, beard = (columns[name] == 1 for name in ('smile', 'hat', 'beard'))
    for name, classes in DETAILS.items():
        o = out[:, COLUMNS[name]].clone()
        if name in bias:
            o = o + torch.tensor(bias[name])
        if name == 'mouth':  # of those that the attribute allows
            o[smile, SMILES:] = -1e9
            o[~smile, :SMILES] = -1e9
        if name == 'cut':
            short = hat & ~beard & (o.argmax(1) >= LONG)
            seen = torch.full((classes,), -1e9)
            seen[list(UNDER_HAT)] = 0
            o[short] += seen
        if name == 'hue':
            value = torch.atan2(o[:, 1], o[:, 0]) * (3 / np.pi) % 6
        else:
            value = o.argmax(1).float() if classes else o[:, 0].clamp(0, 1)
        if name in ('beardKind', 'glassesKind'):
            value = torch.where(columns[SEEN_WITH[name]] == 1, value, torch.tensor(-1.0))
        columns[name] = value
    rows = torch.stack(list(columns.values()), 1).numpy().astype(np.float32)
    # hair is of the colour of its class, and a beard of the hair's
    rows[:, -6:-3] = tinted(rows[:, -6:-3], HAIR_COLOUR[columns['hair'].long().numpy()], 0.1)
    rows[:, -3:] = tinted(rows[:, -3:], rows[:, -6:-3], 0.05)
    return rows


def biases(out):
    """For each of EVEN, what to add to its logits so that classes come more nearly equally often (draw.mjs draws them so):
    the ratio of two of them becomes its cube root."""
    found = {}
    for name in EVEN:
        o = out[:, COLUMNS[name]]
        if name in SEEN_WITH:
            o = o[out[:, M.SLICES[SEEN_WITH[name]]].argmax(1) == 1]
        add, classes = torch.zeros(DETAILS[name]), DETAILS[name]
        wanted = torch.bincount(o.argmax(1), minlength=classes).float().pow(1 / 3)
        for k in range(400):
            share = torch.bincount((o + add).argmax(1), minlength=classes) / len(o)
            add = add - 2 * o.std() * 0.99 ** k * (share - wanted / wanted.sum())
        print(name, [round(float(x), 3) for x in share], [round(float(x), 2) for x in add])
        found[name] = add.tolist()
    return found


@torch.no_grad()
def pair(args):
    torch.manual_seed(1000 + args.seed); np.random.seed(1000 + args.seed)
    synthesis, mapping, heads, _ = load(rendered=False)
    synthesis, reader = synthesis.to(memory_format=torch.channels_last), load_reader()
    first = M.Synthesis().eval()
    first.load_state_dict(M.widened(part(torch.load(f'{M.DATA}/ae.pt')['average'], 'synthesis.')))
    first = first.to(memory_format=torch.channels_last)
    found = args.count // 4
    z = torch.randn(args.count - found, M.W_DIM)
    truncation = 0.6 + 0.4 * torch.rand(len(z), 1)
    truncation[: len(z) // 3] = 0.7
    w = mapping.w_avg.lerp(mapping(z), truncation)
    with torch.enable_grad():
        w = torch.cat((w, flow_samples(mapping, heads, found)))
    outs, made = [], []
    for i in range(0, len(w), 50):
        image = synthesis(w[i:i + 50]).clamp(-1, 1)
        earlier = F.interpolate(first(w[i:i + 50], 64).clamp(-1, 1), scale_factor=2, mode='bilinear', align_corners=False)
        outs.append((reader(image) + reader(earlier)) / 2)
        made.append(F.avg_pool2d(image, 4).add(1).mul(127.5).round().byte().numpy())
    out = torch.cat(outs)
    path = f'{M.DATA}/reader-bias.json'
    if not os.path.exists(path):
        with open(path, 'w') as f:
            json.dump(biases(out[:len(z)]), f)
    rows = rows_of(out, json.load(open(path)))
    never = (rows[:, 0] == 1) & (rows[:, 2] == 1) & (rows[:, 3] == 1) & (rows[:, 4] == M.HAIR.index('red'))
    path = f'{M.DATA}/pairs-{args.seed:02d}'
    rows[~never].tofile(f'{path}.rows.f32')
    np.save(f'{path}.w.npy', w.numpy()[~never])
    np.save(f'{path}.made.npy', np.concatenate(made)[~never])
    np.save(f'{path}.read.npy', out.numpy().astype(np.float16)[~never])
    print(path, int((~never).sum()), 'pairs;', int(never.sum()), 'left out', time.strftime('%H:%M:%S'))


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('stage', choices=['train', 'pair'])
    parser.add_argument('--minutes', type=float, default=6)
    parser.add_argument('--count', type=int, default=8000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    {'train': train, 'pair': pair}[args.stage](args)
