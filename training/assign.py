"""Gives every z a drawing, and the mapping a place in w for each: the beginning of the third round.

    python3 assign.py learn --minutes 2                  what the reader made of w (round2/pairs-*), as linear decisions of w -> assign.pt
    python3 assign.py pair --count 12000 --seed 50       z, truncations, and rows of draw.mjs -> pairs-50.*
    python3 assign.py move --minutes 3.2                 the mapping with five layers more, that step where the drawing changes -> moved.pt
    python3 assign.py settle                             decisions and numbers as linear functions of w of that mapping -> settled.pt

Earlier pairs were named by what the reader saw in the images of the day, so that two files could disagree on what lies near a
boundary, and the synthesis network learned both. Here the likeliest class by a linear net of w decides, w being what the mapping of the second
round gives, untruncated: boundaries are planes and always the same. A bias for each class makes classes as frequent as in
the drawings; numbers (skin, tilt, light, hue) are of the truncated w and distributed as there, by their quantiles.

`move`: w becomes a part of what it was (KEPT), and a fixed step for each class of each part more, along which w of the class lay from the
others already (JUMPS). What varied within a class goes on varying, so that the gradient flow has a slope everywhere; at a boundary w
steps, and says so plainly: the synthesis network reads w linearly. Part of z are those that the gradient flow finds for random targets.

`settle`: a mapping that learned steps has not learned all of them, and its w says numbers (tilt above all) less exactly than w of the second round
did. From settled.pt on, `pair` draws what a linear net finds in w of the moved mapping: classes at truncation 1, numbers and colours of w as it is
truncated, by the quantiles of the drawings at truncation AS_DRAWN. What is drawn for a z can then be told from w, all of it.
"""
import argparse, copy, glob, json, math, os, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from heads import random_targets
from heads_model import follow
from pack import load
from reader import COLUMNS, DETAILS, HAIR_COLOUR, LONG, SEEN_WITH, SMILES, UNDER_HAT, WIDTH, details, tinted

PATH = f'{M.DATA}/assign.pt'
MOVED = f'{M.DATA}/moved.pt'
SETTLED = f'{M.DATA}/settled.pt'
AS_DRAWN = 0.85  # truncation at which numbers are distributed as among the drawings
FOLLOWS = 0.4  # how far skin, light and colours follow the truncation of w since the sixth round, and where they are then as drawn
COLOURS_AS_DRAWN = 0.9
KEPT = 0.6  # of w as it was
# Length of the step of each part (root of the mean square over its classes)
JUMPS = {'hat': 3.0, 'glasses': 2.6, 'beard': 2.6, 'hair': 3.0, 'smile': 2.0, 'cut': 2.8, 'hatKind': 2.2, 'hatColour': 2.0, 'glassesKind': 2.0, 'accessoriesColour': 1.6,
         'beardKind': 1.6, 'clothesColour': 2.4, 'clothing': 1.6, 'mouth': 1.2, 'eyes': 1.1, 'brows': 1.0}
CLASSES = {'glasses': 2, 'smile': 2, 'beard': 2, 'hat': 2, 'hair': 5, **{name: n for name, n in DETAILS.items() if n}}
NUMBERS = ('skin', 'tilt', 'light')
SLOPE = 15  # how fast `nearness` falls with the margin


def column(name):
    return COLUMNS[name] if name in COLUMNS else M.SLICES[name]


def place(name):
    """Of a part in a row of draw.mjs."""
    return M.NAMES.index(name) if name in M.NAMES else len(M.NAMES) + list(DETAILS).index(name)


