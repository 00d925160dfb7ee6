import Testing

@testable import OnnxcnnTool

@Suite("A number of bytes on the command line")
struct ByteCountTests {
    @Test(
        "may have a unit",
        arguments: zip(
            ["0", "1500000", "64K", "64k", "512M", "2G", "1T"],
            [0, 1_500_000, 65_536, 65_536, 536_870_912, 2_147_483_648, 1_099_511_627_776]))
    func unit(_ text: String, _ bytes: Int) {
        #expect(ByteCount(argument: text)?.bytes == bytes)
    }

    @Test("is refused if it is none", arguments: ["", "M", "-1", "+1", "1.5G", "1 G", "12Q", "9999999999999G", "1KK", "٣"])
    func refusal(_ text: String) {
        #expect(ByteCount(argument: text) == nil)
    }
}
