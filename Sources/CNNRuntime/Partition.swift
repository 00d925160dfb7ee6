/// A fixed split of the units of some images (channel blocks, rows, runs of elements …) into parts of nearly equal size: which part
/// does what depends on the sizes alone.
struct Partition: Sendable {
    let images: Int
    /// Units of one image.
    let units: Int
    let parts: Int

    init(images: Int, units: Int, parts: Int) {
        self.images = images
        self.units = units
        self.parts = min(parts, max(images * units, 1))
    }

    /// A split of `count` units that belong to no images.
    init(count: Int, parts: Int) {
        self.init(images: 1, units: count, parts: parts)
    }

    /// Into how many units to cut an image so that there are `parts` of all images.
    static func partsPerImage(_ parts: Int, _ images: Int) -> Int {
        max(1, (parts + max(images, 1) - 1) / max(images, 1))
    }

    /// Calls `body` with every image of a part and the range of its units.
    func forEach(in part: Int, _ body: (_ image: Int, _ units: Range<Int>) -> Void) {
        let range = Self.range(of: images * units, part: part, of: parts)
        var next = range.lowerBound
        while next < range.upperBound {
            let image = next / units
            let end = min((image + 1) * units, range.upperBound)
            body(image, next - image * units..<end - image * units)
            next = end
        }
    }

    /// The units of a part: `count` split into `parts` ranges that differ by one at most.
    static func range(of count: Int, part: Int, of parts: Int) -> Range<Int> {
        let (quotient, remainder) = count.quotientAndRemainder(dividingBy: parts)
        let start = part * quotient + min(part, remainder)
        return start..<start + quotient + (part < remainder ? 1 : 0)
    }
}
