"""The generator (stylegan2-ada-pytorch conventions, skip architecture, no noise), the encoder, and what they share.

The synthesis network is written to train fast on a CPU: instead of modulating the weights for each sample (a grouped
convolution), activations are scaled by the style, convolved with the shared weight, and scaled by the demodulation
factor, which is the same mathematics; FIR filters are shifted sums.
"""
import math, os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

W_DIM = 64
RESOLUTION = 128
CHANNELS = {4: 128, 8: 128, 16: 96, 32: 64, 64: 32, 128: 24}
DATA = os.environ.get('AVATAR_DATA', '/tmp/avatar')  # large files: drawings, checkpoints, pairs
NAMES = ['glasses', 'smile', 'beard', 'hat', 'hair', 'skin', 'tilt', 'light']
HAIR = ['black', 'brown', 'blond', 'red', 'gray']
KINDS = {'glasses': 'binary', 'smile': 'binary', 'beard': 'binary', 'hat': 'binary', 'hair': 'category',
         'skin': 'scalar', 'tilt': 'scalar', 'light': 'scalar'}
WIDTH = {name: {'binary': 2, 'category': 5, 'scalar': 1}[kind] for name, kind in KINDS.items()}
SLICES, _at = {}, 0
for _name in NAMES:
    SLICES[_name] = slice(_at, _at + WIDTH[_name])
    _at += WIDTH[_name]
TOTAL = _at  # columns of all attributes side by side


def drawings(name, resolution=RESOLUTION):
    """(images [n, r, r, 3] uint8 as a memory map, labels [n, 8]); 64 px are averages of 2x2, made when first asked for"""
    labels = np.fromfile(f'{DATA}/{name}.labels.f32', np.float32).reshape(-1, len(NAMES))
    images = np.memmap(f'{DATA}/{name}.u8', np.uint8, 'r').reshape(-1, 128, 128, 3)[:len(labels)]
    if resolution == 64:
        path = f'{DATA}/{name}64.u8'
        if not os.path.exists(path):
            with open(path + '.tmp', 'wb') as f:
                for i in range(0, len(images), 1000):
                    x = images[i:i + 1000].astype(np.uint16)
                    f.write(((x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2] + 2) // 4).astype(np.uint8).tobytes())
            os.replace(path + '.tmp', path)
        images = np.memmap(path, np.uint8, 'r').reshape(-1, 64, 64, 3)
    return images, labels


def to_tensor(images):
    """uint8 [n, h, w, 3] to float [n, 3, h, w] in [-1, 1]"""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def fir_up(x, dim):
    """Upsampling by 2 along one axis with [1, 3, 3, 1] / 4 (zeros outside)."""
    n = x.shape[dim]
    pad = [0, 0, 0, 0]
    pad[2 * (3 - dim)] = pad[2 * (3 - dim) + 1] = 1
    p = F.pad(x, pad)
    a, b, c = p.narrow(dim, 0, n), p.narrow(dim, 1, n), p.narrow(dim, 2, n)
    even, odd = torch.add(0.75 * b, a, alpha=0.25), torch.add(0.75 * b, c, alpha=0.25)
    return torch.stack((even, odd), dim + 1).flatten(dim, dim + 1)


def upsample(x):
    return fir_up(fir_up(x, 2), 3)


# Transposed 3x3 convolution of stride 2 followed by the FIR filter, as one 3x3 convolution for each of the two phases of
# the output along an axis: PHASES[phase, tap, k] is how much of W[k] the tap carries.
PHASES = torch.tensor([[[0, 1, 3], [3, 3, 1], [1, 0, 0]], [[0, 0, 1], [1, 3, 3], [3, 1, 0]]]) / 4.0
BOTH = torch.einsum('pak,qbl->klpqab', PHASES, PHASES).reshape(9, 36)  # of both axes: [taps of W, phases and taps]


class Affine(nn.Module):
    def __init__(self, w_dim, features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, w_dim))
        self.bias = nn.Parameter(torch.ones(features))
        self.gain = 1 / math.sqrt(w_dim)

    def forward(self, w):
        return F.linear(w, self.weight * self.gain, self.bias)


class Conv(nn.Module):
    """Modulated, demodulated 3x3 convolution; `up` doubles the resolution first."""

    def __init__(self, inputs, outputs, up):
        super().__init__()
        self.up = up
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(inputs * 9))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = Affine(W_DIM, inputs)

    def forward(self, x, w):
        style = self.affine(w)
        demodulation = torch.rsqrt(F.linear(style.square(), self.weight.square().sum((2, 3))) + 1e-8) * math.sqrt(2)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            outputs, inputs = self.weight.shape[:2]
            phases = (self.weight.reshape(-1, 9) @ BOTH).reshape(outputs, inputs, 4, 3, 3).transpose(1, 2).flatten(0, 1)
            x = F.pixel_shuffle(F.conv2d(x, phases.to(x.dtype), padding=1), 2)
        else:
            x = F.conv2d(x, self.weight.to(x.dtype), padding=1)
        bias = self.bias[None, :, None, None] * math.sqrt(2)  # the gain sqrt 2 of the activation, moved before it
        return F.leaky_relu(torch.addcmul(bias.to(x.dtype), x, demodulation[:, :, None, None].to(x.dtype)), 0.2)


