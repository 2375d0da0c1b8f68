import Engine
import Testing
import Text

@testable import Serving

@Suite("Sizes of a version's files")
struct FileSizeTests {
    private static func refusal(entry: Int, golden: Int, other: Int = 0) -> String? {
        let sizes: [ExactString: UInt64] = [
            "m.onnx": UInt64(entry), "g/1.json": UInt64(golden), "notes.txt": UInt64(other),
        ]
        do throws(Loader.Failure) {
            try Loader.checkSizes(entry: "m.onnx", golden: ["g/1.json"], sizes)
            return nil
        } catch {
            guard case .rejected(let reason, _) = error else { return "it may pass" }
            return reason
        }
    }

    @Test("files up to their limits are taken, and those that nobody loads at any size")
    func taken() {
        let refusal = Self.refusal(
            entry: EngineLimits.maxModelBytes,
            golden: GoldenRequest.maxBytes,
            other: .max
        )
        #expect(refusal == nil)
    }

    @Test("a larger file rejects the version, by name, size and limit")
    func refused() {
        #expect(
            Self.refusal(entry: EngineLimits.maxModelBytes + 1, golden: 0)
                == "file 'm.onnx' has 2147483648 bytes, at most 2147483647 are taken"
        )
        #expect(
            Self.refusal(entry: 1, golden: GoldenRequest.maxBytes + 1)
                == "file 'g/1.json' has 16777217 bytes, at most 16777216 are taken"
        )
    }
}
