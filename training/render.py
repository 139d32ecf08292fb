"""The third round: the synthesis network learns the drawing that assign.py gives each z.

    python3 render.py --minutes 18 --lr 2e-3               pairs alone
    python3 render.py --minutes 45 --weight 0.15           and discriminators

As adversarial.py (its losses and its discriminators), but for what it learns from: pairs of z and a drawing, of assign.py, and w of the mapping
that assign.py moved. Half of each batch is drawn by how near a decision its z is. Schedule, checkpoints (render.pt) and going on after an interruption as there; one process, one thread.
"""
import argparse, copy, glob, os, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from adversarial import R1, R1_EVERY, SAVE_SECONDS, FeatureDiscriminators, PixelDiscriminator, discriminate, feature_error
from assign import MOVED
from autoencoder import WEIGHTS as FACE, bump, loss_of
from pack import load
from reader import load_reader, mixed

PATH = f'{M.DATA}/render.pt'
WEIGHTS = FACE + 0.75 + 2.5 * bump(64, 22, 40, 22)  # hats and the rims of hair count too: they are what stays blurred
GAINS = {'affine': 16, 'colour': 8}  # rates against that of convolutions, whose weights are about as much smaller


class Pairs:
    """z, truncations, and the images of their drawings, over all files."""

    def __init__(self):
        self.files = []
        self.look()

    def look(self):
        names = [os.path.basename(f)[:-len('.z.npy')] for f in sorted(glob.glob(f'{M.DATA}/pairs-*.z.npy'))]
        names = [name for name in names if os.path.exists(f'{M.DATA}/{name}.details.f32')]  # written last: the drawing is done
        if names != [file[0] for file in self.files]:
            def array(name, what):
                return np.load(f'{M.DATA}/{name}.{what}.npy')
            self.files = [(name, array(name, 'z'), array(name, 'psi'), M.drawings(name)[0]) for name in names]
            self.ends = np.cumsum([len(z) for _, z, _, _ in self.files])
            self.share = np.cumsum(np.concatenate([array(name, 'near') for name in names]).astype(np.float64) ** 1.5)
            assert all(len(z) == len(psi) == len(images) for _, z, psi, images in self.files)

    def batch(self, rng, count):
        """Half by chance, half by how near the boundaries of decisions are."""
        even = count - count // 2
        indices = np.concatenate((rng.integers(0, self.ends[-1], even), np.searchsorted(self.share, rng.random(count - even) * self.share[-1])))
        zs, psis, images = [], [], []
        for i in rng.permutation(indices.clip(max=self.ends[-1] - 1)):
            k = int(np.searchsorted(self.ends, i, 'right'))
            at = int(i - (self.ends[k - 1] if k else 0))
            for found, value in zip((zs, psis, images), self.files[k][1:]):
                found.append(value[at])
        return torch.from_numpy(np.stack(zs)), torch.from_numpy(np.stack(psis)), M.to_tensor(np.stack(images))


class Training:
    """Networks, averages and optimizers, as they are in the checkpoint or, without one, as the second round and assign.py left them."""

    def __init__(self, fresh):
        before, known, _, _ = load(decided=False)
        self.mapping = M.Mapping.of(torch.load(MOVED)).requires_grad_(False)
        self.net = nn.ModuleDict({'synthesis': before.to(memory_format=torch.channels_last), 'pixels': PixelDiscriminator(), 'features': FeatureDiscriminators()})
        earlier = f'{M.DATA}/adversarial.pt'
        if os.path.exists(earlier):
            state = torch.load(earlier)['net']
            for name in ('pixels', 'features'):
                self.net[name].load_state_dict({k[len(name) + 1:]: v for k, v in state.items() if k.startswith(name + '.')})
        reread(self.net['synthesis'], known, self.mapping)
        self.step, state = 0, torch.load(PATH) if os.path.exists(PATH) and not fresh else None
        if state:
            self.net.load_state_dict(state['net'])
            self.step = state['step']
        self.net.train().requires_grad_(True)
        self.average = copy.deepcopy(self.net['synthesis']).requires_grad_(False)
        groups = {}
        for name, p in self.net['synthesis'].named_parameters():  # of other scales, so that they move as fast
            groups.setdefault(GAINS['affine'] if 'affine' in name else GAINS['colour'] if 'torgb' in name or 'const' in name else 1, []).append(p)
        self.generator = torch.optim.Adam([{'params': p, 'gain': gain} for gain, p in groups.items()], lr=1e-3, betas=(0.5, 0.99), foreach=True)
        self.discriminator = torch.optim.Adam([*self.net['pixels'].parameters(), *self.net['features'].parameters()], lr=1e-3, betas=(0.0, 0.99), foreach=True)
        if state:
            self.average.load_state_dict(state['average'])
            if 'generator' in state:
                self.generator.load_state_dict(state['generator'])
                self.discriminator.load_state_dict(state['discriminator'])
                for group, gain in zip(self.generator.param_groups, groups):
                    group['gain'] = gain

    def save(self):
        modules = {name: getattr(self, name).state_dict() for name in ('net', 'average', 'mapping', 'generator', 'discriminator')}
        torch.save(dict(**modules, step=self.step), PATH + '.tmp')
        os.replace(PATH + '.tmp', PATH)

    @torch.no_grad()
    def follow(self, decay, first):
        """The average follows what is trained."""
        for a, b in zip(self.average.parameters(), self.net['synthesis'].parameters()):
            a.lerp_(b, 1 - min(decay, (self.step - first + 10) / (self.step - first + 20)))


