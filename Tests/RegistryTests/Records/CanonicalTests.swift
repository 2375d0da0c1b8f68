import Foundation
import Testing
import Text

@testable import Registry

@Suite("Canonical JSON")
struct CanonicalTests {
    private func text(_ value: CanonicalValue) -> String {
        String(decoding: value.encoded(), as: UTF8.self)
    }

    @Test("keys are sorted by code point, without spaces, and a slash is not escaped")
    func encoding() {
        let value = CanonicalValue.object([
            "b": .integer(-5), "a/b": .string("x/y"), "é": .array([]), "e\u{302}": .integer(0),
            "\u{FF5E}": .integer(1), "\u{1F600}": .integer(2), "B": .object([:]),
        ])
        #expect(
            text(value)
                == "{\"B\":{},\"a/b\":\"x/y\",\"b\":-5,\"e\u{302}\":0,\"é\":[],\"\u{FF5E}\":1,\"\u{1F600}\":2}"
        )
    }

    @Test("control characters are escaped in the one short way")
    func escapes() {
        #expect(
            text(.string("\u{0}\u{8}\t\n\u{B}\u{C}\r\u{1F}\"\\\u{7F}"))
                == "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\\u{7F}\""
        )
    }

    @Test("what is encoded is read back, and Foundation reads the same")
    func roundTrip() throws {
        let value = CanonicalValue.object([
            "a": .array([.integer(.max), .integer(.min), .integer(0)]),
            "b": .string("\u{1}π\"\\/\n"), "": .object(["": .string("")]),
        ])
        #expect(try CanonicalParser.parse(value.encoded()) == value)
        let object = try JSONSerialization.jsonObject(with: Data(value.encoded()))
        let dictionary = try #require(object as? [String: Any])
        #expect(dictionary["b"] as? String == "\u{1}π\"\\/\n")
    }

    @Test(
        "anything that the encoder would not have written is refused",
        arguments: [
            "", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}",
            "{\"a\" :1}", " 1", "1 ", "01", "+1", "-0", "1.0", "1e3", "true", "null", "\"\\/\"",
            "\"\\u0041\"", "\"\\u000A\"", "\"\\u000a\"", "\"\\u001F\"", "\"\\u00\"", "\"a",
            "\"\n\"",
            "9223372036854775808", "[1 ,2]", "{1:2}", "[[[[[[[[[1]]]]]]]]]", "-", "--1", "1-1",
        ]
    )
    func refused(text: String) {
        #expect(throws: CanonicalParser.Failure.self) {
            try CanonicalParser.parse(Array(text.utf8))
        }
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        #expect(throws: CanonicalParser.Failure.self) {
            try CanonicalParser.parse([0x22, 0xFF, 0x22])
        }
    }

    @Test("every single-byte change is refused, or reads as what encodes to the same bytes")
    func flips() throws {
        let bytes = CanonicalValue.object([
            "a": .array([.integer(12), .string("x\n")]), "b": .object(["c": .integer(-3)]),
        ]).encoded()
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = byte
                guard let value = try? CanonicalParser.parse(changed) else { continue }
                #expect(value.encoded() == changed)
            }
        }
    }
}
