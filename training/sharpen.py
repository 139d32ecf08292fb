"""The fifth round: the mapping gets four layers more, after which few w lie between two drawings.

    python3 sharpen.py            settled.pt -> settled.pt, of the longer mapping (the one before stays as settled-before.pt), and render.pt with that mapping
    python3 sharpen.py --again    four layers more, after those (what was stays as settled-once.pt): what is still undecided is a sixth of it

From `assign.py settle` on, what is drawn for a z is what a linear net finds in its w. Near a boundary w says so by little: in 0.43 of all portraits some part
(a cut of hair, the colour of a shirt, a kind of eyes) is nearly as likely another, and the picture is of both. Here w is moved away from such boundaries, along what the two classes
add to w, and no number (tilt, skin, light) is changed. Nothing is
trained. All boundaries are planes, so the layers are written down: the first has the distances from boundaries, the second how far w is short of a margin there
(`Push`) where the two classes lead and their part is there to be seen, the third moves w by as much, and the fourth undoes the third's activation.

Kinds of hats come as often as in the drawings again: what `plain` takes from gray hair is given to the rest (`evened`), and w of gray hair says the kind that is drawn.
"""
import argparse, math, os
import torch
import model as M
from assign import CLASSES, COLOURS_AS_DRAWN, NUMBERS, SETTLED, Decider, Tail, column, drawn, extended, one_hot, plain, quantiles_of
from reader import SEEN_WITH

BEFORE, ONCE = f'{M.DATA}/settled-before.pt', f'{M.DATA}/settled-once.pt'
MARGIN = 0.8  # that w is given, of the median margin of its part
RAMP = 0.08  # of that margin: where w goes from one class to the other
PUSH = 0.9  # of what is short
COVER = 0.99  # of what is undecided; rarer pairs of classes are left
GATE = 2.0  # how fast a push goes away where another class leads
# What an undecided part costs the eye
COSTS = {'glasses': 2, 'hat': 2, 'beard': 2, 'smile': 2, 'hair': 2, 'cut': 1.5, 'eyes': 1.5, 'glassesKind': 1.5, 'brows': 0.7}
BEANIE, CAT, BRIM, CAP = range(4)  # of the kinds of hats: `plain` draws a cap for a beanie, and a brim for a cat, on gray hair


