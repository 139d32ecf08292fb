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
from assign import CLASSES, MOVED, NUMBERS, SETTLED, Decider, column
from autoencoder import WEIGHTS as FACE, bump
from pack import load
from reader import DETAILS, details, load_reader, mixed

PATH = f'{M.DATA}/render.pt'
WEIGHTS = 0.75 * FACE + 1.5 + 2 * bump(64, 26, 44, 26)  # hats and the rims of hair count too: they are what stays blurred
# Errors below this count by their squares: flat colours that are a little off are four fifths of the error, and what the eye sees are edges.
SLIGHT = 0.08
SHARP = 1.5  # of the error of differences between neighbouring pixels, against that of the pixels
FAINT = 0.7  # of what such a difference counts, once more where edges are faint
FLOOR = 0.05  # of the variance of w along a direction
GAINS = {'affine': 12, 'colour': 8}  # rates against that of convolutions, whose weights are about as much smaller


@torch.no_grad()
def faintness(image):
    """[n, 1, h, w], 0 to 1.3, the most where the steepest edge within three pixels is a difference of 0.15: the eye sees a blurred edge of gray hair before gray as it does one of black before white."""
    steep = torch.maximum(F.pad(image.diff(dim=2), (0, 0, 1, 0)).abs(), F.pad(image.diff(dim=3), (1, 0)).abs()).amax(1, keepdim=True)
    steep = F.max_pool2d(steep, 7, 1, 3)
    return 0.4 * steep / (steep ** 2 + 0.15 ** 2)


def distance(output, target):
    """Errors of the pixels, of their differences (edges; again by how faint the edges there are), and of two coarser scales (colours), weighted."""
    def size(d, slight):
        return torch.sqrt(d * d + slight ** 2) - slight
    d = output - target
    loss = (size(d, SLIGHT) * WEIGHTS).mean()
    faint = faintness(target)
    for axis, part in ((2, d.diff(dim=2)), (3, d.diff(dim=3))):
        near, weights = (x.narrow(axis, 1, x.shape[axis] - 1) for x in (faint, WEIGHTS))
        loss = loss + SHARP * ((size(part, SLIGHT / 4) + FAINT * size(part * near, SLIGHT / 4)) * weights).mean()
    for _ in range(2):
        d = F.avg_pool2d(d, 2)
        loss = loss + 0.5 * size(d, SLIGHT / 4).mean()
    return loss


def slow(name):
    """More of what is learned slowly: red frames, hats with ears, and gray hair."""
    labels, rest = M.drawings(name)[1], details(name)
    red = (labels[:, M.NAMES.index('glasses')] == 1) & (rest[:, list(DETAILS).index('accessoriesColour')] == 3)
    ears = (labels[:, M.NAMES.index('hat')] == 1) & (rest[:, list(DETAILS).index('hatKind')] == 1)
    return 1.0 * red + 0.3 * ears + 0.2 * (labels[:, M.NAMES.index('hair')] == M.HAIR.index('gray'))


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
            self.share = np.cumsum(np.concatenate([array(name, 'near').astype(np.float64) ** 1.5 + slow(name) for name in names]))
            known = getattr(self, 'errors', np.zeros(0))
            self.errors = np.concatenate((known, np.full(self.ends[-1] - len(known), known.mean() if len(known) else 0.1)))  # files are added at the end
            assert all(len(z) == len(psi) == len(images) for _, z, psi, images in self.files)

    def batch(self, rng, count):
        """Half by chance, a quarter by how near the boundaries of decisions they are or how slowly learned, and a quarter by how far their images were from their drawings when they were last seen."""
        near, far = count // 4, count // 4
        far_share = np.cumsum(self.errors ** 2)
        indices = np.concatenate((rng.integers(0, self.ends[-1], count - near - far), np.searchsorted(self.share, rng.random(near) * self.share[-1]),
                                  np.searchsorted(far_share, rng.random(far) * far_share[-1]))).clip(max=self.ends[-1] - 1)
        zs, psis, images = [], [], []
        for i in indices:
            k = int(np.searchsorted(self.ends, i, 'right'))
            at = int(i - (self.ends[k - 1] if k else 0))
            for found, value in zip((zs, psis, images), self.files[k][1:]):
                found.append(value[at])
        return torch.from_numpy(np.stack(zs)), torch.from_numpy(np.stack(psis)), M.to_tensor(np.stack(images)), indices


