"""Trains the labeller on drawings with independent attributes, and exports it.

    python3 labeller.py [--epochs 3]

Writes labeller.pt under /tmp/avatar and models/avatar-labeller.onnx (input `image`, outputs `logits` and `features`);
its accuracy on drawings it has not seen goes to /tmp/avatar/labeller.json.
"""
import argparse, json, os, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import model as M
from shipped import read_onnx_weights


class Labeller(nn.Module):
    def __init__(self):
        super().__init__()
        def conv(a, b, stride):
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
        self.body = nn.Sequential(conv(3, 16, 1), conv(16, 48, 2), conv(48, 96, 2), conv(96, 128, 2), conv(128, 128, 2))
        self.fc = nn.Linear(128 * 16, 128)
        self.out = nn.Linear(128, M.TOTAL)

    def forward(self, image):
        """Images of 128 px are halved first; all that it looks at is 64 px."""
        if image.shape[-1] == 128:
            image = F.avg_pool2d(image, 2)
        features = F.relu(self.fc(self.body(image).flatten(1)))
        return self.out(features), features


def load_labeller():
    """As trained; without labeller.pt, as exported (batch norm is in the convolutions there)."""
    net = Labeller()
    path = f'{M.DATA}/labeller.pt'
    if os.path.exists(path):
        net.load_state_dict(torch.load(path))
    else:
        weights = read_onnx_weights()
        convolutions = [value for name, value in weights.items() if name.startswith('onnx::Conv')]
        with torch.no_grad():
            for i, (conv, norm, _) in enumerate(net.body):
                conv.weight.copy_(convolutions[2 * i])
                norm.bias.copy_(convolutions[2 * i + 1])
                norm.running_var.fill_(1 - norm.eps)
            for name in ('fc.weight', 'fc.bias', 'out.weight', 'out.bias'):
                net.get_parameter(name).copy_(weights[name])
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def loss_of(logits, labels, smooth=0.02):
    """Sum over attributes: cross-entropy, or absolute error of a scalar times 4."""
    loss = 0
    for k, name in enumerate(M.NAMES):
        out = logits[:, M.SLICES[name]]
        if M.KINDS[name] == 'scalar':
            loss = loss + 4 * F.smooth_l1_loss(out[:, 0], labels[:, k], beta=0.05)
        else:
            loss = loss + F.cross_entropy(out, labels[:, k].long(), label_smoothing=smooth)
    return loss


def scores(logits, labels):
    """{attribute: accuracy, or mean absolute error of a scalar}"""
    result = {}
    for k, name in enumerate(M.NAMES):
        out = logits[:, M.SLICES[name]]
        if M.KINDS[name] == 'scalar':
            result[name] = float((out[:, 0] - labels[:, k]).abs().mean())
        else:
            result[name] = float((out.argmax(1) == labels[:, k].long()).float().mean())
    return result


def augment(x):
    """What decoders do to drawings: blur, noise, small shifts of place and tone."""
    n = len(x)
    dx, dy = np.random.randint(0, 3, 2)
    size = x.shape[-1]
    x = F.pad(x, (1, 1, 1, 1), mode='replicate')[:, :, dy:dy + size, dx:dx + size]
    blurred = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    a = torch.rand(n, 1, 1, 1)
    x = x.lerp(blurred, a)
    x = x * (1 + 0.03 * torch.randn(n, 1, 1, 1)) + 0.03 * torch.randn(n, 3, 1, 1)
    return x + torch.rand(n, 1, 1, 1) * 0.08 * torch.randn_like(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=3)
    parser.add_argument('--threads', type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(1); np.random.seed(1); torch.set_num_threads(args.threads)
    images, labels = M.drawings('balanced', 64)
    labels = torch.from_numpy(labels)
    net = Labeller().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    batch, start = 64, time.time()
    steps = args.epochs * (len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    step = 0
    for epoch in range(args.epochs):
        order = np.random.permutation(len(images))
        for at in range(0, len(images) - batch + 1, batch):
            index = np.sort(order[at:at + batch])
            x = augment(M.to_tensor(images[index])).contiguous(memory_format=torch.channels_last)
            loss = loss_of(net(x)[0], labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step % 100 == 0:
                torch.save(net.state_dict(), f'{M.DATA}/labeller.pt')
                print(epoch, step, f'{loss.item():.3f} {time.time() - start:.0f} s', flush=True)
    net.eval()
    report = {'seconds': time.time() - start}
    with torch.no_grad():
        for name in ('balanced-fresh', 'fresh'):
            images, labels = M.drawings(name, 64)
            logits = torch.cat([net(M.to_tensor(images[i:i + 250]).contiguous(memory_format=torch.channels_last))[0] for i in range(0, len(images), 250)])
            report[name] = scores(logits, torch.from_numpy(labels))
    print(json.dumps(report, indent=1))
    json.dump(report, open(f'{M.DATA}/labeller.json', 'w'))
    torch.save(net.state_dict(), f'{M.DATA}/labeller.pt')
    export(net)


def export(net):
    net = net.to(memory_format=torch.contiguous_format)
    path = f'{os.path.dirname(os.path.abspath(__file__))}/../models/avatar-labeller.onnx'
    torch.onnx.export(net, torch.zeros(2, 3, M.RESOLUTION, M.RESOLUTION), path + '.tmp', opset_version=13, input_names=['image'], output_names=['logits', 'features'],
                      dynamic_axes={k: {0: 'n'} for k in ('image', 'logits', 'features')})
    os.replace(path + '.tmp', path)
    print(path, os.path.getsize(path), 'bytes')


if __name__ == '__main__':
    main()
