"""Pictures whose parts are unclear, mixed from drawings of draw-variants.mjs: what the labeller learns its `unclear` outputs from.

A picture is a portrait blended with a variant of it, evenly, along a soft edge, in blobs, or within a circle; sometimes with a second
variant that changes another place. How much of a part is there is the share of what the variant changes; between bounds (RAMPS) the
part is unclear. Clean and blended pictures are softened alike, so that softness is no cue.
"""
import json, math, sys
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
import model as M

VARIANTS = ['itself', 'glasses', 'smile', 'beard', 'hat', 'hair', 'beardHair', 'otherHat', 'otherCut']
UNCLEAR = ['glasses', 'smile', 'beard', 'hat', 'hair']  # the parts that can be unclear, in the order of the output
MAPS = 9  # channels of `maps`: glasses, smile, beard, hat, then the hair of each colour

# Share of a part that is there: below the first number it is surely absent, from the second on unclear, until the third; above
# the fourth surely there. Thin frames are seen, and a beard's shadow is a beard, before half of them is there.
RAMPS = {'glasses': (0.05, 0.10, 0.18, 0.32), 'smile': (0.25, 0.42, 0.58, 0.75), 'beard': (0.10, 0.18, 0.36, 0.52),
         'hat': (0.10, 0.22, 0.62, 0.78), 'hair': (0.12, 0.25, 0.75, 0.88)}
# Variants that may be blended together: they change different places.
TOGETHER = {'glasses': ['smile', 'beard', 'hat', 'hair', 'beardHair', 'otherHat', 'otherCut'], 'smile': ['glasses', 'hat', 'hair', 'otherHat', 'otherCut'],
            'beard': ['glasses'], 'hat': ['glasses', 'smile', 'beardHair', 'otherCut'], 'hair': ['glasses', 'smile'],
            'beardHair': ['glasses', 'hat', 'otherHat'], 'otherHat': ['glasses', 'smile', 'beardHair'], 'otherCut': ['glasses', 'smile']}
CHANCES = {'glasses': 1, 'smile': 0.8, 'beard': 1, 'hat': 2.2, 'hair': 2.6, 'beardHair': 2, 'otherHat': 0.6, 'otherCut': 0.8}
SEEN = {(1, 0): 0.3, (3, 1): 0.35, (2, 4): 0.35}  # share of the first colour from which on hair has that colour
COLOURS = np.array([[0x22, 0x1e, 0x22], [0x6d, 0x41, 0x22], [0xe6, 0xc1, 0x5c], [0xcc, 0x44, 0x20], [0xb9, 0xbb, 0xc0]], np.float32)


def scenes(name):
    """(images [scenes, variants, 128, 128, 3] uint8 as a memory map, labels [scenes, variants, 9])"""
    images = np.memmap(f'{M.DATA}/{name}.u8', np.uint8, 'r')
    n = len(images) // (len(VARIANTS) * 128 * 128 * 3)
    images = images[:n * len(VARIANTS) * 128 * 128 * 3].reshape(n, len(VARIANTS), 128, 128, 3)
    return images, np.fromfile(f'{M.DATA}/{name}.labels.f32', np.float32).reshape(-1, len(VARIANTS), 9)[:n]


def ramp(share, bounds):
    a, b, c, d = bounds
    return np.interp(share, [a, b, c, d], [0, 1, 1, 0])


def alpha_map(rng, changed):
    """[64, 64]: how much of the variant each place gets; `changed` [64, 64] is where the variant differs."""
    kind = rng.random()
    if kind < 0.3:  # as good as the one or the other
        a = rng.random() * 0.1
        return np.full((64, 64), a if rng.random() < 0.5 else 1 - a, np.float32), True
    if kind < 0.55:
        return np.full((64, 64), 0.1 + 0.8 * rng.random(), np.float32), True
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    places = np.argwhere(changed > 0.25 * changed.max())
    cy, cx = places[rng.integers(len(places))]
    if kind < 0.75:  # a soft edge
        angle = rng.choice([0, math.pi / 2, math.pi, 1.5 * math.pi]) + rng.normal() * 0.3
        field = ((y - cy) * math.cos(angle) + (x - cx) * math.sin(angle)) / (0.5 + 8 * rng.random() ** 2)
    elif kind < 0.9:  # blobs
        size = int(rng.integers(3, 8))
        field = F.interpolate(torch.from_numpy(rng.normal(size=(1, 1, size, size)).astype(np.float32)), (64, 64), mode='bicubic', align_corners=True)[0, 0].numpy()
        field = (field - field[cy, cx]) * (2 + 6 * rng.random())
    else:  # a circle
        radius = 5 + 14 * rng.random()
        field = (radius - np.hypot(y - cy, x - cx)) / (0.7 + 5 * rng.random()) * rng.choice([-1, 1])
    a = 1 / (1 + np.exp(-np.clip(field, -30, 30)))
    low, high = (0, 1) if rng.random() < 0.6 else (0.3 * rng.random(), 1 - 0.3 * rng.random())
    return (low + (high - low) * a).astype(np.float32), False


