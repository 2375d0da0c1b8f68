internal import Text

/// A number that is kept beside the keys, as a decimal number and a line feed: somebody who can
/// write the store alone does not change it.
struct KeptNumber: Sendable {
    private static let maxBytes = 64
    let path: String
    /// Its name in messages.
    let name: String
    let folder: StoreFolder

    /// The number in the file; `nil` if there is no file.
    ///
    /// - Throws: `unavailable` for a file that holds anything else.
    func read() throws -> UInt64? {
        guard let text = try folder.readText(path, maxBytes: KeptNumber.maxBytes) else {
            return nil
        }
        guard let value = UInt64(text.dropLast()),
            ExactString(text) == ExactString(KeptNumber.text(value))
        else {
            throw RegistryError(
                .unavailable,
                "the \(name) kept beside the keys is not a number",
                detail: "\(path): expected a decimal number and a line feed"
            )
        }
        return value
    }

    static func text(_ value: UInt64) -> String { "\(value)\n" }
}
