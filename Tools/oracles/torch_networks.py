"""Networks exported by PyTorch on the spot: torchvision's topologies, seeded weights, a dynamic batch axis, both exporters.

Imported only with --torch: it needs the packages of requirements-torch.txt.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision

NAMES = ("alexnet", "vgg16", "resnet18", "densenet121")
#: PyTorch's older exporter traces TorchScript; the newer one goes through torch.export ("dynamo").
EXPORTERS = ("torchscript", "dynamo")
SIZE = 224
#: GoogLeNet's training heads are no part of what runs, and its own initial weights take minutes to draw.
OPTIONS = {"googlenet": {"aux_logits": False, "init_weights": False}}


def network(name: str, seed: int) -> torch.nn.Module:
    """The topology with weights drawn by `seed`, in evaluation mode.

    Weights follow He et al., "Delving deep into rectifiers", 2015: PyTorch's own initial weights shrink activations so
    that AlexNet's output is nearly its last bias, whatever the image. Batch normalisation first sees one seeded batch, so
    that its statistics are those of its input and activations keep their scale through 120 layers, as in a trained network.
    """
    torch.manual_seed(seed)
    model = torchvision.models.get_model(name, weights=None, **OPTIONS.get(name, {}))
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, std=0.1)
    normalizations = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if normalizations:
        for module in normalizations:
            module.momentum = None  # A cumulative average: after one batch, that batch's statistics.
        model.train()
        with torch.no_grad():
            model(torch.randn(4, 3, SIZE, SIZE))
    return model.eval()


def images(batch: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((batch, 3, SIZE, SIZE), dtype=np.float32)


def export(model: torch.nn.Module, path: Path, exporter: str) -> None:
    """Writes `model` with input `image` [batch, 3, 224, 224] and output `logits` [batch, 1000]."""
    example = (torch.zeros(2, 3, SIZE, SIZE),)
    names = {"input_names": ["image"], "output_names": ["logits"]}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            torch.onnx.export(
                model,
                example,
                str(path),
                dynamo=True,
                external_data=False,
                verbose=False,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                **names,
            )
        else:
            axes = {"image": {0: "batch"}, "logits": {0: "batch"}}
            torch.onnx.export(model, example, str(path), dynamo=False, dynamic_axes=axes, **names)
