"""How near 1,000 samples are to 2,000 drawings that no net has seen, at truncation 1 and 0.7, and a sheet to count by eye.

    python3 measure.py [--pack FILE.safetensors] [--sheet sheet.png]

Frechet distance between features of the labeller, and between features of a convolutional net of random weights (which no
training can have learned to please); its scale is such that two halves of the drawings are 1.28 apart. Sharpness is the mean square of
the Laplacian, against that of the drawings. Slopes are the singular values of dw/dz.
"""
import argparse, json
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from evaluate import frechet, picture
from labeller import load_labeller
from pack import load
from shipped import part, read_pack

HALVES = 1.28  # of the random net, by definition of its scale


def random_net():
    torch.manual_seed(4321)
    layers, width = [], 3
    for outputs in (16, 32, 64, 96):
        layers += [nn.Conv2d(width, outputs, 4, 2, 1), nn.LeakyReLU(0.2)]
        nn.init.kaiming_normal_(layers[-2].weight, 0.2)
        width = outputs
    body = nn.Sequential(*layers)
    project = torch.randn(96 * 16, 96) / 40

    def features(image):
        return F.adaptive_avg_pool2d(body(image), 4).flatten(1) @ project
    return features


def laplacian(image):
    """Mean square of the Laplacian of the luminance, an image each."""
    x = image.mean(1, keepdim=True)
    return F.conv2d(x, torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])).square().mean((1, 2, 3))


def describe(nets, images):
    """Features by each net, side by side as a list, and sharpness."""
    rows = [[net(x) for net in nets] + [laplacian(x)] for x in images]
    return [torch.cat(column) for column in zip(*rows)]


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--pack', help='in place of what is under $AVATAR_DATA')
    parser.add_argument('--sheet')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--truncations', type=float, nargs='+', default=[1.0, 0.7])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    synthesis, mapping, _, _ = load()
    if args.pack:
        tensors, _ = read_pack(args.pack)
        synthesis.load_state_dict(M.widened(part(tensors, 'synthesis.')))
        mapping = M.Mapping.of(part(tensors, 'mapping.'))
    synthesis = synthesis.to(memory_format=torch.channels_last)
    labeller, net = load_labeller(), random_net()
    nets = [lambda x: labeller(x)[1], net]
    images, _ = M.drawings('fresh')
    real = describe(nets, (M.to_tensor(images[i:i + 50]) for i in range(0, 3000, 50)))
    scale = [1.0, HALVES / frechet(real[1][:2000], real[1][2000:])]
    report = {'halves': [round(scale[k] * frechet(real[k][:2000], real[k][2000:]), 2) for k in range(2)]}
    z = torch.randn(1000, M.W_DIM, generator=torch.Generator().manual_seed(77))
    for truncation in args.truncations:
        w = mapping(z, truncation)
        made = describe(nets, (synthesis(w[i:i + 50]).clamp(-1, 1) for i in range(0, 1000, 50)))
        report[f'truncation {truncation}'] = {'labeller': round(frechet(real[0][:2000], made[0]), 2), 'random net': round(scale[1] * frechet(real[1][:2000], made[1]), 2),
                                              'sharpness': round(float(made[2].mean() / real[2].mean()), 3)}
    with torch.enable_grad():
        slopes = torch.stack([torch.linalg.svdvals(torch.autograd.functional.jacobian(lambda v: mapping(v[None])[0], v)) for v in z[:32]])
    report['slopes: largest, median, 63rd'] = [round(float(slopes[:, k].median()), 3) for k in (0, 31, 62)]
    if args.sheet:
        seen = torch.randn(64, M.W_DIM, generator=torch.Generator().manual_seed(2024))
        picture(synthesis(mapping(seen, 0.7)).clamp(-1, 1)).save(args.sheet, optimize=True)
    print(json.dumps(report))


if __name__ == '__main__':
    main()
