// The one import of a library user: everything that the modules below promise in public.

@_exported import CNNInspection
@_exported import CNNModels
@_exported import CNNOperators
@_exported import CNNRuntime
@_exported import CNNTensors
@_exported import CNNVerification
@_exported import CNNZoo
@_exported import ONNXFormat
