internal import Glibc

/// A name as the runtime takes it at every run: made once, when the model is loaded.
@safe
final class CName: @unchecked Sendable {
    // Unchecked: the text is never written after `init`.

    /// The address of a C string.
    typealias Address = UnsafePointer<CChar>

    /// The C string.
    let start: UnsafeMutablePointer<CChar>

    /// Copies a C string.
    @unsafe
    init(copying text: Address) {
        let byteCount = unsafe strlen(text) + 1
        unsafe start = .allocate(capacity: byteCount)
        unsafe start.initialize(from: text, count: byteCount)
    }

    deinit { unsafe start.deallocate() }

    /// The text; nil if it is not UTF-8.
    var text: String? { unsafe String(validatingCString: start) }
}