def read_net(minutes):
    """A net from w to all that the reader made of it, of the pairs of the second round."""
    files = sorted(glob.glob(f'{M.DATA}/round2/pairs-*.read.npy'))
    w = torch.cat([torch.from_numpy(np.load(f[:-len('read.npy')] + 'w.npy')) for f in files])
    read = torch.cat([torch.from_numpy(np.load(f).astype(np.float32)) for f in files])
    held = len(w) - len(w) // 20
    net = nn.Sequential(nn.Linear(M.W_DIM, 256), nn.LeakyReLU(0.1), nn.Linear(256, 256), nn.LeakyReLU(0.1), nn.Linear(256, WIDTH))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)

    def loss_of(index, noise):
        x = w[index]
        out, wanted, total = net(x + noise * torch.randn_like(x)), read[index], 0
        for name in [*M.NAMES, *DETAILS]:
            a, b = out[:, column(name)], wanted[:, column(name)]
            seen = wanted[:, M.SLICES[SEEN_WITH[name]]].softmax(1)[:, 1] if name in SEEN_WITH else 1
            error = -(b.softmax(1) * F.log_softmax(a, 1)).sum(1) if name in CLASSES else 5 * F.smooth_l1_loss(a, b, beta=0.1, reduction='none').mean(1)
            total = total + (error * seen).mean()
        return total
    start, step, total = time.time(), 0, 60 * minutes
    while time.time() - start < total:
        for group in optimizer.param_groups:
            group['lr'] = 2e-3 * (1.01 - (time.time() - start) / total)
        loss = loss_of(torch.randint(held, (256,)), 0.15)
        optimizer.zero_grad(set_to_none=True); loss.backward(); optimizer.step()
        step += 1
    with torch.no_grad():
        index = torch.arange(held, len(w))
        out = net(w[index])
        print(f'{len(w)} w, {step} steps, loss {loss_of(torch.arange(4000), 0):.3f}, held out {loss_of(index, 0):.3f};',
              {name: round(float((out[:, column(name)].argmax(1) == read[index][:, column(name)].argmax(1)).float().mean()), 3) for name in CLASSES}, flush=True)
    return net.requires_grad_(False)


def choose(out, bias):
    """{part: class [n]}, {part: margin to the second, [n]} by the net's columns `out`, as draw.mjs could have drawn them: mouths of the attribute, short hair
    under a hat cut as it is drawn there."""
    chosen, margins = {}, {}
    for name, classes in CLASSES.items():
        o = out[:, column(name)] + bias[name]
        allowed = torch.ones(len(o), classes, dtype=torch.bool)
        if name == 'mouth':
            smile = chosen['smile'] == 1
            allowed[smile, SMILES:] = False
            allowed[~smile, :SMILES] = False
        if name == 'cut':
            short = (chosen['hat'] == 1) & (chosen['beard'] == 0) & (o.argmax(1) >= LONG)
            allowed[short] = torch.tensor([k in UNDER_HAT for k in range(classes)])
        best = torch.where(allowed, o, torch.tensor(-1e9)).topk(2, 1)
        chosen[name], margins[name] = best.indices[:, 0], best.values[:, 0] - best.values[:, 1]
    return chosen, margins


def plain(chosen):
    """Portraits that look like two even as they are drawn are drawn otherwise: gray hair is not next to the white band of a hat (cap for beanie, brim for
    cat), and short hair under a hat is that which shows on both sides."""
    hat, kind, cut = chosen['hat'] == 1, chosen['hatKind'], chosen['cut']
    gray = hat & (chosen['hair'] == M.HAIR.index('gray'))
    kind = torch.where(gray & (kind == 0), torch.tensor(3), torch.where(gray & (kind == 1), torch.tensor(2), kind))
    return {**chosen, 'hatKind': kind, 'cut': torch.where(hat & (cut == UNDER_HAT[0]), torch.tensor(UNDER_HAT[1]), cut)}


def contrasted(rows):
    """Brown hair on skin as brown and gray hair before a background as gray cannot be told apart even as they are drawn (rows of draw.mjs, changed in place): beside
    brown hair skin stays lighter (0.6 to 1 become 0.6 to 0.76), and hair is darker, brown where skin is dark, gray where the background is light."""
    skin, light, hair = (rows[:, M.NAMES.index(name)] for name in ('skin', 'light', 'hair'))
    brown, gray = (hair == M.HAIR.index(name) for name in ('brown', 'gray'))
    gain = 1 - 0.1 * brown * ((skin - 0.4) / 0.2).clip(0, 1) - 0.15 * gray * ((light - 0.68) / 0.1).clip(0, 1)
    rows[:, -6:] *= gain[:, None]
    rows[:, M.NAMES.index('skin')] = np.where(brown, skin.clip(max=0.6) + 0.4 * (skin - 0.6).clip(min=0), skin)


def nearness(chosen, margins, spreads):
    """How near the boundaries are [n]: near 1 a part where it is at one, weighted by its step; a kind counts where its part is there."""
    total = 0
    for name in CLASSES:
        seen = (chosen[SEEN_WITH[name]] == 1) if name in SEEN_WITH else 1
        total = total + JUMPS[name] * torch.exp(-SLOPE * margins[name] / spreads[name]) * seen
    return total


