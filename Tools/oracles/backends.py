"""The programs that can make a reference: each evaluates a model and gives its tensors under their ONNX names."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Mapping

import numpy as np
import onnx

from oracles.reference_run import (
    ReferenceError,
    evaluate,
    intermediate_names,
    open_session,
    run,
    with_all_outputs,
)

#: Takes: path of the model, its structure without external data, the inputs, whether every layer is wanted, threads.
Backend = Callable[[Path, onnx.ModelProto, Mapping[str, np.ndarray], bool, int], "tuple[dict[str, np.ndarray], dict[str, str]]"]


def wanted_names(model: onnx.ModelProto, layers: bool) -> "list[str]":
    outputs = [output.name for output in model.graph.output]
    return list(dict.fromkeys(intermediate_names(model) + outputs)) if layers else outputs


@contextmanager
def saved_beside(path: Path, model: onnx.ModelProto) -> "Iterator[str]":
    """A changed model in a file; one with external data must stand beside it, so that the relative paths still hold."""
    external = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
    with tempfile.NamedTemporaryFile(dir=path.parent if external else None, prefix=".reference-", suffix=".onnx") as file:
        file.write(model.SerializeToString())
        file.flush()
        yield file.name


def by_onnxruntime(path, model, feeds, layers, threads):
    """ONNX Runtime with its optimisations off: nothing is fused, every tensor exists."""
    import onnxruntime

    versions = {"onnxruntime": onnxruntime.__version__}
    if not layers:
        return evaluate(path, feeds, threads=threads), versions
    with saved_beside(path, with_all_outputs(model)) as copy:
        session = open_session(copy, threads)
        available = {output.name for output in session.get_outputs()}
        chosen = [name for name in wanted_names(model, layers) if name in available]
        return dict(zip(chosen, run(session, chosen, feeds))), versions


def by_onnx(path, model, feeds, layers, threads):
    """ONNX's own reference evaluator: the specification as NumPy code, slow."""
    from onnx.reference import ReferenceEvaluator

    whole = onnx.load(str(path))
    names = wanted_names(model, layers)
    try:
        results = ReferenceEvaluator(with_all_outputs(whole) if layers else whole).run(names, dict(feeds))
    except Exception as error:  # The evaluator lets NumPy's own errors through.
        raise ReferenceError(f"ONNX's reference evaluator can't run the model: {error}") from error
    return {name: np.asarray(result) for name, result in zip(names, results)}, {"onnx": onnx.__version__}


def by_openvino(path, model, feeds, layers, threads):
    """OpenVINO's CPU plugin in float32. It keeps ONNX's tensor names; what it has folded away is left out."""
    try:
        import openvino
    except ImportError as error:
        raise ReferenceError("--backend openvino needs the package: pip install openvino") from error
    try:
        network = openvino.Core().read_model(str(path))
        present = {name for operation in network.get_ops() for port in operation.outputs() for name in port.get_names()}
        given = {output.name for output in model.graph.output}
        for name in wanted_names(model, layers):
            if name in present and name not in given:
                network.add_outputs(name)
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        compiled = openvino.Core().compile_model(network, "CPU", settings)
        results = compiled(dict(feeds))
    except Exception as error:  # OpenVINO raises RuntimeError and its own classes.
        raise ReferenceError(f"OpenVINO can't run the model: {error}") from error
    found = {name: results[port] for port in compiled.outputs for name in port.get_names()}
    names = [name for name in wanted_names(model, layers) if name in found]
    return {name: np.array(found[name]) for name in names}, {"openvino": openvino.__version__}


def by_torch(path, model, feeds, layers, threads):
    """The graph node by node on PyTorch's operators."""
    try:
        import torch

        from oracles import torch_interpreter
    except ImportError as error:
        raise ReferenceError("--backend torch needs PyTorch: 'Tools/python-environment --torch' installs it") from error
    computed = torch_interpreter.evaluate(onnx.load(str(path)), feeds, threads)
    return {name: computed[name] for name in wanted_names(model, layers) if name in computed}, {"torch": torch.__version__}


BACKENDS: "dict[str, Backend]" = {
    "onnxruntime": by_onnxruntime,
    "onnx": by_onnx,
    "openvino": by_openvino,
    "torch": by_torch,
}
