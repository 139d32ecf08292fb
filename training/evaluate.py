"""Measures the pack as it is stored (float16 weights) and draws training/grid.png.

    python3 evaluate.py [--samples 64] [--quick]

Reconstruction error; Frechet distance between labeller features of drawings and of generated images; and, most important,
how often the labeller agrees after the gradient flow dz/dtau = grad_z log p(c | w(z)) of tau 0 to 5 at truncation 0.7.
A scalar agrees if the labeller's reading is within 0.15. Figures go to /tmp/avatar/evaluation.json.
"""
import argparse, json, os, time
import numpy as np
import torch
from PIL import Image
import model as M
from heads_model import ask, follow
from labeller import load_labeller, scores
from pack import load

parser = argparse.ArgumentParser()
parser.add_argument('--samples', type=int, default=64)
parser.add_argument('--quick', action='store_true')
parser.add_argument('--threads', type=int, default=1)
TRIPLES = [dict(glasses=1, smile=1, hair='blond'), dict(beard=1, hat=1, hair='gray'), dict(smile=0, hair='black', skin=0.8), dict(glasses=0, beard=0, hat=1),
           dict(hair='red', smile=1, tilt=0.2), dict(glasses=1, light=0.8, hair='brown'), dict(beard=1, hair='brown', light=0.3), dict(hat=0, skin=0.2, tilt=0.7)]
ZERO_SHOT = dict(glasses=1, beard=1, hat=1, hair='red')


def picture(images, columns=8):
    x = images.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
    n, r = len(x) // columns, x.shape[1]
    return Image.fromarray(x[: n * columns].reshape(n, columns, r, r, 3).transpose(0, 2, 1, 3, 4).reshape(n * r, columns * r, 3))


def frechet(a, b):
    def moments(x):
        x = x.double().numpy()
        return x.mean(0), np.cov(x.T)
    (m1, c1), (m2, c2) = moments(a), moments(b)
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c2 @ root), 0)).sum()
    return float(((m1 - m2) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * cross)


def agreement(logits, targets):
    """[n, 8]: True where the labeller agrees, or where nothing was asked."""
    result = torch.ones(targets.shape, dtype=torch.bool)
    for k, name in enumerate(M.NAMES):
        out, asked = logits[:, M.SLICES[name]], ~torch.isnan(targets[:, k])
        value = torch.nan_to_num(targets[:, k])
        good = (out[:, 0] - value).abs() < 0.15 if M.KINDS[name] == 'scalar' else out.argmax(1) == value.long()
        result[:, k] = good | ~asked
    return result


def main():
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    synthesis, mapping, heads, notes = load()
    for part in (synthesis, mapping, heads):
        for value in part.state_dict().values():
            value.copy_(value.half().float())
    synthesis = synthesis.to(memory_format=torch.channels_last)
    labeller = load_labeller()
    temperature = {n: notes.get(n, {}).get('temperature', 1.0) for n in M.NAMES}
    sigma = {n: notes.get(n, {}).get('sigma', 0.1) for n in M.NAMES}
    generate = lambda w: torch.cat([synthesis(w[i:i + 32]) for i in range(0, len(w), 32)]).clamp(-1, 1)
    report, count = {}, 500 if args.quick else 2000

    def read(w):
        with torch.no_grad():
            return [torch.cat(x) for x in zip(*(labeller(synthesis(w[i:i + 32]).clamp(-1, 1)) for i in range(0, len(w), 32)))]

    # how near the images are to drawings
    with torch.no_grad():
        for name in ('balanced-fresh', 'fresh'):
            images, labels = M.drawings(name)
            logits, real = [torch.cat(x) for x in zip(*(labeller(M.to_tensor(images[i:i + 250])) for i in range(0, 4000, 250)))]
            report[f'labeller_{name}'] = scores(logits, torch.from_numpy(labels))
        if os.path.exists(f'{M.DATA}/encoder.pt'):
            encoder = M.Encoder()
            encoder.load_state_dict(torch.load(f'{M.DATA}/encoder.pt'))
            rebuilt = synthesis(encoder.eval()(M.to_tensor(M.drawings('fresh', 64)[0][:256])))
            report['reconstruction_l1'] = float((rebuilt - M.to_tensor(images[:256])).abs().mean())
            picture(torch.cat([M.to_tensor(images[:32]), rebuilt[:32]]), 16).save(f'{M.DATA}/rebuilt.png')
        report['frechet_halves_of_drawings'] = frechet(real[:2000], real[2000:])
        z = torch.randn(count, M.W_DIM, generator=torch.Generator().manual_seed(77))
        for truncation in (1.0, 0.7):
            logits, features = read(mapping(z, truncation))
            report[f'frechet_truncation_{truncation}'] = frechet(real, features)
            if truncation == 1.0:
                report['marginals'] = {n: round(float((logits[:, s].argmax(1) == 1).float().mean() if M.WIDTH[n] == 2 else logits[:, s].mean()), 3) for n, s in M.SLICES.items() if n != 'hair'}
                report['marginals']['hair'] = [round(float(v), 3) for v in torch.bincount(logits[:, M.SLICES['hair']].argmax(1), minlength=5) / count]
        picture(generate(mapping(z[:64], 0.7))).save(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'grid.png'), optimize=True)
        picture(generate(mapping(z[:64], 1.0))).save(f'{M.DATA}/grid1.png')
    print(json.dumps(report, indent=1), flush=True)

    # does the flow do what was asked?
    requests = [(f'{n}={v}', {n: v}) for n in ('glasses', 'smile', 'beard', 'hat') for v in (1, 0)]
    requests += [(f'hair={h}', {'hair': h}) for h in M.HAIR] + [(f'{n}={v}', {n: v}) for n in ('skin', 'tilt', 'light') for v in (0.2, 0.5, 0.8)]
    requests += [(' '.join(f'{k}={v}' for k, v in t.items()), t) for t in TRIPLES] + [('zero-shot', ZERO_SHOT)]
    torch.manual_seed(5)
    sheets, flow = [], {}
    for title, wanted in requests:
        n = args.samples * (2 if title == 'zero-shot' else 1)
        targets = ask(n, **wanted)
        _, w = follow(mapping, heads, torch.randn(n, M.W_DIM), targets, temperature=temperature, sigma=sigma)
        logits, _ = read(w)
        good = agreement(logits, targets)
        flow[title] = round(float(good.all(1).float().mean()), 3)
        parts = ' '.join(f'{M.NAMES[k]} {good[:, k].float().mean():.2f}' for k in range(8) if not torch.isnan(targets[0, k])) if len(wanted) > 1 else ''
        print(f'{title:45s} {flow[title]:.3f}  {parts}', flush=True)
        if len(wanted) > 1:
            with torch.no_grad():
                sheets.append(generate(w[:16]))
    report['flow'] = flow
    report['flow_single'] = round(float(np.mean([flow[t] for t, w in requests if len(w) == 1])), 3)
    report['flow_triple'] = round(float(np.mean([flow[t] for t, w in requests if len(w) == 3])), 3)
    picture(torch.cat(sheets), 16).save(f'{M.DATA}/flow.png')
    print('single', report['flow_single'], 'triple', report['flow_triple'], 'zero-shot', flow['zero-shot'])
    json.dump(report, open(f'{M.DATA}/evaluation.json', 'w'), indent=1)


if __name__ == '__main__':
    main()
