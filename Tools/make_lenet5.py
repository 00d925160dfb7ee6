#!/usr/bin/env python3
"""Makes Fixtures/lenet5 again: trains LeNet-5 on scikit-learn's handwritten digits and exports it to ONNX.

    .venv/bin/python Tools/make_lenet5.py          (after Tools/python-environment --torch)

The topology is LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11),
1998, fig. 2: C1 6@28x28, S2, C3 16@10x10, S4, C5 120@1x1, F6 84, 10 outputs, on a 32x32 field. Adapted as is usual today:
rectifiers for the scaled hyperbolic tangent, maximum for the trainable subsampling, C3 connected to all maps of S2, a
linear output layer for the radial basis functions. Everything is seeded and runs on one thread; another processor or
PyTorch version may still round otherwise, so the files are what counts and this script says where they come from.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from oracles.reference_run import evaluate
from sklearn.datasets import load_digits
from torch import nn

SEED = 1998
EPOCHS = 60
BATCH = 32
HELD_OUT = 360  # The last fifth of the set in its own order; a shuffled split would be easier.
KEPT = 20  # Held-out images that are stored as the example input: 20 x 4 KB.


class LeNet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, 10)
        self.s2 = nn.MaxPool2d(2)
        self.s4 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.relu = nn.ReLU()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.s2(self.relu(self.c1(image)))
        maps = self.s4(self.relu(self.c3(maps)))
        features = self.flatten(self.relu(self.c5(maps)))
        return self.output(self.relu(self.f6(features)))


def images_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    """All 1,797 digits as [N, 1, 32, 32] in the paper's value range, and their classes [N].

    8x8 becomes 24x24 by bilinear interpolation, centred on the 32x32 field; the background is -0.1 and full ink 1.175,
    which the paper chose for a mean near 0 and a variance near 1.
    """
    digits = load_digits()
    ink = torch.from_numpy(digits.images.astype(np.float32) / 16.0).unsqueeze(1)
    large = nn.functional.interpolate(ink, size=(24, 24), mode="bilinear", align_corners=False)
    field = nn.functional.pad(large, (4, 4, 4, 4))
    return field * 1.275 - 0.1, torch.from_numpy(digits.target.astype(np.int64))


def shifted(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by up to four pixels, the width of its empty margin: 1,437 digits are few."""
    moves = torch.randint(-4, 5, (len(images), 2), generator=generator).tolist()
    return torch.stack([image.roll((down, right), dims=(1, 2)) for image, (down, right) in zip(images, moves)])


def train(network: LeNet5, images: torch.Tensor, labels: torch.Tensor) -> None:
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    network.train()
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(images), generator=generator).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(shifted(images[chosen], generator)), labels[chosen]).backward()
            optimizer.step()
        schedule.step()
    network.eval()


def export(network: LeNet5, path: Path) -> None:
    """Writes the model by PyTorch's older exporter: it keeps Flatten, and records no source paths of this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, 1, 32, 32),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    onnx.checker.check_model(str(path), full_check=True)


def main() -> int:
    default = Path(__file__).resolve().parent.parent / "Fixtures" / "lenet5"
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("-o", "--output", type=Path, default=default, help="folder to write (default: Fixtures/lenet5)")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, labels = images_and_labels()
    network = LeNet5()
    train(network, images[:-HELD_OUT], labels[:-HELD_OUT])
    export(network, folder / "model.onnx")

    held_out, classes = images[-HELD_OUT:].numpy(), labels[-HELD_OUT:].numpy()
    logits = evaluate(folder / "model.onnx", {"image": held_out})["logits"]
    with torch.no_grad():
        difference = np.abs(logits - network(images[-HELD_OUT:]).numpy()).max()
    right = int((logits.argmax(axis=1) == classes).sum())

    example = np.ascontiguousarray(held_out[:KEPT])
    np.save(folder / "input.npy", example)
    np.save(folder / "out.npy", evaluate(folder / "model.onnx", {"image": example})["logits"])
    np.save(folder / "labels.npy", classes[:KEPT])

    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"held-out accuracy {right}/{HELD_OUT} = {right / HELD_OUT:.1%}")
    print(f"max difference between PyTorch and ONNX Runtime on them: {difference:.2e}")
    print(f"{folder}: {size} bytes in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