@torch.no_grad()
def basis(decider):
    """[64, 64]: w less its mean in coordinates of spread 1 that say one thing each (tilt, glasses, ...), as far as what decides can be told apart. Styles learn
    what w says in a small way as fast as what it says in a large one."""
    w = decider.mapping(torch.randn(20000, M.W_DIM, generator=torch.Generator().manual_seed(5)))
    values, vectors = torch.linalg.eigh(torch.cov(w.T))
    white, colour = ((vectors * (values + FLOOR) ** power) @ vectors.T for power in (-0.5, 0.5))
    rows = torch.cat([decider.net.weight[column(name)] for name in (*NUMBERS, 'hue', *CLASSES)])
    rows, axes = rows @ colour, torch.zeros(0, M.W_DIM)
    for row in torch.cat((rows / rows.norm(dim=1, keepdim=True), torch.eye(M.W_DIM))):
        rest = row - axes.T @ (axes @ row)
        rest = rest - axes.T @ (axes @ rest)
        if len(axes) < M.W_DIM and rest.norm() > 0.1:
            axes = torch.cat((axes, (rest / rest.norm())[None]))
    return axes @ white


@torch.no_grad()
def in_basis(synthesis, matrix, centre):
    """Styles that read matrix (w - centre) where they read w; the module is changed."""
    back = torch.linalg.inv(matrix.double()).float()
    for module in synthesis.modules():
        if isinstance(module, M.Affine):
            module.bias += module.weight @ centre * module.gain
            module.weight.copy_(module.weight @ back)
    return synthesis


@torch.no_grad()
def out_of_basis(synthesis, matrix, centre):
    """The inverse, of a copy."""
    synthesis = copy.deepcopy(synthesis)
    for module in synthesis.modules():
        if isinstance(module, M.Affine):
            module.weight.copy_(module.weight @ matrix)
            module.bias -= module.weight @ centre * module.gain
    return synthesis


