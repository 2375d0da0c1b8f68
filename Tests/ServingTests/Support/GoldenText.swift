@testable import Serving

extension GoldenRequest {
    /// Reads a golden file that is held as text.
    init(path: String, text: some StringProtocol) throws(Failure) {
        let bytes = Array(text.utf8)
        try self.init(path: path, json: bytes.span.bytes)
    }
}
