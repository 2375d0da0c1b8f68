import Engine
import Testing

@Suite("Element types")
struct ElementTypeTests {
    @Test("numbers, names and sizes are the Open Inference Protocol's")
    func table() {
        let expected: [(ElementType, Int32, String, Int?)] = [
            (.bool, 1, "BOOL", 1), (.uint8, 2, "UINT8", 1), (.uint16, 3, "UINT16", 2),
            (.uint32, 4, "UINT32", 4), (.uint64, 5, "UINT64", 8), (.int8, 6, "INT8", 1),
            (.int16, 7, "INT16", 2), (.int32, 8, "INT32", 4), (.int64, 9, "INT64", 8),
            (.fp16, 10, "FP16", 2), (.fp32, 11, "FP32", 4), (.fp64, 12, "FP64", 8),
            (.bytes, 13, "BYTES", nil), (.bf16, 14, "BF16", 2),
        ]
        #expect(expected.map(\.0) == ElementType.allCases)
        for (type, number, name, byteCount) in expected {
            #expect(type.rawValue == number)
            #expect(ElementType(rawValue: number) == type)
            #expect(type.name == name)
            #expect(ElementType(name: name) == type)
            #expect(type.byteCount == byteCount)
        }
    }

    @Test("other names are no types", arguments: ["", "fp32", "FLOAT", "FP8", "BYTES "])
    func otherNames(name: String) {
        #expect(ElementType(name: name) == nil)
    }
}