@torch.no_grad()
def reread(synthesis, before, after):
    """Styles read w of another mapping as nearly as they can as they read that of the one before (linear regression)."""
    z = torch.randn(20000, M.W_DIM, generator=torch.Generator().manual_seed(1))
    new = torch.cat((after(z), torch.ones(len(z), 1)), 1)
    solution = torch.linalg.solve(new.T @ new + torch.eye(M.W_DIM + 1), new.T @ before(z))
    turn, shift = solution[:-1].T, solution[-1]
    for module in synthesis.modules():
        if isinstance(module, M.Affine):
            module.bias += module.weight @ shift * module.gain
            module.weight.copy_(module.weight @ turn)


def train(args):
    training = Training(args.fresh)
    net, generator, discriminator = training.net, training.generator, training.discriminator
    torch.manual_seed(training.step); np.random.seed(training.step)
    rng = np.random.default_rng(training.step)
    pairs, reader = Pairs(), load_reader()
    discriminators = [net['pixels'], net['features']]
    start = saved = shown = time.time()
    total, first = 60 * args.minutes, training.step
    sums, count = np.zeros(5), 0
    while time.time() - start < total:
        step, progress = training.step, (time.time() - start) / total
        fall = min(1, args.final + 2 * (1 - progress))
        for optimizer, rate in ((generator, args.lr * fall), (discriminator, 1e-3)):
            for group in optimizer.param_groups:
                group['lr'] = rate * group.get('gain', 1) * min(1, (step - first + 1) / 50)
        z, psi, target = pairs.batch(rng, args.batch)
        with torch.no_grad():
            w = training.mapping.w_avg.lerp(training.mapping(z), psi)
        image = net['synthesis'](w)
        features = reader.features(image)
        with torch.no_grad():
            wanted = reader.features(target)
        pixel, feature = loss_of(image, target, WEIGHTS), feature_error(features, wanted, WEIGHTS)
        loss = pixel + args.perceptual * feature
        if args.weight:
            for part in discriminators:
                part.requires_grad_(False)
            fake = torch.cat((net['pixels'](image), net['features'](features)), 1)
            with torch.no_grad():
                real = torch.cat((net['pixels'](target), net['features'](wanted)), 1)
            gap = (real - fake).detach().mean(0)
            sums[3:5] += [float(gap[:2].mean()), float(gap[2:].mean())]
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
            made = torch.cat((net['pixels'](fakes), net['features']([torch.cat((f.detach()[:own], g)) for f, g in zip(features, reader.features(fakes[own:]))])), 1)
            penalise = step % R1_EVERY == 0
            target.requires_grad_(penalise)
            real = discriminate(net, reader, target) if penalise else torch.cat((net['pixels'](target), net['features'](wanted)), 1)
            cost = F.softplus(made - real).mean()
            if penalise:
                slope, = torch.autograd.grad(real.sum(), target, create_graph=True)
                cost = cost + R1 * R1_EVERY / 2 * slope.square().sum((1, 2, 3)).mean() / real.shape[1] ** 2 * 0.1
            discriminator.zero_grad(set_to_none=True)
            cost.backward()
            discriminator.step()
            sums[2] += float(cost) * args.every
        training.step += 1
        count += 1
        sums[:2] += [float(pixel), float(feature)]
        training.follow(args.decay, first)
        now = time.time()
        if now - shown > 20:
            s = sums / count
            print(f'{(now - start) / 60:.1f} min, step {training.step}, pixels {s[0]:.4f} features {s[1]:.4f} discriminators {s[2]:.4f} '
                  f'gaps {s[3]:.3f} {s[4]:.3f}, {count * args.batch / (now - shown):.1f} images a second', flush=True)
            sums[:], count, shown = 0, 0, now
        if now - saved > SAVE_SECONDS:
            training.save()
            pairs.look()
            saved = now
    training.save()


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=15)
    parser.add_argument('--weight', type=float, default=0, help='of the discriminators')
    parser.add_argument('--every', type=int, default=2, help='steps of the generator for one of the discriminators')
    parser.add_argument('--perceptual', type=float, default=0.5)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--lr', type=float, default=1e-3)
    parser.add_argument('--final', type=float, default=0.05, help='learning rate at the end, relative')
    parser.add_argument('--decay', type=float, default=0.995)
    parser.add_argument('--fresh', action='store_true', help='though there is a checkpoint')
    args = parser.parse_args()
    torch.set_num_threads(1)
    train(args)
