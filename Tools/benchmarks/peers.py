"""The other runtimes, each driven in the way that its makers recommend for latency on a CPU, in float32.

Imported by the process that runs one of them on one model; nothing here may load what that run does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Protocol, Sequence, Type

import numpy as np


@dataclass(frozen=True)
class Job:
    """One model for one runtime."""

    model: str
    #: ncnn's two files, for ncnn only.
    converted: Optional[tuple[str, str]]
    feeds: Mapping[str, np.ndarray]
    outputs: Sequence[str]
    threads: int


class Peer(Protocol):
    """Construction loads the model and prepares it; `run` computes every output of the whole batch."""

    def __init__(self, job: Job) -> None: ...

    def run(self) -> None: ...

    def results(self) -> dict[str, np.ndarray]:
        """The outputs of the last run."""
        ...


class OnnxRuntime:
    """Inputs are bound once, so that a run has no more Python in it than a call."""

    def __init__(self, job: Job) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = job.threads, 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(job.model, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        for name, array in job.feeds.items():
            self.binding.bind_cpu_input(name, array)
        self.outputs = job.outputs
        for name in job.outputs:
            self.binding.bind_output(name, "cpu")

    def run(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def results(self) -> dict[str, np.ndarray]:
        return dict(zip(self.outputs, self.binding.copy_outputs_to_cpu(), strict=True))


class OpenVINO:
    """Without the hint for float32 OpenVINO computes in bfloat16 where the processor can."""

    def __init__(self, job: Job) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(job.model)
        model.reshape({name: list(array.shape) for name, array in job.feeds.items()})
        settings = {
            "INFERENCE_NUM_THREADS": job.threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.request = core.compile_model(model, "CPU", settings).create_infer_request()
        for name, array in job.feeds.items():
            self.request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
        self.outputs = job.outputs

    def run(self) -> None:
        self.request.infer(share_outputs=True)

    def results(self) -> dict[str, np.ndarray]:
        return {name: self.request.get_tensor(name).data.copy() for name in self.outputs}


class NCNN:
    """ncnn has no batch: the images of one run one by one. Half precision, its default, is off."""

    def __init__(self, job: Job) -> None:
        import ncnn

        if job.converted is None:
            raise ValueError("no converted model was given")
        parameters, weights = job.converted
        self.net = ncnn.Net()
        option = self.net.opt
        option.num_threads = job.threads
        option.use_fp16_packed = option.use_fp16_storage = option.use_fp16_arithmetic = False
        option.use_bf16_storage = False
        if self.net.load_param(parameters) != 0 or self.net.load_model(weights) != 0:
            raise ValueError("ncnn does not load the model that pnnx made")
        self.batch = max(array.shape[0] for array in job.feeds.values())
        self.images = [[ncnn.Mat(array[index]) for array in job.feeds.values()] for index in range(self.batch)]
        self.outputs = job.outputs
        self.last: list[list[Any]] = []

    def run(self) -> None:
        self.last = [self._one(image) for image in self.images]

    def _one(self, image: list[Any]) -> list[Any]:
        extractor = self.net.create_extractor()
        for position, mat in enumerate(image):
            extractor.input(f"in{position}", mat)
        found = [extractor.extract(f"out{position}") for position in range(len(self.outputs))]
        for code, _ in found:
            if code != 0:
                raise ValueError(f"ncnn ends with code {code}")
        return [mat for _, mat in found]

    def results(self) -> dict[str, np.ndarray]:
        return {
            name: np.stack([np.array(image[position]) for image in self.last]) for position, name in enumerate(self.outputs)
        }


class Tract:
    """Its Python package offers no threads: a run stays on one core."""

    def __init__(self, job: Job) -> None:
        import tract

        types = {
            "float32": "f32",
            "float64": "f64",
            "int32": "i32",
            "int64": "i64",
            "uint8": "u8",
            "int8": "i8",
            "bool": "bool",
        }
        model = tract.onnx().load(job.model)
        names = [model.input_name(position) for position in range(model.input_count())]
        for position, name in enumerate(names):
            array = job.feeds[name]
            fact = ",".join([*map(str, array.shape), types[str(array.dtype)]])
            model.set_input_fact(position, fact)
        self.model = model.into_model().into_runnable()
        self.feeds = [job.feeds[name] for name in names]
        self.outputs = job.outputs
        self.last: Sequence[Any] = []

    def run(self) -> None:
        self.last = self.model.run(self.feeds)

    def results(self) -> dict[str, np.ndarray]:
        return {name: tensor.to_numpy() for name, tensor in zip(self.outputs, self.last, strict=True)}


#: By the name of the package to import.
PEERS: dict[str, Type[Peer]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVINO, "ncnn": NCNN, "tract": Tract}