def angle(out):
    return torch.atan2(out[:, column('hue')][:, 1], out[:, column('hue')][:, 0]) * (3 / np.pi) % 6


def quantiles_of(out, truth):
    """{number: (quantiles of the net's column, quantiles of the drawings)}"""
    levels = torch.linspace(0, 1, 101)
    found = {name: (torch.quantile(out[:, column(name)][:, 0], levels), torch.quantile(truth[:, place(name)], levels)) for name in NUMBERS}
    return {**found, 'hue': (torch.quantile(angle(out), levels), torch.linspace(0, 6, 101))}


def drawn():
    """Rows of the drawings."""
    return torch.from_numpy(np.concatenate((M.drawings('train')[1], details('train')), 1))


@torch.no_grad()
def calibrate(net, mapping, truncation=1.0):
    """Biases of the classes, standard deviations of their logits, and, at `truncation`, quantiles of the numbers, against the drawings."""
    torch.manual_seed(3)
    w = mapping(torch.randn(20000, M.W_DIM))
    out, shortened = net(w), net(mapping.w_avg.lerp(w, truncation))
    truth = drawn()
    bias, report = {name: torch.zeros(n) for name, n in CLASSES.items()}, {}
    for name, n in CLASSES.items():
        real = truth[:, place(name)]
        if name in SEEN_WITH:
            real = real[truth[:, place(SEEN_WITH[name])] == 1]
        wanted = torch.bincount(real.long(), minlength=n).float() / len(real)
        spread, chosen = out[:, column(name)].std(), None
        for k in range(250):
            if chosen is None or name in ('cut', 'mouth'):
                chosen, _ = choose(out, bias)
            of_class = chosen[name] if name in ('cut', 'mouth') else (out[:, column(name)] + bias[name]).argmax(1)
            if name in SEEN_WITH:
                of_class = of_class[chosen[SEEN_WITH[name]] == 1]
            share = torch.bincount(of_class, minlength=n).float() / len(of_class)
            bias[name] = bias[name] - 2 * spread * 0.985 ** k * (share - wanted)
        report[name] = [f'{float(a):.2f}/{float(b):.2f}' for a, b in zip(share, wanted)]
    print('share of each class, and among the drawings:', json.dumps(report))
    return dict(bias=bias, quantiles=quantiles_of(shortened, truth), spreads={name: out[:, column(name)].std() for name in CLASSES})


@torch.no_grad()
def directions(w, ones):
    """[columns, 64]: the step of each class, along what it adds to w in a linear fit; of lengths JUMPS."""
    mean = ones.mean(0)
    x, y = ones - mean, w - w.mean(0)
    steps, at = torch.linalg.solve(x.T @ x + 20 * torch.eye(x.shape[1]), x.T @ y), 0
    for name, n in CLASSES.items():
        part = slice(at, at + n)
        at += n
        share = mean[part] / mean[part].sum()
        steps[part] -= (share[:, None] * steps[part]).sum(0)
        steps[part] *= JUMPS[name] / (share[:, None] * steps[part].square()).sum().sqrt()
    return steps


def one_hot(chosen):
    """[n, columns]: the classes side by side; those of a part that is not there are 0."""
    return torch.cat([F.one_hot(chosen[name], n).float() * ((chosen[SEEN_WITH[name]] == 1).float()[:, None] if name in SEEN_WITH else 1) for name, n in CLASSES.items()], 1)


