"""Other programs that compute a model, for references that are right. Each gives None where it is not installed or refuses."""

from __future__ import annotations

import subprocess
import tempfile
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Callable, Mapping, Optional

import numpy as np
import onnx
import onnxruntime

Outputs = Optional["dict[str, np.ndarray]"]


def onnxruntime_plain(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> Outputs:
    return _onnxruntime(model, feeds, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)


def onnxruntime_optimised(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> Outputs:
    return _onnxruntime(model, feeds, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)


def _onnxruntime(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray], level: object) -> Outputs:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds))))


def openvino(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> Outputs:
    try:
        import openvino as ov
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, str(path))
        compiled = ov.Core().compile_model(
            ov.Core().read_model(str(path)), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        )
    result = compiled(dict(feeds))
    return {name: result[index] for index, name in enumerate(output.name for output in model.graph.output)}


def ncnn(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> Outputs:
    """ncnn, after pnnx has translated the model; half precision off on both sides. One image at a time."""
    try:
        import ncnn as runtime
    except ImportError:
        return None
    ((_, x),) = feeds.items()
    files = _translated(model.SerializeToString(), x.shape)
    if files is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        parameters, weights = Path(folder) / "m.param", Path(folder) / "m.bin"
        parameters.write_bytes(files[0])
        weights.write_bytes(files[1])
        net = runtime.Net()
        for half in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
            setattr(net.opt, f"use_{half}", False)
        net.opt.num_threads = 1
        if net.load_param(str(parameters)) or net.load_model(str(weights)):
            return None
        extractor = net.create_extractor()
        extractor.input("in0", runtime.Mat(np.ascontiguousarray(x[0])).clone())
        code, out = extractor.extract("out0")
        if code:
            return None
        (output,) = model.graph.output
        shape = [dimension.dim_value or 1 for dimension in output.type.tensor_type.shape.dim]
        array = np.array(out, dtype=np.float32)
        return {output.name: array.reshape(shape)} if array.size == np.prod(shape) else None


@lru_cache(maxsize=64)
def _translated(model: bytes, shape: "tuple[int, ...]") -> "Optional[tuple[bytes, bytes]]":
    # Importing its package would load PyTorch; what is wanted is the program in it.
    found = util.find_spec("pnnx")
    if found is None or not found.submodule_search_locations:
        return None
    pnnx = Path(found.submodule_search_locations[0]) / "pnnx"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.onnx").write_bytes(model)
        sizes = ",".join(str(size) for size in (1, *shape[1:]))
        done = subprocess.run(
            [str(pnnx), "m.onnx", f"inputshape=[{sizes}]", "fp16=0"], cwd=folder, capture_output=True, timeout=120, check=False
        )
        files = [Path(folder) / f"m.ncnn.{end}" for end in ("param", "bin")]
        if done.returncode or not all(file.exists() for file in files):
            return None
        return files[0].read_bytes(), files[1].read_bytes()


BACKENDS: "dict[str, Callable[[onnx.ModelProto, Mapping[str, np.ndarray]], Outputs]]" = {
    "onnxruntime": onnxruntime_plain,
    "onnxruntime-optimised": onnxruntime_optimised,
    "openvino": openvino,
    "ncnn": ncnn,
}
