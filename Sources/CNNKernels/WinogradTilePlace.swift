/// Walks along the Winograd tiles of all images.
struct TilePlace {
    private(set) var image: Int
    /// The tile's first output pixel.
    private(set) var top: Int
    private(set) var left: Int
    private let size: Int
    private let width: Int
    private let height: Int

    init(_ tile: Int, _ shape: WinogradShape, size: Int) {
        let (image, inImage) = tile.quotientAndRemainder(dividingBy: shape.tilesPerImage)
        let (row, column) = inImage.quotientAndRemainder(dividingBy: shape.tileColumns)
        self.image = image
        self.size = size
        top = row * size
        left = column * size
        width = shape.tileColumns * size
        height = shape.tilesPerImage / shape.tileColumns * size
    }

    @inline(__always)
    mutating func advance() {
        left += size
        if left < width { return }
        left = 0
        top += size
        if top < height { return }
        top = 0
        image += 1
    }
}