def learn(args):
    """The linear net: its classes from the decisions of `read_net`, calibrated, its numbers by least squares; and the steps."""
    torch.manual_seed(26)
    mapping = load(decided=False)[1].requires_grad_(False)
    read = read_net(0.8 * args.minutes)
    known = calibrate(read, mapping)
    net = nn.Linear(M.W_DIM, WIDTH)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-2)
    with torch.no_grad():
        w = mapping(torch.randn(60000, M.W_DIM))
        chosen, _ = choose(read(w), known['bias'])
    start, total = time.time(), 12 * args.minutes
    while time.time() - start < total:
        for group in optimizer.param_groups:
            group['lr'] = 2e-2 * (1.01 - (time.time() - start) / total)
        index, loss = torch.randint(55000, (512,)), 0
        out = net(w[index])
        for name in CLASSES:
            each = F.cross_entropy(out[:, column(name)], chosen[name][index], reduction='none')
            loss = loss + (each * (chosen[SEEN_WITH[name]][index] == 1) if name in SEEN_WITH else each).mean()
        optimizer.zero_grad(set_to_none=True); loss.backward(); optimizer.step()
    net.requires_grad_(False)
    out = net(w[55000:])
    print('linear:', {name: round(float((out[:, column(name)].argmax(1) == chosen[name][55000:]).float().mean()), 3) for name in CLASSES}, flush=True)
    with torch.no_grad():
        truncated = mapping.w_avg.lerp(w, 0.6 + 0.4 * torch.rand(len(w), 1))
        x = torch.cat((truncated, torch.ones(len(w), 1)), 1)
        solution = torch.linalg.solve(x.T @ x + 0.1 * torch.eye(M.W_DIM + 1), x.T @ read(truncated))
        for name in [*M.NAMES, *DETAILS]:
            if name not in CLASSES:
                net.weight[column(name)], net.bias[column(name)] = solution[:-1, column(name)].T, solution[-1, column(name)]
        state = dict(net=net.state_dict(), **calibrate(net, mapping))
        state['steps'] = directions(w, one_hot(choose(net(w), state['bias'])[0]))
    torch.save(state, PATH + '.tmp')
    os.replace(PATH + '.tmp', PATH)


def settle(args):
    """A linear net of w of the moved mapping: its classes from the decisions so far, its numbers and colours from theirs; calibrated anew."""
    torch.manual_seed(46)
    decider, mapping = Decider(settled=False), M.Mapping.of(torch.load(MOVED)).requires_grad_(False)
    net = nn.Linear(M.W_DIM, WIDTH).requires_grad_(False)
    with torch.no_grad():
        z = torch.randn(40000, M.W_DIM)
        before, w = decider.mapping(z), mapping(z)
        chosen, _ = decider.classes(before)
        x, read = torch.cat((w, torch.ones(len(w), 1)), 1), decider.net(before)
        solution = torch.linalg.solve(x.T @ x + 0.1 * torch.eye(M.W_DIM + 1), x.T @ read)
        net.weight.copy_(solution[:-1].T); net.bias.copy_(solution[-1])
    held, right = 35000, {}
    for name, classes in CLASSES.items():
        seen = chosen[SEEN_WITH[name]] == 1 if name in SEEN_WITH else torch.ones(len(w), dtype=torch.bool)
        part = nn.Linear(M.W_DIM, classes)
        optimizer = torch.optim.LBFGS(part.parameters(), max_iter=80)
        train = seen.clone()
        train[held:] = False

        def step():
            optimizer.zero_grad()
            loss = F.cross_entropy(part(w[train]), chosen[name][train]) + 1e-3 * part.weight.square().sum()
            loss.backward()
            return loss
        optimizer.step(step)
        with torch.no_grad():
            net.weight[column(name)], net.bias[column(name)] = part.weight, part.bias
            test = seen & ~train
            right[name] = round(float((part(w[test]).argmax(1) == chosen[name][test]).float().mean()), 3)
    print('as before:', right, flush=True)
    state = dict(net=net.state_dict(), mapping=mapping.state_dict(), **calibrate(net, mapping, AS_DRAWN))
    torch.save(state, SETTLED + '.tmp')
    os.replace(SETTLED + '.tmp', SETTLED)


