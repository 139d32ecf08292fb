"""Sharpens the decisions of the synthesis network: the end of the training.

    python3 adversarial.py --minutes 15                     pairs alone
    python3 adversarial.py --minutes 25 --weight 0.1        and discriminators

Between two drawings (with a hat and without) the autoencoder's decoder gives something of both: half-hats, hair of two
colours, ghosts of glasses. reader.py gives w of the generator, truncated as people use them, the drawing nearest to its
image; here the synthesis network learns to give just that, by the losses of autoencoder.py and layers of the reader. The mapping stays
as it is, and with it the slopes that the gradient flow needs.

Discriminators compare the image of w and its drawing, which have the same content (relativistic, in pairs), so that what
they see is how an image is made and not what it shows. One looks at the pixels, four at layers of the reader (frozen).
Further fakes are drawings mixed with other drawings (reader.mixed), the very thing that is to go.

The schedule is by the clock. Checkpoints go to adversarial.pt every three minutes, with optimizers; a run that finds one
goes on from it (`--fresh`: does not). Pairs are all files pairs-*.w.npy under $AVATAR_DATA, looked for again with every checkpoint.
Half of each batch is drawn by how far the images were from their drawings when they were paired.
Several processes of one thread each update shared weights without locks.
"""
import argparse, copy, glob, os, time
import numpy as np
import torch
import torch.multiprocessing as multiprocessing
import torch.nn as nn
import torch.nn.functional as F
import model as M
from autoencoder import WEIGHTS, loss_of
from pack import load
from reader import load_reader, mixed

PATH = f'{M.DATA}/adversarial.pt'
SAVE_SECONDS = 120
LAYERS = {0: 0.25, 1: 0.5, 2: 1.0, 3: 1.0}  # of the reader: weights of the errors of their features
R1_EVERY, R1 = 12, 2.0


class PixelDiscriminator(nn.Module):
    """One logit a patch of about 50 px, and one for the whole."""

    def __init__(self):
        super().__init__()
        def conv(a, b):
            return nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.LeakyReLU(0.2))
        self.body = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 24, 3, 1, 1), nn.LeakyReLU(0.2), conv(24, 48), conv(48, 96), conv(96, 128))
        self.patch = nn.Conv2d(128, 1, 1)
        self.whole = nn.Sequential(nn.Conv2d(128, 64, 3, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64 * 16, 1))

    def forward(self, image):
        x = self.body(image)
        return torch.cat((self.patch(x).mean((2, 3)), self.whole(x)), 1)


class FeatureDiscriminators(nn.Module):
    """One for each layer of the reader, on features of a fixed scale; logits [n, 4]."""

    def __init__(self, widths=(32, 64, 96, 128)):
        super().__init__()
        self.heads = nn.ModuleList()
        for k, width in enumerate(widths):
            layers, size = [nn.Conv2d(width, 48, 1), nn.LeakyReLU(0.2)], 64 >> k
            while size > 4:
                layers += [nn.Conv2d(48, 48, 3, 2, 1), nn.LeakyReLU(0.2)]
                size //= 2
            self.heads.append(nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * 16, 1)))

    def forward(self, features):
        return torch.cat([head(f) for head, f in zip(self.heads, features)], 1)


