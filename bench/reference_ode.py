"""The reference way of sampling, in plain PyTorch: a peer for bench/ode.ts, written from docs/language.md and the reference numbers.

The mapping network is evaluated once for each attribute, gradients come from autograd, and dopri5 takes one step for the
whole batch in the diffusion's time t, with torchdiffeq's starting step and step-size rule.
Reads lines of JSON on stdin, answers each with a line of JSON on stdout:
    {"folder": ..., "attributes": [...], "targets": [...], "truncation": 0.7, "rtol": 1e-3, "atol": 1e-3, "device": "cuda"}
                                    (device: the processor, where it is not said)
    {"z0": [[...], ...]}            one solve from there: {"seconds": ..., "evaluations": ..., "z": [[...], ...]}
    {"z0": ..., "captured": true}   the same with the gradient as a CUDA graph: as before, or {"trouble": why not}
    {"z0": ..., "gradient": 20}     seconds of each of 20 gradient evaluations there
"""

import json
import os
import sys
import time

import torch
import torch.nn.functional as F

BETA_MIN, BETA_MAX, T_START, T_END, SIGMA = 0.1, 20.0, 1.0, 1e-3, 0.1


def load_mapping(folder, device):
    checkpoint = torch.load(os.path.join(folder, "mapping.pt"), map_location=device)
    style = checkpoint["style"]
    numbers = sorted(int(name.split(".")[0]) for name in style if name.endswith(".weight"))
    layers = [(style[f"{n}.weight"].float(), style[f"{n}.bias"].float()) for n in numbers]
    mean = checkpoint["mean_latent"].float().reshape(1, -1)

    def mapping(z, truncation):
        w = z * torch.rsqrt(torch.mean(z * z, dim=1, keepdim=True) + 1e-8)
        for weight, bias in layers:
            gain = 0.01 / weight.shape[1] ** 0.5
            w = F.leaky_relu(F.linear(w, weight * gain, bias * 0.01), 0.2) * 2**0.5
        return mean + truncation * (w - mean)

    return mapping


def load_head(folder, name, device):
    state = torch.load(os.path.join(folder, f"classifier_{name}.pt"), map_location=device)["state_dict"]
    numbers = sorted(int(key.split(".")[1]) for key in state if key.startswith("net.") and key.endswith(".weight"))
    layers = [(state[f"net.{n}.weight"], state[f"net.{n}.bias"]) for n in numbers]
    last = next(key[: -len(".weight")] for key in state if key.startswith("heads") and key.endswith(".weight"))
    layers.append((state[f"{last}.weight"], state[f"{last}.bias"]))

    def head(w):
        x = w[:, :, None, None]
        for i, (weight, bias) in enumerate(layers):
            x = F.conv2d(x, weight.reshape(weight.shape[0], weight.shape[1], 1, 1).float(), bias.float())
            if i + 1 < len(layers):
                x = F.leaky_relu(x, 0.2)
        return x[:, :, 0, 0]

    return head


# Dormand and Prince's coefficients.
A = [
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
]
C = [1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]
E = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]


class Problem:
    def __init__(self, setup):
        self.device = setup.get("device", "cpu")
        self.mapping = load_mapping(setup["folder"], self.device)
        self.heads = [load_head(setup["folder"], name, self.device) for name in setup["attributes"]]
        self.targets = setup["targets"]
        self.truncation, self.rtol, self.atol = setup["truncation"], setup["rtol"], setup["atol"]

    def gradient(self, z):
        z = z.detach().requires_grad_(True)
        total = 0
        for head, target in zip(self.heads, self.targets):
            out = head(self.mapping(z, self.truncation))
            if out.shape[1] == 1:
                total = total - (out[:, 0] - target) ** 2 / (2 * SIGMA**2)
            else:
                total = total + F.log_softmax(out, dim=1)[:, int(target)]
        return torch.autograd.grad(total.sum(), z)[0]

    def capture(self, z0):
        """The gradient at states of the shape of z0 as a CUDA graph."""
        held = z0.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.gradient(held)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = self.gradient(held)

        def replay(z):
            held.copy_(z)
            graph.replay()
            return found.clone()

        return replay

    def slope(self, t, z):
        self.evaluations += 1
        return -0.5 * (BETA_MIN + (BETA_MAX - BETA_MIN) * t) * self.followed(z)

    def norm(self, x):
        return float(torch.sqrt(torch.mean(x * x)))

    def solve(self, y, gradient=None):
        """dopri5 backwards from T_START to T_END, the last step cut to end there."""
        self.evaluations, self.followed = 0, gradient or self.gradient
        t, sign = T_START, -1.0
        k0 = self.slope(t, y)
        scale = self.atol + self.rtol * y.abs()
        d0, d1 = self.norm(y / scale), self.norm(k0 / scale)
        h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        d2 = self.norm((self.slope(t + sign * h0, y + sign * h0 * k0) - k0) / scale) / h0
        h1 = max(1e-6, h0 * 1e-3) if d1 <= 1e-15 and d2 <= 1e-15 else (0.01 / max(d1, d2)) ** (1 / 5)
        h = min(100 * h0, h1)
        while t > T_END:
            last = h >= t - T_END
            h = min(h, t - T_END)
            k = [k0]
            for row, c in zip(A, C):
                trial = y + sign * h * sum(a * ki for a, ki in zip(row, k) if a != 0)
                k.append(self.slope(t + sign * h * c, trial))
            error = h * sum(e * ki for e, ki in zip(E, k) if e != 0)
            ratio = self.norm(error / (self.atol + self.rtol * torch.maximum(y.abs(), trial.abs())))
            if ratio <= 1:
                y, k0, t = trial, k[-1], T_END if last else t - h
            least = 1.0 if ratio < 1 else 0.2
            h *= 10.0 if ratio == 0 else min(10.0, max(0.9 / ratio**0.2, least))
        return y


def main():
    problem = Problem(json.loads(sys.stdin.readline()))
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        z0 = torch.tensor(request["z0"], dtype=torch.float32, device=problem.device)
        if "gradient" in request:
            seconds = []
            for _ in range(request["gradient"]):
                start = time.perf_counter()
                problem.gradient(z0).cpu()
                seconds.append(time.perf_counter() - start)
            print(json.dumps({"seconds": seconds}), flush=True)
        else:
            gradient = None
            if request.get("captured"):
                try:
                    gradient = problem.capture(z0)
                except Exception as error:
                    print(json.dumps({"trouble": str(error)}), flush=True)
                    continue
            start = time.perf_counter()
            z = problem.solve(z0, gradient).cpu()
            seconds = time.perf_counter() - start
            print(json.dumps({"seconds": seconds, "evaluations": problem.evaluations, "z": z.tolist()}), flush=True)


main()