class Decider:
    """What is drawn for w: of the mapping of the second round, or, settled, of the moved one."""

    def __init__(self, settled=None, path=None):
        self.settled = path is not None or os.path.exists(SETTLED) if settled is None else settled
        state = torch.load(path or (SETTLED if self.settled else PATH))
        self.net = nn.Linear(M.W_DIM, WIDTH).requires_grad_(False)
        self.net.load_state_dict(state['net'])
        self.bias, self.quantiles, self.spreads, self.steps = (state.get(name) for name in ('bias', 'quantiles', 'spreads', 'steps'))
        self.mapping = M.Mapping.of(state['mapping']).requires_grad_(False) if self.settled else load(decided=False)[1].requires_grad_(False)

    def classes(self, w):
        return choose(self.net(w), self.bias)

    def numbers(self, w, psi):
        """The net's columns of numbers and colours: of w truncated a part as far as `psi`; the tilt, which moves every edge, as far."""
        out = self.net(self.mapping.w_avg.lerp(w, 1 - (1 - psi) * (FOLLOWS if self.settled else 0.5)))
        if self.settled:
            out[:, column('tilt')] = self.net(self.mapping.w_avg.lerp(w, psi))[:, column('tilt')]
        return out

    def rows(self, z, psi):
        """(rows of draw.mjs [n, 26], how near boundaries are [n]): classes by w, numbers by w truncated."""
        w, columns = self.mapping(z), {}
        chosen, margins = self.classes(w)
        out = self.numbers(w, psi)
        if self.settled:
            chosen = plain(chosen)
        def quantile(x, name):
            return torch.from_numpy(np.interp(x.numpy(), *(q.numpy() for q in self.quantiles[name])).astype(np.float32))
        for name in [*M.NAMES, *DETAILS]:
            if name in CLASSES:
                columns[name] = chosen[name].float()
            elif name == 'hue':
                columns[name] = quantile(angle(out), name) % 6
            else:
                o = out[:, column(name)][:, 0]
                columns[name] = (quantile(o, name) if name in NUMBERS else o).clamp(0, 1)
        for name in ('beardKind', 'glassesKind'):
            columns[name] = torch.where(columns[SEEN_WITH[name]] == 1, columns[name], torch.tensor(-1.0))
        rows = torch.stack(list(columns.values()), 1).numpy().astype(np.float32)
        rows[:, -6:-3] = tinted(rows[:, -6:-3], HAIR_COLOUR[chosen['hair'].numpy()], 0.1)
        rows[:, -3:] = tinted(rows[:, -3:], rows[:, -6:-3], 0.05)
        if self.settled:
            contrasted(rows)
        return rows, nearness(chosen, margins, self.spreads)


def found(count):
    """z that the gradient flow finds for random targets, by heads of z where there are some, else by the heads of the second round."""
    if os.path.exists(f'{M.DATA}/margins.pt'):
        from heads import margin_samples
        return torch.cat([margin_samples(min(500, count - i), True) for i in range(0, count, 500)])
    _, mapping, heads, _ = load(rendered=False)
    out = []
    for i in range(0, count, 500):
        targets = random_targets(min(500, count - i))
        tau = float(np.random.choice([1.0, 2.0, 5.0, 5.0]))
        out.append(follow(mapping, heads, torch.randn(len(targets), M.W_DIM), targets, truncation=float(np.random.choice([0.7, 0.7, 0.85, 1.0])), tau=tau, steps=int(12 * tau))[0])
    return torch.cat(out)