class ToRgb(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine = Affine(W_DIM, inputs)
        self.gain = 1 / math.sqrt(inputs)

    def forward(self, x, w):
        style = self.affine(w) * self.gain
        return F.conv2d(x.float() * style[:, :, None, None], self.weight, self.bias)


class Block(nn.Module):
    def __init__(self, inputs, outputs, first):
        super().__init__()
        if first:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        else:
            self.conv0 = Conv(inputs, outputs, True)
        self.conv1 = Conv(outputs, outputs, False)
        self.torgb = ToRgb(outputs)


class Synthesis(nn.Module):
    def __init__(self):
        super().__init__()
        previous = None
        for r, c in CHANNELS.items():
            setattr(self, f'b{r}', Block(previous, c, previous is None))
            previous = c

    def forward(self, w, resolution=RESOLUTION, dtype=torch.float32):
        """w: [n, 64], one style for all layers. `dtype` is that of the 3x3 convolutions; styles and images are float32."""
        x = image = None
        for r in CHANNELS:
            if r > resolution:
                break
            block = getattr(self, f'b{r}')
            x = block.const.to(dtype).expand(len(w), -1, -1, -1) if r == 4 else block.conv0(x, w)
            x = block.conv1(x, w)
            rgb = block.torgb(x, w)
            image = rgb if image is None else upsample(image) + rgb
        return image


def widened(state):
    """The state of a narrower synthesis network as one of this width that gives the same images: what is new is random and not yet read."""
    net, wide = Synthesis(), {}
    for name, new in net.state_dict().items():
        old = state[name]
        if old.shape == new.shape:
            wide[name] = old
            continue
        if name.endswith('affine.weight') or name.endswith('affine.bias'):
            new = new.clone()  # styles of new channels: 1 in the mean
        elif 'torgb' in name:
            new = torch.zeros_like(new)
            old = old * math.sqrt(new.shape[1] / old.shape[1])  # of its gain
        elif name.endswith('bias'):
            new = torch.zeros_like(new)
        else:
            new = new.clone()
            new[:old.shape[0], old.shape[1]:] = 0
        new[tuple(slice(0, n) for n in old.shape)] = old
        wide[name] = new
    return wide


class Mapping(nn.Module):
    """Dense layers of lr multiplier 0.01; `sizes` are the widths of what goes in and comes out of each."""

    def __init__(self, sizes=(W_DIM, *[256] * 7, W_DIM), multiplier=0.01):
        super().__init__()
        self.sizes, self.layers, self.multiplier = list(sizes), len(sizes) - 1, multiplier
        for i, (a, b) in enumerate(zip(self.sizes, self.sizes[1:])):
            layer = nn.Module()
            layer.weight = nn.Parameter(torch.randn(b, a) / multiplier)
            layer.bias = nn.Parameter(torch.zeros(b))
            setattr(self, f'fc{i}', layer)
        self.register_buffer('w_avg', torch.zeros(W_DIM))

    @classmethod
    def of(cls, state):
        """The mapping whose state this is, of as many layers as it has."""
        weights = [state[f'fc{i}.weight'] for i in range(sum(name.endswith('.weight') for name in state))]
        net = cls([weights[0].shape[1], *(w.shape[0] for w in weights)])
        net.load_state_dict(state)
        return net.eval()

    def forward(self, z, truncation=1.0):
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for i in range(self.layers):
            layer = getattr(self, f'fc{i}')
            x = F.linear(x, layer.weight * (self.multiplier / math.sqrt(self.sizes[i])), layer.bias * self.multiplier)
            x = F.leaky_relu(x, 0.2) * math.sqrt(2)
        return x if truncation == 1 else self.w_avg.lerp(x, truncation)


class Encoder(nn.Module):
    """64 px image to w: folded by 2 so that thin lines are kept, then convolutions at 32, 16, 8, 4 px."""

    def __init__(self):
        super().__init__()
        def conv(a, b, stride=1):
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.1))
        self.body = nn.Sequential(nn.PixelUnshuffle(2), conv(12, 48), conv(48, 96, 2), conv(96, 128, 2), conv(128, 160, 2))
        self.fc = nn.Linear(160 * 16, W_DIM)
        self.norm = nn.BatchNorm1d(W_DIM, affine=False, momentum=0.02)  # w has mean 0 and variance 1 in each dimension

    def forward(self, image):
        return self.norm(self.fc(self.body(image).flatten(1)))
