#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains our two models of handwritten digits and writes them in Etch's native format.

    /usr/bin/python3 models/train_digits.py [digits_mlp] [digits_cnn] [samples] [--data FOLDER] [--out FOLDER]

The data are MNIST's idx files: 60,000 training images, 2,000 of them for calibration, 5,000 test images. Training is in
float32 with Debian's python3-torch, one thread, fixed seeds. Quantisation is done here in NumPy: int8 activations with one
scale per tensor, symmetric int8 weights (per output channel for convolutions, per tensor for fully connected layers), int32
biases; the scales come from the calibration images. The integer arithmetic of TensorFlow Lite (double rounding) is repeated
in NumPy, so that the accuracy printed is that of the integer model. `samples` draws digits of our own for the demo.
"""
import argparse
import gzip
import json
import pathlib
import struct
import time
import zlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent / "shared/corpus/data_mnist/derived"


def read_idx(path):
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    extents = struct.unpack(">%dI" % rank, raw[4:4 + 4 * rank])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(extents)


def load(folder, name):
    return read_idx(folder / (name + "-images-idx3-ubyte.gz")), read_idx(folder / (name + "-labels-idx1-ubyte.gz")).astype(np.int64)


# ---------------------------------------------------------------- float training


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = torch.nn.Linear(784, 256), torch.nn.Linear(256, 256), torch.nn.Linear(256, 10)

    def forward(self, x):
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.1, self.training)
        return self.fc3(F.dropout(F.relu(self.fc2(x)), 0.1, self.training))

    def layers(self):
        return [dict(name=name, op="FullyConnected", relu=name != "fc3",
                     w=getattr(self, name).weight.detach().numpy(), b=getattr(self, name).bias.detach().numpy())
                for name in ("fc1", "fc2", "fc3")]


class Cnn(torch.nn.Module):
    """Three 3x3 convolutions, each with 2x2 max pooling; 935,000 multiply-accumulates, 12.5 KB of weights."""
    channels = (1, 12, 24, 32)

    def __init__(self):
        super().__init__()
        pairs = list(zip(self.channels, self.channels[1:]))
        self.conv = torch.nn.ModuleList(torch.nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in pairs)
        self.norm = torch.nn.ModuleList(torch.nn.BatchNorm2d(o) for _, o in pairs)
        self.fc = torch.nn.Linear(3 * 3 * self.channels[-1], 10)

    def forward(self, x):
        for conv, norm in zip(self.conv, self.norm):
            x = F.max_pool2d(F.relu(norm(conv(x))), 2)
        return self.fc(F.dropout(x.permute(0, 2, 3, 1).flatten(1), 0.1, self.training))

    def layers(self):
        """Batch normalisation is folded into weights and bias; weights become OHWI."""
        out = []
        for index, (conv, norm) in enumerate(zip(self.conv, self.norm)):
            factor = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
            w = (conv.weight.detach() * factor[:, None, None, None]).permute(0, 2, 3, 1).contiguous().numpy()
            b = (norm.bias.detach() - norm.running_mean * factor).numpy()
            out.append(dict(name="conv%d" % (index + 1), op="Conv2D", relu=True, w=w, b=b))
            out.append(dict(name="pool%d" % (index + 1), op="MaxPool2D"))
        out.append(dict(name="fc", op="FullyConnected", relu=False, w=self.fc.weight.detach().numpy(), b=self.fc.bias.detach().numpy()))
        return out


def distort(x, generator, degrees, stretch, shift):
    """A random rotation, scale, shear and shift of every image."""
    n = x.shape[0]
    uniform = lambda amount: (torch.rand(n, generator=generator) * 2 - 1) * amount
    angle, shear = uniform(np.pi * degrees / 180), uniform(0.15)
    sx, sy = 1 + uniform(stretch), 1 + uniform(stretch)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = torch.cos(angle) * sx, -torch.sin(angle) * sy + shear
    theta[:, 1, 0], theta[:, 1, 1] = torch.sin(angle) * sx, torch.cos(angle) * sy
    theta[:, 0, 2], theta[:, 1, 2] = uniform(shift / 14), uniform(shift / 14)
    return F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)


def train(model, images, labels, epochs, batch, rate, distortion):
    x = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    y = torch.from_numpy(labels)
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-3)
    steps = (len(x) + batch - 1) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, epochs=epochs, steps_per_epoch=steps)
    for epoch in range(epochs):
        model.train()
        started, total = time.time(), 0.0
        # The last two epochs see the images as they are: the statistics of the normalisation settle on real ones.
        amount = distortion if epoch < epochs - 2 else None
        for rows in torch.randperm(len(x), generator=generator).split(batch):
            xb = distort(x[rows], generator, *amount) if amount else x[rows]
            loss = F.cross_entropy(model(xb), y[rows], label_smoothing=0.02)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(rows)
        print("epoch %2d  loss %.4f  %.0f s" % (epoch + 1, total / len(x), time.time() - started), flush=True)
    model.eval()


def float_accuracy(model, images, labels):
    with torch.no_grad():
        logits = model(torch.from_numpy(images.astype(np.float32) / 255)[:, None])
    return float((logits.argmax(1).numpy() == labels).mean())


# ---------------------------------------------------------------- TensorFlow Lite's integer arithmetic


def quantise_multiplier(value):
    """QuantizeMultiplier: value = multiplier * 2^(shift - 31)."""
    fraction, shift = np.frexp(value)
    multiplier = int(np.floor(fraction * 2.0**31 + 0.5))
    return (multiplier // 2, int(shift) + 1) if multiplier == 2**31 else (multiplier, int(shift))


def requantise(x, multiplier, shift):
    """MultiplyByQuantizedMultiplier with double rounding: doubling high multiply, then divide by a power of two."""
    x = x.astype(np.int64) << max(shift, 0)
    product = x * multiplier
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.where(nudged >= 0, nudged >> 31, -((-nudged) >> 31))
    exponent = max(-shift, 0)
    mask = (1 << exponent) - 1
    remainder = high & mask
    return (high >> exponent) + (remainder > (mask >> 1) + (high < 0))


def windows(x, pad_value):
    """[n, h, w, 9 * c]: the 3x3 neighbourhood of every pixel, padding SAME."""
    n, h, w, c = x.shape
    padded = np.full((n, h + 2, w + 2, c), pad_value, x.dtype)
    padded[:, 1:-1, 1:-1] = x
    return np.concatenate([padded[:, i:i + h, j:j + w] for i in range(3) for j in range(3)], axis=3)


def pool(x):
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = x[:, :h, :w]
    return np.maximum(np.maximum(x[:, 0::2, 0::2], x[:, 0::2, 1::2]), np.maximum(x[:, 1::2, 0::2], x[:, 1::2, 1::2]))


def run_float(layers, x):
    for layer in layers:
        if layer["op"] == "MaxPool2D":
            x = pool(x)
            continue
        w = layer["w"].reshape(len(layer["w"]), -1).T
        x = (windows(x, 0) if layer["op"] == "Conv2D" else x.reshape(len(x), -1)) @ w + layer["b"]
        x = np.maximum(x, 0) if layer["relu"] else x
        layer["low"] = min(layer.get("low", 0.0), float(x.min()))
        layer["high"] = max(layer.get("high", 0.0), float(x.max()))
    return x


def run_int8(layers, q):
    """Logits of int8 images. Products and sums stay below 2^53, so that float64 matrix products are exact."""
    for layer in layers:
        if layer["op"] == "MaxPool2D":
            q = pool(q)
            continue
        zero = layer["input_zero_point"]
        x = windows(q, zero) if layer["op"] == "Conv2D" else q.reshape(len(q), -1)
        w = layer["qw"].reshape(len(layer["qw"]), -1).astype(np.float64)
        acc = ((x.astype(np.float64) - zero) @ w.T).astype(np.int64) + layer["qb"]
        out = np.empty(acc.shape, np.int64)
        for channel in range(acc.shape[-1]):
            scale = float(layer["w_scale"][channel % len(layer["w_scale"])])
            multiplier, shift = quantise_multiplier(float(layer["input_scale"]) * scale / float(layer["scale"]))
            out[..., channel] = requantise(acc[..., channel], multiplier, shift)
        low = layer["zero_point"] if layer["relu"] else -128
        q = np.clip(out + layer["zero_point"], low, 127).astype(np.int8)
    return q


def quantise(layers, calibration):
    run_float(layers, calibration)
    scale, zero = np.float32(1 / 255), -128
    for layer in layers:
        if layer["op"] == "MaxPool2D":
            layer.update(scale=scale, zero_point=zero)
            continue
        layer.update(input_scale=scale, input_zero_point=zero)
        rows = layer["w"].reshape(len(layer["w"]), -1)
        largest = np.abs(rows).max(1) if layer["op"] == "Conv2D" else np.abs(rows).max(keepdims=True).reshape(1)
        layer["w_scale"] = np.maximum(largest / 127, 1e-8).astype(np.float32)
        shape = [-1] + [1] * (layer["w"].ndim - 1)
        layer["qw"] = np.clip(np.rint(layer["w"] / layer["w_scale"].reshape(shape)), -127, 127).astype(np.int8)
        layer["b_scale"] = (layer["w_scale"].astype(np.float64) * scale).astype(np.float32)
        layer["qb"] = np.rint(layer["b"] / layer["b_scale"].astype(np.float64)).astype(np.int64)
        scale = np.float32((layer["high"] - layer["low"]) / 255)
        zero = int(np.clip(np.rint(-128 - layer["low"] / scale), -128, 127))
        layer.update(scale=scale, zero_point=zero)


# ---------------------------------------------------------------- the native format


def number(value):
    return float("%.9g" % value)


class Blob:
    def __init__(self):
        self.data, self.tensors = bytearray(), {}

    def add(self, name, array, scale):
        self.data += bytes(-len(self.data) % 16)
        raw = np.ascontiguousarray(array).tobytes()
        entry = dict(dtype=str(array.dtype), shape=list(array.shape), offset=len(self.data), bytes=len(raw))
        self.tensors[name] = dict(entry, scale=[number(s) for s in scale], axis=0) if len(scale) > 1 else \
            dict(entry, scale=number(scale[0]), zero_point=0)
        self.data += raw


def write_native(folder, name, layers, provenance):
    blob, nodes, current = Blob(), [], "image"
    flat = layers[0]["op"] == "FullyConnected"
    for layer in layers:
        node = dict(name=layer["name"], op=layer["op"], inputs=[current], outputs=[layer["name"] + "/out"])
        if layer["op"] == "MaxPool2D":
            node["attributes"] = dict(filter=[2, 2], stride=[2, 2], padding="valid")
        else:
            if layer["op"] == "Conv2D":
                node["attributes"] = dict(stride=[1, 1], padding="same", activation="relu")
            elif not flat:
                nodes.append(dict(name="flatten", op="Reshape", inputs=[current], outputs=["flatten/out"],
                                  attributes=dict(shape=[1, layer["w"].shape[1]])))
                blob.tensors["flatten/out"] = dict(dtype="int8", scale=number(layer["input_scale"]), zero_point=layer["input_zero_point"])
                node["inputs"] = ["flatten/out"]
            if layer["op"] == "FullyConnected":
                node["attributes"] = dict(activation="relu" if layer["relu"] else "none")
            blob.add(layer["name"] + "/w", layer["qw"], layer["w_scale"])
            blob.add(layer["name"] + "/b", layer["qb"].astype(np.int32), layer["b_scale"])
            node["inputs"] += [layer["name"] + "/w", layer["name"] + "/b"]
        nodes.append(node)
        current = layer["name"] + "/out"
        blob.tensors[current] = dict(dtype="int8", scale=number(layer["scale"]), zero_point=layer["zero_point"])
    nodes.append(dict(name="softmax", op="Softmax", inputs=[current], outputs=["probabilities"], attributes=dict(beta=1.0)))
    blob.tensors["probabilities"] = dict(dtype="int8", scale=1 / 256, zero_point=-128)
    data = bytes(blob.data)
    model = dict(etch=1, name=name,
                 inputs=[dict(name="image", dtype="int8", shape=[1, 784] if flat else [1, 28, 28, 1], scale=number(1 / 255), zero_point=-128)],
                 outputs=["probabilities"], labels=[str(d) for d in range(10)], nodes=nodes, tensors=blob.tensors,
                 weights=dict(file=name + ".bin", bytes=len(data), crc32="%08x" % zlib.crc32(data)), provenance=provenance)
    (folder / (name + ".bin")).write_bytes(data)
    (folder / (name + ".json")).write_text(pretty(model) + "\n")


def pretty(model):
    """One node, one tensor a line."""
    def block(key, value):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "%s: [\n%s\n  ]" % (json.dumps(key), ",\n".join("    " + json.dumps(v) for v in value))
        if key == "tensors":
            return "%s: {\n%s\n  }" % (json.dumps(key), ",\n".join("    %s: %s" % (json.dumps(k), json.dumps(v)) for k, v in value.items()))
        return "%s: %s" % (json.dumps(key), json.dumps(value))
    return "{\n" + ",\n".join("  " + block(k, v) for k, v in model.items()) + "\n}"


# ---------------------------------------------------------------- samples: digits that we draw ourselves


def arc(cx, cy, rx, ry, start, end, count=24):
    t = np.radians(np.linspace(start, end, count))
    return [(cx + rx * np.cos(a), cy + ry * np.sin(a)) for a in t]


# Strokes on a 20 x 20 sheet, y downwards.
STROKES = {
    0: [arc(10, 10, 6, 9, 0, 360)],
    1: [[(7, 5), (11, 1), (11, 19)]],
    2: [arc(10, 6, 5.5, 5, 190, 370) + [(14, 10), (4.5, 18.5), (16, 18.5)]],
    3: [arc(9, 5.8, 5.5, 4.8, 200, 440) + arc(9, 14.2, 6, 4.8, 280, 520)],
    4: [[(12, 1), (4, 12.5), (17, 12.5)], [(12.5, 7), (12.5, 19)]],
    5: [[(15, 1.5), (6.5, 1.5), (5.5, 9)] + arc(9.5, 13, 6, 5.6, 225, 500)],
    6: [[(13.5, 1), (8, 6)] + arc(10.2, 13.5, 5.2, 5.2, 200, 560)],
    7: [[(4, 2), (16, 2), (9, 19)]],
    8: [arc(10, 5.6, 4.3, 4.6, 0, 360), arc(10, 14.4, 5.2, 4.6, 0, 360)],
    9: [arc(10, 6.3, 5, 5.3, 0, 360), [(15, 6.3), (14, 19)]],
}


def draw(digit, slant, pen):
    """28 x 28 pixels with soft edges, the centre of mass in the middle as in MNIST."""
    points = []
    for stroke in STROKES[digit]:
        for (x0, y0), (x1, y1) in zip(stroke, stroke[1:]):
            steps = max(2, int(8 * np.hypot(x1 - x0, y1 - y0)))
            points += [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in np.linspace(0, 1, steps)]
    points = np.array(points)
    points[:, 0] += slant * (10 - points[:, 1])
    ink = lambda p: np.clip(pen + 0.5 - np.sqrt(((np.indices((28, 28)).reshape(2, -1).T[:, None, ::-1] - p) ** 2).sum(2)).min(1), 0, 1)
    image = ink(points + 4).reshape(28, 28)
    rows, columns = np.indices((28, 28))
    shift = np.rint([13.5 - (columns * image).sum() / image.sum(), 13.5 - (rows * image).sum() / image.sum()])
    return np.rint(255 * ink(points + 4 + shift).reshape(28, 28)).astype(np.uint8)


def write_samples(folder):
    folder.mkdir(exist_ok=True)
    images = [(digit, draw(digit, slant, pen)) for slant, pen in ((0.0, 1.25), (0.22, 1.0)) for digit in range(10)]
    for index, (digit, image) in enumerate(images):
        (folder / ("digit_%02d_label_%d.bin" % (index, digit))).write_bytes((image.astype(np.int16) - 128).astype(np.int8).tobytes())
    return np.stack([image for _, image in images]), np.array([digit for digit, _ in images])


# ---------------------------------------------------------------- the two recipes

RECIPES = {
    "digits_mlp": dict(model=Mlp, epochs=16, batch=128, rate=2e-3, distortion=(8, 0.08, 1.5), goal=0.975),
    "digits_cnn": dict(model=Cnn, epochs=12, batch=128, rate=6e-3, distortion=(12, 0.12, 2.0), goal=0.988),
}


def make(name, arguments, samples):
    recipe = RECIPES[name]
    torch.manual_seed(7)
    torch.set_num_threads(1)
    images, labels = load(arguments.data, "train")
    test_images, test_labels = load(arguments.data, "t10k-first5000")
    calibration, _ = load(arguments.data, "train2000")
    model = recipe["model"]()
    train(model, images, labels, recipe["epochs"], recipe["batch"], recipe["rate"], recipe["distortion"])
    accuracy = float_accuracy(model, test_images, test_labels)
    layers = model.layers()
    quantise(layers, calibration.astype(np.float32)[..., None] / 255)
    integers = lambda x: (x.astype(np.int16) - 128).astype(np.int8)[..., None]
    int8 = float((run_int8(layers, integers(test_images)).argmax(1) == test_labels).mean())
    own = float((run_int8(layers, integers(samples[0])).argmax(1) == samples[1]).mean())
    print("%s: float32 %.4f, int8 %.4f, own samples %.2f" % (name, accuracy, int8, own), flush=True)
    assert int8 >= recipe["goal"], "below the goal of %.3f" % recipe["goal"]
    write_native(arguments.out, name, layers, {
        "script": "models/train_digits.py", "data": "MNIST, 60,000 training images", "licence": "MIT-0",
        "accuracy": "float32 %.4f, int8 %.4f on the first 5,000 test images" % (accuracy, int8)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="*", default=["digits_mlp", "digits_cnn", "samples"])
    parser.add_argument("--data", type=pathlib.Path, default=DATA)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    arguments = parser.parse_args()
    samples = write_samples(arguments.out / "samples")
    for name in arguments.what:
        if name != "samples":
            make(name, arguments, samples)


if __name__ == "__main__":
    main()
