// swift-tools-version: 6.1
import PackageDescription

// The kernels are one folder compiled once per instruction set (CNNKernelsAVX2 and CNNKernelsAVX512 are links to it);
// CNNKernelSelection picks one table of entry points at start. Bounds and overflow checks are off there and nowhere else.
let unchecked = SwiftSetting.unsafeFlags(["-Ounchecked"])
#if arch(x86_64)
    let instructionSets: [Target] = [
        .target(
            name: "CNNKernelsAVX2", dependencies: ["CNNKernelTable", "CCPUFeatures"],
            swiftSettings: [
                unchecked, .define("KERNELS_AVX2"),
                .unsafeFlags(["-Xcc", "-mavx2", "-Xcc", "-mfma", "-Xcc", "-mf16c"]),
            ]),
        .target(
            name: "CNNKernelsAVX512", dependencies: ["CNNKernelTable", "CCPUFeatures"],
            swiftSettings: [
                unchecked, .define("KERNELS_AVX512"),
                .unsafeFlags([
                    "-Xcc", "-mavx512f", "-Xcc", "-mavx512vl", "-Xcc", "-mavx512dq", "-Xcc", "-mavx512bw", "-Xcc", "-mfma",
                    "-Xcc", "-mf16c",
                ]),
            ]),
    ]
#else
    let instructionSets: [Target] = []
#endif
let instructionSetDependencies = instructionSets.map { Target.Dependency.target(name: $0.name) }

/// The modules of the umbrella.
let kit: [Target.Dependency] = [
    "CNNTensors", "CNNModels", "CNNOperators", "ONNXFormat", "CNNRuntime", "CNNVerification", "CNNInspection", "CNNZoo",
]

let package = Package(
    name: "onnxcnn",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "ONNXCNNKit", targets: ["ONNXCNNKit"]),
        .executable(name: "onnxcnn", targets: ["OnnxcnnTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.1")
    ],
    targets: [
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev", "pkg-config"]), .brew(["protobuf-c", "pkg-config"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev", "pkg-config"]), .brew(["zlib", "pkg-config"])]),
        .target(name: "CONNX", dependencies: ["CProtobufC"], exclude: ["onnx.proto"]),
        .target(name: "CNNTensors", dependencies: ["CZlib"]),
        .target(name: "CNNModels", dependencies: ["CNNTensors"]),
        .target(
            name: "CNNOperators", dependencies: ["CNNModels", "CNNTensors", "CNNKernelTable", "CNNKernelSelection"]),
        .target(name: "ONNXFormat", dependencies: ["CONNX", "CProtobufC", "CNNModels", "CNNTensors"]),
        .target(name: "CCPUFeatures"),
        .target(name: "CNNKernelTable"),
        .target(name: "CNNKernels", dependencies: ["CNNKernelTable", "CCPUFeatures"], swiftSettings: [unchecked]),
        .target(
            name: "CNNKernelSelection",
            dependencies: ["CNNKernelTable", "CNNKernels", "CCPUFeatures"] + instructionSetDependencies),
        .target(
            name: "CNNRuntime",
            dependencies: [
                "CNNOperators", "CNNModels", "CNNTensors", "CNNKernelTable", "CNNKernelSelection", "CCPUFeatures",
            ]),
        .target(name: "CNNTextTables"),
        .target(
            name: "CNNVerification",
            dependencies: ["ONNXFormat", "CNNRuntime", "CNNOperators", "CNNModels", "CNNTensors", "CNNTextTables"]),
        .target(name: "CNNInspection", dependencies: ["CNNOperators", "CNNModels", "CNNTensors", "CNNTextTables"]),
        .target(name: "CNNZoo", dependencies: ["CNNOperators", "CNNModels", "CNNTensors"]),
        .target(name: "ONNXCNNKit", dependencies: kit),
        // All that it imports by name: a target is compiled again only if one of those has changed.
        .executableTarget(
            name: "OnnxcnnTool",
            dependencies: ["ONNXCNNKit", .product(name: "ArgumentParser", package: "swift-argument-parser")] + kit),
        .testTarget(name: "CNNKernelsTests", dependencies: ["CNNKernelTable", "CNNKernelSelection"]),
        .testTarget(name: "CNNInspectionTests", dependencies: ["CNNInspection"]),
        .testTarget(name: "ONNXFormatTests", dependencies: ["ONNXFormat", "CNNModels", "CNNTensors"]),
        .testTarget(
            name: "CNNRuntimeTests",
            dependencies: ["CNNRuntime", "CNNOperators", "CNNModels", "CNNTensors", "CNNKernelTable", "CNNKernelSelection"]),
        .testTarget(name: "CNNTensorsTests", dependencies: ["CNNTensors"]),
        .testTarget(name: "CNNTextTablesTests", dependencies: ["CNNTextTables"]),
        .testTarget(
            name: "CNNVerificationTests",
            dependencies: [
                "CNNVerification", "ONNXFormat", "CNNRuntime", "CNNZoo", "CNNOperators", "CNNModels", "CNNTensors",
            ]),
        .testTarget(name: "CNNModelsTests", dependencies: ["CNNModels", "CNNTensors"]),
        .testTarget(name: "CNNZooTests", dependencies: ["CNNZoo", "CNNModels", "CNNOperators", "CNNTensors"]),
        .testTarget(
            name: "OnnxcnnToolTests",
            dependencies: [
                "OnnxcnnTool", "ONNXFormat", "CNNModels", "CNNTensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(name: "CNNOperatorsTests", dependencies: ["CNNOperators", "CNNModels", "CNNTensors"]),
    ] + instructionSets,
    swiftLanguageModes: [.v6]
)
