"""StyleGAN2 and StyleGAN3 synthesis in plain PyTorch: a peer for bench/synthesis.ts, written from the papers' formulas
(arXiv 1912.04958, 2106.12423) and docs/packs.md.

Each sample's convolution weights are modulated and demodulated, the batch runs as one grouped convolution, and upfirdn
inserts zeros, pads and convolves each channel with the 4x4 kernel; the filters of StyleGAN3 are applied along rows, then columns,
where they are outer products.
Reads lines of JSON on stdin, answers each with a line of JSON on stdout:
    {"pack": FILE.safetensors, "threads": 2}      loads a pack of docs/packs.md: {"torch": ..., "threads": ...}; "device": the processor, where it is not said
    {"w": [...], "batch": 8}                      so many pictures of w, as bytes on the processor: {"seconds": ...}
    {"w": [...], "image": FILE}                   one picture: {"seconds": ..., "cpu": ...}; its float32 numbers [3, R, R] go to FILE, if named
"""

import json
import struct
import sys
import time

import numpy
import torch
import torch.nn.functional as F


def load_pack(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = json.loads(header.pop("__metadata__")["lace"])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data, numpy.float32, (end - begin) // 4, 8 + length + begin)
        tensors[name] = torch.from_numpy(array.copy()).reshape(entry["shape"])
    return metadata, tensors


def upfirdn(x, kernel, up, pads):
    batch, channels, height, width = x.shape
    if up > 1:
        stuffed = x.new_zeros(batch, channels, height, up, width, up)
        stuffed[:, :, :, 0, :, 0] = x
        x = stuffed.reshape(batch, channels, height * up, width * up)
    x = F.pad(x, [pads[0], pads[1], pads[0], pads[1]])
    weight = kernel.flip(0, 1)[None, None].repeat(channels, 1, 1, 1)
    return F.conv2d(x, weight, groups=channels)


class Synthesis:
    def __init__(self, metadata, tensors):
        self.t = tensors
        self.resolution = metadata["resolution"]
        taps = torch.tensor(metadata["synthesis"]["firKernel"], dtype=torch.float32)
        kernel = torch.outer(taps, taps)
        self.kernel = (kernel / kernel.sum() * 4).to(tensors["synthesis.b4.const"].device)

    def style(self, name, w):
        weight = self.t[f"{name}.affine.weight"]
        return F.linear(w, weight / weight.shape[1] ** 0.5, self.t[f"{name}.affine.bias"])

    def modulated(self, x, weight, style, demodulate, up):
        batch, inputs, height, width = x.shape
        outputs, _, k, _ = weight.shape
        weight = weight[None] * style[:, None, :, None, None]
        if demodulate:
            weight = weight * torch.rsqrt(weight.square().sum([2, 3, 4], keepdim=True) + 1e-8)
        x = x.reshape(1, batch * inputs, height, width)
        if up:
            weight = weight.transpose(1, 2).reshape(batch * inputs, outputs, k, k)
            x = F.conv_transpose2d(x, weight, stride=2, groups=batch)
            x = x.reshape(batch, outputs, x.shape[2], x.shape[3])
            return upfirdn(x, self.kernel, 1, (1, 1))
        x = F.conv2d(x, weight.reshape(batch * outputs, inputs, k, k), padding=k // 2, groups=batch)
        return x.reshape(batch, outputs, height, width)

    def conv(self, x, name, w, up=False):
        x = self.modulated(x, self.t[f"{name}.weight"], self.style(name, w), True, up)
        x = x + self.t[f"{name}.noise_strength"] * self.t[f"{name}.noise_const"]
        return F.leaky_relu(x + self.t[f"{name}.bias"][None, :, None, None], 0.2) * 2**0.5

    def to_rgb(self, x, name, w):
        weight = self.t[f"{name}.weight"]
        x = self.modulated(x, weight, self.style(name, w) / weight.shape[1] ** 0.5, False, False)
        return x + self.t[f"{name}.bias"][None, :, None, None]

    def __call__(self, w):
        x = self.t["synthesis.b4.const"][None].repeat(w.shape[0], 1, 1, 1)
        x = self.conv(x, "synthesis.b4.conv1", w)
        image = self.to_rgb(x, "synthesis.b4.torgb", w)
        resolution = 8
        while resolution <= self.resolution:
            block = f"synthesis.b{resolution}"
            x = self.conv(x, f"{block}.conv0", w, up=True)
            x = self.conv(x, f"{block}.conv1", w)
            image = upfirdn(image, self.kernel, 2, (2, 1)) + self.to_rgb(x, f"{block}.torgb", w)
            resolution *= 2
        return image


def filtered(x, taps):
    """Each channel convolved with taps [n] in both directions, or with a kernel [n, n]; no padding."""
    channels = x.shape[1]
    if taps.ndim == 2:
        return F.conv2d(x, taps.flip(0, 1)[None, None].repeat(channels, 1, 1, 1), groups=channels)
    line = taps.flip(0)[None, None].repeat(channels, 1, 1)
    x = F.conv2d(x, line[:, :, None, :], groups=channels)
    return F.conv2d(x, line[:, :, :, None], groups=channels)


class AliasFreeSynthesis(Synthesis):
    def __init__(self, metadata, tensors):
        self.t = tensors
        self.settings = metadata["synthesis"]
        self.clamp = self.settings.get("clamp", float("inf"))

    def fourier(self, w):
        """Sines at the points of a grid, turned and shifted as the style says."""
        settings, t = self.settings["input"], self.t
        style = self.style("synthesis.input", w)
        style = style / style[:, :2].norm(dim=1, keepdim=True)
        cos, sin = style[:, 0], style[:, 1]
        rotation = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
        transform = t["synthesis.input.transform"]
        linear = rotation @ transform[:2, :2]
        shift = rotation @ (transform[:2, 2] - style[:, 2:])[:, :, None]
        turned = t["synthesis.input.freqs"] @ linear
        phase = (t["synthesis.input.freqs"] @ shift)[:, :, 0] + t["synthesis.input.phases"]
        width, height = settings["size"]
        rate, bandwidth = settings["samplingRate"], settings["bandwidth"]
        x = (torch.arange(width) + 0.5 - width / 2) / rate
        y = (torch.arange(height) + 0.5 - height / 2) / rate
        points = torch.stack([x[None].expand(height, width), y[:, None].expand(height, width)]).reshape(2, -1)
        amplitude = (1 - (turned.norm(dim=2) - bandwidth) / (rate / 2 - bandwidth)).clip(0, 1)
        features = torch.sin(2 * torch.pi * (turned @ points + phase[:, :, None])) * amplitude[:, :, None]
        weight = t["synthesis.input.weight"]
        mixed = weight / weight.shape[0] ** 0.5 @ features
        return mixed.reshape(w.shape[0], -1, height, width)

    def layer(self, x, w, settings):
        name = f"synthesis.{settings['name']}"
        weight, magnitude = self.t[f"{name}.weight"], self.t[f"{name}.magnitude_ema"]
        style = self.style(name, w)
        to_rgb = settings.get("toRgb", False)
        if to_rgb:
            style = style / weight[0].numel() ** 0.5
        else:
            weight = weight * weight.square().mean([1, 2, 3], keepdim=True).rsqrt()
            style = style * style.square().mean(1, keepdim=True).rsqrt()
        weight = weight[None] * style[:, None, :, None, None]
        if not to_rgb:
            weight = weight * torch.rsqrt(weight.square().sum([2, 3, 4], keepdim=True) + 1e-8)
        batch, outputs, inputs, k, _ = weight.shape
        weight = (weight * magnitude.rsqrt()).reshape(batch * outputs, inputs, k, k)
        x = F.conv2d(x.reshape(1, batch * inputs, *x.shape[2:]), weight, padding=k - 1, groups=batch)
        x = x.reshape(batch, outputs, *x.shape[2:]) + self.t[f"{name}.bias"][None, :, None, None]
        if to_rgb:
            return x.clip(-self.clamp, self.clamp)
        up, down = settings["up"], settings["down"]
        if up > 1:
            stuffed = x.new_zeros(batch, outputs, x.shape[2], up, x.shape[3], up)
            stuffed[:, :, :, 0, :, 0] = x
            x = stuffed.reshape(batch, outputs, x.shape[2] * up, x.shape[3] * up)
        x = filtered(F.pad(x, settings["pads"]), self.t[f"{name}.up_filter"]) * up**2
        x = (F.leaky_relu(x, 0.2) * 2**0.5).clip(-self.clamp, self.clamp)
        return filtered(x, self.t[f"{name}.down_filter"])[:, :, ::down, ::down]

    def __call__(self, w):
        x = self.fourier(w)
        for settings in self.settings["layers"]:
            x = self.layer(x, w, settings)
        return x * self.settings["outputScale"]


def main():
    setup = json.loads(sys.stdin.readline())
    torch.set_num_threads(setup["threads"])
    device = setup.get("device", "cpu")
    metadata, tensors = load_pack(setup["pack"])
    tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    network = AliasFreeSynthesis if metadata["architecture"] == "stylegan3" else Synthesis
    synthesis = network(metadata, tensors)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    with torch.no_grad():
        for line in sys.stdin:
            request = json.loads(line)
            w = torch.tensor(request["w"], dtype=torch.float32, device=device)[None]
            if "batch" in request:
                start = time.perf_counter()
                images = synthesis(w.repeat(request["batch"], 1))
                (127.5 * images + 128).clamp(0, 255).to(torch.uint8).cpu()
                print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
                continue
            start, before = time.perf_counter(), time.process_time()
            image = synthesis(w)
            spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - before}
            if "image" in request:
                image[0].numpy().tofile(request["image"])
            print(json.dumps(spent), flush=True)


main()
