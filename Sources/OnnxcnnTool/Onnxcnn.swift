import ArgumentParser
@main struct Onnxcnn: ParsableCommand {}