class Pairs:
    """w and the images of their drawings, over all files."""

    def __init__(self):
        self.files = []
        self.look()

    def look(self):
        names = [os.path.basename(f)[:-len('.w.npy')] for f in sorted(glob.glob(f'{M.DATA}/pairs-*.w.npy'))]
        names = [name for name in names if os.path.exists(f'{M.DATA}/{name}.labels.f32')]  # written last: the drawing is done
        if names != [file[0] for file in self.files]:
            known = {file[0]: file for file in self.files}
            self.files = [known.get(name) or (name, torch.from_numpy(np.load(f'{M.DATA}/{name}.w.npy')), M.drawings(name)[0], self.errors(name)) for name in names]
            self.ends = np.cumsum([len(w) for _, w, _, _ in self.files])
            self.errors_so_far = np.concatenate([e for _, _, _, e in self.files])
            assert all(len(w) == len(images) == len(e) for _, w, images, e in self.files)

    @staticmethod
    def errors(name):
        """How far the images of w were from their drawings when they were paired, relative to the mean; at most 4."""
        made, drawn = np.load(f'{M.DATA}/{name}.made.npy', 'r'), M.drawings(name)[0]
        error = np.concatenate([(M.to_tensor(drawn[i:i + 500]).unfold(2, 4, 4).unfold(3, 4, 4).mean((4, 5)) - torch.from_numpy(made[i:i + 500]).float() / 127.5 + 1)
                                .abs().mean((1, 2, 3)).numpy() for i in range(0, len(drawn), 500)])
        return np.minimum(error / error.mean(), 4)

    def indices(self, rng, count):
        """Half by chance, half by the error: what is far from its drawing is what is undecided."""
        even = count - count // 2
        share = self.errors_so_far ** 2
        return np.concatenate((rng.integers(0, self.ends[-1], even), np.searchsorted(np.cumsum(share), rng.random(count - even) * share.sum())))

    def batch(self, rng, count):
        ws, images = [], []
        for i in rng.permutation(self.indices(rng, count).clip(max=self.ends[-1] - 1)):
            k = int(np.searchsorted(self.ends, i, 'right'))
            at = int(i - (self.ends[k - 1] if k else 0))
            ws.append(self.files[k][1][at])
            images.append(self.files[k][2][at])
        return torch.stack(ws), M.to_tensor(np.stack(images))


def feature_error(features, targets, weights=WEIGHTS):
    """Error in layers of the reader; mouths and frames of glasses count more, as in the autoencoder."""
    loss = 0
    for k, weight in LAYERS.items():
        hill = F.interpolate(weights, size=features[k].shape[2:], mode='area')
        loss = loss + weight * ((features[k] - targets[k]).float().abs() * hill).mean()
    return loss


def build():
    """(networks, their average (the synthesis alone), state of the checkpoint or {})"""
    synthesis, mapping, _, _ = load(decided=False)
    net = nn.ModuleDict({'synthesis': synthesis.to(memory_format=torch.channels_last), 'pixels': PixelDiscriminator(), 'features': FeatureDiscriminators()})
    state = torch.load(PATH) if os.path.exists(PATH) else {}
    if state:
        net.load_state_dict(state['net'])
    average = load(rendered=False)[0].requires_grad_(False)  # of the checkpoint, if there is one
    return net.train().requires_grad_(True), average, mapping, state


def optimizers(net, rate):
    groups = {}
    for name, p in net['synthesis'].named_parameters():  # styles and colours carry the content: they may move faster
        groups.setdefault(3 if 'affine' in name else 2 if 'torgb' in name or 'const' in name else 1, []).append(p)
    generator = torch.optim.Adam([{'params': p, 'gain': gain} for gain, p in groups.items()], lr=rate, betas=(0.5, 0.99), foreach=True)
    discriminator = torch.optim.Adam([*net['pixels'].parameters(), *net['features'].parameters()], lr=rate, betas=(0.0, 0.99), foreach=True)
    return generator, discriminator


def save(net, average, mapping, generator, discriminator, step):
    state = dict(net=net.state_dict(), average=average.state_dict(), mapping=mapping.state_dict(), generator=generator.state_dict(),
                 discriminator=discriminator.state_dict(), step=step)
    torch.save(state, PATH + '.tmp')
    os.replace(PATH + '.tmp', PATH)


def discriminate(net, reader, image):
    return torch.cat((net['pixels'](image), net['features'](reader.features(image))), 1)


