import Testing

@testable import CNNTextTables

@Suite("Text tables")
struct TextTableTests {
    @Test("columns are aligned, numbers at their end, and empty columns left out")
    func alignment() {
        var table = TextTable([.text("Name"), .number("Count"), .fixed("Nothing"), .fixed("Last")])
        table.append(["a", "1", "", "x"])
        table.append(["longer", "1,000"])
        #expect(
            table.lines() == [
                "Name    Count  Last",
                "───────────────────",
                "a           1  x",
                "longer  1,000",
            ])
    }

    @Test("the widest text column is shortened in its middle until the lines fit")
    func shortening() {
        var table = TextTable([.text("Name", minimumWidth: 4), .number("N")])
        table.append(["abcdefghijklmnop", "1"])
        #expect(table.lines(width: 12).allSatisfy { DisplayText.width($0) <= 12 })
        // Four columns of the name are the least, even where that is too wide.
        #expect(table.lines(width: 3).last == "ab…p  1")
    }

    @Test("columns that may be are left out, the lowest order first, when shortening is not enough")
    func dropping() {
        var table = TextTable([
            .text("Name", minimumWidth: 4), .number("First").droppable(2), .number("Second").droppable(1), .number("Kept"),
        ])
        table.append(["abcdefgh", "1", "2", "3"])
        #expect(table.rendering(width: 29).omittedTitles == [])
        #expect(table.rendering(width: 25).lines.last == "ab…h      1       2     3")
        #expect(table.rendering(width: 24).omittedTitles == ["Second"])
        #expect(table.rendering(width: 10).omittedTitles == ["First", "Second"])
        #expect(table.rendering(width: 10).lines.last == "ab…h     3")
        #expect(table.rendering().width == 29)
    }

    @Test("wide and combining characters take the columns that a terminal gives them")
    func displayWidth() {
        #expect(DisplayText.width("abc") == 3)
        #expect(DisplayText.width("日本") == 4)
        #expect(DisplayText.width("e\u{301}") == 1)
        #expect(DisplayText.width("🙂") == 2)
        #expect(DisplayText.width("×…─") == 3)
        #expect(DisplayText.padded("日", to: 4, right: false) == "日  ")
    }

    @Test("what a terminal would obey is not passed on")
    func printable() {
        #expect(DisplayText.printable("conv1") == "conv1")
        #expect(DisplayText.printable("a\u{1B}[31mb\n\u{7}") == "a�[31mb��")
        #expect(DisplayText.printable("x\u{202E}y") == "x�y")
        #expect(DisplayText.printable("größe/日本") == "größe/日本")
    }

    @Test("names are shortened from the middle")
    func shortened() {
        #expect(DisplayText.shortened("abcdef", to: 6) == "abcdef")
        #expect(DisplayText.shortened("abcdef", to: 5) == "ab…ef")
        #expect(DisplayText.shortened("abcdef", to: 1) == "…")
        #expect(DisplayText.width(DisplayText.shortened("日本語日本語", to: 8)) <= 8)
    }
}

@Suite("Numbers as text")
struct NumberTextTests {
    @Test(
        "three significant digits with an exponent",
        arguments: [
            (0.0, "0"), (1, "1.00e+00"), (-1234.5, "-1.23e+03"), (0.00000191, "1.91e-06"), (9.996, "1.00e+01"),
            (9.994, "9.99e+00"),
            (1e100, "1.00e+100"), (.leastNonzeroMagnitude, "5.00e-324"), (123456, "1.23e+05"), (0.5, "5.00e-01"),
            (.infinity, "inf"),
            (.nan, "nan"),
        ] as [(Double, String)])
    func scientific(value: Double, text: String) {
        #expect(NumberText.scientific(value) == text)
    }

    @Test("digits in groups of three, bytes in units of 1,024, fixed digits behind the point")
    func others() {
        #expect(NumberText.grouped(0) == "0")
        #expect(NumberText.grouped(-1_234_567) == "-1,234,567")
        #expect(NumberText.bytes(1023) == "1023 B")
        #expect(NumberText.bytes(1536) == "1.5 KiB")
        #expect(NumberText.bytes(574 << 20) == "574.0 MiB")
        #expect(NumberText.fixed(0.99999995, digits: 7) == "1.0000000")
        #expect(NumberText.fixed(-0.25, digits: 3) == "-0.250")
        #expect(NumberText.fixed(-0.0001, digits: 2) == "0.00")
    }
}