class Training:
    """Networks, averages and optimizers, as they are in the checkpoint or, without one, as the second round and assign.py left them."""

    def __init__(self, fresh):
        before, known, _, _ = load(decided=False)
        self.mapping = M.Mapping.of(torch.load(MOVED)).requires_grad_(False)
        self.net = nn.ModuleDict({'synthesis': before.to(memory_format=torch.channels_last), 'pixels': PixelDiscriminator().to(memory_format=torch.channels_last),
                                  'features': FeatureDiscriminators().to(memory_format=torch.channels_last)})
        reread(self.net['synthesis'], known, self.mapping)
        self.step, self.spent, state = 0, 0, torch.load(PATH) if os.path.exists(PATH) and not fresh else None
        for earlier in (f'{M.DATA}/adversarial.pt', f'{M.DATA}/render-once.pt'):  # of the round before, and of the mapping before `sharpen.py --again`
            if os.path.exists(earlier):
                net = torch.load(earlier)['net']
                for name in ('pixels', 'features'):
                    self.net[name].load_state_dict({k[len(name) + 1:]: v for k, v in net.items() if k.startswith(name + '.')})
        if state:
            self.mapping = M.Mapping.of(state['mapping']).requires_grad_(False)
            self.net['synthesis'].load_state_dict(M.widened(state['average']))
        self.matrix = basis(Decider(path=SETTLED))
        in_basis(self.net['synthesis'], self.matrix, self.mapping.w_avg)
        self.average = copy.deepcopy(self.net['synthesis']).requires_grad_(False)
        if state and 'spent' in state:  # of this stage: a checkpoint to go on from
            self.net.load_state_dict(state['net'])
        self.net.train().requires_grad_(True)
        groups = {}
        for name, p in self.net['synthesis'].named_parameters():  # of other scales, so that they move as fast
            groups.setdefault(GAINS['affine'] if 'affine' in name else GAINS['colour'] if 'torgb' in name or 'const' in name else 1, []).append(p)
        self.generator = torch.optim.Adam([{'params': p, 'gain': gain} for gain, p in groups.items()], lr=1e-3, betas=(0.9, 0.99), foreach=True)
        self.discriminator = torch.optim.Adam([*self.net['pixels'].parameters(), *self.net['features'].parameters()], lr=1e-3, betas=(0.0, 0.99), foreach=True)
        if state and 'spent' in state:
            self.step, self.spent = state['step'], state['spent']
            self.generator.load_state_dict(state['generator'])
            self.discriminator.load_state_dict(state['discriminator'])
            for group, gain in zip(self.generator.param_groups, groups):
                group['gain'] = gain

    def save(self):
        modules = {name: getattr(self, name).state_dict() for name in ('net', 'mapping', 'generator', 'discriminator')}
        average = out_of_basis(self.average, self.matrix, self.mapping.w_avg).state_dict()
        torch.save(dict(**modules, average=average, step=self.step, spent=self.spent), PATH + '.tmp')
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
    half = torch.autocast('cpu', dtype=torch.bfloat16, enabled=args.half, cache_enabled=False)
    saved = shown = time.time()
    start = saved - (training.spent if args.resume else 0)
    total, first = 60 * args.minutes, training.step
    sums, count = np.zeros(5), 0
    while time.time() - start < total:
        step, progress = training.step, (time.time() - start) / total
        fall = min(1, args.final + 1.25 * (1 - progress))
        for optimizer, rate in ((generator, args.lr * fall), (discriminator, 1e-3)):
            for group in optimizer.param_groups:
                group['lr'] = rate * group.get('gain', 1) * min(1, (step - first + 1) / 50)
        z, psi, target, indices = pairs.batch(rng, args.batch)
        with torch.no_grad():
            w = psi * ((training.mapping(z) - training.mapping.w_avg) @ training.matrix.T)
        with half:
            image = net['synthesis'](w, dtype=torch.bfloat16 if args.half else torch.float32)
            features = reader.features(image)
            with torch.no_grad():
                wanted = reader.features(target)
        pixel, feature = distance(image, target), feature_error(features, wanted, WEIGHTS)
        loss = pixel + args.perceptual * feature
        if args.weight:
            for part in discriminators:
                part.requires_grad_(False)
            with half:
                fake = torch.cat((net['pixels'](image), net['features'](features)), 1).float()
                with torch.no_grad():
                    real = torch.cat((net['pixels'](target), net['features'](wanted)), 1).float()
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
            penalise = step % R1_EVERY == 0
            with half:
                mixtures = reader.features(fakes[own:])
                made = torch.cat((net['pixels'](fakes), net['features']([torch.cat((f.detach()[:own], g)) for f, g in zip(features, mixtures)])), 1).float()
            target.requires_grad_(penalise)
            if penalise:
                real = discriminate(net, reader, target)
            else:
                with half:
                    real = torch.cat((net['pixels'](target), net['features'](wanted)), 1).float()
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
        sums[:2] += [pixel.item(), feature.item()]
        with torch.no_grad():
            pairs.errors[indices] = ((image - target).square() * WEIGHTS).mean((1, 2, 3)).sqrt().numpy()
        training.follow(args.decay, first)
        now = time.time()
        if now - shown > 20:
            s = sums / count
            print(f'{(now - start) / 60:.1f} min, step {training.step}, pixels {s[0]:.4f} features {s[1]:.4f} discriminators {s[2]:.4f} '
                  f'gaps {s[3]:.3f} {s[4]:.3f}, {count * args.batch / (now - shown):.1f} images a second', flush=True)
            sums[:], count, shown = 0, 0, now
        if now - saved > SAVE_SECONDS:
            training.spent = now - start
            training.save()
            pairs.look()
            saved = now
    training.spent = 0
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
    parser.add_argument('--resume', action='store_true', help='the schedule too goes on from where an interruption left it')
    parser.add_argument('--half', action='store_true', help='convolutions in bfloat16: twice as fast on processors that have it (AVX512-BF16, AMX)')
    parser.add_argument('--fresh', action='store_true', help='though there is a checkpoint')
    args = parser.parse_args()
    torch.set_num_threads(1)
    train(args)