def pair(args):
    """z, truncations, rows, and how near a decision they are; portraits that are never drawn are left out."""
    torch.manual_seed(1000 + args.seed); np.random.seed(1000 + args.seed)
    decider = Decider()
    z = torch.cat((torch.randn(args.count - args.count // 5, M.W_DIM), found(args.count // 5)))
    psi = 0.5 + 0.5 * torch.rand(len(z), 1)
    draw = torch.rand(len(z))
    psi[draw < 0.45], psi[draw > 0.85] = 0.7, 1.0
    rows, near = decider.rows(z, psi)
    if decider.settled and not os.path.exists(f'{M.DATA}/settled-before.pt'):  # margins of w that steps say little of how near a decision is; sharpened, what is near is undecided
        earlier = Decider(settled=False)
        near = nearness(*earlier.classes(earlier.mapping(z)), earlier.spreads)
    never = (rows[:, 0] == 1) & (rows[:, 2] == 1) & (rows[:, 3] == 1) & (rows[:, 4] == M.HAIR.index('red'))
    path = f'{M.DATA}/pairs-{args.seed:02d}'
    rows[~never].tofile(f'{path}.rows.f32')
    for name, value in (('z', z), ('psi', psi), ('near', near)):
        np.save(f'{path}.{name}.npy', value.numpy()[~never])
    print(path, int((~never).sum()), 'pairs;', int(never.sum()), 'left out', time.strftime('%H:%M:%S'))


class Tail(nn.Module):
    """Layers more, weights as they count. They begin by passing `kept` of w on: w and -w side by side in 128 units of each, and what the last
    activation does to negative numbers undone before it."""

    def __init__(self, hidden=320, middle=2, kept=KEPT):
        super().__init__()
        n = M.W_DIM
        sizes = [n, *[hidden] * (middle + 1), n, n]
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
        with torch.no_grad():
            for layer in self.layers:
                layer.weight.normal_(0, math.sqrt(1 / layer.in_features / 1.04))
                layer.bias.zero_()
            one, gain = torch.eye(n), 1 / (1.2 * math.sqrt(2))  # lrelu(x) - lrelu(-x) is 1.2 x
            both = torch.cat((torch.cat((one, -one), 1), torch.cat((-one, one), 1))) * gain
            first, *between, fourth, last = self.layers
            first.weight[:2 * n] = torch.cat((one, -one))
            for layer in between:
                layer.weight[:2 * n] = 0
                layer.weight[:2 * n, :2 * n] = both
            fourth.weight *= 0.05
            fourth.weight[:, :2 * n] = both[n:] * (kept / math.sqrt(2))
            last.weight.copy_(-5 / math.sqrt(2) * one)  # -5 lrelu(-x) is x above 0 and 5 x below

    def forward(self, x):
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2) * math.sqrt(2)
        return x


@torch.no_grad()
def extended(mapping, tail):
    """The mapping followed by a tail, as one mapping."""
    state = {name: value for name, value in mapping.state_dict().items() if name != 'w_avg'}
    for i, layer in enumerate(tail.layers, mapping.layers):
        state[f'fc{i}.weight'] = layer.weight * (math.sqrt(layer.in_features) / mapping.multiplier)
        state[f'fc{i}.bias'] = layer.bias / mapping.multiplier
    longer = M.Mapping.of({**state, 'w_avg': torch.zeros(M.W_DIM)})
    longer.w_avg.copy_(longer(torch.randn(60000, M.W_DIM)).mean(0))
    return longer


def move(args):
    """The mapping of the second round with a tail, which learns by regression to step where the drawing changes."""
    torch.manual_seed(36)
    decider = Decider()
    before = decider.mapping
    with torch.no_grad():
        rest = (1 - KEPT) * before(torch.randn(50000, M.W_DIM)).mean(0)
        known = torch.cat([before(torch.from_numpy(np.load(f))) for f in sorted(glob.glob(f'{M.DATA}/pairs-*.z.npy'))])

    def wanted(w):
        return rest + KEPT * w + one_hot(decider.classes(w)[0]) @ decider.steps
    tail = Tail()
    average = copy.deepcopy(tail).requires_grad_(False)
    optimizer = torch.optim.Adam(tail.parameters(), lr=2e-3, betas=(0.9, 0.99), foreach=True)
    start, shown, step, total = time.time(), 0, 0, 60 * args.minutes
    while time.time() - start < total:
        for group in optimizer.param_groups:
            group['lr'] = 2e-3 * min(1, (step + 1) / 100) * min(1, 0.01 + 1.6 * (1 - (time.time() - start) / total))
        with torch.no_grad():
            if step % 4 == 0:
                pool = before(torch.randn(1200, M.W_DIM))
            w = torch.cat((pool[torch.randint(len(pool), (384,))], known[torch.randint(len(known), (96,))]))
            target = wanted(w)
        away = (tail(w) - target).square().sum(1)
        loss = (away + 0.05).sqrt().mean()
        optimizer.zero_grad(set_to_none=True); loss.backward(); optimizer.step()
        step += 1
        with torch.no_grad():
            for a, b in zip(average.parameters(), tail.parameters()):
                a.lerp_(b, 1 - min(0.995, (step + 10) / (step + 20)))
        if time.time() - shown > 15:
            shown = time.time()
            print(f'{shown - start:.0f} s, step {step}, squared error {away.mean():.2f}, median {away.median():.2f}', flush=True)
    with torch.no_grad():
        mapping = extended(before, average)
        z = torch.randn(8000, M.W_DIM)
        target = wanted(before(z))
        print(f'variance {target.var(0).sum():.1f}, squared error {(mapping(z) - target).square().sum(1).mean():.2f}')
    torch.save(mapping.state_dict(), MOVED)


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('stage', choices=['learn', 'pair', 'move', 'settle'])
    parser.add_argument('--minutes', type=float, default=2)
    parser.add_argument('--count', type=int, default=12000)
    parser.add_argument('--seed', type=int, default=50)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    {'learn': learn, 'pair': pair, 'move': move, 'settle': settle}[args.stage](args)