def evenly_mixed_hair(first, second, share):
    """(class, how unclear): hair dyed evenly between two colours has a colour too, and may be nearest to a third. The eye calls a dark brown
    brown, a brownish red red and a pale blond blond before half of that colour is in it (SEEN)."""
    for (stronger, weaker), least in SEEN.items():
        if {first, second} == {stronger, weaker}:
            of_stronger = share if second == stronger else 1 - share
            return (stronger if of_stronger > least else weaker), float(np.interp(abs(of_stronger - least), [0.03, 0.08], [1, 0]))
    colour = (1 - share) * COLOURS[first] + share * COLOURS[second]
    d = np.sqrt(((colour - COLOURS) ** 2 * [0.3, 0.5, 0.2]).sum(1))
    near, next_ = np.sort(d)[:2]
    return int(d.argmin()), float(np.interp(near / (near + next_ + 1e-6), [0.43, 0.5], [0, 1]))


class Blender:
    """Batches of pictures; `classes` are their soft labels, `unclear` how unclear each part is, `sure` the weights of both."""

    def __init__(self, name, seed):
        self.images, self.labels = scenes(name)
        self.rng = np.random.default_rng(seed)
        self.names, weights = list(CHANCES), np.array(list(CHANCES.values()))
        self.weights = weights / weights.sum()

    def one(self, scene):
        rng, pictures, labels = self.rng, self.images[scene], self.labels[scene]
        own = dict(zip(M.NAMES, labels[0]))
        own_hair = int(own['hair'])
        base = torch.from_numpy(pictures[0].astype(np.float32)).permute(2, 0, 1)
        small = lambda x: F.avg_pool2d(x[None], 2)[0]
        picture = base.clone()
        share = {name: float(own[name]) for name in ('glasses', 'smile', 'beard', 'hat')}
        unclear = dict.fromkeys(UNCLEAR, 0.0)
        hair = np.eye(5, dtype=np.float32)[own_hair]
        weight = dict.fromkeys(UNCLEAR, 1.0)
        # where the parts are, from what their variants change
        difference = {name: (small(torch.from_numpy(pictures[k].astype(np.float32)).permute(2, 0, 1)) - small(base)).abs().mean(0) for k, name in enumerate(VARIANTS) if name in ('glasses', 'smile', 'beard', 'hat', 'hair')}
        masks = {name: (value / 24).clamp(0, 1) for name, value in difference.items()}
        maps = torch.zeros(MAPS, 64, 64)
        for k, name in enumerate(UNCLEAR[:4]):
            maps[k] = masks[name] * own[name]
        maps[4 + own_hair] = masks['hair']
        maps_known = 1.0
        chosen = [rng.choice(self.names, p=self.weights)]
        if chosen[0] == 'beardHair' and not own['beard']:
            chosen = ['hair']
        if rng.random() < 0.55:
            chosen.append(rng.choice(TOGETHER[chosen[0]]))
        third = rng.choice(['glasses', 'smile'])
        if rng.random() < 0.25 and third not in chosen and 'beard' not in chosen:
            chosen.append(third)
        for name in chosen:
            k = VARIANTS.index(name)
            change = torch.from_numpy(pictures[k].astype(np.float32)).permute(2, 0, 1) - base
            d = small(change).abs().mean(0).numpy()
            if d.max() < 2:
                continue
            a, even = alpha_map(rng, d)
            m = float((a * d).sum() / d.sum())
            a = torch.from_numpy(a)
            picture += F.interpolate(a[None, None], (128, 128), mode='bilinear', align_corners=False)[0] * change
            if name in share:
                share[name] = m if labels[k][M.NAMES.index(name)] else 1 - m
                unclear[name] = ramp(share[name], RAMPS[name])
                i = UNCLEAR.index(name)
                maps[i] = masks[name] * (a if not own[name] else 1 - a)
                if name == 'hat':
                    maps_known = 0.0 if not own['hat'] else maps_known  # the hair under the hat is not known
            elif name == 'hair':
                other = int(labels[k][M.NAMES.index('hair')])
                hair = (1 - m) * hair + m * np.eye(5, dtype=np.float32)[other]
                if even:
                    nearest, unclear['hair'] = evenly_mixed_hair(own_hair, other, m)
                    hair = 0.15 * hair + 0.85 * np.eye(5, dtype=np.float32)[nearest]
                    maps_known = 0.0 if 0.1 < m < 0.9 else maps_known
                else:
                    unclear['hair'] = ramp(m, RAMPS['hair'])
                    weight['hair'] = 0.4 if {own_hair, other} == {0, 1} else 1.0
                maps[4 + own_hair] = masks['hair'] * (1 - a)
                maps[4 + other] = masks['hair'] * a
            elif name == 'beardHair' and own['beard']:
                other = int(labels[k][8])
                unclear['hair'] = float(np.interp(m, [0.15, 0.4], [0, 1]))
                hair = 0.75 * hair + 0.25 * ((1 - m) * hair + m * np.eye(5, dtype=np.float32)[other])
                weight['hair'] = 0.4 if {own_hair, other} == {0, 1} else 1.0
                if (masks['hair'] - masks['beard']).clamp_min(0).sum() < 40:
                    weight['hair'] = 0.0  # under a hat the beard is nearly all that shows
                in_beard = masks['beard'] * a
                maps[4 + own_hair] = maps[4 + own_hair] * (1 - in_beard)
                maps[4 + other] = maps[4 + other] + in_beard * masks['hair']
            elif name == 'otherCut':
                maps_known = 0.0
        yes = {name: float(np.interp(share[name], [RAMPS[name][0], (RAMPS[name][1] + RAMPS[name][2]) / 2, RAMPS[name][3]], [0, 0.5, 1])) for name in share}
        classes = np.concatenate([[1 - yes[n], yes[n]] for n in UNCLEAR[:4]] + [hair]).astype(np.float32)
        return (picture.clamp(0, 255) / 127.5 - 1, torch.from_numpy(classes), torch.tensor([unclear[n] for n in UNCLEAR]),
                torch.tensor([weight[n] for n in UNCLEAR]), torch.from_numpy(labels[0][5:8].copy()), F.avg_pool2d(maps[None], 4)[0].clamp(0, 1), torch.tensor(maps_known))

    def batch(self, n):
        """(pictures [n, 3, 128, 128], classes [n, 13], unclear [n, 5], weights [n, 5], scalars [n, 3], maps [n, 9, 16, 16], known [n])"""
        return [torch.stack(x) for x in zip(*(self.one(scene) for scene in self.rng.integers(0, len(self.images), n)))]