class Geometry:
    """Boundaries of a decider's classes in w, how usual margins are, and what classes add to w."""

    def __init__(self, decider):
        self.decider = decider
        w = self.w = decider.mapping(torch.randn(40000, M.W_DIM))
        self.chosen, margins = decider.classes(w)
        ones = one_hot(self.chosen)
        x, y = ones - ones.mean(0), w - w.mean(0)
        steps, at = torch.linalg.solve(x.T @ x + 20 * torch.eye(x.shape[1]), x.T @ y), 0
        fixed = torch.cat([decider.net.weight[column(name)] for name in (*NUMBERS, 'hue')])
        steps = steps - steps @ fixed.T @ torch.linalg.solve(fixed @ fixed.T, fixed)  # numbers stay
        self.steps, self.usual = {}, {}
        for name, n in CLASSES.items():
            self.steps[name], at = steps[at:at + n], at + n
            self.usual[name] = float(margins[name][self.seen(self.chosen, name)].median())
        self.extra = {name: torch.zeros(n) for name, n in CLASSES.items()}
        gray, plane = (self.chosen['hair'] == M.HAIR.index('gray')).float(), torch.nn.Linear(M.W_DIM, 1)
        optimizer = torch.optim.LBFGS(plane.parameters(), max_iter=60)

        def step():
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(plane(w)[:, 0], gray)
            loss.backward()
            return loss
        with torch.enable_grad():
            optimizer.step(step)
        self.gray = plane.weight.detach()[0], float(plane.bias)  # a plane: positive where hair is gray
        print('gray hair by a plane:', float(((plane(w)[:, 0] > 0) == (gray > 0)).float().mean()))

    @staticmethod
    def seen(chosen, name):
        return chosen[SEEN_WITH[name]] == 1 if name in SEEN_WITH else torch.ones(len(chosen[name]), dtype=torch.bool)

    def logits(self, w, name):
        return self.decider.net(w)[:, column(name)] + self.decider.bias[name] + self.extra[name]

    def difference(self, name, i, k):
        """(weight, bias) of the logit of class i less that of class k."""
        weight, bias = (x[column(name)] for x in (self.decider.net.weight, self.decider.net.bias + 0))
        more = self.decider.bias[name] + self.extra[name]
        return weight[i] - weight[k], bias[i] - bias[k] + more[i] - more[k]

    def classes(self, w):
        """Those that w is to say: of the decider, with what `evened` moved."""
        chosen, _ = self.decider.classes(w)
        kinds = torch.where(chosen['hair'] == M.HAIR.index('gray'), chosen['hatKind'], self.logits(w, 'hatKind').argmax(1))
        return {**chosen, 'hatKind': kinds}

    def apart(self, step, name):
        """A step of part `name` less most of what it does to the classes of other parts."""
        rows = []
        for other in CLASSES:
            if other != name:
                weight = self.decider.net.weight[column(other)]
                rows.append((weight - weight.mean(0)) / self.usual[other] * (2 if other in M.NAMES else 0.3))  # attributes above all
        rows.append(torch.cat([self.decider.net.weight[column(number)] for number in (*NUMBERS, 'hue')]) * 100)
        rows = torch.cat(rows)
        return step - rows.T @ torch.linalg.solve(rows @ rows.T + 0.1 * torch.eye(len(rows)), rows @ step)

    def evened(self):
        """Shifts the boundaries of kinds of hats until each kind is drawn as often as the others."""
        for k in range(80):
            chosen = plain(self.classes(self.w))
            kinds = chosen['hatKind'][chosen['hat'] == 1]
            share = torch.bincount(kinds, minlength=CLASSES['hatKind']) / len(kinds)
            self.extra['hatKind'] -= 2 * self.decider.spreads['hatKind'] * 0.95 ** k * (share - share.mean())
        print('kinds of hats:', [round(float(x), 3) for x in share])

    def pairs(self):
        """(part, class, class) between which w are undecided, the worst first, to COVER of them."""
        found = []
        for name, n in CLASSES.items():
            top = self.logits(self.w, name).topk(2, 1)
            tie = (top.values[:, 0] - top.values[:, 1] < MARGIN / 2 * self.usual[name]) & self.seen(self.chosen, name)
            for i in range(n):
                for k in range(i):
                    both = (top.indices == i).any(1) & (top.indices == k).any(1)
                    found.append((COSTS.get(name, 1) * float((tie & both).float().mean()), name, i, k))
        found.sort(reverse=True)
        total, so_far, kept = sum(f[0] for f in found), 0.0, []
        for cost, *pair in found:
            if so_far <= COVER * total:
                kept.append(tuple(pair))
            so_far += cost
        return kept

    def undecided(self, w, chosen):
        """Share of w whose margin is below a quarter of the usual, of each part and of any."""
        report, some = {}, torch.zeros(len(w), dtype=torch.bool)
        for name in CLASSES:
            o, own = self.decider.net(w)[:, column(name)] + self.decider.bias[name], chosen[name][:, None]
            margin = o.gather(1, own)[:, 0] - o.scatter(1, own, -1e9).max(1).values
            low = (margin < self.usual[name] / 4) & self.seen(chosen, name)
            report[name] = round(float(low.float().mean()), 3)
            some |= low
        return {**report, 'any': round(float(some.float().mean()), 3)}


class Units:
    """The first layer: activations of planes (weight . w + bias), each once."""

    def __init__(self):
        self.rows, self.index = [], {}

    def of(self, key, weight, bias):
        if key not in self.index:
            self.index[key] = len(self.rows)
            self.rows.append((weight, bias))
        return self.index[key]


