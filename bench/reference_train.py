"""Training attribute heads in plain PyTorch: a peer for bench/train.ts, written from docs/your-own-attributes.md.

The heads of all attributes are stacked into batched products (torch.baddbmm), which on this machine is faster than one module each;
AdamW, warm-up and cosine decay, noise on the latents, validation and the best weights after each epoch, as `lacec train` does.
Reads lines of JSON on stdin, answers each with a line of JSON on stdout:
    {"rows": 10000, "width": 512, "hidden": [384, 256, 128], "heads": 12, "batch": 256, "threads": 2}
    {"epochs": 3, "of": 50}     trains from new weights: {"seconds": ..., "cpu": ..., "accuracy": ...}
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F


def main():
    setup = json.loads(sys.stdin.readline())
    torch.set_num_threads(setup["threads"])
    torch.manual_seed(0)
    rows, width, heads, batch = (setup[k] for k in ("rows", "width", "heads", "batch"))
    latents = torch.randn(rows, width)
    labels = (latents @ torch.randn(width, heads) > 0).long().T.contiguous()
    held = rows // 10
    train_x, train_y = latents[2 * held :], labels[:, 2 * held :]
    held_x, held_y = latents[:held], labels[:, :held]
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)

    def forward(weights, x):
        x = x.expand(heads, *x.shape)
        for i, (weight, bias) in enumerate(weights):
            if i > 0:
                x = F.leaky_relu(x, 0.2)
            x = torch.baddbmm(bias, x, weight)
        return x

    def train(epochs, of):
        widths = [width, *setup["hidden"], 2]
        weights = []
        for a, b in zip(widths, widths[1:]):
            bound = math.sqrt(6 / (1.04 * a))
            weights.append((torch.empty(heads, a, b).uniform_(-bound, bound).requires_grad_(True), torch.zeros(heads, 1, b, requires_grad=True)))
        optimizer = torch.optim.AdamW([p for pair in weights for p in pair], lr=3e-3, weight_decay=0.05)
        per_epoch = len(train_x) // batch
        total, step = of * per_epoch, 0
        warm = max(1, round(0.05 * total))
        best = [float("inf")] * heads
        kept = [p.detach().clone() for pair in weights for p in pair]
        start, spent = time.perf_counter(), time.process_time()
        for _ in range(epochs):
            order = torch.randperm(len(train_x))
            for k in range(per_epoch):
                progress = (step - warm) / (total - warm)
                rate = (step + 1) / warm if step < warm else 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
                for group in optimizer.param_groups:
                    group["lr"] = 3e-3 * rate
                index = order[k * batch : (k + 1) * batch]
                x = train_x[index]
                x = x + 1.3 * torch.rand(batch, 1) * torch.randn_like(x)
                logits = forward(weights, x)
                loss = F.cross_entropy(logits.reshape(-1, 2), train_y[:, index].reshape(-1), reduction="sum") / batch
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                step += 1
            with torch.no_grad():
                logits = forward(weights, held_x)
                losses = F.cross_entropy(logits.transpose(1, 2), held_y, reduction="none").mean(1).tolist()
                for h in range(heads):
                    if losses[h] < best[h]:
                        best[h] = losses[h]
                        for copy, p in zip(kept, (p for pair in weights for p in pair)):
                            copy[h] = p[h]
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "cpu": time.process_time() - spent, "accuracy": float((logits.argmax(2) == held_y).float().mean())}

    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(train(request["epochs"], request["of"])), flush=True)


main()