def work(rank, args, net, average, mapping, state):
    torch.set_num_threads(1)
    step = state.get('step', 0)
    torch.manual_seed(step + rank); np.random.seed(step + rank)
    rng = np.random.default_rng(step + rank)
    pairs, reader = Pairs(), load_reader()
    generator, discriminator = optimizers(net, args.lr)
    if state:
        generator.load_state_dict(state['generator'])
        discriminator.load_state_dict(state['discriminator'])
    discriminators = [net['pixels'], net['features']]
    start = saved = shown = time.time()
    total, first = 60 * args.minutes, step
    sums, count = np.zeros(5), 0
    while time.time() - start < total:
        progress = (time.time() - start) / total
        for optimizer, rate in ((generator, args.lr), (discriminator, 1e-3)):
            for group in optimizer.param_groups:
                group['lr'] = rate * group.get('gain', 1) * min(1, (step - first + 1) / 50)
        for group in generator.param_groups:
            group['lr'] *= min(1, args.final + 2 * (1 - progress))
        w, target = pairs.batch(rng, args.batch)
        image = net['synthesis'](w)
        features = reader.features(image)
        with torch.no_grad():
            wanted = reader.features(target)
        pixel, feature = loss_of(image, target, WEIGHTS), feature_error(features, wanted)
        loss = pixel + args.perceptual * feature
        gap = torch.zeros(())
        if args.weight:
            for part in discriminators:
                part.requires_grad_(False)
            fake = torch.cat((net['pixels'](image), net['features'](features)), 1)
            with torch.no_grad():
                real = torch.cat((net['pixels'](target), net['features'](wanted)), 1)
            gap = (real - fake).mean(0)
            # discriminators are not strong at once: their say grows over the first 150 steps
            loss = loss + args.weight * min(1, (step - first) / 150) * F.softplus(real - fake).mean()
            for part in discriminators:
                part.requires_grad_(True)
        generator.zero_grad(set_to_none=True)
        loss.backward()
        generator.step()
        if args.weight and step % args.every == 0:
            own = args.batch * 3 // 4
            fakes = torch.cat((image.detach()[:own], mixed(target[own:], 0.6, 1)))
            made = net['pixels'](fakes), net['features']([torch.cat((f.detach()[:own], g)) for f, g in zip(features, reader.features(fakes[own:]))])
            penalise = step % R1_EVERY == 0
            target.requires_grad_(penalise)
            real = discriminate(net, reader, target) if penalise else torch.cat((net['pixels'](target), net['features'](wanted)), 1)
            made = torch.cat(made, 1)
            cost = F.softplus(made - real).mean()
            if penalise:
                slope, = torch.autograd.grad(real.sum(), target, create_graph=True)
                cost = cost + R1 * R1_EVERY / 2 * slope.square().sum((1, 2, 3)).mean() / real.shape[1] ** 2 * 0.1
            discriminator.zero_grad(set_to_none=True)
            cost.backward()
            discriminator.step()
            sums[2] += float(cost) * args.every
        step += 1
        count += 1
        sums[:2] += [float(pixel), float(feature)]
        sums[3:] += [float(gap[:2].mean()), float(gap[2:].mean())] if args.weight else 0
        if rank:
            if step % 200 == 0:
                pairs.look()
            continue
        with torch.no_grad():
            for a, b in zip(average.parameters(), net['synthesis'].parameters()):
                a.lerp_(b, 1 - min(args.decay, (step - first + 10) / (step - first + 20)))
        now = time.time()
        if now - shown > 30:
            print(f'{(now - start) / 60:.1f} min, step {step}, pixels {sums[0] / count:.4f} features {sums[1] / count:.4f} discriminators {sums[2] / count:.4f} '
                  f'gaps {sums[3] / count:.3f} {sums[4] / count:.3f}, {count * args.batch / (now - shown):.1f} images a second and worker', flush=True)
            sums[:], count, shown = 0, 0, now
        if now - saved > SAVE_SECONDS:
            save(net, average, mapping, generator, discriminator, step)
            pairs.look()
            saved = now
    if rank == 0:
        save(net, average, mapping, generator, discriminator, step)


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=15)
    parser.add_argument('--weight', type=float, default=0, help='of the discriminators')
    parser.add_argument('--every', type=int, default=2, help='steps of the generator for one of the discriminators')
    parser.add_argument('--perceptual', type=float, default=0.5)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--lr', type=float, default=1e-3)
    parser.add_argument('--final', type=float, default=0.05, help='learning rate at the end, relative')
    parser.add_argument('--decay', type=float, default=0.995)
    parser.add_argument('--fresh', action='store_true', help='from ae.pt and mapping.pt, or what ships, though there is a checkpoint')
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if args.fresh and os.path.exists(PATH):
        os.replace(PATH, PATH + '.before')
    net, average, mapping, state = build()
    net.share_memory()
    processes = [multiprocessing.Process(target=work, args=(rank, args, net, average, mapping, state)) for rank in range(1, args.workers)]
    for p in processes:
        p.start()
    work(0, args, net, average, mapping, state)
    for p in processes:
        p.join()
