import Engine
import Testing
import Text

@testable import Serving

@Suite("Golden requests")
struct GoldenRequestTests {
    /// Why an answer is refused; nil if it agrees.
    private static func difference(
        _ type: ElementType,
        expected: String,
        actual: [UInt8],
        shape: [Int64]? = nil,
        actualShape: [Int64]? = nil,
        atol: String = "0",
        rtol: String = "0"
    ) throws -> String? {
        let width = type.byteCount ?? 1
        let flat = [Int64(actual.count / width)]
        let json = """
            {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}],
             "outputs": [{"name": "y", "datatype": "\(type.name)",
                          "shape": \(shape ?? flat), "data": \(expected)}],
             "atol": \(atol), "rtol": \(rtol)}
            """
        let request = try GoldenRequest(path: "g.json", text: json)
        let output = OutputTensor(
            name: "y",
            type: type,
            shape: actualShape ?? shape ?? flat,
            bytes: actual
        )
        do {
            try request.check([output])
            return nil
        } catch {
            return error.description
        }
    }

    private static func bytes<T: BitwiseCopyable>(_ values: T...) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
    }

    private static func strings(_ values: [[UInt8]], shape: [Int64]) -> [UInt8] {
        values.flatMap { bytes(UInt32($0.count)) + $0 }
    }

    private static func refusal(_ json: String) throws -> String {
        let failure = #expect(throws: GoldenRequest.Failure.self) {
            try GoldenRequest(path: "g.json", text: json)
        }
        return failure?.description ?? ""
    }

    @Test("Names are the very bytes of the file")
    func spellings() throws {
        let (composed, decomposed) = ("gr\u{F6}\u{DF}e", "gro\u{308}\u{DF}e")
        let tensors = [composed, decomposed].map {
            "{\"name\": \"\($0)\", \"datatype\": \"FP32\", \"shape\": [1], \"data\": [1]}"
        }.joined(separator: ", ")
        let json = "{\"inputs\": [\(tensors)], \"outputs\": [\(tensors)]}"
        let request = try GoldenRequest(path: "g.json", text: json)
        let names = [ExactString(composed), ExactString(decomposed)]
        #expect(request.inputs.map(\.name) == names)
        #expect(request.expected.map(\.name) == names)
        #expect(!BatchShape.agree([request.inputs[0]], [request.inputs[1]]))
    }

    @Test("without a tolerance only the very value agrees")
    func exact() throws {
        let actual = Self.bytes(Float(1), 0.1)
        #expect(try Self.difference(.fp32, expected: "[1, 0.1]", actual: actual) == nil)
        #expect(
            try Self.difference(.fp32, expected: "[1, 0.10000001]", actual: actual)
                == "golden request g.json: output 'y', element 1: 0.1, expected 0.10000001"
        )
        // One value, two signs.
        #expect(try Self.difference(.fp32, expected: "[0.0]", actual: Self.bytes(-Float(0))) == nil)
    }

    @Test(
        "a difference up to atol + rtol * |expected| agrees, and one past it does not",
        arguments: [
            (100.0, "100.5", "0.5", "0", true), (100.0, "100.5", "0.25", "0", false),
            (-100.0, "-100.5", "0.5", "0", true), (8.0, "16", "0", "0.5", true),
            // It is the expected value that counts.
            (16.0, "8", "0", "0.5", false), (16.0, "8", "0", "1", true),
            (8.0, "-16", "0", "1.5", true), (13.0, "16", "1", "0.125", true),
            (12.75, "16", "1", "0.125", false), (1.0, "0", "0", "1", false),
        ]
    )
    func tolerance(
        _ actual: Double,
        _ expected: String,
        _ atol: String,
        _ rtol: String,
        _ agrees: Bool
    ) throws {
        let difference = try Self.difference(
            .fp64,
            expected: "[\(expected)]",
            actual: Self.bytes(actual),
            atol: atol,
            rtol: rtol
        )
        #expect((difference == nil) == agrees)
    }

    @Test(
        "what is not finite agrees with itself alone, at any tolerance",
        arguments: [
            (Double.nan, "\"NaN\"", true), (.infinity, "\"Infinity\"", true),
            (-.infinity, "\"-Infinity\"", true), (.infinity, "\"-Infinity\"", false),
            (.nan, "\"Infinity\"", false), (.infinity, "\"NaN\"", false), (1, "\"NaN\"", false),
            (.nan, "1", false), (1, "\"Infinity\"", false), (.infinity, "1", false),
            (-.greatestFiniteMagnitude, "\"-Infinity\"", false),
        ]
    )
    func notFinite(_ actual: Double, _ expected: String, _ agrees: Bool) throws {
        for (atol, rtol) in [("0", "0"), ("1e300", "0"), ("1", "1e300")] {
            let difference = try Self.difference(
                .fp64,
                expected: "[\(expected)]",
                actual: Self.bytes(actual),
                atol: atol,
                rtol: rtol
            )
            #expect((difference == nil) == agrees)
        }
    }

    @Test("a NaN is a NaN, whatever its bits")
    func nanBits() throws {
        let actual = Self.bytes(UInt32(0xFFC0_0001))
        #expect(try Self.difference(.fp32, expected: "[\"NaN\"]", actual: actual) == nil)
    }

    @Test("integers that a double cannot tell apart are told apart")
    func largeIntegers() throws {
        let above = Self.bytes(Int64(9_007_199_254_740_993))
        #expect(
            try Self.difference(.int64, expected: "[9007199254740992]", actual: above)
                == "golden request g.json: output 'y', element 0: 9007199254740993, expected "
                + "9007199254740992"
        )
        #expect(
            try Self.difference(.int64, expected: "[9007199254740992]", actual: above, atol: "1")
                == nil
        )
        let most = Self.bytes(UInt64.max)
        let next = "[18446744073709551614]"
        #expect(try Self.difference(.uint64, expected: next, actual: most) != nil)
        #expect(try Self.difference(.uint64, expected: next, actual: most, atol: "1") == nil)
        let least = Self.bytes(Int64.min)
        #expect(
            try Self.difference(
                .int64,
                expected: "[9223372036854775807]",
                actual: least,
                atol: "1e19"
            )
                != nil
        )
        #expect(try Self.difference(.int8, expected: "[-3]", actual: [0xFC], atol: "1") == nil)
    }

    @Test("short floats are compared by value", arguments: [ElementType.fp16, .bf16])
    func shortFloats(_ type: ElementType) throws {
        let actual = type == .fp16 ? Self.bytes(Float16(1.5)) : [0xC0, 0x3F]
        #expect(try Self.difference(type, expected: "[1.5]", actual: actual) == nil)
        #expect(try Self.difference(type, expected: "[1.75]", actual: actual, atol: "0.25") == nil)
        #expect(
            try Self.difference(type, expected: "[1.75]", actual: actual, atol: "0.125")
                == "golden request g.json: output 'y', element 0: 1.5, expected 1.75"
        )
    }

    @Test("BOOLs know no tolerance")
    func bools() throws {
        #expect(try Self.difference(.bool, expected: "[true, false]", actual: [1, 0]) == nil)
        #expect(
            try Self.difference(.bool, expected: "[true, true]", actual: [1, 0], atol: "2")
                == "golden request g.json: output 'y', element 1: false, expected true"
        )
    }

    @Test("strings are compared byte for byte")
    func strings() throws {
        func difference(_ expected: String, _ actual: [UInt8]) throws -> String? {
            try Self.difference(
                .bytes,
                expected: expected,
                actual: Self.strings([actual], shape: [1]),
                shape: [1],
                atol: "1e9"
            )
        }
        #expect(try difference(#"["é"]"#, [0xC3, 0xA9]) == nil)
        #expect(try difference(#"[{"b64": "/wA="}]"#, [0xFF, 0]) == nil)
        #expect(try difference(#"[""]"#, []) == nil)
        #expect(
            try difference(#"["positive"]"#, Array("negative".utf8))
                == "golden request g.json: output 'y', element 0: \"negative\", expected "
                + "\"positive\""
        )
        // The same to look at, composed and not: other bytes.
        #expect(try difference(#"["\u00e9"]"#, [0x65, 0xCC, 0x81]) != nil)
        #expect(try difference(#"["a"]"#, [0xFF])?.hasSuffix("base64 /w==, expected \"a\"") == true)
    }

    @Test("the shape and the type have to be the ones that are expected")
    func shapes() throws {
        let six = [UInt8](0..<6)
        let text = "[0, 1, 2, 3, 4, 5]"
        #expect(
            try Self.difference(.uint8, expected: text, actual: six, shape: [2, 3]) == nil
        )
        #expect(
            try Self.difference(
                .uint8,
                expected: text,
                actual: six,
                shape: [2, 3],
                actualShape: [3, 2]
            ) == "golden request g.json: output 'y' is UINT8 [3, 2], expected UINT8 [2, 3]"
        )
        #expect(try Self.difference(.uint8, expected: "[]", actual: [], shape: [0, 3]) == nil)
        #expect(
            try Self.difference(
                .uint8,
                expected: "[]",
                actual: [],
                shape: [0, 3],
                actualShape: [0, 4]
            ) != nil
        )
        #expect(try Self.difference(.uint8, expected: "7", actual: [7], shape: []) == nil)
    }

    @Test("an answer that lacks an output is refused")
    func outputs() throws {
        let json = """
            {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}],
             "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [1]}]}
            """
        let request = try GoldenRequest(path: "g.json", text: json)
        let failure = #expect(throws: GoldenRequest.Failure.self) { try request.check([]) }
        #expect(failure?.description == "golden request g.json: 0 outputs, expected 1")
    }

    private static let tensor = #"[{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]"#

    @Test(
        "a malformed file is refused, and the place is named",
        arguments: [
            ("{", "line 1, column 2: a member name was expected"),
            ("[]", "an object was expected"),
            ("{\"inputs\": T, \"outputs\": T, \"tolerance\": 1}", "unknown key 'tolerance'"),
            ("{\"outputs\": T}", "'inputs' is no list of tensors"),
            ("{\"inputs\": T}", "'outputs' is no list of tensors"),
            ("{\"inputs\": [], \"outputs\": T}", "'inputs' is no list of tensors"),
            ("{\"inputs\": {}, \"outputs\": T}", "'inputs' is no list of tensors"),
            ("{\"inputs\": T, \"outputs\": [1]}", "outputs[0]: 'name' is missing"),
            (
                "{\"inputs\": T, \"outputs\": T, \"atol\": -1}",
                "'atol' is no finite number of at least 0"
            ),
            (
                "{\"inputs\": T, \"outputs\": T, \"rtol\": 1e999}",
                "'rtol' is no finite number of at least 0"
            ),
            (
                "{\"inputs\": T, \"outputs\": T, \"rtol\": \"1\"}",
                "'rtol' is no finite number of at least 0"
            ),
        ]
    )
    func malformed(_ json: String, _ reason: String) throws {
        let json = json.replacing("T", with: Self.tensor)
        #expect(try Self.refusal(json) == "golden request g.json: " + reason)
    }

    @Test(
        "a malformed tensor is refused, and the place is named",
        arguments: [
            (#"{"datatype": "FP32", "shape": [1], "data": [1]}"#, "'name' is missing"),
            (#"{"name": "x", "shape": [1], "data": [1]}"#, "'datatype' is missing or unknown"),
            (
                #"{"name": "x", "datatype": "fp32", "shape": [1], "data": [1]}"#,
                "'datatype' is missing or unknown"
            ),
            (#"{"name": "x", "datatype": "FP32", "data": [1]}"#, "'shape' is missing"),
            (
                #"{"name": "x", "datatype": "FP32", "shape": [-1], "data": [1]}"#,
                "'shape' holds something that is no size"
            ),
            (
                #"{"name": "x", "datatype": "FP32", "shape": [1.0], "data": [1]}"#,
                "'shape' holds something that is no size"
            ),
            (#"{"name": "x", "datatype": "FP32", "shape": [1]}"#, "'data' is missing"),
            (
                #"{"name": "x", "datatype": "FP32", "shape": [2], "data": [1]}"#,
                "1 elements, expected 2 for shape [2]"
            ),
            (
                #"{"name": "x", "datatype": "BOOL", "shape": [1], "data": [1]}"#,
                "a number where BOOL was expected"
            ),
        ]
    )
    func malformedTensor(_ tensor: String, _ reason: String) throws {
        let json = "{\"inputs\": \(Self.tensor), \"outputs\": [\(tensor)]}"
        #expect(try Self.refusal(json) == "golden request g.json: outputs[0]: " + reason)
    }

    @Test("a byte order mark and carriage returns are accepted")
    func foreignEditors() throws {
        let json = """
            {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}],
             "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [2]}]}
            """
        let text = "\u{FEFF}" + json.replacing("\n", with: "\r\n")
        let request = try GoldenRequest(path: "g.json", text: text)
        #expect(request.inputs.count == 1 && request.expected.count == 1)
    }
}