def field(n, size, channels=1):
    """[n, channels, 128, 128]: smooth noise of variance about 1"""
    up = F.interpolate(torch.eye(size)[None, None], (128, size), mode='bicubic', align_corners=True)[0, 0]
    return (up @ torch.randn(n * channels, size, size) @ up.T).view(n, channels, 128, 128)


def gauss(x, sigma):
    """Blurred by a Gaussian, the border repeated; written as products with a band matrix, which is faster than depthwise convolution."""
    size, radius = x.shape[-1], max(1, int(2.5 * sigma + 0.5))
    kernel = torch.exp(-torch.arange(-radius, radius + 1).float() ** 2 / (2 * sigma * sigma))
    band, at = torch.zeros(size, size), torch.arange(size)
    for offset, value in zip(range(-radius, radius + 1), kernel / kernel.sum()):
        band.index_put_((at, (at + offset).clamp(0, size - 1)), value.expand(size), accumulate=True)
    return torch.matmul(band, (x.reshape(-1, size) @ band.T).view(x.shape))


def soften(x):
    """What decoders do to drawings, to clean and blended pictures alike: place and size a little off, softness here and there, halos,
    tones, smears of colour, noise."""
    n = len(x)
    scale, shift = 1 + 0.05 * torch.randn(n).clamp(-2, 2), 0.03 * torch.randn(n, 2)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), mode='bilinear', padding_mode='border', align_corners=False)
    soft = gauss(x, 0.5 + 1.7 * np.random.rand())
    softer = F.interpolate(gauss(F.avg_pool2d(x, 2), 0.7 + 1.3 * np.random.rand()), scale_factor=2, mode='bilinear', align_corners=False)
    halo = (torch.rand(n, 1, 1, 1) < 0.4) * torch.rand(n, 1, 1, 1) * 0.7
    x = x.lerp(soft, torch.rand(n, 1, 1, 1) - halo)
    where = torch.sigmoid(3 * field(n, 4) - 1.5) * (torch.rand(n, 1, 1, 1) < 0.6)
    x = x.lerp(softer, where * torch.rand(n, 1, 1, 1))
    x = x + torch.rand(n, 1, 1, 1) * (0.05 * field(n, 8, 3) + 0.06 * field(n, 5))
    x = x * (1 + 0.05 * torch.randn(n, 1, 1, 1)) + 0.03 * torch.randn(n, 3, 1, 1)
    return (x + torch.rand(n, 1, 1, 1) ** 2 * 0.04 * torch.randn_like(x)).clamp(-1.1, 1.1)


def main():
    """python3 blend.py NAME OUT: 64 pictures from NAME as OUT.webp, a sheet of 8 columns, and what is in them as OUT.json."""
    name, out = sys.argv[1:]
    torch.manual_seed(0); np.random.seed(0)
    x, classes, unclear, *_ = Blender(name, 11).batch(64)
    x = soften(x).clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
    Image.fromarray(x.reshape(8, 8, 128, 128, 3).transpose(0, 2, 1, 3, 4).reshape(1024, 1024, 3)).save(f'{out}.webp', quality=90, method=6)
    rows = [{part: {'likeliest': int(c[M.SLICES[part]].argmax()), 'unclear': round(float(u[k]), 2)} for k, part in enumerate(UNCLEAR)} for c, u in zip(classes, unclear)]
    with open(f'{out}.json', 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(row) for row in rows) + '\n]\n')


if __name__ == '__main__':
    main()
