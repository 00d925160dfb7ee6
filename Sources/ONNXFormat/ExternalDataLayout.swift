import CNNModels
import CNNTensors

/// Which tensors of a model go to a file beside it, and where in that file each lies.
final class ExternalDataLayout {
    /// The file's name, in the model's folder.
    let fileName: String
    /// Tensors of at least this many bytes go there.
    let threshold: Int
    /// What was placed since the start, in order.
    private(set) var places: [Place] = []
    private(set) var end = 0

    /// ONNX recommends multiples of a page, so that each tensor can be mapped on its own.
    static let alignment = 4096

    struct Place {
        let fileName: String
        let offset: Int
        let tensor: Tensor

        /// What `TensorProto.external_data` says.
        var entries: [MetadataEntry] {
            [
                MetadataEntry(key: "location", value: fileName), MetadataEntry(key: "offset", value: "\(offset)"),
                MetadataEntry(key: "length", value: "\(tensor.byteCount)"),
            ]
        }
    }

    init(fileName: String, threshold: Int) {
        self.fileName = fileName
        self.threshold = threshold
    }

    /// Forgets all places: the same tensors in the same order get the same ones again.
    func restart() {
        places = []
        end = 0
    }

    /// The tensor's place in the file, or nil if it stays in the model.
    func place(_ tensor: Tensor) -> Place? {
        guard tensor.dataType != .string, tensor.byteCount >= max(threshold, 1) else { return nil }
        let offset = (end + Self.alignment - 1) / Self.alignment * Self.alignment
        let place = Place(fileName: fileName, offset: offset, tensor: tensor)
        places.append(place)
        end = offset + tensor.byteCount
        return place
    }
}
