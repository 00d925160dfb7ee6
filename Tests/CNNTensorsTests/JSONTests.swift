import Testing

@testable import CNNTensors

@Suite("JSON text")
struct JSONTests {
    @Test("every kind of value is read and written back as the same text")
    func roundTrip() throws {
        let text = #"{"a":[1,-2,0.5,1e+300,true,false,null],"":{},"b":"\"\\\n\t\u0001 ä😀","c":[[],[{}]]}"#
        #expect(try JSON(parsing: text).text() == text)
    }

    @Test("escapes stand for the characters of RFC 8259, section 7")
    func escapes() throws {
        #expect(try JSON(parsing: #" "\u00e4\ud83d\ude00\/\b\f\r" "#) == .string("ä😀/\u{8}\u{c}\r"))
    }

    @Test("numbers that fit in 64 bits stay whole, others become Double")
    func numbers() throws {
        #expect(try JSON(parsing: "9223372036854775807") == .integer(.max))
        #expect(try JSON(parsing: "9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(try JSON(parsing: "-1.5e-3") == .number(-0.0015))
        #expect(throws: JSONError.self) { try JSON(parsing: "1e999") }
    }

    @Test(
        "what RFC 8259 does not allow is an error",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "+1", ".5", "1.", "1e", "-", "tru", "nul", "'a'",
            "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{1}\"", "1 2", "[1 2]",
            "{\"a\":1}}", "NaN", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text) }
    }

    @Test("invalid UTF-8 is an error, wherever a string holds it")
    func invalidUTF8() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: JSONError.self) { try bytes.withUnsafeBytes { try JSON(parsing: $0) } }
        }
    }

    @Test("depth is bounded, so that no text can exhaust the stack")
    func depth() throws {
        let limit = JSONScanner.depthLimit
        #expect(throws: Never.self) {
            try JSON(parsing: String(repeating: "[", count: limit) + String(repeating: "]", count: limit))
        }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: limit + 1)) }
    }

    @Test("NaN and infinities, which JSON has not, are written as strings")
    func specialValues() {
        #expect(
            JSON.array([.number(.nan), .number(.infinity), .number(-.infinity)]).text() == #"["NaN","Infinity","-Infinity"]"#)
    }

    @Test("indented text has a line for each member, and lists of plain values on one line")
    func indented() {
        let value: JSON = ["shape": [1, 2], "layers": [["name": "a"], [:]]]
        #expect(
            value.text(indented: true) == """
                {
                  "shape": [1, 2],
                  "layers": [
                    {
                      "name": "a"
                    },
                    {}
                  ]
                }
                """)
    }
}
