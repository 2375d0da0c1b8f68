import Engine
import JSON
import Testing

@Suite("Tensors in JSON")
struct TensorJSONTests {
    private static func decode(
        _ text: String,
        _ type: ElementType,
        shape: [Int64]? = nil
    ) throws -> TensorJSON.Content {
        try TensorJSON.decode(JSONValue(parsing: text), type: type, shape: shape)
    }

    private static func failure(
        _ text: String,
        _ type: ElementType,
        shape: [Int64]? = nil
    ) throws -> String {
        let failure = #expect(throws: TensorJSON.Failure.self) {
            try decode(text, type, shape: shape)
        }
        return failure?.description ?? ""
    }

    @Test(
        "elements of every type are written and read back",
        arguments: [
            (ElementType.bool, "[true, false]", [1, 0]),
            (.uint8, "[0, 255]", [0, 255]),
            (.int8, "[-128, 127]", [0x80, 0x7F]),
            (.uint16, "[0, 65535]", [0, 0, 0xFF, 0xFF]),
            (.int16, "[-32768, 258]", [0, 0x80, 2, 1]),
            (.uint32, "[4294967295]", [0xFF, 0xFF, 0xFF, 0xFF]),
            (.int32, "[-2147483648, 1]", [0, 0, 0, 0x80, 1, 0, 0, 0]),
            (.uint64, "[18446744073709551615]", [UInt8](repeating: 0xFF, count: 8)),
            (.int64, "[-9223372036854775808]", [0, 0, 0, 0, 0, 0, 0, 0x80]),
            (.int64, "[9007199254740993]", [1, 0, 0, 0, 0, 0, 0x20, 0]),
            (.fp16, "[1.0, -2.0, 65504.0]", [0, 0x3C, 0, 0xC0, 0xFF, 0x7B]),
            (.bf16, "[1.0, -2.0]", [0x80, 0x3F, 0, 0xC0]),
            (.fp32, "[0.1, -0.0]", [0xCD, 0xCC, 0xCC, 0x3D, 0, 0, 0, 0x80]),
            (.fp64, "[0.1]", [0x9A, 0x99, 0x99, 0x99, 0x99, 0x99, 0xB9, 0x3F]),
            (.bytes, #"["", "é"]"#, [0, 0, 0, 0, 2, 0, 0, 0, 0xC3, 0xA9]),
            (.bytes, #"[{"b64": "/wA="}]"#, [2, 0, 0, 0, 0xFF, 0]),
        ] as [(ElementType, String, [UInt8])]
    )
    func roundTrip(_ type: ElementType, _ text: String, _ bytes: [UInt8]) throws {
        #expect(try Self.decode(text, type).bytes == bytes)
        let elements = try TensorJSON.elements(of: bytes, type: type)
        #expect(JSONValue.array(elements).text == text)
    }

    @Test(
        "what is not finite is a string, in every floating-point type",
        arguments: [ElementType.fp16, .bf16, .fp32, .fp64]
    )
    func notFinite(_ type: ElementType) throws {
        let text = #"["NaN", "Infinity", "-Infinity"]"#
        let content = try Self.decode(text, type)
        #expect(
            JSONValue.array(try TensorJSON.elements(of: content.bytes, type: type)).text == text
        )
        for other in [#"["nan"]"#, #"["inf"]"#, #"["1.0"]"#, "[null]", "[true]"] {
            #expect(throws: TensorJSON.Failure.self) { try Self.decode(other, type) }
        }
    }

    @Test(
        "numbers past a type's range are refused",
        arguments: [
            (ElementType.uint8, "256"), (.uint8, "-1"), (.int8, "128"), (.int8, "-129"),
            (.uint16, "65536"), (.int16, "32768"), (.uint32, "4294967296"),
            (.int32, "-2147483649"), (.uint64, "18446744073709551616"),
            (.int64, "9223372036854775808"), (.int64, "1.5"), (.int64, "1e3"), (.fp16, "65520"),
            (.bf16, "3.4e38"), (.fp32, "3.5e38"), (.fp32, "-1e999"), (.fp64, "1e309"),
        ]
    )
    func range(_ type: ElementType, _ text: String) throws {
        #expect(try Self.failure(text, type).contains(text))
    }

    @Test(
        "a number is rounded once, to the nearest and to even",
        arguments: [
            // Halfway between 1 and the next one, a little above it, and halfway to the one after.
            ("1.00390625", 0x3F80), ("1.003906250001", 0x3F81), ("1.003906249999", 0x3F80),
            ("1.01171875", 0x3F82), ("-1.003906250001", 0xBF81), ("3.3895e38", 0x7F7F),
            ("1e-45", 0), ("9.2e-41", 1),
        ]
    )
    func bfloat16(_ text: String, _ bits: Int) throws {
        let bytes = try Self.decode(text, .bf16).bytes
        #expect(bytes == [UInt8(bits & 0xFF), UInt8(bits >> 8)])
    }

    @Test("a number just past the middle of two FP32s goes up, however many digits say so")
    func fp32RoundsOnce() throws {
        let bytes = try Self.decode("1.000000059604644775390625000001", .fp32).bytes
        #expect(bytes == [1, 0, 0x80, 0x3F])
        let even = try Self.decode("1.000000059604644775390625", .fp32).bytes
        #expect(even == [0, 0, 0x80, 0x3F])
    }

    @Test(
        "an element of another kind is refused",
        arguments: [
            (ElementType.bool, "1"), (.bool, "\"true\""), (.uint8, "true"), (.int64, "\"1\""),
            (.fp32, "true"), (.fp32, "{}"), (.bytes, "1"), (.bytes, "null"), (.bytes, "{}"),
            (.bytes, #"{"b64": 1}"#), (.bytes, #"{"b64": "Zg"}"#),
            (.bytes, #"{"b64": "Zg==", "a": 1}"#), (.bytes, #"{"a": "Zg=="}"#),
        ]
    )
    func kind(_ type: ElementType, _ text: String) throws {
        #expect(try Self.failure(text, type).hasSuffix("where \(type.name) was expected"))
    }

    @Test(
        "the nesting says the shape",
        arguments: [
            ("5", []), ("[5]", [1]), ("[1, 2, 3]", [3]), ("[[1, 2], [3, 4], [5, 6]]", [3, 2]),
            ("[[[1]], [[2]]]", [2, 1, 1]), ("[]", [0]), ("[[], []]", [2, 0]),
            ("[[[]]]", [1, 1, 0]),
        ] as [(String, [Int64])]
    )
    func nesting(_ text: String, _ shape: [Int64]) throws {
        #expect(try Self.decode(text, .uint8).shape == shape)
        #expect(try Self.decode(text, .uint8, shape: shape).shape == shape)
    }

    @Test(
        "rows that differ in length or depth are refused",
        arguments: [
            "[[1, 2], [3]]", "[[1], [2, 3]]", "[1, [2]]", "[[1], 2]", "[[], [1]]", "[[1], []]",
            "[[], 1]", "[[[]], []]", "[[], [[]]]", "[[[1], [2]], [[3]]]", "[[[1, 2]], [[3], [4]]]",
        ]
    )
    func ragged(_ text: String) throws {
        let expected = "the rows of the data differ in length or depth"
        #expect(try Self.failure(text, .uint8) == expected)
    }

    @Test(
        "flat data is of any shape that has as many elements",
        arguments: [
            ("[1, 2, 3, 4, 5, 6]", [2, 3]), ("[1, 2]", [1, 2, 1]), ("[7]", []), ("7", [1, 1]),
            ("[]", [0, 3]), ("[]", [3, 0]), ("[]", [2, 0, 5]), ("[[], []]", [2, 0, 3]),
        ] as [(String, [Int64])]
    )
    func flat(_ text: String, _ shape: [Int64]) throws {
        #expect(try Self.decode(text, .uint8, shape: shape).shape == shape)
    }

    @Test(
        "data that does not agree with its shape is refused",
        arguments: [
            ("[1, 2, 3]", [2, 2], "3 elements, expected 4 for shape [2, 2]"),
            ("[]", [1], "0 elements, expected 1 for shape [1]"),
            ("[1]", [0], "1 elements, expected 0 for shape [0]"),
            ("[]", [], "0 elements, expected 1 for shape []"),
            (
                "[[1, 2, 3], [4, 5, 6]]", [3, 2],
                "the nesting of the data does not agree with shape [3, 2]"
            ),
            ("[[], []]", [3, 0], "the nesting of the data does not agree with shape [3, 0]"),
            ("[1]", [-1], "[-1] is not a shape"),
            ("[1]", [.max, 2], "[9223372036854775807, 2] is not a shape"),
        ] as [(String, [Int64], String)]
    )
    func disagreeing(_ text: String, _ shape: [Int64], _ reason: String) throws {
        #expect(try Self.failure(text, .uint8, shape: shape) == reason)
    }

    @Test("bytes that hold no whole elements are refused")
    func broken() {
        #expect(throws: TensorJSON.Failure.self) {
            try TensorJSON.elements(of: [1, 2, 3], type: .fp32)
        }
        let elements: [[UInt8]] = [[1], [1, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0, 65]]
        for bytes in elements + [[0xFF, 0xFF, 0xFF, 0xFF, 65]] {
            #expect(throws: TensorJSON.Failure.self) {
                try TensorJSON.elements(of: bytes, type: .bytes)
            }
        }
    }
}