class Push:
    """A unit of the second layer, max(0, this): a sum of max(0, plane), of planes, and a constant; and what w is moved by for each 1 of it.
    max(0, x) is (lrelu(x) - 0.2 x) / 0.8."""

    def __init__(self, units, direction, constant=0.0):
        self.units, self.direction = units, direction
        self.of_units, self.of_w, self.constant = {}, torch.zeros(M.W_DIM), constant

    def plane(self, scale, weight, bias):
        self.of_w = self.of_w + scale * weight
        self.constant = self.constant + scale * float(bias)

    def ramp(self, scale, key, weight, bias):
        """+ scale * max(0, weight . w + bias)"""
        unit = self.units.of(key, weight, bias)
        self.of_units[unit] = self.of_units.get(unit, 0.0) + scale / 0.8
        self.plane(-0.25 * scale, weight, bias)
        return self

    def beyond(self, scale, geometry, name, i, k, at=0.0):
        """+ scale * max(0, logit of i less that of k, less at); the plane of the two is one unit, whichever way it is asked for."""
        sign, (a, b) = (1, (i, k)) if i > k else (-1, (k, i))
        weight, bias = geometry.difference(name, a, b)
        bias = bias - sign * at
        self.ramp(scale, (name, a, b, round(sign * at, 5)), weight, bias)
        if sign < 0:  # max(0, -x) = max(0, x) - x
            self.plane(-scale, weight, bias)
        return self


def pushes(geometry, units):
    """Away from the boundary of every pair, and gray hair off beanies and cats."""
    found = []
    for name, i, k in geometry.pairs():
        usual = MARGIN * geometry.usual[name]
        step = geometry.steps[name][i] - geometry.steps[name][k]
        if float(geometry.extra[name].abs().max()) > 0:
            step = geometry.apart(step, name)
        step = step / (geometry.difference(name, i, k)[0] @ step)
        for a, b, sign in ((i, k, 1), (k, i, -1)):
            shift = float(geometry.extra[name][a] - geometry.extra[name][b])  # of the boundary: w is to get over where it was, too
            margin = usual + shift
            if margin <= RAMP * usual:
                continue
            ramp, push = RAMP * usual, PUSH if shift <= 0 else 1.0
            height = push * (margin - ramp)
            unit = Push(units, sign * step)
            for scale, at in ((height / ramp, 0.0), (-height / ramp - push, ramp), (push, margin)):
                unit.beyond(scale, geometry, name, a, b, at)
            for other in range(CLASSES[name]):
                if other not in (a, b):
                    unit.beyond(-GATE * height / usual, geometry, name, other, a)
            if name in SEEN_WITH:
                unit.beyond(-GATE * height / usual, geometry, SEEN_WITH[name], 0, 1)
            if name == 'hatKind' and abs(shift) > 1:
                unit.ramp(-height, ('gray',), *geometry.gray)
            found.append(unit)
    return [*found, instead(geometry, units, 'hatKind', BEANIE, CAP), instead(geometry, units, 'hatKind', CAT, BRIM)]


def instead(geometry, units, name, kind, drawn):
    """What is of a kind, on gray hair, to the kind that is drawn for it there."""
    step = geometry.apart(geometry.steps[name][drawn] - geometry.steps[name][kind], name)
    (weight, bias), usual, extra = geometry.difference(name, kind, drawn), MARGIN / 2 * geometry.usual[name], geometry.extra[name]
    unit = Push(units, step / -(weight @ step), usual)
    bias = bias - float(extra[kind] - extra[drawn])
    ahead = (geometry.w @ weight + bias)[(geometry.chosen[name] == kind) & geometry.seen(geometry.chosen, name)]
    unit.plane(1.0, weight, bias)  # as far as the kind is ahead, and the margin more
    unit.ramp(-1.0, ('far', name, kind), weight, bias - float(ahead.max()))
    for other in range(CLASSES[name]):
        if other not in (kind, drawn):
            unit.beyond(-2 / RAMP, geometry, name, other, kind, float(extra[other] - extra[kind]))
    unit.beyond(-4 * usual, geometry, SEEN_WITH[name], 0, 1)
    plane, offset = geometry.gray
    unit.ramp(-4 * usual, ('not gray',), -plane, -offset)
    return unit


def written(units, found):
    """The tail of these pushes."""
    n, root = 2 * M.W_DIM, math.sqrt(2)
    tail = Tail(max(n + len(units.rows), n + 2 * len(found)), middle=1, kept=1)
    first, second, third, _ = tail.layers
    first.weight[n:] = 0; second.weight[n:] = 0; third.weight[:, n:] = 0
    for u, (weight, bias) in enumerate(units.rows, n):
        first.weight[u], first.bias[u] = weight, float(bias)
    for j, push in enumerate(found):
        scale = max(1.0, max(abs(x) for x in push.of_units.values()) / 8)  # activations are as large as their weights: float16 holds no steeper ones
        for sign, row, share in ((1, n + 2 * j, 1 / 0.96), (-1, n + 2 * j + 1, 0.2 / 0.96)):  # max(0, x) of lrelu(x) and lrelu(-x)
            for u, of_unit in push.of_units.items():
                second.weight[row, n + u] = sign * of_unit / (root * scale)
            second.weight[row, :n] = sign * torch.cat((push.of_w, -push.of_w)) / (1.2 * root * scale)
            second.bias[row] = sign * push.constant / scale
            third.weight[:, row] -= push.direction * (share * scale / 2)
    return tail


@torch.no_grad()
def main(again):
    torch.manual_seed(60); torch.set_num_threads(1)
    before_path = ONCE if again else BEFORE
    if not os.path.exists(before_path):
        os.replace(SETTLED, before_path)
    decider = Decider(path=before_path)
    geometry, units = Geometry(decider), Units()
    geometry.evened()
    found = pushes(geometry, units)
    tail = written(units, found)
    w = decider.mapping(torch.randn(8000, M.W_DIM))
    before, chosen, moved = decider.classes(w)[0], geometry.classes(w), tail(w)
    numbers = [k for name in NUMBERS for k in range(*column(name).indices(10 ** 6))]
    print(f'{len(found)} pushes of {len(units.rows)} planes, {len(tail.layers[0].bias)} wide; w moved by {(moved - w).norm(dim=1).mean():.2f} of {w.norm(dim=1).mean():.2f}')
    print('undecided before:', geometry.undecided(w, before))
    print('undecided after:', geometry.undecided(moved, decider.classes(moved)[0]))
    print('class as it was to be:', {name: round(float((decider.classes(moved)[0][name] == chosen[name])[geometry.seen(chosen, name)].float().mean()), 3) for name in CLASSES})
    print('numbers moved:', float((decider.net(moved) - decider.net(w))[:, numbers].abs().max()))
    longer = extended(decider.mapping, tail)
    shortened = decider.net(longer.w_avg.lerp(longer(torch.randn(20000, M.W_DIM)), COLOURS_AS_DRAWN))
    quantiles = {**quantiles_of(shortened, drawn()), 'tilt': decider.quantiles['tilt']}
    mapping = longer.state_dict()
    torch.save({**torch.load(before_path), 'mapping': mapping, 'quantiles': quantiles}, SETTLED + '.tmp')
    os.replace(SETTLED + '.tmp', SETTLED)
    path, kept = f'{M.DATA}/render.pt', f"{M.DATA}/render-{'once' if again else 'before'}.pt"
    if not os.path.exists(kept):
        os.replace(path, kept)
    state = torch.load(kept)
    if again:  # what was being learned was told in coordinates of the mapping before: begin anew from the average
        state = {name: state[name] for name in ('average',)}
    torch.save({**state, 'mapping': mapping}, path + '.tmp')
    os.replace(path + '.tmp', path)


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--again', action='store_true')
    main(parser.parse_args().again)
